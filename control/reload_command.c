// SPDX-License-Identifier: BSD-3-Clause
#include "reload_command.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "daemon.h"
#include "log.h"
#include "pack.h"
#include "text.h"

static struct ruleset *load(struct daemon *daemon, const char *directory, struct report *report)
{
	// A check leaves nothing behind.
	const char *cache = daemon->check_only ? NULL : daemon->config.cache;
	struct ruleset *ruleset = pack_load(directory, cache, daemon->vocabulary, report);
	if (ruleset == NULL && report->n == 0)
		report_add(report, directory, 0, 0, "out of memory");
	return ruleset;
}

static void succeed(struct rules_state *state, uint64_t start_ms)
{
	state->took_ms = clock_steady_ms() - start_ms;
	free(state->failure);
	state->failure = NULL;
	state->failed_ms = 0;
	state->loaded_ms = clock_wall_ms();
}

struct ruleset *rules_start(struct daemon *daemon, struct report *report)
{
	uint64_t start_ms = clock_steady_ms();
	struct ruleset *ruleset = load(daemon, daemon->config.rules, report);
	if (ruleset)
		succeed(&daemon->rules, start_ms);
	return ruleset;
}

static bool fail(struct daemon *daemon, const struct report *report)
{
	struct rules_state *state = &daemon->rules;
	log_line(LOG_ERROR, "not reloaded, all stays as it was:");
	log_lines(LOG_ERROR, report->text ? report->text : "out of memory");
	free(state->failure);
	state->failure = strdup(report->text ? report->text : "out of memory\n");
	state->failed_ms = clock_wall_ms();
	return false;
}

static void drop(struct config *config)
{
	if (config)
		config_fini(config);
	free(config);
}

// The config as it now stands in its file. Of it the outlets and the rules' directory are taken
// over; the rest is what the daemon started with. NULL: the report says what is wrong.
static struct config *reread(const struct daemon *daemon, struct report *report)
{
	struct config *next = malloc(sizeof(*next));
	if (next == NULL || !config_init(next, daemon->config_path, report)) {
		if (next == NULL)
			report_add(report, "config", 0, 0, "out of memory");
		free(next);
		return NULL;
	}
	if (config_check(next, CONFIG_RELOADS, report))
		return next;
	drop(next);
	return NULL;
}

static void note_what_stays(const struct daemon *daemon, const struct config *next)
{
	char names[256];
	if (config_compare(&daemon->config, next, names, sizeof(names)))
		log_line(LOG_WARNING, "changed in the config, and waits for a restart: %s", names);
}

// Everything is read before anything is changed.
static struct ruleset *prepare(struct daemon *daemon, struct config *next, struct report *report)
{
	struct ruleset *ruleset = NULL;
	if (workers_retire(daemon->workers))
		ruleset = load(daemon, next ? next->rules : daemon->config.rules, report);
	else
		report_add(report, daemon->config.rules, 0, 0,
			"a worker that stands still has not gone over to the rules of the last reload: later");
	if (ruleset == NULL)
		return NULL;
	if (next == NULL || outlets_set(daemon->outlets, next->outlets, next->n_outlets))
		return ruleset;
	report_add(report, "outlets", 0, 0,
		"no memory, or outlets that were taken away have not ended yet: later");
	ruleset_destroy(ruleset);
	return NULL;
}

static bool publish(struct daemon *daemon, struct ruleset *ruleset, struct report *report)
{
	if (workers_publish(daemon->workers, ruleset) < 0) {
		report_add(report, daemon->config.rules, 0, 0, "out of memory");
		return false;
	}
	if (daemon->alerts) {
		alerts_set_rules(daemon->alerts, ruleset->pack, clock_wall_ms());
		recorder_retell(daemon->recorder);
	}
	if (daemon->workers->replaced)
		log_line(LOG_ERROR,
			"a worker stands still: it goes over to the new rules when it goes on");
	return true;
}

// What the new config says stands in its own memory: whoever has a text of the one before takes
// over before that goes.
static void keep(struct daemon *daemon, struct config *next)
{
	note_what_stays(daemon, next);
	daemon->config.rules = next->rules;
	daemon->config.sites = next->sites;
	if (daemon->alerts)
		alerts_set_sites(daemon->alerts, &daemon->config.sites);
	drop(daemon->reread);
	daemon->reread = next;
}

bool reload(struct daemon *daemon, struct report *report)
{
	uint64_t start_ms = clock_steady_ms();
	struct config *next = daemon->outlets ? reread(daemon, report) : NULL;
	struct ruleset *ruleset = report->n == 0 ? prepare(daemon, next, report) : NULL;
	bool ok = ruleset && publish(daemon, ruleset, report);
	if (next && ok)
		keep(daemon, next);
	else
		drop(next);
	if (!ok)
		return fail(daemon, report);
	succeed(&daemon->rules, start_ms);
	log_line(LOG_NOTICE, "reloaded: %u messages, %u diagnoses, %zu outlets, %llu ms",
		ruleset->pack->n_messages, ruleset->pack->n_diagnoses, next ? next->n_outlets : 0,
		(unsigned long long)daemon->rules.took_ms);
	return true;
}

json_t *rules_json(const struct daemon *daemon)
{
	const struct ruleset *ruleset = daemon->workers->ruleset;
	const struct rules_state *state = &daemon->rules;
	char later[256];
	bool waits = daemon->reread &&
		     config_compare(&daemon->config, daemon->reread, later, sizeof(later));
	json_t *failure =
		state->failed_ms
			? json_pack("{s:o, s:o}", "time", json_time_or_null(state->failed_ms),
				  "errors",
				  json_text(slice_of(state->failure ? state->failure : "")))
			: json_null();
	return json_pack("{s:o, s:i, s:i, s:o, s:I, s:b, s:b, s:o, s:s?}", "directory",
		json_text(slice_of(daemon->config.rules)), "messages",
		(int)ruleset->pack->n_messages, "diagnoses", (int)ruleset->pack->n_diagnoses,
		"loaded_at", json_time_or_null(state->loaded_ms), "took_ms",
		(json_int_t)state->took_ms, "from_cache", ruleset->from_cache, "in_force",
		daemon->workers->replaced == NULL, "last_failure", failure, "waits_for_restart",
		waits ? later : NULL);
}

void reload_serve(const json_t *arguments, struct answer *answer, struct buffer *out)
{
	(void)arguments;
	struct report report = {0};
	log_line(LOG_NOTICE, "reload asked for by uid %d, pid %d", (int)answer->peer.uid,
		(int)answer->peer.pid);
	if (reload(answer->daemon, &report))
		answer_data(out, rules_json(answer->daemon));
	else
		answer_error(out, "%s", report.text ? report.text : "out of memory");
	report_fini(&report);
}

void reload_fini(struct daemon *daemon)
{
	free(daemon->rules.failure);
	daemon->rules.failure = NULL;
	drop(daemon->reread);
	daemon->reread = NULL;
}
