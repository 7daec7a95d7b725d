// SPDX-License-Identifier: BSD-3-Clause
// The commands `alerts` and `fleet`, alerts in `watch`, and how all of that is shown.
#include "desk.h"

#include <time.h>
#include <unistd.h>

#include "../../control/canvas.h"
#include "../../control/certificate.h"
#include "../../control/change.h"
#include "../../control/glyph.h"
#include "../../control/reload_command.h"
#include "../../control/render.h"
#include "../../control/text.h"
#include "rules.h"

#define ALERTS "{\"command\":\"alerts\"}"

static const char pack_text[] =
	"messages:\n"
	"  - {id: ASA-725006, event: failed, text: 'Device failed SSL handshake with {client}'}\n"
	"diagnoses:\n"
	"  - {id: mismatch, when: failed, title: t, remedy: r}\n"
	"alerts:\n"
	"  - {id: swap, name: Swap, category: c, of: mismatch, resolves: {for: 1s}, hold: 1s,\n"
	"     levels: [{severity: medium, phones: 2}, {severity: critical, phones: 4}],\n"
	"     title: {en: Swapped, ko: \xea\xb5\x90\xec\xb2\xb4},\n"
	"     summary: '{gateway}: {affected} phones', remedy: 'bind it: {leaf_hash}'}\n";

struct scene {
	struct desk *desk;
	struct vocabulary *vocabulary;
	struct rulepack *pack;
	uint64_t now_ms;
};

static int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	setenv("TZ", "UTC", 1);
	tzset();
	s->desk = desk_create(1);
	s->vocabulary = vocabulary_create();
	s->pack = rules_load(s->vocabulary, pack_text);
	s->desk->daemon.alerts = alerts_create(s->pack);
	s->now_ms = 1700000000000;
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;
	struct alerts *alerts = s->desk->daemon.alerts;
	desk_destroy(s->desk); // watchers end before what they watch
	alerts_destroy(alerts);
	rulepack_destroy(s->pack);
	vocabulary_destroy(s->vocabulary);
	free(s);
	return 0;
}

static void fail_phones(struct scene *s, const char *gateway, int from, int to, const char *state)
{
	for (int i = from; i < to; i++) {
		json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:{s:s}}", "diagnosis",
			"mismatch", "scope", "phone", "state", state, "confidence", "confirmed",
			"is_phone", 1, "gateway", gateway, "details", "leaf_hash", "AB12");
		char id[64];
		snprintf(id, sizeof(id), "%s%d", gateway, i);
		json_object_set_new(o, "id", json_string(id));
		snprintf(id, sizeof(id), "SEP%012d", i);
		json_object_set_new(o, "device", json_string(id));
		json_object_set_new(o, "first_seen", json_time(s->now_ms));
		json_object_set_new(o, "last_seen", json_time(s->now_ms));
		alerts_take(s->desk->daemon.alerts, o, s->now_ms);
		json_decref(o);
	}
}

// Time passes, and what has changed is released.
static void pass(struct scene *s, unsigned seconds)
{
	struct alerts *alerts = s->desk->daemon.alerts;
	json_t *change;
	for (unsigned i = 0; i < seconds; i++) {
		s->now_ms += 1000;
		alerts_tick(alerts, NULL, s->now_ms);
		while ((change = alerts_next_change(alerts)) != NULL) {
			alerts_release(alerts, change);
			json_decref(change);
		}
	}
}

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static void alerts_are_listed_firing_ones_first(void **state)
{
	struct scene *s = *state;
	int client = desk_connect(s->desk);
	json_t *list = desk_data(s->desk, client, ALERTS);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	fail_phones(s, "asa-1", 0, 3, "open");
	pass(s, 1);
	fail_phones(s, "asa-1", 0, 3, "recovered");
	fail_phones(s, "asa-2", 0, 2, "open");
	pass(s, 5);
	list = desk_data(s->desk, client, ALERTS);
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(text(json_array_get(list, 0), "state"), "firing");
	assert_string_equal(text(json_array_get(list, 0), "gateway"), "asa-2");
	assert_string_equal(text(json_array_get(list, 1), "state"), "resolved");
	json_decref(list);
	close(client);
}

static void alerts_are_asked_for_by_state_kind_and_gateway(void **state)
{
	static const struct {
		const char *arguments;
		size_t n;
	} cases[] = {{"\"state\":\"firing\"", 2}, {"\"state\":\"resolved\"", 0},
		{"\"state\":\"all\"", 2}, {"\"gateway\":\"ASA-1\"", 1}, {"\"gateway\":\"x\"", 0},
		{"\"id\":\"swap\"", 2}};
	struct scene *s = *state;
	int client = desk_connect(s->desk);
	fail_phones(s, "asa-1", 0, 3, "open");
	fail_phones(s, "asa-2", 0, 3, "open");
	pass(s, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char request[256];
		snprintf(request, sizeof(request), "{\"command\":\"alerts\",\"arguments\":{%s}}",
			cases[i].arguments);
		json_t *list = desk_data(s->desk, client, request);
		assert_int_equal(json_array_size(list), cases[i].n);
		json_decref(list);
	}
	json_t *list = desk_data(
		s->desk, client, "{\"command\":\"alerts\",\"arguments\":{\"lang\":\"ko\"}}");
	assert_string_equal(text(json_array_get(list, 0), "title"), "\xea\xb5\x90\xec\xb2\xb4");
	json_decref(list);
	char *error = desk_error(
		s->desk, client, "{\"command\":\"alerts\",\"arguments\":{\"id\":\"other\"}}");
	assert_string_equal(error, "alerts: the rules know no alert 'other'");
	free(error);
	close(client);
}

