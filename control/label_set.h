// SPDX-License-Identifier: BSD-3-Clause
// label_set: the values that one label may have. They come from the network, so there are only so
// many: whoever comes later is `other`. A value once there keeps its place.
#pragma once

#include "../rules/slice.h"

#define LABEL_VALUE_MAX 96 // longer ones are cut
#define LABEL_OTHER "other"

struct label_set;

// max: 1 to 16384. NULL: out of memory.
struct label_set *label_set_create(unsigned max);
void label_set_destroy(struct label_set *set);

// Place 0 is `other`'s, from the start on. An empty value is `unknown`.
unsigned label_set_place(struct label_set *set, struct slice value);
unsigned label_set_count(const struct label_set *set); // places in use, `other` among them
unsigned label_set_max(const struct label_set *set);   // places there can be
struct slice label_set_value(const struct label_set *set, unsigned place);
