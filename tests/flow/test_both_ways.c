// SPDX-License-Identifier: BSD-3-Clause
// A line is looked at in two ways, and the same events with the same fields have to come out.
//
//   the way of production  event_match(): lines whose id no rule wants are done after their header;
//                          of a gateway's line what follows the id is scanned, its rules' texts
//                          anchored there; of a phone's line all of it
//   the plain way          every text of every rule is looked for in the whole line, header and
//   all,
//                          unanchored, in one database; what is found runs its field program
//
// usage: test_both_ways RULES CATALOGUE FUZZ_DATA BENCH_MIX FLEET SCENARIO
#include "../unit/unit.h"

#include <dirent.h>
#include <hs.h>
#include <unistd.h>

#include "../../bench/mixes.h"
#include "../../control/capture.h"
#include "../../dataplane/event.h"
#include "../../rules/pattern.h"

#define MIX_LINES 20000
#define BENCH_MIX_LINES 20000
#define FLEET_LINES 300000
#define TOLD_MAX 5

enum { ARGUMENT_RULES = 1, CATALOGUE, FUZZ_DATA, BENCH_MIX, FLEET, SCENARIO, ARGUMENTS };
static char **arguments;

static struct vocabulary *vocabulary;
static struct ruleset *ruleset;
static const struct rulepack *pack;
static struct scanner scanner;
static hs_database_t *plain, *patterns[RULES_MESSAGES_MAX]; // all texts; each rule's own pattern
static hs_scratch_t *scratch;

// ---- the one difference that is meant ----
//
// A text counts where it is the line's own: a phone's in a phone's line; a gateway's under its own
// id, at the start of what follows the header. Anywhere else it is quoted: in a user's name, in
// another message's text, in what a phone logs of a gateway.
static bool is_own(const struct message_rule *rule, const struct message *message)
{
	if (message->source == MESSAGE_PHONE)
		return rule->source == RULE_PHONE;
	return message->source == MESSAGE_ASA && rule->source == RULE_ASA &&
	       rule->asa_id == message->asa_id;
}

// ---- the plain way ----

struct found {
	uint16_t type;
	int n_values;
	struct field_value values[TEMPLATE_FIELDS_MAX];
};

struct result {
	struct found events[EVENTS_OF_LINE_MAX];
	unsigned n;
};

static struct {
	uint64_t lines, events, quotes, differences;
} sums;

static hs_database_t *compile_pattern(const char *pattern)
{
	hs_database_t *database = NULL;
	hs_compile_error_t *error = NULL;
	assert_int_equal(hs_compile(pattern, PATTERN_FLAGS, HS_MODE_BLOCK, NULL, &database, &error),
		HS_SUCCESS);
	return database;
}

static hs_database_t *compile_plain(void)
{
	static const char *expressions[RULES_TEXTS_MAX];
	static unsigned flags[RULES_TEXTS_MAX], ids[RULES_TEXTS_MAX];
	struct obstack *arena = (struct obstack *)&pack->arena;
	hs_database_t *database = NULL;
	hs_compile_error_t *error = NULL;
	unsigned n = 0;
	for (unsigned i = 0; i < pack->n_messages; i++) {
		const struct message_rule *rule = &pack->messages[i];
		if (rule->pattern)
			patterns[i] = compile_pattern(rule->pattern);
		for (unsigned k = 0; k < (rule->pattern ? 1 : rule->n_templates); k++) {
			const char *text = rule->pattern
						   ? rule->pattern
						   : template_pattern(&rule->templates[k], arena);
			flags[n] = PATTERN_FLAGS;
			ids[n] = i;
			expressions[n++] = text + (text[0] == '^');
		}
	}
	assert_int_equal(hs_compile_multi(expressions, flags, ids, n, HS_MODE_BLOCK, NULL,
				 &database, &error),
		HS_SUCCESS);
	return database;
}

static int note(
	unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context)
{
	(void)from, (void)to, (void)flags;
	((bool *)context)[id] = true;
	return 0;
}

static uint16_t type_of(
	const struct message_rule *rule, struct slice text, const struct found *found)
{
	for (unsigned i = 0; i < rule->n_cases; i++) {
		const struct message_case *one = &rule->cases[i];
		unsigned k = 0;
		while (k < one->n_conditions && condition_holds(&one->conditions[k], text,
							found->values, (unsigned)found->n_values))
			k++;
		if (k == one->n_conditions)
			return one->effect.event != NAME_NONE ? one->effect.event
							      : rule->effect.event;
	}
	return rule->effect.event;
}

