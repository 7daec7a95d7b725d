// SPDX-License-Identifier: BSD-3-Clause
#include "rules.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../rules/cache.h"

#define RULES                                                                                                           \
	"messages:\n"                                                                                                   \
	"  - {id: ASA-725006, text: 'Device failed SSL handshake with client {name}:{client}/{port}', event: failed}\n" \
	"  - {id: ASA-725014, pattern: 'lib error.*unknown ca', event: reason}\n"                                       \
	"  - {id: PHONE-hash, text: 'Leaf cert hash = {hash}', event: leaf}\n"

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/offhook-test-compile-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

// ---- a ruleset and what its databases find ----

static int note(
	unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context)
{
	(void)from, (void)to, (void)flags;
	*(unsigned *)context |= 1u << id;
	return 0;
}

// Which rules' patterns (by bit) the text holds.
static unsigned found(const struct ruleset *r, enum rule_source source, const char *text)
{
	hs_scratch_t *scratch = NULL;
	unsigned bits = 0;
	assert_int_equal(hs_alloc_scratch(r->databases[source], &scratch), HS_SUCCESS);
	assert_int_equal(hs_scan(r->databases[source], text, (unsigned)strlen(text), 0, scratch,
				 note, &bits),
		HS_SUCCESS);
	hs_free_scratch(scratch);
	return bits;
}

static void assert_works(const struct ruleset *r)
{
	assert_int_equal(found(r, RULE_ASA,
				 "Device failed SSL handshake with client outside:198.51.100.9/1"),
		1);
	assert_int_equal(found(r, RULE_ASA, "SSL lib error. Reason: tlsv1 alert unknown ca"), 2);
	assert_int_equal(found(r, RULE_ASA, "Leaf cert hash = "), 0);
	assert_int_equal(found(r, RULE_PHONE, "SECD: Leaf cert hash = 12"), 4);
	assert_true(ruleset_wants(r, 725006));
	assert_true(ruleset_wants(r, 725014));
	assert_false(ruleset_wants(r, 725007));
}

static struct ruleset *compile(const char *text, const char *cache, bool from_cache)
{
	struct vocabulary *v = vocabulary_create();
	struct report report = {0};
	struct ruleset *r = ruleset_compile(rules_load(v, text), cache, &report);
	assert_non_null(r);
	assert_int_equal(report.n, 0);
	if (r->from_cache != from_cache)
		fail_msg("%sfrom cache", from_cache ? "not " : "");
	return r;
}

static void destroy(struct ruleset *r)
{
	struct vocabulary *v = r->pack->vocabulary;
	ruleset_destroy(r);
	vocabulary_destroy(v);
}

static void check(const char *cache, bool from_cache)
{
	struct ruleset *r = compile(RULES, cache, from_cache);
	assert_works(r);
	destroy(r);
}

// ---- the cache's files ----

static unsigned files(char names[][512], unsigned max)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	unsigned n = 0;
	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] != '.' && n < max)
			snprintf(names[n++], 512, "%s/%s", dir, entry->d_name);
	}
	closedir(d);
	return n;
}

// Do something to every file of the cache.
static void each_file(void (*change)(const char *path))
{
	char names[8][512];
	unsigned n = files(names, 8);
	assert_int_equal(n, 2); // one a source
	for (unsigned i = 0; i < n; i++)
		change(names[i]);
}

