// SPDX-License-Identifier: BSD-3-Clause
// Something is wrong with a gateway: what it logs of itself, and of those who come meanwhile.
#include "phone.h"

#include <stdlib.h>
#include <string.h>

static bool keeps_out(enum outage outage, const struct client *client)
{
	switch (outage) {
	case OUTAGE_POOL_EMPTY:
	case OUTAGE_REBOOT_PENDING:
	case OUTAGE_LOGGING_BLOCKS:
		return true;
	case OUTAGE_REVOCATION:
	case OUTAGE_CLOCK_WRONG:
		return client == NULL || client->certificate;
	case OUTAGE_AAA_DOWN:
		return client == NULL || !client->certificate;
	default:
		return false;
	}
}

const struct block *outage_block(
	const struct gateway *gateway, uint64_t at_us, const struct client *client)
{
	for (unsigned i = 0; i < N_OUTAGES; i++) {
		const struct block *block = &gateway->block[i];
		if (at_us >= block->from_us && at_us < block->until_us &&
			keeps_out(block->outage, client))
			return block;
	}
	return NULL;
}

// ---- clients that it keeps out ----

static void refuse_certificate(struct script *s, const char *reason, bool chain_only)
{
	struct client *c = s->client;
	tls_hello(s, PROPOSAL_FITS);
	tls_choose(s, c->modern ? "ECDHE-RSA-AES256-GCM-SHA384" : "AES256-SHA");
	tls_ask_certificate(s);
	script_pause(s, 40, 300);
	certificate_shown(s);
	mutter(s, "7-717030: Found a suitable trustpoint CAPF-TRUST to validate certificate.");
	if (!chain_only)
		mutter(s,
			"3-717009: Certificate validation failed. %s, serial number: %s, subject name: %s.",
			reason, c->serial, c->subject);
	mutter(s, "3-717027: Certificate chain failed validation. %s.", reason);
	say(s, "6-725006: Device failed SSL handshake with client %s", client_peer(s));
	script_told(s);
	s->flow = 0;
}

static void refuse_login(struct script *s)
{
	struct client *c = s->client;
	tls_connect(s);
	script_pause(s, 3000, 10000);
	say(s, "6-113014: AAA authentication server not accessible : server = 10.1.1.20 : user = %s",
		c->user);
	say(s, "6-113005: AAA user authentication Rejected : reason = AAA failure : server = 10.1.1.20 : user = %s : user IP = %s",
		s->gateway->hidden ? "*****" : c->user, c->address);
	say(s, "6-716039: Group <DfltGrpPolicy> User <%s> IP <%s> Authentication: rejected, Session Type: WebVPN.",
		s->gateway->hidden ? "*****" : c->user, c->address);
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
}

enum failure outage_attempt(struct script *s, enum outage outage)
{
	switch (outage) {
	case OUTAGE_POOL_EMPTY:
		attempt(s, FAILURE_ADDRESS_POOL_EMPTY);
		return FAILURE_ADDRESS_POOL_EMPTY;
	case OUTAGE_REVOCATION:
		refuse_certificate(s, "Revocation status check failed", true);
		return FAILURE_CLIENT_CERT_REJECTED;
	case OUTAGE_CLOCK_WRONG:
		refuse_certificate(s, "Certificate is not yet valid", false);
		return FAILURE_CLIENT_CERT_REJECTED;
	case OUTAGE_AAA_DOWN:
		refuse_login(s);
		return FAILURE_AUTH_REJECTED;
	case OUTAGE_REBOOT_PENDING:
		tls_connect(s);
		script_pause(s, 50, 300);
		say(s, "6-113037: Reboot pending, new sessions disabled. Denied user login.");
		script_told(s);
		script_pause(s, 1, 40);
		tls_close(s);
		return N_FAILURES;
	default:
		return N_FAILURES;
	}
}

// ---- the gateway itself ----

#define OUTAGE_S 280
#define SETTLE_S 15 // nobody begins an attempt so shortly before it is over

static void log_begin(struct script *s, enum outage outage)
{
	const struct gateway *g = s->gateway;
	switch (outage) {
	case OUTAGE_CERT_EXPIRING:
		say(s, "1-717054: The ID certificate in the trustpoint %s is due to expire in %u days. Expiration 10:00:00 UTC Dec 20 2026 Subject Name cn=%s.example.net Issuer Name cn=Example CA Serial Number 5F",
			g->trustpoint, random_between(s->random, 1, 30), g->name[0]);
		break;
	case OUTAGE_CERT_EXPIRED:
		say(s, "1-717055: The ID certificate in the trustpoint %s-OLD has expired. Expiration 10:00:00 UTC Nov 20 2026 Subject Name cn=%s.example.net Issuer Name cn=Example CA Serial Number 5E",
			g->trustpoint, g->name[0]);
		break;
	case OUTAGE_AAA_DOWN:
		say(s, "6-113014: AAA authentication server not accessible : server = 10.1.1.20 : user = jdoe");
		script_pause(s, 500, 3000);
		say(s, "2-113022: AAA Marking RADIUS server 10.1.1.20 in aaa-server group ISE as FAILED");
		break;
	case OUTAGE_REVOCATION:
		say(s, "3-717032: OCSP status check failed. Reason: Failed to receive response from server.");
		break;
	case OUTAGE_REBOOT_PENDING:
		say(s, "6-113037: Reboot pending, new sessions disabled. Denied user login.");
		break;
	case OUTAGE_HANDSHAKE_STORM:
		say(s, "6-725025: SSL Pre-auth connection rate limit hit high watermark");
		break;
	case OUTAGE_LOGGING_BLOCKS:
		say(s, "3-201008: Disallowing new connections.");
		break;
	case OUTAGE_CLOCK_WRONG:
	case OUTAGE_POOL_EMPTY:
	case N_OUTAGES:
		break; // those who come are told so
	}
}

