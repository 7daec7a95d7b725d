// SPDX-License-Identifier: BSD-3-Clause
// scaling: what one more worker brings: messages a second of 1, 2, ... workers, each with a port
// and a share of the senders of its own, while events cross between them to whoever owns the
// gateway, the alias, the client; and the share of a worker's time that the crossing takes.
//
//   scaling [--json] [--seconds S] [--workers MAX] [MIX]...    realistic and relevant, 2 seconds
//   each
//
// Up to as many workers as there are CPUs. Control has none of its own where workers have all; here
// it sleeps but for looking at the time and at where worker 0 is (bench/sampler.h). Each number of
// workers is run three times, in turn; ratios are of one turn, the median is told. A second is one
// of the workers' CPU time (rig_clock_s()). What the exchange lost was not worked on, and flatters
// the ratio: a figure is worth something where next to nothing was lost, and that takes a machine
// where no worker is ever put aside while the others go on.
#include <stdlib.h>
#include <unistd.h>

#include "apart.h"
#include "figure.h"
#include "options.h"
#include "rig.h"
#include "sampler.h"

#define FRAMES 1000000
#define WORKERS_TRIED_MAX 8 // of PORT_LISTEN_MAX ports

// What one run tells.
struct run {
	double per_second;
	double exchange;      // share of worker 0's time
	double sent, dropped; // events a message
};

struct job {
	const struct options *options;
	enum mix mix;
	unsigned n_workers;
};

static bool work(void *context, void *result)
{
	const struct job *job = context;
	const struct options *options = job->options;
	unsigned n_workers = job->n_workers;
	struct run *run = result;
	double shares[PART_MAX];
	struct rig *rig = calloc(1, sizeof(*rig));
	if (rig == NULL || !rig_load(rig, NULL) ||
		!rig_start_ports(rig, job->mix, FRAMES, n_workers) ||
		!rig_start_workers(rig, n_workers, NULL) || !sampler_init(rig->threads[0]) ||
		!rig_run(rig))
		return false;
	rig_wait(rig, options->seconds / 4); // until all clients are known
	struct rig_span span = rig_span_begin(rig);
	bool ok = sampler_run(options->seconds, shares);
	run->per_second = rig_span_rate(rig, &span);
	rig_halt(rig);
	run->exchange = shares[PART_exchange];
	double messages = (double)rig_messages(rig);
	for (unsigned i = 0; i < n_workers; i++) {
		const struct counters *c = &rig->workers->worker[i]->counters;
		run->sent += (double)counter_get(&c->sent_away) / messages;
		run->dropped += (double)counter_get(&c->events_dropped[EVENT_DROP_exchange_full]) /
				messages;
	}
	if (!ok)
		fputs("scaling: no samples of the worker\n", stderr);
	return ok;
}

static double middle(const struct run *runs, size_t member)
{
	double values[FIGURE_ROUNDS];
	for (int i = 0; i < FIGURE_ROUNDS; i++)
		values[i] = *(const double *)((const char *)&runs[i] + member);
	return figure_median(values, FIGURE_ROUNDS);
}
#define MIDDLE(runs, member) middle(runs, offsetof(struct run, member))

static void tell(const struct options *options, enum mix mix, unsigned n, const struct run *one,
	const struct run *runs)
{
	double ratios[FIGURE_ROUNDS], rate = MIDDLE(runs, per_second);
	for (int i = 0; i < FIGURE_ROUNDS; i++)
		ratios[i] = runs[i].per_second / one[i].per_second;
	double ratio = figure_median(ratios, FIGURE_ROUNDS);
	if (options->json)
		figure_print(json_pack("{s:s, s:s, s:s, s:i, s:i, s:f, s:f, s:f, s:f, s:f}",
			"bench", "scaling", "mix", mix_names[mix], "corpus", mix_texts[mix],
			"workers", (int)n, "cpus", (int)sysconf(_SC_NPROCESSORS_ONLN),
			"messages_per_second", rate, "ratio_to_one", ratio, "exchange_share",
			MIDDLE(runs, exchange), "sent_per_message", MIDDLE(runs, sent),
			"exchange_full_per_message", MIDDLE(runs, dropped)));
	else
		printf("%-10s %7u %8.3f %8.2f %10.1f %12.3f %12.5f\n", mix_names[mix], n,
			rate / 1e6, ratio, 100 * MIDDLE(runs, exchange), MIDDLE(runs, sent),
			MIDDLE(runs, dropped));
	fflush(stdout);
}

static int run_mix(enum mix mix, void *context)
{
	static struct run runs[WORKERS_TRIED_MAX + 1][FIGURE_ROUNDS];
	const struct options *options = context;
	for (int round = 0; round < FIGURE_ROUNDS; round++) {
		for (unsigned n = 1; n <= options->n; n++) {
			struct job job = {options, mix, n};
			if (!apart_run(work, &job, &runs[n][round], sizeof(struct run)))
				return 1;
		}
	}
	for (unsigned n = 1; n <= options->n; n++)
		tell(options, mix, n, runs[1], runs[n]);
	return 0;
}

int main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct options options = {.seconds = 2,
		.seconds_max = 3600,
		.number = "workers",
		.n = (unsigned)(cpus < WORKERS_TRIED_MAX ? cpus : WORKERS_TRIED_MAX),
		.n_max = WORKERS_TRIED_MAX,
		.usual = {"realistic", "relevant"}};
	if (!options_read(&options, argc, argv))
		return 2;
	if (!options.json)
		puts("mix        workers      M/s  x one w.  exchange %    sent a message   lost a message");
	return mixes_run(options.mixes, options.n_mixes, run_mix, &options);
}
