// SPDX-License-Identifier: BSD-3-Clause
// answer: what a command gives a client. A short one is written at once; a long one is made piece
// by piece, as fast as the client takes it, so that it costs a bounded buffer however long it is;
// and `watch` goes on for ever.
#pragma once

#include <jansson.h>
#include <sys/socket.h>

#include "buffer.h"

enum answer_turn {
	ANSWER_MORE,  // goes on at once
	ANSWER_WAITS, // nothing to tell for now
	ANSWER_DONE,
};

struct daemon;

struct answer {
	struct daemon *daemon;
	struct ucred peer; // who asks
	// Write a bounded piece, or do a bounded part of the work. NULL: no answer is under way.
	enum answer_turn (*step)(struct answer *answer, struct buffer *out);
	void (*end)(struct answer *answer); // gives `state` back, however the answer ended; or NULL
	void *state;
	bool endless; // goes on until the client has enough
};

// A whole answer: {"ok":true,"data":...}. Steals the data.
void answer_data(struct buffer *out, json_t *data);

// A whole answer: {"ok":false,"error":"..."}.
__attribute__((format(printf, 2, 3))) void answer_error(
	struct buffer *out, const char *format, ...);

// A whole answer: {"ok":false,"error":"...","usage":true}: what was asked for makes no sense.
__attribute__((format(printf, 2, 3))) void answer_usage(
	struct buffer *out, const char *format, ...);

// {"ok":true,"data":[..]} in pieces: begin once, then item for each, then end.
struct answer_list {
	bool begun, any;
};

void answer_list_item(struct answer_list *list, struct buffer *out, json_t *item);
void answer_list_end(struct answer_list *list, struct buffer *out);

// The answer is over: give back what it held. Also where none is under way.
void answer_fini(struct answer *answer);
