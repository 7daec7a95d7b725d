// SPDX-License-Identifier: BSD-3-Clause
// http_batch: a batch of records in pieces, for receivers that take or refuse a body as a whole.
// What is refused is halved until the record that it is about stands alone.
//
// The outlet's thread.
#pragma once

#include "http_client.h"

struct http_batch {
	size_t max;  // records in a piece; 0: as many as go into a body
	size_t step; // after a refusal: records in the next one
};

#define HTTP_BATCH_UNKNOWN SIZE_MAX

// One body of n records. HTTP_REFUSED: *bad is the place of the record that is meant, where the
// receiver says so. Anything but HTTP_DONE: context->error.
typedef enum http_verdict (*http_piece_fn)(void *state, struct outlet_context *context,
	struct record *const *records, size_t n, size_t *bad);

// As outlet_kind.send.
enum delivery http_batch_send(struct http_batch *batch, http_piece_fn piece, void *state,
	struct outlet_context *context, struct record *const *records, size_t n, size_t *n_done);

// How many of the records, one at least, go into a body.
size_t http_batch_fit(struct record *const *records, size_t n);
