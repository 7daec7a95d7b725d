// SPDX-License-Identifier: BSD-3-Clause
#include "http_batch.h"

// A record grows by what its receiver wants around it: names, escapes, a second form of its time.
#define GROWTH 2

size_t http_batch_fit(struct record *const *records, size_t n)
{
	size_t fit = 0, bytes = 0;
	while (fit < n) {
		bytes += GROWTH * (size_t)records[fit]->text_len;
		if (fit && bytes > HTTP_BODY_MAX)
			break;
		fit++;
	}
	return fit;
}

// A piece of n was refused. Those before the one that is meant go first; not told, half of it.
static size_t smaller(size_t n, size_t bad)
{
	if (bad == 0)
		return 1;
	return bad < n ? bad : n / 2;
}

static size_t at_most(size_t n, size_t limit)
{
	return limit && limit < n ? limit : n;
}

enum delivery http_batch_send(struct http_batch *batch, http_piece_fn piece, void *state,
	struct outlet_context *context, struct record *const *records, size_t n, size_t *n_done)
{
	*n_done = 0;
	while (*n_done < n && !outlet_must_stop(context)) {
		size_t bad = HTTP_BATCH_UNKNOWN;
		size_t take = http_batch_fit(records + *n_done, n - *n_done);
		take = at_most(at_most(take, batch->max), batch->step);
		switch (piece(state, context, records + *n_done, take, &bad)) {
		case HTTP_DONE:
			*n_done += take;
			batch->step = batch->step && 2 * take < OUTLET_BATCH_MAX ? 2 * take : 0;
			break;
		case HTTP_REFUSED:
			if (take == 1)
				return DELIVERY_REFUSED;
			batch->step = smaller(take, bad);
			break;
		case HTTP_AGAIN:
		case HTTP_DENIED:
			return DELIVERY_RETRY;
		}
	}
	return *n_done == n ? DELIVERY_DONE : DELIVERY_RETRY;
}
