// SPDX-License-Identifier: BSD-3-Clause
// attempt: what a gateway logs of one attempt that fails, for each class; and of what is broken
// while the tunnel is up.
#pragma once

#include "connection.h"

// Of a class: which sides can tell, and whom it can befall.
struct failure_kind {
	bool by_asa, by_phone;	  // has a line that decides
	bool debugging;		  // the gateway's line is of level 7
	bool tunnel_up;		  // the tunnel stands, or comes up, nevertheless
	bool certificate, typed;  // only clients that log in so
	bool old, modern;	  // only such phones
	bool pcs;		  // befalls PCs and mobiles as well
	bool nameless;		  // the gateway's lines name no user
	const char *alone, *both; // highest confidence by one side, by both
};

extern const struct failure_kind failure_kinds[N_FAILURES];

// One attempt; told when it can be told.
void attempt(struct script *script, enum failure failure);
// The variant of a client that tells in what form a class shows: i of n.
unsigned variant_of(const struct client *client, unsigned n);
