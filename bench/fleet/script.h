// SPDX-License-Identifier: BSD-3-Clause
// script: what a gateway is going to log of one client. Lines that are said without a pause between
// are logged in one go: nothing comes between them, save where a line without an address is to be
// separated from its neighbour.
#pragma once

#include "fleet.h"

struct line {
	struct line *next;
	uint32_t flow;	// the handshake it is of; 0: none
	bool anonymous; // it names no client
	bool gap;	// lines of others come before it
	char text[];	// "6-725001: Starting ..."
};

struct script {
	struct sim *sim;
	struct gateway *gateway;
	struct client *client;
	struct random *random;
	uint64_t at_us,
		needed_us; // needed_us: when the line is logged without which nobody can tell
	uint32_t flow, connection;
	struct line *first, **end;
};

struct script script_begin(struct sim *sim, struct gateway *gateway, struct client *client,
	struct random *random, uint64_t at_us);
// A line that names the client, by its address or otherwise than by its neighbour.
__attribute__((format(printf, 2, 3))) void say(struct script *script, const char *format, ...);
// A line whose neighbour has to tell whose it is.
__attribute__((format(printf, 2, 3))) void mutter(struct script *script, const char *format, ...);
void script_pause(struct script *script, uint32_t low_ms, uint32_t high_ms);
// From here on it can be told what is wrong.
void script_told(struct script *script);
void script_end(struct script *script);

// ---- the gateway's side: gateway.c ----

// It logs lines, now.
void gateway_log(struct sim *sim, struct gateway *gateway, struct line *first);
void gateway_unpark(struct sim *sim, struct gateway *gateway);
// A payload goes its way to the collector.
void deliver(struct sim *sim, const char *sender, const char *payload, size_t len);
void deliver_at(
	struct sim *sim, uint64_t at_us, const char *sender, const char *payload, size_t len);
struct datagram {
	char sender[ADDRESS_TEXT];
	uint16_t len;
	char payload[];
};
