// SPDX-License-Identifier: BSD-3-Clause
// expression_reader: expressions as a rule file writes them.
#include "expression.h"

#include <stdio.h>

#include "pack_reader.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define EXPRESSION_DEPTH_MAX 12
#define EXPRESSION_PARTS_MAX 24

// ---- an event ----

static struct expression *expression_new(struct yaml_file *file, enum expression_kind kind,
	const struct rule_place *place, unsigned n_parts)
{
	struct expression *e = arena_zeroed(file->arena, sizeof(*e));
	e->kind = kind;
	e->place = *place;
	e->event = NAME_NONE;
	e->field = FIELD_NONE;
	e->n_parts = n_parts;
	if (n_parts)
		e->parts = arena_zeroed(file->arena, n_parts * sizeof(*e->parts));
	return e;
}

static bool read_event(struct yaml_file *file, struct fy_node *node, uint16_t *out)
{
	struct slice name;
	if (fy_node_is_sequence(node))
		return yaml_error(file, node, "must be one event, not a list");
	if (!yaml_text(file, node, &name))
		return false;
	if (!name_is_slug(name))
		return yaml_error(file, node,
			"'%s' is no event name: lower-case letters, digits, hyphens", QUOTE(name));
	*out = registry_find(&pack_of(file)->vocabulary->events, name);
	if (*out == NAME_NONE || !pack_of(file)->events[*out].known)
		return yaml_error(file, node, "unknown event '%s': no message has it", QUOTE(name));
	return true;
}

static bool read_glob(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct condition *condition = target;
	return yaml_text_copy(file, node, &condition->globs[condition->n_globs++]);
}

bool condition_read(
	struct yaml_file *file, struct fy_node *field, struct fy_node *globs, struct condition *out)
{
	*out = (struct condition){.other = FIELD_NONE};
	if (!pack_read_field(file, field, &out->field))
		return false;
	if (yaml_count(globs) == 0)
		return yaml_error(file, globs, "an empty list fits no value");
	out->globs = arena_zeroed(file->arena, yaml_count(globs) * sizeof(*out->globs));
	return yaml_sequence(file, globs, true, read_glob, out);
}

// Give the condition a bit of its event; the same condition of two rules shares one.
static bool add_condition(struct yaml_file *file, struct fy_node *node, struct expression *leaf,
	const struct condition *condition)
{
	struct event_use *use = &pack_of(file)->events[leaf->event];
	unsigned bit = 0;
	while (bit < use->n_conditions && !condition_equals(&use->conditions[bit], condition))
		bit++;
	if (bit == CONDITIONS_MAX)
		return yaml_error(file, node, "more than %d different conditions on one event",
			CONDITIONS_MAX);
	if (bit == use->n_conditions)
		use->conditions[use->n_conditions++] = *condition;
	leaf->conditions |= (uint16_t)(1u << bit);
	return true;
}

static bool leaf_event(struct yaml_file *file, struct fy_node *node, void *target)
{
	return read_event(file, node, &((struct expression *)target)->event);
}

static bool leaf_one_condition(
	struct yaml_file *file, struct fy_node *key, struct fy_node *value, void *target)
{
	struct expression *leaf = target;
	struct condition condition;
	return condition_read(file, key, value, &condition) &&
	       pack_event_has(file, key, leaf->event, condition.field) &&
	       add_condition(file, key, leaf, &condition);
}

static bool leaf_where(struct yaml_file *file, struct fy_node *node, void *target)
{
	if (((struct expression *)target)->event == NAME_NONE)
		return false; // reported as the missing key
	return yaml_pairs(file, node, "'where'", leaf_one_condition, target);
}

// One of the two lists.
static bool read_list_field(
	struct yaml_file *file, struct fy_node *node, uint16_t event, uint8_t *out)
{
	if (!pack_read_field(file, node, out) || !pack_event_has(file, node, event, *out))
		return false;
	return field_type_of(*out) == TYPE_LIST ||
	       yaml_error(file, node, "'disjoint' compares lists: {%s} is of type %s",
		       field_name(*out), field_type_name(field_type_of(*out)));
}

static bool leaf_disjoint(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct expression *leaf = target;
	struct condition condition = {0};
	if (leaf->event == NAME_NONE)
		return false; // reported as the missing key
	if (!fy_node_is_sequence(node) || yaml_count(node) != 2)
		return yaml_error(file, node, "'disjoint' must be a list of two fields");
	struct fy_node *one = fy_node_sequence_get_by_index(node, 0),
		       *other = fy_node_sequence_get_by_index(node, 1);
	if (!read_list_field(file, one, leaf->event, &condition.field) ||
		!read_list_field(file, other, leaf->event, &condition.other))
		return false;
	if (condition.field == condition.other)
		return yaml_error(
			file, other, "'disjoint' compares two lists, not one with itself");
	return add_condition(file, node, leaf, &condition);
}

