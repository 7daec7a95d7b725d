// SPDX-License-Identifier: BSD-3-Clause
// A NIC that DPDK drives itself: offhook's alone, the kernel does not see it.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_ether.h>

#include "listener.h"

#define RX_DESCRIPTORS 4096
#define TX_DESCRIPTORS 512 // for answers
#define JUMBO_MTU 9600
#define JUMBO_OVERHEAD (RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN + RTE_ETHER_CRC_LEN)

// "0000:03:00.0", or without the domain.
static bool parse_address(const char *text, char *out, size_t size)
{
	unsigned domain = 0, bus, device, function;
	int end = 0;
	bool is_short = strchr(text, ':') == strrchr(text, ':');
	int n = is_short ? sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &end)
			 : sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function,
				   &end);
	if (n != (is_short ? 3 : 4) || text[end] != '\0')
		return false;
	snprintf(out, size, "%04x:%02x:%02x.%x", domain, bus, device, function);
	return true;
}

int listen_pci_survey(const struct startup *startup, struct listener *listener)
{
	if (!parse_address(listener->listen.name, listener->pci, sizeof(listener->pci)))
		return startup_fail(startup, -EINVAL, "a PCI address looks like 0000:03:00.0");
	char path[64];
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", listener->pci);
	if (access(path, F_OK) != 0)
		return startup_fail(
			startup, -ENODEV, "no such PCI device (dpdk-devbind.py -s shows them)");
	listener->n_queues_wanted = startup->options->n_workers;
	listener->buffers = (struct buffers){
		.n = RX_DESCRIPTORS + TX_DESCRIPTORS + BURST_SPARE + DATAGRAM_HELD_MAX,
		.room = JUMBO_MTU + JUMBO_OVERHEAD + RTE_PKTMBUF_HEADROOM, // if it cannot scatter
	};
	return 0;
}

// The port that a driver made of the device, or -errno.
static int find_port(const struct startup *startup, struct listener *listener)
{
	uint16_t port;
	struct rte_eth_dev_info info;
	RTE_ETH_FOREACH_DEV(port)
	{
		if (rte_eth_dev_info_get(port, &info) != 0 ||
			strcmp(rte_dev_name(info.device), listener->pci) != 0)
			continue;
		listener->ports[listener->n_ports++] = port;
		snprintf(listener->driver, sizeof(listener->driver), "%s", info.driver_name);
		return port;
	}
	return startup_fail(startup, -ENODEV,
		"no DPDK driver takes it: dpdk-devbind.py -b vfio-pci %s, with the IOMMU on",
		listener->pci);
}

// Over addresses only, so that one sender stays on one queue whatever its source ports.
static uint64_t rss_types(
	const struct startup *startup, const struct listener *listener, uint64_t offered)
{
	const char *name = listener->listen.name;
	if (offered & RTE_ETH_RSS_IPV4)
		return RTE_ETH_RSS_IP & offered;
	uint64_t types = (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP) & offered;
	if (types == 0)
		startup_note(startup,
			"%s: %s cannot spread packets over queues: one worker gets all", name,
			listener->driver);
	else
		startup_note(startup,
			"%s: %s spreads by UDP ports too: lines of one sender with several source "
			"ports may reach several workers",
			name, listener->driver);
	return types;
}

// What the NIC can do decides.
static struct rte_eth_conf make_conf(const struct startup *startup, const struct listener *listener,
	const struct rte_eth_dev_info *info, uint16_t n_queues)
{
	struct rte_eth_conf conf = {0};
	conf.rxmode.mtu = RTE_MIN(info->max_mtu, (uint16_t)JUMBO_MTU);
	conf.rxmode.offloads = info->rx_offload_capa &
			       (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |
				       RTE_ETH_RX_OFFLOAD_SCATTER);
	if (n_queues > 1)
		conf.rx_adv_conf.rss_conf.rss_hf =
			rss_types(startup, listener, info->flow_type_rss_offloads);
	if (conf.rx_adv_conf.rss_conf.rss_hf != 0)
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	return conf;
}

int listen_pci_open(const struct startup *startup, struct listener *listener)
{
	int port = find_port(startup, listener);
	if (port < 0)
		return port;
	struct rte_eth_dev_info info;
	int status = rte_eth_dev_info_get((uint16_t)port, &info);
	if (status != 0)
		return startup_fail(startup, status, "%s: %s", listener->driver, strerror(-status));
	uint16_t n_queues = RTE_MIN(
		startup->options->n_workers, RTE_MIN(info.max_rx_queues, info.max_tx_queues));
	struct rte_eth_conf conf = make_conf(startup, listener, &info, n_queues);
	struct port_shape shape = {
		.n_rx = n_queues,
		.n_tx = n_queues,
		.n_rx_descriptors = RX_DESCRIPTORS,
		.n_tx_descriptors = TX_DESCRIPTORS,
		.buffers = listener->buffers,
	};
	if (conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER)
		shape.buffers.room = ROOM;
	(void)rte_eth_dev_adjust_nb_rx_tx_desc((uint16_t)port, &shape.n_rx_descriptors,
		&shape.n_tx_descriptors); // if that fails, so does the setup of the queues
	status = listener_start_port(startup, listener, (uint16_t)port, &conf, &shape);
	if (status != 0)
		return status;
	listener->is_promiscuous = rte_eth_promiscuous_enable((uint16_t)port) == 0;
	if (!listener->is_promiscuous)
		startup_note(startup,
			"%s: no promiscuous mode: only frames to its own MAC address are seen",
			listener->listen.name);
	startup_note(startup, "%s: %s, %u queue%s%s", listener->listen.name, listener->driver,
		n_queues, plural(n_queues),
		n_queues < startup->options->n_workers ? ": the other workers take nothing from it"
						       : "");
	return 0;
}
