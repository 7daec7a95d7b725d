// SPDX-License-Identifier: BSD-3-Clause
#include "history.h"

#include <assert.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "diagnosis.h"

static_assert(SESSION_SIGHTINGS_MAX <= 32);

#define COPY_MS 500 // so far apart the same line may come twice

void history_free(struct session_table *t, uint32_t at)
{
	uint32_t history = t->links[at].history;
	if (history == SESSION_NONE)
		return;
	t->histories[history].next_free = t->free_history;
	t->free_history = history;
	t->links[at].history = SESSION_NONE;
	gauge_add(&t->n_histories, -1);
}

void history_forget(struct session_table *t, uint32_t index, uint8_t identity)
{
	history_void(t, index, NULL, identity, UINT64_MAX);
}

void history_void(struct session_table *t, uint32_t index, const uint64_t *events, uint8_t identity,
	uint64_t until_ms)
{
	uint32_t history = t->links[index].history;
	if (history == SESSION_NONE)
		return;
	struct history *h = &t->histories[history];
	uint32_t n = 0;
	for (uint32_t i = 0; i < h->n; i++) {
		const struct sighting *seen = &h->sightings[i];
		if (seen->identity != identity || (events && !event_bit(events, seen->event)) ||
			seen->time_ms > until_ms)
			h->sightings[n++] = *seen;
	}
	h->n = n;
}

void history_set_back(struct session_table *t, uint32_t index, uint64_t now_ms)
{
	uint32_t history = t->links[index].history;
	if (history == SESSION_NONE)
		return;
	struct history *h = &t->histories[history]; // in the order of time
	while (h->n && h->sightings[h->n - 1].time_ms > now_ms)
		h->n--;
}

void history_rename(struct session_table *t, uint32_t index, uint8_t from, uint8_t to)
{
	uint32_t history = t->links[index].history;
	for (uint32_t i = 0; history != SESSION_NONE && i < t->histories[history].n; i++) {
		struct sighting *seen = &t->histories[history].sightings[i];
		if (seen->identity == from)
			seen->identity = to;
	}
}

void history_name(struct session_table *t, uint32_t index, const uint64_t *events, uint8_t identity,
	uint64_t since_ms)
{
	uint32_t history = t->links[index].history;
	for (uint32_t i = 0; history != SESSION_NONE && i < t->histories[history].n; i++) {
		struct sighting *seen = &t->histories[history].sightings[i];
		if (seen->identity == 0 && event_bit(events, seen->event) &&
			seen->time_ms >= since_ms)
			seen->identity = identity;
	}
}

void history_settle_doubt(struct session_table *t, uint32_t index, uint64_t since_ms)
{
	uint32_t history = t->links[index].history;
	for (uint32_t i = 0; history != SESSION_NONE && i < t->histories[history].n; i++) {
		struct sighting *seen = &t->histories[history].sightings[i];
		if (seen->time_ms >= since_ms)
			seen->flags &= (uint8_t)~SIGHTING_DOUBTFUL;
	}
}

// Of the sessions of a class, the one heard longest ago that can spare its history. Who cannot is
// not looked at again before it is heard again.
static uint32_t find_spare(struct session_table *t, uint8_t class)
{
	uint32_t *at = &t->spare[class];
	for (unsigned i = 0; i < SPARE_LOOK_MAX && *at != SESSION_NONE; i++) {
		if (t->links[*at].history != SESSION_NONE &&
			(class == SESSION_CLASS_OTHER || !diagnosis_any_open(t, *at)))
			return *at;
		*at = t->links[*at].newer;
	}
	return SESSION_NONE;
}

static uint32_t take_history(struct session_table *t, uint32_t index)
{
	if (t->free_history == SESSION_NONE && t->histories_used < t->limits.histories)
		return t->histories_used++;
	if (t->free_history == SESSION_NONE) {
		uint32_t at = find_spare(t, SESSION_CLASS_OTHER);
		if (at == SESSION_NONE && t->links[index].class == SESSION_CLASS_PHONE)
			at = find_spare(t, SESSION_CLASS_PHONE);
		if (at == SESSION_NONE)
			return SESSION_NONE;
		history_free(t, at);
		counter_add(&t->counters->histories_evicted, 1);
	}
	uint32_t history = t->free_history;
	t->free_history = t->histories[history].next_free;
	return history;
}

static struct history *history_of(struct session_table *t, uint32_t index)
{
	uint32_t history = t->links[index].history;
	if (history == SESSION_NONE) {
		history = take_history(t, index);
		if (history == SESSION_NONE)
			return NULL;
		t->links[index].history = history;
		gauge_add(&t->n_histories, 1);
		t->histories[history].n = 0;
		t->histories[history].generation = t->ruleset->generation;
	}
	return &t->histories[history];
}

const struct sighting *history_sightings(const struct session_table *t, uint32_t index, unsigned *n)
{
	uint32_t history = t->links[index].history;
	*n = history == SESSION_NONE ? 0 : t->histories[history].n;
	return history == SESSION_NONE ? NULL : t->histories[history].sightings;
}

static uint16_t condition_bits(const struct event_use *use, const struct event *event)
{
	uint16_t bits = 0;
	struct slice text = {event->text, event->text_len};
	for (unsigned i = 0; i < use->n_conditions; i++) {
		if (condition_holds(&use->conditions[i], text, event->values, event->n_values))
			bits |= (uint16_t)(1u << i);
	}
	return bits;
}

static uint16_t text_hash(const struct event *event)
{
	return (uint16_t)XXH3_64bits(event->text, event->line_len);
}

