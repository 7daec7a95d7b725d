// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../control/time_argument.h"

#define NOW_MS 1795685929123ull // 2026-11-26T09:38:49.123Z

static void reads(const char *text, uint64_t wanted, int line)
{
	uint64_t ms = 0;
	if (!time_argument_parse(text, NOW_MS, &ms) || ms != wanted) {
		print_error("'%s' is %llu, not %llu\n", text, (unsigned long long)ms,
			(unsigned long long)wanted);
		_fail(__FILE__, line);
	}
}
#define assert_reads(text, wanted) reads(text, wanted, __LINE__)

static void moments_are_read(void **state)
{
	(void)state;
	assert_reads("2026-11-26", 1795651200000);
	assert_reads("2026-11-26T09:38:49Z", 1795685929000);
	assert_reads("2026-11-26t09:38:49z", 1795685929000);
	assert_reads("2026-11-26 09:38:49", 1795685929000);
	assert_reads("2026-11-26T09:38", 1795685880000);
	assert_reads("2026-11-26T09:38:49.123Z", NOW_MS);
	assert_reads("2026-11-26T09:38:49.1239999Z", NOW_MS);
	assert_reads("2026-11-26T09:38:49.5Z", 1795685929500);
	assert_reads("2026-11-26T10:38:49+01:00", 1795685929000);
	assert_reads("2026-11-26T04:08:49-05:30", 1795685929000);
	assert_reads("2024-02-29", 1709164800000);
	assert_reads("1970-01-01", 0);
}

static void ages_are_read(void **state)
{
	(void)state;
	assert_reads("30m", NOW_MS - 1800000);
	assert_reads("2h", NOW_MS - 7200000);
	assert_reads("7d", NOW_MS - 7 * 86400000ull);
	assert_reads("99999999d", 0); // before there were any
}

static void what_is_no_time_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "yesterday", "2026", "2026-11", "2026-13-01",
		"2026-02-30", "2026-11-26T", "2026-11-26T25:00", "2026-11-26T09:38:49.Z",
		"2026-11-26T09:38:49+1", "2026-11-26T09:38:49 UTC", "26-11-2026", "0h", "-2h",
		"2 h", "2w", " 2h", "2026-11-26T09:38:49+01:00x", "1969-12-31"};
	for (size_t i = 0; i < N(texts); i++) {
		uint64_t ms;
		if (time_argument_parse(texts[i], NOW_MS, &ms))
			fail_msg("'%s' is %llu", texts[i], (unsigned long long)ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments_are_read),
		cmocka_unit_test(ages_are_read),
		cmocka_unit_test(what_is_no_time_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
