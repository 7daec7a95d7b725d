// SPDX-License-Identifier: BSD-3-Clause
// A line through event_match(), and each template by itself over the whole input: what the field
// program takes, Hyperscan has to find.
#include "fuzz.h"

#include "../../dataplane/event.h"

static const char rules[] =
	"messages:\n"
	"  - {id: ASA-725001, event: a, text: ['Starting SSL handshake with client {interface}:{client}/{port} to "
	"{server}/{server_port} for {version} session', 'Starting SSL handshake with client {interface}:{client}/{port}']}\n"
	"  - {id: ASA-725011, event: b, text: 'Cipher[{index}] : {cipher}'}\n"
	"  - {id: ASA-725014, event: c, text: 'SSL lib error. Function: {function} Reason: {reason}', cases: [{reason: '*unknown "
	"ca*', event: c-unknown, handshake: reason-late}, {reason: ['*cipher*', 'x'], function: '*', event: c-cipher}]}\n"
	"  - {id: ASA-113019, event: d, text: 'Group = {tunnel_group}, Username = {user}, IP = {client}, Session disconnected. "
	"Session Type: {session_type}, Duration: {duration}, Bytes xmt: {count}, Bytes rcv: {bits}, Reason: {reason}'}\n"
	"  - {id: ASA-722051, event: e, alias: assign, text: 'Group <{group}> User <{user}> IP <{client}> IPv4 Address "
	"<{tunnel}> IPv6 address <{peer}> assigned to session'}\n"
	"  - {id: ASA-113005, event: f, text: 'AAA user {name} Rejected : reason = {reason} : server = {server} : user = {user} "
	": user IP = {client}'}\n"
	"  - {id: ASA-734001, event: g, text: 'DAP: User {user}, Addr {client}, Connection {type}: The following DAP records "
	"were selected for this connection: {records}'}\n"
	"  - {id: ASA-722022, event: h, text: '{transport} SVC connection established'}\n"
	"  - {id: ASA-717022, event: i, text: 'Certificate was successfully validated. serial number: {serial}, subject name: "
	"{subject}.'}\n"
	"  - {id: ASA-111010, event: j, pattern: 'ssl +trust-point'}\n"
	"  - {id: PHONE-hash, event: k, text: 'Leaf cert hash = {hash}'}\n"
	"  - {id: PHONE-notify, event: l, text: 'notify code: {code} [{name}]'}\n"
	"  - {id: PHONE-host, event: m, text: 'stopping checks on host=({host}) and dns=({cert_name})'}\n"
	"  - {id: PHONE-sock, event: n, text: 'binding sock to eth0 IP {client}'}\n"
	"  - {id: PHONE-dev, event: o, text: 'TFTP Timeout : {device}.cnf'}\n"
	"  - {id: PHONE-list, event: p, text: 'cipher list: {offered}'}\n";

static struct vocabulary *vocabulary;
static struct ruleset *ruleset;
static struct scanner scanner;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	struct report report = {0};
	vocabulary = vocabulary_create();
	struct rulepack *pack =
		rulepack_load_bytes("rules", rules, sizeof(rules) - 1, vocabulary, &report);
	ruleset = pack ? ruleset_compile(pack, NULL, &report) : NULL;
	if (ruleset == NULL)
		fputs(report.text, stderr);
	assert(ruleset != NULL);
	assert(scanner_init(&scanner, ruleset) == 0);
	return 0;
}

static int note(
	unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context)
{
	(void)from, (void)to, (void)flags;
	((bool *)context)[id] = true;
	return 0;
}

static void check_values(const struct field_value *values, unsigned n, struct slice text)
{
	for (unsigned i = 0; i < n; i++) {
		assert(values[i].offset + values[i].len <= text.len);
		assert(field_accepts((enum field_type)values[i].type,
			slice_first(slice_from(text, values[i].offset), values[i].len)));
	}
}

static void run_templates(struct slice text)
{
	bool found[RULES_MESSAGES_MAX] = {false};
	for (int source = 0; source < 2; source++)
		assert(hs_scan(ruleset->databases[source], text.data, text.len, 0, scanner.scratch,
			       note, found) == HS_SUCCESS);
	for (unsigned i = 0; i < ruleset->pack->n_messages; i++) {
		const struct message_rule *rule = &ruleset->pack->messages[i];
		for (unsigned k = 0; k < rule->n_templates; k++) {
			struct field_value values[TEMPLATE_FIELDS_MAX];
			bool refused;
			int n = template_match(&rule->templates[k], text, values, &refused);
			if (n < 0)
				continue;
			check_values(values, (unsigned)n, text);
			assert(found[i]);
		}
	}
}

static void run_events(struct slice line)
{
	static struct counters counters;
	static const struct policy policy = {.phone_groups = {"*phone*"}, .n_phone_groups = 1};
	static struct open_counts open_counts;
	static struct event events[EVENTS_OF_LINE_MAX];
	struct event_matcher matcher = {&scanner, &policy, &open_counts, &counters};
	struct arrival arrival = {.time_ms = 1};
	struct message message;
	message_parse(NULL, line, &message);
	unsigned n = event_match(&matcher, &message, &arrival, events, EVENTS_OF_LINE_MAX);
	assert(n <= EVENTS_OF_LINE_MAX);
	assert(message.source != MESSAGE_OTHER || n == 0);
	assert(message.source != MESSAGE_ASA || n <= 1);
	for (unsigned i = 0; i < n; i++) {
		const struct event *e = &events[i];
		assert(e->type < registry_count(&vocabulary->events));
		assert(e->line_len == e->text_len);
		assert(e->text_len <= EVENT_LINE_MAX);
		assert(memchr(e->model, '\0', sizeof(e->model)));
		assert(e->model[0] == '\0' || !device_is_none(&e->device));
		check_values(e->values, e->n_values, (struct slice){e->text, e->text_len});
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 4096)
		return 0;
	struct slice line = {(const char *)data, (uint32_t)size};
	run_templates(line);
	run_events(line);
	return 0;
}
