// SPDX-License-Identifier: BSD-3-Clause
// feed: takes what the workers' outboxes point to and keeps, for each watcher, the diagnoses that
// have changed since he was told of them last.
//
// Level-triggered like the outbox: what waits is a place in a table, not a message, and the state
// is read when the watcher has room for it. So a watcher costs a fixed amount of memory however
// much happens; many changes of one diagnosis become one line; and a slow one holds up nobody. A
// diagnosis is acknowledged to its worker once no watcher waits for it any more.
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

// Look at what the workers have said, a bounded part of it. Whether there is more at once.
bool feed_drain(struct feed *feed);

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
