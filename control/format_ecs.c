// SPDX-License-Identifier: BSD-3-Clause
// A record as an ECS document. The other formats pick from it (format_field.h), so that what an
// export says of a record is decided once.
#include "ecs.h"
#include "format_write.h"

#include <string.h>

#include "../rules/utf8.h"

#define ADVICE_MAX 4096 // of the rule pack, not of the log: it may be longer than a value

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

static json_t *bounded_list(const json_t *list, bool *truncated)
{
	json_t *out = json_array();
	const json_t *value;
	size_t i;
	json_array_foreach(list, i, value)
	{
		json_t *one = i < ECS_LIST_MAX ? bounded(value, FORMAT_VALUE_MAX, truncated) : NULL;
		if (one)
			json_array_append_new(out, one);
	}
	*truncated |= json_array_size(list) > ECS_LIST_MAX;
	return out;
}

static json_t *bounded_object(const json_t *object, bool *truncated)
{
	json_t *out = json_object(), *value;
	const char *key;
	json_object_foreach((json_t *)object, key, value)
	{
		size_t max = strcmp(key, "advice") == 0 ? ADVICE_MAX : FORMAT_VALUE_MAX;
		json_t *one = bounded(value, max, truncated);
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
	json_t *out = json_is_array(value) ? bounded_list(value, truncated)
					   : bounded_object(value, truncated);
	if (json_array_size(out) == 0 && json_object_size(out) == 0) {
		json_decref(out);
		return NULL;
	}
	return out;
}

json_t *ecs_document(
	const struct record *record, const json_t *object, const struct format_context *context)
{
	json_t *whole = record->kind == RECORD_ALERT ? ecs_of_alert(record, object, context)
						     : ecs_of_diagnosis(record, object, context);
	bool truncated = false;
	json_t *document = whole ? bounded(whole, FORMAT_VALUE_MAX, &truncated) : NULL;
	json_decref(whole);
	if (truncated)
		json_object_set_new(json_object_get(document, "offhook"), "truncated", json_true());
	return document;
}

void format_ecs(const struct record *record, const json_t *object,
	const struct format_context *context, struct buffer *out)
{
	buffer_add_json(out, ecs_document(record, object, context));
}
