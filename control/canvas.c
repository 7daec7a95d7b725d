// SPDX-License-Identifier: BSD-3-Clause
#include "canvas.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "glyph.h"
#include "text.h"

#define ELLIPSIS "\xe2\x80\xa6"
#define NAME_COLUMNS_MIN 5 // below, there is no middle

// ---- the canvas ----

static unsigned width_of(FILE *out)
{
	struct winsize size;
	int fd = fileno(out);
	const char *columns = getenv("COLUMNS");
	unsigned width = 0;
	if (fd >= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (width == 0 && columns)
		width = (unsigned)strtoul(columns, NULL, 10);
	return width ? width : COLUMNS_DEFAULT;
}

static bool is_terminal(FILE *out)
{
	int fd = fileno(out);
	return fd >= 0 && isatty(fd);
}

static bool may_colour(void)
{
	const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");
	return (none == NULL || none[0] == '\0') && !(terminal && strcmp(terminal, "dumb") == 0);
}

static void format_time(const struct canvas *canvas, time_t time, const char *format, char *text)
{
	struct tm tm;
	text[0] = '\0';
	if (canvas->utc ? gmtime_r(&time, &tm) != NULL : localtime_r(&time, &tm) != NULL)
		strftime(text, CANVAS_TIME_MAX, format, &tm);
}

struct canvas canvas_of(FILE *out, unsigned columns)
{
	struct canvas canvas = {.out = out, .columns = columns ? columns : width_of(out)};
	char today[CANVAS_TIME_MAX];
	if (canvas.columns < COLUMNS_MIN)
		canvas.columns = COLUMNS_MIN;
	canvas.terminal = is_terminal(out);
	canvas.colour = canvas.terminal && may_colour();
	format_time(&canvas, time(NULL), "%Y-%m-%d", today);
	snprintf(canvas.today, sizeof(canvas.today), "%.15s", today);
	return canvas;
}

// ---- text ----

void canvas_style(const struct canvas *canvas, enum style style)
{
	static const char *const codes[STYLE_MAX] = {[STYLE_PLAIN] = "0",
		[STYLE_BOLD] = "1",
		[STYLE_DIM] = "2",
		[STYLE_RED] = "31",
		[STYLE_YELLOW] = "33",
		[STYLE_GREEN] = "32"};
	if (canvas->colour)
		fprintf(canvas->out, "\033[%sm", codes[style]);
}

static struct slice slice_of_text(const char *text)
{
	return slice_of(text ? text : "");
}

void canvas_text(const struct canvas *canvas, enum style style, const char *text)
{
	if (style != STYLE_PLAIN)
		canvas_style(canvas, style);
	glyph_write(canvas->out, slice_of_text(text));
	if (style != STYLE_PLAIN)
		canvas_style(canvas, STYLE_PLAIN);
}

unsigned text_columns(const char *text)
{
	return glyph_columns(slice_of_text(text));
}

static void blanks(const struct canvas *canvas, unsigned n)
{
	fprintf(canvas->out, "%*s", (int)n, "");
}

void canvas_cell(const struct canvas *canvas, enum style style, const char *text, unsigned width)
{
	struct slice rest = slice_of_text(text);
	unsigned all = glyph_columns(rest), used = 0;
	unsigned room = all <= width ? width : width - 1; // the ellipsis takes one
	struct glyph glyph;
	if (width == 0)
		return;
	if (style != STYLE_PLAIN)
		canvas_style(canvas, style);
	while (glyph_next(&rest, &glyph) && used + glyph.columns <= room) {
		fwrite(glyph.text, 1, glyph.len, canvas->out);
		used += glyph.columns;
	}
	if (all > width) {
		fputs(ELLIPSIS, canvas->out);
		used++;
	}
	if (style != STYLE_PLAIN)
		canvas_style(canvas, STYLE_PLAIN);
	blanks(canvas, width - used);
}

void canvas_name(const struct canvas *canvas, enum style style, const char *text, unsigned width)
{
	struct slice all = slice_of_text(text), rest = all;
	unsigned columns = glyph_columns(all), used = 0;
	unsigned tail = (width - 1) / 2, head = width - 1 - tail;
	struct glyph glyph;
	if (columns <= width || width < NAME_COLUMNS_MIN) {
		canvas_cell(canvas, style, text, width);
		return;
	}
	if (style != STYLE_PLAIN)
		canvas_style(canvas, style);
	for (struct slice next = rest; glyph_next(&next, &glyph); rest = next) {
		if (used + glyph.columns > head)
			break;
		fwrite(glyph.text, 1, glyph.len, canvas->out);
		used += glyph.columns;
	}
	fputs(ELLIPSIS, canvas->out);
	used++;
	// A mark goes with the character that it stands on.
	for (struct slice next = rest; glyph_next(&next, &glyph); rest = next) {
		if (glyph.columns && glyph_columns(rest) <= tail)
			break;
	}
	glyph_write(canvas->out, rest);
	used += glyph_columns(rest);
	if (style != STYLE_PLAIN)
		canvas_style(canvas, STYLE_PLAIN);
	blanks(canvas, width - used);
}

// Characters that no line may begin with, and none may end with, in Chinese.
// Source: W3C, "Requirements for Chinese Text Layout", section 3.1.1, what software needs of it.
static const char *const closing[] = {"、", "，", "。", "：", "；", "！", "？", "）", "」", "』",
	"】", "》", "〉", "”", ")", ",", ".", ":", ";"};
static const char *const opening[] = {"（", "「", "『", "【", "《", "〈", "“", "("};

static bool is_one_of(const struct glyph *glyph, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(glyph->text, list[i]) == 0)
			return true;
	}
	return false;
}
#define IS_ONE_OF(glyph, list) is_one_of(glyph, list, sizeof(list) / sizeof((list)[0]))

