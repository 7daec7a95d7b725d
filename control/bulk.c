// SPDX-License-Identifier: BSD-3-Clause
#include "bulk.h"

#include <stdio.h>
#include <string.h>

#include "event_id.h"
#include "http_client.h"

bool bulk_is_namespace(const char *text)
{
	size_t len = strlen(text);
	return len && len <= 100 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_.") == len;
}

static json_t *action(const struct record *record, const json_t *object, const json_t *document)
{
	const json_t *stream = json_object_get(document, "data_stream");
	char id[EVENT_ID_MAX + 1];
	json_t *index = json_sprintf("%s-%s-%s", json_string_value(json_object_get(stream, "type")),
		json_string_value(json_object_get(stream, "dataset")),
		json_string_value(json_object_get(stream, "namespace")));
	return json_pack("{s:{s:o, s:s}}", "create", "_index", index, "_id",
		event_id_format(record, object, id));
}

void bulk_write(
	const struct record *record, const struct format_context *context, struct buffer *out)
{
	json_t *object = record_json(record);
	json_t *document = object ? ecs_document(record, object, context) : NULL;
	buffer_add_json(out, document ? action(record, object, document) : NULL);
	buffer_add_text(out, "\n");
	buffer_add_json(out, document);
	buffer_add_text(out, "\n");
	json_decref(object);
}

static bool complain(char *error, size_t size, const char *what)
{
	snprintf(error, size, "%s", what);
	return false;
}

static void describe(const json_t *item, long status, char *out, size_t size)
{
	const json_t *error = json_object_get(item, "error");
	const char *type = json_string_value(json_object_get(error, "type"));
	const char *reason = json_string_value(json_object_get(error, "reason"));
	snprintf(out, size, "status %ld: %.60s: %.100s", status, type ? type : "no type",
		reason ? reason : "no reason");
	for (; *out; out++) {
		if ((unsigned char)*out < 0x20)
			*out = ' ';
	}
}

// One member, {"create": {"status": 201, ...}}.
static bool read_item(
	const json_t *item, size_t place, struct outcomes *outcomes, char *error, size_t size)
{
	const json_t *result = json_object_get(item, "create");
	const json_t *status = json_object_get(result, "status");
	if (!json_is_integer(status))
		return complain(error, size, "the answer has an item without a status");
	long code = (long)json_integer_value(status);
	switch (code == 409 ? HTTP_DONE : http_verdict_of(code)) {
	case HTTP_DONE:
		outcomes->of[place] = OUTCOME_DONE;
		return true;
	case HTTP_REFUSED:
		outcomes->of[place] = OUTCOME_REFUSED;
		describe(result, code, outcomes->reason, sizeof(outcomes->reason));
		return true;
	case HTTP_AGAIN:
	case HTTP_DENIED:
		break;
	}
	describe(result, code, error, size);
	return false;
}

bool bulk_read(const char *answer, size_t len, const size_t *places, size_t n,
	struct outcomes *outcomes, char *error, size_t size)
{
	json_t *object = json_loadb(answer, len, JSON_ALLOW_NUL, NULL);
	const json_t *items = json_object_get(object, "items");
	bool ok = true;
	if (!json_is_array(items))
		ok = complain(error, size, "the answer is none of a bulk request");
	else if (json_array_size(items) != n)
		ok = complain(error, size, "the answer has not one item for each record");
	else
		for (size_t i = 0; i < n; i++)
			ok &= read_item(json_array_get(items, i), places[i], outcomes, error, size);
	json_decref(object);
	return ok;
}
