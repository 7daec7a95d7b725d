// SPDX-License-Identifier: BSD-3-Clause
#include "render_story.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "glyph.h"
#include "text.h"

#define INDENT 2
#define EVIDENCE_COLUMN 30 // of its words

const char *diagnosis_subject(const json_t *d)
{
	static const char *const keys[] = {"device", "user", "client_ip", "gateway"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *text = json_string_of(d, keys[i]);
		if (text)
			return text;
	}
	return "unknown";
}

enum style confidence_style(const json_t *d)
{
	const char *state = json_string_of(d, "state"),
		   *confidence = json_string_of(d, "confidence");
	if (state && strcmp(state, "open") != 0)
		return strcmp(state, "recovered") == 0 ? STYLE_GREEN : STYLE_DIM;
	if (confidence && strcmp(confidence, "confirmed") == 0)
		return STYLE_RED;
	return confidence && strcmp(confidence, "probable") == 0 ? STYLE_YELLOW : STYLE_PLAIN;
}

static void heading(const struct canvas *c, const char *text)
{
	fprintf(c->out, "%*s", INDENT, "");
	canvas_text(c, STYLE_BOLD, text);
	fputc('\n', c->out);
}

bool diagnosis_is_open(const json_t *d)
{
	const char *state = json_string_of(d, "state");
	return state == NULL || strcmp(state, "open") == 0;
}

// "Certificate hash mismatch (cert-hash-mismatch)"
static void render_name(const struct canvas *c, const json_t *d)
{
	const char *title = json_string_of(d, "title"), *id = json_string_of(d, "diagnosis");
	char text[512];
	snprintf(text, sizeof(text), "%s (%s)", title ? title : "its rule is no longer in the pack",
		id ? id : "");
	canvas_style(c, STYLE_BOLD);
	canvas_wrap(c, text, 0, c->columns, 0);
	canvas_style(c, STYLE_PLAIN);
}

static unsigned verdict_columns(const json_t *d)
{
	return text_columns(json_string_of(d, "state")) + 2 +
	       text_columns(json_string_of(d, "confidence"));
}

// " to 10:20:27", the date too where it is another.
static void write_until(
	const struct canvas *c, FILE *out, const char *word, const char *from, const json_t *time)
{
	char until[CANVAS_TIME_MAX];
	size_t date = strcspn(from, " ");
	canvas_date(c, time, until);
	if (until[0] == '\0')
		return;
	bool same_day = strncmp(from, until, date + 1) == 0;
	fprintf(out, "%s %s", word, same_day ? until + date + 1 : until);
}

void render_verdict(const struct canvas *c, const json_t *d)
{
	char from[CANVAS_TIME_MAX], to[CANVAS_TIME_MAX], text[256] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");
	uint64_t count = json_number_of(d, "count");
	if (out == NULL)
		return;
	canvas_date(c, json_object_get(d, "first_seen"), from);
	if (count > 1)
		fprintf(out, ", %llu times", (unsigned long long)count);
	fprintf(out, ", %s", from);
	if (strcmp(from, canvas_date(c, json_object_get(d, "last_seen"), to)) != 0)
		write_until(c, out, " to", from, json_object_get(d, "last_seen"));
	write_until(c, out, ", recovered", from, json_object_get(d, "recovered_at"));
	if (json_is_true(json_object_get(d, "ambiguous")))
		fputs("; some of it could be another client's", out);
	fclose(out);
	render_name(c, d);
	fprintf(c->out, "%*s", INDENT, "");
	canvas_text(c, confidence_style(d), json_string_of(d, "state"));
	fputs(", ", c->out);
	canvas_text(c, confidence_style(d), json_string_of(d, "confidence"));
	canvas_wrap(c, text, INDENT, c->columns - INDENT - verdict_columns(d), 0);
}

// A detail: a text, a number, or a list of them.
static void render_value(const struct canvas *c, const json_t *value, unsigned indent)
{
	char joined[1024] = "";
	size_t len = 0, i;
	json_t *item;
	if (json_is_integer(value)) {
		fprintf(c->out, "%" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
		return;
	}
	json_array_foreach((json_t *)value, i, item)
	{
		const char *text = json_string_value(item);
		if (text && len < sizeof(joined) - 1)
			len += (size_t)snprintf(
				joined + len, sizeof(joined) - len, "%s%s", i ? ", " : "", text);
	}
	const char *text = json_is_array(value) ? joined : json_string_value(value);
	canvas_wrap(c, text ? text : "", indent, c->columns - indent, 0);
}

static void render_details(const struct canvas *c, const json_t *details)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)details, name, value)
	{
		const char *text = json_string_value(value);
		unsigned columns = text_columns(name);
		if (strcmp(name, "cause") == 0 && text && strcmp(text, "unknown") == 0)
			continue;
		unsigned indent = INDENT + (columns < 14 ? 16 : columns + 2);
		fprintf(c->out, "%*s", INDENT, "");
		canvas_text(c, STYLE_DIM, name);
		fprintf(c->out, "%*s", (int)(indent - INDENT - columns), "");
		render_value(c, value, indent);
	}
}

