// SPDX-License-Identifier: BSD-3-Clause
#include "severity.h"

#include <string.h>

const struct severity_scale severities[SEVERITY_MAX] = {
	[SEVERITY_INFO] = {"info", 0, 1, 1, 6, 9, 1},
	[SEVERITY_LOW] = {"low", 21, 3, 3, 5, 10, 2},
	[SEVERITY_MEDIUM] = {"medium", 47, 5, 5, 4, 13, 3},
	[SEVERITY_HIGH] = {"high", 73, 8, 8, 3, 17, 4},
	[SEVERITY_CRITICAL] = {"critical", 99, 10, 10, 2, 21, 5},
};

enum severity severity_of(const char *name)
{
	for (unsigned i = 0; name && i < SEVERITY_MAX; i++) {
		if (strcmp(severities[i].name, name) == 0)
			return (enum severity)i;
	}
	return SEVERITY_INFO;
}
