// SPDX-License-Identifier: BSD-3-Clause
// port_status: the ports as `status` and the log tell of them.
#pragma once

#include <jansson.h>

#include "daemon.h"

// One object a port of `listen`.
json_t *ports_json(const struct daemon *daemon);

// About once a second: a line in the log for each port that has gone, lost its link or come back.
void ports_tick(struct daemon *daemon);
