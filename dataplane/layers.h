// SPDX-License-Identifier: BSD-3-Clause
// layers: Ethernet and IP of one frame, taken apart and held against what is there.
//
// Runs in the worker's loop, the first half of datagram.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"

#define NO_DROP DROP_MAX

// Ethernet with two tags, then IPv6 with the longest payload: what IP can mean of any frame.
#define FRAME_MAX (14 + 2 * 4 + 40 + UINT16_MAX)

// What is known of a frame so far. Offsets count from its first byte.
struct layers {
	const uint8_t *frame;	  // in one piece
	uint32_t end;		  // of the frame; after an IP header, of the IP packet
	uint32_t network;	  // ARP or IP header
	uint32_t at;		  // the header that comes next: UDP, or the data of a fragment
	uint32_t fragment_header; // IPv6 only
	uint64_t offloads;	  // what the port says of the checksums: RTE_MBUF_F_RX_*
	uint16_t ethertype;	  // after the tags
	uint8_t protocol;	  // of what comes next
	bool is_fragment;
	bool is_reassembled; // no header checksum, no offloads, and no fragment again
};

// From frame, end, offloads and is_reassembled find the rest. NO_DROP: UDP, or a fragment of it.
// For DROP_arp and DROP_not_udp `network` and `end` are right, too.
enum drop layers_parse(struct layers *layers);
