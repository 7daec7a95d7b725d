// SPDX-License-Identifier: BSD-3-Clause
#include "classification.h"

#include <string.h>

#include "../rules/rulepack.h"

// clang-format off
static const struct classification table[] = {
	// of phones, without a tunnel
	{"access-denied", "policy", WEIGHT_OUTAGE, ACTIVITY_LOGIN, true},
	{"address-pool-empty", "capacity", WEIGHT_OUTAGE, ACTIVITY_LOGIN}, // and of gateways
	{"anyconnect-disabled", "configuration", WEIGHT_OUTAGE, ACTIVITY_LOGIN},
	{"auth-rejected", "authentication", WEIGHT_OUTAGE, ACTIVITY_LOGIN},
	{"cert-hash-mismatch", "certificate", WEIGHT_OUTAGE, ACTIVITY_LOGIN, .protocol = "tls"},
	{"client-cert-ca-missing", "certificate", WEIGHT_OUTAGE, ACTIVITY_LOGIN, .protocol = "tls"},
	{"client-cert-missing", "certificate", WEIGHT_OUTAGE, ACTIVITY_LOGIN, .protocol = "tls"},
	{"client-cert-rejected", "certificate", WEIGHT_OUTAGE, ACTIVITY_LOGIN, .protocol = "tls"},
	{"client-shunned", "policy", WEIGHT_OUTAGE, ACTIVITY_LOGIN, true},
	{"csd-enabled", "policy", WEIGHT_OUTAGE, ACTIVITY_LOGIN, true},
	{"dap-terminated", "policy", WEIGHT_OUTAGE, ACTIVITY_LOGIN, true},
	{"ecdsa-cert-presented", "certificate", WEIGHT_OUTAGE, ACTIVITY_LOGIN, .protocol = "tls"},
	{"group-lock", "policy", WEIGHT_OUTAGE, ACTIVITY_LOGIN, true},
	{"host-id-mismatch", "certificate", WEIGHT_OUTAGE, ACTIVITY_LOGIN, .protocol = "tls"},
	{"load-balancing-redirect", "configuration", WEIGHT_OUTAGE, ACTIVITY_LOGIN},
	{"no-shared-cipher", "tls", WEIGHT_OUTAGE, ACTIVITY_LOGIN, .protocol = "tls"},
	{"phone-license-missing", "license", WEIGHT_OUTAGE, ACTIVITY_LOGIN},
	{"session-limit-reached", "capacity", WEIGHT_OUTAGE, ACTIVITY_LOGIN},
	{"simultaneous-logins-exceeded", "policy", WEIGHT_OUTAGE, ACTIVITY_LOGIN, true},
	{"tls-version-unsupported", "tls", WEIGHT_OUTAGE, ACTIVITY_LOGIN, .protocol = "tls"},
	{"tunnel-protocol-disabled", "policy", WEIGHT_OUTAGE, ACTIVITY_LOGIN, true},
	{"username-mapping-failed", "authentication", WEIGHT_OUTAGE, ACTIVITY_LOGIN},
	// of phones with a tunnel
	{"dtls-blocked", "network", WEIGHT_DEGRADED, ACTIVITY_TUNNEL, .protocol = "dtls"},
	{"mtu-too-big", "network", WEIGHT_DEGRADED, ACTIVITY_TUNNEL},
	{"tftp-unreachable", "network", WEIGHT_OUTAGE, ACTIVITY_TUNNEL},
	{"tunnel-flapping", "network", WEIGHT_OUTAGE, ACTIVITY_TUNNEL},
	{"tvs-unreachable", "network", WEIGHT_DEGRADED, ACTIVITY_TUNNEL},
	{"vpn-filter-blocked", "policy", WEIGHT_OUTAGE, ACTIVITY_TUNNEL, true},
	// of gateways
	{"aaa-server-down", "authentication", WEIGHT_OUTAGE, ACTIVITY_GATEWAY},
	{"asa-cert-expired", "certificate", WEIGHT_OUTAGE, ACTIVITY_GATEWAY},
	{"asa-cert-expiring", "certificate", WEIGHT_WARNING, ACTIVITY_GATEWAY},
	{"gateway-clock-wrong", "configuration", WEIGHT_OUTAGE, ACTIVITY_GATEWAY},
	{"handshake-storm", "network", WEIGHT_DEGRADED, ACTIVITY_GATEWAY},
	{"logging-blocks-traffic", "configuration", WEIGHT_OUTAGE, ACTIVITY_GATEWAY},
	{"reboot-pending", "configuration", WEIGHT_OUTAGE, ACTIVITY_GATEWAY},
	{"revocation-check-failed", "certificate", WEIGHT_DEGRADED, ACTIVITY_GATEWAY},
};
// clang-format on

static const enum severity judgement[WEIGHT_MAX][CONFIDENCE_CONFIRMED + 1] = {
	[WEIGHT_WARNING] = {SEVERITY_INFO, SEVERITY_INFO, SEVERITY_INFO, SEVERITY_INFO},
	[WEIGHT_DEGRADED] = {SEVERITY_INFO, SEVERITY_INFO, SEVERITY_LOW, SEVERITY_MEDIUM},
	[WEIGHT_OUTAGE] = {SEVERITY_INFO, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH},
	[WEIGHT_OUTAGE_OF_ALL] = {SEVERITY_INFO, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL},
};

static bool is_of_gateway(const char *scope)
{
	return scope && strcmp(scope, scope_names[SCOPE_GATEWAY]) == 0;
}

const struct classification *classification_of(const char *diagnosis, const char *scope)
{
	static const struct classification of_phone = {NULL, NULL, WEIGHT_OUTAGE, ACTIVITY_LOGIN},
					   of_gateway = {
						   NULL, NULL, WEIGHT_OUTAGE, ACTIVITY_GATEWAY};
	for (size_t i = 0; diagnosis && i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].diagnosis, diagnosis) == 0)
			return &table[i];
	}
	return is_of_gateway(scope) ? &of_gateway : &of_phone;
}

enum severity classification_severity(
	const struct classification *classification, const char *scope, const char *confidence)
{
	unsigned weight = classification->weight, sure = CONFIDENCE_CONFIRMED;
	if (weight == WEIGHT_OUTAGE && is_of_gateway(scope))
		weight = WEIGHT_OUTAGE_OF_ALL;
	while (sure > CONFIDENCE_NONE &&
		(confidence == NULL || strcmp(confidence_names[sure], confidence) != 0))
		sure--;
	return judgement[weight][sure];
}
