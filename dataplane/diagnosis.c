// SPDX-License-Identifier: BSD-3-Clause
#include "diagnosis.h"

#include <assert.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "seq.h"

static_assert(sizeof(struct diagnosis) % 8 == 0);

const char *const diagnosis_state_names[] = {"free", "open", "recovered", "expired", "expired"};

#define SLOT_NONE UINT32_MAX
#define EVIDENCE_OF_EVENT_MAX 2	  // lines of one event: the first attempts prove as well as the last
#define EVIDENCE_EVENTS_MAX 24
#define ATTEMPT_GAP_MS 500	  // the same line through two relays is one attempt
#define CORROBORATION_MS 60000	  // an unnamed and a named sign of one failure at a shared address
#define ORDER_SLACK_MS 2000	  // UDP reorders
#define CLOSED_LOOK_MAX 64

enum { AGE_PHONE, AGE_OTHER, AGE_CLOSED };

struct diagnosis_links {
	uint32_t session; // slot, SLOT_NONE: its session has ended
	uint32_t next;	  // in its session
	uint32_t older, newer;
	uint8_t age;
	uint8_t n_events;
	struct {
		uint16_t event;
		uint16_t n; // lines of it that have come
	} events[EVIDENCE_EVENTS_MAX];
	uint32_t attempt; // bits of `events`: seen in the present attempt
	uint64_t attempt_ms;
};

// ---- the table ----

struct diagnosis_table *diagnosis_table_create(uint32_t n_diagnoses, uint32_t n_evidence_blocks)
{
	struct diagnosis_table *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->n_max = n_diagnoses;
	t->slots = calloc(n_diagnoses, sizeof(*t->slots));
	t->sequences = calloc(n_diagnoses, sizeof(*t->sequences));
	t->acknowledged = calloc(n_diagnoses, sizeof(*t->acknowledged));
	t->links = calloc(n_diagnoses, sizeof(*t->links));
	t->evidence = evidence_pool_create(n_evidence_blocks);
	t->free_slot = SLOT_NONE;
	for (int age = 0; age < 3; age++)
		t->oldest[age] = t->newest[age] = SLOT_NONE;
	if (t->slots && t->sequences && t->acknowledged && t->links && t->evidence)
		return t;
	diagnosis_table_destroy(t);
	return NULL;
}

void diagnosis_table_destroy(struct diagnosis_table *t)
{
	if (t == NULL)
		return;
	free(t->slots);
	free(t->sequences);
	free(t->acknowledged);
	free(t->links);
	evidence_pool_destroy(t->evidence);
	free(t);
}

static uint32_t get(const _Atomic(uint32_t) *gauge)
{
	return atomic_load_explicit((_Atomic(uint32_t) *)gauge, memory_order_relaxed);
}

static void add(_Atomic(uint32_t) *gauge, int n)
{
	atomic_store_explicit(gauge, get(gauge) + (uint32_t)n, memory_order_relaxed);
}

static void publish(struct diagnosis_table *t, uint32_t slot, const struct diagnosis *d)
{
	seq_publish(&t->sequences[slot], &t->slots[slot], d, sizeof(*d));
}

static void age_unlink(struct diagnosis_table *t, uint32_t slot)
{
	struct diagnosis_links *l = &t->links[slot];
	if (l->older != SLOT_NONE)
		t->links[l->older].newer = l->newer;
	else
		t->oldest[l->age] = l->newer;
	if (l->newer != SLOT_NONE)
		t->links[l->newer].older = l->older;
	else
		t->newest[l->age] = l->older;
}

static void age_link(struct diagnosis_table *t, uint32_t slot, uint8_t age)
{
	struct diagnosis_links *l = &t->links[slot];
	l->age = age;
	l->older = t->newest[age];
	l->newer = SLOT_NONE;
	if (l->older != SLOT_NONE)
		t->links[l->older].newer = slot;
	else
		t->oldest[age] = slot;
	t->newest[age] = slot;
}

static uint8_t age_of(const struct diagnosis *d)
{
	if (d->state != DIAGNOSIS_OPEN)
		return AGE_CLOSED;
	return d->is_phone || d->scope == SCOPE_GATEWAY ? AGE_PHONE : AGE_OTHER;
}

static bool is_told(const struct diagnosis_table *t, uint32_t slot)
{
	return get(&t->acknowledged[slot]) == t->slots[slot].sequence;
}

static void unlink_from_session(struct session_table *sessions, uint32_t slot)
{
	struct diagnosis_table *t = sessions->diagnoses;
	if (t->links[slot].session == SLOT_NONE)
		return;
	uint32_t *link = session_diagnoses(sessions, t->links[slot].session);
	while (*link != slot)
		link = &t->links[*link].next;
	*link = t->links[slot].next;
	t->links[slot].session = SLOT_NONE;
}

