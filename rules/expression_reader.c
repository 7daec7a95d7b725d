// SPDX-License-Identifier: BSD-3-Clause
// expression_reader: expressions as a rule file writes them.
#include "expression.h"

#include "pack_reader.h"

#define EXPRESSION_DEPTH_MAX 12
#define EXPRESSION_PARTS_MAX 24

static struct expression *expression_new(
	struct yaml_file *file, enum expression_kind kind, unsigned n_parts)
{
	struct expression *e = arena_zeroed(file->arena, sizeof(*e));
	e->kind = kind;
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

static bool read_field(struct yaml_file *file, struct fy_node *node, uint8_t *out)
{
	struct slice name;
	if (!yaml_text(file, node, &name))
		return false;
	*out = field_find(name);
	return *out != FIELD_NONE || yaml_error(file, node, "unknown field '%s'", QUOTE(name));
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
	if (!read_field(file, field, &out->field))
		return false;
	out->globs = arena_zeroed(file->arena, (yaml_count(globs) + 1) * sizeof(*out->globs));
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
	struct condition condition;
	return condition_read(file, key, value, &condition) &&
	       add_condition(file, key, target, &condition);
}

static bool leaf_where(struct yaml_file *file, struct fy_node *node, void *target)
{
	if (((struct expression *)target)->event == NAME_NONE)
		return false; // reported as the missing key
	return yaml_pairs(file, node, "'where'", leaf_one_condition, target);
}

static bool leaf_disjoint(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct expression *leaf = target;
	struct condition condition = {0};
	if (leaf->event == NAME_NONE)
		return false; // reported as the missing key
	if (!fy_node_is_sequence(node) || yaml_count(node) != 2)
		return yaml_error(file, node, "'disjoint' must be a list of two fields");
	return read_field(file, fy_node_sequence_get_by_index(node, 0), &condition.field) &&
	       read_field(file, fy_node_sequence_get_by_index(node, 1), &condition.other) &&
	       add_condition(file, node, leaf, &condition);
}

const struct expression *expression_read_leaf(struct yaml_file *file, struct fy_node *node)
{
	static const struct yaml_key keys[] = {
		{"event", leaf_event, true},
		{"where", leaf_where, false},
		{"disjoint", leaf_disjoint, false},
	};
	struct expression *leaf = expression_new(file, EXPRESSION_SEEN, 0);
	bool ok = fy_node_is_mapping(node) ? yaml_mapping(file, node, "an event", keys,
						     sizeof(keys) / sizeof(keys[0]), leaf)
					   : read_event(file, node, &leaf->event);
	return ok ? leaf : NULL;
}

struct parts {
	struct expression *expression;
	unsigned n, depth;
	bool leaves;
};

static const struct expression *read_at(
	struct yaml_file *file, struct fy_node *node, unsigned depth);

static bool read_part(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct parts *parts = target;
	const struct expression *part = parts->leaves ? expression_read_leaf(file, node)
						      : read_at(file, node, parts->depth + 1);
	parts->expression->parts[parts->n++] = part;
	return part != NULL;
}

static bool read_parts(struct yaml_file *file, struct fy_node *node, bool leaves, unsigned depth,
	struct expression **out, enum expression_kind kind)
{
	unsigned n = yaml_count(node);
	if (!fy_node_is_sequence(node) || n == 0 || n > EXPRESSION_PARTS_MAX)
		return yaml_error(file, node, "must be a list of 1 to %d", EXPRESSION_PARTS_MAX);
	*out = expression_new(file, kind, n);
	struct parts parts = {*out, 0, depth, leaves};
	return yaml_sequence(file, node, false, read_part, &parts);
}

// All that a mapping may say; which of it belongs together, expression_read() knows.
struct reading {
	unsigned depth;
	struct expression *expression;
	const struct expression *of, *after;
	uint64_t at_least, within_ms, for_ms;
	unsigned n_kinds;
	bool has_of;
};

static bool begin(struct yaml_file *file, struct fy_node *node, struct reading *r)
{
	return r->n_kinds++ == 0 ||
	       yaml_error(file, node, "two kinds of expression in one mapping");
}

static bool key_all(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct reading *r = target;
	return begin(file, node, r) &&
	       read_parts(file, node, false, r->depth, &r->expression, EXPRESSION_ALL);
}

static bool key_any(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct reading *r = target;
	return begin(file, node, r) &&
	       read_parts(file, node, false, r->depth, &r->expression, EXPRESSION_ANY);
}

static bool key_sequence(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct reading *r = target;
	return begin(file, node, r) &&
	       read_parts(file, node, true, r->depth, &r->expression, EXPRESSION_SEQUENCE);
}

static bool key_not(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct reading *r = target;
	r->expression = expression_new(file, EXPRESSION_NOT, 1);
	r->expression->parts[0] = read_at(file, node, r->depth + 1);
	return begin(file, node, r) && r->expression->parts[0];
}

static bool key_count(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct reading *r = target;
	r->expression = expression_new(file, EXPRESSION_COUNT, 1);
	r->of = expression_read_leaf(file, node);
	return begin(file, node, r) && r->of;
}

static bool key_values(
	struct yaml_file *file, struct fy_node *node, struct reading *r, enum expression_kind kind)
{
	r->expression = expression_new(file, kind, 1);
	return begin(file, node, r) && read_field(file, node, &r->expression->field);
}

static bool key_distinct(struct yaml_file *file, struct fy_node *node, void *target)
{
	return key_values(file, node, target, EXPRESSION_DISTINCT);
}

static bool key_turns(struct yaml_file *file, struct fy_node *node, void *target)
{
	return key_values(file, node, target, EXPRESSION_TURNS);
}

static bool key_absent(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct reading *r = target;
	r->expression = expression_new(file, EXPRESSION_ABSENT, 2);
	r->of = expression_read_leaf(file, node);
	return begin(file, node, r) && r->of;
}

static bool key_gateway(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct reading *r = target;
	r->expression = expression_new(file, EXPRESSION_GATEWAY, 0);
	return begin(file, node, r) && read_event(file, node, &r->expression->event);
}

static bool key_of(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct reading *r = target;
	r->has_of = true;
	return (r->of = expression_read_leaf(file, node)) != NULL;
}

static bool key_after(struct yaml_file *file, struct fy_node *node, void *target)
{
	return (((struct reading *)target)->after = expression_read_leaf(file, node)) != NULL;
}

static bool key_at_least(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_number(file, node, 1, 16, &((struct reading *)target)->at_least);
}

static bool key_within(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_duration(file, node, &((struct reading *)target)->within_ms);
}

static bool key_for(struct yaml_file *file, struct fy_node *node, void *target)
{
	return yaml_duration(file, node, &((struct reading *)target)->for_ms);
}

// The field that a `distinct` or `turns` looks at is hashed when the event comes: one an event.
static bool use_value(struct yaml_file *file, struct fy_node *node, const struct expression *e)
{
	struct event_use *use = &pack_of(file)->events[e->parts[0]->event];
	if (e->field == FIELD_GATEWAY || e->field == FIELD_PORT)
		return true;
	if (use->distinct_field != FIELD_NONE && use->distinct_field != e->field)
		return yaml_error(file, node, "another rule counts values of {%s} of this event",
			field_name(use->distinct_field));
	use->distinct_field = e->field;
	return true;
}

static bool finish(struct yaml_file *file, struct fy_node *node, struct reading *r)
{
	struct expression *e = r->expression;
	if (e == NULL)
		return yaml_error(file, node,
			"must be an event, or one of: all, any, not, sequence, count, distinct, turns, "
			"absent, gateway");
	bool counts = e->kind == EXPRESSION_COUNT || e->kind == EXPRESSION_DISTINCT ||
		      e->kind == EXPRESSION_TURNS;
	bool absent = e->kind == EXPRESSION_ABSENT;
	bool of_values = e->kind == EXPRESSION_DISTINCT || e->kind == EXPRESSION_TURNS;
	if (r->has_of && !of_values)
		return yaml_error(
			file, node, "a key that does not belong to this kind of expression");
	if (counts && (r->of == NULL || r->at_least == 0))
		return yaml_error(file, node, "needs the event ('count' or 'of') and 'at_least'");
	if (absent && (r->after == NULL || r->for_ms == 0))
		return yaml_error(file, node, "'absent' needs 'after' and 'for'");
	if (e->kind == EXPRESSION_GATEWAY && r->within_ms == 0)
		return yaml_error(file, node, "'gateway' needs 'within'");
	if ((!counts && r->at_least) || (!absent && (r->after || r->for_ms)) ||
		(r->within_ms && !counts && e->kind != EXPRESSION_SEQUENCE &&
			e->kind != EXPRESSION_GATEWAY))
		return yaml_error(
			file, node, "a key that does not belong to this kind of expression");
	e->at_least = (uint32_t)r->at_least;
	e->within_ms = absent ? r->for_ms : r->within_ms;
	if (counts || absent)
		e->parts[0] = r->of;
	if (absent)
		e->parts[1] = r->after;
	if (of_values)
		return use_value(file, node, e);
	return true;
}

static const struct expression *read_at(
	struct yaml_file *file, struct fy_node *node, unsigned depth)
{
	static const struct yaml_key keys[] = {
		{"all", key_all, false},
		{"any", key_any, false},
		{"not", key_not, false},
		{"sequence", key_sequence, false},
		{"count", key_count, false},
		{"distinct", key_distinct, false},
		{"turns", key_turns, false},
		{"absent", key_absent, false},
		{"gateway", key_gateway, false},
		{"of", key_of, false},
		{"after", key_after, false},
		{"at_least", key_at_least, false},
		{"within", key_within, false},
		{"for", key_for, false},
	};
	if (depth > EXPRESSION_DEPTH_MAX) {
		yaml_error(file, node, "nested more than %d deep", EXPRESSION_DEPTH_MAX);
		return NULL;
	}
	bool leaf = !fy_node_is_mapping(node) || fy_node_mapping_lookup_by_string(node, "event", 5);
	if (leaf)
		return expression_read_leaf(file, node);
	struct reading r = {.depth = depth};
	bool ok =
		yaml_mapping(file, node, "an expression", keys, sizeof(keys) / sizeof(keys[0]), &r);
	return ok && finish(file, node, &r) ? r.expression : NULL;
}

const struct expression *expression_read(struct yaml_file *file, struct fy_node *node)
{
	return read_at(file, node, 0);
}
