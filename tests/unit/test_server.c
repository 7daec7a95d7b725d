// SPDX-License-Identifier: BSD-3-Clause
#include "desk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../control/connection.h"
#include "../../control/server.h"

static int set_up(void **state)
{
	*state = desk_create(1);
	return 0;
}

static int tear_down(void **state)
{
	desk_destroy(*state);
	return 0;
}

static void assert_starts(const char *text, const char *wanted)
{
	if (text == NULL || strncmp(text, wanted, strlen(wanted)) != 0)
		fail_msg("'%s' does not start with '%s'", text ? text : "nothing", wanted);
}

// The connection has ended.
static void assert_ended(struct desk *desk, int client)
{
	char *line;
	while ((line = desk_receive(desk, client)) != NULL)
		free(line);
	char c;
	ssize_t n = recv(client, &c, 1, 0);
	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
}

// ---- talking ----

static void greets_with_name_version_and_protocol(void **state)
{
	int client = desk_connect_silent(*state);
	char *line = desk_receive(*state, client);
	assert_string_equal(line,
		"{\"name\":\"offhook\",\"version\":\"" OFFHOOK_VERSION "\",\"protocol\":1}\n");
	free(line);
	close(client);
}

static void request_in_pieces_is_one_request(void **state)
{
	int client = desk_connect(*state);
	desk_send(*state, client, "{\"command\":");
	assert_null(desk_receive(*state, client));
	desk_send(*state, client, "\"diagnoses\"}\r\n");
	char *line = desk_receive(*state, client);
	assert_string_equal(line, "{\"ok\":true,\"data\":[]}\n");
	free(line);
	close(client);
}

static void requests_in_one_piece_are_answered_in_order(void **state)
{
	int client = desk_connect(*state);
	desk_send(*state, client,
		"\n  \n{\"command\":\"diagnoses\"}\n{\"command\":\"nonsense\"}\n\n"
		"{\"command\":\"diagnoses\",\"arguments\":null}\n");
	static const char *const wanted[] = {"{\"ok\":true,\"data\":[]}",
		"{\"ok\":false,\"error\":\"unknown command 'nonsense'\"}",
		"{\"ok\":true,\"data\":[]}"};
	for (size_t i = 0; i < N(wanted); i++) {
		char *line = desk_receive(*state, client);
		assert_starts(line, wanted[i]);
		free(line);
	}
	close(client);
}

static void client_that_only_reads_on_gets_its_answer(void **state)
{
	int client = desk_connect(*state);
	desk_send(*state, client, "{\"command\":\"diagnoses\"}"); // and no line feed
	shutdown(client, SHUT_WR);
	char *line = desk_receive(*state, client);
	assert_string_equal(line, "{\"ok\":true,\"data\":[]}\n");
	free(line);
	assert_ended(*state, client);
	close(client);
}

static void wrong_requests_are_told_why(void **state)
{
	static const char *const cases[][2] = {
		{"{", "not a line of JSON: "},
		{"hello", "not a line of JSON: "},
		{"[1]", "a request is {"},
		{"{}", "a request is {"},
		{"{\"command\":7}", "a request is {"},
		{"{\"command\":\"status\",\"command\":\"status\"}",
			"not a line of JSON: duplicate"},
		{"{\"command\":\"replay\"}", "unknown command 'replay'"},
		{"{\"command\":\"status\",\"x\":1}", "unknown key 'x'"},
		{"{\"command\":\"status\",\"arguments\":[]}",
			"status: arguments must be an object"},
		{"{\"command\":\"status\",\"arguments\":{\"a\":1}}",
			"status: unknown argument 'a'"},
		{"{\"command\":\"diagnoses\",\"arguments\":{\"state\":\"closed\"}}",
			"diagnoses: argument 'state' must be one of open|recovered|expired|all"},
		{"{\"command\":\"diagnoses\",\"arguments\":{\"gateway\":1}}",
			"diagnoses: argument 'gateway' must be a string"},
		{"{\"command\":\"diagnoses\",\"arguments\":{\"all_clients\":\"yes\"}}",
			"diagnoses: argument 'all_clients' must be true or false"},
		{"{\"command\":\"diagnoses\",\"arguments\":{\"id\":\"nonsense\"}}",
			"diagnoses: the rules know no diagnosis 'nonsense'"},
		{"{\"command\":\"phone\"}", "phone: argument 'key' is missing"},
		{"{\"command\":\"\xff\xfe\"}", "not a line of JSON: "},
		{"{\"command\":\"a\\u0000b\"}", "not a line of JSON: "},
	};
	int client = desk_connect(*state);
	for (size_t i = 0; i < N(cases); i++) {
		char *error = desk_error(*state, client, cases[i][0]);
		assert_starts(error, cases[i][1]);
		free(error);
	}
	close(client);
}

