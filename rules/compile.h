// SPDX-License-Identifier: BSD-3-Clause
// compile: a rulepack -> an immutable ruleset: the Hyperscan databases and the way from a match to
// its rule.
//
// Life: compiled on the control thread, published by one pointer, destroyed once every worker has
// passed a quiescent state. ASA rules are bound to their message id, so the database of ASA lines
// runs over the text after the id only, and lines whose id no rule wants need no scan at all; the
// one of phone lines looks anywhere in the line.
#pragma once

#include <hs.h>

#include "rulepack.h"

struct ruleset {
	struct rulepack *pack;		    // owned
	hs_database_t *databases[2];	    // by enum rule_source; NULL: no rules of that source
	uint8_t wanted[ASA_ID_MAX / 8 + 1]; // bitmap of ASA ids that some rule has
	bool from_cache;
	uint32_t generation; // set by who publishes it: what an older one has told, it told by
			     // other words
};

// Takes the pack, also when it fails. cache_dir: where compiled databases are kept, or NULL. A
// cache that is stale, damaged or not ours is rebuilt; one that cannot be written is no error.
// NULL: the report has the rule and Hyperscan's reason.
struct ruleset *ruleset_compile(
	struct rulepack *pack, const char *cache_dir, struct report *report);

void ruleset_destroy(struct ruleset *ruleset);

static inline bool ruleset_wants(const struct ruleset *ruleset, uint32_t asa_id)
{
	return ruleset->wanted[asa_id / 8] >> (asa_id % 8) & 1;
}
