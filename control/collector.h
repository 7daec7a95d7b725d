// SPDX-License-Identifier: BSD-3-Clause
// collector: the last state of every diagnosis of a replay, kept beyond its place in the tables.
// Takes the place of the daemon's watchers: it reads what the outboxes point to and acknowledges.
#pragma once

#include <jansson.h>

#include "../dataplane/worker.h"

struct collector;

struct collector *collector_create(struct workers *workers);
void collector_destroy(struct collector *collector);

// Take what the workers have to tell. -ENOMEM.
[[nodiscard]] int collector_take(struct collector *collector);

// Every diagnosis, sorted by first_seen, then client_ip, then name, as JSON objects.
json_t *collector_json(struct collector *collector, enum language language);
