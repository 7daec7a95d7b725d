// SPDX-License-Identifier: BSD-3-Clause
#include "desk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../control/http_server.h"

struct fixture {
	struct desk *desk;
	struct metrics *metrics;
	struct http_server *server;
	struct sockaddr_in address;
	uint64_t now_ms;
};

// A port of loopback's that is free at this moment.
static int free_port(struct sockaddr_in *address)
{
	socklen_t len = sizeof(*address);
	*address = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
	return fd;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char error[256];
	f->now_ms = 1000;
	f->desk = desk_create(1);
	f->metrics = metrics_create(&f->desk->daemon, NULL);
	close(free_port(&f->address));
	struct config *config = &f->desk->daemon.config;
	memset(&config->metrics[0].address, 0, sizeof(config->metrics[0].address));
	memcpy(&config->metrics[0].address, &f->address, sizeof(f->address));
	config->metrics[0].text = "127.0.0.1:N";
	config->n_metrics = 1;
	config->metrics_by_default = false;
	if (!http_server_create(&f->desk->daemon, f->metrics, &f->server, error, sizeof(error)))
		fail_msg("%s", error);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	http_server_destroy(f->server);
	metrics_destroy(f->metrics);
	desk_destroy(f->desk);
	free(f);
	return 0;
}

// ---- clients ----

static void serve(struct fixture *f)
{
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned n = 0; http_server_step(f->server, f->now_ms); n++)
			assert_true(n < 1000);
	}
}

static void wait_for(struct fixture *f, uint64_t ms)
{
	f->now_ms += ms;
	http_server_tick(f->server, f->now_ms);
	serve(f);
}

static int dial(struct fixture *f)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
	serve(f);
	return fd;
}

static void say(struct fixture *f, int fd, const char *text)
{
	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
	serve(f);
}

// What has come, terminated; at its end *ended.
static size_t hear(struct fixture *f, int fd, char *out, size_t size, bool *ended)
{
	size_t len = 0;
	*ended = false;
	for (unsigned patience = 0; patience < 3 && len < size - 1;) {
		ssize_t n = recv(fd, out + len, size - 1 - len, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			*ended = true;
			break;
		}
		patience += n < 0;
		len += n > 0 ? (size_t)n : 0;
		serve(f);
	}
	out[len] = '\0';
	return len;
}

static bool has_ended(struct fixture *f, int fd)
{
	char text[4096];
	bool ended;
	hear(f, fd, text, sizeof(text), &ended);
	return ended;
}

static char answer[262144];

static const char *ask(struct fixture *f, const char *request)
{
	bool ended;
	int fd = dial(f);
	say(f, fd, request);
	hear(f, fd, answer, sizeof(answer), &ended);
	close(fd);
	serve(f);
	return answer;
}

#define assert_starts(text, wanted) assert_memory_equal(text, wanted, strlen(wanted))
#define assert_has(text, wanted) assert_non_null(strstr(text, wanted))

// ---- answers ----

