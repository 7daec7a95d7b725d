// SPDX-License-Identifier: BSD-3-Clause
// phone_record: what is kept of a phone for the next start (RECORD_PHONE), as JSON: who it is, its
// addresses, and when it was connected last. Names as `phone` has them.
#pragma once

#include <jansson.h>

#include "../dataplane/restore.h"

// A reload or two later it is still right: times that go on all the time are written anew only when
// they have grown by so much.
#define PHONE_REFRESH_MS (6 * 3600000ull)

// NULL: out of memory.
json_t *phone_record_json(const struct session *session, const struct identity *phone,
	const struct gateway_table *gateways);

// Its device, else its user and gateway, else its address: what tells it from all others. Valid as
// long as the object; out[PHONE_KEY_MAX] may hold it.
#define PHONE_KEY_MAX 256
const char *phone_record_key(const json_t *object, char *out);

// Who it is, by the names that a diagnosis has too; false: something in it is no such thing. A
// gateway's diagnosis has no key.
bool known_phone_read(const json_t *object, struct known_phone *out);
// false: it is no such record.
bool phone_record_read(const json_t *object, struct known_phone *out);
