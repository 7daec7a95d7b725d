// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../dataplane/alias.h"

static struct event e;
static struct counters counters;

struct told {
	unsigned n;
	uint64_t time_ms[64];
	struct session_key key[64];
	uint8_t stage[64];
};

static void tell(void *context, struct event *event)
{
	struct told *told = context;
	told->time_ms[told->n] = event->time_ms;
	told->key[told->n] = event->key;
	told->stage[told->n++] = event->stage;
}

static struct session_key key(const char *client)
{
	struct address a;
	assert_true(address_parse(slice_of(client), &a));
	return key_of_client(&a);
}

static enum alias_outcome set(struct alias_table *t, uint64_t hash, const char *client,
	uint64_t time_ms, uint16_t flags, struct session_key *other)
{
	memset(&e, 0, sizeof(e));
	e.alias = hash;
	e.key = key(client);
	e.time_ms = time_ms;
	e.flags = flags;
	return alias_set(t, &e, other);
}

static void wait_for(struct alias_table *t, uint64_t hash, uint64_t time_ms)
{
	memset(&e, 0, sizeof(e));
	e.alias = hash;
	e.time_ms = time_ms;
	e.stage = STAGE_RESOLVE;
	alias_wait(t, &e);
}

static const struct alias *look_up(struct alias_table *t, uint64_t hash)
{
	memset(&e, 0, sizeof(e));
	e.alias = hash;
	e.source = MESSAGE_ASA;
	return alias_find(t, &e);
}

static void release(struct alias_table *t, uint64_t hash, struct told *told)
{
	const struct alias *alias = look_up(t, hash);
	if (alias)
		alias_release(t, hash, &alias->key, tell, told);
}

static void expire(struct alias_table *t, uint64_t now_ms, bool all)
{
	struct told nobody = {0};
	alias_expire_step(t, now_ms, all, tell, &nobody);
}

static bool leads_to(struct alias_table *t, uint64_t hash, const char *client)
{
	const struct alias *a = look_up(t, hash);
	struct session_key wanted = key(client);
	return a && key_equals(&a->key, &wanted);
}

#define SETUP(n_aliases, n_waiting)                                                  \
	struct alias_table *t = alias_table_create(n_aliases, n_waiting, &counters); \
	struct session_key other = {0};                                              \
	(void)other;                                                                 \
	memset(&counters, 0, sizeof(counters))

static void an_alias_leads_where_it_was_set(void **state)
{
	(void)state;
	SETUP(64, 4);
	assert_null(look_up(t, 5));
	assert_int_equal(set(t, 5, "198.51.100.1", 1000, EVENT_HAS_ASA, &other), ALIAS_SET);
	assert_true(leads_to(t, 5, "198.51.100.1"));
	assert_null(look_up(t, 6));
	assert_int_equal(set(t, 5, "198.51.100.1", 2000, EVENT_HAS_ASA, &other), ALIAS_SET);
	assert_int_equal(alias_count(t), 1);
	alias_table_destroy(t);
	alias_table_destroy(NULL);
}

static void a_newer_word_of_a_gateway_moves_it(void **state)
{
	(void)state;
	SETUP(64, 4);
	set(t, 5, "198.51.100.1", 1000, EVENT_HAS_ASA, &other);
	assert_int_equal(set(t, 5, "198.51.100.2", 2000, EVENT_HAS_ASA, &other), ALIAS_MOVED);
	struct session_key before = key("198.51.100.1");
	assert_true(key_equals(&other, &before));
	assert_true(leads_to(t, 5, "198.51.100.2"));
	assert_int_equal(alias_count(t), 1);
	alias_table_destroy(t);
}

// A phone behind NAT sends its own lines from another address than the gateway sees.
static void a_gateways_word_outweighs_the_phones_own(void **state)
{
	(void)state;
	SETUP(64, 4);
	set(t, 5, "198.51.100.1", 1000, EVENT_HAS_ASA, &other);
	assert_int_equal(set(t, 5, "10.1.2.3", 2000, 0, &other), ALIAS_KEPT);
	struct session_key kept = key("198.51.100.1");
	assert_true(key_equals(&other, &kept));
	assert_true(leads_to(t, 5, "198.51.100.1"));
	// The gateway's word corrects the phone's.
	set(t, 6, "10.1.2.3", 1000, 0, &other);
	assert_int_equal(set(t, 6, "198.51.100.1", 2000, EVENT_HAS_ASA, &other), ALIAS_MOVED);
	// After a day it has lost its weight.
	assert_int_equal(set(t, 5, "10.1.2.3", 1000 + 25 * 3600 * 1000ull, 0, &other), ALIAS_MOVED);
	alias_table_destroy(t);
}

