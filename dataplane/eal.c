// SPDX-License-Identifier: BSD-3-Clause
// eal: makes the arguments of rte_eal_init(); the operator never types one.
#include "eal.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#define ARGUMENTS_MAX 64
#define ARGUMENT_MAX 8192 // the CPUs of a big machine, written out
#define HUGEPAGES_PATH "/sys/kernel/mm/hugepages"
#define MEBIBYTE ((size_t)1 << 20)

struct arguments {
	int n;
	char *values[ARGUMENTS_MAX + 1]; // ends with NULL
};

// ---- DPDK's log ----

// rte_log() has one stream for the process, so this is one too.
static struct {
	port_note_fn note; // NULL: to stderr
	void *context;
	bool is_held;
	char line[512];
	size_t len;
	char first[512], last[512]; // since eal_log_clear()
} log_state;

static void log_line_end(void)
{
	log_state.line[log_state.len] = '\0';
	log_state.len = 0;
	if (log_state.line[0] == '\0')
		return;
	memcpy(log_state.last, log_state.line, sizeof(log_state.last));
	if (log_state.first[0] == '\0')
		memcpy(log_state.first, log_state.line, sizeof(log_state.first));
	if (log_state.is_held)
		return;
	if (log_state.note != NULL)
		log_state.note(log_state.context, log_state.line);
	else
		fprintf(stderr, "%s\n", log_state.line);
}

static ssize_t log_write(void *cookie, const char *bytes, size_t len)
{
	(void)cookie;
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n')
			log_line_end();
		else if (log_state.len < sizeof(log_state.line) - 1)
			log_state.line[log_state.len++] = bytes[i];
	}
	return (ssize_t)len;
}

static void log_begin(port_note_fn note, void *context)
{
	log_state.note = note;
	log_state.context = context;
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_write});
	if (stream == NULL)
		return;
	setvbuf(stream, NULL, _IOLBF, BUFSIZ);
	rte_openlog_stream(stream);
}

void eal_log_hold(bool hold)
{
	log_state.is_held = hold;
}

void eal_log_end(void)
{
	log_state.note = NULL;
}

void eal_log_clear(void)
{
	log_state.first[0] = log_state.last[0] = '\0';
}

const char *eal_log_reason(void)
{
	return log_state.first;
}

// ---- arguments ----

[[gnu::format(printf, 2, 3)]] static void add(struct arguments *arguments, const char *format, ...)
{
	char value[ARGUMENT_MAX];
	va_list list;
	va_start(list, format);
	int len = vsnprintf(value, sizeof(value), format, list);
	va_end(list);
	assert(len >= 0);
	assert((size_t)len < sizeof(value));
	assert(arguments->n < ARGUMENTS_MAX);
	arguments->values[arguments->n] = strdup(value);
	if (arguments->values[arguments->n] != NULL)
		arguments->n++;
}

static void arguments_free(struct arguments *arguments)
{
	for (int i = 0; i < arguments->n; i++)
		free(arguments->values[i]);
}

// "0,2-5": as ranges, for a list of 1,024 must fit.
static void format_cpus(const cpu_set_t *cpus, char *out, size_t size)
{
	size_t len = 0;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, cpus))
			continue;
		int last = cpu;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, cpus))
			last++;
		const char *comma = len > 0 ? "," : "";
		len += (size_t)snprintf(
			out + len, size - len, last > cpu ? "%s%d-%d" : "%s%d", comma, cpu, last);
		assert(len < size);
		cpu = last;
	}
}

// The n-th CPU of the set, round and round.
static int nth_cpu(const cpu_set_t *cpus, int n)
{
	n %= CPU_COUNT(cpus);
	for (int cpu = 0;; cpu++)
		if (CPU_ISSET(cpu, cpus) && n-- == 0)
			return cpu;
}

// Main floats; a worker that were moved would lose its caches. Where there are CPUs to spare the
// first one is left to the rest of the machine, which is most likely there.
static int add_lcores(struct arguments *arguments, uint16_t n_workers)
{
	cpu_set_t cpus;
	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return -errno;
	char list[ARGUMENT_MAX / 2];
	format_cpus(&cpus, list, sizeof(list));
	char workers[WORKERS_MAX * 12] = "";
	size_t len = 0;
	int first = CPU_COUNT(&cpus) > n_workers ? 1 : 0;
	for (uint16_t i = 0; i < n_workers; i++)
		len += (size_t)snprintf(workers + len, sizeof(workers) - len, ",%u@%d", i + 1u,
			nth_cpu(&cpus, first + i));
	assert(len < sizeof(workers));
	add(arguments, "--lcores=0@(%s)%s", list, workers);
	return 0;
}

