// SPDX-License-Identifier: BSD-3-Clause
#include "config_outlets_check.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "http_url.h"

#define NO_OPTION SIZE_MAX

static const char *text_of(const struct outlet_config *outlet, size_t option)
{
	const char *text;
	memcpy(&text, (const char *)outlet->options + outlet->kind->options[option].offset,
		sizeof(text));
	return text;
}

static unsigned choice_of(const struct outlet_config *outlet, size_t option)
{
	unsigned choice;
	memcpy(&choice, (const char *)outlet->options + outlet->kind->options[option].offset,
		sizeof(choice));
	return choice;
}

static const char **list_of(const struct outlet_config *outlet, size_t option)
{
	const char **list;
	memcpy(&list, (const char *)outlet->options + outlet->kind->options[option].offset,
		sizeof(list));
	return list;
}

// ---- places ----

static bool is_same_text(const char *one, const char *other)
{
	return one && other ? strcmp(one, other) == 0 : one == other;
}

static bool is_same_list(const char **ones, const char **others)
{
	if (ones == NULL || others == NULL)
		return ones == others;
	size_t i = 0;
	while (ones[i] && others[i] && strcmp(ones[i], others[i]) == 0)
		i++;
	return ones[i] == others[i];
}

// Any of one with any of the other.
static bool is_any_url(const char **ones, const char **others)
{
	for (size_t i = 0; ones[i]; i++) {
		for (size_t k = 0; others[k]; k++) {
			if (http_url_is_same(ones[i], others[k]))
				return true;
		}
	}
	return false;
}

// The directory as the system knows it, else as it is spelled. NULL: out of memory.
static char *directory_of(const char *path)
{
	char *copy = strdup(path), *directory = copy ? dirname(copy) : NULL;
	char *real = directory ? realpath(directory, NULL) : NULL;
	if (directory && real == NULL)
		real = strdup(directory);
	free(copy);
	return real;
}

static bool is_same_path(const char *one, const char *other)
{
	struct stat file, beside;
	if (stat(one, &file) == 0 && stat(other, &beside) == 0)
		return file.st_dev == beside.st_dev && file.st_ino == beside.st_ino;
	char *directory = directory_of(one), *next = directory_of(other);
	bool is_same = directory && next && strcmp(directory, next) == 0 &&
		       strcmp(strrchr(one, '/'), strrchr(other, '/')) == 0;
	free(directory);
	free(next);
	return is_same;
}

// ---- outlets ----

static bool fail(const struct outlet_config *outlet, size_t option, struct report *report,
	const char *what, const char *why)
{
	const struct rule_place *place = &outlet->places[option];
	report_add(report, place->file, place->line, place->column, "%s: %s", what, why);
	return false;
}

// What of the other's records this one takes, too.
static bool takes_same(const struct outlet_config *one, const struct outlet_config *other)
{
	return one->records == other->records || one->records == OUTLET_ALL ||
	       other->records == OUTLET_ALL || one->kind->alerts_only;
}

static bool is_same_target(
	const struct outlet_config *one, const struct outlet_config *other, size_t option)
{
	switch (one->kind->options[option].target) {
	case TARGET_NONE:
		break;
	case TARGET_TEXT:
		return is_same_text(text_of(one, option), text_of(other, option));
	case TARGET_TEXTS:
		return is_same_list(list_of(one, option), list_of(other, option));
	case TARGET_CHOICE:
		return choice_of(one, option) == choice_of(other, option);
	case TARGET_URL:
		return takes_same(one, other) &&
		       is_any_url(list_of(one, option), list_of(other, option));
	case TARGET_PATH:
		return is_same_path(text_of(one, option), text_of(other, option));
	}
	return true;
}

// The option by which the two send the same to one place.
static size_t shared_option(const struct outlet_config *one, const struct outlet_config *other)
{
	size_t shared = NO_OPTION;
	if (one->kind != other->kind)
		return NO_OPTION;
	for (size_t i = 0; i < one->kind->n_options; i++) {
		if (!is_same_target(one, other, i))
			return NO_OPTION;
		if (one->kind->options[i].target >= TARGET_URL)
			shared = i;
	}
	return shared;
}

static bool check_pair(const struct outlet_config *before, const struct outlet_config *outlet,
	struct report *report)
{
	char why[96];
	size_t option = shared_option(before, outlet);
	if (option == NO_OPTION)
		return true;
	bool file = outlet->kind->options[option].target == TARGET_PATH;
	snprintf(why, sizeof(why), "outlet %s %s", before->name,
		file ? "writes to this file" : "sends the same records there");
	return fail(outlet, option, report, outlet->kind->options[option].name, why);
}

static bool check_directory(
	const struct outlet_config *outlet, size_t option, struct report *report)
{
	struct stat st;
	char *copy = strdup(text_of(outlet, option)), *directory = copy ? dirname(copy) : "";
	int reason = stat(directory, &st) < 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
	bool ok = reason == 0 || fail(outlet, option, report, directory, strerror(reason));
	free(copy);
	return ok;
}

bool config_check_outlets(
	const struct config *config, enum config_moment moment, struct report *report)
{
	bool ok = true;
	for (size_t i = 0; i < config->n_outlets; i++) {
		const struct outlet_config *outlet = config->outlets[i];
		for (size_t k = 0; k < i; k++)
			ok &= check_pair(config->outlets[k], outlet, report);
		// At the start one that is mounted later costs nothing but a second try.
		for (size_t k = 0; k < outlet->kind->n_options && moment != CONFIG_STARTS; k++) {
			if (outlet->kind->options[k].target == TARGET_PATH)
				ok &= check_directory(outlet, k, report);
		}
	}
	return ok;
}
