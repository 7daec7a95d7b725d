// SPDX-License-Identifier: BSD-3-Clause
// scenario: every number and share of a simulation, read from a YAML file; what the file does not
// say keeps its default (default.yaml says them all, and what they mean).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"

#include "../../rules/report.h"

struct scenario {
	uint64_t duration_ms, morning_ms;
	struct {
		uint64_t count, rate_limit, zone_hours, skew_ms;
		double quiet, hidden, duplicated, rate_limited, failover, ipv6, skewed, alike;
	} gateways;
	struct {
		uint64_t count, site_phones;
		double failing, recovering, unseen, at_site, ipv6, typed, moving, resetting,
			blinking, leaving;
	} phones;
	struct {
		double relay, direct, later;
	} console;
	struct {
		uint64_t pcs, mobiles;
		double failing, at_home, recovering;
	} others;
	struct {
		uint64_t count, handshakes, stall_ms;
		double stalled, shunned;
	} scanners;
	struct {
		uint64_t noise, reordered_ms, pool_rest_ms;
		double separated, lost, reordered;
	} lines;
	uint64_t failures[N_FAILURES]; // weight of each class of a phone
	uint64_t outages[N_OUTAGES];   // how many of each class of a gateway
};

// False: the report says why.
bool scenario_read(struct scenario *scenario, const char *path, struct report *report);
