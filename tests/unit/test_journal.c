// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

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

// Another reader of that name.
static struct journal_reader *come_again(struct bench *bench, struct journal_reader *reader)
{
	journal_reader_destroy(reader);
	return journal_reader_create(bench->journal, "one");
}

static void reader_that_comes_again_gets_what_is_not_done(void **state)
{
	struct bench *bench = *state;
	struct journal_reader *reader = journal_reader_create(bench->journal, "one");
	append_many(bench->journal, 1, 8);
	take_up_to(reader, 1, 8, 8);
	journal_reader_done(reader, 3);
	reader = come_again(bench, reader);
	take_up_to(reader, 4, 8, 8);
	assert_int_equal(journal_reader_lag(reader).waiting, 5);
	journal_reader_destroy(reader);
}

static void readers_of_ever_new_names_find_a_place(void **state)
{
	struct bench *bench = *state;
	char name[32];
	struct journal_reader *stays = journal_reader_create(bench->journal, "one");
	append_many(bench->journal, 1, 8);
	wait_settled(bench->journal, 8); // so that four at once are the first four
	take_up_to(stays, 1, 4, 4);
	journal_reader_done(stays, 4);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "name%u", i);
		struct journal_reader *reader = journal_reader_create(bench->journal, name);
		assert_non_null(reader);
		journal_reader_destroy(reader);
	}
	stays = come_again(bench, stays);
	take_up_to(stays, 5, 8, 8);
	journal_reader_destroy(stays);
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

// ---- what the next start finds ----

struct found {
	const char *wanted;
	unsigned n, n_wanted;
};

static void note(void *context, const char *key, json_t *object)
{
	struct found *found = context;
	assert_true(json_is_object(object));
	found->n++;
	found->n_wanted += strcmp(key, found->wanted) == 0;
}

// How many there are; of `key` ("": any) one.
static unsigned count_states_since(
	struct journal *journal, enum record_kind kind, uint64_t since_ms, const char *key)
{
	struct found found = {.wanted = key};
	journal_each(journal, kind, since_ms, note, &found);
	if (key[0])
		assert_int_equal(found.n_wanted, 1);
	return found.n;
}

static unsigned count_states(struct journal *journal, enum record_kind kind, const char *key)
{
	return count_states_since(journal, kind, UINT64_MAX, key);
}

static void next_start_finds_the_last_states(void **state)
{
	struct bench *bench = *state;
	struct journal *journal = bench->journal;
	append_of(journal, RECORD_DIAGNOSIS, "left-open", "open", 1);
	append_of(journal, RECORD_DIAGNOSIS, "over", "open", 1);
	append_of(journal, RECORD_DIAGNOSIS, "over", "recovered", 2);
	append_of(journal, RECORD_ALERT, "fires", "firing", 1);
	append_of(journal, RECORD_ALERT, "past", "firing", 1);
	append_of(journal, RECORD_ALERT, "past", "resolved", 2);
	append_of(journal, RECORD_PHONE, "SEP1", "", 1);
	append_of(journal, RECORD_PHONE, "SEP2", "", 1);
	append_of(journal, RECORD_GATEWAY, "asa-hq-1", "", 1);
	journal_forget(journal, RECORD_PHONE, "SEP1");
	restart(bench);
	assert_int_equal(count_states(bench->journal, RECORD_DIAGNOSIS, "left-open"), 1);
	assert_int_equal(count_states(bench->journal, RECORD_ALERT, "past"), 2);
	assert_int_equal(count_states(bench->journal, RECORD_PHONE, "SEP2"), 1);
	assert_int_equal(count_states(bench->journal, RECORD_GATEWAY, "asa-hq-1"), 1);
	assert_int_equal(journal_settled(bench->journal), 6);
}

