// SPDX-License-Identifier: BSD-3-Clause
// What is remembered of headers changes nothing: every log is read twice, once with each line taken
// apart.
#include "unit.h"

#include "../../control/headers.h"

#define LINE_MAX 1024

static const struct logtime_options options;

// A line in a log: with its end, and another behind it.
static struct slice in_a_log(const char *line, char *out)
{
	memset(out, 0, 2 * LINE_MAX + HEADERS_ROOM);
	size_t len = strlen(line);
	assert_true(len < LINE_MAX);
	memcpy(out, line, len);
	memset(out + len, 'x', LINE_MAX - 1);
	out[len] = out[len + LINE_MAX - 1] = '\n';
	return (struct slice){out, (uint32_t)(len + LINE_MAX)};
}

// Returns whether the line is one message.
static bool take_apart(struct shape_table *shapes, struct slice line, struct message *message)
{
	struct slice rest = line, first;
	*message = (struct message){.source = MESSAGE_OTHER};
	if (!message_next(&rest, &first))
		return false;
	message_parse(shapes, first, message);
	return !message_next(&rest, &first);
}

static void assert_same(const struct message *a, const struct message *b)
{
	assert_int_equal(a->source, b->source);
	assert_int_equal(a->asa_id, b->asa_id);
	assert_int_equal(a->severity, b->severity);
	assert_true(slice_equals(a->code, b->code));
	assert_true(slice_equals(a->text, b->text));
	assert_true(slice_equals(a->origin, b->origin));
	assert_true(slice_equals(a->stamp, b->stamp));
	assert_true(slice_equals(a->clock, b->clock));
	assert_true(device_equals(&a->device, &b->device));
}

// Returns how many lines were not taken apart.
static unsigned read_both_ways(const char *const *lines, size_t n)
{
	static struct headers headers;
	static char log[2 * LINE_MAX + HEADERS_ROOM];
	struct logtime plain = {.options = &options}, quick = {.options = &options};
	unsigned known = 0;
	headers = (struct headers){0};
	assert_true(logtime_set_zone(&options));
	for (size_t i = 0; i < n; i++) {
		struct slice text = in_a_log(lines[i], log);
		struct slice line = slice_first(text, text.len - LINE_MAX);
		struct headers_line found;
		struct message message, same;
		bool single = take_apart(NULL, line, &message);
		uint64_t wanted = logtime_of(&plain, &message), ms;
		if (headers_read(&headers, text, &quick, &found)) {
			known++;
			ms = found.time_ms;
			assert_true(single);
			assert_true(slice_equals(found.line, line));
			assert_int_equal(found.asa_id, message.asa_id);
			message_parse_tagged(
				found.line, found.tag, found.asa_id, &found.parts, &same);
			assert_same(&same, &message);
		} else {
			take_apart(&headers.shapes, line, &message);
			ms = logtime_of(&quick, &message);
			headers_keep(&headers, &message, &quick);
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
		"%ASA-6-725001: x", "%ASA-6-725001: x", "", "%",
		"<166>Nov 21 2026 10:00:05 a : %ASA-6-",
		"<166>Nov 21 2026 10:00:05 a : %ASA-6-725001",
		"<166>Nov 21 2026 10:00:05 a : %ASA-6-725001"};
	assert_int_equal(READ(lines), 0);
}

static void a_line_without_a_time_has_that_of_the_line_before(void **state)
{
	(void)state;
	static const char *const lines[] = {FULL "725001: a", "<166>b : %ASA-6-725001: x",
		"<166>b : %ASA-6-302013: x", "<134>902: NOT 23:59:59.000000 VPNC: a",
		"<166>b : %ASA-6-302013: x", FULL "302013: c"};
	assert_int_equal(READ(lines), 3);
}

static void only_one_message_is_known(void **state)
{
	(void)state;
	static const char *const lines[] = {FULL "725001: a", FULL "725001: b\r",
		FULL "725001: User <a> IP <203.0.113.1> is < 3 > \t\r", FULL "725001: b\rc",
		FULL "725001: b\r\r", FULL "725001: b<189>32: " FULL "725001: c",
		FULL "725001: b <189>c", FULL "725001: User <<189>32: " FULL "725001: c>",
		FULL "725001:", FULL "725001: (Message repeated 2 times)", "\"" FULL "725001: a\"",
		"\"" FULL "725001: a\"", "46 " FULL "725001: a", "46 " FULL "725001: a",
		" " FULL "725001: a", " " FULL "725001: a"};
	assert_int_equal(READ(lines), 4);
}

// Wherever a line ends, or what may begin another stands, it is seen.
static void every_place_is_looked_at(void **state)
{
	(void)state;
	static const char base[] = FULL "725001: 0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL";
	static char line[LINE_MAX];
	const char *const lines[] = {base, line};
	for (size_t at = sizeof(FULL "725001: ") - 1; at + 4 < sizeof(base); at++) {
		memcpy(line, base, sizeof(base));
		memcpy(line + at, "<1>", 3);
		assert_int_equal(READ(lines), 0);
		memcpy(line + at, "<a>", 3);
		assert_int_equal(READ(lines), 1);
		memcpy(line + at, "\r.\r", 3);
		assert_int_equal(READ(lines), 0);
		line[at] = '\0';
		assert_int_equal(READ(lines), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_header_means_the_same_time),
		cmocka_unit_test(a_year_is_that_of_the_line_before),
		cmocka_unit_test(times_of_day_begin_anew_behind_it),
		cmocka_unit_test(what_is_no_header_is_not_remembered),
		cmocka_unit_test(a_line_without_a_time_has_that_of_the_line_before),
		cmocka_unit_test(only_one_message_is_known),
		cmocka_unit_test(every_place_is_looked_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
