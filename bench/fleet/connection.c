// SPDX-License-Identifier: BSD-3-Clause
#include "connection.h"

#include <stdlib.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const char *const gateway_ciphers[] = {"ECDHE-RSA-AES256-GCM-SHA384",
	"ECDHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-SHA", "AES256-SHA", "AES128-SHA"};
static const char *const old_gateway_ciphers[] = {"RC4-SHA", "DES-CBC3-SHA"};
static const char *const old_phone_ciphers[] = {"AES256-SHA", "AES128-SHA"};
static const char *const modern_ciphers[] = {"ECDHE-ECDSA-AES256-GCM-SHA384",
	"ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-SHA",
	"AES256-SHA", "AES128-SHA"};
static const char *const ec_ciphers[] = {
	"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"};

const char *client_target(const struct script *s)
{
	return strchr(s->client->address, ':') ? s->gateway->outside6 : s->gateway->outside;
}

const char *client_peer(const struct script *s)
{
	static char text[200];
	int n = snprintf(text, sizeof(text), "outside:%s/%u", s->client->address, s->client->port);
	if (!s->gateway->old)
		snprintf(text + n, sizeof(text) - (size_t)n, " to %s/443", client_target(s));
	return text;
}

static const char *version(const struct script *s)
{
	return s->client->modern && !s->gateway->old ? "TLSv1.2" : "TLSv1";
}

static void list(struct script *s, const char *const *ciphers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mutter(s, "7-725011: Cipher[%zu] : %s", i + 1, ciphers[i]);
}

static void propose(struct script *s, const char *const *ciphers, size_t n)
{
	say(s, "7-725008: SSL client %s proposes the following %zu cipher(s)%s", client_peer(s), n,
		s->gateway->number % 2 ? "." : "");
	list(s, ciphers, n);
}

void tls_hello(struct script *s, enum proposal proposal)
{
	struct client *c = s->client;
	c->port = (uint16_t)(c->port < 49152 || c->port > 65000
				     ? random_between(s->random, 49152, 60000)
				     : c->port + random_between(s->random, 1, 7));
	s->flow = ++s->sim->n_flows;
	s->connection = s->gateway->connection += random_between(s->random, 1, 5);
	say(s, "6-302013: Built inbound TCP connection %u for outside:%s/%u (%s/%u) to identity:%s/443 (%s/443)",
		s->connection, c->address, c->port, c->address, c->port, client_target(s),
		client_target(s));
	script_pause(s, 5, 120);
	say(s, "6-725001: Starting SSL handshake with client %s for %s session%s", client_peer(s),
		s->gateway->old ? "TLS" : version(s), s->gateway->old ? "." : "");
	const char *const *here =
		proposal == PROPOSAL_OLD_ONLY ? old_gateway_ciphers : gateway_ciphers;
	size_t n_here = proposal == PROPOSAL_OLD_ONLY ? N(old_gateway_ciphers) : N(gateway_ciphers);
	mutter(s, "7-725010: Device supports the following %zu cipher(s)%s", n_here,
		s->gateway->number % 2 ? "." : "");
	list(s, here, n_here);
	if (proposal == PROPOSAL_EC_ONLY)
		propose(s, ec_ciphers, N(ec_ciphers));
	else if (c->modern)
		propose(s, modern_ciphers, N(modern_ciphers));
	else
		propose(s, old_phone_ciphers, N(old_phone_ciphers));
}

void tls_choose(struct script *s, const char *cipher)
{
	if (!s->gateway->old && s->gateway->number % 3)
		say(s, "6-725016: Device selects trust-point %s for client %s",
			s->gateway->trustpoint, client_peer(s));
	say(s, "7-725012: Device chooses cipher%s %s for the SSL session with client %s",
		s->gateway->number % 4 == 3 ? "" : " :", cipher, client_peer(s));
}

static const char *usual_cipher(const struct script *s)
{
	return s->client->modern ? "ECDHE-RSA-AES256-GCM-SHA384" : "AES256-SHA";
}

void tls_ask_certificate(struct script *s)
{
	say(s, "6-725004: Device requesting certificate from SSL client %s for authentication",
		client_peer(s));
}

void certificate_shown(struct script *s)
{
	mutter(s, "7-717025: Validating certificate chain containing 1 certificate(s).");
	mutter(s,
		"7-717029: Identified client certificate within certificate chain. serial number: %s, subject name: %s.",
		s->client->serial, s->client->subject);
}

