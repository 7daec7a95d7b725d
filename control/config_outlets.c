// SPDX-License-Identifier: BSD-3-Clause
#include "config_outlets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "outlet.h"

#define SECRET_MAX 4096 // bytes of a file that holds one
#define OPTIONS_MAX (YAML_KEYS_MAX - 2)

static const char *const records_names[] = {
	[OUTLET_ALL] = "all", [OUTLET_DIAGNOSES] = "diagnoses", [OUTLET_ALERTS] = "alerts"};
#define N(array) (sizeof(array) / sizeof((array)[0]))

// ---- values ----

static size_t count(const char *const *names)
{
	size_t n = 0;
	while (names[n])
		n++;
	return n;
}

static bool read_text(struct yaml_file *file, struct fy_node *node, const char **out)
{
	if (!yaml_text_copy(file, node, out))
		return false;
	return (*out)[0] || yaml_error(file, node, "must not be empty");
}

// The path of a file that a library is to read later.
static bool read_file(struct yaml_file *file, struct fy_node *node, const char **out)
{
	if (!read_text(file, node, out))
		return false;
	return access(*out, R_OK) == 0 || yaml_error(file, node, "%s: %s", *out, strerror(errno));
}

// The first line of the file that the value names.
static bool read_secret(struct yaml_file *file, struct fy_node *node, const char **out)
{
	char line[SECRET_MAX];
	const char *path = NULL;
	if (!read_text(file, node, &path))
		return false;
	FILE *secret = fopen(path, "re");
	if (secret == NULL)
		return yaml_error(file, node, "%s: %s", path, strerror(errno));
	size_t len = fgets(line, sizeof(line), secret) ? strcspn(line, "\r\n") : 0;
	bool cut = len == sizeof(line) - 1;
	fclose(secret);
	if (len == 0 || cut)
		return yaml_error(file, node, "%s: %s", path,
			cut ? "the first line is too long" : "the first line is empty");
	*out = arena_text(file->arena, (struct slice){line, (uint32_t)len});
	explicit_bzero(line, sizeof(line));
	return true;
}

struct texts {
	const char **items;
	size_t n;
};

static bool read_item(struct yaml_file *file, struct fy_node *item, void *target)
{
	struct texts *texts = target;
	return read_text(file, item, &texts->items[texts->n++]);
}

static bool read_texts(struct yaml_file *file, struct fy_node *node, const char ***out)
{
	struct texts texts = {0};
	texts.items = arena_zeroed(file->arena, (yaml_count(node) + 1) * sizeof(*texts.items));
	*out = texts.items;
	return yaml_sequence(file, node, true, read_item, &texts) &&
	       (texts.n || yaml_error(file, node, "the list is empty"));
}

static bool read_time(
	struct yaml_file *file, struct fy_node *node, const struct outlet_option *option, void *out)
{
	uint64_t ms;
	if (!yaml_duration(file, node, &ms))
		return false;
	if (ms < option->least || ms > option->most)
		return yaml_error(file, node, "must be a time from %llums to %llus",
			(unsigned long long)option->least, (unsigned long long)option->most / 1000);
	memcpy(out, &ms, sizeof(ms));
	return true;
}

static bool read_value(struct yaml_file *file, struct fy_node *node,
	const struct outlet_option *option, void *options)
{
	void *member = (char *)options + option->offset;
	switch (option->value) {
	case OUTLET_TEXT:
	case OUTLET_PATH:
		return read_text(file, node, member);
	case OUTLET_FILE:
		return read_file(file, node, member);
	case OUTLET_TEXTS:
		return read_texts(file, node, member);
	case OUTLET_SECRET:
		return read_secret(file, node, member);
	case OUTLET_NUMBER:
		return yaml_number(file, node, option->least, option->most, member);
	case OUTLET_TIME:
		return read_time(file, node, option, member);
	case OUTLET_FLAG:
		return yaml_boolean(file, node, member);
	case OUTLET_CHOICE:
		return yaml_choice(file, node, option->choices, count(option->choices), member);
	}
	return false;
}

