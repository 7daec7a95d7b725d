// SPDX-License-Identifier: BSD-3-Clause
#include "judge.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "accepted.h"
#include "history.h"
#include "proof.h"
#include "verdict.h"

#define ORDER_SLACK_MS 2000 // UDP reorders

// ---- whose it is ----

// What is known of the phone, into the diagnosis. At an address of several, a failure that names
// nobody is nobody's: the phones known there are told.
static void name_it(struct diagnosis_work *w)
{
	struct subject *s = w->subject;
	const struct identity *who = w->d.identity ? identity_by_number(s, w->d.identity) : NULL;
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

// Of names: the numbers of gateways and identities hang on what came before, and on which worker.
static uint64_t id_of(const struct diagnosis_work *w, const struct diagnosis_rule *rule)
{
	const struct diagnosis *d = &w->d;
	XXH3_state_t state;
	XXH3_64bits_reset(&state);
	if (d->scope == SCOPE_GATEWAY) {
		struct slice name = gateway_name(w->subject->table->gateways, d->gateway);
		XXH3_64bits_update(&state, name.data, name.len);
	} else {
		XXH3_64bits_update(&state, &d->key, sizeof(d->key));
	}
	XXH3_64bits_update(&state, &d->device, sizeof(d->device));
	if (device_is_none(&d->device))
		XXH3_64bits_update(&state, d->user, strlen(d->user));
	XXH3_64bits_update(&state, rule->id, strlen(rule->id));
	XXH3_64bits_update(&state, &d->first_ms, sizeof(d->first_ms));
	return XXH3_64bits_digest(&state);
}

// ---- what is known already ----

static bool is_of(const struct subject *s, const struct diagnosis *d, uint8_t identity)
{
	return d->identity == identity || (d->identity == 0 && s->session.n_identities <= 1);
}

static uint32_t find_other(struct subject *s, uint16_t number, uint8_t identity, uint32_t except)
{
	const struct diagnosis_table *t = s->table->diagnoses;
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != DIAGNOSIS_NONE; slot = t->links[slot].next) {
		const struct diagnosis *d = &t->slots[slot];
		bool relapse = d->state == DIAGNOSIS_RECOVERED &&
			       s->now_ms <= d->recovered.ms + DIAGNOSIS_RELAPSE_MS;
		if (slot != except && d->number == number &&
			(d->state == DIAGNOSIS_OPEN || relapse) && is_of(s, d, identity))
			return slot;
	}
	return DIAGNOSIS_NONE;
}

static uint32_t find_of(struct subject *s, uint16_t number, uint8_t identity)
{
	return find_other(s, number, identity, DIAGNOSIS_NONE);
}

// Whether the line says itself who it is about.
static bool names_somebody(const struct event *event)
{
	return event && (!device_is_none(&event->device) || event_user(event).len);
}

// At an address of several, the other half of a failure that one sign names and one does not.
static uint32_t find_counterpart(struct subject *s, uint16_t number, uint8_t identity)
{
	const struct diagnosis_table *t = s->table->diagnoses;
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != DIAGNOSIS_NONE; slot = t->links[slot].next) {
		const struct diagnosis *d = &t->slots[slot];
		if (d->number == number && d->state == DIAGNOSIS_OPEN &&
			(d->identity == 0) != (identity == 0) &&
			d->last_ms + CORROBORATION_MS >= s->now_ms)
			return slot;
	}
	return DIAGNOSIS_NONE;
}

// Whether a diagnosis that names nobody, since its phone seemed to be connected, or is one of
// several, is the one that the phone itself now tells of.
static bool is_missing_name(
	const struct subject *s, uint32_t known, uint8_t identity, const struct event *event)
{
	const struct diagnosis *d = &s->table->diagnoses->slots[known];
	return identity != 0 && d->identity == 0 && d->state == DIAGNOSIS_OPEN &&
	       d->last_ms + CORROBORATION_MS >= s->now_ms &&
	       (s->session.n_identities > 1 || names_somebody(event));
}

static bool rule_absorbs(const struct diagnosis_rule *rule, uint16_t number)
{
	for (unsigned i = 0; rule && i < rule->n_absorbs; i++) {
		if (rule->absorbs[i] == number)
			return true;
	}
	return false;
}

