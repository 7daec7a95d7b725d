// SPDX-License-Identifier: BSD-3-Clause
#include "message.h"

#include <ctype.h>
#include <stdio.h>
#ifdef __SSE2__
#	include <emmintrin.h>
#endif

#include "stamp.h"

#define HEADER_WORDS_MAX 16 // before the record of a phone, or the tag of an ASA

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static struct slice skip_blanks(struct slice text)
{
	uint32_t n = 0;
	while (n < text.len && is_blank(text.data[n]))
		n++;
	return slice_from(text, n);
}

// ---- lines of a payload ----

// Length of "<0>" to "<191>" at the start, or 0.
static uint32_t pri_length(struct slice text)
{
	uint32_t at = 1, value = 0;
	if (text.len < 3 || text.data[0] != '<')
		return 0;
	while (at < text.len && at < 4 && is_digit(text.data[at]))
		value = value * 10 + (uint32_t)(text.data[at++] - '0');
	return at > 1 && at < text.len && text.data[at] == '>' && value <= 191 ? at + 1 : 0;
}

// What follows a <PRI> in a header, and hardly in a text: a time, a tag, a sequence number, a
// colon.
static bool is_header_start(struct slice text)
{
	while (text.len && (text.data[0] == ':' || is_blank(text.data[0])))
		text = slice_from(text, 1);
	if (text.len == 0)
		return false;
	if (stamp_length(text) || slice_starts(text, "%ASA-") || slice_starts(text, "%FTD-"))
		return true;
	uint32_t digits = 0;
	while (digits < text.len && isdigit((unsigned char)text.data[digits]))
		digits++;
	return digits > 0 && digits < 10 && digits < text.len &&
	       (text.data[digits] == ':' || (digits == 1 && text.data[1] == ' '));
}

static bool is_record_start(struct slice text)
{
	uint32_t pri = pri_length(text);
	return pri && is_header_start(slice_from(text, pri));
}

static bool ends_line(char c)
{
	return c == '\n' || c == '\r' || c == '\0';
}

#ifdef __SSE2__
static inline __m128i ends_among(__m128i bytes)
{
	return _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')),
		_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r')),
			_mm_cmpeq_epi8(bytes, _mm_setzero_si128())));
}
#endif

// Where the next character stands that can end a line, or the length of the text.
static uint32_t next_mark(struct slice text, uint32_t at)
{
	static const bool marks[256] = {
		['\n'] = true, ['\r'] = true, ['\0'] = true, ['<'] = true, ['>'] = true};
#ifdef __SSE2__
	for (; at + 16 <= text.len; at += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(text.data + at));
		// '<' is 0x3c and '>' 0x3e
		__m128i brackets =
			_mm_cmpeq_epi8(_mm_or_si128(bytes, _mm_set1_epi8(2)), _mm_set1_epi8('>'));
		int found = _mm_movemask_epi8(_mm_or_si128(brackets, ends_among(bytes)));
		if (found)
			return at + (uint32_t)__builtin_ctz((unsigned)found);
	}
#endif
	while (at < text.len && !marks[(unsigned char)text.data[at]])
		at++;
	return at;
}

// Length of the first line of a payload in which something looks like another record: to its end,
// or to where that is glued on. Relays have been seen to glue records: "...initiated<189>32: ...".
// Text that a stranger typed, a user name above all, may imitate that; the ASA prints it in angle
// brackets, so a <PRI> inside an open bracket is text.
static uint32_t divided_length(struct slice payload, uint32_t first)
{
	int open = 0;
	uint32_t i = next_mark(payload, first);
	for (; i < payload.len; i = next_mark(payload, i + 1)) {
		char c = payload.data[i];
		if (ends_line(c)) {
			break;
		} else if (c == '<') {
			if (open == 0 && i > first && is_record_start(slice_from(payload, i)))
				break;
			open++;
		} else if (c == '>' && open > 0) {
			open--;
		}
	}
	return i;
}

