// SPDX-License-Identifier: BSD-3-Clause
#include "session.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "diagnosis.h"
#include "handover.h"
#include "history.h"
#include "identity.h"
#include "judge.h"
#include "seq.h"

static_assert(sizeof(struct session) % 8 == 0);
static_assert(sizeof(struct sighting) == 32);

#define REDIRECT_MS 3600000 // how long a moved phone's lines follow it
#define SAYS_IT_MS 30000    // a phone tells so soon what has just failed
#define SET_BACK_MS 60000   // a line so much older than the last one: the clock was set back
#define HISTORY_IDLE_MS RULES_WINDOW_MAX_MS // beyond it no rule looks back

// ---- life ----

int session_table_init(struct session_table *t, const struct session_limits *limits)
{
	t->limits = *limits;
	for (t->n_buckets = 64; t->n_buckets < limits->sessions;)
		t->n_buckets *= 2;
	t->sessions = calloc(limits->sessions, sizeof(*t->sessions));
	t->sequences = calloc(limits->sessions, sizeof(*t->sequences));
	t->links = calloc(limits->sessions, sizeof(*t->links));
	t->identities = calloc(limits->identities, sizeof(*t->identities));
	t->identity_sequences = calloc(limits->identities, sizeof(*t->identity_sequences));
	t->histories = calloc(limits->histories, sizeof(*t->histories));
	t->buckets = malloc(t->n_buckets * sizeof(*t->buckets));
	t->diagnoses = diagnosis_table_create(limits->diagnoses, limits->evidence_blocks);
	bool rings =
		line_ring_init(&t->lines[SESSION_CLASS_PHONE], limits->phone_line_bytes) == 0 &&
		line_ring_init(&t->lines[SESSION_CLASS_OTHER], limits->other_line_bytes) == 0;
	if (!t->sessions || !t->sequences || !t->links || !t->identities ||
		!t->identity_sequences || !t->histories || !t->buckets || !t->diagnoses || !rings) {
		session_table_fini(t);
		return -ENOMEM;
	}
	memset(t->buckets, 0xff, t->n_buckets * sizeof(*t->buckets));
	t->free_session = t->free_identity = t->free_history = SESSION_NONE;
	for (int class = 0; class < 2; class ++)
		t->oldest[class] = t->newest[class] = t->spare[class] = SESSION_NONE;
	return 0;
}

void session_table_fini(struct session_table *t)
{
	free(t->sessions);
	free(t->sequences);
	free(t->links);
	free(t->identities);
	free(t->identity_sequences);
	free(t->histories);
	free(t->buckets);
	diagnosis_table_destroy(t->diagnoses);
	line_ring_fini(&t->lines[SESSION_CLASS_PHONE]);
	line_ring_fini(&t->lines[SESSION_CLASS_OTHER]);
}

void session_set_ruleset(struct session_table *table, const struct ruleset *ruleset)
{
	table->ruleset = ruleset;
}

// ---- reading from anywhere ----

bool session_read(const struct session_table *t, uint32_t index, struct session *out)
{
	return seq_read(&t->sequences[index], out, &t->sessions[index], sizeof(*out)) &&
	       out->in_use;
}

static void publish_session(struct session_table *t, uint32_t index, const struct session *session)
{
	seq_publish(&t->sequences[index], &t->sessions[index], session, sizeof(*session),
		HALT_session_half);
}

// ---- the table ----

static uint32_t *bucket_of(struct session_table *t, const struct session_key *key)
{
	uint64_t hash = XXH3_64bits_withSeed(key, sizeof(*key), t->limits.seed);
	return &t->buckets[hash & (t->n_buckets - 1)];
}

static uint32_t find_in(
	const struct session_table *t, const uint32_t *bucket, const struct session_key *key)
{
	uint32_t at = *bucket;
	while (at != SESSION_NONE && !key_equals(&t->sessions[at].key, key))
		at = t->links[at].hash_next;
	return at;
}

static uint32_t find(struct session_table *t, const struct session_key *key)
{
	return find_in(t, bucket_of(t, key), key);
}

