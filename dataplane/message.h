// SPDX-License-Identifier: BSD-3-Clause
// message: one syslog line taken apart, as slices of the datagram; nothing is copied or decoded.
//
// Runs in the worker's loop. Before it: datagram. After it: event. Knows the header variants of
// ASA, FTD and IP phones, with and without relays (no rule knows of headers). Never reads past the
// line.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../rules/address.h"
#include "../rules/slice.h"
#include "shape.h"

enum message_source { MESSAGE_ASA, MESSAGE_PHONE, MESSAGE_OTHER, MESSAGE_SOURCE_MAX };

struct device {
	uint8_t mac[6]; // of SEP<MAC>; all zero: no device
};

struct message {
	enum message_source source;
	uint8_t severity;    // digit of the ASA tag
	uint32_t asa_id;     // six digits
	struct slice code;   // "725006"; of a phone its task, "VPNC"
	struct slice text;   // after the header: what rules see and evidence shows
	struct slice origin; // device-id of the ASA's own header, else the host a relay or phone
			     // put there
	struct slice stamp;   // time of the innermost syslog header, zone included; empty: none
	struct slice clock;   // a phone's own time of day, with its date if it has one; empty: none
	struct device device; // first SEP name in header or text of a phone's line
};

// Next line of a payload: divided by LF, CR or NUL, and at an inner <PRI> that a relay glued on.
// What a stranger typed can hold any of these: event_is_one().
// Blank lines are passed over; false at the end.
bool message_next(struct slice *payload, struct slice *line);

// shapes: headers seen before, NULL: each is taken apart.
void message_parse(struct shape_table *shapes, struct slice line, struct message *out);

#define MESSAGE_TAG_BYTES 14 // "%ASA-6-725006:"

// The same of a line whose first tag of all stands at an offset and is of that form, with an id
// and a header that are known.
void message_parse_tagged(struct slice line, uint32_t tag_at, uint32_t asa_id,
	const struct header_parts *parts, struct message *out);

// First SEP name (SEP and 12 hexadecimal digits, no longer word) in a text.
bool device_find(struct slice text, struct device *out);

// The 12 hexadecimal digits of a SEP name; false, and *out untouched: they are none, or all 0.
bool device_parse(const char *digits, struct device *out);

static inline bool device_is_none(const struct device *device)
{
	static const struct device none;
	return memcmp(device, &none, sizeof(none)) == 0;
}

static inline bool device_equals(const struct device *a, const struct device *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

#define DEVICE_TEXT_MAX 16

// "SEP8CB64F576113" into out[DEVICE_TEXT_MAX]; no device: "".
const char *device_format(const struct device *device, char *out);
