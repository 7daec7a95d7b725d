// SPDX-License-Identifier: BSD-3-Clause
// journal_writer: the inside of a journal, its one thread that writes to the store, and another one
// that has nothing to do but fsync() (store_checkpoint()). For journal*.c alone.
//
// The window is a ring of what was told last. What the writer has still to write is the window's
// part after `stored`, and the states in `unwritten`: of things that are told to nobody, and of
// those whose records left the window before the disk took them. A burst makes the ring longer for
// as long as the disk takes; a disk that refuses, or falls behind by more than
// JOURNAL_BACKLOG_MAX, or does not answer within the patience, costs no more memory than the window
// and one state for each thing, and what it missed is written once it takes again.
#pragma once

#include <pthread.h>

#include "journal.h"
#include "record_set.h"
#include "store_reader.h"

#define JOURNAL_BATCH_MAX 1024		    // records in one transaction, and as many states
#define JOURNAL_BACKLOG_MAX (128ull << 20)  // bytes of records in memory
#define JOURNAL_UNWRITTEN_MAX (64ull << 20) // bytes of states that wait; further ones are lost
#define JOURNAL_CURSORS_MAX 256
#define JOURNAL_ERROR_MAX 512

// How far the reader of a name is. Stays when the reader goes, until its room is needed.
struct reader_place {
	char name[STORE_CURSOR_NAME_MAX];
	uint64_t done, kept; // kept: of these the store knows
	bool is_new;	     // the store has no cursor of this name
	unsigned n_readers;  // that are there
};

struct journal {
	struct journal_options options;
	char *directory; // NULL: memory only
	int settled_event;
	pthread_t writer, checkpointer;

	// Held while the store is opened or closed, and during a checkpoint; before `lock`.
	pthread_mutex_t store_lock;

	// Readers that are behind the window share one connection.
	pthread_mutex_t behind_lock; // before `lock`, where both are held
	struct store_reader *behind; // NULL: none yet

	pthread_mutex_t lock; // guards all that follows
	pthread_cond_t work;  // for the writer
	pthread_cond_t log;   // for the checkpointer
	pthread_cond_t news;  // for readers: more has settled, or one is to wake

	struct record **window; // record n is at n % capacity
	size_t capacity, window_bytes;
	uint64_t began;	  // the last number before this start
	uint64_t first;	  // the oldest in the window; last + 1: it is empty
	uint64_t last;	  // was appended
	uint64_t claimed; // the writer has these in its hands
	uint64_t stored;  // the writer is done with these
	_Atomic uint64_t settled;
	struct record_set unwritten;
	struct record_set firing; // alerts, settled
	struct reader_place places[JOURNAL_CURSORS_MAX];
	size_t n_places;

	bool is_refused;     // records settle at once
	bool is_waiting;     // the last write failed: not before `is_due`
	bool is_due, stop;   // of the writer's next turn without new records
	bool is_damaged;     // a reader found the database to be
	uint64_t writing_ms; // steady clock: since when the writer has a turn in hand; 0: none
	uint64_t now_ms;     // at the last tick
	bool was_refused;    // as of the log
	uint64_t refused_ms; // since when
	uint64_t n_lost, n_states_lost, n_memory_lost, n_writes, n_errors, n_set_aside, n_opened;
	char error[JOURNAL_ERROR_MAX];	   // of the last write that failed
	char set_aside[JOURNAL_ERROR_MAX]; // the damaged database; empty: none
	bool set_aside_told;
	struct store_size size;

	struct store *store; // the writer's; before it starts and after it has ended the maker's
	bool is_running, is_stopped; // is_stopped: the writer has ended
	uint64_t tidied_ms;	     // when the retention was over; 0: it goes on
};

// Record `number` in the window.
static inline struct record **journal_at(const struct journal *journal, uint64_t number)
{
	return &journal->window[number % journal->capacity];
}

// Under the lock: `settled` moves on to `number`.
void journal_settle(struct journal *journal, uint64_t number);
// Under the lock: from now on records settle in memory alone.
void journal_refuse(struct journal *journal);
// Under the lock: a state that waits for the disk. Takes the reference.
void journal_keep_state(struct journal *journal, struct record *record);
// Under the lock: what the window need not hold any more leaves it, until it has room for `n`.
void journal_trim(struct journal *journal, size_t n);

// Under the lock. NULL: there is no reader of this name.
struct reader_place *journal_place(struct journal *journal, const char *name);
// Under behind_lock: whether the store can be read.
bool journal_open_behind(struct journal *journal);

// false: no thread.
bool journal_writer_start(struct journal *journal);
// Writes what is left, for a second at most. false: the disk hangs, the thread is still there and
// needs the journal.
bool journal_writer_stop(struct journal *journal);
