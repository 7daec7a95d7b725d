// SPDX-License-Identifier: BSD-3-Clause
// halt_readers: everything that control reads of workers at work, one of which is halted.
#pragma once

#include "../../dataplane/halt.h"
#include "../../dataplane/worker.h"

// What is read of the others is whole; of the halted one's just that record is torn, if any, in the
// middle of which it stands, and whoever reads it is told so within his bound. Fails the test
// otherwise.
void halt_readers_check(const struct workers *workers, unsigned halted, enum halt where);
