// SPDX-License-Identifier: BSD-3-Clause
// Sources: tech note 116162; Cisco ASA syslog guide.
#include "attempts.h"

#include <string.h>

void attempt_filter(struct script *s)
{
	static const struct {
		const char *protocol;
		unsigned port;
	} wanted[] = {{"udp", 69}, {"tcp", 6970}, {"tcp", 2000}, {"tcp", 5060}, {"tcp", 2445}};
	for (unsigned i = 0; i < 5; i++) {
		say(s, "4-10610%c: access-list NO-TRAFFIC denied %s for user '%s' outside/%s(%u) -> inside/10.1.1.10(%u) hit-cnt 1 first hit [0x8d0c3e6f, 0x0]",
			s->gateway->number % 3 ? '3' : '2', wanted[i].protocol, s->client->user,
			s->client->inner, random_between(s->random, 49152, 65000), wanted[i].port);
		if (i == 2)
			script_told(s);
		script_pause(s, 500, 6000);
	}
}

void attempt_no_dtls(struct script *s)
{
	tls_connect(s);
	login(s);
	tunnel(s, false);
	script_told(s);
	// What the gateway knows of it:
	if (variant_of(s->client, 3) == 0 && s->client->is_phone && !s->gateway->quiet)
		return; // nothing: UDP never arrives, and only the phone can tell
	say(s, "5-722043: %s DTLS disabled: unable to negotiate cipher", attempt_whom(s));
}

void attempt_pool_empty(struct script *s)
{
	struct client *c = s->client;
	uint32_t session = random_below(s->random, 0xfffffff);
	tls_connect(s);
	login(s);
	script_pause(s, 5, 60);
	say(s, "5-737007: IPAA: Session=0x%08x, Local pool request failed for tunnel-group '%s'",
		session, c->tunnel_group);
	say(s, "4-737019: IPAA: Session=0x%08x, Unable to get address from group-policy or tunnel-group local pools",
		session);
	say(s, "3-722020: TunnelGroup <%s> GroupPolicy <%s> User <%s> IP <%s> No address available for SVC connection",
		c->tunnel_group, c->policy, c->user, c->address);
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
}

void attempt_flapping(struct script *s)
{
	struct client *c = s->client;
	unsigned n = 4 + variant_of(s->client, 3);
	for (unsigned i = 0; i < n; i++) {
		script_pause(s, 20000, 60000);
		say(s, "5-722037: %s SVC closing connection: %s.", attempt_whom(s),
			variant_of(s->client, 2) ? "DPD failure" : "Transport closing");
		say(s, "6-722023: %s TCP SVC connection terminated without compression",
			attempt_whom(s));
		script_pause(s, 100, 1000);
		say(s, "6-716058: Group <%s> User <%s> IP <%s> AnyConnect session lost connection. Waiting to resume.",
			c->tunnel_group, c->user, c->address);
		if (i == 2)
			script_told(s);
		script_pause(s, 3000, 15000);
		say(s, "6-716059: Group <%s> User <%s> IP <%s> AnyConnect session resumed connection from IP <%s>.",
			c->tunnel_group, c->user, c->address, c->address);
		say(s,
			variant_of(s->client, 3)
				? "5-722032: %s New TCP SVC connection replacing old connection."
				: "5-722034: %s New TCP SVC connection, no existing connection.",
			attempt_whom(s));
	}
}

void attempt_large_packets(struct script *s)
{
	unsigned n = 6 + variant_of(s->client, 20);
	for (unsigned i = 0; i < n; i++) {
		say(s,
			variant_of(s->client, 2)
				? "6-722036: %s Transmitting large packet %u (threshold 1206)."
				: "3-722035: %s Received large packet %u (threshold 1206).",
			attempt_whom(s), random_between(s->random, 1207, 1400));
		if (i == 3)
			script_told(s);
		script_pause(s, 100, 6000);
	}
}

void attempt_shunned(struct script *s)
{
	struct client *c = s->client;
	if (variant_of(s->client, 2))
		say(s, "4-733201: Threat-detection: Service[remote-access-client-initiations] Peer[%s]: failure threshold of 20 exceeded: adding shun to interface outside. SSL: RA excessive client initiation requests",
			c->address);
	else
		say(s, "4-733102: Threat-detection adds host %s to shun list", c->address);
	script_told(s);
	for (unsigned i = 0; i < 4; i++) {
		script_pause(s, 1000, 30000);
		say(s, "4-401004: Shunned packet: %s %s %s on interface outside", c->address,
			s->gateway->number % 2 ? "==>" : "=", client_target(s));
	}
}

void attempt_denied(struct script *s)
{
	struct client *c = s->client;
	unsigned port = random_between(s->random, 49152, 65000);
	for (unsigned i = 0; i < 3; i++) {
		if (variant_of(s->client, 3))
			say(s, "3-710003: TCP access denied by ACL from %s/%u to outside:%s/443",
				c->address, port, client_target(s));
		else
			say(s, "4-106023: Deny tcp src outside:%s/%u dst identity:%s/443 by access-group \"outside_in\" [0x0, 0x0]",
				c->address, port, client_target(s));
		if (i == 0)
			script_told(s);
		script_pause(s, 3000, 3500);
	}
}
