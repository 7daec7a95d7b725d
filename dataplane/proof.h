// SPDX-License-Identifier: BSD-3-Clause
// proof: the lines that a diagnosis rests on, how many attempts they tell of, and the cause they
// show.
#pragma once

#include "diagnosis.h"
#include "verdict.h"

// Take a line in: as evidence while there is room, and for first_seen, last_seen and count.
void proof_add_line(struct diagnosis_work *work, const struct line *line);

// The same by what the session keeps of the line; it may have been overwritten, which is counted.
void proof_add_sighting(struct diagnosis_work *work, const struct sighting *sighting);

// Of each event that is the rule's context the last line, at each gateway.
void proof_add_context(struct diagnosis_work *work, const struct verdict *verdict);

// The first of the rule's causes that holds.
void proof_find_cause(struct diagnosis_work *work, const struct verdict *verdict);
