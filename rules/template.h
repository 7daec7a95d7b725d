// SPDX-License-Identifier: BSD-3-Clause
// template: documented message text with its fields in braces -> Hyperscan pattern and field
// program.
//
//   "Group <{group}> User <{user}> IP <{client}> WebVPN session not terminated."
//
// A run of white space in the template stands for any run in the line, white space before a colon
// comes and goes, a final full stop is optional, `<{user}>`, '{user}' and "{user}" are also found
// bare or missing as a whole, an address also in brackets, and what follows the last literal is not
// looked at: releases, settings and relays differ in all of these. `{{` is a brace.
#pragma once

#include "arena.h"
#include "field.h"
#include "slice.h"

#define TEMPLATE_OPS_MAX 40
#define TEMPLATE_FIELDS_MAX 14

struct template_op {
	struct slice literal; // len 0: a field
	uint8_t field, type;
	char open, close;    // marks that may stand around the field, none of the literals'
	bool greedy;	     // a field: ends at the last place that fits
	bool within_word;    // a field: its type ends at white space
	bool text_follows;   // a field: behind it stands one that may hold anything
	uint64_t head, mask; // a literal: its first 8 bytes, and which of them it has
};

#define TEMPLATE_LANDMARKS_MAX 8

struct template
{
	uint8_t n_ops;
	bool anchored; // must stand at the start of the text (ASA); else anywhere in it (phone)
	struct template_op ops[TEMPLATE_OPS_MAX];
	// Its literals but for the first of an anchored one, from where two letters stand that no
	// blank may divide: a text that lacks one, in their order, does not fit.
	struct slice landmarks[TEMPLATE_LANDMARKS_MAX];
	uint8_t n_landmarks;
};

// On error returns false and *error is what is wrong with the text, in a static or arena string.
bool template_parse(struct slice text, bool anchored, struct obstack *arena, struct template *out,
	const char **error);

// Hyperscan expression of the template's longest literal: whatever template_match() accepts, this
// matches too. It only has to find candidates; the field program settles them.
const char *template_pattern(const struct template *template, struct obstack *arena);

// Run the field program over a line's text.
//
// values   at least TEMPLATE_FIELDS_MAX; offsets are from text.data
// refused  set when the text fits but for a value of the wrong type
// Returns the number of values, or one of the two below. Bounded: at most TEMPLATE_STEPS_MAX
// comparisons.
#define TEMPLATE_NO_MATCH (-1)
#define TEMPLATE_AMBIGUOUS (-2) // a user's name holds text like the template's: it ends anywhere
int template_match(const struct template *template, struct slice text, struct field_value *values,
	bool *refused);
