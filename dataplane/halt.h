// SPDX-License-Identifier: BSD-3-Clause
// halt: the places in a worker's loop at which tests/halt stops a worker for good, to show that
// nobody waits for it. In what is shipped there is nothing of it: halt_at() is empty.
#pragma once

// In the order of the loop. X(name, what the worker has in hand there)
#define HALTS(X)                                                                            \
	X(turn, "nothing: before its quiescent state")                                      \
	X(quiescent, "quiescent, but with the old rules")                                   \
	X(rules, "the rules of this turn")                                                  \
	X(exchange_peeked, "an event that stands in its inbox still")                       \
	X(exchange_judged, "an event that is done with, but in its inbox still")            \
	X(exchange_taken, "an event that is out of its inbox")                              \
	X(received, "a burst of frames")                                                    \
	X(datagram, "a datagram")                                                           \
	X(message, "a message, counted, not yet looked at")                                 \
	X(event, "an event, not yet counted")                                               \
	X(send_reserved, "a place in another's inbox, empty")                               \
	X(send_copied, "a place in another's inbox, filled, not handed over")               \
	X(send_done, "nothing: another has the event")                                      \
	X(gateway_naming, "a gateway's name without its mark")                              \
	X(gateway_stamp_half, "half a gateway's stamp")                                     \
	X(gateway_fact_half, "half a gateway's fact")                                       \
	X(handshake, "an event that a handshake is looked up for")                          \
	X(alias, "an event that a client is looked up for")                                 \
	X(deferred, "an event that a session gave rise to")                                 \
	X(session, "a session, taken out")                                                  \
	X(session_half, "half a session")                                                   \
	X(identity_half, "half an identity")                                                \
	X(line_half, "half a line")                                                         \
	X(evidence_half, "half a line of evidence")                                         \
	X(accepted_half, "half of what phones of a gateway have accepted")                  \
	X(diagnosis_half, "half a diagnosis")                                               \
	X(diagnosis_untold, "a diagnosis that control is not yet told of")                  \
	X(diagnosis_reclaimed, "evidence of a diagnosis that is no more")                   \
	X(outbox_pushed, "a diagnosis that control is told of")                             \
	X(handed_over, "a phone, some pieces of which are on their way to another session") \
	X(sweep, "a session whose time is up")                                              \
	X(session_ended, "a session that readers find no more, but for its place")          \
	X(datagram_released, "nothing of a datagram")

enum halt {
#define X(name, what) HALT_##name,
	HALTS(X)
#undef X
		HALT_MAX
};

#ifdef OFFHOOK_HALT
void halt_at(enum halt where);
#else
static inline void halt_at(enum halt where)
{
	(void)where;
}
#endif
