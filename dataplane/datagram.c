// SPDX-License-Identifier: BSD-3-Clause
// datagram: takes a frame apart down to its UDP payload, or says why it has none.
//
// Runs in the worker's loop, once a frame: gathers its segments, has layers take Ethernet and IP
// apart, joins fragments, reads UDP, and counts the frame once, whatever becomes of it.
#include "datagram.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_ip_frag.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "checksum.h"
#include "layers.h"
#include "neighbour.h"

#define FRAGMENTS_MAX_AGE_MS 2000
#define FRAGMENTS_DATAGRAMS_MAX 256 // under way at once
// Two hashed buckets of 8 for each of 128: 2,048 places, 8 times what may be used.
#define FRAGMENTS_BUCKETS 128
#define FRAGMENTS_BUCKET_ENTRIES 8
#define FOREIGN_MAX 256 // power of two

// A datagram whose first fragment was for nobody's port: the rest of it finds no room taken.
struct foreign {
	uint64_t hash; // of addresses and identification; 0: none
	uint64_t until_ms;
};

struct datagram_reader {
	// this worker only
	struct rte_ip_frag_tbl *fragments;
	struct rte_ip_frag_death_row dead;   // empty between calls
	uint32_t n_held;		     // mbufs in `fragments`
	struct foreign foreign[FOREIGN_MAX]; // by the hash, the newest
	struct counters *counters;

	// A slot for each frame of several segments, used in turn: DATAGRAM_BATCH_MAX later the
	// datagram that it held was released. 256 x 65,597 B = 16 MiB, of which only the pages that
	// such frames ever touched are backed by memory.
	uint8_t (*scratch)[FRAME_MAX];
	uint32_t next_slot;
};

// A frame that comes from no pool belongs to the caller.
static void frame_free(struct rte_mbuf *frame)
{
	if (frame->pool != NULL)
		rte_pktmbuf_free(frame);
}

// The bytes of all segments in one piece. The segments' own lengths count: net_pcap makes frames of
// more than 64 KiB whose pkt_len is more than they hold.
static enum drop gather(
	struct layers *layers, struct datagram_reader *reader, struct rte_mbuf *frame)
{
	*layers = (struct layers){.offloads = frame->ol_flags};
	if (frame->nb_segs == 1) {
		layers->frame = rte_pktmbuf_mtod(frame, const uint8_t *);
		layers->end = frame->data_len;
		return NO_DROP;
	}
	if (reader == NULL)
		return DROP_truncated;
	uint8_t *slot = reader->scratch[reader->next_slot];
	uint32_t total = 0;
	for (const struct rte_mbuf *segment = frame; segment != NULL; segment = segment->next) {
		uint32_t len = RTE_MIN(segment->data_len, FRAME_MAX - layers->end);
		memcpy(slot + layers->end, rte_pktmbuf_mtod(segment, const uint8_t *), len);
		layers->end += len;
		total += segment->data_len;
	}
	frame->pkt_len = total;
	layers->frame = slot;
	return NO_DROP;
}

// ---- fragments ----

// The library keeps fragments as they came and frees them without a word of how many they were.
// So the first segment of each carries a mark and the others do not: l2_len, which it needs anyway.
static bool is_fragment_start(const struct rte_mbuf *segment)
{
	return segment->l2_len != 0;
}

static uint32_t count_fragments(const struct rte_mbuf *segment)
{
	uint32_t n = 0;
	for (; segment != NULL; segment = segment->next)
		n += is_fragment_start(segment);
	return n;
}

// The library wants the IPv6 fragment header right behind the IPv6 header. What stands between them
// (hop-by-hop options, routing) has done its work: push the headers before it over it.
static void fragment_skip_options(struct layers *layers, struct rte_mbuf *frame)
{
	uint32_t headers = layers->network + sizeof(struct rte_ipv6_hdr);
	uint32_t options = layers->fragment_header - headers;
	if (options == 0)
		return;
	uint8_t *start = rte_pktmbuf_mtod(frame, uint8_t *);
	memmove(start + options, start, headers);
	rte_pktmbuf_adj(frame, (uint16_t)options);
	struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(frame, void *, layers->network);
	ip->proto = IPPROTO_FRAGMENT;
	ip->payload_len = rte_cpu_to_be_16(rte_be_to_cpu_16(ip->payload_len) - options);
	layers->at -= options;
	layers->end -= options;
	layers->fragment_header -= options;
}

