// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../control/text.h"

static void becomes(const char *bytes, size_t len, const char *wanted)
{
	struct slice exact = slice_exact(bytes, (uint32_t)len);
	json_t *json = json_text(exact);
	assert_non_null(json);
	assert_string_equal(json_string_value(json), wanted);
	assert_int_equal(json_string_length(json), strlen(wanted));
	json_decref(json);
	free((void *)exact.data);
}

#define BECOMES(bytes, wanted) becomes(bytes, sizeof(bytes) - 1, wanted)
#define BAD "\xef\xbf\xbd"

static void valid_text_stays_as_it_is(void **state)
{
	(void)state;
	BECOMES("", "");
	BECOMES("plain", "plain");
	BECOMES("h\xc3\xb6r \xe5\xbb\xa0 \xf0\x9f\x98\x80",
		"h\xc3\xb6r \xe5\xbb\xa0 \xf0\x9f\x98\x80");
	BECOMES("\x01\x1f\x7f\"\\", "\x01\x1f\x7f\"\\");
}

static void bytes_that_are_no_utf8_are_replaced(void **state)
{
	(void)state;
	BECOMES("\xff", BAD);
	BECOMES("a\xff"
		"b",
		"a" BAD "b");
	BECOMES("\xc3", BAD);
	BECOMES("\xe5\xbb", BAD BAD);
	BECOMES("\xe5\xbb\xa0\xe5", "\xe5\xbb\xa0" BAD);
	BECOMES("\xed\xa0\x80", BAD BAD BAD);	      // a surrogate
	BECOMES("\xc0\xaf", BAD BAD);		      // overlong
	BECOMES("\xf4\x90\x80\x80", BAD BAD BAD BAD); // beyond U+10FFFF
	BECOMES("\x80\xc3\xb6", BAD "\xc3\xb6");
}

// Whatever the bytes: a string comes out, and jansson takes it.
static void any_two_and_many_longer_sequences_become_a_string(void **state)
{
	(void)state;
	char bytes[4];
	for (unsigned i = 0; i < 0x10000; i++) {
		bytes[0] = (char)(i >> 8);
		bytes[1] = (char)i;
		json_t *json = json_text((struct slice){bytes, 2});
		assert_non_null(json);
		json_decref(json);
	}
	static const unsigned char marks[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
		0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff};
	for (size_t i = 0; i < N(marks) * N(marks) * N(marks) * N(marks); i++) {
		size_t r = i;
		for (int k = 0; k < 4; k++, r /= N(marks))
			bytes[k] = (char)marks[r % N(marks)];
		json_t *json = json_text((struct slice){bytes, 4});
		assert_non_null(json);
		json_decref(json);
	}
}

static void a_nul_is_kept(void **state)
{
	(void)state;
	json_t *json = json_text((struct slice){"a\0b", 3});
	assert_int_equal(json_string_length(json), 3);
	char *text = json_dumps(json, JSON_ENCODE_ANY);
	assert_string_equal(text, "\"a\\u0000b\"");
	free(text);
	json_decref(json);
}

static void what_is_empty_is_null(void **state)
{
	(void)state;
	struct address none = {0}, four;
	json_t *json = json_text_or_null((struct slice){0});
	assert_true(json_is_null(json));
	json = json_address_or_null(&none);
	assert_true(json_is_null(json));
	json = json_time_or_null(0);
	assert_true(json_is_null(json));
	address_parse(slice_of("198.51.100.9"), &four);
	json = json_address_or_null(&four);
	assert_string_equal(json_string_value(json), "198.51.100.9");
	json_decref(json);
	json = json_text_or_null(slice_of("x"));
	assert_string_equal(json_string_value(json), "x");
	json_decref(json);
	json = json_text((struct slice){0});
	assert_string_equal(json_string_value(json), "");
	json_decref(json);
}

static void assert_time(uint64_t ms, const char *wanted)
{
	char *text = malloc(TIME_TEXT_MAX); // exactly, for ASan
	assert_string_equal(time_format(ms, text), wanted);
	free(text);
}

static void times_are_utc_with_milliseconds(void **state)
{
	(void)state;
	setenv("TZ", "Asia/Taipei", 1);
	assert_time(1, "1970-01-01T00:00:00.001Z");
	assert_time(1795256367155, "2026-11-21T10:19:27.155Z");
	assert_time(951782400000, "2000-02-29T00:00:00.000Z");
	assert_time(253402300799999, "9999-12-31T23:59:59.999Z");
	json_t *json = json_time_or_null(1795256367155);
	assert_string_equal(json_string_value(json), "2026-11-21T10:19:27.155Z");
	json_decref(json);
}

// A capture can bring any number for a time.
static void a_time_beyond_all_years_does_no_harm(void **state)
{
	(void)state;
	static const uint64_t times[] = {UINT64_MAX, UINT64_MAX / 2, INT64_MAX, 1ull << 60,
		1ull << 56, 1ull << 52, 1ull << 50, 400000000000000ull, 9999999999999999ull};
	for (size_t i = 0; i < N(times); i++) {
		char *text = malloc(TIME_TEXT_MAX);
		time_format(times[i], text);
		assert_true(strlen(text) < TIME_TEXT_MAX);
		free(text);
		json_t *json = json_time_or_null(times[i]);
		assert_true(json_is_string(json));
		json_decref(json);
	}
}

static bool reads(const char *text, uint64_t *ms)
{
	json_t *time = json_string(text);
	bool ok = json_time_read(time, ms);
	json_decref(time);
	return ok;
}

static void a_time_is_read_back(void **state)
{
	static const char *const none[] = {"", "2026-11-21", "2026-11-21T10:19:27.155",
		"2026-11-21T10:19:27.155ZZ", "2026-11-21 10:19:27.155Z", "-026-11-21T10:19:27.155Z",
		"2026-1 -21T10:19:27.155Z", "1969-12-31T23:59:59.000Z"};
	uint64_t ms = 0;
	char text[TIME_TEXT_MAX];
	(void)state;
	assert_true(reads("2026-11-21T10:19:27.155Z", &ms));
	assert_string_equal(time_format(ms, text), "2026-11-21T10:19:27.155Z");
	for (size_t i = 0; i < N(none); i++)
		assert_false(reads(none[i], &ms));
	assert_false(json_time_read(NULL, &ms));
	json_t *number = json_integer(7);
	assert_false(json_time_read(number, &ms));
	json_decref(number);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_text_stays_as_it_is),
		cmocka_unit_test(bytes_that_are_no_utf8_are_replaced),
		cmocka_unit_test(any_two_and_many_longer_sequences_become_a_string),
		cmocka_unit_test(a_nul_is_kept),
		cmocka_unit_test(what_is_empty_is_null),
		cmocka_unit_test(times_are_utc_with_milliseconds),
		cmocka_unit_test(a_time_beyond_all_years_does_no_harm),
		cmocka_unit_test(a_time_is_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