// How far a consequence may be from its cause: what has a cause of its own at times is one within
// the same attempt.
static uint64_t reach_ms(
	const struct subject *s, const struct diagnosis_rule *cause, uint16_t consequence)
{
	const struct diagnosis_rule *rule =
		rulepack_diagnosis(s->table->ruleset->pack, cause->scope, consequence);
	bool near = rule && rule->one_attempt && cause->window_ms > CORROBORATION_MS;
	return near ? CORROBORATION_MS : cause->window_ms;
}

// NULL: a reload has removed it.
static const struct diagnosis_rule *rule_of(const struct subject *s, const struct diagnosis *d)
{
	return rulepack_diagnosis(s->table->ruleset->pack, (enum scope)d->scope, d->number);
}

// An open diagnosis of the same phone of which this one would be a consequence.
static uint32_t find_absorber(struct subject *s, uint16_t number, uint8_t identity)
{
	const struct diagnosis_table *t = s->table->diagnoses;
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != DIAGNOSIS_NONE; slot = t->links[slot].next) {
		const struct diagnosis *d = &t->slots[slot];
		if (d->state == DIAGNOSIS_OPEN && rule_absorbs(rule_of(s, d), number) &&
			is_of(s, d, identity) &&
			d->last_ms + reach_ms(s, rule_of(s, d), number) >= s->now_ms)
			return slot;
	}
	return DIAGNOSIS_NONE;
}

// ---- opening, raising ----

// Consequences that were told before their cause was known: their lines are evidence of it.
static void absorb(struct diagnosis_work *w)
{
	struct subject *s = w->subject;
	_Alignas(8) char lines[EVIDENCE_BYTES_MAX];
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != DIAGNOSIS_NONE; slot = w->table->links[slot].next) {
		struct diagnosis_work other = diagnosis_take(s, slot);
		if (slot == w->slot || other.d.state != DIAGNOSIS_OPEN ||
			!rule_absorbs(w->rule, other.d.number) ||
			!is_of(s, &other.d, w->d.identity) ||
			other.d.last_ms + reach_ms(s, w->rule, other.d.number) < w->d.first_ms)
			continue;
		uint32_t offset = 0;
		const struct line *line;
		evidence_read(w->table->evidence, &other.d.evidence, lines);
		while ((line = evidence_line(lines, other.d.evidence.bytes, &offset)) != NULL)
			proof_add_line(w, line, false);
		diagnosis_close(&other, DIAGNOSIS_ABSORBED, s->now_ms);
	}
}

static void add_evidence(struct diagnosis_work *w, const struct verdict *v, bool counts)
{
	for (unsigned i = 0; i < v->n; i++) {
		if (event_bit(w->rule->evidence, v->sightings[i].event))
			proof_add_sighting(w, &v->sightings[i],
				counts && !(v->sightings[i].flags & SIGHTING_SHARED));
	}
}

static void raise_to(struct diagnosis_work *w, const struct verdict *v)
{
	if (v->confidence > w->d.confidence) {
		w->d.confidence = (uint8_t)v->confidence;
		w->d.ambiguous = v->ambiguous;
	} else if (v->confidence == w->d.confidence && !v->ambiguous) {
		w->d.ambiguous = false;
	}
}

static uint32_t open_new(struct subject *s, const struct diagnosis_rule *rule, uint8_t identity,
	const struct verdict *v)
{
	struct diagnosis_work w;
	if (!diagnosis_new(s, rule, &w))
		return DIAGNOSIS_NONE;
	w.d.identity = identity;
	w.d.confidence = (uint8_t)v->confidence;
	w.d.ambiguous = v->ambiguous;
	proof_add_context(&w, v);
	add_evidence(&w, v, true);
	if (w.d.first_ms == UINT64_MAX)
		w.d.first_ms = w.d.last_ms = v->n ? v->sightings[0].time_ms : s->now_ms;
	name_it(&w);
	w.d.id = id_of(&w, rule);
	proof_find_cause(&w, v);
	absorb(&w);
	diagnosis_put(&w);
	return w.slot;
}

