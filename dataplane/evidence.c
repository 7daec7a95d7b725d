// SPDX-License-Identifier: BSD-3-Clause
#include "evidence.h"

#include <assert.h>
#include <stdlib.h>

#include "seq.h"

#define BLOCK_BYTES 248

struct block {
	_Atomic(uint32_t) next;
	uint32_t unused;
	uint64_t words[BLOCK_BYTES / 8];
};

// 256 bytes: most lines with their fields take one.
static_assert(sizeof(struct block) == 256);

struct evidence_pool {
	struct block *blocks;
	uint32_t n_blocks, free_block;
	uint32_t high_water; // blocks from here on have never been used, nor touched
	gauge_t n_free;
};

struct evidence_pool *evidence_pool_create(uint32_t n_blocks)
{
	struct evidence_pool *pool = calloc(1, sizeof(*pool));
	if (pool == NULL)
		return NULL;
	pool->n_blocks = n_blocks;
	pool->blocks = calloc(n_blocks, sizeof(*pool->blocks));
	if (pool->blocks == NULL) {
		free(pool);
		return NULL;
	}
	pool->free_block = EVIDENCE_NO_BLOCK;
	atomic_init(&pool->n_free, n_blocks);
	return pool;
}

void evidence_pool_destroy(struct evidence_pool *pool)
{
	if (pool)
		free(pool->blocks);
	free(pool);
}

uint32_t evidence_blocks_free(const struct evidence_pool *pool)
{
	return gauge_get(&pool->n_free);
}

uint32_t evidence_blocks_max(const struct evidence_pool *pool)
{
	return pool->n_blocks;
}

void evidence_clear(struct evidence *evidence)
{
	*evidence = (struct evidence){.first = EVIDENCE_NO_BLOCK, .last = EVIDENCE_NO_BLOCK};
}

static uint32_t next_of(const struct evidence_pool *pool, uint32_t block)
{
	return atomic_load_explicit(&pool->blocks[block].next, memory_order_relaxed);
}

static void set_next(struct evidence_pool *pool, uint32_t block, uint32_t next)
{
	atomic_store_explicit(&pool->blocks[block].next, next, memory_order_relaxed);
}

// There is one: the caller has looked.
static uint32_t take_block(struct evidence_pool *pool)
{
	uint32_t block = pool->free_block;
	if (block == EVIDENCE_NO_BLOCK)
		block = pool->high_water++;
	else
		pool->free_block = next_of(pool, block);
	set_next(pool, block, EVIDENCE_NO_BLOCK);
	return block;
}

enum evidence_outcome evidence_append(
	struct evidence_pool *pool, struct evidence *evidence, const struct line *line)
{
	size_t size = line_size(line);
	uint32_t room = evidence->bytes % BLOCK_BYTES;
	room = room ? BLOCK_BYTES - room : 0;
	uint32_t n_new =
		size > room ? (uint32_t)((size - room + BLOCK_BYTES - 1) / BLOCK_BYTES) : 0;
	if (evidence->n_lines >= EVIDENCE_LINES_MAX || evidence->bytes + size > EVIDENCE_BYTES_MAX)
		return EVIDENCE_FILLED;
	if (n_new > evidence_blocks_free(pool))
		return EVIDENCE_NO_ROOM;
	const char *from = (const char *)line;
	while (size) {
		uint32_t used = evidence->bytes % BLOCK_BYTES;
		if (used == 0) {
			uint32_t block = take_block(pool);
			if (evidence->last == EVIDENCE_NO_BLOCK)
				evidence->first = block;
			else
				set_next(pool, evidence->last, block);
			evidence->last = block;
		}
		size_t part = BLOCK_BYTES - used < size ? BLOCK_BYTES - used : size;
		seq_store_words((char *)pool->blocks[evidence->last].words + used, from, part,
			HALT_evidence_half);
		evidence->bytes = (uint16_t)(evidence->bytes + part);
		from += part;
		size -= part;
	}
	gauge_add(&pool->n_free, -(int32_t)n_new);
	evidence->n_lines++;
	return EVIDENCE_KEPT;
}

bool evidence_holds(
	const struct evidence_pool *pool, const struct evidence *evidence, const struct line *line)
{
	_Alignas(8) char lines[EVIDENCE_BYTES_MAX];
	const struct line *kept;
	uint32_t offset = 0;
	evidence_read(pool, evidence, lines);
	while ((kept = evidence_line(lines, evidence->bytes, &offset)) != NULL) {
		if (kept->time_ms == line->time_ms && kept->event == line->event &&
			slice_equals(line_text(kept), line_text(line)))
			return true;
	}
	return false;
}

void evidence_free(struct evidence_pool *pool, struct evidence *evidence)
{
	uint32_t block = evidence->first;
	while (block != EVIDENCE_NO_BLOCK) {
		uint32_t next = next_of(pool, block);
		set_next(pool, block, pool->free_block);
		pool->free_block = block;
		gauge_add(&pool->n_free, 1);
		block = next;
	}
	evidence_clear(evidence);
}

void evidence_read(const struct evidence_pool *pool, const struct evidence *evidence, void *out)
{
	uint32_t block = evidence->first;
	size_t left = evidence->bytes <= EVIDENCE_BYTES_MAX ? evidence->bytes : 0;
	char *to = out;
	while (left && block < pool->n_blocks) {
		size_t part = left < BLOCK_BYTES ? left : BLOCK_BYTES;
		seq_load_words(to, pool->blocks[block].words, part);
		to += part;
		left -= part;
		block = next_of(pool, block);
	}
	memset(to, 0, left);
}

const struct line *evidence_line(const void *lines, uint16_t bytes, uint32_t *offset)
{
	if (*offset + sizeof(struct line) > bytes)
		return NULL;
	const struct line *line = (const struct line *)((const char *)lines + *offset);
	if (line->n_values > EVENT_VALUES_MAX || line->code_len > EVENT_CODE_MAX ||
		line->text_len > EVENT_TEXT_MAX || *offset + line_size(line) > bytes)
		return NULL;
	*offset += (uint32_t)line_size(line);
	return line;
}
