// SPDX-License-Identifier: BSD-3-Clause
#include "render_timeline.h"

#include <stdlib.h>
#include <string.h>

#include "render_story.h"
#include "text.h"

#define SHOWN_MAX 10  // lines of the log that fit a screen, beside the rest; --json has all
#define PROOFS_MAX 10 // of them, evidence
#define TIME_COLUMNS 12
#define MARK_COLUMNS 2 // "*~": evidence, and how sure it is whose line it is
#define PROOF_LINES_MAX 3
#define FEW 8	     // entries, of which each may take two lines
#define OTHERS_MIN 3 // lines beside the evidence, which say what led to it
#define WORDS_MAX 1024

// One line of the log, and what stands on the screen of it.
struct entry {
	const json_t *line;
	bool shown, proof;
	bool seen;	  // it is shown, or one like it is
	unsigned n_alike; // earlier ones that say the same, and are not shown
	char text[WORDS_MAX];
	const char *rest;
};

static bool is_phones(const json_t *line)
{
	const char *source = json_string_of(line, "source");
	return source && strcmp(source, "phone") == 0;
}

static bool is_key_true(const json_t *line, const char *key)
{
	return json_is_true(json_object_get(line, key));
}

// ---- which lines ----

static bool is_same(const json_t *a, const json_t *b)
{
	static const char *const keys[] = {"time", "code", "text"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!json_equal(json_object_get(a, keys[i]), json_object_get(b, keys[i])))
			return false;
	}
	return true;
}

static bool is_evidence(const json_t *diagnoses, size_t told, const json_t *line)
{
	for (size_t i = 0; i < told; i++) {
		const json_t *evidence = json_object_get(json_array_get(diagnoses, i), "evidence");
		for (size_t k = 0; k < json_array_size(evidence); k++) {
			if (is_same(json_array_get(evidence, k), line))
				return true;
		}
	}
	return false;
}

// The latest first, and of those that repeat themselves the latest. Returns how many.
//
// wants  which ones they are; more of them than `room` are left out
static unsigned choose(
	struct entry *entries, size_t n, bool (*wants)(const struct entry *), unsigned room)
{
	unsigned n_chosen = 0;
	for (size_t i = n; i-- > 0;) {
		if (entries[i].seen || !wants(&entries[i]))
			continue;
		bool alike = false;
		for (size_t k = 0; k < n && !alike; k++) {
			alike = entries[k].shown &&
				lines_are_alike(entries[k].line, entries[i].line);
			entries[k].n_alike += alike;
		}
		entries[i].shown = !alike && n_chosen < room;
		entries[i].seen = alike || entries[i].shown;
		n_chosen += entries[i].shown;
	}
	return n_chosen;
}

static bool is_proof(const struct entry *e)
{
	return e->proof;
}

static bool is_own(const struct entry *e)
{
	return !is_key_true(e->line, "ambiguous");
}

static bool is_own_of_phone(const struct entry *e)
{
	return is_own(e) && is_phones(e->line);
}

static bool is_own_of_asa(const struct entry *e)
{
	return is_own(e) && !is_phones(e->line);
}

static bool is_any(const struct entry *e)
{
	(void)e;
	return true;
}

// Beside the evidence, lines of either side; what could be another's tells little beside them.
static unsigned choose_others(struct entry *entries, size_t n, unsigned room)
{
	unsigned n_chosen = choose(entries, n, is_own_of_phone, room / 2);
	n_chosen += choose(entries, n, is_own_of_asa, room - n_chosen);
	n_chosen += choose(entries, n, is_own, room - n_chosen);
	if (n_chosen < OTHERS_MIN)
		n_chosen += choose(entries, n, is_any, OTHERS_MIN - n_chosen);
	return n_chosen;
}

// Where the two sides share the width, each piece of evidence takes about two lines.
static unsigned room_of_others(unsigned n_proofs, bool both)
{
	unsigned taken = both ? 2 * n_proofs : n_proofs;
	return taken + OTHERS_MIN < SHOWN_MAX ? SHOWN_MAX - taken : OTHERS_MIN;
}

static bool has_both_sides(const struct entry *entries, size_t n)
{
	bool phone = false, asa = false;
	for (size_t i = 0; i < n; i++) {
		bool is_phone = is_phones(entries[i].line);
		phone |= is_phone;
		asa |= !is_phone;
	}
	return phone && asa;
}

