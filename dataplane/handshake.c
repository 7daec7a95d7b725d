// SPDX-License-Identifier: BSD-3-Clause
#include "handshake.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "chain.h"
#include "cipher_list.h"

#define NONE UINT32_MAX
#define LIST_JITTER 2	// entries come so far out of turn
#define REORDER_MS 1000 // UDP reorders: lines that change places are no farther apart
#define FAILED_MAX 4	// handshakes of a gateway that have failed, and whose reason may still come
#define EXPIRE_STEP 16
#define HANDSHAKE_FOLLOWS_MS 1000 // an ASA's clock has seconds, and lines of one login are together
#define MIXED_MS 60000		  // how long the order of a stream's lines is not trusted
#define STREAMS 4		  // senders that bring lines of one gateway
#define TORN_STEP 16		  // arrivals.torn is of about so many handshakes
// Shares of UINT16_MAX: from here on the order is not trusted; from here on all is one stream.
#define TORN_SEEN (UINT16_MAX / 32)
#define TORN_SHARED (UINT16_MAX / 6)

struct failed {
	struct address client;
	struct device device;
	uint16_t port;
	bool chosen, claimed, certified; // certified: its certificate was validated, or refused
	uint64_t failed_ms;		 // 0: none, or its reason has come
};

// A client, and when another one had such a line before it.
struct recent {
	struct address client;
	struct device device;
	uint64_t ms, other_ms; // 0: never
};

struct handshake {
	struct address client;
	uint16_t port;
	uint32_t stream;
	// Its 725001 was seen; cipher agreed; certificate asked for; none came; a reason is bound.
	bool open, started, chosen, asked, bare, reasoned;
	uint32_t number;	      // of its gateway's handshakes
	uint32_t chosen_at, asked_at; // stream.addressed then
	uint32_t generation;	      // of the slot: a held line remembers it
	uint64_t start_ms;
	struct device device;
	bool claimed;			  // by the certificate, which nothing has proved yet
	bool stranger;			  // the certificate bears no phone's name
	uint32_t hash_next, older, newer; // chains of the hash bucket and of the gateway
	struct cipher_list offered;
};

// The lines of a gateway as one sender brings them. A gateway whose lines come twice, through two
// relays, is read twice, each time in order.
struct stream {
	bool in_use;
	uint16_t gateway;
	struct address sender;
	uint32_t oldest, newest; // open handshakes
	uint32_t n_open, n_chosen, n_asked;
	uint32_t n_opened; // ever
	uint32_t first_held, last_held;
	uint32_t addressed; // counts lines of a handshake that name it: what stands between two
			    // lines
	uint32_t near, near_generation; // handshake of the last such line
	// Order is kept within a receive queue only: lines through two of them are bound as
	// ambiguous.
	uint16_t queue;
	uint64_t mixed_ms;
	// the client of the last line that had one, and of the last that told of a login: what
	// follows at once may be about it
	struct recent last, login;
	// the cipher list that is being read
	enum handshake_step list;
	uint32_t list_handshake, list_generation;
	uint64_t list_next; // index of the next entry
	bool list_again;    // entries that are there may be of before the head
	struct cipher_list supported;
	// an entry that came before its head
	char early_name[64];
	uint8_t early_len;
	uint64_t early_ms;
	struct failed failed[FAILED_MAX];
	unsigned failed_next;
	struct cipher_list failed_offered; // of the last of them
	// the validation that is being read
	struct chain_list chains;
};

// How the lines of a gateway come, see note_start().
struct arrivals {
	uint16_t torn; // share of its handshakes whose lines are not all of one sender
	bool shared;   // its senders share its lines out: all go into one stream
};

struct held {
	struct event event;
	uint32_t stream;
	bool in_use;
	uint32_t older, newer; // of the gateway
	uint32_t addressed;
	uint32_t near, near_generation;
	uint32_t chain;
	uint32_t n_opened; // handshakes numbered above began later
	uint32_t n_rivals; // handshakes that it could belong to when it came, less those that
			   // succeeded
	bool any_chosen;   // some handshake had agreed on a cipher
	bool any_asked;	   // some client had been asked for its certificate
};

struct handshake_table {
	struct counters *counters;
	uint64_t seed;
	struct handshake *slots;
	uint32_t n_slots, free_slot, sweep;
	uint32_t n_used; // slots that have been given out at least once: the others are not touched
	uint64_t swept_ms;
	gauge_t n_open, n_held; // control reads them
	uint32_t *buckets, n_buckets;
	struct stream *streams;	   // STREAMS of each gateway
	struct arrivals *arrivals; // of each gateway
	struct held *held;	   // circular: the oldest at held_first
	uint32_t n_held_max, held_first;
};

// Whether it has been so little before, and not before the clock was set back.
static bool is_near(uint64_t time_ms, uint64_t within_ms, uint64_t now_ms)
{
	return !is_past(time_ms, within_ms + 1, now_ms);
}

