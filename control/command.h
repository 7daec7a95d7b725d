// SPDX-License-Identifier: BSD-3-Clause
// command: the one table of what offhook can be asked. The client's usage and help, its reading of
// the command line, the server's reading of requests and its dispatch all come from here.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "answer.h"

#define COMMAND_ARGUMENTS_MAX 12
#define COMMAND_UNREAD_MAX 6

enum argument_kind {
	ARGUMENT_END,
	ARGUMENT_FLAG,	// --all-clients            "all_clients": true
	ARGUMENT_VALUE, // --gateway NAME           "gateway": "NAME"
	ARGUMENT_WORD,	// KEY                      "key": "..."; has to be there
	ARGUMENT_WORDS, // FILE...                  "files": ["..."]; one or more, the last argument
};

enum argument_type {
	ARGUMENT_TEXT,	 // any, or one of a choice
	ARGUMENT_TIME,	 // time_argument.h
	ARGUMENT_NUMBER, // from 1
};

struct argument {
	enum argument_kind kind;
	const char *name;  // as in a request; on the command line `_` is `-`
	const char *value; // what the help calls it; of a choice: its words, divided by |
	const char *help;
	char letter; // -c as well; 0: none
	enum argument_type type;
	unsigned most; // of a number
};

// What a command sends.
enum answer_shape {
	SHAPE_OBJECT, // one object
	SHAPE_LIST,   // a list of objects
	SHAPE_STREAM, // an object after the other, without end
};

struct command {
	const char *name, *help;
	struct argument arguments[COMMAND_ARGUMENTS_MAX];
	// In the daemon: start the answer. `arguments` has passed the table: known names, right
	// types. NULL: not for the daemon.
	void (*serve)(const json_t *arguments, struct answer *answer, struct buffer *out);
	enum answer_shape shape;
	// In the client: show the data (of a stream, one object) to a human.
	void (*render)(FILE *out, const json_t *data, unsigned columns);
	const char *unread[COMMAND_UNREAD_MAX]; // keys of an item that render looks at only when it
						// is alone
	unsigned limit;	  // of an argument `limit` that is not given; 0: there is none
	const char *none; // what a human reads in place of an empty list; NULL: as `diagnoses`
	// In the client: does all by itself, returns the exit code. Texts may be no UTF-8: file
	// names. NULL: asks the daemon.
	int (*run)(const json_t *arguments);
};

extern const struct command commands[];
extern const size_t n_commands;

// NULL: there is none of that name.
const struct command *command_find(const char *name);

// In the daemon: read a request and start its answer, or write why not.
void command_serve(const char *request, size_t len, struct answer *answer, struct buffer *out);

// Whether the value is one of those that the argument takes. wanted: what these are: "one of a|b".
#define ARGUMENT_WANTED_MAX 96
bool argument_accepts(
	const struct argument *argument, const char *value, char wanted[ARGUMENT_WANTED_MAX]);

// "usage: offhook ..." of one command, and its arguments.
void command_print_help(FILE *out, const struct command *command);

// Of all of them.
void command_print_usage(FILE *out);
