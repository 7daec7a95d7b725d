// SPDX-License-Identifier: BSD-3-Clause
// port: makes DPDK ports of what `listen` names, and deals their queues to the workers.
//
// Three rounds: look at each entry, for the EAL must know all memory and every PCI device at its
// start; start the EAL; open each entry. The files listen_*.c know how, each for its kind.
#include "port.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eal.h"
#include "listener.h"

#define MEBIBYTE ((size_t)1 << 20)
#define HEAP_BASE (64 * MEBIBYTE)      // of the EAL and its ports
#define HEAP_PER_WORKER (4 * MEBIBYTE) // its reassembly table takes 0.3 of them
#define PAGE 4096
#define POOL_OVERHEAD (4 * MEBIBYTE) // caches of RTE_MAX_LCORE lcores, ring, rounding

struct port_internals {
	struct listener listeners[PORT_LISTEN_MAX];
	size_t n_listeners;
};

typedef int (*listener_fn)(const struct startup *startup, struct listener *listener);

static const struct {
	listener_fn survey, open;
} kinds[] = {
	[LISTEN_PCI] = {listen_pci_survey, listen_pci_open},
	[LISTEN_INTERFACE] = {listen_interface_survey, listen_interface_open},
	[LISTEN_PCAP] = {listen_pcap_survey, listen_pcap_open},
};

static int blame(const struct startup *startup, const struct listener *listener, int status)
{
	return startup_prefix(startup, status, "listen: %s", listener->listen.name);
}

// A NIC or an interface can be opened once, by whichever of its names; a file as often as one
// likes.
static bool is_named_before(const struct port_internals *internals, const struct listener *listener)
{
	for (const struct listener *before = internals->listeners; before < listener; before++)
		if (before->listen.kind == listener->listen.kind &&
			listener->listen.kind != LISTEN_PCAP &&
			before->interface.index == listener->interface.index &&
			strcmp(before->pci, listener->pci) == 0)
			return true;
	return false;
}

static int survey(const struct startup *startup, const struct port_internals *internals,
	struct listener *listener)
{
	struct datagram_options *options = &listener->options;
	options->n_ports = startup->options->n_udp_ports;
	memcpy(options->ports, startup->options->udp_ports, sizeof(options->ports));
	options->n_addresses = listener->listen.n_addresses;
	memcpy(options->addresses, listener->listen.addresses, sizeof(options->addresses));
	int status = kinds[listener->listen.kind].survey(startup, listener);
	if (status == 0 && is_named_before(internals, listener))
		return startup_fail(startup, -EINVAL, "is named twice");
	return status;
}

// No buffer lies across two pages where DPDK's memory is of small ones (rte_mempool_ops_default.c),
// and a line is added to spread them over the channels of the memory.
static size_t buffers_bytes(const struct buffers *buffers)
{
	size_t lines = 3 + (sizeof(struct rte_mbuf) + buffers->room) / RTE_CACHE_LINE_SIZE;
	size_t one = lines * RTE_CACHE_LINE_SIZE, a_page = PAGE / one;
	if (a_page == 0)
		return buffers->n * RTE_ALIGN(one, (size_t)PAGE) + POOL_OVERHEAD;
	return (buffers->n / a_page + 1) * PAGE + POOL_OVERHEAD;
}

static int start_eal(const struct startup *startup, const struct port_internals *internals)
{
	const char *pci[PORT_LISTEN_MAX];
	struct eal_options options = {
		.n_workers = startup->options->n_workers,
		.hugepages = startup->options->hugepages,
		.memory = HEAP_BASE + HEAP_PER_WORKER * startup->options->n_workers,
		.pci = pci,
	};
	for (size_t i = 0; i < internals->n_listeners; i++) {
		const struct listener *listener = &internals->listeners[i];
		options.memory += listener->n_queues_wanted * buffers_bytes(&listener->buffers);
		if (listener->listen.kind == LISTEN_PCI)
			pci[options.n_pci++] = listener->pci;
	}
	return eal_start(
		&options, startup->note, startup->context, startup->error, startup->error_size);
}

