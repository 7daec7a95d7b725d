// SPDX-License-Identifier: BSD-3-Clause
// alert_reader: one item of `alerts:`.
#include "pack_reader.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define PHONES_MAX 10000000
#define DAYS_MAX 3650

const char *const severity_names[] = {
#define X(constant, name) [constant] = name,
	SEVERITIES(X)
#undef X
};
const char *const alert_field_names[] = {
#define X(constant, name) [constant] = name,
	ALERT_FIELDS(X)
#undef X
};
const char *const alert_detail_names[] = {
#define X(constant, name) [constant] = name,
	ALERT_DETAILS(X)
#undef X
};

// ---- scalars ----

static bool read_count(struct yaml_file *file, struct fy_node *node, uint64_t most, unsigned *out)
{
	uint64_t n = 0;
	bool ok = yaml_number(file, node, 1, most, &n);
	*out = (unsigned)n;
	return ok;
}

static bool read_phones(struct yaml_file *file, struct fy_node *node, void *target)
{
	return read_count(file, node, PHONES_MAX, target);
}

// From none on.
static bool read_integer(struct yaml_file *file, struct fy_node *node, void *target)
{
	uint64_t n = 0;
	bool ok = yaml_number(file, node, 0, PHONES_MAX, &n);
	*(int *)target = (int)n;
	return ok;
}

static bool read_days(struct yaml_file *file, struct fy_node *node, void *target)
{
	uint64_t n = 0;
	bool ok = yaml_number(file, node, 0, DAYS_MAX, &n);
	*(int *)target = (int)n;
	return ok;
}

