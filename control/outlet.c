// SPDX-License-Identifier: BSD-3-Clause
#include "outlet.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "text.h"

#define IDLE_MS 1000
#define BACKOFF_MIN_MS 250
#define BACKOFF_MAX_MS 30000

enum outlet_state { OUTLET_STARTING, OUTLET_CONNECTED, OUTLET_RETRYING };
static const char *const state_names[] = {
	[OUTLET_STARTING] = "starting",
	[OUTLET_CONNECTED] = "connected",
	[OUTLET_RETRYING] = "retrying",
};

struct outlet {
	struct outlet_config *config;
	pthread_t thread;
	pthread_mutex_t mutex;
	// the control thread writes, under `mutex`
	pthread_cond_t told;
	atomic_bool go, stop;
	struct outlet *before; // the one of that name that ran until now: ends first
	// the outlet's thread writes, under `mutex`
	struct journal_reader *reader; // NULL: not begun
	struct outlet_status status;
	// the control thread sets, the outlet's thread clears
	atomic_bool reopen;
	// the outlet's thread alone
	struct outlet_context context;
	void *state; // of its kind; NULL: not open
	unsigned backoff_ms;
	unsigned random;
	struct record *batch[OUTLET_BATCH_MAX];
	size_t n_batch;
	uint64_t last; // number of the last record that was taken
};

struct outlets {
	struct journal *journal;
	char host[256];
	struct outlet *running[OUTLETS_MAX];
	size_t n;
	struct outlet *ending[OUTLETS_MAX]; // without a successor
	size_t n_ending;
};

// ---- the thread ----

static bool must_stop(struct outlet *outlet)
{
	pthread_mutex_lock(&outlet->mutex);
	bool stop = outlet->stop;
	pthread_mutex_unlock(&outlet->mutex);
	return stop;
}

static void sleep_ms(struct outlet *outlet, unsigned ms)
{
	struct timespec until = clock_steady_after(ms);
	pthread_mutex_lock(&outlet->mutex);
	while (!outlet->stop && pthread_cond_timedwait(&outlet->told, &outlet->mutex, &until) == 0)
		;
	pthread_mutex_unlock(&outlet->mutex);
}

static void note_error(struct outlet *outlet)
{
	struct outlet_status *status = &outlet->status;
	pthread_mutex_lock(&outlet->mutex);
	memcpy(status->error, outlet->context.error, sizeof(status->error));
	status->error_ms = clock_wall_ms();
	status->n_errors++;
	pthread_mutex_unlock(&outlet->mutex);
}

static void note_state(struct outlet *outlet, enum outlet_state state)
{
	pthread_mutex_lock(&outlet->mutex);
	bool changed = outlet->status.state != state_names[state];
	outlet->status.state = state_names[state];
	pthread_mutex_unlock(&outlet->mutex);
	if (changed && state == OUTLET_RETRYING)
		log_line(LOG_WARNING, "outlet %s: %s", outlet->config->name, outlet->context.error);
	if (changed && state == OUTLET_CONNECTED)
		log_line(LOG_NOTICE, "outlet %s: connected", outlet->config->name);
}

static void note_delivered(struct outlet *outlet, size_t n)
{
	pthread_mutex_lock(&outlet->mutex);
	outlet->status.n_delivered += n;
	outlet->status.last_ms = clock_wall_ms();
	pthread_mutex_unlock(&outlet->mutex);
}

static void close_state(struct outlet *outlet)
{
	if (outlet->state)
		outlet->config->kind->close(outlet->state, &outlet->context);
	outlet->state = NULL;
}

// The receiver is away: from one try to the next the double, a quarter of it by chance, so that the
// outlets of many machines do not come back at once.
static void back_off(struct outlet *outlet)
{
	if (must_stop(outlet)) // and so gave up: no fault of the receiver's
		return;
	note_error(outlet);
	note_state(outlet, OUTLET_RETRYING);
	if (!outlet->config->kind->keeps_state)
		close_state(outlet);
	unsigned ms = outlet->backoff_ms ? outlet->backoff_ms : BACKOFF_MIN_MS;
	outlet->backoff_ms = ms * 2 < BACKOFF_MAX_MS ? ms * 2 : BACKOFF_MAX_MS;
	ms = ms - ms / 4 + (unsigned)rand_r(&outlet->random) % (ms / 4 + 1);
	uint64_t wait_ms = outlet->context.wait_ms < OUTLET_WAIT_MAX_MS ? outlet->context.wait_ms
									: OUTLET_WAIT_MAX_MS;
	sleep_ms(outlet, wait_ms > ms ? (unsigned)wait_ms : ms);
}

