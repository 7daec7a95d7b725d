// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../dataplane/handshake.h"

#define TOLD_MAX 512

// One line of a gateway, and what became of it.
struct told {
	uint16_t line; // the number that send() gave it
	uint8_t step, stage;
	struct address client;
	uint16_t port;
	bool ambiguous, claimed;
	struct device device;
	char offered[1024], supported[1024];
};

static struct handshake_table *table;
static struct counters counters;
static struct told told[TOLD_MAX];
static unsigned n_told;
static uint64_t now_ms;
static uint16_t next_line, gateway, queue;
static const char *sender; // of the lines to come

static void tell(void *context, struct event *event)
{
	(void)context;
	assert_true(n_told < TOLD_MAX);
	struct told *t = &told[n_told++];
	*t = (struct told){.line = event->type,
		.step = event->handshake,
		.stage = event->stage,
		.client = event->client,
		.port = event->port,
		.ambiguous = (event->flags & EVENT_AMBIGUOUS) != 0,
		.claimed = (event->flags & EVENT_UNPROVEN) != 0,
		.device = event->device};
	slice_copy(event_value(event, FIELD_OFFERED), t->offered, sizeof(t->offered));
	slice_copy(event_value(event, FIELD_SUPPORTED), t->supported, sizeof(t->supported));
}

static void begin(unsigned n_handshakes, unsigned n_held)
{
	memset(&counters, 0, sizeof(counters));
	n_told = 0;
	now_ms = 1000000;
	next_line = 1;
	gateway = queue = 0;
	sender = "192.0.2.1";
	table = handshake_table_create(4, n_handshakes, n_held, 0, &counters);
	assert_non_null(table);
}

static int setup(void **state)
{
	(void)state;
	begin(64, 32);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	handshake_table_destroy(table);
	return 0;
}

static struct event *blank(enum handshake_step step)
{
	static struct event e;
	memset(&e, 0, sizeof(e));
	e.handshake = (uint8_t)step;
	e.time_ms = now_ms++;
	e.type = next_line;
	e.gateway = gateway;
	e.queue = queue;
	assert_true(address_parse(slice_of(sender), &e.sender));
	e.source = MESSAGE_ASA;
	e.stage = STAGE_BIND;
	memcpy(e.text, "text", e.line_len = e.text_len = 4);
	return &e;
}

static uint16_t send(struct event *e)
{
	handshake_step(table, e, tell, NULL);
	return next_line++;
}

#define A "198.51.100.1"
#define B "198.51.100.2"

// A line that names its client.
static uint16_t line(enum handshake_step step, const char *client, uint16_t port)
{
	struct event *e = blank(step);
	assert_true(address_parse(slice_of(client), &e->client));
	e->port = port;
	return send(e);
}

// A line that names nobody.
static uint16_t bare(enum handshake_step step)
{
	return send(blank(step));
}

// A line of a certificate, that may name its phone.
static uint16_t chain(enum handshake_step step, const char *device)
{
	struct event *e = blank(step);
	if (device)
		assert_true(device_find(slice_of(device), &e->device));
	return send(e);
}

// The same, with the certificate's serial number.
static uint16_t certificate(enum handshake_step step, const char *serial, const char *device)
{
	struct event *e = blank(step);
	event_attach(e, FIELD_SERIAL, slice_of(serial));
	if (device)
		assert_true(device_find(slice_of(device), &e->device));
	return send(e);
}

static void cipher(unsigned index, const char *name)
{
	char number[16];
	struct event *e = blank(HANDSHAKE_CIPHER);
	snprintf(number, sizeof(number), "%u", index);
	event_attach(e, FIELD_INDEX, slice_of(number));
	event_attach(e, FIELD_CIPHER, slice_of(name));
	send(e);
}

// The head of a list that tells how long it is.
static void head(enum handshake_step step, const char *client, uint16_t port, unsigned count)
{
	char number[16];
	struct event *e = blank(step);
	snprintf(number, sizeof(number), "%u", count);
	event_attach(e, FIELD_COUNT, slice_of(number));
	if (client)
		assert_true(address_parse(slice_of(client), &e->client));
	e->port = port;
	send(e);
}

static void wait_ms(uint64_t ms)
{
	now_ms += ms;
	handshake_expire_step(table, now_ms, false, tell, NULL);
}

// The line's fate; NULL: not told (yet).
static const struct told *fate(uint16_t number)
{
	const struct told *found = NULL;
	for (unsigned i = 0; i < n_told; i++) {
		if (told[i].line == number) {
			assert_null(found); // never twice
			found = &told[i];
		}
	}
	return found;
}

static void is_bound(uint16_t number, const char *client, uint16_t port, bool ambiguous, int at)
{
	const struct told *t = fate(number);
	char got[ADDRESS_TEXT_MAX];
	if (t == NULL)
		fail_msg("%d: line %u is not told", at, number);
	address_format(&t->client, got);
	if (strcmp(got, client) != 0 || t->port != port || t->ambiguous != ambiguous)
		fail_msg("%d: line %u goes to %s/%u, %s", at, number, got, t->port,
			t->ambiguous ? "ambiguous" : "certain");
	assert_int_equal(t->stage, client[0] ? STAGE_JUDGE : STAGE_RESOLVE);
}

#define assert_certain(number, client, port) is_bound(number, client, port, false, __LINE__)
#define assert_ambiguous(number, client, port) is_bound(number, client, port, true, __LINE__)
#define assert_device(number, name)                                                     \
	do {                                                                            \
		char text_[DEVICE_TEXT_MAX];                                            \
		assert_non_null(fate(number));                                          \
		assert_string_equal(device_format(&fate(number)->device, text_), name); \
	} while (0)

static unsigned place(uint16_t number)
{
	return (unsigned)(fate(number) - told);
}

// ---- reasons ----

static void a_reason_goes_with_the_handshake_that_fails_next(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 50091);
	uint16_t reason = bare(HANDSHAKE_REASON);
	assert_null(fate(reason));
	uint16_t fails = line(HANDSHAKE_FAILS, A, 50091);
	assert_certain(reason, A, 50091);
	assert_certain(fails, A, 50091);
	assert_true(place(reason) < place(fails)); // the cause first
	assert_int_equal(handshake_count(table), 0);
}

// Lines below the ASA's logging level are missing: 725006 alone names the client.
static void a_handshake_need_not_have_been_seen_to_start(void **state)
{
	(void)state;
	uint16_t reason = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_FAILS, A, 50091);
	assert_certain(reason, A, 50091);
}

static void without_an_end_a_reason_is_let_go_after_2_seconds(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 50091);
	line(HANDSHAKE_OFFERS, A, 50091);
	uint16_t reason = bare(HANDSHAKE_REASON);
	wait_ms(1900);
	assert_null(fate(reason));
	wait_ms(101);
	assert_certain(reason, A, 50091);
	// The end comes late: it says no more of the reason.
	uint16_t fails = line(HANDSHAKE_FAILS, A, 50091);
	assert_certain(fails, A, 50091);
}

