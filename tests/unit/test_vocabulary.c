// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../rules/field.h"
#include "../../rules/vocabulary.h"

static void a_name_keeps_its_number(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	uint16_t first = registry_add(&v->events, slice_of("leaf-hash"));
	uint16_t second = registry_add(&v->events, slice_of("tunnel-up"));
	assert_int_not_equal(first, second);
	assert_int_equal(registry_add(&v->events, slice_of("leaf-hash")), first);
	assert_int_equal(registry_find(&v->events, slice_of("tunnel-up")), second);
	assert_string_equal(registry_name(&v->events, first), "leaf-hash");
	assert_int_equal(registry_count(&v->events), 2);
	vocabulary_destroy(v);
}

static void events_and_diagnoses_are_numbered_apart(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	assert_int_equal(registry_add(&v->events, slice_of("a")), 0);
	assert_int_equal(registry_add(&v->diagnoses, slice_of("b")), 0);
	assert_int_equal(registry_find(&v->events, slice_of("b")), NAME_NONE);
	assert_int_equal(registry_find(&v->diagnoses, slice_of("a")), NAME_NONE);
	vocabulary_destroy(v);
}

static void a_prefix_is_another_name(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	registry_add(&v->events, slice_of("tunnel"));
	assert_int_equal(registry_find(&v->events, slice_of("tun")), NAME_NONE);
	assert_int_equal(registry_find(&v->events, slice_of("tunnels")), NAME_NONE);
	assert_int_equal(registry_find(&v->events, slice_of("")), NAME_NONE);
	vocabulary_destroy(v);
}

static void a_full_registry_takes_no_new_name(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	char name[16];
	for (int i = 0; i < DIAGNOSES_MAX; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		assert_int_equal(registry_add(&v->diagnoses, slice_of(name)), i);
	}
	assert_int_equal(registry_add(&v->diagnoses, slice_of("one-more")), NAME_NONE);
	assert_int_equal(registry_add(&v->diagnoses, slice_of("d7")), 7);
	assert_int_equal(registry_count(&v->diagnoses), DIAGNOSES_MAX);
	vocabulary_destroy(v);
}

static void what_was_learnt_since_a_mark_is_taken_back(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	registry_add(&v->events, slice_of("a"));
	registry_add(&v->diagnoses, slice_of("d"));
	struct vocabulary_mark mark = vocabulary_mark(v);
	field_begin_pack();
	uint8_t field = field_add(slice_of("level"), TYPE_NUMBER);
	assert_int_equal(registry_add(&v->events, slice_of("b")), 1);
	assert_int_equal(registry_add(&v->diagnoses, slice_of("e")), 1);
	vocabulary_restore(v, &mark);
	assert_int_equal(registry_count(&v->events), 1);
	assert_int_equal(registry_count(&v->diagnoses), 1);
	assert_int_equal(registry_find(&v->events, slice_of("b")), NAME_NONE);
	assert_int_equal(field_find(slice_of("level")), FIELD_NONE);
	assert_int_equal(registry_add(&v->events, slice_of("c")), 1);
	assert_int_equal(field_add(slice_of("level"), TYPE_WORD), field);
	assert_int_equal(field_type_of(field), TYPE_WORD);
	vocabulary_restore(v, &mark);
	vocabulary_destroy(v);
}

static void a_slug_begins_with_a_letter(void **state)
{
	(void)state;
	static const char *const right[] = {"a", "cert-hash-mismatch", "x9", "a-",
		"a23456789012345678901234567890123456789012345678"};
	static const char *const wrong[] = {"", "9x", "-a", "A", "aB", "a_b", "a b", "a.b",
		"\xc3\xa4", "a234567890123456789012345678901234567890123456789"};
	for (size_t i = 0; i < N(right); i++)
		assert_true(name_is_slug(slice_of(right[i])));
	for (size_t i = 0; i < N(wrong); i++)
		assert_false(name_is_slug(slice_of(wrong[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_keeps_its_number),
		cmocka_unit_test(events_and_diagnoses_are_numbered_apart),
		cmocka_unit_test(a_prefix_is_another_name),
		cmocka_unit_test(a_full_registry_takes_no_new_name),
		cmocka_unit_test(what_was_learnt_since_a_mark_is_taken_back),
		cmocka_unit_test(a_slug_begins_with_a_letter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
