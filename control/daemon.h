// SPDX-License-Identifier: BSD-3-Clause
// daemon: what the control thread of offhookd holds; the commands work on it. Only offhookd.c makes
// one (and tests, without ports).
#pragma once

#include "alert.h"
#include "config.h"
#include "feed.h"
#include "journal.h"
#include "outlet.h"
#include "rates.h"
#include "recorder.h"
#include "roster.h"
#include "tables.h"

#define GATEWAY_SILENT_MS (6 * HOUR_MS)	 // no relevant line for so long is worth a word
#define GATEWAY_RECENT_MS (24 * HOUR_MS) // what was seen within is how the gateway is set up

struct http_server;
struct metrics;
struct server;

// How the rules came to be what they are.
struct rules_state {
	uint64_t loaded_ms; // wall clock
	uint64_t took_ms;
	uint64_t failed_ms; // of the last reload that failed; 0: none since `loaded_ms`
	char *failure;	    // its errors, a line each
};

struct daemon {
	const char *config_path; // NULL: none
	bool check_only;	 // only to say whether config and rules are right
	struct config config;
	struct config *reread; // by the last reload; NULL: there was none
	struct vocabulary *vocabulary;
	struct rules_state rules;
	struct port_set ports;
	const char *port_states[PORT_LISTEN_MAX]; // at the last tick; NULL: none yet
	struct workers *workers;
	uint64_t *hidden_users;	   // by gateway: their count at the last tick
	uint64_t *hidden_users_ms; // by gateway: when it last grew
	uint64_t high_water[TABLE_MAX];
	struct rates rates;
	struct feed *feed;
	// NULL in tests that need none of them.
	struct journal *journal;
	struct alerts *alerts;
	struct roster *roster;
	struct recorder *recorder;
	struct outlets *outlets;
	struct server *server;
	struct metrics *metrics;  // NULL in tests and tools
	struct http_server *http; // NULL: none
	uint64_t started_ms, started_steady_ms;
};
