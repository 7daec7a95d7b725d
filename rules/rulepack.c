// SPDX-License-Identifier: BSD-3-Clause
#include "rulepack.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define FILES_MAX 256

const char *const language_names[] = {"en", "zh-TW", "ko"};
const char *const confidence_names[] = {"none", "suspected", "probable", "confirmed"};
const char *const scope_names[] = {"phone", "gateway"};

static struct rulepack *pack_of(struct yaml_file *file)
{
	return file->context;
}

static struct rule_place place_of(struct yaml_file *file, struct fy_node *node)
{
	struct rule_place place = {.file = file->path};
	yaml_position(node, &place.line, &place.column);
	return place;
}

static bool read_slug(struct yaml_file *file, struct fy_node *node, struct registry *registry,
	uint16_t *out)
{
	struct slice name;
	if (!yaml_text(file, node, &name))
		return false;
	if (!name_is_slug(name))
		return yaml_error(file, node,
			"'%.*s' is no name: lower-case letters, digits and hyphens, at most 48",
			(int)slice_first(name, 64).len, name.data);
	*out = registry_add(registry, name);
	return *out != NAME_NONE || yaml_error(file, node, "more than %u names", registry->max);
}

// ---- messages ----

static bool effect_event(struct yaml_file *file, struct fy_node *node, struct event_effect *effect)
{
	if (!read_slug(file, node, &pack_of(file)->vocabulary->events, &effect->event))
		return false;
	pack_of(file)->events[effect->event].known = true;
	return true;
}

static bool effect_marks(struct yaml_file *file, struct fy_node *node, struct event_effect *effect)
{
	static const char *const words[] = {"phone"};
	unsigned unused;
	effect->marks_phone = true;
	return yaml_choice(file, node, words, N(words), &unused);
}

static bool effect_unproven(struct yaml_file *file, struct fy_node *node,
	struct event_effect *effect)
{
	return yaml_boolean(file, node, &effect->unproven);
}

static bool effect_alias(struct yaml_file *file, struct fy_node *node, struct event_effect *effect)
{
	static const char *const words[] = {"none", "assign", "release", "move"};
	unsigned choice = 0;
	bool ok = yaml_choice(file, node, words, N(words), &choice);
	effect->alias = (enum alias_action)choice;
	return ok;
}

static bool effect_handshake(struct yaml_file *file, struct fy_node *node,
	struct event_effect *effect)
{
	static const char *const words[] = {
#define X(constant, name, help) name,
		HANDSHAKE_STEPS(X)
#undef X
	};
	unsigned choice = 0;
	bool ok = yaml_choice(file, node, words, N(words), &choice);
	effect->handshake = (enum handshake_step)choice;
	return ok;
}

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
	rule->place = place_of(file, node);
	if (asa_number(id, &rule->asa_id)) {
		rule->source = RULE_ASA;
	} else if (slice_starts(id, "PHONE-") && name_is_slug(slice_from(id, 6))) {
		rule->source = RULE_PHONE;
	} else {
		return yaml_error(file, node,
			"'%.*s' must be ASA- and six digits, or PHONE- and a name of its own",
			(int)slice_first(id, 64).len, id.data);
	}
	for (unsigned i = 0; i < pack->n_messages; i++) {
		if (&pack->messages[i] != rule && pack->messages[i].id &&
			strcmp(pack->messages[i].id, rule->id) == 0)
			return yaml_error(file, node, "duplicate id '%s'; first at %s:%d", rule->id,
				pack->messages[i].place.file, pack->messages[i].place.line);
	}
	return true;
}

static bool message_one_text(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_rule *rule = target;
	struct slice text;
	const char *error;
	if (!yaml_text(file, node, &text))
		return false;
	if (rule->n_templates == RULES_TEXTS_MAX)
		return yaml_error(file, node, "more than %d texts", RULES_TEXTS_MAX);
	rule->text_places[rule->n_templates] = place_of(file, node);
	return template_parse(text, rule->source == RULE_ASA, file->arena,
		       &rule->templates[rule->n_templates++], &error) ||
		yaml_error(file, node, "%s", error);
}

static bool message_text(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_rule *rule = target;
	if (rule->id == NULL)
		return yaml_error(file, node, "'id' must come before 'text'");
	rule->templates = arena_zeroed(file->arena, RULES_TEXTS_MAX * sizeof(*rule->templates));
	return yaml_sequence(file, node, true, message_one_text, rule);
}

