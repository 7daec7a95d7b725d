// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scene.h"
#include "scene_pack.h"

#define PHONE_A "CP-7962G-SEP8CB64F576113"
#define PHONE_B "CP-8841-SEP00CAFE000002"

static int set_up(void **state)
{
	*state = scene_create(scene_pack, 1, NULL);
	return 0;
}

static int tear_down(void **state)
{
	scene_destroy(*state);
	return 0;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "null";
}

static void expect(const json_t *object, const char *state, const char *confidence,
	const char *client, const char *device)
{
	assert_string_equal(text_of(object, "state"), state);
	assert_string_equal(text_of(object, "confidence"), confidence);
	assert_string_equal(text_of(object, "client_ip"), client);
	assert_string_equal(text_of(object, "device"), device);
}

// The handshake of 192.0.2.9:port in which the phone rejects the gateway's certificate.
static void reject_certificate(struct scene *s, const char *port)
{
	char line[200];
	snprintf(line, sizeof(line),
		"fw1 : %%ASA-7-725012: Device chooses cipher : AES128-SHA for the SSL "
		"session with client outside:192.0.2.9/%s",
		port);
	scene_line(s, line);
	scene_line(s,
		"fw1 : %ASA-7-725014: SSL lib error. Function: F Reason: tlsv1 alert unknown ca");
	snprintf(line, sizeof(line),
		"fw1 : %%ASA-6-725006: Device failed SSL handshake with client outside:192.0.2.9/%s",
		port);
	scene_line(s, line);
}

static void tunnel_up(struct scene *s, const char *user, const char *client)
{
	char line[200];
	snprintf(line, sizeof(line),
		"fw1 : %%ASA-6-722051: Group <GP> User <%s> IP <%s> IPv4 Address <10.9.9.9> IPv6 address "
		"<::> assigned to session",
		user, client);
	scene_line(s, line);
}

static void unknown_address_is_suspected_at_most(void **state)
{
	reject_certificate(*state, "50001");
	const json_t *d = scene_only(*state, "hash-mismatch");
	expect(d, "open", "suspected", "192.0.2.9", "null");
	assert_false(json_is_true(json_object_get(d, "is_phone")));
}

static void known_phone_gives_one_side_probable(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	reject_certificate(*state, "50001");
	const json_t *d = scene_only(*state, "hash-mismatch");
	expect(d, "open", "probable", "192.0.2.9", "SEP8CB64F576113");
	assert_string_equal(text_of(d, "model"), "CP-7962G");
	assert_string_equal(text_of(d, "user"), PHONE_A);
	assert_string_equal(text_of(d, "gateway"), "fw1");
}

static void both_sides_confirm(void **state)
{
	reject_certificate(*state, "50001");
	scene_line_from(*state, "192.0.2.9",
		"SEP8CB64F576113 1: NOT 10:00:00.1 SECD: Leaf cert hash = "
		"1289B8A7AA9FFD84865E38939F3466A61B5608FC");
	scene_line_from(*state, "192.0.2.9",
		"SEP8CB64F576113 2: ERR 10:00:00.2 VPNC: VPN cert chain verification failed");
	const json_t *d = scene_only(*state, "hash-mismatch");
	expect(d, "open", "confirmed", "192.0.2.9", "SEP8CB64F576113");
	assert_string_equal(text_of(json_object_get(d, "details"), "leaf_hash"),
		"1289B8A7AA9FFD84865E38939F3466A61B5608FC");
	assert_int_equal(json_integer_value(json_object_get(d, "count")), 1);
	assert_int_equal(json_array_size(json_object_get(d, "evidence")), 5);
	assert_string_equal(
		text_of(d, "remedy"), "compare 1289B8A7AA9FFD84865E38939F3466A61B5608FC at fw1");
}

static void one_decisive_line_confirms_for_a_phone(void **state)
{
	scene_line(*state,
		"fw1 : %ASA-4-724002: Group <VPNPhone> User <Phone> IP <192.0.2.9> WebVPN "
		"session not terminated. Cisco Secure Desktop was not running.");
	const json_t *d = scene_only(*state, "csd");
	expect(d, "open", "confirmed", "192.0.2.9", "null");
	assert_true(json_is_true(json_object_get(d, "is_phone"))); // by its group
	assert_string_equal(text_of(d, "tunnel_group"), "null");
	assert_string_equal(text_of(d, "group_policy"), "null");
}

