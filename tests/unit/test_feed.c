// SPDX-License-Identifier: BSD-3-Clause
#include "desk.h"

#include <sys/socket.h>
#include <unistd.h>

#include "../../control/server.h"

#define WATCH "{\"command\":\"watch\"}"
#define WATCH_ALL "{\"command\":\"watch\",\"arguments\":{\"all_clients\":true}}"

static int set_up(void **state)
{
	*state = desk_create(1);
	return 0;
}

static int set_up_two_workers(void **state)
{
	*state = desk_create(2);
	return 0;
}

static int tear_down(void **state)
{
	desk_destroy(*state);
	return 0;
}

static int watch(struct desk *desk, const char *request)
{
	int client = desk_connect(desk);
	json_t *data = desk_data(desk, client, request);
	assert_string_equal(json_string_value(json_object_get(data, "type")), "watching");
	json_decref(data);
	return client;
}

// The next change; NULL: there is none.
static json_t *next(struct desk *desk, int client)
{
	char *line = desk_receive(desk, client);
	json_t *answer = line ? json_loads(line, 0, NULL) : NULL, *data;
	free(line);
	if (answer == NULL)
		return NULL;
	data = json_incref(json_object_get(
		answer, json_is_true(json_object_get(answer, "ok")) ? "data" : "error"));
	json_decref(answer);
	return data;
}

static void expect(struct desk *desk, int client, const char *diagnosis, const char *state)
{
	json_t *change = next(desk, client);
	if (change == NULL)
		fail_msg("no change, %s is not %s", diagnosis, state);
	assert_string_equal(json_string_value(json_object_get(change, "diagnosis")), diagnosis);
	assert_string_equal(json_string_value(json_object_get(change, "state")), state);
	json_decref(change);
}

static void expect_nothing(struct desk *desk, int client)
{
	json_t *change = next(desk, client);
	if (change)
		fail_msg("a change: %s", json_dumps(change, 0));
}

static bool is_acknowledged(const struct desk *desk, uint32_t slot)
{
	const struct diagnosis_table *table = desk->daemon.workers->worker[0]->sessions.diagnoses;
	return atomic_load(&table->acknowledged[slot]) == diagnosis_mark(&table->slots[slot]);
}

static void each_change_is_told(void **state)
{
	int client = watch(*state, WATCH);
	expect_nothing(*state, client);
	desk_fail(*state, 1);
	expect(*state, client, "csd", "open");
	desk_recover(*state, 1);
	expect(*state, client, "csd", "recovered");
	expect_nothing(*state, client);
	close(client);
}

static void what_was_before_the_watch_is_not_told(void **state)
{
	desk_fail(*state, 1);
	desk_serve(*state);
	int client = watch(*state, WATCH);
	expect_nothing(*state, client);
	desk_recover(*state, 1);
	expect(*state, client, "csd", "recovered");
	close(client);
}

static void changes_at_once_become_one_line(void **state)
{
	int client = watch(*state, WATCH);
	desk_fail(*state, 1);
	desk_fail(*state, 2);
	desk_recover(*state, 1);
	expect(*state, client, "csd", "recovered");
	expect(*state, client, "csd", "open");
	expect_nothing(*state, client);
	close(client);
}

static void clients_that_are_no_phones_are_for_who_asks(void **state)
{
	int phones = watch(*state, WATCH), all = watch(*state, WATCH_ALL);
	desk_line(*state,
		"fw1 : %ASA-4-724002: Group <G> User <bob> IP <192.0.2.7> WebVPN session not "
		"terminated.");
	expect(*state, all, "csd", "open");
	expect_nothing(*state, phones);
	close(phones);
	close(all);
}

static void gateways_own_diagnosis_is_told(void **state)
{
	int client = watch(*state, WATCH);
	desk_line(*state,
		"fw1 : %ASA-2-113022: AAA Marking RADIUS server 192.0.2.5 in aaa-server group "
		"ISE as FAILED");
	expect(*state, client, "aaa-down", "open");
	close(client);
}

#define PHONE "CP-7962G-SEP8CB64F576113"
static const char tunnel_up[] =
	"fw1 : %ASA-6-722051: Group <G> User <" PHONE
	"> IP <192.0.2.9> IPv4 Address <172.16.0.9> IPv6 address <::> assigned";
static const char rejected[] = "fw1 : %ASA-6-716039: Group <G> User <" PHONE
			       "> IP <192.0.2.9> Authentication: rejected, Session Type: WebVPN.";