static void next_start_finds_what_has_just_recovered(void **state)
{
	struct bench *bench = *state;
	struct journal *journal = bench->journal;
	append_of(journal, RECORD_DIAGNOSIS, "over", "open", 1);
	append_of(journal, RECORD_DIAGNOSIS, "over", "recovered", 2);
	append_of(journal, RECORD_DIAGNOSIS, "again", "open", 1);
	append_of(journal, RECORD_DIAGNOSIS, "again", "recovered", 2);
	append_of(journal, RECORD_DIAGNOSIS, "again", "open", 3);
	append_of(journal, RECORD_DIAGNOSIS, "dropped", "expired", 1);
	append_of(journal, RECORD_ALERT, "past", "resolved", 1);
	restart(bench);
	uint64_t now_ms = clock_wall_ms();
	assert_int_equal(
		count_states_since(bench->journal, RECORD_DIAGNOSIS, now_ms - 60000, "over"), 2);
	assert_int_equal(
		count_states_since(bench->journal, RECORD_DIAGNOSIS, now_ms + 60000, "again"), 1);
	assert_int_equal(count_states_since(bench->journal, RECORD_ALERT, 0, "past"), 1);
}

static void last_state_is_the_one_that_stays(void **state)
{
	struct bench *bench = *state;
	for (unsigned i = 1; i <= 100; i++)
		append_of(bench->journal, RECORD_PHONE, "SEP1", "", i);
	append_of(bench->journal, RECORD_ALERT, "fires", "firing", 7);
	restart(bench);
	size_t n = 0;
	struct record **firing = journal_firing(bench->journal, &n);
	assert_int_equal(n, 1);
	json_t *object = record_json(firing[0]);
	assert_int_equal(json_integer_value(json_object_get(object, "sequence")), 7);
	json_decref(object);
	record_release(firing[0]);
	free(firing);
	assert_int_equal(count_states(bench->journal, RECORD_PHONE, "SEP1"), 1);
}

static unsigned count_firing(struct journal *journal)
{
	size_t n = 0;
	struct record **firing = journal_firing(journal, &n);
	for (size_t i = 0; i < n; i++)
		record_release(firing[i]);
	free(firing);
	return (unsigned)n;
}

static void alerts_that_fire_are_known(void **state)
{
	struct bench *bench = *state;
	char key[16];
	assert_int_equal(count_firing(bench->journal), 0);
	for (unsigned i = 0; i < 40; i++) { // more than the window holds
		snprintf(key, sizeof(key), "a%u", i);
		append_of(bench->journal, RECORD_ALERT, key, "firing", 1);
	}
	wait_settled(bench->journal, 40);
	assert_int_equal(count_firing(bench->journal), 40);
	wait_settled(bench->journal, append_of(bench->journal, RECORD_ALERT, "a7", "resolved", 2));
	assert_int_equal(count_firing(bench->journal), 39);
	restart(bench);
	assert_int_equal(count_firing(bench->journal), 39);
}

// ---- telling ----

static void descriptor_tells_what_settles(void **state)
{
	struct bench *bench = *state;
	struct pollfd descriptor = {journal_descriptor(bench->journal), POLLIN, 0};
	assert_int_equal(poll(&descriptor, 1, 0), 0);
	append(bench->journal, 1);
	assert_int_equal(poll(&descriptor, 1, WAIT_MS), 1);
	wait_settled(bench->journal, 1);
	journal_notice(bench->journal);
	assert_int_equal(poll(&descriptor, 1, 0), 0);
	journal_notice(bench->journal); // nothing to notice
}

static void burst_longer_than_the_window_is_kept(void **state)
{
	struct bench *bench = *state;
	struct journal_reader *reader = journal_reader_create(bench->journal, "one");
	append_many(bench->journal, 1, 5000);
	wait_settled(bench->journal, 5000);
	assert_false(journal_is_degraded(bench->journal));
	take_up_to(reader, 1, 5000, 64);
	assert_int_equal(journal_reader_lag(reader).lost, 0);
	journal_reader_destroy(reader);
}

