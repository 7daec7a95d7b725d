// SPDX-License-Identifier: BSD-3-Clause
// queue: what is to happen, in the order of time; what happens at the same time, in the order in
// which it was put there. A binary heap.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum happening_kind {
	HAPPENING_RUN,	    // a gateway logs lines: `what` is the first of them
	HAPPENING_PARKED,   // lines of a gateway have waited long enough for others
	HAPPENING_DATAGRAM, // `what` arrives
	HAPPENING_PHONE,    // a phone does what its step says
	HAPPENING_OTHER,    // a PC, a mobile or a scanner does
	HAPPENING_NOISE,    // a gateway logs what has nothing to do with all this
	HAPPENING_OUTAGE,   // something is wrong with a gateway, or no more
	HAPPENING_FAILOVER,
};

struct happening {
	uint64_t at_us, order;
	uint32_t kind, number, step;
	void *what;
};

struct queue {
	struct happening *heap;
	size_t n, size;
	uint64_t order;
};

// `order` is filled in.
void queue_put(struct queue *queue, struct happening happening);
bool queue_take(struct queue *queue, struct happening *out);
void queue_fini(struct queue *queue);
