// SPDX-License-Identifier: BSD-3-Clause
// pipeline: messages a second of one worker core, through a real DPDK port with everything on, and
// beside it the bounds on the same core and bytes: receiving alone, receiving and taking messages
// apart, and a bare scan of whole messages for all texts of the rules.
//
//   pipeline [--json] [--seconds S] [--rules DIR] [MIX]...      all mixes, 2 seconds a figure
//
// Each mix is a process of its own (DPDK starts once in a process). The figures of one mix are
// taken in turn, three times, and the median of each is told. A second is one of the worker's CPU
// time, of which a worker on a core of its own has all there is (rig_clock_s()).
#include <stdlib.h>

#include <jansson.h>
#include <rte_ethdev.h>
#include <rte_launch.h>

#include "../rules/pattern.h"
#include "figure.h"
#include "options.h"
#include "rig.h"

#define BURST 32

// X(name, what)
#define FIGURES(X)                                    \
	X(receive, "receive only")                    \
	X(parse, "receive, take apart")               \
	X(hs_scan, "receive, scan the whole message") \
	X(pipeline, "everything")

enum figure {
#define X(name, what) FIGURE_##name,
	FIGURES(X)
#undef X
		FIGURE_MAX
};

struct bench {
	const struct options *options;
	struct rig rig;
	struct datagram_reader *reader;
	struct counters counters; // of the bounds
	struct shape_table shapes;
	hs_database_t *database;
	hs_scratch_t *scratch;
	enum figure figure;
	uint64_t n_messages, n_matches;
	atomic_bool stop;
	double per_second[FIGURE_MAX][FIGURE_ROUNDS];
};

// ---- the bounds ----

static int count_match(
	unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context)
{
	(void)id, (void)from, (void)to, (void)flags;
	++*(uint64_t *)context;
	return 0;
}

static void bound_take(struct bench *b, struct slice payload)
{
	struct slice line;
	struct message message;
	if (b->figure == FIGURE_hs_scan) {
		hs_scan(b->database, payload.data, payload.len, 0, b->scratch, count_match,
			&b->n_matches);
		b->n_messages++;
		return;
	}
	while (message_next(&payload, &line)) {
		message_parse(&b->shapes, line, &message);
		b->n_matches += message.source == MESSAGE_ASA;
		b->n_messages++;
	}
}

static int run_bound(void *argument)
{
	struct bench *b = argument;
	const struct port_queue *queue = &b->rig.ports.queues[0][0];
	struct rte_mbuf *frames[BURST];
	while (!atomic_load_explicit(&b->stop, memory_order_relaxed)) {
		unsigned n = rte_eth_rx_burst(queue->port, queue->queue, frames, BURST);
		for (unsigned i = 0; i < n; i++) {
			struct datagram datagram;
			if (b->figure == FIGURE_receive) {
				b->n_messages++;
				rte_pktmbuf_free(frames[i]);
			} else if (datagram_read(b->reader, &b->counters, &queue->options,
					   frames[i], 0, &datagram) == DATAGRAM_READY) {
				bound_take(b, datagram.payload);
				datagram_release(&datagram);
			}
		}
	}
	return 0;
}

static double measure_bound(struct bench *b, enum figure figure)
{
	b->figure = figure;
	b->n_messages = 0;
	atomic_store(&b->stop, false);
	double begin = rig_clock_s(&b->rig);
	if (rte_eal_remote_launch(run_bound, b, b->rig.ports.lcores[0]) != 0)
		return 0;
	figure_wait(b->options->seconds);
	atomic_store(&b->stop, true);
	rte_eal_mp_wait_lcore();
	return (double)b->n_messages / (rig_clock_s(&b->rig) - begin);
}

// All texts of all rules, wherever in the message they stand.
static hs_database_t *compile_bare(const struct rulepack *pack)
{
	unsigned n = 0;
	const char **expressions = calloc(RULES_TEXTS_MAX, sizeof(*expressions));
	unsigned *flags = calloc(RULES_TEXTS_MAX, sizeof(*flags));
	unsigned *ids = calloc(RULES_TEXTS_MAX, sizeof(*ids));
	struct obstack *arena = (struct obstack *)&pack->arena;
	hs_compile_error_t *error = NULL;
	hs_database_t *database = NULL;
	for (unsigned i = 0; i < pack->n_messages; i++) {
		const struct message_rule *rule = &pack->messages[i];
		unsigned n_texts = rule->pattern ? 1 : rule->n_templates;
		for (unsigned k = 0; k < n_texts; k++) {
			const char *text = rule->pattern
						   ? rule->pattern
						   : template_pattern(&rule->templates[k], arena);
			flags[n] = PATTERN_FLAGS;
			ids[n] = n;
			expressions[n++] = text + (text[0] == '^');
		}
	}
	if (hs_compile_multi(expressions, flags, ids, n, HS_MODE_BLOCK, NULL, &database, &error) !=
		HS_SUCCESS)
		fprintf(stderr, "pipeline: %s\n", error ? error->message : "out of memory");
	hs_free_compile_error(error);
	free(expressions);
	free(flags);
	free(ids);
	return database;
}

