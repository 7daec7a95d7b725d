// SPDX-License-Identifier: BSD-3-Clause
#include "alert_examples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "text.h"

#define DAY_MS (24 * HOUR_MS)
#define START_MS (20 * DAY_MS + 12 * HOUR_MS) // long enough after the epoch for days before it
#define GATEWAYS_MAX 64
#define TICK_MS 1000
#define TICK_LONG_MS 60000 // while more than an hour passes

struct rehearsal {
	const struct rulepack *pack;
	struct alerts *alerts;
	uint64_t now_ms;
	struct roster_gateway gateways[GATEWAYS_MAX];
	size_t n_gateways;
};

static struct roster_gateway *gateway_of(struct rehearsal *r, const char *name)
{
	for (size_t i = 0; i < r->n_gateways; i++) {
		if (strcmp(r->gateways[i].name, name) == 0)
			return &r->gateways[i];
	}
	if (r->n_gateways == GATEWAYS_MAX)
		return NULL;
	struct roster_gateway *gateway = &r->gateways[r->n_gateways++];
	*gateway = (struct roster_gateway){
		.name = name, .first_line_ms = r->now_ms, .last_line_ms = r->now_ms};
	return gateway;
}

static void tick(struct rehearsal *r)
{
	struct roster_view view = {r->gateways, r->n_gateways};
	alerts_tick(r->alerts, &view, r->now_ms);
}

// speaking: a line comes with each tick; NULL: none comes
static void pass(struct rehearsal *r, uint64_t ms, struct roster_gateway *speaking)
{
	uint64_t step_ms = ms > HOUR_MS ? TICK_LONG_MS : TICK_MS;
	while (ms) {
		uint64_t n_ms = ms < step_ms ? ms : step_ms;
		r->now_ms += n_ms;
		ms -= n_ms;
		if (speaking)
			speaking->last_line_ms = r->now_ms;
		tick(r);
	}
}

// Eight days of the same hour, and this one as far as it is.
static void set_logins(
	const struct rehearsal *r, struct roster_gateway *gateway, const struct alert_step *step)
{
	uint64_t hour = r->now_ms / HOUR_MS;
	gateway->hours_from = hour - 7 * 24;
	memset(gateway->whole, 0xff, sizeof(gateway->whole));
	for (uint64_t day = 1; day <= 7 && step->usual >= 0; day++)
		gateway->logins[(hour - day * 24) % ROSTER_HOURS] = (uint16_t)step->usual;
	if (step->logins >= 0)
		gateway->logins[hour % ROSTER_HOURS] = (uint16_t)step->logins;
}

// ---- diagnoses ----

static const char *diagnosis_of(const struct alert_rule *rule, const struct alert_step *step)
{
	return step->diagnosis ? step->diagnosis : rule->n_of ? rule->of[0].diagnosis : NULL;
}

static json_t *details_of(const struct alert_step *step)
{
	json_t *details = json_object();
	if (step->cause)
		json_object_set_new(details, "cause", json_string(step->cause));
	if (step->leaf_hash)
		json_object_set_new(details, "leaf_hash", json_string(step->leaf_hash));
	if (step->trustpoint)
		json_object_set_new(details, "trustpoint", json_string(step->trustpoint));
	if (step->days >= 0)
		json_object_set_new(details, "days", json_integer(step->days));
	return details;
}

// phone: from 0 on; of a gateway's own: -1
static void take(struct rehearsal *r, const char *name, const struct alert_step *step, int phone)
{
	char id[256], device[32];
	snprintf(id, sizeof(id), "%.64s %.64s %d", name, step->gateway, phone);
	snprintf(device, sizeof(device), "SEP%012X", (unsigned)(phone + 1));
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:o}", "type", "diagnosis",
		"id", id, "diagnosis", name, "scope", phone < 0 ? "gateway" : "phone", "state",
		step->state, "confidence", step->confidence, "is_phone", phone >= 0, "gateway",
		step->gateway, "details", details_of(step));
	json_object_set_new(o, "device", phone < 0 ? json_null() : json_string(device));
	json_object_set_new(o, "first_seen", json_time(r->now_ms));
	json_object_set_new(o, "last_seen", json_time(r->now_ms));
	alerts_take(r->alerts, o, r->now_ms);
	json_decref(o);
}

static void run_step(
	struct rehearsal *r, const struct alert_rule *rule, const struct alert_step *step)
{
	if (step->wait_ms) {
		pass(r, step->wait_ms, NULL);
		return;
	}
	struct roster_gateway *gateway = gateway_of(r, step->gateway);
	const char *name = diagnosis_of(rule, step);
	if (gateway && step->known >= 0)
		gateway->n_phones = (unsigned)step->known;
	if (gateway && (step->logins >= 0 || step->usual >= 0))
		set_logins(r, gateway, step);
	if (step->degraded >= 0)
		alerts_set_degraded(r->alerts, step->degraded);
	if (gateway && step->speaks_ms)
		pass(r, step->speaks_ms, gateway);
	bool of_gateway = name && step->phones == 0;
	if (of_gateway)
		take(r, name, step, -1);
	for (unsigned i = 0; name && i < step->phones; i++)
		take(r, name, step, (int)i);
	tick(r);
}

// ---- what came of it ----

static bool is_text(const json_t *object, const char *key, const char *wanted)
{
	const char *got = json_string_value(json_object_get(object, key));
	return wanted == NULL || (got && strcmp(got, wanted) == 0);
}

static bool is_number(const json_t *object, const char *key, int wanted)
{
	return wanted < 0 || json_integer_value(json_object_get(object, key)) == wanted;
}

static bool is_expected(const json_t *alert, const struct alert_example *example)
{
	return is_text(alert, "state", example->state) &&
	       is_text(alert, "gateway", example->gateway) &&
	       is_text(alert, "severity", example->severity) &&
	       is_number(json_object_get(alert, "phones"), "affected", example->phones) &&
	       is_number(json_object_get(alert, "details"), "days", example->days);
}

// One alert of the rule that is not spoken for by another, or none where it is to be absent.
static bool judge(const json_t *list, const struct alert_rule *rule,
	const struct alert_example *example, struct report *report)
{
	unsigned n = 0, n_expected = 0;
	size_t i;
	json_t *alert;
	json_array_foreach((json_t *)list, i, alert)
	{
		bool mine = is_text(alert, "alert", rule->id) &&
			    json_is_null(json_object_get(alert, "absorbed_by"));
		n += mine;
		n_expected += mine && is_expected(alert, example);
	}
	if (example->absent ? n == 0 : n == 1 && n_expected == 1)
		return true;
	char *got = json_dumps(list, JSON_COMPACT);
	report_at(report, &example->place, "example of %s: %s; the steps give %s", rule->id,
		example->absent ? "must not fire"
		: n > 1		? "more than one alert"
				: "not as expected",
		got ? got : "nothing");
	free(got);
	return false;
}

bool alert_example_run(const struct rulepack *pack, const struct alert_rule *rule,
	const struct alert_example *example, struct report *report)
{
	struct rehearsal *r = calloc(1, sizeof(*r));
	bool ok = r && (r->alerts = alerts_create(pack)) != NULL;
	if (ok) {
		r->pack = pack;
		r->now_ms = START_MS;
		for (unsigned i = 0; i < example->n_steps; i++)
			run_step(r, rule, &example->steps[i]);
		json_t *list = alerts_json(r->alerts, LANGUAGE_EN);
		ok = judge(list, rule, example, report);
		json_decref(list);
		alerts_destroy(r->alerts);
	}
	free(r);
	return ok;
}
