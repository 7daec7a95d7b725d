// SPDX-License-Identifier: BSD-3-Clause
#include "handshake.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define NONE UINT32_MAX
#define LIST_MAX 480 // bytes of a cipher list; 725011 prints one name of about 20 a line
#define EXPIRE_STEP 16
#define QUEUES_MIXED_MS 60000 // how long the order of a gateway's lines is not trusted

struct handshake {
	struct address client;
	uint16_t port, gateway;
	bool open, chosen, reasoned; // cipher agreed; a reason has been bound
	uint32_t generation;	     // of the slot: a held line remembers it
	uint64_t start_ms;
	struct device device;
	uint32_t hash_next, older, newer; // chains of the hash bucket and of the gateway
	uint16_t offered_len;
	char offered[LIST_MAX];
};

// What only the owner needs to know of a gateway.
struct gateway_state {
	uint32_t oldest, newest; // open handshakes
	uint32_t n_open, n_chosen;
	uint32_t first_held, last_held;
	uint32_t addressed; // counts lines of a handshake that name it: what stands between two lines
	uint32_t near, near_generation; // handshake of the last such line
	// Order is kept within a receive queue only: lines through two of them are bound as ambiguous.
	uint16_t queue;
	uint64_t queues_mixed_ms;
	// the cipher list that is being read
	enum handshake_step list;
	uint32_t list_handshake, list_generation;
	uint64_t list_next; // index of the next entry
	uint16_t supported_len;
	char supported[LIST_MAX];
	// the validation that is being read
	uint64_t chain_ms;
	uint32_t chain;
	bool chain_open, chain_mixed;
	struct device chain_device;
};

struct held {
	struct event event;
	bool in_use;
	uint32_t older, newer; // of the gateway
	uint32_t addressed;
	uint32_t near, near_generation;
	uint32_t chain;
};

struct handshake_table {
	struct counters *counters;
	struct handshake *slots;
	uint32_t n_slots, free_slot, n_open;
	uint32_t *buckets, n_buckets;
	struct gateway_state *gateways;
	struct held *held; // circular: the oldest at held_first
	uint32_t n_held_max, held_first, n_held;
};

struct handshake_table *handshake_table_create(unsigned n_gateways, unsigned n_handshakes,
	unsigned n_held, struct counters *counters)
{
	struct handshake_table *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->counters = counters;
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
	return table->n_open;
}

// ---- handshakes under way ----

static uint32_t *bucket_of(struct handshake_table *t, uint16_t gateway, const struct address *client,
	uint16_t port)
{
	uint64_t seed = (uint64_t)gateway << 16 | port;
	return &t->buckets[XXH3_64bits_withSeed(client, sizeof(*client), seed) & (t->n_buckets - 1)];
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
	t->n_open--;
	h->open = false;
	h->generation++;
	h->hash_next = t->free_slot;
	t->free_slot = at;
}

// Handshakes of the gateway that have ended without a word.
static void give_up_old(struct handshake_table *t, struct gateway_state *g, uint64_t now_ms)
{
	while (g->oldest != NONE && t->slots[g->oldest].start_ms + HANDSHAKE_OPEN_MS < now_ms) {
		counter_add(&t->counters->handshakes_abandoned, 1);
		close_handshake(t, &t->slots[g->oldest]);
	}
}

