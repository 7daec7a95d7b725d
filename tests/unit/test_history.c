// SPDX-License-Identifier: BSD-3-Clause
#include "scene_lines.h"

#define HOME "192.0.2.9"
#define OTHER_RELAY "127.0.0.1"
#define COPY_MS 500 // of history.c

static int set_up(void **state)
{
	*state = scene_create(scene_pack, 1, NULL);
	tunnel_up(*state, PHONE_A, HOME, "10.9.9.9");
	return 0;
}

static int set_up_three_workers(void **state)
{
	*state = scene_create(scene_pack, 3, NULL);
	tunnel_up(*state, PHONE_A, HOME, "10.9.9.9");
	return 0;
}

static int tear_down(void **state)
{
	scene_destroy(*state);
	return 0;
}

// ---- copies ----

// The line through one relay and, so much later, through the other.
static void through_both(struct scene *s, const char *line, uint64_t apart_ms)
{
	scene_line_from(s, RELAY, line);
	scene_wait(s, apart_ms - 1);
	scene_line_from(s, OTHER_RELAY, line);
}

#define CSD                                                                                    \
	"fw1 : %ASA-4-724002: Group <GP> User <" PHONE_A "> IP <" HOME "> WebVPN session not " \
	"terminated. Cisco Secure Desktop was not running on the client's workstation."

#define CLOSED                                                                          \
	"fw1 : %ASA-5-722037: Group <GP> User <" PHONE_A "> IP <" HOME "> SVC closing " \
	"connection: DPD failure."

static void a_line_through_two_relays_counts_once(void **state)
{
	struct scene *s = *state;
	through_both(s, CSD, 100);
	const json_t *d = scene_only(s, "csd");
	assert_int_equal(number_of(d, "count"), 1);
	assert_int_equal(n_evidence(d), 1);
	assert_int_equal(COUNTED(s, copies), 1);
	// As messages they are two.
	assert_int_equal(COUNTED(s, messages), 3);
}

static void what_fails_again_counts_again(void **state)
{
	struct scene *s = *state;
	for (int i = 0; i < 3; i++) {
		through_both(s, CSD, 100);
		scene_wait(s, 2000);
	}
	const json_t *d = scene_only(s, "csd");
	assert_int_equal(number_of(d, "count"), 3);
	assert_int_equal(n_evidence(d), 2); // of one kind two are kept
	assert_int_equal(COUNTED(s, copies), 3);
}

// One and the same relay brings a line once: twice, it has happened twice.
static void the_same_line_by_the_same_way_is_no_copy(void **state)
{
	struct scene *s = *state;
	scene_line_from(s, RELAY, CSD);
	scene_wait(s, 600);
	scene_line_from(s, RELAY, CSD);
	assert_int_equal(number_of(scene_only(s, "csd"), "count"), 2);
	for (int i = 0; i < 3; i++)
		scene_line_from(s, RELAY, CLOSED);
	assert_int_equal(scene_count(s, "flapping"), 1);
	assert_int_equal(COUNTED(s, copies), 0);
}

static void a_copy_comes_soon(void **state)
{
	struct scene *s = *state;
	through_both(s, CSD, COPY_MS);
	assert_int_equal(COUNTED(s, copies), 1);
	assert_int_equal(number_of(scene_only(s, "csd"), "count"), 1);
	scene_wait(s, 10000);
	through_both(s, CSD, COPY_MS + 1);
	assert_int_equal(COUNTED(s, copies), 1);
	assert_int_equal(number_of(scene_only(s, "csd"), "count"), 3);
}

// The lines of a handshake, each through both, before the next.
static void a_handshake_through_two_relays_is_one(void **state)
{
	static const char *const lines[] = {
		"fw1 : %ASA-6-725001: Starting SSL handshake with client outside:" HOME "/50001",
		"fw1 : %ASA-7-725012: Device chooses cipher : AES128-SHA for the SSL session with "
		"client outside:" HOME "/50001",
		"fw1 : %ASA-7-725014: SSL lib error. Function: F Reason: tlsv1 alert unknown ca",
		"fw1 : %ASA-6-725006: Device failed SSL handshake with client outside:" HOME
		"/50001"};
	struct scene *s = *state;
	for (size_t i = 0; i < N(lines); i++)
		through_both(s, lines[i], 20);
	scene_wait(s, 3000);
	const json_t *d = scene_only(s, "hash-mismatch");
	assert_string_equal(text_of(d, "device"), SEP_A);
	assert_int_equal(number_of(d, "count"), 1);
	assert_int_equal(n_evidence(d), 3);
	assert_int_equal(scene_count(s, NULL), 1);
}

