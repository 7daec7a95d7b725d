// SPDX-License-Identifier: BSD-3-Clause
#include "journal_writer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"

#define STOP_MS 1000
#define TIDY_MS 60000
#define RETAIN_LEAST 64 // records that one step of the retention deletes

// What the writer has in its hands, without the lock.
struct turn {
	struct record *records[JOURNAL_BATCH_MAX], *states[JOURNAL_BATCH_MAX];
	struct store_cursor cursors[JOURNAL_CURSORS_MAX];
	struct store_batch batch;
	bool tidy; // the retention has its turn
	uint64_t now_ms;
};

// ---- what to do ----

static bool has_new(const struct journal *journal)
{
	return journal->stored < journal->last || journal->unwritten.n;
}

static bool has_work(const struct journal *journal)
{
	return journal->is_due || journal->is_damaged || journal->stop ||
	       (!journal->is_waiting && has_new(journal));
}

// The places go with a turn that is due: about once a second.
static void claim_cursors(struct journal *journal, struct turn *turn)
{
	for (size_t i = 0; i < journal->n_places; i++) {
		struct reader_place *place = &journal->places[i];
		if (place->done == place->kept && !place->is_new)
			continue;
		struct store_cursor *cursor = &turn->cursors[turn->batch.n_cursors++];
		memcpy(cursor->name, place->name, sizeof(cursor->name));
		cursor->number = place->done;
	}
}

static void claim(struct journal *journal, struct turn *turn)
{
	uint64_t next = journal->stored + 1, first = journal->first;
	turn->batch = (struct store_batch){
		.records = turn->records, .states = turn->states, .cursors = turn->cursors};
	turn->tidy = journal->is_due;
	turn->now_ms = journal->now_ms;
	if (journal->is_due || journal->stop)
		claim_cursors(journal, turn);
	journal->is_due = false;
	for (next = next < first ? first : next;
		next <= journal->last && turn->batch.n_records < JOURNAL_BATCH_MAX; next++)
		turn->records[turn->batch.n_records++] = record_share(*journal_at(journal, next));
	journal->claimed = next - 1;
	struct record *state;
	while (turn->batch.n_states < JOURNAL_BATCH_MAX &&
		(state = record_set_take(&journal->unwritten)) != NULL)
		turn->states[turn->batch.n_states++] = state;
}

// ---- what became of it ----

static void succeed(struct journal *journal, struct turn *turn)
{
	for (size_t i = 0; i < turn->batch.n_cursors; i++) {
		struct reader_place *place = journal_place(journal, turn->cursors[i].name);
		if (place) {
			place->kept = turn->cursors[i].number;
			place->is_new = false;
		}
	}
	journal->stored = journal->claimed;
	journal->is_waiting = false;
	journal->n_writes += turn->batch.n_records || turn->batch.n_states;
	// What came meanwhile settles with the turn that writes it, unless it has settled already.
	if (!has_new(journal))
		journal->is_refused = false;
	journal_settle(journal, journal->claimed);
	journal_trim(journal, 0);
}

static void refuse(struct journal *journal, const char *error)
{
	snprintf(journal->error, sizeof(journal->error), "%s", error);
	journal_refuse(journal);
	journal_settle(journal, journal->last);
	journal_trim(journal, 0);
}

// What left the window in the meantime is not coming back there.
static void fail(struct journal *journal, struct turn *turn, const char *error)
{
	uint64_t first = journal->first;
	journal->claimed = journal->stored;
	for (size_t i = 0; i < turn->batch.n_states; i++) {
		if (record_set_find(&journal->unwritten, turn->states[i]) == NULL)
			journal_keep_state(journal, record_share(turn->states[i]));
	}
	for (size_t i = 0; i < turn->batch.n_records; i++) {
		if (turn->records[i]->number >= first)
			break;
		journal->n_lost++;
		journal_keep_state(journal, record_share(turn->records[i]));
	}
	journal->is_waiting = true;
	refuse(journal, error);
}

static void release(struct turn *turn)
{
	for (size_t i = 0; i < turn->batch.n_records; i++)
		record_release(turn->records[i]);
	for (size_t i = 0; i < turn->batch.n_states; i++)
		record_release(turn->states[i]);
}

// ---- the store ----

// Another database, in place of a damaged one, or of one that could not be opened: all that is in
// the window is to be written to it. Readers let go of it: with what SQLite has mapped for one that
// found the disk read-only it opens it for no writer of this process.
static enum store_result replace(struct journal *journal, bool is_damaged, char *error, size_t size)
{
	char moved[JOURNAL_ERROR_MAX];
	pthread_mutex_lock(&journal->store_lock);
	pthread_mutex_lock(&journal->behind_lock);
	store_reader_close(journal->behind);
	journal->behind = NULL;
	store_close(journal->store);
	enum store_result result = store_open(
		journal->directory, is_damaged, &journal->store, moved, sizeof(moved), error, size);
	pthread_mutex_unlock(&journal->store_lock);
	pthread_mutex_lock(&journal->lock);
	pthread_mutex_unlock(&journal->behind_lock);
	journal->n_opened++;
	journal->is_damaged = false;
	if (moved[0]) {
		snprintf(journal->set_aside, sizeof(journal->set_aside), "%s", moved);
		journal->set_aside_told = false;
		journal->n_set_aside++;
		journal->stored = journal->claimed = journal->began;
		for (size_t i = 0; i < journal->n_places; i++)
			journal->places[i].is_new = true;
	}
	return result;
}