// What was seen before a success is void; a diagnosis that is still told remembers its own.
static const struct moment *void_before(const struct subject *s, const struct diagnosis_rule *rule,
	uint8_t identity, const struct event *event)
{
	const struct moment *after = NULL;
	if (event && event->flags & EVENT_LATE)
		return NULL;
	for (uint32_t i = s->session.identity; rule->by_tunnel && i != SESSION_NONE;) {
		const struct identity *id = &s->table->identities[i];
		if ((id->number == identity || s->session.n_identities == 1) && id->tunnel_up.ms &&
			(after == NULL || id->tunnel_up.ms > after->ms))
			after = &id->tunnel_up;
		i = id->next;
	}
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != DIAGNOSIS_NONE; slot = s->table->diagnoses->links[slot].next) {
		const struct diagnosis *d = &s->table->diagnoses->slots[slot];
		if (d->number == rule->number && d->state == DIAGNOSIS_RECOVERED &&
			is_of(s, d, identity) && (after == NULL || d->recovered.ms >= after->ms))
			after = &d->recovered;
	}
	return after;
}

// A line of before the recovery that has only now found its session.
static bool is_late(
	const struct diagnosis *d, const struct sighting *sighting, const struct event *event)
{
	return event && (event->flags & EVENT_LATE) && d->state == DIAGNOSIS_RECOVERED &&
	       (sighting->time_ms <= d->recovered.ms || event->flags & EVENT_PAST);
}

static void reopen(struct diagnosis_work *w)
{
	w->d.state = DIAGNOSIS_OPEN;
	w->d.closed_ms = 0;
	w->d.recovered = (struct moment){0};
	proof_pass_attempt(w);
}

// What its handshake has told before the sign came.
static void add_companions(
	struct diagnosis_work *w, const struct sighting *sign, const struct verdict *v)
{
	for (unsigned i = 0; i < v->n; i++) {
		const struct sighting *seen = &v->sightings[i];
		if (sign->port && seen->port == sign->port && seen->line != sign->line &&
			event_bit(w->rule->evidence, seen->event))
			proof_add_sighting(w, seen, true);
	}
}

// The event is one more piece of evidence of a diagnosis that is known; or, without one, more time
// has passed, or more is known.
static void add_event(struct diagnosis_work *w, const struct sighting *sighting,
	const struct verdict *v, const struct event *event)
{
	bool late = sighting && is_late(&w->d, sighting, event);
	bool raises = v->confidence > w->d.confidence;
	if (w->d.state == DIAGNOSIS_RECOVERED && !late)
		reopen(w);
	if (sighting && event_bit(w->rule->evidence, sighting->event)) {
		bool own = sighting->identity == w->d.identity ||
			   w->subject->session.n_identities <= 1;
		struct sighting dated = *sighting;
		if (late && dated.time_ms > w->d.recovered.ms)
			dated.time_ms = w->d.recovered.ms;
		add_companions(w, sighting, v);
		proof_add_sighting(w, &dated, own);
	}
	if (raises) {
		add_evidence(w, v, false);
		proof_add_context(w, v);
	}
	raise_to(w, v);
	name_it(w);
	proof_find_cause(w, v);
	diagnosis_put(w);
}

// What comes late can be older than a success of the phone.
static void recover_late(struct diagnosis_work *w)
{
	const struct identity *who = identity_by_number(w->subject, w->d.identity);
	if (who && w->rule->by_tunnel && w->d.state == DIAGNOSIS_OPEN &&
		who->tunnel_up.ms > w->d.last_ms)
		diagnosis_recover(w, who->tunnel_up.ms, LINE_NONE);
}

