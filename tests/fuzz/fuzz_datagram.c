// SPDX-License-Identifier: BSD-3-Clause
// A frame through datagram_read(), without an EAL, and its payload through the message parser.
// Input: a byte of options, then the frame.
#include "fuzz.h"

#include <rte_mbuf.h>

#include "../../dataplane/datagram.h"
#include "../../dataplane/message.h"

#define FRAME_MAX 16384

static void check_ledger(const struct counters *c)
{
	uint64_t sum = counter_get(&c->datagrams) + counter_get(&c->fragments_merged);
	for (int i = 0; i < DROP_MAX; i++)
		sum += counter_get(&c->dropped[i]);
	assert(counter_get(&c->packets) == 1);
	assert(sum == 1);
}

static void read_messages(struct slice payload)
{
	struct slice rest = payload, line;
	unsigned n = 0;
	while (message_next(&rest, &line)) {
		struct message message;
		assert_inside(line, payload);
		message_parse(NULL, line, &message);
		n++;
	}
	assert(n > 0); // else it would have been dropped as empty
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	if (size < 1 || size > FRAME_MAX)
		return 0;
	uint8_t wish = *data++;
	size--;
	struct datagram_options options = {.accept_partial_checksum = (wish & 1) != 0};
	if (wish & 2) {
		options.ports[0] = 514;
		options.ports[1] = 5514;
		options.n_ports = 2;
	}
	if (wish & 4) {
		memcpy(options.mac, mac, sizeof(mac));
		assert(address_parse(slice_of("10.9.8.7"), &options.addresses[0]));
		assert(address_parse(slice_of("2001:db8::2"), &options.addresses[1]));
		options.n_addresses = 2;
	}
	// An answer may be longer than the question: some frames have room behind them.
	size_t room = wish & 8 ? 128 : 0;
	char *bytes = malloc(size + room + 1);
	memcpy(bytes, data, size);
	struct rte_mbuf mbuf = {.buf_addr = bytes,
		.buf_len = (uint16_t)(size + room),
		.data_len = (uint16_t)size,
		.pkt_len = (uint32_t)size,
		.nb_segs = 1};
	rte_mbuf_refcnt_set(&mbuf, 1);
	// As an AF_PACKET port says of a sender on this machine.
	mbuf.ol_flags = wish & 16 ? RTE_MBUF_F_RX_L4_CKSUM_NONE : 0;
	struct counters counters = {0};
	struct datagram datagram;
	switch (datagram_read(NULL, &counters, &options, &mbuf, 1000, &datagram)) {
	case DATAGRAM_READY:
		assert_inside(datagram.payload, (struct slice){bytes, (uint32_t)size});
		read_messages(datagram.payload);
		datagram_release(&datagram);
		break;
	case DATAGRAM_ANSWER:
		assert(options.n_addresses);
		assert(mbuf.pkt_len == mbuf.data_len);
		assert(mbuf.data_off + mbuf.data_len <= mbuf.buf_len);
		break;
	case DATAGRAM_DROPPED:
		break;
	case DATAGRAM_HELD: // needs a reader
		abort();
	}
	check_ledger(&counters);
	free(bytes);
	return 0;
}