static bool is_wanted(const struct outlet *outlet, const struct record *record)
{
	if (outlet->config->kind->alerts_only && record->kind != RECORD_ALERT)
		return false;
	switch (outlet->config->records) {
	case OUTLET_DIAGNOSES:
		return record->kind == RECORD_DIAGNOSIS;
	case OUTLET_ALERTS:
		return record->kind == RECORD_ALERT;
	case OUTLET_ALL:
		break;
	}
	return true;
}

// The first n of the batch are done with.
static void finish(struct outlet *outlet, size_t n)
{
	for (size_t i = 0; i < n; i++)
		record_release(outlet->batch[i]);
	outlet->n_batch -= n;
	memmove(outlet->batch, outlet->batch + n, outlet->n_batch * sizeof(*outlet->batch));
	journal_reader_done(
		outlet->reader, outlet->n_batch ? outlet->batch[0]->number - 1 : outlet->last);
}

static void fetch(struct outlet *outlet)
{
	struct record *taken[OUTLET_BATCH_MAX];
	size_t n = journal_reader_take(outlet->reader, taken, OUTLET_BATCH_MAX, IDLE_MS);
	for (size_t i = 0; i < n; i++) {
		outlet->last = taken[i]->number;
		if (is_wanted(outlet, taken[i]))
			outlet->batch[outlet->n_batch++] = taken[i];
		else
			record_release(taken[i]);
	}
	if (n)
		finish(outlet, 0);
}

static void take_result(struct outlet *outlet, enum delivery result, size_t n_done)
{
	if (n_done) {
		note_delivered(outlet, n_done);
		finish(outlet, n_done);
		outlet->backoff_ms = 0;
	}
	switch (result) {
	case DELIVERY_DONE:
		if (outlet->context.error[0])
			note_error(outlet);
		note_state(outlet, OUTLET_CONNECTED);
		outlet->backoff_ms = 0;
		break;
	case DELIVERY_RETRY:
		back_off(outlet);
		break;
	case DELIVERY_REFUSED:
		note_error(outlet);
		pthread_mutex_lock(&outlet->mutex);
		outlet->status.n_refused++;
		pthread_mutex_unlock(&outlet->mutex);
		log_line(LOG_WARNING, "outlet %s: a record is refused: %s", outlet->config->name,
			outlet->context.error);
		finish(outlet, 1);
		break;
	}
}

static void turn(struct outlet *outlet)
{
	const struct outlet_kind *kind = outlet->config->kind;
	outlet->context.error[0] = '\0';
	outlet->context.wait_ms = 0;
	if (outlet->state == NULL) {
		outlet->state = kind->open(&outlet->context);
		if (outlet->state == NULL) {
			if (outlet->context.error[0] == '\0')
				strcpy(outlet->context.error, "out of memory"); // NOLINT: fits
			back_off(outlet);
			return;
		}
	}
	if (atomic_exchange(&outlet->reopen, false) && kind->reopen)
		kind->reopen(outlet->state, &outlet->context);
	if (outlet->n_batch == 0)
		fetch(outlet);
	if (outlet->n_batch) {
		size_t n_done = 0;
		enum delivery result = kind->send(
			outlet->state, &outlet->context, outlet->batch, outlet->n_batch, &n_done);
		take_result(outlet, result, n_done);
	} else if (kind->idle) {
		take_result(outlet, kind->idle(outlet->state, &outlet->context), 0);
	}
}

static void outlet_destroy(struct outlet *outlet)
{
	for (size_t i = 0; i < outlet->n_batch; i++)
		record_release(outlet->batch[i]);
	if (outlet->reader)
		journal_reader_destroy(outlet->reader);
	outlet_config_destroy(outlet->config);
	pthread_mutex_destroy(&outlet->mutex);
	pthread_cond_destroy(&outlet->told);
	free(outlet);
}