static bool message_pattern(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_rule *rule = target;
	rule->text_places[0] = place_of(file, node);
	return yaml_text_copy(file, node, &rule->pattern);
}

static bool message_event(struct yaml_file *file, struct fy_node *node, void *target)
{
	return effect_event(file, node, &((struct message_rule *)target)->effect);
}

static bool message_marks(struct yaml_file *file, struct fy_node *node, void *target)
{
	return effect_marks(file, node, &((struct message_rule *)target)->effect);
}

static bool message_alias(struct yaml_file *file, struct fy_node *node, void *target)
{
	return effect_alias(file, node, &((struct message_rule *)target)->effect);
}

static bool message_unproven(struct yaml_file *file, struct fy_node *node, void *target)
{
	return effect_unproven(file, node, &((struct message_rule *)target)->effect);
}

static bool message_handshake(struct yaml_file *file, struct fy_node *node, void *target)
{
	return effect_handshake(file, node, &((struct message_rule *)target)->effect);
}

static bool message_while(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_rule *rule = target;
	rule->while_place = place_of(file, node);
	return read_slug(file, node, &pack_of(file)->vocabulary->diagnoses, &rule->only_while);
}

static bool message_one_case(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_rule *rule = target;
	void *iterator = NULL;
	struct fy_node_pair *pair;
	if (!fy_node_is_mapping(node))
		return yaml_error(file, node, "a case must be a mapping of fields to values");
	if (rule->n_cases == RULES_CASES_MAX)
		return yaml_error(file, node, "more than %d cases", RULES_CASES_MAX);
	struct message_case *one = &rule->cases[rule->n_cases++];
	one->effect = (struct event_effect){.event = NAME_NONE};
	one->conditions = arena_zeroed(file->arena,
		(unsigned)fy_node_mapping_item_count(node) * sizeof(*one->conditions));
	while ((pair = fy_node_mapping_iterate(node, &iterator)) != NULL) {
		struct fy_node *key = fy_node_pair_key(pair), *value = fy_node_pair_value(pair);
		struct slice name;
		bool ok;
		if (!yaml_text(file, key, &name))
			return false;
		if (slice_equals_text(name, "event"))
			ok = effect_event(file, value, &one->effect);
		else if (slice_equals_text(name, "marks"))
			ok = effect_marks(file, value, &one->effect);
		else if (slice_equals_text(name, "alias"))
			ok = effect_alias(file, value, &one->effect);
		else if (slice_equals_text(name, "handshake"))
			ok = effect_handshake(file, value, &one->effect);
		else if (slice_equals_text(name, "unproven"))
			ok = effect_unproven(file, value, &one->effect);
		else
			ok = condition_read(file, key, value, &one->conditions[one->n_conditions++]);
		if (!ok)
			return false;
	}
	return one->n_conditions > 0 || yaml_error(file, node, "a case needs a field to look at");
}

static bool message_cases(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_rule *rule = target;
	rule->cases = arena_zeroed(file->arena, RULES_CASES_MAX * sizeof(*rule->cases));
	return yaml_sequence(file, node, false, message_one_case, rule);
}

static bool example_line(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_text_copy(file, node, &((struct message_example *)target)->line);
}

static bool example_event(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_text_copy(file, node, &((struct message_example *)target)->event);
}

static bool example_fields(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_example *example = target;
	void *iterator = NULL;
	struct fy_node_pair *pair;
	if (!fy_node_is_mapping(node))
		return yaml_error(file, node, "'fields' must be a mapping of fields to values");
	unsigned n = (unsigned)fy_node_mapping_item_count(node);
	example->fields = arena_zeroed(file->arena, (2 * n + 1) * sizeof(*example->fields));
	while ((pair = fy_node_mapping_iterate(node, &iterator)) != NULL) {
		const char **field = &example->fields[2 * example->n_fields++];
		if (!yaml_text_copy(file, fy_node_pair_key(pair), &field[0]) ||
			!yaml_text_copy(file, fy_node_pair_value(pair), &field[1]))
			return false;
		if (field_find(slice_of(field[0])) == FIELD_NONE)
			return yaml_error(file, fy_node_pair_key(pair), "unknown field '%s'", field[0]);
	}
	return true;
}

