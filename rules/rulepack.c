// SPDX-License-Identifier: BSD-3-Clause
#include "rulepack.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "pack_reader.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define FILES_MAX 256

const char *const language_names[] = {"en", "zh-TW", "ko"};
const char *const confidence_names[] = {"none", "suspected", "probable", "confirmed"};
const char *const scope_names[] = {"phone", "gateway"};

// ---- for the readers ----

bool pack_slug(struct yaml_file *file, struct fy_node *node, struct slice *name)
{
	return yaml_text(file, node, name) &&
	       (name_is_slug(*name) ||
		       yaml_error(file, node,
			       "'%s' is no name: lower-case letters, digits and hyphens, at most 48",
			       QUOTE(*name)));
}

bool pack_read_slug(
	struct yaml_file *file, struct fy_node *node, struct registry *registry, uint16_t *out)
{
	struct slice name;
	if (!pack_slug(file, node, &name))
		return false;
	*out = registry_add(registry, name);
	return *out != NAME_NONE ||
	       yaml_error(file, node, "more than %u names, " NAMES_OF_EARLIER, registry->max);
}

bool pack_read_field(struct yaml_file *file, struct fy_node *node, uint8_t *out)
{
	struct slice name;
	if (!yaml_text(file, node, &name))
		return false;
	*out = field_find(name);
	return *out != FIELD_NONE || yaml_error(file, node, "unknown field '%s'", QUOTE(name));
}

bool pack_read_text(struct yaml_file *file, struct fy_node *node, void *text)
{
	return yaml_text_copy(file, node, text);
}

bool pack_read_duration(struct yaml_file *file, struct fy_node *node, void *ms)
{
	return yaml_duration(file, node, ms);
}

bool pack_read_boolean(struct yaml_file *file, struct fy_node *node, void *boolean)
{
	return yaml_boolean(file, node, boolean);
}

static bool read_one_recovery(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct rulepack *pack = target;
	if (pack->n_recovery == RULES_RECOVERS_MAX)
		return yaml_error(file, node, "more than %d events", RULES_RECOVERS_MAX);
	const struct expression *leaf = expression_read_leaf(file, node);
	if (leaf == NULL || !pack_check_scope(pack, SCOPE_PHONE, leaf, file->report))
		return false;
	pack->recovery[pack->n_recovery++] = leaf;
	return true;
}

static bool read_one_ending(struct yaml_file *file, struct fy_node *node, void *target)
{
	struct rulepack *pack = target;
	const struct expression *leaf = expression_read_leaf(file, node);
	if (leaf == NULL || !pack_check_scope(pack, SCOPE_PHONE, leaf, file->report))
		return false;
	pack->events[leaf->event].ends_tunnel = true;
	return true;
}

// ---- files ----

// In the order in which they are read: what diagnoses name must be known by then.
enum list { LIST_MESSAGES, LIST_RECOVERY, LIST_ENDINGS, LIST_DIAGNOSES, LIST_ALERTS, LIST_MAX };

struct rule_file {
	struct yaml_file yaml;
	struct fy_node *lists[LIST_MAX]; // NULL: it has none
};

struct files {
	struct rule_file file[FILES_MAX];
	unsigned n, n_nodes;
	size_t n_bytes;
};

static bool keep_list(struct yaml_file *file, struct fy_node *node, void *target)
{
	if (!fy_node_is_sequence(node))
		return yaml_error(file, node, "must be a list");
	*(struct fy_node **)target = node;
	return true;
}

static bool find_lists(struct files *files)
{
#define LIST(list) offsetof(struct rule_file, lists) + (list) * sizeof(struct fy_node *)
	static const struct yaml_key keys[] = {
		{"messages", keep_list, false, LIST(LIST_MESSAGES)},
		{"diagnoses", keep_list, false, LIST(LIST_DIAGNOSES)},
		{"recovery", keep_list, false, LIST(LIST_RECOVERY)},
		{"endings", keep_list, false, LIST(LIST_ENDINGS)},
		{"alerts", keep_list, false, LIST(LIST_ALERTS)},
	};
	bool ok = true;
	for (unsigned i = 0; i < files->n; i++) {
		struct rule_file *file = &files->file[i];
		if (file->yaml.root)
			ok &= yaml_mapping(
				&file->yaml, file->yaml.root, "a rule file", keys, N(keys), file);
	}
	return ok;
}

