// SPDX-License-Identifier: BSD-3-Clause
// rig: offhook's workers set up for a bench: the rules, workers with the daemon's default limits,
// and DPDK ports that deliver a mix for ever. DPDK starts once in a process: a rig with ports is a
// process of its own.
#pragma once

#include <pthread.h>

#include "../control/config.h"
#include "mixes.h"

struct rig {
	struct config config; // the policy has to outlive the workers
	struct vocabulary *vocabulary;
	struct ruleset *ruleset; // until the workers have it
	struct workers *workers;
	struct port_set ports;
	pthread_t threads[WORKERS_MAX]; // of the workers' lcores
};

// The config's defaults, and the rules of a directory (NULL: the shipped ones), compiled here and
// not taken from a cache. false: what is wrong is on stderr; so for the others.
bool rig_load(struct rig *rig, const char *rules);

// Workers with these rules; they never sleep. limits: NULL for the daemon's defaults.
bool rig_start_workers(struct rig *rig, unsigned n_workers, const struct worker_limits *limits);

// `frames` of a mix, looped. Each worker has a port of its own with the lines of its share of the
// senders, as RSS would deal them.
bool rig_start_ports(struct rig *rig, enum mix mix, uint32_t frames, unsigned n_workers);

// The workers' loops on their cores. rig_halt() stops them; they can be run again.
bool rig_run(struct rig *rig);
void rig_halt(struct rig *rig);

// Messages that all workers have taken.
uint64_t rig_messages(const struct rig *rig);

// Seconds that a worker has had its CPU, the mean of all. A worker never sleeps, so on a machine of
// its own these are the seconds that pass; what else runs on this one is left out.
double rig_clock_s(const struct rig *rig);

// Wait until that clock has gone on by so much, but no more than 20 times as long.
void rig_wait(const struct rig *rig, double seconds);

// A while that workers run: messages a second of that clock within it, so far.
struct rig_span {
	uint64_t messages;
	double begin_s;
};
struct rig_span rig_span_begin(const struct rig *rig);
double rig_span_rate(const struct rig *rig, const struct rig_span *span);

// Messages a second of all workers, over so many seconds, once every client is known.
double rig_measure(struct rig *rig, double seconds);

void rig_fini(struct rig *rig);