static bool fits(const struct message_rule *rule, struct slice text, struct found *found)
{
	bool refused, matched = false;
	if (rule->pattern) // in the text by itself, where it may be anchored
		hs_scan(patterns[rule - pack->messages], text.data, text.len, 0, scratch, note,
			&matched);
	found->n_values = matched ? 0 : TEMPLATE_NO_MATCH;
	for (unsigned i = 0; i < rule->n_templates && found->n_values == TEMPLATE_NO_MATCH; i++)
		found->n_values =
			template_match(&rule->templates[i], text, found->values, &refused);
	if (found->n_values < 0)
		return false;
	found->type = type_of(rule, text, found);
	return true;
}

// quotes: whether texts count that are not the line's own; only to see that this is noticed.
static void match_plainly(
	struct slice line, const struct message *message, bool quotes, struct result *out)
{
	static bool found[RULES_MESSAGES_MAX];
	struct slice text = slice_first(message->text, EVENT_LINE_MAX);
	memset(found, 0, sizeof(found));
	out->n = 0;
	assert_int_equal(hs_scan(plain, line.data, line.len, 0, scratch, note, found), HS_SUCCESS);
	for (unsigned i = 0; i < pack->n_messages && out->n < EVENTS_OF_LINE_MAX; i++) {
		const struct message_rule *rule = &pack->messages[i];
		if (!found[i])
			continue;
		bool own = is_own(rule, message);
		sums.quotes += !own;
		if ((own || quotes) && fits(rule, text, &out->events[out->n]))
			out->n++;
		if (out->n && message->source == MESSAGE_ASA)
			break; // the first rule that fits has it
	}
}

// ---- the way of production ----

static void match_as_usual(const struct message *message, struct result *out)
{
	static const struct policy policy = {.phone_groups = {"*phone*"}, .n_phone_groups = 1};
	static struct open_counts all_open;
	static struct counters counters;
	static struct event events[EVENTS_OF_LINE_MAX];
	struct event_matcher matcher = {&scanner, &policy, &all_open, &counters};
	struct arrival arrival = {.time_ms = 1};
	for (unsigned i = 0; i < DIAGNOSES_MAX; i++)
		atomic_store_explicit(&all_open.of[i], 1, memory_order_relaxed);
	out->n = event_match(&matcher, message, &arrival, events, EVENTS_OF_LINE_MAX);
	for (unsigned i = 0; i < out->n; i++) {
		const struct event *event = &events[i];
		out->events[i] = (struct found){.type = event->type, .n_values = event->n_values};
		memcpy(out->events[i].values, event->values,
			event->n_values * sizeof(event->values[0]));
		assert_true(event->text_len <= message->text.len);
		assert_memory_equal(event->text, message->text.data, event->text_len);
	}
}

// ---- both ----

static bool are_equal(const struct result *a, const struct result *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++) {
		const struct found *one = &a->events[i], *other = &b->events[i];
		if (one->type != other->type || one->n_values != other->n_values)
			return false;
		for (int k = 0; k < one->n_values; k++) {
			const struct field_value *v = &one->values[k], *w = &other->values[k];
			if (v->field != w->field || v->type != w->type || v->offset != w->offset ||
				v->len != w->len)
				return false;
		}
	}
	return true;
}

static void tell(const char *way, const struct result *result)
{
	for (unsigned i = 0; i < result->n; i++)
		print_message("#   %s: %s, %d values\n", way,
			registry_name(&vocabulary->events, result->events[i].type),
			result->events[i].n_values);
}

static void compare_line(struct slice line, bool quotes)
{
	struct message message;
	struct result usual, plainly;
	message_parse(NULL, line, &message);
	match_as_usual(&message, &usual);
	match_plainly(line, &message, quotes, &plainly);
	sums.lines++;
	sums.events += usual.n;
	if (are_equal(&usual, &plainly))
		return;
	if (++sums.differences > TOLD_MAX || quotes)
		return;
	print_message("# %.*s\n", (int)line.len, line.data);
	tell("as usual", &usual);
	tell("plainly", &plainly);
}