static json_t *next(struct scene *s, int client)
{
	char *line = desk_receive(s->desk, client);
	json_t *answer = line ? json_loads(line, 0, NULL) : NULL;
	json_t *data = json_incref(json_object_get(answer, "data"));
	json_decref(answer);
	free(line);
	return data;
}

static void watch_tells_of_alerts_too(void **state)
{
	static const char *const wanted[] = {"firing", "worse", "resolved"};
	struct scene *s = *state;
	struct changes changes;
	changes_init(&changes);
	changes.start[0] = '\0';
	fail_phones(s, "asa-9", 0, 2, "open");
	pass(s, 1); // before the watch
	int client = desk_connect(s->desk);
	json_decref(desk_data(s->desk, client, "{\"command\":\"watch\"}"));
	for (unsigned i = 0; i < 3; i++) {
		fail_phones(s, "asa-1", 0, i ? 5 : 2, i < 2 ? "open" : "recovered");
		pass(s, 3);
		json_t *alert = next(s, client);
		assert_string_equal(text(alert, "type"), "alert");
		assert_string_equal(text(alert, "gateway"), "asa-1");
		assert_string_equal(change_take(&changes, alert), wanted[i]);
		json_decref(alert);
	}
	// A diagnosis comes beside them.
	desk_fail(s->desk, 1);
	json_t *diagnosis = next(s, client);
	assert_string_equal(text(diagnosis, "type"), "diagnosis");
	json_decref(diagnosis);
	changes_fini(&changes);
	close(client);
}

static void fleet_tells_what_each_gateways_phones_suffer_from(void **state)
{
	struct scene *s = *state;
	int client = desk_connect(s->desk);
	desk_fail(s->desk, 1);
	desk_fail(s->desk, 2);
	desk_fail(s->desk, 3);
	desk_recover(s->desk, 3);
	desk_serve(s->desk);
	json_t *list = desk_data(s->desk, client, "{\"command\":\"fleet\"}");
	json_t *gateway = json_array_get(list, 0);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text(gateway, "type"), "gateway");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(gateway, "causes"), "csd")), 2);
	assert_int_equal(json_object_size(json_object_get(gateway, "phones")), 5);
	assert_int_equal(json_object_size(json_object_get(gateway, "suspected")), 0);
	assert_true(json_is_array(json_object_get(gateway, "certificates")));
	json_decref(list);
	list = desk_data(
		s->desk, client, "{\"command\":\"fleet\",\"arguments\":{\"gateway\":\"nobody\"}}");
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	close(client);
}

// ---- what a human sees ----

typedef void (*render_fn)(FILE *out, const json_t *data, unsigned columns);

static char *rendered(render_fn render, const json_t *data, unsigned columns)
{
	char *out = NULL;
	size_t size;
	FILE *stream = open_memstream(&out, &size);
	render(stream, data, columns);
	fclose(stream);
	for (const char *line = out; *line;) {
		struct slice one = {line, (uint32_t)strcspn(line, "\n")};
		if (glyph_columns(one) > columns)
			fail_msg("%u columns: %.*s", glyph_columns(one), (int)one.len, one.data);
		assert_null(memchr(one.data, '\x1b', one.len));
		line += one.len + (line[one.len] == '\n');
	}
	return out;
}

static json_t *hostile_alerts(void)
{
	return json_loads(
		"[{\"type\":\"alert\",\"id\":\"i\",\"alert\":\"fleet-cert-mismatch\",\"state\":\"firing\","
		"\"severity\":\"critical\",\"gateway\":\"asa\\u001b[31m-with-a-very-long-name-of-all\","
		"\"since\":\"2026-11-21T10:15:00.000Z\",\"phones\":{\"affected\":412,\"known\":498,"
		"\"peak\":412},\"details\":{\"leaf_hash\":\"1289B8A7AA9FFD84865E38939F3466A61B5608FC\","
		"\"expected_hash\":[\"E57E81EA9954C144976678D0E2418CDF79A93176\"]},"
		"\"sample\":[\"SEP8CB64F576113\",\"SEP8CB64F576114\"],\"absorbed_by\":null,"
		"\"title\":\"t\",\"summary\":\"asa\\u001b[0m: 412 of 498 phones reject the "
		"certificate\",\"remedy\":\"Bind it:\\n     ssl trust-point x outside\"},"
		"{\"type\":\"alert\",\"id\":\"j\",\"alert\":\"fleet-logins-drop\",\"state\":\"resolved\","
		"\"severity\":\"low\",\"gateway\":null,\"since\":\"2026-11-21T10:15:00.000Z\","
		"\"resolved_at\":\"2026-11-21T10:25:00.000Z\",\"phones\":{\"affected\":0,"
		"\"known\":null,\"peak\":3},\"details\":{\"n_gateways\":7},\"sample\":[],"
		"\"absorbed_by\":\"i\",\"summary\":\"s\"}]",
		0, NULL);
}

