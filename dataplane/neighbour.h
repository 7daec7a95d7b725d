// SPDX-License-Identifier: BSD-3-Clause
// neighbour: what a port without a kernel behind it must answer to be reachable at all: ARP, IPv6
// neighbour solicitation, and ICMP echo so that an operator can see that it is.
//
// Runs in the worker's loop, called by datagram for what is no syslog.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;
struct datagram_options;

// Turn a question to one of options->addresses into its answer, in place; VLAN tags stay.
//
// network  offset of the ARP packet or of the IP header; an IP header was checked before
// end      offset of the first byte that ARP or IP no longer covers
// Returns false, with the frame untouched, when there is nothing to answer. Nobody can use the port
// to hit somebody else: one answer a question, to the station that asked, and no longer than the
// question (but for the eight bytes of its own MAC address that RFC 4861 wants in the answer to a
// solicitation that had no option).
bool neighbour_answer(const struct datagram_options *options, struct rte_mbuf *frame,
	uint32_t network, uint32_t end);
