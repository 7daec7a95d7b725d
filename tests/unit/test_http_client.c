// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../control/http_client.h"
#include "../../control/http_url.h"

// A receiver that answers each connection with the bytes it is given, whatever is asked.
struct canned {
	int listener;
	pthread_t thread;
	const char *head;
	size_t n_filler; // bytes of 'x' after it
	char request[65536];
	char url[64];
};

// Up to the end of the body that Content-Length tells.
static void read_request(int fd, char *out, size_t size)
{
	size_t n = 0;
	for (;;) {
		ssize_t got = recv(fd, out + n, size - 1 - n, 0);
		if (got <= 0)
			break;
		n += (size_t)got;
		out[n] = '\0';
		const char *end = strstr(out, "\r\n\r\n"),
			   *length = strstr(out, "Content-Length: ");
		if (end && length && n >= (size_t)(end + 4 - out) + strtoul(length + 16, NULL, 10))
			break;
	}
}

static void *serve(void *argument)
{
	struct canned *canned = argument;
	static const char filler[4096] = {[0 ... 4095] = 'x'};
	int fd;
	while ((fd = accept(canned->listener, NULL, NULL)) >= 0) {
		read_request(fd, canned->request, sizeof(canned->request));
		send(fd, canned->head, strlen(canned->head), MSG_NOSIGNAL);
		for (size_t i = 0; i < canned->n_filler; i += sizeof(filler)) {
			if (send(fd, filler, sizeof(filler), MSG_NOSIGNAL) < 0)
				break;
		}
		close(fd);
	}
	return NULL;
}

static void canned_start(struct canned *canned, const char *head, size_t n_filler)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	*canned = (struct canned){.head = head, .n_filler = n_filler};
	canned->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(canned->listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(canned->listener, 8), 0);
	getsockname(canned->listener, (struct sockaddr *)&address, &len);
	snprintf(canned->url, sizeof(canned->url), "http://127.0.0.1:%d", ntohs(address.sin_port));
	assert_int_equal(pthread_create(&canned->thread, NULL, serve, canned), 0);
}

static void canned_stop(struct canned *canned)
{
	shutdown(canned->listener, SHUT_RDWR);
	pthread_join(canned->thread, NULL);
	close(canned->listener);
}

struct posted {
	enum http_verdict verdict;
	struct http_answer answer;
	char error[256], first[64]; // of the answer's body
};

static struct posted post_with(const struct http_options *options, const char *path)
{
	struct posted posted = {0};
	struct http_client *client =
		http_client_create(options, path, NULL, posted.error, sizeof(posted.error));
	assert_non_null(client);
	assert_true(http_client_secret(client, "Authorization: Splunk ", "s3cret"));
	posted.verdict = http_client_post(client,
		&(struct http_request){.content_type = "application/json", .body = "{}", .len = 2},
		&posted.answer, posted.error, sizeof(posted.error));
	snprintf(posted.first, sizeof(posted.first), "%s", posted.answer.body);
	http_client_destroy(client);
	posted.answer.body = NULL; // was the client's
	return posted;
}

static struct posted post(const char *head, size_t n_filler)
{
	struct canned canned;
	canned_start(&canned, head, n_filler);
	struct posted posted =
		post_with(&(struct http_options){.urls = (const char *[]){canned.url, NULL},
				  .timeout_ms = 10000},
			NULL);
	canned_stop(&canned);
	return posted;
}

static void status_says_what_becomes_of_a_body(void **state)
{
	(void)state;
	static const long again[] = {0, 100, 408, 425, 429, 500, 502, 503, 504, 507, 599, 999};
	static const long denied[] = {301, 302, 307, 308, 401, 403, 404, 405, 407};
	static const long refused[] = {400, 406, 409, 411, 413, 415, 422, 431};
	for (long status = 200; status < 300; status++)
		assert_int_equal(http_verdict_of(status), HTTP_DONE);
	for (size_t i = 0; i < N(again); i++)
		assert_int_equal(http_verdict_of(again[i]), HTTP_AGAIN);
	for (size_t i = 0; i < N(denied); i++)
		assert_int_equal(http_verdict_of(denied[i]), HTTP_DENIED);
	for (size_t i = 0; i < N(refused); i++)
		assert_int_equal(http_verdict_of(refused[i]), HTTP_REFUSED);
}

static void retry_after_is_read_in_both_forms(void **state)
{
	(void)state;
	char head[128], date[64];
	struct posted seconds =
		post("HTTP/1.1 503 Busy\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n", 0);
	assert_int_equal(seconds.verdict, HTTP_AGAIN);
	assert_int_equal(seconds.answer.retry_after_ms, 17000);
	time_t then = time(NULL) + 300;
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&then));
	snprintf(head, sizeof(head),
		"HTTP/1.1 429 No\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", date);
	struct posted dated = post(head, 0);
	// Some of it has passed.
	assert_in_range(dated.answer.retry_after_ms, 1000, 300000);
}

