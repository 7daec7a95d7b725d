// SPDX-License-Identifier: BSD-3-Clause
// alias: other names of a client: its device, a user at a gateway, its tunnel address. Each leads
// to the key of a session; the owner of the alias' hash has the entry.
//
// Bounded: an entry that finds its places taken replaces the one that is needed least, and of those
// the one set longest ago. What is only claimed never replaces what is known, nor does what is of
// no phone replace a phone's.
#pragma once

#include "event.h"

#define ALIAS_WAIT_MS 5000   // an event whose alias is not known yet waits so long
#define ALIAS_CLAIM_MS 10000 // lines of one login attempt are nearer to each other

struct alias {
	uint64_t hash; // 0: free
	struct session_key key;
	uint64_t time_ms; // last set
	bool has_asa;	  // a gateway, not a phone's own line, has said so
	bool is_phone;
	bool is_claim; // only claimed by the client: holds for ALIAS_CLAIM_MS, and for a gateway's
		       // lines
};

struct alias_table;

struct alias_table *alias_table_create(
	unsigned n_aliases, unsigned n_waiting, struct counters *counters);
void alias_table_destroy(struct alias_table *table);

uint64_t alias_of_device(const struct device *device);
uint64_t alias_of_user(uint16_t gateway, struct slice user);
uint64_t alias_of_tunnel(const struct address *tunnel);

// The alias by which an event without a client is looked up, 0: it names nobody.
uint64_t alias_of_event(const struct event *event);

// What the event's alias leads to; NULL: unknown.
const struct alias *alias_find(struct alias_table *table, const struct event *event);

// Bring the places of an alias near that will be looked at soon.
void alias_prefetch(const struct alias_table *table, uint64_t hash);

enum alias_outcome {
	ALIAS_SET,     // it leads there now
	ALIAS_MOVED,   // it does, and led to *other before
	ALIAS_KEPT,    // what a gateway said (*other) outweighs what a phone's own lines say
	ALIAS_CLAIMED, // holds for the lines around it
	ALIAS_ENDED,
};

// Apply a STAGE_ALIAS event.
enum alias_outcome alias_set(
	struct alias_table *table, const struct event *event, struct session_key *other);

// Keep an event until its alias is set. Full: counted, dropped.
void alias_wait(struct alias_table *table, const struct event *event);

// Emit, with stage JUDGE, those that waited for an alias of this hash, which now leads to this key.
void alias_release(struct alias_table *table, uint64_t hash, const struct session_key *key,
	event_emit_fn emit, void *context);

// Of those that waited too long, a phone known by its device gets a session by it; others are
// counted as unresolved. all: every one (end of a replay). false: there was none.
bool alias_expire_step(
	struct alias_table *table, uint64_t now_ms, bool all, event_emit_fn emit, void *context);

// Entries and events that wait, and how many there can be: for `status`, any thread.
unsigned alias_count(const struct alias_table *table);
unsigned alias_max(const struct alias_table *table);
unsigned alias_waiting(const struct alias_table *table);
unsigned alias_waiting_max(const struct alias_table *table);
