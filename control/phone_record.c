// SPDX-License-Identifier: BSD-3-Clause
#include "phone_record.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

static const struct {
	const char *name;
	uint8_t flag;
} flags[] = {{"connected", IDENTITY_CONNECTED}, {"by_gateway", IDENTITY_HAS_ASA},
	{"certified", IDENTITY_CERTIFIED}};

json_t *phone_record_json(const struct session *session, const struct identity *phone,
	const struct gateway_table *gateways)
{
	static const struct address none;
	bool client = session->key.kind == KEY_CLIENT;
	uint16_t gateway = phone->gateway != GATEWAY_NONE ? phone->gateway : session->gateway;
	char device[DEVICE_TEXT_MAX];
	json_t *o = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "type", "phone",
		"client_ip", json_address_or_null(client ? &session->key.address : &none),
		"tunnel_ip", json_address_or_null(&phone->tunnel), "device",
		json_text_or_null(slice_of(device_format(&phone->device, device))), "model",
		json_text_or_null(slice_of(phone->model)), "user",
		json_text_or_null(slice_of(phone->user)), "tunnel_group",
		json_text_or_null(slice_of(phone->tunnel_group)), "group_policy",
		json_text_or_null(slice_of(phone->group_policy)), "gateway",
		json_text_or_null(gateway_name(gateways, gateway)));
	json_object_set_new(o, "first_seen", json_time(session->first_ms));
	json_object_set_new(o, "last_seen", json_time(phone->last_ms));
	json_object_set_new(o, "tunnel_up_at", json_time_or_null(phone->tunnel_up.ms));
	json_object_set_new(o, "assigned_at", json_time_or_null(phone->assigned_ms));
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		json_object_set_new(o, flags[i].name, json_boolean(phone->flags & flags[i].flag));
	return o;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

const char *phone_record_key(const json_t *object, char *out)
{
	const char *device = text_of(object, "device"), *user = text_of(object, "user");
	if (device[0])
		return device;
	snprintf(out, PHONE_KEY_MAX, "%s %s", text_of(object, "gateway"),
		user[0] ? user : text_of(object, "client_ip"));
	return out;
}

// ---- back ----

// A text that somebody may have changed, cut where it is too long; false: it is none.
static bool read_text(const json_t *object, const char *name, char *out, size_t size)
{
	const json_t *value = json_object_get(object, name);
	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_string(value))
		return false;
	slice_copy(slice_of(json_string_value(value)), out, size);
	return true;
}

static bool read_address(const json_t *object, const char *name, struct address *out)
{
	const json_t *value = json_object_get(object, name);
	return value == NULL || json_is_null(value) ||
	       (json_is_string(value) && address_parse(slice_of(json_string_value(value)), out));
}

static bool read_device(const json_t *object, struct device *out)
{
	const json_t *value = json_object_get(object, "device");
	char text[DEVICE_TEXT_MAX];
	return value == NULL || json_is_null(value) ||
	       (json_is_string(value) && device_find(slice_of(json_string_value(value)), out) &&
		       strcmp(device_format(out, text), json_string_value(value)) == 0);
}

static bool read_time(const json_t *object, const char *name, uint64_t *out)
{
	const json_t *value = json_object_get(object, name);
	return value == NULL || json_is_null(value) || json_time_read(value, out);
}

bool known_phone_read(const json_t *object, struct known_phone *out)
{
	struct address client = {0};
	*out = (struct known_phone){0};
	bool ok = json_is_object(object) && read_address(object, "client_ip", &client) &&
		  read_address(object, "tunnel_ip", &out->tunnel) &&
		  read_device(object, &out->device) &&
		  read_text(object, "gateway", out->gateway, sizeof(out->gateway)) &&
		  read_text(object, "model", out->model, sizeof(out->model)) &&
		  read_text(object, "user", out->user, sizeof(out->user)) &&
		  read_text(object, "tunnel_group", out->tunnel_group, sizeof(out->tunnel_group)) &&
		  read_text(object, "group_policy", out->group_policy, sizeof(out->group_policy)) &&
		  read_time(object, "first_seen", &out->first_ms) &&
		  read_time(object, "last_seen", &out->last_ms);
	if (out->first_ms > out->last_ms)
		out->first_ms = out->last_ms;
	if (!address_is_none(&client))
		out->key = key_of_client(&client);
	else if (!device_is_none(&out->device))
		out->key = key_of_device(&out->device);
	return ok;
}

bool phone_record_read(const json_t *object, struct known_phone *out)
{
	bool ok = known_phone_read(object, out) && out->key.kind != KEY_NONE &&
		  read_time(object, "tunnel_up_at", &out->tunnel_up_ms) &&
		  read_time(object, "assigned_at", &out->assigned_ms);
	out->flags = IDENTITY_PHONE;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (json_is_true(json_object_get(object, flags[i].name)))
			out->flags |= flags[i].flag;
	}
	return ok;
}
