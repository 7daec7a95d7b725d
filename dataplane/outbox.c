// SPDX-License-Identifier: BSD-3-Clause
#include "outbox.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

int outbox_init(struct outbox *outbox, unsigned n)
{
	ssize_t bytes = rte_ring_get_memsize_elem(sizeof(uint32_t), n);
	atomic_init(&outbox->overflowed, false);
	outbox->ring = bytes < 0 ? NULL : aligned_alloc(RTE_CACHE_LINE_SIZE, (size_t)bytes);
	if (outbox->ring == NULL ||
		rte_ring_init(outbox->ring, "outbox", n, RING_F_SP_ENQ | RING_F_SC_DEQ) < 0) {
		outbox_fini(outbox);
		return -ENOMEM;
	}
	return 0;
}

void outbox_fini(struct outbox *outbox)
{
	free(outbox->ring);
	outbox->ring = NULL;
}

void outbox_push(struct outbox *outbox, uint32_t diagnosis)
{
	if (rte_ring_sp_enqueue_elem(outbox->ring, &diagnosis, sizeof(diagnosis)) < 0)
		atomic_store_explicit(&outbox->overflowed, true, memory_order_release);
}

bool outbox_pop(struct outbox *outbox, uint32_t *diagnosis)
{
	return rte_ring_sc_dequeue_elem(outbox->ring, diagnosis, sizeof(*diagnosis)) == 0;
}

bool outbox_take_overflow(struct outbox *outbox)
{
	return atomic_load_explicit(&outbox->overflowed, memory_order_relaxed) &&
	       atomic_exchange_explicit(&outbox->overflowed, false, memory_order_acquire);
}
