// SPDX-License-Identifier: BSD-3-Clause
// What was recorded, a line each: when, which state, who, what.
#include <string.h>

#include "render.h"
#include "render_story.h"
#include "text.h"

#define GAP 2
#define WHEN_COLUMNS_MAX 11
#define WHO_COLUMNS 15
#define WORDS_MAX 512

static bool is_alert(const json_t *record)
{
	const char *type = json_string_of(record, "type");
	return type && strcmp(type, "alert") == 0;
}

// A phone or, of what concerns a gateway or the fleet, that.
static const char *subject_of(const json_t *record)
{
	const char *gateway = json_string_of(record, "gateway");
	if (!is_alert(record))
		return diagnosis_subject(record);
	return gateway ? gateway : "fleet";
}

static enum style state_style(const json_t *record)
{
	const char *state = json_string_of(record, "state");
	if (state && strcmp(state, "firing") == 0)
		return STYLE_RED;
	return is_alert(record) ? STYLE_GREEN : confidence_style(record);
}

static void write_diagnosis(FILE *out, const json_t *d)
{
	const char *slug = json_string_of(d, "diagnosis"), *sure = json_string_of(d, "confidence");
	const char *gateway = json_string_of(d, "gateway");
	fprintf(out, "%s%s%s%s", slug ? slug : "-", sure ? ", " : "", sure ? sure : "",
		json_is_true(json_object_get(d, "ambiguous")) ? "?" : "");
	if (gateway)
		fprintf(out, " at %s", gateway);
}

static void write_alert(FILE *out, const json_t *alert)
{
	const char *slug = json_string_of(alert, "alert");
	const char *severity = json_string_of(alert, "severity");
	const json_t *phones = json_object_get(alert, "phones");
	fprintf(out, "%s%s%s", slug ? slug : "-", severity ? ", " : "", severity ? severity : "");
	unsigned long long affected = json_number_of(phones, "affected");
	if (json_is_integer(json_object_get(phones, "known")))
		fprintf(out, ", %llu of %llu phones", affected,
			(unsigned long long)json_number_of(phones, "known"));
	else if (affected)
		fprintf(out, ", %llu phone%s", affected, affected == 1 ? "" : "s");
}

static void render_record(const struct canvas *c, const json_t *record, unsigned when)
{
	char time[CANVAS_TIME_MAX], words[WORDS_MAX] = "";
	unsigned taken = GAP + when + 1 + 9 + 1 + WHO_COLUMNS + 1;
	unsigned room = c->columns > taken ? c->columns - taken : 1;
	FILE *out = fmemopen(words, sizeof(words), "w");
	if (out) {
		(is_alert(record) ? write_alert : write_diagnosis)(out, record);
		fclose(out);
	}
	words[sizeof(words) - 1] = '\0';
	fprintf(c->out, "%*s", GAP, "");
	canvas_cell(
		c, STYLE_DIM, canvas_time(c, json_object_get(record, "recorded_at"), time), when);
	fputc(' ', c->out);
	canvas_cell(c, state_style(record), json_string_of(record, "state"), 9);
	fputc(' ', c->out);
	canvas_name(c, STYLE_BOLD, subject_of(record), WHO_COLUMNS);
	fputc(' ', c->out);
	if (text_columns(words) <= room)
		canvas_text(c, STYLE_PLAIN, words);
	else
		canvas_cell(c, STYLE_PLAIN, words, room);
	fputc('\n', c->out);
}

static unsigned widest_time(const struct canvas *c, const json_t *records)
{
	char time[CANVAS_TIME_MAX];
	unsigned widest = 0;
	size_t i;
	json_t *record;
	json_array_foreach((json_t *)records, i, record)
	{
		unsigned width =
			text_columns(canvas_time(c, json_object_get(record, "recorded_at"), time));
		widest = width > widest ? width : widest;
	}
	return widest < WHEN_COLUMNS_MAX ? widest : WHEN_COLUMNS_MAX;
}

void render_history(FILE *out, const json_t *records, unsigned columns)
{
	struct canvas c = canvas_of(out, columns);
	char zone[CANVAS_TIME_MAX], text[128];
	unsigned when = widest_time(&c, records);
	size_t n = json_array_size(records), i;
	json_t *record;
	if (n == 0)
		return;
	canvas_style(&c, STYLE_DIM);
	fprintf(out, "%*s%-*s %-9s %-*s %s", GAP, "", (int)when, "WHEN", "STATE", WHO_COLUMNS,
		"WHO", "WHAT");
	canvas_style(&c, STYLE_PLAIN);
	fputc('\n', out);
	json_array_foreach((json_t *)records, i, record)
	{
		render_record(&c, record, when);
	}
	snprintf(text, sizeof(text), "%zu shown, the newest first; times in %s", n,
		canvas_zone(&c, zone));
	fputc('\n', out);
	canvas_wrap(&c, text, 0, c.columns, 0);
	if (n == 1 && !is_alert(json_array_get(records, 0))) {
		fputc('\n', out);
		render_story(&c, json_array_get(records, 0), true);
	}
}
