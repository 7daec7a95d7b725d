// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../control/store_reader.h"

struct place {
	char directory[64], database[96], moved[256], error[512];
	struct store *store;
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	strcpy(place->directory, "/tmp/offhook-store-XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	snprintf(place->database, sizeof(place->database), "%s/" STORE_FILE, place->directory);
	*state = place;
	return 0;
}

static int end_place(void **state)
{
	struct place *place = *state;
	char path[512];
	struct dirent *entry;
	store_close(place->store);
	DIR *directory = opendir(place->directory);
	while (directory && (entry = readdir(directory)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", place->directory, entry->d_name);
		unlink(path);
	}
	closedir(directory);
	rmdir(place->directory);
	free(place);
	return 0;
}

static enum store_result open_store(struct place *place)
{
	store_close(place->store);
	place->store = NULL;
	return store_open(place->directory, false, &place->store, place->moved,
		sizeof(place->moved), place->error, sizeof(place->error));
}

// One record of a diagnosis, made at second `n`.
static void write_one(struct place *place, uint64_t n, const char *text)
{
	char key[24];
	snprintf(key, sizeof(key), "d%u", (unsigned)(n % 10));
	struct record *record =
		record_create(RECORD_DIAGNOSIS, n, n * 1000, key, text, strlen(text));
	struct store_batch batch = {.records = &record, .n_records = 1};
	record->is_open = true;
	assert_int_equal(
		store_write(place->store, &batch, place->error, sizeof(place->error)), STORE_OK);
	record_release(record);
}

static void write_some(struct place *place, uint64_t from, uint64_t to)
{
	for (uint64_t n = from; n <= to; n++)
		write_one(place, n, "{\"state\":\"open\"}");
}

static void sql(struct place *place, const char *text)
{
	sqlite3 *db = NULL;
	char *error = NULL;
	assert_int_equal(sqlite3_open(place->database, &db), SQLITE_OK);
	sqlite3_exec(db, text, NULL, NULL, &error);
	if (error)
		fail_msg("%s: %s", text, error);
	sqlite3_close(db);
}

// ---- opening ----

static void directory_and_database_are_made(void **state)
{
	struct place *place = *state;
	struct stat st;
	assert_int_equal(rmdir(place->directory), 0);
	assert_int_equal(open_store(place), STORE_OK);
	assert_int_equal(stat(place->directory, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
	write_some(place, 1, 1);
	static const char *const ends[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < N(ends); i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s%s", place->database, ends[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0640);
	}
	assert_string_equal(place->moved, "");
}

static void what_is_written_is_there_again(void **state)
{
	struct place *place = *state;
	assert_int_equal(open_store(place), STORE_OK);
	write_some(place, 1, 30);
	assert_int_equal(open_store(place), STORE_OK);
	struct store_size size = store_size(place->store);
	assert_int_equal(size.first, 1);
	assert_int_equal(size.last, 30);
	assert_int_equal(size.n_records, 30);
}

static void second_daemon_is_refused(void **state)
{
	struct place *place = *state;
	struct store *other = NULL;
	assert_int_equal(open_store(place), STORE_OK);
	assert_int_equal(store_open(place->directory, false, &other, place->moved,
				 sizeof(place->moved), place->error, sizeof(place->error)),
		STORE_WRONG);
	assert_null(other);
	assert_non_null(strstr(place->error, "another offhookd"));
	assert_string_equal(place->moved, "");
}

static void directory_that_cannot_be_is_refused(void **state)
{
	struct place *place = *state;
	struct store *store = NULL;
	static const char *const paths[] = {"/proc/offhook", "/nowhere/at/all", "/dev/null"};
	for (size_t i = 0; i < N(paths); i++) {
		assert_int_equal(store_open(paths[i], false, &store, place->moved,
					 sizeof(place->moved), place->error, sizeof(place->error)),
			STORE_WRONG);
		assert_null(store);
		assert_memory_equal(place->error, paths[i], strlen(paths[i]));
	}
}

static void newer_schema_is_refused_and_kept(void **state)
{
	struct place *place = *state;
	assert_int_equal(open_store(place), STORE_OK);
	write_some(place, 1, 3);
	store_close(place->store);
	place->store = NULL;
	sql(place, "PRAGMA user_version = 99");
	assert_int_equal(open_store(place), STORE_WRONG);
	assert_non_null(strstr(place->error, "newer offhook (schema 99"));
	sql(place, "PRAGMA user_version = 1");
	assert_int_equal(open_store(place), STORE_OK);
	assert_int_equal(store_size(place->store).n_records, 3);
}

// ---- damage ----

// It is set aside, with what belongs to it, and a new one takes its place.
static void is_set_aside(struct place *place)
{
	assert_int_equal(open_store(place), STORE_OK);
	assert_memory_equal(place->moved, place->database, strlen(place->database));
	assert_non_null(strstr(place->moved, STORE_FILE ".damaged-2"));
	assert_int_equal(access(place->moved, F_OK), 0);
	assert_int_equal(store_size(place->store).n_records, 0);
	write_some(place, 1, 3);
	assert_int_equal(open_store(place), STORE_OK);
	assert_string_equal(place->moved, "");
	assert_int_equal(store_size(place->store).n_records, 3);
}

static void fill_store(struct place *place)
{
	assert_int_equal(open_store(place), STORE_OK);
	write_some(place, 1, 400);
	store_close(place->store); // takes the log into the database
	place->store = NULL;
}

static void garbage_is_set_aside(void **state)
{
	struct place *place = *state;
	FILE *file = fopen(place->database, "w");
	for (unsigned i = 0; i < 5000; i++)
		fprintf(file, "this is no database, %u\n", i);
	fclose(file);
	is_set_aside(place);
}

static void truncated_database_is_set_aside(void **state)
{
	struct place *place = *state;
	fill_store(place);
	assert_int_equal(truncate(place->database, 8192 + 100), 0);
	is_set_aside(place);
}

static void database_with_bad_pages_is_set_aside(void **state)
{
	struct place *place = *state;
	char page[4096];
	memset(page, 0x5a, sizeof(page));
	fill_store(place);
	int file = open(place->database, O_WRONLY);
	for (off_t at = 8 * 4096; at < 20 * 4096; at += 4096)
		assert_int_equal(pwrite(file, page, sizeof(page), at), sizeof(page));
	close(file);
	is_set_aside(place);
}

static void others_database_is_set_aside(void **state)
{
	struct place *place = *state;
	sql(place, "CREATE TABLE t (x); INSERT INTO t VALUES (1); PRAGMA application_id = 7");
	is_set_aside(place);
}

static void log_goes_with_its_damaged_database(void **state)
{
	struct place *place = *state;
	char log[300], text[8] = "";
	fill_store(place);
	snprintf(log, sizeof(log), "%s-wal", place->database);
	FILE *file = fopen(log, "w");
	fputs("old log", file);
	fclose(file);
	assert_int_equal(truncate(place->database, 5000), 0);
	is_set_aside(place);
	snprintf(log, sizeof(log), "%s-wal", place->moved);
	file = fopen(log, "r");
	if (file) { // SQLite may have found it worthless first
		assert_int_equal(fread(text, 1, 7, file), 7);
		fclose(file);
	}
}

static void empty_file_becomes_a_database(void **state)
{
	struct place *place = *state;
	fclose(fopen(place->database, "w"));
	assert_int_equal(open_store(place), STORE_OK);
	assert_string_equal(place->moved, "");
	write_some(place, 1, 1);
}

// ---- the log ----

static void log_is_taken_into_the_database(void **state)
{
	struct place *place = *state;
	struct stat st;
	char log[128];
	snprintf(log, sizeof(log), "%s-wal", place->database);
	assert_int_equal(open_store(place), STORE_OK);
	assert_false(store_log_grows(place->store));
	uint64_t n = 1;
	for (unsigned i = 0; i < 20; i++) {
		while (!store_log_grows(place->store))
			write_some(place, n, n + 9), n += 10;
		store_checkpoint(place->store);
		assert_false(store_log_grows(place->store));
	}
	assert_int_equal(stat(log, &st), 0);
	assert_true(st.st_size < 16 << 20); // it begins anew each time
	assert_int_equal(store_size(place->store).n_records, n - 1);
}

// ---- finding ----

static struct store_filter everything(void)
{
	return (struct store_filter){.before_ms = INT64_MAX, .last = INT64_MAX, .kind = -1};
}

// The numbers that are found, in their order, however few are looked at at a time.
static void finds(struct place *place, const struct store_filter *filter, const char *wanted)
{
	for (size_t seen = 1; seen < 64; seen = 2 * seen + 1) {
		struct store_reader *reader =
			store_reader_open(place->directory, place->error, sizeof(place->error));
		struct store_place at = STORE_PLACE_NEWEST;
		struct record *records[8];
		char numbers[512] = "";
		size_t n, len = 0;
		for (bool end = false; !end;) {
			assert_int_equal(store_reader_find(reader, filter, &at, seen, records,
						 1 + seen % 8, &n, &end),
				STORE_OK);
			for (size_t i = 0; i < n; i++) {
				len += (size_t)snprintf(numbers + len, sizeof(numbers) - len,
					"%s%u", len ? " " : "", (unsigned)records[i]->number);
				record_release(records[i]);
			}
		}
		assert_string_equal(numbers, wanted);
		store_reader_close(reader);
	}
}

static void history_is_found_newest_first(void **state)
{
	struct place *place = *state;
	assert_int_equal(open_store(place), STORE_OK);
	write_some(place, 1, 24); // d0 to d9, again and again
	struct store_filter filter = everything();
	finds(place, &filter, "24 23 22 21 20 19 18 17 16 15");
	filter.changes = true;
	filter.since_ms = 20000;
	finds(place, &filter, "24 23 22 21 20");
	filter.before_ms = 22000;
	finds(place, &filter, "21 20");
	filter.changes = false;
	filter.since_ms = 12000;
	finds(place, &filter, "21 20 19 18 17 16 15 14 13 12"); // as they were then
	filter = everything();
	filter.last = 20; // what came later is not there yet
	finds(place, &filter, "20 19 18 17 16 15 14 13 12 11");
	filter.since_ms = 24001;
	finds(place, &filter, "");
}

static void history_is_found_by_what_it_says(void **state)
{
	struct place *place = *state;
	assert_int_equal(open_store(place), STORE_OK);
	write_one(place, 1,
		"{\"diagnosis\":\"csd-enabled\",\"state\":\"open\",\"gateway\":\"ASA-1\",\"device\":"
		"\"SEP000000000001\",\"client_ip\":\"10.0.0.1\",\"tunnel_ip\":\"10.9.0.1\",\"user\":null}");
	write_one(place, 2,
		"{\"diagnosis\":\"group-lock\",\"state\":\"recovered\",\"gateway\":\"asa-1\",\"device\":"
		"null,\"client_ip\":\"10.0.0.2\",\"user\":\"Bob's | \\\"x\\\"\"}");
	write_one(place, 3, "{\"alert\":\"csd-enabled\",\"state\":\"firing\",\"gateway\":null}");
	struct store_filter filter = everything();
	filter.slug = "csd-enabled";
	finds(place, &filter, "3 1");
	filter.state = "open";
	finds(place, &filter, "1");
	filter = everything();
	filter.gateway = "aSa-1";
	finds(place, &filter, "2 1");
	filter.kind = RECORD_ALERT;
	finds(place, &filter, "");
	filter = everything();
	filter.by_phone = true;
	filter.device = "SEP000000000001";
	finds(place, &filter, "1");
	filter.device = NULL;
	filter.address = "10.9.0.1";
	finds(place, &filter, "1");
	filter.address = "10.0.0.2";
	finds(place, &filter, "2");
	filter.address = NULL;
	filter.user = "bob's | \"X\"";
	finds(place, &filter, "2");
	filter.user = "' OR 1=1 --";
	finds(place, &filter, "");
}

static void database_without_a_table_is_said_to_be_empty(void **state)
{
	struct place *place = *state;
	FILE *file = fopen(place->database, "w");
	assert_non_null(file);
	fclose(file);
	assert_null(store_reader_open(place->directory, place->error, sizeof(place->error)));
	assert_string_equal(place->error, "nothing could be written there yet");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_place, end_place)
	const struct CMUnitTest tests[] = {
		CASE(directory_and_database_are_made),
		CASE(what_is_written_is_there_again),
		CASE(second_daemon_is_refused),
		CASE(directory_that_cannot_be_is_refused),
		CASE(newer_schema_is_refused_and_kept),
		CASE(garbage_is_set_aside),
		CASE(truncated_database_is_set_aside),
		CASE(database_with_bad_pages_is_set_aside),
		CASE(others_database_is_set_aside),
		CASE(log_goes_with_its_damaged_database),
		CASE(empty_file_becomes_a_database),
		CASE(log_is_taken_into_the_database),
		CASE(database_without_a_table_is_said_to_be_empty),
		CASE(history_is_found_newest_first),
		CASE(history_is_found_by_what_it_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
