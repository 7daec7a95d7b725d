// SPDX-License-Identifier: BSD-3-Clause
// journal: all that is told outside, in one order, and the last state of each thing, kept over a
// crash. The control thread appends; one writer thread puts batches into an SQLite database
// (store.h); what is there is *settled*, and only then told: to `watch`, and to the outlets, each
// of which reads at its own pace from a place (cursor) that is kept too. So an outlet's queue is a
// window of the journal in memory, its spool is the database, and what `watch` has shown is there
// after a kill -9.
//
// Without a directory, or while the disk refuses or hangs, records settle at once, in memory alone;
// what an outlet that lags has not read when the window moves on is lost to it, and counted.
#pragma once

#include <stdbool.h>

#include "record.h"

struct journal;
struct journal_reader;

#define JOURNAL_PATIENCE_MS 10000
#define JOURNAL_WINDOW 8192 // records in memory, some 3 KB each, unless somebody has reasons

struct journal_options {
	const char *directory; // NULL: memory only
	uint64_t keep_ms;      // records and closed diagnoses older than this go
	uint64_t keep_bytes;   // of the database; then the oldest go
	unsigned window;       // records in memory, beside those that are still to be written
	unsigned patience_ms;  // a write that takes longer is waited for by nobody; 0: it is
};

// NULL: *error says why. A damaged database is set aside and the daemon starts with a new one:
// journal_status() and the log say so.
struct journal *journal_create(const struct journal_options *options, char *error, size_t size);
// Writes what is still to be written, a second at most.
void journal_destroy(struct journal *journal);

// ---- control thread ----

// Takes a state of a thing. The object is kept as text; the caller keeps his reference. Returns its
// number (of what is told to nobody, that of what was told last before it); 0: out of memory,
// counted.
uint64_t journal_append(
	struct journal *journal, enum record_kind kind, const char *key, const json_t *object);
// This thing is no more: nothing of its state at the next start. Not for what is told.
void journal_forget(struct journal *journal, enum record_kind kind, const char *key);

// Everything up to this number is settled. Any thread.
uint64_t journal_settled(const struct journal *journal);
// Readable when more has settled since journal_notice() was called last.
int journal_descriptor(const struct journal *journal);
void journal_notice(struct journal *journal);

// The last state of each thing of a kind, as the last daemon left it (of diagnoses: open ones, and
// those that have recovered since `since_ms`; of alerts: all). In no order. Before anything is
// appended.
typedef void (*journal_each_fn)(void *context, const char *key, json_t *object);
void journal_each(struct journal *journal, enum record_kind kind, uint64_t since_ms,
	journal_each_fn each, void *context);

// The retention, and the next try of a disk that refused. About once a second.
void journal_tick(struct journal *journal, uint64_t now_ms);

// {"path":..,"state":"durable|memory|off","records":N,"bytes":N,"lost":N,...}
json_t *journal_status(const struct journal *journal);
// Whether the disk refuses what is to be kept.
bool journal_is_degraded(const struct journal *journal);

// ---- readers: any one thread each ----

// Begins where the reader of that name has stopped, else with what is appended from now on. NULL:
// out of memory.
struct journal_reader *journal_reader_create(struct journal *journal, const char *name);
void journal_reader_destroy(struct journal_reader *reader);

// Up to `max` settled diagnoses and alerts after those that were taken before; waits for the first
// one, wait_ms at most, or until journal_reader_wake(). To be given back with record_release().
size_t journal_reader_take(
	struct journal_reader *reader, struct record **out, size_t max, unsigned wait_ms);
// Records up to this number are done with: the place is kept (within a second or so: after a crash
// they can come again).
void journal_reader_done(struct journal_reader *reader, uint64_t number);
void journal_reader_wake(struct journal_reader *reader); // any thread

struct journal_lag {
	uint64_t waiting; // settled, not done
	uint64_t limit;	  // of the window
	uint64_t lost;	  // gone before they were taken
};
struct journal_lag journal_reader_lag(const struct journal_reader *reader); // any thread

// The last state of each alert that is firing, settled. *n of them, each to be released, and the
// array to be freed. Any thread. NULL: none, or out of memory.
struct record **journal_firing(struct journal *journal, size_t *n);
