// SPDX-License-Identifier: BSD-3-Clause
#include "scene_lines.h"

#define HOME "192.0.2.9" // several phones behind one address
#define ELSEWHERE "192.0.2.10"

// Two failures that want the same end of a handshake, and one in order.
static const char pack_of_ports[] =
	"recovery: [tunnel-assigned]\n"
	"messages:\n"
	"  - {id: ASA-725001, event: tls-started, handshake: starts,\n"
	"     text: 'Starting SSL handshake with client {interface}:{client}/{port}'}\n"
	"  - {id: ASA-725006, event: tls-failed, handshake: fails,\n"
	"     text: 'Device failed SSL handshake with client {interface}:{client}/{port}'}\n"
	"  - {id: ASA-725012, event: tls-chosen, handshake: chooses,\n"
	"     text: 'Device chooses cipher : {cipher} for the SSL session with client "
	"{interface}:{client}/{port}'}\n"
	"  - id: ASA-725014\n"
	"    text: 'SSL lib error. Function: {function} Reason: {reason}'\n"
	"    event: tls-error\n"
	"    handshake: reason\n"
	"    cases:\n"
	"      - {reason: '*unknown ca*', event: unknown-ca, handshake: reason-late}\n"
	"      - {reason: '*no shared cipher*', event: no-cipher, handshake: reason-early}\n"
	"  - {id: ASA-722051, event: tunnel-assigned, alias: assign,\n"
	"     text: 'Group <{group_policy}> User <{user}> IP <{client}> IPv4 Address <{tunnel}>'}\n"
	"diagnoses:\n"
	"  - {id: mismatch, title: t, remedy: r, evidence: [tls-chosen],\n"
	"     probable: {all: [unknown-ca, tls-failed]}}\n"
	"  - {id: no-shared-cipher, title: t, remedy: r, suspected: no-cipher,\n"
	"     probable: {all: [no-cipher, tls-failed]}}\n"
	"  - {id: in-order, title: t, remedy: r,\n"
	"     probable: {sequence: [tls-chosen, tls-failed], within: 10s}}\n";

static int set_up(void **state)
{
	*state = scene_create(scene_pack, 1, NULL);
	return 0;
}

static int set_up_ports(void **state)
{
	*state = scene_create(pack_of_ports, 1, NULL);
	tunnel_up(*state, PHONE_A, HOME, "10.9.9.9");
	return 0;
}

static int tear_down(void **state)
{
	scene_destroy(*state);
	return 0;
}

static void two_phones(struct scene *s)
{
	tunnel_up(s, PHONE_A, HOME, "10.9.9.1");
	tunnel_up(s, PHONE_B, HOME, "10.9.9.2");
	scene_wait(s, 10);
}

// ---- one connection at a time ----

static void two_failures_of_one_address_are_two_diagnoses(void **state)
{
	struct scene *s = *state;
	tls_starts(s, HOME, 50001);
	tls_error(s, "no shared cipher");
	tls_fails(s, HOME, 50001);
	scene_wait(s, 20000);
	reject_certificate(s, HOME, 50002);
	assert_open(s, "no-shared-cipher", HOME, SEP_A);
	assert_open(s, "mismatch", HOME, SEP_A);
	const json_t *d = scene_only(s, "mismatch");
	assert_int_equal(n_evidence(d), 3);
	assert_int_equal(n_evidence_with(d, "/50001"), 0);
	assert_int_equal(n_evidence_with(d, "/50002"), 2);
	assert_int_equal(number_of(d, "count"), 1);
	d = scene_only(s, "no-shared-cipher");
	assert_int_equal(n_evidence(d), 2);
	assert_int_equal(n_evidence_with(d, "/50001"), 1);
	assert_int_equal(n_evidence_with(d, "no shared cipher"), 1);
	assert_int_equal(number_of(d, "count"), 1);
}

