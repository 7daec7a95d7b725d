// SPDX-License-Identifier: BSD-3-Clause
// A gateway logs: the header in front, what comes between, what is dropped, and the way to the
// collector.
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "header.h"
#include "script.h"

#define PARK_US 300000 // lines wait so long for others at most

// ---- the way ----

void deliver_at(
	struct sim *sim, uint64_t at_us, const char *sender, const char *payload, size_t len)
{
	struct datagram *datagram = malloc(sizeof(*datagram) + len);
	if (datagram == NULL || strlen(sender) >= sizeof(datagram->sender))
		abort();
	snprintf(datagram->sender, sizeof(datagram->sender), "%s", sender);
	datagram->len = (uint16_t)len;
	memcpy(datagram->payload, payload, len);
	queue_put(&sim->queue,
		(struct happening){.at_us = at_us, .kind = HAPPENING_DATAGRAM, .what = datagram});
}

void deliver(struct sim *sim, const char *sender, const char *payload, size_t len)
{
	if (random_chance(&sim->random, sim->scenario->lines.lost))
		sim->n_lost++;
	else if (random_chance(&sim->random, sim->scenario->lines.reordered))
		deliver_at(sim,
			sim->now_us + 1000 +
				random_below(&sim->random,
					(uint32_t)sim->scenario->lines.reordered_ms * 1000 + 1),
			sender, payload, len);
	else
		wire_write(&sim->wire, sim->now_us, sender, payload, len);
}

// ---- headers ----

// Of the tag of EMBLEM: the class of the message.
static const char *class_of(const char *id)
{
	static const struct {
		const char *prefix, *name;
	} classes[] = {{"725", "ssl"}, {"717", "ca"}, {"716", "webvpn"}, {"722", "svc"},
		{"724", "csd"}, {"734", "dap"}, {"113", "auth"}, {"737", "ipaa"}, {"746", "idfw"},
		{"718", "vpnlb"}, {"733", "threat"}, {"104", "ha"}, {"111", "config"},
		{"199", "sys"}, {"710", "np"}};
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strncmp(id, classes[i].prefix, 3) == 0)
			return classes[i].name;
	}
	return "session";
}

static size_t stamp(char *out, uint64_t now_us, const struct gateway *gateway, const char *format)
{
	time_t seconds = (time_t)(now_us / SECOND_US) + gateway->zone_s + gateway->skew_s;
	struct tm tm;
	gmtime_r(&seconds, &tm);
	return strftime(out, 40, format, &tm);
}

// Each gateway has one of them. D: with year, B: without, I: RFC 5424's, N: name, S: sender, Z:
// zone by name, O: offset, T: the tag as it is, C: the tag with a class, F: the tag of FTD, P: PRI,
// M: milliseconds, K: what a relay takes for a program.
static const char *const forms[] = {"<P>D N : T", "<P>D N : T", "<P>D: T", "<P>D S : T", "<P>D N:T",
	"<P>I N : T", "<P>I: T", "<P>:B Z: C", "<P>:: C", "<P>I N : F", "<P>I: F", "<P>B N T",
	"<P>B N : B Z: T", "<P>B N K: T", "T", "<P> D N : T", "<P>I+O: T", "<P>B N : T",
	"<P>B.M: T"};
#define N_FORMS (sizeof(forms) / sizeof(forms[0]))

