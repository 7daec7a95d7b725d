// SPDX-License-Identifier: BSD-3-Clause
#include "watch_command.h"

#include "daemon.h"
#include "locale_language.h"
#include "server.h"

static enum answer_turn step(struct answer *answer, struct buffer *out)
{
	struct watch *watch = answer->state;
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
	feed_unwatch(answer->daemon->feed, answer->state);
}

void watch_serve(const json_t *arguments, struct answer *answer, struct buffer *out)
{
	bool all_clients = json_is_true(json_object_get(arguments, "all_clients"));
	struct watch *watch =
		feed_watch(answer->daemon->feed, all_clients, language_argument(arguments));
	if (watch == NULL) {
		answer_error(out, "watch: at most %d watchers at once", WATCHES_MAX);
		return;
	}
	answer->state = watch;
	answer->step = step;
	answer->end = end;
	answer->endless = true;
	answer_data(out, json_pack("{s:s}", "type", "watching"));
}
