// SPDX-License-Identifier: BSD-3-Clause
// policy: what the operator has told about the site: names that an ASA prints in place of
// addresses, relays, groups of phones. Made by control from the config, read-only for the life of
// the workers.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../rules/address.h"
#include "../rules/slice.h"

#define POLICY_NAMES_MAX 65536
#define POLICY_RELAYS_MAX 1024
#define POLICY_GROUPS_MAX 64

struct policy_name {
	const char *name;
	struct address address;
};

struct policy_relay {
	struct address address;
	uint8_t prefix; // bits of the 128; an IPv4 /24 is 120
};

struct policy {
	struct policy_name *names; // sorted by name, policy_sort()
	size_t n_names;
	struct policy_relay relays[POLICY_RELAYS_MAX];
	size_t n_relays;
	const char *phone_groups[POLICY_GROUPS_MAX]; // globs, any case
	size_t n_phone_groups;
};

void policy_sort(struct policy *policy);

// The address behind a name of the ASA's `name` command; false: not mapped.
bool policy_name_find(const struct policy *policy, struct slice name, struct address *out);

// Whether what this sender sends is other machines' logs.
bool policy_is_relay(const struct policy *policy, const struct address *sender);

bool policy_is_phone_group(const struct policy *policy, struct slice group);
