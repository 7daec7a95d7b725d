// SPDX-License-Identifier: BSD-3-Clause
#include "handshake.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "chain.h"

#define NONE UINT32_MAX
#define LIST_MAX \
	960 // bytes of a cipher list; 725011 prints one name of about 25 a line, up to 40 of them
#define LIST_ENTRIES_MAX 63
#define LIST_JITTER 2	// entries come so far out of turn
#define REORDER_MS 1000 // UDP reorders: lines that change places are no farther apart
#define FAILED_MAX 4	// handshakes of a gateway that have failed, and whose reason may still come
#define EXPIRE_STEP 16
#define HANDSHAKE_FOLLOWS_MS 1000 // an ASA's clock has seconds, and lines of one login are together
#define QUEUES_MIXED_MS 60000	  // how long the order of a gateway's lines is not trusted

// What the head announced and what came of it. Lines get lost: half a list is not told.
struct cipher_list {
	uint64_t seen; // entries, by index
	uint16_t len;
	bool is_cut;
	uint32_t count;	      // 0: not announced
	char names[LIST_MAX]; // in the order of their indexes, divided by blanks
};

struct failed {
	struct address client;
	struct device device;
	uint16_t port;
	bool chosen, claimed;
	uint64_t failed_ms; // 0: none, or its reason has come
};

struct handshake {
	struct address client;
	uint16_t port, gateway;
	// Its 725001 was seen; cipher agreed; certificate asked for; a reason is bound.
	bool open, started, chosen, asked, reasoned;
	uint32_t number;	      // of its gateway's handshakes
	uint32_t chosen_at, asked_at; // gateway_state.addressed then
	uint32_t generation;	      // of the slot: a held line remembers it
	uint64_t start_ms;
	struct device device;
	bool claimed;			  // by the certificate, which nothing has proved yet
	bool stranger;			  // the certificate bears no phone's name
	uint32_t hash_next, older, newer; // chains of the hash bucket and of the gateway
	struct cipher_list offered;
};