void tls_done(struct script *s)
{
	struct client *c = s->client;
	if (c->certificate) {
		tls_ask_certificate(s);
		script_pause(s, 40, 250);
		certificate_shown(s);
		mutter(s, "7-717030: Found a suitable trustpoint %s to validate certificate.",
			c->is_phone ? "CAPF-TRUST" : "CORP-CA");
		mutter(s,
			"6-717022: Certificate was successfully validated. serial number: %s, subject name: %s.",
			c->serial, c->subject);
		mutter(s,
			"6-717028: Certificate chain was successfully validated with warning, revocation status was not checked.");
	} else {
		script_pause(s, 20, 200);
	}
	say(s,
		s->gateway->old
			? "6-725002: Device completed SSL handshake with client %s"
			: "6-725002: Device completed SSL handshake with client %s for %s session",
		client_peer(s), version(s));
	if (!c->certificate)
		return;
	mutter(s,
		"7-717036: Looking for a tunnel group match based on certificate maps for peer certificate with serial number: %s, subject name: %s, issuer_name: %s.",
		c->serial, c->subject, c->issuer);
	mutter(s,
		"4-717037: Tunnel group search using certificate maps failed for peer certificate: serial number: %s, subject name: %s, issuer_name: %s.",
		c->serial, c->subject, c->issuer);
}

void tls_connect(struct script *s)
{
	tls_hello(s, PROPOSAL_FITS);
	tls_choose(s, usual_cipher(s));
	tls_done(s);
}

static void teardown(struct script *s, const char *how, unsigned bytes)
{
	say(s, "6-302014: Teardown TCP connection %u for outside:%s/%u to identity:%s/443 duration 0:00:%02u bytes %u %s",
		s->connection, s->client->address, s->client->port, client_target(s),
		random_below(s->random, 60), bytes, how);
	s->flow = 0;
}

void tls_fail(struct script *s, const char *function, const char *reason)
{
	mutter(s, "7-725014: SSL lib error. Function: %s Reason: %s", function, reason);
	say(s, "6-725006: Device failed SSL handshake with client %s", client_peer(s));
	script_told(s);
	script_pause(s, 1, 40);
	teardown(s, "TCP Reset-I from outside", 7);
}

void tls_close(struct script *s)
{
	say(s, "6-725007: SSL session with client %s terminated", client_peer(s));
	teardown(s, "TCP FINs from outside", random_between(s->random, 900, 9000));
}

void login_begin(struct script *s)
{
	struct client *c = s->client;
	script_pause(s, 30, 300);
	if (c->certificate) {
		say(s, "5-113024: Group <%s>: Authenticating ssl-client connection from %s with username, %s, from client certificate",
			c->tunnel_group, c->address, c->user);
		mutter(s,
			"7-113028: Extraction of username from VPN client certificate has been requested. [Request %u]",
			random_below(s->random, 9000));
		mutter(s,
			"7-113028: Extraction of username from VPN client certificate has finished successfully. [Request %u]",
			random_below(s->random, 9000));
	} else if (s->gateway->number % 3) {
		say(s, "6-113004: AAA user authentication Successful : server =  10.1.1.20 : user = %s",
			c->user);
	} else {
		say(s, "6-113012: AAA user authentication Successful : local database : user = %s",
			c->user);
	}
}

void login(struct script *s)
{
	struct client *c = s->client;
	login_begin(s);
	say(s, "6-113009: AAA retrieved default group policy (%s) for user = %s", c->policy,
		c->user);
	say(s, "6-113008: AAA transaction status ACCEPT : user = %s", c->user);
	script_pause(s, 2, 30);
	say(s, "6-716038: Group <%s> User <%s> IP <%s> Authentication: successful, Session Type: WebVPN.",
		s->gateway->number % 2 ? "DfltGrpPolicy" : c->policy, c->user, c->address);
	script_pause(s, 2, 30);
	say(s, "7-734003: DAP: User %s, Addr %s: Session Attribute aaa.cisco.grouppolicy = %s",
		c->user, c->address, c->policy);
	say(s, "6-734001: DAP: User %s, Addr %s, Connection AnyConnect: The following DAP records were selected for this connection: %s",
		c->user, c->address, s->gateway->number % 2 ? "DfltAccessPolicy" : "Phones");
	say(s, "6-113039: Group <%s> User <%s> IP <%s> AnyConnect parent session started.",
		c->policy, c->user, c->address);
}

static void second_connection(struct script *s)
{
	script_pause(s, 5, 60);
	tls_close(s);
	script_pause(s, 50, 400);
	tls_hello(s, PROPOSAL_FITS);
	say(s, "6-725003: SSL client %s request to resume previous session", client_peer(s));
	script_pause(s, 10, 100);
	say(s,
		s->gateway->old
			? "6-725002: Device completed SSL handshake with client %s"
			: "6-725002: Device completed SSL handshake with client %s for %s session",
		client_peer(s), version(s));
}

