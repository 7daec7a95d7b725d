// SPDX-License-Identifier: BSD-3-Clause
#include "rules.h"

#include <time.h>

#include "../../control/alert.h"
#include "../../control/text.h"

#define MINUTE 60000ull
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define START (20000 * DAY)

#define TEXTS ", title: t, summary: '{gateway} {affected}/{known}', remedy: 'r {leaf_hash}'}\n"
static const char pack_text[] =
	"messages:\n"
	"  - {id: ASA-725006, event: failed, text: 'Device failed SSL handshake with {client}'}\n"
	"  - {id: ASA-717054, event: expiring, text: 'In {trustpoint} due in {days} days'}\n"
	"diagnoses:\n"
	"  - {id: mismatch, when: failed, title: t, remedy: r}\n"
	"  - {id: other, when: failed, title: t, remedy: r}\n"
	"  - {id: quiet, when: failed, title: t, remedy: r}\n"
	"  - {id: expiring, scope: gateway, when: expiring, title: t, remedy: r}\n"
	"alerts:\n"
	"  - {id: swap, name: Swap, category: c, of: [mismatch, other], window: 5m,\n"
	"     levels: [{severity: medium, phones: 5}, {severity: critical, phones: 50}],\n"
	"     resolves: {below: 3, for: 2m}, hold: 10m, storm: 3, absorbs: [still]" TEXTS
	"  - {id: shared, name: Shared, category: c, of: quiet, window: 5m,\n"
	"     levels: [{severity: high, phones: 3, share: 20%}], storm: 0" TEXTS
	"  - {id: sure, name: Sure, category: c, of: {diagnosis: quiet, confidence: confirmed,\n"
	"     causes: why}, by: [leaf_hash], levels: [{severity: low, phones: 1}]" TEXTS
	"  - {id: expiry, name: Expiry, category: c, of: expiring, by: [gateway, trustpoint],\n"
	"     window: 8d, storm: 0, resolves: {for: 1m},\n"
	"     levels: [{severity: info, days: 60}, {severity: low, days: 30},\n"
	"              {severity: medium, days: 14}, {severity: high, days: 7},\n"
	"              {severity: critical, days: 1}]" TEXTS
	"  - {id: still, name: Still, category: c, silent: 15m, levels: {severity: medium},\n"
	"     resolves: {for: 1m}" TEXTS
	"  - {id: drop, name: Drop, category: c, logins_below: 30%,\n"
	"     levels: {severity: low, phones: 10}, resolves: {for: 1m}" TEXTS
	"  - {id: disk, name: Disk, category: c, degraded: history, levels: {severity: medium},\n"
	"     resolves: {for: 1m}" TEXTS
	"  - {id: site, name: Site, category: c, of: mismatch, by: site,\n"
	"     levels: {severity: high, phones: 3, share: 10%}" TEXTS;

// The cause that `sure` wants.
static const char *with_cause(void)
{
	static char text[sizeof(pack_text) + 64];
	const char *at = strstr(pack_text, "  - {id: quiet, when: failed,");
	snprintf(text, sizeof(text), "%.*s  - {id: quiet, cause: why, when: failed,%s",
		(int)(at - pack_text), pack_text, at + strlen("  - {id: quiet, when: failed,"));
	return text;
}

struct play {
	struct vocabulary *vocabulary;
	struct rulepack *pack;
	struct alerts *alerts;
	uint64_t now_ms;
	struct roster_gateway gateways[32];
	struct roster_view roster;
	unsigned n_changes; // that were told
};

static int set_up(void **state)
{
	struct play *p = calloc(1, sizeof(*p));
	p->vocabulary = vocabulary_create();
	p->pack = rules_load(p->vocabulary, with_cause());
	p->alerts = alerts_create(p->pack);
	p->now_ms = START;
	p->roster.gateways = p->gateways;
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct play *p = *state;
	alerts_destroy(p->alerts);
	rulepack_destroy(p->pack);
	vocabulary_destroy(p->vocabulary);
	free(p);
	return 0;
}

// ---- diagnoses ----

struct what {
	const char *diagnosis, *gateway, *state, *confidence, *hash, *trustpoint, *user, *cause;
	const char *expected[2];
	int phone; // -1: the gateway's own
	int days;
	bool no_device, no_phone;
	uint64_t last_ms; // 0: now
};

static json_t *diagnosis(const struct play *p, struct what what)
{
	char id[512], device[24], client[32];
	const char *gateway = what.gateway ? what.gateway : "asa-1";
	const char *name = what.diagnosis ? what.diagnosis : "mismatch";
	uint64_t last_ms = what.last_ms ? what.last_ms : p->now_ms;
	snprintf(id, sizeof(id), "%s %s %d", name, gateway, what.phone);
	snprintf(device, sizeof(device), "SEP%012X", (unsigned)what.phone + 1);
	snprintf(client, sizeof(client), "203.0.%d.%d", what.phone / 256, what.phone % 256);
	json_t *details = json_object();
	if (what.hash)
		json_object_set_new(details, "leaf_hash", json_string(what.hash));
	if (what.expected[0])
		json_object_set_new(details, "expected_hash",
			json_pack("[s, s*]", what.expected[0], what.expected[1]));
	if (what.trustpoint)
		json_object_set_new(details, "trustpoint", json_string(what.trustpoint));
	if (what.cause)
		json_object_set_new(details, "cause", json_string(what.cause));
	if (what.days)
		json_object_set_new(details, "days", json_integer(what.days));
	bool own = what.phone < 0;
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:o}", "type", "diagnosis",
		"id", id, "diagnosis", name, "scope", own ? "gateway" : "phone", "state",
		what.state ? what.state : "open", "confidence",
		what.confidence ? what.confidence : "confirmed", "is_phone", !own && !what.no_phone,
		"gateway", gateway, "details", details);
	json_object_set_new(o, "client_ip", own ? json_null() : json_string(client));
	json_object_set_new(o, "device", own || what.no_device ? json_null() : json_string(device));
	json_object_set_new(o, "user", what.user ? json_string(what.user) : json_null());
	json_object_set_new(o, "first_seen", json_time(last_ms));
	json_object_set_new(o, "last_seen", json_time(last_ms));
	return o;
}

static void take(struct play *p, struct what what)
{
	json_t *o = diagnosis(p, what);
	alerts_take(p->alerts, o, p->now_ms);
	json_decref(o);
}

