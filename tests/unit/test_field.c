// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../rules/field.h"

static void accepts(enum field_type type, const char *const *values, bool wanted)
{
	for (; *values; values++) {
		uint32_t len = (uint32_t)strlen(*values);
		struct slice value = slice_exact(*values, len);
		if (field_accepts(type, value) != wanted)
			fail_msg("%s '%s' must be %s", field_type_name(type), *values,
				wanted ? "taken" : "refused");
		free((void *)value.data);
	}
}

#define TAKES(type, ...) accepts(type, (const char *const[]){__VA_ARGS__, NULL}, true)
#define REFUSES(type, ...) accepts(type, (const char *const[]){__VA_ARGS__, NULL}, false)

static void types_are_found_by_their_names(void **state)
{
	(void)state;
	static const char *const names[] = {
		"text", "user", "word", "address", "port", "number", "device", "hash", "list"};
	assert_int_equal(N(names), FIELD_TYPE_MAX);
	for (size_t i = 0; i < N(names); i++) {
		enum field_type type = field_type_find(slice_of(names[i]));
		assert_true(type < FIELD_TYPE_MAX);
		assert_string_equal(field_type_name(type), names[i]);
	}
	assert_int_equal(field_type_find(slice_of("string")), FIELD_TYPE_MAX);
	assert_int_equal(field_type_find(slice_of("")), FIELD_TYPE_MAX);
	assert_int_equal(field_type_find(slice_of("ports")), FIELD_TYPE_MAX);
}

// Only what strangers type is read to the last place where the rest fits.
static void a_user_alone_is_greedy(void **state)
{
	(void)state;
	for (int type = 0; type < FIELD_TYPE_MAX; type++)
		assert_int_equal(field_type_is_greedy((enum field_type)type), type == TYPE_USER);
}

static void a_port_is_0_to_65535(void **state)
{
	(void)state;
	TAKES(TYPE_PORT, "0", "443", "50091", "65535");
	REFUSES(TYPE_PORT, "", "65536", "99999", "123456", "-1", "+1", " 1", "1 ", "0x50", "https",
		"44a");
}

static void a_number_has_up_to_18_digits(void **state)
{
	(void)state;
	TAKES(TYPE_NUMBER, "0", "7", "999999999999999999");
	REFUSES(TYPE_NUMBER, "", "1000000000000000000", "-1", "1.5", "1,000", "one", " 1");
}

static void a_device_is_sep_and_a_mac(void **state)
{
	(void)state;
	TAKES(TYPE_DEVICE, "SEP8CB64F576113", "SEP000000000001");
	REFUSES(TYPE_DEVICE, "", "SEP8CB64F57611", "SEP8CB64F5761130", "SEP8CB64F57611G",
		"sep8CB64F576113", "CP-7962G-SEP8CB64F576113", "8CB64F576113");
}

static void a_hash_is_40_or_64_digits(void **state)
{
	(void)state;
	TAKES(TYPE_HASH, "1289B8A7AA9FFD84865E38939F3466A61B5608FC",
		"1289b8a7aa9ffd84865e38939f3466a61b5608fc",
		"0123456789012345678901234567890123456789012345678901234567890123");
	REFUSES(TYPE_HASH, "", "1289B8A7AA9FFD84865E38939F3466A61B5608F",
		"1289B8A7AA9FFD84865E38939F3466A61B5608FC1",
		"1289B8A7AA9FFD84865E38939F3466A61B5608FG");
}

// An ASA prints IPv4, IPv6, the word behind a `name` command, <>, None or nothing.
static void an_address_may_be_a_name_or_nothing(void **state)
{
	(void)state;
	TAKES(TYPE_ADDRESS, "172.16.250.9", "2001:db8::1", "0.0.0.0", "", "<>", "None", "shule",
		"exp_srv", "myComputer1.myDomain.se", "OCSP_Server", "fe80::1");
	REFUSES(TYPE_ADDRESS, "256.1.1.1", "1.2.3", "1.2.3.4.5", "1.2.3.4/443", "two words", "a>b",
		"fe80::1%eth0", "1", " ", "-", "<");
}

static void a_word_has_no_white_space(void **state)
{
	(void)state;
	TAKES(TYPE_WORD, "a", "AES256-SHA", "x>y", "\xff");
	REFUSES(TYPE_WORD, "", " ", "a b", "a\tb", "a\n");
}

static void text_user_and_list_take_anything(void **state)
{
	(void)state;
	TAKES(TYPE_TEXT, "", " ", "a > b", "\x80");
	TAKES(TYPE_USER, "", "*****", "x> IP <192.0.2.1");
	TAKES(TYPE_LIST, "", "AES256-SHA AES128-SHA", ":::");
}

static void no_address_is_printed_in_three_ways(void **state)
{
	(void)state;
	assert_true(field_is_no_address(slice_of("")));
	assert_true(field_is_no_address(slice_of("<>")));
	assert_true(field_is_no_address(slice_of("None")));
	assert_false(field_is_no_address(slice_of("0.0.0.0")));
	assert_false(field_is_no_address(slice_of("none such")));
}

static void a_host_name_is_not_made_of_digits_and_dots(void **state)
{
	(void)state;
	char longest[255];
	assert_true(field_is_host_name(slice_of("shule")));
	assert_true(field_is_host_name(slice_of("_x")));
	assert_true(field_is_host_name(slice_of("10.1.1.a")));
	assert_false(field_is_host_name(slice_of("10.1.1.256")));
	assert_false(field_is_host_name(slice_of("")));
	assert_false(field_is_host_name(slice_of("...")));
	assert_false(field_is_host_name(slice_of("h\xc3\xb6st")));
	memset(longest, 'a', sizeof(longest));
	assert_true(field_is_host_name((struct slice){longest, 253}));
	assert_false(field_is_host_name((struct slice){longest, 254}));
}

