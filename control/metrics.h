// SPDX-License-Identifier: BSD-3-Clause
// metrics: all that Prometheus is told of this daemon: one table of names, types and help texts,
// each with how its samples are read at the moment of a scrape. Labels are names of this program,
// of its rules and config, and of gateways, METRICS_GATEWAYS_MAX of these; never a phone's, a
// user's or a client's.
//
// Control thread alone.
#pragma once

#include "daemon.h"
#include "exposition.h"
#include "outlet.h"
#include "roster.h"
#include "told.h"

#define METRICS_GATEWAYS_MAX 256 // later ones are `other`
// What is counted for all ports together, or all sources, has this for their label.
#define METRICS_ALL "all"

struct metrics;

// Other parts that metrics are read from; NULL: that part is not there. The functions are those of
// the same name.
struct metrics_source {
	const struct roster *roster;
	struct roster_view (*roster_view)(const struct roster *roster);
	const struct outlets *outlets;
	size_t (*outlets_status)(
		const struct outlets *outlets, struct outlet_status *out, size_t max);
	const struct journal *journal;
	json_t *(*journal_status)(const struct journal *journal);
	bool (*journal_is_degraded)(const struct journal *journal);
};

// NULL: out of memory. The daemon must have its workers.
struct metrics *metrics_create(const struct daemon *daemon, const struct metrics_source *source);
void metrics_destroy(struct metrics *metrics);

const struct metrics_source *metrics_source(const struct metrics *metrics);

// Each record as it is made; see told.h. NULL in place of metrics is nothing.
void metrics_note_diagnosis(struct metrics *metrics, const json_t *diagnosis);
void metrics_note_restored(struct metrics *metrics, const json_t *diagnosis);
void metrics_note_alert(struct metrics *metrics, const json_t *alert);
void metrics_note_latency(struct metrics *metrics, enum told_stage stage, uint64_t us);

// Adds the whole text. Where out->failed is set then, it is not whole.
void metrics_expose(struct metrics *metrics, enum exposition_format format, struct buffer *out);
