// SPDX-License-Identifier: BSD-3-Clause
#include "health.h"

#define FULL_PERCENT 95

struct check {
	const struct daemon *daemon;
	const struct ledger *ledger;
	const struct rates_sample *now, *then; // of the last ten seconds; NULL: too early
	json_t *reasons;
};

__attribute__((format(printf, 2, 3))) static void complain(
	struct check *check, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	json_array_append_new(check->reasons, json_vsprintf(format, arguments));
	va_end(arguments);
}

static void check_rules(struct check *check)
{
	if (check->daemon->rules.failed_ms)
		complain(check, "the last reload failed; what was in use stays in use");
	if (check->daemon->workers->replaced)
		complain(check, "a worker has not gone over to the rules of the last reload");
}

static void check_ledger(struct check *check)
{
	if (!check->ledger->is_exact)
		complain(check, "the count of packets does not add up");
}

static void check_losses(struct check *check)
{
	if (check->now == NULL)
		return;
	uint64_t missed = check->now->missed - check->then->missed;
	if (missed)
		complain(check, "%llu packets were lost at the ports in the last 10 s",
			(unsigned long long)missed);
	for (unsigned i = 0; i < EVENT_DROP_MAX; i++) {
		uint64_t lost = check->now->ledger.events_dropped[i] -
				check->then->ledger.events_dropped[i];
		if (lost && event_drop_is_for_room((enum event_drop)i))
			complain(check, "%llu events were lost in the last 10 s: %s",
				(unsigned long long)lost, event_drop_names[i]);
	}
}

static void check_ports(struct check *check)
{
	struct port_stats stats[PORT_LISTEN_MAX];
	const struct port_set *ports = &check->daemon->ports;
	size_t n = ports->internals ? port_stats(ports, stats, PORT_LISTEN_MAX) : 0;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(stats[i].state, "up") != 0)
			complain(check, "%s is %s", stats[i].name, stats[i].state);
	}
}

static void check_fill(struct check *check, unsigned worker, const char *table, const gauge_t *used,
	uint32_t limit)
{
	uint32_t n = gauge_get(used);
	if ((uint64_t)n * 100 >= (uint64_t)limit * FULL_PERCENT)
		complain(check, "worker %u: %u of %u %s", worker, n, limit, table);
}

static void check_tables(struct check *check)
{
	for (unsigned i = 0; i < check->daemon->workers->n; i++) {
		const struct session_table *t = &check->daemon->workers->worker[i]->sessions;
		check_fill(check, i, "clients", &t->n_sessions, t->limits.sessions);
		check_fill(check, i, "identities", &t->n_identities, t->limits.identities);
		check_fill(
			check, i, "diagnoses are open", &t->diagnoses->n_open, t->diagnoses->n_max);
	}
}

// Only where they have been started: tests run them by hand.
static void check_workers(struct check *check)
{
	const struct rates_sample *now, *before;
	if (!rates_span(&check->daemon->rates, 1, &now, &before))
		return;
	for (unsigned i = 0; i < check->daemon->workers->n; i++) {
		if (now->turns[i] && now->turns[i] == before->turns[i])
			complain(check, "worker %u stands still", i);
	}
}

static void check_outward(struct check *check)
{
	const struct daemon *daemon = check->daemon;
	struct outlet_status outlets[OUTLETS_MAX];
	size_t n = daemon->outlets ? outlets_status(daemon->outlets, outlets, OUTLETS_MAX) : 0;
	if (daemon->journal && journal_is_degraded(daemon->journal))
		complain(check, "the history cannot be written: what is told is kept in memory");
	for (size_t i = 0; i < n; i++) {
		if (strcmp(outlets[i].state, "retrying") == 0)
			complain(check, "outlet %s: %s", outlets[i].name, outlets[i].error);
	}
}

json_t *health_json(const struct daemon *daemon, const struct ledger *ledger)
{
	struct check check = {.daemon = daemon, .ledger = ledger, .reasons = json_array()};
	if (!rates_span(&daemon->rates, 10, &check.now, &check.then))
		check.now = NULL;
	check_rules(&check);
	check_ledger(&check);
	check_losses(&check);
	check_ports(&check);
	check_tables(&check);
	check_workers(&check);
	check_outward(&check);
	return json_pack("{s:s, s:o}", "state", json_array_size(check.reasons) ? "degraded" : "ok",
		"reasons", check.reasons);
}

json_t *health_busy_json(const struct rates *rates, unsigned worker)
{
	const struct rates_sample *now, *then;
	if (!rates_span(rates, 10, &now, &then) || now->turns[worker] == then->turns[worker])
		return json_null();
	uint64_t turns = now->turns[worker] - then->turns[worker];
	uint64_t busy = now->busy_turns[worker] - then->busy_turns[worker];
	uint64_t tenths = busy * 1000 / turns;
	return json_real((double)tenths / 10);
}
