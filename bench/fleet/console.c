// SPDX-License-Identifier: BSD-3-Clause
#include "console.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "script.h"

struct telling {
	struct sim *sim;
	struct phone *phone;
	uint64_t at_us, sent_us;
};

static size_t clock_text(const struct telling *t, const char *format, char *out)
{
	time_t seconds = (time_t)(t->at_us / SECOND_US) + (int)(t->phone->number % 7) - 3;
	struct tm tm;
	gmtime_r(&seconds, &tm);
	size_t n = strftime(out, 40, format, &tm);
	return n + (size_t)sprintf(out + n, ".%06u", (unsigned)(t->at_us % SECOND_US));
}

static size_t header(const struct telling *t, char *out)
{
	time_t seconds = (time_t)(t->sent_us / SECOND_US);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	if (t->phone->console != CONSOLE_RELAY && !t->phone->named_in_header)
		return (size_t)sprintf(out, "<134>");
	size_t n = strftime(out, 40, "<134>%b %e %H:%M:%S ", &tm);
	return n + (size_t)sprintf(out + n, "%s ", t->phone->device);
}

// A record in the shape of the phone's family; its text as 79xx print it ("function: text").
static size_t record(
	struct telling *t, const char *level, const char *task, const char *text, char *out)
{
	char at[60];
	unsigned family = phone_family(t->phone);
	clock_text(t, family == 88 ? "%b %d %H:%M:%S" : "%H:%M:%S", at);
	uint32_t sequence = ++t->phone->sequence;
	if (task == NULL) // the status page
		return (size_t)sprintf(out, "%.8s %s", at + (family == 88 ? 7 : 0), text);
	if (family == 79)
		return (size_t)sprintf(out, "%u: %s %s %s: %s", sequence, level, at, task, text);
	if (family == 89)
		return (size_t)sprintf(out, "%u %s %s  %s: -%s", sequence, level, at, task, text);
	// Source: the tech note prints the newer lines of VPNC with a colon, field logs others
	// without.
	bool colon = strcmp(task, "VPNC") == 0 || strcmp(task, "SECD") == 0;
	return (size_t)sprintf(out, "%u %s %s (346:1887) %s%s-%s", sequence, level, at, task,
		colon ? ": " : "", text);
}

__attribute__((format(printf, 4, 5))) static void tell(
	struct telling *t, const char *level, const char *task, const char *format, ...)
{
	char payload[1024], text[600];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	size_t n = header(t, payload);
	n += record(t, level, task, text, payload + n);
	const struct client *c = &t->phone->client;
	const char *sender = t->phone->console == CONSOLE_RELAY ? "192.0.2.77"
			     : t->phone->connected		? c->inner
								: c->address;
	if (!random_chance(&t->phone->random, t->sim->scenario->lines.lost))
		deliver_at(t->sim, t->sent_us, sender, payload, n);
	uint32_t step = random_between(&t->phone->random, 400, 9000);
	t->at_us += step;
	t->sent_us += step;
}

// ---- classes ----

static void hash_mismatch(struct telling *t)
{
	const char *host = "vpn.example.net";
	tell(t, "NOT", "VPNC", "ssl_state_cb: TLSv1: SSL_connect: before/connect initialization");
	tell(t, "NOT", "VPNC", "ssl_state_cb: TLSv1: SSL_connect: SSLv3 read server hello A");
	tell(t, "NOT", "VPNC", "cert_vfy_cb: depth:1 of 1, subject: </CN=%s/unstructuredName=%s>",
		host, host);
	tell(t, "NOT", "VPNC", "cert_vfy_cb: depth:1 of 1, pre_err: 18 (self signed certificate)");
	tell(t, "NOT", "VPNC", "cert_vfy_cb: peer cert saved: /tmp/leaf.crt");
	tell(t, "NOT", "SECD", "Leaf cert hash = %08X9F0C5B5E3C1D8A7764E2B1A05D4C3B2A",
		t->phone->number);
	tell(t, "ERR", "SECD", "EROR:secLoadFile: file not found </tmp/issuer.crt>");
	tell(t, "ERR", "SECD", "Unable to open file /tmp/issuer.crt");
	tell(t, "ERR", "VPNC",
		"VPN cert chain verification failed, issuer certificate not found and leaf not trusted");
	tell(t, "ERR", "VPNC", "ssl_state_cb: TLSv1: write: alert: fatal: unknown CA");
	tell(t, "ERR", "VPNC", "alert_err: SSL write alert: code 48, unknown CA");
	tell(t, "ERR", "VPNC", "create_ssl_connection: SSL_connect ret -1 error 1");
	tell(t, "ERR", "VPNC", "do_login: create_ssl_connection failed");
	tell(t, "NOT", "VPNC", "vpn_stop: de-activating vpn");
	tell(t, "NOT", "VPNC", "set_login_state: VPNC : 1 (LoggingIn) --> 3 (LoginFailed)");
	tell(t, "NOT", "VPNC", "vpnc_send_notify: notify type: 1 [LoginFailed]");
	tell(t, "NOT", "VPNC", "vpnc_send_notify: notify code: 37 [SslAlertSrvrCert]");
	tell(t, "NOT", "VPNC", "vpnc_send_notify: notify desc: [alert: Unknown CA (server cert)]");
	tell(t, "ERR", "VPNC", "protocol_handler: login failed");
}

