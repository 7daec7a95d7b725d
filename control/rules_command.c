// SPDX-License-Identifier: BSD-3-Clause
#include "rules_command.h"

#include <stdio.h>
#include <string.h>

#include "glyph.h"
#include "pack.h"

// ---- languages ----

static unsigned languages_of(const struct translations *translations)
{
	unsigned languages = 0;
	for (unsigned i = 0; i < LANGUAGE_MAX; i++)
		languages |= (unsigned)(translations->text[i] != NULL) << i;
	return languages;
}

static void note_missing(struct report *notes, const struct rule_place *place, const char *id,
	const char *what, const struct translations *translations, unsigned wanted)
{
	unsigned missing = wanted & ~languages_of(translations);
	for (unsigned i = 0; i < LANGUAGE_MAX && translations->text[LANGUAGE_EN]; i++) {
		if (missing >> i & 1)
			report_at(notes, place, "note: %s: the %s is English in %s", id, what,
				language_names[i]);
	}
}

// Site rules may be English only; but a diagnosis that speaks a language should speak all of it.
static void note_languages(const struct rulepack *pack)
{
	struct report notes = {0};
	for (unsigned i = 0; i < pack->n_diagnoses; i++) {
		const struct diagnosis_rule *rule = &pack->diagnoses[i];
		unsigned wanted = languages_of(&rule->title) | languages_of(&rule->remedy);
		for (unsigned k = 0; k < rule->n_causes; k++)
			wanted |= languages_of(&rule->causes[k].remedy);
		note_missing(&notes, &rule->place, rule->id, "title", &rule->title, wanted);
		note_missing(&notes, &rule->place, rule->id, "remedy", &rule->remedy, wanted);
		for (unsigned k = 0; k < rule->n_causes; k++)
			note_missing(&notes, &rule->place, rule->id, "remedy of a cause",
				&rule->causes[k].remedy, wanted);
	}
	for (unsigned i = 0; i < pack->n_alerts; i++) {
		const struct alert_rule *rule = &pack->alerts[i];
		unsigned wanted = languages_of(&rule->title) | languages_of(&rule->summary) |
				  languages_of(&rule->remedy);
		note_missing(&notes, &rule->place, rule->id, "title", &rule->title, wanted);
		note_missing(&notes, &rule->place, rule->id, "summary", &rule->summary, wanted);
		note_missing(&notes, &rule->place, rule->id, "remedy", &rule->remedy, wanted);
	}
	if (notes.text)
		fputs(notes.text, stderr);
	report_fini(&notes);
}

// ---- check, test ----

static int check(struct ruleset *ruleset, const char *dir)
{
	glyph_write(stdout, slice_of(dir));
	printf(": %u messages, %u diagnoses, %u alerts: ok\n", ruleset->pack->n_messages,
		ruleset->pack->n_diagnoses, ruleset->pack->n_alerts);
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
		note_languages(ruleset->pack);
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
