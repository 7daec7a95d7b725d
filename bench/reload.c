// SPDX-License-Identifier: BSD-3-Clause
// reload: what a reload of the rules costs a worker that runs at full load: messages lost, and how
// long it is away from its port.
//
//   reload [--json] [--reloads N] [MIX]...      realistic, 10 reloads
//
// One worker on a looped port. A callback of DPDK at its port sees it come back for the next burst:
// the time since it came last is a pause, by the clock and by the CPU time of its thread (the clock
// also tells how long something else had the CPU). First a second without a reload, then
// the rules are loaded, compiled and published N times. The turn that goes over to new rules, and
// the few after it, which find no cache warm, are told apart.
//
// Lost is what the port delivered and no counter has, or what was matched otherwise than the same
// lines are without a reload: neither may be.
#include <stdlib.h>
#include <time.h>

#include <rte_ethdev.h>

#include "../control/ledger.h"
#include "../control/pack.h"
#include "figure.h"
#include "options.h"
#include "rig.h"

#define FRAMES 400000
#define PAUSES_MAX (1 << 20) // the latest that are kept
#define TURNS_AFTER 8	     // the switch and these

// What the worker's thread writes, and control reads once it has stopped or between runs.
struct watch_post {
	struct worker *worker;
	const struct scanner *running;
	uint64_t wall_ns, cpu_ns;
	unsigned near; // turns since the rules were changed; TURNS_AFTER: many
	uint64_t n;
	double pauses_us[PAUSES_MAX]; // by the CPU time of the thread
	double longest_us, longest_wall_us, longest_switch_us, longest_switch_wall_us;
};

struct pauses {
	double median_us, rare_us, longest_us, longest_wall_us; // rare: 1 in 1,000 is longer
	double switch_us, switch_wall_us;
};

struct bench {
	struct rig rig;
	struct watch_post post;
	struct pauses quiet, reloading;
	uint64_t lost, mismatched, dropped;
	double per_second, reload_ms;
};

static bool fail(const char *what)
{
	fprintf(stderr, "reload: %s\n", what);
	return false;
}

// ---- the worker comes for the next burst ----

