// SPDX-License-Identifier: BSD-3-Clause
// fleet: who takes part. Gateways and phones are kept; PCs, mobiles and scanners are made anew from
// their number whenever they do something, so that any number of them costs nothing.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "queue.h"
#include "random.h"
#include "scenario.h"
#include "truth.h"
#include "wire.h"

#define START_US 1795240800000000ull // 2026-11-21T06:00:00Z
#define SECOND_US 1000000ull
#define ADDRESS_TEXT 46

// One end of a tunnel.
struct client {
	bool is_phone, certificate, modern; // modern: TLS 1.2 and many ciphers
	char address[ADDRESS_TEXT];
	char user[64], subject[160], issuer[80], serial[24];
	char inner[ADDRESS_TEXT]; // empty: no tunnel
	const char *tunnel_group, *policy, *agent, *device;
	uint16_t port;
	uint32_t variant;  // which of several forms its failure takes, the same for all attempts
	bool outer_shared; // others are at this address
};

struct line; // script.h

// Lines that wait for lines of other handshakes to come between.
struct parked {
	struct line *first;
	uint64_t until_us;
	uint32_t flow, others;
};

#define PARKED_MAX 64

// Something is wrong with a gateway, and whoever comes meanwhile fails.
struct block {
	enum outage outage;
	uint64_t from_us, until_us;
};

struct rest {
	uint32_t inner;
	uint64_t since_us;
};

struct gateway {
	unsigned number;
	struct random random;
	char name[2][32];	      // of both units of a pair
	char sender[2][ADDRESS_TEXT]; // of their syslog
	char outside[ADDRESS_TEXT], outside6[ADDRESS_TEXT], trustpoint[24];
	unsigned form; // of the header
	int zone_s, skew_s;
	bool quiet, hidden, duplicated, limited, old;
	uint64_t failover_us; // 0: never
	uint32_t connection;  // the last number given
	uint64_t second;
	uint32_t n_this_second;
	struct parked parked[PARKED_MAX];
	unsigned n_parked;
	struct block block[N_OUTAGES];
	// the pool of phones: addresses that were given back, the oldest first
	struct rest *rest;
	uint32_t rest_first, n_rest, rest_size, n_inner;
	uint32_t *phones;
	unsigned n_phones;
};

enum console { CONSOLE_NONE, CONSOLE_RELAY, CONSOLE_DIRECT, CONSOLE_LATER };
#define ATTEMPTS_MAX 4

struct phone {
	struct client client;
	struct random random;
	unsigned number, model, n_moves;
	unsigned gateway;
	char device[16];
	uint32_t site; // 0: alone at its address
	enum console console;
	bool named_in_header; // of its own console lines
	bool connected;
	bool tied;  // a gateway has accepted it, under its name or as a phone
	bool waits; // is going to connect, once it can
	uint32_t inner;
	enum failure failure; // N_FAILURES: none is planted
	uint64_t fail_us;
	uint32_t sequence; // of its console
	struct truth truth;
	enum failure failing; // that of the truth
	// attempts whose console lines have not been sent
	uint64_t unsent_us[ATTEMPTS_MAX];
	unsigned n_unsent;
	enum failure unsent;
};

struct sim {
	const struct scenario *scenario;
	uint64_t seed, now_us, end_us;
	struct queue queue;
	struct wire wire;
	FILE *truths;
	struct random random; // of the way to the collector
	struct gateway *gateways;
	struct phone *phones;
	uint32_t n_flows; // handshakes so far
	uint64_t n_planted, n_lost, n_limited, n_separated, n_anonymous;
};

void fleet_create(struct sim *sim);
void fleet_destroy(struct sim *sim);
const char *phone_model(const struct phone *phone);
// Records of a phone's log: 79, 89 (and 99), 88 (and 78).
unsigned phone_family(const struct phone *phone);
