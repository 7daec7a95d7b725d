// SPDX-License-Identifier: BSD-3-Clause
#include "identity.h"

#include <assert.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "history.h"
#include "judge.h"
#include "seq.h"

static_assert(sizeof(struct identity) % 8 == 0);

#define ALIAS_REFRESH_MS 600000 // the table of aliases forgets what is not told again
#define PROVED_MS 10000		// a login follows its handshake at once
#define ALONE_MS 30000		// and nobody else's, where there is none

#define NAMES_AT offsetof(struct identity, model)

static_assert(NAMES_AT % 8 == 0);

static void publish(struct session_table *t, uint32_t index, const struct identity *identity)
{
	struct identity *record = &t->identities[index];
	bool same = memcmp(record->model, identity->model, sizeof(*record) - NAMES_AT) == 0;
	seq_publish(&t->identity_sequences[index], record, identity,
		same ? NAMES_AT : sizeof(*record), HALT_identity_half);
}

bool identity_read(const struct session_table *t, uint32_t index, struct identity *out)
{
	return seq_read(&t->identity_sequences[index], out, &t->identities[index], sizeof(*out)) &&
	       out->number != 0;
}

void identity_set_back(struct subject *s)
{
	struct session_table *t = s->table;
	for (uint32_t i = s->session.identity; i != SESSION_NONE; i = t->identities[i].next) {
		struct identity identity = t->identities[i];
		if (identity.last_ms > s->now_ms)
			identity.last_ms = s->now_ms;
		if (identity.aliases_ms > s->now_ms)
			identity.aliases_ms = 0; // to be told anew
		if (identity.assigned_ms > s->now_ms)
			identity.assigned_ms = s->now_ms;
		if (identity.tunnel_up.ms >= s->now_ms)
			identity.tunnel_up = (struct moment){s->now_ms - 1, LINE_NONE};
		publish(t, i, &identity);
	}
}

const struct identity *identity_by_number(const struct subject *s, uint8_t number)
{
	for (uint32_t i = s->session.identity; i != SESSION_NONE;
		i = s->table->identities[i].next) {
		if (s->table->identities[i].number == number)
			return &s->table->identities[i];
	}
	return NULL;
}

const struct identity *identity_only_phone(const struct subject *s)
{
	if (s->session.n_identities != 1)
		return NULL;
	const struct identity *only = &s->table->identities[s->session.identity];
	return only->flags & IDENTITY_PHONE ? only : NULL;
}

uint32_t identity_find_device(const struct subject *s, const struct device *device)
{
	uint32_t i = s->session.identity;
	while (i != SESSION_NONE && !device_equals(&s->table->identities[i].device, device))
		i = s->table->identities[i].next;
	return i;
}

// ---- which one it is ----

// The one phone of the address but for `except`; SESSION_NONE: there is none, or several.
static uint32_t find_lone_phone(const struct subject *s, uint32_t except)
{
	const struct session_table *t = s->table;
	uint32_t found = SESSION_NONE;
	for (uint32_t i = s->session.identity; i != SESSION_NONE; i = t->identities[i].next) {
		if (i == except || !(t->identities[i].flags & IDENTITY_PHONE))
			continue;
		if (found != SESSION_NONE)
			return SESSION_NONE;
		found = i;
	}
	return found;
}

// A user that somebody types does not tell the device, and the phone's own lines do not tell the
// user: where an address has one of each, they are one phone. A certificate tells both.
static bool are_halves(const struct identity *user, const struct identity *device)
{
	return user->user[0] && device_is_none(&user->device) && device->user[0] == '\0' &&
	       !device_is_none(&device->device) && !(device->flags & IDENTITY_CERTIFIED);
}

// Whether the lone phone of an address can be the one that a line calls by other names.
static bool can_be(const struct identity *lone, bool device, bool user, bool certified)
{
	bool has_device = !device_is_none(&lone->device), has_user = lone->user[0] != '\0';
	if (!has_device && !has_user)
		return true;
	if ((has_device && device) || (has_user && user))
		return false;
	return has_user ? !certified : !(lone->flags & IDENTITY_CERTIFIED);
}

