// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../rules/yaml.h"

// A mapping of each kind of value, to read whatever a test wants.
struct target {
	struct slice text;
	const char *copy;
	uint64_t number, ms;
	bool boolean;
	unsigned choice, n_items;
};

static bool read_text(struct yaml_file *f, struct fy_node *node, void *target)
{
	return yaml_text(f, node, &((struct target *)target)->text);
}

static bool read_copy(struct yaml_file *f, struct fy_node *node, void *target)
{
	return yaml_text_copy(f, node, &((struct target *)target)->copy);
}

static bool read_number(struct yaml_file *f, struct fy_node *node, void *target)
{
	return yaml_number(f, node, 10, 65535, &((struct target *)target)->number);
}

static bool read_boolean(struct yaml_file *f, struct fy_node *node, void *target)
{
	return yaml_boolean(f, node, &((struct target *)target)->boolean);
}

static bool read_time(struct yaml_file *f, struct fy_node *node, void *target)
{
	return yaml_duration(f, node, &((struct target *)target)->ms);
}

static bool read_choice(struct yaml_file *f, struct fy_node *node, void *target)
{
	static const char *const names[] = {"auto", "busy", "adaptive"};
	return yaml_choice(f, node, names, N(names), &((struct target *)target)->choice);
}

static bool read_item(struct yaml_file *f, struct fy_node *node, void *target)
{
	((struct target *)target)->n_items++;
	return yaml_text(f, node, &((struct target *)target)->text);
}

static bool read_list(struct yaml_file *f, struct fy_node *node, void *target)
{
	return yaml_sequence(f, node, false, read_item, target);
}

static bool read_lenient(struct yaml_file *f, struct fy_node *node, void *target)
{
	assert_true(yaml_count(node) > 0);
	return yaml_sequence(f, node, true, read_item, target);
}

static const struct yaml_key keys[] = {{"text", read_text, false}, {"copy", read_copy, false},
	{"number", read_number, false}, {"boolean", read_boolean, false},
	{"time", read_time, false}, {"choice", read_choice, false}, {"list", read_list, false},
	{"lenient", read_lenient, false}};
static const struct yaml_key strict[] = {{"text", read_text, true}, {"number", read_number, true}};

struct fixture {
	struct obstack arena;
	struct report report;
	struct yaml_file file;
	struct target target;
	bool ok;
};

static void setup(struct fixture *f)
{
	*f = (struct fixture){0};
	obstack_init(&f->arena);
	f->file = (struct yaml_file){.report = &f->report, .arena = &f->arena};
}

static void teardown(struct fixture *f)
{
	yaml_close(&f->file);
	report_fini(&f->report);
	obstack_free(&f->arena, NULL);
}

static void read_bytes(struct fixture *f, const char *bytes, size_t len)
{
	setup(f);
	f->ok = yaml_open_bytes(&f->file, "t", bytes, len) &&
		yaml_mapping(&f->file, f->file.root, "the file", keys, N(keys), &f->target);
}

static void refused_bytes(
	const char *bytes, size_t len, const char *wanted, const char *file, int line)
{
	struct fixture f;
	read_bytes(&f, bytes, len);
	if (f.ok || f.report.text == NULL || strncmp(f.report.text, wanted, strlen(wanted)) != 0) {
		print_error("%.*s\n  said: %s\n  not:  %s\n", (int)(len < 200 ? len : 200), bytes,
			f.report.text ? f.report.text : "nothing", wanted);
		_fail(file, line);
	}
	teardown(&f);
}

#define REFUSED(text, wanted) refused_bytes(text, sizeof(text) - 1, wanted, __FILE__, __LINE__)

static void taken(struct fixture *f, const char *text)
{
	read_bytes(f, text, strlen(text));
	if (!f->ok)
		fail_msg("%s: %s", text, f->report.text ? f->report.text : "no reason");
	assert_int_equal(f->report.n, 0);
}

// ---- values ----

static void every_kind_of_value_is_read(void **state)
{
	(void)state;
	struct fixture f;
	taken(&f,
		"text: a b\ncopy: 'x'\nnumber: 514\nboolean: true\ntime: 24h\nchoice: busy\nlist: [a, b, c]\n");
	assert_slice(f.target.text, "c");
	assert_string_equal(f.target.copy, "x");
	assert_int_equal(f.target.number, 514);
	assert_true(f.target.boolean);
	assert_int_equal(f.target.ms, 86400000);
	assert_int_equal(f.target.choice, 1);
	assert_int_equal(f.target.n_items, 3);
	teardown(&f);
}

