// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <rte_mempool.h>

#include "../../dataplane/datagram.h"
#include "../../dataplane/port.h"
#include "frame.h"

#define TEXT "<166>%ASA-6-725006: Device failed SSL handshake with outside client:10.0.0.9/50091"

static struct datagram_options options = {.ports = {514, 5514}, .n_ports = 2};

static uint64_t sum_of_drops(const struct counters *c)
{
	uint64_t sum = 0;
	for (int i = 0; i < DROP_MAX; i++)
		sum += counter_get(&c->dropped[i]);
	return sum;
}

static void assert_ledger(const struct counters *c, uint64_t packets)
{
	assert_int_equal(counter_get(&c->packets), packets);
	assert_int_equal(packets,
		counter_get(&c->datagrams) + counter_get(&c->fragments_merged) + sum_of_drops(c));
}

// ---- frames of one segment, without an EAL ----

// Reads a frame that must be dropped for this reason, and counted once.
static void assert_dropped_with(const struct frame *f, enum drop reason, uint64_t offloads)
{
	struct counters c = {0};
	struct datagram out;
	struct rte_mbuf *mbuf = frame_mbuf(f, 0);
	mbuf->ol_flags = offloads;
	enum datagram_fate fate = datagram_read(NULL, &c, &options, mbuf, 0, &out);
	frame_mbuf_free(mbuf);
	assert_int_equal(fate, DATAGRAM_DROPPED);
	if (counter_get(&c.dropped[reason]) != 1)
		for (int i = 0; i < DROP_MAX; i++)
			if (counter_get(&c.dropped[i]))
				fail_msg("dropped for reason %d, not %d", i, reason);
	assert_ledger(&c, 1);
}

static void assert_dropped(const struct frame *f, enum drop reason)
{
	assert_dropped_with(f, reason, 0);
}

static void assert_ready_with(const struct frame *f, const char *text, uint64_t offloads)
{
	struct counters c = {0};
	struct datagram out;
	struct rte_mbuf *mbuf = frame_mbuf(f, 0);
	mbuf->ol_flags = offloads;
	assert_int_equal(datagram_read(NULL, &c, &options, mbuf, 0, &out), DATAGRAM_READY);
	assert_ledger(&c, 1);
	assert_int_equal(counter_get(&c.datagrams), 1);
	assert_int_equal(out.payload.len, strlen(text));
	assert_memory_equal(out.payload.data, text, strlen(text));
	assert_int_equal(out.source_port, 50000);
	assert_int_equal(out.destination_port, 514);
	char address[ADDRESS_TEXT_MAX];
	address_format(&out.source, address);
	assert_string_equal(address, f->version == 4 ? "10.1.2.3" : "2001:db8::1");
	address_format(&out.destination, address);
	assert_string_equal(address, f->version == 4 ? "10.9.8.7" : "2001:db8::2");
	datagram_release(&out);
	frame_mbuf_free(mbuf);
}

static void assert_ready(const struct frame *f, const char *text)
{
	assert_ready_with(f, text, 0);
}

static struct frame f; // too big for some stacks

static void takes_udp_over_ipv4_and_ipv6(void **state)
{
	(void)state;
	frame_message(&f, 4, TEXT);
	assert_ready(&f, TEXT);
	frame_message(&f, 6, TEXT);
	assert_ready(&f, TEXT);
	frame_message(&f, 4, "x");
	assert_ready(&f, "x");
}

static void takes_up_to_two_tags_of_any_kind(void **state)
{
	(void)state;
	static const uint16_t kinds[] = {0x8100, 0x88a8, 0x9100};
	for (int version = 4; version <= 6; version += 2) {
		uint16_t inside = version == 4 ? 0x0800 : 0x86dd;
		for (int outer = 0; outer < 3; outer++) {
			for (int inner = 0; inner < 3; inner++) {
				const uint16_t types[] = {kinds[outer], kinds[inner], inside};
				frame_message(&f, version, TEXT);
				memmove(f.bytes, f.bytes + 14, f.len -= 14);
				frame_ethernet(&f, types, 3);
				assert_ready(&f, TEXT);
			}
			frame_message(&f, version, TEXT);
			memmove(f.bytes, f.bytes + 14, f.len -= 14);
			frame_ethernet(&f, (uint16_t[]){kinds[outer], inside}, 2);
			assert_ready(&f, TEXT);
		}
	}
}

static void a_third_tag_is_another_protocol(void **state)
{
	(void)state;
	frame_message(&f, 4, TEXT);
	memmove(f.bytes, f.bytes + 14, f.len -= 14);
	frame_ethernet(&f, (uint16_t[]){0x88a8, 0x8100, 0x8100, 0x0800}, 4);
	assert_dropped(&f, DROP_other_ethertype);
}

static void what_is_no_ip_is_dropped_by_its_kind(void **state)
{
	(void)state;
	frame_payload(&f, "whatever it is, it is long enough for a header", 46);
	frame_ethernet(&f, (uint16_t[]){0x0806}, 1);
	assert_dropped(&f, DROP_arp);
	put16(f.bytes + 12, 0x88cc); // LLDP
	assert_dropped(&f, DROP_other_ethertype);
	put16(f.bytes + 12, 46); // a length: IEEE 802.3
	assert_dropped(&f, DROP_other_ethertype);
	frame_message(&f, 4, TEXT);
	frame_ip_header(&f)[9] = 6;
	frame_ipv4_fix(&f);
	assert_dropped(&f, DROP_not_udp);
	frame_message(&f, 6, TEXT);
	frame_ip_header(&f)[6] = 58;
	assert_dropped(&f, DROP_not_udp);
	frame_ip_header(&f)[6] = 59; // no next header
	assert_dropped(&f, DROP_not_udp);
}

