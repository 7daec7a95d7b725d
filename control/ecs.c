// SPDX-License-Identifier: BSD-3-Clause
#include "ecs.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "certificate.h"
#include "text.h"

#define HASH_TEXT_MAX 128 // digits

// ---- what a record says ----

bool ecs_is(const char *text, const char *wanted)
{
	return text && strcmp(text, wanted) == 0;
}

json_t *ecs_text(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);
	return json_is_string(value) && json_string_length(value) ? value : NULL;
}

json_t *ecs_number(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);
	return json_is_number(value) ? value : NULL;
}

json_t *ecs_list(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);
	return json_array_size(value) ? value : NULL;
}

json_t *ecs_flag(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);
	return json_is_boolean(value) ? value : NULL;
}

json_t *ecs_time(const json_t *object, const char *name)
{
	uint64_t ms;
	json_t *value = ecs_text(object, name);
	return json_time_read(value, &ms) ? value : NULL;
}

bool ecs_is_address(const json_t *text)
{
	struct address address;
	return json_is_string(text) && address_parse(slice_of(json_string_value(text)), &address);
}

static bool is_url(const json_t *text)
{
	const char *value = json_string_value(text);
	return value && (strncmp(value, "https://", 8) == 0 || strncmp(value, "http://", 7) == 0);
}

json_t *ecs_address(const json_t *object, const char *name)
{
	json_t *value = ecs_text(object, name);
	return ecs_is_address(value) ? value : NULL;
}

// ---- small pieces; new references ----

// Of one alone, that.
json_t *ecs_joined(const json_t *first, const char *between, const json_t *second)
{
	struct buffer text = {0};
	if (first)
		buffer_add(&text, json_string_value(first), json_string_length(first));
	if (first && second)
		buffer_add_text(&text, between);
	if (second)
		buffer_add(&text, json_string_value(second), json_string_length(second));
	json_t *out = text.len ? json_stringn(text.data + text.from, text.len) : NULL;
	buffer_fini(&text);
	return out;
}

// Upper-case hex without colons, terminated; returns its length, 0: it is no hash.
static size_t hash_text(const json_t *value, char out[HASH_TEXT_MAX + 1])
{
	static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
	const char *text = json_string_value(value);
	size_t n = 0;
	for (; text && *text; text++) {
		if (*text == ':')
			continue;
		const char *digit = strchr(lower, *text);
		if (digit == NULL && (digit = strchr(upper, *text)) != NULL)
			digit = lower + (digit - upper);
		if (digit == NULL || n == HASH_TEXT_MAX)
			return 0;
		out[n++] = upper[digit - lower];
	}
	out[n] = '\0';
	return n % 2 ? 0 : n;
}

static const char *hash_name(size_t digits)
{
	return digits == 40 ? "sha1" : digits == 64 ? "sha256" : digits == 32 ? "md5" : NULL;
}

// As the phone's config file has it.
static json_t *base64_of(const char *hex)
{
	unsigned char bytes[HASH_TEXT_MAX / 2], base64[HASH_TEXT_MAX];
	size_t n = 0;
	if (OPENSSL_hexstr2buf_ex(bytes, sizeof(bytes), &n, hex, '\0') != 1)
		return NULL;
	EVP_EncodeBlock(base64, bytes, (int)n);
	return json_string((const char *)base64);
}

json_t *ecs_hash(const json_t *value)
{
	char hex[HASH_TEXT_MAX + 1];
	const char *name = hash_name(hash_text(value, hex));
	return name ? json_pack("{s:s}", name, hex) : NULL;
}

void ecs_append_once(json_t *list, json_t *value)
{
	const json_t *one;
	size_t i;
	if (value == NULL)
		return;
	json_array_foreach(list, i, one)
	{
		if (json_equal(one, value))
			return;
	}
	json_array_append(list, value);
}

void ecs_append_all_once(json_t *list, json_t *values)
{
	json_t *one;
	size_t i;
	json_array_foreach(values, i, one) ecs_append_once(list, one);
}

// In any other zone it stays as it is.
json_t *ecs_expiry(const json_t *expiry)
{
	const char *text = json_string_value(expiry);
	uint64_t ms;
	return text && certificate_expiry(slice_of(text), &ms) ? json_time(ms) : NULL;
}

void ecs_append_hash(json_t *list, const json_t *hash)
{
	json_t *copy = (json_t *)hash; // jansson iterates over what is not constant
	ecs_append_once(list, json_object_iter_value(json_object_iter(copy)));
}

