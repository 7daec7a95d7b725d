// SPDX-License-Identifier: BSD-3-Clause
// ledger: the counters of one worker, or of all, read while they run, so that the sums hold in what
// is shown:
//
//   packets  = datagrams + fragments_merged + sum of dropped
//   messages = asa + phone + other
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "../dataplane/worker.h"

struct ledger {
#define X(name, help) uint64_t name;
	COUNTERS(X)
#undef X
	uint64_t dropped[DROP_MAX];
	uint64_t events_dropped[EVENT_DROP_MAX];
	bool is_exact; // what was counted adds up
};

// A worker counts a packet and its fate one after the other, so a reader can find it between the
// two. What is shown is then the sum of the fates, and is_exact says that the count of packets was
// where it had to be.
void ledger_read(const struct counters *counters, struct ledger *out);

void ledger_read_all(const struct workers *workers, struct ledger *out);

extern const char *const event_drop_names[EVENT_DROP_MAX];

// Whether such events are lost for want of room. The others name nobody, or somebody unknown, which
// is in the nature of the lines.
bool event_drop_is_for_room(enum event_drop reason);

uint64_t ledger_dropped(const struct ledger *ledger);
uint64_t ledger_events_dropped(const struct ledger *ledger);

// Every counter by its name, with the objects by_source, dropped and events_dropped, as `replay
// --stats` has them.
json_t *ledger_json(const struct ledger *ledger);

// {"slug":N,...}: how often each event has come.
json_t *ledger_events_json(const struct workers *workers, const struct registry *names);
