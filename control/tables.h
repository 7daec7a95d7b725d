// SPDX-License-Identifier: BSD-3-Clause
// tables: how full every table of bounded size is, and the fullest it has been.
#pragma once

#include <jansson.h>

#include "../dataplane/worker.h"

// The names are those in `status`.
#define TABLES(X)          \
	X(clients)         \
	X(identities)      \
	X(histories)       \
	X(diagnoses)       \
	X(evidence_blocks) \
	X(aliases)         \
	X(waiting_lines)   \
	X(handshakes)      \
	X(held_lines)      \
	X(gateways)

enum table {
#define X(name) TABLE_##name,
	TABLES(X)
#undef X
		TABLE_MAX
};

struct tables {
	uint64_t used[TABLE_MAX], limit[TABLE_MAX]; // limit 0: not of a worker's own
};

// Add those of one worker.
void tables_add(struct tables *tables, const struct worker *worker);
// Of all workers together.
void tables_read(const struct workers *workers, struct tables *out);

// About once a second: what goes up and down between two looks is not seen.
void tables_note_peaks(const struct workers *workers, uint64_t *high_water);

// {"clients":{"used":N,"limit":N,"high_water":N},...}; high_water: NULL for none.
json_t *tables_json(const struct tables *tables, const uint64_t *high_water);
