// SPDX-License-Identifier: BSD-3-Clause
#include "logins.h"

#include <stdlib.h>

#define USUAL_DAYS 7
#define USUAL_DAYS_LEAST 3

static int compare(const void *a, const void *b)
{
	return (int)*(const unsigned *)a - (int)*(const unsigned *)b;
}

bool logins_usual(
	const struct roster_gateway *gateway, uint64_t hour, uint64_t now_hour, unsigned *usual)
{
	unsigned of_day[USUAL_DAYS], n = 0, last_week = UINT32_MAX;
	for (uint64_t day = 1; day <= USUAL_DAYS; day++) {
		uint64_t at = hour - day * 24;
		if (hour < day * 24 || !roster_hour_is_whole(gateway, at, now_hour))
			continue;
		of_day[n++] = gateway->logins[at % ROSTER_HOURS];
		if (day == 7)
			last_week = of_day[n - 1];
	}
	if (n < USUAL_DAYS_LEAST)
		return false;
	qsort(of_day, n, sizeof(of_day[0]), compare);
	*usual = of_day[n / 2] < last_week ? of_day[n / 2] : last_week;
	return true;
}
