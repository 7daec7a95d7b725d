// SPDX-License-Identifier: BSD-3-Clause
// Sources: tech note 116162; Cisco ASA syslog guide. The names of the cases are those of the
// diagnoses.
#include "attempt.h"

#include <string.h>

const struct failure_kind failure_kinds[N_FAILURES] = {
	[FAILURE_PHONE_LICENSE_MISSING] = {.by_asa = true, .pcs = true, .alone = "confirmed"},
	[FAILURE_SESSION_LIMIT_REACHED] = {.by_asa = true, .pcs = true, .alone = "confirmed"},
	[FAILURE_CERT_HASH_MISMATCH] = {.by_asa = true,
		.by_phone = true,
		.debugging = true,
		.pcs = true,
		.nameless = true,
		.alone = "probable",
		.both = "confirmed"},
	[FAILURE_ECDSA_CERT_PRESENTED] = {.by_asa = true,
		.by_phone = true,
		.debugging = true,
		.modern = true,
		.nameless = true,
		.alone = "probable",
		.both = "confirmed"},
	[FAILURE_NO_SHARED_CIPHER] = {.by_asa = true,
		.debugging = true,
		.pcs = true,
		.nameless = true,
		.alone = "confirmed"},
	[FAILURE_AUTH_REJECTED] = {.by_asa = true,
		.typed = true,
		.pcs = true,
		.alone = "confirmed"},
	[FAILURE_LOAD_BALANCING_REDIRECT] = {.by_phone = true,
		.nameless = true,
		.alone = "confirmed"},
	[FAILURE_CSD_ENABLED] = {.by_asa = true, .pcs = true, .alone = "confirmed"},
	[FAILURE_DAP_TERMINATED] = {.by_asa = true, .pcs = true, .alone = "confirmed"},
	[FAILURE_GROUP_LOCK] = {.by_asa = true, .pcs = true, .alone = "confirmed"},
	[FAILURE_TUNNEL_PROTOCOL_DISABLED] = {.by_asa = true, .pcs = true, .alone = "confirmed"},
	[FAILURE_SIMULTANEOUS_LOGINS_EXCEEDED] = {.by_asa = true,
		.pcs = true,
		.alone = "confirmed"},
	[FAILURE_VPN_FILTER_BLOCKED] = {.by_asa = true,
		.tunnel_up = true,
		.pcs = true,
		.alone = "confirmed"},
	[FAILURE_CLIENT_CERT_CA_MISSING] = {.by_asa = true,
		.certificate = true,
		.pcs = true,
		.alone = "confirmed"},
	[FAILURE_CLIENT_CERT_MISSING] = {.by_asa = true,
		.debugging = true,
		.certificate = true,
		.pcs = true,
		.nameless = true,
		.alone = "confirmed"},
	[FAILURE_CLIENT_CERT_REJECTED] = {.by_asa = true,
		.certificate = true,
		.pcs = true,
		.alone = "confirmed"},
	[FAILURE_HOST_ID_MISMATCH] = {.by_phone = true, .nameless = true, .alone = "confirmed"},
	[FAILURE_TFTP_UNREACHABLE] = {.by_phone = true, .tunnel_up = true, .alone = "confirmed"},
	[FAILURE_DTLS_BLOCKED] = {.by_asa = true,
		.by_phone = true,
		.tunnel_up = true,
		.pcs = true,
		.alone = "confirmed",
		.both = "confirmed"},
	[FAILURE_TLS_VERSION_UNSUPPORTED] = {.by_asa = true,
		.debugging = true,
		.old = true,
		.pcs = true,
		.nameless = true,
		.alone = "probable"},
	[FAILURE_ADDRESS_POOL_EMPTY] = {.by_asa = true, .pcs = true, .alone = "confirmed"},
	[FAILURE_ANYCONNECT_DISABLED] = {.by_asa = true, .pcs = true, .alone = "confirmed"},
	[FAILURE_CLIENT_SHUNNED] = {.by_asa = true,
		.pcs = true,
		.nameless = true,
		.alone = "confirmed"},
	[FAILURE_USERNAME_MAPPING_FAILED] = {.by_asa = true,
		.certificate = true,
		.nameless = true,
		.alone = "confirmed"},
	[FAILURE_TUNNEL_FLAPPING] = {.by_asa = true,
		.tunnel_up = true,
		.pcs = true,
		.alone = "confirmed"},
	[FAILURE_MTU_TOO_BIG] = {.by_asa = true,
		.tunnel_up = true,
		.pcs = true,
		.alone = "probable"},
	[FAILURE_TVS_UNREACHABLE] = {.by_phone = true, .tunnel_up = true, .alone = "probable"},
	[FAILURE_ACCESS_DENIED] = {.by_asa = true,
		.pcs = true,
		.nameless = true,
		.alone = "confirmed"},
};

