// SPDX-License-Identifier: BSD-3-Clause
// handover: what a session knows of one phone goes over to another session, perhaps of another
// worker, in pieces: who it is, what is open of it with its evidence, and what has been seen. Only
// when all is there is it judged, with what that session has seen itself.
#pragma once

#include "session.h"

struct identity;

// Emit all of an identity's pieces for another session, and close here what is open of it.
void handover_give(
	struct subject *subject, const struct identity *identity, const struct session_key *to);

// Take one piece in.
void handover_take(struct subject *subject, const struct event *event);