struct handshake_table *handshake_table_create(unsigned n_gateways, unsigned n_handshakes,
	unsigned n_held, uint64_t seed, struct counters *counters)
{
	struct handshake_table *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->counters = counters;
	t->seed = seed;
	t->n_slots = n_handshakes;
	for (t->n_buckets = 16; t->n_buckets < n_handshakes;)
		t->n_buckets *= 2;
	t->n_held_max = n_held;
	t->slots = calloc(n_handshakes, sizeof(*t->slots));
	t->buckets = malloc(t->n_buckets * sizeof(*t->buckets));
	t->streams = calloc(n_gateways, STREAMS * sizeof(*t->streams));
	t->arrivals = calloc(n_gateways, sizeof(*t->arrivals));
	t->held = calloc(n_held, sizeof(*t->held));
	if (!t->slots || !t->buckets || !t->streams || !t->arrivals || !t->held) {
		handshake_table_destroy(t);
		return NULL;
	}
	t->free_slot = NONE;
	for (uint32_t i = 0; i < t->n_buckets; i++)
		t->buckets[i] = NONE;
	return t;
}

void handshake_table_destroy(struct handshake_table *table)
{
	if (table == NULL)
		return;
	free(table->slots);
	free(table->buckets);
	free(table->streams);
	free(table->arrivals);
	free(table->held);
	free(table);
}

unsigned handshake_count(const struct handshake_table *table)
{
	return gauge_get(&table->n_open);
}

unsigned handshake_max(const struct handshake_table *table)
{
	return table->n_slots;
}

unsigned handshake_held(const struct handshake_table *table)
{
	return gauge_get(&table->n_held);
}

unsigned handshake_held_max(const struct handshake_table *table)
{
	return table->n_held_max;
}

// ---- streams ----

static struct stream *stream_init(struct stream *s, const struct event *event)
{
	s->in_use = true;
	s->gateway = event->gateway;
	s->sender = event->sender;
	s->queue = event->queue;
	s->oldest = s->newest = s->first_held = s->last_held = s->near = s->list_handshake = NONE;
	return s;
}

// That of the event's gateway and sender. Where the lines of a gateway are dealt out over its
// senders, or there are too many of them, all go into one.
static struct stream *stream_of(struct handshake_table *t, const struct event *event)
{
	struct stream *s = &t->streams[event->gateway * STREAMS];
	unsigned last = t->arrivals[event->gateway].shared ? 0 : STREAMS - 1;
	for (unsigned i = 0; i < last && s->in_use && !address_equals(&s->sender, &event->sender);)
		i++, s++;
	if (!s->in_use)
		return stream_init(s, event);
	if (s->queue != event->queue || !address_equals(&s->sender, &event->sender))
		s->mixed_ms = event->time_ms;
	s->queue = event->queue;
	s->sender = event->sender;
	return s;
}

static bool is_mixed(const struct handshake_table *t, const struct stream *s, uint64_t now_ms)
{
	return t->arrivals[s->gateway].torn > TORN_SEEN ||
	       (s->mixed_ms && is_near(s->mixed_ms, MIXED_MS, now_ms));
}

// ---- handshakes under way ----

static uint32_t *bucket_of(
	struct handshake_table *t, uint32_t stream, const struct address *client, uint16_t port)
{
	uint64_t seed = t->seed ^ ((uint64_t)stream << 16 | port);
	return &t->buckets[XXH3_64bits_withSeed(client, sizeof(*client), seed) &
			   (t->n_buckets - 1)];
}

static struct handshake *find(
	struct handshake_table *t, const struct stream *s, const struct event *event)
{
	uint32_t stream = (uint32_t)(s - t->streams);
	uint32_t at = *bucket_of(t, stream, &event->client, event->port);
	while (at != NONE) {
		struct handshake *h = &t->slots[at];
		if (h->port == event->port && h->stream == stream &&
			address_equals(&h->client, &event->client))
			return h;
		at = h->hash_next;
	}
	return NULL;
}

static void close_handshake(struct handshake_table *t, struct handshake *h)
{
	struct stream *s = &t->streams[h->stream];
	uint32_t at = (uint32_t)(h - t->slots);
	uint32_t *link = bucket_of(t, h->stream, &h->client, h->port);
	while (*link != at)
		link = &t->slots[*link].hash_next;
	*link = h->hash_next;
	if (h->older != NONE)
		t->slots[h->older].newer = h->newer;
	else
		s->oldest = h->newer;
	if (h->newer != NONE)
		t->slots[h->newer].older = h->older;
	else
		s->newest = h->older;
	s->n_open--;
	s->n_chosen -= h->chosen;
	s->n_asked -= h->asked;
	gauge_add(&t->n_open, -1);
	h->open = false;
	h->generation++;
	h->hash_next = t->free_slot;
	t->free_slot = at;
}

static void give_up(struct handshake_table *t, uint32_t at)
{
	counter_add(&t->counters->handshakes_abandoned, 1);
	close_handshake(t, &t->slots[at]);
}

// Handshakes of the gateway that have ended without a word.
static void give_up_old(struct handshake_table *t, struct stream *s, uint64_t now_ms)
{
	for (unsigned i = 0; i < EXPIRE_STEP && s->oldest != NONE &&
			     is_past(t->slots[s->oldest].start_ms, HANDSHAKE_OPEN_MS, now_ms);
		i++)
		give_up(t, s->oldest);
}

// Those of gateways that have fallen silent: a step a millisecond, for it looks all over memory.
static void sweep_old(struct handshake_table *t, uint64_t now_ms)
{
	if (t->swept_ms == now_ms)
		return;
	t->swept_ms = now_ms;
	for (unsigned i = 0; t->n_open && i < EXPIRE_STEP; i++) {
		const struct handshake *h = &t->slots[t->sweep];
		if (h->open)
			give_up_old(t, &t->streams[h->stream], now_ms);
		t->sweep = (t->sweep + 1) % t->n_slots;
	}
}

