// SPDX-License-Identifier: BSD-3-Clause
// utf8: whether bytes are well-formed UTF-8 (RFC 3629). Rule files have to be; log text need not.
#pragma once

#include <stddef.h>

// Bytes of the well-formed sequence at `at`, 1 to 4; 0: there is none. left: bytes that may be
// read.
unsigned utf8_length(const char *at, size_t left);