static void takes_ipv4_options(void **state)
{
	(void)state;
	for (uint32_t bytes = 4; bytes <= 40; bytes += 4) {
		frame_payload(&f, TEXT, sizeof(TEXT) - 1);
		frame_udp(&f, 50000, 514);
		frame_ipv4(&f, 17, bytes);
		frame_plain_ethernet(&f);
		frame_udp_checksum(&f);
		assert_ready(&f, TEXT);
	}
}

static void an_ipv4_header_must_fit_and_add_up(void **state)
{
	(void)state;
	frame_message(&f, 4, TEXT);
	frame_ip_header(&f)[0] = 0x55;
	assert_dropped(&f, DROP_bad_ip_header);
	frame_ip_header(&f)[0] = 0x44;
	assert_dropped(&f, DROP_bad_ip_header);
	frame_message(&f, 4, TEXT);
	put16(frame_ip_header(&f) + 2, 19);
	frame_ipv4_fix(&f);
	assert_dropped(&f, DROP_bad_ip_header);
	frame_message(&f, 4, TEXT);
	frame_ip_header(&f)[8]--; // a router that forgot the checksum
	assert_dropped(&f, DROP_bad_ip_checksum);
	frame_message(&f, 4, TEXT);
	put16(frame_ip_header(&f) + 2, f.len - 14 + 1);
	frame_ipv4_fix(&f);
	assert_dropped(&f, DROP_truncated);
}

static void an_ipv6_header_must_fit(void **state)
{
	(void)state;
	frame_message(&f, 6, TEXT);
	frame_ip_header(&f)[0] = 0x40;
	assert_dropped(&f, DROP_bad_ip_header);
	frame_message(&f, 6, TEXT);
	put16(frame_ip_header(&f) + 4, f.len - 54 + 1);
	assert_dropped(&f, DROP_truncated);
	frame_message(&f, 6, TEXT);
	put16(frame_ip_header(&f) + 4, 0);
	assert_dropped(&f, DROP_bad_udp_length);
}

// UDP behind these headers, each of 8 bytes or as AH has it.
static void message_behind(const uint8_t *headers, int n)
{
	frame_payload(&f, TEXT, sizeof(TEXT) - 1);
	frame_udp(&f, 50000, 514);
	uint8_t next = 17;
	for (int i = n - 1; i >= 0; i--) {
		if (headers[i] == 51)
			frame_prepend(&f, (uint8_t[24]){next, 4}, 24);
		else if (headers[i] == 44)
			frame_fragment_header(&f, next, 0, false);
		else
			frame_extension(&f, next, 16);
		next = headers[i];
	}
	frame_ipv6(&f, next);
	frame_plain_ethernet(&f);
	frame_udp_checksum(&f);
}

static void takes_ipv6_extension_headers(void **state)
{
	(void)state;
	static const uint8_t headers[] = {0, 60, 43, 44, 51, 60};
	for (int first = 0; first < 6; first++)
		for (int n = 1; n <= 6 - first; n++) {
			message_behind(headers + first, n);
			assert_ready(&f, TEXT);
		}
}

static void a_chain_of_extension_headers_has_an_end(void **state)
{
	(void)state;
	static const uint8_t headers[] = {60, 60, 60, 60, 60, 60, 60, 60, 60};
	message_behind(headers, 8);
	assert_ready(&f, TEXT);
	message_behind(headers, 9);
	assert_dropped(&f, DROP_bad_ip_header);
	message_behind((uint8_t[]){60, 0}, 2); // hop-by-hop options come first or not at all
	assert_dropped(&f, DROP_bad_ip_header);
	message_behind((uint8_t[]){60}, 1);
	frame_ip_header(&f)[41] = 255; // longer than the packet
	assert_dropped(&f, DROP_bad_ip_header);
	message_behind((uint8_t[]){60}, 1);
	frame_ip_header(&f)[40] = 50; // ESP
	assert_dropped(&f, DROP_not_udp);
	for (uint32_t len = 0; len < 8; len++) { // less than a header before the packet ends
		frame_payload(&f, "\x11\0\0\0\0\0\0", len);
		frame_ipv6(&f, 60);
		frame_plain_ethernet(&f);
		assert_dropped(&f, DROP_bad_ip_header);
	}
}

static void only_syslog_ports_are_taken(void **state)
{
	(void)state;
	frame_message(&f, 4, TEXT);
	put16(frame_udp_header(&f) + 2, 515);
	frame_udp_checksum(&f);
	assert_dropped(&f, DROP_other_port);
	put16(frame_udp_header(&f) + 2, 5514);
	frame_udp_checksum(&f);
	struct counters c = {0};
	struct datagram out;
	struct rte_mbuf *mbuf = frame_mbuf(&f, 0);
	assert_int_equal(datagram_read(NULL, &c, &options, mbuf, 0, &out), DATAGRAM_READY);
	assert_int_equal(out.destination_port, 5514);
	put16((uint8_t *)mbuf->buf_addr + 36, 9);
	put16((uint8_t *)mbuf->buf_addr + 40, 0);
	const struct datagram_options any = {.n_ports = 0};
	assert_int_equal(datagram_read(NULL, &c, &any, mbuf, 0, &out), DATAGRAM_READY);
	assert_int_equal(out.destination_port, 9);
	frame_mbuf_free(mbuf);
}

