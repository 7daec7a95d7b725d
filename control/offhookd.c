// SPDX-License-Identifier: BSD-3-Clause
// offhookd: the daemon. Starts everything in order, serves until it is told to stop, and takes
// everything back in the reverse order.
//
// Exit: 0 done, 1 failed, 2 wrong usage.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "daemon.h"
#include "glyph.h"
#include "http_server.h"
#include "log.h"
#include "loop.h"
#include "outward.h"
#include "reload_command.h"
#include "server.h"
#include "telemetry.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

// ---- starting ----

// What is wrong with a file: as it is where an operator checks it, else a matter of the log.
static void tell(const struct daemon *d, const struct report *report)
{
	if (d->check_only)
		fputs(report->text ? report->text : "out of memory\n", stderr);
	else
		log_lines(LOG_ERROR, report->text ? report->text : "out of memory");
}

static bool load_config(struct daemon *d)
{
	struct report report = {0};
	bool read = config_init(&d->config, d->config_path, &report);
	bool ok = read &&
		  config_check(&d->config, d->check_only ? CONFIG_ASKED : CONFIG_STARTS, &report);
	if (!ok)
		tell(d, &report);
	if (read && !ok)
		config_fini(&d->config);
	report_fini(&report);
	return ok;
}

// Before anything is taken from the machine: one daemon on one socket.
static bool check_alone(const struct daemon *d)
{
	if (!server_is_alive(d->config.socket))
		return true;
	log_line(LOG_ERROR, "%s: another offhookd is running", d->config.socket);
	return false;
}

static bool start_journal(struct daemon *d)
{
	char error[512];
	d->journal = journal_create(&d->config.journal, error, sizeof(error));
	if (d->journal == NULL)
		log_line(LOG_ERROR, "history: %s", error);
	return d->journal != NULL;
}

static struct ruleset *start_rules(struct daemon *d)
{
	struct report report = {0};
	struct ruleset *ruleset = NULL;
	d->vocabulary = vocabulary_create();
	if (d->vocabulary)
		ruleset = rules_start(d, &report);
	if (ruleset == NULL)
		tell(d, &report);
	report_fini(&report);
	return ruleset;
}

static void note(void *context, const char *text)
{
	(void)context;
	log_line(LOG_NOTICE, "%s", text);
}

static bool start_ports(struct daemon *d)
{
	char error[512];
	const struct config *config = &d->config;
	if (port_start(&d->ports, config->listen, config->n_listen, &config->ports, note, NULL,
		    error, sizeof(error)) == 0) {
		d->workers->busy = config->poll == POLL_BUSY ||
				   (config->poll == POLL_AUTO && d->ports.any_pci);
		return true;
	}
	log_line(LOG_ERROR, "%s", error);
	return false;
}

// Takes the ruleset.
static bool create_workers(struct daemon *d, struct ruleset *ruleset)
{
	const struct config *config = &d->config;
	struct worker_limits limits = config->limits;
	if (getrandom(&limits.seed, sizeof(limits.seed), 0) != sizeof(limits.seed))
		log_line(LOG_WARNING,
			"no random numbers: a stranger could choose addresses that are slow to find");
	d->workers = workers_create(config->workers, &limits, ruleset, &config->policy);
	if (d->workers == NULL) {
		ruleset_destroy(ruleset);
		log_line(LOG_ERROR, "out of memory for %u clients and %u diagnoses",
			config->limits.clients, config->limits.diagnoses);
		return false;
	}
	d->hidden_users = calloc(config->limits.gateways, sizeof(*d->hidden_users));
	d->hidden_users_ms = calloc(config->limits.gateways, sizeof(*d->hidden_users_ms));
	d->feed = feed_create(d->workers);
	if (d->hidden_users && d->hidden_users_ms && d->feed)
		return true;
	log_line(LOG_ERROR, "out of memory");
	return false;
}

static bool start_outward(struct daemon *d)
{
	bool ok = outward_start(d);
	if (!ok)
		log_line(LOG_ERROR, "out of memory");
	return ok;
}

static bool start_server(struct daemon *d)
{
	char error[512];
	d->server = server_create(d, d->config.socket, error, sizeof(error));
	if (d->server == NULL)
		log_line(LOG_ERROR, "control socket: %s", error);
	return d->server != NULL;
}

// What there is from before the start, and what comes.
static void feed_metrics(struct daemon *d)
{
	json_t *alerts = d->alerts ? alerts_json(d->alerts, LANGUAGE_EN) : NULL, *alert;
	size_t i;
	json_array_foreach(alerts, i, alert) metrics_note_alert(d->metrics, alert);
	json_decref(alerts);
	recorder_set_metrics(d->recorder, d->metrics);
}

static bool start_metrics(struct daemon *d)
{
	char error[512] = "metrics: out of memory";
	const struct metrics_source source = {.roster = d->roster,
		.roster_view = roster_view,
		.outlets = d->outlets,
		.outlets_status = outlets_status,
		.journal = d->journal,
		.journal_status = journal_status,
		.journal_is_degraded = journal_is_degraded};
	d->metrics = metrics_create(d, &source);
	if (d->metrics)
		feed_metrics(d);
	if (d->metrics && http_server_create(d, d->metrics, &d->http, error, sizeof(error)))
		return true;
	log_line(LOG_ERROR, "%s", error);
	return false;
}

static bool start_workers(struct daemon *d)
{
	int status = workers_start(d->workers, &d->ports);
	if (status < 0)
		log_line(LOG_ERROR, "workers do not start: %s", strerror(-status));
	return status == 0;
}

