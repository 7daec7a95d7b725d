// SPDX-License-Identifier: BSD-3-Clause
// scrape: how long the control thread is busy with one scrape of /metrics, and how large its text
// is, by the number of gateways.
//
//   scrape [--json] [GATEWAYS]...       10, 256 and 1000
//
// The shipped rules; each gateway has sent a line with a time in it, has phones in a roster, and
// diagnoses of one kind in ten that were told; 16 outputs. Beyond 256 gateways share a label.
// Instructions: valgrind --tool=callgrind --toggle-collect=metrics_expose scrape --once [GATEWAYS]
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "../control/metrics.h"
#include "../control/server.h"
#include "apart.h"
#include "figure.h"
#include "rig.h"

#define ROUNDS 200
#define START_MS 1795255200000ull // 2026-11-21T10:00:00Z

struct bench {
	struct rig rig;
	struct daemon daemon;
	struct roster_gateway *roster;
	char (*names)[24];
	unsigned n;
	char directory[64], socket[96];
};

struct row {
	unsigned n_gateways;
	double us, max_us;
	uint64_t bytes, samples;
};

static struct bench *the_bench; // what other parts would know

static bool fail(const char *what)
{
	fprintf(stderr, "scrape: %s\n", what);
	return false;
}

// ---- other parts ----

static struct roster_view view(const struct roster *roster)
{
	(void)roster;
	return (struct roster_view){the_bench->roster, the_bench->n};
}

static size_t status(const struct outlets *outlets, struct outlet_status *out, size_t max)
{
	static const char *const names[] = {
		"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"};
	(void)outlets;
	for (size_t i = 0; i < max; i++)
		out[i] = (struct outlet_status){.name = names[i % 16], .state = "connected"};
	return max;
}

// ---- a daemon with so many gateways ----

static bool make_daemon(struct bench *b)
{
	char error[256];
	struct daemon *d = &b->daemon;
	struct worker_limits limits = b->rig.config.limits;
	limits.gateways =
		(uint16_t)(b->n * 2); // a hash table: not each finds its place in a full one
	if (!rig_load(&b->rig, NULL) || !rig_start_workers(&b->rig, 1, &limits))
		return false;
	strcpy(b->directory, "/tmp/offhook-bench-XXXXXX");
	if (mkdtemp(b->directory) == NULL)
		return fail("no directory for the socket");
	snprintf(b->socket, sizeof(b->socket), "%s/control.sock", b->directory);
	d->config = b->rig.config;
	d->vocabulary = b->rig.vocabulary;
	d->workers = b->rig.workers;
	d->feed = feed_create(d->workers);
	d->server = d->feed ? server_create(d, b->socket, error, sizeof(error)) : NULL;
	return d->server || fail("no server");
}

static bool make_gateways(struct bench *b)
{
	b->roster = calloc(b->n, sizeof(*b->roster));
	b->names = calloc(b->n, sizeof(*b->names));
	if (b->roster == NULL || b->names == NULL)
		return fail("out of memory");
	for (unsigned i = 0; i < b->n; i++) {
		char line[256];
		struct arrival arrival = {.time_ms = START_MS + i, .input = 1};
		snprintf(b->names[i], sizeof(b->names[i]), "asa-site-%04u", i);
		b->roster[i] = (struct roster_gateway){.name = b->names[i], .n_ok = i};
		snprintf(line, sizeof(line),
			"<164>Nov 21 2026 09:59:58 %s : %%ASA-4-724002: Group <G> User <CP-7962G-SEP%012X> IP <10.1.%u.%u> WebVPN session not terminated.",
			b->names[i], i + 1, i >> 8, i & 255);
		worker_take_line(b->daemon.workers->worker[0], slice_of(line), &arrival);
		worker_turn(b->daemon.workers->worker[0], arrival.time_ms, UINT32_MAX);
	}
	return true;
}

