// SPDX-License-Identifier: BSD-3-Clause
#include "command.h"

#include <stdlib.h>
#include <string.h>

#include "alerts_command.h"
#include "clock.h"
#include "diagnoses_command.h"
#include "fleet_command.h"
#include "history_command.h"
#include "phone_command.h"
#include "reload_command.h"
#include "render.h"
#include "replay.h"
#include "rules_command.h"
#include "status_command.h"
#include "time_argument.h"
#include "watch_command.h"

#define LANGUAGE ARGUMENT_VALUE, "lang", "en|zh-TW|ko", "of titles and remedies; else the locale's"
#define ALL_CLIENTS \
	ARGUMENT_FLAG, "all_clients", NULL, "clients too that nothing has tied to a phone"

const struct command commands[] = {
	{
		.name = "status",
		.help = "health, rates, drops by reason, tables, memory, gateways",
		.serve = status_serve,
		.shape = SHAPE_OBJECT,
		.render = render_status,
	},
	{
		.name = "diagnoses",
		.help = "what is wrong with which phone: the open ones",
		.arguments = {{ARGUMENT_VALUE, "state", "open|recovered|expired|all",
				      "others than the open ones"},
			{ARGUMENT_VALUE, "id", "SLUG", "of one kind, csd-enabled for example"},
			{ARGUMENT_VALUE, "gateway", "NAME", "at one ASA"}, {ALL_CLIENTS},
			{LANGUAGE}},
		.serve = diagnoses_serve,
		.shape = SHAPE_LIST,
		.render = render_diagnoses,
		.unread = {"evidence", "remedy", "details", "reference"},
	},
	{
		.name = "phone",
		.help = "one phone's story: time line, evidence, remedy",
		.arguments = {{ARGUMENT_WORD, "key", "KEY",
				      "client IP, tunnel IP, SEP name or user"},
			{LANGUAGE}},
		.serve = phone_serve,
		.shape = SHAPE_LIST,
		.render = render_phones,
	},
	{
		.name = "history",
		.help = "what was recorded, and how each thing was left",
		.arguments = {{ARGUMENT_VALUE, "since", "TIME",
				      "2026-11-26, 2026-11-26T09:30:00Z, or an age: 2h, 7d",
				      .type = ARGUMENT_TIME},
			{ARGUMENT_VALUE, "until", "TIME", "what was recorded before",
				.type = ARGUMENT_TIME},
			{ARGUMENT_VALUE, "kind", "diagnosis|alert", "of one kind"},
			{ARGUMENT_VALUE, "id", "SLUG", "of one diagnosis or alert"},
			{ARGUMENT_VALUE, "gateway", "NAME", "at one ASA"},
			{ARGUMENT_VALUE, "phone", "KEY", "of one phone, by what `phone` takes"},
			{ARGUMENT_VALUE, "state", "open|recovered|expired|firing|resolved",
				"in one state"},
			{ARGUMENT_VALUE, "limit", "N", "not more than so many (1000)",
				.type = ARGUMENT_NUMBER, .most = HISTORY_LIMIT_MAX},
			{ARGUMENT_FLAG, "changes", NULL, "each state that was recorded"}},
		.serve = history_serve,
		.shape = SHAPE_LIST,
		.render = render_history,
		.unread = {"evidence", "remedy", "details", "reference", "sample"},
		.limit = HISTORY_LIMIT,
		.none = "nothing that was recorded is like that",
	},
	{
		.name = "alerts",
		.help = "facts about the fleet: the firing ones, then the resolved",
		.arguments = {{ARGUMENT_VALUE, "state", "firing|resolved|all", "only these"},
			{ARGUMENT_VALUE, "id", "SLUG",
				"of one kind, fleet-cert-mismatch for example"},
			{ARGUMENT_VALUE, "gateway", "NAME", "at one ASA"}, {LANGUAGE}},
		.serve = alerts_serve,
		.shape = SHAPE_LIST,
		.render = render_alerts,
		.none = "no such alerts",
	},
	{
		.name = "fleet",
		.help = "each gateway: its phones, causes, certificates, logins",
		.arguments = {{ARGUMENT_VALUE, "gateway", "NAME", "one ASA"}},
		.serve = fleet_serve,
		.shape = SHAPE_LIST,
		.render = render_fleet,
		.none = "no such gateway is known",
	},
	{
		.name = "watch",
		.help = "each change of a diagnosis or an alert as it happens",
		.arguments = {{ALL_CLIENTS}, {LANGUAGE}},
		.serve = watch_serve,
		.shape = SHAPE_STREAM,
		.render = render_change,
	},
	{
		.name = "reload",
		.help = "compile the rules anew; on an error the old ones stay",
		.serve = reload_serve,
		.shape = SHAPE_OBJECT,
		.render = render_reload,
	},
	{
		.name = "rules",
		.help = "a rule pack without a daemon: its errors, its examples",
		.arguments = {{ARGUMENT_WORD, "action", "check|test",
				      "errors as file:line:column, or every example run"},
			{ARGUMENT_WORD, "directory", "DIR", "the rule pack"}},
		.run = rules_main,
	},
	{
		.name = "replay",
		.help = "captures and text logs through the same path, offline",
		.arguments = {{ARGUMENT_FLAG, "json", NULL, "one JSON object a line"},
			{ARGUMENT_FLAG, "stats", NULL,
				"at the end what was read, by kind and fate"},
			{ARGUMENT_VALUE, "rules", "DIR", "rules in place of the config's"},
			{LANGUAGE},
			{ARGUMENT_VALUE, "date", "DATE",
				"yyyy-mm-dd for lines that bring none (1970-01-01)"},
			{ARGUMENT_VALUE, "zone", "ZONE",
				"time zone of times that bring none (UTC)"},
			{ARGUMENT_VALUE, "sender", "ADDRESS", "who sent the lines of text logs"},
			{ARGUMENT_VALUE, "workers", "N", "as the daemon does with N workers (1)",
				.type = ARGUMENT_NUMBER, .most = REPLAY_WORKERS_MAX},
			{ARGUMENT_VALUE, "config", "FILE",
				"names, relays, phone_groups, ports, rules, cache", 'c'},
			{ARGUMENT_WORDS, "files", "FILE...",
				"pcap, pcapng or text log, plain or gzip; - is stdin"}},
		.run = replay_main,
	},
};
const size_t n_commands = sizeof(commands) / sizeof(commands[0]);

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < n_commands; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

