// SPDX-License-Identifier: BSD-3-Clause
#include "scene_lines.h"

static void every_line_is_counted_once(void **state)
{
	(void)state;
	struct scene *s = scene_create(scene_pack, 1, NULL);
	scene_line(s, "");
	scene_line(s, " \t\r");
	scene_line(
		s, "<166>: %ASA-6-302013: Built inbound TCP connection 1 for outside:192.0.2.1/1");
	scene_line(s,
		"<166>: %FTD-6-725006: Device failed SSL handshake with client outside:192.0.2.9/1");
	scene_line(
		s, "<189>29: r1: *Apr 29 13:58:40.411: %SYS-5-CONFIG_I: Configured from console");
	scene_line(s, "SEP8CB64F576113 1: NOT 10:00:00.1 VPNC: something not known");
	scene_line(s, "<166>: %ASA-6-305011: Built<189>32: foo: glued on");
	assert_int_equal(COUNTED(s, packets), 7);
	assert_int_equal(COUNTED(s, datagrams), 5);
	assert_int_equal(COUNTED(s, dropped[DROP_empty]), 2);
	assert_int_equal(COUNTED(s, messages), 6);
	assert_int_equal(COUNTED(s, asa), 3);
	assert_int_equal(COUNTED(s, phone), 1);
	assert_int_equal(COUNTED(s, other), 2);
	assert_int_equal(COUNTED(s, unmatched), 5);
	assert_int_equal(counter_get(&scene_workers(s)->worker[0]->asa_codes[725006]), 1);
	scene_destroy(s);
}

// What a stranger types as his name is no record of its own.
static void a_typed_name_forges_no_record(void **state)
{
	(void)state;
	static const char *const breaks[] = {
		"<164>", "\n", "\n<164>", "\r\n<166>Nov 21 10:00:00 fw1 : "};
	for (size_t i = 0; i < N(breaks); i++) {
		struct scene *s = scene_create(scene_pack, 1, NULL);
		char line[700];
		snprintf(line, sizeof(line),
			"<166>fw1 : %%ASA-6-716039: Group <GP> User <a%s%%ASA-4-724002: Group <G> User "
			"<CP-7962G-SEP8CB64F576113> IP <192.0.2.9> WebVPN session not terminated> IP "
			"<192.0.2.66> Authentication: rejected\n"
			"<166>fw1 : %%ASA-5-113019: Group = TG, Username = a%s%%ASA-4-724002: Group <G> "
			"User <CP-7962G-SEP8CB64F576113> IP <192.0.2.9> WebVPN session not terminated, IP "
			"= 192.0.2.66, Session disconnected",
			breaks[i], breaks[i]);
		scene_line(s, line);
		assert_int_equal(COUNTED(s, messages), 2);
		const json_t *told = scene_told(s);
		assert_int_equal(json_array_size(told), 1);
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(told, 0), "client_ip")),
			"192.0.2.66");
		scene_destroy(s);
	}
}

// Where nothing tells a name's end, what stands behind it in one datagram proves nothing for sure.
static void what_follows_an_open_name_is_doubtful(void **state)
{
	(void)state;
	struct scene *s = scene_create(scene_pack, 1, NULL);
	scene_line(s, "<166>fw1 : %ASA-6-722051: Group <GP> User <CP-7962G-SEP8CB64F576113> IP "
		      "<192.0.2.9> IPv4 Address <10.9.9.9> IPv6 address <::> assigned to session");
	scene_line(s,
		"<166>fw1 : %ASA-6-113013: AAA unable to complete the request Error : reason = "
		"Simultaneous logins exceeded for user : user = a\n"
		"<164>fw1 : %ASA-6-716039: Group <G> User <CP-7962G-SEP8CB64F576113> IP "
		"<192.0.2.9> Authentication: rejected, Session Type: WebVPN.");
	const json_t *d = json_array_get(scene_told(s), 0);
	assert_true(json_is_true(json_object_get(d, "ambiguous")));
	scene_destroy(s);
}