unsigned variant_of(const struct client *client, unsigned n)
{
	return client->variant % n;
}

// "Group <..> User <..> IP <..> " of the group policy
static const char *whom(const struct script *s)
{
	static char text[200];
	snprintf(text, sizeof(text), "Group <%s> User <%s> IP <%s>", s->client->policy,
		s->client->user, s->client->address);
	return text;
}

static void license_missing(struct script *s)
{
	tls_connect(s);
	login(s);
	script_pause(s, 5, 60);
	say(s, "3-716057: %s Session terminated, no %s license available", whom(s),
		s->client->is_phone ? "LinkSys Phone" : "AnyConnect Mobile");
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
}

static void session_limit(struct script *s)
{
	tls_connect(s);
	login_begin(s);
	say(s, "6-113008: AAA transaction status ACCEPT : user = %s", s->client->user);
	script_pause(s, 5, 60);
	if (variant_of(s->client, 2))
		say(s, "4-113029: %s Session could not be established: session limit of 250 reached.",
			whom(s));
	else
		say(s, "4-716023: %s Session could not be established: session limit of 250 reached.",
			whom(s));
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
}

static void hash_mismatch(struct script *s)
{
	tls_hello(s, PROPOSAL_FITS);
	tls_choose(s, s->client->modern ? "ECDHE-RSA-AES256-GCM-SHA384" : "AES128-SHA");
	script_pause(s, 40, 400);
	tls_fail(s, s->gateway->old ? "SSL3_READ_BYTES" : "ssl3_read_bytes",
		"tlsv1 alert unknown ca");
}

// The phone takes TLS and refuses DTLS, or refuses the certificate.
static void ecdsa(struct script *s)
{
	tls_hello(s, PROPOSAL_FITS);
	if (variant_of(s->client, 3) == 0)
		say(s, "7-725021: Device preferring ECDHE-ECDSA cipher(s). Connection info: outside :%s /%u to %s /443",
			s->client->address, s->client->port, client_target(s));
	say(s, "7-725012: Device chooses cipher : ECDHE-ECDSA-AES256-GCM-SHA384 for the SSL session with client %s",
		client_peer(s));
	if (variant_of(s->client, 2)) {
		script_pause(s, 40, 400);
		tls_fail(s, "ssl3_read_bytes", "tlsv1 alert unknown ca");
		return;
	}
	tls_done(s);
	login(s);
	tunnel(s, false);
	script_told(s); // from here the phone's log has to tell
	script_pause(s, 3000, 9000);
	session_end(s, "User Requested");
}

static void no_cipher(struct script *s)
{
	bool ec = s->client->modern && variant_of(s->client, 4) == 0;
	tls_hello(s, ec ? PROPOSAL_EC_ONLY : PROPOSAL_OLD_ONLY);
	const char *function =
		s->gateway->old ? "SSL3_GET_CLIENT_HELLO" : "tls_post_process_client_hello";
	if (s->gateway->number % 4) {
		tls_fail(s, function, "no shared cipher");
		return;
	}
	// and no 725006 at all
	mutter(s, "7-725014: SSL lib error. Function: %s Reason: no shared cipher", function);
	script_told(s);
	script_pause(s, 1, 40);
	say(s, "6-302014: Teardown TCP connection %u for outside:%s/%u to identity:%s/443 duration 0:00:00 bytes 7 TCP Reset-I from identity",
		s->connection, s->client->address, s->client->port, client_target(s));
	s->flow = 0;
}

