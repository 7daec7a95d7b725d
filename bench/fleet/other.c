// SPDX-License-Identifier: BSD-3-Clause
// Who else comes: PCs and mobiles, most of them well and some failing in the same ways as phones,
// and the scanners of the internet.
#include "phone.h"

#include <stdlib.h>
#include <string.h>

enum other_step { OTHER_CONNECTS, OTHER_RECOVERS, OTHER_LEAVES, OTHER_SCANS };

static void later(struct sim *sim, uint32_t number, uint32_t step, uint64_t at_us)
{
	if (at_us < sim->end_us)
		queue_put(&sim->queue, (struct happening){.at_us = at_us,
					       .kind = HAPPENING_OTHER,
					       .number = number,
					       .step = step});
}

// ---- PCs and mobiles ----

static bool is_mobile(const struct sim *sim, uint32_t number)
{
	return number >= sim->scenario->others.pcs;
}

// At the address of a phone that is alone there.
static bool put_at_home(struct sim *sim, struct random *random, struct client *client)
{
	const struct scenario *sc = sim->scenario;
	if (sc->phones.count == 0 || !random_chance(random, sc->others.at_home))
		return false;
	const struct phone *phone = &sim->phones[random_below(random, (uint32_t)sc->phones.count)];
	// of several, or where nobody is let through
	if (phone->site || phone->failure == FAILURE_CLIENT_SHUNNED ||
		phone->failure == FAILURE_ACCESS_DENIED)
		return false;
	snprintf(client->address, sizeof(client->address), "%s", phone->client.address);
	client->outer_shared = true;
	return true;
}

static struct client make_client(struct sim *sim, uint32_t number, struct random *random)
{
	static const char *const agents[] = {"Cisco AnyConnect VPN Agent for Windows 4.10.07073",
		"Cisco AnyConnect VPN Agent for Mac OS X 4.10.06090",
		"AnyConnect Windows 5.0.02075"};
	bool mobile = is_mobile(sim, number);
	struct client c = {.modern = true,
		.tunnel_group = mobile ? "Mobiles" : "Employees",
		.policy = mobile ? "GroupPolicy_Mobiles" : "GroupPolicy_Employees",
		.agent = mobile ? "Cisco AnyConnect VPN Agent for Apple iPhone 4.10.05096"
				: agents[random_below(random, 3)],
		.certificate = random_chance(random, 0.4),
		.variant = (uint32_t)random_next(random)};
	if (!put_at_home(sim, random, &c)) {
		if (mobile && random_chance(random, 0.3))
			snprintf(c.address, sizeof(c.address), "2001:db8:%x:%x::5",
				0x1000 + (number >> 16), (number & 0xffff) | 1);
		else
			snprintf(c.address, sizeof(c.address), "100.%u.%u.%u", 64 + (number >> 16),
				number >> 8 & 255, number & 255);
	}
	switch (random_below(random, 4)) {
	case 0:
		snprintf(c.user, sizeof(c.user), "CORP\\u%06u", number);
		break;
	case 1:
		snprintf(c.user, sizeof(c.user), "first.o'last%u@example.com", number);
		break;
	case 2:
		snprintf(c.user, sizeof(c.user), "user %u;test", number);
		break;
	default:
		snprintf(c.user, sizeof(c.user), "jdoe%u", number);
	}
	snprintf(c.subject, sizeof(c.subject), "cn=%s,ou=Laptops,o=Example", c.user);
	snprintf(c.issuer, sizeof(c.issuer), "cn=Example Issuing CA 2,o=Example");
	snprintf(c.serial, sizeof(c.serial), "5A%010X", number);
	c.port = (uint16_t)random_between(random, 49152, 60000);
	snprintf(c.inner, sizeof(c.inner), "10.%u.%u.%u", 128 + (number >> 16), number >> 8 & 255,
		number & 255);
	return c;
}

static bool can_fail(const struct sim *sim, const struct client *c, const struct gateway *gateway,
	enum failure failure)
{
	const struct failure_kind *kind = &failure_kinds[failure];
	return kind->pcs && sim->scenario->failures[failure] &&
	       failure != FAILURE_ADDRESS_POOL_EMPTY && !(kind->certificate && !c->certificate) &&
	       !(kind->typed && c->certificate) && !(kind->debugging && gateway->quiet);
}

