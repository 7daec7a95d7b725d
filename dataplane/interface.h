// SPDX-License-Identifier: BSD-3-Clause
// interface: the kernel's side of a network interface that DPDK reads through AF_XDP or AF_PACKET:
// what it is, promiscuous mode, and the sockets that DPDK's drivers have opened on it.
//
// COLD, control thread. Used by port. Everything here ends with the process, however that ends.
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datagram.h"

#define INTERFACE_SOCKETS_MAX 1024 // WORKERS_MAX for each of PORT_LISTEN_MAX entries, and to spare

struct interface {
	char name[IFNAMSIZ]; // the kernel's: `listen` may have another
	int index;
	unsigned n_queues; // RX; 0: it cannot be told
	bool is_loopback, is_up;
	bool was_promiscuous;		    // by somebody else, before us
	int promiscuous;		    // socket that holds promiscuous mode; -1: not ours
	int sockets[INTERFACE_SOCKETS_MAX]; // the driver's
	size_t n_sockets;
	int quiet[2 * DATAGRAM_PORTS_MAX]; // UDP sockets that keep the kernel from answering
	size_t n_quiet;
	uint64_t lost; // by AF_PACKET sockets, whose own counter starts anew at each look
};

// Returns 0, or -errno with a line in `error`.
[[nodiscard]] int interface_open(
	struct interface *interface, const char *name, char *error, size_t error_size);

enum interface_state { INTERFACE_UP, INTERFACE_NO_LINK, INTERFACE_DOWN, INTERFACE_GONE };

// How it is now.
enum interface_state interface_look(const struct interface *interface);

// Whether the kernel has the address on it, and so answers for it.
bool interface_has_address(const struct interface *interface, const struct address *address);

// Frames for other stations too, as on a mirror port. Not counted on loopback, which has none.
[[nodiscard]] int interface_promiscuous_start(struct interface *interface);

// DPDK's drivers clear the flag that an operator may have set before. Set it again.
void interface_restore_flags(const struct interface *interface);

// Remember the sockets of a family (AF_XDP, AF_PACKET) that a driver opened since `before`, a list
// that interface_list_sockets() made. The drivers tell nobody of them.
size_t interface_list_sockets(int family, int *out, size_t max);
void interface_adopt_sockets(
	struct interface *interface, int family, const int *before, size_t n_before);

// Close those that the driver has left open when its ports were closed, as DPDK 22.11's does with
// AF_XDP: the kernel would go on writing to buffers that are about to be freed.
void interface_close_sockets(struct interface *interface);

// AF_PACKET only: let the kernel hand over nothing but what `options` asks for, and only what comes
// in: on loopback, or from a program on this machine, each datagram would come twice otherwise, as
// it goes out and as it comes in.
[[nodiscard]] int interface_filter(const struct interface *interface,
	const struct datagram_options *options, char *error, size_t error_size);

// Bind the UDP ports on this interface to sockets that take nothing, for the kernel answers a port
// that nobody has bound with ICMP. Ports that somebody has bound are left as they are.
void interface_quiet(struct interface *interface, const struct datagram_options *options);

// Packets that the sockets have lost so far, most of them to full rings.
uint64_t interface_lost(struct interface *interface);

void interface_close(struct interface *interface);
