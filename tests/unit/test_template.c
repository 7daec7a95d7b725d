// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <hs.h>

#include "../../rules/condition.h"
#include "../../rules/template.h"

// A template, and what came of the last line that it was run over.
struct fixture {
	struct obstack arena;
	struct template template;
	struct field_value values[TEMPLATE_FIELDS_MAX];
	struct slice line;
	int n;
	bool refused;
};

static void setup(struct fixture *f, const char *text, bool anchored)
{
	const char *error;
	*f = (struct fixture){0};
	obstack_init(&f->arena);
	if (!template_parse(slice_of(text), anchored, &f->arena, &f->template, &error))
		fail_msg("'%s': %s", text, error);
}

static void teardown(struct fixture *f)
{
	free((void *)f->line.data);
	obstack_free(&f->arena, NULL);
}

static int note(
	unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context)
{
	(void)id, (void)from, (void)to, (void)flags;
	*(bool *)context = true;
	return 0;
}

// Whatever the field program takes, the pattern has to find.
static bool pattern_finds(struct fixture *f, struct slice line)
{
	hs_database_t *database = NULL;
	hs_compile_error_t *error = NULL;
	hs_scratch_t *scratch = NULL;
	bool found = false;
	const char *pattern = template_pattern(&f->template, &f->arena);
	if (hs_compile(pattern, HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH, HS_MODE_BLOCK, NULL,
		    &database, &error) != HS_SUCCESS)
		fail_msg("%s: %s", pattern, error->message);
	assert_int_equal(hs_alloc_scratch(database, &scratch), HS_SUCCESS);
	assert_int_equal(
		hs_scan(database, line.data, line.len, 0, scratch, note, &found), HS_SUCCESS);
	hs_free_scratch(scratch);
	hs_free_database(database);
	return found;
}

static bool matches(struct fixture *f, const char *line)
{
	free((void *)f->line.data);
	f->line = slice_exact(line, (uint32_t)strlen(line));
	f->n = template_match(&f->template, f->line, f->values, &f->refused);
	if (f->n >= 0 && !pattern_finds(f, f->line))
		fail_msg(
			"'%s' is not found by %s", line, template_pattern(&f->template, &f->arena));
	return f->n >= 0;
}

static struct slice value(struct fixture *f, const char *name)
{
	return field_value_find(
		f->line, f->values, f->n < 0 ? 0 : (unsigned)f->n, field_find(slice_of(name)));
}

#define assert_value(f, name, wanted) assert_slice(value(f, name), wanted)

// One line against one template; "name=value" for each field that must come out.
static void check(const char *text, bool anchored, const char *line, const char *const *fields)
{
	struct fixture f;
	setup(&f, text, anchored);
	if (!matches(&f, line))
		fail_msg("'%s' does not match '%s'", line, text);
	for (; *fields; fields++) {
		char name[64];
		const char *equals = strchr(*fields, '=');
		slice_copy(
			(struct slice){*fields, (uint32_t)(equals - *fields)}, name, sizeof(name));
		struct slice got = value(&f, name);
		if (got.data == NULL || !slice_equals_text(got, equals + 1))
			fail_msg("%s is '%.*s', not '%s', in '%s'", name, (int)got.len,
				got.data ? got.data : "", equals + 1, line);
	}
	teardown(&f);
}

static void check_not(const char *text, bool anchored, const char *line)
{
	struct fixture f;
	setup(&f, text, anchored);
	if (matches(&f, line))
		fail_msg("'%s' must not match '%s'", line, text);
	teardown(&f);
}

#define GIVES(text, line, ...) check(text, true, line, (const char *const[]){__VA_ARGS__, NULL})
#define PHONE_GIVES(text, line, ...) \
	check(text, false, line, (const char *const[]){__VA_ARGS__, NULL})
#define TAKES(text, line) check(text, true, line, (const char *const[]){NULL})
#define REFUSES(text, line) check_not(text, true, line)

static const char *error_of(const char *text, bool anchored)
{
	static char copy[256];
	struct obstack arena;
	struct template template;
	const char *error = NULL;
	obstack_init(&arena);
	bool ok = template_parse(slice_of(text), anchored, &arena, &template, &error);
	if (ok)
		fail_msg("'%s' must be refused", text);
	snprintf(copy, sizeof(copy), "%s", error);
	obstack_free(&arena, NULL);
	return copy;
}

#define assert_error(text, anchored, part)                     \
	do {                                                   \
		const char *error_ = error_of(text, anchored); \
		if (strstr(error_, part) == NULL)              \
			fail_msg("'%s': %s", text, error_);    \
	} while (0)

