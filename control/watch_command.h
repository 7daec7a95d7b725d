// SPDX-License-Identifier: BSD-3-Clause
// watch_command: the daemon's side of `watch`. The first answer says that the watch has begun
// ({"type":"watching"}); from then on each is one diagnosis as it is now.
#pragma once

#include "answer.h"

void watch_serve(const json_t *arguments, struct answer *answer, struct buffer *out);