static void phones(struct play *p, int from, int to, struct what what)
{
	for (int i = from; i < to; i++) {
		what.phone = i;
		take(p, what);
	}
}

// ---- time ----

static json_t *change(struct play *p)
{
	json_t *o = alerts_next_change(p->alerts);
	p->n_changes += o != NULL;
	return o;
}

static void tick(struct play *p, uint64_t ms)
{
	p->now_ms += ms;
	alerts_tick(p->alerts, p->roster.n ? &p->roster : NULL, p->now_ms);
}

static void pass(struct play *p, uint64_t ms)
{
	uint64_t step_ms = ms > 2 * HOUR ? MINUTE : 1000;
	for (; ms; ms -= ms < step_ms ? ms : step_ms)
		tick(p, ms < step_ms ? ms : step_ms);
}

static void known(struct play *p, const char *gateway, unsigned n)
{
	size_t i = 0;
	while (i < p->roster.n && strcmp(p->gateways[i].name, gateway) != 0)
		i++;
	if (i == p->roster.n)
		p->roster.n++;
	p->gateways[i].name = gateway;
	p->gateways[i].n_phones = n;
	memset(p->gateways[i].whole, 0xff, sizeof(p->gateways[i].whole));
}

// ---- what is told ----

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static int number(const json_t *o, const char *object, const char *key)
{
	const json_t *in = object ? json_object_get(o, object) : o;
	return (int)json_integer_value(json_object_get(in, key));
}

static void expect_silence(struct play *p, int line)
{
	json_t *o = change(p);
	if (o)
		fail_msg("line %d: told: %s", line, json_dumps(o, JSON_COMPACT));
}

static json_t *expect_change(
	struct play *p, const char *id, const char *state, const char *severity, int line)
{
	json_t *o = change(p);
	if (o == NULL)
		fail_msg("line %d: nothing is told", line);
	if (strcmp(text(o, "id"), id) != 0 || strcmp(text(o, "state"), state) != 0 ||
		(severity && strcmp(text(o, "severity"), severity) != 0))
		fail_msg("line %d: told: %s", line, json_dumps(o, JSON_COMPACT));
	return o;
}

#define SILENCE(p) expect_silence((p), __LINE__)
#define CHANGE(p, id, state, severity) expect_change((p), (id), (state), (severity), __LINE__)
#define TOLD(p, id, state, severity) json_decref(CHANGE(p, id, state, severity))

// ---- firing ----

static void alert_fires_once_at_its_threshold(void **state)
{
	struct play *p = *state;
	phones(p, 0, 4, (struct what){0});
	tick(p, 1000);
	SILENCE(p);
	phones(p, 4, 5, (struct what){.hash = "AB"});
	tick(p, 1000);
	json_t *o = CHANGE(p, "fleet-asa-1-swap", "firing", "medium");
	assert_string_equal(text(o, "gateway"), "asa-1");
	assert_string_equal(text(o, "window"), "5m");
	assert_int_equal(number(o, "phones", "affected"), 5);
	assert_true(json_is_null(json_object_get(json_object_get(o, "phones"), "known")));
	assert_int_equal(number(o, "threshold", "phones"), 5);
	assert_int_equal(number(o, NULL, "sequence"), 1);
	assert_string_equal(text(json_object_get(o, "details"), "leaf_hash"), "AB");
	assert_int_equal(json_array_size(json_object_get(o, "sample")), 5);
	assert_true(json_is_null(json_object_get(o, "absorbed_by")));
	assert_null(json_object_get(o, "exact"));

	json_decref(o);
	pass(p, 30000);
	SILENCE(p);
	assert_int_equal(alerts_firing(p->alerts), 1);
}

static void phones_count_not_attempts(void **state)
{
	struct play *p = *state;
	for (int i = 0; i < 100; i++) {
		phones(p, 0, 4, (struct what){0});
		phones(p, 0, 4, (struct what){.diagnosis = "other"});
		tick(p, 1000);
	}
	SILENCE(p);
	// One of two diagnoses is over: the phone is still one that fails.
	phones(p, 0, 4, (struct what){.state = "recovered"});
	phones(p, 4, 5, (struct what){0});
	tick(p, 1000);
	TOLD(p, "fleet-asa-1-swap", "firing", "medium");
}

static void phones_without_a_device_are_told_apart_by_address_and_user(void **state)
{
	struct play *p = *state;
	phones(p, 0, 5, (struct what){.no_device = true, .user = "u"});
	tick(p, 1000);
	json_t *o = CHANGE(p, "fleet-asa-1-swap", "firing", NULL);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(o, "sample"), 0)), "203.0.0.0");
	json_decref(o);
	// Its name becomes known: the same diagnosis is still one phone.
	phones(p, 0, 5, (struct what){.user = "u"});
	pass(p, 11000);
	json_t *list = alerts_json(p->alerts, LANGUAGE_EN);
	assert_int_equal(number(json_array_get(list, 0), "phones", "affected"), 5);
	json_decref(list);
}

static void suspicions_and_strangers_never_count(void **state)
{
	struct play *p = *state;
	phones(p, 0, 50, (struct what){.confidence = "suspected"});
	phones(p, 50, 100, (struct what){.no_phone = true});
	tick(p, 1000);
	SILENCE(p);
	phones(p, 0, 5, (struct what){.confidence = "probable"});
	tick(p, 1000);
	TOLD(p, "fleet-asa-1-swap", "firing", "medium");
	// What is doubted again counts no more.
	phones(p, 0, 5, (struct what){.confidence = "suspected"});
	pass(p, 3 * MINUTE);
	TOLD(p, "fleet-asa-1-swap", "resolved", NULL);
}

static void confidence_and_cause_are_those_that_the_rule_wants(void **state)
{
	struct play *p = *state;
	struct what what = {.diagnosis = "quiet", .hash = "FF", .cause = "why"};
	what.confidence = "probable";
	take(p, what);
	what.confidence = "confirmed";
	what.cause = "because";
	take(p, what);
	what.cause = "why";
	what.hash = NULL; // no value to group by
	take(p, what);
	tick(p, 1000);
	SILENCE(p);
	what.hash = "FF";
	take(p, what);
	tick(p, 1000);
	json_t *o = CHANGE(p, "fleet-FF-sure", "firing", "low");
	assert_true(json_is_null(json_object_get(o, "gateway")));
	assert_string_equal(text(json_object_get(o, "group"), "leaf_hash"), "FF");
	json_decref(o);
}