static void dtls_begin(struct telling *t)
{
	tell(t, "NOT", "VPNC", "protocol_handler: SSL dpd 30 sec from SG (enabled)");
	tell(t, "NOT", "VPNC", "protocol_handler: connect: do_dtls_connect");
	tell(t, "NOT", "VPNC", "udp_connect: getsockname failed");
	tell(t, "NOT", "VPNC", "udp_connect: binding sock to eth0 IP 192.168.1.%u",
		20 + t->phone->number % 200);
	tell(t, "NOT", "VPNC", "udp_connect: connecting to 198.51.100.10:443");
}

static void dtls_refused(struct telling *t)
{
	dtls_begin(t);
	tell(t, "NOT", "VPNC", "udp_connect: connected to 198.51.100.10:443");
	tell(t, "NOT", "VPNC", "create_dtls_connection: cipher list: AES256-SHA");
	tell(t, "NOT", "VPNC", "dtls_state_cb: DTLS: write: alert: fatal:illegal parameter");
	tell(t, "ERR", "VPNC", "alert_err: DTLS write alert: code 47, illegal parameter");
	tell(t, "ERR", "VPNC",
		"DTLS: SSL_connect: error:140920C5:SSL routines:SSL3_GET_SERVER_HELLO:old session cipher not returned");
	tell(t, "ERR", "VPNC", "create_dtls_connection: DTLS setup failure, cleanup");
	tell(t, "ERR", "VPNC", "do_dtls_connect: create_dtls_connection failed");
	tell(t, "ERR", "VPNC", "protocol_handler: connect : err: SSL success DTLS fail");
}

static void dtls_blocked(struct telling *t)
{
	dtls_begin(t);
	tell(t, "NOT", "VPNC", "create_dtls_connection: cipher list: AES256-SHA");
	tell(t, "ERR", "VPNC", "create_dtls_connection: DTLS setup failure, cleanup");
	tell(t, "ERR", "VPNC", "do_dtls_connect: create_dtls_connection failed");
	tell(t, "ERR", "VPNC", "protocol_handler: connect: do_dtls_connect failed");
}

static void redirected(struct telling *t)
{
	tell(t, "NOT", "VPNC", "do_login: got login response");
	tell(t, "NOT", "VPNC", "process_login: HTTP/1.0 302 Temporary moved");
	tell(t, "NOT", "VPNC", "process_login: login code: 302 (redirected)");
	tell(t, "NOT", "VPNC", "process_login: redirection indicated");
	tell(t, "NOT", "VPNC", "process_login: new 'Location': /+webvpn+/index.html");
	tell(t, "NOT", "VPNC",
		"set_redirect_url: new URL <https://vpn2.example.net:443/+webvpn+/index.html>");
}

static void host_id(struct telling *t)
{
	if (variant_of(&t->phone->client, 3)) {
		tell(t, "NOT", "VPNC", "DNS has wildcard, starting checks...");
		tell(t, "ERR", "VPNC",
			"Generic third level wildcards are not allowed, stopping checks on host=(%s) and dns=(*.example.net)",
			variant_of(&t->phone->client, 3) == 1 ? "vpn.emea.example.net"
							      : "198.51.100.10");
	}
	tell(t, "NOT", "VPNC", "hostID not found in subjectAltNames");
	tell(t, "NOT", "VPNC", "hostID not found in subject name");
	tell(t, "ERR", "VPNC", "hostIDCheck failed!!");
}

