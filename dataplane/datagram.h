// SPDX-License-Identifier: BSD-3-Clause
// datagram: one UDP payload with its addresses; a view into the frame, never a copy (but where a
// frame has several segments, it is made whole in the reader's scratch).
//
// Runs in the worker's loop. Before it: port (frames). After it: message (lines).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../rules/address.h"
#include "../rules/slice.h"
#include "counters.h"

struct rte_mbuf;

struct datagram {
	struct address source, destination;
	uint16_t source_port, destination_port;
	struct slice payload;	// valid until datagram_release()
	struct rte_mbuf *frame; // what holds it
};

enum datagram_fate {
	DATAGRAM_READY,	  // *out is filled; give it back by datagram_release()
	DATAGRAM_DROPPED, // counted under its reason, frame freed
	DATAGRAM_HELD,	  // a fragment that waits for its others; not counted yet
	DATAGRAM_ANSWER,  // counted as `answered`; the frame holds the reply: send it or free it
};

#define DATAGRAM_PORTS_MAX 16
#define DATAGRAM_ADDRESSES_MAX 8
#define DATAGRAM_BATCH_MAX 256 // datagrams that one reader may have ready and not yet released
#define DATAGRAM_HELD_MAX 1024 // mbufs that one reader keeps at most, for fragments that wait

// How one port's frames are read. Made by port.c, read-only afterwards.
struct datagram_options {
	uint16_t ports[DATAGRAM_PORTS_MAX]; // UDP destination ports to take, host order; none: any
	uint8_t n_ports;
	// A field that holds the pseudo-header sum alone is checksum offload of a local sender:
	// taken on ports that are no NIC, wrong on a NIC.
	bool accept_partial_checksum;
	// ARP, neighbour discovery and ICMP echo are answered for these; none: a mirror port.
	struct address addresses[DATAGRAM_ADDRESSES_MAX];
	uint8_t n_addresses;
	uint8_t mac[6];
};

// One worker's reassembly and scratch.
//
// counters  the worker's own; what datagram_expire_step() gives up is counted there
// Needs the EAL (rte_ip_frag's table). NULL: out of memory.
struct datagram_reader *datagram_reader_create(struct counters *counters);

// Gives up every fragment still held first, so that the ledger closes. No datagram is out any more.
void datagram_reader_destroy(struct datagram_reader *reader);

// Take one frame: Ethernet, VLAN or QinQ tags, IPv4 with options, IPv6 with extension headers,
// fragments, UDP, checksums. The frame belongs to the reader from here on; one that comes from no
// mempool (tests, fuzzing) is never freed here.
//
// reader    NULL where frames hold no fragment pools (fuzzing): fragments are then dropped as
//           fragment_invalid and frames of several segments as truncated
// counters  the worker's own: packets, datagrams, fragments_merged and dropped are counted here
// now_ms    a clock that never goes back, for the age of fragments
enum datagram_fate datagram_read(struct datagram_reader *reader, struct counters *counters,
	const struct datagram_options *options, struct rte_mbuf *frame, uint64_t now_ms,
	struct datagram *out);

void datagram_release(struct datagram *datagram);

// Give up fragments older than 2 s, a bounded step. all: every one of them (end of a replay).
void datagram_expire_step(struct datagram_reader *reader, uint64_t now_ms, bool all);
