// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <time.h>

#include "../../control/logtime.h"

static struct logtime_options options;
static struct logtime log_;

// A log from its beginning, with what the command line says.
static void begin(const char *date, const char *zone)
{
	options = (struct logtime_options){.zone = zone};
	if (date)
		assert_true(logtime_parse_date(date, &options.date));
	assert_true(logtime_set_zone(&options));
	log_ = (struct logtime){.options = &options};
}

static uint64_t time_of(const char *line)
{
	struct message message;
	message_parse(NULL, slice_of(line), &message);
	return logtime_of(&log_, &message);
}

// "2026-11-21 10:19:27.155" in UTC
static void is_at(const char *line, const char *wanted, int at)
{
	uint64_t ms = time_of(line);
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char date[40], text[48];
	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03u", date, (unsigned)(ms % 1000));
	if (strncmp(text, wanted, strlen(wanted)) != 0)
		fail_msg("%d: '%s' is at %s, not %s", at, line, text, wanted);
}

#define IS_AT(line, wanted) is_at(line, wanted, __LINE__)
#define TAG " : %ASA-6-725001: x"

// ---- full times ----

static void a_full_time_is_taken_as_it_stands(void **state)
{
	(void)state;
	begin(NULL, NULL);
	IS_AT("Nov 07 2026 09:59:27" TAG, "2026-11-07 09:59:27.000");
	IS_AT("Nov  7 2026 09:59:27.138340591" TAG, "2026-11-07 09:59:27.138");
	IS_AT("<166>2026-06-27T12:17:46Z asa" TAG, "2026-06-27 12:17:46.000");
	IS_AT("2026-06-27 12:17:46.5 asa" TAG, "2026-06-27 12:17:46.500");
	IS_AT("Feb 29 2028 23:59:59" TAG, "2028-02-29 23:59:59");
	IS_AT("Jan 01 1970 00:00:00" TAG, "1970-01-01 00:00:00");
	IS_AT("Dec 31 2026 23:59:60" TAG, "2027-01-01 00:00:00"); // a leap second
}

static void its_own_zone_outweighs_the_given_one(void **state)
{
	(void)state;
	begin(NULL, "Asia/Taipei");
	IS_AT("2026-07-16T09:39:32+02:00 asa" TAG, "2026-07-16 07:39:32");
	IS_AT("2026-07-16T09:39:32-0530 asa" TAG, "2026-07-16 15:09:32");
	IS_AT("2026-07-16T09:39:32Z asa" TAG, "2026-07-16 09:39:32");
	IS_AT("Apr 15 2026 09:34:34 EDT" TAG, "2026-04-15 13:34:34");
	IS_AT("Apr 15 2026 09:34:34 UTC" TAG, "2026-04-15 09:34:34");
	IS_AT("Apr 15 2026 09:34:34.5 CEST" TAG, "2026-04-15 07:34:34.500");
	IS_AT("<166>:Jan 13 2026 01:51:28 MSK: %ASA-6-725001: x", "2026-01-12 22:51:28");
	IS_AT("Apr 15 2026 09:34:34" TAG, "2026-04-15 01:34:34");
	// One that stands for several (China, Cuba, Central) is taken as --zone.
	IS_AT("Apr 15 2026 09:34:34 CST" TAG, "2026-04-15 01:34:34");
}

// The relay's time outside is local, the ASA's inside is UTC.
static void the_inner_time_counts(void **state)
{
	(void)state;
	begin("2026-09-25", NULL);
	IS_AT("Sep 25 01:08:29 relay : Sep 25 05:08:29 UTC: %ASA-6-725001: x",
		"2026-09-25 05:08:29");
}

static void zones_by_name_know_summer_time(void **state)
{
	(void)state;
	begin(NULL, "Europe/Berlin");
	IS_AT("Jan 15 2026 12:00:00" TAG, "2026-01-15 11:00:00");
	IS_AT("Jul 15 2026 12:00:00" TAG, "2026-07-15 10:00:00");
	IS_AT("Mar 29 2026 01:59:59" TAG, "2026-03-29 00:59:59");
	IS_AT("Mar 29 2026 03:00:00" TAG, "2026-03-29 01:00:00");
	IS_AT("Oct 25 2026 12:00:00" TAG, "2026-10-25 11:00:00");
}

