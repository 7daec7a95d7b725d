// SPDX-License-Identifier: BSD-3-Clause
// apart: a run in a process of its own, for DPDK starts once in a process and leaves threads
// behind.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Call `run` in a child, which gives back what it has written to `result` (size bytes, at most
// PIPE_BUF; NULL, 0: nothing). What the child has not said on stderr is said here: that it ended by
// a signal. false: it failed.
typedef bool apart_fn(void *context, void *result);
bool apart_run(apart_fn *run, void *context, void *result, size_t size);
