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

// A name of events or diagnoses: it gets its number.
bool pack_read_slug(
	struct yaml_file *file, struct fy_node *node, struct registry *registry, uint16_t *out);

// As readers of keys (struct yaml_key): a text copied to the arena, a time, true or false.
bool pack_read_text(struct yaml_file *file, struct fy_node *node, void *text);
bool pack_read_duration(struct yaml_file *file, struct fy_node *node, void *ms);
bool pack_read_boolean(struct yaml_file *file, struct fy_node *node, void *boolean);

// One item of a list of the file; target: the rulepack.
bool pack_read_message(struct yaml_file *file, struct fy_node *node, void *pack);
bool pack_read_diagnosis(struct yaml_file *file, struct fy_node *node, void *pack);

// All rules have been read: what they want of each event (struct event_use), and what a rule takes
// over from the pack.
void pack_use_rules(struct rulepack *pack);
