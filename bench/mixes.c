// SPDX-License-Identifier: BSD-3-Clause
#include "mixes.h"

#include <arpa/inet.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "apart.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define GATEWAYS 20
#define SEQUENCE 5 // lines of a phone that connects

const char *const mix_names[MIX_MAX] = {
#define X(name, frames, what) #name,
	MIXES(X)
#undef X
};
const char *const mix_texts[MIX_MAX] = {
#define X(name, frames, what) what,
	MIXES(X)
#undef X
};
const uint32_t mix_frames[MIX_MAX] = {
#define X(name, frames, what) frames,
	MIXES(X)
#undef X
};

// What looks random is the same for the same number (splitmix64).
static uint64_t scatter(uint64_t n)
{
	n += 0x9e3779b97f4a7c15;
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
	n = (n ^ n >> 27) * 0x94d049bb133111eb;
	return n ^ n >> 31;
}

// ---- headers ----

static const char *const months[] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

#define STAMP "%s %02u 2026 %02u:%02u:%02u"

// What a busy ASA is most often told to send.
static uint32_t usual_header(
	uint32_t n, unsigned gateway, unsigned level, const char *id, char *out)
{
	uint32_t s = n / 20000; // 20,000 lines a second
	return (uint32_t)sprintf(out, "<%u>" STAMP " asa-%02u : %%ASA-%u-%s: ", 160 + level,
		months[10], 21u, 10 + s / 3600 % 12, s / 60 % 60, s % 60, gateway, level, id);
}

static uint32_t any_header(uint32_t n, unsigned gw, unsigned level, const char *id, char *out)
{
	uint32_t s = n / 20000;
	unsigned h = 10 + s / 3600 % 12, m = s / 60 % 60, pri = 160 + level;
	s %= 60;
	switch (n % 11) {
	case 0:
		return (uint32_t)sprintf(out, "<%u>%%ASA-%u-%s: ", pri, level, id);
	case 1:
		return (uint32_t)sprintf(
			out, "<%u>" STAMP ": %%ASA-%u-%s: ", pri, "Nov", 21u, h, m, s, level, id);
	case 2:
		return (uint32_t)sprintf(out,
			"<%u>Nov 21 %02u:%02u:%02u asa-%02u %%ASA-%u-%s: ", pri, h, m, s, gw, level,
			id);
	case 3:
		return (uint32_t)sprintf(out,
			"<%u>2026-11-21T%02u:%02u:%02uZ asa-%02u : %%ASA-%u-%s: ", pri, h, m, s, gw,
			level, id);
	case 4:
		return (uint32_t)sprintf(out,
			"<%u>:Nov 21 %02u:%02u:%02u UTC: %%ASA-vpn-%u-%s: ", pri, h, m, s, level,
			id);
	case 5:
		return (uint32_t)sprintf(out,
			"<%u>1 2026-11-21T%02u:%02u:%02u.123Z asa-%02u - - - - %%ASA-%u-%s: ", pri,
			h, m, s, gw, level, id);
	case 6:
		return (uint32_t)sprintf(out,
			"<%u>Nov 21 %02u:%02u:%02u relay-1 " STAMP " asa-%02u : %%ASA-%u-%s: ", pri,
			h, m, s, "Nov", 21u, h, m, s, gw, level, id);
	case 7:
		return (uint32_t)sprintf(out,
			"Nov 21 %02u:%02u:%02u 192.0.2.%u Nov 21 2026 %02u:%02u:%02u: %%ASA-%u-%s: ",
			h, m, s, gw + 1, h, m, s, level, id);
	case 8:
		return (uint32_t)sprintf(out,
			"<%u>2026-11-21T%02u:%02u:%02u+02:00 asa-%02u %%FTD-%u-%s: ", pri, h, m, s,
			gw, level, id);
	case 9:
		return (uint32_t)sprintf(out,
			"<%u>Nov 21 2026 %02u:%02u:%02u CET: %%ASA-%u-%s: ", pri, h, m, s, level,
			id);
	default:
		return usual_header(n, gw, level, id, out);
	}
}

