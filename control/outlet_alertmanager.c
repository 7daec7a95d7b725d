// SPDX-License-Identifier: BSD-3-Clause
// outlet_alertmanager: tells every Alertmanager of the alerts that fire, again each minute, and of
// their ends. Instances are told apart from each other: one that is away is tried by itself, and
// then told everything, while the others hear what is new at once. Diagnoses are not told.
//
// Source: Alertmanager, "Sending alerts" and API v2: all instances, not one through a balancer;
// what is not repeated is taken for over.
#include <string.h>

#include "clock.h"
#include "http_client.h"
#include "http_url.h"
#include "log.h"
#include "roll.h"

#define REPEAT_MS 60000 // Alertmanager's resolve_timeout is 5 minutes
#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 30000

struct alertmanager_options {
	struct http_options http;
	const char *external_url;
};

static const struct outlet_option options[] = {
	HTTP_OPTIONS(struct alertmanager_options,
		"http://host:9093; of a list, each one is told everything"),
	{.name = "external_url",
		.value = OUTLET_TEXT,
		.offset = offsetof(struct alertmanager_options, external_url),
		.help = "what generatorURL of an alert begins with"},
};

struct instance {
	uint64_t repeat_ms; // when it is told everything again; 0: at once
	uint64_t try_ms;    // not before
	uint64_t backoff_ms;
	bool is_away;
};

struct alertmanager {
	struct http_client *client;
	struct roll roll;
	uint64_t settle_ms; // when the journal is asked again
	struct instance instances[HTTP_URLS_MAX];
	char error[256]; // what kept the last one away
};

static bool check(const void *all, char *error, size_t size)
{
	const struct alertmanager_options *o = all;
	return http_options_check(&o->http, error, size) &&
	       (o->external_url == NULL ||
		       http_url_check("external_url", o->external_url, error, size));
}

static void alertmanager_close(void *state, struct outlet_context *context)
{
	struct alertmanager *alertmanager = state;
	(void)context;
	http_client_destroy(alertmanager->client);
	roll_fini(&alertmanager->roll);
	free(alertmanager);
}

static void *alertmanager_open(struct outlet_context *context)
{
	const struct alertmanager_options *o = context->options;
	struct alertmanager *alertmanager = calloc(1, sizeof(*alertmanager));
	if (alertmanager == NULL)
		return NULL;
	alertmanager->client = http_client_create(
		&o->http, "/api/v2/alerts", context->stop, context->error, sizeof(context->error));
	if (alertmanager->client == NULL) {
		free(alertmanager);
		return NULL;
	}
	roll_init(&alertmanager->roll, (unsigned)http_client_urls(alertmanager->client),
		o->external_url);
	return alertmanager;
}

// ---- what is to be told ----

static void take_records(
	struct roll *roll, struct record *const *records, size_t n, uint64_t now_ms)
{
	for (size_t i = 0; i < n; i++) {
		if (records[i]->kind != RECORD_ALERT)
			continue;
		json_t *alert = record_json(records[i]);
		roll->failed |= alert == NULL;
		roll_take(roll, alert, now_ms);
		json_decref(alert);
	}
}

// The journal knows what fires: also what fired before we came, and what we were never told the end
// of.
static void settle(struct alertmanager *state, struct outlet_context *context, uint64_t now_ms)
{
	size_t n = 0, n_read = 0;
	struct record **firing = journal_firing(context->journal, &n);
	json_t **alerts = calloc(n + 1, sizeof(json_t *));
	for (size_t i = 0; i < n; i++) {
		if (alerts && (alerts[n_read] = record_json(firing[i])) != NULL)
			n_read++;
		record_release(firing[i]);
	}
	free(firing);
	// Out of memory: it is asked again.
	if (alerts && n_read == n) {
		roll_settle(
			&state->roll, (const json_t *const *)alerts, n, clock_wall_ms(), now_ms);
		roll_expire(&state->roll, now_ms);
		state->settle_ms = now_ms + REPEAT_MS;
	}
	for (size_t i = 0; i < n_read; i++)
		json_decref(alerts[i]);
	free(alerts);
}

// ---- telling ----

