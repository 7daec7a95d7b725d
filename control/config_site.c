// SPDX-License-Identifier: BSD-3-Clause
#include "config_site.h"

#include <stdlib.h>

#include "../rules/field.h"

#define SHOWN_MAX 64 // bytes of a wrong value that an error quotes

static int shown(struct slice text)
{
	return (int)slice_first(text, SHOWN_MAX).len;
}

// ---- phone_groups ----

static bool read_group(struct yaml_file *file, struct fy_node *item, void *target)
{
	struct policy *policy = target;
	const char *glob = NULL;
	if (!yaml_text_copy(file, item, &glob))
		return false;
	if (glob[0] == '\0')
		return yaml_error(file, item, "an empty name fits no group");
	if (policy->n_phone_groups == POLICY_GROUPS_MAX)
		return yaml_error(file, item, "more than %d groups", POLICY_GROUPS_MAX);
	policy->phone_groups[policy->n_phone_groups++] = glob;
	return true;
}

bool config_read_groups(struct yaml_file *file, struct fy_node *value, struct policy *policy)
{
	policy->n_phone_groups = 0;
	return yaml_sequence(file, value, true, read_group, policy);
}

// ---- relays ----

static bool parse_relay(struct slice text, struct policy_relay *out)
{
	int32_t slash = slice_find(text, slice_of("/"));
	struct slice address = slash < 0 ? text : slice_first(text, (uint32_t)slash);
	// 0.0.0.0/0 is everybody, 0.0.0.0 nobody.
	if (!address_parse(address, &out->address) || (slash < 0 && address_is_none(&out->address)))
		return false;
	unsigned bits = address_is_ipv4(&out->address) ? 32 : 128, prefix = bits;
	if (slash >= 0) {
		struct slice digits = slice_from(text, (uint32_t)slash + 1);
		prefix = 0;
		if (digits.len == 0 || digits.len > 3)
			return false;
		for (uint32_t i = 0; i < digits.len; i++) {
			if (digits.data[i] < '0' || digits.data[i] > '9')
				return false;
			prefix = prefix * 10 + (unsigned)(digits.data[i] - '0');
		}
		if (prefix > bits)
			return false;
	}
	out->prefix = (uint8_t)(128 - bits + prefix);
	return true;
}

static bool read_relay(struct yaml_file *file, struct fy_node *item, void *target)
{
	struct policy *policy = target;
	struct slice text;
	if (!yaml_text(file, item, &text))
		return false;
	if (policy->n_relays == POLICY_RELAYS_MAX)
		return yaml_error(file, item, "more than %d relays", POLICY_RELAYS_MAX);
	if (!parse_relay(text, &policy->relays[policy->n_relays]))
		return yaml_error(file, item,
			"'%.*s' is no address (192.0.2.7, 2001:db8::7) and no prefix (10.1.0.0/16)",
			shown(text), text.data);
	policy->n_relays++;
	return true;
}

bool config_read_relays(struct yaml_file *file, struct fy_node *value, struct policy *policy)
{
	policy->n_relays = 0;
	return yaml_sequence(file, value, true, read_relay, policy);
}

// ---- names ----

static bool read_name(struct yaml_file *file, struct fy_node_pair *pair, struct policy *policy)
{
	struct fy_node *key = fy_node_pair_key(pair), *value = fy_node_pair_value(pair);
	struct policy_name *name = &policy->names[policy->n_names];
	struct slice text, address;
	if (!yaml_text(file, key, &text))
		return false;
	if (!field_is_host_name(text))
		return yaml_error(file, key,
			"'%.*s' is no name that an ASA prints: letters, digits and _-., not digits "
			"alone",
			shown(text), text.data);
	if (!yaml_text(file, value, &address))
		return false;
	if (!address_parse(address, &name->address) || address_is_none(&name->address))
		return yaml_error(file, value, "'%.*s' is no IPv4 or IPv6 address", shown(address),
			address.data);
	name->name = arena_text(file->arena, text);
	policy->n_names++;
	return true;
}

static bool check_unique(struct yaml_file *file, struct fy_node *value, const struct policy *policy)
{
	for (size_t i = 1; i < policy->n_names; i++) {
		if (strcmp(policy->names[i - 1].name, policy->names[i].name) == 0)
			return yaml_error(
				file, value, "the name '%s' stands twice", policy->names[i].name);
	}
	return true;
}

bool config_read_names(struct yaml_file *file, struct fy_node *value, struct policy *policy)
{
	void *iterator = NULL;
	struct fy_node_pair *pair;
	bool ok = true;
	if (!fy_node_is_mapping(value))
		return yaml_error(file, value, "must be a mapping of names to addresses");
	int n = fy_node_mapping_item_count(value);
	if (n > POLICY_NAMES_MAX)
		return yaml_error(file, value, "%d names, at most %d", n, POLICY_NAMES_MAX);
	policy->names = arena_zeroed(file->arena, (size_t)(n ? n : 1) * sizeof(*policy->names));
	policy->n_names = 0;
	while ((pair = fy_node_mapping_iterate(value, &iterator)) != NULL)
		ok &= read_name(file, pair, policy);
	policy_sort(policy);
	return ok && check_unique(file, value, policy);
}

// ---- sites ----

static bool read_site(struct yaml_file *file, struct fy_node_pair *pair, struct sites *sites)
{
	struct fy_node *key = fy_node_pair_key(pair), *value = fy_node_pair_value(pair);
	struct site *site = &sites->sites[sites->n];
	if (!yaml_text_copy(file, key, &site->gateway) || !yaml_text_copy(file, value, &site->site))
		return false;
	if (site->gateway[0] == '\0')
		return yaml_error(file, key, "an empty name fits no gateway");
	if (site->site[0] == '\0')
		return yaml_error(file, value, "a site needs a name");
	sites->n++;
	return true;
}

bool config_read_sites(struct yaml_file *file, struct fy_node *value, struct sites *sites)
{
	void *iterator = NULL;
	struct fy_node_pair *pair;
	bool ok = true;
	if (!fy_node_is_mapping(value))
		return yaml_error(file, value, "must be a mapping of gateways to sites");
	int n = fy_node_mapping_item_count(value);
	if (n > SITES_MAX)
		return yaml_error(file, value, "%d sites, at most %d", n, SITES_MAX);
	sites->sites = arena_zeroed(file->arena, (size_t)(n ? n : 1) * sizeof(*sites->sites));
	sites->n = 0;
	while ((pair = fy_node_mapping_iterate(value, &iterator)) != NULL)
		ok &= read_site(file, pair, sites);
	return ok;
}
