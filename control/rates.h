// SPDX-License-Identifier: BSD-3-Clause
// rates: what the counters were in the last ten seconds, and so how much comes a second, what was
// lost of late and which worker stands still.
//
// Control thread: sampled about once a second.
#pragma once

#include "ledger.h"

#define RATES_SAMPLES 11 // ten seconds lie between the first and the last

struct rates_sample {
	uint64_t steady_ms;
	struct ledger ledger;
	uint64_t missed; // by ports: never came to a worker
	uint64_t turns[WORKERS_MAX], busy_turns[WORKERS_MAX];
};

struct rates {
	struct rates_sample samples[RATES_SAMPLES]; // a ring
	unsigned newest, n;
};

// ports: not started in tests and tools; then nothing is missed.
void rates_sample(struct rates *rates, const struct workers *workers, const struct port_set *ports,
	uint64_t steady_ms);

// The newest sample, and the one that is `seconds` older, or as old as there is. false: fewer than
// two.
bool rates_span(const struct rates *rates, unsigned seconds, const struct rates_sample **newest,
	const struct rates_sample **older);

// {"packets":N,"messages":N,...} a second, over the last `seconds`; nulls when it is too early to
// say.
json_t *rates_json(const struct rates *rates, unsigned seconds);