static void tftp(struct telling *t)
{
	const char *device = t->phone->device;
	bool missing = variant_of(&t->phone->client, 2) == 0;
	if (phone_family(t->phone) == 88 && variant_of(&t->phone->client, 3)) {
		tell(t, "NOT", "TFTPD", "Requesting %s.cnf.xml.sgn from 10.1.1.10", device);
		if (missing) {
			tell(t, "ERR", "TFTPD", "Error: (1+1)File not found");
		} else {
			for (unsigned i = 1; i <= 3; i++)
				tell(t, "ERR", "TFTPD", "Timeout: retransmit the last packet (%u)",
					i);
		}
		tell(t, "NOT", "downd", "XXTP complete - status = 2");
		return;
	}
	tell(t, "NOT", NULL, "Trust List Update Failed");
	tell(t, "NOT", NULL, "TFTP %s : %s.cnf.xml.sgn", missing ? "Error" : "Timeout", device);
}

static void tvs(struct telling *t)
{
	tell(t, "NOT", "SECD",
		"clpSetupSsl: Trying to connect to IPV4, IP: 10.1.1.10, Port : 2445");
	tell(t, "NOT", "SECD", "clpSetupSsl: TCP connected");
	tell(t, "ERR", "SECD",
		"EROR:clpState: SSL3 alert read:fatal:handshake failure:<10.1.1.10>");
	tell(t, "ERR", "SECD", "EROR:clpSetupSsl: ** SSL handshake failed, <10.1.1.10> c:14 s:13");
	tell(t, "ERR", "SECD", "EROR:clpSndStatus: SSL CLNT ERR, srvr<10.1.1.10>");
}

bool console_tells(const struct phone *phone, enum failure failure)
{
	return failure_kinds[failure].by_phone && phone->console != CONSOLE_NONE;
}

void console_tell(struct sim *sim, struct phone *phone, enum failure failure, uint64_t at_us,
	uint64_t sent_us)
{
	struct telling t = {sim, phone, at_us, sent_us};
	switch (failure) {
	case FAILURE_CERT_HASH_MISMATCH:
		hash_mismatch(&t);
		break;
	case FAILURE_ECDSA_CERT_PRESENTED:
		if (variant_of(&phone->client, 2))
			hash_mismatch(&t);
		else
			dtls_refused(&t);
		break;
	case FAILURE_LOAD_BALANCING_REDIRECT:
		redirected(&t);
		break;
	case FAILURE_HOST_ID_MISMATCH:
		host_id(&t);
		break;
	case FAILURE_TFTP_UNREACHABLE:
	case FAILURE_VPN_FILTER_BLOCKED:
		tftp(&t);
		break;
	case FAILURE_DTLS_BLOCKED:
		dtls_blocked(&t);
		break;
	case FAILURE_TVS_UNREACHABLE:
		tvs(&t);
		break;
	default:
		break;
	}
}

void console_tell_recovery(
	struct sim *sim, struct phone *phone, enum failure failure, uint64_t at_us)
{
	struct telling t = {sim, phone, at_us, at_us};
	if (failure == FAILURE_TVS_UNREACHABLE) {
		tell(&t, "NOT", "SECD", "Authentication Response received, status : 0");
		return;
	}
	tell(&t, "NOT", NULL, "Trust List Updated");
	tell(&t, "NOT", NULL, "%s.cnf.xml.sgn", phone->device);
}

void console_tell_health(struct sim *sim, struct phone *phone, uint64_t at_us)
{
	struct telling t = {sim, phone, at_us, at_us};
	dtls_begin(&t);
	tell(&t, "NOT", "VPNC", "udp_connect: connected to 198.51.100.10:443");
	if (phone_family(phone) == 88) {
		tell(&t, "NOT", "TFTPD", "Requesting %s.cnf.xml.sgn from 10.1.1.10", phone->device);
		tell(&t, "NOT", "TFTPD", "Timeout: retransmit the last packet (1)");
		tell(&t, "NOT", "downd", "XXTP complete - status = 100");
	}
	tell(&t, "NOT", NULL, "Trust List Updated");
	tell(&t, "NOT", NULL, "%s.cnf.xml.sgn", phone->device);
}
