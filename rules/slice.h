// SPDX-License-Identifier: BSD-3-Clause
// A view of bytes that somebody else owns: not terminated, not copied, may hold any byte.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *data;
	uint32_t len; // bytes
};

static inline struct slice slice_of(const char *text)
{
	return (struct slice){text, (uint32_t)strlen(text)};
}

static inline bool slice_equals(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool slice_equals_text(struct slice a, const char *text)
{
	return slice_equals(a, slice_of(text));
}

static inline bool slice_starts(struct slice a, const char *prefix)
{
	uint32_t len = (uint32_t)strlen(prefix);
	return a.len >= len && (len == 0 || memcmp(a.data, prefix, len) == 0);
}

// The rest of `a` from byte `from` on; empty when `from` is past the end.
static inline struct slice slice_from(struct slice a, uint32_t from)
{
	if (from > a.len)
		from = a.len;
	return (struct slice){a.data + from, a.len - from};
}

// The first `len` bytes of `a`, or all of it.
static inline struct slice slice_first(struct slice a, uint32_t len)
{
	return (struct slice){a.data, len < a.len ? len : a.len};
}

// Offset of the first occurrence of `needle` in `a`, or -1.
static inline int32_t slice_find(struct slice a, struct slice needle)
{
	const char *at = memmem(a.data, a.len, needle.data, needle.len);
	return at ? (int32_t)(at - a.data) : -1;
}

static inline struct slice slice_trim(struct slice a)
{
	while (a.len && (a.data[0] == ' ' || a.data[0] == '\t' || a.data[0] == '\n'))
		a = slice_from(a, 1);
	while (a.len && (a.data[a.len - 1] == ' ' || a.data[a.len - 1] == '\t' ||
				a.data[a.len - 1] == '\n'))
		a.len--;
	return a;
}

// Copy into a terminated buffer of `size` bytes, cut where it does not fit.
static inline void slice_copy(struct slice a, char *out, size_t size)
{
	size_t len = a.len < size ? a.len : size - 1;
	if (len)
		memcpy(out, a.data, len);
	out[len] = '\0';
}

// Copy the bytes alone; returns their number. An empty slice may have no data at all.
static inline uint32_t slice_put(struct slice a, char *out)
{
	if (a.len)
		memcpy(out, a.data, a.len);
	return a.len;
}
