// SPDX-License-Identifier: BSD-3-Clause
#include "desk.h"

#include <unistd.h>

#include "../../control/clock.h"
#include "../../control/command.h"
#include "../../control/gateway_status.h"
#include "../../control/server.h"
#include "scene_pack.h"

#define PHONE_A "CP-7962G-SEP8CB64F576113"
#define PHONE_B "CP-8841-SEP0011223344AA"

static int set_up(void **state)
{
	*state = desk_create(1);
	return 0;
}

static int set_up_three_workers(void **state)
{
	*state = desk_create(3);
	return 0;
}

static int tear_down(void **state)
{
	desk_destroy(*state);
	return 0;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static json_int_t number_of(const json_t *object, const char *key)
{
	const json_t *number = json_object_get(object, key);
	assert_true(json_is_integer(number));
	return json_integer_value(number);
}

static json_t *ask(struct desk *desk, const char *request)
{
	int client = desk_connect(desk);
	json_t *data = desk_data(desk, client, request);
	close(client);
	return data;
}

static void reject_login(struct desk *desk, const char *user, const char *client)
{
	char line[256];
	snprintf(line, sizeof(line),
		"fw1 : %%ASA-4-724002: Group <G> User <%s> IP <%s> WebVPN session not terminated.",
		user, client);
	desk_line(desk, line);
}

static void bring_tunnel_up(
	struct desk *desk, const char *user, const char *client, const char *tunnel)
{
	char line[256];
	snprintf(line, sizeof(line),
		"fw1 : %%ASA-6-722051: Group <GroupPolicy_Phones> User <%s> IP <%s> IPv4 Address <%s> IPv6 address <::> assigned to session",
		user, client, tunnel);
	desk_line(desk, line);
}

// ---- diagnoses ----

static size_t count(struct desk *desk, const char *arguments)
{
	char request[256];
	snprintf(request, sizeof(request), "{\"command\":\"diagnoses\",\"arguments\":{%s}}",
		arguments);
	json_t *list = ask(desk, request);
	size_t n = json_array_size(list);
	json_decref(list);
	return n;
}

static void diagnoses_are_the_open_ones_of_phones(void **state)
{
	desk_fail(*state, 1);
	desk_fail(*state, 2);
	desk_recover(*state, 2);
	reject_login(*state, "bob", "192.0.2.7");
	desk_line(*state,
		"fw2 : %ASA-2-113022: AAA Marking RADIUS server 192.0.2.5 in aaa-server group "
		"ISE as FAILED");
	assert_int_equal(count(*state, ""), 2);
	assert_int_equal(count(*state, "\"all_clients\":true"), 3);
	assert_int_equal(count(*state, "\"state\":\"recovered\""), 1);
	assert_int_equal(count(*state, "\"state\":\"expired\""), 0);
	assert_int_equal(count(*state, "\"state\":\"all\""), 3);
	assert_int_equal(count(*state, "\"id\":\"aaa-down\""), 1);
	assert_int_equal(count(*state, "\"id\":\"csd\",\"state\":\"all\""), 2);
	assert_int_equal(count(*state, "\"gateway\":\"FW2\""), 1);
	assert_int_equal(count(*state, "\"gateway\":\"fw\""), 0);
}

// ---- phone ----

static json_t *find(struct desk *desk, const char *key)
{
	char request[256];
	snprintf(request, sizeof(request), "{\"command\":\"phone\",\"arguments\":{\"key\":\"%s\"}}",
		key);
	return ask(desk, request);
}

static void phone_is_found_by_whatever_it_is_called(void **state)
{
	static const char *const keys[] = {"192.0.2.9", "172.16.0.9", "SEP8CB64F576113",
		"sep8cb64f576113", "8cb64f576113", "8C:B6:4F:57:61:13", "8cb6.4f57.6113",
		"cp-7962g-sep8cb64f576113", "::ffff:192.0.2.9"};
	bring_tunnel_up(*state, PHONE_A, "192.0.2.9", "172.16.0.9");
	bring_tunnel_up(*state, PHONE_B, "192.0.2.10", "172.16.0.10");
	for (size_t i = 0; i < N(keys); i++) {
		json_t *list = find(*state, keys[i]);
		if (json_array_size(list) != 1)
			fail_msg("%s: %zu", keys[i], json_array_size(list));
		const json_t *phone = json_array_get(list, 0);
		assert_string_equal(text_of(phone, "device"), "SEP8CB64F576113");
		assert_string_equal(text_of(phone, "client_ip"), "192.0.2.9");
		assert_string_equal(text_of(phone, "tunnel_ip"), "172.16.0.9");
		assert_string_equal(text_of(phone, "model"), "CP-7962G");
		assert_string_equal(text_of(phone, "group_policy"), "GroupPolicy_Phones");
		assert_true(json_is_null(json_object_get(phone, "tunnel_group")));
		assert_string_equal(text_of(phone, "gateway"), "fw1");
		assert_true(json_is_true(json_object_get(phone, "is_phone")));
		assert_string_equal(text_of(phone, "tunnel_up_at"), "1970-01-01T00:00:01.000Z");
		json_decref(list);
	}
}

static void nobody_is_an_empty_list(void **state)
{
	bring_tunnel_up(*state, PHONE_A, "192.0.2.9", "172.16.0.9");
	static const char *const keys[] = {"192.0.2.1", "SEP8CB64F576114", "alice", "0.0.0.0",
		"::", "8cb64f57611", "SEP", "000000000000", "\\u0001"};
	for (size_t i = 0; i < N(keys); i++) {
		json_t *list = find(*state, keys[i]);
		if (json_array_size(list))
			fail_msg("%s", keys[i]);
		json_decref(list);
	}
	int client = desk_connect(*state);
	char *error =
		desk_error(*state, client, "{\"command\":\"phone\",\"arguments\":{\"key\":\"\"}}");
	assert_string_equal(error, "phone: the key is empty");
	free(error);
	close(client);
}

static void story_has_lines_diagnoses_evidence_and_remedy(void **state)
{
	bring_tunnel_up(*state, PHONE_A, "192.0.2.9", "172.16.0.9");
	desk_line(*state,
		"fw1 : %ASA-6-725001: Starting SSL handshake with client outside:192.0.2.9/50001");
	reject_login(*state, PHONE_A, "192.0.2.9");
	json_t *list = find(*state, PHONE_A);
	const json_t *phone = json_array_get(list, 0);
	const json_t *timeline = json_object_get(phone, "timeline");
	assert_int_equal(json_array_size(timeline), 3);
	static const char *const codes[] = {"722051", "725001", "724002"};
	static const char *const events[] = {"tunnel-assigned", "tls-started", "csd-not-running"};
	for (size_t i = 0; i < 3; i++) {
		const json_t *line = json_array_get(timeline, i);
		assert_string_equal(text_of(line, "code"), codes[i]);
		assert_string_equal(text_of(line, "event"), events[i]);
		assert_string_equal(text_of(line, "source"), "asa");
		assert_string_equal(text_of(line, "gateway"), "fw1");
		assert_true(json_is_false(json_object_get(line, "ambiguous")));
	}
	const json_t *diagnoses = json_object_get(phone, "diagnoses");
	assert_int_equal(json_array_size(diagnoses), 1);
	const json_t *d = json_array_get(diagnoses, 0);
	assert_string_equal(text_of(d, "diagnosis"), "csd");
	assert_int_equal(json_array_size(json_object_get(d, "evidence")), 1);
	assert_string_equal(text_of(d, "remedy"), "r");
	json_decref(list);
}

static void phones_of_one_address_are_told_apart(void **state)
{
	bring_tunnel_up(*state, PHONE_A, "192.0.2.9", "172.16.0.9");
	bring_tunnel_up(*state, PHONE_B, "192.0.2.9", "172.16.0.10");
	reject_login(*state, PHONE_B, "192.0.2.9");
	json_t *list = find(*state, "192.0.2.9");
	assert_int_equal(json_array_size(list), 2);
	for (size_t i = 0; i < 2; i++) {
		const json_t *phone = json_array_get(list, i);
		bool is_a = strcmp(text_of(phone, "device"), "SEP8CB64F576113") == 0;
		assert_int_equal(
			json_array_size(json_object_get(phone, "diagnoses")), is_a ? 0 : 1);
		assert_int_equal(json_array_size(json_object_get(phone, "timeline")), is_a ? 1 : 2);
		assert_int_equal(number_of(phone, "others_at_address"), 1);
	}
	json_decref(list);
	list = find(*state, "172.16.0.10");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text_of(json_array_get(list, 0), "device"), "SEP0011223344AA");
	json_decref(list);
}

