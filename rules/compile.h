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

#define MESSAGE_NONE UINT16_MAX
#define ASA_ID_WORDS (ASA_ID_MAX / 64)

struct ruleset {
	struct rulepack *pack;	     // owned
	hs_database_t *databases[2]; // by enum rule_source; NULL: no rules of that source
	// ASA ids that some rule has, as bits; how many of them stand in the words before: so each
	// has a number; and by that number the index of its only rule, or MESSAGE_NONE.
	uint64_t wanted[ASA_ID_WORDS];
	uint16_t n_before[ASA_ID_WORDS];
	uint16_t sole[RULES_MESSAGES_MAX];
	bool scans_for_open; // a rule that is scanned for holds only while something is open
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

// Of the library that matches: "5.4.0 2022-11-02".
const char *ruleset_engine_version(void);

static inline bool ruleset_wants(const struct ruleset *ruleset, uint32_t asa_id)
{
	return ruleset->wanted[asa_id / 64] >> (asa_id % 64) & 1;
}

// A wanted id's number among them.
static inline unsigned ruleset_number(const struct ruleset *ruleset, uint32_t asa_id)
{
	uint64_t below = ruleset->wanted[asa_id / 64] & ((1ull << (asa_id % 64)) - 1);
	return ruleset->n_before[asa_id / 64] + (unsigned)__builtin_popcountll(below);
}

// The rule of a wanted id where it is the only one and has texts, no pattern: then its field
// program alone decides, for the pattern made of a text finds whatever the text fits. NULL:
// Hyperscan has to find the candidates.
static inline const struct message_rule *ruleset_sole(
	const struct ruleset *ruleset, uint32_t asa_id)
{
	uint16_t index = ruleset->sole[ruleset_number(ruleset, asa_id)];
	return index == MESSAGE_NONE ? NULL : &ruleset->pack->messages[index];
}
