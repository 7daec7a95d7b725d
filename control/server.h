// SPDX-License-Identifier: BSD-3-Clause
// server: the control socket: a Unix stream socket, newline-delimited JSON. Bounded in clients, in
// memory for each, and in work a turn.
//
//   daemon:  {"name":"offhook","version":"0.1.0","protocol":1}
//   client:  {"command":"diagnoses","arguments":{"state":"all"}}
//   daemon:  {"ok":true,"data":[..]}    or    {"ok":false,"error":"why"}
//            ("usage":true as well: an argument's value makes no sense)
//
// After `watch` each line of the daemon is one more answer.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONNECTIONS_MAX 128
#define CONNECTION_IDLE_MS 300000 // without a request
#define CONNECTION_YIELD_MS 10000 // the same, where another one finds no room
#define CONNECTION_HALF_MS 30000  // with half a request
#define CONNECTION_STALL_MS 30000 // with an answer that it does not take
#define CONNECTION_LINGER_MS 5000 // with a last line that it does not take

struct daemon;
struct server;

// Whether a daemon answers on the socket.
bool server_is_alive(const char *path);

// Bind and listen; mode 0660. The socket of a daemon that has died is replaced, the one of a living
// daemon is an error, as is a file that is no socket. NULL: *error says why.
struct server *server_create(
	struct daemon *daemon, const char *path, char *error, size_t error_size);
// Ends every connection and removes the socket, if it is still this server's.
void server_destroy(struct server *server);

// Becomes readable when the server has something to do.
int server_descriptor(const struct server *server);

// Serve whoever can be served, a bounded slice each. Whether there is more to do at once.
bool server_step(struct server *server, uint64_t steady_ms);

// About once a second: end those that keep nothing moving.
void server_tick(struct server *server, uint64_t steady_ms);

// {"connections":N,"limit":N,...}
json_t *server_json(const struct server *server);

// A watcher that did not keep up was told so and is ended.
void server_count_slow_watcher(struct server *server);