static void what_is_older_than_the_window_does_not_count(void **state)
{
	struct play *p = *state;
	phones(p, 0, 4, (struct what){0});
	pass(p, 6 * MINUTE);
	phones(p, 4, 8, (struct what){0});
	tick(p, 1000);
	SILENCE(p);
	phones(p, 0, 1, (struct what){0});
	tick(p, 1000);
	json_t *o = CHANGE(p, "fleet-asa-1-swap", "firing", "medium");
	assert_int_equal(number(o, "phones", "affected"), 5);
	json_decref(o);
	// While it fires, one that tries less often has not recovered.
	pass(p, 20 * MINUTE);
	SILENCE(p);
	assert_int_equal(alerts_firing(p->alerts), 1);
}

static void share_is_of_the_phones_known_there(void **state)
{
	struct play *p = *state;
	struct what what = {.diagnosis = "quiet"};
	phones(p, 0, 10, what);
	tick(p, 1000);
	SILENCE(p); // without a roster nobody knows
	known(p, "asa-1", 100);
	tick(p, 1000);
	SILENCE(p);
	phones(p, 10, 20, what);
	tick(p, 1000);
	json_t *o = CHANGE(p, "fleet-asa-1-shared", "firing", "high");
	assert_int_equal(number(o, "phones", "known"), 100);
	assert_string_equal(text(o, "summary"), "asa-1 20/100");
	assert_true(
		json_real_value(json_object_get(json_object_get(o, "threshold"), "share")) == 0.2);
	json_decref(o);
	// The floor: two of three are no share.
	known(p, "asa-2", 3);
	phones(p, 0, 2, (struct what){.diagnosis = "quiet", .gateway = "asa-2"});
	tick(p, 1000);
	SILENCE(p);
}

static void site_is_that_of_the_gateway(void **state)
{
	struct play *p = *state;
	struct site list[] = {{"asa-hq-*", "hq"}, {"asa-*", "branch"}};
	struct sites sites = {list, 2};
	alerts_set_sites(p->alerts, &sites);
	known(p, "asa-hq-1", 10);
	known(p, "asa-hq-2", 10);
	phones(p, 0, 2, (struct what){.gateway = "asa-hq-1"});
	phones(p, 2, 4, (struct what){.gateway = "asa-hq-2"});
	tick(p, 1000);
	json_t *o = CHANGE(p, "fleet-hq-site", "firing", "high");
	assert_string_equal(text(o, "site"), "hq");
	assert_int_equal(number(o, "phones", "known"), 20);
	assert_int_equal(number(o, "phones", "affected"), 4);
	json_decref(o);
	alerts_set_sites(p->alerts, NULL);
}

// ---- updates, escalation ----

static void updates_come_at_most_every_ten_seconds(void **state)
{
	struct play *p = *state;
	phones(p, 0, 5, (struct what){0});
	tick(p, 1000);
	TOLD(p, "fleet-asa-1-swap", "firing", "medium");
	for (int i = 5; i < 45; i++) {
		phones(p, i, i + 1, (struct what){0});
		tick(p, 1000);
		json_decref(change(p));
	}
	assert_in_range(p->n_changes, 4, 5);
}

static void worse_is_told_at_once_and_better_is_not(void **state)
{
	struct play *p = *state;
	phones(p, 0, 5, (struct what){0});
	tick(p, 1000);
	TOLD(p, "fleet-asa-1-swap", "firing", "medium");
	phones(p, 5, 50, (struct what){0});
	tick(p, 1000);
	json_t *o = CHANGE(p, "fleet-asa-1-swap", "firing", "critical");
	assert_int_equal(number(o, NULL, "sequence"), 2);
	assert_int_equal(number(o, "threshold", "phones"), 50);
	json_decref(o);
	phones(p, 10, 50, (struct what){.state = "recovered"});
	pass(p, 11000);
	o = CHANGE(p, "fleet-asa-1-swap", "firing", "critical");
	assert_int_equal(number(o, "phones", "affected"), 10);
	assert_int_equal(number(o, "phones", "peak"), 50);
	json_decref(o);
}

static void certificate_escalates_as_its_days_pass(void **state)
{
	static const struct {
		int days;
		const char *severity;
	} steps[] = {{60, "info"}, {30, "low"}, {14, "medium"}, {7, "high"}, {1, "critical"}};
	struct play *p = *state;
	known(p, "asa-1", 77);
	struct what what = {.diagnosis = "expiring", .phone = -1, .trustpoint = "TP", .days = 61};
	take(p, what);
	tick(p, 1000);
	SILENCE(p);
	int told = 61;
	for (size_t i = 0; i < 5; i++) {
		while (told > steps[i].days) {
			p->now_ms += DAY;
			told--;
			if (told % 7 == 0) { // once a week
				what.days = told;
				take(p, what);
			}
			tick(p, 1000);
			json_t *o = change(p);
			assert_true(told > 60 ? o == NULL : o != NULL);
			if (told == steps[i].days)
				assert_string_equal(text(o, "severity"), steps[i].severity);
			if (o) {
				assert_int_equal(number(o, "details", "days"), told);
				assert_int_equal(number(o, "phones", "known"), 77);
				assert_int_equal(number(o, "phones", "affected"), 0);
			}
			json_decref(o);
		}
	}
	// A second one of the same gateway is another alert; what ends the diagnosis ends both.
	take(p, (struct what){.diagnosis = "expiring", .phone = -1, .trustpoint = "B", .days = 20});
	tick(p, 1000);
	TOLD(p, "fleet-asa-1-B-expiry", "firing", "low");
	take(p, (struct what){.diagnosis = "expiring", .phone = -1, .state = "recovered"});
	pass(p, 2 * MINUTE);
	TOLD(p, "fleet-asa-1-TP-expiry", "resolved", NULL);
	json_t *b = CHANGE(p, "fleet-asa-1-B-expiry", "resolved", NULL);
	assert_int_equal(number(b, "details", "days"), 20);
	json_decref(b);
	SILENCE(p);
	assert_int_equal(alerts_firing(p->alerts), 0);
}

// ---- resolving ----

