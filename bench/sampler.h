// SPDX-License-Identifier: BSD-3-Clause
// sampler: where a worker's time goes. Its thread is interrupted some thousand times a second, at
// uneven intervals, and each time the address that it was at is noted. It costs the worker some
// microseconds each time: below 1 %.
//
// What a library is at counts for the stage that called it, Hyperscan for the match.
#pragma once

#include "parts.h"

// Before the worker is launched on this lcore; false: its thread does not answer.
bool sampler_init(unsigned lcore);

// Sample for so many seconds; gives the share of the samples that each stage has. false: there are
// none, or addr2line does not run.
bool sampler_run(double seconds, double shares[PART_MAX]);
