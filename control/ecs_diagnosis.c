// SPDX-License-Identifier: BSD-3-Clause
// A diagnosis as an ECS document.
#include "ecs.h"

#include <string.h>

#include "classification.h"
#include "connection_facts.h"
#include "text.h"

static const char *const actions[][ECS_UNKNOWN + 1] = {
	[ACTIVITY_LOGIN] = {"vpn-login-failed", "vpn-login-recovered", "vpn-login-expired"},
	[ACTIVITY_TUNNEL] = {"vpn-tunnel-impaired", "vpn-tunnel-recovered", "vpn-tunnel-expired"},
	[ACTIVITY_GATEWAY] = {"gateway-impaired", "gateway-recovered", "gateway-expired"},
};

// A diagnosis on its way into a document. Everything but `facts` belongs to the object.
struct diagnosis_view {
	const json_t *object, *details;
	json_t *facts;
	const struct classification *class;
	bool of_phone;
	enum ecs_outcome outcome;
	enum severity severity;
	json_t *client, *device, *gateway, *user;
};

static struct diagnosis_view view_of(const json_t *object)
{
	const char *scope = json_string_of(object, "scope"),
		   *state = json_string_of(object, "state");
	struct diagnosis_view v = {
		.object = object,
		.details = json_object_get(object, "details"),
		.class = classification_of(json_string_of(object, "diagnosis"), scope),
		.of_phone = !ecs_is(scope, "gateway"),
		.outcome = ecs_is(state, "open")	? ECS_FAILURE
			   : ecs_is(state, "recovered") ? ECS_SUCCESS
							: ECS_UNKNOWN,
		.client = ecs_address(object, "client_ip"),
		.device = ecs_text(object, "device"),
		.gateway = ecs_text(object, "gateway"),
		.user = ecs_text(object, "user"),
	};
	// What is over is news, and no harm any more.
	v.severity = v.outcome == ECS_FAILURE ? classification_severity(v.class, scope,
							json_string_of(object, "confidence"))
					      : SEVERITY_INFO;
	v.facts =
		connection_facts(json_object_get(object, "evidence"), json_string_value(v.client));
	return v;
}

// `denied` where the gateway's policy has refused.
static json_t *category_json(const struct diagnosis_view *v)
{
	if (v->class->activity == ACTIVITY_LOGIN)
		return json_pack("[s, s]", "network", "authentication");
	if (v->class->activity == ACTIVITY_TUNNEL)
		return json_pack("[s]", "network");
	bool logs_in = ecs_is(v->class->category, "authentication");
	return json_pack("[s]", logs_in ? "authentication" : "configuration");
}

static json_t *type_json(const struct diagnosis_view *v)
{
	if (v->class->activity == ACTIVITY_GATEWAY)
		return json_pack("[s]", "info");
	bool denied = v->class->is_denied && v->outcome == ECS_FAILURE;
	return json_pack("[s, s*, s]", "connection", denied ? "denied" : NULL, "info");
}

static json_t *event_json(const struct diagnosis_view *v, const struct record *record)
{
	json_t *reason = ecs_text(v->details, "reason"), *title = ecs_text(v->object, "title");
	json_t *recovered = ecs_time(v->object, "recovered_at");
	return ecs_event(
		&(struct ecs_event){
			.outcome = v->outcome,
			.dataset = "offhook.diagnosis",
			.severity = v->severity,
			.action = json_string(actions[v->class->activity][v->outcome]),
			.category = category_json(v),
			.type = type_json(v),
			.code = ecs_text(v->object, "diagnosis"),
			.reason = reason ? reason : title,
			.start = ecs_time(v->object, "first_seen"),
			.end = v->outcome == ECS_SUCCESS && recovered
				       ? recovered
				       : ecs_time(v->object, "last_seen"),
		},
		record, v->object);
}

// SEP8CB64F576113 -> 8C-B6-4F-57-61-13 (RFC 7042); NULL: it is no phone's name.
static json_t *mac_of(const json_t *device)
{
	const char *name = json_string_value(device);
	if (name == NULL || strlen(name) != 15 || strncmp(name, "SEP", 3) != 0 ||
		strspn(name + 3, "0123456789ABCDEF") != 12)
		return NULL;
	name += 3;
	return json_sprintf("%.2s-%.2s-%.2s-%.2s-%.2s-%.2s", name, name + 2, name + 4, name + 6,
		name + 8, name + 10);
}

static json_t *client_json(const struct diagnosis_view *v)
{
	return json_pack("{s:O*, s:O*, s:O*, s:o*}", "address", v->client, "ip", v->client, "port",
		json_object_get(v->facts, "port"), "mac", mac_of(v->device));
}

