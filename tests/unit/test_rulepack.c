// SPDX-License-Identifier: BSD-3-Clause
#include "rules.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MESSAGE \
	"messages:\n  - id: ASA-725006\n    text: Device failed SSL handshake with {client}\n    event: failed\n"
#define DIAGNOSIS "diagnoses:\n  - id: d\n    when: failed\n    title: t\n    remedy: r\n"

// ---- what is read ----

static void the_sample_of_the_design_is_read(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	struct rulepack *pack = rules_load(v,
		"messages:\n"
		"  - id: ASA-724002\n"
		"    text: \"Group <{group}> User <{user}> IP <{client}> WebVPN session not terminated.\"\n"
		"    event: csd-not-running\n"
		"    examples:\n"
		"      - line: \"%ASA-4-724002: Group <g> User <u> IP <198.51.100.9> WebVPN session not terminated.\"\n"
		"        fields: {group: g, user: u, client: 198.51.100.9}\n"
		"  - id: ASA-722051\n"
		"    text: [\"User <{user}> Address <{tunnel}> assigned\", \"User <{user}> IPv4 Address <{tunnel}>\"]\n"
		"    event: tunnel-assigned\n"
		"    alias: assign\n"
		"diagnoses:\n"
		"  - id: csd-enabled\n"
		"    when: csd-not-running\n"
		"    window: 10m\n"
		"    recovers: [tunnel-assigned]\n"
		"    title: {en: \"english\", zh-TW: \"\xe7\xb9\x81\", ko: \"\xed\x95\x9c\"}\n"
		"    remedy: {en: \"type this\"}\n"
		"    details: {name: user, of: csd-not-running.group}\n");
	assert_int_equal(pack->n_messages, 2);
	const struct message_rule *m = &pack->messages[0];
	assert_string_equal(m->id, "ASA-724002");
	assert_int_equal(m->asa_id, 724002);
	assert_int_equal(m->source, RULE_ASA);
	assert_int_equal(m->n_templates, 1);
	assert_int_equal(m->n_examples, 1);
	assert_int_equal(m->examples[0].n_fields, 3);
	assert_int_equal(m->examples[0].place.line, 6);
	assert_int_equal(pack->messages[1].n_templates, 2);
	assert_int_equal(pack->messages[1].effect.alias, ALIAS_ASSIGN);
	const struct diagnosis_rule *d = &pack->diagnoses[0];
	assert_string_equal(d->id, "csd-enabled");
	assert_int_equal(d->window_ms, 600000);
	assert_int_equal(d->n_recovers, 1);
	assert_int_equal(d->scope, SCOPE_PHONE);
	assert_non_null(d->levels[CONFIDENCE_PROBABLE]);
	assert_string_equal(translation(&d->title, LANGUAGE_KO), "\xed\x95\x9c");
	assert_string_equal(translation(&d->remedy, LANGUAGE_KO), "type this");
	assert_ptr_equal(rulepack_diagnosis(pack, SCOPE_PHONE, d->number), d);
	assert_null(rulepack_diagnosis(pack, SCOPE_PHONE, (uint16_t)(d->number + 1)));
	assert_null(rulepack_diagnosis(pack, SCOPE_PHONE, NAME_NONE));
	rulepack_destroy(pack);
	vocabulary_destroy(v);
}

static void a_diagnosis_may_stand_before_its_messages(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	struct rulepack *pack = rules_load(v, DIAGNOSIS MESSAGE);
	assert_int_equal(pack->n_diagnoses, 1);
	rulepack_destroy(pack);
	vocabulary_destroy(v);
}

static void keys_stand_in_any_order(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	struct rulepack *pack = rules_load(v,
		"messages:\n"
		"  - cases: [{event: failed-inside, client: 10.*}]\n"
		"    event: failed\n"
		"    text: lists {offered} {supported} of {client}\n"
		"    id: PHONE-x\n"
		"diagnoses:\n"
		"  - remedy: r\n"
		"    title: t\n"
		"    when: {disjoint: [offered, supported], where: {client: 10.*}, event: failed}\n"
		"    id: d\n");
	assert_false(pack->messages[0].templates[0].anchored);
	assert_int_equal(pack->events[pack->messages[0].effect.event].n_conditions, 2);
	rulepack_destroy(pack);
	vocabulary_destroy(v);
}

static void one_id_may_have_no_number_but_a_name(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	struct rulepack *pack = rules_load(v,
		"messages:\n  - {id: PHONE-leaf-hash, text: 'Leaf cert hash = {hash}', event: leaf-hash, marks: phone, "
		"unproven: true, handshake: none, alias: release}\n");
	assert_int_equal(pack->messages[0].source, RULE_PHONE);
	assert_true(pack->messages[0].effect.marks_phone);
	assert_true(pack->messages[0].effect.unproven);
	assert_int_equal(pack->messages[0].effect.alias, ALIAS_RELEASE);
	rulepack_destroy(pack);
	vocabulary_destroy(v);
}

static void general_recovery_serves_who_names_none(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	struct rulepack *pack = rules_load(v,
		"messages:\n"
		"  - {id: ASA-725006, text: 'Device failed {client}', event: failed}\n"
		"  - {id: ASA-722051, text: 'Address assigned {client}', event: up}\n"
		"  - {id: ASA-722055, text: 'Client Type {client}', event: other-sign}\n"
		"recovery: [up]\n"
		"diagnoses:\n"
		"  - {id: a, when: failed, title: t, remedy: r}\n"
		"  - {id: b, when: failed, title: t, remedy: r, recovers: [other-sign]}\n"
		"  - {id: c, when: failed, title: t, remedy: r, quiet: 1h}\n"
		"  - {id: d, when: failed, title: t, remedy: r, recovers: []}\n");
	assert_int_equal(pack->diagnoses[0].n_recovers, 1);
	assert_true(pack->diagnoses[0].by_tunnel);
	assert_false(pack->diagnoses[1].by_tunnel);
	assert_int_equal(pack->diagnoses[2].n_recovers, 0);
	assert_int_equal(pack->diagnoses[2].quiet_ms, 3600000);
	assert_int_equal(pack->diagnoses[3].n_recovers, 0); // never by a sign
	assert_false(pack->diagnoses[3].by_tunnel);
	rulepack_destroy(pack);
	vocabulary_destroy(v);
}

static void numbers_outlive_the_pack(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	rulepack_destroy(rules_load(v, MESSAGE DIAGNOSIS));
	uint16_t event = registry_find(&v->events, slice_of("failed"));
	struct rulepack *pack =
		rules_load(v, "messages:\n  - {id: ASA-100001, text: xyz, event: first}\n"
			      "  - {id: ASA-725006, text: Device failed, event: failed}\n");
	assert_int_equal(pack->messages[1].effect.event, event);
	// Its rule is gone, its number is not.
	uint16_t d = registry_find(&v->diagnoses, slice_of("d"));
	assert_int_not_equal(d, NAME_NONE);
	assert_null(rulepack_diagnosis(pack, SCOPE_PHONE, d));
	rulepack_destroy(pack);
	vocabulary_destroy(v);
}