// The table is full: the oldest of some gateway gives way, most likely of the one that fills it.
static void make_room(struct handshake_table *t)
{
	t->sweep = (t->sweep + 1) % t->n_slots;
	give_up(t, t->streams[t->slots[t->sweep].stream].oldest);
}

// What was given back last, else one that was never used.
static uint32_t take_slot(struct handshake_table *t)
{
	if (t->free_slot == NONE && t->n_used < t->n_slots)
		return t->n_used++;
	if (t->free_slot == NONE)
		make_room(t);
	uint32_t at = t->free_slot;
	t->free_slot = t->slots[at].hash_next;
	return at;
}

static struct handshake *open_handshake(
	struct handshake_table *t, struct stream *s, const struct event *event)
{
	uint32_t stream = (uint32_t)(s - t->streams);
	uint32_t at = take_slot(t);
	struct handshake *h = &t->slots[at];
	uint32_t *bucket = bucket_of(t, stream, &event->client, event->port);
	h->client = event->client;
	h->port = event->port;
	h->stream = stream;
	h->open = true;
	h->started = event->handshake == HANDSHAKE_STARTS;
	h->chosen = h->asked = h->bare = h->reasoned = false;
	h->number = ++s->n_opened;
	h->start_ms = event->time_ms;
	h->device = (struct device){0};
	h->claimed = h->stranger = false;
	cipher_list_clear(&h->offered, 0);
	h->hash_next = *bucket;
	*bucket = at;
	h->older = s->newest;
	h->newer = NONE;
	if (s->newest != NONE)
		t->slots[s->newest].newer = at;
	else
		s->oldest = at;
	s->newest = at;
	s->n_open++;
	gauge_add(&t->n_open, 1);
	return h;
}

// Whether another sender has brought the line that starts the handshake of this one.
static bool is_torn(struct handshake_table *t, const struct event *event)
{
	const struct stream *other = &t->streams[event->gateway * STREAMS];
	for (unsigned i = 0; i < STREAMS && other->in_use; i++, other++) {
		const struct handshake *h = find(t, other, event);
		if (h && h->started)
			return true;
	}
	return false;
}

// Two relays bring each line twice, or they share the lines of a gateway: then order is lost.
// known: the handshake in the event's own stream.
static void note_start(struct handshake_table *t, const struct stream *s, const struct event *event,
	const struct handshake *known)
{
	struct arrivals *a = &t->arrivals[s->gateway];
	bool starts = event->handshake == HANDSHAKE_STARTS;
	if (starts && (known || !a->shared))
		a->torn = (uint16_t)(a->torn - a->torn / TORN_STEP);
	else if (!starts && known == NULL && is_torn(t, event))
		a->torn = (uint16_t)(a->torn + (UINT16_MAX - a->torn) / TORN_STEP);
	a->shared = a->torn > (a->shared ? TORN_SEEN : TORN_SHARED);
}

static struct handshake *at_generation(struct handshake_table *t, uint32_t at, uint32_t generation)
{
	if (at == NONE || t->slots[at].generation != generation || !t->slots[at].open)
		return NULL;
	return &t->slots[at];
}

// The line says whose handshake it is. What was proved does not become a claim again.
static void name_handshake(struct handshake *h, const struct event *event)
{
	bool claimed = (event->flags & EVENT_UNPROVEN) != 0;
	if (claimed && !h->claimed && device_equals(&h->device, &event->device))
		return;
	h->device = event->device;
	h->claimed = claimed;
}

// It is said by its handshake. The name of a certificate is a claim until that is accepted: whoever
// fails with somebody's name is not he.
static void name_line(struct event *event, const struct device *device, bool claimed)
{
	event->device = *device;
	if (claimed)
		event->flags |= EVENT_UNPROVEN;
}

static void set_near(struct handshake_table *t, struct stream *s, const struct handshake *h)
{
	s->addressed++;
	s->near = h ? (uint32_t)(h - t->slots) : NONE;
	s->near_generation = h ? h->generation : 0;
}

// ---- what fits what ----

static bool is_reason(uint8_t step)
{
	return step == HANDSHAKE_REASON || step == HANDSHAKE_REASON_EARLY ||
	       step == HANDSHAKE_REASON_LATE || step == HANDSHAKE_REASON_BARE;
}

static bool could_be(const struct handshake *h, const struct held *held)
{
	uint8_t step = held->event.handshake;
	// One that began later it cannot be, unless the two lines have changed places.
	bool reordered = held->n_rivals == 0 && h->start_ms <= held->event.time_ms + REORDER_MS;
	if (h->started && h->number > held->n_opened && !reordered)
		return false;
	if (step == HANDSHAKE_REASON_EARLY)
		return !h->chosen;
	// Chosen may be unknown of all: 725012 exists at level 7 only, but then so does the reason.
	if ((step == HANDSHAKE_REASON_LATE || step == HANDSHAKE_REASON_BARE) && held->any_chosen)
		return h->chosen && h->chosen_at <= held->addressed;
	if (!is_reason(step) && h->bare)
		return false;
	if (!is_reason(step) && held->any_asked)
		return h->asked && h->asked_at <= held->addressed;
	return true;
}

