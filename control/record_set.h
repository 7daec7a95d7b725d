// SPDX-License-Identifier: BSD-3-Clause
// record_set: one record for each thing, found by kind and key. Takes no lock.
#pragma once

#include "record.h"

struct record_set {
	void *root; // of search.h
	size_t n, bytes;
};

// Takes the reference, in place of the thing's record before, which is given back. false: out of
// memory, the reference is given back too.
bool record_set_put(struct record_set *set, struct record *record);
// NULL: none of this kind and key. Stays the set's.
struct record *record_set_find(const struct record_set *set, const struct record *like);
// Any of them, with its reference. NULL: it is empty.
struct record *record_set_take(struct record_set *set);
// No record of this thing any more.
void record_set_remove(struct record_set *set, const struct record *like);
// All of them, each with a reference of its own; to be freed. NULL: none, or out of memory.
struct record **record_set_all(const struct record_set *set, size_t *n);
void record_set_fini(struct record_set *set);