static void zones_by_offset_are_east_of_utc(void **state)
{
	(void)state;
	begin(NULL, "+02:00");
	IS_AT("Jul 15 2026 12:00:00" TAG, "2026-07-15 10:00:00");
	begin(NULL, "-05:30");
	IS_AT("Jul 15 2026 12:00:00" TAG, "2026-07-15 17:30:00");
	begin(NULL, "+0545");
	IS_AT("Jul 15 2026 12:00:00" TAG, "2026-07-15 06:15:00");
	begin(NULL, "+00:00");
	IS_AT("Jul 15 2026 12:00:00" TAG, "2026-07-15 12:00:00");
}

static void what_is_no_zone_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {"", "Nowhere", "Europe", "Europe/", "../etc/passwd",
		"/etc/passwd", "+", "+2:x", "+25:00", "+02:60", "02:00", "UTC+2",
		"Europe/../Europe/Berlin", "+02:00x", "zone.tab", "+99:99"};
	for (size_t i = 0; i < N(wrong); i++) {
		struct logtime_options o = {.zone = wrong[i]};
		if (logtime_set_zone(&o))
			fail_msg("'%s' is taken for a zone", wrong[i]);
	}
	begin(NULL, "UTC");
	begin(NULL, "Asia/Seoul");
	begin(NULL, NULL);
}

static void dates_are_yyyy_mm_dd(void **state)
{
	(void)state;
	struct logtime_date date;
	assert_true(logtime_parse_date("2026-11-21", &date));
	assert_int_equal(date.year, 2026);
	assert_int_equal(date.month, 11);
	assert_int_equal(date.day, 21);
	assert_true(logtime_parse_date("1970-01-01", &date));
	assert_true(logtime_parse_date("2028-02-29", &date));
	static const char *const wrong[] = {"", "2026", "2026-11", "2026-13-01", "2026-00-10",
		"2026-01-00", "2026-01-32", "2026-02-29", "2026-04-31", "2026-11-21x",
		"2026-11-21 ", " 2026-11-21", "21.11.2026", "2026/11/21", "1969-12-31", "2026-1-1",
		"+026-01-01", "26-11-21", "12026-01-01"};
	for (size_t i = 0; i < N(wrong); i++) {
		if (logtime_parse_date(wrong[i], &date))
			fail_msg("'%s' is taken for a date", wrong[i]);
	}
}

// ---- times without a year ----

static void a_yearless_time_takes_the_year_before(void **state)
{
	(void)state;
	begin("2020-01-01", NULL);
	IS_AT("Nov 07 09:59:27 fw" TAG, "2020-11-07 09:59:27");
	IS_AT("Nov 08 2026 09:59:27 fw" TAG, "2026-11-08 09:59:27");
	IS_AT("Nov 08 10:00:00 fw" TAG, "2026-11-08 10:00:00");
	begin(NULL, NULL);
	IS_AT("Nov 07 09:59:27 fw" TAG, "1970-11-07 09:59:27");
}

// A day of it must not lie a year before its neighbour.
static void a_yearless_log_crosses_the_new_year(void **state)
{
	(void)state;
	begin("2026-12-31", NULL);
	IS_AT("Dec 31 23:59:59 fw" TAG, "2026-12-31 23:59:59");
	IS_AT("Jan  1 00:00:01 fw" TAG, "2027-01-01 00:00:01");
	IS_AT("Dec 31 23:59:59 fw" TAG, "2026-12-31 23:59:59"); // one that UDP brought late
	IS_AT("Jan  1 00:00:02 fw" TAG, "2027-01-01 00:00:02");
	IS_AT("Jan  9 00:00:02 fw" TAG, "2027-01-09 00:00:02");
}

// ---- a phone's time of day ----

static void a_time_of_day_takes_the_date_of_the_line_before(void **state)
{
	(void)state;
	begin("2020-01-01", NULL);
	IS_AT("902: NOT 10:19:27.155936 VPNC: x", "2020-01-01 10:19:27.155");
	IS_AT("Nov 21 2026 10:19:20" TAG, "2026-11-21 10:19:20");
	IS_AT("902: NOT 10:19:27.155936 VPNC: x", "2026-11-21 10:19:27.155");
	IS_AT("903: NOT 10:19:28.5 VPNC: x", "2026-11-21 10:19:28.500");
}

static void a_phones_yearless_date_takes_its_year(void **state)
{
	(void)state;
	begin("2026-01-01", NULL);
	IS_AT("4943 NOT Mar 09 18:32:40.678040 (346:1887) TFTPD-x", "2026-03-09 18:32:40.678");
}

