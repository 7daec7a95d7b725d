// SPDX-License-Identifier: BSD-3-Clause
// offhook: the client program. Commands come from the one table (command.c): some ask the daemon,
// some do all by themselves.
//
// Data goes to stdout, notes to stderr. Exit: 0 done, 1 failed, 2 wrong usage, 3 no daemon.
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "client.h"
#include "command.h"
#include "json_line.h"
#include "locale_language.h"
#include "log.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NO_DAEMON = 3 };

// The command line, read.
struct invocation {
	const char *socket; // NULL: where it is by default
	bool json, help;
	const struct command *command;
	json_t *arguments;
	const struct argument *next_word; // of the arguments without a name
};

// What the daemon says can hold what a stranger has typed: log.h.
__attribute__((format(printf, 1, 2))) static int complain(const char *format, ...)
{
	char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int len = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (len >= 0)
		log_lines(LOG_ERROR, text);
	free(len >= 0 ? text : NULL);
	return EXIT_FAILED;
}

// ---- the command line ----

// Whether `word` is --name, with or without =value; then *value is that, or NULL.
static bool is_option(const char *word, const char *name, const char **value)
{
	if (strncmp(word, "--", 2) != 0)
		return false;
	size_t i = 0;
	for (; name[i]; i++) {
		char wanted = name[i] == '_' ? '-' : name[i];
		if (word[2 + i] != wanted)
			return false;
	}
	*value = word[2 + i] == '=' ? word + 3 + i : NULL;
	return word[2 + i] == '\0' || word[2 + i] == '=';
}

static const struct argument *find_option(
	const struct command *command, const char *word, const char **value)
{
	for (const struct argument *a = command->arguments; a->kind != ARGUMENT_END; a++) {
		bool option = a->kind == ARGUMENT_FLAG || a->kind == ARGUMENT_VALUE;
		bool letter = a->letter && word[1] == a->letter && word[2] == '\0';
		if (option && (letter || is_option(word, a->name, value)))
			return a;
	}
	return NULL;
}

static bool set_value(
	struct invocation *invocation, const struct argument *argument, const char *value)
{
	json_t *arguments = invocation->arguments;
	bool option = argument->kind == ARGUMENT_VALUE;
	char wanted[ARGUMENT_WANTED_MAX];
	if (!argument_accepts(argument, value, wanted)) {
		complain("%s%s takes %s, not '%s'", option ? "--" : "",
			option ? argument->name : invocation->command->name, wanted, value);
		return false;
	}
	json_t *text = invocation->command->run ? json_string_nocheck(value) : json_string(value);
	if (text == NULL) {
		complain("'%s' is no valid UTF-8", value);
		return false;
	}
	if (argument->kind != ARGUMENT_WORDS) {
		json_object_set_new(arguments, argument->name, text);
		return true;
	}
	if (json_object_get(arguments, argument->name) == NULL)
		json_object_set_new(arguments, argument->name, json_array());
	json_array_append_new(json_object_get(arguments, argument->name), text);
	return true;
}

static bool is_word(const struct argument *argument)
{
	return argument->kind == ARGUMENT_WORD || argument->kind == ARGUMENT_WORDS;
}

static bool take_word(struct invocation *invocation, const char *word)
{
	const struct argument *a = invocation->next_word;
	while (a->kind != ARGUMENT_END && !is_word(a))
		a++;
	if (a->kind == ARGUMENT_END) {
		complain("%s: '%s' is one argument too many", invocation->command->name, word);
		return false;
	}
	invocation->next_word = a->kind == ARGUMENT_WORDS ? a : a + 1;
	return set_value(invocation, a, word);
}

// --json: of a command that reads it itself, else of all that ask the daemon.
static bool set_json(struct invocation *invocation)
{
	const char *value = NULL;
	if (find_option(invocation->command, "--json", &value))
		json_object_set_new(invocation->arguments, "json", json_true());
	else if (invocation->command->serve)
		invocation->json = true;
	else
		return false;
	return true;
}

// One option of the command, or one that all commands of the daemon have. Returns how many words it
// took, 0: it is wrong.
static int take_option(struct invocation *invocation, char **words, int n)
{
	const char *value = NULL;
	const struct argument *argument = find_option(invocation->command, words[0], &value);
	bool is_socket = argument == NULL && invocation->command->serve &&
			 is_option(words[0], "socket", &value);
	bool takes_value = is_socket || (argument && argument->kind == ARGUMENT_VALUE);
	if (!takes_value && value) {
		complain("'%s' takes no value", words[0]);
		return 0;
	}
	int taken = takes_value && value == NULL ? 2 : 1;
	if (taken == 2 && n < 2) {
		complain("%s needs a value", words[0]);
		return 0;
	}
	if (taken == 2)
		value = words[1];
	if (is_socket)
		invocation->socket = value;
	else if (argument && argument->kind == ARGUMENT_FLAG)
		json_object_set_new(invocation->arguments, argument->name, json_true());
	else if (argument)
		return set_value(invocation, argument, value) ? taken : 0;
	else if (strcmp(words[0], "--json") == 0)
		taken = set_json(invocation);
	else if (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0)
		invocation->help = true;
	else
		taken = 0;
	if (taken == 0)
		complain("%s: unknown argument '%s'", invocation->command->name, words[0]);
	return taken;
}

