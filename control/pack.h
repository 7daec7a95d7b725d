// SPDX-License-Identifier: BSD-3-Clause
// pack: a directory of rules, loaded, checked by its own examples and compiled. Start-up, reload,
// `rules check`, `rules test` and `replay` all come through here.
#pragma once

#include "../dataplane/policy.h"
#include "../rules/compile.h"

// Load, check and compile. An example of a message that does not match, or gives other fields, is
// an error of the file. NULL: the report says what is wrong, and the vocabulary is as before.
struct ruleset *pack_load(const char *dir, const char *cache_dir, struct vocabulary *vocabulary,
	struct report *report);

// Run every example, of messages, diagnoses and alerts; the report has the failures.
void pack_test(
	struct ruleset *ruleset, unsigned *n_passed, unsigned *n_failed, struct report *report);

// Where the shipped rules are: beside an installed program, or in the source it was built from.
const char *pack_default_dir(void);

// Where compiled databases are kept for this user; NULL: nowhere.
const char *pack_cache_dir(void);