static void one_value_may_be_a_list_of_one(void **state)
{
	(void)state;
	struct fixture f;
	taken(&f, "lenient: one\n");
	assert_int_equal(f.target.n_items, 1);
	teardown(&f);
	taken(&f, "lenient: [one, two]\n");
	assert_int_equal(f.target.n_items, 2);
	teardown(&f);
	REFUSED("list: one\n", "t:1:7: must be a list");
}

static void times_have_a_unit(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t ms;
	} times[] = {{"time: 500ms", 500}, {"time: 30s", 30000}, {"time: 5m", 300000},
		{"time: 24h", 86400000}, {"time: 7d", 604800000}, {"time: 1ms", 1}};
	for (size_t i = 0; i < N(times); i++) {
		struct fixture f;
		taken(&f, times[i].text);
		assert_int_equal(f.target.ms, times[i].ms);
		teardown(&f);
	}
	REFUSED("time: 30", "t:1:7: '30' must be a time such as 500ms, 30s, 5m, 24h or 7d");
	REFUSED("time: s", "t:1:7: 's' must be a time");
	REFUSED("time: 5 m", "t:1:7: '5 m' must be a time");
	REFUSED("time: -5m", "t:1:7: '-5m' must be a time");
	REFUSED("time: 0s", "t:1:7: '0s' must be a time");
	REFUSED("time: 1.5h", "t:1:7: '1.5h' must be a time");
	REFUSED("time: 5w", "t:1:7: '5w' must be a time");
	REFUSED("time: 99999999999999999999s", "t:1:7: '99999999999999999999s' must be a time");
	REFUSED("time: [5m]", "t:1:8: must be a text, not a list");
}

static void numbers_stay_within_their_range(void **state)
{
	(void)state;
	REFUSED("number: 9", "t:1:9: '9' must be a whole number from 10 to 65535");
	REFUSED("number: 65536", "t:1:9: '65536' must be");
	REFUSED("number: 18446744073709551626", "t:1:9: '18446744073709551626' must be");
	REFUSED("number: 1e3", "t:1:9: '1e3' must be");
	REFUSED("number: 0x20", "t:1:9: '0x20' must be");
	REFUSED("number: ''", "t:1:");
	REFUSED("number: {a: b}", "t:1:10: must be a text, not a mapping");
}

static void words_are_among_those_that_are_valid(void **state)
{
	(void)state;
	REFUSED("choice: lazy", "t:1:9: 'lazy' must be one of: auto, busy, adaptive");
	REFUSED("choice: aut", "t:1:9: 'aut' must be one of");
	REFUSED("boolean: yes", "t:1:10: 'yes' must be one of: false, true");
	REFUSED("boolean: True", "t:1:10: 'True' must be one of");
}

// ---- keys ----

static void an_unknown_key_is_told_with_those_that_are_known(void **state)
{
	(void)state;
	REFUSED("text: a\nnumbr: 514\n",
		"t:2:1: unknown key 'numbr' in the file; known: text, copy, number, boolean, time, choice, list, "
		"lenient");
	REFUSED("{[a]: b}", "t:1:3: a key of the file must be a word");
	REFUSED("{{a: b}: c}", "t:1:3: a key of the file must be a word");
}

static void all_errors_are_told_at_once(void **state)
{
	(void)state;
	struct fixture f;
	static const char text[] = "number: x\ntime: y\nnone: z\n";
	read_bytes(&f, text, sizeof(text) - 1);
	assert_false(f.ok);
	assert_int_equal(f.report.n, 3);
	assert_non_null(strstr(f.report.text, "t:1:9: "));
	assert_non_null(strstr(f.report.text, "t:2:7: "));
	assert_non_null(strstr(f.report.text, "t:3:1: "));
	teardown(&f);
}

// An error does not make the whole right again when a right key follows it.
static void an_error_is_not_forgotten(void **state)
{
	(void)state;
	struct fixture f;
	static const char text[] = "none: z\nnumber: 514\n";
	read_bytes(&f, text, sizeof(text) - 1);
	assert_false(f.ok);
	teardown(&f);
}

static void a_missing_key_is_named(void **state)
{
	(void)state;
	struct fixture f;
	setup(&f);
	assert_true(yaml_open_bytes(&f.file, "t", "\n  text: a\n", 11));
	assert_false(yaml_mapping(&f.file, f.file.root, "the file", strict, N(strict), &f.target));
	assert_string_equal(f.report.text, "t:2:3: the file lacks the key 'number'\n");
	teardown(&f);
}