static void rejected(struct script *s, const char *reason)
{
	struct client *c = s->client;
	const char *user = s->gateway->hidden ? "*****" : c->user;
	script_pause(s, 100, 900);
	if (s->gateway->number % 4 == 3)
		say(s, "6-113015: AAA user authentication Rejected : reason = %s : local database : user = %s : user IP = %s",
			reason, user, c->address);
	else if (s->gateway->old)
		say(s, "6-113005: AAA user authentication Rejected : reason = %s : server = 10.1.1.20 : user = %s",
			reason, user);
	else
		say(s, "6-113005: AAA user authentication Rejected : reason = %s : server = 10.1.1.20 : user = %s : user IP = %s",
			reason, user, c->address);
	say(s, "6-716039: Group <DfltGrpPolicy> User <%s> IP <%s> Authentication: rejected, Session Type: WebVPN.",
		user, c->address);
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
}

static void auth_rejected(struct script *s)
{
	static const char *const reasons[] = {"Invalid password", "User was not found",
		"Account has been locked out", "Password has expired", "Unspecified",
		"AAA failure"};
	tls_connect(s);
	rejected(s, reasons[variant_of(s->client, 6)]);
}

static void through(struct script *s)
{
	tls_hello(s, PROPOSAL_FITS);
	tls_choose(s, "AES256-SHA");
	tls_done(s);
	script_pause(s, 200, 1500);
	tls_close(s);
}

// From one member of the cluster to the next and back.
static void redirect(struct script *s)
{
	struct gateway *here = s->gateway;
	struct sim *sim = s->sim;
	through(s);
	script_told(s);
	script_pause(s, 3000, 8000);
	s->gateway = &sim->gateways[(here->number + 1) % sim->scenario->gateways.count];
	through(s);
	script_pause(s, 3000, 8000);
	s->gateway = here;
	through(s);
}

static void csd(struct script *s)
{
	tls_connect(s);
	login_begin(s);
	script_pause(s, 5, 60);
	if (variant_of(s->client, 3))
		say(s, "4-724002: %s WebVPN session not terminated. %sSecure Desktop was not running on the client's workstation.",
			whom(s), s->gateway->old ? "Cisco " : "");
	else
		say(s, "4-724001: %s WebVPN session not allowed. Unable to determine if Cisco Secure Desktop software was running on the client's workstation.",
			whom(s));
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
}

static void dap(struct script *s)
{
	struct client *c = s->client;
	tls_connect(s);
	login_begin(s);
	say(s, "6-716038: Group <DfltGrpPolicy> User <%s> IP <%s> Authentication: successful, Session Type: WebVPN.",
		c->user, c->address);
	say(s, "7-734003: DAP: User %s, Addr %s: Session Attribute aaa.cisco.grouppolicy = %s",
		c->user, c->address, c->policy);
	say(s, "7-734003: DAP: User %s, Addr %s: Session Attribute aaa.cisco.tunnelgroup = %s",
		c->user, c->address, c->tunnel_group);
	say(s, "6-734001: DAP: User %s, Addr %s, Connection AnyConnect: The following DAP records were selected for this connection: DfltAccessPolicy",
		c->user, c->address);
	say(s, "5-734002: DAP: User %s, Addr %s: Connection terminated by the following DAP records: DfltAccessPolicy",
		c->user, c->address);
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
}

static void group_lock(struct script *s)
{
	tls_connect(s);
	login_begin(s);
	say(s, "6-716038: Group <DfltGrpPolicy> User <%s> IP <%s> Authentication: successful, Session Type: WebVPN.",
		s->client->user, s->client->address);
	if (s->gateway->old)
		mutter(s,
			"4-113040: Terminating the VPN connection attempt from %s. Reason: This connection is group locked to DefaultWEBVPNGroup.",
			s->client->tunnel_group);
	else
		say(s, "4-113040: %s Terminating the VPN connection attempt from %s. Reason: This connection is group locked to DefaultWEBVPNGroup.",
			whom(s), s->client->tunnel_group);
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
}

static void protocol_disabled(struct script *s)
{
	static const char *const texts[] = {
		"4-722050: %s Session terminated: SVC not enabled for the user",
		"4-722048: %s Tunnel terminated: SVC not enabled for the user",
		"6-716006: %s WebVPN session not allowed. WebVPN protocol is disabled for this user."};
	char text[300];
	tls_connect(s);
	login(s);
	script_pause(s, 5, 60);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), texts[variant_of(s->client, 3)], whom(s));
#pragma GCC diagnostic pop
	say(s, "%s", text);
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
}

