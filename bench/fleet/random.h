// SPDX-License-Identifier: BSD-3-Clause
// random: the simulator's own dice. Each actor has some of its own, made from the seed, what it is
// and its number, so that nothing it does depends on the order in which others are asked.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

// What an actor is; part of its dice.
enum actor_kind {
	ACTOR_FLEET,
	ACTOR_GATEWAY,
	ACTOR_NOISE,
	ACTOR_PHONE,
	ACTOR_CONSOLE,
	ACTOR_OTHER
};

struct random random_of(uint64_t seed, enum actor_kind kind, uint64_t number);
uint64_t random_next(struct random *random);
// From 0 to n - 1; 0 where n is 0.
uint32_t random_below(struct random *random, uint32_t n);
// From `low` to `high`, both included.
uint32_t random_between(struct random *random, uint32_t low, uint32_t high);
bool random_chance(struct random *random, double share);
