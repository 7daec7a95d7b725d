// SPDX-License-Identifier: BSD-3-Clause
#include "restore.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "history.h"
#include "proof.h"

#define SETTLE_EVERY 32 // subjects; their aliases are less than a worker defers
#define SETTLE_PASSES 2 // without anything to do: what one worker sends another takes later

// ---- begin, end ----

static void free_all(struct restore *r)
{
	free(r->told);
	free(r->events);
	free(r->counters);
	r->told = NULL;
	r->events = NULL;
	r->counters = NULL;
}

bool restore_begin(struct restore *r, struct workers *workers, uint64_t now_ms)
{
	*r = (struct restore){.workers = workers, .now_ms = now_ms};
	for (unsigned i = 0; i < workers->n; i++)
		r->n_told_max += workers->worker[i]->sessions.diagnoses->n_max;
	r->told = calloc(r->n_told_max, sizeof(*r->told));
	r->events = calloc(EVIDENCE_LINES_MAX + EVENTS_OF_LINE_MAX, sizeof(*r->events));
	r->counters = calloc(workers->n, sizeof(*r->counters));
	if (r->told == NULL || r->events == NULL || r->counters == NULL) {
		free_all(r);
		return false;
	}
	for (unsigned i = 0; i < workers->n; i++)
		memcpy(&r->counters[i], &workers->worker[i]->counters, sizeof(r->counters[i]));
	return true;
}

// Let the workers tell each other the aliases.
static void settle(struct restore *r)
{
	for (unsigned quiet = 0; quiet < SETTLE_PASSES;) {
		bool any = false;
		for (unsigned i = 0; i < r->workers->n; i++)
			any |= worker_turn(r->workers->worker[i], r->now_ms, 0);
		quiet = any ? 0 : quiet + 1;
	}
	r->unsettled = 0;
}

static void settle_sometimes(struct restore *r)
{
	if (++r->unsettled >= SETTLE_EVERY)
		settle(r);
}

static int by_id(const void *a, const void *b)
{
	const struct restore_told *one = a, *other = b;
	return (one->id > other->id) - (one->id < other->id);
}

// Whether everybody was told of it by the last daemon, as it is.
static bool is_told(const struct restore *r, const struct diagnosis *d)
{
	const struct restore_told key = {.id = d->id}, *told = bsearch(&key, r->told,
							       r->n_diagnoses, sizeof(key), by_id);
	return told && told->sequence == d->sequence &&
	       told->is_open == (d->state == DIAGNOSIS_OPEN);
}

static void acknowledge(const struct restore *r, struct worker *w)
{
	struct diagnosis_table *t = w->sessions.diagnoses;
	uint32_t slot;
	for (slot = 0; slot < gauge_get(&t->high_water); slot++) {
		if (t->slots[slot].state != DIAGNOSIS_FREE && is_told(r, &t->slots[slot]))
			diagnosis_acknowledge(t, slot, &t->slots[slot]);
	}
	while (outbox_pop(&w->outbox, &slot))
		;
	outbox_take_overflow(&w->outbox);
}

void restore_end(struct restore *r)
{
	settle(r);
	qsort(r->told, r->n_diagnoses, sizeof(*r->told), by_id);
	for (unsigned i = 0; i < r->workers->n; i++) {
		struct worker *w = r->workers->worker[i];
		acknowledge(r, w);
		memcpy(&w->counters, &r->counters[i], sizeof(w->counters));
	}
	free_all(r);
}

// ---- whose it is ----

static struct worker *owner(const struct restore *r, const struct event *event)
{
	return r->workers->worker[worker_owner(r->workers->worker[0], event)];
}

static struct worker *owner_of_key(struct restore *r, const struct session_key *key)
{
	struct event *event = &r->events[0];
	event->stage = STAGE_JUDGE;
	event->key = *key;
	return owner(r, event);
}

