// SPDX-License-Identifier: BSD-3-Clause
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../rules/utf8.h"

json_t *json_text(struct slice text)
{
	json_t *plain = json_stringn(text.data, text.len);
	if (plain)
		return plain;
	// Each byte at worst becomes the three of U+FFFD.
	char *valid = malloc(3 * (size_t)text.len + 1);
	size_t n = 0;
	if (valid == NULL)
		return NULL;
	for (uint32_t i = 0; i < text.len;) {
		unsigned len = utf8_length(text.data + i, text.len - i);
		memcpy(valid + n, len ? text.data + i : "\xef\xbf\xbd", len ? len : 3);
		n += len ? len : 3;
		i += len ? len : 1;
	}
	json_t *string = json_stringn(valid, n);
	free(valid);
	return string;
}

json_t *json_text_or_null(struct slice text)
{
	return text.len ? json_text(text) : json_null();
}

json_t *json_address_or_null(const struct address *address)
{
	char text[ADDRESS_TEXT_MAX];
	return json_text_or_null(slice_of(address_format(address, text)));
}

const char *time_format(uint64_t ms, char *out)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char date[24];
	// A time that is no time at all (of a damaged capture) has no date.
	if (gmtime_r(&seconds, &tm) == NULL ||
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		date[0] = '\0';
	snprintf(out, TIME_TEXT_MAX, "%s.%03uZ", date, (unsigned)(ms % 1000));
	return out;
}

static int digits(const char *text, unsigned n)
{
	int value = 0;
	for (unsigned i = 0; i < n; i++)
		value = value < 0 || text[i] < '0' || text[i] > '9' ? -1
								    : value * 10 + text[i] - '0';
	return value;
}

json_t *json_time(uint64_t ms)
{
	char text[TIME_TEXT_MAX];
	return json_string(time_format(ms, text));
}

json_t *json_time_or_null(uint64_t ms)
{
	return ms ? json_time(ms) : json_null();
}

bool json_time_read(const json_t *time, uint64_t *ms)
{
	const char *text = json_string_value(time);
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
	char again[TIME_TEXT_MAX];
	if (text == NULL || strlen(text) != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		if (form[i] == 'd' ? digits(text + i, 1) < 0 : text[i] != form[i])
			return false;
	}
	struct tm tm = {.tm_year = digits(text, 4) - 1900,
		.tm_mon = digits(text + 5, 2) - 1,
		.tm_mday = digits(text + 8, 2),
		.tm_hour = digits(text + 11, 2),
		.tm_min = digits(text + 14, 2),
		.tm_sec = digits(text + 17, 2)};
	time_t seconds = timegm(&tm);
	if (seconds < 0)
		return false;
	uint64_t read = (uint64_t)seconds * 1000 + (uint64_t)digits(text + 20, 3);
	// Whoever asks may pass the text on: no 31st of February, nothing after a NUL.
	if (strcmp(time_format(read, again), text) != 0 ||
		json_string_length(time) != sizeof(form) - 1)
		return false;
	*ms = read;
	return true;
}

// ---- members ----

const char *json_string_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

const char *json_text_of(const json_t *object, const char *key)
{
	const char *text = json_string_of(object, key);
	return text && *text ? text : NULL;
}

uint64_t json_number_of(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

uint64_t json_time_of(const json_t *object, const char *key)
{
	uint64_t ms;
	return json_time_read(json_object_get(object, key), &ms) ? ms : 0;
}
