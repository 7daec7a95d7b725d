// SPDX-License-Identifier: BSD-3-Clause
// An alert as the JSON object that alert.h shows, and its texts in each language.
#include <stdio.h>
#include <string.h>

#include "alert_group.h"
#include "diagnosis_json.h"
#include "text.h"

static json_t *string_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

// "90s", "5m", "24h", "7d", as a rule says it.
static json_t *duration_json(uint64_t ms)
{
	static const struct {
		uint64_t ms;
		const char *unit;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
	char text[32];
	size_t i = 0;
	// 24h is a day of hours: one of a unit is written in the smaller one.
	while (ms % units[i].ms || (ms == units[i].ms && i < 2))
		i++;
	snprintf(text, sizeof(text), "%llu%s", (unsigned long long)(ms / units[i].ms),
		units[i].unit);
	return json_string(text);
}

// ---- texts ----

// What slots of an alert's texts are filled from, beside its details. Of one that is over the texts
// say what it was.
static json_t *slots_of(const json_t *object)
{
	const json_t *phones = json_object_get(object, "phones");
	const char *state = json_string_value(json_object_get(object, "state"));
	bool over = state && strcmp(state, "resolved") == 0;
	json_t *slots = json_deep_copy(json_object_get(object, "group"));
	json_object_set(slots, "gateway", json_object_get(object, "gateway"));
	json_object_set(slots, "site", json_object_get(object, "site"));
	json_object_set(slots, "since", json_object_get(object, "since"));
	json_object_set(slots, "affected", json_object_get(phones, over ? "peak" : "affected"));
	json_object_set(slots, "known", json_object_get(phones, "known"));
	return slots;
}

// "asa-1, asa-2, asa-3, +3": of a storm.
static json_t *gateways_text(const json_t *details)
{
	const json_t *list = json_object_get(details, "gateways");
	json_int_t n = json_integer_value(json_object_get(details, "n_gateways"));
	char text[512];
	size_t len = 0, i = 0;
	for (; i < json_array_size(list) && i < 5; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.64s", i ? ", " : "",
			json_string_value(json_array_get(list, i)));
	if (i == 0)
		return NULL;
	if (n > (json_int_t)i)
		snprintf(text + len, sizeof(text) - len, ", +%lld", (long long)n - (long long)i);
	return json_text(slice_of(text));
}

// Of one that fires still, though nobody is affected: its rule's words would be of no phones.
static const struct translations clear_summary = {{
	[LANGUAGE_EN] = "{where}: no phone is affected any more, at most {peak} were; resolves at "
			"{clears_at} if it stays so",
	[LANGUAGE_ZH_TW] =
		"{where}：已無受影響的電話，最多時為{peak}部；若維持如此，將於{clears_at}解除",
	[LANGUAGE_KO] =
		"{where}: 영향받는 전화기 없음(최대 {peak}대였음). 이대로면 {clears_at}에 해제됨",
}};

static json_t *clear_slots(const json_t *object, json_t *gateways)
{
	static const char *const places[] = {"gateway", "site", "title"};
	json_t *where = gateways;
	for (size_t i = 0; where == NULL && i < sizeof(places) / sizeof(places[0]); i++) {
		json_t *place = json_object_get(object, places[i]);
		where = json_is_string(place) ? place : NULL;
	}
	return json_pack("{s:O*, s:O, s:O}", "where", where, "peak",
		json_object_get(json_object_get(object, "phones"), "peak"), "clears_at",
		json_object_get(object, "clears_at"));
}

static json_t *summary_of(const json_t *object, const struct alert_rule *rule,
	enum language language, const json_t *slots, json_t *gateways)
{
	const json_t *details = json_object_get(object, "details");
	if (json_object_get(object, "clears_at") == NULL)
		return filled_text(NULL, translation(&rule->summary, language), slots, details);
	json_t *of_clear = clear_slots(object, gateways);
	json_t *summary =
		filled_text(NULL, translation(&clear_summary, language), of_clear, details);
	json_decref(of_clear);
	return summary;
}

static void set_texts(json_t *object, const struct alert_rule *rule, enum language language)
{
	const json_t *details = json_object_get(object, "details");
	json_t *slots = slots_of(object), *gateways = gateways_text(details);
	if (gateways) {
		json_object_set(slots, "gateways", gateways);
		json_object_set(slots, "gateway", gateways);
	}
	json_object_set_new(object, "title",
		filled_text(NULL, translation(&rule->title, language), slots, details));
	json_object_set_new(object, "summary", summary_of(object, rule, language, slots, gateways));
	// In commands a list is no name.
	if (gateways)
		json_object_del(slots, "gateway");
	json_object_set_new(object, "remedy",
		filled_text(NULL, translation(&rule->remedy, language), slots, details));
	json_decref(gateways);
	json_decref(slots);
}

json_t *alert_told_in(const struct alerts *alerts, json_t *object, enum language language)
{
	const char *id = json_string_value(json_object_get(object, "alert"));
	for (unsigned i = 0; i < alerts->pack->n_alerts && id && language != LANGUAGE_EN; i++) {
		const struct alert_rule *rule = &alerts->pack->alerts[i];
		if (strcmp(rule->id, id) != 0)
			continue;
		json_t *told = json_copy(object);
		set_texts(told, rule, language);
		return told;
	}
	return json_incref(object);
}

// ---- the object ----

static json_t *group_json(const struct alert *alert)
{
	json_t *group = json_object();
	for (unsigned i = 0; i < alert->n_values; i++)
		json_object_set_new(group, alert_field_names[alert->rule_now->by[i]],
			json_text(slice_of(alert->values[i])));
	return group;
}

static json_t *phones_json(const struct alert *alert)
{
	const struct alert_count *count = &alert->count;
	json_t *phones = json_pack("{s:i}", "affected", (int)count->affected);
	json_object_set_new(phones, "known",
		count->is_known ? json_integer((json_int_t)count->known) : json_null());
	json_object_set_new(phones, "peak", json_integer((json_int_t)alert->peak));
	return phones;
}

// The four that every alert has come first, then what else its diagnoses tell.
static json_t *details_json(const struct alert *alert)
{
	const json_t *counted = alert->count.details;
	json_t *expected = json_object_get(counted, "expected_hash"), *value;
	const char *key;
	json_t *details = json_object();
	json_object_set_new(details, "leaf_hash",
		string_or_null(json_string_value(json_object_get(counted, "leaf_hash"))));
	json_object_set_new(details, "expected_hash",
		json_is_array(expected) ? json_incref(expected) : json_null());
	json_object_set_new(details, "trustpoint",
		string_or_null(json_string_value(json_object_get(counted, "trustpoint"))));
	json_object_set_new(details, "days",
		alert->told.days >= 0 ? json_integer(alert->told.days) : json_null());
	json_object_foreach((json_t *)counted, key, value)
	{
		if (json_object_get(details, key) == NULL)
			json_object_set(details, key, value);
	}
	return details;
}

static json_t *threshold_json(const struct alert *alert)
{
	json_t *threshold = json_object();
	json_object_set_new(threshold, "phones",
		alert->threshold_phones ? json_integer((json_int_t)alert->threshold_phones)
					: json_null());
	json_object_set_new(threshold, "share",
		alert->threshold_share ? json_real(alert->threshold_share / 100.0) : json_null());
	return threshold;
}

// What becomes of it, whatever its rule says.
static void set_state(json_t *o, const struct alert *alert)
{
	json_object_set_new(
		o, "state", json_string(alert->state == ALERT_FIRING ? "firing" : "resolved"));
	json_object_set_new(o, "severity", json_string(severity_names[alert->severity]));
	json_object_set_new(o, "sequence", json_integer((json_int_t)alert->sequence));
	json_object_set_new(o, "updated_at", json_time_or_null(alert->updated_ms));
	json_object_set_new(o, "resolved_at", json_time_or_null(alert->resolved_ms));
	json_object_set_new(o, "absorbed_by", string_or_null(alert->absorbed_by));
}

static json_t *list_or_empty(json_t *list)
{
	return list ? json_incref(list) : json_array();
}

json_t *alert_json(const struct alert *alert)
{
	const struct alert_rule *rule = alert->rule_now;
	// Its rule is gone: as it was told, but for its end.
	if (rule == NULL) {
		json_t *o = alert->object ? json_copy(alert->object) : json_object();
		json_object_del(o, "clears_at");
		set_state(o, alert);
		return o;
	}
	// In the order in which people read it; the states are filled in below.
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "type", "alert", "id",
		alert->id, "alert", rule->id, "name", rule->name, "category", rule->category,
		"state", "", "severity", "", "sequence", 0);
	json_object_set_new(o, "gateway",
		alert->gateway ? json_text(slice_of(name_text(alert->gateway))) : json_null());
	json_object_set_new(o, "site", string_or_null(alert->site));
	json_object_set_new(o, "group", group_json(alert));
	json_object_set_new(o, "since", json_time_or_null(alert->since_ms));
	json_object_set_new(o, "fired_at", json_time_or_null(alert->fired_ms));
	set_state(o, alert);
	json_object_del(o, "absorbed_by");
	json_object_set_new(o, "phones", phones_json(alert));
	json_object_set_new(o, "window", duration_json(rule->window_ms));
	json_object_set_new(o, "threshold", threshold_json(alert));
	json_object_set_new(o, "details", details_json(alert));
	json_object_set_new(o, "sample", list_or_empty(alert->count.sample));
	json_object_set_new(o, "diagnoses", list_or_empty(alert->count.diagnoses));
	json_object_set_new(o, "absorbed_by", string_or_null(alert->absorbed_by));
	if (alert_clears_ms(alert))
		json_object_set_new(o, "clears_at", json_time(alert_clears_ms(alert)));
	set_texts(o, rule, LANGUAGE_EN);
	json_object_set_new(o, "reference", string_or_null(rule->reference));
	if (alert->n_missed)
		json_object_set_new(o, "exact", json_false());
	return o;
}
