// SPDX-License-Identifier: BSD-3-Clause
// fleet: makes a day of a fleet of VPN phones, as gateways and phones log it, and says what is in
// it.
//
//   fleet SCENARIO.yaml --seed N [--pcap OUT.pcap] [--text OUT.log] --truth OUT.jsonl
//
// In the text log who has sent a line is lost, as in any collector's file, but for the name in it.
// The same seed and scenario give the same bytes. Everything that is to happen stands in one queue,
// by time; who acts puts what follows from it there.
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "phone.h"

static int usage(void)
{
	fputs("usage: fleet SCENARIO.yaml --seed N [--pcap OUT.pcap] [--text OUT.log] --truth OUT.jsonl\n",
		stderr);
	return 2;
}

// The other unit takes over, and the sessions go on there.
static void fail_over(struct sim *sim, struct gateway *gateway)
{
	struct client nobody = {.address = "0.0.0.0"};
	struct script s = script_begin(sim, gateway, &nobody, &gateway->random, sim->now_us);
	say(&s, "1-104001: (Secondary) Switching to ACTIVE - Other unit wants me Active.");
	script_pause(&s, 500, 2000);
	for (unsigned i = 0; i < gateway->n_phones; i++) {
		struct phone *phone = &sim->phones[gateway->phones[i]];
		struct client *c = &phone->client;
		if (!phone->connected || phone->truth.diagnosis)
			continue;
		say(&s, "5-722032: Group <%s> User <%s> IP <%s> New TCP SVC connection replacing old connection.",
			c->policy, c->user, c->address);
		say(&s, "5-722032: Group <%s> User <%s> IP <%s> New UDP SVC connection replacing old connection.",
			c->policy, c->user, c->address);
		script_pause(&s, 1, 40);
	}
	script_end(&s);
}

static void noise(struct sim *sim, struct gateway *gateway)
{
	const struct scenario *sc = sim->scenario;
	if (!outage_block(gateway, sim->now_us, NULL))
		noise_make(sim, gateway);
	uint32_t apart_us = (uint32_t)(2 * SECOND_US * 17 / 10 / sc->lines.noise);
	queue_put(&sim->queue,
		(struct happening){
			.at_us = sim->now_us + random_between(&gateway->random, 1, apart_us),
			.kind = HAPPENING_NOISE,
			.number = gateway->number});
}

static void happen(struct sim *sim, const struct happening *h)
{
	struct datagram *datagram = h->what;
	switch ((enum happening_kind)h->kind) {
	case HAPPENING_RUN:
		gateway_log(sim, &sim->gateways[h->number], h->what);
		break;
	case HAPPENING_PARKED:
		gateway_unpark(sim, &sim->gateways[h->number]);
		break;
	case HAPPENING_DATAGRAM:
		wire_write(&sim->wire, sim->now_us, datagram->sender, datagram->payload,
			datagram->len);
		free(datagram);
		break;
	case HAPPENING_PHONE:
		phone_step(sim, &sim->phones[h->number], h->step);
		break;
	case HAPPENING_OTHER:
		other_step(sim, h->number, h->step);
		break;
	case HAPPENING_NOISE:
		noise(sim, &sim->gateways[h->number]);
		break;
	case HAPPENING_OUTAGE:
		outage_happens(sim, &sim->gateways[h->number], h->step / 2, h->step % 2);
		break;
	case HAPPENING_FAILOVER:
		fail_over(sim, &sim->gateways[h->number]);
		break;
	}
}

static void plan(struct sim *sim)
{
	const struct scenario *sc = sim->scenario;
	outage_plan(sim);
	for (unsigned i = 0; i < sc->gateways.count; i++) {
		struct gateway *gateway = &sim->gateways[i];
		if (sc->lines.noise)
			queue_put(&sim->queue, (struct happening){.at_us = START_US + i * 1000ull,
						       .kind = HAPPENING_NOISE,
						       .number = i});
		if (gateway->failover_us)
			queue_put(&sim->queue, (struct happening){.at_us = gateway->failover_us,
						       .kind = HAPPENING_FAILOVER,
						       .number = i});
	}
	for (unsigned i = 0; i < sc->phones.count; i++)
		phone_plan(sim, &sim->phones[i]);
	other_plan(sim);
}

static void discard_lines(struct line *line)
{
	for (struct line *next; line; line = next) {
		next = line->next;
		free(line);
	}
}

// What is left when time is up has not happened.
static void discard(struct happening *h)
{
	if (h->kind == HAPPENING_DATAGRAM)
		free(h->what);
	else if (h->kind == HAPPENING_RUN)
		discard_lines(h->what);
}

static void run(struct sim *sim)
{
	struct happening h;
	plan(sim);
	while (queue_take(&sim->queue, &h)) {
		sim->now_us = h.at_us;
		if (h.at_us < sim->end_us)
			happen(sim, &h);
		else
			discard(&h);
	}
	for (unsigned i = 0; i < sim->scenario->gateways.count; i++) {
		struct gateway *gateway = &sim->gateways[i];
		while (gateway->n_parked)
			discard_lines(gateway->parked[--gateway->n_parked].first);
	}
	for (unsigned i = 0; i < sim->scenario->phones.count; i++)
		phone_close(sim, &sim->phones[i]);
}

static int simulate(const struct scenario *scenario, uint64_t seed, const char *pcap,
	const char *text, const char *truths)
{
	struct sim sim = {.scenario = scenario,
		.seed = seed,
		.random = random_of(seed, ACTOR_NOISE, 0),
		.end_us = START_US + scenario->duration_ms * 1000};
	sim.truths = fopen(truths, "w");
	if (sim.truths == NULL || !wire_open(&sim.wire, pcap, text)) {
		fprintf(stderr, "fleet: cannot write %s: %s\n",
			sim.truths == NULL	   ? truths
			: pcap && !sim.wire.dumper ? pcap
						   : text,
			strerror(errno));
		return 1;
	}
	fleet_create(&sim);
	run(&sim);
	fprintf(stderr,
		"%llu datagrams, %llu failures planted, %llu handshakes; %llu of %llu lines without an "
		"address separated; %llu lost, %llu over a rate limit\n",
		(unsigned long long)sim.wire.n_datagrams, (unsigned long long)sim.n_planted,
		(unsigned long long)sim.n_flows, (unsigned long long)sim.n_separated,
		(unsigned long long)sim.n_anonymous, (unsigned long long)sim.n_lost,
		(unsigned long long)sim.n_limited);
	fleet_destroy(&sim);
	queue_fini(&sim.queue);
	bool ok = wire_close(&sim.wire);
	ok &= fclose(sim.truths) == 0;
	if (!ok)
		fprintf(stderr, "fleet: could not write all of it\n");
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
		{"pcap", required_argument, NULL, 'p'}, {"text", required_argument, NULL, 'x'},
		{"truth", required_argument, NULL, 't'}, {0}};
	const char *pcap = NULL, *text = NULL, *truths = NULL;
	uint64_t seed = 1;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (option == 'p')
			pcap = optarg;
		else if (option == 'x')
			text = optarg;
		else if (option == 't')
			truths = optarg;
		else
			return usage();
	}
	if (optind + 1 != argc || (pcap == NULL && text == NULL) || truths == NULL)
		return usage();
	static struct scenario scenario;
	struct report report = {0};
	if (!scenario_read(&scenario, argv[optind], &report)) {
		fputs(report.text ? report.text : "", stderr);
		report_fini(&report);
		return 1;
	}
	return simulate(&scenario, seed, pcap, text, truths);
}
