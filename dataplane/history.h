// SPDX-License-Identifier: BSD-3-Clause
// history: what a session has seen: sightings, a few words each, for the rules; and the lines
// themselves in the worker's rings. Only sessions of which something is wanted have one.
#pragma once

#include "session.h"

struct history {
	uint32_t n, next_free;
	uint32_t generation; // of the rules by whose conditions the sightings were looked at
	struct sighting sightings[SESSION_SIGHTINGS_MAX];
};

// The event as the rules see it. line: where it is kept, LINE_NONE: nowhere.
struct sighting history_sighting(
	const struct event *event, const struct event_use *use, uint64_t line, uint8_t identity);

// Whether the session has just seen the same line: through a second relay, or a standby unit.
bool history_is_copy(const struct session_table *table, uint32_t index, const struct event *event);

// Other rules look at other conditions: look at what was seen by those of now.
void history_refresh(struct session_table *table, uint32_t index);

// Keep a sighting in the order of time; lines that were held come a little late.
void history_keep(struct subject *subject, const struct sighting *sighting);

// Keep the line; returns its position.
uint64_t history_keep_line(struct subject *subject, const struct event *event, uint8_t identity);

// Sightings of a session, oldest first; NULL: none.
const struct sighting *history_sightings(
	const struct session_table *table, uint32_t index, unsigned *n);

// Forget what was seen of one identity: its number may become another's.
void history_forget(struct session_table *table, uint32_t index, uint8_t identity);

// Forget what some events (NULL: any) told of an identity until a time: what came of it is over.
void history_void(struct session_table *table, uint32_t index, const uint64_t *events,
	uint8_t identity, uint64_t until_ms);

// What was seen of one identity is of another: they are the same.
void history_rename(struct session_table *table, uint32_t index, uint8_t from, uint8_t to);

// What some events told of nobody by name since a time turns out to be of this identity.
void history_name(struct session_table *table, uint32_t index, const uint64_t *events,
	uint8_t identity, uint64_t since_ms);

// What was doubtful since a time is no more: the phone has said itself that it fails.
void history_settle_doubt(struct session_table *table, uint32_t index, uint64_t since_ms);

// The clock was set back: forget what bears a later time.
void history_set_back(struct session_table *table, uint32_t index, uint64_t now_ms);

void history_free(struct session_table *table, uint32_t index);