#ifdef __SSE2__
// Bits of the characters of 16 that end a line, or are a `<` before a digit; 17 can be read.
static inline unsigned stops_among(const char *text)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)text);
	__m128i nexts = _mm_loadu_si128((const __m128i *)(text + 1));
	__m128i values = _mm_sub_epi8(nexts, _mm_set1_epi8('0'));
	__m128i digits = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values);
	__m128i starts = _mm_and_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('<')), digits);
	return (unsigned)_mm_movemask_epi8(_mm_or_si128(starts, ends_among(bytes)));
}
#endif

// Where the next character stands that ends a line, or the next `<` before a digit, or the length
// of the text.
static uint32_t next_stop(struct slice text, uint32_t at)
{
#ifdef __SSE2__
	for (; at + 17 <= text.len; at += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(text.data + at));
		// None is above '\r' that ends a line; only a few lines have any such at all.
		__m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8('\r')), bytes);
		__m128i opening = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('<'));
		unsigned found = (unsigned)_mm_movemask_epi8(_mm_or_si128(controls, opening));
		if (found && (found = stops_among(text.data + at)) != 0)
			return at + (uint32_t)__builtin_ctz(found);
	}
	if (at + 1 < text.len &&
		text.len >= 17) { // 16 that have partly been looked at, and the last
		uint32_t from = text.len - 17;
		unsigned found = stops_among(text.data + from) >> (at - from);
		if (found)
			return at + (uint32_t)__builtin_ctz(found);
		at = text.len - 1;
	}
#endif
	while (at < text.len && !ends_line(text.data[at]) &&
		!(text.data[at] == '<' && at + 1 < text.len && is_digit(text.data[at + 1])))
		at++;
	return at;
}

// Length of the first line of a payload.
static uint32_t line_length(struct slice payload)
{
	uint32_t first = pri_length(payload), i = next_stop(payload, first);
	for (; i < payload.len && !ends_line(payload.data[i]); i = next_stop(payload, i + 1)) {
		if (i > first && is_record_start(slice_from(payload, i)))
			return divided_length(payload, first);
	}
	return i;
}

// What stands before a <PRI> and is none of the line's: a quote, or the length of a frame.
static uint32_t frame_length(struct slice line)
{
	uint32_t n = line.len && line.data[0] == '"';
	if (n == 0 && !(line.len && is_digit(line.data[0])))
		return 0;
	uint32_t digits = n;
	while (digits < line.len && digits < 6 && isdigit((unsigned char)line.data[digits]))
		digits++;
	if (digits > n && digits < line.len && line.data[digits] == ' ')
		n = digits + 1;
	return n && pri_length(slice_from(line, n)) ? n : 0;
}

bool message_next(struct slice *payload, struct slice *line)
{
	while (payload->len && (ends_line(payload->data[0]) || is_blank(payload->data[0])))
		*payload = slice_from(*payload, 1);
	if (payload->len == 0)
		return false;
	*payload = slice_from(*payload, frame_length(*payload));
	*line = slice_first(*payload, line_length(*payload));
	*payload = slice_from(*payload, line->len);
	while (line->len && is_blank(line->data[line->len - 1]))
		line->len--;
	return true;
}

// ---- devices ----

// One more than the value of a hexadecimal digit; 0: it is none.
static const uint8_t nibbles[256] = {
	['0'] = 1,
	['1'] = 2,
	['2'] = 3,
	['3'] = 4,
	['4'] = 5,
	['5'] = 6,
	['6'] = 7,
	['7'] = 8,
	['8'] = 9,
	['9'] = 10,
	['A'] = 11,
	['B'] = 12,
	['C'] = 13,
	['D'] = 14,
	['E'] = 15,
	['F'] = 16,
	['a'] = 11,
	['b'] = 12,
	['c'] = 13,
	['d'] = 14,
	['e'] = 15,
	['f'] = 16,
};

