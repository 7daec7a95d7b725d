// SPDX-License-Identifier: BSD-3-Clause
// record: one state of one thing that is told outside: a diagnosis or an alert, as the text of its
// JSON object. Immutable once made, so that threads may share it; counted references.
#pragma once

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum record_kind {
	RECORD_DIAGNOSIS, // as `diagnoses` shows it; key: its id
	RECORD_ALERT,	  // as `alerts` shows it; key: its id
	// Kept for the next start, told to nobody: only the last state of each key counts.
	RECORD_PHONE,	// what ties a phone to its addresses; key: device, else user and gateway
	RECORD_GATEWAY, // what is known of a gateway's days; key: its name
	RECORD_KINDS,
};
#define RECORD_IS_TOLD(kind) ((kind) <= RECORD_ALERT)

struct record {
	atomic_uint references;
	enum record_kind kind;
	bool is_open; // a diagnosis that is open, an alert that fires; set by whoever made it
	// In the order of the journal, from 1, growing over restarts too, without a gap. What is
	// told to nobody bears the number of what was told last before it.
	uint64_t number;
	uint64_t made_ms; // wall clock
	uint32_t key_len, text_len;
	char bytes[]; // key, NUL, text, NUL
};

static inline const char *record_key(const struct record *record)
{
	return record->bytes;
}

static inline const char *record_text(const struct record *record)
{
	return record->bytes + record->key_len + 1;
}

// Its object, for the calling thread alone: to be given back with json_decref(). NULL: no memory.
json_t *record_json(const struct record *record);

// One reference. NULL: out of memory.
struct record *record_create(enum record_kind kind, uint64_t number, uint64_t made_ms,
	const char *key, const char *text, size_t text_len);
struct record *record_share(struct record *record);
void record_release(struct record *record); // NULL is nothing
