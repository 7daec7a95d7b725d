// SPDX-License-Identifier: BSD-3-Clause
#include "gateway_status.h"

#include <stdlib.h>

#include "clock.h"
#include "logtime.h"
#include "text.h"

#define CLOCK_OFF_MS (5 * 60000) // so far off a clock is wrong, not slow on the way here
#define ENOUGH_EVENTS 50	 // lines of a gateway before its silence about TLS means something

// What is known of a gateway when its warnings are looked for.
struct facts {
	uint64_t now_ms, last_ms, handshake_ms, reason_ms, failed_ms, hidden_ms, events;
	int64_t clock_off_ms; // 0 where its lines have no time
};

static bool is_recent(const struct facts *f, uint64_t ms)
{
	return ms && ms + GATEWAY_RECENT_MS > f->now_ms;
}

static bool lacks_handshakes(const struct facts *f)
{
	return f->events >= ENOUGH_EVENTS && !is_recent(f, f->handshake_ms);
}

static bool lacks_reasons(const struct facts *f)
{
	return is_recent(f, f->failed_ms) && !is_recent(f, f->reason_ms);
}

static bool hides_users(const struct facts *f)
{
	return is_recent(f, f->hidden_ms);
}

static bool has_wrong_clock(const struct facts *f)
{
	return llabs(f->clock_off_ms) > CLOCK_OFF_MS;
}

static bool is_silent(const struct facts *f)
{
	return f->last_ms + GATEWAY_SILENT_MS < f->now_ms;
}

// Source: Cisco ASA command reference, `logging class` and `logging hide username`; which lines
// exist at level 7 only: Cisco ASA syslog guide, 725008, 725010, 725012, 725014.
static const struct {
	const char *id;
	bool (*applies)(const struct facts *facts);
	const char *text, *command;
} warnings[] = {
	{"no-tls-lines", lacks_handshakes,
		"sends no line of a TLS handshake (725xxx): a phone that fails before its login is not seen",
		"logging class ssl trap debugging"},
	{"no-tls-reasons", lacks_reasons,
		"tells of failed TLS handshakes (725006), but of no reason, which comes at level 7 only (725014, 725010, 725008): failures cannot be told apart",
		"logging class ssl trap debugging"},
	{"hidden-users", hides_users,
		"prints ***** in place of users who fail to log in: their phones cannot be named",
		"no logging hide username"},
	{"clock-off", has_wrong_clock,
		"has a clock that is more than 5 minutes off, in whatever time zone: the times in its lines mislead, and good certificates can count as expired or not yet valid",
		"ntp server <address>"},
	{"silent", is_silent, "has sent nothing of interest for more than 6 hours",
		"logging enable, logging trap informational, logging host <interface> <this "
		"machine>"},
};

static json_t *warnings_json(const struct facts *facts)
{
	json_t *list = json_array();
	for (size_t i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++) {
		if (warnings[i].applies(facts))
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:s}", "id", warnings[i].id, "text",
					      warnings[i].text, "command", warnings[i].command));
	}
	return list;
}

static bool is_known(const struct gateway_table *table, uint16_t number)
{
	return atomic_load_explicit(&table->gateways[number].in_use, memory_order_acquire);
}

int64_t gateway_clock_off_ms(const struct gateway *gateway)
{
	struct gateway_stamp stamp;
	int64_t off_ms;
	if (!gateway_stamp_read(gateway, &stamp) ||
		!logtime_distance(
			(struct slice){stamp.text, (uint32_t)stamp.len}, stamp.time_ms, &off_ms))
		return 0;
	return off_ms;
}

json_t *gateway_json(const struct daemon *daemon, uint16_t number)
{
	const struct gateway_table *table = &daemon->workers->gateways;
	const struct gateway *g = &table->gateways[number];
	if (!is_known(table, number))
		return NULL;
	struct facts facts = {
		.now_ms = clock_wall_ms(),
		.last_ms = counter_get(&g->last_ms),
		.handshake_ms = counter_get(&g->handshake_ms),
		.reason_ms = counter_get(&g->reason_ms),
		.failed_ms = counter_get(&g->failed_ms),
		.hidden_ms = daemon->hidden_users_ms[number],
		.events = counter_get(&g->events),
		.clock_off_ms = gateway_clock_off_ms(g),
	};
	return json_pack("{s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:o}", "name",
		json_text(gateway_name(table, number)), "last_seen",
		json_time_or_null(facts.last_ms), "events", (json_int_t)facts.events, "users",
		(json_int_t)counter_get(&g->users), "hidden_users",
		(json_int_t)counter_get(&g->hidden_users), "last_handshake",
		json_time_or_null(facts.handshake_ms), "last_failed_handshake",
		json_time_or_null(facts.failed_ms), "last_reason",
		json_time_or_null(facts.reason_ms), "clock_off_s",
		(json_int_t)(facts.clock_off_ms / 1000), "warnings", warnings_json(&facts));
}

unsigned gateways_known(const struct gateway_table *table)
{
	unsigned n = 0;
	for (uint16_t i = 0; i < table->n_max; i++)
		n += is_known(table, i);
	return n;
}

void gateways_tick(struct daemon *daemon, uint64_t now_ms)
{
	const struct gateway_table *table = &daemon->workers->gateways;
	for (uint16_t i = 0; i < table->n_max; i++) {
		uint64_t hidden =
			is_known(table, i) ? counter_get(&table->gateways[i].hidden_users) : 0;
		if (hidden != daemon->hidden_users[i])
			daemon->hidden_users_ms[i] = now_ms;
		daemon->hidden_users[i] = hidden;
	}
}