static void line_that_names_nobody_is_marked_where_several_are(void **state)
{
	bring_tunnel_up(*state, PHONE_A, "192.0.2.9", "172.16.0.9");
	bring_tunnel_up(*state, PHONE_B, "192.0.2.9", "172.16.0.10");
	desk_line(*state, "fw1 : %ASA-6-725006: Device failed SSL handshake with client "
			  "outside:192.0.2.9/50001");
	json_t *list = find(*state, PHONE_A);
	const json_t *timeline = json_object_get(json_array_get(list, 0), "timeline");
	assert_int_equal(json_array_size(timeline), 2);
	assert_true(json_is_false(json_object_get(json_array_get(timeline, 0), "ambiguous")));
	assert_true(json_is_true(json_object_get(json_array_get(timeline, 1), "ambiguous")));
	json_decref(list);
}

static void who_is_gone_is_known_by_his_diagnosis(void **state)
{
	struct desk *desk = *state;
	reject_login(desk, PHONE_A, "192.0.2.9");
	desk->now_ms += 49 * 3600 * 1000ull;
	for (unsigned i = 0; i < 20; i++) {
		desk->now_ms += SESSION_SWEEP_MS;
		worker_turn(desk->daemon.workers->worker[0], desk->now_ms, UINT32_MAX);
	}
	assert_int_equal(atomic_load(&desk->daemon.workers->worker[0]->sessions.n_sessions), 0);
	json_t *list = find(desk, "SEP8CB64F576113");
	assert_int_equal(json_array_size(list), 1);
	const json_t *phone = json_array_get(list, 0);
	assert_string_equal(text_of(phone, "client_ip"), "192.0.2.9");
	assert_string_equal(text_of(phone, "last_seen"), "1970-01-01T00:00:01.000Z");
	assert_int_equal(json_array_size(json_object_get(phone, "diagnoses")), 1);
	assert_int_equal(json_array_size(json_object_get(phone, "timeline")), 1); // its evidence
	assert_string_equal(
		text_of(json_array_get(json_object_get(phone, "diagnoses"), 0), "state"),
		"expired");
	json_decref(list);
}

