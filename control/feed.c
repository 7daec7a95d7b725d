// SPDX-License-Identifier: BSD-3-Clause
#include "feed.h"

#include <stdlib.h>

#include "diagnosis_json.h"

#define DRAIN_STEP 1024 // places that one step takes from one worker
#define NEXT_STEP 64	// places that watch_next() looks at
#define LAST UINT32_MAX

// What one watcher knows of one place in a worker's table.
struct told {
	uint32_t next;	 // 0: does not wait; else the place after it in the queue plus one, or LAST
	uint32_t serial; // low half, plus one; 0: was told nothing yet
	uint32_t sequence; // of the state that was told
	bool open;	   // it was told that it is open
};

// What the recorder says of one place.
struct recorded {
	struct feed_mark mark; // seen last
	uint32_t held;	       // so many of its records are not yet safe
};

struct watch {
	struct told *places;
	uint32_t first, last; // plus one; 0: the queue is empty
	unsigned n_waiting;
	bool all_clients, lost;
	enum language language;
};

struct feed {
	struct workers *workers;
	struct watch *recorder;		// NULL: there is none
	struct recorded *recorded;	// by place
	uint32_t base[WORKERS_MAX + 1]; // of each worker's places among all
	uint32_t scan[WORKERS_MAX];	// of a scan of the whole table: places left, counted down
	bool scan_again[WORKERS_MAX];	// once that is over
	struct watch *watches[WATCHES_MAX];
	unsigned n_watches;
};

static void watch_destroy(struct watch *watch)
{
	if (watch == NULL)
		return;
	free(watch->places);
	free(watch);
}

struct feed *feed_create(struct workers *workers)
{
	struct feed *feed = calloc(1, sizeof(*feed));
	if (feed == NULL)
		return NULL;
	feed->workers = workers;
	for (unsigned i = 0; i < workers->n; i++)
		feed->base[i + 1] = feed->base[i] + workers->worker[i]->sessions.diagnoses->n_max;
	return feed;
}

void feed_destroy(struct feed *feed)
{
	if (feed == NULL)
		return;
	while (feed->n_watches)
		feed_unwatch(feed, feed->watches[0]);
	watch_destroy(feed->recorder);
	free(feed->recorded);
	free(feed);
}

const struct workers *feed_workers(const struct feed *feed)
{
	return feed->workers;
}

unsigned feed_watches(const struct feed *feed)
{
	return feed->n_watches;
}

// ---- places ----

static struct diagnosis_table *table_of(const struct feed *feed, unsigned worker)
{
	return feed->workers->worker[worker]->sessions.diagnoses;
}

static unsigned worker_of(const struct feed *feed, uint32_t place)
{
	unsigned worker = 0;
	while (place >= feed->base[worker + 1])
		worker++;
	return worker;
}

static void enqueue(struct watch *watch, uint32_t place)
{
	struct told *told = &watch->places[place];
	if (told->next)
		return;
	told->next = LAST;
	if (watch->last)
		watch->places[watch->last - 1].next = place + 1;
	else
		watch->first = place + 1;
	watch->last = place + 1;
	watch->n_waiting++;
}

static void enqueue_for_all(struct feed *feed, uint32_t place)
{
	for (unsigned i = 0; i < feed->n_watches; i++)
		enqueue(feed->watches[i], place);
}

static uint32_t dequeue(struct watch *watch)
{
	uint32_t place = watch->first - 1;
	struct told *told = &watch->places[place];
	watch->first = told->next == LAST ? 0 : told->next;
	if (watch->first == 0)
		watch->last = 0;
	told->next = 0;
	watch->n_waiting--;
	return place;
}

static uint32_t serial_of(const struct diagnosis *d)
{
	return (uint32_t)d->serial + 1;
}

static bool is_released(const struct feed *feed, uint32_t place, const struct diagnosis *d)
{
	if (feed->recorder == NULL)
		return true;
	const struct recorded *recorded = &feed->recorded[place];
	const struct feed_mark *mark = &recorded->mark;
	return recorded->held == 0 && mark->serial == d->serial && mark->id == d->id &&
	       mark->state == d->state && mark->confidence == d->confidence &&
	       mark->is_phone == d->is_phone;
}

// Nobody waits for it any more: its worker may use the place again. Of what a recorder sees it
// alone says so.
static void acknowledge(struct feed *feed, uint32_t place, const struct diagnosis *told)
{
	for (unsigned i = 0; i < feed->n_watches; i++) {
		if (feed->watches[i]->places[place].next)
			return;
	}
	unsigned worker = worker_of(feed, place);
	diagnosis_acknowledge(table_of(feed, worker), place - feed->base[worker], told);
}

// ---- from the workers ----
//
// What is busy is passed over, here and in look(): its worker says so again when the change is
// done.

