// SPDX-License-Identifier: BSD-3-Clause
#include "queue.h"

#include <stdlib.h>

static bool before(const struct happening *a, const struct happening *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void queue_put(struct queue *queue, struct happening happening)
{
	happening.order = queue->order++;
	if (queue->n == queue->size) {
		queue->size = queue->size ? queue->size * 2 : 1024;
		queue->heap = realloc(queue->heap, queue->size * sizeof(queue->heap[0]));
		if (queue->heap == NULL)
			abort();
	}
	size_t at = queue->n++;
	for (; at > 0 && before(&happening, &queue->heap[(at - 1) / 2]); at = (at - 1) / 2)
		queue->heap[at] = queue->heap[(at - 1) / 2];
	queue->heap[at] = happening;
}

bool queue_take(struct queue *queue, struct happening *out)
{
	if (queue->n == 0)
		return false;
	*out = queue->heap[0];
	struct happening last = queue->heap[--queue->n];
	size_t at = 0;
	for (size_t child; (child = at * 2 + 1) < queue->n; at = child) {
		if (child + 1 < queue->n && before(&queue->heap[child + 1], &queue->heap[child]))
			child++;
		if (!before(&queue->heap[child], &last))
			break;
		queue->heap[at] = queue->heap[child];
	}
	queue->heap[at] = last;
	return true;
}

void queue_fini(struct queue *queue)
{
	free(queue->heap);
}
