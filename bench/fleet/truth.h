// SPDX-License-Identifier: BSD-3-Clause
// truth: what has been planted, one JSON object a line.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct truth {
	const char *diagnosis;				     // NULL: nothing is planted
	const char *confidence;				     // the highest that is right
	uint64_t first_us, needed_us, last_us, recovered_us; // recovered_us 0: not
	bool asa, phone;				     // whose lines tell
	bool optional;	   // whether it is one of its own is a matter of taste
	bool ambiguous;	   // may be told as ambiguous, and without a device
	bool unclear;	   // whether and when it recovered
	bool undecidable;  // logs cannot tell whether it is the phone at this address
	char moved_to[46]; // the address that the client had at the end
};

struct client;
struct gateway;

// A failure of a client; `client` NULL: of the gateway.
void truth_write(FILE *file, const struct truth *truth, const struct client *client,
	const struct gateway *gateway);
