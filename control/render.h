// SPDX-License-Identifier: BSD-3-Clause
// render: the daemon's JSON as a human reads it. The client and `replay` show the same objects by
// the same functions.
//
// columns  0: as wide as the terminal
// No byte of a log line reaches the terminal as it is (glyph.h). Never fails: what an object lacks
// is left out.
#pragma once

#include <jansson.h>
#include <stdio.h>

// A list of diagnoses, as a table by kind.
void render_diagnoses(FILE *out, const json_t *diagnoses, unsigned columns);

// A list of alerts, and of gateways.
void render_alerts(FILE *out, const json_t *alerts, unsigned columns);
void render_fleet(FILE *out, const json_t *gateways, unsigned columns);

// A list of recorded states, of diagnoses and of alerts.
void render_history(FILE *out, const json_t *records, unsigned columns);

// A list of phones, and one of them: who it is, its time line, what is wrong and what to do.
void render_phones(FILE *out, const json_t *phones, unsigned columns);
void render_phone(FILE *out, const json_t *phone, unsigned columns);

void render_status(FILE *out, const json_t *status, unsigned columns);
void render_reload(FILE *out, const json_t *rules, unsigned columns);

// One diagnosis or alert that has changed, on one line.
void render_change(FILE *out, const json_t *diagnosis, unsigned columns);

// What a replay has found: the diagnoses with cause, remedy and evidence, then the statistics
// (NULL: not asked for). Times as the capture tells them, in UTC.
void render_replay(FILE *out, const json_t *diagnoses, const json_t *stats);
