// SPDX-License-Identifier: BSD-3-Clause
#include "logtime.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MIDNIGHT_SLACK_MS (2 * 3600 * 1000) // lines this near to each other across midnight
#define DAY_MS (24 * 3600 * 1000)
// A line of January this long after one of December is of the next year; one of December this
// shortly before one of January came late.
#define NEW_YEAR_MS (60ll * DAY_MS)
#define NEW_YEAR_LATE_MS (2ll * DAY_MS)

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
	for (int i = 0; i < 12; i++) {
		if (strncmp(months + 3 * i, text, 3) == 0)
			return i + 1;
	}
	return 0;
}

static bool parse_two(const char *text, int max, int *out)
{
	if (!isdigit((unsigned char)text[0]) || !isdigit((unsigned char)text[1]))
		return false;
	*out = (text[0] - '0') * 10 + (text[1] - '0');
	return *out <= max;
}

// "09:59:27[.fraction]"; returns what follows, or NULL.
static const char *parse_clock(const char *text, struct stamp *out)
{
	if (!parse_two(text, 23, &out->hour) || text[2] != ':' ||
		!parse_two(text + 3, 59, &out->minute) || text[5] != ':' ||
		!parse_two(text + 6, 60, &out->second))
		return NULL;
	text += 8;
	if (*text == '.') {
		int scale = 100;
		for (text++; isdigit((unsigned char)*text); text++, scale /= 10)
			out->ms += (*text - '0') * scale;
	}
	return text;
}

// "+02:00", "-0530", nothing behind it.
static bool parse_offset(const char *text, int *minutes_east)
{
	int hours, minutes;
	if ((text[0] != '+' && text[0] != '-') || !parse_two(text + 1, 23, &hours))
		return false;
	const char *rest = text + 3 + (text[3] == ':');
	if (!parse_two(rest, 59, &minutes) || rest[2] != '\0')
		return false;
	*minutes_east = (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
	return true;
}

static void parse_zone(const char *text, struct stamp *out)
{
	while (*text == ' ')
		text++;
	if (*text == '\0')
		return;
	out->has_zone = strcmp(text, "Z") == 0 || parse_offset(text, &out->zone_minutes);
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		if (strcmp(text, zones[i].name) == 0) {
			out->has_zone = true;
			out->zone_minutes = zones[i].minutes;
		}
	}
}

// year 0: not known, and February may have 29.
static bool is_date(const struct logtime_date *date)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = date->year % 4 == 0 && (date->year % 100 != 0 || date->year % 400 == 0);
	if (date->month < 1 || date->month > 12 || date->day < 1 ||
		date->day > days[date->month - 1])
		return false;
	return date->month != 2 || date->day != 29 || leap;
}

// yyyy-mm-dd, whatever follows.
static bool parse_date(const char *text, struct logtime_date *out)
{
	int century;
	if (!parse_two(text, 99, &century) || !parse_two(text + 2, 99, &out->year) ||
		text[4] != '-' || !parse_two(text + 5, 12, &out->month) || text[7] != '-' ||
		!parse_two(text + 8, 31, &out->day))
		return false;
	out->year += 100 * century;
	return true;
}