// "takes the date of the nearest dated line": one that is lent stands for those to come.
static void a_date_from_elsewhere_fills_what_is_missing(void **state)
{
	(void)state;
	begin(NULL, NULL);
	log_.lent = (struct logtime_date){2026, 11, 21};
	IS_AT("902: NOT 10:19:27.155936 VPNC: x", "2026-11-21 10:19:27.155");
	begin("2020-01-01", NULL);
	log_.lent = (struct logtime_date){2026, 11, 21};
	IS_AT("902: NOT 10:19:27.155936 VPNC: x", "2020-01-01 10:19:27.155");
}

static void a_header_outweighs_the_phones_own_clock(void **state)
{
	(void)state;
	begin(NULL, NULL);
	IS_AT("Nov 21 2026 10:19:27 SEP8CB64F576113 902: NOT 03:00:00.1 VPNC: x",
		"2026-11-21 10:19:27");
}

static void midnight_is_crossed(void **state)
{
	(void)state;
	begin("2026-11-21", NULL);
	IS_AT("1: NOT 23:59:59.9 VPNC: x", "2026-11-21 23:59:59.900");
	IS_AT("2: NOT 00:00:00.1 VPNC: x", "2026-11-22 00:00:00.100");
	IS_AT("3: NOT 00:30:00.1 VPNC: x", "2026-11-22 00:30:00.100");
	// Long after midnight it is still the next day.
	IS_AT("4: NOT 05:00:00.1 VPNC: x", "2026-11-22 05:00:00.100");
	IS_AT("5: NOT 23:59:00.1 VPNC: x", "2026-11-22 23:59:00.100");
	IS_AT("6: NOT 00:01:00.1 VPNC: x", "2026-11-23 00:01:00.100");
}

// A line of the day before between those of the new one, as two sources interleave.
static void a_late_line_is_of_the_day_before(void **state)
{
	(void)state;
	begin(NULL, NULL);
	IS_AT("Nov 22 2026 00:00:05" TAG, "2026-11-22 00:00:05");
	IS_AT("1: NOT 23:59:58.1 VPNC: x", "2026-11-21 23:59:58.100");
	IS_AT("2: NOT 00:00:06.1 VPNC: x", "2026-11-22 00:00:06.100");
	IS_AT("Nov 22 2026 23:59:58" TAG, "2026-11-22 23:59:58");
	IS_AT("3: NOT 00:00:01.1 VPNC: x", "2026-11-23 00:00:01.100");
	IS_AT("Nov 23 2026 00:00:02" TAG, "2026-11-23 00:00:02");
	IS_AT("4: NOT 00:00:03.1 VPNC: x", "2026-11-23 00:00:03.100");
	IS_AT("5: NOT 06:00:03.1 VPNC: x", "2026-11-23 06:00:03.100");
}

// ---- no time ----

static void a_line_without_a_time_has_that_of_the_line_before(void **state)
{
	(void)state;
	begin("2026-11-21", NULL);
	IS_AT("%ASA-6-725001: x", "2026-11-21 00:00:00.000");
	IS_AT("VPNC: x", "2026-11-21 00:00:00.000");
	IS_AT("Nov 21 2026 10:19:20.5" TAG, "2026-11-21 10:19:20.500");
	IS_AT("%ASA-6-725001: x", "2026-11-21 10:19:20.500");
	IS_AT("anything", "2026-11-21 10:19:20.500");
	begin(NULL, NULL);
	IS_AT("%ASA-6-725001: x", "1970-01-01 00:00:00.000");
}

static void the_first_midnight_is_in_the_zone(void **state)
{
	(void)state;
	begin("2026-11-21", "+08:00");
	IS_AT("%ASA-6-725001: x", "2026-11-20 16:00:00.000");
}

// ---- odd times ----

static void an_impossible_time_is_none(void **state)
{
	(void)state;
	begin("2026-11-21", NULL);
	IS_AT("Nov 21 2026 10:19:20" TAG, "2026-11-21 10:19:20");
	IS_AT("Nov 21 2026 24:00:00" TAG, "2026-11-21 10:19:20");
	IS_AT("Nov 21 2026 10:60:00" TAG, "2026-11-21 10:19:20");
	IS_AT("2026-13-45T10:20:00Z" TAG, "2026-11-21 10:19:20");
	IS_AT("2026-00-10T10:20:00Z" TAG, "2026-11-21 10:19:20");
	IS_AT("Nov 00 2026 10:20:00" TAG, "2026-11-21 10:19:20");
	IS_AT("Nov 31 2026 10:20:00" TAG, "2026-11-21 10:19:20");
	IS_AT("1: NOT 99:99:99.9 VPNC: x", "2026-11-21 10:19:20");
}

