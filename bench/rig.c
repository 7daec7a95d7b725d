// SPDX-License-Identifier: BSD-3-Clause
#include "rig.h"

#include <time.h>

#include <rte_launch.h>

#include "../control/pack.h"
#include "figure.h"

static bool fail(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	return false;
}

bool rig_load(struct rig *rig, const char *rules)
{
	struct report report = {0};
	if (!config_init(&rig->config, NULL, &report))
		return fail(report.text ? report.text : "out of memory");
	rig->vocabulary = vocabulary_create();
	if (rig->vocabulary)
		rig->ruleset = pack_load(
			rules ? rules : rig->config.rules, NULL, rig->vocabulary, &report);
	return rig->ruleset || fail(report.text ? report.text : "out of memory");
}

bool rig_start_workers(struct rig *rig, unsigned n_workers, const struct worker_limits *limits)
{
	rig->workers = workers_create(n_workers, limits ? limits : &rig->config.limits,
		rig->ruleset, &rig->config.policy);
	if (rig->workers == NULL)
		return fail("out of memory");
	rig->ruleset = NULL;
	rig->workers->busy = true;
	return true;
}

// A file without a name that holds one worker's share of the mix.
static FILE *share_file(enum mix mix, uint32_t frames, unsigned share, unsigned n_shares)
{
	FILE *file = tmpfile();
	if (file && mix_write_share(mix, frames, share, n_shares, file))
		return file;
	if (file)
		fclose(file);
	fail("the capture cannot be written");
	return NULL;
}

static void note(void *context, const char *text)
{
	(void)context;
	(void)text;
}

static int tell_thread(void *argument)
{
	*(pthread_t *)argument = pthread_self();
	return 0;
}

static bool find_threads(struct rig *rig)
{
	for (unsigned i = 0; i < rig->ports.n_workers; i++) {
		unsigned lcore = rig->ports.lcores[i];
		if (rte_eal_remote_launch(tell_thread, &rig->threads[i], lcore) != 0 ||
			rte_eal_wait_lcore(lcore) != 0)
			return fail("an lcore does not answer");
	}
	return true;
}

bool rig_start_ports(struct rig *rig, enum mix mix, uint32_t frames, unsigned n_workers)
{
	char error[512];
	FILE *files[PORT_LISTEN_MAX] = {0};
	struct listen listen[PORT_LISTEN_MAX] = {0};
	struct port_options options = {
		.udp_ports = {514}, .n_udp_ports = 1, .n_workers = (uint16_t)n_workers};
	if (n_workers > PORT_LISTEN_MAX)
		return fail("more workers than ports");
	bool ok = true;
	// A looped capture is kept once for each worker, by the driver: the more, the shorter.
	for (unsigned i = 0; ok && i < n_workers; i++) {
		ok = (files[i] = share_file(mix, frames / n_workers, i, n_workers)) != NULL;
		if (!ok)
			break;
		listen[i] = (struct listen){.kind = LISTEN_PCAP, .loop = true};
		snprintf(listen[i].name, sizeof(listen[i].name), "/proc/self/fd/%d",
			fileno(files[i]));
	}
	if (ok && port_start(&rig->ports, listen, n_workers, &options, note, NULL, error,
			  sizeof(error)) != 0)
		ok = fail(error);
	for (unsigned i = 0; i < n_workers; i++) {
		if (files[i])
			fclose(files[i]);
	}
	// Every worker was dealt a queue of every port: it keeps the one of its own.
	for (unsigned i = 0; ok && i < n_workers; i++) {
		rig->ports.queues[i][0] = rig->ports.queues[i][i];
		rig->ports.n_queues[i] = 1;
	}
	return ok && find_threads(rig);
}

bool rig_run(struct rig *rig)
{
	return workers_start(rig->workers, &rig->ports) == 0 || fail("workers do not start");
}

void rig_halt(struct rig *rig)
{
	workers_stop(rig->workers);
	for (unsigned i = 0; i < rig->workers->n; i++) {
		datagram_reader_destroy(rig->workers->worker[i]->reader);
		rig->workers->worker[i]->reader = NULL;
	}
}

uint64_t rig_messages(const struct rig *rig)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < rig->workers->n; i++)
		n += counter_get(&rig->workers->worker[i]->counters.messages);
	return n;
}

double rig_clock_s(const struct rig *rig)
{
	double seconds = 0;
	for (unsigned i = 0; i < rig->ports.n_workers; i++) {
		clockid_t clock;
		struct timespec t = {0};
		if (pthread_getcpuclockid(rig->threads[i], &clock) == 0)
			clock_gettime(clock, &t);
		seconds += (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	}
	return seconds / rig->ports.n_workers;
}

void rig_wait(const struct rig *rig, double seconds)
{
	double until_s = rig_clock_s(rig) + seconds, give_up_s = figure_now_s() + 20 * seconds;
	while (rig_clock_s(rig) < until_s && figure_now_s() < give_up_s)
		figure_wait(seconds / 50);
}

struct rig_span rig_span_begin(const struct rig *rig)
{
	return (struct rig_span){rig_messages(rig), rig_clock_s(rig)};
}

double rig_span_rate(const struct rig *rig, const struct rig_span *span)
{
	return (double)(rig_messages(rig) - span->messages) / (rig_clock_s(rig) - span->begin_s);
}

double rig_measure(struct rig *rig, double seconds)
{
	if (!rig_run(rig))
		return 0;
	rig_wait(rig, seconds / 4); // until all clients are known
	struct rig_span span = rig_span_begin(rig);
	rig_wait(rig, seconds);
	double per_second = rig_span_rate(rig, &span);
	rig_halt(rig);
	return per_second;
}

void rig_fini(struct rig *rig)
{
	workers_destroy(rig->workers);
	ruleset_destroy(rig->ruleset);
	port_stop(&rig->ports);
	if (rig->vocabulary)
		vocabulary_destroy(rig->vocabulary);
	config_fini(&rig->config);
}
