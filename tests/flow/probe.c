// SPDX-License-Identifier: BSD-3-Clause
// Listens as the daemon does, with workers that only count: what test_port.sh asks about.
//
//   probe [option]... {pci|interface|pcap}:NAME...
//     -w N        workers (1)              -p PORT     UDP port, several (5514)
//     -d DRIVER   auto, af_xdp, af_packet  -a ADDRESS  to answer for, several
//     -n N        end when N datagrams came; the messages are "<134>probe K", each K once
//     -t SECONDS  end at the latest (10)   -l          loop a pcap
//     -H          hugepages                -u USEC     sleep between empty polls (50)
// Notes go to stderr. To stdout: "ready", and at the end a line `key value` for each thing counted.
// SIGTERM ends it too.
#include <assert.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "../../dataplane/datagram.h"
#include "../../dataplane/port.h"

#define NUMBERS_MAX 10000000
#define BURST 32

struct worker {
	const struct port_set *set;
	uint16_t index;
	struct datagram_reader *reader;
	struct counters counters;
	counter_t longest; // payload
};

static struct worker workers[WORKERS_MAX];
static counter_t seen[NUMBERS_MAX];
static volatile sig_atomic_t stop;
static useconds_t pause_us = 50;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void count_datagram(struct worker *worker, const struct datagram *datagram)
{
	char text[32];
	unsigned number;
	slice_copy(datagram->payload, text, sizeof(text));
	if (sscanf(text, "<134>probe %u", &number) == 1 && number < NUMBERS_MAX)
		atomic_fetch_add(&seen[number], 1);
	if (datagram->payload.len > counter_get(&worker->longest))
		atomic_store(&worker->longest, datagram->payload.len);
}

static bool poll_queue(struct worker *worker, const struct port_queue *queue, uint64_t now_ms)
{
	struct rte_mbuf *frames[BURST];
	uint16_t n = rte_eth_rx_burst(queue->port, queue->queue, frames, BURST);
	for (uint16_t i = 0; i < n; i++) {
		struct datagram datagram;
		switch (datagram_read(worker->reader, &worker->counters, &queue->options, frames[i],
			now_ms, &datagram)) {
		case DATAGRAM_READY:
			count_datagram(worker, &datagram);
			datagram_release(&datagram);
			break;
		case DATAGRAM_ANSWER:
			if (rte_eth_tx_burst(queue->port, queue->queue, &frames[i], 1) == 0)
				rte_pktmbuf_free(frames[i]);
			break;
		default:
			break;
		}
	}
	return n > 0;
}

static int run(void *argument)
{
	struct worker *worker = argument;
	const struct port_set *set = worker->set;
	while (!stop) {
		uint64_t now_ms = rte_rdtsc() / (rte_get_tsc_hz() / 1000);
		bool any = false;
		for (uint8_t q = 0; q < set->n_queues[worker->index]; q++)
			any |= poll_queue(worker, &set->queues[worker->index][q], now_ms);
		datagram_expire_step(worker->reader, now_ms, false);
		if (!any && pause_us > 0)
			usleep(pause_us);
	}
	datagram_expire_step(worker->reader, 0, true);
	return 0;
}

static uint64_t total(const struct port_set *set, size_t offset)
{
	uint64_t sum = 0;
	for (uint16_t w = 0; w < set->n_workers; w++)
		sum += counter_get(
			(const counter_t *)((const char *)&workers[w].counters + offset));
	return sum;
}
#define TOTAL(set, field) total(set, offsetof(struct counters, field))

static void print_numbers(void)
{
	uint64_t once = 0, more = 0;
	for (size_t i = 0; i < NUMBERS_MAX; i++) {
		uint64_t n = counter_get(&seen[i]);
		once += n == 1;
		more += n > 1;
	}
	printf("once %lu\nmore %lu\n", once, more);
}

static void print_counters(const struct port_set *set)
{
	static const char *const drops[] = {
#define X(name, help) #name,
		DROPS(X)
#undef X
	};
	uint64_t dropped = 0, longest = 0;
	for (uint16_t w = 0; w < set->n_workers; w++) {
		printf("worker%u %lu\n", w, counter_get(&workers[w].counters.datagrams));
		longest = RTE_MAX(longest, counter_get(&workers[w].longest));
	}
	for (int d = 0; d < DROP_MAX; d++) {
		uint64_t n = TOTAL(set, dropped[d]);
		dropped += n;
		if (n > 0)
			printf("dropped.%s %lu\n", drops[d], n);
	}
	uint64_t packets = TOTAL(set, packets), datagrams = TOTAL(set, datagrams);
	uint64_t merged = TOTAL(set, fragments_merged);
	printf("packets %lu\ndatagrams %lu\nfragments_merged %lu\nlongest %lu\n", packets,
		datagrams, merged, longest);
	assert(packets == datagrams + merged + dropped); // the ledger
}

