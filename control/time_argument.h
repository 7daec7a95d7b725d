// SPDX-License-Identifier: BSD-3-Clause
// time_argument: a moment as somebody types it: "2026-11-26", "2026-11-26T09:30:00Z",
// "2026-11-26 09:30", all in UTC where no zone stands, or an age: "2h", "7d".
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TIME_ARGUMENT_FORMS "2026-11-26, 2026-11-26T09:30:00Z, or an age: 30m, 2h, 7d"

// Milliseconds since the epoch. false: it is none.
bool time_argument_parse(const char *text, uint64_t now_ms, uint64_t *out_ms);
