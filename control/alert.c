// SPDX-License-Identifier: BSD-3-Clause
#include "alert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "alert_group.h"
#include "text.h"

#define KNOWN_UPDATE_MS \
	600000 // that only the number of phones there has changed, is told so rarely

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

static struct alerts_rule *rule_of_id(struct alerts *alerts, const char *id)
{
	for (unsigned i = 0; i < ALERT_RULES_MAX; i++) {
		if (alerts->rules[i].rule && strcmp(alerts->rules[i].rule->id, id) == 0)
			return &alerts->rules[i];
	}
	return NULL;
}

// Whether what was counted by the one can go on under the other.
static bool goes_on(const struct alert_rule *rule, const struct alert_rule *next)
{
	return strcmp(rule->id, next->id) == 0 && rule->source == next->source &&
	       rule->n_by == next->n_by &&
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
		alerts->rules[i] = (struct alerts_rule){&pack->alerts[i], ++alerts->next_rule};
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

void alerts_set_degraded(struct alerts *alerts, bool is_degraded)
{
	alerts->is_degraded = is_degraded;
}

// ---- a diagnosis ----

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text && *text ? text : NULL;
}

// What a diagnosis says, as far as alerts want to know.
struct said {
	const json_t *object, *details;
	uint64_t id, first_ms, last_ms;
	enum scope scope;
	enum confidence confidence;
	bool is_open, counts;
	const char *gateway, *site;
};

static enum confidence confidence_of(const char *name)
{
	for (unsigned i = CONFIDENCE_SUSPECTED; name && i <= CONFIDENCE_CONFIRMED; i++) {
		if (strcmp(confidence_names[i], name) == 0)
			return (enum confidence)i;
	}
	return CONFIDENCE_NONE;
}

static struct said hear(const struct alerts *alerts, const json_t *object, uint64_t now_ms)
{
	const char *id = text_of(object, "id"), *scope = text_of(object, "scope"),
		   *state = text_of(object, "state");
	struct said said = {.object = object,
		.details = json_object_get(object, "details"),
		.id = id ? XXH3_64bits_withSeed(id, strlen(id), alert_hash_seed) : 0,
		.scope = scope && strcmp(scope, "gateway") == 0 ? SCOPE_GATEWAY : SCOPE_PHONE,
		.confidence = confidence_of(text_of(object, "confidence")),
		.is_open = state && strcmp(state, "open") == 0,
		.gateway = text_of(object, "gateway"),
		.first_ms = now_ms,
		.last_ms = now_ms};
	uint64_t ms;
	if (json_time_read(json_object_get(object, "first_seen"), &ms) && ms < now_ms)
		said.first_ms = ms;
	if (json_time_read(json_object_get(object, "last_seen"), &ms) && ms < now_ms)
		said.last_ms = ms;
	said.site = sites_find(alerts->sites, said.gateway);
	// Whoever is no known phone is nobody's business here (design.md 4.5).
	said.counts = said.is_open && (said.scope == SCOPE_GATEWAY ||
					      json_is_true(json_object_get(object, "is_phone")));
	return said;
}

static bool has_cause(const struct alert_of *of, const struct said *said)
{
	const char *cause = text_of(said->details, "cause");
	for (unsigned i = 0; cause && i < of->n_causes; i++) {
		if (strcmp(of->causes[i], cause) == 0)
			return true;
	}
	return of->n_causes == 0;
}

// Its place among those that the rule counts; -1: it does not.
static int counted_as(const struct alert_rule *rule, uint16_t number, const struct said *said)
{
	for (unsigned i = 0; said->counts && i < rule->n_of; i++) {
		const struct alert_of *of = &rule->of[i];
		if (of->number == number && (of->scopes >> said->scope & 1) &&
			said->confidence >= of->least && has_cause(of, said))
			return (int)i;
	}
	return -1;
}

