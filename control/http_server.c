// SPDX-License-Identifier: BSD-3-Clause
#include "http_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "log.h"
#include "readiness.h"

#define ACCEPT_STEP 8 // connections taken a turn
#define LISTEN_BACKLOG 64

struct visitor {
	int fd;		   // -1: free
	uint64_t since_ms; // begin of its request, or end of the last one
	bool asks;	   // a request is coming in, or its answer goes out
	bool cut;
};

// An answer that is kept for a while, for whoever asks the same.
struct page {
	struct MHD_Response *response; // NULL: none yet
	uint64_t made_ms;
	unsigned status;
};

enum { PAGE_METRICS, PAGE_OPENMETRICS, PAGE_HEALTH, PAGE_READY, PAGES_MAX };

struct http_server {
	const struct daemon *daemon;
	struct metrics *metrics;
	struct MHD_Daemon *mhd;
	int epoll, listeners[METRICS_ADDRESSES_MAX];
	size_t n_listeners;
	bool deaf; // accept() failed: not tried again before the next tick
	uint64_t now_ms;
	struct visitor visitors[HTTP_CONNECTIONS_MAX];
	unsigned n_visitors;
	struct page pages[PAGES_MAX];
	struct MHD_Response *not_found, *bad_method;
};

// ---- pages ----

static bool make_metrics(struct http_server *s, enum exposition_format format, struct buffer *out)
{
	metrics_expose(s->metrics, format, out);
	return true;
}

static bool make_page(struct http_server *s, unsigned which, struct buffer *out)
{
	bool good = true;
	switch (which) {
	case PAGE_METRICS:
		return make_metrics(s, EXPOSITION_PROMETHEUS, out);
	case PAGE_OPENMETRICS:
		return make_metrics(s, EXPOSITION_OPENMETRICS, out);
	case PAGE_READY:
		good = readiness_tell(s->daemon, metrics_source(s->metrics), out);
		break;
	}
	if (good)
		buffer_add_text(out, "ok\n");
	return good;
}

static struct MHD_Response *response_of(struct buffer *text, const char *type)
{
	struct MHD_Response *response = NULL;
	if (!text->failed)
		response = MHD_create_response_from_buffer_with_free_callback(
			text->len, text->data, free);
	if (response == NULL) {
		buffer_fini(text);
		return NULL;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (strncmp(type, "text/plain;", 11) != 0 || strstr(type, "version"))
		MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Accept");
	return response;
}

static const char *type_of(unsigned which)
{
	if (which == PAGE_METRICS || which == PAGE_OPENMETRICS)
		return exposition_content_types[which == PAGE_OPENMETRICS ? EXPOSITION_OPENMETRICS
									  : EXPOSITION_PROMETHEUS];
	return "text/plain; charset=utf-8";
}

static const struct page *page(struct http_server *s, unsigned which)
{
	struct page *page = &s->pages[which];
	struct buffer text = {0};
	if (page->response && s->now_ms - page->made_ms < HTTP_FRESH_MS)
		return page;
	bool good = make_page(s, which, &text);
	struct MHD_Response *response = response_of(&text, type_of(which));
	if (response == NULL)
		return NULL;
	if (page->response)
		MHD_destroy_response(page->response); // who is still taking it holds it, too
	*page = (struct page){
		response, s->now_ms, good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE};
	return page;
}

// ---- requests ----

static int page_of_path(const char *path, struct MHD_Connection *connection)
{
	if (strcmp(path, "/healthz") == 0)
		return PAGE_HEALTH;
	if (strcmp(path, "/readyz") == 0)
		return PAGE_READY;
	if (strcmp(path, "/metrics") != 0)
		return -1;
	const char *accept =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	return exposition_accepted(accept) == EXPOSITION_OPENMETRICS ? PAGE_OPENMETRICS
								     : PAGE_METRICS;
}

static struct visitor *visitor_of(struct http_server *s, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	for (unsigned i = 0; info && i < HTTP_CONNECTIONS_MAX; i++) {
		if (s->visitors[i].fd == info->connect_fd)
			return &s->visitors[i];
	}
	return NULL;
}

// Called once the headers are there, and again for the answer: who is answered at once is taken to
// have a body that nobody wants to read, and his connection ends.
static enum MHD_Result serve(void *context, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **request)
{
	struct http_server *s = context;
	(void)version, (void)upload, (void)upload_size;
	int which = page_of_path(path, connection);
	if (which < 0)
		return MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, s->not_found);
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return MHD_queue_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED, s->bad_method);
	if (*request == NULL) {
		*request = s;
		return MHD_YES;
	}
	if (*upload_size) { // a GET may have one, too
		*upload_size = 0;
		return MHD_YES;
	}
	const struct page *answer = page(s, (unsigned)which);
	return answer ? MHD_queue_response(connection, answer->status, answer->response) : MHD_NO;
}

