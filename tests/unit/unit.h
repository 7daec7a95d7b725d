// SPDX-License-Identifier: BSD-3-Clause
// What every test program starts with: cmocka and the headers it wants before itself, and a few
// assertions on slices.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../rules/slice.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static inline void slice_is(
	struct slice got, const char *wanted, const char *what, const char *file, int line)
{
	if (slice_equals_text(got, wanted))
		return;
	print_error(
		"%s: '%.*s' is not '%s'\n", what, (int)got.len, got.data ? got.data : "", wanted);
	_fail(file, line);
}

// The slice holds this text. An empty slice may have no data.
#define assert_slice(got, wanted) slice_is((got), (wanted), #got, __FILE__, __LINE__)

// A copy of exactly the text's bytes on the heap, so that ASan sees a read past its end.
static inline struct slice slice_exact(const char *bytes, uint32_t len)
{
	char *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	if (len)
		memcpy(copy, bytes, len);
	return (struct slice){copy, len};
}