static void *wake_a_reader(void *reader)
{
	usleep(20000);
	journal_reader_wake(reader);
	return NULL;
}

static void reader_that_waits_can_be_woken(void **state)
{
	struct bench *bench = *state;
	struct journal_reader *reader = journal_reader_create(bench->journal, "one");
	struct record *record;
	pthread_t thread;
	pthread_create(&thread, NULL, wake_a_reader, reader);
	uint64_t before = clock_steady_ms();
	assert_int_equal(journal_reader_take(reader, &record, 1, 60000), 0);
	assert_true(clock_steady_ms() - before < 60000);
	pthread_join(thread, NULL);
	journal_reader_destroy(reader);
}

struct paced {
	struct journal_reader *reader;
	unsigned to, batch, pause_us;
	uint64_t next;
};

static void *read_at_a_pace(void *context)
{
	struct paced *paced = context;
	struct record *records[64];
	while (paced->next <= paced->to) {
		size_t n = journal_reader_take(paced->reader, records, paced->batch, WAIT_MS);
		if (n == 0)
			break;
		for (size_t i = 0; i < n; i++) {
			if (records[i]->number == paced->next)
				paced->next++;
			record_release(records[i]);
		}
		journal_reader_done(paced->reader, paced->next - 1);
		usleep(paced->pause_us);
	}
	return NULL;
}

static void readers_of_different_pace_miss_nothing(void **state)
{
	struct bench *bench = *state;
	struct paced readers[] = {{.to = 3000, .batch = 64, .next = 1},
		{.to = 3000, .batch = 17, .pause_us = 300, .next = 1}};
	static const char *const names[] = {"quick", "slow"};
	pthread_t threads[2];
	for (unsigned i = 0; i < 2; i++) {
		readers[i].reader = journal_reader_create(bench->journal, names[i]);
		pthread_create(&threads[i], NULL, read_at_a_pace, &readers[i]);
	}
	for (unsigned n = 1; n <= 3000; n++) {
		append(bench->journal, n);
		if (n % 100 == 0) {
			journal_tick(bench->journal, clock_wall_ms());
			json_decref(journal_status(bench->journal));
			journal_reader_lag(readers[1].reader);
		}
	}
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(readers[i].next, 3001);
		assert_int_equal(journal_reader_lag(readers[i].reader).waiting, 0);
		journal_reader_destroy(readers[i].reader);
	}
}

static void what_makes_no_sense_changes_nothing(void **state)
{
	struct bench *bench = *state;
	struct journal_reader *reader = journal_reader_create(bench->journal, "one");
	journal_reader_done(reader, 100); // nothing of that was taken
	reader = come_again(bench, reader);
	append_many(bench->journal, 1, 8);
	wait_settled(bench->journal, 8);
	take_up_to(reader, 1, 4, 4);
	journal_reader_done(reader, 4);
	journal_reader_done(reader, 2); // back
	journal_reader_done(reader, 8); // not taken yet
	reader = come_again(bench, reader);
	take_up_to(reader, 5, 8, 8);
	journal_reader_destroy(reader);
	restart(bench);
	reader = journal_reader_create(bench->journal, "one");
	take_up_to(reader, 5, 8, 8);
	journal_reader_destroy(reader);
}

// ---- memory alone ----

