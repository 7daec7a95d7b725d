// SPDX-License-Identifier: BSD-3-Clause
// handshake: gives a line without an address the client it belongs to.
//
// Most lines that say why a TLS handshake failed name nobody (725014, 717xxx). For each gateway the
// handshakes under way are kept; such a line is held until the line comes that ends a handshake
// (725006, 725002, 725007), at most HANDSHAKE_HOLD_MS, and goes with it. Where only one handshake
// fits, the binding is certain; else it is marked EVENT_AMBIGUOUS. Cipher lists (725010, 725008,
// 725011) are gathered on the way and attached to the reason as fields `supported` and `offered`.
//
// Owned by one worker, for the gateways that it owns. Bounded; takes no lock, allocates nothing.
#pragma once

#include "counters.h"
#include "event.h"

#define HANDSHAKE_HOLD_MS \
	2000 // a reason and the line that ends its handshake are milliseconds apart
#define HANDSHAKE_OPEN_MS 30000 // a handshake that lasts longer has ended without a word

struct handshake_table;

// n_gateways   gateways of all workers (their numbers index the table)
// n_handshakes under way at once, all gateways together; at the limit the oldest are given up
// n_held       lines held at once
// seed         of the hash of addresses
struct handshake_table *handshake_table_create(unsigned n_gateways, unsigned n_handshakes,
	unsigned n_held, uint64_t seed, struct counters *counters);
void handshake_table_destroy(struct handshake_table *table);

// Take one event of a gateway (event->gateway is set). It, and lines held so far that it settles,
// are emitted with stage JUDGE, or RESOLVE where only a device, user or tunnel address is known.
void handshake_step(
	struct handshake_table *table, struct event *event, event_emit_fn emit, void *context);

// Let go of lines held for longer than HANDSHAKE_HOLD_MS, a bounded step; all: every one.
// false: there was none.
bool handshake_expire_step(struct handshake_table *table, uint64_t now_ms, bool all,
	event_emit_fn emit, void *context);

// Handshakes under way and lines held, and how many there can be: for `status`, any thread.
unsigned handshake_count(const struct handshake_table *table);
unsigned handshake_max(const struct handshake_table *table);
unsigned handshake_held(const struct handshake_table *table);
unsigned handshake_held_max(const struct handshake_table *table);
