// SPDX-License-Identifier: BSD-3-Clause
#include "shape.h"

#include <ctype.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define TAIL 16 // bytes before the tag: a time of this second, or the name of the sender

typedef uint8_t vector __attribute__((vector_size(16), aligned(16)));
#define VECTORS (SHAPE_BYTES_MAX / sizeof(vector))

union padded {
	vector vectors[VECTORS];
	uint8_t bytes[SHAPE_BYTES_MAX];
};

// By how it begins (<PRI>), how it ends, and its length.
static uint32_t place_of(struct slice header)
{
	uint64_t words[3] = {header.len};
	uint32_t tail = header.len < TAIL ? header.len : TAIL;
	memcpy(words, header.data, header.len < 5 ? header.len : 5);
	memcpy(words + 1, header.data + header.len - tail, tail);
	words[0] ^= (uint64_t)header.len << 48;
	return (uint32_t)XXH3_64bits(words, sizeof(words)) % SHAPES_MAX;
}

static bool is_like(const struct shape *shape, struct slice header)
{
	union padded here = {0};
	vector differs = {0};
	memcpy(here.bytes, header.data, header.len);
	for (size_t i = 0; i * sizeof(vector) < header.len; i++) {
		vector bytes, exact, other;
		memcpy(&bytes, shape->bytes + i * sizeof(vector), sizeof(vector));
		memcpy(&exact, shape->exact + i * sizeof(vector), sizeof(vector));
		other = (vector)(here.vectors[i] - '0' > 9);
		differs |= ((here.vectors[i] ^ bytes) & exact) | (other & ~exact);
	}
	uint64_t words[2];
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