// The same the other way round, and told in turn.
static void failures_that_take_turns_do_not_mix(void **state)
{
	struct scene *s = *state;
	for (unsigned i = 0; i < 4; i++) {
		reject_certificate(s, HOME, 50001 + i);
		scene_wait(s, 5000);
		tls_starts(s, HOME, 51001 + i);
		tls_error(s, "no shared cipher");
		tls_fails(s, HOME, 51001 + i);
		scene_wait(s, 5000);
	}
	const json_t *d = scene_only(s, "mismatch");
	assert_int_equal(number_of(d, "count"), 4);
	assert_int_equal(n_evidence_with(d, "/510"), 0);
	assert_int_equal(n_evidence_with(d, "no shared cipher"), 0);
	d = scene_only(s, "no-shared-cipher");
	assert_int_equal(number_of(d, "count"), 4);
	assert_int_equal(n_evidence_with(d, "/500"), 0);
	assert_int_equal(n_evidence_with(d, "unknown ca"), 0);
}

static void the_sign_of_one_and_the_end_of_another_prove_nothing(void **state)
{
	struct scene *s = *state;
	tls_starts(s, HOME, 50001);
	tls_error(s, "no shared cipher");
	scene_wait(s, 3000); // it is let go: the only handshake's
	assert_string_equal(text_of(scene_only(s, "no-shared-cipher"), "confidence"), "suspected");
	tls_starts(s, HOME, 50002);
	tls_fails(s, HOME, 50002);
	const json_t *d = scene_only(s, "no-shared-cipher");
	assert_string_equal(text_of(d, "confidence"), "suspected");
	assert_int_equal(n_evidence(d), 1);
	tls_fails(s, HOME, 50001);
	d = scene_only(s, "no-shared-cipher");
	assert_string_equal(text_of(d, "confidence"), "probable");
	assert_int_equal(n_evidence_with(d, "/50001"), 1);
}

// What only adds to the signs is of their connection, too.
static void what_stands_beside_it_on_another_connection_is_no_evidence(void **state)
{
	struct scene *s = *state;
	tls_chooses(s, HOME, 50001);
	reject_certificate(s, HOME, 50002);
	tls_chooses(s, HOME, 50003);
	const json_t *d = scene_only(s, "mismatch");
	assert_int_equal(n_evidence_with(d, "/50002"), 2);
	assert_int_equal(n_evidence(d), 3);
}

static void a_sequence_is_of_one_connection(void **state)
{
	struct scene *s = *state;
	tls_chooses(s, HOME, 50001);
	tls_starts(s, HOME, 50002);
	tls_fails(s, HOME, 50002);
	assert_int_equal(scene_count(s, "in-order"), 0);
	tls_fails(s, HOME, 50001);
	assert_open(s, "in-order", HOME, SEP_A);
	const json_t *d = scene_only(s, "in-order");
	assert_int_equal(n_evidence_with(d, "/50001"), 2);
	assert_int_equal(n_evidence_with(d, "/50002"), 0);
}

// ---- several phones behind one address ----

static size_t n_devices(const json_t *diagnosis)
{
	return json_array_size(json_object_get(json_object_get(diagnosis, "details"), "devices"));
}

static void a_failure_without_a_name_is_of_any_of_them(void **state)
{
	struct scene *s = *state;
	two_phones(s);
	reject_certificate(s, HOME, 50001);
	assert_open(s, "hash-mismatch", HOME, "null");
	const json_t *d = scene_only(s, "hash-mismatch");
	assert_true(is_true(d, "ambiguous"));
	assert_true(is_true(d, "is_phone"));
	assert_string_equal(text_of(d, "user"), "null");
	assert_string_equal(text_of(d, "tunnel_ip"), "null");
	char *devices =
		json_dumps(json_object_get(json_object_get(d, "details"), "devices"), JSON_COMPACT);
	assert_non_null(strstr(devices, SEP_A));
	assert_non_null(strstr(devices, SEP_B));
	free(devices);
	assert_int_equal(n_devices(d), 2);
}

