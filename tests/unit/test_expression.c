// SPDX-License-Identifier: BSD-3-Clause
#include "rules.h"

#include "../../rules/expression.h"

// ---- what holds when ----

enum { A, B, C };

#define LEAF(number) ((struct expression){.kind = EXPRESSION_SEEN, .event = (number)})
#define PARTS(...) ((const struct expression *[]){__VA_ARGS__})

static const struct expression a = {.kind = EXPRESSION_SEEN, .event = A},
			       b = {.kind = EXPRESSION_SEEN, .event = B},
			       c = {.kind = EXPRESSION_SEEN, .event = C};

static bool may_hold(const struct expression *e, const struct sighting *sightings, unsigned n)
{
	uint64_t seen[EVENT_WORDS] = {0};
	for (unsigned i = 0; i < n; i++)
		set_bit(seen, sightings[i].event);
	return expression_may_hold(e, seen);
}

static bool holds_at(const struct expression *e, const struct sighting *sightings, unsigned n,
	uint64_t now_ms, uint64_t *wake_ms)
{
	struct expression_view view = {
		.sightings = sightings, .n = n, .now_ms = now_ms, .wake_ms = UINT64_MAX};
	bool holds = expression_holds(e, &view);
	// What is told from the events alone is never less.
	if (!may_hold(e, sightings, n)) {
		assert_false(holds);
		assert_int_equal(view.wake_ms, UINT64_MAX);
	}
	if (wake_ms)
		*wake_ms = view.wake_ms;
	return holds;
}

// Sightings as {time in seconds, event, value}.
struct seen {
	unsigned s, event, value;
};

static bool holds_of(
	const struct expression *e, const struct seen *seen, unsigned n, uint64_t now_s)
{
	struct sighting sightings[32];
	for (unsigned i = 0; i < n; i++)
		sightings[i] = (struct sighting){.time_ms = 1000ull * seen[i].s,
			.event = (uint16_t)seen[i].event,
			.value = seen[i].value,
			.gateway = (uint16_t)seen[i].value,
			.port = (uint16_t)seen[i].value};
	return holds_at(e, sightings, n, 1000 * now_s, NULL);
}

#define HOLDS(e, ...) \
	holds_of((e), (struct seen[]){__VA_ARGS__}, N(((struct seen[]){__VA_ARGS__})), 100)

static void a_leaf_wants_its_event_and_its_conditions(void **state)
{
	(void)state;
	struct sighting s = {.event = A, .conditions = 0x5};
	struct expression e = LEAF(A);
	assert_true(holds_at(&e, &s, 1, 0, NULL));
	assert_false(holds_at(&e, &s, 0, 0, NULL));
	e.conditions = 0x4;
	assert_true(holds_at(&e, &s, 1, 0, NULL));
	e.conditions = 0x6;
	assert_false(holds_at(&e, &s, 1, 0, NULL));
	e = LEAF(B);
	assert_false(holds_at(&e, &s, 1, 0, NULL));
}

static void all_any_and_not_are_what_they_say(void **state)
{
	(void)state;
	struct expression all = {.kind = EXPRESSION_ALL, .n_parts = 2, .parts = PARTS(&a, &b)};
	struct expression any = {.kind = EXPRESSION_ANY, .n_parts = 2, .parts = PARTS(&a, &b)};
	struct expression none = {.kind = EXPRESSION_NOT, .n_parts = 1, .parts = PARTS(&c)};
	struct expression both = {
		.kind = EXPRESSION_ALL, .n_parts = 2, .parts = PARTS(&any, &none)};
	assert_true(HOLDS(&all, {1, B}, {2, A}));
	assert_false(HOLDS(&all, {1, A}, {2, A}));
	assert_true(HOLDS(&any, {1, C}, {2, B}));
	assert_false(HOLDS(&any, {1, C}));
	assert_true(HOLDS(&both, {1, A}));
	assert_false(HOLDS(&both, {1, A}, {2, C}));
}

