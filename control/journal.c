// SPDX-License-Identifier: BSD-3-Clause
#include "journal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "journal_writer.h"
#include "json_line.h"
#include "log.h"
#include "text.h"

// ---- under the lock ----

static void note_alert(struct journal *journal, struct record *record)
{
	if (record->kind != RECORD_ALERT)
		return;
	if (record->is_open)
		record_set_put(&journal->firing, record_share(record));
	else
		record_set_remove(&journal->firing, record);
}

void journal_settle(struct journal *journal, uint64_t number)
{
	uint64_t settled = atomic_load_explicit(&journal->settled, memory_order_relaxed);
	if (number <= settled)
		return;
	for (uint64_t i = settled + 1 > journal->first ? settled + 1 : journal->first; i <= number;
		i++)
		note_alert(journal, *journal_at(journal, i));
	atomic_store_explicit(&journal->settled, number, memory_order_release);
	pthread_cond_broadcast(&journal->news);
	eventfd_write(journal->settled_event, 1);
}

// A state that is older than one that waits already is of no use.
void journal_keep_state(struct journal *journal, struct record *record)
{
	const struct record *waiting = record_set_find(&journal->unwritten, record);
	if (waiting && waiting->number > record->number) {
		record_release(record);
		return;
	}
	if (waiting == NULL && journal->unwritten.bytes > JOURNAL_UNWRITTEN_MAX) {
		journal->n_states_lost++;
		record_release(record);
		return;
	}
	if (!record_set_put(&journal->unwritten, record))
		journal->n_states_lost++;
}

void journal_refuse(struct journal *journal)
{
	if (!journal->is_refused)
		journal->refused_ms = clock_wall_ms();
	journal->is_refused = true;
	journal->n_errors++;
}

static size_t bytes_of(const struct record *record)
{
	return sizeof(*record) + record->key_len + record->text_len;
}

// The oldest leaves the window. Where the disk has not taken it, its state waits.
static void drop_oldest(struct journal *journal)
{
	struct record *oldest = *journal_at(journal, journal->first++);
	journal->window_bytes -= bytes_of(oldest);
	if (journal->directory == NULL || oldest->number <= journal->claimed) {
		record_release(oldest);
		return;
	}
	journal->n_lost++;
	journal_keep_state(journal, oldest);
}

static bool is_unsettled(const struct journal *journal, uint64_t number)
{
	return number > journal_settled(journal);
}

void journal_trim(struct journal *journal, size_t n)
{
	while (journal->first <= journal->last &&
		journal->last + 1 - journal->first + n > journal->options.window) {
		if (is_unsettled(journal, journal->first)) {
			if (journal->window_bytes <= JOURNAL_BACKLOG_MAX)
				return;
			snprintf(journal->error, sizeof(journal->error), "the disk is too slow");
			journal_refuse(journal);
			journal_settle(journal, journal->last);
		}
		drop_oldest(journal);
	}
}

// A place for one more. false: out of memory.
static bool make_room(struct journal *journal)
{
	journal_trim(journal, 1);
	if (journal->last + 1 - journal->first < journal->capacity)
		return true;
	size_t capacity = 2 * journal->capacity;
	struct record **window = calloc(capacity, sizeof(*window));
	if (window == NULL)
		return false;
	for (uint64_t i = journal->first; i <= journal->last; i++)
		window[i % capacity] = *journal_at(journal, i);
	free(journal->window);
	journal->window = window;
	journal->capacity = capacity;
	return true;
}

// ---- appending ----

static bool is_open(enum record_kind kind, const json_t *object)
{
	const char *state = json_string_value(json_object_get(object, "state"));
	const char *open = kind == RECORD_DIAGNOSIS ? "open" : "firing";
	return state && RECORD_IS_TOLD(kind) && strcmp(state, open) == 0;
}

