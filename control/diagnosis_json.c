// SPDX-License-Identifier: BSD-3-Clause
#include "diagnosis_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "../dataplane/accepted.h"
#include "glyph.h"
#include "text.h"

const char *const source_names[] = {"asa", "phone", "other"};

json_t *line_json(const struct line *line)
{
	return json_pack("{s:o, s:s, s:o, s:o}", "time", json_time(line->time_ms), "source",
		source_names[line->source], "code", json_text(line_code(line)), "text",
		json_text(slice_first(line_text(line), line->line_len)));
}

// `first_seen` is that of the earliest evidence: what had to be but is no failure stands in a
// phone's time line only, unless there is nothing else to show.
static json_t *evidence_json(const struct diagnosis *d, const void *lines)
{
	json_t *list = json_array();
	const struct line *line;
	bool context = true;
	for (uint32_t at = 0; (line = evidence_line(lines, d->evidence.bytes, &at)) != NULL;)
		context &= (line->flags & LINE_CONTEXT) != 0;
	for (uint32_t at = 0; (line = evidence_line(lines, d->evidence.bytes, &at)) != NULL;) {
		if ((line->flags & LINE_CONTEXT) && !context)
			continue;
		// In the order of time; lines that were held came a little late.
		size_t place = json_array_size(list);
		json_t *one = line_json(line);
		const char *time = json_string_value(json_object_get(one, "time"));
		while (place > 0 && time &&
			strcmp(json_string_value(
				       json_object_get(json_array_get(list, place - 1), "time")),
				time) > 0)
			place--;
		json_array_insert_new(list, place, one);
	}
	return list;
}

// A run of blanks is one: releases differ in them.
static json_t *folded_text(struct slice text)
{
	char folded[EVENT_LINE_MAX];
	uint32_t n = 0;
	for (uint32_t i = 0; i < text.len && n < sizeof(folded); i++) {
		bool blank = text.data[i] == ' ' || text.data[i] == '\t';
		if (!blank || n == 0 || folded[n - 1] != ' ')
			folded[n++] = blank ? ' ' : text.data[i];
	}
	return json_text((struct slice){folded, n});
}

static json_t *value_json(struct slice value, uint8_t field)
{
	enum field_type type = field_type_of(field);
	if (type == TYPE_NUMBER || type == TYPE_PORT) {
		char copy[24];
		slice_copy(value, copy, sizeof(copy));
		return json_integer(strtoll(copy, NULL, 10));
	}
	if (type != TYPE_LIST)
		return folded_text(value);
	json_t *list = json_array();
	struct slice word;
	while (list_next(&value, &word))
		json_array_append_new(list, json_text(word));
	return list;
}

// The last line of evidence that has the field speaks.
static json_t *detail_json(
	const struct diagnosis *d, const void *lines, const struct diagnosis_detail *detail)
{
	json_t *found = NULL;
	const struct line *line;
	for (uint32_t at = 0; (line = evidence_line(lines, d->evidence.bytes, &at)) != NULL;) {
		struct slice value = line_value(line, detail->field);
		if (value.len == 0 || (detail->event != NAME_NONE && line->event != detail->event))
			continue;
		json_decref(found);
		found = value_json(value, detail->field);
	}
	return found;
}

// Digits of a hash are written in either case.
static bool is_same(const json_t *a, const json_t *b)
{
	const char *one = json_string_value(a), *other = json_string_value(b);
	return one && other ? strcasecmp(one, other) == 0 : json_equal(a, b);
}

#define EXPECTED_MAX 4				     // values that a diagnosis tells
#define EXPECTED_RECENT_MS (7ull * 24 * 3600 * 1000) // before the latest

// What phones of the gateway took that are well, where it is known what this one was shown, and
// that is something else: a list, the latest first; NULL: nothing is known. Of before the failure
// only, and what has long given way to another is expected no more.
static json_t *expected_json(const struct diagnosis *d, const void *lines,
	const struct diagnosis_detail *expected, const struct gateway_table *gateways)
{
	struct accepted_value values[ACCEPTED_OF_GATEWAY_MAX];
	json_t *shown = detail_json(d, lines, expected), *list = NULL;
	unsigned n =
		shown ? accepted_read(gateways, d->gateway, values, ACCEPTED_OF_GATEWAY_MAX) : 0;
	uint64_t latest_ms = 0;
	for (unsigned i = 0; i < n && json_array_size(list) < EXPECTED_MAX; i++) {
		const struct accepted_value *value = &values[i];
		if (value->event != expected->event || value->field != expected->field ||
			value->first_ms > d->last_ms)
			continue;
		if (latest_ms == 0)
			latest_ms = value->last_ms;
		if (value->last_ms + EXPECTED_RECENT_MS < latest_ms)
			break;
		json_t *one = value_json((struct slice){value->text, value->len}, value->field);
		if (is_same(one, shown)) {
			json_decref(one);
			continue;
		}
		list = list ? list : json_array();
		json_array_append_new(list, one);
	}
	json_decref(shown);
	return list;
}

