// SPDX-License-Identifier: BSD-3-Clause
#include "scene_test.h"

#define HOME "192.0.2.9"
#define STRANGER "203.0.113.66"

static unsigned n_identities(struct scene *s)
{
	unsigned n = 0;
	for (unsigned i = 0; i < scene_workers(s)->n; i++)
		n += scene_workers(s)->worker[i]->sessions.n_identities;
	return n;
}

static unsigned n_phones(struct scene *s)
{
	unsigned n = 0;
	for (unsigned i = 0; i < scene_workers(s)->n; i++)
		n += scene_workers(s)->worker[i]->sessions.n_phones;
	return n;
}

// A handshake with the certificate of a phone.
static void proves(struct scene *s, const char *client, unsigned port, const char *name)
{
	tls_starts(s, client, port);
	certificate_of(s, name);
	tls_completes(s, client, port);
}

// In a group that is none of phones.
static void csd_of_staff(struct scene *s, const char *user, const char *client)
{
	say(s,
		"fw1 : %%ASA-4-724002: Group <Staff> User <%s> IP <%s> WebVPN session not terminated. "
		"Cisco",
		user, client);
}

static void csd_of_phones(struct scene *s, const char *user, const char *client)
{
	say(s,
		"fw1 : %%ASA-4-724002: Group <VPNPhone> User <%s> IP <%s> WebVPN session not terminated. "
		"Cisco",
		user, client);
}

// ---- the certificate says the phone, the login says a user ----

static void a_login_is_of_the_phone_whose_certificate_has_just_been_shown(void **state)
{
	struct scene *s = *state;
	proves(s, HOME, 50001, PHONE_A);
	tunnel_up(s, "alice", HOME, "10.9.9.9");
	csd_of_staff(s, "alice", HOME);
	assert_open(s, "csd", HOME, SEP_A);
	const json_t *d = scene_only(s, "csd");
	assert_string_equal(text_of(d, "user"), "alice");
	assert_string_equal(text_of(d, "model"), "CP-7962G");
	assert_string_equal(text_of(d, "tunnel_ip"), "10.9.9.9");
	assert_true(is_true(d, "is_phone"));
	assert_int_equal(n_identities(s), 1);
}

static void by_its_user_the_phone_is_known_from_then_on(void **state)
{
	struct scene *s = *state;
	proves(s, HOME, 50001, PHONE_A);
	tunnel_up(s, "alice", HOME, "10.9.9.9");
	scene_wait(s, 60000);
	say(s, "fw1 : %%ASA-6-113013: AAA unable to complete the request Error : reason = "
	       "Simultaneous logins exceeded for user : user = alice");
	assert_open(s, "simultaneous", HOME, SEP_A);
}

static void a_login_of_another_phone_is_another(void **state)
{
	struct scene *s = *state;
	proves(s, HOME, 50001, PHONE_A);
	csd(s, PHONE_B, HOME);
	assert_open(s, "csd", HOME, SEP_B);
	assert_int_equal(n_identities(s), 2);
	scene_line_from(s, HOME, SEP_A " " HOST_ID);
	assert_open(s, "host-id", HOME, SEP_A);
	assert_string_equal(text_of(scene_only(s, "host-id"), "user"), "null");
}

static void a_login_long_after_the_handshake_is_anybodys(void **state)
{
	struct scene *s = *state;
	proves(s, HOME, 50001, PHONE_A);
	scene_wait(s, 10100);
	csd_of_staff(s, "alice", HOME);
	assert_open(s, "csd", HOME, "null");
	assert_false(is_true(scene_only(s, "csd"), "is_phone"));
	assert_int_equal(n_identities(s), 2);
}

static void beside_a_client_without_a_certificate_a_login_is_anybodys(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, "bob", HOME, "10.9.9.7");
	tls_starts(s, HOME, 50009);
	tls_completes(s, HOME, 50009);
	scene_wait(s, 25000);
	proves(s, HOME, 50001, PHONE_A);
	scene_wait(s, 1000);
	csd_of_staff(s, "alice", HOME);
	assert_open(s, "csd", HOME, "null");
	assert_int_equal(n_identities(s), 3);
}