// ---- requests ----

static bool is_number(const char *text, unsigned most)
{
	size_t len = strspn(text, "0123456789");
	unsigned long n = strtoul(text, NULL, 10);
	return len > 0 && text[len] == '\0' && n >= 1 && n <= most;
}

static bool is_choice(const char *word, const char *value)
{
	size_t len = strlen(value);
	if (strchr(word, '|') == NULL)
		return true;
	for (;; word++) {
		size_t n = strcspn(word, "|");
		if (n == len && strncmp(word, value, n) == 0)
			return true;
		word += n;
		if (*word == '\0')
			return false;
	}
}

bool argument_accepts(
	const struct argument *argument, const char *value, char wanted[ARGUMENT_WANTED_MAX])
{
	uint64_t ms;
	wanted[0] = '\0';
	switch (argument->type) {
	case ARGUMENT_TIME:
		snprintf(wanted, ARGUMENT_WANTED_MAX, "a time: %s", TIME_ARGUMENT_FORMS);
		return time_argument_parse(value, clock_wall_ms(), &ms);
	case ARGUMENT_NUMBER:
		snprintf(wanted, ARGUMENT_WANTED_MAX, "a number from 1 to %u", argument->most);
		return is_number(value, argument->most);
	case ARGUMENT_TEXT:
		break;
	}
	snprintf(wanted, ARGUMENT_WANTED_MAX, "one of %s", argument->value);
	return is_choice(argument->value, value);
}

static const struct argument *argument_find(const struct command *command, const char *name)
{
	for (const struct argument *a = command->arguments; a->kind != ARGUMENT_END; a++) {
		if (strcmp(a->name, name) == 0)
			return a;
	}
	return NULL;
}

static bool check_argument(
	const struct command *command, const char *name, const json_t *value, struct buffer *out)
{
	const struct argument *argument = argument_find(command, name);
	char wanted[ARGUMENT_WANTED_MAX];
	if (argument == NULL) {
		answer_usage(out, "%s: unknown argument '%.64s'", command->name, name);
		return false;
	}
	if (argument->kind == ARGUMENT_FLAG) {
		if (json_is_boolean(value))
			return true;
		answer_usage(out, "%s: argument '%s' must be true or false", command->name, name);
		return false;
	}
	if (!json_is_string(value)) {
		answer_usage(out, "%s: argument '%s' must be a string", command->name, name);
		return false;
	}
	if (argument_accepts(argument, json_string_value(value), wanted))
		return true;
	answer_usage(out, "%s: argument '%s' must be %s, not '%.64s'", command->name, name, wanted,
		json_string_value(value));
	return false;
}