static bool is_complete(const struct invocation *invocation)
{
	for (const struct argument *a = invocation->command->arguments; a->kind != ARGUMENT_END;
		a++) {
		if (is_word(a) && json_object_get(invocation->arguments, a->name) == NULL) {
			complain("%s needs %s: %s", invocation->command->name, a->value, a->help);
			return false;
		}
	}
	return true;
}

// The words after the command's name.
static bool take_arguments(struct invocation *invocation, int n, char **words)
{
	bool options = true;
	invocation->next_word = invocation->command->arguments;
	for (int i = 0; i < n;) {
		if (options && strcmp(words[i], "--") == 0) {
			options = false;
			i++;
		} else if (options && words[i][0] == '-' && words[i][1]) {
			int taken = take_option(invocation, words + i, n - i);
			if (taken == 0)
				return false;
			i += taken;
		} else if (!take_word(invocation, words[i++])) {
			return false;
		}
	}
	return invocation->help || is_complete(invocation);
}

// Titles and remedies in the language of whoever asks.
static void add_language(struct invocation *invocation)
{
	const struct argument *a = invocation->command->arguments;
	while (a->kind != ARGUMENT_END && strcmp(a->name, "lang") != 0)
		a++;
	if (a->kind != ARGUMENT_END && json_object_get(invocation->arguments, "lang") == NULL)
		json_object_set_new(invocation->arguments, "lang",
			json_string(language_names[language_of_locale()]));
}

// ---- showing ----

struct show {
	const struct invocation *invocation;
	json_t *list; // of a list that a human reads as a whole
	size_t n;
	struct changes changes; // of a stream that a human reads
	bool failed;
};

static void show(struct show *s, json_t *item)
{
	const struct command *command = s->invocation->command;
	if (s->invocation->json) {
		s->failed |= !json_line_write(stdout, item);
		return;
	}
	if (command->shape == SHAPE_STREAM)
		json_object_set_new(item, "change", json_string(change_take(&s->changes, item)));
	command->render(stdout, item, 0);
}

// Of a long list only what its rows show is kept; a single item is told in full.
static void forget_unread(const struct show *s)
{
	json_t *items[] = {json_array_get(s->list, 0), json_array_get(s->list, s->n - 1)};
	for (const char *const *key = s->invocation->command->unread; *key; key++) {
		json_object_del(items[0], *key);
		json_object_del(items[1], *key);
	}
}

static void take(void *context, json_t *item)
{
	struct show *s = context;
	const struct command *command = s->invocation->command;
	const char *type = json_string_value(json_object_get(item, "type"));
	bool stream = command->shape == SHAPE_STREAM;
	if (stream && type && strcmp(type, "watching") == 0) {
		if (!s->invocation->json)
			fputs("watching; each change is a line\n", stderr);
		return;
	}
	s->n++;
	if (s->list == NULL) {
		show(s, item);
		if (stream)
			s->failed |= fflush(stdout) == EOF;
		return;
	}
	json_array_append(s->list, item);
	if (s->n > 1)
		forget_unread(s);
}

static int exit_code_of(enum client_result result)
{
	return result == CLIENT_NO_DAEMON ? EXIT_NO_DAEMON
	       : result == CLIENT_WRONG	  ? EXIT_USAGE
					  : EXIT_FAILED;
}

// Nothing on stdout is no failure, but a human wonders.
static void note_none(const struct show *s)
{
	const json_t *arguments = s->invocation->arguments;
	if (s->invocation->command->none) {
		complain("%s", s->invocation->command->none);
		return;
	}
	const char *state = json_string_value(json_object_get(arguments, "state"));
	bool open = state == NULL || strcmp(state, "open") == 0;
	bool all = state && strcmp(state, "all") == 0;
	complain("no %s%sdiagnoses%s%s",
		all	? ""
		: state ? state
			: "open",
		all ? "" : " ", open ? "; --state all shows those that are over" : "",
		json_object_get(arguments, "all_clients")
			? ""
			: "; --all-clients those of clients that nothing ties to a phone");
}

