// SPDX-License-Identifier: BSD-3-Clause
// Diagnoses by kind: what is wrong stands once, below it who suffers from it. Also a change on one
// line, and what a replay has found.
#include <stdlib.h>
#include <string.h>

#include "render.h"
#include "render_alerts.h"
#include "render_story.h"
#include "text.h"

#define GAP 2
#define N(array) (sizeof(array) / sizeof((array)[0]))

enum column {
	COLUMN_WHO,
	COLUMN_ADDRESS,
	COLUMN_GATEWAY,
	COLUMN_SURE,
	COLUMN_COUNT,
	COLUMN_SINCE,
	COLUMN_MAX
};

static const struct {
	const char *title;
	unsigned least; // columns that it keeps when there is no room; 0: all that it needs
} columns_of[] = {
	[COLUMN_WHO] = {"PHONE", 15}, // users are typed by strangers, and can be long
	[COLUMN_ADDRESS] = {"ADDRESS", 15},
	[COLUMN_GATEWAY] = {"GATEWAY", 8},
	[COLUMN_SURE] = {"SURE", 0},
	[COLUMN_COUNT] = {"COUNT", 0},
	[COLUMN_SINCE] = {"SINCE", 0},
};

#define CELL_MAX 512
#define CHANGE_COLUMNS 39 // of a change: when, what became of it, who

// What stands in a column of a row, as text; `text` holds CELL_MAX bytes.
static const char *cell_of(const struct canvas *c, const json_t *d, enum column column, char *text)
{
	const char *address = json_string_of(d, "client_ip");
	text[0] = '\0';
	switch (column) {
	case COLUMN_WHO:
		return diagnosis_subject(d);
	case COLUMN_ADDRESS:
		return address ? address : "-";
	case COLUMN_GATEWAY:
		return json_string_of(d, "gateway") ? json_string_of(d, "gateway") : "-";
	case COLUMN_SURE:
		snprintf(text, CELL_MAX, "%s%s",
			json_string_of(d, "confidence") ? json_string_of(d, "confidence") : "",
			json_is_true(json_object_get(d, "ambiguous")) ? "?" : "");
		return text;
	case COLUMN_COUNT:
		snprintf(text, CELL_MAX, "%llu", (unsigned long long)json_number_of(d, "count"));
		return text;
	case COLUMN_SINCE:
		return canvas_time(c, json_object_get(d, "first_seen"), text);
	case COLUMN_MAX:
		break;
	}
	return text;
}

// ---- order ----

struct row {
	const json_t *diagnosis;
	unsigned n_group, n_open; // as many are of its kind, and are open of these
	bool of_gateway;	  // one of its kind is a gateway's, and open
};

static int compare_text(const json_t *a, const json_t *b, const char *key)
{
	const char *one = json_string_of(a, key), *other = json_string_of(b, key);
	return strcmp(one ? one : "", other ? other : "");
}

static int compare_numbers(unsigned one, unsigned other)
{
	return one == other ? 0 : one > other ? -1 : 1;
}

// What is wrong with a gateway concerns all its phones, and comes first; then what most suffer
// from.
static int compare_kinds(const struct row *one, const struct row *other)
{
	int order = compare_numbers(one->of_gateway, other->of_gateway);
	if (order == 0)
		order = compare_numbers(one->n_open, other->n_open);
	if (order == 0)
		order = compare_numbers(one->n_group, other->n_group);
	return order ? order : compare_text(one->diagnosis, other->diagnosis, "diagnosis");
}

// Of a kind, what is open comes first; then by gateway, then as it came.
static int compare_rows(const void *a, const void *b)
{
	const struct row *one = a, *other = b;
	static const char *const keys[] = {"gateway", "first_seen", "client_ip", "id"};
	int order = compare_kinds(one, other);
	if (order == 0)
		order = compare_numbers(
			diagnosis_is_open(one->diagnosis), diagnosis_is_open(other->diagnosis));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && order == 0; i++)
		order = compare_text(one->diagnosis, other->diagnosis, keys[i]);
	return order;
}

static bool is_gateways(const json_t *d)
{
	const char *scope = json_string_of(d, "scope");
	return scope && strcmp(scope, "gateway") == 0;
}

