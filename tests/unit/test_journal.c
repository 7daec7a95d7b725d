// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../control/clock.h"
#include "../../control/journal.h"

#define WAIT_MS 10000 // for what comes in a moment
#define DAY_MS 86400000ull

// A journal in a directory of its own.
struct bench {
	char directory[64];
	struct journal_options options;
	struct journal *journal;
};

static void start(struct bench *bench)
{
	char error[512];
	bench->journal = journal_create(&bench->options, error, sizeof(error));
	if (bench->journal == NULL)
		print_error("%s\n", error);
	assert_non_null(bench->journal);
}

static void restart(struct bench *bench)
{
	journal_destroy(bench->journal);
	start(bench);
}

static int make_bench(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	strcpy(bench->directory, "/tmp/offhook-journal-XXXXXX");
	assert_non_null(mkdtemp(bench->directory));
	bench->options = (struct journal_options){.directory = bench->directory,
		.keep_ms = 30 * DAY_MS,
		.keep_bytes = 64 << 20,
		.window = 16};
	start(bench);
	*state = bench;
	return 0;
}

static int end_bench(void **state)
{
	struct bench *bench = *state;
	char path[512];
	struct dirent *entry;
	journal_destroy(bench->journal);
	DIR *directory = opendir(bench->directory);
	while (directory && (entry = readdir(directory)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", bench->directory, entry->d_name);
		unlink(path);
	}
	closedir(directory);
	rmdir(bench->directory);
	free(bench);
	return 0;
}

static uint64_t append_of(struct journal *journal, enum record_kind kind, const char *key,
	const char *word, unsigned n)
{
	json_t *object = json_pack("{s:s, s:s, s:i, s:s, s:s}", "id", key, "state", word,
		"sequence", (int)n, "gateway", "asa-hq-1", "device", "SEP8CB64F576113");
	uint64_t number = journal_append(journal, kind, key, object);
	json_decref(object);
	return number;
}

static uint64_t append(struct journal *journal, unsigned n)
{
	char key[32];
	snprintf(key, sizeof(key), "d%u", n);
	return append_of(journal, RECORD_DIAGNOSIS, key, "open", n);
}

static void append_many(struct journal *journal, unsigned from, unsigned to)
{
	for (unsigned n = from; n <= to; n++)
		assert_int_equal(append(journal, n), n);
}

static void wait_settled(const struct journal *journal, uint64_t number)
{
	uint64_t until = clock_steady_ms() + WAIT_MS;
	while (journal_settled(journal) < number && clock_steady_ms() < until)
		usleep(200);
	assert_true(journal_settled(journal) >= number);
}

// Takes what there is, up to and with `to`; each must be the one after the last.
static void take_up_to(struct journal_reader *reader, uint64_t from, uint64_t to, size_t max)
{
	struct record *records[64];
	while (from <= to) {
		size_t n = journal_reader_take(reader, records, max, WAIT_MS);
		assert_int_not_equal(n, 0);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(records[i]->number, from++);
			record_release(records[i]);
		}
	}
	assert_int_equal(from, to + 1);
}

static void take_nothing(struct journal_reader *reader)
{
	struct record *record;
	assert_int_equal(journal_reader_take(reader, &record, 1, 0), 0);
}

// ---- order ----

static void records_come_in_order(void **state)
{
	struct bench *bench = *state;
	struct journal_reader *reader = journal_reader_create(bench->journal, "one");
	append_many(bench->journal, 1, 10);
	take_up_to(reader, 1, 10, 3);
	take_nothing(reader);
	journal_reader_destroy(reader);
}

static void numbers_go_on_after_a_restart(void **state)
{
	struct bench *bench = *state;
	append_many(bench->journal, 1, 5);
	wait_settled(bench->journal, 5);
	restart(bench);
	assert_int_equal(journal_settled(bench->journal), 5);
	assert_int_equal(append(bench->journal, 6), 6);
}

