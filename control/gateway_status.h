// SPDX-License-Identifier: BSD-3-Clause
// gateway_status: one ASA or FTD as `status` shows it, with a warning for each thing that it does
// not send and diagnosis needs, and the command that mends it.
#pragma once

#include <jansson.h>

#include "daemon.h"

// NULL: no gateway has this number.
json_t *gateway_json(const struct daemon *daemon, uint16_t number);

// How far its clock is off, by the time in its last line that had one; 0: it has said none.
int64_t gateway_clock_off_ms(const struct gateway *gateway);

unsigned gateways_known(const struct gateway_table *table);

// About once a second: notice which gateways still hide user names.
void gateways_tick(struct daemon *daemon, uint64_t now_ms);