// A morning of a small site: phones that come up, fail in several ways and come back.
static void play(struct scene *s)
{
	char line[400];
	for (int round = 0; round < 4; round++) {
		for (int i = 1; i <= 40; i++) {
			const char *fw = i % 2 ? "fw1" : "fw2";
			snprintf(line, sizeof(line),
				"%s : %%ASA-7-725012: Device chooses cipher : AES128-SHA for the SSL session "
				"with client outside:192.0.2.%d/%d",
				fw, i, 1000 + round);
			scene_line_from(s, i % 2 ? "10.0.0.1" : "10.0.0.2", line);
			if ((i + round) % 3 == 0) {
				snprintf(line, sizeof(line),
					"%s : %%ASA-7-725014: SSL lib error. Function: "
					"F Reason: tlsv1 alert unknown ca",
					fw);
				scene_line_from(s, i % 2 ? "10.0.0.1" : "10.0.0.2", line);
				snprintf(line, sizeof(line),
					"%s : %%ASA-6-725006: Device failed SSL "
					"handshake with client outside:192.0.2.%d/%d",
					fw, i, 1000 + round);
				scene_line_from(s, i % 2 ? "10.0.0.1" : "10.0.0.2", line);
				snprintf(line, sizeof(line),
					"SEP8CB64F5761%02X 2: ERR 10:00:00.2 VPNC: VPN "
					"cert chain verification failed",
					i);
				scene_line_from(s, i % 5 ? "192.0.2.250" : "127.0.0.1", line);
			} else {
				snprintf(line, sizeof(line),
					"%s : %%ASA-6-722051: Group <GP> User <CP-7962G-SEP8CB64F5761%02X> IP "
					"<192.0.2.%d> IPv4 Address <10.9.9.%d> IPv6 address <::> assigned to "
					"session",
					fw, i, i, i);
				scene_line_from(s, i % 2 ? "10.0.0.1" : "10.0.0.2", line);
			}
		}
		scene_wait(s, 70000);
	}
	scene_finish(s);
}

static char *told_by(unsigned n_workers)
{
	struct scene *s = scene_create(scene_pack, n_workers, NULL);
	play(s);
	char *told = json_dumps(scene_told(s), JSON_INDENT(1));
	assert_int_equal(scene_dropped(s, EVENT_DROP_exchange_full), 0);
	if (n_workers > 1)
		assert_true(COUNTED(s, sent_away) > 100);
	scene_destroy(s);
	return told;
}

// Without the sequence: how often a diagnosis was told hangs on the order between two workers.
static char *without_sequence(char *told)
{
	char *at = told;
	while ((at = strstr(at, "\"sequence\": ")) != NULL) {
		at += 12;
		while (*at >= '0' && *at <= '9')
			memmove(at, at + 1, strlen(at));
	}
	return told;
}

static void any_number_of_workers_tells_the_same(void **state)
{
	(void)state;
	char *one = without_sequence(told_by(1));
	for (unsigned n = 2; n <= 4; n++) {
		char *several = without_sequence(told_by(n));
		assert_string_equal(several, one);
		free(several);
	}
	free(one);
}

static void reload_keeps_what_is_open_and_what_is_held(void **state)
{
	(void)state;
	struct scene *s = scene_create(scene_pack, 2, NULL);
	scene_line(s,
		"fw1 : %ASA-6-722051: Group <GP> User <CP-7962G-SEP8CB64F576113> IP <192.0.2.9> IPv4 "
		"Address <10.9.9.9> IPv6 address <::> assigned to session");
	scene_line(s,
		"fw1 : %ASA-7-725012: Device chooses cipher : A for the SSL session with client "
		"outside:192.0.2.9/2");
	scene_line(s,
		"fw1 : %ASA-7-725014: SSL lib error. Function: F Reason: tlsv1 alert unknown ca");
	scene_reload(s, scene_pack);
	scene_line(s,
		"fw1 : %ASA-6-725006: Device failed SSL handshake with client outside:192.0.2.9/2");
	assert_int_equal(scene_count(s, "hash-mismatch"), 1);
	scene_reload(s, scene_pack);
	scene_wait(s, 20000);
	assert_string_equal(
		json_string_value(json_object_get(scene_only(s, "hash-mismatch"), "state")),
		"open");
	scene_destroy(s);
}