static void without_a_directory_all_settles_at_once(void **state)
{
	struct bench *bench = *state;
	struct journal_options options = {.window = 16};
	char error[256];
	struct journal *journal = journal_create(&options, error, sizeof(error));
	assert_non_null(journal);
	struct journal_reader *reader = journal_reader_create(journal, "one");
	for (unsigned n = 1; n <= 100; n++) {
		assert_int_equal(append(journal, n), n);
		assert_int_equal(journal_settled(journal), n);
	}
	append_of(journal, RECORD_PHONE, "SEP1", "", 1);
	journal_forget(journal, RECORD_PHONE, "SEP1");
	journal_tick(journal, clock_wall_ms());
	assert_false(journal_is_degraded(journal));
	assert_int_equal(journal_reader_lag(reader).lost, 84);
	assert_int_equal(journal_reader_lag(reader).waiting, 16);
	take_up_to(reader, 85, 100, 64);
	assert_int_equal(journal_reader_lag(reader).lost, 84);
	assert_int_equal(count_states(journal, RECORD_DIAGNOSIS, ""), 0);
	json_t *status = journal_status(journal);
	assert_string_equal(json_string_value(json_object_get(status, "state")), "off");
	json_decref(status);
	journal_reader_destroy(reader);
	journal_destroy(journal);
	(void)bench;
}

// ---- retention ----

static json_int_t figure(struct journal *journal, const char *name)
{
	json_t *status = journal_status(journal);
	json_int_t n = json_integer_value(json_object_get(status, name));
	json_decref(status);
	return n;
}

static void tick_until(struct journal *journal, uint64_t now_ms, const char *name, json_int_t most)
{
	uint64_t until = clock_steady_ms() + WAIT_MS;
	do {
		journal_tick(journal, now_ms);
		usleep(1000);
		now_ms += 1000;
	} while (figure(journal, name) > most && clock_steady_ms() < until);
	assert_true(figure(journal, name) <= most);
}

static void what_is_old_goes(void **state)
{
	struct bench *bench = *state;
	struct journal_reader *reader = journal_reader_create(bench->journal, "away");
	append_of(bench->journal, RECORD_ALERT, "past", "resolved", 1);
	append_of(bench->journal, RECORD_ALERT, "fires", "firing", 1);
	append_of(bench->journal, RECORD_DIAGNOSIS, "stays", "open", 1);
	for (unsigned n = 4; n <= 500; n++)
		append(bench->journal, n);
	wait_settled(bench->journal, 500);
	tick_until(bench->journal, clock_wall_ms() + 31 * DAY_MS, "records", 0);
	assert_int_equal(journal_reader_lag(reader).lost, 484); // the window has 16
	take_up_to(reader, 485, 500, 64);
	assert_int_equal(journal_reader_lag(reader).lost, 484);
	journal_reader_destroy(reader);
	restart(bench);
	assert_int_equal(journal_settled(bench->journal), 500); // numbers are not given again
	assert_int_equal(count_states(bench->journal, RECORD_ALERT, "fires"), 1);
	assert_int_equal(count_states(bench->journal, RECORD_DIAGNOSIS, "stays"), 498);
}

static void what_is_too_much_goes_oldest_first(void **state)
{
	struct bench *bench = *state;
	char text[4096];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	bench->options.keep_bytes = 1 << 20;
	restart(bench);
	json_t *object = json_pack("{s:s, s:s}", "state", "recovered", "text", text);
	for (unsigned n = 1; n <= 1000; n++)
		journal_append(bench->journal, RECORD_DIAGNOSIS, "d", object);
	json_decref(object);
	wait_settled(bench->journal, 1000);
	uint64_t now_ms = clock_wall_ms();
	tick_until(bench->journal, now_ms, "records", 300);
	tick_until(bench->journal, now_ms, "bytes", 1 << 20);
	json_int_t left = figure(bench->journal, "records");
	assert_true(left > 50); // as many as have room
	restart(bench);
	assert_int_equal(figure(bench->journal, "records"), left);
	assert_int_equal(journal_settled(bench->journal), 1000);
}

// ---- the disk ----

// 1 MiB of disk in the bench's directory. false: not for this user.
static bool mount_small_disk(struct bench *bench)
{
	journal_destroy(bench->journal);
	bench->journal = NULL;
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", bench->directory, "tmpfs", 0, "size=1m") == 0;
}

