// SPDX-License-Identifier: BSD-3-Clause
// The one table of what an outlet can be.
#include "outlet.h"

extern const struct outlet_kind outlet_file, outlet_syslog;

const struct outlet_kind *const outlet_kinds[] = {
	&outlet_file,
	&outlet_syslog,
	NULL,
};