static void a_time_before_the_epoch_is_its_beginning(void **state)
{
	(void)state;
	begin(NULL, NULL);
	IS_AT("Nov 21 1969 10:19:20" TAG, "1970-01-01 00:00:00");
	IS_AT("1970-01-01T00:00:00+05:00" TAG, "1970-01-01 00:00:00");
}

static void the_date_of_a_message_is_what_it_brings(void **state)
{
	(void)state;
	struct message message;
	struct logtime_date date;
	message_parse(NULL, slice_of("Nov 21 2026 10:19:20" TAG), &message);
	assert_true(logtime_date_of(&message, &date));
	assert_int_equal(date.year, 2026);
	assert_int_equal(date.month, 11);
	assert_int_equal(date.day, 21);
	message_parse(NULL, slice_of("Nov 21 10:19:20 fw" TAG), &message);
	assert_true(logtime_date_of(&message, &date));
	assert_int_equal(date.year, 0);
	assert_int_equal(date.month, 11);
	message_parse(NULL, slice_of("902: NOT 10:19:27.155936 VPNC: x"), &message);
	assert_false(logtime_date_of(&message, &date));
	message_parse(NULL, slice_of("nothing"), &message);
	assert_false(logtime_date_of(&message, &date));
}

// The start of an hour is remembered; another hour, day or zone is another.
static void many_times_in_any_order_are_right(void **state)
{
	(void)state;
	static const char *const months[] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	begin(NULL, "America/New_York");
	uint32_t seed = 7;
	for (int i = 0; i < 2000; i++) {
		char line[96];
		seed = seed * 1103515245 + 12345;
		uint32_t r = seed >> 8;
		struct tm tm = {.tm_year = 100 + (int)(r % 60),
			.tm_mon = (int)(r / 60 % 12),
			.tm_mday = 1 + (int)(r / 720 % 28),
			.tm_hour = (int)(r / 7 % 24),
			.tm_min = (int)(r / 11 % 60),
			.tm_sec = (int)(r / 13 % 60),
			.tm_isdst = -1};
		snprintf(line, sizeof(line), "%s %02d %d %02d:%02d:%02d : %%ASA-6-725001: x",
			months[tm.tm_mon], tm.tm_mday, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
			tm.tm_sec);
		struct tm copy = tm;
		time_t wanted = mktime(&copy);
		if (copy.tm_hour != tm.tm_hour || copy.tm_mon == 10 || copy.tm_mon == 9 ||
			copy.tm_mon == 2 || copy.tm_mon == 3)
			continue; // hours that summer time leaves out or doubles
		assert_int_equal(time_of(line), (uint64_t)wanted * 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_time_is_taken_as_it_stands),
		cmocka_unit_test(its_own_zone_outweighs_the_given_one),
		cmocka_unit_test(the_inner_time_counts),
		cmocka_unit_test(zones_by_name_know_summer_time),
		cmocka_unit_test(zones_by_offset_are_east_of_utc),
		cmocka_unit_test(what_is_no_zone_is_refused),
		cmocka_unit_test(dates_are_yyyy_mm_dd),
		cmocka_unit_test(a_yearless_time_takes_the_year_before),
		cmocka_unit_test(a_yearless_log_crosses_the_new_year),
		cmocka_unit_test(a_time_of_day_takes_the_date_of_the_line_before),
		cmocka_unit_test(a_phones_yearless_date_takes_its_year),
		cmocka_unit_test(a_date_from_elsewhere_fills_what_is_missing),
		cmocka_unit_test(a_header_outweighs_the_phones_own_clock),
		cmocka_unit_test(midnight_is_crossed),
		cmocka_unit_test(a_late_line_is_of_the_day_before),
		cmocka_unit_test(a_line_without_a_time_has_that_of_the_line_before),
		cmocka_unit_test(the_first_midnight_is_in_the_zone),
		cmocka_unit_test(an_impossible_time_is_none),
		cmocka_unit_test(a_time_before_the_epoch_is_its_beginning),
		cmocka_unit_test(the_date_of_a_message_is_what_it_brings),
		cmocka_unit_test(many_times_in_any_order_are_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