// ---- memory ----

// Bytes of free hugepages of all sizes.
static size_t hugepages_free(void)
{
	DIR *sizes = opendir(HUGEPAGES_PATH);
	if (sizes == NULL)
		return 0;
	size_t total = 0;
	for (struct dirent *entry; (entry = readdir(sizes)) != NULL;) {
		size_t kibibytes, pages;
		char path[512];
		if (sscanf(entry->d_name, "hugepages-%zukB", &kibibytes) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", HUGEPAGES_PATH, entry->d_name);
		FILE *file = fopen(path, "re");
		if (file == NULL)
			continue;
		if (fscanf(file, "%zu", &pages) == 1)
			total += kibibytes * 1024 * pages;
		fclose(file);
	}
	closedir(sizes);
	return total;
}

// Hugepages are taken as they are needed, and from no file system, so that nothing is left behind
// by any end. Without them all memory is reserved at once; the kernel backs what is touched.
static int add_memory(struct arguments *arguments, const struct eal_options *options,
	port_note_fn note, void *context, char *error, size_t error_size)
{
	size_t need = options->memory / MEBIBYTE + 1;
	size_t have = options->hugepages == HUGEPAGES_OFF ? 0 : hugepages_free() / MEBIBYTE;
	bool enough = have >= need;
	if (!enough && (options->hugepages == HUGEPAGES_ON || options->n_pci > 0)) {
		snprintf(error, error_size,
			"%zu MiB of hugepages needed, %zu MiB free: echo %zu > "
			"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
			need, have, need / 2 + 1);
		return -ENOMEM;
	}
	if (enough) {
		add(arguments, "--in-memory");
		return 0;
	}
	if (have > 0) {
		char text[128];
		snprintf(text, sizeof(text),
			"hugepages are not used: %zu MiB are free, %zu MiB are needed", have, need);
		note(context, text);
	}
	add(arguments, "--no-huge");
	add(arguments, "--no-shconf");
	add(arguments, "-m");
	add(arguments, "%zu", need);
	return 0;
}

// ---- start ----

static int init(struct arguments *arguments, char *error, size_t error_size)
{
	char *values[ARGUMENTS_MAX + 1]; // rte_eal_init() puts others into the array
	memcpy(values, arguments->values, sizeof(values));
	eal_log_clear();
	if (rte_eal_init(arguments->n, values) >= 0)
		return 0;
	int status = rte_errno > 0 ? -rte_errno : -EINVAL;
	const char *last = log_state.last; // it gives up where it fails
	snprintf(error, error_size, "DPDK does not start: %s%s%s", strerror(-status),
		last[0] ? ", " : "", last);
	return status;
}

static void add_common(struct arguments *arguments)
{
	add(arguments, "offhook");
	add(arguments, "--log-level=%d", (int)RTE_LOG_WARNING);
}

int eal_start(const struct eal_options *options, port_note_fn note, void *context, char *error,
	size_t error_size)
{
	log_begin(note, context);
	struct arguments arguments = {0};
	add_common(&arguments);
	add(&arguments, "--file-prefix=offhook"); // the directory of the telemetry socket
	add(&arguments, "--log-level=lib.telemetry:%d", (int)RTE_LOG_ERR); // that it has no old one
	int status = add_memory(&arguments, options, note, context, error, error_size);
	if (status != 0)
		goto end;
	status = add_lcores(&arguments, options->n_workers);
	if (status != 0) {
		snprintf(error, error_size, "CPUs of the process: %s", strerror(-status));
		goto end;
	}
	for (size_t i = 0; i < options->n_pci; i++) {
		add(&arguments, "-a");
		add(&arguments, "%s", options->pci[i]);
	}
	if (options->n_pci == 0) {
		add(&arguments, "--no-pci");
		// AF_XDP wants a pool in one piece, which physical addresses would cut up.
		add(&arguments, "--iova-mode=va");
	}
	status = init(&arguments, error, error_size);
end:
	arguments_free(&arguments);
	return status;
}

static void note_nothing(void *context, const char *text)
{
	(void)context;
	(void)text;
}

int eal_start_offline(char *error, size_t error_size)
{
	log_begin(note_nothing, NULL);
	struct arguments arguments = {0};
	add_common(&arguments);
	static const char *const fixed[] = {"--no-telemetry", "--no-huge", "--no-shconf",
		"--no-pci", "-m", "64", "--iova-mode=va"};
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		add(&arguments, "%s", fixed[i]);
	int status = add_lcores(&arguments, 0);
	if (status == 0)
		status = init(&arguments, error, error_size);
	arguments_free(&arguments);
	eal_log_end();
	return status;
}
