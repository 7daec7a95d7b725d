// SPDX-License-Identifier: BSD-3-Clause
// history_command: the daemon's side of `history`: a walk over what was recorded, from the newest
// to the oldest, as far at a time as the client has room for.
#pragma once

#include "answer.h"

#define HISTORY_LIMIT 1000 // records of one answer, unless more are asked for
#define HISTORY_LIMIT_MAX 1000000

void history_serve(const json_t *arguments, struct answer *answer, struct buffer *out);
