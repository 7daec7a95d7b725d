// SPDX-License-Identifier: BSD-3-Clause
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

#include "../../rules/yaml.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

#define NAME(symbol, name) name,
const char *const failure_names[N_FAILURES] = {FAILURES(NAME)};
const char *const outage_names[N_OUTAGES] = {OUTAGES(NAME)};

// ---- values ----

static bool read_number(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_number(file, node, 0, 10000000, target);
}

static bool read_time(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_duration(file, node, target);
}

static bool read_share(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct slice text;
	if (!yaml_text(file, node, &text))
		return false;
	char digits[32] = "", *end = digits;
	if (text.len > 0 && text.len < sizeof(digits))
		memcpy(digits, text.data, text.len);
	double share = strtod(digits, &end);
	if (end == digits || *end || !(share >= 0 && share <= 1))
		return yaml_error(file, node, "'%s' must be a share from 0 to 1", QUOTE(text));
	*(double *)target = share;
	return true;
}

// ---- keys ----

#define KEY(name, read, member)                                      \
	{                                                            \
		name, read, false, offsetof(struct scenario, member) \
	}

static bool read_gateways(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const struct yaml_key keys[] = {
		KEY("count", read_number, gateways.count),
		KEY("quiet", read_share, gateways.quiet),
		KEY("hidden", read_share, gateways.hidden),
		KEY("duplicated", read_share, gateways.duplicated),
		KEY("rate-limited", read_share, gateways.rate_limited),
		KEY("rate-limit", read_number, gateways.rate_limit),
		KEY("failover", read_share, gateways.failover),
		KEY("ipv6", read_share, gateways.ipv6),
		KEY("skewed", read_share, gateways.skewed),
		KEY("skew", read_time, gateways.skew_ms),
		KEY("zone-hours", read_number, gateways.zone_hours),
		KEY("alike", read_share, gateways.alike),
	};
	return yaml_mapping(file, node, "gateways", keys, N(keys), target);
}

static bool read_phones(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const struct yaml_key keys[] = {
		KEY("count", read_number, phones.count),
		KEY("failing", read_share, phones.failing),
		KEY("recovering", read_share, phones.recovering),
		KEY("unseen", read_share, phones.unseen),
		KEY("at-site", read_share, phones.at_site),
		KEY("site-phones", read_number, phones.site_phones),
		KEY("ipv6", read_share, phones.ipv6),
		KEY("typed", read_share, phones.typed),
		KEY("moving", read_share, phones.moving),
		KEY("resetting", read_share, phones.resetting),
		KEY("blinking", read_share, phones.blinking),
		KEY("leaving", read_share, phones.leaving),
	};
	return yaml_mapping(file, node, "phones", keys, N(keys), target);
}

static bool read_console(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const struct yaml_key keys[] = {
		KEY("relay", read_share, console.relay),
		KEY("direct", read_share, console.direct),
		KEY("later", read_share, console.later),
	};
	return yaml_mapping(file, node, "console", keys, N(keys), target);
}

static bool read_others(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const struct yaml_key keys[] = {
		KEY("pcs", read_number, others.pcs),
		KEY("mobiles", read_number, others.mobiles),
		KEY("failing", read_share, others.failing),
		KEY("recovering", read_share, others.recovering),
		KEY("at-home", read_share, others.at_home),
	};
	return yaml_mapping(file, node, "others", keys, N(keys), target);
}

static bool read_scanners(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const struct yaml_key keys[] = {
		KEY("count", read_number, scanners.count),
		KEY("handshakes", read_number, scanners.handshakes),
		KEY("stalled", read_share, scanners.stalled),
		KEY("stall", read_time, scanners.stall_ms),
		KEY("shunned", read_share, scanners.shunned),
	};
	return yaml_mapping(file, node, "scanners", keys, N(keys), target);
}

