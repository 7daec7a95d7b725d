// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "config.h"

// Whether no two outlets send the same to one place, and, unless at the start, whether there is a
// directory for what they write.
bool config_check_outlets(
	const struct config *config, enum config_moment moment, struct report *report);
