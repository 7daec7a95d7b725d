// SPDX-License-Identifier: BSD-3-Clause
// alert: facts about the fleet: so many phones share one diagnosis at one gateway, with one
// certificate, in one group. Made by the rules under `alerts:` of the rule pack (fleet.yaml) from
// diagnoses as they are told, and from what the roster says of each gateway.
//
// An alert as JSON, the same object in `alerts`, `watch`, history and inside every export:
//
//   {"type":"alert","id":"fleet-asa-hq-1-fleet-cert-mismatch","alert":"fleet-cert-mismatch",
//    "name":"FleetCertificateMismatch","category":"certificate","state":"firing",
//    "severity":"critical","sequence":4,"gateway":"asa-hq-1","site":null,
//    "group":{"gateway":"asa-hq-1"},"since":"2026-11-21T10:15:00.000Z",
//    "fired_at":"...","updated_at":"...","resolved_at":null,
//    "phones":{"affected":412,"known":498,"peak":412},"window":"5m",
//    "threshold":{"phones":10,"share":0.2},
//    "details":{"leaf_hash":"1289B8..","expected_hash":["E57E.."],"trustpoint":null,"days":null},
//    "sample":["SEP8CB64F576113"],"diagnoses":["cert-hash-mismatch"],"absorbed_by":null,
//    "title":"Fleet certificate mismatch",
//    "summary":"asa-hq-1: 412 of 498 phones reject the certificate","remedy":"...",
//    "reference":"..."}
//
// clears_at, where it is: it fires still, no phone is affected any more, and if it stays so it
// resolves then.
//
// state: firing, resolved. severity: info, low, medium, high, critical; it only rises while an
// alert fires. id: of the group and the rule; a later episode goes on with its sequence, so that
// (id, sequence) tells states apart for ever. What fires again within the rule's `hold` is the same
// episode: since and fired_at stay.
//
// absorbed_by: another alert speaks for it, its cause at the same gateway, or one for many gateways
// (gateway: null, details.gateways). An absorbed alert is resolved, or was never told: one fact is
// one alert that fires.
//
// phones: affected are those whose diagnosis is open now and was seen within the window (while it
// fires: since the window before it fired); of a resolved one `peak` tells how many they were.
// known: null where nobody counts phones. "exact":false is there only where a limit was hit, and
// there may be more.
//
// Control thread alone. Time comes in as an argument, milliseconds since the epoch; diagnoses'
// times are on the same clock.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../rules/rulepack.h"
#include "roster.h"
#include "site.h"

#define ALERTS_MAX 4096	      // that are kept, firing and resolved
#define ALERT_UPDATE_MS 10000 // between updates of one, unless it grows worse
#define ALERT_GRACE_MS 120000 // a restored one waits for its phones, at most so long

struct alerts;

// The pack stays the caller's, until another one has come or alerts_destroy(). NULL: out of memory.
struct alerts *alerts_create(const struct rulepack *pack);
void alerts_destroy(struct alerts *alerts);
// After a reload; the pack before this one may be gone. What no rule wants any more is resolved.
// What a rule counts that is new comes with the diagnoses' next states, or by taking all that are
// open again.
void alerts_set_rules(struct alerts *alerts, const struct rulepack *pack, uint64_t now_ms);
// The caller's; NULL: no site has a name.
void alerts_set_sites(struct alerts *alerts, const struct sites *sites);

// A diagnosis, in any state. Each state may come again.
void alerts_take(struct alerts *alerts, const json_t *diagnosis, uint64_t now_ms);
// All that is open has been taken since the start, or since alerts_set_rules(): what counts
// diagnoses waits for nobody any more.
void alerts_set_complete(struct alerts *alerts);
// Whether the disk refuses what is to be kept (journal_is_degraded()).
void alerts_set_degraded(struct alerts *alerts, bool is_degraded);
// About once a second. roster: NULL for none.
void alerts_tick(struct alerts *alerts, const struct roster_view *roster, uint64_t now_ms);
// As the last daemon left it. Before anything is taken.
void alerts_restore(struct alerts *alerts, const json_t *alert);

// The next one that has changed since it was asked for last. NULL: none. A new reference.
json_t *alerts_next_change(struct alerts *alerts);

// All of them, firing ones first, the latest first, as a list. NULL: out of memory.
json_t *alerts_json(const struct alerts *alerts, enum language language);
unsigned alerts_firing(const struct alerts *alerts);
bool alerts_has_rule(const struct alerts *alerts, const char *slug);
// {"firing":N,"kept":N,"limit":N,"counted":N,"counted_limit":N,"refused":N}; counted: open
// diagnoses that a rule counts.
json_t *alerts_status(const struct alerts *alerts);

// ---- watchers ----
//
// They see a change once it is released, which is the caller's to do: when it is settled.

// A change that alerts_next_change() has given may be shown. Keeps a reference.
void alerts_release(struct alerts *alerts, json_t *alert);

// What one watcher was told. Level-triggered: of an alert that changes often he gets the last
// state.
struct alert_watch;
// From now on. NULL: out of memory.
struct alert_watch *alerts_watch(const struct alerts *alerts, enum language language);
void alerts_unwatch(struct alert_watch *watch); // NULL is nothing
bool alerts_watch_has_news(const struct alerts *alerts, const struct alert_watch *watch);
// NULL: no news. A new reference.
json_t *alerts_watch_next(const struct alerts *alerts, struct alert_watch *watch);
