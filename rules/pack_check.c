// SPDX-License-Identifier: BSD-3-Clause
// pack_check: rules that could never do what they say, as far as it takes all rules to see it.
#include "pack_reader.h"

struct check {
	struct rulepack *pack;
	struct report *report;
	const struct diagnosis_rule *rule;
	unsigned n_positive;	      // events of a level that can open it
	uint64_t events[EVENT_WORDS]; // whose lines may be among the evidence
	bool ok;
};

static const char *event_name(const struct rulepack *pack, uint16_t event)
{
	return registry_name(&pack->vocabulary->events, event);
}

static const char *diagnosis_name(const struct rulepack *pack, uint16_t diagnosis)
{
	return registry_name(&pack->vocabulary->diagnoses, diagnosis);
}

// ---- scope ----

bool pack_check_scope(const struct rulepack *pack, enum scope scope, const struct expression *leaf,
	struct report *report)
{
	const struct event_use *use = &pack->events[leaf->event];
	const char *name = event_name(pack, leaf->event);
	bool fact = leaf->kind == EXPRESSION_GATEWAY;
	if (pack->incomplete)
		return true;
	if ((fact || scope == SCOPE_GATEWAY) && !use->by_gateway)
		report_at(report, &leaf->place,
			"'%s' comes from phones alone, no gateway logs it%s", name,
			fact ? "" : ": 'scope: phone'");
	else if (!fact && scope == SCOPE_PHONE && !use->of_phones)
		report_at(report, &leaf->place,
			"no message of '%s' names a phone (by {client}, {tunnel}, {user}, {device}, "
			"{subject} or its handshake): 'scope: gateway', or {gateway: %s, within: 1h}",
			name, name);
	else
		return true;
	return false;
}

// ---- expressions ----

static void check_leaf(const struct expression *leaf, bool positive, void *context)
{
	struct check *c = context;
	c->n_positive += positive && leaf->kind == EXPRESSION_SEEN;
	c->ok &= pack_check_scope(c->pack, c->rule->scope, leaf, c->report);
	set_bit(c->events, leaf->event);
}

// An absence is seen at its end, and what it counts from has to be within the window then.
static void check_absences(struct check *c, const struct expression *e)
{
	if (e->kind == EXPRESSION_ABSENT && e->within_ms > c->rule->window_ms) {
		report_at(c->report, &e->place,
			"'for' is longer than the diagnosis' window of %llu s: a 'window' as long, at most 1h",
			(unsigned long long)c->rule->window_ms / 1000);
		c->ok = false;
	}
	for (unsigned i = 0; i < e->n_parts; i++)
		check_absences(c, e->parts[i]);
}

static void check_expressions(struct check *c)
{
	const struct diagnosis_rule *rule = c->rule;
	for (int i = CONFIDENCE_SUSPECTED; i <= CONFIDENCE_CONFIRMED; i++) {
		const struct expression *level = rule->levels[i];
		if (level == NULL)
			continue;
		c->n_positive = 0;
		expression_walk(level, true, check_leaf, c);
		check_absences(c, level);
		if (c->n_positive)
			continue;
		report_at(c->report, &level->place,
			"no event opens it: facts of a gateway and what is not there only add to one");
		c->ok = false;
	}
	for (unsigned i = 0; i < rule->n_causes; i++) {
		expression_walk(rule->causes[i].when, true, check_leaf, c);
		check_absences(c, rule->causes[i].when);
	}
}

static void check_recovers(struct check *c)
{
	// Those of the pack are checked where they stand.
	for (unsigned i = 0; i < c->rule->n_recovers; i++) {
		if (c->rule->recovers[i] != c->pack->recovery[i])
			c->ok &= pack_check_scope(
				c->pack, c->rule->scope, c->rule->recovers[i], c->report);
	}
}

// ---- diagnoses that others name ----

static bool is_known(const struct rulepack *pack, uint16_t number)
{
	return pack->diagnosis_of[SCOPE_PHONE][number] >= 0 ||
	       pack->diagnosis_of[SCOPE_GATEWAY][number] >= 0;
}

// Whether `from` absorbs `to`, or something that does. seen: of the scope, by index.
static bool absorbs(const struct rulepack *pack, const struct diagnosis_rule *from,
	const struct diagnosis_rule *to, bool *seen)
{
	if (from == to)
		return true;
	if (seen[from - pack->diagnoses])
		return false;
	seen[from - pack->diagnoses] = true;
	for (unsigned i = 0; i < from->n_absorbs; i++) {
		const struct diagnosis_rule *next =
			rulepack_diagnosis(pack, from->scope, from->absorbs[i]);
		if (next && absorbs(pack, next, to, seen))
			return true;
	}
	return false;
}

static void check_absorbed(struct check *c, uint16_t number, const struct rule_place *place)
{
	const struct diagnosis_rule *rule = c->rule;
	const struct diagnosis_rule *other = rulepack_diagnosis(c->pack, rule->scope, number);
	const char *name = diagnosis_name(c->pack, number);
	bool seen[DIAGNOSES_MAX] = {false};
	if (!is_known(c->pack, number))
		report_at(c->report, place, "'absorbs' names an unknown diagnosis '%s'", name);
	else if (other == NULL)
		report_at(c->report, place,
			"'%s' has another scope: a diagnosis absorbs those of its own session",
			name);
	else if (other == rule)
		report_at(c->report, place, "'%s' cannot absorb itself", name);
	else if (absorbs(c->pack, other, rule, seen))
		report_at(c->report, place,
			"'%s' absorbs '%s' in turn: one of them is the consequence", name,
			rule->id);
	else
		return;
	c->ok = false;
}

