// SPDX-License-Identifier: BSD-3-Clause
#include "need.h"

#include "rulepack.h"

static unsigned size_of(const uint64_t *events)
{
	int n = 0;
	for (unsigned word = 0; word < EVENT_WORDS; word++)
		n += __builtin_popcountll(events[word]);
	return (unsigned)n;
}

static bool is_within(const uint64_t *events, const uint64_t *others)
{
	for (unsigned word = 0; word < EVENT_WORDS; word++) {
		if (events[word] & ~others[word])
			return false;
	}
	return true;
}

// One more. A smaller one says more; one that another implies says nothing.
static void add(struct needs *needs, const uint64_t *events)
{
	unsigned largest = 0, n = 0;
	for (unsigned i = 0; i < needs->n; i++) {
		if (is_within(needs->events[i], events))
			return;
	}
	for (unsigned i = 0; i < needs->n; i++) {
		if (!is_within(events, needs->events[i]))
			memmove(needs->events[n++], needs->events[i], sizeof(needs->events[0]));
	}
	needs->n = n;
	for (unsigned i = 0; i < n; i++) {
		if (size_of(needs->events[i]) > size_of(needs->events[largest]))
			largest = i;
	}
	if (n < NEEDS_MAX)
		memcpy(needs->events[needs->n++], events, sizeof(needs->events[0]));
	else if (size_of(events) < size_of(needs->events[largest]))
		memcpy(needs->events[largest], events, sizeof(needs->events[0]));
}

static struct needs need_of_event(uint16_t event)
{
	struct needs needs = {.n = 1};
	set_bit(needs.events[0], event);
	return needs;
}

// As expression_may_hold(): what stands behind an absence is not looked at.
static struct needs needs_of_all(const struct expression *e)
{
	struct needs needs = {0};
	bool absence = false;
	for (unsigned i = 0; i < e->n_parts && !absence; i++) {
		struct needs more = needs_of(e->parts[i]);
		for (unsigned k = 0; k < more.n; k++)
			add(&needs, more.events[k]);
		absence = expression_has_absence(e->parts[i]);
	}
	return needs;
}

static struct needs needs_of_any(const struct expression *e)
{
	struct needs needs = needs_of(e->parts[0]);
	for (unsigned i = 1; i < e->n_parts; i++) {
		struct needs other = needs_of(e->parts[i]);
		needs = needs_of_either(&needs, &other);
	}
	return needs;
}

struct needs needs_of_either(const struct needs *a, const struct needs *b)
{
	struct needs needs = {0};
	for (unsigned i = 0; i < a->n; i++) {
		for (unsigned k = 0; k < b->n; k++) {
			uint64_t events[EVENT_WORDS];
			for (unsigned word = 0; word < EVENT_WORDS; word++)
				events[word] = a->events[i][word] | b->events[k][word];
			add(&needs, events);
		}
	}
	return needs;
}

struct needs needs_of(const struct expression *e)
{
	switch (e->kind) {
	case EXPRESSION_SEEN:
		return need_of_event(e->event);
	case EXPRESSION_ALL:
	case EXPRESSION_SEQUENCE:
		return needs_of_all(e);
	case EXPRESSION_ANY:
		return e->n_parts ? needs_of_any(e) : (struct needs){0};
	case EXPRESSION_COUNT:
	case EXPRESSION_DISTINCT:
	case EXPRESSION_TURNS:
		return e->at_least ? need_of_event(e->parts[0]->event) : (struct needs){0};
	case EXPRESSION_ABSENT:
		return need_of_event(e->parts[1]->event);
	case EXPRESSION_NOT:
	case EXPRESSION_GATEWAY:
		break;
	}
	return (struct needs){0};
}
