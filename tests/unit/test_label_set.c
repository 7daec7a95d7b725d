// SPDX-License-Identifier: BSD-3-Clause
#include "../../control/label_set.h"
#include "unit.h"

static unsigned place(struct label_set *set, const char *value)
{
	return label_set_place(set, slice_of(value));
}

static void value_keeps_its_place(void **state)
{
	(void)state;
	struct label_set *set = label_set_create(3);
	assert_int_equal(label_set_count(set), 1);
	assert_int_equal(place(set, "fw1"), 1);
	assert_int_equal(place(set, "fw2"), 2);
	assert_int_equal(place(set, "fw1"), 1);
	assert_slice(label_set_value(set, 2), "fw2");
	assert_slice(label_set_value(set, 0), "other");
	label_set_destroy(set);
}

static void whoever_comes_too_late_is_other(void **state)
{
	(void)state;
	char name[16];
	struct label_set *set = label_set_create(256);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "fw%u", i);
		assert_int_equal(place(set, name), i < 256 ? i + 1 : 0);
	}
	assert_int_equal(place(set, "fw7"), 8);
	assert_int_equal(label_set_count(set), 257);
	label_set_destroy(set);
}

static void other_and_nobody_are_no_names_of_their_own(void **state)
{
	(void)state;
	struct label_set *set = label_set_create(4);
	assert_int_equal(place(set, "other"), 0);
	assert_slice(label_set_value(set, label_set_place(set, (struct slice){0})), "unknown");
	label_set_destroy(set);
}

static void long_value_is_cut(void **state)
{
	(void)state;
	char name[LABEL_VALUE_MAX + 50];
	struct label_set *set = label_set_create(4);
	memset(name, 'x', sizeof(name));
	unsigned at = label_set_place(set, (struct slice){name, sizeof(name)});
	assert_int_equal(label_set_value(set, at).len, LABEL_VALUE_MAX);
	assert_int_equal(label_set_place(set, (struct slice){name, sizeof(name)}), at);
	label_set_destroy(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(value_keeps_its_place),
		cmocka_unit_test(whoever_comes_too_late_is_other),
		cmocka_unit_test(other_and_nobody_are_no_names_of_their_own),
		cmocka_unit_test(long_value_is_cut),
	};
	return cmocka_run_group_tests_name("label_set", tests, NULL, NULL);
}
