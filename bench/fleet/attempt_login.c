// SPDX-License-Identifier: BSD-3-Clause
// Sources: tech note 116162; Cisco ASA syslog guide.
#include "attempts.h"

#include <string.h>

void attempt_license_missing(struct script *s)
{
	tls_connect(s);
	login(s);
	script_pause(s, 5, 60);
	say(s, "3-716057: %s Session terminated, no %s license available", attempt_whom(s),
		s->client->is_phone ? "LinkSys Phone" : "AnyConnect Mobile");
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
}

void attempt_session_limit(struct script *s)
{
	tls_connect(s);
	login_begin(s);
	say(s, "6-113008: AAA transaction status ACCEPT : user = %s", s->client->user);
	script_pause(s, 5, 60);
	if (variant_of(s->client, 2))
		say(s, "4-113029: %s Session could not be established: session limit of 250 reached.",
			attempt_whom(s));
	else
		say(s, "4-716023: %s Session could not be established: session limit of 250 reached.",
			attempt_whom(s));
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
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

void attempt_auth_rejected(struct script *s)
{
	static const char *const reasons[] = {"Invalid password", "User was not found",
		"Account has been locked out", "Password has expired", "Unspecified",
		"AAA failure"};
	tls_connect(s);
	rejected(s, reasons[variant_of(s->client, 6)]);
}

void attempt_csd(struct script *s)
{
	tls_connect(s);
	login_begin(s);
	script_pause(s, 5, 60);
	if (variant_of(s->client, 3))
		say(s, "4-724002: %s WebVPN session not terminated. %sSecure Desktop was not running on the client's workstation.",
			attempt_whom(s), s->gateway->old ? "Cisco " : "");
	else
		say(s, "4-724001: %s WebVPN session not allowed. Unable to determine if Cisco Secure Desktop software was running on the client's workstation.",
			attempt_whom(s));
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
}

void attempt_dap(struct script *s)
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

void attempt_group_lock(struct script *s)
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
			attempt_whom(s), s->client->tunnel_group);
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
}

void attempt_protocol_disabled(struct script *s)
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
	snprintf(text, sizeof(text), texts[variant_of(s->client, 3)], attempt_whom(s));
#pragma GCC diagnostic pop
	say(s, "%s", text);
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
}

void attempt_too_many_logins(struct script *s)
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

void attempt_anyconnect_off(struct script *s)
{
	tls_connect(s);
	login(s);
	script_pause(s, 5, 60);
	if (variant_of(s->client, 2))
		say(s, "4-113035: %s Session terminated: AnyConnect not enabled or invalid AnyConnect image on the ASA",
			attempt_whom(s));
	else
		say(s, "4-722049: %s Session terminated: SVC not enabled or invalid SVC image on the ASA",
			attempt_whom(s));
	script_told(s);
	script_pause(s, 1, 40);
	tls_close(s);
}

void attempt_mapping_failed(struct script *s)
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
