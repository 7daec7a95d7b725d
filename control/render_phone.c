// SPDX-License-Identifier: BSD-3-Clause
// One phone as a story: who it is, what was logged of it by both sides on one clock, what is wrong.
#include <string.h>

#include "render.h"
#include "render_story.h"

#define SHOWN_MAX 16 // lines of the time line; --json has all
#define NAME_COLUMNS 14
#define PAIR_COLUMNS 76
#define TIME_COLUMNS 12
#define MARK_COLUMNS 2 // " ?" of what could be another's
#define ENTRY_LINES_MAX 2

// ---- who ----

// Two to a line, where the terminal has room for two. What does not fit into its half stands whole,
// and the other one below it.
static void pair(const struct canvas *c, const char *name, const char *value, bool first)
{
	bool two = c->columns >= PAIR_COLUMNS;
	unsigned width = two ? (c->columns - 2) / 2 - NAME_COLUMNS : 0;
	value = value ? value : "-";
	fprintf(c->out, "%s", first || !two ? "  " : "");
	canvas_cell(c, STYLE_DIM, name, NAME_COLUMNS);
	if (first && text_columns(value) < width) {
		canvas_cell(c, STYLE_PLAIN, value, width);
		return;
	}
	canvas_text(c, STYLE_PLAIN, value);
	fputc('\n', c->out);
	if (first && two)
		fprintf(c->out, "%*s", (int)(2 + NAME_COLUMNS + width), "");
}

static void render_who(const struct canvas *c, const json_t *phone)
{
	static const char *const rows[][4] = {
		{"client", "client_ip", "tunnel", "tunnel_ip"},
		{"gateway", "gateway", "tunnel group", "tunnel_group"},
		{"user", "user", "group policy", "group_policy"},
	};
	char first[CANVAS_TIME_MAX], last[CANVAS_TIME_MAX];
	const char *model = json_string_of(phone, "model");
	canvas_text(c, STYLE_BOLD, diagnosis_subject(phone));
	if (model)
		fputs("  ", c->out);
	canvas_text(c, STYLE_PLAIN, model);
	if (!json_is_true(json_object_get(phone, "is_phone")))
		fputs("  (nothing has tied it to a phone)", c->out);
	fputc('\n', c->out);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pair(c, rows[i][0], json_string_of(phone, rows[i][1]), true);
		pair(c, rows[i][2], json_string_of(phone, rows[i][3]), false);
	}
	canvas_date(c, json_object_get(phone, "first_seen"), first);
	canvas_date(c, json_object_get(phone, "last_seen"), last);
	pair(c, "first seen", first[0] ? first : NULL, true);
	pair(c, "last seen", last, false);
	bool up = json_string_of(phone, "tunnel_up_at") != NULL;
	uint64_t others = json_number_of(phone, "others_at_address");
	snprintf(last, sizeof(last), "%llu more", (unsigned long long)others);
	if (up || others) {
		pair(c, "tunnel up", canvas_date(c, json_object_get(phone, "tunnel_up_at"), first),
			true);
		pair(c, "at address", others ? last : "no others", false);
	}
}

// ---- time line ----

static bool is_phones(const json_t *line)
{
	const char *source = json_string_of(line, "source");
	return source && strcmp(source, "phone") == 0;
}

static bool has_both_sides(const json_t *timeline, size_t from)
{
	bool asa = false, phone = false;
	for (size_t i = from; i < json_array_size(timeline); i++) {
		bool is_phone = is_phones(json_array_get(timeline, i));
		phone |= is_phone;
		asa |= !is_phone;
	}
	return asa && phone;
}

// The text of one line in a column of its own: code and words, wrapped.
struct entry {
	char text[1024];
	const char *rest;
	unsigned n; // lines shown
};

// "Group <g> User <u> IP <a> ": who it is stands above, and the room is for what happened.
static const char *skip_names(const char *words)
{
	const char *address = strstr(words, "> IP <");
	const char *end = address ? strstr(address + 6, "> ") : NULL;
	bool named = strncmp(words, "Group <", 7) == 0 || strncmp(words, "TunnelGroup <", 13) == 0;
	return named && end && end[2] ? end + 2 : words;
}

static void entry_init(struct entry *e, const json_t *line)
{
	const char *code = json_string_of(line, "code"), *words = line_words(line);
	const char *short_words = skip_names(words);
	snprintf(e->text, sizeof(e->text), "%s%s%s%s", code ? code : "", code ? " " : "",
		short_words == words ? "" : "\xe2\x80\xa6 ", short_words);
	e->rest = e->text;
	e->n = 0;
}

