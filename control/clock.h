// SPDX-License-Identifier: BSD-3-Clause
// clock: the two clocks of the control thread. Never called while packets are handled.
#pragma once

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ms(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// For what is told: milliseconds since the epoch.
static inline uint64_t clock_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

// For waiting: nobody sets it.
static inline uint64_t clock_steady_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}
