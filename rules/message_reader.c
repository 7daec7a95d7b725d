// SPDX-License-Identifier: BSD-3-Clause
// message_reader: one item of `messages:`.
#include "pack_reader.h"
#include "pattern.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

// The message that is being read.
static struct message_rule *message_of(struct yaml_file *file)
{
	struct rulepack *pack = pack_of(file);
	return &pack->messages[pack->n_messages - 1];
}

// ---- what the event is to the engine ----

static bool effect_event(struct yaml_file *file, struct fy_node *node, void *target)
{
	uint16_t *event = target;
	if (!pack_read_slug(file, node, &pack_of(file)->vocabulary->events, event))
		return false;
	pack_of(file)->events[*event].known = true;
	return true;
}

static bool effect_marks(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const char *const words[] = {"phone"};
	unsigned unused;
	*(bool *)target = true;
	return yaml_choice(file, node, words, N(words), &unused);
}

static bool effect_alias(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const char *const words[] = {"none", "assign", "release", "move"};
	unsigned choice = 0;
	bool ok = yaml_choice(file, node, words, N(words), &choice);
	*(enum alias_action *)target = (enum alias_action)choice;
	return ok;
}

static bool effect_handshake(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const char *const words[] = {
#define X(constant, name, help) name,
		HANDSHAKE_STEPS(X)
#undef X
	};
	unsigned choice = 0;
	bool ok = yaml_choice(file, node, words, N(words), &choice);
	*(enum handshake_step *)target = (enum handshake_step)choice;
	return ok;
}

// Keys of an effect, but for its event; `at` is where it is in what is read.
// clang-format off
#define EFFECT_KEYS(at)                                                                            \
	{"marks", effect_marks, false, (at) + offsetof(struct event_effect, marks_phone)},         \
	{"alias", effect_alias, false, (at) + offsetof(struct event_effect, alias)},               \
	{"unproven", pack_read_boolean, false, (at) + offsetof(struct event_effect, unproven)},    \
	{"handshake", effect_handshake, false, (at) + offsetof(struct event_effect, handshake)}
// clang-format on

// ---- id and texts ----

// "ASA-725006"
static bool asa_number(struct slice id, uint32_t *out)
{
	*out = 0;
	if (id.len != 10 || !slice_starts(id, "ASA-"))
		return false;
	for (uint32_t i = 4; i < id.len; i++) {
		if (id.data[i] < '0' || id.data[i] > '9')
			return false;
		*out = *out * 10 + (uint32_t)(id.data[i] - '0');
	}
	return true;
}

static bool message_id(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_rule *rule = target;
	struct rulepack *pack = pack_of(file);
	struct slice id;
	if (!yaml_text(file, node, &id) || !yaml_text_copy(file, node, &rule->id))
		return false;
	rule->place = yaml_place(file, node);
	if (asa_number(id, &rule->asa_id)) {
		rule->source = RULE_ASA;
	} else if (slice_starts(id, "PHONE-") && name_is_slug(slice_from(id, 6))) {
		rule->source = RULE_PHONE;
	} else {
		return yaml_error(file, node,
			"'%s' must be ASA- and six digits, or PHONE- and a name of its own",
			QUOTE(id));
	}
	for (unsigned i = 0; i < pack->n_messages; i++) {
		if (&pack->messages[i] != rule && pack->messages[i].id &&
			strcmp(pack->messages[i].id, rule->id) == 0)
			return yaml_error(file, node, "duplicate id '%s'; first at %s:%d", rule->id,
				pack->messages[i].place.file, pack->messages[i].place.line);
	}
	return true;
}

// {name:type} of a text: a name has one type in a pack.
static bool declare_field(
	struct yaml_file *file, struct fy_node *node, struct slice name, struct slice type_name)
{
	enum field_type type = field_type_find(type_name);
	if (!field_is_name(name) || type == FIELD_TYPE_MAX)
		return true; // template_parse() has a reason
	struct rule_place *first = pack_of(file)->field_places;
	uint8_t field = field_find(name);
	if (field == FIELD_NONE && (field = field_add(name, type)) == FIELD_NONE)
		return yaml_error(
			file, node, "more than %d names of fields, " NAMES_OF_EARLIER, FIELD_MAX);
	if (field_type_of(field) == type) {
		if (first[field].file == NULL)
			first[field] = yaml_place(file, node);
		return true;
	}
	if (field < FIELD_KNOWN_MAX)
		return yaml_error(file, node, "{%s} is always of type %s: write it without a type",
			field_name(field), field_type_name(field_type_of(field)));
	return yaml_error(file, node, "{%s} has another type, %s, at %s:%d", field_name(field),
		field_type_name(field_type_of(field)), first[field].file, first[field].line);
}

