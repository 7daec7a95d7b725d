// SPDX-License-Identifier: BSD-3-Clause
// store_reader: a connection that reads what a store has written: the last states for a start,
// records for an outlet that lags, the history for whoever asks. One thread at a time each, and any
// thread beside the writer's.
#pragma once

#include "store.h"

struct store_reader;

// Also where nothing can be written: a disk that is read-only. NULL: *error says why.
struct store_reader *store_reader_open(const char *directory, char *error, size_t size);
void store_reader_close(struct store_reader *reader); // NULL is nothing

// What is there.
enum store_result store_reader_size(struct store_reader *reader, struct store_size *out);
// The furthest first.
typedef void (*store_cursor_fn)(void *context, const struct store_cursor *cursor);
enum store_result store_reader_each_cursor(
	struct store_reader *reader, store_cursor_fn each, void *context);

// The last state of each thing of a kind; of diagnoses: that are open, or have recovered since
// `since_ms`. Each record is the function's to release.
typedef void (*store_record_fn)(void *context, struct record *record);
enum store_result store_reader_each(struct store_reader *reader, enum record_kind kind,
	uint64_t since_ms, store_record_fn each, void *context);

// Records from `from` to `to`, the first `max` of them.
enum store_result store_reader_take(struct store_reader *reader, uint64_t from, uint64_t to,
	struct record **out, size_t max, size_t *n);

// What of the history is wanted. Of a thing without `changes` only the last state within the time.
struct store_filter {
	uint64_t since_ms, before_ms; // made from, made before
	uint64_t last;		      // what came later than this number is not yet there
	int kind;		      // -1: any
	const char *slug, *state;     // NULL: any
	const char *gateway;	      // NULL: any; in any case
	bool by_phone;		      // only where one of these three is in it; NULL: not this one
	const char *device, *address, *user;
	bool changes;
};

// Where a walk from the newest to the oldest is.
struct store_place {
	uint64_t made_ms, number;
};
#define STORE_PLACE_NEWEST ((struct store_place){INT64_MAX, INT64_MAX})

// Goes on with a walk by `max_seen` records at most, and gives up to `max` of those that are
// wanted; each is the caller's to release. *end: there is no more.
enum store_result store_reader_find(struct store_reader *reader, const struct store_filter *filter,
	struct store_place *place, size_t max_seen, struct record **out, size_t max, size_t *n,
	bool *end);