static void only_where_it_leads_can_end_it(void **state)
{
	(void)state;
	SETUP(64, 4);
	set(t, 5, "198.51.100.1", 1000, EVENT_HAS_ASA, &other);
	set(t, 5, "198.51.100.2", 2000, EVENT_HAS_ASA | EVENT_RELEASE, &other);
	assert_true(leads_to(t, 5, "198.51.100.1"));
	assert_int_equal(set(t, 5, "198.51.100.1", 3000, EVENT_RELEASE, &other), ALIAS_ENDED);
	assert_null(look_up(t, 5));
	assert_int_equal(alias_count(t), 0);
	assert_int_equal(set(t, 5, "198.51.100.1", 3000, EVENT_RELEASE, &other), ALIAS_ENDED);
	assert_int_equal(alias_count(t), 0);
	alias_table_destroy(t);
}

// Ended and set again by somebody else: the tunnel address goes to the next phone.
static void an_address_of_the_tunnel_is_given_again(void **state)
{
	(void)state;
	SETUP(64, 4);
	set(t, 5, "198.51.100.1", 1000, EVENT_HAS_ASA, &other);
	set(t, 5, "198.51.100.1", 2000, EVENT_RELEASE, &other);
	assert_int_equal(set(t, 5, "198.51.100.2", 3000, EVENT_HAS_ASA, &other), ALIAS_SET);
	assert_true(leads_to(t, 5, "198.51.100.2"));
	alias_table_destroy(t);
}

static void the_oldest_gives_way_in_a_full_table(void **state)
{
	(void)state;
	SETUP(64, 4);
	// All of one place: hashes that differ above the table's bits.
	for (uint64_t i = 1; i <= 8; i++)
		set(t, i << 32 | 3, "198.51.100.1", 1000 * i, EVENT_HAS_ASA, &other);
	for (uint64_t i = 1; i <= 8; i++)
		assert_non_null(look_up(t, i << 32 | 3));
	assert_int_equal(
		set(t, 9ull << 32 | 3, "198.51.100.9", 9000, EVENT_HAS_ASA, &other), ALIAS_SET);
	assert_null(look_up(t, 1ull << 32 | 3));
	assert_non_null(look_up(t, 2ull << 32 | 3));
	assert_true(leads_to(t, 9ull << 32 | 3, "198.51.100.9"));
	assert_int_equal(alias_count(t), 8);
	// However many come, the table holds no more than it has room for.
	for (uint64_t i = 1; i < 10000; i++)
		set(t, i * 0x9e3779b97f4a7c15ull, "198.51.100.1", 10000 + i, EVENT_HAS_ASA, &other);
	assert_true(alias_count(t) <= 64);
	alias_table_destroy(t);
}

// ---- what is claimed, and what is needed more ----

#define PLACE(i) ((uint64_t)(i) << 32 | 3) // all of one place, which holds eight

static bool holds_for(struct alias_table *t, uint64_t hash, uint8_t source, uint64_t time_ms)
{
	memset(&e, 0, sizeof(e));
	e.alias = hash;
	e.source = source;
	e.time_ms = time_ms;
	return alias_find(t, &e) != NULL;
}

static void a_claim_holds_for_a_gateways_lines_of_a_while(void **state)
{
	(void)state;
	SETUP(64, 4);
	assert_int_equal(set(t, 5, "198.51.100.66", 1000, EVENT_UNPROVEN, &other), ALIAS_CLAIMED);
	assert_true(holds_for(t, 5, MESSAGE_ASA, 1000));
	assert_true(holds_for(t, 5, MESSAGE_ASA, 1000 + ALIAS_CLAIM_MS));
	assert_false(holds_for(t, 5, MESSAGE_ASA, 1001 + ALIAS_CLAIM_MS));
	assert_false(holds_for(t, 5, MESSAGE_PHONE, 1000));
	// Nor once the clock was set back by more than a moment.
	set(t, 6, "198.51.100.66", 50000, EVENT_UNPROVEN, &other);
	assert_true(holds_for(t, 6, MESSAGE_ASA, 49500));
	assert_false(holds_for(t, 6, MESSAGE_ASA, 48000));
	// Made again, it holds anew.
	set(t, 5, "198.51.100.66", 9000, EVENT_UNPROVEN, &other);
	assert_true(holds_for(t, 5, MESSAGE_ASA, 9000 + ALIAS_CLAIM_MS));
	alias_table_destroy(t);
}

