// SPDX-License-Identifier: BSD-3-Clause
#include "event.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

int scanner_init(struct scanner *scanner, const struct ruleset *ruleset)
{
	*scanner = (struct scanner){.ruleset = ruleset};
	for (int i = 0; i < 2; i++) {
		if (ruleset->databases[i] &&
			hs_alloc_scratch(ruleset->databases[i], &scanner->scratch) != HS_SUCCESS) {
			scanner_fini(scanner);
			return -ENOMEM;
		}
	}
	return 0;
}

void scanner_fini(struct scanner *scanner)
{
	hs_free_scratch(scanner->scratch);
	scanner->scratch = NULL;
}

struct session_key key_of_client(const struct address *client)
{
	return (struct session_key){*client, KEY_CLIENT};
}

struct session_key key_of_device(const struct device *device)
{
	struct session_key key = {.kind = KEY_DEVICE};
	memcpy(key.address.bytes, device->mac, sizeof(device->mac));
	return key;
}

struct session_key key_of_number(enum key_kind kind, uint32_t number)
{
	struct session_key key = {.kind = kind};
	memcpy(key.address.bytes, &number, sizeof(number));
	return key;
}

// ---- candidates ----

#define CANDIDATES_MAX 32

struct candidates {
	const struct message_rule *messages; // of the pack
	uint32_t asa_id;		     // 0: a phone's line
	uint16_t rule[CANDIDATES_MAX];
	unsigned n;
};

// In no promised order; only notes.
static int note_candidate(
	unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context)
{
	struct candidates *candidates = context;
	(void)from;
	(void)to;
	(void)flags;
	if (candidates->messages[id].asa_id != candidates->asa_id)
		return 0;
	for (unsigned i = 0; i < candidates->n; i++) {
		if (candidates->rule[i] == id)
			return 0;
	}
	if (candidates->n < CANDIDATES_MAX)
		candidates->rule[candidates->n++] = (uint16_t)id;
	return 0;
}

// In the order of the pack, so that what matches does not hang on Hyperscan's order.
static void sort_candidates(struct candidates *candidates)
{
	for (unsigned i = 1; i < candidates->n; i++) {
		uint16_t rule = candidates->rule[i];
		unsigned k = i;
		for (; k > 0 && candidates->rule[k - 1] > rule; k--)
			candidates->rule[k] = candidates->rule[k - 1];
		candidates->rule[k] = rule;
	}
}

// ---- fields ----

// In any case; what it is compared with has capitals.
static bool starts_with(const char *text, const char *capitals)
{
	for (; *capitals; text++, capitals++) {
		if (*text != *capitals && *text != (*capitals | ('a' - 'A')))
			return false;
	}
	return true;
}

// "CP-7962G-SEP8CB64F576113" as a whole, in any case: a phone's certificate bears that name.
static bool read_phone_name(struct slice name, struct event *event)
{
	struct device device;
	if (name.len < 4 + 16 || name.len - 16 >= EVENT_MODEL_MAX)
		return false;
	const char *sep = name.data + name.len - 15;
	if (!starts_with(name.data, "CP") || name.data[2] != '-' || sep[-1] != '-' ||
		!starts_with(sep, "SEP") || !device_parse(sep + 3, &device))
		return false;
	struct slice model = slice_first(name, name.len - 16);
	for (uint32_t i = 3; i < model.len; i++) {
		if (!isalnum((unsigned char)model.data[i]) && model.data[i] != '-')
			return false;
	}
	if (device_is_none(&event->device))
		event->device = device;
	bool first = event->model[0] == '\0';
	for (uint32_t i = 0; first && i < model.len; i++)
		event->model[i] = (char)toupper((unsigned char)model.data[i]);
	return true;
}

// A domain may stand around it, "LOCAL\\name" or "name@domain", and what a relay adds behind it.
static void read_user(struct slice user, struct event *event)
{
	const char *domain = memrchr(user.data, '\\', user.len);
	if (domain)
		user = slice_from(user, (uint32_t)(domain - user.data) + 1);
	uint32_t len = 0;
	while (len < user.len && user.data[len] != '@' && user.data[len] != ' ')
		len++;
	read_phone_name(slice_first(user, len), event);
}