// n: its place in the mix, which gives its time.
typedef uint32_t header_fn(uint32_t n, unsigned gateway, unsigned level, const char *id, char *out);

// ---- texts ----

struct address_text {
	char text[16];
};

static struct address_text text_of(uint32_t address)
{
	struct address_text t;
	snprintf(t.text, sizeof(t.text), "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
		address >> 8 & 255, address & 255);
	return t;
}

static uint32_t client_address(uint32_t client)
{
	return 0xcb000000 + client * 7 % 0x00ff0000; // 203.0.0.0 and up
}

// Connections, translations and denials: no rule wants them.
static uint32_t noise(uint32_t n, header_fn *header, char *out)
{
	uint64_t r = scatter(n);
	struct address_text from = text_of((uint32_t)(r >> 32) | 0x40000000);
	unsigned port = 1024 + r % 60000, inside = r >> 20 & 255;
	unsigned gateway = n % GATEWAYS;
	uint32_t id = 4000000 + n, len;
	switch (n % 6) {
	case 0:
		len = header(n, gateway, 6, "302013", out);
		return len + (uint32_t)sprintf(out + len,
				     "Built inbound TCP connection %u for outside:%s/%u (%s/%u) to "
				     "inside:10.1.1.%u/443 (198.51.100.%u/443)",
				     id, from.text, port, from.text, port, inside, inside);
	case 1:
		len = header(n, gateway, 6, "302014", out);
		return len + (uint32_t)sprintf(out + len,
				     "Teardown TCP connection %u for outside:%s/%u to "
				     "inside:10.1.1.%u/443 duration 0:00:04 bytes %u TCP FINs from "
				     "outside",
				     id, from.text, port, inside, port * 7);
	case 2:
		len = header(n, gateway, 6, "302015", out);
		return len +
		       (uint32_t)sprintf(out + len,
			       "Built outbound UDP connection %u for outside:%s/53 (%s/53) to "
			       "inside:10.1.1.%u/%u (198.51.100.%u/%u)",
			       id, from.text, from.text, inside, port, inside, port);
	case 3:
		len = header(n, gateway, 6, "302016", out);
		return len + (uint32_t)sprintf(out + len,
				     "Teardown UDP connection %u for outside:%s/53 to "
				     "inside:10.1.1.%u/%u duration 0:02:01 bytes %u",
				     id, from.text, inside, port, port * 3);
	case 4:
		len = header(n, gateway, 4, "106023", out);
		return len + (uint32_t)sprintf(out + len,
				     "Deny tcp src outside:%s/%u dst inside:10.1.1.%u/22 by "
				     "access-group \"outside_access_in\" [0x71761f18, 0x0]",
				     from.text, port, inside);
	default:
		len = header(n, gateway, 6, "305011", out);
		return len + (uint32_t)sprintf(out + len,
				     "Built dynamic TCP translation from inside:10.1.1.%u/%u to "
				     "outside:198.51.100.%u/%u",
				     inside, port, inside, port);
	}
}

