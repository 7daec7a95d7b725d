// SPDX-License-Identifier: BSD-3-Clause
#include "gateway.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "accepted.h"
#include "seq.h"

static_assert(sizeof(struct gateway_fact_line) % 8 == 0);
static_assert(sizeof(struct gateway_stamp) % 8 == 0);

#define PROBE_MAX 64 // places looked at: names come from the wire, and a full part must not be slow

int gateway_table_init(struct gateway_table *table, uint16_t n_max, uint16_t n_workers)
{
	// Each worker has a part of its own, of one at least.
	n_max = n_max < n_workers ? n_workers : n_max;
	*table = (struct gateway_table){.n_max = n_max, .n_workers = n_workers};
	table->gateways = calloc(n_max, sizeof(*table->gateways));
	table->accepted = calloc((size_t)n_max * n_workers, sizeof(*table->accepted));
	if (table->gateways && table->accepted)
		return 0;
	gateway_table_fini(table);
	return -ENOMEM;
}

void gateway_table_fini(struct gateway_table *table)
{
	free(table->gateways);
	free(table->accepted);
	table->gateways = NULL;
	table->accepted = NULL;
}

// One that a relay names by its address is the one that sends from it.
static bool address_of(const struct event *event, struct address *address)
{
	*address = event->sender;
	return event->origin_len == 0 ||
	       address_parse((struct slice){event->origin, event->origin_len}, address);
}

uint64_t gateway_hash(const struct event *event)
{
	struct address address;
	return address_of(event, &address) ? XXH3_64bits(&address, sizeof(address))
					   : XXH3_64bits(event->origin, event->origin_len);
}

static void name_it(struct gateway *gateway, const struct address *address, struct slice name)
{
	char text[ADDRESS_TEXT_MAX];
	if (address)
		name = slice_of(address_format(address, text));
	if (address)
		gateway->address = *address;
	gateway->by_address = address != NULL;
	memcpy(gateway->name, name.data, name.len);
	atomic_store_explicit(&gateway->len, name.len, memory_order_relaxed);
	halt_at(HALT_gateway_naming);
	atomic_store_explicit(&gateway->in_use, true, memory_order_release);
}

// The owner's part is a hash table by open addressing; gateways are few and stay.
uint16_t gateway_find(struct gateway_table *table, uint16_t worker, const struct event *event)
{
	struct address address;
	bool by_address = address_of(event, &address);
	struct slice name = {event->origin, event->origin_len};
	uint32_t part = table->n_max / table->n_workers;
	uint32_t at = (uint32_t)(gateway_hash(event) % part);
	for (uint32_t tries = 0; tries < part && tries < PROBE_MAX; tries++, at = (at + 1) % part) {
		uint32_t number = worker * part + at;
		struct gateway *gateway = &table->gateways[number];
		uint32_t len = atomic_load_explicit(&gateway->len, memory_order_relaxed);
		if (!atomic_load_explicit(&gateway->in_use, memory_order_relaxed))
			name_it(gateway, by_address ? &address : NULL, name);
		else if (gateway->by_address != by_address ||
			 !(by_address ? address_equals(&gateway->address, &address)
				      : slice_equals(name, (struct slice){gateway->name, len})))
			continue;
		return (uint16_t)number;
	}
	return GATEWAY_NONE;
}

static void note_fact(struct gateway *gateway, const struct event *event)
{
	struct gateway_fact *slot = NULL;
	for (unsigned i = 0; i < GATEWAY_FACTS_MAX; i++) {
		struct gateway_fact *fact = &gateway->facts[i];
		if (fact->line.time_ms == 0 || fact->line.event == event->type) {
			slot = fact;
			break;
		}
		if (slot == NULL || fact->line.time_ms < slot->line.time_ms)
			slot = fact;
	}
	struct gateway_fact_line line = {
		.time_ms = event->time_ms, .event = event->type, .source = event->source};
	line.code_len = event->code_len < sizeof(line.code) ? event->code_len : sizeof(line.code);
	memcpy(line.code, event->code, line.code_len);
	line.len = event->line_len < sizeof(line.text) ? event->line_len : sizeof(line.text);
	memcpy(line.text, event->text, line.len);
	seq_publish(&slot->sequence, &slot->line, &line, sizeof(line), HALT_gateway_fact_half);
}

