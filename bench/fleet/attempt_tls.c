// SPDX-License-Identifier: BSD-3-Clause
// Sources: tech note 116162; Cisco ASA syslog guide.
#include "attempts.h"

#include <string.h>

void attempt_hash_mismatch(struct script *s)
{
	tls_hello(s, PROPOSAL_FITS);
	tls_choose(s, s->client->modern ? "ECDHE-RSA-AES256-GCM-SHA384" : "AES128-SHA");
	script_pause(s, 40, 400);
	tls_fail(s, s->gateway->old ? "SSL3_READ_BYTES" : "ssl3_read_bytes",
		"tlsv1 alert unknown ca");
}

// The phone takes TLS and refuses DTLS, or refuses the certificate.
void attempt_ecdsa(struct script *s)
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

void attempt_no_cipher(struct script *s)
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

static void through(struct script *s)
{
	tls_hello(s, PROPOSAL_FITS);
	tls_choose(s, "AES256-SHA");
	tls_done(s);
	script_pause(s, 200, 1500);
	tls_close(s);
}

// From one member of the cluster to the next and back.
void attempt_redirect(struct script *s)
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

void attempt_ca_missing(struct script *s)
{
	static const char no_trustpoint[] = "No suitable trustpoints found to validate chain";
	certificate_asked(s);
	certificate_shown(s);
	mutter(s,
		"4-717031: Failed to find a suitable trustpoint for the issuer: %s Reason: No suitable trustpoints found",
		s->client->issuer);
	chain_refused(s, no_trustpoint);
}

void attempt_certificate_missing(struct script *s)
{
	certificate_asked(s);
	say(s, "7-725017: No certificates received during the handshake with client %s for TLSv1 session",
		client_peer(s));
	script_told(s);
	say(s, "6-725006: Device failed SSL handshake with client %s", client_peer(s));
	s->flow = 0;
}

void attempt_certificate_refused(struct script *s)
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

void attempt_host_id(struct script *s)
{
	tls_hello(s, PROPOSAL_FITS);
	tls_choose(s, s->client->modern ? "ECDHE-RSA-AES256-GCM-SHA384" : "AES256-SHA");
	script_pause(s, 60, 600);
	script_told(s);
	say(s, "6-725007: SSL session with client %s terminated", client_peer(s));
	s->flow = 0;
}

void attempt_version_unsupported(struct script *s)
{
	tls_hello(s, PROPOSAL_FITS);
	tls_fail(s,
		s->gateway->old ? "SSL23_GET_CLIENT_HELLO" : "tls_early_post_process_client_hello",
		variant_of(s->client, 3) ? "unsupported protocol" : "wrong version number");
}