static void age_unlink(struct session_table *t, uint32_t at)
{
	struct session_links *l = &t->links[at];
	if (t->spare[l->class] == at)
		t->spare[l->class] = l->newer;
	if (l->older != SESSION_NONE)
		t->links[l->older].newer = l->newer;
	else
		t->oldest[l->class] = l->newer;
	if (l->newer != SESSION_NONE)
		t->links[l->newer].older = l->older;
	else
		t->newest[l->class] = l->older;
}

static void age_link(struct session_table *t, uint32_t at, uint8_t class)
{
	struct session_links *l = &t->links[at];
	l->class = class;
	l->older = t->newest[class];
	l->newer = SESSION_NONE;
	if (l->older != SESSION_NONE)
		t->links[l->older].newer = at;
	else
		t->oldest[class] = at;
	t->newest[class] = at;
	if (t->spare[class] == SESSION_NONE)
		t->spare[class] = at;
}

static void end_session(struct session_table *t, uint32_t at)
{
	struct session session = t->sessions[at];
	for (uint32_t i = session.identity; i != SESSION_NONE;) {
		uint32_t next = t->identities[i].next;
		identity_free(t, i);
		i = next;
	}
	diagnosis_detach(t, at);
	history_free(t, at);
	age_unlink(t, at);
	uint32_t *link = bucket_of(t, &session.key);
	while (*link != at)
		link = &t->links[*link].hash_next;
	*link = t->links[at].hash_next;
	publish_session(t, at, &(struct session){0});
	halt_at(HALT_session_ended);
	t->links[at].hash_next = t->free_session;
	t->free_session = at;
	gauge_add(&t->n_sessions, -1);
}

// Those with something open are passed once, and then count as if just heard.
static uint32_t oldest_quiet_phone(struct session_table *t)
{
	for (unsigned tries = 0; tries < SPARE_LOOK_MAX; tries++) {
		uint32_t at = t->oldest[SESSION_CLASS_PHONE];
		if (at == SESSION_NONE || !diagnosis_any_open(t, at))
			return at;
		age_unlink(t, at);
		age_link(t, at, SESSION_CLASS_PHONE);
	}
	return SESSION_NONE;
}

// Room for one more: the client that is no phone and was heard longest ago goes; for a phone, if
// there is none, the phone heard longest ago that has nothing open.
static bool make_room(struct session_table *t, bool for_phone)
{
	uint32_t at = t->oldest[SESSION_CLASS_OTHER];
	if (at == SESSION_NONE && for_phone)
		at = oldest_quiet_phone(t);
	if (at == SESSION_NONE)
		return false;
	counter_add(&t->counters->sessions_evicted, 1);
	end_session(t, at);
	return true;
}

static uint32_t create(
	struct session_table *t, const struct session_key *key, uint64_t now_ms, bool phone)
{
	uint32_t at = t->free_session, high = gauge_get(&t->high_water);
	if (at == SESSION_NONE && high == t->limits.sessions) {
		if (!make_room(t, phone))
			return SESSION_NONE;
		at = t->free_session;
	}
	if (at != SESSION_NONE) {
		t->free_session = t->links[at].hash_next;
	} else {
		at = high;
		atomic_store_explicit(&t->high_water, high + 1, memory_order_release);
	}
	struct session session = {
		.key = *key,
		.first_ms = now_ms,
		.last_ms = now_ms,
		.last_line = LINE_NONE,
		.identity = SESSION_NONE,
		.gateway = GATEWAY_NONE,
		.in_use = 1,
	};
	uint32_t *bucket = bucket_of(t, key);
	t->links[at] = (struct session_links){.wake_ms = UINT64_MAX,
		.hash_next = *bucket,
		.history = SESSION_NONE,
		.diagnoses = SESSION_NONE};
	*bucket = at;
	age_link(t, at, phone ? SESSION_CLASS_PHONE : SESSION_CLASS_OTHER);
	publish_session(t, at, &session);
	gauge_add(&t->n_sessions, 1);
	return at;
}

