// SPDX-License-Identifier: BSD-3-Clause
// stamp: finds the end of a time in a syslog header. What it means is not decoded here: windows run
// on arrival time, and only `replay` of a text log reads the header's clock.
#pragma once

#include "../rules/slice.h"

// Length of the time that starts at the beginning of `text`, 0: none does.
//   Nov 07 2013 09:59:27   May  5 17:51:17.138   2018-06-27T12:17:46Z   2020-07-16 09:39:32+02:00
uint32_t stamp_length(struct slice text);

// Length of a phone's own clock, "10:19:27.155936" or "Mar 09 18:32:40.678040"; 0: none.
uint32_t stamp_clock_length(struct slice text);

// Whether a word is the abbreviation of a time zone (UTC, EDT, MSK ...).
bool stamp_is_zone(struct slice word);