static void write_truth(struct sim *sim, const struct client *c, const struct gateway *gateway,
	enum failure failure, const struct script *s, uint64_t first_us)
{
	struct truth truth = {.diagnosis = failure_names[failure],
		.confidence = "suspected",
		.first_us = first_us,
		.needed_us = s->needed_us,
		.last_us = s->at_us,
		.asa = true,
		.ambiguous = true,
		.unclear = true,
		.undecidable = c->outer_shared &&
			       (failure_kinds[failure].nameless ||
				       (failure == FAILURE_AUTH_REJECTED && gateway->hidden))};
	truth_write(sim->truths, &truth, c, gateway);
}

static void fails(struct sim *sim, struct script *s, struct random *random)
{
	const struct client *c = s->client;
	enum failure failure = random_below(random, N_FAILURES);
	for (unsigned i = 0; !can_fail(sim, c, s->gateway, failure); i++) {
		if (i == 200)
			return;
		failure = random_below(random, N_FAILURES);
	}
	if (failure_kinds[failure].tunnel_up && failure != FAILURE_DTLS_BLOCKED) {
		tls_connect(s);
		login(s);
		tunnel(s, true);
	}
	uint64_t first_us = s->at_us, needed_us = 0;
	unsigned n = failure_kinds[failure].tunnel_up ? 1 : random_between(random, 1, 3);
	for (unsigned i = 0; i < n; i++) {
		attempt(s, failure);
		needed_us = needed_us ? needed_us : s->needed_us;
		if (i + 1 < n)
			script_pause(s, 10000, 60000);
	}
	s->needed_us = needed_us;
	write_truth(sim, c, s->gateway, failure, s, first_us);
}

static void connects(
	struct sim *sim, uint32_t number, uint32_t step, struct random *random, struct script *s)
{
	const struct block *block = outage_block(s->gateway, sim->now_us, s->client);
	if (block && block->outage != OUTAGE_LOGGING_BLOCKS) {
		enum failure failure = outage_attempt(s, block->outage);
		if (failure != N_FAILURES)
			write_truth(sim, s->client, s->gateway, failure, s, sim->now_us);
	}
	if (block) {
		later(sim, number, step,
			block->until_us + random_between(random, 5, 200) * SECOND_US);
		return;
	}
	if (step == OTHER_CONNECTS && random_chance(random, sim->scenario->others.failing)) {
		fails(sim, s, random);
		if (random_chance(random, sim->scenario->others.recovering))
			later(sim, number, OTHER_RECOVERS,
				s->at_us + random_between(random, 20, 200) * SECOND_US);
		return;
	}
	tls_connect(s);
	login(s);
	tunnel(s, true);
	later(sim, number, OTHER_LEAVES, s->at_us + random_between(random, 300, 5000) * SECOND_US);
}

// ---- scanners ----

static void scan_refused(struct script *s, struct random *random)
{
	static const char *const reasons[] = {"sslv3 alert handshake failure", "unknown protocol",
		"http request", "wrong version number", "unsupported protocol",
		"tlsv1 alert unknown ca", "sslv3 alert certificate unknown", "no shared cipher",
		"tlsv1 alert protocol version", "bad signature"};
	tls_hello(s, random_chance(random, 0.2) ? PROPOSAL_EC_ONLY : PROPOSAL_FITS);
	if (random_chance(random, 0.5)) {
		tls_choose(s, "ECDHE-RSA-AES128-GCM-SHA256");
		script_pause(s, 20, 200);
	}
	tls_fail(s, "ssl3_get_record", reasons[random_below(random, 10)]);
}

static void scan_stalls(struct script *s, struct random *random)
{
	uint32_t stall_ms = (uint32_t)s->sim->scenario->scanners.stall_ms;
	tls_hello(s, PROPOSAL_FITS);
	if (random_chance(random, 0.5))
		tls_choose(s, "ECDHE-RSA-AES128-GCM-SHA256");
	script_pause(s, stall_ms / 2, stall_ms);
	if (random_chance(random, 0.5))
		say(s, "6-725006: Device failed SSL handshake with client %s", client_peer(s));
	say(s, "6-302014: Teardown TCP connection %u for outside:%s/%u to identity:%s/443 duration 0:04:00 bytes 0 SYN Timeout",
		s->connection, s->client->address, s->client->port, client_target(s));
	s->flow = 0;
}