static struct entry *entries_of(const json_t *phone, size_t told, size_t *n, unsigned *n_shown)
{
	const json_t *timeline = json_object_get(phone, "timeline");
	const json_t *diagnoses = json_object_get(phone, "diagnoses");
	struct entry *entries = calloc(json_array_size(timeline) + 1, sizeof(*entries));
	*n = entries ? json_array_size(timeline) : 0;
	for (size_t i = 0; i < *n; i++) {
		entries[i].line = json_array_get(timeline, i);
		entries[i].proof = is_evidence(diagnoses, told, entries[i].line);
	}
	unsigned proofs = choose(entries, *n, is_proof, PROOFS_MAX);
	*n_shown = proofs +
		   choose_others(entries, *n, room_of_others(proofs, has_both_sides(entries, *n)));
	return entries;
}

// ---- their words ----

static const char *behind(const char *text, const char *first, const char *then)
{
	const char *at = strstr(text, first), *end = at ? strstr(at + strlen(first), then) : NULL;
	return end && end[strlen(then)] ? end + strlen(then) : NULL;
}

// "Group <g> User <u> IP <a> ", "Group = g, Username = u, IP = a, ": who it is stands above, and
// the room is for what happened.
static const char *skip_names(const char *words)
{
	const char *rest = NULL;
	if (strncmp(words, "Group <", 7) == 0 || strncmp(words, "TunnelGroup <", 13) == 0)
		rest = behind(words, "> IP <", "> ");
	else if (strncmp(words, "Group = ", 8) == 0)
		rest = behind(words, ", IP = ", ", ");
	return rest ? rest : words;
}

// "vpnc_send_notify: notify code: 37": the phone's function; what it did follows.
static const char *skip_function(const char *words)
{
	static const char *const letters = "abcdefghijklmnopqrstuvwxyz_0123456789";
	size_t len = strspn(words, letters);
	bool named = len && memchr(words, '_', len) && strncmp(words + len, ": ", 2) == 0;
	return named && words[len + 2] ? words + len + 2 : words;
}

// " with client outside:203.0.113.4/50030 to 198.51.100.10/443": the same holds for these.
static size_t client_len(const char *words)
{
	static const char *const starts[] = {" with client ", " for client ", " client "};
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		size_t start = strlen(starts[i]);
		if (strncmp(words, starts[i], start) != 0)
			continue;
		size_t end = start + strcspn(words + start, " ");
		if (memchr(words + start, ':', end - start) == NULL)
			return 0;
		if (strncmp(words + end, " to ", 4) == 0)
			end += 4 + strcspn(words + end + 4, " ");
		return end;
	}
	return 0;
}

static void entry_words(struct entry *e)
{
	const char *code = json_string_of(e->line, "code"), *words = line_words(e->line);
	const char *rest = is_phones(e->line) ? skip_function(words) : skip_names(words);
	FILE *out = fmemopen(e->text, sizeof(e->text), "w");
	e->rest = e->text;
	if (out == NULL)
		return;
	fprintf(out, "%s%s", code ? code : "", code ? " " : "");
	if (e->n_alike)
		fprintf(out, "%u\xc3\x97 ", e->n_alike + 1);
	fputs(rest == words || is_phones(e->line) ? "" : "\xe2\x80\xa6 ", out);
	while (*rest) {
		size_t len = client_len(rest);
		if (len)
			fputs(" \xe2\x80\xa6", out);
		else
			fputc(*rest, out);
		rest += len ? len : 1;
	}
	fclose(out);
	e->text[sizeof(e->text) - 1] = '\0';
}

// ---- on the screen ----

// One line of the entry in `width` columns; of the last, how it begins and ends.
static void entry_line(
	const struct canvas *c, struct entry *e, bool last, unsigned width, bool fill)
{
	char line[WORDS_MAX];
	size_t taken = strlen(e->rest), len = taken;
	if (!last)
		len = canvas_line(e->rest, width, &taken);
	snprintf(line, sizeof(line), "%.*s", (int)len, e->rest);
	unsigned columns = text_columns(line);
	canvas_name(c, STYLE_PLAIN, line, fill || columns > width ? width : columns);
	e->rest += taken;
}

// How sure it is whose line it is: told by the line itself, by those around it, or not for sure.
static const char *mark_of(const json_t *line)
{
	if (is_key_true(line, "ambiguous"))
		return "?";
	return is_key_true(line, "bound") ? "~" : " ";
}

