// SPDX-License-Identifier: BSD-3-Clause
#include "session.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "diagnosis.h"
#include "seq.h"

static_assert(sizeof(struct session) % 8 == 0);
static_assert(sizeof(struct identity) % 8 == 0);
static_assert(sizeof(struct sighting) == 32);

#define ALIAS_REFRESH_MS 600000 // the table of aliases forgets what is not told again
#define REDIRECT_MS 3600000	// how long a moved phone's lines follow it

enum { CLASS_PHONE, CLASS_OTHER };

// What nobody but the owner looks at.
struct session_links {
	uint64_t wake_ms; // an absence would be proved then; UINT64_MAX: none
	uint32_t hash_next, older, newer, history, diagnoses;
	uint8_t class;
	// A phone whose own lines come from elsewhere than the gateway says: its lines go on to there.
	struct device redirect_device;
	uint64_t redirect_ms;
	struct session_key redirect;
};

struct history {
	uint32_t n, next_free;
	struct sighting sightings[SESSION_SIGHTINGS_MAX];
};

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
	bool rings = line_ring_init(&t->lines[CLASS_PHONE], limits->phone_line_bytes) == 0 &&
		line_ring_init(&t->lines[CLASS_OTHER], limits->other_line_bytes) == 0;
	if (!t->sessions || !t->sequences || !t->links || !t->identities || !t->identity_sequences ||
		!t->histories || !t->buckets || !t->diagnoses || !rings) {
		session_table_fini(t);
		return -ENOMEM;
	}
	memset(t->buckets, 0xff, t->n_buckets * sizeof(*t->buckets));
	t->free_session = t->free_identity = t->free_history = SESSION_NONE;
	for (int class = 0; class < 2; class++)
		t->oldest[class] = t->newest[class] = SESSION_NONE;
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
	line_ring_fini(&t->lines[CLASS_PHONE]);
	line_ring_fini(&t->lines[CLASS_OTHER]);
}

void session_set_ruleset(struct session_table *table, const struct ruleset *ruleset)
{
	table->ruleset = ruleset;
}

static void add(_Atomic(uint32_t) *gauge, int n)
{
	uint32_t now = atomic_load_explicit(gauge, memory_order_relaxed);
	atomic_store_explicit(gauge, now + (uint32_t)n, memory_order_relaxed);
}

static uint32_t get(const _Atomic(uint32_t) *gauge)
{
	return atomic_load_explicit((_Atomic(uint32_t) *)gauge, memory_order_relaxed);
}

// ---- reading from anywhere ----

bool session_read(const struct session_table *t, uint32_t index, struct session *out)
{
	for (int tries = 0; tries < 64; tries++) {
		if (seq_try_read(&t->sequences[index], out, &t->sessions[index], sizeof(*out)))
			return out->in_use;
	}
	return false;
}

bool identity_read(const struct session_table *t, uint32_t index, struct identity *out)
{
	for (int tries = 0; tries < 64; tries++) {
		if (seq_try_read(&t->identity_sequences[index], out, &t->identities[index], sizeof(*out)))
			return out->number != 0;
	}
	return false;
}

static void publish_session(struct session_table *t, uint32_t index, const struct session *session)
{
	seq_publish(&t->sequences[index], &t->sessions[index], session, sizeof(*session));
}

static void publish_identity(struct session_table *t, uint32_t index, const struct identity *identity)
{
	seq_publish(&t->identity_sequences[index], &t->identities[index], identity, sizeof(*identity));
}

// ---- the table ----

static uint32_t *bucket_of(struct session_table *t, const struct session_key *key)
{
	return &t->buckets[XXH3_64bits(key, sizeof(*key)) & (t->n_buckets - 1)];
}

static uint32_t find(struct session_table *t, const struct session_key *key)
{
	uint32_t at = *bucket_of(t, key);
	while (at != SESSION_NONE && !key_equals(&t->sessions[at].key, key))
		at = t->links[at].hash_next;
	return at;
}

static void age_unlink(struct session_table *t, uint32_t at)
{
	struct session_links *l = &t->links[at];
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
}

static void free_history(struct session_table *t, uint32_t at)
{
	uint32_t history = t->links[at].history;
	if (history == SESSION_NONE)
		return;
	t->histories[history].next_free = t->free_history;
	t->free_history = history;
	t->links[at].history = SESSION_NONE;
}