static void print_ports(const struct port_set *set)
{
	struct port_stats stats[PORT_LISTEN_MAX];
	size_t n = port_stats(set, stats, PORT_LISTEN_MAX);
	for (size_t i = 0; i < n; i++)
		printf("driver%zu %s\nqueues%zu %u\nreceived%zu %lu\nmissed%zu %lu\nno_mbuf%zu "
		       "%lu\n"
		       "errors%zu %lu\nleft_fragmented%zu %lu\nleft_too_long%zu %lu\n"
		       "left_no_socket%zu %lu\n",
			i, stats[i].driver, i, stats[i].n_queues, i, stats[i].received, i,
			stats[i].missed, i, stats[i].no_mbuf, i, stats[i].errors, i,
			stats[i].left_fragmented, i, stats[i].left_too_long, i,
			stats[i].left_no_socket);
}

static void usage(void)
{
	fprintf(stderr, "probe: see the head of probe.c\n");
	exit(2);
}

static void add_listen(struct listen *listen, const char *text)
{
	static const char *const kinds[] = {"pci:", "interface:", "pcap:"};
	for (int kind = 0; kind < 3; kind++) {
		if (strncmp(text, kinds[kind], strlen(kinds[kind])) != 0)
			continue;
		listen->kind = (enum listen_kind)kind;
		snprintf(listen->name, sizeof(listen->name), "%s", text + strlen(kinds[kind]));
		return;
	}
	usage();
}

static void on_note(void *context, const char *text)
{
	(void)context;
	fprintf(stderr, "note: %s\n", text);
}

static void wait_for(const struct port_set *set, uint64_t n_expected, unsigned seconds)
{
	time_t end = time(NULL) + (time_t)seconds;
	while (!stop && time(NULL) < end) {
		usleep(10000);
		if (n_expected > 0 && TOTAL(set, datagrams) >= n_expected) {
			usleep(300000); // for what comes twice
			break;
		}
	}
	stop = 1;
}

static void work(struct port_set *set, uint64_t n_expected, unsigned seconds)
{
	for (uint16_t w = 0; w < set->n_workers; w++) {
		workers[w] = (struct worker){.set = set, .index = w};
		workers[w].reader = datagram_reader_create(&workers[w].counters);
		assert(workers[w].reader != NULL);
		int status = rte_eal_remote_launch(run, &workers[w], set->lcores[w]);
		assert(status == 0);
	}
	printf("ready\n");
	fflush(stdout);
	struct timespec begin, end;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	wait_for(set, n_expected, seconds);
	for (uint16_t w = 0; w < set->n_workers; w++) {
		rte_eal_wait_lcore(set->lcores[w]);
		datagram_reader_destroy(workers[w].reader);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("seconds %.3f\n",
		(double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
}

int main(int argc, char **argv)
{
	static struct port_set set;
	struct port_options options = {.n_workers = 1, .hugepages = HUGEPAGES_OFF};
	struct listen pattern = {0}, listen[PORT_LISTEN_MAX];
	uint64_t n_expected = 0;
	unsigned seconds = 10;
	for (int option; (option = getopt(argc, argv, "w:p:d:a:n:t:u:lH")) != -1;) {
		switch (option) {
		case 'w':
			options.n_workers = (uint16_t)atoi(optarg);
			break;
		case 'p':
			options.udp_ports[options.n_udp_ports++] = (uint16_t)atoi(optarg);
			break;
		case 'd':
			pattern.driver = strcmp(optarg, "af_xdp") == 0	    ? DRIVER_AF_XDP
					 : strcmp(optarg, "af_packet") == 0 ? DRIVER_AF_PACKET
									    : DRIVER_AUTO;
			break;
		case 'a':
			if (!address_parse(
				    slice_of(optarg), &pattern.addresses[pattern.n_addresses++]))
				usage();
			break;
		case 'n':
			n_expected = strtoull(optarg, NULL, 10);
			break;
		case 't':
			seconds = (unsigned)atoi(optarg);
			break;
		case 'u':
			pause_us = (useconds_t)atoi(optarg);
			break;
		case 'l':
			pattern.loop = true;
			break;
		case 'H':
			options.hugepages = HUGEPAGES_ON;
			break;
		default:
			usage();
		}
	}
	size_t n_listen = 0;
	for (; optind < argc && n_listen < PORT_LISTEN_MAX; optind++) {
		listen[n_listen] = pattern;
		add_listen(&listen[n_listen++], argv[optind]);
	}
	if (options.n_udp_ports == 0)
		options.udp_ports[options.n_udp_ports++] = 5514;

	char error[512] = "";
	signal(SIGTERM, on_signal);
	if (port_start(&set, listen, n_listen, &options, on_note, NULL, error, sizeof(error)) !=
		0) {
		fprintf(stderr, "probe: %s\n", error);
		return 1;
	}
	work(&set, n_expected, seconds);
	print_numbers();
	print_counters(&set);
	print_ports(&set);
	port_stop(&set);
	return 0;
}