// So may those of a field in the next pack; without a type, it is unknown there.
static void a_name_has_one_type_in_a_pack(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	struct rulepack *first = rules_load(v,
		"messages:\n  - {id: PHONE-a, text: 'level {level:number}', event: a}\n"
		"  - {id: PHONE-b, text: 'still {level}', event: b}\n");
	uint8_t number = first->messages[0].templates[0].ops[1].field;
	assert_int_equal(first->messages[1].templates[0].ops[1].field, number);
	struct rulepack *second =
		rules_load(v, "messages:\n  - {id: PHONE-a, text: 'level {level:word}', event: a}\n"
			      "diagnoses:\n  - {id: d, when: a, details: {level: level}, title: t, "
			      "remedy: r}\n");
	uint8_t word = second->messages[0].templates[0].ops[1].field;
	assert_int_not_equal(word, number);
	assert_int_equal(second->diagnoses[0].details[0].field, word);
	struct rulepack *third = rules_load(
		v, "messages:\n  - {id: PHONE-a, text: 'level {level:number}', event: a}\n");
	assert_int_equal(third->messages[0].templates[0].ops[1].field, number);
	assert_refused("messages:\n  - {id: PHONE-a, text: 'level {level}', event: a}\n",
		"t:2:25: placeholder {level} has no known type");
	rulepack_destroy(first);
	rulepack_destroy(second);
	rulepack_destroy(third);
	vocabulary_destroy(v);
}

// An event that only an earlier pack had is unknown now.
static void a_name_of_an_earlier_pack_is_no_event(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	struct report report = {0};
	rulepack_destroy(rules_load(v, MESSAGE));
	static const char text[] = DIAGNOSIS;
	assert_null(rulepack_load_bytes("t", text, sizeof(text) - 1, v, &report));
	assert_string_equal(report.text, "t:3:11: unknown event 'failed': no message has it\n");
	report_fini(&report);
	vocabulary_destroy(v);
}

// ---- errors of the file ----

static void unknown_keys_are_errors(void **state)
{
	(void)state;
	assert_refused("message: []\n",
		"t:1:1: unknown key 'message' in a rule file; known: messages, diagnoses, recovery");
	assert_refused("messages:\n  - id: ASA-725006\n    txet: x\n",
		"t:3:5: unknown key 'txet' in a message");
	assert_refused(MESSAGE "    examples:\n      - line: x\n        feilds: {}\n",
		"t:7:9: unknown key 'feilds' in an example");
	assert_refused(MESSAGE DIAGNOSIS "    colour: red\n",
		"t:10:5: unknown key 'colour' in a diagnosis");
	assert_refused(MESSAGE DIAGNOSIS "    causes:\n      - {cause: x, whn: failed}\n",
		"t:11:20: unknown key 'whn' in a cause");
	assert_refused(MESSAGE
		"diagnoses:\n  - id: d\n    when: failed\n    title: {en: t, de: t}\n    remedy: r\n",
		"t:8:20: unknown key 'de' in a text by language; known: en, zh-TW, ko");
}

static void wrong_types_are_errors(void **state)
{
	(void)state;
	assert_refused("messages: {a: b}\n", "t:1:12: must be a list");
	assert_refused("messages: x\n", "t:1:11: must be a list");
	rules_say("messages: foo\n", "t:1:11: must be a list\n");
	assert_refused("[messages]\n", "t:1:2: a rule file must be a mapping");
	assert_refused("messages:\n  - ASA-725006\n", "t:2:5: a message must be a mapping");
	assert_refused("messages:\n  - id: [ASA-725006]\n", "t:2:10: must be a text, not a list");
	assert_refused("messages:\n  - id: ASA-725006\n    text: {a: b}\n    event: x\n",
		"t:3:12: must be a text, not a mapping");
	assert_refused("messages:\n  - id: ASA-725006\n    text: Device failed\n    event: [x]\n",
		"t:4:13: must be a text, not a list");
	assert_refused(MESSAGE "    marks: pc\n", "t:5:12: 'pc' must be one of: phone");
	assert_refused(MESSAGE "    alias: give\n",
		"t:5:12: 'give' must be one of: none, assign, release, move");
	assert_refused(MESSAGE "    handshake: begins\n",
		"t:5:16: 'begins' must be one of: none, starts,");
	assert_refused(
		MESSAGE "    unproven: maybe\n", "t:5:15: 'maybe' must be one of: false, true");
	assert_refused(MESSAGE "    examples: x\n", "t:5:15: must be a list");
	assert_refused(MESSAGE "    examples: [x]\n", "t:5:16: an example must be a mapping");
	assert_refused(MESSAGE "    examples:\n      - line: x\n        fields: [a]\n",
		"t:7:18: 'fields' must be a mapping");
	assert_refused(MESSAGE "    cases: [failed]\n", "t:5:13: a case must be a mapping");
	assert_refused(MESSAGE DIAGNOSIS "    window: 5\n", "t:10:13: '5' must be a time");
	assert_refused(MESSAGE DIAGNOSIS "    scope: site\n",
		"t:10:12: 'site' must be one of: phone, gateway");
	assert_refused(MESSAGE DIAGNOSIS "    recovers: failed\n", "t:10:15: must be a list");
	assert_refused(
		MESSAGE DIAGNOSIS "    details: [user]\n", "t:10:15: 'details' must be a mapping");
	assert_refused(MESSAGE DIAGNOSIS "    absorbs: x\n", "t:10:14: must be a list");
	assert_refused(MESSAGE DIAGNOSIS "    examples:\n      - lines: [a]\n        absent: no\n",
		"t:12:17: 'no' must be one of: false, true");
}

static void missing_keys_are_errors(void **state)
{
	(void)state;
	assert_refused("messages:\n  - text: Device failed\n    event: x\n",
		"t:2:5: a message lacks the key 'id'");
	assert_refused("messages:\n  - id: ASA-725006\n    text: Device failed\n",
		"t:2:5: a message lacks the key 'event'");
	assert_refused("messages:\n  - id: ASA-725006\n    event: x\n",
		"t:2:5: a message needs either 'text' or 'pattern'");
	assert_refused("messages:\n  - id: ASA-725006\n    text: []\n    event: x\n",
		"t:2:5: a message needs either");
	assert_refused(
		MESSAGE "    pattern: abc\n", "t:2:5: a message needs either 'text' or 'pattern'");
	assert_refused(MESSAGE "    examples:\n      - event: failed\n",
		"t:6:9: an example lacks the key 'line'");
	assert_refused(MESSAGE "    cases:\n      - {event: failed}\n",
		"t:6:10: a case needs a field to look at");
	assert_refused(MESSAGE "diagnoses:\n  - id: d\n    when: failed\n    remedy: r\n",
		"t:6:5: a diagnosis lacks the key 'title'");
	assert_refused(MESSAGE "diagnoses:\n  - id: d\n    when: failed\n    title: r\n",
		"t:6:5: a diagnosis lacks the key 'remedy'");
	assert_refused(MESSAGE "diagnoses:\n  - id: d\n    title: t\n    remedy: r\n",
		"t:6:5: a diagnosis needs 'when'");
	assert_refused(MESSAGE
		"diagnoses:\n  - id: d\n    when: failed\n    title: {ko: x}\n    remedy: r\n",
		"t:8:13: a text by language lacks the key 'en'");
}