static void a_claim_takes_nothing_from_what_is_known(void **state)
{
	(void)state;
	SETUP(64, 4);
	set(t, 5, "198.51.100.1", 1000, EVENT_HAS_ASA, &other);
	assert_int_equal(set(t, 5, "198.51.100.66", 2000, EVENT_UNPROVEN, &other), ALIAS_ENDED);
	assert_true(leads_to(t, 5, "198.51.100.1"));
	assert_true(holds_for(t, 5, MESSAGE_PHONE, 2000));
	// Nor from what the phone's own lines alone say, however old.
	set(t, 6, "10.1.2.3", 1000, 0, &other);
	assert_int_equal(
		set(t, 6, "198.51.100.66", 1000 + 25 * 3600 * 1000ull, EVENT_UNPROVEN, &other),
		ALIAS_ENDED);
	assert_true(holds_for(t, 6, MESSAGE_PHONE, 1000 + 25 * 3600 * 1000ull));
	assert_int_equal(counters.aliases_evicted, 0);
	alias_table_destroy(t);
}

static void what_is_known_takes_the_place_of_a_claim(void **state)
{
	(void)state;
	SETUP(64, 4);
	set(t, 5, "198.51.100.66", 1000, EVENT_UNPROVEN, &other);
	// It is no move: what was claimed belonged to nobody.
	assert_int_equal(set(t, 5, "198.51.100.1", 1500, EVENT_HAS_ASA, &other), ALIAS_SET);
	assert_true(leads_to(t, 5, "198.51.100.1"));
	assert_true(holds_for(t, 5, MESSAGE_PHONE, 1000 + 10 * ALIAS_CLAIM_MS));
	set(t, 6, "198.51.100.66", 1000, EVENT_UNPROVEN, &other);
	assert_int_equal(set(t, 6, "10.1.2.3", 1500, 0, &other), ALIAS_SET);
	assert_int_equal(alias_count(t), 2);
	assert_int_equal(counters.aliases_evicted, 0);
	alias_table_destroy(t);
}

// Two claims that are over, two claims, two of clients, two of phones; the older with the even
// number.
static void fill(struct alias_table *t)
{
	struct session_key other;
	static const uint16_t flags[] = {
		EVENT_UNPROVEN, EVENT_UNPROVEN, EVENT_HAS_ASA, EVENT_HAS_ASA | EVENT_MARKS_PHONE};
	for (unsigned i = 0; i < 8; i++)
		set(t, PLACE(i + 1), "198.51.100.1", (i / 2 == 0 ? 1000 : 50000) + i, flags[i / 2],
			&other);
	assert_int_equal(alias_count(t), 8);
}

// Which of the eight have gone; the others stand where they stood.
static unsigned gone(struct alias_table *t)
{
	unsigned n = 0;
	for (unsigned i = 0; i < 8; i++) {
		memset(&e, 0, sizeof(e));
		e.alias = PLACE(i + 1);
		e.source = MESSAGE_ASA;
		e.time_ms = i / 2 == 0 ? 1000 : 50000;
		n |= alias_find(t, &e) ? 0 : 1u << i;
	}
	return n;
}

static void who_is_needed_least_gives_way_to_a_phone(void **state)
{
	(void)state;
	SETUP(64, 4);
	fill(t);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(gone(t), (1u << i) - 1);
		assert_int_equal(set(t, PLACE(20 + i), "198.51.100.9", 51000 + i,
					 EVENT_HAS_ASA | EVENT_MARKS_PHONE, &other),
			ALIAS_SET);
	}
	assert_int_equal(gone(t), 0xff);
	assert_int_equal(alias_count(t), 8);
	assert_int_equal(counters.aliases_evicted, 6); // claims that are over count for nothing
	alias_table_destroy(t);
}

static void a_client_that_is_no_phone_takes_no_phones_place(void **state)
{
	(void)state;
	SETUP(64, 4);
	fill(t);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(
			set(t, PLACE(20 + i), "198.51.100.9", 51000 + i, EVENT_HAS_ASA, &other),
			ALIAS_SET);
	assert_int_equal(gone(t), 0x3f);
	// With phones all over, it finds no room, and that is counted.
	for (unsigned i = 0; i < 6; i++)
		set(t, PLACE(50 + i), "198.51.100.8", 52000 + i, EVENT_HAS_ASA | EVENT_MARKS_PHONE,
			&other);
	uint64_t before = counters.aliases_evicted;
	assert_int_equal(
		set(t, PLACE(60), "198.51.100.9", 53000, EVENT_HAS_ASA, &other), ALIAS_ENDED);
	assert_null(look_up(t, PLACE(60)));
	assert_int_equal(gone(t), 0x3f);
	assert_int_equal(counters.aliases_evicted, before + 1);
	alias_table_destroy(t);
}