static void count_open(struct session_table *sessions, const struct diagnosis *d, int n)
{
	struct diagnosis_table *t = sessions->diagnoses;
	add(&t->n_open, n);
	if (d->is_phone)
		add(&t->n_open_phones, n);
	atomic_fetch_add_explicit(&sessions->open->of[d->number], (uint32_t)n, memory_order_relaxed);
}

// The slot becomes free; whatever it held is gone.
static void reclaim(struct session_table *sessions, uint32_t slot)
{
	struct diagnosis_table *t = sessions->diagnoses;
	struct diagnosis d = t->slots[slot];
	if (d.state == DIAGNOSIS_OPEN)
		count_open(sessions, &d, -1);
	else
		add(&t->n_closed, -1);
	unlink_from_session(sessions, slot);
	age_unlink(t, slot);
	counter_add(&sessions->counters->evidence_reused, 1);
	if (!is_told(t, slot) && d.is_phone)
		counter_add(&sessions->counters->episodes_lost, 1);
	struct evidence evidence = d.evidence;
	publish(t, slot, &(struct diagnosis){.state = DIAGNOSIS_FREE});
	evidence_free(t->evidence, &evidence);
	t->links[slot].next = t->free_slot;
	t->free_slot = slot;
}

// The diagnosis that can be spared most: closed and told; open of a client that is no phone; for a
// phone, closed and not yet told.
static uint32_t spare(const struct diagnosis_table *t, bool for_phone)
{
	uint32_t slot = t->oldest[AGE_CLOSED];
	for (unsigned i = 0; i < CLOSED_LOOK_MAX && slot != SLOT_NONE; i++, slot = t->links[slot].newer) {
		if (is_told(t, slot))
			return slot;
	}
	if (t->oldest[AGE_OTHER] != SLOT_NONE)
		return t->oldest[AGE_OTHER];
	return for_phone ? t->oldest[AGE_CLOSED] : SLOT_NONE;
}

static uint32_t take_slot(struct session_table *sessions, bool for_phone)
{
	struct diagnosis_table *t = sessions->diagnoses;
	uint32_t high = get(&t->high_water);
	// Clients that are no phones fill half of the table at most.
	uint32_t limit = for_phone ? t->n_max : t->n_max / 2;
	if (t->free_slot == SLOT_NONE && high >= limit) {
		uint32_t victim = spare(t, for_phone);
		if (victim == SLOT_NONE)
			return SLOT_NONE;
		reclaim(sessions, victim);
	}
	uint32_t slot = t->free_slot;
	if (slot != SLOT_NONE) {
		t->free_slot = t->links[slot].next;
	} else {
		slot = high;
		atomic_store_explicit(&t->high_water, high + 1, memory_order_release);
	}
	atomic_store_explicit(&t->acknowledged[slot], 0, memory_order_relaxed);
	return slot;
}

bool diagnosis_read(const struct diagnosis_table *t, uint32_t slot, struct diagnosis *out, void *lines)
{
	for (int tries = 0; tries < 64; tries++) {
		uint32_t before = get(&t->sequences[slot]);
		if (!seq_try_read(&t->sequences[slot], out, &t->slots[slot], sizeof(*out)))
			continue;
		if (out->state == DIAGNOSIS_FREE)
			return false;
		if (lines == NULL)
			return true;
		evidence_read(t->evidence, &out->evidence, lines);
		atomic_thread_fence(memory_order_acquire);
		if (get(&t->sequences[slot]) == before)
			return true;
	}
	return false;
}

void diagnosis_acknowledge(struct diagnosis_table *t, uint32_t slot, uint32_t sequence)
{
	atomic_store_explicit(&t->acknowledged[slot], sequence, memory_order_relaxed);
}

bool diagnosis_any_open(struct session_table *sessions, uint32_t session)
{
	const struct diagnosis_table *t = sessions->diagnoses;
	uint32_t slot = *session_diagnoses(sessions, session);
	while (slot != SLOT_NONE && t->slots[slot].state != DIAGNOSIS_OPEN)
		slot = t->links[slot].next;
	return slot != SLOT_NONE;
}

// ---- a diagnosis taken out to be changed ----

struct work {
	struct subject *subject;
	struct diagnosis_table *table;
	const struct diagnosis_rule *rule;
	uint32_t slot;
	struct diagnosis d;
};

static struct work take(struct subject *s, uint32_t slot)
{
	struct diagnosis_table *t = s->table->diagnoses;
	return (struct work){s, t, rulepack_diagnosis(s->table->ruleset->pack, t->slots[slot].number),
		slot, t->slots[slot]};
}

