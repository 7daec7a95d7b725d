// SPDX-License-Identifier: BSD-3-Clause
#include "history_command.h"

#include <stdlib.h>

#include "clock.h"
#include "daemon.h"
#include "phone_key.h"
#include "store_reader.h"
#include "text.h"
#include "time_argument.h"

#define SCAN_STEP 256 // records that one step looks at
#define TELL_STEP 16  // and tells

// Where the walk is, and what it is to find.
struct walk {
	struct answer_list list;
	struct store_reader *reader;
	struct store_filter filter;
	struct store_place place;
	uint64_t left;	   // as many may still be told
	json_t *arguments; // the filter's texts
	char address[ADDRESS_TEXT_MAX], device[DEVICE_TEXT_MAX];
};

static json_t *told_json(const struct record *record)
{
	json_t *object = record_json(record);
	if (object == NULL)
		return NULL;
	json_object_set_new(object, "recorded_at", json_time(record->made_ms));
	json_object_set_new(object, "number", json_integer((json_int_t)record->number));
	return object;
}

static enum answer_turn fail(struct answer *answer, struct buffer *out, enum store_result result)
{
	struct walk *walk = answer->state;
	if (walk->list.begun) // half an answer is none
		out->failed = true;
	else
		answer_error(out, "history: the database %s",
			result == STORE_DAMAGED ? "is damaged" : "does not answer");
	return ANSWER_DONE;
}

static enum answer_turn step(struct answer *answer, struct buffer *out)
{
	struct walk *walk = answer->state;
	struct record *records[TELL_STEP];
	size_t n = 0, max = walk->left < TELL_STEP ? (size_t)walk->left : TELL_STEP;
	bool end = false;
	enum store_result result = store_reader_find(
		walk->reader, &walk->filter, &walk->place, SCAN_STEP, records, max, &n, &end);
	for (size_t i = 0; i < n; i++) {
		json_t *object = result == STORE_OK ? told_json(records[i]) : NULL;
		if (object)
			answer_list_item(&walk->list, out, object);
		record_release(records[i]);
	}
	if (result != STORE_OK)
		return fail(answer, out, result);
	walk->left -= n;
	if (!end && walk->left > 0)
		return ANSWER_MORE;
	answer_list_end(&walk->list, out);
	return ANSWER_DONE;
}

static void end(struct answer *answer)
{
	struct walk *walk = answer->state;
	store_reader_close(walk->reader);
	json_decref(walk->arguments);
	free(walk);
}

// ---- the arguments ----

static const char *word(const struct walk *walk, const char *name)
{
	return json_string_value(json_object_get(walk->arguments, name));
}

// What of it the table has checked is right.
static void set_time(const struct walk *walk, const char *name, uint64_t *ms)
{
	const char *text = word(walk, name);
	if (text)
		(void)time_argument_parse(text, clock_wall_ms(), ms);
}

static void set_limit(struct walk *walk)
{
	const char *text = word(walk, "limit");
	walk->left = text ? strtoull(text, NULL, 10) : HISTORY_LIMIT;
}

static bool set_phone(struct walk *walk, struct buffer *out)
{
	const char *text = word(walk, "phone");
	if (text == NULL)
		return true;
	if (text[0] == '\0') {
		answer_usage(out, "history: --phone: the key is empty");
		return false;
	}
	struct phone_key key = phone_key_parse(text);
	struct store_filter *filter = &walk->filter;
	filter->by_phone = true;
	filter->user = key.user;
	if (!address_is_none(&key.address))
		filter->address = address_format(&key.address, walk->address);
	if (!device_is_none(&key.device))
		filter->device = device_format(&key.device, walk->device);
	return true;
}

static int kind_of(const char *name)
{
	if (name == NULL)
		return -1;
	return strcmp(name, "alert") == 0 ? RECORD_ALERT : RECORD_DIAGNOSIS;
}

static bool set_filter(struct walk *walk, const struct daemon *daemon, struct buffer *out)
{
	walk->place = STORE_PLACE_NEWEST;
	walk->filter = (struct store_filter){.before_ms = INT64_MAX,
		.last = journal_settled(daemon->journal),
		.kind = kind_of(word(walk, "kind")),
		.slug = word(walk, "id"),
		.state = word(walk, "state"),
		.gateway = word(walk, "gateway"),
		.changes = json_is_true(json_object_get(walk->arguments, "changes"))};
	set_time(walk, "since", &walk->filter.since_ms);
	set_time(walk, "until", &walk->filter.before_ms);
	set_limit(walk);
	return set_phone(walk, out);
}

void history_serve(const json_t *arguments, struct answer *answer, struct buffer *out)
{
	char error[256];
	const struct daemon *daemon = answer->daemon;
	if (daemon->config.journal.directory == NULL) {
		answer_error(out, "history: none is kept (`history: none` in the config)");
		return;
	}
	struct walk *walk = calloc(1, sizeof(*walk));
	if (walk == NULL) {
		out->failed = true;
		return;
	}
	answer->state = walk;
	answer->end = end;
	walk->arguments = arguments ? json_deep_copy(arguments) : json_object();
	bool ok = set_filter(walk, daemon, out);
	if (ok) {
		walk->reader =
			store_reader_open(daemon->config.journal.directory, error, sizeof(error));
		ok = walk->reader != NULL;
		if (!ok)
			answer_error(
				out, "history: %s: %s", daemon->config.journal.directory, error);
	}
	if (ok)
		answer->step = step;
	else
		answer_fini(answer);
}
