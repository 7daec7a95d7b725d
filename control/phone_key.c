// SPDX-License-Identifier: BSD-3-Clause
#include "phone_key.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#define KEY_TEXT_MAX 64 // longer than any name that holds a device

// "sep8cb64f576113", "8CB6.4F57.6113", "8c:b6:4f:57:61:13", "CP-7962G-SEP8CB64F576113"
static bool parse_device(const char *text, struct device *out)
{
	char upper[KEY_TEXT_MAX] = "", digits[3 + 12 + 1] = "SEP";
	size_t n = 3;
	if (strlen(text) >= sizeof(upper))
		return false;
	for (size_t i = 0; text[i]; i++)
		upper[i] = (char)toupper((unsigned char)text[i]);
	if (device_find(slice_of(upper), out))
		return true;
	for (const char *c = upper; *c; c++) {
		if (strchr(":.-", *c))
			continue;
		if (!isxdigit((unsigned char)*c) || n == sizeof(digits) - 1)
			return false;
		digits[n++] = *c;
	}
	return n == sizeof(digits) - 1 && device_find(slice_of(digits), out);
}

struct phone_key phone_key_parse(const char *text)
{
	struct phone_key key = {.user = text};
	if (!address_parse(slice_of(text), &key.address))
		key.address = (struct address){0};
	if (!parse_device(text, &key.device))
		key.device = (struct device){0};
	return key;
}

static bool is_address(const struct phone_key *key, const struct address *address)
{
	return !address_is_none(&key->address) && address_equals(&key->address, address);
}

static bool is_device(const struct phone_key *key, const struct device *device)
{
	return !device_is_none(&key->device) && device_equals(&key->device, device);
}

bool phone_key_is_client(const struct phone_key *key, const struct address *client)
{
	return is_address(key, client);
}

bool phone_key_is_identity(const struct phone_key *key, const struct identity *identity)
{
	return is_address(key, &identity->tunnel) || is_device(key, &identity->device) ||
	       (key->user[0] && strcasecmp(key->user, identity->user) == 0);
}

bool phone_key_is_diagnosis(const struct phone_key *key, const struct diagnosis *d)
{
	return is_address(key, &d->client) || is_address(key, &d->tunnel) ||
	       is_device(key, &d->device) || (key->user[0] && strcasecmp(key->user, d->user) == 0);
}
