// SPDX-License-Identifier: BSD-3-Clause
#include "json_line.h"

#include <stdio.h>
#include <string.h>
#ifdef __SSE2__
#	include <emmintrin.h>
#endif

#include "../rules/utf8.h"
#include "buffer.h"
#include "glyph.h"

// jansson's own dump looks at each character by several calls: it took as long as all the rest of
// telling a diagnosis. Here what stands for itself is copied sixteen bytes at a time.

// "\u202E", or two of them where UTF-16 takes two.
static void add_code_point(struct buffer *b, uint32_t code_point)
{
	char text[16];
	if (code_point < 0x10000) {
		snprintf(text, sizeof(text), "\\u%04X", (unsigned)code_point);
	} else {
		code_point -= 0x10000;
		snprintf(text, sizeof(text), "\\u%04X\\u%04X",
			0xd800 + (unsigned)(code_point >> 10),
			0xdc00 + (unsigned)(code_point & 0x3ff));
	}
	buffer_add_text(b, text);
}

static bool is_plain(char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

// How many characters at the start stand for themselves: printable ASCII that JSON does not escape.
static size_t plain_length(const char *text, size_t len)
{
	size_t at = 0;
#ifdef __SSE2__
	for (; at + 16 <= len; at += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(text + at));
		// As signed numbers those of more than seven bits are below the blank too.
		__m128i others = _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(' ')),
			_mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
		__m128i marks = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
			_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
		unsigned found = (unsigned)_mm_movemask_epi8(_mm_or_si128(others, marks));
		if (found)
			return at + (size_t)__builtin_ctz(found);
	}
#endif
	while (at < len && is_plain(text[at]))
		at++;
	return at;
}

// One character that does not, or may not, stand for itself; returns its length.
static unsigned add_special(struct buffer *b, const char *text, size_t len)
{
	static const char short_of[][3] = {['"'] = "\\\"",
		['\\'] = "\\\\",
		['\b'] = "\\b",
		['\f'] = "\\f",
		['\n'] = "\\n",
		['\r'] = "\\r",
		['\t'] = "\\t"};
	unsigned char first = (unsigned char)text[0];
	unsigned size = utf8_length(text, len);
	if (size == 0) {
		b->failed = true; // jansson holds none such, unless it is told not to look
		return 1;
	}
	uint32_t code_point = glyph_code_point(text, size);
	if (first < sizeof(short_of) / sizeof(short_of[0]) && short_of[first][0])
		buffer_add(b, short_of[first], 2);
	else if (first < ' ' || glyph_is_hostile(code_point))
		add_code_point(b, code_point);
	else
		buffer_add(b, text, size);
	return size;
}

static void add_string(struct buffer *b, const char *text, size_t len)
{
	buffer_add(b, "\"", 1);
	for (size_t at = 0; at < len;) {
		size_t plain = plain_length(text + at, len - at);
		buffer_add(b, text + at, plain);
		at += plain;
		if (at < len)
			at += add_special(b, text + at, len - at);
	}
	buffer_add(b, "\"", 1);
}

// 15 digits: 0.2 is that, and not 0.20000000000000001.
static void add_number(struct buffer *b, const json_t *value)
{
	char text[64];
	size_t len =
		json_dumpb(value, text, sizeof(text), JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	if (len == 0 || len > sizeof(text))
		b->failed = true;
	else
		buffer_add(b, text, len);
}

static void add_value(struct buffer *b, const json_t *value);

static void add_object(struct buffer *b, const json_t *object)
{
	const char *before = "{";
	void *at = json_object_iter((json_t *)object);
	if (at == NULL)
		buffer_add(b, before, 1);
	for (; at; at = json_object_iter_next((json_t *)object, at), before = ",") {
		buffer_add(b, before, 1);
		add_string(b, json_object_iter_key(at), json_object_iter_key_len(at));
		buffer_add(b, ":", 1);
		add_value(b, json_object_iter_value(at));
	}
	buffer_add(b, "}", 1);
}

static void add_array(struct buffer *b, const json_t *array)
{
	size_t n = json_array_size(array);
	buffer_add(b, "[", 1);
	for (size_t i = 0; i < n; i++) {
		buffer_add(b, ",", i > 0);
		add_value(b, json_array_get(array, i));
	}
	buffer_add(b, "]", 1);
}

static void add_value(struct buffer *b, const json_t *value)
{
	if (value == NULL) {
		b->failed = true;
		return;
	}
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		add_object(b, value);
		break;
	case JSON_ARRAY:
		add_array(b, value);
		break;
	case JSON_STRING:
		add_string(b, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		add_number(b, value);
		break;
	case JSON_TRUE:
		buffer_add(b, "true", 4);
		break;
	case JSON_FALSE:
		buffer_add(b, "false", 5);
		break;
	case JSON_NULL:
		buffer_add(b, "null", 4);
		break;
	}
}

char *json_line(const json_t *value, size_t *len)
{
	struct buffer b = {0};
	add_value(&b, value);
	*len = b.len;
	buffer_add(&b, "", 1);
	if (!b.failed)
		return b.data; // from its start: nothing has been taken
	buffer_fini(&b);
	return NULL;
}

bool json_line_write(FILE *out, const json_t *value)
{
	size_t len = 0;
	char *text = json_line(value, &len);
	bool ok = text && fwrite(text, 1, len, out) == len && putc('\n', out) != EOF;
	free(text);
	return ok;
}
