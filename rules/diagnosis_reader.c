// SPDX-License-Identifier: BSD-3-Clause
// diagnosis_reader: one item of `diagnoses:`.
#include "pack_reader.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

// ---- name and scope ----

static bool diagnosis_id(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_rule *rule = target;
	struct rulepack *pack = pack_of(file);
	if (!pack_read_slug(file, node, &pack->vocabulary->diagnoses, &rule->number))
		return false;
	rule->id = registry_name(&pack->vocabulary->diagnoses, rule->number);
	rule->place = yaml_place(file, node);
	return true;
}

static bool diagnosis_scope(struct yaml_file *file, struct fy_node *node, void *target)
{
	unsigned choice = 0;
	bool ok = yaml_choice(file, node, scope_names, SCOPE_MAX, &choice);
	*(enum scope *)target = (enum scope)choice;
	return ok;
}

// ---- expressions, times, events ----

static bool diagnosis_level(struct yaml_file *file, struct fy_node *node, void *target)
{
	const struct expression **level = target;
	if (*level)
		return yaml_error(
			file, node, "'when' is another name of 'probable': write one of them");
	*level = expression_read(file, node);
	return *level != NULL;
}

static bool diagnosis_window(struct yaml_file *file, struct fy_node *node, void *target)
{
	uint64_t *window_ms = target;
	return yaml_duration(file, node, window_ms) &&
	       (*window_ms <= RULES_WINDOW_MAX_MS ||
		       yaml_error(file, node, "a window is at most 1h"));
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
	((struct diagnosis_rule *)target)->own_recovers = true;
	return yaml_sequence(file, node, false, diagnosis_one_recovery, target);
}

static bool add_event(struct yaml_file *file, struct fy_node *node, void *bits)
{
	struct rulepack *pack = pack_of(file);
	const struct expression *leaf = expression_read_leaf(file, node);
	if (leaf == NULL)
		return false;
	if (leaf->conditions)
		return yaml_error(
			file, node, "an event alone: 'where' and 'disjoint' change nothing here");
	set_bit(bits, leaf->event);
	return pack_check_scope(
		pack, pack->diagnoses[pack->n_diagnoses - 1].scope, leaf, file->report);
}

static bool diagnosis_events(struct yaml_file *file, struct fy_node *node, void *bits)
{
	return yaml_sequence(file, node, false, add_event, bits);
}

static bool diagnosis_one_absorbed(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_rule *rule = target;
	rule->absorb_places[rule->n_absorbs] = yaml_place(file, node);
	return pack_read_slug(file, node, &pack_of(file)->vocabulary->diagnoses,
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

// ---- words ----

static bool read_words(struct yaml_file *file, struct fy_node *node, void *text)
{
	const char **words = text;
	return yaml_text_copy(file, node, words) &&
	       (**words || yaml_error(file, node, "must not be empty"));
}

bool pack_read_translations(struct yaml_file *file, struct fy_node *node, void *target)
{
#define LANGUAGE(language) offsetof(struct translations, text) + (language) * sizeof(const char *)
	static const struct yaml_key keys[] = {
		{"en", read_words, true, LANGUAGE(LANGUAGE_EN)},
		{"zh-TW", read_words, false, LANGUAGE(LANGUAGE_ZH_TW)},
		{"ko", read_words, false, LANGUAGE(LANGUAGE_KO)},
	};
	struct translations *translations = target;
	if (fy_node_is_scalar(node))
		return read_words(file, node, &translations->text[LANGUAGE_EN]);
	return yaml_mapping(file, node, "a text by language", keys, N(keys), translations);
}

// ---- details, causes ----

// name: field, or name: event.field
static bool read_detail(
	struct yaml_file *file, struct fy_node *node, struct diagnosis_detail *detail)
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
			return yaml_error(file, node, "unknown event '%s'", QUOTE(event));
		text = slice_from(text, event.len + 1);
	}
	detail->field = field_find(text);
	if (detail->field != FIELD_NONE && detail->event != NAME_NONE)
		return pack_event_has(file, node, detail->event, detail->field);
	return detail->field != FIELD_NONE ||
	       yaml_error(file, node, "unknown field '%s'", QUOTE(text));
}

static bool read_named_detail(struct yaml_file *file, struct fy_node *key, struct fy_node *value,
	struct diagnosis_detail *detail)
{
	static const char *const taken[] = {"", "cause", "devices"}; // control/diagnosis_json.c
	detail->place = yaml_place(file, value);
	if (!yaml_text_copy(file, key, &detail->name))
		return false;
	for (size_t i = 0; i < N(taken); i++) {
		if (strcmp(detail->name, taken[i]) == 0)
			return yaml_error(file, key, "'%s' is no name of a detail%s", taken[i],
				taken[i][0] ? ": it is filled without" : "");
	}
	return read_detail(file, value, detail);
}