static void time_line_is_cut_at_its_limit(void **state)
{
	for (unsigned i = 0; i < 300; i++)
		desk_fail(*state, 1);
	json_t *list = find(*state, "SEP000000000002");
	const json_t *phone = json_array_get(list, 0);
	assert_int_equal(json_array_size(json_object_get(phone, "timeline")), 200);
	assert_true(json_is_true(json_object_get(phone, "timeline_cut")));
	json_decref(list);
}

static void phones_are_found_at_every_worker(void **state)
{
	char key[32];
	for (unsigned i = 0; i < 30; i++)
		desk_fail(*state, i);
	for (unsigned i = 0; i < 30; i++) {
		snprintf(key, sizeof(key), "SEP%012X", i + 1);
		json_t *list = find(*state, key);
		assert_int_equal(json_array_size(list), 1);
		json_decref(list);
	}
	assert_int_equal(count(*state, ""), 30);
}

// ---- reload ----

static void reload_swaps_the_rules_in(void **state)
{
	struct desk *desk = *state;
	desk_write_rules(desk, scene_pack);
	json_t *data = ask(desk, "{\"command\":\"reload\"}");
	assert_int_equal(number_of(data, "diagnoses"), 12);
	assert_true(json_is_null(json_object_get(data, "last_failure")));
	assert_string_equal(text_of(data, "directory"), desk->rules);
	json_decref(data);
}

static void a_worker_that_stands_still_holds_a_reload_up_but_nobody_who_asks(void **state)
{
	static const char request[] = "{\"command\":\"reload\"}";
	struct desk *desk = *state;
	struct workers *workers = desk->daemon.workers;
	desk_write_rules(desk, scene_pack);
	int client = desk_connect(desk);
	worker_enter(workers->worker[0]);
	json_t *data = desk_data(desk, client, request);
	assert_true(json_is_false(json_object_get(data, "in_force")));
	json_decref(data);
	char *error = desk_error(desk, client, request);
	assert_non_null(strstr(error, "stands still"));
	free(error);
	json_t *status = desk_data(desk, client, "{\"command\":\"status\"}");
	assert_string_equal(text_of(json_object_get(status, "health"), "state"), "degraded");
	json_decref(status);
	worker_pass(workers->worker[0], desk->now_ms, 0);
	data = desk_data(desk, client, request);
	assert_true(json_is_false(json_object_get(data, "in_force")));
	json_decref(data);
	worker_leave(workers->worker[0]);
	data = desk_data(desk, client, request);
	assert_true(json_is_true(json_object_get(data, "in_force")));
	json_decref(data);
	worker_enter(workers->worker[0]);
	worker_pass(workers->worker[0], desk->now_ms, 0);
	worker_leave(workers->worker[0]);
	desk_fail(desk, 1);
	assert_int_equal(count(desk, ""), 1);
	close(client);
}

