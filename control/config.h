// SPDX-License-Identifier: BSD-3-Clause
// config: the one YAML file of the daemon (and of `replay -c`). One table of options; unknown keys
// and wrong values are errors with file:line:column. Without a file every option has its default.
#pragma once

#include <stdio.h>
#include <sys/socket.h>

#include "../dataplane/policy.h"
#include "../dataplane/port.h"
#include "../dataplane/worker.h"
#include "../rules/report.h"
#include "../rules/yaml.h"
#include "outlet.h"
#include "site.h"

#define CONFIG_OPTIONS_MAX 32
#include "journal.h"

enum poll { POLL_AUTO, POLL_BUSY, POLL_ADAPTIVE };

#define METRICS_ADDRESSES_MAX 8
struct metrics_address {
	struct sockaddr_storage address;
	const char *text; // as it stands there
	struct rule_place place;
};

struct config {
	struct obstack arena; // its texts
	struct listen listen[PORT_LISTEN_MAX];
	size_t n_listen;
	struct port_options ports;
	unsigned workers;
	enum poll poll;
	struct worker_limits limits;
	struct policy policy;
	struct outlet_config *outlets[OUTLETS_MAX]; // whoever takes one leaves NULL
	size_t n_outlets;
	struct sites sites;
	const char *rules;		       // directory
	const char *cache;		       // directory, NULL: none
	const char *socket;		       // control socket
	const char *texts[CONFIG_OPTIONS_MAX]; // of each option as it is written; NULL: it is not
	struct journal_options journal;
	struct metrics_address metrics[METRICS_ADDRESSES_MAX];
	size_t n_metrics;	 // 0: none
	bool metrics_none;	 // the word stands there
	bool metrics_by_default; // nobody has asked for them
	// Where these stand in the file; no file: they are defaults.
	struct rule_place listen_places[PORT_LISTEN_MAX], rules_place, socket_place, history_place;
};

// path  NULL: defaults alone
// false: the report says what is wrong; the config is finished with.
[[nodiscard]] bool config_init(struct config *config, const char *path, struct report *report);
void config_fini(struct config *config);

// The options that differ and are read at the start only, by name. Whether there are any.
bool config_compare(const struct config *now, const struct config *next, char *names, size_t size);

// Whether what it names is there on this machine: interfaces, devices, captures, the directories of
// rules, socket, history and outlets, the addresses of metrics. Makes nothing. false: the report
// says what is not.
enum config_moment {
	CONFIG_STARTS, // the daemon, perhaps before all is mounted: what may come later is no error
	CONFIG_RELOADS, // somebody is there to mend it; but what only a start reads may wait
	CONFIG_ASKED,	// an operator wants to know all
};
[[nodiscard]] bool config_check(
	const struct config *config, enum config_moment moment, struct report *report);

// Where the control socket is unless the config or --socket says otherwise: root's is the
// machine's.
#define CONFIG_SYSTEM_SOCKET "/run/offhook/offhook.sock"
const char *config_default_socket(void);
// Where the history of the daemon on that socket is, unless $STATE_DIRECTORY says otherwise.
#define CONFIG_SYSTEM_HISTORY "/var/lib/offhook"

// Every option with its values, its default and what it is for.
void config_print_options(FILE *out);
// A text of it, on 80 columns.
void config_print_wrapped(FILE *out, unsigned indent, const char *text);
