// SPDX-License-Identifier: BSD-3-Clause
// chain: the validations of clients' certificates that a gateway has under way. Their lines name no
// address, and mix; those with a serial number say which is which. One is over when nothing has
// come of it for HANDSHAKE_HOLD_MS.
#pragma once

#include "event.h"

#define CHAINS_MAX 8 // of one gateway

enum chain_state { CHAIN_UNDECIDED, CHAIN_ACCEPTED, CHAIN_REFUSED };

struct chain {
	uint32_t number; // 0: no chain
	enum chain_state state;
	bool sure;	 // of the state: a line with its serial number has told it, or it was alone
	bool named;	 // its refusal has told its serial number
	bool over;	 // and the line behind that has come, which is the last
	uint64_t serial; // hash of the certificate's serial number, 0: not told yet
	uint64_t last_ms;
	struct device device; // whom its certificate names
	bool stranger;	      // its certificate bears no phone's name
};

// Zeroed at first.
struct chain_list {
	struct chain chains[CHAINS_MAX];
	uint32_t n_made, last; // last: number of the chain of the last line
};

// Whose line it is; of several it is the one with its serial number, else the one of the last line,
// which is not certain.
const struct chain *chain_of(struct chain_list *list, const struct event *line, bool *certain);

// The validation that was told good by its serial number, though a line that bears none had refused
// it, if `line` is the one that tells so: that refusal is of another. 0: it is none such.
uint32_t chain_mistaken(const struct chain_list *list, const struct event *line);

// The newest that can be refused, NULL: none is known.
const struct chain *chain_refusable(const struct chain_list *list);

unsigned chain_count(const struct chain_list *list);

enum chain_state chain_state_of(const struct chain_list *list, uint32_t number);

// Its handshake is over.
void chain_end(struct chain_list *list, uint32_t number);
