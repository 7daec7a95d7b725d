// SPDX-License-Identifier: BSD-3-Clause
#include "chain.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "handshake.h"

static struct chain *find(const struct chain_list *list, uint32_t number)
{
	for (unsigned i = 0; number && i < CHAINS_MAX; i++) {
		if (list->chains[i].number == number)
			return (struct chain *)&list->chains[i];
	}
	return NULL;
}

static struct chain *find_serial(const struct chain_list *list, uint64_t serial)
{
	for (unsigned i = 0; serial && i < CHAINS_MAX; i++) {
		if (list->chains[i].number && list->chains[i].serial == serial)
			return (struct chain *)&list->chains[i];
	}
	return NULL;
}

// In place of the one heard longest ago.
static struct chain *begin(struct chain_list *list)
{
	struct chain *place = &list->chains[0];
	for (unsigned i = 0; i < CHAINS_MAX && place->number; i++) {
		if (list->chains[i].number == 0 || list->chains[i].last_ms < place->last_ms)
			place = &list->chains[i];
	}
	if (++list->n_made == 0)
		list->n_made = 1;
	*place = (struct chain){.number = list->n_made};
	return place;
}

static unsigned forget_old(struct chain_list *list, uint64_t now_ms)
{
	unsigned n = 0;
	for (unsigned i = 0; i < CHAINS_MAX; i++) {
		struct chain *c = &list->chains[i];
		if (c->number && is_past(c->last_ms, HANDSHAKE_HOLD_MS + 1, now_ms))
			c->number = 0;
		n += c->number != 0;
	}
	return n;
}

// A chain of several certificates has a serial number for each.
static bool can_go_on(const struct chain *c, const struct event *line)
{
	return device_is_none(&line->device) || device_is_none(&c->device) ||
	       device_equals(&line->device, &c->device);
}

// What was accepted is not refused, and what was refused is not accepted.
static bool contradicts(const struct chain *c, uint8_t step)
{
	return (c->state == CHAIN_ACCEPTED && step == HANDSHAKE_CHAIN_REFUSED) ||
	       (c->state == CHAIN_REFUSED && c->sure && step == HANDSHAKE_CHAIN_ACCEPTED);
}

static struct chain *find_newest(const struct chain_list *list, uint8_t step)
{
	const struct chain *newest = NULL;
	for (unsigned i = 0; i < CHAINS_MAX; i++) {
		const struct chain *c = &list->chains[i];
		if (c->number && !contradicts(c, step) &&
			(newest == NULL || c->number > newest->number))
			newest = c;
	}
	return (struct chain *)newest;
}

static uint64_t serial_of(const struct event *line)
{
	struct slice text = event_value(line, FIELD_SERIAL);
	return text.len ? XXH3_64bits(text.data, text.len) : 0;
}

static void decide(struct chain *c, uint8_t step, bool sure)
{
	enum chain_state state = step == HANDSHAKE_CHAIN_REFUSED ? CHAIN_REFUSED : CHAIN_ACCEPTED;
	if (step != HANDSHAKE_CHAIN_REFUSED && step != HANDSHAKE_CHAIN_ACCEPTED)
		return;
	if (c->state == CHAIN_UNDECIDED || (sure && (!c->sure || state == CHAIN_REFUSED)))
		c->state = state;
	c->sure |= sure;
}

const struct chain *chain_of(struct chain_list *list, const struct event *line, bool *certain)
{
	uint64_t serial = serial_of(line);
	unsigned n = forget_old(list, line->time_ms);
	struct chain *c = find_serial(list, serial);
	*certain = n <= 1 || c != NULL;
	if (line->handshake == HANDSHAKE_CHAIN_STARTS)
		c = begin(list);
	if (c == NULL)
		c = find(list, list->last);
	if (c && c->over && (serial == 0 || serial != c->serial))
		c = NULL;
	if (c && serial == 0 && contradicts(c, line->handshake))
		c = find_newest(list, line->handshake);
	if (c && serial && c->serial == 0 && contradicts(c, line->handshake))
		c = NULL;
	if (c && serial && c->serial && c->serial != serial && (n > 1 || !can_go_on(c, line)))
		c = NULL;
	if (c == NULL)
		c = begin(list);
	if (c->serial == 0)
		c->serial = serial;
	decide(c, line->handshake, *certain);
	if (line->handshake == HANDSHAKE_CHAIN_REFUSED) {
		c->over |= c->named;
		c->named |= serial != 0;
	}
	if (!device_is_none(&line->device))
		c->device = line->device;
	c->stranger |= (line->flags & EVENT_STRANGER) != 0;
	c->last_ms = line->time_ms;
	list->last = c->number;
	return c;
}

uint32_t chain_mistaken(const struct chain_list *list, const struct event *line)
{
	const struct chain *c = find_serial(list, serial_of(line));
	bool accepted = line->handshake == HANDSHAKE_CHAIN_ACCEPTED;
	return c && accepted && c->state == CHAIN_REFUSED && !c->sure ? c->number : 0;
}

const struct chain *chain_refusable(const struct chain_list *list)
{
	return find_newest(list, HANDSHAKE_CHAIN_REFUSED);
}

unsigned chain_count(const struct chain_list *list)
{
	unsigned n = 0;
	for (unsigned i = 0; i < CHAINS_MAX; i++)
		n += list->chains[i].number != 0;
	return n;
}

enum chain_state chain_state_of(const struct chain_list *list, uint32_t number)
{
	const struct chain *c = find(list, number);
	return c ? c->state : CHAIN_UNDECIDED;
}

void chain_end(struct chain_list *list, uint32_t number)
{
	struct chain *c = find(list, number);
	if (c)
		c->number = 0;
}