static bool declare_fields(struct yaml_file *file, struct fy_node *node, struct slice text)
{
	const char *open, *close;
	while ((open = memchr(text.data, '{', text.len)) != NULL) {
		text = slice_from(text, (uint32_t)(open - text.data) + 1);
		if (slice_starts(text, "{")) {
			text = slice_from(text, 1);
			continue;
		}
		if ((close = memchr(text.data, '}', text.len)) == NULL)
			break;
		struct slice name = slice_first(text, (uint32_t)(close - text.data));
		const char *colon = memchr(name.data, ':', name.len);
		text = slice_from(text, name.len + 1);
		if (colon == NULL)
			continue;
		struct slice type = slice_from(name, (uint32_t)(colon - name.data) + 1);
		name.len = (uint32_t)(colon - name.data);
		if (!declare_field(file, node, name, type))
			return false;
	}
	return true;
}

// All texts are compiled into one database, which has to be done in some seconds.
static bool count_text(struct yaml_file *file, struct fy_node *node, struct slice text)
{
	struct rulepack *pack = pack_of(file);
	if (text.len > RULES_TEXT_BYTES_MAX)
		return yaml_error(file, node, "a text of %u bytes: at most %d", text.len,
			RULES_TEXT_BYTES_MAX);
	pack->n_text_bytes += text.len;
	if (++pack->n_texts > RULES_TEXTS_MAX)
		return yaml_error(file, node, "more than %d texts of messages", RULES_TEXTS_MAX);
	return pack->n_text_bytes <= RULES_TEXTS_BYTES_MAX ||
	       yaml_error(file, node, "more than %d bytes of all texts", RULES_TEXTS_BYTES_MAX);
}

static bool message_one_text(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_rule *rule = target;
	struct slice text;
	const char *error;
	if (!yaml_text(file, node, &text) || !count_text(file, node, text))
		return false;
	if (rule->n_templates == RULES_TEXTS_OF_ONE_MAX)
		return yaml_error(file, node, "more than %d texts", RULES_TEXTS_OF_ONE_MAX);
	rule->text_places[rule->n_templates] = yaml_place(file, node);
	if (!declare_fields(file, node, text))
		return false;
	return template_parse(text, rule->source == RULE_ASA, file->arena,
		       &rule->templates[rule->n_templates++], &error) ||
	       yaml_error(file, node, "%s", error);
}

static bool message_text(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_rule *rule = target;
	if (rule->id == NULL)
		return false; // reported as the missing key
	unsigned n = yaml_count(node) < RULES_TEXTS_OF_ONE_MAX ? yaml_count(node)
							       : RULES_TEXTS_OF_ONE_MAX;
	rule->templates = arena_zeroed(file->arena, n * sizeof(*rule->templates));
	return yaml_sequence(file, node, true, message_one_text, rule);
}

static bool message_pattern(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_rule *rule = target;
	struct slice text;
	char reason[256];
	if (!yaml_text(file, node, &text) || !count_text(file, node, text))
		return false;
	if (++pack_of(file)->n_patterns > RULES_PATTERNS_MAX)
		return yaml_error(file, node, "more than %d patterns", RULES_PATTERNS_MAX);
	rule->text_places[0] = yaml_place(file, node);
	rule->pattern = arena_text(file->arena, text);
	const char *refusal = pattern_refusal(rule->pattern, reason, sizeof(reason));
	return refusal == NULL || yaml_error(file, node, "pattern refused: %s", refusal);
}

static bool message_while(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_rule *rule = target;
	rule->while_place = yaml_place(file, node);
	return pack_read_slug(file, node, &pack_of(file)->vocabulary->diagnoses, &rule->only_while);
}

// ---- cases ----

static const struct yaml_key *effect_key(struct slice name)
{
	static const struct yaml_key keys[] = {
		{"event", effect_event, false, offsetof(struct event_effect, event)},
		EFFECT_KEYS(0)};
	for (size_t i = 0; i < N(keys); i++) {
		if (slice_equals_text(name, keys[i].name))
			return &keys[i];
	}
	return NULL;
}

// What is no word of the engine is a field.
static bool case_one_key(
	struct yaml_file *file, struct fy_node *key, struct fy_node *value, void *target)
{
	struct message_case *one = target;
	struct slice name;
	if (!yaml_text(file, key, &name))
		return false;
	const struct yaml_key *effect = effect_key(name);
	if (effect)
		return effect->read(file, value, (char *)&one->effect + effect->offset);
	struct condition *condition = &one->conditions[one->n_conditions++];
	const struct message_rule *rule = message_of(file);
	uint64_t fields[FIELD_WORDS];
	pack_fields_of(rule, fields);
	return condition_read(file, key, value, condition) &&
	       pack_has_field(file, key, fields, condition->field, "no text of the message");
}

static bool message_one_case(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_rule *rule = target;
	if (rule->n_cases == RULES_CASES_MAX)
		return yaml_error(file, node, "more than %d cases", RULES_CASES_MAX);
	struct message_case *one = &rule->cases[rule->n_cases++];
	one->effect = (struct event_effect){.event = NAME_NONE};
	one->conditions = arena_zeroed(file->arena, YAML_KEYS_MAX * sizeof(*one->conditions));
	if (!yaml_pairs(file, node, "a case", case_one_key, one))
		return false;
	return one->n_conditions > 0 || yaml_error(file, node, "a case needs a field to look at");
}

