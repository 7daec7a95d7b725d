// SPDX-License-Identifier: BSD-3-Clause
// offline: a part of each mix through one worker, without a port and on a clock of its own: a
// program that counts instructions counts the same ones every time.
//
//   valgrind --tool=callgrind --instr-atstart=no offline [--frames N] [MIX]...
//
// Some frames of a mix fill the tables, then N are counted: callgrind counts only while those are
// taken, and writes a file for each mix, with the mix's name as its trigger. Prints how many
// messages were counted of each. Without valgrind it does the same and counts nothing.
#include <getopt.h>
#include <gnu/libc-version.h>
#include <stdlib.h>

#include <rte_mbuf.h>
#include <rte_version.h>
#include <valgrind/callgrind.h>

#include "rig.h"

#define FRAMES_MAX 8192 // at once
#define FRAMES_WARM (3 * FRAMES_MAX)
#define FRAME_BUFFER 2048
#define BURST 32
#define LINES_A_MS 20 // as a mix's own time goes

// Such that all together take some ten seconds under callgrind.
static const uint32_t frames_counted[MIX_MAX] = {[MIX_realistic] = 8000,
	[MIX_relevant] = 2000,
	[MIX_phone] = 4000,
	[MIX_headers] = 2000,
	[MIX_runts] = 8000,
	[MIX_long] = 2000,
	[MIX_hostile] = 1080}; // 20 of each line

// A tenth of the daemon's: tables that fit no cache, but are made at once.
static const struct worker_limits limits = {.clients = 100000,
	.diagnoses = 20000,
	.handshakes = 4096,
	.gateways = 64,
	.idle_ms = 3600000,
	.expire_ms = 86400000};

struct offline {
	struct rig rig;
	uint32_t n; // frames counted of each mix, 0: as above
	struct worker *worker;
	struct rte_mempool *pool;
	struct datagram_options options;
	struct rte_mbuf *frames[FRAMES_MAX];
	uint64_t now_ms;
};

static bool fail(const char *what)
{
	fprintf(stderr, "offline: %s\n", what);
	return false;
}

// The next n frames of a capture, in mbufs.
static bool read_frames(struct offline *o, FILE *capture, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t record[4];
		o->frames[i] = rte_pktmbuf_alloc(o->pool);
		if (o->frames[i] == NULL || fread(record, sizeof(record), 1, capture) != 1)
			return fail("a frame is missing");
		char *bytes = rte_pktmbuf_append(o->frames[i], (uint16_t)record[2]);
		if (bytes == NULL || fread(bytes, record[2], 1, capture) != 1)
			return fail("a frame is longer than its buffer");
	}
	return true;
}

static void take_frames(struct offline *o, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (i % BURST == 0)
			worker_pass(o->worker, o->now_ms, UINT32_MAX);
		worker_take_frame(o->worker, &o->options, o->frames[i], o->now_ms, o->now_ms);
		o->now_ms += i % LINES_A_MS == 0;
	}
}

static bool run(struct offline *o, FILE *capture, uint32_t n)
{
	fseek(capture, 24, SEEK_SET); // behind the header of the file
	for (uint32_t warm = 0; warm < FRAMES_WARM; warm += FRAMES_MAX) {
		if (!read_frames(o, capture, FRAMES_MAX))
			return false;
		take_frames(o, FRAMES_MAX);
	}
	if (!read_frames(o, capture, n))
		return false;
	CALLGRIND_START_INSTRUMENTATION;
	take_frames(o, n);
	CALLGRIND_STOP_INSTRUMENTATION;
	return true;
}

static bool start(struct offline *o)
{
	char error[512];
	if (port_start_offline(error, sizeof(error)) != 0)
		return fail(error);
	o->pool = rte_pktmbuf_pool_create(
		"offline", FRAMES_MAX + BURST, 0, 0, FRAME_BUFFER + RTE_PKTMBUF_HEADROOM, 0);
	if (o->pool == NULL || !rig_start_workers(&o->rig, 1, &limits))
		return fail("out of memory");
	o->worker = o->rig.workers->worker[0];
	o->worker->reader = datagram_reader_create(&o->worker->counters);
	o->options = (struct datagram_options){.ports = {514}, .n_ports = 1};
	o->now_ms = 1000;
	worker_enter(o->worker);
	return o->worker->reader != NULL;
}

static int run_mix(enum mix mix, void *context)
{
	struct offline *o = context;
	uint32_t n = o->n ? o->n : frames_counted[mix];
	FILE *capture = tmpfile();
	if (capture == NULL || !mix_write(mix, FRAMES_WARM + n, capture) || !start(o))
		return 1;
	if (!run(o, capture, n))
		return 1;
	CALLGRIND_DUMP_STATS_AT(mix_names[mix]);
	printf("%s %u\n", mix_names[mix], n);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"frames", required_argument, NULL, 'f'}, {0}};
	static struct offline o;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'f' || atoi(optarg) < 1 || atoi(optarg) > FRAMES_MAX) {
			fprintf(stderr, "usage: offline [--frames 1..%d] [MIX]...\n", FRAMES_MAX);
			mixes_list(stderr);
			return 2;
		}
		o.n = (uint32_t)atoi(optarg);
	}
	printf("# gcc %s, glibc %s, %s, Hyperscan %s\n", __VERSION__, gnu_get_libc_version(),
		rte_version(), hs_version());
	// Compiled once, before each mix has a process of its own: under valgrind that takes
	// longest.
	if (!rig_load(&o.rig, NULL))
		return 1;
	return mixes_run(argv + optind, argc - optind, run_mix, &o);
}
