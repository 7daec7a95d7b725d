// SPDX-License-Identifier: BSD-3-Clause
#include "rules.h"

#include "../../dataplane/event.h"

static const char rules[] =
	"messages:\n"
	"  - {id: ASA-725006, text: 'Device failed SSL handshake with client {interface}:{client}/{port}', event: failed, handshake: fails, unproven: true}\n"
	"  - {id: ASA-725012, text: ['Device chooses cipher : {cipher} for the SSL session with client {interface}:{client}/{port}', 'Device chooses cipher {cipher}'], event: chosen}\n"
	"  - id: ASA-725014\n"
	"    text: 'SSL lib error. Function: {function} Reason: {reason}'\n"
	"    event: reason\n"
	"    handshake: reason\n"
	"    cases:\n"
	"      - {reason: '*no shared cipher*', event: no-shared-cipher, handshake: reason-early}\n"
	"      - {reason: ['*unknown ca*', '*bad certificate*'], function: '*', handshake: reason-late, marks: phone}\n"
	"      - {reason: '*unknown*', event: never-reached}\n"
	"  - {id: ASA-722051, text: 'Group <{group}> User <{user}> IP <{client}> IPv4 Address <{tunnel}> IPv6 address', event: tunnel-up, alias: assign}\n"
	"  - {id: ASA-722055, text: 'Group <{group_policy}> User <{user}> IP <{client}> Client Type: {agent}', event: agent, cases: [{agent: 'Cisco SVC IPPhone*', marks: phone}]}\n"
	"  - {id: ASA-716059, text: 'Group <{tunnel_group}> User <{user}> IP <{client}> AnyConnect session resumed connection from IP <{client_new}>', event: moved, alias: move}\n"
	"  - {id: ASA-717022, text: 'Certificate was successfully validated. serial number: {serial}, subject name: {subject}', event: validated}\n"
	"  - {id: ASA-113013, text: 'unable to complete the request', event: first}\n"
	"  - {id: ASA-113014, text: 'unable to complete the request', event: second}\n"
	"  - {id: ASA-302014, text: 'Teardown TCP connection', event: teardown, while: storm}\n"
	"  - {id: ASA-111010, pattern: 'ssl trust-point', event: trust-point}\n"
	"  - {id: PHONE-hash, text: 'Leaf cert hash = {hash}', event: leaf}\n"
	"  - {id: PHONE-alert, text: 'notify code: {code} [{name}]', event: alert}\n"
	"  - {id: PHONE-file, text: 'TFTP Timeout : {file}', event: tftp}\n"
	"diagnoses:\n"
	"  - {id: storm, when: failed, title: t, remedy: r}\n";

static struct vocabulary *vocabulary;
static struct ruleset *ruleset;
static struct scanner scanner;
static struct counters counters;
static struct open_counts open_counts;
static struct policy_name names[] = {{"exp_srv", {{0}}}, {"shule", {{0}}}};
static struct policy policy = {.names = names,
	.n_names = 2,
	.phone_groups = {"*phone*"},
	.n_phone_groups = 1,
	.n_relays = 1};
static struct event *events; // on the heap: ASan sees what leaves them
static struct arrival arrival;
static struct slice current;

static struct address address(const char *text)
{
	struct address a;
	assert_true(address_parse(slice_of(text), &a));
	return a;
}

static int setup(void **state)
{
	(void)state;
	vocabulary = vocabulary_create();
	ruleset = rules_compile(vocabulary, rules);
	names[0].address = address("192.0.2.101");
	names[1].address = address("192.0.2.102");
	policy.relays[0] = (struct policy_relay){address("192.0.2.250"), 128};
	policy_sort(&policy);
	events = malloc(EVENTS_OF_LINE_MAX * sizeof(*events));
	return scanner_init(&scanner, ruleset);
}

static int teardown(void **state)
{
	(void)state;
	free((void *)current.data);
	free(events);
	scanner_fini(&scanner);
	ruleset_destroy(ruleset);
	vocabulary_destroy(vocabulary);
	return 0;
}