// Tell the world: publish, and let control look at it.
static void put(struct work *w)
{
	struct session_table *sessions = w->subject->table;
	const struct diagnosis *before = &w->table->slots[w->slot];
	bool was_open = before->state == DIAGNOSIS_OPEN, is_open = w->d.state == DIAGNOSIS_OPEN;
	if (was_open)
		count_open(sessions, before, -1);
	if (is_open)
		count_open(sessions, &w->d, 1);
	if (was_open && !is_open)
		add(&w->table->n_closed, 1);
	else if (!was_open && is_open && before->state != DIAGNOSIS_FREE)
		add(&w->table->n_closed, -1);
	uint8_t age = age_of(&w->d);
	if (w->table->links[w->slot].age != age) {
		age_unlink(w->table, w->slot);
		age_link(w->table, w->slot, age);
	}
	w->d.sequence++;
	publish(w->table, w->slot, &w->d);
	sessions->changed(sessions->changed_context, w->slot);
}

static void close_as(struct work *w, enum diagnosis_state state, uint64_t at_ms)
{
	w->d.state = (uint8_t)state;
	w->d.closed_ms = at_ms;
	if (state == DIAGNOSIS_RECOVERED)
		w->d.recovered_ms = at_ms;
	put(w);
}

// ---- what has been seen of whom ----

