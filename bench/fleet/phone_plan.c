// SPDX-License-Identifier: BSD-3-Clause
// What is going to befall a phone.
#include "phone.h"

// Whether this class can befall this phone, and logs can tell.
static bool fits(const struct sim *sim, const struct phone *phone, enum failure failure)
{
	const struct failure_kind *kind = &failure_kinds[failure];
	const struct client *c = &phone->client;
	bool asa = kind->by_asa && !(kind->debugging && (&sim->gateways[phone->gateway])->quiet);
	bool by_phone = console_tells(phone, failure) &&
			(kind->tunnel_up || phone->console != CONSOLE_LATER);
	// of an ECDSA certificate that is not refused as such only the phone tells, and so of UDP
	// that does not come through
	if (failure == FAILURE_ECDSA_CERT_PRESENTED && variant_of(c, 2) == 0)
		asa = false;
	if (failure == FAILURE_DTLS_BLOCKED && variant_of(c, 3) == 0 &&
		!(&sim->gateways[phone->gateway])->quiet)
		asa = false;
	if (kind->certificate && !c->certificate)
		return false;
	if (kind->typed && c->certificate)
		return false;
	// it keeps out everybody at the address
	if (phone->site && (failure == FAILURE_CLIENT_SHUNNED || failure == FAILURE_ACCESS_DENIED))
		return false;
	if ((kind->old && c->modern) || (kind->modern && !c->modern))
		return false;
	return failure != FAILURE_ADDRESS_POOL_EMPTY && (asa || by_phone);
}

static enum failure draw(struct sim *sim, struct phone *phone)
{
	uint64_t total = 0, at;
	for (unsigned i = 0; i < N_FAILURES; i++)
		total += fits(sim, phone, i) ? sim->scenario->failures[i] : 0;
	if (total == 0)
		return N_FAILURES;
	at = random_below(&phone->random, (uint32_t)total);
	for (unsigned i = 0;; i++) {
		uint64_t weight = fits(sim, phone, i) ? sim->scenario->failures[i] : 0;
		if (at < weight)
			return i;
		at -= weight;
	}
}

static void plan_healthy(struct sim *sim, struct phone *phone, uint64_t connect_us)
{
	static const enum phone_step steps[] = {PHONE_RESETS, PHONE_BLINKS, PHONE_LEAVES};
	const double shares[] = {sim->scenario->phones.resetting, sim->scenario->phones.blinking,
		sim->scenario->phones.leaving};
	uint64_t left = (sim->end_us - connect_us) / SECOND_US;
	for (unsigned i = 0; i < 3; i++) {
		if (random_chance(&phone->random, shares[i]))
			phone_later(sim, phone, steps[i],
				connect_us + 60 * SECOND_US +
					phone_seconds(phone, 0, (uint32_t)left));
	}
}

void phone_plan(struct sim *sim, struct phone *phone)
{
	const struct scenario *sc = sim->scenario;
	struct random *random = &phone->random;
	uint64_t connect_us = START_US + SECOND_US +
			      (uint64_t)random_below(random, (uint32_t)sc->morning_ms) * 1000;
	uint64_t last_us = sim->end_us - sc->duration_ms * 1000 / 6;
	phone->failure = N_FAILURES;
	if (random_chance(random, sc->phones.failing))
		phone->failure = draw(sim, phone);
	bool unseen = phone->failure != N_FAILURES && !failure_kinds[phone->failure].tunnel_up &&
		      random_chance(random, sc->phones.unseen);
	if (!unseen)
		phone_later(sim, phone, PHONE_CONNECTS, connect_us);
	uint64_t free_us = connect_us + 60 * SECOND_US;
	if (random_chance(random, sc->phones.moving)) {
		phone_later(sim, phone, PHONE_MOVES, free_us + phone_seconds(phone, 0, 60));
		free_us += 120 * SECOND_US;
	}
	if (phone->failure == N_FAILURES) {
		plan_healthy(sim, phone, free_us);
		return;
	}
	uint64_t span = last_us > free_us ? (last_us - free_us) / SECOND_US : 1;
	phone->fail_us = free_us + phone_seconds(phone, 0, (uint32_t)span);
	phone_later(sim, phone, PHONE_FAILS, phone->fail_us);
}
