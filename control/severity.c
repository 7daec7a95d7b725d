// SPDX-License-Identifier: BSD-3-Clause
#include "severity.h"

#include <string.h>

const struct severity_scale severities[SEVERITY_MAX] = {
	[SEVERITY_INFO] = {0, 1, 1, 6},
	[SEVERITY_LOW] = {21, 3, 3, 5},
	[SEVERITY_MEDIUM] = {47, 5, 5, 4},
	[SEVERITY_HIGH] = {73, 8, 8, 3},
	[SEVERITY_CRITICAL] = {99, 10, 10, 2},
};

enum severity severity_of(const char *name)
{
	for (unsigned i = 0; name && i < SEVERITY_MAX; i++) {
		if (strcmp(severity_names[i], name) == 0)
			return (enum severity)i;
	}
	return SEVERITY_INFO;
}
