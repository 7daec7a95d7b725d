// SPDX-License-Identifier: BSD-3-Clause
// alert_examples: the examples of alerts, run: diagnoses and time through alerts of their own.
#pragma once

#include "../rules/rulepack.h"

// false: the report says what came of it.
bool alert_example_run(const struct rulepack *pack, const struct alert_rule *rule,
	const struct alert_example *example, struct report *report);