bool device_parse(const char *digits, struct device *out)
{
	struct device device;
	bool all = true;
	for (uint32_t i = 0; i < sizeof(device.mac); i++) {
		unsigned high = nibbles[(unsigned char)digits[2 * i]];
		unsigned low = nibbles[(unsigned char)digits[2 * i + 1]];
		all &= high && low;
		device.mac[i] = (uint8_t)((high - 1) << 4 | (low - 1));
	}
	if (!all || device_is_none(&device))
		return false;
	*out = device;
	return true;
}

bool device_find(struct slice text, struct device *out)
{
	for (uint32_t at = 0; at + 15 <= text.len; at++) {
		const char *found = memmem(text.data + at, text.len - at, "SEP", 3);
		if (found == NULL)
			return false;
		at = (uint32_t)(found - text.data);
		if (at + 15 > text.len || (at > 0 && isalnum((unsigned char)text.data[at - 1])) ||
			(at + 15 < text.len && isalnum((unsigned char)text.data[at + 15])))
			continue;
		if (device_parse(found + 3, out))
			return true;
	}
	return false;
}

const char *device_format(const struct device *device, char *out)
{
	const uint8_t *m = device->mac;
	out[0] = '\0';
	if (!device_is_none(device))
		snprintf(out, DEVICE_TEXT_MAX, "SEP%02X%02X%02X%02X%02X%02X", m[0], m[1], m[2],
			m[3], m[4], m[5]);
	return out;
}

// ---- headers ----

// The words of a header, taken from the left until the tag or record begins.
struct header {
	struct slice stamp;  // the last time met
	struct slice before; // first word before that time, of the relay's header
	struct slice after;  // first word after it
	struct slice last; // last word, where a lone colon follows it: "fw1 :", an ASA's device-id
	bool emblem;	   // colon behind <PRI>: the word after the time is its zone
	bool closed;	   // a program's tag ("sshd[9]:") has come since the last time
	unsigned n_beyond; // words since then
};

// A name may follow a program's tag, or another time; with the second word a text has begun, and
// that may be a stranger's ("Invalid user %ASA-6-725006: ...").
static bool is_text_reached(const struct header *header)
{
	return header->n_beyond > 1;
}

static struct slice word_of(struct slice text)
{
	uint32_t n = 0;
	while (n < text.len && !is_blank(text.data[n]))
		n++;
	return slice_first(text, n);
}

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

// "CiscoASA[999]:", "sshd:"
static bool is_program_tag(struct slice word)
{
	if (word.len < 2 || word.data[word.len - 1] != ':')
		return false;
	for (uint32_t i = 0; i + 1 < word.len; i++) {
		unsigned char c = (unsigned char)word.data[i];
		if (!isalnum(c) && strchr("_-./[]()", c) == NULL)
			return false;
	}
	return true;
}

// Facility words of relays ("local4.err", "Local4.Info"), absent RFC 5424 fields, the 5424 version.
static bool is_no_host(struct slice word)
{
	if (slice_equals_text(word, BYTE_ORDER_MARK))
		return true;
	if (word.len == 1)
		return word.data[0] == '-' || word.data[0] == '1' || word.data[0] == ':';
	if (word.data[0] == '[')
		return true;
	return word.len > 7 && (word.data[0] == 'l' || word.data[0] == 'L') &&
	       memcmp(word.data + 1, "ocal", 4) == 0 && isdigit((unsigned char)word.data[5]) &&
	       word.data[6] == '.';
}

static void header_stamp(struct header *header, struct slice text, uint32_t *used)
{
	uint32_t len = stamp_length(text);
	struct slice rest = skip_blanks(slice_from(text, len));
	struct slice zone = word_of(rest);
	while (zone.len && zone.data[zone.len - 1] == ':')
		zone.len--;
	bool upper = zone.len >= 2 && zone.len <= 5;
	for (uint32_t i = 0; i < zone.len; i++)
		upper &= isupper((unsigned char)zone.data[i]) != 0;
	if (stamp_is_zone(zone) || (header->emblem && upper))
		len = (uint32_t)(zone.data - text.data) + zone.len;
	if (header->before.len == 0)
		header->before = header->after;
	header->after = header->last = (struct slice){0};
	header->closed = false;
	header->n_beyond = 0;
	header->stamp = slice_first(text, len);
	*used = len;
}

