// SPDX-License-Identifier: BSD-3-Clause
// stages: where a message's time and instructions go: nanoseconds and instructions a message of
// each stage of the path, by mix, so that a change for the worse has an address.
//
//   stages [--json] [--seconds S] [--rules DIR] [MIX]...      all mixes, 3 seconds each
//
// Time: one worker in its own loop on a looped port, whose thread is sampled; a stage's share of
// the samples is its share of the time of a message. Instructions: counted by callgrind (this needs
// no counters of the CPU, which virtual machines mostly do not have), in bench/offline, where
// frames are handed over without a port. No stage is measured apart from the others, so nothing has
// to be switched off or written twice, and the sum is the whole.
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "callgrind.h"
#include "figure.h"
#include "options.h"
#include "rig.h"
#include "sampler.h"

struct stages {
	double ns[PART_MAX], ns_all;
	double instructions[PART_MAX], instructions_all;
};

static bool fail(const char *what)
{
	fprintf(stderr, "stages: %s\n", what);
	return false;
}

static bool take_time(const struct options *options, enum mix mix, struct stages *stages)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	if (rig == NULL || !rig_load(rig, options->rules) ||
		!rig_start_ports(rig, mix, mix_frames[mix], 1) ||
		!rig_start_workers(rig, 1, NULL) || !sampler_init(rig->threads[0]) || !rig_run(rig))
		return fail("no worker runs");
	rig_wait(rig, options->seconds / 4); // until all clients are known
	struct rig_span span = rig_span_begin(rig);
	bool ok = sampler_run(options->seconds, stages->ns);
	stages->ns_all = 1e9 / rig_span_rate(rig, &span);
	rig_halt(rig);
	for (int part = 0; part < PART_MAX; part++)
		stages->ns[part] *= stages->ns_all;
	return ok || fail("no samples, or no addr2line");
}

static bool count_instructions(const char *offline, enum mix mix, struct stages *stages)
{
	uint64_t n;
	struct parts *parts = parts_create();
	bool ok = parts && callgrind_run(offline, mix, parts, &n) &&
		  parts_sum(parts, offline, stages->instructions);
	for (int part = 0; ok && part < PART_MAX; part++) {
		stages->instructions[part] /= (double)n;
		stages->instructions_all += stages->instructions[part];
	}
	parts_destroy(parts);
	return ok || fail("valgrind does not count: is it installed?");
}

static void print_json(enum mix mix, const struct stages *stages)
{
	for (int part = 0; part < PART_MAX; part++)
		figure_print(json_pack("{s:s, s:s, s:s, s:s, s:f, s:f}", "bench", "stages", "mix",
			mix_names[mix], "corpus", mix_texts[mix], "stage", part_names[part],
			"ns_per_message", stages->ns[part], "instructions_per_message",
			stages->instructions[part]));
	figure_print(json_pack("{s:s, s:s, s:s, s:s, s:f, s:f}", "bench", "stages", "mix",
		mix_names[mix], "corpus", mix_texts[mix], "stage", "all", "ns_per_message",
		stages->ns_all, "instructions_per_message", stages->instructions_all));
}

static void print_table(enum mix mix, const struct stages *stages)
{
	printf("\n%-10s      ns    %%  instructions    %%  (%s)\n", mix_names[mix], mix_texts[mix]);
	for (int part = 0; part < PART_MAX; part++)
		printf("%-10s %7.1f %4.0f %13.0f %4.0f  %s\n", part_names[part], stages->ns[part],
			100 * stages->ns[part] / stages->ns_all, stages->instructions[part],
			100 * stages->instructions[part] / stages->instructions_all,
			part_texts[part]);
	printf("%-10s %7.1f      %13.0f\n", "all", stages->ns_all, stages->instructions_all);
}

static int run_mix(enum mix mix, void *context)
{
	const struct options *options = context;
	struct stages stages = {0};
	char offline[PATH_MAX + 16], self[PATH_MAX] = "";
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	snprintf(offline, sizeof(offline), "%s/offline", dirname(self));
	// The counting first: it is a process of its own, and DPDK leaves threads behind.
	if (!count_instructions(offline, mix, &stages) || !take_time(options, mix, &stages))
		return 1;
	if (options->json)
		print_json(mix, &stages);
	else
		print_table(mix, &stages);
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {.seconds = 3, .seconds_max = 3600, .takes_rules = true};
	if (!options_read(&options, argc, argv))
		return 2;
	return mixes_run(options.mixes, options.n_mixes, run_mix, &options);
}
