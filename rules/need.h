// SPDX-License-Identifier: BSD-3-Clause
// need: what an expression cannot do without: sets of events of each of which one must have been
// seen. It says in advance, for all rules at once and without a look at any sighting, which of them
// are worth a look (struct needs_met in rulepack.h).
#pragma once

#include "expression.h"

#define NEEDS_MAX 4 // of an expression; of more, the smallest

struct needs {
	uint64_t events[NEEDS_MAX][EVENTS_MAX / 64]; // bits
	unsigned n;				     // 0: it may hold whatever has been seen
};

// Where one is not met, expression_may_hold() is false, too.
struct needs needs_of(const struct expression *expression);

// What both cannot do without.
struct needs needs_of_either(const struct needs *a, const struct needs *b);
