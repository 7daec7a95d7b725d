// SPDX-License-Identifier: BSD-3-Clause
#include "logtime.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define MIDNIGHT_SLACK_MS (2 * 3600 * 1000) // lines this near to each other across midnight
#define DAY_MS (24 * 3600 * 1000)

// What a time in a header says.
struct stamp {
	struct logtime_date date; // year 0: not printed; month 0: no date at all
	int hour, minute, second, ms;
	bool has_zone;
	int zone_minutes; // east of UTC
};

// Abbreviations that mean one thing; others are taken as --zone.
static const struct {
	const char *name;
	int minutes;
} zones[] = {{"UTC", 0}, {"GMT", 0}, {"WET", 0}, {"WEST", 60}, {"CET", 60}, {"CEST", 120},
	{"EET", 120}, {"EEST", 180}, {"MSK", 180}, {"HKT", 480}, {"SGT", 480}, {"JST", 540},
	{"KST", 540}, {"AEST", 600}, {"AEDT", 660}, {"NZST", 720}, {"NZDT", 780}, {"EST", -300},
	{"EDT", -240}, {"CDT", -300}, {"MST", -420}, {"MDT", -360}, {"PST", -480}, {"PDT", -420},
	{"AKST", -540}, {"AKDT", -480}, {"HST", -600}};

static int month_of(const char *text)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *at = strlen(text) >= 3 ? memmem(months, sizeof(months) - 1, text, 3) : NULL;
	return at && (at - months) % 3 == 0 ? (int)(at - months) / 3 + 1 : 0;
}

// "09:59:27[.fraction]"; returns what follows, or NULL.
static const char *parse_clock(const char *text, struct stamp *out)
{
	int len = 0;
	if (sscanf(text, "%2d:%2d:%2d%n", &out->hour, &out->minute, &out->second, &len) != 3)
		return NULL;
	text += len;
	if (*text == '.') {
		int scale = 100;
		for (text++; isdigit((unsigned char)*text); text++, scale /= 10)
			out->ms += (*text - '0') * scale;
	}
	return out->hour < 24 && out->minute < 60 && out->second < 61 ? text : NULL;
}

static void parse_zone(const char *text, struct stamp *out)
{
	int hours, minutes = 0;
	while (*text == ' ')
		text++;
	if (*text == 'Z' && !isalpha((unsigned char)text[1])) {
		out->has_zone = true;
	} else if ((*text == '+' || *text == '-') &&
		(sscanf(text + 1, "%2d:%2d", &hours, &minutes) == 2 ||
			sscanf(text + 1, "%2d%2d", &hours, &minutes) == 2)) {
		out->has_zone = true;
		out->zone_minutes = (*text == '-' ? -1 : 1) * (hours * 60 + minutes);
	}
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		if (strcmp(text, zones[i].name) == 0) {
			out->has_zone = true;
			out->zone_minutes = zones[i].minutes;
		}
	}
}

static bool parse_stamp(struct slice slice, struct stamp *out)
{
	char text[64], *rest;
	int len = 0;
	*out = (struct stamp){0};
	slice_copy(slice, text, sizeof(text));
	if (sscanf(text, "%4d-%2d-%2d%n", &out->date.year, &out->date.month, &out->date.day, &len) == 3 &&
		len == 10) {
		rest = text + 11;
	} else {
		out->date = (struct logtime_date){.month = month_of(text)};
		if (out->date.month == 0) {
			rest = text; // a time of day
		} else {
			out->date.day = (int)strtol(text + 3, &rest, 10);
			char *end;
			long number = strtol(rest, &end, 10);
			if (*end != ':') { // else it is the hour
				out->date.year = (int)number;
				rest = end;
			}
		}
	}
	while (*rest == ' ')
		rest++;
	const char *zone = parse_clock(rest, out);
	if (zone == NULL)
		return false;
	parse_zone(zone, out);
	return true;
}

bool logtime_parse_date(const char *text, struct logtime_date *out)
{
	int len = 0;
	return sscanf(text, "%4d-%2d-%2d%n", &out->year, &out->month, &out->day, &len) == 3 &&
		text[len] == '\0' && out->year >= 1970 && out->month >= 1 && out->month <= 12 &&
		out->day >= 1 && out->day <= 31;
}