static void the_same_line_of_a_pc_stays_suspected(void **state)
{
	scene_line(*state,
		"fw1 : %ASA-4-724002: Group <Staff> User <jdoe> IP <192.0.2.9> WebVPN session "
		"not terminated. Cisco Secure Desktop was not running.");
	const json_t *d = scene_only(*state, "csd");
	expect(d, "open", "suspected", "192.0.2.9", "null");
	assert_string_equal(text_of(d, "user"), "jdoe");
}

static void a_name_that_comes_later_names_the_diagnosis(void **state)
{
	reject_certificate(*state, "50001");
	scene_wait(*state, 1000);
	scene_line(*state,
		"fw1 : %ASA-4-724002: Group <G> User <" PHONE_A "> IP <192.0.2.9> WebVPN "
		"session not terminated. Cisco Secure Desktop was not running.");
	expect(scene_only(*state, "hash-mismatch"), "open", "probable", "192.0.2.9",
		"SEP8CB64F576113");
}

static void what_keeps_failing_is_one_diagnosis_with_a_count(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	for (int i = 0; i < 5; i++) {
		char port[12];
		snprintf(port, sizeof(port), "%d", 50001 + i);
		scene_wait(*state, 30000);
		reject_certificate(*state, port);
	}
	const json_t *d = scene_only(*state, "hash-mismatch");
	assert_int_equal(json_integer_value(json_object_get(d, "count")), 5);
	assert_in_range(json_array_size(json_object_get(d, "evidence")), 3, 8);
}

static void tunnel_recovers_and_relapse_within_a_minute_reopens(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	scene_wait(*state, 1000);
	reject_certificate(*state, "50001");
	char id[20];
	snprintf(id, sizeof(id), "%s", text_of(scene_only(*state, "hash-mismatch"), "id"));
	scene_wait(*state, 5000);
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	const json_t *d = scene_only(*state, "hash-mismatch");
	assert_string_equal(text_of(d, "state"), "recovered");
	assert_string_equal(text_of(d, "recovered_at"), "1970-01-01T00:00:07.004Z");
	scene_wait(*state, 30000);
	reject_certificate(*state, "50002");
	d = scene_only(*state, "hash-mismatch");
	assert_string_equal(text_of(d, "state"), "open");
	assert_string_equal(text_of(d, "id"), id);
	assert_string_equal(text_of(d, "recovered_at"), "null");
}

static void later_relapse_is_a_new_diagnosis(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	reject_certificate(*state, "50001");
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	scene_wait(*state, 90000);
	reject_certificate(*state, "50002");
	assert_int_equal(scene_count(*state, "hash-mismatch"), 2);
}

static void evidence_of_before_a_success_is_void(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	scene_line(*state,
		"fw1 : %ASA-7-725012: Device chooses cipher : A for the SSL session with client "
		"outside:192.0.2.9/1");
	scene_line(*state,
		"fw1 : %ASA-6-725006: Device failed SSL handshake with client outside:192.0.2.9/1");
	scene_wait(*state, 10);
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	scene_wait(*state, 10);
	// The alert of another handshake alone is not the pair that the rule wants.
	scene_line(*state,
		"fw1 : %ASA-7-725012: Device chooses cipher : A for the SSL session with client "
		"outside:192.0.2.9/2");
	scene_line(*state,
		"fw1 : %ASA-7-725014: SSL lib error. Function: F Reason: tlsv1 alert unknown ca");
	scene_finish(*state);
	assert_int_equal(scene_count(*state, "hash-mismatch"), 0);
}

static void consequence_after_its_cause_is_evidence(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	scene_line(*state,
		"fw1 : %ASA-6-113013: AAA unable to complete the request Error : reason = "
		"Simultaneous logins exceeded for user : user = " PHONE_A);
	scene_line(*state, "fw1 : %ASA-6-716039: Group <G> User <" PHONE_A "> IP <192.0.2.9> "
			   "Authentication: rejected, Session Type: WebVPN.");
	const json_t *d = scene_only(*state, "simultaneous");
	expect(d, "open", "confirmed", "192.0.2.9", "SEP8CB64F576113");
	assert_int_equal(json_array_size(json_object_get(d, "evidence")), 2);
	assert_int_equal(scene_count(*state, NULL), 1);
}