static void note_stamp(struct gateway *gateway, const struct event *event)
{
	struct gateway_stamp stamp = {.time_ms = event->time_ms, .len = event->stamp_len};
	memcpy(stamp.text, event->stamp, event->stamp_len);
	seq_publish(&gateway->stamp_sequence, &gateway->stamp, &stamp, sizeof(stamp),
		HALT_gateway_stamp_half);
}

static void set(counter_t *counter, uint64_t value)
{
	atomic_store_explicit(counter, value, memory_order_relaxed);
}

void gateway_note(
	struct gateway_table *table, const struct event *event, const struct event_use *use)
{
	struct gateway *gateway = &table->gateways[event->gateway];
	set(&gateway->last_ms, event->time_ms);
	counter_add(&gateway->events, 1);
	if (event->stamp_len)
		note_stamp(gateway, event);
	switch ((enum handshake_step)event->handshake) {
	case HANDSHAKE_NONE:
	case HANDSHAKE_FOLLOWS:
	case HANDSHAKE_ADJOINS:
	case HANDSHAKE_LOGS_IN:
	case HANDSHAKE_CHAIN:
	case HANDSHAKE_CHAIN_STARTS:
	case HANDSHAKE_CHAIN_ACCEPTED:
	case HANDSHAKE_CHAIN_REFUSED:
	case HANDSHAKE_STEP_MAX:
		break;
	case HANDSHAKE_SUPPORTS:
	case HANDSHAKE_OFFERS:
	case HANDSHAKE_CHOOSES:
	case HANDSHAKE_REASON:
	case HANDSHAKE_REASON_EARLY:
	case HANDSHAKE_REASON_LATE:
	case HANDSHAKE_REASON_BARE:
		set(&gateway->reason_ms, event->time_ms);
		set(&gateway->handshake_ms, event->time_ms);
		break;
	case HANDSHAKE_FAILS:
		set(&gateway->failed_ms, event->time_ms);
		set(&gateway->handshake_ms, event->time_ms);
		break;
	default:
		set(&gateway->handshake_ms, event->time_ms);
	}
	struct slice user = event_value(event, FIELD_USER);
	if (user.len)
		counter_add(
			event->flags & EVENT_HIDDEN_USER ? &gateway->hidden_users : &gateway->users,
			1);
	if (use->gateway_fact) {
		// 0 is never; an undated log begins there.
		set(&gateway->facts_ms[event->type], event->time_ms ? event->time_ms : 1);
		note_fact(gateway, event);
	}
}

bool gateway_fact_read(const struct gateway_table *table, uint16_t gateway, uint16_t event,
	struct gateway_fact_line *out)
{
	if (gateway == GATEWAY_NONE)
		return false;
	for (unsigned i = 0; i < GATEWAY_FACTS_MAX; i++) {
		const struct gateway_fact *fact = &table->gateways[gateway].facts[i];
		for (unsigned tries = 0; tries < 16; tries++) {
			if (seq_try_read(&fact->sequence, out, &fact->line, sizeof(*out))) {
				if (out->time_ms && out->event == event)
					return true;
				break;
			}
		}
	}
	return false;
}

bool gateway_stamp_read(const struct gateway *gateway, struct gateway_stamp *out)
{
	return seq_read(&gateway->stamp_sequence, out, &gateway->stamp, sizeof(*out)) && out->len;
}

struct slice gateway_name(const struct gateway_table *table, uint16_t gateway)
{
	if (gateway == GATEWAY_NONE ||
		!atomic_load_explicit(&table->gateways[gateway].in_use, memory_order_acquire))
		return (struct slice){"", 0};
	const struct gateway *g = &table->gateways[gateway];
	return (struct slice){g->name, atomic_load_explicit(&g->len, memory_order_relaxed)};
}
