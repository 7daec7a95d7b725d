// SPDX-License-Identifier: BSD-3-Clause
#include "record_set.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	const struct record *one = a, *other = b;
	if (one->kind != other->kind)
		return one->kind < other->kind ? -1 : 1;
	return strcmp(record_key(one), record_key(other));
}

static void count(struct record_set *set, const struct record *record, int by)
{
	size_t bytes = sizeof(*record) + record->key_len + record->text_len;
	set->n += (size_t)by;
	set->bytes += by > 0 ? bytes : -bytes;
}

bool record_set_put(struct record_set *set, struct record *record)
{
	struct record **place = tsearch(record, &set->root, compare);
	if (place == NULL) {
		record_release(record);
		return false;
	}
	struct record *before = *place;
	if (before != record) {
		count(set, before, -1);
		record_release(before);
	}
	*place = record;
	count(set, record, 1);
	return true;
}

struct record *record_set_find(const struct record_set *set, const struct record *like)
{
	struct record *const *place = tfind(like, &set->root, compare);
	return place ? *place : NULL;
}

struct record *record_set_take(struct record_set *set)
{
	// A node of search.h begins with its key.
	struct record *record = set->root ? *(struct record **)set->root : NULL;
	if (record) {
		tdelete(record, &set->root, compare);
		count(set, record, -1);
	}
	return record;
}

void record_set_remove(struct record_set *set, const struct record *like)
{
	struct record *record = record_set_find(set, like);
	if (record == NULL)
		return;
	tdelete(record, &set->root, compare);
	count(set, record, -1);
	record_release(record);
}

struct gathered {
	struct record **records;
	size_t n;
};

static void gather(const void *node, VISIT visit, void *context)
{
	struct gathered *all = context;
	if (visit == postorder || visit == leaf)
		all->records[all->n++] = record_share(*(struct record *const *)node);
}

struct record **record_set_all(const struct record_set *set, size_t *n)
{
	struct gathered all = {.records = set->n ? calloc(set->n, sizeof(*all.records)) : NULL};
	if (all.records)
		twalk_r(set->root, gather, &all);
	*n = all.n;
	return all.records;
}

static void release(void *record)
{
	record_release(record);
}

void record_set_fini(struct record_set *set)
{
	tdestroy(set->root, release);
	*set = (struct record_set){0};
}