static void a_sequence_keeps_its_order(void **state)
{
	(void)state;
	struct expression e = {
		.kind = EXPRESSION_SEQUENCE, .n_parts = 3, .parts = PARTS(&a, &b, &a)};
	assert_true(HOLDS(&e, {1, A}, {2, C}, {3, B}, {4, A}));
	assert_false(HOLDS(&e, {1, B}, {2, A}, {3, A}));
	assert_false(HOLDS(&e, {1, A}, {2, B}));
	// One line is one part.
	assert_false(HOLDS(&e, {1, A}, {2, B}, {3, B}));
}

static void a_sequence_has_to_fit_its_time(void **state)
{
	(void)state;
	struct expression e = {.kind = EXPRESSION_SEQUENCE,
		.n_parts = 2,
		.parts = PARTS(&a, &b),
		.within_ms = 10000};
	assert_true(HOLDS(&e, {1, A}, {11, B}));
	assert_false(HOLDS(&e, {1, A}, {12, B}));
	// A later beginning counts too.
	assert_true(HOLDS(&e, {1, A}, {9, A}, {12, B}));
}

// The value is the port, too; 0: the line bears none.
static void what_is_joined_is_of_one_connection(void **state)
{
	(void)state;
	struct expression all = {.kind = EXPRESSION_ALL, .n_parts = 2, .parts = PARTS(&a, &b)};
	struct expression either = {.kind = EXPRESSION_ANY, .n_parts = 2, .parts = PARTS(&b, &c)};
	struct expression deep = {
		.kind = EXPRESSION_ALL, .n_parts = 2, .parts = PARTS(&a, &either)};
	struct expression none = {.kind = EXPRESSION_NOT, .n_parts = 1, .parts = PARTS(&b)};
	struct expression without = {
		.kind = EXPRESSION_ALL, .n_parts = 2, .parts = PARTS(&a, &none)};
	struct expression in_turn = {
		.kind = EXPRESSION_SEQUENCE, .n_parts = 2, .parts = PARTS(&a, &b)};
	assert_true(HOLDS(&all, {1, A, 7}, {2, B, 7}));
	assert_false(HOLDS(&all, {1, A, 7}, {2, B, 8}));
	assert_true(HOLDS(&all, {1, A, 7}, {2, B, 8}, {3, A, 8}));
	assert_true(HOLDS(&all, {1, A, 7}, {2, B, 0}));
	assert_true(HOLDS(&all, {1, A, 0}, {2, B, 8}));
	assert_false(HOLDS(&deep, {1, A, 7}, {2, B, 8}, {3, C, 9}));
	assert_true(HOLDS(&deep, {1, A, 7}, {2, B, 8}, {3, C, 7}));
	// What another connection has seen forbids nothing on this one.
	assert_true(HOLDS(&without, {1, A, 7}, {2, B, 8}));
	assert_false(HOLDS(&without, {1, A, 7}, {2, B, 7}));
	assert_false(HOLDS(&without, {1, A, 7}, {2, B, 0}));
	assert_true(HOLDS(&in_turn, {1, A, 7}, {2, B, 7}));
	assert_false(HOLDS(&in_turn, {1, A, 7}, {2, B, 8}));
	assert_false(HOLDS(&in_turn, {1, B, 7}, {2, A, 7}, {3, B, 8}));
	assert_true(HOLDS(&in_turn, {1, A, 0}, {2, B, 8}));
	assert_true(HOLDS(&in_turn, {1, A, 7}, {2, A, 8}, {3, B, 8}));
}

// Any one of several, and what is counted, may be on different ones.
static void what_is_counted_is_of_all_connections(void **state)
{
	(void)state;
	struct expression any = {.kind = EXPRESSION_ANY, .n_parts = 2, .parts = PARTS(&a, &b)};
	struct expression three = {
		.kind = EXPRESSION_COUNT, .n_parts = 1, .parts = PARTS(&a), .at_least = 3};
	struct expression both = {.kind = EXPRESSION_ALL, .n_parts = 2, .parts = PARTS(&three, &b)};
	assert_true(HOLDS(&any, {1, A, 7}, {2, B, 8}));
	assert_true(HOLDS(&three, {1, A, 7}, {2, A, 8}, {3, A, 9}));
	assert_true(HOLDS(&both, {1, A, 7}, {2, A, 8}, {3, A, 9}, {4, B, 9}));
}

