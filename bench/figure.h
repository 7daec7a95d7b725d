// SPDX-License-Identifier: BSD-3-Clause
// figure: how a bench takes time and tells what it found.
#pragma once

#include <jansson.h>
#include <stdint.h>

#define FIGURE_ROUNDS 3 // a figure is the median of so many

double figure_now_s(void); // monotonic
void figure_wait(double seconds);

// Of n values, 1 to FIGURE_VALUES_MAX; they stay as they are.
#define FIGURE_VALUES_MAX 64
double figure_median(const double *values, unsigned n);

// The value below which `share` of the n values lie; sorts them.
double figure_quantile(double *values, size_t n, double share);

// Once, from main(): what figure_print() gives as "command".
void figure_set_command(int argc, char **argv);

// One line of JSON on stdout, with "compiler", "cpu" and "command" added. Steals the object.
void figure_print(json_t *figure);