// The value that an option has when it is not given.
static bool read_initial(struct yaml_file *file, const struct outlet_option *option, void *options)
{
	struct yaml_file initial = {.report = file->report, .arena = file->arena};
	if (option->initial == NULL)
		return true;
	if (!yaml_open_bytes(&initial, "defaults", option->initial, strlen(option->initial)))
		return false;
	bool ok = read_value(&initial, initial.root, option, options);
	yaml_close(&initial);
	return ok;
}

// ---- one outlet ----

// Its mapping: first the two keys that every kind has, then those of the kind.
struct nodes {
	struct fy_node *records, *type, *options[OPTIONS_MAX];
};

static bool take_node(struct yaml_file *file, struct fy_node *value, void *target)
{
	(void)file;
	*(struct fy_node **)target = value;
	return true;
}

static bool take_nodes(struct yaml_file *file, struct fy_node *value,
	const struct outlet_kind *kind, struct nodes *out)
{
	struct yaml_key keys[YAML_KEYS_MAX] = {
		{"type", take_node, true, offsetof(struct nodes, type)},
		{"records", take_node, false, offsetof(struct nodes, records)},
	};
	char what[64];
	for (size_t i = 0; i < kind->n_options; i++)
		keys[2 + i] = (struct yaml_key){kind->options[i].name, take_node,
			kind->options[i].is_required,
			offsetof(struct nodes, options) + i * sizeof(struct fy_node *)};
	snprintf(what, sizeof(what), "an outlet of type %s", kind->name);
	return yaml_mapping(file, value, what, keys, 2 + kind->n_options, out);
}

static const struct outlet_kind *read_kind(struct yaml_file *file, struct fy_node *value)
{
	const char *names[32];
	size_t n = 0;
	unsigned chosen = 0;
	for (; outlet_kinds[n] && n < N(names); n++)
		names[n] = outlet_kinds[n]->name;
	struct fy_node *type = fy_node_is_mapping(value)
				       ? fy_node_mapping_lookup_by_string(value, "type", 4)
				       : NULL;
	if (type == NULL) {
		yaml_error(file, value, "an outlet is a mapping with a key type");
		return NULL;
	}
	return yaml_choice(file, type, names, n, &chosen) ? outlet_kinds[chosen] : NULL;
}

// What the outlet depends on, in one text: the mapping as it stands, and the secrets.
static const char *describe(struct fy_node *value, const struct outlet_config *outlet)
{
	struct obstack *arena = (struct obstack *)&outlet->arena;
	char *yaml = fy_emit_node_to_string(value, FYECF_MODE_FLOW_ONELINE);
	const struct outlet_kind *kind = outlet->kind;
	obstack_grow(arena, yaml ? yaml : "", yaml ? strlen(yaml) : 0);
	for (size_t i = 0; i < kind->n_options; i++) {
		const char *secret = NULL;
		if (kind->options[i].value != OUTLET_SECRET)
			continue;
		memcpy(&secret, (char *)outlet->options + kind->options[i].offset, sizeof(secret));
		obstack_1grow(arena, '\n');
		obstack_grow(arena, secret ? secret : "", secret ? strlen(secret) : 0);
	}
	free(yaml);
	obstack_1grow(arena, '\0');
	return obstack_finish(arena);
}

// The node of the option that the error names first; the outlet's where it names none.
static struct fy_node *named_node(const struct outlet_kind *kind, const struct nodes *nodes,
	const char *error, struct fy_node *value)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyz_";
	while (*error) {
		size_t len = strspn(error, word);
		for (size_t i = 0; i < kind->n_options; i++) {
			const char *name = kind->options[i].name;
			if (nodes->options[i] && strlen(name) == len &&
				strncmp(name, error, len) == 0)
				return nodes->options[i];
		}
		error += len;
		error += strcspn(error, word);
	}
	return value;
}

static void note_places(
	struct yaml_file *file, const struct nodes *nodes, struct outlet_config *outlet)
{
	size_t n = outlet->kind->n_options;
	outlet->places = arena_zeroed(&outlet->arena, n * sizeof(*outlet->places));
	for (size_t i = 0; i < n; i++) {
		if (nodes->options[i])
			outlet->places[i] = yaml_place(file, nodes->options[i]);
	}
}