// Field case: no shared cipher, and only the connection's teardown behind it.
static void who_has_failed_without_an_end_is_no_rival(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	bare(HANDSHAKE_REASON);
	wait_ms(2001);
	line(HANDSHAKE_STARTS, B, 2);
	uint16_t refused = chain(HANDSHAKE_CHAIN_STARTS, NULL);
	line(HANDSHAKE_FAILS, B, 2);
	assert_certain(refused, B, 2);
}

static void the_end_of_the_input_lets_everything_go(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 50091);
	uint16_t reason = bare(HANDSHAKE_REASON);
	handshake_expire_step(table, now_ms, true, tell, NULL);
	assert_certain(reason, A, 50091);
}

static void a_reason_of_nobody_is_counted(void **state)
{
	(void)state;
	uint16_t reason = bare(HANDSHAKE_REASON);
	wait_ms(2001);
	assert_null(fate(reason));
	assert_int_equal(counters.events_dropped[EVENT_DROP_unbound], 1);
}

// With more than one handshake open, a binding is a guess, and says so.
static void several_open_handshakes_make_it_ambiguous(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	uint16_t reason = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_FAILS, A, 1);
	assert_ambiguous(reason, A, 1);
	assert_int_equal(counters.ambiguous_bindings, 1);
}

static void two_of_one_client_are_ambiguous_too(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_STARTS, A, 2);
	uint16_t reason = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_FAILS, A, 2);
	assert_ambiguous(reason, A, 2);
}

static void with_several_and_no_end_it_goes_to_the_one_named_last(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	line(HANDSHAKE_OFFERS, A, 1);
	uint16_t reason = bare(HANDSHAKE_REASON);
	wait_ms(2001);
	assert_ambiguous(reason, A, 1);
}

static void interleaved_failures_each_get_their_reason(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	uint16_t first = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_FAILS, A, 1);
	uint16_t second = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_FAILS, B, 2);
	assert_ambiguous(first, A, 1);
	assert_certain(second, B, 2); // by then the only one open
}

static void one_end_takes_one_reason(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	uint16_t first = bare(HANDSHAKE_REASON), second = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_FAILS, A, 1);
	line(HANDSHAKE_FAILS, B, 2);
	const struct told *one = fate(first), *two = fate(second);
	assert_non_null(one);
	assert_non_null(two);
	assert_false(address_equals(&one->client, &two->client));
	assert_true(one->ambiguous);
}

// One failure can be logged in several lines.
static void all_reasons_of_the_only_handshake_are_its_own(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	uint16_t reasons[3];
	for (unsigned i = 0; i < 3; i++)
		reasons[i] = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_FAILS, A, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_certain(reasons[i], A, 1);
}

// What came before a handshake began is not its own.
static void a_later_handshake_is_no_rival(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	uint16_t reason = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_STARTS, B, 2);
	line(HANDSHAKE_FAILS, B, 2);
	assert_null(fate(reason));
	line(HANDSHAKE_FAILS, A, 1);
	assert_certain(reason, A, 1);
}

static void who_has_succeeded_is_no_rival(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	uint16_t reason = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_COMPLETES, B, 2);
	line(HANDSHAKE_FAILS, A, 1);
	assert_certain(reason, A, 1);
}

// Its start was not logged, and another one is open: either may have failed.
static void an_end_without_a_start_is_a_rival(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	uint16_t reason = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_FAILS, B, 2);
	assert_ambiguous(reason, B, 2);
}

// "no shared cipher" comes before a cipher is agreed, an alert of the client after.
static void a_reason_knows_how_far_its_handshake_had_come(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_CHOOSES, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	uint16_t early = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, B, 2);
	assert_certain(early, B, 2);
	line(HANDSHAKE_STARTS, B, 3);
	uint16_t late = bare(HANDSHAKE_REASON_LATE);
	line(HANDSHAKE_FAILS, A, 1);
	assert_certain(late, A, 1);
}

// The same without a word of the end: 725012 names the port, "prefer it".
static void a_late_reason_is_not_given_to_one_that_has_just_begun(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_CHOOSES, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	uint16_t late = bare(HANDSHAKE_REASON_LATE);
	wait_ms(2001);
	assert_certain(late, A, 1);
}

static void a_late_reason_waits_for_the_handshake_that_agreed(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, B, 2);
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_CHOOSES, A, 1);
	uint16_t late = bare(HANDSHAKE_REASON_LATE);
	line(HANDSHAKE_FAILS, B, 2); // of a reason that was not logged
	line(HANDSHAKE_FAILS, A, 1);
	assert_certain(late, A, 1);
}

// Whoever it may be of by the steps: it stands among this one's lines.
static void a_reason_right_between_two_lines_of_one_is_its_own(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_CHOOSES, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	uint16_t late = bare(HANDSHAKE_REASON_LATE);
	line(HANDSHAKE_FAILS, B, 2);
	line(HANDSHAKE_FAILS, A, 1);
	assert_ambiguous(late, B, 2);
}

static void an_early_reason_is_not_given_to_one_that_agreed(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_CHOOSES, A, 1);
	uint16_t early = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_STARTS, B, 2);
	wait_ms(2001);
	const struct told *t = fate(early);
	char got[ADDRESS_TEXT_MAX];
	if (t && strcmp(address_format(&t->client, got), A) == 0)
		assert_true(t->ambiguous);
}

// 725007 comes at the end of every connection, also of healthy ones.
static void the_end_of_a_finished_connection_steals_no_reason(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_COMPLETES, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	uint16_t reason = bare(HANDSHAKE_REASON);
	uint16_t ends = line(HANDSHAKE_ENDS, A, 1);
	assert_certain(ends, A, 1);
	assert_null(fate(reason));
	line(HANDSHAKE_FAILS, B, 2);
	assert_certain(reason, B, 2);
}

static void the_end_of_an_open_handshake_is_its_failure(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	uint16_t reason = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_ENDS, A, 1);
	assert_certain(reason, A, 1);
	assert_int_equal(handshake_count(table), 0);
}

static void a_success_has_no_reason(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	uint16_t reason = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_COMPLETES, A, 1);
	assert_null(fate(reason));
	line(HANDSHAKE_FAILS, B, 2);
	assert_non_null(fate(reason));
	char got[ADDRESS_TEXT_MAX];
	assert_string_equal(address_format(&fate(reason)->client, got), B);
}

static void a_reused_port_is_a_new_handshake(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_CHOOSES, A, 1);
	line(HANDSHAKE_STARTS, A, 1);
	assert_int_equal(handshake_count(table), 1);
	uint16_t early = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, A, 1);
	assert_certain(early, A, 1);
	assert_int_equal(handshake_count(table), 0);
}

static void a_handshake_that_never_ends_is_given_up(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	now_ms += HANDSHAKE_OPEN_MS + 1;
	line(HANDSHAKE_STARTS, B, 2);
	assert_int_equal(handshake_count(table), 1);
	assert_int_equal(counters.handshakes_abandoned, 1);
	uint16_t reason = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_FAILS, B, 2);
	assert_certain(reason, B, 2);
}