static bool fits(const struct handshake *h, const struct held *held)
{
	return could_be(h, held) && !(is_reason(held->event.handshake) && h->reasoned);
}

// Whether it could be another's than this one's.
static bool is_unsure(const struct stream *s, const struct handshake *h, const struct held *held)
{
	uint32_t later = h->started ? s->n_opened - held->n_opened : 1;
	return held->n_rivals + (h->number > held->n_opened ? later : 0) > 1;
}

// Handshakes under way that a line could belong to.
static uint32_t n_candidates(const struct stream *s, const struct event *line)
{
	switch (line->handshake) {
	case HANDSHAKE_REASON_EARLY:
		return s->n_open - s->n_chosen;
	case HANDSHAKE_REASON_LATE:
	case HANDSHAKE_REASON_BARE:
		return s->n_chosen ? s->n_chosen : s->n_open;
	case HANDSHAKE_CHAIN:
	case HANDSHAKE_CHAIN_STARTS:
	case HANDSHAKE_CHAIN_ACCEPTED:
	case HANDSHAKE_CHAIN_REFUSED:
		return s->n_asked ? s->n_asked : s->n_open;
	default:
		return s->n_open;
	}
}

// ---- failed, and the reason still to come ----

static void note_failed(
	struct stream *s, const struct handshake *h, bool certified, uint64_t now_ms)
{
	s->failed[s->failed_next++ % FAILED_MAX] = (struct failed){
		.client = h->client,
		.device = h->device,
		.port = h->port,
		.chosen = h->chosen,
		.claimed = h->claimed,
		.certified = certified,
		.failed_ms = now_ms,
	};
	s->failed_offered = h->offered;
}

// The last of those that a reason fits, NULL: none. *n: how many there are.
static struct failed *find_failed(struct stream *s, const struct event *reason, unsigned *n)
{
	struct failed *found = NULL;
	*n = 0;
	for (unsigned i = 0; i < FAILED_MAX; i++) {
		struct failed *f = &s->failed[i];
		if (f->failed_ms == 0 || !is_near(f->failed_ms, REORDER_MS, reason->time_ms) ||
			(reason->handshake == HANDSHAKE_REASON_EARLY && f->chosen) ||
			(reason->handshake == HANDSHAKE_REASON_BARE && f->certified))
			continue;
		++*n;
		if (found == NULL || f->failed_ms >= found->failed_ms)
			found = f;
	}
	return found;
}

static bool is_failed(const struct stream *s, const struct event *event)
{
	for (unsigned i = 0; i < FAILED_MAX; i++) {
		const struct failed *f = &s->failed[i];
		if (f->failed_ms && is_near(f->failed_ms, REORDER_MS, event->time_ms) &&
			f->port == event->port && address_equals(&f->client, &event->client))
			return true;
	}
	return false;
}

// ---- held lines ----

static void unlink_held(struct handshake_table *t, struct held *held)
{
	struct stream *s = &t->streams[held->stream];
	if (held->older != NONE)
		t->held[held->older].newer = held->newer;
	else
		s->first_held = held->newer;
	if (held->newer != NONE)
		t->held[held->newer].older = held->older;
	else
		s->last_held = held->older;
	held->in_use = false;
	while (gauge_get(&t->n_held) && !t->held[t->held_first].in_use) {
		t->held_first = (t->held_first + 1) % t->n_held_max;
		gauge_add(&t->n_held, -1);
	}
}

static void emit_line(struct event *event, event_emit_fn emit, void *context)
{
	event->stage = address_is_none(&event->client) ? STAGE_RESOLVE : STAGE_JUDGE;
	emit(context, event);
}

static void attach_list(struct handshake_table *t, struct event *event, uint8_t field,
	const struct cipher_list *list)
{
	bool whole = list->len && cipher_list_is_whole(list);
	if (whole && !event_attach(event, field, (struct slice){list->names, list->len}))
		counter_add(&t->counters->lines_clipped, 1);
}

static void let_go(struct handshake_table *t, struct held *held, struct handshake *h,
	bool ambiguous, event_emit_fn emit, void *context)
{
	struct event *event = &held->event;
	const struct stream *s = &t->streams[held->stream];
	ambiguous |= h && is_mixed(t, s, event->time_ms);
	unlink_held(t, held);
	if (h) {
		event->client = h->client;
		event->flags |= EVENT_BOUND;
		event->port = h->port;
		if (!ambiguous)
			h->stranger |= (event->flags & EVENT_STRANGER) != 0;
		if (device_is_none(&event->device))
			name_line(event, &h->device, h->claimed);
		else if (!ambiguous)
			name_handshake(h, event);
		if (is_reason(event->handshake)) {
			h->reasoned = true;
			attach_list(t, event, FIELD_OFFERED, &h->offered);
			attach_list(t, event, FIELD_SUPPORTED, &s->supported);
		}
	}
	if (ambiguous) {
		event->flags |= EVENT_AMBIGUOUS;
		counter_add(&t->counters->ambiguous_bindings, 1);
	}
	if (h && h->asked && at_generation(t, held->near, held->near_generation) == h)
		event->flags |= EVENT_NEAR;
	// Nothing but the text: it proves nothing about anybody.
	if (h == NULL && device_is_none(&event->device)) {
		counter_add(&t->counters->events_dropped[EVENT_DROP_unbound], 1);
		return;
	}
	emit_line(event, emit, context);
}

