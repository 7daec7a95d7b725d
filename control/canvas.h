// SPDX-License-Identifier: BSD-3-Clause
// canvas: what the human output is drawn with: columns, colours, cells, wrapped text, times. All
// text is made printable on its way (glyph.h), and wide characters count as two.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define COLUMNS_DEFAULT 80
#define COLUMNS_MIN 40

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_YELLOW, STYLE_GREEN, STYLE_MAX };

struct canvas {
	FILE *out;
	unsigned columns;
	bool terminal, colour;
	bool utc; // times as they are told; else in the zone of whoever looks
	char today[16];
};

// columns  0: as wide as the terminal, COLUMNS_DEFAULT where there is none
// Colour where `out` is a terminal and $NO_COLOR is not set (no-color.org).
struct canvas canvas_of(FILE *out, unsigned columns);

void canvas_style(const struct canvas *canvas, enum style style);

// Text in a style, as wide as it is. NULL: nothing.
void canvas_text(const struct canvas *canvas, enum style style, const char *text);

// Text in exactly `width` columns: cut with an ellipsis, or filled up with blanks.
void canvas_cell(const struct canvas *canvas, enum style style, const char *text, unsigned width);

// The same, but cut in the middle: names and addresses differ at their ends, lines of a log have
// there what went wrong.
void canvas_name(const struct canvas *canvas, enum style style, const char *text, unsigned width);

// Text in lines of at most `width` columns, broken at blanks where there are any, and between
// Chinese characters; its own line feeds break too. It begins where the caller stands, which is
// column `indent`, and each further line there too. At most max_lines (0: any number), the last
// then ends with an ellipsis. Ends with a line feed.
void canvas_wrap(const struct canvas *canvas, const char *text, unsigned indent, unsigned width,
	unsigned max_lines);

// The next line of a wrapped text: how many bytes of `text` stand on it, and how many to go on by.
size_t canvas_line(const char *text, unsigned width, size_t *taken);

// "10:19:27" of today, "11-21 10:19" of another day, "" for null. Returns `text`.
#define CANVAS_TIME_MAX 32
const char *canvas_time(const struct canvas *canvas, const json_t *time, char *text);
// "10:19:27.155"
const char *canvas_clock(const struct canvas *canvas, const json_t *time, char *text);
// "2026-11-21 10:19:27"
const char *canvas_date(const struct canvas *canvas, const json_t *time, char *text);
// "CET (UTC+01:00)", "UTC"
const char *canvas_zone(const struct canvas *canvas, char *text);

unsigned text_columns(const char *text);
