// SPDX-License-Identifier: BSD-3-Clause
#include "phone.h"

#include <stdlib.h>
#include <string.h>

static struct gateway *gateway_of(const struct sim *sim, const struct phone *phone)
{
	return &sim->gateways[phone->gateway];
}

void phone_later(struct sim *sim, const struct phone *phone, enum phone_step step, uint64_t at_us)
{
	if (at_us < sim->end_us)
		queue_put(&sim->queue, (struct happening){.at_us = at_us,
					       .kind = HAPPENING_PHONE,
					       .number = phone->number,
					       .step = step});
}

uint64_t phone_seconds(struct phone *phone, uint32_t low, uint32_t high)
{
	return random_between(&phone->random, low, high) * SECOND_US +
	       random_below(&phone->random, 1000000);
}

// ---- addresses of the tunnel ----

static void take_inner(struct sim *sim, struct phone *phone)
{
	struct gateway *gateway = gateway_of(sim, phone);
	struct rest *first = &gateway->rest[gateway->rest_first % gateway->rest_size];
	if (phone->client.inner[0])
		return;
	if (gateway->n_rest &&
		sim->now_us >= first->since_us + sim->scenario->lines.pool_rest_ms * 1000) {
		phone->inner = first->inner;
		gateway->rest_first++;
		gateway->n_rest--;
	} else {
		phone->inner = ++gateway->n_inner;
	}
	snprintf(phone->client.inner, sizeof(phone->client.inner), "10.%u.%u.%u",
		20 + gateway->number % 100, phone->inner >> 8, phone->inner & 255);
}

static void give_inner(struct sim *sim, struct phone *phone, uint64_t at_us)
{
	struct gateway *gateway = gateway_of(sim, phone);
	if (phone->client.inner[0] == '\0')
		return;
	phone->client.inner[0] = '\0';
	if (gateway->n_rest == gateway->rest_size)
		return; // it is never given again
	gateway->rest[(gateway->rest_first + gateway->n_rest++) % gateway->rest_size] =
		(struct rest){phone->inner, at_us};
}

// ---- truth ----

// Of one that has never been let in, gives no name now and sends no log, nobody knows that it is a
// phone; nor of a name that is typed and refused.
static const char *confidence_of(const struct phone *phone, enum failure failure)
{
	bool named = !failure_kinds[failure].nameless && failure != FAILURE_AUTH_REJECTED;
	bool told = console_tells(phone, failure) && phone->console != CONSOLE_LATER;
	return phone->tied || named || told ? failure_kinds[failure].alone : "suspected";
}

static void truth_begin(struct phone *phone, enum failure failure, uint64_t first_us)
{
	if (phone->truth.diagnosis)
		return;
	const struct failure_kind *kind = &failure_kinds[failure];
	phone->failing = failure;
	phone->truth = (struct truth){.diagnosis = failure_names[failure],
		.confidence = confidence_of(phone, failure),
		.first_us = first_us,
		.asa = kind->by_asa,
		.ambiguous = phone->site != 0 || kind->nameless,
		// of several phones at one address nobody knows which it was that failed
		.unclear = phone->site != 0 && kind->nameless};
}

static void truth_end(struct sim *sim, struct phone *phone)
{
	if (phone->truth.diagnosis == NULL)
		return;
	// Its own side is told too, once it is connected again.
	if (phone->console == CONSOLE_LATER && console_tells(phone, phone->failing)) {
		phone->truth.phone = true;
		if (phone->truth.asa)
			phone->truth.confidence = "confirmed";
	}
	truth_write(sim->truths, &phone->truth, &phone->client, gateway_of(sim, phone));
	phone->truth.diagnosis = NULL;
	sim->n_planted++;
}

// ---- steps ----

static void send_unsent(struct sim *sim, struct phone *phone, uint64_t at_us)
{
	at_us += phone_seconds(phone, 3, 40);
	for (unsigned i = 0; i < phone->n_unsent; i++) {
		console_tell(sim, phone, phone->unsent, phone->unsent_us[i], at_us);
		at_us += 200000;
	}
	phone->n_unsent = 0;
}

static void connects_later(struct sim *sim, struct phone *phone, uint64_t at_us)
{
	phone->waits = true;
	phone_later(sim, phone, PHONE_CONNECTS, at_us);
}