// Line `step` of a phone that connects.
static uint32_t connects(uint32_t n, uint32_t client, unsigned step, header_fn *header, char *out)
{
	struct address_text ip = text_of(client_address(client));
	unsigned port = 49152 + client % 16000, gateway = client % GATEWAYS;
	char who[96];
	uint32_t len;
	sprintf(who, "Group <GP_VPNPhone> User <CP-8841-SEP00CA%08X> IP <%s> ", client, ip.text);
	switch (step) {
	case 0:
		len = header(n, gateway, 6, "725001", out);
		return len + (uint32_t)sprintf(out + len,
				     "Starting SSL handshake with client outside:%s/%u to "
				     "198.51.100.10/443 for TLSv1.2 session",
				     ip.text, port);
	case 1:
		len = header(n, gateway, 6, "725002", out);
		return len + (uint32_t)sprintf(out + len,
				     "Device completed SSL handshake with client outside:%s/%u to "
				     "198.51.100.10/443 for TLSv1.2 session",
				     ip.text, port);
	case 2:
		len = header(n, gateway, 6, "113039", out);
		return len +
		       (uint32_t)sprintf(out + len, "%sAnyConnect parent session started.", who);
	case 3:
		len = header(n, gateway, 4, "722051", out);
		return len + (uint32_t)sprintf(out + len,
				     "%sIPv4 Address <10.%u.%u.%u> IPv6 address <::> assigned to "
				     "session",
				     who, client >> 16 & 255, client >> 8 & 255, client & 255);
	default:
		len = header(n, gateway, 5, "722033", out);
		return len + (uint32_t)sprintf(out + len,
				     "%sFirst TCP SVC connection established for SVC session.",
				     who);
	}
}

// One line of a client that does something else.
static uint32_t single(uint32_t n, uint32_t client, header_fn *header, char *out)
{
	struct address_text ip = text_of(client_address(client));
	unsigned port = 49152 + client % 16000, gateway = client % GATEWAYS;
	char who[96];
	uint32_t len;
	sprintf(who, "Group <GP_VPNPhone> User <CP-8841-SEP00CA%08X> IP <%s> ", client, ip.text);
	switch (client % 5) {
	case 0:
		len = header(n, gateway, 6, "725006", out);
		return len + (uint32_t)sprintf(out + len,
				     "Device failed SSL handshake with client outside:%s/%u to "
				     "198.51.100.10/443",
				     ip.text, port);
	case 1:
		len = header(n, gateway, 4, "722037", out);
		return len +
		       (uint32_t)sprintf(out + len, "%sSVC closing connection: DPD failure.", who);
	case 2:
		len = header(n, gateway, 4, "113019", out);
		return len + (uint32_t)sprintf(out + len,
				     "Group = VPNPhone, Username = CP-8841-SEP00CA%08X, IP = %s, "
				     "Session disconnected. Session Type: AnyConnect-Parent, "
				     "Duration: 0h:32m:16s, Bytes xmt: 61404, Bytes rcv: 33012, "
				     "Reason: User Requested",
				     client, ip.text);
	case 3:
		len = header(n, gateway, 6, "716038", out);
		return len + (uint32_t)sprintf(out + len,
				     "%sAuthentication: successful, Session Type: WebVPN.", who);
	default:
		len = header(n, gateway, 4, "724002", out);
		return len +
		       (uint32_t)sprintf(out + len,
			       "%sWebVPN session not terminated. Cisco Secure Desktop was not "
			       "running on the client's workstation.",
			       who);
	}
}

// Every second line belongs to a phone that connects, those of one phone some hundred lines apart;
// the others are of a client each.
enum { ABREAST = 64 }; // phones that connect at a time

static uint32_t relevant_client(uint32_t k)
{
	uint32_t i = k / 2, round = i / (ABREAST * SEQUENCE), within = i % (ABREAST * SEQUENCE);
	return (k % 2 ? i : round * ABREAST + within % ABREAST) % MIX_CLIENTS;
}

static uint32_t relevant(uint32_t n, uint32_t k, header_fn *header, char *out)
{
	uint32_t client = relevant_client(k), step = k / 2 % (ABREAST * SEQUENCE) / ABREAST;
	return k % 2 ? single(n, client, header, out) : connects(n, client, step, header, out);
}