static bool message_one_example(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const struct yaml_key keys[] = {
		{"line", example_line, true},
		{"event", example_event, false},
		{"fields", example_fields, false},
	};
	struct message_rule *rule = target;
	struct message_example *example = &rule->examples[rule->n_examples++];
	example->place = place_of(file, node);
	return yaml_mapping(file, node, "an example", keys, N(keys), example);
}

static bool message_examples(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct message_rule *rule = target;
	rule->examples = arena_zeroed(file->arena, yaml_count(node) * sizeof(*rule->examples) + 1);
	return yaml_sequence(file, node, false, message_one_example, rule);
}

static bool read_message(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const struct yaml_key keys[] = {
		{"id", message_id, true},
		{"text", message_text, false},
		{"pattern", message_pattern, false},
		{"event", message_event, true},
		{"marks", message_marks, false},
		{"alias", message_alias, false},
		{"unproven", message_unproven, false},
		{"handshake", message_handshake, false},
		{"while", message_while, false},
		{"cases", message_cases, false},
		{"examples", message_examples, false},
	};
	struct rulepack *pack = target;
	if (pack->n_messages == RULES_MESSAGES_MAX)
		return yaml_error(file, node, "more than %d messages", RULES_MESSAGES_MAX);
	struct message_rule *rule = &pack->messages[pack->n_messages++];
	*rule = (struct message_rule){.only_while = NAME_NONE, .effect.event = NAME_NONE};
	if (!yaml_mapping(file, node, "a message", keys, N(keys), rule))
		return false;
	if ((rule->n_templates == 0) == (rule->pattern == NULL))
		return yaml_error(file, node, "a message needs either 'text' or 'pattern'");
	return true;
}

// ---- diagnoses ----

static bool diagnosis_id(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_rule *rule = target;
	struct rulepack *pack = pack_of(file);
	if (!read_slug(file, node, &pack->vocabulary->diagnoses, &rule->number))
		return false;
	rule->id = registry_name(&pack->vocabulary->diagnoses, rule->number);
	rule->place = place_of(file, node);
	return true;
}

static bool diagnosis_scope(struct yaml_file *file, struct fy_node *node, void *target)
{
	unsigned choice = 0;
	bool ok = yaml_choice(file, node, scope_names, 2, &choice);
	((struct diagnosis_rule *)target)->scope = (enum scope)choice;
	return ok;
}

static bool diagnosis_level(struct yaml_file *file, struct fy_node *node,
	struct diagnosis_rule *rule, enum confidence confidence)
{
	if (rule->levels[confidence])
		return yaml_error(file, node, "'when' is another name of 'probable': write one of them");
	rule->levels[confidence] = expression_read(file, node);
	return rule->levels[confidence] != NULL;
}

static bool diagnosis_suspected(struct yaml_file *file, struct fy_node *node, void *target)
{
	return diagnosis_level(file, node, target, CONFIDENCE_SUSPECTED);
}

static bool diagnosis_probable(struct yaml_file *file, struct fy_node *node, void *target)
{
	return diagnosis_level(file, node, target, CONFIDENCE_PROBABLE);
}

static bool diagnosis_confirmed(struct yaml_file *file, struct fy_node *node, void *target)
{
	return diagnosis_level(file, node, target, CONFIDENCE_CONFIRMED);
}

static bool diagnosis_window(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_rule *rule = target;
	return yaml_duration(file, node, &rule->window_ms) &&
		(rule->window_ms <= RULES_WINDOW_MAX_MS ||
			yaml_error(file, node, "a window is at most 1h"));
}

static bool diagnosis_quiet(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_duration(file, node, &((struct diagnosis_rule *)target)->quiet_ms);
}

static bool diagnosis_calm(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_duration(file, node, &((struct diagnosis_rule *)target)->calm_ms);
}

static bool diagnosis_expires(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_duration(file, node, &((struct diagnosis_rule *)target)->expires_ms);
}

static bool diagnosis_one_recovery(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_rule *rule = target;
	if (rule->n_recovers == RULES_RECOVERS_MAX)
		return yaml_error(file, node, "more than %d signs of success", RULES_RECOVERS_MAX);
	return (rule->recovers[rule->n_recovers++] = expression_read_leaf(file, node)) != NULL;
}

static bool diagnosis_recovers(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_sequence(file, node, false, diagnosis_one_recovery, target);
}

