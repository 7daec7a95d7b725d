// SPDX-License-Identifier: BSD-3-Clause
// What every fuzz target starts with. libFuzzer calls these two; a target aborts on whatever must
// not be, so asserts stay in. The input is a copy of exactly its size on the heap: ASan sees what
// is read past its end.
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../rules/slice.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// An inner slice has no byte outside the outer one.
static inline void assert_inside(struct slice inner, struct slice outer)
{
	if (inner.len == 0)
		return;
	assert(inner.data >= outer.data);
	assert(inner.data + inner.len <= outer.data + outer.len);
}
