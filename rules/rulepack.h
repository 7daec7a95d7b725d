// SPDX-License-Identifier: BSD-3-Clause
// rulepack: the YAML rule files of a directory -> a model in memory, every name in it resolved.
//
// A file holds any of five lists:
//   messages:   what a line looks like and which event it is
//   diagnoses:  which events, together, are a failure; what to say and what to do about it
//   recovery:   events that end a diagnosis which names no sign of success of its own
//   endings:    events after which a phone has no tunnel
//   alerts:     how many of them are a fact about the fleet (alert_rule.h)
//
// Made on the control thread; read-only afterwards.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "alert_rule.h"
#include "condition.h"
#include "expression.h"
#include "need.h"
#include "report.h"
#include "template.h"
#include "vocabulary.h"

#define RULES_FILE_BYTES_MAX (1u << 20)
#define RULES_BYTES_MAX (16u << 20) // of all files
#define RULES_MESSAGES_MAX 1024
#define RULES_TEXTS_MAX 2048		  // of all messages
#define RULES_TEXT_BYTES_MAX 1024	  // of one; no line is looked at further (EVENT_LINE_MAX)
#define RULES_TEXTS_BYTES_MAX (256 << 10) // of all: some 10 s of compiling at 40 us a byte
#define RULES_PATTERNS_MAX 64		  // of those texts
#define RULES_TEXTS_OF_ONE_MAX 8
#define RULES_CASES_MAX 24			     // cases of one message
#define RULES_DETAILS_MAX 8			     // details of one diagnosis
#define RULES_EXPECTED_MAX 2			     // details of one that others expect
#define RULES_CAUSES_MAX 12			     // causes of one diagnosis
#define RULES_CAUSE_BYTES_MAX 31		     // DIAGNOSIS_CAUSE_MAX of dataplane/diagnosis.h
#define RULES_RECOVERS_MAX 12			     // signs of success of one diagnosis
#define ASA_ID_MAX 1000000			     // six digits
#define RULES_WINDOW_MAX_MS (3600 * 1000)	     // how far a diagnosis may look back
#define RULES_FACT_MAX_MS (30ull * 24 * 3600 * 1000) // how old a gateway's fact may be

enum rule_source { RULE_ASA, RULE_PHONE };

// What a line means to the handshakes of its gateway (dataplane/handshake.c). X(constant, YAML
// name, help)
#define HANDSHAKE_STEPS(X)                                                                    \
	X(HANDSHAKE_NONE, "none", "nothing")                                                  \
	X(HANDSHAKE_STARTS, "starts", "a client opens one")                                   \
	X(HANDSHAKE_SUPPORTS, "supports", "head of the list of what the gateway allows")      \
	X(HANDSHAKE_OFFERS, "offers", "head of the list of what the client offers")           \
	X(HANDSHAKE_OTHER_LIST, "other-list", "head of a list that is no client's")           \
	X(HANDSHAKE_CIPHER, "cipher", "one entry of the nearest earlier list")                \
	X(HANDSHAKE_GOES_ON, "goes-on", "a step of a handshake that is under way")            \
	X(HANDSHAKE_CHOOSES, "chooses", "the cipher is agreed")                               \
	X(HANDSHAKE_ASKS, "asks", "the client's certificate is asked for")                    \
	X(HANDSHAKE_SENDS_NONE, "sends-none", "the client has sent no certificate")           \
	X(HANDSHAKE_COMPLETES, "completes", "it succeeded")                                   \
	X(HANDSHAKE_FAILS, "fails", "it failed")                                              \
	X(HANDSHAKE_ENDS, "ends", "its connection ended")                                     \
	X(HANDSHAKE_REASON, "reason", "why one fails; no address: bound to one")              \
	X(HANDSHAKE_REASON_EARLY, "reason-early", "as reason, before a cipher is agreed")     \
	X(HANDSHAKE_REASON_LATE, "reason-late", "as reason, after a cipher is agreed")        \
	X(HANDSHAKE_REASON_BARE, "reason-bare",                                               \
		"as reason-late, of a client that has sent no certificate")                   \
	X(HANDSHAKE_CHAIN_STARTS, "chain-starts", "as chain, the first line of a validation") \
	X(HANDSHAKE_FOLLOWS, "follows", "no address: of the one client named just before")    \
	X(HANDSHAKE_LOGS_IN, "logs-in", "the client has logged in, and has no session yet")   \
	X(HANDSHAKE_ADJOINS, "adjoins", "no address: of the client that has just logged in")  \
	X(HANDSHAKE_CHAIN, "chain",                                                           \
		"validation of a client certificate; no address: bound to one")               \
	X(HANDSHAKE_CHAIN_ACCEPTED, "chain-accepted", "as chain: the certificate is good")    \
	X(HANDSHAKE_CHAIN_REFUSED, "chain-refused", "as chain: the certificate is refused")

