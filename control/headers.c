// SPDX-License-Identifier: BSD-3-Clause
#include "headers.h"

#include <ctype.h>

#define TAG_BYTES 14 // "%ASA-6-725006:"

// Length of what stands before the tag, where this is the line's first and of its commonest form:
// then it is the tag that message_parse() finds, whatever follows. 0: another line.
static uint32_t header_length(struct slice line)
{
	uint32_t room = line.len < HEADER_BYTES_MAX ? line.len : HEADER_BYTES_MAX;
	const char *tag = memchr(line.data, '%', room);
	if (tag == NULL || tag == line.data || line.data + line.len - tag < TAG_BYTES)
		return 0;
	if ((memcmp(tag + 1, "ASA-", 4) != 0 && memcmp(tag + 1, "FTD-", 4) != 0) ||
		!isdigit((unsigned char)tag[5]) || tag[6] != '-' || tag[13] != ':')
		return 0;
	for (unsigned i = 7; i < 13; i++) {
		if (!isdigit((unsigned char)tag[i]))
			return 0;
	}
	return (uint32_t)(tag - line.data);
}

// By its length and its last bytes, the name as a rule: the next second of the same sender takes
// the place of the one before.
static uint32_t place_of(struct slice line, uint32_t len)
{
	uint64_t tail = 0;
	uint32_t n = len < sizeof(tail) ? len : sizeof(tail);
	memcpy(&tail, line.data + len - n, n);
	return (uint32_t)(((tail ^ len) * 0x9e3779b97f4a7c15ull) >> 32) % HEADERS_MAX;
}

bool headers_time(
	const struct headers *headers, struct slice line, struct logtime *log, uint64_t *ms)
{
	uint32_t len = header_length(line);
	if (len == 0)
		return false;
	const struct header_seen *seen = &headers->seen[place_of(line, len)];
	return seen->len == len && memcmp(seen->bytes, line.data, len) == 0 &&
	       logtime_again(log, &seen->time, ms);
}

void headers_keep(struct headers *headers, struct slice line, const struct message *message,
	const struct logtime *log)
{
	uint32_t len = header_length(line);
	struct logtime_known time;
	// The tag must be what was found, or the time stands elsewhere.
	if (len == 0 || message->source != MESSAGE_ASA ||
		message->code.data != line.data + len + 7 || !logtime_know(log, &time))
		return;
	struct header_seen *seen = &headers->seen[place_of(line, len)];
	seen->len = (uint8_t)len;
	memcpy(seen->bytes, line.data, len);
	seen->time = time;
}
