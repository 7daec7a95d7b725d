// SPDX-License-Identifier: BSD-3-Clause
// diagnosis_json: a diagnosis and its evidence as the JSON object that `diagnoses`, `watch`,
// `replay` and every export show.
#pragma once

#include <jansson.h>

#include "../dataplane/diagnosis.h"

// lines  as diagnosis_read() gave them
// NULL: out of memory.
json_t *diagnosis_json(const struct diagnosis *diagnosis, const void *lines,
	const struct rulepack *pack, const struct gateway_table *gateways, enum language language);

#define DIAGNOSIS_ID_TEXT 20
const char *diagnosis_id_format(uint64_t id, char *out);

// A text of the rules with {slots}, each filled from `values`, else from `details`, where there is
// a string or a number; what is not known is left as <tunnel-group>. Lines that are indented by
// four and more are commands: what is unsafe to type is not filled in there.
//
// first  a text that goes before it; NULL: none
json_t *filled_text(
	const char *first, const char *text, const json_t *values, const json_t *details);

// One line of evidence or of a time line: time, source, code, text.
json_t *line_json(const struct line *line);

extern const char *const source_names[]; // by enum message_source
