// SPDX-License-Identifier: BSD-3-Clause
// What is remembered of headers changes no time: every log is read by two clocks, one of which
// takes each line apart.
#include "unit.h"

#include "../../control/headers.h"

static const struct logtime_options options;

static uint64_t time_of(struct logtime *log, struct slice line, struct message *message)
{
	struct slice rest = line, first;
	*message = (struct message){.source = MESSAGE_OTHER};
	if (message_next(&rest, &first))
		message_parse(NULL, first, message);
	return logtime_of(log, message);
}

// Returns how many lines were not taken apart.
static unsigned read_both_ways(const char *const *lines, size_t n)
{
	static struct headers headers;
	struct logtime plain = {.options = &options}, quick = {.options = &options};
	unsigned known = 0;
	headers = (struct headers){0};
	assert_true(logtime_set_zone(&options));
	for (size_t i = 0; i < n; i++) {
		struct slice line = slice_of(lines[i]);
		struct message message;
		uint64_t wanted = time_of(&plain, line, &message), ms;
		if (headers_time(&headers, line, &quick, &ms)) {
			known++;
		} else {
			ms = time_of(&quick, line, &message);
			headers_keep(&headers, line, &message, &quick);
		}
		if (ms != wanted || quick.days != plain.days)
			fail_msg("line %zu, '%s': %lu, not %lu", i, lines[i], (unsigned long)ms,
				(unsigned long)wanted);
	}
	return known;
}

#define READ(lines) read_both_ways(lines, sizeof(lines) / sizeof((lines)[0]))
#define FULL "<166>Nov 21 2026 10:00:00 asa : %ASA-6-"
#define SHORT "<166>Nov 21 10:00:00 asa %ASA-6-"

static void the_same_header_means_the_same_time(void **state)
{
	(void)state;
	static const char *const lines[] = {FULL "725001: a", FULL "725002: b",
		"<166>Nov 21 2026 10:00:01 asa : %ASA-6-725001: c", FULL "302013: d"};
	assert_int_equal(READ(lines), 2); // b, d
	static const char *const others[] = {"<166>2026-06-27T12:17:46Z a: %FTD-6-725001: x",
		"<166>2026-06-27T12:17:46Z bc: %FTD-6-725001: x",
		"<166>2026-06-27T12:17:46Z a: %FTD-3-725002: x"};
	assert_int_equal(READ(others), 1);
}

static void a_year_is_that_of_the_line_before(void **state)
{
	(void)state;
	static const char *const lines[] = {SHORT "725001: a", SHORT "725001: b",
		"<166>Nov 22 2027 10:00:00 asa : %ASA-6-725001: c", SHORT "725001: d",
		SHORT "725001: e", "<166>Dec 31 23:59:59 asa %ASA-6-725001: f",
		"<166>Jan  1 00:00:00 asa %ASA-6-725001: g",
		"<166>Dec 31 23:59:59 asa %ASA-6-725001: h",
		"<166>Jan  1 00:00:00 asa %ASA-6-725001: i",
		"<166>Jan  1 00:00:00 asa %ASA-6-725001: j"};
	assert_int_equal(READ(lines), 3); // b, e, j
}

static void times_of_day_begin_anew_behind_it(void **state)
{
	(void)state;
	static const char *const lines[] = {FULL "725001: a",
		"<134>902: NOT 23:59:59.000000 VPNC: a", "<134>903: NOT 00:00:01.000000 VPNC: b",
		FULL "725001: b", "<134>904: NOT 23:59:59.000000 VPNC: c",
		"<134>905: NOT 00:00:01.000000 VPNC: d", FULL "725001: c"};
	assert_int_equal(READ(lines), 2);
}

static void what_is_no_header_is_not_remembered(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"<166>Nov 21 2026 10:00:00 a : %ASA-6-72500: Nov 22 2026 10:00:00 %ASA-6-725001: x",
		"<166>Nov 21 2026 10:00:00 a : %ASA-6-725001: x",
		"<166>Nov 21 2026 10:00:01 a : %ASA-6-7250011: x",
		"<166>Nov 21 2026 10:00:01 a : %ASA-6-7250011: x",
		"<166>Nov 21 2026 10:00:02 a sshd[9]: Invalid user of that name: %ASA-6-725001: x",
		"<166>Nov 21 2026 10:00:02 a sshd[9]: Invalid user of that name: %ASA-6-725001: x",
		"<166>Nov 21 2026 10:00:03 a<189>32: Nov 21 2026 10:00:04 b: %ASA-6-725001: x",
		"<166>Nov 21 2026 10:00:03 a<189>32: Nov 21 2026 10:00:04 b: %ASA-6-725001: x",
		"%ASA-6-725001: x", "%ASA-6-725001: x", "<166>a : %ASA-6-725001: x",
		"<166>a : %ASA-6-725001: x", "", "%", "<166>Nov 21 2026 10:00:05 a : %ASA-6-",
		"<166>Nov 21 2026 10:00:05 a : %ASA-6-725001",
		"<166>Nov 21 2026 10:00:05 a : %ASA-6-725001"};
	assert_int_equal(READ(lines), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_header_means_the_same_time),
		cmocka_unit_test(a_year_is_that_of_the_line_before),
		cmocka_unit_test(times_of_day_begin_anew_behind_it),
		cmocka_unit_test(what_is_no_header_is_not_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
