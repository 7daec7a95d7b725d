// SPDX-License-Identifier: BSD-3-Clause
// reload_command: `reload`, from the control socket or by SIGHUP: the config is read anew, the rule
// pack compiled aside, and rules, alerts' rules and outlets are swapped in. On an error all stays
// as it was.
//
// On the control thread: nobody else at the socket is served meanwhile. The shipped pack takes half
// a second to compile and 20 ms to check by its examples; where it was compiled before, the latter.
// For a worker that stands still it waits about RETIRE_WAIT_MS, no longer: the rules are then
// `in_force` later, when it goes on, and until then no other reload is taken.
#pragma once

#include "../rules/report.h"
#include "answer.h"

struct ruleset;

void reload_serve(const json_t *arguments, struct answer *answer, struct buffer *out);

// Load the rules that the daemon starts with. NULL: the report says why.
struct ruleset *rules_start(struct daemon *daemon, struct report *report);

// Swap in what config and rules now say. false: the report says why, and all stays as it was.
// Either way it is logged and remembered for `status`.
bool reload(struct daemon *daemon, struct report *report);

// {"directory":"...","messages":N,...}; in_force: every worker has gone over to them;
// waits_for_restart: the config's options that have changed and are read at the start only, or
// null.
json_t *rules_json(const struct daemon *daemon);

// What reloads have left. Nobody has a text of the config any more.
void reload_fini(struct daemon *daemon);
