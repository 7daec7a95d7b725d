// SPDX-License-Identifier: BSD-3-Clause
// pipeline: messages a second of one worker core, through a real DPDK port with everything on, and
// beside it the bounds on the same core and bytes: receiving alone, receiving and taking messages
// apart, and a bare scan of whole messages for all texts of the rules.
//
//   pipeline [--json] [--seconds S] [--rules DIR] [MIX]...      all mixes, 2 seconds a figure
//
// Each mix is a process of its own (DPDK starts once in a process). The figures of one mix are
// taken in turn, three times, and the median of each is told.
#include <getopt.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <rte_ethdev.h>
#include <rte_launch.h>

#include "../control/config.h"
#include "../control/pack.h"
#include "../dataplane/worker.h"
#include "../rules/pattern.h"
#include "mixes.h"

#define BURST 32
#define ROUNDS 3

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

struct options {
	bool json;
	double seconds;
	const char *rules;
};

struct bench {
	const struct options *options;
	struct port_set ports;
	struct workers *workers;
	struct datagram_reader *reader;
	struct counters counters; // of the bounds
	struct shape_table shapes;
	hs_database_t *database;
	hs_scratch_t *scratch;
	enum figure figure;
	uint64_t n_messages, n_matches;
	atomic_bool stop;
	double per_second[FIGURE_MAX][ROUNDS];
};

static double seconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void wait_seconds(double seconds)
{
	struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
	nanosleep(&t, NULL);
}

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
	const struct port_queue *queue = &b->ports.queues[0][0];
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
	double begin = seconds_now();
	if (rte_eal_remote_launch(run_bound, b, b->ports.lcores[0]) != 0)
		return 0;
	wait_seconds(b->options->seconds);
	atomic_store(&b->stop, true);
	rte_eal_mp_wait_lcore();
	return (double)b->n_messages / (seconds_now() - begin);
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

static double measure_pipeline(struct bench *b)
{
	const struct counters *counters = &b->workers->worker[0]->counters;
	if (workers_start(b->workers, &b->ports) != 0)
		return 0;
	wait_seconds(b->options->seconds / 4); // until all clients are known
	uint64_t first = counter_get(&counters->messages);
	double begin = seconds_now();
	wait_seconds(b->options->seconds);
	double per_second =
		(double)(counter_get(&counters->messages) - first) / (seconds_now() - begin);
	workers_stop(b->workers);
	datagram_reader_destroy(b->workers->worker[0]->reader);
	b->workers->worker[0]->reader = NULL;
	return per_second;
}

static void measure(struct bench *b)
{
	for (int round = 0; round < ROUNDS; round++) {
		for (int figure = 0; figure < FIGURE_pipeline; figure++)
			b->per_second[figure][round] = measure_bound(b, (enum figure)figure);
		b->per_second[FIGURE_pipeline][round] = measure_pipeline(b);
	}
}

// ---- results ----

static int compare(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;
	return (one > other) - (one < other);
}

static double median(const double *rounds)
{
	double sorted[ROUNDS];
	memcpy(sorted, rounds, sizeof(sorted));
	qsort(sorted, ROUNDS, sizeof(sorted[0]), compare);
	return sorted[ROUNDS / 2];
}

static double ratio_to(const struct bench *b, enum figure bound)
{
	double ratios[ROUNDS];
	for (int round = 0; round < ROUNDS; round++)
		ratios[round] = b->per_second[FIGURE_pipeline][round] / b->per_second[bound][round];
	return median(ratios);
}

static void print_json(const struct bench *b, enum mix mix, const char *command)
{
	static const char *const names[] = {
#define X(name, what) #name,
		FIGURES(X)
#undef X
	};
	double rate = median(b->per_second[FIGURE_pipeline]);
	json_t *bounds = json_object();
	for (int figure = 0; figure < FIGURE_pipeline; figure++)
		json_object_set_new(
			bounds, names[figure], json_real(1e9 / median(b->per_second[figure])));
	json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:f, s:f, s:f, s:f, s:o, s:s, s:s}", "bench",
		"pipeline", "mix", mix_names[mix], "corpus", mix_texts[mix], "frames",
		(json_int_t)mix_frames[mix], "messages_per_second", rate, "ns_per_message",
		1e9 / rate, "ratio_to_hs_scan", ratio_to(b, FIGURE_hs_scan), "ratio_to_receive",
		ratio_to(b, FIGURE_receive), "bounds_ns", bounds, "compiler", __VERSION__,
		"command", command);
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(4));
	putchar('\n');
	json_decref(o);
}