static void free_identity_slot(struct session_table *t, uint32_t index)
{
	struct identity gone = {.next = t->free_identity};
	if (t->identities[index].flags & IDENTITY_PHONE)
		add(&t->n_phones, -1);
	publish_identity(t, index, &gone);
	t->free_identity = index;
	add(&t->n_identities, -1);
}

static void end_session(struct session_table *t, uint32_t at)
{
	struct session session = t->sessions[at];
	for (uint32_t i = session.identity; i != SESSION_NONE;) {
		uint32_t next = t->identities[i].next;
		free_identity_slot(t, i);
		i = next;
	}
	diagnosis_detach(t, at);
	free_history(t, at);
	age_unlink(t, at);
	uint32_t *link = bucket_of(t, &session.key);
	while (*link != at)
		link = &t->links[*link].hash_next;
	*link = t->links[at].hash_next;
	session = (struct session){.generation = session.generation + 1};
	publish_session(t, at, &session);
	t->links[at].hash_next = t->free_session;
	t->free_session = at;
	add(&t->n_sessions, -1);
}

static uint32_t oldest_quiet_phone(struct session_table *t)
{
	uint32_t at = t->oldest[CLASS_PHONE];
	for (unsigned tries = 0; at != SESSION_NONE && tries < 64; tries++) {
		if (!diagnosis_any_open(t, at))
			return at;
		at = t->links[at].newer;
	}
	return SESSION_NONE;
}

// Room for one more: the client that is no phone and was heard longest ago goes; for a phone, if
// there is none, the phone heard longest ago that has nothing open.
static bool make_room(struct session_table *t, bool for_phone)
{
	uint32_t at = t->oldest[CLASS_OTHER];
	if (at == SESSION_NONE && for_phone)
		at = oldest_quiet_phone(t);
	if (at == SESSION_NONE)
		return false;
	counter_add(&t->counters->sessions_evicted, 1);
	end_session(t, at);
	return true;
}

static uint32_t create(struct session_table *t, const struct session_key *key, uint64_t now_ms,
	bool phone)
{
	uint32_t at = t->free_session, high = get(&t->high_water);
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
		.generation = t->sessions[at].generation + 1,
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
	age_link(t, at, phone ? CLASS_PHONE : CLASS_OTHER);
	publish_session(t, at, &session);
	add(&t->n_sessions, 1);
	return at;
}

// ---- what diagnosis.c works on ----

struct sighting *session_sightings(struct session_table *t, uint32_t index, unsigned *n)
{
	uint32_t history = t->links[index].history;
	*n = history == SESSION_NONE ? 0 : t->histories[history].n;
	return history == SESSION_NONE ? NULL : t->histories[history].sightings;
}

uint32_t *session_diagnoses(struct session_table *t, uint32_t index)
{
	return &t->links[index].diagnoses;
}

uint64_t *session_wake_ms(struct session_table *t, uint32_t index)
{
	return &t->links[index].wake_ms;
}

// The low bit of a position tells the ring: lines are aligned to 8.
bool session_line_read(const struct session_table *t, const struct session *session,
	uint64_t position, struct line_buffer *out)
{
	(void)session;
	return position != LINE_NONE &&
		line_ring_read(&t->lines[position & 1], position & ~1ull, out);
}

const struct identity *session_identity(const struct subject *s, uint8_t number)
{
	for (uint32_t i = s->session.identity; i != SESSION_NONE; i = s->table->identities[i].next) {
		if (s->table->identities[i].number == number)
			return &s->table->identities[i];
	}
	return NULL;
}

const struct identity *session_only_phone(const struct subject *s)
{
	if (s->session.n_identities != 1)
		return NULL;
	const struct identity *only = &s->table->identities[s->session.identity];
	return only->flags & IDENTITY_PHONE ? only : NULL;
}

// ---- aliases ----

static void tell_alias(struct subject *s, uint64_t hash, bool has_asa, bool release)
{
	struct event event;
	memset(&event, 0, offsetof(struct event, text));
	event.stage = STAGE_ALIAS;
	event.alias = hash;
	event.key = s->session.key;
	event.time_ms = s->now_ms;
	event.flags = (uint16_t)((has_asa ? EVENT_HAS_ASA : 0) | (release ? EVENT_RELEASE : 0));
	s->table->emit(s->table->emit_context, &event);
}

