// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../dataplane/chain.h"
#include "../../dataplane/handshake.h"

static struct chain_list list;
static uint64_t now_ms;
static bool certain;

static int set_up(void **state)
{
	(void)state;
	list = (struct chain_list){0};
	now_ms = 1000;
	return 0;
}

// Number of the chain that a line goes to. serial, device: NULL for none.
static uint32_t line(enum handshake_step step, const char *serial, const char *device)
{
	static struct event e;
	memset(&e, 0, sizeof(e));
	e.handshake = (uint8_t)step;
	e.time_ms = now_ms++;
	if (serial)
		event_attach(&e, FIELD_SERIAL, slice_of(serial));
	if (device)
		assert_true(device_find(slice_of(device), &e.device));
	return chain_of(&list, &e, &certain)->number;
}

static void lines_of_one_validation_are_one_chain(void **state)
{
	(void)state;
	uint32_t chain = line(HANDSHAKE_CHAIN_STARTS, NULL, NULL);
	assert_int_equal(line(HANDSHAKE_CHAIN, "5A", "SEP00CAFE000001"), chain);
	assert_int_equal(line(HANDSHAKE_CHAIN, NULL, NULL), chain);
	assert_int_equal(line(HANDSHAKE_CHAIN_ACCEPTED, "5A", NULL), chain);
	assert_true(certain);
	assert_int_equal(chain_state_of(&list, chain), CHAIN_ACCEPTED);
}

static void serial_numbers_tell_mixed_validations_apart(void **state)
{
	(void)state;
	uint32_t one = line(HANDSHAKE_CHAIN_STARTS, NULL, NULL);
	line(HANDSHAKE_CHAIN, "5A", NULL);
	uint32_t other = line(HANDSHAKE_CHAIN_STARTS, NULL, NULL);
	assert_int_not_equal(other, one);
	assert_int_equal(line(HANDSHAKE_CHAIN, "4E", "SEP00CAFE000001"), other);
	assert_int_equal(line(HANDSHAKE_CHAIN_REFUSED, "5A", NULL), one);
	assert_true(certain);
	assert_int_equal(line(HANDSHAKE_CHAIN_ACCEPTED, "4E", NULL), other);
	assert_int_equal(chain_state_of(&list, one), CHAIN_REFUSED);
	assert_int_equal(chain_state_of(&list, other), CHAIN_ACCEPTED);
	// One without a number goes with the line before, but who knows.
	assert_int_equal(line(HANDSHAKE_CHAIN, NULL, NULL), other);
	assert_false(certain);
}

static void a_chain_of_several_certificates_is_one(void **state)
{
	(void)state;
	uint32_t chain = line(HANDSHAKE_CHAIN_STARTS, NULL, NULL);
	line(HANDSHAKE_CHAIN, "5A", "SEP00CAFE000001");
	assert_int_equal(line(HANDSHAKE_CHAIN_ACCEPTED, "CA", NULL), chain);
	assert_int_not_equal(line(HANDSHAKE_CHAIN, "4E", "SEP00CAFE000002"), chain);
}

static void what_was_refused_is_not_accepted_by_another_certificate_of_it(void **state)
{
	(void)state;
	uint32_t chain = line(HANDSHAKE_CHAIN_REFUSED, "5A", NULL);
	line(HANDSHAKE_CHAIN_ACCEPTED, "5A", NULL);
	assert_int_equal(chain_state_of(&list, chain), CHAIN_REFUSED);
}

static void a_chain_is_over_with_its_handshake_or_with_time(void **state)
{
	(void)state;
	uint32_t chain = line(HANDSHAKE_CHAIN, "5A", NULL);
	chain_end(&list, chain);
	assert_int_equal(chain_state_of(&list, chain), CHAIN_UNDECIDED);
	uint32_t next = line(HANDSHAKE_CHAIN, "5A", NULL);
	assert_int_not_equal(next, chain);
	now_ms += HANDSHAKE_HOLD_MS + 1;
	assert_int_not_equal(line(HANDSHAKE_CHAIN, "5A", NULL), next);
}

static void more_than_there_is_room_for_push_the_oldest_out(void **state)
{
	(void)state;
	char serial[16];
	uint32_t first = line(HANDSHAKE_CHAIN_REFUSED, "0", NULL);
	for (unsigned i = 1; i <= CHAINS_MAX; i++) {
		snprintf(serial, sizeof(serial), "%u", i);
		line(HANDSHAKE_CHAIN_STARTS, NULL, NULL);
		line(HANDSHAKE_CHAIN, serial, NULL);
	}
	assert_int_equal(chain_state_of(&list, first), CHAIN_UNDECIDED);
	assert_int_not_equal(line(HANDSHAKE_CHAIN, "0", NULL), first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lines_of_one_validation_are_one_chain, set_up),
		cmocka_unit_test_setup(serial_numbers_tell_mixed_validations_apart, set_up),
		cmocka_unit_test_setup(a_chain_of_several_certificates_is_one, set_up),
		cmocka_unit_test_setup(
			what_was_refused_is_not_accepted_by_another_certificate_of_it, set_up),
		cmocka_unit_test_setup(a_chain_is_over_with_its_handshake_or_with_time, set_up),
		cmocka_unit_test_setup(more_than_there_is_room_for_push_the_oldest_out, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
