// SPDX-License-Identifier: BSD-3-Clause
// line: one relevant line as a session keeps it, verbatim, with its fields' places. Lines stand in
// a ring a worker until newer ones overwrite them; those that prove a diagnosis are copied into its
// evidence (evidence.h), in the same form.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

#define LINE_AMBIGUOUS 1
#define LINE_CLIPPED 2
#define LINE_HIDDEN_USER 4
#define LINE_UNPROVEN 8
#define LINE_CONTEXT 16 // evidence: had to be, but is no failure and does not date one
#define LINE_BOUND 32	// see EVENT_BOUND

// Followed by n_values field values, the code and the text, padded to 8 bytes.
struct line {
	uint64_t time_ms;
	uint64_t previous; // position of the session's line before this one, LINE_NONE: none
	struct address client;
	struct device device;
	uint16_t event, port, gateway;
	uint16_t text_len; // with attachments
	uint16_t line_len; // the line itself
	uint16_t way;	   // hash of the sender and the host in the header: which relay brought it
	uint8_t source, flags, n_values, code_len, identity;
};

#define LINE_NONE UINT64_MAX
#define LINE_BYTES_MAX                                                                          \
	(sizeof(struct line) + EVENT_VALUES_MAX * sizeof(struct field_value) + EVENT_CODE_MAX + \
		EVENT_TEXT_MAX + 8)

// A line in memory, whole and aligned.
struct line_buffer {
	union {
		struct line line;
		uint64_t words[(LINE_BYTES_MAX + 7) / 8];
	};
};

size_t line_size(const struct line *line); // padded
const struct field_value *line_values(const struct line *line);
struct slice line_code(const struct line *line);
struct slice line_text(const struct line *line); // with attachments; first line_len bytes: the line
struct slice line_value(const struct line *line, uint8_t field);

void line_of_event(
	const struct event *event, uint8_t identity, uint64_t previous, struct line_buffer *out);

// Whether the event's line is the same one, come by another way.
bool line_is_copy(const struct line *line, const struct event *event);

// The event that the line was, for a session that it now belongs to.
void line_to_event(const struct line *line, struct event *out);

// One writer, any reader; a position is the number of bytes written before it.
struct line_ring {
	uint64_t *words;
	uint64_t bytes; // power of two
	_Atomic(uint64_t) head;
};

[[nodiscard]] int line_ring_init(struct line_ring *ring, uint64_t bytes);
void line_ring_fini(struct line_ring *ring);

// Returns the line's position.
uint64_t line_ring_append(struct line_ring *ring, const struct line *line);

// Copy the line at a position; false: overwritten, or never written. Any thread.
bool line_ring_read(const struct line_ring *ring, uint64_t position, struct line_buffer *out);