// NULL: it has no name.
static struct worker *owner_of_gateway(struct restore *r, const char *name)
{
	struct event *event = &r->events[0];
	size_t len = strlen(name);
	memset(event, 0, offsetof(struct event, text));
	if (len == 0 || len > EVENT_ORIGIN_MAX)
		return NULL;
	event->stage = STAGE_BIND;
	event->origin_len = (uint8_t)len;
	memcpy(event->origin, name, len);
	return owner(r, event);
}

uint16_t restore_gateway(struct restore *r, const char *name, uint64_t last_ms)
{
	struct gateway_table *table = &r->workers->gateways;
	const struct worker *w = owner_of_gateway(r, name);
	if (w == NULL)
		return GATEWAY_NONE;
	uint16_t number = gateway_find(table, (uint16_t)w->number, &r->events[0]);
	if (number == GATEWAY_NONE)
		return number;
	counter_t *last = &table->gateways[number].last_ms;
	last_ms = last_ms < r->now_ms ? last_ms : r->now_ms;
	if (counter_get(last) < last_ms)
		atomic_store_explicit(last, last_ms, memory_order_relaxed);
	return number;
}

// ---- phones ----

// A time to come is of before the clock was set back.
static uint64_t past(const struct restore *r, uint64_t ms)
{
	return ms < r->now_ms ? ms : r->now_ms;
}

// The session in hand; false: there is no room.
static bool open_session(struct restore *r, struct worker *w, const struct session_key *key,
	bool phone, uint64_t first_ms, uint64_t last_ms, struct subject *s)
{
	struct session_table *t = &w->sessions;
	uint32_t at = session_restore(t, key, phone, past(r, first_ms), past(r, last_ms));
	if (at == SESSION_NONE) {
		r->n_full++;
		return false;
	}
	*s = (struct subject){t, t->sessions[at], at, past(r, last_ms)};
	return true;
}

static struct identity identity_of_phone(const struct restore *r, const struct known_phone *phone)
{
	struct identity identity = {.device = phone->device,
		.gateway = GATEWAY_NONE,
		.assigned_ms = past(r, phone->assigned_ms),
		.tunnel_up = {past(r, phone->tunnel_up_ms), LINE_NONE},
		.tunnel = phone->tunnel,
		.flags = phone->flags};
	memcpy(identity.model, phone->model, sizeof(identity.model));
	memcpy(identity.user, phone->user, sizeof(identity.user));
	memcpy(identity.tunnel_group, phone->tunnel_group, sizeof(identity.tunnel_group));
	memcpy(identity.group_policy, phone->group_policy, sizeof(identity.group_policy));
	return identity;
}

// 0: there is no room for it.
static uint8_t restore_identity(
	struct restore *r, struct subject *s, const struct known_phone *phone, uint16_t gateway)
{
	struct identity identity = identity_of_phone(r, phone);
	identity.gateway = gateway;
	uint8_t number = identity_restore(s, &identity);
	r->n_full += number == 0;
	return number;
}

static void note_gateway(struct subject *s, uint16_t gateway, uint8_t flags)
{
	if (s->session.gateway == GATEWAY_NONE)
		s->session.gateway = gateway;
	if (s->session.key.kind == KEY_CLIENT &&
		(gateway != GATEWAY_NONE || flags & IDENTITY_HAS_ASA))
		s->session.flags |= SESSION_HAS_ASA;
}

void restore_phone(struct restore *r, const struct known_phone *phone)
{
	uint16_t gateway = restore_gateway(r, phone->gateway, phone->last_ms);
	struct worker *w = owner_of_key(r, &phone->key);
	struct subject s;
	if (!open_session(r, w, &phone->key, true, phone->first_ms, phone->last_ms, &s))
		return;
	note_gateway(&s, gateway, phone->flags);
	r->n_phones += restore_identity(r, &s, phone, gateway) != 0;
	session_put(&s);
	settle_sometimes(r);
}

// ---- who a diagnosis is of ----

static uint64_t hash_of_user(const char *user)
{
	return user[0] ? XXH3_64bits(user, strlen(user)) : 0;
}

