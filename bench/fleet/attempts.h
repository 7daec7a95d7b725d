// SPDX-License-Identifier: BSD-3-Clause
// attempts: one attempt of each class, as attempt.c calls them; where a client fails is the file.
#pragma once

#include "attempt.h"

// ---- attempt_tls.c: the handshake ----

void attempt_hash_mismatch(struct script *script);
void attempt_ecdsa(struct script *script);
void attempt_no_cipher(struct script *script);
void attempt_redirect(struct script *script);
void attempt_ca_missing(struct script *script);
void attempt_certificate_missing(struct script *script);
void attempt_certificate_refused(struct script *script);
void attempt_host_id(struct script *script);
void attempt_version_unsupported(struct script *script);

// ---- attempt_login.c: who it is, and what it may ----

void attempt_license_missing(struct script *script);
void attempt_session_limit(struct script *script);
void attempt_auth_rejected(struct script *script);
void attempt_csd(struct script *script);
void attempt_dap(struct script *script);
void attempt_group_lock(struct script *script);
void attempt_protocol_disabled(struct script *script);
void attempt_too_many_logins(struct script *script);
void attempt_anyconnect_off(struct script *script);
void attempt_mapping_failed(struct script *script);

// ---- attempt_tunnel.c: the tunnel, and the way to the gateway ----

void attempt_filter(struct script *script);
void attempt_no_dtls(struct script *script);
void attempt_pool_empty(struct script *script);
void attempt_flapping(struct script *script);
void attempt_large_packets(struct script *script);
void attempt_shunned(struct script *script);
void attempt_denied(struct script *script);

// "Group <..> User <..> IP <..>", with the group policy.
const char *attempt_whom(const struct script *script);
