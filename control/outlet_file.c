// SPDX-License-Identifier: BSD-3-Clause
// The outlet kind "file": one ECS document a line, appended. Lines are whole whatever happens: one
// that a crash has torn is ended before the next, one that finds no room is taken back. Whoever
// rotates the file moves it away and sends SIGUSR1 to the daemon.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"
#include "outlet.h"

struct file_options {
	const char *path, *mode, *dataset_namespace;
};

#define OPTION(text, type, member, ...)                                                           \
	{                                                                                         \
		.name = (text), .value = (type), .offset = offsetof(struct file_options, member), \
		__VA_ARGS__                                                                       \
	}

static const struct outlet_option options[] = {
	OPTION("path", OUTLET_PATH, path, .is_required = true, .target = TARGET_PATH,
		.help = "a regular file, and no link to one"),
	OPTION("mode", OUTLET_TEXT, mode, .initial = "\"0640\"",
		.help = "of a file that is made, in octal"),
	OPTION("namespace", OUTLET_TEXT, dataset_namespace, .initial = "default",
		.help = OUTLET_NAMESPACE_HELP),
};

struct file {
	int fd; // -1: none
	struct buffer lines;
};

static bool fail(struct outlet_context *context)
{
	const struct file_options *o = context->options;
	snprintf(context->error, sizeof(context->error), "%s: %s", o->path,
		errno == ELOOP ? "a symbolic link" : strerror(errno));
	return false;
}

static bool parse_mode(const char *text, mode_t *mode)
{
	char *end;
	if (strspn(text, "01234567") != strlen(text) || strlen(text) > 4 || *text == '\0')
		return false;
	*mode = (mode_t)strtoul(text, &end, 8);
	return *mode <= 0777;
}

static bool check(const void *given, char *error, size_t size)
{
	const struct file_options *o = given;
	mode_t mode;
	if (!parse_mode(o->mode, &mode)) {
		snprintf(error, size, "mode: must be octal, as \"0640\"");
		return false;
	}
	if (o->path[0] != '/') {
		snprintf(error, size, "path: must begin with /");
		return false;
	}
	return true;
}

// ---- the file ----

// Whoever may write into the directory points to no other file of ours by a link.
static int open_path(const struct file_options *o)
{
	static const int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW;
	mode_t mode = 0;
	parse_mode(o->mode, &mode);
	int fd = open(o->path, flags | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return errno == EEXIST ? open(o->path, flags) : -1;
	if (fchmod(fd, mode) == 0)
		return fd;
	int reason = errno;
	close(fd);
	errno = reason;
	return -1;
}

// A crash may have left half a line.
static bool end_torn_line(int fd, off_t size)
{
	char last;
	if (size == 0)
		return true;
	if (pread(fd, &last, 1, size - 1) != 1)
		return false;
	return last == '\n' || write(fd, "\n", 1) == 1;
}

static bool open_file(struct file *file, struct outlet_context *context)
{
	const struct file_options *o = context->options;
	struct stat stat;
	file->fd = open_path(o);
	if (file->fd < 0)
		return fail(context);
	bool ok = fstat(file->fd, &stat) == 0;
	if (ok && !S_ISREG(stat.st_mode)) {
		snprintf(context->error, sizeof(context->error), "%s: not a regular file", o->path);
		ok = false;
	} else if (ok) {
		ok = end_torn_line(file->fd, stat.st_size) || fail(context);
	} else {
		fail(context);
	}
	if (ok)
		return true;
	close(file->fd);
	file->fd = -1;
	return false;
}

static void *open_state(struct outlet_context *context)
{
	struct file *file = calloc(1, sizeof(*file));
	if (file && open_file(file, context))
		return file;
	free(file);
	return NULL;
}

static void close_state(void *state, struct outlet_context *context)
{
	struct file *file = state;
	(void)context;
	if (file->fd >= 0)
		close(file->fd);
	buffer_fini(&file->lines);
	free(file);
}

// Where that fails, the next delivery says why.
static void reopen(void *state, struct outlet_context *context)
{
	struct file *file = state;
	if (file->fd >= 0)
		close(file->fd);
	open_file(file, context);
}

// ---- delivery ----

static bool add_line(struct file *file, const struct record *record, struct outlet_context *context)
{
	const struct file_options *o = context->options;
	json_t *object = record_json(record);
	buffer_add_json(
		&file->lines, object ? ecs_document(record, object,
					       &(struct format_context){.host = context->host,
						       .dataset_namespace = o->dataset_namespace})
				     : NULL);
	json_decref(object);
	buffer_add_text(&file->lines, "\n");
	return !file->lines.failed;
}

// Returns how many bytes have come into the file; fewer than asked for: errno says why.
static size_t write_all(int fd, const char *data, size_t len)
{
	size_t n = 0;
	while (n < len) {
		ssize_t more = write(fd, data + n, len - n);
		if (more < 0 && errno == EINTR)
			continue;
		if (more <= 0)
			break;
		n += (size_t)more;
	}
	return n;
}

static enum delivery send_file(void *state, struct outlet_context *context,
	struct record *const *records, size_t n, size_t *n_done)
{
	struct file *file = state;
	size_t ends[OUTLET_BATCH_MAX]; // of lines
	struct stat before;
	if (file->fd < 0 && !open_file(file, context))
		return DELIVERY_RETRY;
	buffer_fini(&file->lines);
	for (size_t i = 0; i < n; i++) {
		if (!add_line(file, records[i], context)) {
			snprintf(context->error, sizeof(context->error), "out of memory");
			return DELIVERY_RETRY;
		}
		ends[i] = file->lines.len;
	}
	if (fstat(file->fd, &before) != 0) {
		fail(context);
		return DELIVERY_RETRY;
	}
	size_t written = write_all(file->fd, file->lines.data + file->lines.from, file->lines.len);
	bool ok = written == file->lines.len || fail(context);
	size_t whole = 0;
	while (whole < n && ends[whole] <= written)
		whole++;
	if (!ok && ftruncate(file->fd, before.st_size + (off_t)(whole ? ends[whole - 1] : 0)) != 0)
		fail(context);
	if (fdatasync(file->fd) != 0) {
		fail(context);
		return DELIVERY_RETRY; // what is there is not known: once more
	}
	*n_done = whole;
	return ok ? DELIVERY_DONE : DELIVERY_RETRY;
}

const struct outlet_kind outlet_file = {
	.name = "file",
	.help = "writes ECS documents, one a line, into a file",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.options_size = sizeof(struct file_options),
	.check = check,
	.open = open_state,
	.send = send_file,
	.reopen = reopen,
	.close = close_state,
};
