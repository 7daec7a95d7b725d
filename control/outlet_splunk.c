// SPDX-License-Identifier: BSD-3-Clause
// outlet_splunk: posts events to Splunk's HTTP Event Collector. What a setting keeps out (a token
// that has expired, an index that is not allowed) waits until it is mended.
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "clock.h"
#include "hec.h"
#include "http_batch.h"

#define ACK_STEP_MS 250
#define ACK_WAIT_MS 60000 // until what was taken is indexed; then it is sent again

struct splunk_options {
	struct http_options http;
	struct hec_options event;
	const char *token;
	bool acknowledge;
};

#define OPTION(key, kind, member, ...)                                                         \
	{                                                                                      \
		.name = key, .value = kind, .offset = offsetof(struct splunk_options, member), \
		__VA_ARGS__                                                                    \
	}
static const struct outlet_option options[] = {
	HTTP_OPTIONS(struct splunk_options,
		"https://host:8088; of a list, the next one where one does not answer"),
	HTTP_COMPRESS(struct splunk_options, "true"),
	OPTION("token_file", OUTLET_SECRET, token, .is_required = true, .target = TARGET_TEXT,
		.help = "file with the token of the event collector"),
	OPTION("index", OUTLET_TEXT, event.index, .target = TARGET_TEXT,
		.help = "else the token's own"),
	OPTION("source", OUTLET_TEXT, event.source, .initial = "offhook", .help = "of each event"),
	OPTION("sourcetype", OUTLET_TEXT, event.sourcetype, .initial = "offhook",
		.help = "before :diagnosis or :fleet"),
	OPTION("fields", OUTLET_TEXTS, event.fields, .help = "indexed fields, each name=value"),
	OPTION("acknowledge", OUTLET_FLAG, acknowledge, .initial = "false",
		.help = "wait until the indexers have it, where the token wants that"),
};

struct splunk {
	struct http_client *client, *acks; // acks NULL: not asked for
	struct http_batch batch;
	char query[64]; // "channel=GUID"
	char channel[80];
};

static bool check(const void *all, char *error, size_t size)
{
	const struct splunk_options *o = all;
	for (size_t i = 0; o->event.fields && o->event.fields[i]; i++) {
		const char *equals = strchr(o->event.fields[i], '=');
		if (equals == NULL || equals == o->event.fields[i]) {
			snprintf(error, size, "fields: each is name=value");
			return false;
		}
	}
	for (size_t i = 0; o->http.urls && o->http.urls[i]; i++) {
		if (strstr(o->http.urls[i], "/services/collector")) {
			snprintf(error, size, "url: goes without /services/collector");
			return false;
		}
		if (o->acknowledge && strstr(o->http.urls[i], "channel=")) {
			snprintf(error, size,
				"url: with acknowledge: true the channel is chosen here");
			return false;
		}
	}
	return http_options_check(&o->http, error, size);
}

// A channel is a GUID of the sender's own. Source: "About HTTP Event Collector Indexer
// Acknowledgment".
static bool make_channel(struct splunk *splunk)
{
	uint16_t r[8];
	char guid[40];
	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		return false;
	snprintf(guid, sizeof(guid), "%04x%04x-%04x-4%03x-8%03x-%04x%04x%04x", r[0], r[1], r[2],
		r[3] & 0xfff, r[4] & 0xfff, r[5], r[6], r[7]);
	snprintf(splunk->query, sizeof(splunk->query), "channel=%s", guid);
	snprintf(splunk->channel, sizeof(splunk->channel), "X-Splunk-Request-Channel: %s", guid);
	return true;
}

static struct http_client *make_client(struct outlet_context *context, const char *path)
{
	const struct splunk_options *o = context->options;
	struct http_client *client = http_client_create(
		&o->http, path, context->stop, context->error, sizeof(context->error));
	if (client && http_client_secret(client, "Authorization: Splunk ", o->token))
		return client;
	http_client_destroy(client);
	return NULL;
}