// false: the diagnosis does not tell (yet) to which it belongs.
static bool group_of(const struct alert_rule *rule, const struct said *said, const char **values)
{
	unsigned i = 0;
	for (; i < rule->n_by; i++) {
		const char *name = alert_field_names[rule->by[i]];
		values[i] = rule->by[i] == ALERT_BY_SITE ? said->site : text_of(said->object, name);
		if (values[i] == NULL && rule->by[i] != ALERT_BY_SITE)
			values[i] = text_of(said->details, name);
		if (values[i] == NULL)
			return false;
	}
	values[i] = NULL;
	return true;
}

// The phone: its device, or that of the only phone known at its address; else its address and user.
static struct name *phone_of(struct alerts *alerts, const struct said *said)
{
	const char *device = text_of(said->object, "device"),
		   *client = text_of(said->object, "client_ip"),
		   *user = text_of(said->object, "user");
	const json_t *devices = json_object_get(said->details, "devices");
	char text[512];
	if (device == NULL && json_array_size(devices) == 1)
		device = json_string_value(json_array_get(devices, 0));
	if (device)
		return name_take(alerts, NAME_PHONE, device);
	snprintf(text, sizeof(text), "%s %s", client ? client : "-", user ? user : "");
	return name_take(alerts, NAME_ADDRESS, text);
}

static struct name *detail_of(struct alerts *alerts, const struct said *said, unsigned detail)
{
	json_t *value = json_object_get(said->details, alert_detail_names[detail]);
	char number[24];
	if (json_is_array(value))
		value = json_array_get(value, 0);
	if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		return name_take(alerts, NAME_DETAIL + detail, number);
	}
	const char *text = json_string_value(value);
	return text && *text ? name_take(alerts, NAME_DETAIL + detail, text) : NULL;
}

static void fill_case(
	struct alerts *alerts, struct alert_case *one, const struct said *said, int of)
{
	const json_t *days = json_object_get(said->details, "days");
	for (unsigned i = 0; i < ALERT_DETAIL_MAX; i++) {
		name_release(alerts, one->details[i]);
		one->details[i] = detail_of(alerts, said, i);
	}
	one->first_ms = said->first_ms;
	one->last_ms = said->last_ms;
	one->days = json_is_integer(days) && json_integer_value(days) >= 0
			    ? (int)json_integer_value(days)
			    : -1;
	one->of = (uint8_t)of;
	one->is_sure = said->confidence > CONFIDENCE_SUSPECTED;
	one->alert->is_dirty = true;
}

static void put_case(struct alerts *alerts, const struct alerts_rule *rule, const struct said *said,
	const char *const *values, int of)
{
	struct alert *alert = alert_get(alerts, rule, values);
	struct name *phone = said->scope == SCOPE_PHONE ? phone_of(alerts, said) : NULL;
	if (alert == NULL)
		alerts->n_refused++;
	if (alert == NULL || (said->scope == SCOPE_PHONE && phone == NULL)) {
		name_release(alerts, phone);
		return;
	}
	struct alert_case_key key = {said->id, rule->serial, phone ? 0 : alert->serial};
	struct alert_case *one = case_find(alerts, key.diagnosis, key.rule, key.alert);
	// A phone that turns out to be another, or belongs elsewhere.
	if (one && one->alert != alert) {
		struct alert *other = one->alert;
		case_drop(alerts, one);
		if (alert_is_idle(other))
			alert_forget(alerts, other);
		one = NULL;
	}
	if (one == NULL)
		one = case_add(alerts, alert, &key);
	if (one == NULL) {
		name_release(alerts, phone);
		return;
	}
	name_release(alerts, one->phone);
	one->phone = phone;
	fill_case(alerts, one, said, of);
}

static void drop_one(struct alerts *alerts, struct alert_case *one)
{
	struct alert *alert = one->alert;
	case_drop(alerts, one);
	if (alert_is_idle(alert))
		alert_forget(alerts, alert);
}

