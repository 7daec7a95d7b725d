// SPDX-License-Identifier: BSD-3-Clause
// The daemon's state on a page.
#include <string.h>

#include "render.h"
#include "canvas.h"

#define NAME_COLUMNS 22

static void heading(const struct canvas *c, const char *text)
{
	fputc('\n', c->out);
	canvas_text(c, STYLE_BOLD, text);
	fputc('\n', c->out);
}

static void name(const struct canvas *c, const char *text)
{
	fputs("  ", c->out);
	canvas_cell(c, STYLE_DIM, text, NAME_COLUMNS);
}

// "1,234,567"
static const char *grouped(uint64_t n, char *text)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	char *to = text;
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}

static void number(const struct canvas *c, const json_t *value, int width)
{
	char text[32];
	if (json_is_integer(value))
		fprintf(c->out, "%*s", width, grouped((uint64_t)json_integer_value(value), text));
	else
		fprintf(c->out, "%*s", width, "-");
}

static void bytes(const struct canvas *c, const json_t *value)
{
	if (json_is_integer(value))
		fprintf(c->out, "%.1f MiB", (double)json_integer_value(value) / (1 << 20));
	else
		fputs("-", c->out);
}

// ---- parts ----

static void render_uptime(const struct canvas *c, uint64_t seconds)
{
	unsigned long long s = seconds;
	if (s >= 86400)
		fprintf(c->out, "%llud ", s / 86400);
	fprintf(c->out, "%02llu:%02llu:%02llu", s / 3600 % 24, s / 60 % 60, s % 60);
}

static void render_health(const struct canvas *c, const json_t *status)
{
	const json_t *health = json_object_get(status, "health");
	const char *state = json_string_of(health, "state");
	size_t i;
	json_t *reason;
	fputs("offhook ", c->out);
	canvas_text(c, STYLE_PLAIN, json_string_of(status, "version"));
	fputs(": ", c->out);
	canvas_text(c, state && strcmp(state, "ok") == 0 ? STYLE_GREEN : STYLE_RED, state);
	fputs(", up ", c->out);
	render_uptime(c, json_number_of(status, "uptime_s"));
	fprintf(c->out, ", pid %llu\n", (unsigned long long)json_number_of(status, "pid"));
	json_array_foreach(json_object_get(health, "reasons"), i, reason)
	{
		fputs("  ", c->out);
		canvas_text(c, STYLE_RED, "! ");
		canvas_wrap(c, json_string_value(reason) ? json_string_value(reason) : "", 4,
			c->columns - 4, 0);
	}
}

void render_reload(FILE *out, const json_t *rules, unsigned columns)
{
	struct canvas c = canvas_of(out, columns);
	canvas_text(&c, STYLE_PLAIN, json_string_of(rules, "directory"));
	fprintf(out, ": %llu messages, %llu diagnoses, loaded in %llu ms%s\n",
		(unsigned long long)json_number_of(rules, "messages"),
		(unsigned long long)json_number_of(rules, "diagnoses"),
		(unsigned long long)json_number_of(rules, "took_ms"),
		json_is_true(json_object_get(rules, "from_cache")) ? " (compiled before)" : "");
}

static void render_rules(const struct canvas *c, const json_t *rules)
{
	char time[CANVAS_TIME_MAX];
	const json_t *failure = json_object_get(rules, "last_failure");
	heading(c, "Rules");
	fputs("  ", c->out);
	render_reload(c->out, rules, c->columns);
	name(c, "loaded");
	fprintf(c->out, "%s\n", canvas_date(c, json_object_get(rules, "loaded_at"), time));
	if (!json_is_object(failure))
		return;
	name(c, "reload failed");
	fprintf(c->out, "%s\n", canvas_date(c, json_object_get(failure, "time"), time));
	fputs("    ", c->out);
	const char *errors = json_string_of(failure, "errors");
	canvas_wrap(c, errors ? errors : "", 4, c->columns - 4, 8);
}

static void render_ports(const struct canvas *c, const json_t *ports)
{
	static const char *const losses[] = {"missed", "no_mbuf", "errors", "left_fragmented",
		"left_too_long", "left_no_socket"};
	size_t i;
	json_t *port;
	heading(c, "Ports");
	json_array_foreach((json_t *)ports, i, port)
	{
		name(c, json_string_of(port, "port"));
		canvas_text(c, STYLE_PLAIN, json_string_of(port, "driver"));
		const char *state = json_string_of(port, "state");
		if (state && strcmp(state, "up") != 0) {
			fputs(", ", c->out);
			canvas_text(c, STYLE_RED, state);
		}
		fprintf(c->out, ", %llu queue%s, ",
			(unsigned long long)json_number_of(port, "queues"),
			json_number_of(port, "queues") == 1 ? "" : "s");
		number(c, json_object_get(port, "received"), 0);
		fputs(" received", c->out);
		for (size_t k = 0; k < sizeof(losses) / sizeof(losses[0]); k++) {
			if (json_number_of(port, losses[k]) == 0)
				continue;
			fputs(", ", c->out);
			number(c, json_object_get(port, losses[k]), 0);
			fprintf(c->out, " %s", losses[k]);
		}
		fputc('\n', c->out);
	}
}

