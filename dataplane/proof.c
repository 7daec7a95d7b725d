// SPDX-License-Identifier: BSD-3-Clause
#include "proof.h"

#define EVIDENCE_OF_EVENT_MAX 2 // lines of one event: the first attempts prove as well as the last
#define ATTEMPT_GAP_MS 500	// lines of one attempt stand closer together

// Index of an event among those of the diagnosis; DIAGNOSIS_EVENTS_MAX: too many different ones.
static unsigned event_index(struct diagnosis_links *l, uint16_t event)
{
	unsigned i = 0;
	while (i < l->n_events && l->events[i].event != event)
		i++;
	if (i == l->n_events && i < DIAGNOSIS_EVENTS_MAX) {
		l->events[i].event = event;
		l->events[i].n = 0;
		l->events[i].last_ms = 0;
		l->n_events++;
	}
	return i;
}

// Whether a line of a kind that the present attempt has had is of another one: on another
// connection, or some time after.
static bool is_next_attempt(
	const struct diagnosis_links *l, unsigned index, const struct line *line)
{
	return (line->port && l->attempt_port && line->port != l->attempt_port) ||
	       line->time_ms > l->events[index].last_ms + ATTEMPT_GAP_MS;
}

// The same kind of line once more is the next attempt.
static void count_attempt(struct diagnosis_work *w, unsigned index, const struct line *line)
{
	static const uint64_t none[EVENT_WORDS];
	const uint64_t *counted = w->rule->attempts;
	struct diagnosis_links *l = &w->table->links[w->slot];
	uint32_t bit = 1u << index;
	if (memcmp(counted, none, sizeof(none)) != 0 && !event_bit(counted, line->event))
		return;
	bool first = l->attempt == 0;
	bool next = (l->attempt & bit) && (l->attempt_over || is_next_attempt(l, index, line));
	w->d.count += next;
	l->attempt = next ? bit : l->attempt | bit;
	l->attempt_over = false;
	if (first || next || l->attempt_port == 0)
		l->attempt_port = line->port;
}

static void keep_evidence(struct diagnosis_work *w, unsigned index, const struct line *line)
{
	struct diagnosis_links *l = &w->table->links[w->slot];
	if (index == DIAGNOSIS_EVENTS_MAX || l->events[index].n >= EVIDENCE_OF_EVENT_MAX ||
		(l->events[index].n && evidence_holds(w->table->evidence, &w->d.evidence, line)))
		return;
	l->events[index].n++;
	while (evidence_append(w->table->evidence, &w->d.evidence, line) == EVIDENCE_NO_ROOM) {
		if (!diagnosis_make_room(w->subject->table, w->slot)) {
			counter_add(&w->subject->table->counters
					     ->events_dropped[EVENT_DROP_evidence_full],
				1);
			return;
		}
	}
}

void proof_add_line(struct diagnosis_work *w, const struct line *line, bool counts)
{
	struct diagnosis_links *l = &w->table->links[w->slot];
	unsigned index = event_index(l, line->event);
	keep_evidence(w, index, line);
	if (index < DIAGNOSIS_EVENTS_MAX) {
		if (counts)
			count_attempt(w, index, line);
		if (line->time_ms > l->events[index].last_ms)
			l->events[index].last_ms = line->time_ms;
	}
	w->d.sources |= (uint8_t)(1u << line->source);
	if (line->time_ms < w->d.first_ms)
		w->d.first_ms = line->time_ms;
	if (line->time_ms > w->d.last_ms)
		w->d.last_ms = line->time_ms;
}

void proof_pass_attempt(struct diagnosis_work *w)
{
	struct diagnosis_links *l = &w->table->links[w->slot];
	l->attempt = (1u << l->n_events) - 1;
	l->attempt_over = true;
}

void proof_set_back(struct diagnosis_work *w)
{
	struct diagnosis_links *l = &w->table->links[w->slot];
	for (unsigned i = 0; i < l->n_events; i++) {
		if (l->events[i].last_ms > w->subject->now_ms)
			l->events[i].last_ms = w->subject->now_ms;
	}
	proof_pass_attempt(w);
}

static bool read_line(
	struct diagnosis_work *w, const struct sighting *sighting, struct line_buffer *out)
{
	bool kept = session_line_read(w->subject->table, sighting->line, out);
	if (!kept)
		counter_add(&w->subject->table->counters->lines_lost, 1);
	else if (sighting->flags & SIGHTING_AMBIGUOUS)
		out->line.flags |= LINE_AMBIGUOUS;
	return kept;
}

void proof_add_sighting(struct diagnosis_work *w, const struct sighting *sighting, bool counts)
{
	struct line_buffer buffer;
	if (read_line(w, sighting, &buffer))
		proof_add_line(w, &buffer.line, counts);
}

void proof_add_context(struct diagnosis_work *w, const struct verdict *v)
{
	for (unsigned i = 0; i < v->n; i++) {
		const struct sighting *seen = &v->sightings[i];
		struct line_buffer buffer;
		bool last = event_bit(w->rule->context, seen->event);
		for (unsigned k = i + 1; k < v->n; k++)
			last &= v->sightings[k].event != seen->event ||
				v->sightings[k].gateway != seen->gateway;
		if (!last || !read_line(w, seen, &buffer))
			continue;
		buffer.line.flags |= LINE_CONTEXT;
		keep_evidence(w, event_index(&w->table->links[w->slot], seen->event), &buffer.line);
	}
}

// The gateway's own line on which a cause rests.
static void add_fact(const struct expression *leaf, bool positive, void *context)
{
	struct diagnosis_work *w = context;
	struct gateway_fact_line fact;
	struct line_buffer buffer;
	struct event event;
	struct subject *s = w->subject;
	if (leaf->kind != EXPRESSION_GATEWAY || !positive ||
		!gateway_fact_read(s->table->gateways, s->session.gateway, leaf->event, &fact))
		return;
	memset(&event, 0, offsetof(struct event, text));
	event.time_ms = fact.time_ms;
	event.type = leaf->event;
	event.source = fact.source;
	event.gateway = s->session.gateway;
	event.line_len = event.text_len = fact.len;
	memcpy(event.text, fact.text, fact.len);
	event.code_len = fact.code_len;
	memcpy(event.code, fact.code, fact.code_len);
	line_of_event(&event, 0, LINE_NONE, &buffer);
	buffer.line.flags |= LINE_CONTEXT;
	keep_evidence(w, event_index(&w->table->links[w->slot], leaf->event), &buffer.line);
}

void proof_find_cause(struct diagnosis_work *w, const struct verdict *v)
{
	for (unsigned i = 0; i < w->rule->n_causes; i++) {
		const struct diagnosis_cause *cause = &w->rule->causes[i];
		struct expression_view view = verdict_view(w->subject, v->sightings, v->n);
		if (strcmp(w->d.cause, cause->name) == 0)
			return; // the first that held stays, unless one before it comes
		if (!expression_holds(cause->when, &view))
			continue;
		slice_copy(slice_of(cause->name), w->d.cause, sizeof(w->d.cause));
		expression_walk(cause->when, true, add_fact, w);
		return;
	}
	if (w->rule->cause_otherwise && w->d.cause[0] == '\0')
		slice_copy(slice_of(w->rule->cause_otherwise), w->d.cause, sizeof(w->d.cause));
}
