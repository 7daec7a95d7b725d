// SPDX-License-Identifier: BSD-3-Clause
#include "syslog_header.h"

#include <stdio.h>
#include <time.h>

#include "format_field.h"
#include "text.h"

// RFC 5424 section 6
#define HOST_MAX 255
#define MSGID_MAX 32

static void add_number(struct buffer *out, const char *form, unsigned number)
{
	char text[32];
	snprintf(text, sizeof(text), form, number);
	buffer_add_text(out, text);
}

static void add_priority(
	const json_t *document, const struct format_context *context, struct buffer *out)
{
	add_number(out, "<%u>", context->facility * 8 + format_severity(document)->syslog);
}

// Printable ASCII without a blank, so many of it at most; "-" for nothing.
static void add_name(const char *text, size_t max, struct buffer *out)
{
	if (text == NULL || *text == '\0')
		text = "-";
	for (size_t i = 0; i < max && text[i]; i++)
		buffer_add(out, text[i] > ' ' && text[i] < 0x7f ? text + i : "_", 1);
	buffer_add_text(out, " ");
}

void syslog_header_5424(
	const json_t *document, const struct format_context *context, struct buffer *out)
{
	add_priority(document, context, out);
	buffer_add_text(out, "1 ");
	add_name(format_text(document, "@timestamp"), SIZE_MAX, out);
	add_name(context->host, HOST_MAX, out);
	buffer_add_text(out, SYSLOG_APP " ");
	add_number(out, "%u ", context->pid);
	add_name(format_text(document, "event.code"), MSGID_MAX, out);
}

void syslog_header_3164(
	const json_t *document, const struct format_context *context, struct buffer *out)
{
	static const char months[][4] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	uint64_t ms = 0;
	struct tm tm;
	char text[64];
	json_time_read(format_find(document, "@timestamp"), &ms);
	time_t seconds = (time_t)(ms / 1000);
	gmtime_r(&seconds, &tm);
	add_priority(document, context, out);
	snprintf(text, sizeof(text), "%s %2d %02d:%02d:%02d ", months[tm.tm_mon % 12], tm.tm_mday,
		tm.tm_hour, tm.tm_min, tm.tm_sec);
	buffer_add_text(out, text);
	add_name(context->host, HOST_MAX, out);
}
