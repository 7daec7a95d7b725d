// SPDX-License-Identifier: BSD-3-Clause
// The formats that formats[] names.
#pragma once

#include "format.h"

void format_ecs(const struct record *record, const json_t *object,
	const struct format_context *context, struct buffer *out);