uint64_t tunnel(struct script *s, bool dtls)
{
	struct client *c = s->client;
	if (random_chance(s->random, 0.4))
		second_connection(s);
	script_pause(s, 20, 300);
	say(s, "6-722055: Group <%s> User <%s> IP <%s> Client Type: %s", c->policy, c->user,
		c->address, c->agent);
	uint32_t session = random_below(s->random, 0xfffffff);
	say(s, "6-737006: IPAA: Session=0x%08x, Local pool request succeeded for tunnel-group '%s'",
		session, c->tunnel_group);
	say(s, "6-737026: IPAA: Session=0x%08x, Client assigned %s from local pool POOL-%s",
		session, c->inner, c->tunnel_group);
	say(s, "7-746012: user-identity: Add IP-User mapping %s - LOCAL\\%s Succeeded - VPN user",
		c->inner, c->user);
	uint64_t at_us = s->at_us;
	say(s,
		s->gateway->old
			? "6-722051: Group <%s> User <%s> IP <%s> Address <%s> assigned to session"
			: "6-722051: Group <%s> User <%s> IP <%s> IPv4 Address <%s> IPv6 address <::> assigned to session",
		c->policy, c->user, c->address, c->inner);
	if (s->gateway->number % 3 == 1)
		say(s, "4-722041: TunnelGroup <%s> GroupPolicy <%s> User <%s> IP <%s> No IPv6 address available for SVC connection",
			c->tunnel_group, c->policy, c->user, c->address);
	script_pause(s, 1, 40);
	say(s, "5-722033: Group <%s> User <%s> IP <%s> First TCP SVC connection established for SVC session.",
		c->policy, c->user, c->address);
	say(s, "6-722022: Group <%s> User <%s> IP <%s> TCP SVC connection established without compression",
		c->policy, c->user, c->address);
	script_pause(s, 100, 1500);
	if (!dtls)
		return at_us;
	uint32_t port = random_between(s->random, 49152, 65000);
	say(s, "6-302015: Built inbound UDP connection %u for outside:%s/%u (%s/%u) to identity:%s/443 (%s/443)",
		++s->gateway->connection, c->address, port, c->address, port, client_target(s),
		client_target(s));
	script_pause(s, 20, 300);
	say(s, "5-722033: Group <%s> User <%s> IP <%s> First UDP SVC connection established for SVC session.",
		c->policy, c->user, c->address);
	say(s, "6-722022: Group <%s> User <%s> IP <%s> UDP SVC connection established without compression",
		c->policy, c->user, c->address);
	script_pause(s, 1, 20);
	return at_us;
}

void session_end(struct script *s, const char *reason)
{
	struct client *c = s->client;
	say(s, "5-722037: Group <%s> User <%s> IP <%s> SVC closing connection: Transport closing.",
		c->policy, c->user, c->address);
	say(s, "6-722023: Group <%s> User <%s> IP <%s> TCP SVC connection terminated without compression",
		c->policy, c->user, c->address);
	say(s, "6-722023: Group <%s> User <%s> IP <%s> UDP SVC connection terminated without compression",
		c->policy, c->user, c->address);
	script_pause(s, 1, 30);
	say(s, "7-722030: Group <%s> User <%s> IP <%s> SVC Session Termination: In: %u (+0) bytes, %u (+0) packets, 0 drops.",
		c->policy, c->user, c->address, random_below(s->random, 9000000),
		random_below(s->random, 90000));
	say(s, "6-716002: Group <%s> User <%s> IP <%s> WebVPN session terminated: %s.", c->policy,
		c->user, c->address, reason);
	say(s, "4-113019: Group = %s, Username = %s, IP = %s, Session disconnected. Session Type: AnyConnect-Parent, Duration: 0h:%02um:%02us, Bytes xmt: %u, Bytes rcv: %u, Reason: %s",
		c->tunnel_group, c->user, c->address, random_below(s->random, 60),
		random_below(s->random, 60), random_below(s->random, 9000000),
		random_below(s->random, 9000000), reason);
	say(s, "7-746013: user-identity: Delete IP-User mapping %s - LOCAL\\%s - Succeeded - VPN user logout",
		c->inner, c->user);
	say(s, "6-737016: IPAA: Session=0x%08x, Freeing local pool POOL-%s address %s",
		random_below(s->random, 0xfffffff), c->tunnel_group, c->inner);
	script_pause(s, 1, 20);
	say(s, "6-725007: SSL session with client %s terminated", client_peer(s));
}