// A payload as it comes: one line or several.
static void compare(struct slice payload)
{
	struct slice line;
	while (message_next(&payload, &line))
		compare_line(line, false);
}

static void begin(void)
{
	memset(&sums, 0, sizeof(sums));
}

static void end(uint64_t lines, uint64_t events)
{
	print_message("# %lu lines, %lu events, %lu texts quoted, %lu differences\n", sums.lines,
		sums.events, sums.quotes, sums.differences);
	assert_int_equal(sums.differences, 0);
	assert_true(sums.lines >= lines);
	assert_true(sums.events >= events);
}

// ---- corpora ----

// Behind Ethernet, IPv4 or IPv6 without extensions, and UDP.
static struct slice payload_of(struct slice frame)
{
	if (frame.len < 14)
		return (struct slice){frame.data, 0};
	bool six = (uint8_t)frame.data[12] == 0x86;
	uint32_t header = six ? 40 : (frame.data[14] & 15u) * 4;
	return slice_from(frame, 14 + header + 8);
}

static void compare_capture(const char *path, uint64_t max)
{
	char error[256];
	static const struct logtime_options options;
	struct capture *capture = capture_open(path, &options, error, sizeof(error));
	const struct capture_item *item;
	if (capture == NULL)
		fail_msg("%s: %s", path, error);
	while (sums.lines < max && (item = capture_peek(capture)) != NULL) {
		compare(payload_of(item->bytes));
		capture_take(capture);
	}
	assert_null(capture_error(capture));
	capture_close(capture);
}

static void catalogue(void **state)
{
	(void)state;
	begin();
	compare_capture(arguments[CATALOGUE], UINT64_MAX);
	end(690, 600);
}

static void fleet(void **state)
{
	(void)state;
	char path[] = "/tmp/offhook-test-XXXXXX", command[1024];
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	snprintf(command, sizeof(command), "'%s' '%s' --seed 1 --pcap '%s' --truth /dev/null",
		arguments[FLEET], arguments[SCENARIO], path);
	assert_int_equal(system(command), 0);
	begin();
	compare_capture(path, FLEET_LINES);
	close(fd);
	unlink(path);
	end(20000, 10000);
}

static void rules_own_examples(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 0; i < pack->n_messages; i++) {
		for (unsigned k = 0; k < pack->messages[i].n_examples; k++)
			compare(slice_of(pack->messages[i].examples[k].line));
	}
	for (unsigned i = 0; i < pack->n_diagnoses; i++) {
		const struct diagnosis_rule *rule = &pack->diagnoses[i];
		for (unsigned k = 0; k < rule->n_examples; k++) {
			for (unsigned l = 0; l < rule->examples[k].n_lines; l++) {
				if (rule->examples[k].lines[l].text)
					compare(slice_of(rule->examples[k].lines[l].text));
			}
		}
	}
	end(900, 900);
}

static void mixes_of_the_benches(void **state)
{
	(void)state;
	char line[MIX_LINE_MAX];
	begin();
	for (enum mix mix = 0; mix < MIX_MAX; mix++) {
		uint64_t before = sums.events;
		for (uint32_t n = 0; n < MIX_LINES; n++)
			compare((struct slice){line, mix_line(mix, n, line)});
		print_message("# %s: %lu events\n", mix_names[mix], sums.events - before);
	}
	end(7 * MIX_LINES, 20000);
}

static void log_of_bench_mix(void **state)
{
	(void)state;
	char command[512], *line = NULL;
	size_t size = 0;
	snprintf(command, sizeof(command), "sh '%s' %d", arguments[BENCH_MIX], BENCH_MIX_LINES);
	FILE *in = popen(command, "r");
	assert_non_null(in);
	begin();
	for (ssize_t len; (len = getline(&line, &size, in)) > 0;)
		compare((struct slice){line, (uint32_t)len});
	assert_int_equal(pclose(in), 0);
	free(line);
	end(BENCH_MIX_LINES, BENCH_MIX_LINES * 7 / 100);
}

static void compare_files(const char *directory)
{
	static char bytes[1 << 16];
	char path[512];
	DIR *dir = opendir(directory);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (entry->d_type == DT_DIR) {
			compare_files(path);
			continue;
		}
		FILE *file = fopen(path, "rb");
		assert_non_null(file);
		compare((struct slice){bytes, (uint32_t)fread(bytes, 1, sizeof(bytes), file)});
		fclose(file);
	}
	closedir(dir);
}

