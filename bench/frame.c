// SPDX-License-Identifier: BSD-3-Clause
#include "frame.h"

#include <arpa/inet.h>
#include <string.h>

#define SYSLOG_PORT 514

static uint32_t add_words(const uint8_t *bytes, size_t len, uint32_t sum)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	if (len % 2)
		sum += (uint32_t)bytes[len - 1] << 8;
	return sum;
}

static void put_checksum(uint8_t *at, uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	uint16_t value = (uint16_t)~sum;
	value = value ? value : 0xffff;
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static size_t ipv4_header(uint8_t *ip, const uint8_t *sender, size_t udp_len, uint32_t *sum)
{
	static const uint8_t collector[4] = {192, 0, 2, 250};
	memset(ip, 0, 20);
	ip[0] = 0x45;
	put16(ip + 2, 20 + udp_len);
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, sender, 4);
	memcpy(ip + 16, collector, 4);
	put_checksum(ip + 10, add_words(ip, 20, 0));
	*sum = add_words(ip + 12, 8, 17 + (uint32_t)udp_len);
	return 20;
}

static size_t ipv6_header(uint8_t *ip, const uint8_t *sender, size_t udp_len, uint32_t *sum)
{
	static const uint8_t collector[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x50, [14] = 0x02};
	memset(ip, 0, 40);
	ip[0] = 0x60;
	put16(ip + 4, udp_len);
	ip[6] = 17;
	ip[7] = 64;
	memcpy(ip + 8, sender, 16);
	memcpy(ip + 24, collector, 16);
	*sum = add_words(ip + 8, 32, 17 + (uint32_t)udp_len);
	return 40;
}

size_t frame_make(const char *sender, const char *payload, size_t len, uint8_t *frame)
{
	static const uint8_t ethernet[14] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	uint8_t address[16];
	uint32_t sum;
	size_t at = sizeof(ethernet), udp_len = 8 + len;
	memcpy(frame, ethernet, sizeof(ethernet));
	if (inet_pton(AF_INET, sender, address) == 1) {
		put16(frame + 12, 0x0800);
		at += ipv4_header(frame + at, address, udp_len, &sum);
	} else if (inet_pton(AF_INET6, sender, address) == 1) {
		put16(frame + 12, 0x86dd);
		at += ipv6_header(frame + at, address, udp_len, &sum);
	} else {
		return 0;
	}
	uint8_t *udp = frame + at;
	memset(udp, 0, 8);
	put16(udp, SYSLOG_PORT);
	put16(udp + 2, SYSLOG_PORT);
	put16(udp + 4, udp_len);
	memcpy(udp + 8, payload, len);
	put_checksum(udp + 6, add_words(udp, udp_len, sum));
	return at + udp_len;
}