static void connects(struct sim *sim, struct phone *phone)
{
	struct gateway *gateway = gateway_of(sim, phone);
	phone->waits = false;
	if (phone->connected)
		return;
	struct script s = script_begin(sim, gateway, &phone->client, &phone->random, sim->now_us);
	const struct block *block = outage_block(gateway, sim->now_us, &phone->client);
	if (block && block->outage == OUTAGE_LOGGING_BLOCKS) {
		connects_later(sim, phone, block->until_us + phone_seconds(phone, 5, 60));
		return;
	}
	if (block) {
		enum failure failure = outage_attempt(&s, block->outage);
		script_end(&s);
		if (failure != N_FAILURES) {
			truth_begin(phone, failure, sim->now_us);
			if (phone->truth.needed_us == 0)
				phone->truth.needed_us = s.needed_us;
			phone->truth.last_us = s.at_us;
			phone->truth.optional |= block->outage == OUTAGE_CLOCK_WRONG;
		}
		connects_later(sim, phone, block->until_us + phone_seconds(phone, 5, 60));
		return;
	}
	take_inner(sim, phone);
	tls_connect(&s);
	login(&s);
	uint64_t up_us = tunnel(&s, true);
	script_end(&s);
	phone->connected = phone->tied = true;
	if (phone->truth.diagnosis) {
		// now it is known who it was
		if (strcmp(phone->truth.confidence, "suspected") == 0)
			phone->truth.confidence = failure_kinds[phone->failing].alone;
		if (phone->truth.recovered_us == 0)
			phone->truth.recovered_us = up_us;
		truth_end(sim, phone);
	}
	if (phone->n_unsent)
		send_unsent(sim, phone, s.at_us);
	else if (phone->console != CONSOLE_NONE)
		console_tell_health(sim, phone, s.at_us + phone_seconds(phone, 1, 8));
}

static void ends(struct sim *sim, struct phone *phone, struct script *s, const char *reason)
{
	(void)sim;
	session_end(s, reason);
	script_pause(s, 500, 4000);
	phone->connected = false;
}

// Another client takes the place of one that sleeps.
static void makes_room(struct script *s)
{
	const struct client *c = s->client;
	say(s, "6-716058: Group <%s> User <%s> IP <%s> AnyConnect session lost connection. Waiting to resume.",
		c->tunnel_group, c->user, c->address);
	script_pause(s, 30000, 200000);
	say(s, "6-716060: Group <%s> User <%s> IP <%s> Terminated AnyConnect session in inactive state to accept a new connection: License limit reached.",
		c->policy, c->user, c->address);
	script_told(s);
	script_pause(s, 1, 20);
}

static void console_of(struct sim *sim, struct phone *phone, enum failure failure, uint64_t at_us)
{
	uint64_t sent_us = at_us + random_between(&phone->random, 20000, 500000);
	if (phone->console == CONSOLE_NONE)
		return;
	if (phone->console != CONSOLE_LATER || failure_kinds[failure].tunnel_up) {
		console_tell(sim, phone, failure, at_us, sent_us);
		phone->truth.phone = failure_kinds[failure].by_phone;
		return;
	}
	phone->unsent = failure;
	if (phone->n_unsent < ATTEMPTS_MAX)
		phone->unsent_us[phone->n_unsent++] = at_us;
}

static unsigned attempts_of(struct phone *phone, enum failure failure)
{
	if (failure == FAILURE_TUNNEL_FLAPPING || failure == FAILURE_MTU_TOO_BIG ||
		failure == FAILURE_CLIENT_SHUNNED || failure == FAILURE_DTLS_BLOCKED)
		return 1;
	return random_between(
		&phone->random, failure == FAILURE_LOAD_BALANCING_REDIRECT ? 2 : 1, ATTEMPTS_MAX);
}

static void after(struct sim *sim, struct phone *phone)
{
	enum failure failure = phone->failure;
	if (failure == FAILURE_TUNNEL_FLAPPING || failure == FAILURE_MTU_TOO_BIG) {
		uint64_t quiet_us = phone->truth.last_us + 600 * SECOND_US;
		phone->truth.unclear |= failure == FAILURE_MTU_TOO_BIG ||
					(quiet_us + 120 * SECOND_US > sim->end_us &&
						quiet_us < sim->end_us + 120 * SECOND_US);
		phone->truth.recovered_us = quiet_us < sim->end_us ? quiet_us : 0;
		truth_end(sim, phone);
		return;
	}
	uint64_t recovery_us = phone->truth.last_us + phone_seconds(phone, 70, 600);
	if (random_chance(&phone->random, sim->scenario->phones.recovering) &&
		recovery_us + 60 * SECOND_US < sim->end_us)
		phone_later(sim, phone, PHONE_RECOVERS, recovery_us);
	else
		truth_end(sim, phone);
}