static void a_claim_takes_the_place_of_claims_alone(void **state)
{
	(void)state;
	SETUP(64, 4);
	fill(t);
	for (unsigned i = 0; i < 20; i++)
		set(t, PLACE(20 + i), "198.51.100.66", 51000 + i, EVENT_UNPROVEN, &other);
	assert_int_equal(gone(t), 0x0f);
	assert_int_equal(alias_count(t), 8);
	alias_table_destroy(t);
}

// Who ends what is not there takes nobody's place.
static void the_end_of_an_unknown_one_evicts_nobody(void **state)
{
	(void)state;
	SETUP(64, 4);
	fill(t);
	assert_int_equal(set(t, PLACE(20), "198.51.100.1", 51000,
				 EVENT_HAS_ASA | EVENT_MARKS_PHONE | EVENT_RELEASE, &other),
		ALIAS_ENDED);
	assert_int_equal(
		set(t, PLACE(21), "198.51.100.1", 51000, EVENT_RELEASE, &other), ALIAS_ENDED);
	assert_int_equal(gone(t), 0);
	assert_int_equal(alias_count(t), 8);
	for (unsigned i = 0; i < 2; i++) // so that no claim is over
		set(t, PLACE(i + 1), "198.51.100.1", 51000, EVENT_HAS_ASA, &other);
	set(t, PLACE(20), "198.51.100.1", 51000, EVENT_HAS_ASA | EVENT_RELEASE, &other);
	assert_int_equal(counters.aliases_evicted, 0);
	alias_table_destroy(t);
}

// Ending one in the middle of a probe chain must not hide those behind it.
static void a_hole_hides_nobody(void **state)
{
	(void)state;
	SETUP(64, 4);
	for (uint64_t i = 1; i <= 4; i++)
		set(t, i << 32 | 3, "198.51.100.1", 1000 * i, EVENT_HAS_ASA, &other);
	set(t, 2ull << 32 | 3, "198.51.100.1", 5000, EVENT_RELEASE, &other);
	assert_non_null(look_up(t, 3ull << 32 | 3));
	assert_non_null(look_up(t, 4ull << 32 | 3));
	// Set again while a hole stands before it: one entry, not two.
	set(t, 4ull << 32 | 3, "198.51.100.4", 6000, EVENT_HAS_ASA, &other);
	assert_int_equal(alias_count(t), 3);
	assert_true(leads_to(t, 4ull << 32 | 3, "198.51.100.4"));
	alias_table_destroy(t);
}

// ---- events that wait ----

static void who_waited_goes_on_when_the_alias_is_known(void **state)
{
	(void)state;
	SETUP(64, 4);
	struct told told = {0};
	wait_for(t, 5, 1000);
	wait_for(t, 6, 1001);
	wait_for(t, 5, 1002);
	release(t, 5, &told);
	assert_int_equal(told.n, 0);
	set(t, 5, "198.51.100.1", 1500, EVENT_HAS_ASA, &other);
	release(t, 5, &told);
	assert_int_equal(told.n, 2);
	struct session_key wanted = key("198.51.100.1");
	for (unsigned i = 0; i < told.n; i++) {
		assert_true(key_equals(&told.key[i], &wanted));
		assert_int_equal(told.stage[i], STAGE_JUDGE);
	}
	assert_int_equal(told.time_ms[0] + told.time_ms[1], 2002);
	release(t, 5, &told);
	assert_int_equal(told.n, 2);
	assert_int_equal(counters.events_dropped[EVENT_DROP_unresolved], 0);
	alias_table_destroy(t);
}

// In the order in which they came, also when places were given back in between.
static void who_waited_goes_on_in_order(void **state)
{
	(void)state;
	SETUP(64, 4);
	struct told told = {0};
	wait_for(t, 9, 1000);
	wait_for(t, 5, 1001);
	set(t, 9, "198.51.100.9", 1002, EVENT_HAS_ASA, &other);
	release(t, 9, &told);
	wait_for(t, 5, 1003);
	wait_for(t, 5, 1004);
	set(t, 5, "198.51.100.1", 1500, EVENT_HAS_ASA, &other);
	told.n = 0;
	release(t, 5, &told);
	assert_int_equal(told.n, 3);
	assert_int_equal(told.time_ms[0], 1001);
	assert_int_equal(told.time_ms[1], 1003);
	assert_int_equal(told.time_ms[2], 1004);
	alias_table_destroy(t);
}

