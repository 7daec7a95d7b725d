// SPDX-License-Identifier: BSD-3-Clause
#include "roster.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "failures.h"
#include "gateway_book.h"
#include "journal.h"
#include "phone_record.h"

#define ROUND_MIN_MS 1000		  // no round begins sooner after the one before
#define PACE_MS (ROSTER_ROUND_MS / 5 * 4) // what a round takes: a fifth less than it may
#define PLACES_MS 20   // looked at in a millisecond at least: a small fleet is known at once
#define STEP_MAX 640   // places that one step looks at
#define PHONES_PLACE 8 // phones cost no more than a place in the tables
#define WRITES_MS 4    // phones that go to the journal in a millisecond
#define WRITES_MAX 16  // and in a step
#define READ_TRIES 16
#define NO_PHONE UINT32_MAX
#define GONE_ROUNDS 2 // not seen for so many: one that moves can slip through one

// A phone as it was seen last. One cache line.
struct phone {
	uint64_t hash;	  // of its key
	uint64_t print;	  // of what the journal has of it; 0: nothing
	uint64_t seen_ms; // its last line
	char *key;	  // in the journal; NULL: its device
	uint32_t next;	  // in its bucket; of those that are free
	uint32_t round;	  // that it was seen in
	uint32_t slot;	  // of the identity: of two with the same key the one that was heard last
	uint32_t login_hour;
	uint32_t kept_s; // its last line, as the journal has it
	uint16_t gateway;
	uint8_t worker, fare;
	struct device device;
	bool in_use;
};

enum walk { WALK_DIAGNOSES, WALK_SESSIONS, WALK_PHONES, WALK_REST };

struct roster {
	struct workers *workers;
	struct journal *journal;
	struct gateway_book *book;
	struct failures *failures;
	struct phone *phones;
	uint32_t *buckets, n_buckets, n_phones, n_phones_max, free_phone;
	uint64_t seed; // of the hash of phones
	// the round
	enum walk walk;
	unsigned worker;
	uint32_t at, round;
	uint64_t began_ms, total, done; // places
	uint64_t step_ms;
	unsigned writes; // that are left
	struct roster_stats stats;
};

// ---- life ----

struct roster *roster_create(struct workers *workers, struct journal *journal)
{
	struct roster *r = calloc(1, sizeof(*r));
	size_t n_diagnoses = 0, n_identities = 0;
	if (r == NULL)
		return NULL;
	for (unsigned i = 0; i < workers->n; i++) {
		n_diagnoses += workers->worker[i]->sessions.diagnoses->n_max;
		n_identities += workers->worker[i]->sessions.limits.identities;
	}
	r->workers = workers;
	r->journal = journal;
	r->book = gateway_book_create(&workers->gateways, workers->ruleset->pack->vocabulary);
	r->seed = workers->worker[0]->sessions.limits.seed;
	r->failures = failures_create(n_diagnoses, r->seed);
	// Those that are gone stay for a while. As large as the tables, but only what is used is
	// ever touched.
	r->n_phones_max = (uint32_t)(n_identities + n_identities / 8);
	r->phones = calloc(r->n_phones_max, sizeof(*r->phones));
	for (r->n_buckets = 64; r->n_buckets < r->n_phones_max;)
		r->n_buckets *= 2;
	r->buckets = malloc(r->n_buckets * sizeof(*r->buckets));
	r->free_phone = NO_PHONE;
	r->walk = WALK_REST;
	r->round = GONE_ROUNDS; // what is restored was seen
	if (r->book && r->failures && r->phones && r->buckets) {
		memset(r->buckets, 0xff, r->n_buckets * sizeof(*r->buckets));
		return r;
	}
	roster_destroy(r);
	return NULL;
}

void roster_destroy(struct roster *r)
{
	if (r == NULL)
		return;
	for (uint32_t i = 0; r->phones && i < r->n_phones; i++)
		free(r->phones[i].key);
	gateway_book_destroy(r->book);
	failures_destroy(r->failures);
	free(r->phones);
	free(r->buckets);
	free(r);
}

struct roster_view roster_view(const struct roster *r)
{
	return gateway_book_view(r->book);
}

struct roster_stats roster_stats(const struct roster *r)
{
	return r->stats;
}