static void metrics_come_in_both_formats(void **state)
{
	struct fixture *f = *state;
	const char *text = ask(f, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_starts(text, "HTTP/1.1 200 OK\r\n");
	assert_has(text, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	assert_has(text, "\r\nVary: Accept\r\n");
	assert_has(text, "\noffhook_build_info{version=\"" OFFHOOK_VERSION "\"");
	text = ask(f, "GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\nAccept: "
		      "application/openmetrics-text\r\n\r\n");
	assert_has(text, "\r\nContent-Type: application/openmetrics-text; version=1.0.0; "
			 "charset=utf-8\r\n");
	assert_string_equal(text + strlen(text) - 7, "\n# EOF\n");
}

static void it_lives_and_says_whether_it_is_ready(void **state)
{
	struct fixture *f = *state;
	const char *text = ask(f, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_starts(text, "HTTP/1.1 200 OK\r\n");
	assert_has(text, "\r\n\r\nok\n");
	text = ask(f, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"); // a desk has no ports
	assert_starts(text, "HTTP/1.1 503 ");
	assert_has(text, "\r\n\r\nno port is there\n");
}

static void head_has_no_body(void **state)
{
	const char *text = ask(*state, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_starts(text, "HTTP/1.1 200 OK\r\n");
	assert_string_equal(text + strlen(text) - 4, "\r\n\r\n");
	assert_null(strstr(text, "offhook_"));
}

static void others_are_refused(void **state)
{
	struct fixture *f = *state;
	assert_starts(ask(f, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 404 ");
	assert_starts(ask(f, "GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 404 ");
	assert_starts(ask(f, "GET /../metrics HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 404 ");
	const char *text = ask(f, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: "
				  "1000000000\r\n\r\nabc");
	assert_starts(text, "HTTP/1.1 405 ");
	assert_has(text, "\r\nAllow: GET, HEAD\r\n");
	assert_starts(ask(f, "DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 405 ");
	assert_starts(ask(f, "BREW /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 405 ");
}

static void long_request_is_refused(void **state)
{
	struct fixture *f = *state;
	static char request[100000];
	memset(request, 'a', sizeof(request) - 1);
	static const char begin[] = "GET /metrics HTTP/1.1\r\nHost: x\r\nX: ";
	memcpy(request, begin, sizeof(begin) - 1);
	const char *text = ask(f, request);
	assert_null(strstr(text, "200 OK"));
	memset(request, 'a', sizeof(begin));
	memcpy(request, "GET /", 5);
	text = ask(f, request);
	assert_null(strstr(text, "200 OK"));
	assert_starts(ask(f, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 ");
}

static void nonsense_ends_its_connection(void **state)
{
	struct fixture *f = *state;
	static const char *const texts[] = {"\r\n\r\n\r\n\r\n", "\x16\x03\x01\x02\x01\x01\x01",
		"GET\r\n\r\n", "GET /metrics\r\n\r\n", "GET /metrics HTTP/9.9\r\n\r\n",
		"GET /metrics HTTP/1.1\r\n\r\n", "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"};
	for (size_t i = 0; i < N(texts); i++)
		ask(f, texts[i]);
	wait_for(f, HTTP_REQUEST_MS + 1);
	assert_starts(ask(f, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 ");
}

static void answer_is_made_once_for_who_asks_at_the_same_time(void **state)
{
	struct fixture *f = *state;
	static char first[sizeof(answer)];
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
	strcpy(first, strstr(ask(f, request), "\r\n\r\n"));
	desk_fail(f->desk, 1);
	assert_string_equal(strstr(ask(f, request), "\r\n\r\n"), first);
	f->now_ms += HTTP_FRESH_MS;
	assert_has(ask(f, request), "offhook_messages_total{source=\"asa\",transport=\"udp\"} 1\n");
}

// ---- time and room ----

static void connection_is_kept_for_the_next_request(void **state)
{
	struct fixture *f = *state;
	bool ended;
	int fd = dial(f);
	for (unsigned i = 0; i < 5; i++) {
		say(f, fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
		hear(f, fd, answer, sizeof(answer), &ended);
		assert_starts(answer, "HTTP/1.1 200 ");
		assert_false(ended);
		wait_for(f, HTTP_REQUEST_MS * 3);
	}
	wait_for(f, HTTP_IDLE_MS + 1);
	assert_true(has_ended(f, fd));
	close(fd);
}

static void request_that_does_not_come_to_its_end_is_cut(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f), silent = dial(f);
	say(f, fd, "GET /metrics HTTP/1.1\r\nX: ");
	for (unsigned ms = 0; ms <= HTTP_REQUEST_MS; ms += 500) { // a byte now and then
		assert_false(has_ended(f, fd));
		say(f, fd, "a");
		wait_for(f, 500);
	}
	wait_for(f, 500);
	assert_true(has_ended(f, fd));
	assert_true(has_ended(f, silent));
	close(fd);
	close(silent);
}

static void answer_that_is_not_taken_is_cut(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f), least = 1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
	for (unsigned i = 0; i < 400; i++)
		(void)!send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	serve(f);
	for (unsigned i = 0; i < 30; i++)
		wait_for(f, 1000);
	static char rest[1 << 20];
	bool ended = false;
	for (unsigned i = 0; i < 64 && !ended; i++)
		hear(f, fd, rest, sizeof(rest), &ended);
	assert_true(ended);
	close(fd);
}

static void scraper_finds_room_among_those_who_only_wait(void **state)
{
	struct fixture *f = *state;
	int silent[HTTP_CONNECTIONS_MAX * 2];
	for (unsigned i = 0; i < N(silent); i++) {
		silent[i] = dial(f);
		say(f, silent[i], "GET /metr");
	}
	// All of them are new: there is no room yet.
	assert_starts(ask(f, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "");
	assert_null(strstr(answer, "200 OK"));
	wait_for(f, HTTP_YIELD_MS);
	assert_starts(ask(f, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 ");
	for (unsigned i = 0; i < N(silent); i++)
		close(silent[i]);
	serve(f);
}

// ---- start ----

static void taken_port_is_an_error_where_it_was_asked_for(void **state)
{
	struct fixture *f = *state;
	struct config *config = &f->desk->daemon.config;
	struct http_server *server = (struct http_server *)f;
	char error[256] = "";
	assert_false(
		http_server_create(&f->desk->daemon, f->metrics, &server, error, sizeof(error)));
	assert_string_equal(error, "metrics: 127.0.0.1:N: Address already in use");
	assert_null(server);
	config->metrics_by_default = true;
	assert_true(
		http_server_create(&f->desk->daemon, f->metrics, &server, error, sizeof(error)));
	assert_null(server);
	config->n_metrics = 0; // none
	assert_true(
		http_server_create(&f->desk->daemon, f->metrics, &server, error, sizeof(error)));
	assert_null(server);
	assert_false(http_server_step(server, 0));
	http_server_tick(server, 0);
	assert_int_equal(http_server_descriptor(server), -1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(metrics_come_in_both_formats),
		CASE(it_lives_and_says_whether_it_is_ready),
		CASE(head_has_no_body),
		CASE(others_are_refused),
		CASE(long_request_is_refused),
		CASE(nonsense_ends_its_connection),
		CASE(answer_is_made_once_for_who_asks_at_the_same_time),
		CASE(connection_is_kept_for_the_next_request),
		CASE(request_that_does_not_come_to_its_end_is_cut),
		CASE(answer_that_is_not_taken_is_cut),
		CASE(scraper_finds_room_among_those_who_only_wait),
		CASE(taken_port_is_an_error_where_it_was_asked_for),
	};
	return cmocka_run_group_tests_name("http_server", tests, NULL, NULL);
}
