// SPDX-License-Identifier: BSD-3-Clause
#include "fleet_command.h"

#include <stdlib.h>
#include <strings.h>

#include "certificate.h"
#include "clock.h"
#include "daemon.h"
#include "logins.h"
#include "text.h"

#define SCAN_STEP 512 // places that one step looks at

// First the diagnosis tables are walked, for causes and certificates; then each gateway is told.
struct walk {
	struct answer_list list;
	unsigned worker;
	uint32_t slot;
	json_t *gateways; // by name: {"causes":{},"suspected":{},"certificates":{}}
	json_t *told;	  // the list; NULL: not yet
	size_t next;
	char *gateway; // NULL: any
};

// ---- gathering ----

static json_t *gathered(struct walk *walk, const char *name)
{
	json_t *gateway = json_object_get(walk->gateways, name);
	if (gateway)
		return gateway;
	gateway = json_pack("{s:{}, s:{}, s:{}}", "causes", "suspected", "certificates");
	json_object_set_new(walk->gateways, name, gateway);
	return gateway;
}

static void count_cause(json_t *causes, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(causes, name));
	json_object_set_new(causes, name, json_integer(n + 1));
}

static void look_at(struct walk *walk, const struct daemon *daemon, uint64_t now_ms)
{
	_Alignas(8) char lines[EVIDENCE_BYTES_MAX];
	const struct workers *workers = daemon->workers;
	const struct diagnosis_table *table = workers->worker[walk->worker]->sessions.diagnoses;
	const struct rulepack *pack = workers->ruleset->pack;
	struct diagnosis d;
	if (diagnosis_read(table, walk->slot, &d, NULL) != DIAGNOSIS_READ ||
		d.state != DIAGNOSIS_OPEN || (d.scope == SCOPE_PHONE && !d.is_phone))
		return;
	json_t *name = json_text(gateway_name(&workers->gateways, d.gateway));
	if (name == NULL || *json_string_value(name) == '\0') {
		json_decref(name);
		return;
	}
	json_t *gateway = gathered(walk, json_string_value(name));
	bool sure = confidence_is_sure(diagnosis_confidence(&d));
	count_cause(json_object_get(gateway, sure ? "causes" : "suspected"),
		registry_name(&pack->vocabulary->diagnoses, d.number));
	if (d.scope == SCOPE_GATEWAY &&
		diagnosis_read(table, walk->slot, &d, lines) == DIAGNOSIS_READ)
		certificates_add(json_object_get(gateway, "certificates"), &d, lines, pack, now_ms);
	json_decref(name);
}

// ---- telling ----

static json_t *values_of(const json_t *object)
{
	json_t *list = json_array(), *value;
	const char *key;
	json_object_foreach((json_t *)object, key, value) json_array_append(list, value);
	return list;
}

static json_t *logins_json(const struct roster_gateway *gateway, uint64_t now_ms)
{
	uint64_t hour = now_ms / HOUR_MS;
	unsigned usual;
	bool is_known = gateway && logins_usual(gateway, hour, hour, &usual);
	return json_pack("{s:o, s:o}", "this_hour",
		gateway ? json_integer(gateway->logins[hour % ROSTER_HOURS]) : json_null(), "usual",
		is_known ? json_integer((json_int_t)usual) : json_null());
}

static const struct roster_gateway *find(const struct roster_view *roster, const char *name)
{
	for (size_t i = 0; i < roster->n; i++) {
		if (strcmp(roster->gateways[i].name, name) == 0)
			return &roster->gateways[i];
	}
	return NULL;
}

