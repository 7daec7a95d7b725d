// SPDX-License-Identifier: BSD-3-Clause
// The fleet by gateway: a row each, below it what its phones suffer from and its certificates.
#include <stdlib.h>
#include <string.h>

#include "canvas.h"
#include "render.h"
#include "text.h"

#define INDENT 2
#define CAUSES_MAX 128

static const struct {
	const char *title;
	unsigned columns;
	unsigned least; // columns of a terminal that shows it
} columns_of[] = {{"GATEWAY", 18, 0}, {"PHONES", 7, 0}, {"OK", 7, 50}, {"FAILING", 7, 0},
	{"SUSPECT", 7, 90}, {"UNKNOWN", 7, 60}, {"LOGINS", 9, 70}, {"LAST LINE", 11, 79}};
enum { COLUMN_LOGINS = 6, COLUMN_LAST };
#define N_COLUMNS (sizeof(columns_of) / sizeof(columns_of[0]))

static void render_heads(const struct canvas *c)
{
	canvas_style(c, STYLE_DIM);
	for (size_t i = 0; i < N_COLUMNS; i++) {
		bool last = i + 1 == N_COLUMNS;
		if (c->columns < columns_of[i].least)
			continue;
		fprintf(c->out, i && !last ? "%s%*s" : "%s%-*s", i ? "  " : "",
			last ? 0 : (int)columns_of[i].columns, columns_of[i].title);
	}
	canvas_style(c, STYLE_PLAIN);
	fputc('\n', c->out);
}

static void render_number(
	const struct canvas *c, enum style style, const json_t *phones, const char *key, size_t i)
{
	uint64_t n = json_number_of(phones, key);
	char text[32];
	if (c->columns < columns_of[i].least)
		return;
	snprintf(text, sizeof(text), "%*llu", (int)columns_of[i].columns, (unsigned long long)n);
	fputs("  ", c->out);
	canvas_text(c, n ? style : STYLE_PLAIN, text);
}

// "12/30": this hour, and what is usual of a whole one.
static void render_logins(const struct canvas *c, const json_t *logins)
{
	const json_t *hour = json_object_get(logins, "this_hour"),
		     *usual = json_object_get(logins, "usual");
	char text[48] = "-";
	if (c->columns < columns_of[COLUMN_LOGINS].least)
		return;
	if (json_is_integer(hour) && json_is_integer(usual))
		snprintf(text, sizeof(text), "%lld/%lld", (long long)json_integer_value(hour),
			(long long)json_integer_value(usual));
	else if (json_is_integer(hour))
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(hour));
	fprintf(c->out, "  %*s", (int)columns_of[COLUMN_LOGINS].columns, text);
}

static void render_row(const struct canvas *c, const json_t *gateway)
{
	char time[CANVAS_TIME_MAX];
	const json_t *phones = json_object_get(gateway, "phones");
	const char *name = json_string_of(gateway, "gateway");
	canvas_name(c, STYLE_BOLD, name ? name : "-", columns_of[0].columns);
	render_number(c, STYLE_PLAIN, phones, "known", 1);
	render_number(c, STYLE_GREEN, phones, "ok", 2);
	render_number(c, STYLE_RED, phones, "failing", 3);
	render_number(c, STYLE_PLAIN, phones, "suspected", 4);
	render_number(c, STYLE_PLAIN, phones, "unknown", 5);
	render_logins(c, json_object_get(gateway, "logins"));
	if (c->columns >= columns_of[COLUMN_LAST].least) {
		fputs("  ", c->out);
		canvas_text(c, STYLE_PLAIN,
			canvas_time(c, json_object_get(gateway, "last_line"), time));
	}
	fputc('\n', c->out);
}

// ---- causes, certificates ----

struct cause {
	const char *name;
	json_int_t n;
};

static int compare(const void *a, const void *b)
{
	const struct cause *one = a, *other = b;
	if (one->n != other->n)
		return one->n > other->n ? -1 : 1;
	return strcmp(one->name, other->name);
}

// title: before them, or "".
static void render_causes(const struct canvas *c, const char *title, const json_t *causes)
{
	struct cause sorted[CAUSES_MAX];
	char text[2048];
	size_t n = 0, len = (size_t)snprintf(text, sizeof(text), "%s", title);
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)causes, name, value)
	{
		if (n < CAUSES_MAX)
			sorted[n++] = (struct cause){name, json_integer_value(value)};
	}
	if (n == 0)
		return;
	qsort(sorted, n, sizeof(sorted[0]), compare);
	for (size_t i = 0; i < n && len + 96 < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.60s %lld",
			i ? ", " : "", sorted[i].name, (long long)sorted[i].n);
	fprintf(c->out, "%*s", INDENT, "");
	canvas_wrap(c, text, INDENT, c->columns - INDENT, 0);
}

static void render_certificates(const struct canvas *c, const json_t *certificates)
{
	size_t i;
	json_t *one;
	char text[512], date[CANVAS_TIME_MAX];
	json_array_foreach((json_t *)certificates, i, one)
	{
		long long days = json_integer_value(json_object_get(one, "days"));
		const char *name = json_string_of(one, "trustpoint");
		canvas_date(c, json_object_get(one, "not_after"), date);
		if (days < 0)
			snprintf(text, sizeof(text), "certificate %.128s: expired %.10s",
				name ? name : "", date);
		else
			snprintf(text, sizeof(text), "certificate %.128s: %lld day%s, until %.10s",
				name ? name : "", days, days == 1 ? "" : "s", date);
		fprintf(c->out, "%*s", INDENT, "");
		canvas_wrap(c, text, INDENT, c->columns - INDENT, 0);
	}
}

void render_fleet(FILE *out, const json_t *gateways, unsigned columns)
{
	struct canvas c = canvas_of(out, columns);
	char zone[CANVAS_TIME_MAX], text[256];
	uint64_t known = 0, failing = 0;
	size_t i;
	json_t *gateway;
	render_heads(&c);
	json_array_foreach((json_t *)gateways, i, gateway)
	{
		const json_t *phones = json_object_get(gateway, "phones");
		known += json_number_of(phones, "known");
		failing += json_number_of(phones, "failing");
		render_row(&c, gateway);
		render_causes(&c, "", json_object_get(gateway, "causes"));
		render_causes(&c, "suspected: ", json_object_get(gateway, "suspected"));
		render_certificates(&c, json_object_get(gateway, "certificates"));
	}
	snprintf(text, sizeof(text),
		"%zu gateway%s, %llu phone%s, %llu failing; logins of this hour / usual; times in %s",
		i, i == 1 ? "" : "s", (unsigned long long)known, known == 1 ? "" : "s",
		(unsigned long long)failing, canvas_zone(&c, zone));
	fputc('\n', out);
	canvas_wrap(&c, text, 0, c.columns, 0);
}
