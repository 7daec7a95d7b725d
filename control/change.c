// SPDX-License-Identifier: BSD-3-Clause
#include "change.h"

#include <assert.h>
#include <string.h>

#include "clock.h"
#include "severity.h"
#include "text.h"

static_assert(sizeof(((struct changes *)0)->start) >= TIME_TEXT_MAX);

void changes_init(struct changes *changes)
{
	changes->told = json_object();
	time_format(clock_wall_ms(), changes->start);
}

void changes_fini(struct changes *changes)
{
	json_decref(changes->told);
}

static bool is_text(const char *text, const char *wanted)
{
	return text && strcmp(text, wanted) == 0;
}

// What was told of an alert is its severity.
static const char *take_alert(struct changes *changes, const json_t *alert)
{
	const char *id = json_string_of(alert, "id"), *state = json_string_of(alert, "state");
	const char *severity = json_string_of(alert, "severity");
	const char *fired_at = json_string_of(alert, "fired_at");
	if (id == NULL || state == NULL || severity == NULL)
		return "update";
	const json_t *before = json_object_get(changes->told, id);
	bool was_firing = json_is_string(before);
	bool worse = was_firing && severity_of(severity) > severity_of(json_string_value(before));
	bool is_new = before || (fired_at && strcmp(fired_at, changes->start) >= 0) ||
		      json_number_of(alert, "sequence") <= 1;
	if (json_object_size(changes->told) >= CHANGES_MAX)
		json_object_clear(changes->told);
	bool fires = strcmp(state, "firing") == 0;
	json_object_set_new(changes->told, id, fires ? json_string(severity) : json_null());
	if (!fires)
		return state;
	if (was_firing)
		return worse ? "worse" : "update";
	return is_new ? "firing" : "update";
}

const char *change_take(struct changes *changes, const json_t *diagnosis)
{
	if (is_text(json_string_of(diagnosis, "type"), "alert"))
		return take_alert(changes, diagnosis);
	const char *id = json_string_of(diagnosis, "id"),
		   *state = json_string_of(diagnosis, "state");
	const char *confidence = json_string_of(diagnosis, "confidence");
	const char *first_seen = json_string_of(diagnosis, "first_seen");
	if (id == NULL || state == NULL || confidence == NULL || first_seen == NULL)
		return "update";
	const json_t *before = json_object_get(changes->told, id);
	bool was_over = json_is_null(before);
	bool was_confirmed = is_text(json_string_value(before), "confirmed");
	bool was_open = before && !was_over;
	bool is_open = strcmp(state, "open") == 0;
	if (json_object_size(changes->told) >= CHANGES_MAX)
		json_object_clear(changes->told);
	json_object_set_new(changes->told, id, is_open ? json_string(confidence) : json_null());
	if (!is_open)
		return state;
	if (was_over)
		return "reopened";
	if (was_open)
		return is_text(confidence, "confirmed") && !was_confirmed ? "confirmed" : "update";
	// It may have been open long before anybody watched.
	bool is_new = json_number_of(diagnosis, "sequence") <= 1 ||
		      strcmp(first_seen, changes->start) >= 0;
	return is_new ? "open" : "update";
}
