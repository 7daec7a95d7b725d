// SPDX-License-Identifier: BSD-3-Clause
// hec: the bodies and answers of Splunk's HTTP Event Collector.
// Source: Splunk Enterprise 9 documentation, "Format events for HTTP Event Collector" and
// "Troubleshoot HTTP Event Collector"; Common Information Model 5: Alerts, Network Sessions,
// Certificates.
#pragma once

#include "format.h"
#include "http_client.h"

struct hec_options {
	const char *index, *source, *sourcetype; // index NULL: the token's own
	const char **fields;			 // "name=value", the last one NULL; or NULL
};

// One event: where it belongs, CIM's names, and the record itself under `offhook`.
void hec_write(const struct record *record, const struct hec_options *options,
	const struct format_context *context, struct buffer *out);

// What the answer means; without a word of success nothing was taken. HTTP_REFUSED: *bad as
// http_piece_fn. *ack: the number to ask for later, or -1. What the receiver says is added to
// *error.
enum http_verdict hec_read(enum http_verdict verdict, const struct http_answer *answer, size_t *bad,
	int64_t *ack, char *error, size_t size);

// Whether the answer of the ack interface says that this one has been indexed.
bool hec_is_acknowledged(const struct http_answer *answer, int64_t ack);