bool logtime_set_zone(const struct logtime_options *options)
{
	const char *zone = options->zone ? options->zone : "UTC";
	char value[80], path[160];
	struct stat st;
	struct stamp offset = {0};
	parse_zone(zone, &offset);
	if (offset.has_zone && (zone[0] == '+' || zone[0] == '-')) {
		// POSIX counts west of Greenwich.
		int minutes = -offset.zone_minutes, whole = abs(minutes);
		snprintf(value, sizeof(value), "<%s>%s%d:%02d", zone, minutes < 0 ? "-" : "", whole / 60,
			whole % 60);
	} else {
		snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", zone);
		bool known = strcmp(zone, "UTC") == 0 ||
			(strstr(zone, "..") == NULL && zone[0] != '/' && stat(path, &st) == 0 &&
				S_ISREG(st.st_mode));
		if (!known)
			return false;
		snprintf(value, sizeof(value), "%s", zone);
	}
	setenv("TZ", value, 1);
	tzset();
	return true;
}

// Which of its times a message goes by: its syslog header's, else a phone's own.
static bool stamp_of(const struct message *message, struct stamp *out)
{
	if (message->stamp.len && parse_stamp(message->stamp, out))
		return true;
	return message->clock.len && parse_stamp(message->clock, out);
}

bool logtime_date_of(const struct message *message, struct logtime_date *out)
{
	struct stamp stamp;
	if (!stamp_of(message, &stamp) || stamp.date.month == 0)
		return false;
	*out = stamp.date;
	return true;
}

static bool same_date(const struct logtime_date *a, const struct logtime_date *b)
{
	return a->year == b->year && a->month == b->month && a->day == b->day;
}

// Seconds since the epoch of the start of an hour, in the zone of the log.
static int64_t hour_start(struct logtime *log, const struct stamp *stamp)
{
	if (log->hour.known && log->hour.hour == stamp->hour &&
		same_date(&log->hour.date, &stamp->date))
		return log->hour.seconds;
	struct tm tm = {.tm_year = stamp->date.year - 1900,
		.tm_mon = stamp->date.month - 1,
		.tm_mday = stamp->date.day,
		.tm_hour = stamp->hour,
		.tm_isdst = -1};
	log->hour.date = stamp->date;
	log->hour.hour = stamp->hour;
	log->hour.seconds = mktime(&tm);
	log->hour.known = true;
	return log->hour.seconds;
}

static uint64_t to_ms(struct logtime *log, const struct stamp *stamp)
{
	int64_t seconds;
	if (stamp->has_zone) {
		struct tm tm = {.tm_year = stamp->date.year - 1900,
			.tm_mon = stamp->date.month - 1,
			.tm_mday = stamp->date.day,
			.tm_hour = stamp->hour};
		seconds = timegm(&tm) - 60 * stamp->zone_minutes;
	} else {
		seconds = hour_start(log, stamp);
	}
	seconds += 60 * stamp->minute + stamp->second;
	return seconds < 0 ? 0 : (uint64_t)seconds * 1000 + (uint64_t)stamp->ms;
}

static const struct logtime_date epoch = {1970, 1, 1};

static struct logtime_date date_for(const struct logtime *log)
{
	return log->dated.year          ? log->dated
		: log->options->date.year ? log->options->date
		: log->lent.year          ? log->lent
					  : epoch;
}

uint64_t logtime_of(struct logtime *log, const struct message *message)
{
	struct stamp stamp;
	if (!stamp_of(message, &stamp)) {
		if (!log->started) {
			struct stamp midnight = {.date = date_for(log)};
			log->last_ms = to_ms(log, &midnight);
			log->started = true;
		}
		return log->last_ms;
	}
	if (stamp.date.month == 0) {
		stamp.date = date_for(log);
		uint64_t ms = to_ms(log, &stamp);
		// Just across midnight from its neighbour: the neighbour's date is the wrong day.
		if (log->started && ms + DAY_MS > log->last_ms &&
			ms + DAY_MS - log->last_ms < MIDNIGHT_SLACK_MS)
			ms += DAY_MS;
		else if (log->started && ms > DAY_MS && log->last_ms > ms - DAY_MS &&
			log->last_ms - (ms - DAY_MS) < MIDNIGHT_SLACK_MS && ms > log->last_ms)
			ms -= DAY_MS;
		log->last_ms = ms;
	} else {
		if (stamp.date.year == 0)
			stamp.date.year = date_for(log).year;
		log->dated = stamp.date;
		log->last_ms = to_ms(log, &stamp);
	}
	log->started = true;
	return log->last_ms;
}