static void copies_are_not_repetitions(void **state)
{
	struct scene *s = *state;
	through_both(s, CLOSED, 100);
	scene_wait(s, 10000);
	through_both(s, CLOSED, 100);
	assert_int_equal(scene_count(s, "flapping"), 0); // which wants three
	scene_wait(s, 10000);
	through_both(s, CLOSED, 100);
	assert_int_equal(scene_count(s, "flapping"), 1);
}

static void a_phones_line_through_two_relays_counts_once(void **state)
{
	struct scene *s = *state;
	through_both(s, SEP_A " " HOST_ID, 100);
	const json_t *d = scene_only(s, "host-id");
	assert_int_equal(number_of(d, "count"), 1);
	assert_int_equal(n_evidence(d), 1);
	assert_int_equal(COUNTED(s, copies), 1);
}

// ---- what is kept ----

// Of what comes often the oldest give way, not what has come once.
static void a_flood_of_one_event_leaves_the_others(void **state)
{
	struct scene *s = *state;
	tls_chooses(s, HOME, 50001);
	tls_error(s, "tlsv1 alert unknown ca");
	scene_wait(s, 3000);
	for (unsigned i = 0; i < 3 * SESSION_SIGHTINGS_MAX; i++)
		tls_fails(s, HOME, 51001 + i);
	assert_int_equal(scene_count(s, "hash-mismatch"), 0);
	tls_fails(s, HOME, 50001);
	assert_open(s, "hash-mismatch", HOME, SEP_A);
}

static void an_idle_history_is_given_back(void **state)
{
	struct scene *s = *state;
	struct session_table *t = &scene_workers(s)->worker[0]->sessions;
	csd(s, PHONE_B, "192.0.2.10");
	assert_true(t->histories_used > 0);
	scene_wait(s, RULES_WINDOW_MAX_MS + 20000);
	for (uint32_t i = 0; i < gauge_get(&t->high_water); i++)
		assert_int_equal(t->links[i].history, SESSION_NONE);
}

// ---- other rules ----

#define MESSAGES                                                        \
	"recovery: [tunnel-assigned]\n"                                 \
	"messages:\n"                                                   \
	"  - {id: ASA-722051, event: tunnel-assigned, alias: assign,\n" \
	"     text: 'Group <{group_policy}> User <{user}> IP <{client}> IPv4 Address <{tunnel}>'}\n"
#define CLOSING(event)                                                                            \
	"  - {id: ASA-722037, event: " event ",\n"                                                \
	"     text: 'Group <{group_policy}> User <{user}> IP <{client}> SVC closing connection: " \
	"{reason}.'}\n"                                                                           \
	"diagnoses:\n"
#define TWICE(id, event, glob)                                \
	"  - {id: " id ", title: t, remedy: r, window: 1h,\n" \
	"     probable: {count: {event: " event ", where: {reason: '" glob "'}}, at_least: 2}}\n"

static void closes(struct scene *s, const char *reason)
{
	scene_wait(s, 2000);
	say(s,
		"fw1 : %%ASA-5-722037: Group <GP> User <" PHONE_A "> IP <" HOME
		"> SVC closing connection: %s.",
		reason);
}

static void begin(struct scene **s, const char *pack)
{
	*s = scene_create(pack, 1, NULL);
	tunnel_up(*s, PHONE_A, HOME, "10.9.9.9");
}

static void conditions_in_another_order_are_looked_at_anew(void **state)
{
	struct scene *s;
	(void)state;
	begin(&s, MESSAGES CLOSING("closed") TWICE("dead-peer", "closed", "*DPD*")
			  TWICE("moved", "closed", "*moved*"));
	closes(s, "DPD failure");
	scene_reload(s, MESSAGES CLOSING("closed") TWICE("moved", "closed", "*moved*")
				TWICE("dead-peer", "closed", "*DPD*"));
	closes(s, "Client moved");
	assert_int_equal(scene_count(s, NULL), 0);
	closes(s, "DPD failure");
	assert_open(s, "dead-peer", HOME, SEP_A);
	assert_int_equal(scene_count(s, NULL), 1);
	scene_destroy(s);
}