static void header_word(struct header *header, struct slice text, uint32_t *used)
{
	struct slice word = word_of(text);
	*used = word.len;
	struct slice rest = skip_blanks(slice_from(text, word.len));
	bool colon_follows = rest.len && rest.data[0] == ':';
	header->n_beyond += header->closed && word.data[0] != ':';
	header->closed |= is_program_tag(word);
	while (word.len && word.data[word.len - 1] == ':')
		word.len--;
	if (word.len == 0 || is_no_host(word))
		return;
	if (header->after.len == 0)
		header->after = word;
	if (colon_follows)
		header->last = word;
}

// <PRI>, the colon of EMBLEM, a byte order mark, a quote that an export left.
static struct slice header_begin(struct slice line, struct header *header)
{
	*header = (struct header){0};
	line = skip_blanks(line);
	if (line.len && line.data[0] == '"')
		line = skip_blanks(slice_from(line, 1));
	uint32_t pri = pri_length(line);
	line = skip_blanks(slice_from(line, pri));
	if (slice_starts(line, BYTE_ORDER_MARK))
		line = slice_from(line, 3);
	while (line.len && line.data[0] == ':') {
		header->emblem = true;
		line = slice_from(line, 1);
	}
	return skip_blanks(line);
}

// One time or word further; text must not be empty.
static struct slice header_step(struct slice text, struct header *header)
{
	uint32_t used = 0;
	if (text.data[0] == '[') {
		// Structured data of RFC 5424 may hold blanks.
		const char *end = memchr(text.data, ']', text.len);
		used = end ? (uint32_t)(end - text.data) + 1 : text.len;
	} else if (stamp_length(text)) {
		header_stamp(header, text, &used);
	} else {
		header_word(header, text, &used);
	}
	return skip_blanks(slice_from(text, used));
}

// All that stands before a tag; false: it is more than a header.
static bool header_walk(struct slice before, struct header *header)
{
	struct slice rest = header_begin(before, header);
	for (unsigned i = 0; i < HEADER_WORDS_MAX && rest.len && !is_text_reached(header); i++)
		rest = header_step(rest, header);
	return rest.len == 0 && !is_text_reached(header);
}

// As offsets in the text before the tag.
static struct header_parts parts_of(struct slice before, const struct message *message)
{
	struct header_parts parts = {0};
	if (message->stamp.len) {
		parts.stamp_at = (uint8_t)(message->stamp.data - before.data);
		parts.stamp_len = (uint8_t)message->stamp.len;
	}
	if (message->origin.len) {
		parts.origin_at = (uint8_t)(message->origin.data - before.data);
		parts.origin_len = (uint8_t)message->origin.len;
	}
	return parts;
}

static void header_end(const struct header *header, struct message *out)
{
	out->stamp = header->stamp;
	out->origin = header->last.len	  ? header->last
		      : header->after.len ? header->after
					  : header->before;
}

// ---- ASA and FTD ----

struct tag {
	uint32_t at, end; // from '%' to behind the id and its colon
	uint32_t id;
	uint8_t severity;
	struct slice code;
};

#define USUAL_TAG_LEN 15 // "%ASA-6-302013: "

// The tag as nearly all lines have it; false: tag_parse() has to say.
static bool usual_tag_parse(struct slice line, uint32_t at, struct tag *out)
{
	const char *tag = line.data + at;
	if (at + USUAL_TAG_LEN >= line.len || memcmp(tag, "%ASA-", 5) != 0 || !is_digit(tag[5]) ||
		tag[6] != '-' || tag[13] != ':' || tag[14] != ' ' || is_blank(tag[15]))
		return false;
	bool digits = true;
	out->id = 0;
	for (uint32_t i = 7; i < 13; i++) {
		digits &= is_digit(tag[i]);
		out->id = out->id * 10 + (uint32_t)(tag[i] - '0');
	}
	out->severity = (uint8_t)(tag[5] - '0');
	out->code = (struct slice){tag + 7, 6};
	out->at = at;
	out->end = at + USUAL_TAG_LEN;
	return digits;
}