static void tell_device(struct subject *s, const struct identity *identity, bool has_asa)
{
	struct event event;
	memset(&event, 0, offsetof(struct event, text));
	event.stage = STAGE_ALIAS;
	event.alias = alias_of_device(&identity->device);
	event.key = s->session.key;
	event.device = identity->device;
	event.time_ms = s->now_ms;
	event.flags = has_asa ? EVENT_HAS_ASA : 0;
	s->table->emit(s->table->emit_context, &event);
}

static void tell_aliases(struct subject *s, const struct identity *identity)
{
	bool client = s->session.key.kind == KEY_CLIENT;
	bool has_asa = client &&
		((identity->flags & IDENTITY_HAS_ASA) || (s->session.flags & SESSION_HAS_ASA));
	if (!device_is_none(&identity->device))
		tell_device(s, identity, has_asa);
	if (client && identity->user[0] && identity->gateway != GATEWAY_NONE)
		tell_alias(s, alias_of_user(identity->gateway, slice_of(identity->user)), true, false);
	if (client && !address_is_none(&identity->tunnel))
		tell_alias(s, alias_of_tunnel(&identity->tunnel), true, false);
}

// ---- who it is ----

static bool is_known_user(struct slice user)
{
	return user.len && !slice_equals_text(user, "<Unknown>") && !slice_equals_text(user, "Unknown");
}

// The identity that a line which lacks a name may complete: the only one that has none.
static uint32_t find_incomplete(const struct subject *s, bool wants_device)
{
	const struct session_table *t = s->table;
	uint32_t found = SESSION_NONE;
	for (uint32_t i = s->session.identity; i != SESSION_NONE; i = t->identities[i].next) {
		const struct identity *id = &t->identities[i];
		bool lacks = wants_device ? device_is_none(&id->device) : id->user[0] == '\0';
		if (!lacks || !(id->flags & IDENTITY_PHONE))
			continue;
		if (found != SESSION_NONE)
			return SESSION_NONE;
		found = i;
	}
	return found;
}

static uint32_t find_identity(const struct subject *s, const struct event *event, struct slice user)
{
	const struct session_table *t = s->table;
	bool device = !device_is_none(&event->device);
	uint32_t by_user = SESSION_NONE, nameless = SESSION_NONE;
	for (uint32_t i = s->session.identity; i != SESSION_NONE; i = t->identities[i].next) {
		const struct identity *id = &t->identities[i];
		if (device && device_equals(&id->device, &event->device))
			return i;
		bool other_device = device && !device_is_none(&id->device);
		if (user.len && !other_device &&
			slice_equals(slice_first(user, IDENTITY_USER_MAX - 1), slice_of(id->user)))
			by_user = i;
		if (device_is_none(&id->device) && id->user[0] == '\0')
			nameless = i;
	}
	if (by_user != SESSION_NONE)
		return by_user;
	if (device)
		return find_incomplete(s, true);
	if (user.len)
		return event->flags & (EVENT_MARKS_PHONE | EVENT_PHONE_GROUP)
			? find_incomplete(s, false)
			: SESSION_NONE;
	// No name at all: the one there is, or the one that has no name either.
	return s->session.n_identities == 1 ? s->session.identity : nameless;
}

static void drop_identity(struct subject *s, uint32_t index)
{
	struct session_table *t = s->table;
	uint32_t *link = &s->session.identity;
	if (*link != index) {
		uint32_t i = *link;
		while (t->identities[i].next != index)
			i = t->identities[i].next;
		struct identity before = t->identities[i];
		before.next = t->identities[index].next;
		publish_identity(t, i, &before);
	} else {
		*link = t->identities[index].next;
	}
	s->session.n_identities--;
	s->session.n_phones -= (t->identities[index].flags & IDENTITY_PHONE) != 0;
	free_identity_slot(t, index);
}

static uint8_t free_number(const struct subject *s)
{
	uint32_t used = 1;
	for (uint32_t i = s->session.identity; i != SESSION_NONE; i = s->table->identities[i].next)
		used |= 1u << s->table->identities[i].number;
	return (uint8_t)__builtin_ctz(~used);
}