// ---- documented texts ----

// The texts are Cisco's (ASA syslog guide); addresses and names are made up.
static void documented_texts_give_their_fields(void **state)
{
	(void)state;
	GIVES("Group <{group}> User <{user}> IP <{client}> WebVPN session not terminated. Cisco Secure "
	      "Desktop was not running on the client's workstation.",
		"Group <VPN Phones> User <CP-7962G-SEP8CB64F576113> IP <198.51.100.9> WebVPN session not "
		"terminated. Cisco Secure Desktop was not running on the client's workstation.",
		"group=VPN Phones", "user=CP-7962G-SEP8CB64F576113", "client=198.51.100.9");
	GIVES("Device failed SSL handshake with client {interface:word}:{client}/{port} to {peer}/{server_port}",
		"Device failed SSL handshake with client outside-2:198.51.100.9/50091 to 203.0.113.1/443",
		"client=198.51.100.9", "port=50091", "peer=203.0.113.1", "server_port=443");
	GIVES("DAP: User {user}, Addr {client}: Connection terminated by the following DAP records: {records}",
		"DAP: User a@b, Addr 198.51.100.9: Connection terminated by the following DAP records: One, Two",
		"user=a@b", "client=198.51.100.9", "records=One, Two");
	GIVES("Group = {tunnel_group}, Username = {user}, IP = {client}, Session disconnected. Session "
	      "Type: {session_type}, Duration: {duration}, Bytes xmt: {out:number}, Bytes rcv: {in:number}, "
	      "Reason: {reason}",
		"Group = Phones, Username = CP-8841-SEP001122334455, IP = 2001:db8::9, Session disconnected. "
		"Session Type: SSL, Duration: 1d 19h:41m:14s, Bytes xmt: 12, Bytes rcv: 34, Reason: User Requested",
		"client=2001:db8::9", "duration=1d 19h:41m:14s", "reason=User Requested", "in=34");
	GIVES("SSL lib error. Function: {function} Reason: {reason}",
		"SSL lib error. Function: SSL3_READ_BYTES Reason: tlsv1 alert unknown ca",
		"function=SSL3_READ_BYTES", "reason=tlsv1 alert unknown ca");
	GIVES("Group <{group}> User <{user}> IP <{client}> IPv4 Address <{tunnel}> IPv6 address <{six:address}> "
	      "assigned to session",
		"Group <g> User <u> IP <198.51.100.9> IPv4 Address <10.9.0.7> IPv6 address <> assigned to session",
		"tunnel=10.9.0.7", "six=");
}

static void phone_texts_are_found_anywhere_in_the_line(void **state)
{
	(void)state;
	PHONE_GIVES("Leaf cert hash = {hash}",
		"SECD: Leaf cert hash = 1289B8A7AA9FFD84865E38939F3466A61B5608FC VPNC: more",
		"hash=1289B8A7AA9FFD84865E38939F3466A61B5608FC");
	PHONE_GIVES("notify code: {code} [{name}]",
		"VPNC: vpnc_send_notify: notify code: 37 [SslAlertSrvrCert]", "code=37",
		"name=SslAlertSrvrCert");
	PHONE_GIVES("binding sock to eth0 IP {client}",
		"-udp_connect: binding sock to eth0 IP 10.1.2.3", "client=10.1.2.3");
	// A first place where the rest does not fit is passed over.
	PHONE_GIVES("depth:{depth} of {count}", "depth:x depth:1 of 2", "depth=1", "count=2");
}

static void an_asa_text_stands_at_the_start(void **state)
{
	(void)state;
	REFUSES("Device failed SSL handshake", "The Device failed SSL handshake");
	TAKES("Device failed SSL handshake", "Device failed SSL handshake");
}

// ---- what comes and goes ----

static void runs_of_blanks_are_one(void **state)
{
	(void)state;
	GIVES("Deny TCP from {client}/{port} flags {state} on interface {name}",
		"Deny  TCP from 198.51.100.9/50091 flags RST   on interface outside", "state=RST",
		"name=outside");
	GIVES("server  =  {server} : user = {user}", "server = shule : user = x", "server=shule",
		"user=x");
	TAKES("a tab\tis a blank", "a \t tab is a  blank");
	REFUSES("two words", "twowords");
}