static void consequence_before_its_cause_is_absorbed(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	scene_line(*state, "fw1 : %ASA-6-716039: Group <G> User <" PHONE_A "> IP <192.0.2.9> "
			   "Authentication: rejected, Session Type: WebVPN.");
	assert_int_equal(scene_count(*state, "auth-rejected"), 1);
	scene_line(*state,
		"fw1 : %ASA-6-113013: AAA unable to complete the request Error : reason = "
		"Simultaneous logins exceeded for user : user = " PHONE_A);
	assert_int_equal(scene_count(*state, "auth-rejected"), 0);
	assert_int_equal(
		json_array_size(json_object_get(scene_only(*state, "simultaneous"), "evidence")),
		2);
}

static void gateway_fact_gives_the_cause_and_dates_nothing(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	scene_line(*state,
		"fw1 : %ASA-1-717055: The ID certificate in the trustpoint TP has expired. "
		"Expiration Nov 20 2026");
	scene_wait(*state, 60000);
	reject_certificate(*state, "50001");
	const json_t *d = scene_only(*state, "hash-mismatch");
	assert_string_equal(text_of(json_object_get(d, "details"), "cause"), "expired");
	const json_t *first = json_array_get(json_object_get(d, "evidence"), 0);
	assert_string_equal(text_of(first, "code"), "725012");
	assert_string_equal(text_of(d, "first_seen"), text_of(first, "time"));
}

static void another_gateways_fact_is_none(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	scene_line(*state,
		"fw2 : %ASA-1-717055: The ID certificate in the trustpoint TP has expired.");
	reject_certificate(*state, "50001");
	const json_t *d = scene_only(*state, "hash-mismatch");
	assert_string_equal(text_of(json_object_get(d, "details"), "cause"), "unknown");
}

static void cipher_lists_that_do_not_meet(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	scene_line(*state,
		"fw1 : %ASA-6-725001: Starting SSL handshake with client outside:192.0.2.9/7");
	scene_line(*state, "fw1 : %ASA-7-725010: Device supports the following 2 cipher(s).");
	scene_line(*state, "fw1 : %ASA-7-725011: Cipher[1] : RC4-SHA");
	scene_line(*state, "fw1 : %ASA-7-725011: Cipher[2] : DES-CBC3-SHA");
	scene_line(*state,
		"fw1 : %ASA-7-725008: SSL client outside:192.0.2.9/7 proposes the following 2 cipher(s).");
	scene_line(*state, "fw1 : %ASA-7-725011: Cipher[1] : AES256-SHA");
	scene_line(*state, "fw1 : %ASA-7-725011: Cipher[2] : AES128-SHA");
	scene_line(
		*state, "fw1 : %ASA-7-725014: SSL lib error. Function: F Reason: no shared cipher");
	scene_finish(*state);
	const json_t *details = json_object_get(scene_only(*state, "no-shared-cipher"), "details");
	const json_t *offered = json_object_get(details, "offered");
	assert_int_equal(json_array_size(offered), 2);
	assert_string_equal(json_string_value(json_array_get(offered, 0)), "AES256-SHA");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(details, "supported"), 1)),
		"DES-CBC3-SHA");
}

static void quiet_recovers_at_the_exact_time(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	scene_line(*state,
		"fw1 : %ASA-4-106103: access-list NO-TRAFFIC denied udp for user '" PHONE_A
		"' outside/10.9.9.9(49152) -> inside/10.0.0.5(69) hit-cnt 1");
	expect(scene_only(*state, "filter"), "open", "confirmed", "192.0.2.9", "SEP8CB64F576113");
	scene_wait(*state, 3600 * 1000);
	const json_t *d = scene_only(*state, "filter");
	assert_string_equal(text_of(d, "state"), "recovered");
	assert_string_equal(text_of(d, "recovered_at"), "1970-01-01T00:10:01.001Z");
}

