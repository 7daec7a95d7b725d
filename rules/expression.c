// SPDX-License-Identifier: BSD-3-Clause
#include "expression.h"

#include "field.h"
#include "rulepack.h"

static bool is_seen(const struct expression *leaf, const struct sighting *s)
{
	return s->event == leaf->event && (s->conditions & leaf->conditions) == leaf->conditions;
}

static uint32_t value_of(const struct expression *e, const struct sighting *s)
{
	return e->field == FIELD_GATEWAY ? s->gateway : e->field == FIELD_PORT ? s->port : s->value;
}

// Whether it is of the connection that is looked at.
static bool is_here(const struct expression_view *view, const struct sighting *s)
{
	return view->port == PORT_ANY || s->port == 0 || s->port == view->port;
}

// Where what is looked for may begin: at a sighting of its first part, from which `within_ms`
// reaches farther than from any before it.
static bool is_start(const struct expression *e, const struct sighting *s)
{
	return is_seen(e->parts[0], s);
}

// Some sighting from which `within_ms` on at least so many follow.
static bool holds_count(const struct expression *e, const struct expression_view *view)
{
	for (unsigned i = 0; i < view->n; i++) {
		unsigned n = 0;
		if (!is_start(e, &view->sightings[i]))
			continue;
		for (unsigned k = i; k < view->n; k++) {
			if (e->within_ms && view->sightings[k].time_ms >
						    view->sightings[i].time_ms + e->within_ms)
				break;
			n += is_seen(e->parts[0], &view->sightings[k]);
		}
		if (n >= e->at_least)
			return true;
	}
	return e->at_least == 0;
}

#define VALUES_MAX 16

static bool holds_distinct(const struct expression *e, const struct expression_view *view)
{
	for (unsigned i = 0; i < view->n; i++) {
		uint32_t values[VALUES_MAX];
		unsigned n = 0;
		if (!is_start(e, &view->sightings[i]))
			continue;
		for (unsigned k = i; k < view->n && n < VALUES_MAX; k++) {
			const struct sighting *s = &view->sightings[k];
			if (e->within_ms && s->time_ms > view->sightings[i].time_ms + e->within_ms)
				break;
			if (!is_seen(e->parts[0], s))
				continue;
			unsigned j = 0;
			while (j < n && values[j] != value_of(e, s))
				j++;
			if (j == n)
				values[n++] = value_of(e, s);
		}
		if (n >= e->at_least)
			return true;
	}
	return false;
}

static bool holds_turns(const struct expression *e, const struct expression_view *view)
{
	for (unsigned i = 0; i < view->n; i++) {
		const struct sighting *last = NULL;
		unsigned n = 0;
		if (!is_start(e, &view->sightings[i]))
			continue;
		for (unsigned k = i; k < view->n; k++) {
			const struct sighting *s = &view->sightings[k];
			if (e->within_ms && s->time_ms > view->sightings[i].time_ms + e->within_ms)
				break;
			if (!is_seen(e->parts[0], s))
				continue;
			n += last && value_of(e, last) != value_of(e, s);
			last = s;
		}
		if (n >= e->at_least)
			return true;
	}
	return false;
}

static bool holds_sequence(const struct expression *e, const struct expression_view *view)
{
	for (unsigned i = 0; i < view->n; i++) {
		unsigned part = 0;
		if (!is_start(e, &view->sightings[i]))
			continue;
		for (unsigned k = i; k < view->n && part < e->n_parts; k++) {
			const struct sighting *s = &view->sightings[k];
			if (e->within_ms && s->time_ms > view->sightings[i].time_ms + e->within_ms)
				break;
			part += is_here(view, s) && is_seen(e->parts[part], s);
		}
		if (part == e->n_parts)
			return true;
	}
	return false;
}

static bool holds_absent(const struct expression *e, struct expression_view *view)
{
	for (unsigned i = 0; i < view->n; i++) {
		if (!is_seen(e->parts[1], &view->sightings[i]))
			continue;
		uint64_t end = view->sightings[i].time_ms + e->within_ms;
		bool came = false;
		for (unsigned k = 0; k < view->n && !came; k++)
			came = is_seen(e->parts[0], &view->sightings[k]) &&
			       view->sightings[k].time_ms + 1000 >= view->sightings[i].time_ms &&
			       view->sightings[k].time_ms <= end;
		if (!came && view->now_ms >= end)
			return true;
		if (!came && end < view->wake_ms)
			view->wake_ms = end;
	}
	return false;
}

static bool holds_seen(const struct expression *e, const struct expression_view *view)
{
	for (unsigned i = 0; i < view->n; i++) {
		if (is_here(view, &view->sightings[i]) && is_seen(e, &view->sightings[i]))
			return true;
	}
	return false;
}

// Clocks of gateway and phone lines are one here (arrival), but UDP reorders: 2 s are forgiven.
#define GATEWAY_LEAD_MS 2000

static bool holds_gateway(const struct expression *e, const struct expression_view *view)
{
	uint64_t at = view->gateway_fact ? view->gateway_fact(view->context, e->event) : 0;
	return at && at <= view->now_ms + GATEWAY_LEAD_MS && at + e->within_ms >= view->now_ms;
}