static void bad_rules_change_nothing_and_are_told(void **state)
{
	struct desk *desk = *state;
	const struct ruleset *before = desk->daemon.workers->ruleset;
	desk_write_rules(desk, "messages:\n  - {id: ASA-1, event: x}\nnonsense: 1\n");
	int client = desk_connect(desk);
	char *error = desk_error(desk, client, "{\"command\":\"reload\"}");
	assert_non_null(strstr(error, "rules.yaml:2:10: 'ASA-1' must be"));
	assert_non_null(strstr(error, "\n"));
	free(error);
	assert_ptr_equal(desk->daemon.workers->ruleset, before);
	json_t *status = desk_data(desk, client, "{\"command\":\"status\"}");
	const json_t *failure = json_object_get(json_object_get(status, "rules"), "last_failure");
	assert_non_null(strstr(text_of(failure, "errors"), "rules.yaml:2:10:"));
	const json_t *health = json_object_get(status, "health");
	assert_string_equal(text_of(health, "state"), "degraded");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(health, "reasons"), 0)),
		"the last reload failed; what was in use stays in use");
	json_decref(status);
	desk_write_rules(desk, scene_pack);
	json_decref(desk_data(desk, client, "{\"command\":\"reload\"}"));
	status = desk_data(desk, client, "{\"command\":\"status\"}");
	assert_string_equal(text_of(json_object_get(status, "health"), "state"), "ok");
	json_decref(status);
	close(client);
}

// ---- status ----

static json_int_t sum_of(const json_t *object)
{
	json_int_t sum = 0;
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)object, key, value)
	{
		sum += json_integer_value(value);
	}
	return sum;
}

static void expect_ledger(const json_t *object)
{
	assert_int_equal(number_of(object, "packets"),
		number_of(object, "datagrams") + number_of(object, "fragments_merged") +
			sum_of(json_object_get(object, "dropped")));
	assert_int_equal(
		number_of(object, "messages"), sum_of(json_object_get(object, "by_source")));
}

static void status_has_every_counter_and_its_sums_hold(void **state)
{
	struct desk *desk = *state;
	desk_fail(desk, 1);
	desk_line(desk, "fw1 : %ASA-6-302015: Built inbound UDP connection");
	desk_line(desk, "");
	desk_line(desk, "hello");
	json_t *status = ask(desk, "{\"command\":\"status\"}");
	static const char *const counters[] = {
#define X(name, help) #name,
		COUNTERS(X)
#undef X
	};
	for (size_t i = 0; i < N(counters); i++) {
		const json_t *sources = json_object_get(status, "by_source");
		const json_t *value = json_object_get(status, counters[i]);
		assert_true(json_is_integer(value ? value : json_object_get(sources, counters[i])));
	}
	assert_int_equal(json_object_size(json_object_get(status, "dropped")), DROP_MAX);
	assert_int_equal(
		json_object_size(json_object_get(status, "events_dropped")), EVENT_DROP_MAX);
	assert_int_equal(number_of(status, "packets"), 4);
	assert_int_equal(number_of(json_object_get(status, "dropped"), "empty"), 1);
	assert_int_equal(number_of(json_object_get(status, "by_source"), "asa"), 2);
	assert_int_equal(number_of(status, "unmatched"), 2);
	assert_true(json_is_true(json_object_get(status, "ledger_exact")));
	expect_ledger(status);
	const json_t *workers = json_object_get(status, "workers");
	assert_int_equal(json_array_size(workers), 3);
	for (size_t i = 0; i < 3; i++)
		expect_ledger(json_array_get(workers, i));
	assert_int_equal(number_of(json_object_get(status, "open"), "csd"), 1);
	assert_int_equal(number_of(json_object_get(status, "events"), "csd-not-running"), 1);
	const json_t *tables = json_object_get(status, "tables");
	assert_int_equal(number_of(tables, "phones"), 1);
	assert_int_equal(number_of(json_object_get(tables, "clients"), "used"), 1);
	assert_int_equal(number_of(json_object_get(tables, "gateways"), "used"), 1);
	static const char *const bounded[] = {"clients", "identities", "histories", "diagnoses",
		"evidence_blocks", "aliases", "waiting_lines", "handshakes", "held_lines",
		"gateways"};
	for (size_t i = 0; i < N(bounded); i++) {
		const json_t *table = json_object_get(tables, bounded[i]);
		assert_true(number_of(table, "used") <= number_of(table, "high_water"));
		assert_true(number_of(table, "high_water") <= number_of(table, "limit"));
	}
	assert_int_equal(number_of(json_object_get(tables, "histories"), "used"), 1);
	json_decref(status);
}

