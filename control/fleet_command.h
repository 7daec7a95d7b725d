// SPDX-License-Identifier: BSD-3-Clause
// fleet_command: `offhook fleet`: each gateway with its phones, what they suffer from, its
// certificates, its logins and its last line.
#pragma once

#include "answer.h"

void fleet_serve(const json_t *arguments, struct answer *answer, struct buffer *out);
