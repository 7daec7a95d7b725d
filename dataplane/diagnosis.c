// SPDX-License-Identifier: BSD-3-Clause
#include "diagnosis.h"

#include <assert.h>
#include <stdlib.h>

#include "history.h"
#include "seq.h"

static_assert(sizeof(struct diagnosis) % 8 == 0);

const char *const diagnosis_state_names[] = {"free", "open", "recovered", "expired", "expired"};

#define CLOSED_LOOK_MAX 64 // closed diagnoses looked at for one that control has told

enum { AGE_PHONE, AGE_OTHER, AGE_CLOSED };

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
	t->free_slot = DIAGNOSIS_NONE;
	for (int age = 0; age < 3; age++)
		t->oldest[age] = t->newest[age] = DIAGNOSIS_NONE;
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

static void publish(struct diagnosis_table *t, uint32_t slot, const struct diagnosis *d)
{
	seq_publish(&t->sequences[slot], &t->slots[slot], d, sizeof(*d), HALT_diagnosis_half);
}

static void age_unlink(struct diagnosis_table *t, uint32_t slot)
{
	struct diagnosis_links *l = &t->links[slot];
	t->n_others -= l->age == AGE_OTHER;
	if (l->older != DIAGNOSIS_NONE)
		t->links[l->older].newer = l->newer;
	else
		t->oldest[l->age] = l->newer;
	if (l->newer != DIAGNOSIS_NONE)
		t->links[l->newer].older = l->older;
	else
		t->newest[l->age] = l->older;
}

