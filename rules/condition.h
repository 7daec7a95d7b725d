// SPDX-License-Identifier: BSD-3-Clause
// condition: a test on the value of one field of an event.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "field.h"
#include "slice.h"

struct condition {
	uint8_t field;
	uint8_t other;	    // FIELD_NONE, or: the lists `field` and `other` have no word in common
	const char **globs; // any of them fits the value; of a list: every word fits one of them
	unsigned n_globs;
};

// `*` stands for any text, a blank for a run of them; letters compare without case.
bool glob_matches(const char *glob, struct slice text);

// text    what the values' offsets point into
// A field that the event lacks: false.
bool condition_holds(const struct condition *condition, struct slice text,
	const struct field_value *values, unsigned n_values);

bool condition_equals(const struct condition *a, const struct condition *b);

// The value of a field among `values`, or an empty slice.
struct slice field_value_find(
	struct slice text, const struct field_value *values, unsigned n_values, uint8_t field);

// Next word of a list value; false at its end. Words are divided by commas, colons and blanks.
bool list_next(struct slice *list, struct slice *word);
