// SPDX-License-Identifier: BSD-3-Clause
// A network interface that the kernel keeps: through AF_XDP, which takes syslog away from the
// kernel and nothing else, or through AF_PACKET, which is given a copy of it.
//
// Which queue a packet comes on is the device's to say (ethtool -N DEV rx-flow-hash udp4 sd: by
// addresses only), on AF_PACKET the kernel's: by a hash of addresses and UDP ports. Either way a
// sender that keeps to one source port, as an ASA does, stays on one queue.
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "eal.h"
#include "listener.h"

// A umem chunk is an object of the mempool and may not be longer than a page; the mempool adds a
// cache line where that spreads objects over memory channels. So 63 of 64 lines for its own header,
// the mbuf and the data. In front of each frame the kernel wants 256 bytes for itself.
#define XDP_DESCRIPTORS 2048 // what the driver puts into the fill ring, whatever it is told
#define XDP_ROOM (4032 - RTE_CACHE_LINE_SIZE - sizeof(struct rte_mbuf))
#define XDP_HEADROOM 256
#define XDP_FRAME_MAX (XDP_ROOM - RTE_PKTMBUF_HEADROOM - XDP_HEADROOM) // 3,456 bytes

// The ring that the kernel copies to. What it has reassembled must fit a slot: 16 KiB, so that
// 4,096 slots are 64 MiB for all queues together, and as much again for sending, which the driver
// always asks for. From 17 workers on it is more: a queue has at least 256 slots.
#define PACKET_SLOT 16384
#define PACKET_SLOTS_OF_BLOCK 4
#define PACKET_SLOTS_TOTAL 4096
#define PACKET_SLOTS_MIN 256
#define PACKET_SLOTS_MAX 1024

// Nothing waits in mbufs but what a worker holds: the driver copies out of the ring.
static const struct buffers packet_buffers = {
	.n = BURST_SPARE + DATAGRAM_HELD_MAX,
	.room = PACKET_SLOT + RTE_PKTMBUF_HEADROOM,
};

static const struct port_shape xdp_shape = {
	.n_rx = 1,
	.n_tx = 1, // the driver wants pairs
	.n_rx_descriptors = XDP_DESCRIPTORS,
	.n_tx_descriptors = XDP_DESCRIPTORS,
	.buffers = {.n = 2 * XDP_DESCRIPTORS + BURST_SPARE, .room = XDP_ROOM},
};

int listen_interface_survey(const struct startup *startup, struct listener *listener)
{
	const struct interface *interface = &listener->interface;
	if (startup->options->n_udp_ports == 0)
		return startup_fail(
			startup, -EINVAL, "to listen on an interface, UDP ports must be given");
	int status = interface_open(
		&listener->interface, listener->listen.name, startup->error, startup->error_size);
	if (status != 0)
		return status;
	// Of the two drivers, the greater need.
	listener->n_queues_wanted = (uint16_t)RTE_MAX((unsigned)startup->options->n_workers,
		RTE_MIN(interface->n_queues, (unsigned)RTE_MAX_ETHPORTS));
	listener->buffers = packet_buffers;
	listener->options.accept_partial_checksum = true;
	if (!interface->is_up) // its queues are there all the same
		startup_note(startup, "%s: is down: ip link set %s up", interface->name,
			interface->name);
	return 0;
}

// ---- AF_XDP ----

static int open_xdp_queue(const struct startup *startup, struct listener *listener, unsigned queue)
{
	char arguments[64];
	snprintf(arguments, sizeof(arguments), "iface=%s,start_queue=%u", listener->interface.name,
		queue);
	int port = listener_add_vdev(startup, listener, "net_af_xdp", arguments);
	if (port < 0)
		return port;
	const struct rte_eth_conf conf = {0};
	int status = listener_start_port(startup, listener, (uint16_t)port, &conf, &xdp_shape);
	// To close a port whose queue failed, the driver (22.11) would write to memory that it has
	// freed. Left alone it does no harm.
	if (status == 0)
		return 0;
	listener->n_ports--;
	return startup_prefix(startup, status, "RX queue %u", queue);
}

