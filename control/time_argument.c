// SPDX-License-Identifier: BSD-3-Clause
#include "time_argument.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../rules/yaml.h"

// Source: RFC 3339, 5.6; the "T" may be a blank, seconds may be missing.
static const char *parse_clock(const char *text, struct tm *tm)
{
	if (*text != 'T' && *text != 't' && *text != ' ')
		return NULL;
	const char *end = strptime(text + 1, "%H:%M:%S", tm);
	return end ? end : strptime(text + 1, "%H:%M", tm);
}

// ".155" in milliseconds; what is finer is left out.
static const char *parse_fraction(const char *text, int64_t *ms)
{
	if (*text != '.')
		return text;
	size_t n = strspn(text + 1, "0123456789");
	int64_t unit = 100;
	for (size_t i = 1; i <= n; i++, unit /= 10)
		*ms += unit * (text[i] - '0');
	return n ? text + 1 + n : NULL;
}

// Nothing, "Z", "+01:00".
static bool parse_zone(const char *text, int64_t *ms)
{
	struct tm zone = {0};
	if (*text == '\0' || strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
		return true;
	if (*text != '+' && *text != '-')
		return false;
	const char *end = strlen(text) == 6 ? strptime(text + 1, "%H:%M", &zone) : NULL;
	int64_t ahead = ((int64_t)zone.tm_hour * 60 + zone.tm_min) * 60000;
	*ms += *text == '+' ? -ahead : ahead;
	return end && *end == '\0';
}

static bool parse_moment(const char *text, uint64_t *out_ms)
{
	struct tm tm = {0};
	int64_t ms = 0;
	if (strspn(text, "0123456789") != 4)
		return false;
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	int day = tm.tm_mday;
	if (end && *end)
		end = parse_clock(end, &tm);
	if (end)
		end = parse_fraction(end, &ms);
	if (end == NULL || !parse_zone(end, &ms))
		return false;
	ms += (int64_t)timegm(&tm) * 1000;
	*out_ms = (uint64_t)ms;
	// timegm() takes the 31st of February for a day in March.
	return ms >= 0 && tm.tm_mday == day;
}

bool time_argument_parse(const char *text, uint64_t now_ms, uint64_t *out_ms)
{
	uint64_t age;
	if (!yaml_parse_duration(slice_of(text), &age))
		return parse_moment(text, out_ms);
	*out_ms = age < now_ms ? now_ms - age : 0;
	return true;
}
