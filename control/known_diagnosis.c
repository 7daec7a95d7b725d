// SPDX-License-Identifier: BSD-3-Clause
#include "known_diagnosis.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diagnosis_json.h"
#include "phone_record.h"
#include "text.h"

static struct slice text_of(const json_t *value)
{
	const char *text = json_string_value(value);
	return text ? (struct slice){text, (uint32_t)json_string_length(value)}
		    : (struct slice){"", 0};
}

// Place among names; n: none of them.
static unsigned place_of(struct slice text, const char *const *names, unsigned n)
{
	unsigned i = 0;
	while (i < n && !slice_equals_text(text, names[i]))
		i++;
	return i;
}

static bool read_id(const json_t *object, uint64_t *id)
{
	struct slice text = text_of(json_object_get(object, "id"));
	for (uint32_t i = 0; i < text.len; i++) {
		if (!isxdigit((unsigned char)text.data[i]))
			return false;
	}
	*id = text.len == 16 ? strtoull(text.data, NULL, 16) : 0;
	return *id != 0;
}

static bool read_number(const json_t *object, const char *name, uint32_t *out)
{
	const json_t *value = json_object_get(object, name);
	json_int_t number = json_integer_value(value);
	*out = (uint32_t)number;
	return json_is_integer(value) && number > 0 && number < UINT32_MAX;
}

// Its name may be of a rule that is gone: whoever was told that it is open is told that it ends.
static bool read_name(struct known_diagnosis_reader *reader, const json_t *object, uint16_t *number)
{
	struct registry *registry = &reader->pack->vocabulary->diagnoses;
	struct slice name = text_of(json_object_get(object, "diagnosis"));
	*number = registry_find(registry, name);
	if (*number != NAME_NONE)
		return true;
	if (!name_is_slug(name) || reader->n_foreign == FOREIGN_NAMES_MAX)
		return false;
	reader->n_foreign++;
	*number = registry_add(registry, name);
	return *number != NAME_NONE;
}

static bool read_line(const json_t *line, struct known_line *out)
{
	unsigned source = place_of(
		text_of(json_object_get(line, "source")), source_names, MESSAGE_SOURCE_MAX);
	out->source = (enum message_source)source;
	out->code = text_of(json_object_get(line, "code"));
	out->text = text_of(json_object_get(line, "text"));
	return source < MESSAGE_SOURCE_MAX &&
	       json_time_read(json_object_get(line, "time"), &out->time_ms);
}

static bool read_lines(const json_t *object, struct known_diagnosis *out)
{
	const json_t *lines = json_object_get(object, "evidence");
	size_t n = json_array_size(lines);
	if (!json_is_array(lines) || n > EVIDENCE_LINES_MAX)
		return false;
	while (out->n_lines < n &&
		read_line(json_array_get(lines, out->n_lines), &out->lines[out->n_lines]))
		out->n_lines++;
	return out->n_lines == n;
}

static bool read_devices(const json_t *details, struct known_diagnosis *out)
{
	const json_t *devices = json_object_get(details, "devices");
	size_t n = json_array_size(devices);
	if (n > DIAGNOSIS_DEVICES_MAX)
		return false;
	for (; out->n_devices < n; out->n_devices++) {
		if (!device_find(text_of(json_array_get(devices, out->n_devices)),
			    &out->devices[out->n_devices]))
			return false;
	}
	return true;
}

// Words as a line has them, one after the other.
static struct slice join(const json_t *list, char *out, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct slice word = text_of(json_array_get(list, i));
		if (n + 1 + word.len > size)
			break;
		if (n)
			out[n++] = ':';
		n += slice_put(word, out + n);
	}
	return (struct slice){out, (uint32_t)n};
}

static struct slice read_detail(const json_t *value, char *out, size_t size)
{
	if (json_is_array(value))
		return join(value, out, size);
	if (!json_is_integer(value))
		return text_of(value);
	snprintf(out, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return slice_of(out);
}

static void read_details(
	struct known_diagnosis_reader *reader, const json_t *details, struct known_diagnosis *out)
{
	const struct diagnosis_rule *rule =
		rulepack_diagnosis(reader->pack, out->scope, out->number);
	for (unsigned i = 0; rule && i < rule->n_details; i++) {
		const char *name = rule->details[i].name;
		struct slice text = read_detail(
			json_object_get(details, name), reader->text[i], sizeof(reader->text[i]));
		if (text.len)
			out->details[out->n_details++] = (struct known_detail){name, text};
	}
}

// Open, or recovered at a time.
static enum known_diagnosis_outcome read_state(const json_t *object, struct known_diagnosis *out)
{
	struct slice state = text_of(json_object_get(object, "state"));
	if (slice_equals_text(state, diagnosis_state_names[DIAGNOSIS_OPEN]))
		return KNOWN_READ;
	if (slice_equals_text(state, diagnosis_state_names[DIAGNOSIS_EXPIRED]))
		return KNOWN_CLOSED;
	bool recovered =
		slice_equals_text(state, diagnosis_state_names[DIAGNOSIS_RECOVERED]) &&
		json_time_read(json_object_get(object, "recovered_at"), &out->recovered_ms) &&
		out->recovered_ms;
	return recovered ? KNOWN_READ : KNOWN_REFUSED;
}

enum known_diagnosis_outcome known_diagnosis_read(
	struct known_diagnosis_reader *reader, const json_t *object, struct known_diagnosis *out)
{
	const json_t *details = json_object_get(object, "details");
	*out = (struct known_diagnosis){0};
	enum known_diagnosis_outcome state = read_state(object, out);
	if (state != KNOWN_READ)
		return state;
	unsigned scope =
		place_of(text_of(json_object_get(object, "scope")), scope_names, SCOPE_MAX);
	unsigned confidence = place_of(text_of(json_object_get(object, "confidence")),
		confidence_names, CONFIDENCE_CONFIRMED + 1);
	bool ok = scope < SCOPE_MAX && confidence > CONFIDENCE_NONE &&
		  confidence <= CONFIDENCE_CONFIRMED && known_phone_read(object, &out->who) &&
		  (scope == SCOPE_GATEWAY || out->who.key.kind != KEY_NONE) &&
		  read_id(object, &out->id) && read_number(object, "sequence", &out->sequence) &&
		  read_number(object, "count", &out->count) && read_lines(object, out) &&
		  read_devices(details, out) && read_name(reader, object, &out->number);
	if (!ok)
		return KNOWN_REFUSED;
	out->scope = (enum scope)scope;
	out->confidence = (enum confidence)confidence;
	out->first_ms = out->who.first_ms;
	out->last_ms = out->who.last_ms;
	out->is_phone = json_is_true(json_object_get(object, "is_phone"));
	out->is_ambiguous = json_is_true(json_object_get(object, "ambiguous"));
	if (out->is_phone)
		out->who.flags = IDENTITY_PHONE;
	if (out->who.gateway[0])
		out->who.flags |= IDENTITY_HAS_ASA;
	slice_copy(text_of(json_object_get(details, "cause")), out->cause, sizeof(out->cause));
	read_details(reader, details, out);
	return KNOWN_READ;
}
