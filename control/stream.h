// SPDX-License-Identifier: BSD-3-Clause
// stream: a connection to one receiver by UDP, TCP or TLS, written to and never waited on for
// longer than a timeout. With TLS (1.2 and later) the peer is verified by its chain and its name;
// there is no way to leave that out.
//
// One thread. SIGPIPE is to be ignored: OpenSSL writes as it likes.
#pragma once

#include <netdb.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_TIMEOUT_MS 10000 // for each: to connect, to be taken, to be acknowledged

// "host", "host:port", "192.0.2.1:514", "[2001:db8::1]:514"
struct stream_address {
	char host[NI_MAXHOST];
	char port[8];
};

// port: where the text has none. false: it is no such address.
bool stream_address_parse(const char *text, const char *port, struct stream_address *out);

// ca_file NULL: those that the system trusts; certificate_file, key_file: ours, NULL for none.
// NULL: *error says why.
SSL_CTX *stream_tls_create(const char *ca_file, const char *certificate_file, const char *key_file,
	char *error, size_t size);

struct stream {
	int fd; // -1: none
	SSL *ssl;
	uint64_t n_written;	 // bytes, as TCP counts them
	uint64_t n_acknowledged; // of them by the peer's TCP
	const atomic_bool *stop; // true: give up; or NULL
};

struct stream_target {
	struct stream_address address;
	int type;		 // SOCK_STREAM, SOCK_DGRAM
	SSL_CTX *tls;		 // NULL: none
	const char *server_name; // whom the certificate must name; NULL: the host
};

// All that can fail writes one line into *error.
bool stream_open(
	struct stream *stream, const struct stream_target *target, char *error, size_t size);
void stream_close(struct stream *stream); // one that is not open: nothing

// Whether the peer is still there, as far as it has told: a half-closed connection is none, for
// what is written into it is lost.
bool stream_is_whole(struct stream *stream, char *error, size_t size);

// All of it, or the stream is to be closed. Of a datagram socket: one datagram.
bool stream_write(struct stream *stream, const char *data, size_t len, char *error, size_t size);

// Waits until the peer's TCP has acknowledged all that was written; n_acknowledged is right however
// this ends.
bool stream_settle(struct stream *stream, char *error, size_t size);
