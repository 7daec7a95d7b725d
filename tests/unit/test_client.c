// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../control/client.h"

struct taken {
	unsigned n;
	char all[4096];
};

static void take(void *context, json_t *item)
{
	struct taken *taken = context;
	char *text = json_dumps(item, JSON_COMPACT);
	size_t len = strlen(taken->all);
	taken->n++;
	snprintf(taken->all + len, sizeof(taken->all) - len, "%s%s", len ? " " : "", text);
	free(text);
}

#define ERROR_MAX 256

// What is taken when the daemon says this.
static enum client_result hear(const char *said, struct taken *taken, char *error)
{
	struct client client = {.stream = fmemopen((char *)said, strlen(said), "r"), .error = ""};
	*taken = (struct taken){0};
	assert_non_null(client.stream);
	enum client_result result = client_take(&client, take, taken);
	snprintf(error, ERROR_MAX, "%s", client.error);
	client_close(&client);
	return result;
}

static void answers_are_taken_item_by_item(void **state)
{
	(void)state;
	static const struct {
		const char *said;
		unsigned n;
		const char *all;
	} cases[] = {
		{"{\"ok\":true,\"data\":[]}\n", 0, ""},
		{"{\"ok\":true,\"data\":[{\"a\":\"]}\"},{\"b\":[1,{}]}]}\n", 2,
			"{\"a\":\"]}\"} {\"b\":[1,{}]}"},
		{"{\"ok\":true,\"data\":{\"a\":[1]}}\n", 1, "{\"a\":[1]}"},
		{"\n{\"ok\":true,\"data\":{}}\n", 1, "{}"},
	};
	struct taken taken;
	char error[ERROR_MAX];
	for (size_t i = 0; i < N(cases); i++) {
		assert_int_equal(hear(cases[i].said, &taken, error), CLIENT_OK);
		assert_int_equal(taken.n, cases[i].n);
		assert_string_equal(taken.all, cases[i].all);
	}
}

static void answers_follow_one_another(void **state)
{
	(void)state;
	static const char said[] = "{\"ok\":true,\"data\":{\"a\":1}}\n{\"ok\":true,\"data\":[{}]}\n"
				   "{\"ok\":false,\"error\":\"enough\"}\n";
	struct client client = {.stream = fmemopen((char *)said, strlen(said), "r")};
	struct taken taken = {0};
	assert_int_equal(client_take(&client, take, &taken), CLIENT_OK);
	assert_int_equal(client_take(&client, take, &taken), CLIENT_OK);
	assert_int_equal(client_take(&client, take, &taken), CLIENT_REFUSED);
	assert_string_equal(client.error, "enough");
	assert_string_equal(taken.all, "{\"a\":1} {}");
	assert_int_equal(client_take(&client, take, &taken), CLIENT_BROKEN);
	client_close(&client);
}

static void what_is_no_answer_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *said;
		enum client_result result;
		const char *error;
	} cases[] = {
		{"{\"ok\":false,\"error\":\"no \\\"x\\\"\"}\n", CLIENT_REFUSED, "no \"x\""},
		{"{\"ok\":false,\"error\":\"no x\",\"usage\":true}\n", CLIENT_WRONG, "no x"},
		{"{\"ok\":true}\n", CLIENT_BROKEN, "the daemon's answer is not understood"},
		{"hello\n", CLIENT_BROKEN, "the daemon's answer is not understood"},
		{"{\"ok\":true,\"data\":[{},", CLIENT_BROKEN,
			"the daemon has ended the connection"},
		{"{\"ok\":true,\"data\":{\"a\"", CLIENT_BROKEN,
			"the daemon has ended the connection"},
		{"{\"ok\":true,\"data\":{}x", CLIENT_BROKEN,
			"the daemon's answer is not understood"},
	};
	struct taken taken;
	char error[ERROR_MAX];
	for (size_t i = 0; i < N(cases); i++) {
		assert_int_equal(hear(cases[i].said, &taken, error), cases[i].result);
		assert_string_equal(error, cases[i].error);
	}
}

