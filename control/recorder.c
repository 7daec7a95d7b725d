// SPDX-License-Identifier: BSD-3-Clause
#include "recorder.h"

#include <stdlib.h>

#include <xxhash.h>

#include "diagnosis_json.h"
#include "metrics.h"
#include "recall.h"
#include "text.h"

#define TAKE_STEP 64	 // changes a turn
#define RETELL_STEP 4096 // places that are looked at a turn
#define PENDING_MAX 8192 // changes that wait to be settled; a power of 2

// How a diagnosis waits to be recorded that has not changed in what matters, or that was absorbed.
enum later { LATER_END, LATER_EVIDENCE, LATER_COUNT, LATER_MAX };
static const uint64_t later_ms[LATER_MAX] = {[LATER_END] = RECORD_END_MS,
	[LATER_EVIDENCE] = RECORD_EVIDENCE_MS,
	[LATER_COUNT] = RECORD_COUNT_MS};

// What was recorded of one place.
struct kept {
	uint64_t digest; // of what matters; 0: nothing
	uint64_t serial, id;
	uint32_t sequence;
	uint16_t evidence_bytes;
	bool was_told; // by the last daemon, in another state
	bool waits[LATER_MAX];
	uint32_t next[LATER_MAX]; // place, plus one
	uint64_t due_ms[LATER_MAX];
};

// A queue of places; each is due later than the one before it.
struct queue {
	uint32_t first, last; // place, plus one; 0: empty
};

struct recorder {
	struct feed *feed;
	struct journal *journal;
	struct alerts *alerts;
	struct metrics *metrics; // NULL: none
	bool restoring;		 // what is told again was told before this start
	bool finishing;		 // nothing waits any longer
	struct kept *kept;	 // by place
	struct recall *bearers;	 // of an id: the place that was recorded under it last, plus one
	struct queue queues[LATER_MAX];
	// Recorded, and not yet settled; in the order of their numbers.
	struct pending {
		uint64_t number, made_ms;
		uint32_t place; // of a diagnosis
		json_t *alert;	// NULL: a diagnosis
	} pending[PENDING_MAX];
	uint32_t head, tail; // count on for ever
	uint32_t retell;     // places that the alerts are still to be told of, counted down
	struct feed_change change;
};

struct recorder *recorder_create(struct feed *feed, struct journal *journal, struct alerts *alerts)
{
	struct recorder *r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->feed = feed;
	r->journal = journal;
	r->alerts = alerts;
	r->kept = calloc(feed_places(feed), sizeof(*r->kept));
	r->bearers = recall_create(feed_places(feed));
	if (r->kept && r->bearers && feed_record(feed))
		return r;
	recorder_destroy(r);
	return NULL;
}

void recorder_destroy(struct recorder *r)
{
	if (r == NULL)
		return;
	for (; r->head != r->tail; r->head++)
		json_decref(r->pending[r->head % PENDING_MAX].alert);
	recall_destroy(r->bearers);
	free(r->kept);
	free(r);
}

void recorder_set_metrics(struct recorder *r, struct metrics *metrics)
{
	r->metrics = metrics;
}

// ---- what was recorded is released ----

// The wall clock may have been set back meanwhile.
static uint64_t us_since(uint64_t then_ms, uint64_t now_ms)
{
	return now_ms > then_ms ? (now_ms - then_ms) * 1000 : 0;
}

static void release_settled(struct recorder *r, uint64_t now_ms)
{
	uint64_t settled = journal_settled(r->journal);
	while (r->head != r->tail && r->pending[r->head % PENDING_MAX].number <= settled) {
		struct pending *pending = &r->pending[r->head++ % PENDING_MAX];
		metrics_note_latency(r->metrics, TOLD_SETTLED, us_since(pending->made_ms, now_ms));
		if (pending->alert)
			alerts_release(r->alerts, pending->alert);
		else
			feed_release(r->feed, pending->place);
		json_decref(pending->alert);
	}
}

static bool has_room(const struct recorder *r)
{
	return r->tail - r->head < PENDING_MAX;
}

// ---- recording ----

static void record_alerts(struct recorder *r, uint64_t now_ms)
{
	while (r->alerts && has_room(r)) {
		json_t *alert = alerts_next_change(r->alerts);
		const char *id = json_string_value(json_object_get(alert, "id"));
		uint64_t number = id ? journal_append(r->journal, RECORD_ALERT, id, alert) : 0;
		if (alert == NULL)
			return;
		metrics_note_alert(r->metrics, alert);
		if (number) {
			r->pending[r->tail++ % PENDING_MAX] = (struct pending){
				.number = number, .made_ms = now_ms, .alert = alert};
			continue;
		}
		alerts_release(r->alerts, alert);
		json_decref(alert);
	}
}

