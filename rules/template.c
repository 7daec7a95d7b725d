// SPDX-License-Identifier: BSD-3-Clause
#include "template.h"

#include <ctype.h>
#include <stdio.h>
#ifdef __SSE2__
#	include <emmintrin.h>
#endif

// Places tried for the ends of fields. A genuine line needs a few hundred, and one of
// EVENT_LINE_MAX at most twice its length; a hostile one can make each field try every place again.
#define TEMPLATE_STEPS_MAX 4000
#define LITERAL_LETTERS_MIN 3 // letters and digits that the longest literal must hold

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

// One literal, canonical: a run of blanks is one space, none before a colon.
static struct slice canonical(struct slice literal, struct obstack *arena)
{
	for (uint32_t i = 0; i < literal.len; i++) {
		char c = literal.data[i];
		if (is_blank(c)) {
			while (i + 1 < literal.len && is_blank(literal.data[i + 1]))
				i++;
			if (i + 1 < literal.len && literal.data[i + 1] == ':')
				continue;
			c = ' ';
		}
		obstack_1grow(arena, c);
	}
	uint32_t len = (uint32_t)obstack_object_size(arena);
	obstack_1grow(arena, '\0');
	return (struct slice){obstack_finish(arena), len};
}

static const char *format_error(struct obstack *arena, const char *format, struct slice what)
{
	obstack_printf(arena, format, (int)what.len, what.data);
	obstack_1grow(arena, '\0');
	return obstack_finish(arena);
}

// The inside of one pair of braces: name or name:type.
static const char *parse_field(struct slice inside, struct obstack *arena, struct template_op *op)
{
	const char *colon = memchr(inside.data, ':', inside.len);
	struct slice name =
		slice_first(inside, colon ? (uint32_t)(colon - inside.data) : inside.len);
	if (name.len == 0 || name.len > 32)
		return "a placeholder needs a name of 1 to 32 characters";
	for (uint32_t i = 0; i < name.len; i++) {
		if (!islower((unsigned char)name.data[i]) && name.data[i] != '_')
			return format_error(
				arena, "placeholder {%.*s}: a name has letters a-z and _", inside);
	}
	if (colon == NULL) {
		op->field = field_find(name);
		if (op->field == FIELD_NONE)
			return format_error(arena,
				"placeholder {%.*s} has no known type; write {name:type}, type one of "
				"text user word address port number device hash list",
				inside);
	} else {
		enum field_type type = field_type_find(slice_from(inside, name.len + 1));
		if (type == FIELD_TYPE_MAX)
			return format_error(arena,
				"placeholder {%.*s} is of unknown type; types are text user word "
				"address port number device hash list",
				inside);
		op->field = field_add(name, type);
		if (op->field == FIELD_NONE)
			return format_error(arena,
				"placeholder {%.*s}: the name has another type elsewhere, or there "
				"are too many names",
				inside);
	}
	op->type = (uint8_t)field_type_of(op->field);
	op->literal = (struct slice){0};
	return NULL;
}

static bool add_literal(struct template *out, struct slice literal, struct obstack *arena)
{
	if (literal.len == 0)
		return true;
	if (out->n_ops == TEMPLATE_OPS_MAX)
		return false;
	out->ops[out->n_ops++] = (struct template_op){.literal = canonical(literal, arena)};
	return true;
}

static void remove_op(struct template *t, unsigned at)
{
	memmove(&t->ops[at], &t->ops[at + 1], (--t->n_ops - at) * sizeof(t->ops[0]));
}

static char closing(char open)
{
	return (char)(open == '<' ? '>' : open == '\'' || open == '"' ? open : '\0');
}

// `<{field}>`: the marks go from the literals to the field, for they come and go together.
static void take_marks(struct template *t)
{
	for (unsigned i = 1; i + 1 < t->n_ops; i++) {
		struct slice *before = &t->ops[i - 1].literal, *after = &t->ops[i + 1].literal;
		bool last = i + 2 == t->n_ops;
		if (t->ops[i].literal.len || before->len < 2 || after->len < (last ? 1 : 2))
			continue;
		char open = before->data[before->len - 1], close = closing(open);
		if (close == '\0' || after->data[0] != close)
			continue;
		t->ops[i].open = open;
		t->ops[i].close = close;
		before->len--;
		*after = slice_from(*after, 1);
		if (after->len == 0)
			remove_op(t, i + 1);
	}
}

