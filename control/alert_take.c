// SPDX-License-Identifier: BSD-3-Clause
// What a diagnosis says to the rules that count it: to which alert it belongs, of which phone it
// is, and whether it still counts.
#include <stdio.h>
#include <string.h>

#include "alert_group.h"
#include "text.h"

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
	const char *id = json_text_of(object, "id"), *scope = json_text_of(object, "scope"),
		   *state = json_text_of(object, "state");
	struct said said = {.object = object,
		.details = json_object_get(object, "details"),
		.id = id ? XXH3_64bits_withSeed(id, strlen(id), alert_hash_seed) : 0,
		.scope = scope && strcmp(scope, "gateway") == 0 ? SCOPE_GATEWAY : SCOPE_PHONE,
		.confidence = confidence_of(json_text_of(object, "confidence")),
		.is_open = state && strcmp(state, "open") == 0,
		.gateway = json_text_of(object, "gateway"),
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
	const char *cause = json_text_of(said->details, "cause");
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
		values[i] = rule->by[i] == ALERT_BY_SITE ? said->site
							 : json_text_of(said->object, name);
		if (values[i] == NULL && rule->by[i] != ALERT_BY_SITE)
			values[i] = json_text_of(said->details, name);
		if (values[i] == NULL)
			return false;
	}
	values[i] = NULL;
	return true;
}

// The phone: its device, or that of the only phone known at its address; else its address and user.
static struct name *phone_of(struct alerts *alerts, const struct said *said)
{
	const char *device = json_text_of(said->object, "device"),
		   *client = json_text_of(said->object, "client_ip"),
		   *user = json_text_of(said->object, "user");
	const json_t *devices = json_object_get(said->details, "devices");
	char text[512];
	if (device == NULL && json_array_size(devices) == 1)
		device = json_string_value(json_array_get(devices, 0));
	if (device)
		return name_take(alerts, NAME_PHONE, device);
	snprintf(text, sizeof(text), "%s %s", client ? client : "-", user ? user : "");
	return name_take(alerts, NAME_ADDRESS, text);
}

// All of them, with blanks between: alert_group.c takes them apart again.
static struct name *expected_of(struct alerts *alerts, const json_t *list)
{
	char text[ALERT_EXPECTED_MAX * (ALERT_VALUE_MAX + 1)] = "";
	size_t i, len = 0;
	json_t *one;
	json_array_foreach((json_t *)list, i, one)
	{
		const char *hash = json_string_value(one);
		if (i == ALERT_EXPECTED_MAX)
			break;
		if (hash && *hash && strlen(hash) <= ALERT_VALUE_MAX && !strchr(hash, ' '))
			len += (size_t)snprintf(
				text + len, sizeof(text) - len, "%s%s", len ? " " : "", hash);
	}
	return len ? name_take(alerts, NAME_DETAIL + ALERT_DETAIL_EXPECTED_HASH, text) : NULL;
}

static struct name *detail_of(struct alerts *alerts, const struct said *said, unsigned detail)
{
	json_t *value = json_object_get(said->details, alert_detail_names[detail]);
	char number[24];
	if (detail == ALERT_DETAIL_EXPECTED_HASH && json_is_array(value))
		return expected_of(alerts, value);
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
	one->is_sure = confidence_is_sure(said->confidence);
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
	const char *name = json_text_of(diagnosis, "diagnosis");
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
