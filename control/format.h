// SPDX-License-Identifier: BSD-3-Clause
// format: a record in the words of its receiver. All of them say what its ECS document says, so
// what an export tells of a record is decided once; each escapes for itself, for log text is
// hostile. Values are capped, and offhook.truncated says so.
//
// Any thread: nothing is shared but constants.
#pragma once

#include "buffer.h"
#include "record.h"

#define FORMAT_VALUE_MAX 1024 // bytes of one value, of UTF-8 whole characters

// How much of a record is told, from all of it to what still fits a small datagram.
enum format_detail {
	FORMAT_WHOLE,
	FORMAT_NO_EVIDENCE,
	FORMAT_BRIEF,	 // without advice, details and lists either; values of 256 bytes
	FORMAT_SKELETON, // who, what, when, how bad; values of 64 bytes
	FORMAT_BONES,	 // the same; values of 40 bytes
	FORMAT_DETAILS
};

// What is the same for all records of an outlet.
struct format_context {
	const char *host;	       // this machine
	const char *dataset_namespace; // ECS data_stream.namespace; NULL: "default"
	unsigned facility;	       // syslog
	unsigned enterprise;	       // of own SD-IDs
	unsigned pid;
	enum format_detail detail;
};

// The ECS document, which several outlets wrap: a new reference, NULL: out of memory.
//
// object: record_json()
json_t *ecs_document(
	const struct record *record, const json_t *object, const struct format_context *context);

// Writes a document on one line, without a frame around it (no line end, no length).
typedef void (*format_fn)(
	const json_t *document, const struct format_context *context, struct buffer *out);

struct format {
	const char *name; // in the config
	format_fn write;
	bool is_message; // a syslog message as it is; the others go behind a header
};

enum format_number { FORMAT_RFC5424, FORMAT_CEF, FORMAT_LEEF, FORMAT_ECS, FORMATS_MAX };
extern const struct format formats[FORMATS_MAX];
