// SPDX-License-Identifier: BSD-3-Clause
#include "scene_lines.h"

// Where a phone goes to: at the first address, on to the second, on to the third.
static char places[3][16] = {"192.0.2.9", "198.51.100.7", "203.0.113.5"};

#define AT_A places[0]
#define AT_B places[1]
#define AT_C places[2]

static int set_up(void **state)
{
	*state = scene_create(scene_pack, 1, NULL);
	return 0;
}

// The worker that owns the session of a client not heard before.
static unsigned owner_of(struct scene *s, const char *client)
{
	struct workers *all = scene_workers(s);
	uint32_t before[WORKERS_MAX];
	unsigned owner = 0;
	for (unsigned i = 0; i < all->n; i++)
		before[i] = all->worker[i]->sessions.n_sessions;
	csd(s, "jdoe", client);
	while (all->worker[owner]->sessions.n_sessions == before[owner])
		owner++;
	return owner;
}

// Addresses of these owners.
static int set_up_workers(void **state, unsigned n_workers, const unsigned owners[3])
{
	static const char *const networks[3] = {"192.0.2", "198.51.100", "203.0.113"};
	struct scene *s = scene_create(scene_pack, n_workers, NULL);
	for (unsigned i = 0; i < 3; i++) {
		unsigned host = 1;
		do
			snprintf(places[i], sizeof(places[i]), "%s.%u", networks[i], host++);
		while (owner_of(s, places[i]) != owners[i]);
	}
	scene_destroy(s);
	*state = scene_create(scene_pack, n_workers, NULL);
	return 0;
}

// Away, and back to the worker that it came from.
static int set_up_two_workers(void **state)
{
	return set_up_workers(state, 2, (const unsigned[]){0, 1, 0});
}

static int set_up_three_workers(void **state)
{
	return set_up_workers(state, 3, (const unsigned[]){2, 0, 1});
}

static int tear_down(void **state)
{
	scene_destroy(*state);
	return 0;
}

static void move_twice(struct scene *s)
{
	resume(s, PHONE_A, AT_A, AT_B);
	scene_wait(s, 1000);
	resume(s, PHONE_A, AT_B, AT_C);
}

static char *kept_of(const json_t *diagnosis, const char *key)
{
	char *text = json_dumps(json_object_get(diagnosis, key), JSON_ENCODE_ANY | JSON_SORT_KEYS);
	assert_non_null(text);
	return text;
}

static void what_is_open_goes_along_with_all_that_is_known_of_it(void **state)
{
	static const char *const kept[] = {"id", "count", "evidence", "first_seen", "last_seen",
		"confidence", "details", "user"};
	static const char *const names[] = {"csd", "hash-mismatch", "host-id"};
	struct scene *s = *state;
	char *before[N(names)][N(kept)];
	tunnel_up(s, PHONE_A, AT_A, "10.9.9.9");
	for (int i = 0; i < 3; i++) {
		scene_wait(s, 5000);
		csd(s, PHONE_A, AT_A);
		reject_certificate(s, AT_A, 50001 + (unsigned)i);
	}
	scene_line_from(s, RELAY,
		SEP_A " 7: NOT 10:00:00.2 VPNC: Leaf cert hash = "
		      "1289B8A7AA9FFD84865E38939F3466A61B5608FC");
	scene_line_from(s, RELAY, SEP_A " " UNTRUSTED);
	scene_line_from(s, RELAY, SEP_A " " HOST_ID);
	for (size_t i = 0; i < N(names); i++) {
		assert_open(s, names[i], AT_A, SEP_A);
		for (size_t k = 0; k < N(kept); k++)
			before[i][k] = kept_of(scene_only(s, names[i]), kept[k]);
	}
	assert_int_equal(number_of(scene_only(s, "csd"), "count"), 3);
	scene_wait(s, 1000);
	move_twice(s);
	for (size_t i = 0; i < N(names); i++) {
		assert_open(s, names[i], AT_C, SEP_A);
		for (size_t k = 0; k < N(kept); k++) {
			char *after = kept_of(scene_only(s, names[i]), kept[k]);
			assert_string_equal(after, before[i][k]);
			free(after);
			free(before[i][k]);
		}
	}
	assert_int_equal(scene_count(s, NULL), 3);
}

