// SPDX-License-Identifier: BSD-3-Clause
// cache: compiled Hyperscan databases on disk. A file's name is the hash of all that a database
// depends on (expressions, flags, Hyperscan's version, CPU), its content carries a checksum, and
// only a file of our own user that nobody else can write is read. The CACHE_FILES_MAX that were
// used last are kept.
#pragma once

#include <hs.h>

#include "slice.h"

#define CACHE_FILES_MAX 16 // a pack has two

struct cache_key {
	unsigned long long low, high;
};

// expressions  every pattern with its flags and id, as text
struct cache_key cache_key_of(struct slice expressions);

// NULL: none, or not to be trusted.
hs_database_t *cache_load(const char *dir, struct cache_key key);

// Creates the directory if need be, and makes room in it. Failure to write is silent: the next
// start compiles again.
void cache_store(const char *dir, struct cache_key key, const hs_database_t *database);