static void a_key_stands_once(void **state)
{
	(void)state;
	REFUSED("text: a\nnumber: 20\ntext: b\n", "t:3:1: ");
}

// What a key needs of another stands before it in the table.
static void keys_are_read_in_the_order_of_the_table(void **state)
{
	(void)state;
	struct fixture f;
	taken(&f, "lenient: b\ntext: a\n");
	assert_slice(f.target.text, "b");
	teardown(&f);
	taken(&f, "text: a\nlenient: b\n");
	assert_slice(f.target.text, "b");
	teardown(&f);
}

static bool count_pair(
	struct yaml_file *f, struct fy_node *key, struct fy_node *value, void *target)
{
	struct slice text;
	++*(unsigned *)target;
	return key && yaml_text(f, value, &text);
}

static void pairs(const char *text, unsigned n, const char *wanted)
{
	struct fixture f;
	unsigned n_read = 0;
	setup(&f);
	assert_true(yaml_open_bytes(&f.file, "t", text, strlen(text)));
	bool ok = yaml_pairs(&f.file, f.file.root, "'where'", count_pair, &n_read);
	assert_int_equal(ok, wanted == NULL);
	assert_int_equal(n_read, n);
	if (wanted)
		assert_string_equal(f.report.text, wanted);
	teardown(&f);
}

static void names_of_the_operators_are_read_once_each(void **state)
{
	(void)state;
	char text[512] = "";
	pairs("a: b\nc: d\n", 2, NULL);
	pairs("a: b\nc: d\n'a': e\n", 2, "t:3:1: 'a' stands twice\n");
	pairs("a: b\nc: []\nd: e\n", 2, "t:2:4: must be a text, not a list\n");
	pairs("[a]: b\n", 0, "t:1:2: must be a text, not a list\n");
	pairs("~: b\n", 0, "t:1:1: must be a text, not null\n");
	pairs("{}\n", 0, "t:1:1: 'where' must be a mapping of 1 to 32 keys to values\n");
	pairs("[a]\n", 0, "t:1:2: 'where' must be a mapping of 1 to 32 keys to values\n");
	for (int i = 0; i < 33; i++)
		sprintf(text + strlen(text), "k%d: v\n", i);
	pairs(text, 0, "t:1:1: 'where' must be a mapping of 1 to 32 keys to values\n");
}

static void a_key_without_a_value_is_an_error(void **state)
{
	(void)state;
	REFUSED("text: a\nnumber:\n", "t:2:1: key 'number' has no value");
	REFUSED("text: a\nchoice:\ncopy: a\n", "t:2:1: key 'choice' has no value");
	REFUSED("{text: a, list: }", "t:1:11: key 'list' has no value");
	REFUSED("text: ~\n", "t:1:1: key 'text' has no value");
	REFUSED("text: null\n", "t:1:1: key 'text' has no value");
	REFUSED("list: [a, ~]\n", "t:1:11: must be a text, not null");
	struct fixture f;
	taken(&f, "text: '~'\n");
	assert_slice(f.target.text, "~");
	teardown(&f);
}

// ---- places ----

// Columns count characters, as an editor does.
static void columns_count_characters(void **state)
{
	(void)state;
	REFUSED("text: \"h\xc3\xb6r \xe5\xbb\xa0\xe5\x95\x86\"\n{", "t:2:");
	REFUSED("{text: \"\xe5\xbb\xa0\xe5\x95\x86\", number: x}", "t:1:22: 'x' must be");
	REFUSED("{text: '\xf0\x9f\x98\x80', number: x}", "t:1:21: 'x' must be");
}

static void quoted_and_block_values_have_a_place(void **state)
{
	(void)state;
	REFUSED("number: 'x'\n", "t:1:9: "); // where its quote is
	REFUSED("number: \"x\"\n", "t:1:9: ");
	REFUSED("number:\t'x'\n", "t:1:9: ");
	REFUSED("number: \"x\n  y\"\n", "t:1:9: ");
	REFUSED("'numbr': x\n", "t:1:1: ");
	REFUSED("# a comment\n\ntext: a\nnumber:\n  x\n", "t:5:3: ");
	REFUSED("text: >\n  folded\n  text\nnumber: x\n", "t:4:9: ");
	REFUSED("text: a\r\nnumber: x\r\n", "t:2:9: ");
}

