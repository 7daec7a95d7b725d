// SPDX-License-Identifier: BSD-3-Clause
// diagnosis: one failure of one phone (or gateway): opened, confirmed, recovered, expired.
//
// Owned by the worker that owns the session; control copies a diagnosis and its evidence by its
// sequence counter. A closed one stays until control has acknowledged it and its place is needed.
#pragma once

#include "identity.h"

#define DIAGNOSIS_DEVICES_MAX IDENTITIES_MAX
#define DIAGNOSIS_CAUSE_MAX 32
#define DIAGNOSIS_RELAPSE_MS 60000 // a failure that comes back within is the same one

enum diagnosis_state {
	DIAGNOSIS_FREE,
	DIAGNOSIS_OPEN,
	DIAGNOSIS_RECOVERED,
	DIAGNOSIS_EXPIRED,  // no evidence for long, or its rule is gone
	DIAGNOSIS_ABSORBED, // a consequence of another one, or merged: not a diagnosis of its own
};
extern const char *const diagnosis_state_names[];

struct diagnosis {
	uint64_t id;		// as it is told; changes when an older one is adopted
	uint64_t serial;	// of this slot's use: tells one diagnosis from the next
	struct session_key key; // of its session
	uint64_t first_ms, last_ms, closed_ms;
	struct moment recovered;       // where it has
	struct address client, tunnel; // none where unknown
	struct device device;
	uint16_t number; // of the rule, in the vocabulary
	uint32_t sequence, count;
	uint16_t gateway;
	uint8_t scope, state, confidence; // confidence as proved; capped where is_phone is false
	uint8_t is_phone, ambiguous, identity;
	uint8_t n_devices;
	uint8_t sources; // bits of enum message_source: who has told of it
	uint8_t unused[6];
	struct evidence evidence;
	struct device devices[DIAGNOSIS_DEVICES_MAX]; // phones known at an ambiguous one's address
	char model[EVENT_MODEL_MAX];
	char user[IDENTITY_USER_MAX];
	char tunnel_group[IDENTITY_GROUP_MAX];
	char group_policy[IDENTITY_GROUP_MAX];
	char cause[DIAGNOSIS_CAUSE_MAX];
};

#define DIAGNOSIS_NONE UINT32_MAX
#define DIAGNOSIS_EVENTS_MAX 24 // different events among the evidence of one

// What nobody but the owner looks at.
struct diagnosis_links {
	uint32_t session; // slot, DIAGNOSIS_NONE: its session has ended
	uint32_t next;	  // in its session
	uint32_t older, newer;
	uint8_t age, n_events;
	struct {
		uint16_t event;
		uint16_t n; // lines of it that have come
		uint64_t last_ms;
	} events[DIAGNOSIS_EVENTS_MAX];
	uint32_t attempt;      // bits of `events`: seen in the present attempt
	uint16_t attempt_port; // the client's, 0: no line has told it
	bool attempt_over;     // whatever comes next is of another one
};

struct diagnosis_table {
	struct diagnosis *slots;
	_Atomic(uint32_t) *sequences;
	_Atomic(uint64_t) *acknowledged; // control writes: diagnosis_mark() of what it has told
	struct evidence_pool *evidence;
	uint32_t n_max;
	gauge_t n_open, n_open_phones, n_closed;
	gauge_t high_water;

	// the worker's own
	uint64_t n_ever;
	uint32_t n_others; // open ones of clients that are no phones
	struct diagnosis_links *links;
	uint32_t free_slot;
	uint32_t oldest[3], newest[3]; // by age: open phones and gateways, open others, closed
};

struct diagnosis_table *diagnosis_table_create(uint32_t n_diagnoses, uint32_t n_evidence_blocks);
void diagnosis_table_destroy(struct diagnosis_table *table);

// A diagnosis taken out to be changed, by its owner; diagnosis_put() publishes it and tells
// control.
struct diagnosis_work {
	struct subject *subject;
	struct diagnosis_table *table;
	const struct diagnosis_rule *rule; // NULL: a reload removed it
	uint32_t slot;
	struct diagnosis d;
};

// A new one of the subject, open, without evidence; false: no room. Not seen by anybody before
// diagnosis_put().
bool diagnosis_new(
	struct subject *subject, const struct diagnosis_rule *rule, struct diagnosis_work *out);
struct diagnosis_work diagnosis_take(struct subject *subject, uint32_t slot);
void diagnosis_put(struct diagnosis_work *work);
void diagnosis_close(struct diagnosis_work *work, enum diagnosis_state state, uint64_t at_ms);
// by: the line of the success, LINE_NONE: none.
void diagnosis_recover(struct diagnosis_work *work, uint64_t at_ms, uint64_t by);

// Let go of what has long been closed: no relapse, and nothing that was seen before it, looks back
// so far. A session keeps SESSION_CLOSED_MAX of the closed ones at most.
void diagnosis_trim(struct subject *subject);
#define SESSION_CLOSED_MAX 4

// The clock was set back: let go of what has closed at a later time.
void diagnosis_forget_later(struct subject *subject);

// A line of evidence finds no room: let the oldest closed diagnosis go that can be spared, but for
// this one. false: there is none.
bool diagnosis_make_room(struct session_table *table, uint32_t except);

// Bring a slot near that will be looked at soon; DIAGNOSIS_NONE: nothing.
void diagnosis_prefetch(const struct session_table *table, uint32_t slot);

// Whether the session has diagnoses that are open.
bool diagnosis_any_open(struct session_table *table, uint32_t session);

// The session ends: its closed diagnoses stay, by themselves.
void diagnosis_detach(struct session_table *table, uint32_t session);

// Confidence as it may be told.
static inline enum confidence diagnosis_confidence(const struct diagnosis *d)
{
	bool capped =
		d->scope == SCOPE_PHONE && !d->is_phone && d->confidence > CONFIDENCE_SUSPECTED;
	return capped ? CONFIDENCE_SUSPECTED : (enum confidence)d->confidence;
}

enum diagnosis_reading {
	DIAGNOSIS_READ,
	DIAGNOSIS_NOT_THERE, // the slot is free
	DIAGNOSIS_BUSY, // its worker has stopped in the middle of a change, and tells of it later
};

// Copy a diagnosis and its evidence (lines: EVIDENCE_BYTES_MAX bytes, aligned to 8; NULL: not asked
// for). Any thread but a worker's.
enum diagnosis_reading diagnosis_read(
	const struct diagnosis_table *table, uint32_t slot, struct diagnosis *out, void *lines);

// One state of one diagnosis: slots are used again, and sequences begin anew.
static inline uint64_t diagnosis_mark(const struct diagnosis *d)
{
	return d->serial << 32 | d->sequence;
}

// Whether control has told everybody of this state.
bool diagnosis_is_acknowledged(
	const struct diagnosis_table *table, uint32_t slot, const struct diagnosis *d);
// Control has told everybody of this state.
void diagnosis_acknowledge(
	struct diagnosis_table *table, uint32_t slot, const struct diagnosis *told);
