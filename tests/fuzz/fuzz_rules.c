// SPDX-License-Identifier: BSD-3-Clause
// A rule file through rulepack_load_bytes() and ruleset_compile(). What is refused has a reason,
// each with its place.
#include "fuzz.h"

#include "../../rules/compile.h"

// "rules:12:7: reason" in each line; a file as a whole may have no place.
static void check_report(const struct report *report)
{
	assert(report->n > 0);
	assert(report->text != NULL);
	for (const char *at = report->text; *at; at = strchr(at, '\n') + 1) {
		int line, column, len = 0;
		unsigned more;
		if (sscanf(at, "%u more error", &more) == 1 && strchr(at, '\n')[1] == '\0')
			return;
		assert(strncmp(at, "rules:", 6) == 0);
		if (at[6] == ' ')
			continue;
		assert(sscanf(at + 6, "%d:%d: %n", &line, &column, &len) == 2 && len);
		assert(line >= 1 && column >= 1);
		assert(at[6 + len] != '\n' && at[6 + len] != '\0');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 65536)
		return 0;
	struct report report = {0};
	struct vocabulary *vocabulary = vocabulary_create();
	struct rulepack *pack =
		rulepack_load_bytes("rules", (const char *)data, size, vocabulary, &report);
	if (pack == NULL) {
		check_report(&report);
	} else {
		assert(report.n == 0);
		struct ruleset *ruleset = ruleset_compile(pack, NULL, &report);
		if (ruleset == NULL)
			check_report(&report);
		ruleset_destroy(ruleset);
	}
	report_fini(&report);
	vocabulary_destroy(vocabulary);
	return 0;
}
