// SPDX-License-Identifier: BSD-3-Clause
// recall: a word for each of many ids, of which the longest unused are forgotten, so that it never
// grows. Two generations: what is asked for is in the young one; when that is full the old one
// goes, but for what is held.
#pragma once

#include <stdint.h>

#define RECALL_HOLD (1ull << 63) // in a word: not to be forgotten

struct recall;

// n_kept: ids that are surely kept; no more may be held at once. NULL: out of memory.
struct recall *recall_create(uint32_t n_kept);
void recall_destroy(struct recall *recall);

// The word of an id, 0 where it is new; good until the next call. NULL: out of memory.
uint64_t *recall_at(struct recall *recall, uint64_t id);
