// SPDX-License-Identifier: BSD-3-Clause
#include "connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "command.h"

#define TURN_BYTES 16384 // of answers that one client has made for it in a turn
#define TURN_STEPS 16

struct connection *connection_create(struct daemon *daemon, int fd, uint64_t now_ms)
{
	struct connection *c = calloc(1, sizeof(*c));
	if (c == NULL) {
		close(fd);
		return NULL;
	}
	socklen_t size = sizeof(c->answer.peer);
	c->fd = fd;
	c->active_ms = c->empty_ms = now_ms;
	c->answer.daemon = daemon;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c->answer.peer, &size) < 0)
		c->answer.peer = (struct ucred){.pid = -1, .uid = (uid_t)-1, .gid = (gid_t)-1};
	buffer_add_json(&c->out, json_pack("{s:s, s:s, s:i}", "name", "offhook", "version",
					 OFFHOOK_VERSION, "protocol", PROTOCOL_VERSION));
	buffer_add_text(&c->out, "\n");
	return c;
}

void connection_destroy(struct connection *c)
{
	answer_fini(&c->answer);
	buffer_fini(&c->out);
	close(c->fd);
	free(c);
}

void connection_refuse(struct connection *c, const char *reason)
{
	answer_fini(&c->answer);
	answer_error(&c->out, "%s", reason);
	c->closing = true;
}

// ---- input ----

// false: the client is gone.
static bool receive(struct connection *c, uint64_t now_ms)
{
	while (!c->input_ended && !c->closing && c->n_input < REQUEST_MAX) {
		ssize_t n =
			recv(c->fd, c->input + c->n_input, REQUEST_MAX - c->n_input, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		c->input_ended = n == 0;
		c->n_input += (size_t)n;
		c->active_ms = now_ms;
	}
	return true;
}

// The next whole request, or the end of the input if that is a request too. false: there is none.
static bool next_request(const struct connection *c, size_t *len, size_t *taken)
{
	const char *end = memchr(c->input, '\n', c->n_input);
	if (end == NULL && !(c->input_ended && c->n_input))
		return false;
	*len = end ? (size_t)(end - c->input) : c->n_input;
	*taken = *len + (end != NULL);
	return true;
}

static bool is_blank(const char *text, size_t len)
{
	while (len && strchr(" \t\r", text[len - 1]) && text[len - 1])
		len--;
	return len == 0;
}

// Whether there was a request.
static bool take_request(struct connection *c)
{
	size_t len, taken;
	if (!next_request(c, &len, &taken)) {
		if (c->n_input == REQUEST_MAX)
			connection_refuse(c, "a request is longer than 4096 bytes");
		return false;
	}
	if (!is_blank(c->input, len)) {
		c->n_requests++;
		command_serve(c->input, len, &c->answer, &c->out);
	}
	c->n_input -= taken;
	memmove(c->input, c->input + taken, c->n_input);
	return true;
}

// ---- output ----

// A slice of the answers. Whether there is more to do at once.
static bool answer_some(struct connection *c)
{
	size_t before = c->out.len;
	for (unsigned i = 0; i < TURN_STEPS && c->out.len < before + TURN_BYTES; i++) {
		if (c->out.len >= CONNECTION_OUT_MAX)
			return false;
		if (c->closing || (c->answer.step == NULL && !take_request(c)))
			return false;
		if (c->answer.step == NULL)
			continue;
		switch (c->answer.step(&c->answer, &c->out)) {
		case ANSWER_MORE:
			break;
		case ANSWER_WAITS:
			return false;
		case ANSWER_DONE:
			answer_fini(&c->answer);
			break;
		}
	}
	return true;
}

// false: the client is gone.
static bool transmit(struct connection *c, uint64_t now_ms)
{
	while (c->out.len) {
		ssize_t n = send(
			c->fd, c->out.data + c->out.from, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		buffer_take(&c->out, (size_t)n);
		c->active_ms = now_ms;
	}
	c->empty_ms = now_ms;
	return true;
}

static bool is_over(const struct connection *c)
{
	bool input_over = c->input_ended && c->n_input == 0;
	return c->out.len == 0 && (c->closing || (input_over && c->answer.step == NULL));
}

enum connection_fate connection_run(struct connection *c, uint64_t now_ms)
{
	if (c->answer.step == NULL && !receive(c, now_ms))
		return CONNECTION_ENDED;
	bool more = answer_some(c);
	if (c->out.failed || !transmit(c, now_ms) || is_over(c))
		return CONNECTION_ENDED;
	return more && c->out.len < CONNECTION_OUT_MAX ? CONNECTION_BUSY : CONNECTION_WAITS;
}

uint32_t connection_interest(const struct connection *c)
{
	bool reads = !c->input_ended && !c->closing && c->answer.step == NULL &&
		     c->n_input < REQUEST_MAX;
	return (reads ? EPOLLIN : 0u) | (c->out.len ? EPOLLOUT : 0u);
}
