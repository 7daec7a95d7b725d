// SPDX-License-Identifier: BSD-3-Clause
// failures: which phones the diagnoses speak of, found by the phone: gathered from the workers'
// tables a round at a time, a place after the other.
//
// Control thread alone.
#pragma once

#include "../dataplane/worker.h"

// How a phone fares.
enum fare {
	FARE_UNKNOWN,	// neither: nothing is known of a tunnel, or what is open can be another's
	FARE_OK,	// it has had a tunnel since it last failed, and nothing is open
	FARE_SUSPECTED, // of what is open nothing is more than a suspicion
	FARE_FAILING,	// a diagnosis is open that is probable, or more
	FARE_MAX,
};

struct failures;

// n_max: diagnoses of all workers. seed: of the hash of addresses. NULL: out of memory.
struct failures *failures_create(size_t n_max, uint64_t seed);
void failures_destroy(struct failures *failures);

// What was gathered is forgotten.
void failures_begin(struct failures *failures);
void failures_add(struct failures *failures, const struct diagnosis *diagnosis);

enum fare failures_fare(const struct failures *failures, const struct session *session,
	const struct identity *phone);