// What only the owner needs to know of a gateway.
struct gateway_state {
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
	uint64_t queues_mixed_ms;
	// the client of the last line that had one, and when one had another: what follows at once
	// may be about it
	struct address last_client;
	struct device last_device;
	uint64_t last_ms, other_ms;
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

struct held {
	struct event event;
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
	uint64_t swept_ms;
	gauge_t n_open, n_held; // control reads them
	uint32_t *buckets, n_buckets;
	struct gateway_state *gateways;
	struct held *held; // circular: the oldest at held_first
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
	t->gateways = calloc(n_gateways, sizeof(*t->gateways));
	t->held = calloc(n_held, sizeof(*t->held));
	if (!t->slots || !t->buckets || !t->gateways || !t->held) {
		handshake_table_destroy(t);
		return NULL;
	}
	for (uint32_t i = 0; i < n_handshakes; i++)
		t->slots[i].hash_next = i + 1 < n_handshakes ? i + 1 : NONE;
	for (uint32_t i = 0; i < t->n_buckets; i++)
		t->buckets[i] = NONE;
	for (uint32_t i = 0; i < n_gateways; i++) {
		struct gateway_state *g = &t->gateways[i];
		g->oldest = g->newest = g->first_held = g->last_held = g->near = NONE;
		g->list_handshake = NONE;
	}
	return t;
}

void handshake_table_destroy(struct handshake_table *table)
{
	if (table == NULL)
		return;
	free(table->slots);
	free(table->buckets);
	free(table->gateways);
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

// ---- handshakes under way ----

static uint32_t *bucket_of(
	struct handshake_table *t, uint16_t gateway, const struct address *client, uint16_t port)
{
	uint64_t seed = t->seed ^ ((uint64_t)gateway << 16 | port);
	return &t->buckets[XXH3_64bits_withSeed(client, sizeof(*client), seed) &
			   (t->n_buckets - 1)];
}

static struct handshake *find(struct handshake_table *t, const struct event *event)
{
	uint32_t at = *bucket_of(t, event->gateway, &event->client, event->port);
	while (at != NONE) {
		struct handshake *h = &t->slots[at];
		if (h->port == event->port && h->gateway == event->gateway &&
			address_equals(&h->client, &event->client))
			return h;
		at = h->hash_next;
	}
	return NULL;
}

static void close_handshake(struct handshake_table *t, struct handshake *h)
{
	struct gateway_state *g = &t->gateways[h->gateway];
	uint32_t at = (uint32_t)(h - t->slots);
	uint32_t *link = bucket_of(t, h->gateway, &h->client, h->port);
	while (*link != at)
		link = &t->slots[*link].hash_next;
	*link = h->hash_next;
	if (h->older != NONE)
		t->slots[h->older].newer = h->newer;
	else
		g->oldest = h->newer;
	if (h->newer != NONE)
		t->slots[h->newer].older = h->older;
	else
		g->newest = h->older;
	g->n_open--;
	g->n_chosen -= h->chosen;
	g->n_asked -= h->asked;
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
static void give_up_old(struct handshake_table *t, struct gateway_state *g, uint64_t now_ms)
{
	for (unsigned i = 0; i < EXPIRE_STEP && g->oldest != NONE &&
			     is_past(t->slots[g->oldest].start_ms, HANDSHAKE_OPEN_MS, now_ms);
		i++)
		give_up(t, g->oldest);
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
			give_up_old(t, &t->gateways[h->gateway], now_ms);
		t->sweep = (t->sweep + 1) % t->n_slots;
	}
}

// The table is full: the oldest of some gateway gives way, most likely of the one that fills it.
static void make_room(struct handshake_table *t)
{
	t->sweep = (t->sweep + 1) % t->n_slots;
	give_up(t, t->gateways[t->slots[t->sweep].gateway].oldest);
}

static void clear_list(struct cipher_list *list, uint32_t count)
{
	list->seen = 0;
	list->len = 0;
	list->is_cut = false;
	list->count = count;
}

static struct handshake *open_handshake(struct handshake_table *t, const struct event *event)
{
	struct gateway_state *g = &t->gateways[event->gateway];
	if (t->free_slot == NONE)
		make_room(t);
	uint32_t at = t->free_slot;
	struct handshake *h = &t->slots[at];
	uint32_t *bucket = bucket_of(t, event->gateway, &event->client, event->port);
	t->free_slot = h->hash_next;
	h->client = event->client;
	h->port = event->port;
	h->gateway = event->gateway;
	h->open = true;
	h->started = event->handshake == HANDSHAKE_STARTS;
	h->chosen = h->asked = h->reasoned = false;
	h->number = ++g->n_opened;
	h->start_ms = event->time_ms;
	h->device = (struct device){0};
	h->claimed = h->stranger = false;
	clear_list(&h->offered, 0);
	h->hash_next = *bucket;
	*bucket = at;
	h->older = g->newest;
	h->newer = NONE;
	if (g->newest != NONE)
		t->slots[g->newest].newer = at;
	else
		g->oldest = at;
	g->newest = at;
	g->n_open++;
	gauge_add(&t->n_open, 1);
	return h;
}

static struct handshake *find_or_open(struct handshake_table *t, const struct event *event)
{
	struct handshake *h = find(t, event);
	return h ? h : open_handshake(t, event);
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

static void set_near(struct handshake_table *t, struct gateway_state *g, const struct handshake *h)
{
	g->addressed++;
	g->near = h ? (uint32_t)(h - t->slots) : NONE;
	g->near_generation = h ? h->generation : 0;
}

// ---- what fits what ----

static bool is_reason(uint8_t step)
{
	return step == HANDSHAKE_REASON || step == HANDSHAKE_REASON_EARLY ||
	       step == HANDSHAKE_REASON_LATE;
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
	if (step == HANDSHAKE_REASON_LATE && held->any_chosen)
		return h->chosen && h->chosen_at <= held->addressed;
	if (!is_reason(step) && held->any_asked)
		return h->asked && h->asked_at <= held->addressed;
	return true;
}

static bool fits(const struct handshake *h, const struct held *held)
{
	return could_be(h, held) && !(is_reason(held->event.handshake) && h->reasoned);
}

// Whether it could be another's than this one's.
static bool is_unsure(
	const struct gateway_state *g, const struct handshake *h, const struct held *held)
{
	uint32_t later = h->started ? g->n_opened - held->n_opened : 1;
	return held->n_rivals + (h->number > held->n_opened ? later : 0) > 1;
}

// Handshakes under way that a line could belong to.
static uint32_t n_candidates(const struct gateway_state *g, const struct event *line)
{
	switch (line->handshake) {
	case HANDSHAKE_REASON_EARLY:
		return g->n_open - g->n_chosen;
	case HANDSHAKE_REASON_LATE:
		return g->n_chosen ? g->n_chosen : g->n_open;
	case HANDSHAKE_CHAIN:
	case HANDSHAKE_CHAIN_STARTS:
	case HANDSHAKE_CHAIN_ACCEPTED:
	case HANDSHAKE_CHAIN_REFUSED:
		return g->n_asked ? g->n_asked : g->n_open;
	default:
		return g->n_open;
	}
}

// ---- failed, and the reason still to come ----

static void note_failed(struct gateway_state *g, const struct handshake *h, uint64_t now_ms)
{
	g->failed[g->failed_next++ % FAILED_MAX] = (struct failed){
		.client = h->client,
		.device = h->device,
		.port = h->port,
		.chosen = h->chosen,
		.claimed = h->claimed,
		.failed_ms = now_ms,
	};
	g->failed_offered = h->offered;
}

// The last of those that a reason fits, NULL: none. *n: how many there are.
static struct failed *find_failed(struct gateway_state *g, const struct event *reason, unsigned *n)
{
	struct failed *found = NULL;
	*n = 0;
	for (unsigned i = 0; i < FAILED_MAX; i++) {
		struct failed *f = &g->failed[i];
		if (f->failed_ms == 0 || !is_near(f->failed_ms, REORDER_MS, reason->time_ms) ||
			(reason->handshake == HANDSHAKE_REASON_EARLY && f->chosen))
			continue;
		++*n;
		if (found == NULL || f->failed_ms >= found->failed_ms)
			found = f;
	}
	return found;
}

static bool is_failed(const struct gateway_state *g, const struct event *event)
{
	for (unsigned i = 0; i < FAILED_MAX; i++) {
		const struct failed *f = &g->failed[i];
		if (f->failed_ms && is_near(f->failed_ms, REORDER_MS, event->time_ms) &&
			f->port == event->port && address_equals(&f->client, &event->client))
			return true;
	}
	return false;
}

// ---- held lines ----

static void unlink_held(struct handshake_table *t, struct held *held)
{
	struct gateway_state *g = &t->gateways[held->event.gateway];
	if (held->older != NONE)
		t->held[held->older].newer = held->newer;
	else
		g->first_held = held->newer;
	if (held->newer != NONE)
		t->held[held->newer].older = held->older;
	else
		g->last_held = held->older;
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

static bool is_whole(const struct cipher_list *list)
{
	uint32_t n = (uint32_t)__builtin_popcountll(list->seen);
	uint64_t bits = list->seen >> 1;
	bool in_turn = (bits & (bits + 1)) == 0; // 1 to n
	return !list->is_cut && in_turn && (list->count == 0 || n == list->count);
}

static void attach_list(struct handshake_table *t, struct event *event, uint8_t field,
	const struct cipher_list *list)
{
	bool whole = list->len && is_whole(list);
	if (whole && !event_attach(event, field, (struct slice){list->names, list->len}))
		counter_add(&t->counters->lines_clipped, 1);
}

static void let_go(struct handshake_table *t, struct held *held, struct handshake *h,
	bool ambiguous, event_emit_fn emit, void *context)
{
	struct event *event = &held->event;
	const struct gateway_state *g = &t->gateways[event->gateway];
	bool mixed =
		g->queues_mixed_ms && is_near(g->queues_mixed_ms, QUEUES_MIXED_MS, event->time_ms);
	ambiguous |= h && mixed;
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
			attach_list(t, event, FIELD_SUPPORTED, &g->supported);
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
static bool bind_failed(struct handshake_table *t, struct event *reason)
{
	unsigned n;
	struct gateway_state *g = &t->gateways[reason->gateway];
	struct failed *f = is_reason(reason->handshake) && device_is_none(&reason->device)
				   ? find_failed(g, reason, &n)
				   : NULL;
	if (f == NULL)
		return false;
	reason->client = f->client;
	reason->flags |= EVENT_BOUND;
	reason->port = f->port;
	name_line(reason, &f->device, f->claimed);
	f->failed_ms = 0;
	if (f == &g->failed[(g->failed_next - 1) % FAILED_MAX])
		attach_list(t, reason, FIELD_OFFERED, &g->failed_offered);
	attach_list(t, reason, FIELD_SUPPORTED, &g->supported);
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
	const struct gateway_state *g = &t->gateways[held->event.gateway];
	struct handshake *h = at_generation(t, held->near, held->near_generation);
	if (h && !fits(h, held))
		h = NULL;
	for (uint32_t at = g->newest, tries = 0; h == NULL && at != NONE && tries < 64; tries++) {
		if (fits(&t->slots[at], held))
			h = &t->slots[at];
		at = t->slots[at].older;
	}
	// A line that names its phone needs no guess at the address.
	bool unsure = h && is_unsure(g, h, held);
	if (unsure && !device_is_none(&held->event.device))
		h = NULL;
	bool over = h && !unsure && is_reason(held->event.handshake);
	if (h == NULL && bind_failed(t, &held->event)) {
		unlink_held(t, held);
		emit_line(&held->event, emit, context);
		return;
	}
	let_go(t, held, h, h && unsure, emit, context);
	// It has failed, and its end is not logged: no line that follows is its own.
	if (over)
		close_handshake(t, h);
}

static void hold(
	struct handshake_table *t, const struct event *event, event_emit_fn emit, void *context)
{
	struct gateway_state *g = &t->gateways[event->gateway];
	if (gauge_get(&t->n_held) == t->n_held_max)
		let_go_late(t, &t->held[t->held_first], emit, context);
	uint32_t at = (t->held_first + gauge_get(&t->n_held)) % t->n_held_max;
	gauge_add(&t->n_held, 1);
	struct held *held = &t->held[at];
	memcpy(&held->event, event, event_size(event));
	held->in_use = true;
	held->addressed = g->addressed;
	held->near = g->near;
	held->near_generation = g->near_generation;
	held->chain = g->chains.last;
	held->n_opened = g->n_opened;
	held->n_rivals = n_candidates(g, event);
	held->any_chosen = g->n_chosen > 0;
	held->any_asked = g->n_asked > 0;
	held->older = g->last_held;
	held->newer = NONE;
	if (g->last_held != NONE)
		t->held[g->last_held].newer = at;
	else
		g->first_held = at;
	g->last_held = at;
}

void handshake_expire_step(
	struct handshake_table *t, uint64_t now_ms, bool all, event_emit_fn emit, void *context)
{
	sweep_old(t, now_ms);
	for (unsigned i = 0; gauge_get(&t->n_held) && (all || i < EXPIRE_STEP); i++) {
		struct held *held = &t->held[t->held_first];
		if (!all && !is_past(held->event.time_ms, HANDSHAKE_HOLD_MS, now_ms))
			return;
		let_go_late(t, held, emit, context);
	}
}

// Whether a held reason belongs to the handshake whose end has just been logged. near: the line
// came right after one of that handshake. adjacent: no other handshake was named between it and the
// end.
static bool belongs(struct handshake_table *t, const struct gateway_state *g,
	const struct held *held, const struct handshake *h)
{
	const struct handshake *near = at_generation(t, held->near, held->near_generation);
	bool adjacent = held->addressed == g->addressed;
	// Right between two lines of one handshake it is its own, at whatever step that was.
	if (adjacent && near == h && !h->reasoned)
		return true;
	if (!fits(h, held))
		return false;
	if (!is_unsure(g, h, held) || adjacent)
		return true;
	return near == h || near == NULL || !fits(near, held);
}

// The newest held reason that belongs to it, NONE: there is none.
static uint32_t choose_reason(struct handshake_table *t, const struct handshake *h)
{
	const struct gateway_state *g = &t->gateways[h->gateway];
	uint32_t at = g->last_held;
	while (at != NONE &&
		!(is_reason(t->held[at].event.handshake) && belongs(t, g, &t->held[at], h)))
		at = t->held[at].older;
	return at;
}

// How well a line of a validation goes with the handshake whose end has just been logged; 0: not.
// What was accepted does not fail, what was refused does not complete; and the line may have come
// right after one of this handshake, or of another.
static unsigned fitness(struct handshake_table *t, const struct gateway_state *g,
	const struct held *held, const struct handshake *h, bool failed)
{
	enum chain_state state = chain_state_of(&g->chains, held->chain);
	const struct handshake *near = at_generation(t, held->near, held->near_generation);
	if (!could_be(h, held))
		return 0;
	if (!is_unsure(g, h, held))
		return 4;
	if (state == (failed ? CHAIN_ACCEPTED : CHAIN_REFUSED))
		return 0;
	if (near == h)
		return 3;
	if (state == CHAIN_UNDECIDED && near && could_be(near, held))
		return 0;
	return state == CHAIN_UNDECIDED ? 1 : 2;
}

// The number of the chain that goes best with a handshake, of several the newest; 0: none does.
static uint32_t choose_chain(struct handshake_table *t, const struct handshake *h, bool failed)
{
	const struct gateway_state *g = &t->gateways[h->gateway];
	uint32_t chain = 0;
	unsigned best = 0;
	for (uint32_t at = g->last_held; at != NONE; at = t->held[at].older) {
		const struct held *held = &t->held[at];
		unsigned its =
			is_reason(held->event.handshake) ? 0 : fitness(t, g, held, h, failed);
		if (its > best) {
			best = its;
			chain = held->chain;
		}
	}
	return chain;
}

// Hand the lines held for a handshake out, before the line that ends it. Of several reasons the
// newest is its own; of a validation all lines are.
static void settle(struct handshake_table *t, struct handshake *h, bool failed, event_emit_fn emit,
	void *context)
{
	struct gateway_state *g = &t->gateways[h->gateway];
	uint32_t reason = failed ? choose_reason(t, h) : NONE;
	uint32_t chain = choose_chain(t, h, failed);
	bool sole = g->n_open <= 1;
	for (uint32_t at = g->first_held, next; at != NONE; at = next) {
		struct held *held = &t->held[at];
		next = held->newer;
		bool is_chain = !is_reason(held->event.handshake);
		if (at == reason || (is_chain && held->chain == chain && could_be(h, held)) ||
			(sole && (failed || is_chain) && could_be(h, held)))
			let_go(t, held, h, is_unsure(g, h, held) || !could_be(h, held), emit,
				context);
		else if (!failed && !is_chain && held->n_rivals && could_be(h, held))
			held->n_rivals--; // it has succeeded: the line is another's
	}
	chain_end(&g->chains, chain);
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
static struct cipher_list *list_of(struct handshake_table *t, struct gateway_state *g)
{
	if (g->list == HANDSHAKE_SUPPORTS)
		return &g->supported;
	struct handshake *h = at_generation(t, g->list_handshake, g->list_generation);
	return g->list == HANDSHAKE_OFFERS && h ? &h->offered : NULL;
}

// Where the entry of an index stands, or would: behind those of smaller ones.
static uint32_t place_of(const struct cipher_list *list, unsigned index)
{
	int n_before = __builtin_popcountll(list->seen & ((1ull << index) - 1));
	uint32_t at = 0;
	for (; n_before > 0 && at < list->len; at++)
		n_before -= list->names[at] == ' ';
	return n_before > 0 ? list->len : at;
}

static void insert_name(struct cipher_list *list, unsigned index, struct slice name)
{
	uint32_t at = place_of(list, index), len = name.len + (list->len > 0);
	list->is_cut |= list->len + len > LIST_MAX;
	if (list->is_cut)
		return;
	memmove(list->names + at + len, list->names + at, list->len - at);
	list->len = (uint16_t)(list->len + len);
	list->seen |= 1ull << index;
	if (at > 0 && at + len == list->len)
		list->names[at++] = ' '; // the last one
	else if (at + len < list->len)
		list->names[at + name.len] = ' ';
	memcpy(list->names + at, name.data, name.len);
}

static bool has_name(const struct cipher_list *list, unsigned index, struct slice name)
{
	uint32_t at = place_of(list, index);
	struct slice rest = {list->names + at, list->len - at}, word;
	return list_next(&rest, &word) && slice_equals(word, name);
}

// Forget the entry of an index and all behind it.
static void cut_list(struct cipher_list *list, unsigned index)
{
	uint32_t at = place_of(list, index);
	list->len = (uint16_t)(at ? at - 1 : 0);
	list->seen &= (1ull << index) - 1;
}

// Entries are numbered. One that is far out of turn, or another than the one of its number, belongs
// to a list that another interrupted, and to which of them cannot be told. false: so it is.
static bool take_entry(
	struct gateway_state *g, struct cipher_list *list, uint64_t index, struct slice name)
{
	if (index == 0 || index > LIST_ENTRIES_MAX || (list->count && index > list->count))
		return false;
	if (list->seen >> index & 1 && !has_name(list, (unsigned)index, name) && g->list_again)
		cut_list(list, (unsigned)index);
	if (list->seen >> index & 1) {
		if (index >= g->list_next)
			g->list_next = index + 1;
		return has_name(list, (unsigned)index, name);
	}
	if (index > g->list_next + LIST_JITTER || index + LIST_JITTER < g->list_next)
		return false;
	insert_name(list, (unsigned)index, name);
	if (index >= g->list_next)
		g->list_next = index + 1;
	return true;
}

static void begin_list(struct handshake_table *t, struct gateway_state *g, const struct event *head,
	struct handshake *h)
{
	g->list = (enum handshake_step)head->handshake;
	g->list_next = 1;
	g->list_handshake = h ? (uint32_t)(h - t->slots) : NONE;
	g->list_generation = h ? h->generation : 0;
	struct cipher_list *list = list_of(t, g);
	uint32_t count = (uint32_t)number_of(head, FIELD_COUNT);
	// Every event can come twice: a list that is whole is read again beside what is there.
	bool early = g->early_len && is_near(g->early_ms, REORDER_MS, head->time_ms);
	g->list_again = list && list->len && list->count == count && is_whole(list);
	if (list && !g->list_again)
		clear_list(list, count);
	if (list && early)
		take_entry(g, list, 1, (struct slice){g->early_name, g->early_len});
	g->list_again |= early;
	g->early_len = 0;
}

static void note_early(struct gateway_state *g, const struct event *event, struct slice name)
{
	g->early_len = name.len <= sizeof(g->early_name) ? (uint8_t)name.len : 0;
	memcpy(g->early_name, name.data, g->early_len);
	g->early_ms = event->time_ms;
}

// Whether an entry has changed places with the head of the list after its own.
static bool lacks_only(const struct cipher_list *list, uint64_t index)
{
	return index <= list->count && index <= LIST_ENTRIES_MAX && !(list->seen >> index & 1) &&
	       (uint32_t)__builtin_popcountll(list->seen) + 1 == list->count;
}

static void add_cipher(
	struct handshake_table *t, struct gateway_state *g, const struct event *event)
{
	struct slice name = event_value(event, FIELD_CIPHER);
	struct cipher_list *list = list_of(t, g);
	uint64_t index = number_of(event, FIELD_INDEX);
	bool whole = list == NULL || (list->len && is_whole(list));
	if (name.len == 0)
		return;
	if (g->list == HANDSHAKE_OFFERS && list && list->seen == 0 &&
		lacks_only(&g->supported, index)) {
		insert_name(&g->supported, (unsigned)index, name);
		return;
	}
	// The first entry once more: of the list whose head is still to come, it may be.
	if (index == 1 && whole)
		note_early(g, event, name);
	if (list && take_entry(g, list, index, name))
		return;
	if (list && !(index == 1 && whole)) {
		clear_list(list, 0);
		g->list = HANDSHAKE_NONE;
	}
}

// A line of a validation that names nobody takes the name of the certificate.
static void note_chain(struct gateway_state *g, struct event *event)
{
	bool certain;
	const struct chain *chain = chain_of(&g->chains, event, &certain);
	if (chain->stranger && device_is_none(&chain->device))
		event->flags |= EVENT_STRANGER;
	if (!device_is_none(&event->device) || device_is_none(&chain->device))
		return;
	event->device = chain->device;
	if (!certain)
		event->flags |= EVENT_AMBIGUOUS;
}

// ---- steps ----

static void step_addressed(struct handshake_table *t, struct gateway_state *g, struct event *event,
	event_emit_fn emit, void *context)
{
	struct handshake *h;
	if (event->handshake == HANDSHAKE_STARTS && (h = find(t, event)) != NULL)
		close_handshake(t, h); // the port is used anew
	// The end of a connection whose handshake is over says nothing of other handshakes, nor
	// does a line that came after the one that said that it failed.
	bool over = event->handshake == HANDSHAKE_ENDS ||
		    (event->handshake != HANDSHAKE_STARTS && is_failed(g, event));
	h = over ? find(t, event) : find_or_open(t, event);
	if (h == NULL) {
		emit_line(event, emit, context);
		return;
	}
	bool ends = event->handshake == HANDSHAKE_COMPLETES ||
		    event->handshake == HANDSHAKE_FAILS || event->handshake == HANDSHAKE_ENDS;
	if (ends)
		settle(t, h, event->handshake != HANDSHAKE_COMPLETES, emit, context);
	if (ends && event->handshake != HANDSHAKE_COMPLETES && !h->reasoned)
		note_failed(g, h, event->time_ms);
	if (event->handshake == HANDSHAKE_OFFERS)
		begin_list(t, g, event, h);
	if (event->handshake == HANDSHAKE_CHOOSES && !h->chosen) {
		h->chosen = true;
		h->chosen_at = g->addressed + 1; // set_near() counts it
		g->n_chosen++;
	}
	if (event->handshake == HANDSHAKE_ASKS && !h->asked) {
		h->asked = true;
		h->asked_at = g->addressed + 1;
		g->n_asked++;
	}
	if (device_is_none(&event->device))
		name_line(event, &h->device, h->claimed && event->handshake != HANDSHAKE_COMPLETES);
	else
		name_handshake(h, event);
	if (h->stranger && device_is_none(&event->device))
		event->flags |= EVENT_STRANGER;
	set_near(t, g, ends ? NULL : h);
	if (ends)
		close_handshake(t, h);
	emit_line(event, emit, context);
}

// Some messages name nobody, right behind lines of the client: older texts, hidden users. It is not
// told where other clients' lines stand as near, unless it is logged in one go with the line
// before.
static void follow(struct handshake_table *t, const struct gateway_state *g, struct event *event)
{
	bool adjoins = event->handshake == HANDSHAKE_ADJOINS;
	bool alone =
		g->other_ms == 0 || !is_near(g->other_ms, HANDSHAKE_FOLLOWS_MS, event->time_ms);
	if (!address_is_none(&event->client) || !device_is_none(&event->device) ||
		event_user(event).len ||
		!is_near(g->last_ms, HANDSHAKE_FOLLOWS_MS, event->time_ms) || !(alone || adjoins))
		return;
	event->client = g->last_client;
	event->device = g->last_device;
	event->flags |= EVENT_BOUND | EVENT_AMBIGUOUS;
	counter_add(&t->counters->ambiguous_bindings, 1);
}

static void note_client(struct gateway_state *g, const struct event *event)
{
	if (g->last_ms && !address_equals(&g->last_client, &event->client))
		g->other_ms = g->last_ms;
	g->last_client = event->client;
	g->last_device = event->device;
	g->last_ms = event->time_ms;
}

void handshake_step(
	struct handshake_table *t, struct event *event, event_emit_fn emit, void *context)
{
	struct gateway_state *g = &t->gateways[event->gateway];
	give_up_old(t, g, event->time_ms);
	if (g->addressed && g->queue != event->queue)
		g->queues_mixed_ms = event->time_ms;
	g->queue = event->queue;
	if (!address_is_none(&event->client))
		note_client(g, event);
	else if (event->handshake == HANDSHAKE_FOLLOWS || event->handshake == HANDSHAKE_ADJOINS)
		follow(t, g, event);
	switch ((enum handshake_step)event->handshake) {
	case HANDSHAKE_SUPPORTS:
	case HANDSHAKE_OTHER_LIST:
		begin_list(t, g, event, NULL);
		return;
	case HANDSHAKE_CIPHER:
		add_cipher(t, g, event);
		return;
	case HANDSHAKE_CHAIN:
	case HANDSHAKE_CHAIN_STARTS:
	case HANDSHAKE_CHAIN_ACCEPTED:
	case HANDSHAKE_CHAIN_REFUSED:
		note_chain(g, event);
		hold(t, event, emit, context);
		return;
	case HANDSHAKE_REASON:
	case HANDSHAKE_REASON_EARLY:
	case HANDSHAKE_REASON_LATE:
		if (n_candidates(g, event) == 0 && bind_failed(t, event))
			emit_line(event, emit, context);
		else
			hold(t, event, emit, context);
		return;
	case HANDSHAKE_STARTS:
	case HANDSHAKE_OFFERS:
	case HANDSHAKE_GOES_ON:
	case HANDSHAKE_CHOOSES:
	case HANDSHAKE_ASKS:
	case HANDSHAKE_COMPLETES:
	case HANDSHAKE_FAILS:
	case HANDSHAKE_ENDS:
		if (!address_is_none(&event->client)) {
			step_addressed(t, g, event, emit, context);
			return;
		}
		// fall through
	case HANDSHAKE_NONE:
	case HANDSHAKE_FOLLOWS:
	case HANDSHAKE_ADJOINS:
	case HANDSHAKE_STEP_MAX:
		emit_line(event, emit, context);
	}
}
