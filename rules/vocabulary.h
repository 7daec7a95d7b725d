// SPDX-License-Identifier: BSD-3-Clause
// vocabulary: numbers of event and diagnosis names, append-only for the life of the process. An
// event on its way between workers, or a diagnosis that is open, outlives the ruleset it came from;
// its number keeps its meaning across reloads.
//
// The control thread adds and finds names; any thread may ask for the name of a number that a
// published pack has.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

#define EVENTS_MAX 512
#define DIAGNOSES_MAX 128
#define NAME_NONE UINT16_MAX

struct registry {
	unsigned max;
	_Atomic(unsigned) n;
	const char **names;
};

struct vocabulary {
	struct registry events, diagnoses;
};

// NULL: out of memory.
struct vocabulary *vocabulary_create(void);
void vocabulary_destroy(struct vocabulary *vocabulary);

// How much is known, of fields (field.h) too: a pack that is refused takes nothing of its own
// along.
struct vocabulary_mark {
	unsigned n_events, n_diagnoses, n_fields;
};

struct vocabulary_mark vocabulary_mark(const struct vocabulary *vocabulary);

// Take back what was learnt since; nobody may have seen its numbers.
void vocabulary_restore(struct vocabulary *vocabulary, const struct vocabulary_mark *mark);

uint16_t registry_find(const struct registry *registry, struct slice name);
// NAME_NONE: full or out of memory.
uint16_t registry_add(struct registry *registry, struct slice name);
const char *registry_name(const struct registry *registry, uint16_t number);
unsigned registry_count(const struct registry *registry);

// Lower-case letters, digits and hyphens, 1 to 48, beginning with a letter.
bool name_is_slug(struct slice name);