static void fill(const char *directory, char *path, size_t size)
{
	char zeros[4096] = "";
	snprintf(path, size, "%s/filler", directory);
	int file = open(path, O_WRONLY | O_CREAT, 0600);
	while (write(file, zeros, sizeof(zeros)) == sizeof(zeros))
		;
	assert_int_equal(errno, ENOSPC);
	close(file);
}

static void wait_degraded(struct journal *journal, bool wanted)
{
	uint64_t until = clock_steady_ms() + WAIT_MS;
	while (journal_is_degraded(journal) != wanted && clock_steady_ms() < until) {
		journal_tick(journal, clock_wall_ms());
		usleep(1000);
	}
	assert_int_equal(journal_is_degraded(journal), wanted);
}

static void full_disk_is_survived(void **state)
{
	struct bench *bench = *state;
	char path[128];
	unsigned n = 1;
	if (!mount_small_disk(bench)) {
		start(bench);
		skip();
	}
	start(bench);
	struct journal_reader *reader = journal_reader_create(bench->journal, "one");
	append_many(bench->journal, 1, 10);
	n = 11;
	wait_settled(bench->journal, 10);
	take_up_to(reader, 1, 10, 64);
	fill(bench->directory, path, sizeof(path));
	while (!journal_is_degraded(bench->journal) && n < 5000)
		wait_settled(bench->journal, append(bench->journal, n++));
	assert_true(journal_is_degraded(bench->journal));
	take_up_to(reader, 11, n - 1, 1);
	unsigned full = n;
	for (; n < full + 100; n++) { // each settles at once
		append(bench->journal, n);
		assert_int_equal(journal_settled(bench->journal), n);
	}
	append_of(bench->journal, RECORD_PHONE, "SEP1", "", 1);
	take_up_to(reader, n - 16, n - 1, 64);
	uint64_t lost = journal_reader_lag(reader).lost;
	assert_int_equal(lost, 84);
	assert_int_equal(unlink(path), 0);
	wait_degraded(bench->journal, false);
	wait_settled(bench->journal, append(bench->journal, n));
	take_up_to(reader, n, n, 64);
	json_int_t missed = figure(bench->journal, "lost");
	assert_true(missed >= 84 && missed <= 100);
	journal_reader_done(reader, n);
	journal_reader_destroy(reader);
	restart(bench);
	// All of the window, and the last state of what had left it.
	assert_int_equal(figure(bench->journal, "records"), n - missed);
	assert_int_equal(count_states(bench->journal, RECORD_DIAGNOSIS, ""), n);
	assert_int_equal(count_states(bench->journal, RECORD_PHONE, "SEP1"), 1);
	journal_destroy(bench->journal);
	bench->journal = NULL;
	assert_int_equal(umount(bench->directory), 0);
	start(bench);
}

static atomic_bool disk_hangs;

static ssize_t write_when_it_can(int file, const void *bytes, size_t len, off64_t at)
{
	while (atomic_load(&disk_hangs))
		usleep(1000);
	return pwrite64(file, bytes, len, at);
}

static void disk_that_hangs_keeps_nobody_from_being_told(void **state)
{
	struct bench *bench = *state;
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	bench->options.patience_ms = 100;
	restart(bench);
	assert_int_equal(
		vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)write_when_it_can),
		SQLITE_OK);
	append_many(bench->journal, 1, 5);
	wait_settled(bench->journal, 5);
	atomic_store(&disk_hangs, true);
	append_many(bench->journal, 6, 10);
	wait_degraded(bench->journal, true);
	assert_int_equal(journal_settled(bench->journal), 10);
	append(bench->journal, 11);
	assert_int_equal(journal_settled(bench->journal), 11);
	atomic_store(&disk_hangs, false);
	wait_degraded(bench->journal, false);
	vfs->xSetSystemCall(vfs, "pwrite64", NULL);
	assert_int_equal(figure(bench->journal, "lost"), 0);
	bench->options.patience_ms = 0;
	restart(bench);
	assert_int_equal(figure(bench->journal, "records"), 11);
}

