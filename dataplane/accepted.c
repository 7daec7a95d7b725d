// SPDX-License-Identifier: BSD-3-Clause
#include "accepted.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "history.h"
#include "identity.h"
#include "judge.h"
#include "seq.h"

static_assert(sizeof(struct accepted_value) % 8 == 0);

#define SLACK_MS 2000 // so far a refusal may have overtaken what it is of: UDP reorders

// ---- one worker's part ----

static bool is_same(const struct accepted_value *a, const struct accepted_value *b)
{
	return a->event == b->event && a->field == b->field && a->len == b->len &&
	       strncasecmp(a->text, b->text, a->len) == 0;
}

// Into the place of the same value, else into that of the one that was accepted longest ago.
static void put_in(struct accepted_value *values, unsigned n, const struct accepted_value *value)
{
	struct accepted_value *place = &values[0];
	for (unsigned i = 0; i < n; i++) {
		if (values[i].last_ms && is_same(&values[i], value)) {
			if (value->first_ms < values[i].first_ms)
				values[i].first_ms = value->first_ms;
			if (value->last_ms > values[i].last_ms)
				values[i].last_ms = value->last_ms;
			return;
		}
		if (values[i].last_ms < place->last_ms)
			place = &values[i];
	}
	if (value->last_ms > place->last_ms)
		*place = *value;
}

static void note(struct accepted *accepted, const struct accepted_value *value)
{
	struct accepted_value values[ACCEPTED_MAX];
	memcpy(values, accepted->values, sizeof(values));
	put_in(values, ACCEPTED_MAX, value);
	seq_publish(
		&accepted->sequence, accepted->values, values, sizeof(values), HALT_accepted_half);
}

void accepted_restore(
	struct session_table *table, uint16_t gateway, const struct accepted_value *known)
{
	note(&table->accepted[gateway], known);
}

// ---- what a phone has accepted ----

// Whether it was seen of the identity: what nobody is named in, where the address has one at most.
static bool is_its_own(const struct subject *s, const struct sighting *seen, uint8_t identity)
{
	return seen->identity == identity || s->session.n_identities <= 1;
}

// The last time that the phone told of it before the success; NULL: it has not, or not since it
// was connected last: it may be connected to another gateway now.
static const struct sighting *last_shown(
	const struct subject *s, uint16_t event, const struct sighting *success, uint8_t identity)
{
	unsigned n;
	const struct sighting *all = history_sightings(s->table, s->index, &n), *shown = NULL;
	for (unsigned i = 0; i < n && all[i].time_ms <= success->time_ms; i++) {
		if (all[i].event == event && is_its_own(s, &all[i], identity))
			shown = &all[i];
	}
	const struct identity *who = identity_by_number(s, identity);
	return shown && who->tunnel_up.ms < shown->time_ms ? shown : NULL;
}

// Whether there is a sign of the failure since then, of the phone or of nobody by name.
static bool is_refused(const struct subject *s, const struct diagnosis_rule *rule,
	const struct sighting *shown, const struct sighting *success)
{
	unsigned n;
	const struct sighting *all = history_sightings(s->table, s->index, &n);
	for (unsigned i = 0; i < n; i++) {
		if (event_bit(rule->signs, all[i].event) &&
			(all[i].identity == 0 || all[i].identity == shown->identity ||
				is_its_own(s, &all[i], shown->identity)) &&
			all[i].time_ms + SLACK_MS >= shown->time_ms &&
			all[i].time_ms <= success->time_ms)
			return true;
	}
	return false;
}

static void learn_one(struct subject *s, const struct diagnosis_rule *rule,
	const struct diagnosis_detail *expected, uint16_t gateway, const struct sighting *success,
	uint8_t identity)
{
	const struct sighting *shown = last_shown(s, expected->event, success, identity);
	struct line_buffer buffer;
	if (shown == NULL || shown->time_ms + rule->window_ms < success->time_ms ||
		is_refused(s, rule, shown, success) ||
		!session_line_read(s->table, shown->line, &buffer))
		return;
	struct slice text = line_value(&buffer.line, expected->field);
	if (text.len == 0 || text.len > ACCEPTED_BYTES_MAX || success->time_ms == 0)
		return;
	struct accepted_value value = {.first_ms = success->time_ms,
		.last_ms = success->time_ms,
		.event = expected->event,
		.field = expected->field,
		.len = (uint8_t)text.len};
	memcpy(value.text, text.data, text.len);
	note(&s->table->accepted[gateway], &value);
}

// Whose success it is: what nobody is named in, of the only one at the address.
static uint8_t who_is_well(const struct subject *s, uint8_t identity)
{
	if (identity == 0 && s->session.n_identities == 1)
		return s->table->identities[s->session.identity].number;
	return identity;
}

static uint16_t gateway_of(
	const struct subject *s, const struct event *event, const struct identity *who)
{
	if (event->gateway != GATEWAY_NONE)
		return event->gateway;
	return who && who->gateway != GATEWAY_NONE ? who->gateway : s->session.gateway;
}

void accepted_learn(struct subject *s, const struct event *event, const struct sighting *success,
	uint8_t identity)
{
	const struct rulepack *pack = s->table->ruleset->pack;
	const struct event_use *use = &pack->events[event->type];
	if (!(s->session.flags & SESSION_SHOWN))
		return;
	identity = who_is_well(s, identity);
	const struct identity *who = identity_by_number(s, identity);
	uint16_t gateway = gateway_of(s, event, who);
	if (gateway == GATEWAY_NONE || who == NULL)
		return;
	for (unsigned word = 0; word < DIAGNOSIS_WORDS; word++) {
		uint64_t left = use->recovers[word] & pack->expecting[word];
		for (; left; left &= left - 1) {
			const struct diagnosis_rule *rule =
				&pack->diagnoses[word * 64 + (unsigned)__builtin_ctzll(left)];
			for (unsigned i = 0; i < rule->n_expected; i++) {
				if (judge_is_well(rule, success))
					learn_one(s, rule, &rule->expected[i], gateway, success,
						identity);
			}
		}
	}
}

// ---- for others ----

static int by_time(const void *a, const void *b)
{
	const struct accepted_value *one = a, *other = b;
	if (one->last_ms != other->last_ms)
		return one->last_ms > other->last_ms ? -1 : 1;
	return memcmp(one->text, other->text, sizeof(one->text));
}

unsigned accepted_read(const struct gateway_table *table, uint16_t gateway,
	struct accepted_value *out, unsigned n_max)
{
	struct accepted_value values[ACCEPTED_MAX];
	unsigned n = 0;
	memset(out, 0, n_max * sizeof(*out));
	for (unsigned i = 0; gateway < table->n_max && i < table->n_workers; i++) {
		const struct accepted *part = &table->accepted[(size_t)i * table->n_max + gateway];
		if (!seq_read(&part->sequence, values, part->values, sizeof(values)))
			continue;
		for (unsigned k = 0; k < ACCEPTED_MAX; k++) {
			if (values[k].last_ms)
				put_in(out, n_max, &values[k]);
		}
	}
	qsort(out, n_max, sizeof(*out), by_time);
	while (n < n_max && out[n].last_ms)
		n++;
	return n;
}