static void repetition_is_counted_within_its_time(void **state)
{
	static const char line[] = "fw1 : %ASA-5-722037: Group <GP> User <" PHONE_A
				   "> IP <192.0.2.9> SVC closing connection: DPD failure.";
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	for (int i = 0; i < 4; i++) {
		scene_wait(*state, 400 * 1000);
		scene_line(*state, line);
	}
	assert_int_equal(scene_count(*state, "flapping"), 0);
	scene_wait(*state, 60 * 1000);
	scene_line(*state, line);
	assert_int_equal(scene_count(*state, "flapping"), 1);
}

static void absence_is_proved_by_time_alone(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	scene_wait(*state, 29000);
	assert_int_equal(scene_count(*state, "no-dtls"), 0);
	scene_wait(*state, 12000);
	assert_int_equal(scene_count(*state, "no-dtls"), 1);
}

static void what_came_is_not_absent(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	scene_wait(*state, 5000);
	scene_line(*state,
		"fw1 : %ASA-5-722033: Group <GP> User <" PHONE_A "> IP <192.0.2.9> First UDP SVC "
		"connection established for SVC session.");
	scene_wait(*state, 60000);
	assert_int_equal(scene_count(*state, "no-dtls"), 0);
}

static void gateway_has_diagnoses_of_its_own(void **state)
{
	scene_line(*state,
		"fw1 : %ASA-2-113022: AAA Marking RADIUS server 10.0.0.1 in aaa-server group R as FAILED");
	const json_t *d = scene_only(*state, "aaa-down");
	expect(d, "open", "confirmed", "null", "null");
	assert_string_equal(text_of(d, "scope"), "gateway");
	assert_string_equal(text_of(d, "gateway"), "fw1");
	scene_line(*state,
		"fw2 : %ASA-2-113023: AAA Marking RADIUS server 10.0.0.1 in aaa-server group R as ACTIVE");
	assert_string_equal(text_of(scene_only(*state, "aaa-down"), "state"), "open");
	scene_line(*state,
		"fw1 : %ASA-2-113023: AAA Marking RADIUS server 10.0.0.1 in aaa-server group R as ACTIVE");
	assert_string_equal(text_of(scene_only(*state, "aaa-down"), "state"), "recovered");
}

static void distinct_values_are_counted(void **state)
{
	scene_line(*state, "fw1 : %ASA-3-717009: Certificate validation failed. one");
	scene_line(*state, "fw1 : %ASA-3-717009: Certificate validation failed. two");
	scene_line(*state, "fw1 : %ASA-3-717009: Certificate validation failed. two");
	assert_int_equal(scene_count(*state, "clock-wrong"), 0);
	scene_line(*state, "fw1 : %ASA-3-717009: Certificate validation failed. three");
	assert_int_equal(scene_count(*state, "clock-wrong"), 1);
}

static void unnamed_failure_of_two_phones_is_nobodys(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	tunnel_up(*state, PHONE_B, "192.0.2.9");
	reject_certificate(*state, "50001");
	const json_t *d = scene_only(*state, "hash-mismatch");
	expect(d, "open", "probable", "192.0.2.9", "null");
	assert_true(json_is_true(json_object_get(d, "ambiguous")));
	assert_true(json_is_true(json_object_get(d, "is_phone")));
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(d, "details"), "devices")), 2);
	// Whose it was is not known, so the success of one does not end it.
	scene_wait(*state, 1000);
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	assert_string_equal(text_of(scene_only(*state, "hash-mismatch"), "state"), "open");
	tunnel_up(*state, "bob", "192.0.2.9");
	assert_string_equal(text_of(scene_only(*state, "hash-mismatch"), "state"), "open");
	// Whichever it was, it is back.
	tunnel_up(*state, PHONE_B, "192.0.2.9");
	assert_string_equal(text_of(scene_only(*state, "hash-mismatch"), "state"), "recovered");
}

