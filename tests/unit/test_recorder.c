// SPDX-License-Identifier: BSD-3-Clause
#include "desk.h"

#include <unistd.h>

#include "../../control/recorder.h"
#include "../../control/server.h"

#define WATCH "{\"command\":\"watch\"}"
#define WATCH_ALL "{\"command\":\"watch\",\"arguments\":{\"all_clients\":true}}"

// A desk whose diagnoses are recorded in memory.
struct bench {
	struct desk *desk;
	struct journal *journal;
	struct journal_reader *reader;
	struct recorder *recorder;
};

static int make_bench(void **state)
{
	static const struct journal_options options = {.window = 64};
	struct bench *bench = calloc(1, sizeof(*bench));
	char error[256];
	bench->desk = desk_create(1);
	bench->journal = journal_create(&options, error, sizeof(error));
	assert_non_null(bench->journal);
	bench->reader = journal_reader_create(bench->journal, "test");
	bench->recorder = recorder_create(bench->desk->daemon.feed, bench->journal, NULL);
	assert_non_null(bench->recorder);
	*state = bench;
	return 0;
}

static int end_bench(void **state)
{
	struct bench *bench = *state;
	journal_reader_destroy(bench->reader);
	recorder_destroy(bench->recorder);
	journal_destroy(bench->journal);
	desk_destroy(bench->desk);
	free(bench);
	return 0;
}

static void record(struct bench *bench)
{
	do {
		feed_drain(bench->desk->daemon.feed);
	} while (recorder_step(bench->recorder, bench->desk->now_ms));
	recorder_step(bench->recorder, bench->desk->now_ms); // what has settled meanwhile
}

// The next record, as JSON; NULL: there is none.
static json_t *next(struct bench *bench)
{
	struct record *record;
	if (journal_reader_take(bench->reader, &record, 1, 0) == 0)
		return NULL;
	json_t *object = record_json(record);
	assert_string_equal(record_key(record), json_string_value(json_object_get(object, "id")));
	journal_reader_done(bench->reader, record->number);
	record_release(record);
	return object;
}

static void expect(struct bench *bench, const char *state, unsigned count)
{
	json_t *object = next(bench);
	if (object == NULL)
		fail_msg("nothing is recorded, not %s", state);
	assert_string_equal(json_string_value(json_object_get(object, "state")), state);
	assert_int_equal(json_integer_value(json_object_get(object, "count")), count);
	json_decref(object);
}

static void expect_nothing(struct bench *bench)
{
	json_t *object = next(bench);
	if (object)
		fail_msg("recorded: %s", json_dumps(object, 0));
}

static void what_matters_is_recorded_at_once(void **state)
{
	struct bench *bench = *state;
	desk_fail(bench->desk, 1);
	record(bench);
	expect(bench, "open", 1);
	desk_recover(bench->desk, 1);
	record(bench);
	expect(bench, "recovered", 1);
	expect_nothing(bench);
}

static unsigned recorded(struct bench *bench)
{
	unsigned n = 0;
	json_t *object;
	while ((object = next(bench)) != NULL) {
		json_decref(object);
		n++;
	}
	return n;
}

static void evidence_that_comes_within_a_second_is_recorded_once(void **state)
{
	struct bench *bench = *state;
	desk_fail(bench->desk, 1);
	record(bench);
	expect(bench, "open", 1);
	for (unsigned i = 0; i < 5; i++) {
		desk_fail(bench->desk, 1);
		record(bench);
	}
	expect_nothing(bench);
	bench->desk->now_ms += RECORD_EVIDENCE_MS;
	record(bench);
	assert_int_equal(recorded(bench), 1);
	bench->desk->now_ms += RECORD_COUNT_MS;
	record(bench);
	expect_nothing(bench);
}

static void what_is_only_counted_again_is_recorded_later_and_once(void **state)
{
	struct bench *bench = *state;
	for (unsigned i = 0; i <= EVIDENCE_LINES_MAX; i++) {
		desk_fail(bench->desk, 1);
		bench->desk->now_ms += 60000;
		record(bench);
	}
	bench->desk->now_ms += RECORD_COUNT_MS;
	record(bench);
	recorded(bench);
	// It has its fill of evidence.
	for (unsigned i = 0; i < 3; i++) {
		desk_fail(bench->desk, 1);
		bench->desk->now_ms += 60000;
		record(bench);
	}
	expect_nothing(bench);
	bench->desk->now_ms += RECORD_COUNT_MS;
	record(bench);
	expect(bench, "open", EVIDENCE_LINES_MAX + 1 + 3);
	expect_nothing(bench);
}

static void nothing_waits_at_the_end(void **state)
{
	struct bench *bench = *state;
	desk_fail(bench->desk, 1);
	record(bench);
	expect(bench, "open", 1);
	for (unsigned i = 0; i < 2; i++) {
		bench->desk->now_ms += 60000; // another attempt
		desk_fail(bench->desk, 1);
	}
	record(bench);
	expect_nothing(bench);
	recorder_finish(bench->recorder);
	record(bench);
	expect(bench, "open", 3);
	expect_nothing(bench);
}

