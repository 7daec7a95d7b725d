// SPDX-License-Identifier: BSD-3-Clause
#include "../../control/recall.h"
#include "unit.h"

static uint64_t id_of(uint64_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15u;
}

static void word_is_kept(void **state)
{
	(void)state;
	struct recall *recall = recall_create(100);
	assert_int_equal(*recall_at(recall, 7), 0);
	*recall_at(recall, 7) = 5;
	*recall_at(recall, UINT64_MAX) = 6;
	assert_int_equal(*recall_at(recall, 7), 5);
	assert_int_equal(*recall_at(recall, UINT64_MAX), 6);
	recall_destroy(recall);
}

static void as_many_as_wanted_are_remembered(void **state)
{
	(void)state;
	struct recall *recall = recall_create(1000);
	for (uint64_t i = 0; i < 100000; i++) {
		uint64_t *word = recall_at(recall, id_of(i));
		assert_int_equal(*word, 0);
		*word = i + 1;
		if (i >= 1000)
			assert_int_equal(*recall_at(recall, id_of(i - 1000)), i - 1000 + 1);
	}
	recall_destroy(recall);
}

static void what_is_held_outlives_everything(void **state)
{
	(void)state;
	struct recall *recall = recall_create(64);
	for (uint64_t i = 0; i < 64; i++)
		*recall_at(recall, id_of(i)) = RECALL_HOLD | i;
	for (uint64_t i = 64; i < 100000; i++)
		*recall_at(recall, id_of(i)) = i;
	for (uint64_t i = 0; i < 64; i++)
		assert_int_equal(*recall_at(recall, id_of(i)), RECALL_HOLD | i);
	recall_destroy(recall);
}

static void what_is_let_go_does_not_come_back(void **state)
{
	(void)state;
	struct recall *recall = recall_create(64);
	*recall_at(recall, id_of(0)) = RECALL_HOLD | 1;
	for (uint64_t i = 1; i < 140; i++) // it is in the old generation now
		*recall_at(recall, id_of(i)) = i;
	*recall_at(recall, id_of(0)) = 2;
	for (uint64_t i = 1000; i < 1100; i++)
		*recall_at(recall, id_of(i)) = i;
	assert_int_equal(*recall_at(recall, id_of(0)), 2);
	recall_destroy(recall);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(word_is_kept),
		cmocka_unit_test(as_many_as_wanted_are_remembered),
		cmocka_unit_test(what_is_held_outlives_everything),
		cmocka_unit_test(what_is_let_go_does_not_come_back),
	};
	return cmocka_run_group_tests_name("recall", tests, NULL, NULL);
}
