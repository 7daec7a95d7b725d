// SPDX-License-Identifier: BSD-3-Clause
// phone_key: what an operator may call a phone by: client address, tunnel address, SEP name or MAC
// address in any spelling, user.
#pragma once

#include "../dataplane/diagnosis.h"

struct phone_key {
	struct address address; // none: the key is none
	struct device device;	// none: the key is none
	const char *user;	// the key as it stands
};

// `text` must outlive the key.
struct phone_key phone_key_parse(const char *text);

bool phone_key_is_client(const struct phone_key *key, const struct address *client);

// Tunnel address, device or user.
bool phone_key_is_identity(const struct phone_key *key, const struct identity *identity);

bool phone_key_is_diagnosis(const struct phone_key *key, const struct diagnosis *diagnosis);
