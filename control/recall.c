// SPDX-License-Identifier: BSD-3-Clause
#include "recall.h"

#include <stddef.h>
#include <stdlib.h>

struct entry {
	uint64_t id; // plus one, 0: free
	uint64_t word;
};

struct recall {
	struct entry *young, *old; // old: NULL at first
	uint32_t n_kept, n_young, n_slots;
};

static struct entry *generation_create(const struct recall *recall)
{
	return calloc(recall->n_slots, sizeof(struct entry));
}

struct recall *recall_create(uint32_t n_kept)
{
	struct recall *recall = calloc(1, sizeof(*recall));
	if (recall == NULL)
		return NULL;
	recall->n_kept = n_kept;
	recall->n_slots = 16;
	// Half of a generation is what the last one held, half is new: two thirds full at most.
	while (recall->n_slots < 3ull * n_kept && recall->n_slots < 1u << 31)
		recall->n_slots *= 2;
	recall->young = generation_create(recall);
	if (recall->young)
		return recall;
	recall_destroy(recall);
	return NULL;
}

void recall_destroy(struct recall *recall)
{
	if (recall == NULL)
		return;
	free(recall->young);
	free(recall->old);
	free(recall);
}

// Its place, or the free one where it would stand. Ids are hashes already.
static struct entry *find(const struct recall *recall, struct entry *generation, uint64_t key)
{
	uint32_t at = (uint32_t)(key ^ key >> 32) & (recall->n_slots - 1);
	while (generation[at].id && generation[at].id != key)
		at = (at + 1) & (recall->n_slots - 1);
	return &generation[at];
}

static void carry_over(struct recall *recall, struct entry *fresh)
{
	for (uint32_t i = 0; recall->old && i < recall->n_slots; i++) {
		const struct entry *entry = &recall->old[i];
		// What was asked for since is in the young generation, as it is now.
		if (!(entry->word & RECALL_HOLD) || recall->n_young == recall->n_kept ||
			find(recall, recall->young, entry->id)->id)
			continue;
		*find(recall, fresh, entry->id) = *entry;
		recall->n_young++;
	}
}

static int turn(struct recall *recall)
{
	struct entry *fresh = generation_create(recall);
	if (fresh == NULL)
		return -1;
	recall->n_young = 0;
	carry_over(recall, fresh);
	free(recall->old);
	recall->old = recall->young;
	recall->young = fresh;
	return 0;
}

uint64_t *recall_at(struct recall *recall, uint64_t id)
{
	uint64_t key = id + 1 ? id + 1 : 1;
	struct entry *entry = find(recall, recall->young, key);
	if (entry->id)
		return &entry->word;
	if (recall->n_young >= 2 * (uint64_t)recall->n_kept) {
		if (turn(recall) < 0)
			return NULL;
		entry = find(recall, recall->young, key);
		if (entry->id)
			return &entry->word;
	}
	const struct entry *before = recall->old ? find(recall, recall->old, key) : NULL;
	*entry = (struct entry){key, before ? before->word : 0};
	recall->n_young++;
	return &entry->word;
}
