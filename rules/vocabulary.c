// SPDX-License-Identifier: BSD-3-Clause
#include "vocabulary.h"

#include <ctype.h>
#include <stdlib.h>

#include "field.h"

static bool registry_init(struct registry *registry, unsigned max)
{
	registry->max = max;
	atomic_init(&registry->n, 0);
	registry->names = calloc(max, sizeof(*registry->names));
	return registry->names != NULL;
}

static void registry_truncate(struct registry *registry, unsigned n)
{
	for (unsigned i = n; registry->names && i < registry->n; i++)
		free((void *)registry->names[i]);
	atomic_store_explicit(&registry->n, n, memory_order_release);
}

static void registry_fini(struct registry *registry)
{
	registry_truncate(registry, 0);
	free(registry->names);
}

struct vocabulary *vocabulary_create(void)
{
	struct vocabulary *v = calloc(1, sizeof(*v));
	if (v && registry_init(&v->events, EVENTS_MAX) &&
		registry_init(&v->diagnoses, DIAGNOSES_MAX))
		return v;
	if (v)
		vocabulary_destroy(v);
	return NULL;
}

void vocabulary_destroy(struct vocabulary *vocabulary)
{
	registry_fini(&vocabulary->events);
	registry_fini(&vocabulary->diagnoses);
	free(vocabulary);
}

struct vocabulary_mark vocabulary_mark(const struct vocabulary *vocabulary)
{
	return (struct vocabulary_mark){registry_count(&vocabulary->events),
		registry_count(&vocabulary->diagnoses), field_count()};
}

void vocabulary_restore(struct vocabulary *vocabulary, const struct vocabulary_mark *mark)
{
	registry_truncate(&vocabulary->events, mark->n_events);
	registry_truncate(&vocabulary->diagnoses, mark->n_diagnoses);
	field_truncate(mark->n_fields);
}

unsigned registry_count(const struct registry *registry)
{
	return atomic_load_explicit(&registry->n, memory_order_acquire);
}

uint16_t registry_find(const struct registry *registry, struct slice name)
{
	unsigned n = registry_count(registry);
	for (unsigned i = 0; i < n; i++) {
		if (slice_equals_text(name, registry->names[i]))
			return (uint16_t)i;
	}
	return NAME_NONE;
}

uint16_t registry_add(struct registry *registry, struct slice name)
{
	uint16_t found = registry_find(registry, name);
	if (found != NAME_NONE)
		return found;
	unsigned n = registry_count(registry);
	char *copy = n < registry->max ? strndup(name.data, name.len) : NULL;
	if (copy == NULL)
		return NAME_NONE;
	registry->names[n] = copy;
	atomic_store_explicit(&registry->n, n + 1, memory_order_release);
	return (uint16_t)n;
}

const char *registry_name(const struct registry *registry, uint16_t number)
{
	return registry->names[number];
}

bool name_is_slug(struct slice name)
{
	if (name.len == 0 || name.len > 48 || !islower((unsigned char)name.data[0]))
		return false;
	for (uint32_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.data[i];
		if (!islower(c) && !isdigit(c) && c != '-')
			return false;
	}
	return true;
}
