// SPDX-License-Identifier: BSD-3-Clause
// http_server: /metrics, /healthz and /readyz, by libmicrohttpd in the control thread's loop.
//
// Whoever asks is bounded in connections, in bytes of a request and in the time that one takes, and
// gets his answer from a buffer that is made at most a few times a second, however many ask: nobody
// waits for him.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics.h"

#define HTTP_CONNECTIONS_MAX 32
#define HTTP_REQUEST_MAX 8192 // bytes of a request's line and headers, with what they are kept in
#define HTTP_REQUEST_MS 10000 // for a request to come in whole and its answer to be taken
#define HTTP_IDLE_MS 120000   // without a request: scrapers keep their connection
#define HTTP_YIELD_MS 1000    // the same, where another one finds no room
#define HTTP_FRESH_MS 250     // so old may an answer be

struct http_server;

// Listen on every address of the config. Where nobody has asked for metrics, and the address cannot
// be had, *server is NULL and the log says why. false: *error says why.
[[nodiscard]] bool http_server_create(const struct daemon *daemon, struct metrics *metrics,
	struct http_server **server, char *error, size_t size);
void http_server_destroy(struct http_server *server); // NULL is nothing

// Becomes readable when the server has something to do. -1: NULL.
int http_server_descriptor(const struct http_server *server);

// A bounded part of what there is to do. Whether there is more at once.
bool http_server_step(struct http_server *server, uint64_t steady_ms);

// About once a second: end who has had his time.
void http_server_tick(struct http_server *server, uint64_t steady_ms);
