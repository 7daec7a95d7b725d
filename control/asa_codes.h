// SPDX-License-Identifier: BSD-3-Clause
// asa_codes: which ASA messages come, matched or not, and how often, of the million ids there can
// be; and which come most: what an operator would switch off at the gateway, or ask a rule for.
#pragma once

#include <jansson.h>

#include "../dataplane/worker.h"

#define ASA_CODES_TOP 20

struct asa_codes {
	uint32_t next; // id
	unsigned n;
	struct asa_code {
		uint32_t id;
		uint64_t count;
	} top[ASA_CODES_TOP]; // most first
};

// Messages with this id that all workers have had. Any thread.
uint64_t asa_codes_count(const struct workers *workers, uint32_t id);

// Look at the next ids. false: all have been looked at.
bool asa_codes_step(struct asa_codes *codes, const struct workers *workers);

// {"725001":N,...}, most first.
json_t *asa_codes_json(const struct asa_codes *codes);

// All of them, by id, at once: for who may take some milliseconds.
json_t *asa_codes_all_json(const struct workers *workers);