// One line of the entry in `width` columns, or blanks once it is told.
static void entry_line(const struct canvas *c, struct entry *e, unsigned width, bool fill)
{
	char line[sizeof(e->text) + 4];
	size_t taken = 0, len = 0;
	if (*e->rest)
		len = canvas_line(e->rest, width, &taken);
	e->n++;
	if (e->n == ENTRY_LINES_MAX && e->rest[taken])
		taken = len = strlen(e->rest); // the cell cuts it
	snprintf(line, sizeof(line), "%.*s", (int)len, e->rest);
	unsigned columns = text_columns(line);
	canvas_cell(c, STYLE_PLAIN, line, fill || columns > width ? width : columns);
	e->rest += taken;
}

// How sure it is whose line it is: told by the line itself, by those around it, or not for sure.
static const char *mark_of(const json_t *line)
{
	if (json_is_true(json_object_get(line, "ambiguous")))
		return " ?";
	return json_is_true(json_object_get(line, "bound")) ? " ~" : "  ";
}

static bool any_has(const json_t *timeline, size_t from, const char *key)
{
	for (size_t i = from; i < json_array_size(timeline); i++) {
		if (json_is_true(json_object_get(json_array_get(timeline, i), key)))
			return true;
	}
	return false;
}

static void render_entry(const struct canvas *c, const json_t *line, bool both, unsigned width)
{
	char time[CANVAS_TIME_MAX];
	struct entry entry;
	bool right = both && is_phones(line);
	const char *mark = mark_of(line);
	entry_init(&entry, line);
	for (unsigned i = 0; i == 0 || *entry.rest; i++) {
		canvas_cell(c, STYLE_DIM,
			i ? "" : canvas_clock(c, json_object_get(line, "time"), time),
			TIME_COLUMNS);
		canvas_text(c, STYLE_YELLOW, i == 0 ? mark : "  ");
		if (right) {
			canvas_cell(c, STYLE_PLAIN, "", width);
			fputs(" \xe2\x94\x82 ", c->out);
		}
		entry_line(c, &entry, width, both && !right);
		if (both && !right)
			fputs(" \xe2\x94\x82", c->out);
		fputc('\n', c->out);
	}
}

static void render_timeline(const struct canvas *c, const json_t *phone)
{
	const json_t *timeline = json_object_get(phone, "timeline");
	size_t n = json_array_size(timeline), from = n > SHOWN_MAX ? n - SHOWN_MAX : 0;
	char zone[CANVAS_TIME_MAX];
	bool both = has_both_sides(timeline, from);
	unsigned room = c->columns - TIME_COLUMNS - MARK_COLUMNS;
	unsigned width = both ? (room - 3) / 2 : room;
	if (n == 0)
		return;
	fputc('\n', c->out);
	canvas_text(c, STYLE_BOLD, "Time line");
	fprintf(c->out, ", times in %s", canvas_zone(c, zone));
	if (from || json_is_true(json_object_get(phone, "timeline_cut")))
		fprintf(c->out, "; %zu earlier lines are in --json", from);
	fputc('\n', c->out);
	canvas_style(c, STYLE_DIM);
	fprintf(c->out, "%*s%-*s%s\n", TIME_COLUMNS + MARK_COLUMNS, "", both ? (int)width : 0,
		is_phones(json_array_get(timeline, from)) && !both ? "phone" : "ASA",
		both ? " \xe2\x94\x82 phone" : "");
	canvas_style(c, STYLE_PLAIN);
	for (size_t i = from; i < n; i++)
		render_entry(c, json_array_get(timeline, i), both, width);
	if (any_has(timeline, from, "bound"))
		fputs("  ~ the line names nobody; the lines around it say whose it is\n", c->out);
	if (any_has(timeline, from, "ambiguous"))
		fputs("  ? the line could be another phone's\n", c->out);
}

// ---- the story ----

void render_phone(FILE *out, const json_t *phone, unsigned columns)
{
	struct canvas c = canvas_of(out, columns);
	const json_t *diagnoses = json_object_get(phone, "diagnoses");
	size_t i;
	json_t *d;
	render_who(&c, phone);
	render_timeline(&c, phone);
	json_array_foreach((json_t *)diagnoses, i, d)
	{
		fputc('\n', out);
		render_story(&c, d);
	}
	if (json_array_size(diagnoses) == 0)
		fputs("\nNothing is known to be wrong.\n", out);
}

void render_phones(FILE *out, const json_t *phones, unsigned columns)
{
	size_t i;
	json_t *phone;
	json_array_foreach((json_t *)phones, i, phone)
	{
		if (i)
			fputs("\n\n", out);
		render_phone(out, phone, columns);
	}
}