static void it_goes_on_at_the_new_address(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, AT_A, "10.9.9.9");
	csd(s, PHONE_A, AT_A);
	move_twice(s);
	scene_wait(s, 10000);
	csd(s, PHONE_A, AT_C);
	assert_open(s, "csd", AT_C, SEP_A);
	assert_int_equal(number_of(scene_only(s, "csd"), "count"), 2);
	assert_int_equal(n_evidence_with(scene_only(s, "csd"), AT_A), 1);
	assert_int_equal(n_evidence_with(scene_only(s, "csd"), AT_C), 1);
	tunnel_up(s, PHONE_A, AT_C, "10.9.9.9");
	assert_state(s, "csd", SEP_A, "recovered");
}

// Lines of long before come to a session that has just been heard.
static void what_is_old_is_taken_as_it_was(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, AT_A, "10.9.9.9");
	csd(s, PHONE_A, AT_A);
	reject_certificate(s, AT_A, 50001);
	scene_wait(s, 200000);
	scene_line_from(s, AT_B, UNTRUSTED);
	scene_wait(s, 1000);
	resume(s, PHONE_A, AT_A, AT_B);
	assert_open(s, "csd", AT_B, SEP_A);
	assert_open(s, "hash-mismatch", AT_B, SEP_A);
	const json_t *d = scene_only(s, "hash-mismatch");
	assert_string_equal(text_of(d, "last_seen"), "1970-01-01T00:03:21.005Z");
	assert_string_equal(text_of(d, "confidence"), "confirmed");
	assert_int_equal(n_evidence(d), 4);
}

// The phone's own lines follow, by its name and by its tunnel.
static void its_names_lead_to_the_new_address(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, AT_A, "10.9.9.9");
	move_twice(s);
	scene_line_from(s, "10.9.9.9", HOST_ID);
	assert_open(s, "host-id", AT_C, SEP_A);
	scene_line_from(s, RELAY, SEP_A " " UNTRUSTED);
	assert_open(s, "hash-mismatch", AT_C, SEP_A);
}

// One side was told at the old address, the other at the new: only all of it together confirms, and
// no line comes after the last piece.
static void it_is_judged_by_what_both_addresses_have_seen(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, AT_A, "10.9.9.9");
	reject_certificate(s, AT_A, 50001);
	scene_line_from(s, AT_C, UNTRUSTED);
	assert_int_equal(scene_count(s, "hash-mismatch"), 2);
	assert_string_equal(text_of(told_of(s, "hash-mismatch", SEP_A), "confidence"), "probable");
	move_twice(s);
	assert_open(s, "hash-mismatch", AT_C, SEP_A);
	const json_t *d = scene_only(s, "hash-mismatch");
	assert_string_equal(text_of(d, "confidence"), "confirmed");
	assert_int_equal(number_of(d, "count"), 1);
	assert_int_equal(n_evidence_with(d, "cert chain verification failed"), 1);
	assert_int_equal(n_evidence_with(d, AT_A), 2);
}

// Who comes to the old address next has not seen what the one that left has.
static void it_leaves_nothing_of_a_handshake_behind(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, AT_A, "10.9.9.9");
	tls_chooses(s, AT_A, 50001);
	tls_error(s, "tlsv1 alert unknown ca");
	scene_wait(s, 3000);
	resume(s, PHONE_A, AT_A, AT_B);
	csd(s, PHONE_B, AT_A);
	tls_fails(s, AT_A, 50001);
	assert_int_equal(scene_count(s, "hash-mismatch"), 0);
}

static void what_has_recovered_stays_and_is_not_opened_anew(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, AT_A, "10.9.9.9");
	csd(s, PHONE_A, AT_A);
	scene_wait(s, 5000);
	tunnel_up(s, PHONE_A, AT_A, "10.9.9.9");
	assert_state(s, "csd", SEP_A, "recovered");
	scene_wait(s, 1000);
	move_twice(s);
	assert_state(s, "csd", SEP_A, "recovered");
	assert_string_equal(text_of(scene_only(s, "csd"), "client_ip"), AT_A);
}

