// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../dataplane/datagram.h"
#include "frame.h"

// frame_destination4 and frame_destination6 are ours, frame_source4 and frame_source6 ask.
static struct datagram_options options = {.ports = {514}, .n_ports = 1};
static struct frame f;
static uint8_t answer[FRAME_ROOM];
static uint32_t answer_len;

static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};
static const uint8_t group_mac[6] = {0x33, 0x33, 0xff, 0, 0, 2}; // of 2001:db8::2
static const uint8_t group[16] = {0xff, 2, [11] = 1, 0xff, 0, 0, 2};
static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
static const uint8_t unspecified[16];

static int set_options(void **state)
{
	(void)state;
	uint32_t ipv4;
	memcpy(&ipv4, frame_destination4, 4);
	options.addresses[0] = address_of_ipv4(ipv4);
	memcpy(options.addresses[1].bytes, frame_destination6, 16);
	options.n_addresses = 2;
	memcpy(options.mac, frame_my_mac, 6);
	return 0;
}

// Whether it is answered; the answer is in answer[]. Counted once, either way.
static bool ask(uint16_t tailroom)
{
	struct counters c = {0};
	struct datagram out;
	struct rte_mbuf *mbuf = frame_mbuf(&f, tailroom);
	enum datagram_fate fate = datagram_read(NULL, &c, &options, mbuf, 0, &out);
	bool is_answered = fate == DATAGRAM_ANSWER;
	assert_true(is_answered || fate == DATAGRAM_DROPPED);
	assert_int_equal(counter_get(&c.packets), 1);
	assert_int_equal(counter_get(&c.dropped[DROP_answered]), is_answered);
	answer_len = mbuf->data_len;
	assert_int_equal(mbuf->pkt_len, mbuf->data_len);
	memcpy(answer, mbuf->buf_addr, answer_len);
	if (!is_answered)
		assert_memory_equal(answer, f.bytes, f.len); // untouched
	frame_mbuf_free(mbuf);
	return is_answered;
}

static void assert_unanswered(void)
{
	assert_false(ask(64));
}

// ---- ARP ----

static const uint16_t no_tags[1];

static void arp_request(const uint16_t *tags, int n_tags)
{
	static const uint8_t start[8] = {0, 1, 8, 0, 6, 4, 0, 1};
	uint8_t arp[28 + 18] = {0}; // with the padding of the link
	memcpy(arp, start, 8);
	memcpy(arp + 8, frame_peer_mac, 6);
	memcpy(arp + 14, frame_source4, 4);
	memcpy(arp + 24, frame_destination4, 4);
	frame_payload(&f, arp, sizeof(arp));
	uint16_t types[3];
	memcpy(types, tags, (size_t)n_tags * sizeof(*tags));
	types[n_tags] = 0x0806;
	frame_ethernet(&f, types, n_tags + 1);
	memcpy(f.bytes, broadcast, 6);
}

static void assert_arp_answer(int n_tags)
{
	const uint8_t *arp = answer + 14 + 4 * (size_t)n_tags;
	assert_memory_equal(answer, frame_peer_mac, 6);
	assert_memory_equal(answer + 6, frame_my_mac, 6);
	assert_memory_equal(answer + 12, f.bytes + 12, 2 + 4 * n_tags);
	static const uint8_t start[8] = {0, 1, 8, 0, 6, 4, 0, 2};
	assert_memory_equal(arp, start, 8);
	assert_memory_equal(arp + 8, frame_my_mac, 6);
	assert_memory_equal(arp + 14, frame_destination4, 4);
	assert_memory_equal(arp + 18, frame_peer_mac, 6);
	assert_memory_equal(arp + 24, frame_source4, 4);
	assert_int_equal(answer_len, f.len);
}