static void keys_stand_once(void **state)
{
	(void)state;
	assert_refused(MESSAGE "    event: failed\n", "t:5:5: key 'event' stands twice");
	assert_refused(MESSAGE "    cases:\n      - {client: a, event: x, client: b}\n",
		"t:6:31: 'client' stands twice");
	assert_refused(MESSAGE "    cases:\n      - {client: a, event: x, event: y}\n",
		"t:6:31: 'event' stands twice");
	assert_refused(MESSAGE "    examples:\n      - {line: x, fields: {client: a, client: b}}\n",
		"t:6:39: 'client' stands twice");
	assert_refused(MESSAGE DIAGNOSIS "    details: {a: client, a: client}\n",
		"t:10:26: 'a' stands twice");
	assert_refused(MESSAGE
		"diagnoses:\n  - id: d\n    when: {event: failed, where: {client: a, client: b}}\n"
		"    title: t\n    remedy: r\n",
		"t:7:46: 'client' stands twice");
}

static void an_id_is_six_digits_or_a_name(void **state)
{
	(void)state;
	static const char *const wrong[] = {"ASA-72500", "ASA-7250066", "ASA-72500a", "asa-725006",
		"725006", "ASA725006", "PIX-725006", "PHONE-", "PHONE-Hash", "PHONE", "ASA-",
		"ASA-PHONE-x", "\"ASA-725006 \"", "\"ASA- 12345\"", "\"ASA-+12345\"",
		"\"ASA--12345\"", "\"ASA-  1234\"", "ASA--00001"};
	for (size_t i = 0; i < N(wrong); i++) {
		char text[128], place[64];
		snprintf(text, sizeof(text),
			"messages:\n  - id: %s\n    text: Device failed\n    event: x\n", wrong[i]);
		snprintf(place, sizeof(place), "t:2:9: '");
		assert_refused(text, place);
	}
}

static void ids_are_not_given_twice(void **state)
{
	(void)state;
	assert_refused(MESSAGE
		"  - id: ASA-725006\n    text: Device failed otherwise\n    event: y\n",
		"t:5:9: duplicate id 'ASA-725006'; first at t:2");
	assert_refused(MESSAGE DIAGNOSIS
		"  - id: d\n    when: failed\n    title: t\n    remedy: r\n",
		"t:10:9: duplicate id 'd'; first at t:6");
}

static void unknown_names_are_errors(void **state)
{
	(void)state;
	assert_refused(MESSAGE
		"diagnoses:\n  - id: d\n    when: filed\n    title: t\n    remedy: r\n",
		"t:7:11: unknown event 'filed': no message has it");
	assert_refused(MESSAGE DIAGNOSIS "    recovers: [up]\n", "t:10:16: unknown event 'up'");
	assert_refused(MESSAGE DIAGNOSIS "    evidence: [failed, nothing]\n",
		"t:10:24: unknown event 'nothing'");
	assert_refused(
		MESSAGE DIAGNOSIS "    attempts: [nothing]\n", "t:10:16: unknown event 'nothing'");
	assert_refused(MESSAGE "recovery:\n  - up\n", "t:6:5: unknown event 'up'");
	assert_refused(
		MESSAGE DIAGNOSIS "    details:\n      a: usr\n", "t:11:10: unknown field 'usr'");
	assert_refused(MESSAGE DIAGNOSIS "    details:\n      a: filed.user\n",
		"t:11:10: unknown event 'filed'");
	assert_refused(MESSAGE "    examples:\n      - line: x\n        fields: {usr: x}\n",
		"t:7:18: unknown field 'usr'");
	assert_refused(MESSAGE "    cases:\n      - {raeson: x, event: y}\n",
		"t:6:10: unknown field 'raeson'");
	assert_refused(MESSAGE DIAGNOSIS "    absorbs:\n      - d\n      - e\n",
		"t:12:9: 'absorbs' names an unknown diagnosis 'e'");
	assert_refused(MESSAGE "    while: e\n", "t:5:12: 'while' names an unknown diagnosis 'e'");
}

static void names_are_slugs(void **state)
{
	(void)state;
	assert_refused(
		"messages:\n  - id: ASA-725006\n    text: Device failed\n    event: Failed\n",
		"t:4:12: 'Failed' is no name: lower-case letters, digits and hyphens");
	assert_refused("messages:\n  - id: ASA-725006\n    text: Device failed\n    event: 'a b'\n",
		"t:4:12: 'a b' is no name");
	assert_refused(MESSAGE
		"diagnoses:\n  - id: D_1\n    when: failed\n    title: t\n    remedy: r\n",
		"t:6:9: 'D_1' is no name");
}

// ---- texts and patterns ----

#define TEXT(text) "messages:\n  - id: ASA-725006\n    event: x\n    text: " text "\n"

static void placeholders_have_a_known_type(void **state)
{
	(void)state;
	assert_refused(TEXT("Device failed with {peer_name}"),
		"t:4:11: placeholder {peer_name} has no known type; write {name:type}, type one of text user word address "
		"port number device hash list");
	assert_refused(TEXT("Device failed with {peer_name:string}"),
		"t:4:11: placeholder {peer_name:string} is of unknown type");
	assert_refused(TEXT("Device failed with {client:word}"),
		"t:4:11: {client} is always of type address: write it without a type");
	assert_refused(TEXT("'Device failed {{x:number} {level:number}, {level:word}'"),
		"t:4:11: {level} has another type, number, at t:4");
	assert_refused(
		TEXT("[Device, 'Device {level:number}',\n      'Device failed {level:word}']"),
		"t:5:7: {level} has another type, number, at t:4");
	assert_refused(TEXT("'Device failed {Level:number}'"),
		"t:4:11: placeholder {Level:number}: a name has letters a-z and _");
	assert_refused(TEXT("Device failed with {client"), "t:4:11: a { without its }");
	assert_refused(TEXT("Device failed with {client}{port}"),
		"t:4:11: two placeholders need literal text");
	assert_refused(TEXT("Device failed with {}"), "t:4:11: a placeholder needs a name");
}

static void a_text_needs_something_to_be_found_by(void **state)
{
	(void)state;
	assert_refused(TEXT("'{reason}'"), "t:4:11: no literal text");
	assert_refused(TEXT("'{client}: {reason}'"), "t:4:11: no literal text");
	assert_refused(TEXT("''"), "t:4:");
	assert_refused(
		"messages:\n  - id: PHONE-x\n    event: x\n    text: '{reason} was the reason'\n",
		"t:4:11: a phone's text must begin with literal text");
}

