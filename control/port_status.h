// SPDX-License-Identifier: BSD-3-Clause
// port_status: the ports as `status` and the log tell of them.
#pragma once

#include <jansson.h>

#include "daemon.h"

// Fills at most PORT_LISTEN_MAX; none where there are no ports, in tests.
size_t ports_read(const struct daemon *daemon, struct port_stats *stats);

// One object a port of `listen`.
json_t *ports_json(const struct daemon *daemon);

// About once a second: a line in the log for each port that has gone, lost its link or come back.
void ports_tick(struct daemon *daemon);
