// SPDX-License-Identifier: BSD-3-Clause
// Builds frames for tests, from the inside out: payload, UDP, extension headers, IP, Ethernet with
// tags. Checksums are made by a slow sum of its own, not by the code under test.
#pragma once

#include <arpa/inet.h>
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#define FRAME_ROOM 80000

struct frame {
	uint8_t bytes[FRAME_ROOM];
	uint32_t len;
	uint32_t below_udp, below_ip; // bytes from that header to the end
	uint8_t version;
};

static const uint8_t frame_source4[4] = {10, 1, 2, 3}, frame_destination4[4] = {10, 9, 8, 7};
static const uint8_t frame_source6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1},
		     frame_destination6[16] = {0x20, 1, 0xd, 0xb8, [15] = 2};
static const uint8_t frame_my_mac[6] = {2, 0, 0, 0, 0, 1}, frame_peer_mac[6] = {2, 0, 0, 0, 0, 2};

static inline void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static inline uint32_t slow_sum(uint32_t sum, const uint8_t *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static inline uint8_t *frame_prepend(struct frame *f, const void *bytes, uint32_t len)
{
	assert(f->len + len <= FRAME_ROOM);
	memmove(f->bytes + len, f->bytes, f->len);
	memcpy(f->bytes, bytes, len);
	f->len += len;
	return f->bytes;
}

static inline uint8_t *frame_udp_header(struct frame *f)
{
	return f->bytes + f->len - f->below_udp;
}

static inline uint8_t *frame_ip_header(struct frame *f)
{
	return f->bytes + f->len - f->below_ip;
}

static inline void frame_payload(struct frame *f, const void *bytes, uint32_t len)
{
	f->len = f->below_udp = f->below_ip = 0;
	frame_prepend(f, bytes, len);
}

static inline void frame_udp(struct frame *f, uint16_t source, uint16_t destination)
{
	uint8_t udp[8] = {0};
	put16(udp, source);
	put16(udp + 2, destination);
	put16(udp + 4, f->len + 8);
	frame_prepend(f, udp, sizeof(udp));
	f->below_udp = f->len;
}

// options: a multiple of four bytes of zero ("end of options").
static inline void frame_ipv4(struct frame *f, uint8_t protocol, uint32_t options)
{
	uint8_t ip[60] = {0};
	ip[0] = (uint8_t)(0x45 + options / 4);
	put16(ip + 2, f->len + 20 + options);
	put16(ip + 4, 0x1234);
	ip[8] = 64;
	ip[9] = protocol;
	memcpy(ip + 12, frame_source4, 4);
	memcpy(ip + 16, frame_destination4, 4);
	put16(ip + 10, ~slow_sum(0, ip, 20 + options));
	frame_prepend(f, ip, 20 + options);
	f->below_ip = f->len;
	f->version = 4;
}

static inline void frame_ipv4_fix(struct frame *f)
{
	uint8_t *ip = frame_ip_header(f);
	put16(ip + 10, 0);
	put16(ip + 10, ~slow_sum(0, ip, (ip[0] & 15) * 4u));
}

static inline void frame_ipv6(struct frame *f, uint8_t next)
{
	uint8_t ip[40] = {0x60};
	put16(ip + 4, f->len);
	ip[6] = next;
	ip[7] = 64;
	memcpy(ip + 8, frame_source6, 16);
	memcpy(ip + 24, frame_destination6, 16);
	frame_prepend(f, ip, sizeof(ip));
	f->below_ip = f->len;
	f->version = 6;
}

// An extension header of 8 bytes or more, of those that count in units of 8.
static inline void frame_extension(struct frame *f, uint8_t next, uint32_t len)
{
	uint8_t header[64] = {next, (uint8_t)(len / 8 - 1)};
	frame_prepend(f, header, len);
}

static inline void frame_fragment_header(struct frame *f, uint8_t next, uint32_t offset, bool more)
{
	uint8_t header[8] = {next, 0, 0, 0, 0, 0, 0, 7};
	put16(header + 2, offset | more);
	frame_prepend(f, header, sizeof(header));
}

// types: those of the tags, then what is inside them.
static inline void frame_ethernet(struct frame *f, const uint16_t *types, int n)
{
	for (int i = n - 1; i >= 0; i--) {
		uint8_t tag[4];
		put16(tag, 100u + (uint32_t)i); // of the tag before
		put16(tag + 2, types[i]);
		if (i > 0)
			frame_prepend(f, tag, 4);
		else
			frame_prepend(f, tag + 2, 2);
	}
	frame_prepend(f, frame_peer_mac, 6);
	frame_prepend(f, frame_my_mac, 6);
}

static inline void frame_plain_ethernet(struct frame *f)
{
	uint16_t type = f->version == 4 ? 0x0800 : 0x86dd;
	frame_ethernet(f, &type, 1);
}

static inline uint32_t frame_pseudo_sum(struct frame *f, uint8_t protocol, uint32_t len)
{
	const uint8_t *ip = frame_ip_header(f);
	uint32_t sum = len + protocol;
	return f->version == 4 ? slow_sum(sum, ip + 12, 8) : slow_sum(sum, ip + 8, 32);
}

// Once all headers are there.
static inline void frame_udp_checksum(struct frame *f)
{
	uint8_t *udp = frame_udp_header(f);
	put16(udp + 6, 0);
	uint32_t sum = slow_sum(frame_pseudo_sum(f, 17, get16(udp + 4)), udp, get16(udp + 4));
	put16(udp + 6, sum == 0xffff ? 0xffff : ~sum);
}

// A whole frame with a message to port 514.
static inline void frame_message(struct frame *f, int version, const char *text)
{
	frame_payload(f, text, (uint32_t)strlen(text));
	frame_udp(f, 50000, 514);
	if (version == 4)
		frame_ipv4(f, 17, 0);
	else
		frame_ipv6(f, 17);
	frame_plain_ethernet(f);
	frame_udp_checksum(f);
}

// In memory of exactly its length, so that a sanitizer sees a byte read too many. tailroom: more
// memory behind it, for an answer that is longer.
static inline struct rte_mbuf *frame_mbuf(const struct frame *f, uint16_t tailroom)
{
	struct rte_mbuf *mbuf = aligned_alloc(64, sizeof(*mbuf));
	assert(mbuf != NULL);
	memset(mbuf, 0, sizeof(*mbuf));
	mbuf->buf_len = (uint16_t)(f->len + tailroom);
	mbuf->buf_addr = malloc(mbuf->buf_len);
	assert(mbuf->buf_addr != NULL);
	memcpy(mbuf->buf_addr, f->bytes, f->len);
	mbuf->data_len = (uint16_t)f->len;
	mbuf->pkt_len = f->len;
	mbuf->nb_segs = 1;
	mbuf->refcnt = 1;
	return mbuf;
}

static inline void frame_mbuf_free(struct rte_mbuf *mbuf)
{
	free(mbuf->buf_addr);
	free(mbuf);
}