static json_t *details_json(const struct diagnosis *d, const void *lines,
	const struct diagnosis_rule *rule, const struct gateway_table *gateways)
{
	json_t *details = json_object();
	for (unsigned i = 0; rule && i < rule->n_details; i++) {
		json_t *value = detail_json(d, lines, &rule->details[i]);
		if (value)
			json_object_set_new(details, rule->details[i].name, value);
	}
	for (unsigned i = 0; rule && i < rule->n_expected; i++) {
		json_t *value = expected_json(d, lines, &rule->expected[i], gateways);
		if (value)
			json_object_set_new(details, rule->expected[i].name, value);
	}
	if (d->cause[0])
		json_object_set_new(details, "cause", json_text(slice_of(d->cause)));
	if (d->n_devices) {
		json_t *devices = json_array();
		char text[DEVICE_TEXT_MAX];
		for (unsigned i = 0; i < d->n_devices; i++)
			json_array_append_new(
				devices, json_string(device_format(&d->devices[i], text)));
		json_object_set_new(details, "devices", devices);
	}
	return details;
}

// Whether a text can stand in a command that somebody will paste. Strangers type user names: "a |
// redirect URL" would send the answer away, "?" calls for help, and no control character is a
// name's.
static bool is_safe_to_type(const char *text)
{
	struct slice rest = slice_of(text), before = rest;
	struct glyph glyph;
	bool only_stars = true;
	for (; glyph_next(&rest, &glyph); before = rest) {
		bool as_it_is = glyph.len == before.len - rest.len; // spelled, it is longer
		if (!as_it_is || strchr("\"?|", glyph.text[0]))
			return false;
		only_stars = only_stars && glyph.text[0] == '*';
	}
	return !only_stars; // *****: the ASA hides it
}

// ASA 9.x takes a name with blanks in quotes.
static void write_text(FILE *stream, const char *text, bool typed)
{
	bool quoted = typed && strchr(text, ' ');
	fprintf(stream, "%s%s%s", quoted ? "\"" : "", text, quoted ? "\"" : "");
}

// A value in the form that a slot asks for: {leaf_hash:base64} is the hash as CUCM's files have it.
//
// typed  it stands in a command, which somebody will type
// Returns false: it is not known, or not to be typed.
static bool write_value(FILE *stream, const json_t *value, struct slice form, bool typed)
{
	if (json_is_integer(value) && form.len == 0) {
		fprintf(stream, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return true;
	}
	const char *text = json_string_value(value);
	if (text == NULL || (typed && !is_safe_to_type(text)))
		return false;
	if (form.len == 0) {
		write_text(stream, text, typed);
		return true;
	}
	unsigned char bytes[64], base64[96];
	size_t n;
	if (!slice_equals_text(form, "base64") ||
		OPENSSL_hexstr2buf_ex(bytes, sizeof(bytes), &n, text, '\0') != 1)
		return false;
	EVP_EncodeBlock(base64, bytes, (int)n);
	fputs((const char *)base64, stream);
	return true;
}

// A slot as it is to be filled in by hand: <tunnel-group>, <leaf-hash-base64>.
static void write_placeholder(FILE *stream, struct slice name, struct slice form)
{
	fputc('<', stream);
	for (uint32_t i = 0; i < name.len; i++)
		fputc(name.data[i] == '_' ? '-' : name.data[i], stream);
	fprintf(stream, "%s%.*s>", form.len ? "-" : "", (int)form.len, form.len ? form.data : "");
}

// Put what is known of this phone in place of {tunnel_group}, {gateway}, {leaf_hash} in one line.
static void fill_line(FILE *stream, struct slice line, const json_t *values, const json_t *details)
{
	static const char *const letters = "abcdefghijklmnopqrstuvwxyz_";
	const char *text = line.data, *end_of_line = text + line.len;
	bool typed = strspn(text, " ") >= 4;
	while (text < end_of_line) {
		size_t plain = strcspn(text, "{\n");
		fwrite(text, 1, plain, stream);
		text += plain;
		if (text == end_of_line)
			break;
		struct slice name = {text + 1, (uint32_t)strspn(text + 1, letters)}, form = {0};
		const char *end = name.data + name.len;
		if (*end == ':') {
			form = (struct slice){end + 1,
				(uint32_t)strspn(end + 1, "abcdefghijklmnopqrstuvwxyz0123456789")};
			end = form.data + form.len;
		}
		if (name.len == 0 || *end != '}') {
			fputc(*text++, stream);
			continue;
		}
		const json_t *value = json_object_getn(values, name.data, name.len);
		if (!json_is_string(value) && !json_is_integer(value))
			value = json_object_getn(details, name.data, name.len);
		if (!write_value(stream, value, form, typed))
			write_placeholder(stream, name, form);
		text = end + 1;
	}
}

// Lines that are indented by four and more are commands.
static void fill(FILE *stream, const char *text, const json_t *values, const json_t *details)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		fill_line(stream, (struct slice){text, (uint32_t)len}, values, details);
		text += len;
		if (*text == '\n')
			fputc(*text++, stream);
	}
}