// ---- hostile clients ----

static void deep_nesting_is_an_error(void **state)
{
	char request[REQUEST_MAX];
	int client = desk_connect(*state);
	memset(request, '[', sizeof(request));
	request[sizeof(request) - 2] = '\0';
	char *error = desk_error(*state, client, request);
	assert_starts(error, "not a line of JSON: ");
	free(error);
	close(client);
}

static void endless_request_costs_no_memory_and_ends(void **state)
{
	struct desk *desk = *state;
	int client = desk_connect(desk);
	static char mebibyte[1 << 20];
	memset(mebibyte, 'x', sizeof(mebibyte) - 1);
	size_t sent = 0;
	for (unsigned i = 0; i < 100 && desk_connections(desk); i++) {
		ssize_t n = send(client, mebibyte, sizeof(mebibyte) - 1, MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		desk_serve(desk);
	}
	assert_true(sent < 4 << 20); // what the kernel held
	char *line = desk_receive(desk, client);
	assert_starts(line, "{\"ok\":false,\"error\":\"a request is longer than 4096 bytes\"}");
	free(line);
	assert_ended(desk, client);
	close(client);
}

static void longest_request_is_read(void **state)
{
	char request[REQUEST_MAX + 1];
	int client = desk_connect(*state);
	memset(request, ' ', sizeof(request));
	memcpy(request, "{\"command\":\"diagnoses\"}", 23);
	request[REQUEST_MAX - 1] = '\0'; // the line feed makes it full
	json_decref(desk_data(*state, client, request));
	close(client);
}

static void half_a_request_and_gone_leaves_nothing(void **state)
{
	struct desk *desk = *state;
	for (unsigned i = 0; i < 1000; i++) {
		int client = desk_connect_silent(desk);
		assert_true(send(client, "{\"comm", 7, MSG_NOSIGNAL) == 7);
		close(client);
	}
	desk_serve(desk);
	assert_int_equal(desk_connections(desk), 0);
}

static void half_a_request_is_not_waited_for(void **state)
{
	int client = desk_connect(*state);
	desk_send(*state, client, "{\"command\":");
	desk_wait(*state, CONNECTION_HALF_MS);
	assert_int_equal(desk_connections(*state), 1);
	desk_wait(*state, 1);
	char *line = desk_receive(*state, client);
	assert_starts(line, "{\"ok\":false,\"error\":\"half a request for 30 s");
	free(line);
	assert_ended(*state, client);
	assert_int_equal(desk_connections(*state), 0);
	close(client);
}

static void idle_client_is_ended_in_the_end(void **state)
{
	int client = desk_connect(*state);
	desk_wait(*state, CONNECTION_IDLE_MS);
	assert_int_equal(desk_connections(*state), 1);
	desk_wait(*state, 1);
	char *line = desk_receive(*state, client);
	assert_starts(line, "{\"ok\":false,\"error\":\"no request for 5 minutes");
	free(line);
	assert_ended(*state, client);
	close(client);
}

static void too_many_are_refused_and_later_admitted(void **state)
{
	struct desk *desk = *state;
	int clients[CONNECTIONS_MAX];
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		clients[i] = desk_connect(desk);
	int extra = desk_connect_silent(desk);
	char *line = desk_receive(desk, extra);
	assert_starts(line, "{\"ok\":false,\"error\":\"too many connections, at most 128");
	free(line);
	assert_ended(desk, extra);
	close(extra);
	json_decref(desk_data(desk, clients[7], "{\"command\":\"status\"}"));
	close(clients[7]);
	desk_serve(desk);
	clients[7] = desk_connect(desk);
	json_decref(desk_data(desk, clients[7], "{\"command\":\"status\"}"));
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		close(clients[i]);
	desk_serve(desk);
	assert_int_equal(desk_connections(desk), 0);
}

static void idle_client_gives_way_to_one_that_finds_no_room(void **state)
{
	struct desk *desk = *state;
	int clients[CONNECTIONS_MAX];
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		clients[i] = desk_connect(desk);
	desk_wait(desk, CONNECTION_YIELD_MS);
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
		if (i != 9)
			json_decref(desk_data(desk, clients[i], "{\"command\":\"diagnoses\"}"));
	}
	int extra = desk_connect(desk);
	json_decref(desk_data(desk, extra, "{\"command\":\"diagnoses\"}"));
	char *line = desk_receive(desk, clients[9]);
	assert_starts(line, "{\"ok\":false,\"error\":\"too many connections: one without");
	free(line);
	assert_ended(desk, clients[9]);
	int one_more = desk_connect_silent(desk); // the others have asked just now
	line = desk_receive(desk, one_more);
	assert_starts(line, "{\"ok\":false,\"error\":\"too many connections, at most 128");
	free(line);
	close(one_more);
	close(extra);
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		close(clients[i]);
	desk_serve(desk);
	assert_int_equal(desk_connections(desk), 0);
}