static void most_frequent_messages_are_told(void **state)
{
	char line[64];
	for (unsigned id = 0; id < 30; id++) {
		snprintf(line, sizeof(line), "fw1 : %%ASA-6-%06u: nothing", 700000 + id * 10000);
		for (unsigned i = 0; i < id; i++)
			desk_line(*state, line);
	}
	desk_line(*state, "fw1 : %ASA-6-000000: nothing");
	json_t *status = ask(*state, "{\"command\":\"status\"}");
	json_t *codes = json_object_get(status, "asa_codes");
	assert_int_equal(json_object_size(codes), 20);
	assert_string_equal(json_object_iter_key(json_object_iter(codes)), "990000");
	assert_int_equal(number_of(codes, "990000"), 29);
	assert_int_equal(number_of(codes, "800000"), 10);
	json_decref(status);
}

static void rates_are_of_the_last_second_and_ten(void **state)
{
	struct desk *desk = *state;
	struct daemon *d = &desk->daemon;
	json_t *rates = rates_json(&d->rates, 1);
	assert_true(json_is_null(json_object_get(rates, "messages")));
	json_decref(rates);
	for (unsigned second = 0; second < 15; second++) {
		rates_sample(&d->rates, d->workers, &d->ports, 1000 * (second + 1));
		for (unsigned i = 0; i < 10 * second; i++)
			desk_fail(desk, i);
	}
	rates_sample(&d->rates, d->workers, &d->ports, 16000);
	rates = rates_json(&d->rates, 1);
	assert_int_equal(number_of(rates, "messages"), 140);
	json_decref(rates);
	rates = rates_json(&d->rates, 10);
	assert_int_equal(number_of(rates, "messages"), 95); // 50 to 140
	json_decref(rates);
}

// ---- gateways ----

static bool is_warned(struct desk *desk, const char *id)
{
	json_t *gateway = NULL;
	bool found = false;
	for (uint16_t i = 0; gateway == NULL; i++)
		gateway = gateway_json(&desk->daemon, i);
	const json_t *warnings = json_object_get(gateway, "warnings");
	for (size_t i = 0; i < json_array_size(warnings); i++) {
		const json_t *warning = json_array_get(warnings, i);
		found |= strcmp(text_of(warning, "id"), id) == 0;
		assert_true(text_of(warning, "command")[0] != '\0');
	}
	json_decref(gateway);
	return found;
}

static void gateway_is_warned_of_what_it_does_not_send(void **state)
{
	struct desk *desk = *state;
	desk->now_ms = clock_wall_ms();
	desk_fail(desk, 1);
	assert_false(is_warned(desk, "no-tls-lines")); // too early to say
	for (unsigned i = 0; i < 50; i++)
		desk_fail(desk, i);
	assert_true(is_warned(desk, "no-tls-lines"));
	assert_false(is_warned(desk, "no-tls-reasons"));
	desk_line(desk, "fw1 : %ASA-6-725006: Device failed SSL handshake with client "
			"outside:192.0.2.9/50001");
	assert_false(is_warned(desk, "no-tls-lines"));
	assert_true(is_warned(desk, "no-tls-reasons"));
	desk_line(desk, "fw1 : %ASA-7-725014: SSL lib error. Function: F Reason: unknown ca");
	assert_false(is_warned(desk, "no-tls-reasons"));
	assert_false(is_warned(desk, "hidden-users"));
	desk_line(desk,
		"fw1 : %ASA-6-716039: Group <G> User <*****> IP <192.0.2.9> Authentication: "
		"rejected, Session Type: WebVPN.");
	gateways_tick(&desk->daemon, desk->now_ms);
	assert_true(is_warned(desk, "hidden-users"));
	assert_false(is_warned(desk, "silent"));
}