// Sixteen are kept; the one that is no phone and was heard longest ago gives way.
static bool make_identity_room(struct subject *s)
{
	struct session_table *t = s->table;
	uint32_t oldest = SESSION_NONE;
	if (s->session.n_identities < IDENTITIES_MAX)
		return true;
	for (uint32_t i = s->session.identity; i != SESSION_NONE; i = t->identities[i].next) {
		if (!(t->identities[i].flags & IDENTITY_PHONE) &&
			(oldest == SESSION_NONE ||
				t->identities[i].last_ms < t->identities[oldest].last_ms))
			oldest = i;
	}
	if (oldest == SESSION_NONE)
		return false;
	drop_identity(s, oldest);
	return true;
}

static uint32_t new_identity(struct subject *s)
{
	struct session_table *t = s->table;
	uint32_t used = get(&t->n_identities), at = t->free_identity;
	if (!make_identity_room(s))
		return SESSION_NONE;
	if (at == SESSION_NONE) {
		if (used == t->limits.identities)
			return SESSION_NONE;
		at = used; // none is free: as many are used as were ever taken
	} else {
		t->free_identity = t->identities[at].next;
	}
	struct identity identity = {.next = s->session.identity,
		.number = free_number(s),
		.gateway = GATEWAY_NONE};
	publish_identity(t, at, &identity);
	add(&t->n_identities, 1);
	s->session.identity = at;
	s->session.n_identities++;
	return at;
}

static void copy_value(const struct event *event, uint8_t field, char *out, size_t size)
{
	struct slice value = event_value(event, field);
	if (value.len)
		slice_copy(value, out, size);
}

static void become_phone(struct subject *s, struct identity *identity)
{
	if (identity->flags & IDENTITY_PHONE)
		return;
	identity->flags |= IDENTITY_PHONE;
	s->session.n_phones++;
	s->session.flags |= SESSION_PHONE;
	add(&s->table->n_phones, 1);
}

static void learn_tunnel(struct subject *s, struct identity *identity, const struct event *event)
{
	if (event->alias_action == ALIAS_ASSIGN && !address_is_none(&event->tunnel)) {
		if (!address_is_none(&identity->tunnel) &&
			!address_equals(&identity->tunnel, &event->tunnel))
			tell_alias(s, alias_of_tunnel(&identity->tunnel), true, true);
		identity->tunnel = event->tunnel;
		identity->aliases_ms = 0;
	} else if (event->alias_action == ALIAS_RELEASE && !address_is_none(&identity->tunnel)) {
		tell_alias(s, alias_of_tunnel(&identity->tunnel), true, true);
		identity->tunnel = (struct address){0};
	}
}

// What the line says of the identity. Returns whether its aliases have to be told.
static bool learn(struct subject *s, struct identity *identity, const struct event *event,
	struct slice user)
{
	uint8_t flags = identity->flags;
	bool fresh = false;
	if (!device_is_none(&event->device) && device_is_none(&identity->device)) {
		identity->device = event->device;
		fresh = true;
	}
	if (user.len && identity->user[0] == '\0') {
		slice_copy(user, identity->user, sizeof(identity->user));
		fresh = true;
	}
	if (event->model[0])
		memcpy(identity->model, event->model, sizeof(identity->model));
	copy_value(event, FIELD_TUNNEL_GROUP, identity->tunnel_group, IDENTITY_GROUP_MAX);
	copy_value(event, FIELD_GROUP_POLICY, identity->group_policy, IDENTITY_GROUP_MAX);
	if (event->gateway != GATEWAY_NONE) {
		fresh |= identity->gateway != event->gateway;
		identity->gateway = event->gateway;
	}
	identity->last_ms = s->now_ms;
	if (!device_is_none(&event->device) || (event->flags & (EVENT_MARKS_PHONE | EVENT_PHONE_GROUP)))
		become_phone(s, identity);
	bool proven = event->source == MESSAGE_ASA &&
		!(event->flags & (EVENT_UNPROVEN | EVENT_AMBIGUOUS));
	if (proven)
		identity->flags |= IDENTITY_HAS_ASA;
	learn_tunnel(s, identity, event);
	bool claims = event->source == MESSAGE_ASA && !proven && !(flags & IDENTITY_HAS_ASA);
	fresh |= flags != identity->flags || s->now_ms > identity->aliases_ms + ALIAS_REFRESH_MS;
	return fresh && !claims;
}

