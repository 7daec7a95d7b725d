// SPDX-License-Identifier: BSD-3-Clause
// site: where a gateway stands, as the config's `sites:` says: names of gateways, or globs of them,
// and the site of each; the first that fits counts.
//
// Read with the config, read-only then.
#pragma once

#include <stddef.h>

#define SITES_MAX 4096

struct sites {
	struct site {
		const char *gateway; // a glob, any case
		const char *site;
	} * sites;
	size_t n;
};

// NULL: none is known. sites: NULL for none.
const char *sites_find(const struct sites *sites, const char *gateway);