static void alert_resolves_when_its_phones_have_recovered_for_a_while(void **state)
{
	struct play *p = *state;
	phones(p, 0, 8, (struct what){0});
	tick(p, 1000);
	TOLD(p, "fleet-asa-1-swap", "firing", NULL);
	phones(p, 0, 6, (struct what){.state = "recovered"});
	pass(p, 100000);
	json_decref(change(p)); // an update
	SILENCE(p);
	phones(p, 0, 2, (struct what){0}); // not yet
	pass(p, 3 * MINUTE);
	json_decref(change(p));
	SILENCE(p);
	assert_int_equal(alerts_firing(p->alerts), 1);
	phones(p, 0, 8, (struct what){.state = "expired"});
	pass(p, MINUTE);
	json_t *o = CHANGE(p, "fleet-asa-1-swap", "firing", NULL);
	assert_non_null(strstr(text(o, "summary"),
		"asa-1: no phone is affected any more, at most 8 were; resolves at 20"));
	assert_non_null(strstr(text(o, "summary"), text(o, "clears_at")));
	json_t *list = alerts_json(p->alerts, LANGUAGE_KO), *korean = json_array_get(list, 0);
	assert_non_null(strstr(text(korean, "summary"), text(o, "clears_at")));
	assert_non_null(
		strstr(text(korean, "summary"), "asa-1: 영향받는 전화기 없음(최대 8대였음)"));
	json_decref(list);
	json_decref(o);
	phones(p, 0, 1, (struct what){0}); // one fails again
	pass(p, 20000);
	o = CHANGE(p, "fleet-asa-1-swap", "firing", NULL);
	assert_string_equal(text(o, "summary"), "asa-1 1/<known>");
	assert_null(json_object_get(o, "clears_at"));
	json_decref(o);
	phones(p, 0, 1, (struct what){.state = "recovered"});
	pass(p, 3 * MINUTE);
	o = CHANGE(p, "fleet-asa-1-swap", "resolved", NULL);
	assert_null(json_object_get(o, "clears_at"));
	assert_int_equal(number(o, "phones", "affected"), 0);
	assert_int_equal(number(o, "phones", "peak"), 8);
	assert_string_equal(text(o, "summary"), "asa-1 8/<known>");
	assert_non_null(text(o, "resolved_at"));
	json_decref(o);
	pass(p, HOUR);
	SILENCE(p);
}

static void relapse_within_the_hold_is_the_same_episode(void **state)
{
	struct play *p = *state;
	phones(p, 0, 5, (struct what){0});
	tick(p, 1000);
	json_t *first = CHANGE(p, "fleet-asa-1-swap", "firing", NULL);
	phones(p, 0, 5, (struct what){.state = "recovered"});
	pass(p, 3 * MINUTE);
	TOLD(p, "fleet-asa-1-swap", "resolved", NULL);
	phones(p, 0, 5, (struct what){0});
	tick(p, 1000);
	json_t *again = CHANGE(p, "fleet-asa-1-swap", "firing", NULL);
	assert_string_equal(text(again, "fired_at"), text(first, "fired_at"));
	assert_string_equal(text(again, "since"), text(first, "since"));
	assert_true(json_is_null(json_object_get(again, "resolved_at")));
	phones(p, 0, 5, (struct what){.state = "recovered"});
	pass(p, 20 * MINUTE);
	json_decref(change(p));
	phones(p, 0, 5, (struct what){0});
	tick(p, 1000);
	json_t *later = CHANGE(p, "fleet-asa-1-swap", "firing", NULL);
	assert_string_not_equal(text(later, "fired_at"), text(first, "fired_at"));
	assert_true(number(later, NULL, "sequence") > number(again, NULL, "sequence"));
	json_decref(first);
	json_decref(again);
	json_decref(later);
}

static void flapping_is_no_faster_than_the_hysteresis(void **state)
{
	struct play *p = *state;
	for (int i = 0; i < 60; i++) {
		phones(p, 0, 5, (struct what){0});
		pass(p, 30000);
		phones(p, 0, 5, (struct what){.state = "recovered"});
		pass(p, 30000);
	}
	json_t *list = alerts_json(p->alerts, LANGUAGE_EN);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text(json_array_get(list, 0), "state"), "firing");
	json_decref(list);
}

// ---- several alerts ----

static void consequence_is_not_told_beside_its_cause(void **state)
{
	struct play *p = *state;
	known(p, "asa-1", 10);
	p->gateways[0].first_line_ms = p->now_ms;
	for (int i = 0; i < 120; i++) {
		p->gateways[0].last_line_ms = p->now_ms;
		tick(p, MINUTE);
	}
	phones(p, 0, 5, (struct what){0});
	tick(p, 1000);
	TOLD(p, "fleet-asa-1-swap", "firing", NULL);
	pass(p, 16 * MINUTE);
	SILENCE(p);
	// The cause is over and the consequence is not: then it is told.
	phones(p, 0, 5, (struct what){.state = "recovered"});
	pass(p, 3 * MINUTE);
	json_t *one = change(p), *other = change(p);
	bool swapped = strcmp(text(one, "alert"), "still") == 0;
	assert_string_equal(text(swapped ? one : other, "state"), "firing");
	assert_string_equal(text(swapped ? other : one, "state"), "resolved");
	json_decref(one);
	json_decref(other);
	// And back: one alert fires, and says who was spoken for.
	phones(p, 0, 5, (struct what){0});
	tick(p, 1000);
	json_t *list = alerts_json(p->alerts, LANGUAGE_EN);
	assert_int_equal(alerts_firing(p->alerts), 1);
	assert_string_equal(text(json_array_get(list, 0), "alert"), "swap");
	assert_string_equal(text(json_array_get(list, 1), "absorbed_by"), "fleet-asa-1-swap");
	json_decref(list);
}

static void storm_is_one_alert(void **state)
{
	static const char *const names[] = {"a1", "a2", "a3", "a4", "a5", "a6"};
	struct play *p = *state;
	for (int i = 0; i < 6; i++) {
		known(p, names[i], 100);
		phones(p, i * 10, i * 10 + 8, (struct what){.gateway = names[i], .hash = "AA"});
		tick(p, 1000);
	}
	// The first three had fired when the fourth came; the others never did by themselves.
	assert_int_equal(alerts_firing(p->alerts), 1);
	pass(p, 12000);
	json_t *list = alerts_json(p->alerts, LANGUAGE_EN), *storm = json_array_get(list, 0);
	assert_int_equal(json_array_size(list), 4);
	assert_string_equal(text(storm, "id"), "fleet-all-swap");
	assert_true(json_is_null(json_object_get(storm, "gateway")));
	assert_int_equal(number(storm, "phones", "affected"), 48);
	assert_int_equal(number(storm, "phones", "known"), 600);
	assert_int_equal(number(storm, "details", "n_gateways"), 6);
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(storm, "details"), "gateways")), 6);
	assert_string_equal(text(json_object_get(storm, "details"), "leaf_hash"), "AA");
	assert_string_equal(text(storm, "summary"), "a1, a2, a3, a4, a5, +1 48/600");
	for (size_t i = 1; i < 4; i++) {
		json_t *one = json_array_get(list, i);
		assert_string_equal(text(one, "state"), "resolved");
		assert_string_equal(text(one, "absorbed_by"), "fleet-all-swap");
	}
	json_decref(list);
	for (int i = 0; i < 6; i++)
		phones(p, i * 10, i * 10 + 8,
			(struct what){.gateway = names[i], .state = "recovered"});
	pass(p, 3 * MINUTE);
	assert_int_equal(alerts_firing(p->alerts), 0);
	list = alerts_json(p->alerts, LANGUAGE_EN);
	assert_int_equal(json_array_size(list), 4);
	json_decref(list);
}