static bool tell_diagnoses(struct bench *b, struct metrics *metrics)
{
	const struct rulepack *pack = b->daemon.workers->ruleset->pack;
	for (unsigned i = 0; i < b->n; i++) {
		for (unsigned k = i % 10; k < pack->n_diagnoses; k += 10) {
			char id[32];
			snprintf(id, sizeof(id), "%u-%u", i, k);
			json_t *diagnosis = json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", id,
				"diagnosis", pack->diagnoses[k].id, "state", "open", "confidence",
				"confirmed", "gateway", b->names[i]);
			if (diagnosis == NULL)
				return fail("out of memory");
			metrics_note_diagnosis(metrics, diagnosis);
			json_decref(diagnosis);
		}
	}
	return true;
}

// ---- a row ----

static void scrape(struct metrics *metrics, struct row *row)
{
	struct buffer text = {0};
	double begin = figure_now_s();
	metrics_expose(metrics, EXPOSITION_OPENMETRICS, &text);
	row->us = (figure_now_s() - begin) * 1e6;
	row->bytes = text.len;
	row->samples = 0;
	for (size_t i = text.from; i < text.from + text.len; i++)
		row->samples += text.data[i] == '\n' && text.data[i + 1] != '#';
	buffer_fini(&text);
}

struct job {
	unsigned n_gateways, n_rounds;
};

static bool work(void *context, void *result)
{
	const struct job *job = context;
	struct row *row = result;
	static double us[ROUNDS];
	struct bench *b = calloc(1, sizeof(*b));
	*row = (struct row){.n_gateways = job->n_gateways};
	if (b == NULL)
		return fail("out of memory");
	b->n = job->n_gateways;
	the_bench = b;
	if (!make_daemon(b) || !make_gateways(b))
		return false;
	struct metrics *metrics = metrics_create(&b->daemon,
		&(struct metrics_source){.roster_view = view, .outlets_status = status});
	if (metrics == NULL || !tell_diagnoses(b, metrics))
		return fail("no metrics");
	for (unsigned i = 0; i < job->n_rounds; i++) {
		scrape(metrics, row);
		us[i] = row->us;
	}
	row->us = figure_quantile(us, job->n_rounds, 0.5);
	row->max_us = us[job->n_rounds - 1];
	metrics_destroy(metrics);
	server_destroy(b->daemon.server);
	rmdir(b->directory);
	return true;
}

static void tell(bool json, const struct row *row)
{
	if (json) {
		figure_print(json_pack("{s:s, s:s, s:i, s:s, s:f, s:f, s:I, s:I}", "bench",
			"scrape", "corpus", "a line of each gateway", "gateways",
			(int)row->n_gateways, "unit", "us", "p50", row->us, "max", row->max_us,
			"bytes", (json_int_t)row->bytes, "samples", (json_int_t)row->samples));
		return;
	}
	printf("%8u %10.0f %10.0f %10llu %10llu\n", row->n_gateways, row->us, row->max_us,
		(unsigned long long)row->bytes, (unsigned long long)row->samples);
}

static int run_row(unsigned n_gateways, bool json, bool once)
{
	struct job job = {n_gateways, once ? 1 : ROUNDS};
	struct row row;
	// Under callgrind in this process, which is the one that counts.
	bool ok = once ? work(&job, &row) : apart_run(work, &job, &row, sizeof(row));
	if (ok)
		tell(json, &row);
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"json", no_argument, NULL, 'j'}, {"once", no_argument, NULL, 'o'}, {0}};
	static const unsigned usual[] = {10, 256, 1000};
	bool json = false, once = false;
	int option, code = 0;
	figure_set_command(argc, argv);
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == '?') {
			fputs("usage: scrape [--json] [--once] [GATEWAYS]...\n", stderr);
			return 2;
		}
		json |= option == 'j';
		once |= option == 'o';
	}
	if (!json)
		printf("%8s %10s %10s %10s %10s\n", "gateways", "us", "most us", "bytes",
			"samples");
	for (int i = optind; i < argc; i++) {
		unsigned long n = strtoul(argv[i], NULL, 10);
		if (n < 1 || n > 8000)
			return 2;
		code |= run_row((unsigned)n, json, once);
	}
	for (unsigned i = 0; optind == argc && i < 3; i++)
		code |= run_row(usual[i], json, once);
	return code;
}
