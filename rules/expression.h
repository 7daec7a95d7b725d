// SPDX-License-Identifier: BSD-3-Clause
// expression: what a diagnosis rests on, over the events of one phone (or gateway) within a window.
//
//   slug                                           the event was seen
//   {event: slug, where: {field: [glob, ...]}}     ... with such a value; of a list field: every
//   word {event: slug, disjoint: [offered, supported]}  ... and the two lists have no word in
//   common {all: [..]} {any: [..]} {not: ..} {sequence: [leaf, ..], within: 10s}            one
//   after the other {count: leaf, at_least: 3, within: 5m}         so many times {distinct: field,
//   of: leaf, at_least: 3}       so many different values of a field, or `gateway` {turns: gateway,
//   of: leaf, at_least: 2}        the value changed so many times {absent: leaf, after: leaf, for:
//   30s}          the second came, and for so long the first did not {gateway: slug, within: 1h}
//   the phone's gateway has logged it
//
// {all: ..} and {sequence: ..} hold where all that bears a client's port bears the same one:
// evidence of two handshakes is never joined; `count`, `distinct`, `turns` and `absent` look over
// all of them.
//
// Pure: what has been seen, the time and the gateway's facts come in as arguments.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vocabulary.h"
#include "yaml.h"

// One relevant event of a session, in the order of arrival.
struct sighting {
	uint64_t time_ms;
	uint64_t line;	     // where its text is, for the session's owner
	uint32_t value;	     // hash of the field that a `distinct` or `turns` looks at
	uint16_t event;	     // number in the vocabulary
	uint16_t conditions; // which of the event's conditions hold, by bit
	uint16_t gateway;
	uint16_t port;	  // the client's, 0: none
	uint16_t text;	  // hash of the line's text
	uint8_t identity; // whose: 0 nobody's by name
	uint8_t flags;	  // SIGHTING_*
};

#define SIGHTING_AMBIGUOUS 1 // its binding could be another client's
#define SIGHTING_SHARED 2    // names nobody, at an address of several
#define SIGHTING_DOUBTFUL 4  // names nobody, and each phone there is connected

#define CONDITIONS_MAX 16 // different ones that rules put on one event

enum expression_kind {
	EXPRESSION_SEEN,
	EXPRESSION_ALL,
	EXPRESSION_ANY,
	EXPRESSION_NOT,
	EXPRESSION_SEQUENCE,
	EXPRESSION_COUNT,
	EXPRESSION_DISTINCT,
	EXPRESSION_TURNS,
	EXPRESSION_ABSENT,
	EXPRESSION_GATEWAY,
};

struct expression {
	enum expression_kind kind;
	uint16_t event;	     // SEEN, GATEWAY
	uint16_t conditions; // SEEN: bits that must hold
	uint8_t field;	     // DISTINCT, TURNS; FIELD_GATEWAY is the gateway itself
	uint32_t at_least;
	uint64_t within_ms; // 0: the diagnosis' window
	struct rule_place place;
	unsigned n_parts;
	const struct expression **parts; // ABSENT: what is absent, after what
};

#define PORT_ANY 0
#define PORT_NONE UINT32_MAX // sightings without a port only

struct expression_view {
	const struct sighting *sightings; // of the subject, within the window, oldest first
	unsigned n;
	uint64_t now_ms;
	// The lines of one handshake bear its port: what `all` and `sequence` join is of one.
	// PORT_ANY, PORT_NONE, or the port that is looked at.
	uint32_t port;
	// When the gateway of the subject last logged a fact, or 0.
	uint64_t (*gateway_fact)(void *context, uint16_t event);
	void *context;
	// Earliest time at which an absence that is still possible would be proved; UINT64_MAX:
	// none.
	uint64_t wake_ms;
};

bool expression_holds(const struct expression *expression, struct expression_view *view);

// Whether it could hold of a subject of which only these events have been seen (EVENT_WORDS of
// bits), whatever their order, times, values and ports. Looks at no sighting, so most rules are
// done with here. false: it does not hold, and nothing in it waits for an absence to be proved.
bool expression_may_hold(const struct expression *expression, const uint64_t *seen);

struct condition;

// Read one {field: glob} or {field: [glob, ...]} of a mapping.
bool condition_read(struct yaml_file *file, struct fy_node *field, struct fy_node *globs,
	struct condition *out);

// Read an expression; its event names must exist once all files are read, which rulepack.c checks.
// `file->context` is the rulepack. NULL: reported.
const struct expression *expression_read(struct yaml_file *file, struct fy_node *node);

// Only a slug or {event: ...}.
const struct expression *expression_read_leaf(struct yaml_file *file, struct fy_node *node);

bool expression_has_absence(const struct expression *expression);

// Call `visit` for each leaf; `positive` is false below `not` and for what must be absent.
void expression_walk(const struct expression *expression, bool positive,
	void (*visit)(const struct expression *leaf, bool positive, void *context), void *context);