static unsigned letters(struct slice literal)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < literal.len; i++)
		n += isalnum((unsigned char)literal.data[i]) ||
		     (unsigned char)literal.data[i] >= 0x80;
	return n;
}

static const struct template_op *longest_literal(const struct template *template)
{
	const struct template_op *best = NULL;
	for (unsigned i = 0; i < template->n_ops; i++) {
		const struct template_op *op = &template->ops[i];
		if (op->literal.len &&
			(best == NULL || letters(op->literal) > letters(best->literal)))
			best = op;
	}
	return best;
}

// Addresses are printed in brackets here and there.
static void take_address_marks(struct template *t)
{
	for (unsigned i = 0; i < t->n_ops; i++) {
		if (t->ops[i].literal.len == 0 && t->ops[i].type == TYPE_ADDRESS &&
			t->ops[i].open == '\0') {
			t->ops[i].open = '<';
			t->ops[i].close = '>';
		}
	}
}

static const char *check(const struct template *t)
{
	unsigned n_fields = 0;
	for (unsigned i = 0; i < t->n_ops; i++) {
		if (t->ops[i].literal.len)
			continue;
		n_fields++;
		if (i > 0 && t->ops[i - 1].literal.len == 0)
			return "two placeholders need literal text between them";
		for (unsigned k = 0; k < i; k++) {
			if (t->ops[k].literal.len == 0 && t->ops[k].field == t->ops[i].field)
				return "a placeholder stands twice";
		}
	}
	if (n_fields > TEMPLATE_FIELDS_MAX)
		return "more than 14 placeholders";
	const struct template_op *best = longest_literal(t);
	if (best == NULL || letters(best->literal) < LITERAL_LETTERS_MIN)
		return "no literal text to find the message by (3 letters or digits in a row of text)";
	if (!t->anchored && t->ops[0].literal.len == 0)
		return "a phone's text must begin with literal text";
	return NULL;
}

// Split the text at its braces; `{{` stands for one.
static const char *split(struct slice text, struct obstack *arena, struct template *out)
{
	static const char too_long[] = "more than 40 pieces of literal text and placeholders";
	uint32_t start = 0, at = 0;
	while (at < text.len) {
		if (text.data[at] != '{') {
			at++;
			continue;
		}
		if (at + 1 < text.len && text.data[at + 1] == '{') {
			if (!add_literal(out, slice_first(slice_from(text, start), at + 1 - start),
				    arena))
				return too_long;
			start = at += 2;
			continue;
		}
		const char *end = memchr(text.data + at, '}', text.len - at);
		if (end == NULL)
			return "a { without its }";
		if (!add_literal(out, slice_first(slice_from(text, start), at - start), arena) ||
			out->n_ops == TEMPLATE_OPS_MAX)
			return too_long;
		uint32_t close = (uint32_t)(end - text.data);
		struct slice inside = slice_first(slice_from(text, at + 1), close - at - 1);
		const char *error = parse_field(inside, arena, &out->ops[out->n_ops]);
		if (error)
			return error;
		out->n_ops++;
		start = at = close + 1;
	}
	return add_literal(out, slice_from(text, start), arena) ? NULL : too_long;
}

static bool is_within_word(enum field_type type)
{
	return type != TYPE_TEXT && type != TYPE_USER && type != TYPE_LIST;
}

static bool is_plain(char c)
{
	return c != ' ' && c != ':';
}

// What of a literal is looked for beforehand; empty: nothing.
static struct slice landmark_of(struct slice literal)
{
	uint32_t i = 0;
	if (literal.len == 0)
		return literal;
	while (i + 1 < literal.len && !(is_plain(literal.data[i]) && is_plain(literal.data[i + 1])))
		i++;
	uint32_t end = literal.len - (literal.data[literal.len - 1] == ' ');
	return i + 1 < end ? slice_from(slice_first(literal, end), i) : (struct slice){0};
}

