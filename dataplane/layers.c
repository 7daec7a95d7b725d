// SPDX-License-Identifier: BSD-3-Clause
// layers: Ethernet with up to two VLAN tags, IPv4 with options, IPv6 with extension headers.
//
// Every length that the frame states is held against what is there, from the outside in. Nothing is
// believed before that, and nothing is read past the end.
#include "layers.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "checksum.h"

#define VLAN_TAGS_MAX 2
#define ETHERTYPE_QINQ_OLD 0x9100 // before IEEE 802.1ad settled on 0x88a8
#define EXTENSIONS_MAX 8	  // between IPv6 and UDP; honest senders have one or two

static uint16_t read16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static bool is_vlan(uint16_t ethertype)
{
	return ethertype == RTE_ETHER_TYPE_VLAN || ethertype == RTE_ETHER_TYPE_QINQ ||
	       ethertype == ETHERTYPE_QINQ_OLD;
}

// A fragment: its data, which runs to the end of the IP packet, goes to `offset` of the datagram's.
// limit: bytes that one datagram may have after its IP header.
static enum drop parse_fragment(struct layers *layers, uint32_t offset, bool more, uint32_t limit)
{
	uint32_t len = layers->end - layers->at;
	if (layers->is_reassembled || len == 0 || (more && len % 8 != 0) || offset + len > limit)
		return DROP_fragment_invalid;
	layers->is_fragment = true;
	return NO_DROP;
}

static bool ipv4_checksum_is_right(const struct layers *layers, uint32_t header)
{
	if (layers->is_reassembled)
		return true; // of each fragment it was; the library leaves none in what it makes
	uint64_t verdict = layers->offloads & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	if (verdict != RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN)
		return verdict != RTE_MBUF_F_RX_IP_CKSUM_BAD;
	return checksum_fold(checksum_add(0, layers->frame + layers->network, header)) == 0xffff;
}

static enum drop parse_ipv4(struct layers *layers)
{
	uint32_t room = layers->end - layers->network;
	if (room < sizeof(struct rte_ipv4_hdr))
		return DROP_short_frame;
	const struct rte_ipv4_hdr *ip = (const void *)(layers->frame + layers->network);
	uint32_t header = (ip->version_ihl & RTE_IPV4_HDR_IHL_MASK) * RTE_IPV4_IHL_MULTIPLIER;
	uint32_t length = rte_be_to_cpu_16(ip->total_length);
	if (ip->version_ihl >> 4 != 4 || header < sizeof(*ip) || length < header)
		return DROP_bad_ip_header;
	if (room < header)
		return DROP_short_frame;
	if (!ipv4_checksum_is_right(layers, header))
		return DROP_bad_ip_checksum;
	if (room < length)
		return DROP_truncated;
	layers->end = layers->network + length; // what follows is padding of the link
	layers->at = layers->network + header;
	layers->protocol = ip->next_proto_id;
	if (layers->protocol != IPPROTO_UDP)
		return DROP_not_udp; // each fragment says it too
	uint16_t bits = rte_be_to_cpu_16(ip->fragment_offset);
	if ((bits & (RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)) == 0)
		return NO_DROP;
	uint32_t offset = (bits & RTE_IPV4_HDR_OFFSET_MASK) * RTE_IPV4_HDR_OFFSET_UNITS;
	return parse_fragment(layers, offset, bits & RTE_IPV4_HDR_MF_FLAG, UINT16_MAX - header);
}

// Length in bytes of an extension header; 0: `protocol` is none. Two bytes of it are there.
// Source: RFC 8200 section 4; RFC 4302 section 2.2 for AH, which counts otherwise.
static uint32_t extension_length(uint8_t protocol, const uint8_t *header)
{
	switch (protocol) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return (header[1] + 1u) * 8;
	case IPPROTO_AH:
		return (header[1] + 2u) * 4;
	case IPPROTO_FRAGMENT:
		return RTE_IPV6_FRAG_HDR_SIZE;
	default:
		return 0;
	}
}

static bool leads_to_udp(uint8_t protocol)
{
	static const uint8_t some_header[2];
	return protocol == IPPROTO_UDP || extension_length(protocol, some_header) != 0;
}

// Walk from the IPv6 header to UDP.
static enum drop parse_extensions(struct layers *layers)
{
	for (int n = 0; n < EXTENSIONS_MAX && layers->protocol != IPPROTO_UDP; n++) {
		if (!leads_to_udp(layers->protocol))
			return DROP_not_udp;
		if (layers->protocol == IPPROTO_HOPOPTS && n > 0)
			return DROP_bad_ip_header;
		const uint8_t *header = layers->frame + layers->at;
		uint32_t room = layers->end - layers->at;
		if (room < 8 || room < extension_length(layers->protocol, header))
			return DROP_bad_ip_header;
		uint8_t protocol = layers->protocol;
		uint32_t at = layers->at;
		layers->protocol = header[0];
		layers->at += extension_length(protocol, header);
		uint16_t bits = read16(header + 2);
		if (protocol != IPPROTO_FRAGMENT ||
			(bits & (RTE_IPV6_EHDR_MF_MASK | RTE_IPV6_EHDR_FO_MASK)) == 0)
			continue; // RFC 6946: a fragment header on a whole datagram means nothing
		if (!leads_to_udp(layers->protocol))
			return DROP_not_udp;
		layers->fragment_header = at;
		return parse_fragment(layers, bits & RTE_IPV6_EHDR_FO_MASK,
			bits & RTE_IPV6_EHDR_MF_MASK, UINT16_MAX);
	}
	return layers->protocol == IPPROTO_UDP ? NO_DROP : DROP_bad_ip_header;
}

static enum drop parse_ipv6(struct layers *layers)
{
	uint32_t room = layers->end - layers->network;
	if (room < sizeof(struct rte_ipv6_hdr))
		return DROP_short_frame;
	const struct rte_ipv6_hdr *ip = (const void *)(layers->frame + layers->network);
	if (layers->frame[layers->network] >> 4 != 6)
		return DROP_bad_ip_header;
	uint32_t length = sizeof(*ip) + rte_be_to_cpu_16(ip->payload_len);
	if (room < length)
		return DROP_truncated;
	layers->end = layers->network + length;
	layers->at = layers->network + sizeof(*ip);
	layers->protocol = ip->proto;
	return parse_extensions(layers);
}

enum drop layers_parse(struct layers *layers)
{
	uint32_t at = 2 * RTE_ETHER_ADDR_LEN;
	for (int tags = 0;; tags++) {
		if (at + 2 > layers->end)
			return DROP_short_frame;
		layers->ethertype = read16(layers->frame + at);
		at += 2;
		if (!is_vlan(layers->ethertype) || tags == VLAN_TAGS_MAX)
			break;
		at += 2; // priority and number of the VLAN
	}
	layers->network = at;
	switch (layers->ethertype) {
	case RTE_ETHER_TYPE_IPV4:
		return parse_ipv4(layers);
	case RTE_ETHER_TYPE_IPV6:
		return parse_ipv6(layers);
	case RTE_ETHER_TYPE_ARP:
		return DROP_arp;
	default:
		return DROP_other_ethertype;
	}
}