// One line that says what was made of `listen`.
static void log_listening(const struct daemon *d)
{
	struct port_stats stats[PORT_LISTEN_MAX];
	size_t n = port_stats(&d->ports, stats, PORT_LISTEN_MAX), len = 0;
	char ports[PORT_LISTEN_MAX * 340] = "", numbers[DATAGRAM_PORTS_MAX * 8] = "";
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(ports + len, sizeof(ports) - len, "%s%s (%s)",
			i ? ", " : "", stats[i].name, stats[i].driver);
	len = 0;
	for (unsigned i = 0; i < d->config.ports.n_udp_ports; i++)
		len += (size_t)snprintf(numbers + len, sizeof(numbers) - len, "%s%u", i ? ", " : "",
			d->config.ports.udp_ports[i]);
	log_line(LOG_NOTICE, "listening on %s, UDP %s; %u worker%s; %u messages, %u diagnoses; %s",
		ports, numbers, d->workers->n, d->workers->n == 1 ? "" : "s",
		d->workers->ruleset->pack->n_messages, d->workers->ruleset->pack->n_diagnoses,
		d->config.socket);
}

// ---- order ----

static int run(struct daemon *d, const sigset_t *signals)
{
	int code = EXIT_FAILED;
	struct ruleset *ruleset = NULL;
	d->started_ms = clock_wall_ms();
	d->started_steady_ms = clock_steady_ms();
	if (!check_alone(d) || !start_journal(d))
		goto end;
	ruleset = start_rules(d);
	if (ruleset == NULL)
		goto stop_rules;
	if (!create_workers(d, ruleset))
		goto stop_workers;
	// What was is restored before anything comes in: of a million phones that takes seconds.
	if (!start_outward(d))
		goto stop_outward;
	if (!start_ports(d))
		goto stop_outward;
	if (!start_server(d))
		goto stop_outward;
	if (!start_metrics(d))
		goto stop_metrics;
	if (!start_workers(d))
		goto stop_metrics;
	telemetry_start(d);
	log_listening(d);
	code = loop_run(d, signals) ? 0 : EXIT_FAILED;
	telemetry_stop();
	workers_stop(d->workers);
	outward_finish(d);
stop_metrics:
	http_server_destroy(d->http);
	recorder_set_metrics(d->recorder, NULL);
	metrics_destroy(d->metrics);
	server_destroy(d->server);
stop_outward:
	outward_stop(d);
stop_workers:
	feed_destroy(d->feed);
	workers_destroy(d->workers);
	free(d->hidden_users);
	free(d->hidden_users_ms);
	port_stop(&d->ports);
stop_rules:
	if (d->vocabulary)
		vocabulary_destroy(d->vocabulary);
	reload_fini(d);
	journal_destroy(d->journal);
end:
	return code;
}

static int check_config(struct daemon *d)
{
	struct ruleset *ruleset = start_rules(d);
	int code = ruleset ? 0 : EXIT_FAILED;
	if (ruleset) {
		glyph_write(stdout, slice_of(d->config_path ? d->config_path : "defaults"));
		fputs(": ok; ", stdout);
		glyph_write(stdout, slice_of(d->config.rules));
		printf(": %u messages, %u diagnoses, %u alerts\n", ruleset->pack->n_messages,
			ruleset->pack->n_diagnoses, ruleset->pack->n_alerts);
	}
	ruleset_destroy(ruleset);
	if (d->vocabulary)
		vocabulary_destroy(d->vocabulary);
	reload_fini(d);
	return code;
}

// ---- the command line ----

static void print_usage(FILE *out)
{
	fputs("usage: offhookd [-c FILE] [--check-config]\n"
	      "  -c, --config FILE   the config; without one every option has its default\n"
	      "      --check-config  read the config and the rules, say what is wrong, and end\n"
	      "  -h, --help          this, and every option of the config\n"
	      "  -V, --version\n"
	      "SIGHUP reloads the rules and the outlets, SIGUSR1 opens the outlets' files anew.\n"
	      "Exit: 0 done, 1 failed, 2 wrong usage.\n",
		out);
}

static int print_help(void)
{
	print_usage(stdout);
	fputs("\nThe config is a YAML file of these keys, each with its default:\n\n", stdout);
	config_print_options(stdout);
	return 0;
}

// The file that `-c FILE`, `--config FILE` or `--config=FILE` names; *i moves on to it. NULL: it is
// another word.
static const char *config_argument(int argc, char **argv, int *i)
{
	const char *word = argv[*i];
	if (strncmp(word, "--config=", 9) == 0)
		return word + 9;
	bool is_config = strcmp(word, "-c") == 0 || strcmp(word, "--config") == 0;
	return is_config && *i + 1 < argc ? argv[++*i] : NULL;
}

static bool is_word(const char *word, const char *letter, const char *name)
{
	return strcmp(word, letter) == 0 || strcmp(word, name) == 0;
}

int main(int argc, char **argv)
{
	static struct daemon daemon;
	log_init("offhookd");
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i], *path = config_argument(argc, argv, &i);
		if (path) {
			daemon.config_path = path;
		} else if (strcmp(word, "--check-config") == 0) {
			daemon.check_only = true;
		} else if (is_word(word, "-h", "--help")) {
			return print_help();
		} else if (is_word(word, "-V", "--version")) {
			puts("offhookd " OFFHOOK_VERSION);
			return 0;
		} else {
			log_line(
				LOG_ERROR, "unexpected argument '%s', or a value is missing", word);
			print_usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (!load_config(&daemon))
		return EXIT_FAILED;
	// Blocked before any thread is made, so that all threads leave them to the signalfd.
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	int code = daemon.check_only ? check_config(&daemon) : run(&daemon, &signals);
	config_fini(&daemon.config);
	return code;
}
