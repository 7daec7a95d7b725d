// SPDX-License-Identifier: BSD-3-Clause
// replay: captures and text logs through the very code of the daemon, offline, on their own clock.
#pragma once

#include <jansson.h>

#define REPLAY_WORKERS_MAX 16

// offhook replay FILE... ; arguments: as the command table has them. Returns the exit code.
int replay_main(const json_t *arguments);