// A named one has what was seen of it; what names nobody is its own only where it is alone at the
// address, else a corroboration that may not stand by itself.
static unsigned collect(const struct subject *s, const struct diagnosis_rule *rule, uint8_t identity,
	uint64_t after_ms, struct sighting *out)
{
	unsigned n_all, n = 0;
	const struct sighting *all = session_sightings(s->table, s->index, &n_all);
	bool alone = s->session.n_identities <= 1;
	for (unsigned i = 0; i < n_all; i++) {
		const struct sighting *seen = &all[i];
		uint64_t distance = seen->time_ms > s->now_ms ? seen->time_ms - s->now_ms
							      : s->now_ms - seen->time_ms;
		bool mine = seen->identity == identity || (seen->identity == 0 && identity != 0);
		if (!mine || distance > rule->window_ms || seen->time_ms <= after_ms)
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
static unsigned without(const struct sighting *all, unsigned n_all, uint8_t flags,
	struct sighting *out)
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

static struct expression_view view_of(struct subject *s, const struct sighting *sightings, unsigned n)
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

struct verdict {
	enum confidence confidence;
	bool ambiguous;
	uint64_t wake_ms;
	struct sighting sightings[SESSION_SIGHTINGS_MAX];
	unsigned n;
};

static enum confidence level_without(struct subject *s, const struct diagnosis_rule *rule,
	const struct verdict *v, uint8_t flags)
{
	struct sighting some[SESSION_SIGHTINGS_MAX];
	struct expression_view view = view_of(s, some, without(v->sightings, v->n, flags, some));
	return level_of(rule, &view);
}

// A binding that could be another's never alone makes a diagnosis confirmed; a sign that names nobody
// at an address of several only adds to what stands by itself; and what names nobody there may be
// any of them.
static void judge(struct subject *s, const struct diagnosis_rule *rule, uint8_t identity,
	uint64_t after_ms, struct verdict *v)
{
	v->n = collect(s, rule, identity, after_ms, v->sightings);
	struct expression_view all = view_of(s, v->sightings, v->n);
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

// ---- evidence ----

// Index of an event among those of the diagnosis; EVIDENCE_EVENTS_MAX: too many different ones.
static unsigned event_index(struct diagnosis_links *l, uint16_t event)
{
	unsigned i = 0;
	while (i < l->n_events && l->events[i].event != event)
		i++;
	if (i == l->n_events && i < EVIDENCE_EVENTS_MAX) {
		l->events[i].event = event;
		l->events[i].n = 0;
		l->n_events++;
	}
	return i;
}

// The same kind of line once more is the next attempt.
static void count_attempt(struct work *w, unsigned index, const struct line *line)
{
	static const uint64_t none[EVENT_WORDS];
	const uint64_t *counted = w->rule->attempts;
	struct diagnosis_links *l = &w->table->links[w->slot];
	uint32_t bit = 1u << index;
	if (memcmp(counted, none, sizeof(none)) != 0 && !event_bit(counted, line->event))
		return;
	if (!(l->attempt & bit)) {
		l->attempt |= bit;
		if (l->attempt_ms == 0)
			l->attempt_ms = line->time_ms;
	} else if (line->time_ms > l->attempt_ms + ATTEMPT_GAP_MS) {
		w->d.count++;
		l->attempt = bit;
		l->attempt_ms = line->time_ms;
	}
}

static void keep_evidence(struct work *w, unsigned index, const struct line *line)
{
	struct diagnosis_links *l = &w->table->links[w->slot];
	if (index < EVIDENCE_EVENTS_MAX && l->events[index].n++ < EVIDENCE_OF_EVENT_MAX)
		evidence_append(w->table->evidence, &w->d.evidence, line);
}

static void add_line(struct work *w, const struct line *line)
{
	unsigned index = event_index(&w->table->links[w->slot], line->event);
	keep_evidence(w, index, line);
	if (index < EVIDENCE_EVENTS_MAX)
		count_attempt(w, index, line);
	if (line->time_ms < w->d.first_ms || w->d.first_ms == 0)
		w->d.first_ms = line->time_ms;
	if (line->time_ms > w->d.last_ms)
		w->d.last_ms = line->time_ms;
}

static void add_sighting(struct work *w, const struct sighting *sighting)
{
	struct line_buffer buffer;
	if (session_line_read(w->subject->table, &w->subject->session, sighting->line, &buffer)) {
		buffer.line.flags |= sighting->flags & SIGHTING_AMBIGUOUS ? LINE_AMBIGUOUS : 0;
		add_line(w, &buffer.line);
	} else {
		counter_add(&w->subject->table->counters->lines_lost, 1);
	}
}

// The gateway's own line on which a cause rests.
static void add_fact(const struct expression *leaf, bool positive, void *context)
{
	struct work *w = context;
	struct gateway_fact_line fact;
	struct line_buffer buffer;
	struct event event;
	struct subject *s = w->subject;
	if (leaf->kind != EXPRESSION_GATEWAY || !positive ||
		!gateway_fact_read(s->table->gateways, s->session.gateway, leaf->event, &fact))
		return;
	memset(&event, 0, offsetof(struct event, text));
	event.time_ms = fact.time_ms;
	event.type = leaf->event;
	event.source = fact.source;
	event.gateway = s->session.gateway;
	event.line_len = event.text_len = fact.len;
	memcpy(event.text, fact.text, fact.len);
	event.code_len = fact.code_len;
	memcpy(event.code, fact.code, fact.code_len);
	line_of_event(&event, 0, LINE_NONE, &buffer);
	keep_evidence(w, event_index(&w->table->links[w->slot], leaf->event), &buffer.line);
}

static void find_cause(struct work *w, const struct verdict *v)
{
	for (unsigned i = 0; i < w->rule->n_causes; i++) {
		const struct diagnosis_cause *cause = &w->rule->causes[i];
		struct expression_view view = view_of(w->subject, v->sightings, v->n);
		if (strcmp(w->d.cause, cause->name) == 0)
			return; // the first that held stays, unless one before it comes
		if (!expression_holds(cause->when, &view))
			continue;
		slice_copy(slice_of(cause->name), w->d.cause, sizeof(w->d.cause));
		expression_walk(cause->when, true, add_fact, w);
		return;
	}
	if (w->rule->cause_otherwise && w->d.cause[0] == '\0')
		slice_copy(slice_of(w->rule->cause_otherwise), w->d.cause, sizeof(w->d.cause));
}

// ---- whose it is ----

// What is known of the phone, into the diagnosis. At an address of several, a failure that names
// nobody is nobody's: the phones known there are told.
static void name_it(struct work *w)
{
	struct subject *s = w->subject;
	const struct identity *who = w->d.identity ? session_identity(s, w->d.identity) : NULL;
	w->d.gateway = s->session.gateway;
	if (w->d.scope == SCOPE_GATEWAY)
		return;
	w->d.n_devices = 0;
	if (who) {
		w->d.device = who->device;
		w->d.tunnel = who->tunnel;
		memcpy(w->d.model, who->model, sizeof(w->d.model));
		memcpy(w->d.user, who->user, sizeof(w->d.user));
		memcpy(w->d.tunnel_group, who->tunnel_group, sizeof(w->d.tunnel_group));
		memcpy(w->d.group_policy, who->group_policy, sizeof(w->d.group_policy));
		if (who->gateway != GATEWAY_NONE)
			w->d.gateway = who->gateway;
		w->d.is_phone = (who->flags & IDENTITY_PHONE) != 0;
		return;
	}
	w->d.is_phone = (s->session.flags & SESSION_PHONE) != 0;
	for (uint32_t i = s->session.identity; i != SESSION_NONE;) {
		const struct identity *id = &s->table->identities[i];
		if (!device_is_none(&id->device) && w->d.n_devices < DIAGNOSIS_DEVICES_MAX)
			w->d.devices[w->d.n_devices++] = id->device;
		i = id->next;
	}
	if (s->session.n_phones && s->session.n_identities > 1)
		w->d.ambiguous = true;
}

static uint64_t id_of(const struct diagnosis *d, const struct diagnosis_rule *rule)
{
	XXH3_state_t state;
	XXH3_64bits_reset(&state);
	XXH3_64bits_update(&state, &d->key, sizeof(d->key));
	XXH3_64bits_update(&state, &d->identity, sizeof(d->identity));
	XXH3_64bits_update(&state, rule->id, strlen(rule->id));
	XXH3_64bits_update(&state, &d->first_ms, sizeof(d->first_ms));
	return XXH3_64bits_digest(&state);
}

// ---- opening, raising ----

static bool is_of(const struct subject *s, const struct diagnosis *d, uint8_t identity)
{
	return d->identity == identity || (d->identity == 0 && s->session.n_identities <= 1);
}

static uint32_t find_of(struct subject *s, uint16_t number, uint8_t identity, bool any_identity)
{
	const struct diagnosis_table *t = s->table->diagnoses;
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != SLOT_NONE; slot = t->links[slot].next) {
		const struct diagnosis *d = &t->slots[slot];
		bool relapse = d->state == DIAGNOSIS_RECOVERED &&
			s->now_ms <= d->recovered_ms + DIAGNOSIS_RELAPSE_MS;
		if (d->number == number && (d->state == DIAGNOSIS_OPEN || relapse) &&
			(any_identity || is_of(s, d, identity)))
			return slot;
	}
	return SLOT_NONE;
}

// At an address of several, the other half of a failure that one sign names and one does not.
static uint32_t find_counterpart(struct subject *s, uint16_t number, uint8_t identity)
{
	const struct diagnosis_table *t = s->table->diagnoses;
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != SLOT_NONE; slot = t->links[slot].next) {
		const struct diagnosis *d = &t->slots[slot];
		if (d->number == number && d->state == DIAGNOSIS_OPEN &&
			(d->identity == 0) != (identity == 0) &&
			d->last_ms + CORROBORATION_MS >= s->now_ms)
			return slot;
	}
	return SLOT_NONE;
}

static bool rule_absorbs(const struct diagnosis_rule *rule, uint16_t number)
{
	for (unsigned i = 0; rule && i < rule->n_absorbs; i++) {
		if (rule->absorbs[i] == number)
			return true;
	}
	return false;
}

// An open diagnosis of the same phone of which this one would be a consequence.
static uint32_t find_absorber(struct subject *s, uint16_t number, uint8_t identity)
{
	const struct diagnosis_table *t = s->table->diagnoses;
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != SLOT_NONE; slot = t->links[slot].next) {
		const struct diagnosis *d = &t->slots[slot];
		const struct diagnosis_rule *rule =
			rulepack_diagnosis(s->table->ruleset->pack, d->number);
		if (d->state == DIAGNOSIS_OPEN && rule_absorbs(rule, number) &&
			is_of(s, d, identity) && d->last_ms + rule->window_ms >= s->now_ms)
			return slot;
	}
	return SLOT_NONE;
}

