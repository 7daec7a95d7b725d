// SPDX-License-Identifier: BSD-3-Clause
#include "server.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "connection.h"
#include "daemon.h"
#include "text.h"

#define ACCEPT_STEP 128 // connections taken a turn
#define LOCK_TRIES 200	// of 10 ms
#define LISTEN_BACKLOG 1024

struct server {
	struct daemon *daemon;
	int epoll, listener;
	bool deaf; // accept() failed: not tried again before the next tick
	struct sockaddr_un address;
	int file; // the socket file, held so that no other file gets its number
	struct connection *connections[CONNECTIONS_MAX];
	bool is_ready[CONNECTIONS_MAX], is_gone[CONNECTIONS_MAX];
	unsigned n;
	uint64_t n_accepted, n_refused, n_requests, n_timed_out, n_slow_watchers;
};

// ---- the socket ----

__attribute__((format(printf, 3, 4))) static bool fail(
	char *error, size_t size, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error, size, format, arguments);
	va_end(arguments);
	return false;
}

static bool set_address(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path))
		return false;
	strcpy(address->sun_path, path); // NOLINT: measured above
	return true;
}

bool server_is_alive(const char *path)
{
	struct sockaddr_un address;
	int fd = set_address(&address, path) ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	if (fd < 0)
		return false;
	bool alive = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return alive;
}

static bool make_directory(const char *path, char *error, size_t size)
{
	char copy[sizeof(((struct sockaddr_un *)0)->sun_path)];
	snprintf(copy, sizeof(copy), "%s", path);
	const char *name = dirname(copy);
	return mkdir(name, 0755) == 0 || errno == EEXIST ||
	       fail(error, size, "cannot make the directory %s: %s", name, strerror(errno));
}

// SOCKET.lock, held against another daemon that starts at this moment. Nobody else can open it, and
// so lock it. -1: *error says why.
static int lock(const char *path, char *error, size_t size)
{
	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		struct stat st;
		int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0) {
			fail(error, size, "%s: %s", path, strerror(errno));
			return -1;
		}
		// One that has just been removed locks nobody out.
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink)
			return fd;
		close(fd);
		usleep(10000);
	}
	fail(error, size, "%s is locked by another program", path);
	return -1;
}

static void unlock(const char *path, int fd)
{
	unlink(path);
	close(fd);
}

static bool clear_place(const char *path, char *error, size_t size)
{
	struct stat st;
	if (lstat(path, &st) < 0)
		return errno == ENOENT || fail(error, size, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return fail(error, size, "%s is there and is no socket", path);
	if (server_is_alive(path))
		return fail(error, size, "%s: another offhookd is running", path);
	if (unlink(path) < 0)
		return fail(error, size, "cannot replace %s: %s", path, strerror(errno));
	return true;
}

static bool listen_at(struct server *s, char *error, size_t size)
{
	const char *path = s->address.sun_path;
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t before = umask(0117); // the file has its mode from the first moment on
	int bound = bind(s->listener, (struct sockaddr *)&s->address, sizeof(s->address));
	umask(before);
	if (bound == 0)
		s->file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (s->file < 0 || listen(s->listener, LISTEN_BACKLOG) < 0)
		return fail(error, size, "%s: %s", path, strerror(errno));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &event) < 0)
		return fail(error, size, "epoll: %s", strerror(errno));
	return true;
}

struct server *server_create(struct daemon *daemon, const char *path, char *error, size_t size)
{
	struct server *s = calloc(1, sizeof(*s));
	if (s == NULL) {
		fail(error, size, "out of memory");
		return NULL;
	}
	s->daemon = daemon;
	s->listener = s->file = -1;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	bool ok = s->epoll >= 0 || fail(error, size, "epoll: %s", strerror(errno));
	if (ok && !set_address(&s->address, path))
		ok = fail(error, size, "%s: a socket's path has at most %zu bytes", path,
			sizeof(s->address.sun_path) - 1);
	char lock_path[sizeof(s->address.sun_path) + sizeof(".lock")];
	snprintf(lock_path, sizeof(lock_path), "%s.lock", s->address.sun_path);
	int held = ok && make_directory(path, error, size) ? lock(lock_path, error, size) : -1;
	ok = held >= 0 && clear_place(path, error, size) && listen_at(s, error, size);
	if (held >= 0)
		unlock(lock_path, held);
	if (ok)
		return s;
	server_destroy(s);
	return NULL;
}

