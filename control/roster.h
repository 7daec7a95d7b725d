// SPDX-License-Identifier: BSD-3-Clause
// roster: the phones that are known at each gateway and how they fare, gathered from the workers'
// session tables by a walk that never ends: a bounded step a turn, all of it within
// ROSTER_ROUND_MS. What is new about a phone goes to the journal, so that a restart knows it.
//
// Control thread alone.
#pragma once

#include <assert.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../dataplane/restore.h"
#include "../dataplane/worker.h"

#define ROSTER_ROUND_MS 30000
#define HOUR_MS 3600000ull
#define ROSTER_HOURS (8 * 24) // logins are remembered by the hour, eight days

struct journal;
struct roster;

// One gateway at the end of the last round.
struct roster_gateway {
	const char *name;
	uint64_t first_line_ms, last_line_ms; // of lines that a rule knows, any of them
	unsigned n_phones, n_ok, n_suspected, n_failing, n_unknown; // n_phones is their sum
	// Phones that were assigned a tunnel in each hour; the hour of wall clock h is at
	// h % ROSTER_HOURS. 65535: so many or more.
	uint16_t logins[ROSTER_HOURS];
	uint64_t whole[ROSTER_HOURS / 64]; // bits: the hour was seen from its beginning on
	uint64_t hours_from; // the first hour that was seen whole, hours since the epoch
};

static_assert(ROSTER_HOURS % 64 == 0);

// Whether the logins of an hour are all there were: it was looked at from its beginning, with no
// gap. now_hour: the present one, of which the rest is still to come.
static inline bool roster_hour_is_whole(
	const struct roster_gateway *gateway, uint64_t hour, uint64_t now_hour)
{
	unsigned at = hour % ROSTER_HOURS;
	return hour >= gateway->hours_from && hour <= now_hour && hour + ROSTER_HOURS > now_hour &&
	       (gateway->whole[at / 64] >> (at % 64) & 1);
}

struct roster_view {
	const struct roster_gateway *gateways; // by name
	size_t n;
};

// journal: NULL for none. NULL: out of memory.
struct roster *roster_create(struct workers *workers, struct journal *journal);
void roster_destroy(struct roster *roster);

// As the last daemon left it: RECORD_GATEWAY, RECORD_PHONE. false: it is no such record.
bool roster_restore(struct roster *roster, const char *name, const json_t *gateway);
// key: as it stands in the journal. gateway: the phone's number in the table.
void roster_restore_phone(
	struct roster *roster, const char *key, const struct known_phone *phone, uint16_t gateway);

// A bounded part of the walk, some 100 microseconds at most; to be called some hundred times a
// second. now_ms: the wall clock.
void roster_step(struct roster *roster, uint64_t now_ms);
struct roster_view roster_view(const struct roster *roster);

struct roster_stats {
	uint64_t n_rounds, round_ms;	 // how long the last one took
	uint64_t n_written, n_forgotten; // phones, in the journal
	unsigned n_phones;		 // of all gateways, and of none
};
struct roster_stats roster_stats(const struct roster *roster);