// ---- the clock ----

#define HOUR_MS (3600ull * 1000)
#define HOME "192.0.2.9"

static void back(struct scene *s, uint64_t ms)
{
	scene_wait(s, -ms);
}

static void a_clock_that_steps_back_by_seconds_changes_nothing(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 3; n++) {
		struct scene *s = scene_create(scene_pack, n, NULL);
		scene_wait(s, HOUR_MS);
		tunnel_up(s, PHONE_A, HOME, "10.9.9.9");
		scene_wait(s, 10000);
		csd(s, PHONE_A, HOME);
		back(s, 1500);
		csd(s, PHONE_A, HOME);
		tls_chooses(s, HOME, 50001);
		tls_error(s, "tlsv1 alert unknown ca");
		back(s, 1500);
		tls_fails(s, HOME, 50001);
		assert_open(s, "hash-mismatch", HOME, SEP_A);
		assert_open(s, "csd", HOME, SEP_A);
		tunnel_up(s, PHONE_A, HOME, "10.9.9.9");
		scene_wait(s, 3000);
		tunnel_up(s, PHONE_A, HOME, "10.9.9.9");
		assert_state(s, "hash-mismatch", SEP_A, "recovered");
		assert_state(s, "csd", SEP_A, "recovered");
		scene_destroy(s);
	}
}

static void a_clock_that_steps_back_by_hours_ends_nothing(void **state)
{
	(void)state;
	struct scene *s = scene_create(scene_pack, 1, NULL);
	struct session_table *table = &scene_workers(s)->worker[0]->sessions;
	scene_wait(s, 100 * HOUR_MS);
	csd(s, PHONE_A, HOME);
	tls_fails(s, "203.0.113.7", 1); // of nobody in particular
	assert_int_equal(table->n_sessions, 2);
	tls_starts(s, HOME, 50001);
	back(s, 50 * HOUR_MS);
	for (int i = 0; i < 100; i++)
		scene_wait(s, 1000);
	assert_int_equal(table->n_sessions, 2);
	assert_open(s, "csd", HOME, SEP_A);
	// A handshake of before the step is over; it takes no line of now.
	assert_int_equal(handshake_count(scene_workers(s)->worker[0]->handshakes), 0);
	scene_destroy(s);
}

static void who_comes_after_a_step_back_is_diagnosed(void **state)
{
	(void)state;
	struct scene *s = scene_create(scene_pack, 1, NULL);
	scene_wait(s, 100 * HOUR_MS);
	tunnel_up(s, PHONE_A, HOME, "10.9.9.9");
	back(s, 50 * HOUR_MS);
	tunnel_up(s, PHONE_B, "192.0.2.10", "10.9.9.8");
	reject_certificate(s, "192.0.2.10", 50001);
	assert_open(s, "hash-mismatch", "192.0.2.10", SEP_B);
	scene_wait(s, 3000);
	tunnel_up(s, PHONE_B, "192.0.2.10", "10.9.9.8");
	assert_state(s, "hash-mismatch", SEP_B, "recovered");
	scene_destroy(s);
}

