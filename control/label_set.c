// SPDX-License-Identifier: BSD-3-Clause
#include "label_set.h"

#include <assert.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct value {
	uint32_t len;
	char text[LABEL_VALUE_MAX];
};

struct label_set {
	struct value *values;
	uint16_t *buckets; // open addressing: a place, 0 for none
	unsigned n, max, n_buckets;
};

struct label_set *label_set_create(unsigned max)
{
	assert(max > 0 && max <= 16384);
	struct label_set *set = calloc(1, sizeof(*set));
	if (set == NULL)
		return NULL;
	set->max = max + 1;
	set->n_buckets = 8;
	while (set->n_buckets < 2 * set->max)
		set->n_buckets *= 2;
	set->values = calloc(set->max, sizeof(*set->values));
	set->buckets = calloc(set->n_buckets, sizeof(*set->buckets));
	if (set->values == NULL || set->buckets == NULL) {
		label_set_destroy(set);
		return NULL;
	}
	set->values[0].len = sizeof(LABEL_OTHER) - 1;
	memcpy(set->values[0].text, LABEL_OTHER, sizeof(LABEL_OTHER) - 1);
	set->n = 1;
	return set;
}

void label_set_destroy(struct label_set *set)
{
	if (set == NULL)
		return;
	free(set->values);
	free(set->buckets);
	free(set);
}

unsigned label_set_place(struct label_set *set, struct slice value)
{
	if (value.len == 0)
		value = slice_of("unknown");
	value = slice_first(value, LABEL_VALUE_MAX);
	if (slice_equals_text(value, LABEL_OTHER))
		return 0;
	unsigned at = (unsigned)XXH3_64bits(value.data, value.len) & (set->n_buckets - 1);
	for (; set->buckets[at]; at = (at + 1) & (set->n_buckets - 1)) {
		if (slice_equals(value, label_set_value(set, set->buckets[at])))
			return set->buckets[at];
	}
	if (set->n == set->max)
		return 0;
	set->values[set->n].len = value.len;
	memcpy(set->values[set->n].text, value.data, value.len);
	set->buckets[at] = (uint16_t)set->n;
	return set->n++;
}

unsigned label_set_count(const struct label_set *set)
{
	return set->n;
}

unsigned label_set_max(const struct label_set *set)
{
	return set->max;
}

struct slice label_set_value(const struct label_set *set, unsigned place)
{
	return (struct slice){set->values[place].text, set->values[place].len};
}
