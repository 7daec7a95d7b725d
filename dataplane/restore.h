// SPDX-License-Identifier: BSD-3-Clause
// restore: builds the workers' tables as they were before a restart, from what was kept: phones
// with their addresses and names, and the diagnoses that were open, with their evidence.
//
// Before workers_start(), by one thread. What is restored is built by the functions of the live
// path, so that its invariants hold, but counts as no line, evicts nobody, and is told to nobody
// anew: each diagnosis keeps its sequence, and is acknowledged. What was kept of different moments
// can show together what none of it shows alone (a phone whose tunnel came up after it had failed):
// a diagnosis that is not what was told of it any more is left to be told.
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

struct known_line {
	uint64_t time_ms;
	enum message_source source;
	struct slice code, text;
};

struct known_detail {
	const char *name;
	struct slice text; // of a list: its words, divided by a colon
};

// A diagnosis as it was told last. What is in the slices stays the caller's.
struct known_diagnosis {
	struct known_phone who; // of a gateway: its name alone
	uint64_t id, first_ms, last_ms;
	uint64_t recovered_ms; // 0: it is open
	uint16_t number;       // in the vocabulary
	uint32_t sequence, count;
	enum scope scope;
	enum confidence confidence;
	bool is_phone, is_ambiguous;
	unsigned n_devices, n_lines, n_details;
	struct device devices[DIAGNOSIS_DEVICES_MAX];
	struct known_line lines[EVIDENCE_LINES_MAX];
	struct known_detail details[RULES_DETAILS_MAX];
	char cause[DIAGNOSIS_CAUSE_MAX];
};

// A diagnosis as the last daemon told it.
struct restore_told {
	uint64_t id;
	uint32_t sequence;
	bool is_open;
};

struct restore {
	struct workers *workers;
	uint64_t now_ms;
	// What came of it.
	unsigned n_phones, n_diagnoses;
	unsigned n_full;	  // for which the tables have no room
	unsigned n_refused;	  // that are none, or stand twice
	unsigned n_lines_unknown; // of evidence, that no rule knows any more
	unsigned unsettled;
	struct restore_told *told; // of each that is restored, n_diagnoses of them
	size_t n_told_max;
	struct event *events;	   // of one diagnosis
	struct counters *counters; // of each worker, as they were before
};

// false: out of memory.
bool restore_begin(struct restore *restore, struct workers *workers, uint64_t now_ms);
void restore_end(struct restore *restore);

// Number of the gateway, new if need be; GATEWAY_NONE: there is no room. last_ms: when it was
// heard.
uint16_t restore_gateway(struct restore *restore, const char *name, uint64_t last_ms);

void restore_phone(struct restore *restore, const struct known_phone *phone);

// Who a diagnosis is of, where no phone has told it; for all of them before the first is restored:
// who is learnt of later changes what others are told of.
void restore_subject(struct restore *restore, const struct known_diagnosis *diagnosis);
// false: it was open, and is not restored.
bool restore_diagnosis(struct restore *restore, const struct known_diagnosis *diagnosis);