// Who the line is about: number of the identity, 0: nobody by name.
static uint8_t identify(struct subject *s, const struct event *event)
{
	struct session_table *t = s->table;
	struct slice user = event->flags & EVENT_HIDDEN_USER ? (struct slice){0}
							     : event_value(event, FIELD_USER);
	if (!is_known_user(user))
		user = (struct slice){0};
	bool named = user.len || !device_is_none(&event->device);
	bool says = named || (event->flags & (EVENT_MARKS_PHONE | EVENT_PHONE_GROUP)) ||
		event->alias_action == ALIAS_ASSIGN;
	uint32_t at = find_identity(s, event, user);
	if (!named && event->alias_action == ALIAS_RELEASE && !address_is_none(&event->tunnel)) {
		for (at = s->session.identity; at != SESSION_NONE; at = t->identities[at].next) {
			if (address_equals(&t->identities[at].tunnel, &event->tunnel))
				break;
		}
	}
	if (at == SESSION_NONE && says)
		at = new_identity(s);
	if (at == SESSION_NONE)
		return 0;
	if (!says && event->alias_action != ALIAS_RELEASE)
		return 0;
	struct identity identity = t->identities[at];
	bool knew = identity.last_ms != 0;
	struct device device = identity.device;
	uint8_t flags = identity.flags;
	bool tell = learn(s, &identity, event, user);
	if (tell)
		identity.aliases_ms = s->now_ms;
	publish_identity(t, at, &identity);
	if (identity.flags & IDENTITY_HAS_ASA &&
		device_equals(&identity.device, &t->links[s->index].redirect_device))
		t->links[s->index].redirect_device = (struct device){0};
	if (tell)
		tell_aliases(s, &identity);
	if (!knew || flags != identity.flags || !device_equals(&device, &identity.device))
		diagnosis_learn(s, identity.number);
	return identity.number;
}

// ---- lines and sightings ----

static uint64_t keep_line(struct subject *s, const struct event *event, uint8_t identity)
{
	struct line_buffer buffer;
	unsigned ring = s->session.flags & SESSION_PHONE || s->session.key.kind == KEY_GATEWAY
		? CLASS_PHONE
		: CLASS_OTHER;
	line_of_event(event, identity, s->session.last_line, &buffer);
	uint64_t position = line_ring_append(&s->table->lines[ring], &buffer.line) | ring;
	s->session.last_line = position;
	return position;
}

static uint16_t condition_bits(const struct event_use *use, const struct event *event)
{
	uint16_t bits = 0;
	struct slice text = {event->text, event->text_len};
	for (unsigned i = 0; i < use->n_conditions; i++) {
		if (condition_holds(&use->conditions[i], text, event->values, event->n_values))
			bits |= (uint16_t)(1u << i);
	}
	return bits;
}

static struct history *history_of(struct session_table *t, uint32_t index)
{
	uint32_t history = t->links[index].history;
	if (history == SESSION_NONE) {
		history = t->free_history;
		if (history != SESSION_NONE) {
			t->free_history = t->histories[history].next_free;
		} else if (t->n_histories < t->limits.histories) {
			history = t->n_histories++;
		} else {
			// Of the clients that are no phone the one heard longest ago forgets.
			uint32_t at = t->oldest[CLASS_OTHER];
			for (unsigned i = 0; i < 64 && at != SESSION_NONE; i++, at = t->links[at].newer) {
				if (t->links[at].history != SESSION_NONE && at != index)
					break;
			}
			if (at == SESSION_NONE || t->links[at].history == SESSION_NONE || at == index)
				return NULL;
			free_history(t, at);
			history = t->free_history;
			t->free_history = t->histories[history].next_free;
		}
		t->links[index].history = history;
		t->histories[history].n = 0;
	}
	return &t->histories[history];
}