// Look at one rule for one subject: open, raise, or leave it.
static void step_rule(struct subject *s, const struct diagnosis_rule *rule, uint8_t identity,
	const struct sighting *sighting, const struct event *event)
{
	struct verdict v;
	uint32_t known = find_of(s, rule->number, identity);
	bool open = known != DIAGNOSIS_NONE &&
		    s->table->diagnoses->slots[known].state == DIAGNOSIS_OPEN;
	verdict_of(s, rule, identity, void_before(s, rule, identity, event), &v);
	if (v.wake_ms < *session_wake_ms(s->table, s->index))
		*session_wake_ms(s->table, s->index) = v.wake_ms;
	bool late = event && (event->flags & EVENT_LATE);
	bool evidence = sighting && event_bit(rule->evidence, sighting->event);
	if ((evidence && !verdict_holds(&v, sighting)) ||
		(v.confidence == CONFIDENCE_NONE && !(open && evidence)))
		return;
	bool unnamed = identity == 0 && names_somebody(event);
	if (known == DIAGNOSIS_NONE && s->session.n_identities > 1 && !unnamed)
		known = find_counterpart(s, rule->number, identity);
	if (known != DIAGNOSIS_NONE && is_missing_name(s, known, identity, event)) {
		struct diagnosis_work w = diagnosis_take(s, known);
		w.d.identity = identity;
		w.d.ambiguous = v.ambiguous;
		add_evidence(&w, &v, false);
		add_event(&w, sighting, &v, event);
		history_name(
			s->table, s->index, rule->evidence, identity, s->now_ms - CORROBORATION_MS);
		return;
	}
	if (known != DIAGNOSIS_NONE) {
		struct diagnosis_work w = diagnosis_take(s, known);
		if (w.d.identity != identity)
			verdict_of(s, rule, w.d.identity, void_before(s, rule, w.d.identity, event),
				&v);
		add_event(&w, sighting, &v, event);
		if (w.d.identity && identity == 0 && sighting && s->session.n_identities > 1)
			history_name(s->table, s->index, rule->evidence, w.d.identity,
				sighting->time_ms);
		if (late)
			recover_late(&w);
		return;
	}
	uint32_t absorber = find_absorber(s, rule->number, identity);
	if (absorber != DIAGNOSIS_NONE) {
		struct diagnosis_work w = diagnosis_take(s, absorber);
		if (sighting) {
			proof_add_sighting(&w, sighting, true);
			diagnosis_put(&w);
		}
		return;
	}
	uint32_t slot = open_new(s, rule, identity, &v);
	if (slot != DIAGNOSIS_NONE && late) {
		struct diagnosis_work w = diagnosis_take(s, slot);
		recover_late(&w);
	}
}

// ---- recovery ----

bool judge_is_well(const struct diagnosis_rule *rule, const struct sighting *sighting)
{
	for (unsigned i = 0; i < rule->n_recovers; i++) {
		const struct expression *leaf = rule->recovers[i];
		if (leaf->event == sighting->event &&
			(sighting->conditions & leaf->conditions) == leaf->conditions)
			return true;
	}
	return false;
}

// When it was seen last that it fails: further evidence can be of those that are well.
static uint64_t last_failed_ms(
	const struct subject *s, const struct diagnosis *d, const struct diagnosis_rule *rule)
{
	unsigned n;
	const struct sighting *seen = history_sightings(s->table, s->index, &n);
	// What names somebody is of a diagnosis of its own.
	while (n && (seen[n - 1].identity || !event_bit(rule->signs, seen[n - 1].event)))
		n--;
	return n ? seen[n - 1].time_ms : d->last_ms;
}

// Whether the phone is the last of those at the address that were to come back since the failure.
static bool all_are_back(const struct subject *s, const struct diagnosis *d,
	const struct diagnosis_rule *rule, const struct identity *last)
{
	if (!rule->by_tunnel || last == NULL || !(last->flags & IDENTITY_PHONE))
		return false;
	uint64_t failed_ms = last_failed_ms(s, d, rule);
	for (uint32_t i = s->session.identity; i != SESSION_NONE;) {
		const struct identity *who = &s->table->identities[i];
		if (who != last && who->flags & IDENTITY_PHONE && who->tunnel_up.ms < failed_ms)
			return false;
		i = who->next;
	}
	return true;
}

// A success of a named phone recovers what is its own; what nobody is named in, where the address
// has one phone at most, and it is not a PC's, or where all of its phones are back.
static bool may_recover(const struct subject *s, const struct diagnosis *d,
	const struct diagnosis_rule *rule, uint8_t identity)
{
	if (d->scope == SCOPE_GATEWAY)
		return true;
	if (d->identity == 0) {
		const struct identity *who = identity_by_number(s, identity);
		bool other = who && s->session.n_phones && !(who->flags & IDENTITY_PHONE);
		return s->session.n_identities <= 1 || (s->session.n_phones <= 1 && !other) ||
		       all_are_back(s, d, rule, who);
	}
	return d->identity == identity || (identity == 0 && s->session.n_identities == 1);
}

