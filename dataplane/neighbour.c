// SPDX-License-Identifier: BSD-3-Clause
// neighbour: answers ARP, IPv6 neighbour solicitation and ICMP echo, each in the frame that asked.
//
// Runs in the worker's loop, but only for frames that are no syslog. Only a question of one station
// to this one counts: from a unicast MAC address and a unicast IP address, to our own MAC address
// or to the group that address resolution asks.
#include "neighbour.h"

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "checksum.h"
#include "datagram.h"

#define HOP_LIMIT 64	      // of what we send; RFC 1700's recommendation
#define HOP_LIMIT_ON_LINK 255 // RFC 4861: a neighbour's message that no router has passed on
#define ICMP6_ECHO_REQUEST 128
#define ICMP6_ECHO_REPLY 129
#define ICMP6_SOLICITATION 135
#define ICMP6_ADVERTISEMENT 136
#define OPTION_SOURCE_MAC 1
#define OPTION_TARGET_MAC 2
#define FLAG_SOLICITED 0x40 // first byte of an advertisement's flags
#define FLAG_OVERRIDE 0x20

// RFC 826 with Ethernet and IPv4 in it. Like all that follow: bytes, for any alignment.
struct arp {
	uint8_t hardware[2], protocol[2];
	uint8_t hardware_length, protocol_length;
	uint8_t operation[2];
	uint8_t sender_mac[6], sender_ip[4];
	uint8_t target_mac[6], target_ip[4];
};

// RFC 792 and RFC 4443: the part that all messages share.
struct icmp {
	uint8_t type, code;
	uint8_t checksum[2];
	uint8_t body[4];
};

// RFC 4861 sections 4.3 and 4.4, with the one option that both want.
struct discovery {
	struct icmp icmp;
	uint8_t target[16];
	uint8_t option_type, option_length; // in units of 8 bytes
	uint8_t option_mac[6];
};
#define DISCOVERY_BARE offsetof(struct discovery, option_type)

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static bool bytes_equal(const void *a, const void *b, size_t len)
{
	return memcmp(a, b, len) == 0;
}

static uint8_t *destination_mac(struct rte_mbuf *frame)
{
	return rte_pktmbuf_mtod(frame, uint8_t *);
}

static uint8_t *source_mac(struct rte_mbuf *frame)
{
	return rte_pktmbuf_mtod_offset(frame, uint8_t *, RTE_ETHER_ADDR_LEN);
}

static bool is_for_me(const struct datagram_options *options, struct rte_mbuf *frame)
{
	return bytes_equal(destination_mac(frame), options->mac, RTE_ETHER_ADDR_LEN);
}

static bool is_my_address(const struct datagram_options *options, const struct address *address)
{
	for (uint8_t i = 0; i < options->n_addresses; i++)
		if (address_equals(&options->addresses[i], address))
			return true;
	return false;
}

static bool is_my_ipv4(const struct datagram_options *options, const void *ip)
{
	uint32_t network_order;
	memcpy(&network_order, ip, sizeof(network_order));
	struct address address = address_of_ipv4(network_order);
	return is_my_address(options, &address);
}

static bool is_my_ipv6(const struct datagram_options *options, const uint8_t *ip)
{
	struct address address;
	memcpy(address.bytes, ip, sizeof(address.bytes));
	return !address_is_ipv4(&address) && is_my_address(options, &address);
}

static void send_back(
	const struct datagram_options *options, struct rte_mbuf *frame, const uint8_t *to)
{
	memmove(destination_mac(frame), to, RTE_ETHER_ADDR_LEN);
	memcpy(source_mac(frame), options->mac, RTE_ETHER_ADDR_LEN);
}

// ---- ARP ----

static bool answer_arp(const struct datagram_options *options, struct rte_mbuf *frame,
	struct arp *arp, uint32_t len)
{
	// Ethernet, IPv4, their lengths, "who has".
	static const uint8_t request[8] = {0, 1, 8, 0, 6, 4, 0, 1};
	if (len < sizeof(*arp) || !bytes_equal(arp, request, sizeof(request)))
		return false;
	if (!is_for_me(options, frame) &&
		!bytes_equal(destination_mac(frame), broadcast, sizeof(broadcast)))
		return false;
	if (!is_my_ipv4(options, arp->target_ip) || is_my_ipv4(options, arp->sender_ip))
		return false; // not us, or somebody who claims our address: no answer mends that
	if (!bytes_equal(arp->sender_mac, source_mac(frame), RTE_ETHER_ADDR_LEN))
		return false; // the answer would go to a third one
	uint8_t mine[4];
	memcpy(mine, arp->target_ip, sizeof(mine));
	memcpy(arp->target_mac, arp->sender_mac, sizeof(arp->target_mac));
	memcpy(arp->target_ip, arp->sender_ip, sizeof(arp->target_ip));
	memcpy(arp->sender_mac, options->mac, sizeof(arp->sender_mac));
	memcpy(arp->sender_ip, mine, sizeof(arp->sender_ip));
	arp->operation[1] = 2; // "is at"
	send_back(options, frame, arp->target_mac);
	return true;
}

