// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../control/glyph.h"
#include "../../control/json_line.h"

// As it is written to a terminal. To be freed.
static char *shown(const char *bytes, size_t len)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct slice exact = slice_exact(bytes, (uint32_t)len);
	glyph_write(out, exact);
	fclose(out);
	free((char *)exact.data);
	return text;
}

#define assert_shown(bytes, wanted)                           \
	do {                                                  \
		char *text = shown(bytes, sizeof(bytes) - 1); \
		assert_string_equal(text, wanted);            \
		free(text);                                   \
	} while (0)

static void plain_text_is_shown_as_it_is(void **state)
{
	(void)state;
	assert_shown("Group <VPN> User \"bob\" 100 %", "Group <VPN> User \"bob\" 100 %");
	assert_shown("電話 전화 é", "電話 전화 é");
	assert_shown("", "");
}

static void what_acts_on_a_terminal_is_spelled(void **state)
{
	(void)state;
	assert_shown("a\x1b[2Jb", "a\\x1B[2Jb");
	assert_shown("a\rb\nc\td\x08"
		     "e\x7f",
		"a\\x0Db\\x0Ac\\x09d\\x08e\\x7F");
	assert_shown("\0", "\\x00");
	assert_shown("\xc2\x9b"
		     "31m",
		"\\xC2\\x9B31m"); // CSI of C1
	assert_shown("a\xe2\x80\xae"
		     "b",
		"a\\xE2\\x80\\xAE"
		"b"); // right-to-left override
	assert_shown("\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf",
		"\\xE2\\x81\\xA6\\xE2\\x80\\x8B\\xEF\\xBB\\xBF");
	assert_shown("\xf3\xa0\x80\xa1", "\\xF3\\xA0\\x80\\xA1"); // a tag character
}

static void bytes_that_are_no_utf8_are_spelled(void **state)
{
	(void)state;
	assert_shown("a\xff\xfe", "a\\xFF\\xFE");
	assert_shown("\xc0\xaf", "\\xC0\\xAF");			  // overlong
	assert_shown("\xed\xa0\x80", "\\xED\\xA0\\x80");	  // a surrogate
	assert_shown("\xe9\x9b", "\\xE9\\x9B");			  // cut off
	assert_shown("\xf4\x90\x80\x80", "\\xF4\\x90\\x80\\x80"); // beyond Unicode
}

static void no_byte_sequence_leaves_a_control(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 256; first++) {
		for (unsigned second = 0; second < 256; second++) {
			char bytes[2] = {(char)first, (char)second}, *text = shown(bytes, 2);
			for (const char *c = text; *c; c++) {
				if ((unsigned char)*c < 0x20 || *c == 0x7f)
					fail_msg("%02x %02x", first, second);
			}
			assert_null(strstr(text, "\xc2\x80"));
			free(text);
		}
	}
}

static void wide_characters_take_two_columns(void **state)
{
	(void)state;
	assert_int_equal(glyph_columns(slice_of("abc")), 3);
	assert_int_equal(glyph_columns(slice_of("電話")), 4);
	assert_int_equal(glyph_columns(slice_of("전화")), 4);
	assert_int_equal(glyph_columns(slice_of("，。")), 4);
	assert_int_equal(glyph_columns(slice_of("é")), 1);
	assert_int_equal(glyph_columns(slice_of("e\xcc\x81")), 1); // combining
	assert_int_equal(glyph_columns(slice_of("\x1b")), 4);
	assert_int_equal(glyph_columns(slice_of("…│")), 2);
}

static void json_line_is_one_line_fit_for_a_terminal(void **state)
{
	(void)state;
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{"plain", "[\"plain\"]"},
		{"a\nb\x1b[0m", "[\"a\\nb\\u001B[0m\"]"},
		{"a\x7f", "[\"a\\u007F\"]"},
		{"\xc2\x9b", "[\"\\u009B\"]"},
		{"\xe2\x80\xae", "[\"\\u202E\"]"},
		{"\xf3\xa0\x80\xa1", "[\"\\uDB40\\uDC21\"]"},
		{"電話", "[\"電話\"]"},
	};
	for (size_t i = 0; i < N(cases); i++) {
		json_t *value = json_pack("[s]", cases[i].text), *again;
		size_t len;
		char *line = json_line(value, &len);
		assert_string_equal(line, cases[i].wanted);
		assert_int_equal(len, strlen(line));
		again = json_loads(line, 0, NULL);
		assert_true(json_equal(value, again));
		json_decref(value);
		json_decref(again);
		free(line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_is_shown_as_it_is),
		cmocka_unit_test(what_acts_on_a_terminal_is_spelled),
		cmocka_unit_test(bytes_that_are_no_utf8_are_spelled),
		cmocka_unit_test(no_byte_sequence_leaves_a_control),
		cmocka_unit_test(wide_characters_take_two_columns),
		cmocka_unit_test(json_line_is_one_line_fit_for_a_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
