// SPDX-License-Identifier: BSD-3-Clause
#include "collector.h"

#include <errno.h>
#include <stdlib.h>

#include "diagnosis_json.h"

// One diagnosis with its evidence, found by worker and serial.
struct kept {
	struct kept *next;
	unsigned worker;
	bool absorbed;
	struct diagnosis diagnosis;
	_Alignas(8) char lines[]; // evidence.bytes of them
};

struct collector {
	struct workers *workers;
	struct kept **buckets;
	size_t n_buckets, n;
};

struct collector *collector_create(struct workers *workers)
{
	struct collector *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->workers = workers;
	c->n_buckets = 1024;
	c->buckets = calloc(c->n_buckets, sizeof(*c->buckets));
	if (c->buckets)
		return c;
	free(c);
	return NULL;
}

void collector_destroy(struct collector *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n_buckets; i++) {
		for (struct kept *kept = c->buckets[i]; kept;) {
			struct kept *next = kept->next;
			free(kept);
			kept = next;
		}
	}
	free(c->buckets);
	free(c);
}

static struct kept **place_of(struct collector *c, unsigned worker, uint64_t serial)
{
	struct kept **link = &c->buckets[(serial * WORKERS_MAX + worker) & (c->n_buckets - 1)];
	while (*link && ((*link)->worker != worker || (*link)->diagnosis.serial != serial))
		link = &(*link)->next;
	return link;
}

static void grow(struct collector *c)
{
	size_t n_buckets = c->n_buckets * 4;
	struct kept **buckets = calloc(n_buckets, sizeof(*buckets)), **old = c->buckets;
	size_t n_old = c->n_buckets;
	if (buckets == NULL)
		return; // slower, not wrong
	c->buckets = buckets;
	c->n_buckets = n_buckets;
	for (size_t i = 0; i < n_old; i++) {
		for (struct kept *kept = old[i]; kept;) {
			struct kept *next = kept->next;
			struct kept **link = place_of(c, kept->worker, kept->diagnosis.serial);
			kept->next = *link;
			*link = kept;
			kept = next;
		}
	}
	free(old);
}

static int keep(struct collector *c, unsigned worker, uint32_t slot)
{
	_Alignas(8) char lines[EVIDENCE_BYTES_MAX];
	struct diagnosis_table *table = c->workers->worker[worker]->sessions.diagnoses;
	struct diagnosis d;
	if (diagnosis_read(table, slot, &d, lines) != DIAGNOSIS_READ)
		return 0;
	struct kept **link = place_of(c, worker, d.serial), *old = *link;
	struct kept *kept = malloc(sizeof(*kept) + d.evidence.bytes);
	if (kept == NULL)
		return -ENOMEM;
	*kept = (struct kept){.next = old ? old->next : NULL,
		.worker = worker,
		.absorbed = d.state == DIAGNOSIS_ABSORBED,
		.diagnosis = d};
	memcpy(kept->lines, lines, d.evidence.bytes);
	*link = kept;
	c->n += old == NULL;
	free(old);
	diagnosis_acknowledge(table, slot, &d);
	if (c->n > c->n_buckets)
		grow(c);
	return 0;
}

int collector_take(struct collector *c)
{
	for (unsigned i = 0; i < c->workers->n; i++) {
		struct worker *w = c->workers->worker[i];
		uint32_t slot;
		while (outbox_pop(&w->outbox, &slot)) {
			if (keep(c, i, slot) < 0)
				return -ENOMEM;
		}
		if (!outbox_take_overflow(&w->outbox))
			continue;
		uint32_t high = atomic_load(&w->sessions.diagnoses->high_water);
		for (slot = 0; slot < high; slot++) {
			if (keep(c, i, slot) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	static const char *const keys[] = {"first_seen", "client_ip", "diagnosis", "device", "id"};
	const json_t *one = *(json_t *const *)a, *other = *(json_t *const *)b;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *left = json_string_value(json_object_get(one, keys[i]));
		const char *right = json_string_value(json_object_get(other, keys[i]));
		int order = strcmp(left ? left : "", right ? right : "");
		if (order)
			return order;
	}
	return 0;
}

json_t *collector_json(struct collector *c, enum language language)
{
	json_t **objects = calloc(c->n + 1, sizeof(*objects)), *list = json_array();
	size_t n = 0;
	for (size_t i = 0; objects && i < c->n_buckets; i++) {
		for (struct kept *kept = c->buckets[i]; kept; kept = kept->next) {
			if (!kept->absorbed)
				objects[n++] = diagnosis_json(&kept->diagnosis, kept->lines,
					c->workers->ruleset->pack, &c->workers->gateways, language);
		}
	}
	qsort(objects, n, sizeof(*objects), compare);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, objects[i]);
	free(objects);
	return list;
}
