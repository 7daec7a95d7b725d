// SPDX-License-Identifier: BSD-3-Clause
// text: log text and times on their way into JSON and out of it. Log text is hostile and of any
// bytes; what leaves here is valid UTF-8.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../rules/address.h"
#include "../rules/slice.h"

// A JSON string; bytes that are no UTF-8 become U+FFFD. Control characters are escaped by jansson.
json_t *json_text(struct slice text);

// As json_text(), but null for an empty text.
json_t *json_text_or_null(struct slice text);
json_t *json_address_or_null(const struct address *address);

// "2026-11-21T10:19:27.155Z"
json_t *json_time(uint64_t ms);
// The same, null for 0.
json_t *json_time_or_null(uint64_t ms);
// What they have written, which somebody may have changed; false: it is no such time.
bool json_time_read(const json_t *time, uint64_t *ms);

// The member of an object. NULL: it is no string.
const char *json_string_of(const json_t *object, const char *key);
// NULL: it is empty, too.
const char *json_text_of(const json_t *object, const char *key);
// 0: it is no number, or no time.
uint64_t json_number_of(const json_t *object, const char *key);
uint64_t json_time_of(const json_t *object, const char *key);

#define TIME_TEXT_MAX 32
const char *time_format(uint64_t ms, char *out);
