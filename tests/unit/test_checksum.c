// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../dataplane/checksum.h"
#include "frame.h"

static void agrees_with_the_example_of_rfc_1071(void **state)
{
	(void)state;
	static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	assert_int_equal(ntohs(checksum_fold(checksum_add(0, bytes, sizeof(bytes)))), 0xddf2);
}

static void agrees_with_a_slow_sum_at_every_length_and_place(void **state)
{
	(void)state;
	srand(1);
	for (uint32_t len = 0; len < 600; len++) {
		uint8_t *bytes = malloc(len + 1);
		for (uint32_t i = 0; i <= len; i++)
			bytes[i] = (uint8_t)rand();
		for (uint32_t from = 0; from < 2 && from <= len; from++) {
			uint16_t sum = checksum_fold(checksum_add(0, bytes + from, len - from));
			assert_int_equal(ntohs(sum), slow_sum(0, bytes + from, len - from));
		}
		free(bytes);
	}
}

static void carries_never_get_lost(void **state)
{
	(void)state;
	static uint8_t bytes[65535];
	memset(bytes, 0xff, sizeof(bytes));
	for (uint32_t len = 65000; len <= sizeof(bytes); len++)
		assert_int_equal(ntohs(checksum_fold(checksum_add(UINT64_MAX, bytes, len))),
			slow_sum(0xffff, bytes, len));
}

static void parts_add_up_to_the_whole(void **state)
{
	(void)state;
	static const uint8_t bytes[] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 255, 254, 253};
	uint16_t whole = checksum_fold(checksum_add(0, bytes, sizeof(bytes)));
	for (size_t cut = 0; cut < sizeof(bytes); cut += 2)
		assert_int_equal(whole, checksum_fold(checksum_add(checksum_add(0, bytes, cut),
						bytes + cut, sizeof(bytes) - cut)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_example_of_rfc_1071),
		cmocka_unit_test(agrees_with_a_slow_sum_at_every_length_and_place),
		cmocka_unit_test(carries_never_get_lost),
		cmocka_unit_test(parts_add_up_to_the_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