static void too_many_logins(struct script *s)
{
	tls_connect(s);
	login_begin(s);
	say(s, "6-113013: AAA unable to complete the request Error : reason = Simultaneous logins exceeded for user : user = %s",
		s->client->user);
	say(s, "6-716039: Group <DfltGrpPolicy> User <%s> IP <%s> Authentication: rejected, Session Type: WebVPN.",
		s->client->user, s->client->address);
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
}

static void filter(struct script *s)
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

// What the certificate is refused for.
static void chain_refused(struct script *s, const char *reason)
{
	struct client *c = s->client;
	if (strncmp(reason, "Public key size", 15) == 0)
		mutter(s, "3-725015: Error verifying client certificate. %s", reason);
	else
		mutter(s,
			"3-717009: Certificate validation failed. %s, serial number: %s, subject name: %s.",
			reason, c->serial, c->subject);
	mutter(s, "3-717027: Certificate chain failed validation. %s.", reason);
	say(s, "6-725006: Device failed SSL handshake with client %s", client_peer(s));
	script_told(s);
	script_pause(s, 1, 40);
	say(s, "6-302014: Teardown TCP connection %u for outside:%s/%u to identity:%s/443 duration 0:00:01 bytes 2713 TCP Reset-O from identity",
		s->connection, c->address, c->port, client_target(s));
	s->flow = 0;
}

static void certificate_asked(struct script *s)
{
	tls_hello(s, PROPOSAL_FITS);
	tls_choose(s, s->client->modern ? "ECDHE-RSA-AES256-GCM-SHA384" : "AES256-SHA");
	tls_ask_certificate(s);
	script_pause(s, 40, 300);
}

static void ca_missing(struct script *s)
{
	static const char no_trustpoint[] = "No suitable trustpoints found to validate chain";
	certificate_asked(s);
	certificate_shown(s);
	mutter(s,
		"4-717031: Failed to find a suitable trustpoint for the issuer: %s Reason: No suitable trustpoints found",
		s->client->issuer);
	chain_refused(s, no_trustpoint);
}

static void certificate_missing(struct script *s)
{
	certificate_asked(s);
	say(s, "7-725017: No certificates received during the handshake with client %s for TLSv1 session",
		client_peer(s));
	script_told(s);
	say(s, "6-725006: Device failed SSL handshake with client %s", client_peer(s));
	s->flow = 0;
}

static void certificate_refused(struct script *s)
{
	static const char *const reasons[] = {"Certificate key size is too small",
		"Certificate has expired",
		"Public key size in client certificate (8192 bits) exceeds the maximum supported key size of 4096 bits",
		"Certificate is revoked"};
	certificate_asked(s);
	certificate_shown(s);
	mutter(s, "7-717030: Found a suitable trustpoint CAPF-TRUST to validate certificate.");
	chain_refused(s, reasons[variant_of(s->client, 4)]);
}

static void host_id(struct script *s)
{
	tls_hello(s, PROPOSAL_FITS);
	tls_choose(s, s->client->modern ? "ECDHE-RSA-AES256-GCM-SHA384" : "AES256-SHA");
	script_pause(s, 60, 600);
	script_told(s);
	say(s, "6-725007: SSL session with client %s terminated", client_peer(s));
	s->flow = 0;
}

static void version_unsupported(struct script *s)
{
	tls_hello(s, PROPOSAL_FITS);
	tls_fail(s,
		s->gateway->old ? "SSL23_GET_CLIENT_HELLO" : "tls_early_post_process_client_hello",
		variant_of(s->client, 3) ? "unsupported protocol" : "wrong version number");
}

static void no_dtls(struct script *s)
{
	tls_connect(s);
	login(s);
	tunnel(s, false);
	script_told(s);
	// What the gateway knows of it:
	if (variant_of(s->client, 3) == 0 && s->client->is_phone && !s->gateway->quiet)
		return; // nothing: UDP never arrives, and only the phone can tell
	say(s, "5-722043: %s DTLS disabled: unable to negotiate cipher", whom(s));
}

static void pool_empty(struct script *s)
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

static void anyconnect_off(struct script *s)
{
	tls_connect(s);
	login(s);
	script_pause(s, 5, 60);
	if (variant_of(s->client, 2))
		say(s, "4-113035: %s Session terminated: AnyConnect not enabled or invalid AnyConnect image on the ASA",
			whom(s));
	else
		say(s, "4-722049: %s Session terminated: SVC not enabled or invalid SVC image on the ASA",
			whom(s));
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
}

