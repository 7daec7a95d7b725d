// SPDX-License-Identifier: BSD-3-Clause
#include "options.h"

#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

#include "figure.h"

static void usage(const struct options *o, char *program)
{
	fprintf(stderr, "usage: %s [--json]", basename(program));
	if (o->seconds_max > 0)
		fprintf(stderr, " [--seconds 0..%g]", o->seconds_max);
	if (o->takes_rules)
		fputs(" [--rules DIR]", stderr);
	if (o->number)
		fprintf(stderr, " [--%s 1..%u]", o->number, o->n_max);
	fputs(" [MIX]...\n", stderr);
	mixes_list(stderr);
}

static bool take(struct options *o, int option, const char *value)
{
	double seconds = option == 's' ? atof(value) : 0;
	int n = option == 'n' ? atoi(value) : 0;
	switch (option) {
	case 'j':
		o->json = true;
		return true;
	case 's':
		o->seconds = seconds;
		return seconds > 0 && seconds <= o->seconds_max;
	case 'r':
		o->rules = value;
		return o->takes_rules;
	case 'n':
		o->n = (unsigned)n;
		return n > 0 && (unsigned)n <= o->n_max;
	default:
		return false;
	}
}

bool options_read(struct options *o, int argc, char **argv)
{
	const struct option known[] = {
		{"json", no_argument, NULL, 'j'},
		{"seconds", required_argument, NULL, 's'},
		{"rules", required_argument, NULL, 'r'},
		{o->number, required_argument, NULL, 'n'}, // NULL: the end
		{0},
	};
	int option;
	figure_set_command(argc, argv);
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (!take(o, option, optarg)) {
			usage(o, argv[0]);
			return false;
		}
	}
	o->mixes = optind < argc ? argv + optind : (char **)o->usual;
	o->n_mixes = argc - optind;
	for (; optind >= argc && o->n_mixes < MIX_MAX && o->usual[o->n_mixes]; o->n_mixes++)
		;
	return true;
}