static void a_phone_that_has_its_user_gets_no_other(void **state)
{
	struct scene *s = *state;
	proves(s, HOME, 50001, PHONE_A);
	tunnel_up(s, "alice", HOME, "10.9.9.9");
	proves(s, HOME, 50002, PHONE_A);
	csd_of_staff(s, "bob", HOME);
	assert_open(s, "csd", HOME, "null");
	assert_string_equal(text_of(scene_only(s, "csd"), "user"), "bob");
	assert_int_equal(n_identities(s), 2);
}

// ---- two halves ----

// A user, and a device without one: when the user turns out to be a phone, they are one.
static void a_user_and_a_device_turn_out_to_be_one(void **state)
{
	struct scene *s = *state;
	csd_of_staff(s, "alice", HOME);
	scene_wait(s, 60000);
	scene_line_from(s, HOME, SEP_A " " HOST_ID);
	assert_int_equal(n_identities(s), 2);
	assert_open(s, "csd", HOME, "null");
	assert_open(s, "host-id", HOME, SEP_A);
	csd_of_phones(s, "alice", HOME);
	assert_int_equal(n_identities(s), 1);
	assert_int_equal(n_phones(s), 1);
	assert_open(s, "csd", HOME, SEP_A);
	const json_t *d = scene_only(s, "csd");
	assert_string_equal(text_of(d, "user"), "alice");
	assert_int_equal(number_of(d, "count"), 2);
	assert_int_equal(n_evidence(d), 2);
	assert_string_equal(text_of(scene_only(s, "host-id"), "user"), "alice");
	assert_int_equal(scene_count(s, NULL), 2);
}

// Both have failed in the same way: it is one failure.
static void what_both_halves_suffer_is_one_diagnosis(void **state)
{
	struct scene *s = *state;
	csd_of_staff(s, "alice", HOME);
	scene_wait(s, 2000);
	say(s, "fw1 : %%ASA-4-724002: Group <Staff> User <*****> IP <" HOME "> WebVPN session not "
	       "terminated");
	scene_wait(s, 2000);
	scene_line_from(s, HOME, SEP_A " " UNTRUSTED);
	assert_int_equal(scene_count(s, "csd"), 2);
	csd_of_phones(s, "alice", HOME);
	assert_open(s, "csd", HOME, SEP_A);
	assert_int_equal(scene_count(s, "csd"), 1);
	assert_int_equal(n_identities(s), 1);
	const json_t *d = scene_only(s, "csd");
	assert_int_equal(number_of(d, "count"), 3);
	assert_int_equal(n_evidence(d), 2);
	assert_string_equal(text_of(d, "first_seen"), "1970-01-01T00:00:01.000Z");
}

static void with_two_devices_it_may_be_either(void **state)
{
	struct scene *s = *state;
	proves(s, HOME, 50001, PHONE_A);
	proves(s, HOME, 50002, PHONE_B);
	assert_int_equal(n_identities(s), 2);
	scene_wait(s, 60000);
	csd_of_phones(s, "alice", HOME);
	assert_open(s, "csd", HOME, "null");
	assert_string_equal(text_of(scene_only(s, "csd"), "user"), "alice");
	assert_int_equal(n_identities(s), 3);
}

// ---- late ----

static void the_phones_own_log_names_what_is_open(void **state)
{
	struct scene *s = *state;
	reject_certificate(s, HOME, 50001);
	assert_open(s, "hash-mismatch", HOME, "null");
	assert_false(is_true(scene_only(s, "hash-mismatch"), "is_phone"));
	assert_string_equal(text_of(scene_only(s, "hash-mismatch"), "confidence"), "suspected");
	scene_wait(s, 20000);
	scene_line_from(s, HOME, SEP_A " " HOST_ID);
	assert_open(s, "hash-mismatch", HOME, SEP_A);
	assert_true(is_true(scene_only(s, "hash-mismatch"), "is_phone"));
	assert_string_equal(text_of(scene_only(s, "hash-mismatch"), "confidence"), "probable");
}