static void reader_begins_with_what_comes(void **state)
{
	struct bench *bench = *state;
	append_many(bench->journal, 1, 5);
	struct journal_reader *reader = journal_reader_create(bench->journal, "late");
	append_many(bench->journal, 6, 8);
	take_up_to(reader, 6, 8, 8);
	journal_reader_destroy(reader);
}

static void reader_goes_on_where_it_was(void **state)
{
	struct bench *bench = *state;
	struct journal_reader *reader = journal_reader_create(bench->journal, "one");
	append_many(bench->journal, 1, 8);
	take_up_to(reader, 1, 8, 8);
	journal_reader_done(reader, 5);
	journal_reader_destroy(reader);
	restart(bench);
	reader = journal_reader_create(bench->journal, "one");
	take_up_to(reader, 6, 8, 8);
	journal_reader_destroy(reader);
}

static void reader_goes_back_to_what_is_not_done(void **state)
{
	struct bench *bench = *state;
	struct journal_reader *reader = journal_reader_create(bench->journal, "one");
	append_many(bench->journal, 1, 8);
	take_up_to(reader, 1, 8, 8);
	journal_reader_done(reader, 3);
	journal_reader_rewind(reader);
	take_up_to(reader, 4, 8, 8);
	assert_int_equal(journal_reader_lag(reader).waiting, 5);
	journal_reader_destroy(reader);
}

static void reader_behind_the_window_misses_nothing(void **state)
{
	struct bench *bench = *state;
	struct journal_reader *slow = journal_reader_create(bench->journal, "slow");
	struct journal_reader *quick = journal_reader_create(bench->journal, "quick");
	for (unsigned n = 1; n <= 200; n += 10) {
		append_many(bench->journal, n, n + 9);
		take_up_to(quick, n, n + 9, 64);
	}
	assert_int_equal(journal_reader_lag(slow).waiting, 200);
	take_up_to(slow, 1, 200, 7);
	assert_int_equal(journal_reader_lag(slow).lost, 0);
	journal_reader_destroy(slow);
	journal_reader_destroy(quick);
}

// ---- kill -9 ----

// Appends and tells what has settled, and dies of its own SIGKILL in the middle of it.
static void live_and_die(struct bench *bench, int out, uint64_t enough)
{
	uint64_t settled = 0;
	for (unsigned i = 1; settled < enough; i++) {
		append(bench->journal, i);
		settled = journal_settled(bench->journal);
		if (write(out, &settled, sizeof(settled)) != sizeof(settled))
			_exit(1);
	}
	kill(getpid(), SIGKILL);
}

static void nothing_settled_dies_with_the_process(void **state)
{
	struct bench *bench = *state;
	char error[512];
	int told[2];
	uint64_t settled = 0, n;
	journal_destroy(bench->journal);
	bench->journal = NULL;
	assert_int_equal(pipe(told), 0);
	pid_t child = fork();
	if (child == 0) {
		bench->journal = journal_create(&bench->options, error, sizeof(error));
		if (bench->journal)
			live_and_die(bench, told[1], 3000);
		_exit(1);
	}
	close(told[1]);
	while (read(told[0], &n, sizeof(n)) == sizeof(n))
		settled = n;
	close(told[0]);
	int status;
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_true(settled > 0);
	start(bench);
	assert_true(journal_settled(bench->journal) >= settled);
	json_t *history = journal_status(bench->journal);
	assert_int_equal(json_integer_value(json_object_get(history, "records")),
		journal_settled(bench->journal));
	json_decref(history);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_bench, end_bench)
	const struct CMUnitTest tests[] = {
		CASE(records_come_in_order),
		CASE(numbers_go_on_after_a_restart),
		CASE(reader_begins_with_what_comes),
		CASE(reader_goes_on_where_it_was),
		CASE(reader_goes_back_to_what_is_not_done),
		CASE(reader_behind_the_window_misses_nothing),
		CASE(nothing_settled_dies_with_the_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
