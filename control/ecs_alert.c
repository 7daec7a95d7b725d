// SPDX-License-Identifier: BSD-3-Clause
// A fleet alert as an ECS document.
#include "ecs.h"
#include "text.h"

static bool is_firing(const json_t *object)
{
	return ecs_is(json_string_of(object, "state"), "firing");
}

// What is over is news, and no harm any more.
static enum severity severity_now(const json_t *object)
{
	return is_firing(object) ? severity_of(json_string_of(object, "severity")) : SEVERITY_INFO;
}

static json_t *event_json(const json_t *object, const struct record *record)
{
	json_t *prefix = json_string("fleet-alert-");
	struct ecs_event event = {
		.outcome = is_firing(object) ? ECS_FAILURE : ECS_SUCCESS,
		.dataset = "offhook.fleet",
		.severity = severity_now(object),
		.action = ecs_joined(prefix, "", ecs_text(object, "state")),
		.category = json_pack("[s]", "configuration"),
		.type = json_pack("[s]", "info"),
		.code = ecs_text(object, "alert"),
		.reason = ecs_text(object, "title"),
		.start = ecs_time(object, "since"),
		.end = ecs_time(object, "resolved_at"),
	};
	json_decref(prefix);
	return ecs_event(&event, record, object);
}

static json_t *fleet_json(const json_t *object)
{
	const json_t *phones = json_object_get(object, "phones"),
		     *threshold = json_object_get(object, "threshold");
	json_t *group = json_object_get(object, "group");
	json_t *fleet = json_pack("{s:O*, s:O*, s:{s:O*, s:O*}, s:O*, s:O*, s:O*}", "state",
		ecs_text(object, "state"), "severity", ecs_text(object, "severity"), "phones",
		"affected", ecs_number(phones, "affected"), "seen", ecs_number(phones, "known"),
		"window", ecs_text(object, "window"), "threshold_phones",
		ecs_number(threshold, "phones"), "threshold_ratio", ecs_number(threshold, "share"));
	json_t *rest = json_pack("{s:O*, s:O*, s:O*, s:O*, s:O*, s:O*}", "days_to_expiry",
		ecs_number(json_object_get(object, "details"), "days"), "sample_devices",
		ecs_list(object, "sample"), "group", json_is_object(group) ? group : NULL,
		"diagnoses", ecs_list(object, "diagnoses"), "absorbed_by",
		ecs_text(object, "absorbed_by"), "fired_at", ecs_time(object, "fired_at"));
	json_object_update(fleet, rest);
	json_decref(rest);
	return fleet;
}

static json_t *related_json(const json_t *object, const json_t *hash)
{
	json_t *related = json_pack("{s:[], s:[], s:[]}", "ip", "hosts", "hash");
	json_t *gateway = ecs_text(object, "gateway");
	ecs_append_once(
		json_object_get(related, ecs_is_address(gateway) ? "ip" : "hosts"), gateway);
	ecs_append_hash(json_object_get(related, "hash"), hash);
	return related;
}

json_t *ecs_of_alert(
	const struct record *record, const json_t *object, const struct format_context *context)
{
	const json_t *details = json_object_get(object, "details");
	json_t *resolved = ecs_time(object, "resolved_at");
	json_t *hash = ecs_hash(json_object_get(details, "leaf_hash"));
	json_t *title = ecs_text(object, "title"), *summary = ecs_text(object, "summary");
	json_t *doc =
		ecs_envelope("offhook.fleet", resolved ? resolved : ecs_time(object, "updated_at"),
			json_incref(summary ? summary : title), record, context);
	json_object_set_new(doc, "event", event_json(object, record));
	json_object_set_new(doc, "rule",
		ecs_rule(ecs_text(object, "alert"), title, json_string_of(object, "category"),
			false));
	json_object_set_new(doc, "observer", ecs_observer(ecs_text(object, "gateway"), NULL));
	json_object_set_new(doc, "tls",
		json_pack("{s:{s:O*, s:o*}}", "server", "hash", hash, "not_after",
			ecs_expiry(json_object_get(details, "expiry"))));
	json_object_set_new(doc, "related", related_json(object, hash));
	json_object_set_new(doc, "agent", ecs_agent(context));
	json_object_set_new(doc, "labels", ecs_site(object));
	json_object_set_new(doc, "offhook",
		json_pack("{s:s, s:o, s:o, s:O*, s:O*}", "severity",
			severity_names[severity_now(object)], "fleet", fleet_json(object), "cert",
			ecs_cert(details), "advice", ecs_text(object, "remedy"), "reference",
			ecs_book(object)));
	json_decref(hash);
	return doc;
}
