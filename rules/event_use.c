// SPDX-License-Identifier: BSD-3-Clause
// event_use: what messages tell of each event, and what the rules want of it, gathered once they
// are read.
#include <stdio.h>

#include "pack_reader.h"

// ---- messages ----

void pack_fields_of(const struct message_rule *rule, uint64_t *fields)
{
	memset(fields, 0, FIELD_WORDS * sizeof(*fields));
	for (unsigned i = 0; i < rule->n_templates; i++) {
		const struct template *t = &rule->templates[i];
		for (unsigned k = 0; k < t->n_ops; k++) {
			if (t->ops[k].literal.len == 0)
				set_bit(fields, t->ops[k].field);
		}
	}
}

// Names that lead to a client (dataplane/alias.h).
static bool has_name(const uint64_t *fields)
{
	return event_bit(fields, FIELD_CLIENT) || event_bit(fields, FIELD_TUNNEL) ||
	       event_bit(fields, FIELD_USER) || event_bit(fields, FIELD_DEVICE) ||
	       event_bit(fields, FIELD_SUBJECT);
}

static void learn_step(struct event_use *use, enum handshake_step step, bool named)
{
	switch (step) {
	case HANDSHAKE_SUPPORTS:
	case HANDSHAKE_OTHER_LIST:
	case HANDSHAKE_CIPHER:
		return; // goes into a list, and no further
	case HANDSHAKE_REASON:
	case HANDSHAKE_REASON_EARLY:
	case HANDSHAKE_REASON_LATE:
	case HANDSHAKE_REASON_BARE:
		set_bit(use->fields, FIELD_OFFERED);
		set_bit(use->fields, FIELD_SUPPORTED);
		use->bound = use->of_phones = true;
		return;
	case HANDSHAKE_CHAIN:
	case HANDSHAKE_CHAIN_STARTS:
	case HANDSHAKE_CHAIN_ACCEPTED:
	case HANDSHAKE_CHAIN_REFUSED:
		set_bit(use->fields, FIELD_SERIAL);
		use->bound = use->of_phones = true;
		return;
	case HANDSHAKE_FOLLOWS:
	case HANDSHAKE_ADJOINS:
		use->of_phones = true;
		return;
	default:
		use->of_phones |= named;
	}
}

static void learn_effect(struct rulepack *pack, const struct message_rule *rule,
	const struct event_effect *effect, const uint64_t *fields)
{
	const struct event_effect *whole = &rule->effect;
	uint16_t event = effect->event == NAME_NONE ? whole->event : effect->event;
	if (event == NAME_NONE)
		return;
	struct event_use *use = &pack->events[event];
	for (unsigned i = 0; i < FIELD_WORDS; i++)
		use->fields[i] |= fields[i];
	use->by_gateway |= rule->source == RULE_ASA;
	learn_step(use, effect->handshake == HANDSHAKE_NONE ? whole->handshake : effect->handshake,
		rule->source == RULE_PHONE || has_name(fields));
}

void pack_learn_message(struct rulepack *pack, const struct message_rule *rule)
{
	uint64_t fields[FIELD_WORDS];
	pack_fields_of(rule, fields);
	learn_effect(pack, rule, &rule->effect, fields);
	for (unsigned i = 0; i < rule->n_cases; i++)
		learn_effect(pack, rule, &rule->cases[i].effect, fields);
}

bool pack_has_field(struct yaml_file *file, struct fy_node *node, const uint64_t *fields,
	uint8_t field, const char *whose)
{
	char known[256] = "none";
	size_t len = 0;
	if (pack_of(file)->incomplete || event_bit(fields, field))
		return true;
	for (unsigned i = 0; i < field_count() && len + 40 < sizeof(known); i++) {
		if (event_bit(fields, (uint16_t)i))
			len += (size_t)snprintf(known + len, sizeof(known) - len, "%s{%s}",
				len ? ", " : "", field_name((uint8_t)i));
	}
	return yaml_error(
		file, node, "%s has a {%s}; fields there: %s", whose, field_name(field), known);
}

