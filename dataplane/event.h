// SPDX-License-Identifier: BSD-3-Clause
// event: a message that a rule knows, with its typed fields, self-contained: it may outlive the
// datagram and cross to another worker. Only events travel, never noise.
//
// Runs in the worker's loop. Before it: message. After it: handshake (lines of a gateway), session.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../rules/compile.h"
#include "counters.h"
#include "message.h"
#include "policy.h"

#define EVENT_LINE_MAX 1024 // bytes of a line that are kept; FTD and 717xxx lines stay below
#define EVENT_TEXT_MAX 2048 // the line, and what handshake.c attaches: cipher lists
#define EVENT_VALUES_MAX (TEMPLATE_FIELDS_MAX + 2)
#define EVENT_ORIGIN_MAX 64
#define EVENT_CODE_MAX 16
#define EVENT_STAMP_MAX 40
#define EVENT_MODEL_MAX 16
#define EVENTS_OF_LINE_MAX 8 // a phone's line can hold several records

#define GATEWAY_NONE UINT16_MAX
#define CLOCK_SLACK_MS 1000 // clocks of two workers, and one that is slewed, differ by less

// What is to be done with an event next, and so whose it is (worker.c).
enum stage {
	STAGE_BIND,    // at the owner of the gateway: handshake.c
	STAGE_RESOLVE, // at the owner of an alias: which client is it?
	STAGE_JUDGE,   // at the owner of the client: session.c
	STAGE_ALIAS,   // at the owner of an alias: it now leads to this key, or to none
	STAGE_MOVE, // at the owner of a session: what it knows of one device belongs to another key
	STAGE_TAKE, // at the owner of the other: a piece of that (handover.c)
};

enum key_kind {
	KEY_NONE,
	KEY_CLIENT,    // an address as the ASA logs it
	KEY_DEVICE,    // a phone known by name alone
	KEY_ANONYMOUS, // the one phone whose log a file is
	KEY_GATEWAY,
};

// Whose session: 24 bytes without holes, hashed and compared as a whole.
struct session_key {
	struct address address; // or the device, or the gateway's or file's number
	uint64_t kind;
};

#define EVENT_AMBIGUOUS 0x01   // its binding could be another client's
#define EVENT_MARKS_PHONE 0x02 // says that the client is a phone
#define EVENT_PHONE_GROUP 0x04 // its group is one of phones
#define EVENT_BY_SENDER 0x08   // a phone's line: the client is where it came from
#define EVENT_LATE 0x10	       // has waited for its client
#define EVENT_CLIPPED 0x20     // the line was longer than EVENT_LINE_MAX
#define EVENT_HAS_ASA \
	0x40 // STAGE_ALIAS: the session has been seen by a gateway, not by phone lines alone
#define EVENT_RELEASE 0x80	// STAGE_ALIAS: the alias ends
#define EVENT_HIDDEN_USER 0x100 // the ASA printed ***** in place of the user
#define EVENT_UNPROVEN 0x200	// its names are claims of the client
#define EVENT_PASSING 0x400	// of no use unless its client is known now: does not wait
#define EVENT_BOUND 0x800	// its client is not told by the line, but by the lines around it
#define EVENT_STRANGER 0x1000	// a client's certificate that bears no phone's name
#define EVENT_NEAR 0x2000	// stands right behind a line of its client's
#define EVENT_PAST 0x4000	// came through the tunnel, and says why there was none

