// SPDX-License-Identifier: BSD-3-Clause
// worker: the poll loop, the only caller of the stages, and what one worker owns.
//
// receive -> datagram -> message -> event -> (exchange) -> handshake -> session, diagnosis ->
// outbox. Each event has at most one owner at a time, found by a hash; it goes to another worker
// through a single-producer single-consumer ring. `replay`, tests and benches run the same stages
// through worker_take_frame() and worker_take_line(), on their own clock and thread.
#pragma once

#include "alias.h"
#include "counters.h"
#include "datagram.h"
#include "diagnosis.h"
#include "gateway.h"
#include "handshake.h"
#include "outbox.h"
#include "policy.h"
#include "port.h"
#include "session.h"

struct replaced;
struct rte_rcu_qsbr;
struct rte_ring;
struct rte_mbuf;

struct worker_limits {
	uint32_t clients;    // client addresses, all workers together
	uint32_t diagnoses;  // all workers together
	uint32_t handshakes; // under way at once, all workers together
	uint16_t gateways;   // all workers together
	uint64_t idle_ms;    // a client that is no phone is forgotten after
	uint64_t expire_ms;  // a diagnosis without evidence, a phone without a line
	uint64_t seed; // of the hashes of addresses, which strangers choose; 0: always the same
	// Memory does not press: each worker has room for all of it, and for more lines, so that
	// nothing that is told hangs on the number of workers.
	bool offline;
};

struct workers;

struct worker {
	// control writes, worker reads once a turn; rules and scratch travel as one
	_Atomic(struct scanner *) scanner;
	// worker writes, control reads (relaxed, may lag a turn)
	struct counters counters;
	counter_t events[EVENTS_MAX];
	counter_t *asa_codes; // by id
	counter_t busy_turns, idle_turns;
	counter_t busy_cycles,
		cycles; // of the TSC: in turns that had something to do; since the start
	// worker writes, control reads by sequence counters
	struct session_table sessions;
	struct outbox outbox;
	// worker only
	unsigned number;
	struct workers *all;
	struct scanner *running;	// the scanner of this turn
	struct datagram_reader *reader; // NULL where no EAL is up
	struct shape_table *shapes;
	struct handshake_table *handshakes;
	struct alias_table *aliases;
	struct rte_ring *inbox[WORKERS_MAX]; // by sender; NULL: from itself
	struct event *batch;		     // matched in this burst, not yet dispatched
	unsigned n_batch;
	struct approach *approaches; // of the events of the batch
	unsigned n_near[3];	     // of how many the first, second and third look has been taken
	struct event *deferred;	     // events made while a session was in hand
	unsigned deferred_first, n_deferred;
	bool settled;	 // the last turn has found nothing to do, and no event has come since
	uint64_t now_ms; // of the last turn
	struct port_queue queues[PORT_QUEUES_MAX];
	unsigned n_queues;
};

struct workers {
	unsigned n;
	struct worker *worker[WORKERS_MAX];
	struct gateway_table gateways;
	struct open_counts open;
	const struct policy *policy;
	struct rte_rcu_qsbr *quiescent; // who may still hold an old ruleset
	struct ruleset *ruleset;	// control's, what is published
	uint32_t generation;		// that ruleset's
	struct replaced *replaced;	// control's: what a worker may still work by; NULL: nothing
	_Atomic(int64_t) wall_offset_ms; // control writes: wall clock less the TSC's
	atomic_bool stop;
	_Atomic(unsigned) n_ended; // workers whose loop is over
	bool busy;		   // poll without ever sleeping
};

// Make n workers with everything sized. The ruleset belongs to the workers from here on; policy
// must outlive them. NULL: out of memory, and the ruleset is still the caller's.
struct workers *workers_create(unsigned n, const struct worker_limits *limits,
	struct ruleset *ruleset, const struct policy *policy);
void workers_destroy(struct workers *workers);

// Launch them on their lcores, each with its queues. -EIO: an lcore did not start.
[[nodiscard]] int workers_start(struct workers *workers, const struct port_set *ports);
// Ask all to stop and wait for each.
void workers_stop(struct workers *workers);

// Swap the rules in: publish, and free the old ones once every worker has passed its quiescent
// state. Takes the ruleset. No message is lost. A worker passes every few microseconds unless it
// has lost its core: it is waited for about RETIRE_WAIT_MS, and workers_retire() does the rest.
// -EBUSY: the rules of the swap before are still to be freed; -ENOMEM. On both the running rules
// stay, and the new ones are destroyed.
[[nodiscard]] int workers_publish(struct workers *workers, struct ruleset *ruleset);
#define RETIRE_WAIT_MS 200

// Free what workers_publish() has replaced, if no worker works by it any more; control, about once
// a second. false: one still does.
bool workers_retire(struct workers *workers);

// Control, about once a second: where the wall clock is.
void workers_set_clock(struct workers *workers);

// Whose the event is: number of the worker.
unsigned worker_owner(const struct worker *worker, const struct event *event);

// ---- one worker's stages, for whoever runs it: its lcore, or replay ----

// A thread runs this worker from here on; until worker_leave() a reload waits for its passes.
void worker_enter(struct worker *worker);
void worker_leave(struct worker *worker);

// Between two bursts: nothing of an earlier ruleset is in hand, so go over to the one that control
// has published; then worker_turn().
bool worker_pass(struct worker *worker, uint64_t now_ms, uint32_t max_sessions);

// A frame as of now_ms; it is freed. Needs the EAL. A reply to an ARP request or the like is
// dropped. steady_ms: never goes back, as now_ms may; for the age of fragments.
void worker_take_frame(struct worker *worker, const struct datagram_options *options,
	struct rte_mbuf *frame, uint64_t now_ms, uint64_t steady_ms);

// One line of a text log: a packet of its own.
void worker_take_line(struct worker *worker, struct slice line, const struct arrival *arrival);

// The same of a line that is one message and has been taken apart.
void worker_take_message(
	struct worker *worker, const struct message *message, const struct arrival *arrival);

// The same of a gateway's line that is one message, if it has an id that no rule wants: it is only
// counted. false: it has another, and is still to be taken.
bool worker_pass_over(struct worker *worker, uint32_t asa_id);

// Whether another worker_turn() at the time of the last one would do nothing, if this worker is the
// only one: nothing was left to do by then, and no event has come since.
bool worker_is_settled(const struct worker *worker);

// What other workers have sent, and what time does. max_sessions: how many of them a turn looks at.
// Returns whether there was anything to do.
bool worker_turn(struct worker *worker, uint64_t now_ms, uint32_t max_sessions);

// The end of the input: lines that are held or wait are let go as if their time had come; nothing
// else expires. Call for all workers until none returns true.
bool worker_finish(struct worker *worker, uint64_t now_ms);