static void swap_of_five_thousand_phones_is_one_alert_and_one_resolution(void **state)
{
	struct play *p = *state;
	char names[20][16];
	unsigned fired = 0, resolved = 0;
	uint64_t at_ms = 0;
	for (int i = 0; i < 20; i++) {
		snprintf(names[i], sizeof(names[i]), "asa-%d", i);
		known(p, names[i], 5200);
		// What always is: two phones at each.
		phones(p, i * 10000, i * 10000 + 2, (struct what){.gateway = names[i]});
	}
	for (int i = 0; i < 5000; i++) {
		take(p, (struct what){.phone = 70100 + i,
				.gateway = "asa-7",
				.hash = i % 10 ? "NEW" : NULL});
		if (i == 2)
			at_ms = p->now_ms; // with the two, the threshold
		if (i % 100 == 0)
			tick(p, 1000);
		for (json_t *o; (o = change(p)) != NULL; json_decref(o)) {
			assert_string_equal(text(o, "id"), "fleet-asa-7-swap");
			assert_string_equal(text(o, "state"), "firing");
			if (fired++ == 0)
				assert_in_range(p->now_ms - at_ms, 0, 5000);
		}
	}
	pass(p, 11000);
	json_t *list = alerts_json(p->alerts, LANGUAGE_EN), *alert = json_array_get(list, 0);
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(number(alert, "phones", "affected"), 5002);
	assert_int_equal(number(alert, "phones", "known"), 5200);
	assert_string_equal(text(json_object_get(alert, "details"), "leaf_hash"), "NEW");
	assert_null(json_object_get(alert, "exact"));
	json_decref(list);
	for (int i = 0; i < 5000; i++) {
		take(p, (struct what){
				.phone = 70100 + i, .gateway = "asa-7", .state = "recovered"});
		if (i % 100 == 0)
			tick(p, 1000);
	}
	for (int i = 0; i < 600; i++) {
		tick(p, 1000);
		for (json_t *o; (o = change(p)) != NULL; json_decref(o))
			resolved += strcmp(text(o, "state"), "resolved") == 0;
	}
	assert_int_equal(resolved, 1);
	assert_int_equal(alerts_firing(p->alerts), 0);
}

// ---- the roster, offhook itself ----

static void gateway_that_spoke_regularly_and_is_silent_is_told(void **state)
{
	struct play *p = *state;
	known(p, "asa-1", 12);
	for (int i = 0; i < 120; i++) {
		p->gateways[0].last_line_ms = p->now_ms;
		tick(p, MINUTE);
	}
	pass(p, 13 * MINUTE);
	SILENCE(p);
	pass(p, 3 * MINUTE);
	json_t *o = CHANGE(p, "fleet-asa-1-still", "firing", "medium");
	assert_int_equal(number(o, "phones", "known"), 12);
	json_decref(o);
	pass(p, HOUR);
	SILENCE(p);
	p->gateways[0].last_line_ms = p->now_ms;
	pass(p, 2 * MINUTE);
	TOLD(p, "fleet-asa-1-still", "resolved", NULL);
}

static void time_that_nobody_has_seen_pass_is_no_silence(void **state)
{
	struct play *p = *state;
	known(p, "asa-1", 12);
	for (int i = 0; i < 120; i++) {
		p->gateways[0].last_line_ms = p->now_ms;
		tick(p, MINUTE);
	}
	tick(p, 24 * HOUR); // the clock was set, or the machine stood still
	SILENCE(p);
	for (int i = 0; i < 120; i++) {
		p->gateways[0].last_line_ms = p->now_ms;
		tick(p, MINUTE);
	}
	SILENCE(p);
	pass(p, 16 * MINUTE); // and no habit of this gateway
	TOLD(p, "fleet-asa-1-still", "firing", "medium");
}

static void silence_of_a_gateway_that_nobody_has_listened_to_is_nothing(void **state)
{
	struct play *p = *state;
	known(p, "asa-1", 12);
	p->gateways[0].last_line_ms = p->now_ms - MINUTE; // of before a restart
	pass(p, 3 * HOUR);
	SILENCE(p);
}

static void logins_are_compared_with_the_same_hour_of_other_days(void **state)
{
	struct play *p = *state;
	known(p, "asa-1", 100);
	struct roster_gateway *g = &p->gateways[0];
	uint64_t hour = p->now_ms / HOUR;
	g->hours_from = hour - 2 * 24; // two days are too few
	for (int day = 1; day <= 7; day++)
		g->logins[(hour - day * 24) % ROSTER_HOURS] = 60;
	g->logins[hour % ROSTER_HOURS] = 4;
	pass(p, 30 * MINUTE);
	SILENCE(p);
	g->hours_from = hour - 3 * 24;
	tick(p, 1000);
	json_t *o = CHANGE(p, "fleet-asa-1-drop", "firing", "low");
	assert_int_equal(number(o, "details", "logins"), 4);
	assert_int_equal(number(o, "details", "usual"), 30);
	json_decref(o);
	g->logins[hour % ROSTER_HOURS] = 40;
	pass(p, 2 * MINUTE);
	TOLD(p, "fleet-asa-1-drop", "resolved", NULL);
}

static void low_hour_of_the_same_day_last_week_is_usual(void **state)
{
	struct play *p = *state;
	known(p, "asa-1", 100);
	struct roster_gateway *g = &p->gateways[0];
	uint64_t hour = p->now_ms / HOUR;
	g->hours_from = hour - 7 * 24;
	for (int day = 1; day <= 6; day++)
		g->logins[(hour - day * 24) % ROSTER_HOURS] = 60;
	g->logins[(hour - 7 * 24) % ROSTER_HOURS] = 3; // a Sunday
	pass(p, 40 * MINUTE);
	SILENCE(p);
}