// late: the sign has waited for its phone's name: the order of times is all there is.
static void recover(struct subject *s, const struct sighting *sighting, uint8_t identity, bool late)
{
	struct diagnosis_table *t = s->table->diagnoses;
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != DIAGNOSIS_NONE; slot = t->links[slot].next) {
		const struct diagnosis *d = &t->slots[slot];
		const struct diagnosis_rule *rule =
			d->state == DIAGNOSIS_OPEN ? rule_of(s, d) : NULL;
		if (rule == NULL || !judge_is_well(rule, sighting) ||
			!may_recover(s, d, rule, identity))
			continue;
		struct diagnosis_work w = diagnosis_take(s, slot);
		uint64_t slack = late || w.rule->calm_ms ? 0 : ORDER_SLACK_MS;
		if (sighting->time_ms + slack >= w.d.last_ms + w.rule->calm_ms + late) {
			name_it(&w);
			bool later = sighting->time_ms >= w.d.last_ms;
			diagnosis_recover(&w, later ? sighting->time_ms : w.d.last_ms,
				later ? sighting->line : LINE_NONE);
		}
	}
}

// ---- from the session ----

// Whose failure an event is that names nobody: the phone's where there is only one.
static uint8_t subject_of(const struct subject *s, uint8_t identity)
{
	const struct identity *only = identity == 0 ? identity_only_phone(s) : NULL;
	return only ? only->number : identity;
}

// The event is kept as evidence of what is open, whether or not a rule's level hangs on it.
static void add_to_open(struct subject *s, const struct sighting *sighting, uint8_t identity,
	const struct event *event)
{
	struct diagnosis_table *t = s->table->diagnoses;
	const struct rulepack *pack = s->table->ruleset->pack;
	const struct event_use *use = &pack->events[sighting->event];
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != DIAGNOSIS_NONE; slot = t->links[slot].next) {
		const struct diagnosis *d = &t->slots[slot];
		const struct diagnosis_rule *rule = rule_of(s, d);
		bool told = d->state == DIAGNOSIS_OPEN || is_late(d, sighting, event);
		if (!told || rule == NULL || !is_of(s, d, identity) ||
			!event_bit(rule->evidence, sighting->event))
			continue;
		if (event_bit(use->triggers, (uint16_t)(rule - pack->diagnoses)))
			continue; // step_rule() has
		struct diagnosis_work w = diagnosis_take(s, slot);
		struct verdict v;
		verdict_of(
			s, w.rule, w.d.identity, void_before(s, w.rule, w.d.identity, event), &v);
		if (verdict_holds(&v, sighting))
			add_event(&w, sighting, &v, event);
	}
}

bool judge_relapses(const struct subject *s, const struct event_use *use)
{
	const struct rulepack *pack = s->table->ruleset->pack;
	const struct diagnosis_table *t = s->table->diagnoses;
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != DIAGNOSIS_NONE; slot = t->links[slot].next) {
		const struct diagnosis *d = &t->slots[slot];
		for (unsigned scope = 0; d->identity && scope < SCOPE_MAX; scope++) {
			int16_t index = pack->diagnosis_of[scope][d->number];
			if (index >= 0 && event_bit(use->triggers, (uint16_t)index))
				return true;
		}
	}
	return false;
}

// The rules (bits) that step_rule() could come to anything with: those whose needs are met by what
// the session remembers, of whomever, and those that the event is evidence of, where there is
// something that they have found before.
static void rules_worth_a_step(
	struct subject *s, const struct event_use *use, enum scope scope, uint64_t *rules)
{
	const struct rulepack *pack = s->table->ruleset->pack;
	struct needs_met met = pack->met_by_none;
	unsigned n;
	const struct sighting *sightings = history_sightings(s->table, s->index, &n);
	for (unsigned i = 0; i < n; i++) {
		const struct needs_met *by = &pack->met_by[sightings[i].event];
		for (unsigned need = 0; need < NEEDS_MAX; need++) {
			for (unsigned word = 0; word < DIAGNOSIS_WORDS; word++)
				met.rules[need][word] |= by->rules[need][word];
		}
	}
	bool known = *session_diagnoses(s->table, s->index) != DIAGNOSIS_NONE;
	for (unsigned word = 0; word < DIAGNOSIS_WORDS; word++) {
		uint64_t worth = UINT64_MAX;
		for (unsigned need = 0; need < NEEDS_MAX; need++)
			worth &= met.rules[need][word];
		if (known)
			worth |= use->evidence_of[word];
		rules[word] = worth & use->triggers[word] & pack->of_scope[scope][word];
	}
}