// "20%"; false: it is none, and nothing is reported.
static bool parse_share(struct slice text, unsigned *percent)
{
	unsigned n = 0;
	uint32_t digits = 0;
	for (; digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9'; digits++)
		n = n > 100 ? n : n * 10 + (unsigned)(text.data[digits] - '0');
	if (digits == 0 || !slice_equals_text(slice_from(text, digits), "%") || n < 1 || n > 100)
		return false;
	*percent = n;
	return true;
}

static bool read_share(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct slice text;
	return yaml_text(file, node, &text) &&
	       (parse_share(text, target) ||
		       yaml_error(
			       file, node, "'%s' must be a share from 1%% to 100%%", QUOTE(text)));
}

static bool read_severity(struct yaml_file *file, struct fy_node *node, void *target)
{
	unsigned choice = 0;
	bool ok = yaml_choice(file, node, severity_names, SEVERITY_MAX, &choice);
	*(enum severity *)target = (enum severity)choice;
	return ok;
}

static bool read_time(struct yaml_file *file, struct fy_node *node, void *target)
{
	uint64_t *ms = target;
	return yaml_duration(file, node, ms) &&
	       (*ms <= ALERT_WINDOW_MAX_MS || yaml_error(file, node, "must be at most 30d"));
}

// ---- names ----

static bool read_slug(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct slice name;
	if (!pack_slug(file, node, &name))
		return false;
	*(const char **)target = arena_text(file->arena, name);
	return true;
}

static bool alert_id(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct alert_rule *rule = target;
	const struct rulepack *pack = pack_of(file);
	rule->place = yaml_place(file, node);
	if (!read_slug(file, node, &rule->id))
		return false;
	for (const struct alert_rule *other = pack->alerts; other < rule; other++) {
		if (other->id && strcmp(other->id, rule->id) == 0)
			return yaml_error(file, node, "duplicate id '%s'; first at %s:%d", rule->id,
				other->place.file, other->place.line);
	}
	return true;
}

// The name of the alert in other systems: Alertmanager's alertname is "Offhook" and this.
static bool alert_name(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct slice name;
	if (!yaml_text(file, node, &name))
		return false;
	bool ok = name.len > 0 && name.len <= ALERT_NAME_MAX && name.data[0] >= 'A' &&
		  name.data[0] <= 'Z';
	for (uint32_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		ok = ok &&
		     ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
	}
	if (!ok)
		return yaml_error(file, node,
			"'%s' is no name such as FleetCertificateMismatch: letters and digits, a "
			"capital first, at most %d",
			QUOTE(name), ALERT_NAME_MAX);
	*(const char **)target = arena_text(file->arena, name);
	return true;
}

// ---- of ----

static bool of_diagnosis(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct alert_of *of = target;
	const struct rulepack *pack = pack_of(file);
	const struct registry *names = &pack->vocabulary->diagnoses;
	struct slice name;
	if (!yaml_text(file, node, &name))
		return false;
	of->place = yaml_place(file, node);
	of->number = registry_find(names, name);
	bool known = false;
	for (int scope = 0; scope < SCOPE_MAX; scope++)
		known |= rulepack_diagnosis(pack, (enum scope)scope, of->number) != NULL;
	if (!known && !pack->incomplete)
		return yaml_error(file, node, "unknown diagnosis '%s'", QUOTE(name));
	of->diagnosis = arena_text(file->arena, name);
	return true;
}

static bool of_confidence(struct yaml_file *file, struct fy_node *node, void *target)
{
	unsigned choice = 0;
	bool ok = yaml_choice(file, node, confidence_names + CONFIDENCE_SUSPECTED, 3, &choice);
	*(unsigned *)target = CONFIDENCE_SUSPECTED + choice;
	return ok;
}

static bool of_one_cause(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct alert_of *of = target;
	if (of->n_causes == ALERT_CAUSES_MAX)
		return yaml_error(file, node, "more than %d causes", ALERT_CAUSES_MAX);
	return yaml_text_copy(file, node, &of->causes[of->n_causes++]);
}

static bool of_causes(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_sequence(file, node, true, of_one_cause, target);
}

static bool of_scope(struct yaml_file *file, struct fy_node *node, void *target)
{
	unsigned choice = 0;
	bool ok = yaml_choice(file, node, scope_names, SCOPE_MAX, &choice);
	*(unsigned *)target = 1u << choice;
	return ok;
}

// A cause that the diagnosis never gives would never fire.
static bool check_causes(struct yaml_file *file, struct fy_node *node, const struct alert_of *of)
{
	const struct diagnosis_rule *rule =
		rulepack_diagnosis(pack_of(file), SCOPE_PHONE, of->number);
	if (rule == NULL)
		rule = rulepack_diagnosis(pack_of(file), SCOPE_GATEWAY, of->number);
	for (unsigned i = 0; i < of->n_causes && rule; i++) {
		bool known =
			rule->cause_otherwise && strcmp(rule->cause_otherwise, of->causes[i]) == 0;
		for (unsigned k = 0; k < rule->n_causes; k++)
			known |= strcmp(rule->causes[k].name, of->causes[i]) == 0;
		if (!known)
			return yaml_error(file, node, "'%s' has no cause '%s'", of->diagnosis,
				QUOTE(slice_of(of->causes[i])));
	}
	return true;
}

static bool alert_one_of(struct yaml_file *file, struct fy_node *node, void *target)
{
#define OF(member) offsetof(struct alert_of, member)
	static const struct yaml_key keys[] = {
		{"diagnosis", of_diagnosis, true, 0},
		{"confidence", of_confidence, false, OF(least)},
		{"causes", of_causes, false, 0},
		{"scope", of_scope, false, OF(scopes)},
	};
	struct alert_rule *rule = target;
	if (rule->n_of == ALERT_OF_MAX)
		return yaml_error(file, node, "more than %d diagnoses", ALERT_OF_MAX);
	struct alert_of *of = &rule->of[rule->n_of++];
	*of = (struct alert_of){.scopes = (1u << SCOPE_MAX) - 1, .least = CONFIDENCE_PROBABLE};
	if (fy_node_is_scalar(node))
		return of_diagnosis(file, node, of);
	return yaml_mapping(file, node, "a diagnosis that counts", keys, N(keys), of) &&
	       check_causes(file, node, of);
}

static bool alert_of(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_sequence(file, node, true, alert_one_of, target);
}

// ---- by ----

static bool alert_one_by(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct alert_rule *rule = target;
	unsigned choice;
	if (!yaml_choice(file, node, alert_field_names, ALERT_FIELD_MAX, &choice))
		return false;
	if (rule->n_by == ALERT_BY_MAX)
		return yaml_error(file, node, "more than %d fields", ALERT_BY_MAX);
	if (alert_rule_is_by(rule, (enum alert_field)choice))
		return yaml_error(file, node, "'%s' stands twice", alert_field_names[choice]);
	rule->by[rule->n_by++] = (enum alert_field)choice;
	return true;
}

static bool alert_by(struct yaml_file *file, struct fy_node *node, void *target)
{
	((struct alert_rule *)target)->has_by = true;
	return yaml_sequence(file, node, true, alert_one_by, target);
}

// ---- levels, resolves ----

static bool alert_one_level(struct yaml_file *file, struct fy_node *node, void *target)
{
#define LEVEL_AT(member) offsetof(struct alert_level, member)
	static const struct yaml_key keys[] = {
		{"severity", read_severity, true, LEVEL_AT(severity)},
		{"phones", read_phones, false, LEVEL_AT(phones)},
		{"share", read_share, false, LEVEL_AT(share)},
		{"days", read_days, false, LEVEL_AT(days)},
		{"gateway", pack_read_boolean, false, LEVEL_AT(gateway)},
		{"suspected", pack_read_boolean, false, LEVEL_AT(suspected)},
	};
	struct alert_rule *rule = target;
	if (rule->n_levels == ALERT_LEVELS_MAX)
		return yaml_error(file, node, "more than %d levels", ALERT_LEVELS_MAX);
	struct alert_level *level = &rule->levels[rule->n_levels++];
	*level = (struct alert_level){.place = yaml_place(file, node), .days = -1};
	if (!yaml_mapping(file, node, "a level", keys, N(keys), level))
		return false;
	return level->share == 0 || level->phones ||
	       yaml_error(file, node,
		       "a 'share' needs a floor: 'phones', below which no share counts");
}

static bool alert_levels(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_sequence(file, node, true, alert_one_level, target);
}

// A number of phones, or a share.
static bool resolves_below(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct alert_rule *rule = target;
	struct slice text;
	if (!yaml_text(file, node, &text))
		return false;
	if (text.len && text.data[text.len - 1] == '%')
		return read_share(file, node, &rule->resolves.share);
	return read_phones(file, node, &rule->resolves.phones);
}

static bool alert_resolves(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const struct yaml_key keys[] = {
		{"below", resolves_below, false, 0},
		{"for", read_time, false, offsetof(struct alert_rule, resolves.for_ms)},
	};
	((struct alert_rule *)target)->resolves.place = yaml_place(file, node);
	return yaml_mapping(file, node, "'resolves'", keys, N(keys), target);
}

static bool alert_storm(struct yaml_file *file, struct fy_node *node, void *target)
{
	uint64_t n = 0;
	bool ok = yaml_number(file, node, 0, 16384, &n);
	*(unsigned *)target = (unsigned)n;
	return ok;
}

// ---- what else it can be about ----

static bool alert_degraded(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const char *const words[] = {"history"};
	unsigned choice;
	*(bool *)target = true;
	return yaml_choice(file, node, words, N(words), &choice);
}

static bool alert_one_absorbed(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct alert_rule *rule = target;
	rule->absorb_places[rule->n_absorbs] = yaml_place(file, node);
	return read_slug(file, node, &rule->absorbs[rule->n_absorbs++]);
}

static bool alert_absorbs(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct alert_rule *rule = target;
	unsigned n = yaml_count(node) + 1;
	rule->absorbs = arena_zeroed(file->arena, n * sizeof(*rule->absorbs));
	rule->absorb_places = arena_zeroed(file->arena, n * sizeof(*rule->absorb_places));
	return yaml_sequence(file, node, true, alert_one_absorbed, rule);
}

// ---- examples ----

static bool step_diagnosis(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct alert_of of = {0};
	bool ok = of_diagnosis(file, node, &of);
	*(const char **)target = of.diagnosis;
	return ok;
}

static bool step_state(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const char *const words[] = {"open", "recovered", "expired"};
	unsigned choice = 0;
	bool ok = yaml_choice(file, node, words, N(words), &choice);
	*(const char **)target = words[choice];
	return ok;
}

static bool step_confidence(struct yaml_file *file, struct fy_node *node, void *target)
{
	unsigned choice = 0;
	bool ok = yaml_choice(
		file, node, confidence_names + CONFIDENCE_SUSPECTED, CONFIDENCE_CONFIRMED, &choice);
	*(const char **)target = confidence_names[CONFIDENCE_SUSPECTED + choice];
	return ok;
}

static bool step_degraded(struct yaml_file *file, struct fy_node *node, void *target)
{
	bool degraded = false, ok = yaml_boolean(file, node, &degraded);
	*(int *)target = degraded;
	return ok;
}

static bool step_phones(struct yaml_file *file, struct fy_node *node, void *target)
{
	int n = 0;
	bool ok = read_integer(file, node, &n);
	*(unsigned *)target = (unsigned)n;
	return ok;
}

// "+10m": so long nothing comes.
static bool step_wait(struct yaml_file *file, struct fy_node *node, struct alert_step *step)
{
	struct slice text;
	if (!yaml_text(file, node, &text))
		return false;
	return (slice_starts(text, "+") &&
		       yaml_parse_duration(slice_from(text, 1), &step->wait_ms) &&
		       step->wait_ms <= ALERT_WINDOW_MAX_MS) ||
	       yaml_error(file, node,
		       "'%s' must be + and a time such as " YAML_DURATIONS ", or a mapping",
		       QUOTE(text));
}

static bool example_one_step(struct yaml_file *file, struct fy_node *node, void *target)
{
#define STEP(member) offsetof(struct alert_step, member)
	static const struct yaml_key keys[] = {
		{"diagnosis", step_diagnosis, false, STEP(diagnosis)},
		{"phones", step_phones, false, STEP(phones)},
		{"gateway", pack_read_text, false, STEP(gateway)},
		{"state", step_state, false, STEP(state)},
		{"confidence", step_confidence, false, STEP(confidence)},
		{"cause", pack_read_text, false, STEP(cause)},
		{"leaf_hash", pack_read_text, false, STEP(leaf_hash)},
		{"trustpoint", pack_read_text, false, STEP(trustpoint)},
		{"days", read_days, false, STEP(days)},
		{"known", read_integer, false, STEP(known)},
		{"logins", read_integer, false, STEP(logins)},
		{"usual", read_integer, false, STEP(usual)},
		{"speaks", read_time, false, STEP(speaks_ms)},
		{"degraded", step_degraded, false, STEP(degraded)},
	};
	struct alert_example *example = target;
	if (example->n_steps == ALERT_STEPS_MAX)
		return yaml_error(file, node, "more than %d steps", ALERT_STEPS_MAX);
	struct alert_step *step = &example->steps[example->n_steps++];
	*step = (struct alert_step){.place = yaml_place(file, node),
		.gateway = "asa-1",
		.state = "open",
		.confidence = "confirmed",
		.phones = 1,
		.days = -1,
		.known = -1,
		.logins = -1,
		.usual = -1,
		.degraded = -1};
	if (fy_node_is_scalar(node))
		return step_wait(file, node, step);
	return yaml_mapping(file, node, "a step", keys, N(keys), step);
}

static bool example_steps(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct alert_example *example = target;
	if (yaml_count(node) == 0)
		return yaml_error(file, node, "an example needs a step");
	example->steps = arena_zeroed(file->arena, ALERT_STEPS_MAX * sizeof(*example->steps));
	return yaml_sequence(file, node, true, example_one_step, example);
}

static bool example_state(struct yaml_file *file, struct fy_node *node, void *target)
{
	static const char *const words[] = {"firing", "resolved"};
	unsigned choice = 0;
	bool ok = yaml_choice(file, node, words, N(words), &choice);
	*(const char **)target = words[choice];
	return ok;
}

static bool example_severity(struct yaml_file *file, struct fy_node *node, void *target)
{
	enum severity severity = SEVERITY_INFO;
	bool ok = read_severity(file, node, &severity);
	*(const char **)target = severity_names[severity];
	return ok;
}

static bool alert_one_example(struct yaml_file *file, struct fy_node *node, void *target)
{
#define EXAMPLE(member) offsetof(struct alert_example, member)
	static const struct yaml_key keys[] = {
		{"steps", example_steps, true, 0},
		{"absent", pack_read_boolean, false, EXAMPLE(absent)},
		{"state", example_state, false, EXAMPLE(state)},
		{"gateway", pack_read_text, false, EXAMPLE(gateway)},
		{"severity", example_severity, false, EXAMPLE(severity)},
		{"phones", read_integer, false, EXAMPLE(phones)},
		{"days", read_days, false, EXAMPLE(days)},
	};
	struct alert_rule *rule = target;
	struct alert_example *example = &rule->examples[rule->n_examples++];
	*example =
		(struct alert_example){.place = yaml_place(file, node), .phones = -1, .days = -1};
	return yaml_mapping(file, node, "an example", keys, N(keys), example);
}

static bool alert_examples(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct alert_rule *rule = target;
	rule->examples = arena_zeroed(file->arena, yaml_count(node) * sizeof(*rule->examples) + 1);
	return yaml_sequence(file, node, false, alert_one_example, rule);
}

// ---- an alert ----

// What it is about, and what can go with that.
static bool set_source(struct yaml_file *file, struct fy_node *node, struct alert_rule *rule)
{
	unsigned n = (rule->n_of > 0) + (rule->silent_ms > 0) + (rule->logins_share > 0) +
		     rule->degraded;
	if (n != 1)
		return yaml_error(file, node,
			"an alert is of one of: 'of', 'silent', 'logins_below', 'degraded'");
	rule->source = rule->n_of	    ? ALERT_OF_DIAGNOSES
		       : rule->silent_ms    ? ALERT_SILENT
		       : rule->logins_share ? ALERT_LOGINS
					    : ALERT_DEGRADED;
	if (rule->source != ALERT_OF_DIAGNOSES && rule->has_by)
		return yaml_error(file, node, "'by' is for alerts of diagnoses");
	if (!rule->has_by && rule->source != ALERT_DEGRADED)
		rule->by[rule->n_by++] = ALERT_BY_GATEWAY;
	return true;
}

bool pack_read_alert(struct yaml_file *file, struct fy_node *node, void *target)
{
#define IN(member) offsetof(struct alert_rule, member)
	struct rulepack *pack = target;
	static const struct yaml_key keys[] = {
		{"id", alert_id, true, 0},
		{"name", alert_name, true, IN(name)},
		{"category", read_slug, true, IN(category)},
		{"of", alert_of, false, 0},
		{"silent", read_time, false, IN(silent_ms)},
		{"logins_below", read_share, false, IN(logins_share)},
		{"degraded", alert_degraded, false, IN(degraded)},
		{"by", alert_by, false, 0},
		{"window", read_time, false, IN(window_ms)},
		{"levels", alert_levels, true, 0},
		{"resolves", alert_resolves, false, 0},
		{"hold", read_time, false, IN(hold_ms)},
		{"storm", alert_storm, false, IN(storm)},
		{"absorbs", alert_absorbs, false, 0},
		{"title", pack_read_translations, true, IN(title)},
		{"summary", pack_read_translations, true, IN(summary)},
		{"remedy", pack_read_translations, true, IN(remedy)},
		{"reference", pack_read_text, false, IN(reference)},
		{"examples", alert_examples, false, 0},
	};
	if (pack->n_alerts == ALERT_RULES_MAX)
		return yaml_error(file, node, "more than %d alerts", ALERT_RULES_MAX);
	struct alert_rule *rule = &pack->alerts[pack->n_alerts++];
	*rule = (struct alert_rule){.window_ms = 5 * 60 * 1000,
		.hold_ms = 30 * 60 * 1000,
		.storm = ALERT_STORM,
		.resolves = {.place = yaml_place(file, node), .for_ms = 5 * 60 * 1000}};
	if (!yaml_mapping(file, node, "an alert", keys, N(keys), rule))
		return false;
	return set_source(file, node, rule);
}