static void check_absorbs(struct check *c)
{
	for (unsigned i = 0; i < c->rule->n_absorbs; i++)
		check_absorbed(c, c->rule->absorbs[i], &c->rule->absorb_places[i]);
}

static bool check_while(const struct rulepack *pack, struct report *report)
{
	bool ok = true;
	for (unsigned i = 0; i < pack->n_messages; i++) {
		const struct message_rule *rule = &pack->messages[i];
		if (rule->only_while == NAME_NONE || is_known(pack, rule->only_while))
			continue;
		report_at(report, &rule->while_place, "'while' names an unknown diagnosis '%s'",
			diagnosis_name(pack, rule->only_while));
		ok = false;
	}
	return ok;
}

// ---- details ----

// Lines of what it absorbs become its evidence.
static void add_evidence(struct check *c, const struct diagnosis_rule *rule)
{
	for (unsigned i = 0; i < EVENT_WORDS; i++)
		c->events[i] |= rule->evidence[i] | rule->context[i];
}

static bool has_detail(const struct check *c, const struct diagnosis_detail *detail)
{
	for (uint16_t event = 0; event < EVENTS_MAX; event++) {
		if (event_bit(c->events, event) &&
			(detail->event == NAME_NONE || detail->event == event) &&
			event_bit(c->pack->events[event].fields, detail->field))
			return true;
	}
	return false;
}

static void check_details(struct check *c)
{
	const struct diagnosis_rule *rule = c->rule;
	add_evidence(c, rule);
	for (unsigned i = 0; i < rule->n_absorbs; i++) {
		const struct diagnosis_rule *other =
			rulepack_diagnosis(c->pack, rule->scope, rule->absorbs[i]);
		if (other)
			add_evidence(c, other);
	}
	for (unsigned i = 0; i < rule->n_details; i++) {
		const struct diagnosis_detail *detail = &rule->details[i];
		if (has_detail(c, detail))
			continue;
		if (detail->event == NAME_NONE)
			report_at(c->report, &detail->place, "no event of the diagnosis has a {%s}",
				field_name(detail->field));
		else
			report_at(c->report, &detail->place, "'%s' is no event of the diagnosis",
				event_name(c->pack, detail->event));
		c->ok = false;
	}
}

// What is told of two things under one name is told of neither.
static bool is_named(const struct diagnosis_detail *details, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(details[i].name, name) == 0)
			return true;
	}
	return false;
}

// A phone that is connected has accepted what it was shown: that takes an event that says so.
static void check_expected(struct check *c)
{
	const struct diagnosis_rule *rule = c->rule;
	for (unsigned i = 0; i < rule->n_expected; i++) {
		const struct diagnosis_detail *detail = &rule->expected[i];
		const char *event = event_name(c->pack, detail->event);
		if (rule->scope != SCOPE_PHONE)
			report_at(c->report, &detail->place,
				"'expects' compares phones: 'scope: phone'");
		else if (rule->n_recovers == 0)
			report_at(c->report, &detail->place,
				"'expects' takes an event in 'recovers': nothing tells that a phone is well");
		else if (event_bit(rule->signs, detail->event))
			report_at(c->report, &detail->place,
				"'%s' is a sign of the diagnosis: no phone that is well has it",
				event);
		else if (!event_bit(rule->evidence, detail->event))
			report_at(c->report, &detail->place,
				"'%s' is no event of the diagnosis: 'evidence: [%s]'", event,
				event);
		else if (is_named(rule->details, rule->n_details, detail->name))
			report_at(c->report, &detail->place, "'%s' is one of the 'details' too",
				detail->name);
		else
			continue;
		c->ok = false;
	}
}

static void check_examples(struct check *c)
{
	const struct diagnosis_rule *rule = c->rule;
	for (unsigned i = 0; i < rule->n_examples; i++) {
		for (unsigned k = 0; k < rule->examples[i].n_details; k++) {
			const struct example_detail *detail = &rule->examples[i].details[k];
			if (is_named(rule->details, rule->n_details, detail->name) ||
				is_named(rule->expected, rule->n_expected, detail->name))
				continue;
			report_at(c->report, &detail->place, "'%s' has no detail '%s'", rule->id,
				detail->name);
			c->ok = false;
		}
	}
}

bool pack_check(struct rulepack *pack, struct report *report)
{
	bool ok = check_while(pack, report);
	for (unsigned i = 0; i < pack->n_diagnoses; i++) {
		struct check c = {pack, report, &pack->diagnoses[i], .ok = true};
		check_expressions(&c);
		check_recovers(&c);
		check_absorbs(&c);
		check_details(&c);
		check_expected(&c);
		check_examples(&c);
		ok &= c.ok;
	}
	return pack_check_alerts(pack, report) && ok;
}
