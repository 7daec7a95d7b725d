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

// Whether the sighting is a sign that a rule's failure is over.
bool judge_is_well(const struct diagnosis_rule *rule, const struct sighting *sighting);

// Whether one of the session's phones has had, or has, a failure that the event is a sign of.
bool judge_relapses(const struct subject *subject, const struct event_use *use);

// What time does to the diagnoses of one session: quiet recovery, absence, expiry.
void judge_expire(struct subject *subject);

// The clock was set back: what bears a later time has just been. What has closed is let go.
void judge_set_back(struct subject *subject);

// The session has learned that one of its phones is called by a name, or that it is a phone.
void judge_learn(struct subject *subject, uint8_t identity);

// Two identities turn out to be one: what is told of the first is of the second.
void judge_merge(struct subject *subject, uint8_t from, uint8_t into);

// An identity gives way, and with it what is open of it.
void judge_forget(struct subject *subject, uint8_t identity);

// What a diagnosis comes to, but for its lines: it goes over to another session with its phone.
struct judged {
	uint64_t id, first_ms, last_ms;
	uint32_t sequence, count;
	uint8_t confidence, ambiguous, sources, unused[5];
	char cause[DIAGNOSIS_CAUSE_MAX];
};
void judge_tell(const struct diagnosis *diagnosis, struct judged *out);

// Take such a one in, for one of the session's identities; then its lines of evidence.
void judge_adopt(
	struct subject *subject, uint16_t diagnosis, uint8_t identity, const struct judged *judged);
void judge_adopt_line(
	struct subject *subject, uint16_t diagnosis, uint8_t identity, const struct line *line);

// More is known of an identity than its own lines have told: look at all rules once more.
void judge_again(struct subject *subject, uint8_t identity);