static void scan_logs_in(struct script *s)
{
	tls_connect(s);
	script_pause(s, 100, 900);
	say(s, "6-113005: AAA user authentication Rejected : reason = Invalid password : server = 10.1.1.20 : user = *****%s%s",
		s->gateway->old ? "" : " : user IP = ", s->gateway->old ? "" : s->client->address);
	say(s, "6-716039: Group <DfltGrpPolicy> User <*****> IP <%s> Authentication: rejected, Session Type: WebVPN.",
		s->client->address);
	tls_close(s);
}

static void scans(struct sim *sim, uint32_t number, struct random *random, struct script *s)
{
	const struct scenario *sc = sim->scenario;
	if (outage_block(s->gateway, sim->now_us, NULL))
		return;
	if (random_chance(random, sc->scanners.shunned)) {
		attempt(s, FAILURE_CLIENT_SHUNNED);
	} else if (random_chance(random, sc->scanners.stalled)) {
		scan_stalls(s, random);
	} else if (random_chance(random, 0.05)) {
		attempt(s, FAILURE_ACCESS_DENIED);
	} else if (random_chance(random, 0.1)) {
		scan_logs_in(s);
	} else if (random_chance(random, 0.2)) {
		tls_connect(s);
		script_pause(s, 100, 3000);
		tls_close(s);
	} else {
		scan_refused(s, random);
	}
	(void)number;
}

static struct client make_scanner(const struct sim *sim, uint32_t number, struct random *random)
{
	uint32_t n = number - (uint32_t)(sim->scenario->others.pcs + sim->scenario->others.mobiles);
	struct client c = {.modern = true,
		.tunnel_group = "DefaultWEBVPNGroup",
		.policy = "DfltGrpPolicy",
		.variant = (uint32_t)random_next(random)};
	snprintf(c.address, sizeof(c.address), "100.%u.%u.%u", 96 + (n >> 16), n >> 8 & 255,
		n & 255);
	snprintf(c.user, sizeof(c.user), "*****");
	return c;
}

// ---- both ----

static uint32_t clients_of(const struct sim *sim)
{
	return (uint32_t)(sim->scenario->others.pcs + sim->scenario->others.mobiles);
}

void other_plan(struct sim *sim)
{
	const struct scenario *sc = sim->scenario;
	uint32_t n_clients = clients_of(sim), duration_ms = (uint32_t)sc->duration_ms;
	for (uint32_t i = 0; i < n_clients + sc->scanners.count; i++) {
		struct random random =
			random_of(sim->seed, ACTOR_OTHER, (uint64_t)i << 20 | 0xfffff);
		uint64_t n = i < n_clients ? 1 : sc->scanners.handshakes;
		for (uint64_t k = 0; i < n_clients && k < n; k++)
			later(sim, i, OTHER_CONNECTS,
				START_US + (uint64_t)random_below(&random, duration_ms) * 1000);
		// each scanner scans on from its first time
		if (i >= n_clients && n)
			later(sim, i, OTHER_SCANS,
				START_US + random_below(&random, (uint32_t)(duration_ms / n + 1)) *
						   1000ull);
	}
}

void other_step(struct sim *sim, uint32_t number, uint32_t step)
{
	const struct scenario *sc = sim->scenario;
	// who it is, and then what it does this time
	struct random who = random_of(sim->seed, ACTOR_OTHER, (uint64_t)number << 20);
	struct random random =
		random_of(sim->seed, ACTOR_OTHER, (uint64_t)number << 20 | (1 + step));
	bool scanner = number >= clients_of(sim);
	struct client client =
		scanner ? make_scanner(sim, number, &who) : make_client(sim, number, &who);
	struct random *dice = scanner ? &random : &who;
	struct gateway *gateway = &sim->gateways[random_below(dice, (uint32_t)sc->gateways.count)];
	if (scanner)
		client.port = (uint16_t)random_between(&random, 49152, 60000);
	struct script s = script_begin(sim, gateway, &client, &random, sim->now_us);
	if (scanner) {
		scans(sim, number, &random, &s);
		uint32_t times = (uint32_t)sc->scanners.handshakes;
		if (step - OTHER_SCANS + 1 < times)
			later(sim, number, step + 1,
				sim->now_us + random_between(&random, 1,
						      (uint32_t)(sc->duration_ms * 2 / times)) *
						      1000ull);
	} else if (step == OTHER_LEAVES) {
		session_end(&s, "User Requested");
	} else {
		connects(sim, number, step, &random, &s);
	}
	script_end(&s);
}
