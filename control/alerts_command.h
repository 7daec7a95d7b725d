// SPDX-License-Identifier: BSD-3-Clause
// alerts_command: `offhook alerts`: facts about the fleet, firing ones first.
#pragma once

#include "answer.h"

void alerts_serve(const json_t *arguments, struct answer *answer, struct buffer *out);
