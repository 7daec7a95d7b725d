// SPDX-License-Identifier: BSD-3-Clause
#include "outcomes.h"

#include <stdio.h>

void outcomes_begin(struct outcomes *outcomes, struct record *const *records, size_t n)
{
	size_t old = 0, n_old = outcomes->n;
	for (size_t i = 0; i < n; i++) {
		uint64_t number = records[i]->number;
		// Both grow. What stands before i is written over.
		while (old < n_old && outcomes->numbers[old] < number)
			old++;
		bool is_known = old >= i && old < n_old && outcomes->numbers[old] == number;
		outcomes->of[i] = is_known ? outcomes->of[old] : OUTCOME_OPEN;
		outcomes->numbers[i] = number;
	}
	outcomes->n = n;
}

size_t outcomes_open(const struct outcomes *outcomes, size_t *places, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < outcomes->n && n < max; i++) {
		if (outcomes->of[i] == OUTCOME_OPEN)
			places[n++] = i;
	}
	return n;
}

enum delivery outcomes_tell(
	const struct outcomes *outcomes, struct outlet_context *context, size_t *n_done)
{
	size_t n = 0;
	while (n < outcomes->n && outcomes->of[n] == OUTCOME_DONE)
		n++;
	*n_done = n;
	if (n == outcomes->n)
		return DELIVERY_DONE;
	if (outcomes->of[n] == OUTCOME_OPEN)
		return DELIVERY_RETRY;
	snprintf(context->error, sizeof(context->error), "%s", outcomes->reason);
	return DELIVERY_REFUSED;
}
