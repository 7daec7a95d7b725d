// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../control/memory.h"

static json_int_t figure(const char *name)
{
	json_t *memory = memory_json();
	const json_t *value = json_object_get(memory, name);
	json_int_t n = json_is_integer(value) ? json_integer_value(value) : -1;
	json_decref(memory);
	return n;
}

static void resident_set_is_told(void **state)
{
	(void)state;
	assert_true(figure("resident_set") > 1 << 20);
}

static void allocator_is_the_process_own(void **state)
{
	(void)state;
	json_t *memory = memory_json();
	bool jemalloc =
		strcmp(json_string_value(json_object_get(memory, "allocator")), "jemalloc") == 0;
	json_decref(memory);
	json_int_t before = figure("allocated");
	char *volatile block = malloc(10 << 20);
	assert_non_null(block);
	json_int_t after = figure("allocated");
	free(block);
	if (jemalloc)
		assert_true(after >= before + (10 << 20));
	else
		assert_int_equal(after, -1);
}

static void every_figure_has_its_key(void **state)
{
	(void)state;
	static const char *const keys[] = {"allocator", "resident_set", "allocated", "active",
		"metadata", "resident", "mapped", "retained"};
	json_t *memory = memory_json();
	for (size_t i = 0; i < N(keys); i++)
		assert_non_null(json_object_get(memory, keys[i]));
	assert_int_equal(json_object_size(memory), N(keys));
	json_decref(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resident_set_is_told),
		cmocka_unit_test(allocator_is_the_process_own),
		cmocka_unit_test(every_figure_has_its_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
