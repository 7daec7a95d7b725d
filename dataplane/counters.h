// SPDX-License-Identifier: BSD-3-Clause
// The one list of counters and drop reasons. A worker writes its own, control reads them at any
// time (relaxed, may lag a turn). The name here is the name in `status`, `--stats` and every
// metric.
//
// The ledger: packets = datagrams + fragments_merged + sum of dropped; messages = asa + phone +
// other. A fragment is counted as a packet when its fate is known, so the sum holds at every
// moment.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define COUNTERS(X)                                                                            \
	X(packets, "packets whose fate is known")                                              \
	X(fragments_merged, "fragments beyond the first of a reassembled datagram")            \
	X(datagrams, "UDP datagrams that held at least one message")                           \
	X(messages, "syslog messages")                                                         \
	X(asa, "messages with an ASA or FTD tag")                                              \
	X(phone, "messages of phones")                                                         \
	X(other, "messages of anything else")                                                  \
	X(unmatched, "messages that no rule knows")                                            \
	X(sent_away, "events handed to another worker")                                        \
	X(names_unknown, "names in place of addresses that the config does not map")           \
	X(fields_refused, "values of the wrong type: the rule was not applied")                \
	X(copies, "events of a line that had come just before, through another relay or unit") \
	X(lines_clipped, "evidence lines cut at their limit")                                  \
	X(lines_lost, "lines of evidence overwritten before a diagnosis wanted them")          \
	X(handshakes_abandoned, "TLS handshakes that never said how they ended")               \
	X(ambiguous_bindings, "lines without an address that fit more than one handshake")     \
	X(evidence_reused, "closed diagnoses whose evidence gave way to newer")                \
	X(episodes_lost, "closed diagnoses that gave way before control had read them")        \
	X(sessions_evicted, "sessions of clients that are no phone, ended early for room")     \
	X(sessions_expired, "sessions that ended by idle time")                                \
	X(identities_evicted, "users of clients that are no phone, forgotten early for room")  \
	X(histories_evicted, "what sessions had seen, forgotten early for room")               \
	X(aliases_evicted, "names of clients, forgotten early for room")                       \
	X(records_clipped, "lines of phones that hold more records than are looked at")

// Why a packet became no datagram.
#define DROPS(X)                                                                           \
	X(empty, "UDP datagram without a message in it")                                   \
	X(short_frame, "frame too short for its headers")                                  \
	X(other_ethertype, "neither IPv4 nor IPv6")                                        \
	X(arp, "ARP, not for us or not answerable")                                        \
	X(answered, "ARP, neighbour solicitation or echo request, answered")               \
	X(bad_ip_header, "IP version, header length or extension header chain is wrong")   \
	X(bad_ip_checksum, "IPv4 header checksum is wrong")                                \
	X(truncated, "IP length beyond the end of the frame")                              \
	X(not_udp, "IP, but not UDP")                                                      \
	X(other_port, "UDP, but not to a syslog port")                                     \
	X(bad_udp_length, "UDP length is wrong")                                           \
	X(bad_udp_checksum, "UDP checksum is wrong")                                       \
	X(fragment_invalid,                                                                \
		"fragment that is malformed, overlaps, is one too many, or found no room") \
	X(fragment_incomplete, "fragment whose datagram never became whole")

// What was lost after a message had matched.
#define EVENT_DROPS(X)                                                                  \
	X(exchange_full, "the ring to the worker that owns the event was full")         \
	X(unresolved, "no client known for the event's user, device or tunnel address") \
	X(unbound, "line without an address that fits no handshake")                    \
	X(no_subject, "event that names nobody")                                        \
	X(waiting_full, "no room to keep an event until its client is known")           \
	X(gateways_full, "gateway table full")                                          \
	X(sessions_full, "session table full")                                          \
	X(identities_full, "no room for one more user or device")                       \
	X(histories_full, "no room for what a session has seen")                        \
	X(diagnoses_full, "diagnosis table full")                                       \
	X(evidence_full, "no room for a line of evidence")                              \
	X(passing, "of use only for a client that is known, and it is not")             \
	X(rule_retired, "event of a rule that a reload removed")

enum drop {
#define X(name, help) DROP_##name,
	DROPS(X)
#undef X
		DROP_MAX
};

enum event_drop {
#define X(name, help) EVENT_DROP_##name,
	EVENT_DROPS(X)
#undef X
		EVENT_DROP_MAX
};

typedef _Atomic(uint64_t) counter_t;

struct counters {
#define X(name, help) counter_t name;
	COUNTERS(X)
#undef X
	counter_t dropped[DROP_MAX];
	counter_t events_dropped[EVENT_DROP_MAX];
};

// Only by the counter's one writer: no locked instruction.
static inline void counter_add(counter_t *counter, uint64_t n)
{
	uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);
	atomic_store_explicit(counter, old + n, memory_order_relaxed);
}

static inline uint64_t counter_get(const counter_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

// How many there are now of something: like a counter, but it goes down too.
typedef _Atomic(uint32_t) gauge_t;

static inline void gauge_add(gauge_t *gauge, int n)
{
	uint32_t old = atomic_load_explicit(gauge, memory_order_relaxed);
	atomic_store_explicit(gauge, old + (uint32_t)n, memory_order_relaxed);
}

static inline uint32_t gauge_get(const gauge_t *gauge)
{
	return atomic_load_explicit(gauge, memory_order_relaxed);
}

// A packet that ends here.
static inline void counters_drop(struct counters *c, enum drop reason)
{
	counter_add(&c->packets, 1);
	counter_add(&c->dropped[reason], 1);
}
