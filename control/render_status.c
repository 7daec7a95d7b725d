// SPDX-License-Identifier: BSD-3-Clause
// The daemon's state on a page.
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "render.h"
#include "canvas.h"
#include "text.h"

#define NAME_COLUMNS 22 // of a line, on terminals that have room for it
#define TOTAL_COLUMNS 18
#define NUMBER_COLUMNS 14

static void heading(const struct canvas *c, const char *text)
{
	fputc('\n', c->out);
	canvas_text(c, STYLE_BOLD, text);
	fputc('\n', c->out);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned name_columns(const struct canvas *c)
{
	return least(NAME_COLUMNS, c->columns / 3);
}

static void name(const struct canvas *c, const char *text)
{
	fputs("  ", c->out);
	canvas_cell(c, STYLE_DIM, text, name_columns(c) - 1);
	fputc(' ', c->out);
}

// What stands behind a name, in as many lines as it takes.
__attribute__((format(printf, 2, 3))) static void wrapped(
	const struct canvas *c, const char *format, ...)
{
	char *text = NULL;
	unsigned indent = 2 + name_columns(c);
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) >= 0)
		canvas_wrap(c, text, indent, c->columns - indent, 0);
	va_end(arguments);
	free(text);
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

static double mebibytes(const json_t *value)
{
	return (double)json_integer_value(value) / (1 << 20);
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
	const char *directory = json_string_of(rules, "directory");
	char *text = NULL;
	if (asprintf(&text, "%s: %llu messages, %llu diagnoses, loaded in %llu ms%s",
		    directory ? directory : "",
		    (unsigned long long)json_number_of(rules, "messages"),
		    (unsigned long long)json_number_of(rules, "diagnoses"),
		    (unsigned long long)json_number_of(rules, "took_ms"),
		    json_is_true(json_object_get(rules, "from_cache")) ? " (compiled before)"
								       : "") < 0)
		return;
	canvas_wrap(&c, text, 2, c.columns - 2, 0);
	free(text);
	const char *later = json_string_of(rules, "waits_for_restart");
	if (later) {
		fputs("  ", out);
		canvas_text(&c, STYLE_YELLOW, "changed in the config, waits for a restart: ");
		canvas_text(&c, STYLE_PLAIN, later);
		fputc('\n', out);
	}
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

static void render_port(const struct canvas *c, const json_t *port)
{
	static const char *const losses[] = {"missed", "no_mbuf", "errors", "left_fragmented",
		"left_too_long", "left_no_socket"};
	const char *state = json_string_of(port, "state"), *driver = json_string_of(port, "driver");
	uint64_t queues = json_number_of(port, "queues");
	char lost[256] = "", number[32];
	size_t len = 0;
	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		uint64_t n = json_number_of(port, losses[i]);
		if (n)
			len += (size_t)snprintf(lost + len, sizeof(lost) - len, ", %s %s",
				grouped(n, number), losses[i]);
	}
	name(c, json_string_of(port, "port"));
	if (state && strcmp(state, "up") != 0) {
		canvas_text(c, STYLE_RED, state);
		fputs(", ", c->out);
	}
	wrapped(c, "%s, %llu queue%s, %s received%s", driver ? driver : "-",
		(unsigned long long)queues, queues == 1 ? "" : "s",
		grouped(json_number_of(port, "received"), number), lost);
}

static void render_ports(const struct canvas *c, const json_t *ports)
{
	size_t i;
	json_t *port;
	heading(c, "Ports");
	json_array_foreach((json_t *)ports, i, port)
	{
		render_port(c, port);
	}
}