// Under the lock, which it lets go of in between.
static bool reopen(struct journal *journal)
{
	bool is_damaged = journal->is_damaged;
	char error[JOURNAL_ERROR_MAX];
	journal->is_due = false;
	pthread_mutex_unlock(&journal->lock);
	enum store_result result = replace(journal, is_damaged, error, sizeof(error));
	journal->is_waiting = result != STORE_OK;
	if (result != STORE_OK)
		refuse(journal, error);
	return result == STORE_OK;
}

static enum store_result tidy(
	struct journal *journal, const struct turn *turn, bool *again, char *error, size_t size)
{
	uint64_t keep = journal->options.keep_ms, now = turn->now_ms;
	*again = false;
	store_measure(journal->store);
	// A clock that was set back puts nothing off.
	if (journal->tidied_ms && now >= journal->tidied_ms && now < journal->tidied_ms + TIDY_MS &&
		store_size(journal->store).bytes <= journal->options.keep_bytes)
		return STORE_OK;
	unsigned step = (unsigned)turn->batch.n_records * 2;
	enum store_result result = store_retain(journal->store, now > keep ? now - keep : 0,
		journal->options.keep_bytes, step > RETAIN_LEAST ? step : RETAIN_LEAST, again,
		error, size);
	journal->tidied_ms = *again ? 0 : now;
	return result;
}

// Under the lock, which it lets go of in between.
static void take_turn(struct journal *journal, struct turn *turn)
{
	char error[JOURNAL_ERROR_MAX] = "";
	size_t at = (size_t)snprintf(error, sizeof(error), "%.300s: ", journal->directory);
	size_t room = sizeof(error) - at;
	bool again = false;
	claim(journal, turn);
	journal->writing_ms = clock_steady_ms();
	pthread_mutex_unlock(&journal->lock);
	enum store_result result = store_write(journal->store, &turn->batch, error + at, room);
	pthread_mutex_lock(&journal->lock);
	if (result == STORE_OK)
		succeed(journal, turn);
	else
		fail(journal, turn, error);
	pthread_mutex_unlock(&journal->lock);
	release(turn);
	if (result == STORE_OK && turn->tidy)
		result = tidy(journal, turn, &again, error + at, room);
	pthread_mutex_lock(&journal->lock);
	journal->writing_ms = 0;
	journal->size = store_size(journal->store);
	journal->is_damaged |= result == STORE_DAMAGED;
	journal->is_due |= again;
	if (result != STORE_OK)
		snprintf(journal->error, sizeof(journal->error), "%s", error);
	if (store_log_grows(journal->store))
		pthread_cond_signal(&journal->log);
}

static void *writer_main(void *context)
{
	struct journal *journal = context;
	struct turn turn;
	uint64_t until = 0;
	pthread_setname_np(pthread_self(), "journal");
	pthread_mutex_lock(&journal->lock);
	for (;;) {
		while (!has_work(journal))
			pthread_cond_wait(&journal->work, &journal->lock);
		bool last = journal->stop;
		if (last && until == 0)
			until = clock_steady_ms() + STOP_MS;
		bool open = (journal->store && !journal->is_damaged) || reopen(journal);
		if (open)
			take_turn(journal, &turn);
		if (last && (!open || !has_new(journal) || journal->is_waiting ||
				    clock_steady_ms() > until))
			break;
	}
	journal->is_stopped = true;
	pthread_cond_signal(&journal->log);
	pthread_mutex_unlock(&journal->lock);
	return NULL;
}

static void *checkpointer_main(void *context)
{
	struct journal *journal = context;
	pthread_setname_np(pthread_self(), "journal-log");
	pthread_mutex_lock(&journal->lock);
	while (!journal->is_stopped) {
		pthread_cond_wait(&journal->log, &journal->lock);
		pthread_mutex_unlock(&journal->lock);
		pthread_mutex_lock(&journal->store_lock);
		if (journal->store && store_log_grows(journal->store))
			store_checkpoint(journal->store);
		pthread_mutex_unlock(&journal->store_lock);
		pthread_mutex_lock(&journal->lock);
	}
	pthread_mutex_unlock(&journal->lock);
	return NULL;
}

bool journal_writer_start(struct journal *journal)
{
	if (pthread_create(&journal->checkpointer, NULL, checkpointer_main, journal) != 0)
		return false;
	journal->is_running = true;
	if (pthread_create(&journal->writer, NULL, writer_main, journal) == 0)
		return true;
	pthread_mutex_lock(&journal->lock);
	journal->is_stopped = true;
	pthread_cond_signal(&journal->log);
	pthread_mutex_unlock(&journal->lock);
	pthread_join(journal->checkpointer, NULL);
	journal->is_running = false;
	return false;
}

bool journal_writer_stop(struct journal *journal)
{
	struct timespec until;
	if (!journal->is_running)
		return true;
	pthread_mutex_lock(&journal->lock);
	journal->stop = true;
	pthread_cond_signal(&journal->work);
	pthread_mutex_unlock(&journal->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 2 * STOP_MS / 1000;
	journal->is_running = pthread_timedjoin_np(journal->writer, NULL, &until) != 0 ||
			      pthread_timedjoin_np(journal->checkpointer, NULL, &until) != 0;
	return !journal->is_running;
}
