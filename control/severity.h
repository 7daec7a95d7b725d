// SPDX-License-Identifier: BSD-3-Clause
// severity: the one scale, in the numbers of each format that has one.
#pragma once

#include "../rules/alert_rule.h"

struct severity_scale {
	// ECS 0-99; CEF 0-10; LEEF 1-10; syslog 7-0 (RFC 5424, the least is the worst).
	unsigned ecs, cef, leef, syslog;
};
extern const struct severity_scale severities[SEVERITY_MAX];

// By its name; of none, or an unknown one: info.
enum severity severity_of(const char *name);
