// SPDX-License-Identifier: BSD-3-Clause
#include "hec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format_field.h"
#include "http_batch.h"
#include "text.h"

// ---- an event ----

// Borrowed, to be given on. NULL: not there.
static json_t *at(const json_t *document, const char *path)
{
	return (json_t *)format_find(document, path);
}

// Source: CIM, Alerts: severity is one of these.
static const char *severity_name(json_int_t ecs)
{
	return ecs >= 99   ? "critical"
	       : ecs >= 73 ? "high"
	       : ecs >= 47 ? "medium"
	       : ecs >= 21 ? "low"
			   : "informational";
}

static json_t *duration_s(const json_t *document)
{
	const json_t *ns = at(document, "event.duration");
	return json_is_integer(ns) ? json_real((double)json_integer_value(ns) / 1e9) : NULL;
}

static json_t *cim(const json_t *document)
{
	bool is_alert = json_is_string(at(document, "event.kind")) &&
			strcmp(json_string_value(at(document, "event.kind")), "alert") == 0;
	return json_pack("{s:s, s:s, s:O*, s:s, s:O*, s:O*, s:O*, s:O*, s:O*, s:O*, s:O*}", "type",
		is_alert ? "alert" : "event", "app", "offhook", "id", at(document, "event.id"),
		"severity", severity_name(json_integer_value(at(document, "event.severity"))),
		"signature", at(document, "rule.name"), "signature_id", at(document, "event.code"),
		"description", at(document, "message"), "dest", at(document, "observer.name"),
		"src", at(document, "client.address"), "user", at(document, "user.name"), "action",
		at(document, "event.outcome"));
}

static json_t *cim_session(const json_t *document)
{
	return json_pack("{s:O*, s:O*, s:o*, s:O*, s:O*, s:O*, s:O*, s:O*}", "src_ip",
		at(document, "client.ip"), "dest_ip", at(document, "destination.ip"), "duration",
		duration_s(document), "ssl_hash", at(document, "tls.server.hash.sha1"),
		"ssl_end_time", at(document, "tls.server.not_after"), "ssl_subject",
		at(document, "tls.server.subject"), "ssl_issuer", at(document, "tls.server.issuer"),
		"ssl_serial", at(document, "tls.server.x509.serial_number"));
}

static json_t *event_of(const json_t *document, json_t *object)
{
	json_t *event = cim(document), *session = cim_session(document);
	json_object_update(event, session);
	json_object_set(event, "offhook", object);
	json_decref(session);
	return event;
}

static json_t *fields_of(const json_t *document, const struct hec_options *options)
{
	json_t *fields = json_pack("{s:O*}", "site", at(document, "labels.site"));
	for (size_t i = 0; options->fields && options->fields[i]; i++) {
		const char *equals = strchr(options->fields[i], '=');
		if (equals)
			json_object_setn_new(fields, options->fields[i],
				(size_t)(equals - options->fields[i]), json_string(equals + 1));
	}
	return fields;
}

static const char *kind_of(const json_t *document)
{
	const char *dataset = json_string_value(at(document, "data_stream.dataset"));
	const char *dot = dataset ? strrchr(dataset, '.') : NULL;
	return dot ? dot + 1 : "event";
}

static json_t *envelope(const json_t *document, json_t *object, const struct hec_options *options,
	const struct format_context *context)
{
	json_t *gateway = at(document, "observer.name");
	return json_pack("{s:o, s:s, s:o, s:s*, s:o, s:o}", "host",
		gateway ? json_incref(gateway) : json_string(context->host), "source",
		options->source, "sourcetype",
		json_sprintf("%s:%s", options->sourcetype, kind_of(document)), "index",
		options->index, "event", event_of(document, object), "fields",
		fields_of(document, options));
}

// The time is written by hand: as a JSON number 1732184367.432 has no exact double.
void hec_write(const struct record *record, const struct hec_options *options,
	const struct format_context *context, struct buffer *out)
{
	json_t *object = record_json(record);
	json_t *document = object ? ecs_document(record, object, context) : NULL;
	uint64_t ms = record->made_ms;
	char time[48];
	if (document == NULL) {
		out->failed = true;
		json_decref(object);
		return;
	}
	json_time_read(at(document, "@timestamp"), &ms);
	snprintf(time, sizeof(time), "{\"time\":%" PRIu64 ".%03u,", ms / 1000,
		(unsigned)(ms % 1000));
	struct buffer rest = {0};
	buffer_add_json(&rest, envelope(document, object, options, context));
	buffer_add_text(out, time);
	if (rest.len)
		buffer_add(out, rest.data + rest.from + 1, rest.len - 1);
	buffer_add_text(out, "\n");
	out->failed |= rest.failed;
	buffer_fini(&rest);
	json_decref(document);
	json_decref(object);
}

// ---- an answer ----

// Of {"text":"...","code":N}. Source: "Troubleshoot HTTP Event Collector", possible error codes.
enum {
	CODE_SUCCESS = 0,
	CODE_NO_DATA = 5,
	CODE_INVALID_DATA = 6,
	CODE_EVENT_REQUIRED = 12,
	CODE_EVENT_BLANK = 13,
	CODE_BAD_FIELDS = 15,
};

// A 400 speaks of an event, or else of a setting: the index, a channel that is missing or wanted.
static bool is_about_event(json_int_t code)
{
	return code == CODE_NO_DATA || code == CODE_INVALID_DATA || code == CODE_EVENT_REQUIRED ||
	       code == CODE_EVENT_BLANK || code == CODE_BAD_FIELDS;
}

static void add_text(const json_t *object, char *error, size_t size)
{
	const char *text = json_string_value(json_object_get(object, "text"));
	size_t len = strlen(error);
	if (text == NULL || len >= size)
		return;
	snprintf(error + len, size - len, ": %.100s", text);
	for (char *c = error + len; *c; c++) {
		if ((unsigned char)*c < 0x20)
			*c = ' ';
	}
}

enum http_verdict hec_read(enum http_verdict verdict, const struct http_answer *answer, size_t *bad,
	int64_t *ack, char *error, size_t size)
{
	json_t *object = json_loadb(answer->body, answer->is_cut ? 0 : answer->len, 0, NULL);
	const json_t *code = json_object_get(object, "code");
	const json_t *number = json_object_get(object, "invalid-event-number");
	const json_t *acknowledgement = json_object_get(object, "ackId");
	*bad = HTTP_BATCH_UNKNOWN;
	*ack = json_is_integer(acknowledgement) ? json_integer_value(acknowledgement) : -1;
	if (json_is_integer(number) && json_integer_value(number) >= 0)
		*bad = (size_t)json_integer_value(number);
	if (verdict == HTTP_DONE &&
		(!json_is_integer(code) || json_integer_value(code) != CODE_SUCCESS)) {
		snprintf(error, size, "the answer is none of an event collector that took it");
		verdict = HTTP_AGAIN;
	}
	if (verdict == HTTP_REFUSED && json_is_integer(code) &&
		!is_about_event(json_integer_value(code)))
		verdict = HTTP_DENIED;
	if (verdict != HTTP_DONE)
		add_text(object, error, size);
	json_decref(object);
	return verdict;
}

bool hec_is_acknowledged(const struct http_answer *answer, int64_t ack)
{
	char name[24];
	json_t *object = json_loadb(answer->body, answer->is_cut ? 0 : answer->len, 0, NULL);
	snprintf(name, sizeof(name), "%" PRId64, ack);
	bool yes = json_is_true(json_object_get(json_object_get(object, "acks"), name));
	json_decref(object);
	return yes;
}