// There may be more than a human or a script was given.
static void note_limit(const struct show *s)
{
	const char *given = json_string_value(json_object_get(s->invocation->arguments, "limit"));
	size_t limit = given ? strtoul(given, NULL, 10) : s->invocation->command->limit;
	if (limit && s->n == limit)
		complain("only the newest %zu were asked for; --limit N for more", limit);
}

static int finish(struct show *s)
{
	const struct command *command = s->invocation->command;
	const char *key = json_string_value(json_object_get(s->invocation->arguments, "key"));
	if (key && s->n == 0)
		return complain("nobody is known by '%s', as a client or tunnel address, SEP name, "
				"MAC address or user",
			key);
	if (s->list && s->n == 0)
		note_none(s);
	else if (s->list)
		command->render(stdout, s->list, 0);
	if (command->limit)
		note_limit(s);
	if (s->failed || fflush(stdout) == EOF || ferror(stdout))
		return complain("the answer could not be written");
	return 0;
}

static int ask(struct invocation *invocation)
{
	struct client client;
	struct show s = {.invocation = invocation};
	const struct command *command = invocation->command;
	if (command->shape == SHAPE_LIST && !invocation->json)
		s.list = json_array();
	changes_init(&s.changes);
	enum client_result result = client_open(&client, invocation->socket, CLIENT_TIMEOUT_MS);
	if (result == CLIENT_OK)
		result = client_ask(&client, command->name, json_incref(invocation->arguments));
	do {
		if (result == CLIENT_OK)
			result = client_take(&client, take, &s);
		if (command->shape == SHAPE_STREAM)
			client_be_patient(&client);
	} while (result == CLIENT_OK && command->shape == SHAPE_STREAM && !s.failed);
	int code = 0;
	if (result != CLIENT_OK) {
		complain("%s", client.error);
		code = exit_code_of(result);
	} else {
		code = finish(&s);
	}
	json_decref(s.list);
	changes_fini(&s.changes);
	client_close(&client);
	return code;
}

// ---- main ----

static int usage(void)
{
	command_print_usage(stderr);
	return EXIT_USAGE;
}

// Options before the command. Returns the index of the command's name; 0: all has been said; -1:
// wrong.
static int take_globals(struct invocation *invocation, int argc, char **argv)
{
	int i = 1;
	for (; i < argc && argv[i][0] == '-'; i++) {
		const char *value = NULL;
		if (is_option(argv[i], "socket", &value) && (value || i + 1 < argc)) {
			invocation->socket = value ? value : argv[++i];
		} else if (strcmp(argv[i], "--json") == 0) {
			invocation->json = true;
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			command_print_usage(stdout);
			return 0;
		} else if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0) {
			puts("offhook " OFFHOOK_VERSION);
			return 0;
		} else {
			complain("unknown option '%s', or a value is missing", argv[i]);
			return -1;
		}
	}
	return i < argc ? i : -1;
}

static int help(int n, char **words)
{
	const struct command *command = n ? command_find(words[0]) : NULL;
	if (n > 1 || (n && command == NULL)) {
		complain("help: unknown command '%s'", words[n - 1]);
		return usage();
	}
	if (command)
		command_print_help(stdout, command);
	else
		command_print_usage(stdout);
	return 0;
}

// words: the command's name, and what follows it.
static int invoke(struct invocation *invocation, int n, char **words)
{
	const struct command *command = invocation->command;
	if (invocation->json && !set_json(invocation)) {
		complain("%s: unknown argument '--json'", command->name);
		return EXIT_USAGE;
	}
	if (!take_arguments(invocation, n - 1, words + 1)) {
		complain("see offhook %s --help", command->name);
		return EXIT_USAGE;
	}
	if (invocation->help) {
		command_print_help(stdout, command);
		return 0;
	}
	add_language(invocation);
	return command->run ? command->run(invocation->arguments) : ask(invocation);
}

int main(int argc, char **argv)
{
	struct invocation invocation = {0};
	log_init("offhook");
	signal(SIGPIPE, SIG_DFL); // `offhook watch | head` ends, whatever our parent ignores
	int at = take_globals(&invocation, argc, argv);
	if (at <= 0)
		return at == 0 ? 0 : usage();
	if (strcmp(argv[at], "help") == 0)
		return help(argc - at - 1, argv + at + 1);
	invocation.command = command_find(argv[at]);
	if (invocation.command == NULL) {
		complain("unknown command '%s'", argv[at]);
		return usage();
	}
	invocation.arguments = json_object();
	int code = invoke(&invocation, argc - at, argv + at);
	json_decref(invocation.arguments);
	return code;
}
