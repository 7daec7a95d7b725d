// SPDX-License-Identifier: BSD-3-Clause
// Alerts: a row each, and below it what it says, the certificate, some of its phones, and what to
// do while they are few. Also a change of one on one line.
#include <string.h>

#include "render.h"
#include "render_alerts.h"
#include "text.h"

#define INDENT 2
#define TELL_ALL_MAX 3 // as many are told with their remedy

enum column {
	COLUMN_SEVERITY,
	COLUMN_ALERT,
	COLUMN_GATEWAY,
	COLUMN_PHONES,
	COLUMN_SINCE,
	COLUMN_MAX
};

static const struct {
	const char *title;
	unsigned columns;
	unsigned least; // columns of a terminal that shows it
} columns_of[] = {
	[COLUMN_SEVERITY] = {"SEVERITY", 8, 0},
	[COLUMN_ALERT] = {"ALERT", 28, 0},
	[COLUMN_GATEWAY] = {"GATEWAY", 14, 50},
	[COLUMN_PHONES] = {"PHONES", 9, 0},
	[COLUMN_SINCE] = {"SINCE", 11, 70},
};

static bool has_room(const struct canvas *c, enum column column)
{
	return c->columns >= columns_of[column].least;
}

// The name of the alert has what the others leave.
static unsigned width_of(const struct canvas *c, enum column column)
{
	unsigned others = 0;
	if (column != COLUMN_ALERT)
		return columns_of[column].columns;
	for (unsigned i = 0; i < COLUMN_MAX; i++)
		others += i != COLUMN_ALERT && has_room(c, i) ? columns_of[i].columns + 2 : 0;
	unsigned room = c->columns - others;
	return room < columns_of[column].columns ? room : columns_of[column].columns;
}

bool is_alert(const json_t *object)
{
	const char *type = json_string_of(object, "type");
	return type && strcmp(type, "alert") == 0;
}

static bool is_firing(const json_t *alert)
{
	const char *state = json_string_of(alert, "state");
	return state && strcmp(state, "firing") == 0;
}

static enum style severity_style(const json_t *alert)
{
	const char *severity = json_string_of(alert, "severity");
	if (severity == NULL || !is_firing(alert))
		return STYLE_DIM;
	if (strcmp(severity, "critical") == 0 || strcmp(severity, "high") == 0)
		return STYLE_RED;
	return strcmp(severity, "medium") == 0 ? STYLE_YELLOW : STYLE_PLAIN;
}

// "412/498", "412", "-" where it is not of phones; of one that is over how many they were.
static const char *phones_of(const json_t *alert, char *text, size_t size)
{
	const json_t *phones = json_object_get(alert, "phones");
	unsigned long long affected =
		json_number_of(phones, is_firing(alert) ? "affected" : "peak");
	if (json_is_integer(json_object_get(phones, "known")))
		snprintf(text, size, "%llu/%llu", affected,
			(unsigned long long)json_number_of(phones, "known"));
	else if (affected)
		snprintf(text, size, "%llu", affected);
	else
		snprintf(text, size, "-");
	return text;
}

static const char *gateway_of(const json_t *alert, char *text, size_t size)
{
	const json_t *details = json_object_get(alert, "details");
	const char *gateway = json_string_of(alert, "gateway");
	uint64_t n = json_number_of(details, "n_gateways");
	if (gateway)
		return gateway;
	if (n == 0)
		return "-";
	snprintf(text, size, "%llu gateways", (unsigned long long)n);
	return text;
}

// ---- a list ----

static void render_cell(const struct canvas *c, const json_t *alert, enum column column)
{
	char text[64], time[CANVAS_TIME_MAX];
	const char *name = json_string_of(alert, "alert");
	switch (column) {
	case COLUMN_SEVERITY:
		canvas_cell(c, severity_style(alert), json_string_of(alert, "severity"),
			width_of(c, column));
		break;
	case COLUMN_ALERT:
		canvas_name(c, STYLE_BOLD, name ? name : "", width_of(c, column));
		break;
	case COLUMN_GATEWAY:
		canvas_name(
			c, STYLE_PLAIN, gateway_of(alert, text, sizeof(text)), width_of(c, column));
		break;
	case COLUMN_PHONES:
		fprintf(c->out, "%*s", (int)width_of(c, column),
			phones_of(alert, text, sizeof(text)));
		break;
	case COLUMN_SINCE:
		canvas_text(c, STYLE_PLAIN, canvas_time(c, json_object_get(alert, "since"), time));
		break;
	case COLUMN_MAX:
		break;
	}
}

static void render_row(const struct canvas *c, const json_t *alert)
{
	for (enum column column = 0; column < COLUMN_MAX; column++) {
		if (!has_room(c, column))
			continue;
		fputs(column ? "  " : "", c->out);
		render_cell(c, alert, column);
	}
	fputc('\n', c->out);
}

static void render_heads(const struct canvas *c)
{
	canvas_style(c, STYLE_DIM);
	for (enum column column = 0; column < COLUMN_MAX; column++) {
		const char *title = columns_of[column].title;
		int width = (int)width_of(c, column);
		if (!has_room(c, column))
			continue;
		fputs(column ? "  " : "", c->out);
		if (column == COLUMN_PHONES)
			fprintf(c->out, "%*s", width, title);
		else
			fprintf(c->out, "%-*.*s", column == COLUMN_SINCE ? 0 : width, width, title);
	}
	canvas_style(c, STYLE_PLAIN);
	fputs("\n\n", c->out);
}