static unsigned match_of(const char *line, unsigned max)
{
	struct event_matcher matcher = {&scanner, &policy, &open_counts, &counters};
	struct message message;
	memset(&counters, 0, sizeof(counters));
	memset(events, 0xa5, EVENTS_OF_LINE_MAX * sizeof(*events));
	free((void *)current.data);
	current = slice_exact(line, (uint32_t)strlen(line));
	message_parse(NULL, current, &message);
	return event_match(&matcher, &message, &arrival, events, max);
}

static unsigned match(const char *line)
{
	return match_of(line, EVENTS_OF_LINE_MAX);
}

// The only event of a line.
static const struct event *only(const char *line, const char *name)
{
	unsigned n = match(line);
	if (n != 1)
		fail_msg("'%s' gives %u events", line, n);
	assert_string_equal(registry_name(&vocabulary->events, events[0].type), name);
	return &events[0];
}

static void assert_address(const struct address *a, const char *wanted)
{
	char text[ADDRESS_TEXT_MAX];
	assert_string_equal(address_format(a, text), wanted);
}

static const char *device_of(const struct event *e)
{
	static char text[DEVICE_TEXT_MAX];
	return device_format(&e->device, text);
}

// ---- what an event carries ----

static void fields_come_with_their_types(void **state)
{
	(void)state;
	arrival = (struct arrival){
		.time_ms = 12345, .sender = address("192.0.2.1"), .queue = 3, .input = 0};
	const struct event *e = only(
		"<166>Nov 07 2026 09:59:27 fw1 : %ASA-6-725006: Device failed SSL handshake with "
		"client outside:198.51.100.9/50091 to 203.0.113.1/443",
		"failed");
	assert_address(&e->client, "198.51.100.9");
	assert_int_equal(e->port, 50091);
	assert_slice(event_value(e, FIELD_INTERFACE), "outside");
	assert_null(event_value(e, FIELD_USER).data);
	assert_int_equal(e->time_ms, 12345);
	assert_int_equal(e->queue, 3);
	assert_address(&e->sender, "192.0.2.1");
	assert_slice(((struct slice){e->origin, e->origin_len}), "fw1");
	assert_slice(((struct slice){e->code, e->code_len}), "725006");
	assert_slice(((struct slice){e->text, e->line_len}),
		"Device failed SSL handshake with client outside:198.51.100.9/50091 to 203.0.113.1/443");
	assert_int_equal(e->source, MESSAGE_ASA);
	assert_int_equal(e->stage, STAGE_BIND);
	assert_int_equal(e->handshake, HANDSHAKE_FAILS);
	assert_int_equal(e->flags, EVENT_UNPROVEN);
	assert_int_equal(e->gateway, GATEWAY_NONE);
	assert_int_equal(e->key.kind, KEY_NONE);
	assert_int_equal(e->alias, 0);
}

static void an_alias_line_has_both_addresses(void **state)
{
	(void)state;
	const struct event *e = only(
		"%ASA-4-722051: Group <g> User <u> IP <198.51.100.9> IPv4 Address <10.9.0.7> IPv6 "
		"address <::> assigned to session",
		"tunnel-up");
	assert_address(&e->client, "198.51.100.9");
	assert_address(&e->tunnel, "10.9.0.7");
	assert_int_equal(e->alias_action, ALIAS_ASSIGN);
	e = only(
		"%ASA-6-716059: Group <g> User <u> IP <198.51.100.9> AnyConnect session resumed connection from IP "
		"<2001:db8::7>.",
		"moved");
	assert_address(&e->client, "198.51.100.9");
	assert_address(&e->client_new, "2001:db8::7");
	assert_int_equal(e->alias_action, ALIAS_MOVE);
}

