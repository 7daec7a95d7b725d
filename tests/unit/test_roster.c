// SPDX-License-Identifier: BSD-3-Clause
#include "../../control/roster.h"

#include "scene_test.h"

#define HOUR_MS 3600000ull
#define BEGIN_MS (1000 * HOUR_MS) // of the lines, on a clock that both are told

// A line of another gateway.
static void tunnel_up_at(struct scene *s, const char *gateway, const char *user, const char *client)
{
	say(s,
		"%s : %%ASA-6-722051: Group <GP> User <%s> IP <%s> IPv4 Address <172.16.0.1> IPv6 "
		"address <::> assigned to session",
		gateway, user, client);
}

static struct roster *begin(struct scene *s)
{
	struct roster *roster = roster_create(scene_workers(s), NULL);
	assert_non_null(roster);
	scene_wait(s, BEGIN_MS);
	roster_step(roster, BEGIN_MS);
	return roster;
}

// A whole round, begun from now on.
static uint64_t walk(struct roster *roster, uint64_t now_ms)
{
	for (uint64_t end_ms = now_ms + 2 * ROSTER_ROUND_MS; now_ms < end_ms; now_ms += 10)
		roster_step(roster, now_ms);
	return now_ms;
}

static const struct roster_gateway *gateway(const struct roster *roster, const char *name)
{
	struct roster_view view = roster_view(roster);
	for (size_t i = 0; i < view.n; i++) {
		if (strcmp(view.gateways[i].name, name) == 0)
			return &view.gateways[i];
	}
	fail_msg("no gateway %s", name);
	return NULL;
}

static void expect(const struct roster *roster, const char *name, unsigned ok, unsigned failing,
	unsigned unknown)
{
	const struct roster_gateway *g = gateway(roster, name);
	assert_int_equal(g->n_ok, ok);
	assert_int_equal(g->n_failing, failing);
	assert_int_equal(g->n_unknown, unknown);
	assert_int_equal(g->n_phones, ok + failing + unknown);
}

static void phones_are_counted_where_they_were_seen_last(void **state)
{
	struct scene *s = *state;
	struct roster *roster = begin(s);
	tunnel_up_at(s, "fw1", PHONE_A, "192.0.2.1");
	tunnel_up_at(s, "fw2", PHONE_B, "192.0.2.2");
	tunnel_up_at(s, "fw2", "CP-8841-SEP00CAFE000003", "192.0.2.3");
	uint64_t now = walk(roster, BEGIN_MS);
	assert_int_equal(roster_view(roster).n, 2);
	expect(roster, "fw1", 1, 0, 0);
	expect(roster, "fw2", 2, 0, 0);
	tunnel_up_at(s, "fw1", PHONE_B, "192.0.2.2");
	walk(roster, now);
	expect(roster, "fw1", 2, 0, 0);
	expect(roster, "fw2", 1, 0, 0);
	roster_destroy(roster);
}

static void a_phone_at_two_addresses_is_one(void **state)
{
	struct scene *s = *state;
	struct roster *roster = begin(s);
	tunnel_up(s, PHONE_A, "192.0.2.1", "172.16.0.1");
	tunnel_up(s, PHONE_A, "192.0.2.2", "172.16.0.2");
	uint64_t now = walk(roster, BEGIN_MS);
	expect(roster, "fw1", 1, 0, 0);
	tunnel_up(s, PHONE_A, "192.0.2.1", "172.16.0.1");
	walk(roster, now);
	expect(roster, "fw1", 1, 0, 0);
	roster_destroy(roster);
}

static void who_is_no_phone_does_not_count(void **state)
{
	struct scene *s = *state;
	struct roster *roster = begin(s);
	tunnel_up(s, "alice", "192.0.2.1", "172.16.0.1");
	csd(s, "bob", "192.0.2.2");
	walk(roster, BEGIN_MS);
	expect(roster, "fw1", 0, 0, 0);
	roster_destroy(roster);
}

static void a_phone_fails_until_it_has_recovered(void **state)
{
	struct scene *s = *state;
	struct roster *roster = begin(s);
	csd(s, PHONE_A, "192.0.2.1");
	uint64_t now = walk(roster, BEGIN_MS);
	expect(roster, "fw1", 0, 1, 0);
	scene_wait(s, 3000);
	tunnel_up(s, PHONE_A, "192.0.2.1", "172.16.0.1");
	assert_state(s, "csd", SEP_A, "recovered");
	walk(roster, now);
	expect(roster, "fw1", 1, 0, 0);
	roster_destroy(roster);
}

static void of_a_failure_that_expired_nothing_is_known(void **state)
{
	struct scene *s = *state;
	struct roster *roster = begin(s);
	tunnel_up(s, PHONE_A, "192.0.2.1", "172.16.0.1");
	scene_wait(s, 5000);
	csd(s, PHONE_A, "192.0.2.1");
	scene_wait(s, 23 * HOUR_MS);
	tunnel_up(s, PHONE_B, "192.0.2.1", "172.16.0.2"); // keeps the session
	say(s, "fw1 : %%ASA-6-722033: Group <GP> User <" PHONE_B
	       "> IP <192.0.2.1> First UDP SVC connection established");
	scene_wait(s, 2 * HOUR_MS);
	assert_state(s, "csd", SEP_A, "expired");
	walk(roster, BEGIN_MS);
	expect(roster, "fw1", 1, 0, 1);
	roster_destroy(roster);
}