// ---- IPv4 echo ----

static void icmp_set_checksum(struct icmp *icmp, uint64_t pseudo, uint32_t len)
{
	memset(icmp->checksum, 0, sizeof(icmp->checksum));
	uint16_t field = checksum_field(checksum_add(pseudo, icmp, len));
	memcpy(icmp->checksum, &field, sizeof(field));
}

// Not zero, loopback, multicast or broadcast: an address that one host may have.
static bool is_unicast_ipv4(rte_be32_t ip)
{
	uint8_t first = (uint8_t)(rte_be_to_cpu_32(ip) >> 24);
	return first != 0 && first != 127 && first < 224;
}

static bool answer_ipv4(const struct datagram_options *options, struct rte_mbuf *frame,
	struct rte_ipv4_hdr *ip, uint32_t len)
{
	struct icmp *icmp = (void *)(ip + 1);
	if (ip->version_ihl != RTE_IPV4_VHL_DEF || ip->next_proto_id != IPPROTO_ICMP ||
		len < sizeof(*ip) + sizeof(*icmp) || !is_for_me(options, frame))
		return false;
	if (ip->fragment_offset & ~rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG))
		return false;
	if (!is_my_ipv4(options, &ip->dst_addr) || !is_unicast_ipv4(ip->src_addr) ||
		is_my_ipv4(options, &ip->src_addr))
		return false;
	len -= sizeof(*ip);
	if (icmp->type != RTE_IP_ICMP_ECHO_REQUEST || icmp->code != 0 ||
		checksum_fold(checksum_add(0, icmp, len)) != 0xffff)
		return false;
	rte_be32_t mine = ip->dst_addr;
	ip->dst_addr = ip->src_addr;
	ip->src_addr = mine;
	ip->time_to_live = HOP_LIMIT;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = checksum_field(checksum_add(0, ip, sizeof(*ip)));
	icmp->type = RTE_IP_ICMP_ECHO_REPLY;
	icmp_set_checksum(icmp, 0, len);
	send_back(options, frame, source_mac(frame));
	return true;
}

// ---- IPv6 neighbour discovery and echo ----

static uint64_t pseudo_header_sum(const struct rte_ipv6_hdr *ip, uint32_t len)
{
	const rte_be16_t rest[2] = {rte_cpu_to_be_16(IPPROTO_ICMPV6), rte_cpu_to_be_16(len)};
	uint64_t sum = checksum_add(0, rest, sizeof(rest));
	return checksum_add(sum, ip->src_addr, 2 * sizeof(ip->src_addr));
}

static bool is_unspecified(const uint8_t *ip)
{
	static const uint8_t unspecified[16];
	return bytes_equal(ip, unspecified, sizeof(unspecified));
}

static bool answer_echo6(const struct datagram_options *options, struct rte_mbuf *frame,
	struct rte_ipv6_hdr *ip, struct icmp *icmp, uint32_t len)
{
	if (icmp->code != 0 || !is_for_me(options, frame) || !is_my_ipv6(options, ip->dst_addr) ||
		is_unspecified(ip->src_addr))
		return false;
	uint8_t mine[16];
	memcpy(mine, ip->dst_addr, sizeof(mine));
	memcpy(ip->dst_addr, ip->src_addr, sizeof(mine));
	memcpy(ip->src_addr, mine, sizeof(mine));
	ip->hop_limits = HOP_LIMIT;
	icmp->type = ICMP6_ECHO_REPLY;
	icmp_set_checksum(icmp, pseudo_header_sum(ip, len), len);
	send_back(options, frame, source_mac(frame));
	return true;
}

// To the target itself, or to its solicited-node group (RFC 4291 2.7.1: ff02::1:ff and the last
// three bytes) at that group's MAC address (RFC 2464 7: 33:33 and the last four bytes).
static bool is_solicitation_for(const struct datagram_options *options, struct rte_mbuf *frame,
	const struct rte_ipv6_hdr *ip, const uint8_t *target)
{
	if (bytes_equal(ip->dst_addr, target, 16) && !is_unspecified(ip->src_addr))
		return is_for_me(options, frame);
	uint8_t group[16] = {0xff, 2, [11] = 1, [12] = 0xff};
	memcpy(group + 13, target + 13, 3);
	uint8_t group_mac[6] = {0x33, 0x33};
	memcpy(group_mac + 2, group + 12, 4);
	return bytes_equal(ip->dst_addr, group, 16) &&
	       (is_for_me(options, frame) ||
		       bytes_equal(destination_mac(frame), group_mac, sizeof(group_mac)));
}

