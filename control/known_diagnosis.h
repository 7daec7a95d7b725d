// SPDX-License-Identifier: BSD-3-Clause
// known_diagnosis: a diagnosis read back from what diagnosis_json() has made of it. It comes from a
// file that anybody may have changed: what is no such object is refused.
#pragma once

#include <jansson.h>

#include "../dataplane/restore.h"

#define FOREIGN_NAMES_MAX 16 // of diagnoses that no rule has: their numbers are not given back

struct known_diagnosis_reader {
	const struct rulepack *pack;
	unsigned n_foreign;
	// What the slices of the last one point to, besides its object.
	char text[RULES_DETAILS_MAX][EVENT_TEXT_MAX];
};

enum known_diagnosis_outcome {
	KNOWN_READ,
	KNOWN_CLOSED, // neither open nor recovered: of no use
	KNOWN_REFUSED,
};

// Valid as long as the object, until the next one is read. In English, as the journal has it.
enum known_diagnosis_outcome known_diagnosis_read(
	struct known_diagnosis_reader *reader, const json_t *object, struct known_diagnosis *out);