static void engine_fields_have_their_types(void **state)
{
	(void)state;
	assert_int_equal(field_find(slice_of("client")), FIELD_CLIENT);
	assert_int_equal(field_find(slice_of("client_new")), FIELD_CLIENT_NEW);
	assert_int_equal(field_find(slice_of("tunnel")), FIELD_TUNNEL);
	assert_int_equal(field_type_of(FIELD_CLIENT), TYPE_ADDRESS);
	assert_int_equal(field_type_of(FIELD_PORT), TYPE_PORT);
	assert_int_equal(field_type_of(FIELD_USER), TYPE_USER);
	assert_int_equal(field_type_of(FIELD_DEVICE), TYPE_DEVICE);
	assert_int_equal(field_type_of(FIELD_OFFERED), TYPE_LIST);
	assert_string_equal(field_name(FIELD_TUNNEL_GROUP), "tunnel_group");
	assert_int_equal(field_find(slice_of("clien")), FIELD_NONE);
	assert_int_equal(field_find(slice_of("client_")), FIELD_NONE);
	assert_int_equal(field_find(slice_of("")), FIELD_NONE);
}

static void a_name_has_one_type_in_a_pack_and_another_in_the_next(void **state)
{
	(void)state;
	unsigned before = field_count();
	field_begin_pack();
	uint8_t number = field_add(slice_of("level"), TYPE_NUMBER);
	assert_int_equal(field_add(slice_of("level"), TYPE_WORD), FIELD_NONE);
	field_begin_pack();
	assert_int_equal(field_find(slice_of("level")), FIELD_NONE);
	uint8_t word = field_add(slice_of("level"), TYPE_WORD);
	assert_int_not_equal(word, number);
	assert_int_equal(field_find(slice_of("level")), word);
	assert_int_equal(field_type_of(number), TYPE_NUMBER);
	field_begin_pack();
	assert_int_equal(field_add(slice_of("level"), TYPE_NUMBER), number);
	assert_int_equal(field_find(slice_of("level")), number);
	assert_int_equal(field_count(), before + 2);
	field_truncate(before);
	assert_int_equal(field_count(), before);
	assert_int_equal(field_find(slice_of("level")), FIELD_NONE);
	assert_int_equal(field_find(slice_of("client")), FIELD_CLIENT);
}

static void a_name_has_letters(void **state)
{
	(void)state;
	assert_true(field_is_name(slice_of("drops_of_a_rule")));
	assert_true(field_is_name(slice_of("abcdefghijabcdefghijabcdefghijab")));
	assert_false(field_is_name(slice_of("abcdefghijabcdefghijabcdefghijabc")));
	assert_false(field_is_name(slice_of("")));
	assert_false(field_is_name(slice_of("Level")));
	assert_false(field_is_name(slice_of("level2")));
}

static void a_rule_adds_names_until_there_are_128(void **state)
{
	(void)state;
	unsigned before = field_count();
	uint8_t added = field_add(slice_of("drops_of_a_rule"), TYPE_NUMBER);
	assert_int_not_equal(added, FIELD_NONE);
	assert_int_equal(field_find(slice_of("drops_of_a_rule")), added);
	assert_int_equal(field_type_of(added), TYPE_NUMBER);
	assert_string_equal(field_name(added), "drops_of_a_rule");
	// The same again is the same; of another type it is an error, also for the engine's own.
	assert_int_equal(field_add(slice_of("drops_of_a_rule"), TYPE_NUMBER), added);
	assert_int_equal(field_add(slice_of("drops_of_a_rule"), TYPE_WORD), FIELD_NONE);
	assert_int_equal(field_add(slice_of("client"), TYPE_ADDRESS), FIELD_CLIENT);
	assert_int_equal(field_add(slice_of("client"), TYPE_TEXT), FIELD_NONE);
	unsigned n = FIELD_KNOWN_MAX + 1;
	char name[16];
	for (;; n++) {
		snprintf(name, sizeof(name), "more_%c%c", 'a' + (int)n % 26, 'a' + (int)n / 26);
		if (field_add(slice_of(name), TYPE_TEXT) == FIELD_NONE)
			break;
	}
	assert_int_equal(n, FIELD_MAX);
	assert_int_equal(field_find(slice_of("drops_of_a_rule")), added);
	assert_int_equal(field_add(slice_of("drops_of_a_rule"), TYPE_NUMBER), added);
	field_truncate(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_found_by_their_names),
		cmocka_unit_test(a_user_alone_is_greedy),
		cmocka_unit_test(a_port_is_0_to_65535),
		cmocka_unit_test(a_number_has_up_to_18_digits),
		cmocka_unit_test(a_device_is_sep_and_a_mac),
		cmocka_unit_test(a_hash_is_40_or_64_digits),
		cmocka_unit_test(an_address_may_be_a_name_or_nothing),
		cmocka_unit_test(a_word_has_no_white_space),
		cmocka_unit_test(text_user_and_list_take_anything),
		cmocka_unit_test(no_address_is_printed_in_three_ways),
		cmocka_unit_test(a_host_name_is_not_made_of_digits_and_dots),
		cmocka_unit_test(engine_fields_have_their_types),
		cmocka_unit_test(a_name_has_one_type_in_a_pack_and_another_in_the_next),
		cmocka_unit_test(a_name_has_letters),
		cmocka_unit_test(a_rule_adds_names_until_there_are_128),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