static json_t *gateway_json(const struct daemon *daemon, const char *name, const json_t *found,
	const struct roster_gateway *known, uint64_t now_ms)
{
	const char *site = sites_find(&daemon->config.sites, name);
	json_t *o = json_pack("{s:s, s:s, s:o}", "type", "gateway", "gateway", name, "site",
		site ? json_string(site) : json_null());
	json_object_set_new(o, "phones",
		json_pack("{s:i, s:i, s:i, s:i, s:i}", "known", known ? (int)known->n_phones : 0,
			"ok", known ? (int)known->n_ok : 0, "suspected",
			known ? (int)known->n_suspected : 0, "failing",
			known ? (int)known->n_failing : 0, "unknown",
			known ? (int)known->n_unknown : 0));
	json_object_set(o, "causes", json_object_get(found, "causes"));
	json_object_set(o, "suspected", json_object_get(found, "suspected"));
	json_object_set_new(o, "certificates", values_of(json_object_get(found, "certificates")));
	json_object_set_new(o, "logins", logins_json(known, now_ms));
	json_object_set_new(o, "last_line", json_time_or_null(known ? known->last_line_ms : 0));
	return o;
}

static bool is_wanted(const struct walk *walk, const char *name)
{
	return walk->gateway == NULL || strcasecmp(walk->gateway, name) == 0;
}

static int compare(const void *a, const void *b)
{
	json_t *const *one = a, *const *other = b;
	return strcmp(json_string_value(json_object_get(*one, "gateway")),
		json_string_value(json_object_get(*other, "gateway")));
}

static json_t *sorted(json_t *list)
{
	size_t n = json_array_size(list);
	json_t **items = calloc(n + 1, sizeof(*items)), *out = json_array();
	for (size_t i = 0; items && i < n; i++)
		items[i] = json_array_get(list, i);
	if (items)
		qsort(items, n, sizeof(*items), compare);
	for (size_t i = 0; items && i < n; i++)
		json_array_append(out, items[i]);
	free(items);
	json_decref(list);
	return out;
}

static json_t *fleet_json(struct walk *walk, const struct daemon *daemon, uint64_t now_ms)
{
	struct roster_view roster = {0};
	json_t *list = json_array(), *found;
	const char *name;
	if (daemon->roster)
		roster = roster_view(daemon->roster);
	for (size_t i = 0; i < roster.n; i++)
		gathered(walk, roster.gateways[i].name);
	json_object_foreach(walk->gateways, name, found)
	{
		if (is_wanted(walk, name))
			json_array_append_new(list,
				gateway_json(daemon, name, found, find(&roster, name), now_ms));
	}
	return sorted(list);
}

static enum answer_turn step(struct answer *answer, struct buffer *out)
{
	struct walk *walk = answer->state;
	const struct daemon *daemon = answer->daemon;
	uint64_t now_ms = clock_wall_ms();
	for (unsigned i = 0; i < SCAN_STEP && walk->worker < daemon->workers->n; i++) {
		const struct diagnosis_table *table =
			daemon->workers->worker[walk->worker]->sessions.diagnoses;
		if (walk->slot < atomic_load_explicit(&table->high_water, memory_order_acquire)) {
			look_at(walk, daemon, now_ms);
			walk->slot++;
		} else {
			walk->worker++;
			walk->slot = 0;
		}
	}
	if (walk->worker < daemon->workers->n)
		return ANSWER_MORE;
	if (walk->told == NULL)
		walk->told = fleet_json(walk, daemon, now_ms);
	json_t *gateway = json_array_get(walk->told, walk->next++);
	if (gateway) {
		answer_list_item(&walk->list, out, json_incref(gateway));
		return ANSWER_MORE;
	}
	answer_list_end(&walk->list, out);
	return ANSWER_DONE;
}

static void end(struct answer *answer)
{
	struct walk *walk = answer->state;
	json_decref(walk->gateways);
	json_decref(walk->told);
	free(walk->gateway);
	free(walk);
}

void fleet_serve(const json_t *arguments, struct answer *answer, struct buffer *out)
{
	const char *gateway = json_string_value(json_object_get(arguments, "gateway"));
	struct walk *walk = calloc(1, sizeof(*walk));
	if (walk == NULL) {
		out->failed = true;
		return;
	}
	walk->gateways = json_object();
	walk->gateway = gateway ? strdup(gateway) : NULL;
	answer->state = walk;
	answer->step = step;
	answer->end = end;
}
