// SPDX-License-Identifier: BSD-3-Clause
// evidence: the lines that prove a diagnosis, verbatim, in chained blocks of a pool that the
// worker's diagnoses share. Only ever appended to while the diagnosis lives, so a reader that finds
// the diagnosis unchanged afterwards has copied it whole.
#pragma once

#include "line.h"

#define EVIDENCE_LINES_MAX 24
#define EVIDENCE_BYTES_MAX 16384 // of one diagnosis

struct evidence {
	uint32_t first, last; // blocks; EVIDENCE_NO_BLOCK: none
	uint16_t bytes, n_lines;
	uint32_t unused;
};

#define EVIDENCE_NO_BLOCK UINT32_MAX

struct evidence_pool;

struct evidence_pool *evidence_pool_create(uint32_t n_blocks);
void evidence_pool_destroy(struct evidence_pool *pool);

void evidence_clear(struct evidence *evidence);

enum evidence_outcome {
	EVIDENCE_KEPT,
	EVIDENCE_FILLED,  // the diagnosis has its fill
	EVIDENCE_NO_ROOM, // no block is free
};

enum evidence_outcome evidence_append(
	struct evidence_pool *pool, struct evidence *evidence, const struct line *line);

// Whether the same line is there already: of the same time, event and text. The owner only.
bool evidence_holds(
	const struct evidence_pool *pool, const struct evidence *evidence, const struct line *line);

// Give the blocks back.
void evidence_free(struct evidence_pool *pool, struct evidence *evidence);

uint32_t evidence_blocks_free(const struct evidence_pool *pool);
uint32_t evidence_blocks_max(const struct evidence_pool *pool);

// Copy the lines one after the other into out[EVIDENCE_BYTES_MAX], aligned to 8. Any thread; the
// caller then checks that the diagnosis is still the same.
void evidence_read(const struct evidence_pool *pool, const struct evidence *evidence, void *out);

// The line at an offset of what evidence_read() gave; NULL at the end.
const struct line *evidence_line(const void *lines, uint16_t bytes, uint32_t *offset);