static void outlet_join(struct outlet *outlet)
{
	pthread_join(outlet->thread, NULL);
	outlet_destroy(outlet);
}

// Its predecessor has the place in the journal until it has ended.
static void begin(struct outlet *outlet)
{
	pthread_mutex_lock(&outlet->mutex);
	while (!outlet->go && !outlet->stop)
		pthread_cond_wait(&outlet->told, &outlet->mutex);
	struct outlet *before = outlet->before;
	outlet->before = NULL;
	pthread_mutex_unlock(&outlet->mutex);
	if (before)
		outlet_join(before);
}

static bool find_place(struct outlet *outlet)
{
	if (outlet->reader)
		return true;
	struct journal_reader *reader = NULL;
	while (!must_stop(outlet) && reader == NULL) {
		reader = journal_reader_create(outlet->context.journal, outlet->config->name);
		if (reader == NULL)
			sleep_ms(outlet, IDLE_MS);
	}
	pthread_mutex_lock(&outlet->mutex);
	outlet->reader = reader;
	pthread_mutex_unlock(&outlet->mutex);
	return reader != NULL;
}

static void *run(void *argument)
{
	struct outlet *outlet = argument;
	begin(outlet);
	if (find_place(outlet)) {
		while (!must_stop(outlet))
			turn(outlet);
		close_state(outlet);
	}
	return NULL;
}

// ---- control ----

static struct outlet *outlet_create(struct outlets *outlets, struct outlet_config *config)
{
	struct outlet *outlet = calloc(1, sizeof(*outlet));
	pthread_condattr_t attributes;
	if (outlet == NULL)
		return NULL;
	pthread_mutex_init(&outlet->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&outlet->told, &attributes);
	pthread_condattr_destroy(&attributes);
	outlet->random = (unsigned)clock_steady_ms() ^ (unsigned)(uintptr_t)outlet;
	outlet->context = (struct outlet_context){.name = config->name,
		.options = config->options,
		.journal = outlets->journal,
		.host = outlets->host,
		.stop = &outlet->stop};
	outlet->status = (struct outlet_status){.name = config->name,
		.kind = config->kind->name,
		.state = state_names[OUTLET_STARTING]};
	// Waits for go; until then the config is the caller's.
	if (pthread_create(&outlet->thread, NULL, run, outlet) == 0)
		return outlet;
	outlet_destroy(outlet);
	return NULL;
}

static void outlet_tell(struct outlet *outlet, atomic_bool *what)
{
	pthread_mutex_lock(&outlet->mutex);
	*what = true;
	pthread_cond_signal(&outlet->told);
	if (outlet->reader)
		journal_reader_wake(outlet->reader);
	pthread_mutex_unlock(&outlet->mutex);
}

struct outlets *outlets_create(struct journal *journal)
{
	struct outlets *outlets = calloc(1, sizeof(*outlets));
	if (outlets == NULL)
		return NULL;
	outlets->journal = journal;
	if (gethostname(outlets->host, sizeof(outlets->host) - 1) < 0 || outlets->host[0] == '\0')
		strcpy(outlets->host, "localhost"); // NOLINT: fits
	return outlets;
}

void outlets_destroy(struct outlets *outlets)
{
	if (outlets == NULL)
		return;
	for (size_t i = 0; i < outlets->n; i++)
		outlet_tell(outlets->running[i], &outlets->running[i]->stop);
	for (size_t i = 0; i < outlets->n; i++)
		outlet_join(outlets->running[i]);
	for (size_t i = 0; i < outlets->n_ending; i++)
		outlet_join(outlets->ending[i]);
	free(outlets);
}

void outlets_tick(struct outlets *outlets)
{
	for (size_t i = 0; i < outlets->n_ending;) {
		struct outlet *outlet = outlets->ending[i];
		if (pthread_tryjoin_np(outlet->thread, NULL) != 0) {
			i++;
			continue;
		}
		outlet_destroy(outlet);
		outlets->ending[i] = outlets->ending[--outlets->n_ending];
	}
}

static struct outlet *outlet_of(struct outlet *const *all, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (all[i] && strcmp(all[i]->config->name, name) == 0)
			return all[i];
	}
	return NULL;
}