uint32_t session_restore(struct session_table *t, const struct session_key *key, bool phone,
	uint64_t first_ms, uint64_t last_ms)
{
	uint32_t at = find(t, key);
	bool full =
		t->free_session == SESSION_NONE && gauge_get(&t->high_water) == t->limits.sessions;
	if (at == SESSION_NONE)
		at = full ? SESSION_NONE : create(t, key, first_ms, phone);
	if (at == SESSION_NONE)
		return SESSION_NONE;
	struct session session = t->sessions[at];
	if (first_ms < session.first_ms)
		session.first_ms = first_ms;
	if (last_ms > session.last_ms)
		session.last_ms = last_ms;
	publish_session(t, at, &session);
	if (phone && t->links[at].class != SESSION_CLASS_PHONE) {
		age_unlink(t, at);
		age_link(t, at, SESSION_CLASS_PHONE);
	}
	return at;
}

// ---- what diagnosis.c works on ----

uint32_t *session_diagnoses(struct session_table *t, uint32_t index)
{
	return &t->links[index].diagnoses;
}

uint64_t *session_wake_ms(struct session_table *t, uint32_t index)
{
	return &t->links[index].wake_ms;
}

void session_put(struct subject *s)
{
	publish_session(s->table, s->index, &s->session);
}

uint32_t session_newer(const struct session_table *t, uint32_t index)
{
	return t->links[index].newer;
}

// ---- before its time ----

static void prefetch(const void *from, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += 64)
		__builtin_prefetch((const char *)from + at);
}

void session_approach(
	struct session_table *t, const struct session_key *key, struct session_approach *approach)
{
	approach->bucket = bucket_of(t, key);
	prefetch(approach->bucket, sizeof(*approach->bucket));
}

void session_approach_slot(struct session_table *t, struct session_approach *approach)
{
	uint32_t at = approach->at = *approach->bucket;
	if (at == SESSION_NONE)
		return;
	prefetch(&t->sessions[at], sizeof(t->sessions[at]));
	prefetch(&t->links[at], sizeof(t->links[at]));
	prefetch(&t->sequences[at], sizeof(t->sequences[at]));
}

void session_approach_rest(struct session_table *t, const struct session_key *key,
	const struct session_approach *approach)
{
	uint32_t at = approach->at;
	if (at != SESSION_NONE && !key_equals(&t->sessions[at].key, key))
		at = find_in(t, approach->bucket, key);
	if (at == SESSION_NONE)
		return;
	uint32_t identity = t->sessions[at].identity;
	const struct session_links *l = &t->links[at];
	if (identity != SESSION_NONE) {
		prefetch(&t->identities[identity], sizeof(t->identities[identity]));
		prefetch(&t->identity_sequences[identity], sizeof(t->identity_sequences[0]));
	}
	// Between which it stands by age: touch() takes it out.
	if (l->older != SESSION_NONE)
		prefetch(&t->links[l->older], sizeof(t->links[0]));
	if (l->newer != SESSION_NONE)
		prefetch(&t->links[l->newer], sizeof(t->links[0]));
	if (l->history != SESSION_NONE)
		prefetch(&t->histories[l->history], sizeof(t->histories[l->history]));
	diagnosis_prefetch(t, l->diagnoses);
}

// ---- moving ----

// A second phone whose lines come from here, and belong elsewhere: here are sent those of others.
static void remember_redirect(struct subject *s, const struct device *device,
	const struct session_key *to, uint64_t now_ms)
{
	struct session_links *l = &s->table->links[s->index];
	if (!device_is_none(&l->redirect_device) && !device_equals(&l->redirect_device, device) &&
		now_ms < l->redirect_ms + REDIRECT_MS)
		s->session.flags |= SESSION_MANY_DEVICES;
	l->redirect_device = *device;
	l->redirect = *to;
	l->redirect_ms = now_ms;
}

// A gateway has seen the phone here again: its lines belong here.
static void forget_redirect(struct subject *s, uint8_t number)
{
	struct device *redirect = &s->table->links[s->index].redirect_device;
	const struct identity *who =
		device_is_none(redirect) ? NULL : identity_by_number(s, number);
	if (who && who->flags & IDENTITY_HAS_ASA && device_equals(&who->device, redirect))
		*redirect = (struct device){0};
}

static void move_identity(struct subject *s, uint32_t at, const struct session_key *to)
{
	handover_give(s, &s->table->identities[at], to);
	identity_drop(s, at);
}