const struct expression *expression_read_leaf(struct yaml_file *file, struct fy_node *node)
{
	static const struct yaml_key keys[] = {
		{"event", leaf_event, true},
		{"where", leaf_where, false},
		{"disjoint", leaf_disjoint, false},
	};
	struct rule_place place = yaml_place(file, node);
	struct expression *leaf = expression_new(file, EXPRESSION_SEEN, &place, 0);
	bool ok = fy_node_is_mapping(node)
			  ? yaml_mapping(file, node, "an event", keys, N(keys), leaf)
			  : read_event(file, node, &leaf->event);
	return ok ? leaf : NULL;
}

// ---- an expression ----

// Keys beside the one that names the kind.
#define KEYS(X) \
	X(OF, "of") X(AFTER, "after") X(AT_LEAST, "at_least") X(WITHIN, "within") X(FOR, "for")

enum key {
#define X(constant, name) constant,
	KEYS(X)
#undef X
		KEY_MAX
};

static const char *const key_names[] = {
#define X(constant, name) name,
	KEYS(X)
#undef X
};

static const struct kind {
	const char *name;
	unsigned needs, may; // 1 << enum key
} kinds[] = {
	[EXPRESSION_ALL] = {"all", 0, 0},
	[EXPRESSION_ANY] = {"any", 0, 0},
	[EXPRESSION_NOT] = {"not", 0, 0},
	[EXPRESSION_SEQUENCE] = {"sequence", 0, 1 << WITHIN},
	[EXPRESSION_COUNT] = {"count", 1 << AT_LEAST, 1 << WITHIN},
	[EXPRESSION_DISTINCT] = {"distinct", 1 << OF | 1 << AT_LEAST, 1 << WITHIN},
	[EXPRESSION_TURNS] = {"turns", 1 << OF | 1 << AT_LEAST, 1 << WITHIN},
	[EXPRESSION_ABSENT] = {"absent", 1 << AFTER | 1 << FOR, 0},
	[EXPRESSION_GATEWAY] = {"gateway", 1 << WITHIN, 0},
};

// All that a mapping may say; which of it belongs together, finish() knows.
struct reading {
	unsigned depth;
	struct rule_place place;
	struct expression *expression; // NULL: of no kind yet
	const struct expression *of, *after;
	uint64_t at_least, within_ms, for_ms;
};

static const struct expression *read_at(
	struct yaml_file *file, struct fy_node *node, unsigned depth);

static bool begin(struct yaml_file *file, struct fy_node *node, struct reading *r,
	enum expression_kind kind, unsigned n_parts)
{
	if (r->expression)
		return yaml_error(file, node,
			"'%s' and '%s' in one mapping: a list of 'all' or "
			"'any' takes both",
			kinds[r->expression->kind].name, kinds[kind].name);
	r->expression = expression_new(file, kind, &r->place, n_parts);
	return true;
}

static bool read_part(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct reading *r = target;
	struct expression *e = r->expression;
	const struct expression *part = e->kind == EXPRESSION_SEQUENCE
						? expression_read_leaf(file, node)
						: read_at(file, node, r->depth + 1);
	e->parts[e->n_parts++] = part;
	return part != NULL;
}

static bool read_parts(
	struct yaml_file *file, struct fy_node *node, struct reading *r, enum expression_kind kind)
{
	unsigned n = yaml_count(node);
	if (!fy_node_is_sequence(node) || n == 0 || n > EXPRESSION_PARTS_MAX)
		return yaml_error(file, node, "must be a list of 1 to %d", EXPRESSION_PARTS_MAX);
	if (!begin(file, node, r, kind, n))
		return false;
	r->expression->n_parts = 0; // as read so far
	return yaml_sequence(file, node, false, read_part, r);
}

static bool key_all(struct yaml_file *file, struct fy_node *node, void *reading)
{
	return read_parts(file, node, reading, EXPRESSION_ALL);
}

static bool key_any(struct yaml_file *file, struct fy_node *node, void *reading)
{
	return read_parts(file, node, reading, EXPRESSION_ANY);
}

static bool key_sequence(struct yaml_file *file, struct fy_node *node, void *reading)
{
	return read_parts(file, node, reading, EXPRESSION_SEQUENCE);
}

static bool key_not(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct reading *r = target;
	return begin(file, node, r, EXPRESSION_NOT, 1) &&
	       (r->expression->parts[0] = read_at(file, node, r->depth + 1));
}

static bool key_count(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct reading *r = target;
	return begin(file, node, r, EXPRESSION_COUNT, 1) &&
	       (r->expression->parts[0] = expression_read_leaf(file, node));
}

static bool key_absent(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct reading *r = target;
	return begin(file, node, r, EXPRESSION_ABSENT, 2) &&
	       (r->expression->parts[0] = expression_read_leaf(file, node));
}

static bool key_distinct(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct reading *r = target;
	return begin(file, node, r, EXPRESSION_DISTINCT, 1) &&
	       pack_read_field(file, node, &r->expression->field);
}

static bool key_turns(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct reading *r = target;
	return begin(file, node, r, EXPRESSION_TURNS, 1) &&
	       pack_read_field(file, node, &r->expression->field);
}

static bool key_gateway(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct reading *r = target;
	return begin(file, node, r, EXPRESSION_GATEWAY, 0) &&
	       read_event(file, node, &r->expression->event);
}