// One line that can mean nothing else still does not say of whom.
static void what_names_nobody_is_sure_where_there_is_one_phone(void **state)
{
	struct scene *s = *state;
	two_phones(s);
	tunnel_up(s, "CP-8841-SEP00CAFE000003", ELSEWHERE, "10.9.9.3");
	scene_line_from(s, HOME, HOST_ID);
	scene_line_from(s, ELSEWHERE, HOST_ID);
	assert_string_equal(text_of(told_of(s, "host-id", "null"), "confidence"), "probable");
	assert_true(is_true(told_of(s, "host-id", "null"), "ambiguous"));
	assert_int_equal(n_devices(told_of(s, "host-id", "null")), 2);
	assert_string_equal(
		text_of(told_of(s, "host-id", "SEP00CAFE000003"), "confidence"), "confirmed");
	assert_false(is_true(told_of(s, "host-id", "SEP00CAFE000003"), "ambiguous"));
}

// Whoever comes to the address later is one that it may have been, too.
static void a_pc_beside_a_phone_leaves_it_open_too(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, HOME, "10.9.9.1");
	tunnel_up(s, "jdoe", HOME, "10.9.9.2");
	scene_wait(s, 10);
	reject_certificate(s, HOME, 50001);
	assert_open(s, "hash-mismatch", HOME, "null");
	assert_true(is_true(scene_only(s, "hash-mismatch"), "ambiguous"));
}

static void a_success_recovers_what_is_its_phones_own(void **state)
{
	struct scene *s = *state;
	two_phones(s);
	csd(s, PHONE_A, HOME);
	csd(s, PHONE_B, HOME);
	assert_false(is_true(told_of(s, "csd", SEP_A), "ambiguous"));
	scene_wait(s, 3000);
	tunnel_up(s, PHONE_A, HOME, "10.9.9.1");
	assert_state(s, "csd", SEP_A, "recovered");
	assert_state(s, "csd", SEP_B, "open");
	scene_wait(s, 3000);
	tunnel_up(s, PHONE_B, HOME, "10.9.9.2");
	assert_state(s, "csd", SEP_B, "recovered");
}

static void at_an_address_of_one_phone_its_success_recovers_what_names_nobody(void **state)
{
	struct scene *s = *state;
	reject_certificate(s, HOME, 50001); // before anybody is known
	scene_wait(s, 3000);
	tunnel_up(s, PHONE_A, HOME, "10.9.9.1");
	assert_string_equal(text_of(scene_only(s, "hash-mismatch"), "state"), "recovered");
}

static void a_relapse_of_one_is_not_the_others(void **state)
{
	struct scene *s = *state;
	two_phones(s);
	csd(s, PHONE_A, HOME);
	scene_wait(s, 3000);
	tunnel_up(s, PHONE_A, HOME, "10.9.9.1");
	scene_wait(s, 3000);
	csd(s, PHONE_B, HOME);
	assert_state(s, "csd", SEP_A, "recovered");
	assert_open(s, "csd", HOME, SEP_B);
	assert_int_equal(number_of(told_of(s, "csd", SEP_B), "count"), 1);
}

// The gateway's side names nobody, the phone's side comes so long after its first line.
static void two_sides(struct scene *s, uint64_t apart_ms)
{
	reject_certificate(s, HOME, 50001);
	scene_wait(s, apart_ms - 3);
	scene_line_from(s, HOME, SEP_A " " UNTRUSTED);
}

static void the_other_side_names_a_failure_of_just_before(void **state)
{
	struct scene *s = *state;
	two_phones(s);
	two_sides(s, 4900);
	assert_open(s, "hash-mismatch", HOME, SEP_A);
	const json_t *d = scene_only(s, "hash-mismatch");
	assert_int_equal(n_evidence_with(d, "/50001"), 2);
	assert_int_equal(n_evidence_with(d, "cert chain verification failed"), 1);
	assert_int_equal(number_of(d, "count"), 1);
	// The gateway's side could still be the other phone's.
	assert_string_equal(text_of(d, "confidence"), "probable");
}

static void later_it_is_another_failure(void **state)
{
	struct scene *s = *state;
	two_phones(s);
	two_sides(s, 5100);
	assert_open(s, "hash-mismatch", HOME, "null");
	assert_open(s, "hash-mismatch", HOME, SEP_A);
	assert_int_equal(n_evidence(told_of(s, "hash-mismatch", SEP_A)), 1);
	assert_int_equal(
		n_evidence_with(told_of(s, "hash-mismatch", "null"), "cert chain verification"), 0);
}