// %ASA-[class-]level-id[:], at the `%`.
static bool tag_parse(struct slice line, uint32_t at, struct tag *out)
{
	struct slice text = slice_from(line, at + 1);
	if (!slice_starts(text, "ASA") && !slice_starts(text, "FTD"))
		return false;
	uint32_t i = 3;
	i += i < text.len && text.data[i] == '-';
	if (i < text.len && islower((unsigned char)text.data[i])) {
		while (i < text.len &&
			(islower((unsigned char)text.data[i]) || text.data[i] == '_'))
			i++;
		if (i >= text.len || text.data[i++] != '-')
			return false;
	}
	if (i + 8 > text.len || !isdigit((unsigned char)text.data[i]) || text.data[i + 1] != '-')
		return false;
	out->severity = (uint8_t)(text.data[i] - '0');
	out->code = slice_first(slice_from(text, i + 2), 6);
	out->id = 0;
	for (uint32_t k = 0; k < 6; k++) {
		if (!isdigit((unsigned char)out->code.data[k]))
			return false;
		out->id = out->id * 10 + (uint32_t)(out->code.data[k] - '0');
	}
	i += 8;
	if (i < text.len && isdigit((unsigned char)text.data[i]))
		return false;
	struct slice rest = skip_blanks(slice_from(text, i));
	if (rest.len && rest.data[0] == ':')
		rest = skip_blanks(slice_from(rest, 1));
	out->at = at;
	out->end = line.len - rest.len;
	return true;
}

enum family { FAMILY_NONE, FAMILY_OURS, FAMILY_OTHER };

// The first tag of the line. Behind another family's (%PIX-, %SYS-5-) comes text, which may say
// anything.
static enum family tag_find(struct slice line, struct tag *out)
{
	for (uint32_t at = 0; at < line.len; at++) {
		const char *percent = memchr(line.data + at, '%', line.len - at);
		if (percent == NULL)
			return FAMILY_NONE;
		at = (uint32_t)(percent - line.data);
		if (usual_tag_parse(line, at, out) || tag_parse(line, at, out))
			return FAMILY_OURS;
		uint32_t i = at + 1;
		while (i < line.len &&
			(isupper((unsigned char)line.data[i]) || line.data[i] == '_'))
			i++;
		if (i > at + 2 && i < line.len && line.data[i] == '-') {
			out->at = at;
			return FAMILY_OTHER;
		}
	}
	return FAMILY_NONE;
}

// rsyslog's folding of duplicates: "message repeated 2 times: [ text]".
static struct slice unfold(struct slice text)
{
	static const char prefix[] = "message repeated ";
	if (text.len == 0 || text.data[0] != prefix[0] || !slice_starts(text, prefix))
		return text;
	uint32_t i = sizeof(prefix) - 1;
	while (i < text.len && isdigit((unsigned char)text.data[i]))
		i++;
	struct slice rest = slice_from(text, i);
	if (!slice_starts(rest, " times: ["))
		return text;
	rest = skip_blanks(slice_from(rest, 9));
	if (rest.len && rest.data[rest.len - 1] == ']')
		rest.len--;
	return rest;
}

static bool cut_end(struct slice *text, const char *end)
{
	uint32_t len = (uint32_t)strlen(end);
	if (text->len < len || memcmp(text->data + text->len - len, end, len) != 0)
		return false;
	text->len -= len;
	return true;
}

// "... (Message repeated 2 times)"
static bool cut_repeated(struct slice *text)
{
	struct slice rest = *text;
	if (!cut_end(&rest, " times)"))
		return false;
	while (rest.len && isdigit((unsigned char)rest.data[rest.len - 1]))
		rest.len--;
	if (!cut_end(&rest, "(Message repeated ") && !cut_end(&rest, "(message repeated "))
		return false;
	*text = rest;
	return true;
}

