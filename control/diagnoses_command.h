// SPDX-License-Identifier: BSD-3-Clause
// diagnoses_command: the daemon's side of `diagnoses`: a walk over the workers' tables, as far at a
// time as the client has room for.
#pragma once

#include "answer.h"
#include "../dataplane/diagnosis.h"

void diagnoses_serve(const json_t *arguments, struct answer *answer, struct buffer *out);

// Whether a diagnosis is shown where nobody has asked for all clients.
bool diagnosis_is_shown(const struct diagnosis *diagnosis, bool all_clients);
