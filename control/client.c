// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "config.h"
#include "connection.h"

// What every good answer begins with, byte for byte (answer.c).
static const char good[] = "{\"ok\":true,\"data\":";

__attribute__((format(printf, 3, 4))) static enum client_result fail(
	struct client *client, enum client_result result, const char *format, ...)
{
	va_list arguments;
	free(client->text);
	va_start(arguments, format);
	if (vasprintf(&client->text, format, arguments) < 0)
		client->text = NULL;
	va_end(arguments);
	client->error = client->text ? client->text : "out of memory";
	return result;
}

// The connection ended, or fell silent.
static enum client_result broken(struct client *client, const char *reason)
{
	if (client->timed_out)
		return fail(client, CLIENT_BROKEN, "offhookd has been silent for %d s",
			client->timeout_ms / 1000);
	return fail(client, CLIENT_BROKEN, "%s", reason);
}

// ---- opening ----

static ssize_t read_some(void *cookie, char *bytes, size_t size)
{
	struct client *client = cookie;
	bool patient = client->timeout_ms < 0;
	struct pollfd fds[] = {{.fd = client->fd, .events = POLLIN}, {.fd = STDOUT_FILENO}};
	int n;
	while ((n = poll(fds, patient ? 2 : 1, client->timeout_ms)) < 0 && errno == EINTR)
		;
	if (patient && fds[1].revents)
		raise(SIGPIPE);
	client->timed_out = n == 0;
	return n > 0 ? recv(client->fd, bytes, size, 0) : -1;
}

static int close_socket(void *cookie)
{
	return close(((struct client *)cookie)->fd);
}

// 0, or -errno.
static int connect_to(struct client *client, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path); // NOLINT: measured above
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	struct timeval timeout = {
		.tv_sec = client->timeout_ms / 1000, .tv_usec = client->timeout_ms % 1000 * 1000};
	client->fd = fd;
	// One that accepts nobody any more, or reads nothing.
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		(client->stream = fopencookie(client, "r",
			 (cookie_io_functions_t){.read = read_some, .close = close_socket})) ==
			NULL) {
		int status = -errno;
		close(fd);
		return status;
	}
	return 0;
}

static bool is_absent(int status)
{
	return status == -ENOENT || status == -ECONNREFUSED || status == -ENOTDIR;
}

static enum client_result take_greeting(struct client *client)
{
	json_t *hello = json_loadf(client->stream, JSON_DISABLE_EOF_CHECK, NULL);
	const char *name = json_string_value(json_object_get(hello, "name"));
	const char *error = json_string_value(json_object_get(hello, "error"));
	json_int_t protocol = json_integer_value(json_object_get(hello, "protocol"));
	enum client_result result = CLIENT_OK;
	if (error) {
		result = fail(client, CLIENT_REFUSED, "%s", error);
	} else if (name == NULL || strcmp(name, "offhook") != 0) {
		result = broken(client, "what answers there is no offhookd");
	} else if (protocol != PROTOCOL_VERSION) {
		result = fail(client, CLIENT_BROKEN,
			"offhookd speaks protocol %lld, this offhook speaks %d",
			(long long)protocol, PROTOCOL_VERSION);
	}
	json_decref(hello);
	return result;
}

enum client_result client_open(struct client *client, const char *path, int timeout_ms)
{
	const char *at = path ? path : config_default_socket();
	*client = (struct client){.error = "", .timeout_ms = timeout_ms};
	int status = connect_to(client, at);
	// A user without a daemon of his own asks the machine's.
	if (is_absent(status) && path == NULL && strcmp(at, CONFIG_SYSTEM_SOCKET) != 0) {
		at = CONFIG_SYSTEM_SOCKET;
		status = connect_to(client, at);
	}
	if (status == 0)
		return take_greeting(client);
	if (is_absent(status))
		return fail(client, CLIENT_NO_DAEMON,
			"no daemon answers at %s (start offhookd, or name its socket by --socket)",
			at);
	client->timed_out = status == -EAGAIN;
	return client->timed_out ? broken(client, "")
				 : fail(client, CLIENT_BROKEN, "%s: %s", at, strerror(-status));
}

void client_be_patient(struct client *client)
{
	client->timeout_ms = -1;
}

void client_close(struct client *client)
{
	if (client->stream)
		fclose(client->stream);
	free(client->text);
	*client = (struct client){.error = ""};
}

// ---- asking ----

static bool send_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

enum client_result client_ask(struct client *client, const char *command, json_t *arguments)
{
	json_t *request = json_pack("{s:s, s:o*}", "command", command, "arguments", arguments);
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	json_decref(request);
	bool ok = text && send_all(client->fd, text, strlen(text)) && send_all(client->fd, "\n", 1);
	free(text);
	return ok ? CLIENT_OK : fail(client, CLIENT_BROKEN, "the request could not be sent");
}

// An answer that does not begin as a good one: {"ok":false,"error":"..."}. n: bytes of it taken.
static enum client_result take_refusal(struct client *client, size_t n, int next)
{
	char *line = NULL;
	size_t size = 0, capacity = 0;
	FILE *whole = open_memstream(&line, &size);
	if (whole == NULL)
		return fail(client, CLIENT_BROKEN, "out of memory");
	fwrite(good, 1, n, whole);
	for (; next != EOF && next != '\n' && capacity < (1 << 20); next = getc(client->stream)) {
		putc(next, whole);
		capacity++;
	}
	fclose(whole);
	json_t *answer = json_loadb(line, size, JSON_ALLOW_NUL, NULL);
	const char *error = json_string_value(json_object_get(answer, "error"));
	bool usage = json_is_true(json_object_get(answer, "usage"));
	enum client_result result =
		error  ? fail(client, usage ? CLIENT_WRONG : CLIENT_REFUSED, "%s", error)
		: size ? fail(client, CLIENT_BROKEN, "the daemon's answer is not understood")
		       : broken(client, "the daemon has ended the connection");
	json_decref(answer);
	free(line);
	return result;
}

static enum client_result take_value(
	struct client *client, void (*take)(void *context, json_t *item), void *context)
{
	json_error_t error;
	json_t *item = json_loadf(client->stream, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, &error);
	if (item == NULL)
		return broken(client,
			feof(client->stream) ? "the daemon has ended the connection" : error.text);
	take(context, item);
	json_decref(item);
	return CLIENT_OK;
}

static enum client_result take_list(
	struct client *client, void (*take)(void *context, json_t *item), void *context)
{
	int next = getc(client->stream);
	while (next != ']') {
		if (next != ',')
			ungetc(next, client->stream);
		enum client_result result = take_value(client, take, context);
		if (result != CLIENT_OK)
			return result;
		next = getc(client->stream);
	}
	return CLIENT_OK;
}

enum client_result client_take(
	struct client *client, void (*take)(void *context, json_t *item), void *context)
{
	size_t n = 0;
	int next = getc(client->stream);
	if (next == '\n') // the end of what came before
		next = getc(client->stream);
	while (n < sizeof(good) - 1 && next == good[n]) {
		next = getc(client->stream);
		n++;
	}
	if (n < sizeof(good) - 1)
		return take_refusal(client, n, next);
	enum client_result result;
	if (next == '[') {
		result = take_list(client, take, context);
	} else {
		ungetc(next, client->stream);
		result = take_value(client, take, context);
	}
	if (result == CLIENT_OK && getc(client->stream) != '}')
		return fail(client, CLIENT_BROKEN, "the daemon's answer is not understood");
	return result;
}
