// SPDX-License-Identifier: BSD-3-Clause
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "../rules/address.h"
#include "clock.h"

#define POLL_MS 100 // the longest sleep between two looks at `stop`

static bool fail(char *error, size_t size, const char *what, const char *why)
{
	snprintf(error, size, "%s: %s", what, why);
	return false;
}

// ---- addresses ----

bool stream_address_parse(const char *text, const char *port, struct stream_address *out)
{
	const char *end, *colon;
	size_t skip = text[0] == '[';
	if (skip) {
		end = strchr(text, ']');
		if (end == NULL || (end[1] && end[1] != ':'))
			return false;
		colon = end[1] ? end + 1 : NULL;
	} else {
		colon = strchr(text, ':');
		if (colon && strchr(colon + 1, ':')) // IPv6 without brackets
			return false;
		end = colon ? colon : text + strlen(text);
	}
	size_t len = (size_t)(end - text) - skip;
	if (colon)
		port = colon + 1;
	size_t digits = strspn(port, "0123456789");
	if (len == 0 || len >= sizeof(out->host) || digits == 0 || digits > 5 || port[digits])
		return false;
	unsigned long number = strtoul(port, NULL, 10);
	if (number == 0 || number > UINT16_MAX)
		return false;
	snprintf(out->host, sizeof(out->host), "%.*s", (int)len, text + skip);
	snprintf(out->port, sizeof(out->port), "%lu", number);
	return true;
}

// ---- TLS ----

// The reason of the last call of OpenSSL that failed.
static const char *tls_reason(void)
{
	unsigned long code = ERR_get_error();
	const char *text = NULL;
	if (ERR_SYSTEM_ERROR(code)) // a file's, which has no text of OpenSSL's
		text = strerror(ERR_GET_REASON(code));
	else if (code)
		text = ERR_reason_error_string(code);
	ERR_clear_error();
	return text ? text : "unknown error";
}

SSL_CTX *stream_tls_create(const char *ca_file, const char *certificate_file, const char *key_file,
	char *error, size_t size)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	ERR_clear_error();
	if (tls == NULL) {
		fail(error, size, "TLS", tls_reason());
		return NULL;
	}
	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	const char *what = NULL;
	if (ca_file && SSL_CTX_load_verify_locations(tls, ca_file, NULL) != 1)
		what = ca_file;
	else if (ca_file == NULL && SSL_CTX_set_default_verify_paths(tls) != 1)
		what = "the system's certificates";
	else if (certificate_file && SSL_CTX_use_certificate_chain_file(tls, certificate_file) != 1)
		what = certificate_file;
	else if (key_file && SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1)
		what = key_file;
	else if (key_file && SSL_CTX_check_private_key(tls) != 1)
		what = key_file;
	if (what == NULL)
		return tls;
	fail(error, size, what, tls_reason());
	SSL_CTX_free(tls);
	return NULL;
}

// Chain and name are checked within the handshake.
static SSL *tls_create(int fd, const struct stream_target *target)
{
	const char *name = target->server_name ? target->server_name : target->address.host;
	struct address address;
	SSL *ssl = SSL_new(target->tls);
	if (ssl == NULL)
		return NULL;
	bool ok = SSL_set_fd(ssl, fd) == 1;
	if (address_parse(slice_of(name), &address)) {
		ok = ok && X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
	} else {
		SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		ok = ok && SSL_set1_host(ssl, name) == 1 &&
		     SSL_set_tlsext_host_name(ssl, name) == 1;
	}
	if (ok)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

// ---- waiting ----

static bool must_stop(const struct stream *stream)
{
	return stream->stop && atomic_load_explicit(stream->stop, memory_order_relaxed);
}

// false: not within the timeout, or we are to stop.
static bool wait_for(struct stream *stream, short events, uint64_t until_ms)
{
	struct pollfd one = {.fd = stream->fd, .events = events};
	while (!must_stop(stream) && clock_steady_ms() < until_ms) {
		if (poll(&one, 1, POLL_MS) > 0)
			return true;
	}
	return false;
}

// After a call of OpenSSL that would wait. false: it has failed, or it has waited long enough.
static bool tls_wait(struct stream *stream, int result, uint64_t until_ms, char *error, size_t size)
{
	int why = SSL_get_error(stream->ssl, result);
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return wait_for(stream, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until_ms) ||
		       fail(error, size, "TLS", "timed out");
	long verified = SSL_get_verify_result(stream->ssl);
	if (verified != X509_V_OK)
		return fail(error, size, "TLS: the peer's certificate is refused",
			X509_verify_cert_error_string(verified));
	if (why == SSL_ERROR_SYSCALL)
		return fail(error, size, "TLS", errno ? strerror(errno) : "connection closed");
	return fail(error, size, "TLS",
		why == SSL_ERROR_ZERO_RETURN ? "connection closed" : tls_reason());
}

// ---- life ----

static bool connect_one(struct stream *stream, const struct addrinfo *at, uint64_t until_ms,
	char *error, size_t size)
{
	int reason = 0;
	socklen_t len = sizeof(reason);
	stream->fd = socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stream->fd < 0)
		return fail(error, size, "socket", strerror(errno));
	if (connect(stream->fd, at->ai_addr, at->ai_addrlen) == 0)
		return true;
	if (errno != EINPROGRESS)
		return fail(error, size, "connect", strerror(errno));
	if (!wait_for(stream, POLLOUT, until_ms))
		return fail(error, size, "connect", "timed out");
	getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &reason, &len);
	return reason == 0 || fail(error, size, "connect", strerror(reason));
}

