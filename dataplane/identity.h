// SPDX-License-Identifier: BSD-3-Clause
// identity: the users and devices at one address, told apart by device or user: who a line is
// about, what is known of it, and the aliases that lead to it from elsewhere.
#pragma once

#include "session.h"

#define IDENTITIES_MAX 16 // of one session
#define IDENTITY_USER_MAX 64
#define IDENTITY_GROUP_MAX 64

#define IDENTITY_PHONE 1
#define IDENTITY_HAS_ASA 2   // a gateway has named it, not its own lines alone
#define IDENTITY_CONNECTED 8 // its tunnel has come up, and not ended since
#define IDENTITY_CERTIFIED 4 // a gateway's line has told its device: a certificate's name, mostly

// One user or device at an address. Number 0 is nobody by name.
struct identity {
	struct device device;
	uint16_t gateway;
	uint64_t last_ms;
	uint64_t aliases_ms;	 // when its aliases were last told
	uint64_t assigned_ms;	 // when it was given its last tunnel address; 0: never
	struct moment tunnel_up; // last sign of a working tunnel; ms 0: none
	struct address tunnel;
	uint32_t next; // in its session
	uint8_t number, flags;
	uint16_t unused;
	// Names, which hardly ever change once they are known; what is above does with every line.
	char model[EVENT_MODEL_MAX];
	char user[IDENTITY_USER_MAX]; // terminated, cut
	char tunnel_group[IDENTITY_GROUP_MAX];
	char group_policy[IDENTITY_GROUP_MAX];
};

// Learn from a line who it is about. Number of the identity, 0: nobody by name.
uint8_t identity_of(struct subject *subject, const struct event *event);

// What another session knew of one: learn it. Then, by whatever of it that session tells.
void identity_take(struct subject *subject, const struct identity *known);
uint8_t identity_known_as(
	const struct subject *subject, const struct device *device, uint64_t user_hash);
// All of it has come: its name may lead here now, or to where it draws it on to.
void identity_taken(struct subject *subject, uint8_t number);

// Before the worker runs: one as it was known before a restart, found or made, and its aliases.
// Number of it, 0: there is no room, and nobody gives way.
uint8_t identity_restore(struct subject *subject, const struct identity *known);

// It has no tunnel any more. number 0: the only phone of the address.
void identity_note_end(struct subject *subject, uint8_t number);

// There are phones at the address, and the tunnel of each is up.
bool identity_all_connected(const struct subject *subject);

// A tunnel is up: what its phone has suffered before is over; or it has ended.
void identity_note_tunnel(struct subject *subject, const struct event *event,
	const struct sighting *sighting, uint8_t number);

// The clock was set back: what bears a later time has just been.
void identity_set_back(struct subject *subject);

const struct identity *identity_by_number(const struct subject *subject, uint8_t number);
// The only identity of the session where it is a phone, or NULL.
const struct identity *identity_only_phone(const struct subject *subject);
// Slot of the identity of a device in the session, or SESSION_NONE.
uint32_t identity_find_device(const struct subject *subject, const struct device *device);

// Take an identity out of the session in hand.
void identity_drop(struct subject *subject, uint32_t slot);
// Give back the slot of a session that ends.
void identity_free(struct session_table *table, uint32_t slot);

// Any thread. false: the slot is free.
bool identity_read(const struct session_table *table, uint32_t slot, struct identity *out);
