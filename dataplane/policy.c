// SPDX-License-Identifier: BSD-3-Clause
#include "policy.h"

#include <stdlib.h>

#include "../rules/condition.h"

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct policy_name *)a)->name, ((const struct policy_name *)b)->name);
}

void policy_sort(struct policy *policy)
{
	if (policy->n_names)
		qsort(policy->names, policy->n_names, sizeof(*policy->names), compare_names);
}

static int compare_slice(struct slice key, const char *name)
{
	int order = strncmp(key.data, name, key.len);
	return order ? order : name[key.len] ? -1 : 0;
}

bool policy_name_find(const struct policy *policy, struct slice name, struct address *out)
{
	size_t low = 0, high = policy->n_names;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_slice(name, policy->names[middle].name);
		if (order == 0) {
			*out = policy->names[middle].address;
			return true;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static bool in_prefix(const struct policy_relay *relay, const struct address *a)
{
	unsigned bytes = relay->prefix / 8, bits = relay->prefix % 8;
	if (memcmp(relay->address.bytes, a->bytes, bytes) != 0)
		return false;
	return bits == 0 || ((relay->address.bytes[bytes] ^ a->bytes[bytes]) >> (8 - bits)) == 0;
}

bool policy_is_relay(const struct policy *policy, const struct address *sender)
{
	for (size_t i = 0; i < policy->n_relays; i++) {
		if (in_prefix(&policy->relays[i], sender))
			return true;
	}
	return false;
}

bool policy_is_phone_group(const struct policy *policy, struct slice group)
{
	for (size_t i = 0; i < policy->n_phone_groups; i++) {
		if (glob_matches(policy->phone_groups[i], group))
			return true;
	}
	return false;
}
