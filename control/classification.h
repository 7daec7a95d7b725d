// SPDX-License-Identifier: BSD-3-Clause
// classification: what a SIEM sorts diagnoses by, and the logs do not say: what kind of thing has
// failed, and how bad that is. One table, by the names of the shipped rule pack; a rule of
// somebody's own is judged by its scope and confidence alone.
#pragma once

#include <stdbool.h>

#include "severity.h"

// What could not be done.
enum activity {
	ACTIVITY_LOGIN,	  // a phone gets no tunnel
	ACTIVITY_TUNNEL,  // it has one, and cannot use it as it should
	ACTIVITY_GATEWAY, // of the gateway itself
};

enum weight {
	WEIGHT_WARNING,	 // nobody suffers yet
	WEIGHT_DEGRADED, // it works, and not well
	WEIGHT_OUTAGE,
	WEIGHT_OUTAGE_OF_ALL, // an outage of a gateway is one of all its phones
	WEIGHT_MAX
};

struct classification {
	const char *diagnosis;
	const char *category; // NULL: unknown
	enum weight weight;
	enum activity activity;
	bool is_denied;	      // a policy of the gateway refused it
	const char *protocol; // where it went wrong: "tls", "dtls"; NULL: elsewhere, or unknown
};

// scope: as in the diagnosis. Never NULL.
const struct classification *classification_of(const char *diagnosis, const char *scope);

// While it is open. confidence: as in the diagnosis.
enum severity classification_severity(
	const struct classification *classification, const char *scope, const char *confidence);
