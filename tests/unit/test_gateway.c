// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../dataplane/gateway.h"

// A line of a gateway that names itself, or is known by its sender.
static void line_of(struct event *e, const char *origin, const char *sender)
{
	memset(e, 0, sizeof(*e));
	e->time_ms = 1000;
	e->origin_len =
		(uint8_t)slice_put(slice_first(slice_of(origin), EVENT_ORIGIN_MAX), e->origin);
	if (sender)
		assert_true(address_parse(slice_of(sender), &e->sender));
}

static struct event e; // too large for a stack frame of each

static uint16_t number_of(
	struct gateway_table *t, uint16_t worker, const char *origin, const char *sender)
{
	line_of(&e, origin, sender);
	return gateway_find(t, worker, &e);
}

static void a_gateway_is_known_by_its_name(void **state)
{
	(void)state;
	struct gateway_table t;
	assert_int_equal(gateway_table_init(&t, 16, 1), 0);
	uint16_t one = number_of(&t, 0, "asa-hq-1", "192.0.2.1");
	uint16_t two = number_of(&t, 0, "asa-hq-2", "192.0.2.1");
	assert_int_not_equal(one, two);
	assert_int_equal(number_of(&t, 0, "asa-hq-1", "192.0.2.9"), one);
	assert_slice(gateway_name(&t, one), "asa-hq-1");
	assert_slice(gateway_name(&t, two), "asa-hq-2");
	assert_slice(gateway_name(&t, GATEWAY_NONE), "");
	gateway_table_fini(&t);
}

// Without a name in the line it is the sender's address.
static void one_without_a_name_is_called_by_its_address(void **state)
{
	(void)state;
	struct gateway_table t;
	assert_int_equal(gateway_table_init(&t, 16, 1), 0);
	uint16_t four = number_of(&t, 0, "", "192.0.2.1"),
		 six = number_of(&t, 0, "", "2001:db8::1");
	assert_slice(gateway_name(&t, four), "192.0.2.1");
	assert_slice(gateway_name(&t, six), "2001:db8::1");
	// By way of a relay it is the same one.
	assert_int_equal(number_of(&t, 0, "192.0.2.1", "198.51.100.1"), four);
	// Neither name nor sender: a text log of bare lines.
	uint16_t nobody = number_of(&t, 0, "", NULL);
	assert_int_not_equal(nobody, GATEWAY_NONE);
	assert_int_equal(number_of(&t, 0, "", NULL), nobody);
	assert_slice(gateway_name(&t, nobody), "");
	gateway_table_fini(&t);
}

// The hash chooses the worker that owns it: the same for both ways to the same name.
static void both_ways_to_a_name_have_one_owner(void **state)
{
	(void)state;
	static const char *const addresses[] = {"192.0.2.1", "2001:db8::1", "10.234.151.32"};
	for (size_t i = 0; i < N(addresses); i++) {
		line_of(&e, addresses[i], "198.51.100.1");
		uint64_t relayed = gateway_hash(&e);
		line_of(&e, "", addresses[i]);
		assert_int_equal(gateway_hash(&e), relayed);
	}
	line_of(&e, "asa-hq-1", "198.51.100.1");
	uint64_t named = gateway_hash(&e);
	line_of(&e, "asa-hq-1", "198.51.100.2");
	assert_int_equal(gateway_hash(&e), named);
	line_of(&e, "asa-hq-2", "198.51.100.1");
	assert_int_not_equal(gateway_hash(&e), named);
}

static void a_name_of_full_length_is_kept_whole(void **state)
{
	(void)state;
	struct gateway_table t;
	char name[GATEWAY_NAME_MAX + 1];
	memset(name, 'n', GATEWAY_NAME_MAX);
	name[GATEWAY_NAME_MAX] = '\0';
	assert_int_equal(gateway_table_init(&t, 4, 1), 0);
	assert_slice(gateway_name(&t, number_of(&t, 0, name, NULL)), name);
	gateway_table_fini(&t);
}

static void each_worker_has_its_part(void **state)
{
	(void)state;
	struct gateway_table t;
	char name[16];
	bool used[12] = {0};
	assert_int_equal(gateway_table_init(&t, 12, 3), 0);
	for (uint16_t worker = 0; worker < 3; worker++) {
		for (unsigned i = 0; i < 4; i++) {
			snprintf(name, sizeof(name), "asa-%u-%u", worker, i);
			uint16_t number = number_of(&t, worker, name, NULL);
			assert_in_range(number, worker * 4, worker * 4 + 3);
			assert_false(used[number]);
			used[number] = true;
		}
		// Full: known ones go on, new ones are refused.
		assert_int_equal(number_of(&t, worker, "one-more", NULL), GATEWAY_NONE);
		snprintf(name, sizeof(name), "asa-%u-2", worker);
		assert_int_not_equal(number_of(&t, worker, name, NULL), GATEWAY_NONE);
	}
	gateway_table_fini(&t);
}

static void each_worker_has_room_for_one(void **state)
{
	(void)state;
	struct gateway_table t;
	assert_int_equal(gateway_table_init(&t, 2, 4), 0);
	for (uint16_t worker = 0; worker < 4; worker++)
		assert_int_equal(number_of(&t, worker, "asa", NULL), worker);
	gateway_table_fini(&t);
}

// ---- notes ----

static const struct event_use no_use, fact_use = {.gateway_fact = true};

static void note(struct gateway_table *t, uint64_t time_ms, enum handshake_step step,
	const char *user, uint16_t flags)
{
	line_of(&e, "asa", NULL);
	e.gateway = gateway_find(t, 0, &e);
	e.time_ms = time_ms;
	e.handshake = (uint8_t)step;
	e.flags = flags;
	if (user)
		event_attach(&e, FIELD_USER, slice_of(user));
	gateway_note(t, &e, &no_use);
}

