// SPDX-License-Identifier: BSD-3-Clause
#include "telemetry.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_telemetry.h>

#include "../rules/compile.h"
#include "asa_codes.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "port_status.h"

// Source: DPDK 22.11, rte_telemetry.h and telemetry.c: 256 entries of a dictionary, 16384 bytes of
// an answer, names of at most 128 bytes, of letters, digits, _ and / only.
#define ENTRIES_MAX (RTE_TEL_MAX_DICT_ENTRIES - 1) // and `next`
#define BYTES_MAX (16384 - 512)
#define ENTRY_OVERHEAD 25 // quotes, colon, comma, twenty digits

// What is the control thread's own.
struct snapshot {
	uint64_t started_ms, loaded_ms, failed_ms;
	unsigned n_messages, n_diagnoses;
	bool in_force;
	struct port_stats ports[PORT_LISTEN_MAX];
	size_t n_ports;
	struct {
		char name[OUTLET_NAME_MAX + 1];
		bool up;
		uint64_t n_delivered, n_refused, n_errors;
		struct journal_lag lag;
	} outlets[OUTLETS_MAX];
	size_t n_outlets;
	const struct ruleset *ruleset; // only to be compared: the bits below are its
	uint64_t wanted[ASA_ID_WORDS]; // ASA ids that a rule knows
};

// One for the process, as the socket is.
static struct {
	pthread_mutex_t answering; // held while an answer is made: the workers are there
	const struct daemon *daemon;
	pthread_mutex_t copying; // never for longer than a copy takes
	struct snapshot snapshot;
} telemetry = {.answering = PTHREAD_MUTEX_INITIALIZER, .copying = PTHREAD_MUTEX_INITIALIZER};

// ---- what the control thread leaves ----

static void copy_outlets(struct snapshot *to, const struct metrics_source *source)
{
	struct outlet_status outlets[OUTLETS_MAX];
	to->n_outlets = source->outlets_status
				? source->outlets_status(source->outlets, outlets, OUTLETS_MAX)
				: 0;
	for (size_t i = 0; i < to->n_outlets; i++) {
		const struct outlet_status *o = &outlets[i];
		slice_copy(slice_of(o->name), to->outlets[i].name, sizeof(to->outlets[i].name));
		to->outlets[i].up = strcmp(o->state, "connected") == 0;
		to->outlets[i].n_delivered = o->n_delivered;
		to->outlets[i].n_refused = o->n_refused;
		to->outlets[i].n_errors = o->n_errors;
		to->outlets[i].lag = o->lag;
	}
}

void telemetry_tick(const struct daemon *d)
{
	static struct snapshot next; // large, and this thread's alone
	const struct ruleset *ruleset = d->workers->ruleset;
	next.started_ms = d->started_ms;
	next.loaded_ms = d->rules.loaded_ms;
	next.failed_ms = d->rules.failed_ms;
	next.n_messages = ruleset->pack->n_messages;
	next.n_diagnoses = ruleset->pack->n_diagnoses;
	next.in_force = d->workers->replaced == NULL;
	next.n_ports = ports_read(d, next.ports);
	if (d->metrics)
		copy_outlets(&next, metrics_source(d->metrics));
	pthread_mutex_lock(&telemetry.copying);
	struct snapshot *to = &telemetry.snapshot;
	bool same_rules = to->ruleset == ruleset && to->loaded_ms == next.loaded_ms;
	memcpy(to, &next, offsetof(struct snapshot, ruleset));
	if (!same_rules)
		memcpy(to->wanted, ruleset->wanted, sizeof(to->wanted));
	to->ruleset = ruleset;
	pthread_mutex_unlock(&telemetry.copying);
}

// ---- an answer ----

struct answer_page {
	struct rte_tel_data *data;
	unsigned n;
	size_t bytes;
	const struct daemon *daemon;
	const char *params; // never NULL
};

// false: there is no room for it.
__attribute__((format(printf, 3, 4))) static bool add(
	struct answer_page *page, uint64_t value, const char *format, ...)
{
	char name[RTE_TEL_MAX_STRING_LEN];
	va_list arguments;
	va_start(arguments, format);
	int len = vsnprintf(name, sizeof(name), format, arguments);
	va_end(arguments);
	if (page->n == ENTRIES_MAX || page->bytes + (size_t)len + ENTRY_OVERHEAD > BYTES_MAX)
		return false;
	for (char *c = name; *c; c++)
		*c = isalnum((unsigned char)*c) || strchr("_/", *c) ? *c : '_';
	page->n++;
	page->bytes += (size_t)len + ENTRY_OVERHEAD;
	return rte_tel_data_add_dict_u64(page->data, name, value) == 0;
}

static void add_next(struct answer_page *page, uint64_t next)
{
	rte_tel_data_add_dict_u64(page->data, "next", next);
}

// A number, and nothing else; none: 0.
static bool read_number(const char *text, uint64_t most, uint64_t *out)
{
	char *end = NULL;
	if (text[0] == '\0') {
		*out = 0;
		return true;
	}
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	*out = number;
	return isdigit((unsigned char)text[0]) && *end == '\0' && errno == 0 && number <= most;
}

