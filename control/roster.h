// SPDX-License-Identifier: BSD-3-Clause
// roster: the phones that are known at each gateway and how they fare, gathered from the workers'
// session tables by a walk that never ends: a bounded step a turn, all of it within
// ROSTER_ROUND_MS. What is new about a phone goes to the journal, so that a restart knows it.
//
// Control thread alone.
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "../dataplane/worker.h"

#define ROSTER_ROUND_MS 30000
#define ROSTER_HOURS (8 * 24) // logins are remembered by the hour, eight days

struct journal;
struct roster;

// One gateway at the end of the last round.
struct roster_gateway {
	const char *name;
	uint64_t first_line_ms, last_line_ms;	       // of lines that a rule knows, any of them
	unsigned n_phones, n_ok, n_failing, n_unknown; // n_phones is their sum
	// Phones that got a tunnel in each hour; the hour of wall clock h is at h % ROSTER_HOURS.
	uint16_t logins[ROSTER_HOURS];
	uint64_t hours_from; // the first hour that was seen whole, hours since the epoch
};

struct roster_view {
	const struct roster_gateway *gateways; // by name
	size_t n;
};

// journal: NULL for none. NULL: out of memory.
struct roster *roster_create(struct workers *workers, struct journal *journal);
void roster_destroy(struct roster *roster);

// As the last daemon left it: RECORD_GATEWAY.
void roster_restore(struct roster *roster, const char *name, const json_t *gateway);

void roster_step(struct roster *roster, uint64_t now_ms);
struct roster_view roster_view(const struct roster *roster);
