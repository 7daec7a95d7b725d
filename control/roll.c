// SPDX-License-Identifier: BSD-3-Clause
#include "roll.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_url.h"
#include "text.h"

struct roll_entry {
	char *id;     // of the alert
	char *labels; // the identity there, as text
	json_t *post; // with endsAt, once it has ended
	json_int_t sequence;
	bool is_firing, is_seen;
	uint64_t ended_ms; // steady clock
	uint32_t untold;   // a bit for each instance
};

void roll_init(struct roll *roll, unsigned n_instances, const char *external_url)
{
	assert(n_instances <= 32);
	*roll = (struct roll){.n_instances = n_instances, .external_url = external_url};
}

static void entry_fini(struct roll_entry *entry)
{
	free(entry->id);
	free(entry->labels);
	json_decref(entry->post);
}

void roll_fini(struct roll *roll)
{
	for (size_t i = 0; i < roll->n; i++)
		entry_fini(&roll->entries[i]);
	free(roll->entries);
	*roll = (struct roll){0};
}

// ---- an alert in the words of API v2 ----

// [a-zA-Z_][a-zA-Z0-9_]*
static bool is_label(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	if (name[0] == '\0' || strchr(letters, name[0]) == NULL)
		return false;
	return name[strspn(name,
		       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")] == '\0';
}

// What the alert is grouped by tells it from others of its rule: a certificate, a model, a group.
static json_t *labels_of(const json_t *alert)
{
	const char *name = json_text_of(alert, "name"), *key;
	json_t *value;
	json_t *labels = json_object();
	json_object_foreach(json_object_get(alert, "group"), key, value)
	{
		if (is_label(key) && json_is_string(value) && json_string_length(value))
			json_object_set(labels, key, value);
	}
	json_t *fixed = json_pack("{s:o, s:s*, s:s*, s:s*, s:s*}", "alertname",
		json_sprintf("Offhook%s", name ? name : ""), "severity",
		json_text_of(alert, "severity"), "gateway", json_text_of(alert, "gateway"), "site",
		json_text_of(alert, "site"), "rule_id", json_text_of(alert, "alert"));
	json_object_update(labels, fixed);
	json_decref(fixed);
	return labels;
}

// What to do, and some of the phones it is about.
static json_t *description_of(const json_t *alert)
{
	const char *remedy = json_text_of(alert, "remedy");
	const json_t *sample = json_object_get(alert, "sample"), *one;
	struct buffer text = {0};
	size_t i;
	if (remedy)
		buffer_add_text(&text, remedy);
	json_array_foreach(sample, i, one)
	{
		const char *device = json_string_value(one);
		buffer_add_text(&text, i ? ", " : text.len ? "\nPhones: " : "Phones: ");
		buffer_add_text(&text, device ? device : "?");
	}
	json_t *out = text.len ? json_stringn(text.data + text.from, text.len) : NULL;
	buffer_fini(&text);
	return out;
}

// NULL: out of memory, or no address.
static json_t *page_of(const char *external_url, const char *rule)
{
	char path[256], *url = NULL, *origin = NULL;
	snprintf(path, sizeof(path), "/fleet/%s", rule);
	const char *fault = http_url_make(external_url, path, &url, &origin);
	json_t *page = fault == NULL ? json_string(url) : NULL;
	free(url);
	free(origin);
	return page;
}

static json_t *post_of(const struct roll *roll, const json_t *alert, json_t *labels)
{
	const char *summary = json_text_of(alert, "summary"), *since = json_text_of(alert, "since");
	const char *rule = json_text_of(alert, "alert");
	json_t *annotations = json_pack("{s:s*, s:o*, s:s*}", "summary",
		summary ? summary : json_text_of(alert, "title"), "description",
		description_of(alert), "runbook_url", json_text_of(alert, "reference"));
	json_t *url = roll->external_url && rule ? page_of(roll->external_url, rule) : NULL;
	return json_pack("{s:O, s:o, s:s*, s:o*}", "labels", labels, "annotations", annotations,
		"startsAt", since ? since : json_text_of(alert, "fired_at"), "generatorURL", url);
}

// ---- entries ----

static struct roll_entry *entry_of(struct roll *roll, const char *id, const char *labels)
{
	for (size_t i = 0; i < roll->n; i++) {
		if (strcmp(roll->entries[i].id, id) == 0 &&
			strcmp(roll->entries[i].labels, labels) == 0)
			return &roll->entries[i];
	}
	return NULL;
}

static json_int_t known_sequence(const struct roll *roll, const char *id)
{
	json_int_t sequence = -1;
	for (size_t i = 0; i < roll->n; i++) {
		if (strcmp(roll->entries[i].id, id) == 0 && roll->entries[i].sequence > sequence)
			sequence = roll->entries[i].sequence;
	}
	return sequence;
}

static void remove_entry(struct roll *roll, size_t i)
{
	entry_fini(&roll->entries[i]);
	roll->n--;
	memmove(&roll->entries[i], &roll->entries[i + 1], (roll->n - i) * sizeof(*roll->entries));
}

// A place for one more; full, the one that ended first goes.
static bool make_room(struct roll *roll)
{
	size_t oldest = SIZE_MAX;
	if (roll->n == ROLL_MAX) {
		for (size_t i = 0; i < roll->n; i++) {
			if (!roll->entries[i].is_firing &&
				(oldest == SIZE_MAX ||
					roll->entries[i].ended_ms < roll->entries[oldest].ended_ms))
				oldest = i;
		}
		if (oldest == SIZE_MAX)
			return false;
		remove_entry(roll, oldest);
	}
	if (roll->n < roll->size)
		return true;
	size_t size = roll->size ? 2 * roll->size : 64;
	struct roll_entry *grown = realloc(roll->entries, size * sizeof(*grown));
	if (grown == NULL)
		return false;
	roll->entries = grown;
	roll->size = size;
	return true;
}

static struct roll_entry *add_entry(struct roll *roll, const char *id, const char *labels)
{
	struct roll_entry entry = {.id = strdup(id), .labels = strdup(labels)};
	if (entry.id && entry.labels && make_room(roll)) {
		roll->entries[roll->n] = entry;
		return &roll->entries[roll->n++];
	}
	entry_fini(&entry);
	roll->failed = true;
	return NULL;
}

static uint32_t everybody(const struct roll *roll)
{
	return roll->n_instances == 32 ? UINT32_MAX : (1u << roll->n_instances) - 1;
}

// An end has to be later than the start there.
static void end_entry(
	const struct roll *roll, struct roll_entry *entry, const json_t *ends_at, uint64_t now_ms)
{
	uint64_t start_ms = 0, end_ms = 0;
	json_time_read(json_object_get(entry->post, "startsAt"), &start_ms);
	if (!json_time_read(ends_at, &end_ms) || end_ms <= start_ms)
		end_ms = start_ms + 1;
	json_object_set_new(entry->post, "endsAt", json_time(end_ms));
	entry->is_firing = false;
	entry->ended_ms = now_ms;
	entry->untold = everybody(roll);
}

// ---- taking ----

static void take_state(struct roll *roll, const json_t *alert, const char *id, json_t *labels,
	const char *identity, uint64_t now_ms)
{
	const char *state = json_text_of(alert, "state");
	const json_t *over = json_object_get(
		alert, json_text_of(alert, "resolved_at") ? "resolved_at" : "updated_at");
	bool is_firing =
		state && strcmp(state, "firing") == 0 && !json_text_of(alert, "absorbed_by");
	struct roll_entry *entry = entry_of(roll, id, identity);
	for (size_t i = 0; i < roll->n; i++) {
		struct roll_entry *other = &roll->entries[i];
		if (other != entry && other->is_firing && strcmp(other->id, id) == 0)
			end_entry(roll, other, over, now_ms);
	}
	if (entry == NULL)
		entry = add_entry(roll, id, identity);
	if (entry == NULL)
		return;
	bool is_repeated = entry->post && !entry->is_firing && !is_firing;
	entry->sequence = json_integer_value(json_object_get(alert, "sequence"));
	if (is_repeated)
		return;
	json_decref(entry->post);
	entry->post = post_of(roll, alert, labels);
	entry->is_firing = is_firing;
	entry->untold = everybody(roll);
	if (entry->post == NULL)
		roll->failed = true;
	else if (!is_firing)
		end_entry(roll, entry, over, now_ms);
}

void roll_take(struct roll *roll, const json_t *alert, uint64_t now_ms)
{
	const char *id = json_text_of(alert, "id");
	json_int_t sequence = json_integer_value(json_object_get(alert, "sequence"));
	if (id == NULL || sequence <= known_sequence(roll, id))
		return;
	json_t *labels = labels_of(alert);
	char *identity = labels ? json_dumps(labels, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (identity)
		take_state(roll, alert, id, labels, identity, now_ms);
	else
		roll->failed = true;
	free(identity);
	json_decref(labels);
}

void roll_settle(
	struct roll *roll, const json_t *const *firing, size_t n, uint64_t wall_ms, uint64_t now_ms)
{
	json_t *ends_at = json_time(wall_ms);
	for (size_t i = 0; i < roll->n; i++)
		roll->entries[i].is_seen = false;
	for (size_t i = 0; i < n; i++) {
		const char *id = json_text_of(firing[i], "id");
		roll_take(roll, firing[i], now_ms);
		for (size_t k = 0; id && k < roll->n; k++)
			roll->entries[k].is_seen |= strcmp(roll->entries[k].id, id) == 0;
	}
	for (size_t i = 0; i < roll->n; i++) {
		if (roll->entries[i].is_firing && !roll->entries[i].is_seen)
			end_entry(roll, &roll->entries[i], ends_at, now_ms);
	}
	json_decref(ends_at);
}

void roll_expire(struct roll *roll, uint64_t now_ms)
{
	for (size_t i = 0; i < roll->n;) {
		const struct roll_entry *entry = &roll->entries[i];
		uint64_t keep_ms = entry->untold ? ROLL_UNTOLD_MS : ROLL_ENDED_MS;
		if (!entry->is_firing && now_ms - entry->ended_ms >= keep_ms)
			remove_entry(roll, i);
		else
			i++;
	}
}

// ---- telling ----

bool roll_write(const struct roll *roll, unsigned instance, bool everything, size_t *from,
	struct buffer *out)
{
	size_t n = 0;
	for (; *from < roll->n && n < ROLL_BODY_MAX; (*from)++) {
		const struct roll_entry *entry = &roll->entries[*from];
		if (entry->post == NULL || !(everything || (entry->untold & (1u << instance))))
			continue;
		buffer_add_text(out, n++ ? "," : "[");
		buffer_add_json(out, json_incref(entry->post));
	}
	if (n)
		buffer_add_text(out, "]");
	return n > 0;
}

void roll_told(struct roll *roll, unsigned instance, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		roll->entries[i].untold &= ~(1u << instance);
}