// Under the lock. Takes the record. false: out of memory.
static bool add_told(struct journal *journal, struct record *record)
{
	if (!make_room(journal)) {
		record_release(record);
		return false;
	}
	record->number = ++journal->last;
	*journal_at(journal, record->number) = record;
	journal->window_bytes += bytes_of(record);
	if (journal->directory == NULL || journal->is_refused)
		journal_settle(journal, record->number);
	return true;
}

// Takes the record.
static uint64_t add(struct journal *journal, struct record *record)
{
	pthread_mutex_lock(&journal->lock);
	bool ok = true;
	if (record && RECORD_IS_TOLD(record->kind)) {
		ok = add_told(journal, record);
	} else if (record && journal->directory) {
		record->number = journal->last;
		journal_keep_state(journal, record);
	} else {
		record_release(record);
	}
	ok = ok && record;
	journal->n_memory_lost += !ok;
	uint64_t number = journal->last ? journal->last : 1;
	pthread_cond_signal(&journal->work);
	pthread_mutex_unlock(&journal->lock);
	return ok ? number : 0;
}

static struct record *make(enum record_kind kind, const char *key, const json_t *object)
{
	size_t len = 0;
	char *text = json_line(object, &len);
	struct record *record =
		text ? record_create(kind, 0, clock_wall_ms(), key, text, len) : NULL;
	free(text);
	if (record)
		record->is_open = is_open(kind, object);
	return record;
}

uint64_t journal_append(
	struct journal *journal, enum record_kind kind, const char *key, const json_t *object)
{
	return add(journal, make(kind, key, object));
}

void journal_forget(struct journal *journal, enum record_kind kind, const char *key)
{
	assert(!RECORD_IS_TOLD(kind));
	add(journal, record_create(kind, 0, clock_wall_ms(), key, "", 0));
}

// ---- what is there ----

uint64_t journal_settled(const struct journal *journal)
{
	return atomic_load_explicit(&journal->settled, memory_order_acquire);
}

int journal_descriptor(const struct journal *journal)
{
	return journal->settled_event;
}

void journal_notice(struct journal *journal)
{
	eventfd_t n;
	eventfd_read(journal->settled_event, &n);
}

struct each {
	journal_each_fn each;
	void *context;
};

static void each_state(void *context, struct record *record)
{
	const struct each *each = context;
	json_t *object = record_json(record);
	if (object)
		each->each(each->context, record_key(record), object);
	json_decref(object);
	record_release(record);
}

void journal_each(struct journal *journal, enum record_kind kind, uint64_t since_ms,
	journal_each_fn each, void *context)
{
	struct each to = {each, context};
	pthread_mutex_lock(&journal->behind_lock);
	if (journal_open_behind(journal))
		store_reader_each(journal->behind, kind, since_ms, each_state, &to);
	pthread_mutex_unlock(&journal->behind_lock);
}

struct record **journal_firing(struct journal *journal, size_t *n)
{
	pthread_mutex_lock(&journal->lock);
	struct record **records = record_set_all(&journal->firing, n);
	pthread_mutex_unlock(&journal->lock);
	return records;
}

// ---- each second ----

// What the log has to know, without the lock.
struct news {
	bool refused, takes_again, set_aside;
	char error[JOURNAL_ERROR_MAX], moved[JOURNAL_ERROR_MAX];
	uint64_t n_lost;
};

static void gather_news(struct journal *journal, struct news *news)
{
	*news = (struct news){.refused = journal->is_refused && !journal->was_refused,
		.takes_again = !journal->is_refused && journal->was_refused,
		.set_aside = journal->set_aside[0] && !journal->set_aside_told,
		.n_lost = journal->n_lost};
	memcpy(news->error, journal->error, sizeof(news->error));
	memcpy(news->moved, journal->set_aside, sizeof(news->moved));
	journal->was_refused = journal->is_refused;
	journal->set_aside_told = true;
}

static void log_news(const struct journal *journal, const struct news *news)
{
	if (news->set_aside)
		log_line(LOG_WARNING,
			"history: the database is damaged; it is now %s, and a new "
			"one is begun",
			news->moved);
	if (news->refused)
		log_line(LOG_ERROR,
			"history: %s; until it takes again what is told is kept in memory alone",
			news->error);
	if (news->takes_again)
		log_line(LOG_NOTICE, "history: %s takes again; %llu records were not kept",
			journal->directory, (unsigned long long)news->n_lost);
}

