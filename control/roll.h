// SPDX-License-Identifier: BSD-3-Clause
// roll: what Alertmanagers are to know: every alert that is firing, and those that were until a
// while ago, each in the words of Alertmanager's API v2, and which instance has yet to be told.
//
// An alert's labels are its identity there. Where they change under it (it escalates), what it was
// before ends, and it goes on as another.
//
// The outlet's thread. Time comes in as an argument.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

#define ROLL_MAX 8192	       // entries; the alerts that are kept (ALERTS_MAX), and what they were
#define ROLL_BODY_MAX 256      // alerts in one body
#define ROLL_ENDED_MS 300000   // so long what has ended is told again and again
#define ROLL_UNTOLD_MS 3600000 // and so long to whom has not heard of it

struct roll_entry;

struct roll {
	const char *external_url; // NULL: none
	unsigned n_instances;	  // 32 at most
	struct roll_entry *entries;
	size_t n, size;
	bool failed; // out of memory: something is not in here
};

// n_instances  the Alertmanagers, each of which wants to be told
void roll_init(struct roll *roll, unsigned n_instances, const char *external_url);
void roll_fini(struct roll *roll);

// A state of an alert, as `alerts --json` shows it. An older one than is known changes nothing.
// What is absorbed by another alert does not fire by itself.
void roll_take(struct roll *roll, const json_t *alert, uint64_t now_ms);
// These and no others are firing. wall_ms: the end of those that had been, and are not.
void roll_settle(struct roll *roll, const json_t *const *firing, size_t n, uint64_t wall_ms,
	uint64_t now_ms);
// What has ended long ago goes.
void roll_expire(struct roll *roll, uint64_t now_ms);

// The next body for one instance, from *from on, which moves on: an array; false: there is none.
// everything: not only what it has not been told.
bool roll_write(const struct roll *roll, unsigned instance, bool everything, size_t *from,
	struct buffer *out);
// It has taken the body that was written from there to there.
void roll_told(struct roll *roll, unsigned instance, size_t from, size_t to);