// Nor do they belong to the value before them.
static void blanks_around_a_value_are_not_its_own(void **state)
{
	(void)state;
	GIVES("User {user} IP {client}", "User bob   IP 198.51.100.9", "user=bob",
		"client=198.51.100.9");
	GIVES("User {user} : IP {client}", "User bob  : IP 198.51.100.9", "user=bob");
	GIVES("Group {group} User {user}: IP", "Group a b   User c d   : IP", "group=a b",
		"user=c d");
	// The word may be missing.
	GIVES("User {user} IP {client}", "User  IP 198.51.100.9", "user=", "client=198.51.100.9");
	GIVES("User {user} IP {client}", "User IP 198.51.100.9", "user=", "client=198.51.100.9");
	GIVES("Group {group} User {user} IP {client}", "Group User u IP 198.51.100.9",
		"group=", "user=u");
	GIVES("User {user} IP {client}", "User x IP y  IP 198.51.100.9", "user=x IP y");
}

static void a_blank_before_a_colon_comes_and_goes(void **state)
{
	(void)state;
	GIVES("AAA transaction status ACCEPT : user = {user}",
		"AAA transaction status ACCEPT: user = x", "user=x");
	GIVES("AAA transaction status ACCEPT: user = {user}",
		"AAA transaction status ACCEPT : user = x", "user=x");
	GIVES("reason = {reason} : server = {server} : user = {user}",
		"reason = Invalid password   : server =  10.0.0.1: user = x",
		"reason=Invalid password", "server=10.0.0.1");
	GIVES("Cipher[{index}] : {cipher}", "Cipher[12]: ECDHE-RSA-AES256-SHA", "index=12",
		"cipher=ECDHE-RSA-AES256-SHA");
	GIVES("Device chooses cipher : {cipher} for the SSL session",
		"Device chooses cipher : AES256-SHA for the SSL session", "cipher=AES256-SHA");
}

static void a_final_full_stop_is_optional(void **state)
{
	(void)state;
	TAKES("Session could not be established.", "Session could not be established");
	TAKES("Session could not be established", "Session could not be established.");
	GIVES("failed validation. {reason}.", "failed validation. revoked", "reason=revoked");
	GIVES("failed validation. {reason}", "failed validation. revoked.", "reason=revoked");
	GIVES("limit of {limit} reached.", "limit of 25 reached", "limit=25");
	GIVES("for trustpoint {trustpoint}.", "for trustpoint TP-1.", "trustpoint=TP-1");
}

static void a_tail_that_a_relay_added_is_not_looked_at(void **state)
{
	(void)state;
	TAKES("Session could not be established",
		"Session could not be established. (10.96.105.18/53) fw-host");
	GIVES("limit of {limit} reached", "limit of 25 reached. (Message repeated 2 times)",
		"limit=25");
	GIVES("connection from {client}", "connection from 198.51.100.9. fw-host",
		"client=198.51.100.9");
	GIVES("resumed connection from IP {client_new}",
		"resumed connection from IP 198.51.100.9>.", "client_new=198.51.100.9");
	GIVES("handshake with client {name}:{client}/{port}",
		"handshake with client outside:198.51.100.9/50091.", "port=50091");
}

static void a_double_brace_is_a_brace(void **state)
{
	(void)state;
	GIVES("set {{name} to {state}", "set {name} to 1", "state=1");
	TAKES("ends with {{", "ends with {");
	GIVES("both {{{state}} here", "both {x} here", "state=x");
}

// ---- hostile values ----

// Strangers type user names. One who writes "> IP <" into his must not choose his address.
static void a_user_cannot_choose_the_address(void **state)
{
	(void)state;
	static const char text[] = "Group <{group}> User <{user}> IP <{client}> Session terminated";
	GIVES(text, "Group <g> User <x> IP <192.0.2.1> IP <198.51.100.9> Session terminated",
		"user=x> IP <192.0.2.1", "client=198.51.100.9");
	GIVES(text,
		"Group <g> User <x> IP <192.0.2.1> Session terminated> IP <198.51.100.9> Session terminated",
		"client=198.51.100.9");
	GIVES("Group = {group}, Username = {user}, IP = {client}, Session disconnected",
		"Group = g, Username = x, IP = 192.0.2.1, IP = 198.51.100.9, Session disconnected",
		"user=x, IP = 192.0.2.1", "client=198.51.100.9");
	GIVES("reason = {reason} : server = {server} : user = {user} : user IP = {client}",
		"reason = AAA failure : server = 10.0.0.1 : user = x : user IP = 192.0.2.1 : user IP = 198.51.100.9",
		"client=198.51.100.9");
}