static bool read_event_bit(struct yaml_file *file, struct fy_node *node, uint64_t *bits)
{
	const struct expression *leaf = expression_read_leaf(file, node);
	if (leaf)
		bits[leaf->event / 64] |= 1ull << (leaf->event % 64);
	return leaf != NULL;
}

static bool diagnosis_one_evidence(struct yaml_file *file, struct fy_node *node, void *target)
{
	return read_event_bit(file, node, ((struct diagnosis_rule *)target)->evidence);
}

static bool diagnosis_evidence(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_sequence(file, node, false, diagnosis_one_evidence, target);
}

static bool diagnosis_one_context(struct yaml_file *file, struct fy_node *node, void *target)
{
	return read_event_bit(file, node, ((struct diagnosis_rule *)target)->context);
}

static bool diagnosis_context(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_sequence(file, node, false, diagnosis_one_context, target);
}

static bool diagnosis_one_attempt(struct yaml_file *file, struct fy_node *node, void *target)
{
	return read_event_bit(file, node, ((struct diagnosis_rule *)target)->attempts);
}

static bool diagnosis_attempts(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_sequence(file, node, false, diagnosis_one_attempt, target);
}

static bool diagnosis_one_absorbed(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_rule *rule = target;
	rule->absorb_places[rule->n_absorbs] = place_of(file, node);
	return read_slug(file, node, &pack_of(file)->vocabulary->diagnoses,
		&rule->absorbs[rule->n_absorbs++]);
}

static bool diagnosis_absorbs(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_rule *rule = target;
	unsigned n = yaml_count(node) + 1;
	rule->absorbs = arena_zeroed(file->arena, n * sizeof(*rule->absorbs));
	rule->absorb_places = arena_zeroed(file->arena, n * sizeof(*rule->absorb_places));
	return yaml_sequence(file, node, false, diagnosis_one_absorbed, rule);
}

// name: field, or name: event.field
static bool read_detail(struct yaml_file *file, struct fy_node *node, struct diagnosis_detail *detail)
{
	struct slice text;
	if (!yaml_text(file, node, &text))
		return false;
	const char *dot = memchr(text.data, '.', text.len);
	detail->event = NAME_NONE;
	if (dot) {
		struct slice event = slice_first(text, (uint32_t)(dot - text.data));
		detail->event = registry_find(&pack_of(file)->vocabulary->events, event);
		if (detail->event == NAME_NONE || !pack_of(file)->events[detail->event].known)
			return yaml_error(file, node, "unknown event '%.*s'", (int)event.len, event.data);
		text = slice_from(text, event.len + 1);
	}
	detail->field = field_find(text);
	return detail->field != FIELD_NONE ||
		yaml_error(file, node, "unknown field '%.*s'", (int)slice_first(text, 64).len, text.data);
}

static bool diagnosis_details(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_rule *rule = target;
	void *iterator = NULL;
	struct fy_node_pair *pair;
	if (!fy_node_is_mapping(node))
		return yaml_error(file, node, "'details' must be a mapping of names to fields");
	while ((pair = fy_node_mapping_iterate(node, &iterator)) != NULL) {
		if (rule->n_details == RULES_DETAILS_MAX)
			return yaml_error(file, node, "more than %d details", RULES_DETAILS_MAX);
		struct diagnosis_detail *detail = &rule->details[rule->n_details++];
		if (!yaml_text_copy(file, fy_node_pair_key(pair), &detail->name) ||
			!read_detail(file, fy_node_pair_value(pair), detail))
			return false;
	}
	return true;
}

static bool cause_name(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_text_copy(file, node, &((struct diagnosis_cause *)target)->name);
}

static bool cause_when(struct yaml_file *file, struct fy_node *node, void *target)
{
	return (((struct diagnosis_cause *)target)->when = expression_read(file, node)) != NULL;
}

static bool diagnosis_one_cause(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const struct yaml_key keys[] = {
		{"cause", cause_name, true},
		{"when", cause_when, true},
	};
	struct diagnosis_rule *rule = target;
	if (rule->n_causes == RULES_CAUSES_MAX)
		return yaml_error(file, node, "more than %d causes", RULES_CAUSES_MAX);
	return yaml_mapping(file, node, "a cause", keys, N(keys), &rule->causes[rule->n_causes++]);
}

static bool diagnosis_causes(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_sequence(file, node, false, diagnosis_one_cause, target);
}