static void what_the_fuzzers_begin_with(void **state)
{
	(void)state;
	begin();
	compare_files(arguments[FUZZ_DATA]);
	end(100, 20);
}

// ---- hostile lines ----

static const char *const hostile[] = {
	// two tags, a tag in a text, in a name, in a header
	"<166>fw1 : %ASA-6-725001: Starting SSL handshake with client outside:192.0.2.1/1 to 198.51.100.1/443 for TLSv1.2 session %ASA-6-725006: Device failed SSL handshake with client outside:192.0.2.2/2",
	"<166>fw1 : %ASA-6-302013: Built %ASA-6-725006: Device failed SSL handshake with client outside:192.0.2.2/2",
	"<166>%ASA-6-725006: %ASA-6-725006: Device failed SSL handshake with client outside:192.0.2.2/2",
	"<166>%ASA-6-725006%ASA-6-725006: Device failed SSL handshake with client outside:192.0.2.2/2",
	"<166>%ASA-4-113019: Group = G, Username = %ASA-6-725006: Device failed SSL handshake with client outside:192.0.2.2/2, IP = 192.0.2.3, Session disconnected. Session Type: SSL, Duration: 0h:00m:01s, Bytes xmt: 1, Bytes rcv: 2, Reason: User Requested",
	"<166>Nov 21 10:00:00 %ASA-6-725001 %ASA-7-725014: SSL lib error. Function: F Reason: tlsv1 alert unknown ca",
	"<166>%ASA-7-725014: SSL lib error. Function: %ASA-7-725014: SSL lib error. Function: F Reason: x Reason: tlsv1 alert unknown ca",
	// ids with other digits
	"<166>%ASA-6-72500: Starting SSL handshake with client outside:192.0.2.1/1",
	"<166>%ASA-6-7250011: Starting SSL handshake with client outside:192.0.2.1/1",
	"<166>%ASA-6-725OO1: Starting SSL handshake with client outside:192.0.2.1/1",
	"<166>%ASA-6-725006: Starting SSL handshake with client outside:192.0.2.1/1",
	"<166>%ASA-6-000000: Starting SSL handshake with client outside:192.0.2.1/1",
	"<166>%ASA-6-999999: Starting SSL handshake with client outside:192.0.2.1/1",
	"<166>%ASA-9-725001: Starting SSL handshake with client outside:192.0.2.1/1",
	"<166>%ASA--725001: Starting SSL handshake with client outside:192.0.2.1/1",
	"<166>%ASA-6-725001 Starting SSL handshake with client outside:192.0.2.1/1",
	"<166>%ASA-6-725001:Starting SSL handshake with client outside:192.0.2.1/1",
	// not at the start
	"<166>%ASA-6-725001: x Starting SSL handshake with client outside:192.0.2.1/1",
	"<166>%ASA-6-725001:   \t Starting SSL handshake with client outside:192.0.2.1/1",
	"<166>Starting SSL handshake with client outside:192.0.2.1/1 %ASA-6-725001: ",
	// of other makers, and none
	"<166>%FTD-6-725001: Starting SSL handshake with client outside:192.0.2.1/1",
	"<166>%PIX-6-725001: Starting SSL handshake with client outside:192.0.2.1/1",
	"<166>%FWSM-6-725001: Starting SSL handshake with client outside:192.0.2.1/1",
	"<166>%ASA-vpn-6-725001: Starting SSL handshake with client outside:192.0.2.1/1",
	"<166>Starting SSL handshake with client outside:192.0.2.1/1",
	// a phone that quotes a gateway, a gateway that quotes a phone
	"<187>SEP8CB64F576113 902: ERR 10:19:27.155936 VPNC: %ASA-6-725006: Device failed SSL handshake with client outside:192.0.2.2/2",
	"<187>SEP8CB64F576113 902: ERR 10:19:27.155936 VPNC: Device failed SSL handshake with client outside:192.0.2.2/2",
	"<166>%ASA-6-725006: VPNC: protocol_handler: login failed Leaf cert hash = 1289B8A7AA9FFD84865E38939F3466A61B5608FC",
	"<187>SEP8CB64F576113 902: ERR 10:19:27.155936 VPNC: VPN cert chain verification failed 903: NOT 10:19:27.1 SECD: Leaf cert hash = 1289B8A7AA9FFD84865E38939F3466A61B5608FC",
};