static void a_certificate_phone_is_its_user(void **state)
{
	(void)state;
	const struct event *e = only(
		"%ASA-4-722051: Group <g> User <CP-7962G-SEP8CB64F576113> IP <198.51.100.9> IPv4 "
		"Address <10.9.0.7> IPv6 address <::> assigned to session",
		"tunnel-up");
	assert_string_equal(device_of(e), "SEP8CB64F576113");
	assert_string_equal(e->model, "CP-7962G");
	e = only(
		"%ASA-6-717022: Certificate was successfully validated. serial number: 12AB, subject name: "
		"cn=CP-8841-SEP001122334455,ou=EVVBU,o=Cisco Systems Inc.",
		"validated");
	assert_string_equal(device_of(e), "SEP001122334455");
	assert_string_equal(e->model, "CP-8841");
	e = only(
		"%ASA-6-717022: Certificate was successfully validated. serial number: 12AB, subject name: c=US,cn=SEP001122334455",
		"validated");
	assert_string_equal(device_of(e), "");
	assert_string_equal(e->model, "");
	static const char *const users[] = {"cp-7962g-sep8cb64f576113",
		"LOCAL\\CP-7962G-SEP8CB64F576113", "CP-7962G-SEP8CB64F576113@phones.example"};
	for (size_t i = 0; i < N(users); i++) {
		char line[256];
		snprintf(line, sizeof(line),
			"%%ASA-4-722051: Group <g> User <%s> IP <198.51.100.9> IPv4 Address <10.9.0.7> "
			"IPv6 address <::> assigned to session",
			users[i]);
		e = only(line, "tunnel-up");
		assert_string_equal(device_of(e), "SEP8CB64F576113");
		assert_string_equal(e->model, "CP-7962G");
	}
}

// A name that only looks like a phone's gives neither device nor model.
static void a_user_who_is_no_phone_has_no_model(void **state)
{
	(void)state;
	static const char *const users[] = {"somebody", "CP-7962G", "CP-7962G-SEPARATE",
		"CP-7962G-SEP8CB64F57611", "xCP-7962G-SEP8CB64F5761130", "-SEP", "CP--SEP",
		"CP-A-VERY-LONG-MODEL-NAME-SEP8CB64F57611", "SEP8CB64F576113",
		"xCP-7962G-SEP8CB64F576113", "CP-7962G-SEP8CB64F576113x",
		"I am CP-7962G-SEP8CB64F576113"};
	for (size_t i = 0; i < N(users); i++) {
		char line[256];
		snprintf(line, sizeof(line),
			"%%ASA-4-722051: Group <g> User <%s> IP <198.51.100.9> IPv4 Address <10.9.0.7> "
			"IPv6 address <::> assigned to session",
			users[i]);
		const struct event *e = only(line, "tunnel-up");
		if (e->model[0] || !device_is_none(&e->device))
			fail_msg("user '%s' has the model '%s'", users[i], e->model);
	}
}

static void groups_of_phones_are_marked(void **state)
{
	(void)state;
#define TAIL "User <u> IP <198.51.100.9> "
	assert_true(only("%ASA-4-722051: Group <VPNPhone> " TAIL
			 "IPv4 Address <10.9.0.7> IPv6 address <::> assigned to session",
			    "tunnel-up")
			    ->flags &
		    EVENT_PHONE_GROUP);
	assert_true(
		only("%ASA-6-722055: Group <IP Phones> " TAIL "Client Type: x", "agent")->flags &
		EVENT_PHONE_GROUP);
	assert_true(only("%ASA-6-716059: Group <PHONES> " TAIL
			 "AnyConnect session resumed connection from IP <1.2.3.4>",
			    "moved")
			    ->flags &
		    EVENT_PHONE_GROUP);
	assert_false(only("%ASA-6-722055: Group <DfltGrpPolicy> " TAIL "Client Type: x", "agent")
			     ->flags &
		     EVENT_PHONE_GROUP);
}

static void a_hidden_user_is_known_as_such(void **state)
{
	(void)state;
	assert_true(only("%ASA-6-722055: Group <g> User <*****> IP <198.51.100.9> Client Type: x",
			    "agent")
			    ->flags &
		    EVENT_HIDDEN_USER);
	assert_false(only("%ASA-6-722055: Group <g> User <**a**> IP <198.51.100.9> Client Type: x",
			     "agent")
			     ->flags &
		     EVENT_HIDDEN_USER);
	assert_false(
		only("%ASA-6-722055: Group <g> User <> IP <198.51.100.9> Client Type: x", "agent")
			->flags &
		EVENT_HIDDEN_USER);
}

// ---- names in place of addresses ----

static void names_are_mapped(void **state)
{
	(void)state;
	const struct event *e =
		only("%ASA-6-725006: Device failed SSL handshake with client outside:shule/5802",
			"failed");
	assert_address(&e->client, "192.0.2.102");
	assert_int_equal(e->port, 5802);
	e = only(
		"%ASA-4-722051: Group <g> User <u> IP <exp_srv> IPv4 Address <10.9.0.7> IPv6 address",
		"tunnel-up");
	assert_address(&e->client, "192.0.2.101");
	assert_int_equal(counters.names_unknown, 0);
}