static void ten_thousand_connections_pass(void **state)
{
	struct desk *desk = *state;
	int clients[500];
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < N(clients); i++)
			clients[i] = desk_connect_silent(desk);
		desk_serve(desk);
		assert_true(desk_connections(desk) <= CONNECTIONS_MAX);
		for (unsigned i = 0; i < N(clients); i++)
			close(clients[i]);
	}
	desk_serve(desk);
	assert_int_equal(desk_connections(desk), 0);
	int client = desk_connect(desk);
	json_t *status = desk_data(desk, client, "{\"command\":\"status\"}");
	json_t *control = json_object_get(status, "control");
	json_int_t accepted = json_integer_value(json_object_get(control, "connections_accepted"));
	json_int_t refused = json_integer_value(json_object_get(control, "connections_refused"));
	assert_int_equal(accepted + refused, 10001);
	assert_true(refused > 0);
	json_decref(status);
	close(client);
}

// ---- long answers ----

static void long_answer_is_one_line_in_bounded_memory(void **state)
{
	struct desk *desk = *state;
	for (unsigned i = 0; i < 5000; i++)
		desk_fail(desk, i);
	int client = desk_connect(desk);
	desk_send(desk, client, "{\"command\":\"diagnoses\"}\n");
	// Nothing is read, so nothing more is made than its buffer holds.
	for (unsigned i = 0; i < 100; i++)
		desk_serve(desk);
	json_t *control = server_json(desk->daemon.server);
	json_int_t bytes = json_integer_value(json_object_get(control, "buffered_bytes"));
	assert_true(bytes >= CONNECTION_OUT_MAX && bytes <= 2 * CONNECTION_OUT_MAX);
	json_decref(control);
	char *line = desk_receive(desk, client);
	assert_true(strlen(line) > 2500000);
	json_t *answer = json_loads(line, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(answer, "data")), 5000);
	json_decref(answer);
	free(line);
	json_decref(desk_data(desk, client, "{\"command\":\"status\"}"));
	close(client);
}

static void client_that_never_reads_is_cut_off(void **state)
{
	struct desk *desk = *state;
	for (unsigned i = 0; i < 5000; i++)
		desk_fail(desk, i);
	int clients[20];
	for (unsigned i = 0; i < N(clients); i++) {
		clients[i] = desk_connect(desk);
		desk_send(desk, clients[i], "{\"command\":\"diagnoses\"}\n");
	}
	// The others are served all the while.
	int other = desk_connect(desk);
	json_decref(desk_data(desk, other, "{\"command\":\"status\"}"));
	desk_wait(desk, CONNECTION_STALL_MS);
	assert_int_equal(desk_connections(desk), N(clients) + 1);
	desk_wait(desk, 1);
	assert_int_equal(desk_connections(desk), 1);
	for (unsigned i = 0; i < N(clients); i++)
		close(clients[i]);
	close(other);
}

static void client_that_goes_amid_an_answer_leaves_nothing(void **state)
{
	struct desk *desk = *state;
	for (unsigned i = 0; i < 5000; i++)
		desk_fail(desk, i);
	int client = desk_connect(desk);
	desk_send(desk, client, "{\"command\":\"diagnoses\"}\n");
	assert_int_equal(desk_connections(desk), 1);
	close(client);
	desk_serve(desk);
	assert_int_equal(desk_connections(desk), 0);
}

