// SPDX-License-Identifier: BSD-3-Clause
#include "pack.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../dataplane/worker.h"
#include "alert_examples.h"
#include "collector.h"

static_assert(RULES_CAUSE_BYTES_MAX + 1 == DIAGNOSIS_CAUSE_MAX);

// ---- examples of messages ----

static void fail(struct report *report, const struct rule_place *place, const char *id,
	const char *what, struct slice got, const char *wanted)
{
	report_at(report, place, "example of %s: %s is '%s', not '%s'", id, what, QUOTE(got),
		QUOTE(slice_of(wanted)));
}

// The event that the example's rule made of its line, among those that the line gives.
static bool check_fields(const struct message_example *example, const struct event *event,
	const char *id, struct report *report)
{
	bool ok = true;
	for (unsigned i = 0; i < example->n_fields; i++) {
		const struct example_field *wanted = &example->fields[i];
		struct slice got = event_value(event, wanted->field);
		char what[64];
		if (got.data && slice_equals_text(got, wanted->value))
			continue;
		snprintf(what, sizeof(what), "field %s", field_name(wanted->field));
		if (got.data)
			fail(report, &wanted->place, id, what, got, wanted->value);
		else
			report_at(report, &wanted->place,
				"example of %s: %s is missing in the line", id, what);
		ok = false;
	}
	return ok;
}

static bool check_example(struct scanner *scanner, const struct message_rule *rule,
	const struct message_example *example, struct report *report)
{
	static const struct policy no_policy;
	static struct open_counts all_open;
	struct counters counters = {0};
	struct event events[EVENTS_OF_LINE_MAX];
	struct event_matcher matcher = {scanner, &no_policy, &all_open, &counters};
	struct arrival arrival = {.time_ms = 1};
	struct message message;
	struct slice rest = slice_of(example->line), line = rest;
	const struct registry *names = &scanner->ruleset->pack->vocabulary->events;
	// Rules that match only while something is open are tested as if it were.
	for (unsigned i = 0; i < DIAGNOSES_MAX; i++)
		atomic_store_explicit(&all_open.of[i], 1, memory_order_relaxed);
	if (!message_next(&rest, &line)) {
		report_at(report, &example->place, "example of %s: the line is empty", rule->id);
		return false;
	}
	message_parse(NULL, line, &message);
	unsigned n = event_match(&matcher, &message, &arrival, events, EVENTS_OF_LINE_MAX);
	for (unsigned i = 0; i < n; i++) {
		const char *event = registry_name(names, events[i].type);
		bool mine = events[i].type == rule->effect.event;
		for (unsigned k = 0; k < rule->n_cases; k++)
			mine |= events[i].type == rule->cases[k].effect.event;
		if (!mine)
			continue;
		if (example->event && strcmp(event, example->event) != 0) {
			fail(report, &example->place, rule->id, "the event", slice_of(event),
				example->event);
			return false;
		}
		return check_fields(example, &events[i], rule->id, report);
	}
	report_at(report, &example->place, "example of %s: %s", rule->id,
		counters.fields_refused ? "a field holds a value of the wrong type"
					: "the line does not match");
	return false;
}

static void check_messages(const struct ruleset *ruleset, unsigned *n_passed, unsigned *n_failed,
	struct report *report)
{
	struct scanner scanner;
	if (scanner_init(&scanner, ruleset) < 0) {
		report_add(report, "rules", 0, 0, "out of memory");
		++*n_failed;
		return;
	}
	for (unsigned i = 0; i < ruleset->pack->n_messages; i++) {
		const struct message_rule *rule = &ruleset->pack->messages[i];
		for (unsigned k = 0; k < rule->n_examples; k++) {
			bool ok = check_example(&scanner, rule, &rule->examples[k], report);
			++*(ok ? n_passed : n_failed);
		}
	}
	scanner_fini(&scanner);
}

struct ruleset *pack_load(const char *dir, const char *cache_dir, struct vocabulary *vocabulary,
	struct report *report)
{
	unsigned n_passed = 0, n_failed = 0;
	struct vocabulary_mark before = vocabulary_mark(vocabulary);
	struct rulepack *pack = rulepack_load(dir, vocabulary, report);
	struct ruleset *ruleset = pack ? ruleset_compile(pack, cache_dir, report) : NULL;
	if (ruleset)
		check_messages(ruleset, &n_passed, &n_failed, report);
	if (ruleset && n_failed == 0)
		return ruleset;
	ruleset_destroy(ruleset);
	vocabulary_restore(vocabulary, &before);
	return NULL;
}

// ---- examples of diagnoses ----

static bool has(const json_t *object, const char *key, const char *wanted)
{
	const char *got = json_string_value(json_object_get(object, key));
	return wanted == NULL || (got && strcmp(got, wanted) == 0);
}

// A detail as an example writes it: of a list "a, b"; empty: there is none.
static bool tells(const json_t *details, const struct example_detail *wanted)
{
	json_t *value = json_object_get(details, wanted->name), *one;
	char got[1024] = "";
	size_t i, len = 0;
	if (json_is_integer(value))
		snprintf(got, sizeof(got), "%lld", (long long)json_integer_value(value));
	else if (json_is_string(value))
		snprintf(got, sizeof(got), "%s", json_string_value(value));
	json_array_foreach(value, i, one)
	{
		const char *text = json_string_value(one);
		if (text && len < sizeof(got))
			len += (size_t)snprintf(
				got + len, sizeof(got) - len, "%s%s", i ? ", " : "", text);
	}
	return strcmp(got, wanted->value) == 0;
}

