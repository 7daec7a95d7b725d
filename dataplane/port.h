// SPDX-License-Identifier: BSD-3-Clause
// port: EAL, DPDK ports, queues and mempools. COLD: everything here runs on the control thread
// before the workers start or after they have ended; a worker only calls rte_eth_rx_burst() on its
// queues (and rte_eth_tx_burst(), on the same port and queue, for what datagram_read() answers).
//
// What `listen` names becomes queues, which are dealt to the workers, the next one always to a
// worker that has fewest:
//   PCI address  the poll-mode driver that DPDK has for it, RSS over addresses only, one queue a
//                worker
//   interface    AF_XDP with offhook's own XDP program, one port for each RX queue of the device,
//                as many or as few as it has; where that does not work AF_PACKET, fanout by
//                flow hash, one queue a worker. A note says which, and why
//   pcap file    net_pcap: once, on one queue; or for ever, one queue a worker, each the whole file
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datagram.h"

#define PORT_LISTEN_MAX 8
#define PORT_QUEUES_MAX 32 // of one worker: as many as DPDK has ports
#define WORKERS_MAX 64

enum listen_kind { LISTEN_PCI, LISTEN_INTERFACE, LISTEN_PCAP };
enum listen_driver { DRIVER_AUTO, DRIVER_AF_XDP, DRIVER_AF_PACKET };

struct listen {
	enum listen_kind kind;
	char name[256]; // "0000:03:00.0", "eth0", "/path/x.pcap"
	// Of an interface. But for AUTO there is no falling back, nor where another XDP program
	// takes the packets first.
	enum listen_driver driver;
	bool loop; // of a pcap: deliver it for ever
	// What a PCI port answers for. An interface answers for them through AF_PACKET only; with
	// AF_XDP the kernel sees the questions and answers for its own addresses.
	struct address addresses[DATAGRAM_ADDRESSES_MAX];
	uint8_t n_addresses;
};

enum hugepages { HUGEPAGES_AUTO, HUGEPAGES_ON, HUGEPAGES_OFF };

struct port_options {
	uint16_t udp_ports[DATAGRAM_PORTS_MAX]; // an interface needs at least one
	uint8_t n_udp_ports;
	uint16_t n_workers; // 1 to WORKERS_MAX
	enum hugepages hugepages;
};

// One RX queue of one worker, with how its frames are to be read.
struct port_queue {
	uint16_t port, queue;
	struct datagram_options options;
};

struct port_set {
	struct port_queue queues[WORKERS_MAX][PORT_QUEUES_MAX];
	uint8_t n_queues[WORKERS_MAX]; // may be 0: such a worker only owns sessions
	uint16_t n_workers;
	unsigned lcores[WORKERS_MAX]; // EAL lcore of each worker
	bool any_pci;		      // poll: busy is the default only then
	struct port_internals *internals;
};

// What never came to a worker: shown by `status`, no part of the ledger.
struct port_stats {
	char name[256];	   // as in `listen`
	char driver[64];   // "net_af_xdp", "net_af_packet", "net_ixgbe" ...
	const char *state; // "up", "no link", "down", "gone"
	uint16_t n_queues;
	uint64_t received; // of AF_PACKET on its first 16 queues: its driver adds up no more
	uint64_t missed, no_mbuf, errors;
	// Syslog that AF_XDP cannot take and that the XDP program left to the kernel: datagrams in
	// fragments, frames longer than a buffer, and such as came while a queue had no socket.
	uint64_t left_fragmented, left_too_long, left_no_socket;
};

typedef void (*port_note_fn)(void *context, const char *text); // one line for the operator

// rte_eal_init() and every port, started. Call once in a process' life.
//
// note   told which driver an interface got and why another did not work; only until the return
// error  one line that says what failed and what would help
// Returns 0, or -errno with everything undone, but for the EAL, which lives as long as the process.
[[nodiscard]] int port_start(struct port_set *set, const struct listen *listen, size_t n_listen,
	const struct port_options *options, port_note_fn note, void *context, char *error,
	size_t error_size);

// The EAL alone, without hugepages, PCI or ports: for `replay` (mempools, reassembly). Any user.
[[nodiscard]] int port_start_offline(char *error, size_t error_size);

// Fills at most max entries, one a `listen` entry; returns how many.
size_t port_stats(const struct port_set *set, struct port_stats *out, size_t max);

// What came in on one RX queue, or on one that its driver has no count of its own for.
struct port_queue_stats {
	const char *name; // as in `listen`; the set's
	uint16_t queue;	  // PORT_QUEUE_OTHER: all that are not counted by themselves
	uint64_t packets, bytes;
};
#define PORT_QUEUE_OTHER UINT16_MAX

// Fills at most max entries, by `listen` entry and queue; returns how many.
size_t port_queue_stats(const struct port_set *set, struct port_queue_stats *out, size_t max);

// Stops and closes ports, detaches the XDP program, takes back promiscuous mode. Workers have ended
// and have released their frames.
void port_stop(struct port_set *set);