// What template_match() would have to find out of each line anew.
static void prepare(struct template *t)
{
	bool text_follows = false;
	for (unsigned i = t->n_ops; i-- > 0;) {
		struct template_op *op = &t->ops[i];
		if (op->literal.len) {
			size_t len = op->literal.len < 8 ? op->literal.len : 8;
			memcpy(&op->head, op->literal.data, len);
			memset(&op->mask, 0xff, len);
			continue;
		}
		op->greedy = field_type_is_greedy((enum field_type)op->type);
		op->within_word = is_within_word((enum field_type)op->type);
		op->text_follows = text_follows;
		text_follows |= op->type == TYPE_TEXT;
	}
	for (unsigned i = t->anchored; i < t->n_ops && t->n_landmarks < TEMPLATE_LANDMARKS_MAX;
		i++) {
		struct slice landmark = landmark_of(t->ops[i].literal);
		if (landmark.len)
			t->landmarks[t->n_landmarks++] = landmark;
	}
}

bool template_parse(struct slice text, bool anchored, struct obstack *arena, struct template *out,
	const char **error)
{
	*out = (struct template){.anchored = anchored};
	text = slice_trim(text);
	if (text.len > 1 && text.data[text.len - 1] == '.')
		text.len--;
	*error = split(text, arena, out);
	if (*error == NULL) {
		take_marks(out);
		take_address_marks(out);
		*error = check(out);
		prepare(out);
	}
	return *error == NULL;
}

const char *template_pattern(const struct template *template, struct obstack *arena)
{
	struct slice literal = longest_literal(template)->literal;
	bool start = template->anchored && literal.data == template->ops[0].literal.data;
	obstack_grow(arena, start ? "^" : "", start ? 1 : 0);
	for (uint32_t i = 0; i < literal.len; i++) {
		unsigned char c = (unsigned char)literal.data[i];
		// Blanks at the ends are the neighbours' matter: a line may be cut or wrapped
		// there.
		if (c == ' ') {
			if (i > 0 && i + 1 < literal.len)
				obstack_grow(arena, "[ \\t]+", 6);
		} else if (c == ':' && i > 0) {
			obstack_grow(arena, "[ \\t]*:", 7);
		} else if (isalnum(c) || c >= 0x80) {
			obstack_1grow(arena, (char)c);
		} else {
			obstack_printf(arena, "\\x%02x", c);
		}
	}
	obstack_1grow(arena, '\0');
	return obstack_finish(arena);
}

struct program {
	const struct template *template;
	struct slice text;
	struct field_value *values;
	int n_values;
	unsigned steps;
	bool refused;
	bool ambiguous; // a user's name ends at one of two places
};

// The same, with blanks as the line has them.
static int32_t loose_literal_end(struct slice literal, struct slice text, uint32_t at)
{
	for (uint32_t i = 0; i < literal.len; i++) {
		char c = literal.data[i];
		if (c == ' ') {
			if (at < text.len && is_blank(text.data[at])) {
				while (at < text.len && is_blank(text.data[at]))
					at++;
				continue;
			}
			// What follows it is missing as a whole.
			bool last = i + 1 == literal.len;
			bool over = at >= text.len || (at + 1 == text.len && text.data[at] == '.');
			return last && over ? (int32_t)text.len : -1;
		}
		if (c == ':') {
			while (at < text.len && is_blank(text.data[at]))
				at++;
		}
		if (at >= text.len || text.data[at] != c)
			return -1;
		at++;
	}
	return (int32_t)at;
}

// Where a piece of a literal that begins with a letter ends.
static int32_t text_end(struct slice piece, struct slice text, uint32_t at)
{
	bool same =
		at + piece.len <= text.len && memcmp(text.data + at, piece.data, piece.len) == 0;
	return same ? (int32_t)(at + piece.len) : loose_literal_end(piece, text, at);
}