struct event {
	uint64_t time_ms; // arrival, since the epoch
	uint64_t alias;	  // STAGE_RESOLVE, STAGE_ALIAS: hash of the alias; STAGE_TAKE: of the user
	struct address client, client_new, tunnel;
	struct address sender;
	struct session_key key;	   // whose session; STAGE_ALIAS: to where; STAGE_MOVE: from where
	struct session_key key_to; // STAGE_MOVE
	struct device device;
	uint16_t type; // number in the vocabulary
	uint16_t gateway;
	uint16_t port; // the client's
	uint16_t flags;
	uint16_t queue;	    // which receive queue of which worker: order holds within one
	uint16_t line_len;  // evidence: the line after its header
	uint16_t text_len;  // with attachments
	uint16_t diagnosis; // STAGE_TAKE: number in the vocabulary
	uint8_t stage, source, handshake, alias_action;
	uint8_t handover; // STAGE_TAKE: which piece
	uint8_t n_values, origin_len, code_len, stamp_len;
	uint32_t input;	     // KEY_ANONYMOUS: the number of the file, 0: none
	uint32_t generation; // of the ruleset that knew the line; 0: it is no line
	char model[EVENT_MODEL_MAX];
	char origin[EVENT_ORIGIN_MAX];
	char code[EVENT_CODE_MAX];
	char stamp[EVENT_STAMP_MAX]; // of a gateway's line: the time in its header
	struct field_value values[EVENT_VALUES_MAX];
	char text[EVENT_TEXT_MAX]; // only text_len bytes are ever copied
};

// Bytes of an event that carry something.
static inline size_t event_size(const struct event *event)
{
	return offsetof(struct event, text) + event->text_len;
}

static inline struct slice event_value(const struct event *event, uint8_t field)
{
	struct slice text = {event->text, event->text_len};
	return field_value_find(text, event->values, event->n_values, field);
}

// Whether so long has passed since a time. One in the future is of before the clock was set back:
// past.
static inline bool is_past(uint64_t time_ms, uint64_t duration_ms, uint64_t now_ms)
{
	return now_ms >= time_ms + duration_ms || time_ms > now_ms + CLOCK_SLACK_MS;
}

// The user it names; empty: none, or the gateway hides or does not know the name.
struct slice event_user(const struct event *event);

typedef void (*event_emit_fn)(void *context, struct event *event);

// Rules and scratch travel as one, so they always fit. One a worker.
struct scanner {
	const struct ruleset *ruleset;
	hs_scratch_t *scratch;
};

// -ENOMEM. The ruleset must outlive the scanner.
[[nodiscard]] int scanner_init(struct scanner *scanner, const struct ruleset *ruleset);
void scanner_fini(struct scanner *scanner);

// How a message came.
struct arrival {
	uint64_t time_ms;
	struct address sender; // none: unknown (a text log)
	uint16_t queue;	       // of the worker's
	uint32_t input;	       // number of a text log whose sender is unknown; 0: a wire
	bool doubtful;	       // follows, in one datagram, what may have been typed
};

// How many diagnoses of each number are open, over all workers: for rules that match only then.
struct open_counts {
	_Atomic(uint32_t) of[DIAGNOSES_MAX]; // all workers write: locked instructions
};

struct event_matcher {
	struct scanner *scanner;
	const struct policy *policy;
	const struct open_counts *open;
	struct counters *counters;
};

// Whether a rule could know the message, by its source and id: of most lines none does.
static inline bool event_is_wanted(const struct ruleset *ruleset, const struct message *message)
{
	switch (message->source) {
	case MESSAGE_ASA:
		return ruleset->databases[RULE_ASA] && ruleset_wants(ruleset, message->asa_id);
	case MESSAGE_PHONE:
		return ruleset->databases[RULE_PHONE] != NULL;
	default:
		return false;
	}
}

// Which rules know the message: at most max events into out. An ASA line is one event or none.
unsigned event_match(const struct event_matcher *matcher, const struct message *message,
	const struct arrival *arrival, struct event *out, unsigned max);

// Whether what a wanted message is hangs on what is open at its time: lines before it have to be
// judged first.
bool event_hangs_on_open(const struct event_matcher *matcher, const struct message *message);

// Whether a gateway's text is one message although it has been divided at an offset: what was typed
// as a user's name spans the place.
bool event_is_one(
	const struct event_matcher *matcher, const struct message *message, const char *divided_at);

// Whether the event's line ends with what was typed as a user's name: what follows it in the same
// datagram may have been typed too.
bool event_ends_with_user(const struct event *event);

// Add a value with text of its own (a cipher list); false: no room.
bool event_attach(struct event *event, uint8_t field, struct slice text);

struct session_key key_of_client(const struct address *client);
struct session_key key_of_device(const struct device *device);
struct session_key key_of_number(enum key_kind kind, uint32_t number);

static inline bool key_equals(const struct session_key *a, const struct session_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
