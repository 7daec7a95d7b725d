// SPDX-License-Identifier: BSD-3-Clause
#include "address.h"

#include <arpa/inet.h>

bool address_is_ipv4(const struct address *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	return memcmp(a->bytes, mapped, sizeof(mapped)) == 0;
}

bool address_is_loopback(const struct address *a)
{
	static const struct address six = {.bytes = {[15] = 1}};
	return address_equals(a, &six) || (address_is_ipv4(a) && a->bytes[12] == 127);
}

bool address_is_multicast(const struct address *a)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};
	if (!address_is_ipv4(a))
		return a->bytes[0] == 0xff;
	return a->bytes[12] >> 4 == 0xe || memcmp(a->bytes + 12, broadcast, 4) == 0;
}

// Dotted quad without leading zeros, as an ASA prints it; inet_pton would need a terminated copy.
static bool parse_ipv4(struct slice text, struct address *out)
{
	const char *at = text.data, *end = text.data + text.len;
	uint32_t quad = 0;
	if (text.len < sizeof("0.0.0.0") - 1 || text.len > sizeof("255.255.255.255") - 1)
		return false;
	for (int part = 0; part < 4; part++) {
		unsigned value = at < end ? (unsigned)(*at - '0') : 10, digit;
		if (value > 9)
			return false;
		bool zero = value == 0;
		at++;
		while (at < end && (digit = (unsigned)(*at - '0')) <= 9) {
			value = value * 10 + digit;
			if (zero || value > 255)
				return false;
			at++;
		}
		quad = quad << 8 | value;
		if (part < 3 && (at == end || *at++ != '.'))
			return false;
	}
	*out = address_of_ipv4(htonl(quad));
	return at == end;
}

static bool parse_ipv6(struct slice text, struct address *out)
{
	char copy[ADDRESS_TEXT_MAX];
	if (text.len >= sizeof(copy) || memchr(text.data, ':', text.len) == NULL)
		return false;
	slice_copy(text, copy, sizeof(copy));
	return strlen(copy) == text.len && inet_pton(AF_INET6, copy, out->bytes) == 1;
}

bool address_parse(struct slice text, struct address *out)
{
	if (text.len == 0)
		return false;
	struct address parsed;
	if (!parse_ipv4(text, &parsed) && !parse_ipv6(text, &parsed))
		return false;
	static const uint8_t zero[4];
	bool none = address_is_ipv4(&parsed) && memcmp(parsed.bytes + 12, zero, 4) == 0;
	*out = none ? (struct address){0} : parsed;
	return true;
}

const char *address_format(const struct address *a, char *out)
{
	out[0] = '\0';
	if (address_is_ipv4(a))
		inet_ntop(AF_INET, a->bytes + 12, out, ADDRESS_TEXT_MAX);
	else if (!address_is_none(a))
		inet_ntop(AF_INET6, a->bytes, out, ADDRESS_TEXT_MAX);
	return out;
}