// Where a literal that starts at `at` ends, or -1. Mostly the line has it as it is written; but for
// what may follow a blank at its end.
static inline int32_t literal_end(const struct template_op *op, struct slice text, uint32_t at)
{
	struct slice literal = op->literal;
	char first = literal.data[0];
	uint64_t word;
	if (first != ' ' && first != ':' && (at >= text.len || text.data[at] != first))
		return -1;
	if (at + 8 > text.len || at + literal.len > text.len)
		return loose_literal_end(literal, text, at);
	memcpy(&word, text.data + at, sizeof(word));
	if (((word ^ op->head) & op->mask) != 0 ||
		(literal.len > 8 &&
			memcmp(text.data + at + 8, literal.data + 8, literal.len - 8) != 0))
		return loose_literal_end(literal, text, at);
	at += literal.len;
	if (literal.data[literal.len - 1] == ' ') {
		while (at < text.len && is_blank(text.data[at]))
			at++;
	}
	return (int32_t)at;
}

static bool in_last_value(enum field_type type, unsigned char c)
{
	switch (type) {
	case TYPE_PORT:
	case TYPE_NUMBER:
		return isdigit(c);
	case TYPE_HASH:
	case TYPE_DEVICE:
		return isalnum(c);
	case TYPE_ADDRESS:
		return isalnum(c) || strchr(":._-", c) != NULL;
	case TYPE_WORD:
		return !isspace(c);
	default:
		return true;
	}
}

static struct slice trim_end(struct slice value)
{
	while (value.len && is_blank(value.data[value.len - 1]))
		value.len--;
	return value;
}

// The value of a field that nothing follows: as far as its type reaches, less a closing mark.
static struct slice last_value(enum field_type type, struct slice text, uint32_t at)
{
	struct slice value = slice_from(text, at);
	uint32_t len = 0;
	if (is_within_word(type)) {
		while (len < value.len && value.data[len] &&
			in_last_value(type, (unsigned char)value.data[len]))
			len++;
	} else {
		len = (uint32_t)strnlen(value.data, value.len);
	}
	value.len = len;
	value = trim_end(value);
	if (value.len && strchr(type == TYPE_ADDRESS ? ".:" : ".,", value.data[value.len - 1]))
		value.len--;
	return trim_end(value);
}

static bool store(struct program *p, const struct template_op *op, uint32_t at, uint32_t len)
{
	struct slice value = {p->text.data + at, len};
	if (!field_accepts((enum field_type)op->type, value)) {
		p->refused = true;
		return false;
	}
	p->values[p->n_values++] =
		(struct field_value){op->field, op->type, (uint16_t)at, (uint16_t)len};
	return true;
}

static bool run(struct program *p, unsigned op_index, uint32_t at);

// How far a field could reach at most: those of most types end at white space.
static uint32_t reach(const struct template_op *op, struct slice text, uint32_t at)
{
	if (!op->within_word)
		return text.len;
#ifdef __SSE2__
	for (; at + 16 <= text.len; at += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(text.data + at));
		// Of '\t' to '\r': no more than '\r', and no less than '\t'.
		__m128i controls = _mm_and_si128(
			_mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8('\r')), bytes),
			_mm_cmpeq_epi8(_mm_max_epu8(bytes, _mm_set1_epi8('\t')), bytes));
		int found = _mm_movemask_epi8(
			_mm_or_si128(controls, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(' '))));
		if (found)
			return at + (uint32_t)__builtin_ctz((unsigned)found);
	}
#endif
	while (at < text.len && !isspace((unsigned char)text.data[at]))
		at++;
	return at;
}

// Whether a field may end at `end`, before a literal that begins with a blank or a colon, by the
// characters there: most places are told apart so.
static inline bool may_end(char first, struct slice text, uint32_t at, uint32_t end)
{
	// A run of blanks before or at the start of the literal is taken as one, from its start:
	// from within it, the rest would be the same.
	return end == at ||
	       (!is_blank(text.data[end - 1]) &&
		       (end == text.len || text.data[end] == first || is_blank(text.data[end])));
}

// Whether one certain character is all that a field can end before: not where the literal begins
// with what may be blanks.
static bool is_plain_end(struct slice literal, char close)
{
	return close || (literal.data[0] != ' ' && literal.data[0] != ':');
}