// In the order of time; lines that were held come a little late.
static const struct sighting *keep_sighting(struct subject *s, const struct sighting *sighting)
{
	struct history *h = history_of(s->table, s->index);
	if (h == NULL) {
		counter_add(&s->table->counters->events_dropped[EVENT_DROP_histories_full], 1);
		return NULL;
	}
	if (h->n == SESSION_SIGHTINGS_MAX)
		memmove(h->sightings, h->sightings + 1, --h->n * sizeof(h->sightings[0]));
	uint32_t at = h->n++;
	for (; at > 0 && h->sightings[at - 1].time_ms > sighting->time_ms; at--)
		h->sightings[at] = h->sightings[at - 1];
	h->sightings[at] = *sighting;
	return &h->sightings[at];
}

static struct sighting sighting_of(const struct event *event, const struct event_use *use,
	uint64_t line, uint8_t identity)
{
	struct sighting sighting = {
		.time_ms = event->time_ms,
		.line = line,
		.event = event->type,
		.conditions = condition_bits(use, event),
		.gateway = event->gateway,
		.port = event->port,
		.identity = identity,
		.flags = event->flags & EVENT_AMBIGUOUS ? SIGHTING_AMBIGUOUS : 0,
	};
	if (use->distinct_field != FIELD_NONE) {
		struct slice value = event_value(event, use->distinct_field);
		sighting.value = (uint32_t)XXH3_64bits(value.data ? value.data : "", value.len);
	}
	return sighting;
}

// A tunnel is up: what its phone has suffered before is over.
static void note_success(struct subject *s, const struct sighting *sighting, uint8_t number)
{
	const struct rulepack *pack = s->table->ruleset->pack;
	const struct identity *who = session_identity(s, number);
	bool success = false;
	for (unsigned i = 0; i < pack->n_recovery; i++)
		success |= pack->recovery[i]->event == sighting->event &&
			(sighting->conditions & pack->recovery[i]->conditions) ==
				pack->recovery[i]->conditions;
	if (who == NULL && s->session.n_identities == 1)
		who = &s->table->identities[s->session.identity];
	if (!success || who == NULL)
		return;
	struct identity changed = *who;
	changed.tunnel_up_ms = sighting->time_ms;
	publish_identity(s->table, (uint32_t)(who - s->table->identities), &changed);
}

// ---- moving ----

static void remember_redirect(struct session_table *t, uint32_t at, const struct device *device,
	const struct session_key *to, uint64_t now_ms)
{
	struct session_links *l = &t->links[at];
	l->redirect_device = *device;
	l->redirect = *to;
	l->redirect_ms = now_ms;
}

static uint32_t find_device(const struct subject *s, const struct device *device)
{
	uint32_t i = s->session.identity;
	while (i != SESSION_NONE && !device_equals(&s->table->identities[i].device, device))
		i = s->table->identities[i].next;
	return i;
}

static void move_identity(struct subject *s, uint32_t at, const struct session_key *to)
{
	struct identity known = s->table->identities[at];
	diagnosis_move(s, known.number, to, &known);
	drop_identity(s, at);
}

void session_move(struct session_table *t, const struct session_key *from,
	const struct device *device, const struct session_key *to, uint64_t now_ms)
{
	uint32_t index = find(t, from);
	if (index == SESSION_NONE || key_equals(from, to))
		return;
	struct subject s = {t, t->sessions[index], index, now_ms};
	uint32_t at = find_device(&s, device);
	if (at != SESSION_NONE)
		move_identity(&s, at, to);
	remember_redirect(t, index, device, to, now_ms);
	publish_session(t, index, &s.session);
}