// Make a frame what the library takes for granted. false: nothing that a NIC delivers.
static bool fragment_prepare(struct layers *layers, struct rte_mbuf *frame)
{
	if (frame->nb_segs == 1)
		frame->pkt_len = frame->data_len;
	uint32_t padding = frame->pkt_len - layers->end;
	if (layers->at > frame->data_len || padding > UINT16_MAX ||
		rte_pktmbuf_trim(frame, (uint16_t)padding) != 0)
		return false;
	if (layers->ethertype == RTE_ETHER_TYPE_IPV6)
		fragment_skip_options(layers, frame);
	for (struct rte_mbuf *segment = frame->next; segment != NULL; segment = segment->next)
		segment->tx_offload = 0;
	frame->tx_offload = 0;
	frame->l2_len = layers->network;
	frame->l3_len = layers->at - layers->network;
	return true;
}

static bool port_is_wanted(const struct datagram_options *options, uint16_t port)
{
	for (uint8_t i = 0; i < options->n_ports; i++)
		if (options->ports[i] == port)
			return true;
	return options->n_ports == 0;
}

static uint64_t hash_of_fragment(const struct layers *layers)
{
	const uint8_t *ip = layers->frame + layers->network;
	if (layers->ethertype == RTE_ETHER_TYPE_IPV4) {
		const struct rte_ipv4_hdr *four = (const void *)ip;
		return XXH3_64bits_withSeed(&four->src_addr, 8, four->packet_id) | 1;
	}
	uint32_t id;
	memcpy(&id, layers->frame + layers->fragment_header + 4, sizeof(id));
	return XXH3_64bits_withSeed(ip + offsetof(struct rte_ipv6_hdr, src_addr), 32, id) | 1;
}

static bool is_first_fragment(const struct layers *layers)
{
	const uint8_t *ip = layers->frame + layers->network;
	const uint8_t *bits = layers->ethertype == RTE_ETHER_TYPE_IPV4
				      ? ip + offsetof(struct rte_ipv4_hdr, fragment_offset)
				      : layers->frame + layers->fragment_header + 2;
	uint16_t mask = layers->ethertype == RTE_ETHER_TYPE_IPV4 ? RTE_IPV4_HDR_OFFSET_MASK
								 : RTE_IPV6_EHDR_FO_MASK;
	return ((bits[0] << 8 | bits[1]) & mask) == 0;
}

// Only the first fragment tells the port.
static bool is_foreign(struct datagram_reader *reader, const struct datagram_options *options,
	const struct layers *layers, uint64_t now_ms)
{
	uint64_t hash = hash_of_fragment(layers);
	struct foreign *foreign = &reader->foreign[hash >> 1 & (FOREIGN_MAX - 1)];
	if (!is_first_fragment(layers))
		return foreign->hash == hash && now_ms < foreign->until_ms;
	if (layers->protocol != IPPROTO_UDP ||
		layers->end - layers->at < sizeof(struct rte_udp_hdr))
		return false;
	const struct rte_udp_hdr *udp = (const void *)(layers->frame + layers->at);
	bool wanted = port_is_wanted(options, rte_be_to_cpu_16(udp->dst_port));
	if (!wanted)
		*foreign = (struct foreign){hash, now_ms + FRAGMENTS_MAX_AGE_MS};
	else if (foreign->hash == hash)
		*foreign = (struct foreign){0};
	return !wanted;
}

// Count and free what the library gave up: all the fragments of a datagram that `frame` spoiled, or
// that of one which was too old. Returns whether `frame` is among them.
static bool fragments_bury(
	struct datagram_reader *reader, struct counters *counters, const struct rte_mbuf *frame)
{
	uint32_t fragments = 0;
	bool is_spoiled = false;
	for (uint32_t i = 0; i < reader->dead.cnt; i++) {
		struct rte_mbuf *dead = reader->dead.row[i];
		fragments += count_fragments(dead);
		for (const struct rte_mbuf *segment = dead; segment != NULL;
			segment = segment->next) {
			is_spoiled |= segment == frame;
			reader->n_held--;
		}
		rte_pktmbuf_free(dead);
	}
	reader->dead.cnt = 0;
	for (; fragments > 0; fragments--)
		counters_drop(
			counters, is_spoiled ? DROP_fragment_invalid : DROP_fragment_incomplete);
	return is_spoiled;
}