// The first line of a request has come: its time runs from the first byte, as far as is known.
static void *note_request(void *context, const char *uri, struct MHD_Connection *connection)
{
	struct http_server *s = context;
	struct visitor *c = visitor_of(s, connection);
	(void)uri;
	if (c && !c->asks)
		c->since_ms = s->now_ms;
	if (c)
		c->asks = true;
	return NULL;
}

static void note_end(void *context, struct MHD_Connection *connection, void **request,
	enum MHD_RequestTerminationCode why)
{
	struct http_server *s = context;
	struct visitor *c = visitor_of(s, connection);
	(void)request, (void)why;
	if (c == NULL)
		return;
	c->asks = false;
	c->since_ms = s->now_ms;
}

// ---- connections ----

static void note_connection(void *context, struct MHD_Connection *connection, void **socket_context,
	enum MHD_ConnectionNotificationCode what)
{
	struct http_server *s = context;
	(void)socket_context;
	struct visitor *c = visitor_of(s, connection);
	if (what != MHD_CONNECTION_NOTIFY_CLOSED || c == NULL)
		return;
	c->fd = -1;
	s->n_visitors--;
}

// libmicrohttpd sees the end of it, and closes.
static void cut(struct visitor *c)
{
	c->cut = true;
	shutdown(c->fd, SHUT_RDWR);
}

// Who has been at it for longest: first who asks nothing.
static bool make_room(struct http_server *s)
{
	struct visitor *longest = NULL;
	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
		struct visitor *c = &s->visitors[i];
		if (c->fd < 0 || c->cut || s->now_ms - c->since_ms < HTTP_YIELD_MS)
			continue;
		if (longest == NULL || longest->asks > c->asks ||
			(longest->asks == c->asks && longest->since_ms > c->since_ms))
			longest = c;
	}
	if (longest == NULL)
		return false;
	cut(longest);
	MHD_run(s->mhd);
	return s->n_visitors < HTTP_CONNECTIONS_MAX;
}

static void admit(struct http_server *s, int fd, const struct sockaddr *peer, socklen_t len)
{
	unsigned i = 0;
	while (i < HTTP_CONNECTIONS_MAX && s->visitors[i].fd >= 0)
		i++;
	if (i == HTTP_CONNECTIONS_MAX) {
		close(fd);
		return;
	}
	// A new one has yet to ask: its time runs from here.
	s->visitors[i] = (struct visitor){.fd = fd, .since_ms = s->now_ms, .asks = true};
	s->n_visitors++;
	if (MHD_add_connection(s->mhd, fd, peer, len) == MHD_YES)
		return;
	if (s->visitors[i].fd == fd) { // it has closed it, and told nobody
		s->visitors[i].fd = -1;
		s->n_visitors--;
	}
}

static void accept_some(struct http_server *s, int listener)
{
	for (unsigned i = 0; i < ACCEPT_STEP && !s->deaf; i++) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof(peer);
		int fd = accept4(
			listener, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			s->deaf = errno != EAGAIN && errno != EINTR && errno != ECONNABORTED;
			break;
		}
		if (s->n_visitors == HTTP_CONNECTIONS_MAX && !make_room(s))
			close(fd);
		else
			admit(s, fd, (struct sockaddr *)&peer, len);
	}
}

// No descriptors, most likely: not asked again and again.
static void set_deaf(struct http_server *s, bool deaf)
{
	s->deaf = deaf;
	for (size_t i = 0; i < s->n_listeners; i++) {
		struct epoll_event event = {.events = deaf ? 0 : EPOLLIN, .data.u64 = i};
		epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->listeners[i], &event);
	}
}

