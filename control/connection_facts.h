// SPDX-License-Identifier: BSD-3-Clause
// connection_facts: what the lines of evidence say of the connection that failed, beyond what the
// diagnosis does. Only lines in which nothing is typed by strangers are read: 725xxx, 710003, and
// what a phone says of TLS.
#pragma once

#include <jansson.h>

// evidence  of a diagnosis
// client    its client_ip, NULL: none
// Returns an object with what is known of
//   "interface", "port" (the client's), "server", "server_port", "protocol" ("tls", "dtls", "ssl"),
//   "version" ("1.2"), "cipher", "failed" (true: the handshake did), "alert" (its number, a text),
//   "error" (a text)
// the last line that says so. NULL: out of memory.
json_t *connection_facts(const json_t *evidence, const char *client);
