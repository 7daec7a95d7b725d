// SPDX-License-Identifier: BSD-3-Clause
// judge: steps the rules over the events of a session: opens, raises, names, recovers and expires
// its diagnoses. The cause is told; its consequences are evidence.
#pragma once

#include "diagnosis.h"

// Step the rules that look at the event, after the session has learned from it.
//
// sighting  the event as the session sees it
// identity  whose it is, 0: nobody's by name
void judge_event(struct subject *subject, const struct event *event,
	const struct sighting *sighting, uint8_t identity);

// What time does to the diagnoses of one session: quiet recovery, absence, expiry.
void judge_expire(struct subject *subject);

// The session has learned that one of its phones is called by a name, or that it is a phone.
void judge_learn(struct subject *subject, uint8_t identity);

// An identity gives way, and with it what is open of it.
void judge_forget(struct subject *subject, uint8_t identity);

// Emit the evidence of an identity's open diagnoses again for another session, and absorb them
// here.
void judge_move(struct subject *subject, uint8_t identity, const struct session_key *to,
	const struct identity *known);
