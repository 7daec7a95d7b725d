// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../control/outcomes.h"

static struct record *records[OUTLET_BATCH_MAX];

static void make(uint64_t first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		records[i] = record_create(RECORD_DIAGNOSIS, first + 2 * i, 0, "id", "{}", 2);
}

static void release(size_t n)
{
	for (size_t i = 0; i < n; i++)
		record_release(records[i]);
}

static enum delivery tell(const struct outcomes *outcomes, size_t *n_done, const char *reason)
{
	struct outlet_context context = {0};
	enum delivery result = outcomes_tell(outcomes, &context, n_done);
	assert_string_equal(context.error, reason);
	return result;
}

static void delivery_stands_by_its_first_record_that_is_not_done(void **state)
{
	(void)state;
	struct outcomes outcomes = {0};
	size_t n_done, places[4];
	make(1, 4);
	outcomes_begin(&outcomes, records, 4);
	assert_int_equal(tell(&outcomes, &n_done, ""), DELIVERY_RETRY);
	assert_int_equal(n_done, 0);
	outcomes.of[0] = outcomes.of[2] = OUTCOME_DONE;
	assert_int_equal(tell(&outcomes, &n_done, ""), DELIVERY_RETRY);
	assert_int_equal(n_done, 1);
	assert_int_equal(outcomes_open(&outcomes, places, 4), 2);
	assert_int_equal(places[0], 1);
	assert_int_equal(places[1], 3);
	assert_int_equal(outcomes_open(&outcomes, places, 1), 1);
	outcomes.of[1] = OUTCOME_REFUSED;
	strcpy(outcomes.reason, "bad");
	assert_int_equal(tell(&outcomes, &n_done, "bad"), DELIVERY_REFUSED);
	assert_int_equal(n_done, 1);
	outcomes.of[1] = outcomes.of[3] = OUTCOME_DONE;
	assert_int_equal(tell(&outcomes, &n_done, ""), DELIVERY_DONE);
	assert_int_equal(n_done, 4);
	release(4);
}

static void what_is_known_of_a_record_stays_with_it(void **state)
{
	(void)state;
	struct outcomes outcomes = {0};
	make(1, OUTLET_BATCH_MAX);
	outcomes_begin(&outcomes, records, OUTLET_BATCH_MAX);
	for (size_t i = 0; i < OUTLET_BATCH_MAX; i++)
		outcomes.of[i] = (enum outcome)(i % 3);
	// The rest of a batch, as the outlet passes it on.
	outcomes_begin(&outcomes, records + 7, OUTLET_BATCH_MAX - 7);
	for (size_t i = 0; i < OUTLET_BATCH_MAX - 7; i++)
		assert_int_equal(outcomes.of[i], (i + 7) % 3);
	release(OUTLET_BATCH_MAX);
}

static void nothing_is_known_of_other_records(void **state)
{
	(void)state;
	struct outcomes outcomes = {0};
	make(1, 4);
	outcomes_begin(&outcomes, records, 4);
	for (size_t i = 0; i < 4; i++)
		outcomes.of[i] = OUTCOME_DONE;
	release(4);
	make(2, 4); // none of these numbers was there
	outcomes_begin(&outcomes, records, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(outcomes.of[i], OUTCOME_OPEN);
	release(4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delivery_stands_by_its_first_record_that_is_not_done),
		cmocka_unit_test(what_is_known_of_a_record_stays_with_it),
		cmocka_unit_test(nothing_is_known_of_other_records),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