static void a_name_does_not_rename_what_is_anothers(void **state)
{
	struct scene *s = *state;
	csd(s, PHONE_A, HOME);
	scene_wait(s, 1000);
	tunnel_up(s, PHONE_B, HOME, "10.9.9.8");
	assert_open(s, "csd", HOME, SEP_A);
	assert_string_equal(text_of(scene_only(s, "csd"), "user"), PHONE_A);
}

// ---- claims ----

// Anybody can show any certificate: until the handshake is over, it proves nothing.
static void a_certificate_not_yet_proved_draws_no_line_of_the_phone(void **state)
{
	struct scene *s = *state;
	tls_starts(s, STRANGER, 50001);
	certificate_of(s, PHONE_A);
	tls_fails(s, STRANGER, 50001);
	scene_line_from(s, RELAY, SEP_A " " UNTRUSTED);
	assert_open(s, "hash-mismatch", "null", SEP_A);
	scene_line_from(s, RELAY, SEP_A " " HOST_ID);
	assert_open(s, "host-id", "null", SEP_A);
}

static void a_typed_name_draws_no_line_of_the_phone(void **state)
{
	struct scene *s = *state;
	for (int i = 0; i < 5; i++)
		login_rejected(s, PHONE_A, STRANGER);
	scene_line_from(s, RELAY, SEP_A " " UNTRUSTED);
	assert_open(s, "hash-mismatch", "null", SEP_A);
}

// Nor does it take a phone away that is known elsewhere.
static void a_claim_moves_nobody(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, HOME, "10.9.9.9");
	csd(s, PHONE_A, HOME);
	login_rejected(s, PHONE_A, STRANGER);
	tls_starts(s, STRANGER, 50001);
	certificate_of(s, PHONE_A);
	tls_fails(s, STRANGER, 50001);
	assert_open(s, "csd", HOME, SEP_A);
	scene_line_from(s, RELAY, SEP_A " " UNTRUSTED);
	assert_open(s, "hash-mismatch", HOME, SEP_A);
	scene_line_from(s, "10.9.9.9", HOST_ID);
	assert_open(s, "host-id", HOME, SEP_A);
}

static void a_handshake_that_completes_proves_it(void **state)
{
	struct scene *s = *state;
	proves(s, HOME, 50001, PHONE_A);
	scene_line_from(s, RELAY, SEP_A " " UNTRUSTED);
	assert_open(s, "hash-mismatch", HOME, SEP_A);
}

// Lines of the gateway that name the user alone, around a claim, are about who makes it.
static void a_claim_holds_for_the_gateways_lines_around_it(void **state)
{
	struct scene *s = *state;
	login_rejected(s, PHONE_A, STRANGER);
	scene_wait(s, 2000);
	say(s, "fw1 : %%ASA-6-113013: AAA unable to complete the request Error : reason = "
	       "Simultaneous logins exceeded for user : user = " PHONE_A);
	assert_string_equal(text_of(scene_only(s, "simultaneous"), "client_ip"), STRANGER);
}

static void a_claim_does_not_hold_for_long(void **state)
{
	struct scene *s = *state;
	login_rejected(s, PHONE_A, STRANGER);
	scene_wait(s, 10100);
	say(s, "fw1 : %%ASA-6-113013: AAA unable to complete the request Error : reason = "
	       "Simultaneous logins exceeded for user : user = " PHONE_A);
	scene_wait(s, 6000);
	scene_wait(s, 10); // between workers
	assert_open(s, "simultaneous", "null", SEP_A);
}

// ---- lines that name nobody ----

#define HIDDEN                                                                              \
	"fw1 : %%ASA-6-716039: Authentication: rejected, group = GP user = *****, Session " \
	"Type: WebVPN."

static void a_login_without_a_name_is_of_the_only_client_under_way(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, HOME, "10.9.9.9");
	tunnel_up(s, PHONE_B, "192.0.2.10", "10.9.9.8");
	scene_wait(s, 5000);
	tls_starts(s, HOME, 50001);
	tls_completes(s, HOME, 50001);
	say(s, HIDDEN);
	assert_open(s, "auth-rejected", HOME, SEP_A);
	// It could still be another's.
	assert_true(is_true(scene_only(s, "auth-rejected"), "ambiguous"));
	assert_int_equal(scene_count(s, NULL), 1);
}

