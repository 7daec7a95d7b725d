// SPDX-License-Identifier: BSD-3-Clause
#include "rules_command.h"

#include <stdio.h>
#include <string.h>

#include "glyph.h"
#include "pack.h"

static int check(struct ruleset *ruleset, const char *dir)
{
	glyph_write(stdout, slice_of(dir));
	printf(": %u messages, %u diagnoses: ok\n", ruleset->pack->n_messages,
		ruleset->pack->n_diagnoses);
	return 0;
}

static int test(struct ruleset *ruleset, struct report *report)
{
	unsigned n_passed, n_failed;
	pack_test(ruleset, &n_passed, &n_failed, report);
	if (report->text)
		fputs(report->text, stderr);
	printf("%u passed, %u failed\n", n_passed, n_failed);
	return n_failed ? 1 : 0;
}

int rules_main(const json_t *arguments)
{
	const char *directory = json_string_value(json_object_get(arguments, "directory"));
	bool is_check =
		strcmp(json_string_value(json_object_get(arguments, "action")), "check") == 0;
	struct report report = {0};
	struct vocabulary *vocabulary = vocabulary_create();
	// A test tells of failing examples itself; a check refuses them.
	struct ruleset *ruleset = NULL;
	if (vocabulary && is_check) {
		ruleset = pack_load(directory, pack_cache_dir(), vocabulary, &report);
	} else if (vocabulary) {
		struct rulepack *pack = rulepack_load(directory, vocabulary, &report);
		ruleset = pack ? ruleset_compile(pack, pack_cache_dir(), &report) : NULL;
	}
	int code = 1;
	if (ruleset)
		code = is_check ? check(ruleset, directory) : test(ruleset, &report);
	else if (report.text)
		fputs(report.text, stderr);
	ruleset_destroy(ruleset);
	if (vocabulary)
		vocabulary_destroy(vocabulary);
	report_fini(&report);
	return code;
}
