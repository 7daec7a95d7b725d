// SPDX-License-Identifier: BSD-3-Clause
// parts: to which stage of the path the instructions of a program belong. Costs are gathered by
// address, whatever they are counted in, and addr2line says of which function and file each is,
// inlined ones too. What is inlined from a header (mbufs, rings, hashes) counts for who uses it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// X(name, what)
#define PARTS(X)                                                     \
	X(receive, "port, mbufs")                                    \
	X(datagram, "frame to datagram")                             \
	X(message, "datagram to message")                            \
	X(match, "Hyperscan, candidates")                            \
	X(fields, "typed fields, to event")                          \
	X(exchange, "between workers")                               \
	X(bind, "gateway, handshake, alias")                         \
	X(session, "who, what has been seen, lines")                 \
	X(diagnosis, "rules looked at, opened, evidence")            \
	X(outbox, "to control")                                      \
	X(loop, "the poll loop, dispatch, counters, what time does") \
	X(other, "nothing that is known")

enum part {
#define X(name, what) PART_##name,
	PARTS(X)
#undef X
		PART_MAX
};

extern const char *const part_names[PART_MAX];
extern const char *const part_texts[PART_MAX];

struct parts;

struct parts *parts_create(void); // NULL: out of memory
void parts_destroy(struct parts *parts);

// address: as in the file, not where it was loaded. false: out of memory.
bool parts_add(struct parts *parts, uint64_t address, double cost);
// Of code outside of the program that belongs to one stage alone.
void parts_add_to(struct parts *parts, enum part part, double cost);

// The costs of each stage. program: the file whose addresses came, with debugging information.
// false: addr2line does not run.
bool parts_sum(struct parts *parts, const char *program, double sums[PART_MAX]);