// Consequences that were told before their cause was known: their lines are evidence of it.
static void absorb(struct work *w)
{
	struct subject *s = w->subject;
	_Alignas(8) char lines[EVIDENCE_BYTES_MAX];
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != SLOT_NONE; slot = w->table->links[slot].next) {
		struct work other = take(s, slot);
		if (slot == w->slot || other.d.state != DIAGNOSIS_OPEN ||
			!rule_absorbs(w->rule, other.d.number) || !is_of(s, &other.d, w->d.identity) ||
			other.d.last_ms + w->rule->window_ms < w->d.first_ms)
			continue;
		uint32_t offset = 0;
		const struct line *line;
		evidence_read(w->table->evidence, &other.d.evidence, lines);
		while ((line = evidence_line(lines, other.d.evidence.bytes, &offset)) != NULL)
			add_line(w, line);
		close_as(&other, DIAGNOSIS_ABSORBED, s->now_ms);
	}
}

static void adopt(struct work *w, const struct event *event)
{
	if (!(event->flags & EVENT_MOVED) || event->adopt_id == 0 ||
		event->adopt_diagnosis != w->d.number || event->time_ms > w->d.first_ms)
		return;
	w->d.id = event->adopt_id;
	if (event->adopt_sequence > w->d.sequence)
		w->d.sequence = event->adopt_sequence;
	if (event->adopt_count > w->d.count)
		w->d.count = event->adopt_count;
}

static void add_evidence(struct work *w, const struct verdict *v)
{
	for (unsigned i = 0; i < v->n; i++) {
		if (event_bit(w->rule->evidence, v->sightings[i].event))
			add_sighting(w, &v->sightings[i]);
	}
}

static void raise_to(struct work *w, const struct verdict *v)
{
	if (v->confidence > w->d.confidence) {
		w->d.confidence = (uint8_t)v->confidence;
		w->d.ambiguous = v->ambiguous;
	} else if (v->confidence == w->d.confidence && !v->ambiguous) {
		w->d.ambiguous = false;
	}
}

