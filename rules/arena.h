// SPDX-License-Identifier: BSD-3-Clause
// An arena (a GNU obstack) for everything that a ruleset points to: allocated piece by piece while
// it is compiled, freed at once when it is retired. Out of memory ends the process, as for any
// obstack: this is start-up and reload, on the control thread, under limits far below memory.
#pragma once

#include <obstack.h>
#include <stdlib.h>

#include "slice.h"

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

static inline void *arena_zeroed(struct obstack *arena, size_t size)
{
	return memset(obstack_alloc(arena, (int)size), 0, size);
}

// A terminated copy.
static inline const char *arena_text(struct obstack *arena, struct slice text)
{
	return obstack_copy0(arena, text.data, (int)text.len);
}
