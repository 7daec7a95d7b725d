// SPDX-License-Identifier: BSD-3-Clause
// alert_group: what alerts are made of. A *case* is one open diagnosis that one rule counts; the
// cases with the same values of what the rule groups by are one alert, which may be quiet for
// ever. Names (phones, gateways, values of details) are kept once each, so that distinct ones are
// counted by a mark and never by guess.
//
// Only alert*.c look in here. Control thread alone.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <xxhash.h>

// Keyed, for gateways and users are named by strangers.
extern uint64_t alert_hash_seed;
#define HASH_FUNCTION(key, len, out) \
	((out) = (unsigned)XXH3_64bits_withSeed((key), (len), alert_hash_seed))
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "../rules/rulepack.h"
#include "alert.h"
#include "roster.h"
#include "site.h"

#define ALERT_CASES_MAX (1u << 18) // 2^18 x 250 B with their names = 64 MiB
#define ALERT_VALUE_MAX 128	   // bytes of a value that is grouped by
#define ALERT_KEY_MAX (16 + ALERT_BY_MAX * (ALERT_VALUE_MAX + 1))
#define ALERT_ID_MAX 320
#define ALERT_SAMPLE_MAX 10
#define ALERT_EXPECTED_MAX 4	 // hashes that the phones of one alert expect
#define ALERT_VALUES_TOLD_MAX 16 // hashes, gateways that an alert lists

enum name_kind { NAME_PHONE, NAME_ADDRESS, NAME_GATEWAY, NAME_DETAIL }; // details: one each

// A text that is kept once.
struct name {
	UT_hash_handle hh;
	unsigned references;
	uint64_t round;	     // of the count that met it last
	uint64_t sure_round; // the same, where more was known than a suspicion
	unsigned n;	     // how often that count has met it
	struct alert *first; // NAME_GATEWAY: its active alerts, of the tick with that round
	uint32_t len;
	char bytes[]; // kind, text, NUL
};

static inline const char *name_text(const struct name *name)
{
	return name->bytes + 1;
}

struct alert_case {
	UT_hash_handle hh;
	struct alert_case_key {
		uint64_t diagnosis; // hash of its id
		uint32_t rule;	    // serial of the rule
		uint32_t alert;	    // of a gateway's own: serial of the alert; of a phone's: 0, it
				    // is in one alert of a rule
	} key;
	struct alert *alert;
	struct alert_case *next, *previous; // of the alert, in the order they came
	struct name *phone;		    // NULL: the gateway's own
	struct name *details[ALERT_DETAIL_MAX];
	uint64_t first_ms, last_ms;
	int days; // that were left at last_ms; -1: none told
	uint8_t of;
	bool is_sure; // more than a suspicion
};

enum alert_state { ALERT_QUIET, ALERT_FIRING, ALERT_RESOLVED };

// What is counted of an alert now.
struct alert_count {
	unsigned affected, known;
	unsigned sure; // of the affected: of whom it is more than a suspicion
	bool is_known; // somebody has counted the phones there
	bool own;      // the gateway itself says so
	bool any;      // there is anything at all
	int days;      // -1: none
	uint64_t since_ms;
	json_t *details, *sample, *diagnoses;
};

struct alert {
	UT_hash_handle hh;
	uint32_t serial, slot;
	uint32_t rule;			   // serial of the rule
	const struct alert_rule *rule_now; // NULL: the pack has it no more
	bool is_storm;
	char key[ALERT_KEY_MAX];
	uint32_t key_len;
	char id[ALERT_ID_MAX];
	char values[ALERT_BY_MAX][ALERT_VALUE_MAX + 1];
	unsigned n_values;
	struct name *gateway; // NULL: none, or several
	const char *site;

	struct alert_case *cases, *last_case;
	unsigned n_cases, n_missed; // missed: cases there was no room for
	bool is_dirty;		    // a case has changed since it was counted

	// A level holds, or has until lately.
	bool is_active, holds;
	uint64_t active_ms, cutoff_ms, below_ms, grace_ms;
	int level; // that holds; -1: none
	struct alert *absorber;
	struct alert *next_there; // of the same gateway, active

	enum alert_state state;
	enum severity severity;
	uint64_t sequence, since_ms, fired_ms, updated_ms, resolved_ms;
	unsigned peak, threshold_phones, threshold_share;
	struct alert_count count;
	char absorbed_by[ALERT_ID_MAX]; // as told; "": by none
	struct {
		unsigned affected, known;
		uint64_t clears_ms;
		int days;
		json_t *details;
	} told;
	json_t *object;	 // as it was told last, in English; never changed
	bool is_changed; // since alerts_next_change() gave it

	json_t *released; // as watchers may see it
	uint64_t released_mark;
};

// A rule of the pack, and copies of what makes it the same one in the next pack: then its own is
// gone.
struct alerts_rule {
	const struct alert_rule *rule; // NULL: unused
	uint32_t serial;
	char id[ALERT_NAME_MAX + 1];
	enum alert_source source;
	enum alert_field by[ALERT_BY_MAX];
	unsigned n_by;
};