static void add(json_t *counts, const char *name, bool one)
{
	json_object_set_new(
		counts, name, json_integer((json_int_t)(json_number_of(counts, name) + one)));
}

static struct row *sorted(const json_t *diagnoses, size_t *n)
{
	json_t *all = json_object(), *open = json_object(), *of_gateways = json_object(), *d;
	struct row *rows = calloc(json_array_size(diagnoses) + 1, sizeof(*rows));
	size_t i;
	*n = 0;
	json_array_foreach((json_t *)diagnoses, i, d)
	{
		const char *name = json_string_of(d, "diagnosis");
		if (name == NULL)
			continue;
		add(all, name, true);
		add(open, name, diagnosis_is_open(d));
		add(of_gateways, name, diagnosis_is_open(d) && is_gateways(d));
	}
	json_array_foreach((json_t *)diagnoses, i, d)
	{
		const char *name = json_string_of(d, "diagnosis");
		if (rows && name)
			rows[(*n)++] = (struct row){d, (unsigned)json_number_of(all, name),
				(unsigned)json_number_of(open, name),
				json_number_of(of_gateways, name) > 0};
	}
	json_decref(all);
	json_decref(open);
	json_decref(of_gateways);
	if (rows)
		qsort(rows, *n, sizeof(*rows), compare_rows);
	return rows;
}

// ---- the table ----

static const char *end_of(const json_t *d)
{
	const char *state = json_string_of(d, "state");
	return state && strcmp(state, "open") != 0 ? state : NULL;
}

// As wide as the widest cell. Where that is too wide in all, some columns give way, and on narrow
// terminals some are left out: their width is then 0.
static void measure(const struct canvas *c, const struct row *rows, size_t n, unsigned *widths)
{
	static const enum column give_way[] = {COLUMN_GATEWAY, COLUMN_ADDRESS, COLUMN_WHO};
	static const enum column left_out[] = {
		COLUMN_COUNT, COLUMN_GATEWAY, COLUMN_ADDRESS, COLUMN_SINCE};
	char text[CELL_MAX];
	unsigned total = GAP, end = 0;
	for (enum column column = 0; column < COLUMN_MAX; column++) {
		widths[column] = (unsigned)strlen(columns_of[column].title);
		for (size_t i = 0; i < n; i++) {
			unsigned width = text_columns(cell_of(c, rows[i].diagnosis, column, text));
			if (width > widths[column])
				widths[column] = width;
		}
		total += widths[column] + (column ? GAP : 0);
	}
	for (size_t i = 0; i < n; i++) {
		const char *state = end_of(rows[i].diagnosis);
		unsigned width = state ? 1 + text_columns(state) : 0;
		end = width > end ? width : end;
	}
	total += end;
	for (size_t i = 0; i < N(give_way) && total > c->columns; i++) {
		unsigned *width = &widths[give_way[i]], least = columns_of[give_way[i]].least;
		unsigned spare = *width > least ? *width - least : 0;
		unsigned excess = total - c->columns;
		unsigned cut = excess < spare ? excess : spare;
		*width -= cut;
		total -= cut;
	}
	for (size_t i = 0; i < N(left_out) && total > c->columns; i++) {
		total -= GAP + widths[left_out[i]];
		widths[left_out[i]] = 0;
	}
}

static void render_row(const struct canvas *c, const json_t *d, const unsigned *widths)
{
	char text[CELL_MAX];
	const char *end = end_of(d);
	fprintf(c->out, "%*s", GAP, "");
	for (enum column column = 0; column < COLUMN_MAX; column++) {
		enum style style = column == COLUMN_SURE  ? confidence_style(d)
				   : column == COLUMN_WHO ? STYLE_BOLD
							  : STYLE_PLAIN;
		const char *cell = cell_of(c, d, column, text);
		unsigned columns = text_columns(cell);
		bool right = column == COLUMN_COUNT && columns < widths[column];
		if (widths[column] == 0)
			continue;
		fprintf(c->out, "%*s", column ? GAP : 0, "");
		if (right)
			fprintf(c->out, "%*s", (int)(widths[column] - columns), "");
		if (column == COLUMN_MAX - 1)
			canvas_text(c, style, cell);
		else
			canvas_name(c, style, cell, right ? columns : widths[column]);
	}
	if (end) {
		fputc(' ', c->out);
		canvas_text(c, confidence_style(d), end);
	}
	fputc('\n', c->out);
}

