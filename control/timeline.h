// SPDX-License-Identifier: BSD-3-Clause
// timeline: the lines that tell of one phone, of the gateway and its own, in the order of arrival.
#pragma once

#include <jansson.h>

#include "daemon.h"

struct timeline {
	const struct daemon *daemon;
	unsigned n, max;
	bool cut; // more than max
	struct timeline_entry {
		uint64_t time_ms;
		unsigned order; // of those of one time
		json_t *line;
	} * entries;
};

// false: out of memory.
bool timeline_init(struct timeline *timeline, const struct daemon *daemon, unsigned max);
void timeline_fini(struct timeline *timeline);

// Lines come newest first; once there are `max`, older ones are left out. A line that is already
// there, as evidence often is, is not added again.
//
// ambiguous  it could be another's
void timeline_add(struct timeline *timeline, const struct line *line, bool ambiguous);

// The lines, oldest first: {"time":..,"source":..,"code":..,"text":..,"event":..,"gateway":..,
// "ambiguous":..}.
json_t *timeline_json(struct timeline *timeline);
