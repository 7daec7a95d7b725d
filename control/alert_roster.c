// SPDX-License-Identifier: BSD-3-Clause
// What alerts take from the roster: how many phones are known where, gateways that have gone
// silent, and hours with fewer logins than usual.
#include <stdlib.h>

#include "alert_group.h"
#include "logins.h"
#include "text.h"

#define HEARD_MS HOUR_MS // a gateway is listened to for so long before its silence means anything
// So long between two looks: the clock was set, or the machine stood still.
#define GAP_MS (5 * 60000ull)
#define SILENCE_TIMES 2 // a silence is one when it is so much longer than any of the last day
#define LOGINS_EARLY_MS (20 * 60000ull) // before that an hour says little: the one before it counts

static struct alert_gateway *find(const struct alerts *alerts, const char *name)
{
	struct alert_gateway *gateway;
	HASH_FIND(hh, alerts->gateways, name, strlen(name), gateway);
	return gateway;
}

static struct alert_gateway *get(struct alerts *alerts, const char *name, uint64_t now_ms)
{
	struct alert_gateway *gateway = find(alerts, name);
	size_t len = strlen(name);
	if (gateway)
		return gateway;
	gateway = calloc(1, sizeof(*gateway) + len + 1);
	if (gateway == NULL)
		return NULL;
	memcpy(gateway->name, name, len);
	gateway->site = sites_find(alerts->sites, gateway->name);
	gateway->heard_ms = now_ms;
	gateway->hour = now_ms / HOUR_MS;
	HASH_ADD_KEYPTR(hh, alerts->gateways, gateway->name, len, gateway);
	if (gateway->hh.tbl)
		return gateway;
	free(gateway);
	return NULL;
}

void alerts_set_gateway_sites(struct alerts *alerts)
{
	struct alert_gateway *gateway, *next;
	HASH_ITER(hh, alerts->gateways, gateway, next)
	gateway->site = sites_find(alerts->sites, gateway->name);
}

// All that were not met in this round.
static void forget(struct alerts *alerts, uint64_t round)
{
	struct alert_gateway *gateway, *next;
	HASH_ITER(hh, alerts->gateways, gateway, next)
	{
		if (gateway->round == round)
			continue;
		HASH_DEL(alerts->gateways, gateway);
		free(gateway);
	}
}

void alerts_forget_gateways(struct alerts *alerts)
{
	forget(alerts, UINT64_MAX);
}

// ---- phones that are known ----

void alert_set_known(struct alerts *alerts, struct alert *alert)
{
	struct alert_count *count = &alert->count;
	const struct alert_gateway *gateway, *next;
	unsigned known = 0;
	bool is_known = false;
	if (alert->gateway) {
		gateway = find(alerts, name_text(alert->gateway));
		is_known = gateway != NULL;
		known = gateway ? gateway->n_phones : 0;
	} else if (alert->site) {
		HASH_ITER(hh, alerts->gateways, gateway, next)
		{
			if (gateway->site == NULL || strcmp(gateway->site, alert->site) != 0)
				continue;
			is_known = true;
			known += gateway->n_phones;
		}
	} else {
		return;
	}
	// Of what was restored the roster may know nothing yet.
	if (!is_known)
		return;
	count->is_known = true;
	count->known = known;
}

// ---- what is found by looking at a gateway ----

static void set_fact(struct alerts *alerts, const struct alerts_rule *rule, const char *gateway,
	const struct alert_count *fact, json_t *details)
{
	const char *values[] = {gateway, NULL};
	struct alert *alert = alert_find(alerts, rule->serial, values);
	if (alert == NULL && fact->any && alert_level_of(rule->rule, fact) >= 0)
		alert = alert_get(alerts, rule, values);
	if (alert == NULL) {
		json_decref(details);
		return;
	}
	struct alert_count *count = &alert->count;
	count->any = fact->any;
	count->affected = fact->affected;
	count->sure = fact->sure;
	if (!fact->any) {
		json_decref(details);
		return;
	}
	count->known = fact->known;
	count->is_known = true;
	count->since_ms = fact->since_ms;
	json_decref(count->details);
	count->details = details;
}

// ---- silence ----

static void note_silence(struct alert_gateway *g, uint64_t line_ms, uint64_t now_ms)
{
	for (uint64_t hour = now_ms / HOUR_MS, n = 0; g->hour < hour && n < 24; n++)
		g->longest_ms[++g->hour % 24] = 0;
	g->hour = now_ms / HOUR_MS;
	// A silence that was told is no habit, nor one that nobody has listened to from its
	// beginning.
	bool was_heard = g->last_ms >= g->heard_ms && line_ms > g->last_ms;
	uint64_t silence_ms = was_heard ? line_ms - g->last_ms : 0;
	if (!g->is_silent && silence_ms > g->longest_ms[g->hour % 24])
		g->longest_ms[g->hour % 24] = silence_ms;
	if (line_ms > g->last_ms)
		g->last_ms = line_ms;
}