// A reason that changed places with the line that says that its handshake failed.
static bool bind_failed(struct handshake_table *t, struct stream *s, struct event *reason)
{
	unsigned n;
	struct failed *f = is_reason(reason->handshake) && device_is_none(&reason->device)
				   ? find_failed(s, reason, &n)
				   : NULL;
	if (f == NULL)
		return false;
	reason->client = f->client;
	reason->flags |= EVENT_BOUND;
	reason->port = f->port;
	name_line(reason, &f->device, f->claimed);
	f->failed_ms = 0;
	if (f == &s->failed[(s->failed_next - 1) % FAILED_MAX])
		attach_list(t, reason, FIELD_OFFERED, &s->failed_offered);
	attach_list(t, reason, FIELD_SUPPORTED, &s->supported);
	if (n > 1) {
		reason->flags |= EVENT_AMBIGUOUS;
		counter_add(&t->counters->ambiguous_bindings, 1);
	}
	return true;
}

// No line has said whose it was: the handshake named just before, else the only one that fits, else
// the newest of those that fit, and then it may be another's.
static void let_go_late(
	struct handshake_table *t, struct held *held, event_emit_fn emit, void *context)
{
	struct stream *s = &t->streams[held->stream];
	struct handshake *h = at_generation(t, held->near, held->near_generation);
	if (h && !fits(h, held))
		h = NULL;
	for (uint32_t at = s->newest, tries = 0; h == NULL && at != NONE && tries < 64; tries++) {
		if (fits(&t->slots[at], held))
			h = &t->slots[at];
		at = t->slots[at].older;
	}
	// A line that names its phone needs no guess at the address.
	bool unsure = h && is_unsure(s, h, held);
	if (unsure && !device_is_none(&held->event.device))
		h = NULL;
	bool over = h && !unsure && is_reason(held->event.handshake);
	if (h == NULL && bind_failed(t, s, &held->event)) {
		unlink_held(t, held);
		emit_line(&held->event, emit, context);
		return;
	}
	let_go(t, held, h, h && unsure, emit, context);
	// It has failed, and its end is not logged: no line that follows is its own.
	if (over)
		close_handshake(t, h);
}

static void hold(struct handshake_table *t, struct stream *s, const struct event *event,
	event_emit_fn emit, void *context)
{
	if (gauge_get(&t->n_held) == t->n_held_max)
		let_go_late(t, &t->held[t->held_first], emit, context);
	uint32_t at = (t->held_first + gauge_get(&t->n_held)) % t->n_held_max;
	gauge_add(&t->n_held, 1);
	struct held *held = &t->held[at];
	memcpy(&held->event, event, event_size(event));
	held->stream = (uint32_t)(s - t->streams);
	held->in_use = true;
	held->addressed = s->addressed;
	held->near = s->near;
	held->near_generation = s->near_generation;
	held->chain = s->chains.last;
	held->n_opened = s->n_opened;
	held->n_rivals = n_candidates(s, event);
	held->any_chosen = s->n_chosen > 0;
	held->any_asked = s->n_asked > 0;
	held->older = s->last_held;
	held->newer = NONE;
	if (s->last_held != NONE)
		t->held[s->last_held].newer = at;
	else
		s->first_held = at;
	s->last_held = at;
}

bool handshake_expire_step(
	struct handshake_table *t, uint64_t now_ms, bool all, event_emit_fn emit, void *context)
{
	unsigned n = 0;
	sweep_old(t, now_ms);
	for (; gauge_get(&t->n_held) && (all || n < EXPIRE_STEP); n++) {
		struct held *held = &t->held[t->held_first];
		if (!all && !is_past(held->event.time_ms, HANDSHAKE_HOLD_MS, now_ms))
			break;
		let_go_late(t, held, emit, context);
	}
	return n > 0;
}

// Whether a held reason belongs to the handshake whose end has just been logged. near: the line
// came right after one of that handshake. adjacent: no other handshake was named between it and the
// end.
static bool belongs(struct handshake_table *t, const struct stream *s, const struct held *held,
	const struct handshake *h)
{
	const struct handshake *near = at_generation(t, held->near, held->near_generation);
	bool adjacent = held->addressed == s->addressed;
	// Right between two lines of one handshake it is its own, at whatever step that was; but
	// a hello has nothing wrong that has led to a cipher.
	bool hello = held->event.handshake == HANDSHAKE_REASON_EARLY;
	if (adjacent && near == h && !h->reasoned && !(hello && h->chosen))
		return true;
	if (!fits(h, held))
		return false;
	if (!is_unsure(s, h, held) || adjacent)
		return true;
	return near == h || near == NULL || !fits(near, held);
}

// The newest held reason that belongs to it, NONE: there is none.
static uint32_t choose_reason(struct handshake_table *t, const struct handshake *h)
{
	const struct stream *s = &t->streams[h->stream];
	uint32_t at = s->last_held;
	while (at != NONE &&
		!(is_reason(t->held[at].event.handshake) && belongs(t, s, &t->held[at], h)))
		at = t->held[at].older;
	return at;
}