static bool diagnosis_cause_otherwise(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_text_copy(file, node, &((struct diagnosis_rule *)target)->cause_otherwise);
}

static bool translation_en(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_text_copy(file, node, &((struct translations *)target)->text[LANGUAGE_EN]);
}

static bool translation_zh_tw(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_text_copy(file, node, &((struct translations *)target)->text[LANGUAGE_ZH_TW]);
}

static bool translation_ko(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_text_copy(file, node, &((struct translations *)target)->text[LANGUAGE_KO]);
}

static bool read_translations(struct yaml_file *file, struct fy_node *node,
	struct translations *out)
{
	static const struct yaml_key keys[] = {
		{"en", translation_en, true},
		{"zh-TW", translation_zh_tw, false},
		{"ko", translation_ko, false},
	};
	if (fy_node_is_scalar(node))
		return translation_en(file, node, out);
	return yaml_mapping(file, node, "a text by language", keys, N(keys), out);
}

static bool diagnosis_title(struct yaml_file *file, struct fy_node *node, void *target)
{
	return read_translations(file, node, &((struct diagnosis_rule *)target)->title);
}

static bool diagnosis_remedy(struct yaml_file *file, struct fy_node *node, void *target)
{
	return read_translations(file, node, &((struct diagnosis_rule *)target)->remedy);
}

static bool diagnosis_reference(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_text_copy(file, node, &((struct diagnosis_rule *)target)->reference);
}

static bool case_one_line(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_example *example = target;
	return yaml_text_copy(file, node, &example->lines[example->n_lines++]);
}

static bool case_lines(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_example *example = target;
	example->lines = arena_zeroed(file->arena, (yaml_count(node) + 1) * sizeof(*example->lines));
	return yaml_sequence(file, node, true, case_one_line, example);
}

#define CASE_TEXT(key)                                                                             \
	static bool case_##key(struct yaml_file *file, struct fy_node *node, void *target)         \
	{                                                                                          \
		return yaml_text_copy(file, node, &((struct diagnosis_example *)target)->key);     \
	}
CASE_TEXT(sender)
CASE_TEXT(confidence)
CASE_TEXT(client)
CASE_TEXT(device)
CASE_TEXT(state)
CASE_TEXT(cause)

static bool case_absent(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_boolean(file, node, &((struct diagnosis_example *)target)->absent);
}

static bool case_one_other(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_example *example = target;
	return yaml_text_copy(file, node, &example->also[example->n_also++]);
}

static bool case_also(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_example *example = target;
	example->also = arena_zeroed(file->arena, (yaml_count(node) + 1) * sizeof(*example->also));
	return yaml_sequence(file, node, true, case_one_other, example);
}

static bool diagnosis_one_example(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const struct yaml_key keys[] = {
		{"lines", case_lines, true},
		{"sender", case_sender, false},
		{"confidence", case_confidence, false},
		{"client", case_client, false},
		{"device", case_device, false},
		{"state", case_state, false},
		{"cause", case_cause, false},
		{"absent", case_absent, false},
		{"also", case_also, false},
	};
	struct diagnosis_rule *rule = target;
	struct diagnosis_example *example = &rule->examples[rule->n_examples++];
	example->place = place_of(file, node);
	return yaml_mapping(file, node, "an example", keys, N(keys), example);
}

static bool diagnosis_examples(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_rule *rule = target;
	rule->examples = arena_zeroed(file->arena, yaml_count(node) * sizeof(*rule->examples) + 1);
	return yaml_sequence(file, node, false, diagnosis_one_example, rule);
}

// Under its name and scope, which are known only now.
static bool enter_diagnosis(struct yaml_file *file, const struct diagnosis_rule *rule)
{
	struct rulepack *pack = pack_of(file);
	int16_t *index = &pack->diagnosis_of[rule->scope][rule->number];
	if (*index >= 0) {
		const struct rule_place *first = &pack->diagnoses[*index].place;
		report_add(file->report, rule->place.file, rule->place.line, rule->place.column,
			"duplicate id '%s'; first at %s:%d", rule->id, first->file, first->line);
		return false;
	}
	*index = (int16_t)(rule - pack->diagnoses);
	return true;
}

