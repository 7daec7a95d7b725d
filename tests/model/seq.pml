// SPDX-License-Identifier: BSD-3-Clause
// A record that one worker changes and control copies: dataplane/seq.h; and the evidence behind it,
// whose blocks are used again: diagnosis_read() of dataplane/diagnosis.c.
//
// A record is two words that always hold the same value; the worker publishes it, ends it (its
// block of evidence is free then), and publishes it anew with the block used again for other
// evidence. Stores and loads between two fences are made in any order here, as relaxed ones may
// be; those that a fence or acquire and release hold back are not.
//
// What has to hold: what a reader takes for whole is whole, record and evidence; and a reader comes
// to an end even where the worker is halted in the middle for good.
//
// Broken on purpose, to see that it is found (tests/model/run): define one of
//   NO_ODD            the reader does not look whether the sequence is odd
//   NO_RETRY          nor whether it has changed meanwhile
//   NO_RECHECK        nor, of evidence, after that was copied
//   NO_RELEASE_FENCE  words may be stored before the sequence is odd
//   NO_ACQUIRE_FENCE  the sequence may be loaded before the words are
//   NO_RELEASE        the sequence may be even before all words are stored
//   WAIT_FOR_WRITER   the reader tries for ever

#define TRIES 3      // SEQ_TRIES + SEQ_YIELDS
#define CHANGES 3    // published, ended, published anew
#define BLANK 0      // the value of a record that has ended

byte sequence, word[2];    // of a diagnosis: t->sequences[slot], t->slots[slot]
byte block[2];             // words of its evidence

bool writer_halted, busy_told, read_told;

inline halt_at()
{
	if
	:: writer_halted = true; false // for good
	:: true
	fi
}

// seq_publish(): the value is value. Which of its stores are made already: odd, stored[], even.
inline seq_publish(value)
{
	odd = false;
	stored[0] = false;
	stored[1] = false;
	before = sequence;
	do
	:: !odd -> sequence = before + 1; odd = true; halt_at()
#ifdef NO_RELEASE_FENCE
	:: !stored[0] -> word[0] = value; stored[0] = true
	:: !stored[1] -> word[1] = value; stored[1] = true
#else
	:: odd && !stored[0] -> word[0] = value; stored[0] = true; halt_at()
	:: odd && !stored[1] -> word[1] = value; stored[1] = true; halt_at()
#endif
#ifdef NO_RELEASE
	:: odd -> sequence = before + 2; break
#else
	:: odd && stored[0] && stored[1] -> sequence = before + 2; break
#endif
	od;
	// A store that was not held back comes at last.
	if
	:: !stored[0] -> word[0] = value
	:: else
	fi;
	if
	:: !stored[1] -> word[1] = value
	:: else
	fi;
	before = 0
}

// evidence_append(): into a block that no published record leads to
inline evidence_append(value)
{
	block[0] = value;
	halt_at();
	block[1] = value
}

active proctype writer()
{
	byte before, value;
	bool odd, stored[2];
	// diagnosis_put(); reclaim(): publish(), then evidence_free(); the next one takes the block
	do
	:: value < CHANGES ->
		value++;
		if
		:: value % 2 == 1 ->
			evidence_append(value);
			seq_publish(value)
		:: else -> seq_publish(BLANK)
		fi
	:: else -> break
	od
}

// seq_try_read(): copy[] and whether it is whole
inline seq_try_read()
{
	whole = false;
	before = sequence; // acquire: before all that follows
#ifdef NO_ODD
	if
	:: true ->
#else
	if
	:: before % 2 == 1 -> skip
	:: else ->
#endif
		loaded[0] = false;
		loaded[1] = false;
		checked = false;
		do
		:: !loaded[0] -> copy[0] = word[0]; loaded[0] = true
		:: !loaded[1] -> copy[1] = word[1]; loaded[1] = true
#ifdef NO_ACQUIRE_FENCE
		:: !checked -> after = sequence; checked = true
#else
		:: loaded[0] && loaded[1] && !checked -> after = sequence; checked = true
#endif
		:: loaded[0] && loaded[1] && checked -> break
		od;
#ifdef NO_RETRY
		whole = true
#else
		whole = (after == before)
#endif
	fi
}

// diagnosis_read()
active proctype reader()
{
	byte n, before, after, first, copy[2], evidence[2];
	bool whole, loaded[2], checked;
	do
#ifndef WAIT_FOR_WRITER
	:: n == TRIES -> busy_told = true; break // DIAGNOSIS_BUSY
#endif
	:: n < TRIES ->
#ifndef WAIT_FOR_WRITER
		n++;
#endif
		first = sequence;
		seq_try_read();
		if
		:: !whole -> skip
		:: whole ->
			assert(copy[0] == copy[1]);
			if
			:: copy[0] == BLANK -> read_told = true; break // DIAGNOSIS_NOT_THERE
			:: else ->
				evidence[0] = block[0]; // evidence_read()
				evidence[1] = block[1];
#ifdef NO_RECHECK
				if
				:: true ->
#else
				if
				:: sequence != first -> skip
				:: else ->
#endif
					assert(evidence[0] == copy[0] && evidence[1] == copy[0]);
					read_told = true; // DIAGNOSIS_READ
					break
				fi
			fi
		fi
	od
}

ltl reader_ends { <> (busy_told || read_told) }
