// SPDX-License-Identifier: BSD-3-Clause
// report: what is wrong with a file that an operator wrote, one `file:line:column: reason` a line.
// Whatever a line quotes, it stays one line of printable UTF-8 of bounded length.
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "slice.h"

#define REPORT_LINES_MAX 100   // more are counted, not kept
#define REPORT_REASON_MAX 1024 // bytes
#define QUOTE_MAX 64	       // bytes of a foreign text that an error shows

struct report {
	// Lines, each ended by a line feed; NULL while there are none. The last one counts those
	// that were not kept: "3 more errors".
	char *text;
	size_t len;	 // without that last one
	unsigned n;	 // lines that were kept
	unsigned n_more; // that were not
};

// A place in a file.
struct rule_place {
	const char *file;
	int line, column; // from 1 on; 0: the file as a whole
};

__attribute__((format(printf, 5, 6))) void report_add(
	struct report *report, const char *file, int line, int column, const char *format, ...);
__attribute__((format(printf, 3, 4))) void report_at(
	struct report *report, const struct rule_place *place, const char *format, ...);
void report_add_list(struct report *report, const char *file, int line, int column,
	const char *format, va_list arguments);
void report_fini(struct report *report);

// A foreign text for a reason: whole characters, "..." where it is cut, '?' for what cannot be
// printed. out: QUOTE_MAX + 4 bytes; QUOTE() has some of its own until the end of its block.
const char *quote(struct slice text, char *out);
#define QUOTE(text) quote((text), (char[QUOTE_MAX + 4]){0})