static bool read_options(
	struct yaml_file *file, struct fy_node *value, struct outlet_config *outlet)
{
	const struct outlet_kind *kind = outlet->kind;
	struct nodes nodes = {0};
	char error[256] = "";
	unsigned records = OUTLET_ALL;
	if (!take_nodes(file, value, kind, &nodes))
		return false;
	outlet->options = arena_zeroed(&outlet->arena, kind->options_size);
	note_places(file, &nodes, outlet);
	bool ok = nodes.records == NULL ||
		  yaml_choice(file, nodes.records, records_names, N(records_names), &records);
	outlet->records = (enum outlet_choice_of_records)records;
	if (ok && kind->alerts_only && outlet->records == OUTLET_DIAGNOSES)
		ok = yaml_error(file, nodes.records, "an outlet of type %s tells of alerts alone",
			kind->name);
	for (size_t i = 0; i < kind->n_options; i++) {
		ok &= read_initial(file, &kind->options[i], outlet->options);
		if (nodes.options[i])
			ok &= read_value(
				file, nodes.options[i], &kind->options[i], outlet->options);
	}
	if (ok && kind->check && !kind->check(outlet->options, error, sizeof(error)))
		ok = yaml_error(file, named_node(kind, &nodes, error, value), "%s", error);
	outlet->text = describe(value, outlet);
	return ok;
}

static bool is_name(struct slice name)
{
	static const char *const allowed =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	bool ok = name.len > 0 && name.len < OUTLET_NAME_MAX;
	for (uint32_t i = 0; i < name.len && ok; i++)
		ok = name.data[i] && strchr(allowed, name.data[i]);
	return ok;
}

static bool read_outlet(
	struct yaml_file *file, struct fy_node *key, struct fy_node *value, void *target)
{
	struct config *config = target;
	struct obstack *arena = file->arena;
	struct slice name;
	if (!yaml_text(file, key, &name))
		return false;
	if (!is_name(name))
		return yaml_error(file, key,
			"an outlet's name has 1 to %d letters, digits, _ and -",
			OUTLET_NAME_MAX - 1);
	if (config->n_outlets == OUTLETS_MAX)
		return yaml_error(file, key, "more than %d outlets", OUTLETS_MAX);
	const struct outlet_kind *kind = read_kind(file, value);
	if (kind == NULL)
		return false;
	struct outlet_config *outlet = calloc(1, sizeof(*outlet));
	if (outlet == NULL)
		return yaml_error(file, key, "out of memory");
	obstack_init(&outlet->arena);
	outlet->kind = kind;
	outlet->name = arena_text(&outlet->arena, name);
	config->outlets[config->n_outlets++] = outlet;
	// What it needs outlives the config: an outlet may run on after a reload.
	file->arena = &outlet->arena;
	bool ok = read_options(file, value, outlet);
	file->arena = arena;
	return ok;
}

bool config_read_outlets(struct yaml_file *file, struct fy_node *value, struct config *config)
{
	if (fy_node_is_mapping(value) && fy_node_mapping_item_count(value) == 0)
		return true;
	return yaml_pairs(file, value, "the outlets", read_outlet, config);
}

void outlet_config_destroy(struct outlet_config *config)
{
	if (config == NULL)
		return;
	obstack_free(&config->arena, NULL);
	free(config);
}

// ---- reference ----

static void print_option(FILE *out, const struct outlet_option *option)
{
	char choices[512] = "";
	size_t len = 0;
	fprintf(out, "      %s:%s%s%s\n", option->name, option->initial ? " " : "",
		option->initial ? option->initial : "", option->is_required ? " (required)" : "");
	config_print_wrapped(out, 12, option->help);
	if (option->value != OUTLET_CHOICE)
		return;
	for (size_t i = 0; option->choices[i] && len < sizeof(choices); i++)
		len += (size_t)snprintf(choices + len, sizeof(choices) - len, "%s%s", i ? ", " : "",
			option->choices[i]);
	config_print_wrapped(out, 12, choices);
}

void config_print_outlets(FILE *out)
{
	for (size_t i = 0; outlet_kinds[i]; i++) {
		fprintf(out, "    type: %s\n", outlet_kinds[i]->name);
		config_print_wrapped(out, 10, outlet_kinds[i]->help);
		for (size_t k = 0; k < outlet_kinds[i]->n_options; k++)
			print_option(out, &outlet_kinds[i]->options[k]);
	}
}