// marked: what names it says that it is a phone. certified: a gateway has told the device.
static uint32_t find(const struct subject *s, const struct device *named, struct slice user,
	bool marked, bool certified)
{
	const struct session_table *t = s->table;
	bool device = !device_is_none(named);
	uint32_t by_user = SESSION_NONE, nameless = SESSION_NONE;
	for (uint32_t i = s->session.identity; i != SESSION_NONE; i = t->identities[i].next) {
		const struct identity *id = &t->identities[i];
		if (device && device_equals(&id->device, named))
			return i;
		bool other_device = device && !device_is_none(&id->device);
		if (user.len && !other_device &&
			slice_equals(slice_first(user, IDENTITY_USER_MAX - 1), slice_of(id->user)))
			by_user = i;
		if (device_is_none(&id->device) && id->user[0] == '\0')
			nameless = i;
	}
	if (by_user != SESSION_NONE)
		return by_user;
	if (device || user.len) {
		uint32_t lone = device || marked ? find_lone_phone(s, SESSION_NONE) : SESSION_NONE;
		bool fits = lone != SESSION_NONE &&
			    can_be(&t->identities[lone], device, user.len != 0, certified);
		return fits ? lone : SESSION_NONE;
	}
	// No name at all: the one there is, or the one that has no name either.
	return s->session.n_identities == 1 ? s->session.identity : nameless;
}

// The one whose certificate the handshake just completed was made with, while no other client of
// the address has completed one.
static uint32_t find_proved(const struct subject *s)
{
	const struct session *session = &s->session;
	if (session->proved == 0 || s->now_ms > session->proved_ms + PROVED_MS ||
		(session->other_ms && s->now_ms <= session->other_ms + ALONE_MS))
		return SESSION_NONE;
	const struct identity *who = identity_by_number(s, session->proved);
	return who && who->user[0] == '\0' ? (uint32_t)(who - s->table->identities) : SESSION_NONE;
}

static uint32_t find_tunnel(const struct subject *s, const struct address *tunnel)
{
	uint32_t i = address_is_none(tunnel) ? SESSION_NONE : s->session.identity;
	while (i != SESSION_NONE && !address_equals(&s->table->identities[i].tunnel, tunnel))
		i = s->table->identities[i].next;
	return i;
}

// ---- coming and going ----

void identity_free(struct session_table *t, uint32_t index)
{
	struct identity gone = {.next = t->free_identity};
	if (t->identities[index].flags & IDENTITY_PHONE)
		gauge_add(&t->n_phones, -1);
	publish(t, index, &gone);
	t->free_identity = index;
	gauge_add(&t->n_identities, -1);
}

void identity_drop(struct subject *s, uint32_t index)
{
	struct session_table *t = s->table;
	uint32_t *link = &s->session.identity;
	if (*link != index) {
		uint32_t i = *link;
		while (t->identities[i].next != index)
			i = t->identities[i].next;
		struct identity before = t->identities[i];
		before.next = t->identities[index].next;
		publish(t, i, &before);
	} else {
		*link = t->identities[index].next;
	}
	history_forget(t, s->index, t->identities[index].number);
	judge_forget(s, t->identities[index].number);
	s->session.n_identities--;
	s->session.n_phones -= (t->identities[index].flags & IDENTITY_PHONE) != 0;
	identity_free(t, index);
}

// Not one that another has had of late: lines and diagnoses that are kept may still bear it.
static uint8_t free_number(struct subject *s)
{
	do {
		uint8_t last = s->session.last_number;
		s->session.last_number = last == UINT8_MAX ? 1 : (uint8_t)(last + 1);
	} while (identity_by_number(s, s->session.last_number));
	return s->session.last_number;
}

// Sixteen are kept; the one that is no phone and was heard longest ago gives way.
static bool make_identity_room(struct subject *s)
{
	struct session_table *t = s->table;
	uint32_t oldest = SESSION_NONE;
	if (s->session.n_identities < IDENTITIES_MAX)
		return true;
	for (uint32_t i = s->session.identity; i != SESSION_NONE; i = t->identities[i].next) {
		if (!(t->identities[i].flags & IDENTITY_PHONE) &&
			(oldest == SESSION_NONE ||
				t->identities[i].last_ms < t->identities[oldest].last_ms))
			oldest = i;
	}
	if (oldest == SESSION_NONE)
		return false;
	identity_drop(s, oldest);
	return true;
}