static void gateways_do_not_mix(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	gateway = 1;
	line(HANDSHAKE_STARTS, A, 1);
	uint16_t reason = bare(HANDSHAKE_REASON);
	gateway = 0;
	line(HANDSHAKE_FAILS, A, 1);
	assert_null(fate(reason));
	gateway = 1;
	line(HANDSHAKE_FAILS, A, 1);
	assert_certain(reason, A, 1);
}

// Order is kept within a receive queue only.
static void two_queues_keep_no_order(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	queue = 1;
	uint16_t reason = bare(HANDSHAKE_REASON);
	queue = 0;
	line(HANDSHAKE_FAILS, A, 1);
	assert_ambiguous(reason, A, 1);
}

static void a_line_of_an_unmapped_name_goes_on_by_itself(void **state)
{
	(void)state;
	uint16_t fails = bare(HANDSHAKE_FAILS);
	assert_int_equal(fate(fails)->stage, STAGE_RESOLVE);
	uint16_t other = line(HANDSHAKE_NONE, A, 0);
	assert_certain(other, A, 0);
	assert_int_equal(handshake_count(table), 0);
}

// ---- limits ----

static void a_full_table_gives_up_the_oldest(void **state)
{
	(void)state;
	handshake_table_destroy(table);
	begin(4, 4);
	for (uint16_t port = 1; port <= 6; port++)
		line(HANDSHAKE_STARTS, A, port);
	assert_int_equal(handshake_count(table), 4);
	assert_int_equal(counters.handshakes_abandoned, 2);
	// The newest is known.
	for (uint16_t port = 3; port <= 5; port++)
		line(HANDSHAKE_COMPLETES, A, port);
	uint16_t reason = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_FAILS, A, 6);
	assert_certain(reason, A, 6);
}

// One gateway with a storm, or one that fell silent in it, must not leave the others without.
static void one_gateway_cannot_keep_the_table_full(void **state)
{
	(void)state;
	handshake_table_destroy(table);
	begin(4, 4);
	for (uint16_t port = 1; port <= 4; port++)
		line(HANDSHAKE_STARTS, A, port);
	gateway = 1;
	line(HANDSHAKE_STARTS, B, 1);
	uint16_t reason = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_FAILS, B, 1);
	assert_certain(reason, B, 1);
	assert_true(counters.handshakes_abandoned >= 1);
}

static void a_silent_gateways_handshakes_end_by_time(void **state)
{
	(void)state;
	for (uint16_t port = 1; port <= 4; port++)
		line(HANDSHAKE_STARTS, A, port);
	now_ms += HANDSHAKE_OPEN_MS + 1;
	for (int i = 0; i < 64; i++)
		handshake_expire_step(table, now_ms, false, tell, NULL);
	assert_int_equal(handshake_count(table), 0);
	assert_int_equal(counters.handshakes_abandoned, 4);
}

static void a_full_place_lets_the_oldest_line_go_early(void **state)
{
	(void)state;
	handshake_table_destroy(table);
	begin(16, 4);
	uint16_t reasons[6];
	line(HANDSHAKE_STARTS, A, 1);
	for (unsigned i = 0; i < 6; i++)
		reasons[i] = bare(HANDSHAKE_REASON);
	assert_non_null(fate(reasons[0]));
	assert_null(fate(reasons[5]));
	line(HANDSHAKE_FAILS, A, 1);
	handshake_expire_step(table, now_ms, true, tell, NULL);
	unsigned n = 0;
	for (unsigned i = 0; i < 6; i++)
		n += fate(reasons[i]) != NULL;
	assert_int_equal(n + counters.events_dropped[EVENT_DROP_unbound], 6);
}

// Anything in any order: nothing is told twice, nothing is lost uncounted, nothing stays.
static void any_order_of_lines_is_taken(void **state)
{
	(void)state;
	handshake_table_destroy(table);
	uint32_t seed = 1;
	for (unsigned round = 0; round < 200; round++) {
		begin(5, 6);
		unsigned n_bare = 0;
		for (unsigned i = 0; i < 100; i++) {
			seed = seed * 1103515245 + 12345;
			uint32_t r = seed >> 8;
			gateway = (uint16_t)(r % 2);
			now_ms += r % 7 == 0 ? 700 : 0;
			enum handshake_step step =
				(enum handshake_step)(HANDSHAKE_STARTS + r / 16 % 15);
			if (step >= HANDSHAKE_REASON || step == HANDSHAKE_SUPPORTS ||
				step == HANDSHAKE_OTHER_LIST) {
				n_bare += step >= HANDSHAKE_REASON;
				chain(step, r % 5 == 0 ? "SEP8CB64F576113" : NULL);
			} else if (step == HANDSHAKE_CIPHER) {
				cipher(r % 4, "AES256-SHA");
			} else {
				line(step, r % 3 ? A : B, (uint16_t)(r / 64 % 3));
			}
			assert_true(handshake_count(table) <= 5);
			if (r % 11 == 0)
				handshake_expire_step(table, now_ms, false, tell, NULL);
		}
		handshake_expire_step(table, now_ms, true, tell, NULL);
		unsigned n = 0;
		for (unsigned i = 0; i < n_told; i++) {
			assert_ptr_equal(fate(told[i].line), &told[i]);
			n += told[i].step >= HANDSHAKE_REASON;
		}
		assert_int_equal(n + counters.events_dropped[EVENT_DROP_unbound], n_bare);
		handshake_table_destroy(table);
	}
	begin(4, 4);
}

// ---- cipher lists ----

static void lists_go_with_the_reason(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	bare(HANDSHAKE_SUPPORTS);
	cipher(1, "AES256-SHA");
	cipher(2, "AES128-SHA");
	line(HANDSHAKE_OFFERS, A, 1);
	cipher(1, "RC4-SHA");
	cipher(2, "DES-CBC3-SHA");
	cipher(3, "RC4-MD5");
	uint16_t reason = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, A, 1);
	assert_certain(reason, A, 1);
	assert_string_equal(fate(reason)->supported, "AES256-SHA AES128-SHA");
	assert_string_equal(fate(reason)->offered, "RC4-SHA DES-CBC3-SHA RC4-MD5");
}

static void what_the_gateway_allows_is_of_all_its_handshakes(void **state)
{
	(void)state;
	bare(HANDSHAKE_SUPPORTS);
	cipher(1, "AES256-SHA");
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	line(HANDSHAKE_OFFERS, A, 1);
	cipher(1, "RC4-SHA");
	line(HANDSHAKE_OFFERS, B, 2);
	cipher(1, "RC4-MD5");
	uint16_t one = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, B, 2);
	uint16_t two = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, A, 1);
	assert_string_equal(fate(one)->offered, "RC4-MD5");
	assert_string_equal(fate(two)->offered, "RC4-SHA");
	assert_string_equal(fate(one)->supported, "AES256-SHA");
	assert_string_equal(fate(two)->supported, "AES256-SHA");
}