// Its log names the device, and the gateway the user: nobody can tell that they are one.
static void only_device(struct sim *sim, const struct phone *phone, enum failure failure)
{
	struct truth truth = phone->truth;
	struct client client = phone->client;
	client.address[0] = '\0';
	truth.diagnosis = failure_names[failure];
	truth.optional = truth.phone = true;
	truth.asa = false;
	truth_write(sim->truths, &truth, &client, gateway_of(sim, phone));
}

static void fails(struct sim *sim, struct phone *phone)
{
	enum failure failure = phone->failure;
	const struct failure_kind *kind = &failure_kinds[failure];
	struct gateway *gateway = gateway_of(sim, phone);
	struct script s = script_begin(sim, gateway, &phone->client, &phone->random, sim->now_us);
	if (phone->waits || outage_block(gateway, sim->now_us, &phone->client)) {
		phone_later(sim, phone, PHONE_FAILS, sim->now_us + phone_seconds(phone, 60, 120));
		return;
	}
	if (kind->tunnel_up && !phone->connected && failure != FAILURE_DTLS_BLOCKED)
		return; // an outage has kept it out
	bool room = failure == FAILURE_SESSION_LIMIT_REACHED && phone->connected &&
		    variant_of(&phone->client, 4) == 0;
	bool keeps = failure == FAILURE_DTLS_BLOCKED || failure == FAILURE_ECDSA_CERT_PRESENTED;
	if (phone->connected && !room && (!kind->tunnel_up || keeps))
		ends(sim, phone, &s, "User Requested");
	if (keeps)
		take_inner(sim, phone);
	truth_begin(phone, failure, s.at_us);
	unsigned n = room ? 1 : attempts_of(phone, failure);
	for (unsigned i = 0; i < n; i++) {
		if (room)
			makes_room(&s);
		else
			attempt(&s, failure);
		if (i == 0)
			phone->truth.needed_us = s.needed_us;
		phone->truth.last_us = s.at_us;
		if (failure == FAILURE_DTLS_BLOCKED)
			phone->connected = true;
		console_of(sim, phone, failure, s.needed_us);
		if (i + 1 < n)
			script_pause(&s, 20000, 90000);
	}
	script_end(&s);
	if (room)
		phone->connected = false;
	if (kind->by_phone && phone->truth.phone && kind->by_asa)
		phone->truth.confidence = kind->both;
	if (kind->debugging && gateway->quiet)
		phone->truth.asa = false;
	if (!phone->client.certificate && phone->console == CONSOLE_RELAY) {
		if (failure == FAILURE_VPN_FILTER_BLOCKED)
			only_device(sim, phone, FAILURE_TFTP_UNREACHABLE);
		if (failure == FAILURE_ECDSA_CERT_PRESENTED)
			only_device(sim, phone, FAILURE_CERT_HASH_MISMATCH);
		// what its log alone tells can only recover by its log
		phone->truth.unclear |= kind->by_phone && failure != FAILURE_TFTP_UNREACHABLE &&
					failure != FAILURE_TVS_UNREACHABLE;
	}
	if (!phone->connected)
		give_inner(sim, phone, s.at_us);
	after(sim, phone);
}

static void inner_connection(struct sim *sim, struct phone *phone, uint64_t at_us)
{
	struct client *c = &phone->client;
	struct script s = script_begin(sim, gateway_of(sim, phone), c, &phone->random, at_us);
	unsigned port = random_between(&phone->random, 49152, 65000);
	say(&s, "6-302013: Built inbound TCP connection %u for outside:%s/%u (%s/%u)(LOCAL\\%s) to inside:10.1.1.10/2000 (10.1.1.10/2000) (%s)",
		++s.gateway->connection, c->inner, port, c->inner, port, c->user, c->user);
	script_end(&s);
}

