// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../rules/condition.h"

static bool glob(const char *pattern, const char *text)
{
	struct slice exact = slice_exact(text, (uint32_t)strlen(text));
	bool matches = glob_matches(pattern, exact);
	free((void *)exact.data);
	return matches;
}

static void a_star_stands_for_any_text(void **state)
{
	(void)state;
	assert_true(glob("*", ""));
	assert_true(glob("*", "anything"));
	assert_true(glob("*phone*", "phone"));
	assert_true(glob("*phone*", "IP phones"));
	assert_true(glob("a*b*c", "a-b-b-c"));
	assert_true(glob("a*", "a"));
	assert_true(glob("**a**", "a"));
	assert_true(glob("*ab", "aab"));
	assert_true(glob("*aab*", "aaab"));
	assert_false(glob("a*b", "a-b-"));
	assert_false(glob("*phone", "phones"));
	assert_false(glob("phone*", "a phone"));
	assert_false(glob("a*a", "a"));
}

static void a_glob_without_a_star_is_the_whole_value(void **state)
{
	(void)state;
	assert_true(glob("tlsv1 alert unknown ca", "tlsv1 alert unknown ca"));
	assert_false(glob("tlsv1 alert unknown ca", "tlsv1 alert unknown ca."));
	assert_false(glob("unknown ca", "tlsv1 alert unknown ca"));
	assert_true(glob("", ""));
	assert_false(glob("", "x"));
	assert_false(glob("x", ""));
}

static void letters_compare_without_case(void **state)
{
	(void)state;
	assert_true(glob("*PHONE*", "vpn-phones"));
	assert_true(glob("*phone*", "VPN-PHONES"));
	assert_true(glob("aes256-sha", "AES256-SHA"));
}

static void other_marks_mean_themselves(void **state)
{
	(void)state;
	assert_true(glob("a?[b]\\", "a?[b]\\"));
	assert_false(glob("a?", "ab"));
	assert_false(glob("[ab]", "a"));
	assert_true(glob("h\xc3\xb6r", "h\xc3\xb6r"));
}