static bool is_unchanged(const struct outlet *outlet, const struct outlet_config *config)
{
	return outlet && strcmp(outlet->config->text, config->text) == 0;
}

// A thread for each config that is new or changed, all waiting for go. false: none of them is left.
static bool prepare(struct outlets *outlets, struct outlet_config *const *configs, size_t n,
	struct outlet **out)
{
	for (size_t i = 0; i < n; i++) {
		struct outlet *old = outlet_of(outlets->running, outlets->n, configs[i]->name);
		out[i] = is_unchanged(old, configs[i]) ? old : outlet_create(outlets, configs[i]);
		if (out[i])
			continue;
		while (i-- > 0) {
			if (out[i]->config)
				continue;
			outlet_tell(out[i], &out[i]->stop);
			outlet_join(out[i]);
		}
		return false;
	}
	return true;
}

// An outlet that was taken away and comes back follows the one that has not yet ended.
static struct outlet *predecessor(struct outlets *outlets, const char *name)
{
	struct outlet *old = outlet_of(outlets->running, outlets->n, name);
	for (size_t i = 0; i < outlets->n_ending && old == NULL; i++) {
		if (strcmp(outlets->ending[i]->config->name, name) == 0) {
			old = outlets->ending[i];
			outlets->ending[i] = outlets->ending[--outlets->n_ending];
		}
	}
	return old;
}

bool outlets_set(struct outlets *outlets, struct outlet_config **configs, size_t n)
{
	struct outlet *next[OUTLETS_MAX];
	outlets_tick(outlets);
	if (outlets->n + outlets->n_ending > OUTLETS_MAX || !prepare(outlets, configs, n, next))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (next[i]->config)
			continue;
		next[i]->before = predecessor(outlets, configs[i]->name);
		next[i]->config = configs[i];
		// A new one misses nothing from now on.
		if (next[i]->before == NULL)
			next[i]->reader = journal_reader_create(outlets->journal, configs[i]->name);
		configs[i] = NULL;
	}
	for (size_t i = 0; i < outlets->n; i++) {
		struct outlet *old = outlets->running[i];
		struct outlet *heir = outlet_of(next, n, old->config->name);
		if (heir == NULL)
			outlets->ending[outlets->n_ending++] = old;
		if (heir != old)
			outlet_tell(old, &old->stop);
	}
	for (size_t i = 0; i < n; i++)
		outlet_tell(next[i], &next[i]->go);
	memcpy(outlets->running, next, n * sizeof(*next));
	outlets->n = n;
	return true;
}

void outlets_reopen(struct outlets *outlets)
{
	for (size_t i = 0; i < outlets->n; i++) {
		atomic_store(&outlets->running[i]->reopen, true);
		outlet_tell(outlets->running[i], &outlets->running[i]->go);
	}
}

// ---- status ----

size_t outlets_status(const struct outlets *outlets, struct outlet_status *out, size_t max)
{
	size_t n = outlets->n < max ? outlets->n : max;
	for (size_t i = 0; i < n; i++) {
		struct outlet *outlet = outlets->running[i];
		pthread_mutex_lock(&outlet->mutex);
		out[i] = outlet->status;
		if (outlet->reader)
			out[i].lag = journal_reader_lag(outlet->reader);
		pthread_mutex_unlock(&outlet->mutex);
	}
	return n;
}

static json_t *status_json(const struct outlet_status *status)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "name",
		status->name, "type", status->kind, "state", status->state, "delivered",
		(json_int_t)status->n_delivered, "refused", (json_int_t)status->n_refused, "lost",
		(json_int_t)status->lag.lost, "errors", (json_int_t)status->n_errors, "waiting",
		(json_int_t)status->lag.waiting, "queue_limit", (json_int_t)status->lag.limit,
		"delivered_at", json_time_or_null(status->last_ms), "last_error",
		json_text_or_null(slice_of(status->error)), "failed_at",
		json_time_or_null(status->error_ms));
}

json_t *outlets_json(const struct outlets *outlets)
{
	struct outlet_status status[OUTLETS_MAX];
	size_t n = outlets_status(outlets, status, OUTLETS_MAX);
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, status_json(&status[i]));
	return list;
}
