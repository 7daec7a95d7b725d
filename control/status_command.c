// SPDX-License-Identifier: BSD-3-Clause
#include "status_command.h"

#include <stdlib.h>
#include <unistd.h>

#include "asa_codes.h"
#include "clock.h"
#include "connection.h"
#include "daemon.h"
#include "gateway_status.h"
#include "health.h"
#include "json_line.h"
#include "memory.h"
#include "port_status.h"
#include "reload_command.h"
#include "server.h"
#include "tables.h"
#include "text.h"

// ---- tables ----

// What is counted beside the tables' own fill.
static void add_counts(json_t *tables, const struct workers *workers, unsigned from, unsigned to)
{
	uint64_t phones = 0, open = 0, open_phones = 0;
	for (unsigned i = from; i < to; i++) {
		const struct session_table *sessions = &workers->worker[i]->sessions;
		phones += gauge_get(&sessions->n_phones);
		open += gauge_get(&sessions->diagnoses->n_open);
		open_phones += gauge_get(&sessions->diagnoses->n_open_phones);
	}
	json_object_set_new(tables, "phones", json_integer((json_int_t)phones));
	json_object_set_new(tables, "diagnoses_open", json_integer((json_int_t)open));
	json_object_set_new(tables, "diagnoses_open_phones", json_integer((json_int_t)open_phones));
}

static json_t *all_tables_json(const struct daemon *daemon)
{
	struct tables tables;
	tables_read(daemon->workers, &tables);
	json_t *object = tables_json(&tables, daemon->high_water);
	add_counts(object, daemon->workers, 0, daemon->workers->n);
	return object;
}

static json_t *worker_tables_json(const struct daemon *daemon, unsigned worker)
{
	struct tables tables = {0};
	tables_add(&tables, daemon->workers->worker[worker]);
	json_t *object = tables_json(&tables, NULL);
	add_counts(object, daemon->workers, worker, worker + 1);
	return object;
}

// ---- workers, diagnoses ----

static json_t *worker_json(const struct daemon *daemon, unsigned i)
{
	const struct worker *w = daemon->workers->worker[i];
	struct ledger ledger;
	ledger_read(&w->counters, &ledger);
	json_t *worker = json_pack("{s:i, s:i, s:i, s:o}", "worker", (int)i, "lcore",
		(int)daemon->ports.lcores[i], "queues", (int)w->n_queues, "busy_percent",
		health_busy_json(&daemon->rates, i));
	json_t *counters = ledger_json(&ledger);
	json_object_update(worker, counters);
	json_decref(counters);
	json_object_set_new(worker, "tables", worker_tables_json(daemon, i));
	return worker;
}

static json_t *workers_json(const struct daemon *daemon)
{
	json_t *workers = json_array();
	for (unsigned i = 0; i < daemon->workers->n; i++)
		json_array_append_new(workers, worker_json(daemon, i));
	return workers;
}

// Open ones by name, of all clients.
static json_t *open_json(const struct daemon *daemon)
{
	const struct registry *names = &daemon->vocabulary->diagnoses;
	json_t *open = json_object();
	for (unsigned i = 0; i < registry_count(names); i++) {
		uint32_t n = gauge_get(&daemon->workers->open.of[i]);
		if (n)
			json_object_set_new(
				open, registry_name(names, (uint16_t)i), json_integer(n));
	}
	return open;
}

// ---- the object ----

json_t *status_json(const struct daemon *daemon)
{
	struct ledger ledger;
	uint64_t uptime_s = (clock_steady_ms() - daemon->started_steady_ms) / 1000;
	ledger_read_all(daemon->workers, &ledger);
	json_t *status = json_pack("{s:s, s:s, s:i, s:i, s:o, s:o, s:I}", "type", "status",
		"version", OFFHOOK_VERSION, "protocol", PROTOCOL_VERSION, "pid", (int)getpid(),
		"time", json_time_or_null(clock_wall_ms()), "started",
		json_time_or_null(daemon->started_ms), "uptime_s", (json_int_t)uptime_s);
	json_object_set_new(status, "health", health_json(daemon, &ledger));
	json_object_set_new(status, "config",
		json_text_or_null(slice_of(daemon->config_path ? daemon->config_path : "")));
	json_object_set_new(status, "rules", rules_json(daemon));
	json_t *counters = ledger_json(&ledger);
	json_object_update(status, counters);
	json_decref(counters);
	json_object_set_new(status, "ledger_exact", json_boolean(ledger.is_exact));
	json_object_set_new(
		status, "poll", json_string(daemon->workers->busy ? "busy" : "adaptive"));
	json_object_set_new(status, "rates",
		json_pack("{s:o, s:o}", "1s", rates_json(&daemon->rates, 1), "10s",
			rates_json(&daemon->rates, 10)));
	json_object_set_new(status, "open", open_json(daemon));
	json_object_set_new(
		status, "events", ledger_events_json(daemon->workers, &daemon->vocabulary->events));
	json_object_set_new(status, "tables", all_tables_json(daemon));
	json_object_set_new(status, "ports", ports_json(daemon));
	json_object_set_new(status, "memory", memory_json());
	json_object_set_new(status, "history", journal_status(daemon->journal));
	json_object_set_new(
		status, "alerts", daemon->alerts ? alerts_status(daemon->alerts) : json_null());
	json_object_set_new(
		status, "outlets", daemon->outlets ? outlets_json(daemon->outlets) : json_array());
	json_object_set_new(status, "control", server_json(daemon->server));
	json_object_set_new(status, "workers", workers_json(daemon));
	return status;
}

// ---- the answer ----

// What comes after the object's other keys: too long, or too much work, to be made at once.
struct walk {
	unsigned next; // gateway
	bool any, listed;
	struct asa_codes codes;
};

static bool add_gateway(struct walk *walk, const struct daemon *daemon, struct buffer *out)
{
	while (walk->next < daemon->workers->gateways.n_max) {
		json_t *gateway = gateway_json(daemon, (uint16_t)walk->next++);
		if (gateway == NULL)
			continue;
		buffer_add_text(out, walk->any ? "," : "");
		buffer_add_json(out, gateway);
		walk->any = true;
		return true;
	}
	return false;
}

static enum answer_turn step(struct answer *answer, struct buffer *out)
{
	struct walk *walk = answer->state;
	if (!walk->listed) {
		walk->listed = !add_gateway(walk, answer->daemon, out);
		return ANSWER_MORE;
	}
	if (asa_codes_step(&walk->codes, answer->daemon->workers))
		return ANSWER_MORE;
	buffer_add_text(out, "],\"asa_codes\":");
	buffer_add_json(out, asa_codes_json(&walk->codes));
	buffer_add_text(out, "}}\n");
	return ANSWER_DONE;
}

static void end(struct answer *answer)
{
	free(answer->state);
}

void status_serve(const json_t *arguments, struct answer *answer, struct buffer *out)
{
	(void)arguments;
	json_t *status = status_json(answer->daemon);
	size_t len = 0;
	char *text = json_line(status, &len);
	json_decref(status);
	answer->state = calloc(1, sizeof(struct walk));
	if (text == NULL || answer->state == NULL) {
		out->failed = true;
		free(text);
		return;
	}
	answer->step = step;
	answer->end = end;
	buffer_add_text(out, "{\"ok\":true,\"data\":");
	buffer_add(out, text, len - 1); // without its closing brace: more comes
	buffer_add_text(out, ",\"gateways\":[");
	free(text);
}