static void age_link(struct diagnosis_table *t, uint32_t slot, uint8_t age)
{
	struct diagnosis_links *l = &t->links[slot];
	t->n_others += age == AGE_OTHER;
	l->age = age;
	l->older = t->newest[age];
	l->newer = DIAGNOSIS_NONE;
	if (l->older != DIAGNOSIS_NONE)
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

static void unlink_from_session(struct session_table *sessions, uint32_t slot)
{
	struct diagnosis_table *t = sessions->diagnoses;
	if (t->links[slot].session == DIAGNOSIS_NONE)
		return;
	uint32_t *link = session_diagnoses(sessions, t->links[slot].session);
	while (*link != slot)
		link = &t->links[*link].next;
	*link = t->links[slot].next;
	t->links[slot].session = DIAGNOSIS_NONE;
}

// What of it is open before and after a change; the gauges that others read never pass through a
// wrong value.
static void count_open(struct session_table *sessions, const struct diagnosis *before,
	const struct diagnosis *after)
{
	struct diagnosis_table *t = sessions->diagnoses;
	bool was = before->state == DIAGNOSIS_OPEN, is = after->state == DIAGNOSIS_OPEN;
	bool was_phone = was && before->is_phone, is_phone = is && after->is_phone;
	if (was_phone != is_phone)
		gauge_add(&t->n_open_phones, is_phone - was_phone);
	if (was == is)
		return;
	gauge_add(&t->n_open, is - was);
	uint16_t number = is ? after->number : before->number;
	atomic_fetch_add_explicit(
		&sessions->open->of[number], (uint32_t)(is - was), memory_order_relaxed);
}

// The slot becomes free; whatever it held is gone.
static void reclaim(struct session_table *sessions, uint32_t slot)
{
	struct diagnosis_table *t = sessions->diagnoses;
	static const struct diagnosis free_slot = {.state = DIAGNOSIS_FREE};
	struct diagnosis d = t->slots[slot];
	count_open(sessions, &d, &free_slot);
	if (d.state != DIAGNOSIS_OPEN)
		gauge_add(&t->n_closed, -1);
	unlink_from_session(sessions, slot);
	age_unlink(t, slot);
	counter_add(&sessions->counters->evidence_reused, 1);
	if (!diagnosis_is_acknowledged(t, slot, &t->slots[slot]) &&
		(d.is_phone || d.scope == SCOPE_GATEWAY))
		counter_add(&sessions->counters->episodes_lost, 1);
	struct evidence evidence = d.evidence;
	publish(t, slot, &free_slot);
	halt_at(HALT_diagnosis_reclaimed);
	evidence_free(t->evidence, &evidence);
	t->links[slot].next = t->free_slot;
	t->free_slot = slot;
}

// The diagnosis that can be spared most: closed and told; open of a client that is no phone; for a
// phone, closed and not yet told.
static uint32_t spare(const struct diagnosis_table *t, bool for_phone)
{
	uint32_t slot = t->oldest[AGE_CLOSED];
	for (unsigned i = 0; i < CLOSED_LOOK_MAX && slot != DIAGNOSIS_NONE;
		i++, slot = t->links[slot].newer) {
		if (diagnosis_is_acknowledged(t, slot, &t->slots[slot]))
			return slot;
	}
	if (t->oldest[AGE_OTHER] != DIAGNOSIS_NONE)
		return t->oldest[AGE_OTHER];
	return for_phone ? t->oldest[AGE_CLOSED] : DIAGNOSIS_NONE;
}

static uint32_t take_slot(struct session_table *sessions, bool for_phone)
{
	struct diagnosis_table *t = sessions->diagnoses;
	uint32_t high = gauge_get(&t->high_water);
	// Clients that are no phones fill half of the table at most.
	bool fill = !for_phone && t->n_others >= t->n_max / 2;
	uint32_t victim = DIAGNOSIS_NONE;
	if (fill)
		victim = t->oldest[AGE_OTHER];
	else if (t->free_slot == DIAGNOSIS_NONE && high == t->n_max)
		victim = spare(t, for_phone);
	if (victim != DIAGNOSIS_NONE)
		reclaim(sessions, victim);
	uint32_t slot = t->free_slot;
	if (slot != DIAGNOSIS_NONE) {
		t->free_slot = t->links[slot].next;
	} else if (high < t->n_max) {
		slot = high;
		atomic_store_explicit(&t->high_water, high + 1, memory_order_release);
	} else {
		return DIAGNOSIS_NONE;
	}
	atomic_store_explicit(&t->acknowledged[slot], 0, memory_order_relaxed);
	return slot;
}

// ---- a diagnosis in hand ----

bool diagnosis_new(struct subject *s, const struct diagnosis_rule *rule, struct diagnosis_work *out)
{
	struct session_table *sessions = s->table;
	struct diagnosis_table *t = sessions->diagnoses;
	bool phone = rule->scope == SCOPE_GATEWAY || (s->session.flags & SESSION_PHONE);
	uint32_t slot = take_slot(sessions, phone), *head = session_diagnoses(sessions, s->index);
	if (slot == DIAGNOSIS_NONE) {
		counter_add(&sessions->counters->events_dropped[EVENT_DROP_diagnoses_full], 1);
		return false;
	}
	*out = (struct diagnosis_work){s, t, rule, slot,
		{.serial = ++t->n_ever,
			.key = s->session.key,
			.number = rule->number,
			.scope = (uint8_t)rule->scope,
			.state = DIAGNOSIS_OPEN,
			.gateway = GATEWAY_NONE,
			.first_ms = UINT64_MAX,
			.count = 1}};
	if (s->session.key.kind == KEY_CLIENT)
		out->d.client = s->session.key.address;
	evidence_clear(&out->d.evidence);
	t->links[slot] = (struct diagnosis_links){.session = s->index, .next = *head};
	*head = slot;
	age_link(t, slot, phone ? AGE_PHONE : AGE_OTHER);
	return true;
}

struct diagnosis_work diagnosis_take(struct subject *s, uint32_t slot)
{
	struct diagnosis_table *t = s->table->diagnoses;
	return (struct diagnosis_work){s, t,
		rulepack_diagnosis(s->table->ruleset->pack, (enum scope)t->slots[slot].scope,
			t->slots[slot].number),
		slot, t->slots[slot]};
}

// Tell the world: publish, and let control look at it.
void diagnosis_put(struct diagnosis_work *w)
{
	struct session_table *sessions = w->subject->table;
	const struct diagnosis *before = &w->table->slots[w->slot];
	bool was_open = before->state == DIAGNOSIS_OPEN, is_open = w->d.state == DIAGNOSIS_OPEN;
	count_open(sessions, before, &w->d);
	if (was_open && !is_open)
		gauge_add(&w->table->n_closed, 1);
	else if (!was_open && is_open && before->state != DIAGNOSIS_FREE)
		gauge_add(&w->table->n_closed, -1);
	uint8_t age = age_of(&w->d);
	if (w->table->links[w->slot].age != age) {
		age_unlink(w->table, w->slot);
		age_link(w->table, w->slot, age);
	}
	w->d.sequence++;
	publish(w->table, w->slot, &w->d);
	halt_at(HALT_diagnosis_untold);
	sessions->changed(sessions->changed_context, w->slot);
}

void diagnosis_close(struct diagnosis_work *w, enum diagnosis_state state, uint64_t at_ms)
{
	w->d.state = (uint8_t)state;
	w->d.closed_ms = at_ms;
	diagnosis_put(w);
}

void diagnosis_recover(struct diagnosis_work *w, uint64_t at_ms, uint64_t by)
{
	w->d.recovered = (struct moment){at_ms, by};
	diagnosis_close(w, DIAGNOSIS_RECOVERED, at_ms);
}

// ---- for others ----

enum diagnosis_reading diagnosis_read(
	const struct diagnosis_table *t, uint32_t slot, struct diagnosis *out, void *lines)
{
	const _Atomic(uint32_t) *sequence = &t->sequences[slot];
	for (unsigned n = 0; seq_wait(n); n++) {
		uint32_t before = atomic_load_explicit(sequence, memory_order_relaxed);
		if (!seq_try_read(sequence, out, &t->slots[slot], sizeof(*out)))
			continue;
		if (out->state == DIAGNOSIS_FREE)
			return DIAGNOSIS_NOT_THERE;
		if (lines == NULL)
			return DIAGNOSIS_READ;
		evidence_read(t->evidence, &out->evidence, lines);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(sequence, memory_order_relaxed) == before)
			return DIAGNOSIS_READ;
	}
	return DIAGNOSIS_BUSY;
}

