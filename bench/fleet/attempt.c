// SPDX-License-Identifier: BSD-3-Clause
#include "attempts.h"

const struct failure_kind failure_kinds[N_FAILURES] = {
	[FAILURE_PHONE_LICENSE_MISSING] = {.by_asa = true, .pcs = true, .alone = "confirmed"},
	[FAILURE_SESSION_LIMIT_REACHED] = {.by_asa = true, .pcs = true, .alone = "confirmed"},
	[FAILURE_CERT_HASH_MISMATCH] = {.by_asa = true,
		.by_phone = true,
		.debugging = true,
		.pcs = true,
		.nameless = true,
		.alone = "probable",
		.both = "confirmed"},
	[FAILURE_ECDSA_CERT_PRESENTED] = {.by_asa = true,
		.by_phone = true,
		.debugging = true,
		.modern = true,
		.nameless = true,
		.alone = "probable",
		.both = "confirmed"},
	[FAILURE_NO_SHARED_CIPHER] = {.by_asa = true,
		.debugging = true,
		.pcs = true,
		.nameless = true,
		.alone = "confirmed"},
	[FAILURE_AUTH_REJECTED] = {.by_asa = true,
		.typed = true,
		.pcs = true,
		.alone = "confirmed"},
	[FAILURE_LOAD_BALANCING_REDIRECT] = {.by_phone = true,
		.nameless = true,
		.alone = "confirmed"},
	[FAILURE_CSD_ENABLED] = {.by_asa = true, .pcs = true, .alone = "confirmed"},
	[FAILURE_DAP_TERMINATED] = {.by_asa = true, .pcs = true, .alone = "confirmed"},
	[FAILURE_GROUP_LOCK] = {.by_asa = true, .pcs = true, .alone = "confirmed"},
	[FAILURE_TUNNEL_PROTOCOL_DISABLED] = {.by_asa = true, .pcs = true, .alone = "confirmed"},
	[FAILURE_SIMULTANEOUS_LOGINS_EXCEEDED] = {.by_asa = true,
		.pcs = true,
		.alone = "confirmed"},
	[FAILURE_VPN_FILTER_BLOCKED] = {.by_asa = true,
		.tunnel_up = true,
		.pcs = true,
		.alone = "confirmed"},
	[FAILURE_CLIENT_CERT_CA_MISSING] = {.by_asa = true,
		.certificate = true,
		.pcs = true,
		.alone = "confirmed"},
	[FAILURE_CLIENT_CERT_MISSING] = {.by_asa = true,
		.debugging = true,
		.certificate = true,
		.pcs = true,
		.nameless = true,
		.alone = "confirmed"},
	[FAILURE_CLIENT_CERT_REJECTED] = {.by_asa = true,
		.certificate = true,
		.pcs = true,
		.alone = "confirmed"},
	[FAILURE_HOST_ID_MISMATCH] = {.by_phone = true, .nameless = true, .alone = "confirmed"},
	[FAILURE_TFTP_UNREACHABLE] = {.by_phone = true, .tunnel_up = true, .alone = "confirmed"},
	[FAILURE_DTLS_BLOCKED] = {.by_asa = true,
		.by_phone = true,
		.tunnel_up = true,
		.pcs = true,
		.alone = "confirmed",
		.both = "confirmed"},
	[FAILURE_TLS_VERSION_UNSUPPORTED] = {.by_asa = true,
		.debugging = true,
		.old = true,
		.pcs = true,
		.nameless = true,
		.alone = "probable"},
	[FAILURE_ADDRESS_POOL_EMPTY] = {.by_asa = true, .pcs = true, .alone = "confirmed"},
	[FAILURE_ANYCONNECT_DISABLED] = {.by_asa = true, .pcs = true, .alone = "confirmed"},
	[FAILURE_CLIENT_SHUNNED] = {.by_asa = true,
		.pcs = true,
		.nameless = true,
		.alone = "confirmed"},
	[FAILURE_USERNAME_MAPPING_FAILED] = {.by_asa = true,
		.certificate = true,
		.nameless = true,
		.alone = "confirmed"},
	[FAILURE_TUNNEL_FLAPPING] = {.by_asa = true,
		.tunnel_up = true,
		.pcs = true,
		.alone = "confirmed"},
	[FAILURE_MTU_TOO_BIG] = {.by_asa = true,
		.tunnel_up = true,
		.pcs = true,
		.alone = "probable"},
	[FAILURE_TVS_UNREACHABLE] = {.by_phone = true, .tunnel_up = true, .alone = "probable"},
	[FAILURE_ACCESS_DENIED] = {.by_asa = true,
		.pcs = true,
		.nameless = true,
		.alone = "confirmed"},
};

unsigned variant_of(const struct client *client, unsigned n)
{
	return client->variant % n;
}

// "Group <..> User <..> IP <..> " of the group policy
const char *attempt_whom(const struct script *s)
{
	static char text[200];
	snprintf(text, sizeof(text), "Group <%s> User <%s> IP <%s>", s->client->policy,
		s->client->user, s->client->address);
	return text;
}

static void nothing(struct script *s)
{
	script_told(s);
}

void attempt(struct script *s, enum failure failure)
{
	static void (*const attempts[N_FAILURES])(struct script *) = {
		[FAILURE_PHONE_LICENSE_MISSING] = attempt_license_missing,
		[FAILURE_SESSION_LIMIT_REACHED] = attempt_session_limit,
		[FAILURE_CERT_HASH_MISMATCH] = attempt_hash_mismatch,
		[FAILURE_ECDSA_CERT_PRESENTED] = attempt_ecdsa,
		[FAILURE_NO_SHARED_CIPHER] = attempt_no_cipher,
		[FAILURE_AUTH_REJECTED] = attempt_auth_rejected,
		[FAILURE_LOAD_BALANCING_REDIRECT] = attempt_redirect,
		[FAILURE_CSD_ENABLED] = attempt_csd,
		[FAILURE_DAP_TERMINATED] = attempt_dap,
		[FAILURE_GROUP_LOCK] = attempt_group_lock,
		[FAILURE_TUNNEL_PROTOCOL_DISABLED] = attempt_protocol_disabled,
		[FAILURE_SIMULTANEOUS_LOGINS_EXCEEDED] = attempt_too_many_logins,
		[FAILURE_VPN_FILTER_BLOCKED] = attempt_filter,
		[FAILURE_CLIENT_CERT_CA_MISSING] = attempt_ca_missing,
		[FAILURE_CLIENT_CERT_MISSING] = attempt_certificate_missing,
		[FAILURE_CLIENT_CERT_REJECTED] = attempt_certificate_refused,
		[FAILURE_HOST_ID_MISMATCH] = attempt_host_id,
		[FAILURE_TFTP_UNREACHABLE] = nothing,
		[FAILURE_DTLS_BLOCKED] = attempt_no_dtls,
		[FAILURE_TLS_VERSION_UNSUPPORTED] = attempt_version_unsupported,
		[FAILURE_ADDRESS_POOL_EMPTY] = attempt_pool_empty,
		[FAILURE_ANYCONNECT_DISABLED] = attempt_anyconnect_off,
		[FAILURE_CLIENT_SHUNNED] = attempt_shunned,
		[FAILURE_USERNAME_MAPPING_FAILED] = attempt_mapping_failed,
		[FAILURE_TUNNEL_FLAPPING] = attempt_flapping,
		[FAILURE_MTU_TOO_BIG] = attempt_large_packets,
		[FAILURE_TVS_UNREACHABLE] = nothing,
		[FAILURE_ACCESS_DENIED] = attempt_denied,
	};
	attempts[failure](s);
}
