// SPDX-License-Identifier: BSD-3-Clause
// An IP address, the join key of everything: 16 bytes, IPv4 as an IPv4-mapped IPv6 address
// (RFC 4291 section 2.5.5.2), so that both families share one table and one comparison.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "slice.h"

#define ADDRESS_TEXT_MAX 46 // INET6_ADDRSTRLEN

struct address {
	uint8_t bytes[16]; // network order; all zero: no address
};

static inline struct address address_of_ipv4(uint32_t network_order)
{
	struct address a = {.bytes = {[10] = 0xff, [11] = 0xff}};
	memcpy(a.bytes + 12, &network_order, 4);
	return a;
}

static inline bool address_equals(const struct address *a, const struct address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static inline bool address_is_none(const struct address *a)
{
	static const struct address none;
	return address_equals(a, &none);
}

bool address_is_ipv4(const struct address *a);
bool address_is_loopback(const struct address *a);
bool address_is_multicast(const struct address *a); // or IPv4's broadcast

// Whole text must be one address; a zone (%eth0) is refused. "0.0.0.0" and "::" parse to no
// address. On false *out is untouched.
bool address_parse(struct slice text, struct address *out);

// Canonical text (RFC 5952 for IPv6) into out[ADDRESS_TEXT_MAX]; returns out. No address: "".
const char *address_format(const struct address *a, char *out);