// Of another session that was heard long ago, one that is no phone; false: there is none near.
static bool evict_of_class(struct subject *s, uint8_t class)
{
	struct session_table *t = s->table;
	uint32_t at = t->oldest[class];
	for (unsigned tries = 0; at != SESSION_NONE && tries < SPARE_LOOK_MAX; tries++) {
		struct subject other = {t, t->sessions[at], at, s->now_ms};
		uint32_t i = at == s->index ? SESSION_NONE : other.session.identity;
		while (i != SESSION_NONE && (t->identities[i].flags & IDENTITY_PHONE))
			i = t->identities[i].next;
		if (i != SESSION_NONE) {
			identity_drop(&other, i);
			session_put(&other);
			counter_add(&t->counters->identities_evicted, 1);
			return true;
		}
		at = session_newer(t, at);
	}
	return false;
}

// A free slot, one that was never used, or that of a client that is no phone.
static uint32_t take_slot(struct subject *s)
{
	struct session_table *t = s->table;
	if (t->free_identity == SESSION_NONE && t->identities_used == t->limits.identities &&
		!evict_of_class(s, SESSION_CLASS_OTHER) && !evict_of_class(s, SESSION_CLASS_PHONE))
		return SESSION_NONE;
	uint32_t at = t->free_identity;
	if (at == SESSION_NONE)
		return t->identities_used++;
	t->free_identity = t->identities[at].next;
	return at;
}

static uint32_t identity_new(struct subject *s)
{
	struct session_table *t = s->table;
	uint32_t at = make_identity_room(s) ? take_slot(s) : SESSION_NONE;
	if (at == SESSION_NONE) {
		counter_add(&t->counters->events_dropped[EVENT_DROP_identities_full], 1);
		return SESSION_NONE;
	}
	struct identity identity = {
		.next = s->session.identity, .number = free_number(s), .gateway = GATEWAY_NONE};
	publish(t, at, &identity);
	gauge_add(&t->n_identities, 1);
	s->session.identity = at;
	s->session.n_identities++;
	return at;
}

// ---- aliases ----

// device: what the alias is of; none: a user, or a tunnel address.
static void tell_alias(struct subject *s, const struct identity *identity, uint64_t hash,
	const struct device *device, uint16_t flags)
{
	struct event event;
	memset(&event, 0, offsetof(struct event, text));
	event.stage = STAGE_ALIAS;
	event.alias = hash;
	event.key = s->session.key;
	event.time_ms = s->now_ms;
	event.flags = flags | (identity->flags & IDENTITY_PHONE ? EVENT_MARKS_PHONE : 0);
	if (device)
		event.device = *device;
	s->table->emit(s->table->emit_context, &event);
}

static void tell_user(struct subject *s, const struct identity *identity, uint16_t flags)
{
	if (identity->user[0] && identity->gateway != GATEWAY_NONE)
		tell_alias(s, identity, alias_of_user(identity->gateway, slice_of(identity->user)),
			NULL, flags);
}

static void tell_tunnel(struct subject *s, const struct identity *identity, uint16_t flags)
{
	if (!address_is_none(&identity->tunnel))
		tell_alias(s, identity, alias_of_tunnel(&identity->tunnel), NULL,
			EVENT_HAS_ASA | flags);
}

static void tell_claim(struct subject *s, const struct identity *identity)
{
	if (s->session.key.kind != KEY_CLIENT)
		return;
	if (!device_is_none(&identity->device))
		tell_alias(s, identity, alias_of_device(&identity->device), NULL, EVENT_UNPROVEN);
	tell_user(s, identity, EVENT_UNPROVEN);
}

static void tell_device(struct subject *s, const struct identity *identity, bool has_asa)
{
	tell_alias(s, identity, alias_of_device(&identity->device), &identity->device,
		has_asa ? EVENT_HAS_ASA : 0);
}

static void tell_aliases(struct subject *s, const struct identity *identity)
{
	bool client = s->session.key.kind == KEY_CLIENT;
	bool has_asa = client && ((identity->flags & IDENTITY_HAS_ASA) ||
					 (s->session.flags & SESSION_HAS_ASA));
	if (!device_is_none(&identity->device))
		tell_device(s, identity, has_asa);
	if (client) {
		tell_user(s, identity, EVENT_HAS_ASA);
		tell_tunnel(s, identity, 0);
	}
}

// ---- learning ----

static void copy_value(const struct event *event, uint8_t field, char *out, size_t size)
{
	struct slice value = event_value(event, field);
	if (value.len)
		slice_copy(value, out, size);
}

static void become_phone(struct subject *s, struct identity *identity)
{
	if (identity->flags & IDENTITY_PHONE)
		return;
	identity->flags |= IDENTITY_PHONE;
	s->session.n_phones++;
	s->session.flags |= SESSION_PHONE;
	gauge_add(&s->table->n_phones, 1);
}

