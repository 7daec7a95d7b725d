// SPDX-License-Identifier: BSD-3-Clause
// connection: one client of the control socket. Requests are lines of JSON, answered one after the
// other; an answer is made only as fast as the client takes it.
//
// A client is not trusted: whatever it sends or does not read, it costs REQUEST_MAX bytes of input,
// about CONNECTION_OUT_MAX of output, and a bounded slice of each turn.
#pragma once

#include <stdint.h>

#include "answer.h"

#define PROTOCOL_VERSION 1
#define REQUEST_MAX 4096
#define CONNECTION_OUT_MAX 65536 // beyond it no further piece of an answer is made

enum connection_fate {
	CONNECTION_WAITS, // for its client, or for something to tell
	CONNECTION_BUSY,  // has work at once
	CONNECTION_ENDED,
};

struct connection {
	int fd;
	uint32_t interest; // what epoll is asked for
	bool input_ended, closing;
	uint64_t active_ms; // bytes last moved, either way
	uint64_t empty_ms;  // all that was made had been taken
	uint64_t n_requests;
	struct buffer out;
	struct answer answer;
	size_t n_input;
	char input[REQUEST_MAX];
};

// Takes the descriptor. Says hello. NULL: out of memory, the descriptor is closed.
struct connection *connection_create(struct daemon *daemon, int fd, uint64_t now_ms);
void connection_destroy(struct connection *connection);

// Read, answer and send what can be without waiting.
enum connection_fate connection_run(struct connection *connection, uint64_t now_ms);

// Say a last line and end once it is sent.
void connection_refuse(struct connection *connection, const char *reason);

// What epoll is to wait for.
uint32_t connection_interest(const struct connection *connection);