static void udp_length_bounds_the_payload(void **state)
{
	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		frame_message(&f, version, TEXT);
		put16(frame_udp_header(&f) + 4, 8 + 5);
		frame_udp_checksum(&f);
		assert_ready(&f, "<166>");
		put16(frame_udp_header(&f) + 4, 7);
		assert_dropped(&f, DROP_bad_udp_length);
		put16(frame_udp_header(&f) + 4, 0);
		assert_dropped(&f, DROP_bad_udp_length);
		put16(frame_udp_header(&f) + 4, sizeof(TEXT) - 1 + 8 + 1);
		assert_dropped(&f, DROP_bad_udp_length);
	}
}

static void padding_of_the_link_is_no_payload(void **state)
{
	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		frame_message(&f, version, "<1>x");
		memset(f.bytes + f.len, 0, 20);
		f.len += 20;
		f.below_udp += 20;
		f.below_ip += 20;
		assert_ready(&f, "<1>x");
		put16(frame_udp_header(&f) + 4, 8 + 4 + 1); // UDP may not reach into it
		frame_udp_checksum(&f);
		assert_dropped(&f, DROP_bad_udp_length);
	}
}

static void a_wrong_udp_checksum_is_dropped(void **state)
{
	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		frame_message(&f, version, TEXT);
		f.bytes[f.len - 1] ^= 1;
		assert_dropped(&f, DROP_bad_udp_checksum);
		frame_message(&f, version, TEXT "!"); // an odd length
		assert_ready(&f, TEXT "!");
		f.bytes[f.len - 1] ^= 1;
		assert_dropped(&f, DROP_bad_udp_checksum);
		frame_message(&f, version, TEXT);
		frame_ip_header(&f)[version == 4 ? 15 : 23] ^= 1; // covers the addresses
		if (version == 4)
			frame_ipv4_fix(&f);
		assert_dropped(&f, DROP_bad_udp_checksum);
	}
}

static void no_checksum_is_for_ipv4_only(void **state)
{
	(void)state;
	frame_message(&f, 4, TEXT);
	put16(frame_udp_header(&f) + 6, 0);
	assert_ready(&f, TEXT);
	assert_ready_with(&f, TEXT, RTE_MBUF_F_RX_L4_CKSUM_BAD); // some NICs say so of none
	frame_message(&f, 6, TEXT);
	put16(frame_udp_header(&f) + 6, 0);
	assert_dropped(&f, DROP_bad_udp_checksum);
	assert_dropped_with(&f, DROP_bad_udp_checksum, RTE_MBUF_F_RX_L4_CKSUM_GOOD);
}

static void a_checksum_that_sums_to_zero_is_sent_as_ones(void **state)
{
	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		frame_message(&f, version, TEXT);
		uint8_t *source_port = frame_udp_header(&f);
		put16(source_port, 0);
		frame_udp_checksum(&f);
		// With the complement of the sum in it, all sums to ones.
		put16(source_port, get16(frame_udp_header(&f) + 6));
		frame_udp_checksum(&f);
		assert_int_equal(get16(frame_udp_header(&f) + 6), 0xffff);
		struct counters c = {0};
		struct datagram out;
		struct rte_mbuf *mbuf = frame_mbuf(&f, 0);
		assert_int_equal(datagram_read(NULL, &c, &options, mbuf, 0, &out), DATAGRAM_READY);
		frame_mbuf_free(mbuf);
	}
}

static void what_the_nic_says_of_checksums_decides(void **state)
{
	(void)state;
	frame_message(&f, 4, TEXT);
	assert_dropped_with(&f, DROP_bad_ip_checksum, RTE_MBUF_F_RX_IP_CKSUM_BAD);
	assert_dropped_with(&f, DROP_bad_udp_checksum,
		RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_BAD);
	f.bytes[f.len - 1] ^= 1;
	put16(frame_ip_header(&f) + 10, 0x1111);
	char text[] = TEXT;
	text[sizeof(text) - 2] ^= 1;
	assert_ready_with(&f, text, RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD);
	assert_ready_with(&f, text, RTE_MBUF_F_RX_IP_CKSUM_NONE | RTE_MBUF_F_RX_L4_CKSUM_NONE);
	assert_dropped_with(&f, DROP_bad_udp_checksum, RTE_MBUF_F_RX_IP_CKSUM_GOOD);
}

static void a_local_senders_unfinished_checksum_is_taken_where_it_may_be(void **state)
{
	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		frame_message(&f, version, TEXT);
		uint8_t *udp = frame_udp_header(&f);
		put16(udp + 6, frame_pseudo_sum(&f, 17, get16(udp + 4)));
		assert_dropped(&f, DROP_bad_udp_checksum);
		options.accept_partial_checksum = true;
		assert_ready(&f, TEXT);
		udp[6] ^= 1;
		assert_dropped(&f, DROP_bad_udp_checksum);
		options.accept_partial_checksum = false;
	}
}

static void a_datagram_without_a_message_is_empty(void **state)
{
	(void)state;
	static const char *const blanks[] = {"", " ", "\n", "\r\n", " \r\n\t \n"};
	for (size_t i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++) {
		frame_message(&f, 4, blanks[i]);
		assert_dropped(&f, DROP_empty);
		frame_message(&f, 6, blanks[i]);
		assert_dropped(&f, DROP_empty);
	}
	frame_payload(&f, "\0\0\n\0", 4);
	frame_udp(&f, 50000, 514);
	frame_ipv4(&f, 17, 0);
	frame_plain_ethernet(&f);
	assert_dropped(&f, DROP_empty);
	frame_message(&f, 4, "\n .");
	assert_ready(&f, "\n .");
}

