// SPDX-License-Identifier: BSD-3-Clause
#include "alert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "alert_group.h"

// That only the number of phones there has changed is told so rarely.
#define KNOWN_UPDATE_MS 600000

// ---- rules ----

static void index_rules(struct alerts *alerts)
{
	memset(alerts->of_diagnosis, 0, sizeof(alerts->of_diagnosis));
	for (unsigned i = 0; i < ALERT_RULES_MAX; i++) {
		const struct alert_rule *rule = alerts->rules[i].rule;
		for (unsigned k = 0; rule && k < rule->n_of; k++)
			alerts->of_diagnosis[rule->of[k].number] |= 1ull << i;
	}
}

static struct alerts_rule keep_rule(const struct alert_rule *rule, uint32_t serial)
{
	struct alerts_rule kept = {
		.rule = rule, .serial = serial, .source = rule->source, .n_by = rule->n_by};
	snprintf(kept.id, sizeof(kept.id), "%s", rule->id);
	memcpy(kept.by, rule->by, sizeof(kept.by));
	return kept;
}

// Whether what was counted by the one can go on under the other.
static bool goes_on(const struct alerts_rule *rule, const struct alert_rule *next)
{
	return rule->source == next->source && rule->n_by == next->n_by &&
	       memcmp(rule->by, next->by, rule->n_by * sizeof(rule->by[0])) == 0;
}

struct alerts *alerts_create(const struct rulepack *pack)
{
	struct alerts *alerts = calloc(1, sizeof(*alerts));
	if (alerts == NULL)
		return NULL;
	if (alert_hash_seed == 0 && getrandom(&alert_hash_seed, sizeof(alert_hash_seed), 0) < 0)
		alert_hash_seed = 1;
	alerts->pack = pack;
	for (unsigned i = 0; i < pack->n_alerts; i++)
		alerts->rules[i] = keep_rule(&pack->alerts[i], ++alerts->next_rule);
	index_rules(alerts);
	return alerts;
}

void alerts_destroy(struct alerts *alerts)
{
	if (alerts == NULL)
		return;
	for (unsigned i = 0; i < alerts->n_used; i++) {
		if (alerts->slots[i])
			alert_forget(alerts, alerts->slots[i]);
	}
	alerts_forget_gateways(alerts);
	free(alerts);
}

void alerts_set_sites(struct alerts *alerts, const struct sites *sites)
{
	alerts->sites = sites;
	alerts_set_gateway_sites(alerts);
	for (unsigned i = 0; i < alerts->n_used; i++) {
		struct alert *alert = alerts->slots[i];
		if (alert && alert->gateway)
			alert->site = sites_find(sites, name_text(alert->gateway));
	}
}

static bool is_complete(const struct alerts *alerts, const struct alert *alert)
{
	return alerts->is_complete && alert->rule_now &&
	       alert->rule_now->source == ALERT_OF_DIAGNOSES;
}

void alerts_set_complete(struct alerts *alerts)
{
	alerts->is_complete = true;
	for (unsigned i = 0; i < alerts->n_used; i++) {
		if (alerts->slots[i] && is_complete(alerts, alerts->slots[i]))
			alerts->slots[i]->grace_ms = 0;
	}
}

void alerts_set_degraded(struct alerts *alerts, bool is_degraded)
{
	alerts->is_degraded = is_degraded;
}

// ---- how severe ----

static bool level_holds(const struct alert_level *level, const struct alert_count *count)
{
	unsigned phones = level->suspected ? count->affected : count->sure;
	if (phones < level->phones || (level->gateway && !count->own))
		return false;
	if (level->share && (!count->is_known ||
				    (uint64_t)phones * 100 < (uint64_t)count->known * level->share))
		return false;
	return level->days < 0 || (count->days >= 0 && count->days <= level->days);
}

int alert_level_of(const struct alert_rule *rule, const struct alert_count *count)
{
	int found = -1;
	for (unsigned i = 0; i < rule->n_levels && count->any; i++) {
		if (level_holds(&rule->levels[i], count) &&
			(found < 0 || rule->levels[i].severity > rule->levels[found].severity))
			found = (int)i;
	}
	return found;
}

// ---- whether it is active ----