// How well a line of a validation goes with the handshake whose end has just been logged; 0: not.
// What was accepted does not fail, what was refused does not complete; and the line may have come
// right after one of this handshake, or of another.
static unsigned fitness(struct handshake_table *t, const struct stream *s, const struct held *held,
	const struct handshake *h, bool failed)
{
	enum chain_state state = chain_state_of(&s->chains, held->chain);
	const struct handshake *near = at_generation(t, held->near, held->near_generation);
	if (!could_be(h, held) || state == (failed ? CHAIN_ACCEPTED : CHAIN_REFUSED))
		return 0;
	if (!is_unsure(s, h, held))
		return 4;
	if (near == h)
		return 3;
	if (state == CHAIN_UNDECIDED && near && could_be(near, held))
		return 0;
	return state == CHAIN_UNDECIDED ? 1 : 2;
}

// The same of a reason that belongs to it.
static unsigned reason_fitness(struct handshake_table *t, const struct stream *s,
	const struct held *held, const struct handshake *h)
{
	if (!is_unsure(s, h, held))
		return 4;
	if (held->addressed == s->addressed)
		return 3;
	return at_generation(t, held->near, held->near_generation) == h ? 2 : 1;
}

// The number of the chain that goes best with a handshake, of several the newest; 0: none does.
// *best: how well.
static uint32_t choose_chain(
	struct handshake_table *t, const struct handshake *h, bool failed, unsigned *best)
{
	const struct stream *s = &t->streams[h->stream];
	uint32_t chain = 0;
	*best = 0;
	for (uint32_t at = s->last_held; at != NONE; at = t->held[at].older) {
		const struct held *held = &t->held[at];
		unsigned its =
			is_reason(held->event.handshake) ? 0 : fitness(t, s, held, h, failed);
		if (its > *best) {
			*best = its;
			chain = held->chain;
		}
	}
	return chain;
}

// What of the lines held belongs to a handshake that has ended.
struct choice {
	uint32_t reason, chain; // NONE, 0: there is none
	// Those that cannot be its own, though nothing else is under way.
	bool no_reason, no_chain;
};

// Of a client that has sent no certificate none is validated: one of the two is another's.
static struct choice choose(struct handshake_table *t, const struct handshake *h, bool failed)
{
	const struct stream *s = &t->streams[h->stream];
	unsigned best;
	struct choice c = {.reason = failed ? choose_reason(t, h) : NONE};
	c.chain = choose_chain(t, h, failed, &best);
	if (c.chain == 0 || c.reason == NONE ||
		t->held[c.reason].event.handshake != HANDSHAKE_REASON_BARE)
		return c;
	c.no_reason = best > reason_fitness(t, s, &t->held[c.reason], h);
	c.no_chain = !c.no_reason;
	if (c.no_reason)
		c.reason = NONE;
	else
		c.chain = 0;
	return c;
}

// sole: no other handshake is under way, what there is is its own, unless it says otherwise.
static bool is_chosen(const struct stream *s, const struct choice *c, const struct held *held,
	uint32_t at, bool failed)
{
	bool sole = s->n_open <= 1;
	if (is_reason(held->event.handshake))
		return at == c->reason || (sole && failed && !c->no_reason);
	enum chain_state state = chain_state_of(&s->chains, held->chain);
	return (c->chain && held->chain == c->chain) ||
	       (sole && !c->no_chain && state != (failed ? CHAIN_ACCEPTED : CHAIN_REFUSED));
}

// Hand the lines held for a handshake out, before the line that ends it. Of several reasons the
// newest is its own; of a validation all lines are. Returns whether it has a validation.
static bool settle(struct handshake_table *t, struct handshake *h, bool failed, event_emit_fn emit,
	void *context)
{
	struct stream *s = &t->streams[h->stream];
	struct choice choice = choose(t, h, failed);
	bool many = chain_count(&s->chains) > (s->n_asked ? s->n_asked : s->n_open);
	for (uint32_t at = s->first_held, next; at != NONE; at = next) {
		struct held *held = &t->held[at];
		next = held->newer;
		bool reason = is_reason(held->event.handshake), fit = could_be(h, held);
		bool unsure = is_unsure(s, h, held) || !fit || (!reason && many);
		if (at == choice.reason || (fit && is_chosen(s, &choice, held, at, failed)))
			let_go(t, held, h, unsure, emit, context);
		else if (!failed && reason && held->n_rivals && fit)
			held->n_rivals--; // it has succeeded: the line is another's
	}
	chain_end(&s->chains, choice.chain);
	return choice.chain != 0;
}

// ---- lists and chains ----

static uint64_t number_of(const struct event *event, uint8_t field)
{
	struct slice digits = event_value(event, field);
	uint64_t number = 0;
	for (uint32_t i = 0; i < digits.len; i++)
		number = number * 10 + (uint64_t)(digits.data[i] - '0');
	return number;
}

// The list that is being read, NULL: none that is of use.
static struct cipher_list *list_of(struct handshake_table *t, struct stream *s)
{
	if (s->list == HANDSHAKE_SUPPORTS)
		return &s->supported;
	struct handshake *h = at_generation(t, s->list_handshake, s->list_generation);
	return s->list == HANDSHAKE_OFFERS && h ? &h->offered : NULL;
}

