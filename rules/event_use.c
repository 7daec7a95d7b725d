// SPDX-License-Identifier: BSD-3-Clause
// event_use: what the rules want of each event, gathered from all of them once they are read.
#include "pack_reader.h"

static uint16_t *add_index(struct obstack *arena, uint16_t *list, unsigned *n, uint16_t index)
{
	for (unsigned i = 0; i < *n; i++) {
		if (list[i] == index)
			return list;
	}
	if (list == NULL)
		list = arena_zeroed(arena, DIAGNOSES_MAX * sizeof(*list));
	list[(*n)++] = index;
	return list;
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
	if (!use->trigger)
		return;
	event->triggers = add_index(&use->pack->arena, event->triggers, &event->n_triggers,
		(uint16_t)(use->rule - use->pack->diagnoses));
	if (positive && !event_bit(use->rule->context, leaf->event))
		use->rule->signs[leaf->event / 64] |= 1ull << (leaf->event % 64);
}

// Leaves below `count`, `distinct` and `turns`.
static void use_counted(struct diagnosis_rule *rule, const struct expression *e)
{
	bool counts = e->kind == EXPRESSION_COUNT || e->kind == EXPRESSION_DISTINCT ||
		      e->kind == EXPRESSION_TURNS;
	for (unsigned i = 0; i < e->n_parts; i++) {
		uint16_t event = e->parts[i]->event;
		if (counts)
			rule->counted[event / 64] |= 1ull << (event % 64);
		else
			use_counted(rule, e->parts[i]);
	}
}

static void use_recovery(
	struct rulepack *pack, struct diagnosis_rule *rule, const struct expression *leaf)
{
	struct event_use *event = &pack->events[leaf->event];
	use_scope(event, rule->scope);
	event->recovers = add_index(&pack->arena, event->recovers, &event->n_recovers,
		(uint16_t)(rule - pack->diagnoses));
	for (unsigned i = 0; i < pack->n_recovery; i++)
		rule->by_tunnel |= rule->calm_ms == 0 && pack->recovery[i]->event == leaf->event;
}

static void use_rule(struct rulepack *pack, struct diagnosis_rule *rule)
{
	struct use use = {pack, rule, true};
	for (int i = CONFIDENCE_SUSPECTED; i <= CONFIDENCE_CONFIRMED; i++) {
		if (rule->levels[i] == NULL)
			continue;
		expression_walk(rule->levels[i], true, use_leaf, &use);
		use_counted(rule, rule->levels[i]);
	}
	use.trigger = false;
	for (unsigned i = 0; i < rule->n_causes; i++)
		expression_walk(rule->causes[i].when, true, use_leaf, &use);
	for (unsigned word = 0; word < EVENT_WORDS; word++)
		rule->evidence[word] |= rule->signs[word];
	for (unsigned event = 0; event < EVENTS_MAX; event++) {
		if (event_bit(rule->evidence, (uint16_t)event) ||
			event_bit(rule->context, (uint16_t)event)) {
			pack->events[event].keep = true;
			use_scope(&pack->events[event], rule->scope);
		}
	}
	if (rule->n_recovers == 0 && rule->quiet_ms == 0) {
		memcpy(rule->recovers, pack->recovery, sizeof(rule->recovers));
		rule->n_recovers = pack->n_recovery;
	}
	for (unsigned i = 0; i < rule->n_recovers; i++)
		use_recovery(pack, rule, rule->recovers[i]);
	for (int i = CONFIDENCE_SUSPECTED; i <= CONFIDENCE_CONFIRMED; i++)
		rule->has_absence |= rule->levels[i] && expression_has_absence(rule->levels[i]);
}

void pack_use_rules(struct rulepack *pack)
{
	for (unsigned i = 0; i < pack->n_diagnoses; i++)
		use_rule(pack, &pack->diagnoses[i]);
}
