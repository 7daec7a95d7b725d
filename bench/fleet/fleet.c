// SPDX-License-Identifier: BSD-3-Clause
#include "fleet.h"

#include <stdlib.h>
#include <string.h>

#include "header.h"

static const struct {
	const char *name;
	unsigned family;
	bool modern;
} models[] = {{"CP-7962G", 79, false}, {"CP-7965G", 79, false}, {"CP-7945G", 79, false},
	{"CP-9971", 89, false}, {"CP-8945", 89, false}, {"CP-8841", 88, true},
	{"CP-8851", 88, true}, {"CP-8861", 88, true}, {"CP-7841", 88, true}};
#define N_MODELS (sizeof(models) / sizeof(models[0]))

const char *phone_model(const struct phone *phone)
{
	return models[phone->model].name;
}

unsigned phone_family(const struct phone *phone)
{
	return models[phone->model].family;
}

static void *array(size_t n, size_t size)
{
	void *all = calloc(n ? n : 1, size);
	if (all == NULL)
		abort();
	return all;
}

// ---- gateways ----

static void make_gateway(struct sim *sim, unsigned number)
{
	const struct scenario *sc = sim->scenario;
	struct gateway *g = &sim->gateways[number];
	struct random *random = &g->random;
	g->number = number;
	*random = random_of(sim->seed, ACTOR_GATEWAY, number);
	g->form = number >= sc->gateways.alike * sc->gateways.count ? number : 0;
	g->quiet = random_chance(random, sc->gateways.quiet);
	g->hidden = random_chance(random, sc->gateways.hidden);
	g->limited = random_chance(random, sc->gateways.rate_limited);
	g->duplicated =
		random_chance(random, sc->gateways.duplicated) && form_names_gateway(g->form);
	g->old = random_chance(random, 0.25);
	g->zone_s = form_is_utc(g->form) || random_chance(random, 0.5)
			    ? 0
			    : (int)sc->gateways.zone_hours * 3600;
	if (random_chance(random, sc->gateways.skewed))
		g->skew_s = (int)random_below(random, (uint32_t)(sc->gateways.skew_ms / 500 + 1)) -
			    (int)(sc->gateways.skew_ms / 1000);
	if (random_chance(random, sc->gateways.failover))
		g->failover_us = START_US + sc->duration_ms * 300 +
				 random_below(random, (uint32_t)sc->duration_ms) * 500ull;
	bool ipv6 = random_chance(random, sc->gateways.ipv6);
	for (unsigned unit = 0; unit < 2; unit++) {
		if (ipv6)
			snprintf(g->sender[unit], sizeof(g->sender[unit]), "2001:db8:ff%s::%x",
				unit ? ":1" : "", number + 1);
		else
			snprintf(g->sender[unit], sizeof(g->sender[unit]), "10.255.%u.%u", unit,
				number + 1);
		snprintf(g->name[unit], sizeof(g->name[unit]), "asa-%02u%s", number + 1,
			unit ? "-b" : "");
		if (form_names_sender(g->form) || !form_names_gateway(g->form))
			snprintf(g->name[unit], sizeof(g->name[unit]), "%.31s", g->sender[unit]);
	}
	snprintf(g->outside, sizeof(g->outside), "203.0.113.%u", number + 1);
	snprintf(g->outside6, sizeof(g->outside6), "2001:db8:0:1::%x", number + 1);
	snprintf(g->trustpoint, sizeof(g->trustpoint), "SSL-%02u", number + 1);
	g->connection = random_below(random, 100000000);
	g->rest_size = 1024;
	g->rest = array(g->rest_size, sizeof(g->rest[0]));
	g->phones = array(sc->phones.count, sizeof(g->phones[0]));
}

// ---- phones ----