static void render_line(const struct canvas *c, const char *what, const char *text)
{
	int width = fprintf(c->out, "%*s", INDENT, "");
	if (what)
		width += fprintf(c->out, "%-9s", what);
	canvas_wrap(c, text, (unsigned)width, c->columns - (unsigned)width, 0);
}

static void join(const json_t *list, const char *separator, size_t max, char *text, size_t size)
{
	size_t i, len = 0;
	json_t *one;
	text[0] = '\0';
	json_array_foreach((json_t *)list, i, one)
	{
		if (i == max || len + 96 > size)
			break;
		len += (size_t)snprintf(text + len, size - len, "%s%.80s", i ? separator : "",
			json_string_value(one) ? json_string_value(one) : "");
	}
}

static void render_state(const struct canvas *c, const json_t *alert)
{
	char text[512], time[CANVAS_TIME_MAX];
	const char *by = json_string_of(alert, "absorbed_by");
	if (is_firing(alert))
		return;
	snprintf(text, sizeof(text), "%s%s%s",
		canvas_time(c, json_object_get(alert, "resolved_at"), time), by ? ", told by " : "",
		by ? by : "");
	render_line(c, "resolved", text);
}

static void render_details(const struct canvas *c, const json_t *alert)
{
	const json_t *details = json_object_get(alert, "details"),
		     *hashes = json_object_get(details, "leaf_hashes"),
		     *sample = json_object_get(alert, "sample"),
		     *phones = json_object_get(alert, "phones");
	const char *hash = json_string_of(details, "leaf_hash");
	char text[1024];
	uint64_t affected = json_number_of(phones, "affected"), shown = json_array_size(sample);
	if (hash)
		render_line(c, "hash", hash);
	if (json_array_size(hashes) > 1) {
		snprintf(text, sizeof(text), "the most frequent of %zu", json_array_size(hashes));
		render_line(c, "", text);
	}
	join(json_object_get(details, "expected_hash"), " ", 4, text, sizeof(text));
	if (text[0])
		render_line(c, "expected", text);
	join(sample, ", ", 10, text, sizeof(text));
	if (text[0] && affected > shown)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ", +%llu",
			(unsigned long long)(affected - shown));
	if (text[0])
		render_line(c, "phones", text);
	if (json_is_false(json_object_get(alert, "exact")))
		render_line(c, NULL, "There may be more: a limit was reached.");
}

static void render_alert(const struct canvas *c, const json_t *alert, bool remedy)
{
	const char *summary = json_string_of(alert, "summary"),
		   *text = json_string_of(alert, "remedy");
	render_row(c, alert);
	if (summary)
		render_line(c, NULL, summary);
	render_state(c, alert);
	render_details(c, alert);
	if (remedy && text && is_firing(alert)) {
		fprintf(c->out, "%*sWhat to do\n", INDENT, "");
		fprintf(c->out, "%*s", 2 * INDENT, "");
		canvas_wrap(c, text, 2 * INDENT, c->columns - 2 * INDENT, 0);
	}
	fputc('\n', c->out);
}

void render_alerts(FILE *out, const json_t *alerts, unsigned columns)
{
	struct canvas c = canvas_of(out, columns);
	char zone[CANVAS_TIME_MAX], text[256];
	size_t i, n_firing = 0;
	json_t *alert;
	json_array_foreach((json_t *)alerts, i, alert) n_firing += is_firing(alert);
	render_heads(&c);
	json_array_foreach((json_t *)alerts, i, alert)
		render_alert(&c, alert, n_firing <= TELL_ALL_MAX);
	snprintf(text, sizeof(text), "%zu firing, %zu resolved; times in %s", n_firing,
		json_array_size(alerts) - n_firing, canvas_zone(&c, zone));
	canvas_wrap(&c, text, 0, c.columns, 0);
	if (n_firing > TELL_ALL_MAX)
		canvas_wrap(&c, "what to do: offhook alerts --id ALERT --gateway GATEWAY", 0,
			c.columns, 0);
}

// ---- a change ----

void render_alert_change(FILE *out, const json_t *alert, unsigned columns)
{
	struct canvas c = canvas_of(out, columns);
	char time[CANVAS_TIME_MAX], text[1024];
	const char *change = json_string_of(alert, "change"),
		   *summary = json_string_of(alert, "summary"),
		   *severity = json_string_of(alert, "severity"),
		   *by = json_string_of(alert, "absorbed_by");
	unsigned room = c.columns - 12 - 1 - 9 - 1;
	canvas_cell(
		&c, STYLE_DIM, canvas_clock(&c, json_object_get(alert, "updated_at"), time), 12);
	fputc(' ', out);
	canvas_cell(&c, severity_style(alert), change ? change : json_string_of(alert, "state"), 9);
	fputc(' ', out);
	snprintf(text, sizeof(text), "%s %s: %s%s%s", severity ? severity : "",
		json_string_of(alert, "alert") ? json_string_of(alert, "alert") : "",
		summary ? summary : "", by ? "; told by " : "", by ? by : "");
	// A file, or another program, has room for all.
	if (text_columns(text) <= room || (columns == 0 && !c.terminal))
		canvas_text(&c, STYLE_BOLD, text);
	else
		canvas_cell(&c, STYLE_BOLD, text, room);
	fputc('\n', out);
}