// ---- phones ----

static_assert(sizeof(struct phone) == 64);

// Keyed, for users and devices are named by strangers.
static uint64_t hash_of(const struct roster *r, const struct device *device, const char *user,
	const struct session_key *key, uint16_t gateway)
{
	if (!device_is_none(device))
		return XXH3_64bits_withSeed(device, sizeof(*device), r->seed);
	return user[0] ? XXH3_64bits_withSeed(user, strlen(user), r->seed + gateway + 1)
		       : XXH3_64bits_withSeed(key, sizeof(*key), r->seed + gateway + 1);
}

static struct phone *find_phone(struct roster *r, uint64_t hash)
{
	uint32_t at = r->buckets[hash & (r->n_buckets - 1)];
	while (at != NO_PHONE && r->phones[at].hash != hash)
		at = r->phones[at].next;
	return at == NO_PHONE ? NULL : &r->phones[at];
}

// NULL: no place is left.
static struct phone *add_phone(struct roster *r, uint64_t hash, const struct device *device)
{
	uint32_t at = r->free_phone, *bucket = &r->buckets[hash & (r->n_buckets - 1)];
	if (at != NO_PHONE)
		r->free_phone = r->phones[at].next;
	else if (r->n_phones < r->n_phones_max)
		at = r->n_phones++;
	else
		return NULL;
	r->phones[at] =
		(struct phone){.hash = hash, .next = *bucket, .device = *device, .in_use = true};
	*bucket = at;
	r->stats.n_phones++;
	return &r->phones[at];
}

static void remove_phone(struct roster *r, uint32_t at)
{
	struct phone *phone = &r->phones[at];
	uint32_t *link = &r->buckets[phone->hash & (r->n_buckets - 1)];
	while (*link != at)
		link = &r->phones[*link].next;
	*link = phone->next;
	free(phone->key);
	*phone = (struct phone){.next = r->free_phone};
	r->free_phone = at;
	r->stats.n_phones--;
}

// ---- what the journal has ----

static size_t put(char *out, const void *bytes, size_t n)
{
	memcpy(out, bytes, n);
	return n;
}

// All that is written anew when it changes.
static uint64_t print_of(const struct session_key *key, const struct identity *id, uint16_t gateway,
	uint32_t login_hour)
{
	char bytes[sizeof(*key) + sizeof(*id)];
	size_t n = put(bytes, key, sizeof(*key));
	n += put(bytes + n, &id->tunnel, sizeof(id->tunnel));
	n += put(bytes + n, &id->device, sizeof(id->device));
	n += put(bytes + n, &gateway, sizeof(gateway));
	n += put(bytes + n, &login_hour, sizeof(login_hour));
	n += put(bytes + n, &id->flags, sizeof(id->flags));
	n += put(bytes + n, id->model, strlen(id->model) + 1);
	n += put(bytes + n, id->user, strlen(id->user) + 1);
	n += put(bytes + n, id->tunnel_group, strlen(id->tunnel_group) + 1);
	n += put(bytes + n, id->group_policy, strlen(id->group_policy) + 1);
	uint64_t print = XXH3_64bits(bytes, n);
	return print ? print : 1;
}

static void keep(struct roster *r, struct phone *phone, const struct session *session,
	const struct identity *id, uint64_t print)
{
	bool late = id->last_ms > phone->kept_s * 1000ull + PHONE_REFRESH_MS;
	char text[PHONE_KEY_MAX];
	if (r->journal == NULL || (print == phone->print && !late) || r->writes == 0)
		return;
	json_t *object = phone_record_json(session, id, &r->workers->gateways);
	const char *key = phone_record_key(object, text);
	if (device_is_none(&phone->device) && phone->key == NULL)
		phone->key = strdup(key);
	if (journal_append(r->journal, RECORD_PHONE, key, object)) {
		phone->print = print;
		phone->kept_s = (uint32_t)(id->last_ms / 1000);
	}
	json_decref(object);
	r->writes--;
	r->stats.n_written++;
}

static void forget(struct roster *r, struct phone *phone)
{
	char text[DEVICE_TEXT_MAX];
	const char *key = phone->key ? phone->key : device_format(&phone->device, text);
	if (r->journal == NULL || phone->print == 0)
		return;
	journal_forget(r->journal, RECORD_PHONE, key);
	r->stats.n_forgotten++;
}