static uint32_t phone_line(uint32_t n, char *out)
{
	static const char *const texts[] = {
		"VPNC: -protocol_handler: login failed",
		"VPNC: -dtls_state_cb: DTLSv0.9: write: client hello A",
		"VPNC: -do_login: URL -> \"https://vpn.example.net/VPNPhone\"",
		"SECD: -Leaf cert hash = 1289B8A7AA9FFD84865E38939F3466A61B5608FC",
		"VPNC: -set_login_state: VPNC : 1 (LoggingIn) --> 3 (LoginFailed)",
		"VPNC: -vpnc_set_notify_netsd : cmd: 0x5 event: 0x40000 status: 0x0 error: 0x0",
		"JAVA: -SIPCC-SIP_TRANS: sipTransportChannelCreate: Handle=0 opened to 10.1.1.5",
		"DSP: -dspHandleAudioStats: stream 1 jitter 12 lost 0 of 1500",
	};
	uint32_t client = n % MIX_CLIENTS, s = n / 20000;
	return (uint32_t)sprintf(out, "<%u>SEP00CA%08X %u: %s %02u:%02u:%02u.%06u %s", 187 + n % 3,
		client, 900 + n % 100, n % 5 ? "NOT" : "ERR", 10 + s / 3600 % 12, s / 60 % 60,
		s % 60, n * 131 % 1000000, texts[scatter(n) % N(texts)]);
}

// ---- bad ones ----

static uint32_t fill(char *out, uint32_t from, uint32_t to, const char *unit)
{
	uint32_t len = (uint32_t)strlen(unit);
	for (uint32_t at = from; at < to; at++)
		out[at] = unit[(at - from) % len];
	return to;
}

static uint32_t long_line(uint32_t n, char *out)
{
	uint32_t len;
	switch (n % 3) {
	case 0:
		len = noise(n, usual_header, out);
		return fill(out, len, 1400, " more of what nobody wants to know");
	case 1:
		len = connects(n, n % MIX_CLIENTS, 2, usual_header, out);
		return fill(out, len, 1400, " and what an administrator has added to it");
	default:
		len = phone_line(n, out);
		return fill(out, len, 1400, " 0x00 0x11 0x22");
	}
}

static uint32_t hostile(uint32_t n, char *out)
{
	static const char *const units[] = {"<", ">", "<189>", "<189>32", "%", "%ASA-",
		"%ASA-7-7250", "SEP8CB64F57611", "\"", " : ", "Nov 21 ", "2026-11-21T10:19:2",
		"User <x> IP <1.1.1.1>", "tlsv1 alert unknown c", "VPNC", "902: NOT ",
		"SSL lib error. Function: ", "cn=CP-7962G-SEP8CB64F57611,"};
	uint32_t len = 0;
	if (n / N(units) % 3 == 1)
		len = usual_header(n, n % GATEWAYS, 7, "725014", out);
	else if (n / N(units) % 3 == 2)
		len = (uint32_t)sprintf(
			out, "<187>SEP8CB64F576113 902: ERR 10:19:27.155936 VPNC: ");
	return fill(out, len, 1400, units[n % N(units)]);
}

// ---- mixes ----

#define NOISE UINT32_MAX

// Which relevant line a line of the mix is, or NOISE.
static uint32_t relevant_number(enum mix mix, uint32_t n)
{
	switch (mix) {
	case MIX_realistic:
		return n % 100 < 93 ? NOISE : n / 100 * 7 + n % 100 - 93;
	case MIX_relevant:
		return n;
	case MIX_headers:
		return n % 2 ? NOISE : n / 2;
	default:
		return NOISE;
	}
}

uint32_t mix_line(enum mix mix, uint32_t n, char *out)
{
	header_fn *header = mix == MIX_headers ? any_header : usual_header;
	uint32_t k = relevant_number(mix, n);
	switch (mix) {
	case MIX_realistic:
	case MIX_relevant:
	case MIX_headers:
		return k == NOISE ? noise(n, header, out) : relevant(n, k, header, out);
	case MIX_phone:
		return phone_line(n, out);
	case MIX_runts:
		return (uint32_t)sprintf(out, "%%ASA-6-%06u: Bu", 300000 + n % 6000);
	case MIX_long:
		return long_line(n, out);
	case MIX_hostile:
	default:
		return hostile(n, out);
	}
}