// ---- the socket ----

static void socket_is_for_owner_and_group(void **state)
{
	struct desk *desk = *state;
	struct stat st;
	assert_int_equal(stat(desk->socket, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0660);
}

static struct server *another(struct desk *desk, const char *path, char *error)
{
	return server_create(&desk->daemon, path, error, 256);
}

static void living_daemon_is_not_replaced(void **state)
{
	struct desk *desk = *state;
	char error[256];
	assert_null(another(desk, desk->socket, error));
	assert_non_null(strstr(error, "another offhookd is running"));
	desk_serve(desk);
	close(desk_connect(desk)); // and is none the worse for it
}

static void dead_daemons_socket_is_replaced(void **state)
{
	struct desk *desk = *state;
	char path[128], error[256];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(path, sizeof(path), "%s/dead.sock", desk->directory);
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(access(path, F_OK), 0);
	struct server *server = another(desk, path, error);
	assert_non_null(server);
	assert_true(server_is_alive(path));
	server_destroy(server);
	assert_int_equal(access(path, F_OK), -1);
}

static void file_that_is_no_socket_stays(void **state)
{
	struct desk *desk = *state;
	char error[256];
	desk_write_rules(desk, "precious");
	assert_null(another(desk, desk->rules, error));
	assert_non_null(strstr(error, "is no socket"));
	assert_int_equal(access(desk->rules, F_OK), 0);
}

static void socket_of_somebody_else_stays(void **state)
{
	struct desk *desk = *state;
	char path[128], error[256];
	snprintf(path, sizeof(path), "%s/ours.sock", desk->directory);
	struct server *first = another(desk, path, error);
	assert_non_null(first);
	unlink(path);
	struct server *second = another(desk, path, error);
	assert_non_null(second);
	server_destroy(first);
	assert_int_equal(access(path, F_OK), 0);
	server_destroy(second);
	assert_int_equal(access(path, F_OK), -1);
}

static void start_waits_for_another_that_starts(void **state)
{
	struct desk *desk = *state;
	char path[128], lock[140], error[256];
	struct stat st;
	snprintf(path, sizeof(path), "%s/late.sock", desk->directory);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	int fd = open(lock, O_RDWR | O_CREAT, 0600);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_null(another(desk, path, error));
	assert_non_null(strstr(error, "is locked by another program"));
	close(fd); // what a dead one has left is no lock
	struct server *server = another(desk, path, error);
	assert_non_null(server);
	assert_int_equal(stat(lock, &st), -1);
	server_destroy(server);
}

static void impossible_paths_are_told(void **state)
{
	char error[256], path[200];
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_null(another(*state, path, error));
	assert_non_null(strstr(error, "at most 107 bytes"));
	assert_null(another(*state, "/dev/null/x", error));
	assert_null(another(*state, "/proc/no/such/place", error));
	assert_starts(error, "cannot make the directory /proc/no/such");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(greets_with_name_version_and_protocol),
		TEST(request_in_pieces_is_one_request),
		TEST(requests_in_one_piece_are_answered_in_order),
		TEST(client_that_only_reads_on_gets_its_answer),
		TEST(wrong_requests_are_told_why),
		TEST(deep_nesting_is_an_error),
		TEST(endless_request_costs_no_memory_and_ends),
		TEST(longest_request_is_read),
		TEST(half_a_request_and_gone_leaves_nothing),
		TEST(half_a_request_is_not_waited_for),
		TEST(idle_client_is_ended_in_the_end),
		TEST(too_many_are_refused_and_later_admitted),
		TEST(idle_client_gives_way_to_one_that_finds_no_room),
		TEST(ten_thousand_connections_pass),
		TEST(long_answer_is_one_line_in_bounded_memory),
		TEST(client_that_never_reads_is_cut_off),
		TEST(client_that_goes_amid_an_answer_leaves_nothing),
		TEST(socket_is_for_owner_and_group),
		TEST(living_daemon_is_not_replaced),
		TEST(dead_daemons_socket_is_replaced),
		TEST(file_that_is_no_socket_stays),
		TEST(socket_of_somebody_else_stays),
		TEST(start_waits_for_another_that_starts),
		TEST(impossible_paths_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
