// SPDX-License-Identifier: BSD-3-Clause
#include "accepted_record.h"

#include <string.h>

#include "../dataplane/accepted.h"
#include "text.h"

json_t *accepted_record_make(
	const struct gateway_table *table, uint16_t gateway, const struct vocabulary *vocabulary)
{
	struct accepted_value values[ACCEPTED_OF_GATEWAY_MAX];
	unsigned n = accepted_read(table, gateway, values, ACCEPTED_OF_GATEWAY_MAX);
	json_t *list = json_array();
	for (unsigned i = 0; i < n; i++) {
		const struct accepted_value *value = &values[i];
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:o, s:o, s:o}", "event",
				registry_name(&vocabulary->events, value->event), "field",
				field_name(value->field), "value",
				json_text((struct slice){value->text, value->len}), "first",
				json_time(value->first_ms), "last", json_time(value->last_ms)));
	}
	return list;
}

static bool read_one(const struct vocabulary *vocabulary, const json_t *object, uint64_t now_ms,
	struct accepted_value *out)
{
	const char *event = json_text_of(object, "event"), *field = json_text_of(object, "field"),
		   *text = json_text_of(object, "value");
	if (event == NULL || field == NULL || text == NULL)
		return false;
	size_t len = strlen(text);
	*out = (struct accepted_value){.first_ms = json_time_of(object, "first"),
		.last_ms = json_time_of(object, "last"),
		.event = registry_find(&vocabulary->events, slice_of(event)),
		.field = field_find(slice_of(field)),
		.len = (uint8_t)len};
	if (len == 0 || len > ACCEPTED_BYTES_MAX || out->event == NAME_NONE ||
		out->field == FIELD_NONE || out->first_ms == 0 || out->first_ms > out->last_ms ||
		out->last_ms > now_ms)
		return false;
	memcpy(out->text, text, len);
	return true;
}

void accepted_record_restore(
	struct workers *workers, uint16_t gateway, const json_t *list, uint64_t now_ms)
{
	const json_t *one;
	size_t i;
	json_array_foreach((json_t *)list, i, one)
	{
		struct accepted_value value;
		// Of whichever worker: they are put together by whoever asks.
		if (gateway != GATEWAY_NONE &&
			read_one(workers->ruleset->pack->vocabulary, one, now_ms, &value))
			accepted_restore(&workers->worker[0]->sessions, gateway, &value);
	}
}
