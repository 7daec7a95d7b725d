// SPDX-License-Identifier: BSD-3-Clause
#include "log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "glyph.h"

static struct {
	const char *program;
	bool is_journal;
} log_state = {.program = "offhook"};

// $JOURNAL_STREAM is "device:inode" of the stream that the journal reads; a program that was
// started by a service but writes elsewhere has the variable all the same. Source: systemd.exec(5),
// "$JOURNAL_STREAM".
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;
	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static void open_standard(void)
{
	int fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDWR);
	if (fd >= 0)
		close(fd);
}

void log_init(const char *program)
{
	open_standard();
	log_state.program = program;
	log_state.is_journal = stderr_is_journal();
}

static void write_line(enum log_priority priority, struct slice line)
{
	flockfile(stderr); // DPDK may log at the same time
	if (log_state.is_journal)
		fprintf(stderr, "<%d>", (int)priority);
	else
		fprintf(stderr, "%s: ", log_state.program);
	glyph_write(stderr, line);
	putc('\n', stderr);
	fflush(stderr);
	funlockfile(stderr);
}

void log_line(enum log_priority priority, const char *format, ...)
{
	char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int len = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (len >= 0)
		write_line(priority, (struct slice){text, (uint32_t)len});
	free(len >= 0 ? text : NULL);
}

void log_lines(enum log_priority priority, const char *text)
{
	while (*text) {
		uint32_t len = (uint32_t)strcspn(text, "\n");
		write_line(priority, (struct slice){text, len});
		text += len + (text[len] == '\n');
	}
}
