// SPDX-License-Identifier: BSD-3-Clause
// outbox: says to control "look at this diagnosis"; never waits. The truth is the diagnosis itself:
// when the ring is full, control is told to look at all of them.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rte_ring;

struct outbox {
	struct rte_ring *ring; // single producer: the worker; single consumer: control
	atomic_bool overflowed;
};

// n: a power of two. -ENOMEM.
[[nodiscard]] int outbox_init(struct outbox *outbox, unsigned n);
void outbox_fini(struct outbox *outbox);

void outbox_push(struct outbox *outbox, uint32_t diagnosis);

// Control thread. false: empty.
bool outbox_pop(struct outbox *outbox, uint32_t *diagnosis);

// Control thread: whether something was not said since the last call.
bool outbox_take_overflow(struct outbox *outbox);