static void look_for_silence(struct alerts *alerts, const struct alerts_rule *rule,
	struct alert_gateway *g, uint64_t now_ms)
{
	uint64_t least_ms = rule->rule->silent_ms, silent_ms = 0;
	for (unsigned i = 0; i < 24; i++) {
		if (g->longest_ms[i] * SILENCE_TIMES > least_ms)
			least_ms = g->longest_ms[i] * SILENCE_TIMES;
	}
	// Silence counts from the last line, and from when somebody has listened.
	if (g->last_ms && now_ms > g->last_ms)
		silent_ms = now_ms - g->last_ms;
	struct alert_count fact = {.affected = g->n_phones,
		.sure = g->n_phones,
		.known = g->n_phones,
		.is_known = true,
		.any = silent_ms >= least_ms && g->last_ms >= g->heard_ms + HEARD_MS,
		.days = -1,
		.since_ms = g->last_ms};
	// One that was told before a restart ends with a line, not with what was forgotten since.
	const char *values[] = {g->name, NULL};
	const struct alert *alert = alert_find(alerts, rule->serial, values);
	if (alert && alert->is_active && alert->count.any && g->last_ms <= alert->count.since_ms)
		fact.any = true;
	g->is_silent |= fact.any;
	set_fact(alerts, rule, g->name, &fact,
		json_pack("{s:o}", "last_line", json_time_or_null(g->last_ms)));
}

// ---- logins ----

static void look_at_logins(struct alerts *alerts, const struct alerts_rule *rule,
	const struct roster_gateway *gateway, uint64_t now_ms)
{
	uint64_t now_hour = now_ms / HOUR_MS, hour = now_hour, passed_ms = now_ms % HOUR_MS;
	if (passed_ms < LOGINS_EARLY_MS) {
		hour--;
		passed_ms = HOUR_MS;
	}
	unsigned usual = 0, logins = gateway->logins[hour % ROSTER_HOURS];
	struct alert_count fact = {.days = -1,
		.known = gateway->n_phones,
		.is_known = true,
		.since_ms = hour * HOUR_MS};
	if (roster_hour_is_whole(gateway, hour, now_hour) &&
		logins_usual(gateway, hour, now_hour, &usual)) {
		usual = (unsigned)(usual * passed_ms / HOUR_MS);
		fact.any = (uint64_t)logins * 100 < (uint64_t)usual * rule->rule->logins_share;
		fact.affected = fact.sure = fact.any ? usual - logins : 0;
	}
	set_fact(alerts, rule, gateway->name, &fact,
		json_pack("{s:i, s:i}", "logins", (int)logins, "usual", (int)usual));
}

// ---- all of it ----

static void look_at_gateway(struct alerts *alerts, const struct roster_gateway *gateway,
	struct alert_gateway *g, uint64_t now_ms)
{
	g->n_phones = gateway->n_phones;
	note_silence(g, gateway->last_line_ms, now_ms);
	g->is_silent = false;
	for (unsigned i = 0; i < ALERT_RULES_MAX; i++) {
		const struct alerts_rule *rule = &alerts->rules[i];
		if (rule->rule == NULL)
			continue;
		if (rule->rule->source == ALERT_SILENT)
			look_for_silence(alerts, rule, g, now_ms);
		else if (rule->rule->source == ALERT_LOGINS)
			look_at_logins(alerts, rule, gateway, now_ms);
	}
}

void alerts_look_at_roster(struct alerts *alerts, const struct roster_view *roster, uint64_t now_ms)
{
	uint64_t round = ++alerts->round;
	bool is_gap = alerts->roster_ms && now_ms > alerts->roster_ms + GAP_MS;
	unsigned n = 0;
	alerts->roster_ms = now_ms;
	for (size_t i = 0; i < roster->n; i++) {
		struct alert_gateway *g = get(alerts, roster->gateways[i].name, now_ms);
		if (g == NULL)
			continue;
		g->round = round;
		if (is_gap)
			g->heard_ms = now_ms;
		look_at_gateway(alerts, &roster->gateways[i], g, now_ms);
		n++;
	}
	if (n < HASH_COUNT(alerts->gateways))
		forget(alerts, round);
}
