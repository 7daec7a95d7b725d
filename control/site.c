// SPDX-License-Identifier: BSD-3-Clause
#include "site.h"

#include "../rules/condition.h"

const char *sites_find(const struct sites *sites, const char *gateway)
{
	for (size_t i = 0; sites && gateway && i < sites->n; i++) {
		if (glob_matches(sites->sites[i].gateway, slice_of(gateway)))
			return sites->sites[i].site;
	}
	return NULL;
}