static void an_unknown_name_is_counted_and_no_address(void **state)
{
	(void)state;
	const struct event *e =
		only("%ASA-6-725006: Device failed SSL handshake with client outside:nobody/5802",
			"failed");
	assert_true(address_is_none(&e->client));
	assert_int_equal(counters.names_unknown, 1);
}

static void no_address_is_none_of_a_name(void **state)
{
	(void)state;
	const struct event *e = only(
		"%ASA-4-722051: Group <g> User <u> IP <198.51.100.9> IPv4 Address <> IPv6 address",
		"tunnel-up");
	assert_true(address_is_none(&e->tunnel));
	e = only("%ASA-4-722051: Group <g> User <u> IP <None> IPv4 Address <0.0.0.0> IPv6 address",
		"tunnel-up");
	assert_true(address_is_none(&e->client));
	assert_true(address_is_none(&e->tunnel));
	assert_int_equal(counters.names_unknown, 0);
}

// ---- which rule ----

static void a_value_of_the_wrong_type_is_counted(void **state)
{
	(void)state;
	assert_int_equal(
		match("%ASA-6-725006: Device failed SSL handshake with client outside:198.51.100.9/99999"),
		0);
	assert_int_equal(counters.fields_refused, 1);
	assert_int_equal(
		match("%ASA-6-725006: Device failed SSL handshake with client outside:198.51.100.300/9"),
		0);
	assert_int_equal(counters.fields_refused, 1);
	assert_int_equal(match("%ASA-6-725006: Device has failed"), 0);
	assert_int_equal(counters.fields_refused, 0);
}

static void the_second_text_serves_where_the_first_does_not(void **state)
{
	(void)state;
	assert_int_equal(
		only("%ASA-7-725012: Device chooses cipher : AES256-SHA for the SSL session with client "
		     "outside:198.51.100.9/50091",
			"chosen")
			->port,
		50091);
	const struct event *e =
		only("%ASA-7-725012: Device chooses cipher AES256-SHA somehow", "chosen");
	assert_slice(event_value(e, FIELD_CIPHER), "AES256-SHA");
	assert_int_equal(e->port, 0);
}

static void a_rule_is_bound_to_its_id(void **state)
{
	(void)state;
	only("%ASA-6-113013: unable to complete the request", "first");
	only("%ASA-6-113014: unable to complete the request", "second");
	only("%FTD-6-113014: unable to complete the request", "second");
	assert_int_equal(match("%ASA-6-113015: unable to complete the request"), 0);
	assert_int_equal(match("%PIX-6-113014: unable to complete the request"), 0);
	assert_int_equal(
		match("%ASA-6-725006: Leaf cert hash = 1289B8A7AA9FFD84865E38939F3466A61B5608FC"),
		0);
	assert_int_equal(match("unable to complete the request"), 0);
}

static void the_first_case_that_holds_decides(void **state)
{
	(void)state;
	const struct event *e =
		only("%ASA-7-725014: SSL lib error. Function: f Reason: no shared cipher",
			"no-shared-cipher");
	assert_int_equal(e->handshake, HANDSHAKE_REASON_EARLY);
	assert_int_equal(e->flags & EVENT_MARKS_PHONE, 0);
	e = only("%ASA-7-725014: SSL lib error. Function: f Reason: tlsv1 alert unknown ca",
		"reason");
	assert_int_equal(e->handshake, HANDSHAKE_REASON_LATE);
	assert_true(e->flags & EVENT_MARKS_PHONE);
	e = only("%ASA-7-725014: SSL lib error. Function: f Reason: unknown protocol",
		"never-reached");
	assert_int_equal(e->handshake, HANDSHAKE_REASON);
	e = only("%ASA-7-725014: SSL lib error. Function: f Reason: something else", "reason");
	assert_int_equal(e->handshake, HANDSHAKE_REASON);
}

