// SPDX-License-Identifier: BSD-3-Clause
// headers: what the headers of a text log have said, so that a line with one like it need not be
// taken apart: a busy gateway writes the same one, but for its time, a million times, and the same
// time a thousand times.
#pragma once

#include "../rules/rulepack.h"
#include "logtime.h"

#define STAMPS_MAX 64
#define STAMP_BYTES_MAX 40 // longer ones are not remembered

struct stamp_seen {
	uint8_t len; // 0: not in use
	char bytes[STAMP_BYTES_MAX];
	struct logtime_known time;
};

struct headers {
	struct shape_table shapes;
	struct stamp_seen stamps[STAMPS_MAX];
	const struct stamp_seen *last; // what the clock of the log stands at; NULL: something else
	// Of the line read before: its header, and its time.
	uint8_t same_len; // 0: none
	char same[SHAPE_BYTES_MAX];
	struct header_parts same_parts;
	const struct stamp_seen *same_stamp;
};

#define HEADERS_ROOM 16 // bytes behind the text that must be zero

// A gateway's line of the commonest form, one message as a whole: what its text is does not matter
// to that.
struct headers_line {
	struct slice line;
	uint32_t tag; // where its "%ASA-" stands
	uint32_t asa_id;
	struct header_parts parts;
	uint64_t time_ms; // as logtime_of() would say it
};

// The first line of a text, if it is such a one and all that has to be known of its header is
// remembered; it ends with a line feed, which is not of it. false: it has to be taken apart.
bool headers_read(
	struct headers *headers, struct slice text, struct logtime *log, struct headers_line *out);

// What logtime_of() has just made of a message; its header is remembered by whoever took it apart
// with `shapes`.
void headers_keep(
	struct headers *headers, const struct message *message, const struct logtime *log);
