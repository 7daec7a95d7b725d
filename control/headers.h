// SPDX-License-Identifier: BSD-3-Clause
// headers: the headers of a text log, byte for byte, and what time they meant. A busy gateway
// writes the same one a thousand times a second.
#pragma once

#include "logtime.h"

#define HEADERS_MAX 256
#define HEADER_BYTES_MAX 96 // longer ones are not remembered

struct header_seen {
	uint8_t len; // 0: not in use
	char bytes[HEADER_BYTES_MAX];
	struct logtime_known time;
};

struct headers {
	struct header_seen seen[HEADERS_MAX];
};

// The time of a line with such a header, as logtime_of() would say it; false: take it apart.
bool headers_time(
	const struct headers *headers, struct slice line, struct logtime *log, uint64_t *ms);

// Remember what logtime_of() has just made of this line.
void headers_keep(struct headers *headers, struct slice line, const struct message *message,
	const struct logtime *log);
