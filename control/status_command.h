// SPDX-License-Identifier: BSD-3-Clause
// status_command: the daemon's side of `status`: one object, its list of gateways made as the
// client takes it.
#pragma once

#include "answer.h"

void status_serve(const json_t *arguments, struct answer *answer, struct buffer *out);

// All but the gateways and the ASA codes.
json_t *status_json(const struct daemon *daemon);