// A PC rejects no certificate as phones do: beside one, both sides together are the phone's.
static void the_other_side_confirms_at_an_address_of_one_phone(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, HOME, "10.9.9.1");
	tunnel_up(s, "jdoe", HOME, "10.9.9.2");
	two_sides(s, 4900);
	assert_open(s, "hash-mismatch", HOME, SEP_A);
	const json_t *d = scene_only(s, "hash-mismatch");
	assert_string_equal(text_of(d, "confidence"), "confirmed");
	assert_false(is_true(d, "ambiguous"));
}

static void later_it_does_not(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, HOME, "10.9.9.1");
	tunnel_up(s, "jdoe", HOME, "10.9.9.2");
	two_sides(s, 5100);
	assert_string_equal(text_of(told_of(s, "hash-mismatch", SEP_A), "confidence"), "probable");
	assert_string_equal(text_of(told_of(s, "hash-mismatch", "null"), "confidence"), "probable");
	assert_true(is_true(told_of(s, "hash-mismatch", "null"), "ambiguous"));
}

// The other way round: first the phone's own word, then the gateway's.
static void the_gateways_side_that_follows_is_of_the_phone_that_said_so(void **state)
{
	struct scene *s = *state;
	two_phones(s);
	scene_line_from(s, HOME, SEP_B " " UNTRUSTED);
	scene_wait(s, 4000);
	reject_certificate(s, HOME, 50001);
	assert_open(s, "hash-mismatch", HOME, SEP_B);
	assert_int_equal(n_evidence_with(scene_only(s, "hash-mismatch"), "/50001"), 2);
	scene_wait(s, 6000);
	reject_certificate(s, HOME, 50002);
	assert_open(s, "hash-mismatch", HOME, "null");
	assert_int_equal(n_evidence_with(told_of(s, "hash-mismatch", SEP_B), "/50002"), 0);
}

static void both_sides_of_the_only_phone_confirm(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, HOME, "10.9.9.1");
	reject_certificate(s, HOME, 50001);
	scene_line_from(s, HOME, SEP_A " " UNTRUSTED);
	assert_open(s, "hash-mismatch", HOME, SEP_A);
	assert_string_equal(text_of(scene_only(s, "hash-mismatch"), "confidence"), "confirmed");
}

static void another_address_has_nothing_of_it(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, HOME, "10.9.9.1");
	tunnel_up(s, PHONE_B, ELSEWHERE, "10.9.9.2");
	reject_certificate(s, HOME, 50001);
	scene_line_from(s, ELSEWHERE, SEP_B " " UNTRUSTED);
	assert_string_equal(text_of(told_of(s, "hash-mismatch", SEP_A), "confidence"), "probable");
	assert_string_equal(text_of(told_of(s, "hash-mismatch", SEP_B), "confidence"), "probable");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_OF_PORTS(name) cmocka_unit_test_setup_teardown(name, set_up_ports, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF_PORTS(two_failures_of_one_address_are_two_diagnoses),
		TEST_OF_PORTS(failures_that_take_turns_do_not_mix),
		TEST_OF_PORTS(the_sign_of_one_and_the_end_of_another_prove_nothing),
		TEST_OF_PORTS(what_stands_beside_it_on_another_connection_is_no_evidence),
		TEST_OF_PORTS(a_sequence_is_of_one_connection),
		TEST(a_failure_without_a_name_is_of_any_of_them),
		TEST(what_names_nobody_is_sure_where_there_is_one_phone),
		TEST(a_pc_beside_a_phone_leaves_it_open_too),
		TEST(a_success_recovers_what_is_its_phones_own),
		TEST(at_an_address_of_one_phone_its_success_recovers_what_names_nobody),
		TEST(a_relapse_of_one_is_not_the_others),
		TEST(the_other_side_names_a_failure_of_just_before),
		TEST(later_it_is_another_failure),
		TEST(the_other_side_confirms_at_an_address_of_one_phone),
		TEST(later_it_does_not),
		TEST(the_gateways_side_that_follows_is_of_the_phone_that_said_so),
		TEST(both_sides_of_the_only_phone_confirm),
		TEST(another_address_has_nothing_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