// Nobody waits for a disk that hangs. Once the writer's turn is over, all goes on.
static void be_impatient(struct journal *journal)
{
	uint64_t patience_ms = journal->options.patience_ms;
	if (journal->is_refused || patience_ms == 0 || journal->writing_ms == 0 ||
		clock_steady_ms() - journal->writing_ms < patience_ms)
		return;
	snprintf(journal->error, sizeof(journal->error), "%.300s: the disk does not answer",
		journal->directory);
	journal_refuse(journal);
	journal_settle(journal, journal->last);
}

void journal_tick(struct journal *journal, uint64_t now_ms)
{
	struct news news;
	if (journal->directory == NULL)
		return;
	pthread_mutex_lock(&journal->lock);
	journal->now_ms = now_ms;
	journal->is_due = true;
	pthread_cond_signal(&journal->work);
	pthread_cond_signal(&journal->log); // a checkpoint that failed is tried again
	be_impatient(journal);
	gather_news(journal, &news);
	pthread_mutex_unlock(&journal->lock);
	log_news(journal, &news);
}

bool journal_is_degraded(const struct journal *journal)
{
	struct journal *j = (struct journal *)journal;
	pthread_mutex_lock(&j->lock);
	bool refused = j->is_refused;
	pthread_mutex_unlock(&j->lock);
	return refused;
}

static void add_number(json_t *object, const char *name, uint64_t n)
{
	json_object_set_new(object, name, json_integer((json_int_t)n));
}

json_t *journal_status(const struct journal *journal)
{
	struct journal *j = (struct journal *)journal;
	json_t *status = json_object();
	pthread_mutex_lock(&j->lock);
	json_object_set_new(
		status, "path", json_text_or_null(slice_of(j->directory ? j->directory : "")));
	json_object_set_new(status, "state",
		json_string(j->directory == NULL ? "off"
			    : j->is_refused	 ? "memory"
						 : "durable"));
	add_number(status, "records", j->size.n_records);
	add_number(status, "bytes", j->size.bytes);
	add_number(status, "limit", j->directory ? j->options.keep_bytes : 0);
	add_number(status, "last", j->last);
	add_number(status, "settled", journal_settled(j));
	add_number(status, "waiting", j->directory ? j->last - j->stored + j->unwritten.n : 0);
	add_number(status, "lost", j->n_lost);
	add_number(status, "states_lost", j->n_states_lost);
	add_number(status, "no_memory", j->n_memory_lost);
	add_number(status, "writes", j->n_writes);
	add_number(status, "errors", j->n_errors);
	json_object_set_new(status, "error", json_text_or_null(slice_of(j->error)));
	json_object_set_new(
		status, "memory_since", json_time_or_null(j->is_refused ? j->refused_ms : 0));
	add_number(status, "damaged", j->n_set_aside);
	json_object_set_new(status, "set_aside", json_text_or_null(slice_of(j->set_aside)));
	pthread_mutex_unlock(&j->lock);
	return status;
}

// ---- begin and end ----

static void restore_cursor(void *context, const struct store_cursor *cursor)
{
	struct journal *journal = context;
	if (journal->n_places == JOURNAL_CURSORS_MAX)
		return;
	struct reader_place *place = &journal->places[journal->n_places++];
	memcpy(place->name, cursor->name, sizeof(place->name));
	place->done = place->kept = cursor->number;
}

static void restore_alert(void *context, struct record *record)
{
	struct journal *journal = context;
	if (record->is_open)
		record_set_put(&journal->firing, record);
	else
		record_release(record);
}

static void begin_after(struct journal *journal, uint64_t last)
{
	journal->last = journal->began = last;
	journal->claimed = journal->stored = last;
	journal->first = last + 1;
	atomic_init(&journal->settled, last);
}