// Of all but what is counted, and the evidence.
static uint64_t digest_of(const struct diagnosis *d)
{
	struct diagnosis lasting = *d;
	lasting.last_ms = 0;
	lasting.sequence = 0;
	lasting.count = 0;
	lasting.sources = 0;
	lasting.evidence = (struct evidence){0};
	uint64_t digest = XXH3_64bits(&lasting, sizeof(lasting));
	return digest ? digest : 1;
}

static json_t *change_json(const struct recorder *r)
{
	const struct workers *workers = feed_workers(r->feed);
	return diagnosis_json(&r->change.diagnosis, r->change.lines, workers->ruleset->pack,
		&workers->gateways, LANGUAGE_EN);
}

// Returns its number in the journal; 0: out of memory.
static uint64_t tell(struct recorder *r, const json_t *object, uint64_t now_ms)
{
	const char *id = json_string_value(json_object_get(object, "id"));
	if (id && r->alerts)
		alerts_take(r->alerts, object, now_ms);
	metrics_note_diagnosis(r->metrics, object);
	return id ? journal_append(r->journal, RECORD_DIAGNOSIS, id, object) : 0;
}

// It goes on under the id of an older one that turned out to be the same: the id that was told is
// over.
static void tell_end_of(struct recorder *r, uint64_t id, const json_t *heir, uint64_t now_ms)
{
	json_t *object = json_copy((json_t *)heir);
	char text[DIAGNOSIS_ID_TEXT];
	json_object_set_new(object, "id", json_string(diagnosis_id_format(id, text)));
	json_object_set_new(
		object, "state", json_string(diagnosis_state_names[DIAGNOSIS_ABSORBED]));
	tell(r, object, now_ms);
	json_decref(object);
}

static void note_bearer(struct recorder *r, uint32_t place)
{
	uint64_t *bearer = recall_at(r->bearers, r->kept[place].id);
	if (bearer)
		*bearer = place + 1;
}

// Handed over to another session, or to another identity: what bears the id is there.
static bool lives_elsewhere(struct recorder *r, uint32_t place, uint64_t id)
{
	const uint64_t *bearer = recall_at(r->bearers, id);
	return bearer && *bearer && *bearer - 1 != place && r->kept[*bearer - 1].id == id;
}

// The journal has the diagnosis as `change` has it.
static void keep(struct recorder *r, uint64_t digest)
{
	const struct feed_change *change = &r->change;
	struct kept *kept = &r->kept[change->mark.place];
	kept->digest = digest;
	kept->serial = change->diagnosis.serial;
	kept->id = change->diagnosis.id;
	kept->sequence = change->mark.sequence;
	kept->evidence_bytes = change->diagnosis.evidence.bytes;
	note_bearer(r, change->mark.place);
}

static void record(struct recorder *r, uint64_t digest, uint64_t now_ms)
{
	const struct feed_change *change = &r->change;
	struct kept *kept = &r->kept[change->mark.place];
	json_t *object = change_json(r);
	if (kept->was_told)
		metrics_note_restored(r->metrics, object);
	kept->was_told = false;
	if (kept->digest && kept->serial == change->diagnosis.serial &&
		kept->id != change->diagnosis.id)
		tell_end_of(r, kept->id, object, now_ms);
	uint64_t number = tell(r, object, now_ms);
	json_decref(object);
	keep(r, digest);
	feed_hold(r->feed, &change->mark);
	if (number)
		r->pending[r->tail++ % PENDING_MAX] = (struct pending){
			.number = number, .made_ms = now_ms, .place = change->mark.place};
	else
		feed_release(r->feed, change->mark.place);
}

void recorder_restored(struct recorder *r)
{
	for (uint32_t place = 0; place < feed_places(r->feed); place++) {
		if (!feed_read(r->feed, place, &r->change))
			continue;
		if (feed_restored(r->feed, &r->change.mark))
			keep(r, digest_of(&r->change.diagnosis));
		else
			r->kept[place].was_told = true;
	}
	recorder_retell(r);
	r->restoring = r->retell > 0;
}

void recorder_retell(struct recorder *r)
{
	r->retell = r->alerts ? feed_places(r->feed) : 0;
}

static void retell_some(struct recorder *r, uint64_t now_ms)
{
	if (r->retell == 0)
		return;
	for (unsigned i = 0, n = 0; i < RETELL_STEP && n < TAKE_STEP && r->retell; i++) {
		if (!feed_read(r->feed, --r->retell, &r->change) ||
			r->change.mark.state != DIAGNOSIS_OPEN ||
			!(r->change.mark.is_phone || r->change.diagnosis.scope == SCOPE_GATEWAY))
			continue;
		json_t *object = change_json(r);
		if (object)
			alerts_take(r->alerts, object, now_ms);
		if (object && r->restoring)
			metrics_note_restored(r->metrics, object);
		json_decref(object);
		n++;
	}
	r->restoring = r->restoring && r->retell;
	if (r->retell == 0)
		alerts_set_complete(r->alerts);
}