static bool ends_name(char c)
{
	return c == ',' || c == '+' || c == '/' || c == ';' || c == '.' || c == ' ' || c == '>';
}

static bool is_chain(const struct event *event)
{
	return event->handshake == HANDSHAKE_CHAIN ||
	       event->handshake == HANDSHAKE_CHAIN_ACCEPTED ||
	       event->handshake == HANDSHAKE_CHAIN_REFUSED;
}

// The common names of a subject: "cn=CP-...,ou=...", "/O=.../CN=CP-...".
static void read_subject(struct slice subject, struct event *event)
{
	bool any = false;
	for (uint32_t i = 0; i + 3 < subject.len; i++) {
		if (strncasecmp(subject.data + i, "cn=", 3) != 0 ||
			(i > 0 && isalnum((unsigned char)subject.data[i - 1])))
			continue;
		struct slice name = slice_from(subject, i + 3);
		uint32_t len = 0;
		while (len < name.len && !ends_name(name.data[len]))
			len++;
		if (read_phone_name(slice_first(name, len), event))
			return;
		any = true;
	}
	if (any && is_chain(event))
		event->flags |= EVENT_STRANGER;
}

static void read_address(const struct event_matcher *m, struct slice text, struct address *out)
{
	if (field_is_no_address(text) || address_parse(text, out))
		return;
	if (!policy_name_find(m->policy, text, out))
		counter_add(&m->counters->names_unknown, 1);
}

static bool is_hidden(struct slice user)
{
	for (uint32_t i = 0; i < user.len; i++) {
		if (user.data[i] != '*')
			return false;
	}
	return user.len > 0;
}

static void read_value(
	const struct event_matcher *m, struct event *event, const struct field_value *value)
{
	struct slice text =
		slice_first(slice_from((struct slice){event->text, event->text_len}, value->offset),
			value->len);
	switch (value->field) {
	case FIELD_CLIENT:
		read_address(m, text, &event->client);
		break;
	case FIELD_CLIENT_NEW:
		read_address(m, text, &event->client_new);
		break;
	case FIELD_TUNNEL:
		read_address(m, text, &event->tunnel);
		break;
	case FIELD_PORT:
		for (uint32_t i = 0; i < text.len; i++)
			event->port = (uint16_t)(event->port * 10 + (text.data[i] - '0'));
		break;
	case FIELD_USER:
		if (is_hidden(text))
			event->flags |= EVENT_HIDDEN_USER;
		read_user(text, event);
		break;
	case FIELD_SUBJECT:
		read_subject(text, event);
		break;
	case FIELD_DEVICE:
		if (device_is_none(&event->device))
			device_find(text, &event->device);
		break;
	case FIELD_GROUP:
	case FIELD_TUNNEL_GROUP:
	case FIELD_GROUP_POLICY:
		if (policy_is_phone_group(m->policy, text))
			event->flags |= EVENT_PHONE_GROUP;
		break;
	default:
		break;
	}
}

struct slice event_user(const struct event *event)
{
	struct slice user = event_value(event, FIELD_USER);
	bool unknown = (event->flags & EVENT_HIDDEN_USER) || slice_equals_text(user, "<Unknown>") ||
		       slice_equals_text(user, "Unknown");
	return unknown ? (struct slice){0} : user;
}

bool event_attach(struct event *event, uint8_t field, struct slice text)
{
	if (event->n_values == EVENT_VALUES_MAX || event->text_len + text.len > EVENT_TEXT_MAX)
		return false;
	memcpy(event->text + event->text_len, text.data, text.len);
	event->values[event->n_values++] = (struct field_value){
		field, (uint8_t)field_type_of(field), event->text_len, (uint16_t)text.len};
	event->text_len = (uint16_t)(event->text_len + text.len);
	return true;
}

// ---- building ----

