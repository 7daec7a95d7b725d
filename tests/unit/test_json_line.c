// SPDX-License-Identifier: BSD-3-Clause
// A value as one line is what jansson makes of it, but for characters that no terminal should get.
#include "unit.h"

#include "../../control/glyph.h"
#include "../../control/json_line.h"

static char *line_of(json_t *value)
{
	size_t len = 0;
	char *line = json_line(value, &len);
	assert_non_null(line);
	assert_int_equal(strlen(line), len);
	return line;
}

// As jansson has it, and read back as the same.
static void assert_dumped(json_t *value)
{
	char *line = line_of(value),
	     *dumped = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	assert_string_equal(line, dumped);
	free(line);
	free(dumped);
	json_decref(value);
}

static unsigned encode(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	unsigned n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t firsts[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (unsigned i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(firsts[n] | c);
	return n;
}

static void every_character_is_as_jansson_has_it_or_spelled(void **state)
{
	(void)state;
	unsigned n_spelled = 0;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		char text[8];
		if (c >= 0xd800 && c < 0xe000)
			continue;
		json_t *value = json_stringn(text, encode(c, text));
		if (c < 0x7f || !glyph_is_hostile(c)) {
			assert_dumped(value);
			continue;
		}
		char *line = line_of(value);
		json_t *back = json_loads(line, JSON_DECODE_ANY, NULL);
		assert_memory_equal(line, "\"\\u", 3);
		assert_true(json_equal(value, back));
		free(line);
		json_decref(value);
		json_decref(back);
		n_spelled++;
	}
	assert_in_range(n_spelled, 30, 10000);
}

static void an_escape_is_seen_at_every_place(void **state)
{
	(void)state;
	static const char *const specials[] = {
		"\"", "\\", "\n", "\x01", "\xc3\xa9", "\xe7\xb6\xb2"};
	for (size_t len = 0; len < 40; len++) {
		for (size_t at = 0; at <= len; at++) {
			char text[64];
			const char *special = specials[(at + len) % 6];
			memset(text, 'a', sizeof(text));
			memcpy(text + at, special, strlen(special));
			assert_dumped(json_stringn(text, len + strlen(special)));
		}
	}
}

static void values_of_every_kind_and_depth(void **state)
{
	(void)state;
	assert_dumped(json_pack("{s:[], s:{}, s:n, s:b, s:b, s:I, s:f, s:{s:[i,[s,{s:s}]]}, s:s}",
		"none", "empty", "null", "true", 1, "false", 0, "number",
		(json_int_t)-1234567890123, "real", 0.1, "z", "list", 7, "in", "key \"\\", "value",
		"a", "after z"));
	assert_dumped(json_null());
	assert_dumped(json_integer(0));
	assert_dumped(json_stringn("a\0b", 3));
}

static void what_is_no_text_is_refused(void **state)
{
	(void)state;
	size_t len;
	json_t *value = json_string_nocheck("caf\xe9");
	assert_null(json_line(value, &len));
	json_decref(value);
	assert_null(json_line(NULL, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_character_is_as_jansson_has_it_or_spelled),
		cmocka_unit_test(an_escape_is_seen_at_every_place),
		cmocka_unit_test(values_of_every_kind_and_depth),
		cmocka_unit_test(what_is_no_text_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
