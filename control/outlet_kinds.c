// SPDX-License-Identifier: BSD-3-Clause
// The one table of what an outlet can be.
#include "outlet.h"

const struct outlet_kind *const outlet_kinds[] = {
	NULL,
};
