// SPDX-License-Identifier: BSD-3-Clause
#include "scene_test.h"

static void expect_phone(
	struct scene *s, const char *diagnosis, const char *client, const char *device)
{
	const json_t *d = scene_only(s, diagnosis);
	assert_string_equal(text_of(d, "client_ip"), client);
	assert_string_equal(text_of(d, "device"), device);
	assert_true(json_is_true(json_object_get(d, "is_phone")));
}

static void phone_known_by_name_alone_has_no_address(void **state)
{
	scene_line_from(*state, RELAY, "SEP8CB64F576113 " UNTRUSTED);
	expect_phone(*state, "hash-mismatch", "null", "SEP8CB64F576113");
}

static void it_merges_into_the_address_that_a_gateway_ties_to_it(void **state)
{
	char id[20];
	scene_line_from(*state, RELAY, "SEP8CB64F576113 " UNTRUSTED);
	snprintf(id, sizeof(id), "%s", text_of(scene_only(*state, "hash-mismatch"), "id"));
	scene_wait(*state, 5000);
	csd(*state, "CP-7962G-SEP8CB64F576113", "192.0.2.9");
	expect_phone(*state, "hash-mismatch", "192.0.2.9", "SEP8CB64F576113");
	assert_string_equal(text_of(scene_only(*state, "hash-mismatch"), "id"), id);
	assert_string_equal(text_of(scene_only(*state, "hash-mismatch"), "first_seen"),
		"1970-01-01T00:00:01.000Z");
}

static void merged_late_it_is_recovered_by_the_success_that_tied_it(void **state)
{
	scene_line_from(*state, RELAY, "SEP8CB64F576113 " UNTRUSTED);
	scene_wait(*state, 60000);
	tunnel_up(*state, "CP-7962G-SEP8CB64F576113", "192.0.2.9", "10.9.9.9");
	const json_t *d = scene_only(*state, "hash-mismatch");
	assert_string_equal(text_of(d, "client_ip"), "192.0.2.9");
	assert_string_equal(text_of(d, "state"), "recovered");
	assert_string_equal(text_of(d, "recovered_at"), "1970-01-01T00:01:01.001Z");
}

static void phones_line_goes_straight_to_a_known_address(void **state)
{
	tunnel_up(*state, "CP-7962G-SEP8CB64F576113", "192.0.2.9", "10.9.9.9");
	scene_line_from(*state, RELAY, "SEP8CB64F576113 " UNTRUSTED);
	expect_phone(*state, "hash-mismatch", "192.0.2.9", "SEP8CB64F576113");
}

static void phones_line_out_of_its_tunnel_is_its_own(void **state)
{
	tunnel_up(*state, "CP-7962G-SEP8CB64F576113", "192.0.2.9", "10.9.9.9");
	scene_line_from(*state, "10.9.9.9", UNTRUSTED);
	expect_phone(*state, "hash-mismatch", "192.0.2.9", "SEP8CB64F576113");
}

static void tunnel_address_given_to_another_leads_to_the_other(void **state)
{
	tunnel_up(*state, "CP-7962G-SEP8CB64F576113", "192.0.2.9", "10.9.9.9");
	say(*state,
		"fw1 : %%ASA-4-113019: Group = TG, Username = CP-7962G-SEP8CB64F576113, IP = 192.0.2.9, "
		"Session disconnected. Session Type: SSL, Reason: User Requested");
	tunnel_up(*state, "CP-8841-SEP00CAFE000002", "192.0.2.10", "10.9.9.9");
	scene_line_from(*state, "10.9.9.9", UNTRUSTED);
	expect_phone(*state, "hash-mismatch", "192.0.2.10", "SEP00CAFE000002");
}

static void tunnel_that_has_ended_leads_nowhere(void **state)
{
	tunnel_up(*state, "CP-7962G-SEP8CB64F576113", "192.0.2.9", "10.9.9.9");
	say(*state,
		"fw1 : %%ASA-4-113019: Group = TG, Username = CP-7962G-SEP8CB64F576113, IP = 192.0.2.9, "
		"Session disconnected. Session Type: SSL, Reason: User Requested");
	say(*state, "fw1 : %%ASA-4-106103: access-list A denied udp for user 'somebody' "
		    "outside/10.9.9.9(1) -> inside/10.0.0.5(69) hit-cnt 1");
	scene_wait(*state, 10000);
	assert_int_equal(scene_count(*state, NULL), 0);
	assert_int_equal(scene_dropped(*state, EVENT_DROP_unresolved), 1);
}

static void sender_of_several_phones_speaks_for_others(void **state)
{
	scene_line_from(*state, "192.0.2.80", "SEP8CB64F576113 " UNTRUSTED);
	expect_phone(*state, "hash-mismatch", "192.0.2.80", "SEP8CB64F576113");
	scene_line_from(*state, "192.0.2.80", "SEP00CAFE000002 " HOST_ID);
	expect_phone(*state, "hash-mismatch", "null", "SEP8CB64F576113");
	expect_phone(*state, "host-id", "null", "SEP00CAFE000002");
}

