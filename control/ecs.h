// SPDX-License-Identifier: BSD-3-Clause
// ecs: what ECS documents (Elastic Common Schema) of diagnoses and of alerts are put together from.
// Nothing is invented: what an object does not say is NULL here, and left out there.
#pragma once

#include <stdbool.h>

#include "../rules/address.h"
#include "format.h"
#include "severity.h"

#define ECS_VERSION "8.17.0"
#define ECS_LIST_MAX 32 // entries of any list

// ---- what an object says: borrowed, NULL where it has nothing of the kind ----

json_t *ecs_text(const json_t *object, const char *name); // not empty
json_t *ecs_number(const json_t *object, const char *name);
json_t *ecs_list(const json_t *object, const char *name); // not empty
json_t *ecs_flag(const json_t *object, const char *name);
json_t *ecs_time(const json_t *object, const char *name); // as time_format() writes it
json_t *ecs_address(const json_t *object, const char *name);

bool ecs_is(const char *text, const char *wanted); // NULL is nothing
bool ecs_is_address(const json_t *text);

// ---- parts of a document: new references, NULL for none ----

enum ecs_outcome { ECS_FAILURE, ECS_SUCCESS, ECS_UNKNOWN };

struct ecs_event {
	enum ecs_outcome outcome;
	const char *dataset;
	enum severity severity;
	json_t *action, *category, *type; // new references, taken
	json_t *code, *reason, *start, *end;
};

// Both but for what they are about. timestamp: NULL: when the record was made. message: taken.
json_t *ecs_envelope(const char *dataset, json_t *timestamp, json_t *message,
	const struct record *record, const struct format_context *context);
json_t *ecs_event(const struct ecs_event *event, const struct record *record, const json_t *object);
json_t *ecs_rule(json_t *id, json_t *name, const char *category, bool is_shipped);
// The gateway observes.
json_t *ecs_observer(json_t *gateway, json_t *interface);
json_t *ecs_agent(const struct format_context *context);
json_t *ecs_site(const json_t *object);
// What phones saw and what they expect, and whose certificate it is: for offhook.cert.
json_t *ecs_cert(const json_t *details);
json_t *ecs_hash(const json_t *value);	 // {"sha1": "1289.."}
json_t *ecs_expiry(const json_t *value); // "10:00:00 UTC Nov 28 2026", as an ASA prints it
// ECS has URLs in event.reference; where a rule names a book, that is ours.
json_t *ecs_book(const json_t *object); // borrowed

json_t *ecs_joined(const json_t *first, const char *between, const json_t *second);
// NULL values are not appended.
void ecs_append_once(json_t *list, json_t *value);
void ecs_append_all_once(json_t *list, json_t *values);
void ecs_append_hash(json_t *list, const json_t *hash); // of ecs_hash()

// ---- the two kinds of documents, not yet bounded ----

json_t *ecs_of_diagnosis(
	const struct record *record, const json_t *object, const struct format_context *context);
json_t *ecs_of_alert(
	const struct record *record, const json_t *object, const struct format_context *context);
