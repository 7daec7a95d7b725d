// SPDX-License-Identifier: BSD-3-Clause
#include "rules.h"

#include "../../rules/need.h"

enum { A, B, C, D, E, N_EVENTS };

#define PARTS(count, ...) .n_parts = (count), .parts = LIST(__VA_ARGS__)
#define LIST(...) ((const struct expression *[]){__VA_ARGS__})

static const struct expression a = {.event = A}, b = {.event = B}, c = {.event = C},
			       d = {.event = D}, e = {.event = E};
static const struct expression all = {.kind = EXPRESSION_ALL, PARTS(2, &a, &b)};
static const struct expression any = {.kind = EXPRESSION_ANY, PARTS(2, &a, &b)};
static const struct expression none = {.kind = EXPRESSION_NOT, PARTS(1, &a)};
static const struct expression fact = {.kind = EXPRESSION_GATEWAY, .event = A};
static const struct expression three = {.kind = EXPRESSION_COUNT, .at_least = 3, PARTS(1, &a)};
static const struct expression any_number = {.kind = EXPRESSION_COUNT, PARTS(1, &a)};
static const struct expression waits = {
	.kind = EXPRESSION_ABSENT, .within_ms = 1000, PARTS(2, &a, &b)};
static const struct expression waits_first = {.kind = EXPRESSION_ALL, PARTS(2, &waits, &c)};
static const struct expression waits_last = {.kind = EXPRESSION_ALL, PARTS(2, &c, &waits)};
static const struct expression in_order = {.kind = EXPRESSION_SEQUENCE, PARTS(2, &c, &d)};
static const struct expression pairs = {.kind = EXPRESSION_ANY, PARTS(2, &all, &in_order)};
static const struct expression many = {.kind = EXPRESSION_ALL, PARTS(5, &a, &b, &c, &d, &e)};
static const struct expression mixed = {.kind = EXPRESSION_ALL, PARTS(4, &any, &pairs, &none, &e)};
static const struct expression either_many = {
	.kind = EXPRESSION_ANY, PARTS(3, &many, &mixed, &pairs)};

static bool are_met(const struct needs *needs, const uint64_t *seen)
{
	bool met = true;
	for (unsigned i = 0; i < needs->n; i++) {
		bool one = false;
		for (unsigned word = 0; word < EVENT_WORDS; word++)
			one |= (needs->events[i][word] & seen[word]) != 0;
		met &= one;
	}
	return met;
}

// Of how many sets of events it says that the expression may hold. It never says so of fewer than
// expression_may_hold().
static unsigned count_met(const struct expression *expression, unsigned *n_may_hold)
{
	struct needs needs = needs_of(expression);
	unsigned n = 0;
	*n_may_hold = 0;
	for (uint64_t seen = 0; seen < 1 << N_EVENTS; seen++) {
		uint64_t events[EVENT_WORDS] = {seen};
		bool may_hold = expression_may_hold(expression, events);
		assert_true(are_met(&needs, events) || !may_hold);
		n += are_met(&needs, events);
		*n_may_hold += may_hold;
	}
	return n;
}

static void what_may_hold_has_its_needs_met(void **state)
{
	(void)state;
	static const struct expression *const expressions[] = {&a, &all, &any, &none, &fact, &three,
		&any_number, &waits, &waits_first, &waits_last, &in_order, &pairs, &many, &mixed,
		&either_many};
	for (unsigned i = 0; i < N(expressions); i++) {
		unsigned n_may_hold;
		count_met(expressions[i], &n_may_hold);
	}
}

static void few_needs_say_as_much_as_the_expression(void **state)
{
	(void)state;
	static const struct expression *const expressions[] = {&a, &all, &any, &none, &three,
		&any_number, &waits, &waits_first, &waits_last, &in_order, &pairs};
	for (unsigned i = 0; i < N(expressions); i++) {
		unsigned n_may_hold, n = count_met(expressions[i], &n_may_hold);
		assert_int_equal(n, n_may_hold);
	}
}

static void of_many_needs_four_are_kept(void **state)
{
	(void)state;
	unsigned n_may_hold, n = count_met(&many, &n_may_hold);
	assert_int_equal(needs_of(&many).n, NEEDS_MAX);
	assert_int_equal(n, 2); // whether or not the fifth was seen
	assert_int_equal(n_may_hold, 1);
}

static void what_one_need_implies_is_none_of_its_own(void **state)
{
	(void)state;
	const struct expression again = {.kind = EXPRESSION_ALL, PARTS(3, &any, &a, &any)};
	struct needs needs = needs_of(&again), alone = needs_of(&a);
	assert_int_equal(needs.n, 1);
	assert_memory_equal(needs.events[0], alone.events[0], sizeof(needs.events[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_may_hold_has_its_needs_met),
		cmocka_unit_test(few_needs_say_as_much_as_the_expression),
		cmocka_unit_test(of_many_needs_four_are_kept),
		cmocka_unit_test(what_one_need_implies_is_none_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