bool pack_event_has(struct yaml_file *file, struct fy_node *node, uint16_t event, uint8_t field)
{
	char whose[96];
	snprintf(whose, sizeof(whose), "no message of '%s'",
		registry_name(&pack_of(file)->vocabulary->events, event));
	return pack_has_field(file, node, pack_of(file)->events[event].fields, field, whose);
}

// ---- rules ----

static uint16_t index_of(const struct rulepack *pack, const struct diagnosis_rule *rule)
{
	return (uint16_t)(rule - pack->diagnoses);
}

struct use {
	struct rulepack *pack;
	struct diagnosis_rule *rule;
	bool trigger;
};

static void use_scope(struct event_use *event, enum scope scope)
{
	event->phone_scope |= scope == SCOPE_PHONE;
	event->gateway_scope |= scope == SCOPE_GATEWAY;
}

static void use_window(struct event_use *event, const struct diagnosis_rule *rule)
{
	if (event->window_ms < rule->window_ms)
		event->window_ms = rule->window_ms;
}

static void use_leaf(const struct expression *leaf, bool positive, void *context)
{
	struct use *use = context;
	struct event_use *event = &use->pack->events[leaf->event];
	if (leaf->kind == EXPRESSION_GATEWAY) {
		event->gateway_fact = true;
		return;
	}
	event->keep = true;
	use_scope(event, use->rule->scope);
	use_window(event, use->rule);
	if (!use->trigger)
		return;
	set_bit(event->triggers, index_of(use->pack, use->rule));
	if (positive && !event_bit(use->rule->context, leaf->event))
		set_bit(use->rule->signs, leaf->event);
}

// Leaves below `count`, `distinct` and `turns`.
static void use_counted(struct diagnosis_rule *rule, const struct expression *e)
{
	bool counts = e->kind == EXPRESSION_COUNT || e->kind == EXPRESSION_DISTINCT ||
		      e->kind == EXPRESSION_TURNS;
	for (unsigned i = 0; i < e->n_parts; i++) {
		uint16_t event = e->parts[i]->event;
		if (counts)
			set_bit(rule->counted, event);
		else
			use_counted(rule, e->parts[i]);
	}
}

static void use_recovery(
	struct rulepack *pack, struct diagnosis_rule *rule, const struct expression *leaf)
{
	struct event_use *event = &pack->events[leaf->event];
	use_scope(event, rule->scope);
	use_window(event, rule);
	set_bit(event->recovers, index_of(pack, rule));
	for (unsigned i = 0; i < pack->n_recovery; i++)
		rule->by_tunnel |= rule->calm_ms == 0 && pack->recovery[i]->event == leaf->event;
}

// How often a rule wants to see each event.
static void use_wanted(struct rulepack *pack, const struct expression *e)
{
	bool sequence = e->kind == EXPRESSION_SEQUENCE;
	bool varied = e->kind == EXPRESSION_DISTINCT || e->kind == EXPRESSION_TURNS;
	for (unsigned i = 0; i < e->n_parts; i++) {
		unsigned n = e->kind == EXPRESSION_COUNT ? e->at_least
			     : varied			 ? 2 * e->at_least
							 : 0;
		for (unsigned k = 0; sequence && k < e->n_parts; k++)
			n += e->parts[k]->event == e->parts[i]->event;
		if (e->parts[i]->n_parts == 0) {
			uint8_t *wanted = &pack->events[e->parts[i]->event].wanted;
			if (n > *wanted)
				*wanted = (uint8_t)(n < UINT8_MAX ? n : UINT8_MAX);
		}
		use_wanted(pack, e->parts[i]);
	}
}