static void recovers(struct sim *sim, struct phone *phone)
{
	struct gateway *gateway = gateway_of(sim, phone);
	struct script s = script_begin(sim, gateway, &phone->client, &phone->random, sim->now_us);
	// What comes of an outage is not to be mixed up with it.
	if (outage_block(gateway, sim->now_us, &phone->client) ||
		outage_block(gateway, sim->now_us + 15 * SECOND_US, &phone->client)) {
		phone_later(
			sim, phone, PHONE_RECOVERS, sim->now_us + phone_seconds(phone, 60, 120));
		return;
	}
	switch (phone->failure) {
	case FAILURE_VPN_FILTER_BLOCKED:
		phone->truth.recovered_us = sim->now_us;
		inner_connection(sim, phone, sim->now_us);
		truth_end(sim, phone);
		return;
	case FAILURE_TFTP_UNREACHABLE:
	case FAILURE_TVS_UNREACHABLE:
		phone->truth.recovered_us = sim->now_us;
		console_tell_recovery(sim, phone, phone->failure, sim->now_us);
		truth_end(sim, phone);
		return;
	case FAILURE_DTLS_BLOCKED:
		ends(sim, phone, &s, "User Requested");
		script_end(&s);
		phone->truth.recovered_us = 0;
		connects_later(sim, phone, s.at_us + phone_seconds(phone, 1, 4));
		return;
	case FAILURE_CLIENT_SHUNNED:
		say(&s, "4-733103: Threat-detection removes host %s from shun list",
			phone->client.address);
		script_end(&s);
		phone->truth.recovered_us = sim->now_us;
		connects_later(sim, phone, sim->now_us + phone_seconds(phone, 1, 4));
		return;
	default:
		connects(sim, phone);
	}
}

static void resets(struct sim *sim, struct phone *phone)
{
	struct script s = script_begin(
		sim, gateway_of(sim, phone), &phone->client, &phone->random, sim->now_us);
	if (!phone->connected || phone->truth.diagnosis)
		return;
	ends(sim, phone, &s, "User Requested");
	script_end(&s);
	give_inner(sim, phone, s.at_us);
	connects_later(sim, phone, s.at_us + phone_seconds(phone, 5, 60));
}

static void leaves(struct sim *sim, struct phone *phone)
{
	struct script s = script_begin(
		sim, gateway_of(sim, phone), &phone->client, &phone->random, sim->now_us);
	if (!phone->connected || phone->truth.diagnosis)
		return;
	ends(sim, phone, &s, "Idle Timeout");
	script_end(&s);
	give_inner(sim, phone, s.at_us);
}

// The line drops, and the session goes on: from where it was, or from another address.
static void blinks(struct sim *sim, struct phone *phone, bool moves)
{
	struct client *c = &phone->client;
	struct script s = script_begin(sim, gateway_of(sim, phone), c, &phone->random, sim->now_us);
	if (!phone->connected || phone->truth.diagnosis)
		return;
	char old[ADDRESS_TEXT];
	snprintf(old, sizeof(old), "%s", c->address);
	say(&s, "5-722037: Group <%s> User <%s> IP <%s> SVC closing connection: DPD failure.",
		c->policy, c->user, old);
	say(&s, "6-722023: Group <%s> User <%s> IP <%s> UDP SVC connection terminated without compression",
		c->policy, c->user, old);
	script_pause(&s, 100, 2000);
	say(&s, "6-716058: Group <%s> User <%s> IP <%s> AnyConnect session lost connection. Waiting to resume.",
		c->tunnel_group, c->user, old);
	script_pause(&s, 3000, 20000);
	if (moves)
		snprintf(c->address, sizeof(c->address), "198.19.%u.%u", phone->number >> 8 & 255,
			phone->number & 255);
	say(&s, "6-716059: Group <%s> User <%s> IP <%s> AnyConnect session resumed connection from IP <%s>.",
		c->tunnel_group, c->user, old, c->address);
	say(&s, "5-722032: Group <%s> User <%s> IP <%s> New TCP SVC connection replacing old connection.",
		c->policy, c->user, c->address);
	script_pause(&s, 200, 1500);
	say(&s, "5-722032: Group <%s> User <%s> IP <%s> New UDP SVC connection replacing old connection.",
		c->policy, c->user, c->address);
	script_end(&s);
}

void phone_close(struct sim *sim, struct phone *phone)
{
	if (phone->truth.recovered_us == 0 || phone->truth.recovered_us >= sim->end_us)
		phone->truth.recovered_us = 0;
	truth_end(sim, phone);
}

void phone_step(struct sim *sim, struct phone *phone, enum phone_step step)
{
	switch (step) {
	case PHONE_CONNECTS:
		connects(sim, phone);
		break;
	case PHONE_FAILS:
		fails(sim, phone);
		break;
	case PHONE_RECOVERS:
		recovers(sim, phone);
		break;
	case PHONE_RESETS:
		resets(sim, phone);
		break;
	case PHONE_BLINKS:
	case PHONE_MOVES:
		blinks(sim, phone, step == PHONE_MOVES);
		break;
	case PHONE_LEAVES:
		leaves(sim, phone);
		break;
	}
}
