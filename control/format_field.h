// SPDX-License-Identifier: BSD-3-Clause
// format_field: how a format takes its values out of an ECS document: a table of keys and paths,
// and one walk over a value's characters.
#pragma once

#include "../rules/slice.h"
#include "format.h"
#include "severity.h"

enum format_as {
	FORMAT_TEXT,	 // as it is; of a list all of it, with commas between
	FORMAT_LAST,	 // of a list its last
	FORMAT_UPPER,	 // in upper case
	FORMAT_MAC,	 // 8c:b6:4f:57:61:13
	FORMAT_MS,	 // of a time: milliseconds since the epoch
	FORMAT_IPV4,	 // nothing, where it is an IPv6 address
	FORMAT_IPV6,	 // nothing, where it is an IPv4 address
	FORMAT_SEV,	 // of a severity: LEEF's number
	FORMAT_CONSTANT, // the path itself
};

struct format_field {
	const char *key, *path; // "event.id"; in a list, a number from its end: "a.-1.b"
	enum format_as as;
	const char *label; // for formats that want one
};

// What the document has at a path; borrowed, NULL: nothing.
const json_t *format_find(const json_t *document, const char *path);
const char *format_text(const json_t *document, const char *path);

// What stands in place of an ASCII character; NULL: the character itself.
typedef const char *(*format_escape_fn)(char character);

// A value without blanks at its end. What could act on a terminal (glyph.h), and is not replaced by
// `escape`, becomes U+FFFD.
void format_escaped(struct slice value, format_escape_fn escape, struct buffer *out);

// A field's value, escaped, in a buffer of its own, to be given back with buffer_fini(). false:
// the document has none, and there is nothing to give back.
bool format_value(const json_t *document, const struct format_field *field, format_escape_fn escape,
	struct buffer *value);
// The same, behind what is there.
void format_add(struct buffer *out, const struct buffer *value);

const struct severity_scale *format_severity(const json_t *document);

void format_ecs(const json_t *document, const struct format_context *context, struct buffer *out);
void format_rfc5424(
	const json_t *document, const struct format_context *context, struct buffer *out);
void format_cef(const json_t *document, const struct format_context *context, struct buffer *out);
void format_leef(const json_t *document, const struct format_context *context, struct buffer *out);