static void what_has_no_token_has_a_place(void **state)
{
	(void)state;
	REFUSED("list:\n  - a\n  - {}\n", "t:3:5: must be a text, not a mapping");
	REFUSED("list:\n  - {}\n  - []\n", "t:2:5: must be a text, not a mapping");
	REFUSED("list: [a, [], b]\n", "t:1:11: must be a text, not a list");
	REFUSED("text: a\nnumber: []\n", "t:2:9: must be a text, not a list");
	REFUSED("text: a\nnumber: {}\n", "t:2:9: must be a text, not a mapping");
	REFUSED("list: [[[]], {}]\n", "t:1:9: must be a text, not a list");
	REFUSED("text: a\n{}: b\n", "t:2:1: a key of the file must be a word");
	// What is missing stands where the value before it ends.
	REFUSED("list:\n  - a\n  -\n  - b\n", "t:2:6: must be a text, not null");
	REFUSED("list: [a, {b: }]\n", "t:1:12: must be a text, not a mapping");
	REFUSED("[]\n", "t:1:1: the file must be a mapping");
	REFUSED("--- # nothing\n", "t:1:");
}

// ---- documents ----

static void a_syntax_error_has_its_place(void **state)
{
	(void)state;
	REFUSED("text: a\nnumber: [1, 2\n", "t:");
	REFUSED("text: a\n\tnumber: 1\n", "t:");
	REFUSED("text: \"open\nnumber: 1\n", "t:");
	REFUSED("text: a: b\n", "t:1:");
	REFUSED("text: @x\n", "t:1:7: ");
	REFUSED("text: a\n}\n", "t:2:1: ");
	REFUSED("text: \"\\q\"\n", "t:1:");
}

static void a_scalar_is_no_file(void **state)
{
	(void)state;
	REFUSED("just text", "t:1:1: the file must be a mapping");
	REFUSED("- a\n- b\n", "t:1:3: the file must be a mapping");
}

// What stands behind the first document would be passed over without a word.
static void a_second_document_is_an_error(void **state)
{
	(void)state;
	REFUSED("text: a\n---\nnumber: 20\n", "t:3:1: a second document: a file holds one");
	REFUSED("text: a\n...\n---\n# more\nnumber: 20\n", "t:5:1: a second document");
	REFUSED("text: a\n---\n", "t:");
	REFUSED("text: a\n---\nnumber: [\n", "t:");
}

static void a_document_may_begin_and_end_with_its_marks(void **state)
{
	(void)state;
	struct fixture f;
	taken(&f, "# rules\n---\ntext: a\n...\n# end\n");
	teardown(&f);
}

// A few lines of aliases can stand for gigabytes.
static void anchors_and_aliases_are_refused(void **state)
{
	(void)state;
	REFUSED("text: &a x\n", "t:1:10: anchors and aliases are not allowed");
	REFUSED("text: a\nlist: &l [a, b]\n", "t:2:10: anchors and aliases");
	REFUSED("list: [&a x, *a]\n", "t:1:11: anchors and aliases");
	REFUSED("copy: a\ntext: *nowhere\n", "t:2:7: anchors and aliases");
	REFUSED("list: [a, b]\ntext: &a\n", "t:2:");
	// Whatever is wrong behind the first one.
	REFUSED("text: &a x\nlist: [\n", "t:1:10: anchors and aliases");
	REFUSED("a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
		"d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
		"f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n"
		"h: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g]\ni: &i [*h,*h,*h,*h,*h,*h,*h,*h,*h]\n",
		"t:1:");
	REFUSED("text: &a {<<: *a}\n", "t:1:");
}

static void deep_nesting_is_refused(void **state)
{
	(void)state;
	static char text[200001];
	for (int i = 0; i < 100000; i++)
		text[i] = '[';
	for (int i = 100000; i < 200000; i++)
		text[i] = ']';
	for (int i = 1000; i < 200000; i += 1000)
		text[i] = '\n';
	refused_bytes(text, 200000, "t:1:61: nested more than 60 deep\n", __FILE__, __LINE__);
	// Nested by indentation.
	size_t n = 0;
	for (int i = 0; i < 400; i++) {
		memset(text + n, ' ', (size_t)i);
		n += (size_t)i;
		n += (size_t)sprintf(text + n, "a:\n");
	}
	refused_bytes(text, n, "t:61:61: nested more than 60 deep\n", __FILE__, __LINE__);
}

