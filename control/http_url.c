// SPDX-License-Identifier: BSD-3-Clause
#include "http_url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

static char *url_part(CURLU *url, CURLUPart part)
{
	char *text = NULL, *copy;
	if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
		return NULL;
	copy = strdup(text);
	curl_free(text);
	return copy;
}

static bool has_part(CURLU *url, CURLUPart part)
{
	char *text = url_part(url, part);
	free(text);
	return text != NULL;
}

static const char *url_fault(CURLU *parsed, const char *url)
{
	CURLUcode code = curl_url_set(parsed, CURLUPART_URL, url, 0);
	if (code != CURLUE_OK)
		return curl_url_strerror(code);
	char *scheme = url_part(parsed, CURLUPART_SCHEME);
	bool is_http = scheme && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
	free(scheme);
	if (!is_http)
		return "must begin with http:// or https://";
	if (has_part(parsed, CURLUPART_USER) || has_part(parsed, CURLUPART_PASSWORD))
		return "must not hold a name or a password";
	return NULL;
}

bool http_url_check(const char *option, const char *url, char *error, size_t size)
{
	CURLU *parsed = curl_url();
	const char *fault = parsed ? url_fault(parsed, url) : "out of memory";
	curl_url_cleanup(parsed);
	if (fault)
		snprintf(error, size, "%s: %s", option, fault);
	return fault == NULL;
}

// With the host in lower case, the port it has by default, and a path. NULL: out of memory.
static char *plain_url(const char *url)
{
	CURLU *parsed = curl_url();
	char *text = NULL, *plain = NULL;
	if (parsed && url_fault(parsed, url) == NULL &&
		curl_url_get(parsed, CURLUPART_HOST, &text, 0) == CURLUE_OK) {
		for (char *c = text; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		curl_url_set(parsed, CURLUPART_HOST, text, 0);
		curl_free(text);
		if (curl_url_get(parsed, CURLUPART_URL, &text, CURLU_DEFAULT_PORT) == CURLUE_OK) {
			plain = strdup(text);
			curl_free(text);
		}
	}
	curl_url_cleanup(parsed);
	return plain;
}

bool http_url_is_same(const char *one, const char *other)
{
	char *plain = plain_url(one), *beside = plain_url(other);
	bool is_same = plain && beside && strcmp(plain, beside) == 0;
	free(plain);
	free(beside);
	return is_same;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);
	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

// "https://host:8088" or "https://host/prefix/" with the path of the receiver's interface after it.
static char *with_path(CURLU *parsed, const char *path)
{
	char *given = url_part(parsed, CURLUPART_PATH), *whole = NULL;
	if (given == NULL)
		return NULL;
	curl_url_set(parsed, CURLUPART_FRAGMENT, NULL, 0);
	if (path && !ends_with(given, path)) {
		size_t len = strlen(given);
		while (len && given[len - 1] == '/')
			len--;
		if (asprintf(&whole, "%.*s%s", (int)len, given, path) < 0 ||
			curl_url_set(parsed, CURLUPART_PATH, whole, 0) != CURLUE_OK) {
			free(whole);
			free(given);
			return NULL;
		}
		free(whole);
	}
	free(given);
	return url_part(parsed, CURLUPART_URL);
}

// What an error may say of an address.
static char *origin_of(CURLU *parsed)
{
	curl_url_set(parsed, CURLUPART_QUERY, NULL, 0);
	curl_url_set(parsed, CURLUPART_FRAGMENT, NULL, 0);
	curl_url_set(parsed, CURLUPART_PATH, NULL, 0);
	char *origin = url_part(parsed, CURLUPART_URL);
	size_t len = origin ? strlen(origin) : 0;
	if (len && origin[len - 1] == '/')
		origin[len - 1] = '\0';
	return origin;
}

const char *http_url_make(const char *url, const char *path, char **whole, char **origin)
{
	CURLU *parsed = curl_url();
	const char *fault = parsed ? url_fault(parsed, url) : "out of memory";
	if (fault == NULL) {
		*whole = with_path(parsed, path);
		*origin = origin_of(parsed);
		fault = *whole && *origin ? NULL : "out of memory";
	}
	curl_url_cleanup(parsed);
	return fault;
}

char *http_url_query(const char *whole, const char *query)
{
	char *url = NULL;
	const char *own = strchr(whole, '?');
	const char *between = query == NULL ? "" : own == NULL ? "?" : own[1] ? "&" : "";
	return asprintf(&url, "%s%s%s", whole, between, query ? query : "") < 0 ? NULL : url;
}
