// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../control/log.h"

// What `say` writes to stderr.
static void caught(void (*say)(void), char *out, size_t size)
{
	char path[] = "/tmp/offhook-log-XXXXXX";
	int before = dup(STDERR_FILENO), file = mkstemp(path);
	assert_true(file >= 0);
	dup2(file, STDERR_FILENO);
	say();
	dup2(before, STDERR_FILENO);
	ssize_t n = pread(file, out, size - 1, 0);
	out[n > 0 ? n : 0] = '\0';
	close(before);
	close(file);
	unlink(path);
}

static void say_something(void)
{
	log_init("offhookd");
	log_line(LOG_NOTICE, "listening on %s", "lo");
}

static void line_says_who_speaks(void **state)
{
	(void)state;
	char text[256];
	unsetenv("JOURNAL_STREAM");
	caught(say_something, text, sizeof(text));
	assert_string_equal(text, "offhookd: listening on lo\n");
}

static void say_to_journal(void)
{
	struct stat st;
	char stream[64];
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init("offhookd");
	log_line(LOG_ERROR, "no %d", 1);
	log_line(LOG_NOTICE, "yes");
}

static void journal_gets_priorities(void **state)
{
	(void)state;
	char text[256];
	caught(say_to_journal, text, sizeof(text));
	assert_string_equal(text, "<3>no 1\n<5>yes\n");
}

static void another_stream_is_no_journal(void **state)
{
	(void)state;
	char text[256];
	setenv("JOURNAL_STREAM", "1:2", 1);
	caught(say_something, text, sizeof(text));
	assert_string_equal(text, "offhookd: listening on lo\n");
	setenv("JOURNAL_STREAM", "nonsense", 1);
	caught(say_something, text, sizeof(text));
	assert_string_equal(text, "offhookd: listening on lo\n");
}

static void say_hostile_things(void)
{
	unsetenv("JOURNAL_STREAM");
	log_init("offhookd");
	log_line(LOG_ERROR, "user %s", "bob\n<0>forged\x1b[2J");
	log_lines(LOG_ERROR, "one\ntwo\n\nlast");
	log_lines(LOG_ERROR, "");
}

static void no_text_forges_a_line(void **state)
{
	(void)state;
	char text[512];
	caught(say_hostile_things, text, sizeof(text));
	assert_string_equal(text, "offhookd: user bob\\x0A<0>forged\\x1B[2J\n"
				  "offhookd: one\noffhookd: two\noffhookd: \noffhookd: last\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_says_who_speaks),
		cmocka_unit_test(journal_gets_priorities),
		cmocka_unit_test(another_stream_is_no_journal),
		cmocka_unit_test(no_text_forges_a_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