static bool read_lines(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const struct yaml_key keys[] = {
		KEY("separated", read_share, lines.separated),
		KEY("lost", read_share, lines.lost),
		KEY("reordered", read_share, lines.reordered),
		KEY("reordered-by", read_time, lines.reordered_ms),
		KEY("noise", read_number, lines.noise),
		KEY("pool-rest", read_time, lines.pool_rest_ms),
	};
	return yaml_mapping(file, node, "lines", keys, N(keys), target);
}

static bool read_failures(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct yaml_key keys[N_FAILURES];
	size_t n = 0;
	for (size_t i = 0; i < N_FAILURES; i++) {
		if (i != FAILURE_ADDRESS_POOL_EMPTY) // it comes with the outage
			keys[n++] = (struct yaml_key){failure_names[i], read_number, false,
				offsetof(struct scenario, failures) + i * sizeof(uint64_t)};
	}
	return yaml_mapping(file, node, "failures", keys, n, target);
}

static bool read_outages(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct yaml_key keys[N_OUTAGES];
	for (size_t i = 0; i < N_OUTAGES; i++)
		keys[i] = (struct yaml_key){outage_names[i], read_number, false,
			offsetof(struct scenario, outages) + i * sizeof(uint64_t)};
	return yaml_mapping(file, node, "outages", keys, N(keys), target);
}

static bool read_scenario(struct yaml_file *file, struct scenario *scenario)
{
	static const struct yaml_key keys[] = {
		KEY("duration", read_time, duration_ms),
		KEY("morning", read_time, morning_ms),
		{"gateways", read_gateways},
		{"phones", read_phones},
		{"console", read_console},
		{"others", read_others},
		{"scanners", read_scanners},
		{"lines", read_lines},
		{"failures", read_failures},
		{"outages", read_outages},
	};
	return yaml_mapping(file, file->root, "scenario", keys, N(keys), scenario);
}

// ---- the file ----

static const struct scenario defaults = {
	.duration_ms = 5400000,
	.morning_ms = 1800000,
	.gateways = {.count = 20,
		.quiet = 0.1,
		.hidden = 0.2,
		.duplicated = 0.1,
		.rate_limited = 0.05,
		.rate_limit = 300,
		.failover = 0.1,
		.ipv6 = 0.1,
		.skewed = 0.3,
		.skew_ms = 90000,
		.zone_hours = 9},
	.phones = {.count = 20000,
		.failing = 0.05,
		.recovering = 0.5,
		.unseen = 0.03,
		.at_site = 0.15,
		.site_phones = 12,
		.ipv6 = 0.08,
		.typed = 0.2,
		.moving = 0.02,
		.resetting = 0.05,
		.blinking = 0.1,
		.leaving = 0.1},
	.console = {.relay = 0.15, .direct = 0.2, .later = 0.1},
	.others = {.pcs = 140000,
		.mobiles = 40000,
		.failing = 0.02,
		.recovering = 0.5,
		.at_home = 0.01},
	.scanners = {.count = 20000,
		.handshakes = 16,
		.stalled = 0.5,
		.stall_ms = 1800000,
		.shunned = 0.01},
	.lines = {.separated = 0.05,
		.lost = 0,
		.reordered = 0.001,
		.reordered_ms = 20,
		.noise = 20,
		.pool_rest_ms = 120000},
};

bool scenario_read(struct scenario *scenario, const char *path, struct report *report)
{
	*scenario = defaults;
	for (size_t i = 0; i < N_FAILURES; i++)
		scenario->failures[i] = 1;
	for (size_t i = 0; i < N_OUTAGES; i++)
		scenario->outages[i] = 1;
	struct obstack arena;
	obstack_init(&arena);
	struct yaml_file file = {.report = report, .arena = &arena};
	bool ok = yaml_open(&file, path);
	if (ok) {
		ok = fy_node_is_null(file.root) || read_scenario(&file, scenario);
		if (ok && (scenario->gateways.count == 0 || scenario->gateways.count > 200 ||
				  scenario->phones.site_phones < 2))
			ok = yaml_error(&file, file.root,
				"1 to 200 gateways, and sites of 2 phones or more, are what can be");
		yaml_close(&file);
	}
	obstack_free(&arena, NULL);
	return ok;
}