static bool diagnosis_one_detail(
	struct yaml_file *file, struct fy_node *key, struct fy_node *value, void *target)
{
	struct diagnosis_rule *rule = target;
	if (rule->n_details == RULES_DETAILS_MAX)
		return yaml_error(file, key, "more than %d details", RULES_DETAILS_MAX);
	return read_named_detail(file, key, value, &rule->details[rule->n_details++]);
}

static bool diagnosis_details(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_pairs(file, node, "'details'", diagnosis_one_detail, target);
}

static bool diagnosis_one_expected(
	struct yaml_file *file, struct fy_node *key, struct fy_node *value, void *target)
{
	struct diagnosis_rule *rule = target;
	if (rule->n_expected == RULES_EXPECTED_MAX)
		return yaml_error(
			file, key, "more than %d details that are expected", RULES_EXPECTED_MAX);
	struct diagnosis_detail *detail = &rule->expected[rule->n_expected++];
	return read_named_detail(file, key, value, detail) &&
	       (detail->event != NAME_NONE ||
		       yaml_error(file, value, "what is expected is a field of one event: event.%s",
			       field_name(detail->field)));
}

static bool diagnosis_expects(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_pairs(file, node, "'expects'", diagnosis_one_expected, target);
}

static bool cause_name(struct yaml_file *file, struct fy_node *node, void *target)
{
	const char **name = target;
	if (!yaml_text_copy(file, node, name))
		return false;
	size_t len = strlen(*name);
	return (len > 0 && len <= RULES_CAUSE_BYTES_MAX) ||
	       yaml_error(file, node, "a name of 1 to %d bytes", RULES_CAUSE_BYTES_MAX);
}

static bool cause_when(struct yaml_file *file, struct fy_node *node, void *target)
{
	const struct expression **when = target;
	return (*when = expression_read(file, node)) != NULL;
}

static bool diagnosis_one_cause(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const struct yaml_key keys[] = {
		{"cause", cause_name, true, offsetof(struct diagnosis_cause, name)},
		{"when", cause_when, true, offsetof(struct diagnosis_cause, when)},
		{"remedy", pack_read_translations, false, offsetof(struct diagnosis_cause, remedy)},
	};
	struct diagnosis_rule *rule = target;
	if (rule->n_causes == RULES_CAUSES_MAX)
		return yaml_error(file, node, "more than %d causes", RULES_CAUSES_MAX);
	struct diagnosis_cause *cause = &rule->causes[rule->n_causes];
	if (!yaml_mapping(file, node, "a cause", keys, N(keys), cause))
		return false;
	for (unsigned i = 0; i < rule->n_causes; i++) {
		if (strcmp(rule->causes[i].name, cause->name) == 0)
			return yaml_error(file, node, "two causes '%s': {any: [...]} takes both",
				cause->name);
	}
	rule->n_causes++;
	return true;
}

static bool diagnosis_causes(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_sequence(file, node, false, diagnosis_one_cause, target);
}

// ---- examples ----

// A line, or "+90s": so long nothing comes.
static bool example_one_line(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_example *example = target;
	struct example_line *line = &example->lines[example->n_lines++];
	struct slice text;
	if (!yaml_text(file, node, &text))
		return false;
	if (!slice_starts(text, "+")) {
		line->text = arena_text(file->arena, text);
		return true;
	}
	return yaml_parse_duration(slice_from(text, 1), &line->wait_ms) ||
	       yaml_error(file, node, "'%s' must be + and a time such as " YAML_DURATIONS,
		       QUOTE(text));
}

static bool example_lines(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_example *example = target;
	if (yaml_count(node) == 0)
		return yaml_error(file, node, "an example needs a line");
	example->lines = arena_zeroed(file->arena, yaml_count(node) * sizeof(*example->lines));
	return yaml_sequence(file, node, true, example_one_line, example);
}

static bool example_sender(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct slice text;
	if (!yaml_text(file, node, &text))
		return false;
	return address_parse(text, target) ||
	       yaml_error(file, node, "'%s' is no IPv4 or IPv6 address", QUOTE(text));
}

static bool read_word(struct yaml_file *file, struct fy_node *node, const char *const *words,
	size_t n_words, void *target)
{
	unsigned choice;
	if (!yaml_choice(file, node, words, n_words, &choice))
		return false;
	*(const char **)target = words[choice];
	return true;
}

static bool example_confidence(struct yaml_file *file, struct fy_node *node, void *target)
{
	return read_word(
		file, node, confidence_names + CONFIDENCE_SUSPECTED, CONFIDENCE_CONFIRMED, target);
}

static bool example_state(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const char *const words[] = {"open", "recovered", "expired"};
	return read_word(file, node, words, N(words), target);
}

static bool example_one_other(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_example *example = target;
	return yaml_text_copy(file, node, &example->also[example->n_also++]);
}