// A flow collection is read as a whole before anything of it is known: its lines have an end.
static void a_line_beyond_the_limit_is_refused(void **state)
{
	(void)state;
	struct fixture f;
	char *text = malloc(YAML_COLUMNS_MAX + 64);
	int n = sprintf(text, "number: 20\ntext: ");
	memset(text + n, 'x', YAML_COLUMNS_MAX - 6);
	n += YAML_COLUMNS_MAX - 6;
	read_bytes(&f, text, (size_t)n);
	assert_true(f.ok);
	teardown(&f);
	strcpy(text + n, "x\n");
	refused_bytes(text, (size_t)n + 1, "t:2:65537: a line of more than 65536 characters",
		__FILE__, __LINE__);
	free(text);
}

static void more_values_than_the_limit_are_refused(void **state)
{
	(void)state;
	struct fixture f;
	size_t len = YAML_NODES_MAX * 4 + 64, n = 0;
	char *text = malloc(len);
	n += (size_t)sprintf(text, "list:\n"); // a mapping, its key, a list: three nodes
	for (int i = 0; i < YAML_NODES_MAX - 3; i++)
		n += (size_t)sprintf(text + n, "- a\n");
	read_bytes(&f, text, n);
	assert_true(f.ok);
	assert_int_equal(f.file.n_nodes, YAML_NODES_MAX);
	teardown(&f);
	n += (size_t)sprintf(text + n, "- a\n");
	refused_bytes(text, n, "t:199999:3: more than 200000 values\n", __FILE__, __LINE__);
	setup(&f);
	f.file.n_before = YAML_NODES_MAX - 2;
	assert_false(yaml_open_bytes(&f.file, "t", "text: a\n", 8));
	assert_string_equal(f.report.text,
		"t:1:7: more than 200000 values, with those of the files before it\n");
	teardown(&f);
	free(text);
}

// libfyaml looks through all of them for each.
static void tag_directives_are_refused(void **state)
{
	(void)state;
	struct fixture f;
	REFUSED("# x\n%TAG !e! tag:example.com,2026:\n---\ntext: a\n", "t:2:1: a %TAG directive");
	taken(&f, "%YAML 1.2\n---\ntext: '%TAG'\n");
	teardown(&f);
}

static void bytes_have_to_be_utf8(void **state)
{
	(void)state;
	REFUSED("text: a\ncopy: \xff\n", "t:2:7: not valid UTF-8");
	REFUSED("copy: \xc3\xb6\xc3\n", "t:1:8: not valid UTF-8");
	REFUSED("copy: \xed\xa0\x80\n", "t:1:7: not valid UTF-8"); // a surrogate
	REFUSED("copy: \xc0\xaf\n", "t:1:7: not valid UTF-8");	   // overlong
	REFUSED("copy: \xf4\x90\x80\x80\n", "t:1:7: not valid UTF-8");
	REFUSED("copy: \xe5\xbb", "t:1:7: not valid UTF-8"); // cut off
}

static void a_nul_byte_is_refused(void **state)
{
	(void)state;
	REFUSED("text: a\n\0copy: b\n", "t:2:1: a NUL byte");
	REFUSED("\0", "t:1:1: a NUL byte");
}

// A NUL by escape would cut the text where it is used as a string.
static void an_escaped_nul_is_refused(void **state)
{
	(void)state;
	REFUSED("copy: \"a\\0b\"\n", "t:1:7: ");
}

static void an_empty_file_has_no_keys(void **state)
{
	(void)state;
	struct fixture f;
	setup(&f);
	assert_true(yaml_open_bytes(&f.file, "t", "", 0) || f.report.n > 0);
	teardown(&f);
	setup(&f);
	assert_true(yaml_open_bytes(&f.file, "t", "# nothing\n", 10) || f.report.n > 0);
	teardown(&f);
}

// ---- files ----

static char dir[] = "/tmp/offhook-test-yaml-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void open_is_refused(const char *path, const char *reason)
{
	struct fixture f;
	setup(&f);
	assert_false(yaml_open(&f.file, path));
	assert_true(strncmp(f.report.text, path, strlen(path)) == 0);
	assert_true(strncmp(f.report.text + strlen(path), ":1:1: ", 6) == 0);
	if (strstr(f.report.text, reason) == NULL)
		fail_msg("%s", f.report.text);
	teardown(&f);
}

static void a_file_is_read(void **state)
{
	(void)state;
	char path[64];
	snprintf(path, sizeof(path), "%s/a.yaml", dir);
	FILE *out = fopen(path, "w");
	fputs("text: a\nnumber: x\n", out);
	fclose(out);
	struct fixture f;
	setup(&f);
	assert_true(yaml_open(&f.file, path));
	assert_false(yaml_mapping(&f.file, f.file.root, "the file", keys, N(keys), &f.target));
	char wanted[128];
	snprintf(wanted, sizeof(wanted), "%s:2:9: 'x' must be", path);
	assert_true(strncmp(f.report.text, wanted, strlen(wanted)) == 0);
	teardown(&f);
	unlink(path);
}

