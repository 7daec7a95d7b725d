// SPDX-License-Identifier: BSD-3-Clause
// report: what is wrong with a file that an operator wrote, one `file:line:column: reason` a line.
#pragma once

#include <stdarg.h>
#include <stddef.h>

#define REPORT_LINES_MAX 100 // more are counted, not kept

struct report {
	char *text; // lines, each ended by a line feed; NULL while there are none
	size_t len;
	unsigned n; // all that were added
};

__attribute__((format(printf, 5, 6))) void report_add(
	struct report *report, const char *file, int line, int column, const char *format, ...);
void report_add_list(struct report *report, const char *file, int line, int column,
	const char *format, va_list arguments);
void report_fini(struct report *report);
