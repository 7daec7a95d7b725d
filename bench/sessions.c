// SPDX-License-Identifier: BSD-3-Clause
// sessions: the session table as it grows: what it takes to insert a client, to update one, to look
// one up that is not there, to read one from another thread, to open a diagnosis, to pass over one
// that is not due and to end one that is; the bytes of memory a client takes, of the whole process;
// and what happens at the limit.
//
//   sessions [--json] [CLIENTS]...      10000 and 1000000; 10000000 takes some 11 GiB and 3 minutes
//
// One worker's tables, as large as the clients given, a tenth of them with a diagnosis. Lines are
// made into events beforehand and not timed; clients come in scattered order. At the limit, with
// the table full of phones, as many addresses that no phone owns fail TLS handshakes: that no phone
// gave way is counted one by one, and it is an error of the bench if one has.
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "apart.h"
#include "figure.h"
#include "rig.h"

#define BATCH 32
#define TIMED_MAX 1000000 // of each kind but inserts
#define SCATTER 7368787u  // a prime, so that i * SCATTER % n meets every client once
#define BYTES_A_CLIENT 1200
#define START_MS 1795255200000ull // 2026-11-21T10:00:00Z

// X(name, what)
#define FIGURES(X)                                           \
	X(insert, "insert a phone")                          \
	X(update, "update a phone")                          \
	X(miss, "look up an address that is not there")      \
	X(read, "read a session, as control does")           \
	X(diagnose, "open a diagnosis")                      \
	X(flood, "take a stranger in, table full of phones") \
	X(sweep, "pass over a session that is not due")      \
	X(expire, "end a session")

enum figure {
#define X(name, what) FIGURE_##name,
	FIGURES(X)
#undef X
		FIGURE_MAX
};

struct table {
	struct rig rig;
	struct worker *worker;
	struct scanner scanner;
	struct event events[BATCH];
	uint32_t n;
	uint64_t now_ms;
	double ns[FIGURE_MAX];
	uint64_t bytes;			      // resident, that the clients have added
	uint32_t phones_before, phones_after; // around the flood
	uint64_t refused, evicted;	      // strangers of the flood
};

static bool fail(const char *what)
{
	fprintf(stderr, "sessions: %s\n", what);
	return false;
}

// ---- lines ----

typedef int line_fn(uint32_t client, char *out);

#define HEAD "<166>Nov 21 2026 10:00:00 asa-hq-1 : "

static int line_of_phone(uint32_t client, const char *id, const char *text, char *out)
{
	return sprintf(out,
		HEAD "%%ASA-%s: Group <GP_VPNPhone> User <CP-8841-SEP00CA%08X> IP <%u.%u.%u.%u> %s",
		id, client, 11 + (client >> 24), client >> 16 & 255, client >> 8 & 255,
		client & 255, text);
}

static int line_insert(uint32_t client, char *out)
{
	return line_of_phone(client, "6-113039", "AnyConnect parent session started.", out);
}

static int line_update(uint32_t client, char *out)
{
	return line_of_phone(
		client, "5-722033", "First TCP SVC connection established for SVC session.", out);
}

static int line_diagnose(uint32_t client, char *out)
{
	return line_of_phone(client, "4-724002",
		"WebVPN session not terminated. Cisco Secure Desktop was not running on the client's "
		"workstation.",
		out);
}

static int line_of_stranger(uint32_t client, const char *before, const char *after, char *out)
{
	return sprintf(out,
		HEAD "%%ASA-6-%s client outside:%u.%u.%u.%u/50000 to 198.51.100.10/443%s", before,
		100 + (client >> 24), client >> 16 & 255, client >> 8 & 255, client & 255, after);
}

static int line_miss(uint32_t client, char *out)
{
	return line_of_stranger(client, "725007: SSL session with", " terminated", out);
}

static int line_flood(uint32_t client, char *out)
{
	return line_of_stranger(client, "725006: Device failed SSL handshake with", "", out);
}

// The event of a line, as the owner of its client gets it.
static bool make_event(struct table *t, line_fn *make, uint32_t client, struct event *event)
{
	char text[512];
	struct message message;
	struct arrival arrival = {.time_ms = t->now_ms};
	struct event_matcher matcher = {
		&t->scanner, t->rig.workers->policy, &t->rig.workers->open, &t->worker->counters};
	message_parse(NULL, (struct slice){text, (uint32_t)make(client, text)}, &message);
	if (event_match(&matcher, &message, &arrival, event, 1) != 1)
		return fail("a line is no event");
	event->gateway = gateway_find(&t->rig.workers->gateways, 0, event);
	event->key = key_of_client(&event->client);
	event->stage = STAGE_JUDGE;
	event->generation = t->rig.workers->ruleset->generation;
	return true;
}

