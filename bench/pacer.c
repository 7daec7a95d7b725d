// SPDX-License-Identifier: BSD-3-Clause
#include "pacer.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "../dataplane/eal.h"
#include "frame.h"

#define RING_FRAMES 8192 // some milliseconds: a NIC has about as many descriptors
#define POOL_FRAMES (3 * RING_FRAMES)
#define ROOM 2048
#define BURST 64
#define MARKS_BASE 0xc6120000u // 198.18.0.0/15 is set aside for benches, RFC 2544

static bool fail(const char *what)
{
	fprintf(stderr, "pacer: %s\n", what);
	return false;
}

uint64_t pacer_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

// ---- marks ----

void pacer_address(uint32_t mark, char out[16])
{
	uint32_t address = MARKS_BASE + mark;
	snprintf(out, 16, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
		address & 255);
}

int64_t pacer_mark_of(const char *address)
{
	unsigned a, b, c, d;
	if (sscanf(address, "%u.%u.%u.%u", &a, &b, &c, &d) != 4)
		return -1;
	uint32_t mark = (a << 24 | b << 16 | c << 8 | d) - MARKS_BASE;
	return mark < PACER_MARKS_MAX ? (int64_t)mark : -1;
}

static size_t mark_frame(uint32_t mark, uint8_t *frame)
{
	char line[512], address[16];
	pacer_address(mark, address);
	int len = sprintf(line,
		"<164>Nov 21 2026 10:00:00 asa-00 : %%ASA-4-724002: Group <GP_VPNPhone> User "
		"<CP-8841-SEP00FE%08X> IP <%s> WebVPN session not terminated. Cisco Secure Desktop "
		"was not running on the client's workstation.",
		mark, address);
	return frame_make("192.0.2.100", line, (size_t)len, frame);
}

// ---- frames ----

static bool load_frames(struct pacer *p, enum mix mix, uint32_t frames)
{
	char *file = NULL;
	size_t size = 0, n = 0;
	FILE *out = open_memstream(&file, &size);
	if (out == NULL || !mix_write(mix, frames, out) || fclose(out) != 0 ||
		(p->frames = malloc(size)) == NULL)
		return fail("out of memory");
	for (size_t at = 24; at < size;) { // each behind a header of 16 bytes
		uint32_t len;
		memcpy(&len, file + at + 8, sizeof(len));
		memcpy(p->frames + n, &len, sizeof(len));
		memcpy(p->frames + n + sizeof(len), file + at + 16, len);
		n += sizeof(len) + len;
		at += 16 + len;
	}
	free(file);
	p->n_bytes = n;
	return true;
}

static void fill(struct rte_mbuf *mbuf, const void *bytes, uint32_t len)
{
	memcpy(rte_pktmbuf_mtod(mbuf, char *), bytes, len);
	mbuf->data_len = (uint16_t)len;
	mbuf->pkt_len = len;
}

static void fill_next(struct pacer *p, struct rte_mbuf *mbuf)
{
	uint32_t len;
	memcpy(&len, p->frames + p->at, sizeof(len));
	fill(mbuf, p->frames + p->at + sizeof(len), len);
	p->at += sizeof(len) + len;
	if (p->at >= p->n_bytes)
		p->at = 0;
}

// ---- the port ----

static void note(void *context, const char *text)
{
	(void)context;
	(void)text;
}

