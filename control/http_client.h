// SPDX-License-Identifier: BSD-3-Clause
// http_client: how an outlet posts to a receiver, and what the answer means for what was sent.
// libcurl does the transport, on the outlet's own thread: the peer is always verified, a redirect
// is never followed, what the environment says of proxies does not count, and an answer is bounded.
//
// Neither an address (its path may be a secret), nor a header, nor a body stands in an error.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "outlet.h"

#define HTTP_URLS_MAX 8
#define HTTP_ANSWER_MAX (1u << 20) // bytes of an answer that are read
#define HTTP_BODY_MAX (512u << 10) // bytes of records that go into one body, before compression

// What every kind that posts has among its options, as a member `http`.
struct http_options {
	const char **urls;
	const char *ca_file, *certificate_file, *key_file, *proxy;
	uint64_t timeout_ms;
	bool compress;
};

#define HTTP_OPTION(type, key, kind, member, ...)                                              \
	{                                                                                      \
		.name = key, .value = kind, .offset = offsetof(type, http.member), __VA_ARGS__ \
	}
// clang-format off
#define HTTP_OPTIONS(type, url_help)                                                               \
	HTTP_OPTION(type, "url", OUTLET_TEXTS, urls, .is_required = true, .target = TARGET_URL,    \
		.help = url_help),                                                                 \
	HTTP_OPTION(type, "ca_file", OUTLET_FILE, ca_file,                                         \
		.help = OUTLET_CA_FILE_HELP),                                                      \
	HTTP_OPTION(type, "certificate_file", OUTLET_FILE, certificate_file,                       \
		.help = OUTLET_CERTIFICATE_FILE_HELP),                                             \
	HTTP_OPTION(type, "key_file", OUTLET_FILE, key_file, .help = OUTLET_KEY_FILE_HELP),        \
	HTTP_OPTION(type, "proxy", OUTLET_TEXT, proxy, .help = "http://host:port to go through"),  \
	HTTP_OPTION(type, "timeout", OUTLET_TIME, timeout_ms, .least = 100, .most = 300000,        \
		.initial = "10s", .help = "for one answer")
// Where the receiver takes it.
#define HTTP_COMPRESS(type, initially)                                                             \
	HTTP_OPTION(type, "compress", OUTLET_FLAG, compress, .initial = initially,                 \
		.help = "send bodies as gzip")
// clang-format on

// At config time. false: *error, one line.
bool http_options_check(const struct http_options *options, char *error, size_t size);

// What an answer means for what was sent.
enum http_verdict {
	HTTP_DONE,
	HTTP_AGAIN,   // the receiver is away or busy
	HTTP_DENIED,  // it does not let us, or is not there: a setting; what was sent is kept
	HTTP_REFUSED, // it will not take this body
};
enum http_verdict http_verdict_of(long status);

struct http_client;

// path     of the receiver's interface, added to each address that does not end so; NULL: none
// wait_ms  where Retry-After is told, or NULL
// stop     ends a request that is under way when it becomes true, or NULL
// The options stay the caller's. NULL: *error says why.
struct http_client *http_client_create(const struct http_options *options, const char *path,
	const atomic_bool *stop, char *error, size_t size);
void http_client_destroy(struct http_client *client); // NULL is nothing

size_t http_client_urls(const struct http_client *client);
size_t http_client_turn(const struct http_client *client); // the one that took the last request

// What is the same in every request: "Name: value". false: out of memory.
bool http_client_header(struct http_client *client, const char *line);
// The same from a name and a secret.
bool http_client_secret(struct http_client *client, const char *before, const char *secret);

// HTTP Basic.
bool http_client_login(struct http_client *client, const char *user, const char *password);

struct http_answer {
	long status;	  // 0: none came
	const char *body; // terminated; the client's, until the next request
	size_t len;
	bool is_cut;		 // there was more
	uint64_t retry_after_ms; // not before; 0: not said
};

struct http_request {
	const char *content_type;
	const char *query;	    // "a=b", beside that of the address; or NULL
	const char *const *headers; // more of them, the last one NULL; or NULL
	const char *body;
	size_t len;
};

// To one address. What is not HTTP_DONE leaves one line in *error, with the receiver's origin.
enum http_verdict http_client_post_to(struct http_client *client, size_t url,
	const struct http_request *request, struct http_answer *answer, char *error, size_t size);
// To the address that took the last one; where it is away or denies, to the next, each once.
enum http_verdict http_client_post(struct http_client *client, const struct http_request *request,
	struct http_answer *answer, char *error, size_t size);