// Entries are numbered: a list that another interrupts is given up rather than told wrong.
static void a_list_in_broken_order_is_not_told(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_OFFERS, A, 1);
	cipher(1, "RC4-SHA");
	cipher(3, "RC4-MD5"); // the second is lost
	cipher(4, "AES128-SHA");
	uint16_t reason = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, A, 1);
	assert_string_equal(fate(reason)->offered, "");
}

static void a_gateways_list_in_broken_order_is_not_told(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	bare(HANDSHAKE_SUPPORTS);
	cipher(5, "AES128-SHA");
	cipher(1, "AES256-SHA");
	uint16_t reason = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, A, 1);
	assert_string_equal(fate(reason)->supported, "");
}

static void entries_and_heads_may_change_places(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	head(HANDSHAKE_SUPPORTS, NULL, 0, 3);
	cipher(2, "AES128-SHA");
	cipher(1, "AES256-SHA");
	cipher(3, "RC4-SHA");
	cipher(1, "DES-CBC-SHA");
	head(HANDSHAKE_OFFERS, A, 1, 2);
	cipher(2, "RC4-MD5");
	uint16_t reason = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, A, 1);
	assert_string_equal(fate(reason)->supported, "AES256-SHA AES128-SHA RC4-SHA");
	assert_string_equal(fate(reason)->offered, "DES-CBC-SHA RC4-MD5");
}

static void a_list_that_comes_twice_is_read_once(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	for (int i = 0; i < 2; i++) {
		head(HANDSHAKE_SUPPORTS, NULL, 0, 2);
		cipher(1, "AES256-SHA");
		cipher(1, "AES256-SHA");
		cipher(2, "AES128-SHA");
		cipher(2, "AES128-SHA");
	}
	head(HANDSHAKE_OFFERS, A, 1, 1);
	head(HANDSHAKE_OFFERS, A, 1, 1);
	cipher(1, "RC4-SHA");
	cipher(1, "RC4-SHA");
	uint16_t reason = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, A, 1);
	assert_string_equal(fate(reason)->supported, "AES256-SHA AES128-SHA");
	assert_string_equal(fate(reason)->offered, "RC4-SHA");
}

// The gateway's list has changed.
static void another_list_takes_the_place_of_the_one_before(void **state)
{
	(void)state;
	head(HANDSHAKE_SUPPORTS, NULL, 0, 2);
	cipher(1, "AES256-SHA");
	cipher(2, "AES128-SHA");
	line(HANDSHAKE_STARTS, A, 1);
	head(HANDSHAKE_SUPPORTS, NULL, 0, 2);
	cipher(1, "AES256-SHA");
	cipher(2, "AES256-SHA256");
	uint16_t reason = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, A, 1);
	assert_string_equal(fate(reason)->supported, "AES256-SHA AES256-SHA256");
}

static void a_reason_may_come_after_the_failure(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	head(HANDSHAKE_OFFERS, A, 1, 1);
	cipher(1, "RC4-SHA");
	line(HANDSHAKE_FAILS, A, 1);
	uint16_t reason = bare(HANDSHAKE_REASON_EARLY);
	assert_certain(reason, A, 1);
	assert_string_equal(fate(reason)->offered, "RC4-SHA");
	// Once only, and not for long.
	reason = bare(HANDSHAKE_REASON_EARLY);
	wait_ms(HANDSHAKE_HOLD_MS);
	assert_null(fate(reason));
	line(HANDSHAKE_STARTS, B, 1);
	line(HANDSHAKE_FAILS, B, 1);
	wait_ms(1001);
	reason = bare(HANDSHAKE_REASON_EARLY);
	wait_ms(HANDSHAKE_HOLD_MS);
	assert_null(fate(reason));
}

static void a_late_reason_of_two_failures_is_unsure(void **state)
{
	(void)state;
	line(HANDSHAKE_FAILS, A, 1);
	line(HANDSHAKE_FAILS, B, 2);
	uint16_t reason = bare(HANDSHAKE_REASON);
	assert_ambiguous(reason, B, 2);
}

static void two_lists_that_run_together_are_not_told(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	line(HANDSHAKE_OFFERS, A, 1);
	cipher(1, "A-1");
	line(HANDSHAKE_OFFERS, B, 2);
	cipher(2, "A-2");
	cipher(1, "B-1");
	cipher(3, "A-3");
	cipher(2, "B-2");
	uint16_t one = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, B, 2);
	assert_string_equal(fate(one)->offered, "");
}

// The head says how many: a list whose end is lost, or which another interrupted for good, is not
// told.
static void half_a_list_is_not_told(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	head(HANDSHAKE_SUPPORTS, NULL, 0, 3);
	cipher(1, "AES256-SHA");
	cipher(2, "AES128-SHA");
	head(HANDSHAKE_OFFERS, A, 1, 2);
	cipher(1, "RC4-SHA");
	line(HANDSHAKE_STARTS, B, 2);
	head(HANDSHAKE_OFFERS, B, 2, 1);
	cipher(1, "RC4-MD5");
	uint16_t one = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, B, 2);
	uint16_t two = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, A, 1);
	assert_string_equal(fate(one)->offered, "RC4-MD5");
	assert_string_equal(fate(one)->supported, "");
	assert_string_equal(fate(two)->offered, "");
}

static void a_whole_list_is_told(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	head(HANDSHAKE_SUPPORTS, NULL, 0, 2);
	cipher(1, "AES256-SHA");
	cipher(2, "AES128-SHA");
	head(HANDSHAKE_OFFERS, A, 1, 1);
	cipher(1, "RC4-SHA");
	uint16_t reason = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, A, 1);
	assert_string_equal(fate(reason)->supported, "AES256-SHA AES128-SHA");
	assert_string_equal(fate(reason)->offered, "RC4-SHA");
}

// A list of a connection that the gateway itself opens is nobody's here.
static void lists_of_servers_are_nobodys(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_OFFERS, A, 1);
	cipher(1, "RC4-SHA");
	bare(HANDSHAKE_OTHER_LIST);
	cipher(1, "AES256-SHA");
	cipher(2, "AES128-SHA");
	uint16_t reason = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, A, 1);
	assert_string_equal(fate(reason)->offered, "RC4-SHA");
	assert_string_equal(fate(reason)->supported, "");
}

static void a_new_handshake_of_the_port_has_a_list_of_its_own(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_OFFERS, A, 1);
	cipher(1, "RC4-SHA");
	line(HANDSHAKE_STARTS, A, 1);
	cipher(2, "RC4-MD5"); // of the old one
	uint16_t reason = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, A, 1);
	assert_string_equal(fate(reason)->offered, "");
}