void session_move(struct session_table *t, const struct session_key *from,
	const struct device *device, const struct session_key *to, uint64_t now_ms)
{
	uint32_t index = find(t, from);
	if (index == SESSION_NONE || key_equals(from, to))
		return;
	struct subject s = {t, t->sessions[index], index, now_ms};
	uint32_t at = identity_find_device(&s, device);
	if (at != SESSION_NONE)
		move_identity(&s, at, to);
	remember_redirect(&s, device, to, now_ms);
	session_put(&s);
}

// "AnyConnect session resumed connection from IP <new>": the phone goes on under the new address,
// and the line is one of that. false: it is no such line.
static bool follow_client(struct subject *s, struct event *event, uint8_t number)
{
	struct session_key to = key_of_client(&event->client_new);
	const struct identity *known = identity_by_number(s, number);
	if (event->alias_action != ALIAS_MOVE || known == NULL ||
		address_is_none(&event->client_new) || key_equals(&to, &s->session.key))
		return false;
	event->client = event->client_new;
	event->client_new = (struct address){0};
	event->key = to;
	event->stage = STAGE_JUDGE;
	event->alias_action = ALIAS_ASSIGN;
	event->device = known->device;
	event->tunnel = known->tunnel;
	event->flags |= known->flags & IDENTITY_PHONE ? EVENT_MARKS_PHONE : 0;
	move_identity(s, (uint32_t)(known - s->table->identities), &to);
	s->table->emit(s->table->emit_context, event);
	return true;
}

// ---- an event ----

// Lines of TLS connections that work say nothing of who it is: scanners and PCs make no session.
static bool is_worth_a_session(const struct event *event, const struct event_use *use)
{
	return use->keep || event->alias_action == ALIAS_ASSIGN ||
	       (event->flags & (EVENT_MARKS_PHONE | EVENT_PHONE_GROUP)) ||
	       !device_is_none(&event->device) || event_value(event, FIELD_USER).len;
}

// A sender whose lines name several phones speaks for others: then only the device counts. A phone
// that a gateway has seen behind that address is no such case, but NAT.
static bool is_sent_for_others(struct subject *s, const struct event *event)
{
	struct session_table *t = s->table;
	if (!(event->flags & EVENT_BY_SENDER) || device_is_none(&event->device))
		return false;
	uint32_t mine = identity_find_device(s, &event->device);
	if (mine != SESSION_NONE && (t->identities[mine].flags & IDENTITY_HAS_ASA))
		return false;
	uint32_t other = SESSION_NONE;
	for (uint32_t i = s->session.identity; i != SESSION_NONE; i = t->identities[i].next) {
		const struct identity *id = &t->identities[i];
		if (!device_is_none(&id->device) && !device_equals(&id->device, &event->device) &&
			!(id->flags & IDENTITY_HAS_ASA))
			other = i;
	}
	if (other != SESSION_NONE) {
		s->session.flags |= SESSION_MANY_DEVICES;
		struct session_key to = key_of_device(&t->identities[other].device);
		move_identity(s, other, &to);
	}
	return s->session.flags & SESSION_MANY_DEVICES;
}

// A phone's line that belongs to another session than that of its sender: hand it on.
static bool hand_on(struct subject *s, struct event *event)
{
	const struct session_links *l = &s->table->links[s->index];
	// Only where it came from its sender: two sessions must not hand a line to each other for
	// ever.
	bool moved = (event->flags & EVENT_BY_SENDER) && !device_is_none(&event->device) &&
		     device_equals(&l->redirect_device, &event->device) &&
		     event->time_ms < l->redirect_ms + REDIRECT_MS;
	if (moved) {
		event->key = l->redirect;
		event->client =
			event->key.kind == KEY_CLIENT ? event->key.address : (struct address){0};
		event->stage = STAGE_JUDGE;
	} else if (is_sent_for_others(s, event)) {
		event->client = (struct address){0};
		event->key = (struct session_key){0};
		event->stage = STAGE_RESOLVE;
		event->alias = 0; // that of its sender's address was none
	} else {
		return false;
	}
	event->flags &= (uint16_t)~EVENT_BY_SENDER;
	s->table->emit(s->table->emit_context, event);
	return true;
}