// A gateway tells of several things in one diagnosis (its certificates): each is a case of its own.
static void drop_cases(
	struct alerts *alerts, const struct alerts_rule *rule, const struct said *said)
{
	struct alert_case *one;
	if (said->scope == SCOPE_PHONE) {
		one = case_find(alerts, said->id, rule->serial, 0);
		if (one)
			drop_one(alerts, one);
		return;
	}
	for (unsigned i = 0; i < alerts->n_used; i++) {
		const struct alert *alert = alerts->slots[i];
		if (alert == NULL || alert->rule != rule->serial)
			continue;
		one = case_find(alerts, said->id, rule->serial, alert->serial);
		if (one)
			drop_one(alerts, one);
	}
}

void alerts_take(struct alerts *alerts, const json_t *diagnosis, uint64_t now_ms)
{
	const char *name = text_of(diagnosis, "diagnosis");
	uint16_t number = name ? registry_find(&alerts->pack->vocabulary->diagnoses, slice_of(name))
			       : NAME_NONE;
	if (number == NAME_NONE || alerts->of_diagnosis[number] == 0)
		return;
	struct said said = hear(alerts, diagnosis, now_ms);
	for (uint64_t bits = alerts->of_diagnosis[number]; bits; bits &= bits - 1) {
		const struct alerts_rule *rule = &alerts->rules[__builtin_ctzll(bits)];
		const char *values[ALERT_BY_MAX + 1];
		int of = counted_as(rule->rule, number, &said);
		if (of >= 0 && group_of(rule->rule, &said, values))
			put_case(alerts, rule, &said, values, of);
		else
			drop_cases(alerts, rule, &said);
	}
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

static void activate(struct alert *alert, uint64_t now_ms)
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
		activate(alert, now_ms);
	if (!alert->is_active)
		return;
	if (!is_below(alert)) {
		alert->below_ms = 0;
		return;
	}
	if (alert->below_ms == 0 || alert->below_ms > now_ms)
		alert->below_ms = now_ms;
	if (now_ms - alert->below_ms >= alert->rule_now->resolves.for_ms &&
		now_ms >= alert->grace_ms)
		alert->is_active = false;
}

// A day passes, or a gateway falls silent about itself, without a line.
static bool ages(const struct alert *alert)
{
	return alert->cases && alert->cases->phone == NULL;
}

// Its phones are here again.
static void end_grace(struct alert *alert)
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
	end_grace(alert);
	judge(alert, now_ms);
}

// ---- who speaks for whom ----

static const struct alert *root_of(const struct alert *alert)
{
	while (alert->absorber)
		alert = alert->absorber;
	return alert;
}

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
		activate(storm, now_ms);
	alert_count_storm(alerts, storm, now_ms);
	end_grace(storm);
	// All together can be worse than each.
	storm->level = alert_level_of(rule->rule, &storm->count);
	if (level >= 0 && (storm->level < 0 || rule->rule->levels[level].severity >
						       rule->rule->levels[storm->level].severity))
		storm->level = level;
	storm->is_active = any || now_ms < storm->grace_ms;
}

static void gather_storms(struct alerts *alerts, uint64_t now_ms)
{
	for (unsigned i = 0; i < ALERT_RULES_MAX; i++) {
		const struct alerts_rule *rule = &alerts->rules[i];
		if (rule->rule && alert_rule_is_by(rule->rule, ALERT_BY_GATEWAY))
			gather_storm(alerts, rule, now_ms);
	}
}

// ---- what is told ----

static void tell(struct alerts *alerts, struct alert *alert, uint64_t now_ms)
{
	alert->sequence++;
	alert->updated_ms = now_ms;
	alert->is_changed = true;
	alert->told.affected = alert->count.affected;
	alert->told.known = alert->count.known;
	// How many were left stays, when nobody tells of them any more.
	if (alert->count.days >= 0)
		alert->told.days = alert->count.days;
	json_decref(alert->told.details);
	alert->told.details = json_incref(alert->count.details);
	json_t *object = alert_json(alerts, alert);
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

static void fire(struct alerts *alerts, struct alert *alert, uint64_t now_ms)
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
	tell(alerts, alert, now_ms);
}