static void use_rule(struct rulepack *pack, struct diagnosis_rule *rule)
{
	struct use use = {pack, rule, true};
	for (int i = CONFIDENCE_SUSPECTED; i <= CONFIDENCE_CONFIRMED; i++) {
		if (rule->levels[i] == NULL)
			continue;
		expression_walk(rule->levels[i], true, use_leaf, &use);
		use_counted(rule, rule->levels[i]);
		use_wanted(pack, rule->levels[i]);
	}
	use.trigger = false;
	for (unsigned i = 0; i < rule->n_expected; i++)
		pack->events[rule->expected[i].event].expected = true;
	for (unsigned i = 0; i < rule->n_causes; i++)
		expression_walk(rule->causes[i].when, true, use_leaf, &use);
	for (unsigned word = 0; word < EVENT_WORDS; word++)
		rule->evidence[word] |= rule->signs[word];
	for (unsigned event = 0; event < EVENTS_MAX; event++) {
		if (event_bit(rule->evidence, (uint16_t)event) ||
			event_bit(rule->context, (uint16_t)event)) {
			pack->events[event].keep = true;
			use_window(&pack->events[event], rule);
			use_scope(&pack->events[event], rule->scope);
		}
		if (event_bit(rule->evidence, (uint16_t)event))
			set_bit(pack->events[event].evidence_of, index_of(pack, rule));
	}
	if (!rule->own_recovers && rule->quiet_ms == 0) {
		memcpy(rule->recovers, pack->recovery, sizeof(rule->recovers));
		rule->n_recovers = pack->n_recovery;
	}
	for (unsigned i = 0; i < rule->n_recovers; i++)
		use_recovery(pack, rule, rule->recovers[i]);
	for (int i = CONFIDENCE_SUSPECTED; i <= CONFIDENCE_CONFIRMED; i++)
		rule->has_absence |= rule->levels[i] && expression_has_absence(rule->levels[i]);
}

// What none of its levels can do without.
static struct needs needs_of_rule(const struct diagnosis_rule *rule)
{
	struct needs needs = {0};
	bool first = true;
	for (int i = CONFIDENCE_SUSPECTED; i <= CONFIDENCE_CONFIRMED; i++) {
		if (rule->levels[i] == NULL)
			continue;
		struct needs level = needs_of(rule->levels[i]);
		needs = first ? level : needs_of_either(&needs, &level);
		first = false;
	}
	return needs;
}

static void use_needs(struct rulepack *pack, const struct diagnosis_rule *rule)
{
	struct needs needs = needs_of_rule(rule);
	uint16_t index = index_of(pack, rule);
	for (unsigned need = 0; need < NEEDS_MAX; need++) {
		if (need >= needs.n)
			set_bit(pack->met_by_none.rules[need], index);
		for (unsigned event = 0; need < needs.n && event < EVENTS_MAX; event++) {
			if (event_bit(needs.events[need], (uint16_t)event))
				set_bit(pack->met_by[event].rules[need], index);
		}
	}
	set_bit(pack->of_scope[rule->scope], index);
	if (rule->n_expected)
		set_bit(pack->expecting, index);
}

static void use_lasting(const struct expression *leaf, bool positive, void *context)
{
	(void)positive;
	struct rulepack *pack = context;
	pack->events[leaf->event].outlasts = true;
}

// What becomes of an event when a tunnel comes up.
static void use_tunnel(struct rulepack *pack, const struct diagnosis_rule *rule)
{
	for (unsigned event = 0; event < EVENTS_MAX; event++) {
		bool evidence = event_bit(rule->evidence, (uint16_t)event);
		if (rule->by_tunnel)
			pack->events[event].no_tunnel |= evidence;
		else
			pack->events[event].outlasts |=
				evidence || event_bit(rule->context, (uint16_t)event);
	}
	if (rule->by_tunnel)
		return;
	for (int i = CONFIDENCE_SUSPECTED; i <= CONFIDENCE_CONFIRMED; i++) {
		if (rule->levels[i])
			expression_walk(rule->levels[i], true, use_lasting, pack);
	}
	for (unsigned i = 0; i < rule->n_causes; i++)
		expression_walk(rule->causes[i].when, true, use_lasting, pack);
}

void pack_use_rules(struct rulepack *pack)
{
	for (unsigned i = 0; i < pack->n_diagnoses; i++) {
		use_rule(pack, &pack->diagnoses[i]);
		use_needs(pack, &pack->diagnoses[i]);
		if (pack->diagnoses[i].scope == SCOPE_PHONE)
			use_tunnel(pack, &pack->diagnoses[i]);
	}
}