bool roster_restore(struct roster *r, const char *name, const json_t *gateway)
{
	return gateway_book_restore(r->book, name, gateway);
}

void roster_restore_phone(
	struct roster *r, const char *key, const struct known_phone *known, uint16_t gateway)
{
	struct identity id = {
		.device = known->device, .tunnel = known->tunnel, .flags = known->flags};
	uint32_t login_hour = (uint32_t)(known->assigned_ms / HOUR_MS);
	memcpy(id.model, known->model, sizeof(id.model));
	memcpy(id.user, known->user, sizeof(id.user));
	memcpy(id.tunnel_group, known->tunnel_group, sizeof(id.tunnel_group));
	memcpy(id.group_policy, known->group_policy, sizeof(id.group_policy));
	uint64_t hash = hash_of(r, &known->device, known->user, &known->key, gateway);
	struct phone *phone = find_phone(r, hash);
	if (phone == NULL)
		phone = add_phone(r, hash, &known->device);
	if (phone == NULL)
		return;
	if (device_is_none(&known->device) && phone->key == NULL)
		phone->key = strdup(key);
	phone->print = print_of(&known->key, &id, gateway, login_hour);
	phone->kept_s = (uint32_t)(known->last_ms / 1000);
	phone->login_hour = login_hour;
	phone->gateway = gateway;
	phone->slot = UINT32_MAX; // wherever it is found first
	phone->round = r->round;
}

// ---- the walk ----

// Whether what is found here is this phone as it was heard last.
static bool is_latest(const struct roster *r, const struct phone *phone, unsigned worker,
	uint32_t slot, uint64_t last_ms)
{
	bool same = phone->slot == slot && phone->worker == worker;
	return same || last_ms > phone->seen_ms || phone->round + 1 < r->round;
}

static void take_phone(
	struct roster *r, const struct session *session, const struct identity *id, uint32_t slot)
{
	uint16_t gateway = id->gateway != GATEWAY_NONE ? id->gateway : session->gateway;
	uint64_t hash = hash_of(r, &id->device, id->user, &session->key, gateway);
	struct phone *phone = find_phone(r, hash);
	if (phone == NULL)
		phone = add_phone(r, hash, &id->device);
	if (phone == NULL || !is_latest(r, phone, r->worker, slot, id->last_ms))
		return;
	uint32_t login_hour = (uint32_t)(id->assigned_ms / HOUR_MS);
	if (phone->round == r->round)
		gateway_book_count(r->book, phone->gateway, (enum fare)phone->fare, -1);
	if (login_hour > phone->login_hour) {
		gateway_book_login(r->book, gateway, id->assigned_ms);
		phone->login_hour = login_hour;
	}
	phone->round = r->round;
	phone->worker = (uint8_t)r->worker;
	phone->slot = slot;
	phone->seen_ms = id->last_ms;
	phone->gateway = gateway;
	phone->fare = (uint8_t)failures_fare(r->failures, session, id);
	gateway_book_count(r->book, gateway, (enum fare)phone->fare, 1);
	keep(r, phone, session, id, print_of(&session->key, id, gateway, phone->login_hour));
}

// The phones of a session as of one moment.
static void look_at_session(struct roster *r, uint32_t at)
{
	const struct session_table *t = &r->workers->worker[r->worker]->sessions;
	struct identity phones[IDENTITIES_MAX];
	uint32_t slots[IDENTITIES_MAX];
	struct session session;
	for (unsigned tries = 0; tries < READ_TRIES; tries++) {
		uint32_t before = atomic_load_explicit(&t->sequences[at], memory_order_acquire);
		unsigned n = 0;
		if (!session_read(t, at, &session) || session.n_phones == 0 ||
			session.key.kind == KEY_ANONYMOUS)
			return;
		for (uint32_t i = session.identity; i != SESSION_NONE && n < IDENTITIES_MAX; n++) {
			if (!identity_read(t, i, &phones[n]))
				break;
			slots[n] = i;
			i = phones[n].next;
		}
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&t->sequences[at], memory_order_relaxed) != before)
			continue;
		for (unsigned i = 0; i < n; i++) {
			if (phones[i].flags & IDENTITY_PHONE)
				take_phone(r, &session, &phones[i], slots[i]);
		}
		return;
	}
}