static void who_was_there_before_a_step_back_is_diagnosed(void **state)
{
	(void)state;
	struct scene *s = scene_create(scene_pack, 1, NULL);
	scene_wait(s, 100 * HOUR_MS);
	tunnel_up(s, PHONE_A, HOME, "10.9.9.9");
	csd(s, PHONE_A, HOME);
	back(s, 50 * HOUR_MS);
	reject_certificate(s, HOME, 50001);
	assert_open(s, "hash-mismatch", HOME, SEP_A);
	assert_open(s, "csd", HOME, SEP_A);
	scene_wait(s, 3000);
	tunnel_up(s, PHONE_A, HOME, "10.9.9.9");
	assert_state(s, "hash-mismatch", SEP_A, "recovered");
	assert_state(s, "csd", SEP_A, "recovered");
	scene_destroy(s);
}

// By hours, or by less than a rule looks back.
static void what_had_recovered_before_a_step_back_hides_nothing(void **state)
{
	(void)state;
	static const uint64_t steps[] = {50 * HOUR_MS, 120000};
	for (size_t i = 0; i < N(steps); i++) {
		struct scene *s = scene_create(scene_pack, 1, NULL);
		scene_wait(s, 100 * HOUR_MS);
		csd(s, PHONE_A, HOME);
		scene_wait(s, 3000);
		tunnel_up(s, PHONE_A, HOME, "10.9.9.9");
		assert_state(s, "csd", SEP_A, "recovered");
		back(s, steps[i]);
		csd(s, PHONE_A, HOME);
		assert_int_equal(scene_count(s, "csd"), 2);
		const json_t *now = json_array_get(scene_told(s), 0); // by its time
		assert_string_equal(text_of(now, "state"), "open");
		assert_int_equal(number_of(now, "count"), 1);
		assert_int_equal(n_evidence(now), 1);
		scene_destroy(s);
	}
}

static void attempts_after_a_step_back_count(void **state)
{
	(void)state;
	struct scene *s = scene_create(scene_pack, 1, NULL);
	scene_wait(s, 100 * HOUR_MS);
	csd(s, PHONE_A, HOME);
	back(s, 50 * HOUR_MS);
	for (int i = 0; i < 3; i++) {
		csd(s, PHONE_A, HOME);
		scene_wait(s, 2000);
	}
	assert_int_equal(number_of(scene_only(s, "csd"), "count"), 4);
	scene_destroy(s);
}

static void a_clock_that_jumps_a_day_ahead_expires(void **state)
{
	(void)state;
	struct scene *s = scene_create(scene_pack, 1, NULL);
	struct session_table *table = &scene_workers(s)->worker[0]->sessions;
	csd(s, PHONE_A, HOME);
	say(s, "fw1 : %%ASA-2-113022: AAA Marking RADIUS server 10.0.0.1 in aaa-server group R as "
	       "FAILED");
	scene_wait(s, 23 * HOUR_MS);
	assert_open(s, "csd", HOME, SEP_A);
	scene_wait(s, 25 * HOUR_MS);
	assert_state(s, "csd", SEP_A, "expired");
	assert_string_equal(text_of(scene_only(s, "aaa-down"), "state"), "expired");
	scene_wait(s, 25 * HOUR_MS);
	assert_int_equal(table->n_phones, 0);
	assert_int_equal(table->n_identities, 0);
	// What comes then is new.
	csd(s, PHONE_A, HOME);
	assert_int_equal(scene_count(s, "csd"), 2);
	scene_destroy(s);
}

// ---- full tables ----

static const struct worker_limits few = {.clients = 64,
	.diagnoses = 48,
	.handshakes = 16,
	.gateways = 4,
	.idle_ms = 3600 * 1000,
	.expire_ms = 24 * 3600 * 1000};

static struct session_table *sessions_of(struct scene *s)
{
	return &scene_workers(s)->worker[0]->sessions;
}