static void name_phone(struct phone *p, bool typed)
{
	struct client *c = &p->client;
	snprintf(p->device, sizeof(p->device), "SEP00CA%08X", 0x01000000 + p->number * 7);
	c->device = p->device;
	if (typed)
		snprintf(c->user, sizeof(c->user), "phone.%05u", p->number);
	else
		snprintf(c->user, sizeof(c->user), "%s-%s", phone_model(p), p->device);
	snprintf(c->subject, sizeof(c->subject),
		"serialNumber=PID:%s SN:FCH%08u,cn=%s-%s,ou=EVVBU,o=Cisco Systems Inc.",
		phone_model(p), p->number, phone_model(p), p->device);
	snprintf(c->issuer, sizeof(c->issuer), "%s",
		c->variant % 3 == 0 ? "cn=CAPF-7c5a91d3,ou=Voice,o=Example"
		: c->modern	    ? "cn=Cisco Manufacturing CA SHA2,o=Cisco"
				    : "cn=Cisco Manufacturing CA,o=Cisco Systems");
	snprintf(c->serial, sizeof(c->serial), "4E%010X", p->number);
}

static enum console draw_console(struct random *random, const struct scenario *sc)
{
	if (random_chance(random, sc->console.relay))
		return CONSOLE_RELAY;
	if (random_chance(random, sc->console.direct))
		return CONSOLE_DIRECT;
	return random_chance(random, sc->console.later) ? CONSOLE_LATER : CONSOLE_NONE;
}

static void make_phone(struct sim *sim, unsigned number, uint32_t site)
{
	const struct scenario *sc = sim->scenario;
	struct phone *p = &sim->phones[number];
	struct client *c = &p->client;
	p->number = number;
	p->random = random_of(sim->seed, ACTOR_PHONE, number);
	struct random *random = &p->random;
	p->model = random_below(random, N_MODELS);
	p->site = site;
	p->gateway = random_below(random, (uint32_t)sc->gateways.count);
	if (site) // a branch has one way out
		p->gateway = site % (uint32_t)sc->gateways.count;
	c->is_phone = true;
	c->modern = models[p->model].modern;
	c->variant = (uint32_t)random_next(random);
	c->tunnel_group = "VPNPhone";
	c->policy = "GroupPolicy_VPNPhone";
	c->agent = "Cisco SVC IPPhone Client v1.0 (1.0)";
	bool typed = random_chance(random, sc->phones.typed);
	c->certificate = !typed;
	name_phone(p, typed);
	p->console = draw_console(random, sc);
	p->named_in_header = site || random_chance(random, 0.5);
	p->sequence = random_below(random, 9000);
	if (site)
		snprintf(c->address, sizeof(c->address), "198.18.%u.%u", 240 + (site >> 8 & 15),
			site & 255);
	else if (random_chance(random, sc->phones.ipv6))
		snprintf(c->address, sizeof(c->address), "2001:db8:a:%x::%x", number + 1,
			5 + number % 7);
	else
		snprintf(c->address, sizeof(c->address), "198.18.%u.%u", number >> 8 & 0xff,
			number & 255);
	struct gateway *g = &sim->gateways[p->gateway];
	g->phones[g->n_phones++] = number;
}

void fleet_create(struct sim *sim)
{
	const struct scenario *sc = sim->scenario;
	struct random random = random_of(sim->seed, ACTOR_FLEET, 1);
	sim->gateways = array(sc->gateways.count, sizeof(sim->gateways[0]));
	sim->phones = array(sc->phones.count, sizeof(sim->phones[0]));
	for (unsigned i = 0; i < sc->gateways.count; i++)
		make_gateway(sim, i);
	// Sites take neighbours, so that the phones of one are made one after the other.
	uint32_t site = 0, left = 0;
	double share = sc->phones.at_site / (1 - sc->phones.at_site / 2) /
		       ((double)(2 + sc->phones.site_phones) / 2);
	for (unsigned i = 0; i < sc->phones.count; i++) {
		if (left == 0 && random_chance(&random, share)) {
			site++;
			left = random_between(&random, 2, (uint32_t)sc->phones.site_phones);
		}
		make_phone(sim, i, left ? site : 0);
		left -= left > 0;
	}
}

void fleet_destroy(struct sim *sim)
{
	for (unsigned i = 0; i < sim->scenario->gateways.count; i++) {
		free(sim->gateways[i].rest);
		free(sim->gateways[i].phones);
	}
	free(sim->gateways);
	free(sim->phones);
}