static bool example_also(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_example *example = target;
	example->also = arena_zeroed(file->arena, (yaml_count(node) + 1) * sizeof(*example->also));
	return yaml_sequence(file, node, true, example_one_other, example);
}

static bool example_one_detail(
	struct yaml_file *file, struct fy_node *key, struct fy_node *value, void *target)
{
	struct diagnosis_example *example = target;
	struct example_detail *detail = &example->details[example->n_details++];
	detail->place = yaml_place(file, key);
	return yaml_text_copy(file, key, &detail->name) &&
	       yaml_text_copy(file, value, &detail->value);
}

static bool example_details(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_example *example = target;
	example->details = arena_zeroed(file->arena, YAML_KEYS_MAX * sizeof(*example->details));
	return yaml_pairs(file, node, "'details'", example_one_detail, example);
}

static bool diagnosis_one_example(struct yaml_file *file, struct fy_node *node, void *target)
{
#define OF_EXAMPLE(member) offsetof(struct diagnosis_example, member)
	static const struct yaml_key keys[] = {
		{"lines", example_lines, true, 0},
		{"sender", example_sender, false, OF_EXAMPLE(sender)},
		{"confidence", example_confidence, false, OF_EXAMPLE(confidence)},
		{"client", pack_read_text, false, OF_EXAMPLE(client)},
		{"device", pack_read_text, false, OF_EXAMPLE(device)},
		{"state", example_state, false, OF_EXAMPLE(state)},
		{"cause", pack_read_text, false, OF_EXAMPLE(cause)},
		{"details", example_details, false, 0},
		{"absent", pack_read_boolean, false, OF_EXAMPLE(absent)},
		{"also", example_also, false, 0},
	};
	struct diagnosis_rule *rule = target;
	struct diagnosis_example *example = &rule->examples[rule->n_examples++];
	example->place = yaml_place(file, node);
	return yaml_mapping(file, node, "an example", keys, N(keys), example);
}

static bool diagnosis_examples(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct diagnosis_rule *rule = target;
	rule->examples = arena_zeroed(file->arena, yaml_count(node) * sizeof(*rule->examples) + 1);
	return yaml_sequence(file, node, false, diagnosis_one_example, rule);
}

// ---- a diagnosis ----

// Under its name and scope, which are known only now.
static bool enter_diagnosis(struct yaml_file *file, const struct diagnosis_rule *rule)
{
	struct rulepack *pack = pack_of(file);
	int16_t *index = &pack->diagnosis_of[rule->scope][rule->number];
	if (*index >= 0) {
		const struct rule_place *first = &pack->diagnoses[*index].place;
		report_at(file->report, &rule->place, "duplicate id '%s'; first at %s:%d", rule->id,
			first->file, first->line);
		return false;
	}
	*index = (int16_t)(rule - pack->diagnoses);
	return true;
}

bool pack_read_diagnosis(struct yaml_file *file, struct fy_node *node, void *target)
{
#define AT(member) offsetof(struct diagnosis_rule, member)
#define LEVEL(confidence) AT(levels) + (confidence) * sizeof(const struct expression *)
	static const struct yaml_key keys[] = {
		{"id", diagnosis_id, true, 0},
		{"scope", diagnosis_scope, false, AT(scope)},
		{"when", diagnosis_level, false, LEVEL(CONFIDENCE_PROBABLE)},
		{"suspected", diagnosis_level, false, LEVEL(CONFIDENCE_SUSPECTED)},
		{"probable", diagnosis_level, false, LEVEL(CONFIDENCE_PROBABLE)},
		{"confirmed", diagnosis_level, false, LEVEL(CONFIDENCE_CONFIRMED)},
		{"window", diagnosis_window, false, AT(window_ms)},
		{"recovers", diagnosis_recovers, false, 0},
		{"quiet", pack_read_duration, false, AT(quiet_ms)},
		{"calm", pack_read_duration, false, AT(calm_ms)},
		{"expires", pack_read_duration, false, AT(expires_ms)},
		{"evidence", diagnosis_events, false, AT(evidence)},
		{"attempts", diagnosis_events, false, AT(attempts)},
		{"context", diagnosis_events, false, AT(context)},
		{"absorbs", diagnosis_absorbs, false, 0},
		{"one_attempt", pack_read_boolean, false, AT(one_attempt)},
		{"details", diagnosis_details, false, 0},
		{"expects", diagnosis_expects, false, 0},
		{"causes", diagnosis_causes, false, 0},
		{"cause", cause_name, false, AT(cause_otherwise)},
		{"title", pack_read_translations, true, AT(title)},
		{"remedy", pack_read_translations, true, AT(remedy)},
		{"reference", pack_read_text, false, AT(reference)},
		{"examples", diagnosis_examples, false, 0},
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
