// SPDX-License-Identifier: BSD-3-Clause
#include "certificate.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "text.h"

#define DAY_MS 86400000ll
#define DAYS_MAX 100000 // of a line: more is no number of days

// What the rule calls by this name, in the line; empty: nothing.
static struct slice detail_of(
	const struct diagnosis_rule *rule, const struct line *line, const char *name)
{
	for (unsigned i = 0; i < rule->n_details; i++) {
		const struct diagnosis_detail *detail = &rule->details[i];
		if (strcmp(detail->name, name) == 0 &&
			(detail->event == NAME_NONE || detail->event == line->event))
			return line_value(line, detail->field);
	}
	return (struct slice){0};
}

bool certificate_expiry(struct slice text, uint64_t *ms)
{
	char copy[64];
	struct tm tm = {0};
	slice_copy(text, copy, sizeof(copy));
	const char *end = strptime(copy, "%H:%M:%S UTC %b %d %Y", &tm);
	time_t seconds = end && *end == '\0' ? timegm(&tm) : -1;
	*ms = (uint64_t)seconds * 1000;
	return seconds >= 0;
}

int64_t certificate_days(int64_t told, uint64_t line_ms, uint64_t now_ms)
{
	int64_t passed = now_ms > line_ms ? (int64_t)((now_ms - line_ms) / DAY_MS) : 0;
	return (told < DAYS_MAX ? told : DAYS_MAX) - passed;
}

// Rounded down, so that a day that has begun is none.
static int64_t days_until(uint64_t at_ms, uint64_t now_ms)
{
	int64_t left_ms = (int64_t)(at_ms - now_ms);
	return left_ms >= 0 ? left_ms / DAY_MS : -((DAY_MS - 1 - left_ms) / DAY_MS);
}

static void add(json_t *certificates, const struct diagnosis_rule *rule, const struct line *line,
	uint64_t now_ms)
{
	struct slice trustpoint = detail_of(rule, line, "trustpoint"),
		     expiry = detail_of(rule, line, "expiry"), days = detail_of(rule, line, "days");
	uint64_t at_ms = 0;
	char number[16];
	if (trustpoint.len == 0)
		return;
	slice_copy(days, number, sizeof(number));
	int64_t told = strtoll(number, NULL, 10); // none: it has expired
	if (!certificate_expiry(expiry, &at_ms))
		at_ms = line->time_ms +
			(uint64_t)certificate_days(told, line->time_ms, line->time_ms) * DAY_MS;
	json_t *name = json_text(trustpoint);
	json_object_set_new(certificates, json_string_value(name),
		json_pack("{s:O, s:I, s:o}", "trustpoint", name, "days",
			(json_int_t)(days.len ? certificate_days(told, line->time_ms, now_ms)
					      : days_until(at_ms, now_ms)),
			"not_after", json_time(at_ms)));
	json_decref(name);
}

void certificates_add(json_t *certificates, const struct diagnosis *d, const void *lines,
	const struct rulepack *pack, uint64_t now_ms)
{
	const struct diagnosis_rule *rule =
		rulepack_diagnosis(pack, (enum scope)d->scope, d->number);
	const struct line *line;
	if (rule == NULL || d->scope != SCOPE_GATEWAY || d->state != DIAGNOSIS_OPEN)
		return;
	for (uint32_t at = 0; (line = evidence_line(lines, d->evidence.bytes, &at)) != NULL;)
		add(certificates, rule, line, now_ms);
}
