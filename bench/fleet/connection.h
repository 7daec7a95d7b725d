// SPDX-License-Identifier: BSD-3-Clause
// connection: what a gateway logs of a client that connects, step by step; and of one that leaves.
// Sources: Cisco ASA syslog guide; tech note 116162; orders as field logs show them.
#pragma once

#include "script.h"

enum proposal { PROPOSAL_FITS, PROPOSAL_OLD_ONLY, PROPOSAL_EC_ONLY };

// "outside:203.0.113.7/50091", and to where.
const char *client_peer(const struct script *script);
// The gateway's address that it connects to.
const char *client_target(const struct script *script);
// A TLS connection: the client's hello and both lists of ciphers.
void tls_hello(struct script *script, enum proposal proposal);
void tls_choose(struct script *script, const char *cipher);
void tls_ask_certificate(struct script *script);
// From the certificate, where there is one, to the end of the handshake.
void tls_done(struct script *script);
void tls_fail(struct script *script, const char *function, const char *reason);
void tls_close(struct script *script);
// All of it, up to a completed handshake.
void tls_connect(struct script *script);
// The chain that the client sends.
void certificate_shown(struct script *script);
void login_begin(struct script *script); // who it is
void login(struct script *script);	 // ... and that it may
// Returns when the tunnel is there, for all to see.
uint64_t tunnel(struct script *script, bool dtls);
void session_end(struct script *script, const char *reason);