// "AnyConnect session resumed connection from IP <new>": the phone goes on under the new address.
static void follow_client(struct subject *s, const struct event *event, uint8_t number)
{
	struct event copy;
	struct session_key to = key_of_client(&event->client_new);
	if (address_is_none(&event->client_new) || key_equals(&to, &s->session.key))
		return;
	const struct identity *known = session_identity(s, number);
	memcpy(&copy, event, event_size(event));
	copy.client = event->client_new;
	copy.key = to;
	copy.stage = STAGE_JUDGE;
	copy.alias_action = ALIAS_ASSIGN;
	if (known) {
		copy.device = known->device;
		copy.tunnel = known->tunnel;
		if (known->flags & IDENTITY_PHONE)
			copy.flags |= EVENT_MARKS_PHONE;
	}
	s->table->emit(s->table->emit_context, &copy);
	if (known)
		move_identity(s, (uint32_t)(known - s->table->identities), &to);
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
	uint32_t mine = find_device(s, &event->device);
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
	// Only where it came from its sender: two sessions must not hand a line to each other for ever.
	bool moved = (event->flags & EVENT_BY_SENDER) && !device_is_none(&event->device) &&
		device_equals(&l->redirect_device, &event->device) &&
		event->time_ms < l->redirect_ms + REDIRECT_MS;
	if (moved) {
		event->key = l->redirect;
		event->client = event->key.kind == KEY_CLIENT ? event->key.address
							      : (struct address){0};
		event->stage = STAGE_JUDGE;
	} else if (is_sent_for_others(s, event)) {
		event->client = (struct address){0};
		event->key = (struct session_key){0};
		event->stage = STAGE_RESOLVE;
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
	age_link(t, s->index, phone ? CLASS_PHONE : CLASS_OTHER);
}

void session_update(struct session_table *t, struct event *event)
{
	const struct event_use *use = &t->ruleset->pack->events[event->type];
	uint32_t index = find(t, &event->key);
	bool gateway = event->key.kind == KEY_GATEWAY;
	if (index == SESSION_NONE) {
		if (!is_worth_a_session(event, use))
			return;
		bool phone = gateway || !device_is_none(&event->device) ||
			(event->flags & (EVENT_MARKS_PHONE | EVENT_PHONE_GROUP));
		index = create(t, &event->key, event->time_ms, phone);
	}
	if (index == SESSION_NONE) {
		counter_add(&t->counters->events_dropped[EVENT_DROP_sessions_full], 1);
		return;
	}
	struct subject s = {t, t->sessions[index], index, event->time_ms};
	if (!(event->flags & EVENT_MOVED) && s.session.last_ms > s.now_ms)
		s.now_ms = s.session.last_ms;
	// What was due before this line: a failure that had long been quiet does not go on, it relapses.
	if (t->links[index].diagnoses != SESSION_NONE)
		diagnosis_expire(&s);
	if (event->source == MESSAGE_PHONE && hand_on(&s, event)) {
		publish_session(t, index, &s.session);
		return;
	}
	uint8_t identity = gateway ? 0 : identify(&s, event);
	bool keep = gateway ? use->keep && use->gateway_scope
			    : use->keep || (s.session.flags & SESSION_PHONE);
	uint64_t line = keep ? keep_line(&s, event, identity) : LINE_NONE;
	struct sighting sighting = sighting_of(event, use, line, identity);
	if (use->keep && keep)
		keep_sighting(&s, &sighting);
	touch(&s, event);
	diagnosis_step(&s, event, &sighting, identity);
	note_success(&s, &sighting, identity);
	if (event->alias_action == ALIAS_MOVE && identity)
		follow_client(&s, event, identity);
	publish_session(t, index, &s.session);
}

// ---- time ----

static void expire_one(struct session_table *t, uint32_t at, uint64_t now_ms)
{
	if (!t->sessions[at].in_use)
		return;
	struct subject s = {t, t->sessions[at], at, now_ms};
	if (t->links[at].diagnoses != SESSION_NONE || t->links[at].wake_ms <= now_ms) {
		diagnosis_expire(&s);
		publish_session(t, at, &s.session);
	}
	bool phone = t->links[at].class == CLASS_PHONE;
	uint64_t idle = phone ? t->limits.expire_ms : t->limits.idle_ms;
	if (s.session.last_ms + idle <= now_ms && !diagnosis_any_open(t, at)) {
		counter_add(&t->counters->sessions_expired, 1);
		end_session(t, at);
	}
}

void session_expire_step(struct session_table *t, uint64_t now_ms, uint32_t max)
{
	uint32_t high = get(&t->high_water);
	if (t->sweep_ms == 0 || now_ms < t->sweep_ms)
		t->sweep_ms = now_ms;
	uint64_t due = (now_ms - t->sweep_ms) * high / SESSION_SWEEP_MS;
	if (due == 0)
		return;
	// Beyond a whole pass there is nothing left to look at.
	t->sweep_ms = due > high ? now_ms : t->sweep_ms + (due < max ? due : max) * SESSION_SWEEP_MS / high;
	due = due < high ? due : high;
	due = due < max ? due : max;
	for (uint64_t i = 0; i < due; i++) {
		if (t->sweep >= high)
			t->sweep = 0;
		expire_one(t, t->sweep++, now_ms);
	}
}
