// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../rules/address.h"

static void takes_what_an_asa_prints(void **state)
{
	(void)state;
	static const char *const same[] = {
		"172.16.250.9", "255.255.255.255", "2001:db8::1", "fe80::1"};
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct address a;
		char text[ADDRESS_TEXT_MAX];
		assert_true(address_parse(slice_of(same[i]), &a));
		assert_string_equal(address_format(&a, text), same[i]);
	}
}

static void mapped_ipv4_is_the_same_client(void **state)
{
	(void)state;
	struct address four, six;
	assert_true(address_parse(slice_of("10.1.2.3"), &four));
	assert_true(address_parse(slice_of("::ffff:10.1.2.3"), &six));
	assert_true(address_equals(&four, &six));
}

static void unspecified_is_no_address(void **state)
{
	(void)state;
	struct address a;
	assert_true(address_parse(slice_of("0.0.0.0"), &a));
	assert_true(address_is_none(&a));
	assert_true(address_parse(slice_of("::"), &a));
	assert_true(address_is_none(&a));
}

static void refuses_what_is_none(void **state)
{
	(void)state;
	static const char *const wrong[] = {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4",
		"shule", "1.2.3.4 ", "fe80::1%eth0", "1..2.3", "2001:db8::g", ":::", "1.2.3.4444",
		"12345.1.1.1"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct address a = {.bytes = {7}};
		struct address before = a;
		assert_false(address_parse(slice_of(wrong[i]), &a));
		assert_memory_equal(&a, &before, sizeof(a));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_an_asa_prints),
		cmocka_unit_test(mapped_ipv4_is_the_same_client),
		cmocka_unit_test(unspecified_is_no_address),
		cmocka_unit_test(refuses_what_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
