// SPDX-License-Identifier: BSD-3-Clause
// session: all that is known of one client address (or of one gateway, or of a phone known by name
// alone): who is there, what has been seen and when.
//
// One worker's shard of the session table: it alone writes, and takes no lock. The control thread
// copies sessions and identities by their sequence counters (session_read()). Everything is sized
// at start; a client that is no phone can never push a phone out.
#pragma once

#include "alias.h"
#include "event.h"
#include "evidence.h"
#include "gateway.h"
#include "line.h"

#define SESSION_SIGHTINGS_MAX 20 // of one session; the event with most of them gives way
#define SESSION_NONE UINT32_MAX

#define SESSION_PHONE 1	       // something has tied the address to a phone
#define SESSION_HAS_ASA 2      // a gateway has logged it
#define SESSION_MANY_DEVICES 4 // its sender brings lines of several phones: only the device counts
#define SESSION_SHOWN 8	       // a phone has told what it was shown (accepted.h)

// A point in a session's life: lines of one millisecond are told apart by where they are kept.
struct moment {
	uint64_t ms;
	uint64_t line; // position, LINE_NONE: after all of that millisecond
};

struct session {
	struct session_key key;
	uint64_t first_ms, last_ms;
	uint64_t last_line; // position, see session_line_read()
	uint32_t identity;  // first of its chain, newest first
	uint16_t gateway;   // last seen
	uint8_t flags, n_identities, n_phones;
	uint8_t last_number; // of an identity: they are used in turn
	uint8_t in_use;
	// The identity whose certificate the last handshake was completed with, and when; when one
	// was completed without.
	uint8_t proved;
	uint64_t proved_ms, other_ms;
};

struct session_limits {
	uint32_t sessions, identities, histories; // histories: sessions with sightings
	uint32_t diagnoses, evidence_blocks;
	uint64_t phone_line_bytes, other_line_bytes; // powers of two
	uint64_t idle_ms;			     // a session without a line for so long ends
	uint64_t expire_ms; // a diagnosis without evidence for so long expires
	uint64_t seed;	    // of the hash of keys
};

struct diagnosis_table;
struct identity;
struct history; // sightings of one session: history.c

enum { SESSION_CLASS_PHONE, SESSION_CLASS_OTHER };

// What nobody but the owner looks at.
struct session_links {
	uint64_t wake_ms; // an absence would be proved then; UINT64_MAX: none
	uint32_t hash_next, older, newer, history, diagnoses;
	uint8_t class;
	// A phone whose own lines come from elsewhere than the gateway says: its lines go on to
	// there.
	struct device redirect_device;
	uint64_t redirect_ms;
	struct session_key redirect;
};

struct session_table {
	struct session_limits limits;
	struct session *sessions;
	_Atomic(uint32_t) *sequences; // of sessions
	struct identity *identities;
	_Atomic(uint32_t) *identity_sequences;
	struct line_ring lines[2]; // 0: of phones and gateways, 1: of others
	struct diagnosis_table *diagnoses;
	gauge_t n_sessions, n_identities, n_phones, n_histories;
	gauge_t high_water; // sessions beyond it have never been used

	// the worker's own
	struct session_links *links;
	struct history *histories;
	uint32_t *buckets, n_buckets;
	uint32_t free_session, free_identity, free_history;
	uint32_t identities_used, histories_used; // ever taken: places beyond have never been used
	uint32_t oldest[2], newest[2];		  // by age: 0 phones, 1 others
	uint32_t spare[2];			  // by age: who is older can spare no history
	uint32_t sweep;
	uint64_t sweep_ms;

	// what it works with
	const struct ruleset *ruleset; // changes by reload
	const struct gateway_table *gateways;
	struct accepted *accepted; // this worker's part of what phones accept, by gateway
	struct open_counts *open;
	struct counters *counters;
	event_emit_fn emit; // aliases, moved lines: taken later, never from within
	void *emit_context;
	void (*changed)(void *context, uint32_t diagnosis); // the outbox
	void *changed_context;
};

// -ENOMEM: nothing is left behind.
[[nodiscard]] int session_table_init(
	struct session_table *table, const struct session_limits *limits);
void session_table_fini(struct session_table *table);

// Take one event: find or make the session of event->key, learn who it is, keep the line, step the
// diagnoses that look at it.
void session_update(struct session_table *table, struct event *event);

// What session_update() will touch of a key's session, brought near while other work is done:
// memory is slow, and each place tells where the next one is. In three looks, each for many keys
// before the next. Nothing is changed, and nothing found here is relied on.
struct session_approach {
	const uint32_t *bucket;
	uint32_t at;
};
void session_approach(struct session_table *table, const struct session_key *key,
	struct session_approach *approach);
void session_approach_slot(struct session_table *table, struct session_approach *approach);
void session_approach_rest(struct session_table *table, const struct session_key *key,
	const struct session_approach *approach);

// STAGE_MOVE: what the session of `from` knows of the device belongs to `to` from now on, and is
// handed over.
void session_move(struct session_table *table, const struct session_key *from,
	const struct device *device, const struct session_key *to, uint64_t now_ms);

// STAGE_TAKE: a piece of what another session has handed over to event->key.
void session_take(struct session_table *table, struct event *event);

// What time does: quiet recoveries, absences, expiry, idle ends. At most max sessions are looked
// at; with none held back, the whole table is passed within SESSION_SWEEP_MS of the clock. false:
// it was not yet time to look at one.
bool session_expire_step(struct session_table *table, uint64_t now_ms, uint32_t max);
#define SESSION_SWEEP_MS 10000

// Before the worker runs: the session as it was known before a restart, found or made. Slot, or
// SESSION_NONE: there is no room, and nobody gives way.
uint32_t session_restore(struct session_table *table, const struct session_key *key, bool phone,
	uint64_t first_ms, uint64_t last_ms);

// The reload of a ruleset: diagnoses whose rule is gone expire at the next sweep.
void session_set_ruleset(struct session_table *table, const struct ruleset *ruleset);

// ---- for the files that work on a session in hand: identity, history, diagnosis, judge ----

// A session taken out to be changed; session_update() publishes it when all is done.
struct subject {
	struct session_table *table;
	struct session session;
	uint32_t index;
	uint64_t now_ms;
};

uint32_t *session_diagnoses(struct session_table *table, uint32_t index); // head of its list
uint64_t *session_wake_ms(struct session_table *table, uint32_t index);

// Publish what the subject has become.
void session_put(struct subject *subject);

// The session of the same class that was heard next after this one, or SESSION_NONE.
uint32_t session_newer(const struct session_table *table, uint32_t index);

#define SPARE_LOOK_MAX 64 // sessions looked at for one that can spare something

// ---- for any thread ----

bool session_read(const struct session_table *table, uint32_t index, struct session *out);

// The line at a position that session.last_line or line.previous gave; false: overwritten.
bool session_line_read(
	const struct session_table *table, uint64_t position, struct line_buffer *out);