// Every line is a packet, and nothing is in two places.
static void ledger_adds_up(struct scene *s, uint64_t lines)
{
	struct session_table *t = sessions_of(s);
	uint64_t dropped = 0;
	for (int i = 0; i < DROP_MAX; i++)
		dropped += COUNTED(s, dropped[i]);
	assert_int_equal(COUNTED(s, packets), lines);
	assert_int_equal(COUNTED(s, datagrams) + COUNTED(s, fragments_merged) + dropped, lines);
	assert_int_equal(COUNTED(s, messages), lines);
	assert_int_equal(COUNTED(s, asa) + COUNTED(s, phone) + COUNTED(s, other), lines);
	assert_int_equal(COUNTED(s, unmatched), 0);
	assert_true(t->n_sessions <= t->limits.sessions);
	assert_true(t->n_identities <= t->limits.identities);
	assert_true(t->diagnoses->n_open + t->diagnoses->n_closed <= t->limits.diagnoses);
	assert_int_equal(COUNTED(s, lines_lost), 0);
}

static uint64_t all_dropped(struct scene *s)
{
	uint64_t n = 0;
	for (int i = 0; i < EVENT_DROP_MAX; i++)
		n += scene_dropped(s, (enum event_drop)i);
	return n;
}

#define STRANGERS 1000
#define STRANGER_FORMAT "203.0.%u.%u"
#define STRANGER(i) (i) / 250, (i) % 250 + 1

// Some phones that have failed, before all that comes.
#define PHONES 8

static void phones_fail(struct scene *s)
{
	for (unsigned i = 0; i < PHONES; i++) {
		char user[40], client[24];
		snprintf(user, sizeof(user), "CP-8841-SEP00CAFE0000%02X", i);
		snprintf(client, sizeof(client), "192.0.2.%u", i + 1);
		csd(s, user, client);
	}
}

static void phones_are_there(struct scene *s)
{
	for (unsigned i = 0; i < PHONES; i++) {
		char device[16], client[24], line[100];
		snprintf(device, sizeof(device), "SEP00CAFE0000%02X", i);
		snprintf(client, sizeof(client), "192.0.2.%u", i + 1);
		assert_open(s, "csd", client, device);
		snprintf(line, sizeof(line), "%s " HOST_ID, device);
		scene_line_from(s, RELAY, line);
		assert_open(s, "host-id", client, device);
	}
}

static void sessions_full_of_strangers(void **state)
{
	(void)state;
	struct scene *s = scene_create(scene_pack, 1, &few);
	phones_fail(s);
	for (unsigned i = 0; i < STRANGERS; i++)
		say(s,
			"fw1 : %%ASA-6-725006: Device failed SSL handshake with client "
			"outside:" STRANGER_FORMAT "/9",
			STRANGER(i));
	struct session_table *t = sessions_of(s);
	assert_int_equal(t->n_sessions, t->limits.sessions);
	assert_int_equal(COUNTED(s, sessions_evicted), PHONES + STRANGERS - t->limits.sessions);
	assert_int_equal(all_dropped(s), 0);
	phones_are_there(s);
	ledger_adds_up(s, 2 * PHONES + STRANGERS);
	scene_destroy(s);
}

// Each with several users, and failures of their own.
static void identities_and_diagnoses_full_of_strangers(void **state)
{
	(void)state;
	struct scene *s = scene_create(scene_pack, 1, &few);
	phones_fail(s);
	for (unsigned i = 0; i < STRANGERS; i++)
		say(s,
			"fw1 : %%ASA-4-724002: Group <Staff> User <u%u> IP <203.0.113.%u> WebVPN "
			"session not terminated",
			i, i / 10 % 50 + 1);
	struct session_table *t = sessions_of(s);
	assert_true(COUNTED(s, identities_evicted) > 0);
	assert_true(t->diagnoses->n_open <= PHONES + t->limits.diagnoses / 2);
	assert_int_equal(COUNTED(s, episodes_lost), 0); // none of a phone
	assert_int_equal(all_dropped(s), 0);
	phones_are_there(s);
	ledger_adds_up(s, 2 * PHONES + STRANGERS);
	scene_destroy(s);
}