bool diagnosis_is_acknowledged(
	const struct diagnosis_table *t, uint32_t slot, const struct diagnosis *d)
{
	return atomic_load_explicit(&t->acknowledged[slot], memory_order_relaxed) ==
	       diagnosis_mark(d);
}

void diagnosis_acknowledge(struct diagnosis_table *t, uint32_t slot, const struct diagnosis *told)
{
	atomic_store_explicit(&t->acknowledged[slot], diagnosis_mark(told), memory_order_relaxed);
}

// Whether something of before its recovery could still be seen.
static bool is_of_use(const struct subject *s, const struct diagnosis *d)
{
	const struct diagnosis_rule *rule =
		rulepack_diagnosis(s->table->ruleset->pack, (enum scope)d->scope, d->number);
	uint64_t window_ms = rule && rule->window_ms > DIAGNOSIS_RELAPSE_MS ? rule->window_ms
									    : DIAGNOSIS_RELAPSE_MS;
	return d->closed_ms + window_ms >= s->now_ms;
}

// What proved it must not do so anew once it is not remembered.
static void forget_closed(struct subject *s, uint32_t slot)
{
	const struct diagnosis *d = &s->table->diagnoses->slots[slot];
	const struct diagnosis_rule *rule =
		rulepack_diagnosis(s->table->ruleset->pack, (enum scope)d->scope, d->number);
	if (rule)
		history_void(s->table, s->index, rule->evidence, d->identity, d->closed_ms);
	unlink_from_session(s->table, slot);
}

void diagnosis_trim(struct subject *s)
{
	struct diagnosis_table *t = s->table->diagnoses;
	uint32_t slot = *session_diagnoses(s->table, s->index), oldest = DIAGNOSIS_NONE;
	unsigned n_closed = 0;
	while (slot != DIAGNOSIS_NONE) {
		const struct diagnosis *d = &t->slots[slot];
		uint32_t next = t->links[slot].next;
		if (d->state != DIAGNOSIS_OPEN && !is_of_use(s, d)) {
			unlink_from_session(s->table, slot);
		} else if (d->state != DIAGNOSIS_OPEN) {
			n_closed++;
			if (oldest == DIAGNOSIS_NONE || d->closed_ms < t->slots[oldest].closed_ms)
				oldest = slot;
		}
		slot = next;
	}
	if (n_closed > SESSION_CLOSED_MAX)
		forget_closed(s, oldest);
}

void diagnosis_forget_later(struct subject *s)
{
	struct diagnosis_table *t = s->table->diagnoses;
	uint32_t slot = *session_diagnoses(s->table, s->index);
	while (slot != DIAGNOSIS_NONE) {
		const struct diagnosis *d = &t->slots[slot];
		uint32_t next = t->links[slot].next;
		if (d->state != DIAGNOSIS_OPEN && d->closed_ms > s->now_ms)
			unlink_from_session(s->table, slot);
		slot = next;
	}
}

bool diagnosis_make_room(struct session_table *sessions, uint32_t except)
{
	const struct diagnosis_table *t = sessions->diagnoses;
	uint32_t slot = t->oldest[AGE_CLOSED];
	for (unsigned i = 0; i < CLOSED_LOOK_MAX && slot != DIAGNOSIS_NONE; i++) {
		if (slot != except && diagnosis_is_acknowledged(t, slot, &t->slots[slot])) {
			reclaim(sessions, slot);
			return true;
		}
		slot = t->links[slot].newer;
	}
	return false;
}

void diagnosis_prefetch(const struct session_table *sessions, uint32_t slot)
{
	const struct diagnosis_table *t = sessions->diagnoses;
	if (slot == DIAGNOSIS_NONE)
		return;
	for (size_t at = 0; at < sizeof(t->slots[slot]); at += 64)
		__builtin_prefetch((const char *)&t->slots[slot] + at);
	__builtin_prefetch(&t->links[slot]);
}

bool diagnosis_any_open(struct session_table *sessions, uint32_t session)
{
	const struct diagnosis_table *t = sessions->diagnoses;
	uint32_t slot = *session_diagnoses(sessions, session);
	while (slot != DIAGNOSIS_NONE && t->slots[slot].state != DIAGNOSIS_OPEN)
		slot = t->links[slot].next;
	return slot != DIAGNOSIS_NONE;
}

void diagnosis_detach(struct session_table *sessions, uint32_t session)
{
	struct diagnosis_table *t = sessions->diagnoses;
	struct subject s = {sessions, sessions->sessions[session], session, 0};
	uint32_t slot = *session_diagnoses(sessions, session);
	while (slot != DIAGNOSIS_NONE) {
		struct diagnosis_work w = diagnosis_take(&s, slot);
		slot = t->links[slot].next;
		if (w.d.state == DIAGNOSIS_OPEN)
			diagnosis_close(&w, DIAGNOSIS_EXPIRED, w.d.last_ms);
		t->links[w.slot].session = DIAGNOSIS_NONE;
	}
	*session_diagnoses(sessions, session) = DIAGNOSIS_NONE;
}
