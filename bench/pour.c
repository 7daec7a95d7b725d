// SPDX-License-Identifier: BSD-3-Clause
// pour: sends the lines of a text log over UDP as evenly as it can, as fast as it can: they are in
// memory, and go by sendmmsg() as many at a time as are due.
//
//   pour [--rate N] [--count N] [--lf] FILE ADDRESS PORT
//
// rate   datagrams a second; 0, the default: as fast as the socket takes them
// count  so many, from the start again where the log ends; default: the log once
// lf     each with a line feed behind, for receivers that keep no datagrams apart
//
// Prints how many were sent, in how many seconds.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define WAIT_NS 50000 // how long nothing is sent where nothing is due

struct pour {
	const char *log, *end, *at;
	bool lf;
	int socket;
	uint64_t rate, count;
	struct mmsghdr messages[BATCH];
	struct iovec lines[BATCH];
};

static bool open_log(struct pour *p, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
		return false;
	void *log = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	close(fd);
	if (log == MAP_FAILED)
		return false;
	p->log = p->at = log;
	p->end = p->log + st.st_size;
	return true;
}

static bool open_socket(struct pour *p, const char *address, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	p->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return p->socket >= 0 && inet_pton(AF_INET, address, &to.sin_addr) == 1 &&
	       connect(p->socket, (struct sockaddr *)&to, sizeof(to)) == 0;
}

static uint64_t count_lines(const struct pour *p)
{
	uint64_t n = 0;
	for (const char *at = p->log; at < p->end; n++) {
		const char *feed = memchr(at, '\n', (size_t)(p->end - at));
		at = feed ? feed + 1 : p->end;
	}
	return n;
}

static void next_lines(struct pour *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (p->at == p->end)
			p->at = p->log;
		const char *feed = memchr(p->at, '\n', (size_t)(p->end - p->at));
		const char *next = feed ? feed + 1 : p->end;
		p->lines[i].iov_base = (void *)p->at;
		p->lines[i].iov_len = (size_t)(next - p->at) - (feed && !p->lf);
		p->at = next;
	}
}

static bool send_lines(struct pour *p, unsigned n)
{
	for (unsigned sent = 0; sent < n;) {
		int got = sendmmsg(p->socket, p->messages + sent, n - sent, 0);
		if (got > 0)
			sent += (unsigned)got;
		else if (errno != EINTR && errno != ENOBUFS && errno != ECONNREFUSED)
			return false;
	}
	return true;
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static bool pour(struct pour *p)
{
	uint64_t start = now_ns(), sent = 0;
	for (unsigned i = 0; i < BATCH; i++) {
		p->messages[i].msg_hdr.msg_iov = &p->lines[i];
		p->messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (sent < p->count) {
		uint64_t due = p->rate ? (now_ns() - start) * p->rate / 1000000000ull : p->count;
		uint64_t n = (due < p->count ? due : p->count) - sent;
		if (n == 0) {
			nanosleep(&(struct timespec){.tv_nsec = WAIT_NS}, NULL);
			continue;
		}
		n = n < BATCH ? n : BATCH;
		next_lines(p, (unsigned)n);
		if (!send_lines(p, (unsigned)n))
			return false;
		sent += n;
	}
	printf("%llu %.3f\n", (unsigned long long)sent, (double)(now_ns() - start) / 1e9);
	return true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"rate", required_argument, NULL, 'r'},
		{"count", required_argument, NULL, 'c'}, {"lf", no_argument, NULL, 'l'}, {0}};
	static struct pour p;
	int option;
	bool ok = true;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		ok &= option != '?';
		p.lf |= option == 'l';
		if (option == 'r')
			p.rate = strtoull(optarg, NULL, 10);
		else if (option == 'c')
			p.count = strtoull(optarg, NULL, 10);
	}
	if (!ok || argc - optind != 3) {
		fputs("usage: pour [--rate N] [--count N] [--lf] FILE ADDRESS PORT\n", stderr);
		return 2;
	}
	if (!open_log(&p, argv[optind]) || !open_socket(&p, argv[optind + 1], argv[optind + 2])) {
		perror("pour");
		return 1;
	}
	if (p.count == 0)
		p.count = count_lines(&p);
	if (pour(&p))
		return 0;
	perror("pour");
	return 1;
}