static void silent_gateway_is_warned_of(void **state)
{
	struct desk *desk = *state;
	desk->now_ms = clock_wall_ms() - GATEWAY_SILENT_MS - 60000;
	desk_fail(desk, 1);
	assert_true(is_warned(desk, "silent"));
}

static void mended_gateway_is_no_longer_warned_of(void **state)
{
	struct desk *desk = *state;
	uint64_t now_ms = clock_wall_ms();
	desk->now_ms = now_ms;
	desk_line(desk,
		"fw1 : %ASA-6-716039: Group <G> User <*****> IP <192.0.2.9> Authentication: "
		"rejected, Session Type: WebVPN.");
	gateways_tick(&desk->daemon, now_ms - GATEWAY_RECENT_MS - 1);
	gateways_tick(&desk->daemon, now_ms); // no more of them
	assert_false(is_warned(desk, "hidden-users"));
}

static void stamped(struct desk *desk, int64_t off_s, const char *format)
{
	char stamp[64], line[256];
	time_t time = (time_t)((int64_t)(desk->now_ms / 1000) + off_s);
	struct tm tm;
	strftime(stamp, sizeof(stamp), format, gmtime_r(&time, &tm));
	snprintf(line, sizeof(line),
		"<166>%s fw1 : %%ASA-1-717055: The ID certificate in the trustpoint T has expired.",
		stamp);
	desk_line(desk, line);
}

static void wrong_clock_is_warned_of(void **state)
{
	struct desk *desk = *state;
	static const struct {
		int64_t off_s;
		const char *format;
		bool wrong;
	} cases[] = {
		{0, "%b %d %Y %H:%M:%S:", false}, {200, "%b %d %Y %H:%M:%S:", false},
		{400, "%b %d %Y %H:%M:%S:", true}, {-400, "%b %d %H:%M:%S", true},
		{2 * 3600, "%b %d %Y %H:%M:%S:", false}, // of a zone that it does not tell
		{345 * 60 + 10, "%b %d %Y %H:%M:%S:", false}, {-8 * 3600, "%b %d %H:%M:%S", false},
		{-8 * 3600 + 900, "%b %d %H:%M:%S", true}, {2 * 3600, "%Y-%m-%dT%H:%M:%SZ", true},
		{-30 * 365 * 86400ll, "%b %d %Y %H:%M:%S:", true}, // one that has lost its battery
	};
	desk->now_ms = clock_wall_ms();
	for (size_t i = 0; i < N(cases); i++) {
		stamped(desk, cases[i].off_s, cases[i].format);
		if (is_warned(desk, "clock-off") != cases[i].wrong)
			fail_msg("%zu", i);
	}
}

static void gateways_are_listed(void **state)
{
	for (unsigned i = 0; i < 10; i++) {
		char line[128];
		snprintf(line, sizeof(line),
			"asa-%u : %%ASA-1-717055: The ID certificate in the trustpoint T has "
			"expired.",
			i);
		desk_line(*state, line);
	}
	json_t *status = ask(*state, "{\"command\":\"status\"}");
	const json_t *gateways = json_object_get(status, "gateways");
	assert_int_equal(json_array_size(gateways), 10);
	assert_memory_equal(text_of(json_array_get(gateways, 3), "name"), "asa-", 4);
	json_decref(status);
}

// ---- the table ----

static void every_command_is_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_commands; i++) {
		const struct command *command = &commands[i];
		assert_ptr_equal(command_find(command->name), command);
		assert_true(command->help[0] != '\0');
		assert_true((command->serve != NULL) != (command->run != NULL));
		assert_true((command->serve != NULL) == (command->render != NULL));
		assert_int_equal(command->arguments[COMMAND_ARGUMENTS_MAX - 1].kind, ARGUMENT_END);
		for (const struct argument *a = command->arguments; a->kind != ARGUMENT_END; a++) {
			assert_true(a->help[0] != '\0');
			assert_true((a->value != NULL) == (a->kind != ARGUMENT_FLAG));
		}
	}
	assert_null(command_find("nonsense"));
	assert_null(command_find(""));
}

