// SPDX-License-Identifier: BSD-3-Clause
// restore: builds the workers' tables as the last daemon left them, from what was kept: phones with
// their addresses and names, and the diagnoses that were open, with their evidence.
#pragma once

#include "worker.h"

// A phone, or whoever a diagnosis is of.
struct known_phone {
	struct session_key key; // of its session: KEY_CLIENT, KEY_DEVICE
	struct address tunnel;
	struct device device;
	uint64_t first_ms, last_ms;	    // of its session
	uint64_t tunnel_up_ms, assigned_ms; // 0: never
	uint8_t flags;			    // IDENTITY_*
	char gateway[GATEWAY_NAME_MAX + 1];
	char model[EVENT_MODEL_MAX];
	char user[IDENTITY_USER_MAX];
	char tunnel_group[IDENTITY_GROUP_MAX];
	char group_policy[IDENTITY_GROUP_MAX];
};