// So few phones that it is over; 0: when no level holds.
static unsigned floor_of(const struct alert_rule *rule, const struct alert_count *count)
{
	unsigned least = UINT32_MAX;
	if (rule->resolves.phones)
		return rule->resolves.phones;
	if (rule->resolves.share && count->is_known)
		return (unsigned)((uint64_t)count->known * rule->resolves.share / 100 + 1);
	for (unsigned i = 0; i < rule->n_levels; i++)
		least = rule->levels[i].phones < least ? rule->levels[i].phones : least;
	return (least + 1) / 2;
}

static bool is_below(const struct alert *alert)
{
	const struct alert_count *count = &alert->count;
	unsigned floor = floor_of(alert->rule_now, count);
	return !count->any || (alert->level < 0 && (floor == 0 || count->sure < floor));
}

void alert_activate(struct alert *alert, uint64_t now_ms)
{
	alert->is_active = true;
	alert->active_ms = now_ms;
	alert->cutoff_ms =
		now_ms > alert->rule_now->window_ms ? now_ms - alert->rule_now->window_ms : 0;
	alert->below_ms = 0;
}

static void judge(struct alert *alert, uint64_t now_ms)
{
	alert->level = alert_level_of(alert->rule_now, &alert->count);
	if (!alert->is_active && alert->level >= 0)
		alert_activate(alert, now_ms);
	if (!alert->is_active)
		return;
	if (!is_below(alert)) {
		alert->below_ms = 0;
		return;
	}
	if (alert->below_ms == 0 || alert->below_ms > now_ms)
		alert->below_ms = now_ms;
	if (now_ms - alert->below_ms >= alert->rule_now->resolves.for_ms &&
		!alert_is_in_grace(alert, now_ms))
		alert->is_active = false;
}

// A day passes, or a gateway falls silent about itself, without a line.
static bool ages(const struct alert *alert)
{
	return alert->cases && alert->cases->phone == NULL;
}

void alert_end_grace(struct alert *alert)
{
	if (alert->rule_now->source == ALERT_OF_DIAGNOSES && alert->count.any &&
		alert->count.affected >= alert->told.affected)
		alert->grace_ms = 0;
}

static void refresh(struct alerts *alerts, struct alert *alert, uint64_t now_ms)
{
	const struct alert_rule *rule = alert->rule_now;
	alert_set_known(alerts, alert);
	if (rule->source == ALERT_DEGRADED)
		alert->count.any = alerts->is_degraded;
	else if (rule->source == ALERT_OF_DIAGNOSES && (alert->is_dirty || ages(alert)))
		alert_count(alerts, alert, now_ms);
	// What is no longer within the window was, when it was counted last.
	bool may_fire = rule->source == ALERT_OF_DIAGNOSES && !alert->is_active &&
			alert_level_of(rule, &alert->count) >= 0;
	if (may_fire)
		alert_count(alerts, alert, now_ms);
	if (alert->count.is_known && alert->count.known < alert->count.affected &&
		rule->source == ALERT_OF_DIAGNOSES)
		alert->count.known = alert->count.affected;
	alert_end_grace(alert);
	judge(alert, now_ms);
}

// ---- what is told ----

static void tell(struct alert *alert, uint64_t now_ms)
{
	alert->sequence++;
	alert->updated_ms = now_ms;
	alert->is_changed = true;
	alert->told.affected = alert->count.affected;
	alert->told.known = alert->count.known;
	alert->told.clears_ms = alert_clears_ms(alert);
	// How many were left stays, when nobody tells of them any more.
	if (alert->count.days >= 0)
		alert->told.days = alert->count.days;
	json_decref(alert->told.details);
	alert->told.details = json_incref(alert->count.details);
	json_t *object = alert_json(alert);
	json_decref(alert->object);
	alert->object = object;
}

static void set_level(struct alert *alert)
{
	if (alert->level < 0)
		return;
	const struct alert_level *level = &alert->rule_now->levels[alert->level];
	alert->severity = level->severity;
	alert->threshold_phones = level->phones;
	alert->threshold_share = level->share;
}

static void fire(struct alert *alert, uint64_t now_ms)
{
	bool again = alert->state == ALERT_RESOLVED &&
		     now_ms - alert->resolved_ms <= alert->rule_now->hold_ms;
	if (!again) {
		alert->fired_ms = now_ms;
		alert->since_ms = alert->count.since_ms ? alert->count.since_ms : now_ms;
		alert->peak = 0;
		alert->told.days = -1;
	}
	if (!again || alert->level < 0 ||
		alert->rule_now->levels[alert->level].severity > alert->severity)
		set_level(alert);
	alert->state = ALERT_FIRING;
	alert->resolved_ms = 0;
	alert->absorbed_by[0] = '\0';
	if (alert->count.affected > alert->peak)
		alert->peak = alert->count.affected;
	tell(alert, now_ms);
}

