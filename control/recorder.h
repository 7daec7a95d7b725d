// SPDX-License-Identifier: BSD-3-Clause
// recorder: takes each change of a diagnosis from the feed, before any watcher, gives it to the
// alerts and puts it into the journal, with the alerts that come of it; and lets watchers have it
// when it is settled there.
//
// What matters of a diagnosis (its state, certainty, names, cause) is recorded at once; lines of
// evidence that come to an open one within RECORD_EVIDENCE_MS; that it was only counted again
// within RECORD_COUNT_MS, since thousands of phones that fail try again each minute. What was
// absorbed waits RECORD_END_MS to see whether it goes on under its id elsewhere: then it has not
// ended.
//
// Control thread alone.
#pragma once

#include "alert.h"
#include "feed.h"
#include "journal.h"

#define RECORD_END_MS 1000
#define RECORD_EVIDENCE_MS 1000
#define RECORD_COUNT_MS 300000

struct recorder;

// alerts: NULL for none. All of them outlive it. NULL: out of memory.
struct recorder *recorder_create(struct feed *feed, struct journal *journal, struct alerts *alerts);
void recorder_destroy(struct recorder *recorder);

// What the tables hold is what the journal has of it: before the workers start.
void recorder_restored(struct recorder *recorder);

// The alerts are told of all that is open, some a turn: they have new rules.
void recorder_retell(struct recorder *recorder);

// Tell these of each diagnosis, and how long it took. NULL: nobody.
struct metrics;
void recorder_set_metrics(struct recorder *recorder, struct metrics *metrics);

// From now on nothing waits: what was only counted again is recorded too. Before the end.
void recorder_finish(struct recorder *recorder);

// A bounded part of what there is to do. Whether there is more at once.
bool recorder_step(struct recorder *recorder, uint64_t now_ms);