static void a_list_is_bounded(void **state)
{
	(void)state;
	char name[64];
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_OFFERS, A, 1);
	for (unsigned i = 1; i <= 200; i++) {
		snprintf(name, sizeof(name), "A-VERY-LONG-NAME-OF-A-CIPHER-%u", i);
		cipher(i, name);
	}
	uint16_t reason = bare(HANDSHAKE_REASON_EARLY);
	line(HANDSHAKE_FAILS, A, 1);
	assert_true(strlen(fate(reason)->offered) < 1000);
	// No name is cut in two.
	const char *last = strrchr(fate(reason)->offered, ' ');
	assert_true(last == NULL || strncmp(last + 1, "A-VERY-LONG-NAME-OF-A-CIPHER-", 29) == 0);
}

static void a_cipher_without_a_list_is_passed_over(void **state)
{
	(void)state;
	cipher(1, "AES256-SHA");
	line(HANDSHAKE_STARTS, A, 1);
	cipher(1, "AES256-SHA");
	uint16_t reason = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_FAILS, A, 1);
	assert_string_equal(fate(reason)->offered, "");
	assert_string_equal(fate(reason)->supported, "");
	assert_int_equal(n_told, 3);
}

// ---- certificate chains ----

// As field lines come: 717025, 717029, 717030, 717022, 717028, then 725002.
static void a_chain_goes_with_the_handshake_that_completes(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_CHOOSES, A, 1);
	uint16_t lines[4] = {chain(HANDSHAKE_CHAIN_STARTS, NULL),
		chain(HANDSHAKE_CHAIN, "SEP8CB64F576113"), chain(HANDSHAKE_CHAIN, NULL),
		chain(HANDSHAKE_CHAIN, "SEP8CB64F576113")};
	uint16_t completes = line(HANDSHAKE_COMPLETES, A, 1);
	for (unsigned i = 0; i < 4; i++)
		assert_certain(lines[i], A, 1);
	assert_device(lines[2], "SEP8CB64F576113"); // takes the name of the line before
	assert_device(completes, "SEP8CB64F576113");
}

static void a_chain_goes_with_the_handshake_that_fails(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	uint16_t first = chain(HANDSHAKE_CHAIN_STARTS, NULL);
	uint16_t named = chain(HANDSHAKE_CHAIN, "SEP8CB64F576113");
	uint16_t refused = chain(HANDSHAKE_CHAIN, NULL);
	uint16_t reason = bare(HANDSHAKE_REASON_LATE);
	uint16_t fails = line(HANDSHAKE_FAILS, A, 1);
	assert_certain(first, A, 1);
	assert_certain(named, A, 1);
	assert_certain(refused, A, 1);
	assert_device(refused, "SEP8CB64F576113");
	assert_certain(reason, A, 1);
	assert_device(fails, "SEP8CB64F576113");
}

static void a_chain_among_several_handshakes_is_ambiguous(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	chain(HANDSHAKE_CHAIN_STARTS, NULL);
	uint16_t named = chain(HANDSHAKE_CHAIN, "SEP8CB64F576113");
	line(HANDSHAKE_COMPLETES, A, 1);
	line(HANDSHAKE_COMPLETES, B, 2);
	assert_ambiguous(named, B, 2);
}

static void a_chain_is_of_who_was_asked_for_a_certificate(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	line(HANDSHAKE_ASKS, B, 2);
	line(HANDSHAKE_CHOOSES, A, 1);
	chain(HANDSHAKE_CHAIN_STARTS, NULL);
	uint16_t named = chain(HANDSHAKE_CHAIN, "SEP8CB64F576113");
	line(HANDSHAKE_FAILS, A, 1);
	line(HANDSHAKE_COMPLETES, B, 2);
	assert_certain(named, B, 2);
}

// Both were asked: the chain is told right after the one, and the other ends before it.
static void a_chain_is_of_the_handshake_it_is_told_after(void **state)
{
	(void)state;
	line(HANDSHAKE_ASKS, A, 1);
	line(HANDSHAKE_ASKS, B, 2);
	chain(HANDSHAKE_CHAIN_STARTS, NULL);
	uint16_t named = chain(HANDSHAKE_CHAIN, "SEP8CB64F576113");
	line(HANDSHAKE_FAILS, A, 1);
	line(HANDSHAKE_COMPLETES, B, 2);
	assert_ambiguous(named, B, 2);
}

// What is only guessed of the chain must not become certain by way of the line that names the
// address.
static void a_guessed_device_is_not_passed_on_as_certain(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	chain(HANDSHAKE_CHAIN_STARTS, NULL);
	chain(HANDSHAKE_CHAIN, "SEP8CB64F576113");
	uint16_t completes = line(HANDSHAKE_COMPLETES, A, 1);
	const struct told *t = fate(completes);
	assert_true(device_is_none(&t->device) || t->ambiguous);
}

// Names its phone, but no handshake is known: it goes on by the phone's name.
static void a_named_chain_needs_no_handshake(void **state)
{
	(void)state;
	uint16_t named = chain(HANDSHAKE_CHAIN, "SEP8CB64F576113");
	wait_ms(2001);
	assert_certain(named, "", 0);
	assert_device(named, "SEP8CB64F576113");
	assert_int_equal(counters.events_dropped[EVENT_DROP_unbound], 0);
}

// A certificate that is shown, and proves nothing yet.
static uint16_t claim(const char *device)
{
	struct event *e = blank(HANDSHAKE_CHAIN);
	assert_true(device_find(slice_of(device), &e->device));
	e->flags |= EVENT_UNPROVEN;
	return send(e);
}

#define assert_claimed(number, is)                             \
	do {                                                   \
		assert_device(number, "SEP8CB64F576113");      \
		assert_int_equal(fate(number)->claimed, (is)); \
	} while (0)

static void who_fails_with_a_name_has_only_claimed_it(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	claim("SEP8CB64F576113");
	uint16_t reason = bare(HANDSHAKE_REASON);
	uint16_t fails = line(HANDSHAKE_FAILS, A, 1);
	assert_claimed(reason, true);
	assert_claimed(fails, true);
	// Nor is it another's when its reason comes behind.
	line(HANDSHAKE_STARTS, A, 2);
	claim("SEP8CB64F576113");
	fails = line(HANDSHAKE_FAILS, A, 2);
	uint16_t late = bare(HANDSHAKE_REASON);
	assert_claimed(fails, true);
	assert_claimed(late, true);
}

static void who_completes_with_a_name_has_proved_it(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	uint16_t shown = claim("SEP8CB64F576113");
	uint16_t completes = line(HANDSHAKE_COMPLETES, A, 1);
	assert_claimed(shown, true);
	assert_claimed(completes, false);
}

static void what_has_been_validated_is_no_claim(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	claim("SEP8CB64F576113");
	uint16_t valid = chain(HANDSHAKE_CHAIN, "SEP8CB64F576113");
	claim("SEP8CB64F576113");
	uint16_t fails = line(HANDSHAKE_FAILS, A, 1);
	assert_claimed(valid, false);
	assert_claimed(fails, false);
}

