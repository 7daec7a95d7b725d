// SPDX-License-Identifier: BSD-3-Clause
#include "random.h"

// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (SplitMix64).
uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ull;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

struct random random_of(uint64_t seed, enum actor_kind kind, uint64_t number)
{
	struct random random = {.state = seed};
	random.state = random_next(&random) ^ (uint64_t)kind << 56 ^ number;
	random.state = random_next(&random);
	return random;
}

uint32_t random_below(struct random *random, uint32_t n)
{
	return (uint32_t)((random_next(random) >> 32) * n >> 32);
}

uint32_t random_between(struct random *random, uint32_t low, uint32_t high)
{
	return low + random_below(random, high - low + 1);
}

bool random_chance(struct random *random, double share)
{
	return (double)(random_next(random) >> 11) * 0x1p-53 < share;
}
