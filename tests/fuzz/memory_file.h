// SPDX-License-Identifier: BSD-3-Clause
// Input as a file in memory, for what reads files only.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

struct memory_file {
	int fd;
	char path[32];
};

static inline struct memory_file memory_file_create(const uint8_t *data, size_t size)
{
	struct memory_file file = {.fd = memfd_create("fuzz", MFD_CLOEXEC)};
	assert(file.fd >= 0);
	assert(write(file.fd, data, size) == (ssize_t)size);
	assert(lseek(file.fd, 0, SEEK_SET) == 0);
	snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
	return file;
}

static inline void memory_file_destroy(struct memory_file *file)
{
	close(file->fd);
}