// A phone connects at one gateway; other lines come from all in turn.
static uint32_t sender_of(enum mix mix, uint32_t n)
{
	uint32_t k = relevant_number(mix, n);
	if (mix == MIX_phone)
		return 0x0a000000 + n % MIX_CLIENTS;
	return 0xc0000264 + (k == NOISE ? n : relevant_client(k)) % GATEWAYS;
}

bool mix_write_share(enum mix mix, uint32_t frames, unsigned share, unsigned n_shares, FILE *out)
{
	static const uint32_t file_header[] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1};
	struct {
		struct rte_ether_hdr ether;
		struct rte_ipv4_hdr ip;
		struct rte_udp_hdr udp;
		char line[MIX_LINE_MAX];
	} __attribute__((packed, aligned(2))) f = {
		.ether = {.dst_addr.addr_bytes = {2, 0, 0, 0, 0, 2},
			.src_addr.addr_bytes = {2, 0, 0, 0, 0, 1},
			.ether_type = htons(RTE_ETHER_TYPE_IPV4)},
		.ip = {.version_ihl = 0x45,
			.time_to_live = 64,
			.next_proto_id = IPPROTO_UDP,
			.dst_addr = htonl(0xc0000201)},
		.udp = {.src_port = htons(40000), .dst_port = htons(514)},
	};
	bool ok = fwrite(file_header, sizeof(file_header), 1, out) == 1;
	for (uint32_t n = 0, written = 0; ok && written < frames; n++) {
		uint32_t sender = sender_of(mix, n);
		if (n_shares > 1 && sender % n_shares != share)
			continue;
		written++;
		uint32_t len = mix_line(mix, n, f.line);
		uint32_t bytes = (uint32_t)(sizeof(f.ether) + sizeof(f.ip) + sizeof(f.udp)) + len;
		f.ip.src_addr = htonl(sender);
		f.ip.total_length = htons((uint16_t)(bytes - sizeof(f.ether)));
		f.ip.hdr_checksum = 0;
		f.ip.hdr_checksum = rte_ipv4_cksum(&f.ip);
		f.udp.dgram_len = htons((uint16_t)(sizeof(f.udp) + len));
		f.udp.dgram_cksum = 0;
		f.udp.dgram_cksum = rte_ipv4_udptcp_cksum(&f.ip, &f.udp);
		uint32_t record[] = {1795256367 + n / 20000, n % 20000 * 50, bytes, bytes};
		ok = fwrite(record, sizeof(record), 1, out) == 1 && fwrite(&f, bytes, 1, out) == 1;
	}
	return fflush(out) == 0 && ok;
}

bool mix_write(enum mix mix, uint32_t frames, FILE *out)
{
	return mix_write_share(mix, frames, 0, 1, out);
}

enum mix mix_by_name(const char *name)
{
	int mix = 0;
	while (mix < MIX_MAX && strcmp(mix_names[mix], name) != 0)
		mix++;
	return (enum mix)mix;
}

// ---- for main() ----

void mixes_list(FILE *out)
{
	for (int mix = 0; mix < MIX_MAX; mix++)
		fprintf(out, "  %-10s %s\n", mix_names[mix], mix_texts[mix]);
}

struct job {
	mix_run_fn *run;
	enum mix mix;
	void *context;
};

static bool run_one(void *context, void *result)
{
	const struct job *job = context;
	(void)result;
	return job->run(job->mix, job->context) == 0;
}

int mixes_run(char **names, int n, mix_run_fn *run, void *context)
{
	bool chosen[MIX_MAX + 1] = {0}, ok = true;
	for (int i = 0; i < n; i++)
		chosen[mix_by_name(names[i])] = true;
	if (chosen[MIX_MAX]) {
		fputs("the mixes are:\n", stderr);
		mixes_list(stderr);
		return 2;
	}
	for (int mix = 0; mix < MIX_MAX; mix++) {
		struct job job = {run, (enum mix)mix, context};
		if (n == 0 || chosen[mix])
			ok &= apart_run(run_one, &job, NULL, 0);
	}
	return ok ? 0 : 1;
}
