// SPDX-License-Identifier: BSD-3-Clause
// Who watches alerts: level-triggered, a mark for each place, so that nothing waits anywhere.
#include <stdlib.h>

#include "alert_group.h"

struct alert_watch {
	enum language language;
	uint64_t seen_mark;	   // all up to this one was told
	uint64_t told[ALERTS_MAX]; // by slot: the mark of what was told
};

void alerts_release(struct alerts *alerts, json_t *object)
{
	const char *id = json_string_value(json_object_get(object, "id"));
	for (unsigned i = 0; i < alerts->n_used && id; i++) {
		struct alert *alert = alerts->slots[i];
		if (alert == NULL || strcmp(alert->id, id) != 0)
			continue;
		json_decref(alert->released);
		alert->released = json_incref(object);
		alert->released_mark = ++alerts->released_mark;
		break;
	}
}

struct alert_watch *alerts_watch(const struct alerts *alerts, enum language language)
{
	struct alert_watch *watch = calloc(1, sizeof(*watch));
	if (watch == NULL)
		return NULL;
	watch->language = language;
	watch->seen_mark = alerts->released_mark;
	for (unsigned i = 0; i < alerts->n_used; i++)
		watch->told[i] = alerts->slots[i] ? alerts->slots[i]->released_mark : 0;
	return watch;
}

void alerts_unwatch(struct alert_watch *watch)
{
	free(watch);
}

bool alerts_watch_has_news(const struct alerts *alerts, const struct alert_watch *watch)
{
	return watch->seen_mark != alerts->released_mark;
}

// The one that was released first comes first.
json_t *alerts_watch_next(const struct alerts *alerts, struct alert_watch *watch)
{
	const struct alert *next = NULL;
	for (unsigned i = 0; i < alerts->n_used && watch->seen_mark != alerts->released_mark; i++) {
		const struct alert *alert = alerts->slots[i];
		if (alert && alert->released_mark > watch->told[i] &&
			(next == NULL || alert->released_mark < next->released_mark))
			next = alert;
	}
	if (next == NULL) {
		watch->seen_mark = alerts->released_mark;
		return NULL;
	}
	watch->told[next->slot] = next->released_mark;
	return alert_told_in(alerts, next->released, watch->language);
}