// Every beginning of a frame, in memory that ends where it does.
static void no_byte_is_read_past_the_end(void **state)
{
	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		if (version == 4)
			frame_message(&f, 4, TEXT);
		else
			message_behind((uint8_t[]){0, 60, 43, 44, 51, 60}, 6);
		memmove(f.bytes, f.bytes + 14, f.len -= 14);
		frame_ethernet(&f, (uint16_t[]){0x88a8, 0x8100, version == 4 ? 0x0800 : 0x86dd}, 3);
		uint32_t len = f.len, network = 22;
		for (f.len = 1; f.len < len; f.len++) {
			uint32_t headers = version == 4 ? 20 : 40;
			assert_dropped(
				&f, f.len < network + headers ? DROP_short_frame : DROP_truncated);
		}
		assert_ready(&f, TEXT);
	}
}

// A frame with any bytes changed is counted once, and a payload lies within it.
static void survives_any_change_of_any_byte(void **state)
{
	(void)state;
	srand(2);
	for (int round = 0; round < 200000; round++) {
		if (round % 2)
			message_behind((uint8_t[]){0, 60, 43, 44, 51, 60}, round % 7);
		else
			frame_message(&f, 4, TEXT);
		for (int n = rand() % 4; n >= 0; n--)
			f.bytes[(uint32_t)rand() % RTE_MIN(f.len, 120u)] = (uint8_t)rand();
		f.len -= (uint32_t)rand() % 3 * ((uint32_t)rand() % 40);
		struct counters c = {0};
		struct datagram out;
		struct rte_mbuf *mbuf = frame_mbuf(&f, 0);
		mbuf->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		enum datagram_fate fate = datagram_read(NULL, &c, &options, mbuf, 0, &out);
		assert_ledger(&c, 1);
		if (fate == DATAGRAM_READY) {
			const char *start = mbuf->buf_addr;
			assert_true(out.payload.data >= start);
			assert_true(out.payload.data + out.payload.len <= start + f.len);
		} else {
			assert_int_equal(fate, DATAGRAM_DROPPED);
		}
		frame_mbuf_free(mbuf);
	}
}

static void fragments_and_segments_need_a_reader(void **state)
{
	(void)state;
	frame_message(&f, 4, TEXT);
	put16(frame_ip_header(&f) + 6, 0x2000);
	put16(frame_ip_header(&f) + 2, 20 + 64);
	frame_ipv4_fix(&f);
	assert_dropped(&f, DROP_fragment_invalid);
	message_behind((uint8_t[]){44}, 1);
	frame_ip_header(&f)[43] = 1;
	put16(frame_ip_header(&f) + 4, 8 + 64);
	assert_dropped(&f, DROP_fragment_invalid);
	struct counters c = {0};
	struct datagram out;
	struct rte_mbuf *mbuf = frame_mbuf(&f, 0);
	mbuf->nb_segs = 2;
	assert_int_equal(datagram_read(NULL, &c, &options, mbuf, 0, &out), DATAGRAM_DROPPED);
	assert_int_equal(counter_get(&c.dropped[DROP_truncated]), 1);
	frame_mbuf_free(mbuf);
}

// ---- fragments, with an EAL ----

#define POOL_SIZE 4095
#define FRAGMENTS_MAX 16

static struct rte_mempool *pool;
static struct counters counters;
static struct datagram_reader *reader;
static struct datagram datagram;
static uint64_t n_fed;

// Once, for the first case that needs it: those before run without.
static int start_eal(void)
{
	char error[512];
	if (port_start_offline(error, sizeof(error)) != 0) {
		print_error("%s\n", error);
		return -1;
	}
	pool = rte_pktmbuf_pool_create(
		"test", POOL_SIZE, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	return pool ? 0 : -1;
}

static int make_reader(void **state)
{
	(void)state;
	if (pool == NULL && start_eal() != 0)
		return -1;
	counters = (struct counters){0};
	n_fed = 0;
	reader = datagram_reader_create(&counters);
	return reader ? 0 : -1;
}

// The ledger closes and no mbuf is missing.
static int destroy_reader(void **state)
{
	(void)state;
	datagram_reader_destroy(reader);
	assert_ledger(&counters, n_fed);
	assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE);
	return 0;
}

// The frame in mbufs of the pool, of `segment` bytes each.
static struct rte_mbuf *pooled(const struct frame *frame, uint32_t segment)
{
	struct rte_mbuf *head = NULL;
	for (uint32_t at = 0; at < frame->len; at += segment) {
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
		assert_non_null(mbuf);
		mbuf->l2_len = 99; // whatever its last user left there
		uint32_t len = RTE_MIN(segment, frame->len - at);
		memcpy(rte_pktmbuf_append(mbuf, (uint16_t)len), frame->bytes + at, len);
		if (head == NULL)
			head = mbuf;
		else
			assert_int_equal(rte_pktmbuf_chain(head, mbuf), 0);
	}
	return head;
}

static enum datagram_fate feed_in(const struct frame *frame, uint32_t segment, uint64_t now_ms)
{
	n_fed++;
	return datagram_read(
		reader, &counters, &options, pooled(frame, segment), now_ms, &datagram);
}

static enum datagram_fate feed(const struct frame *frame, uint64_t now_ms)
{
	return feed_in(frame, 2048, now_ms);
}

