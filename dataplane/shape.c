// SPDX-License-Identifier: BSD-3-Clause
#include "shape.h"

#include <assert.h>
#include <ctype.h>

typedef uint8_t vector __attribute__((vector_size(16)));

static vector load(const void *from)
{
	vector v;
	memcpy(&v, from, sizeof(v));
	return v;
}

static_assert(SHAPES_MAX == 1 << 10);

// By how it begins (<PRI>), how it ends, and its length. The factor is 2^64 over the golden ratio:
// the upper bits of the product hang on all others (Knuth, TAOCP 3, 6.4).
static uint32_t place_of(struct slice header)
{
	uint8_t padded[16] = {0};
	const void *whole = header.data;
	uint64_t hash, words[2];
	uint32_t last = 0;
	if (header.len < sizeof(padded))
		whole = memcpy(padded, header.data, header.len);
	else
		last = header.len - (uint32_t)sizeof(words);
	memcpy(&hash, whole, sizeof(hash));
	memcpy(words, (const char *)whole + last, sizeof(words));
	hash = (hash & 0xffffffffff) ^ (uint64_t)header.len << 48; // "<189>"
	for (int i = 0; i < 2; i++)
		hash = (hash ^ hash >> 32 ^ words[i]) * 0x9e3779b97f4a7c15;
	return (uint32_t)(hash >> 54);
}

// Bits that are set where a header is not as the shape has it, over 16 bytes.
static vector difference(const struct shape *shape, uint32_t at, vector here)
{
	vector bytes = load(shape->bytes + at), exact = load(shape->exact + at);
	vector other = (vector)(here - '0' > 9);
	return ((here ^ bytes) & exact) | (other & ~exact);
}

static bool is_like(const struct shape *shape, struct slice header)
{
	vector differs = {0};
	uint64_t words[2];
	uint8_t padded[16] = {0};
	if (header.len < 16) {
		memcpy(padded, header.data, header.len);
		differs = difference(shape, 0, load(padded));
	} else { // the last 16 bytes once more, rather than what is behind them
		for (uint32_t at = 0; at + 16 < header.len; at += 16)
			differs |= difference(shape, at, load(header.data + at));
		uint32_t last = header.len - 16;
		differs |= difference(shape, last, load(header.data + last));
	}
	memcpy(words, &differs, sizeof(words));
	return (words[0] | words[1]) == 0;
}

bool shape_find(const struct shape_table *table, struct slice header, struct header_parts *out)
{
	if (header.len == 0 || header.len > SHAPE_BYTES_MAX)
		return false;
	const struct shape *shape = &table->shapes[place_of(header)];
	if (shape->len != header.len || !is_like(shape, header))
		return false;
	*out = shape->parts;
	return true;
}

void shape_keep(struct shape_table *table, struct slice header, const struct header_parts *parts)
{
	if (header.len == 0 || header.len > SHAPE_BYTES_MAX)
		return;
	struct shape *shape = &table->shapes[place_of(header)];
	*shape = (struct shape){.parts = *parts, .len = (uint8_t)header.len};
	memcpy(shape->bytes, header.data, header.len);
	memset(shape->exact, 0xff, sizeof(shape->exact));
	for (uint32_t i = parts->stamp_at; i < (uint32_t)parts->stamp_at + parts->stamp_len; i++) {
		if (isdigit(shape->bytes[i]))
			shape->exact[i] = 0;
	}
}