static json_t *duration_ns(const json_t *start, const json_t *end)
{
	uint64_t from, to;
	if (!json_time_read(start, &from) || !json_time_read(end, &to) || to < from)
		return NULL;
	return json_integer((json_int_t)((to - from) * 1000000));
}

// ---- what both kinds have ----

json_t *ecs_envelope(const char *dataset, json_t *timestamp, json_t *message,
	const struct record *record, const struct format_context *context)
{
	return json_pack("{s:o, s:{s:s}, s:{s:s, s:s, s:s}, s:o*}", "@timestamp",
		timestamp ? json_incref(timestamp) : json_time(record->made_ms), "ecs", "version",
		ECS_VERSION, "data_stream", "type", "logs", "dataset", dataset, "namespace",
		context->dataset_namespace ? context->dataset_namespace : "default", "message",
		message);
}

json_t *ecs_event(const struct ecs_event *e, const struct record *record, const json_t *object)
{
	static const char *const outcomes[] = {
		[ECS_FAILURE] = "failure", [ECS_SUCCESS] = "success", [ECS_UNKNOWN] = "unknown"};
	unsigned severity = severities[e->severity].ecs;
	json_t *reference = ecs_text(object, "reference");
	json_t *event = json_pack("{s:O*, s:s, s:o*, s:o*, s:s, s:o*, s:O*, s:O*, s:i, s:i}", "id",
		ecs_text(object, "id"), "kind", e->outcome == ECS_FAILURE ? "alert" : "event",
		"category", e->category, "type", e->type, "outcome", outcomes[e->outcome], "action",
		e->action, "code", e->code, "reason", e->reason, "severity", severity, "risk_score",
		severity);
	json_t *rest = json_pack("{s:s, s:s, s:s, s:O*, s:O*, s:o*, s:O*, s:o, s:O*}", "module",
		"offhook", "dataset", e->dataset, "provider", "offhook", "start", e->start, "end",
		e->end, "duration", duration_ns(e->start, e->end), "sequence",
		ecs_number(object, "sequence"), "created", json_time(record->made_ms), "reference",
		is_url(reference) ? reference : NULL);
	json_object_update(event, rest);
	json_decref(rest);
	return event;
}

json_t *ecs_book(const json_t *object)
{
	json_t *reference = ecs_text(object, "reference");
	return is_url(reference) ? NULL : reference;
}

// Where nothing has told its name, that is its address.
json_t *ecs_observer(json_t *gateway, json_t *interface)
{
	if (gateway == NULL)
		return NULL;
	bool by_address = ecs_is_address(gateway);
	return json_pack("{s:s, s:s, s:s, s:O, s:O*, s:o*, s:o*}", "vendor", "Cisco", "product",
		"asa", "type", "firewall", "name", gateway, "hostname", by_address ? NULL : gateway,
		"ip", by_address ? json_pack("[O]", gateway) : NULL, "ingress",
		interface ? json_pack("{s:{s:O}}", "interface", "name", interface) : NULL);
}

json_t *ecs_agent(const struct format_context *context)
{
	return json_pack("{s:s, s:s*, s:s}", "type", "offhook", "name", context->host, "version",
		OFFHOOK_VERSION);
}

json_t *ecs_rule(json_t *id, json_t *name, const char *category, bool is_shipped)
{
	return json_pack("{s:O*, s:O*, s:s*, s:s*}", "id", id, "name", name, "category", category,
		"ruleset", is_shipped ? "builtin" : NULL);
}

json_t *ecs_site(const json_t *object)
{
	return json_pack("{s:O*}", "site", ecs_text(object, "site"));
}

json_t *ecs_cert(const json_t *details)
{
	json_t *cert = json_pack("{s:O*, s:O*}", "trustpoint", ecs_text(details, "trustpoint"),
		"days_to_expiry", ecs_number(details, "days"));
	char hex[HASH_TEXT_MAX + 1];
	const char *name = hash_name(hash_text(json_object_get(details, "leaf_hash"), hex));
	if (name)
		json_object_set_new(cert,
			strcmp(name, "sha1") == 0 ? "presented_sha1_base64"
						  : "presented_sha256_base64",
			base64_of(hex));
	json_t *expected = json_array(), *base64 = json_array(), *one;
	size_t i;
	json_array_foreach(json_object_get(details, "expected_hash"), i, one)
	{
		if (!ecs_is(hash_name(hash_text(one, hex)), "sha1"))
			continue;
		json_array_append_new(expected, json_string(hex));
		json_array_append_new(base64, base64_of(hex));
	}
	json_object_set_new(cert, "expected_sha1", expected);
	json_object_set_new(cert, "expected_sha1_base64", base64);
	return cert;
}
