// SPDX-License-Identifier: BSD-3-Clause
// told: what has been told outside, as metrics count it: diagnoses that were opened, certificates
// and their days, phones that reject one, alerts that fire, how long it took. Fed with each record
// as it is made; a state that comes again changes nothing. Counters begin at 0 with each start:
// what was open before is restored, and not counted.
//
// Control thread alone.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "exposition.h"
#include "label_set.h"

struct told;

// gateways     the values of the label, shared with other metrics; outlives it
// n_diagnoses  that can be open at once
// NULL: out of memory.
struct told *told_create(struct label_set *gateways, uint32_t n_diagnoses);
void told_destroy(struct told *told);

// A name that the rules have: its series exist from now on.
void told_know_diagnosis(struct told *told, const char *diagnosis);
void told_know_alert(struct told *told, const char *alert);

// As `diagnoses` shows it. restored: it was told before this start.
void told_diagnosis(struct told *told, const json_t *diagnosis, bool restored);
void told_alert(struct told *told, const json_t *alert);

// wire: from the arrival of the last line of evidence to the record of it; settled: from then until
// the record is kept, and so told.
enum told_stage { TOLD_WIRE, TOLD_SETTLED, TOLD_STAGES };
void told_latency(struct told *told, enum told_stage stage, uint64_t us);

// Samples of the family that was begun.
void told_expose_diagnoses(const struct told *told, struct exposition *out);
void told_expose_certificates(const struct told *told, struct exposition *out);
void told_expose_mismatches(const struct told *told, struct exposition *out);
void told_expose_alerts(const struct told *told, struct exposition *out);
void told_expose_latency(const struct told *told, struct exposition *out);