static bool key_leaf(struct yaml_file *file, struct fy_node *node, void *target)
{
	const struct expression **leaf = target;
	return (*leaf = expression_read_leaf(file, node)) != NULL;
}

static bool key_at_least(struct yaml_file *file, struct fy_node *node, void *at_least)
{
	return yaml_number(file, node, 1, 16, at_least);
}

// The field that a `distinct` or `turns` looks at is hashed when the event comes: one an event.
static bool use_value(struct yaml_file *file, struct fy_node *node, const struct expression *e)
{
	struct event_use *use = &pack_of(file)->events[e->parts[0]->event];
	if (e->field == FIELD_GATEWAY || (e->field == FIELD_PORT && use->bound))
		return true;
	if (!pack_event_has(file, node, e->parts[0]->event, e->field))
		return false;
	if (e->field == FIELD_PORT)
		return true;
	if (use->distinct_field != FIELD_NONE && use->distinct_field != e->field)
		return yaml_error(file, node, "another rule counts values of {%s} of this event",
			field_name(use->distinct_field));
	use->distinct_field = e->field;
	return true;
}

static unsigned keys_of(const struct reading *r)
{
	return (r->of ? 1 << OF : 0) | (r->after ? 1 << AFTER : 0) |
	       (r->at_least ? 1 << AT_LEAST : 0) | (r->within_ms ? 1 << WITHIN : 0) |
	       (r->for_ms ? 1 << FOR : 0);
}

static bool check_keys(struct yaml_file *file, struct fy_node *node, const struct reading *r)
{
	const struct kind *kind = &kinds[r->expression->kind];
	unsigned keys = keys_of(r), takes = kind->needs | kind->may;
	char known[64] = "no other key";
	for (unsigned i = 0, len = 0; i < KEY_MAX; i++) {
		if (takes >> i & 1)
			len += (unsigned)snprintf(known + len, sizeof(known) - len, "%s'%s'",
				len ? ", " : "", key_names[i]);
	}
	for (unsigned i = 0; i < KEY_MAX; i++) {
		if (keys & ~takes & 1u << i)
			return yaml_error(file, node,
				"'%s' does not belong to '%s', which takes %s", key_names[i],
				kind->name, known);
		if (kind->needs & ~keys & 1u << i)
			return yaml_error(file, node, "'%s' needs '%s'", kind->name, key_names[i]);
	}
	return true;
}

static bool finish(struct yaml_file *file, struct fy_node *node, struct reading *r)
{
	struct expression *e = r->expression;
	if (e == NULL)
		return yaml_error(file, node,
			"must be an event, or one of: all, any, not, sequence, count, distinct, turns, "
			"absent, gateway");
	if (!check_keys(file, node, r))
		return false;
	bool fact = e->kind == EXPRESSION_GATEWAY;
	if (r->within_ms > (fact ? RULES_FACT_MAX_MS : RULES_WINDOW_MAX_MS))
		return yaml_error(file, node, "'within' is at most %s", fact ? "30d" : "1h");
	e->at_least = (uint32_t)r->at_least;
	e->within_ms = r->for_ms ? r->for_ms : r->within_ms;
	if (r->after)
		e->parts[1] = r->after;
	if (r->of)
		e->parts[0] = r->of;
	return r->of == NULL || use_value(file, node, e);
}

static const struct expression *read_at(
	struct yaml_file *file, struct fy_node *node, unsigned depth)
{
	static const struct yaml_key keys[] = {
		{"all", key_all, false, 0},
		{"any", key_any, false, 0},
		{"not", key_not, false, 0},
		{"sequence", key_sequence, false, 0},
		{"count", key_count, false, 0},
		{"distinct", key_distinct, false, 0},
		{"turns", key_turns, false, 0},
		{"absent", key_absent, false, 0},
		{"gateway", key_gateway, false, 0},
		{"of", key_leaf, false, offsetof(struct reading, of)},
		{"after", key_leaf, false, offsetof(struct reading, after)},
		{"at_least", key_at_least, false, offsetof(struct reading, at_least)},
		{"within", pack_read_duration, false, offsetof(struct reading, within_ms)},
		{"for", pack_read_duration, false, offsetof(struct reading, for_ms)},
	};
	if (depth > EXPRESSION_DEPTH_MAX) {
		yaml_error(file, node, "nested more than %d deep", EXPRESSION_DEPTH_MAX);
		return NULL;
	}
	if (fy_node_is_sequence(node)) {
		yaml_error(file, node, "a list must be that of an 'all' or 'any': {any: [...]}");
		return NULL;
	}
	if (!fy_node_is_mapping(node) || fy_node_mapping_lookup_by_string(node, "event", 5))
		return expression_read_leaf(file, node);
	struct reading r = {.depth = depth, .place = yaml_place(file, node)};
	bool ok = yaml_mapping(file, node, "an expression", keys, N(keys), &r);
	return ok && finish(file, node, &r) ? r.expression : NULL;
}

const struct expression *expression_read(struct yaml_file *file, struct fy_node *node)
{
	return read_at(file, node, 0);
}