static void alerts_fit_a_terminal(void **state)
{
	static const unsigned widths[] = {80, 60, 40, 120};
	(void)state;
	json_t *list = hostile_alerts();
	for (size_t i = 0; i < 4; i++) {
		char *out = rendered(render_alerts, list, widths[i]);
		assert_non_null(strstr(out, "412/498"));
		assert_non_null(strstr(out, "1289B8A7AA9FFD84865E"));
		assert_non_null(strstr(out, "+410"));
		assert_non_null(strstr(out, "ssl trust-point x outside"));
		assert_non_null(strstr(out, "told by i"));
		free(out);
		free(rendered(render_change, json_array_get(list, 0), widths[i]));
	}
	json_decref(list);
}

static void fleet_fits_a_terminal(void **state)
{
	static const unsigned widths[] = {80, 60, 40, 100};
	(void)state;
	json_t *list = json_loads(
		"[{\"type\":\"gateway\",\"gateway\":\"asa\\u001b[31m-with-a-very-long-name-of-all\","
		"\"phones\":{\"known\":5200,\"ok\":93,\"suspected\":7,\"failing\":5000,"
		"\"unknown\":100},"
		"\"causes\":{\"cert-hash-mismatch\":4990,\"tftp-unreachable\":10},"
		"\"suspected\":{\"dtls-blocked\":7},"
		"\"certificates\":[{\"trustpoint\":\"TP\\u001b\",\"days\":13,"
		"\"not_after\":\"2026-12-07T00:00:00.000Z\"}],"
		"\"logins\":{\"this_hour\":4,\"usual\":30},"
		"\"last_line\":\"2026-11-21T10:15:00.000Z\"},{}]",
		0, NULL);
	for (size_t i = 0; i < 4; i++) {
		char *out = rendered(render_fleet, list, widths[i]);
		assert_non_null(strstr(out, "suspected: dtls-blocked 7"));
		assert_int_equal(strstr(out, "SUSPECT") != NULL, widths[i] == 100);
		assert_non_null(strstr(out, "5000"));
		assert_non_null(strstr(out, "cert-hash-mismatch 4990"));
		assert_non_null(strstr(out, "13 days"));
		free(out);
	}
	char *out = rendered(render_fleet, list, 80);
	assert_non_null(strstr(out, "4/30"));
	assert_non_null(strstr(out, "\n2 gateways, 5200 phones, 5000 failing;"));
	free(out);
	json_array_remove(list, 0);
	out = rendered(render_fleet, list, 80);
	assert_non_null(strstr(out, "\n1 gateway, 0 phones, 0 failing;"));
	free(out);
	json_decref(list);
}

// ---- reload ----

// A config file whose sites say that asa-1 stands there; then a reload.
static void reload_site(struct scene *s, const char *site)
{
	struct desk *desk = s->desk;
	struct report report = {0};
	char path[128];
	snprintf(path, sizeof(path), "%s/config", desk->directory); // no .yaml: not of the pack
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "rules: %s\nhistory: none\nsites: {asa-1: %s}\n", desk->directory, site);
	fclose(file);
	desk->daemon.config_path = path;
	if (!reload(&desk->daemon, &report))
		fail_msg("%s", report.text);
	report_fini(&report);
	unlink(path);
}

static void a_reload_takes_over_the_sites_that_alerts_tell(void **state)
{
	struct scene *s = *state;
	struct daemon *d = &s->desk->daemon;
	d->outlets = outlets_create(d->journal);
	d->recorder = recorder_create(d->feed, d->journal, d->alerts);
	desk_write_rules(s->desk, pack_text);
	reload_site(s, "hq");
	fail_phones(s, "asa-1", 0, 3, "open");
	pass(s, 1);
	reload_site(s, "lab"); // the config before it is gone with the next one
	reload_site(s, "attic");
	fail_phones(s, "asa-1", 3, 5, "open");
	pass(s, 1);
	json_t *list = alerts_json(d->alerts, LANGUAGE_EN);
	assert_string_equal(text(json_array_get(list, 0), "severity"), "critical");
	assert_string_equal(text(json_array_get(list, 0), "site"), "attic");
	json_decref(list);
	alerts_set_rules(d->alerts, s->pack, s->now_ms); // what was reloaded ends with the desk
	recorder_destroy(d->recorder);
	outlets_destroy(d->outlets);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(alerts_are_listed_firing_ones_first),
		CASE(alerts_are_asked_for_by_state_kind_and_gateway),
		CASE(watch_tells_of_alerts_too),
		CASE(fleet_tells_what_each_gateways_phones_suffer_from),
		CASE(alerts_fit_a_terminal),
		CASE(fleet_fits_a_terminal),
		CASE(a_reload_takes_over_the_sites_that_alerts_tell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
