// SPDX-License-Identifier: BSD-3-Clause
// syslog_header: what stands before the text of a syslog message.
#pragma once

#include "format.h"

#define SYSLOG_APP "offhookd"

// RFC 5424, up to and with the blank before STRUCTURED-DATA:
//   "<131>1 2024-11-21T10:19:27.432Z corr-1 offhookd 812 cert-hash-mismatch "
void syslog_header_5424(
	const json_t *document, const struct format_context *context, struct buffer *out);
// As it was before (RFC 3164), in UTC: "<131>Nov 21 10:19:27 corr-1 "
void syslog_header_3164(
	const json_t *document, const struct format_context *context, struct buffer *out);
