// SPDX-License-Identifier: BSD-3-Clause
// logtime: the clock of a text log. Its lines bring times of every form, or none; `replay` runs on
// them.
//
//   a full time                    is taken as it stands, in its own zone, else in --zone
//   a time without a year          takes the year of the line before that had one, else of --date;
//                                  January after December is the next year's
//   a phone's time of day          takes the date of the nearest dated line, else --date, and goes
//   on
//                                  to the next day at midnight
//   no time                        the time of the line before
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../dataplane/message.h"

struct logtime_date {
	int year, month, day; // month and day from 1; year 0: none
};

// What the command line says.
struct logtime_options {
	struct logtime_date date; // --date, year 0: not given
	const char *zone;	  // --zone: a name of the time zone database or +hh:mm; NULL: UTC
};

// Clock of one log; zeroed with `options` set.
struct logtime {
	const struct logtime_options *options;
	struct logtime_date dated; // of the last line that brought a full date
	struct logtime_date lent;  // from other inputs, where this log has no date of its own
	int days;		   // midnights that times of day have passed since
	uint64_t last_ms;
	bool started;
	bool brought_date, brought_year; // the last line did
	struct logtime_start {		 // a time that is known in seconds: mktime() is slow
		struct logtime_date date;
		int hour;
		int64_t seconds;
		bool known;
	} hour, day; // hour: in the zone of the log; day: in UTC, hour 0
};

// A time that a line has brought, and which another one may bring again.
struct logtime_known {
	struct logtime_date date;
	uint64_t ms;
	bool has_year; // else it was the year of the line before
};

// false: not a date as yyyy-mm-dd.
bool logtime_parse_date(const char *text, struct logtime_date *out);

// false: no such zone. To be called before any logtime_of().
bool logtime_set_zone(const struct logtime_options *options);

// The date that a message brings, with or without a year (then 0); false: none.
bool logtime_date_of(const struct message *message, struct logtime_date *out);

// How far a time in a header is from when its line came, in milliseconds; of one without a zone or
// a year the least that any zone on earth and any year leaves. false: it is no date and time.
bool logtime_distance(struct slice stamp, uint64_t arrival_ms, int64_t *out_ms);

// Time of a message in milliseconds since the epoch.
uint64_t logtime_of(struct logtime *log, const struct message *message);

// What logtime_of() has just made of a message; false: another one like it might mean another time.
bool logtime_know(const struct logtime *log, struct logtime_known *out);

// The same time once more, without its text; false: this log has gone on to where it would mean
// another, so that logtime_of() has to say.
bool logtime_again(struct logtime *log, const struct logtime_known *known, uint64_t *ms);