static void a_claim_is_of_its_handshake_alone(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	claim("SEP8CB64F576113");
	line(HANDSHAKE_FAILS, A, 1);
	line(HANDSHAKE_STARTS, A, 2);
	uint16_t fails = line(HANDSHAKE_FAILS, A, 2);
	assert_device(fails, "");
	assert_false(fate(fails)->claimed);
}

static void two_chains_that_interleave_are_not_certain(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	chain(HANDSHAKE_CHAIN_STARTS, NULL);
	chain(HANDSHAKE_CHAIN, "SEP8CB64F576113");
	chain(HANDSHAKE_CHAIN_STARTS, NULL);
	chain(HANDSHAKE_CHAIN, "SEP001122334455");
	uint16_t nameless = chain(HANDSHAKE_CHAIN, NULL);
	wait_ms(2001);
	assert_non_null(fate(nameless));
	assert_true(fate(nameless)->ambiguous);
}

static void an_old_chain_lends_no_name(void **state)
{
	(void)state;
	chain(HANDSHAKE_CHAIN_STARTS, NULL);
	chain(HANDSHAKE_CHAIN, "SEP8CB64F576113");
	wait_ms(3000);
	line(HANDSHAKE_STARTS, A, 1);
	uint16_t later = chain(HANDSHAKE_CHAIN, NULL);
	line(HANDSHAKE_FAILS, A, 1);
	assert_certain(later, A, 1);
	assert_device(later, "");
}

// ---- what contradicts itself is of two ----

static void who_sends_no_certificate_has_none_validated(void **state)
{
	(void)state;
	line(HANDSHAKE_ASKS, A, 1);
	line(HANDSHAKE_ASKS, B, 2);
	uint16_t named = certificate(HANDSHAKE_CHAIN, "5A1F", "SEP8CB64F576113");
	line(HANDSHAKE_SENDS_NONE, A, 1);
	uint16_t fails = line(HANDSHAKE_FAILS, A, 1);
	assert_null(fate(named));
	assert_device(fails, "");
	certificate(HANDSHAKE_CHAIN_ACCEPTED, "5A1F", "SEP8CB64F576113");
	uint16_t completes = line(HANDSHAKE_COMPLETES, B, 2);
	assert_ambiguous(named, B, 2);
	assert_non_null(fate(completes));
}

static void what_was_refused_does_not_complete(void **state)
{
	(void)state;
	line(HANDSHAKE_ASKS, A, 1);
	uint16_t refused = chain(HANDSHAKE_CHAIN_REFUSED, NULL);
	line(HANDSHAKE_COMPLETES, A, 1);
	assert_null(fate(refused));
	wait_ms(2001);
	assert_null(fate(refused)); // it was nobody's
	assert_int_equal(counters.events_dropped[EVENT_DROP_unbound], 1);
}

static void what_was_refused_is_not_accepted(void **state)
{
	(void)state;
	line(HANDSHAKE_ASKS, A, 1);
	uint16_t refused = chain(HANDSHAKE_CHAIN_REFUSED, NULL);
	uint16_t accepted = certificate(HANDSHAKE_CHAIN_ACCEPTED, "5A1F", "SEP8CB64F576113");
	line(HANDSHAKE_COMPLETES, A, 1);
	assert_null(fate(refused));
	assert_ambiguous(accepted, A, 1); // two validations, and one was asked
}

// "Failed to find a suitable trustpoint for the issuer" does not say of which certificate.
static void a_refusal_without_a_number_is_of_what_was_not_accepted(void **state)
{
	(void)state;
	line(HANDSHAKE_ASKS, A, 1);
	line(HANDSHAKE_ASKS, B, 2);
	chain(HANDSHAKE_CHAIN_STARTS, NULL);
	certificate(HANDSHAKE_CHAIN, "5A1F", "SEP8CB64F576113");
	chain(HANDSHAKE_CHAIN_STARTS, NULL);
	certificate(HANDSHAKE_CHAIN, "80EB", NULL);
	certificate(HANDSHAKE_CHAIN_ACCEPTED, "5A1F", "SEP8CB64F576113");
	uint16_t refused = chain(HANDSHAKE_CHAIN_REFUSED, NULL);
	line(HANDSHAKE_COMPLETES, A, 1);
	uint16_t fails = line(HANDSHAKE_FAILS, B, 2);
	assert_ambiguous(refused, B, 2);
	assert_device(refused, "");
	assert_device(fails, "");
}

static void a_refusal_is_taken_back_when_its_certificate_is_accepted(void **state)
{
	(void)state;
	line(HANDSHAKE_ASKS, A, 1);
	line(HANDSHAKE_ASKS, B, 2);
	certificate(HANDSHAKE_CHAIN, "80EB", NULL);
	chain(HANDSHAKE_CHAIN_STARTS, NULL);
	certificate(HANDSHAKE_CHAIN, "5A1F", "SEP8CB64F576113");
	uint16_t refused = chain(HANDSHAKE_CHAIN_REFUSED, NULL);
	certificate(HANDSHAKE_CHAIN_ACCEPTED, "5A1F", "SEP8CB64F576113");
	line(HANDSHAKE_COMPLETES, A, 1);
	line(HANDSHAKE_FAILS, B, 2);
	assert_ambiguous(refused, B, 2);
	assert_device(refused, "");
}

// A client that refuses the gateway's certificate does not send its own.
static void who_has_sent_a_certificate_has_not_refused_ours(void **state)
{
	(void)state;
	line(HANDSHAKE_CHOOSES, B, 2);
	line(HANDSHAKE_CHOOSES, A, 1);
	line(HANDSHAKE_ASKS, A, 1);
	uint16_t refuses = bare(HANDSHAKE_REASON_BARE);
	line(HANDSHAKE_NONE, "198.51.100.3", 3);
	line(HANDSHAKE_COMPLETES, "198.51.100.3", 3);
	uint16_t refused = certificate(HANDSHAKE_CHAIN_REFUSED, "5A1F", "SEP8CB64F576113");
	line(HANDSHAKE_FAILS, A, 1);
	assert_null(fate(refuses));
	assert_certain(refused, A, 1);
	line(HANDSHAKE_FAILS, B, 2);
	assert_int_equal(fate(refuses)->port, 2);
}

// ---- senders ----

#define RELAY "192.0.2.81"
#define OTHER_RELAY "192.0.2.82"

// Each line twice, the second one a moment later, and another handshake in between.
static void two_relays_are_read_apart(void **state)
{
	uint16_t reason[2], of_b[2];
	(void)state;
	for (int i = 0; i < 2; i++) {
		sender = i ? OTHER_RELAY : RELAY;
		line(HANDSHAKE_STARTS, A, 1);
		line(HANDSHAKE_CHOOSES, A, 1);
	}
	for (int i = 0; i < 2; i++) {
		sender = i ? OTHER_RELAY : RELAY;
		reason[i] = bare(HANDSHAKE_REASON_LATE);
	}
	for (int i = 0; i < 2; i++) {
		sender = i ? OTHER_RELAY : RELAY;
		line(HANDSHAKE_FAILS, A, 1);
		line(HANDSHAKE_STARTS, B, 2);
		of_b[i] = bare(HANDSHAKE_REASON_EARLY);
	}
	for (int i = 0; i < 2; i++) {
		sender = i ? OTHER_RELAY : RELAY;
		line(HANDSHAKE_FAILS, B, 2);
		assert_certain(reason[i], A, 1);
		assert_certain(of_b[i], B, 2);
	}
}