static json_t *source_json(const struct diagnosis_view *v)
{
	return json_pack("{s:O*, s:O*, s:O*}", "address", v->client, "ip", v->client, "port",
		json_object_get(v->facts, "port"));
}

static json_t *destination_json(const struct diagnosis_view *v)
{
	json_t *server = json_object_get(v->facts, "server");
	json_t *domain = ecs_text(v->details, "host");
	return json_pack("{s:O*, s:O*, s:O*, s:O*}", "address", server ? server : domain, "ip",
		server, "port", json_object_get(v->facts, "server_port"), "domain", domain);
}

static json_t *device_json(const struct diagnosis_view *v)
{
	json_t *model = ecs_text(v->object, "model");
	if (v->device == NULL && model == NULL)
		return NULL;
	return json_pack("{s:O*, s:s, s:o*}", "id", v->device, "manufacturer", "Cisco", "model",
		model ? json_pack("{s:O}", "identifier", model) : NULL);
}

static const char *protocol_of(const struct diagnosis_view *v)
{
	const char *seen = json_string_of(v->facts, "protocol");
	return v->class->protocol ? v->class->protocol : seen;
}

static json_t *network_json(const struct diagnosis_view *v)
{
	const char *protocol = protocol_of(v);
	if (!v->of_phone)
		return NULL;
	return json_pack("{s:s*, s:s*, s:s, s:s}", "transport",
		protocol == NULL	   ? NULL
		: ecs_is(protocol, "dtls") ? "udp"
					   : "tcp",
		"protocol", protocol, "application", "anyconnect", "direction", "inbound");
}

static json_t *server_certificate(const struct diagnosis_view *v)
{
	json_t *name = ecs_text(v->details, "cert_name");
	bool alternative = ecs_is(json_string_of(v->details, "cause"), "san");
	json_t *not_after = ecs_expiry(json_object_get(v->details, "expiry"));
	json_t *server = json_pack("{s:o*, s:O*, s:{s:o*, s:o*, s:O*}}", "hash",
		ecs_hash(json_object_get(v->details, "leaf_hash")), "not_after", not_after, "x509",
		"subject", name && !alternative ? json_pack("{s:[O]}", "common_name", name) : NULL,
		"alternative_names", name && alternative ? json_pack("[O]", name) : NULL,
		"not_after", not_after);
	json_decref(not_after);
	return server;
}

static json_t *tls_json(const struct diagnosis_view *v)
{
	json_t *cipher = ecs_text(v->details, "cipher");
	bool failed = json_object_get(v->facts, "failed") && v->outcome == ECS_FAILURE;
	return json_pack("{s:o*, s:O*, s:O*, s:O*, s:o, s:{s:O*, s:O*}}", "established",
		failed ? json_false() : NULL, "version", json_object_get(v->facts, "version"),
		"version_protocol", json_object_get(v->facts, "protocol"), "cipher",
		cipher ? cipher : json_object_get(v->facts, "cipher"), "server",
		server_certificate(v), "client", "issuer", ecs_text(v->details, "issuer"),
		"supported_ciphers", ecs_list(v->details, "offered"));
}

static json_t *error_json(const struct diagnosis_view *v)
{
	if (v->outcome == ECS_SUCCESS)
		return NULL;
	return json_pack("{s:O*, s:O*}", "code", json_object_get(v->facts, "alert"), "message",
		json_object_get(v->facts, "error"));
}

static json_t *related_json(const struct diagnosis_view *v)
{
	json_t *related = json_pack("{s:[], s:[], s:[], s:[]}", "ip", "user", "hosts", "hash");
	json_t *ip = json_object_get(related, "ip"), *hosts = json_object_get(related, "hosts");
	ecs_append_once(ip, v->client);
	ecs_append_once(ip, ecs_address(v->object, "tunnel_ip"));
	ecs_append_once(ecs_is_address(v->gateway) ? ip : hosts, v->gateway);
	ecs_append_once(ip, json_object_get(v->facts, "server"));
	ecs_append_once(json_object_get(related, "user"), v->user);
	ecs_append_once(hosts, v->device);
	ecs_append_all_once(hosts, ecs_list(v->details, "devices"));
	json_t *hash = ecs_hash(json_object_get(v->details, "leaf_hash"));
	ecs_append_hash(json_object_get(related, "hash"), hash);
	json_decref(hash);
	return related;
}