// Entries are numbered. One that is far out of turn, or another than the one of its number, belongs
// to a list that another interrupted, and to which of them cannot be told. false: so it is.
static bool take_entry(
	struct stream *s, struct cipher_list *list, uint64_t index, struct slice name)
{
	if (index == 0 || index > CIPHER_LIST_ENTRIES_MAX || (list->count && index > list->count))
		return false;
	if (list->seen >> index & 1 && !cipher_list_has(list, (unsigned)index, name) &&
		s->list_again)
		cipher_list_cut(list, (unsigned)index);
	if (list->seen >> index & 1) {
		if (index >= s->list_next)
			s->list_next = index + 1;
		return cipher_list_has(list, (unsigned)index, name);
	}
	if (index > s->list_next + LIST_JITTER || index + LIST_JITTER < s->list_next)
		return false;
	cipher_list_insert(list, (unsigned)index, name);
	if (index >= s->list_next)
		s->list_next = index + 1;
	return true;
}

static void begin_list(
	struct handshake_table *t, struct stream *s, const struct event *head, struct handshake *h)
{
	s->list = (enum handshake_step)head->handshake;
	s->list_next = 1;
	s->list_handshake = h ? (uint32_t)(h - t->slots) : NONE;
	s->list_generation = h ? h->generation : 0;
	struct cipher_list *list = list_of(t, s);
	uint32_t count = (uint32_t)number_of(head, FIELD_COUNT);
	// Every event can come twice: a list that is whole is read again beside what is there.
	bool early = s->early_len && is_near(s->early_ms, REORDER_MS, head->time_ms);
	s->list_again = list && list->len && list->count == count && cipher_list_is_whole(list);
	if (list && !s->list_again)
		cipher_list_clear(list, count);
	if (list && early)
		take_entry(s, list, 1, (struct slice){s->early_name, s->early_len});
	s->list_again |= early;
	s->early_len = 0;
}

static void note_early(struct stream *s, const struct event *event, struct slice name)
{
	s->early_len = name.len <= sizeof(s->early_name) ? (uint8_t)name.len : 0;
	memcpy(s->early_name, name.data, s->early_len);
	s->early_ms = event->time_ms;
}

static void add_cipher(struct handshake_table *t, struct stream *s, const struct event *event)
{
	struct slice name = event_value(event, FIELD_CIPHER);
	struct cipher_list *list = list_of(t, s);
	uint64_t index = number_of(event, FIELD_INDEX);
	bool whole = list == NULL || (list->len && cipher_list_is_whole(list));
	if (name.len == 0)
		return;
	if (s->list == HANDSHAKE_OFFERS && list && list->seen == 0 &&
		cipher_list_lacks_only(&s->supported, index)) {
		cipher_list_insert(&s->supported, (unsigned)index, name);
		return;
	}
	// The first entry once more: of the list whose head is still to come, it may be.
	if (index == 1 && whole)
		note_early(s, event, name);
	if (list && take_entry(s, list, index, name))
		return;
	if (list && !(index == 1 && whole)) {
		cipher_list_clear(list, 0);
		s->list = HANDSHAKE_NONE;
	}
}

// Lines that refuse without saying what are of another validation than that of `number`.
static void move_refusals(struct handshake_table *t, struct stream *s, uint32_t number)
{
	const struct chain *other = chain_refusable(&s->chains);
	for (uint32_t at = s->first_held; at != NONE; at = t->held[at].newer) {
		struct held *held = &t->held[at];
		struct event *event = &held->event;
		if (held->chain != number || event->handshake != HANDSHAKE_CHAIN_REFUSED ||
			event_value(event, FIELD_SERIAL).len)
			continue;
		held->chain = other ? other->number : 0;
		event->device = other ? other->device : (struct device){0};
		event->flags |= EVENT_AMBIGUOUS;
	}
}

// A line of a validation that names nobody takes the name of the certificate.
static void note_chain(struct handshake_table *t, struct stream *s, struct event *event)
{
	bool certain;
	uint32_t mistaken = chain_mistaken(&s->chains, event);
	const struct chain *chain = chain_of(&s->chains, event, &certain);
	if (mistaken)
		move_refusals(t, s, mistaken);
	if (chain->stranger && device_is_none(&chain->device))
		event->flags |= EVENT_STRANGER;
	if (!device_is_none(&event->device) || device_is_none(&chain->device))
		return;
	event->device = chain->device;
	if (!certain)
		event->flags |= EVENT_AMBIGUOUS;
}

// ---- steps ----