static void shunned(struct script *s)
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

static void mapping_failed(struct script *s)
{
	struct client *c = s->client;
	tls_connect(s);
	script_pause(s, 30, 200);
	if (!s->gateway->old) {
		say(s, "5-113025: Group <%s>: CN fields Could not authenticate ssl-client connection from %s",
			c->tunnel_group, c->address);
		script_told(s);
	} else {
		mutter(s,
			"4-113026: Error Script execution failed while executing Lua script for group %s",
			c->tunnel_group);
		mutter(s,
			"7-113028: Extraction of username from VPN client certificate has finished with error. [Request %u]",
			random_below(s->random, 9000));
		say(s, "6-113005: AAA user authentication Rejected : reason = User was not found : server = 10.1.1.20 : user = <Unknown> : user IP = %s",
			c->address);
		script_told(s);
	}
	script_pause(s, 1, 40);
	tls_close(s);
}

static void flapping(struct script *s)
{
	struct client *c = s->client;
	unsigned n = 4 + variant_of(s->client, 3);
	for (unsigned i = 0; i < n; i++) {
		script_pause(s, 20000, 60000);
		say(s, "5-722037: %s SVC closing connection: %s.", whom(s),
			variant_of(s->client, 2) ? "DPD failure" : "Transport closing");
		say(s, "6-722023: %s TCP SVC connection terminated without compression", whom(s));
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
			whom(s));
	}
}

static void large_packets(struct script *s)
{
	unsigned n = 6 + variant_of(s->client, 20);
	for (unsigned i = 0; i < n; i++) {
		say(s,
			variant_of(s->client, 2)
				? "6-722036: %s Transmitting large packet %u (threshold 1206)."
				: "3-722035: %s Received large packet %u (threshold 1206).",
			whom(s), random_between(s->random, 1207, 1400));
		if (i == 3)
			script_told(s);
		script_pause(s, 100, 6000);
	}
}

static void denied(struct script *s)
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

static void nothing(struct script *s)
{
	script_told(s);
}

void attempt(struct script *s, enum failure failure)
{
	static void (*const attempts[N_FAILURES])(struct script *) = {
		[FAILURE_PHONE_LICENSE_MISSING] = license_missing,
		[FAILURE_SESSION_LIMIT_REACHED] = session_limit,
		[FAILURE_CERT_HASH_MISMATCH] = hash_mismatch,
		[FAILURE_ECDSA_CERT_PRESENTED] = ecdsa,
		[FAILURE_NO_SHARED_CIPHER] = no_cipher,
		[FAILURE_AUTH_REJECTED] = auth_rejected,
		[FAILURE_LOAD_BALANCING_REDIRECT] = redirect,
		[FAILURE_CSD_ENABLED] = csd,
		[FAILURE_DAP_TERMINATED] = dap,
		[FAILURE_GROUP_LOCK] = group_lock,
		[FAILURE_TUNNEL_PROTOCOL_DISABLED] = protocol_disabled,
		[FAILURE_SIMULTANEOUS_LOGINS_EXCEEDED] = too_many_logins,
		[FAILURE_VPN_FILTER_BLOCKED] = filter,
		[FAILURE_CLIENT_CERT_CA_MISSING] = ca_missing,
		[FAILURE_CLIENT_CERT_MISSING] = certificate_missing,
		[FAILURE_CLIENT_CERT_REJECTED] = certificate_refused,
		[FAILURE_HOST_ID_MISMATCH] = host_id,
		[FAILURE_TFTP_UNREACHABLE] = nothing,
		[FAILURE_DTLS_BLOCKED] = no_dtls,
		[FAILURE_TLS_VERSION_UNSUPPORTED] = version_unsupported,
		[FAILURE_ADDRESS_POOL_EMPTY] = pool_empty,
		[FAILURE_ANYCONNECT_DISABLED] = anyconnect_off,
		[FAILURE_CLIENT_SHUNNED] = shunned,
		[FAILURE_USERNAME_MAPPING_FAILED] = mapping_failed,
		[FAILURE_TUNNEL_FLAPPING] = flapping,
		[FAILURE_MTU_TOO_BIG] = large_packets,
		[FAILURE_TVS_UNREACHABLE] = nothing,
		[FAILURE_ACCESS_DENIED] = denied,
	};
	attempts[failure](s);
}
