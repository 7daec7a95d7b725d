// SPDX-License-Identifier: BSD-3-Clause
#include "failures.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

// Most phones have none: a bit a hash says so without a look at the places, in a cache's size.
#define FILTER_BITS (1u << 20)

// All that the diagnoses say of one phone.
struct failure {
	uint64_t hash;
	uint32_t round; // of another one: the place is free
	bool is_open, is_certain;
	uint64_t expired_ms; // last evidence of what has ended without a success; 0: none has
};

// A hash table by open addressing, at most half full.
struct failures {
	struct failure *places;
	size_t n_places; // power of two
	uint64_t seed;
	uint32_t round;
	uint64_t filter[FILTER_BITS / 64];
};

struct failures *failures_create(size_t n_max, uint64_t seed)
{
	struct failures *f = calloc(1, sizeof(*f));
	if (f == NULL)
		return NULL;
	for (f->n_places = 64; f->n_places < n_max * 2;)
		f->n_places *= 2;
	f->places = calloc(f->n_places, sizeof(*f->places));
	f->seed = seed;
	f->round = 1;
	if (f->places)
		return f;
	free(f);
	return NULL;
}

void failures_destroy(struct failures *f)
{
	if (f)
		free(f->places);
	free(f);
}

void failures_begin(struct failures *f)
{
	f->round++;
	memset(f->filter, 0, sizeof(f->filter));
}

static uint64_t session_hash(const struct failures *f, const struct session_key *key)
{
	return XXH3_64bits_withSeed(key, sizeof(*key), f->seed);
}

// number: of the identity, 0: nobody by name.
static uint64_t phone_hash(const struct failures *f, const struct session_key *key, uint8_t number)
{
	return XXH3_64bits_withSeed(key, sizeof(*key), f->seed + number + 1);
}

static struct failure *place_of(const struct failures *f, uint64_t hash)
{
	size_t at = hash & (f->n_places - 1);
	while (f->places[at].round == f->round && f->places[at].hash != hash)
		at = (at + 1) & (f->n_places - 1);
	return &f->places[at];
}

void failures_add(struct failures *f, const struct diagnosis *d)
{
	bool is_open = d->state == DIAGNOSIS_OPEN, expired = d->state == DIAGNOSIS_EXPIRED;
	if (d->scope != SCOPE_PHONE || !d->is_phone || !(is_open || expired))
		return;
	uint64_t session = session_hash(f, &d->key), hash = phone_hash(f, &d->key, d->identity);
	struct failure *failure = place_of(f, hash);
	if (failure->round != f->round)
		*failure = (struct failure){.hash = hash, .round = f->round};
	failure->is_open |= is_open;
	failure->is_certain |= is_open && confidence_is_sure(diagnosis_confidence(d));
	if (expired && d->last_ms > failure->expired_ms)
		failure->expired_ms = d->last_ms;
	f->filter[session % FILTER_BITS / 64] |= 1ull << (session % 64);
}

static const struct failure *find(
	const struct failures *f, const struct session_key *key, uint8_t number)
{
	static const struct failure none;
	const struct failure *failure = place_of(f, phone_hash(f, key, number));
	return failure->round == f->round ? failure : &none;
}

// What names nobody is the only phone's; where there are several it can be that of any.
enum fare failures_fare(
	const struct failures *f, const struct session *session, const struct identity *phone)
{
	uint64_t hash = session_hash(f, &session->key);
	bool has_tunnel = phone->tunnel_up.ms != 0;
	if (!(f->filter[hash % FILTER_BITS / 64] >> (hash % 64) & 1))
		return has_tunnel ? FARE_OK : FARE_UNKNOWN;
	const struct failure *named = find(f, &session->key, phone->number);
	const struct failure *nameless = find(f, &session->key, 0);
	bool alone = session->n_identities == 1;
	if (named->is_certain || (alone && nameless->is_certain))
		return FARE_FAILING;
	if (named->is_open || (alone && nameless->is_open))
		return FARE_SUSPECTED;
	bool failed = named->expired_ms >= phone->tunnel_up.ms ||
		      (alone && nameless->expired_ms >= phone->tunnel_up.ms);
	return has_tunnel && !nameless->is_open && !failed ? FARE_OK : FARE_UNKNOWN;
}