// ---- what is timed ----

// An event of each of `count` clients; gives nanoseconds each.
static bool take_events(struct table *t, line_fn *make, uint32_t count, double *ns)
{
	double seconds = 0;
	for (uint32_t first = 0; first < count; first += BATCH) {
		uint32_t n = count - first < BATCH ? count - first : BATCH;
		for (uint32_t i = 0; i < n; i++) {
			uint64_t client = (uint64_t)(first + i) * SCATTER % t->n;
			if (!make_event(t, make, (uint32_t)client, &t->events[i]))
				return false;
		}
		double begin = figure_now_s();
		for (uint32_t i = 0; i < n; i++)
			session_update(&t->worker->sessions, &t->events[i]);
		seconds += figure_now_s() - begin;
		worker_turn(t->worker, t->now_ms, 0); // aliases that they have told
		t->now_ms += first % 1024 == 0;
	}
	*ns = seconds * 1e9 / count;
	return true;
}

static uint32_t read_all(const struct table *t, double *ns)
{
	const struct session_table *sessions = &t->worker->sessions;
	struct session session;
	uint32_t n_phones = 0, high = gauge_get(&sessions->high_water);
	double begin = figure_now_s();
	for (uint32_t i = 0; i < high; i++) {
		uint32_t at = (uint32_t)((uint64_t)i * SCATTER % high);
		n_phones += session_read(sessions, at, &session) && session.flags & SESSION_PHONE;
	}
	*ns = (figure_now_s() - begin) * 1e9 / high;
	return n_phones;
}

// The whole table once, some time on.
static double sweep(struct table *t, uint64_t ms)
{
	uint32_t n = gauge_get(&t->worker->sessions.n_sessions);
	t->now_ms += ms;
	double begin = figure_now_s();
	session_expire_step(&t->worker->sessions, t->now_ms, UINT32_MAX);
	return (figure_now_s() - begin) * 1e9 / n;
}

// As many strangers as there are phones, in a table that is full of phones.
static bool flood(struct table *t, uint32_t count)
{
	const struct counters *c = &t->worker->counters;
	double unused;
	t->phones_before = read_all(t, &t->ns[FIGURE_read]);
	uint64_t evicted = counter_get(&c->sessions_evicted);
	uint64_t refused = counter_get(&c->events_dropped[EVENT_DROP_sessions_full]);
	if (!take_events(t, line_flood, count, &t->ns[FIGURE_flood]))
		return false;
	t->evicted = counter_get(&c->sessions_evicted) - evicted;
	t->refused = counter_get(&c->events_dropped[EVENT_DROP_sessions_full]) - refused;
	t->phones_after = read_all(t, &unused);
	return t->phones_after == t->phones_before ||
	       fail("an address that no phone owns has pushed a phone out");
}

