// SPDX-License-Identifier: BSD-3-Clause
// latency: from the port to a watcher at the control socket: how long after the line that opens a
// diagnosis is at the port a client that watches has read the diagnosis.
//
//   latency [--json] [--seconds S] [MIX]...        realistic, 5 seconds a row
//
// The daemon's own control loop, feed and server in this process, one worker on a port that is fed
// at 10, 50 and 90 % of the highest rate (found first, with the same feeder), with `poll: busy` and
// `poll: adaptive`; 2,000 diagnoses a second are opened by marked lines, over a real Unix socket to
// a client that does as `offhook watch` does. The mix's own failures are told to it too. Where
// there are two CPUs the worker has one, and feeder, control and client share the other: what they
// wait for each other is in the figures.
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../control/daemon.h"
#include "../control/loop.h"
#include "../control/outward.h"
#include "../control/server.h"
#include "apart.h"
#include "figure.h"
#include "options.h"
#include "pacer.h"

#define FRAMES 400000
#define MARKS_PER_SECOND 2000
#define READ_BYTES (1 << 20)
#define PATIENCE 20

struct bench {
	struct rig rig;
	struct pacer pacer;
	struct daemon daemon;
	char directory[32], socket[64], history[64];
	atomic_bool watching;
	uint64_t read_ns[PACER_MARKS_MAX]; // when the client had it; 0: never
	uint64_t n_lines;
};

// What a row tells.
struct row {
	double rate, share;
	bool busy;
	uint64_t n_marks, n_told, n_full, n_lines;
	double p50_us, p99_us, p999_us, max_us;
};

static bool fail(const char *what)
{
	fprintf(stderr, "latency: %s\n", what);
	return false;
}

// ---- the client ----

static void take_line(struct bench *b, char *line, uint64_t now_ns)
{
	static const char key[] = "\"client_ip\":\"";
	char *at = strstr(line, key);
	int64_t mark = at ? pacer_mark_of(at + sizeof(key) - 1) : -1;
	b->n_lines++;
	if (mark >= 0 && b->read_ns[mark] == 0)
		b->read_ns[mark] = now_ns;
	if (strstr(line, "\"watching\""))
		atomic_store(&b->watching, true);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	static const char request[] = "{\"command\":\"watch\"}\n";
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		write(fd, request, sizeof(request) - 1) < 0)
		return -1;
	return fd;
}

static void *watch(void *context)
{
	struct bench *b = context;
	char *text = malloc(READ_BYTES + 1);
	int fd = connect_to(b->socket);
	size_t len = 0;
	ssize_t n;
	pthread_setaffinity_np(pthread_self(), sizeof(b->pacer.cpus), &b->pacer.cpus);
	while (fd >= 0 && text && (n = read(fd, text + len, READ_BYTES - len)) > 0) {
		uint64_t now_ns = pacer_now_ns();
		char *line = text, *end;
		len += (size_t)n;
		text[len] = '\0';
		for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
			*end = '\0';
			take_line(b, line, now_ns);
		}
		len -= (size_t)(line - text);
		memmove(text, line, len);
	}
	free(text);
	return NULL;
}

// ---- the daemon in this process ----

static bool start_daemon(struct bench *b)
{
	char error[256];
	struct daemon *d = &b->daemon;
	strcpy(b->directory, "/tmp/offhook-bench-XXXXXX");
	if (mkdtemp(b->directory) == NULL)
		return fail("no directory for the socket");
	snprintf(b->socket, sizeof(b->socket), "%s/control.sock", b->directory);
	d->config = b->rig.config;
	d->vocabulary = b->rig.vocabulary;
	d->workers = b->rig.workers;
	d->ports = b->pacer.ports;
	d->hidden_users = calloc(d->config.limits.gateways, sizeof(*d->hidden_users));
	d->hidden_users_ms = calloc(d->config.limits.gateways, sizeof(*d->hidden_users_ms));
	d->feed = feed_create(d->workers);
	if (d->hidden_users == NULL || d->hidden_users_ms == NULL || d->feed == NULL)
		return fail("out of memory");
	snprintf(b->history, sizeof(b->history), "%s/history", b->directory);
	struct journal_options options = {.directory = b->history,
		.keep_ms = 86400000,
		.keep_bytes = 1 << 30,
		.window = JOURNAL_WINDOW};
	d->journal = journal_create(&options, error, sizeof(error));
	if (d->journal == NULL)
		return fail(error);
	if (!outward_start(d))
		return fail("out of memory");
	d->server = server_create(d, b->socket, error, sizeof(error));
	return d->server || fail(error);
}

static void remove_directory(const char *path)
{
	char name[PATH_MAX];
	struct dirent *entry;
	DIR *directory = opendir(path);
	while (directory && (entry = readdir(directory)) != NULL) {
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		unlink(name); // not . and ..
	}
	if (directory)
		closedir(directory);
	rmdir(path);
}

static void *control(void *context)
{
	struct bench *b = context;
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	loop_run(&b->daemon, &signals);
	return NULL;
}

// ---- a row ----

static double highest_rate(struct bench *b, double seconds)
{
	if (workers_start(b->rig.workers, &b->pacer.ports) != 0 || !pacer_run(&b->pacer, 0, 0))
		return 0;
	figure_wait(seconds / 4);
	uint64_t first = rig_messages(&b->rig);
	double begin = figure_now_s();
	for (int i = 0; i < PATIENCE && rig_messages(&b->rig) == first; i++)
		figure_wait(seconds); // longer where the worker did not get its CPU at all
	double rate = (double)(rig_messages(&b->rig) - first) / (figure_now_s() - begin);
	pacer_halt(&b->pacer);
	rig_halt(&b->rig);
	return rate;
}

