// SPDX-License-Identifier: BSD-3-Clause
#include "desk.h"

#include <dirent.h>
#include <unistd.h>

#include "../../control/clock.h"
#include "../../control/journal.h"

struct archive {
	struct desk *desk;
	char directory[64];
	int client;
};

static int make_archive(void **state)
{
	struct archive *archive = calloc(1, sizeof(*archive));
	char error[512];
	archive->desk = desk_create(1);
	struct daemon *d = &archive->desk->daemon;
	strcpy(archive->directory, "/tmp/offhook-history-XXXXXX");
	assert_non_null(mkdtemp(archive->directory));
	journal_destroy(d->journal);
	d->config.journal.directory = archive->directory;
	d->config.journal.window = 64;
	d->journal = journal_create(&d->config.journal, error, sizeof(error));
	assert_non_null(d->journal);
	archive->client = desk_connect(archive->desk);
	*state = archive;
	return 0;
}

static int end_archive(void **state)
{
	struct archive *archive = *state;
	char path[512];
	struct dirent *entry;
	close(archive->client);
	desk_destroy(archive->desk);
	DIR *directory = opendir(archive->directory);
	while (directory && (entry = readdir(directory)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", archive->directory, entry->d_name);
		unlink(path);
	}
	closedir(directory);
	rmdir(archive->directory);
	free(archive);
	return 0;
}

static void record(struct archive *archive, enum record_kind kind, const char *key,
	const char *slug, const char *word, const char *device)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:s, s:s}", "type",
		kind == RECORD_ALERT ? "alert" : "diagnosis", "id", key,
		kind == RECORD_ALERT ? "alert" : "diagnosis", slug, "state", word, "gateway",
		"asa-hq-1", "device", device, "client_ip", "10.0.0.9", "tunnel_ip", "2001:db8::9",
		"user", "bob");
	struct journal *journal = archive->desk->daemon.journal;
	uint64_t number = journal_append(journal, kind, key, object);
	uint64_t until = clock_steady_ms() + 10000;
	while (journal_settled(journal) < number && clock_steady_ms() < until)
		usleep(200);
	assert_true(journal_settled(journal) >= number);
	json_decref(object);
}

// The numbers of what is found, in their order: "3 1".
static void finds(struct archive *archive, const char *arguments, const char *wanted)
{
	char request[512], numbers[512] = "";
	size_t i, len = 0;
	json_t *one;
	snprintf(request, sizeof(request), "{\"command\":\"history\",\"arguments\":%s}", arguments);
	json_t *data = desk_data(archive->desk, archive->client, request);
	json_array_foreach(data, i, one)
	{
		len += (size_t)snprintf(numbers + len, sizeof(numbers) - len, "%s%d", i ? " " : "",
			(int)json_integer_value(json_object_get(one, "number")));
		assert_true(json_is_string(json_object_get(one, "recorded_at")));
	}
	json_decref(data);
	if (strcmp(numbers, wanted) != 0)
		fail_msg("%s finds '%s', not '%s'", arguments, numbers, wanted);
}

static void refuses(struct archive *archive, const char *arguments, const char *wanted)
{
	char request[512];
	snprintf(request, sizeof(request), "{\"command\":\"history\",\"arguments\":%s}", arguments);
	char *error = desk_error(archive->desk, archive->client, request);
	assert_string_equal(error, wanted);
	free(error);
}

static void record_some(struct archive *archive)
{
	record(archive, RECORD_DIAGNOSIS, "a", "csd-enabled", "open", "SEP8CB64F576113");
	record(archive, RECORD_DIAGNOSIS, "b", "group-lock", "open", NULL);
	record(archive, RECORD_ALERT, "fleet-x", "fleet-cert-mismatch", "firing", NULL);
	record(archive, RECORD_DIAGNOSIS, "a", "csd-enabled", "recovered", "SEP8CB64F576113");
	record(archive, RECORD_ALERT, "fleet-x", "fleet-cert-mismatch", "resolved", NULL);
}

static void each_thing_is_told_as_it_was_left(void **state)
{
	struct archive *archive = *state;
	finds(archive, "{}", "");
	record_some(archive);
	finds(archive, "{}", "5 4 2");
	finds(archive, "{\"changes\":true}", "5 4 3 2 1");
	finds(archive, "{\"limit\":\"2\"}", "5 4");
	finds(archive, "{\"limit\":\"2\",\"changes\":true}", "5 4");
}