static void resolve(struct alerts *alerts, struct alert *alert, uint64_t now_ms)
{
	alert->state = ALERT_RESOLVED;
	alert->resolved_ms = now_ms;
	alert->absorbed_by[0] = '\0';
	if (alert->absorber)
		snprintf(alert->absorbed_by, sizeof(alert->absorbed_by), "%s", root_of(alert)->id);
	tell(alerts, alert, now_ms);
}

static bool has_changed(const struct alert *alert, uint64_t now_ms)
{
	const struct alert_count *count = &alert->count;
	if (alert->updated_ms <= now_ms && now_ms - alert->updated_ms < ALERT_UPDATE_MS)
		return false;
	return count->affected != alert->told.affected ||
	       (count->days >= 0 && count->days != alert->told.days) ||
	       !json_equal(count->details, alert->told.details) ||
	       (count->known != alert->told.known && now_ms - alert->updated_ms >= KNOWN_UPDATE_MS);
}

static void update(struct alerts *alerts, struct alert *alert, uint64_t now_ms)
{
	if (alert->count.affected > alert->peak)
		alert->peak = alert->count.affected;
	if (alert->level >= 0 && alert->rule_now->levels[alert->level].severity > alert->severity) {
		set_level(alert);
		tell(alerts, alert, now_ms);
	} else if (now_ms >= alert->grace_ms && has_changed(alert, now_ms)) {
		tell(alerts, alert, now_ms);
	}
}

static void settle(struct alerts *alerts, struct alert *alert, uint64_t now_ms)
{
	bool fires = alert->is_active && alert->absorber == NULL;
	if (fires && alert->state != ALERT_FIRING)
		fire(alerts, alert, now_ms);
	else if (!fires && alert->state == ALERT_FIRING)
		resolve(alerts, alert, now_ms);
	else if (fires)
		update(alerts, alert, now_ms);
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
		resolve(alerts, alert, now_ms);
}

void alerts_set_rules(struct alerts *alerts, const struct rulepack *pack, uint64_t now_ms)
{
	struct alerts_rule rules[ALERT_RULES_MAX] = {0};
	for (unsigned i = 0; i < pack->n_alerts; i++) {
		struct alerts_rule *old = rule_of_id(alerts, pack->alerts[i].id);
		bool same = old && goes_on(old->rule, &pack->alerts[i]);
		rules[i].rule = &pack->alerts[i];
		rules[i].serial = same ? old->serial : ++alerts->next_rule;
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
		activate(alert, alert->fired_ms);
		alert->is_dirty = true;
		alert->grace_ms = now_ms + ALERT_GRACE_MS;
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
	chain_gateways(alerts);
	absorb_consequences(alerts);
	gather_storms(alerts, now_ms);
	for (unsigned i = 0; i < alerts->n_used; i++) {
		struct alert *alert = alerts->slots[i];
		if (alert == NULL || alert->rule_now == NULL)
			continue;
		settle(alerts, alert, now_ms);
		if (alert_is_idle(alert))
			alert_forget(alerts, alert);
	}
}

// ---- after a restart ----

static uint64_t time_of(const json_t *object, const char *key)
{
	uint64_t ms = 0;
	return json_time_read(json_object_get(object, key), &ms) ? ms : 0;
}

static unsigned number_of(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));
	return n > 0 && n <= UINT32_MAX ? (unsigned)n : 0;
}

// As they were counted: what is null was not, and days are a number of their own.
static json_t *told_details(const json_t *details)
{
	json_t *counted = json_object(), *value;
	const char *key;
	json_object_foreach((json_t *)details, key, value)
	{
		if (strcmp(key, "expected_hash") == 0 && json_is_array(value))
			value = json_array_get(value, 0);
		if (value && !json_is_null(value) && strcmp(key, "days") != 0)
			json_object_set(counted, key, value);
	}
	return counted;
}