static bool has_name(const struct known_phone *who)
{
	return !device_is_none(&who->device) || who->user[0];
}

static void know(
	struct restore *r, struct subject *s, const struct known_diagnosis *known, uint16_t gateway)
{
	const struct known_phone *who = &known->who;
	bool missing =
		has_name(who)
			? identity_known_as(s, &who->device, hash_of_user(who->user)) == 0
			: known->is_phone && known->n_devices == 0 && s->session.n_phones == 0;
	if (missing)
		restore_identity(r, s, who, gateway);
	// Phones known at the address of an ambiguous one.
	for (unsigned i = 0; i < known->n_devices; i++) {
		struct known_phone other = {
			.device = known->devices[i], .flags = IDENTITY_PHONE | IDENTITY_HAS_ASA};
		if (identity_known_as(s, &other.device, 0) == 0)
			restore_identity(r, s, &other, gateway);
	}
}

void restore_subject(struct restore *r, const struct known_diagnosis *known)
{
	const struct known_phone *who = &known->who;
	struct subject s;
	if (known->scope == SCOPE_GATEWAY)
		return;
	uint16_t gateway = restore_gateway(r, who->gateway, known->last_ms);
	struct worker *w = owner_of_key(r, &who->key);
	if (!open_session(r, w, &who->key, known->is_phone, known->first_ms, known->last_ms, &s))
		return;
	note_gateway(&s, gateway, who->flags);
	know(r, &s, known, gateway);
	session_put(&s);
	settle_sometimes(r);
}

// Number of the identity, 0: nobody by name.
static uint8_t identity_of_diagnosis(const struct subject *s, const struct known_diagnosis *known)
{
	const struct known_phone *who = &known->who;
	if (has_name(who))
		return identity_known_as(s, &who->device, hash_of_user(who->user));
	const struct identity *only =
		s->session.n_identities == 1 ? &s->table->identities[s->session.identity] : NULL;
	bool nameless = only && device_is_none(&only->device) && only->user[0] == '\0';
	return nameless && known->n_devices == 0 ? only->number : 0;
}

// ---- evidence ----

// How many messages are matched that need a diagnosis to be open: all, or none.
static void set_open(struct open_counts *open, uint32_t n)
{
	for (unsigned i = 0; i < DIAGNOSES_MAX; i++)
		atomic_store_explicit(&open->of[i], n, memory_order_relaxed);
}

static uint32_t asa_id(struct slice code)
{
	uint32_t id = 0;
	for (uint32_t i = 0; i < code.len && i < 6; i++) {
		if (code.data[i] < '0' || code.data[i] > '9')
			return 0;
		id = id * 10 + (uint32_t)(code.data[i] - '0');
	}
	return code.len == 6 ? id : 0;
}

static unsigned match(struct restore *r, const struct worker *w,
	const struct known_diagnosis *known, const struct known_line *line, uint32_t n_open,
	struct event *out)
{
	struct open_counts open;
	struct counters unused;
	struct event_matcher matcher = {w->running, r->workers->policy, &open, &unused};
	struct arrival arrival = {.time_ms = line->time_ms, .sender = known->who.key.address};
	struct message message = {.source = line->source,
		.asa_id = line->source == MESSAGE_ASA ? asa_id(line->code) : 0,
		.code = line->code,
		.text = line->text,
		.device = known->who.device};
	if (known->who.key.kind != KEY_CLIENT)
		arrival.sender = (struct address){0};
	if (line->source == MESSAGE_ASA && message.asa_id == 0)
		return 0;
	memset(&unused, 0, sizeof(unused));
	set_open(&open, n_open);
	return event_match(&matcher, &message, &arrival, out, EVENTS_OF_LINE_MAX);
}

static bool is_evidence(const struct diagnosis_rule *rule, const struct event *event)
{
	return rule &&
	       (event_bit(rule->evidence, event->type) || event_bit(rule->context, event->type));
}