// Behind the addresses of phones, so that no other session has one to spare.
static void users_do_not_push_out_the_phone_beside_them(void **state)
{
	(void)state;
	struct scene *s = scene_create(scene_pack, 1, &few);
	uint32_t places = sessions_of(s)->limits.identities;
	for (unsigned i = 0; i < STRANGERS; i++) {
		// When all places are taken, the phones come, and others elsewhere.
		if (i == places)
			phones_fail(s);
		if (i >= places && i < places + 20)
			say(s,
				"fw1 : %%ASA-4-724002: Group <GP> User <CP-8841-SEP00CAFE0001%02X> IP "
				"<203.0.113.%u> WebVPN session not terminated",
				i - places, i - places + 1);
		say(s,
			"fw1 : %%ASA-4-724002: Group <Staff> User <u%u> IP <192.0.2.%u> WebVPN session "
			"not terminated",
			i, i % PHONES + 1);
	}
	assert_true(COUNTED(s, identities_evicted) > 20);
	assert_int_equal(sessions_of(s)->n_phones, PHONES + 20);
	assert_int_equal(all_dropped(s), 0);
	phones_are_there(s);
	ledger_adds_up(s, 2 * PHONES + 20 + STRANGERS);
	scene_destroy(s);
}

// What has been seen of a phone that has failed is kept: more than there is room for are counted.
static void histories_of_failures_are_kept(void **state)
{
	(void)state;
	struct worker_limits wide = few;
	wide.clients = 600;
	wide.diagnoses = 700;
	struct scene *s = scene_create(scene_pack, 1, &wide);
	uint32_t places = sessions_of(s)->limits.histories;
	phones_fail(s);
	for (unsigned i = PHONES; i < places + 50; i++) {
		char user[40], client[24];
		snprintf(user, sizeof(user), "CP-8841-SEP00CAFF00%04X", i);
		snprintf(client, sizeof(client), STRANGER_FORMAT, STRANGER(i));
		csd(s, user, client);
	}
	assert_int_equal(scene_dropped(s, EVENT_DROP_histories_full), 50);
	assert_int_equal(all_dropped(s), 50);
	assert_int_equal(COUNTED(s, histories_evicted), 0);
	assert_int_equal(scene_count(s, "csd"), places);
	phones_are_there(s);
	ledger_adds_up(s, places + 50 + PHONES);
	scene_destroy(s);
}

// Each has its diagnosis, or is counted where it found no room.
static void full_of_phones(void **state)
{
	(void)state;
	struct scene *s = scene_create(scene_pack, 1, &few);
	phones_fail(s);
	for (unsigned i = 0; i < STRANGERS; i++) {
		char user[40], client[24];
		snprintf(user, sizeof(user), "CP-8841-SEP00CAFF00%04X", i);
		snprintf(client, sizeof(client), STRANGER_FORMAT, STRANGER(i));
		csd(s, user, client);
	}
	uint64_t dropped = scene_dropped(s, EVENT_DROP_sessions_full) +
			   scene_dropped(s, EVENT_DROP_histories_full) +
			   scene_dropped(s, EVENT_DROP_diagnoses_full) +
			   scene_dropped(s, EVENT_DROP_identities_full);
	assert_true(dropped > 0);
	assert_int_equal(all_dropped(s), dropped);
	assert_int_equal(scene_count(s, "csd") + dropped, PHONES + STRANGERS);
	for (unsigned i = 0; i < PHONES; i++) {
		char device[16], client[24];
		snprintf(device, sizeof(device), "SEP00CAFE0000%02X", i);
		snprintf(client, sizeof(client), "192.0.2.%u", i + 1);
		assert_open(s, "csd", client, device);
	}
	ledger_adds_up(s, PHONES + STRANGERS);
	scene_destroy(s);
}