// Every example of the rules, bent: as FTD, under another id, cut, in a phone's mouth, after
// another tag, repeated.
static void compare_bent(const char *example)
{
	static char bent[8192];
	const char *tag = strstr(example, "%ASA-"), *colon = tag ? strchr(tag, ':') : NULL;
	size_t len = strlen(example);
	if (len > 2000)
		return;
	snprintf(bent, sizeof(bent), "<187>SEP8CB64F576113 902: ERR 10:19:27.155936 VPNC: %s",
		example);
	compare(slice_of(bent));
	for (size_t cut = 1; cut < len; cut += 7) {
		snprintf(bent, sizeof(bent), "%.*s", (int)cut, example);
		compare(slice_of(bent));
	}
	if (colon == NULL)
		return;
	snprintf(bent, sizeof(bent), "%.*s%%FTD-%s", (int)(tag - example), example, tag + 5);
	compare(slice_of(bent));
	snprintf(bent, sizeof(bent), "%.*s%s", (int)(colon - example), example, colon + 1);
	compare(slice_of(bent));
	snprintf(bent, sizeof(bent), "%.*s: %s", (int)(colon - example), example, example);
	compare(slice_of(bent));
	snprintf(bent, sizeof(bent), "%.*s:%*s%s", (int)(colon - example), example, EVENT_LINE_MAX,
		"", colon + 1);
	compare(slice_of(bent));
	for (char digit = '0'; digit <= '9'; digit++) {
		snprintf(bent, sizeof(bent), "%s", example);
		bent[colon - example - 1] = digit;
		compare(slice_of(bent));
	}
}

static void hostile_lines(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 0; i < N(hostile); i++)
		compare(slice_of(hostile[i]));
	assert_true(sums.events > 0);
	end(N(hostile), 5);
}

static void bent_examples(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 0; i < pack->n_messages; i++) {
		for (unsigned k = 0; k < pack->messages[i].n_examples; k++)
			compare_bent(pack->messages[i].examples[k].line);
	}
	assert_true(sums.quotes > 0);
	end(5000, 1000);
}

// Were a quoted text taken for the line's own, it would be seen here.
static void a_difference_is_seen(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 0; i < N(hostile); i++)
		compare_line(slice_of(hostile[i]), true);
	assert_true(sums.differences >= 3);
}

static int load(void **state)
{
	(void)state;
	struct report report = {0};
	vocabulary = vocabulary_create();
	struct rulepack *loaded = rulepack_load(arguments[ARGUMENT_RULES], vocabulary, &report);
	ruleset = loaded ? ruleset_compile(loaded, NULL, &report) : NULL;
	if (ruleset == NULL)
		print_error("%s", report.text);
	report_fini(&report);
	if (ruleset == NULL)
		return 1;
	pack = ruleset->pack;
	plain = compile_plain();
	bool ok = scanner_init(&scanner, ruleset) == 0 &&
		  hs_alloc_scratch(plain, &scratch) == HS_SUCCESS;
	for (unsigned i = 0; i < pack->n_messages; i++)
		ok &= patterns[i] == NULL || hs_alloc_scratch(patterns[i], &scratch) == HS_SUCCESS;
	return ok ? 0 : 1;
}

static int unload(void **state)
{
	(void)state;
	hs_free_scratch(scratch);
	hs_free_database(plain);
	for (unsigned i = 0; i < pack->n_messages; i++)
		hs_free_database(patterns[i]);
	scanner_fini(&scanner);
	ruleset_destroy(ruleset);
	vocabulary_destroy(vocabulary);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(catalogue),
		cmocka_unit_test(what_the_fuzzers_begin_with),
		cmocka_unit_test(rules_own_examples),
		cmocka_unit_test(mixes_of_the_benches),
		cmocka_unit_test(log_of_bench_mix),
		cmocka_unit_test(fleet),
		cmocka_unit_test(hostile_lines),
		cmocka_unit_test(bent_examples),
		cmocka_unit_test(a_difference_is_seen),
	};
	if (argc != ARGUMENTS) {
		fputs("usage: see the head of test_both_ways.c\n", stderr);
		return 2;
	}
	arguments = argv;
	return cmocka_run_group_tests(tests, load, unload);
}
