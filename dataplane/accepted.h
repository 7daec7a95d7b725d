// SPDX-License-Identifier: BSD-3-Clause
// accepted: what phones were shown and took: the value of a field (a certificate's hash) that a
// phone told of before its connection to a gateway succeeded, and that nothing in between says it
// refused. So it is known what phones there expect when others begin to refuse what they are shown.
// Which field of which event: `expects` of a diagnosis.
//
// One table for all workers, a part of it for each, with a place for each gateway: only the worker
// whose phone connected writes there, anybody reads and puts the parts together.
#pragma once

#include "session.h"

#define ACCEPTED_MAX 4 // different values of one gateway that a worker keeps; the oldest goes
#define ACCEPTED_BYTES_MAX 64 // of a value: SHA256 as hexadecimal digits

struct accepted_value {
	uint64_t first_ms, last_ms; // when a phone connected with it; last_ms 0: no value
	uint16_t event;		    // numbers in the vocabulary
	uint8_t field, len;
	uint32_t unused;
	char text[ACCEPTED_BYTES_MAX];
};

struct accepted {
	_Atomic(uint32_t) sequence;
	uint32_t unused;
	struct accepted_value values[ACCEPTED_MAX];
};

// A phone of the subject is connected, if the event is a sign of success to a rule that expects
// something: what it was shown before is what it accepts. Before that success is the identity's.
void accepted_learn(struct subject *subject, const struct event *event,
	const struct sighting *success, uint8_t identity);

// Before the worker runs: as it was known before a restart.
void accepted_restore(
	struct session_table *table, uint16_t gateway, const struct accepted_value *known);

// What phones of all workers have accepted at a gateway, each value once, the latest first, into
// out[n_max]. Any thread but a worker's.
unsigned accepted_read(const struct gateway_table *table, uint16_t gateway,
	struct accepted_value *out, unsigned n_max);
#define ACCEPTED_OF_GATEWAY_MAX (2 * ACCEPTED_MAX) // as many of them are enough to put together