static void apply_effect(struct event *event, const struct message_rule *rule)
{
	struct slice text = {event->text, event->text_len};
	struct event_effect effect = rule->effect;
	for (unsigned i = 0; i < rule->n_cases; i++) {
		const struct message_case *one = &rule->cases[i];
		unsigned k = 0;
		while (k < one->n_conditions &&
			condition_holds(&one->conditions[k], text, event->values, event->n_values))
			k++;
		if (k < one->n_conditions)
			continue;
		if (one->effect.event != NAME_NONE)
			effect.event = one->effect.event;
		if (one->effect.handshake != HANDSHAKE_NONE)
			effect.handshake = one->effect.handshake;
		if (one->effect.alias != ALIAS_NONE)
			effect.alias = one->effect.alias;
		effect.marks_phone |= one->effect.marks_phone;
		effect.unproven |= one->effect.unproven;
		break;
	}
	event->type = effect.event;
	event->handshake = (uint8_t)effect.handshake;
	event->alias_action = (uint8_t)effect.alias;
	if (effect.marks_phone)
		event->flags |= EVENT_MARKS_PHONE;
	if (effect.unproven)
		event->flags |= EVENT_UNPROVEN;
}

static bool may_be_phone(const struct event_matcher *m, const struct address *address)
{
	return !address_is_none(address) && !address_is_loopback(address) &&
	       !policy_is_relay(m->policy, address);
}

// A phone's line belongs to the address in its header, else to its sender, unless that sends for
// others; then only the device counts.
static void read_phone_origin(
	const struct event_matcher *m, const struct message *message, struct event *event)
{
	struct address address;
	event->device = message->device;
	event->flags |= EVENT_MARKS_PHONE;
	if (address_parse(message->origin, &address) && may_be_phone(m, &address))
		event->client = address;
	else if (may_be_phone(m, &event->sender))
		event->client = event->sender;
	if (!address_is_none(&event->client))
		event->flags |= EVENT_BY_SENDER;
}

static void build(const struct event_matcher *m, const struct message_rule *rule,
	const struct message *message, const struct arrival *arrival, int n_values,
	struct event *event)
{
	struct slice line = slice_first(message->text, EVENT_LINE_MAX);
	event->time_ms = arrival->time_ms;
	event->sender = arrival->sender;
	event->queue = arrival->queue;
	event->input = arrival->input;
	event->gateway = GATEWAY_NONE;
	event->source = (uint8_t)message->source;
	event->n_values = (uint8_t)n_values;
	event->line_len = event->text_len = (uint16_t)slice_put(line, event->text);
	if (line.len < message->text.len) {
		event->flags |= EVENT_CLIPPED;
		counter_add(&m->counters->lines_clipped, 1);
	}
	struct slice code = slice_first(message->code, EVENT_CODE_MAX);
	event->code_len = (uint8_t)slice_put(code, event->code);
	if (message->source == MESSAGE_PHONE) {
		event->stage = STAGE_RESOLVE;
		read_phone_origin(m, message, event);
	} else {
		struct slice origin = slice_first(message->origin, EVENT_ORIGIN_MAX);
		struct slice stamp = slice_first(message->stamp, EVENT_STAMP_MAX);
		event->origin_len = (uint8_t)slice_put(origin, event->origin);
		event->stamp_len = (uint8_t)slice_put(stamp, event->stamp);
		event->stage = STAGE_BIND;
	}
	apply_effect(event, rule);
	for (int i = 0; i < n_values; i++)
		read_value(m, event, &event->values[i]);
	if (rule->only_while != NAME_NONE || event->alias_action == ALIAS_RELEASE)
		event->flags |= EVENT_PASSING;
}

// Whether one of the rule's texts fits; its values into the event.
static int fit(
	const struct message_rule *rule, struct slice text, struct event *event, bool *refused)
{
	if (rule->pattern)
		return 0;
	for (unsigned i = 0; i < rule->n_templates; i++) {
		bool wrong_type = false;
		int n = template_match(&rule->templates[i], text, event->values, &wrong_type);
		*refused |= wrong_type || n == TEMPLATE_AMBIGUOUS;
		if (n != TEMPLATE_NO_MATCH)
			return n;
	}
	return -1;
}

static bool is_due(const struct event_matcher *m, const struct message_rule *rule)
{
	return rule->only_while == NAME_NONE ||
	       atomic_load_explicit(&m->open->of[rule->only_while], memory_order_relaxed) > 0;
}

static void event_clear(struct event *event)
{
	memset(event, 0, offsetof(struct event, text));
}

