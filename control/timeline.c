// SPDX-License-Identifier: BSD-3-Clause
#include "timeline.h"

#include <stdlib.h>

#include "diagnosis_json.h"
#include "text.h"

bool timeline_init(struct timeline *t, const struct daemon *daemon, unsigned max)
{
	*t = (struct timeline){.daemon = daemon, .max = max};
	t->entries = calloc(max, sizeof(*t->entries));
	return t->entries != NULL;
}

void timeline_fini(struct timeline *t)
{
	for (unsigned i = 0; i < t->n; i++)
		json_decref(t->entries[i].line);
	free(t->entries);
	*t = (struct timeline){0};
}

static json_t *entry_json(const struct daemon *daemon, const struct line *line, bool ambiguous)
{
	const struct gateway_table *gateways = &daemon->workers->gateways;
	json_t *entry = line_json(line);
	json_object_set_new(entry, "event",
		json_string(registry_name(&daemon->vocabulary->events, line->event)));
	json_object_set_new(
		entry, "gateway", json_text_or_null(gateway_name(gateways, line->gateway)));
	json_object_set_new(entry, "bound", json_boolean(line->flags & LINE_BOUND));
	json_object_set_new(entry, "ambiguous", json_boolean(ambiguous));
	return entry;
}

static bool is_same(const struct timeline_entry *entry, uint64_t time_ms, const json_t *line)
{
	return entry->time_ms == time_ms &&
	       json_equal(json_object_get(entry->line, "code"), json_object_get(line, "code")) &&
	       json_equal(json_object_get(entry->line, "text"), json_object_get(line, "text"));
}

void timeline_add(struct timeline *t, const struct line *line, bool ambiguous)
{
	json_t *entry = entry_json(t->daemon, line, ambiguous);
	bool known = entry == NULL;
	for (unsigned i = 0; i < t->n && !known; i++)
		known = is_same(&t->entries[i], line->time_ms, entry);
	if (known || t->n == t->max) {
		t->cut |= !known;
		json_decref(entry);
		return;
	}
	t->entries[t->n] = (struct timeline_entry){line->time_ms, t->n, entry};
	t->n++;
}

// Newest first, for that is how they came.
static int compare(const void *a, const void *b)
{
	const struct timeline_entry *one = a, *other = b;
	if (one->time_ms != other->time_ms)
		return one->time_ms < other->time_ms ? 1 : -1;
	return one->order < other->order ? -1 : 1;
}

json_t *timeline_json(struct timeline *t)
{
	json_t *list = json_array();
	qsort(t->entries, t->n, sizeof(*t->entries), compare);
	for (unsigned i = t->n; i-- > 0;)
		json_array_append(list, t->entries[i].line);
	return list;
}