static void render_traffic(const struct canvas *c, const json_t *status)
{
	static const char *const names[] = {"packets", "datagrams", "messages", "unmatched"};
	const json_t *rates = json_object_get(status, "rates");
	const json_t *sources = json_object_get(status, "by_source");
	static const char *const by_source[] = {"asa", "phone", "other"};
	heading(c, "Traffic");
	unsigned width = least(NUMBER_COLUMNS, (c->columns - 2 - name_columns(c)) / 3);
	unsigned spare = c->columns - 2 - name_columns(c) - 2 * width;
	unsigned total = least(TOTAL_COLUMNS, spare);
	canvas_style(c, STYLE_DIM);
	fprintf(c->out, "  %*s%*s%*s%*s\n", (int)name_columns(c), "", (int)total, "total",
		(int)width, "per s", (int)width, "avg 10 s");
	canvas_style(c, STYLE_PLAIN);
	for (size_t i = 0; i < 7; i++) {
		bool source = i >= 4;
		const char *key = source ? by_source[i - 4] : names[i];
		name(c, key);
		number(c, json_object_get(source ? sources : status, key), (int)total);
		number(c, json_object_get(json_object_get(rates, "1s"), key), (int)width);
		number(c, json_object_get(json_object_get(rates, "10s"), key), (int)width);
		fputc('\n', c->out);
	}
	name(c, "ledger");
	wrapped(c, "%s",
		json_is_true(json_object_get(status, "ledger_exact"))
			? "packets = datagrams + fragments merged + dropped"
			: "DOES NOT ADD UP");
}

// Two to a line, where there is room for two; what is not 0 in a style of its own.
static void render_counts(
	const struct canvas *c, const char *title, const json_t *counts, enum style some)
{
	const char *key;
	json_t *value;
	unsigned column = 0, n = c->columns >= 72 ? 2 : 1;
	heading(c, title);
	json_object_foreach((json_t *)counts, key, value)
	{
		unsigned width = c->columns / n - 2;
		fputs("  ", c->out);
		enum style style = json_integer_value(value) ? some : STYLE_DIM;
		canvas_cell(c, style, key, width - 13);
		number(c, value, 13);
		if (++column % n == 0)
			fputc('\n', c->out);
	}
	if (column % n)
		fputc('\n', c->out);
}

static void render_table(const struct canvas *c, const json_t *table)
{
	char used[32], limit[32], most[32];
	uint64_t n = json_number_of(table, "used"), max = json_number_of(table, "limit");
	wrapped(c, "%s of %s, %.1f %%, at most %s", grouped(n, used), grouped(max, limit),
		max ? 100.0 * (double)n / (double)max : 0.0,
		grouped(json_number_of(table, "high_water"), most));
}

static void render_tables(const struct canvas *c, const json_t *tables)
{
	const char *key;
	json_t *table;
	char text[32];
	heading(c, "Tables");
	json_object_foreach((json_t *)tables, key, table)
	{
		name(c, key);
		if (json_is_integer(table))
			wrapped(c, "%s", grouped((uint64_t)json_integer_value(table), text));
		else
			render_table(c, table);
	}
}

static void render_memory(const struct canvas *c, const json_t *memory)
{
	const json_t *allocated = json_object_get(memory, "allocated");
	const char *allocator = json_string_of(memory, "allocator");
	double resident = mebibytes(json_object_get(memory, "resident_set"));
	heading(c, "Memory");
	name(c, "resident");
	if (json_is_integer(allocated))
		wrapped(c, "%.1f MiB, of %.1f MiB that %s has reserved", resident,
			mebibytes(allocated), allocator ? allocator : "-");
	else
		wrapped(c, "%.1f MiB", resident);
}

static void render_store(const struct canvas *c, const json_t *history)
{
	const char *path = json_string_of(history, "path"),
		   *state = json_string_of(history, "state");
	const char *error = json_string_of(history, "error");
	const char *aside = json_string_of(history, "set_aside");
	uint64_t lost = json_number_of(history, "lost");
	char records[32], missed[32];
	heading(c, "History");
	name(c, "state");
	canvas_text(c, state && strcmp(state, "memory") == 0 ? STYLE_RED : STYLE_PLAIN, state);
	fputc('\n', c->out);
	if (path == NULL)
		return;
	name(c, "directory");
	wrapped(c, "%s", path);
	name(c, "records");
	wrapped(c, "%s, %.1f of %.0f MiB%s%s", grouped(json_number_of(history, "records"), records),
		mebibytes(json_object_get(history, "bytes")),
		mebibytes(json_object_get(history, "limit")), lost ? ", not kept: " : "",
		lost ? grouped(lost, missed) : "");
	if (error) {
		name(c, "last error");
		wrapped(c, "%s", error);
	}
	if (aside) {
		name(c, "damaged, set aside");
		wrapped(c, "%s", aside);
	}
}