// By Hyperscan, which finds the rules that may fit.
static unsigned match_by_scan(const struct event_matcher *m, enum rule_source source,
	const struct message *message, const struct arrival *arrival, struct event *out,
	unsigned max)
{
	const struct ruleset *ruleset = m->scanner->ruleset;
	struct candidates candidates = {.messages = ruleset->pack->messages,
		.asa_id = source == RULE_ASA ? message->asa_id : 0};
	struct slice text = slice_first(message->text, EVENT_LINE_MAX);
	unsigned n_events = 0;
	bool refused = false;
	hs_scan(ruleset->databases[source], text.data, text.len, 0, m->scanner->scratch,
		note_candidate, &candidates);
	sort_candidates(&candidates);
	for (unsigned i = 0; i < candidates.n; i++) {
		const struct message_rule *rule = &ruleset->pack->messages[candidates.rule[i]];
		if (!is_due(m, rule))
			continue;
		if (n_events == max) {
			counter_add(&m->counters->records_clipped, 1);
			break;
		}
		struct event *event = &out[n_events];
		event_clear(event);
		int n_values = fit(rule, text, event, &refused);
		if (n_values < 0)
			continue;
		build(m, rule, message, arrival, n_values, event);
		n_events++;
		if (source == RULE_ASA)
			break;
	}
	if (n_events == 0 && refused)
		counter_add(&m->counters->fields_refused, 1);
	return n_events;
}

// By the only rule of the line's id: one field program is run at once. What it refuses for a value
// of the wrong type is only counted where the text is there: *scan, the scan has to say so.
static unsigned match_sole(const struct event_matcher *m, const struct message_rule *rule,
	const struct message *message, const struct arrival *arrival, struct event *out, bool *scan)
{
	struct slice text = slice_first(message->text, EVENT_LINE_MAX);
	if (!is_due(m, rule))
		return 0;
	event_clear(out);
	int n_values = fit(rule, text, out, scan);
	if (n_values < 0)
		return 0;
	build(m, rule, message, arrival, n_values, out);
	*scan = false;
	return 1;
}

unsigned event_match(const struct event_matcher *m, const struct message *message,
	const struct arrival *arrival, struct event *out, unsigned max)
{
	const struct ruleset *ruleset = m->scanner->ruleset;
	enum rule_source source = message->source == MESSAGE_ASA ? RULE_ASA : RULE_PHONE;
	if (!event_is_wanted(ruleset, message))
		return 0;
	const struct message_rule *sole =
		source == RULE_ASA ? ruleset_sole(ruleset, message->asa_id) : NULL;
	if (sole) {
		bool scan = false;
		unsigned n = match_sole(m, sole, message, arrival, out, &scan);
		if (!scan)
			return n;
	}
	return match_by_scan(m, source, message, arrival, out, max);
}

bool event_hangs_on_open(const struct event_matcher *m, const struct message *message)
{
	const struct ruleset *ruleset = m->scanner->ruleset;
	const struct message_rule *sole =
		message->source == MESSAGE_ASA ? ruleset_sole(ruleset, message->asa_id) : NULL;
	return sole ? sole->only_while != NAME_NONE : ruleset->scans_for_open;
}

// But for a full stop.
static bool ends_the_line(const struct event *event, const struct field_value *value)
{
	return value->offset + value->len + 1 >= event->line_len;
}

bool event_is_one(
	const struct event_matcher *matcher, const struct message *message, const char *divided_at)
{
	struct counters unused = {0};
	struct event_matcher quiet = *matcher;
	struct arrival arrival = {0};
	struct event event;
	quiet.counters = &unused;
	if (message->source != MESSAGE_ASA ||
		event_match(&quiet, message, &arrival, &event, 1) == 0)
		return false;
	int64_t at = divided_at - message->text.data;
	for (unsigned i = 0; i < event.n_values; i++) {
		const struct field_value *value = &event.values[i];
		if (value->type == TYPE_USER && value->offset < at &&
			at < value->offset + value->len && !ends_the_line(&event, value))
			return true;
	}
	return false;
}

bool event_ends_with_user(const struct event *event)
{
	for (unsigned i = 0; i < event->n_values; i++) {
		const struct field_value *value = &event->values[i];
		if (value->type == TYPE_USER && ends_the_line(event, value))
			return true;
	}
	return false;
}