static bool check_arguments(
	const struct command *command, const json_t *arguments, struct buffer *out)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)arguments, name, value)
	{
		if (!check_argument(command, name, value, out))
			return false;
	}
	for (const struct argument *a = command->arguments; a->kind != ARGUMENT_END; a++) {
		if (a->kind == ARGUMENT_WORD && json_object_get(arguments, a->name) == NULL) {
			answer_usage(out, "%s: argument '%s' is missing: %s", command->name,
				a->name, a->help);
			return false;
		}
	}
	return true;
}

static void serve(const json_t *request, struct answer *answer, struct buffer *out)
{
	static const char *const known[] = {"command", "arguments"};
	const char *name = json_string_value(json_object_get(request, "command")), *key;
	json_t *arguments = json_object_get(request, "arguments"), *value;
	json_object_foreach((json_t *)request, key, value)
	{
		if (strcmp(key, known[0]) != 0 && strcmp(key, known[1]) != 0) {
			answer_error(out, "unknown key '%.64s' in a request: it has %s and %s", key,
				known[0], known[1]);
			return;
		}
	}
	const struct command *command = name ? command_find(name) : NULL;
	if (name == NULL) {
		answer_error(out, "a request is {\"command\":\"...\",\"arguments\":{...}}");
	} else if (command == NULL || command->serve == NULL) {
		answer_error(out, "unknown command '%.64s'", name);
	} else if (arguments && !json_is_object(arguments) && !json_is_null(arguments)) {
		answer_error(out, "%s: arguments must be an object", name);
	} else if (check_arguments(command, arguments, out)) {
		command->serve(arguments, answer, out);
	}
}

void command_serve(const char *text, size_t len, struct answer *answer, struct buffer *out)
{
	json_error_t error;
	json_t *request = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (request == NULL)
		answer_error(out, "not a line of JSON: %s", error.text);
	else if (!json_is_object(request))
		answer_error(out, "a request is {\"command\":\"...\",\"arguments\":{...}}");
	else
		serve(request, answer, out);
	json_decref(request);
}

// ---- help ----

static bool is_word(const struct argument *argument)
{
	return argument->kind == ARGUMENT_WORD || argument->kind == ARGUMENT_WORDS;
}

static void format_argument(const struct argument *argument, char *out, size_t size)
{
	char letter[8] = "";
	if (is_word(argument)) {
		snprintf(out, size, "%s", argument->value);
		return;
	}
	if (argument->letter)
		snprintf(letter, sizeof(letter), "-%c, ", argument->letter);
	snprintf(out, size, "%s--%s%s%s", letter, argument->name, argument->value ? " " : "",
		argument->value ? argument->value : "");
	for (char *c = out; *c && *c != ' '; c++)
		*c = *c == '_' ? '-' : *c;
}

static void print_row(FILE *out, const char *what, const char *help)
{
	fprintf(out, "  %-20s %s\n", what, help);
}

// "phone KEY"
static void format_usage(const struct command *command, char *out, size_t size)
{
	size_t len = (size_t)snprintf(out, size, "%s", command->name);
	for (const struct argument *a = command->arguments; a->kind != ARGUMENT_END; a++) {
		if (is_word(a))
			len += (size_t)snprintf(out + len, size - len, " %s", a->value);
	}
}

void command_print_help(FILE *out, const struct command *command)
{
	char what[96];
	format_usage(command, what, sizeof(what));
	fprintf(out, "usage: offhook%s %s%s\n%s\n\n", command->serve ? " [--socket PATH]" : "",
		what, " [OPTION]...", command->help);
	for (const struct argument *a = command->arguments; a->kind != ARGUMENT_END; a++) {
		format_argument(a, what, sizeof(what));
		if (strlen(what) > 20) {
			fprintf(out, "  %s\n", what);
			what[0] = '\0';
		}
		print_row(out, what, a->help);
	}
	if (command->serve) {
		print_row(out, "--json", "one JSON object a line");
		print_row(out, "--socket PATH", "where the daemon listens");
	}
}

void command_print_usage(FILE *out)
{
	char what[64];
	fputs("usage: offhook [--socket PATH] [--json] COMMAND [ARGUMENT]...\n\n", out);
	for (size_t i = 0; i < n_commands; i++) {
		format_usage(&commands[i], what, sizeof(what));
		print_row(out, what, commands[i].help);
	}
	print_row(out, "help [COMMAND]", "this, or the arguments of one (offhook COMMAND --help)");
	fputs("\n  offhook --version\n\n"
	      "Exit: 0 done, 1 failed, 2 wrong usage, 3 no daemon.\n",
		out);
}