// others_max  lines of one that is no evidence
static void render_entry(
	const struct canvas *c, struct entry *e, bool both, unsigned width, unsigned others_max)
{
	unsigned max = e->proof ? PROOF_LINES_MAX : others_max;
	char time[CANVAS_TIME_MAX];
	bool right = both && is_phones(e->line);
	entry_words(e);
	for (unsigned i = 0; i == 0 || *e->rest; i++) {
		canvas_cell(c, STYLE_DIM,
			i ? "" : canvas_clock(c, json_object_get(e->line, "time"), time),
			TIME_COLUMNS);
		canvas_text(c, STYLE_YELLOW, i == 0 && e->proof ? "*" : " ");
		canvas_text(c, STYLE_YELLOW, i == 0 ? mark_of(e->line) : " ");
		if (right) {
			canvas_cell(c, STYLE_PLAIN, "", width);
			fputs(" \xe2\x94\x82 ", c->out);
		}
		entry_line(c, e, i + 1 == max, width, both && !right);
		if (both && !right)
			fputs(" \xe2\x94\x82", c->out);
		fputc('\n', c->out);
	}
}

// The day, where it is not the one that a reader takes it for.
static void render_day(const struct canvas *c, const json_t *line, char *day)
{
	char date[CANVAS_TIME_MAX];
	canvas_date(c, json_object_get(line, "time"), date);
	date[strcspn(date, " ")] = '\0';
	if (strcmp(date, day) == 0 || date[0] == '\0')
		return;
	snprintf(day, CANVAS_TIME_MAX, "%s", date);
	canvas_text(c, STYLE_DIM, date);
	fputc('\n', c->out);
}

static void render_head(
	const struct canvas *c, const json_t *phone, size_t n, unsigned n_shown, const char *sides)
{
	char zone[CANVAS_TIME_MAX], text[160], part[64] = "";
	bool cut = is_key_true(phone, "timeline_cut");
	if (n_shown < n || cut)
		snprintf(part, sizeof(part), ": %u of %zu%s lines (--json: all)", n_shown, n,
			cut ? "+" : "");
	snprintf(text, sizeof(text), "%s%s, arrival in %s", sides, part, canvas_zone(c, zone));
	fputc('\n', c->out);
	canvas_text(c, STYLE_BOLD, "Time line");
	canvas_wrap(c, text, 0, c->columns - 9, 0);
}

static void render_marks(const struct canvas *c, const struct entry *entries, size_t n)
{
	bool proof = false, bound = false, ambiguous = false;
	char text[256];
	for (size_t i = 0; i < n; i++) {
		if (!entries[i].shown)
			continue;
		proof |= entries[i].proof;
		ambiguous |= is_key_true(entries[i].line, "ambiguous");
		bound |= is_key_true(entries[i].line, "bound") &&
			 !is_key_true(entries[i].line, "ambiguous");
	}
	snprintf(text, sizeof(text), "%s%s%s%s%s", proof ? "* evidence" : "",
		proof && (bound || ambiguous) ? "   " : "",
		bound ? "~ bound by the lines around it" : "", bound && ambiguous ? "   " : "",
		ambiguous ? "? could be another's" : "");
	if (text[0] == '\0')
		return;
	fputs("  ", c->out);
	canvas_wrap(c, text, 2, c->columns - 2, 0);
}

void render_timeline(const struct canvas *c, const json_t *phone, size_t told)
{
	size_t n;
	unsigned n_shown;
	struct entry *entries = entries_of(phone, told, &n, &n_shown);
	bool both = has_both_sides(entries, n);
	char day[CANVAS_TIME_MAX];
	unsigned room = c->columns - TIME_COLUMNS - MARK_COLUMNS;
	unsigned width = both ? (room - 3) / 2 : room;
	if (n_shown) {
		render_head(c, phone, n, n_shown,
			both			     ? ""
			: is_phones(entries[0].line) ? ", phone only"
						     : ", ASA only");
		if (both) {
			canvas_style(c, STYLE_DIM);
			fprintf(c->out, "%*s%-*s \xe2\x94\x82 phone\n", TIME_COLUMNS + MARK_COLUMNS,
				"", (int)width, "ASA");
			canvas_style(c, STYLE_PLAIN);
		}
	}
	snprintf(day, sizeof(day), "%s", c->today);
	for (size_t i = 0; i < n; i++) {
		if (!entries[i].shown)
			continue;
		render_day(c, entries[i].line, day);
		render_entry(c, &entries[i], both, width, both && n_shown <= FEW ? 2 : 1);
	}
	render_marks(c, entries, n);
	free(entries);
}