// ---- commands ----

static int tell_info(struct answer_page *page, const struct snapshot *s)
{
	const struct workers *workers = page->daemon->workers;
	rte_tel_data_add_dict_string(page->data, "version", OFFHOOK_VERSION);
	add(page, (uint64_t)getpid(), "pid");
	add(page, s->started_ms / 1000, "start_time_seconds");
	add(page, (clock_wall_ms() - s->started_ms) / 1000, "uptime_seconds");
	add(page, workers->n, "workers");
	for (unsigned i = 0; i < workers->n; i++) // what to ask /offhook/lcore for
		add(page, page->daemon->ports.lcores[i], "worker/%u/lcore", i);
	add(page, s->n_messages, "rules/messages");
	add(page, s->n_diagnoses, "rules/diagnoses");
	add(page, s->in_force, "rules/in_force");
	add(page, s->loaded_ms / 1000, "reload/last_success_seconds");
	add(page, s->failed_ms == 0, "reload/successful");
	return 0;
}

static void add_ledger(struct answer_page *page, const struct ledger *ledger)
{
#define X(name, help) add(page, ledger->name, "%s", #name);
	COUNTERS(X)
#undef X
#define X(name, help) add(page, ledger->dropped[DROP_##name], "dropped/%s", #name);
	DROPS(X)
#undef X
	for (unsigned i = 0; i < EVENT_DROP_MAX; i++)
		add(page, ledger->events_dropped[i], "events_dropped/%s", event_drop_names[i]);
}