static json_t *evidence_json(const json_t *evidence)
{
	json_t *list = json_array(), *line;
	size_t i;
	json_array_foreach(evidence, i, line) json_array_append_new(
		list, json_pack("{s:O*, s:O*, s:O*, s:O*}", "origin", ecs_text(line, "source"),
			      "code", ecs_text(line, "code"), "at", ecs_time(line, "time"), "text",
			      ecs_text(line, "text")));
	return list;
}

// What has found no field elsewhere.
static json_t *details_json(const struct diagnosis_view *v)
{
	static const char *const placed[] = {"leaf_hash", "expected_hash", "trustpoint", "days",
		"cipher", "offered", "issuer", "host", "cert_name", "cause", "reason"};
	if (!json_is_object(v->details))
		return NULL;
	json_t *rest = json_copy((json_t *)v->details);
	for (size_t i = 0; i < sizeof(placed) / sizeof(placed[0]); i++)
		json_object_del(rest, placed[i]);
	return rest;
}

static json_t *offhook_json(const struct diagnosis_view *v)
{
	const json_t *o = v->object;
	json_t *tunnel = ecs_address(o, "tunnel_ip");
	json_t *offhook = json_pack("{s:s, s:O*, s:O*, s:O*, s:O*, s:O*, s:{s:O*}}", "severity",
		severity_names[v->severity], "confidence", ecs_text(o, "confidence"), "state",
		ecs_text(o, "state"), "scope", ecs_text(o, "scope"), "ambiguous",
		ecs_flag(o, "ambiguous"), "is_phone", ecs_flag(o, "is_phone"), "episode",
		"attempts", ecs_number(o, "count"));
	json_t *rest =
		json_pack("{s:O*, s:O*, s:o*, s:o, s:O*, s:o*, s:O*, s:O*, s:o}", "tunnel_group",
			ecs_text(o, "tunnel_group"), "group_policy", ecs_text(o, "group_policy"),
			"tunnel", tunnel ? json_pack("{s:O}", "ip", tunnel) : NULL, "cert",
			ecs_cert(v->details), "cause", ecs_text(v->details, "cause"), "details",
			details_json(v), "advice", ecs_text(o, "remedy"), "reference", ecs_book(o),
			"evidence", evidence_json(json_object_get(o, "evidence")));
	json_object_update(offhook, rest);
	json_decref(rest);
	return offhook;
}

// When it became what it is: the last sign of it, its success; of an expiry nothing tells but that
// it is told now.
static json_t *time_json(const struct diagnosis_view *v)
{
	switch (v->outcome) {
	case ECS_FAILURE:
		return ecs_time(v->object, "last_seen");
	case ECS_SUCCESS:
		return ecs_time(v->object, "recovered_at");
	case ECS_UNKNOWN:
		break;
	}
	return NULL;
}

static json_t *who(const struct diagnosis_view *v)
{
	json_t *of_phone = v->device ? v->device : v->user ? v->user : v->client;
	return of_phone && v->of_phone ? of_phone : v->gateway;
}

json_t *ecs_of_diagnosis(
	const struct record *record, const json_t *object, const struct format_context *context)
{
	struct diagnosis_view v = view_of(object);
	json_t *title = ecs_text(object, "title"), *code = ecs_text(object, "diagnosis");
	json_t *doc = ecs_envelope("offhook.diagnosis", time_json(&v),
		ecs_joined(who(&v), ": ", title ? title : code), record, context);
	json_object_set_new(doc, "event", event_json(&v, record));
	json_object_set_new(doc, "rule",
		ecs_rule(
			code, title ? title : code, v.class->category, v.class->diagnosis != NULL));
	json_object_set_new(
		doc, "observer", ecs_observer(v.gateway, json_object_get(v.facts, "interface")));
	json_object_set_new(doc, "client", client_json(&v));
	json_object_set_new(doc, "source", source_json(&v));
	json_object_set_new(doc, "destination", destination_json(&v));
	json_object_set_new(doc, "user", json_pack("{s:O*}", "name", v.user));
	json_object_set_new(doc, "device", device_json(&v));
	json_object_set_new(doc, "network", network_json(&v));
	json_object_set_new(doc, "tls", tls_json(&v));
	json_object_set_new(doc, "error", error_json(&v));
	json_object_set_new(doc, "related", related_json(&v));
	json_object_set_new(doc, "agent", ecs_agent(context));
	if (json_is_true(json_object_get(object, "is_phone")))
		json_object_set_new(doc, "tags", json_pack("[s]", "vpn-phone"));
	json_object_set_new(doc, "labels", ecs_site(object));
	json_object_set_new(doc, "offhook", offhook_json(&v));
	json_decref(v.facts);
	return doc;
}
