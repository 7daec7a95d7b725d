// SPDX-License-Identifier: BSD-3-Clause
// restore: what the last daemon has left in the journal, back into the workers' tables and the
// roster: before the workers start, and before anything is appended.
#pragma once

#include "journal.h"
#include "roster.h"

// What came of it.
struct restored {
	unsigned n_phones, n_gateways, n_diagnoses;
	unsigned n_full;	  // for which the tables had no room
	unsigned n_refused;	  // that are wrong, or of nobody
	unsigned n_lines_unknown; // of evidence, that no rule knows any more
};

// roster: NULL for none. What the tables have no room for, or already have, ends in the journal as
// expired: whoever was told that it is open is told so. false: out of memory; the tables are as
// they were.
bool restore_all(struct workers *workers, struct journal *journal, struct roster *roster,
	uint64_t now_ms, struct restored *out);

// ---- for tests, and whoever has the objects from elsewhere ----

struct restoring;

// NULL: out of memory.
struct restoring *restoring_begin(struct workers *workers, struct roster *roster, uint64_t now_ms);
void restoring_end(struct restoring *restoring, struct restored *out);
// In this order: all gateways, all phones, all diagnoses' subjects, all diagnoses.
void restoring_gateway(struct restoring *restoring, const char *key, const json_t *object);
void restoring_phone(struct restoring *restoring, const char *key, const json_t *object);
void restoring_subject(struct restoring *restoring, const json_t *object);
// false: it was open, and is not restored.
bool restoring_diagnosis(struct restoring *restoring, const json_t *object);