static const char exceeded[] =
	"fw1 : %ASA-6-113013: AAA unable to complete the request Error : reason = "
	"Simultaneous logins exceeded for user : user = " PHONE;

static void absorbed_one_ends_for_who_was_told_of_it(void **state)
{
	desk_line(*state, tunnel_up);
	int client = watch(*state, WATCH);
	desk_line(*state, rejected);
	expect(*state, client, "auth-rejected", "open");
	desk_line(*state, exceeded);
	json_t *one = next(*state, client), *other = next(*state, client);
	const char *names[] = {json_string_value(json_object_get(one, "diagnosis")),
		json_string_value(json_object_get(other, "diagnosis"))};
	bool absorbed_first = strcmp(names[0], "auth-rejected") == 0;
	assert_string_equal(names[absorbed_first], "simultaneous");
	assert_string_equal(
		json_string_value(json_object_get(absorbed_first ? one : other, "state")),
		"expired");
	json_decref(one);
	json_decref(other);
	expect_nothing(*state, client);
	close(client);
}

static void absorbed_one_is_nothing_for_who_was_not(void **state)
{
	desk_line(*state, tunnel_up);
	desk_line(*state, rejected);
	int client = watch(*state, WATCH);
	desk_line(*state, exceeded);
	expect(*state, client, "simultaneous", "open");
	expect_nothing(*state, client);
	json_t *all = desk_data(*state, desk_connect(*state),
		"{\"command\":\"diagnoses\",\"arguments\":{\"state\":\"all\"}}");
	assert_int_equal(json_array_size(all), 1);
	json_decref(all);
	close(client);
}

static void without_watchers_all_is_acknowledged(void **state)
{
	desk_fail(*state, 1);
	desk_fail(*state, 2);
	assert_false(is_acknowledged(*state, 0));
	desk_serve(*state);
	assert_true(is_acknowledged(*state, 0));
	assert_true(is_acknowledged(*state, 1));
}

static void acknowledged_only_when_every_watcher_has_it(void **state)
{
	struct desk *desk = *state;
	int quick = watch(desk, WATCH), slow = watch(desk, WATCH);
	// The slow one reads nothing: what waits for it is bounded by the socket, then by its
	// queue.
	for (unsigned i = 0; i < 4000; i++)
		desk_fail(desk, i);
	for (unsigned i = 0; i < 4000; i++)
		expect(desk, quick, "csd", "open");
	expect_nothing(desk, quick);
	assert_true(is_acknowledged(desk, 0));
	assert_false(is_acknowledged(desk, 3999));
	close(slow);
	desk_serve(desk);
	assert_true(is_acknowledged(desk, 3999));
	close(quick);
}

static void slow_watcher_gets_the_state_of_when_it_reads(void **state)
{
	struct desk *desk = *state;
	int client = watch(desk, WATCH);
	for (unsigned i = 0; i < 4000; i++)
		desk_fail(desk, i);
	desk_serve(desk);
	desk_recover(desk, 3999);
	desk_recover(desk, 0); // told open before
	unsigned open = 0, recovered = 0;
	json_t *change;
	while ((change = next(desk, client)) != NULL) {
		bool is_open =
			strcmp(json_string_value(json_object_get(change, "state")), "open") == 0;
		open += is_open;
		recovered += !is_open;
		json_decref(change);
	}
	assert_int_equal(open, 3999);
	assert_int_equal(recovered, 2);
	close(client);
}

static void watcher_that_never_reads_is_told_and_ended(void **state)
{
	struct desk *desk = *state;
	int client = watch(desk, WATCH);
	for (unsigned i = 0; i < 4000; i++)
		desk_fail(desk, i);
	desk_serve(desk);
	desk_wait(desk, CONNECTION_STALL_MS + 1);
	char *line, *last = NULL;
	while ((line = desk_receive(desk, client)) != NULL) {
		free(last);
		last = line;
	}
	assert_non_null(strstr(last, "{\"ok\":false,\"error\":\"the watcher does not keep up"));
	free(last);
	assert_int_equal(desk_connections(desk), 0);
	json_t *control = server_json(desk->daemon.server);
	assert_int_equal(json_integer_value(json_object_get(control, "watchers_too_slow")), 1);
	assert_int_equal(json_integer_value(json_object_get(control, "watchers")), 0);
	json_decref(control);
	close(client);
}