// What the last daemon has left. false: it cannot be read, and nothing has begun.
static bool begin_where_it_was(struct journal *journal)
{
	struct store_size size;
	if (!journal_open_behind(journal) || store_reader_size(journal->behind, &size) != STORE_OK)
		return false;
	journal->size = size;
	begin_after(journal, size.last);
	// What is damaged further on shows when it is read again.
	(void)store_reader_each_cursor(journal->behind, restore_cursor, journal);
	(void)store_reader_each(journal->behind, RECORD_ALERT, 0, restore_alert, journal);
	return true;
}

// A disk that is full, or read-only: what is there can be read all the same, most often. Where it
// cannot, numbers go on from the clock's, above those that were given unless it has been
// set back, and outlets from there.
static void begin_refused(struct journal *journal, const char *error)
{
	if (!store_is_new(journal->directory) && !begin_where_it_was(journal)) {
		log_line(LOG_ERROR,
			"history: %s; it cannot be read either: what was is not restored, and outlets go on from now",
			error);
		begin_after(journal, clock_wall_ms());
	}
	snprintf(journal->error, sizeof(journal->error), "%s", error);
	journal->is_waiting = true;
	journal_refuse(journal);
}

static bool open_store(struct journal *journal, char *error, size_t size)
{
	enum store_result result = store_open(journal->directory, false, &journal->store,
		journal->set_aside, sizeof(journal->set_aside), error, size);
	journal->n_set_aside = journal->set_aside[0] != '\0';
	if (result == STORE_OK && begin_where_it_was(journal))
		return true;
	if (result == STORE_OK)
		snprintf(error, size, "%s: it cannot be read", journal->directory);
	if (result != STORE_REFUSED)
		return false;
	begin_refused(journal, error);
	return true;
}

static void init_locks(struct journal *journal)
{
	pthread_condattr_t steady;
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_mutex_init(&journal->store_lock, NULL);
	pthread_mutex_init(&journal->behind_lock, NULL);
	pthread_mutex_init(&journal->lock, NULL);
	pthread_cond_init(&journal->work, &steady);
	pthread_cond_init(&journal->log, &steady);
	pthread_cond_init(&journal->news, &steady);
	pthread_condattr_destroy(&steady);
}

static void release_all(struct journal *journal)
{
	for (uint64_t i = journal->first; journal->window && i <= journal->last; i++)
		record_release(*journal_at(journal, i));
	record_set_fini(&journal->unwritten);
	record_set_fini(&journal->firing);
	store_reader_close(journal->behind);
	store_close(journal->store);
	pthread_cond_destroy(&journal->news);
	pthread_cond_destroy(&journal->log);
	pthread_cond_destroy(&journal->work);
	pthread_mutex_destroy(&journal->lock);
	pthread_mutex_destroy(&journal->behind_lock);
	pthread_mutex_destroy(&journal->store_lock);
	if (journal->settled_event >= 0)
		close(journal->settled_event);
	free(journal->window);
	free(journal->directory);
	free(journal);
}

struct journal *journal_create(const struct journal_options *options, char *error, size_t size)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	snprintf(error, size, "out of memory");
	if (journal == NULL)
		return NULL;
	assert(options->window > 0);
	init_locks(journal);
	journal->options = *options;
	journal->options.directory = NULL;
	journal->now_ms = clock_wall_ms();
	journal->settled_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	journal->capacity = options->window;
	journal->window = calloc(options->window, sizeof(*journal->window));
	journal->first = 1;
	bool ok = journal->settled_event >= 0 && journal->window;
	if (ok && options->directory)
		ok = (journal->directory = strdup(options->directory)) != NULL &&
		     open_store(journal, error, size) && journal_writer_start(journal);
	if (ok)
		return journal;
	release_all(journal);
	return NULL;
}

void journal_destroy(struct journal *journal)
{
	if (journal == NULL)
		return;
	if (journal_writer_stop(journal))
		release_all(journal);
	else
		log_line(LOG_ERROR, "history: %s does not answer: what was told last is not kept",
			journal->directory);
}