struct sighting history_sighting(
	const struct event *event, const struct event_use *use, uint64_t line, uint8_t identity)
{
	struct sighting sighting = {
		.time_ms = event->time_ms,
		.line = line,
		.event = event->type,
		.conditions = condition_bits(use, event),
		.gateway = event->gateway,
		.port = event->port,
		.text = text_hash(event),
		.identity = identity,
		.flags = event->flags & EVENT_AMBIGUOUS ? SIGHTING_AMBIGUOUS : 0,
	};
	if (use->distinct_field != FIELD_NONE) {
		struct slice value = event_value(event, use->distinct_field);
		sighting.value = (uint32_t)XXH3_64bits(value.data ? value.data : "", value.len);
	}
	return sighting;
}

bool history_is_copy(const struct session_table *t, uint32_t index, const struct event *event)
{
	unsigned n;
	const struct sighting *seen = history_sightings(t, index, &n);
	uint16_t hash = n ? text_hash(event) : 0;
	while (n-- > 0 && seen[n].time_ms + COPY_MS >= event->time_ms) {
		struct line_buffer kept;
		if (seen[n].event == event->type && seen[n].text == hash &&
			seen[n].time_ms <= event->time_ms + COPY_MS &&
			session_line_read(t, seen[n].line, &kept) &&
			line_is_copy(&kept.line, event))
			return true;
	}
	return false;
}

// No diagnosis looks back to it: it is too old, or only why there was no tunnel, and there is one.
static bool is_void(const struct subject *s, const struct sighting *one)
{
	const struct event_use *use = &s->table->ruleset->pack->events[one->event];
	if (is_past(one->time_ms, use->window_ms + 1, s->now_ms))
		return true;
	const struct identity *who =
		use->outlasts || one->identity == 0 ? NULL : identity_by_number(s, one->identity);
	return who && one->time_ms < who->tunnel_up.ms;
}

// The one that is missed least: the oldest that is void; else the oldest of the event of one phone
// of which there are most beyond what a rule wants; else the oldest.
static uint32_t least_needed(const struct subject *s, const struct history *h)
{
	const struct event_use *events = s->table->ruleset->pack->events;
	uint32_t best = 0, most = 0;
	uint32_t counted = 0; // bits: of an event and phone that stands before
	for (uint32_t i = 0; i < h->n; i++) {
		if (is_void(s, &h->sightings[i]))
			return i;
	}
	for (uint32_t i = 0; i < h->n; i++) {
		uint32_t n = 0, wanted = events[h->sightings[i].event].wanted;
		if (counted >> i & 1)
			continue;
		for (uint32_t k = i; k < h->n; k++) {
			if (h->sightings[k].event == h->sightings[i].event &&
				h->sightings[k].identity == h->sightings[i].identity) {
				counted |= 1u << k;
				n++;
			}
		}
		wanted += wanted == 0;
		if (n > wanted + most) {
			best = i;
			most = n - wanted;
		}
	}
	return best;
}

static bool see_anew(struct session_table *t, struct sighting *seen)
{
	const struct event_use *use = &t->ruleset->pack->events[seen->event];
	struct line_buffer buffer;
	struct event event;
	if (!use->known || !use->keep || !session_line_read(t, seen->line, &buffer))
		return false;
	line_to_event(&buffer.line, &event);
	struct sighting now = history_sighting(&event, use, seen->line, seen->identity);
	seen->conditions = now.conditions;
	seen->value = now.value;
	return true;
}

void history_refresh(struct session_table *t, uint32_t index)
{
	uint32_t history = t->links[index].history;
	if (history == SESSION_NONE || t->histories[history].generation == t->ruleset->generation)
		return;
	struct history *h = &t->histories[history];
	uint32_t n = 0;
	for (uint32_t i = 0; i < h->n; i++) {
		if (see_anew(t, &h->sightings[i]))
			h->sightings[n++] = h->sightings[i];
	}
	h->n = n;
	h->generation = t->ruleset->generation;
}

// In the order of time; lines that were held come a little late.
void history_keep(struct subject *s, const struct sighting *sighting)
{
	struct history *h = history_of(s->table, s->index);
	if (s->table->ruleset->pack->events[sighting->event].expected)
		s->session.flags |= SESSION_SHOWN;
	if (h == NULL) {
		counter_add(&s->table->counters->events_dropped[EVENT_DROP_histories_full], 1);
		return;
	}
	if (h->n == SESSION_SIGHTINGS_MAX) {
		uint32_t gone = least_needed(s, h);
		memmove(h->sightings + gone, h->sightings + gone + 1,
			(--h->n - gone) * sizeof(h->sightings[0]));
	}
	uint32_t at = h->n++;
	for (; at > 0 && h->sightings[at - 1].time_ms > sighting->time_ms; at--)
		h->sightings[at] = h->sightings[at - 1];
	h->sightings[at] = *sighting;
}

uint64_t history_keep_line(struct subject *s, const struct event *event, uint8_t identity)
{
	struct line_buffer buffer;
	unsigned ring = s->session.flags & SESSION_PHONE || s->session.key.kind == KEY_GATEWAY
				? SESSION_CLASS_PHONE
				: SESSION_CLASS_OTHER;
	line_of_event(event, identity, s->session.last_line, &buffer);
	uint64_t position = line_ring_append(&s->table->lines[ring], &buffer.line) | ring;
	s->session.last_line = position;
	return position;
}

// The low bit of a position tells the ring: lines are aligned to 8.
bool session_line_read(const struct session_table *t, uint64_t position, struct line_buffer *out)
{
	return position != LINE_NONE &&
	       line_ring_read(&t->lines[position & 1], position & ~1ull, out);
}