static void remove_socket(const struct server *s)
{
	struct stat mine, there;
	if (fstat(s->file, &mine) == 0 && lstat(s->address.sun_path, &there) == 0 &&
		mine.st_dev == there.st_dev && mine.st_ino == there.st_ino)
		unlink(s->address.sun_path);
	close(s->file);
}

void server_destroy(struct server *s)
{
	if (s == NULL)
		return;
	while (s->n)
		connection_destroy(s->connections[--s->n]);
	if (s->listener >= 0)
		close(s->listener);
	if (s->file >= 0)
		remove_socket(s);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s);
}

int server_descriptor(const struct server *s)
{
	return s->epoll;
}

// ---- clients ----

// Said to whom there is no room for, in place of the greeting.
static void refuse(int fd)
{
	static const char text[] = "{\"ok\":false,\"error\":\"too many connections, at most 128 at "
				   "once: try later\"}\n";
	static_assert(CONNECTIONS_MAX == 128, "the text says so");
	(void)!send(fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void admit(struct server *s, int fd, uint64_t now_ms)
{
	struct connection *c = connection_create(s->daemon, fd, now_ms);
	if (c == NULL)
		return;
	struct epoll_event event = {.events = 0, .data.ptr = c};
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		connection_destroy(c);
		return;
	}
	s->is_ready[s->n] = true;
	s->is_gone[s->n] = false;
	s->connections[s->n++] = c;
}

static void end(struct server *s, unsigned i)
{
	s->n_requests += s->connections[i]->n_requests;
	connection_destroy(s->connections[i]);
	s->n--;
	s->connections[i] = s->connections[s->n];
	s->is_ready[i] = s->is_ready[s->n];
	s->is_gone[i] = s->is_gone[s->n];
}

// Room for one more, where somebody has asked for nothing of late: whoever has for the longest
// time.
static void make_room(struct server *s, uint64_t now_ms)
{
	struct connection *longest = NULL;
	unsigned at = 0;
	for (unsigned i = 0; i < s->n; i++) {
		struct connection *c = s->connections[i];
		bool idle = !s->is_ready[i] && c->answer.step == NULL && c->out.len == 0 &&
			    now_ms - c->active_ms >= CONNECTION_YIELD_MS;
		if (!idle || (longest && longest->active_ms <= c->active_ms))
			continue;
		longest = c;
		at = i;
	}
	if (longest == NULL)
		return;
	connection_refuse(longest, "too many connections: one without a request gives way");
	(void)connection_run(longest, now_ms);
	s->n_timed_out++;
	end(s, at);
}

// Whether there may be more.
static bool accept_some(struct server *s, uint64_t now_ms)
{
	unsigned i = 0;
	for (; i < ACCEPT_STEP && !s->deaf; i++) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			s->deaf = errno != EAGAIN && errno != EINTR && errno != ECONNABORTED;
			break;
		}
		if (s->n == CONNECTIONS_MAX)
			make_room(s, now_ms);
		if (s->n == CONNECTIONS_MAX) {
			s->n_refused++;
			refuse(fd);
		} else {
			s->n_accepted++;
			admit(s, fd, now_ms);
		}
	}
	if (s->deaf) // no descriptors, most likely: not asked again and again
		epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->listener, &(struct epoll_event){0});
	return i == ACCEPT_STEP;
}

static unsigned index_of(const struct server *s, const struct connection *c)
{
	unsigned i = 0;
	while (s->connections[i] != c)
		i++;
	return i;
}

static bool collect_events(struct server *s, uint64_t now_ms)
{
	bool more = false;
	struct epoll_event events[CONNECTIONS_MAX + 1];
	int n = epoll_wait(s->epoll, events, CONNECTIONS_MAX + 1, 0);
	for (int i = 0; i < n; i++) {
		const struct connection *c = events[i].data.ptr;
		if (c == NULL)
			continue;
		unsigned at = index_of(s, c);
		s->is_ready[at] = true;
		s->is_gone[at] |= (events[i].events & (EPOLLHUP | EPOLLERR)) != 0;
	}
	// Last, so that no new connection stands where an event means an old one.
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == NULL)
			more = accept_some(s, now_ms);
	}
	return more;
}

static void set_interest(struct server *s, struct connection *c)
{
	uint32_t interest = connection_interest(c);
	if (interest == c->interest)
		return;
	struct epoll_event event = {.events = interest, .data.ptr = c};
	epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &event);
	c->interest = interest;
}

