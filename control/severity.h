// SPDX-License-Identifier: BSD-3-Clause
// severity: one scale, in the numbers of everybody who has one.
#pragma once

enum severity {
	SEVERITY_INFO,
	SEVERITY_LOW,
	SEVERITY_MEDIUM,
	SEVERITY_HIGH,
	SEVERITY_CRITICAL,
	SEVERITY_MAX
};

struct severity_scale {
	const char *name;
	// ECS 0-99; CEF 0-10; LEEF 1-10; syslog 7-0 (RFC 5424, the least is the worst);
	// OpenTelemetry SeverityNumber 1-24; OCSF severity_id 1-5.
	unsigned ecs, cef, leef, syslog, otel, ocsf;
};
extern const struct severity_scale severities[SEVERITY_MAX];

// By its name; of none, or an unknown one: info.
enum severity severity_of(const char *name);
