// SPDX-License-Identifier: BSD-3-Clause
// shape: headers that have been taken apart before. A sender writes the same header line after
// line, but for the digits of its time; where everything else is the same, so is what was found in
// it.
//
// Runs in the worker's loop; one of these a worker. What it answers is what message.c would find
// without it.
#pragma once

#include "../rules/slice.h"

#define SHAPE_BYTES_MAX 96 // longer headers are not remembered
#define SHAPES_MAX 1024	   // twenty ASAs at two levels hardly ever meet; 200 KiB

// Where in a header its time and its origin stand; a length of 0: it has none.
struct header_parts {
	uint8_t stamp_at, stamp_len, origin_at, origin_len;
};

struct shape {
	uint8_t bytes[SHAPE_BYTES_MAX]; // zero behind its end
	uint8_t exact[SHAPE_BYTES_MAX]; // 0xff: this byte; 0: any digit
	struct header_parts parts;
	uint8_t len; // 0: not in use
};

struct shape_table {
	struct shape shapes[SHAPES_MAX];
};

// Whether a header like this one is remembered.
bool shape_find(const struct shape_table *table, struct slice header, struct header_parts *out);

// Remember it, in place of another perhaps.
void shape_keep(struct shape_table *table, struct slice header, const struct header_parts *parts);
