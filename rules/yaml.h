// SPDX-License-Identifier: BSD-3-Clause
// yaml: reads one YAML file that an operator wrote (rules, config) against tables of keys, and says
// file:line:column of whatever is wrong. libfyaml parses; here are the limits and the tables.
//
// A file is valid UTF-8 within the limits below, one document without anchors and aliases (a few
// lines of them can stand for gigabytes) and without %TAG.
#pragma once

#include <libfyaml.h>
#include <stdint.h>

#include "arena.h"
#include "report.h"
#include "slice.h"

#define YAML_BYTES_MAX (4u << 20)
#define YAML_COLUMNS_MAX 65536 // characters of a line: 65,536 x 400 B of tokens = 26 MB
#define YAML_NODES_MAX 200000  // scalars and collections: 200,000 x 540 B = 108 MB
#define YAML_KEYS_MAX 32       // of one mapping that a table or yaml_pairs() reads
#define YAML_DEPTH_MAX 60      // libfyaml itself stops at 64

struct yaml_place {
	int line, column; // from 1 on
};

struct yaml_file {
	const char *path; // as it is to stand in errors
	struct report *report;
	struct obstack *arena; // where texts that outlive the file are copied
	void *context;	       // the caller's own
	uint32_t bytes_max;    // 0: YAML_BYTES_MAX
	unsigned n_before;     // nodes of other files that are open at the same time
	unsigned n_nodes;
	struct fy_document *document;
	struct fy_node *root; // NULL: the file is empty
	char *bytes;
	size_t len;
	// Of what has no token in the document, in its order.
	struct yaml_place *places;
	unsigned n_places;
};

// Read and parse `path`. On error false, and the report says why.
bool yaml_open(struct yaml_file *file, const char *path);

// As yaml_open() for bytes in memory; `path` names them in errors. Takes a copy.
bool yaml_open_bytes(struct yaml_file *file, const char *path, const char *bytes, size_t len);

void yaml_close(struct yaml_file *file);

// Add an error at a node; always returns false.
__attribute__((format(printf, 3, 4))) bool yaml_error(
	struct yaml_file *file, struct fy_node *node, const char *format, ...);

// Where a node stands in its file.
struct rule_place yaml_place(const struct yaml_file *file, struct fy_node *node);

// One key of a mapping. `read` gets the value and the target's member at `offset`; false: it has
// reported.
struct yaml_key {
	const char *name;
	bool (*read)(struct yaml_file *file, struct fy_node *value, void *target);
	bool required;
	size_t offset;
};

// Read a mapping by its table, in the order of the table: what a key needs of another stands before
// it there, in the file it stands anywhere. Unknown and missing keys are errors that name the known
// ones.
bool yaml_mapping(struct yaml_file *file, struct fy_node *node, const char *what,
	const struct yaml_key *keys, size_t n_keys, void *target);

// Read a mapping whose keys are names of the operator's: call `read` for each pair, until one
// fails. Keys are texts, 1 to YAML_KEYS_MAX of them, and none stands twice.
bool yaml_pairs(struct yaml_file *file, struct fy_node *node, const char *what,
	bool (*read)(
		struct yaml_file *file, struct fy_node *key, struct fy_node *value, void *target),
	void *target);

// Call `read` for each item. A single scalar or mapping counts as a list of one where `lenient`.
bool yaml_sequence(struct yaml_file *file, struct fy_node *node, bool lenient,
	bool (*read)(struct yaml_file *file, struct fy_node *item, void *target), void *target);

// Number of items that yaml_sequence(lenient) would visit.
unsigned yaml_count(struct fy_node *node);

// Scalars. The slice points into the file's bytes and dies with it; yaml_text_copy() copies to the
// arena.
bool yaml_text(struct yaml_file *file, struct fy_node *node, struct slice *out);
bool yaml_text_copy(struct yaml_file *file, struct fy_node *node, const char **out);
bool yaml_number(
	struct yaml_file *file, struct fy_node *node, uint64_t min, uint64_t max, uint64_t *out);
bool yaml_boolean(struct yaml_file *file, struct fy_node *node, bool *out);
// "500ms", "30s", "5m", "24h", "7d" -> milliseconds
bool yaml_duration(struct yaml_file *file, struct fy_node *node, uint64_t *out_ms);
// The same for a part of a text; false: it is none, and nothing is reported.
bool yaml_parse_duration(struct slice text, uint64_t *out_ms);
#define YAML_DURATIONS "500ms, 30s, 5m, 24h or 7d"
// Index of the scalar among `names`.
bool yaml_choice(struct yaml_file *file, struct fy_node *node, const char *const *names,
	size_t n_names, unsigned *out);