static void learn_tunnel(struct subject *s, struct identity *identity, const struct event *event)
{
	if (event->alias_action == ALIAS_ASSIGN && !address_is_none(&event->tunnel)) {
		if (!address_is_none(&identity->tunnel) &&
			!address_equals(&identity->tunnel, &event->tunnel))
			tell_tunnel(s, identity, EVENT_RELEASE);
		identity->tunnel = event->tunnel;
		identity->assigned_ms = s->now_ms;
		identity->aliases_ms = 0;
	} else if (event->alias_action == ALIAS_RELEASE && !address_is_none(&identity->tunnel)) {
		tell_tunnel(s, identity, EVENT_RELEASE);
		identity->tunnel = (struct address){0};
	}
}

// What the line says of the identity. Returns whether its aliases have to be told.
static bool learn(
	struct subject *s, struct identity *identity, const struct event *event, struct slice user)
{
	uint8_t flags = identity->flags;
	bool fresh = false;
	if (!device_is_none(&event->device) && device_is_none(&identity->device)) {
		identity->device = event->device;
		fresh = true;
	}
	if (user.len && identity->user[0] == '\0') {
		slice_copy(user, identity->user, sizeof(identity->user));
		fresh = true;
	}
	if (!device_is_none(&event->device) && event->source == MESSAGE_ASA)
		identity->flags |= IDENTITY_CERTIFIED;
	if (event->model[0])
		memcpy(identity->model, event->model, sizeof(identity->model));
	copy_value(event, FIELD_TUNNEL_GROUP, identity->tunnel_group, IDENTITY_GROUP_MAX);
	copy_value(event, FIELD_GROUP_POLICY, identity->group_policy, IDENTITY_GROUP_MAX);
	if (event->gateway != GATEWAY_NONE) {
		fresh |= identity->gateway != event->gateway;
		identity->gateway = event->gateway;
	}
	if (s->now_ms > identity->last_ms)
		identity->last_ms = s->now_ms;
	if (!device_is_none(&event->device) ||
		(event->flags & (EVENT_MARKS_PHONE | EVENT_PHONE_GROUP)))
		become_phone(s, identity);
	bool proven = event->source == MESSAGE_ASA &&
		      !(event->flags & (EVENT_UNPROVEN | EVENT_AMBIGUOUS));
	if (proven)
		identity->flags |= IDENTITY_HAS_ASA;
	learn_tunnel(s, identity, event);
	// Of a claim the lines around it are told every time, for a short while.
	bool claim =
		event->source == MESSAGE_ASA && !proven && !(identity->flags & IDENTITY_HAS_ASA);
	if (claim && (event->flags & EVENT_UNPROVEN) && !(event->flags & EVENT_AMBIGUOUS))
		tell_claim(s, identity);
	fresh |= flags != identity->flags || s->now_ms > identity->aliases_ms + ALIAS_REFRESH_MS;
	return fresh && !claim;
}

// What a line without a name says of the only one there is.
static void learn_groups(struct subject *s, uint32_t at, const struct event *event)
{
	struct identity identity = s->table->identities[at];
	if (s->session.n_identities != 1)
		return;
	if (identity.tunnel_group[0] == '\0')
		copy_value(event, FIELD_TUNNEL_GROUP, identity.tunnel_group, IDENTITY_GROUP_MAX);
	if (identity.group_policy[0] == '\0')
		copy_value(event, FIELD_GROUP_POLICY, identity.group_policy, IDENTITY_GROUP_MAX);
	publish(s->table, at, &identity);
}

// A user has turned out to be a phone, and may be the one whose own lines have come. Returns its
// number.
static uint8_t merge_halves(struct subject *s, uint32_t at)
{
	struct session_table *t = s->table;
	struct identity half = t->identities[at];
	uint32_t other = find_lone_phone(s, at);
	if (other == SESSION_NONE || !are_halves(&half, &t->identities[other]))
		return half.number;
	uint8_t number = t->identities[other].number;
	judge_merge(s, half.number, number);
	identity_drop(s, at);
	identity_take(s, &half);
	struct identity whole = t->identities[other];
	whole.flags |= half.flags & IDENTITY_HAS_ASA;
	whole.aliases_ms = 0; // to be told with what is new
	publish(t, other, &whole);
	return number;
}