static void a_line_whose_user_may_end_at_two_places_is_refused(void **state)
{
	(void)state;
	static const char text[] =
		"Group <{group}> User <{user}> IP <{client}> Client Type: {agent}";
	static const char *const lines[] = {
		// of whoever chose the user, or of whoever chose the agent: nobody can tell
		"Group <g> User <u> IP <198.51.100.9> Client Type: x> IP <192.0.2.1> Client Type: y",
		"Group g User u IP 198.51.100.9 Client Type: x IP 192.0.2.1 Client Type: y",
	};
	for (size_t i = 0; i < N(lines); i++) {
		struct fixture f;
		setup(&f, text, true);
		assert_false(matches(&f, lines[i]));
		assert_int_equal(f.n, TEMPLATE_AMBIGUOUS);
		teardown(&f);
	}
	GIVES(text, "Group <g> User <u> IP <198.51.100.9> Client Type: x> IP <y> Client Type",
		"user=u", "client=198.51.100.9", "agent=x> IP <y> Client Type");
}

static void marks_around_a_value_come_and_go(void **state)
{
	(void)state;
	static const char text[] = "Group <{group}> User <{user}> IP <{client}> Session terminated";
	static const char *const lines[] = {
		"Group <g h> User <u> IP <198.51.100.9> Session terminated",
		"Group g h User u IP 198.51.100.9 Session terminated",
		"Group <g h> User u IP <198.51.100.9> Session terminated",
		"Group g h User <u> IP 198.51.100.9 Session terminated.",
	};
	for (size_t i = 0; i < N(lines); i++)
		GIVES(text, lines[i], "group=g h", "user=u", "client=198.51.100.9");
	GIVES(text, "Group <g> User IP <198.51.100.9> Session terminated", "group=g",
		"user=", "client=198.51.100.9");
	GIVES(text, "Group g User IP 198.51.100.9 Session terminated",
		"user=", "client=198.51.100.9");
	REFUSES(text, "Group <g User <u> IP <198.51.100.9> Session terminated");
	REFUSES(text, "Group <g> User <u> IP <198.51.100.9 Session terminated");
	REFUSES(text, "Group <g>User <u> IP <198.51.100.9> Session terminated");
	GIVES("found for tunnel-group '{tunnel_group}'", "found for tunnel-group 'a b'.",
		"tunnel_group=a b");
	GIVES("found for tunnel-group '{tunnel_group}'", "found for tunnel-group a b.",
		"tunnel_group=a b");
	REFUSES("found for tunnel-group '{tunnel_group}'", "found for tunnel-group 'a b.");
	GIVES("resumed from IP <{client}>", "resumed from IP <198.51.100.9> and more",
		"client=198.51.100.9");
	GIVES("by access-group \"{acl}\" [", "by access-group \"o'in\" [0x0]", "acl=o'in");
}

static void odd_users_are_read_whole(void **state)
{
	(void)state;
	static const char text[] = "Group <{group}> User <{user}> IP <{client}> Session terminated";
	static const char *const users[] = {"nt\\user", "LOCAL\\dom\\user", "a@b", "first.o'last@x",
		"two words", ";;name(test user)", "*****", "<Unknown>", "", "a,b", "%s%n",
		"{user}"};
	for (size_t i = 0; i < N(users); i++) {
		char line[256], wanted[64];
		snprintf(line, sizeof(line),
			"Group <g> User <%s> IP <198.51.100.9> Session terminated", users[i]);
		snprintf(wanted, sizeof(wanted), "user=%s", users[i]);
		GIVES(text, line, wanted, "client=198.51.100.9");
	}
}

static void a_value_of_the_wrong_type_is_a_miss(void **state)
{
	(void)state;
	struct fixture f;
	setup(&f, "client {name}:{client}/{port} to", true);
	assert_false(matches(&f, "client outside:198.51.100.9/65536 to"));
	assert_true(f.refused);
	assert_false(matches(&f, "client outside:300.51.100.9/80 to"));
	assert_true(f.refused);
	// A text that does not fit is no such miss.
	assert_false(matches(&f, "server outside:198.51.100.9/80 to"));
	assert_false(f.refused);
	assert_true(matches(&f, "client outside:198.51.100.9/80 to"));
	assert_false(f.refused);
	teardown(&f);
}

// Each of some thousand places fits the first field; the answer comes nevertheless.
static void a_line_made_to_be_slow_ends(void **state)
{
	(void)state;
	struct fixture f;
	setup(&f, "x {a:text} x {b:text} x {c:text} x {d:text} x {e:text} x {name} never", true);
	char line[1025];
	for (int i = 0; i < 1024; i++)
		line[i] = i % 2 ? ' ' : 'x';
	line[1024] = '\0';
	assert_false(matches(&f, line));
	memset(line + 1, ' ', 1023);
	assert_false(matches(&f, line));
	teardown(&f);
	setup(&f, "x{a:text}x{b:text}x{c:text}never", false);
	memset(line, 'x', 1024);
	assert_false(matches(&f, line));
	teardown(&f);
}

