// SPDX-License-Identifier: BSD-3-Clause
#include "record.h"

#include <stdlib.h>
#include <string.h>

struct record *record_create(enum record_kind kind, uint64_t number, uint64_t made_ms,
	const char *key, const char *text, size_t text_len)
{
	size_t key_len = strlen(key);
	struct record *record = malloc(sizeof(*record) + key_len + 1 + text_len + 1);
	if (record == NULL)
		return NULL;
	atomic_init(&record->references, 1);
	record->kind = kind;
	record->is_open = false;
	record->number = number;
	record->made_ms = made_ms;
	record->key_len = (uint32_t)key_len;
	record->text_len = (uint32_t)text_len;
	memcpy(record->bytes, key, key_len + 1);
	memcpy(record->bytes + key_len + 1, text, text_len);
	record->bytes[key_len + 1 + text_len] = '\0';
	return record;
}

struct record *record_share(struct record *record)
{
	atomic_fetch_add_explicit(&record->references, 1, memory_order_relaxed);
	return record;
}

void record_release(struct record *record)
{
	if (record && atomic_fetch_sub_explicit(&record->references, 1, memory_order_acq_rel) == 1)
		free(record);
}

json_t *record_json(const struct record *record)
{
	return json_loadb(record_text(record), record->text_len, JSON_ALLOW_NUL, NULL);
}