static void help_names_every_argument(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	command_print_usage(out);
	for (size_t i = 0; i < n_commands; i++)
		command_print_help(out, &commands[i]);
	fclose(out);
	static const char *const wanted[] = {"status", "phone KEY", "--all-clients",
		"--state open|recovered|expired|all", "--lang en|zh-TW|ko", "--gateway NAME",
		"--json", "rules check|test DIR", "--workers N", "-c, --config FILE",
		"usage: offhook [--socket PATH] phone KEY [OPTION]...",
		"usage: offhook replay FILE... [OPTION]..."};
	for (size_t i = 0; i < N(wanted); i++) {
		if (strstr(text, wanted[i]) == NULL)
			fail_msg("'%s' is missing", wanted[i]);
	}
	for (const char *line = text; *line;) { // on 80 columns
		size_t len = strcspn(line, "\n");
		if (len > 80)
			fail_msg("%.*s", (int)len, line);
		line += len + 1;
	}
	free(text);
}

static void choice_takes_its_words_alone(void **state)
{
	(void)state;
	const struct argument choice = {ARGUMENT_VALUE, "state", "open|recovered|all", ""};
	const struct argument any = {ARGUMENT_VALUE, "gateway", "NAME", ""};
	char wanted[ARGUMENT_WANTED_MAX];
	assert_true(argument_accepts(&choice, "open", wanted));
	assert_true(argument_accepts(&choice, "all", wanted));
	assert_false(argument_accepts(&choice, "ope", wanted));
	assert_false(argument_accepts(&choice, "open|recovered", wanted));
	assert_false(argument_accepts(&choice, "", wanted));
	assert_string_equal(wanted, "one of open|recovered|all");
	assert_true(argument_accepts(&any, "open|x", wanted));
}

static void number_and_time_take_their_like_alone(void **state)
{
	(void)state;
	const struct argument number = {
		ARGUMENT_VALUE, "n", "N", "", .type = ARGUMENT_NUMBER, .most = 16};
	const struct argument moment = {ARGUMENT_VALUE, "since", "TIME", "", .type = ARGUMENT_TIME};
	static const char *const wrong[] = {
		"", "0", "17", "-1", "+1", " 1", "1 ", "1x", "x", "0x1", "99999999999999999999"};
	char wanted[ARGUMENT_WANTED_MAX];
	for (size_t i = 0; i < N(wrong); i++)
		assert_false(argument_accepts(&number, wrong[i], wanted));
	assert_string_equal(wanted, "a number from 1 to 16");
	assert_true(argument_accepts(&number, "1", wanted));
	assert_true(argument_accepts(&number, "16", wanted));
	assert_true(argument_accepts(&moment, "2h", wanted));
	assert_true(argument_accepts(&moment, "2026-11-26", wanted));
	assert_false(argument_accepts(&moment, "", wanted));
	assert_false(argument_accepts(&moment, "yesterday", wanted));
	assert_non_null(strstr(wanted, "an age: 30m, 2h, 7d"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_THREE(name) cmocka_unit_test_setup_teardown(name, set_up_three_workers, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(diagnoses_are_the_open_ones_of_phones),
		TEST(phone_is_found_by_whatever_it_is_called),
		TEST(nobody_is_an_empty_list),
		TEST(story_has_lines_diagnoses_evidence_and_remedy),
		TEST(phones_of_one_address_are_told_apart),
		TEST(line_that_names_nobody_is_marked_where_several_are),
		TEST(who_is_gone_is_known_by_his_diagnosis),
		TEST(time_line_is_cut_at_its_limit),
		TEST_THREE(phones_are_found_at_every_worker),
		TEST(reload_swaps_the_rules_in),
		TEST(a_worker_that_stands_still_holds_a_reload_up_but_nobody_who_asks),
		TEST(bad_rules_change_nothing_and_are_told),
		TEST_THREE(status_has_every_counter_and_its_sums_hold),
		TEST_THREE(most_frequent_messages_are_told),
		TEST(rates_are_of_the_last_second_and_ten),
		TEST(gateway_is_warned_of_what_it_does_not_send),
		TEST(silent_gateway_is_warned_of),
		TEST(mended_gateway_is_no_longer_warned_of),
		TEST(wrong_clock_is_warned_of),
		TEST(gateways_are_listed),
		cmocka_unit_test(every_command_is_complete),
		cmocka_unit_test(help_names_every_argument),
		cmocka_unit_test(choice_takes_its_words_alone),
		cmocka_unit_test(number_and_time_take_their_like_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