static void note(struct feed *feed, unsigned worker, uint32_t slot)
{
	struct diagnosis_table *table = table_of(feed, worker);
	struct diagnosis d;
	if (feed->recorder) {
		enqueue(feed->recorder, feed->base[worker] + slot);
		return;
	}
	enqueue_for_all(feed, feed->base[worker] + slot);
	if (feed->n_watches)
		return;
	if (diagnosis_read(table, slot, &d, NULL) == DIAGNOSIS_READ)
		diagnosis_acknowledge(table, slot, &d);
}

// The worker could not say everything: look at all of its places.
static void scan(struct feed *feed, unsigned worker)
{
	const struct diagnosis_table *table = table_of(feed, worker);
	struct diagnosis d;
	for (unsigned i = 0; i < DRAIN_STEP && feed->scan[worker]; i++) {
		uint32_t slot = --feed->scan[worker];
		if (diagnosis_read(table, slot, &d, NULL) == DIAGNOSIS_READ &&
			!diagnosis_is_acknowledged(table, slot, &d))
			note(feed, worker, slot);
	}
}

bool feed_drain(struct feed *feed)
{
	bool more = false;
	for (unsigned i = 0; i < feed->workers->n; i++) {
		struct outbox *outbox = &feed->workers->worker[i]->outbox;
		uint32_t slot;
		unsigned n = 0;
		while (n < DRAIN_STEP && outbox_pop(outbox, &slot)) {
			note(feed, i, slot);
			n++;
		}
		feed->scan_again[i] |= outbox_take_overflow(outbox);
		if (feed->scan[i] == 0 && feed->scan_again[i]) {
			feed->scan[i] = atomic_load_explicit(
				&table_of(feed, i)->high_water, memory_order_acquire);
			feed->scan_again[i] = false;
		}
		scan(feed, i);
		more |= n == DRAIN_STEP || feed->scan[i];
	}
	return more;
}

// ---- to a watcher ----

static struct watch *watch_create(const struct feed *feed)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	if (watch == NULL)
		return NULL;
	// As large as the tables, but only what is told is ever touched.
	watch->places = calloc(feed->base[feed->workers->n], sizeof(*watch->places));
	if (watch->places)
		return watch;
	free(watch);
	return NULL;
}

struct watch *feed_watch(struct feed *feed, bool all_clients, enum language language)
{
	struct watch *watch = feed->n_watches < WATCHES_MAX ? watch_create(feed) : NULL;
	if (watch == NULL)
		return NULL;
	watch->all_clients = all_clients;
	watch->language = language;
	feed->watches[feed->n_watches++] = watch;
	return watch;
}

void feed_unwatch(struct feed *feed, struct watch *watch)
{
	unsigned i = 0;
	while (feed->watches[i] != watch)
		i++;
	feed->watches[i] = feed->watches[--feed->n_watches];
	while (watch->first) {
		uint32_t place = dequeue(watch);
		unsigned worker = worker_of(feed, place);
		struct diagnosis d;
		if (diagnosis_read(table_of(feed, worker), place - feed->base[worker], &d, NULL) ==
				DIAGNOSIS_READ &&
			is_released(feed, place, &d))
			acknowledge(feed, place, &d);
	}
	watch_destroy(watch);
}

bool watch_has_news(const struct watch *watch)
{
	return watch->first != 0;
}

bool watch_has_lost(const struct watch *watch)
{
	return watch->lost;
}

unsigned watch_waiting(const struct watch *watch)
{
	return watch->n_waiting;
}

// What was absorbed is no diagnosis of its own: it ends for whoever was told of it, and for nobody
// else.
static bool concerns(const struct watch *watch, const struct told *told, const struct diagnosis *d)
{
	if (d->state == DIAGNOSIS_ABSORBED)
		return told->open;
	return told->open || d->is_phone || d->scope == SCOPE_GATEWAY || watch->all_clients;
}

enum look {
	LOOK_TELL,  // it is there, may be told, is new to the watcher, and concerns him
	LOOK_SAME,  // it is there as it was seen before
	LOOK_PASS,  // it is there, and not to be told
	LOOK_GONE,  // nothing is there any more
	LOOK_LATER, // it is being changed, or not yet released: the place comes again
};

// Reads what stands at a place, and notes what the watcher knows of it.
static enum look look(
	struct feed *feed, struct watch *watch, uint32_t place, struct diagnosis *d, void *lines)
{
	struct told *told = &watch->places[place];
	unsigned worker = worker_of(feed, place);
	enum diagnosis_reading reading =
		diagnosis_read(table_of(feed, worker), place - feed->base[worker], d, lines);
	bool there = reading == DIAGNOSIS_READ, is_recorder = watch == feed->recorder;
	if (reading == DIAGNOSIS_BUSY || (there && !is_recorder && !is_released(feed, place, d)))
		return LOOK_LATER;
	uint32_t serial = there ? serial_of(d) : 0;
	if (told->serial != serial) {
		watch->lost |= told->open;
		told->open = false;
		told->sequence = 0;
	}
	told->serial = serial;
	if (!there)
		return LOOK_GONE;
	if (!is_recorder)
		acknowledge(feed, place, d);
	if (d->sequence == told->sequence)
		return LOOK_SAME;
	if (!concerns(watch, told, d))
		return LOOK_PASS;
	told->sequence = d->sequence;
	told->open = d->state == DIAGNOSIS_OPEN;
	return LOOK_TELL;
}