static void watcher_that_lost_something_is_told_so(void **state)
{
	struct desk *desk = *state;
	int client = watch(desk, WATCH);
	desk_fail(desk, 0);
	expect(desk, client, "csd", "open");
	// Far more than the table holds, all of them closed at once, and nothing is served
	// meanwhile.
	for (unsigned i = 0; i < 8300; i++) {
		desk_recover(desk, i);
		desk_fail(desk, i + 1);
	}
	char *line, *last = NULL;
	while ((line = desk_receive(desk, client)) != NULL) {
		free(last);
		last = line;
	}
	assert_non_null(last);
	assert_non_null(strstr(last, "changes are lost"));
	free(last);
	close(client);
}

static void more_than_the_outbox_holds_is_found_again(void **state)
{
	struct desk *desk = *state;
	int client = watch(desk, WATCH);
	for (unsigned i = 0; i < 3000; i++)
		desk_fail(desk, i);
	// Each of these changes the first one: the outbox of 65536 overflows.
	for (unsigned i = 0; i < 70000; i++) {
		desk->now_ms += 1000;
		desk_fail(desk, 0);
	}
	desk_recover(desk, 2999);
	unsigned n = 0;
	json_t *change;
	while ((change = next(desk, client)) != NULL) {
		n++;
		json_decref(change);
	}
	assert_int_equal(n, 3000);
	close(client);
}

// As if its worker had lost its core in the middle of a change.
static void busy_one_is_told_when_its_worker_is_done(void **state)
{
	struct desk *desk = *state;
	struct worker *w = desk->daemon.workers->worker[0];
	int client = watch(desk, WATCH);
	desk_fail(desk, 1);
	atomic_fetch_add(&w->sessions.diagnoses->sequences[0], 1);
	desk_serve(desk); // it rests
	assert_null(next(desk, client));
	atomic_fetch_add(&w->sessions.diagnoses->sequences[0], 1);
	outbox_push(&w->outbox, 0);
	expect(desk, client, "csd", "open");
	close(client);
}

static void too_many_watchers_are_refused(void **state)
{
	struct desk *desk = *state;
	int clients[WATCHES_MAX];
	for (unsigned i = 0; i < WATCHES_MAX; i++)
		clients[i] = watch(desk, WATCH);
	int extra = desk_connect(desk);
	char *error = desk_error(desk, extra, WATCH);
	assert_string_equal(error, "watch: at most 16 watchers at once");
	free(error);
	close(clients[3]);
	desk_serve(desk);
	clients[3] = watch(desk, WATCH);
	for (unsigned i = 0; i < WATCHES_MAX; i++)
		close(clients[i]);
	close(extra);
}

static void watcher_that_will_send_nothing_more_goes_on(void **state)
{
	int client = watch(*state, WATCH);
	shutdown(client, SHUT_WR);
	desk_serve(*state);
	desk_fail(*state, 1);
	expect(*state, client, "csd", "open");
	close(client);
	desk_serve(*state);
	assert_int_equal(desk_connections(*state), 0);
}

static void all_workers_are_heard(void **state)
{
	struct desk *desk = *state;
	int client = watch(desk, WATCH);
	for (unsigned i = 0; i < 100; i++)
		desk_fail(desk, i);
	for (unsigned i = 0; i < 100; i++)
		expect(desk, client, "csd", "open");
	for (unsigned i = 0; i < 2; i++)
		assert_true(
			atomic_load(&desk->daemon.workers->worker[i]->sessions.diagnoses->n_open) >
			9);
	expect_nothing(desk, client);
	close(client);
}

static void remedy_comes_in_the_language_asked_for(void **state)
{
	struct desk *desk = *state;
	static const char rules[] = "messages:\n"
				    "  - {id: ASA-724002, event: csd-not-running,\n"
				    "     text: 'Group <{group}> User <{user}> IP <{client}> "
				    "WebVPN session not terminated'}\n"
				    "diagnoses:\n"
				    "  - {id: csd, confirmed: csd-not-running, title: {en: on, ko: "
				    "켜짐}, remedy: off}\n";
	desk_write_rules(desk, rules);
	int client = desk_connect(desk);
	json_decref(desk_data(desk, client, "{\"command\":\"reload\"}"));
	close(client);
	worker_pass(desk->daemon.workers->worker[0], desk->now_ms, 0);
	client = watch(desk, "{\"command\":\"watch\",\"arguments\":{\"lang\":\"ko\"}}");
	desk_fail(desk, 1);
	json_t *change = next(desk, client);
	assert_string_equal(json_string_value(json_object_get(change, "title")), "켜짐");
	json_decref(change);
	close(client);
}

// ---- beside a recorder ----

static void take(struct desk *desk, struct feed_change *change)
{
	while (feed_drain(desk->daemon.feed))
		;
	assert_true(feed_take(desk->daemon.feed, change));
}