static uint64_t dropped(enum drop reason)
{
	return counter_get(&counters.dropped[reason]);
}

static void fill_text(char *text, uint32_t len)
{
	static const char start[] = "<134>";
	for (uint32_t i = 0; i < len; i++)
		text[i] = i < 5 ? start[i] : (char)('a' + (i * 7 + i / 26) % 26);
}

static struct frame pieces[FRAGMENTS_MAX];
static char long_text[65536];

// Cut a datagram of `len` bytes into `n` fragments, pieces[0] to pieces[n - 1]. before: bytes of
// IPv4 or IPv6 options in front of each.
static void cut_for(uint16_t port, int version, uint32_t len, int n, uint32_t before)
{
	fill_text(long_text, len);
	frame_payload(&f, long_text, len);
	frame_udp(&f, 50000, port);
	if (version == 4)
		frame_ipv4(&f, 17, before);
	else
		frame_ipv6(&f, 17);
	frame_udp_checksum(&f);
	uint32_t header = version == 4 ? 20 + before : 40, total = len + 8;
	uint32_t step = (total / (uint32_t)n + 7) / 8 * 8;
	for (int i = 0; i < n; i++) {
		struct frame *piece = &pieces[i];
		uint32_t from = step * (uint32_t)i, to = i + 1 < n ? from + step : total;
		assert_true(from < total);
		frame_payload(piece, f.bytes + header + from, to - from);
		if (version == 4) {
			frame_ipv4(piece, 17, before);
			put16(frame_ip_header(piece) + 6, from / 8 | (to < total ? 0x2000 : 0));
			frame_ipv4_fix(piece);
		} else {
			frame_fragment_header(piece, 17, from, to < total);
			if (before)
				frame_extension(piece, 44, before);
			frame_ipv6(piece, before ? 0 : 44);
		}
		frame_plain_ethernet(piece);
	}
}

static void cut(int version, uint32_t len, int n, uint32_t before)
{
	cut_for(514, version, len, n, before);
}

static void assert_joined(uint32_t len, int n)
{
	assert_int_equal(datagram.payload.len, len);
	assert_memory_equal(datagram.payload.data, long_text, len);
	assert_int_equal(datagram.source_port, 50000);
	assert_int_equal(counter_get(&counters.fragments_merged), n - 1);
	assert_int_equal(counter_get(&counters.datagrams), 1);
	assert_ledger(&counters, n_fed);
	datagram_release(&datagram);
}

static void joins_fragments_in_any_order(void **state)
{
	for (int version = 4; version <= 6; version += 2) {
		for (int order = 0; order < 24; order++) {
			cut(version, 3000, 4, 0);
			int left[4] = {0, 1, 2, 3}, digits = order;
			for (int n = 4; n > 0; n--) {
				int pick = digits % n;
				digits /= n;
				assert_int_equal(feed(&pieces[left[pick]], 1000),
					n > 1 ? DATAGRAM_HELD : DATAGRAM_READY);
				memmove(left + pick, left + pick + 1,
					(size_t)(3 - pick) * sizeof(*left));
			}
			assert_joined(3000, 4);
			destroy_reader(state);
			make_reader(state);
		}
	}
}

static void a_held_fragment_is_not_counted_yet(void **state)
{
	(void)state;
	cut(4, 3000, 2, 0);
	assert_int_equal(feed(&pieces[0], 1000), DATAGRAM_HELD);
	assert_ledger(&counters, 0);
}

static void joins_up_to_eight_fragments(void **state)
{
	for (int version = 4; version <= 6; version += 2) {
		for (int n = 2; n <= 8; n++) {
			cut(version, 11000, n, 0);
			for (int i = 0; i < n; i++)
				feed(&pieces[i], 1000 + (uint64_t)i);
			assert_joined(11000, n);
			destroy_reader(state);
			make_reader(state);
		}
	}
}

// As a mirror port sees them: more of them than there is room for take none.
static void fragments_for_other_ports_take_no_room(void **state)
{
	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		cut_for(2049, version, 3000, 3, 0);
		for (int i = 0; i < 400; i++) {
			for (int k = 0; k < 3; k++) {
				if (version == 4) {
					put16(frame_ip_header(&pieces[k]) + 4, (unsigned)i);
					frame_ipv4_fix(&pieces[k]);
				}
				assert_int_equal(feed(&pieces[k], 1000), DATAGRAM_DROPPED);
			}
		}
		assert_int_equal(dropped(DROP_other_port), 1200);
		cut(version, 3000, 3, 0);
		for (int i = 0; i < 3; i++) // of IPv6 with the same identification
			feed(&pieces[i], 1000);
		assert_int_equal(counter_get(&counters.datagrams), 1);
		assert_ledger(&counters, n_fed);
		datagram_release(&datagram);
		destroy_reader(state);
		make_reader(state);
	}
}

static void nine_fragments_are_lost_and_all_counted(void **state)
{
	(void)state;
	cut(4, 9000, 9, 0);
	for (int i = 0; i < 9; i++)
		assert_int_not_equal(feed(&pieces[i], 1000), DATAGRAM_READY);
	datagram_expire_step(reader, 0, true);
	assert_ledger(&counters, 9);
	assert_true(dropped(DROP_fragment_invalid) > 0);
}

static void joins_behind_options(void **state)
{
	for (int version = 4; version <= 6; version += 2) {
		cut(version, 3000, 3, 16);
		for (int i = 2; i >= 0; i--)
			feed(&pieces[i], 1000);
		assert_joined(3000, 3);
		destroy_reader(state);
		make_reader(state);
	}
}

