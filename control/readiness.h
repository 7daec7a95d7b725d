// SPDX-License-Identifier: BSD-3-Clause
// readiness: whether offhook does what others wait for: its ports are up, its rules are in force,
// and not all of its outputs are down.
#pragma once

#include "buffer.h"
#include "metrics.h"

// A line for each reason why not; adds nothing where it is ready. Returns whether it is.
bool readiness_tell(
	const struct daemon *daemon, const struct metrics_source *source, struct buffer *out);
