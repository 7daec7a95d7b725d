// SPDX-License-Identifier: BSD-3-Clause
// format: a record in the words of its receiver: ECS, CEF, LEEF, RFC 5424 and so on. Log text is
// hostile; each format escapes for itself, caps each value and says so (offhook.truncated).
//
// Any thread: nothing is shared but constants.
#pragma once

#include "buffer.h"
#include "record.h"

#define FORMAT_VALUE_MAX 1024 // bytes of one value, of UTF-8 whole characters

// What is the same for all records of an outlet.
struct format_context {
	const char *host;	       // this machine
	const char *dataset_namespace; // ECS data_stream.namespace
	unsigned facility;	       // syslog
	unsigned enterprise;	       // of own SD-IDs
	unsigned pid;
};

// Writes one record, without a frame around it (no line end, no length). object: record_json().
typedef void (*format_fn)(const struct record *record, const json_t *object,
	const struct format_context *context, struct buffer *out);

struct format {
	const char *name; // in the config
	format_fn write;
};

extern const struct format formats[];
extern const size_t n_formats;

// The ECS document, which several outlets wrap: a new reference, NULL: out of memory.
json_t *ecs_document(
	const struct record *record, const json_t *object, const struct format_context *context);