static void history_that_is_kept_nowhere_is_told(void **state)
{
	struct play *p = *state;
	alerts_set_degraded(p->alerts, true);
	tick(p, 1000);
	json_t *o = CHANGE(p, "fleet-all-disk", "firing", "medium");
	assert_int_equal(json_object_size(json_object_get(o, "group")), 0);
	json_decref(o);
	alerts_set_degraded(p->alerts, false);
	pass(p, 2 * MINUTE);
	TOLD(p, "fleet-all-disk", "resolved", NULL);
}

// ---- restart, reload ----

static json_t *restart(struct play *p)
{
	json_t *list = alerts_json(p->alerts, LANGUAGE_EN), *one;
	size_t i;
	alerts_destroy(p->alerts);
	p->alerts = alerts_create(p->pack);
	json_array_foreach(list, i, one) alerts_restore(p->alerts, one);
	return list;
}

static void restart_fires_nothing_anew(void **state)
{
	struct play *p = *state;
	uint64_t last_ms = p->now_ms;
	phones(p, 0, 60, (struct what){.hash = "AB"});
	tick(p, 1000);
	TOLD(p, "fleet-asa-1-swap", "firing", "critical");
	pass(p, 20 * MINUTE);
	json_t *list = restart(p);
	tick(p, 1000);
	SILENCE(p);
	json_t *same = alerts_json(p->alerts, LANGUAGE_EN);
	assert_true(json_equal(list, same));
	json_decref(same);
	json_decref(list);
	// Its phones come back one by one.
	for (int i = 0; i < 60; i++) {
		phones(p, i, i + 1, (struct what){.hash = "AB", .last_ms = last_ms});
		tick(p, 1000);
	}
	pass(p, 5 * MINUTE);
	SILENCE(p);
	assert_int_equal(alerts_firing(p->alerts), 1);
	phones(p, 0, 60, (struct what){.state = "recovered"});
	pass(p, 3 * MINUTE);
	json_t *o = CHANGE(p, "fleet-asa-1-swap", "resolved", NULL);
	assert_int_equal(number(o, NULL, "sequence"), 3);
	json_decref(o);
}

// "A B", as the change tells it; "null": nothing.
static const char *expected_in(const json_t *alert)
{
	static char out[200];
	json_t *list = json_object_get(json_object_get(alert, "details"), "expected_hash"), *one;
	size_t i, len = 0;
	if (json_is_null(list))
		return "null";
	assert_true(json_array_size(list) > 0);
	json_array_foreach(list, i, one) len += (size_t)snprintf(
		out + len, sizeof(out) - len, "%s%s", i ? " " : "", json_string_value(one));
	return out;
}

static void what_the_phones_expect_is_told_each_once(void **state)
{
	struct play *p = *state;
	phones(p, 0, 1, (struct what){.hash = "22", .expected = {"33", "AA"}});
	phones(p, 1, 5, (struct what){.hash = "22", .expected = {"AA", "BB"}});
	phones(p, 5, 6, (struct what){.hash = "22", .expected = {"aa"}});
	phones(p, 6, 9, (struct what){.hash = "22"});
	tick(p, 1000);
	json_t *o = CHANGE(p, "fleet-asa-1-swap", "firing", NULL);
	assert_string_equal(expected_in(o), "AA BB 33");
	json_decref(o);
	// Those who are shown another one expect what the others are shown; and four are enough.
	phones(p, 9, 10, (struct what){.hash = "66", .expected = {"22", "44"}});
	phones(p, 10, 11, (struct what){.hash = "66", .expected = {"55", "77"}});
	pass(p, 20000);
	o = CHANGE(p, "fleet-asa-1-swap", "firing", NULL);
	assert_string_equal(text(json_object_get(o, "details"), "leaf_hash"), "22");
	assert_string_equal(expected_in(o), "AA BB 33 44");
	json_decref(o);
	// It is all that has changed.
	json_t *before = restart(p);
	assert_string_equal(expected_in(json_array_get(before, 0)), "AA BB 33 44");
	tick(p, 1000);
	SILENCE(p);
	json_decref(before);
}

static void what_no_phone_expects_is_null(void **state)
{
	struct play *p = *state;
	phones(p, 0, 5, (struct what){.hash = "22"});
	phones(p, 5, 6, (struct what){.hash = "33", .expected = {"22"}});
	tick(p, 1000);
	json_t *o = CHANGE(p, "fleet-asa-1-swap", "firing", NULL);
	assert_string_equal(expected_in(o), "null");
	json_decref(o);
	// It becomes known, and that is told.
	phones(p, 0, 1, (struct what){.hash = "22", .expected = {"AA"}});
	pass(p, 20000);
	o = CHANGE(p, "fleet-asa-1-swap", "firing", NULL);
	assert_string_equal(expected_in(o), "AA");
	json_decref(o);
}

static void growth_after_a_restart_is_told_before_its_grace_is_over(void **state)
{
	struct play *p = *state;
	phones(p, 0, 60, (struct what){0});
	tick(p, 1000);
	TOLD(p, "fleet-asa-1-swap", "firing", NULL);
	pass(p, MINUTE);
	json_decref(restart(p));
	phones(p, 0, 40, (struct what){0});
	pass(p, MINUTE / 2);
	SILENCE(p);
	phones(p, 40, 90, (struct what){0});
	tick(p, 1000);
	json_t *o = CHANGE(p, "fleet-asa-1-swap", "firing", NULL);
	assert_int_equal(number(o, "phones", "affected"), 90);
	json_decref(o);
}

static void restored_alert_whose_phones_do_not_come_back_resolves_after_its_grace(void **state)
{
	struct play *p = *state;
	phones(p, 0, 5, (struct what){0});
	tick(p, 1000);
	TOLD(p, "fleet-asa-1-swap", "firing", NULL);
	json_decref(restart(p));
	pass(p, ALERT_GRACE_MS - 2000);
	SILENCE(p);
	pass(p, 3 * MINUTE);
	json_decref(change(p));
	assert_int_equal(alerts_firing(p->alerts), 0);
	pass(p, HOUR);
	SILENCE(p);
}