static void answers_arp_with_the_tags_kept(void **state)
{
	(void)state;
	static const uint16_t tags[] = {0x88a8, 0x8100};
	for (int n = 0; n <= 2; n++) {
		arp_request(tags, n);
		assert_true(ask(0));
		assert_arp_answer(n);
		memcpy(f.bytes, frame_my_mac, 6); // a check whether we are still there
		assert_true(ask(0));
		assert_arp_answer(n);
	}
}

static void answers_an_arp_probe(void **state)
{
	(void)state;
	arp_request(no_tags, 0);
	memset(f.bytes + 14 + 14, 0, 4); // RFC 5227: no address yet
	assert_true(ask(0));
	assert_memory_equal(answer + 14 + 14, frame_destination4, 4);
}

static void arp_for_others_is_not_answered(void **state)
{
	(void)state;
	static const int changed[] = {
		0,	// to another station
		14 + 1, // not Ethernet
		14 + 2, // not IPv4
		14 + 4, // lengths
		14 + 5,
		14 + 7,	     // not a request
		14 + 8,	     // from somebody else than the frame says
		14 + 24 + 3, // for another address
	};
	for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
		arp_request(no_tags, 0);
		memcpy(f.bytes, frame_my_mac, 6);
		f.bytes[changed[i]] ^= 4;
		assert_unanswered();
	}
	arp_request(no_tags, 0);
	memcpy(f.bytes + 14 + 14, frame_destination4, 4); // who claims our address
	assert_unanswered();
	arp_request(no_tags, 0);
	memcpy(f.bytes + 6, broadcast, 6);
	memcpy(f.bytes + 14 + 8, broadcast, 6);
	assert_unanswered();
}

// ---- echo ----

static void echo_request(int version, uint32_t len)
{
	uint8_t icmp[2000] = {version == 4 ? 8 : 128, 0, 0, 0, 0x12, 0x34, 0, 1};
	for (uint32_t i = 8; i < 8 + len; i++)
		icmp[i] = (uint8_t)i;
	frame_payload(&f, icmp, 8 + len);
	if (version == 4)
		frame_ipv4(&f, 1, 0);
	else
		frame_ipv6(&f, 58);
	frame_plain_ethernet(&f);
	uint8_t *header = frame_ip_header(&f) + (version == 4 ? 20 : 40);
	uint32_t pseudo = version == 4 ? 0 : frame_pseudo_sum(&f, 58, 8 + len);
	put16(header + 2, ~slow_sum(pseudo, header, 8 + len));
}

static void assert_echo_answer(int version, uint32_t len)
{
	uint32_t header = version == 4 ? 20 : 40;
	assert_int_equal(answer_len, f.len);
	assert_memory_equal(answer, frame_peer_mac, 6);
	assert_memory_equal(answer + 6, frame_my_mac, 6);
	const uint8_t *ip = answer + 14, *icmp = ip + header;
	assert_int_equal(icmp[0], version == 4 ? 0 : 129);
	assert_memory_equal(icmp + 4, f.bytes + 14 + header + 4, 4 + len);
	struct frame copy = {.len = answer_len, .below_ip = f.below_ip, .version = f.version};
	memcpy(copy.bytes, answer, answer_len);
	uint32_t pseudo = 0;
	if (version == 4) {
		assert_memory_equal(ip + 12, frame_destination4, 4);
		assert_memory_equal(ip + 16, frame_source4, 4);
		assert_int_equal(slow_sum(0, ip, 20), 0xffff);
		assert_int_equal(ip[8], 64);
	} else {
		assert_memory_equal(ip + 8, frame_destination6, 16);
		assert_memory_equal(ip + 24, frame_source6, 16);
		assert_int_equal(ip[7], 64);
		pseudo = frame_pseudo_sum(&copy, 58, 8 + len);
	}
	assert_int_equal(slow_sum(pseudo, icmp, 8 + len), 0xffff);
}