void judge_event(struct subject *s, const struct event *event, const struct sighting *sighting,
	uint8_t identity)
{
	const struct rulepack *pack = s->table->ruleset->pack;
	const struct event_use *use = &pack->events[event->type];
	enum scope scope = s->session.key.kind == KEY_GATEWAY ? SCOPE_GATEWAY : SCOPE_PHONE;
	bool nobody = scope == SCOPE_GATEWAY || sighting->flags & SIGHTING_DOUBTFUL;
	uint8_t subject = nobody ? 0 : subject_of(s, identity);
	uint64_t rules[DIAGNOSIS_WORDS] = {0};
	if (any_bit(use->recovers, DIAGNOSIS_WORDS)) {
		recover(s, sighting, identity, (event->flags & EVENT_LATE) != 0);
		accepted_learn(s, event, sighting, identity);
	}
	if (any_bit(use->triggers, DIAGNOSIS_WORDS))
		rules_worth_a_step(s, use, scope, rules);
	for (unsigned word = 0; word < DIAGNOSIS_WORDS; word++) {
		for (uint64_t left = rules[word]; left; left &= left - 1) {
			unsigned index = word * 64 + (unsigned)__builtin_ctzll(left);
			step_rule(s, &pack->diagnoses[index], subject, sighting, event);
		}
	}
	if (use->keep)
		add_to_open(s, sighting, subject, event);
}

void judge_tell(const struct diagnosis *d, struct judged *out)
{
	*out = (struct judged){.id = d->id,
		.first_ms = d->first_ms,
		.last_ms = d->last_ms,
		.sequence = d->sequence,
		.count = d->count,
		.confidence = d->confidence,
		.ambiguous = d->ambiguous,
		.sources = d->sources};
	memcpy(out->cause, d->cause, sizeof(out->cause));
}

// Two that tell of the same attempts from two sides, or of different ones.
static void merge(struct diagnosis *d, const struct judged *judged)
{
	bool both_by_gateway = (judged->sources & d->sources) >> MESSAGE_ASA & 1;
	bool same_attempts = !both_by_gateway &&
			     judged->first_ms <= d->last_ms + CORROBORATION_MS &&
			     d->first_ms <= judged->last_ms + CORROBORATION_MS;
	if (!same_attempts)
		d->count += judged->count;
	else if (judged->count > d->count)
		d->count = judged->count;
	d->sources |= judged->sources;
	if (judged->first_ms <= d->first_ms)
		d->id = judged->id; // the older one has been told
	if (judged->sequence > d->sequence)
		d->sequence = judged->sequence;
	if (judged->first_ms < d->first_ms)
		d->first_ms = judged->first_ms;
	if (judged->last_ms > d->last_ms)
		d->last_ms = judged->last_ms;
	if (judged->confidence > d->confidence ||
		(judged->confidence == d->confidence && !judged->ambiguous)) {
		d->confidence = judged->confidence;
		d->ambiguous = judged->ambiguous;
	}
	if (d->cause[0] == '\0')
		memcpy(d->cause, judged->cause, sizeof(d->cause));
	if (d->state == DIAGNOSIS_RECOVERED && judged->last_ms > d->recovered.ms) {
		d->state = DIAGNOSIS_OPEN;
		d->closed_ms = 0;
		d->recovered = (struct moment){0};
	}
}

