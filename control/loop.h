// SPDX-License-Identifier: BSD-3-Clause
// loop: what the control thread does while the daemon runs: signals, a tick a second, what the
// workers have to tell, and the control socket.
#pragma once

#include <signal.h>

#include "daemon.h"

// Until SIGTERM or SIGINT; SIGHUP reloads the rules and the outlets, SIGUSR1 opens the outlets'
// files anew.
//
// signals  these four; blocked in every thread
// false: it could not begin.
bool loop_run(struct daemon *daemon, const sigset_t *signals);
