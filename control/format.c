// SPDX-License-Identifier: BSD-3-Clause
#include "format_field.h"

const struct format formats[FORMATS_MAX] = {
	[FORMAT_RFC5424] = {"rfc5424", format_rfc5424, true},
	[FORMAT_CEF] = {"cef", format_cef, false},
	[FORMAT_LEEF] = {"leef", format_leef, false},
	[FORMAT_ECS] = {"ecs", format_ecs, false},
};