static void lines_that_two_relays_share_out_are_unsure(void **state)
{
	(void)state;
	for (uint16_t port = 1; port <= 20; port++) {
		sender = RELAY;
		line(HANDSHAKE_STARTS, A, port);
		sender = OTHER_RELAY;
		line(HANDSHAKE_CHOOSES, A, port);
		uint16_t reason = bare(HANDSHAKE_REASON_LATE);
		line(HANDSHAKE_FAILS, A, port);
		assert_ambiguous(reason, A, port);
	}
	// And apart again when each brings all.
	for (uint16_t port = 101; port <= 160; port++) {
		for (int i = 0; i < 2; i++) {
			sender = i ? OTHER_RELAY : RELAY;
			line(HANDSHAKE_STARTS, A, port);
		}
		for (int i = 0; i < 2; i++) {
			sender = i ? OTHER_RELAY : RELAY;
			line(HANDSHAKE_FAILS, A, port);
		}
	}
	now_ms += 60001;
	line(HANDSHAKE_STARTS, A, 200);
	uint16_t reason = bare(HANDSHAKE_REASON);
	line(HANDSHAKE_FAILS, A, 200);
	assert_certain(reason, A, 200);
}

static void any_number_of_senders_is_taken(void **state)
{
	char name[32];
	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "192.0.2.%u", i % 9);
		sender = name;
		line(HANDSHAKE_STARTS, A, (uint16_t)(i / 3));
		bare(HANDSHAKE_REASON);
		line(HANDSHAKE_FAILS, A, (uint16_t)(i / 4));
	}
	wait_ms(2001);
	wait_ms(30000);
	for (int i = 0; i < 20; i++)
		wait_ms(10);
	assert_int_equal(handshake_held(table), 0);
}

// ---- lines that follow ----

static void is_nobodys(uint16_t number, int at)
{
	const struct told *t = fate(number);
	if (t == NULL || !address_is_none(&t->client) || t->stage != STAGE_RESOLVE || t->ambiguous)
		fail_msg("%d: line %u is somebody's", at, number);
}

#define assert_nobodys(number) is_nobodys((number), __LINE__)

static void a_line_without_a_name_is_of_the_client_just_before(void **state)
{
	(void)state;
	line(HANDSHAKE_NONE, A, 0);
	uint16_t follows = bare(HANDSHAKE_FOLLOWS);
	assert_ambiguous(follows, A, 0);
	assert_int_equal(counters.ambiguous_bindings, 1);
	// However many lines the client had.
	for (int i = 0; i < 5; i++)
		line(HANDSHAKE_STARTS, A, (uint16_t)(50001 + i));
	assert_ambiguous(bare(HANDSHAKE_FOLLOWS), A, 0);
	assert_ambiguous(bare(HANDSHAKE_FOLLOWS), A, 0);
}

static void with_two_clients_it_is_nobodys(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_STARTS, B, 2);
	assert_nobodys(bare(HANDSHAKE_FOLLOWS));
	line(HANDSHAKE_FAILS, A, 1);
	line(HANDSHAKE_STARTS, A, 3);
	assert_nobodys(bare(HANDSHAKE_FOLLOWS));
	assert_int_equal(counters.ambiguous_bindings, 0);
}

// The older text of 113040 names nobody.
static void what_ends_a_login_is_of_who_has_just_logged_in(void **state)
{
	(void)state;
	line(HANDSHAKE_LOGS_IN, A, 0);
	assert_ambiguous(bare(HANDSHAKE_ADJOINS), A, 0);
	line(HANDSHAKE_NONE, B, 0); // a session that is up
	assert_ambiguous(bare(HANDSHAKE_ADJOINS), A, 0);
	line(HANDSHAKE_NONE, A, 0); // it goes on: it was not locked out
	assert_nobodys(bare(HANDSHAKE_ADJOINS));
	line(HANDSHAKE_LOGS_IN, A, 0);
	line(HANDSHAKE_LOGS_IN, B, 0);
	assert_ambiguous(bare(HANDSHAKE_ADJOINS), B, 0); // at once
	line(HANDSHAKE_STARTS, "198.51.100.3", 3);
	assert_nobodys(bare(HANDSHAKE_ADJOINS)); // either of two
}

static void it_follows_at_once(void **state)
{
	(void)state;
	line(HANDSHAKE_NONE, A, 0);
	now_ms += 999; // the clock of this test goes on by one with each line
	assert_ambiguous(bare(HANDSHAKE_FOLLOWS), A, 0);
	line(HANDSHAKE_NONE, A, 0);
	now_ms += 1000;
	assert_nobodys(bare(HANDSHAKE_FOLLOWS));
}

static void another_client_of_long_before_is_no_rival(void **state)
{
	(void)state;
	line(HANDSHAKE_NONE, B, 0);
	now_ms += 1500;
	line(HANDSHAKE_NONE, A, 0);
	assert_ambiguous(bare(HANDSHAKE_FOLLOWS), A, 0);
	now_ms += 500;
	line(HANDSHAKE_NONE, B, 0);
	assert_nobodys(bare(HANDSHAKE_FOLLOWS));
	now_ms += 900; // of A nothing for longer than that
	line(HANDSHAKE_NONE, B, 0);
	now_ms += 200;
	assert_ambiguous(bare(HANDSHAKE_FOLLOWS), B, 0);
}

static void nothing_before_it_is_nobodys(void **state)
{
	(void)state;
	assert_nobodys(bare(HANDSHAKE_FOLLOWS));
}

static void what_follows_at_another_gateway_is_nobodys(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	gateway = 1;
	assert_nobodys(bare(HANDSHAKE_FOLLOWS));
	line(HANDSHAKE_STARTS, B, 2);
	gateway = 0;
	assert_ambiguous(bare(HANDSHAKE_FOLLOWS), A, 0);
}

static void a_line_that_names_somebody_follows_nobody(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	assert_certain(line(HANDSHAKE_FOLLOWS, B, 0), B, 0);
	now_ms += 5000;
	line(HANDSHAKE_STARTS, A, 2);
	struct event *e = blank(HANDSHAKE_FOLLOWS);
	event_attach(e, FIELD_USER, slice_of("somebody"));
	assert_nobodys(send(e));
	e = blank(HANDSHAKE_FOLLOWS);
	assert_true(device_find(slice_of("SEP8CB64F576113"), &e->device));
	assert_nobodys(send(e));
	// A user that is hidden is none.
	e = blank(HANDSHAKE_FOLLOWS);
	event_attach(e, FIELD_USER, slice_of("*****"));
	e->flags |= EVENT_HIDDEN_USER;
	assert_ambiguous(send(e), A, 0);
}