// What is told of it, and its lines, are of the other one from now on.
static void fold(struct diagnosis_work *w, uint32_t into)
{
	struct subject *s = w->subject;
	struct diagnosis_work other = diagnosis_take(s, into);
	_Alignas(8) char lines[EVIDENCE_BYTES_MAX];
	struct judged judged;
	uint32_t offset = 0;
	const struct line *line;
	judge_tell(&w->d, &judged);
	merge(&other.d, &judged);
	evidence_read(w->table->evidence, &w->d.evidence, lines);
	while ((line = evidence_line(lines, w->d.evidence.bytes, &offset)) != NULL)
		proof_add_line(&other, line, false);
	diagnosis_close(w, DIAGNOSIS_ABSORBED, s->now_ms);
	diagnosis_put(&other);
}

void judge_learn(struct subject *s, uint8_t identity)
{
	struct diagnosis_table *t = s->table->diagnoses;
	const struct identity *only = identity_only_phone(s);
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != DIAGNOSIS_NONE; slot = t->links[slot].next) {
		struct diagnosis_work w = diagnosis_take(s, slot);
		bool late = w.d.identity == 0 && only && only->number == identity;
		if (w.d.state != DIAGNOSIS_OPEN || w.d.scope == SCOPE_GATEWAY ||
			(w.d.identity != identity && w.d.identity != 0))
			continue;
		uint32_t same =
			late && w.rule ? find_other(s, w.d.number, identity, slot) : DIAGNOSIS_NONE;
		if (same != DIAGNOSIS_NONE) {
			fold(&w, same);
			continue;
		}
		struct diagnosis before = w.d;
		if (late)
			w.d.identity = identity;
		name_it(&w);
		if (memcmp(&before, &w.d, sizeof(before)) != 0)
			diagnosis_put(&w);
	}
}

void judge_merge(struct subject *s, uint8_t from, uint8_t into)
{
	struct diagnosis_table *t = s->table->diagnoses;
	history_rename(s->table, s->index, from, into);
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != DIAGNOSIS_NONE; slot = t->links[slot].next) {
		struct diagnosis_work w = diagnosis_take(s, slot);
		if (w.d.identity != from)
			continue;
		uint32_t same = w.d.state == DIAGNOSIS_OPEN && w.rule
					? find_other(s, w.d.number, into, slot)
					: DIAGNOSIS_NONE;
		if (same != DIAGNOSIS_NONE) {
			fold(&w, same);
			continue;
		}
		w.d.identity = into;
		name_it(&w);
		diagnosis_put(&w);
	}
}

void judge_forget(struct subject *s, uint8_t identity)
{
	struct diagnosis_table *t = s->table->diagnoses;
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != DIAGNOSIS_NONE; slot = t->links[slot].next) {
		if (t->slots[slot].identity != identity || t->slots[slot].state != DIAGNOSIS_OPEN)
			continue;
		struct diagnosis_work w = diagnosis_take(s, slot);
		diagnosis_close(&w, DIAGNOSIS_EXPIRED, s->now_ms);
	}
}

// ---- from another session ----

// The diagnosis of the same phone that is, or has been, the same failure.
static uint32_t find_episode(
	struct subject *s, uint16_t number, uint8_t identity, const struct judged *judged)
{
	const struct diagnosis_table *t = s->table->diagnoses;
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != DIAGNOSIS_NONE; slot = t->links[slot].next) {
		const struct diagnosis *d = &t->slots[slot];
		bool same = d->state == DIAGNOSIS_RECOVERED &&
			    judged->first_ms <= d->recovered.ms + DIAGNOSIS_RELAPSE_MS &&
			    d->first_ms <= judged->last_ms + DIAGNOSIS_RELAPSE_MS;
		if (d->number == number && is_of(s, d, identity) &&
			(d->state == DIAGNOSIS_OPEN || same))
			return slot;
	}
	return DIAGNOSIS_NONE;
}