static bool read_diagnosis(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const struct yaml_key keys[] = {
		{"id", diagnosis_id, true},
		{"scope", diagnosis_scope, false},
		{"when", diagnosis_probable, false},
		{"suspected", diagnosis_suspected, false},
		{"probable", diagnosis_probable, false},
		{"confirmed", diagnosis_confirmed, false},
		{"window", diagnosis_window, false},
		{"recovers", diagnosis_recovers, false},
		{"quiet", diagnosis_quiet, false},
		{"calm", diagnosis_calm, false},
		{"expires", diagnosis_expires, false},
		{"evidence", diagnosis_evidence, false},
		{"attempts", diagnosis_attempts, false},
		{"context", diagnosis_context, false},
		{"absorbs", diagnosis_absorbs, false},
		{"details", diagnosis_details, false},
		{"causes", diagnosis_causes, false},
		{"cause", diagnosis_cause_otherwise, false},
		{"title", diagnosis_title, true},
		{"remedy", diagnosis_remedy, true},
		{"reference", diagnosis_reference, false},
		{"examples", diagnosis_examples, false},
	};
	struct rulepack *pack = target;
	if (pack->n_diagnoses == DIAGNOSES_MAX)
		return yaml_error(file, node, "more than %d diagnoses", DIAGNOSES_MAX);
	struct diagnosis_rule *rule = &pack->diagnoses[pack->n_diagnoses++];
	*rule = (struct diagnosis_rule){.number = NAME_NONE, .window_ms = 5 * 60 * 1000};
	if (!yaml_mapping(file, node, "a diagnosis", keys, N(keys), rule))
		return false;
	bool any = false;
	for (int i = CONFIDENCE_SUSPECTED; i <= CONFIDENCE_CONFIRMED; i++)
		any |= rule->levels[i] != NULL;
	if (!any)
		return yaml_error(file, node,
			"a diagnosis needs 'when', 'suspected', 'probable' or 'confirmed'");
	return enter_diagnosis(file, rule);
}

static bool read_one_recovery(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct rulepack *pack = target;
	if (pack->n_recovery == RULES_RECOVERS_MAX)
		return yaml_error(file, node, "more than %d events", RULES_RECOVERS_MAX);
	return (pack->recovery[pack->n_recovery++] = expression_read_leaf(file, node)) != NULL;
}

// ---- what the rules want of each event ----

static uint16_t *add_index(struct obstack *arena, uint16_t *list, unsigned *n, uint16_t index)
{
	for (unsigned i = 0; i < *n; i++) {
		if (list[i] == index)
			return list;
	}
	if (list == NULL)
		list = arena_zeroed(arena, DIAGNOSES_MAX * sizeof(*list));
	list[(*n)++] = index;
	return list;
}

struct use {
	struct rulepack *pack;
	struct diagnosis_rule *rule;
	bool trigger;
};

static void use_scope(struct event_use *event, enum scope scope)
{
	event->phone_scope |= scope == SCOPE_PHONE;
	event->gateway_scope |= scope == SCOPE_GATEWAY;
}

static void use_leaf(const struct expression *leaf, bool positive, void *context)
{
	struct use *use = context;
	struct event_use *event = &use->pack->events[leaf->event];
	if (leaf->kind == EXPRESSION_GATEWAY) {
		event->gateway_fact = true;
		return;
	}
	event->keep = true;
	use_scope(event, use->rule->scope);
	if (!use->trigger)
		return;
	event->triggers = add_index(&use->pack->arena, event->triggers, &event->n_triggers,
		(uint16_t)(use->rule - use->pack->diagnoses));
	if (positive && !event_bit(use->rule->context, leaf->event))
		use->rule->evidence[leaf->event / 64] |= 1ull << (leaf->event % 64);
}

static void use_recovery(struct rulepack *pack, struct diagnosis_rule *rule,
	const struct expression *leaf)
{
	struct event_use *event = &pack->events[leaf->event];
	use_scope(event, rule->scope);
	event->recovers = add_index(&pack->arena, event->recovers, &event->n_recovers,
		(uint16_t)(rule - pack->diagnoses));
	for (unsigned i = 0; i < pack->n_recovery; i++)
		rule->by_tunnel |= rule->calm_ms == 0 && pack->recovery[i]->event == leaf->event;
}

