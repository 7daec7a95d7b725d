// SPDX-License-Identifier: BSD-3-Clause
// Which alert speaks for which: a cause for its consequences at the same gateway, and one alert for
// many gateways where a rule's alert begins at so many of them that it is a storm.
#include <string.h>

#include "alert_group.h"

// The active alerts of each gateway, chained.
static void chain_gateways(struct alerts *alerts)
{
	alerts->round++;
	for (unsigned i = 0; i < alerts->n_used; i++) {
		struct alert *alert = alerts->slots[i];
		if (alert == NULL)
			continue;
		alert->absorber = NULL;
		alert->next_there = NULL;
		if (!alert->is_active || alert->gateway == NULL)
			continue;
		if (alert->gateway->round != alerts->round)
			alert->gateway->first = NULL;
		alert->gateway->round = alerts->round;
		alert->next_there = alert->gateway->first;
		alert->gateway->first = alert;
	}
}

static bool names(const struct alert_rule *rule, const char *id)
{
	for (unsigned i = 0; i < rule->n_absorbs; i++) {
		if (strcmp(rule->absorbs[i], id) == 0)
			return true;
	}
	return false;
}

static void absorb_consequences(struct alerts *alerts)
{
	for (unsigned i = 0; i < alerts->n_used; i++) {
		struct alert *cause = alerts->slots[i];
		if (cause == NULL || !cause->is_active || cause->gateway == NULL ||
			cause->rule_now->n_absorbs == 0)
			continue;
		for (struct alert *one = cause->gateway->first; one; one = one->next_there) {
			if (one != cause && one->absorber == NULL &&
				names(cause->rule_now, one->rule_now->id))
				one->absorber = cause;
		}
	}
}

static bool is_member(const struct alert *alert, const struct alerts_rule *rule)
{
	return alert && alert->rule == rule->serial && !alert->is_storm && alert->is_active &&
	       alert->gateway && alert->absorber == NULL;
}

// Gateways at which the rule's alert has begun within its window.
static unsigned count_gateways(
	struct alerts *alerts, const struct alerts_rule *rule, uint64_t now_ms)
{
	unsigned n = 0;
	alerts->round++;
	for (unsigned i = 0; i < alerts->n_used; i++) {
		const struct alert *alert = alerts->slots[i];
		if (!is_member(alert, rule) || alert->gateway->round == alerts->round ||
			alert->active_ms + rule->rule->window_ms < now_ms)
			continue;
		alert->gateway->round = alerts->round;
		n++;
	}
	return n;
}

static void gather_storm(struct alerts *alerts, const struct alerts_rule *rule, uint64_t now_ms)
{
	struct alert *storm = alert_find(alerts, rule->serial, NULL);
	bool blows = storm && storm->is_active;
	if (rule->rule->storm == 0) {
		if (blows)
			storm->is_active = false;
		return;
	}
	if (!blows && count_gateways(alerts, rule, now_ms) <= rule->rule->storm)
		return;
	storm = storm ? storm : alert_get(alerts, rule, NULL);
	if (storm == NULL)
		return;
	int level = -1;
	bool any = false;
	for (unsigned i = 0; i < alerts->n_used; i++) {
		struct alert *alert = alerts->slots[i];
		if (!is_member(alert, rule))
			continue;
		alert->absorber = storm;
		any = true;
		if (alert->level >= 0 && (level < 0 || rule->rule->levels[alert->level].severity >
							       rule->rule->levels[level].severity))
			level = alert->level;
	}
	if (any && !blows)
		alert_activate(storm, now_ms);
	alert_count_storm(alerts, storm, now_ms);
	alert_end_grace(storm);
	// All together can be worse than each.
	storm->level = alert_level_of(rule->rule, &storm->count);
	if (level >= 0 && (storm->level < 0 || rule->rule->levels[level].severity >
						       rule->rule->levels[storm->level].severity))
		storm->level = level;
	storm->is_active = any || alert_is_in_grace(storm, now_ms);
}

static void gather_storms(struct alerts *alerts, uint64_t now_ms)
{
	for (unsigned i = 0; i < ALERT_RULES_MAX; i++) {
		const struct alerts_rule *rule = &alerts->rules[i];
		if (rule->rule && alert_rule_is_by(rule->rule, ALERT_BY_GATEWAY))
			gather_storm(alerts, rule, now_ms);
	}
}

void alerts_absorb(struct alerts *alerts, uint64_t now_ms)
{
	chain_gateways(alerts);
	absorb_consequences(alerts);
	gather_storms(alerts, now_ms);
}