static void note_handshake(struct subject *s, const struct event *event, uint8_t number)
{
	if (event->handshake != HANDSHAKE_COMPLETES)
		return;
	s->session.proved = number;
	if (number)
		s->session.proved_ms = event->time_ms;
	else
		s->session.other_ms = event->time_ms;
}

static uint8_t identify(struct subject *s, const struct event *event)
{
	struct session_table *t = s->table;
	struct slice user = event_user(event);
	bool named = user.len || !device_is_none(&event->device);
	bool marked = (event->flags & (EVENT_MARKS_PHONE | EVENT_PHONE_GROUP)) != 0;
	bool says = named || marked || event->alias_action == ALIAS_ASSIGN;
	bool certified = event->source == MESSAGE_ASA;
	uint32_t at = find(s, &event->device, user, marked, certified);
	if (at == SESSION_NONE && user.len && event->source == MESSAGE_ASA &&
		device_is_none(&event->device))
		at = find_proved(s);
	uint32_t by_tunnel = named || event->alias_action == ALIAS_ASSIGN
				     ? SESSION_NONE
				     : find_tunnel(s, &event->tunnel);
	if (by_tunnel != SESSION_NONE || (event->alias_action == ALIAS_RELEASE && !named &&
						 !address_is_none(&event->tunnel)))
		at = by_tunnel;
	// A phone's line without a name, where phones are known by theirs: it can be any of them.
	bool any_phone = !named && event->alias_action != ALIAS_ASSIGN && s->session.n_phones;
	// What could be about another client names nobody anew, unless it stands behind this one's
	// line and is no more than a claim.
	bool unsure = (event->flags & EVENT_AMBIGUOUS) &&
		      !((event->flags & EVENT_NEAR) && (event->flags & EVENT_UNPROVEN));
	if (at == SESSION_NONE && says && !any_phone && !unsure)
		at = identity_new(s);
	if (at == SESSION_NONE)
		return 0;
	if (unsure)
		return says ? t->identities[at].number : 0;
	if (!says && by_tunnel != SESSION_NONE && event->alias_action != ALIAS_RELEASE)
		return t->identities[at].number;
	if (!says && event->alias_action != ALIAS_RELEASE) {
		learn_groups(s, at, event);
		return 0;
	}
	struct identity identity = t->identities[at];
	bool knew = identity.last_ms != 0;
	struct device device = identity.device;
	uint8_t flags = identity.flags;
	bool tell = learn(s, &identity, event, user);
	if (tell)
		identity.aliases_ms = s->now_ms;
	publish(t, at, &identity);
	if (tell)
		tell_aliases(s, &identity);
	if (!knew || flags != identity.flags || !device_equals(&device, &identity.device))
		judge_learn(s, identity.number);
	return identity.flags & ~flags & IDENTITY_PHONE ? merge_halves(s, at) : identity.number;
}

uint8_t identity_of(struct subject *s, const struct event *event)
{
	uint8_t number = identify(s, event);
	note_handshake(s, event, number);
	return number;
}

// ---- from another session ----

static void take_text(char *mine, const char *theirs, size_t size)
{
	if (mine[0] == '\0')
		memcpy(mine, theirs, size);
}

// The device is told only where the session is the device's own: two clients must not draw a phone
// to each other for ever.
void identity_taken(struct subject *s, uint8_t number)
{
	const struct identity *identity = identity_by_number(s, number);
	if (identity && s->session.key.kind == KEY_DEVICE)
		tell_device(s, identity, false);
}

void identity_take(struct subject *s, const struct identity *known)
{
	struct session_table *t = s->table;
	bool phone = (known->flags & IDENTITY_PHONE) != 0;
	bool certified = (known->flags & IDENTITY_CERTIFIED) != 0;
	uint32_t at = find(s, &known->device, slice_of(known->user), phone, certified);
	if (at == SESSION_NONE)
		at = identity_new(s);
	if (at == SESSION_NONE)
		return;
	struct identity identity = t->identities[at];
	bool tunnel = s->session.key.kind == KEY_CLIENT && address_is_none(&identity.tunnel) &&
		      !address_is_none(&known->tunnel);
	if (device_is_none(&identity.device))
		identity.device = known->device;
	identity.flags |= known->flags & IDENTITY_CERTIFIED;
	take_text(identity.user, known->user, sizeof(identity.user));
	take_text(identity.model, known->model, sizeof(identity.model));
	take_text(identity.tunnel_group, known->tunnel_group, sizeof(identity.tunnel_group));
	take_text(identity.group_policy, known->group_policy, sizeof(identity.group_policy));
	if (identity.gateway == GATEWAY_NONE)
		identity.gateway = known->gateway;
	if (tunnel)
		identity.tunnel = known->tunnel;
	if (known->assigned_ms > identity.assigned_ms)
		identity.assigned_ms = known->assigned_ms;
	if (known->tunnel_up.ms > identity.tunnel_up.ms)
		identity.tunnel_up = (struct moment){known->tunnel_up.ms, LINE_NONE};
	if (s->now_ms > identity.last_ms)
		identity.last_ms = s->now_ms;
	if (phone)
		become_phone(s, &identity);
	publish(t, at, &identity);
	if (tunnel)
		tell_tunnel(s, &identity, 0);
	judge_learn(s, identity.number);
}

