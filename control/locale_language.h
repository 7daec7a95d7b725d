// SPDX-License-Identifier: BSD-3-Clause
// locale_language: in which of the pack's languages to speak.
#pragma once

#include <jansson.h>

#include "../rules/rulepack.h"

// "en", "zh-TW", "ko" (any case, "zh_TW.UTF-8" too); false: none of them.
bool language_parse(const char *text, enum language *out);

// By LC_ALL, LC_MESSAGES, LANG; English where they say nothing that is known.
enum language language_of_locale(void);

// The language that the arguments of a command ask for; English where they do not say.
enum language language_argument(const json_t *arguments);