// The half of a pair of quotes whose other half stood before the header.
static bool cut_quote(struct slice *text)
{
	unsigned n = 0;
	if (text->data[text->len - 1] != '"')
		return false;
	for (uint32_t i = 0; i < text->len; i++)
		n += text->data[i] == '"';
	return n % 2 == 1 && cut_end(text, "\"");
}

// What relays and exports leave behind a text, a piece of it.
static bool cut_tail(struct slice *text)
{
	switch (text->data[text->len - 1]) {
	case ' ':
	case '\t':
		text->len--;
		return true;
	case '2':
		return cut_end(text, "#012");
	case '5':
		return cut_end(text, "#015");
	case 'M':
		return cut_end(text, "^M");
	case ')':
		return cut_repeated(text);
	case '"':
		return cut_quote(text);
	default:
		return false;
	}
}

static struct slice trim_tail(struct slice text)
{
	while (text.len && cut_tail(&text))
		;
	return text;
}

static void set_parts(struct slice before, const struct header_parts *parts, struct message *out)
{
	out->stamp = (struct slice){before.data + parts->stamp_at, parts->stamp_len};
	out->origin = (struct slice){before.data + parts->origin_at, parts->origin_len};
}

static bool parse_header(struct shape_table *shapes, struct slice before, struct message *out)
{
	struct header header;
	struct header_parts parts;
	if (shapes && shape_find(shapes, before, &parts)) {
		set_parts(before, &parts, out);
		return true;
	}
	if (!header_walk(before, &header))
		return false;
	header_end(&header, out);
	if (shapes && before.len <= SHAPE_BYTES_MAX) {
		parts = parts_of(before, out);
		shape_keep(shapes, before, &parts);
	}
	return true;
}

static bool parse_asa(
	struct shape_table *shapes, struct slice line, const struct tag *tag, struct message *out)
{
	if (!parse_header(shapes, slice_first(line, tag->at), out))
		return false;
	out->source = MESSAGE_ASA;
	out->asa_id = tag->id;
	out->severity = tag->severity;
	out->code = tag->code;
	out->text = trim_tail(unfold(slice_from(line, tag->end)));
	return true;
}

void message_parse_tagged(struct slice line, uint32_t tag_at, uint32_t asa_id,
	const struct header_parts *parts, struct message *out)
{
	while (line.len &&
		(is_blank(line.data[line.len - 1]) || ends_line(line.data[line.len - 1])))
		line.len--;
	const char *code = line.data + tag_at + 7;
	struct slice text = skip_blanks(slice_from(line, tag_at + MESSAGE_TAG_BYTES));
	*out = (struct message){.source = MESSAGE_ASA,
		.severity = (uint8_t)(line.data[tag_at + 5] - '0'),
		.asa_id = asa_id,
		.code = {code, 6},
		.text = trim_tail(unfold(text))};
	set_parts(line, parts, out);
}

// ---- phones ----

static bool is_phone_severity(struct slice text)
{
	static const char words[] = "NOT ERR WRN INF DEB ";
	for (unsigned i = 0; i < sizeof(words) - 1; i += 4) {
		if (text.len > 4 && memcmp(text.data, words + i, 4) == 0)
			return true;
	}
	return false;
}

// "902: NOT 10:19:27.155936 VPNC: ..." or "4943 NOT Mar 09 18:32:40.678040 (346:1887) JAVA-...":
// offset of the task, or 0.
static uint32_t record_task(struct slice text, struct slice *clock)
{
	uint32_t i = 0;
	while (i < text.len && i < 10 && isdigit((unsigned char)text.data[i]))
		i++;
	if (i == 0)
		return 0;
	i += i < text.len && text.data[i] == ':';
	struct slice rest = skip_blanks(slice_from(text, i));
	if (!is_phone_severity(rest))
		return 0;
	rest = skip_blanks(slice_from(rest, 4));
	uint32_t len = stamp_clock_length(rest);
	*clock = slice_first(rest, len);
	rest = skip_blanks(slice_from(rest, len));
	if (rest.len && rest.data[0] == '(') {
		const char *end = memchr(rest.data, ')', rest.len);
		if (end)
			rest = skip_blanks(slice_from(rest, (uint32_t)(end - rest.data) + 1));
	}
	return text.len - rest.len;
}

