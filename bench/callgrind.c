// SPDX-License-Identifier: BSD-3-Clause
// Source of the format: valgrind's manual, "Callgrind Format Specification".
#include "callgrind.h"

#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 4096

enum object { OBJECT_PROGRAM, OBJECT_HYPERSCAN, OBJECT_LIBRARY };

struct reader {
	struct parts *parts;
	enum object object, called; // whose instructions follow; whom the call goes to
	bool call;		    // the next line is what a call took in all
	bool ok;
};

static enum object object_of(const char *path)
{
	if (strstr(path, "/libhs."))
		return OBJECT_HYPERSCAN;
	return strstr(path, "/offline\n") ? OBJECT_PROGRAM : OBJECT_LIBRARY;
}

// "ADDRESS LINE COST". What a library takes counts where it was called; Hyperscan's for the match.
static void take_cost(struct reader *r, const char *line)
{
	char *end;
	uint64_t address = strtoull(line, &end, 16);
	strtoull(end, &end, 10);
	double cost = (double)strtoull(end, &end, 10);
	bool away = r->call && r->called == OBJECT_LIBRARY;
	if (r->object == OBJECT_LIBRARY || (r->call && !away))
		return;
	if (r->object == OBJECT_HYPERSCAN)
		parts_add_to(r->parts, PART_match, cost);
	else
		r->ok &= parts_add(r->parts, address, cost);
}

static void take_line(struct reader *r, const char *line)
{
	if (strncmp(line, "ob=", 3) == 0) {
		r->object = r->called = object_of(line);
	} else if (strncmp(line, "cob=", 4) == 0) {
		r->called = object_of(line);
	} else if (strncmp(line, "calls=", 6) == 0) {
		r->call = true;
	} else if (strncmp(line, "0x", 2) == 0) {
		take_cost(r, line);
		if (r->call)
			r->called = r->object;
		r->call = false;
	}
}

static bool read_profile(const char *path, struct parts *parts)
{
	char line[LINE_BYTES];
	struct reader r = {.parts = parts, .ok = true};
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return false;
	while (fgets(line, sizeof(line), file))
		take_line(&r, line);
	fclose(file);
	return r.ok;
}

// "MIX MESSAGES" among what `offline` prints.
static uint64_t read_messages(FILE *told, const char *mix)
{
	char line[LINE_BYTES];
	uint64_t n = 0;
	size_t len = strlen(mix);
	while (fgets(line, sizeof(line), told)) {
		if (strncmp(line, mix, len) == 0 && line[len] == ' ')
			n = strtoull(line + len, NULL, 10);
	}
	return n;
}

bool callgrind_run(const char *program, enum mix mix, struct parts *parts, uint64_t *n_messages)
{
	char directory[] = "/tmp/offhook-callgrind-XXXXXX", command[LINE_BYTES], path[64];
	if (mkdtemp(directory) == NULL)
		return false;
	// The mix runs in a process of its own, which alone writes a part: a file that ends in .1
	snprintf(command, sizeof(command),
		"cd %s && LD_BIND_NOW=1 valgrind -q --tool=callgrind --instr-atstart=no "
		"--dump-instr=yes --compress-strings=no --compress-pos=no "
		"--callgrind-out-file=out.%%p '%s' %s && mv out.*.1 mix",
		directory, program, mix_names[mix]);
	FILE *told = popen(command, "r");
	*n_messages = told ? read_messages(told, mix_names[mix]) : 0;
	bool ok = told && pclose(told) == 0 && *n_messages;
	snprintf(path, sizeof(path), "%s/mix", directory);
	ok = ok && read_profile(path, parts);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command) == 0 && ok;
}
