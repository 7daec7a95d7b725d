// SPDX-License-Identifier: BSD-3-Clause
// alert_rule: one item of `alerts:`: from which facts an alert about the fleet is made, how many
// phones it takes, when it is over, and what to say. control/alert.c evaluates it.
//
// Part of a rulepack (rulepack.h); read-only once that is loaded.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "report.h"
#include "translations.h"

#define ALERT_RULES_MAX 64
#define ALERT_OF_MAX 16	   // diagnoses of one rule
#define ALERT_CAUSES_MAX 8 // causes of one of them
#define ALERT_BY_MAX 3
#define ALERT_LEVELS_MAX 12
#define ALERT_STEPS_MAX 16 // of one example
#define ALERT_NAME_MAX 64
#define ALERT_WINDOW_MAX_MS (30ull * 24 * 3600 * 1000)
#define ALERT_STORM 5 // gateways, unless a rule says otherwise

// The scale of every export. X(constant, name)
#define SEVERITIES(X)                \
	X(SEVERITY_INFO, "info")     \
	X(SEVERITY_LOW, "low")       \
	X(SEVERITY_MEDIUM, "medium") \
	X(SEVERITY_HIGH, "high")     \
	X(SEVERITY_CRITICAL, "critical")

enum severity {
#define X(constant, name) constant,
	SEVERITIES(X)
#undef X
		SEVERITY_MAX
};
extern const char *const severity_names[SEVERITY_MAX];

// What an alert can be about.
enum alert_source {
	ALERT_OF_DIAGNOSES, // of: diagnoses that are open
	ALERT_SILENT,	    // silent: a gateway that spoke regularly has not for so long
	ALERT_LOGINS,	    // logins_below: so few of the usual logins of this hour
	ALERT_DEGRADED,	    // degraded: offhook itself
};

// What diagnoses are grouped by: a key of theirs, or of their details. The site is that of the
// gateway. X(constant, name)
#define ALERT_FIELDS(X)                          \
	X(ALERT_BY_GATEWAY, "gateway")           \
	X(ALERT_BY_SITE, "site")                 \
	X(ALERT_BY_LEAF_HASH, "leaf_hash")       \
	X(ALERT_BY_TRUSTPOINT, "trustpoint")     \
	X(ALERT_BY_TUNNEL_GROUP, "tunnel_group") \
	X(ALERT_BY_GROUP_POLICY, "group_policy") \
	X(ALERT_BY_MODEL, "model")               \
	X(ALERT_BY_FIRMWARE, "firmware")

enum alert_field {
#define X(constant, name) constant,
	ALERT_FIELDS(X)
#undef X
		ALERT_FIELD_MAX
};
extern const char *const alert_field_names[ALERT_FIELD_MAX];

// Details of diagnoses that an alert tells too: of each the most frequent value, of what phones
// expect each one. X(constant, name)
#define ALERT_DETAILS(X)                               \
	X(ALERT_DETAIL_LEAF_HASH, "leaf_hash")         \
	X(ALERT_DETAIL_EXPECTED_HASH, "expected_hash") \
	X(ALERT_DETAIL_TRUSTPOINT, "trustpoint")       \
	X(ALERT_DETAIL_CAUSE, "cause")                 \
	X(ALERT_DETAIL_SERVER, "server")               \
	X(ALERT_DETAIL_LOCATION, "location")           \
	X(ALERT_DETAIL_LIMIT, "limit")                 \
	X(ALERT_DETAIL_RECORDS, "records")

enum alert_detail {
#define X(constant, name) constant,
	ALERT_DETAILS(X)
#undef X
		ALERT_DETAIL_MAX
};
extern const char *const alert_detail_names[ALERT_DETAIL_MAX];

// A diagnosis that counts.
struct alert_of {
	struct rule_place place;
	const char *diagnosis;
	uint16_t number;		      // in the vocabulary
	unsigned scopes;		      // bits by enum scope
	unsigned least;			      // enum confidence
	const char *causes[ALERT_CAUSES_MAX]; // none: any
	unsigned n_causes;
};

// What must hold for a severity: all of it. What asks for nothing holds as soon as there is
// anything at all.
struct alert_level {
	struct rule_place place;
	enum severity severity;
	unsigned phones; // at least so many
	unsigned share;	 // of those known there, percent; with `phones` as its floor
	int days;	 // at most so many are left; -1: any
	bool gateway;	 // the gateway itself says so
	bool suspected;	 // phones count of which it is only suspected, too
};

// Diagnoses and time of an example.
struct alert_step {
	struct rule_place place;
	uint64_t wait_ms; // time passes, and nothing else
	const char *diagnosis, *gateway, *state, *confidence, *cause, *leaf_hash, *trustpoint;
	unsigned phones;    // so many, from the first one on; 0: it is the gateway's own
	int days;	    // -1: none
	int known;	    // phones at this gateway from now on; -1: as before
	int logins, usual;  // of this hour, and of the same hour of other days; -1: as before
	uint64_t speaks_ms; // the gateway logs for so long, and time passes
	int degraded;	    // -1: as before
};

struct alert_example {
	struct rule_place place;
	struct alert_step *steps;
	unsigned n_steps;
	bool absent;		     // no alert of this rule has fired
	const char *state, *gateway; // NULL: any
	const char *severity;
	int phones, days; // -1: any
};

struct alert_rule {
	struct rule_place place;
	const char *id, *name, *category;
	enum alert_source source;
	struct alert_of of[ALERT_OF_MAX];
	unsigned n_of;
	enum alert_field by[ALERT_BY_MAX];
	unsigned n_by;
	bool has_by;
	uint64_t window_ms;
	uint64_t silent_ms;
	unsigned logins_share; // percent
	bool degraded;
	struct alert_level levels[ALERT_LEVELS_MAX];
	unsigned n_levels;
	struct {
		struct rule_place place;
		unsigned phones, share; // below so many phones, or such a share; both 0: none left
		uint64_t for_ms;	// for so long
	} resolves;
	uint64_t hold_ms;     // what fires again within goes on as the same episode
	unsigned storm;	      // more gateways than this within the window are one alert; 0: never
	const char **absorbs; // other alerts of the same gateway, its consequences
	struct rule_place *absorb_places;
	unsigned n_absorbs;
	struct translations title, summary, remedy;
	const char *reference;
	struct alert_example *examples;
	unsigned n_examples;
};

static inline bool alert_rule_is_by(const struct alert_rule *rule, enum alert_field field)
{
	for (unsigned i = 0; i < rule->n_by; i++) {
		if (rule->by[i] == field)
			return true;
	}
	return false;
}
