// SPDX-License-Identifier: BSD-3-Clause
// store: the SQLite database of the history, and all SQL there is: records (what was told, in
// order), states (the last of each thing, for the next start), cursors (how far each outlet is).
//
// In WAL mode with synchronous=NORMAL: what is committed is there after the death of the process at
// any moment; a machine that loses its power can lose the last commits, never the order. A struct
// store belongs to one thread at a time and is the only one that writes; readers
// (store_reader.h) have connections of their own and delay it by nothing.
#pragma once

#include <stdbool.h>

#include "record.h"

#define STORE_FILE "history.db"
#define STORE_CURSOR_NAME_MAX 64
#define STORE_PATH_MAX 4096

struct store;

enum store_result {
	STORE_OK,
	STORE_REFUSED, // the disk is full, read-only, or fails: later, perhaps
	STORE_DAMAGED, // the database is none any more
	STORE_WRONG,   // it is another's: a newer offhook's, a running one's, or locked
};

struct store_cursor {
	char name[STORE_CURSOR_NAME_MAX];
	uint64_t number; // all up to this one are done with
};

// In one transaction: all of it, or nothing.
struct store_batch {
	struct record *const *states; // of things whose records are gone, or were never told; an
				      // empty text: the thing is no more. In any order
	size_t n_states;
	struct record *const *records; // told, in their order, after all of `states`
	size_t n_records;
	const struct store_cursor *cursors;
	size_t n_cursors;
};

// What is there.
struct store_size {
	uint64_t first, last; // number of the oldest record, 0: none; the last that was ever given
	uint64_t n_records;
	uint64_t bytes; // that are in use, of the database
};

// Makes the directory and the database where there is none; locks it for this process. A damaged
// database is first moved to `set_aside` (empty: it was not needed).
//
// is_damaged  the caller knows that it is
enum store_result store_open(const char *directory, bool is_damaged, struct store **out,
	char *set_aside, size_t set_aside_size, char *error, size_t size);
// Whether no database was ever made there.
bool store_is_new(const char *directory);
void store_close(struct store *store); // NULL is nothing
struct store_size store_size(const struct store *store);
// How much is in use, anew.
void store_measure(struct store *store);

// Otherwise than STORE_OK *error says why, and nothing was written.
enum store_result store_write(
	struct store *store, const struct store_batch *batch, char *error, size_t size);

// Deletes up to `max` of the records made before `before_ms`, or, where more than `most_bytes` are
// in use, of the oldest; and closed states of that age. *again: there is more of these.
enum store_result store_retain(struct store *store, uint64_t before_ms, uint64_t most_bytes,
	unsigned max, bool *again, char *error, size_t size);

// Takes the log (-wal) into the database, beside the thread that writes: only so a write never
// waits for fsync(). A thread of its own; not while the store is opened or closed.
// store_log_grows(): whether it is time; either thread.
void store_checkpoint(struct store *store);
bool store_log_grows(const struct store *store);
