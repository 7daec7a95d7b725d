// SPDX-License-Identifier: BSD-3-Clause
#include "answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "text.h"

void answer_data(struct buffer *out, json_t *data)
{
	buffer_add_text(out, "{\"ok\":true,\"data\":");
	buffer_add_json(out, data);
	buffer_add_text(out, "}\n");
}

static void add_error(struct buffer *out, const char *end, const char *format, va_list arguments)
{
	char *text = NULL;
	int len = vasprintf(&text, format, arguments);
	if (len < 0) {
		out->failed = true;
		return;
	}
	buffer_add_text(out, "{\"ok\":false,\"error\":");
	buffer_add_json(out, json_text((struct slice){text, (uint32_t)len}));
	buffer_add_text(out, end);
	free(text);
}

void answer_error(struct buffer *out, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	add_error(out, "}\n", format, arguments);
	va_end(arguments);
}

void answer_usage(struct buffer *out, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	add_error(out, ",\"usage\":true}\n", format, arguments);
	va_end(arguments);
}

static void list_begin(struct answer_list *list, struct buffer *out)
{
	if (!list->begun)
		buffer_add_text(out, "{\"ok\":true,\"data\":[");
	list->begun = true;
}

void answer_list_item(struct answer_list *list, struct buffer *out, json_t *item)
{
	list_begin(list, out);
	if (list->any)
		buffer_add_text(out, ",");
	list->any = true;
	buffer_add_json(out, item);
}

void answer_list_end(struct answer_list *list, struct buffer *out)
{
	list_begin(list, out);
	buffer_add_text(out, "]}\n");
}

void answer_fini(struct answer *answer)
{
	if (answer->end)
		answer->end(answer);
	answer->step = NULL;
	answer->end = NULL;
	answer->state = NULL;
	answer->endless = false;
}
