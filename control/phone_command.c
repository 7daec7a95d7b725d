// SPDX-License-Identifier: BSD-3-Clause
#include "phone_command.h"

#include <stdlib.h>

#include "diagnoses_command.h"
#include "diagnosis_json.h"
#include "locale_language.h"
#include "phone_key.h"
#include "text.h"
#include "timeline.h"

#define SCAN_STEP 256 // places that one step looks at
#define WALK_MAX 4096 // lines of a session that are looked at
#define READ_TRIES 16

// A place in a worker's table of diagnoses.
struct place {
	unsigned worker;
	uint32_t slot;
	uint64_t last_ms;
};

// One whom the key can mean.
struct match {
	unsigned worker;
	uint32_t session; // slot; SESSION_NONE: it has ended, its diagnoses are left
	struct session known;
	struct identity identity; // number 0: nobody by name
	bool is_phone;
	unsigned n_places;
	struct place places[PHONE_DIAGNOSES_MAX];
};

// First whom the key can mean by the sessions, then by the diagnoses, then each of them told.
struct search {
	enum { SEARCH_SESSIONS, SEARCH_DIAGNOSES, SEARCH_TELL } phase;
	struct answer_list list;
	char *text;
	struct phone_key key;
	enum language language;
	unsigned worker;
	uint32_t slot;
	unsigned n_matches, n_told;
	struct match matches[PHONE_MATCHES_MAX];
};

// ---- sessions ----

// A session and those known there, as of one moment. Returns how many, or -1: there is none.
static int read_all(const struct session_table *table, uint32_t slot, struct session *session,
	struct identity *identities)
{
	for (unsigned tries = 0; tries < READ_TRIES; tries++) {
		uint32_t before =
			atomic_load_explicit(&table->sequences[slot], memory_order_acquire);
		int n = 0;
		if (!session_read(table, slot, session))
			return -1;
		uint32_t next = session->identity;
		while (next != SESSION_NONE && n < IDENTITIES_MAX &&
			identity_read(table, next, &identities[n]))
			next = identities[n++].next;
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&table->sequences[slot], memory_order_relaxed) == before)
			return n;
	}
	return -1;
}

static void add_match(
	struct search *search, const struct session *session, const struct identity *identity)
{
	if (search->n_matches == PHONE_MATCHES_MAX)
		return;
	struct match *match = &search->matches[search->n_matches++];
	*match = (struct match){
		.worker = search->worker, .session = search->slot, .known = *session};
	if (identity)
		match->identity = *identity;
	else
		match->identity.gateway = session->gateway;
	match->is_phone = identity ? (identity->flags & IDENTITY_PHONE) != 0
				   : (session->flags & SESSION_PHONE) != 0;
}

static void search_session(struct search *search, const struct session_table *table)
{
	struct session session;
	struct identity identities[IDENTITIES_MAX];
	int n = read_all(table, search->slot, &session, identities);
	if (n < 0 || session.key.kind == KEY_GATEWAY)
		return;
	bool client = session.key.kind == KEY_CLIENT &&
		      phone_key_is_client(&search->key, &session.key.address);
	for (int i = 0; i < n; i++) {
		if (client || phone_key_is_identity(&search->key, &identities[i]))
			add_match(search, &session, &identities[i]);
	}
	if (n == 0 && client)
		add_match(search, &session, NULL);
}

// ---- diagnoses ----

static bool belongs_to(const struct match *match, const struct diagnosis *d)
{
	bool other_device = !device_is_none(&d->device) &&
			    !device_is_none(&match->identity.device) &&
			    !device_equals(&d->device, &match->identity.device);
	bool mine = d->identity == match->identity.number || d->identity == 0 ||
		    match->known.n_identities <= 1;
	return key_equals(&match->known.key, &d->key) && mine && !other_device;
}

// The latest are kept.
static void add_place(struct match *match, const struct place *place)
{
	if (match->n_places < PHONE_DIAGNOSES_MAX) {
		match->places[match->n_places++] = *place;
		return;
	}
	struct place *oldest = &match->places[0];
	for (unsigned i = 1; i < PHONE_DIAGNOSES_MAX; i++) {
		if (match->places[i].last_ms < oldest->last_ms)
			oldest = &match->places[i];
	}
	if (oldest->last_ms < place->last_ms)
		*oldest = *place;
}

