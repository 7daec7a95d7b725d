// SPDX-License-Identifier: BSD-3-Clause
#include "desk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../control/reload_command.h"
#include "../../control/server.h"
#include "rules.h"
#include "scene_pack.h"

#define SERVE_TURNS_MAX 1000000

static const struct worker_limits usual_limits = {
	.clients = 32768, // a quarter of them may have failures
	.diagnoses = 8192,
	.handshakes = 256,
	.gateways = 32,
	.idle_ms = 3600 * 1000,
	.expire_ms = 24 * 3600 * 1000};

struct desk *desk_create(unsigned n_workers)
{
	return desk_create_sized(n_workers, &usual_limits);
}

struct desk *desk_create_sized(unsigned n_workers, const struct worker_limits *limits)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	char error[256];
	assert_non_null(desk);
	struct daemon *d = &desk->daemon;
	strcpy(desk->directory, "/tmp/offhook-test-XXXXXX");
	assert_non_null(mkdtemp(desk->directory));
	snprintf(desk->socket, sizeof(desk->socket), "%s/control.sock", desk->directory);
	snprintf(desk->rules, sizeof(desk->rules), "%s/rules.yaml", desk->directory);
	desk->now_ms = 1000;
	desk->steady_ms = 1000;
	struct report report = {0};
	assert_true(config_init(&d->config, NULL, &report));
	d->config.rules = desk->rules;
	d->config.cache = NULL;
	d->vocabulary = vocabulary_create();
	d->workers = workers_create(
		n_workers, limits, rules_compile(d->vocabulary, scene_pack), &d->config.policy);
	assert_non_null(d->workers);
	d->hidden_users = calloc(limits->gateways, sizeof(*d->hidden_users));
	d->hidden_users_ms = calloc(limits->gateways, sizeof(*d->hidden_users_ms));
	d->feed = feed_create(d->workers);
	struct journal_options history = {.window = 64}; // in memory alone
	d->journal = journal_create(&history, error, sizeof(error));
	assert_non_null(d->journal);
	d->server = server_create(d, desk->socket, error, sizeof(error));
	if (d->server == NULL)
		fail_msg("%s", error);
	return desk;
}

void desk_destroy(struct desk *desk)
{
	struct daemon *d = &desk->daemon;
	server_destroy(d->server);
	feed_destroy(d->feed);
	journal_destroy(d->journal);
	workers_destroy(d->workers);
	free(d->hidden_users);
	free(d->hidden_users_ms);
	vocabulary_destroy(d->vocabulary);
	reload_fini(d);
	config_fini(&d->config);
	unlink(desk->rules);
	assert_int_equal(rmdir(desk->directory), 0); // the socket is gone
	free(desk);
}

// ---- lines ----

static void turn(struct desk *desk)
{
	struct workers *workers = desk->daemon.workers;
	for (bool any = true; any;) {
		any = false;
		for (unsigned i = 0; i < workers->n; i++)
			any |= worker_turn(workers->worker[i], desk->now_ms, UINT32_MAX);
	}
}

void desk_line(struct desk *desk, const char *line)
{
	struct arrival arrival = {.time_ms = desk->now_ms, .input = 1};
	worker_take_line(desk->daemon.workers->worker[0], slice_of(line), &arrival);
	turn(desk);
	desk->now_ms++;
}

void desk_fail(struct desk *desk, unsigned phone)
{
	char line[256];
	snprintf(line, sizeof(line),
		"fw1 : %%ASA-4-724002: Group <G> User <CP-7962G-SEP%012X> IP <10.%u.%u.%u> WebVPN session not terminated.",
		phone + 1, phone >> 16 & 255, phone >> 8 & 255, phone & 255);
	desk_line(desk, line);
}

void desk_recover(struct desk *desk, unsigned phone)
{
	char line[256];
	snprintf(line, sizeof(line),
		"fw1 : %%ASA-6-722051: Group <G> User <CP-7962G-SEP%012X> IP <10.%u.%u.%u> IPv4 Address <172.16.%u.%u> IPv6 address <::> assigned to session",
		phone + 1, phone >> 16 & 255, phone >> 8 & 255, phone & 255, phone >> 8 & 255,
		phone & 255);
	desk_line(desk, line);
}