static void take_failure(struct desk *desk, struct feed_change *change)
{
	desk_fail(desk, 1);
	take(desk, change);
}

static int watch_beside_recorder(struct desk *desk)
{
	assert_true(feed_record(desk->daemon.feed));
	return watch(desk, WATCH);
}

static void what_is_held_is_not_told_by_what_is_counted_meanwhile(void **state)
{
	struct desk *desk = *state;
	struct feed *feed = desk->daemon.feed;
	struct feed_change change;
	int client = watch_beside_recorder(desk);
	take_failure(desk, &change);
	feed_hold(feed, &change.mark);
	take_failure(desk, &change);
	feed_pass(feed, &change.mark);
	expect_nothing(desk, client);
	feed_release(feed, change.mark.place);
	expect(desk, client, "csd", "open");
	close(client);
}

static void what_is_again_as_it_was_told_is_not_told_before_it_is_safe(void **state)
{
	struct desk *desk = *state;
	struct feed *feed = desk->daemon.feed;
	struct feed_change change;
	int client = watch_beside_recorder(desk);
	take_failure(desk, &change);
	feed_hold(feed, &change.mark);
	feed_release(feed, change.mark.place);
	expect(desk, client, "csd", "open");
	desk_recover(desk, 1);
	take(desk, &change);
	feed_hold(feed, &change.mark);
	desk_fail(desk, 1); // a relapse
	take(desk, &change);
	assert_int_equal(change.mark.state, DIAGNOSIS_OPEN);
	feed_hold(feed, &change.mark);
	feed_release(feed, change.mark.place);
	expect_nothing(desk, client);
	feed_release(feed, change.mark.place);
	expect(desk, client, "csd", "open");
	close(client);
}

static void what_was_taken_and_waits_is_not_told_by_a_second_look(void **state)
{
	struct desk *desk = *state;
	struct feed *feed = desk->daemon.feed;
	struct worker *worker = desk->daemon.workers->worker[0];
	struct feed_change change;
	assert_true(feed_record(feed));
	take_failure(desk, &change);
	atomic_store(&worker->outbox.overflowed, true); // all places are looked at again
	while (feed_drain(feed))
		;
	assert_false(feed_take(feed, &change));
	assert_false(is_acknowledged(desk, 0));
	feed_pass(feed, &change.mark);
	assert_true(is_acknowledged(desk, 0));
}

static void who_goes_away_takes_nothing_from_the_recorder(void **state)
{
	struct desk *desk = *state;
	struct feed *feed = desk->daemon.feed;
	struct feed_change change;
	int client = watch_beside_recorder(desk);
	take_failure(desk, &change);
	feed_pass(feed, &change.mark);
	desk_recover(desk, 1); // not taken, when the watcher goes
	close(client);
	desk_serve(desk);
	assert_int_equal(desk_connections(desk), 0);
	assert_false(is_acknowledged(desk, 0));
	take(desk, &change);
	assert_int_equal(change.mark.state, DIAGNOSIS_RECOVERED);
	feed_pass(feed, &change.mark);
	assert_true(is_acknowledged(desk, 0));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_change_is_told),
		TEST(what_was_before_the_watch_is_not_told),
		TEST(changes_at_once_become_one_line),
		TEST(clients_that_are_no_phones_are_for_who_asks),
		TEST(gateways_own_diagnosis_is_told),
		TEST(absorbed_one_ends_for_who_was_told_of_it),
		TEST(absorbed_one_is_nothing_for_who_was_not),
		TEST(without_watchers_all_is_acknowledged),
		TEST(acknowledged_only_when_every_watcher_has_it),
		TEST(slow_watcher_gets_the_state_of_when_it_reads),
		TEST(watcher_that_never_reads_is_told_and_ended),
		TEST(watcher_that_lost_something_is_told_so),
		TEST(more_than_the_outbox_holds_is_found_again),
		TEST(busy_one_is_told_when_its_worker_is_done),
		TEST(too_many_watchers_are_refused),
		TEST(watcher_that_will_send_nothing_more_goes_on),
		cmocka_unit_test_setup_teardown(
			all_workers_are_heard, set_up_two_workers, tear_down),
		TEST(remedy_comes_in_the_language_asked_for),
		TEST(what_is_held_is_not_told_by_what_is_counted_meanwhile),
		TEST(what_is_again_as_it_was_told_is_not_told_before_it_is_safe),
		TEST(what_was_taken_and_waits_is_not_told_by_a_second_look),
		TEST(who_goes_away_takes_nothing_from_the_recorder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