static void render_heads(const struct canvas *c, const unsigned *widths)
{
	canvas_style(c, STYLE_DIM);
	fprintf(c->out, "%*s", GAP, "");
	for (enum column column = 0; column < COLUMN_MAX; column++) {
		if (widths[column])
			fprintf(c->out, "%*s%-*s", column ? GAP : 0, "",
				column == COLUMN_MAX - 1 ? 0 : (int)widths[column],
				columns_of[column].title);
	}
	canvas_style(c, STYLE_PLAIN);
	fputc('\n', c->out);
}

static void render_kind(const struct canvas *c, const struct row *row)
{
	const char *title = json_string_of(row->diagnosis, "title");
	fputc('\n', c->out);
	canvas_text(c, STYLE_BOLD, json_string_of(row->diagnosis, "diagnosis"));
	if (row->n_group > 1)
		fprintf(c->out, " (%u)", row->n_group);
	fputc('\n', c->out);
	if (title) {
		fprintf(c->out, "%*s", GAP, "");
		canvas_wrap(c, title, GAP, c->columns - GAP, 0);
	}
}

static void render_sum(const struct canvas *c, const struct row *rows, size_t n)
{
	static const char *const words[] = {"confirmed", "probable", "suspected"};
	unsigned counts[3] = {0};
	char zone[CANVAS_TIME_MAX], text[CELL_MAX];
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < 3; k++)
			counts[k] +=
				strcmp(words[k],
					json_string_of(rows[i].diagnosis, "confidence")
						? json_string_of(rows[i].diagnosis, "confidence")
						: "") == 0;
	}
	snprintf(text, sizeof(text),
		"%zu in all: %u confirmed, %u probable, %u suspected; times in %s", n, counts[0],
		counts[1], counts[2], canvas_zone(c, zone));
	fputc('\n', c->out);
	canvas_wrap(c, text, 0, c->columns, 0);
}

// A single one is told in full; of many, how to get at it.
static void render_next(const struct canvas *c, const struct row *rows, size_t n)
{
	bool ambiguous = false, gateway = false;
	for (size_t i = 0; i < n; i++) {
		ambiguous |= json_is_true(json_object_get(rows[i].diagnosis, "ambiguous"));
		gateway |= is_gateways(rows[i].diagnosis);
	}
	if (ambiguous)
		canvas_wrap(
			c, "?: some of the evidence could be another client's", 0, c->columns, 0);
	if (n == 1) {
		fputc('\n', c->out);
		render_story(c, rows[0].diagnosis, true);
		return;
	}
	canvas_wrap(c, "what to do: offhook phone PHONE", 0, c->columns, 0);
	if (gateway)
		canvas_wrap(c, "of a gateway: offhook diagnoses --id ID --gateway GATEWAY", 0,
			c->columns, 0);
}

void render_diagnoses(FILE *out, const json_t *diagnoses, unsigned columns)
{
	struct canvas c = canvas_of(out, columns);
	unsigned widths[COLUMN_MAX];
	size_t n;
	struct row *rows = sorted(diagnoses, &n);
	if (n == 0) {
		free(rows);
		return;
	}
	measure(&c, rows, n, widths);
	render_heads(&c, widths);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 ||
			compare_text(rows[i].diagnosis, rows[i - 1].diagnosis, "diagnosis") != 0)
			render_kind(&c, &rows[i]);
		render_row(&c, rows[i].diagnosis, widths);
	}
	render_sum(&c, rows, n);
	render_next(&c, rows, n);
	free(rows);
}

// ---- one change ----