static void a_count_is_of_one_event_within_a_time(void **state)
{
	(void)state;
	struct expression e = {
		.kind = EXPRESSION_COUNT, .n_parts = 1, .parts = PARTS(&a), .at_least = 3};
	assert_true(HOLDS(&e, {1, A}, {2, B}, {50, A}, {90, A}));
	assert_false(HOLDS(&e, {1, A}, {2, B}, {3, A}));
	e.within_ms = 30000;
	assert_false(HOLDS(&e, {1, A}, {20, A}, {50, A}));
	assert_true(HOLDS(&e, {1, A}, {20, A}, {31, A}));
	assert_true(HOLDS(&e, {1, A}, {40, A}, {50, A}, {60, A}));
}

static void distinct_values_count_once(void **state)
{
	(void)state;
	struct expression e = {.kind = EXPRESSION_DISTINCT,
		.n_parts = 1,
		.parts = PARTS(&a),
		.field = FIELD_SUBJECT,
		.at_least = 3};
	assert_true(HOLDS(&e, {1, A, 7}, {2, A, 8}, {3, A, 7}, {4, A, 9}));
	assert_false(HOLDS(&e, {1, A, 7}, {2, A, 8}, {3, A, 7}, {4, B, 9}));
	e.within_ms = 10000;
	assert_false(HOLDS(&e, {1, A, 7}, {2, A, 8}, {12, A, 9}));
	assert_true(HOLDS(&e, {1, A, 6}, {3, A, 7}, {4, A, 8}, {12, A, 9}));
}

static void distinct_gateways_and_ports_are_their_own(void **state)
{
	(void)state;
	struct sighting s[] = {{.event = A, .gateway = 1, .port = 9, .value = 5},
		{.event = A, .gateway = 2, .port = 9, .value = 5}};
	struct expression e = {.kind = EXPRESSION_DISTINCT,
		.n_parts = 1,
		.parts = PARTS(&a),
		.field = FIELD_GATEWAY,
		.at_least = 2};
	assert_true(holds_at(&e, s, 2, 0, NULL));
	e.field = FIELD_PORT;
	assert_false(holds_at(&e, s, 2, 0, NULL));
	e.field = FIELD_SUBJECT;
	assert_false(holds_at(&e, s, 2, 0, NULL));
}

static void turns_count_changes_of_the_value(void **state)
{
	(void)state;
	struct expression e = {.kind = EXPRESSION_TURNS,
		.n_parts = 1,
		.parts = PARTS(&a),
		.field = FIELD_GATEWAY,
		.at_least = 2};
	assert_true(HOLDS(&e, {1, A, 1}, {2, A, 2}, {3, A, 1}));
	assert_false(HOLDS(&e, {1, A, 1}, {2, A, 1}, {3, A, 2}));
	// Another event in between is no turn.
	assert_false(HOLDS(&e, {1, A, 1}, {2, B, 2}, {3, A, 1}));
	e.within_ms = 5000;
	assert_false(HOLDS(&e, {1, A, 1}, {5, A, 2}, {9, A, 1}));
}

static void an_absence_is_proved_when_its_time_is_over(void **state)
{
	(void)state;
	struct expression e = {.kind = EXPRESSION_ABSENT,
		.n_parts = 2,
		.parts = PARTS(&a, &b),
		.within_ms = 30000};
	struct sighting s[] = {{.event = B, .time_ms = 10000}, {.event = A, .time_ms = 45000}};
	uint64_t wake;
	assert_false(holds_at(&e, s, 1, 39999, &wake));
	assert_int_equal(wake, 40000);
	assert_true(holds_at(&e, s, 1, 40000, &wake));
	// It came, but too late.
	assert_true(holds_at(&e, s, 2, 45000, NULL));
	s[1].time_ms = 40000;
	assert_false(holds_at(&e, s, 2, 60000, &wake));
	assert_int_equal(wake, UINT64_MAX);
	// Nothing to be absent after.
	assert_false(holds_at(&e, s, 0, 60000, &wake));
	assert_int_equal(wake, UINT64_MAX);
}