static void loopback_is_nobodys_address(void **state)
{
	scene_line_from(*state, "127.0.0.1", "SEP8CB64F576113 " UNTRUSTED);
	expect_phone(*state, "hash-mismatch", "null", "SEP8CB64F576113");
	scene_line_from(*state, "127.0.0.1", HOST_ID);
	assert_int_equal(scene_count(*state, "host-id"), 0);
	assert_int_equal(scene_dropped(*state, EVENT_DROP_no_subject), 1);
}

static void address_in_the_header_outweighs_the_sender(void **state)
{
	scene_line_from(*state, "192.0.2.80", "<134>Nov 21 10:19:27 192.0.2.9 " UNTRUSTED);
	expect_phone(*state, "hash-mismatch", "192.0.2.9", "null");
}

static void log_of_nobody_knows_whom_is_one_phones(void **state)
{
	scene_line(*state, UNTRUSTED);
	expect_phone(*state, "hash-mismatch", "null", "null");
}

static void phone_that_resumes_from_another_address_moves(void **state)
{
	tunnel_up(*state, "CP-7962G-SEP8CB64F576113", "192.0.2.9", "10.9.9.9");
	csd(*state, "CP-7962G-SEP8CB64F576113", "192.0.2.9");
	say(*state,
		"fw1 : %%ASA-6-716059: Group <TG> User <CP-7962G-SEP8CB64F576113> IP <192.0.2.9> "
		"AnyConnect session resumed connection from IP <198.51.100.7>.");
	expect_phone(*state, "csd", "198.51.100.7", "SEP8CB64F576113");
	scene_line_from(*state, "10.9.9.9", HOST_ID);
	expect_phone(*state, "host-id", "198.51.100.7", "SEP8CB64F576113");
}

static void line_with_a_user_alone_waits_for_its_client(void **state)
{
	say(*state, "fw1 : %%ASA-6-113013: AAA unable to complete the request Error : reason = "
		    "Simultaneous logins exceeded for user : user = CP-7962G-SEP8CB64F576113");
	scene_wait(*state, 1000);
	tunnel_up(*state, "CP-7962G-SEP8CB64F576113", "192.0.2.9", "10.9.9.9");
	scene_wait(*state, 10);
	assert_string_equal(text_of(scene_only(*state, "simultaneous"), "client_ip"), "192.0.2.9");
}

static void same_user_at_another_gateway_is_another(void **state)
{
	tunnel_up(*state, "alice", "192.0.2.9", "10.9.9.9");
	say(*state, "fw2 : %%ASA-6-113013: AAA unable to complete the request Error : reason = "
		    "Simultaneous logins exceeded for user : user = alice");
	scene_wait(*state, 10000);
	assert_int_equal(scene_count(*state, "simultaneous"), 0);
}

static void name_that_was_only_typed_leads_nowhere(void **state)
{
	// A stranger calls himself like somebody's phone; the phone's own lines are not his.
	say(*state,
		"fw1 : %%ASA-6-716039: Group <GP> User <CP-7962G-SEP8CB64F576113> IP <203.0.113.66> "
		"Authentication: rejected, Session Type: WebVPN.");
	scene_line_from(*state, RELAY, "SEP8CB64F576113 " UNTRUSTED);
	expect_phone(*state, "hash-mismatch", "null", "SEP8CB64F576113");
}

static void address_inside_a_user_name_is_no_address(void **state)
{
	say(*state, "fw1 : %%ASA-4-724002: Group <GP> User <x> IP <192.0.2.9> WebVPN session not "
		    "terminated. <> IP <203.0.113.66> WebVPN session not terminated. Cisco");
	assert_string_equal(text_of(scene_only(*state, "csd"), "client_ip"), "203.0.113.66");
}

static void tls_of_strangers_makes_no_session(void **state)
{
	for (int i = 1; i < 200; i++) {
		say(*state,
			"fw1 : %%ASA-6-725001: Starting SSL handshake with client outside:203.0.113.%d/9",
			i);
		say(*state,
			"fw1 : %%ASA-6-725002: Device completed SSL handshake with client "
			"outside:203.0.113.%d/9",
			i);
	}
	assert_int_equal(scene_workers(*state)->worker[0]->sessions.n_sessions, 0);
}

static void strangers_never_push_a_phone_out(void **state)
{
	tunnel_up(*state, "CP-7962G-SEP8CB64F576113", "192.0.2.9", "10.9.9.9");
	for (int i = 0; i < 2000; i++) {
		say(*state,
			"fw1 : %%ASA-6-725006: Device failed SSL handshake with client "
			"outside:203.0.%d.%d/9",
			i / 250, i % 250 + 1);
	}
	struct session_table *table = &scene_workers(*state)->worker[0]->sessions;
	assert_int_equal(table->n_sessions, table->limits.sessions);
	scene_line_from(*state, "10.9.9.9", HOST_ID);
	expect_phone(*state, "host-id", "192.0.2.9", "SEP8CB64F576113");
}

