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
//    "phones":{"affected":412,"known":498},"window":"5m","threshold":{"phones":10,"share":0.2},
//    "details":{"leaf_hash":"1289B8..","expected_hash":["E57E.."],"trustpoint":null,"days":null},
//    "sample":["SEP8CB64F576113"],"diagnoses":["cert-hash-mismatch"],"absorbed_by":null,
//    "title":"Fleet certificate mismatch",
//    "summary":"asa-hq-1: 412 of 498 phones reject the certificate","remedy":"...",
//    "reference":"..."}
//
// state: firing, resolved. severity: info, low, medium, high, critical. id: of the group and the
// rule; a later episode goes on with its sequence, so that (id, sequence) tells states apart for
// ever.
//
// Control thread alone. Time comes in as an argument.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../rules/rulepack.h"
#include "roster.h"

#define ALERTS_MAX 4096 // that are kept, firing and resolved

struct alerts;

// The pack stays the caller's, until alerts_set_rules() or alerts_destroy(). NULL: out of memory.
struct alerts *alerts_create(const struct rulepack *pack);
void alerts_destroy(struct alerts *alerts);
// After a reload: what no rule wants any more is resolved.
void alerts_set_rules(struct alerts *alerts, const struct rulepack *pack, uint64_t now_ms);

// A diagnosis, in any state. Each state may come again.
void alerts_take(struct alerts *alerts, const json_t *diagnosis, uint64_t now_ms);
// About once a second. roster: NULL for none.
void alerts_tick(struct alerts *alerts, const struct roster_view *roster, uint64_t now_ms);
// As the last daemon left it. Before anything is taken.
void alerts_restore(struct alerts *alerts, const json_t *alert);

// The next one that has changed since it was asked for last. NULL: none. A new reference.
json_t *alerts_next_change(struct alerts *alerts);

// All of them, firing ones first, the latest first, as a list. NULL: out of memory.
json_t *alerts_json(const struct alerts *alerts, enum language language);
unsigned alerts_firing(const struct alerts *alerts);
