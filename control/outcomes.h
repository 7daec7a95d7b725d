// SPDX-License-Identifier: BSD-3-Clause
// outcomes: what became of each record of a batch, for receivers that answer record by record. What
// was taken is not sent again when the batch comes back for those that were not.
//
// The outlet's thread.
#pragma once

#include "outlet.h"

enum outcome { OUTCOME_OPEN, OUTCOME_DONE, OUTCOME_REFUSED };

struct outcomes {
	size_t n;
	uint64_t numbers[OUTLET_BATCH_MAX]; // of the records, growing
	enum outcome of[OUTLET_BATCH_MAX];
	char reason[192]; // of the last refusal
};

// These are at hand: what is known of them stays, what is known of others goes.
void outcomes_begin(struct outcomes *outcomes, struct record *const *records, size_t n);
// Places of those that are open, `max` at most; their number.
size_t outcomes_open(const struct outcomes *outcomes, size_t *places, size_t max);
// How the delivery stands: *n_done of those in front are done; then comes none, one that is
// refused, or one that is open (DELIVERY_RETRY). context->error, where it is empty, is the reason.
enum delivery outcomes_tell(
	const struct outcomes *outcomes, struct outlet_context *context, size_t *n_done);