static bool shake_hands(struct stream *stream, const struct stream_target *target,
	uint64_t until_ms, char *error, size_t size)
{
	int result;
	ERR_clear_error();
	stream->ssl = tls_create(stream->fd, target);
	if (stream->ssl == NULL)
		return fail(error, size, "TLS", tls_reason());
	while (errno = 0, (result = SSL_connect(stream->ssl)) != 1) {
		if (!tls_wait(stream, result, until_ms, error, size))
			return false;
	}
	return true;
}

static bool connect_any(
	struct stream *stream, const struct stream_target *target, char *error, size_t size)
{
	struct addrinfo *list, hints = {.ai_socktype = target->type, .ai_flags = AI_NUMERICSERV};
	int failed = getaddrinfo(target->address.host, target->address.port, &hints, &list);
	if (failed)
		return fail(error, size, target->address.host, gai_strerror(failed));
	bool ok = false;
	for (const struct addrinfo *at = list; at && !ok && !must_stop(stream); at = at->ai_next) {
		stream_close(stream);
		ok = connect_one(stream, at, clock_steady_ms() + STREAM_TIMEOUT_MS, error, size);
	}
	freeaddrinfo(list);
	return ok;
}

bool stream_open(
	struct stream *stream, const struct stream_target *target, char *error, size_t size)
{
	int on = 1;
	snprintf(error, size, "stopped");
	if (!connect_any(stream, target, error, size)) {
		stream_close(stream);
		return false;
	}
	if (target->type == SOCK_STREAM) {
		setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(stream->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	if (target->tls &&
		!shake_hands(stream, target, clock_steady_ms() + STREAM_TIMEOUT_MS, error, size)) {
		stream_close(stream);
		return false;
	}
	error[0] = '\0';
	return true;
}

void stream_close(struct stream *stream)
{
	if (stream->ssl) {
		if (SSL_is_init_finished(stream->ssl))
			SSL_shutdown(stream->ssl); // says so, and waits for nothing
		SSL_free(stream->ssl);
	}
	ERR_clear_error();
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
	stream->ssl = NULL;
	stream->n_written = stream->n_acknowledged = 0;
}

// ---- what the peer says ----

// Receivers of syslog say nothing; what TLS says of itself (tickets) is taken in.
static bool take_in(struct stream *stream, char *error, size_t size)
{
	char bytes[512];
	for (;;) {
		errno = 0;
		ERR_clear_error();
		if (stream->ssl) {
			int n = SSL_read(stream->ssl, bytes, sizeof(bytes));
			if (n > 0)
				continue;
			int why = SSL_get_error(stream->ssl, n);
			return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ||
			       tls_wait(stream, n, 0, error, size);
		}
		ssize_t n = recv(stream->fd, bytes, sizeof(bytes), 0);
		if (n > 0)
			continue;
		if (n == 0)
			return fail(error, size, "connection", "closed by the receiver");
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ||
		       fail(error, size, "connection", strerror(errno));
	}
}

bool stream_is_whole(struct stream *stream, char *error, size_t size)
{
	struct pollfd one = {.fd = stream->fd, .events = POLLIN | POLLRDHUP};
	int reason = 0;
	socklen_t len = sizeof(reason);
	if (poll(&one, 1, 0) <= 0)
		return true;
	if (one.revents & (POLLERR | POLLNVAL)) {
		getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &reason, &len);
		return fail(error, size, "connection", reason ? strerror(reason) : "broken");
	}
	if (one.revents & (POLLRDHUP | POLLHUP))
		return fail(error, size, "connection", "closed by the receiver");
	return take_in(stream, error, size);
}

// ---- writing ----

static bool tls_write(struct stream *stream, const char *data, size_t len, char *error, size_t size)
{
	uint64_t until_ms = clock_steady_ms() + STREAM_TIMEOUT_MS;
	while (len) {
		size_t n = 0;
		errno = 0;
		ERR_clear_error();
		int result = SSL_write_ex(stream->ssl, data, len, &n);
		if (result != 1 && !tls_wait(stream, result, until_ms, error, size))
			return false;
		data += n;
		len -= n;
	}
	stream->n_written = BIO_number_written(SSL_get_wbio(stream->ssl));
	return true;
}

bool stream_write(struct stream *stream, const char *data, size_t len, char *error, size_t size)
{
	uint64_t until_ms = clock_steady_ms() + STREAM_TIMEOUT_MS;
	if (stream->ssl)
		return tls_write(stream, data, len, error, size);
	while (len) {
		ssize_t n = send(stream->fd, data, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			return fail(error, size, "connection", strerror(errno));
		if (n < 0 && !wait_for(stream, POLLOUT, until_ms))
			return fail(error, size, "connection", "the receiver takes nothing");
		if (n > 0) {
			data += n;
			len -= (size_t)n;
			stream->n_written += (uint64_t)n;
		}
	}
	return true;
}

// A connection that breaks has nothing left to be acknowledged: what was read before is right only
// if it is whole afterwards.
bool stream_settle(struct stream *stream, char *error, size_t size)
{
	uint64_t until_ms = clock_steady_ms() + STREAM_TIMEOUT_MS;
	for (unsigned turn = 0;; turn++) {
		int waiting = 0;
		if (ioctl(stream->fd, SIOCOUTQ, &waiting) != 0)
			return fail(error, size, "connection", strerror(errno));
		if (!stream_is_whole(stream, error, size))
			return false;
		stream->n_acknowledged = stream->n_written - (uint64_t)waiting;
		if (waiting == 0)
			return true;
		if (must_stop(stream))
			return fail(error, size, "connection", "stopped");
		if (clock_steady_ms() >= until_ms)
			return fail(error, size, "connection", "nothing is acknowledged");
		poll(NULL, 0, turn < 20 ? 1 : 20);
	}
}
