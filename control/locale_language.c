// SPDX-License-Identifier: BSD-3-Clause
#include "locale_language.h"

#include <stdlib.h>
#include <strings.h>

bool language_parse(const char *text, enum language *out)
{
	// "ko_KR.UTF-8" is Korean as well; of Chinese, only the traditional script is spoken.
	static const struct {
		const char *prefix;
		enum language language;
	} known[] = {{"en", LANGUAGE_EN}, {"zh-tw", LANGUAGE_ZH_TW}, {"zh_tw", LANGUAGE_ZH_TW},
		{"zh-hk", LANGUAGE_ZH_TW}, {"zh_hk", LANGUAGE_ZH_TW}, {"zh-hant", LANGUAGE_ZH_TW},
		{"zh_hant", LANGUAGE_ZH_TW}, {"ko", LANGUAGE_KO}};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t len = strlen(known[i].prefix);
		if (strncasecmp(text, known[i].prefix, len) == 0 &&
			(text[len] == '\0' || strchr("_-.@", text[len]))) {
			*out = known[i].language;
			return true;
		}
	}
	return false;
}

enum language language_of_locale(void)
{
	static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
	enum language language = LANGUAGE_EN;
	for (size_t i = 0; i < 3; i++) {
		const char *value = getenv(variables[i]);
		if (value && value[0]) {
			language_parse(value, &language);
			break;
		}
	}
	return language;
}

enum language language_argument(const json_t *arguments)
{
	enum language language = LANGUAGE_EN;
	const char *text = json_string_value(json_object_get(arguments, "lang"));
	if (text)
		language_parse(text, &language);
	return language;
}