// Every option must have a length; the asker's MAC address, if it is given, must be the frame's, so
// that the answer goes to nobody else (RFC 4861 7.1.1; an asker without an address gives none).
static bool options_are_right(
	struct rte_mbuf *frame, const struct rte_ipv6_hdr *ip, const uint8_t *option, uint32_t len)
{
	while (len > 0) {
		uint32_t size = len >= 8 ? option[1] * 8u : 0;
		if (size == 0 || size > len)
			return false;
		if (option[0] == OPTION_SOURCE_MAC &&
			(is_unspecified(ip->src_addr) ||
				!bytes_equal(option + 2, source_mac(frame), RTE_ETHER_ADDR_LEN)))
			return false;
		option += size;
		len -= size;
	}
	return true;
}

// Give the frame the length of an advertisement: IPv6 header, target, one option. NULL: no room.
static struct rte_ipv6_hdr *resize_to_advertisement(struct rte_mbuf *frame, uint32_t network)
{
	uint32_t size = network + sizeof(struct rte_ipv6_hdr) + sizeof(struct discovery);
	if (frame->data_len > size)
		rte_pktmbuf_trim(frame, (uint16_t)(frame->data_len - size));
	else if (frame->data_len < size &&
		 rte_pktmbuf_append(frame, (uint16_t)(size - frame->data_len)) == NULL)
		return NULL;
	return rte_pktmbuf_mtod_offset(frame, struct rte_ipv6_hdr *, network);
}

static bool answer_solicitation(const struct datagram_options *options, struct rte_mbuf *frame,
	struct rte_ipv6_hdr *ip, uint32_t len)
{
	struct discovery *message = (void *)(ip + 1);
	if (len < DISCOVERY_BARE || message->icmp.code != 0 || ip->hop_limits != HOP_LIMIT_ON_LINK)
		return false;
	if (!is_my_ipv6(options, message->target) ||
		!is_solicitation_for(options, frame, ip, message->target) ||
		!options_are_right(frame, ip, &message->option_type, len - DISCOVERY_BARE))
		return false;
	uint32_t network = (uint32_t)((uint8_t *)ip - rte_pktmbuf_mtod(frame, uint8_t *));
	ip = resize_to_advertisement(frame, network);
	if (ip == NULL)
		return false;

	// Somebody who only asks whether the address is taken has none yet: all nodes are told.
	static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
	static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
	bool is_probe = is_unspecified(ip->src_addr);
	memmove(ip->dst_addr, is_probe ? all_nodes : ip->src_addr, sizeof(ip->dst_addr));
	memcpy(ip->src_addr, message->target, sizeof(ip->src_addr));
	ip->payload_len = rte_cpu_to_be_16(sizeof(*message));
	message->icmp.type = ICMP6_ADVERTISEMENT;
	memset(message->icmp.body, 0, sizeof(message->icmp.body));
	message->icmp.body[0] = is_probe ? FLAG_OVERRIDE : FLAG_SOLICITED | FLAG_OVERRIDE;
	message->option_type = OPTION_TARGET_MAC;
	message->option_length = 1;
	memcpy(message->option_mac, options->mac, sizeof(message->option_mac));
	icmp_set_checksum(
		&message->icmp, pseudo_header_sum(ip, sizeof(*message)), sizeof(*message));
	send_back(options, frame, is_probe ? all_nodes_mac : source_mac(frame));
	return true;
}

static bool answer_ipv6(const struct datagram_options *options, struct rte_mbuf *frame,
	struct rte_ipv6_hdr *ip, uint32_t len)
{
	struct icmp *icmp = (void *)(ip + 1);
	if (ip->proto != IPPROTO_ICMPV6 || len < sizeof(*ip) + sizeof(*icmp) ||
		ip->src_addr[0] == 0xff || is_my_ipv6(options, ip->src_addr))
		return false;
	len -= sizeof(*ip);
	if (checksum_fold(checksum_add(pseudo_header_sum(ip, len), icmp, len)) != 0xffff)
		return false;
	if (icmp->type == ICMP6_ECHO_REQUEST)
		return answer_echo6(options, frame, ip, icmp, len);
	return icmp->type == ICMP6_SOLICITATION && answer_solicitation(options, frame, ip, len);
}

bool neighbour_answer(const struct datagram_options *options, struct rte_mbuf *frame,
	uint32_t network, uint32_t end)
{
	uint8_t *packet = rte_pktmbuf_mtod_offset(frame, uint8_t *, network);
	uint32_t len = end - network;
	if (source_mac(frame)[0] & 1) // a group never asks
		return false;
	switch (packet[-2] << 8 | packet[-1]) {
	case RTE_ETHER_TYPE_ARP:
		return answer_arp(options, frame, (void *)packet, len);
	case RTE_ETHER_TYPE_IPV4:
		return answer_ipv4(options, frame, (void *)packet, len);
	case RTE_ETHER_TYPE_IPV6:
		return answer_ipv6(options, frame, (void *)packet, len);
	default:
		return false;
	}
}