// "VPNC: " and "SECD: " stand without any header in the vendor's own examples.
static bool is_bare_task(struct slice text)
{
	return slice_starts(text, "VPNC: ") || slice_starts(text, "SECD: ");
}

// Lines of a phone's status page.
static bool is_status(struct slice text)
{
	struct device unused;
	return slice_starts(text, "Trust List Update") || slice_starts(text, "TFTP Timeout") ||
	       slice_starts(text, "TFTP Error") ||
	       (slice_starts(text, "SEP") && text.len > 19 &&
		       device_find(slice_first(text, 16), &unused) &&
		       slice_starts(slice_from(text, 15), ".cnf"));
}

// The task before the first colon or hyphen.
static struct slice task_of(struct slice text)
{
	uint32_t n = 0;
	while (n < text.len && n < 24 &&
		(isalnum((unsigned char)text.data[n]) || text.data[n] == '_'))
		n++;
	bool task = n > 0 && n < text.len && (text.data[n] == ':' || text.data[n] == '-');
	return slice_first(text, task ? n : 0);
}

// A host that is called as a phone is; what else names one only speaks of it.
static bool is_phone_host(const struct header *header, struct slice word)
{
	struct device unused;
	return header->after.len == 0 && !header->closed && slice_starts(word, "SEP") &&
	       device_find(slice_first(word, 16), &unused);
}

// until: where another family's tag stands; what follows it is text of that.
static bool parse_phone(struct slice line, uint32_t until, struct message *out)
{
	struct header header;
	struct device named = {0};
	struct slice rest = header_begin(line, &header), text = {0}, clock = {0};
	bool found = false, host = false;
	for (unsigned i = 0; i < HEADER_WORDS_MAX && rest.len && !found; i++) {
		uint32_t task = record_task(rest, &clock);
		uint32_t time = task ? 0 : stamp_clock_length(rest);
		struct slice after = skip_blanks(slice_from(rest, time));
		// Without a syslog header it may be the rest of a wrapped record, another one
		// behind it.
		bool text_reached =
			is_text_reached(&header) && (header.stamp.len || line.data[0] == '<');
		if (line.len - rest.len >= until || text_reached)
			break;
		if (task || is_bare_task(rest) || is_status(rest)) {
			text = slice_from(rest, task);
			found = true;
		} else if (time && (is_status(after) || is_bare_task(after))) {
			clock = slice_first(rest, time);
			text = after;
			found = true;
		} else {
			struct slice word = word_of(rest);
			bool is_host = is_phone_host(&header, word);
			rest = header_step(rest, &header);
			if (device_is_none(&named) && word.len <= 64)
				device_find(word, &named);
			if (is_host && until == line.len) {
				host = true;
				text = rest; // whatever a host of that name says is a phone's
			}
		}
	}
	if (!found && !host)
		return false;
	header_end(&header, out);
	out->source = MESSAGE_PHONE;
	out->text = text;
	out->clock = clock;
	out->code = task_of(text);
	if (out->code.len == 0)
		out->code = slice_of("status");
	out->device = named;
	if (device_is_none(&named))
		device_find(text, &out->device);
	return true;
}

void message_parse(struct shape_table *shapes, struct slice line, struct message *out)
{
	struct tag tag;
	*out = (struct message){.source = MESSAGE_OTHER};
	enum family family = tag_find(line, &tag);
	if (family == FAMILY_OURS && parse_asa(shapes, line, &tag, out))
		return;
	if (parse_phone(line, family == FAMILY_OTHER ? tag.at : line.len, out))
		return;
	struct header header;
	struct slice rest = header_begin(line, &header);
	for (unsigned i = 0; i < 3 && rest.len; i++)
		rest = header_step(rest, &header);
	out->stamp = header.stamp;
	out->origin = header.after;
	out->text = rest;
}