static bool tells_all(const json_t *object, const struct diagnosis_example *example)
{
	const json_t *details = json_object_get(object, "details");
	for (unsigned i = 0; i < example->n_details; i++) {
		if (!tells(details, &example->details[i]))
			return false;
	}
	return true;
}

static bool is_expected(const json_t *object, const struct diagnosis_rule *rule,
	const struct diagnosis_example *example)
{
	return has(object, "diagnosis", rule->id) &&
	       has(object, "confidence", example->confidence) &&
	       has(object, "client_ip", example->client) &&
	       has(object, "device", example->device) && has(object, "state", example->state) &&
	       has(json_object_get(object, "details"), "cause", example->cause) &&
	       tells_all(object, example);
}

// What else the lines were taken for, above a mere suspicion: each example has one cause.
static bool is_also(const struct diagnosis_example *example, const json_t *object)
{
	for (unsigned i = 0; i < example->n_also; i++) {
		if (has(object, "diagnosis", example->also[i]))
			return true;
	}
	return false;
}

static const char *other_cause(const json_t *list, const struct diagnosis_rule *rule,
	const struct diagnosis_example *example)
{
	size_t i;
	json_t *object;
	json_array_foreach((json_t *)list, i, object)
	{
		if (!has(object, "diagnosis", rule->id) &&
			!has(object, "confidence", "suspected") && !is_also(example, object))
			return json_string_value(json_object_get(object, "diagnosis"));
	}
	return NULL;
}

static bool judge_example(const json_t *list, const struct diagnosis_rule *rule,
	const struct diagnosis_example *example, struct report *report)
{
	bool found = false, same = false;
	size_t i;
	json_t *object;
	json_array_foreach((json_t *)list, i, object)
	{
		same |= has(object, "diagnosis", rule->id);
		found |= is_expected(object, rule, example);
	}
	const char *other = example->absent ? NULL : other_cause(list, rule, example);
	if (example->absent ? !same : found && other == NULL)
		return true;
	char *got = json_dumps(list, JSON_COMPACT);
	report_at(report, &example->place, "example of %s: %s%s; the lines give %s", rule->id,
		example->absent ? "must not be diagnosed"
		: other		? "is also taken for "
				: "not as expected",
		other ? other : "", got ? got : "nothing");
	free(got);
	return false;
}

// The lines through a worker of their own, one a millisecond from a second after the epoch on.
static bool run_example(struct workers *workers, const struct diagnosis_rule *rule,
	const struct diagnosis_example *example, struct report *report)
{
	struct collector *collector = collector_create(workers);
	struct worker *worker = workers->worker[0];
	struct arrival arrival = {.time_ms = 1000, .sender = example->sender, .input = 1};
	bool ok = collector != NULL;
	worker_turn(worker, arrival.time_ms, UINT32_MAX);
	for (unsigned i = 0; ok && i < example->n_lines; i++) {
		const struct example_line *line = &example->lines[i];
		if (line->text) {
			worker_take_line(worker, slice_of(line->text), &arrival);
			arrival.time_ms++;
		} else {
			arrival.time_ms += line->wait_ms;
			worker_turn(worker, arrival.time_ms, UINT32_MAX);
		}
	}
	while (ok && worker_finish(worker, arrival.time_ms))
		;
	ok = ok && collector_take(collector) == 0;
	json_t *list = ok ? collector_json(collector, LANGUAGE_EN) : NULL;
	ok = ok && judge_example(list, rule, example, report);
	json_decref(list);
	collector_destroy(collector);
	return ok;
}

static const struct worker_limits example_limits = {
	.clients = 256,
	.diagnoses = 256,
	.handshakes = 256,
	.gateways = 16,
	.idle_ms = 3600 * 1000,
	.expire_ms = 24 * 3600 * 1000,
};

void pack_test(
	struct ruleset *ruleset, unsigned *n_passed, unsigned *n_failed, struct report *report)
{
	struct policy policy = {.phone_groups = {"*phone*"}, .n_phone_groups = 1};
	*n_passed = *n_failed = 0;
	check_messages(ruleset, n_passed, n_failed, report);
	for (unsigned i = 0; i < ruleset->pack->n_diagnoses; i++) {
		const struct diagnosis_rule *rule = &ruleset->pack->diagnoses[i];
		for (unsigned k = 0; k < rule->n_examples; k++) {
			struct workers *workers =
				workers_create(1, &example_limits, ruleset, &policy);
			bool ok = workers && run_example(workers, rule, &rule->examples[k], report);
			++*(ok ? n_passed : n_failed);
			if (workers)
				workers->ruleset = NULL; // the caller's
			workers_destroy(workers);
		}
	}
	for (unsigned i = 0; i < ruleset->pack->n_alerts; i++) {
		const struct alert_rule *rule = &ruleset->pack->alerts[i];
		for (unsigned k = 0; k < rule->n_examples; k++) {
			bool ok =
				alert_example_run(ruleset->pack, rule, &rule->examples[k], report);
			++*(ok ? n_passed : n_failed);
		}
	}
}

// ---- places ----

const char *pack_default_dir(void)
{
	struct stat st;
	return stat(OFFHOOK_RULES_INSTALLED, &st) == 0 ? OFFHOOK_RULES_INSTALLED
						       : OFFHOOK_RULES_SOURCE;
}

const char *pack_cache_dir(void)
{
	static char dir[4096];
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	if (geteuid() == 0)
		return "/var/cache/offhook";
	if (base && base[0] == '/')
		snprintf(dir, sizeof(dir), "%s/offhook", base);
	else if (home && home[0] == '/')
		snprintf(dir, sizeof(dir), "%s/.cache/offhook", home);
	else
		return NULL;
	return dir;
}