static void each_of_several_texts_has_its_place(void **state)
{
	(void)state;
	assert_refused(
		"messages:\n  - id: ASA-725006\n    event: x\n    text:\n      - Device failed\n"
		"      - Device failed with {nothing}\n",
		"t:6:9: placeholder {nothing} has no known type");
	char text[32 * 1024];
	int n = snprintf(text, sizeof(text),
		"messages:\n  - id: ASA-725006\n    event: x\n    text:\n      - Device failed\n      - ");
	memset(text + n, 'a', 20000);
	strcpy(text + n + 20000, "\n");
	assert_refused(text, "t:6:9: a text of 20000 bytes: at most 1024");
	strcpy(text, "messages:\n  - id: ASA-725006\n    event: x\n    text: [");
	for (int i = 0; i < 9; i++)
		strcat(text, "Device failed, ");
	strcat(text, "]\n");
	assert_refused(text, "t:4:");
}

#define PATTERN(pattern) "messages:\n  - id: ASA-725006\n    event: x\n    pattern: '" pattern "'\n"

static void a_pattern_that_hyperscan_refuses_is_refused_with_its_reason(void **state)
{
	(void)state;
	assert_refused(
		PATTERN("(a+)\\1"), "t:4:14: pattern refused: Back-references are unsupported");
	assert_refused(PATTERN("(?=a)b"), "t:4:14: pattern refused: ");
	assert_refused(PATTERN("a("), "t:4:14: pattern refused: Missing close parenthesis");
	assert_refused(
		PATTERN("a*"), "t:4:14: pattern refused: no literal text to find the message by");
	assert_refused(PATTERN("[a-"), "t:4:14: pattern refused: ");
	assert_refused(PATTERN(""), "t:4:");
}

static void a_pattern_that_grows_beyond_measure_is_refused(void **state)
{
	(void)state;
	assert_refused(PATTERN("(.{1,30000}x){30}"), "t:4:14: pattern refused: ");
}

// ---- the file as bytes; test_yaml.c has more of this ----

static void bad_bytes_have_a_place(void **state)
{
	(void)state;
	assert_refused(MESSAGE "    while: \xff\n", "t:5:12: not valid UTF-8");
	assert_refused("messages: &a []\ndiagnoses: *a\n", "t:");
	rules_refused("messages: []\n\0", 14, "t:2:1: a NUL byte", __FILE__, __LINE__);
	assert_refused("messages:\n  - id: \"ASA-725006\"\n    text: \"a\\0bcdef\"\n    event: x\n",
		"t:3:11: ");
}

// ---- rules that could never do what they say ----

#define TWO                                                                                  \
	MESSAGE "  - {id: ASA-100001, text: 'Interface {interface} is down', event: down}\n" \
		"  - {id: PHONE-a, text: 'phone says {reason}', event: said}\n"
#define RULE(id, more) "  - {id: " id ", title: t, remedy: r, " more "}\n"

static void a_phones_diagnosis_sees_what_names_a_phone(void **state)
{
	(void)state;
	static const char nobody[] =
		"no message of 'down' names a phone (by {client}, {tunnel}, {user}, {device}, "
		"{subject} or its handshake): 'scope: gateway', or {gateway: down, within: 1h}";
	char wanted[256];
	snprintf(wanted, sizeof(wanted), "t:8:40: %s", nobody);
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: down"), wanted);
	snprintf(wanted, sizeof(wanted), "t:8:74: %s", nobody);
	assert_refused(TWO
		"diagnoses:\n" RULE("d", "when: failed, causes: [{cause: x, when: down}]"),
		wanted);
	snprintf(wanted, sizeof(wanted), "t:8:59: %s", nobody);
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, recovers: [down]"), wanted);
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, evidence: [down]"), wanted);
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, attempts: [down]"), wanted);
	snprintf(wanted, sizeof(wanted), "t:7:12: %s", nobody);
	assert_refused(TWO "recovery: [down]\n", wanted);
	assert_refused(TWO "diagnoses:\n" RULE("d", "scope: gateway, when: said"),
		"t:8:56: 'said' comes from phones alone, no gateway logs it: 'scope: phone'");
	assert_refused(TWO
		"diagnoses:\n" RULE("d", "when: {all: [failed, {gateway: said, within: 1h}]}"),
		"t:8:56: 'said' comes from phones alone, no gateway logs it");
	struct vocabulary *v = vocabulary_create();
	rulepack_destroy(rules_load(v,
		TWO "diagnoses:\n" RULE("d", "scope: gateway, when: down")
			RULE("e", "when: {all: [said, {gateway: down, within: 1h}]}")));
	// Bound to a handshake, or to the line before.
	rulepack_destroy(rules_load(v,
		"messages:\n  - {id: ASA-100001, text: lib error, event: a, handshake: reason-late}\n"
		"  - {id: ASA-100002, text: chain, event: b, handshake: chain}\n"
		"  - {id: ASA-100003, text: 'more {reason}', event: c, cases: [{reason: x, handshake: follows}]}\n"
		"diagnoses:\n" RULE("d", "when: {any: [a, b, c]}")));
	vocabulary_destroy(v);
	// An entry of a list goes no further than that list.
	assert_refused(
		"messages:\n  - {id: ASA-100001, text: 'name {cipher} of {client}', event: a, "
		"handshake: cipher}\ndiagnoses:\n" RULE("d", "when: a"),
		"t:4:40: no message of 'a' names a phone");
}

static void absorbing_goes_one_way_in_one_scope(void **state)
{
	(void)state;
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, absorbs: [d]"),
		"t:8:58: 'd' cannot absorb itself");
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, absorbs: [e]")
			       RULE("e", "scope: gateway, when: down"),
		"t:8:58: 'e' has another scope: a diagnosis absorbs those of its own session");
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, absorbs: [e]") RULE("e",
			       "when: said, absorbs: [f]") RULE("f", "when: said, absorbs: [d]"),
		"t:8:58: 'e' absorbs 'd' in turn: one of them is the consequence");
	struct vocabulary *v = vocabulary_create();
	rulepack_destroy(
		rules_load(v, TWO "diagnoses:\n" RULE("d", "when: failed, absorbs: [e, f]")
				      RULE("e", "when: said, absorbs: [f]") RULE("f", "when: said")
					      RULE("f", "scope: gateway, when: down")));
	vocabulary_destroy(v);
}