enum handshake_step {
#define X(constant, name, help) constant,
	HANDSHAKE_STEPS(X)
#undef X
		HANDSHAKE_STEP_MAX
};

// What a line does to the names of a client.
enum alias_action {
	ALIAS_NONE,
	ALIAS_ASSIGN,  // ties {tunnel} and {user} to {client}
	ALIAS_RELEASE, // {tunnel}, or the tunnel of {user} or {client}, ends
	ALIAS_MOVE,    // {client} goes on as {client_new}
};

// What an event is to the engine, whatever its name.
struct event_effect {
	uint16_t event; // NAME_NONE: none
	bool marks_phone;
	bool unproven; // whoever it names has only claimed to be that: typed, or in a certificate
		       // not yet validated
	enum alias_action alias;
	enum handshake_step handshake;
};

struct message_case {
	struct condition *conditions; // all must hold
	unsigned n_conditions;
	struct event_effect effect;
};

// A field as an example's line is to give it.
struct example_field {
	struct rule_place place;
	uint8_t field;
	const char *value;
};

struct message_example {
	struct rule_place place;
	const char *line;
	const char *event; // expected, or NULL
	unsigned n_fields;
	struct example_field *fields;
};

struct message_rule {
	const char *id; // ASA-725006, PHONE-leaf-hash
	enum rule_source source;
	uint32_t asa_id;
	struct rule_place place, while_place;
	struct rule_place text_places[RULES_TEXTS_OF_ONE_MAX]; // or the pattern's, first
	struct template *templates;
	unsigned n_templates;
	const char *pattern; // in place of a template
	uint16_t only_while; // matched only while such a diagnosis is open, or NAME_NONE
	struct event_effect effect;
	struct message_case *cases;
	unsigned n_cases;
	struct message_example *examples;
	unsigned n_examples;
};

enum scope { SCOPE_PHONE, SCOPE_GATEWAY, SCOPE_MAX };
enum confidence {
	CONFIDENCE_NONE,
	CONFIDENCE_SUSPECTED,
	CONFIDENCE_PROBABLE,
	CONFIDENCE_CONFIRMED
};
extern const char *const confidence_names[];
// Whether it counts as a failure: a suspicion is none, for the fleet and for alerts alike.
static inline bool confidence_is_sure(enum confidence confidence)
{
	return confidence > CONFIDENCE_SUSPECTED;
}
extern const char *const scope_names[];

struct diagnosis_detail {
	struct rule_place place;
	const char *name;
	uint16_t event; // NAME_NONE: any evidence that has the field
	uint8_t field;
};

struct diagnosis_cause {
	const char *name;
	const struct expression *when;
	struct translations remedy; // what to do about it before all else; may be none
};

// A detail as an example's diagnosis is to tell it: of a list "a, b"; empty: not at all.
struct example_detail {
	struct rule_place place;
	const char *name, *value;
};

// Lines that must lead to the diagnosis, and what it must say.
struct diagnosis_example {
	struct rule_place place;
	struct example_line {
		const char *text; // NULL: time passes
		uint64_t wait_ms;
	} * lines;
	unsigned n_lines;
	struct address sender;					  // none: unknown
	const char *confidence, *client, *device, *state, *cause; // NULL: any
	struct example_detail *details;
	unsigned n_details;
	bool absent;	   // the lines must not lead to it
	const char **also; // other diagnoses that the lines may lead to
	unsigned n_also;
};

#define EVENT_WORDS (EVENTS_MAX / 64)

struct diagnosis_rule {
	uint16_t number; // in the vocabulary
	const char *id;
	struct rule_place place;
	enum scope scope;
	const struct expression
		*levels[CONFIDENCE_CONFIRMED + 1]; // by confidence; NULL: none gives it
	uint64_t window_ms;
	const struct expression *recovers[RULES_RECOVERS_MAX];
	unsigned n_recovers;
	bool own_recovers; // it says by which, or by none: not by those of the pack
	bool by_tunnel;	   // recovers when a tunnel comes up at once: evidence from before that is
			   // void
	bool has_absence;
	uint64_t quiet_ms;   // recovers after so long without evidence; 0: no
	uint64_t calm_ms;    // a sign of success counts only so long after the last evidence
	uint64_t expires_ms; // expires after so long without evidence; 0: as the limits say
	uint64_t evidence[EVENT_WORDS]; // events kept as evidence
	uint64_t signs[EVENT_WORDS]; // those that its levels look for; the others only add to them
	uint64_t counted[EVENT_WORDS];	// those of them that are told by their number alone
	uint64_t attempts[EVENT_WORDS]; // events that count attempts; none: any evidence that
					// repeats
	// Events that must have been, but are no failure (a tunnel that is up): of each the last
	// line is shown among the evidence, and neither counts nor dates.
	uint64_t context[EVENT_WORDS];
	bool one_attempt;  // it is a consequence of what is of the same attempt only
	uint16_t *absorbs; // diagnoses that are its consequences
	struct rule_place *absorb_places;
	unsigned n_absorbs;
	struct diagnosis_detail details[RULES_DETAILS_MAX];
	unsigned n_details;
	// Details that tell what phones of the same gateway saw in the field when they connected
	// well (dataplane/accepted.h), where this one saw something else.
	struct diagnosis_detail expected[RULES_EXPECTED_MAX];
	unsigned n_expected;
	struct diagnosis_cause causes[RULES_CAUSES_MAX];
	unsigned n_causes;
	const char *cause_otherwise; // NULL: no cause unless one holds
	struct translations title, remedy;
	const char *reference;
	struct diagnosis_example *examples;
	unsigned n_examples;
};