// Chinese is broken between any two characters, Korean at its blanks as English is.
static bool is_ideographic(const struct glyph *glyph)
{
	if (glyph->columns != 2)
		return false;
	uint32_t code_point = glyph_code_point(glyph->text, glyph->len);
	return !(code_point >= 0xac00 && code_point <= 0xd7a3) && code_point >= 0x2e80;
}

static bool may_break(const struct glyph *before, const struct glyph *after)
{
	if (after->is_blank)
		return true;
	if (before->len == 0 || !(is_ideographic(before) || is_ideographic(after)))
		return false;
	return !IS_ONE_OF(after, closing) && !IS_ONE_OF(before, opening);
}

size_t canvas_line(const char *text, unsigned width, size_t *taken)
{
	struct slice rest = {text, (uint32_t)strcspn(text, "\n")};
	uint32_t len = rest.len, fits = 0, blank = 0;
	unsigned used = 0;
	struct glyph glyph = {0}, before;
	while (rest.len) {
		uint32_t at = len - rest.len;
		before = glyph;
		glyph_next(&rest, &glyph);
		if (may_break(&before, &glyph))
			blank = at;
		if (used + glyph.columns > width && !glyph.is_blank)
			break;
		used += glyph.columns;
		fits = len - rest.len;
	}
	// One character at least, or there would be no end.
	if (fits == 0)
		fits = len - rest.len;
	if (fits < len && blank)
		fits = blank;
	*taken = fits;
	while (text[*taken] == ' ' && fits < len)
		++*taken;
	*taken += *taken == len && text[len] == '\n';
	while (fits < len && fits && text[fits - 1] == ' ')
		fits--;
	return fits;
}

void canvas_wrap(const struct canvas *canvas, const char *text, unsigned indent, unsigned width,
	unsigned max_lines)
{
	for (unsigned n = 1; *text; n++) {
		size_t taken;
		bool last = n == max_lines;
		size_t len = canvas_line(text, width, &taken);
		if (last && text[taken])
			len = canvas_line(text, width - 1, &taken);
		glyph_write(canvas->out, (struct slice){text, (uint32_t)len});
		text += taken;
		if (last && *text)
			fputs(ELLIPSIS, canvas->out);
		if (last || *text == '\0')
			break;
		fputc('\n', canvas->out);
		blanks(canvas, *text == '\n' ? 0 : indent);
	}
	fputc('\n', canvas->out);
}

// ---- times ----

static bool parse_time(const json_t *time, time_t *seconds, unsigned *ms)
{
	uint64_t read;
	if (!json_time_read(time, &read))
		return false;
	*seconds = (time_t)(read / 1000);
	*ms = (unsigned)(read % 1000);
	return true;
}

const char *canvas_time(const struct canvas *canvas, const json_t *time, char *text)
{
	char day[CANVAS_TIME_MAX];
	time_t seconds;
	unsigned ms;
	text[0] = '\0';
	if (!parse_time(time, &seconds, &ms))
		return text;
	format_time(canvas, seconds, "%Y-%m-%d", day);
	format_time(canvas, seconds, strcmp(day, canvas->today) == 0 ? "%H:%M:%S" : "%m-%d %H:%M",
		text);
	return text;
}

const char *canvas_clock(const struct canvas *canvas, const json_t *time, char *text)
{
	time_t seconds;
	unsigned ms;
	text[0] = '\0';
	if (!parse_time(time, &seconds, &ms))
		return text;
	format_time(canvas, seconds, "%H:%M:%S", text);
	size_t len = strlen(text);
	snprintf(text + len, CANVAS_TIME_MAX - len, ".%03u", ms);
	return text;
}

const char *canvas_date(const struct canvas *canvas, const json_t *time, char *text)
{
	time_t seconds;
	unsigned ms;
	text[0] = '\0';
	if (parse_time(time, &seconds, &ms))
		format_time(canvas, seconds, "%Y-%m-%d %H:%M:%S", text);
	return text;
}

const char *canvas_zone(const struct canvas *canvas, char *text)
{
	char offset[CANVAS_TIME_MAX];
	snprintf(text, CANVAS_TIME_MAX, "UTC");
	if (canvas->utc)
		return text;
	// "CST" alone is said in Taipei, in Chicago and in Havana.
	format_time(canvas, time(NULL), "%Z", text);
	format_time(canvas, time(NULL), "%z", offset);
	if (strlen(offset) == 5 && strcmp(offset, "+0000") != 0)
		snprintf(text + strlen(text), CANVAS_TIME_MAX - strlen(text), " (UTC%.3s:%.2s)",
			offset, offset + 3);
	return text;
}
