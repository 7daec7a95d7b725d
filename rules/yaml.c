// SPDX-License-Identifier: BSD-3-Clause
#include "yaml.h"

#include "utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_whole(const char *path, struct report *report, char **bytes, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0) {
		report_add(report, path, 0, 0, "%s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	bool ok = false;
	char *buffer = NULL;
	size_t n = 0;
	if (!S_ISREG(st.st_mode)) {
		report_add(report, path, 0, 0, "not a regular file");
	} else if (st.st_size > YAML_BYTES_MAX) {
		report_add(report, path, 1, 1, "file of %lld bytes; at most %u are read",
			(long long)st.st_size, YAML_BYTES_MAX);
	} else if ((buffer = malloc((size_t)st.st_size + 1)) == NULL) {
		report_add(report, path, 0, 0, "out of memory");
	} else {
		size_t room = (size_t)st.st_size + 1;
		ssize_t got = 0;
		while (n < room && (got = read(fd, buffer + n, room - n)) > 0)
			n += (size_t)got;
		ok = got >= 0 && n < room;
		if (!ok)
			report_add(report, path, 1, 1, "%s",
				got < 0 ? strerror(errno) : "grew while being read");
	}
	close(fd);
	if (!ok) {
		free(buffer);
		return false;
	}
	*bytes = buffer;
	*len = n;
	return true;
}

// libfyaml stops at bad UTF-8 too, but not always with a reason or a place.
static bool check_bytes(const struct yaml_file *file, size_t len)
{
	const char *bytes = file->bytes;
	int line = 1, column = 1;
	for (size_t i = 0; i < len;) {
		unsigned n = utf8_length(bytes + i, len - i);
		if (n == 0 || bytes[i] == 0) {
			report_add(file->report, file->path, line, column, "%s",
				n ? "a NUL byte" : "not valid UTF-8");
			return false;
		}
		column = bytes[i] == '\n' ? 1 : column + 1;
		line += bytes[i] == '\n';
		i += n;
	}
	return true;
}

static struct fy_token *first_token(struct fy_node *node)
{
	void *iterator = NULL;
	struct fy_node_pair *pair;
	for (int depth = 0; node && depth < 80; depth++) {
		switch (fy_node_get_type(node)) {
		case FYNT_SCALAR:
			return fy_node_get_scalar_token(node);
		case FYNT_SEQUENCE:
			iterator = NULL;
			node = fy_node_sequence_iterate(node, &iterator);
			break;
		case FYNT_MAPPING:
			iterator = NULL;
			pair = fy_node_mapping_iterate(node, &iterator);
			node = pair ? fy_node_pair_key(pair) : NULL;
			break;
		}
	}
	return NULL;
}

void yaml_position(struct fy_node *node, int *line, int *column)
{
	struct fy_token *token = node ? first_token(node) : NULL;
	// An empty collection has no token of its own: its parent's place is near enough.
	if (token == NULL && node)
		token = first_token(fy_node_get_parent(node));
	const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
	*line = mark ? mark->line + 1 : 1;
	*column = mark ? mark->column + 1 : 1;
}

bool yaml_error(struct yaml_file *file, struct fy_node *node, const char *format, ...)
{
	int line, column;
	va_list arguments;
	yaml_position(node, &line, &column);
	va_start(arguments, format);
	report_add_list(file->report, file->path, line, column, format, arguments);
	va_end(arguments);
	return false;
}

// Anchors and aliases are refused wherever they stand: nothing here needs them.
static bool refuse_aliases(struct yaml_file *file, struct fy_node *node)
{
	void *iterator = NULL;
	if (node == NULL)
		return true;
	if (fy_node_get_anchor(node) || fy_node_is_alias(node))
		return yaml_error(file, node, "anchors and aliases are not allowed");
	if (fy_node_is_sequence(node)) {
		struct fy_node *item;
		while ((item = fy_node_sequence_iterate(node, &iterator)) != NULL) {
			if (!refuse_aliases(file, item))
				return false;
		}
	} else if (fy_node_is_mapping(node)) {
		struct fy_node_pair *pair;
		while ((pair = fy_node_mapping_iterate(node, &iterator)) != NULL) {
			if (!refuse_aliases(file, fy_node_pair_key(pair)) ||
				!refuse_aliases(file, fy_node_pair_value(pair)))
				return false;
		}
	}
	return true;
}

static void report_parser(struct yaml_file *file, struct fy_diag *diag)
{
	void *iterator = NULL;
	struct fy_diag_error *error = fy_diag_errors_iterate(diag, &iterator);
	if (error)
		report_add(file->report, file->path, error->line > 0 ? error->line : 1,
			error->column > 0 ? error->column : 1, "%s", error->msg);
	else
		report_add(file->report, file->path, 1, 1, "not a YAML document");
}

// The first document, NULL where there is none (an empty file). What stands behind it would be
// passed over without a word: a second one is an error.
static bool load(struct yaml_file *file, struct fy_parser *parser, struct fy_diag *diag)
{
	file->document = fy_parse_load_document(parser);
	file->root = file->document ? fy_document_root(file->document) : NULL;
	struct fy_document *second = file->document ? fy_parse_load_document(parser) : NULL;
	bool ok = second == NULL && !fy_parser_get_stream_error(parser) && !fy_diag_got_error(diag);
	if (second) {
		yaml_error(file, fy_document_root(second), "a second document: a file holds one");
		fy_parse_document_destroy(parser, second);
	} else if (!ok) {
		report_parser(file, diag);
	}
	return ok;
}