static void padding_of_short_fragments_is_left_out(void **state)
{
	for (int version = 4; version <= 6; version += 2) {
		cut(version, 1480, 2, 0);
		for (int i = 0; i < 2; i++) {
			memset(pieces[i].bytes + pieces[i].len, 'P', 30);
			pieces[i].len += 30;
			feed(&pieces[i], 1000);
		}
		assert_joined(1480, 2);
		destroy_reader(state);
		make_reader(state);
	}
}

static void fragments_may_have_several_segments(void **state)
{
	for (int version = 4; version <= 6; version += 2) {
		cut(version, 9000, 3, 8);
		for (int i = 0; i < 3; i++)
			feed_in(&pieces[i], 700, 1000);
		assert_joined(9000, 3);
		destroy_reader(state);
		make_reader(state);
	}
	cut(4, 3000, 2, 0); // headers in two segments: no NIC does that
	assert_int_equal(feed_in(&pieces[0], 30, 1000), DATAGRAM_DROPPED);
	pieces[1].len += 300; // nor so much padding
	assert_int_equal(feed_in(&pieces[1], 100, 1000), DATAGRAM_DROPPED);
	assert_int_equal(dropped(DROP_fragment_invalid), 2);
}

static void only_the_bytes_of_segments_count(void **state)
{
	(void)state;
	cut(4, 3000, 2, 0);
	for (int i = 0; i < 2; i++) {
		struct rte_mbuf *mbuf = pooled(&pieces[i], 400);
		mbuf->pkt_len += 7000;
		n_fed++;
		datagram_read(reader, &counters, &options, mbuf, 1000, &datagram);
	}
	assert_joined(3000, 2);
}

static void a_question_in_several_segments_is_not_answered(void **state)
{
	(void)state;
	static const uint8_t icmp[64] = {8, 0, 0xf7, 0xff};
	frame_payload(&f, icmp, sizeof(icmp));
	frame_ipv4(&f, 1, 0);
	frame_plain_ethernet(&f);
	struct datagram_options answering = {.n_addresses = 1};
	uint32_t ipv4;
	memcpy(&ipv4, frame_destination4, 4);
	answering.addresses[0] = address_of_ipv4(ipv4);
	memcpy(answering.mac, frame_my_mac, 6);
	for (int in_one = 0; in_one < 2; in_one++) {
		struct rte_mbuf *mbuf = pooled(&f, in_one ? 2048 : 50);
		n_fed++;
		enum datagram_fate fate =
			datagram_read(reader, &counters, &answering, mbuf, 0, &datagram);
		assert_int_equal(fate, in_one ? DATAGRAM_ANSWER : DATAGRAM_DROPPED);
		if (in_one)
			rte_pktmbuf_free(mbuf);
	}
}

static void a_duplicate_costs_the_datagram(void **state)
{
	for (int version = 4; version <= 6; version += 2) {
		for (int twice = 0; twice < 2; twice++) {
			cut(version, 4000, 3, 0);
			for (int i = 0; i < 3; i++) {
				assert_int_not_equal(feed(&pieces[i], 1000), DATAGRAM_READY);
				if (i == twice)
					feed(&pieces[i], 1000);
			}
			datagram_expire_step(reader, 0, true);
			assert_ledger(&counters, 4);
			assert_int_equal(sum_of_drops(&counters), 4);
			destroy_reader(state);
			make_reader(state);
		}
	}
}

static void a_duplicate_that_comes_too_late_costs_only_itself(void **state)
{
	(void)state;
	cut(4, 3000, 2, 0);
	feed(&pieces[0], 1000);
	feed(&pieces[1], 1000);
	assert_joined(3000, 2);
	assert_int_equal(feed(&pieces[1], 1000), DATAGRAM_HELD);
	datagram_expire_step(reader, 0, true);
	assert_int_equal(dropped(DROP_fragment_incomplete), 1);
}

static void overlapping_fragments_never_make_a_datagram(void **state)
{
	(void)state;
	cut(4, 3000, 3, 0);
	uint8_t *ip = frame_ip_header(&pieces[1]);
	put16(ip + 6, get16(ip + 6) - 2); // 16 bytes too early
	frame_ipv4_fix(&pieces[1]);
	for (int i = 0; i < 3; i++)
		assert_int_not_equal(feed(&pieces[i], 1000), DATAGRAM_READY);
	datagram_expire_step(reader, 0, true);
	assert_ledger(&counters, 3);
}

static void malformed_fragments_are_not_kept(void **state)
{
	(void)state;
	cut(4, 3000, 3, 0);
	uint8_t *ip = frame_ip_header(&pieces[0]);
	put16(ip + 2, get16(ip + 2) - 1); // not a multiple of eight, and more to come
	frame_ipv4_fix(&pieces[0]);
	assert_int_equal(feed(&pieces[0], 1000), DATAGRAM_DROPPED);
	put16(ip + 2, 20); // nothing in it
	frame_ipv4_fix(&pieces[0]);
	assert_int_equal(feed(&pieces[0], 1000), DATAGRAM_DROPPED);
	ip = frame_ip_header(&pieces[2]);
	put16(ip + 6, 0x1fff); // ends past 64 KiB
	frame_ipv4_fix(&pieces[2]);
	assert_int_equal(feed(&pieces[2], 1000), DATAGRAM_DROPPED);
	assert_int_equal(dropped(DROP_fragment_invalid), 3);
	frame_ip_header(&pieces[1])[9] = 1; // of ICMP
	frame_ipv4_fix(&pieces[1]);
	assert_int_equal(feed(&pieces[1], 1000), DATAGRAM_DROPPED);
	assert_int_equal(dropped(DROP_not_udp), 1);
}