static void answers_echo_of_any_size(void **state)
{
	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		for (uint32_t len = 0; len <= 1472; len += 23) {
			echo_request(version, len);
			assert_true(ask(0));
			assert_echo_answer(version, len);
		}
	}
}

static void echo_is_answered_to_its_sender_only(void **state)
{
	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		uint32_t header = version == 4 ? 20 : 40;
		echo_request(version, 56);
		f.bytes[0] ^= 4; // to another station
		assert_unanswered();
		echo_request(version, 56);
		memcpy(f.bytes, broadcast, 6);
		assert_unanswered();
		echo_request(version, 56);
		f.bytes[6] |= 1; // from a group
		assert_unanswered();
		echo_request(version, 56);
		f.bytes[14 + header] = 13; // another type: time stamp, or nothing known
		assert_unanswered();
		echo_request(version, 56);
		f.bytes[14 + header + 1] = 1;
		assert_unanswered();
		echo_request(version, 56);
		f.bytes[f.len - 1] ^= 1; // a wrong checksum
		assert_unanswered();
	}
}

// Change the addresses of an echo request and make its checksums right again.
static void readdress(int version, const void *source, const void *destination)
{
	uint8_t *ip = frame_ip_header(&f);
	uint32_t len = version == 4 ? 4 : 16, at = version == 4 ? 12 : 8;
	if (source)
		memcpy(ip + at, source, len);
	if (destination)
		memcpy(ip + at + len, destination, len);
	if (version == 4) {
		frame_ipv4_fix(&f);
		return;
	}
	put16(ip + 42, 0);
	uint32_t size = get16(ip + 4);
	put16(ip + 42, ~slow_sum(frame_pseudo_sum(&f, 58, size), ip + 40, size));
}

static void echo_between_odd_addresses_is_not_answered(void **state)
{
	(void)state;
	static const uint8_t sources[][4] = {
		{0}, {127, 0, 0, 1}, {224, 0, 0, 1}, {255, 255, 255, 255}, {10, 9, 8, 7}};
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		echo_request(4, 56);
		readdress(4, sources[i], NULL);
		assert_unanswered();
	}
	echo_request(4, 56);
	readdress(4, NULL, (uint8_t[]){10, 9, 8, 255});
	assert_unanswered();
	static const uint8_t *const sources6[] = {unspecified, all_nodes, frame_destination6};
	for (size_t i = 0; i < 3; i++) {
		echo_request(6, 56);
		readdress(6, sources6[i], NULL);
		assert_unanswered();
	}
	echo_request(6, 56);
	readdress(6, NULL, all_nodes);
	assert_unanswered();
}

static void echo_in_fragments_or_with_options_is_not_answered(void **state)
{
	(void)state;
	echo_request(4, 56);
	put16(frame_ip_header(&f) + 6, 0x4000); // not to be fragmented: no fragment
	frame_ipv4_fix(&f);
	assert_true(ask(0));
	put16(frame_ip_header(&f) + 6, 0x2000);
	frame_ipv4_fix(&f);
	assert_unanswered();
	put16(frame_ip_header(&f) + 6, 1);
	frame_ipv4_fix(&f);
	assert_unanswered();
	static const uint8_t icmp[16] = {8, 0, 0xf7, 0xff};
	frame_payload(&f, icmp, sizeof(icmp));
	frame_ipv4(&f, 1, 4);
	frame_plain_ethernet(&f);
	assert_unanswered();
	frame_payload(&f, icmp, 7);
	frame_ipv4(&f, 1, 0);
	frame_plain_ethernet(&f);
	assert_unanswered();
}

// ---- neighbour solicitation ----

struct solicitation {
	const uint8_t *source, *destination, *mac;
	bool has_option;
	uint8_t hop_limit;
};

static const struct solicitation usual = {frame_source6, group, group_mac, true, 255};

static void fix_solicitation(void)
{
	readdress(6, NULL, NULL);
}