static void start_on_a_full_disk_is_survived(void **state)
{
	struct bench *bench = *state;
	char path[128];
	if (!mount_small_disk(bench)) {
		start(bench);
		skip();
	}
	fill(bench->directory, path, sizeof(path));
	start(bench); // without a database
	assert_true(journal_is_degraded(bench->journal));
	append_many(bench->journal, 1, 10);
	assert_int_equal(journal_settled(bench->journal), 10);
	assert_int_equal(unlink(path), 0);
	wait_degraded(bench->journal, false);
	wait_settled(bench->journal, 10);
	fill(bench->directory, path, sizeof(path));
	restart(bench); // with one
	assert_int_equal(journal_settled(bench->journal), 10);
	assert_int_equal(count_states(bench->journal, RECORD_DIAGNOSIS, "d7"), 10);
	for (unsigned n = 11; !journal_is_degraded(bench->journal) && n < 5000; n++)
		wait_settled(bench->journal, append(bench->journal, n));
	assert_true(journal_is_degraded(bench->journal));
	journal_destroy(bench->journal);
	bench->journal = NULL;
	assert_int_equal(umount(bench->directory), 0);
	start(bench);
}

static bool remount(const struct bench *bench, unsigned long flags)
{
	return mount(NULL, bench->directory, NULL, MS_REMOUNT | flags, "size=1m") == 0;
}

static void start_on_a_read_only_disk_is_survived(void **state)
{
	struct bench *bench = *state;
	if (!mount_small_disk(bench)) {
		start(bench);
		skip();
	}
	assert_true(remount(bench, MS_RDONLY));
	start(bench); // without a database
	assert_true(journal_is_degraded(bench->journal));
	append_many(bench->journal, 1, 10);
	append_of(bench->journal, RECORD_ALERT, "fires", "firing", 11);
	assert_int_equal(journal_settled(bench->journal), 11);
	assert_true(remount(bench, 0));
	wait_degraded(bench->journal, false);
	struct journal_reader *reader = journal_reader_create(bench->journal, "one");
	append(bench->journal, 12);
	take_up_to(reader, 12, 12, 1);
	append(bench->journal, 13);
	wait_settled(bench->journal, 13);
	journal_reader_done(reader, 12);
	journal_reader_destroy(reader);
	journal_destroy(bench->journal);
	assert_true(remount(bench, MS_RDONLY));
	start(bench); // with one
	assert_true(journal_is_degraded(bench->journal));
	assert_int_equal(journal_settled(bench->journal), 13);
	assert_int_equal(figure(bench->journal, "records"), 13);
	assert_int_equal(count_states(bench->journal, RECORD_DIAGNOSIS, "d7"), 12);
	assert_int_equal(count_firing(bench->journal), 1);
	reader = journal_reader_create(bench->journal, "one");
	take_up_to(reader, 13, 13, 1);
	append(bench->journal, 14);
	assert_int_equal(journal_settled(bench->journal), 14);
	take_up_to(reader, 14, 14, 1);
	journal_reader_destroy(reader);
	assert_true(remount(bench, 0));
	wait_degraded(bench->journal, false);
	restart(bench);
	assert_false(journal_is_degraded(bench->journal));
	assert_int_equal(figure(bench->journal, "records"), 14);
	assert_int_equal(count_states(bench->journal, RECORD_DIAGNOSIS, ""), 13);
	journal_destroy(bench->journal);
	bench->journal = NULL;
	assert_int_equal(umount(bench->directory), 0);
	start(bench);
}

