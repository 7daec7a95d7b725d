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

// Of the same clock, for pthread_cond_timedwait(): in so many ms.
static inline struct timespec clock_steady_after(unsigned ms)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec += ms / 1000;
	time.tv_nsec += (long)(ms % 1000) * 1000000;
	if (time.tv_nsec >= 1000000000) {
		time.tv_sec++;
		time.tv_nsec -= 1000000000;
	}
	return time;
}
