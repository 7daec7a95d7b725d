// SPDX-License-Identifier: BSD-3-Clause
// sampler: where a worker's time goes. Its thread is interrupted some thousand times a second, at
// uneven intervals, and each time the address that it was at is noted. It costs the worker some
// microseconds each time: below 1 %.
//
// What a library is at counts for the stage that called it, Hyperscan for the match.
#pragma once

#include <pthread.h>

#include "parts.h"

// The worker's thread; before sampler_run().
bool sampler_init(pthread_t thread);

// Sample for so many seconds; gives the share of the samples that each stage has. false: there are
// none, or addr2line does not run.
bool sampler_run(double seconds, double shares[PART_MAX]);
