// SPDX-License-Identifier: BSD-3-Clause
#include "restore.h"

#include <stdlib.h>

#include "accepted_record.h"
#include "known_diagnosis.h"
#include "phone_record.h"
#include "text.h"

struct restoring {
	struct restore restore;
	struct roster *roster;
	struct known_diagnosis_reader reader;
	struct known_diagnosis diagnosis;
	unsigned n_gateways, n_refused;
	json_t *left_out; // diagnoses, by their keys
};

struct restoring *restoring_begin(struct workers *workers, struct roster *roster, uint64_t now_ms)
{
	struct restoring *r = calloc(1, sizeof(*r));
	if (r == NULL || !restore_begin(&r->restore, workers, now_ms)) {
		free(r);
		return NULL;
	}
	r->roster = roster;
	r->reader.pack = workers->ruleset->pack;
	return r;
}

void restoring_end(struct restoring *r, struct restored *out)
{
	restore_end(&r->restore);
	*out = (struct restored){.n_phones = r->restore.n_phones,
		.n_gateways = r->n_gateways,
		.n_diagnoses = r->restore.n_diagnoses,
		.n_full = r->restore.n_full,
		.n_refused = r->restore.n_refused + r->n_refused,
		.n_lines_unknown = r->restore.n_lines_unknown};
	free(r);
}

void restoring_gateway(struct restoring *r, const char *key, const json_t *object)
{
	uint64_t last_ms = 0;
	json_time_read(json_object_get(object, "last_line"), &last_ms);
	bool ok = r->roster == NULL || roster_restore(r->roster, key, object);
	// One that has long been silent is not to be among those that are heard.
	if (ok && last_ms + ROSTER_HOURS * HOUR_MS > r->restore.now_ms)
		accepted_record_restore(r->restore.workers,
			restore_gateway(&r->restore, key, last_ms),
			json_object_get(object, "accepted"), r->restore.now_ms);
	r->n_gateways += ok;
	r->n_refused += !ok;
}

void restoring_phone(struct restoring *r, const char *key, const json_t *object)
{
	struct known_phone phone;
	if (!phone_record_read(object, &phone)) {
		r->n_refused++;
		return;
	}
	restore_phone(&r->restore, &phone);
	if (r->roster)
		roster_restore_phone(r->roster, key, &phone,
			restore_gateway(&r->restore, phone.gateway, phone.last_ms));
}

void restoring_subject(struct restoring *r, const json_t *object)
{
	if (known_diagnosis_read(&r->reader, object, &r->diagnosis) == KNOWN_READ)
		restore_subject(&r->restore, &r->diagnosis);
}

bool restoring_diagnosis(struct restoring *r, const json_t *object)
{
	enum known_diagnosis_outcome outcome =
		known_diagnosis_read(&r->reader, object, &r->diagnosis);
	r->n_refused += outcome == KNOWN_REFUSED;
	return outcome != KNOWN_READ || restore_diagnosis(&r->restore, &r->diagnosis) ||
	       r->diagnosis.recovered_ms;
}

// ---- from the journal ----

static void take_gateway(void *context, const char *key, json_t *object)
{
	restoring_gateway(context, key, object);
}

static void take_phone(void *context, const char *key, json_t *object)
{
	restoring_phone(context, key, object);
}

static void take_subject(void *context, const char *key, json_t *object)
{
	(void)key;
	restoring_subject(context, object);
}

static void take_diagnosis(void *context, const char *key, json_t *object)
{
	struct restoring *r = context;
	if (!restoring_diagnosis(r, object))
		json_object_set(r->left_out, key, object);
}

static void end_left_out(struct journal *journal, json_t *left_out)
{
	const char *key;
	json_t *object;
	json_object_foreach(left_out, key, object)
	{
		json_int_t sequence = json_integer_value(json_object_get(object, "sequence"));
		json_object_set_new(
			object, "state", json_string(diagnosis_state_names[DIAGNOSIS_EXPIRED]));
		json_object_set_new(object, "sequence", json_integer(sequence + 1));
		journal_append(journal, RECORD_DIAGNOSIS, key, object);
	}
}

bool restore_all(struct workers *workers, struct journal *journal, struct roster *roster,
	uint64_t now_ms, struct restored *out)
{
	struct restoring *r = restoring_begin(workers, roster, now_ms);
	if (r == NULL)
		return false;
	json_t *left_out = r->left_out = json_object();
	// What can still relapse goes on under its id.
	uint64_t since_ms = now_ms > DIAGNOSIS_RELAPSE_MS ? now_ms - DIAGNOSIS_RELAPSE_MS : 0;
	journal_each(journal, RECORD_GATEWAY, 0, take_gateway, r);
	journal_each(journal, RECORD_PHONE, 0, take_phone, r);
	journal_each(journal, RECORD_DIAGNOSIS, since_ms, take_subject, r);
	journal_each(journal, RECORD_DIAGNOSIS, since_ms, take_diagnosis, r);
	restoring_end(r, out);
	end_left_out(journal, left_out);
	json_decref(left_out);
	return true;
}