static void hostile_retry_after_is_bounded(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t ms;
	} cases[] = {
		{"99999999999999999999999", 0}, // no number, to curl
		{"9223372036854775807", OUTLET_WAIT_MAX_MS},
		{"Fri, 31 Dec 9999 23:59:59 GMT", OUTLET_WAIT_MAX_MS},
		{"-5", 0},
		{"0", 0},
		{"soon", 0},
		{"Thu, 01 Jan 1970 00:00:01 GMT", 0},
		{"", 0},
	};
	for (size_t i = 0; i < N(cases); i++) {
		char head[128];
		snprintf(head, sizeof(head),
			"HTTP/1.1 503 Busy\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
			cases[i].text);
		struct posted posted = post(head, 0);
		if (posted.answer.retry_after_ms != cases[i].ms)
			fail_msg("'%s' is %llu", cases[i].text,
				(unsigned long long)posted.answer.retry_after_ms);
	}
}

static void answer_is_bounded(void **state)
{
	(void)state;
	struct posted posted = post("HTTP/1.1 200 OK\r\n\r\n", 8 << 20);
	assert_int_equal(posted.verdict, HTTP_DONE);
	assert_true(posted.answer.is_cut);
	assert_int_equal(posted.answer.len, HTTP_ANSWER_MAX);
	posted = post("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 0);
	assert_false(posted.answer.is_cut);
	assert_string_equal(posted.first, "hi");
}

static void answer_that_breaks_off_is_none(void **state)
{
	(void)state;
	static const char *const heads[] = {
		"",
		"HTTP/1.1 200 OK\r\nContent-Le",
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n{",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{",
		"SSH-2.0-OpenSSH_9.2\r\n",
	};
	for (size_t i = 0; i < N(heads); i++) {
		struct posted posted = post(heads[i], 0);
		if (posted.verdict != HTTP_AGAIN)
			fail_msg("'%s' is %d", heads[i], posted.verdict);
		assert_non_null(strstr(posted.error, "http://127.0.0.1:"));
	}
}

static void redirect_is_not_followed(void **state)
{
	(void)state;
	struct canned elsewhere;
	char head[256];
	canned_start(&elsewhere, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0);
	snprintf(head, sizeof(head),
		"HTTP/1.1 307 Go\r\nLocation: %s/\r\nContent-Length: 0\r\n\r\n", elsewhere.url);
	struct posted posted = post(head, 0);
	canned_stop(&elsewhere);
	assert_int_equal(posted.verdict, HTTP_DENIED);
	assert_string_equal(elsewhere.request, "");
}

static void neither_path_nor_secret_stands_in_an_error(void **state)
{
	(void)state;
	struct canned canned;
	char url[128];
	canned_start(&canned, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", 0);
	snprintf(url, sizeof(url), "%s/services/T0KEN?key=T0KEN#T0KEN", canned.url);
	struct posted posted = post_with(
		&(struct http_options){.urls = (const char *[]){url, NULL}, .timeout_ms = 10000},
		NULL);
	canned_stop(&canned);
	snprintf(url, sizeof(url), "%s: status 500", canned.url);
	assert_string_equal(posted.error, url);
	assert_non_null(strstr(canned.request, "POST /services/T0KEN?key=T0KEN HTTP/1.1\r\n"));
	assert_non_null(strstr(canned.request, "Authorization: Splunk s3cret\r\n"));
	assert_null(strstr(canned.request, "Expect:"));
}

static void path_is_added_once(void **state)
{
	(void)state;
	static const char *const given[] = {"", "/", "/_bulk", "/prefix", "/prefix/"};
	static const char *const asked[] = {"POST /_bulk ", "POST /_bulk ", "POST /_bulk ",
		"POST /prefix/_bulk ", "POST /prefix/_bulk "};
	for (size_t i = 0; i < N(given); i++) {
		struct canned canned;
		char url[128];
		canned_start(&canned, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0);
		snprintf(url, sizeof(url), "%s%s", canned.url, given[i]);
		post_with(&(struct http_options){.urls = (const char *[]){url, NULL},
				  .timeout_ms = 10000},
			"/_bulk");
		canned_stop(&canned);
		assert_memory_equal(canned.request, asked[i], strlen(asked[i]));
	}
}

static void query_of_the_address_is_kept(void **state)
{
	(void)state;
	static const struct {
		const char *url, *path, *query, *wanted;
	} cases[] = {
		{"https://h:8088", "/c/event", NULL, "https://h:8088/c/event"},
		{"https://h:8088?channel=X", "/c/event", NULL, "https://h:8088/c/event?channel=X"},
		{"https://h/?a=b%20c&d", "/c/event", "e=f", "https://h/c/event?a=b%20c&d&e=f"},
		{"https://h/p/?a=b/", "/_bulk", "e=f", "https://h/p/_bulk?a=b/&e=f"},
		{"https://h/p/_bulk?a=b", "/_bulk", NULL, "https://h/p/_bulk?a=b"},
		{"https://h/p?", NULL, "e=f", "https://h/p?e=f"},
		{"https://h/p#part", "/_bulk", "e=f", "https://h/p/_bulk?e=f"},
		{"https://h/p?a=b#part?", NULL, "e=f", "https://h/p?a=b&e=f"},
		{"https://h/hook?a=b", NULL, NULL, "https://h/hook?a=b"},
	};
	for (size_t i = 0; i < N(cases); i++) {
		char *whole = NULL, *origin = NULL;
		assert_null(http_url_make(cases[i].url, cases[i].path, &whole, &origin));
		char *url = http_url_query(whole, cases[i].query);
		assert_string_equal(url, cases[i].wanted);
		assert_null(strpbrk(origin, "?#"));
		free(url);
		free(whole);
		free(origin);
	}
}

static void same_address_is_known_by_any_spelling(void **state)
{
	(void)state;
	static const char *const same[][2] = {{"http://h", "http://H:80/"},
		{"https://h:443/a", "https://h/a"}, {"https://h/a?b", "https://h:443/a?b"}};
	static const char *const other[][2] = {{"http://h", "https://h"},
		{"http://h/a", "http://h/A"}, {"http://h", "http://h:8080"},
		{"http://h/a?b", "http://h/a?c"}};
	for (size_t i = 0; i < N(same); i++)
		assert_true(http_url_is_same(same[i][0], same[i][1]));
	for (size_t i = 0; i < N(other); i++)
		assert_false(http_url_is_same(other[i][0], other[i][1]));
}

static void environment_names_no_proxy(void **state)
{
	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	struct posted posted = post("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0);
	unsetenv("http_proxy");
	assert_int_equal(posted.verdict, HTTP_DONE);
}

static void request_ends_when_it_is_told_to(void **state)
{
	(void)state;
	atomic_bool stop = true;
	char error[256];
	struct http_answer answer;
	struct canned canned;
	canned_start(&canned, "", 0);
	struct http_client *client = http_client_create(
		&(struct http_options){
			.urls = (const char *[]){canned.url, NULL}, .timeout_ms = 10000},
		NULL, &stop, error, sizeof(error));
	assert_int_equal(
		http_client_post(client,
			&(struct http_request){.content_type = "text/plain", .body = "x", .len = 1},
			&answer, error, sizeof(error)),
		HTTP_AGAIN);
	http_client_destroy(client);
	canned_stop(&canned);
	assert_non_null(strstr(error, "aborted"));
}

static void addresses_are_looked_at_before_they_are_used(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "localhost:9093", "ftp://host/", "file:///etc/passwd",
		"https://user:secret@host/", "https://user@host/", "https://", "http://ho st/",
		"http://host:99999/", "gopher://host/", "//host"};
	char error[256];
	for (size_t i = 0; i < N(bad); i++) {
		if (http_url_check("url", bad[i], error, sizeof(error)))
			fail_msg("'%s' is taken", bad[i]);
		assert_null(strstr(error, "secret"));
	}
	assert_true(http_url_check("url", "https://host:8088/a?b=c", error, sizeof(error)));
	assert_true(http_url_check("url", "http://[2001:db8::1]:9093", error, sizeof(error)));
	assert_false(http_options_check(
		&(struct http_options){.urls = (const char *[]){"http://h", NULL}, .key_file = "k"},
		error, sizeof(error)));
	assert_false(http_options_check(
		&(struct http_options){
			.urls = (const char *[]){"http://1", "http://2", "http://3", "http://4",
				"http://5", "http://6", "http://7", "http://8", "http://9", NULL}},
		error, sizeof(error)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_says_what_becomes_of_a_body),
		cmocka_unit_test(retry_after_is_read_in_both_forms),
		cmocka_unit_test(hostile_retry_after_is_bounded),
		cmocka_unit_test(answer_is_bounded),
		cmocka_unit_test(answer_that_breaks_off_is_none),
		cmocka_unit_test(redirect_is_not_followed),
		cmocka_unit_test(neither_path_nor_secret_stands_in_an_error),
		cmocka_unit_test(path_is_added_once),
		cmocka_unit_test(query_of_the_address_is_kept),
		cmocka_unit_test(same_address_is_known_by_any_spelling),
		cmocka_unit_test(environment_names_no_proxy),
		cmocka_unit_test(request_ends_when_it_is_told_to),
		cmocka_unit_test(addresses_are_looked_at_before_they_are_used),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