// A reload is refused with as many lines as the report has.
static void a_long_refusal_is_told_whole(void **state)
{
	(void)state;
	size_t len = 200000;
	char *wanted = malloc(len + 1), *said = NULL;
	memset(wanted, 'x', len);
	wanted[len] = '\0';
	assert_true(asprintf(&said, "{\"ok\":false,\"error\":\"%s\"}\n", wanted) > 0);
	struct client client = {.stream = fmemopen(said, strlen(said), "r")};
	struct taken taken = {0};
	assert_int_equal(client_take(&client, take, &taken), CLIENT_REFUSED);
	assert_string_equal(client.error, wanted);
	client_close(&client);
	assert_string_equal(client.error, "");
	free(wanted);
	free(said);
}

// Connect to somebody who says this at once.
static enum client_result meet(const char *greeting, char *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct client client;
	char directory[] = "/tmp/offhook-client-XXXXXX", path[64];
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/s", directory);
	strcpy(address.sun_path, path);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	pid_t child = fork();
	if (child == 0) {
		int fd = accept(listener, NULL, NULL);
		_exit(write(fd, greeting, strlen(greeting)) < 0);
	}
	enum client_result result = client_open(&client, path, 10000);
	snprintf(error, ERROR_MAX, "%s", client.error);
	client_close(&client);
	waitpid(child, NULL, 0);
	close(listener);
	unlink(path);
	rmdir(directory);
	return result;
}

static void greeting_tells_whether_it_is_the_daemon(void **state)
{
	(void)state;
	char error[ERROR_MAX];
	assert_int_equal(meet("{\"name\":\"offhook\",\"version\":\"9\",\"protocol\":1}\n", error),
		CLIENT_OK);
	assert_int_equal(meet("{\"name\":\"offhook\",\"version\":\"9\",\"protocol\":2}\n", error),
		CLIENT_BROKEN);
	assert_string_equal(error, "offhookd speaks protocol 2, this offhook speaks 1");
	assert_int_equal(meet("{\"ok\":false,\"error\":\"too many\"}\n", error), CLIENT_REFUSED);
	assert_string_equal(error, "too many");
	assert_int_equal(meet("SSH-2.0-x\r\n", error), CLIENT_BROKEN);
	assert_string_equal(error, "what answers there is no offhookd");
	assert_int_equal(meet("", error), CLIENT_BROKEN);
}

// Listens and never says a word, nor accepts anybody beyond the first in its queue.
static void silence_has_an_end(void **state)
{
	(void)state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct client clients[4];
	char directory[] = "/tmp/offhook-client-XXXXXX";
	assert_non_null(mkdtemp(directory));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", directory);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 0), 0);
	for (unsigned i = 0; i < N(clients); i++) {
		assert_int_equal(client_open(&clients[i], address.sun_path, 50), CLIENT_BROKEN);
		assert_string_equal(clients[i].error, "offhookd has been silent for 0 s");
	}
	for (unsigned i = 0; i < N(clients); i++)
		client_close(&clients[i]);
	close(listener);
	unlink(address.sun_path);
	rmdir(directory);
}

static void nobody_there_is_no_daemon(void **state)
{
	(void)state;
	struct client client;
	assert_int_equal(client_open(&client, "/no/such/socket", 10000), CLIENT_NO_DAEMON);
	assert_non_null(strstr(client.error, "no daemon answers at /no/such/socket"));
	client_close(&client);
	assert_int_equal(client_open(&client, "/etc/passwd", 10000), CLIENT_NO_DAEMON);
	client_close(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_taken_item_by_item),
		cmocka_unit_test(answers_follow_one_another),
		cmocka_unit_test(what_is_no_answer_is_told),
		cmocka_unit_test(a_long_refusal_is_told_whole),
		cmocka_unit_test(greeting_tells_whether_it_is_the_daemon),
		cmocka_unit_test(silence_has_an_end),
		cmocka_unit_test(nobody_there_is_no_daemon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