static void an_agent_marks_a_phone(void **state)
{
	(void)state;
	assert_true(
		only("%ASA-6-722055: Group <g> User <u> IP <198.51.100.9> Client Type: Cisco SVC IPPhone Client v1.0 (1.0)",
			"agent")
			->flags &
		EVENT_MARKS_PHONE);
	assert_false(
		only("%ASA-6-722055: Group <g> User <u> IP <198.51.100.9> Client Type: Cisco AnyConnect VPN Agent",
			"agent")
			->flags &
		EVENT_MARKS_PHONE);
}

static void some_rules_match_only_while_something_is_open(void **state)
{
	(void)state;
	uint16_t storm = registry_find(&vocabulary->diagnoses, slice_of("storm"));
	assert_int_equal(match("%ASA-6-302014: Teardown TCP connection 7"), 0);
	atomic_store(&open_counts.of[storm], 1);
	only("%ASA-6-302014: Teardown TCP connection 7", "teardown");
	atomic_store(&open_counts.of[storm], 0);
	assert_int_equal(match("%ASA-6-302014: Teardown TCP connection 7"), 0);
}

static void a_pattern_of_its_own_has_no_fields(void **state)
{
	(void)state;
	const struct event *e = only(
		"%ASA-5-111010: User 'admin' executed 'ssl trust-point x outside'", "trust-point");
	assert_int_equal(e->n_values, 0);
}

// ---- limits ----

static void a_long_line_is_clipped(void **state)
{
	(void)state;
	char line[4096] = "%ASA-7-725014: SSL lib error. Function: f Reason: no shared cipher";
	size_t n = strlen(line);
	memset(line + n, 'x', 3000);
	line[n + 3000] = '\0';
	const struct event *e = only(line, "no-shared-cipher");
	assert_int_equal(e->line_len, EVENT_LINE_MAX);
	assert_int_equal(e->text_len, EVENT_LINE_MAX);
	assert_true(e->flags & EVENT_CLIPPED);
	assert_int_equal(counters.lines_clipped, 1);
	// Exactly as long as there is room.
	line[strlen("%ASA-7-725014: ") + EVENT_LINE_MAX] = '\0';
	e = only(line, "no-shared-cipher");
	assert_int_equal(e->line_len, EVENT_LINE_MAX);
	assert_false(e->flags & EVENT_CLIPPED);
	assert_int_equal(counters.lines_clipped, 0);
}

static void what_stands_beyond_the_limit_is_not_seen(void **state)
{
	(void)state;
	char line[4096] = "%ASA-7-725014: SSL lib error. Function: ";
	size_t n = strlen(line);
	memset(line + n, 'x', 2000);
	strcpy(line + n + 2000, " Reason: no shared cipher");
	assert_int_equal(match(line), 0);
}

static void a_long_name_of_a_gateway_is_cut(void **state)
{
	(void)state;
	char line[512] = "<166>Nov 07 2026 09:59:27 ";
	size_t n = strlen(line);
	memset(line + n, 'h', 200);
	strcpy(line + n + 200, " : %ASA-6-113013: unable to complete the request");
	assert_int_equal(only(line, "first")->origin_len, EVENT_ORIGIN_MAX);
}

static void attachments_stay_within_the_text(void **state)
{
	(void)state;
	struct event *e = malloc(sizeof(*e));
	char list[1200];
	memset(list, 'x', sizeof(list));
	memset(e, 0, sizeof(*e));
	e->text_len = EVENT_LINE_MAX;
	assert_true(event_attach(e, FIELD_OFFERED, (struct slice){list, 1000}));
	assert_int_equal(event_value(e, FIELD_OFFERED).len, 1000);
	assert_false(event_attach(e, FIELD_SUPPORTED, (struct slice){list, 25}));
	assert_true(event_attach(e, FIELD_SUPPORTED, (struct slice){list, 24}));
	assert_int_equal(e->text_len, EVENT_TEXT_MAX);
	memset(e, 0, sizeof(*e));
	for (unsigned i = 0; i < EVENT_VALUES_MAX; i++)
		assert_true(event_attach(e, FIELD_OFFERED, (struct slice){list, 1}));
	assert_false(event_attach(e, FIELD_OFFERED, (struct slice){list, 1}));
	assert_int_equal(event_size(e), offsetof(struct event, text) + EVENT_VALUES_MAX);
	free(e);
}

// ---- lines of phones ----

