// SPDX-License-Identifier: BSD-3-Clause
// event_id: "ID:SEQUENCE", what makes one state of one diagnosis or alert the only one: receivers
// tell by it what has come twice.
#pragma once

#include <stdio.h>

#include "record.h"

#define EVENT_ID_MAX 512 // bytes, as Elasticsearch's _id may have; a longer one is hashed
#define EVENT_ID_HEADER_MAX (3 * EVENT_ID_MAX + 64)

// Returns out, which has room for EVENT_ID_MAX + 1 bytes.
const char *event_id_format(const struct record *record, const json_t *object, char *out);

// "Name: ID:SEQUENCE" as a header of HTTP; what is not printable ASCII as %XX.
const char *event_id_header(const char *name, const struct record *record, char *out);
