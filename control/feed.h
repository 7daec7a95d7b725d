// SPDX-License-Identifier: BSD-3-Clause
// feed: takes what the workers' outboxes point to and keeps, for each watcher, the diagnoses that
// have changed since he was told of them last.
//
// Level-triggered like the outbox: what waits is a place in a table, not a message, and the state
// is read when the watcher has room for it. So a watcher costs a fixed amount of memory however
// much happens; many changes of one diagnosis become one line; and a slow one holds up nobody. A
// diagnosis is acknowledged to its worker once no watcher waits for it any more.
//
// In the daemon a recorder sees each change before any watcher does, and lets them have it once it
// is safe: what was shown is there after a crash.
//
// Control thread alone.
#pragma once

#include <jansson.h>

#include "../dataplane/worker.h"

#define WATCHES_MAX 16

struct feed;
struct watch;

// NULL: out of memory. The workers must outlive it.
struct feed *feed_create(struct workers *workers);
void feed_destroy(struct feed *feed);
const struct workers *feed_workers(const struct feed *feed);

// Look at what the workers have said, a bounded part of it. Whether there is more at once.
bool feed_drain(struct feed *feed);

// ---- the recorder ----

// Which diagnosis, and in which state.
struct feed_mark {
	uint32_t place;
	uint32_t sequence;
	uint64_t serial, id;
	uint8_t state, confidence, is_phone;
};

// A diagnosis of a phone or gateway, and its evidence.
struct feed_change {
	struct feed_mark mark;
	struct diagnosis diagnosis;
	_Alignas(8) char lines[EVIDENCE_BYTES_MAX];
};

// From now on a recorder takes each change, and watchers have it only when it is released. false:
// out of memory.
bool feed_record(struct feed *feed);
uint32_t feed_places(const struct feed *feed);
// Whether there may be something to take.
bool feed_has_change(const struct feed *feed);
// The next change; false: there is none for now. What is taken is held, passed, or
// dropped, at once or later.
bool feed_take(struct feed *feed, struct feed_change *out);
// What stands at a place now, released or not; false: nothing.
bool feed_read(const struct feed *feed, uint32_t place, struct feed_change *out);
// It is being recorded: nothing of its place is told until it is released as often as it was held.
void feed_hold(struct feed *feed, const struct feed_mark *mark);
void feed_release(struct feed *feed, uint32_t place);
// Nothing of it is to be recorded: it may be told, where its place is not held.
void feed_pass(struct feed *feed, const struct feed_mark *mark);
// It goes on at another place, under its id: that it ends at this one is nobody's news.
void feed_drop(struct feed *feed, const struct feed_mark *mark);

// It stands after a restart. false: not as it was told, that is news. Else only what becomes of it
// is. Before the workers start; after feed_record().
bool feed_restored(struct feed *feed, const struct feed_mark *mark);

// ---- watchers ----

unsigned feed_watches(const struct feed *feed);

// From now on: diagnoses of phones and gateways, or those of all clients too. NULL: WATCHES_MAX are
// there, or out of memory.
struct watch *feed_watch(struct feed *feed, bool all_clients, enum language language);
void feed_unwatch(struct feed *feed, struct watch *watch);

bool watch_has_news(const struct watch *watch);

// Next change, a diagnosis as JSON; NULL: none that concerns this watcher. A bounded step: look
// again while watch_has_news().
json_t *watch_next(struct feed *feed, struct watch *watch);

// Something that it had been told of is gone before its end could be told.
bool watch_has_lost(const struct watch *watch);
// Changes that wait.
unsigned watch_waiting(const struct watch *watch);