static void handshakes_that_never_end(void **state)
{
	(void)state;
	struct scene *s = scene_create(scene_pack, 1, &few);
	phones_fail(s);
	for (unsigned i = 0; i < STRANGERS; i++)
		say(s,
			"fw1 : %%ASA-6-725001: Starting SSL handshake with client "
			"outside:" STRANGER_FORMAT "/9",
			STRANGER(i));
	unsigned open = handshake_count(scene_workers(s)->worker[0]->handshakes);
	assert_true(open > 0);
	assert_int_equal(COUNTED(s, handshakes_abandoned), STRANGERS - open);
	reject_certificate(s, "192.0.2.1", 50001);
	assert_open(s, "hash-mismatch", "192.0.2.1", "SEP00CAFE000000");
	assert_int_equal(all_dropped(s), 0);
	phones_are_there(s);
	ledger_adds_up(s, 2 * PHONES + STRANGERS + 3);
	scene_destroy(s);
}

static void gateways_that_find_no_place_are_counted(void **state)
{
	(void)state;
	struct scene *s = scene_create(scene_pack, 1, &few);
	phones_fail(s); // at fw1
	for (unsigned i = 0; i < 100; i++)
		say(s,
			"other%u : %%ASA-4-724002: Group <Staff> User <u> IP <203.0.113.%u> WebVPN "
			"session not terminated",
			i % 10, i % 50 + 1);
	uint64_t places = few.gateways - 1; // beside fw1
	assert_int_equal(scene_dropped(s, EVENT_DROP_gateways_full), 100 - 10 * places);
	assert_int_equal(all_dropped(s), 100 - 10 * places);
	csd(s, "CP-8841-SEP00CAFE000000", "192.0.2.1");
	scene_wait(s, 2000);
	csd(s, "CP-8841-SEP00CAFE000000", "192.0.2.1");
	assert_int_equal(number_of(told_of(s, "csd", "SEP00CAFE000000"), "count"), 2);
	ledger_adds_up(s, PHONES + 100 + 2);
	scene_destroy(s);
}

static void more_that_wait_than_places_are_counted(void **state)
{
	(void)state;
	struct scene *s = scene_create(scene_pack, 1, &few);
	phones_fail(s);
	for (unsigned i = 0; i < 3000; i++)
		say(s,
			"fw1 : %%ASA-6-113013: AAA unable to complete the request Error : reason = "
			"Simultaneous logins exceeded for user : user = nobody%u",
			i);
	assert_true(scene_dropped(s, EVENT_DROP_waiting_full) > 0);
	scene_finish(s);
	assert_int_equal(
		scene_dropped(s, EVENT_DROP_waiting_full) + scene_dropped(s, EVENT_DROP_unresolved),
		3000);
	phones_are_there(s);
	ledger_adds_up(s, 2 * PHONES + 3000);
	scene_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_is_counted_once),
		cmocka_unit_test(a_typed_name_forges_no_record),
		cmocka_unit_test(what_follows_an_open_name_is_doubtful),
		cmocka_unit_test(any_number_of_workers_tells_the_same),
		cmocka_unit_test(reload_keeps_what_is_open_and_what_is_held),
		cmocka_unit_test(a_clock_that_steps_back_by_seconds_changes_nothing),
		cmocka_unit_test(a_clock_that_steps_back_by_hours_ends_nothing),
		cmocka_unit_test(who_comes_after_a_step_back_is_diagnosed),
		cmocka_unit_test(who_was_there_before_a_step_back_is_diagnosed),
		cmocka_unit_test(what_had_recovered_before_a_step_back_hides_nothing),
		cmocka_unit_test(attempts_after_a_step_back_count),
		cmocka_unit_test(a_clock_that_jumps_a_day_ahead_expires),
		cmocka_unit_test(sessions_full_of_strangers),
		cmocka_unit_test(identities_and_diagnoses_full_of_strangers),
		cmocka_unit_test(users_do_not_push_out_the_phone_beside_them),
		cmocka_unit_test(histories_of_failures_are_kept),
		cmocka_unit_test(full_of_phones),
		cmocka_unit_test(handshakes_that_never_end),
		cmocka_unit_test(gateways_that_find_no_place_are_counted),
		cmocka_unit_test(more_that_wait_than_places_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