static void fragments_within_a_reassembled_datagram_are_refused(void **state)
{
	(void)state;
	// What is cut begins with a fragment header, again of a fragment.
	cut(6, 3000, 2, 0);
	for (int i = 0; i < 2; i++)
		frame_ip_header(&pieces[i])[40] = 44;
	frame_ip_header(&pieces[0])[48] = 17;
	put16(frame_ip_header(&pieces[0]) + 50, 8 | 1);
	feed(&pieces[0], 1000);
	assert_int_equal(feed(&pieces[1], 1000), DATAGRAM_DROPPED);
	assert_int_equal(dropped(DROP_fragment_invalid), 1);
	assert_int_equal(counter_get(&counters.fragments_merged), 1);
}

static void incomplete_fragments_expire_after_two_seconds(void **state)
{
	(void)state;
	cut(4, 3000, 3, 0);
	feed(&pieces[0], 1000);
	feed(&pieces[1], 1500);
	datagram_expire_step(reader, 3000, false);
	assert_int_equal(dropped(DROP_fragment_incomplete), 0);
	datagram_expire_step(reader, 3001, false);
	assert_int_equal(dropped(DROP_fragment_incomplete), 2);
	assert_int_equal(feed(&pieces[2], 3002), DATAGRAM_HELD); // late: now it waits alone
	datagram_expire_step(reader, 3003, true);
	assert_int_equal(dropped(DROP_fragment_incomplete), 3);
	assert_ledger(&counters, 3);
}

static void a_late_fragment_buries_its_predecessors(void **state)
{
	(void)state;
	cut(4, 3000, 2, 0);
	feed(&pieces[0], 1000);
	assert_int_equal(feed(&pieces[1], 9000), DATAGRAM_HELD); // without an expire step between
	assert_int_equal(dropped(DROP_fragment_incomplete), 1);
}

static void a_joined_datagram_may_still_be_dropped(void **state)
{
	(void)state;
	cut(4, 3000, 3, 0);
	pieces[1].bytes[200] ^= 1;
	for (int i = 0; i < 3; i++)
		feed(&pieces[i], 1000);
	assert_int_equal(dropped(DROP_bad_udp_checksum), 1);
	assert_int_equal(counter_get(&counters.fragments_merged), 2);
	assert_ledger(&counters, 3);
}

static void checksum_flags_of_fragments_mean_nothing(void **state)
{
	(void)state;
	cut(4, 3000, 2, 0);
	for (int i = 0; i < 2; i++) {
		struct rte_mbuf *mbuf = pooled(&pieces[i], 2048);
		mbuf->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_BAD;
		n_fed++;
		datagram_read(reader, &counters, &options, mbuf, 1000, &datagram);
	}
	assert_joined(3000, 2);
}

static void a_flood_of_fragments_is_bounded(void **state)
{
	(void)state;
	cut(4, 3000, 2, 0);
	for (uint32_t i = 0; i < 3000; i++) {
		put16(frame_ip_header(&pieces[0]) + 4, i);
		frame_ipv4_fix(&pieces[0]);
		feed(&pieces[0], 1000);
		assert_true(rte_mempool_in_use_count(pool) <= DATAGRAM_HELD_MAX);
	}
	assert_true(dropped(DROP_fragment_invalid) > 2000);
	cut(6, 4000, 2, 0); // segments count, not fragments
	for (uint32_t i = 0; i < 300; i++) {
		pieces[0].bytes[14 + 40 + 4] = (uint8_t)(i >> 8);
		pieces[0].bytes[14 + 40 + 5] = (uint8_t)i;
		feed_in(&pieces[0], 64, 9000);
		assert_true(rte_mempool_in_use_count(pool) <= DATAGRAM_HELD_MAX);
	}
}

static void frames_of_several_segments_are_made_whole(void **state)
{
	(void)state;
	struct datagram held[DATAGRAM_BATCH_MAX / 16];
	for (uint32_t i = 0; i < RTE_DIM(held); i++) {
		fill_text(long_text, 8000);
		snprintf(long_text, 16, "<134>%u", i);
		frame_payload(&f, long_text, 8000);
		frame_udp(&f, 50000, 514);
		frame_ipv4(&f, 17, 0);
		frame_plain_ethernet(&f);
		frame_udp_checksum(&f);
		assert_int_equal(feed_in(&f, i ? 100 * i : 30, 0), DATAGRAM_READY);
		held[i] = datagram;
	}
	for (uint32_t i = 0; i < RTE_DIM(held); i++) { // none has overwritten another
		fill_text(long_text, 8000);
		snprintf(long_text, 16, "<134>%u", i);
		assert_int_equal(held[i].payload.len, 8000);
		assert_memory_equal(held[i].payload.data, long_text, 8000);
		datagram_release(&held[i]);
	}
}