static void solicit(struct solicitation s)
{
	uint8_t icmp[32] = {135};
	memcpy(icmp + 8, frame_destination6, 16);
	icmp[24] = 1;
	icmp[25] = 1;
	memcpy(icmp + 26, frame_peer_mac, 6);
	frame_payload(&f, icmp, s.has_option ? 32 : 24);
	frame_ipv6(&f, 58);
	frame_ip_header(&f)[7] = s.hop_limit;
	frame_plain_ethernet(&f);
	memcpy(f.bytes, s.mac, 6);
	readdress(6, s.source, s.destination);
}

static void assert_advertisement(const uint8_t *to_mac, const uint8_t *to, uint8_t flags)
{
	assert_int_equal(answer_len, 14 + 40 + 32);
	assert_memory_equal(answer, to_mac, 6);
	assert_memory_equal(answer + 6, frame_my_mac, 6);
	const uint8_t *ip = answer + 14, *icmp = ip + 40;
	assert_int_equal(get16(ip + 4), 32);
	assert_int_equal(ip[7], 255);
	assert_memory_equal(ip + 8, frame_destination6, 16);
	assert_memory_equal(ip + 24, to, 16);
	assert_int_equal(icmp[0], 136);
	assert_int_equal(icmp[1], 0);
	assert_memory_equal(icmp + 4, ((uint8_t[]){flags, 0, 0, 0}), 4);
	assert_memory_equal(icmp + 8, frame_destination6, 16);
	assert_memory_equal(icmp + 24, ((uint8_t[]){2, 1}), 2);
	assert_memory_equal(icmp + 26, frame_my_mac, 6);
	struct frame copy = {.len = answer_len, .below_ip = 72, .version = 6};
	memcpy(copy.bytes, answer, answer_len);
	assert_int_equal(slow_sum(frame_pseudo_sum(&copy, 58, 32), icmp, 32), 0xffff);
}

static void answers_a_solicitation(void **state)
{
	(void)state;
	solicit(usual);
	assert_true(ask(0));
	assert_advertisement(frame_peer_mac, frame_source6, 0x60);
	solicit((struct solicitation){frame_source6, frame_destination6, frame_my_mac, true, 255});
	assert_true(ask(0));
	assert_advertisement(frame_peer_mac, frame_source6, 0x60);
}

static void a_solicitation_without_option_gets_a_longer_answer(void **state)
{
	(void)state;
	solicit((struct solicitation){frame_source6, group, group_mac, false, 255});
	assert_true(ask(8));
	assert_advertisement(frame_peer_mac, frame_source6, 0x60);
	assert_false(ask(7)); // no room for it in the frame
}

static void a_node_that_has_no_address_yet_is_told_with_all_others(void **state)
{
	(void)state;
	solicit((struct solicitation){unspecified, group, group_mac, false, 255});
	assert_true(ask(8));
	assert_advertisement(all_nodes_mac, all_nodes, 0x20);
	solicit((struct solicitation){unspecified, group, group_mac, true, 255}); // RFC 4861 7.1.1
	assert_unanswered();
	solicit((struct solicitation){unspecified, frame_destination6, frame_my_mac, false, 255});
	assert_unanswered();
}

static void padding_does_not_come_back(void **state)
{
	(void)state;
	solicit(usual);
	memset(f.bytes + f.len, 'P', 10);
	f.len += 10;
	assert_true(ask(0));
	assert_advertisement(frame_peer_mac, frame_source6, 0x60);
}