static void a_repeat_gives_the_absence_another_chance(void **state)
{
	(void)state;
	struct expression e = {.kind = EXPRESSION_ABSENT,
		.n_parts = 2,
		.parts = PARTS(&a, &b),
		.within_ms = 30000};
	struct sighting s[] = {{.event = B, .time_ms = 10000}, {.event = A, .time_ms = 11000},
		{.event = B, .time_ms = 50000}};
	uint64_t wake;
	assert_false(holds_at(&e, s, 3, 60000, &wake));
	assert_int_equal(wake, 80000);
	assert_true(holds_at(&e, s, 3, 80000, NULL));
}

static void what_has_never_been_seen_rules_out(void **state)
{
	(void)state;
	struct expression all = {.kind = EXPRESSION_ALL, .n_parts = 2, .parts = PARTS(&a, &b)};
	struct expression any = {.kind = EXPRESSION_ANY, .n_parts = 2, .parts = PARTS(&all, &c)};
	struct expression none = {.kind = EXPRESSION_NOT, .n_parts = 1, .parts = PARTS(&c)};
	struct expression three = {
		.kind = EXPRESSION_COUNT, .n_parts = 1, .parts = PARTS(&a), .at_least = 3};
	struct expression absent = {
		.kind = EXPRESSION_ABSENT, .n_parts = 2, .parts = PARTS(&a, &b), .within_ms = 1};
	struct sighting is_a = {.event = A}, is_b = {.event = B}, is_c = {.event = C};
	assert_false(may_hold(&all, &is_a, 1));
	assert_false(may_hold(&any, &is_a, 1));
	assert_true(may_hold(&any, &is_c, 1));
	assert_true(may_hold(&none, &is_c, 1));
	assert_false(may_hold(&three, &is_b, 1));
	assert_true(may_hold(&three, &is_a, 1));
	// What waits for an absence is not ruled out by what stands behind it.
	struct expression waits = {
		.kind = EXPRESSION_ALL, .n_parts = 2, .parts = PARTS(&absent, &c)};
	struct expression does_not = {
		.kind = EXPRESSION_ALL, .n_parts = 2, .parts = PARTS(&c, &absent)};
	uint64_t wake;
	assert_true(may_hold(&waits, &is_b, 1));
	assert_false(holds_at(&waits, &is_b, 1, 0, &wake));
	assert_int_equal(wake, 1);
	assert_false(may_hold(&does_not, &is_b, 1));
	assert_false(holds_at(&does_not, &is_b, 1, 0, &wake));
	assert_int_equal(wake, UINT64_MAX);
}

struct facts {
	uint64_t at_ms;
};

static uint64_t fact_of(void *context, uint16_t event)
{
	return event == C ? ((struct facts *)context)->at_ms : 0;
}

static void a_gateway_fact_ages(void **state)
{
	(void)state;
	struct facts facts = {.at_ms = 5000};
	struct expression e = {.kind = EXPRESSION_GATEWAY, .event = C, .within_ms = 60000};
	struct expression_view view = {.gateway_fact = fact_of, .context = &facts, .now_ms = 65000};
	assert_true(expression_holds(&e, &view));
	view.now_ms = 65001;
	assert_false(expression_holds(&e, &view));
	// Logged right after the phone's line; UDP may have changed their order.
	view.now_ms = 4000;
	assert_true(expression_holds(&e, &view));
	facts.at_ms = 0;
	assert_false(expression_holds(&e, &view));
	view.gateway_fact = NULL;
	assert_false(expression_holds(&e, &view));
}

struct visited {
	unsigned n, positive;
};

static void visit(const struct expression *leaf, bool positive, void *context)
{
	struct visited *v = context;
	assert_true(leaf->kind == EXPRESSION_SEEN || leaf->kind == EXPRESSION_GATEWAY);
	v->n++;
	v->positive += positive;
}