static void flip_byte(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	char byte;
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void nothing_is_compiled_twice(void **state)
{
	(void)state;
	check(dir, false);
	check(dir, true);
	check(NULL, false);
}

static void other_rules_have_another_key(void **state)
{
	(void)state;
	static const char other[] =
		"messages:\n  - {id: ASA-725006, text: 'Device failed otherwise', event: failed}\n";
	static const char shifted[] =
		"messages:\n  - {id: ASA-100001, text: 'something else', event: x}\n"
		"  - {id: ASA-725006, text: 'Device failed otherwise', event: failed}\n";
	check(dir, false);
	destroy(compile(other, dir, false));
	destroy(compile(other, dir, true));
	// The same pattern at another place of the pack is another database: matches carry the
	// place.
	destroy(compile(shifted, dir, false));
	struct ruleset *r = compile(shifted, dir, true);
	assert_int_equal(found(r, RULE_ASA, "Device failed otherwise"), 2);
	destroy(r);
	check(dir, true);
}

static void damage_header(const char *path)
{
	flip_byte(path, 8);
}

static void damage_length(const char *path)
{
	flip_byte(path, 26);
}

static void damage_body(const char *path)
{
	struct stat st;
	stat(path, &st);
	flip_byte(path, st.st_size / 2);
}

static void damage_last(const char *path)
{
	struct stat st;
	stat(path, &st);
	flip_byte(path, st.st_size - 1);
}

static void cut_half(const char *path)
{
	struct stat st;
	stat(path, &st);
	assert_int_equal(truncate(path, st.st_size / 2), 0);
}

static void cut_header(const char *path)
{
	assert_int_equal(truncate(path, 20), 0);
}

static void cut_all(const char *path)
{
	assert_int_equal(truncate(path, 0), 0);
}

static void add_byte(const char *path)
{
	struct stat st;
	stat(path, &st);
	assert_int_equal(truncate(path, st.st_size + 1), 0);
}

static void for_others(const char *path)
{
	assert_int_equal(chmod(path, 0602), 0);
}

static void for_group(const char *path)
{
	assert_int_equal(chmod(path, 0620), 0);
}

static void to_folder(const char *path)
{
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void to_fifo(const char *path)
{
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void to_link(const char *path)
{
	char elsewhere[160];
	snprintf(elsewhere, sizeof(elsewhere), "%s/.moved-%s", dir, strrchr(path, '/') + 1);
	assert_int_equal(rename(path, elsewhere), 0);
	assert_int_equal(symlink(elsewhere, path), 0);
}

static void to_other_owner(const char *path)
{
	assert_int_equal(chown(path, 65534, 65534), 0);
}

// What is not to be trusted is compiled anew, gives the same results, and is trusted from then on.
static void a_damaged_cache_is_rebuilt(void **state)
{
	(void)state;
	static void (*const changes[])(const char *) = {damage_header, damage_length, damage_body,
		damage_last, cut_half, cut_header, cut_all, add_byte, for_others, for_group,
		to_fifo, to_link};
	check(dir, false);
	for (size_t i = 0; i < N(changes); i++) {
		each_file(changes[i]);
		check(dir, false);
		check(dir, true);
	}
}

static void a_cache_of_another_user_is_rebuilt(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	check(dir, false);
	each_file(to_other_owner);
	check(dir, false);
	check(dir, true);
}

static void half_a_cache_is_half_used(void **state)
{
	(void)state;
	char names[8][512];
	check(dir, false);
	assert_int_equal(files(names, 8), 2);
	unlink(names[0]);
	check(dir, false);
	check(dir, true);
}

// A cache that cannot be written is no error.
static void a_cache_that_cannot_be_written_is_no_error(void **state)
{
	(void)state;
	check("/proc/no/such/place", false);
	check("/dev/null", false);
	check(dir, false);
	each_file(to_folder); // rename() over it fails
	check(dir, false);
	char names[8][512];
	assert_int_equal(files(names, 8), 2); // nothing half-written stays
	rmdir(names[0]);
	rmdir(names[1]);
}

// A file of the cache, or of others, last used so long ago.
static void put_file(const char *name, long age_s)
{
	char path[600];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	struct timespec times[2] = {{.tv_sec = time(NULL) - age_s}, {.tv_sec = time(NULL) - age_s}};
	assert_true(fd >= 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static bool has_file(const char *name)
{
	char path[600];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static void what_was_used_last_is_kept(void **state)
{
	(void)state;
	static const char *const others[] = {"README", "0123.hsdb",
		"00000000000000000000000000000000.hsdb.bak",
		"0000000000000000000000000000000g.hsdb", "x.hsdb.abcdef"};
	char names[64][512], name[64];
	for (size_t i = 0; i < N(others); i++)
		put_file(others[i], 1000000);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "%032x.hsdb", i);
		put_file(name, 10000 + i);
	}
	put_file("00000000000000000000000000000000.hsdb.abcdef", 3500);
	put_file("00000000000000000000000000000001.hsdb.abcdef", 3700);
	check(dir, false);
	assert_int_equal(files(names, 64), CACHE_FILES_MAX + N(others) + 1);
	for (size_t i = 0; i < N(others); i++)
		assert_true(has_file(others[i]));
	assert_true(has_file("00000000000000000000000000000000.hsdb.abcdef"));
	assert_true(has_file("0000000000000000000000000000000d.hsdb"));
	assert_false(has_file("0000000000000000000000000000000e.hsdb"));
	// One that is loaded is used.
	unsigned n = files(names, 64);
	for (unsigned i = 0; i < n; i++) {
		const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
		if (strlen(names[i]) == strlen(dir) + 1 + 37)
			assert_int_equal(utimensat(AT_FDCWD, names[i], times, 0), 0);
	}
	check(dir, true);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "%032x.hsdb", 32 + i);
		put_file(name, 10000 + i);
	}
	destroy(compile("messages:\n  - {id: PHONE-x, text: abc, event: x}\n", dir, false));
	check(dir, true);
	assert_int_equal(files(names, 64), CACHE_FILES_MAX + N(others) + 1);
	for (unsigned i = files(names, 64); i > 0; i--)
		unlink(names[i - 1]);
}

static void a_line_feed_in_a_pattern_is_no_second_pattern(void **state)
{
	(void)state;
	destroy(compile("messages:\n  - {id: PHONE-a, pattern: \"abc\\n1/10/def\", event: a}\n",
		dir, false));
	destroy(compile("messages:\n  - {id: PHONE-a, pattern: abc, event: a}\n"
			"  - {id: PHONE-b, pattern: def, event: b}\n",
		dir, false));
}

static void the_folder_of_the_cache_is_made(void **state)
{
	(void)state;
	char deep[128];
	snprintf(deep, sizeof(deep), "%s/a/b/c", dir);
	check(deep, false);
	check(deep, true);
}

static void its_files_are_nobody_elses_to_write(void **state)
{
	(void)state;
	char names[8][512];
	struct stat st;
	mode_t before = umask(0);
	check(dir, false);
	umask(before);
	assert_int_equal(files(names, 8), 2);
	assert_int_equal(stat(names[0], &st), 0);
	assert_int_equal(st.st_mode & 022, 0);
	check(dir, true);
}

static void a_pack_of_one_source_has_one_database(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	struct ruleset *r = rules_compile(
		v, "messages:\n  - {id: PHONE-x, text: 'Leaf cert hash', event: x}\n");
	assert_null(r->databases[RULE_ASA]);
	assert_non_null(r->databases[RULE_PHONE]);
	ruleset_destroy(r);
	ruleset_destroy(NULL);
	vocabulary_destroy(v);
}

// Texts decide by themselves where nothing else has their id; a pattern has to be scanned for.
static void the_only_rule_of_an_id_is_known(void **state)
{
	(void)state;
	static const char text[] =
		"messages:\n"
		"  - {id: ASA-000001, text: 'the first one', event: a}\n"
		"  - {id: ASA-999999, pattern: 'the last one', event: b}\n"
		"  - {id: PHONE-x, text: 'of a phone', event: c}\n"
		"  - {id: ASA-725063, text: 'some text', event: d}\n"
		"  - {id: ASA-725064, text: ['other text', 'or another'], event: e}\n";
	struct ruleset *r = compile(text, NULL, false);
	const struct message_rule *rules = r->pack->messages;
	assert_ptr_equal(ruleset_sole(r, 1), &rules[0]);
	assert_null(ruleset_sole(r, 999999));
	assert_ptr_equal(ruleset_sole(r, 725063), &rules[3]);
	assert_ptr_equal(ruleset_sole(r, 725064), &rules[4]);
	destroy(r);
}

static void every_id_can_be_wanted(void **state)
{
	(void)state;
	struct vocabulary *v = vocabulary_create();
	struct ruleset *r =
		rules_compile(v, "messages:\n  - {id: ASA-000000, text: 'Leaf cert', event: x}\n"
				 "  - {id: ASA-999999, text: 'Leaf cert', event: x}\n");
	assert_true(ruleset_wants(r, 0));
	assert_true(ruleset_wants(r, 999999));
	assert_false(ruleset_wants(r, 1));
	assert_false(ruleset_wants(r, 999998));
	ruleset_destroy(r);
	vocabulary_destroy(v);
}

static void the_reason_of_each_bad_pattern_is_told(void **state)
{
	(void)state;
	rules_say("messages:\n  - {id: ASA-100001, pattern: '(a)\\1', event: x}\n"
		  "  - {id: ASA-100002, pattern: 'b(', event: x}\n"
		  "  - {id: PHONE-x, pattern: '[z-a]', event: x}\n",
		"t:2:31: pattern refused: Back-references are unsupported.\n"
		"t:3:31: pattern refused: Missing close parenthesis for group started at index 1.\n"
		"t:4:28: pattern refused: Range out of order in character class at index 3.\n");
}

#define WITH_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIR(nothing_is_compiled_twice),
		WITH_DIR(other_rules_have_another_key),
		WITH_DIR(a_damaged_cache_is_rebuilt),
		WITH_DIR(a_cache_of_another_user_is_rebuilt),
		WITH_DIR(half_a_cache_is_half_used),
		WITH_DIR(a_cache_that_cannot_be_written_is_no_error),
		WITH_DIR(what_was_used_last_is_kept),
		WITH_DIR(a_line_feed_in_a_pattern_is_no_second_pattern),
		WITH_DIR(the_folder_of_the_cache_is_made),
		WITH_DIR(its_files_are_nobody_elses_to_write),
		cmocka_unit_test(a_pack_of_one_source_has_one_database),
		cmocka_unit_test(every_id_can_be_wanted),
		cmocka_unit_test(the_only_rule_of_an_id_is_known),
		WITH_DIR(the_reason_of_each_bad_pattern_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
