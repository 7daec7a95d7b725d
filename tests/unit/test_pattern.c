// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../rules/pattern.h"

static void taken(const char *pattern)
{
	char reason[256];
	const char *refusal = pattern_refusal(pattern, reason, sizeof(reason));
	if (refusal)
		fail_msg("%s: %s", pattern, refusal);
}

static void refused(const char *pattern, const char *wanted)
{
	char reason[256];
	const char *refusal = pattern_refusal(pattern, reason, sizeof(reason));
	if (refusal == NULL || strncmp(refusal, wanted, strlen(wanted)) != 0)
		fail_msg("%s: %s, not: %s", pattern, refusal ? refusal : "taken", wanted);
}

#define NO_LITERAL "no literal text to find the message by (3 letters or digits in a row of text)"
#define TOO_MANY "stands for more than 128 characters with its repeats written out"

static void a_pattern_needs_a_literal_text(void **state)
{
	(void)state;
	static const char *const right[] = {"^SEP[0-9A-Fa-f]{12}\\.cnf\\.xml", "abc", "a-b-c|x_yz",
		"[0-9]+abc", "(?:abc|def)+ [x]", "x*abc", "abc+|(x+abc)", "a\\.b\\.c",
		"abcd?|xabcd?", "(?i)abc", "(x?(abc))", "abc{2}", "[]x]abc", "[[:alpha:]x]abc",
		"[\\]]abc", "a b c", "(abc)+?x", "abc$"};
	static const char *const wrong[] = {"", ".", "a", "ab", "a.b.c", "a*", "abc?", "ab[c]",
		"abc|x", "(abc)?x", "(abc){0,3}x", "(abc|x)y", "\\w\\w\\w\\d", "[abc]+",
		"a\\db\\dc", "[]abc]", "[^]abc]", "[[:alpha:]abc]", "[a\\]bcd]", "ab+c", "^$",
		"...+", "ab(?:c)"};
	for (size_t i = 0; i < N(right); i++)
		taken(right[i]);
	for (size_t i = 0; i < N(wrong); i++)
		refused(wrong[i], NO_LITERAL);
}

static void repeats_are_written_out(void **state)
{
	(void)state;
	taken("abc.{125}");
	refused("abc.{126}", TOO_MANY);
	taken("abc.{1,125}");
	refused("abc.{1,126}", TOO_MANY);
	taken("abc[^x]{125,}");
	refused("abc[^x]{126,}", TOO_MANY);
	taken("abc(x.{2}){41}");
	refused("abc(x.{2}){42}", TOO_MANY);
	refused("abc(.{0,20}?x){0,20}?", TOO_MANY);
	taken("abc.*def.+ghi");
	taken("abc{,999}"); // no repeat
	refused("abc.{100}b|abc.{101}b", TOO_MANY);
	refused("a.{100}b|a.{101}b|a.{102}b", TOO_MANY);
	refused("(.{0,100}x[^b]{0,100}){20}c", TOO_MANY);
	refused("abc((x{9}){9}){9}", TOO_MANY);
	refused("abc((((((x{99}){99}){99}){99}){99}){99})", "");
}

static void a_pattern_is_short(void **state)
{
	(void)state;
	char pattern[PATTERN_BYTES_MAX + 2] = "abc";
	for (int i = 3; i < PATTERN_BYTES_MAX; i += 2)
		memcpy(pattern + i, "x*", 3);
	assert_int_equal(strlen(pattern), PATTERN_BYTES_MAX + 1);
	refused(pattern, "longer than 256 bytes");
	refused(pattern + 1, TOO_MANY);
	refused(pattern + 3, NO_LITERAL);
}

static void hyperscan_has_the_first_word(void **state)
{
	(void)state;
	refused("(abc)\\1", "Back-references are unsupported");
	refused("abc(", "Missing close parenthesis");
	refused("abc)", "Unmatched parenthes");
	refused("[abc", "Unterminated character class");
}

// Bytes of a line need not be UTF-8, and comments and quotes would hide what is to be counted.
static void what_changes_the_meaning_of_the_rest_is_refused(void **state)
{
	(void)state;
	static const char *const patterns[] = {
		"(*UTF8)abc", "(?x)abc", "(?i:abc)", "abc(?#[)", "\\Q[\\Eabc.{1000}", "abc(?s)"};
	for (size_t i = 0; i < N(patterns); i++)
		refused(patterns[i], "\\Q, \\E, and (?...) but for (?:...) and (?i) are not taken");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pattern_needs_a_literal_text),
		cmocka_unit_test(repeats_are_written_out),
		cmocka_unit_test(a_pattern_is_short),
		cmocka_unit_test(hyperscan_has_the_first_word),
		cmocka_unit_test(what_changes_the_meaning_of_the_rest_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
