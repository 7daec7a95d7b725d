// SPDX-License-Identifier: BSD-3-Clause
// callgrind: instructions that a mix takes, counted by running bench/offline under valgrind.
#pragma once

#include <stdint.h>

#include "mixes.h"
#include "parts.h"

// program: the path of `offline`. Adds each instruction to the parts of that program, and gives how
// many messages they were for. false: valgrind is not there, or what it wrote cannot be read.
bool callgrind_run(const char *program, enum mix mix, struct parts *parts, uint64_t *n_messages);