static uint32_t open_new(struct subject *s, const struct diagnosis_rule *rule, uint8_t identity,
	const struct verdict *v, const struct event *event)
{
	struct session_table *sessions = s->table;
	struct diagnosis_table *t = sessions->diagnoses;
	bool phone = rule->scope == SCOPE_GATEWAY || (s->session.flags & SESSION_PHONE);
	uint32_t slot = take_slot(sessions, phone);
	if (slot == SLOT_NONE) {
		counter_add(&sessions->counters->events_dropped[EVENT_DROP_diagnoses_full], 1);
		return SLOT_NONE;
	}
	struct work w = {s, t, rule, slot, {.key = s->session.key,
						   .number = rule->number,
						   .scope = (uint8_t)rule->scope,
						   .state = DIAGNOSIS_OPEN,
						   .confidence = (uint8_t)v->confidence,
						   .ambiguous = v->ambiguous,
						   .identity = identity,
						   .session = s->index,
						   .gateway = GATEWAY_NONE,
						   .count = 1}};
	if (s->session.key.kind == KEY_CLIENT)
		w.d.client = s->session.key.address;
	evidence_clear(&w.d.evidence);
	t->links[slot] = (struct diagnosis_links){.session = s->index,
		.next = *session_diagnoses(sessions, s->index)};
	*session_diagnoses(sessions, s->index) = slot;
	add_evidence(&w, v);
	if (w.d.first_ms == 0)
		w.d.first_ms = w.d.last_ms = s->now_ms;
	w.d.id = id_of(&w.d, rule);
	if (event)
		adopt(&w, event);
	name_it(&w);
	find_cause(&w, v);
	absorb(&w);
	age_link(t, slot, age_of(&w.d));
	put(&w);
	return slot;
}

// What was seen before a success is void; a diagnosis that is still told remembers its own.
static uint64_t void_before(const struct subject *s, const struct diagnosis_rule *rule,
	uint8_t identity, const struct event *event)
{
	uint64_t after = 0;
	if (event && event->flags & EVENT_MOVED)
		return 0;
	for (uint32_t i = s->session.identity; rule->by_tunnel && i != SESSION_NONE;) {
		const struct identity *id = &s->table->identities[i];
		if ((id->number == identity || s->session.n_identities == 1) && id->tunnel_up_ms > after)
			after = id->tunnel_up_ms;
		i = id->next;
	}
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != SLOT_NONE; slot = s->table->diagnoses->links[slot].next) {
		const struct diagnosis *d = &s->table->diagnoses->slots[slot];
		if (d->number == rule->number && is_of(s, d, identity) && d->recovered_ms > after)
			after = d->recovered_ms;
	}
	return after;
}

// The event is one more piece of evidence of a diagnosis that is known.
static void add_event(struct work *w, const struct sighting *sighting, const struct verdict *v,
	const struct event *event)
{
	bool late = w->d.state == DIAGNOSIS_RECOVERED && sighting &&
		sighting->time_ms <= w->d.recovered_ms;
	if (sighting && event_bit(w->rule->evidence, sighting->event)) {
		uint64_t first_ms = w->d.first_ms;
		add_sighting(w, sighting);
		w->d.first_ms = first_ms < w->d.first_ms ? first_ms : w->d.first_ms;
		if (event)
			adopt(w, event);
	}
	if (w->d.state == DIAGNOSIS_RECOVERED && !late) {
		w->d.state = DIAGNOSIS_OPEN;
		w->d.closed_ms = w->d.recovered_ms = 0;
	}
	raise_to(w, v);
	name_it(w);
	find_cause(w, v);
	put(w);
}

// Lines told again for another session can be older than a success of the phone there.
static void recover_moved(struct work *w, const struct event *event)
{
	const struct identity *who = session_identity(w->subject, w->d.identity);
	if (event == NULL || !(event->flags & EVENT_MOVED) || who == NULL || !w->rule->by_tunnel ||
		w->d.state != DIAGNOSIS_OPEN || who->tunnel_up_ms <= w->d.last_ms)
		return;
	close_as(w, DIAGNOSIS_RECOVERED, who->tunnel_up_ms);
}