static void splunk_close(void *state, struct outlet_context *context)
{
	struct splunk *splunk = state;
	(void)context;
	http_client_destroy(splunk->client);
	http_client_destroy(splunk->acks);
	free(splunk);
}

static void *splunk_open(struct outlet_context *context)
{
	const struct splunk_options *o = context->options;
	struct splunk *splunk = calloc(1, sizeof(*splunk));
	if (splunk == NULL)
		return NULL;
	splunk->client = make_client(context, "/services/collector/event");
	if (o->acknowledge)
		splunk->acks = make_client(context, "/services/collector/ack");
	if (splunk->client && (!o->acknowledge || (splunk->acks && make_channel(splunk))))
		return splunk;
	splunk_close(splunk, context);
	return NULL;
}

static bool ask_for_ack(struct splunk *splunk, struct outlet_context *context, int64_t ack)
{
	char body[48];
	struct http_answer answer;
	int len = snprintf(body, sizeof(body), "{\"acks\":[%lld]}", (long long)ack);
	// Only the one that took it knows.
	enum http_verdict verdict =
		http_client_post_to(splunk->acks, http_client_turn(splunk->client),
			&(struct http_request){.content_type = "application/json",
				.query = splunk->query,
				.headers = (const char *const[]){splunk->channel, NULL},
				.body = body,
				.len = (size_t)len},
			&answer, context->error, sizeof(context->error));
	return verdict == HTTP_DONE && hec_is_acknowledged(&answer, ack);
}

static enum http_verdict wait_for_ack(
	struct splunk *splunk, struct outlet_context *context, int64_t ack)
{
	uint64_t end_ms = clock_steady_ms() + ACK_WAIT_MS;
	context->error[0] = '\0';
	while (clock_steady_ms() < end_ms && !outlet_must_stop(context)) {
		if (ask_for_ack(splunk, context, ack)) {
			context->error[0] = '\0';
			return HTTP_DONE;
		}
		nanosleep(&(struct timespec){.tv_nsec = ACK_STEP_MS * 1000000}, NULL);
	}
	if (context->error[0] == '\0')
		snprintf(context->error, sizeof(context->error),
			"what was sent has not been acknowledged");
	return HTTP_AGAIN;
}

static enum http_verdict piece(void *state, struct outlet_context *context,
	struct record *const *records, size_t n, size_t *bad)
{
	const struct splunk_options *o = context->options;
	const struct format_context format = {
		.host = context->host, .dataset_namespace = "default"};
	struct splunk *splunk = state;
	struct buffer body = {0};
	struct http_answer answer = {.body = ""};
	enum http_verdict verdict = HTTP_AGAIN;
	int64_t ack;
	for (size_t i = 0; i < n; i++)
		hec_write(records[i], &o->event, &format, &body);
	if (body.failed)
		snprintf(context->error, sizeof(context->error), "out of memory");
	else
		verdict = http_client_post(splunk->client,
			&(struct http_request){.content_type = "application/json",
				.headers =
					(const char *const[]){
						o->acknowledge ? splunk->channel : NULL, NULL},
				.body = body.data + body.from,
				.len = body.len},
			&answer, context->error, sizeof(context->error));
	buffer_fini(&body);
	context->wait_ms = answer.retry_after_ms;
	verdict = hec_read(verdict, &answer, bad, &ack, context->error, sizeof(context->error));
	// A token without acknowledgement gives no number.
	bool must_wait = verdict == HTTP_DONE && o->acknowledge && ack >= 0;
	return must_wait ? wait_for_ack(splunk, context, ack) : verdict;
}

static enum delivery splunk_send(void *state, struct outlet_context *context,
	struct record *const *records, size_t n, size_t *n_done)
{
	struct splunk *splunk = state;
	return http_batch_send(&splunk->batch, piece, splunk, context, records, n, n_done);
}

const struct outlet_kind outlet_splunk = {
	.name = "splunk",
	.help = "posts events to Splunk's HTTP Event Collector",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.options_size = sizeof(struct splunk_options),
	.keeps_state = true,
	.check = check,
	.open = splunk_open,
	.send = splunk_send,
	.close = splunk_close,
};
