// SPDX-License-Identifier: BSD-3-Clause
#include "yaml.h"

#include <assert.h>
#include <stdio.h>

// ---- places ----

// Where the first thing in it stands: a block's collection has no mark of its own.
static const struct yaml_place *first_place(struct fy_node *node, struct yaml_place *own)
{
	while (node) {
		void *iterator = NULL;
		const struct yaml_place *kept = fy_node_get_meta(node);
		if (kept)
			return kept;
		if (fy_node_is_scalar(node))
			break;
		if (fy_node_is_sequence(node)) {
			node = fy_node_sequence_iterate(node, &iterator);
		} else {
			struct fy_node_pair *pair = fy_node_mapping_iterate(node, &iterator);
			node = pair ? fy_node_pair_key(pair) : NULL;
		}
	}
	struct fy_token *token = node ? fy_node_get_scalar_token(node) : NULL;
	const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
	if (mark == NULL)
		return NULL;
	// A token begins behind its quote.
	enum fy_node_style style = fy_node_get_style(node);
	bool quoted = style == FYNS_SINGLE_QUOTED || style == FYNS_DOUBLE_QUOTED;
	*own = (struct yaml_place){mark->line + 1, mark->column + (quoted ? 0 : 1)};
	return own;
}

struct rule_place yaml_place(const struct yaml_file *file, struct fy_node *node)
{
	struct yaml_place own;
	const struct yaml_place *place = first_place(node, &own);
	return (struct rule_place){file->path, place ? place->line : 1, place ? place->column : 1};
}

bool yaml_error(struct yaml_file *file, struct fy_node *node, const char *format, ...)
{
	struct rule_place place = yaml_place(file, node);
	va_list arguments;
	va_start(arguments, format);
	report_add_list(file->report, place.file, place.line, place.column, format, arguments);
	va_end(arguments);
	return false;
}

static struct slice scalar_of(struct fy_node *node)
{
	size_t len = 0;
	const char *text = fy_node_get_scalar(node, &len);
	return (struct slice){text, (uint32_t)len};
}

static bool unknown_key(struct yaml_file *file, struct fy_node *key, const char *what,
	const struct yaml_key *keys, size_t n_keys)
{
	char known[512] = "";
	size_t len = 0;
	for (size_t i = 0; i < n_keys && len + 40 < sizeof(known); i++)
		len += (size_t)snprintf(
			known + len, sizeof(known) - len, "%s%s", i ? ", " : "", keys[i].name);
	struct slice name = scalar_of(key);
	if (name.data == NULL)
		return yaml_error(file, key, "a key of %s must be a word; known: %s", what, known);
	return yaml_error(file, key, "unknown key '%s' in %s; known: %s", QUOTE(name), what, known);
}

// Nothing, or a word for it.
static bool is_null(struct fy_node *node)
{
	static const char *const words[] = {"~", "null", "Null", "NULL"};
	if (node == NULL || fy_node_get_scalar_token(node) == NULL)
		return node == NULL || fy_node_is_scalar(node);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (fy_node_get_style(node) == FYNS_PLAIN &&
			slice_equals_text(scalar_of(node), words[i]))
			return true;
	}
	return false;
}

// The value of each key of the table, and in `seen` whether it stands there at all.
static bool find_values(struct yaml_file *file, struct fy_node *node, const char *what,
	const struct yaml_key *keys, size_t n_keys, struct fy_node **values, bool *seen)
{
	void *iterator = NULL;
	struct fy_node_pair *pair;
	bool ok = true;
	while ((pair = fy_node_mapping_iterate(node, &iterator)) != NULL) {
		struct fy_node *key = fy_node_pair_key(pair), *value = fy_node_pair_value(pair);
		struct slice name = scalar_of(key);
		size_t i = 0;
		while (i < n_keys && !(name.data && slice_equals_text(name, keys[i].name)))
			i++;
		if (i == n_keys)
			ok = unknown_key(file, key, what, keys, n_keys);
		else if (seen[i])
			ok = yaml_error(file, key, "key '%s' stands twice", keys[i].name);
		else if (is_null(value))
			ok = yaml_error(file, key, "key '%s' has no value", keys[i].name);
		else
			values[i] = value;
		if (i < n_keys)
			seen[i] = true;
	}
	return ok;
}

bool yaml_mapping(struct yaml_file *file, struct fy_node *node, const char *what,
	const struct yaml_key *keys, size_t n_keys, void *target)
{
	struct fy_node *values[YAML_KEYS_MAX] = {NULL};
	bool seen[YAML_KEYS_MAX] = {false};
	assert(n_keys <= YAML_KEYS_MAX);
	if (node == NULL || !fy_node_is_mapping(node))
		return yaml_error(file, node, "%s must be a mapping of keys to values", what);
	bool ok = find_values(file, node, what, keys, n_keys, values, seen);
	for (size_t i = 0; i < n_keys; i++) {
		if (values[i])
			ok &= keys[i].read(file, values[i], (char *)target + keys[i].offset);
		else if (keys[i].required && !seen[i])
			ok = yaml_error(file, node, "%s lacks the key '%s'", what, keys[i].name);
	}
	return ok;
}