// ---- the server ----

void desk_serve(struct desk *desk)
{
	struct daemon *d = &desk->daemon;
	for (unsigned i = 0; i < SERVE_TURNS_MAX; i++) {
		bool busy = feed_drain(d->feed);
		busy |= server_step(d->server, desk->steady_ms);
		if (!busy)
			return;
	}
	fail_msg("the server never rests");
}

void desk_wait(struct desk *desk, uint64_t ms)
{
	desk->steady_ms += ms;
	server_tick(desk->daemon.server, desk->steady_ms);
	desk_serve(desk);
}

void desk_write_rules(struct desk *desk, const char *text)
{
	FILE *file = fopen(desk->rules, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

unsigned desk_connections(struct desk *desk)
{
	json_t *control = server_json(desk->daemon.server);
	unsigned n = (unsigned)json_integer_value(json_object_get(control, "connections"));
	json_decref(control);
	return n;
}

// ---- a client ----

int desk_connect_silent(struct desk *desk)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	strcpy(address.sun_path, desk->socket);
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		assert_int_equal(errno, EAGAIN); // the backlog is full
		desk_serve(desk);
	}
	return fd;
}

int desk_connect(struct desk *desk)
{
	int fd = desk_connect_silent(desk);
	char *hello = desk_receive(desk, fd);
	assert_non_null(hello);
	assert_non_null(strstr(hello, "\"name\":\"offhook\""));
	free(hello);
	return fd;
}

void desk_send(struct desk *desk, int client, const char *text)
{
	size_t len = strlen(text);
	while (len) {
		ssize_t n = send(client, text, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			desk_serve(desk);
			continue;
		}
		if (n < 0)
			return; // the server has had enough of it
		text += n;
		len -= (size_t)n;
	}
	desk_serve(desk);
}

// What there is of the line, without what follows it. 0: nothing for now; -1: the end.
static ssize_t receive_some(int client, char *out, size_t size)
{
	ssize_t n = recv(client, out, size, MSG_PEEK);
	if (n <= 0)
		return n < 0 && errno == EAGAIN ? 0 : -1;
	const char *end = memchr(out, '\n', (size_t)n);
	return recv(client, out, end ? (size_t)(end + 1 - out) : (size_t)n, 0);
}

char *desk_receive(struct desk *desk, int client)
{
	char *line = NULL;
	size_t len = 0, size = 0;
	for (unsigned patience = 0; patience < 3;) {
		if (size - len < 65536)
			line = realloc(line, size = 2 * size + 131072);
		assert_non_null(line);
		ssize_t n = receive_some(client, line + len, size - len - 1);
		if (n < 0)
			break;
		if (n == 0) {
			desk_serve(desk);
			patience++;
			continue;
		}
		patience = 0;
		len += (size_t)n;
		line[len] = '\0';
		if (line[len - 1] == '\n')
			return line;
	}
	free(line);
	return NULL;
}

json_t *desk_ask(struct desk *desk, int client, const char *request)
{
	json_error_t error;
	desk_send(desk, client, request);
	desk_send(desk, client, "\n");
	char *line = desk_receive(desk, client);
	if (line == NULL)
		fail_msg("no answer to %s", request);
	json_t *answer = json_loads(line, 0, &error);
	if (answer == NULL)
		fail_msg("%s: %.200s", error.text, line);
	free(line);
	return answer;
}

json_t *desk_data(struct desk *desk, int client, const char *request)
{
	json_t *answer = desk_ask(desk, client, request);
	json_t *data = json_incref(json_object_get(answer, "data"));
	if (!json_is_true(json_object_get(answer, "ok")))
		fail_msg("%s: %s", request, json_string_value(json_object_get(answer, "error")));
	assert_non_null(data);
	json_decref(answer);
	return data;
}

char *desk_error(struct desk *desk, int client, const char *request)
{
	json_t *answer = desk_ask(desk, client, request);
	const char *error = json_string_value(json_object_get(answer, "error"));
	if (!json_is_false(json_object_get(answer, "ok")) || error == NULL)
		fail_msg("%s: is no error", request);
	char *copy = strdup(error);
	json_decref(answer);
	return copy;
}
