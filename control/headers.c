// SPDX-License-Identifier: BSD-3-Clause
#include "headers.h"

#include <ctype.h>
#ifdef __SSSE3__
#	include <tmmintrin.h>
#endif

#define NO_ID ASA_ID_MAX

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

// The id of "-725006:"; NO_ID: it is something else. On each byte at once; little endian, as x86
// is.
static uint32_t id_of(const char *text)
{
	uint64_t bytes;
	memcpy(&bytes, text, sizeof(bytes));
	bytes ^= 0x3a3030303030302d; // what is left is digits between zeros
	uint64_t more_than_nine = (bytes + 0x0606060606060606) | bytes;
	if ((more_than_nine & 0xf0f0f0f0f0f0f0f0) || (bytes & 0xff000000000000ff))
		return NO_ID;
	bytes <<= 8;
	bytes = bytes * 10 + (bytes >> 8); // pairs, at every other byte
	uint64_t high = (bytes & 0xff000000ff) * 0x000f424000000064;
	uint64_t low = (bytes >> 16 & 0xff000000ff) * 0x0000271000000001;
	return (uint32_t)((high + low) >> 32);
}

// The id of a tag of the commonest form; NO_ID: it is another, or none.
static uint32_t tag_id(const char *tag)
{
	bool ours = memcmp(tag, "%ASA-", 5) == 0 || memcmp(tag, "%FTD-", 5) == 0;
	return ours && tag[5] >= '0' && tag[5] <= '9' ? id_of(tag + 6) : NO_ID;
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

// The header is that of the line before to the last byte, and so is the time.
static bool is_same(const struct headers *headers, struct slice text)
{
	return headers->same_len && headers->last == headers->same_stamp &&
	       memcmp(headers->same, text.data, headers->same_len) == 0 &&
	       text.data[headers->same_len] == '%';
}

static void keep_same(struct headers *headers, struct slice text, const struct headers_line *line)
{
	// Without a time it is that of whatever line stands before.
	headers->same_len = line->parts.stamp_len ? (uint8_t)line->tag : 0;
	memcpy(headers->same, text.data, line->tag);
	headers->same_parts = line->parts;
	headers->same_stamp = headers->last;
}

// It has been taken apart before, but for the digits of its time. The first tag of a line is the
// one that message_parse() finds where it is of the commonest form, whatever follows.
static bool is_like(const struct headers *headers, struct slice text, struct headers_line *out)
{
	const char *tag = memchr(text.data, '%', SHAPE_BYTES_MAX);
	if (tag == NULL)
		return false;
	out->tag = (uint32_t)(tag - text.data);
	return shape_find(&headers->shapes, slice_first(text, out->tag), &out->parts);
}

bool headers_read(
	struct headers *headers, struct slice text, struct logtime *log, struct headers_line *out)
{
	if (text.len < SHAPE_BYTES_MAX + MESSAGE_TAG_BYTES)
		return false;
	bool same = is_same(headers, text);
	if (same) {
		out->tag = headers->same_len;
		out->parts = headers->same_parts;
		out->time_ms = log->last_ms;
	} else if (!is_like(headers, text, out)) {
		return false;
	}
	out->asa_id = tag_id(text.data + out->tag);
	out->line = slice_first(text, line_length(text));
	if (out->asa_id == NO_ID || out->line.len <= out->tag)
		return false;
	struct slice stamp =
		slice_first(slice_from(text, out->parts.stamp_at), out->parts.stamp_len);
	if (same)
		return true;
	if (!time_of(headers, stamp, log, &out->time_ms))
		return false;
	keep_same(headers, text, out);
	return true;
}

void headers_keep(struct headers *headers, const struct message *message, const struct logtime *log)
{
	struct logtime_known time;
	struct slice stamp = message->stamp;
	headers->last = NULL;
	headers->same_len = 0;
	// A phone's line may have gone by another of its times.
	if (message->source != MESSAGE_ASA || stamp.len == 0 || stamp.len > STAMP_BYTES_MAX ||
		!logtime_know(log, &time))
		return;
	struct stamp_seen *seen = &headers->stamps[place_of(stamp)];
	*seen = (struct stamp_seen){.len = (uint8_t)stamp.len, .time = time};
	memcpy(seen->bytes, stamp.data, stamp.len);
	headers->last = seen;
}
