// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../dataplane/outbox.h"

static void what_is_pushed_comes_out_in_order(void **state)
{
	(void)state;
	struct outbox box;
	uint32_t got;
	assert_int_equal(outbox_init(&box, 8), 0);
	assert_false(outbox_pop(&box, &got));
	for (uint32_t round = 0; round < 100; round++) {
		for (uint32_t i = 0; i < 5; i++)
			outbox_push(&box, round * 5 + i);
		for (uint32_t i = 0; i < 5; i++) {
			assert_true(outbox_pop(&box, &got));
			assert_int_equal(got, round * 5 + i);
		}
	}
	assert_false(outbox_pop(&box, &got));
	assert_false(outbox_take_overflow(&box));
	outbox_fini(&box);
}

// The worker never waits: what does not fit is not said, and that is.
static void a_full_outbox_says_so_once(void **state)
{
	(void)state;
	struct outbox box;
	uint32_t got, n = 0;
	assert_int_equal(outbox_init(&box, 8), 0);
	for (uint32_t i = 0; i < 20; i++)
		outbox_push(&box, i);
	assert_true(outbox_take_overflow(&box));
	assert_false(outbox_take_overflow(&box));
	for (; outbox_pop(&box, &got); n++)
		assert_int_equal(got, n);
	assert_true(n >= 7 && n < 20);
	outbox_push(&box, 99);
	assert_true(outbox_pop(&box, &got));
	assert_int_equal(got, 99);
	assert_false(outbox_take_overflow(&box));
	outbox_fini(&box);
}

static void a_size_that_is_no_power_of_two_is_refused(void **state)
{
	(void)state;
	struct outbox box;
	assert_true(outbox_init(&box, 7) < 0);
	assert_null(box.ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_pushed_comes_out_in_order),
		cmocka_unit_test(a_full_outbox_says_so_once),
		cmocka_unit_test(a_size_that_is_no_power_of_two_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
