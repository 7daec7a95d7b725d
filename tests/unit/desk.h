// SPDX-License-Identifier: BSD-3-Clause
// desk: a daemon without ports, with a real control socket in a directory of its own; its workers
// and its server are stepped by the test, on a clock that the test sets.
#pragma once

#include <jansson.h>

#include "../../control/daemon.h"
#include "unit.h"

struct desk {
	struct daemon daemon;
	char directory[64], socket[96], rules[96];
	uint64_t now_ms;    // of the lines, since the epoch
	uint64_t steady_ms; // of the server
};

// workers  with the rules of scene_pack.h
struct desk *desk_create(unsigned n_workers);
struct desk *desk_create_sized(unsigned n_workers, const struct worker_limits *limits);
void desk_destroy(struct desk *desk);

// Lines from a text log. Time goes on by a millisecond each.
void desk_line(struct desk *desk, const char *line);
// The phone SEP0000000xxxxx at 10.x.y.z runs into Cisco Secure Desktop, and gets its tunnel.
void desk_fail(struct desk *desk, unsigned phone);
void desk_recover(struct desk *desk, unsigned phone);

// Until nothing is left to do at once.
void desk_serve(struct desk *desk);
// Time goes by for the server.
void desk_wait(struct desk *desk, uint64_t ms);

// Put these rules into the daemon's directory.
void desk_write_rules(struct desk *desk, const char *text);

// ---- a client ----

// A connected descriptor, its greeting taken. It never blocks.
int desk_connect(struct desk *desk);
// As it is, nothing taken.
int desk_connect_silent(struct desk *desk);
void desk_send(struct desk *desk, int client, const char *text);
// The next line, served as long as that takes; NULL: the connection has ended. To be freed.
char *desk_receive(struct desk *desk, int client);
// Send a line, receive one, parse it. Fails the test when that does not work.
json_t *desk_ask(struct desk *desk, int client, const char *request);
// As desk_ask(): the data of a good answer, or the error of a bad one.
json_t *desk_data(struct desk *desk, int client, const char *request);
char *desk_error(struct desk *desk, int client, const char *request);

unsigned desk_connections(struct desk *desk);