static void restored_alert_whose_phones_are_back_goes_on(void **state)
{
	struct play *p = *state;
	phones(p, 0, 60, (struct what){.hash = "AB"});
	tick(p, 1000);
	TOLD(p, "fleet-asa-1-swap", "firing", "critical");
	json_decref(restart(p));
	tick(p, 1000);
	phones(p, 0, 60, (struct what){.hash = "AB"});
	tick(p, 1000);
	phones(p, 60, 90, (struct what){.hash = "AB"});
	pass(p, ALERT_UPDATE_MS + 1000);
	json_t *o = CHANGE(p, "fleet-asa-1-swap", "firing", "critical");
	assert_int_equal(number(o, "phones", "affected"), 90);
	json_decref(o);
	phones(p, 0, 90, (struct what){.state = "recovered"});
	pass(p, ALERT_GRACE_MS / 2);
	TOLD(p, "fleet-asa-1-swap", "firing", NULL); // fewer
	pass(p, ALERT_GRACE_MS / 2 + 10000);
	TOLD(p, "fleet-asa-1-swap", "resolved", NULL);
}

static void storm_outlasts_a_restart(void **state)
{
	static const char *const names[] = {"a1", "a2", "a3", "a4"};
	struct play *p = *state;
	uint64_t last_ms = p->now_ms;
	for (int i = 0; i < 4; i++)
		phones(p, i * 10, i * 10 + 8, (struct what){.gateway = names[i]});
	tick(p, 1000);
	TOLD(p, "fleet-all-swap", "firing", NULL);
	SILENCE(p);
	pass(p, 30 * MINUTE);
	json_decref(restart(p));
	tick(p, 1000);
	for (int i = 0; i < 4; i++)
		phones(p, i * 10, i * 10 + 8,
			(struct what){.gateway = names[i], .last_ms = last_ms});
	pass(p, 10 * MINUTE);
	assert_int_equal(alerts_firing(p->alerts), 1);
	for (json_t *o; (o = change(p)) != NULL; json_decref(o))
		assert_string_equal(text(o, "id"), "fleet-all-swap");
}

static void rule_that_is_gone_resolves_its_alerts(void **state)
{
	struct play *p = *state;
	phones(p, 0, 5, (struct what){0});
	tick(p, 1000);
	TOLD(p, "fleet-asa-1-swap", "firing", NULL);
	char *without = strdup(with_cause()), *at = strstr(without, "id: swap");
	memcpy(at, "id: swop", 8);
	struct rulepack *next = rules_load(p->vocabulary, without);
	rulepack_destroy(p->pack); // as it goes with the last worker that had it
	alerts_set_rules(p->alerts, next, p->now_ms);
	p->pack = next;
	json_t *o = CHANGE(p, "fleet-asa-1-swap", "resolved", NULL);
	assert_string_equal(text(o, "title"), "t");
	json_decref(o);
	// The new one counts what is told from now on.
	phones(p, 0, 5, (struct what){0});
	tick(p, 1000);
	TOLD(p, "fleet-asa-1-swop", "firing", NULL);
	free(without);
}

static void rule_that_stays_goes_on_with_what_it_counted(void **state)
{
	struct play *p = *state;
	phones(p, 0, 5, (struct what){0});
	tick(p, 1000);
	TOLD(p, "fleet-asa-1-swap", "firing", NULL);
	struct rulepack *next = rules_load(p->vocabulary, with_cause());
	rulepack_destroy(p->pack); // as it goes with the last worker that had it
	alerts_set_rules(p->alerts, next, p->now_ms);
	p->pack = next;
	pass(p, 10 * MINUTE);
	SILENCE(p);
	assert_int_equal(alerts_firing(p->alerts), 1);
}

static void restored_alert_of_no_rule_is_resolved_as_it_was(void **state)
{
	struct play *p = *state;
	phones(p, 0, 5, (struct what){0});
	tick(p, 1000);
	json_t *o = CHANGE(p, "fleet-asa-1-swap", "firing", NULL);
	alerts_destroy(p->alerts);
	p->alerts = alerts_create(p->pack);
	json_object_set_new(o, "alert", json_string("removed"));
	alerts_restore(p->alerts, o);
	json_decref(o);
	tick(p, 1000);
	o = CHANGE(p, "fleet-asa-1-swap", "resolved", "medium");
	assert_int_equal(number(o, NULL, "sequence"), 2);
	json_decref(o);
	tick(p, 1000);
	SILENCE(p);
}

// ---- hostile names, limits ----

#define LONG_NAME                                                                        \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void names_of_strangers_make_ids_of_plain_letters(void **state)
{
	static const char *const names[] = {
		"a b", "a/b", "a_b", "all", "\"\\\n\x1b[31m\xe7\xb9\x81", "-..-", LONG_NAME};
	struct play *p = *state;
	json_t *ids = json_object();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		p->now_ms += HOUR; // no storm
		phones(p, 0, 5, (struct what){.gateway = names[i]});
		tick(p, 1000);
		json_t *o = change(p);
		const char *id = text(o, "id");
		assert_true(strlen(id) < 128);
		assert_int_equal(strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					    "0123456789._-"),
			strlen(id));
		assert_null(json_object_get(ids, id));
		json_object_set_new(ids, id, json_true());
		json_decref(o);
	}
	json_decref(ids);
}

static void what_is_no_diagnosis_does_no_harm(void **state)
{
	static const char *const texts[] = {"{}", "[]", "{\"diagnosis\":\"mismatch\"}",
		"{\"diagnosis\":\"mismatch\",\"id\":7,\"scope\":[],\"state\":{},\"details\":[]}",
		"{\"diagnosis\":\"expiring\",\"id\":\"x\",\"scope\":\"gateway\",\"state\":\"open\","
		"\"confidence\":\"confirmed\",\"gateway\":\"g\",\"first_seen\":\"never\","
		"\"last_seen\":\"9999-99-99T99:99:99.999Z\",\"details\":{\"trustpoint\":[1],"
		"\"days\":-5}}"};
	struct play *p = *state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *o = json_loads(texts[i], 0, NULL);
		alerts_take(p->alerts, o, p->now_ms);
		alerts_restore(p->alerts, o);
		json_decref(o);
	}
	tick(p, 1000);
	SILENCE(p);
}

