// SPDX-License-Identifier: BSD-3-Clause
// rules_command: `offhook rules check DIR` and `offhook rules test DIR`.
#pragma once

#include <jansson.h>

// arguments: as the command table has them. Returns the exit code.
int rules_main(const json_t *arguments);