// The first place from `at` on that has the character, or a blank where those count, or that is the
// end of the text.
static inline uint32_t next_place(struct slice text, uint32_t at, char wanted, bool blanks)
{
#ifdef __SSE2__
	for (; at + 16 <= text.len; at += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(text.data + at));
		__m128i here = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(wanted));
		if (blanks)
			here = _mm_or_si128(
				here, _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(' ')),
					      _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'))));
		int found = _mm_movemask_epi8(here);
		if (found)
			return at + (uint32_t)__builtin_ctz((unsigned)found);
	}
#endif
	while (at < text.len && text.data[at] != wanted && !(blanks && is_blank(text.data[at])))
		at++;
	return at;
}

// How many places from `from` up to `last` are passed before one where the field may end.
static uint32_t passed_up(struct slice literal, struct slice text, uint32_t at, uint32_t from,
	uint32_t last, char close)
{
	char first = close ? close : literal.data[0];
	uint32_t i = from;
	if (is_plain_end(literal, close)) {
		struct slice before = slice_first(text, last + 1);
		i = next_place(before, i, first, false);
		return (i < before.len ? i : last + 1) - from;
	}
	while (i <= last && !may_end(first, text, at, i))
		i = next_place(text, i + 1, first, true);
	return (i <= last ? i : last + 1) - from;
}

// The same from `from` down to `at`.
static uint32_t passed_down(
	struct slice literal, struct slice text, uint32_t at, uint32_t from, char close)
{
	char first = close ? close : literal.data[0];
	uint32_t n = 0;
	if (is_plain_end(literal, close)) {
		uint32_t end = from < text.len ? from + 1 : text.len;
		const char *found = at < end ? memrchr(text.data + at, first, end - at) : NULL;
		return found ? from - (uint32_t)(found - text.data) : from - at + 1;
	}
	while (n <= from - at && !may_end(first, text, at, from - n))
		n++;
	return n;
}

// Where the literal after a field ends when the field ends at `end`, or -1.
static int32_t after_field(const struct program *p, const struct template_op *op, uint32_t at,
	uint32_t end, char close)
{
	struct slice text = p->text, literal = op->literal;
	if (close)
		return literal_end(op, text, end + 1);
	int32_t next = literal_end(op, text, end);
	// "User  IP": the blanks are those of both literals, and the value is missing.
	if (next < 0 && end == at && at > 0 && literal.data[0] == ' ' && literal.len > 1 &&
		is_blank(text.data[at - 1]))
		next = loose_literal_end(slice_from(literal, 1), text, at);
	return next;
}

// Whether a user's name could also end before `end`: the farthest end is the true one unless a
// later value (a client's name of itself) was written to look like the line's own text.
static bool fits_sooner(
	const struct program *p, unsigned op_index, uint32_t at, uint32_t end, char close)
{
	if (!p->template->ops[op_index].text_follows)
		return false;
	const struct template_op *behind = &p->template->ops[op_index + 1];
	struct slice literal = behind->literal;
	struct field_value values[TEMPLATE_FIELDS_MAX];
	struct program other = *p;
	other.values = values;
	for (uint32_t i = at; i < end; i++) {
		i += passed_up(literal, p->text, at, i, end - 1, close);
		if (i == end)
			break;
		other.n_values = 0;
		int32_t next = after_field(p, behind, at, i, close);
		if (next >= 0 && run(&other, op_index + 2, (uint32_t)next))
			return true;
	}
	return other.steps > TEMPLATE_STEPS_MAX; // who made the search give up
}

static bool run_last_field(struct program *p, const struct template_op *op, uint32_t at, char close)
{
	struct slice rest = slice_from(p->text, at);
	if (!close) {
		struct slice value = last_value((enum field_type)op->type, p->text, at);
		// No address is one thing, one that cannot be read another.
		if (op->type == TYPE_ADDRESS && value.len == 0)
			value = last_value(TYPE_WORD, p->text, at);
		return store(p, op, at, value.len);
	}
	const char *end = op->greedy ? memrchr(rest.data, close, rest.len)
				     : memchr(rest.data, close, rest.len);
	return end && store(p, op, at, (uint32_t)(end - rest.data));
}

