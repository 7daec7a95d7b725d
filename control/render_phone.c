// SPDX-License-Identifier: BSD-3-Clause
// One phone as a story: who it is, what was logged of it by both sides on one clock, what is wrong.
#include <string.h>

#include "render.h"
#include "render_story.h"
#include "render_timeline.h"

#define NAME_COLUMNS 14
#define PAIR_COLUMNS 76
#define STORIES_MAX 2

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
	const char *model = json_string_of(phone, "model");
	canvas_text(c, STYLE_BOLD, diagnosis_subject(phone));
	if (model)
		fputs("  ", c->out);
	canvas_text(c, STYLE_PLAIN, model);
	if (!json_is_true(json_object_get(phone, "is_phone")))
		fputs("  (nothing has tied it to a phone)", c->out);
	fputc('\n', c->out);
}

static void render_rows(const struct canvas *c, const json_t *phone)
{
	static const char *const rows[][4] = {
		{"client", "client_ip", "tunnel", "tunnel_ip"},
		{"gateway", "gateway", "tunnel group", "tunnel_group"},
		{"user", "user", "group policy", "group_policy"},
	};
	char first[CANVAS_TIME_MAX], last[CANVAS_TIME_MAX];
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

// ---- the story ----

// Open ones are told in full, and of those that are over the last one, when nothing is open.
static json_t *in_order(const json_t *diagnoses, size_t *told)
{
	json_t *list = json_array(), *d;
	size_t i, n_open;
	json_array_foreach((json_t *)diagnoses, i, d)
	{
		if (diagnosis_is_open(d))
			json_array_append(list, d);
	}
	n_open = json_array_size(list);
	json_array_foreach((json_t *)diagnoses, i, d)
	{
		if (!diagnosis_is_open(d))
			json_array_append(list, d);
	}
	*told = n_open ? n_open : json_array_size(list) > 0;
	return list;
}

static bool is_ambiguous(const json_t *d)
{
	return json_is_true(json_object_get(d, "ambiguous"));
}

// What a glance is to tell, before all else.
static void render_glance(const struct canvas *c, const json_t *diagnoses)
{
	size_t i;
	json_t *d;
	if (json_array_size(diagnoses) == 0)
		fputs("  Nothing is known to be wrong.\n", c->out);
	else if (!diagnosis_is_open(json_array_get(diagnoses, 0)))
		fputs("  Nothing is wrong now; what was is below.\n", c->out);
	json_array_foreach((json_t *)diagnoses, i, d)
	{
		const char *title = json_string_of(d, "title");
		title = title ? title : json_string_of(d, "diagnosis");
		if (!diagnosis_is_open(d))
			break;
		fputs("  ", c->out);
		canvas_text(c, confidence_style(d), json_string_of(d, "confidence"));
		fputs(is_ambiguous(d) ? "?: " : ": ", c->out);
		canvas_style(c, STYLE_BOLD);
		canvas_wrap(c, title ? title : "", 4,
			c->columns - 4 - text_columns(json_string_of(d, "confidence")) - 1, 0);
		canvas_style(c, STYLE_PLAIN);
	}
}

void render_phone(FILE *out, const json_t *phone, unsigned columns)
{
	struct canvas c = canvas_of(out, columns);
	size_t i, told;
	json_t *diagnoses = in_order(json_object_get(phone, "diagnoses"), &told), *d;
	json_t *ordered = json_copy((json_t *)phone);
	if (ordered)
		json_object_set(ordered, "diagnoses", diagnoses);
	render_who(&c, phone);
	render_glance(&c, diagnoses);
	render_rows(&c, phone);
	render_timeline(&c, ordered, told);
	json_array_foreach(diagnoses, i, d)
	{
		fputc('\n', out);
		if (i < told)
			render_story(&c, d, false);
		else
			render_verdict(&c, d);
	}
	json_decref(ordered);
	json_decref(diagnoses);
}

// ---- several, that one key can mean ----

// What names one of them alone: "SEP8CB64F576113", else the user, the tunnel's address, the
// client's.
static const char *only_name(const json_t *phones, const json_t *phone)
{
	static const char *const keys[] = {"device", "user", "tunnel_ip", "client_ip"};
	size_t i;
	json_t *other;
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		const char *name = json_string_of(phone, keys[k]);
		bool only = name != NULL;
		json_array_foreach((json_t *)phones, i, other)
		{
			const char *same = json_string_of(other, keys[k]);
			only = only && (other == phone || same == NULL || strcmp(same, name) != 0);
		}
		if (only)
			return name;
	}
	return NULL;
}

static const json_t *first_open(const json_t *phone)
{
	const json_t *diagnoses = json_object_get(phone, "diagnoses");
	size_t i;
	json_t *d;
	json_array_foreach((json_t *)diagnoses, i, d)
	{
		if (diagnosis_is_open(d))
			return d;
	}
	return NULL;
}

static void render_choice(const struct canvas *c, const json_t *phones)
{
	size_t i;
	json_t *phone;
	fprintf(c->out, "%zu match this key; for the story of one: offhook phone NAME\n",
		json_array_size(phones));
	json_array_foreach((json_t *)phones, i, phone)
	{
		const char *name = only_name(phones, phone);
		const json_t *wrong = first_open(phone);
		fputs("  ", c->out);
		canvas_name(c, STYLE_BOLD, name ? name : diagnosis_subject(phone), 24);
		fputs("  ", c->out);
		if (wrong) {
			canvas_cell(c, confidence_style(wrong), is_ambiguous(wrong) ? "?" : "", 2);
			canvas_text(c, STYLE_PLAIN, json_string_of(wrong, "diagnosis"));
			fputs(", ", c->out);
			canvas_text(
				c, confidence_style(wrong), json_string_of(wrong, "confidence"));
		} else {
			fputs("  nothing wrong now", c->out);
		}
		fputc('\n', c->out);
	}
}

// Up to two are told at once; of more, those that nothing names alone.
void render_phones(FILE *out, const json_t *phones, unsigned columns)
{
	struct canvas c = canvas_of(out, columns);
	size_t i, n = json_array_size(phones);
	json_t *phone;
	if (n > 1)
		render_choice(&c, phones);
	json_array_foreach((json_t *)phones, i, phone)
	{
		if (n > STORIES_MAX && only_name(phones, phone))
			continue;
		if (n > 1)
			fputs("\n\n", out);
		render_phone(out, phone, columns);
	}
}
