// SPDX-License-Identifier: BSD-3-Clause
// outlet_feed: the outlets of a config with the journal before them, and nothing else of the
// daemon: what comes on stdin, an object a line, is told. Ends when all of it is delivered, or by
// SIGTERM; prints what status shows of the outlets.
//
//   outlet_feed CONFIG JOURNAL_DIRECTORY|-
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../control/clock.h"
#include "../../control/config.h"
#include "../../control/json_line.h"
#include "../../control/log.h"
#include "../../control/outlet.h"

static volatile sig_atomic_t stopped;
static uint64_t last; // number of the last record

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static void tell(struct journal *journal, const char *line)
{
	json_t *object = json_loads(line, JSON_ALLOW_NUL, NULL);
	const char *type = json_string_value(json_object_get(object, "type"));
	const char *id = json_string_value(json_object_get(object, "id"));
	if (type && id)
		last = journal_append(journal,
			strcmp(type, "alert") == 0 ? RECORD_ALERT : RECORD_DIAGNOSIS, id, object);
	else
		fprintf(stderr, "not an object to tell: %s\n", line);
	json_decref(object);
}

// The lines that are there. false: no more will come.
static bool read_some(struct journal *journal)
{
	static char line[1 << 20];
	static size_t len;
	struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
	if (poll(&fd, 1, 50) <= 0)
		return true;
	ssize_t n = read(STDIN_FILENO, line + len, sizeof(line) - len - 1);
	if (n <= 0)
		return false;
	len += (size_t)n;
	char *at = line, *end;
	while ((end = memchr(at, '\n', len - (size_t)(at - line))) != NULL) {
		*end = '\0';
		tell(journal, at);
		at = end + 1;
	}
	len -= (size_t)(at - line);
	memmove(line, at, len);
	return true;
}

// Each reads from where the journal is when it begins.
static bool have_begun(const struct outlets *outlets)
{
	struct outlet_status status[OUTLETS_MAX];
	size_t n = outlets_status(outlets, status, OUTLETS_MAX);
	bool all = true;
	for (size_t i = 0; i < n; i++)
		all = all && status[i].lag.limit;
	return all;
}

static bool is_delivered(const struct journal *journal, const struct outlets *outlets)
{
	struct outlet_status status[OUTLETS_MAX];
	size_t n = outlets_status(outlets, status, OUTLETS_MAX);
	bool all = journal_settled(journal) >= last;
	for (size_t i = 0; i < n; i++)
		all = all && status[i].lag.waiting == 0;
	return all;
}

static void print_status(const struct outlets *outlets)
{
	json_t *list = outlets_json(outlets), *one;
	size_t i;
	json_array_foreach(list, i, one) json_line_write(stdout, one);
	fflush(stdout);
	json_decref(list);
}

static bool start(struct config *config, const char *path, const char *directory,
	struct journal **journal, struct outlets **outlets)
{
	char error[256] = "out of memory";
	struct report report = {0};
	if (!config_init(config, path, &report)) {
		fputs(report.text, stderr);
		return false;
	}
	report_fini(&report);
	*journal = journal_create(&(struct journal_options){.directory = directory,
					  .keep_ms = 86400000,
					  .keep_bytes = 1u << 30,
					  .window = 8192},
		error, sizeof(error));
	*outlets = *journal ? outlets_create(*journal) : NULL;
	if (*outlets && outlets_set(*outlets, config->outlets, config->n_outlets))
		return true;
	fprintf(stderr, "%s\n", error);
	return false;
}

int main(int argc, char **argv)
{
	struct config config;
	struct journal *journal;
	struct outlets *outlets;
	uint64_t ticked_ms = 0, told = 0;
	bool more = true;
	log_init("outlet_feed");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, stop);
	if (argc != 3 || !start(&config, argv[1], strcmp(argv[2], "-") == 0 ? NULL : argv[2],
				 &journal, &outlets))
		return 2;
	while (!have_begun(outlets))
		usleep(1000);
	while (!stopped) {
		if (more)
			more = read_some(journal);
		else
			usleep(20000);
		uint64_t now_ms = clock_steady_ms();
		if (now_ms - ticked_ms >= 1000) {
			journal_tick(journal, clock_wall_ms());
			outlets_tick(outlets);
			ticked_ms = now_ms;
		}
		if (last && journal_settled(journal) >= last && last != told) {
			printf("settled %llu\n", (unsigned long long)last);
			fflush(stdout);
			told = last;
		}
		if (!more && is_delivered(journal, outlets))
			break;
	}
	print_status(outlets);
	outlets_destroy(outlets);
	journal_destroy(journal);
	config_fini(&config);
	return 0;
}