static void counts_are_of_the_last_round(void **state)
{
	struct scene *s = *state;
	struct roster *roster = begin(s);
	tunnel_up(s, PHONE_A, "192.0.2.1", "172.16.0.1");
	uint64_t now = walk(roster, BEGIN_MS);
	tunnel_up(s, PHONE_B, "192.0.2.2", "172.16.0.2");
	roster_step(roster, now);
	expect(roster, "fw1", 1, 0, 0);
	walk(roster, now);
	expect(roster, "fw1", 2, 0, 0);
	roster_destroy(roster);
}

static void a_phone_that_is_gone_counts_no_more(void **state)
{
	struct scene *s = *state;
	struct roster *roster = begin(s);
	tunnel_up(s, PHONE_A, "192.0.2.1", "172.16.0.1");
	uint64_t now = walk(roster, BEGIN_MS);
	scene_wait(s, 25 * HOUR_MS);
	walk(roster, now);
	expect(roster, "fw1", 0, 0, 0);
	roster_destroy(roster);
}

static void logins_are_remembered_by_the_hour(void **state)
{
	struct scene *s = *state;
	struct roster *roster = begin(s);
	uint64_t now = BEGIN_MS, hour = BEGIN_MS / HOUR_MS;
	tunnel_up(s, PHONE_A, "192.0.2.1", "172.16.0.1");
	tunnel_up(s, PHONE_B, "192.0.2.2", "172.16.0.2");
	now = walk(roster, now);
	tunnel_up(s, PHONE_A, "192.0.2.1", "172.16.0.1"); // the same hour
	now = walk(roster, now);
	scene_wait(s, HOUR_MS);
	tunnel_up(s, PHONE_A, "192.0.2.1", "172.16.0.1");
	walk(roster, BEGIN_MS + HOUR_MS);
	const struct roster_gateway *g = gateway(roster, "fw1");
	assert_int_equal(g->logins[hour % ROSTER_HOURS], 2);
	assert_int_equal(g->logins[(hour + 1) % ROSTER_HOURS], 1);
	assert_int_equal(g->hours_from, hour + 1);
	assert_false(roster_hour_is_whole(g, hour, hour + 1));
	assert_true(roster_hour_is_whole(g, hour + 1, hour + 1));
	assert_false(roster_hour_is_whole(g, hour + 2, hour + 1));
	roster_destroy(roster);
}

static void an_hour_ends_eight_days_later(void **state)
{
	struct scene *s = *state;
	struct roster *roster = begin(s);
	uint64_t hour = BEGIN_MS / HOUR_MS;
	tunnel_up(s, PHONE_A, "192.0.2.1", "172.16.0.1");
	walk(roster, BEGIN_MS);
	for (unsigned i = 1; i <= ROSTER_HOURS; i++) {
		assert_int_equal(gateway(roster, "fw1")->logins[hour % ROSTER_HOURS], 1);
		roster_step(roster, BEGIN_MS + i * HOUR_MS);
	}
	assert_int_equal(gateway(roster, "fw1")->logins[hour % ROSTER_HOURS], 0);
	roster_destroy(roster);
}

static void lines_date_a_gateway(void **state)
{
	struct scene *s = *state;
	struct roster *roster = begin(s);
	tunnel_up(s, PHONE_A, "192.0.2.1", "172.16.0.1");
	roster_step(roster, BEGIN_MS + 2000);
	uint64_t first = gateway(roster, "fw1")->first_line_ms;
	assert_true(first >= BEGIN_MS && first < BEGIN_MS + 2000);
	scene_wait(s, 60000);
	tunnel_up(s, PHONE_A, "192.0.2.1", "172.16.0.1");
	roster_step(roster, BEGIN_MS + 62000);
	assert_int_equal(gateway(roster, "fw1")->first_line_ms, first);
	assert_true(gateway(roster, "fw1")->last_line_ms >= first + 60000);
	roster_destroy(roster);
}

#define TEST_BOTH(name) TEST_ALSO_WITH_THREE_WORKERS(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_BOTH(phones_are_counted_where_they_were_seen_last),
		TEST_BOTH(a_phone_at_two_addresses_is_one),
		TEST_BOTH(who_is_no_phone_does_not_count),
		TEST_BOTH(a_phone_fails_until_it_has_recovered),
		TEST_BOTH(of_a_failure_that_expired_nothing_is_known),
		TEST(counts_are_of_the_last_round),
		TEST(a_phone_that_is_gone_counts_no_more),
		TEST(logins_are_remembered_by_the_hour),
		TEST(an_hour_ends_eight_days_later),
		TEST(lines_date_a_gateway),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
