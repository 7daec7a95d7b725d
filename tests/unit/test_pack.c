// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <unistd.h>

#include "../../control/pack.h"

static char path[] = "/tmp/offhook-test-pack-XXXXXX";

static int make_file(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	return fd < 0 || close(fd) < 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static struct ruleset *load_into(
	struct vocabulary *vocabulary, const char *text, struct report *report)
{
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	return pack_load(path, NULL, vocabulary, report);
}

static struct ruleset *load(const char *text, struct report *report)
{
	return load_into(vocabulary_create(), text, report);
}

static void discard(struct ruleset *ruleset, struct report *report)
{
	struct vocabulary *vocabulary = ruleset ? ruleset->pack->vocabulary : NULL;
	ruleset_destroy(ruleset);
	if (vocabulary)
		vocabulary_destroy(vocabulary);
	report_fini(report);
}

// One of the report's lines is at this place and says so.
static void says(const struct report *report, const char *place, const char *reason, int at)
{
	char start[128];
	snprintf(start, sizeof(start), "%s:%s", path, place);
	for (const char *line = report->text; line && *line; line = strchr(line, '\n') + 1) {
		const char *end = strchr(line, '\n'), *found = strstr(line, reason);
		if (strncmp(line, start, strlen(start)) == 0 && found && found <= end)
			return;
	}
	fail_msg("%d: %s, not %s: %s", at, report->text ? report->text : "nothing", start, reason);
}

#define MESSAGE                                                                           \
	"messages:\n"                                                                     \
	"  - id: ASA-725006\n"                                                            \
	"    text: Device failed SSL handshake with client {interface}:{client}/{port}\n" \
	"    event: failed\n"                                                             \
	"    cases:\n"                                                                    \
	"      - {interface: inside, event: failed-inside}\n"                             \
	"    examples:\n"
#define LINE "%ASA-6-725006: Device failed SSL handshake with client outside:198.51.100.9/50091"

static void refused(const char *text, const char *place, const char *reason, int at)
{
	struct report report = {0};
	struct vocabulary *vocabulary = vocabulary_create();
	assert_null(load_into(vocabulary, text, &report));
	says(&report, place, reason, at);
	report_fini(&report);
	vocabulary_destroy(vocabulary);
}

#define REFUSED(examples, place, reason) refused(MESSAGE examples, place, reason, __LINE__)

static void examples_that_hold_are_taken(void **state)
{
	(void)state;
	struct report report = {0};
	struct ruleset *ruleset = load(MESSAGE
		"      - line: '" LINE "'\n"
		"        fields: {client: 198.51.100.9, port: 50091, interface: outside}\n"
		"        event: failed\n"
		"      - line: '<166>Nov 07 2026 09:59:27: %ASA-6-725006: Device failed SSL handshake with client inside:10.1.1.1/1'\n"
		"        event: failed-inside\n",
		&report);
	if (ruleset == NULL)
		fail_msg("%s", report.text);
	assert_int_equal(report.n, 0);
	discard(ruleset, &report);
}

static void an_example_that_does_not_match_is_an_error_of_the_file(void **state)
{
	(void)state;
	REFUSED("      - line: '%ASA-6-725006: Device has failed'\n",
		"8:9: ", "example of ASA-725006: the line does not match");
	REFUSED("      - line: '" LINE
		"'\n      - line: '%ASA-6-725007: Device failed SSL handshake with client outside:1.2.3.4/5'\n",
		"9:9: ", "the line does not match");
	REFUSED("      - line: 'nothing of the kind'\n", "8:9: ", "the line does not match");
	REFUSED("      - line: ''\n", "8:9: ", "the line is empty");
	REFUSED("      - line: '%ASA-6-725006: Device failed SSL handshake with client outside:198.51.100.9/99999'\n",
		"8:9: ", "a field holds a value of the wrong type");
}

static void an_example_with_other_fields_is_an_error(void **state)
{
	(void)state;
	REFUSED("      - line: '" LINE "'\n        fields: {port: 50091, client: 198.51.100.8}\n",
		"9:31: ",
		"example of ASA-725006: field client is '198.51.100.9', not '198.51.100.8'\n");
	REFUSED("      - line: '" LINE "'\n        fields: {user: x}\n", "9:18: ",
		"no text of the message has a {user}; fields there: {client}, {port}, {interface}");
	REFUSED("      - line: '" LINE "'\n        event: failed-inside\n",
		"8:9: ", "the event is 'failed', not 'failed-inside'");
	// Of two texts, the one that fits has no such field.
	REFUSED("      - line: '" LINE "'\n"
		"  - id: PHONE-a\n    text: ['said {reason}, {code}', 'said {reason}']\n    event: a\n"
		"    examples: [{line: 'SEP0123456789AB: said no', fields: {code: 7}}]\n",
		"12:60: ", "example of PHONE-a: field code is missing in the line\n");
}

static void every_bad_example_is_told(void **state)
{
	(void)state;
	struct report report = {0};
	struct vocabulary *vocabulary = vocabulary_create();
	assert_null(load_into(vocabulary,
		MESSAGE "      - line: 'x'\n      - line: 'y'\n      - line: '" LINE
			"'\n      - line: 'z'\n",
		&report));
	assert_int_equal(report.n, 3);
	says(&report, "8:9: ", "does not match", __LINE__);
	says(&report, "9:9: ", "does not match", __LINE__);
	says(&report, "11:9: ", "does not match", __LINE__);
	report_fini(&report);
	vocabulary_destroy(vocabulary);
}

// ---- what is refused leaves no trace ----

#define WIDGET(type, example)                                                      \
	"messages:\n"                                                              \
	"  - {id: PHONE-widget, text: 'Widget {widget_level:" type "}', event: w," \
	" examples: [{line: 'SEP0123456789AB: Widget " example "'}]}\n"

static void a_refused_pack_leaves_no_trace(void **state)
{
	(void)state;
	static const char *const refused[] = {
		// an example that does not match, a pattern that does not compile, a key too many
		WIDGET("number", "seven"),
		WIDGET("number", "7") "  - {id: PHONE-x, pattern: 'abc(', event: x}\n",
		WIDGET("number", "7") "  - {id: PHONE-x, text: abc, event: x, of: y}\n",
		WIDGET("number", "7") "diagnoses:\n  - {id: d, when: w, title: t}\n",
	};
	struct vocabulary *vocabulary = vocabulary_create();
	struct vocabulary_mark before = vocabulary_mark(vocabulary);
	for (size_t i = 0; i < N(refused); i++) {
		struct report report = {0};
		assert_null(load_into(vocabulary, refused[i], &report));
		assert_true(report.n > 0);
		struct vocabulary_mark after = vocabulary_mark(vocabulary);
		assert_memory_equal(&after, &before, sizeof(before));
		report_fini(&report);
	}
	struct report report = {0};
	struct ruleset *ruleset = load_into(vocabulary, WIDGET("word", "seven"), &report);
	if (ruleset == NULL)
		fail_msg("%s", report.text);
	assert_int_equal(vocabulary_mark(vocabulary).n_events, 1);
	assert_int_equal(vocabulary_mark(vocabulary).n_diagnoses, 0);
	discard(ruleset, &report);
}

static void *no_memory(size_t size)
{
	(void)size;
	return NULL;
}

static void a_pack_that_could_not_be_tried_is_refused(void **state)
{
	(void)state;
	struct report report = {0};
	struct vocabulary *vocabulary = vocabulary_create();
	hs_set_scratch_allocator(no_memory, free);
	assert_null(load_into(vocabulary, WIDGET("word", "7"), &report));
	hs_set_scratch_allocator(NULL, NULL);
	assert_string_equal(report.text, "rules: out of memory\n");
	assert_int_equal(vocabulary_mark(vocabulary).n_events, 0);
	report_fini(&report);
	vocabulary_destroy(vocabulary);
}

// ---- examples of diagnoses ----

#define DIAGNOSIS                                                                                                           \
	MESSAGE                                                                                                             \
	"      - line: '" LINE "'\n"                                                                                        \
	"  - {id: ASA-722055, text: 'User <{user}> IP <{client}> Client Type: {agent}', event: agent, marks: phone}\n"      \
	"  - {id: ASA-722051, text: 'User <{user}> IP <{client}> Address <{tunnel}> assigned', event: up, alias: assign}\n" \
	"recovery: [up]\n"                                                                                                  \
	"diagnoses:\n"                                                                                                      \
	"  - id: d\n"                                                                                                       \
	"    when: {count: failed, at_least: 2, within: 1m}\n"                                                              \
	"    title: t\n"                                                                                                    \
	"    remedy: r\n"                                                                                                   \
	"    examples:\n"
#define PHONE "          - '%ASA-6-722055: User <u> IP <198.51.100.9> Client Type: Cisco'\n"
#define FAILS "          - '" LINE "'\n"
#define UP "          - '%ASA-6-722051: User <u> IP <198.51.100.9> Address <10.9.0.7> assigned'\n"

static void test(const char *text, unsigned passed, unsigned failed, const char *place,
	const char *reason, int at)
{
	struct report report = {0};
	unsigned n_passed, n_failed;
	struct ruleset *ruleset = load(text, &report);
	if (ruleset == NULL)
		fail_msg("%d: %s", at, report.text);
	pack_test(ruleset, &n_passed, &n_failed, &report);
	if (n_passed != passed || n_failed != failed)
		fail_msg("%d: %u passed, %u failed: %s", at, n_passed, n_failed,
			report.text ? report.text : "");
	if (failed)
		says(&report, place, reason, at);
	discard(ruleset, &report);
}

#define PASSES(example) test(DIAGNOSIS example, 2, 0, NULL, NULL, __LINE__)
#define REFUSED_RULE(example, place, reason) refused(DIAGNOSIS example, place, reason, __LINE__)
#define FAILS_AT(example, place, reason) test(DIAGNOSIS example, 1, 1, place, reason, __LINE__)

static void a_diagnosis_is_what_its_lines_give(void **state)
{
	(void)state;
	PASSES("      - lines:\n" PHONE FAILS FAILS
	       "        client: 198.51.100.9\n        confidence: probable\n        state: open\n");
	PASSES("      - lines:\n" PHONE FAILS FAILS UP "        state: recovered\n");
	PASSES("      - lines:\n" PHONE FAILS "        absent: true\n");
	FAILS_AT("      - lines:\n" PHONE FAILS, "18:9: ", "example of d: not as expected");
	FAILS_AT("      - lines:\n" PHONE FAILS FAILS "        client: 198.51.100.8\n",
		"18:9: ", "not as expected");
	FAILS_AT("      - lines:\n" PHONE FAILS FAILS "        confidence: confirmed\n",
		"18:9: ", "not as expected");
	FAILS_AT("      - lines:\n" PHONE FAILS FAILS "        absent: true\n",
		"18:9: ", "must not be diagnosed");
}

#define TELLS "    details: {port: port, side: interface}\n"

static void a_diagnosis_tells_the_details_of_its_example(void **state)
{
	(void)state;
	PASSES("      - lines:\n" PHONE FAILS FAILS
	       "        details: {port: '50091', side: outside}\n" TELLS);
	FAILS_AT("      - lines:\n" PHONE FAILS FAILS "        details: {port: '50092'}\n" TELLS,
		"18:9: ", "not as expected");
	FAILS_AT("      - lines:\n" PHONE FAILS FAILS "        details: {side: ''}\n" TELLS,
		"18:9: ", "not as expected");
	REFUSED_RULE("      - lines:\n" PHONE FAILS FAILS "        details: {host: ''}\n" TELLS,
		"22:19: ", "'d' has no detail 'host'\n");
}

static void an_example_can_let_time_pass(void **state)
{
	(void)state;
	PASSES("      - lines:\n" PHONE FAILS "          - +61s\n" FAILS "        absent: true\n");
	PASSES("      - lines:\n" PHONE FAILS "          - +50s\n" FAILS
	       "        confidence: probable\n");
	PASSES("      - lines:\n" PHONE FAILS "          - +2m\n" FAILS "        absent: true\n");
	PASSES("      - lines:\n" PHONE FAILS FAILS "          - +25h\n        state: expired\n");
	REFUSED_RULE("      - lines:\n" PHONE FAILS "          - +50\n" FAILS,
		"21:13: ", "'+50' must be + and a time such as 500ms, 30s, 5m, 24h or 7d\n");
	REFUSED_RULE("      - lines:\n" PHONE FAILS "          - '+...'\n" FAILS,
		"21:13: ", "'+...' must be + and a time");
	REFUSED_RULE("      - lines:\n" PHONE FAILS "          - +5m later\n" FAILS,
		"21:13: ", "'+5m later' must be + and a time");
}

static void what_an_example_expects_is_known(void **state)
{
	(void)state;
	PASSES("      - lines:\n" PHONE FAILS FAILS "        sender: 192.0.2.1\n");
	REFUSED_RULE("      - lines:\n" PHONE FAILS FAILS "        sender: somewhere\n",
		"22:17: ", "'somewhere' is no IPv4 or IPv6 address\n");
	REFUSED_RULE("      - lines:\n" FAILS "        state: closed\n",
		"20:16: ", "'closed' must be one of: open, recovered, expired\n");
	REFUSED_RULE("      - lines:\n" FAILS "        confidence: certain\n",
		"20:21: ", "'certain' must be one of: suspected, probable, confirmed\n");
	REFUSED_RULE("      - lines: []\n        absent: true\n",
		"18:16: ", "an example needs a line\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_that_hold_are_taken),
		cmocka_unit_test(an_example_that_does_not_match_is_an_error_of_the_file),
		cmocka_unit_test(an_example_with_other_fields_is_an_error),
		cmocka_unit_test(every_bad_example_is_told),
		cmocka_unit_test(a_refused_pack_leaves_no_trace),
		cmocka_unit_test(a_pack_that_could_not_be_tried_is_refused),
		cmocka_unit_test(a_diagnosis_is_what_its_lines_give),
		cmocka_unit_test(a_diagnosis_tells_the_details_of_its_example),
		cmocka_unit_test(an_example_can_let_time_pass),
		cmocka_unit_test(what_an_example_expects_is_known),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