static void restore_count(struct alert *alert, const json_t *object)
{
	const json_t *phones = json_object_get(object, "phones"),
		     *threshold = json_object_get(object, "threshold");
	json_t *days = json_object_get(json_object_get(object, "details"), "days");
	struct alert_count *count = &alert->count;
	count->affected = count->sure = number_of(phones, "affected");
	count->known = number_of(phones, "known");
	count->is_known = json_is_integer(json_object_get(phones, "known"));
	count->any = alert->state == ALERT_FIRING;
	count->days = json_is_integer(days) ? (int)json_integer_value(days) : -1;
	count->since_ms = alert->since_ms;
	count->details = told_details(json_object_get(object, "details"));
	count->sample = json_incref(json_object_get(object, "sample"));
	count->diagnoses = json_incref(json_object_get(object, "diagnoses"));
	alert->peak = number_of(phones, "peak");
	alert->threshold_phones = number_of(threshold, "phones");
	double share = json_number_value(json_object_get(threshold, "share"));
	alert->threshold_share = share > 0 && share <= 1 ? (unsigned)(share * 100 + 0.5) : 0;
	alert->told.affected = count->affected;
	alert->told.known = count->known;
	alert->told.days = count->days;
	alert->told.details = json_incref(count->details);
}

static void restore(struct alert *alert, const json_t *object)
{
	const char *severity = text_of(object, "severity"), *state = text_of(object, "state"),
		   *by = text_of(object, "absorbed_by");
	for (unsigned i = 0; severity && i < SEVERITY_MAX; i++) {
		if (strcmp(severity_names[i], severity) == 0)
			alert->severity = (enum severity)i;
	}
	alert->state = state && strcmp(state, "firing") == 0 ? ALERT_FIRING : ALERT_RESOLVED;
	alert->sequence = (uint64_t)json_integer_value(json_object_get(object, "sequence"));
	alert->since_ms = time_of(object, "since");
	alert->fired_ms = time_of(object, "fired_at");
	alert->updated_ms = time_of(object, "updated_at");
	alert->resolved_ms = time_of(object, "resolved_at");
	if (by)
		snprintf(alert->absorbed_by, sizeof(alert->absorbed_by), "%s", by);
	restore_count(alert, object);
}

// The values in the rule's order. false: the alert is not of this rule as it is now.
static bool restored_group(
	const struct alert_rule *rule, const json_t *object, const char **values, bool *storm)
{
	const json_t *group = json_object_get(object, "group");
	*storm = json_object_size(group) == 0;
	if (*storm)
		return true;
	for (unsigned i = 0; i < rule->n_by; i++) {
		values[i] = text_of(group, alert_field_names[rule->by[i]]);
		if (values[i] == NULL)
			return false;
	}
	values[rule->n_by] = NULL;
	return json_object_size(group) == rule->n_by;
}

// A rule to hang those on that have none any more.
static const struct alert_rule no_rule = {.id = "none"};

void alerts_restore(struct alerts *alerts, const json_t *object)
{
	const char *id = text_of(object, "id"), *name = text_of(object, "alert");
	const char *values[ALERT_BY_MAX + 1];
	bool storm = false;
	if (id == NULL || name == NULL)
		return;
	struct alerts_rule *rule = rule_of_id(alerts, name);
	bool is_known = rule && restored_group(rule->rule, object, values, &storm);
	struct alerts_rule orphan = {&no_rule, ++alerts->next_rule};
	struct alert *alert =
		alert_get(alerts, is_known ? rule : &orphan, is_known && !storm ? values : NULL);
	if (alert == NULL)
		return;
	snprintf(alert->id, sizeof(alert->id), "%s", id);
	restore(alert, object);
	alerts->is_restored = true;
	if (!is_known)
		alert->rule_now = NULL;
	json_decref(alert->object);
	alert->object = json_deep_copy(object);
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

json_t *alerts_status(const struct alerts *alerts)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < alerts->n_used; i++)
		kept += alerts->slots[i] && alerts->slots[i]->state != ALERT_QUIET;
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:I}", "firing", (int)alerts_firing(alerts),
		"kept", (int)kept, "limit", ALERTS_MAX, "counted", (int)alerts->n_cases,
		"counted_limit", (int)ALERT_CASES_MAX, "refused", (json_int_t)alerts->n_refused);
}