static bool parse(struct yaml_file *file, size_t len)
{
	if (!check_bytes(file, len))
		return false;
	struct fy_diag *diag = fy_diag_create(&(struct fy_diag_cfg){
		.level = FYET_ERROR, .module_mask = ~0u, .fp = NULL, .output_fn = NULL});
	// libfyaml's own look for duplicate keys is quadratic; yaml_mapping() looks for them.
	struct fy_parse_cfg config = {
		.flags = FYPCF_QUIET | FYPCF_ALLOW_DUPLICATE_KEYS, .diag = diag};
	struct fy_parser *parser = diag ? fy_parser_create(&config) : NULL;
	bool ok = parser != NULL;
	if (ok) {
		fy_diag_set_collect_errors(diag, true);
		ok = fy_parser_set_string(parser, file->bytes, len) == 0 &&
		     load(file, parser, diag);
	} else {
		report_add(file->report, file->path, 0, 0, "out of memory");
	}
	fy_parser_destroy(parser);
	fy_diag_destroy(diag);
	return ok && refuse_aliases(file, file->root);
}

static bool open_taken(struct yaml_file *file, const char *path, char *bytes, size_t len)
{
	file->path = path;
	file->bytes = bytes;
	file->document = NULL;
	file->root = NULL;
	if (parse(file, len))
		return true;
	yaml_close(file);
	return false;
}

bool yaml_open(struct yaml_file *file, const char *path)
{
	char *bytes;
	size_t len;
	return read_whole(path, file->report, &bytes, &len) && open_taken(file, path, bytes, len);
}

bool yaml_open_bytes(struct yaml_file *file, const char *path, const char *bytes, size_t len)
{
	if (len > YAML_BYTES_MAX) {
		report_add(file->report, path, 1, 1, "more than %u bytes", YAML_BYTES_MAX);
		return false;
	}
	char *copy = malloc(len + 1);
	if (copy == NULL) {
		report_add(file->report, path, 0, 0, "out of memory");
		return false;
	}
	memcpy(copy, bytes, len);
	return open_taken(file, path, copy, len);
}

void yaml_close(struct yaml_file *file)
{
	fy_document_destroy(file->document);
	free(file->bytes);
	file->document = NULL;
	file->bytes = NULL;
}

static bool unknown_key(struct yaml_file *file, struct fy_node *key, const char *what,
	const struct yaml_key *keys, size_t n_keys)
{
	char known[512] = "";
	size_t len = 0;
	for (size_t i = 0; i < n_keys && len + 40 < sizeof(known); i++)
		len += (size_t)snprintf(
			known + len, sizeof(known) - len, "%s%s", i ? ", " : "", keys[i].name);
	size_t key_len = 0;
	const char *text = fy_node_get_scalar(key, &key_len);
	if (text == NULL)
		return yaml_error(file, key, "a key of %s must be a word; known: %s", what, known);
	return yaml_error(file, key, "unknown key '%s' in %s; known: %s",
		QUOTE(((struct slice){text, (uint32_t)key_len})), what, known);
}

bool yaml_mapping(struct yaml_file *file, struct fy_node *node, const char *what,
	const struct yaml_key *keys, size_t n_keys, void *target)
{
	void *iterator = NULL;
	struct fy_node_pair *pair;
	uint64_t seen = 0;
	bool ok = true;
	if (node == NULL || !fy_node_is_mapping(node))
		return yaml_error(file, node, "%s must be a mapping of keys to values", what);
	while ((pair = fy_node_mapping_iterate(node, &iterator)) != NULL) {
		struct fy_node *key = fy_node_pair_key(pair), *value = fy_node_pair_value(pair);
		size_t len = 0, i = 0;
		const char *name = fy_node_get_scalar(key, &len);
		while (i < n_keys &&
			!(name && slice_equals_text(
					  (struct slice){name, (uint32_t)len}, keys[i].name)))
			i++;
		if (i == n_keys) {
			ok = unknown_key(file, key, what, keys, n_keys);
		} else if (seen & (1ull << i)) {
			ok = yaml_error(file, key, "key '%s' stands twice", keys[i].name);
		} else if (value == NULL ||
			   (fy_node_is_scalar(value) && fy_node_get_scalar_token(value) == NULL)) {
			ok = yaml_error(file, key, "key '%s' has no value", keys[i].name);
		} else {
			ok &= keys[i].read(file, value, (char *)target + keys[i].offset);
		}
		if (i < n_keys)
			seen |= 1ull << i;
	}
	for (size_t i = 0; i < n_keys; i++) {
		if (keys[i].required && !(seen & (1ull << i)))
			ok = yaml_error(file, node, "%s lacks the key '%s'", what, keys[i].name);
	}
	return ok;
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
	size_t len = 0;
	const char *text = fy_node_is_scalar(node) ? fy_node_get_scalar(node, &len) : NULL;
	if (text == NULL)
		return yaml_error(file, node, "must be a text, not a %s",
			fy_node_is_mapping(node)    ? "mapping"
			: fy_node_is_sequence(node) ? "list"
						    : "null");
	if (memchr(text, '\0', len))
		return yaml_error(file, node, "a text must not hold a NUL");
	*out = (struct slice){text, (uint32_t)len};
	return true;
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

bool yaml_duration(struct yaml_file *file, struct fy_node *node, uint64_t *out_ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	struct slice text;
	if (!yaml_text(file, node, &text))
		return false;
	struct slice rest = text;
	uint64_t n;
	if (parse_digits(&rest, &n) && n > 0 && n < 100000000) {
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
			if (slice_equals_text(rest, units[i].unit)) {
				*out_ms = n * units[i].ms;
				return true;
			}
		}
	}
	return yaml_error(
		file, node, "'%s' must be a time such as 500ms, 30s, 5m, 24h or 7d", QUOTE(text));
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