static void what_is_expected_is_told_by_phones_that_are_well(void **state)
{
	(void)state;
#define WELL "recovers: [failed], evidence: [said]"
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, " WELL ", expects: {a: reason}"),
		"t:8:99: what is expected is a field of one event: event.reason");
	assert_refused(TWO
		"diagnoses:\n" RULE("d", "when: failed, " WELL ", expects: {a: no.reason}"),
		"t:8:99: unknown event 'no'");
	assert_refused(TWO
		"diagnoses:\n" RULE("d", "when: failed, " WELL ", expects: {a: said.client}"),
		"t:8:99: no message of 'said' has a {client}; fields there: {reason}");
	assert_refused(TWO
		"diagnoses:\n" RULE("d", "when: failed, " WELL ", expects: {cause: said.reason}"),
		"t:8:96: 'cause' is no name of a detail: it is filled without");
	assert_refused(TWO
		"diagnoses:\n" RULE("d",
			"when: failed, " WELL ", details: {a: reason}, expects: {a: said.reason}"),
		"t:8:121: 'a' is one of the 'details' too");
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, recovers: [said], "
						    "expects: {a: said.reason}"),
		"t:8:79: 'said' is no event of the diagnosis: 'evidence: [said]'");
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: said, recovers: [failed], "
						    "expects: {a: said.reason}"),
		"t:8:79: 'said' is a sign of the diagnosis: no phone that is well has it");
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, recovers: [], evidence: [said], "
						    "quiet: 1m, expects: {a: said.reason}"),
		"t:8:104: 'expects' takes an event in 'recovers': nothing tells that a phone is well");
	assert_refused(TWO
		"diagnoses:\n" RULE("d", "when: failed, " WELL ", expects: {a: said.reason, "
					 "b: said.reason, c: said.reason}"),
		"t:8:128: more than 2 details that are expected");
	struct vocabulary *v = vocabulary_create();
	struct rulepack *pack = rules_load(v,
		TWO "diagnoses:\n" RULE("d", "when: failed, " WELL ", expects: {a: said.reason}"));
	const struct diagnosis_rule *rule = &pack->diagnoses[0];
	assert_int_equal(rule->n_expected, 1);
	assert_string_equal(rule->expected[0].name, "a");
	assert_true(pack->expecting[0] & 1);
	rulepack_destroy(pack);
	vocabulary_destroy(v);
}

static void an_example_tells_details_that_there_are(void **state)
{
	(void)state;
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, details: {a: client}, examples: "
						    "[{lines: [x], details: {b: ''}}]"),
		"t:8:104: 'd' has no detail 'b'");
}

static void a_detail_is_of_the_diagnosis_events(void **state)
{
	(void)state;
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, details: {a: reason}"),
		"t:8:61: no event of the diagnosis has a {reason}");
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, details: {a: said.reason}"),
		"t:8:61: 'said' is no event of the diagnosis");
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, details: {a: failed.reason}"),
		"t:8:61: no message of 'failed' has a {reason}; fields there: {client}");
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, details: {cause: client}"),
		"t:8:58: 'cause' is no name of a detail: it is filled without");
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, details: {devices: client}"),
		"t:8:58: 'devices' is no name of a detail");
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, details: {'': client}"),
		"t:8:58: '' is no name of a detail");
	struct vocabulary *v = vocabulary_create();
	rulepack_destroy(rules_load(v,
		TWO "diagnoses:\n" RULE("d", "when: failed, evidence: [said], details: {a: reason}")
			RULE("e", "when: failed, absorbs: [d], details: {a: said.reason}")
				RULE("f", "when: {all: [failed, {gateway: down, within: 1h}]}, "
					  "details: {a: interface}")));
	vocabulary_destroy(v);
}

static void a_cause_has_a_name_of_its_own(void **state)
{
	(void)state;
	assert_refused(TWO
		"diagnoses:\n" RULE("d", "when: failed, causes: "
					 "[{cause: x, when: failed}, {cause: x, when: said}]"),
		"t:8:84: two causes 'x': {any: [...]} takes both");
	assert_refused(TWO "diagnoses:\n" RULE("d",
			       "when: failed, causes: "
			       "[{cause: a2345678901234567890123456789012, when: failed}]"),
		"t:8:65: a name of 1 to 31 bytes");
	assert_refused(TWO
		"diagnoses:\n" RULE("d", "when: failed, causes: [{cause: '', when: failed}]"),
		"t:8:65: a name of 1 to 31 bytes");
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, cause: ''"),
		"t:8:55: a name of 1 to 31 bytes");
}

static void words_are_not_empty(void **state)
{
	(void)state;
	assert_refused(MESSAGE "diagnoses:\n  - {id: d, when: failed, title: '', remedy: r}\n",
		"t:6:34: must not be empty");
	assert_refused(MESSAGE "diagnoses:\n  - {id: d, when: failed, title: ~, remedy: r}\n",
		"t:6:27: key 'title' has no value");
	assert_refused(MESSAGE
		"diagnoses:\n  - {id: d, when: failed, title: t, remedy: {en: t, ko: ''}}\n",
		"t:6:57: must not be empty");
}

static void an_action_on_names_has_them(void **state)
{
	(void)state;
	assert_refused(
		"messages:\n  - {id: ASA-722051, text: 'Address {tunnel} set', event: up, alias: assign}\n",
		"t:2:6: 'alias: assign' ties two of {client}, {tunnel} and {user}: the message lacks them");
	assert_refused(
		"messages:\n  - {id: ASA-722051, text: 'Address {pool} freed', event: up, alias: release}\n",
		"t:2:6: 'alias: release' ends one of {client}, {tunnel} and {user}");
	assert_refused(
		"messages:\n  - {id: ASA-722051, text: 'now at {client_new}', event: up, alias: move}\n",
		"t:2:6: 'alias: move' goes from {client} to {client_new}");
	assert_refused("messages:\n  - {id: ASA-722051, text: 'Address {tunnel} set', event: up, "
		       "cases: [{tunnel: 10.*, alias: assign}]}\n",
		"t:2:6: 'alias: assign' ties two of");
}

static void cases_look_at_fields_of_the_message(void **state)
{
	(void)state;
	assert_refused(MESSAGE "    cases: [{reason: x, event: y}]\n",
		"t:5:14: no text of the message has a {reason}; fields there: {client}");
	assert_refused(
		"messages:\n  - {id: PHONE-a, pattern: abc, event: a, cases: [{reason: x, event: b}]}\n",
		"t:2:52: a 'pattern' has no fields for 'cases': write a 'text'");
}

static void a_list_of_events_has_no_conditions(void **state)
{
	(void)state;
	assert_refused(TWO "diagnoses:\n" RULE("d", "when: failed, evidence: "
						    "[{event: failed, where: {client: x}}]"),
		"t:8:60: an event alone: 'where' and 'disjoint' change nothing here");
}

static void a_pack_knows_some_message(void **state)
{
	(void)state;
	rules_say("", "t:1:1: no 'messages' in it: no line would be known\n");
	rules_say("messages: []\n", "t:1:1: no 'messages' in it: no line would be known\n");
}

// A message that could not be read would make others wrong that are not.
static void one_bad_message_brings_no_errors_of_others(void **state)
{
	(void)state;
	rules_say(
		"messages:\n  - {id: PHONE-a, text: 'said {reason', event: said}\n"
		"recovery: [said]\n"
		"diagnoses:\n  - {id: d, when: {event: said, where: {reason: x}}, title: t, remedy: r}\n",
		"t:2:25: a { without its }\n");
}

// ---- limits ----