// Someone whose session has ended: what his diagnosis knows of him.
static void add_departed(struct search *search, const struct diagnosis *d)
{
	if (search->n_matches == PHONE_MATCHES_MAX)
		return;
	struct match *match = &search->matches[search->n_matches++];
	*match = (struct match){.worker = search->worker,
		.session = SESSION_NONE,
		.known = {.key = d->key, .gateway = d->gateway, .last_ms = d->last_ms},
		.is_phone = d->is_phone};
	match->identity = (struct identity){.number = d->identity,
		.gateway = d->gateway,
		.device = d->device,
		.tunnel = d->tunnel};
	memcpy(match->identity.model, d->model, sizeof(d->model));
	memcpy(match->identity.user, d->user, sizeof(d->user));
	memcpy(match->identity.tunnel_group, d->tunnel_group, sizeof(d->tunnel_group));
	memcpy(match->identity.group_policy, d->group_policy, sizeof(d->group_policy));
}

static void search_diagnosis(struct search *search, const struct diagnosis_table *table)
{
	struct diagnosis d;
	if (diagnosis_read(table, search->slot, &d, NULL) != DIAGNOSIS_READ ||
		d.scope == SCOPE_GATEWAY || !diagnosis_is_shown(&d, true))
		return;
	struct place place = {search->worker, search->slot, d.last_ms};
	bool found = false;
	for (unsigned i = 0; i < search->n_matches; i++) {
		if (!belongs_to(&search->matches[i], &d))
			continue;
		add_place(&search->matches[i], &place);
		found = true;
	}
	if (found || !phone_key_is_diagnosis(&search->key, &d))
		return;
	unsigned before = search->n_matches;
	add_departed(search, &d);
	if (search->n_matches > before)
		add_place(&search->matches[before], &place);
}

// ---- telling ----

// A line that names nobody, at an address of several, could be any of theirs.
static bool is_mine(const struct match *match, const struct line *line, bool *ambiguous)
{
	bool alone = match->known.n_identities <= 1;
	*ambiguous = (line->flags & LINE_AMBIGUOUS) || (line->identity == 0 && !alone);
	return alone || line->identity == 0 || line->identity == match->identity.number;
}

static void add_lines(struct timeline *timeline, const struct match *match)
{
	const struct session_table *table =
		&timeline->daemon->workers->worker[match->worker]->sessions;
	struct session session;
	struct line_buffer buffer;
	bool ambiguous;
	if (match->session == SESSION_NONE || !session_read(table, match->session, &session) ||
		!key_equals(&session.key, &match->known.key))
		return;
	uint64_t position = session.last_line;
	for (unsigned i = 0; i < WALK_MAX && !timeline->cut; i++) {
		if (!session_line_read(table, position, &buffer))
			break;
		if (is_mine(match, &buffer.line, &ambiguous))
			timeline_add(timeline, &buffer.line, ambiguous);
		position = buffer.line.previous;
	}
}

// Older than what the ring of lines still holds, perhaps. Newest first, as timeline.h wants it.
static void add_evidence(
	struct timeline *timeline, const struct match *match, const void *lines, uint16_t bytes)
{
	const struct line *kept[EVIDENCE_LINES_MAX], *line;
	unsigned n = 0;
	bool ambiguous;
	for (uint32_t at = 0;
		n < EVIDENCE_LINES_MAX && (line = evidence_line(lines, bytes, &at)) != NULL;)
		kept[n++] = line;
	while (n-- > 0) {
		is_mine(match, kept[n], &ambiguous);
		timeline_add(timeline, kept[n], ambiguous);
	}
}

static void tell_diagnosis(const struct search *search, struct timeline *timeline, json_t *list,
	const struct match *match, const struct place *place)
{
	_Alignas(8) char lines[EVIDENCE_BYTES_MAX];
	const struct workers *workers = timeline->daemon->workers;
	const struct diagnosis_table *table = workers->worker[place->worker]->sessions.diagnoses;
	struct diagnosis d;
	if (diagnosis_read(table, place->slot, &d, lines) != DIAGNOSIS_READ ||
		!belongs_to(match, &d) || !diagnosis_is_shown(&d, true))
		return;
	add_evidence(timeline, match, lines, d.evidence.bytes);
	json_array_append_new(list, diagnosis_json(&d, lines, workers->ruleset->pack,
					    &workers->gateways, search->language));
}

