// SPDX-License-Identifier: BSD-3-Clause
// health: whether offhook itself does its work, and if not, why. What is wrong with phones and
// gateways is no matter of its health.
#pragma once

#include <jansson.h>

#include "daemon.h"

// {"state":"ok","reasons":[]} or {"state":"degraded","reasons":["..",..]}
json_t *health_json(const struct daemon *daemon, const struct ledger *ledger);

// Share of a worker's turns in the last ten seconds that had something to do, percent; null:
// unknown.
json_t *health_busy_json(const struct rates *rates, unsigned worker);