static uint64_t nanoseconds(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static double longer(double a, double b)
{
	return a > b ? a : b;
}

static uint16_t comes(uint16_t port, uint16_t queue, struct rte_mbuf *frames[], uint16_t n,
	uint16_t max, void *context)
{
	struct watch_post *p = context;
	uint64_t wall_ns = nanoseconds(CLOCK_MONOTONIC);
	uint64_t cpu_ns = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
	double wall_us = (double)(wall_ns - p->wall_ns) / 1e3;
	double us = (double)(cpu_ns - p->cpu_ns) / 1e3;
	bool first = p->wall_ns == 0;
	(void)port, (void)queue, (void)frames, (void)max;
	p->near = p->running == p->worker->running ? p->near + (p->near < TURNS_AFTER) : 0;
	if (!first) {
		p->pauses_us[p->n++ % PAUSES_MAX] = us;
		p->longest_us = longer(p->longest_us, us);
		p->longest_wall_us = longer(p->longest_wall_us, wall_us);
	}
	if (!first && p->near < TURNS_AFTER) {
		p->longest_switch_us = longer(p->longest_switch_us, us);
		p->longest_switch_wall_us = longer(p->longest_switch_wall_us, wall_us);
	}
	p->running = p->worker->running;
	p->wall_ns = wall_ns;
	p->cpu_ns = cpu_ns;
	return n;
}

static void post_reset(struct watch_post *p, struct worker *worker)
{
	memset(p, 0, sizeof(*p));
	p->worker = worker;
	p->running = atomic_load(&worker->scanner);
	p->near = TURNS_AFTER;
}

static struct pauses pauses_of(struct watch_post *p)
{
	size_t n = p->n < PAUSES_MAX ? p->n : PAUSES_MAX;
	struct pauses pauses = {.longest_us = p->longest_us,
		.longest_wall_us = p->longest_wall_us,
		.switch_us = p->longest_switch_us,
		.switch_wall_us = p->longest_switch_wall_us};
	if (n) {
		pauses.median_us = figure_quantile(p->pauses_us, n, 0.5);
		pauses.rare_us = p->pauses_us[(size_t)(0.999 * (double)n)];
	}
	return pauses;
}

// ---- what must come out ----

// How many of the first n lines of the looped mix no rule knows.
static uint64_t unmatched_of(struct bench *b, enum mix mix, uint64_t n)
{
	char text[MIX_LINE_MAX];
	struct event events[EVENTS_OF_LINE_MAX];
	struct scanner scanner;
	struct counters counters = {0};
	struct message message;
	struct arrival arrival = {.time_ms = 1};
	struct event_matcher matcher = {
		&scanner, &b->rig.config.policy, &b->rig.workers->open, &counters};
	uint64_t all = 0, first = 0;
	if (scanner_init(&scanner, b->rig.workers->ruleset) < 0)
		return 0;
	for (uint32_t i = 0; i < FRAMES; i++) {
		first = i == n % FRAMES ? all : first;
		struct slice line = {text, mix_line(mix, i, text)};
		message_parse(NULL, line, &message);
		all += event_match(&matcher, &message, &arrival, events, EVENTS_OF_LINE_MAX) == 0;
	}
	scanner_fini(&scanner);
	return n / FRAMES * all + first;
}

static bool check(struct bench *b, enum mix mix)
{
	struct rte_eth_stats stats;
	struct ledger ledger;
	ledger_read_all(b->rig.workers, &ledger);
	if (rte_eth_stats_get(b->rig.ports.queues[0][0].port, &stats) != 0)
		return fail("the port tells nothing");
	uint64_t fates = ledger.datagrams + ledger.fragments_merged + ledger_dropped(&ledger);
	uint64_t wanted = unmatched_of(b, mix, ledger.messages);
	b->dropped = ledger_dropped(&ledger);
	b->lost = stats.ipackets - ledger.packets;
	b->mismatched =
		ledger.unmatched > wanted ? ledger.unmatched - wanted : wanted - ledger.unmatched;
	if (fates != ledger.packets || ledger.asa + ledger.phone + ledger.other != ledger.messages)
		return fail("the ledger does not add up");
	if (b->lost || b->mismatched)
		return fail("messages are lost, or matched otherwise");
	return true;
}

// ---- the run ----

static bool reload(struct bench *b)
{
	struct report report = {0};
	struct ruleset *ruleset = pack_load(b->rig.config.rules, NULL, b->rig.vocabulary, &report);
	while (!workers_retire(b->rig.workers)) // a worker that has lost its core
		figure_wait(0.01);
	bool ok = ruleset && workers_publish(b->rig.workers, ruleset) == 0;
	report_fini(&report);
	return ok;
}

static bool measure(struct bench *b, unsigned n_reloads)
{
	double times_ms[FIGURE_VALUES_MAX];
	struct worker *worker = b->rig.workers->worker[0];
	post_reset(&b->post, worker);
	if (!rig_run(&b->rig))
		return false;
	figure_wait(1);
	rig_halt(&b->rig);
	b->quiet = pauses_of(&b->post);
	post_reset(&b->post, worker);
	if (!rig_run(&b->rig))
		return false;
	struct rig_span span = rig_span_begin(&b->rig);
	for (unsigned i = 0; i < n_reloads; i++) {
		double begin = figure_now_s();
		if (!reload(b))
			return fail("the rules do not load");
		times_ms[i] = (figure_now_s() - begin) * 1e3;
	}
	b->per_second = rig_span_rate(&b->rig, &span);
	rig_halt(&b->rig);
	b->reload_ms = figure_median(times_ms, n_reloads);
	b->reloading = pauses_of(&b->post);
	return true;
}

// ---- results ----

static json_t *json_of(const struct pauses *p)
{
	return json_pack("{s:f, s:f, s:f, s:f}", "p50", p->median_us, "p99.9", p->rare_us, "max",
		p->longest_us, "max_by_the_clock", p->longest_wall_us);
}

static void print_json(const struct bench *b, enum mix mix, unsigned n_reloads)
{
	figure_print(json_pack(
		"{s:s, s:s, s:s, s:i, s:f, s:f, s:I, s:I, s:I, s:s, s:o, s:o, s:f, s:f}", "bench",
		"reload", "mix", mix_names[mix], "corpus", mix_texts[mix], "reloads",
		(int)n_reloads, "messages_per_second", b->per_second, "reload_ms", b->reload_ms,
		"messages_lost", (json_int_t)b->lost, "messages_matched_otherwise",
		(json_int_t)b->mismatched, "packets_dropped", (json_int_t)b->dropped, "unit", "us",
		"pauses_without", json_of(&b->quiet), "pauses_with", json_of(&b->reloading),
		"pause_of_switch_max", b->reloading.switch_us, "pause_of_switch_max_by_the_clock",
		b->reloading.switch_wall_us));
}

static void print_pauses(const char *what, const struct pauses *p)
{
	printf("  %-18s %9.1f %9.1f %9.1f %15.1f\n", what, p->median_us, p->rare_us, p->longest_us,
		p->longest_wall_us);
}

static void print_table(const struct bench *b, enum mix mix, unsigned n_reloads)
{
	printf("%s: %u reloads of %.0f ms at %.2f M messages/s: %llu messages lost, %llu matched "
	       "otherwise\n  pauses, us              p50     p99.9       max    max by the clock\n",
		mix_names[mix], n_reloads, b->reload_ms, b->per_second / 1e6,
		(unsigned long long)b->lost, (unsigned long long)b->mismatched);
	print_pauses("without reload", &b->quiet);
	print_pauses("while reloading", &b->reloading);
	printf("  %-38s %9.1f %15.1f\n", "at the switch", b->reloading.switch_us,
		b->reloading.switch_wall_us);
}

static int run_mix(enum mix mix, void *context)
{
	const struct options *options = context;
	struct bench *b = calloc(1, sizeof(*b));
	if (b == NULL || !rig_load(&b->rig, NULL) || !rig_start_ports(&b->rig, mix, FRAMES, 1) ||
		!rig_start_workers(&b->rig, 1, NULL))
		return 1;
	const struct port_queue *queue = &b->rig.ports.queues[0][0];
	if (rte_eth_add_rx_callback(queue->port, queue->queue, comes, &b->post) == NULL)
		return 1;
	if (!measure(b, options->n))
		return 1;
	bool ok = check(b, mix);
	if (options->json)
		print_json(b, mix, options->n);
	else
		print_table(b, mix, options->n);
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct options options = {
		.number = "reloads", .n = 10, .n_max = FIGURE_VALUES_MAX, .usual = {"realistic"}};
	if (!options_read(&options, argc, argv))
		return 2;
	return mixes_run(options.mixes, options.n_mixes, run_mix, &options);
}