static void a_condition_that_is_new_looks_at_what_was_seen_before(void **state)
{
	struct scene *s;
	(void)state;
	begin(&s, MESSAGES CLOSING("closed") TWICE("dead-peer", "closed", "*DPD*"));
	closes(s, "Client moved");
	scene_reload(s, MESSAGES CLOSING("closed") TWICE("moved", "closed", "*moved*"));
	closes(s, "Client moved");
	assert_open(s, "moved", HOME, SEP_A);
	assert_int_equal(n_evidence(scene_only(s, "moved")), 2);
	scene_destroy(s);
}

static void a_rule_of_another_name_is_another(void **state)
{
	struct scene *s;
	(void)state;
	begin(&s, MESSAGES CLOSING("closed") TWICE("dead-peer", "closed", "*DPD*"));
	closes(s, "DPD failure");
	closes(s, "DPD failure");
	assert_open(s, "dead-peer", HOME, SEP_A);
	scene_reload(s, MESSAGES CLOSING("closed") TWICE("peer-lost", "closed", "*DPD*"));
	scene_wait(s, 20000);
	assert_state(s, "dead-peer", SEP_A, "expired");
	closes(s, "DPD failure");
	assert_open(s, "peer-lost", HOME, SEP_A);
	scene_destroy(s);
}

static void an_event_of_another_name_has_not_been_seen(void **state)
{
	struct scene *s;
	(void)state;
	begin(&s, MESSAGES CLOSING("closed") TWICE("dead-peer", "closed", "*DPD*"));
	closes(s, "DPD failure");
	scene_reload(s, MESSAGES CLOSING("over") TWICE("dead-peer", "over", "*DPD*"));
	closes(s, "DPD failure");
	assert_int_equal(scene_count(s, NULL), 0);
	closes(s, "DPD failure");
	assert_open(s, "dead-peer", HOME, SEP_A);
	scene_destroy(s);
}

static void what_has_waited_for_a_rule_that_is_gone_is_counted(void **state)
{
	struct scene *s = *state;
	say(s, "fw1 : %%ASA-6-113013: AAA unable to complete the request Error : reason = "
	       "Simultaneous logins exceeded for user : user = " PHONE_B);
	scene_reload(s, MESSAGES CLOSING("closed") TWICE("dead-peer", "closed", "*DPD*"));
	assert_int_equal(scene_dropped(s, EVENT_DROP_rule_retired), 0);
	tunnel_up(s, PHONE_B, "192.0.2.10", "10.9.9.8");
	scene_wait(s, 10);
	assert_int_equal(scene_dropped(s, EVENT_DROP_rule_retired), 1);
	assert_int_equal(scene_count(s, NULL), 0);
}

static void what_was_held_for_a_rule_that_is_gone_is_counted(void **state)
{
	struct scene *s = *state;
	tls_starts(s, HOME, 50001);
	tls_error(s, "tlsv1 alert unknown ca");
	scene_reload(s, MESSAGES CLOSING("closed") TWICE("dead-peer", "closed", "*DPD*"));
	scene_wait(s, 5000);
	assert_int_equal(scene_dropped(s, EVENT_DROP_rule_retired), 1);
	assert_int_equal(scene_count(s, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_ALSO_WITH_THREE_WORKERS(name)                                            \
	TEST(name),                                                                   \
	{                                                                             \
#		name " (three workers)", name, set_up_three_workers, tear_down, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ALSO_WITH_THREE_WORKERS(a_line_through_two_relays_counts_once),
		TEST_ALSO_WITH_THREE_WORKERS(what_fails_again_counts_again),
		TEST_ALSO_WITH_THREE_WORKERS(the_same_line_by_the_same_way_is_no_copy),
		TEST_ALSO_WITH_THREE_WORKERS(a_copy_comes_soon),
		TEST_ALSO_WITH_THREE_WORKERS(a_handshake_through_two_relays_is_one),
		TEST_ALSO_WITH_THREE_WORKERS(copies_are_not_repetitions),
		TEST_ALSO_WITH_THREE_WORKERS(a_phones_line_through_two_relays_counts_once),
		TEST(a_flood_of_one_event_leaves_the_others),
		TEST(an_idle_history_is_given_back),
		cmocka_unit_test(conditions_in_another_order_are_looked_at_anew),
		cmocka_unit_test(a_condition_that_is_new_looks_at_what_was_seen_before),
		cmocka_unit_test(a_rule_of_another_name_is_another),
		cmocka_unit_test(an_event_of_another_name_has_not_been_seen),
		TEST_ALSO_WITH_THREE_WORKERS(what_has_waited_for_a_rule_that_is_gone_is_counted),
		TEST_ALSO_WITH_THREE_WORKERS(what_was_held_for_a_rule_that_is_gone_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
