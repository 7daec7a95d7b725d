// SPDX-License-Identifier: BSD-3-Clause
#include "outward.h"

#include "clock.h"
#include "log.h"
#include "restore.h"

#define FINISH_MS 1000

static void log_restored(const struct restored *r)
{
	if (r->n_phones || r->n_diagnoses)
		log_line(LOG_NOTICE, "restored: %u phones at %u gateways, %u diagnoses",
			r->n_phones, r->n_gateways, r->n_diagnoses);
	if (r->n_full || r->n_refused || r->n_lines_unknown)
		log_line(LOG_WARNING,
			"not restored: %u for want of room, %u that are wrong, %u lines that no rule knows",
			r->n_full, r->n_refused, r->n_lines_unknown);
}

static void restore_alert(void *context, const char *key, json_t *object)
{
	(void)key;
	alerts_restore(context, object);
}

static bool restore(struct daemon *d)
{
	struct restored restored;
	if (!restore_all(d->workers, d->journal, d->roster, clock_wall_ms(), &restored))
		return false;
	journal_each(d->journal, RECORD_ALERT, 0, restore_alert, d->alerts);
	recorder_restored(d->recorder);
	log_restored(&restored);
	return true;
}

bool outward_start(struct daemon *d)
{
	d->alerts = alerts_create(d->workers->ruleset->pack);
	if (d->alerts)
		alerts_set_sites(d->alerts, &d->config.sites);
	d->roster = roster_create(d->workers, d->journal);
	d->outlets = outlets_create(d->journal);
	d->recorder = recorder_create(d->feed, d->journal, d->alerts);
	return d->alerts && d->roster && d->outlets && d->recorder && restore(d) &&
	       outlets_set(d->outlets, d->config.outlets, d->config.n_outlets);
}

void outward_stop(struct daemon *d)
{
	outlets_destroy(d->outlets);
	recorder_destroy(d->recorder);
	if (d->roster)
		roster_destroy(d->roster);
	if (d->alerts)
		alerts_destroy(d->alerts);
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
	struct roster_view view = roster_view(d->roster);
	alerts_set_degraded(d->alerts, journal_is_degraded(d->journal));
	alerts_tick(d->alerts, &view, now_ms);
	journal_tick(d->journal, now_ms);
	outlets_tick(d->outlets);
}

void outward_finish(struct daemon *d)
{
	uint64_t start_ms = clock_steady_ms();
	recorder_finish(d->recorder);
	while (clock_steady_ms() - start_ms < FINISH_MS && outward_step(d, clock_wall_ms()))
		;
}