// One port for each RX queue of the device, as many as there are: what arrives on a queue without a
// socket goes to the kernel. (One port with several queues is refused where the device counts its
// queues as anything but "combined".)
static int open_xdp_queues(const struct startup *startup, struct listener *listener)
{
	const struct interface *interface = &listener->interface;
	unsigned n_taken = rte_eth_dev_count_avail() + startup->n_unopened;
	if (interface->n_queues == 0)
		return startup_fail(startup, -ENOTSUP,
			"how many RX queues it has cannot be told (/sys is of another network namespace?)");
	if (n_taken + interface->n_queues > RTE_MAX_ETHPORTS)
		return startup_fail(startup, -ENOSPC,
			"%u RX queues are more than DPDK has ports for: ethtool -L %s combined %u",
			interface->n_queues, interface->name, startup->options->n_workers);
	static_assert(SYSLOG_PORTS_MAX >= DATAGRAM_PORTS_MAX, "the program takes them all");
	const struct steering_options options = {
		.ifindex = interface->index,
		.n_queues = interface->n_queues,
		.ports = startup->options->udp_ports,
		.n_ports = startup->options->n_udp_ports,
		.frame_max = XDP_FRAME_MAX,
	};
	int status =
		steering_attach(&options, &listener->steering, startup->error, startup->error_size);
	if (status == -EBUSY)
		return startup_fail(startup, status,
			"another XDP program is attached to %s (of another offhookd?), and takes what it wants first; `driver: af_packet` reads what it leaves",
			interface->name);
	for (unsigned queue = 0; status == 0 && queue < interface->n_queues; queue++)
		status = open_xdp_queue(startup, listener, queue);
	return status;
}

static int open_xdp(const struct startup *startup, struct listener *listener)
{
	int any = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (any < 0)
		return startup_fail(startup, -errno, "%s%s", strerror(errno),
			errno == EPERM ? " (root only)" : "");
	close(any);
	int before[INTERFACE_SOCKETS_MAX];
	size_t n_before = interface_list_sockets(AF_XDP, before, INTERFACE_SOCKETS_MAX);
	int status = open_xdp_queues(startup, listener);
	interface_adopt_sockets(&listener->interface, AF_XDP, before, n_before);
	if (status != 0) {
		listener_close_ports(listener);
		return status;
	}
	startup_note(startup, "%s: AF_XDP %s, %u queue%s", listener->listen.name,
		steering_is_native(listener->steering) ? "in its driver" : "in generic mode",
		listener->n_queues, plural(listener->n_queues));
	if (listener->options.n_addresses > 0)
		startup_note(startup,
			"%s: the kernel answers for its own addresses: those of `listen` are not used",
			listener->listen.name);
	listener->options.n_addresses = 0;
	return 0;
}

// ---- AF_PACKET ----

// Forget what came before the filter stood, and what was lost of it.
static void drain(struct listener *listener)
{
	struct rte_mbuf *frames[32];
	for (uint16_t i = 0; i < listener->n_queues; i++) {
		const struct queue *queue = &listener->queues[i];
		for (unsigned n = 0; n < PACKET_SLOTS_MAX / RTE_DIM(frames); n++) {
			uint16_t got = rte_eth_rx_burst(
				queue->port, queue->queue, frames, RTE_DIM(frames));
			rte_pktmbuf_free_bulk(frames, got);
		}
	}
	(void)rte_eth_stats_reset(listener->ports[0]);
	(void)interface_lost(&listener->interface);
	listener->interface.lost = 0;
}

static uint16_t packet_slots(uint16_t n_queues)
{
	unsigned n = RTE_ALIGN_FLOOR(
		PACKET_SLOTS_TOTAL / (unsigned)n_queues, (unsigned)PACKET_SLOTS_OF_BLOCK);
	return (uint16_t)RTE_MAX(
		RTE_MIN(n, (unsigned)PACKET_SLOTS_MAX), (unsigned)PACKET_SLOTS_MIN);
}

