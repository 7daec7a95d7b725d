// SPDX-License-Identifier: BSD-3-Clause
// seq: one writer changes a record, others copy it without a lock; the reader retries, never the
// writer (a sequence lock). The copy goes by relaxed atomic words, so that a torn read is no data
// race, only a copy that is thrown away.
//
// The writer may read its record as it likes, but changes it only here.
#pragma once

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "halt.h"

typedef uint64_t __attribute__((may_alias)) seq_word;

// Copy whole words; bytes must be a multiple of 8 and both sides aligned to 8. half: what tests
// call the middle of it.
static inline void seq_store_words(void *record, const void *from, size_t bytes, enum halt half)
{
	seq_word *to = record;
	const seq_word *source = from;
#pragma GCC unroll 8
	for (size_t i = 0; i < bytes / 8; i++) {
		if (i == bytes / 16)
			halt_at(half);
		__atomic_store_n(&to[i], source[i], __ATOMIC_RELAXED);
	}
}

static inline void seq_load_words(void *to, const void *record, size_t bytes)
{
	seq_word *copy = to;
	const seq_word *from = record;
#pragma GCC unroll 8
	for (size_t i = 0; i < bytes / 8; i++)
		copy[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

// The record becomes `value`. sequence: odd while it changes.
static inline void seq_publish(
	_Atomic(uint32_t) *sequence, void *record, const void *value, size_t bytes, enum halt half)
{
	uint32_t before = atomic_load_explicit(sequence, memory_order_relaxed);
	atomic_store_explicit(sequence, before + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	seq_store_words(record, value, bytes, half);
	atomic_store_explicit(sequence, before + 2, memory_order_release);
}

// One attempt; false: the record changed meanwhile.
static inline bool seq_try_read(
	const _Atomic(uint32_t) *sequence, void *copy, const void *record, size_t bytes)
{
	uint32_t before = atomic_load_explicit(sequence, memory_order_acquire);
	if (before & 1)
		return false;
	seq_load_words(copy, record, bytes);
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(sequence, memory_order_relaxed) == before;
}

#define SEQ_TRIES 64   // a record changes in well under a microsecond ...
#define SEQ_YIELDS 256 // ... unless its writer has lost its core in the middle of it

// Wait between two attempts, the n-th. false: enough of them.
static inline bool seq_wait(unsigned n)
{
	if (n >= SEQ_TRIES)
		sched_yield();
	return n < SEQ_TRIES + SEQ_YIELDS;
}

// As often as it takes. false: the writer does not come to an end. Not in a worker's loop.
static inline bool seq_read(
	const _Atomic(uint32_t) *sequence, void *copy, const void *record, size_t bytes)
{
	unsigned n = 0;
	while (!seq_try_read(sequence, copy, record, bytes)) {
		if (!seq_wait(n++))
			return false;
	}
	return true;
}