static const struct alert *root_of(const struct alert *alert)
{
	while (alert->absorber)
		alert = alert->absorber;
	return alert;
}

static void resolve(struct alert *alert, uint64_t now_ms)
{
	alert->state = ALERT_RESOLVED;
	alert->resolved_ms = now_ms;
	alert->absorbed_by[0] = '\0';
	if (alert->absorber)
		snprintf(alert->absorbed_by, sizeof(alert->absorbed_by), "%s", root_of(alert)->id);
	tell(alert, now_ms);
}

static bool has_changed(const struct alert *alert, uint64_t now_ms)
{
	const struct alert_count *count = &alert->count;
	if (alert->updated_ms <= now_ms && now_ms - alert->updated_ms < ALERT_UPDATE_MS)
		return false;
	return count->affected != alert->told.affected ||
	       alert_clears_ms(alert) != alert->told.clears_ms ||
	       (count->days >= 0 && count->days != alert->told.days) ||
	       !json_equal(count->details, alert->told.details) ||
	       (count->known != alert->told.known && now_ms - alert->updated_ms >= KNOWN_UPDATE_MS);
}

static void update(struct alert *alert, uint64_t now_ms)
{
	if (alert->count.affected > alert->peak)
		alert->peak = alert->count.affected;
	if (alert->level >= 0 && alert->rule_now->levels[alert->level].severity > alert->severity) {
		set_level(alert);
		tell(alert, now_ms);
	} else if (!alert_is_in_grace(alert, now_ms) && has_changed(alert, now_ms)) {
		tell(alert, now_ms);
	}
}

static void settle(struct alert *alert, uint64_t now_ms)
{
	bool fires = alert->is_active && alert->absorber == NULL;
	if (fires && alert->state != ALERT_FIRING)
		fire(alert, now_ms);
	else if (!fires && alert->state == ALERT_FIRING)
		resolve(alert, now_ms);
	else if (fires)
		update(alert, now_ms);
}

// ---- rules that are no more ----

static void end(struct alerts *alerts, struct alert *alert, uint64_t now_ms)
{
	while (alert->cases)
		case_drop(alerts, alert->cases);
	alert->is_active = false;
	alert->absorber = NULL;
	alert->rule_now = NULL;
	if (alert->state == ALERT_FIRING)
		resolve(alert, now_ms);
}

void alerts_set_rules(struct alerts *alerts, const struct rulepack *pack, uint64_t now_ms)
{
	struct alerts_rule rules[ALERT_RULES_MAX] = {0};
	for (unsigned i = 0; i < pack->n_alerts; i++) {
		const struct alerts_rule *old = alerts_rule_of(alerts, pack->alerts[i].id);
		bool same = old && goes_on(old, &pack->alerts[i]);
		rules[i] = keep_rule(&pack->alerts[i], same ? old->serial : ++alerts->next_rule);
	}
	for (unsigned i = 0; i < alerts->n_used; i++) {
		struct alert *alert = alerts->slots[i];
		if (alert == NULL || alert->rule_now == NULL)
			continue;
		const struct alert_rule *next = NULL;
		for (unsigned k = 0; k < pack->n_alerts; k++) {
			if (rules[k].serial == alert->rule)
				next = rules[k].rule;
		}
		if (next == NULL && alert->state == ALERT_QUIET) {
			alert_forget(alerts, alert);
		} else if (next == NULL) {
			end(alerts, alert, now_ms);
		} else {
			alert->rule_now = next;
			alert->level = -1;
			alert->is_dirty = true;
			// Open ones are taken again.
			alert->grace_ms = now_ms + ALERT_GRACE_MS;
		}
	}
	memcpy(alerts->rules, rules, sizeof(rules));
	alerts->is_complete = false;
	alerts->pack = pack;
	index_rules(alerts);
}

// ---- time ----

