// SPDX-License-Identifier: BSD-3-Clause
#include "report.h"

#include <stdio.h>
#include <stdlib.h>

#include "utf8.h"

// Bytes of the character at the start of the text; 0: it is none that can be printed.
static unsigned printable(struct slice text)
{
	unsigned n = utf8_length(text.data, text.len);
	unsigned char first = (unsigned char)text.data[0];
	if (n == 1)
		return first >= 0x20 && first != 0x7f;
	// U+0080 to U+009F are control characters too.
	return n == 2 && first == 0xc2 && (unsigned char)text.data[1] < 0xa0 ? 0 : n;
}

// What of the text goes into `max` bytes, printable; `out` may be the text itself. Returns what is
// left of it.
static struct slice clean(struct slice text, char *out, size_t max)
{
	size_t len = 0;
	while (text.len) {
		unsigned n = printable(text), taken = n ? n : utf8_length(text.data, text.len);
		if (len + (n ? n : 1) > max)
			break;
		memmove(out + len, n ? text.data : "?", n ? n : 1);
		len += n ? n : 1;
		text = slice_from(text, taken ? taken : 1);
	}
	out[len] = '\0';
	return text;
}

const char *quote(struct slice text, char *out)
{
	if (clean(text, out, QUOTE_MAX).len)
		strcat(out, "...");
	return out;
}

// Lines and what follows them.
static void append(struct report *report, const char *line, size_t len, bool keep)
{
	char *grown = realloc(report->text, report->len + len + 1);
	if (grown == NULL)
		return;
	memcpy(grown + report->len, line, len + 1);
	report->text = grown;
	report->len += keep ? len : 0;
}

static void count_more(struct report *report)
{
	char line[32];
	report->n_more++;
	int len = snprintf(line, sizeof(line), "%u more error%s\n", report->n_more,
		report->n_more == 1 ? "" : "s");
	append(report, line, (size_t)len, false);
}

void report_add_list(struct report *report, const char *file, int line, int column,
	const char *format, va_list arguments)
{
	char *reason = NULL, *name = strdup(file), *text = NULL;
	if (report->n == REPORT_LINES_MAX) {
		count_more(report);
	} else if (name && vasprintf(&reason, format, arguments) >= 0) {
		clean(slice_of(name), name, strlen(name));
		clean(slice_of(reason), reason, REPORT_REASON_MAX);
		int len = line > 0 ? asprintf(&text, "%s:%d:%d: %s\n", name, line, column, reason)
				   : asprintf(&text, "%s: %s\n", name, reason);
		if (len >= 0)
			append(report, text, (size_t)len, true);
		report->n++;
	}
	free(name);
	free(reason);
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

void report_at(struct report *report, const struct rule_place *place, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	report_add_list(report, place->file, place->line, place->column, format, arguments);
	va_end(arguments);
}

void report_fini(struct report *report)
{
	free(report->text);
	*report = (struct report){0};
}
