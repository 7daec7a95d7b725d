// SPDX-License-Identifier: BSD-3-Clause
// play: sends the syslog datagrams of a capture, or the lines of a text log, over UDP to a
// collector.
//
//   play [--rate N] FILE ADDRESS PORT      N datagrams a second, 0: as fast as the socket takes
//   them
//
// The kernel gives the datagrams this machine's address as their source: what a capture shows of
// senders is lost, and a collector goes by the names in the lines.
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <rte_mbuf.h>

#include "../control/capture.h"
#include "../dataplane/datagram.h"

struct play {
	int socket;
	struct sockaddr_storage to;
	socklen_t to_len;
	uint64_t rate;
	uint64_t n_sent, n_failed, n_passed_over;
};

static int usage(void)
{
	fputs("usage: play [--rate N] FILE ADDRESS PORT\n", stderr);
	return 2;
}

static bool open_socket(struct play *p, const char *address, const char *port)
{
	char *end;
	unsigned long number = strtoul(port, &end, 10);
	struct sockaddr_in *four = (struct sockaddr_in *)&p->to;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&p->to;
	if (*end || number == 0 || number > 65535)
		return false;
	if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)number);
		p->to_len = sizeof(*four);
	} else if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)number);
		p->to_len = sizeof(*six);
	} else {
		return false;
	}
	p->socket = socket(p->to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return p->socket >= 0;
}

static void send_bytes(struct play *p, struct slice bytes)
{
	ssize_t n;
	do {
		n = sendto(
			p->socket, bytes.data, bytes.len, 0, (struct sockaddr *)&p->to, p->to_len);
	} while (n < 0 && (errno == EINTR || errno == ENOBUFS || errno == ECONNREFUSED));
	if (n < 0)
		p->n_failed++;
	else
		p->n_sent++;
}

// The UDP payload of a frame, to whatever port.
static void send_frame(struct play *p, struct slice frame)
{
	static const struct datagram_options any_port = {.accept_partial_checksum = true};
	struct counters counters = {0};
	struct datagram datagram;
	struct rte_mbuf mbuf = {
		.buf_addr = (void *)frame.data,
		.buf_len = (uint16_t)frame.len,
		.data_len = (uint16_t)frame.len,
		.pkt_len = frame.len,
		.nb_segs = 1,
	};
	rte_mbuf_refcnt_set(&mbuf, 1);
	if (frame.len <= UINT16_MAX &&
		datagram_read(NULL, &counters, &any_port, &mbuf, 0, &datagram) == DATAGRAM_READY)
		send_bytes(p, datagram.payload);
	else
		p->n_passed_over++;
}

static void wait_for(const struct play *p, const struct timespec *start)
{
	if (p->rate == 0)
		return;
	uint64_t ns = p->n_sent * 1000000000ull / p->rate;
	struct timespec until = {start->tv_sec + (time_t)(ns / 1000000000),
		start->tv_nsec + (long)(ns % 1000000000)};
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static int play(struct play *p, struct capture *capture)
{
	struct timespec start;
	const struct capture_item *item;
	clock_gettime(CLOCK_MONOTONIC, &start);
	while ((item = capture_peek(capture)) != NULL) {
		if (capture_kind_of(capture) == CAPTURE_PACKETS)
			send_frame(p, item->bytes);
		else
			send_bytes(p, item->bytes);
		capture_take(capture);
		wait_for(p, &start);
	}
	if (capture_error(capture))
		fprintf(stderr, "play: %s: %s\n", capture_path(capture), capture_error(capture));
	printf("%llu datagrams sent\n", (unsigned long long)p->n_sent);
	if (p->n_failed || p->n_passed_over)
		fprintf(stderr, "play: %llu not sent, %llu packets are no datagrams\n",
			(unsigned long long)p->n_failed, (unsigned long long)p->n_passed_over);
	return p->n_failed || capture_error(capture) ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"rate", required_argument, NULL, 'r'}, {0}};
	static const struct logtime_options times;
	struct play p = {.rate = 0};
	char error[256];
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'r')
			return usage();
		p.rate = strtoull(optarg, NULL, 10);
	}
	if (argc - optind != 3 || !open_socket(&p, argv[optind + 1], argv[optind + 2]))
		return usage();
	logtime_set_zone(&times);
	struct capture *capture = capture_open(argv[optind], &times, error, sizeof(error));
	if (capture == NULL) {
		fprintf(stderr, "play: %s: %s\n", argv[optind], error);
		return 1;
	}
	int code = play(&p, capture);
	capture_close(capture);
	close(p.socket);
	return code;
}
