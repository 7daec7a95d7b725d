// SPDX-License-Identifier: BSD-3-Clause
#include "memory.h"

#include <stdio.h>
#include <unistd.h>

#ifdef OFFHOOK_JEMALLOC
#	include <jemalloc/jemalloc.h>
#endif

// Source: proc(5), /proc/pid/statm: size and resident pages.
static json_t *resident_set_json(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	if (file == NULL)
		return json_null();
	int n = fscanf(file, "%*u %lu", &pages);
	fclose(file);
	return n == 1 ? json_integer((json_int_t)pages * sysconf(_SC_PAGESIZE)) : json_null();
}

// Names below "stats." and of the figures at once. Source: jemalloc(3), "stats.allocated" and on.
static const char *const figures[] = {
	"allocated", "active", "metadata", "resident", "mapped", "retained"};

static json_t *figure_json(const char *name)
{
#ifdef OFFHOOK_JEMALLOC
	char path[32];
	size_t value = 0, size = sizeof(value);
	snprintf(path, sizeof(path), "stats.%s", name);
	if (mallctl(path, &value, &size, NULL, 0) == 0)
		return json_integer((json_int_t)value);
#else
	(void)name;
#endif
	return json_null();
}

// jemalloc's figures are those of the last time that its epoch was advanced.
static const char *refresh(void)
{
#ifdef OFFHOOK_JEMALLOC
	uint64_t epoch = 1;
	size_t size = sizeof(epoch);
	mallctl("epoch", &epoch, &size, &epoch, size);
	return "jemalloc";
#else
	return "libc";
#endif
}

json_t *memory_json(void)
{
	json_t *memory = json_object();
	json_object_set_new(memory, "allocator", json_string(refresh()));
	json_object_set_new(memory, "resident_set", resident_set_json());
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		json_object_set_new(memory, figures[i], figure_json(figures[i]));
	return memory;
}