static struct handshake *open_handshake(struct handshake_table *t, const struct event *event)
{
	struct gateway_state *g = &t->gateways[event->gateway];
	if (t->free_slot == NONE) {
		if (g->oldest == NONE)
			return NULL;
		counter_add(&t->counters->handshakes_abandoned, 1);
		close_handshake(t, &t->slots[g->oldest]);
	}
	uint32_t at = t->free_slot;
	struct handshake *h = &t->slots[at];
	uint32_t *bucket = bucket_of(t, event->gateway, &event->client, event->port);
	t->free_slot = h->hash_next;
	h->client = event->client;
	h->port = event->port;
	h->gateway = event->gateway;
	h->open = true;
	h->chosen = h->reasoned = false;
	h->start_ms = event->time_ms;
	h->device = (struct device){0};
	h->offered_len = 0;
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
	t->n_open++;
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

static bool fits(const struct handshake *h, const struct event *line)
{
	if (is_reason(line->handshake) && h->reasoned)
		return false;
	if (line->handshake == HANDSHAKE_REASON_EARLY)
		return !h->chosen;
	// Chosen may be unknown: 725012 exists at level 7 only, but then so does the reason.
	return true;
}

// Handshakes under way that a held line could belong to.
static uint32_t n_candidates(const struct gateway_state *g, const struct event *line)
{
	switch (line->handshake) {
	case HANDSHAKE_REASON_EARLY:
		return g->n_open - g->n_chosen;
	case HANDSHAKE_REASON_LATE:
		return g->n_chosen ? g->n_chosen : g->n_open;
	default:
		return g->n_open;
	}
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
	while (t->n_held && !t->held[t->held_first].in_use) {
		t->held_first = (t->held_first + 1) % t->n_held_max;
		t->n_held--;
	}
}

static void emit_line(struct event *event, event_emit_fn emit, void *context)
{
	event->stage = address_is_none(&event->client) ? STAGE_RESOLVE : STAGE_JUDGE;
	emit(context, event);
}

static void let_go(struct handshake_table *t, struct held *held, struct handshake *h, bool ambiguous,
	event_emit_fn emit, void *context)
{
	struct event *event = &held->event;
	unlink_held(t, held);
	if (h) {
		const struct gateway_state *g = &t->gateways[h->gateway];
		event->client = h->client;
		event->port = h->port;
		if (device_is_none(&event->device))
			event->device = h->device;
		else
			h->device = event->device;
		if (is_reason(event->handshake)) {
			h->reasoned = true;
			if (h->offered_len)
				event_attach(event, FIELD_OFFERED,
					(struct slice){h->offered, h->offered_len});
			if (g->supported_len)
				event_attach(event, FIELD_SUPPORTED,
					(struct slice){g->supported, g->supported_len});
		}
	}
	const struct gateway_state *from = &t->gateways[event->gateway];
	bool mixed = from->queues_mixed_ms &&
		event->time_ms < from->queues_mixed_ms + QUEUES_MIXED_MS;
	if (ambiguous || (h && mixed)) {
		event->flags |= EVENT_AMBIGUOUS;
		counter_add(&t->counters->ambiguous_bindings, 1);
	}
	// Nothing but the text: it proves nothing about anybody.
	if (h == NULL && device_is_none(&event->device)) {
		counter_add(&t->counters->events_dropped[EVENT_DROP_unbound], 1);
		return;
	}
	emit_line(event, emit, context);
}

// No line has said whose it was: the handshake named just before, else the only one that fits, else
// the newest of those that fit, and then it may be another's.
static void let_go_late(struct handshake_table *t, struct held *held, event_emit_fn emit,
	void *context)
{
	const struct gateway_state *g = &t->gateways[held->event.gateway];
	struct handshake *h = at_generation(t, held->near, held->near_generation);
	bool sole = n_candidates(g, &held->event) <= 1;
	if (h && !fits(h, &held->event))
		h = NULL;
	for (uint32_t at = g->newest, tries = 0; h == NULL && at != NONE && tries < 64; tries++) {
		if (fits(&t->slots[at], &held->event))
			h = &t->slots[at];
		at = t->slots[at].older;
	}
	// A line that names its phone needs no guess at the address.
	if (h && !sole && !device_is_none(&held->event.device))
		h = NULL;
	let_go(t, held, h, h && !sole, emit, context);
}

static void hold(struct handshake_table *t, const struct event *event, event_emit_fn emit,
	void *context)
{
	struct gateway_state *g = &t->gateways[event->gateway];
	if (t->n_held == t->n_held_max)
		let_go_late(t, &t->held[t->held_first], emit, context);
	uint32_t at = (t->held_first + t->n_held++) % t->n_held_max;
	struct held *held = &t->held[at];
	memcpy(&held->event, event, event_size(event));
	held->in_use = true;
	held->addressed = g->addressed;
	held->near = g->near;
	held->near_generation = g->near_generation;
	held->chain = g->chain;
	held->older = g->last_held;
	held->newer = NONE;
	if (g->last_held != NONE)
		t->held[g->last_held].newer = at;
	else
		g->first_held = at;
	g->last_held = at;
}

void handshake_expire_step(struct handshake_table *t, uint64_t now_ms, bool all, event_emit_fn emit,
	void *context)
{
	for (unsigned i = 0; t->n_held && (all || i < EXPIRE_STEP); i++) {
		struct held *held = &t->held[t->held_first];
		if (!all && held->event.time_ms + HANDSHAKE_HOLD_MS > now_ms)
			return;
		let_go_late(t, held, emit, context);
	}
}

// Whether a held line belongs to the handshake whose end has just been logged, and how surely.
// near: the line came right after one of that handshake. adjacent: no other handshake was named
// between it and the end.
static bool belongs(struct handshake_table *t, const struct gateway_state *g, const struct held *held,
	const struct handshake *h)
{
	if (!fits(h, &held->event))
		return false;
	if (n_candidates(g, &held->event) <= 1 || held->addressed == g->addressed)
		return true;
	const struct handshake *near = at_generation(t, held->near, held->near_generation);
	return near == h || near == NULL || !fits(near, &held->event);
}

// Hand the lines held for a handshake out, before the line that ends it. Of several reasons the
// newest is its own; of a validation all lines are.
static void settle(struct handshake_table *t, struct handshake *h, bool failed, event_emit_fn emit,
	void *context)
{
	struct gateway_state *g = &t->gateways[h->gateway];
	uint32_t reason = NONE, chain = NONE;
	for (uint32_t at = g->last_held; at != NONE; at = t->held[at].older) {
		struct held *held = &t->held[at];
		bool mine = belongs(t, g, held, h);
		if (is_reason(held->event.handshake)) {
			if (mine && failed && reason == NONE)
				reason = at;
		} else if (mine && chain == NONE) {
			chain = held->chain;
		}
	}
	bool sole = g->n_open <= 1;
	for (uint32_t at = g->first_held, next; at != NONE; at = next) {
		struct held *held = &t->held[at];
		next = held->newer;
		bool is_chain = !is_reason(held->event.handshake);
		if (at == reason || (is_chain && chain != NONE && held->chain == chain) ||
			(sole && (failed || is_chain)))
			let_go(t, held, h, n_candidates(g, &held->event) > 1, emit, context);
	}
	g->chain_open = false;
	if (g->first_held == NONE)
		g->chain_mixed = false;
}

// ---- lists and chains ----

static void begin_list(struct handshake_table *t, struct gateway_state *g, enum handshake_step list,
	struct handshake *h)
{
	g->list = list;
	g->list_next = 1;
	g->list_handshake = h ? (uint32_t)(h - t->slots) : NONE;
	g->list_generation = h ? h->generation : 0;
	if (list == HANDSHAKE_SUPPORTS)
		g->supported_len = 0;
	if (h)
		h->offered_len = 0;
}

static void append_name(char *list, uint16_t *len, struct slice name)
{
	if (*len + name.len + 1u > LIST_MAX)
		return;
	if (*len)
		list[(*len)++] = ' ';
	memcpy(list + *len, name.data, name.len);
	*len = (uint16_t)(*len + name.len);
}

// Entries are numbered: one out of turn belongs to a list that another interrupted, and to which of
// them cannot be told; the list being read is then given up.
static void add_cipher(struct handshake_table *t, struct gateway_state *g, const struct event *event)
{
	struct slice index = event_value(event, FIELD_INDEX), name = event_value(event, FIELD_CIPHER);
	uint64_t number = 0;
	for (uint32_t i = 0; i < index.len; i++)
		number = number * 10 + (uint64_t)(index.data[i] - '0');
	if (number != g->list_next++) {
		if (g->list == HANDSHAKE_SUPPORTS)
			g->supported_len = 0;
		struct handshake *broken = at_generation(t, g->list_handshake, g->list_generation);
		if (broken)
			broken->offered_len = 0;
		g->list = HANDSHAKE_NONE;
	}
	if (g->list == HANDSHAKE_SUPPORTS) {
		append_name(g->supported, &g->supported_len, name);
	} else if (g->list == HANDSHAKE_OFFERS) {
		struct handshake *h = at_generation(t, g->list_handshake, g->list_generation);
		if (h)
			append_name(h->offered, &h->offered_len, name);
	}
}

// Lines of one validation stand together; a line without a name takes that of the line before.
static void note_chain(struct gateway_state *g, struct event *event)
{
	bool late = event->time_ms > g->chain_ms + HANDSHAKE_HOLD_MS;
	if (event->handshake == HANDSHAKE_CHAIN_STARTS || late) {
		g->chain_mixed = g->chain_open && !late;
		g->chain++;
		g->chain_open = true;
		g->chain_device = (struct device){0};
	}
	g->chain_ms = event->time_ms;
	if (!device_is_none(&event->device)) {
		g->chain_device = event->device;
	} else if (!device_is_none(&g->chain_device)) {
		event->device = g->chain_device;
		if (g->chain_mixed)
			event->flags |= EVENT_AMBIGUOUS;
	}
}

// ---- steps ----

static void step_addressed(struct handshake_table *t, struct gateway_state *g, struct event *event,
	event_emit_fn emit, void *context)
{
	struct handshake *h;
	if (event->handshake == HANDSHAKE_STARTS && (h = find(t, event)) != NULL)
		close_handshake(t, h); // the port is used anew
	// The end of a connection whose handshake is over says nothing of other handshakes.
	h = event->handshake == HANDSHAKE_ENDS ? find(t, event) : find_or_open(t, event);
	if (h == NULL) {
		emit_line(event, emit, context);
		return;
	}
	bool ends = event->handshake == HANDSHAKE_COMPLETES || event->handshake == HANDSHAKE_FAILS ||
		event->handshake == HANDSHAKE_ENDS;
	if (ends)
		settle(t, h, event->handshake != HANDSHAKE_COMPLETES, emit, context);
	if (event->handshake == HANDSHAKE_OFFERS)
		begin_list(t, g, HANDSHAKE_OFFERS, h);
	if (event->handshake == HANDSHAKE_CHOOSES && !h->chosen) {
		h->chosen = true;
		g->n_chosen++;
	}
	if (device_is_none(&event->device))
		event->device = h->device;
	else
		h->device = event->device;
	set_near(t, g, ends ? NULL : h);
	if (ends)
		close_handshake(t, h);
	emit_line(event, emit, context);
}

void handshake_step(struct handshake_table *t, struct event *event, event_emit_fn emit, void *context)
{
	struct gateway_state *g = &t->gateways[event->gateway];
	give_up_old(t, g, event->time_ms);
	if (g->addressed && g->queue != event->queue)
		g->queues_mixed_ms = event->time_ms;
	g->queue = event->queue;
	switch ((enum handshake_step)event->handshake) {
	case HANDSHAKE_SUPPORTS:
	case HANDSHAKE_OTHER_LIST:
		begin_list(t, g, (enum handshake_step)event->handshake, NULL);
		return;
	case HANDSHAKE_CIPHER:
		add_cipher(t, g, event);
		return;
	case HANDSHAKE_CHAIN:
	case HANDSHAKE_CHAIN_STARTS:
		note_chain(g, event);
		hold(t, event, emit, context);
		return;
	case HANDSHAKE_REASON:
	case HANDSHAKE_REASON_EARLY:
	case HANDSHAKE_REASON_LATE:
		hold(t, event, emit, context);
		return;
	case HANDSHAKE_STARTS:
	case HANDSHAKE_OFFERS:
	case HANDSHAKE_GOES_ON:
	case HANDSHAKE_CHOOSES:
	case HANDSHAKE_COMPLETES:
	case HANDSHAKE_FAILS:
	case HANDSHAKE_ENDS:
		if (!address_is_none(&event->client)) {
			step_addressed(t, g, event, emit, context);
			return;
		}
		// fall through
	case HANDSHAKE_NONE:
	case HANDSHAKE_STEP_MAX:
		emit_line(event, emit, context);
	}
}