json_t *watch_next(struct feed *feed, struct watch *watch)
{
	_Alignas(8) char lines[EVIDENCE_BYTES_MAX];
	struct diagnosis d;
	for (unsigned i = 0; i < NEXT_STEP && watch->first; i++) {
		if (look(feed, watch, dequeue(watch), &d, lines) == LOOK_TELL)
			return diagnosis_json(&d, lines, feed->workers->ruleset->pack,
				&feed->workers->gateways, watch->language);
	}
	return NULL;
}

// ---- to the recorder ----

bool feed_record(struct feed *feed)
{
	feed->recorded = calloc(feed->base[feed->workers->n], sizeof(*feed->recorded));
	feed->recorder = feed->recorded ? watch_create(feed) : NULL;
	return feed->recorder != NULL;
}

bool feed_has_change(const struct feed *feed)
{
	return feed->recorder->first != 0;
}

uint32_t feed_places(const struct feed *feed)
{
	return feed->base[feed->workers->n];
}

static struct feed_mark mark_of(uint32_t place, const struct diagnosis *d)
{
	return (struct feed_mark){.place = place,
		.sequence = d->sequence,
		.serial = d->serial,
		.id = d->id,
		.state = d->state,
		.confidence = d->confidence,
		.is_phone = d->is_phone};
}

bool feed_restored(struct feed *feed, const struct feed_mark *mark)
{
	unsigned worker = worker_of(feed, mark->place);
	const struct diagnosis d = {.serial = mark->serial, .sequence = mark->sequence};
	bool as_told = diagnosis_is_acknowledged(
		table_of(feed, worker), mark->place - feed->base[worker], &d);
	feed->recorder->places[mark->place] = (struct told){.serial = serial_of(&d),
		.sequence = as_told ? mark->sequence : 0,
		.open = !as_told || mark->state == DIAGNOSIS_OPEN};
	if (as_told)
		feed->recorded[mark->place].mark = *mark;
	else
		enqueue(feed->recorder, mark->place);
	return as_told;
}

// To the watchers; to nobody, where there are none.
static void offer(struct feed *feed, uint32_t place)
{
	const struct recorded *recorded = &feed->recorded[place];
	if (recorded->held)
		return;
	enqueue_for_all(feed, place);
	if (feed->n_watches == 0) {
		struct diagnosis d = {
			.serial = recorded->mark.serial, .sequence = recorded->mark.sequence};
		acknowledge(feed, place, &d);
	}
}

bool feed_take(struct feed *feed, struct feed_change *out)
{
	struct watch *recorder = feed->recorder;
	for (unsigned i = 0; i < NEXT_STEP && recorder->first; i++) {
		uint32_t place = dequeue(recorder);
		enum look found = look(feed, recorder, place, &out->diagnosis, out->lines);
		out->mark = mark_of(place, &out->diagnosis);
		switch (found) {
		case LOOK_TELL:
			return true;
		case LOOK_SAME: // it stays as the recorder has said: told, held, or to be dropped
			offer(feed, place);
			break;
		case LOOK_PASS: // of no phone
			feed_pass(feed, &out->mark);
			break;
		case LOOK_GONE:
			enqueue_for_all(feed, place);
			break;
		case LOOK_LATER:
			break;
		}
	}
	return false;
}

bool feed_read(const struct feed *feed, uint32_t place, struct feed_change *out)
{
	unsigned worker = worker_of(feed, place);
	if (diagnosis_read(table_of(feed, worker), place - feed->base[worker], &out->diagnosis,
		    out->lines) != DIAGNOSIS_READ)
		return false;
	out->mark = mark_of(place, &out->diagnosis);
	return true;
}

void feed_hold(struct feed *feed, const struct feed_mark *mark)
{
	feed->recorded[mark->place].mark = *mark;
	feed->recorded[mark->place].held++;
}

void feed_release(struct feed *feed, uint32_t place)
{
	feed->recorded[place].held--;
	offer(feed, place);
}

void feed_pass(struct feed *feed, const struct feed_mark *mark)
{
	feed->recorded[mark->place].mark = *mark;
	offer(feed, mark->place);
}

void feed_drop(struct feed *feed, const struct feed_mark *mark)
{
	for (unsigned i = 0; i < feed->n_watches; i++)
		feed->watches[i]->places[mark->place].open = false;
	feed_pass(feed, mark);
}