static void more_phones_than_room_are_counted_not_lost_in_silence(void **state)
{
	struct session_table *table = &scene_workers(*state)->worker[0]->sessions;
	for (int i = 0; i < 600; i++) {
		char user[40], client[32];
		snprintf(user, sizeof(user), "CP-7962G-SEP8CB64F57%04X", i);
		snprintf(client, sizeof(client), "198.51.%d.%d", i / 250, i % 250 + 1);
		csd(*state, user, client);
	}
	uint64_t dropped = scene_dropped(*state, EVENT_DROP_sessions_full) +
			   scene_dropped(*state, EVENT_DROP_histories_full) +
			   scene_dropped(*state, EVENT_DROP_diagnoses_full);
	assert_true(dropped > 0);
	assert_true(table->n_sessions <= table->limits.sessions);
	assert_int_equal(scene_count(*state, "csd") + dropped, 600);
}

static void phones_that_are_well_spare_their_history_for_those_that_fail(void **state)
{
	char user[40], client[32];
	for (int i = 0; i < 250; i++) {
		snprintf(user, sizeof(user), "CP-7962G-SEP8CB64F57%04X", i);
		snprintf(client, sizeof(client), "198.51.100.%d", i + 1);
		tunnel_up(*state, user, client, "10.9.9.9");
	}
	for (int i = 150; i < 250; i++) {
		snprintf(user, sizeof(user), "CP-7962G-SEP8CB64F57%04X", i);
		snprintf(client, sizeof(client), "198.51.100.%d", i + 1);
		csd(*state, user, client);
	}
	assert_true(scene_workers(*state)->worker[0]->counters.histories_evicted > 100);
	assert_int_equal(scene_dropped(*state, EVENT_DROP_histories_full), 0);
	assert_int_equal(scene_count(*state, "csd"), 100);
}

static void client_that_is_silent_ends_and_its_place_is_used_again(void **state)
{
	struct session_table *table = &scene_workers(*state)->worker[0]->sessions;
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 100; i++)
			say(*state,
				"fw1 : %%ASA-6-725006: Device failed SSL handshake with client "
				"outside:203.0.113.%d/9",
				i + 1);
		scene_wait(*state, 2 * 3600 * 1000);
		assert_int_equal(table->n_sessions, 0);
		assert_int_equal(table->n_identities, 0);
	}
	assert_true(table->high_water <= 100);
}

static void ipv6_clients_are_clients(void **state)
{
	say(*state,
		"fw1 : %%ASA-7-725012: Device chooses cipher : A for the SSL session with client "
		"outside:2001:db8::9/50091");
	say(*state,
		"fw1 : %%ASA-7-725014: SSL lib error. Function: F Reason: tlsv1 alert unknown ca");
	say(*state,
		"fw1 : %%ASA-6-725006: Device failed SSL handshake with client outside:2001:db8::9/50091");
	scene_line_from(*state, "2001:db8::9", "SEP8CB64F576113 " UNTRUSTED);
	expect_phone(*state, "hash-mismatch", "2001:db8::9", "SEP8CB64F576113");
	assert_string_equal(text_of(scene_only(*state, NULL), "confidence"), "confirmed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ALSO_WITH_THREE_WORKERS(phone_known_by_name_alone_has_no_address),
		TEST_ALSO_WITH_THREE_WORKERS(it_merges_into_the_address_that_a_gateway_ties_to_it),
		TEST_ALSO_WITH_THREE_WORKERS(
			merged_late_it_is_recovered_by_the_success_that_tied_it),
		TEST_ALSO_WITH_THREE_WORKERS(phones_line_goes_straight_to_a_known_address),
		TEST_ALSO_WITH_THREE_WORKERS(phones_line_out_of_its_tunnel_is_its_own),
		TEST_ALSO_WITH_THREE_WORKERS(tunnel_address_given_to_another_leads_to_the_other),
		TEST_ALSO_WITH_THREE_WORKERS(tunnel_that_has_ended_leads_nowhere),
		TEST_ALSO_WITH_THREE_WORKERS(sender_of_several_phones_speaks_for_others),
		TEST_ALSO_WITH_THREE_WORKERS(loopback_is_nobodys_address),
		TEST_ALSO_WITH_THREE_WORKERS(address_in_the_header_outweighs_the_sender),
		TEST_ALSO_WITH_THREE_WORKERS(log_of_nobody_knows_whom_is_one_phones),
		TEST_ALSO_WITH_THREE_WORKERS(phone_that_resumes_from_another_address_moves),
		TEST_ALSO_WITH_THREE_WORKERS(line_with_a_user_alone_waits_for_its_client),
		TEST_ALSO_WITH_THREE_WORKERS(same_user_at_another_gateway_is_another),
		TEST_ALSO_WITH_THREE_WORKERS(name_that_was_only_typed_leads_nowhere),
		TEST_ALSO_WITH_THREE_WORKERS(address_inside_a_user_name_is_no_address),
		TEST(tls_of_strangers_makes_no_session),
		TEST(strangers_never_push_a_phone_out),
		TEST(more_phones_than_room_are_counted_not_lost_in_silence),
		TEST(phones_that_are_well_spare_their_history_for_those_that_fail),
		TEST(client_that_is_silent_ends_and_its_place_is_used_again),
		TEST_ALSO_WITH_THREE_WORKERS(ipv6_clients_are_clients),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