static void enqueue(struct recorder *r, enum later later, uint32_t place, uint64_t now_ms)
{
	struct kept *kept = &r->kept[place];
	struct queue *queue = &r->queues[later];
	if (kept->waits[later])
		return;
	kept->waits[later] = true;
	kept->due_ms[later] = now_ms + later_ms[later];
	kept->next[later] = 0;
	if (queue->last)
		r->kept[queue->last - 1].next[later] = place + 1;
	else
		queue->first = place + 1;
	queue->last = place + 1;
}

static void take(struct recorder *r, uint64_t now_ms)
{
	const struct feed_change *change = &r->change;
	const struct kept *kept = &r->kept[change->mark.place];
	uint64_t digest = digest_of(&change->diagnosis);
	// Whoever it was handed over to may be told of later, by another worker.
	if (digest != kept->digest && change->mark.state == DIAGNOSIS_ABSORBED) {
		enqueue(r, LATER_END, change->mark.place, now_ms);
		return;
	}
	if (digest != kept->digest) {
		if (!kept->was_told)
			metrics_note_latency(
				r->metrics, TOLD_WIRE, us_since(change->diagnosis.last_ms, now_ms));
		record(r, digest, now_ms);
		return;
	}
	bool grown = change->diagnosis.evidence.bytes != kept->evidence_bytes;
	enqueue(r, grown ? LATER_EVIDENCE : LATER_COUNT, change->mark.place, now_ms);
	feed_pass(r->feed, &change->mark);
}

// The clock can be set back: a place waits no longer than the time that was meant.
static bool is_due(
	const struct recorder *r, const struct kept *kept, enum later later, uint64_t now_ms)
{
	if (r->finishing)
		return later != LATER_END || !feed_has_change(r->feed);
	return kept->due_ms[later] <= now_ms || kept->due_ms[later] > now_ms + later_ms[later];
}

// It was absorbed: its id ends with it, unless that lives on.
static void record_end(struct recorder *r, uint64_t now_ms)
{
	const struct feed_change *change = &r->change;
	struct kept *kept = &r->kept[change->mark.place];
	uint64_t digest = digest_of(&change->diagnosis);
	if (change->mark.state != DIAGNOSIS_ABSORBED || digest == kept->digest)
		return;
	if (!lives_elsewhere(r, change->mark.place, change->diagnosis.id)) {
		record(r, digest, now_ms);
		return;
	}
	kept->digest = digest;
	kept->id = 0;
	feed_drop(r->feed, &change->mark);
}

static void record_due(struct recorder *r, enum later later, uint64_t now_ms)
{
	struct queue *queue = &r->queues[later];
	for (unsigned i = 0; i < TAKE_STEP && queue->first && has_room(r); i++) {
		uint32_t place = queue->first - 1;
		struct kept *kept = &r->kept[place];
		if (!is_due(r, kept, later, now_ms))
			break;
		queue->first = kept->next[later];
		if (queue->first == 0)
			queue->last = 0;
		kept->waits[later] = false;
		// Gone, or recorded meanwhile, or changed in what matters: the feed tells of that.
		if (!feed_read(r->feed, place, &r->change))
			continue;
		if (later == LATER_END)
			record_end(r, now_ms);
		else if (r->change.mark.sequence != kept->sequence &&
			 digest_of(&r->change.diagnosis) == kept->digest)
			record(r, kept->digest, now_ms);
	}
}

void recorder_finish(struct recorder *r)
{
	r->finishing = true;
}

static bool has_waiting(const struct recorder *r)
{
	return r->queues[LATER_END].first || r->queues[LATER_EVIDENCE].first ||
	       r->queues[LATER_COUNT].first;
}

bool recorder_step(struct recorder *r, uint64_t now_ms)
{
	release_settled(r, now_ms);
	for (unsigned later = 0; later < LATER_MAX; later++)
		record_due(r, (enum later)later, now_ms);
	for (unsigned i = 0; i < TAKE_STEP && has_room(r) && feed_take(r->feed, &r->change); i++)
		take(r, now_ms);
	retell_some(r, now_ms);
	record_alerts(r, now_ms);
	if (r->finishing) // room comes when the journal has settled what is pending
		return feed_has_change(r->feed) || has_waiting(r);
	return has_room(r) && (feed_has_change(r->feed) || r->retell);
}
