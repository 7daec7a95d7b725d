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
	struct tm tm = {0};
	unsigned fraction;
	char again[TIME_TEXT_MAX];
	if (text == NULL ||
		sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3uZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
			&tm.tm_hour, &tm.tm_min, &tm.tm_sec, &fraction) != 7)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	time_t seconds = timegm(&tm);
	if (seconds < 0 || fraction > 999)
		return false;
	uint64_t read = (uint64_t)seconds * 1000 + fraction;
	// Whoever asks may pass the text on.
	if (strlen(text) != json_string_length(time) || strcmp(time_format(read, again), text) != 0)
		return false;
	*ms = read;
	return true;
}