static void a_solicitation_from_afar_or_for_others_is_not_answered(void **state)
{
	(void)state;
	struct solicitation s = usual;
	s.hop_limit = 254; // a router has passed it on
	solicit(s);
	assert_unanswered();
	s = usual;
	s.source = all_nodes;
	solicit(s);
	assert_unanswered();
	s = usual;
	s.destination = all_nodes;
	solicit(s);
	assert_unanswered();
	s = usual;
	s.mac = broadcast;
	solicit(s);
	assert_unanswered();
	solicit(usual);
	f.bytes[14 + 40 + 8 + 15] ^= 1; // for another address
	fix_solicitation();
	assert_unanswered();
	solicit(usual);
	f.bytes[14 + 40 + 26] ^= 4; // the answer would go to a third one
	fix_solicitation();
	assert_unanswered();
	solicit(usual);
	f.bytes[14 + 40 + 25] = 0; // an option without a length
	fix_solicitation();
	assert_unanswered();
	solicit(usual);
	f.bytes[14 + 40 + 25] = 2; // longer than the packet
	fix_solicitation();
	assert_unanswered();
	solicit(usual);
	f.bytes[f.len - 1] ^= 1; // a wrong checksum
	assert_unanswered();
}

// ---- all of them ----

static void a_mirror_port_answers_nothing(void **state)
{
	(void)state;
	options.n_addresses = 0;
	arp_request(no_tags, 0);
	assert_unanswered();
	echo_request(4, 56);
	assert_unanswered();
	echo_request(6, 56);
	assert_unanswered();
	solicit(usual);
	assert_unanswered();
}

static void no_byte_is_read_past_the_end(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		if (kind == 0)
			arp_request(no_tags, 0);
		else if (kind < 3)
			echo_request(kind == 1 ? 4 : 6, 30);
		else
			solicit(usual);
		uint32_t len = f.len, needed = kind == 0 ? 14 + 28 : len;
		for (f.len = 1; f.len < len; f.len++)
			assert_int_equal(ask(0), f.len >= needed);
	}
}

// Whatever is asked, the answer goes to the one who asked or to all nodes, and is at most eight
// bytes longer.
static void survives_any_change_of_any_byte(void **state)
{
	(void)state;
	srand(4);
	for (int round = 0; round < 200000; round++) {
		switch (round % 4) {
		case 0:
			arp_request(no_tags, 0);
			break;
		case 1:
			echo_request(4, 30);
			break;
		case 2:
			echo_request(6, 30);
			break;
		default:
			solicit(usual);
		}
		for (int n = rand() % 3; n > 0; n--)
			f.bytes[(uint32_t)rand() % f.len] = (uint8_t)rand();
		f.len -= (uint32_t)rand() % 2 * ((uint32_t)rand() % 40);
		if (!ask((uint16_t)(rand() % 9)))
			continue;
		assert_true(answer_len <= f.len + 8);
		assert_true(memcmp(answer, f.bytes + 6, 6) == 0 ||
			    memcmp(answer, all_nodes_mac, 6) == 0);
		assert_memory_equal(answer + 6, frame_my_mac, 6);
	}
}

#define WITH_ADDRESSES(test) cmocka_unit_test_setup(test, set_options)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ADDRESSES(answers_arp_with_the_tags_kept),
		WITH_ADDRESSES(answers_an_arp_probe),
		WITH_ADDRESSES(arp_for_others_is_not_answered),
		WITH_ADDRESSES(answers_echo_of_any_size),
		WITH_ADDRESSES(echo_is_answered_to_its_sender_only),
		WITH_ADDRESSES(echo_between_odd_addresses_is_not_answered),
		WITH_ADDRESSES(echo_in_fragments_or_with_options_is_not_answered),
		WITH_ADDRESSES(answers_a_solicitation),
		WITH_ADDRESSES(a_solicitation_without_option_gets_a_longer_answer),
		WITH_ADDRESSES(a_node_that_has_no_address_yet_is_told_with_all_others),
		WITH_ADDRESSES(padding_does_not_come_back),
		WITH_ADDRESSES(a_solicitation_from_afar_or_for_others_is_not_answered),
		WITH_ADDRESSES(a_mirror_port_answers_nothing),
		WITH_ADDRESSES(no_byte_is_read_past_the_end),
		WITH_ADDRESSES(survives_any_change_of_any_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
