// SPDX-License-Identifier: BSD-3-Clause
#include "field.h"

#include <ctype.h>
#include <stdlib.h>

#include "address.h"

static const struct {
	const char *name;
	bool greedy;
} types[] = {
#define X(constant, name, greedy, help) {name, greedy},
	FIELD_TYPES(X)
#undef X
};

struct known_field {
	const char *name;
	enum field_type type;
};

static struct known_field fields[FIELD_MAX] = {
#define X(constant, name, type) {name, type},
	FIELDS(X)
#undef X
};
static unsigned n_fields = FIELD_KNOWN_MAX;
static bool in_pack[FIELD_MAX]; // of those that rules add

void field_begin_pack(void)
{
	memset(in_pack, 0, sizeof(in_pack));
}

uint8_t field_find(struct slice name)
{
	for (unsigned i = 0; i < n_fields; i++) {
		if ((i < FIELD_KNOWN_MAX || in_pack[i]) && slice_equals_text(name, fields[i].name))
			return (uint8_t)i;
	}
	return FIELD_NONE;
}

uint8_t field_add(struct slice name, enum field_type type)
{
	uint8_t found = field_find(name);
	if (found != FIELD_NONE)
		return fields[found].type == type ? found : FIELD_NONE;
	unsigned i = FIELD_KNOWN_MAX;
	while (i < n_fields && !(fields[i].type == type && slice_equals_text(name, fields[i].name)))
		i++;
	if (i == n_fields) {
		char *copy = i < FIELD_MAX ? strndup(name.data, name.len) : NULL;
		if (copy == NULL)
			return FIELD_NONE;
		fields[n_fields++] = (struct known_field){copy, type};
	}
	in_pack[i] = true;
	return (uint8_t)i;
}

unsigned field_count(void)
{
	return n_fields;
}

void field_truncate(unsigned n)
{
	while (n_fields > n) {
		n_fields--;
		in_pack[n_fields] = false;
		free((void *)fields[n_fields].name);
	}
}

bool field_is_name(struct slice name)
{
	for (uint32_t i = 0; i < name.len; i++) {
		if (!islower((unsigned char)name.data[i]) && name.data[i] != '_')
			return false;
	}
	return name.len > 0 && name.len <= 32;
}

const char *field_name(uint8_t field)
{
	return fields[field].name;
}

enum field_type field_type_of(uint8_t field)
{
	return fields[field].type;
}

enum field_type field_type_find(struct slice name)
{
	for (int i = 0; i < FIELD_TYPE_MAX; i++) {
		if (slice_equals_text(name, types[i].name))
			return (enum field_type)i;
	}
	return FIELD_TYPE_MAX;
}

const char *field_type_name(enum field_type type)
{
	return types[type].name;
}

bool field_type_is_greedy(enum field_type type)
{
	return types[type].greedy;
}

// Of each character, once inlined: no call.
static inline bool all(struct slice value, bool (*is)(unsigned char))
{
	for (uint32_t i = 0; i < value.len; i++) {
		if (!is((unsigned char)value.data[i]))
			return false;
	}
	return true;
}

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(unsigned char c)
{
	return isxdigit(c);
}

static bool is_no_space(unsigned char c)
{
	return !isspace(c);
}

static bool is_decimal(struct slice value, uint32_t max_digits)
{
	return value.len > 0 && value.len <= max_digits && all(value, is_digit);
}

static bool is_port(struct slice value)
{
	uint32_t port = 0;
	if (!is_decimal(value, 5))
		return false;
	for (uint32_t i = 0; i < value.len; i++)
		port = port * 10 + (uint32_t)(value.data[i] - '0');
	return port <= UINT16_MAX;
}

static bool is_device(struct slice value)
{
	return value.len == 15 && slice_starts(value, "SEP") && all(slice_from(value, 3), is_hex);
}

bool field_is_no_address(struct slice value)
{
	return value.len == 0 || slice_equals_text(value, "<>") || slice_equals_text(value, "None");
}

bool field_is_host_name(struct slice value)
{
	bool letter = false;
	if (value.len == 0 || value.len > 253)
		return false;
	for (uint32_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];
		if (!isalnum(c) && c != '_' && c != '-' && c != '.')
			return false;
		letter |= isalpha(c) || c == '_';
	}
	return letter;
}

static bool is_address(struct slice value)
{
	struct address unused;
	return field_is_no_address(value) || address_parse(value, &unused) ||
	       field_is_host_name(value);
}

bool field_accepts(enum field_type type, struct slice value)
{
	switch (type) {
	case TYPE_WORD:
		return value.len > 0 && all(value, is_no_space);
	case TYPE_ADDRESS:
		return is_address(value);
	case TYPE_PORT:
		return is_port(value);
	case TYPE_NUMBER:
		return is_decimal(value, 18);
	case TYPE_DEVICE:
		return is_device(value);
	case TYPE_HASH:
		return (value.len == 40 || value.len == 64) && all(value, is_hex);
	case TYPE_TEXT:
	case TYPE_USER:
	case TYPE_LIST:
	case FIELD_TYPE_MAX:
		return true;
	}
	return false;
}
