// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../rules/report.h"

static void lines_stand_in_the_order_in_which_they_came(void **state)
{
	(void)state;
	struct report report = {0};
	struct rule_place place = {"b.yaml", 7, 2};
	report_add(&report, "a.yaml", 3, 5, "unknown key '%s'", "x");
	report_at(&report, &place, "no");
	report_add(&report, "c.yaml", 0, 0, "gone");
	assert_string_equal(
		report.text, "a.yaml:3:5: unknown key 'x'\nb.yaml:7:2: no\nc.yaml: gone\n");
	assert_int_equal(report.n, 3);
	report_fini(&report);
	assert_null(report.text);
}

static void what_is_beyond_the_limit_is_counted_in_the_last_line(void **state)
{
	(void)state;
	struct report report = {0};
	for (int i = 0; i < REPORT_LINES_MAX; i++)
		report_add(&report, "a", i + 1, 1, "wrong");
	assert_null(strstr(report.text, "more"));
	report_add(&report, "a", 1, 1, "wrong");
	assert_string_equal(strstr(report.text, "a:100:1"), "a:100:1: wrong\n1 more error\n");
	for (int i = 0; i < 1000; i++)
		report_add(&report, "a", 1, 1, "wrong");
	assert_string_equal(strstr(report.text, "a:100:1"), "a:100:1: wrong\n1001 more errors\n");
	assert_int_equal(report.n, REPORT_LINES_MAX);
	report_fini(&report);
}

static void a_line_is_one_line_that_can_be_printed(void **state)
{
	(void)state;
	struct report report = {0};
	report_add(&report, "a\n.\xff.yaml", 1, 1, "'%s'",
		"x\ry\x7fz\xc2\x85.\xc3\xb6.\xf0\x9f\x98\x80.\x1b");
	assert_string_equal(report.text, "a?.?.yaml:1:1: 'x?y?z?.\xc3\xb6.\xf0\x9f\x98\x80.?'\n");
	report_fini(&report);
}

static void a_reason_has_a_bounded_length(void **state)
{
	(void)state;
	struct report report = {0};
	size_t len = 4 << 20;
	char *text = malloc(len + 1);
	memset(text, 'x', len);
	text[len] = '\0';
	report_add(&report, "a", 1, 1, "%s", text);
	assert_int_equal(strlen(report.text), strlen("a:1:1: \n") + REPORT_REASON_MAX);
	free(text);
	report_fini(&report);
}

static void a_quote_is_cut_at_a_whole_character(void **state)
{
	(void)state;
	char text[256], wanted[256];
	assert_string_equal(QUOTE(slice_of("")), "");
	assert_string_equal(QUOTE(((struct slice){0})), "");
	assert_string_equal(QUOTE(slice_of("a\nb")), "a?b");
	memset(text, 'x', sizeof(text));
	text[QUOTE_MAX] = '\0';
	assert_string_equal(QUOTE(slice_of(text)), text);
	strcpy(text + QUOTE_MAX, "y");
	snprintf(wanted, sizeof(wanted), "%.*s...", QUOTE_MAX, text);
	assert_string_equal(QUOTE(slice_of(text)), wanted);
	// The last character would need bytes 63 to 65.
	strcpy(text + QUOTE_MAX - 2, "\xe5\xbb\xa0");
	snprintf(wanted, sizeof(wanted), "%.*s...", QUOTE_MAX - 2, text);
	assert_string_equal(QUOTE(slice_of(text)), wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_stand_in_the_order_in_which_they_came),
		cmocka_unit_test(what_is_beyond_the_limit_is_counted_in_the_last_line),
		cmocka_unit_test(a_line_is_one_line_that_can_be_printed),
		cmocka_unit_test(a_reason_has_a_bounded_length),
		cmocka_unit_test(a_quote_is_cut_at_a_whole_character),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