// Of a client that has hung up the requests it left are still served (it may have been content with
// the deed), but nothing goes on for it.
static bool run(struct server *s, unsigned i, uint64_t now_ms)
{
	struct connection *c = s->connections[i];
	bool over = s->is_gone[i] && c->answer.step;
	enum connection_fate fate = over ? CONNECTION_ENDED : connection_run(c, now_ms);
	if (fate == CONNECTION_ENDED) {
		end(s, i);
		return false;
	}
	s->is_ready[i] = fate == CONNECTION_BUSY;
	set_interest(s, c);
	return true;
}

// A watcher has something to do whenever the feed has; who has yet to take what was made waits for
// epoll.
static bool may_run(const struct server *s, unsigned i)
{
	const struct connection *c = s->connections[i];
	return s->is_ready[i] || (c->answer.step && c->out.len == 0);
}

bool server_step(struct server *s, uint64_t now_ms)
{
	bool more = collect_events(s, now_ms);
	for (unsigned i = 0; i < s->n;) {
		if (!may_run(s, i)) {
			i++;
			continue;
		}
		if (!run(s, i, now_ms))
			continue; // another one stands here now
		more |= s->is_ready[i];
		i++;
	}
	return more;
}

// ---- time ----

enum overdue { NOT_OVERDUE, OVERDUE_SLOW, OVERDUE_HALF, OVERDUE_IDLE, OVERDUE_CUT };

// Why a connection that keeps nothing moving is to end. Half an answer can only be cut off.
static enum overdue overdue(const struct connection *c, uint64_t now_ms)
{
	uint64_t still_ms = now_ms - c->active_ms;
	if (c->closing)
		return still_ms > CONNECTION_LINGER_MS ? OVERDUE_CUT : NOT_OVERDUE;
	if (c->answer.endless)
		return now_ms - c->empty_ms > CONNECTION_STALL_MS && c->out.len ? OVERDUE_SLOW
										: NOT_OVERDUE;
	if (c->out.len)
		return still_ms > CONNECTION_STALL_MS ? OVERDUE_CUT : NOT_OVERDUE;
	if (c->answer.step)
		return NOT_OVERDUE;
	if (c->n_input)
		return still_ms > CONNECTION_HALF_MS ? OVERDUE_HALF : NOT_OVERDUE;
	return still_ms > CONNECTION_IDLE_MS ? OVERDUE_IDLE : NOT_OVERDUE;
}

void server_tick(struct server *s, uint64_t now_ms)
{
	static const char *const reasons[] = {
		[OVERDUE_SLOW] = "the watcher does not keep up: the connection is closed",
		[OVERDUE_HALF] = "half a request for 30 s: the connection is closed",
		[OVERDUE_IDLE] = "no request for 5 minutes: the connection is closed"};
	if (s->deaf) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
		s->deaf = epoll_ctl(s->epoll, EPOLL_CTL_MOD, s->listener, &event) < 0;
	}
	for (unsigned i = 0; i < s->n;) {
		struct connection *c = s->connections[i];
		enum overdue why = overdue(c, now_ms);
		if (why == OVERDUE_CUT) {
			s->n_timed_out++;
			end(s, i);
			continue;
		}
		if (why != NOT_OVERDUE) {
			s->n_timed_out += why != OVERDUE_SLOW;
			s->n_slow_watchers += why == OVERDUE_SLOW;
			connection_refuse(c, reasons[why]);
			c->active_ms = now_ms;
			s->is_ready[i] = true;
		}
		i++;
	}
}

void server_count_slow_watcher(struct server *s)
{
	s->n_slow_watchers++;
}

json_t *server_json(const struct server *s)
{
	uint64_t n_requests = s->n_requests;
	size_t buffered = 0;
	for (unsigned i = 0; i < s->n; i++) {
		n_requests += s->connections[i]->n_requests;
		buffered += s->connections[i]->out.size;
	}
	return json_pack("{s:o, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I}", "socket",
		json_text(slice_of(s->address.sun_path)), "connections", (int)s->n,
		"connections_limit", CONNECTIONS_MAX, "watchers",
		(int)feed_watches(s->daemon->feed), "watchers_limit", WATCHES_MAX,
		"connections_accepted", (json_int_t)s->n_accepted, "connections_refused",
		(json_int_t)s->n_refused, "connections_timed_out", (json_int_t)s->n_timed_out,
		"requests", (json_int_t)n_requests, "watchers_too_slow",
		(json_int_t)s->n_slow_watchers, "buffered_bytes", (json_int_t)buffered);
}
