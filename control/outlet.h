// SPDX-License-Identifier: BSD-3-Clause
// outlet: a way out for diagnoses and alerts: one thread that reads the journal and hands records
// to one kind of receiver, again until it has taken them. Whatever a receiver does, the outlet
// costs its window of the journal and delays nobody else.
//
// A new kind is one file, outlet_KIND.c, and one entry in outlet_kinds[].
#pragma once

#include <obstack.h>
#include <stdbool.h>

#include "../rules/yaml.h"
#include "journal.h"

#define OUTLETS_MAX 16
#define OUTLET_BATCH_MAX 256
#define OUTLET_NAME_MAX 32
#define OUTLET_WAIT_MAX_MS 3600000 // that a receiver is granted

// What an option holds, and so what its member in the options of the kind is.
enum outlet_value {
	OUTLET_TEXT,   // const char *; NULL: not given
	OUTLET_TEXTS,  // const char **, the last one NULL; one text, or a list
	OUTLET_PATH,   // const char *
	OUTLET_FILE,   // const char *: of a file that is there and can be read
	OUTLET_SECRET, // const char *: the first line of the file that is named (option *_file)
	OUTLET_NUMBER, // uint64_t
	OUTLET_TIME,   // uint64_t, ms
	OUTLET_FLAG,   // bool
	OUTLET_CHOICE, // unsigned: its place in `choices`
};

// Whether an option says where records go, and when two values of it mean the same place.
enum outlet_target {
	TARGET_NONE,
	TARGET_TEXT, // the same bytes, or neither is given
	TARGET_TEXTS,
	TARGET_CHOICE, // what is sent there: in two shapes it is not the same
	TARGET_URL,    // of a list: any
	TARGET_PATH,   // by whatever spelling; whoever shares a file spoils it, whatever records he
		       // takes
};

struct outlet_option {
	const char *name;
	enum outlet_value value;
	size_t offset;
	uint64_t least, most;	    // of a number or a time
	const char *const *choices; // the last one NULL
	const char *initial;	    // as YAML; NULL: none (a number or choice of 0, false)
	bool is_required;
	enum outlet_target target;
	const char *help;
};

// What options that several kinds have are for.
#define OUTLET_CA_FILE_HELP "certificates that a receiver's must lead to; else the system's"
#define OUTLET_CERTIFICATE_FILE_HELP "certificate to show to the receiver, with its chain, PEM"
#define OUTLET_KEY_FILE_HELP "private key of certificate_file, PEM"
#define OUTLET_NAMESPACE_HELP "data_stream.namespace of ECS documents"

// How a delivery went.
enum delivery {
	DELIVERY_DONE,	// *n_done of them; the rest, if any, comes again at once
	DELIVERY_RETRY, // the receiver is away or busy: what is not done comes again, after a while
	DELIVERY_REFUSED, // the record at *n_done will never be taken: counted, and passed over
};

struct outlet_context {
	const char *name;	 // of the outlet
	const void *options;	 // of its kind
	struct journal *journal; // for journal_firing()
	const char *host;	 // this machine's name
	const atomic_bool *stop; // true: the outlet is to end, what takes long gives up; or NULL
	// One line, to be written where it is not DELIVERY_DONE. With DELIVERY_DONE: what is not
	// well all the same (one receiver of several is away).
	char error[256];
	uint64_t wait_ms; // with DELIVERY_RETRY: the receiver asks to be left alone so long
};

static inline bool outlet_must_stop(const struct outlet_context *context)
{
	return context->stop && atomic_load_explicit(context->stop, memory_order_relaxed);
}

struct outlet_kind {
	const char *name, *help;
	const struct outlet_option *options;
	size_t n_options, options_size;
	// After DELIVERY_RETRY the state is used again; else it is closed, and opened at the next
	// try.
	bool keeps_state;
	bool alerts_only; // of diagnoses it has nothing to tell
	// At config time: what the options table cannot say. false: *error, one line; it is told of
	// the option that it names first, of those that are given.
	bool (*check)(const void *options, char *error, size_t size);
	// All of these on the outlet's thread. open: what a delivery needs; NULL: context->error
	// says why (empty: out of memory), tried again like a delivery.
	void *(*open)(struct outlet_context *context);
	enum delivery (*send)(void *state, struct outlet_context *context,
		struct record *const *records, size_t n, size_t *n_done);
	// At least once a second while nothing is to be sent; NULL: nothing to do.
	enum delivery (*idle)(void *state, struct outlet_context *context);
	// The file it writes was moved away (SIGUSR1); NULL: nothing to do.
	void (*reopen)(void *state, struct outlet_context *context);
	void (*close)(void *state, struct outlet_context *context);
};

extern const struct outlet_kind *const outlet_kinds[]; // the last one NULL

// ---- config ----

enum outlet_choice_of_records { OUTLET_ALL, OUTLET_DIAGNOSES, OUTLET_ALERTS };

struct outlet_config {
	struct obstack arena; // all that is in here
	const char *name;
	const struct outlet_kind *kind;
	void *options;
	enum outlet_choice_of_records records;
	struct rule_place *places; // of each option of the kind; file NULL: it is not given
	const char *text;	   // its YAML and its secrets, to see whether it has changed
};

void outlet_config_destroy(struct outlet_config *config); // NULL is nothing

// ---- while the daemon runs; control thread ----

struct outlets;

struct outlet_status {
	const char *name, *kind;
	const char *state; // "starting", "connected", "retrying"
	char error[256];   // the last one; empty: none
	uint64_t n_delivered, n_refused, n_errors;
	uint64_t last_ms, error_ms; // wall clock, 0: never
	struct journal_lag lag;
};

// NULL: out of memory.
struct outlets *outlets_create(struct journal *journal);
// Waits for the outlets' threads: each as long as its receiver may take.
void outlets_destroy(struct outlets *outlets);

// Run these, in place of those that run; whose config has not changed goes on undisturbed. Takes
// the configs that it needs (sets them to NULL). false: out of memory or of threads, or too many
// are still ending; all is as it was.
bool outlets_set(struct outlets *outlets, struct outlet_config **configs, size_t n);
// About once a second: threads that have ended.
void outlets_tick(struct outlets *outlets);
// The files that they write were moved away.
void outlets_reopen(struct outlets *outlets);

// Any thread, but not while outlets_set() runs.
size_t outlets_status(const struct outlets *outlets, struct outlet_status *out, size_t max);
json_t *outlets_json(const struct outlets *outlets); // a list
