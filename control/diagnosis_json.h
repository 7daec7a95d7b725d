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

// One line of evidence or of a time line: time, source, code, text.
json_t *line_json(const struct line *line);

extern const char *const source_names[]; // by enum message_source
