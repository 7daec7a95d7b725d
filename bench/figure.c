// SPDX-License-Identifier: BSD-3-Clause
#include "figure.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char command_line[1024];

double figure_now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void figure_wait(double seconds)
{
	struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
	nanosleep(&t, NULL);
}

static int compare(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;
	return (one > other) - (one < other);
}

double figure_median(const double *values, unsigned n)
{
	double sorted[FIGURE_VALUES_MAX];
	assert(n > 0 && n <= FIGURE_VALUES_MAX);
	memcpy(sorted, values, n * sizeof(sorted[0]));
	qsort(sorted, n, sizeof(sorted[0]), compare);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double figure_quantile(double *values, size_t n, double share)
{
	assert(n > 0);
	qsort(values, n, sizeof(values[0]), compare);
	size_t at = (size_t)(share * (double)n);
	return values[at < n ? at : n - 1];
}

void figure_set_command(int argc, char **argv)
{
	size_t len = 0;
	for (int i = 0; i < argc && len < sizeof(command_line); i++)
		len += (size_t)snprintf(command_line + len, sizeof(command_line) - len, "%s%s",
			i ? " " : "", argv[i]);
}

// Source: proc(5), /proc/cpuinfo.
static const char *cpu(void)
{
	static char line[256] = "unknown";
	FILE *info = fopen("/proc/cpuinfo", "r");
	while (info && fgets(line, sizeof(line), info)) {
		const char *value = strncmp(line, "model name", 10) == 0 ? strchr(line, ':') : NULL;
		if (value == NULL)
			continue;
		fclose(info);
		line[strcspn(line, "\n")] = '\0';
		return value + 2;
	}
	if (info)
		fclose(info);
	return "unknown";
}

void figure_print(json_t *figure)
{
	json_object_set_new(figure, "compiler", json_string("gcc " __VERSION__));
	json_object_set_new(figure, "cpu", json_string(cpu()));
	json_object_set_new(figure, "command", json_string(command_line));
	json_dumpf(figure, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	fflush(stdout);
	json_decref(figure);
}
