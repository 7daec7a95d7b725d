// SPDX-License-Identifier: BSD-3-Clause
// A capture, delivered as fast as a worker takes it: for tests and benches. (`replay`, which
// follows the clock of the capture, reads files itself.)
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listener.h"

#define QUEUES_MAX 16	      // of net_pcap
#define LOOP_MAX (2ull << 30) // bytes of frames that a looped capture may keep in memory, a queue

// Frames and the longest one's length.
static int measure(
	const struct startup *startup, pcap_t *capture, uint64_t *n_frames, uint32_t *longest)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int status;
	*n_frames = *longest = 0;
	while ((status = pcap_next_ex(capture, &header, &bytes)) == 1) {
		*n_frames += 1;
		*longest = RTE_MAX(*longest, header->caplen);
	}
	if (status == PCAP_ERROR)
		return startup_fail(startup, -EINVAL, "%s", pcap_geterr(capture));
	if (*n_frames == 0)
		return startup_fail(
			startup, -EINVAL, "holds no packet: nothing to deliver for ever");
	return 0;
}

// net_pcap keeps a looped capture in mbufs, each frame in one, all of it for each queue.
static int size_loop(const struct startup *startup, struct listener *listener, pcap_t *capture)
{
	uint64_t n_frames;
	uint32_t longest;
	int status = measure(startup, capture, &n_frames, &longest);
	if (status != 0)
		return status;
	uint32_t room = RTE_ALIGN(longest + RTE_PKTMBUF_HEADROOM, RTE_CACHE_LINE_SIZE);
	if (room > UINT16_MAX || n_frames * room > LOOP_MAX)
		return startup_fail(startup, -EFBIG,
			"%zu packets of up to %u bytes: a looped capture is kept in memory, and may take 2 GiB of it",
			(size_t)n_frames, longest);
	listener->buffers.n += (uint32_t)n_frames;
	listener->buffers.room = (uint16_t)room;
	listener->n_queues_wanted = RTE_MIN(startup->options->n_workers, (uint16_t)QUEUES_MAX);
	return 0;
}

static int examine(const struct startup *startup, struct listener *listener, pcap_t *capture)
{
	int link = pcap_datalink(capture);
	const char *name = pcap_datalink_val_to_name(link);
	if (link != DLT_EN10MB) // net_pcap would not mind, and deliver nonsense
		return startup_fail(startup, -EINVAL,
			"link type %s, but only Ethernet can be listened to",
			name ? name : "unknown");
	return listener->listen.loop ? size_loop(startup, listener, capture) : 0;
}

// The file is opened here and goes to the driver by number: its name may hold any byte.
static void file_path(const struct listener *listener, char *out, size_t size)
{
	snprintf(out, size, "/proc/self/fd/%d", listener->capture);
}

int listen_pcap_survey(const struct startup *startup, struct listener *listener)
{
	struct stat info;
	listener->capture = open(listener->listen.name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (listener->capture < 0 || fstat(listener->capture, &info) != 0)
		return startup_fail(startup, -errno, "%s", strerror(errno));
	if (!S_ISREG(info.st_mode))
		return startup_fail(startup, -EINVAL, "is no regular file");
	char path[32], why[PCAP_ERRBUF_SIZE];
	file_path(listener, path, sizeof(path));
	pcap_t *capture = pcap_open_offline(path, why);
	if (capture == NULL)
		return startup_fail(startup, -EINVAL, "%s", why);
	listener->n_queues_wanted = 1;
	listener->buffers = (struct buffers){
		.n = BURST_SPARE + DATAGRAM_HELD_MAX + 4096, // of a burst, each frame may take 32
		.room = ROOM,
	};
	listener->options.accept_partial_checksum = true; // taken on the sender, perhaps
	listener->options.n_addresses = 0;		  // nobody is there to be answered
	int status = examine(startup, listener, capture);
	pcap_close(capture);
	return status;
}

int listen_pcap_open(const struct startup *startup, struct listener *listener)
{
	uint16_t n_queues = listener->n_queues_wanted;
	char path[32], arguments[(QUEUES_MAX + 1) * 48];
	file_path(listener, path, sizeof(path));
	size_t len = (size_t)snprintf(
		arguments, sizeof(arguments), "infinite_rx=%d", listener->listen.loop);
	for (uint16_t queue = 0; queue < n_queues; queue++)
		len += (size_t)snprintf(
			arguments + len, sizeof(arguments) - len, ",rx_pcap=%s", path);
	int port = listener_add_vdev(startup, listener, "net_pcap", arguments);
	if (port < 0)
		return port;
	const struct rte_eth_conf conf = {0};
	const struct port_shape shape = {
		.n_rx = n_queues,
		.n_rx_descriptors = 512, // the driver has none
		.buffers = listener->buffers,
	};
	return listener_start_port(startup, listener, (uint16_t)port, &conf, &shape);
}