// 100 MB of nothing, sparse on disk.
static void a_file_beyond_the_limit_is_not_read(void **state)
{
	(void)state;
	char path[64], wanted[128];
	snprintf(path, sizeof(path), "%s/big.yaml", dir);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(ftruncate(fd, 100 << 20), 0);
	close(fd);
	snprintf(wanted, sizeof(wanted),
		"%s:1:1: file of 104857600 bytes; at most 4194304 are read", path);
	open_is_refused(path, wanted);
	unlink(path);
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	char path[64];
	open_is_refused(dir, "not a regular file");
	open_is_refused("/dev/zero", "not a regular file");
	open_is_refused("/proc/no-such.yaml", "No such file or directory");
	// A FIFO that nobody writes must not keep us waiting.
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	open_is_refused(path, "not a regular file");
	unlink(path);
}

static void an_unreadable_file_says_why(void **state)
{
	(void)state;
	char path[64];
	snprintf(path, sizeof(path), "%s/closed.yaml", dir);
	close(open(path, O_CREAT | O_WRONLY, 0));
	bool root = geteuid() == 0; // who reads everything
	if (root && seteuid(65534) < 0)
		skip();
	open_is_refused(path, "Permission denied");
	if (root)
		assert_int_equal(seteuid(0), 0);
	unlink(path);
}

static void bytes_beyond_the_limit_are_refused(void **state)
{
	(void)state;
	struct fixture f;
	char *bytes = malloc(YAML_BYTES_MAX + 1);
	memset(bytes, '#', YAML_BYTES_MAX + 1);
	setup(&f);
	assert_false(yaml_open_bytes(&f.file, "t", bytes, YAML_BYTES_MAX + 1));
	assert_true(strncmp(f.report.text, "t:1:1: more than 4194304 bytes", 30) == 0);
	teardown(&f);
	setup(&f);
	f.file.bytes_max = 100;
	assert_false(yaml_open_bytes(&f.file, "t", bytes, 101));
	assert_string_equal(f.report.text, "t:1:1: more than 100 bytes\n");
	teardown(&f);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_value_is_read),
		cmocka_unit_test(one_value_may_be_a_list_of_one),
		cmocka_unit_test(times_have_a_unit),
		cmocka_unit_test(numbers_stay_within_their_range),
		cmocka_unit_test(words_are_among_those_that_are_valid),
		cmocka_unit_test(an_unknown_key_is_told_with_those_that_are_known),
		cmocka_unit_test(all_errors_are_told_at_once),
		cmocka_unit_test(an_error_is_not_forgotten),
		cmocka_unit_test(a_missing_key_is_named),
		cmocka_unit_test(a_key_stands_once),
		cmocka_unit_test(keys_are_read_in_the_order_of_the_table),
		cmocka_unit_test(names_of_the_operators_are_read_once_each),
		cmocka_unit_test(a_key_without_a_value_is_an_error),
		cmocka_unit_test(columns_count_characters),
		cmocka_unit_test(quoted_and_block_values_have_a_place),
		cmocka_unit_test(what_has_no_token_has_a_place),
		cmocka_unit_test(a_syntax_error_has_its_place),
		cmocka_unit_test(a_scalar_is_no_file),
		cmocka_unit_test(a_second_document_is_an_error),
		cmocka_unit_test(a_document_may_begin_and_end_with_its_marks),
		cmocka_unit_test(anchors_and_aliases_are_refused),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(a_line_beyond_the_limit_is_refused),
		cmocka_unit_test(more_values_than_the_limit_are_refused),
		cmocka_unit_test(tag_directives_are_refused),
		cmocka_unit_test(bytes_have_to_be_utf8),
		cmocka_unit_test(a_nul_byte_is_refused),
		cmocka_unit_test(an_escaped_nul_is_refused),
		cmocka_unit_test(an_empty_file_has_no_keys),
		cmocka_unit_test(a_file_is_read),
		cmocka_unit_test(a_file_beyond_the_limit_is_not_read),
		cmocka_unit_test(what_is_no_file_is_refused),
		cmocka_unit_test(an_unreadable_file_says_why),
		cmocka_unit_test(bytes_beyond_the_limit_are_refused),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
