// SPDX-License-Identifier: BSD-3-Clause
#include "../../control/roster.h"

#include "scene_test.h"

#include <dirent.h>
#include <unistd.h>

#include "../../control/accepted_record.h"
#include "../../control/gateway_book.h"
#include "../../control/restore.h"
#include "../../dataplane/accepted.h"

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
	assert_int_equal(g->n_phones, ok + failing + unknown + g->n_suspected);
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

static void a_suspicion_is_no_failure_and_not_unknown(void **state)
{
	struct scene *s = *state;
	struct roster *roster = begin(s);
	tunnel_up(s, PHONE_A, "192.0.2.1", "172.16.0.1");
	scene_wait(s, 40000); // and no DTLS
	assert_state(s, "no-dtls", SEP_A, "open");
	uint64_t now = walk(roster, BEGIN_MS);
	expect(roster, "fw1", 0, 0, 0);
	assert_int_equal(gateway(roster, "fw1")->n_suspected, 1);
	csd(s, PHONE_A, "192.0.2.1");
	walk(roster, now);
	expect(roster, "fw1", 0, 1, 0);
	assert_int_equal(gateway(roster, "fw1")->n_suspected, 0);
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

// ---- the journal ----

// A scene whose roster is kept, and what the journal is to have of it.
struct kept {
	char directory[64];
	struct scene *scene;
	struct journal *journal;
	struct roster *roster;
	uint64_t now_ms;
	struct restored restored; // by the last start
};

static void start(struct kept *k)
{
	const struct journal_options options = {.directory = k->directory,
		.keep_ms = 30 * 24 * HOUR_MS,
		.keep_bytes = 64 << 20,
		.window = 1000};
	char error[512];
	k->scene = scene_create(scene_pack, 2, NULL);
	scene_wait(k->scene, k->now_ms - 1000);
	k->journal = journal_create(&options, error, sizeof(error));
	assert_non_null(k->journal);
	k->roster = roster_create(scene_workers(k->scene), k->journal);
	assert_non_null(k->roster);
	assert_true(restore_all(
		scene_workers(k->scene), k->journal, k->roster, k->now_ms, &k->restored));
}

static void stop(struct kept *k)
{
	roster_destroy(k->roster);
	journal_destroy(k->journal);
	scene_destroy(k->scene);
}

static void restart(struct kept *k, uint64_t after_ms)
{
	stop(k);
	k->now_ms += after_ms;
	start(k);
}

static int set_up_kept(void **state)
{
	struct kept *k = calloc(1, sizeof(*k));
	k->now_ms = BEGIN_MS;
	strcpy(k->directory, "/tmp/offhook-roster-XXXXXX");
	assert_non_null(mkdtemp(k->directory));
	start(k);
	*state = k;
	return 0;
}

static int tear_down_kept(void **state)
{
	struct kept *k = *state;
	struct dirent *entry;
	char path[512];
	stop(k);
	DIR *directory = opendir(k->directory);
	while (directory && (entry = readdir(directory)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", k->directory, entry->d_name);
		unlink(path);
	}
	closedir(directory);
	rmdir(k->directory);
	free(k);
	return 0;
}

// A round or two, by the clock of the lines.
static void go_round(struct kept *k)
{
	uint64_t end_ms = walk(k->roster, k->now_ms);
	scene_wait(k->scene, end_ms - k->now_ms);
	k->now_ms = end_ms;
}

struct found {
	unsigned n;
	json_t *last;
};

static void find(void *context, const char *key, json_t *object)
{
	struct found *found = context;
	(void)key;
	found->n++;
	json_decref(found->last);
	found->last = json_incref(object);
}

// How many of a kind the next start finds; *last, if asked for: one of them.
static unsigned n_kept(struct kept *k, enum record_kind kind, json_t **last)
{
	struct found found = {0};
	stop(k);
	start(k);
	journal_each(k->journal, kind, 0, find, &found);
	if (last)
		*last = found.last;
	else
		json_decref(found.last);
	return found.n;
}

static void a_phone_is_kept_over_a_restart(void **state)
{
	struct kept *k = *state;
	tunnel_up(k->scene, PHONE_A, "192.0.2.1", "172.16.0.1");
	tunnel_up(k->scene, "alice", "192.0.2.9", "172.16.0.9");
	go_round(k);
	json_t *phone;
	assert_int_equal(n_kept(k, RECORD_PHONE, &phone), 1);
	assert_int_equal(k->restored.n_phones, 1);
	assert_string_equal(text_of(phone, "device"), SEP_A);
	assert_string_equal(text_of(phone, "client_ip"), "192.0.2.1");
	assert_string_equal(text_of(phone, "tunnel_ip"), "172.16.0.1");
	assert_string_equal(text_of(phone, "gateway"), "fw1");
	assert_true(is_true(phone, "by_gateway"));
	json_decref(phone);
	go_round(k);
	expect(k->roster, "fw1", 1, 0, 0);
}

#define HASH "E57E81EA9954C144976678D0E2418CDF79A93176"
#define OTHER "1289B8A7AA9FFD84865E38939F3466A61B5608FC"

// Phone B is shown another certificate than phones took before, and rejects it.
static const json_t *details_of_failure(struct kept *k)
{
	reject_certificate(k->scene, "192.0.2.2", 50001);
	scene_line_from(
		k->scene, "192.0.2.2", SEP_B " 1: NOT 10:00:00.1 SECD: Leaf cert hash = " OTHER);
	scene_line_from(k->scene, "192.0.2.2", SEP_B " " UNTRUSTED);
	scene_finish(k->scene);
	const json_t *d = told_of(k->scene, "hash-mismatch", SEP_B);
	assert_non_null(d);
	return json_object_get(d, "details");
}

static void what_phones_accept_is_kept_over_a_restart(void **state)
{
	struct kept *k = *state;
	json_t *gateway;
	scene_line_from(
		k->scene, "192.0.2.1", SEP_A " 1: NOT 10:00:00.1 SECD: Leaf cert hash = " HASH);
	tunnel_up(k->scene, PHONE_A, "192.0.2.1", "172.16.0.1");
	for (unsigned i = 0; i < 3; i++) { // what is restored is kept too
		go_round(k);
		restart(k, GATEWAY_KEEP_MS);
	}
	go_round(k);
	assert_int_equal(n_kept(k, RECORD_GATEWAY, &gateway), 1);
	const json_t *one = json_array_get(json_object_get(gateway, "accepted"), 0);
	assert_string_equal(text_of(one, "event"), "leaf-hash");
	assert_string_equal(text_of(one, "field"), "hash");
	assert_string_equal(text_of(one, "value"), HASH);
	assert_string_equal(text_of(one, "first"), text_of(one, "last"));
	json_decref(gateway);
	const json_t *list = json_object_get(details_of_failure(k), "expected_hash");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_value(json_array_get(list, 0)), HASH);
}

static void what_is_wrong_of_the_accepted_is_left_out(void **state)
{
#define ONE(event, field, value, first, last)                                         \
	"{\"event\":\"" event "\",\"field\":\"" field "\",\"value\":\"" value         \
	"\",\"first\":\"1970-02-0" first "T00:00:00.000Z\",\"last\":\"1970-02-0" last \
	"T00:00:00.000Z\"}"
	static const char list[] = "[1, {}, null, " ONE("no-event", "hash", "AA", "1", "2") "," ONE(
		"leaf-hash", "no-field", "AB", "1", "2") "," ONE("leaf-hash", "hash", "", "1",
		"2") "," ONE("leaf-hash", "hash", HASH HASH, "1", "2") "," ONE("leaf-hash", "hash",
		"AC", "2", "1") "," ONE("leaf-hash", "hash", "AD", "1", "9") "," ONE("leaf-hash",
		"hash", "AE", "x", "2") "," ONE("leaf-hash", "hash", "AF", "1", "2") "]";
	struct kept *k = *state;
	struct workers *all = scene_workers(k->scene);
	struct accepted_value values[ACCEPTED_OF_GATEWAY_MAX];
	json_t *objects = json_loads(list, 0, NULL);
	assert_non_null(objects);
	accepted_record_restore(all, 3, objects, BEGIN_MS - 5 * 24 * HOUR_MS);
	accepted_record_restore(all, GATEWAY_NONE, objects, BEGIN_MS);
	accepted_record_restore(all, 4, NULL, BEGIN_MS);
	assert_int_equal(accepted_read(&all->gateways, 3, values, ACCEPTED_OF_GATEWAY_MAX), 1);
	assert_memory_equal(values[0].text, "AF", 2);
	assert_int_equal(accepted_read(&all->gateways, 4, values, ACCEPTED_OF_GATEWAY_MAX), 0);
	assert_int_equal(
		accepted_read(&all->gateways, GATEWAY_NONE, values, ACCEPTED_OF_GATEWAY_MAX), 0);
	json_decref(objects);
}

static void expect_written(struct kept *k, unsigned n)
{
	go_round(k);
	assert_int_equal(roster_stats(k->roster).n_written, n);
}

static void only_what_is_new_is_written(void **state)
{
	struct kept *k = *state;
	tunnel_up(k->scene, PHONE_A, "192.0.2.1", "172.16.0.1");
	expect_written(k, 1);
	tunnel_up(k->scene, PHONE_A, "192.0.2.1", "172.16.0.1");
	expect_written(k, 1);
	tunnel_up(k->scene, PHONE_A, "192.0.2.1", "172.16.0.2");
	expect_written(k, 2);
	scene_wait(k->scene, HOUR_MS);
	k->now_ms += HOUR_MS;
	expect_written(k, 2);
	tunnel_up(k->scene, PHONE_A, "192.0.2.1", "172.16.0.2"); // a login of another hour
	expect_written(k, 3);
}

static void what_was_kept_is_not_written_again(void **state)
{
	struct kept *k = *state;
	tunnel_up(k->scene, PHONE_A, "192.0.2.1", "172.16.0.1");
	say(k->scene,
		"fw1 : %%ASA-6-722051: Group <a-phone> User <phone7> IP <192.0.2.2> IPv4 Address "
		"<172.16.0.2> IPv6 address <::> assigned to session");
	expect_written(k, 2);
	restart(k, 0);
	expect_written(k, 0);
	assert_int_equal(roster_stats(k->roster).n_phones, 2);
}

static void a_phone_that_is_gone_is_forgotten(void **state)
{
	struct kept *k = *state;
	tunnel_up(k->scene, PHONE_A, "192.0.2.1", "172.16.0.1");
	say(k->scene,
		"fw1 : %%ASA-6-722051: Group <a-phone> User <phone7> IP <192.0.2.2> IPv4 Address "
		"<172.16.0.2> IPv6 address <::> assigned to session");
	go_round(k);
	assert_int_equal(n_kept(k, RECORD_PHONE, NULL), 2);
	scene_wait(k->scene, 25 * HOUR_MS);
	k->now_ms += 25 * HOUR_MS;
	go_round(k);
	assert_int_equal(roster_stats(k->roster).n_forgotten, 2);
	assert_int_equal(n_kept(k, RECORD_PHONE, NULL), 0);
}

static void the_hours_of_a_gateway_are_kept(void **state)
{
	struct kept *k = *state;
	uint64_t hour = BEGIN_MS / HOUR_MS;
	tunnel_up(k->scene, PHONE_A, "192.0.2.1", "172.16.0.1");
	go_round(k);
	scene_wait(k->scene, HOUR_MS);
	k->now_ms += HOUR_MS;
	go_round(k);
	uint64_t first_ms = gateway(k->roster, "fw1")->first_line_ms;
	restart(k, 60000);
	go_round(k);
	const struct roster_gateway *g = gateway(k->roster, "fw1");
	assert_int_equal(g->first_line_ms, first_ms);
	assert_int_equal(g->logins[hour % ROSTER_HOURS], 1);
	assert_true(roster_hour_is_whole(g, hour + 1, hour + 1));
	restart(k, 2 * HOUR_MS);
	go_round(k);
	g = gateway(k->roster, "fw1");
	assert_int_equal(g->logins[hour % ROSTER_HOURS], 1);
	assert_false(roster_hour_is_whole(g, hour + 1, hour + 3));
	assert_false(roster_hour_is_whole(g, hour + 2, hour + 3));
	assert_false(roster_hour_is_whole(g, hour + 3, hour + 3));
	scene_wait(k->scene, HOUR_MS);
	k->now_ms += HOUR_MS;
	go_round(k);
	assert_true(roster_hour_is_whole(gateway(k->roster, "fw1"), hour + 4, hour + 4));
}

static void a_gateway_long_silent_is_forgotten(void **state)
{
	struct kept *k = *state;
	tunnel_up(k->scene, PHONE_A, "192.0.2.1", "172.16.0.1");
	go_round(k);
	assert_int_equal(n_kept(k, RECORD_GATEWAY, NULL), 1);
	restart(k, 7 * 24 * HOUR_MS);
	go_round(k);
	go_round(k); // its phone is gone
	assert_int_equal(roster_view(k->roster).n, 1);
	restart(k, 2 * 24 * HOUR_MS);
	go_round(k);
	assert_int_equal(roster_view(k->roster).n, 0);
	assert_int_equal(n_kept(k, RECORD_GATEWAY, NULL), 0);
}

#define TEST_KEPT(name) cmocka_unit_test_setup_teardown(name, set_up_kept, tear_down_kept)
#define TEST_BOTH(name) TEST_ALSO_WITH_THREE_WORKERS(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_BOTH(phones_are_counted_where_they_were_seen_last),
		TEST_BOTH(a_phone_at_two_addresses_is_one),
		TEST_BOTH(who_is_no_phone_does_not_count),
		TEST_BOTH(a_phone_fails_until_it_has_recovered),
		TEST_BOTH(a_suspicion_is_no_failure_and_not_unknown),
		TEST_BOTH(of_a_failure_that_expired_nothing_is_known),
		TEST(counts_are_of_the_last_round),
		TEST(a_phone_that_is_gone_counts_no_more),
		TEST(logins_are_remembered_by_the_hour),
		TEST(an_hour_ends_eight_days_later),
		TEST(lines_date_a_gateway),
		TEST_KEPT(a_phone_is_kept_over_a_restart),
		TEST_KEPT(what_phones_accept_is_kept_over_a_restart),
		TEST_KEPT(what_is_wrong_of_the_accepted_is_left_out),
		TEST_KEPT(only_what_is_new_is_written),
		TEST_KEPT(what_was_kept_is_not_written_again),
		TEST_KEPT(a_phone_that_is_gone_is_forgotten),
		TEST_KEPT(the_hours_of_a_gateway_are_kept),
		TEST_KEPT(a_gateway_long_silent_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
