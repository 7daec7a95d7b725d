// SPDX-License-Identifier: BSD-3-Clause
#include "outward.h"

#include "clock.h"

#define FINISH_MS 1000

bool outward_start(struct daemon *d)
{
	d->roster = roster_create(d->workers, d->journal);
	d->outlets = outlets_create(d->journal);
	d->recorder = recorder_create(d->feed, d->journal, d->alerts);
	return d->roster && d->outlets && d->recorder &&
	       outlets_set(d->outlets, d->config.outlets, d->config.n_outlets);
}

void outward_stop(struct daemon *d)
{
	outlets_destroy(d->outlets);
	recorder_destroy(d->recorder);
	if (d->roster)
		roster_destroy(d->roster);
}

bool outward_step(struct daemon *d, uint64_t now_ms)
{
	bool more = feed_drain(d->feed);
	more |= recorder_step(d->recorder, now_ms);
	roster_step(d->roster, now_ms);
	return more;
}

void outward_tick(struct daemon *d, uint64_t now_ms)
{
	journal_tick(d->journal, now_ms);
	outlets_tick(d->outlets);
}

void outward_finish(struct daemon *d)
{
	uint64_t start_ms = clock_steady_ms();
	while (clock_steady_ms() - start_ms < FINISH_MS && outward_step(d, clock_wall_ms()))
		;
}