// What the roster says of a gateway, and its silences.
struct alert_gateway {
	UT_hash_handle hh;
	unsigned n_phones;
	const char *site;
	uint64_t last_ms;	 // of a line
	uint64_t heard_ms;	 // since when its silences are measured
	uint64_t longest_ms[24]; // the longest silence, by hour of the day
	uint64_t hour;		 // the last of them, since the epoch
	bool is_silent;		 // an alert says so
	uint64_t round;
	char name[];
};

struct alerts {
	const struct rulepack *pack;
	const struct sites *sites;
	struct alerts_rule rules[ALERT_RULES_MAX];
	uint32_t next_rule, next_alert;
	uint64_t of_diagnosis[DIAGNOSES_MAX]; // bits by place in `rules`

	struct alert *slots[ALERTS_MAX];
	unsigned n_alerts, n_used; // n_used: no slot from there on was ever used
	struct alert *by_key;
	struct name *names;
	struct alert_case *cases;
	struct alert_gateway *gateways;
	unsigned n_cases;
	uint64_t n_refused; // diagnoses that found no room
	uint64_t round;
	uint64_t sequence_floor; // of alerts that are forgotten
	uint64_t roster_ms;	 // when the roster was last looked at; 0: never
	bool is_restored;	 // something was, and no tick has been since
	bool is_complete;	 // all that is open was taken since the start or the last reload
	bool is_degraded;

	unsigned next_slot; // of alerts_next_change()
	uint64_t released_mark;
};

// ---- names ----

struct name *name_take(struct alerts *alerts, unsigned kind, const char *text);
void name_release(struct alerts *alerts, struct name *name); // NULL is nothing

// ---- rules ----

// NULL: no rule has this id.
const struct alerts_rule *alerts_rule_of(const struct alerts *alerts, const char *id);

// ---- alerts ----

// values  rule->n_by texts; NULL: that of a storm, or of no gateway
// NULL: there is none, or no room (counted).
struct alert *alert_find(struct alerts *alerts, uint32_t rule, const char *const *values);
struct alert *alert_get(
	struct alerts *alerts, const struct alerts_rule *rule, const char *const *values);
void alert_forget(struct alerts *alerts, struct alert *alert);
// Nothing is left to be kept of it.
bool alert_is_idle(const struct alert *alert);

// ---- cases ----

struct alert_case *case_find(
	struct alerts *alerts, uint64_t diagnosis, uint32_t rule, uint32_t alert);
// NULL: no room; counted, and the alert is no longer exact.
struct alert_case *case_add(
	struct alerts *alerts, struct alert *alert, const struct alert_case_key *key);
void case_drop(struct alerts *alerts, struct alert_case *one);

// Count what is open and recent.
void alert_count(struct alerts *alerts, struct alert *alert, uint64_t now_ms);
// All active alerts of its rule together.
void alert_count_storm(struct alerts *alerts, struct alert *storm, uint64_t now_ms);

// The level that holds for what was counted, the most severe one; -1: none.
int alert_level_of(const struct alert_rule *rule, const struct alert_count *count);

// ---- over time ----

// It begins: cases are counted from a window before now on.
void alert_activate(struct alert *alert, uint64_t now_ms);
// The clock can be set back: nothing is waited for longer than was meant.
static inline bool alert_is_in_grace(const struct alert *alert, uint64_t now_ms)
{
	return now_ms < alert->grace_ms && alert->grace_ms <= now_ms + ALERT_GRACE_MS;
}
// When it resolves, if it stays so: it fires still, for as long as its rule wants to see it quiet,
// and none of its phones fails. 0: it is not like that.
static inline uint64_t alert_clears_ms(const struct alert *alert)
{
	bool is_clear = alert->state == ALERT_FIRING &&
			alert->rule_now->source == ALERT_OF_DIAGNOSES && alert->peak > 0 &&
			alert->below_ms && !alert->count.any;
	return is_clear ? alert->below_ms + alert->rule_now->resolves.for_ms : 0;
}
// Its phones are here again: it waits no longer.
void alert_end_grace(struct alert *alert);

// ---- who speaks for whom, alert_absorb.c ----

// Sets the absorber of each alert that is active, and what is counted of storms.
void alerts_absorb(struct alerts *alerts, uint64_t now_ms);

// ---- gateways, alert_roster.c ----

// Phones that are known there, and what rules look for in the roster itself.
void alerts_look_at_roster(
	struct alerts *alerts, const struct roster_view *roster, uint64_t now_ms);
void alert_set_known(struct alerts *alerts, struct alert *alert);
void alerts_set_gateway_sites(struct alerts *alerts);
void alerts_forget_gateways(struct alerts *alerts);

// ---- JSON, alert_json.c ----

json_t *alert_json(const struct alert *alert);
// The same object with its texts in a language. A new reference.
json_t *alert_told_in(const struct alerts *alerts, json_t *object, enum language language);