// It waits a bounded time in a bounded place, and is counted.
static void who_waits_too_long_is_counted(void **state)
{
	(void)state;
	SETUP(64, 4);
	struct told told = {0};
	wait_for(t, 5, 1000);
	wait_for(t, 5, 4000);
	for (int i = 0; i < 8; i++)
		expire(t, 5999, false);
	assert_int_equal(counters.events_dropped[EVENT_DROP_unresolved], 0);
	for (int i = 0; i < 8; i++)
		expire(t, 6001, false);
	assert_int_equal(counters.events_dropped[EVENT_DROP_unresolved], 1);
	set(t, 5, "198.51.100.1", 6002, EVENT_HAS_ASA, &other);
	release(t, 5, &told);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.time_ms[0], 4000);
	alias_table_destroy(t);
}

static void a_full_place_is_counted(void **state)
{
	(void)state;
	SETUP(64, 4);
	for (unsigned i = 0; i < 6; i++)
		wait_for(t, 5, 1000 + i);
	assert_int_equal(counters.events_dropped[EVENT_DROP_waiting_full], 2);
	expire(t, 0, true);
	assert_int_equal(counters.events_dropped[EVENT_DROP_unresolved], 4);
	wait_for(t, 5, 2000);
	assert_int_equal(counters.events_dropped[EVENT_DROP_waiting_full], 2);
	alias_table_destroy(t);
}

// ---- by what an event is looked up ----

static void the_surest_name_is_taken(void **state)
{
	(void)state;
	struct device device;
	device_find(slice_of("SEP8CB64F576113"), &device);
	memset(&e, 0, sizeof(e));
	assert_int_equal(alias_of_event(&e), 0);
	e.gateway = 3;
	event_attach(&e, FIELD_USER, slice_of("somebody"));
	assert_int_equal(alias_of_event(&e), alias_of_user(3, slice_of("somebody")));
	address_parse(slice_of("10.9.0.7"), &e.tunnel);
	assert_int_equal(alias_of_event(&e), alias_of_tunnel(&e.tunnel));
	e.device = device;
	assert_int_equal(alias_of_event(&e), alias_of_device(&device));
}

// ***** is everybody whom the device does not know.
static void a_hidden_user_names_nobody(void **state)
{
	(void)state;
	memset(&e, 0, sizeof(e));
	e.flags = EVENT_HIDDEN_USER;
	event_attach(&e, FIELD_USER, slice_of("*****"));
	assert_int_equal(alias_of_event(&e), 0);
	memset(&e, 0, sizeof(e));
	event_attach(&e, FIELD_USER, slice_of(""));
	assert_int_equal(alias_of_event(&e), 0);
}

static void names_of_different_kinds_do_not_meet(void **state)
{
	(void)state;
	struct address a;
	address_parse(slice_of("10.9.0.7"), &a);
	assert_int_not_equal(alias_of_user(0, slice_of("u")), alias_of_user(1, slice_of("u")));
	assert_int_not_equal(alias_of_user(0, slice_of("u")), alias_of_user(0, slice_of("U")));
	assert_int_not_equal(alias_of_tunnel(&a),
		alias_of_user(0, (struct slice){(const char *)a.bytes, sizeof(a.bytes)}));
	assert_int_not_equal(alias_of_user(0, slice_of("")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alias_leads_where_it_was_set),
		cmocka_unit_test(a_newer_word_of_a_gateway_moves_it),
		cmocka_unit_test(a_gateways_word_outweighs_the_phones_own),
		cmocka_unit_test(only_where_it_leads_can_end_it),
		cmocka_unit_test(an_address_of_the_tunnel_is_given_again),
		cmocka_unit_test(the_oldest_gives_way_in_a_full_table),
		cmocka_unit_test(a_claim_holds_for_a_gateways_lines_of_a_while),
		cmocka_unit_test(a_claim_takes_nothing_from_what_is_known),
		cmocka_unit_test(what_is_known_takes_the_place_of_a_claim),
		cmocka_unit_test(who_is_needed_least_gives_way_to_a_phone),
		cmocka_unit_test(a_client_that_is_no_phone_takes_no_phones_place),
		cmocka_unit_test(a_claim_takes_the_place_of_claims_alone),
		cmocka_unit_test(the_end_of_an_unknown_one_evicts_nobody),
		cmocka_unit_test(a_hole_hides_nobody),
		cmocka_unit_test(who_waited_goes_on_when_the_alias_is_known),
		cmocka_unit_test(who_waited_goes_on_in_order),
		cmocka_unit_test(who_waits_too_long_is_counted),
		cmocka_unit_test(a_full_place_is_counted),
		cmocka_unit_test(the_surest_name_is_taken),
		cmocka_unit_test(a_hidden_user_names_nobody),
		cmocka_unit_test(names_of_different_kinds_do_not_meet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
