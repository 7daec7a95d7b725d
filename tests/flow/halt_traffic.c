// SPDX-License-Identifier: BSD-3-Clause
#include "halt_traffic.h"

#include <unistd.h>

#include <pcap/pcap.h>

#include "../../bench/frame.h"
#include "../unit/unit.h"

#define GATEWAYS 24
#define PHONES HALT_TRAFFIC_PHONES
#define STRANGERS HALT_TRAFFIC_STRANGERS
#define LINES_MAX 16384

static bool is_noise[LINES_MAX]; // by line: no rule knows it
static unsigned n_lines;

static void add_line(pcap_dumper_t *out, const char *sender, bool noise, const char *line)
{
	uint8_t frame[FRAME_MAX];
	size_t len = frame_make(sender, line, strlen(line), frame);
	assert_true(len > 0);
	assert_true(n_lines < LINES_MAX);
	is_noise[n_lines++] = noise;
	pcap_dump((unsigned char *)out,
		&(struct pcap_pkthdr){.caplen = (bpf_u_int32)len, .len = (bpf_u_int32)len}, frame);
}

__attribute__((format(printf, 4, 5))) static void asa(
	pcap_dumper_t *out, unsigned gateway, bool noise, const char *format, ...)
{
	char text[512], line[640], sender[32];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	snprintf(sender, sizeof(sender), "10.9.0.%u", gateway + 1);
	snprintf(line, sizeof(line), "<166>Nov 21 2026 10:%02u:00 fw%u : %%ASA-%s", n_lines % 60,
		gateway, text);
	add_line(out, sender, noise, line);
}

// One that no rule ties to a phone: its session ends as soon as it is swept.
static void add_stranger(pcap_dumper_t *out, unsigned i)
{
	unsigned gateway = i % GATEWAYS;
	asa(out, gateway, false,
		"6-725006: Device failed SSL handshake with client outside:203.0.%u.%u/7", i >> 8,
		i & 255);
	asa(out, gateway, true, "6-302013: Built inbound TCP connection %u for outside", i);
	if (i % 5 == 0)
		asa(out, gateway, false, "7-725014: SSL lib error. Function: F Reason: unknown ca");
}

// It fails on both sides, fails again, gets its tunnel, and goes on from another address.
static void add_phone(pcap_dumper_t *out, unsigned i)
{
	unsigned gateway = i % GATEWAYS;
	char line[256], sender[32], who[128];
	snprintf(who, sizeof(who), "Group <G> User <CP-7962G-SEP8CB64F57%04X> IP <192.0.2.%u>", i,
		i);
	snprintf(sender, sizeof(sender), "192.0.2.%u", i);
	snprintf(line, sizeof(line),
		"SEP8CB64F57%04X 2: ERR 10:00:00.2 VPNC: VPN cert chain verification failed", i);
	add_line(out, sender, false, line);
	asa(out, gateway, false, "4-724002: %s WebVPN session not terminated.", who);
	asa(out, gateway, false, "4-722051: %s IPv4 Address <172.16.0.%u> assigned", who, i);
	asa(out, gateway, false,
		"4-716059: %s AnyConnect session resumed connection from IP <198.51.100.%u>.", who,
		i);
	asa(out, gateway, false, "3-717055: The ID certificate in the trustpoint T%u has expired",
		i);
}

// It takes the certificate that it is shown, and gets its tunnel.
static void add_healthy_phone(pcap_dumper_t *out, unsigned i)
{
	char line[256], sender[32];
	snprintf(sender, sizeof(sender), "198.18.0.%u", i);
	snprintf(line, sizeof(line),
		"SEP8CB64F58%04X 1: NOT 10:00:00.1 SECD: Leaf cert hash = %040X", i, i % 3);
	add_line(out, sender, false, line);
	asa(out, i % GATEWAYS, false,
		"4-722051: Group <G> User <CP-7962G-SEP8CB64F58%04X> IP <%s> IPv4 Address "
		"<172.16.1.%u> assigned",
		i, sender, i);
}

void halt_traffic_start(struct port_set *ports, uint16_t n_workers)
{
	char error[512];
	struct listen listen = {.kind = LISTEN_PCAP, .loop = true};
	struct port_options options = {.udp_ports = {514},
		.n_udp_ports = 1,
		.n_workers = n_workers,
		.hugepages = HUGEPAGES_OFF};
	FILE *file = tmpfile();
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);
	assert_non_null(file);
	pcap_dumper_t *out = pcap_dump_fopen(pcap, fdopen(dup(fileno(file)), "w"));
	for (unsigned i = 0; i < STRANGERS; i++) {
		add_stranger(out, i);
		if (i % (STRANGERS / PHONES) == 0) {
			add_phone(out, i / (STRANGERS / PHONES));
			add_healthy_phone(out, i / (STRANGERS / PHONES));
		}
	}
	pcap_dump_close(out);
	pcap_close(pcap);
	snprintf(listen.name, sizeof(listen.name), "/proc/self/fd/%d", fileno(file));
	if (port_start(ports, &listen, 1, &options, NULL, NULL, error, sizeof(error)) != 0)
		fail_msg("%s", error);
	fclose(file);
}

uint64_t halt_traffic_noise(uint64_t from, uint64_t to)
{
	uint64_t n = 0;
	for (uint64_t i = from; i < to; i++)
		n += is_noise[i % n_lines];
	return n;
}