static void render_alerts_kept(const struct canvas *c, const json_t *alerts)
{
	uint64_t firing = json_number_of(alerts, "firing"),
		 refused = json_number_of(alerts, "refused");
	char kept[32], limit[32], phones[32], gone[32];
	if (alerts == NULL)
		return;
	heading(c, "Alerts");
	name(c, "firing");
	snprintf(kept, sizeof(kept), "%llu", (unsigned long long)firing);
	canvas_text(c, firing ? STYLE_RED : STYLE_PLAIN, kept);
	fputs(firing ? " (offhook alerts)\n" : "\n", c->out);
	name(c, "kept");
	wrapped(c, "%s of %s", grouped(json_number_of(alerts, "kept"), kept),
		grouped(json_number_of(alerts, "limit"), limit));
	name(c, "cases counted");
	wrapped(c, "%s of %s%s%s", grouped(json_number_of(alerts, "counted"), phones),
		grouped(json_number_of(alerts, "counted_limit"), limit),
		refused ? ", for want of room not: " : "", refused ? grouped(refused, gone) : "");
}

static void render_outlet(const struct canvas *c, const json_t *outlet)
{
	const char *error = json_string_of(outlet, "last_error");
	const char *state = json_string_of(outlet, "state");
	bool retries = state && strcmp(state, "retrying") == 0;
	uint64_t refused = json_number_of(outlet, "refused"), lost = json_number_of(outlet, "lost");
	char delivered[32], waiting[32], gone[32], time[CANVAS_TIME_MAX];
	name(c, json_string_of(outlet, "name"));
	canvas_text(c, retries ? STYLE_RED : STYLE_PLAIN, state);
	fputs(", ", c->out);
	wrapped(c, "%s: %s delivered, %s wait%s%s%s", json_string_of(outlet, "type"),
		grouped(json_number_of(outlet, "delivered"), delivered),
		grouped(json_number_of(outlet, "waiting"), waiting),
		refused || lost ? ", refused or lost: " : "",
		refused || lost ? grouped(refused + lost, gone) : "", "");
	if (error == NULL)
		return;
	name(c, "");
	wrapped(c, "%s: %s", canvas_date(c, json_object_get(outlet, "failed_at"), time), error);
}

static void render_outlets(const struct canvas *c, const json_t *outlets)
{
	size_t i;
	json_t *outlet;
	if (json_array_size(outlets) == 0)
		return;
	heading(c, "Outlets");
	json_array_foreach((json_t *)outlets, i, outlet) render_outlet(c, outlet);
}

static void render_gateway(const struct canvas *c, const json_t *gateway)
{
	char time[CANVAS_TIME_MAX], number[32];
	size_t i;
	json_t *warning;
	name(c, json_string_of(gateway, "name"));
	wrapped(c, "last line %s, %s events",
		canvas_time(c, json_object_get(gateway, "last_seen"), time),
		grouped(json_number_of(gateway, "events"), number));
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
		uint64_t queues = json_number_of(worker, "queues");
		char number[32], text[64] = "not yet measured";
		if (json_is_real(busy))
			snprintf(text, sizeof(text), "%.1f %% of its turns had work",
				json_real_value(busy));
		snprintf(number, sizeof(number), "%llu",
			(unsigned long long)json_number_of(worker, "worker"));
		name(c, number);
		wrapped(c, "%s messages, %llu queue%s, %s",
			grouped(json_number_of(worker, "messages"), number),
			(unsigned long long)queues, queues == 1 ? "" : "s", text);
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
	render_store(&c, json_object_get(status, "history"));
	render_alerts_kept(&c, json_object_get(status, "alerts"));
	render_outlets(&c, json_object_get(status, "outlets"));
	heading(&c, "Gateways");
	json_array_foreach((json_t *)gateways, i, gateway)
	{
		render_gateway(&c, gateway);
	}
	if (json_array_size(gateways) == 0)
		fputs("  none has been heard\n", out);
}
