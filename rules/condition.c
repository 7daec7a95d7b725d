// SPDX-License-Identifier: BSD-3-Clause
#include "condition.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

// Of ASCII letters alone, as everywhere in logs; no call for each character.
static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | ('a' - 'A')) : c;
}

// The first place from `at` on where what begins with such a character can stand; nothing more can
// stand at the end.
static uint32_t next_start(char first, struct slice text, uint32_t at)
{
	if (first == '\0')
		return text.len;
	if (first == '*' || first == ' ')
		return at;
	first = lower(first);
	while (at < text.len && lower(text.data[at]) != first)
		at++;
	return at;
}

bool glob_matches(const char *glob, struct slice text)
{
	const char *star = NULL;
	uint32_t at = 0, mark = 0;
	while (at < text.len) {
		if (*glob == '*') {
			star = ++glob;
			mark = at = next_start(*star, text, at);
		} else if (*glob == ' ' && is_blank(text.data[at])) {
			glob++;
			while (at < text.len && is_blank(text.data[at]))
				at++;
		} else if (*glob && lower(*glob) == lower(text.data[at])) {
			glob++;
			at++;
		} else if (star) {
			glob = star;
			mark = at = next_start(*star, text, mark + 1);
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

struct slice field_value_find(
	struct slice text, const struct field_value *values, unsigned n_values, uint8_t field)
{
	for (unsigned i = 0; i < n_values; i++) {
		if (values[i].field == field)
			return slice_first(slice_from(text, values[i].offset), values[i].len);
	}
	return (struct slice){0};
}

bool list_next(struct slice *list, struct slice *word)
{
	static const char dividers[] = ",: \t";
	uint32_t start = 0;
	while (start < list->len && strchr(dividers, list->data[start]))
		start++;
	uint32_t end = start;
	while (end < list->len && !strchr(dividers, list->data[end]))
		end++;
	*word = slice_first(slice_from(*list, start), end - start);
	*list = slice_from(*list, end);
	return word->len > 0;
}

static bool any_glob(const struct condition *condition, struct slice value)
{
	for (unsigned i = 0; i < condition->n_globs; i++) {
		if (glob_matches(condition->globs[i], value))
			return true;
	}
	return false;
}

static bool every_word(const struct condition *condition, struct slice list)
{
	struct slice word;
	unsigned n = 0;
	for (; list_next(&list, &word); n++) {
		if (!any_glob(condition, word))
			return false;
	}
	return n > 0;
}

static bool disjoint(struct slice a, struct slice b)
{
	struct slice word, other;
	while (list_next(&a, &word)) {
		struct slice rest = b;
		while (list_next(&rest, &other)) {
			if (slice_equals(word, other))
				return false;
		}
	}
	return true;
}

bool condition_holds(const struct condition *condition, struct slice text,
	const struct field_value *values, unsigned n_values)
{
	struct slice value = field_value_find(text, values, n_values, condition->field);
	if (value.data == NULL)
		return false;
	if (condition->other != FIELD_NONE) {
		struct slice other = field_value_find(text, values, n_values, condition->other);
		return value.len && other.len && disjoint(value, other);
	}
	if (field_type_of(condition->field) == TYPE_LIST)
		return every_word(condition, value);
	return any_glob(condition, value);
}

bool condition_equals(const struct condition *a, const struct condition *b)
{
	if (a->field != b->field || a->other != b->other || a->n_globs != b->n_globs)
		return false;
	for (unsigned i = 0; i < a->n_globs; i++) {
		if (strcmp(a->globs[i], b->globs[i]) != 0)
			return false;
	}
	return true;
}
