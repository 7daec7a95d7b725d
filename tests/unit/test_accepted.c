// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../dataplane/accepted.h"
#include "scene_test.h"

#define AT_A "192.0.2.9"
#define AT_B "192.0.2.10"
#define H1 "E57E81EA9954C144976678D0E2418CDF79A93176"
#define H1_SMALL "e57e81ea9954c144976678d0e2418cdf79a93176"
#define H2 "1289B8A7AA9FFD84865E38939F3466A61B5608FC"
#define DAY_MS (24 * 3600 * 1000ull)

// A phone's own line: it tells what certificate it was shown.
static void shown(struct scene *s, const char *device, const char *client, const char *hash)
{
	char line[200];
	snprintf(
		line, sizeof(line), "%s 1: NOT 10:00:00.1 SECD: Leaf cert hash = %s", device, hash);
	scene_line_from(s, client, line);
}

static void says(struct scene *s, const char *device, const char *client, const char *what)
{
	char line[200];
	snprintf(line, sizeof(line), "%s %s", device, what);
	scene_line_from(s, client, line);
}

static void gets_tunnel_of(
	struct scene *s, const char *gateway, const char *user, const char *client)
{
	say(s, "%s : %%ASA-6-722051: Group <GP> User <%s> IP <%s> IPv4 Address <10.9.9.9> IPv6",
		gateway, user, client);
}

// Phone A is shown it, and connects.
static void accepts(struct scene *s, const char *hash)
{
	shown(s, SEP_A, AT_A, hash);
	scene_wait(s, 500);
	tunnel_up(s, PHONE_A, AT_A, "10.9.9.9");
	scene_wait(s, 60000);
}

// Phone B is shown it, and rejects it.
static void rejects(struct scene *s, const char *hash)
{
	tls_chooses(s, AT_B, 50001);
	shown(s, SEP_B, AT_B, hash);
	tls_error(s, "tlsv1 alert unknown ca");
	tls_fails(s, AT_B, 50001);
	says(s, SEP_B, AT_B, UNTRUSTED);
	scene_finish(s);
}

// "H H", as the diagnosis of a phone tells it; "": nothing is expected.
static const char *expected_of(struct scene *s, const char *device)
{
	static char text[400];
	const json_t *d = told_of(s, "hash-mismatch", device), *one;
	const json_t *list = json_object_get(json_object_get(d, "details"), "expected_hash");
	size_t i, len = 0;
	assert_non_null(d);
	assert_true(list == NULL || json_array_size(list) > 0);
	text[0] = '\0';
	json_array_foreach((json_t *)list, i, one) len += (size_t)snprintf(
		text + len, sizeof(text) - len, "%s%s", i ? " " : "", json_string_value(one));
	return text;
}

static const char *shown_to(struct scene *s, const char *device)
{
	const json_t *d = told_of(s, "hash-mismatch", device);
	return text_of(json_object_get(d, "details"), "leaf_hash");
}

static void what_one_phone_took_another_expects(void **state)
{
	accepts(*state, H1);
	rejects(*state, H2);
	assert_string_equal(shown_to(*state, SEP_B), H2);
	assert_string_equal(expected_of(*state, SEP_B), H1);
}

static void what_a_phone_took_it_expects_itself(void **state)
{
	accepts(*state, H1);
	say(*state, "fw1 : %%ASA-4-113019: Group = G, Username = %s, IP = %s, Session disconnected",
		PHONE_A, AT_A);
	shown(*state, SEP_A, AT_A, H2);
	says(*state, SEP_A, AT_A, UNTRUSTED);
	assert_string_equal(shown_to(*state, SEP_A), H2);
	assert_string_equal(expected_of(*state, SEP_A), H1);
}

static void what_no_phone_took_is_not_expected(void **state)
{
	shown(*state, SEP_A, AT_A, H1); // and no more is heard of it
	rejects(*state, H2);
	assert_string_equal(shown_to(*state, SEP_B), H2);
	assert_string_equal(expected_of(*state, SEP_B), "");
}

// The next attempt of the phone that has refused is with another certificate, of which no line has
// come.
static void nothing_is_expected_after_its_tunnel(struct scene *s)
{
	scene_wait(s, 10000);
	tunnel_up(s, PHONE_A, AT_A, "10.9.9.9");
	rejects(s, H2);
	assert_string_equal(expected_of(s, SEP_B), "");
}

static void what_a_phone_refused_is_not_expected(void **state)
{
	shown(*state, SEP_A, AT_A, H1);
	says(*state, SEP_A, AT_A, UNTRUSTED);
	nothing_is_expected_after_its_tunnel(*state);
}

