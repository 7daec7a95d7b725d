// SPDX-License-Identifier: BSD-3-Clause
// Rules from text, for tests: loaded, compiled, or refused with what the report says.
#pragma once

#include "unit.h"

#include "../../rules/compile.h"

static inline struct rulepack *rules_load(struct vocabulary *vocabulary, const char *text)
{
	struct report report = {0};
	struct rulepack *pack = rulepack_load_bytes("t", text, strlen(text), vocabulary, &report);
	if (pack == NULL)
		print_error("%s", report.text ? report.text : "no reason\n");
	assert_non_null(pack);
	assert_int_equal(report.n, 0);
	report_fini(&report);
	return pack;
}

static inline struct ruleset *rules_compile(struct vocabulary *vocabulary, const char *text)
{
	struct report report = {0};
	struct ruleset *ruleset = ruleset_compile(rules_load(vocabulary, text), NULL, &report);
	if (ruleset == NULL)
		print_error("%s", report.text ? report.text : "no reason\n");
	assert_non_null(ruleset);
	report_fini(&report);
	return ruleset;
}

// The text is refused, and one of the report's lines begins with `wanted`: "t:3:5: unknown key
// 'x'".
static inline void rules_refused(
	const char *text, size_t len, const char *wanted, const char *file, int line)
{
	struct report report = {0};
	struct vocabulary *vocabulary = vocabulary_create();
	struct rulepack *pack = rulepack_load_bytes("t", text, len, vocabulary, &report);
	struct ruleset *ruleset = pack ? ruleset_compile(pack, NULL, &report) : NULL;
	bool refused = ruleset == NULL, said = false;
	for (const char *at = report.text; at && *at && !said; at = strchr(at, '\n') + 1)
		said = strncmp(at, wanted, strlen(wanted)) == 0;
	if (!refused || !said) {
		print_error("%s\n%.400s\n  said: %s\n  not:  %s\n",
			refused ? "refused for another reason:" : "taken:", text,
			report.text ? report.text : "nothing", wanted);
		_fail(file, line);
	}
	ruleset_destroy(ruleset);
	report_fini(&report);
	vocabulary_destroy(vocabulary);
}

// The text is refused, and this is all that the report says.
static inline void rules_say(const char *text, const char *wanted)
{
	struct report report = {0};
	struct vocabulary *vocabulary = vocabulary_create();
	assert_null(rulepack_load_bytes("t", text, strlen(text), vocabulary, &report));
	assert_string_equal(report.text, wanted);
	report_fini(&report);
	vocabulary_destroy(vocabulary);
}

#define assert_refused(text, wanted) \
	rules_refused((text), strlen(text), (wanted), __FILE__, __LINE__)