// The datagram's frame when this fragment was its last, else NULL with *fate set.
static struct rte_mbuf *fragments_join(struct datagram_reader *reader, struct counters *counters,
	const struct datagram_options *options, struct layers *layers, struct rte_mbuf *frame,
	uint64_t now_ms, enum datagram_fate *fate)
{
	*fate = DATAGRAM_DROPPED;
	if (reader && is_foreign(reader, options, layers, now_ms)) {
		counters_drop(counters, DROP_other_port);
		frame_free(frame);
		return NULL;
	}
	if (reader == NULL || reader->n_held + frame->nb_segs > DATAGRAM_HELD_MAX ||
		!fragment_prepare(layers, frame)) {
		counters_drop(counters, DROP_fragment_invalid);
		frame_free(frame);
		return NULL;
	}
	reader->n_held += frame->nb_segs;
	void *ip = rte_pktmbuf_mtod_offset(frame, void *, layers->network);
	struct rte_mbuf *whole;
	if (layers->ethertype == RTE_ETHER_TYPE_IPV4)
		whole = rte_ipv4_frag_reassemble_packet(
			reader->fragments, &reader->dead, frame, now_ms, ip);
	else
		whole = rte_ipv6_frag_reassemble_packet(reader->fragments, &reader->dead, frame,
			now_ms, ip,
			rte_pktmbuf_mtod_offset(frame, void *, layers->fragment_header));
	bool is_spoiled = fragments_bury(reader, counters, frame);
	if (whole == NULL) {
		*fate = is_spoiled ? DATAGRAM_DROPPED : DATAGRAM_HELD;
		return NULL;
	}
	reader->n_held -= whole->nb_segs;
	// From here on it is one packet; the others have met their fate.
	uint32_t merged = count_fragments(whole) - 1;
	counter_add(&counters->packets, merged);
	counter_add(&counters->fragments_merged, merged);
	return whole;
}

// ---- UDP ----

// Of addresses, protocol and length, which the UDP checksum covers too (RFC 768, RFC 8200 8.1).
static uint64_t pseudo_header_sum(const struct layers *layers, uint16_t udp_length)
{
	const uint8_t *ip = layers->frame + layers->network;
	const rte_be16_t rest[2] = {rte_cpu_to_be_16(IPPROTO_UDP), udp_length};
	uint64_t sum = checksum_add(0, rest, sizeof(rest));
	if (layers->ethertype == RTE_ETHER_TYPE_IPV4)
		return checksum_add(sum, ip + offsetof(struct rte_ipv4_hdr, src_addr), 8);
	return checksum_add(sum, ip + offsetof(struct rte_ipv6_hdr, src_addr), 32);
}

static bool udp_checksum_is_right(
	const struct layers *layers, const struct rte_udp_hdr *udp, bool accept_partial)
{
	if (udp->dgram_cksum == 0) // none was made, which only IPv4 allows
		return layers->ethertype == RTE_ETHER_TYPE_IPV4;
	uint64_t verdict = layers->offloads & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	if (verdict != RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN && !layers->is_reassembled)
		return verdict != RTE_MBUF_F_RX_L4_CKSUM_BAD;
	uint64_t pseudo = pseudo_header_sum(layers, udp->dgram_len);
	uint64_t sum = checksum_add(pseudo, udp, rte_be_to_cpu_16(udp->dgram_len));
	if (checksum_fold(sum) == 0xffff)
		return true;
	return accept_partial && checksum_fold(pseudo) == udp->dgram_cksum;
}

// Nothing that message_next() would make a message of.
static bool is_blank(struct slice payload)
{
	for (uint32_t i = 0; i < payload.len; i++) {
		char c = payload.data[i];
		if (c != '\0' && c != '\r' && c != '\n' && c != ' ' && c != '\t')
			return false;
	}
	return true;
}

static void read_addresses(const struct layers *layers, struct datagram *out)
{
	const void *header = layers->frame + layers->network;
	if (layers->ethertype == RTE_ETHER_TYPE_IPV4) {
		const struct rte_ipv4_hdr *ip = header;
		out->source = address_of_ipv4(ip->src_addr);
		out->destination = address_of_ipv4(ip->dst_addr);
	} else {
		const struct rte_ipv6_hdr *ip = header;
		memcpy(out->source.bytes, ip->src_addr, sizeof(out->source.bytes));
		memcpy(out->destination.bytes, ip->dst_addr, sizeof(out->destination.bytes));
	}
}

