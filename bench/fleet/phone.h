// SPDX-License-Identifier: BSD-3-Clause
// phone: the day of a phone, step by step.
#pragma once

#include "console.h"

enum phone_step {
	PHONE_CONNECTS,
	PHONE_FAILS,
	PHONE_RECOVERS,
	PHONE_RESETS,
	PHONE_BLINKS,
	PHONE_MOVES,
	PHONE_LEAVES,
};

// What it is going to do.
void phone_plan(struct sim *sim, struct phone *phone);
// It takes this step then, unless time is up.
void phone_later(struct sim *sim, const struct phone *phone, enum phone_step step, uint64_t at_us);
// So many seconds, in microseconds.
uint64_t phone_seconds(struct phone *phone, uint32_t low, uint32_t high);
// Time is up: what has not recovered by now has not.
void phone_close(struct sim *sim, struct phone *phone);
void phone_step(struct sim *sim, struct phone *phone, enum phone_step step);

// ---- outage.c ----

// What keeps this client out now; NULL: nothing.
const struct block *outage_block(
	const struct gateway *gateway, uint64_t at_us, const struct client *client);
// The attempt of a client that it keeps out. Returns its class; N_FAILURES: of the gateway alone.
enum failure outage_attempt(struct script *script, enum outage outage);
void outage_plan(struct sim *sim);
void outage_happens(struct sim *sim, struct gateway *gateway, enum outage outage, bool over);

// ---- other.c ----

void other_plan(struct sim *sim);
void other_step(struct sim *sim, uint32_t number, uint32_t step);

// ---- noise.c ----

void noise_make(struct sim *sim, struct gateway *gateway);
