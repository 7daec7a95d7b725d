// SPDX-License-Identifier: BSD-3-Clause
// Readers of a journal, each on a thread of its own: from the window, or, where it has moved on,
// from the store.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "journal_writer.h"

struct journal_reader {
	struct journal *journal;
	struct reader_place *place;
	uint64_t taken, n_lost;
	bool woken;
};

bool journal_open_behind(struct journal *journal)
{
	char error[JOURNAL_ERROR_MAX];
	if (journal->behind == NULL && journal->directory)
		journal->behind = store_reader_open(journal->directory, error, sizeof(error));
	return journal->behind != NULL;
}

struct reader_place *journal_place(struct journal *journal, const char *name)
{
	for (size_t i = 0; i < journal->n_places; i++) {
		if (strcmp(journal->places[i].name, name) == 0)
			return &journal->places[i];
	}
	return NULL;
}

// Of those that have no reader, the place that was left first. NULL: there is none.
static struct reader_place *oldest_place(struct journal *journal)
{
	struct reader_place *oldest = NULL;
	for (size_t i = 0; i < journal->n_places; i++) {
		struct reader_place *place = &journal->places[i];
		if (place->n_readers == 0 && (oldest == NULL || place->done < oldest->done))
			oldest = place;
	}
	return oldest;
}

// NULL: there are too many.
static struct reader_place *place_of(struct journal *journal, const char *name)
{
	struct reader_place *place = journal_place(journal, name);
	if (place)
		return place;
	if (journal->n_places < JOURNAL_CURSORS_MAX)
		place = &journal->places[journal->n_places++];
	else
		place = oldest_place(journal);
	if (place == NULL)
		return NULL;
	*place = (struct reader_place){.done = journal->last, .is_new = true};
	snprintf(place->name, sizeof(place->name), "%s", name);
	return place;
}

struct journal_reader *journal_reader_create(struct journal *journal, const char *name)
{
	struct journal_reader *reader = calloc(1, sizeof(*reader));
	if (reader == NULL)
		return NULL;
	pthread_mutex_lock(&journal->lock);
	reader->journal = journal;
	reader->place = place_of(journal, name);
	reader->taken = reader->place ? reader->place->done : 0;
	if (reader->place)
		reader->place->n_readers++;
	pthread_mutex_unlock(&journal->lock);
	if (reader->place)
		return reader;
	free(reader);
	return NULL;
}

void journal_reader_destroy(struct journal_reader *reader)
{
	pthread_mutex_lock(&reader->journal->lock);
	reader->place->n_readers--;
	pthread_mutex_unlock(&reader->journal->lock);
	free(reader);
}

// Under the lock.
static void wait_for_news(struct journal_reader *reader, const struct timespec *until, bool any)
{
	struct journal *journal = reader->journal;
	while (!reader->woken && (!any || journal_settled(journal) <= reader->taken)) {
		if (pthread_cond_timedwait(&journal->news, &journal->lock, until) != 0)
			break;
	}
	reader->woken = false;
}

static size_t take_from_window(struct journal_reader *reader, struct record **out, size_t max)
{
	struct journal *journal = reader->journal;
	uint64_t settled = journal_settled(journal);
	size_t n = 0;
	while (n < max && reader->taken < settled)
		out[n++] = record_share(*journal_at(journal, ++reader->taken));
	return n;
}

// What left the window. Without the lock.
static enum store_result read_behind(struct journal_reader *reader, uint64_t from, uint64_t to,
	struct record **out, size_t max, size_t *n)
{
	struct journal *journal = reader->journal;
	enum store_result result = STORE_REFUSED;
	*n = 0;
	pthread_mutex_lock(&journal->behind_lock);
	if (journal_open_behind(journal))
		result = store_reader_take(journal->behind, from, to, out, max, n);
	pthread_mutex_unlock(&journal->behind_lock);
	return result;
}

// Under the lock: go on to `number`; what lies between is gone.
static void pass(struct journal_reader *reader, uint64_t number)
{
	reader->n_lost += number - reader->taken;
	reader->taken = number;
}

// Under the lock, which it lets go of in between.
//
// *gives: else the disk does not, for now
static size_t take_from_store(
	struct journal_reader *reader, struct record **out, size_t max, bool *gives)
{
	struct journal *journal = reader->journal;
	uint64_t from = reader->taken + 1, to = journal->first - 1;
	size_t n = 0;
	uint64_t opened = journal->n_opened;
	enum store_result result = STORE_OK;
	if (journal->directory) {
		pthread_mutex_unlock(&journal->lock);
		result = read_behind(reader, from, to, out, max, &n);
		pthread_mutex_lock(&journal->lock);
	}
	for (size_t i = 0; i < n; i++) {
		pass(reader, out[i]->number - 1);
		reader->taken++;
	}
	if (result == STORE_OK && n == 0)
		pass(reader, to);
	if (result == STORE_DAMAGED && opened == journal->n_opened) { // not yet replaced
		journal->is_damaged = true;
		pthread_cond_signal(&journal->work);
	}
	*gives = result == STORE_OK;
	return n;
}

size_t journal_reader_take(
	struct journal_reader *reader, struct record **out, size_t max, unsigned wait_ms)
{
	struct journal *journal = reader->journal;
	struct timespec until = clock_steady_after(wait_ms);
	bool gives = true;
	size_t n = 0;
	pthread_mutex_lock(&journal->lock);
	wait_for_news(reader, &until, true);
	if (reader->taken < journal_settled(journal) && reader->taken + 1 < journal->first)
		n = take_from_store(reader, out, max, &gives);
	if (n == 0 && reader->taken + 1 >= journal->first)
		n = take_from_window(reader, out, max);
	if (!gives)
		wait_for_news(reader, &until, false);
	pthread_mutex_unlock(&journal->lock);
	return n;
}

void journal_reader_done(struct journal_reader *reader, uint64_t number)
{
	pthread_mutex_lock(&reader->journal->lock);
	if (number > reader->taken)
		number = reader->taken;
	if (number > reader->place->done)
		reader->place->done = number;
	pthread_mutex_unlock(&reader->journal->lock);
}

void journal_reader_wake(struct journal_reader *reader)
{
	pthread_mutex_lock(&reader->journal->lock);
	reader->woken = true;
	pthread_cond_broadcast(&reader->journal->news);
	pthread_mutex_unlock(&reader->journal->lock);
}

// The oldest that can still be had.
static uint64_t first_of(const struct journal *journal)
{
	uint64_t first = journal->first;
	return journal->size.first && journal->size.first < first ? journal->size.first : first;
}

struct journal_lag journal_reader_lag(const struct journal_reader *reader)
{
	struct journal *journal = reader->journal;
	pthread_mutex_lock(&journal->lock);
	uint64_t first = first_of(journal), settled = journal_settled(journal);
	uint64_t done = reader->place->done + 1 > first ? reader->place->done : first - 1;
	uint64_t gone = first > reader->taken + 1 ? first - reader->taken - 1 : 0;
	struct journal_lag lag = {.waiting = settled > done ? settled - done : 0,
		.limit = journal->options.window,
		.lost = reader->n_lost + gone};
	pthread_mutex_unlock(&journal->lock);
	return lag;
}