static void the_end_of_the_line_ends_every_value(void **state)
{
	(void)state;
	REFUSES("IP <{client}> Session", "IP <198.51.100.9");
	REFUSES("IP <{client}> Session", "IP <198.51.100.9> Sessio");
	GIVES("Reason: {reason}", "Reason: ", "reason=");
	TAKES("Reason: {reason}", "Reason:");
	REFUSES("count {count}", "count ");
}

// ---- what is refused ----

static void errors_say_what_is_wrong(void **state)
{
	(void)state;
	assert_error("a text with {no_such_field} in it", true, "has no known type");
	assert_error("a text with {x:string} in it", true, "is of unknown type");
	assert_error("a text with {x:} in it", true, "is of unknown type");
	assert_error("a text with {client:text} in it", true, "another type");
	assert_error("a text with {} in it", true, "name of 1 to 32");
	assert_error("a text with {:word} in it", true, "name of 1 to 32");
	assert_error("a text with {Client} in it", true, "letters a-z and _");
	assert_error("a text with {client 2} in it", true, "letters a-z and _");
	assert_error("a text with {client in it", true, "without its }");
	assert_error("a text with {client}{port} in it", true, "literal text between");
	assert_error("a text with {client} and {client} in it", true, "stands twice");
	assert_error("{client}", true, "no literal text");
	assert_error("{client}: {port}", true, "no literal text");
	assert_error("", true, "no literal text");
	assert_error("   ", true, "no literal text");
	assert_error(".", true, "no literal text");
	assert_error("---- {client}", true, "no literal text");
	assert_error("{client} failed here", false, "begin with literal text");
}

static void an_asa_text_may_begin_with_a_field(void **state)
{
	(void)state;
	GIVES("{transport} SVC connection established", "UDP SVC connection established",
		"transport=UDP");
	REFUSES("{transport} SVC connection established", "UDP or TCP SVC connection established");
}

static void placeholders_and_pieces_have_a_limit(void **state)
{
	(void)state;
	char text[2048] = "fields";
	for (int i = 0; i < 14; i++)
		sprintf(text + strlen(text), " %d {many_%c:text}", i, 'a' + i);
	struct fixture f;
	setup(&f, text, true);
	assert_true(
		matches(&f, "fields 0 a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8 i 9 j 10 k 11 l 12 m 13 n"));
	assert_int_equal(f.n, 14);
	assert_value(&f, "many_n", "n");
	teardown(&f);
	strcat(text, " and {many_o:text}");
	assert_error(text, true, "more than 14");
	strcpy(text, "braces");
	for (int i = 0; i < 45; i++)
		strcat(text, " {{");
	assert_error(text, true, "more than 40");
	text[0] = '\0';
	for (int i = 0; i < 60; i++)
		sprintf(text + strlen(text), " x {many_a:text}");
	assert_error(text, true, "more than 40");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documented_texts_give_their_fields),
		cmocka_unit_test(phone_texts_are_found_anywhere_in_the_line),
		cmocka_unit_test(an_asa_text_stands_at_the_start),
		cmocka_unit_test(runs_of_blanks_are_one),
		cmocka_unit_test(blanks_around_a_value_are_not_its_own),
		cmocka_unit_test(a_blank_before_a_colon_comes_and_goes),
		cmocka_unit_test(a_final_full_stop_is_optional),
		cmocka_unit_test(a_tail_that_a_relay_added_is_not_looked_at),
		cmocka_unit_test(a_double_brace_is_a_brace),
		cmocka_unit_test(a_user_cannot_choose_the_address),
		cmocka_unit_test(a_line_whose_user_may_end_at_two_places_is_refused),
		cmocka_unit_test(marks_around_a_value_come_and_go),
		cmocka_unit_test(odd_users_are_read_whole),
		cmocka_unit_test(a_value_of_the_wrong_type_is_a_miss),
		cmocka_unit_test(a_line_made_to_be_slow_ends),
		cmocka_unit_test(the_end_of_the_line_ends_every_value),
		cmocka_unit_test(errors_say_what_is_wrong),
		cmocka_unit_test(an_asa_text_may_begin_with_a_field),
		cmocka_unit_test(placeholders_and_pieces_have_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