// Whoever was spoken for when the last daemon ended, and by whom, is only known now that all are
// here.
static void finish_restore(struct alerts *alerts, uint64_t now_ms)
{
	alerts->is_restored = false;
	for (unsigned i = 0; i < alerts->n_used; i++) {
		struct alert *alert = alerts->slots[i];
		if (alert == NULL)
			continue;
		if (alert->rule_now == NULL) {
			end(alerts, alert, now_ms);
			continue;
		}
		bool active = alert->state == ALERT_FIRING;
		for (unsigned k = 0; k < alerts->n_used && alert->absorbed_by[0] && !active; k++)
			active = alerts->slots[k] && alerts->slots[k]->state == ALERT_FIRING &&
				 strcmp(alerts->slots[k]->id, alert->absorbed_by) == 0;
		if (!active)
			continue;
		alert_activate(alert, alert->fired_ms);
		alert->is_dirty = true;
		alert->grace_ms = is_complete(alerts, alert) ? 0 : now_ms + ALERT_GRACE_MS;
	}
}

static void look_at_self(struct alerts *alerts)
{
	for (unsigned i = 0; i < ALERT_RULES_MAX && alerts->is_degraded; i++) {
		const struct alerts_rule *rule = &alerts->rules[i];
		if (rule->rule && rule->rule->source == ALERT_DEGRADED)
			alert_get(alerts, rule, NULL);
	}
}

void alerts_tick(struct alerts *alerts, const struct roster_view *roster, uint64_t now_ms)
{
	if (alerts->is_restored)
		finish_restore(alerts, now_ms);
	if (roster)
		alerts_look_at_roster(alerts, roster, now_ms);
	look_at_self(alerts);
	for (unsigned i = 0; i < alerts->n_used; i++) {
		struct alert *alert = alerts->slots[i];
		if (alert && alert->rule_now && !alert->is_storm)
			refresh(alerts, alert, now_ms);
	}
	alerts_absorb(alerts, now_ms);
	for (unsigned i = 0; i < alerts->n_used; i++) {
		struct alert *alert = alerts->slots[i];
		if (alert == NULL || alert->rule_now == NULL)
			continue;
		settle(alert, now_ms);
		if (alert_is_idle(alert))
			alert_forget(alerts, alert);
	}
}

// ---- lists ----

json_t *alerts_next_change(struct alerts *alerts)
{
	for (unsigned i = 0; i < alerts->n_used; i++) {
		struct alert *alert = alerts->slots[(alerts->next_slot + i) % alerts->n_used];
		if (alert == NULL || !alert->is_changed)
			continue;
		alerts->next_slot = (alert->slot + 1) % alerts->n_used;
		alert->is_changed = false;
		return json_incref(alert->object);
	}
	return NULL;
}

unsigned alerts_firing(const struct alerts *alerts)
{
	unsigned n = 0;
	for (unsigned i = 0; i < alerts->n_used; i++)
		n += alerts->slots[i] && alerts->slots[i]->state == ALERT_FIRING;
	return n;
}

static int compare(const void *a, const void *b)
{
	const struct alert *one = *(struct alert *const *)a, *other = *(struct alert *const *)b;
	bool one_fires = one->state == ALERT_FIRING, other_fires = other->state == ALERT_FIRING;
	if (one_fires != other_fires)
		return one_fires ? -1 : 1;
	uint64_t one_ms = one_fires ? one->fired_ms : one->resolved_ms,
		 other_ms = one_fires ? other->fired_ms : other->resolved_ms;
	if (one_ms != other_ms)
		return one_ms > other_ms ? -1 : 1;
	return strcmp(one->id, other->id);
}

json_t *alerts_json(const struct alerts *alerts, enum language language)
{
	const struct alert **told = calloc(alerts->n_alerts + 1, sizeof(*told));
	json_t *list = told ? json_array() : NULL;
	size_t n = 0;
	for (unsigned i = 0; list && i < alerts->n_used; i++) {
		if (alerts->slots[i] && alerts->slots[i]->object)
			told[n++] = alerts->slots[i];
	}
	if (list)
		qsort(told, n, sizeof(*told), compare);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, alert_told_in(alerts, told[i]->object, language));
	free(told);
	return list;
}

bool alerts_has_rule(const struct alerts *alerts, const char *slug)
{
	return alerts_rule_of(alerts, slug) != NULL;
}

json_t *alerts_status(const struct alerts *alerts)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < alerts->n_used; i++)
		kept += alerts->slots[i] && alerts->slots[i]->state != ALERT_QUIET;
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:I}", "firing", (int)alerts_firing(alerts),
		"kept", (int)kept, "limit", ALERTS_MAX, "counted", (int)alerts->n_cases,
		"counted_limit", (int)ALERT_CASES_MAX, "refused", (json_int_t)alerts->n_refused);
}
