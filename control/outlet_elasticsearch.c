// SPDX-License-Identifier: BSD-3-Clause
// outlet_elasticsearch: puts ECS documents into the data streams logs-offhook.*-NAMESPACE of
// Elasticsearch or OpenSearch. The receiver answers record by record: what it was too busy for is
// sent again alone.
#include "bulk.h"
#include "http_batch.h"

struct elasticsearch_options {
	struct http_options http;
	const char *dataset_namespace, *api_key, *user, *password;
};

#define OPTION(key, kind, member, ...)                                                \
	{                                                                             \
		.name = key, .value = kind,                                           \
		.offset = offsetof(struct elasticsearch_options, member), __VA_ARGS__ \
	}
static const struct outlet_option options[] = {
	HTTP_OPTIONS(struct elasticsearch_options,
		"https://host:9200; of a list, the next one where one does not answer"),
	HTTP_COMPRESS(struct elasticsearch_options, "true"),
	OPTION("namespace", OUTLET_TEXT, dataset_namespace, .initial = "default",
		.target = TARGET_TEXT,
		.help = "data_stream.namespace, the last part of the data streams' names"),
	OPTION("api_key_file", OUTLET_SECRET, api_key,
		.help = "file with an API key, as the receiver shows it in base64"),
	OPTION("user", OUTLET_TEXT, user, .help = "to log in with, in place of an API key"),
	OPTION("password_file", OUTLET_SECRET, password, .help = "file with that user's password"),
};

struct elasticsearch {
	struct http_client *client;
	struct outcomes outcomes;
	size_t step; // after a refusal of a whole body: records in the next one; 0: no limit
};

static bool check(const void *all, char *error, size_t size)
{
	const struct elasticsearch_options *o = all;
	const char *fault = !o->user != !o->password ? "user and password_file go together"
			    : o->user && o->api_key  ? "either api_key_file or user"
			    : !bulk_is_namespace(o->dataset_namespace)
				    ? "namespace: letters in lower case, digits, _ and ."
				    : NULL;
	if (fault)
		snprintf(error, size, "%s", fault);
	return fault == NULL && http_options_check(&o->http, error, size);
}

static void elasticsearch_close(void *state, struct outlet_context *context)
{
	struct elasticsearch *elasticsearch = state;
	(void)context;
	http_client_destroy(elasticsearch->client);
	free(elasticsearch);
}

static void *elasticsearch_open(struct outlet_context *context)
{
	const struct elasticsearch_options *o = context->options;
	struct elasticsearch *elasticsearch = calloc(1, sizeof(*elasticsearch));
	if (elasticsearch == NULL)
		return NULL;
	struct http_client *client = http_client_create(
		&o->http, "/_bulk", context->stop, context->error, sizeof(context->error));
	elasticsearch->client = client;
	if (client &&
		(!o->api_key || http_client_secret(client, "Authorization: ApiKey ", o->api_key)) &&
		(!o->user || http_client_login(client, o->user, o->password)))
		return elasticsearch;
	elasticsearch_close(elasticsearch, context);
	return NULL;
}

// A body was not taken as such.
static void refuse(struct elasticsearch *state, const struct outlet_context *context,
	const size_t *places, size_t n)
{
	struct outcomes *outcomes = &state->outcomes;
	state->step = n > 1 ? n / 2 : 0;
	if (n > 1)
		return;
	outcomes->of[places[0]] = OUTCOME_REFUSED;
	snprintf(outcomes->reason, sizeof(outcomes->reason), "%.190s", context->error);
}

// What the whole body met with, then what each record did. false: to be tried again later.
static bool take_answer(struct elasticsearch *state, struct outlet_context *context,
	enum http_verdict verdict, const struct http_answer *answer, const size_t *places, size_t n)
{
	context->wait_ms = answer->retry_after_ms;
	switch (verdict) {
	case HTTP_DONE:
		state->step = 0;
		return bulk_read(answer->body, answer->is_cut ? 0 : answer->len, places, n,
			&state->outcomes, context->error, sizeof(context->error));
	case HTTP_REFUSED:
		refuse(state, context, places, n);
		return true;
	case HTTP_AGAIN:
	case HTTP_DENIED:
		break;
	}
	return false;
}

// As many of the open ones as go into a body, their places.
static size_t choose(
	const struct elasticsearch *state, struct record *const *records, size_t *places)
{
	struct record *open[OUTLET_BATCH_MAX];
	size_t n = outcomes_open(
		&state->outcomes, places, state->step ? state->step : OUTLET_BATCH_MAX);
	for (size_t i = 0; i < n; i++)
		open[i] = records[places[i]];
	return http_batch_fit(open, n);
}

// One body. false: to be tried again later.
static bool post(struct elasticsearch *state, struct outlet_context *context,
	struct record *const *records, const size_t *places, size_t n)
{
	const struct elasticsearch_options *o = context->options;
	const struct format_context format = {
		.host = context->host, .dataset_namespace = o->dataset_namespace};
	struct buffer body = {0};
	struct http_answer answer;
	for (size_t i = 0; i < n; i++)
		bulk_write(records[places[i]], &format, &body);
	if (body.failed) {
		snprintf(context->error, sizeof(context->error), "out of memory");
		buffer_fini(&body);
		return false;
	}
	enum http_verdict verdict = http_client_post(state->client,
		&(struct http_request){.content_type = "application/x-ndjson",
			.query =
				"filter_path=items.*.status,items.*.error.type,items.*.error.reason",
			.body = body.data + body.from,
			.len = body.len},
		&answer, context->error, sizeof(context->error));
	buffer_fini(&body);
	return take_answer(state, context, verdict, &answer, places, n);
}

static enum delivery elasticsearch_send(void *all, struct outlet_context *context,
	struct record *const *records, size_t n, size_t *n_done)
{
	struct elasticsearch *state = all;
	size_t places[OUTLET_BATCH_MAX], n_open;
	outcomes_begin(&state->outcomes, records, n);
	// What is known of the first is told first.
	bool go_on = state->outcomes.of[0] == OUTCOME_OPEN;
	while (go_on && !outlet_must_stop(context) &&
		(n_open = choose(state, records, places)) != 0)
		go_on = post(state, context, records, places, n_open);
	return outcomes_tell(&state->outcomes, context, n_done);
}

const struct outlet_kind outlet_elasticsearch = {
	.name = "elasticsearch",
	.help = "puts ECS documents into data streams of Elasticsearch or OpenSearch",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.options_size = sizeof(struct elasticsearch_options),
	.keeps_state = true,
	.check = check,
	.open = elasticsearch_open,
	.send = elasticsearch_send,
	.close = elasticsearch_close,
};
