// SPDX-License-Identifier: BSD-3-Clause
// phone_command: the daemon's side of `phone`: whoever a key can mean, each with time line,
// diagnoses, evidence and remedy.
#pragma once

#include "answer.h"

#define PHONE_MATCHES_MAX 32   // told of one key
#define PHONE_DIAGNOSES_MAX 32 // of one match, the latest
#define TIMELINE_MAX 200       // lines of one match, the latest

void phone_serve(const json_t *arguments, struct answer *answer, struct buffer *out);