static void summarize(struct bench *b, struct row *row)
{
	static double us[PACER_MARKS_MAX];
	size_t n = 0;
	uint32_t n_marks = atomic_load(&b->pacer.n_marks);
	for (uint32_t i = 0; i < n_marks; i++) {
		row->n_marks += b->pacer.marked_ns[i] != 0;
		if (b->read_ns[i] && b->pacer.marked_ns[i])
			us[n++] = (double)(b->read_ns[i] - b->pacer.marked_ns[i]) / 1e3;
	}
	row->n_told = n;
	row->n_full = b->pacer.n_full;
	row->n_lines = b->n_lines;
	if (n == 0)
		return;
	row->p50_us = figure_quantile(us, n, 0.5);
	row->p99_us = us[(size_t)(0.99 * (double)n)];
	row->p999_us = us[(size_t)(0.999 * (double)n)];
	row->max_us = us[n - 1];
}

static bool run_row(struct bench *b, double seconds, struct row *row)
{
	pthread_t control_thread, client_thread;
	b->rig.workers->busy = row->busy;
	if (!start_daemon(b) || workers_start(b->rig.workers, &b->pacer.ports) != 0 ||
		pthread_create(&control_thread, NULL, control, b) != 0 ||
		pthread_create(&client_thread, NULL, watch, b) != 0)
		return fail("no daemon");
	for (int i = 0; !atomic_load(&b->watching) && i < 1000; i++)
		figure_wait(0.01);
	if (!pacer_run(&b->pacer, row->rate * row->share, MARKS_PER_SECOND))
		return false;
	figure_wait(seconds);
	pacer_halt(&b->pacer);
	figure_wait(0.2);			       // what is under way
	if (freopen("/dev/null", "w", stderr) == NULL) // that it stops is no news
		return false;
	kill(getpid(), SIGTERM);
	pthread_join(control_thread, NULL);
	rig_halt(&b->rig);
	server_destroy(b->daemon.server); // the client's connection ends with it
	pthread_join(client_thread, NULL);
	outward_stop(&b->daemon);
	journal_destroy(b->daemon.journal);
	remove_directory(b->history);
	rmdir(b->directory);
	summarize(b, row);
	return row->n_told > 0 || fail("no diagnosis was told");
}

static bool start(struct bench *b, enum mix mix)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL); // for the control loop's descriptor
	return rig_load(&b->rig, NULL) && pacer_init(&b->pacer, mix, FRAMES) &&
	       rig_start_workers(&b->rig, 1, NULL);
}

struct job {
	const struct options *options;
	enum mix mix;
	struct row row; // rate 0: find it
};

static bool work(void *context, void *result)
{
	struct job *job = context;
	struct row *row = result;
	struct bench *b = calloc(1, sizeof(*b));
	*row = job->row;
	if (b == NULL || !start(b, job->mix))
		return false;
	if (row->rate > 0)
		return run_row(b, job->options->seconds, row);
	row->rate = highest_rate(b, job->options->seconds / 4);
	return row->rate > 0 || fail("the worker took nothing");
}

static void tell(const struct options *options, enum mix mix, const struct row *row)
{
	const char *poll = row->busy ? "busy" : "adaptive";
	if (options->json) {
		figure_print(json_pack(
			"{s:s, s:s, s:s, s:s, s:i, s:f, s:f, s:s, s:f, s:f, s:f, s:f, "
			"s:I, s:I, s:I, s:I}",
			"bench", "latency", "mix", mix_names[mix], "corpus", mix_texts[mix], "poll",
			poll, "cpus", (int)sysconf(_SC_NPROCESSORS_ONLN), "messages_per_second",
			row->rate * row->share, "share_of_highest_rate", row->share, "unit", "us",
			"p50", row->p50_us, "p99", row->p99_us, "p99.9", row->p999_us, "max",
			row->max_us, "marks", (json_int_t)row->n_marks, "told",
			(json_int_t)row->n_told, "port_full", (json_int_t)row->n_full, "lines_read",
			(json_int_t)row->n_lines));
		return;
	}
	printf("%-10s %-8s %4.0f %% %8.3f %8.0f %8.0f %8.0f %8.0f %8llu %8llu %8llu\n",
		mix_names[mix], poll, 100 * row->share, row->rate * row->share / 1e6, row->p50_us,
		row->p99_us, row->p999_us, row->max_us,
		(unsigned long long)(row->n_marks - row->n_told), (unsigned long long)row->n_full,
		(unsigned long long)row->n_lines);
	fflush(stdout);
}

static int run_mix(enum mix mix, void *context)
{
	static const double shares[] = {0.1, 0.5, 0.9};
	const struct options *options = context;
	struct job find = {.options = options, .mix = mix, .row = {.busy = true}};
	struct row highest;
	if (!apart_run(work, &find, &highest, sizeof(highest)))
		return 1;
	for (int busy = 1; busy >= 0; busy--) {
		for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
			struct job job = {options, mix,
				{.rate = highest.rate, .share = shares[i], .busy = busy}};
			struct row row;
			if (!apart_run(work, &job, &row, sizeof(row)))
				return 1;
			tell(options, mix, &row);
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {.seconds = 5,
		.seconds_max = (double)PACER_MARKS_MAX / MARKS_PER_SECOND,
		.usual = {"realistic"}};
	if (!options_read(&options, argc, argv))
		return 2;
	if (!options.json)
		puts("us, port to watcher   load      M/s      p50      p99    p99.9      max   untold  "
		     "full port    lines");
	return mixes_run(options.mixes, options.n_mixes, run_mix, &options);
}
