// SPDX-License-Identifier: BSD-3-Clause
#include "format_field.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../rules/address.h"
#include "../rules/utf8.h"
#include "glyph.h"
#include "text.h"

static const json_t *step(const json_t *value, const char *name, size_t len)
{
	if (!json_is_array(value))
		return json_object_getn(value, name, len);
	long back = strtol(name, NULL, 10);
	size_t n = json_array_size(value);
	return back < 0 && (size_t)-back <= n ? json_array_get(value, n - (size_t)-back) : NULL;
}

const json_t *format_find(const json_t *document, const char *path)
{
	const json_t *value = document;
	for (; value && *path;) {
		size_t len = strcspn(path, ".");
		value = step(value, path, len);
		path += len + (path[len] == '.');
	}
	return value;
}

const char *format_text(const json_t *document, const char *path)
{
	return json_string_value(format_find(document, path));
}

static void add_plain(const json_t *value, struct buffer *out)
{
	char number[32];
	if (json_is_string(value)) {
		buffer_add(out, json_string_value(value), json_string_length(value));
	} else if (json_is_integer(value)) {
		snprintf(
			number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		buffer_add_text(out, number);
	} else if (json_is_real(value)) {
		snprintf(number, sizeof(number), "%.6g", json_real_value(value));
		buffer_add_text(out, number);
	} else if (json_is_boolean(value)) {
		buffer_add_text(out, json_is_true(value) ? "true" : "false");
	}
}

static void add_list(const json_t *list, struct buffer *out)
{
	const json_t *value;
	size_t i;
	json_array_foreach(list, i, value)
	{
		if (i > 0)
			buffer_add_text(out, ",");
		add_plain(value, out);
	}
}

static void add_ms(const json_t *value, struct buffer *out)
{
	uint64_t ms;
	char number[32];
	if (!json_time_read(value, &ms))
		return;
	snprintf(number, sizeof(number), "%" PRIu64, ms);
	buffer_add_text(out, number);
}

static void add_mac(const json_t *value, struct buffer *out)
{
	for (const char *at = json_string_value(value); at && *at; at++) {
		char c = *at == '-' ? ':' : (char)tolower((unsigned char)*at);
		buffer_add(out, &c, 1);
	}
}

static void add_upper(const json_t *value, struct buffer *out)
{
	for (const char *at = json_string_value(value); at && *at; at++) {
		char c = (char)toupper((unsigned char)*at);
		buffer_add(out, &c, 1);
	}
}

static void add_address(const json_t *value, bool ipv4, struct buffer *out)
{
	struct address address;
	const char *text = json_string_value(value);
	if (text && address_parse(slice_of(text), &address) && address_is_ipv4(&address) == ipv4)
		buffer_add_text(out, text);
}

static void add_severity(const json_t *value, struct buffer *out)
{
	char number[16];
	snprintf(number, sizeof(number), "%u",
		severities[severity_of(json_string_value(value))].leef);
	buffer_add_text(out, number);
}

static void add_value(const json_t *document, const struct format_field *field, struct buffer *out)
{
	const json_t *value =
		field->as == FORMAT_CONSTANT ? NULL : format_find(document, field->path);
	if (field->as != FORMAT_TEXT && json_is_array(value))
		value = json_array_get(value, json_array_size(value) - 1);
	switch (field->as) {
	case FORMAT_TEXT:
	case FORMAT_LAST:
		json_is_array(value) ? add_list(value, out) : add_plain(value, out);
		break;
	case FORMAT_UPPER:
		add_upper(value, out);
		break;
	case FORMAT_MAC:
		add_mac(value, out);
		break;
	case FORMAT_MS:
		add_ms(value, out);
		break;
	case FORMAT_IPV4:
	case FORMAT_IPV6:
		add_address(value, field->as == FORMAT_IPV4, out);
		break;
	case FORMAT_SEV:
		add_severity(value, out);
		break;
	case FORMAT_CONSTANT:
		buffer_add_text(out, field->path);
		break;
	}
}

void format_escaped(struct slice value, format_escape_fn escape, struct buffer *out)
{
	// A tab and a line break may become a blank: they count as one at the end.
	while (value.len && strchr(" \t\r\n", value.data[value.len - 1]) &&
		value.data[value.len - 1] != '\0')
		value.len--;
	while (value.len) {
		unsigned len = utf8_length(value.data, value.len);
		const char *instead = len == 1 ? escape(value.data[0]) : NULL;
		if (instead == NULL &&
			(len == 0 || glyph_is_hostile(glyph_code_point(value.data, len))))
			instead = "\xef\xbf\xbd";
		if (instead)
			buffer_add_text(out, instead);
		else
			buffer_add(out, value.data, len);
		value = slice_from(value, len ? len : 1);
	}
}

bool format_value(const json_t *document, const struct format_field *field, format_escape_fn escape,
	struct buffer *value)
{
	struct buffer plain = {0};
	*value = (struct buffer){0};
	add_value(document, field, &plain);
	format_escaped(
		(struct slice){plain.len ? plain.data + plain.from : "", (uint32_t)plain.len},
		escape, value);
	value->failed |= plain.failed;
	buffer_fini(&plain);
	return value->len > 0 || value->failed;
}

void format_add(struct buffer *out, const struct buffer *value)
{
	buffer_add(out, value->data + value->from, value->len);
	out->failed |= value->failed;
}

const struct severity_scale *format_severity(const json_t *document)
{
	return &severities[severity_of(format_text(document, "offhook.severity"))];
}