static void a_walk_knows_what_must_not_be(void **state)
{
	(void)state;
	struct expression absent = {
		.kind = EXPRESSION_ABSENT, .n_parts = 2, .parts = PARTS(&a, &b)};
	struct expression no = {.kind = EXPRESSION_NOT, .n_parts = 1, .parts = PARTS(&c)};
	struct expression fact = {.kind = EXPRESSION_GATEWAY, .event = C};
	struct expression all = {
		.kind = EXPRESSION_ALL, .n_parts = 3, .parts = PARTS(&absent, &no, &fact)};
	struct visited v = {0};
	expression_walk(&all, true, visit, &v);
	assert_int_equal(v.n, 4);
	assert_int_equal(v.positive, 2); // b and the fact
	assert_true(expression_has_absence(&all));
	assert_false(expression_has_absence(&no));
}

// ---- reading ----

#define MESSAGES                                                                                              \
	"messages:\n"                                                                                         \
	"  - {id: ASA-725001, text: 'Starting handshake with {client}', event: starts}\n"                     \
	"  - {id: ASA-725014, text: 'lib error {code} Reason: {reason}', event: reason, handshake: reason}\n" \
	"  - {id: PHONE-hash, text: 'cert hash {hash} of {host}', event: leaf}\n"                             \
	"diagnoses:\n"                                                                                        \
	"  - id: d\n"                                                                                         \
	"    title: t\n"                                                                                      \
	"    remedy: r\n"                                                                                     \
	"    when: "
#define LINE_OF_WHEN "t:9:"

static const struct expression *when(struct rulepack *pack)
{
	return pack->diagnoses[0].levels[CONFIDENCE_PROBABLE];
}

static struct rulepack *load_when(struct vocabulary *v, const char *expression)
{
	char text[4096];
	snprintf(text, sizeof(text), MESSAGES "%s\n", expression);
	return rules_load(v, text);
}

static void each_form_is_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum expression_kind kind;
		unsigned n_parts, at_least;
		uint64_t within_ms;
	} forms[] = {
		{"starts", EXPRESSION_SEEN, 0, 0, 0},
		{"{event: starts}", EXPRESSION_SEEN, 0, 0, 0},
		{"{all: [starts, reason, leaf]}", EXPRESSION_ALL, 3, 0, 0},
		{"{any: [starts, {not: leaf}]}", EXPRESSION_ANY, 2, 0, 0},
		{"{all: [leaf, {not: starts}]}", EXPRESSION_ALL, 2, 0, 0},
		{"{sequence: [starts, reason], within: 10s}", EXPRESSION_SEQUENCE, 2, 0, 10000},
		{"{within: 10s, sequence: [starts]}", EXPRESSION_SEQUENCE, 1, 0, 10000},
		{"{count: starts, at_least: 3, within: 5m}", EXPRESSION_COUNT, 1, 3, 300000},
		{"{distinct: hash, of: leaf, at_least: 3}", EXPRESSION_DISTINCT, 1, 3, 0},
		{"{distinct: gateway, of: starts, at_least: 2}", EXPRESSION_DISTINCT, 1, 2, 0},
		{"{turns: gateway, of: starts, at_least: 2}", EXPRESSION_TURNS, 1, 2, 0},
		{"{absent: leaf, after: starts, for: 30s}", EXPRESSION_ABSENT, 2, 0, 30000},
	};
	for (size_t i = 0; i < N(forms); i++) {
		struct vocabulary *v = vocabulary_create();
		struct rulepack *pack = load_when(v, forms[i].text);
		const struct expression *e = when(pack);
		if (e->kind != forms[i].kind || e->n_parts != forms[i].n_parts ||
			e->at_least != forms[i].at_least || e->within_ms != forms[i].within_ms)
			fail_msg("%s", forms[i].text);
		rulepack_destroy(pack);
		vocabulary_destroy(v);
	}
}

// It opens nothing by itself.
static void a_fact_is_read_beside_an_event(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	struct rulepack *pack = load_when(v, "{all: [leaf, {gateway: reason, within: 30d}]}");
	const struct expression *fact = when(pack)->parts[1];
	assert_int_equal(fact->kind, EXPRESSION_GATEWAY);
	assert_int_equal(fact->event, registry_find(&v->events, slice_of("reason")));
	assert_int_equal(fact->within_ms, 30ull * 86400000);
	assert_int_equal(fact->place.line, 9);
	assert_int_equal(fact->place.column, 25);
	rulepack_destroy(pack);
	vocabulary_destroy(v);
}