const char *line_words(const json_t *line)
{
	const char *text = json_string_of(line, "text"), *code = json_string_of(line, "code");
	size_t len = code ? strlen(code) : 0;
	if (text == NULL)
		return "";
	// A phone's line begins with its task, which is the code as well.
	if (len == 0 || strncmp(text, code, len) != 0 || strchr(":- ", text[len]) == NULL)
		return text;
	return text + len + strspn(text + len, ":- ");
}

// Numbers that stand alone do not count; those of a word do, as in AES128-SHA.
static bool is_alike(const char *a, const char *b)
{
	static const char *const digits = "0123456789";
	for (char before = ' ';; before = *a++, b++) {
		if (!isalpha((unsigned char)before)) {
			a += strspn(a, digits);
			b += strspn(b, digits);
		}
		if (*a != *b || *a == '\0')
			return *a == *b;
	}
}

bool lines_are_alike(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "source"), json_object_get(b, "source")) &&
	       json_equal(json_object_get(a, "code"), json_object_get(b, "code")) &&
	       is_alike(line_words(a), line_words(b));
}

static bool is_repetition(const json_t *evidence, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (lines_are_alike(json_array_get(evidence, i), json_array_get(evidence, at)))
			return true;
	}
	return false;
}

static void render_evidence(const struct canvas *c, const json_t *evidence)
{
	char time[CANVAS_TIME_MAX];
	size_t i, n_alike = 0;
	json_t *line;
	json_array_foreach((json_t *)evidence, i, line)
	{
		const char *source = json_string_of(line, "source");
		if (is_repetition(evidence, i)) {
			n_alike++;
			continue;
		}
		fprintf(c->out, "%*s", 2 * INDENT, "");
		canvas_text(c, STYLE_DIM, canvas_clock(c, json_object_get(line, "time"), time));
		fputc(' ', c->out);
		canvas_cell(
			c, STYLE_PLAIN, source && strcmp(source, "asa") == 0 ? "ASA" : source, 5);
		fputc(' ', c->out);
		canvas_cell(c, STYLE_PLAIN, json_string_of(line, "code"), 6);
		fputc(' ', c->out);
		canvas_wrap(c, line_words(line), EVIDENCE_COLUMN, c->columns - EVIDENCE_COLUMN, 0);
	}
	if (n_alike)
		fprintf(c->out, "%*s%zu more like these are in --json\n", 2 * INDENT, "", n_alike);
}

// Columns of "1. " or "- ", under which the words of its line stay together.
static unsigned item_columns(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	if (digits && strncmp(text + digits, ". ", 2) == 0)
		return (unsigned)digits + 2;
	return strncmp(text, "- ", 2) == 0 ? 2 : 0;
}

// One line of a remedy. What is indented is to be typed, or copied, and never broken; but what
// stands right below the words of its item goes on with them.
//
// item  columns of the last item's number
static void render_remedy_line(const struct canvas *c, const char *line, unsigned *item)
{
	unsigned blanks = (unsigned)strspn(line, " "), columns = item_columns(line);
	fprintf(c->out, "%*s", 2 * INDENT, "");
	if (blanks >= 2 && blanks != *item) {
		canvas_text(c, STYLE_BOLD, line);
		fputc('\n', c->out);
		return;
	}
	if (blanks == 0)
		*item = columns;
	unsigned skip = blanks ? blanks : columns;
	glyph_write(c->out, slice_first(slice_of(line), skip));
	canvas_wrap(c, line + skip, 2 * INDENT + skip, c->columns - 2 * INDENT - skip, 0);
}

static void render_remedy(const struct canvas *c, const char *remedy)
{
	unsigned item = 0;
	while (*remedy) {
		size_t len = strcspn(remedy, "\n");
		char *line = strndup(remedy, len);
		if (line && len)
			render_remedy_line(c, line, &item);
		else
			fputc('\n', c->out);
		free(line);
		remedy += len + (remedy[len] == '\n');
	}
}

static void render_reference(const struct canvas *c, const char *reference)
{
	fprintf(c->out, "%*s", 2 * INDENT, "");
	canvas_style(c, STYLE_DIM);
	canvas_wrap(c, reference, 2 * INDENT, c->columns - 2 * INDENT, 0);
	canvas_style(c, STYLE_PLAIN);
}

void render_story(const struct canvas *c, const json_t *d, bool evidence)
{
	const char *remedy = json_string_of(d, "remedy"),
		   *reference = json_string_of(d, "reference");
	const json_t *lines = json_object_get(d, "evidence");
	render_verdict(c, d);
	render_details(c, json_object_get(d, "details"));
	if (remedy && remedy[0]) {
		heading(c, diagnosis_is_open(d) ? "What to do" : "What to do if it comes back");
		render_remedy(c, remedy);
	}
	if (reference)
		render_reference(c, reference);
	if (evidence && json_array_size(lines)) {
		heading(c, "Evidence");
		render_evidence(c, lines);
	}
}