static void touch(struct subject *s, const struct event *event)
{
	struct session_table *t = s->table;
	if (event->time_ms > s->session.last_ms)
		s->session.last_ms = event->time_ms;
	if (event->gateway != GATEWAY_NONE)
		s->session.gateway = event->gateway;
	if (event->source == MESSAGE_ASA)
		s->session.flags |= SESSION_HAS_ASA;
	bool phone = s->session.flags & SESSION_PHONE || s->session.key.kind == KEY_GATEWAY;
	age_unlink(t, s->index);
	age_link(t, s->index, phone ? SESSION_CLASS_PHONE : SESSION_CLASS_OTHER);
}

static uint32_t find_or_create(struct session_table *t, const struct event *event)
{
	uint32_t index = find(t, &event->key);
	bool phone = event->key.kind == KEY_GATEWAY || !device_is_none(&event->device) ||
		     (event->flags & (EVENT_MARKS_PHONE | EVENT_PHONE_GROUP));
	if (index == SESSION_NONE)
		index = create(t, &event->key, event->time_ms, phone);
	if (index == SESSION_NONE)
		counter_add(&t->counters->events_dropped[EVENT_DROP_sessions_full], 1);
	return index;
}

// What bears a time that is still to come is of before the clock was set back, and so of before
// now.
static void set_back(struct subject *s)
{
	struct session_links *l = &s->table->links[s->index];
	s->session.last_ms = s->now_ms;
	if (s->session.first_ms > s->now_ms)
		s->session.first_ms = s->now_ms;
	s->session.proved_ms = s->session.other_ms = 0;
	if (l->redirect_ms > s->now_ms)
		l->redirect_ms = s->now_ms;
	l->wake_ms = UINT64_MAX; // what it waited for is forgotten
	history_set_back(s->table, s->index, s->now_ms);
	identity_set_back(s);
	judge_set_back(s);
}

// What a phone has kept while it could not send: its log comes through the tunnel, and tells of
// before there was one.
static bool is_of_past(
	const struct event *event, const struct event_use *use, const struct identity *who)
{
	return event->source == MESSAGE_PHONE && use->no_tunnel && who && who->tunnel_up.ms &&
	       !address_is_none(&event->tunnel) && event->time_ms >= who->tunnel_up.ms;
}

// Whose the failure of a handshake can be that names nobody. A phone that is connected opens no new
// one, unless it has had the same failure before, or says itself that it is not connected.
static void weigh(struct subject *s, const struct event *event, struct sighting *sighting,
	const struct event_use *use)
{
	// A user whose name is hidden is still the client of his address.
	bool unsure = event->port ||
		      ((event->flags & EVENT_BOUND) && !(event->flags & EVENT_HIDDEN_USER));
	if (event->source == MESSAGE_PHONE) {
		identity_note_end(s, sighting->identity);
		history_settle_doubt(
			s->table, s->index, s->now_ms > SAYS_IT_MS ? s->now_ms - SAYS_IT_MS : 0);
	} else if (sighting->identity == 0 && unsure && identity_all_connected(s) &&
		   !judge_relapses(s, use)) {
		sighting->flags |= SIGHTING_DOUBTFUL;
	}
}

// Whether time may have done something to its diagnoses.
static bool is_due(const struct session_table *t, uint32_t at, uint64_t now_ms)
{
	return t->links[at].diagnoses != SESSION_NONE || t->links[at].wake_ms <= now_ms;
}

