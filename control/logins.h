// SPDX-License-Identifier: BSD-3-Clause
// logins: how many phones usually get a tunnel in an hour of a gateway.
#pragma once

#include "roster.h"

// Of this hour (since the epoch) on other days: the median of those that were seen whole, but not
// more than on the same day of the last week, for a Sunday is no Monday. false: fewer than three
// days are known.
bool logins_usual(
	const struct roster_gateway *gateway, uint64_t hour, uint64_t now_hour, unsigned *usual);