static const char *id_of(const json_t *object)
{
	return json_string_value(json_object_get(object, "id"));
}

// A phone that only its own line has named goes on at the address that turns out to be its own.
static void what_goes_on_elsewhere_under_its_id_has_not_ended(void **state)
{
	struct bench *bench = *state;
	desk_line(bench->desk,
		"Nov 26 10:00:00 SEP8CB64F576113 2: ERR 10:00:00.2 VPNC: VPN cert chain "
		"verification failed");
	record(bench);
	json_t *before = next(bench);
	assert_non_null(before);
	assert_string_equal(json_string_value(json_object_get(before, "state")), "open");
	desk_line(bench->desk,
		"fw1 : %ASA-6-722051: Group <G> User <CP-7962G-SEP8CB64F576113> IP <192.0.2.9> "
		"IPv4 Address <172.16.0.9> IPv6 address <::> assigned");
	record(bench);
	bench->desk->now_ms += RECORD_END_MS;
	record(bench);
	json_t *after = next(bench);
	assert_non_null(after);
	assert_string_equal(id_of(after), id_of(before));
	assert_string_equal(json_string_value(json_object_get(after, "state")), "recovered");
	assert_true(json_integer_value(json_object_get(after, "sequence")) >
		    json_integer_value(json_object_get(before, "sequence")));
	expect_nothing(bench);
	json_decref(before);
	json_decref(after);
}

static void who_is_no_phone_is_not_recorded(void **state)
{
	struct bench *bench = *state;
	desk_line(bench->desk,
		"fw1 : %ASA-4-724002: Group <G> User <bob> IP <192.0.2.7> WebVPN session not "
		"terminated.");
	record(bench);
	expect_nothing(bench);
}

static int watch(struct bench *bench, const char *request)
{
	int client = desk_connect(bench->desk);
	json_decref(desk_data(bench->desk, client, request));
	return client;
}

static bool is_told(struct bench *bench, int client)
{
	char *line = desk_receive(bench->desk, client);
	bool told = line != NULL;
	free(line);
	return told;
}

static void a_watcher_is_told_of_what_is_recorded(void **state)
{
	struct bench *bench = *state;
	int client = watch(bench, WATCH), all = watch(bench, WATCH_ALL);
	desk_fail(bench->desk, 1);
	feed_drain(bench->desk->daemon.feed);
	assert_false(is_told(bench, client));
	record(bench);
	assert_true(is_told(bench, client));
	assert_true(is_told(bench, all));
	// And of what is only counted at once, recorded or not.
	desk_fail(bench->desk, 1);
	record(bench);
	assert_true(is_told(bench, client));
	close(client);
	close(all);
}

static void who_asks_for_all_clients_is_told_of_those_that_are_not_recorded(void **state)
{
	struct bench *bench = *state;
	int client = watch(bench, WATCH_ALL);
	desk_line(bench->desk,
		"fw1 : %ASA-4-724002: Group <G> User <bob> IP <192.0.2.7> WebVPN session not "
		"terminated.");
	record(bench);
	assert_true(is_told(bench, client));
	expect_nothing(bench);
	close(client);
}

static void a_closed_diagnosis_stays_until_it_is_recorded(void **state)
{
	struct bench *bench = *state;
	const struct diagnosis_table *table =
		bench->desk->daemon.workers->worker[0]->sessions.diagnoses;
	desk_fail(bench->desk, 1);
	desk_recover(bench->desk, 1);
	desk_serve(bench->desk); // drained, and nobody watches
	assert_true(atomic_load(&table->acknowledged[0]) != diagnosis_mark(&table->slots[0]));
	record(bench);
	assert_true(atomic_load(&table->acknowledged[0]) == diagnosis_mark(&table->slots[0]));
	expect(bench, "recovered", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_matters_is_recorded_at_once, make_bench, end_bench),
		cmocka_unit_test_setup_teardown(
			evidence_that_comes_within_a_second_is_recorded_once, make_bench,
			end_bench),
		cmocka_unit_test_setup_teardown(
			what_is_only_counted_again_is_recorded_later_and_once, make_bench,
			end_bench),
		cmocka_unit_test_setup_teardown(nothing_waits_at_the_end, make_bench, end_bench),
		cmocka_unit_test_setup_teardown(
			what_goes_on_elsewhere_under_its_id_has_not_ended, make_bench, end_bench),
		cmocka_unit_test_setup_teardown(
			who_is_no_phone_is_not_recorded, make_bench, end_bench),
		cmocka_unit_test_setup_teardown(
			a_watcher_is_told_of_what_is_recorded, make_bench, end_bench),
		cmocka_unit_test_setup_teardown(
			who_asks_for_all_clients_is_told_of_those_that_are_not_recorded, make_bench,
			end_bench),
		cmocka_unit_test_setup_teardown(
			a_closed_diagnosis_stays_until_it_is_recorded, make_bench, end_bench),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
