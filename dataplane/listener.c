// SPDX-License-Identifier: BSD-3-Clause
#include "listener.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_dev.h>

#include "eal.h"

int startup_fail(const struct startup *startup, int status, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(startup->error, startup->error_size, format, list);
	va_end(list);
	return status;
}

int startup_prefix(const struct startup *startup, int status, const char *format, ...)
{
	char reason[512], prefix[256];
	snprintf(reason, sizeof(reason), "%s", startup->error);
	va_list list;
	va_start(list, format);
	vsnprintf(prefix, sizeof(prefix), format, list);
	va_end(list);
	return startup_fail(startup, status, "%s: %s", prefix, reason);
}

void startup_note(const struct startup *startup, const char *format, ...)
{
	char text[512];
	va_list list;
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	startup->note(startup->context, text);
}

const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

int listener_add_vdev(const struct startup *startup, struct listener *listener, const char *driver,
	const char *arguments)
{
	static unsigned n_made; // names are never used twice, not even after a failure
	if (rte_eth_dev_count_avail() >= RTE_MAX_ETHPORTS)
		return startup_fail(startup, -ENOSPC, "DPDK has no room for more than %d ports",
			RTE_MAX_ETHPORTS);
	uint16_t port;
	char *vdev = listener->vdevs[listener->n_ports];
	snprintf(vdev, sizeof(listener->vdevs[0]), "%s%u", driver, n_made++);
	eal_log_clear();
	int status = rte_eal_hotplug_add("vdev", vdev, arguments);
	if (status == 0)
		status = rte_eth_dev_get_port_by_name(vdev, &port);
	if (status != 0) // the number is a different one with every driver; the log tells
		return startup_fail(startup, -EINVAL, "%s: %s", driver, eal_log_reason());
	listener->ports[listener->n_ports++] = port;
	snprintf(listener->driver, sizeof(listener->driver), "%s", driver);
	return port;
}

static struct rte_mempool *make_pool(uint16_t port, uint16_t queue, const struct buffers *buffers)
{
	char name[RTE_MEMPOOL_NAMESIZE];
	snprintf(name, sizeof(name), "port%u.%u", port, queue);
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		name, buffers->n, POOL_CACHE, 0, buffers->room, rte_eth_dev_socket_id(port));
	if (pool == NULL) // no memory near the device: far is better than none
		pool = rte_pktmbuf_pool_create(
			name, buffers->n, POOL_CACHE, 0, buffers->room, SOCKET_ID_ANY);
	return pool;
}

static int add_queue(const struct startup *startup, struct listener *listener, uint16_t port,
	uint16_t queue, const struct port_shape *shape)
{
	struct rte_mempool *pool = make_pool(port, queue, &shape->buffers);
	if (pool == NULL)
		return startup_fail(startup, -ENOMEM, "no memory for %u buffers of %u bytes",
			shape->buffers.n, shape->buffers.room);
	assert(listener->n_queues < WORKERS_MAX);
	listener->queues[listener->n_queues++] = (struct queue){port, queue, pool};
	// The AF_XDP driver gives the kernel one area, from the first chunk's start.
	if (listener->steering != NULL && pool->nb_mem_chunks != 1)
		return startup_fail(startup, -ENOMEM, "no memory in one piece");
	eal_log_clear();
	int status = rte_eth_rx_queue_setup(port, queue, shape->n_rx_descriptors,
		(unsigned)rte_eth_dev_socket_id(port), NULL, pool);
	if (status != 0)
		return startup_fail(startup, status, "%s, %s", strerror(-status), eal_log_reason());
	return 0;
}

int listener_start_port(const struct startup *startup, struct listener *listener, uint16_t port,
	const struct rte_eth_conf *conf, const struct port_shape *shape)
{
	eal_log_clear();
	int status = rte_eth_dev_configure(port, shape->n_rx, shape->n_tx, conf);
	for (uint16_t queue = 0; queue < shape->n_tx && status == 0; queue++)
		status = rte_eth_tx_queue_setup(port, queue, shape->n_tx_descriptors,
			(unsigned)rte_eth_dev_socket_id(port), NULL);
	if (status != 0)
		return startup_fail(startup, status, "%u queue%s: %s, %s", shape->n_rx,
			plural(shape->n_rx), strerror(-status), eal_log_reason());
	for (uint16_t queue = 0; queue < shape->n_rx; queue++) {
		status = add_queue(startup, listener, port, queue, shape);
		if (status != 0)
			return status;
	}
	eal_log_clear();
	status = rte_eth_dev_start(port);
	if (status != 0)
		return startup_fail(startup, status, "%s, %s", strerror(-status), eal_log_reason());
	struct rte_ether_addr mac;
	if (rte_eth_macaddr_get(port, &mac) == 0)
		memcpy(listener->options.mac, mac.addr_bytes, sizeof(listener->options.mac));
	return 0;
}

void listener_close_ports(struct listener *listener)
{
	for (uint16_t i = 0; i < listener->n_ports; i++)
		rte_eth_dev_stop(listener->ports[i]);
	if (listener->is_promiscuous)
		rte_eth_promiscuous_disable(listener->ports[0]);
	steering_detach(listener->steering); // first: then no frame looks for a socket that is gone
	for (uint16_t i = 0; i < listener->n_ports; i++) {
		rte_eth_dev_close(listener->ports[i]);
		if (listener->vdevs[i][0] != '\0')
			rte_eal_hotplug_remove("vdev", listener->vdevs[i]);
	}
	interface_close_sockets(&listener->interface);
	for (uint16_t i = 0; i < listener->n_queues; i++)
		rte_mempool_free(listener->queues[i].pool);
	listener->is_promiscuous = false;
	listener->steering = NULL;
	listener->n_ports = listener->n_queues = 0;
}

void listener_close(struct listener *listener)
{
	listener_close_ports(listener);
	if (listener->interface.name[0] != '\0')
		interface_close(&listener->interface);
	if (listener->capture >= 0)
		close(listener->capture);
	listener->capture = -1;
}
