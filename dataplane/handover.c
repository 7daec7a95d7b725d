// SPDX-License-Identifier: BSD-3-Clause
#include "handover.h"

#include <assert.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "halt.h"
#include "history.h"
#include "judge.h"

// In this order, for what comes later is understood by what came before.
enum piece { PIECE_IDENTITY, PIECE_DIAGNOSIS, PIECE_EVIDENCE, PIECE_SIGHTING, PIECE_END };

static_assert(sizeof(struct identity) <= EVENT_TEXT_MAX);
static_assert(sizeof(struct judged) <= EVENT_TEXT_MAX);

static uint64_t hash_of_user(const struct identity *identity)
{
	return identity->user[0] ? XXH3_64bits(identity->user, strlen(identity->user)) : 0;
}

// ---- giving ----

static void send_piece(struct subject *s, struct event *event, enum piece piece, uint16_t diagnosis,
	const struct session_key *to, const struct identity *known)
{
	event->stage = STAGE_TAKE;
	event->handover = (uint8_t)piece;
	event->diagnosis = diagnosis;
	event->key = *to;
	event->client = to->kind == KEY_CLIENT ? to->address : (struct address){0};
	event->device = known->device;
	event->alias = hash_of_user(known);
	event->flags |= known->flags & IDENTITY_PHONE ? EVENT_MARKS_PHONE : 0;
	s->table->emit(s->table->emit_context, event);
}

static void send_record(struct subject *s, const void *record, size_t size, enum piece piece,
	uint16_t diagnosis, const struct session_key *to, const struct identity *known)
{
	struct event event;
	memset(&event, 0, offsetof(struct event, text));
	event.time_ms = s->now_ms;
	event.gateway = GATEWAY_NONE;
	event.text_len = (uint16_t)size;
	if (size)
		memcpy(event.text, record, size);
	send_piece(s, &event, piece, diagnosis, to, known);
}

static void send_line(struct subject *s, const struct line *line, enum piece piece,
	uint16_t diagnosis, const struct session_key *to, const struct identity *known)
{
	struct event event;
	line_to_event(line, &event);
	send_piece(s, &event, piece, diagnosis, to, known);
}

static void give_diagnosis(struct subject *s, uint32_t slot, const struct session_key *to,
	const struct identity *known)
{
	struct diagnosis_work w = diagnosis_take(s, slot);
	_Alignas(8) char lines[EVIDENCE_BYTES_MAX];
	struct judged judged;
	uint32_t offset = 0;
	const struct line *line;
	judge_tell(&w.d, &judged);
	send_record(s, &judged, sizeof(judged), PIECE_DIAGNOSIS, w.d.number, to, known);
	evidence_read(w.table->evidence, &w.d.evidence, lines);
	while ((line = evidence_line(lines, w.d.evidence.bytes, &offset)) != NULL)
		send_line(s, line, PIECE_EVIDENCE, w.d.number, to, known);
	diagnosis_close(&w, DIAGNOSIS_ABSORBED, s->now_ms);
}

// Whether what the sighting has proved is over, and it is not to be seen again.
static bool is_spent(const struct subject *s, uint8_t identity, const struct sighting *seen)
{
	const struct diagnosis_table *t = s->table->diagnoses;
	uint32_t slot = *session_diagnoses(s->table, s->index);
	bool spent = false, open = false;
	for (; slot != DIAGNOSIS_NONE; slot = t->links[slot].next) {
		const struct diagnosis *d = &t->slots[slot];
		const struct diagnosis_rule *rule = rulepack_diagnosis(
			s->table->ruleset->pack, (enum scope)d->scope, d->number);
		if (d->identity != identity || rule == NULL || d->state == DIAGNOSIS_ABSORBED ||
			!event_bit(rule->evidence, seen->event))
			continue;
		open |= d->state == DIAGNOSIS_OPEN;
		spent |= d->state != DIAGNOSIS_OPEN && seen->time_ms <= d->closed_ms;
	}
	return spent && !open;
}

static void give_sightings(struct subject *s, const struct sighting *seen, unsigned n,
	const struct session_key *to, const struct identity *known)
{
	for (unsigned i = 0; i < n; i++) {
		struct line_buffer buffer;
		if (session_line_read(s->table, seen[i].line, &buffer))
			send_line(s, &buffer.line, PIECE_SIGHTING, NAME_NONE, to, known);
		else
			counter_add(&s->table->counters->lines_lost, 1);
	}
}

void handover_give(struct subject *s, const struct identity *identity, const struct session_key *to)
{
	const struct diagnosis_table *t = s->table->diagnoses;
	struct identity known = *identity;
	struct sighting kept[SESSION_SIGHTINGS_MAX];
	unsigned n_seen, n = 0;
	const struct sighting *seen = history_sightings(s->table, s->index, &n_seen);
	// Lines of handshakes name nobody: where it is alone, they are its own.
	bool alone = s->session.n_identities == 1 && to->kind == KEY_CLIENT;
	for (unsigned i = 0; i < n_seen; i++) {
		bool mine = seen[i].identity == known.number || (alone && seen[i].identity == 0);
		if (mine && !is_spent(s, known.number, &seen[i]))
			kept[n++] = seen[i];
	}
	send_record(s, &known, sizeof(known), PIECE_IDENTITY, NAME_NONE, to, &known);
	uint32_t slot = *session_diagnoses(s->table, s->index);
	for (; slot != DIAGNOSIS_NONE; slot = t->links[slot].next) {
		if (t->slots[slot].identity == known.number &&
			t->slots[slot].state == DIAGNOSIS_OPEN)
			give_diagnosis(s, slot, to, &known);
	}
	give_sightings(s, kept, n, to, &known);
	halt_at(HALT_handed_over);
	if (alone)
		history_forget(s->table, s->index, 0);
	send_record(s, NULL, 0, PIECE_END, NAME_NONE, to, &known);
}

// ---- taking ----

static void take_sighting(struct subject *s, const struct event *event, uint8_t identity)
{
	const struct event_use *use = &s->table->ruleset->pack->events[event->type];
	uint64_t line = history_keep_line(s, event, identity);
	struct sighting sighting = history_sighting(event, use, line, identity);
	if (use->keep)
		history_keep(s, &sighting);
}

void handover_take(struct subject *s, const struct event *event)
{
	uint8_t number;
	if (event->handover == PIECE_IDENTITY) {
		struct identity known;
		memcpy(&known, event->text, sizeof(known));
		identity_take(s, &known);
		return;
	}
	number = identity_known_as(s, &event->device, event->alias);
	if (number == 0)
		return; // no room was left for it, which is counted
	if (event->handover == PIECE_DIAGNOSIS) {
		struct judged judged;
		memcpy(&judged, event->text, sizeof(judged));
		judge_adopt(s, event->diagnosis, number, &judged);
	} else if (event->handover == PIECE_EVIDENCE) {
		struct line_buffer buffer;
		line_of_event(event, number, LINE_NONE, &buffer);
		judge_adopt_line(s, event->diagnosis, number, &buffer.line);
	} else if (event->handover == PIECE_SIGHTING) {
		take_sighting(s, event, number);
	} else {
		judge_again(s, number);
		identity_taken(s, number);
	}
}