static bool message_cases(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_rule *rule = target;
	if (rule->pattern)
		return yaml_error(
			file, node, "a 'pattern' has no fields for 'cases': write a 'text'");
	rule->cases = arena_zeroed(file->arena, RULES_CASES_MAX * sizeof(*rule->cases));
	return yaml_sequence(file, node, false, message_one_case, rule);
}

// ---- examples ----

static bool example_one_field(
	struct yaml_file *file, struct fy_node *key, struct fy_node *value, void *target)
{
	struct message_example *example = target;
	struct example_field *field = &example->fields[example->n_fields++];
	uint64_t fields[FIELD_WORDS];
	field->place = yaml_place(file, key);
	pack_fields_of(message_of(file), fields);
	return pack_read_field(file, key, &field->field) &&
	       pack_has_field(file, key, fields, field->field, "no text of the message") &&
	       yaml_text_copy(file, value, &field->value);
}

static bool example_fields(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_example *example = target;
	example->fields = arena_zeroed(file->arena, YAML_KEYS_MAX * sizeof(*example->fields));
	return yaml_pairs(file, node, "'fields'", example_one_field, example);
}

static bool message_one_example(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const struct yaml_key keys[] = {
		{"line", pack_read_text, true, offsetof(struct message_example, line)},
		{"event", pack_read_text, false, offsetof(struct message_example, event)},
		{"fields", example_fields, false, 0},
	};
	struct message_rule *rule = target;
	struct message_example *example = &rule->examples[rule->n_examples++];
	example->place = yaml_place(file, node);
	return yaml_mapping(file, node, "an example", keys, N(keys), example);
}

static bool message_examples(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_rule *rule = target;
	rule->examples = arena_zeroed(file->arena, yaml_count(node) * sizeof(*rule->examples) + 1);
	return yaml_sequence(file, node, false, message_one_example, rule);
}

// ---- a message ----

#define BIT(field) (1ull << (field))

// An action on names needs the names. A phone's own line says of itself whose it is.
static bool check_alias(struct yaml_file *file, struct fy_node *node,
	const struct message_rule *rule, enum alias_action action)
{
	static const struct {
		const char *says;
		int least;
		uint64_t fields;
	} needs[] = {
		[ALIAS_NONE] = {"", 0, 0},
		[ALIAS_ASSIGN] = {"'alias: assign' ties two of {client}, {tunnel} and {user}", 2,
			BIT(FIELD_CLIENT) | BIT(FIELD_TUNNEL) | BIT(FIELD_USER)},
		[ALIAS_RELEASE] = {"'alias: release' ends one of {client}, {tunnel} and {user}", 1,
			BIT(FIELD_CLIENT) | BIT(FIELD_TUNNEL) | BIT(FIELD_USER)},
		[ALIAS_MOVE] = {"'alias: move' goes from {client} to {client_new}", 2,
			BIT(FIELD_CLIENT) | BIT(FIELD_CLIENT_NEW)},
	};
	uint64_t fields[FIELD_WORDS];
	pack_fields_of(rule, fields);
	if (rule->source == RULE_PHONE)
		set_bit(fields, FIELD_CLIENT);
	return __builtin_popcountll(fields[0] & needs[action].fields) >= needs[action].least ||
	       yaml_error(file, node, "%s: the message lacks them", needs[action].says);
}

static bool check_aliases(
	struct yaml_file *file, struct fy_node *node, const struct message_rule *rule)
{
	bool ok = check_alias(file, node, rule, rule->effect.alias);
	for (unsigned i = 0; i < rule->n_cases && ok; i++)
		ok = check_alias(file, node, rule, rule->cases[i].effect.alias);
	return ok;
}

bool pack_read_message(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const struct yaml_key keys[] = {
		{"id", message_id, true, 0},
		{"text", message_text, false, 0},
		{"pattern", message_pattern, false, 0},
		{"event", effect_event, true, offsetof(struct message_rule, effect.event)},
		EFFECT_KEYS(offsetof(struct message_rule, effect)),
		{"while", message_while, false, 0},
		{"cases", message_cases, false, 0},
		{"examples", message_examples, false, 0},
	};
	struct rulepack *pack = target;
	if (pack->n_messages == RULES_MESSAGES_MAX)
		return yaml_error(file, node, "more than %d messages", RULES_MESSAGES_MAX);
	struct message_rule *rule = &pack->messages[pack->n_messages++];
	*rule = (struct message_rule){.only_while = NAME_NONE, .effect.event = NAME_NONE};
	bool ok = yaml_mapping(file, node, "a message", keys, N(keys), rule);
	if (ok && (rule->n_templates == 0) == (rule->pattern == NULL))
		ok = yaml_error(file, node, "a message needs either 'text' or 'pattern'");
	ok = ok && check_aliases(file, node, rule);
	pack->incomplete |= !ok;
	pack_learn_message(pack, rule);
	return ok;
}
