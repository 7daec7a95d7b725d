// SPDX-License-Identifier: BSD-3-Clause
// One phone as a story: who it is, what was logged of it by both sides on one clock, what is wrong.
#include <string.h>

#include "render.h"
#include "render_story.h"
#include "render_timeline.h"
#include "text.h"

#define NAME_COLUMNS 14
#define PAIR_COLUMNS 76
#define STORIES_MAX 2
#define CHOICE_MAX 128 // bytes of what is wrong with one of several
#define RANK_SUSPECTED 2
#define RANK_OVER 3

// ---- who ----

// Two to a line, where the terminal has room for two. What does not fit into its half stands alone
// on its line.
static void pair(const struct canvas *c, const char *name, const char *value, bool first)
{
	bool two = c->columns >= PAIR_COLUMNS;
	unsigned width = two ? (c->columns - 2) / 2 - NAME_COLUMNS : 0;
	unsigned room = c->columns - 2 - NAME_COLUMNS;
	value = value ? value : "-";
	unsigned columns = text_columns(value);
	bool fits = two && columns < width;
	if (two && !first && !fits)
		fputc('\n', c->out);
	fprintf(c->out, "%s", first || !fits ? "  " : "");
	canvas_cell(c, STYLE_DIM, name, NAME_COLUMNS);
	canvas_name(c, STYLE_PLAIN, value, first && fits ? width : columns < room ? columns : room);
	if (first && two && !fits)
		fprintf(c->out, "\n%*s", (int)(2 + NAME_COLUMNS + width), "");
	if (!first || !two)
		fputc('\n', c->out);
}

static void render_who(const struct canvas *c, const json_t *phone)
{
	const char *model = json_string_of(phone, "model");
	uint64_t others = json_number_of(phone, "others_at_address");
	canvas_text(c, STYLE_BOLD, diagnosis_subject(phone));
	if (model)
		fputs("  ", c->out);
	canvas_text(c, STYLE_PLAIN, model);
	if (!json_is_true(json_object_get(phone, "is_phone")))
		fputs("  (nothing has tied it to a phone)", c->out);
	if (others)
		fprintf(c->out, "  (%llu more at its address)", (unsigned long long)others);
	fputc('\n', c->out);
}

static void render_rows(const struct canvas *c, const json_t *phone)
{
	static const char *const rows[][4] = {
		{"client", "client_ip", "tunnel", "tunnel_ip"},
		{"gateway", "gateway", "tunnel group", "tunnel_group"},
		{"user", "user", "group policy", "group_policy"},
	};
	char last[CANVAS_TIME_MAX], up[CANVAS_TIME_MAX];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pair(c, rows[i][0], json_string_of(phone, rows[i][1]), true);
		pair(c, rows[i][2], json_string_of(phone, rows[i][3]), false);
	}
	canvas_date(c, json_object_get(phone, "last_seen"), last);
	canvas_date(c, json_object_get(phone, "tunnel_up_at"), up);
	pair(c, "last seen", last[0] ? last : NULL, true);
	pair(c, "last tunnel", up[0] ? up : NULL, false);
}

// ---- the story ----

// How soon one is told: open ones by how sure they are, then those that are over.
static unsigned rank_of(const json_t *d)
{
	static const char *const ranks[] = {"confirmed", "probable", "suspected"};
	const char *confidence = json_string_of(d, "confidence");
	unsigned rank = 0;
	if (!diagnosis_is_open(d))
		return RANK_OVER;
	while (rank < RANK_SUSPECTED && confidence && strcmp(confidence, ranks[rank]) != 0)
		rank++;
	return rank;
}

// Told in full are all that are better than a suspicion; where there are none, the first.
static json_t *in_order(const json_t *diagnoses, size_t *told)
{
	json_t *list = json_array(), *d;
	size_t i;
	*told = 0;
	for (unsigned rank = 0; rank <= RANK_OVER; rank++) {
		json_array_foreach((json_t *)diagnoses, i, d)
		{
			if (rank_of(d) == rank)
				json_array_append(list, d);
		}
		if (rank < RANK_SUSPECTED)
			*told = json_array_size(list);
	}
	if (*told == 0 && json_array_size(list))
		*told = 1;
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

static void render_one_of(const struct canvas *c, const json_t *phones, const json_t *phone)
{
	const char *name = only_name(phones, phone);
	const json_t *wrong = first_open(phone);
	unsigned width = c->columns < 44 ? c->columns - 20 : 24, room = c->columns - width - 6;
	char text[CHOICE_MAX] = "nothing wrong now";
	if (wrong)
		snprintf(text, sizeof(text), "%s, %s",
			json_string_of(wrong, "diagnosis") ? json_string_of(wrong, "diagnosis")
							   : "",
			json_string_of(wrong, "confidence") ? json_string_of(wrong, "confidence")
							    : "");
	fputs("  ", c->out);
	canvas_name(c, STYLE_BOLD, name ? name : diagnosis_subject(phone), width);
	fprintf(c->out, "  %s ", wrong && is_ambiguous(wrong) ? "?" : " ");
	canvas_cell(c, wrong ? confidence_style(wrong) : STYLE_PLAIN, text,
		text_columns(text) < room ? text_columns(text) : room);
	fputc('\n', c->out);
}

// Those with something wrong come first.
static void render_choice(const struct canvas *c, const json_t *phones)
{
	size_t i;
	json_t *phone;
	fprintf(c->out, "%zu match this key; for the story of one: offhook phone NAME\n",
		json_array_size(phones));
	json_array_foreach((json_t *)phones, i, phone)
	{
		if (first_open(phone))
			render_one_of(c, phones, phone);
	}
	json_array_foreach((json_t *)phones, i, phone)
	{
		if (!first_open(phone))
			render_one_of(c, phones, phone);
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