// ---- the clock is set back ----

static void what_was_before_a_step_back_is_over(void **state)
{
	(void)state;
	line(HANDSHAKE_STARTS, A, 1);
	line(HANDSHAKE_FAILS, A, 1);
	chain(HANDSHAKE_CHAIN_STARTS, NULL);
	chain(HANDSHAKE_CHAIN, "SEP8CB64F576113");
	line(HANDSHAKE_NONE, A, 0);
	now_ms -= 500000;
	handshake_expire_step(table, now_ms, false, tell, NULL);
	assert_nobodys(bare(HANDSHAKE_FOLLOWS));
	uint16_t later = chain(HANDSHAKE_CHAIN, NULL);
	uint16_t reason = bare(HANDSHAKE_REASON);
	uint16_t again = line(HANDSHAKE_GOES_ON, A, 1);
	assert_int_equal(handshake_count(table), 1); // of now
	line(HANDSHAKE_FAILS, A, 1);
	assert_certain(again, A, 1);
	assert_certain(reason, A, 1);
	assert_certain(later, A, 1);
	assert_device(later, "");
	assert_ambiguous(bare(HANDSHAKE_FOLLOWS), A, 0);
}

static void a_small_step_back_is_none(void **state)
{
	(void)state;
	line(HANDSHAKE_NONE, A, 0);
	now_ms -= 800;
	assert_ambiguous(bare(HANDSHAKE_FOLLOWS), A, 0);
	line(HANDSHAKE_STARTS, A, 1);
	uint16_t reason = bare(HANDSHAKE_REASON);
	now_ms -= 800;
	handshake_expire_step(table, now_ms, false, tell, NULL);
	assert_null(fate(reason));
	line(HANDSHAKE_FAILS, A, 1);
	assert_certain(reason, A, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reason_goes_with_the_handshake_that_fails_next),
		TEST(a_handshake_need_not_have_been_seen_to_start),
		TEST(without_an_end_a_reason_is_let_go_after_2_seconds),
		TEST(who_has_failed_without_an_end_is_no_rival),
		TEST(the_end_of_the_input_lets_everything_go),
		TEST(a_reason_of_nobody_is_counted),
		TEST(several_open_handshakes_make_it_ambiguous),
		TEST(two_of_one_client_are_ambiguous_too),
		TEST(with_several_and_no_end_it_goes_to_the_one_named_last),
		TEST(interleaved_failures_each_get_their_reason),
		TEST(one_end_takes_one_reason),
		TEST(all_reasons_of_the_only_handshake_are_its_own),
		TEST(a_later_handshake_is_no_rival),
		TEST(who_has_succeeded_is_no_rival),
		TEST(an_end_without_a_start_is_a_rival),
		TEST(a_reason_knows_how_far_its_handshake_had_come),
		TEST(a_late_reason_is_not_given_to_one_that_has_just_begun),
		TEST(a_late_reason_waits_for_the_handshake_that_agreed),
		TEST(a_reason_right_between_two_lines_of_one_is_its_own),
		TEST(an_early_reason_is_not_given_to_one_that_agreed),
		TEST(the_end_of_a_finished_connection_steals_no_reason),
		TEST(the_end_of_an_open_handshake_is_its_failure),
		TEST(a_success_has_no_reason),
		TEST(a_reused_port_is_a_new_handshake),
		TEST(a_handshake_that_never_ends_is_given_up),
		TEST(gateways_do_not_mix),
		TEST(two_queues_keep_no_order),
		TEST(a_line_of_an_unmapped_name_goes_on_by_itself),
		TEST(a_full_table_gives_up_the_oldest),
		TEST(one_gateway_cannot_keep_the_table_full),
		TEST(a_silent_gateways_handshakes_end_by_time),
		TEST(a_full_place_lets_the_oldest_line_go_early),
		TEST(any_order_of_lines_is_taken),
		TEST(lists_go_with_the_reason),
		TEST(what_the_gateway_allows_is_of_all_its_handshakes),
		TEST(a_list_in_broken_order_is_not_told),
		TEST(a_gateways_list_in_broken_order_is_not_told),
		TEST(two_lists_that_run_together_are_not_told),
		TEST(entries_and_heads_may_change_places),
		TEST(a_list_that_comes_twice_is_read_once),
		TEST(another_list_takes_the_place_of_the_one_before),
		TEST(a_reason_may_come_after_the_failure),
		TEST(a_late_reason_of_two_failures_is_unsure),
		TEST(half_a_list_is_not_told),
		TEST(a_whole_list_is_told),
		TEST(lists_of_servers_are_nobodys),
		TEST(a_new_handshake_of_the_port_has_a_list_of_its_own),
		TEST(a_list_is_bounded),
		TEST(a_cipher_without_a_list_is_passed_over),
		TEST(a_chain_goes_with_the_handshake_that_completes),
		TEST(a_chain_goes_with_the_handshake_that_fails),
		TEST(a_chain_among_several_handshakes_is_ambiguous),
		TEST(a_chain_is_of_who_was_asked_for_a_certificate),
		TEST(a_chain_is_of_the_handshake_it_is_told_after),
		TEST(a_guessed_device_is_not_passed_on_as_certain),
		TEST(a_named_chain_needs_no_handshake),
		TEST(who_fails_with_a_name_has_only_claimed_it),
		TEST(who_completes_with_a_name_has_proved_it),
		TEST(what_has_been_validated_is_no_claim),
		TEST(a_claim_is_of_its_handshake_alone),
		TEST(two_chains_that_interleave_are_not_certain),
		TEST(an_old_chain_lends_no_name),
		TEST(who_sends_no_certificate_has_none_validated),
		TEST(what_was_refused_does_not_complete),
		TEST(what_was_refused_is_not_accepted),
		TEST(a_refusal_without_a_number_is_of_what_was_not_accepted),
		TEST(a_refusal_is_taken_back_when_its_certificate_is_accepted),
		TEST(who_has_sent_a_certificate_has_not_refused_ours),
		TEST(two_relays_are_read_apart),
		TEST(lines_that_two_relays_share_out_are_unsure),
		TEST(any_number_of_senders_is_taken),
		TEST(a_line_without_a_name_is_of_the_client_just_before),
		TEST(with_two_clients_it_is_nobodys),
		TEST(what_ends_a_login_is_of_who_has_just_logged_in),
		TEST(it_follows_at_once),
		TEST(another_client_of_long_before_is_no_rival),
		TEST(nothing_before_it_is_nobodys),
		TEST(what_follows_at_another_gateway_is_nobodys),
		TEST(a_line_that_names_somebody_follows_nobody),
		TEST(what_was_before_a_step_back_is_over),
		TEST(a_small_step_back_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