// The lists of all files, one kind after the other.
static bool read_lists(struct rulepack *pack, struct files *files)
{
	static bool (*const read[LIST_MAX])(struct yaml_file *, struct fy_node *, void *) = {
		[LIST_MESSAGES] = pack_read_message,
		[LIST_RECOVERY] = read_one_recovery,
		[LIST_ENDINGS] = read_one_ending,
		[LIST_DIAGNOSES] = pack_read_diagnosis,
		[LIST_ALERTS] = pack_read_alert,
	};
	bool ok = true;
	for (int list = 0; list < LIST_MAX; list++) {
		// An alert may be of a diagnosis that could not be read.
		pack->incomplete |= list == LIST_ALERTS && !ok;
		for (unsigned i = 0; i < files->n; i++) {
			struct rule_file *file = &files->file[i];
			if (file->lists[list])
				ok &= yaml_sequence(
					&file->yaml, file->lists[list], false, read[list], pack);
		}
	}
	return ok;
}

static struct rulepack *rulepack_create(struct vocabulary *vocabulary)
{
	struct rulepack *pack = calloc(1, sizeof(*pack));
	if (pack == NULL)
		return NULL;
	obstack_init(&pack->arena);
	field_begin_pack();
	pack->vocabulary = vocabulary;
	pack->messages = arena_zeroed(&pack->arena, RULES_MESSAGES_MAX * sizeof(*pack->messages));
	pack->diagnoses = arena_zeroed(&pack->arena, DIAGNOSES_MAX * sizeof(*pack->diagnoses));
	pack->alerts = arena_zeroed(&pack->arena, ALERT_RULES_MAX * sizeof(*pack->alerts));
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

static bool read_all(
	struct rulepack *pack, const char *path, struct files *files, struct report *report)
{
	bool ok = find_lists(files);
	ok &= read_lists(pack, files);
	if (ok && pack->n_messages == 0) {
		report_add(report, path, 1, 1, "no 'messages' in it: no line would be known");
		ok = false;
	}
	if (!ok)
		return false;
	pack_use_rules(pack);
	return pack_check(pack, report);
}

static void close_files(struct files *files)
{
	for (unsigned i = 0; i < files->n; i++)
		yaml_close(&files->file[i].yaml);
	free(files);
}

static struct yaml_file *next_file(
	struct files *files, struct rulepack *pack, struct report *report)
{
	struct yaml_file *file = &files->file[files->n++].yaml;
	*file = (struct yaml_file){.report = report,
		.arena = &pack->arena,
		.context = pack,
		.bytes_max = RULES_FILE_BYTES_MAX,
		.n_before = files->n_nodes};
	return file;
}

// All files are open at the same time, and share the limits.
static bool open_file(
	const char *path, struct files *files, struct rulepack *pack, struct report *report)
{
	struct yaml_file *file = next_file(files, pack, report);
	if (!yaml_open(file, path))
		return false;
	files->n_nodes += file->n_nodes;
	files->n_bytes += file->len;
	if (files->n_bytes <= RULES_BYTES_MAX)
		return true;
	report_add(report, path, 1, 1, "more than %u bytes, with those of the files before it",
		RULES_BYTES_MAX);
	return false;
}

static int is_rule_file(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');
	return entry->d_name[0] != '.' && dot &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static bool open_directory(
	const char *path, struct files *files, struct rulepack *pack, struct report *report)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_rule_file, alphasort);
	bool ok = n > 0 && n <= FILES_MAX;
	if (!ok)
		report_add(report, path, 1, 1, "%s",
			n < 0	 ? strerror(errno)
			: n == 0 ? "no *.yaml in it"
				 : "more than 256 rule files");
	for (int i = 0; i < n; i++) {
		if (files->n < FILES_MAX && files->n_bytes <= RULES_BYTES_MAX) {
			obstack_printf(&pack->arena, "%s/%s", path, entries[i]->d_name);
			obstack_1grow(&pack->arena, '\0');
			ok &= open_file(obstack_finish(&pack->arena), files, pack, report);
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return ok;
}

static struct rulepack *finish(struct rulepack *pack, const char *path, struct files *files,
	bool opened, struct report *report)
{
	// With a file missing, half the names of the others would seem unknown.
	bool ok = opened && read_all(pack, path, files, report);
	close_files(files);
	if (ok)
		return pack;
	rulepack_destroy(pack);
	return NULL;
}

struct rulepack *rulepack_load(
	const char *path, struct vocabulary *vocabulary, struct report *report)
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
		ok = open_file(arena_text(&pack->arena, slice_of(path)), files, pack, report);
	} else {
		ok = open_directory(path, files, pack, report);
	}
	return finish(pack, path, files, ok, report);
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
	return finish(pack, name, files, ok, report);
}

const struct diagnosis_rule *rulepack_diagnosis(
	const struct rulepack *pack, enum scope scope, uint16_t number)
{
	int16_t index = number < DIAGNOSES_MAX ? pack->diagnosis_of[scope][number] : -1;
	return index < 0 ? NULL : &pack->diagnoses[index];
}

const char *translation(const struct translations *translations, enum language language)
{
	const char *text = translations->text[language];
	return text ? text : translations->text[LANGUAGE_EN];
}