static void conditions_of_one_event_are_shared(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	struct rulepack *pack = load_when(v,
		"{all: [{event: reason, where: {reason: '*ca'}}, {where: {reason: ['*ca']}, event: reason}, "
		"{event: reason, where: {reason: ['*x', '*y']}}]}");
	const struct expression *e = when(pack);
	assert_int_equal(e->parts[0]->conditions, e->parts[1]->conditions);
	assert_int_not_equal(e->parts[0]->conditions, e->parts[2]->conditions);
	uint16_t reason = registry_find(&v->events, slice_of("reason"));
	assert_int_equal(pack->events[reason].n_conditions, 2);
	rulepack_destroy(pack);
	vocabulary_destroy(v);
}

static void a_condition_may_stand_on_several_fields(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	struct rulepack *pack = load_when(
		v, "{event: reason, where: {reason: x, code: 7}, disjoint: [offered, supported]}");
	uint16_t reason = registry_find(&v->events, slice_of("reason"));
	assert_int_equal(pack->events[reason].n_conditions, 3);
	assert_int_equal(when(pack)->conditions, 7);
	rulepack_destroy(pack);
	vocabulary_destroy(v);
}

#define REFUSED(expression, column, reason) \
	assert_refused(MESSAGES expression "\n", LINE_OF_WHEN column ": " reason)

// The expression begins in column 11.
static void errors_stand_where_they_are(void **state)
{
	(void)state;
	REFUSED("nothing-known", "11", "unknown event 'nothing-known'");
	REFUSED("Starts", "11", "'Starts' is no event name");
	REFUSED("{event: nothing}", "19", "unknown event 'nothing'");
	REFUSED("{evnt: starts}", "12", "unknown key 'evnt'");
	REFUSED("[starts]", "12", "a list must be that of an 'all' or 'any': {any: [...]}");
	REFUSED("{count: [starts], at_least: 2}", "20", "must be one event, not a list");
	REFUSED("{all: []}", "17", "must be a list of 1 to 24");
	REFUSED("{all: starts}", "17", "must be a list of 1 to 24");
	REFUSED("{all: [starts], any: [starts]}", "33",
		"'all' and 'any' in one mapping: a list of 'all' or 'any' takes both");
	REFUSED("{within: 10s}", "12", "must be an event, or one of");
	REFUSED("{count: starts}", "12", "'count' needs 'at_least'");
	REFUSED("{count: starts, at_least: 0}", "37", "'0' must be a whole number from 1 to 16");
	REFUSED("{count: starts, at_least: 17}", "37", "'17' must be a whole number from 1 to 16");
	REFUSED("{count: starts, at_least: many}", "37", "'many' must be a whole number");
	REFUSED("{distinct: hash, at_least: 2}", "12", "'distinct' needs 'of'");
	REFUSED("{distinct: hash, of: leaf}", "12", "'distinct' needs 'at_least'");
	REFUSED("{distinct: hahs, of: leaf, at_least: 2}", "22", "unknown field 'hahs'");
	REFUSED("{absent: leaf, after: starts}", "12", "'absent' needs 'for'");
	REFUSED("{absent: leaf, for: 30s}", "12", "'absent' needs 'after'");
	REFUSED("{gateway: starts}", "12", "'gateway' needs 'within'");
	REFUSED("{sequence: [starts], within: 10}", "40", "'10' must be a time such as");
	REFUSED("{sequence: [starts, {all: [leaf]}]}", "32", "unknown key 'all'");
	REFUSED("{all: [starts], at_least: 2}", "12",
		"'at_least' does not belong to 'all', which takes no other key");
	REFUSED("{all: [starts], within: 2s}", "12", "'within' does not belong to 'all'");
	REFUSED("{any: [starts], of: leaf}", "12", "'of' does not belong to 'any'");
	REFUSED("{not: starts, after: leaf}", "12", "'after' does not belong to 'not'");
	REFUSED("{sequence: [starts], for: 1m}", "12",
		"'for' does not belong to 'sequence', which takes 'within'");
	REFUSED("{event: reason, where: reason}", "34", "'where' must be a mapping");
	REFUSED("{event: reason, where: {raeson: x}}", "35", "unknown field 'raeson'");
	REFUSED("{event: reason, disjoint: [offered]}", "38",
		"'disjoint' must be a list of two fields");
	REFUSED("{event: reason, disjoint: offered}", "37",
		"'disjoint' must be a list of two fields");
	REFUSED("{where: {reason: x}}", "12", "unknown key 'where'");
}

