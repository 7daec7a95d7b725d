// SPDX-License-Identifier: BSD-3-Clause
#include "format_write.h"

const struct format formats[] = {
	{"ecs", format_ecs},
};
const size_t n_formats = sizeof(formats) / sizeof(formats[0]);
