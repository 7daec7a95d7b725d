// SPDX-License-Identifier: BSD-3-Clause
// client: the other end of the control socket. An answer of any length is taken item by item, so
// that it need not fit into memory.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum client_result {
	CLIENT_OK,
	CLIENT_REFUSED,	  // the daemon says why: client.error
	CLIENT_WRONG,	  // the daemon says what of the request makes no sense: client.error
	CLIENT_NO_DAEMON, // client.error says where it was looked for
	CLIENT_BROKEN,	  // the connection ended, or what came is no answer: client.error
};

struct client {
	FILE *stream;
	int fd;
	int timeout_ms; // how long a silence may last, -1: for ever
	bool timed_out;
	const char *error; // what went wrong last, however long; "": nothing
	char *text;	   // of the error, where it is not a literal
};

#define CLIENT_TIMEOUT_MS \
	30000 // compiling rules is the longest that a daemon is busy: a second or so

// Connect and take the greeting. path: NULL for where a daemon is by default.
enum client_result client_open(struct client *client, const char *path, int timeout_ms);
void client_close(struct client *client);

// The next answers come whenever there is something to tell. Where nobody reads stdout any more the
// process ends meanwhile, as it would with the next write.
void client_be_patient(struct client *client);

// Send one request. Steals the arguments (NULL: none).
enum client_result client_ask(struct client *client, const char *command, json_t *arguments);

// Take one answer: `take` gets its data, or each item where the data is a list, and gives it back.
enum client_result client_take(
	struct client *client, void (*take)(void *context, json_t *item), void *context);