// Look at one rule for one subject: open, raise, or leave it.
static void step_rule(struct subject *s, const struct diagnosis_rule *rule, uint8_t identity,
	const struct sighting *sighting, const struct event *event)
{
	struct verdict v;
	uint32_t known = find_of(s, rule->number, identity, false);
	bool open = known != SLOT_NONE && s->table->diagnoses->slots[known].state == DIAGNOSIS_OPEN;
	judge(s, rule, identity, void_before(s, rule, identity, event), &v);
	if (v.wake_ms < *session_wake_ms(s->table, s->index))
		*session_wake_ms(s->table, s->index) = v.wake_ms;
	bool evidence = sighting && event_bit(rule->evidence, sighting->event);
	if (v.confidence == CONFIDENCE_NONE && !(open && evidence))
		return;
	if (known == SLOT_NONE && s->session.n_identities > 1) {
		known = find_counterpart(s, rule->number, identity);
		if (known != SLOT_NONE && identity != 0) {
			// The name was missing: here it is.
			struct work w = take(s, known);
			w.d.identity = identity;
			w.d.ambiguous = v.ambiguous;
			add_event(&w, sighting, &v, event);
			return;
		}
	}
	if (known != SLOT_NONE) {
		struct work w = take(s, known);
		if (w.d.identity != identity)
			judge(s, rule, w.d.identity, void_before(s, rule, w.d.identity, event), &v);
		add_event(&w, sighting, &v, event);
		recover_moved(&w, event);
		return;
	}
	uint32_t absorber = find_absorber(s, rule->number, identity);
	if (absorber != SLOT_NONE) {
		struct work w = take(s, absorber);
		if (sighting) {
			add_sighting(&w, sighting);
			put(&w);
		}
		return;
	}
	uint32_t slot = open_new(s, rule, identity, &v, event);
	if (slot != SLOT_NONE) {
		struct work w = take(s, slot);
		recover_moved(&w, event);
	}
}

// ---- recovery ----

static bool is_sign_of_success(const struct diagnosis_rule *rule, const struct sighting *sighting)
{
	for (unsigned i = 0; i < rule->n_recovers; i++) {
		const struct expression *leaf = rule->recovers[i];
		if (leaf->event == sighting->event &&
			(sighting->conditions & leaf->conditions) == leaf->conditions)
			return true;
	}
	return false;
}

// A success of a named phone recovers what is its own; what nobody is named in, where the address has
// one phone at most.
static bool may_recover(const struct subject *s, const struct diagnosis *d, uint8_t identity)
{
	if (d->scope == SCOPE_GATEWAY)
		return true;
	if (d->identity == 0)
		return s->session.n_phones <= 1 || s->session.n_identities <= 1;
	return d->identity == identity || (identity == 0 && s->session.n_identities == 1);
}

static void recover(struct subject *s, const struct sighting *sighting, uint8_t identity)
{
	struct diagnosis_table *t = s->table->diagnoses;
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != SLOT_NONE; slot = t->links[slot].next) {
		struct work w = take(s, slot);
		if (w.d.state == DIAGNOSIS_OPEN && w.rule && is_sign_of_success(w.rule, sighting) &&
			may_recover(s, &w.d, identity) &&
			sighting->time_ms + ORDER_SLACK_MS >= w.d.last_ms) {
			name_it(&w);
			close_as(&w, DIAGNOSIS_RECOVERED,
				sighting->time_ms > w.d.last_ms ? sighting->time_ms : w.d.last_ms);
		}
	}
}

// ---- from the session ----

// Whose failure an event is that names nobody: the phone's where there is only one.
static uint8_t subject_of(const struct subject *s, uint8_t identity)
{
	const struct identity *only = identity == 0 ? session_only_phone(s) : NULL;
	return only ? only->number : identity;
}

// The event is kept as evidence of what is open, whether or not a rule's level hangs on it.
static void add_to_open(struct subject *s, const struct sighting *sighting, uint8_t identity)
{
	struct diagnosis_table *t = s->table->diagnoses;
	const struct event_use *use = &s->table->ruleset->pack->events[sighting->event];
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != SLOT_NONE; slot = t->links[slot].next) {
		struct work w = take(s, slot);
		bool triggers = false;
		if (w.d.state != DIAGNOSIS_OPEN || w.rule == NULL || !is_of(s, &w.d, identity) ||
			!event_bit(w.rule->evidence, sighting->event))
			continue;
		for (unsigned i = 0; i < use->n_triggers; i++)
			triggers |= &s->table->ruleset->pack->diagnoses[use->triggers[i]] == w.rule;
		if (triggers)
			continue; // step_rule() has
		struct verdict v;
		judge(s, w.rule, w.d.identity, void_before(s, w.rule, w.d.identity, NULL), &v);
		add_event(&w, sighting, &v, NULL);
	}
}

void diagnosis_step(struct subject *s, const struct event *event, const struct sighting *sighting,
	uint8_t identity)
{
	const struct rulepack *pack = s->table->ruleset->pack;
	const struct event_use *use = &pack->events[event->type];
	enum scope scope = s->session.key.kind == KEY_GATEWAY ? SCOPE_GATEWAY : SCOPE_PHONE;
	uint8_t subject = scope == SCOPE_GATEWAY ? 0 : subject_of(s, identity);
	if (use->n_recovers)
		recover(s, sighting, identity);
	for (unsigned i = 0; i < use->n_triggers; i++) {
		const struct diagnosis_rule *rule = &pack->diagnoses[use->triggers[i]];
		if (rule->scope == scope)
			step_rule(s, rule, subject, sighting, event);
	}
	if (use->keep)
		add_to_open(s, sighting, subject);
}

