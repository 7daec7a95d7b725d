// SPDX-License-Identifier: BSD-3-Clause
// Two workers, one of which sends the other events, and control that swaps their rules:
// dataplane/worker.c.
//
// There is one ring a direction (rte_ring, single producer, single consumer, zero copy), so one
// direction tells all: worker 0 sends, worker 1 takes.
// An event is two halves that are written one after the other; it bears a number, that of its turn,
// so that the taker sees what is lost, doubled or out of order, and the generation of the rules that
// made it.
//
// What has to hold: no event is torn, lost or doubled; none is judged by older rules than made it;
// no rules are used after they are freed; the old ones are freed at last; and where a worker is
// halted for good (HALTS: which), the other one and control go on. Spin runs every interleaving; the order
// of memory is not in here (seq.pml has some of it).
//
// Broken on purpose, to see that it is found (tests/model/run): define one of
//   FREE_EARLY        the old rules are freed right after they were replaced
//   QUIESCENT_LATE    a worker says that it is quiescent with the old rules in hand
//   FINISH_EARLY      the sender hands over before it has copied
//   TAKE_EARLY        the taker gives the place back before it is done with what stands there
//   ANY_GENERATION    the taker does not look at the generation
//   WAIT_FOR_ALL      control waits for the halted worker, as it once did
//   WAIT_FOR_ROOM     a sender waits for room in the ring

#define WORKERS 2
#ifdef HALTS // endless runs are looked for, which takes more
#define PLACES 1 // of a ring
#define RELOADS 1
#else
#define PLACES 2
#define RELOADS 2
#endif
#define RULES (RELOADS + 1)

// struct workers, struct worker
byte scanner[WORKERS];         // generation of what worker->scanner points to: control writes
byte running[WORKERS];         // worker->running: the worker's own
bool freed[RULES];             // the ruleset and scanners of a generation
byte token;                    // of rte_rcu_qsbr: counts rte_rcu_qsbr_start()
byte passed[WORKERS];          // of rte_rcu_qsbr, by worker: the token it has last seen

// worker->inbox of worker 1, from worker 0
typedef ring {
	byte half[PLACES];  // number of the event whose first half stands there, plus one ...
	byte other[PLACES]; // ... and the other half's; 0: taken
	byte generation[PLACES];
	byte head, tail;    // put, taken; modulo 2 * PLACES
};
ring inbox;

#ifdef HALTS
bool beat[WORKERS], control_beat; // turned over with every turn
#endif
byte n_reloads;

#define fill ((inbox.head - inbox.tail + 2 * PLACES) % (2 * PLACES))
#define next(i) ((i + 1) % (2 * PLACES))

// halt_at(): a worker may stop there for good.
inline halt_at()
{
#ifdef HALTS
	if
	:: me == HALTS -> false
	:: true
	fi
#else
	skip
#endif
}

// dispatch(): whatever a worker does with an event or a line it does by its rules.
inline dispatch()
{
	assert(!freed[running[me]])
}

// send_away()
inline send_away()
{
	if
#ifdef WAIT_FOR_ROOM
	:: fill < PLACES ->
#else
	:: fill == PLACES -> skip // counted: exchange_full
	:: else -> // rte_ring_enqueue_zc_bulk_elem_start()
#endif
		halt_at(); // HALT_send_reserved
#ifdef FINISH_EARLY
		d_step { at = inbox.head; inbox.head = next(inbox.head) };
#else
		at = inbox.head;
#endif
		d_step { // memcpy()
			inbox.half[at % PLACES] = at + 1;
			inbox.generation[at % PLACES] = running[me]
		};
		inbox.other[at % PLACES] = at + 1;
		halt_at() // HALT_send_copied
#ifndef FINISH_EARLY
		; inbox.head = next(inbox.head) // ..._finish()
#endif
	fi
}

// exchange(), one step of it
inline exchange()
{
	if
	:: fill == 0 -> skip
	:: else -> // rte_ring_dequeue_zc_bulk_elem_start()
		at = inbox.tail;
		if
#ifndef ANY_GENERATION
		:: inbox.generation[at % PLACES] > running[me] -> skip // stays for the next turn
#endif
		:: else ->
#ifdef TAKE_EARLY
			inbox.tail = next(inbox.tail);
#endif
			halt_at(); // HALT_exchange_peeked
			assert(inbox.half[at % PLACES] == at + 1); // not lost, not doubled
			dispatch();
			assert(inbox.other[at % PLACES] == at + 1); // not torn
			assert(inbox.generation[at % PLACES] <= running[me]);
			halt_at(); // HALT_exchange_judged
#ifndef TAKE_EARLY
			d_step { // ..._finish()
				inbox.half[at % PLACES] = 0;
				inbox.other[at % PLACES] = 0;
				inbox.generation[at % PLACES] = 0;
				inbox.tail = next(inbox.tail)
			}
#endif
		fi
	fi
}

// rte_rcu_qsbr_quiescent()
inline quiescent()
{
	seen = token;
	d_step { passed[me] = seen; seen = 0 }
}

// run(): worker_pass(), then receive()
proctype worker(byte me)
{
	byte at, seen;
	do
	:: true ->
#ifndef QUIESCENT_LATE
		quiescent();
#endif
		halt_at(); // HALT_quiescent
		running[me] = scanner[me];
#ifdef QUIESCENT_LATE
		quiescent();
#endif
		if
		:: me == 1 -> exchange()
		:: me == 0 -> dispatch(); send_away() // receive(): a line makes an event ...
		:: me == 0 -> skip                    // ... or none
		fi;
#ifdef HALTS
		beat[me] = !beat[me];
#endif
		at = 0
	od
}

#define is_quiescent (passed[0] >= target && passed[1] >= target)

// loop_run(): rules_reload() and tick() among all else
proctype control()
{
	byte target, old;
	bool replaced; // workers->replaced
	do
	:: true ->
		if
		:: !replaced && n_reloads < RELOADS -> // workers_publish()
			scanner[0] = n_reloads + 1;
			scanner[1] = n_reloads + 1;
			d_step { // rte_rcu_qsbr_start()
				token++;
				old = n_reloads;
				target = token;
				n_reloads++;
				replaced = true
			};
#ifdef FREE_EARLY
			freed[old] = true;
#endif
#ifdef WAIT_FOR_ALL
			is_quiescent;
#endif
		:: replaced -> // workers_retire()
			if
			:: is_quiescent -> freed[old] = true; replaced = false
			:: else -> skip
			fi
		:: !replaced -> skip // answers somebody
		fi
#ifdef HALTS
		; control_beat = !control_beat
#endif
	od
}

init {
	atomic {
		run worker(0);
		run worker(1);
		run control()
	}
}

#ifdef HALTS
#define goes_on(bit) ([]<> bit && []<> !bit)
ltl nobody_waits { goes_on(control_beat) && goes_on(beat[1 - HALTS]) }
#else
ltl reload_ends { [] (n_reloads == 1 -> <> freed[0]) }
#endif