json_t *filled_text(
	const char *first, const char *text, const json_t *values, const json_t *details)
{
	char *out = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&out, &size);
	if (stream == NULL)
		return NULL;
	if (first)
		fill(stream, first, values, details);
	fill(stream, text, values, details);
	fclose(stream);
	json_t *string = json_string(out);
	free(out);
	return string;
}

// What to do first about the cause, where the rules say so.
static const char *cause_remedy(
	const struct diagnosis *d, const struct diagnosis_rule *rule, enum language language)
{
	for (unsigned i = 0; i < rule->n_causes; i++) {
		if (strcmp(rule->causes[i].name, d->cause) == 0)
			return translation(&rule->causes[i].remedy, language);
	}
	return NULL;
}

const char *diagnosis_id_format(uint64_t id, char *out)
{
	snprintf(out, DIAGNOSIS_ID_TEXT, "%016" PRIx64, id);
	return out;
}

json_t *diagnosis_json(const struct diagnosis *d, const void *lines, const struct rulepack *pack,
	const struct gateway_table *gateways, enum language language)
{
	const struct diagnosis_rule *rule =
		rulepack_diagnosis(pack, (enum scope)d->scope, d->number);
	char id[DIAGNOSIS_ID_TEXT], device[DEVICE_TEXT_MAX];
	json_t *details = details_json(d, lines, rule, gateways);
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I}", "type", "diagnosis", "id",
		diagnosis_id_format(d->id, id), "diagnosis",
		registry_name(&pack->vocabulary->diagnoses, d->number), "scope",
		scope_names[d->scope], "state", diagnosis_state_names[d->state], "confidence",
		confidence_names[diagnosis_confidence(d)], "is_phone", d->is_phone, "sequence",
		(json_int_t)d->sequence);
	json_object_set_new(o, "client_ip", json_address_or_null(&d->client));
	json_object_set_new(o, "tunnel_ip", json_address_or_null(&d->tunnel));
	json_object_set_new(
		o, "device", json_text_or_null(slice_of(device_format(&d->device, device))));
	json_object_set_new(o, "model", json_text_or_null(slice_of(d->model)));
	json_object_set_new(o, "user", json_text_or_null(slice_of(d->user)));
	json_object_set_new(o, "tunnel_group", json_text_or_null(slice_of(d->tunnel_group)));
	json_object_set_new(o, "group_policy", json_text_or_null(slice_of(d->group_policy)));
	json_object_set_new(o, "gateway", json_text_or_null(gateway_name(gateways, d->gateway)));
	json_object_set_new(o, "first_seen", json_time(d->first_ms));
	json_object_set_new(o, "last_seen", json_time(d->last_ms));
	json_object_set_new(o, "recovered_at",
		d->state == DIAGNOSIS_RECOVERED ? json_time(d->recovered.ms) : json_null());
	json_object_set_new(o, "count", json_integer(d->count));
	json_object_set(o, "details", details);
	json_object_set_new(o, "ambiguous", json_boolean(d->ambiguous));
	json_object_set_new(o, "title",
		rule ? filled_text(NULL, translation(&rule->title, language), o, details)
		     : json_null());
	json_object_set_new(o, "remedy",
		rule ? filled_text(cause_remedy(d, rule, language),
			       translation(&rule->remedy, language), o, details)
		     : json_null());
	json_object_set_new(o, "reference",
		rule && rule->reference ? json_string(rule->reference) : json_null());
	json_object_set_new(o, "evidence", evidence_json(d, lines));
	json_decref(details);
	return o;
}