static uint64_t resident(void)
{
	unsigned long long pages = 0;
	FILE *statm = fopen("/proc/self/statm", "r");
	if (statm == NULL || fscanf(statm, "%*u %llu", &pages) != 1)
		pages = 0;
	if (statm)
		fclose(statm);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

// Source: proc(5), /proc/meminfo, MemAvailable.
static double available(void)
{
	char line[128];
	unsigned long long kib = 0;
	FILE *info = fopen("/proc/meminfo", "r");
	while (info && fgets(line, sizeof(line), info)) {
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			break;
	}
	if (info)
		fclose(info);
	return (double)kib * 1024;
}

static bool measure(struct table *t)
{
	uint32_t timed = t->n < TIMED_MAX ? t->n : TIMED_MAX;
	const struct session_table *sessions = &t->worker->sessions;
	uint64_t before = resident();
	// An update is a tunnel that stands, by which a diagnosis would recover.
	bool ok = take_events(t, line_insert, t->n, &t->ns[FIGURE_insert]) &&
		  take_events(t, line_update, timed, &t->ns[FIGURE_update]) &&
		  take_events(t, line_miss, timed, &t->ns[FIGURE_miss]) &&
		  take_events(t, line_diagnose, t->n / 10, &t->ns[FIGURE_diagnose]);
	t->bytes = resident() - before;
	if (!ok)
		return false;
	// 16 more than was asked for are there, and a session of the gateway.
	uint32_t n_sessions = gauge_get(&sessions->n_sessions);
	if (n_sessions < t->n || n_sessions > t->n + 1 ||
		gauge_get(&sessions->diagnoses->n_open) != t->n / 10)
		return fail("the table does not hold what it was given");
	if (!flood(t, timed))
		return false;
	t->ns[FIGURE_sweep] = sweep(t, SESSION_SWEEP_MS);
	t->ns[FIGURE_expire] = sweep(t, 90000000ull);
	return true;
}

// ---- results ----

static const char *const names[] = {
#define X(name, what) #name,
	FIGURES(X)
#undef X
};

static void print_json(const struct table *t)
{
	json_t *ns = json_object();
	for (int figure = 0; figure < FIGURE_MAX; figure++)
		json_object_set_new(ns, names[figure], json_real(t->ns[figure]));
	figure_print(json_pack("{s:s, s:s, s:I, s:I, s:o, s:f, s:I, s:I, s:I, s:I}", "bench",
		"sessions", "corpus", "phones, a tenth of which Cisco Secure Desktop keeps out",
		"clients", (json_int_t)t->n, "diagnoses", (json_int_t)t->n / 10, "ns", ns,
		"bytes_per_client", (double)t->bytes / t->n, "phones_before_flood",
		(json_int_t)t->phones_before, "phones_after_flood", (json_int_t)t->phones_after,
		"strangers_refused", (json_int_t)t->refused, "strangers_evicted",
		(json_int_t)t->evicted));
}

static void print_row(const struct table *t)
{
	printf("%9u", t->n);
	for (int figure = 0; figure < FIGURE_MAX; figure++)
		printf(" %8.0f", t->ns[figure]);
	printf(" %9.0f   %u of %u phones stay; strangers: %llu refused, %llu pushed out by others\n",
		(double)t->bytes / t->n, t->phones_after, t->phones_before,
		(unsigned long long)t->refused, (unsigned long long)t->evicted);
}

// ---- one size ----

static bool start(struct table *t, uint32_t n)
{
	struct worker_limits limits = {.clients = n,
		.diagnoses = n / 10,
		.handshakes = 4096,
		.gateways = 64,
		.idle_ms = 3600000,
		.expire_ms = 86400000,
		.seed = 0x5eed};
	t->n = n;
	t->now_ms = START_MS;
	if (!rig_load(&t->rig, NULL) || !rig_start_workers(&t->rig, 1, &limits))
		return false;
	t->worker = t->rig.workers->worker[0];
	worker_pass(t->worker, t->now_ms, 0);
	return scanner_init(&t->scanner, t->rig.workers->ruleset) == 0;
}

struct job {
	uint32_t n;
	bool json;
};

static bool run_size(void *context, void *result)
{
	const struct job *job = context;
	uint32_t n = job->n;
	(void)result;
	struct table *t = calloc(1, sizeof(*t));
	double wanted = (double)n * BYTES_A_CLIENT;
	double there = available();
	if (wanted > there) {
		fprintf(stderr,
			"sessions: %u clients left out: they take %.1f GiB, %.1f are free\n", n,
			wanted / (1 << 30), there / (1 << 30));
		return true;
	}
	if (t == NULL || !start(t, n) || !measure(t))
		return false;
	if (job->json)
		print_json(t);
	else
		print_row(t);
	return true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
	static char *const usual[] = {"10000", "1000000"};
	bool json = false, ok = true;
	int option;
	figure_set_command(argc, argv);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'j') {
			fputs("usage: sessions [--json] [CLIENTS]...\n", stderr);
			return 2;
		}
		json = true;
	}
	char *const *sizes = optind < argc ? argv + optind : usual;
	int n_sizes = optind < argc ? argc - optind : 2;
	if (!json) {
		fputs("nanoseconds each:\n  clients", stdout);
		for (int figure = 0; figure < FIGURE_MAX; figure++)
			printf(" %8s", names[figure]);
		puts(" B/client");
	}
	for (int i = 0; i < n_sizes; i++) {
		struct job job = {(uint32_t)strtoul(sizes[i], NULL, 10), json};
		if (job.n < 100) {
			fputs("sessions: at least 100 clients\n", stderr);
			return 2;
		}
		ok &= apart_run(run_size, &job, NULL, 0);
	}
	return ok ? 0 : 1;
}