#define HASH "Leaf cert hash = 1289B8A7AA9FFD84865E38939F3466A61B5608FC"

static void a_phones_line_can_hold_several_records(void **state)
{
	(void)state;
	assert_int_equal(match("902: NOT 10:19:27.155936 SECD: " HASH
			       " VPNC: vpnc_send_notify: notify code: 37 [SslAlertSrvrCert]"),
		2);
	assert_string_equal(registry_name(&vocabulary->events, events[0].type), "leaf");
	assert_string_equal(registry_name(&vocabulary->events, events[1].type), "alert");
	assert_slice(event_value(&events[1], FIELD_CODE), "37");
	assert_int_equal(
		match_of("902: NOT 10:19:27.155936 SECD: " HASH " VPNC: notify code: 37 [x]", 1),
		1);
	assert_int_equal(
		match_of("902: NOT 10:19:27.155936 SECD: " HASH " VPNC: notify code: 37 [x]", 0),
		0);
}

static void a_phones_line_says_that_it_is_one(void **state)
{
	(void)state;
	arrival = (struct arrival){.time_ms = 1, .input = 7};
	const struct event *e = only("SECD: " HASH, "leaf");
	assert_true(e->flags & EVENT_MARKS_PHONE);
	assert_int_equal(e->stage, STAGE_RESOLVE);
	assert_int_equal(e->source, MESSAGE_PHONE);
	assert_int_equal(e->input, 7);
	assert_slice(((struct slice){e->code, e->code_len}), "SECD");
	assert_true(address_is_none(&e->client));
	assert_false(e->flags & EVENT_BY_SENDER);
}

// origin: what stands in the header's place of the host.
static void belongs_to(
	const char *sender, const char *origin, const char *client, const char *device)
{
	char line[256];
	arrival = (struct arrival){.time_ms = 1};
	if (sender)
		arrival.sender = address(sender);
	snprintf(line, sizeof(line), "<134>Nov 21 10:19:27 %s 902: NOT 10:19:27.155936 SECD: " HASH,
		origin);
	const struct event *e = only(line, "leaf");
	char got[ADDRESS_TEXT_MAX];
	if (strcmp(address_format(&e->client, got), client) != 0)
		fail_msg("from %s with '%s': belongs to '%s', not '%s'", sender ? sender : "nobody",
			origin, got, client);
	assert_string_equal(device_of(e), device);
	assert_int_equal((e->flags & EVENT_BY_SENDER) != 0, client[0] != '\0');
}

static void a_phones_line_belongs_to_the_address_in_its_header(void **state)
{
	(void)state;
	belongs_to("192.0.2.9", "10.1.2.3", "10.1.2.3", "");
	belongs_to("192.0.2.9", "2001:db8::3", "2001:db8::3", "");
	belongs_to("192.0.2.250", "10.1.2.3", "10.1.2.3", ""); // by way of a relay
	belongs_to("127.0.0.1", "10.1.2.3", "10.1.2.3", "");
	belongs_to(NULL, "10.1.2.3", "10.1.2.3", "");
}

static void else_to_its_sender(void **state)
{
	(void)state;
	belongs_to("192.0.2.9", "SEP8CB64F576113", "192.0.2.9", "SEP8CB64F576113");
	belongs_to("2001:db8::9", "SEP8CB64F576113", "2001:db8::9", "SEP8CB64F576113");
	belongs_to("192.0.2.9", "somehost", "192.0.2.9", "");
}

static void but_not_to_loopback_or_a_relay(void **state)
{
	(void)state;
	belongs_to("127.0.0.1", "SEP8CB64F576113", "", "SEP8CB64F576113");
	belongs_to("127.5.5.5", "SEP8CB64F576113", "", "SEP8CB64F576113");
	belongs_to("::1", "SEP8CB64F576113", "", "SEP8CB64F576113");
	belongs_to("192.0.2.250", "SEP8CB64F576113", "", "SEP8CB64F576113");
	belongs_to(NULL, "SEP8CB64F576113", "", "SEP8CB64F576113");
}

// A relay that puts its own address, or none, into the header says nothing of the phone's.
static void an_address_of_nobody_in_the_header_is_no_clients(void **state)
{
	(void)state;
	belongs_to("192.0.2.250", "192.0.2.250", "", "");
	belongs_to("127.0.0.1", "127.0.0.1", "", "");
	belongs_to("192.0.2.9", "127.0.0.1", "192.0.2.9", "");
	belongs_to("192.0.2.9", "0.0.0.0", "192.0.2.9", "");
}

