// SPDX-License-Identifier: BSD-3-Clause
// alert_check: alerts that could never do what they say.
#include <string.h>

#include "pack_reader.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

struct check {
	const struct rulepack *pack;
	const struct alert_rule *rule;
	struct report *report;
};

// ---- levels ----

static bool check_levels(const struct check *c)
{
	const struct alert_rule *rule = c->rule;
	bool counted =
		alert_rule_is_by(rule, ALERT_BY_GATEWAY) || alert_rule_is_by(rule, ALERT_BY_SITE);
	if (rule->n_levels == 0) {
		report_at(c->report, &rule->place, "'%s' has no level: it would never fire",
			rule->id);
		return false;
	}
	for (unsigned i = 0; i < rule->n_levels; i++) {
		const struct alert_level *level = &rule->levels[i];
		if (level->share && !counted)
			report_at(c->report, &level->place,
				"a 'share' is of the phones known at a gateway or site: 'by' lacks "
				"them");
		else if (level->phones && rule->source == ALERT_DEGRADED)
			report_at(c->report, &level->place,
				"offhook itself has no phones: a severity alone");
		else if (level->days >= 0 && rule->source != ALERT_OF_DIAGNOSES)
			report_at(c->report, &level->place,
				"only diagnoses tell of days that are left");
		else if (level->gateway && rule->source != ALERT_OF_DIAGNOSES)
			report_at(c->report, &level->place,
				"'gateway' is for diagnoses that a gateway makes of itself");
		else if (rule->resolves.phones && rule->resolves.phones > level->phones)
			report_at(c->report, &rule->resolves.place,
				"it resolves below %u phones, and fires at %u: it would do so in "
				"turns",
				rule->resolves.phones, level->phones);
		else
			continue;
		return false;
	}
	return true;
}

// ---- absorbs ----

static const struct alert_rule *find(const struct rulepack *pack, const char *id)
{
	for (unsigned i = 0; i < pack->n_alerts; i++) {
		if (pack->alerts[i].id && strcmp(pack->alerts[i].id, id) == 0)
			return &pack->alerts[i];
	}
	return NULL;
}

static bool absorbs(const struct rulepack *pack, const struct alert_rule *from,
	const struct alert_rule *to, bool *seen)
{
	if (from == to)
		return true;
	if (seen[from - pack->alerts])
		return false;
	seen[from - pack->alerts] = true;
	for (unsigned i = 0; i < from->n_absorbs; i++) {
		const struct alert_rule *next = find(pack, from->absorbs[i]);
		if (next && absorbs(pack, next, to, seen))
			return true;
	}
	return false;
}

static bool check_absorbs(const struct check *c)
{
	bool ok = true;
	for (unsigned i = 0; i < c->rule->n_absorbs; i++) {
		const struct alert_rule *other = find(c->pack, c->rule->absorbs[i]);
		bool seen[ALERT_RULES_MAX] = {false};
		const struct rule_place *place = &c->rule->absorb_places[i];
		if (other == NULL)
			report_at(c->report, place, "'absorbs' names an unknown alert '%s'",
				c->rule->absorbs[i]);
		else if (other == c->rule)
			report_at(c->report, place, "'%s' cannot absorb itself", c->rule->id);
		else if (!alert_rule_is_by(other, ALERT_BY_GATEWAY) ||
			 !alert_rule_is_by(c->rule, ALERT_BY_GATEWAY))
			report_at(c->report, place,
				"an alert absorbs those of its own gateway: '%s' or '%s' has none",
				c->rule->id, other->id);
		else if (absorbs(c->pack, other, c->rule, seen))
			report_at(c->report, place,
				"'%s' absorbs '%s' in turn: one of them is the consequence",
				other->id, c->rule->id);
		else
			continue;
		ok = false;
	}
	return ok;
}

// ---- texts ----

static bool is_slot(struct slice name)
{
	static const char *const known[] = {
		"gateway", "gateways", "affected", "known", "days", "logins", "usual", "since"};
	for (size_t i = 0; i < N(known); i++) {
		if (slice_equals_text(name, known[i]))
			return true;
	}
	for (size_t i = 0; i < ALERT_FIELD_MAX; i++) {
		if (slice_equals_text(name, alert_field_names[i]))
			return true;
	}
	for (size_t i = 0; i < ALERT_DETAIL_MAX; i++) {
		if (slice_equals_text(name, alert_detail_names[i]))
			return true;
	}
	return false;
}

static bool check_text(const struct check *c, const char *what, const char *text)
{
	for (const char *at = text ? strchr(text, '{') : NULL; at; at = strchr(at + 1, '{')) {
		size_t len = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz_");
		struct slice name = {at + 1, (uint32_t)len};
		if (len == 0 || (at[1 + len] != '}' && at[1 + len] != ':') || is_slot(name))
			continue;
		report_at(c->report, &c->rule->place,
			"the %s of '%s' has an unknown slot {%s}; known: gateway, gateways, site, "
			"affected, known, days, leaf_hash, trustpoint ...",
			what, c->rule->id, QUOTE(name));
		return false;
	}
	return true;
}

static bool check_texts(const struct check *c)
{
	const struct alert_rule *rule = c->rule;
	bool ok = true;
	for (unsigned i = 0; i < LANGUAGE_MAX; i++) {
		ok &= check_text(c, "title", rule->title.text[i]);
		ok &= check_text(c, "summary", rule->summary.text[i]);
		ok &= check_text(c, "remedy", rule->remedy.text[i]);
	}
	return ok;
}

bool pack_check_alerts(const struct rulepack *pack, struct report *report)
{
	bool ok = true;
	for (unsigned i = 0; i < pack->n_alerts; i++) {
		struct check c = {pack, &pack->alerts[i], report};
		ok &= check_levels(&c);
		ok &= check_absorbs(&c);
		ok &= check_texts(&c);
	}
	return ok;
}
