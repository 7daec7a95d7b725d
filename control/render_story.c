// SPDX-License-Identifier: BSD-3-Clause
#include "render_story.h"

#include <stdlib.h>
#include <string.h>

#include "glyph.h"

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

static void render_state(const struct canvas *c, const json_t *d)
{
	char from[CANVAS_TIME_MAX], to[CANVAS_TIME_MAX + 48] = "";
	char recovered[CANVAS_TIME_MAX + 16] = "", time[CANVAS_TIME_MAX], text[256];
	uint64_t count = json_number_of(d, "count");
	canvas_text(c, confidence_style(d), json_string_of(d, "state"));
	fputs(", ", c->out);
	canvas_text(c, confidence_style(d), json_string_of(d, "confidence"));
	fputs(": ", c->out);
	canvas_text(c, STYLE_BOLD, json_string_of(d, "diagnosis"));
	if (count > 1)
		snprintf(to, sizeof(to), " to %s, %llu times",
			canvas_date(c, json_object_get(d, "last_seen"), time),
			(unsigned long long)count);
	if (json_string_of(d, "recovered_at"))
		snprintf(recovered, sizeof(recovered), ", recovered %s",
			canvas_date(c, json_object_get(d, "recovered_at"), time));
	snprintf(text, sizeof(text), "%s%s%s%s",
		canvas_date(c, json_object_get(d, "first_seen"), from), to, recovered,
		json_is_true(json_object_get(d, "ambiguous"))
			? "; could be another phone's at this address"
			: "");
	fprintf(c->out, "\n%*s", INDENT, "");
	canvas_wrap(c, text, INDENT, c->columns - INDENT, 0);
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
		unsigned columns = text_columns(name);
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

// Attempts repeat themselves, but for ports and counters.
static bool is_alike(const char *a, const char *b)
{
	static const char *const digits = "0123456789";
	for (;; a++, b++) {
		a += strspn(a, digits);
		b += strspn(b, digits);
		if (*a != *b || *a == '\0')
			return *a == *b;
	}
}

static bool is_repetition(const json_t *evidence, size_t at)
{
	const json_t *line = json_array_get(evidence, at);
	for (size_t i = 0; i < at; i++) {
		const json_t *earlier = json_array_get(evidence, i);
		if (json_equal(
			    json_object_get(earlier, "source"), json_object_get(line, "source")) &&
			is_alike(line_words(earlier), line_words(line)))
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

// Line by line. What is indented is to be typed, or copied: it is never broken.
static void render_remedy(const struct canvas *c, const char *remedy)
{
	while (*remedy) {
		size_t len = strcspn(remedy, "\n");
		char *line = strndup(remedy, len);
		unsigned item = line ? item_columns(line) : 0;
		fprintf(c->out, "%*s", len ? 2 * INDENT : 0, "");
		if (line && strncmp(line, "  ", 2) == 0) {
			canvas_text(c, STYLE_BOLD, line);
			fputc('\n', c->out);
		} else if (line) {
			glyph_write(c->out, slice_first(slice_of(line), item));
			canvas_wrap(c, line + item, 2 * INDENT + item,
				c->columns - 2 * INDENT - item, 0);
		}
		free(line);
		remedy += len + (remedy[len] == '\n');
	}
}

void render_story(const struct canvas *c, const json_t *d)
{
	const char *title = json_string_of(d, "title"), *remedy = json_string_of(d, "remedy");
	const char *reference = json_string_of(d, "reference");
	const json_t *evidence = json_object_get(d, "evidence");
	render_state(c, d);
	fprintf(c->out, "%*s", INDENT, "");
	canvas_style(c, STYLE_BOLD);
	canvas_wrap(c, title ? title : "(its rule is no longer in the pack)", INDENT,
		c->columns - INDENT, 0);
	canvas_style(c, STYLE_PLAIN);
	render_details(c, json_object_get(d, "details"));
	if (remedy && remedy[0]) {
		fputc('\n', c->out);
		heading(c, "What to do");
		render_remedy(c, remedy);
	}
	if (reference) {
		fprintf(c->out, "%*s", 2 * INDENT, "");
		canvas_style(c, STYLE_DIM);
		canvas_wrap(c, reference, 2 * INDENT, c->columns - 2 * INDENT, 0);
		canvas_style(c, STYLE_PLAIN);
	}
	if (json_array_size(evidence)) {
		fputc('\n', c->out);
		heading(c, "Evidence");
		render_evidence(c, evidence);
	}
}