// `of` belongs to distinct and turns: count and absent have their event themselves.
static void a_count_has_one_event(void **state)
{
	(void)state;
	REFUSED("{count: starts, of: leaf, at_least: 2}", "12",
		"'of' does not belong to 'count', which takes 'at_least', 'within'");
	REFUSED("{of: leaf, absent: leaf, after: starts, for: 1s}", "12",
		"'of' does not belong to 'absent', which takes 'after', 'for'");
}

// A condition on what no message brings would never hold, or always.
static void fields_are_those_of_the_events_messages(void **state)
{
	(void)state;
	REFUSED("{event: leaf, where: {reason: x}}", "33",
		"no message of 'leaf' has a {reason}; fields there: {hash}, {host}");
	REFUSED("{event: leaf, where: {gateway: x}}", "33", "no message of 'leaf' has a {gateway}");
	REFUSED("{event: leaf, disjoint: [offered, supported]}", "36",
		"no message of 'leaf' has a {offered}");
	REFUSED("{distinct: client, of: leaf, at_least: 2}", "12",
		"no message of 'leaf' has a {client}");
	REFUSED("{turns: port, of: starts, at_least: 2}", "12",
		"no message of 'starts' has a {port}");
	struct vocabulary *v = vocabulary_create();
	// What is bound to a handshake has its port, and its lists.
	rulepack_destroy(load_when(v, "{any: [{distinct: port, of: reason, at_least: 2},"
				      " {distinct: gateway, of: leaf, at_least: 2},"
				      " {event: reason, where: {offered: AES*}}]}"));
	vocabulary_destroy(v);
}

static void a_pattern_brings_no_fields(void **state)
{
	(void)state;
	assert_refused(
		"messages:\n  - {id: PHONE-a, pattern: abc, event: a}\n"
		"diagnoses:\n  - {id: d, title: t, remedy: r, when: {event: a, where: {host: x}}}\n",
		"t:4:59: no message of 'a' has a {host}; fields there: none");
}

static void two_lists_are_compared(void **state)
{
	(void)state;
	REFUSED("{event: reason, disjoint: [offered, offered]}", "47",
		"'disjoint' compares two lists, not one with itself");
	REFUSED("{event: reason, disjoint: [offered, reason]}", "47",
		"'disjoint' compares lists: {reason} is of type text");
	REFUSED("{event: reason, where: {reason: []}}", "43", "an empty list fits no value");
	REFUSED("{event: reason, where: {}}", "34", "'where' must be a mapping of 1 to 32");
}

static void something_has_to_open_a_level(void **state)
{
	(void)state;
#define OPENS_NOTHING "no event opens it: facts of a gateway and what is not there only add to one"
	REFUSED("{not: starts}", "12", OPENS_NOTHING);
	REFUSED("{gateway: starts, within: 1h}", "12", OPENS_NOTHING);
	REFUSED("{all: [{gateway: starts, within: 1h}, {not: leaf}]}", "12", OPENS_NOTHING);
	struct vocabulary *v = vocabulary_create();
	rulepack_destroy(
		load_when(v, "{all: [{absent: leaf, after: starts, for: 5m}, {not: leaf}]}"));
	vocabulary_destroy(v);
}

static void an_absence_is_seen_within_the_window(void **state)
{
	(void)state;
	REFUSED("{any: [leaf, {absent: leaf, after: starts, for: 301s}]}", "25",
		"'for' is longer than the diagnosis' window of 300 s");
	REFUSED("{absent: leaf, after: starts, for: 6m}\n    window: 5m", "12",
		"'for' is longer than the diagnosis' window of 300 s");
	struct vocabulary *v = vocabulary_create();
	rulepack_destroy(load_when(v, "{absent: leaf, after: starts, for: 6m}\n    window: 6m"));
	vocabulary_destroy(v);
}