static int start_all(struct startup *startup, struct port_internals *internals)
{
	for (size_t i = 0; i < internals->n_listeners; i++) {
		struct listener *listener = &internals->listeners[i];
		int status = survey(startup, internals, listener);
		if (status != 0)
			return blame(startup, listener, status);
	}
	int status = start_eal(startup, internals);
	if (status != 0)
		return status;
	for (size_t i = 0; i < internals->n_listeners; i++) {
		struct listener *listener = &internals->listeners[i];
		startup->n_unopened = (unsigned)(internals->n_listeners - i - 1);
		status = kinds[listener->listen.kind].open(startup, listener);
		if (status != 0)
			return blame(startup, listener, status);
	}
	return 0;
}

// Every queue to a worker that has fewest.
static void deal(struct port_set *set)
{
	for (size_t i = 0; i < set->internals->n_listeners; i++) {
		const struct listener *listener = &set->internals->listeners[i];
		set->any_pci |= listener->listen.kind == LISTEN_PCI;
		for (uint16_t q = 0; q < listener->n_queues; q++) {
			uint16_t worker = 0;
			for (uint16_t w = 1; w < set->n_workers; w++)
				if (set->n_queues[w] < set->n_queues[worker])
					worker = w;
			assert(set->n_queues[worker] < PORT_QUEUES_MAX);
			set->queues[worker][set->n_queues[worker]++] =
				(struct port_queue){listener->queues[q].port,
					listener->queues[q].queue, listener->options};
		}
	}
}

static struct port_internals *create_internals(const struct listen *listen, size_t n_listen)
{
	struct port_internals *internals = calloc(1, sizeof(*internals));
	if (internals == NULL)
		return NULL;
	internals->n_listeners = n_listen;
	for (size_t i = 0; i < n_listen; i++) {
		internals->listeners[i].listen = listen[i];
		internals->listeners[i].interface.promiscuous = -1;
		internals->listeners[i].capture = -1;
	}
	return internals;
}

int port_start(struct port_set *set, const struct listen *listen, size_t n_listen,
	const struct port_options *options, port_note_fn note, void *context, char *error,
	size_t error_size)
{
	memset(set, 0, sizeof(*set));
	set->n_workers = options->n_workers;
	struct startup startup = {
		.options = options,
		.note = note,
		.context = context,
		.error = error,
		.error_size = error_size,
	};
	if (n_listen == 0 || n_listen > PORT_LISTEN_MAX)
		return startup_fail(&startup, -EINVAL, "listen: 1 to %d entries", PORT_LISTEN_MAX);
	if (options->n_workers == 0 || options->n_workers > WORKERS_MAX)
		return startup_fail(&startup, -EINVAL, "workers: 1 to %d", WORKERS_MAX);
	set->internals = create_internals(listen, n_listen);
	if (set->internals == NULL)
		return startup_fail(&startup, -ENOMEM, "out of memory");
	int status = start_all(&startup, set->internals);
	eal_log_end();
	if (status != 0) {
		port_stop(set);
		return status;
	}
	for (uint16_t worker = 0; worker < options->n_workers; worker++)
		set->lcores[worker] = worker + 1u; // as eal_start() numbers them
	deal(set);
	return 0;
}

int port_start_offline(char *error, size_t error_size)
{
	return eal_start_offline(error, error_size);
}

static const char *state_of(const struct listener *listener)
{
	static const char *const names[] = {[INTERFACE_UP] = "up",
		[INTERFACE_NO_LINK] = "no link",
		[INTERFACE_DOWN] = "down",
		[INTERFACE_GONE] = "gone"};
	struct rte_eth_link link;
	if (listener->listen.kind == LISTEN_INTERFACE)
		return names[interface_look(&listener->interface)];
	bool no_link = listener->listen.kind == LISTEN_PCI &&
		       rte_eth_link_get_nowait(listener->ports[0], &link) == 0 &&
		       link.link_status == RTE_ETH_LINK_DOWN;
	return names[no_link ? INTERFACE_NO_LINK : INTERFACE_UP];
}