static size_t header(
	const struct sim *sim, const struct gateway *gateway, const char *text, char *out)
{
	unsigned unit = gateway->failover_us && sim->now_us >= gateway->failover_us;
	size_t n = 0;
	for (const char *f = forms[gateway->form % N_FORMS]; *f; f++) {
		switch (*f) {
		case 'P':
			n += (size_t)sprintf(out + n, "%d", 160 + text[0] - '0');
			break;
		case 'D':
			n += stamp(out + n, sim->now_us, gateway, "%b %d %Y %H:%M:%S");
			break;
		case 'B':
			n += stamp(out + n, sim->now_us, gateway, "%b %e %H:%M:%S");
			break;
		case 'I':
			n += stamp(out + n, sim->now_us, gateway,
				strchr(f, '+') ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%dT%H:%M:%SZ");
			break;
		case 'N':
			n += (size_t)sprintf(out + n, "%s", gateway->name[unit]);
			break;
		case 'S':
			n += (size_t)sprintf(out + n, "%s", gateway->sender[unit]);
			break;
		case 'Z':
			n += (size_t)sprintf(out + n, "%s", gateway->zone_s ? "JST" : "UTC");
			break;
		case '+':
			break;
		case 'O':
			n += (size_t)sprintf(out + n, "+%02d:00", gateway->zone_s / 3600);
			break;
		case 'K':
			n += (size_t)sprintf(out + n, "CiscoASA[999]");
			break;
		case 'M':
			n += (size_t)sprintf(
				out + n, "%03u", (unsigned)(sim->now_us % SECOND_US / 1000));
			break;
		case 'T':
			n += (size_t)sprintf(out + n, "%%ASA-");
			break;
		case 'F':
			n += (size_t)sprintf(out + n, "%%FTD-");
			break;
		case 'C':
			n += (size_t)sprintf(out + n, "%%ASA-%s-", class_of(text + 2));
			break;
		default:
			out[n++] = *f;
		}
	}
	return n;
}

// Relays forward as they get it, so both need the gateway's name within.
bool form_names_gateway(unsigned form)
{
	return strchr(forms[form % N_FORMS], 'N') != NULL;
}

bool form_is_utc(unsigned form)
{
	return strchr(forms[form % N_FORMS], 'I') && !strchr(forms[form % N_FORMS], '+');
}

bool form_names_sender(unsigned form)
{
	return strchr(forms[form % N_FORMS], 'S') != NULL;
}

// ---- lines ----

static bool within_limit(struct sim *sim, struct gateway *gateway)
{
	if (!gateway->limited)
		return true;
	uint64_t second = sim->now_us / SECOND_US;
	if (second != gateway->second) {
		gateway->second = second;
		gateway->n_this_second = 0;
	}
	if (gateway->n_this_second++ < sim->scenario->gateways.rate_limit)
		return true;
	sim->n_limited++;
	return false;
}

static void log_line(struct sim *sim, struct gateway *gateway, const struct line *line)
{
	char payload[2048];
	if (!within_limit(sim, gateway))
		return;
	size_t n = header(sim, gateway, line->text, payload);
	size_t len = strlen(line->text);
	memcpy(payload + n, line->text, len);
	n += len;
	unsigned unit = gateway->failover_us && sim->now_us >= gateway->failover_us;
	if (!gateway->duplicated) {
		deliver(sim, gateway->sender[unit], payload, n);
		return;
	}
	deliver(sim, "192.0.2.81", payload, n);
	if (!random_chance(&sim->random, sim->scenario->lines.lost))
		deliver_at(sim, sim->now_us + random_between(&sim->random, 500, 15000),
			"192.0.2.82", payload, n);
}

static void park(struct sim *sim, struct gateway *gateway, struct line *first)
{
	first->gap = false;
	struct parked *parked = &gateway->parked[gateway->n_parked++];
	*parked = (struct parked){.first = first,
		.flow = first->flow,
		.others = random_between(&gateway->random, 1, 3),
		.until_us = sim->now_us + PARK_US};
	queue_put(&sim->queue, (struct happening){.at_us = parked->until_us,
				       .kind = HAPPENING_PARKED,
				       .number = gateway->number});
}

// Until the next gap. Returns the flow that was logged.
static uint32_t log_run(struct sim *sim, struct gateway *gateway, struct line *line)
{
	uint32_t flow = line->flow;
	while (line) {
		if (line->gap && gateway->n_parked < PARKED_MAX) {
			sim->n_separated++;
			park(sim, gateway, line);
			return flow;
		}
		struct line *next = line->next;
		log_line(sim, gateway, line);
		free(line);
		line = next;
	}
	return flow;
}

static bool is_ready(const struct sim *sim, const struct parked *parked)
{
	return parked->others == 0 || sim->now_us >= parked->until_us;
}

void gateway_unpark(struct sim *sim, struct gateway *gateway)
{
	for (unsigned i = 0; i < gateway->n_parked;) {
		if (!is_ready(sim, &gateway->parked[i])) {
			i++;
			continue;
		}
		struct line *first = gateway->parked[i].first;
		gateway->n_parked--;
		memmove(&gateway->parked[i], &gateway->parked[i + 1],
			(gateway->n_parked - i) * sizeof(gateway->parked[0]));
		log_run(sim, gateway, first);
	}
}

// Where lines without an address are to be torn from their neighbours: before or behind them.
static void tear(struct sim *sim, struct gateway *gateway, struct line *first)
{
	for (struct line *line = first; line; line = line->next) {
		if (!line->anonymous)
			continue;
		sim->n_anonymous++;
		if (!random_chance(&gateway->random, sim->scenario->lines.separated))
			continue;
		if (line->next && random_chance(&gateway->random, 0.5))
			line->next->gap = true;
		else if (line != first)
			line->gap = true;
	}
}

void gateway_log(struct sim *sim, struct gateway *gateway, struct line *first)
{
	tear(sim, gateway, first);
	// A handshake's own lines stay in order.
	for (unsigned i = 0; first->flow && i < gateway->n_parked; i++) {
		if (gateway->parked[i].flow != first->flow)
			continue;
		gateway->parked[i].others = 0;
		gateway_unpark(sim, gateway);
		i = UINT_MAX; // what came of it may be parked again
	}
	uint32_t flow = log_run(sim, gateway, first);
	for (unsigned i = 0; flow && i < gateway->n_parked; i++) {
		if (gateway->parked[i].flow != flow && gateway->parked[i].others)
			gateway->parked[i].others--;
	}
	gateway_unpark(sim, gateway);
}