static void use_rule(struct rulepack *pack, struct diagnosis_rule *rule)
{
	struct use use = {pack, rule, true};
	for (int i = CONFIDENCE_SUSPECTED; i <= CONFIDENCE_CONFIRMED; i++) {
		if (rule->levels[i])
			expression_walk(rule->levels[i], true, use_leaf, &use);
	}
	use.trigger = false;
	for (unsigned i = 0; i < rule->n_causes; i++)
		expression_walk(rule->causes[i].when, true, use_leaf, &use);
	for (unsigned event = 0; event < EVENTS_MAX; event++) {
		if (event_bit(rule->evidence, (uint16_t)event) ||
			event_bit(rule->context, (uint16_t)event)) {
			pack->events[event].keep = true;
			use_scope(&pack->events[event], rule->scope);
		}
	}
	if (rule->n_recovers == 0 && rule->quiet_ms == 0) {
		memcpy(rule->recovers, pack->recovery, sizeof(rule->recovers));
		rule->n_recovers = pack->n_recovery;
	}
	for (unsigned i = 0; i < rule->n_recovers; i++)
		use_recovery(pack, rule, rule->recovers[i]);
	for (int i = CONFIDENCE_SUSPECTED; i <= CONFIDENCE_CONFIRMED; i++)
		rule->has_absence |= rule->levels[i] && expression_has_absence(rule->levels[i]);
}

// ---- files ----

struct files {
	struct yaml_file file[FILES_MAX];
	unsigned n;
};

// The lists of all files, one kind after the other: what diagnoses name must be known by then.
static bool read_lists(struct rulepack *pack, struct files *files, const char *key, bool lenient,
	bool (*read)(struct yaml_file *file, struct fy_node *item, void *target))
{
	bool ok = true;
	for (unsigned i = 0; i < files->n; i++) {
		struct yaml_file *file = &files->file[i];
		struct fy_node *list = file->root && fy_node_is_mapping(file->root)
			? fy_node_mapping_lookup_by_string(file->root, key, strlen(key))
			: NULL;
		if (list)
			ok &= yaml_sequence(file, list, lenient, read, pack);
	}
	return ok;
}

static bool key_later(struct yaml_file *file, struct fy_node *node, void *target)
{
	(void)target;
	return fy_node_is_sequence(node) || yaml_error(file, node, "must be a list");
}

static bool check_keys(struct files *files)
{
	static const struct yaml_key keys[] = {
		{"messages", key_later, false},
		{"diagnoses", key_later, false},
		{"recovery", key_later, false},
	};
	bool ok = true;
	for (unsigned i = 0; i < files->n; i++) {
		if (files->file[i].root)
			ok &= yaml_mapping(&files->file[i], files->file[i].root, "a rule file", keys,
				N(keys), NULL);
	}
	return ok;
}

// A name that a rule gives before the rule of that name has been read.
static bool check_diagnosis_name(const struct rulepack *pack, uint16_t number, const char *key,
	const struct rule_place *place, struct report *report)
{
	if (pack->diagnosis_of[SCOPE_PHONE][number] >= 0 ||
		pack->diagnosis_of[SCOPE_GATEWAY][number] >= 0)
		return true;
	report_add(report, place->file, place->line, place->column, "'%s' names an unknown diagnosis '%s'",
		key, registry_name(&pack->vocabulary->diagnoses, number));
	return false;
}

static bool check_diagnosis_names(struct rulepack *pack, struct report *report)
{
	bool ok = true;
	for (unsigned i = 0; i < pack->n_messages; i++) {
		const struct message_rule *rule = &pack->messages[i];
		if (rule->only_while != NAME_NONE)
			ok &= check_diagnosis_name(pack, rule->only_while, "while", &rule->while_place,
				report);
	}
	for (unsigned i = 0; i < pack->n_diagnoses; i++) {
		const struct diagnosis_rule *rule = &pack->diagnoses[i];
		for (unsigned k = 0; k < rule->n_absorbs; k++)
			ok &= check_diagnosis_name(pack, rule->absorbs[k], "absorbs",
				&rule->absorb_places[k], report);
	}
	return ok;
}

static struct rulepack *rulepack_create(struct vocabulary *vocabulary)
{
	struct rulepack *pack = calloc(1, sizeof(*pack));
	if (pack == NULL)
		return NULL;
	obstack_init(&pack->arena);
	pack->vocabulary = vocabulary;
	pack->messages = arena_zeroed(&pack->arena, RULES_MESSAGES_MAX * sizeof(*pack->messages));
	pack->diagnoses = arena_zeroed(&pack->arena, DIAGNOSES_MAX * sizeof(*pack->diagnoses));
	for (int i = 0; i < EVENTS_MAX; i++)
		pack->events[i].distinct_field = FIELD_NONE;
	memset(pack->diagnosis_of, -1, sizeof(pack->diagnosis_of));
	return pack;
}

