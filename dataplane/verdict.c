// SPDX-License-Identifier: BSD-3-Clause
#include "verdict.h"

#include "history.h"

// A named one has what was seen of it; what names nobody is its own only where it is alone at the
// address, else a corroboration that may not stand by itself.
static unsigned collect(const struct subject *s, const struct diagnosis_rule *rule,
	uint8_t identity, uint64_t after_ms, struct sighting *out)
{
	unsigned n_all, n = 0;
	const struct sighting *all = history_sightings(s->table, s->index, &n_all);
	bool alone = s->session.n_identities <= 1;
	for (unsigned i = 0; i < n_all; i++) {
		const struct sighting *seen = &all[i];
		uint64_t distance = seen->time_ms > s->now_ms ? seen->time_ms - s->now_ms
							      : s->now_ms - seen->time_ms;
		bool mine = seen->identity == identity || (seen->identity == 0 && identity != 0);
		if (!mine || distance > rule->window_ms || (after_ms && seen->time_ms <= after_ms))
			continue;
		out[n] = *seen;
		if (seen->identity != identity && !alone)
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
	for (int level = CONFIDENCE_CONFIRMED; level > CONFIDENCE_NONE; level--) {
		if (rule->levels[level] && expression_holds(rule->levels[level], view))
			return (enum confidence)level;
	}
	return CONFIDENCE_NONE;
}

static enum confidence level_without(struct subject *s, const struct diagnosis_rule *rule,
	const struct verdict *v, uint8_t flags)
{
	struct sighting some[SESSION_SIGHTINGS_MAX];
	struct expression_view view =
		verdict_view(s, some, without(v->sightings, v->n, flags, some));
	return level_of(rule, &view);
}

// A binding that could be another's never alone makes a diagnosis confirmed; a sign that names
// nobody at an address of several only adds to what stands by itself; and what names nobody there
// may be any of them.
void verdict_of(struct subject *s, const struct diagnosis_rule *rule, uint8_t identity,
	uint64_t after_ms, struct verdict *v)
{
	v->n = collect(s, rule, identity, after_ms, v->sightings);
	struct expression_view all = verdict_view(s, v->sightings, v->n);
	enum confidence by_all = level_of(rule, &all);
	v->wake_ms = all.wake_ms;
	v->confidence = CONFIDENCE_NONE;
	v->ambiguous = false;
	if (by_all == CONFIDENCE_NONE)
		return;
	enum confidence own = level_without(s, rule, v, SIGHTING_SHARED);
	enum confidence certain = level_without(s, rule, v, SIGHTING_SHARED | SIGHTING_AMBIGUOUS);
	bool nobody = identity == 0 && s->session.n_phones && s->session.n_identities > 1;
	v->confidence = own;
	if (own == CONFIDENCE_CONFIRMED && (certain < CONFIDENCE_PROBABLE || nobody))
		v->confidence = CONFIDENCE_PROBABLE;
	else if (by_all == CONFIDENCE_CONFIRMED && certain >= CONFIDENCE_PROBABLE && !nobody)
		v->confidence = CONFIDENCE_CONFIRMED;
	v->ambiguous = nobody || (certain < v->confidence && certain < CONFIDENCE_PROBABLE);
}