#define FIELD_WORDS (FIELD_MAX / 64)
#define DIAGNOSIS_WORDS (DIAGNOSES_MAX / 64)

// What messages tell of one event, and the rules want to know of it.
struct event_use {
	bool known;		      // some message makes it
	bool by_gateway;	      // that of a gateway, at least
	bool of_phones;		      // a client is known by it, or found for it
	bool bound;		      // found by its handshake, which has a port
	uint64_t fields[FIELD_WORDS]; // of all messages that make it
	bool phone_scope;	      // a diagnosis of a phone looks at it
	bool gateway_scope;
	bool gateway_fact; // {gateway: ...} looks at it
	bool no_tunnel;	   // evidence of something that a tunnel ends
	bool outlasts;	   // a diagnosis of phones looks at it that no tunnel ends
	bool ends_tunnel;
	bool expected;		// a diagnosis looks at what phones tell by it before they connect
	uint8_t wanted;		// how many of it a diagnosis looks for, at most
	bool keep;		// evidence of something: sessions keep its line
	uint64_t window_ms;	// how far back any diagnosis looks for it
	uint8_t distinct_field; // hashed into sighting.value, or FIELD_NONE
	uint8_t n_conditions;
	struct condition conditions[CONDITIONS_MAX];
	// Diagnosis rules, as bits by their index: to look at when it comes; that it is evidence
	// of; that it may end.
	uint64_t triggers[DIAGNOSIS_WORDS];
	uint64_t evidence_of[DIAGNOSIS_WORDS];
	uint64_t recovers[DIAGNOSIS_WORDS];
};

// Of each of a rule's needs, the rules, as bits by their index, that have it met.
struct needs_met {
	uint64_t rules[NEEDS_MAX][DIAGNOSIS_WORDS];
};

struct rulepack {
	struct obstack arena;
	struct rule_place field_places[FIELD_MAX]; // where a rule gives the field its type
	struct vocabulary *vocabulary;		   // the caller's
	struct message_rule *messages;
	unsigned n_messages;
	unsigned n_texts, n_patterns, n_text_bytes; // of all messages
	bool incomplete; // something could not be read: what there is of it is not known
	struct diagnosis_rule *diagnoses;
	unsigned n_diagnoses;
	struct alert_rule *alerts;
	unsigned n_alerts;
	const struct expression *recovery[RULES_RECOVERS_MAX];
	unsigned n_recovery;
	struct event_use events[EVENTS_MAX];
	struct needs_met met_by[EVENTS_MAX], met_by_none; // by each event that has been seen
	uint64_t of_scope[SCOPE_MAX][DIAGNOSIS_WORDS];
	uint64_t expecting[DIAGNOSIS_WORDS];		// rules that expect something
	int16_t diagnosis_of[SCOPE_MAX][DIAGNOSES_MAX]; // vocabulary number -> index, or -1
};

// The names that a pack brings stay in the vocabulary, also where it is refused: see
// vocabulary_restore(). One pack is read at a time.

// Read every *.yaml and *.yml of a directory in the order of their names, or one file.
// NULL: the report says what is wrong, all of it that can be told at once.
struct rulepack *rulepack_load(
	const char *path, struct vocabulary *vocabulary, struct report *report);

// As rulepack_load() for one file in memory.
struct rulepack *rulepack_load_bytes(const char *name, const char *bytes, size_t len,
	struct vocabulary *vocabulary, struct report *report);

void rulepack_destroy(struct rulepack *pack);

// The diagnosis rule of a vocabulary number, or NULL when no rule of this pack has it. A phone's
// and a gateway's may share a name (an address pool that is empty is both).
const struct diagnosis_rule *rulepack_diagnosis(
	const struct rulepack *pack, enum scope scope, uint16_t number);

// A set of events, or of fields.
static inline bool event_bit(const uint64_t *bits, uint16_t event)
{
	return bits[event / 64] >> (event % 64) & 1;
}

static inline bool any_bit(const uint64_t *bits, unsigned n_words)
{
	uint64_t any = 0;
	for (unsigned word = 0; word < n_words; word++)
		any |= bits[word];
	return any != 0;
}

static inline void set_bit(uint64_t *bits, uint16_t number)
{
	bits[number / 64] |= 1ull << (number % 64);
}