static json_t *identity_json(const struct daemon *daemon, const struct match *match)
{
	const struct identity *who = &match->identity;
	const struct session *session = &match->known;
	struct address none = {0};
	bool client = session->key.kind == KEY_CLIENT;
	uint16_t gateway = who->gateway != GATEWAY_NONE ? who->gateway : session->gateway;
	char device[DEVICE_TEXT_MAX];
	json_t *phone = json_pack("{s:s, s:b}", "type", "phone", "is_phone", match->is_phone);
	json_object_set_new(
		phone, "client_ip", json_address_or_null(client ? &session->key.address : &none));
	json_object_set_new(phone, "tunnel_ip", json_address_or_null(&who->tunnel));
	json_object_set_new(
		phone, "device", json_text_or_null(slice_of(device_format(&who->device, device))));
	json_object_set_new(phone, "model", json_text_or_null(slice_of(who->model)));
	json_object_set_new(phone, "user", json_text_or_null(slice_of(who->user)));
	json_object_set_new(phone, "tunnel_group", json_text_or_null(slice_of(who->tunnel_group)));
	json_object_set_new(phone, "group_policy", json_text_or_null(slice_of(who->group_policy)));
	json_object_set_new(phone, "gateway",
		json_text_or_null(gateway_name(&daemon->workers->gateways, gateway)));
	json_object_set_new(phone, "first_seen", json_time_or_null(session->first_ms));
	json_object_set_new(phone, "last_seen",
		json_time_or_null(session->n_identities > 1 ? who->last_ms : session->last_ms));
	json_object_set_new(phone, "tunnel_up_at", json_time_or_null(who->tunnel_up.ms));
	json_object_set_new(phone, "others_at_address",
		json_integer(session->n_identities > 1 ? session->n_identities - 1 : 0));
	return phone;
}

// Latest last, as in the time line.
static int compare_places(const void *a, const void *b)
{
	const struct place *one = a, *other = b;
	return one->last_ms < other->last_ms ? -1 : one->last_ms > other->last_ms;
}

static json_t *match_json(
	const struct search *search, const struct daemon *daemon, struct match *match)
{
	struct timeline timeline;
	if (!timeline_init(&timeline, daemon, TIMELINE_MAX))
		return NULL;
	json_t *phone = identity_json(daemon, match), *diagnoses = json_array();
	qsort(match->places, match->n_places, sizeof(match->places[0]), compare_places);
	add_lines(&timeline, match);
	for (unsigned i = match->n_places; i-- > 0;)
		tell_diagnosis(search, &timeline, diagnoses, match, &match->places[i]);
	json_object_set_new(phone, "diagnoses", diagnoses);
	json_object_set_new(phone, "timeline", timeline_json(&timeline));
	json_object_set_new(phone, "timeline_cut", json_boolean(timeline.cut));
	timeline_fini(&timeline);
	return phone;
}

// ---- the answer ----

// Look at the next places of the tables. Whether the phase is over.
static bool scan(struct search *search, const struct daemon *daemon)
{
	for (unsigned i = 0; i < SCAN_STEP; i++) {
		if (search->worker == daemon->workers->n) {
			search->worker = 0;
			search->slot = 0;
			return true;
		}
		const struct session_table *sessions =
			&daemon->workers->worker[search->worker]->sessions;
		bool by_session = search->phase == SEARCH_SESSIONS;
		uint32_t high = atomic_load_explicit(
			by_session ? &sessions->high_water : &sessions->diagnoses->high_water,
			memory_order_acquire);
		if (search->slot == high) {
			search->worker++;
			search->slot = 0;
			continue;
		}
		if (by_session)
			search_session(search, sessions);
		else
			search_diagnosis(search, sessions->diagnoses);
		search->slot++;
	}
	return false;
}

static enum answer_turn step(struct answer *answer, struct buffer *out)
{
	struct search *search = answer->state;
	if (search->phase != SEARCH_TELL) {
		if (scan(search, answer->daemon))
			search->phase++;
		return ANSWER_MORE;
	}
	if (search->n_told == search->n_matches) {
		answer_list_end(&search->list, out);
		return ANSWER_DONE;
	}
	struct match *match = &search->matches[search->n_told++];
	answer_list_item(&search->list, out, match_json(search, answer->daemon, match));
	return ANSWER_MORE;
}

static void end(struct answer *answer)
{
	struct search *search = answer->state;
	free(search->text);
	free(search);
}

void phone_serve(const json_t *arguments, struct answer *answer, struct buffer *out)
{
	const char *key = json_string_value(json_object_get(arguments, "key"));
	if (key[0] == '\0') {
		answer_usage(out, "phone: the key is empty");
		return;
	}
	struct search *search = calloc(1, sizeof(*search));
	if (search == NULL || (search->text = strdup(key)) == NULL) {
		free(search);
		out->failed = true;
		return;
	}
	search->key = phone_key_parse(search->text);
	search->language = language_argument(arguments);
	answer->state = search;
	answer->step = step;
	answer->end = end;
}
