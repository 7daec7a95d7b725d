// SPDX-License-Identifier: BSD-3-Clause
// verdict: what a rule says of what has been seen of one subject: how sure, whether it hangs on
// signs that could be another's, and which of what has been seen belongs to it.
#pragma once

#include "session.h"

struct verdict {
	enum confidence confidence; // NONE: the rule does not hold
	bool ambiguous;
	uint64_t wake_ms; // an absence would be proved then; UINT64_MAX: none
	struct sighting sightings[SESSION_SIGHTINGS_MAX]; // that belong to it, oldest first
	unsigned n;
};

#define CORROBORATION_MS \
	5000 // an unnamed and a named sign of one failure, at an address of several

// identity  of the session: whose failure; 0: nobody's by name
// after     what was seen until then is void; NULL: nothing is
void verdict_of(struct subject *subject, const struct diagnosis_rule *rule, uint8_t identity,
	const struct moment *after, struct verdict *out);

// Whether a sighting of the subject is among those that belong to it.
bool verdict_holds(const struct verdict *verdict, const struct sighting *sighting);

// To look at sightings by an expression, with the facts of the subject's gateway.
struct expression_view verdict_view(
	struct subject *subject, const struct sighting *sightings, unsigned n);