static void notes_tell_what_a_gateway_sends(void **state)
{
	(void)state;
	struct gateway_table t;
	assert_int_equal(gateway_table_init(&t, 4, 1), 0);
	uint16_t number = number_of(&t, 0, "asa", NULL);
	struct gateway *g = &t.gateways[number];
	note(&t, 1000, HANDSHAKE_NONE, NULL, 0);
	assert_int_equal(counter_get(&g->last_ms), 1000);
	assert_int_equal(counter_get(&g->handshake_ms), 0);
	note(&t, 2000, HANDSHAKE_STARTS, NULL, 0);
	assert_int_equal(counter_get(&g->handshake_ms), 2000);
	assert_int_equal(counter_get(&g->reason_ms), 0);
	note(&t, 3000, HANDSHAKE_REASON_EARLY, NULL, 0);
	assert_int_equal(counter_get(&g->reason_ms), 3000);
	note(&t, 4000, HANDSHAKE_FAILS, NULL, 0);
	assert_int_equal(counter_get(&g->failed_ms), 4000);
	assert_int_equal(counter_get(&g->reason_ms), 3000);
	note(&t, 5000, HANDSHAKE_NONE, "*****", EVENT_HIDDEN_USER);
	note(&t, 6000, HANDSHAKE_NONE, "somebody", 0);
	note(&t, 7000, HANDSHAKE_NONE, "", 0);
	assert_int_equal(counter_get(&g->hidden_users), 1);
	assert_int_equal(counter_get(&g->users), 1);
	assert_int_equal(counter_get(&g->events), 7);
	gateway_table_fini(&t);
}

static void fact(struct gateway_table *t, uint16_t type, uint64_t time_ms, const char *text)
{
	line_of(&e, "asa", NULL);
	e.gateway = gateway_find(t, 0, &e);
	e.type = type;
	e.time_ms = time_ms;
	memcpy(e.code, "111010", e.code_len = 6);
	e.line_len = e.text_len = (uint16_t)slice_put(slice_of(text), e.text);
	gateway_note(t, &e, &fact_use);
}

static void the_last_line_of_a_fact_is_kept(void **state)
{
	(void)state;
	struct gateway_table t;
	struct gateway_fact_line line;
	assert_int_equal(gateway_table_init(&t, 4, 1), 0);
	uint16_t g = number_of(&t, 0, "asa", NULL);
	assert_false(gateway_fact_read(&t, g, 7, &line));
	assert_false(gateway_fact_read(&t, GATEWAY_NONE, 7, &line));
	assert_int_equal(gateway_fact_ms(&t, g, 7), 0);
	assert_int_equal(gateway_fact_ms(&t, GATEWAY_NONE, 7), 0);
	fact(&t, 7, 1000, "first");
	fact(&t, 8, 2000, "another");
	fact(&t, 7, 3000, "second");
	assert_true(gateway_fact_read(&t, g, 7, &line));
	assert_slice(((struct slice){line.text, line.len}), "second");
	assert_slice(((struct slice){line.code, line.code_len}), "111010");
	assert_int_equal(line.time_ms, 3000);
	assert_int_equal(gateway_fact_ms(&t, g, 7), 3000);
	assert_int_equal(gateway_fact_ms(&t, g, 8), 2000);
	gateway_table_fini(&t);
}

static void the_oldest_fact_gives_way(void **state)
{
	(void)state;
	struct gateway_table t;
	struct gateway_fact_line line;
	assert_int_equal(gateway_table_init(&t, 4, 1), 0);
	uint16_t g = number_of(&t, 0, "asa", NULL);
	for (uint16_t i = 0; i < GATEWAY_FACTS_MAX; i++)
		fact(&t, (uint16_t)(100 + i), 1000u + i, "x");
	fact(&t, 100, 5000, "again"); // now 101 is the oldest
	fact(&t, 200, 6000, "new");
	assert_true(gateway_fact_read(&t, g, 100, &line));
	assert_false(gateway_fact_read(&t, g, 101, &line));
	assert_true(gateway_fact_read(&t, g, 102, &line));
	assert_true(gateway_fact_read(&t, g, 200, &line));
	// Its time is known nevertheless.
	assert_int_equal(gateway_fact_ms(&t, g, 101), 1001);
	gateway_table_fini(&t);
}

static void a_long_fact_is_cut(void **state)
{
	(void)state;
	struct gateway_table t;
	struct gateway_fact_line line;
	char text[EVENT_LINE_MAX + 1];
	memset(text, 'x', EVENT_LINE_MAX);
	text[EVENT_LINE_MAX] = '\0';
	assert_int_equal(gateway_table_init(&t, 4, 1), 0);
	uint16_t g = number_of(&t, 0, "asa", NULL);
	fact(&t, 7, 1000, text);
	assert_true(gateway_fact_read(&t, g, 7, &line));
	assert_int_equal(line.len, sizeof(line.text));
	gateway_table_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gateway_is_known_by_its_name),
		cmocka_unit_test(one_without_a_name_is_called_by_its_address),
		cmocka_unit_test(both_ways_to_a_name_have_one_owner),
		cmocka_unit_test(a_name_of_full_length_is_kept_whole),
		cmocka_unit_test(each_worker_has_its_part),
		cmocka_unit_test(each_worker_has_room_for_one),
		cmocka_unit_test(notes_tell_what_a_gateway_sends),
		cmocka_unit_test(the_last_line_of_a_fact_is_kept),
		cmocka_unit_test(the_oldest_fact_gives_way),
		cmocka_unit_test(a_long_fact_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
