// SPDX-License-Identifier: BSD-3-Clause
// pacer: a DPDK port (net_ring) that is fed at a given rate with a mix, and among it, at even
// distances, with marks: a line each of a phone of its own that Cisco Secure Desktop keeps out,
// which opens a diagnosis at once. When each mark was handed to the port is kept.
//
// A thread of its own feeds: it wakes every PACER_TURN_NS, and hands over what is due.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "rig.h"

#define PACER_TURN_NS 100000
#define PACER_MARKS_MAX 65536

struct rte_mempool;
struct rte_ring;

struct pacer {
	struct port_set ports; // one worker, one queue
	struct rte_mempool *pool;
	struct rte_ring *ring;
	char *frames; // of the mix, one behind the other, each with its length before it
	size_t n_bytes, at;
	pthread_t thread;
	double rate, marks_per_second; // rate 0: as fast as the port takes them
	cpu_set_t cpus;		       // where the thread may run: not where the worker does
	atomic_bool stop;
	uint64_t n_sent, n_full; // n_full: found the port full, and was not sent
	_Atomic(uint32_t) n_marks;
	uint64_t marked_ns[PACER_MARKS_MAX]; // CLOCK_MONOTONIC; written before n_marks
};

// EAL, port and the frames of the mix. false: what is wrong is on stderr.
bool pacer_init(struct pacer *pacer, enum mix mix, uint32_t frames);

// Feed until pacer_halt(); marks_per_second of the rate are marks.
bool pacer_run(struct pacer *pacer, double rate, double marks_per_second);
void pacer_halt(struct pacer *pacer);

// The client address of mark number n, as text: 198.18.0.0 and up. -1: it is no mark's.
void pacer_address(uint32_t mark, char out[16]);
int64_t pacer_mark_of(const char *address);

uint64_t pacer_now_ns(void);
