// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../dataplane/policy.h"

static struct address address(const char *text)
{
	struct address a;
	assert_true(address_parse(slice_of(text), &a));
	return a;
}

static void a_name_of_the_asa_leads_to_its_address(void **state)
{
	(void)state;
	struct policy_name names[] = {{"shule", address("198.51.100.1")},
		{"exp_srv", address("198.51.100.2")}, {"shul", address("198.51.100.3")},
		{"Shule", address("198.51.100.4")}, {"a", address("2001:db8::1")}};
	struct policy policy = {.names = names, .n_names = N(names)};
	struct address found;
	policy_sort(&policy);
	for (size_t i = 0; i < N(names); i++) {
		// Not terminated: the name is a part of a line.
		struct slice exact = slice_exact(names[i].name, (uint32_t)strlen(names[i].name));
		assert_true(policy_name_find(&policy, exact, &found));
		assert_true(address_equals(&found, &names[i].address));
		free((void *)exact.data);
	}
	static const char *const unknown[] = {"", "s", "shu", "shules", "zzz", "A", "exp_srv2"};
	for (size_t i = 0; i < N(unknown); i++)
		assert_false(policy_name_find(&policy, slice_of(unknown[i]), &found));
}

static void without_names_there_is_none(void **state)
{
	(void)state;
	struct policy policy = {0};
	struct address found;
	policy_sort(&policy);
	assert_false(policy_name_find(&policy, slice_of("shule"), &found));
	assert_false(policy_name_find(&policy, slice_of(""), &found));
}

static void many_names_are_found_each(void **state)
{
	(void)state;
	enum { MANY = 1000 };
	static struct policy_name names[MANY];
	static char texts[MANY][16];
	struct policy policy = {.names = names, .n_names = MANY};
	struct address found;
	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(texts[i], sizeof(texts[i]), "host%u", i * 7919 % MANY);
		names[i] = (struct policy_name){texts[i], address_of_ipv4(i * 7919 % MANY + 1)};
	}
	policy_sort(&policy);
	for (uint32_t i = 0; i < MANY; i++) {
		char name[16];
		struct address wanted = address_of_ipv4(i + 1);
		snprintf(name, sizeof(name), "host%u", i);
		assert_true(policy_name_find(&policy, slice_of(name), &found));
		assert_true(address_equals(&found, &wanted));
	}
}

static bool is_relay(struct policy *policy, const char *sender)
{
	struct address a = address(sender);
	return policy_is_relay(policy, &a);
}

static void relays_are_addresses_and_networks(void **state)
{
	(void)state;
	struct policy policy = {.n_relays = 4};
	policy.relays[0] = (struct policy_relay){address("192.0.2.7"), 128};
	policy.relays[1] = (struct policy_relay){address("198.51.100.128"), 96 + 25};
	policy.relays[2] = (struct policy_relay){address("2001:db8:1::"), 48};
	policy.relays[3] = (struct policy_relay){address("10.0.0.0"), 96 + 8};
	assert_true(is_relay(&policy, "192.0.2.7"));
	assert_false(is_relay(&policy, "192.0.2.6"));
	assert_true(is_relay(&policy, "198.51.100.128"));
	assert_true(is_relay(&policy, "198.51.100.255"));
	assert_false(is_relay(&policy, "198.51.100.127"));
	assert_true(is_relay(&policy, "2001:db8:1:ffff::1"));
	assert_false(is_relay(&policy, "2001:db8:2::1"));
	assert_true(is_relay(&policy, "10.255.255.255"));
	assert_true(is_relay(&policy, "::ffff:10.1.2.3"));
	assert_false(is_relay(&policy, "11.0.0.0"));
	assert_false(is_relay(&policy, "::1"));
}

static void a_network_of_all_takes_all(void **state)
{
	(void)state;
	struct policy policy = {.n_relays = 1};
	policy.relays[0].prefix = 0;
	assert_true(is_relay(&policy, "192.0.2.7"));
	assert_true(is_relay(&policy, "2001:db8::1"));
	// All of IPv4 is none of IPv6.
	policy.relays[0] = (struct policy_relay){address_of_ipv4(0), 96};
	assert_true(is_relay(&policy, "192.0.2.7"));
	assert_false(is_relay(&policy, "2001:db8::1"));
}

// `phone_groups` is *phone*, any case, unless configured.
static void phone_groups_are_globs_of_any_case(void **state)
{
	(void)state;
	struct policy policy = {.phone_groups = {"*phone*", "VOICE-?"}, .n_phone_groups = 2};
	assert_true(policy_is_phone_group(&policy, slice_of("VPNPhone")));
	assert_true(policy_is_phone_group(&policy, slice_of("phones")));
	assert_true(policy_is_phone_group(&policy, slice_of("voice-?")));
	assert_false(policy_is_phone_group(&policy, slice_of("voice-1")));
	assert_false(policy_is_phone_group(&policy, slice_of("DfltGrpPolicy")));
	assert_false(policy_is_phone_group(&policy, slice_of("")));
	policy.n_phone_groups = 0;
	assert_false(policy_is_phone_group(&policy, slice_of("phones")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_of_the_asa_leads_to_its_address),
		cmocka_unit_test(without_names_there_is_none),
		cmocka_unit_test(many_names_are_found_each),
		cmocka_unit_test(relays_are_addresses_and_networks),
		cmocka_unit_test(a_network_of_all_takes_all),
		cmocka_unit_test(phone_groups_are_globs_of_any_case),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