static void lists_have_limits(void **state)
{
	(void)state;
	char *text = malloc(1 << 20), *at = text, wanted[64];
	struct vocabulary *v = vocabulary_create();
	struct vocabulary_mark mark = vocabulary_mark(v);
	at += sprintf(at, "messages:\n");
	for (int i = 0; i < RULES_MESSAGES_MAX + 1; i++)
		at += sprintf(at, "  - {id: ASA-%06d, text: Device failed, event: x}\n", i);
	assert_refused(text, "t:1026:6: more than 1024 messages");
	at = text + sprintf(text, MESSAGE "    cases:\n");
	for (int i = 0; i < RULES_CASES_MAX + 1; i++)
		at += sprintf(at, "      - {client: x, event: y}\n");
	assert_refused(text, "t:30:10: more than 24 cases");
	at = text + sprintf(text, MESSAGE DIAGNOSIS "    details:\n");
	for (int i = 0; i < RULES_DETAILS_MAX + 1; i++)
		at += sprintf(at, "      d%d: user\n", i);
	assert_refused(text, "t:19:7: more than 8 details");
	at = text + sprintf(text, MESSAGE DIAGNOSIS "    causes:\n");
	for (int i = 0; i < RULES_CAUSES_MAX + 1; i++)
		at += sprintf(at, "      - {cause: x%d, when: failed}\n", i);
	assert_refused(text, "t:23:10: more than 12 causes");
	at = text + sprintf(text, MESSAGE DIAGNOSIS "    recovers: [");
	for (int i = 0; i < RULES_RECOVERS_MAX + 1; i++)
		at += sprintf(at, "failed, ");
	strcpy(at, "]\n");
	assert_refused(text, "t:10:112: more than 12 signs of success");
	at = text + sprintf(text, MESSAGE "diagnoses:\n");
	for (int i = 0; i < DIAGNOSES_MAX + 1; i++)
		at += sprintf(at, "  - {id: d%d, when: failed, title: t, remedy: r}\n", i);
	assert_refused(text, "t:134:6: more than 128 diagnoses");
	at = text + sprintf(text, "messages:\n");
	for (int i = 0; i < EVENTS_MAX + 1; i++)
		at += sprintf(at, "  - {id: ASA-%06d, text: Device failed, event: e%d}\n", i, i);
	assert_refused(text,
		"t:514:50: more than 512 names, with those of earlier packs, until a restart\n");
	at = text + sprintf(text, "messages:\n");
	for (int i = 0; i < 257; i++)
		at += sprintf(at, "  - {id: PHONE-m%d, event: e, text: [%s]}\n", i,
			"abc, abc, abc, abc, abc, abc, abc, abc");
	assert_refused(text, "t:258:39: more than 2048 texts of messages\n");
	at = text + sprintf(text, "messages:\n");
	for (int i = 0; i < 257; i++) {
		at += sprintf(at, "  - {id: PHONE-m%d, event: e, text: ", i);
		memset(at, 'a', RULES_TEXT_BYTES_MAX);
		at += RULES_TEXT_BYTES_MAX;
		at += sprintf(at, "}\n");
	}
	assert_refused(text, "t:258:38: more than 262144 bytes of all texts\n");
	at = text + sprintf(text, "messages:\n");
	for (int i = 0; i < 65; i++)
		at += sprintf(at, "  - {id: PHONE-m%d, event: e, pattern: abc}\n", i);
	assert_refused(text, "t:66:40: more than 64 patterns\n");
	at = text + sprintf(text, "messages:\n");
	for (int i = 0; i < FIELD_MAX; i++)
		at += sprintf(at, "  - {id: PHONE-m%d, text: 'Device {x%c%c:word}', event: e}\n", i,
			'a' + i / 26, 'a' + i % 26);
	snprintf(wanted, sizeof(wanted), "t:%d:", FIELD_MAX - (int)field_count() + 2);
	assert_refused(text, wanted);
	vocabulary_restore(v, &mark);
	vocabulary_destroy(v);
	free(text);
}

static void when_is_another_name_of_probable(void **state)
{
	(void)state;
	assert_refused(MESSAGE DIAGNOSIS "    probable: failed\n",
		"t:10:15: 'when' is another name of 'probable'");
}

// ---- directories ----

static char dir[] = "/tmp/offhook-test-rules-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void put(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void discard(const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	remove(path);
}

static void load_is_refused(const char *path, const char *format)
{
	struct vocabulary *v = vocabulary_create();
	struct report report = {0};
	char wanted[256];
	snprintf(wanted, sizeof(wanted), format, dir);
	assert_null(rulepack_load(path, v, &report));
	if (report.text == NULL || strstr(report.text, wanted) == NULL)
		fail_msg("said: %s, not: %s", report.text ? report.text : "nothing", wanted);
	report_fini(&report);
	vocabulary_destroy(v);
}

static void the_files_of_a_directory_are_one_pack(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	struct report report = {0};
	put("20-messages.yaml", MESSAGE);
	put("10-diagnoses.yml", DIAGNOSIS);
	put("30-more.yaml",
		"messages:\n  - {id: ASA-725014, text: SSL lib error, event: reason}\n");
	put(".hidden.yaml", "nonsense");
	put("README.md", "nonsense");
	put("old.yaml~", "nonsense");
	struct rulepack *pack = rulepack_load(dir, v, &report);
	assert_non_null(pack);
	assert_int_equal(pack->n_messages, 2);
	assert_string_equal(pack->messages[0].id, "ASA-725006"); // in the order of the names
	assert_int_equal(pack->n_diagnoses, 1);
	rulepack_destroy(pack);
	// Errors name the file they are in; a duplicate names the other one too.
	put("40-twice.yaml", MESSAGE);
	load_is_refused(dir, "%s/40-twice.yaml:2:9: duplicate id 'ASA-725006'; first at ");
	discard("40-twice.yaml");
	put("40-diagnoses.yaml", "diagnoses:\n  - {id: e, when: nothing, title: t, remedy: r}\n");
	load_is_refused(dir, "%s/40-diagnoses.yaml:2:19: unknown event 'nothing'");
	discard("40-diagnoses.yaml");
	discard("20-messages.yaml");
	discard("10-diagnoses.yml");
	discard("30-more.yaml");
	vocabulary_destroy(v);
}

static void one_file_is_a_pack_too(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	struct report report = {0};
	char path[128];
	put("one.yaml", MESSAGE);
	snprintf(path, sizeof(path), "%s/one.yaml", dir);
	struct rulepack *pack = rulepack_load(path, v, &report);
	assert_non_null(pack);
	rulepack_destroy(pack);
	discard("one.yaml");
	vocabulary_destroy(v);
}

