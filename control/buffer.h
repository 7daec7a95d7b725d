// SPDX-License-Identifier: BSD-3-Clause
// buffer: bytes on their way to one client. Grows as needed and forgets what was taken; whoever
// fills it stops at a mark of his own, so that it stays small. Out of memory is remembered, not
// told at each step: whoever empties it looks.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct buffer {
	char *data;
	size_t from, len, size; // bytes [from, from + len) are there
	bool failed;		// out of memory: what is in here lacks something
};

void buffer_fini(struct buffer *buffer);

void buffer_add(struct buffer *buffer, const char *data, size_t len);
void buffer_add_text(struct buffer *buffer, const char *text);
// As json_line(). Steals the value; NULL counts as out of memory.
void buffer_add_json(struct buffer *buffer, json_t *value);

// The first n bytes are done with; an empty buffer gives its memory back.
void buffer_take(struct buffer *buffer, size_t n);