// All bodies of one instance. A body that it will not take is its last word: it takes what it can
// of it, and says no more.
static enum http_verdict tell(struct alertmanager *state, struct outlet_context *context,
	unsigned instance, bool everything)
{
	enum http_verdict verdict = HTTP_DONE;
	size_t from = 0, before = 0;
	struct buffer body = {0};
	while (verdict == HTTP_DONE && !outlet_must_stop(context) &&
		roll_write(&state->roll, instance, everything, &from, &body)) {
		struct http_answer answer;
		verdict = HTTP_AGAIN;
		if (body.failed)
			snprintf(context->error, sizeof(context->error), "out of memory");
		else
			verdict = http_client_post_to(state->client, instance,
				&(struct http_request){.content_type = "application/json",
					.body = body.data + body.from,
					.len = body.len},
				&answer, context->error, sizeof(context->error));
		if (verdict == HTTP_REFUSED) {
			log_line(LOG_WARNING, "outlet %s: %s", context->name, context->error);
			verdict = HTTP_DONE;
		}
		if (verdict == HTTP_DONE)
			roll_told(&state->roll, instance, before, from);
		before = from;
		buffer_fini(&body);
	}
	return verdict;
}

static void note_away(struct alertmanager *state, struct outlet_context *context,
	struct instance *instance, uint64_t now_ms)
{
	if (!instance->is_away)
		log_line(LOG_WARNING, "outlet %s: an Alertmanager is away: %s", context->name,
			context->error);
	uint64_t backoff_ms = instance->backoff_ms ? instance->backoff_ms : BACKOFF_MIN_MS;
	instance->is_away = true;
	instance->repeat_ms = 0;
	instance->try_ms = now_ms + backoff_ms;
	instance->backoff_ms = 2 * backoff_ms < BACKOFF_MAX_MS ? 2 * backoff_ms : BACKOFF_MAX_MS;
	memcpy(state->error, context->error, sizeof(state->error));
}

static void note_told(
	struct outlet_context *context, struct instance *instance, bool everything, uint64_t now_ms)
{
	if (instance->is_away)
		log_line(LOG_NOTICE, "outlet %s: an Alertmanager is back", context->name);
	if (everything)
		instance->repeat_ms = now_ms + REPEAT_MS;
	instance->is_away = false;
	instance->backoff_ms = 0;
}

// Everybody whose turn it is. Returns how many are away.
static size_t tell_all(struct alertmanager *state, struct outlet_context *context)
{
	size_t n_away = 0;
	for (unsigned i = 0; i < http_client_urls(state->client); i++) {
		struct instance *instance = &state->instances[i];
		uint64_t now_ms = clock_steady_ms();
		if (!instance->is_away || now_ms >= instance->try_ms) {
			bool everything = now_ms >= instance->repeat_ms;
			if (tell(state, context, i, everything) == HTTP_DONE)
				note_told(context, instance, everything, now_ms);
			else
				note_away(state, context, instance, clock_steady_ms());
		}
		n_away += instance->is_away;
	}
	return n_away;
}

// What all of them lack is kept by the journal; what one of several lacks, by the roll.
static enum delivery deliver(struct alertmanager *state, struct outlet_context *context)
{
	uint64_t now_ms = clock_steady_ms();
	if (now_ms >= state->settle_ms)
		settle(state, context, now_ms);
	size_t n_away = tell_all(state, context);
	if (state->roll.failed) {
		snprintf(context->error, sizeof(context->error), "out of memory");
		state->roll.failed = false;
		return DELIVERY_RETRY;
	}
	if (n_away < http_client_urls(state->client))
		return DELIVERY_DONE;
	memcpy(context->error, state->error, sizeof(context->error));
	return DELIVERY_RETRY;
}

static enum delivery alertmanager_send(void *all, struct outlet_context *context,
	struct record *const *records, size_t n, size_t *n_done)
{
	struct alertmanager *state = all;
	take_records(&state->roll, records, n, clock_steady_ms());
	enum delivery result = deliver(state, context);
	*n_done = result == DELIVERY_DONE ? n : 0;
	return result;
}

static enum delivery alertmanager_idle(void *all, struct outlet_context *context)
{
	return deliver(all, context);
}

const struct outlet_kind outlet_alertmanager = {
	.name = "alertmanager",
	.help = "tells Alertmanagers which alerts fire; diagnoses are not told",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.options_size = sizeof(struct alertmanager_options),
	.keeps_state = true,
	.alerts_only = true,
	.check = check,
	.open = alertmanager_open,
	.send = alertmanager_send,
	.idle = alertmanager_idle,
	.close = alertmanager_close,
};