static void log_end(struct script *s, enum outage outage)
{
	switch (outage) {
	case OUTAGE_AAA_DOWN:
		say(s, "2-113023: AAA Marking RADIUS server 10.1.1.20 in aaa-server group ISE as ACTIVE");
		break;
	case OUTAGE_REVOCATION:
		say(s, "6-717033: OCSP response received.");
		break;
	case OUTAGE_REBOOT_PENDING:
		say(s, "6-199002: Startup completed. Beginning operation.");
		break;
	case OUTAGE_HANDSHAKE_STORM:
		say(s, "6-725025: SSL Pre-auth connection rate limit hit low watermark");
		break;
	case OUTAGE_LOGGING_BLOCKS:
		say(s, "6-414007: TCP Syslog Server connection restored. New connections are allowed.");
		break;
	default:
		break;
	}
}

// Some phones of the gateway come anew while it lasts.
static unsigned bring_phones(struct sim *sim, struct gateway *gateway, enum outage outage)
{
	unsigned n = 0;
	uint32_t first = random_below(&gateway->random, gateway->n_phones);
	for (unsigned i = 0; i < gateway->n_phones && n < 6; i++) {
		struct phone *phone =
			&sim->phones[gateway->phones[(first + i) % gateway->n_phones]];
		if (!phone->connected || phone->failure != N_FAILURES || phone->waits ||
			!keeps_out(outage, &phone->client))
			continue;
		n++;
		queue_put(&sim->queue,
			(struct happening){
				.at_us = sim->now_us +
					 random_between(&gateway->random, 2, 150) * SECOND_US,
				.kind = HAPPENING_PHONE,
				.number = phone->number,
				.step = PHONE_RESETS});
	}
	return n;
}

static const char *confidence_of(enum outage outage)
{
	return outage == OUTAGE_CLOCK_WRONG ? "probable" : "confirmed";
}

void outage_happens(struct sim *sim, struct gateway *gateway, enum outage outage, bool over)
{
	struct client nobody = {.device = NULL};
	struct script s = script_begin(sim, gateway, &nobody, &gateway->random, sim->now_us);
	if (over) {
		log_end(&s, outage);
		script_end(&s);
		return;
	}
	log_begin(&s, outage);
	script_end(&s);
	if (keeps_out(outage, NULL) && outage != OUTAGE_LOGGING_BLOCKS)
		bring_phones(sim, gateway, outage);
	bool ends = outage != OUTAGE_CERT_EXPIRING && outage != OUTAGE_CERT_EXPIRED;
	struct truth truth = {.diagnosis = outage_names[outage],
		.confidence = confidence_of(outage),
		.asa = true,
		.first_us = sim->now_us,
		.needed_us = s.at_us,
		.last_us = ends ? sim->now_us + OUTAGE_S * SECOND_US : s.at_us,
		.recovered_us = ends ? sim->now_us + OUTAGE_S * SECOND_US : 0,
		// over with the next client that gets what it wants
		.unclear = outage == OUTAGE_CLOCK_WRONG || outage == OUTAGE_POOL_EMPTY ||
			   outage == OUTAGE_REVOCATION};
	truth_write(sim->truths, &truth, NULL, gateway);
	sim->n_planted++;
}

static void plan_one(struct sim *sim, unsigned gateway, enum outage outage, uint64_t at_us)
{
	struct gateway *g = &sim->gateways[gateway];
	g->block[outage] = (struct block){outage, at_us, at_us + (OUTAGE_S - SETTLE_S) * SECOND_US};
	for (unsigned over = 0; over < 2; over++)
		queue_put(&sim->queue,
			(struct happening){.at_us = at_us + SECOND_US * OUTAGE_S * over,
				.kind = HAPPENING_OUTAGE,
				.number = gateway,
				.step = outage * 2u + over});
}

// One after the other around the fleet, so that no gateway has two of them at once.
void outage_plan(struct sim *sim)
{
	const struct scenario *sc = sim->scenario;
	struct random random = random_of(sim->seed, ACTOR_FLEET, 2);
	unsigned n = (unsigned)sc->gateways.count, at = random_below(&random, n);
	unsigned total = 0, done = 0;
	for (unsigned i = 0; i < N_OUTAGES; i++)
		total += (unsigned)sc->outages[i];
	uint64_t from_us = START_US + sc->morning_ms * 700,
		 until_us = sim->end_us - 600 * SECOND_US;
	unsigned rounds = (total + n - 1) / n;
	uint64_t room_us = rounds && until_us > from_us ? (until_us - from_us) / rounds : 0;
	for (unsigned i = 0; i < N_OUTAGES; i++) {
		for (unsigned k = 0; k < sc->outages[i]; k++, done++, at++) {
			uint64_t slack = room_us > (OUTAGE_S + 60) * SECOND_US
						 ? room_us - (OUTAGE_S + 60) * SECOND_US
						 : 0;
			plan_one(sim, at % n, (enum outage)i,
				from_us + done / n * room_us +
					random_below(&random, (uint32_t)(slack / 1000)) * 1000ull);
		}
	}
}
