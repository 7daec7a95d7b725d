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

void answer_error(struct buffer *out, const char *format, ...)
{
	char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int len = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (len < 0) {
		out->failed = true;
		return;
	}
	buffer_add_text(out, "{\"ok\":false,\"error\":");
	buffer_add_json(out, json_text((struct slice){text, (uint32_t)len}));
	buffer_add_text(out, "}\n");
	free(text);
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