// What there is room for beside who and when, the most telling first.
static void write_change(const json_t *d, char *text, size_t size)
{
	const char *client = json_string_of(d, "client_ip"),
		   *gateway = json_string_of(d, "gateway");
	uint64_t count = json_number_of(d, "count");
	FILE *out = fmemopen(text, size, "w");
	text[0] = '\0';
	if (out == NULL)
		return;
	fprintf(out, "%s, %s%s",
		json_string_of(d, "diagnosis") ? json_string_of(d, "diagnosis") : "",
		json_string_of(d, "confidence") ? json_string_of(d, "confidence") : "",
		json_is_true(json_object_get(d, "ambiguous")) ? "?" : "");
	if (gateway)
		fprintf(out, " at %s", gateway);
	if (count > 1)
		fprintf(out, ", %llu times", (unsigned long long)count);
	if (client)
		fprintf(out, ", %s", client);
	fclose(out);
	text[size - 1] = '\0';
}

void render_change(FILE *out, const json_t *d, unsigned columns)
{
	struct canvas c = canvas_of(out, columns);
	char time[CANVAS_TIME_MAX], text[CELL_MAX];
	const char *state = json_string_of(d, "state"), *change = json_string_of(d, "change");
	if (is_alert(d)) {
		render_alert_change(out, d, columns);
		return;
	}
	bool recovered = state && strcmp(state, "recovered") == 0;
	unsigned room = c.columns - CHANGE_COLUMNS;
	canvas_cell(&c, STYLE_DIM,
		canvas_clock(
			&c, json_object_get(d, recovered ? "recovered_at" : "last_seen"), time),
		12);
	fputc(' ', out);
	canvas_cell(&c, confidence_style(d), change ? change : state, 9);
	fputc(' ', out);
	canvas_name(&c, STYLE_BOLD, diagnosis_subject(d), 15);
	fputc(' ', out);
	write_change(d, text, sizeof(text));
	// A file, or another program, has room for all.
	if (text_columns(text) <= room || (columns == 0 && !c.terminal))
		canvas_text(&c, STYLE_PLAIN, text);
	else
		canvas_cell(&c, STYLE_PLAIN, text, room);
	fputc('\n', out);
}

// ---- a replay ----

static void render_counts(const struct canvas *c, const char *title, const json_t *counts)
{
	const char *name;
	json_t *value;
	bool any = false;
	json_object_foreach((json_t *)counts, name, value)
	{
		if (json_integer_value(value) == 0)
			continue;
		if (!any)
			fprintf(c->out, "%s\n", title);
		any = true;
		fprintf(c->out, "%12" JSON_INTEGER_FORMAT "  ", json_integer_value(value));
		canvas_text(c, STYLE_PLAIN, name);
		fputc('\n', c->out);
	}
}

static void render_stats(const struct canvas *c, const json_t *stats)
{
	static const char *const sums[] = {
		"packets", "fragments_merged", "datagrams", "messages", "unmatched"};
	static const char *const tables[][2] = {{"by_source", "messages by source"},
		{"asa_codes", "messages by ASA id"}, {"events", "events"},
		{"dropped", "packets dropped"}, {"events_dropped", "events lost"}};
	fputc('\n', c->out);
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		fprintf(c->out, "%12llu  %s\n", (unsigned long long)json_number_of(stats, sums[i]),
			sums[i]);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		render_counts(c, tables[i][1], json_object_get(stats, tables[i][0]));
}

void render_replay(FILE *out, const json_t *diagnoses, const json_t *stats)
{
	struct canvas c = canvas_of(out, 0);
	size_t i;
	json_t *d;
	c.utc = true;
	json_array_foreach((json_t *)diagnoses, i, d)
	{
		if (i)
			fputc('\n', out);
		canvas_text(&c, STYLE_BOLD, diagnosis_subject(d));
		if (json_string_of(d, "client_ip")) {
			fputs("  ", out);
			canvas_text(&c, STYLE_PLAIN, json_string_of(d, "client_ip"));
		}
		if (json_string_of(d, "gateway") && !is_gateways(d)) {
			fputs("  at ", out);
			canvas_text(&c, STYLE_PLAIN, json_string_of(d, "gateway"));
		}
		fputc('\n', out);
		render_story(&c, d, true);
	}
	if (json_array_size(diagnoses) == 0)
		fputs("no diagnoses\n", out);
	else
		fputs("\nTimes in UTC.\n", out);
	if (stats)
		render_stats(&c, stats);
}
