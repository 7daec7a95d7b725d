// SPDX-License-Identifier: BSD-3-Clause
#include "watch_command.h"

#include <stdlib.h>

#include "daemon.h"
#include "locale_language.h"
#include "server.h"

// Both sides are level-triggered, and give only what was released to watchers.
struct watched {
	struct watch *diagnoses;
	struct alert_watch *alerts; // NULL: there are none
};

static bool step_alerts(const struct daemon *daemon, struct watched *watched, struct buffer *out)
{
	if (watched->alerts == NULL || !alerts_watch_has_news(daemon->alerts, watched->alerts))
		return false;
	json_t *change = alerts_watch_next(daemon->alerts, watched->alerts);
	if (change)
		answer_data(out, change);
	return change != NULL;
}

static enum answer_turn step(struct answer *answer, struct buffer *out)
{
	struct watched *watched = answer->state;
	struct watch *watch = watched->diagnoses;
	if (step_alerts(answer->daemon, watched, out))
		return ANSWER_MORE;
	if (!watch_has_news(watch))
		return ANSWER_WAITS;
	json_t *change = watch_next(answer->daemon->feed, watch);
	if (change)
		answer_data(out, change);
	if (!watch_has_lost(watch))
		return ANSWER_MORE;
	server_count_slow_watcher(answer->daemon->server);
	answer_error(out,
		"the watcher does not keep up: changes are lost, %u wait; the watch is over",
		watch_waiting(watch));
	return ANSWER_DONE;
}

static void end(struct answer *answer)
{
	struct watched *watched = answer->state;
	feed_unwatch(answer->daemon->feed, watched->diagnoses);
	alerts_unwatch(watched->alerts);
	free(watched);
}

void watch_serve(const json_t *arguments, struct answer *answer, struct buffer *out)
{
	const struct daemon *daemon = answer->daemon;
	enum language language = language_argument(arguments);
	bool all_clients = json_is_true(json_object_get(arguments, "all_clients"));
	struct watched *watched = calloc(1, sizeof(*watched));
	if (watched == NULL) {
		out->failed = true;
		return;
	}
	watched->diagnoses = feed_watch(daemon->feed, all_clients, language);
	if (watched->diagnoses == NULL) {
		free(watched);
		answer_error(out, "watch: at most %d watchers at once", WATCHES_MAX);
		return;
	}
	if (daemon->alerts)
		watched->alerts = alerts_watch(daemon->alerts, language);
	answer->state = watched;
	answer->step = step;
	answer->end = end;
	answer->endless = true;
	answer_data(out, json_pack("{s:s}", "type", "watching"));
}
