// SPDX-License-Identifier: BSD-3-Clause
#include "buffer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "json_line.h"

#define SIZE_MIN 4096

void buffer_fini(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){0};
}

static bool make_room(struct buffer *b, size_t len)
{
	if (b->from + b->len + len <= b->size)
		return true;
	if (b->from) {
		memmove(b->data, b->data + b->from, b->len);
		b->from = 0;
	}
	size_t size = b->size ? b->size : SIZE_MIN;
	while (size < b->len + len)
		size *= 2;
	char *grown = size > b->size ? realloc(b->data, size) : b->data;
	if (grown == NULL) {
		b->failed = true;
		return false;
	}
	b->data = grown;
	b->size = size;
	return true;
}

void buffer_add(struct buffer *b, const char *data, size_t len)
{
	if (len == 0 || !make_room(b, len))
		return;
	memcpy(b->data + b->from + b->len, data, len);
	b->len += len;
}

void buffer_add_text(struct buffer *b, const char *text)
{
	buffer_add(b, text, strlen(text));
}

void buffer_add_json(struct buffer *b, json_t *value)
{
	size_t len = 0;
	char *text = value ? json_line(value, &len) : NULL;
	json_decref(value);
	if (text == NULL) {
		b->failed = true;
		return;
	}
	buffer_add(b, text, len);
	free(text);
}

void buffer_take(struct buffer *b, size_t n)
{
	assert(n <= b->len);
	b->from += n;
	b->len -= n;
	if (b->len == 0) {
		bool failed = b->failed;
		buffer_fini(b);
		b->failed = failed;
	}
}
