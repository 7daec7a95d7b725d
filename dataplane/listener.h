// SPDX-License-Identifier: BSD-3-Clause
// listener: one entry of `listen` and all that was made of it. What port.c and the files for the
// three kinds of entries share, and nobody else.
//
// COLD, control thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "interface.h"
#include "port.h"
#include "xdp/steering.h"

#define POOL_CACHE 256
// Room of an mbuf, as DPDK's drivers like it best.
#define ROOM (2048 + RTE_PKTMBUF_HEADROOM)
// Mbufs in a worker's hands and in its cache.
#define BURST_SPARE (DATAGRAM_BATCH_MAX + 2 * POOL_CACHE)

// The mbufs of one queue.
struct buffers {
	uint32_t n;
	uint16_t room; // bytes, headroom included
};

struct queue {
	uint16_t port, queue;
	struct rte_mempool *pool;
};

struct listener {
	struct listen listen;
	struct datagram_options options; // of all its queues
	char driver[64];

	// What survey found that it will take.
	uint16_t n_queues_wanted;
	struct buffers buffers;

	char pci[16];			  // of a PCI device: its address in full
	char vdevs[RTE_MAX_ETHPORTS][32]; // of others: each port's name
	uint16_t ports[RTE_MAX_ETHPORTS];
	uint16_t n_ports;
	struct queue queues[WORKERS_MAX];
	uint16_t n_queues;
	bool is_promiscuous; // a NIC that we set so

	struct interface interface; // name empty: it is none
	struct steering *steering;  // NULL: not AF_XDP
	int capture;		    // the pcap file; -1: none
};

// What the steps of port_start() share.
struct startup {
	const struct port_options *options;
	port_note_fn note;
	void *context;
	char *error; // the reason of a failure, without the entry's name
	size_t error_size;
	unsigned n_unopened; // entries that still want their ports
};

// Look at an entry before the EAL starts: sets n_queues_wanted, buffers, options.
[[nodiscard]] int listen_pci_survey(const struct startup *startup, struct listener *listener);
[[nodiscard]] int listen_interface_survey(const struct startup *startup, struct listener *listener);
[[nodiscard]] int listen_pcap_survey(const struct startup *startup, struct listener *listener);

// Make its ports and start them. On an error listener_close() is still to be called.
[[nodiscard]] int listen_pci_open(const struct startup *startup, struct listener *listener);
[[nodiscard]] int listen_interface_open(const struct startup *startup, struct listener *listener);
[[nodiscard]] int listen_pcap_open(const struct startup *startup, struct listener *listener);

// Returns status, with the reason written to startup->error.
[[gnu::format(printf, 3, 4)]] int startup_fail(
	const struct startup *startup, int status, const char *format, ...);
// The same, but put before the reason that is there.
[[gnu::format(printf, 3, 4)]] int startup_prefix(
	const struct startup *startup, int status, const char *format, ...);
[[gnu::format(printf, 2, 3)]] void startup_note(
	const struct startup *startup, const char *format, ...);
const char *plural(unsigned n); // "" or "s"

struct port_shape {
	uint16_t n_rx, n_tx;
	uint16_t n_rx_descriptors, n_tx_descriptors;
	struct buffers buffers;
};

// Make a port of a virtual device; arguments: DPDK's devargs. They hold no byte of an operator's
// that was not looked at. Returns the port's number, or -errno.
[[nodiscard]] int listener_add_vdev(const struct startup *startup, struct listener *listener,
	const char *driver, const char *arguments);

// Configure a port, make pools for its queues, start it.
[[nodiscard]] int listener_start_port(const struct startup *startup, struct listener *listener,
	uint16_t port, const struct rte_eth_conf *conf, const struct port_shape *shape);

// Stop and close the ports, detach the XDP program. The interface and the file stay open.
void listener_close_ports(struct listener *listener);
void listener_close(struct listener *listener);