uint8_t identity_restore(struct subject *s, const struct identity *known)
{
	struct session_table *t = s->table;
	bool phone = (known->flags & IDENTITY_PHONE) != 0;
	bool certified = (known->flags & IDENTITY_CERTIFIED) != 0;
	bool full = t->free_identity == SESSION_NONE && t->identities_used == t->limits.identities;
	uint32_t at = find(s, &known->device, slice_of(known->user), phone, certified);
	if (at == SESSION_NONE && (full || s->session.n_identities == IDENTITIES_MAX))
		return 0;
	identity_take(s, known);
	at = find(s, &known->device, slice_of(known->user), phone, certified);
	struct identity identity = t->identities[at];
	identity.flags |= known->flags & (IDENTITY_HAS_ASA | IDENTITY_CONNECTED);
	identity.aliases_ms = s->now_ms;
	publish(t, at, &identity);
	tell_aliases(s, &identity);
	return identity.number;
}

uint8_t identity_known_as(const struct subject *s, const struct device *device, uint64_t user_hash)
{
	uint8_t by_user = 0;
	for (uint32_t i = s->session.identity; i != SESSION_NONE;) {
		const struct identity *id = &s->table->identities[i];
		if (!device_is_none(device) && device_equals(&id->device, device))
			return id->number;
		if (user_hash && id->user[0] &&
			XXH3_64bits(id->user, strlen(id->user)) == user_hash)
			by_user = id->number;
		i = id->next;
	}
	return by_user;
}

bool identity_all_connected(const struct subject *s)
{
	bool any = false;
	for (uint32_t i = s->session.identity; i != SESSION_NONE;) {
		const struct identity *id = &s->table->identities[i];
		if (id->flags & IDENTITY_PHONE && !(id->flags & IDENTITY_CONNECTED))
			return false;
		any |= (id->flags & IDENTITY_PHONE) != 0;
		i = id->next;
	}
	return any;
}

void identity_note_end(struct subject *s, uint8_t number)
{
	const struct identity *who = identity_by_number(s, number);
	if (who == NULL)
		who = identity_only_phone(s);
	if (who == NULL || !(who->flags & IDENTITY_CONNECTED))
		return;
	struct identity changed = *who;
	changed.flags &= (uint8_t)~IDENTITY_CONNECTED;
	publish(s->table, (uint32_t)(who - s->table->identities), &changed);
}

void identity_note_tunnel(struct subject *s, const struct event *event,
	const struct sighting *sighting, uint8_t number)
{
	const struct rulepack *pack = s->table->ruleset->pack;
	const struct identity *who = identity_by_number(s, number);
	bool success = false;
	if (who && pack->events[sighting->event].ends_tunnel &&
		sighting->time_ms >= who->tunnel_up.ms)
		identity_note_end(s, number);
	for (unsigned i = 0; i < pack->n_recovery; i++)
		success |= pack->recovery[i]->event == sighting->event &&
			   (sighting->conditions & pack->recovery[i]->conditions) ==
				   pack->recovery[i]->conditions;
	if (who == NULL && s->session.n_identities == 1)
		who = &s->table->identities[s->session.identity];
	if (!success || who == NULL)
		return;
	if (sighting->time_ms < who->tunnel_up.ms)
		return;
	struct identity changed = *who;
	changed.tunnel_up = (struct moment){sighting->time_ms, sighting->line};
	if (event->alias_action != ALIAS_ASSIGN) // an address alone is no connection yet
		changed.flags |= IDENTITY_CONNECTED;
	publish(s->table, (uint32_t)(who - s->table->identities), &changed);
}