static void what_the_gateway_says_was_refused_is_not_expected(void **state)
{
	tunnel_up(*state, PHONE_A, AT_A, "10.9.9.9");
	scene_wait(*state, 60000);
	shown(*state, SEP_A, AT_A, H1);
	reject_certificate(*state, AT_A, 50007);
	nothing_is_expected_after_its_tunnel(*state);
}

static void a_refusal_can_overtake_what_was_shown(void **state)
{
	says(*state, SEP_A, AT_A, UNTRUSTED);
	shown(*state, SEP_A, AT_A, H1);
	nothing_is_expected_after_its_tunnel(*state);
}

static void after_a_refusal_the_next_one_is_taken(void **state)
{
	shown(*state, SEP_A, AT_A, H2);
	says(*state, SEP_A, AT_A, UNTRUSTED);
	scene_wait(*state, 10000);
	accepts(*state, H1);
	rejects(*state, H2);
	assert_string_equal(expected_of(*state, SEP_B), H1);
}

static void what_is_shown_is_not_expected(void **state)
{
	accepts(*state, H1);
	rejects(*state, H1_SMALL);
	assert_string_equal(shown_to(*state, SEP_B), H1_SMALL);
	assert_string_equal(expected_of(*state, SEP_B), "");
}

static void without_what_is_shown_nothing_is_expected(void **state)
{
	accepts(*state, H1);
	reject_certificate(*state, AT_B, 50001);
	says(*state, SEP_B, AT_B, UNTRUSTED);
	assert_string_equal(expected_of(*state, SEP_B), "");
}

static void each_gateway_has_its_own(void **state)
{
	shown(*state, SEP_A, AT_A, H1);
	gets_tunnel_of(*state, "fw2", PHONE_A, AT_A);
	rejects(*state, H2);
	assert_string_equal(expected_of(*state, SEP_B), "");
}

static void one_connection_is_not_the_next_one(void **state)
{
	shown(*state, SEP_A, AT_A, H1);
	gets_tunnel_of(*state, "fw2", PHONE_A, AT_A);
	scene_wait(*state, 60000);
	gets_tunnel_of(*state, "fw1", PHONE_A, AT_A); // what it showed is lost
	rejects(*state, H2);
	assert_string_equal(expected_of(*state, SEP_B), "");
}

static void what_was_shown_long_before_was_not_taken(void **state)
{
	shown(*state, SEP_A, AT_A, H1);
	scene_wait(*state, 301 * 1000);
	tunnel_up(*state, PHONE_A, AT_A, "10.9.9.9");
	rejects(*state, H2);
	assert_string_equal(expected_of(*state, SEP_B), "");
}

static void a_pc_beside_the_phone_takes_nothing(void **state)
{
	shown(*state, SEP_A, AT_A, H1);
	tunnel_up(*state, "alice", AT_A, "10.9.9.9");
	scene_wait(*state, 60000);
	scene_line_from(*state, "192.0.2.11", "1: NOT 10:00:00.1 SECD: Leaf cert hash = " H1);
	tunnel_up(*state, "bob", "192.0.2.11", "10.9.9.8");
	rejects(*state, H2);
	assert_string_equal(expected_of(*state, SEP_B), "");
}

// Behind one address: the gateway says that one of them has refused it, but not which.
static void what_a_neighbour_may_have_refused_is_not_expected(void **state)
{
	tunnel_up(*state, "CP-7962G-SEP8CB64F576114", AT_A, "10.9.9.8");
	tunnel_up(*state, PHONE_A, AT_A, "10.9.9.9");
	scene_wait(*state, 60000);
	shown(*state, SEP_A, AT_A, H1);
	reject_certificate(*state, AT_A, 50007);
	nothing_is_expected_after_its_tunnel(*state);
}

// Behind one address: what one is shown, another one's success says nothing of.
static void what_one_phone_was_shown_its_neighbour_has_not_taken(void **state)
{
	shown(*state, SEP_A, AT_A, H1);
	tunnel_up(*state, "CP-7962G-SEP8CB64F576114", AT_A, "10.9.9.8");
	rejects(*state, H2);
	assert_string_equal(expected_of(*state, SEP_B), "");
}

static void only_what_was_taken_before_the_failure_is_expected(void **state)
{
	rejects(*state, H2);
	accepts(*state, H1);
	assert_string_equal(expected_of(*state, SEP_B), "");
	rejects(*state, H2);
	assert_string_equal(expected_of(*state, SEP_B), H1);
}

