// SPDX-License-Identifier: BSD-3-Clause
#include "json_line.h"

#include <stdlib.h>

#include "../rules/utf8.h"
#include "glyph.h"

// "\u202E", or two of them where UTF-16 takes two.
static size_t escape(uint32_t code_point, char *out)
{
	if (code_point < 0x10000)
		return (size_t)sprintf(out, "\\u%04X", (unsigned)code_point);
	code_point -= 0x10000;
	return (size_t)sprintf(out, "\\u%04X\\u%04X", 0xd800 + (unsigned)(code_point >> 10),
		0xdc00 + (unsigned)(code_point & 0x3ff));
}

// In the text of a JSON value such characters stand in strings only.
static char *defuse(const char *text, size_t len, size_t *out_len)
{
	char *out = malloc(6 * len + 1); // DEL, one byte, becomes six
	size_t n = 0;
	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < len;) {
		unsigned size = utf8_length(text + i, len - i);
		uint32_t code_point = size ? glyph_code_point(text + i, size) : 0;
		if (size && code_point >= 0x7f && glyph_is_hostile(code_point)) {
			n += escape(code_point, out + n);
			i += size;
		} else {
			out[n++] = text[i++];
		}
	}
	out[n] = '\0';
	*out_len = n;
	return out;
}

static bool needs_defusing(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text >= 0x7f)
			return true;
	}
	return false;
}

// 15 digits: 0.2 is that, and not 0.20000000000000001.
char *json_line(const json_t *value, size_t *len)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	if (text == NULL)
		return NULL;
	*len = strlen(text);
	if (!needs_defusing(text))
		return text;
	char *defused = defuse(text, *len, len);
	free(text);
	return defused;
}

bool json_line_write(FILE *out, const json_t *value)
{
	size_t len = 0;
	char *text = json_line(value, &len);
	bool ok = text && fwrite(text, 1, len, out) == len && putc('\n', out) != EOF;
	free(text);
	return ok;
}
