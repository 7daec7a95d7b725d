// SPDX-License-Identifier: BSD-3-Clause
// outlet_webhook: posts records as they are, or as ECS documents, to whatever takes JSON.
//
// Headers of every request: X-Offhook-Records, and X-Offhook-First and -Last, the id and sequence
// of its first and last record, by which a receiver can tell what it has had before.
#include <string.h>

#include "event_id.h"
#include "format.h"
#include "http_batch.h"

struct webhook_options {
	struct http_options http;
	const char **headers;
	const char *header, *dataset_namespace;
	unsigned format, body;
	uint64_t batch;
};

enum { AS_OFFHOOK, AS_ECS };
static const char *const format_names[] = {"offhook", "ecs", NULL};
enum { BODY_ARRAY, BODY_LINES };
static const char *const body_names[] = {"array", "lines", NULL};

#define OPTION(key, kind, member, ...)                                                          \
	{                                                                                       \
		.name = key, .value = kind, .offset = offsetof(struct webhook_options, member), \
		__VA_ARGS__                                                                     \
	}
static const struct outlet_option options[] = {
	HTTP_OPTIONS(struct webhook_options,
		"where to post; of a list, the next one where one does not answer"),
	HTTP_COMPRESS(struct webhook_options, "false"),
	OPTION("headers", OUTLET_TEXTS, headers, .target = TARGET_TEXTS,
		.help = "further ones, each \"Name: value\""),
	OPTION("header_file", OUTLET_SECRET, header, .target = TARGET_TEXT,
		.help = "file whose first line is one more header, with a secret in it"),
	OPTION("format", OUTLET_CHOICE, format, .choices = format_names, .initial = "offhook",
		.target = TARGET_CHOICE,
		.help = "the records as `watch --json` shows them, or as ECS documents"),
	OPTION("namespace", OUTLET_TEXT, dataset_namespace, .initial = "default",
		.help = OUTLET_NAMESPACE_HELP),
	OPTION("body", OUTLET_CHOICE, body, .choices = body_names, .initial = "array",
		.help = "a JSON array, or one record a line"),
	OPTION("batch", OUTLET_NUMBER, batch, .least = 1, .most = OUTLET_BATCH_MAX,
		.initial = "100", .help = "records in one request"),
};

struct webhook {
	struct http_client *client;
	struct http_batch batch;
};

static bool header_check(const char *line)
{
	const char *colon = strchr(line, ':');
	if (colon == NULL || colon == line)
		return false;
	for (const char *c = line; *c; c++) {
		unsigned char byte = (unsigned char)*c;
		if (byte < 0x20 || byte == 0x7f || (c < colon && byte == ' '))
			return false;
	}
	return true;
}

// What holds a secret has a file of its own; what frames a body is not the operator's.
static bool header_allowed(const char *line)
{
	static const char *const kept[] = {"authorization", "proxy-authorization", "cookie",
		"content-length", "transfer-encoding", "content-encoding", "content-type"};
	size_t len = strcspn(line, ":");
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (strlen(kept[i]) == len && strncasecmp(line, kept[i], len) == 0)
			return false;
	}
	return true;
}

static bool check(const void *all, char *error, size_t size)
{
	const struct webhook_options *o = all;
	size_t n = 0;
	for (; o->headers && o->headers[n]; n++) {
		if (!header_check(o->headers[n])) {
			snprintf(error, size, "headers: each is \"Name: value\"");
			return false;
		}
		if (!header_allowed(o->headers[n])) {
			snprintf(error, size,
				"headers: one with a secret goes by header_file, "
				"Content-* are set here");
			return false;
		}
	}
	if (n > 32 || (o->header && !header_check(o->header))) {
		snprintf(error, size,
			n > 32 ? "headers: more than 32"
			       : "header_file: it holds no \"Name: value\"");
		return false;
	}
	return http_options_check(&o->http, error, size);
}

static void webhook_close(void *state, struct outlet_context *context)
{
	struct webhook *webhook = state;
	(void)context;
	http_client_destroy(webhook->client);
	free(webhook);
}

static void *webhook_open(struct outlet_context *context)
{
	const struct webhook_options *o = context->options;
	struct webhook *webhook = calloc(1, sizeof(*webhook));
	if (webhook == NULL)
		return NULL;
	webhook->batch.max = o->batch;
	webhook->client = http_client_create(
		&o->http, NULL, context->stop, context->error, sizeof(context->error));
	bool ok = webhook->client && (!o->header || http_client_header(webhook->client, o->header));
	for (size_t i = 0; ok && o->headers && o->headers[i]; i++)
		ok = http_client_header(webhook->client, o->headers[i]);
	if (ok)
		return webhook;
	webhook_close(webhook, context);
	return NULL;
}

static void write_record(
	const struct outlet_context *context, const struct record *record, struct buffer *out)
{
	const struct webhook_options *o = context->options;
	if (o->format == AS_OFFHOOK) {
		buffer_add(out, record_text(record), record->text_len);
		return;
	}
	json_t *object = record_json(record);
	buffer_add_json(out, object ? ecs_document(record, object,
					      &(struct format_context){.host = context->host,
						      .dataset_namespace = o->dataset_namespace})
				    : NULL);
	json_decref(object);
}

static void write_body(const struct outlet_context *context, struct record *const *records,
	size_t n, struct buffer *out)
{
	const struct webhook_options *o = context->options;
	bool is_array = o->body == BODY_ARRAY;
	for (size_t i = 0; i < n; i++) {
		if (is_array)
			buffer_add_text(out, i ? "," : "[");
		write_record(context, records[i], out);
		if (!is_array)
			buffer_add_text(out, "\n");
	}
	if (is_array)
		buffer_add_text(out, "]");
}

static enum http_verdict piece(void *state, struct outlet_context *context,
	struct record *const *records, size_t n, size_t *bad)
{
	const struct webhook_options *o = context->options;
	struct webhook *webhook = state;
	struct buffer body = {0};
	char count[48], first[EVENT_ID_HEADER_MAX], last[EVENT_ID_HEADER_MAX];
	struct http_answer answer = {0};
	(void)bad;
	snprintf(count, sizeof(count), "X-Offhook-Records: %zu", n);
	event_id_header("X-Offhook-First", records[0], first);
	event_id_header("X-Offhook-Last", records[n - 1], last);
	write_body(context, records, n, &body);
	enum http_verdict verdict = HTTP_AGAIN;
	if (body.failed)
		snprintf(context->error, sizeof(context->error), "out of memory");
	else
		verdict = http_client_post(webhook->client,
			&(struct http_request){.content_type = o->body == BODY_ARRAY
								       ? "application/json"
								       : "application/x-ndjson",
				.headers = (const char *const[]){count, first, last, NULL},
				.body = body.data + body.from,
				.len = body.len},
			&answer, context->error, sizeof(context->error));
	context->wait_ms = answer.retry_after_ms;
	buffer_fini(&body);
	return verdict;
}

static enum delivery webhook_send(void *state, struct outlet_context *context,
	struct record *const *records, size_t n, size_t *n_done)
{
	struct webhook *webhook = state;
	return http_batch_send(&webhook->batch, piece, webhook, context, records, n, n_done);
}

const struct outlet_kind outlet_webhook = {
	.name = "webhook",
	.help = "posts records as JSON by HTTP",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.options_size = sizeof(struct webhook_options),
	.keeps_state = true,
	.check = check,
	.open = webhook_open,
	.send = webhook_send,
	.close = webhook_close,
};