void session_update(struct session_table *t, struct event *event)
{
	const struct event_use *use = &t->ruleset->pack->events[event->type];
	bool gateway = event->key.kind == KEY_GATEWAY;
	if (!is_worth_a_session(event, use) && find(t, &event->key) == SESSION_NONE)
		return;
	uint32_t index = find_or_create(t, event);
	if (index == SESSION_NONE)
		return;
	struct subject s = {t, t->sessions[index], index, event->time_ms};
	halt_at(HALT_session);
	if ((event->flags & EVENT_STRANGER) && s.session.n_phones)
		return; // somebody else at a phone's address
	bool late = (event->flags & EVENT_LATE) != 0;
	if (!late && s.session.last_ms > s.now_ms + SET_BACK_MS)
		set_back(&s);
	else if (!late && s.session.last_ms > s.now_ms)
		s.now_ms = s.session.last_ms;
	history_refresh(t, index);
	// What was due before this line: a failure that had long been quiet does not go on, it
	// relapses.
	if (is_due(t, index, s.now_ms))
		judge_expire(&s);
	if (event->source == MESSAGE_PHONE && hand_on(&s, event)) {
		session_put(&s);
		return;
	}
	uint8_t identity = gateway ? 0 : identity_of(&s, event);
	forget_redirect(&s, identity);
	const struct identity *who = identity_by_number(&s, identity);
	if (who && event->time_ms < who->tunnel_up.ms)
		event->flags |= EVENT_LATE; // by another worker's way
	if (follow_client(&s, event, identity)) {
		session_put(&s);
		return;
	}
	bool keep = gateway ? use->keep && use->gateway_scope
			    : use->keep || (s.session.flags & SESSION_PHONE);
	if (use->keep && keep && history_is_copy(t, index, event)) {
		counter_add(&t->counters->copies, 1);
		session_put(&s);
		return;
	}
	uint64_t line = keep ? history_keep_line(&s, event, identity) : LINE_NONE;
	struct sighting sighting = history_sighting(event, use, line, identity);
	bool past = is_of_past(event, use, who);
	if (!gateway && use->no_tunnel && !past)
		weigh(&s, event, &sighting, use);
	uint64_t now_ms = s.now_ms;
	if (past) {
		event->flags |= EVENT_PAST | EVENT_LATE;
		s.now_ms = sighting.time_ms = who->tunnel_up.ms - 1;
	}
	if (use->keep && keep)
		history_keep(&s, &sighting);
	touch(&s, event);
	judge_event(&s, event, &sighting, identity);
	s.now_ms = now_ms;
	identity_note_tunnel(&s, event, &sighting, identity);
	session_put(&s);
}

void session_take(struct session_table *t, struct event *event)
{
	uint32_t index = find_or_create(t, event);
	if (index == SESSION_NONE)
		return;
	struct subject s = {t, t->sessions[index], index, event->time_ms};
	if (s.session.last_ms > s.now_ms)
		s.now_ms = s.session.last_ms;
	history_refresh(t, index);
	handover_take(&s, event);
	touch(&s, event);
	session_put(&s);
}

// ---- time ----

static void expire_one(struct session_table *t, uint32_t at, uint64_t now_ms)
{
	if (!t->sessions[at].in_use)
		return;
	struct subject s = {t, t->sessions[at], at, now_ms};
	if (is_due(t, at, now_ms)) {
		history_refresh(t, at);
		judge_expire(&s);
		session_put(&s);
	}
	if (s.session.last_ms + HISTORY_IDLE_MS <= now_ms)
		history_free(t, at);
	bool phone = t->links[at].class == SESSION_CLASS_PHONE;
	uint64_t idle = phone ? t->limits.expire_ms : t->limits.idle_ms;
	if (s.session.last_ms + idle <= now_ms && !diagnosis_any_open(t, at)) {
		halt_at(HALT_sweep);
		counter_add(&t->counters->sessions_expired, 1);
		end_session(t, at);
	}
}

bool session_expire_step(struct session_table *t, uint64_t now_ms, uint32_t max)
{
	uint32_t high = gauge_get(&t->high_water);
	if (t->sweep_ms == 0 || now_ms < t->sweep_ms)
		t->sweep_ms = now_ms;
	uint64_t due = (now_ms - t->sweep_ms) * high / SESSION_SWEEP_MS;
	if (due == 0)
		return false;
	// Beyond a whole pass there is nothing left to look at.
	t->sweep_ms = due > high ? now_ms
				 : t->sweep_ms + (due < max ? due : max) * SESSION_SWEEP_MS / high;
	due = due < high ? due : high;
	due = due < max ? due : max;
	for (uint64_t i = 0; i < due; i++) {
		if (t->sweep >= high)
			t->sweep = 0;
		expire_one(t, t->sweep++, now_ms);
	}
	return true;
}