bool http_server_step(struct http_server *s, uint64_t now_ms)
{
	struct epoll_event events[METRICS_ADDRESSES_MAX + 1];
	MHD_UNSIGNED_LONG_LONG wait_ms = 1;
	if (s == NULL)
		return false;
	s->now_ms = now_ms;
	int n = epoll_wait(s->epoll, events, METRICS_ADDRESSES_MAX + 1, 0);
	for (int i = 0; i < n; i++) {
		if (events[i].data.u64 < s->n_listeners)
			accept_some(s, s->listeners[events[i].data.u64]);
	}
	if (s->deaf)
		set_deaf(s, true);
	MHD_run(s->mhd);
	return MHD_get_timeout(s->mhd, &wait_ms) == MHD_YES && wait_ms == 0;
}

void http_server_tick(struct http_server *s, uint64_t now_ms)
{
	if (s == NULL)
		return;
	s->now_ms = now_ms;
	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
		struct visitor *c = &s->visitors[i];
		uint64_t most_ms = c->asks ? HTTP_REQUEST_MS : HTTP_IDLE_MS;
		if (c->fd >= 0 && !c->cut && now_ms - c->since_ms > most_ms)
			cut(c);
	}
	if (s->deaf)
		set_deaf(s, false);
	MHD_run(s->mhd);
}

// ---- life ----

static bool fail(char *error, size_t size, const char *text, int number)
{
	snprintf(error, size, "metrics: %s: %s", text, strerror(number));
	return false;
}

static bool listen_at(
	struct http_server *s, const struct metrics_address *address, char *error, size_t size)
{
	const struct sockaddr *where = (const struct sockaddr *)&address->address;
	bool v6 = where->sa_family == AF_INET6;
	int on = 1;
	int fd = socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(error, size, address->text, errno);
	s->listeners[s->n_listeners] = fd;
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = s->n_listeners++};
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, where, v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)) < 0 ||
		listen(fd, LISTEN_BACKLOG) < 0 ||
		epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return fail(error, size, address->text, errno);
	return true;
}

static bool start_mhd(struct http_server *s)
{
	s->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, serve, s,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_REQUEST_MAX,
		MHD_OPTION_NOTIFY_CONNECTION, note_connection, s, MHD_OPTION_NOTIFY_COMPLETED,
		note_end, s, MHD_OPTION_URI_LOG_CALLBACK, note_request, s,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (s->mhd == NULL)
		return false;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = METRICS_ADDRESSES_MAX};
	return info && epoll_ctl(s->epoll, EPOLL_CTL_ADD, info->epoll_fd, &event) == 0;
}

static struct MHD_Response *fixed(const char *text)
{
	struct buffer copy = {0};
	buffer_add_text(&copy, text);
	return response_of(&copy, "text/plain; charset=utf-8");
}

static bool start(struct http_server *s, char *error, size_t size)
{
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->not_found = fixed("not found: /metrics, /healthz and /readyz are here\n");
	s->bad_method = fixed("only GET and HEAD\n");
	if (s->epoll < 0 || s->not_found == NULL || s->bad_method == NULL || !start_mhd(s))
		return fail(error, size, "HTTP server", errno ? errno : ENOMEM);
	MHD_add_response_header(s->bad_method, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	for (size_t i = 0; i < s->daemon->config.n_metrics; i++) {
		if (!listen_at(s, &s->daemon->config.metrics[i], error, size))
			return false;
	}
	return true;
}

bool http_server_create(const struct daemon *daemon, struct metrics *metrics,
	struct http_server **server, char *error, size_t size)
{
	*server = NULL;
	if (daemon->config.n_metrics == 0)
		return true;
	struct http_server *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return fail(error, size, "HTTP server", ENOMEM);
	s->daemon = daemon;
	s->metrics = metrics;
	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++)
		s->visitors[i].fd = -1;
	if (start(s, error, size)) {
		*server = s;
		return true;
	}
	http_server_destroy(s);
	if (!daemon->config.metrics_by_default)
		return false;
	log_line(LOG_WARNING, "%s: there are no metrics; `metrics:` in the config says where else",
		error);
	return true;
}

void http_server_destroy(struct http_server *s)
{
	if (s == NULL)
		return;
	if (s->mhd)
		MHD_stop_daemon(s->mhd);
	for (size_t i = 0; i < s->n_listeners; i++)
		close(s->listeners[i]);
	for (unsigned i = 0; i < PAGES_MAX; i++) {
		if (s->pages[i].response)
			MHD_destroy_response(s->pages[i].response);
	}
	if (s->not_found)
		MHD_destroy_response(s->not_found);
	if (s->bad_method)
		MHD_destroy_response(s->bad_method);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s);
}

int http_server_descriptor(const struct http_server *s)
{
	return s ? s->epoll : -1;
}