static void what_cannot_be_read_is_named(void **state)
{
	(void)state;
	char path[128];
	load_is_refused(
		"/proc/no-such/rules", "/proc/no-such/rules:1:1: No such file or directory");
	load_is_refused(dir, "%s:1:1: no *.yaml in it");
	snprintf(path, sizeof(path), "%s/folder.yaml", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	load_is_refused(dir, "%s/folder.yaml:1:1: not a regular file");
	rmdir(path);
	snprintf(path, sizeof(path), "%s/big.yaml", dir);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(ftruncate(fd, 100 << 20), 0);
	close(fd);
	load_is_refused(dir, "%s/big.yaml:1:1: file of 104857600 bytes; at most 1048576 are read");
	unlink(path);
	snprintf(path, sizeof(path), "%s/gone.yaml", dir);
	assert_int_equal(symlink("/proc/no-such", path), 0);
	load_is_refused(dir, "%s/gone.yaml:1:1: No such file or directory");
	unlink(path);
	load_is_refused("/dev/null", "/dev/null:1:1: not a regular file");
}

// With a file missing, half the names of the others would seem unknown.
static void one_bad_file_brings_no_errors_of_others(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	struct report report = {0};
	put("a.yaml", "messages: [\n");
	put("b.yaml", DIAGNOSIS);
	assert_null(rulepack_load(dir, v, &report));
	assert_non_null(strstr(report.text, "/a.yaml:"));
	assert_null(strstr(report.text, "/b.yaml:"));
	report_fini(&report);
	discard("a.yaml");
	discard("b.yaml");
	vocabulary_destroy(v);
}

// They are all in memory at the same time.
static void files_are_bounded_together(void **state)
{
	(void)state;
	size_t len = RULES_FILE_BYTES_MAX;
	char *text = malloc(len + 1), name[32];
	memset(text, '\n', len);
	text[len] = '\0';
	for (int i = 0; i < 18; i++) {
		snprintf(name, sizeof(name), "f%02d.yaml", i);
		put(name, text);
	}
	load_is_refused(dir,
		"%s/f16.yaml:1:1: more than 16777216 bytes, with those of the files before it\n");
	size_t n = (size_t)sprintf(text, "recovery:\n");
	while (n < len - 8)
		n += (size_t)sprintf(text + n, "- []\n");
	for (int i = 0; i < 18; i++) {
		snprintf(name, sizeof(name), "f%02d.yaml", i);
		put(name, i < 2 ? text : "");
	}
	load_is_refused(dir, "%s/f00.yaml:199999:3: more than 200000 values\n");
	text[600000] = '\0';
	put("f00.yaml", text);
	put("f01.yaml", text);
	load_is_refused(dir,
		"%s/f01.yaml:79998:3: more than 200000 values, with those of the files before it\n");
	for (int i = 0; i < 18; i++) {
		snprintf(name, sizeof(name), "f%02d.yaml", i);
		discard(name);
	}
	free(text);
}

static void more_than_256_files_are_refused(void **state)
{
	(void)state;
	char name[32];
	for (int i = 0; i < 257; i++) {
		snprintf(name, sizeof(name), "f%d.yaml", i);
		put(name, "messages: []\n");
	}
	load_is_refused(dir, "%s:1:1: more than 256 rule files");
	for (int i = 0; i < 257; i++) {
		snprintf(name, sizeof(name), "f%d.yaml", i);
		discard(name);
	}
}

// ---- alerts ----

#define ALERT_HEAD MESSAGE DIAGNOSIS "alerts:\n  - id: a\n    name: A\n    category: c\n"
#define ALERT_TEXTS "    title: t\n    summary: s\n    remedy: r\n"
#define ALERT_LEVEL "    levels: {severity: high, phones: 5}\n"

static void an_alert_is_read(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	struct rulepack *pack = rules_load(v, ALERT_HEAD
		"    of: [{diagnosis: d, confidence: confirmed}]\n"
		"    by: [gateway, leaf_hash]\n"
		"    window: 10m\n"
		"    levels:\n"
		"      - {severity: low, phones: 5, share: 20%}\n"
		"      - {severity: critical, days: 7, gateway: true}\n"
		"    resolves: {below: 10%, for: 90s}\n"
		"    hold: 1h\n"
		"    storm: 0\n"
		"    examples:\n"
		"      - steps: [{phones: 3, days: 2}, +5m]\n"
		"        absent: true\n" ALERT_TEXTS
		"  - {id: b, name: B, category: c, silent: 15m, levels: {severity: info}, "
		"title: t, summary: s, remedy: r}\n");
	const struct alert_rule *rule = &pack->alerts[0];
	assert_int_equal(pack->n_alerts, 2);
	assert_int_equal(rule->source, ALERT_OF_DIAGNOSES);
	assert_int_equal(rule->of[0].least, CONFIDENCE_CONFIRMED);
	assert_string_equal(rule->of[0].diagnosis, "d");
	assert_int_equal(rule->n_by, 2);
	assert_int_equal(rule->by[1], ALERT_BY_LEAF_HASH);
	assert_int_equal(rule->window_ms, 600000);
	assert_int_equal(rule->levels[0].phones, 5);
	assert_int_equal(rule->levels[0].share, 20);
	assert_int_equal(rule->levels[0].days, -1);
	assert_int_equal(rule->levels[1].severity, SEVERITY_CRITICAL);
	assert_int_equal(rule->levels[1].days, 7);
	assert_true(rule->levels[1].gateway);
	assert_int_equal(rule->resolves.share, 10);
	assert_int_equal(rule->resolves.for_ms, 90000);
	assert_int_equal(rule->hold_ms, 3600000);
	assert_int_equal(rule->storm, 0);
	assert_int_equal(rule->examples[0].n_steps, 2);
	assert_int_equal(rule->examples[0].steps[1].wait_ms, 300000);
	assert_int_equal(pack->alerts[1].source, ALERT_SILENT);
	assert_int_equal(pack->alerts[1].by[0], ALERT_BY_GATEWAY);
	assert_int_equal(pack->alerts[1].storm, ALERT_STORM);
	rulepack_destroy(pack);
	vocabulary_destroy(v);
}

static void mistakes_in_an_alert_have_their_place(void **state)
{
	(void)state;
	assert_refused(
		ALERT_HEAD ALERT_LEVEL ALERT_TEXTS "    of: e\n", "t:18:9: unknown diagnosis 'e'");
	assert_refused(ALERT_HEAD ALERT_LEVEL ALERT_TEXTS "    of: d\n    bye: gateway\n",
		"t:19:5: unknown key 'bye' in an alert; known: id, name");
	assert_refused(ALERT_HEAD ALERT_LEVEL ALERT_TEXTS "    of: d\n    by: colour\n",
		"t:19:9: 'colour' must be one of: gateway, site, leaf_hash");
	assert_refused(ALERT_HEAD ALERT_LEVEL ALERT_TEXTS "    of: d\n    by: [site, site]\n",
		"t:19:16: 'site' stands twice");
	assert_refused(ALERT_HEAD ALERT_LEVEL ALERT_TEXTS
		"    of: {diagnosis: d, confidence: sure}\n",
		"t:18:36: 'sure' must be one of: suspected, probable, confirmed");
	assert_refused(ALERT_HEAD ALERT_LEVEL ALERT_TEXTS "    of: {diagnosis: d, causes: x}\n",
		"t:18:10: 'd' has no cause 'x'");
	assert_refused(ALERT_HEAD ALERT_LEVEL ALERT_TEXTS, "t:11:5: an alert is of one of: 'of'");
	assert_refused(ALERT_HEAD ALERT_LEVEL ALERT_TEXTS "    of: d\n    silent: 5m\n",
		"t:11:5: an alert is of one of: 'of'");
	assert_refused(ALERT_HEAD ALERT_LEVEL ALERT_TEXTS "    silent: 5m\n    by: site\n",
		"t:11:5: 'by' is for alerts of diagnoses");
	assert_refused(ALERT_HEAD ALERT_LEVEL ALERT_TEXTS "    of: d\n    window: 31d\n",
		"t:19:13: must be at most 30d");
	assert_refused(ALERT_HEAD ALERT_LEVEL ALERT_TEXTS "    of: d\n    resolves: {below: 6}\n",
		"t:19:16: it resolves below 6 phones, and fires at 5");
	assert_refused(ALERT_HEAD ALERT_LEVEL ALERT_TEXTS "    of: d\n    absorbs: b\n",
		"t:19:14: 'absorbs' names an unknown alert 'b'");
	assert_refused(ALERT_HEAD ALERT_LEVEL ALERT_TEXTS "    of: d\n    absorbs: a\n",
		"t:19:14: 'a' cannot absorb itself");
	assert_refused(
		ALERT_HEAD ALERT_TEXTS "    of: d\n    levels: []\n", "t:11:9: 'a' has no level");
	assert_refused(ALERT_HEAD ALERT_TEXTS "    of: d\n    levels: {severity: bad}\n",
		"t:18:24: 'bad' must be one of: info, low, medium, high, critical");
	assert_refused(ALERT_HEAD ALERT_TEXTS "    of: d\n    levels: {severity: low, share: 5%}\n",
		"t:18:14: a 'share' needs a floor: 'phones'");
	assert_refused(ALERT_HEAD ALERT_TEXTS
		"    of: d\n    levels: {severity: low, phones: 2, share: 101%}\n",
		"t:18:47: '101%' must be a share from 1% to 100%");
	assert_refused(ALERT_HEAD ALERT_TEXTS
		"    of: d\n    by: model\n    levels: {severity: low, phones: 2, share: 10%}\n",
		"t:19:14: a 'share' is of the phones known at a gateway or site");
	assert_refused(ALERT_HEAD ALERT_LEVEL
		"    of: d\n    title: t\n    summary: '{gatway}'\n    remedy: r\n",
		"t:11:9: the summary of 'a' has an unknown slot {gatway}");
	assert_refused(ALERT_HEAD ALERT_LEVEL ALERT_TEXTS
		"    of: d\n    examples:\n      - steps: [5m]\n",
		"t:20:17: '5m' must be + and a time");
	assert_refused(MESSAGE DIAGNOSIS "alerts:\n  - {id: a, name: fleet-x, category: c}\n",
		"t:11:19: 'fleet-x' is no name such as FleetCertificateMismatch");
	assert_refused(ALERT_HEAD ALERT_LEVEL ALERT_TEXTS
		"    of: d\n  - {id: a, name: A, category: c, of: d, levels: {severity: low}, "
		"title: t, summary: s, remedy: r}\n",
		"t:19:10: duplicate id 'a'; first at t:11");
}

static void alerts_do_not_absorb_one_another_in_turn(void **state)
{
	(void)state;
	assert_refused(ALERT_HEAD ALERT_LEVEL ALERT_TEXTS
		"    of: d\n    absorbs: b\n  - {id: b, name: B, category: c, of: d, absorbs: a,\n"
		"     levels: {severity: low}, title: t, summary: s, remedy: r}\n",
		"t:19:14: 'b' absorbs 'a' in turn");
	assert_refused(ALERT_HEAD ALERT_LEVEL ALERT_TEXTS
		"    of: d\n    absorbs: b\n  - {id: b, name: B, category: c, of: d, by: model,\n"
		"     levels: {severity: low}, title: t, summary: s, remedy: r}\n",
		"t:19:14: an alert absorbs those of its own gateway");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_of_the_design_is_read),
		cmocka_unit_test(a_diagnosis_may_stand_before_its_messages),
		cmocka_unit_test(keys_stand_in_any_order),
		cmocka_unit_test(one_id_may_have_no_number_but_a_name),
		cmocka_unit_test(general_recovery_serves_who_names_none),
		cmocka_unit_test(numbers_outlive_the_pack),
		cmocka_unit_test(a_name_has_one_type_in_a_pack),
		cmocka_unit_test(a_name_of_an_earlier_pack_is_no_event),
		cmocka_unit_test(unknown_keys_are_errors),
		cmocka_unit_test(wrong_types_are_errors),
		cmocka_unit_test(missing_keys_are_errors),
		cmocka_unit_test(keys_stand_once),
		cmocka_unit_test(an_id_is_six_digits_or_a_name),
		cmocka_unit_test(ids_are_not_given_twice),
		cmocka_unit_test(unknown_names_are_errors),
		cmocka_unit_test(names_are_slugs),
		cmocka_unit_test(placeholders_have_a_known_type),
		cmocka_unit_test(a_text_needs_something_to_be_found_by),
		cmocka_unit_test(each_of_several_texts_has_its_place),
		cmocka_unit_test(a_pattern_that_hyperscan_refuses_is_refused_with_its_reason),
		cmocka_unit_test(a_pattern_that_grows_beyond_measure_is_refused),
		cmocka_unit_test(bad_bytes_have_a_place),
		cmocka_unit_test(a_phones_diagnosis_sees_what_names_a_phone),
		cmocka_unit_test(absorbing_goes_one_way_in_one_scope),
		cmocka_unit_test(a_detail_is_of_the_diagnosis_events),
		cmocka_unit_test(what_is_expected_is_told_by_phones_that_are_well),
		cmocka_unit_test(an_example_tells_details_that_there_are),
		cmocka_unit_test(a_cause_has_a_name_of_its_own),
		cmocka_unit_test(words_are_not_empty),
		cmocka_unit_test(an_action_on_names_has_them),
		cmocka_unit_test(cases_look_at_fields_of_the_message),
		cmocka_unit_test(a_list_of_events_has_no_conditions),
		cmocka_unit_test(a_pack_knows_some_message),
		cmocka_unit_test(one_bad_message_brings_no_errors_of_others),
		cmocka_unit_test(lists_have_limits),
		cmocka_unit_test(when_is_another_name_of_probable),
		cmocka_unit_test(what_cannot_be_read_is_named),
		cmocka_unit_test(the_files_of_a_directory_are_one_pack),
		cmocka_unit_test(one_file_is_a_pack_too),
		cmocka_unit_test(one_bad_file_brings_no_errors_of_others),
		cmocka_unit_test(files_are_bounded_together),
		cmocka_unit_test(more_than_256_files_are_refused),
		cmocka_unit_test(an_alert_is_read),
		cmocka_unit_test(mistakes_in_an_alert_have_their_place),
		cmocka_unit_test(alerts_do_not_absorb_one_another_in_turn),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
