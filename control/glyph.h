// SPDX-License-Identifier: BSD-3-Clause
// glyph: foreign text on its way to a terminal or a log, one character at a time. Whatever could
// act on the reader's terminal or reorder what he reads (control characters, escape sequences, bidi
// overrides, invisible format characters, bytes that are no UTF-8) is spelled \xNN.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../rules/slice.h"

#define GLYPH_BYTES_MAX 16 // four bytes, each spelled \xNN

struct glyph {
	char text[GLYPH_BYTES_MAX + 1]; // printable, terminated
	uint8_t len, columns;		// columns: 2 of a wide character, 0 of a combining one
	bool is_blank;
};

// Next character of *rest, which moves on; false at its end.
bool glyph_next(struct slice *rest, struct glyph *out);

// Columns that a text takes once it is made printable.
unsigned glyph_columns(struct slice text);

// Write a text, made printable.
void glyph_write(FILE *out, struct slice text);

// The code point of a well-formed sequence of `len` bytes (utf8_length()).
uint32_t glyph_code_point(const char *bytes, unsigned len);

// Code points that are valid UTF-8 and yet never shown as they are.
bool glyph_is_hostile(uint32_t code_point);
