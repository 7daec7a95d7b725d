// SPDX-License-Identifier: BSD-3-Clause
// certificate: the certificates of a gateway that its open diagnoses tell of, each by its
// trust-point, with the days that are left. Source: ASA syslog guide, 717054 and 717055.
#pragma once

#include <jansson.h>

#include "../dataplane/diagnosis.h"

// "10:00:00 UTC Mar 1 2025". false: it is no such time; a zone that is not UTC is a name that only
// the ASA knows.
bool certificate_expiry(struct slice text, uint64_t *ms);

// Days that are left of those that a line has told: as the ASA counts them, less what has passed.
// Negative: it has expired.
int64_t certificate_days(int64_t told, uint64_t line_ms, uint64_t now_ms);

// Into `certificates`, an object by trust-point: {"trustpoint":..,"days":N,"not_after":".."}. Days
// are negative once it has expired. A diagnosis that tells of none adds nothing.
//
// lines  as diagnosis_read() gave them
void certificates_add(json_t *certificates, const struct diagnosis *diagnosis, const void *lines,
	const struct rulepack *pack, uint64_t now_ms);