static void render_traffic(const struct canvas *c, const json_t *status)
{
	static const char *const names[] = {"packets", "datagrams", "messages", "unmatched"};
	const json_t *rates = json_object_get(status, "rates");
	const json_t *sources = json_object_get(status, "by_source");
	static const char *const by_source[] = {"asa", "phone", "other"};
	heading(c, "Traffic");
	canvas_style(c, STYLE_DIM);
	fprintf(c->out, "  %-*s%18s%14s%14s\n", NAME_COLUMNS, "", "total", "a second", "over 10 s");
	canvas_style(c, STYLE_PLAIN);
	for (size_t i = 0; i < 7; i++) {
		bool source = i >= 4;
		const char *key = source ? by_source[i - 4] : names[i];
		name(c, key);
		number(c, json_object_get(source ? sources : status, key), 18);
		number(c, json_object_get(json_object_get(rates, "1s"), key), 14);
		number(c, json_object_get(json_object_get(rates, "10s"), key), 14);
		fputc('\n', c->out);
	}
	name(c, "ledger");
	fputs(json_is_true(json_object_get(status, "ledger_exact"))
			? "packets = datagrams + fragments merged + dropped\n"
			: "DOES NOT ADD UP\n",
		c->out);
}

// Two to a line; what is not 0 in a style of its own.
static void render_counts(
	const struct canvas *c, const char *title, const json_t *counts, enum style some)
{
	const char *key;
	json_t *value;
	unsigned column = 0;
	heading(c, title);
	json_object_foreach((json_t *)counts, key, value)
	{
		unsigned width = c->columns / 2 - 2;
		fputs("  ", c->out);
		enum style style = json_integer_value(value) ? some : STYLE_DIM;
		canvas_cell(c, style, key, width - 13);
		number(c, value, 13);
		if (++column % 2 == 0)
			fputc('\n', c->out);
	}
	if (column % 2)
		fputc('\n', c->out);
}

static void render_tables(const struct canvas *c, const json_t *tables)
{
	const char *key;
	json_t *table;
	heading(c, "Tables");
	json_object_foreach((json_t *)tables, key, table)
	{
		if (json_is_integer(table)) {
			name(c, key);
			number(c, table, 14);
			fputc('\n', c->out);
			continue;
		}
		uint64_t used = json_number_of(table, "used"),
			 limit = json_number_of(table, "limit");
		name(c, key);
		number(c, json_object_get(table, "used"), 14);
		fputs(" of ", c->out);
		number(c, json_object_get(table, "limit"), 14);
		fprintf(c->out, "  %5.1f %%\n", limit ? 100.0 * (double)used / (double)limit : 0.0);
	}
}

static void render_memory(const struct canvas *c, const json_t *memory)
{
	heading(c, "Memory");
	name(c, "resident");
	bytes(c, json_object_get(memory, "resident_set"));
	if (json_is_integer(json_object_get(memory, "allocated"))) {
		fputs(", of ", c->out);
		bytes(c, json_object_get(memory, "allocated"));
		fputs(" that ", c->out);
		canvas_text(c, STYLE_PLAIN, json_string_of(memory, "allocator"));
		fputs(" has reserved", c->out);
	}
	fputc('\n', c->out);
}

static void render_gateway(const struct canvas *c, const json_t *gateway)
{
	char time[CANVAS_TIME_MAX];
	size_t i;
	json_t *warning;
	name(c, json_string_of(gateway, "name"));
	fprintf(c->out, "last line %s, ",
		canvas_time(c, json_object_get(gateway, "last_seen"), time));
	number(c, json_object_get(gateway, "events"), 0);
	fputs(" events\n", c->out);
	json_array_foreach(json_object_get(gateway, "warnings"), i, warning)
	{
		const char *text = json_string_of(warning, "text");
		fputs("    ", c->out);
		canvas_text(c, STYLE_YELLOW, "! ");
		canvas_wrap(c, text ? text : "", 6, c->columns - 6, 0);
		fputs("      mend: ", c->out);
		canvas_text(c, STYLE_BOLD, json_string_of(warning, "command"));
		fputc('\n', c->out);
	}
}

static void render_workers(const struct canvas *c, const json_t *workers)
{
	size_t i;
	json_t *worker;
	heading(c, "Workers");
	json_array_foreach((json_t *)workers, i, worker)
	{
		const json_t *busy = json_object_get(worker, "busy_percent");
		fprintf(c->out, "  %-4llu", (unsigned long long)json_number_of(worker, "worker"));
		number(c, json_object_get(worker, "messages"), 14);
		fputs(" messages, ", c->out);
		fprintf(c->out, "%llu queue%s, ",
			(unsigned long long)json_number_of(worker, "queues"),
			json_number_of(worker, "queues") == 1 ? "" : "s");
		if (json_is_real(busy))
			fprintf(c->out, "%.1f %% of its turns had work\n", json_real_value(busy));
		else
			fputs("not yet measured\n", c->out);
	}
}

void render_status(FILE *out, const json_t *status, unsigned columns)
{
	struct canvas c = canvas_of(out, columns);
	const json_t *gateways = json_object_get(status, "gateways");
	size_t i;
	json_t *gateway;
	render_health(&c, status);
	render_ports(&c, json_object_get(status, "ports"));
	render_workers(&c, json_object_get(status, "workers"));
	render_traffic(&c, status);
	render_counts(&c, "Packets dropped", json_object_get(status, "dropped"), STYLE_YELLOW);
	render_counts(&c, "Events lost", json_object_get(status, "events_dropped"), STYLE_YELLOW);
	if (json_object_size(json_object_get(status, "asa_codes")))
		render_counts(&c, "ASA messages that come most",
			json_object_get(status, "asa_codes"), STYLE_PLAIN);
	render_tables(&c, json_object_get(status, "tables"));
	render_memory(&c, json_object_get(status, "memory"));
	render_rules(&c, json_object_get(status, "rules"));
	heading(&c, "Gateways");
	json_array_foreach((json_t *)gateways, i, gateway)
	{
		render_gateway(&c, gateway);
	}
	if (json_array_size(gateways) == 0)
		fputs("  none has been heard\n", out);
}