// Whether a line of evidence before this one is of the same record of the same line.
static bool stands_before(const struct restore *r, unsigned n, const struct event *event)
{
	for (unsigned i = 0; i < n; i++) {
		const struct event *other = &r->events[i];
		if (other->time_ms == event->time_ms && other->type == event->type &&
			other->text_len == event->text_len &&
			memcmp(other->text, event->text, event->text_len) == 0)
			return true;
	}
	return false;
}

// The event that a line was, into events[n]: of the diagnosis' evidence before all others. false:
// no rule knows it.
static bool event_of_line(struct restore *r, const struct worker *w,
	const struct diagnosis_rule *rule, const struct known_diagnosis *known,
	const struct known_line *line, unsigned n)
{
	struct event *out = &r->events[n];
	for (uint32_t only_evidence = 2; only_evidence-- > 0;) {
		for (uint32_t n_open = 2; n_open-- > 0;) {
			unsigned n_found = match(r, w, known, line, n_open, out);
			for (unsigned i = 0; i < n_found; i++) {
				if ((only_evidence && !is_evidence(rule, &out[i])) ||
					stands_before(r, n, &out[i]))
					continue;
				if (i)
					memcpy(out, &out[i], event_size(&out[i]));
				return true;
			}
		}
	}
	return false;
}

// Returns how many lines of evidence are known.
static unsigned events_of(struct restore *r, const struct worker *w,
	const struct diagnosis_rule *rule, const struct known_diagnosis *known, uint16_t gateway)
{
	unsigned n = 0;
	for (unsigned i = 0; i < known->n_lines; i++) {
		struct event *event = &r->events[n];
		if (!event_of_line(r, w, rule, known, &known->lines[i], n)) {
			r->n_lines_unknown++;
			continue;
		}
		event->gateway = known->lines[i].source == MESSAGE_ASA ? gateway : GATEWAY_NONE;
		event->key = known->who.key;
		event->client = known->who.key.kind == KEY_CLIENT ? known->who.key.address
								  : (struct address){0};
		if (known->is_ambiguous)
			event->flags |= EVENT_AMBIGUOUS;
		n++;
	}
	return n;
}

// ---- details ----

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

// Whether two texts are the same but for the length of their blanks.
static bool same_text(struct slice a, struct slice b)
{
	uint32_t i = 0, k = 0;
	while (i < a.len && k < b.len) {
		if (is_blank(a.data[i]) && is_blank(b.data[k])) {
			while (i < a.len && is_blank(a.data[i]))
				i++;
			while (k < b.len && is_blank(b.data[k]))
				k++;
		} else if (a.data[i++] != b.data[k++]) {
			return false;
		}
	}
	return i == a.len && k == b.len;
}

static bool same_list(struct slice a, struct slice b)
{
	struct slice one, other;
	bool any = true;
	while (any) {
		any = list_next(&a, &one);
		if (any != list_next(&b, &other) || (any && !slice_equals(one, other)))
			return false;
	}
	return true;
}

static bool same_number(struct slice a, struct slice b)
{
	char one[24], other[24];
	slice_copy(a, one, sizeof(one));
	slice_copy(b, other, sizeof(other));
	return strtoll(one, NULL, 10) == strtoll(other, NULL, 10);
}

static bool same_value(struct slice a, struct slice b, uint8_t field)
{
	enum field_type type = field_type_of(field);
	if (type == TYPE_LIST)
		return same_list(a, b);
	return type == TYPE_NUMBER || type == TYPE_PORT ? same_number(a, b) : same_text(a, b);
}

static void drop_value(struct event *event, uint8_t field)
{
	unsigned n = 0;
	for (unsigned i = 0; i < event->n_values; i++) {
		if (event->values[i].field != field)
			event->values[n++] = event->values[i];
	}
	event->n_values = (uint8_t)n;
}

