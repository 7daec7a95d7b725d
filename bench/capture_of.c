// SPDX-License-Identifier: BSD-3-Clause
// capture_of: turns a script of datagrams into a capture, always the same bytes for the same
// script.
//
//   capture_of SCRIPT OUT.pcap
//
// A line of a script:   +SECONDS SENDER PAYLOAD
// The clock starts at 2026-11-21 10:00:00 UTC and goes on by SECONDS (with a fraction). In the
// payload {asa} stands for the time as an ASA prints it (Nov 21 2026 10:00:00), {bsd} for the one
// of RFC 3164 (Nov 21 10:00:00), {iso} for RFC 5424's, {clock} for a phone's (10:00:00.000000), \n
// for a line feed. Datagrams go from SENDER, port 514, to 192.0.2.250 or 2001:db8::250, port 514. #
// starts a comment.
#include "frame.h"

#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define START_S 1795255200 // 2026-11-21T10:00:00Z

struct script {
	const char *path;
	unsigned line;
	uint64_t now_us;
	pcap_dumper_t *out;
};

static bool fail(const struct script *s, const char *why)
{
	fprintf(stderr, "%s:%u: %s\n", s->path, s->line, why);
	return false;
}

static size_t expand_time(const struct script *s, const char *name, size_t name_len, char *out)
{
	static const struct {
		const char *name, *format;
	} forms[] = {{"asa", "%b %d %Y %H:%M:%S"}, {"bsd", "%b %e %H:%M:%S"},
		{"iso", "%Y-%m-%dT%H:%M:%SZ"}, {"clock", "%H:%M:%S"}};
	time_t seconds = (time_t)(s->now_us / 1000000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strlen(forms[i].name) != name_len || memcmp(forms[i].name, name, name_len) != 0)
			continue;
		size_t n = strftime(out, 40, forms[i].format, &tm);
		if (strcmp(forms[i].name, "clock") == 0)
			n += (size_t)sprintf(out + n, ".%06u", (unsigned)(s->now_us % 1000000));
		return n;
	}
	return 0;
}

static size_t expand(const struct script *s, const char *text, char *out)
{
	size_t n = 0;
	while (*text && n < FRAME_PAYLOAD_MAX - 64) {
		const char *end = *text == '{' ? strchr(text, '}') : NULL;
		size_t len = end ? expand_time(s, text + 1, (size_t)(end - text) - 1, out + n) : 0;
		if (len) {
			n += len;
			text = end + 1;
		} else if (text[0] == '\\' && text[1] == 'n') {
			out[n++] = '\n';
			text += 2;
		} else {
			out[n++] = *text++;
		}
	}
	return n;
}

static bool write_datagram(struct script *s, const char *sender, const char *payload, size_t len)
{
	uint8_t frame[FRAME_MAX];
	size_t frame_len = frame_make(sender, payload, len, frame);
	if (frame_len == 0)
		return fail(s, "the sender is no address");
	struct pcap_pkthdr header = {
		.caplen = (bpf_u_int32)frame_len, .len = (bpf_u_int32)frame_len};
	header.ts.tv_sec = (time_t)(s->now_us / 1000000);
	header.ts.tv_usec = (suseconds_t)(s->now_us % 1000000);
	pcap_dump((unsigned char *)s->out, &header, frame);
	return true;
}

static bool take_line(struct script *s, char *line)
{
	char payload[FRAME_PAYLOAD_MAX], *rest;
	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '#' || line[0] == '\0')
		return true;
	if (line[0] != '+')
		return fail(s, "must begin with +SECONDS");
	double seconds = strtod(line + 1, &rest);
	if (rest == line + 1 || *rest != ' ' || seconds < 0)
		return fail(s, "must begin with +SECONDS");
	char *sender = rest + 1, *space = strchr(sender, ' ');
	if (space == NULL)
		return fail(s, "no payload");
	*space = '\0';
	s->now_us += (uint64_t)(seconds * 1e6 + 0.5);
	return write_datagram(s, sender, payload, expand(s, space + 1, payload));
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fputs("usage: capture_of SCRIPT OUT.pcap\n", stderr);
		return 2;
	}
	struct script s = {.path = argv[1], .now_us = START_S * 1000000ull};
	FILE *in = fopen(argv[1], "r");
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);
	s.out = pcap ? pcap_dump_open(pcap, argv[2]) : NULL;
	if (in == NULL || s.out == NULL) {
		fprintf(stderr, "capture_of: cannot open %s\n", in ? argv[2] : argv[1]);
		return 1;
	}
	char *line = NULL;
	size_t size = 0;
	bool ok = true;
	while (ok && getline(&line, &size, in) >= 0) {
		s.line++;
		ok = take_line(&s, line);
	}
	free(line);
	fclose(in);
	pcap_dump_close(s.out);
	pcap_close(pcap);
	return ok ? 0 : 1;
}