// A field between literals: try every place where the next literal stands, nearest or farthest
// first.
static bool run_field(struct program *p, unsigned op_index, uint32_t at)
{
	const struct template_op *op = &p->template->ops[op_index];
	char close = '\0'; // what this value must end with
	if (op->open && at < p->text.len && p->text.data[at] == op->open) {
		close = op->close;
		at++;
	}
	if (op_index + 1 == p->template->n_ops)
		return run_last_field(p, op, at, close);
	struct slice literal = p->template->ops[op_index + 1].literal;
	bool greedy = op->greedy;
	uint32_t last = reach(op, p->text, at);
	for (uint32_t i = at; i <= last && !p->ambiguous; i++) {
		uint32_t n_passed =
			greedy ? passed_down(literal, p->text, at, last - (i - at), close)
			       : passed_up(literal, p->text, at, i, last, close);
		i += n_passed;
		p->steps += n_passed + (i <= last);
		if (p->steps > TEMPLATE_STEPS_MAX || i > last)
			return false;
		uint32_t end = greedy ? last - (i - at) : i;
		int32_t next = after_field(p, op + 1, at, end, close);
		if (next < 0)
			continue;
		int n_before = p->n_values;
		if (store(p, op, at, end - at) && run(p, op_index + 2, (uint32_t)next)) {
			p->ambiguous |= greedy && fits_sooner(p, op_index, at, end, close);
			return !p->ambiguous;
		}
		p->n_values = n_before;
	}
	return false;
}

static bool run(struct program *p, unsigned op_index, uint32_t at)
{
	if (op_index >= p->template->n_ops)
		return true;
	const struct template_op *op = &p->template->ops[op_index];
	if (op->literal.len == 0)
		return run_field(p, op_index, at);
	int32_t end = literal_end(op, p->text, at);
	return end >= 0 && run(p, op_index + 1, (uint32_t)end);
}

// Whether a landmark stands behind *at, which goes on to its end.
static bool find_landmark(struct slice text, uint32_t *at, struct slice landmark)
{
	uint32_t i = *at;
	int32_t end;
#ifdef __SSE2__
	__m128i first = _mm_set1_epi8(landmark.data[0]), second = _mm_set1_epi8(landmark.data[1]);
	for (; i + 17 <= text.len; i += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(text.data + i));
		__m128i nexts = _mm_loadu_si128((const __m128i *)(text.data + i + 1));
		unsigned found = (unsigned)_mm_movemask_epi8(
			_mm_and_si128(_mm_cmpeq_epi8(bytes, first), _mm_cmpeq_epi8(nexts, second)));
		for (; found; found &= found - 1) {
			end = text_end(landmark, text, i + (uint32_t)__builtin_ctz(found));
			if (end >= 0) {
				*at = (uint32_t)end;
				return true;
			}
		}
	}
#endif
	for (end = -1; end < 0 && i < text.len; i++)
		end = text.data[i] == landmark.data[0] ? text_end(landmark, text, i) : -1;
	*at = (uint32_t)end;
	return end >= 0;
}

static bool has_landmarks(const struct template *t, struct slice text)
{
	uint32_t at = 0;
	for (unsigned i = 0; i < t->n_landmarks; i++) {
		if (!find_landmark(text, &at, t->landmarks[i]))
			return false;
	}
	return true;
}

int template_match(const struct template *template, struct slice text, struct field_value *values,
	bool *refused)
{
	struct program p = {.template = template, .text = text, .values = values};
	char first = template->ops[0].literal.len ? template->ops[0].literal.data[0] : ' ';
	uint32_t last = template->anchored ? 0 : text.len;
	bool matched = false;
	*refused = false;
	if (!has_landmarks(template, text))
		return TEMPLATE_NO_MATCH;
	for (uint32_t at = 0;
		at <= last && !matched && !p.ambiguous && p.steps <= TEMPLATE_STEPS_MAX; at++) {
		uint32_t passed = 0;
		if (!template->anchored && first != ' ' && first != ':')
			passed = next_place(text, at, first, false) - at;
		at += passed;
		p.steps += passed + 1;
		p.n_values = 0;
		matched = run(&p, 0, at);
	}
	*refused = !matched && p.refused;
	if (p.ambiguous)
		return TEMPLATE_AMBIGUOUS;
	return matched ? p.n_values : TEMPLATE_NO_MATCH;
}