static void step_addressed(struct handshake_table *t, struct stream *s, struct event *event,
	event_emit_fn emit, void *context)
{
	struct handshake *h = find(t, s, event);
	bool has_failed = is_failed(s, event), closes = event->handshake == HANDSHAKE_ENDS;
	if (!closes && !has_failed)
		note_start(t, s, event, h);
	if (event->handshake == HANDSHAKE_STARTS && h) {
		close_handshake(t, h); // the port is used anew
		h = NULL;
	}
	// The end of a connection whose handshake is over says nothing of other handshakes, nor
	// does a line that came after the one that said that it failed.
	bool over = closes || (event->handshake != HANDSHAKE_STARTS && has_failed);
	if (h == NULL && !over)
		h = open_handshake(t, s, event);
	if (h == NULL) {
		emit_line(event, emit, context);
		return;
	}
	bool ends = closes || event->handshake == HANDSHAKE_COMPLETES ||
		    event->handshake == HANDSHAKE_FAILS;
	bool failed = ends && event->handshake != HANDSHAKE_COMPLETES;
	bool certified = ends && settle(t, h, failed, emit, context);
	if (failed && !h->reasoned)
		note_failed(s, h, certified, event->time_ms);
	if (event->handshake == HANDSHAKE_OFFERS)
		begin_list(t, s, event, h);
	if (event->handshake == HANDSHAKE_CHOOSES && !h->chosen) {
		h->chosen = true;
		h->chosen_at = s->addressed + 1; // set_near() counts it
		s->n_chosen++;
	}
	if (event->handshake == HANDSHAKE_ASKS && !h->asked) {
		h->asked = true;
		h->asked_at = s->addressed + 1;
		s->n_asked++;
	}
	if (event->handshake == HANDSHAKE_SENDS_NONE) {
		h->bare = true;
		s->n_asked -= h->asked;
		h->asked = false;
	}
	if (device_is_none(&event->device))
		name_line(event, &h->device, h->claimed && event->handshake != HANDSHAKE_COMPLETES);
	else
		name_handshake(h, event);
	if (h->stranger && device_is_none(&event->device))
		event->flags |= EVENT_STRANGER;
	set_near(t, s, ends ? NULL : h);
	if (ends)
		close_handshake(t, h);
	emit_line(event, emit, context);
}

static bool is_alone(const struct recent *r, uint64_t now_ms)
{
	return r->other_ms == 0 || !is_near(r->other_ms, HANDSHAKE_FOLLOWS_MS, now_ms);
}

// Some messages name nobody, right behind lines of the client: older texts, hidden users. It is not
// told where other clients' lines stand as near, unless it ends the login that the line before
// tells of.
static void follow(struct handshake_table *t, const struct stream *s, struct event *event)
{
	bool adjoins = event->handshake == HANDSHAKE_ADJOINS;
	const struct recent *r = adjoins ? &s->login : &s->last;
	bool named = !address_is_none(&event->client) || !device_is_none(&event->device) ||
		     event_user(event).len;
	bool last = adjoins && address_equals(&s->last.client, &r->client);
	if (named || r->ms == 0 || !is_near(r->ms, HANDSHAKE_FOLLOWS_MS, event->time_ms) ||
		!(last || is_alone(r, event->time_ms)))
		return;
	event->client = r->client;
	event->device = r->device;
	event->flags |= EVENT_BOUND | EVENT_AMBIGUOUS;
	counter_add(&t->counters->ambiguous_bindings, 1);
}

static void note_recent(struct recent *r, const struct event *event)
{
	if (r->ms && !address_equals(&r->client, &event->client))
		r->other_ms = r->ms;
	r->client = event->client;
	r->device = event->device;
	r->ms = event->time_ms;
}

static void note_client(struct stream *s, const struct event *event)
{
	note_recent(&s->last, event);
	if (event->handshake == HANDSHAKE_LOGS_IN)
		note_recent(&s->login, event);
	else if (address_equals(&s->login.client, &event->client))
		s->login.ms = 0; // it goes on
}

void handshake_step(
	struct handshake_table *t, struct event *event, event_emit_fn emit, void *context)
{
	struct stream *s = stream_of(t, event);
	give_up_old(t, s, event->time_ms);
	if (!address_is_none(&event->client))
		note_client(s, event);
	else if (event->handshake == HANDSHAKE_FOLLOWS || event->handshake == HANDSHAKE_ADJOINS)
		follow(t, s, event);
	switch ((enum handshake_step)event->handshake) {
	case HANDSHAKE_SUPPORTS:
	case HANDSHAKE_OTHER_LIST:
		begin_list(t, s, event, NULL);
		return;
	case HANDSHAKE_CIPHER:
		add_cipher(t, s, event);
		return;
	case HANDSHAKE_CHAIN:
	case HANDSHAKE_CHAIN_STARTS:
	case HANDSHAKE_CHAIN_ACCEPTED:
	case HANDSHAKE_CHAIN_REFUSED:
		note_chain(t, s, event);
		hold(t, s, event, emit, context);
		return;
	case HANDSHAKE_REASON:
	case HANDSHAKE_REASON_EARLY:
	case HANDSHAKE_REASON_LATE:
	case HANDSHAKE_REASON_BARE:
		if (n_candidates(s, event) == 0 && bind_failed(t, s, event))
			emit_line(event, emit, context);
		else
			hold(t, s, event, emit, context);
		return;
	case HANDSHAKE_STARTS:
	case HANDSHAKE_OFFERS:
	case HANDSHAKE_GOES_ON:
	case HANDSHAKE_CHOOSES:
	case HANDSHAKE_ASKS:
	case HANDSHAKE_SENDS_NONE:
	case HANDSHAKE_COMPLETES:
	case HANDSHAKE_FAILS:
	case HANDSHAKE_ENDS:
		if (!address_is_none(&event->client)) {
			step_addressed(t, s, event, emit, context);
			return;
		}
		// fall through
	case HANDSHAKE_NONE:
	case HANDSHAKE_FOLLOWS:
	case HANDSHAKE_ADJOINS:
	case HANDSHAKE_LOGS_IN:
	case HANDSHAKE_STEP_MAX:
		emit_line(event, emit, context);
	}
}
