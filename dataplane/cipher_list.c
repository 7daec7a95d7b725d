// SPDX-License-Identifier: BSD-3-Clause
#include "cipher_list.h"

#include "../rules/condition.h"

void cipher_list_clear(struct cipher_list *list, uint32_t count)
{
	list->seen = 0;
	list->len = 0;
	list->is_cut = false;
	list->count = count;
}

bool cipher_list_is_whole(const struct cipher_list *list)
{
	uint32_t n = (uint32_t)__builtin_popcountll(list->seen);
	uint64_t bits = list->seen >> 1;
	bool in_turn = (bits & (bits + 1)) == 0; // 1 to n
	return !list->is_cut && in_turn && (list->count == 0 || n == list->count);
}

// Where the entry of an index stands, or would: behind those of smaller ones.
static uint32_t place_of(const struct cipher_list *list, unsigned index)
{
	int n_before = __builtin_popcountll(list->seen & ((1ull << index) - 1));
	uint32_t at = 0;
	for (; n_before > 0 && at < list->len; at++)
		n_before -= list->names[at] == ' ';
	return n_before > 0 ? list->len : at;
}

void cipher_list_insert(struct cipher_list *list, unsigned index, struct slice name)
{
	uint32_t at = place_of(list, index), len = name.len + (list->len > 0);
	list->is_cut |= list->len + len > CIPHER_LIST_MAX;
	if (list->is_cut)
		return;
	memmove(list->names + at + len, list->names + at, list->len - at);
	list->len = (uint16_t)(list->len + len);
	list->seen |= 1ull << index;
	if (at > 0 && at + len == list->len)
		list->names[at++] = ' '; // the last one
	else if (at + len < list->len)
		list->names[at + name.len] = ' ';
	memcpy(list->names + at, name.data, name.len);
}

bool cipher_list_has(const struct cipher_list *list, unsigned index, struct slice name)
{
	uint32_t at = place_of(list, index);
	struct slice rest = {list->names + at, list->len - at}, word;
	return list_next(&rest, &word) && slice_equals(word, name);
}

void cipher_list_cut(struct cipher_list *list, unsigned index)
{
	uint32_t at = place_of(list, index);
	list->len = (uint16_t)(at ? at - 1 : 0);
	list->seen &= (1ull << index) - 1;
}

bool cipher_list_lacks_only(const struct cipher_list *list, uint64_t index)
{
	return index <= list->count && index <= CIPHER_LIST_ENTRIES_MAX &&
	       !(list->seen >> index & 1) &&
	       (uint32_t)__builtin_popcountll(list->seen) + 1 == list->count;
}
