// SPDX-License-Identifier: BSD-3-Clause
// bulk: the body and the answer of Elasticsearch's and OpenSearch's bulk interface.
// Source: Elasticsearch 8.17 reference, "Bulk API"; data streams take the action `create` alone.
#pragma once

#include "format.h"
#include "outcomes.h"

// What may be the last part of a data stream's name. Another one would be refused with each record.
// Source: Elastic, "An introduction to the Elastic data stream naming scheme": at most 100 bytes,
// lower case, no `-`, none of \ / * ? " < > | , # : and no blank. Fewer are taken here.
bool bulk_is_namespace(const char *text);

// Two lines: the action, with the record's event id as _id, so that what comes twice is told
// apart; the document.
void bulk_write(
	const struct record *record, const struct format_context *context, struct buffer *out);

// The answer to those records of a batch that stood at `places`. What was taken, now or before
// (status 409), is done; what would never be is refused; what the receiver was too busy for, or
// what it denies, stays open. false: *error says why some are open, or what is wrong with the
// answer.
bool bulk_read(const char *answer, size_t len, const size_t *places, size_t n,
	struct outcomes *outcomes, char *error, size_t size);
