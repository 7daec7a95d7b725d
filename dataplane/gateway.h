// SPDX-License-Identifier: BSD-3-Clause
// gateway: the ASAs and FTDs that have been heard, by the name in their lines. One table for all
// workers, a part of it for each: only the owner of a gateway (by the hash of its name) adds and
// changes it, anybody reads.
#pragma once

#include "event.h"

#define GATEWAY_NAME_MAX 64
#define GATEWAY_FACTS_MAX 12 // facts whose last line is kept

// The last line of one fact ("ssl trust-point entered"), for evidence and cause.
struct gateway_fact {
	_Atomic(uint32_t) sequence;
	uint32_t unused;
	struct gateway_fact_line {
		uint64_t time_ms;
		uint16_t event, len;
		uint8_t code_len, source;
		char code[EVENT_CODE_MAX - 6];
		char text[480];
	} line;
};

// The time in the header of its last line that had one, as it stood there, and when that came.
struct gateway_stamp {
	uint64_t time_ms; // 0: none has come
	uint64_t len;
	char text[EVENT_STAMP_MAX];
};

struct gateway {
	struct address address; // the owner's: where it has no other name
	bool by_address;
	// Owner writes, anybody reads. `in_use` is written last; a slot once named keeps its name.
	_Atomic(uint32_t) len;
	_Atomic(bool) in_use;
	char name[GATEWAY_NAME_MAX];
	counter_t last_ms;	// last relevant line
	counter_t handshake_ms; // last 725xxx line
	counter_t reason_ms;	// last line that exists at level 7 only
	counter_t failed_ms;	// last failed handshake
	counter_t hidden_users; // lines with ***** in place of the user
	counter_t users;	// lines with a user
	counter_t events;
	_Atomic(uint32_t) stamp_sequence;
	struct gateway_stamp stamp;
	counter_t facts_ms[EVENTS_MAX]; // when a fact was last logged; 0: never
	struct gateway_fact facts[GATEWAY_FACTS_MAX];
};

struct accepted;

struct gateway_table {
	struct gateway *gateways;
	struct accepted
		*accepted; // accepted.h: n_max of each worker, one worker's after the other's
	uint16_t n_max;	   // of all workers together
	uint16_t n_workers;
};

[[nodiscard]] int gateway_table_init(
	struct gateway_table *table, uint16_t n_max, uint16_t n_workers);
void gateway_table_fini(struct gateway_table *table);

// Hash of the name that an event's gateway has: its origin, else its sender.
uint64_t gateway_hash(const struct event *event);

// By its owner: the number of the event's gateway, new if need be. GATEWAY_NONE: the owner's part
// of the table is full.
uint16_t gateway_find(struct gateway_table *table, uint16_t worker, const struct event *event);

// What the event says of its gateway: facts that rules ask for, and what `status` warns of.
void gateway_note(
	struct gateway_table *table, const struct event *event, const struct event_use *use);

static inline uint64_t gateway_fact_ms(
	const struct gateway_table *table, uint16_t gateway, uint16_t event)
{
	return gateway == GATEWAY_NONE ? 0 : counter_get(&table->gateways[gateway].facts_ms[event]);
}

// Copy the last line of a fact; false: none is kept. Any thread.
bool gateway_fact_read(const struct gateway_table *table, uint16_t gateway, uint16_t event,
	struct gateway_fact_line *out);

// Copy its last stamp; false: there is none. Any thread, but no worker's.
bool gateway_stamp_read(const struct gateway *gateway, struct gateway_stamp *out);

// Name of a gateway, empty for none. Any thread.
struct slice gateway_name(const struct gateway_table *table, uint16_t gateway);
