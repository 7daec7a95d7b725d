// SPDX-License-Identifier: BSD-3-Clause
// proof: the lines that a diagnosis rests on, how many attempts they tell of, and the cause they
// show.
#pragma once

#include "diagnosis.h"
#include "verdict.h"

// Take a line in: as evidence while there is room, and for first_seen and last_seen.
// counts: whether it can tell of one more attempt; not where it has been told already.
void proof_add_line(struct diagnosis_work *work, const struct line *line, bool counts);

// The same by what the session keeps of the line; it may have been overwritten, which is counted.
void proof_add_sighting(struct diagnosis_work *work, const struct sighting *sighting, bool counts);

// All that has been taken in so far was of past attempts.
void proof_pass_attempt(struct diagnosis_work *work);

// The clock was set back: its lines have just been, and are of past attempts.
void proof_set_back(struct diagnosis_work *work);

// Of each event that is the rule's context the last line, at each gateway.
void proof_add_context(struct diagnosis_work *work, const struct verdict *verdict);

// The first of the rule's causes that holds.
void proof_find_cause(struct diagnosis_work *work, const struct verdict *verdict);