static void groups_beyond_the_limit_are_refused_and_counted(void **state)
{
	struct play *p = *state;
	char name[32];
	for (int i = 0; i < ALERTS_MAX + 10; i++) {
		snprintf(name, sizeof(name), "g%d", i);
		phones(p, i * 2, i * 2 + 1, (struct what){.gateway = name});
	}
	json_t *status = alerts_status(p->alerts);
	assert_int_equal(number(status, NULL, "refused"), 10);
	json_decref(status);
	// What is over gives way.
	phones(p, 0, 1, (struct what){.gateway = "g0", .state = "recovered"});
	phones(p, 0, 1, (struct what){.gateway = "new"});
	status = alerts_status(p->alerts);
	assert_int_equal(number(status, NULL, "refused"), 10);
	json_decref(status);
}

static void count_that_may_be_too_low_says_so(void **state)
{
	struct play *p = *state;
	json_t *status = alerts_status(p->alerts);
	int limit = number(status, NULL, "counted_limit");
	json_decref(status);
	phones(p, 0, limit + 5, (struct what){0});
	tick(p, 1000);
	json_t *o = CHANGE(p, "fleet-asa-1-swap", "firing", "critical");
	assert_int_equal(number(o, "phones", "affected"), limit);
	assert_true(json_is_false(json_object_get(o, "exact")));
	json_decref(o);
	status = alerts_status(p->alerts);
	assert_int_equal(number(status, NULL, "refused"), 5);
	json_decref(status);
}

// ---- watchers ----

static void watcher_sees_what_is_released_and_only_the_last_of_it(void **state)
{
	struct play *p = *state;
	struct alert_watch *watch = alerts_watch(p->alerts, LANGUAGE_KO);
	phones(p, 0, 5, (struct what){0});
	tick(p, 1000);
	json_t *fired = CHANGE(p, "fleet-asa-1-swap", "firing", "medium");
	assert_false(alerts_watch_has_news(p->alerts, watch)); // not settled yet
	alerts_release(p->alerts, fired);
	assert_true(alerts_watch_has_news(p->alerts, watch));
	json_t *seen = alerts_watch_next(p->alerts, watch);
	assert_string_equal(text(seen, "severity"), "medium");
	json_decref(seen);
	assert_null(alerts_watch_next(p->alerts, watch));
	assert_false(alerts_watch_has_news(p->alerts, watch));
	phones(p, 5, 60, (struct what){0});
	tick(p, 1000);
	json_t *worse = CHANGE(p, "fleet-asa-1-swap", "firing", "critical");
	alerts_release(p->alerts, worse);
	alerts_release(p->alerts, worse);
	seen = alerts_watch_next(p->alerts, watch);
	assert_string_equal(text(seen, "severity"), "critical");
	json_decref(seen);
	assert_null(alerts_watch_next(p->alerts, watch));
	// Who comes later sees what comes later.
	struct alert_watch *late = alerts_watch(p->alerts, LANGUAGE_EN);
	assert_null(alerts_watch_next(p->alerts, late));
	alerts_unwatch(late);
	alerts_unwatch(watch);
	json_decref(fired);
	json_decref(worse);
}

// ---- cost ----

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

// Told, not judged: machines differ.
static void cost_of_a_diagnosis(void **state)
{
	enum { N = 20000 };
	struct play *p = *state;
	json_t **objects = calloc(N, sizeof(*objects));
	for (int i = 0; i < N; i++)
		objects[i] =
			diagnosis(p, (struct what){.phone = i, .gateway = "asa-1", .hash = "AB"});
	double start = now_us();
	for (int i = 0; i < N; i++)
		alerts_take(p->alerts, objects[i], p->now_ms);
	double first = now_us() - start;
	start = now_us();
	for (int i = 0; i < N; i++)
		alerts_take(p->alerts, objects[i], p->now_ms);
	double again = now_us() - start;
	start = now_us();
	tick(p, 1000);
	double count = now_us() - start;
	print_message("# alerts_take: %.2f us new, %.2f us again; a tick that counts %d: %.0f us\n",
		first / N, again / N, N, count);
	TOLD(p, "fleet-asa-1-swap", "firing", "critical");
	for (int i = 0; i < N; i++)
		json_decref(objects[i]);
	free(objects);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(alert_fires_once_at_its_threshold),
		CASE(what_the_phones_expect_is_told_each_once),
		CASE(what_no_phone_expects_is_null),
		CASE(phones_count_not_attempts),
		CASE(phones_without_a_device_are_told_apart_by_address_and_user),
		CASE(suspicions_and_strangers_never_count),
		CASE(confidence_and_cause_are_those_that_the_rule_wants),
		CASE(what_is_older_than_the_window_does_not_count),
		CASE(share_is_of_the_phones_known_there),
		CASE(site_is_that_of_the_gateway),
		CASE(updates_come_at_most_every_ten_seconds),
		CASE(worse_is_told_at_once_and_better_is_not),
		CASE(certificate_escalates_as_its_days_pass),
		CASE(alert_resolves_when_its_phones_have_recovered_for_a_while),
		CASE(relapse_within_the_hold_is_the_same_episode),
		CASE(flapping_is_no_faster_than_the_hysteresis),
		CASE(consequence_is_not_told_beside_its_cause),
		CASE(storm_is_one_alert),
		CASE(swap_of_five_thousand_phones_is_one_alert_and_one_resolution),
		CASE(gateway_that_spoke_regularly_and_is_silent_is_told),
		CASE(time_that_nobody_has_seen_pass_is_no_silence),
		CASE(silence_of_a_gateway_that_nobody_has_listened_to_is_nothing),
		CASE(logins_are_compared_with_the_same_hour_of_other_days),
		CASE(low_hour_of_the_same_day_last_week_is_usual),
		CASE(history_that_is_kept_nowhere_is_told),
		CASE(restart_fires_nothing_anew),
		CASE(growth_after_a_restart_is_told_before_its_grace_is_over),
		CASE(restored_alert_whose_phones_are_back_goes_on),
		CASE(restored_alert_whose_phones_do_not_come_back_resolves_after_its_grace),
		CASE(storm_outlasts_a_restart),
		CASE(rule_that_is_gone_resolves_its_alerts),
		CASE(rule_that_stays_goes_on_with_what_it_counted),
		CASE(restored_alert_of_no_rule_is_resolved_as_it_was),
		CASE(names_of_strangers_make_ids_of_plain_letters),
		CASE(what_is_no_diagnosis_does_no_harm),
		CASE(groups_beyond_the_limit_are_refused_and_counted),
		CASE(count_that_may_be_too_low_says_so),
		CASE(watcher_sees_what_is_released_and_only_the_last_of_it),
		CASE(cost_of_a_diagnosis),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