static bool holds_all(const struct expression *e, struct expression_view *view)
{
	for (unsigned i = 0; i < e->n_parts; i++) {
		if (!expression_holds(e->parts[i], view))
			return false;
	}
	return true;
}

static bool holds_here(const struct expression *e, struct expression_view *view)
{
	return e->kind == EXPRESSION_ALL ? holds_all(e, view) : holds_sequence(e, view);
}

// Whether an earlier sighting is of the same connection.
static bool is_port_done(const struct expression_view *view, unsigned at)
{
	for (unsigned i = 0; i < at; i++) {
		if (view->sightings[i].port == view->sightings[at].port)
			return true;
	}
	return false;
}

// Whether it may hold on one connection and not on another.
static bool looks_at_port(const struct expression *e)
{
	if (e->kind != EXPRESSION_ANY && e->kind != EXPRESSION_NOT)
		return e->kind == EXPRESSION_SEEN || e->kind == EXPRESSION_ALL ||
		       e->kind == EXPRESSION_SEQUENCE;
	for (unsigned i = 0; i < e->n_parts; i++) {
		if (looks_at_port(e->parts[i]))
			return true;
	}
	return false;
}

// `all` and `sequence`, on one connection at a time, and last without any.
static bool holds_together(const struct expression *e, struct expression_view *view)
{
	bool holds = false;
	if (view->port != PORT_ANY)
		return holds_here(e, view);
	if (e->n_parts && !looks_at_port(e->parts[0]) && !expression_holds(e->parts[0], view))
		return false; // nor does it on any
	for (unsigned i = 0; i < view->n && !holds; i++) {
		view->port = view->sightings[i].port;
		if (view->port != PORT_ANY && !is_port_done(view, i))
			holds = holds_here(e, view);
	}
	view->port = PORT_NONE;
	holds = holds || holds_here(e, view);
	view->port = PORT_ANY;
	return holds;
}

bool expression_holds(const struct expression *e, struct expression_view *view)
{
	switch (e->kind) {
	case EXPRESSION_SEEN:
		return holds_seen(e, view);
	case EXPRESSION_ALL:
	case EXPRESSION_SEQUENCE:
		return holds_together(e, view);
	case EXPRESSION_ANY:
		for (unsigned i = 0; i < e->n_parts; i++) {
			if (expression_holds(e->parts[i], view))
				return true;
		}
		return false;
	case EXPRESSION_NOT:
		return !expression_holds(e->parts[0], view);
	case EXPRESSION_COUNT:
		return holds_count(e, view);
	case EXPRESSION_DISTINCT:
		return holds_distinct(e, view);
	case EXPRESSION_TURNS:
		return holds_turns(e, view);
	case EXPRESSION_ABSENT:
		return holds_absent(e, view);
	case EXPRESSION_GATEWAY:
		return holds_gateway(e, view);
	}
	return false;
}

// Most parts are single events.
static inline bool part_may_hold(const struct expression *part, const uint64_t *seen)
{
	return part->kind == EXPRESSION_SEEN ? event_bit(seen, part->event)
					     : expression_may_hold(part, seen);
}

static bool may_hold_all(const struct expression *e, const uint64_t *seen)
{
	for (unsigned i = 0; i < e->n_parts; i++) {
		const struct expression *part = e->parts[i];
		if (!part_may_hold(part, seen))
			return false;
		// To find it not to hold, too, may be to wait for it.
		if (part->kind != EXPRESSION_SEEN && expression_has_absence(part))
			return true;
	}
	return true;
}

static bool may_hold_any(const struct expression *e, const uint64_t *seen)
{
	for (unsigned i = 0; i < e->n_parts; i++) {
		if (part_may_hold(e->parts[i], seen))
			return true;
	}
	return false;
}

bool expression_may_hold(const struct expression *e, const uint64_t *seen)
{
	switch (e->kind) {
	case EXPRESSION_SEEN:
		return event_bit(seen, e->event);
	case EXPRESSION_ALL:
	case EXPRESSION_SEQUENCE:
		return may_hold_all(e, seen);
	case EXPRESSION_ANY:
		return may_hold_any(e, seen);
	case EXPRESSION_COUNT:
	case EXPRESSION_DISTINCT:
	case EXPRESSION_TURNS:
		return e->at_least == 0 || event_bit(seen, e->parts[0]->event);
	case EXPRESSION_ABSENT:
		return event_bit(seen, e->parts[1]->event);
	case EXPRESSION_NOT:
	case EXPRESSION_GATEWAY:
		return true;
	}
	return true;
}

void expression_walk(const struct expression *e, bool positive,
	void (*visit)(const struct expression *leaf, bool positive, void *context), void *context)
{
	if (e->kind == EXPRESSION_SEEN || e->kind == EXPRESSION_GATEWAY)
		visit(e, positive, context);
	for (unsigned i = 0; i < e->n_parts; i++) {
		bool negated =
			e->kind == EXPRESSION_NOT || (e->kind == EXPRESSION_ABSENT && i == 0);
		expression_walk(e->parts[i], positive && !negated, visit, context);
	}
}

bool expression_has_absence(const struct expression *e)
{
	bool has = e->kind == EXPRESSION_ABSENT;
	for (unsigned i = 0; i < e->n_parts; i++)
		has |= expression_has_absence(e->parts[i]);
	return has;
}