static void filters_leave_what_is_wanted(void **state)
{
	struct archive *archive = *state;
	record_some(archive);
	finds(archive, "{\"kind\":\"alert\"}", "5");
	finds(archive, "{\"kind\":\"diagnosis\",\"changes\":true}", "4 2 1");
	finds(archive, "{\"state\":\"open\"}", "2"); // what is open still
	finds(archive, "{\"state\":\"open\",\"changes\":true}", "2 1");
	finds(archive, "{\"id\":\"csd-enabled\"}", "4");
	finds(archive, "{\"id\":\"no-such-name\"}", "");
	finds(archive, "{\"gateway\":\"ASA-HQ-1\"}", "5 4 2");
	finds(archive, "{\"gateway\":\"asa\"}", "");
	finds(archive, "{\"since\":\"1h\"}", "5 4 2");
	finds(archive, "{\"until\":\"1h\"}", "");
	finds(archive, "{\"since\":\"2020-01-01\",\"until\":\"2999-01-01T00:00:00Z\"}", "5 4 2");
}

static void phone_is_found_by_any_of_its_names(void **state)
{
	struct archive *archive = *state;
	record(archive, RECORD_DIAGNOSIS, "a", "csd-enabled", "open", "SEP8CB64F576113");
	record(archive, RECORD_DIAGNOSIS, "b", "csd-enabled", "open", "SEP000000000001");
	finds(archive, "{\"phone\":\"SEP8CB64F576113\"}", "1");
	finds(archive, "{\"phone\":\"8c:b6:4f:57:61:13\"}", "1");
	finds(archive, "{\"phone\":\"8CB6.4F57.6113\"}", "1");
	finds(archive, "{\"phone\":\"10.0.0.9\"}", "2 1");
	finds(archive, "{\"phone\":\"2001:DB8:0::9\"}", "2 1");
	finds(archive, "{\"phone\":\"Bob\"}", "2 1");
	finds(archive, "{\"phone\":\"10.0.0.8\"}", "");
}

static void wrong_values_are_told(void **state)
{
	struct archive *archive = *state;
	refuses(archive, "{\"since\":\"yesterday\"}",
		"history: argument 'since' must be a time: 2026-11-26, 2026-11-26T09:30:00Z, or an age: 30m, 2h, 7d, not 'yesterday'");
	refuses(archive, "{\"until\":\"\"}",
		"history: argument 'until' must be a time: 2026-11-26, 2026-11-26T09:30:00Z, or an age: 30m, 2h, 7d, not ''");
	refuses(archive, "{\"limit\":\"0\"}",
		"history: argument 'limit' must be a number from 1 to 1000000, not '0'");
	refuses(archive, "{\"limit\":\"-1\"}",
		"history: argument 'limit' must be a number from 1 to 1000000, not '-1'");
	refuses(archive, "{\"limit\":\"1x\"}",
		"history: argument 'limit' must be a number from 1 to 1000000, not '1x'");
	refuses(archive, "{\"phone\":\"\"}", "history: --phone: the key is empty");
	refuses(archive, "{\"kind\":\"phone\"}",
		"history: argument 'kind' must be one of diagnosis|alert, not 'phone'");
	finds(archive, "{}", ""); // and the connection goes on
}

static void without_a_history_there_is_an_error(void **state)
{
	struct archive *archive = *state;
	archive->desk->daemon.config.journal.directory = NULL;
	refuses(archive, "{}", "history: none is kept (`history: none` in the config)");
}

static void long_history_comes_in_pieces(void **state)
{
	struct archive *archive = *state;
	char key[16];
	for (unsigned i = 0; i < 700; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		record(archive, RECORD_DIAGNOSIS, key, i % 100 ? "csd-enabled" : "group-lock",
			"open", NULL);
	}
	json_t *data = desk_data(archive->desk, archive->client, "{\"command\":\"history\"}");
	assert_int_equal(json_array_size(data), 700);
	json_decref(data);
	finds(archive, "{\"id\":\"group-lock\"}", "601 501 401 301 201 101 1");
}

static void client_that_leaves_takes_nothing_with_it(void **state)
{
	struct archive *archive = *state;
	record_some(archive);
	int other = desk_connect(archive->desk);
	desk_send(archive->desk, other, "{\"command\":\"history\"}\n{\"command\":\"history\"}\n");
	close(other);
	desk_serve(archive->desk);
	finds(archive, "{}", "5 4 2");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_archive, end_archive)
	const struct CMUnitTest tests[] = {
		CASE(each_thing_is_told_as_it_was_left),
		CASE(filters_leave_what_is_wanted),
		CASE(phone_is_found_by_any_of_its_names),
		CASE(wrong_values_are_told),
		CASE(without_a_history_there_is_an_error),
		CASE(long_history_comes_in_pieces),
		CASE(client_that_leaves_takes_nothing_with_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