void judge_adopt(struct subject *s, uint16_t number, uint8_t identity, const struct judged *judged)
{
	const struct diagnosis_rule *rule =
		rulepack_diagnosis(s->table->ruleset->pack, SCOPE_PHONE, number);
	if (rule == NULL)
		return; // a reload has removed it
	uint32_t slot = find_episode(s, number, identity, judged);
	struct diagnosis_work w;
	if (slot != DIAGNOSIS_NONE) {
		w = diagnosis_take(s, slot);
		w.d.identity = identity;
	} else {
		if (find_absorber(s, number, identity) != DIAGNOSIS_NONE ||
			!diagnosis_new(s, rule, &w))
			return;
		w.d.identity = identity;
		w.d.count = 0;
		w.d.id = judged->id;
		w.d.first_ms = judged->first_ms;
		w.d.last_ms = judged->last_ms;
	}
	merge(&w.d, judged);
	name_it(&w);
	absorb(&w);
	diagnosis_put(&w);
	recover_late(&w);
}

void judge_adopt_line(struct subject *s, uint16_t number, uint8_t identity, const struct line *line)
{
	const struct diagnosis_table *t = s->table->diagnoses;
	uint32_t slot = *session_diagnoses(s->table, s->index);
	while (slot != DIAGNOSIS_NONE &&
		!(t->slots[slot].number == number && t->slots[slot].identity == identity &&
			t->slots[slot].state <= DIAGNOSIS_RECOVERED))
		slot = t->links[slot].next;
	if (slot == DIAGNOSIS_NONE)
		slot = find_absorber(s, number, identity);
	if (slot == DIAGNOSIS_NONE)
		return;
	struct diagnosis_work w = diagnosis_take(s, slot);
	if (w.rule == NULL)
		return;
	proof_add_line(&w, line, false);
	proof_pass_attempt(&w);
	diagnosis_put(&w);
}

void judge_again(struct subject *s, uint8_t identity)
{
	const struct rulepack *pack = s->table->ruleset->pack;
	for (unsigned i = 0; i < pack->n_diagnoses; i++) {
		if (pack->diagnoses[i].scope == SCOPE_PHONE)
			step_rule(s, &pack->diagnoses[i], identity, NULL, NULL);
	}
}

// ---- time ----

void judge_set_back(struct subject *s)
{
	struct diagnosis_table *t = s->table->diagnoses;
	diagnosis_forget_later(s);
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != DIAGNOSIS_NONE; slot = t->links[slot].next) {
		struct diagnosis_work w = diagnosis_take(s, slot);
		if (w.d.last_ms <= s->now_ms)
			continue;
		w.d.last_ms = s->now_ms;
		if (w.d.first_ms > s->now_ms)
			w.d.first_ms = s->now_ms;
		proof_set_back(&w);
		diagnosis_put(&w);
	}
}

static uint64_t expiry_ms(const struct subject *s, const struct diagnosis_rule *rule)
{
	return rule->expires_ms ? rule->expires_ms : s->table->limits.expire_ms;
}

// Whether expire_one() has something to do.
static bool is_over(const struct subject *s, const struct diagnosis *d)
{
	const struct diagnosis_rule *rule = d->state == DIAGNOSIS_OPEN ? rule_of(s, d) : NULL;
	if (rule == NULL)
		return d->state == DIAGNOSIS_OPEN;
	return (rule->quiet_ms && d->last_ms + rule->quiet_ms <= s->now_ms) ||
	       d->last_ms + expiry_ms(s, rule) <= s->now_ms;
}

static void expire_one(struct diagnosis_work *w)
{
	struct subject *s = w->subject;
	uint64_t now = s->now_ms, expire = w->rule ? expiry_ms(s, w->rule) : 0;
	if (w->rule == NULL)
		diagnosis_close(w, DIAGNOSIS_EXPIRED, now);
	else if (w->rule->quiet_ms && w->d.last_ms + w->rule->quiet_ms <= now)
		diagnosis_recover(w, w->d.last_ms + w->rule->quiet_ms, LINE_NONE);
	else if (w->d.last_ms + expire <= now)
		diagnosis_close(w, DIAGNOSIS_EXPIRED, w->d.last_ms + expire);
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

void judge_expire(struct subject *s)
{
	struct diagnosis_table *t = s->table->diagnoses;
	while (*session_wake_ms(s->table, s->index) <= s->now_ms)
		wake(s);
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != DIAGNOSIS_NONE; slot = t->links[slot].next) {
		if (!is_over(s, &t->slots[slot]))
			continue;
		struct diagnosis_work w = diagnosis_take(s, slot);
		expire_one(&w);
	}
	diagnosis_trim(s);
}
