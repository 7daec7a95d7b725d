// SPDX-License-Identifier: BSD-3-Clause
#include "alias.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define ALIAS_PROBE_MAX 8		    // entries looked at: two or three cache lines
#define ALIAS_KEEP_MS (24 * 3600 * 1000ull) // how long a gateway's word outweighs a phone's own
#define EXPIRE_STEP 8

struct waiting {
	bool in_use;
	struct event event;
};

struct alias_table {
	struct counters *counters;
	struct alias *entries;
	unsigned n_max;	      // power of two
	gauge_t n, n_waiting; // control reads them
	struct waiting
		*waiting; // circular, oldest first; those that went in between are not in_use
	unsigned n_waiting_max, waiting_first;
};

struct alias_table *alias_table_create(
	unsigned n_aliases, unsigned n_waiting, struct counters *counters)
{
	struct alias_table *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->counters = counters;
	for (t->n_max = 64; t->n_max < n_aliases;)
		t->n_max *= 2;
	t->n_waiting_max = n_waiting;
	t->entries = calloc(t->n_max, sizeof(*t->entries));
	t->waiting = calloc(n_waiting, sizeof(*t->waiting));
	if (t->entries && t->waiting)
		return t;
	alias_table_destroy(t);
	return NULL;
}

void alias_table_destroy(struct alias_table *table)
{
	if (table == NULL)
		return;
	free(table->entries);
	free(table->waiting);
	free(table);
}

unsigned alias_count(const struct alias_table *table)
{
	return gauge_get(&table->n);
}

unsigned alias_max(const struct alias_table *table)
{
	return table->n_max;
}

unsigned alias_waiting(const struct alias_table *table)
{
	return gauge_get(&table->n_waiting);
}

unsigned alias_waiting_max(const struct alias_table *table)
{
	return table->n_waiting_max;
}

// The kind is the seed; 0 is no hash.
static uint64_t hash_of(const void *bytes, size_t len, uint64_t kind)
{
	uint64_t hash = XXH3_64bits_withSeed(bytes, len, kind);
	return hash ? hash : 1;
}

uint64_t alias_of_device(const struct device *device)
{
	return hash_of(device->mac, sizeof(device->mac), 1);
}

uint64_t alias_of_user(uint16_t gateway, struct slice user)
{
	return hash_of(user.data, user.len, 2 + ((uint64_t)gateway << 8));
}

uint64_t alias_of_tunnel(const struct address *tunnel)
{
	return hash_of(tunnel->bytes, sizeof(tunnel->bytes), 3);
}

uint64_t alias_of_event(const struct event *event)
{
	struct slice user = event_user(event);
	if (!device_is_none(&event->device))
		return alias_of_device(&event->device);
	// A line that gives the tunnel address away cannot be found by it: who had it before is
	// another.
	if (!address_is_none(&event->tunnel) && event->alias_action != ALIAS_ASSIGN)
		return alias_of_tunnel(&event->tunnel);
	if (user.len)
		return alias_of_user(event->gateway, user);
	return 0;
}

static struct alias *probe(struct alias_table *t, uint64_t hash, unsigned i)
{
	return &t->entries[(hash + i) & (t->n_max - 1)];
}

void alias_prefetch(const struct alias_table *t, uint64_t hash)
{
	const struct alias *entry = &t->entries[hash & (t->n_max - 1)];
	__builtin_prefetch(entry);
	__builtin_prefetch(entry + 1); // it may span two lines of the cache
}

const struct alias *alias_find(struct alias_table *t, const struct event *event)
{
	for (unsigned i = 0; i < ALIAS_PROBE_MAX; i++) {
		const struct alias *entry = probe(t, event->alias, i);
		if (entry->hash != event->alias)
			continue;
		bool holds = !entry->is_claim ||
			     (event->source == MESSAGE_ASA &&
				     !is_past(entry->time_ms, ALIAS_CLAIM_MS + 1, event->time_ms));
		return holds ? entry : NULL;
	}
	return NULL;
}

// How much an entry is needed.
enum need { NEED_NONE, NEED_CLAIM_OVER, NEED_CLAIM, NEED_OTHER, NEED_PHONE };

static enum need need_of(const struct alias *entry, uint64_t now_ms)
{
	if (entry->hash == 0)
		return NEED_NONE;
	if (entry->is_claim)
		return is_past(entry->time_ms, ALIAS_CLAIM_MS + 1, now_ms) ? NEED_CLAIM_OVER
									   : NEED_CLAIM;
	return entry->is_phone ? NEED_PHONE : NEED_OTHER;
}

