// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../dataplane/stamp.h"

// Length in a buffer of exactly the text.
static uint32_t length(uint32_t (*of)(struct slice), const char *text)
{
	struct slice exact = slice_exact(text, (uint32_t)strlen(text));
	uint32_t len = of(exact);
	free((void *)exact.data);
	return len;
}

// The stamp is what stands before the `|`.
static void assert_ends(uint32_t (*of)(struct slice), const char *marked)
{
	char text[128];
	const char *bar = strchr(marked, '|');
	uint32_t wanted = (uint32_t)(bar - marked);
	snprintf(text, sizeof(text), "%.*s%s", (int)wanted, marked, bar + 1);
	if (length(of, text) != wanted)
		fail_msg("'%s' ends at %u", text, length(of, text));
	// Nothing but the stamp.
	text[wanted] = '\0';
	assert_int_equal(length(of, text), wanted);
	// No shorter text is read past its end.
	for (uint32_t len = 0; len < wanted; len++) {
		struct slice exact = slice_exact(text, len);
		assert_true(of(exact) <= len);
		free((void *)exact.data);
	}
}

// Times of ASA, FTD, relays and phones.
static void every_form_of_a_header_is_known(void **state)
{
	(void)state;
	static const char *const forms[] = {"Nov 07 2013 09:59:27|: %ASA",
		"May  5 17:51:17| dev01:", "May 5 17:51:17| dev01:", "Aug 15 2012 23:30:09| :",
		"Apr 29 12:59:50.138|: %ASA", "Apr 29 12:59:50.138340591|:",
		"2018-06-27T12:17:46Z| asa :", "2020-07-16T09:39:32+02:00|: %ASA",
		"2020-09-30T09:06:09.254798+00:00| local4.err", "2020-07-16 09:39:32|: x",
		"2020-07-16T09:39:32-0530| x", "2020-07-16T09:39:32.5| x", "Dec  1 00:00:00| "};
	for (size_t i = 0; i < N(forms); i++)
		assert_ends(stamp_length, forms[i]);
}

static void what_only_begins_like_a_time_is_none(void **state)
{
	(void)state;
	static const char *const wrong[] = {"", "N", "Nov", "Nov ", "Nov 07", "Nov 07 2013",
		"Nov 07 2013 ", "Nov 07 2013 09:59", "Nov 07 2013 9:59:27", "nov 07 09:59:27",
		"Nov7 09:59:27", "Nox 07 09:59:27", "Nov 07 09:59:27x", "Nov 07 2013T09:59:27",
		"November 7 09:59:27", "2018-06-27", "2018-06-27T", "2018-06-27T12:17",
		"2018-06-27T12:17:46Zebra", "2018-6-27T12:17:46", "18-06-27T12:17:46", "12:17:46",
		" Nov 07 09:59:27", "Nov    7 09:59:27", "JanFeb 1 09:59:27"};
	for (size_t i = 0; i < N(wrong); i++)
		if (length(stamp_length, wrong[i]) != 0)
			fail_msg("'%s' is taken", wrong[i]);
}

static void a_phone_has_its_own_clock(void **state)
{
	(void)state;
	assert_ends(stamp_clock_length, "10:19:27.155936| VPNC:");
	assert_ends(stamp_clock_length, "10:19:27| VPNC:");
	assert_ends(stamp_clock_length, "Mar 09 18:32:40.678040| (346:1887)");
	assert_ends(stamp_clock_length, "Mar  9 18:32:40|:");
	static const char *const wrong[] = {"", "10", "10:19", "1:19:27", "Mar 09", "Mar 09 ",
		"ab:cd:ef", "VPNC: x", "2026-11-21T10:19:27"};
	for (size_t i = 0; i < N(wrong); i++)
		if (length(stamp_clock_length, wrong[i]) != 0)
			fail_msg("'%s' is taken", wrong[i]);
}

static void zones_are_whole_words(void **state)
{
	(void)state;
	static const char *const zones[] = {
		"UTC", "EDT", "MSK", "CEST", "GMT", "JST", "KST", "HKT"};
	static const char *const others[] = {"", "U", "UT", "UTCX", "asa", "FW1", "ED", "DT C",
		" UT", "TC G", "fw-1", "EDT:", "utc", "ROUTER"};
	for (size_t i = 0; i < N(zones); i++)
		assert_true(stamp_is_zone(slice_of(zones[i])));
	for (size_t i = 0; i < N(others); i++)
		if (stamp_is_zone(slice_of(others[i])))
			fail_msg("'%s' is taken for a zone", others[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_a_header_is_known),
		cmocka_unit_test(what_only_begins_like_a_time_is_none),
		cmocka_unit_test(a_phone_has_its_own_clock),
		cmocka_unit_test(zones_are_whole_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