void rulepack_destroy(struct rulepack *pack)
{
	if (pack == NULL)
		return;
	obstack_free(&pack->arena, NULL);
	free(pack);
}

static bool read_all(struct rulepack *pack, struct files *files, struct report *report)
{
	bool ok = check_keys(files);
	ok &= read_lists(pack, files, "messages", false, read_message);
	ok &= read_lists(pack, files, "recovery", false, read_one_recovery);
	ok &= read_lists(pack, files, "diagnoses", false, read_diagnosis);
	if (!ok)
		return false;
	for (unsigned i = 0; i < pack->n_diagnoses; i++)
		use_rule(pack, &pack->diagnoses[i]);
	return check_diagnosis_names(pack, report);
}

static void close_files(struct files *files)
{
	for (unsigned i = 0; i < files->n; i++)
		yaml_close(&files->file[i]);
	free(files);
}

static struct yaml_file *next_file(struct files *files, struct rulepack *pack, struct report *report)
{
	struct yaml_file *file = &files->file[files->n];
	*file = (struct yaml_file){.report = report, .arena = &pack->arena, .context = pack};
	return file;
}

static int is_rule_file(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');
	return entry->d_name[0] != '.' && dot &&
		(strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static bool open_directory(const char *path, struct files *files, struct rulepack *pack,
	struct report *report)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_rule_file, alphasort);
	bool ok = n > 0 && n <= FILES_MAX;
	if (!ok)
		report_add(report, path, 0, 0, "%s",
			n < 0 ? strerror(errno) : n == 0 ? "no *.yaml in it" : "more than 256 rule files");
	for (int i = 0; i < n; i++) {
		if (files->n < FILES_MAX) {
			obstack_printf(&pack->arena, "%s/%s", path, entries[i]->d_name);
			obstack_1grow(&pack->arena, '\0');
			ok &= yaml_open(next_file(files, pack, report), obstack_finish(&pack->arena));
			files->n++;
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return ok;
}

static struct rulepack *finish(struct rulepack *pack, struct files *files, bool opened,
	struct report *report)
{
	// With a file missing, half the names of the others would seem unknown.
	bool ok = opened && read_all(pack, files, report);
	close_files(files);
	if (ok)
		return pack;
	rulepack_destroy(pack);
	return NULL;
}

struct rulepack *rulepack_load(const char *path, struct vocabulary *vocabulary,
	struct report *report)
{
	struct rulepack *pack = rulepack_create(vocabulary);
	struct files *files = calloc(1, sizeof(*files));
	struct stat st;
	if (pack == NULL || files == NULL) {
		rulepack_destroy(pack);
		free(files);
		report_add(report, path, 0, 0, "out of memory");
		return NULL;
	}
	bool ok;
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		ok = yaml_open(next_file(files, pack, report), arena_text(&pack->arena, slice_of(path)));
		files->n++;
	} else {
		ok = open_directory(path, files, pack, report);
	}
	return finish(pack, files, ok, report);
}

struct rulepack *rulepack_load_bytes(const char *name, const char *bytes, size_t len,
	struct vocabulary *vocabulary, struct report *report)
{
	struct rulepack *pack = rulepack_create(vocabulary);
	struct files *files = calloc(1, sizeof(*files));
	if (pack == NULL || files == NULL) {
		rulepack_destroy(pack);
		free(files);
		return NULL;
	}
	bool ok = yaml_open_bytes(next_file(files, pack, report), name, bytes, len);
	files->n++;
	return finish(pack, files, ok, report);
}

const struct diagnosis_rule *rulepack_diagnosis(const struct rulepack *pack, enum scope scope,
	uint16_t number)
{
	int16_t index = number < DIAGNOSES_MAX ? pack->diagnosis_of[scope][number] : -1;
	return index < 0 ? NULL : &pack->diagnoses[index];
}

const char *translation(const struct translations *translations, enum language language)
{
	const char *text = translations->text[language];
	return text ? text : translations->text[LANGUAGE_EN];
}