// The entry of this hash, a free one, or the one that is needed least; NULL: all are needed more
// than this one.
static struct alias *place(struct alias_table *t, const struct event *event)
{
	struct alias *best = NULL;
	enum need best_need = NEED_NONE;
	enum need need = event->flags & EVENT_UNPROVEN	    ? NEED_CLAIM
			 : event->flags & EVENT_MARKS_PHONE ? NEED_PHONE
							    : NEED_OTHER;
	for (unsigned i = 0; i < ALIAS_PROBE_MAX; i++) {
		struct alias *entry = probe(t, event->alias, i);
		enum need its = need_of(entry, event->time_ms);
		if (entry->hash == event->alias)
			return entry;
		if (best == NULL || its < best_need ||
			(its == best_need && entry->time_ms < best->time_ms)) {
			best = entry;
			best_need = its;
		}
	}
	return best_need > need ? NULL : best;
}

enum alias_outcome alias_set(
	struct alias_table *t, const struct event *event, struct session_key *other)
{
	struct alias *entry = place(t, event);
	bool same = entry && entry->hash == event->alias;
	bool has_asa = (event->flags & EVENT_HAS_ASA) != 0;
	bool known = same && !entry->is_claim;
	bool elsewhere = known && !key_equals(&entry->key, &event->key);
	if (event->flags & EVENT_RELEASE) {
		// Only the session that the alias leads to can end it.
		if (same && !elsewhere) {
			entry->hash = 0;
			gauge_add(&t->n, -1);
		}
		return ALIAS_ENDED;
	}
	if (event->flags & EVENT_UNPROVEN) {
		if (known)
			return ALIAS_ENDED; // what is known is not overwritten by a claim
	} else if (elsewhere) {
		*other = entry->key;
		if (entry->has_asa && !has_asa && event->time_ms < entry->time_ms + ALIAS_KEEP_MS)
			return ALIAS_KEPT;
	}
	// One name is forgotten: that of the place, or this one, for which there is none.
	if (entry == NULL || (!same && need_of(entry, event->time_ms) > NEED_CLAIM_OVER))
		counter_add(&t->counters->aliases_evicted, 1);
	if (entry == NULL)
		return ALIAS_ENDED;
	gauge_add(&t->n, entry->hash == 0);
	*entry = (struct alias){
		.hash = event->alias,
		.key = event->key,
		.time_ms = event->time_ms,
		.has_asa = has_asa,
		.is_phone = (event->flags & EVENT_MARKS_PHONE) != 0,
		.is_claim = (event->flags & EVENT_UNPROVEN) != 0,
	};
	return entry->is_claim ? ALIAS_CLAIMED : elsewhere ? ALIAS_MOVED : ALIAS_SET;
}

void alias_wait(struct alias_table *t, const struct event *event)
{
	uint32_t n = gauge_get(&t->n_waiting);
	if (n == t->n_waiting_max) {
		counter_add(&t->counters->events_dropped[EVENT_DROP_waiting_full], 1);
		return;
	}
	gauge_add(&t->n_waiting, 1);
	struct waiting *w = &t->waiting[(t->waiting_first + n) % t->n_waiting_max];
	w->in_use = true;
	memcpy(&w->event, event, event_size(event));
}

static void forget_done(struct alias_table *t)
{
	while (gauge_get(&t->n_waiting) && !t->waiting[t->waiting_first].in_use) {
		t->waiting_first = (t->waiting_first + 1) % t->n_waiting_max;
		gauge_add(&t->n_waiting, -1);
	}
}

void alias_release(struct alias_table *t, uint64_t hash, const struct session_key *key,
	event_emit_fn emit, void *context)
{
	for (unsigned i = 0; i < gauge_get(&t->n_waiting); i++) {
		struct waiting *w = &t->waiting[(t->waiting_first + i) % t->n_waiting_max];
		if (!w->in_use || w->event.alias != hash)
			continue;
		w->in_use = false;
		w->event.key = *key;
		w->event.flags |= EVENT_LATE;
		w->event.stage = STAGE_JUDGE;
		emit(context, &w->event);
	}
	forget_done(t);
}

static void give_up(struct alias_table *t, struct event *event, event_emit_fn emit, void *context)
{
	if (device_is_none(&event->device)) {
		counter_add(&t->counters->events_dropped[EVENT_DROP_unresolved], 1);
		return;
	}
	event->key = key_of_device(&event->device);
	event->stage = STAGE_JUDGE;
	emit(context, event);
}

bool alias_expire_step(
	struct alias_table *t, uint64_t now_ms, bool all, event_emit_fn emit, void *context)
{
	unsigned n = 0;
	for (; gauge_get(&t->n_waiting) && (all || n < EXPIRE_STEP); n++) {
		struct waiting *w = &t->waiting[t->waiting_first];
		if (!all && !is_past(w->event.time_ms, ALIAS_WAIT_MS, now_ms))
			break;
		w->in_use = false;
		give_up(t, &w->event, emit, context);
		forget_done(t);
	}
	return n > 0;
}