// ---- everything ----

static void measure(struct bench *b)
{
	for (int round = 0; round < FIGURE_ROUNDS; round++) {
		for (int figure = 0; figure < FIGURE_pipeline; figure++)
			b->per_second[figure][round] = measure_bound(b, (enum figure)figure);
		b->per_second[FIGURE_pipeline][round] = rig_measure(&b->rig, b->options->seconds);
	}
}

// ---- results ----

static double ratio_to(const struct bench *b, enum figure bound)
{
	double ratios[FIGURE_ROUNDS];
	for (int round = 0; round < FIGURE_ROUNDS; round++)
		ratios[round] = b->per_second[FIGURE_pipeline][round] / b->per_second[bound][round];
	return figure_median(ratios, FIGURE_ROUNDS);
}

static void print_json(const struct bench *b, enum mix mix)
{
	static const char *const names[] = {
#define X(name, what) #name,
		FIGURES(X)
#undef X
	};
	double rate = figure_median(b->per_second[FIGURE_pipeline], FIGURE_ROUNDS);
	json_t *bounds = json_object();
	for (int figure = 0; figure < FIGURE_pipeline; figure++)
		json_object_set_new(bounds, names[figure],
			json_real(1e9 / figure_median(b->per_second[figure], FIGURE_ROUNDS)));
	figure_print(json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:o}", "bench",
		"pipeline", "mix", mix_names[mix], "corpus", mix_texts[mix], "frames",
		(json_int_t)mix_frames[mix], "rules",
		(json_int_t)b->rig.workers->ruleset->pack->n_messages, "messages_per_second", rate,
		"ns_per_message", 1e9 / rate, "ratio_to_hs_scan", ratio_to(b, FIGURE_hs_scan),
		"ratio_to_receive", ratio_to(b, FIGURE_receive), "bounds_ns", bounds));
}

static void print_row(const struct bench *b, enum mix mix)
{
	printf("%-10s", mix_names[mix]);
	for (int figure = 0; figure < FIGURE_MAX; figure++)
		printf(" %9.1f", 1e9 / figure_median(b->per_second[figure], FIGURE_ROUNDS));
	printf(" %8.2f %10.2f %8.2f\n",
		figure_median(b->per_second[FIGURE_pipeline], FIGURE_ROUNDS) / 1e6,
		ratio_to(b, FIGURE_hs_scan), ratio_to(b, FIGURE_receive));
}

// ---- one mix ----

static bool start(struct bench *b, enum mix mix)
{
	if (!rig_start_ports(&b->rig, mix, mix_frames[mix], 1) ||
		!rig_load(&b->rig, b->options->rules) || !rig_start_workers(&b->rig, 1, NULL))
		return false;
	b->database = compile_bare(b->rig.workers->ruleset->pack);
	b->reader = datagram_reader_create(&b->counters);
	if (b->database && b->reader && hs_alloc_scratch(b->database, &b->scratch) == HS_SUCCESS)
		return true;
	fputs("pipeline: out of memory\n", stderr);
	return false;
}

static int run_mix(enum mix mix, void *context)
{
	const struct options *options = context;
	struct bench *b = calloc(1, sizeof(*b));
	if (b == NULL)
		return 1;
	b->options = options;
	if (!start(b, mix))
		return 1;
	measure(b);
	if (options->json)
		print_json(b, mix);
	else
		print_row(b, mix);
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {.seconds = 2, .seconds_max = 3600, .takes_rules = true};
	if (!options_read(&options, argc, argv))
		return 2;
	if (!options.json)
		printf("ns a message  receive     parse   hs_scan  pipeline      M/s  x hs_scan  x "
		       "receive\n");
	return mixes_run(options.mixes, options.n_mixes, run_mix, &options);
}
