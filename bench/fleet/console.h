// SPDX-License-Identifier: BSD-3-Clause
// console: what phones write into their own logs, and the ways it comes. Sources: tech note 116162
// and field logs; how phones send them is not documented, so each way that can be is there.
#pragma once

#include "attempt.h"

// Whether the phone's log tells of this class in time, or ever.
bool console_tells(const struct phone *phone, enum failure failure);
// One attempt's lines, logged at at_us and sent at sent_us.
void console_tell(struct sim *sim, struct phone *phone, enum failure failure, uint64_t at_us,
	uint64_t sent_us);
// What it logs when all is well with that again.
void console_tell_recovery(
	struct sim *sim, struct phone *phone, enum failure failure, uint64_t at_us);
// What healthy phones log.
void console_tell_health(struct sim *sim, struct phone *phone, uint64_t at_us);
