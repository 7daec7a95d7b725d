// SPDX-License-Identifier: BSD-3-Clause
// halt_traffic: a capture, looped for ever on one queue a worker, whose lines lead a worker through
// every place of dataplane/halt.h by the rules of scene_pack.h: phones that fail, come and move,
// strangers whose sessions end, and noise.
#pragma once

#include "../../dataplane/port.h"

#define HALT_TRAFFIC_PHONES 150
#define HALT_TRAFFIC_STRANGERS 2500

// Starts the EAL and the port. Fails the test when that does not work.
void halt_traffic_start(struct port_set *ports, uint16_t n_workers);

// Of the packets of one queue, from one to before another: how many no rule knows.
uint64_t halt_traffic_noise(uint64_t from, uint64_t to);
