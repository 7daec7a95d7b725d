// SPDX-License-Identifier: BSD-3-Clause
// accepted_record: what phones of a gateway have accepted (dataplane/accepted.h), by the names that
// outlive a restart:
//
//   [{"event":"phone-leaf-hash","field":"hash","value":"E57E..","first":"2026-..","last":"2026-.."}]
//
// Control thread alone.
#pragma once

#include <jansson.h>

#include "../dataplane/worker.h"

// A new list, the latest first; empty: nothing is known.
json_t *accepted_record_make(
	const struct gateway_table *table, uint16_t gateway, const struct vocabulary *vocabulary);

// Before the workers run. What is not understood, or of a time to come, is left out.
void accepted_record_restore(
	struct workers *workers, uint16_t gateway, const json_t *list, uint64_t now_ms);
