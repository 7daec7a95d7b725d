// SPDX-License-Identifier: BSD-3-Clause
// Alerts as the last daemon told them.
#include <stdio.h>
#include <string.h>

#include "alert_group.h"
#include "severity.h"
#include "text.h"

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
	const char *state = json_text_of(object, "state"),
		   *by = json_text_of(object, "absorbed_by");
	alert->severity = severity_of(json_text_of(object, "severity"));
	alert->state = state && strcmp(state, "firing") == 0 ? ALERT_FIRING : ALERT_RESOLVED;
	alert->sequence = (uint64_t)json_integer_value(json_object_get(object, "sequence"));
	alert->since_ms = json_time_of(object, "since");
	alert->fired_ms = json_time_of(object, "fired_at");
	alert->updated_ms = json_time_of(object, "updated_at");
	alert->resolved_ms = json_time_of(object, "resolved_at");
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
		values[i] = json_text_of(group, alert_field_names[rule->by[i]]);
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
	const char *id = json_text_of(object, "id"), *name = json_text_of(object, "alert");
	const char *values[ALERT_BY_MAX + 1];
	bool storm = false;
	if (id == NULL || name == NULL)
		return;
	const struct alerts_rule *rule = alerts_rule_of(alerts, name);
	bool is_known = rule && restored_group(rule->rule, object, values, &storm);
	const struct alerts_rule orphan = {.rule = &no_rule, .serial = ++alerts->next_rule};
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