static bool start_port(struct pacer *p)
{
	static const struct rte_eth_conf conf;
	p->ring = rte_ring_create("paced", RING_FRAMES, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
	p->pool = rte_pktmbuf_pool_create("paced", POOL_FRAMES - 1, 256, 0, ROOM, 0);
	int port = p->ring && p->pool ? rte_eth_from_ring(p->ring) : -1;
	if (port < 0 || rte_eth_dev_configure((uint16_t)port, 1, 0, &conf) != 0 ||
		rte_eth_rx_queue_setup((uint16_t)port, 0, 512, 0, NULL, p->pool) != 0 ||
		rte_eth_dev_start((uint16_t)port) != 0)
		return fail("no port of a ring");
	p->ports.n_workers = 1;
	p->ports.lcores[0] = 1;
	p->ports.n_queues[0] = 1;
	p->ports.queues[0][0] = (struct port_queue){
		.port = (uint16_t)port, .options = {.ports = {514}, .n_ports = 1}};
	return true;
}

// The CPUs that the worker leaves; where there is but one, that one.
static void find_cpus(struct pacer *p)
{
	int worker = rte_lcore_to_cpu_id(1);
	sched_getaffinity(0, sizeof(p->cpus), &p->cpus);
	if (CPU_COUNT(&p->cpus) > 1 && worker >= 0)
		CPU_CLR(worker, &p->cpus);
}

bool pacer_init(struct pacer *p, enum mix mix, uint32_t frames)
{
	char error[512];
	struct eal_options options = {
		.n_workers = 1, .memory = (64u << 20) + POOL_FRAMES * (ROOM + 512ul)};
	memset(p, 0, sizeof(*p));
	if (!load_frames(p, mix, frames))
		return false;
	int status = eal_start(&options, note, NULL, error, sizeof(error));
	eal_log_end();
	if (status != 0)
		return fail(error);
	find_cpus(p);
	return start_port(p);
}

// ---- feeding ----

// The next n frames of the mix; how many the port took.
static unsigned feed(struct pacer *p, unsigned n)
{
	struct rte_mbuf *mbufs[BURST];
	if (rte_pktmbuf_alloc_bulk(p->pool, mbufs, n) != 0)
		return 0;
	for (unsigned i = 0; i < n; i++)
		fill_next(p, mbufs[i]);
	unsigned sent = rte_ring_sp_enqueue_burst(p->ring, (void **)mbufs, n, NULL);
	rte_pktmbuf_free_bulk(mbufs + sent, n - sent);
	p->n_sent += sent;
	return sent;
}

static void feed_mark(struct pacer *p)
{
	uint32_t mark = atomic_load_explicit(&p->n_marks, memory_order_relaxed);
	struct rte_mbuf *mbuf = mark < PACER_MARKS_MAX ? rte_pktmbuf_alloc(p->pool) : NULL;
	if (mbuf == NULL)
		return;
	mbuf->data_len = (uint16_t)mark_frame(mark, rte_pktmbuf_mtod(mbuf, uint8_t *));
	mbuf->pkt_len = mbuf->data_len;
	p->marked_ns[mark] = pacer_now_ns();
	atomic_store_explicit(&p->n_marks, mark + 1, memory_order_release);
	if (rte_ring_sp_enqueue(p->ring, mbuf) == 0) {
		p->n_sent++;
		return;
	}
	p->marked_ns[mark] = 0;
	p->n_full++;
	rte_pktmbuf_free(mbuf);
}

static void feed_due(struct pacer *p, uint64_t due)
{
	while (due) {
		unsigned n = due < BURST ? (unsigned)due : BURST;
		p->n_full += n - feed(p, n);
		due -= n;
	}
}

static void feed_freely(struct pacer *p)
{
	while (!atomic_load_explicit(&p->stop, memory_order_relaxed)) {
		if (feed(p, BURST) < BURST)
			sched_yield();
	}
}

static void feed_paced(struct pacer *p)
{
	uint64_t start = pacer_now_ns(), n_due = 0, n_marks = 0;
	for (uint64_t turn = 1; !atomic_load_explicit(&p->stop, memory_order_relaxed); turn++) {
		uint64_t until = start + turn * PACER_TURN_NS;
		struct timespec t = {(time_t)(until / 1000000000), (long)(until % 1000000000)};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		double seconds = (double)(until - start) / 1e9;
		uint64_t frames = (uint64_t)(p->rate * seconds);
		uint64_t marks = (uint64_t)(p->marks_per_second * seconds);
		feed_due(p, frames - n_due);
		for (; n_marks < marks; n_marks++)
			feed_mark(p);
		n_due = frames;
	}
}

static void *run(void *context)
{
	struct pacer *p = context;
	prctl(PR_SET_TIMERSLACK, 1000ul); // ns
	pthread_setaffinity_np(pthread_self(), sizeof(p->cpus), &p->cpus);
	rte_thread_register(); // a cache of mbufs of its own
	if (p->rate > 0)
		feed_paced(p);
	else
		feed_freely(p);
	rte_thread_unregister();
	return NULL;
}

bool pacer_run(struct pacer *p, double rate, double marks_per_second)
{
	p->rate = rate;
	p->marks_per_second = marks_per_second;
	p->n_sent = p->n_full = 0;
	atomic_store(&p->stop, false);
	return pthread_create(&p->thread, NULL, run, p) == 0 || fail("no thread");
}

void pacer_halt(struct pacer *p)
{
	atomic_store(&p->stop, true);
	pthread_join(p->thread, NULL);
}