// What the lines alone do not tell: they were bound to others then, which had it.
static void restore_detail(
	struct restore *r, unsigned n, const struct diagnosis_detail *detail, struct slice wanted)
{
	struct event *last = NULL;
	struct slice value = {0};
	for (unsigned i = 0; i < n; i++) {
		struct event *event = &r->events[i];
		if (detail->event != NAME_NONE && event->type != detail->event)
			continue;
		struct slice its = event_value(event, detail->field);
		value = its.len ? its : value;
		last = event;
	}
	if (last == NULL || (value.len && same_value(value, wanted, detail->field)))
		return;
	drop_value(last, detail->field);
	event_attach(last, detail->field, wanted);
}

static void restore_details(struct restore *r, unsigned n, const struct diagnosis_rule *rule,
	const struct known_diagnosis *known)
{
	for (unsigned i = 0; rule && i < rule->n_details; i++) {
		for (unsigned k = 0; k < known->n_details; k++) {
			if (strcmp(known->details[k].name, rule->details[i].name) == 0)
				restore_detail(r, n, &rule->details[i], known->details[k].text);
		}
	}
}

// ---- the diagnosis ----

// What was seen of it, so that what comes next is judged with it.
static void restore_sighting(struct subject *s, const struct event *event, uint8_t identity)
{
	const struct event_use *use = &s->table->ruleset->pack->events[event->type];
	bool gateway = s->session.key.kind == KEY_GATEWAY;
	unsigned n;
	const struct sighting *seen = history_sightings(s->table, s->index, &n);
	if (!use->keep || (gateway && !use->gateway_scope))
		return;
	for (unsigned i = 0; i < n; i++) {
		if (seen[i].time_ms == event->time_ms && seen[i].event == event->type)
			return; // it proves another one too
	}
	bool named = !device_is_none(&event->device) || event_user(event).len;
	uint8_t number = named ? identity : 0;
	uint64_t line = history_keep_line(s, event, number);
	struct sighting sighting = history_sighting(event, use, line, number);
	history_keep(s, &sighting);
}

static bool is_context(const struct diagnosis_rule *rule, const struct event *event)
{
	return rule && !event_bit(rule->evidence, event->type);
}

// Lines that are shown are no context, unless there is nothing else to show.
static void restore_evidence(struct restore *r, struct diagnosis_work *w, unsigned n)
{
	bool context = true;
	for (unsigned i = 0; i < n; i++)
		context &= is_context(w->rule, &r->events[i]);
	for (unsigned i = 0; i < n; i++) {
		struct line_buffer buffer;
		line_of_event(&r->events[i], w->d.identity, LINE_NONE, &buffer);
		if (context)
			buffer.line.flags |= LINE_CONTEXT;
		proof_add_line(w, &buffer.line, false);
	}
	proof_pass_attempt(w);
}

static void fill(const struct restore *r, struct diagnosis *d, const struct known_diagnosis *known)
{
	const struct known_phone *who = &known->who;
	d->id = known->id;
	d->first_ms = past(r, known->first_ms);
	d->last_ms = past(r, known->last_ms);
	d->sequence = known->sequence - 1; // diagnosis_put() counts it
	d->count = known->count;
	d->confidence = (uint8_t)known->confidence;
	d->is_phone = known->is_phone;
	d->ambiguous = known->is_ambiguous;
	d->tunnel = who->tunnel;
	d->device = who->device;
	memcpy(d->model, who->model, sizeof(d->model));
	memcpy(d->user, who->user, sizeof(d->user));
	memcpy(d->tunnel_group, who->tunnel_group, sizeof(d->tunnel_group));
	memcpy(d->group_policy, who->group_policy, sizeof(d->group_policy));
	memcpy(d->cause, known->cause, sizeof(d->cause));
	d->n_devices = (uint8_t)known->n_devices;
	memcpy(d->devices, known->devices, known->n_devices * sizeof(d->devices[0]));
}

// Whether the table can take it without another one giving way.
static bool has_room(const struct diagnosis_table *t, bool is_phone)
{
	bool any = t->free_slot != DIAGNOSIS_NONE || gauge_get(&t->high_water) < t->n_max;
	return any && (is_phone || t->n_others < t->n_max / 2);
}