// The device of the header, else of the text.
static void a_status_line_names_its_phone(void **state)
{
	(void)state;
	arrival = (struct arrival){.time_ms = 1};
	const struct event *e = only("TFTP Timeout : SEP8CB64F576113.cnf.xml.sgn", "tftp");
	assert_string_equal(device_of(e), "SEP8CB64F576113");
	assert_slice(event_value(e, FIELD_FILE), "SEP8CB64F576113.cnf.xml.sgn");
}

// ---- keys ----

static void keys_of_different_kinds_differ(void **state)
{
	(void)state;
	struct address a = address("198.51.100.9");
	struct device device;
	device_find(slice_of("SEP8CB64F576113"), &device);
	struct session_key keys[] = {key_of_client(&a), key_of_device(&device),
		key_of_number(KEY_ANONYMOUS, 7), key_of_number(KEY_GATEWAY, 7),
		key_of_number(KEY_GATEWAY, 8), {.kind = KEY_NONE}};
	for (size_t i = 0; i < N(keys); i++) {
		for (size_t k = 0; k < N(keys); k++)
			assert_int_equal(key_equals(&keys[i], &keys[k]), i == k);
	}
}

// Every prefix of lines that match: no more is read than there is.
static void no_cut_line_is_read_past_its_end(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"<166>Nov 07 2026 09:59:27 fw1 : %ASA-6-725006: Device failed SSL handshake with client outside:198.51.100.9/50091 to",
		"%ASA-6-722055: Group <VPN Phone> User <CP-7962G-SEP8CB64F576113> IP <198.51.100.9> Client Type: Cisco SVC IPPhone x",
		"902: NOT 10:19:27.155936 SECD: " HASH " VPNC: notify code: 37 [SslAlertSrvrCert]"};
	for (size_t i = 0; i < N(lines); i++) {
		for (size_t len = 0; len <= strlen(lines[i]); len++) {
			char line[256];
			snprintf(line, sizeof(line), "%.*s", (int)len, lines[i]);
			match(line);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_with_their_types),
		cmocka_unit_test(an_alias_line_has_both_addresses),
		cmocka_unit_test(a_certificate_phone_is_its_user),
		cmocka_unit_test(a_user_who_is_no_phone_has_no_model),
		cmocka_unit_test(groups_of_phones_are_marked),
		cmocka_unit_test(a_hidden_user_is_known_as_such),
		cmocka_unit_test(names_are_mapped),
		cmocka_unit_test(an_unknown_name_is_counted_and_no_address),
		cmocka_unit_test(no_address_is_none_of_a_name),
		cmocka_unit_test(a_value_of_the_wrong_type_is_counted),
		cmocka_unit_test(the_second_text_serves_where_the_first_does_not),
		cmocka_unit_test(a_rule_is_bound_to_its_id),
		cmocka_unit_test(the_first_case_that_holds_decides),
		cmocka_unit_test(an_agent_marks_a_phone),
		cmocka_unit_test(some_rules_match_only_while_something_is_open),
		cmocka_unit_test(a_pattern_of_its_own_has_no_fields),
		cmocka_unit_test(a_long_line_is_clipped),
		cmocka_unit_test(what_stands_beyond_the_limit_is_not_seen),
		cmocka_unit_test(a_long_name_of_a_gateway_is_cut),
		cmocka_unit_test(attachments_stay_within_the_text),
		cmocka_unit_test(a_phones_line_can_hold_several_records),
		cmocka_unit_test(a_phones_line_says_that_it_is_one),
		cmocka_unit_test(a_phones_line_belongs_to_the_address_in_its_header),
		cmocka_unit_test(else_to_its_sender),
		cmocka_unit_test(but_not_to_loopback_or_a_relay),
		cmocka_unit_test(an_address_of_nobody_in_the_header_is_no_clients),
		cmocka_unit_test(a_status_line_names_its_phone),
		cmocka_unit_test(keys_of_different_kinds_differ),
		cmocka_unit_test(no_cut_line_is_read_past_its_end),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
