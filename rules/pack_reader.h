// SPDX-License-Identifier: BSD-3-Clause
// pack_reader: what the files that read a rulepack share: one message, one diagnosis, and what the
// rules then want of each event. rulepack.c calls them; nobody else.
#pragma once

#include "rulepack.h"
#include "yaml.h"

#define NAMES_OF_EARLIER "with those of earlier packs, until a restart"

static inline struct rulepack *pack_of(struct yaml_file *file)
{
	return file->context;
}

// A name in the form that all of them have.
bool pack_slug(struct yaml_file *file, struct fy_node *node, struct slice *name);
// A name of events or diagnoses: it gets its number.
bool pack_read_slug(
	struct yaml_file *file, struct fy_node *node, struct registry *registry, uint16_t *out);

// A name of a field that the pack knows.
bool pack_read_field(struct yaml_file *file, struct fy_node *node, uint8_t *out);

// As readers of keys (struct yaml_key): a text copied to the arena, a time, true or false.
bool pack_read_text(struct yaml_file *file, struct fy_node *node, void *text);
bool pack_read_duration(struct yaml_file *file, struct fy_node *node, void *ms);
bool pack_read_boolean(struct yaml_file *file, struct fy_node *node, void *boolean);

// A text, or one by language.
bool pack_read_translations(struct yaml_file *file, struct fy_node *node, void *translations);

// Fields of a message: those of all its texts.
void pack_fields_of(const struct message_rule *rule, uint64_t *fields);

// A message has been read: what it tells of its events.
void pack_learn_message(struct rulepack *pack, const struct message_rule *rule);

// Whether the field is one of these; else an error that names them. whose: "no text of the message"
bool pack_has_field(struct yaml_file *file, struct fy_node *node, const uint64_t *fields,
	uint8_t field, const char *whose);
// ... of the event's
bool pack_event_has(struct yaml_file *file, struct fy_node *node, uint16_t event, uint8_t field);

// One item of a list of the file; target: the rulepack.
bool pack_read_message(struct yaml_file *file, struct fy_node *node, void *pack);
bool pack_read_diagnosis(struct yaml_file *file, struct fy_node *node, void *pack);
bool pack_read_alert(struct yaml_file *file, struct fy_node *node, void *pack);

// Whether an event can be seen by a diagnosis of the scope; else an error at the leaf.
bool pack_check_scope(const struct rulepack *pack, enum scope scope, const struct expression *leaf,
	struct report *report);

// Alerts that name one another. false: reported.
bool pack_check_alerts(const struct rulepack *pack, struct report *report);

// What can be told only once all rules have been read. false: reported.
bool pack_check(struct rulepack *pack, struct report *report);

// All rules have been read: what they want of each event (struct event_use), and what a rule takes
// over from the pack.
void pack_use_rules(struct rulepack *pack);
