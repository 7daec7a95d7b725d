// SPDX-License-Identifier: BSD-3-Clause
#include "headers.h"

#include <ctype.h>
#ifdef __SSSE3__
#	include <tmmintrin.h>
#endif

#define TAG_BYTES 14 // "%ASA-6-725006:"

// Of sixteen bytes, by bits, those that stand out: what can end a line, or begin another in it.
static unsigned marks_of(const char *text)
{
#ifdef __SSSE3__
	// By its lower four bits each byte is told which mark alone it can be.
	const __m128i marks = _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '\n', 0, '<', '\r', 0, 0);
	__m128i bytes = _mm_loadu_si128((const __m128i *)text);
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_shuffle_epi8(marks, bytes), bytes));
#else
	unsigned found = 0;
	for (unsigned i = 0; i < 16; i++) {
		bool mark = text[i] == '\n' || text[i] == '\r' || text[i] == '\0' || text[i] == '<';
		found |= (unsigned)mark << i;
	}
	return found;
#endif
}

// Whether another record may begin here, at a `<`.
static bool may_be_pri(const char *text)
{
	unsigned n = 1;
	while (n < 4 && isdigit((unsigned char)text[n]))
		n++;
	return n > 1 && text[n] == '>';
}

// The length of a text's first line where message_next() takes it for one message, whatever stands
// before its tag: no <PRI> behind its own, no end but its line feed. 0: it may be none.
static uint32_t line_length(struct slice text)
{
	const char *limit = text.data + text.len;
	const char *at = text.data + 1; // the first may be its own <PRI>
	for (;; at++) {
		unsigned marks;
		while ((marks = marks_of(at)) == 0)
			at += 16;
		at += __builtin_ctz(marks);
		if (at >= limit)
			return 0;
		if (*at == '\n')
			return (uint32_t)(at - text.data);
		bool text_goes_on = *at == '<' ? !may_be_pri(at) : *at == '\r' && at[1] == '\n';
		if (!text_goes_on)
			return 0;
	}
}

// Length of what stands before the tag, where this is the line's first and of its commonest form:
// then it is the tag that message_parse() finds, whatever follows. 0: another line.
static uint32_t header_length(struct slice text, uint32_t *asa_id)
{
	if (text.len < SHAPE_BYTES_MAX + TAG_BYTES)
		return 0;
	const char *tag = memchr(text.data, '%', SHAPE_BYTES_MAX);
	if (tag == NULL || (memcmp(tag + 1, "ASA-", 4) != 0 && memcmp(tag + 1, "FTD-", 4) != 0) ||
		!isdigit((unsigned char)tag[5]) || tag[6] != '-' || tag[13] != ':')
		return 0;
	*asa_id = 0;
	bool digits = true;
	for (unsigned i = 7; i < 13; i++) {
		unsigned digit = (unsigned char)tag[i] - (unsigned)'0';
		digits &= digit <= 9;
		*asa_id = *asa_id * 10 + digit;
	}
	return digits ? (uint32_t)(tag - text.data) : 0;
}

static uint32_t place_of(struct slice stamp)
{
	uint64_t tail = 0;
	uint32_t n = stamp.len < sizeof(tail) ? stamp.len : sizeof(tail);
	memcpy(&tail, stamp.data + stamp.len - n, n);
	return (uint32_t)((tail * 0x9e3779b97f4a7c15ull) >> 58) % STAMPS_MAX;
}

static bool is_stamp(const struct stamp_seen *seen, struct slice stamp)
{
	return seen->len == stamp.len && memcmp(seen->bytes, stamp.data, stamp.len) == 0;
}

// The time of a line with such a stamp, as logtime_of() would say it.
static bool time_of(
	struct headers *headers, struct slice stamp, struct logtime *log, uint64_t *time_ms)
{
	// Without one it has that of the line before.
	if (stamp.len == 0 || (headers->last && is_stamp(headers->last, stamp))) {
		*time_ms = log->last_ms;
		return log->started;
	}
	const struct stamp_seen *seen = &headers->stamps[place_of(stamp)];
	if (!is_stamp(seen, stamp) || !logtime_again(log, &seen->time, time_ms))
		return false;
	headers->last = seen;
	return true;
}

bool headers_read(
	struct headers *headers, struct slice text, struct logtime *log, struct headers_line *out)
{
	out->tag = header_length(text, &out->asa_id);
	if (out->tag == 0 ||
		!shape_find(&headers->shapes, slice_first(text, out->tag), &out->parts))
		return false;
	out->line = slice_first(text, line_length(text));
	if (out->line.len <= out->tag)
		return false;
	struct slice stamp =
		slice_first(slice_from(out->line, out->parts.stamp_at), out->parts.stamp_len);
	return time_of(headers, stamp, log, &out->time_ms);
}

void headers_keep(struct headers *headers, const struct message *message, const struct logtime *log)
{
	struct logtime_known time;
	struct slice stamp = message->stamp;
	headers->last = NULL;
	// A phone's line may have gone by another of its times.
	if (message->source != MESSAGE_ASA || stamp.len == 0 || stamp.len > STAMP_BYTES_MAX ||
		!logtime_know(log, &time))
		return;
	struct stamp_seen *seen = &headers->stamps[place_of(stamp)];
	*seen = (struct stamp_seen){.len = (uint8_t)stamp.len, .time = time};
	memcpy(seen->bytes, stamp.data, stamp.len);
	headers->last = seen;
}
