// SPDX-License-Identifier: BSD-3-Clause
// outward: all that lies between the feed and the outside, put together: what the last daemon knew
// is restored; diagnoses are recorded, alerts made of them; the roster is walked; outlets run.
//
//   feed -> recorder -> alerts, journal -> watch, outlets
//   sessions -> roster -> alerts, journal
//
// Control thread alone.
#pragma once

#include "daemon.h"

// After journal, feed and workers are made, before the workers start. false: out of memory, and
// outward_stop() takes back what there is.
bool outward_start(struct daemon *daemon);
void outward_stop(struct daemon *daemon);

// A bounded part of what there is to do. Whether there is more at once.
bool outward_step(struct daemon *daemon, uint64_t now_ms);
// About once a second.
void outward_tick(struct daemon *daemon, uint64_t now_ms);
// The workers have stopped: what they have told goes into the journal. A second at most.
void outward_finish(struct daemon *daemon);
