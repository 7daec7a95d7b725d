// SPDX-License-Identifier: BSD-3-Clause
// pattern: what a rule may write in place of a text, for messages that no text can describe. An
// expression can cost every scan, or a compile of minutes: it has to be short with its repeats
// written out, and hold a literal text that most lines lack.
#pragma once

#include <hs.h>
#include <stddef.h>

// All are compiled so. One message matches at most once a line: further ends say nothing new.
#define PATTERN_FLAGS (HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH)

#define PATTERN_BYTES_MAX 256
#define PATTERN_CHARACTERS_MAX 128 // repeats written out: x{3,9} is nine

// NULL: the pattern is taken. Else why not, in `reason` or static.
const char *pattern_refusal(const char *pattern, char *reason, size_t size);