static int open_packet(const struct startup *startup, struct listener *listener)
{
	struct interface *interface = &listener->interface;
	uint16_t n_queues = startup->options->n_workers, n_slots = packet_slots(n_queues);
	const struct port_shape shape = {
		.n_rx = n_queues,
		.n_tx = n_queues,
		.n_rx_descriptors = n_slots,
		.n_tx_descriptors = n_slots,
		.buffers = packet_buffers,
	};
	char arguments[128];
	snprintf(arguments, sizeof(arguments),
		"iface=%s,qpairs=%u,framesz=%d,blocksz=%d,framecnt=%u", interface->name, n_queues,
		PACKET_SLOT, PACKET_SLOTS_OF_BLOCK * PACKET_SLOT, n_slots);
	int before[INTERFACE_SOCKETS_MAX];
	size_t n_before = interface_list_sockets(AF_PACKET, before, INTERFACE_SOCKETS_MAX);
	int port = listener_add_vdev(startup, listener, "net_af_packet", arguments);
	if (port < 0)
		return port;
	interface_adopt_sockets(interface, AF_PACKET, before, n_before);
	int status = interface_filter(
		interface, &listener->options, startup->error, startup->error_size);
	if (status != 0)
		return status;
	const struct rte_eth_conf conf = {0};
	status = listener_start_port(startup, listener, (uint16_t)port, &conf, &shape);
	if (status != 0)
		return status;
	drain(listener);
	interface_quiet(interface, &listener->options);
	return 0;
}

// ---- which of them ----

// With AF_XDP the kernel answers ARP and the like: for its own addresses, not for those of
// `listen`.
static bool is_answered_by_kernel(const struct listener *listener)
{
	for (unsigned i = 0; i < listener->options.n_addresses; i++) {
		if (!interface_has_address(&listener->interface, &listener->options.addresses[i]))
			return false;
	}
	return true;
}

static bool is_xdp_wanted(const struct listener *listener)
{
	return listener->listen.driver == DRIVER_AF_XDP ||
	       (listener->listen.driver == DRIVER_AUTO && is_answered_by_kernel(listener));
}

// why: what was in the way of AF_XDP, if it was tried and did not work; else "".
static int open_driver(
	const struct startup *startup, struct listener *listener, char *why, size_t why_size)
{
	why[0] = '\0';
	if (listener->listen.driver == DRIVER_AUTO && !is_xdp_wanted(listener))
		snprintf(why, why_size, "; the kernel does not have its addresses");
	if (is_xdp_wanted(listener)) {
		int status = open_xdp(startup, listener);
		if (status == 0)
			return 0;
		if (status == -EBUSY) // AF_PACKET would see what that program leaves, or nothing
			return status;
		status = startup_prefix(startup, status, "AF_XDP does not work");
		if (listener->listen.driver == DRIVER_AF_XDP)
			return status;
		snprintf(why, why_size, "; %s", startup->error);
	}
	int status = open_packet(startup, listener);
	if (status != 0 && why[0] != '\0') {
		char reason[256];
		snprintf(reason, sizeof(reason), "%s", startup->error);
		return startup_fail(startup, status, "%s%s", reason, why);
	}
	return status;
}

int listen_interface_open(const struct startup *startup, struct listener *listener)
{
	struct interface *interface = &listener->interface;
	char why[256];
	// What the drivers log is the reason of a failure, or a false alarm.
	eal_log_hold(true);
	int status = open_driver(startup, listener, why, sizeof(why));
	eal_log_hold(false);
	if (status != 0)
		return status;
	if (listener->steering == NULL)
		startup_note(startup, "%s: AF_PACKET, %u queue%s%s", interface->name,
			listener->n_queues, plural(listener->n_queues), why);
	if (interface->n_quiet > 0)
		startup_note(startup,
			"%s: its UDP ports are bound here, or the kernel would refuse what comes: no other syslog server can have them",
			interface->name);
	if (listener->n_queues < startup->options->n_workers)
		startup_note(startup,
			"%s: %u queue%s for %u workers: the others take nothing from it",
			interface->name, listener->n_queues, plural(listener->n_queues),
			startup->options->n_workers);
	interface_restore_flags(interface); // the start of a port clears promiscuous mode
	status = interface_promiscuous_start(interface);
	if (status != 0)
		startup_note(
			startup, "%s: no promiscuous mode: %s", interface->name, strerror(-status));
	return 0;
}
