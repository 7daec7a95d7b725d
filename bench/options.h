// SPDX-License-Identifier: BSD-3-Clause
// options: what benches over mixes are told on the command line: --json, and what each of them says
// it takes; then the mixes.
#pragma once

#include <stdbool.h>

#include "mixes.h"

struct options {
	// What the bench takes, and what it is unless told.
	double seconds, seconds_max; // --seconds; most 0: not taken
	bool takes_rules;	     // --rules DIR
	const char *number;	     // --NUMBER N; NULL: not taken
	unsigned n, n_max;
	const char *usual[MIX_MAX]; // mixes; none: all
	// What was told.
	bool json;
	const char *rules;
	char **mixes;
	int n_mixes;
};

// false: the usage has been told on stderr. Notes the command for the figures.
bool options_read(struct options *options, int argc, char **argv);