void diagnosis_learn(struct subject *s, uint8_t identity)
{
	struct diagnosis_table *t = s->table->diagnoses;
	const struct identity *only = session_only_phone(s);
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != SLOT_NONE; slot = t->links[slot].next) {
		struct work w = take(s, slot);
		bool late = w.d.identity == 0 && only && only->number == identity;
		if (w.d.state != DIAGNOSIS_OPEN || w.d.scope == SCOPE_GATEWAY ||
			(w.d.identity != identity && w.d.identity != 0))
			continue;
		struct diagnosis before = w.d;
		if (late)
			w.d.identity = identity;
		name_it(&w);
		if (memcmp(&before, &w.d, sizeof(before)) != 0)
			put(&w);
	}
}

void diagnosis_detach(struct session_table *sessions, uint32_t session)
{
	struct diagnosis_table *t = sessions->diagnoses;
	struct subject s = {sessions, sessions->sessions[session], session, 0};
	uint32_t slot = *session_diagnoses(sessions, session);
	while (slot != SLOT_NONE) {
		struct work w = take(&s, slot);
		slot = t->links[slot].next;
		if (w.d.state == DIAGNOSIS_OPEN)
			close_as(&w, DIAGNOSIS_EXPIRED, w.d.last_ms);
		t->links[w.slot].session = SLOT_NONE;
	}
	*session_diagnoses(sessions, session) = SLOT_NONE;
}

void diagnosis_move(struct subject *s, uint8_t identity, const struct session_key *to,
	const struct identity *known)
{
	struct diagnosis_table *t = s->table->diagnoses;
	_Alignas(8) char lines[EVIDENCE_BYTES_MAX];
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != SLOT_NONE; slot = t->links[slot].next) {
		struct work w = take(s, slot);
		uint32_t offset = 0;
		const struct line *line;
		if (w.d.identity != identity || w.d.state != DIAGNOSIS_OPEN)
			continue;
		evidence_read(t->evidence, &w.d.evidence, lines);
		while ((line = evidence_line(lines, w.d.evidence.bytes, &offset)) != NULL) {
			struct event event;
			line_to_event(line, &event);
			event.stage = STAGE_JUDGE;
			event.key = *to;
			event.client = to->kind == KEY_CLIENT ? to->address : (struct address){0};
			event.device = known->device;
			memcpy(event.model, known->model, sizeof(event.model));
			event.flags |= known->flags & IDENTITY_PHONE ? EVENT_MARKS_PHONE : 0;
			event.adopt_id = w.d.id;
			event.adopt_sequence = w.d.sequence;
			event.adopt_count = w.d.count;
			event.adopt_diagnosis = w.d.number;
			s->table->emit(s->table->emit_context, &event);
		}
		close_as(&w, DIAGNOSIS_ABSORBED, s->now_ms);
	}
}

// ---- time ----

static void expire_one(struct work *w)
{
	struct subject *s = w->subject;
	uint64_t now = s->now_ms, expire = s->table->limits.expire_ms;
	if (w->rule == NULL)
		close_as(w, DIAGNOSIS_EXPIRED, now);
	else if (w->rule->quiet_ms && w->d.last_ms + w->rule->quiet_ms <= now)
		close_as(w, DIAGNOSIS_RECOVERED, w->d.last_ms + w->rule->quiet_ms);
	else if (w->d.last_ms + expire <= now)
		close_as(w, DIAGNOSIS_EXPIRED, w->d.last_ms + expire);
}

// Absences whose time has come, for everybody at the address.
static void wake(struct subject *s)
{
	const struct rulepack *pack = s->table->ruleset->pack;
	uint64_t now = s->now_ms;
	s->now_ms = *session_wake_ms(s->table, s->index);
	*session_wake_ms(s->table, s->index) = UINT64_MAX;
	for (unsigned i = 0; i < pack->n_diagnoses; i++) {
		const struct diagnosis_rule *rule = &pack->diagnoses[i];
		if (!rule->has_absence ||
			(rule->scope == SCOPE_GATEWAY) != (s->session.key.kind == KEY_GATEWAY))
			continue;
		for (uint32_t k = s->session.identity; k != SESSION_NONE;) {
			const struct identity *id = &s->table->identities[k];
			k = id->next;
			step_rule(s, rule, id->number, NULL, NULL);
		}
		if (s->session.n_identities != 1)
			step_rule(s, rule, 0, NULL, NULL);
	}
	s->now_ms = now;
}

void diagnosis_expire(struct subject *s)
{
	struct diagnosis_table *t = s->table->diagnoses;
	if (*session_wake_ms(s->table, s->index) <= s->now_ms)
		wake(s);
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != SLOT_NONE; slot = t->links[slot].next) {
		struct work w = take(s, slot);
		if (w.d.state == DIAGNOSIS_OPEN)
			expire_one(&w);
	}
}
