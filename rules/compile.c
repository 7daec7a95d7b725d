// SPDX-License-Identifier: BSD-3-Clause
#include "compile.h"

#include <stdio.h>

#include "cache.h"
#include "pattern.h"

#define PATTERNS_MAX RULES_TEXTS_MAX

struct patterns {
	const char *expressions[PATTERNS_MAX];
	unsigned flags[PATTERNS_MAX];
	unsigned ids[PATTERNS_MAX]; // index of the message rule
	const struct message_rule *rules[PATTERNS_MAX];
	uint8_t texts[PATTERNS_MAX]; // which of the rule's texts
	unsigned n;
};

static void collect(const struct rulepack *pack, enum rule_source source, struct patterns *patterns,
	struct obstack *arena)
{
	patterns->n = 0;
	for (unsigned i = 0; i < pack->n_messages; i++) {
		const struct message_rule *rule = &pack->messages[i];
		if (rule->source != source)
			continue;
		unsigned n = rule->pattern ? 1 : rule->n_templates;
		for (unsigned k = 0; k < n; k++) {
			unsigned at = patterns->n++;
			patterns->expressions[at] =
				rule->pattern ? rule->pattern
					      : template_pattern(&rule->templates[k], arena);
			patterns->flags[at] = PATTERN_FLAGS;
			patterns->ids[at] = i;
			patterns->rules[at] = rule;
			patterns->texts[at] = (uint8_t)k;
		}
	}
}

static void report_pattern(
	struct report *report, const struct patterns *patterns, unsigned at, const char *reason)
{
	const struct message_rule *rule = patterns->rules[at];
	const struct rule_place *place = &rule->text_places[patterns->texts[at]];
	report_at(report, place, "%s: pattern refused: %s", rule->id, reason);
}

static hs_database_t *compile(const struct patterns *patterns, struct report *report)
{
	hs_compile_error_t *error = NULL;
	hs_database_t *database = NULL;
	if (hs_compile_multi(patterns->expressions, patterns->flags, patterns->ids, patterns->n,
		    HS_MODE_BLOCK, NULL, &database, &error) == HS_SUCCESS)
		return database;
	int at = error ? error->expression : -1;
	if (at >= 0)
		report_pattern(report, patterns, (unsigned)at, error->message);
	else
		report_add(report, "rules", 0, 0, "%s", error ? error->message : "out of memory");
	hs_free_compile_error(error);
	return NULL;
}

static struct cache_key key_of(const struct patterns *patterns, struct obstack *arena)
{
	for (unsigned i = 0; i < patterns->n; i++)
		// With the length: a pattern may hold a line feed and look like two.
		obstack_printf(arena, "%u/%u/%zu/%s\n", patterns->ids[i], patterns->flags[i],
			strlen(patterns->expressions[i]), patterns->expressions[i]);
	uint32_t len = (uint32_t)obstack_object_size(arena);
	struct slice all = {obstack_finish(arena), len};
	return cache_key_of(all);
}

static bool build(struct ruleset *ruleset, enum rule_source source, struct patterns *patterns,
	const char *cache_dir, struct report *report)
{
	struct obstack *arena = &ruleset->pack->arena;
	collect(ruleset->pack, source, patterns, arena);
	if (patterns->n == 0)
		return true;
	struct cache_key key = key_of(patterns, arena);
	hs_database_t *database = cache_dir ? cache_load(cache_dir, key) : NULL;
	if (database == NULL) {
		ruleset->from_cache = false;
		database = compile(patterns, report);
		if (database && cache_dir)
			cache_store(cache_dir, key, database);
	}
	ruleset->databases[source] = database;
	return database != NULL;
}

static void index_ids(struct ruleset *ruleset)
{
	const struct rulepack *pack = ruleset->pack;
	bool met[RULES_MESSAGES_MAX] = {0}; // a rule of the id of that number
	for (unsigned i = 0; i < pack->n_messages; i++) {
		uint32_t id = pack->messages[i].asa_id;
		if (pack->messages[i].source == RULE_ASA)
			ruleset->wanted[id / 64] |= 1ull << (id % 64);
	}
	for (unsigned word = 1; word < ASA_ID_WORDS; word++)
		ruleset->n_before[word] =
			(uint16_t)(ruleset->n_before[word - 1] +
				   __builtin_popcountll(ruleset->wanted[word - 1]));
	for (unsigned i = 0; i < pack->n_messages; i++) {
		const struct message_rule *rule = &pack->messages[i];
		if (rule->source != RULE_ASA) {
			ruleset->scans_for_open |= rule->only_while != NAME_NONE;
			continue;
		}
		unsigned number = ruleset_number(ruleset, rule->asa_id);
		bool sole = !met[number] && rule->pattern == NULL;
		met[number] = true;
		ruleset->sole[number] = sole ? (uint16_t)i : MESSAGE_NONE;
		// Of an id's later rule, the first has been taken for the only one before.
		ruleset->scans_for_open |= rule->only_while != NAME_NONE && !sole;
	}
}

struct ruleset *ruleset_compile(struct rulepack *pack, const char *cache_dir, struct report *report)
{
	struct ruleset *ruleset = calloc(1, sizeof(*ruleset));
	struct patterns *patterns = calloc(1, sizeof(*patterns));
	bool ok = ruleset && patterns;
	if (ok) {
		ruleset->pack = pack;
		ruleset->from_cache = cache_dir != NULL;
		ok = build(ruleset, RULE_ASA, patterns, cache_dir, report);
		ok &= build(ruleset, RULE_PHONE, patterns, cache_dir, report);
		index_ids(ruleset);
	} else {
		report_add(report, "rules", 0, 0, "out of memory");
		rulepack_destroy(pack);
	}
	free(patterns);
	if (ok)
		return ruleset;
	if (ruleset && ruleset->pack)
		ruleset_destroy(ruleset);
	else
		free(ruleset);
	return NULL;
}

const char *ruleset_engine_version(void)
{
	return hs_version();
}

void ruleset_destroy(struct ruleset *ruleset)
{
	if (ruleset == NULL)
		return;
	hs_free_database(ruleset->databases[RULE_ASA]);
	hs_free_database(ruleset->databases[RULE_PHONE]);
	rulepack_destroy(ruleset->pack);
	free(ruleset);
}