// The tunnel does not end this one, so that it is not the tunnel that keeps it from coming back.
static void what_has_proved_a_recovered_one_proves_nothing_elsewhere(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, AT_A, "10.9.9.9");
	scene_wait(s, 45000);
	assert_open(s, "no-dtls", AT_A, SEP_A);
	say(s,
		"fw1 : %%ASA-5-722033: Group <GP> User <" PHONE_A "> IP <%s> First UDP SVC "
		"connection established for SVC session.",
		AT_A);
	assert_state(s, "no-dtls", SEP_A, "recovered");
	scene_wait(s, 1000);
	move_twice(s);
	scene_wait(s, 60000);
	assert_state(s, "no-dtls", SEP_A, "recovered");
}

// The other phone of the address stays where it is, with what is its own.
static void only_the_phone_that_moves_goes(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, AT_A, "10.9.9.9");
	tunnel_up(s, PHONE_B, AT_A, "10.9.9.8");
	csd(s, PHONE_A, AT_A);
	csd(s, PHONE_B, AT_A);
	move_twice(s);
	assert_open(s, "csd", AT_C, SEP_A);
	assert_open(s, "csd", AT_A, SEP_B);
	assert_int_equal(scene_count(s, NULL), 2);
	for (unsigned i = 0; i < scene_workers(s)->n; i++)
		assert_true(scene_workers(s)->worker[i]->sessions.n_phones <= 2);
}

// What a session tells of a phone's name, and whether all is there by then.
struct spy {
	event_emit_fn emit;
	void *context;
	struct session_table *table;
	unsigned n_told, n_early;
};

static void watch(void *context, struct event *event)
{
	struct spy *spy = context;
	const struct diagnosis_table *t = spy->table->diagnoses;
	bool there = false;
	for (uint32_t i = 0; i < gauge_get(&t->high_water); i++)
		there |= t->slots[i].state == DIAGNOSIS_OPEN && t->slots[i].key.kind == KEY_DEVICE;
	if (event->stage == STAGE_ALIAS && event->key.kind == KEY_DEVICE) {
		spy->n_told++;
		spy->n_early += !there;
	}
	spy->emit(spy->context, event);
}

// The name that leads elsewhere takes the phone away again: not before its last piece has come.
static void a_name_is_told_when_all_has_come(void **state)
{
	struct scene *s = scene_create(scene_pack, 1, NULL);
	(void)state;
	scene_line_from(s, "192.0.2.80", SEP_A " " UNTRUSTED);
	struct session_table *t = &scene_workers(s)->worker[0]->sessions;
	struct spy spy = {t->emit, t->emit_context, t, 0, 0};
	t->emit = watch;
	t->emit_context = &spy;
	scene_line_from(s, "192.0.2.80", SEP_B " " HOST_ID); // it speaks for others
	assert_open(s, "hash-mismatch", "null", SEP_A);
	assert_true(spy.n_told > 0);
	assert_int_equal(spy.n_early, 0);
	scene_destroy(s);
}

static void nothing_is_lost_on_the_way(void **state)
{
	struct scene *s = *state;
	tunnel_up(s, PHONE_A, AT_A, "10.9.9.9");
	for (unsigned i = 0; i < 30; i++) {
		scene_wait(s, 1000);
		reject_certificate(s, AT_A, 50001 + i);
	}
	move_twice(s);
	assert_open(s, "hash-mismatch", AT_C, SEP_A);
	assert_int_equal(number_of(scene_only(s, "hash-mismatch"), "count"), 30);
	for (int reason = 0; reason < EVENT_DROP_MAX; reason++)
		assert_int_equal(scene_dropped(s, (enum event_drop)reason), 0);
	assert_int_equal(COUNTED(s, lines_lost), 0);
}

#define TEST(name)                                                                    \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down),                     \
		{#name " (two workers)", name, set_up_two_workers, tear_down, NULL},  \
	{                                                                             \
#		name " (three workers)", name, set_up_three_workers, tear_down, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_open_goes_along_with_all_that_is_known_of_it),
		TEST(it_goes_on_at_the_new_address),
		TEST(what_is_old_is_taken_as_it_was),
		TEST(its_names_lead_to_the_new_address),
		TEST(it_is_judged_by_what_both_addresses_have_seen),
		TEST(it_leaves_nothing_of_a_handshake_behind),
		TEST(what_has_recovered_stays_and_is_not_opened_anew),
		TEST(what_has_proved_a_recovered_one_proves_nothing_elsewhere),
		TEST(only_the_phone_that_moves_goes),
		cmocka_unit_test(a_name_is_told_when_all_has_come),
		TEST(nothing_is_lost_on_the_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