static void with_two_under_way_it_is_nobodys(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, HOME, "10.9.9.9");
	tunnel_up(s, PHONE_B, "192.0.2.10", "10.9.9.8");
	scene_wait(s, 5000);
	tls_starts(s, HOME, 50001);
	tls_starts(s, "192.0.2.10", 50001);
	say(s, HIDDEN);
	scene_wait(s, 10000);
	scene_wait(s, 10);
	assert_int_equal(scene_count(s, "auth-rejected"), 0);
	assert_int_equal(scene_dropped(s, EVENT_DROP_no_subject), 1);
}

// ---- room ----

static void sixteen_are_kept_and_a_phone_is_not_pushed_out(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, HOME, "10.9.9.9");
	csd(s, PHONE_A, HOME);
	for (int i = 0; i < 40; i++) {
		char user[16];
		snprintf(user, sizeof(user), "user%d", i);
		csd_of_staff(s, user, HOME);
	}
	assert_int_equal(n_identities(s), IDENTITIES_MAX);
	assert_open(s, "csd", HOME, SEP_A);
	scene_line_from(s, HOME, SEP_A " " HOST_ID);
	assert_open(s, "host-id", HOME, SEP_A);
	assert_int_equal(scene_dropped(s, EVENT_DROP_identities_full), 0);
}

static void the_seventeenth_phone_of_an_address_is_counted(void **state)
{
	struct scene *s = *state;
	for (int i = 0; i < 20; i++) {
		char user[40], tunnel[16];
		snprintf(user, sizeof(user), "CP-8841-SEP00CAFE0000%02X", i);
		snprintf(tunnel, sizeof(tunnel), "10.9.9.%d", i + 1);
		tunnel_up(s, user, HOME, tunnel);
	}
	assert_int_equal(n_phones(s), IDENTITIES_MAX);
	assert_int_equal(scene_dropped(s, EVENT_DROP_identities_full), 4);
	csd(s, "CP-8841-SEP00CAFE000000", HOME);
	assert_open(s, "csd", HOME, "SEP00CAFE000000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ALSO_WITH_THREE_WORKERS(
			a_login_is_of_the_phone_whose_certificate_has_just_been_shown),
		TEST_ALSO_WITH_THREE_WORKERS(by_its_user_the_phone_is_known_from_then_on),
		TEST_ALSO_WITH_THREE_WORKERS(a_login_of_another_phone_is_another),
		TEST_ALSO_WITH_THREE_WORKERS(a_login_long_after_the_handshake_is_anybodys),
		TEST(beside_a_client_without_a_certificate_a_login_is_anybodys),
		TEST(a_phone_that_has_its_user_gets_no_other),
		TEST_ALSO_WITH_THREE_WORKERS(a_user_and_a_device_turn_out_to_be_one),
		TEST(what_both_halves_suffer_is_one_diagnosis),
		TEST(with_two_devices_it_may_be_either),
		TEST_ALSO_WITH_THREE_WORKERS(the_phones_own_log_names_what_is_open),
		TEST(a_name_does_not_rename_what_is_anothers),
		TEST_ALSO_WITH_THREE_WORKERS(
			a_certificate_not_yet_proved_draws_no_line_of_the_phone),
		TEST_ALSO_WITH_THREE_WORKERS(a_typed_name_draws_no_line_of_the_phone),
		TEST_ALSO_WITH_THREE_WORKERS(a_claim_moves_nobody),
		TEST_ALSO_WITH_THREE_WORKERS(a_handshake_that_completes_proves_it),
		TEST_ALSO_WITH_THREE_WORKERS(a_claim_holds_for_the_gateways_lines_around_it),
		TEST_ALSO_WITH_THREE_WORKERS(a_claim_does_not_hold_for_long),
		TEST_ALSO_WITH_THREE_WORKERS(
			a_login_without_a_name_is_of_the_only_client_under_way),
		TEST_ALSO_WITH_THREE_WORKERS(with_two_under_way_it_is_nobodys),
		TEST(sixteen_are_kept_and_a_phone_is_not_pushed_out),
		TEST(the_seventeenth_phone_of_an_address_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