static void fill_stats(struct listener *listener, struct port_stats *out)
{
	*out = (struct port_stats){.n_queues = listener->n_queues, .state = state_of(listener)};
	memcpy(out->name, listener->listen.name, sizeof(out->name));
	memcpy(out->driver, listener->driver, sizeof(out->driver));
	for (uint16_t i = 0; i < listener->n_ports; i++) {
		struct rte_eth_stats stats;
		if (rte_eth_stats_get(listener->ports[i], &stats) != 0)
			continue;
		out->received += stats.ipackets;
		out->missed += stats.imissed;
		out->no_mbuf += stats.rx_nombuf;
		out->errors += stats.ierrors;
	}
	if (listener->listen.kind == LISTEN_INTERFACE) // the drivers leave out full rings
		out->missed = interface_lost(&listener->interface);
	if (listener->steering != NULL) {
		uint64_t left[LEFT_MAX];
		steering_left(listener->steering, left);
		out->left_fragmented = left[LEFT_FRAGMENTED];
		out->left_too_long = left[LEFT_TOO_LONG];
		out->left_no_socket = left[LEFT_NO_SOCKET];
	}
}

size_t port_stats(const struct port_set *set, struct port_stats *out, size_t max)
{
	size_t n = set->internals != NULL ? RTE_MIN(set->internals->n_listeners, max) : 0;
	for (size_t i = 0; i < n; i++)
		fill_stats(&set->internals->listeners[i], &out[i]);
	return n;
}

// A port has counts for its first RTE_ETHDEV_QUEUE_STAT_CNTRS queues at most, and some drivers
// (i40e, mlx5) add up for the port alone.
static size_t add_queues(
	const struct listener *listener, uint16_t port, struct port_queue_stats *out, size_t max)
{
	struct rte_eth_stats stats;
	bool alone = listener->n_ports == 1 && listener->n_queues > 1; // else a port is a queue
	size_t n = alone ? RTE_MIN(listener->n_queues, RTE_ETHDEV_QUEUE_STAT_CNTRS) : 1;
	if (rte_eth_stats_get(listener->ports[port], &stats) != 0 || n >= max)
		return 0;
	for (size_t i = 0; i < n; i++) {
		out[i] = (struct port_queue_stats){.name = listener->listen.name,
			.queue = alone ? (uint16_t)i : port,
			.packets = alone ? stats.q_ipackets[i] : stats.ipackets,
			.bytes = alone ? stats.q_ibytes[i] : stats.ibytes};
		stats.ipackets -= RTE_MIN(stats.ipackets, out[i].packets);
		stats.ibytes -= RTE_MIN(stats.ibytes, out[i].bytes);
	}
	if (listener->listen.kind != LISTEN_PCI)
		return n;
	out[n] = (struct port_queue_stats){.name = listener->listen.name,
		.queue = PORT_QUEUE_OTHER,
		.packets = stats.ipackets,
		.bytes = stats.ibytes};
	return n + 1;
}

size_t port_queue_stats(const struct port_set *set, struct port_queue_stats *out, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; set->internals != NULL && i < set->internals->n_listeners; i++) {
		const struct listener *listener = &set->internals->listeners[i];
		for (uint16_t port = 0; port < listener->n_ports; port++)
			n += add_queues(listener, port, out + n, max - n);
	}
	return n;
}

void port_stop(struct port_set *set)
{
	if (set->internals == NULL)
		return;
	eal_log_hold(true); // of what is gone a driver complains
	for (size_t i = set->internals->n_listeners; i-- > 0;)
		listener_close(&set->internals->listeners[i]);
	eal_log_hold(false);
	free(set->internals);
	memset(set, 0, sizeof(*set));
}