static bool parse_stamp(struct slice slice, struct stamp *out)
{
	char text[64], *rest;
	*out = (struct stamp){0};
	slice_copy(slice, text, sizeof(text));
	if (parse_date(text, &out->date)) {
		if (out->date.year == 0 || !is_date(&out->date))
			return false;
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
			if (!is_date(&out->date))
				return false;
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
	return strlen(text) == 10 && parse_date(text, out) && out->year >= 1970 && is_date(out);
}

// Whether the time zone database has it. A file that is none of its zones would mean UTC.
static bool is_zone_file(const char *zone)
{
	char path[160], magic[4] = "";
	if (zone[0] == '/' || strstr(zone, "..") ||
		snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", zone) >= (int)sizeof(path))
		return false;
	FILE *file = fopen(path, "re");
	bool known = file && fread(magic, 1, sizeof(magic), file) == sizeof(magic) &&
		     memcmp(magic, "TZif", sizeof(magic)) == 0;
	if (file)
		fclose(file);
	return known;
}

bool logtime_set_zone(const struct logtime_options *options)
{
	const char *zone = options->zone ? options->zone : "UTC";
	char value[160];
	int minutes;
	if (parse_offset(zone, &minutes)) {
		// POSIX counts west of Greenwich, and a name has letters, digits and signs only.
		int whole = abs(minutes);
		snprintf(value, sizeof(value), "<%c%02d%02d>%c%d:%02d", zone[0], whole / 60,
			whole % 60, minutes < 0 ? '+' : '-', whole / 60, whole % 60);
	} else {
		if (strcmp(zone, "UTC") != 0 && !is_zone_file(zone))
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

// Seconds since the epoch of the start of an hour: as `make` says it, or as it has said before.
static int64_t start_of(struct logtime_start *start, const struct logtime_date *date, int hour,
	time_t (*make)(struct tm *))
{
	if (start->known && start->hour == hour && same_date(&start->date, date))
		return start->seconds;
	struct tm tm = {.tm_year = date->year - 1900,
		.tm_mon = date->month - 1,
		.tm_mday = date->day,
		.tm_hour = hour,
		.tm_isdst = -1};
	*start = (struct logtime_start){
		.date = *date, .hour = hour, .seconds = make(&tm), .known = true};
	return start->seconds;
}

static uint64_t to_ms(struct logtime *log, const struct stamp *stamp)
{
	int64_t seconds;
	if (stamp->has_zone)
		seconds = start_of(&log->day, &stamp->date, 0, timegm) + 3600 * stamp->hour -
			  60 * stamp->zone_minutes;
	else
		seconds = start_of(&log->hour, &stamp->date, stamp->hour, mktime);
	seconds += 60 * stamp->minute + stamp->second;
	return seconds < 0 ? 0 : (uint64_t)seconds * 1000 + (uint64_t)stamp->ms;
}

static const struct logtime_date epoch = {1970, 1, 1};

static struct logtime_date date_for(const struct logtime *log)
{
	return log->dated.year		 ? log->dated
	       : log->options->date.year ? log->options->date
	       : log->lent.year		 ? log->lent
					 : epoch;
}

// A time without a year: that of the line before, unless the new year lies between the two.
static uint64_t yearless(struct logtime *log, struct stamp *stamp)
{
	stamp->date.year = date_for(log).year;
	uint64_t ms = to_ms(log, stamp);
	bool forward = stamp->date.month == 1 && log->dated.month == 12;
	bool back = stamp->date.month == 12 && log->dated.month == 1;
	if (!log->started || (!forward && !back))
		return ms;
	struct stamp other = *stamp;
	other.date.year += forward ? 1 : -1;
	uint64_t other_ms = to_ms(log, &other);
	if (forward ? other_ms < log->last_ms + NEW_YEAR_MS
		    : other_ms + NEW_YEAR_LATE_MS > log->last_ms && other_ms <= log->last_ms) {
		stamp->date = other.date;
		ms = other_ms;
	}
	return ms;
}

// A time of day: the date of the line before, and what days have gone since without one that says
// so.
static uint64_t time_of_day(struct logtime *log, struct stamp *stamp)
{
	stamp->date = date_for(log);
	stamp->date.day += log->days;
	uint64_t ms = to_ms(log, stamp);
	if (!log->started)
		return ms;
	// Just across midnight from its neighbour: the neighbour's date is the wrong day.
	if (ms + DAY_MS > log->last_ms && ms + DAY_MS - log->last_ms < MIDNIGHT_SLACK_MS) {
		log->days++;
		stamp->date.day++;
	} else if (ms > DAY_MS && log->last_ms > ms - DAY_MS &&
		   log->last_ms - (ms - DAY_MS) < MIDNIGHT_SLACK_MS && ms > log->last_ms) {
		stamp->date.day--;
	}
	return to_ms(log, stamp);
}

// East of UTC, in minutes: where it is not a whole hour from -12 to +14.
static const int odd_zones[] = {-570, -210, -150, 210, 270, 330, 345, 390, 525, 570, 630, 765, 825};

static int64_t nearer(int64_t a, int64_t b)
{
	return llabs(a) < llabs(b) ? a : b;
}

// Of a time that is so far from UTC's: what no zone explains.
static int64_t beyond_zones(int64_t distance_ms)
{
	int64_t least = distance_ms;
	for (int hour = -12; hour <= 14; hour++)
		least = nearer(least, distance_ms - hour * 3600000ll);
	for (size_t i = 0; i < sizeof(odd_zones) / sizeof(odd_zones[0]); i++)
		least = nearer(least, distance_ms - odd_zones[i] * 60000ll);
	return least;
}

static int64_t distance_of(const struct stamp *stamp, int year, uint64_t arrival_ms)
{
	struct tm tm = {.tm_year = year - 1900,
		.tm_mon = stamp->date.month - 1,
		.tm_mday = stamp->date.day,
		.tm_hour = stamp->hour,
		.tm_min = stamp->minute - stamp->zone_minutes,
		.tm_sec = stamp->second};
	int64_t ms = (int64_t)timegm(&tm) * 1000 + stamp->ms - (int64_t)arrival_ms;
	return stamp->has_zone ? ms : beyond_zones(ms);
}

bool logtime_distance(struct slice text, uint64_t arrival_ms, int64_t *out_ms)
{
	struct stamp stamp;
	time_t seconds = (time_t)(arrival_ms / 1000);
	struct tm arrival;
	if (!parse_stamp(text, &stamp) || stamp.date.month == 0 ||
		gmtime_r(&seconds, &arrival) == NULL)
		return false;
	int year = arrival.tm_year + 1900;
	*out_ms = distance_of(&stamp, stamp.date.year ? stamp.date.year : year, arrival_ms);
	for (int i = -1; stamp.date.year == 0 && i <= 1; i += 2)
		*out_ms = nearer(*out_ms, distance_of(&stamp, year + i, arrival_ms));
	return true;
}

uint64_t logtime_of(struct logtime *log, const struct message *message)
{
	struct stamp stamp;
	bool stamped = stamp_of(message, &stamp);
	log->brought_date = stamped && stamp.date.month != 0;
	log->brought_year = log->brought_date && stamp.date.year != 0;
	if (!stamped) {
		if (!log->started) {
			struct stamp midnight = {.date = date_for(log)};
			log->last_ms = to_ms(log, &midnight);
		}
	} else if (stamp.date.month == 0) {
		log->last_ms = time_of_day(log, &stamp);
	} else {
		log->last_ms = stamp.date.year ? to_ms(log, &stamp) : yearless(log, &stamp);
		log->dated = stamp.date;
		log->days = 0;
	}
	log->started = true;
	return log->last_ms;
}

bool logtime_know(const struct logtime *log, struct logtime_known *out)
{
	*out = (struct logtime_known){
		.date = log->dated, .ms = log->last_ms, .has_year = log->brought_year};
	return log->brought_date;
}

bool logtime_again(struct logtime *log, const struct logtime_known *known, uint64_t *ms)
{
	// On the day of the line before, the year is that line's too.
	if (!known->has_year && !(log->started && same_date(&log->dated, &known->date)))
		return false;
	log->last_ms = known->ms;
	log->dated = known->date;
	log->days = 0;
	log->started = true;
	*ms = known->ms;
	return true;
}
