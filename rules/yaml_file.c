// SPDX-License-Identifier: BSD-3-Clause
// yaml_file: a file's bytes -> a libfyaml document. It is surveyed first, event by event, so that
// what is too much, or means too much, is refused before a document of it stands in memory.
#include "yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "utf8.h"

// ---- bytes ----

static uint32_t bytes_max(const struct yaml_file *file)
{
	return file->bytes_max ? file->bytes_max : YAML_BYTES_MAX;
}

static bool read_whole(struct yaml_file *file, const char *path, char **bytes, size_t *len)
{
	struct report *report = file->report;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0) {
		report_add(report, path, 1, 1, "%s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	bool ok = false;
	char *buffer = NULL;
	size_t n = 0;
	if (!S_ISREG(st.st_mode)) {
		report_add(report, path, 1, 1, "not a regular file");
	} else if (st.st_size > bytes_max(file)) {
		report_add(report, path, 1, 1, "file of %lld bytes; at most %u are read",
			(long long)st.st_size, bytes_max(file));
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

// libfyaml stops at bad UTF-8 too, but not always with a reason or a place. It keeps the tokens of
// a line in memory until the line ends, some 400 bytes each, and looks through all %TAG lines for
// each of them.
static const char *bad_byte(const struct yaml_file *file, size_t at, int column)
{
	static const char tag[] = "%TAG";
	if (utf8_length(file->bytes + at, file->len - at) == 0)
		return "not valid UTF-8";
	if (file->bytes[at] == '\0')
		return "a NUL byte";
	if (column > YAML_COLUMNS_MAX)
		return "a line of more than 65536 characters";
	if (column == 1 && file->len - at > strlen(tag) && !memcmp(file->bytes + at, tag, 4))
		return "a %TAG directive: tags mean nothing here";
	return NULL;
}

// How many bytes from one on are ASCII that bad_byte() has nothing against, and end no line.
static size_t plain_length(const struct yaml_file *file, size_t at)
{
	size_t n = 0;
	while (at + n < file->len && file->bytes[at + n] >= ' ' && file->bytes[at + n] != '%')
		n++;
	return n;
}

static bool check_bytes(const struct yaml_file *file)
{
	int line = 1, column = 1;
	for (size_t i = 0; i < file->len;) {
		size_t plain = plain_length(file, i);
		if (plain && column + plain <= YAML_COLUMNS_MAX) {
			i += plain;
			column += (int)plain;
			continue;
		}
		const char *reason = bad_byte(file, i, column);
		if (reason) {
			report_add(file->report, file->path, line, column, "%s", reason);
			return false;
		}
		column = file->bytes[i] == '\n' ? 1 : column + 1;
		line += file->bytes[i] == '\n';
		i += utf8_length(file->bytes + i, file->len - i);
	}
	return true;
}

// ---- the survey ----

struct survey {
	struct yaml_file *file;
	struct yaml_place at, end; // of the last event that has a place
	unsigned n_documents, depth;
	bool opened; // the last event began a collection
};

__attribute__((format(printf, 2, 3))) static bool refuse(
	const struct survey *s, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	report_add_list(
		s->file->report, s->file->path, s->at.line, s->at.column, format, arguments);
	va_end(arguments);
	return false;
}

static struct yaml_place place_of(const struct fy_mark *mark)
{
	return (struct yaml_place){mark->line + 1, mark->column + 1};
}

// Keep the place of a node that will have no token: an empty collection, or a value that is
// missing.
static bool keep_place(struct survey *s)
{
	struct yaml_file *file = s->file;
	if ((file->n_places & (file->n_places - 1)) == 0) { // a power of two is full
		size_t n = file->n_places ? 2 * file->n_places : 1;
		struct yaml_place *grown = realloc(file->places, n * sizeof(*grown));
		if (grown == NULL)
			return refuse(s, "out of memory");
		file->places = grown;
	}
	file->places[file->n_places++] = s->at;
	return true;
}

static struct fy_token *anchor_of(const struct fy_event *event)
{
	switch (event->type) {
	case FYET_ALIAS:
		return event->alias.anchor;
	case FYET_SCALAR:
		return event->scalar.anchor;
	case FYET_SEQUENCE_START:
		return event->sequence_start.anchor;
	case FYET_MAPPING_START:
		return event->mapping_start.anchor;
	default:
		return NULL;
	}
}

static bool survey_node(struct survey *s, const struct fy_event *event)
{
	unsigned n = s->file->n_before + ++s->file->n_nodes;
	if (s->n_documents > 1)
		return refuse(s, "a second document: a file holds one");
	if (anchor_of(event))
		return refuse(s, "anchors and aliases are not allowed");
	if (n > YAML_NODES_MAX)
		return refuse(s, "more than %d values%s", YAML_NODES_MAX,
			s->file->n_before ? ", with those of the files before it" : "");
	if (event->type == FYET_SCALAR)
		return event->scalar.value || keep_place(s);
	s->opened = true;
	return ++s->depth <= YAML_DEPTH_MAX ||
	       refuse(s, "nested more than %d deep", YAML_DEPTH_MAX);
}

static bool survey_event(struct survey *s, struct fy_event *event)
{
	const struct fy_mark *start = fy_event_start_mark(event), *end = fy_event_end_mark(event);
	bool opened = s->opened;
	s->opened = false;
	switch (event->type) {
	case FYET_DOCUMENT_START:
		s->n_documents++;
		return true;
	case FYET_SEQUENCE_END:
	case FYET_MAPPING_END:
		s->depth--;
		if (opened && !keep_place(s))
			return false;
		break;
	case FYET_ALIAS:
	case FYET_SCALAR:
	case FYET_SEQUENCE_START:
	case FYET_MAPPING_START:
		// A value that is missing stands where the last one ends.
		s->at = start ? place_of(start) : s->end;
		s->at.column -= event->type == FYET_ALIAS; // its mark is behind the asterisk
		if (!survey_node(s, event))
			return false;
		break;
	default:
		return true;
	}
	if (end)
		s->end = place_of(end);
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

static bool survey(struct yaml_file *file, struct fy_parser *parser, struct fy_diag *diag)
{
	struct survey s = {.file = file, .at = {1, 1}, .end = {1, 1}};
	struct fy_event *event;
	bool ok = true;
	while (ok && (event = fy_parser_parse(parser)) != NULL) {
		ok = survey_event(&s, event);
		fy_parser_event_free(parser, event);
	}
	if (!ok || (!fy_parser_get_stream_error(parser) && !fy_diag_got_error(diag)))
		return ok;
	report_parser(file, diag);
	return false;
}

// ---- the document ----

// The survey saw the same nodes in the same order.
static void bind_places(struct yaml_file *file, struct fy_node *node, unsigned *next)
{
	void *iterator = NULL;
	unsigned n_inside = 0;
	if (node && fy_node_is_sequence(node)) {
		struct fy_node *item;
		for (; (item = fy_node_sequence_iterate(node, &iterator)) != NULL; n_inside++)
			bind_places(file, item, next);
	} else if (node && fy_node_is_mapping(node)) {
		struct fy_node_pair *pair;
		for (; (pair = fy_node_mapping_iterate(node, &iterator)) != NULL; n_inside++) {
			bind_places(file, fy_node_pair_key(pair), next);
			bind_places(file, fy_node_pair_value(pair), next);
		}
	}
	bool has_token = node && fy_node_is_scalar(node) && fy_node_get_scalar_token(node);
	if (n_inside || has_token || *next == file->n_places)
		return;
	struct yaml_place *place = &file->places[(*next)++];
	if (node)
		fy_node_set_meta(node, place);
}

static bool load(struct yaml_file *file, struct fy_parser *parser, struct fy_diag *diag)
{
	unsigned next = 0;
	file->document = fy_parse_load_document(parser);
	file->root = file->document ? fy_document_root(file->document) : NULL;
	if (fy_parser_get_stream_error(parser) || fy_diag_got_error(diag)) {
		report_parser(file, diag);
		return false;
	}
	bind_places(file, file->root, &next);
	return true;
}

static bool parse(struct yaml_file *file,
	bool (*step)(struct yaml_file *file, struct fy_parser *parser, struct fy_diag *diag))
{
	struct fy_diag *diag = fy_diag_create(&(struct fy_diag_cfg){
		.level = FYET_ERROR, .module_mask = ~0u, .fp = NULL, .output_fn = NULL});
	// libfyaml's own look for duplicate keys is quadratic; yaml_mapping() looks for them.
	struct fy_parse_cfg config = {
		.flags = FYPCF_QUIET | FYPCF_ALLOW_DUPLICATE_KEYS, .diag = diag};
	struct fy_parser *parser = diag ? fy_parser_create(&config) : NULL;
	bool ok = parser != NULL;
	if (ok) {
		fy_diag_set_collect_errors(diag, true);
		ok = fy_parser_set_string(parser, file->bytes, file->len) == 0 &&
		     step(file, parser, diag);
	} else {
		report_add(file->report, file->path, 0, 0, "out of memory");
	}
	fy_parser_destroy(parser);
	fy_diag_destroy(diag);
	return ok;
}

// ---- a file ----

static bool open_taken(struct yaml_file *file, const char *path, char *bytes, size_t len)
{
	file->path = path;
	file->bytes = bytes;
	file->len = len;
	if (check_bytes(file) && parse(file, survey) && parse(file, load))
		return true;
	yaml_close(file);
	return false;
}

bool yaml_open(struct yaml_file *file, const char *path)
{
	char *bytes;
	size_t len;
	return read_whole(file, path, &bytes, &len) && open_taken(file, path, bytes, len);
}

bool yaml_open_bytes(struct yaml_file *file, const char *path, const char *bytes, size_t len)
{
	if (len > bytes_max(file)) {
		report_add(file->report, path, 1, 1, "more than %u bytes", bytes_max(file));
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
	free(file->places);
	file->document = NULL;
	file->root = NULL;
	file->bytes = NULL;
	file->places = NULL;
	file->n_places = 0;
}
