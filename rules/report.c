// SPDX-License-Identifier: BSD-3-Clause
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void report_add_list(struct report *report, const char *file, int line, int column,
	const char *format, va_list arguments)
{
	if (report->n++ >= REPORT_LINES_MAX)
		return;
	char *reason = NULL, *text = NULL;
	if (vasprintf(&reason, format, arguments) < 0)
		return;
	// A reason may quote the file, and the file may hold anything: keep it to one plain line.
	for (char *c = reason; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
	int len = line > 0 ? asprintf(&text, "%s:%d:%d: %s\n", file, line, column, reason)
			   : asprintf(&text, "%s: %s\n", file, reason);
	free(reason);
	if (len < 0)
		return;
	char *grown = realloc(report->text, report->len + (size_t)len + 1);
	if (grown) {
		memcpy(grown + report->len, text, (size_t)len + 1);
		report->text = grown;
		report->len += (size_t)len;
	}
	free(text);
}

void report_add(
	struct report *report, const char *file, int line, int column, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	report_add_list(report, file, line, column, format, arguments);
	va_end(arguments);
}

void report_fini(struct report *report)
{
	free(report->text);
	*report = (struct report){0};
}