// Whether the key stands before in the mapping.
static bool is_again(struct fy_node *node, struct fy_node *key)
{
	void *iterator = NULL;
	struct fy_node_pair *pair;
	while ((pair = fy_node_mapping_iterate(node, &iterator)) != NULL) {
		struct fy_node *other = fy_node_pair_key(pair);
		if (other == key)
			break;
		if (slice_equals(scalar_of(other), scalar_of(key)))
			return true;
	}
	return false;
}

bool yaml_pairs(struct yaml_file *file, struct fy_node *node, const char *what,
	bool (*read)(
		struct yaml_file *file, struct fy_node *key, struct fy_node *value, void *target),
	void *target)
{
	void *iterator = NULL;
	struct fy_node_pair *pair;
	struct slice name;
	int n = fy_node_is_mapping(node) ? fy_node_mapping_item_count(node) : 0;
	if (n < 1 || n > YAML_KEYS_MAX)
		return yaml_error(file, node, "%s must be a mapping of 1 to %d keys to values",
			what, YAML_KEYS_MAX);
	while ((pair = fy_node_mapping_iterate(node, &iterator)) != NULL) {
		struct fy_node *key = fy_node_pair_key(pair);
		if (!yaml_text(file, key, &name))
			return false;
		if (is_again(node, key))
			return yaml_error(file, key, "'%s' stands twice", QUOTE(name));
		if (!read(file, key, fy_node_pair_value(pair), target))
			return false;
	}
	return true;
}

bool yaml_sequence(struct yaml_file *file, struct fy_node *node, bool lenient,
	bool (*read)(struct yaml_file *file, struct fy_node *item, void *target), void *target)
{
	void *iterator = NULL;
	struct fy_node *item;
	bool ok = true;
	if (!fy_node_is_sequence(node))
		return lenient ? read(file, node, target)
			       : yaml_error(file, node, "must be a list");
	while ((item = fy_node_sequence_iterate(node, &iterator)) != NULL)
		ok &= read(file, item, target);
	return ok;
}

unsigned yaml_count(struct fy_node *node)
{
	return fy_node_is_sequence(node) ? (unsigned)fy_node_sequence_item_count(node) : 1;
}

bool yaml_text(struct yaml_file *file, struct fy_node *node, struct slice *out)
{
	if (is_null(node) || !fy_node_is_scalar(node))
		return yaml_error(file, node, "must be a text, not %s",
			is_null(node)		   ? "null"
			: fy_node_is_mapping(node) ? "a mapping"
						   : "a list");
	*out = scalar_of(node);
	return memchr(out->data, '\0', out->len) == NULL ||
	       yaml_error(file, node, "a text must not hold a NUL");
}

bool yaml_text_copy(struct yaml_file *file, struct fy_node *node, const char **out)
{
	struct slice text;
	if (!yaml_text(file, node, &text))
		return false;
	*out = arena_text(file->arena, text);
	return true;
}

// Digits at the start of a text; false when there are none or too many.
static bool parse_digits(struct slice *text, uint64_t *out)
{
	uint32_t i = 0;
	for (*out = 0; i < text->len && i < 18 && text->data[i] >= '0' && text->data[i] <= '9'; i++)
		*out = *out * 10 + (uint64_t)(text->data[i] - '0');
	*text = slice_from(*text, i);
	return i > 0;
}

bool yaml_number(
	struct yaml_file *file, struct fy_node *node, uint64_t min, uint64_t max, uint64_t *out)
{
	struct slice text;
	if (!yaml_text(file, node, &text))
		return false;
	struct slice rest = text;
	if (!parse_digits(&rest, out) || rest.len || *out < min || *out > max)
		return yaml_error(file, node, "'%s' must be a whole number from %llu to %llu",
			QUOTE(text), (unsigned long long)min, (unsigned long long)max);
	return true;
}

bool yaml_boolean(struct yaml_file *file, struct fy_node *node, bool *out)
{
	static const char *const words[] = {"false", "true"};
	unsigned choice;
	if (!yaml_choice(file, node, words, 2, &choice))
		return false;
	*out = choice == 1;
	return true;
}

bool yaml_parse_duration(struct slice text, uint64_t *out_ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	uint64_t n;
	if (!parse_digits(&text, &n) || n == 0 || n >= 100000000)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (slice_equals_text(text, units[i].unit)) {
			*out_ms = n * units[i].ms;
			return true;
		}
	}
	return false;
}

bool yaml_duration(struct yaml_file *file, struct fy_node *node, uint64_t *out_ms)
{
	struct slice text;
	if (!yaml_text(file, node, &text))
		return false;
	return yaml_parse_duration(text, out_ms) ||
	       yaml_error(file, node, "'%s' must be a time such as " YAML_DURATIONS, QUOTE(text));
}

bool yaml_choice(struct yaml_file *file, struct fy_node *node, const char *const *names,
	size_t n_names, unsigned *out)
{
	struct slice text;
	char known[256] = "";
	size_t len = 0;
	if (!yaml_text(file, node, &text))
		return false;
	for (size_t i = 0; i < n_names; i++) {
		if (slice_equals_text(text, names[i])) {
			*out = (unsigned)i;
			return true;
		}
		if (len + 40 < sizeof(known))
			len += (size_t)snprintf(
				known + len, sizeof(known) - len, "%s%s", i ? ", " : "", names[i]);
	}
	return yaml_error(file, node, "'%s' must be one of: %s", QUOTE(text), known);
}
