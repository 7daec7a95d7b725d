// SPDX-License-Identifier: BSD-3-Clause
// failure: the classes of failures, by the names of the diagnoses that have to find them.
#pragma once

#define FAILURES(X)                                                     \
	X(PHONE_LICENSE_MISSING, "phone-license-missing")               \
	X(SESSION_LIMIT_REACHED, "session-limit-reached")               \
	X(CERT_HASH_MISMATCH, "cert-hash-mismatch")                     \
	X(ECDSA_CERT_PRESENTED, "ecdsa-cert-presented")                 \
	X(NO_SHARED_CIPHER, "no-shared-cipher")                         \
	X(AUTH_REJECTED, "auth-rejected")                               \
	X(LOAD_BALANCING_REDIRECT, "load-balancing-redirect")           \
	X(CSD_ENABLED, "csd-enabled")                                   \
	X(DAP_TERMINATED, "dap-terminated")                             \
	X(GROUP_LOCK, "group-lock")                                     \
	X(TUNNEL_PROTOCOL_DISABLED, "tunnel-protocol-disabled")         \
	X(SIMULTANEOUS_LOGINS_EXCEEDED, "simultaneous-logins-exceeded") \
	X(VPN_FILTER_BLOCKED, "vpn-filter-blocked")                     \
	X(CLIENT_CERT_CA_MISSING, "client-cert-ca-missing")             \
	X(CLIENT_CERT_MISSING, "client-cert-missing")                   \
	X(CLIENT_CERT_REJECTED, "client-cert-rejected")                 \
	X(HOST_ID_MISMATCH, "host-id-mismatch")                         \
	X(TFTP_UNREACHABLE, "tftp-unreachable")                         \
	X(DTLS_BLOCKED, "dtls-blocked")                                 \
	X(TLS_VERSION_UNSUPPORTED, "tls-version-unsupported")           \
	X(ADDRESS_POOL_EMPTY, "address-pool-empty")                     \
	X(ANYCONNECT_DISABLED, "anyconnect-disabled")                   \
	X(CLIENT_SHUNNED, "client-shunned")                             \
	X(USERNAME_MAPPING_FAILED, "username-mapping-failed")           \
	X(TUNNEL_FLAPPING, "tunnel-flapping")                           \
	X(MTU_TOO_BIG, "mtu-too-big")                                   \
	X(TVS_UNREACHABLE, "tvs-unreachable")                           \
	X(ACCESS_DENIED, "access-denied")

// Of gateways.
#define OUTAGES(X)                                  \
	X(CERT_EXPIRING, "asa-cert-expiring")       \
	X(CERT_EXPIRED, "asa-cert-expired")         \
	X(AAA_DOWN, "aaa-server-down")              \
	X(REVOCATION, "revocation-check-failed")    \
	X(REBOOT_PENDING, "reboot-pending")         \
	X(HANDSHAKE_STORM, "handshake-storm")       \
	X(CLOCK_WRONG, "gateway-clock-wrong")       \
	X(LOGGING_BLOCKS, "logging-blocks-traffic") \
	X(POOL_EMPTY, "address-pool-empty")

#define FAILURE_ENUM(symbol, name) FAILURE_##symbol,
#define OUTAGE_ENUM(symbol, name) OUTAGE_##symbol,
enum failure { FAILURES(FAILURE_ENUM) N_FAILURES };
enum outage { OUTAGES(OUTAGE_ENUM) N_OUTAGES };

extern const char *const failure_names[N_FAILURES];
extern const char *const outage_names[N_OUTAGES];