static void add_tables(struct answer_page *page, const struct tables *tables)
{
#define X(name)                                                         \
	add(page, tables->used[TABLE_##name], "tables/%s/used", #name); \
	if (tables->limit[TABLE_##name])                                \
		add(page, tables->limit[TABLE_##name], "tables/%s/limit", #name);
	TABLES(X)
#undef X
}

static int tell_stats(struct answer_page *page, const struct snapshot *s)
{
	struct ledger ledger;
	struct tables tables;
	ledger_read_all(page->daemon->workers, &ledger);
	tables_read(page->daemon->workers, &tables);
	add_ledger(page, &ledger);
	add_tables(page, &tables);
	for (size_t i = 0; i < s->n_ports; i++) {
		const struct port_stats *p = &s->ports[i];
		add(page, strcmp(p->state, "up") == 0, "ports/%zu/up", i);
		add(page, p->received, "ports/%zu/received", i);
		add(page, p->missed, "ports/%zu/missed", i);
		add(page, p->no_mbuf, "ports/%zu/no_mbuf", i);
		add(page, p->errors, "ports/%zu/errors", i);
	}
	return 0;
}

static int tell_lcore(struct answer_page *page, const struct snapshot *s)
{
	const struct workers *workers = page->daemon->workers;
	uint64_t lcore;
	(void)s;
	if (page->params[0] == '\0' || !read_number(page->params, UINT32_MAX, &lcore))
		return -EINVAL;
	for (unsigned i = 0; i < workers->n; i++) {
		const struct worker *w = workers->worker[i];
		struct ledger ledger;
		struct tables tables = {0};
		if (page->daemon->ports.lcores[i] != lcore)
			continue;
		ledger_read(&w->counters, &ledger);
		tables_add(&tables, w);
		add(page, i, "worker");
		add(page, w->n_queues, "queues");
		add(page, counter_get(&w->busy_turns), "turns/busy");
		add(page, counter_get(&w->idle_turns), "turns/idle");
		add(page, counter_get(&w->busy_cycles), "cycles/busy");
		add(page, counter_get(&w->cycles), "cycles/all");
		add_ledger(page, &ledger);
		add_tables(page, &tables);
		return 0;
	}
	return -ENOENT;
}

static int tell_codes(struct answer_page *page, const struct snapshot *s)
{
	uint64_t from;
	if (!read_number(page->params, ASA_ID_MAX - 1, &from))
		return -EINVAL;
	for (uint32_t id = (uint32_t)from; id < ASA_ID_MAX; id++) {
		bool known = s->wanted[id / 64] >> (id % 64) & 1;
		if (known &&
			!add(page, asa_codes_count(page->daemon->workers, id), "ASA_%06u", id)) {
			add_next(page, id);
			return 0;
		}
	}
	add_next(page, 0);
	return 0;
}

static int tell_exports(struct answer_page *page, const struct snapshot *s)
{
	for (size_t i = 0; i < s->n_outlets; i++) {
		const char *name = s->outlets[i].name;
		add(page, s->outlets[i].up, "%s/up", name);
		add(page, s->outlets[i].n_delivered, "%s/delivered", name);
		add(page, s->outlets[i].n_refused, "%s/refused", name);
		add(page, s->outlets[i].n_errors, "%s/errors", name);
		add(page, s->outlets[i].lag.waiting, "%s/queue_length", name);
		add(page, s->outlets[i].lag.limit, "%s/queue_limit", name);
		add(page, s->outlets[i].lag.lost, "%s/overrun", name);
	}
	return 0;
}

// All of its figures, or none.
static bool add_gateway(struct answer_page *page, unsigned number, const struct gateway *g)
{
	uint32_t len = atomic_load_explicit(&g->len, memory_order_relaxed);
	const struct {
		const char *name;
		uint64_t value;
	} figures[] = {{"events", counter_get(&g->events)}, {"users", counter_get(&g->users)},
		{"hidden_users", counter_get(&g->hidden_users)},
		{"last_line_ms", counter_get(&g->last_ms)},
		{"last_handshake_ms", counter_get(&g->handshake_ms)}};
	const unsigned n = sizeof(figures) / sizeof(figures[0]);
	if (page->n + n > ENTRIES_MAX || page->bytes + n * RTE_TEL_MAX_STRING_LEN > BYTES_MAX)
		return false;
	for (unsigned i = 0; i < n; i++)
		add(page, figures[i].value, "%u/%.*s/%s", number, (int)len, g->name,
			figures[i].name);
	return true;
}

static int tell_gateways(struct answer_page *page, const struct snapshot *s)
{
	const struct gateway_table *table = &page->daemon->workers->gateways;
	uint64_t from;
	(void)s;
	if (!read_number(page->params, UINT16_MAX, &from))
		return -EINVAL;
	for (unsigned i = (unsigned)from; i < table->n_max; i++) {
		const struct gateway *gateway = &table->gateways[i];
		if (atomic_load_explicit(&gateway->in_use, memory_order_acquire) &&
			!add_gateway(page, i, gateway)) {
			add_next(page, i);
			return 0;
		}
	}
	add_next(page, 0);
	return 0;
}

static bool find_session(
	const struct session_table *table, const struct address *address, struct session *out)
{
	uint32_t n = gauge_get(&table->high_water);
	for (uint32_t i = 0; i < n; i++) {
		if (session_read(table, i, out) && out->in_use && out->key.kind == KEY_CLIENT &&
			address_equals(&out->key.address, address))
			return true;
	}
	return false;
}

static int tell_session(struct answer_page *page, const struct snapshot *s)
{
	const struct workers *workers = page->daemon->workers;
	struct address address;
	struct session session;
	(void)s;
	if (!address_parse(slice_of(page->params), &address) || address_is_none(&address))
		return -EINVAL;
	for (unsigned i = 0; i < workers->n; i++) {
		if (!find_session(&workers->worker[i]->sessions, &address, &session))
			continue;
		add(page, i, "worker");
		add(page, session.first_ms, "first_seen_ms");
		add(page, session.last_ms, "last_seen_ms");
		add(page, (session.flags & SESSION_PHONE) != 0, "is_phone");
		add(page, session.n_phones, "phones");
		add(page, session.n_identities, "names");
		if (session.gateway != GATEWAY_NONE)
			add(page, session.gateway, "gateway");
		return 0;
	}
	return -ENOENT;
}

// ---- the table ----

static const struct command {
	const char *name, *help;
	int (*tell)(struct answer_page *page, const struct snapshot *snapshot);
} commands[] = {
	{"/offhook/info", "The process and its rules. No parameters", tell_info},
	{"/offhook/stats", "Counters, tables and ports. No parameters", tell_stats},
	{"/offhook/lcore", "One worker. Parameters: int lcore", tell_lcore},
	{"/offhook/codes", "ASA messages that rules know. Parameters: int first id (optional)",
		tell_codes},
	{"/offhook/exports", "Outputs. No parameters", tell_exports},
	{"/offhook/gateways", "Gateways. Parameters: int first number (optional)", tell_gateways},
	{"/offhook/session", "One client. Parameters: its IP address", tell_session},
};

static int serve(const char *name, const char *params, struct rte_tel_data *data)
{
	static struct snapshot snapshot; // by whoever holds `answering`
	int status = -ENOENT;
	pthread_mutex_lock(&telemetry.answering);
	pthread_mutex_lock(&telemetry.copying);
	snapshot = telemetry.snapshot;
	pthread_mutex_unlock(&telemetry.copying);
	struct answer_page page = {
		.data = data, .daemon = telemetry.daemon, .params = params ? params : ""};
	rte_tel_data_start_dict(data);
	for (size_t i = 0; page.daemon && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0)
			status = commands[i].tell(&page, &snapshot);
	}
	pthread_mutex_unlock(&telemetry.answering);
	return status;
}

void telemetry_start(const struct daemon *daemon)
{
	telemetry_tick(daemon);
	pthread_mutex_lock(&telemetry.answering);
	telemetry.daemon = daemon;
	pthread_mutex_unlock(&telemetry.answering);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (rte_telemetry_register_cmd(commands[i].name, serve, commands[i].help) != 0)
			log_line(
				LOG_WARNING, "DPDK's telemetry does not take %s", commands[i].name);
	}
}

void telemetry_stop(void)
{
	pthread_mutex_lock(&telemetry.answering);
	telemetry.daemon = NULL;
	pthread_mutex_unlock(&telemetry.answering);
}