static enum drop read_udp(
	const struct layers *layers, const struct datagram_options *options, struct datagram *out)
{
	uint32_t room = layers->end - layers->at;
	if (room < sizeof(struct rte_udp_hdr))
		return DROP_bad_udp_length;
	const struct rte_udp_hdr *udp = (const void *)(layers->frame + layers->at);
	if (!port_is_wanted(options, rte_be_to_cpu_16(udp->dst_port)))
		return DROP_other_port;
	uint32_t length = rte_be_to_cpu_16(udp->dgram_len);
	if (length < sizeof(*udp) || length > room)
		return DROP_bad_udp_length;
	if (!udp_checksum_is_right(layers, udp, options->accept_partial_checksum))
		return DROP_bad_udp_checksum;
	out->payload = (struct slice){(const char *)(udp + 1), length - (uint32_t)sizeof(*udp)};
	if (is_blank(out->payload))
		return DROP_empty;
	out->source_port = rte_be_to_cpu_16(udp->src_port);
	out->destination_port = rte_be_to_cpu_16(udp->dst_port);
	read_addresses(layers, out);
	return NO_DROP;
}

// ---- the frame as a whole ----

static void keep_slot(struct datagram_reader *reader, const struct rte_mbuf *frame)
{
	if (frame->nb_segs > 1)
		reader->next_slot = (reader->next_slot + 1) % DATAGRAM_BATCH_MAX;
}

// What a station asks that wants to reach this port.
static bool is_answered(const struct datagram_options *options, enum drop reason,
	const struct layers *layers, struct rte_mbuf *frame)
{
	if (options->n_addresses == 0 || (reason != DROP_arp && reason != DROP_not_udp))
		return false;
	return frame->nb_segs == 1 &&
	       neighbour_answer(options, frame, layers->network, layers->end);
}

enum datagram_fate datagram_read(struct datagram_reader *reader, struct counters *counters,
	const struct datagram_options *options, struct rte_mbuf *frame, uint64_t now_ms,
	struct datagram *out)
{
	struct layers layers;
	enum drop reason = gather(&layers, reader, frame);
	if (reason == NO_DROP)
		reason = layers_parse(&layers);
	if (reason == NO_DROP && layers.is_fragment) {
		enum datagram_fate fate;
		frame = fragments_join(reader, counters, options, &layers, frame, now_ms, &fate);
		if (frame == NULL)
			return fate;
		reason = gather(&layers, reader, frame);
		layers.is_reassembled = true;
		if (reason == NO_DROP)
			reason = layers_parse(&layers);
	}
	if (reason == NO_DROP)
		reason = read_udp(&layers, options, out);
	if (reason == NO_DROP) {
		keep_slot(reader, frame);
		out->frame = frame;
		counter_add(&counters->packets, 1);
		counter_add(&counters->datagrams, 1);
		return DATAGRAM_READY;
	}
	if (is_answered(options, reason, &layers, frame)) {
		counters_drop(counters, DROP_answered);
		return DATAGRAM_ANSWER;
	}
	counters_drop(counters, reason);
	frame_free(frame);
	return DATAGRAM_DROPPED;
}

void datagram_release(struct datagram *datagram)
{
	frame_free(datagram->frame);
	datagram->frame = NULL;
}

// ---- life ----

struct datagram_reader *datagram_reader_create(struct counters *counters)
{
	struct datagram_reader *reader = calloc(1, sizeof(*reader));
	if (reader == NULL)
		return NULL;
	reader->counters = counters;
	reader->scratch = malloc(DATAGRAM_BATCH_MAX * sizeof(*reader->scratch));
	// The library only compares times, so they may as well be milliseconds.
	reader->fragments = rte_ip_frag_table_create(FRAGMENTS_BUCKETS, FRAGMENTS_BUCKET_ENTRIES,
		FRAGMENTS_DATAGRAMS_MAX, FRAGMENTS_MAX_AGE_MS, (int)rte_socket_id());
	if (reader->scratch == NULL || reader->fragments == NULL) {
		datagram_reader_destroy(reader);
		return NULL;
	}
	return reader;
}

void datagram_reader_destroy(struct datagram_reader *reader)
{
	if (reader == NULL)
		return;
	if (reader->fragments != NULL) {
		datagram_expire_step(reader, 0, true);
		rte_ip_frag_table_destroy(reader->fragments);
	}
	free(reader->scratch);
	free(reader);
}

void datagram_expire_step(struct datagram_reader *reader, uint64_t now_ms, bool all)
{
	uint32_t before;
	if (reader->n_held == 0)
		return;
	do { // as many at a time as the death row holds: 288 mbufs
		before = reader->n_held;
		rte_ip_frag_table_del_expired_entries(
			reader->fragments, &reader->dead, all ? UINT64_MAX : now_ms);
		fragments_bury(reader, reader->counters, NULL);
	} while (all && reader->n_held < before);
	assert(!all || reader->n_held == 0);
}