// Many stars against a text that almost fits: no exponential search.
static void many_stars_end(void **state)
{
	(void)state;
	char pattern[401], text[1025];
	for (int i = 0; i < 400; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[400] = '\0';
	memset(text, 'a', 1024);
	text[1024] = '\0';
	text[1023] = 'b';
	assert_false(glob(pattern, text));
}

static unsigned words_of(const char *text, char out[][16])
{
	struct slice list = slice_of(text), word;
	unsigned n = 0;
	for (; list_next(&list, &word); n++)
		slice_copy(word, out[n], 16);
	return n;
}

static void a_list_is_divided_by_commas_colons_and_blanks(void **state)
{
	(void)state;
	char words[8][16];
	assert_int_equal(words_of("AES256-SHA AES128-SHA", words), 2);
	assert_string_equal(words[1], "AES128-SHA");
	assert_int_equal(words_of(" ,a:b, c\t:: d,", words), 4);
	assert_string_equal(words[0], "a");
	assert_string_equal(words[3], "d");
	assert_int_equal(words_of("", words), 0);
	assert_int_equal(words_of(" ,:\t", words), 0);
}

// ---- conditions on an event's values ----

struct fixture {
	char text[256];
	uint32_t len;
	struct field_value values[8];
	unsigned n;
};

static void add(struct fixture *f, uint8_t field, const char *value)
{
	uint32_t len = (uint32_t)strlen(value);
	memcpy(f->text + f->len, value, len);
	f->values[f->n++] = (struct field_value){
		field, (uint8_t)field_type_of(field), (uint16_t)f->len, (uint16_t)len};
	f->len += len;
}

static bool holds(const struct fixture *f, const struct condition *condition)
{
	return condition_holds(condition, (struct slice){f->text, f->len}, f->values, f->n);
}

static void any_glob_of_a_field_suffices(void **state)
{
	(void)state;
	struct fixture f = {0};
	const char *globs[] = {"*unknown ca", "*certificate unknown"};
	struct condition c = {
		.field = FIELD_REASON, .other = FIELD_NONE, .globs = globs, .n_globs = 2};
	add(&f, FIELD_FUNCTION, "unknown ca");
	assert_false(holds(&f, &c));
	add(&f, FIELD_REASON, "sslv3 alert certificate unknown");
	assert_true(holds(&f, &c));
	c.n_globs = 1;
	assert_false(holds(&f, &c));
}

static void a_missing_field_holds_nothing(void **state)
{
	(void)state;
	struct fixture f = {0};
	const char *globs[] = {"*"};
	struct condition c = {
		.field = FIELD_REASON, .other = FIELD_NONE, .globs = globs, .n_globs = 1};
	assert_false(holds(&f, &c));
	// An empty value is there.
	add(&f, FIELD_REASON, "");
	f.len = 1;
	assert_true(holds(&f, &c));
}

static void every_word_of_a_list_has_to_fit(void **state)
{
	(void)state;
	struct fixture f = {0}, none = {0};
	const char *globs[] = {"ECDHE-*", "TLS_AES_*"};
	struct condition c = {
		.field = FIELD_OFFERED, .other = FIELD_NONE, .globs = globs, .n_globs = 2};
	add(&f, FIELD_OFFERED, "ECDHE-RSA-AES256-SHA TLS_AES_128_GCM_SHA256");
	assert_true(holds(&f, &c));
	c.n_globs = 1;
	assert_false(holds(&f, &c));
	add(&none, FIELD_OFFERED, " ");
	assert_false(holds(&none, &c));
}

static void lists_without_a_common_word_are_disjoint(void **state)
{
	(void)state;
	struct condition c = {.field = FIELD_OFFERED, .other = FIELD_SUPPORTED};
	struct fixture f = {0}, g = {0}, h = {0};
	add(&f, FIELD_OFFERED, "RC4-SHA AES128-SHA");
	assert_false(holds(&f, &c)); // nothing is known of the other
	add(&f, FIELD_SUPPORTED, "AES256-SHA, DES-CBC3-SHA");
	assert_true(holds(&f, &c));
	add(&g, FIELD_OFFERED, "RC4-SHA AES128-SHA");
	add(&g, FIELD_SUPPORTED, "AES128-SHA:AES256-SHA");
	assert_false(holds(&g, &c));
	// A word that is the beginning of another is another.
	add(&h, FIELD_OFFERED, "AES128");
	add(&h, FIELD_SUPPORTED, "AES128-SHA");
	assert_true(holds(&h, &c));
}

static void equal_conditions_share_a_bit(void **state)
{
	(void)state;
	const char *one[] = {"a", "b"}, *two[] = {"a", "b"}, *three[] = {"b", "a"};
	struct condition a = {FIELD_REASON, FIELD_NONE, one, 2},
			 b = {FIELD_REASON, FIELD_NONE, two, 2};
	assert_true(condition_equals(&a, &b));
	b.n_globs = 1;
	assert_false(condition_equals(&a, &b));
	b = (struct condition){FIELD_STATE, FIELD_NONE, two, 2};
	assert_false(condition_equals(&a, &b));
	b = (struct condition){FIELD_REASON, FIELD_NONE, three, 2};
	assert_false(condition_equals(&a, &b));
	b = (struct condition){FIELD_REASON, FIELD_STATE, two, 2};
	assert_false(condition_equals(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_star_stands_for_any_text),
		cmocka_unit_test(a_glob_without_a_star_is_the_whole_value),
		cmocka_unit_test(letters_compare_without_case),
		cmocka_unit_test(other_marks_mean_themselves),
		cmocka_unit_test(many_stars_end),
		cmocka_unit_test(a_list_is_divided_by_commas_colons_and_blanks),
		cmocka_unit_test(any_glob_of_a_field_suffices),
		cmocka_unit_test(a_missing_field_holds_nothing),
		cmocka_unit_test(every_word_of_a_list_has_to_fit),
		cmocka_unit_test(lists_without_a_common_word_are_disjoint),
		cmocka_unit_test(equal_conditions_share_a_bit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