static void print_row(const struct bench *b, enum mix mix)
{
	printf("%-10s", mix_names[mix]);
	for (int figure = 0; figure < FIGURE_MAX; figure++)
		printf(" %9.1f", 1e9 / median(b->per_second[figure]));
	printf(" %8.2f %10.2f %8.2f\n", median(b->per_second[FIGURE_pipeline]) / 1e6,
		ratio_to(b, FIGURE_hs_scan), ratio_to(b, FIGURE_receive));
}

// ---- one mix ----

static void note(void *context, const char *text)
{
	(void)context;
	(void)text;
}

static bool fail(const char *what)
{
	fprintf(stderr, "pipeline: %s\n", what);
	return false;
}

static bool start_port(struct bench *b, enum mix mix)
{
	char error[512];
	struct listen listen = {.kind = LISTEN_PCAP, .loop = true};
	struct port_options options = {.udp_ports = {514}, .n_udp_ports = 1, .n_workers = 1};
	FILE *file = tmpfile();
	if (file == NULL || !mix_write(mix, mix_frames[mix], file))
		return fail("the capture cannot be written");
	snprintf(listen.name, sizeof(listen.name), "/proc/self/fd/%d", fileno(file));
	int status = port_start(&b->ports, &listen, 1, &options, note, NULL, error, sizeof(error));
	fclose(file);
	return status == 0 || fail(error);
}

static bool start_workers(struct bench *b)
{
	struct report report = {0};
	static struct config config; // the policy has to outlive the workers
	struct vocabulary *vocabulary = vocabulary_create();
	struct rulepack *pack =
		vocabulary ? rulepack_load(b->options->rules, vocabulary, &report) : NULL;
	if (pack)
		b->database = compile_bare(pack);
	struct ruleset *ruleset = pack ? ruleset_compile(pack, NULL, &report) : NULL;
	if (!config_init(&config, NULL, &report) || ruleset == NULL || b->database == NULL)
		return fail(report.text ? report.text : "out of memory");
	b->workers = workers_create(1, &config.limits, ruleset, &config.policy);
	b->reader = datagram_reader_create(&b->counters);
	if (b->workers == NULL || b->reader == NULL ||
		hs_alloc_scratch(b->database, &b->scratch) != HS_SUCCESS)
		return fail("out of memory");
	b->workers->busy = true;
	return true;
}

static int run_mix(const struct options *options, enum mix mix, const char *command)
{
	struct bench *b = calloc(1, sizeof(*b));
	if (b == NULL)
		return 1;
	b->options = options;
	if (!start_port(b, mix) || !start_workers(b))
		return 1;
	measure(b);
	if (options->json)
		print_json(b, mix, command);
	else
		print_row(b, mix);
	fflush(stdout);
	return 0;
}

static int usage(void)
{
	fputs("usage: pipeline [--json] [--seconds S] [--rules DIR] [MIX]...\n", stderr);
	for (int mix = 0; mix < MIX_MAX; mix++)
		fprintf(stderr, "  %-10s %s\n", mix_names[mix], mix_texts[mix]);
	return 2;
}

static int mix_by_name(const char *name)
{
	for (int mix = 0; mix < MIX_MAX; mix++) {
		if (strcmp(mix_names[mix], name) == 0)
			return mix;
	}
	return -1;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"json", no_argument, NULL, 'j'},
		{"seconds", required_argument, NULL, 's'},
		{"rules", required_argument, NULL, 'r'},
		{0},
	};
	struct options options = {.seconds = 2, .rules = OFFHOOK_RULES_SOURCE};
	bool chosen[MIX_MAX] = {0};
	int option, failed = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 'j')
			options.json = true;
		else if (option == 's' && atof(optarg) > 0)
			options.seconds = atof(optarg);
		else if (option == 'r')
			options.rules = optarg;
		else
			return usage();
	}
	for (int i = optind; i < argc; i++) {
		int mix = mix_by_name(argv[i]);
		if (mix < 0)
			return usage();
		chosen[mix] = true;
	}
	if (!options.json)
		printf("ns a message  receive     parse   hs_scan  pipeline      M/s  x hs_scan  x "
		       "receive\n");
	fflush(stdout);
	for (int mix = 0; mix < MIX_MAX; mix++) {
		int status;
		if (optind < argc && !chosen[mix])
			continue;
		pid_t child = fork();
		if (child == 0)
			_exit(run_mix(&options, (enum mix)mix, argv[0]));
		failed |= child < 0 || waitpid(child, &status, 0) != child || status != 0;
	}
	return failed;
}