// CUCM has both certificates for some phones, and one for others.
static void several_are_told_the_latest_first(void **state)
{
	char expected[200] = "", hash[41];
	for (unsigned i = 0; i < 6; i++) {
		snprintf(hash, sizeof(hash), "%040X", i);
		accepts(*state, hash);
	}
	accepts(*state, H2);
	accepts(*state, "0000000000000000000000000000000000000004");
	rejects(*state, H2);
	snprintf(expected, sizeof(expected), "%040X %040X %040X", 4, 5, 3);
	// Four are kept: H2 is one of them, and the one that is shown.
	assert_string_equal(expected_of(*state, SEP_B), expected);
}

static void what_has_long_given_way_is_not_expected(void **state)
{
	accepts(*state, H1);
	scene_wait(*state, 8 * DAY_MS);
	accepts(*state, "00000000000000000000000000000000000000AA");
	rejects(*state, H2);
	assert_string_equal(expected_of(*state, SEP_B), "00000000000000000000000000000000000000AA");
}

static void the_last_one_is_expected_however_old(void **state)
{
	accepts(*state, H1);
	scene_wait(*state, 60 * DAY_MS);
	rejects(*state, H2);
	assert_string_equal(expected_of(*state, SEP_B), H1);
}

static void it_outlasts_a_reload(void **state)
{
	accepts(*state, H1);
	scene_reload(*state, scene_pack);
	rejects(*state, H2);
	assert_string_equal(expected_of(*state, SEP_B), H1);
}

static void workers_put_together_what_each_has_seen(void **state)
{
	struct accepted_value values[ACCEPTED_OF_GATEWAY_MAX];
	struct workers *all = scene_workers(*state);
	unsigned n = 0, n_parts = 0;
	for (unsigned i = 0; i < 12; i++) {
		char user[40], client[20], device[20];
		snprintf(device, sizeof(device), "SEP0000000001%02X", i);
		snprintf(user, sizeof(user), "CP-7962G-%s", device);
		snprintf(client, sizeof(client), "192.0.2.%u", 100 + i);
		shown(*state, device, client, i % 2 ? H1 : H1_SMALL);
		tunnel_up(*state, user, client, "10.9.9.9");
	}
	rejects(*state, H2);
	for (unsigned i = 0; i < all->gateways.n_max; i++) {
		n += accepted_read(&all->gateways, (uint16_t)i, values, ACCEPTED_OF_GATEWAY_MAX);
		for (unsigned k = 0; k < all->n; k++)
			n_parts += all->worker[k]->sessions.accepted[i].values[0].last_ms != 0;
	}
	assert_int_equal(n, 1);
	assert_int_equal(n_parts, all->n);
	assert_int_equal(strcasecmp(expected_of(*state, SEP_B), H1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ALSO_WITH_THREE_WORKERS(what_one_phone_took_another_expects),
		TEST_ALSO_WITH_THREE_WORKERS(what_a_phone_took_it_expects_itself),
		TEST_ALSO_WITH_THREE_WORKERS(what_no_phone_took_is_not_expected),
		TEST_ALSO_WITH_THREE_WORKERS(what_a_phone_refused_is_not_expected),
		TEST_ALSO_WITH_THREE_WORKERS(what_the_gateway_says_was_refused_is_not_expected),
		TEST_ALSO_WITH_THREE_WORKERS(a_refusal_can_overtake_what_was_shown),
		TEST_ALSO_WITH_THREE_WORKERS(after_a_refusal_the_next_one_is_taken),
		TEST_ALSO_WITH_THREE_WORKERS(what_is_shown_is_not_expected),
		TEST_ALSO_WITH_THREE_WORKERS(without_what_is_shown_nothing_is_expected),
		TEST_ALSO_WITH_THREE_WORKERS(each_gateway_has_its_own),
		TEST_ALSO_WITH_THREE_WORKERS(one_connection_is_not_the_next_one),
		TEST(what_was_shown_long_before_was_not_taken),
		TEST_ALSO_WITH_THREE_WORKERS(a_pc_beside_the_phone_takes_nothing),
		TEST_ALSO_WITH_THREE_WORKERS(what_a_neighbour_may_have_refused_is_not_expected),
		TEST_ALSO_WITH_THREE_WORKERS(what_one_phone_was_shown_its_neighbour_has_not_taken),
		TEST_ALSO_WITH_THREE_WORKERS(only_what_was_taken_before_the_failure_is_expected),
		TEST_ALSO_WITH_THREE_WORKERS(several_are_told_the_latest_first),
		TEST(what_has_long_given_way_is_not_expected),
		TEST(the_last_one_is_expected_however_old),
		TEST_ALSO_WITH_THREE_WORKERS(it_outlasts_a_reload),
		TEST_ALSO_WITH_THREE_WORKERS(workers_put_together_what_each_has_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