// A diagnosis looks back an hour at most, at a gateway's facts 30 days.
static void times_have_a_limit(void **state)
{
	(void)state;
	REFUSED("{sequence: [starts, leaf], within: 61m}", "12", "'within' is at most 1h");
	REFUSED("{count: starts, at_least: 2, within: 3601s}", "12", "'within' is at most 1h");
	REFUSED("{distinct: hash, of: leaf, at_least: 2, within: 2h}", "12",
		"'within' is at most 1h");
	REFUSED("{turns: hash, of: leaf, at_least: 2, within: 2h}", "12", "'within' is at most 1h");
	REFUSED("{gateway: starts, within: 31d}", "12", "'within' is at most 30d");
}

static void one_event_counts_one_field(void **state)
{
	(void)state;
	REFUSED("{any: [{distinct: hash, of: leaf, at_least: 2}, {distinct: host, of: leaf, at_least: 2}]}",
		"60", "another rule counts values of {hash}");
}

static void nesting_has_a_limit(void **state)
{
	(void)state;
	char text[1024] = MESSAGES;
	for (int i = 0; i < 13; i++)
		strcat(text, "{not: ");
	strcat(text, "starts");
	for (int i = 0; i < 13; i++)
		strcat(text, "}");
	assert_refused(text, LINE_OF_WHEN "89: nested more than 12 deep");
}

static void parts_and_conditions_have_a_limit(void **state)
{
	(void)state;
	char text[4096] = MESSAGES "{any: [";
	for (int i = 0; i < 25; i++)
		strcat(text, "starts, ");
	strcat(text, "]}");
	assert_refused(text, LINE_OF_WHEN "18: must be a list of 1 to 24");
	strcpy(text, MESSAGES "{any: [");
	for (int i = 0; i < 17; i++)
		sprintf(text + strlen(text), "{event: reason, where: {reason: r%d}}, ", i);
	strcat(text, "]}");
	assert_refused(text, LINE_OF_WHEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leaf_wants_its_event_and_its_conditions),
		cmocka_unit_test(all_any_and_not_are_what_they_say),
		cmocka_unit_test(a_sequence_keeps_its_order),
		cmocka_unit_test(a_sequence_has_to_fit_its_time),
		cmocka_unit_test(what_is_joined_is_of_one_connection),
		cmocka_unit_test(what_is_counted_is_of_all_connections),
		cmocka_unit_test(a_count_is_of_one_event_within_a_time),
		cmocka_unit_test(distinct_values_count_once),
		cmocka_unit_test(distinct_gateways_and_ports_are_their_own),
		cmocka_unit_test(turns_count_changes_of_the_value),
		cmocka_unit_test(an_absence_is_proved_when_its_time_is_over),
		cmocka_unit_test(a_repeat_gives_the_absence_another_chance),
		cmocka_unit_test(what_has_never_been_seen_rules_out),
		cmocka_unit_test(a_gateway_fact_ages),
		cmocka_unit_test(a_walk_knows_what_must_not_be),
		cmocka_unit_test(each_form_is_read),
		cmocka_unit_test(a_fact_is_read_beside_an_event),
		cmocka_unit_test(conditions_of_one_event_are_shared),
		cmocka_unit_test(a_condition_may_stand_on_several_fields),
		cmocka_unit_test(errors_stand_where_they_are),
		cmocka_unit_test(a_count_has_one_event),
		cmocka_unit_test(fields_are_those_of_the_events_messages),
		cmocka_unit_test(a_pattern_brings_no_fields),
		cmocka_unit_test(two_lists_are_compared),
		cmocka_unit_test(something_has_to_open_a_level),
		cmocka_unit_test(an_absence_is_seen_within_the_window),
		cmocka_unit_test(times_have_a_limit),
		cmocka_unit_test(one_event_counts_one_field),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(parts_and_conditions_have_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
