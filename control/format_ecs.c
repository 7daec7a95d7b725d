// SPDX-License-Identifier: BSD-3-Clause
// A record as an ECS document. The other formats pick from it (format_field.h), so that what an
// export says of a record is decided once.
#include "ecs.h"
#include "format_field.h"

#include <string.h>

#include "../rules/utf8.h"

#define ADVICE_MAX 4096 // of the rule pack, not of the log: it may be longer than a value

// What each detail leaves out.
static const size_t value_max[FORMAT_DETAILS] = {
	[FORMAT_WHOLE] = FORMAT_VALUE_MAX,
	[FORMAT_NO_EVIDENCE] = FORMAT_VALUE_MAX,
	[FORMAT_BRIEF] = 256,
	[FORMAT_SKELETON] = 64,
	[FORMAT_BONES] = 40,
};
static const struct {
	const char *parent, *name; // parent NULL: the document
	enum format_detail from;
} leaves[] = {
	{"offhook", "evidence", FORMAT_NO_EVIDENCE},
	{"offhook", "advice", FORMAT_BRIEF},
	{"offhook", "details", FORMAT_BRIEF},
	{"offhook", "reference", FORMAT_BRIEF},
	{NULL, "related", FORMAT_BRIEF},
	{NULL, "source", FORMAT_SKELETON}, // as `client`
	{NULL, "destination", FORMAT_SKELETON},
	{NULL, "network", FORMAT_SKELETON},
	{NULL, "error", FORMAT_SKELETON},
	{NULL, "tags", FORMAT_SKELETON},
	{"offhook", "cert", FORMAT_SKELETON},
};

static json_t *bounded(const json_t *value, size_t max, bool *truncated);

// Cut before the first character that does not end within `max`.
static json_t *bounded_text(const json_t *value, size_t max, bool *truncated)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value), n = 0;
	if (len <= max)
		return json_incref((json_t *)value);
	for (unsigned size; n < max && n + (size = utf8_length(text + n, len - n)) <= max;)
		n += size;
	*truncated = true;
	return json_stringn(text, n);
}

static json_t *bounded_list(const json_t *list, size_t max, bool *truncated)
{
	json_t *out = json_array();
	const json_t *value;
	size_t i;
	json_array_foreach(list, i, value)
	{
		json_t *one = i < ECS_LIST_MAX ? bounded(value, max, truncated) : NULL;
		if (one)
			json_array_append_new(out, one);
	}
	*truncated |= json_array_size(list) > ECS_LIST_MAX;
	return out;
}

static json_t *bounded_object(const json_t *object, size_t max, bool *truncated)
{
	json_t *out = json_object(), *value;
	const char *key;
	json_object_foreach((json_t *)object, key, value)
	{
		bool is_advice = strcmp(key, "advice") == 0 && max == FORMAT_VALUE_MAX;
		// A receiver that goes by a cut id would take two for one.
		bool is_id = strcmp(key, "id") == 0;
		size_t limit = is_advice ? ADVICE_MAX : is_id ? FORMAT_VALUE_MAX : max;
		json_t *one = bounded(value, limit, truncated);
		if (one)
			json_object_set_new(out, key, one);
	}
	return out;
}

// A copy with every value and list within its limit, and without what is empty. NULL: all is.
static json_t *bounded(const json_t *value, size_t max, bool *truncated)
{
	if (json_is_string(value))
		return bounded_text(value, max, truncated);
	if (json_is_null(value))
		return NULL;
	if (!json_is_array(value) && !json_is_object(value))
		return json_incref((json_t *)value);
	json_t *out = json_is_array(value) ? bounded_list(value, max, truncated)
					   : bounded_object(value, max, truncated);
	if (json_array_size(out) == 0 && json_object_size(out) == 0) {
		json_decref(out);
		return NULL;
	}
	return out;
}

// Returns whether anything has gone.
static bool leave_out(json_t *document, enum format_detail detail)
{
	bool gone = false;
	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		json_t *parent =
			leaves[i].parent ? json_object_get(document, leaves[i].parent) : document;
		gone |= detail >= leaves[i].from && json_object_del(parent, leaves[i].name) == 0;
	}
	return gone;
}

json_t *ecs_document(
	const struct record *record, const json_t *object, const struct format_context *context)
{
	json_t *whole = record->kind == RECORD_ALERT ? ecs_of_alert(record, object, context)
						     : ecs_of_diagnosis(record, object, context);
	if (whole == NULL)
		return NULL;
	bool truncated = leave_out(whole, context->detail);
	json_t *document = bounded(whole, value_max[context->detail], &truncated);
	json_decref(whole);
	if (truncated)
		json_object_set_new(json_object_get(document, "offhook"), "truncated", json_true());
	return document;
}

void format_ecs(const json_t *document, const struct format_context *context, struct buffer *out)
{
	(void)context;
	buffer_add_json(out, json_incref((json_t *)document));
}