static bool is_known(const struct subject *s, const struct known_diagnosis *known, uint8_t identity)
{
	const struct diagnosis_table *t = s->table->diagnoses;
	uint32_t slot = *session_diagnoses(s->table, s->index);
	while (slot != DIAGNOSIS_NONE &&
		(t->slots[slot].number != known->number || t->slots[slot].identity != identity))
		slot = t->links[slot].next;
	return slot != DIAGNOSIS_NONE;
}

static bool build(struct restore *r, struct worker *owner, struct subject *s,
	const struct known_diagnosis *known, uint16_t gateway)
{
	// One that is gone: the next sweep closes it, as after a reload.
	const struct diagnosis_rule gone = {.number = known->number, .scope = known->scope};
	const struct diagnosis_rule *rule =
		rulepack_diagnosis(s->table->ruleset->pack, known->scope, known->number);
	uint8_t identity = known->scope == SCOPE_GATEWAY ? 0 : identity_of_diagnosis(s, known);
	struct diagnosis_work w;
	if (is_known(s, known, identity)) {
		r->n_refused++;
		return false;
	}
	if (r->n_diagnoses == r->n_told_max ||
		!has_room(s->table->diagnoses, known->is_phone || known->scope == SCOPE_GATEWAY) ||
		!diagnosis_new(s, rule ? rule : &gone, &w)) {
		r->n_full++;
		return false;
	}
	w.rule = rule;
	w.d.identity = identity;
	w.d.gateway = gateway;
	unsigned n = events_of(r, owner, rule, known, gateway);
	for (unsigned i = 0; i < n && known->recovered_ms == 0; i++)
		restore_sighting(s, &r->events[i], identity);
	restore_details(r, n, rule, known);
	restore_evidence(r, &w, n);
	fill(r, &w.d, known);
	w.d.sequence -= known->recovered_ms != 0;
	diagnosis_put(&w);
	if (known->recovered_ms)
		diagnosis_recover(&w, past(r, known->recovered_ms), LINE_NONE);
	r->told[r->n_diagnoses++] =
		(struct restore_told){known->id, known->sequence, known->recovered_ms == 0};
	return true;
}

// A recovered one is of use while it can relapse.
static bool is_wanted(const struct restore *r, const struct known_diagnosis *known)
{
	bool relapses = known->recovered_ms + DIAGNOSIS_RELAPSE_MS >= r->now_ms;
	return known->recovered_ms == 0 || relapses;
}

bool restore_diagnosis(struct restore *r, const struct known_diagnosis *known)
{
	bool is_gateway = known->scope == SCOPE_GATEWAY;
	struct subject s;
	if (!is_wanted(r, known))
		return true;
	if (known->sequence < 1u + (known->recovered_ms != 0) || known->sequence == UINT32_MAX ||
		known->first_ms > known->last_ms) {
		r->n_refused++;
		return false;
	}
	uint16_t gateway = restore_gateway(r, known->who.gateway, known->last_ms);
	struct session_key key = is_gateway ? key_of_number(KEY_GATEWAY, gateway) : known->who.key;
	if (key.kind == KEY_NONE || (is_gateway && gateway == GATEWAY_NONE)) {
		r->n_refused++;
		return false;
	}
	struct worker *w =
		is_gateway ? owner_of_gateway(r, known->who.gateway) : owner_of_key(r, &key);
	if (!open_session(
		    r, w, &key, known->is_phone || is_gateway, known->first_ms, known->last_ms, &s))
		return false;
	note_gateway(&s, gateway, 0);
	// It may have gone to where it is known, before its diagnosis was there: it takes that
	// along.
	if (!is_gateway)
		know(r, &s, known, gateway);
	bool restored = build(r, w, &s, known, gateway);
	session_put(&s);
	settle_sometimes(r);
	return restored;
}