static void the_longest_datagram_is_taken_whole(void **state)
{
	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		uint32_t len = 65535 - 8 - (version == 4 ? 20 : 0);
		fill_text(long_text, len);
		frame_payload(&f, long_text, len);
		frame_udp(&f, 50000, 514);
		if (version == 4)
			frame_ipv4(&f, 17, 0);
		else
			frame_ipv6(&f, 17);
		frame_ethernet(&f, (uint16_t[]){0x88a8, 0x8100, version == 4 ? 0x0800 : 0x86dd}, 3);
		frame_udp_checksum(&f);
		memset(f.bytes + f.len, 'P', 3000); // and more than it can be
		f.len += 3000;
		assert_int_equal(feed(&f, 0), DATAGRAM_READY);
		assert_int_equal(datagram.payload.len, len);
		assert_memory_equal(datagram.payload.data, long_text, len);
		datagram_release(&datagram);
	}
}

static void a_frame_that_claims_more_than_it_holds_is_truncated(void **state)
{
	(void)state;
	frame_message(&f, 4, TEXT);
	put16(frame_ip_header(&f) + 2, 5000);
	frame_ipv4_fix(&f);
	struct rte_mbuf *mbuf = pooled(&f, 64);
	mbuf->pkt_len = 70000;
	n_fed++;
	assert_int_equal(
		datagram_read(reader, &counters, &options, mbuf, 0, &datagram), DATAGRAM_DROPPED);
	assert_int_equal(dropped(DROP_truncated), 1);
}

// Any fragments of several datagrams, lost, doubled, changed, in any order at any time: whatever
// comes of it, destroy_reader() sees that each is counted once and every mbuf is back.
static void the_ledger_holds_whatever_comes(void **state)
{
	(void)state;
	srand(3);
	uint64_t now_ms = 1000;
	for (int round = 0; round < 3000; round++) {
		int n = 2 + rand() % 9;
		cut(rand() % 2 ? 4 : 6, 1000 + (uint32_t)rand() % 8000, n, rand() % 2 ? 16 : 0);
		for (int i = 0; i < n + 2; i++) {
			struct frame *piece = &pieces[rand() % n];
			if (rand() % 8 == 0)
				piece->bytes[14 + rand() % 60] ^= (uint8_t)(1 << rand() % 8);
			if (frame_ip_header(piece)[0] >> 4 == 4)
				frame_ipv4_fix(piece);
			if (feed_in(piece, rand() % 3 ? 2048 : 300, now_ms) == DATAGRAM_READY)
				datagram_release(&datagram);
			now_ms += (uint64_t)(rand() % 100 == 0) * 2500;
		}
		if (rand() % 4 == 0)
			datagram_expire_step(reader, now_ms, false);
	}
}

#define WITH_READER(test) cmocka_unit_test_setup_teardown(test, make_reader, destroy_reader)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_udp_over_ipv4_and_ipv6),
		cmocka_unit_test(takes_up_to_two_tags_of_any_kind),
		cmocka_unit_test(a_third_tag_is_another_protocol),
		cmocka_unit_test(what_is_no_ip_is_dropped_by_its_kind),
		cmocka_unit_test(takes_ipv4_options),
		cmocka_unit_test(an_ipv4_header_must_fit_and_add_up),
		cmocka_unit_test(an_ipv6_header_must_fit),
		cmocka_unit_test(takes_ipv6_extension_headers),
		cmocka_unit_test(a_chain_of_extension_headers_has_an_end),
		cmocka_unit_test(only_syslog_ports_are_taken),
		cmocka_unit_test(udp_length_bounds_the_payload),
		cmocka_unit_test(padding_of_the_link_is_no_payload),
		cmocka_unit_test(a_wrong_udp_checksum_is_dropped),
		cmocka_unit_test(no_checksum_is_for_ipv4_only),
		cmocka_unit_test(a_checksum_that_sums_to_zero_is_sent_as_ones),
		cmocka_unit_test(what_the_nic_says_of_checksums_decides),
		cmocka_unit_test(a_local_senders_unfinished_checksum_is_taken_where_it_may_be),
		cmocka_unit_test(a_datagram_without_a_message_is_empty),
		cmocka_unit_test(no_byte_is_read_past_the_end),
		cmocka_unit_test(survives_any_change_of_any_byte),
		cmocka_unit_test(fragments_and_segments_need_a_reader),
		WITH_READER(joins_fragments_in_any_order),
		WITH_READER(a_held_fragment_is_not_counted_yet),
		WITH_READER(joins_up_to_eight_fragments),
		WITH_READER(fragments_for_other_ports_take_no_room),
		WITH_READER(nine_fragments_are_lost_and_all_counted),
		WITH_READER(joins_behind_options),
		WITH_READER(padding_of_short_fragments_is_left_out),
		WITH_READER(fragments_may_have_several_segments),
		WITH_READER(only_the_bytes_of_segments_count),
		WITH_READER(a_question_in_several_segments_is_not_answered),
		WITH_READER(a_duplicate_costs_the_datagram),
		WITH_READER(a_duplicate_that_comes_too_late_costs_only_itself),
		WITH_READER(overlapping_fragments_never_make_a_datagram),
		WITH_READER(malformed_fragments_are_not_kept),
		WITH_READER(fragments_within_a_reassembled_datagram_are_refused),
		WITH_READER(incomplete_fragments_expire_after_two_seconds),
		WITH_READER(a_late_fragment_buries_its_predecessors),
		WITH_READER(a_joined_datagram_may_still_be_dropped),
		WITH_READER(checksum_flags_of_fragments_mean_nothing),
		WITH_READER(a_flood_of_fragments_is_bounded),
		WITH_READER(frames_of_several_segments_are_made_whole),
		WITH_READER(the_longest_datagram_is_taken_whole),
		WITH_READER(a_frame_that_claims_more_than_it_holds_is_truncated),
		WITH_READER(the_ledger_holds_whatever_comes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