static void phones_own_log_names_the_failure_of_two(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	tunnel_up(*state, PHONE_B, "192.0.2.9");
	reject_certificate(*state, "50001");
	scene_line_from(*state, "192.0.2.9",
		"SEP00CAFE000002 2: ERR 10:00:00.2 VPNC: VPN cert chain verification failed");
	const json_t *d = scene_only(*state, "hash-mismatch");
	assert_string_equal(text_of(d, "device"), "SEP00CAFE000002");
	scene_wait(*state, 1000);
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	assert_string_equal(text_of(scene_only(*state, "hash-mismatch"), "state"), "open");
	tunnel_up(*state, PHONE_B, "192.0.2.9");
	assert_string_equal(text_of(scene_only(*state, "hash-mismatch"), "state"), "recovered");
}

static void ambiguous_binding_alone_never_confirms(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	scene_line(*state,
		"fw1 : %ASA-6-725001: Starting SSL handshake with client outside:192.0.2.77/1");
	scene_line(*state,
		"fw1 : %ASA-6-725001: Starting SSL handshake with client outside:192.0.2.9/2");
	scene_line(*state,
		"fw1 : %ASA-7-725014: SSL lib error. Function: F Reason: tlsv1 alert unknown ca");
	scene_line(*state,
		"fw1 : %ASA-6-725006: Device failed SSL handshake with client outside:192.0.2.9/2");
	const json_t *d = scene_only(*state, "hash-mismatch");
	expect(d, "open", "probable", "192.0.2.9", "SEP8CB64F576113");
	assert_true(json_is_true(json_object_get(d, "ambiguous")));
}

static void nothing_is_heard_for_a_day_and_it_expires(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	reject_certificate(*state, "50001");
	scene_wait(*state, 25ull * 3600 * 1000);
	assert_string_equal(text_of(scene_only(*state, "hash-mismatch"), "state"), "expired");
}

static void rule_that_a_reload_removed_expires(void **state)
{
	tunnel_up(*state, PHONE_A, "192.0.2.9");
	reject_certificate(*state, "50001");
	scene_reload(*state,
		"recovery: [x]\nmessages: [{id: ASA-100001, event: x, text: 'nothing like {client}'}]\n");
	scene_wait(*state, 20000);
	assert_string_equal(text_of(scene_only(*state, "hash-mismatch"), "state"), "expired");
}

static void same_input_gives_the_same_ids(void **state)
{
	char id[20];
	reject_certificate(*state, "50001");
	snprintf(id, sizeof(id), "%s", text_of(scene_only(*state, NULL), "id"));
	struct scene *other = scene_create(scene_pack, 3, NULL);
	reject_certificate(other, "50001");
	assert_string_equal(text_of(scene_only(other, NULL), "id"), id);
	scene_destroy(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unknown_address_is_suspected_at_most),
		TEST(known_phone_gives_one_side_probable),
		TEST(both_sides_confirm),
		TEST(one_decisive_line_confirms_for_a_phone),
		TEST(the_same_line_of_a_pc_stays_suspected),
		TEST(a_name_that_comes_later_names_the_diagnosis),
		TEST(what_keeps_failing_is_one_diagnosis_with_a_count),
		TEST(tunnel_recovers_and_relapse_within_a_minute_reopens),
		TEST(later_relapse_is_a_new_diagnosis),
		TEST(evidence_of_before_a_success_is_void),
		TEST(consequence_after_its_cause_is_evidence),
		TEST(consequence_before_its_cause_is_absorbed),
		TEST(gateway_fact_gives_the_cause_and_dates_nothing),
		TEST(another_gateways_fact_is_none),
		TEST(cipher_lists_that_do_not_meet),
		TEST(quiet_recovers_at_the_exact_time),
		TEST(repetition_is_counted_within_its_time),
		TEST(absence_is_proved_by_time_alone),
		TEST(what_came_is_not_absent),
		TEST(gateway_has_diagnoses_of_its_own),
		TEST(distinct_values_are_counted),
		TEST(unnamed_failure_of_two_phones_is_nobodys),
		TEST(phones_own_log_names_the_failure_of_two),
		TEST(ambiguous_binding_alone_never_confirms),
		TEST(nothing_is_heard_for_a_day_and_it_expires),
		TEST(rule_that_a_reload_removed_expires),
		TEST(same_input_gives_the_same_ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