// Without its index of the log (-shm), as a backup can be, SQLite reads none on such a disk.
static void what_cannot_be_read_is_not_written_over(void **state)
{
	struct bench *bench = *state;
	char path[128];
	if (!mount_small_disk(bench)) {
		start(bench);
		skip();
	}
	start(bench);
	append_many(bench->journal, 1, 10);
	wait_settled(bench->journal, 10);
	journal_destroy(bench->journal);
	snprintf(path, sizeof(path), "%s/history.db-shm", bench->directory);
	assert_int_equal(unlink(path), 0);
	assert_true(remount(bench, MS_RDONLY));
	start(bench);
	assert_true(journal_is_degraded(bench->journal));
	assert_int_equal(count_states(bench->journal, RECORD_DIAGNOSIS, ""), 0);
	uint64_t number = append(bench->journal, 11);
	assert_true(number > 1000000000000); // of the clock
	assert_true(remount(bench, 0));
	wait_degraded(bench->journal, false);
	restart(bench);
	assert_int_equal(figure(bench->journal, "records"), 11);
	assert_int_equal(journal_settled(bench->journal), number);
	journal_destroy(bench->journal);
	bench->journal = NULL;
	assert_int_equal(umount(bench->directory), 0);
	start(bench);
}

// ---- damage ----

static void spoil(const char *directory, const char *name)
{
	char path[128], garbage[4096];
	struct stat st;
	memset(garbage, 0xa5, sizeof(garbage));
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	int file = open(path, O_WRONLY);
	assert_true(file >= 0);
	assert_int_equal(fstat(file, &st), 0);
	for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(garbage))
		assert_int_equal(pwrite(file, garbage, sizeof(garbage), at), sizeof(garbage));
	close(file);
}

static void database_that_gets_damaged_is_replaced(void **state)
{
	struct bench *bench = *state;
	struct journal_reader *reader = journal_reader_create(bench->journal, "one");
	struct record *record;
	append_many(bench->journal, 1, 2000);
	wait_settled(bench->journal, 2000);
	spoil(bench->directory, "history.db");
	spoil(bench->directory, "history.db-wal");
	uint64_t until = clock_steady_ms() + WAIT_MS;
	unsigned n = 2000;
	while (figure(bench->journal, "damaged") == 0 && clock_steady_ms() < until) {
		if (journal_reader_take(reader, &record, 1, 1))
			record_release(record);
		append(bench->journal, ++n);
		journal_tick(bench->journal, clock_wall_ms());
	}
	assert_int_equal(figure(bench->journal, "damaged"), 1);
	wait_degraded(bench->journal, false);
	wait_settled(bench->journal, append(bench->journal, ++n));
	journal_reader_destroy(reader);
	restart(bench);
	assert_int_equal(journal_settled(bench->journal), n);
	assert_true(figure(bench->journal, "records") >= 16);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_bench, end_bench)
	const struct CMUnitTest tests[] = {
		CASE(records_come_in_order),
		CASE(numbers_go_on_after_a_restart),
		CASE(reader_begins_with_what_comes),
		CASE(reader_goes_on_where_it_was),
		CASE(reader_that_comes_again_gets_what_is_not_done),
		CASE(readers_of_ever_new_names_find_a_place),
		CASE(reader_behind_the_window_misses_nothing),
		CASE(nothing_settled_dies_with_the_process),
		CASE(next_start_finds_the_last_states),
		CASE(next_start_finds_what_has_just_recovered),
		CASE(last_state_is_the_one_that_stays),
		CASE(alerts_that_fire_are_known),
		CASE(descriptor_tells_what_settles),
		CASE(burst_longer_than_the_window_is_kept),
		CASE(reader_that_waits_can_be_woken),
		CASE(readers_of_different_pace_miss_nothing),
		CASE(what_makes_no_sense_changes_nothing),
		CASE(without_a_directory_all_settles_at_once),
		CASE(what_is_old_goes),
		CASE(what_is_too_much_goes_oldest_first),
		CASE(disk_that_hangs_keeps_nobody_from_being_told),
		CASE(full_disk_is_survived),
		CASE(start_on_a_full_disk_is_survived),
		CASE(start_on_a_read_only_disk_is_survived),
		CASE(what_cannot_be_read_is_not_written_over),
		CASE(database_that_gets_damaged_is_replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
