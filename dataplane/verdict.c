// SPDX-License-Identifier: BSD-3-Clause
#include "verdict.h"

#include "history.h"

#define TOGETHER_MS 30000 // lines of one attempt that nothing else ties together

static uint64_t apart_ms(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

// Of two lines of one millisecond: positions grow, in the ring of phones after that of others.
static bool is_later(uint64_t line, uint64_t than)
{
	bool phone = (line & 1) == SESSION_CLASS_PHONE, other = (than & 1) == SESSION_CLASS_PHONE;
	return phone == other ? line > than : phone;
}

static bool is_void(const struct sighting *seen, const struct moment *after)
{
	if (after == NULL)
		return false;
	if (seen->time_ms != after->ms)
		return seen->time_ms < after->ms;
	return after->line == LINE_NONE || !is_later(seen->line, after->line);
}

// A named one has what was seen of it; what names nobody is its own where it is alone at the
// address, else it can only go with a sign of its own of the same moment.
static unsigned collect(const struct subject *s, const struct diagnosis_rule *rule,
	uint8_t identity, const struct moment *after, struct sighting *out)
{
	unsigned n_all, n = 0;
	const struct sighting *all = history_sightings(s->table, s->index, &n_all);
	bool alone = s->session.n_identities <= 1;
	for (unsigned i = 0; i < n_all; i++) {
		const struct sighting *seen = &all[i];
		bool mine = seen->identity == identity, shared = !mine && seen->identity == 0;
		if ((!mine && !shared) || apart_ms(seen->time_ms, s->now_ms) > rule->window_ms ||
			is_void(seen, after))
			continue;
		bool near = mine || alone;
		for (unsigned k = 0; k < n_all && !near; k++)
			near = all[k].identity == identity &&
			       event_bit(rule->signs, all[k].event) &&
			       apart_ms(all[k].time_ms, seen->time_ms) <= CORROBORATION_MS;
		if (!near)
			continue;
		out[n] = *seen;
		if (shared && !alone)
			out[n].flags |= SIGHTING_SHARED;
		n++;
	}
	return n;
}

// Those that bear none of the flags. A second occurrence on another connection clears the first of
// ambiguity: two bindings that could each be another's are hardly both.
static unsigned without(
	const struct sighting *all, unsigned n_all, uint8_t flags, struct sighting *out)
{
	unsigned n = 0;
	for (unsigned i = 0; i < n_all; i++) {
		uint8_t bears = all[i].flags & flags;
		for (unsigned k = 0; bears == SIGHTING_AMBIGUOUS && k < n_all; k++) {
			if (all[k].event == all[i].event && all[k].port != all[i].port &&
				all[k].identity == all[i].identity)
				bears = 0;
		}
		if (!bears)
			out[n++] = all[i];
	}
	return n;
}

static uint64_t fact_ms(void *context, uint16_t event)
{
	const struct subject *s = context;
	return gateway_fact_ms(s->table->gateways, s->session.gateway, event);
}

struct expression_view verdict_view(struct subject *s, const struct sighting *sightings, unsigned n)
{
	return (struct expression_view){.sightings = sightings,
		.n = n,
		.now_ms = s->now_ms,
		.gateway_fact = fact_ms,
		.context = s,
		.wake_ms = UINT64_MAX};
}

static enum confidence level_of(const struct diagnosis_rule *rule, struct expression_view *view)
{
	uint64_t seen[EVENT_WORDS] = {0};
	for (unsigned i = 0; i < view->n; i++)
		set_bit(seen, view->sightings[i].event);
	for (int level = CONFIDENCE_CONFIRMED; level > CONFIDENCE_NONE; level--) {
		const struct expression *e = rule->levels[level];
		if (e && expression_may_hold(e, seen) && expression_holds(e, view))
			return (enum confidence)level;
	}
	return CONFIDENCE_NONE;
}

static bool any_bears(const struct verdict *v, uint8_t flags)
{
	uint8_t all = 0;
	for (unsigned i = 0; i < v->n; i++)
		all |= v->sightings[i].flags;
	return all & flags;
}

// by_all: the level with all of them.
static enum confidence level_without(struct subject *s, const struct diagnosis_rule *rule,
	const struct verdict *v, uint8_t flags, enum confidence by_all)
{
	struct sighting some[SESSION_SIGHTINGS_MAX];
	if (!any_bears(v, flags))
		return by_all;
	struct expression_view view =
		verdict_view(s, some, without(v->sightings, v->n, flags, some));
	return level_of(rule, &view);
}

// ---- what belongs to it ----

// Connections on which the level holds, and without which it would not. 0: it hangs on none.
static unsigned deciding_ports(struct subject *s, const struct diagnosis_rule *rule,
	enum confidence level, const struct verdict *v, uint16_t *ports)
{
	struct expression_view view = verdict_view(s, v->sightings, v->n);
	unsigned n = 0;
	view.port = PORT_NONE;
	if (expression_holds(rule->levels[level], &view))
		return 0;
	for (unsigned i = 0; i < v->n; i++) {
		unsigned k = 0;
		while (k < n && ports[k] != v->sightings[i].port)
			k++;
		view.port = v->sightings[i].port;
		if (k == n && view.port && expression_holds(rule->levels[level], &view))
			ports[n++] = v->sightings[i].port;
	}
	return n;
}

// Lines of another handshake, or of another attempt, are no evidence: a sign belongs to the failure
// by its port, and what only adds to signs by its port or by standing next to one.
static bool belongs(const struct diagnosis_rule *rule, const struct verdict *v,
	const struct sighting *seen, const uint16_t *ports, unsigned n_ports)
{
	bool sign = event_bit(rule->signs, seen->event);
	if (event_bit(rule->context, seen->event))
		return true;
	if (sign && (seen->port == 0 || n_ports == 0))
		return true;
	for (unsigned i = 0; i < n_ports; i++) {
		if (ports[i] == seen->port)
			return true;
	}
	if (seen->port && n_ports)
		return false;
	for (unsigned i = 0; i < v->n && !sign; i++) {
		if (event_bit(rule->signs, v->sightings[i].event) &&
			apart_ms(v->sightings[i].time_ms, seen->time_ms) <= TOGETHER_MS)
			return true;
	}
	return false;
}

// Where the rule does not hold, only what is told by its number goes on with what is known already,
// and signs that need no other line of their connection.
static void keep_signs(const struct diagnosis_rule *rule, struct verdict *v)
{
	unsigned n = 0;
	for (unsigned i = 0; i < v->n; i++) {
		const struct sighting *seen = &v->sightings[i];
		if (event_bit(rule->counted, seen->event) ||
			(seen->port == 0 && event_bit(rule->signs, seen->event)))
			v->sightings[n++] = *seen;
	}
	v->n = n;
}

static void keep_own(struct subject *s, const struct diagnosis_rule *rule, enum confidence level,
	struct verdict *v)
{
	uint16_t ports[SESSION_SIGHTINGS_MAX];
	unsigned n_ports = deciding_ports(s, rule, level, v, ports), n = 0;
	struct verdict all = *v;
	for (unsigned i = 0; i < all.n; i++) {
		if (belongs(rule, &all, &all.sightings[i], ports, n_ports))
			v->sightings[n++] = all.sightings[i];
	}
	v->n = n;
}

bool verdict_holds(const struct verdict *v, const struct sighting *sighting)
{
	for (unsigned i = 0; i < v->n; i++) {
		if (v->sightings[i].line == sighting->line &&
			v->sightings[i].event == sighting->event)
			return true;
	}
	return false;
}

// What names nobody while the phones there are connected is a sign and no more. A binding that
// could be another's never alone makes a diagnosis confirmed; a sign that names nobody does at an
// address of one phone only; and what names nobody at an address of several may be any of them.
void verdict_of(struct subject *s, const struct diagnosis_rule *rule, uint8_t identity,
	const struct moment *after, struct verdict *v)
{
	v->n = collect(s, rule, identity, after, v->sightings);
	struct expression_view all = verdict_view(s, v->sightings, v->n);
	enum confidence by_all = level_of(rule, &all);
	v->wake_ms = all.wake_ms;
	v->confidence = CONFIDENCE_NONE;
	v->ambiguous = false;
	if (by_all == CONFIDENCE_NONE) {
		keep_signs(rule, v);
		return;
	}
	enum confidence own = level_without(s, rule, v, SIGHTING_SHARED, by_all);
	enum confidence certain =
		level_without(s, rule, v, SIGHTING_SHARED | SIGHTING_AMBIGUOUS, by_all);
	// Where a sign that must not be is left out, less seen could hold more.
	own = own < by_all ? own : by_all;
	certain = certain < own ? certain : own;
	bool nobody = identity == 0 && s->session.n_phones && s->session.n_identities > 1;
	v->confidence = own;
	if (own == CONFIDENCE_CONFIRMED && (certain < CONFIDENCE_PROBABLE || nobody))
		v->confidence = CONFIDENCE_PROBABLE;
	else if (by_all == CONFIDENCE_CONFIRMED && certain >= CONFIDENCE_PROBABLE && !nobody &&
		 s->session.n_phones <= 1)
		v->confidence = CONFIDENCE_CONFIRMED;
	enum confidence sure = level_without(s, rule, v, SIGHTING_DOUBTFUL, by_all);
	if (v->confidence > CONFIDENCE_SUSPECTED && sure < v->confidence)
		v->confidence = sure > CONFIDENCE_SUSPECTED ? sure : CONFIDENCE_SUSPECTED;
	v->ambiguous = nobody || (certain < v->confidence && certain < CONFIDENCE_PROBABLE);
	keep_own(s, rule, by_all, v);
}