static void look_at_diagnosis(struct roster *r, uint32_t at)
{
	struct diagnosis d;
	if (diagnosis_read(r->workers->worker[r->worker]->sessions.diagnoses, at, &d, NULL) ==
		DIAGNOSIS_READ)
		failures_add(r->failures, &d);
}

static void look_at_phones(struct roster *r, uint32_t place)
{
	uint32_t at = place * PHONES_PLACE, end = at + PHONES_PLACE;
	for (; at < end && at < r->n_phones; at++) {
		if (!r->phones[at].in_use || r->phones[at].round + GONE_ROUNDS > r->round)
			continue;
		forget(r, &r->phones[at]);
		remove_phone(r, at);
	}
}

// Places of the part of the walk that is under way.
static uint32_t n_places(const struct roster *r, enum walk walk, unsigned worker)
{
	const struct session_table *t = &r->workers->worker[worker]->sessions;
	if (walk == WALK_DIAGNOSES)
		return gauge_get(&t->diagnoses->high_water);
	return walk == WALK_SESSIONS ? gauge_get(&t->high_water)
				     : (r->n_phones + PHONES_PLACE - 1) / PHONES_PLACE;
}

static void begin_round(struct roster *r, uint64_t now_ms)
{
	r->walk = WALK_DIAGNOSES;
	r->worker = r->at = 0;
	r->round++;
	r->began_ms = now_ms;
	r->done = 0;
	r->total = n_places(r, WALK_PHONES, 0);
	for (unsigned i = 0; i < r->workers->n; i++)
		r->total += n_places(r, WALK_DIAGNOSES, i) + n_places(r, WALK_SESSIONS, i);
	failures_begin(r->failures);
}

// One place, or on to the next part of the walk.
static void advance(struct roster *r)
{
	if (r->at < n_places(r, r->walk, r->worker)) {
		if (r->walk == WALK_DIAGNOSES)
			look_at_diagnosis(r, r->at);
		else if (r->walk == WALK_SESSIONS)
			look_at_session(r, r->at);
		else
			look_at_phones(r, r->at);
		r->at++;
		r->done++;
		return;
	}
	r->at = 0;
	if (r->walk != WALK_PHONES && ++r->worker < r->workers->n)
		return;
	r->worker = 0;
	r->walk++;
	if (r->walk != WALK_REST)
		return;
	gateway_book_end_round(r->book);
	r->stats.n_rounds++;
	r->stats.round_ms = r->step_ms - r->began_ms;
}

// How many places the walk is behind the clock.
static uint64_t places_due(const struct roster *r, uint64_t now_ms)
{
	uint64_t passed = now_ms - r->began_ms, pace = r->total / PACE_MS;
	uint64_t due = (pace > PLACES_MS ? pace + 1 : PLACES_MS) * passed;
	return due > r->done ? due - r->done : 0;
}

static void pass_time(struct roster *r, uint64_t now_ms)
{
	uint64_t passed = now_ms > r->step_ms ? now_ms - r->step_ms : 0;
	uint64_t writes = r->writes + (passed < WRITES_MAX ? passed : WRITES_MAX) * WRITES_MS;
	r->writes = writes < WRITES_MAX ? (unsigned)writes : WRITES_MAX;
	r->step_ms = now_ms;
	gateway_book_step(r->book, now_ms);
}

void roster_step(struct roster *r, uint64_t now_ms)
{
	pass_time(r, now_ms);
	if (now_ms < r->began_ms) // the clock was set back
		r->began_ms = now_ms;
	if (r->walk == WALK_REST && (now_ms >= r->began_ms + ROUND_MIN_MS || r->began_ms == 0))
		begin_round(r, now_ms);
	uint64_t due = r->walk == WALK_REST ? 0 : places_due(r, now_ms);
	for (uint64_t i = 0; i < due && i < STEP_MAX && r->walk != WALK_REST; i++)
		advance(r);
	if (r->journal)
		gateway_book_keep(r->book, r->journal, now_ms);
}
