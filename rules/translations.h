// SPDX-License-Identifier: BSD-3-Clause
// translations: a text that a rule says to people, by language.
#pragma once

enum language { LANGUAGE_EN, LANGUAGE_ZH_TW, LANGUAGE_KO, LANGUAGE_MAX };
extern const char *const language_names[LANGUAGE_MAX];

struct translations {
	const char *text[LANGUAGE_MAX]; // a missing one is the English one, NULL: there is none
};

const char *translation(const struct translations *translations, enum language language);
