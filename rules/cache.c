// SPDX-License-Identifier: BSD-3-Clause
#include "cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define CACHE_BYTES_MAX (256u << 20)
#define CACHE_MAGIC 0x6f66666875623031ull // "offhdb01"

struct cache_header {
	uint64_t magic, key_low, key_high, len, checksum;
};

struct cache_key cache_key_of(struct slice expressions)
{
	XXH3_state_t state;
	hs_platform_info_t platform;
	memset(&platform, 0, sizeof(platform));
	hs_populate_platform(&platform);
	XXH3_128bits_reset(&state);
	XXH3_128bits_update(&state, expressions.data, expressions.len);
	XXH3_128bits_update(&state, hs_version(), strlen(hs_version()));
	XXH3_128bits_update(&state, &platform, sizeof(platform));
	XXH128_hash_t hash = XXH3_128bits_digest(&state);
	return (struct cache_key){hash.low64, hash.high64};
}

static char *file_name(const char *dir, struct cache_key key)
{
	char *name = NULL;
	return asprintf(&name, "%s/%016llx%016llx.hsdb", dir, key.high, key.low) < 0 ? NULL : name;
}

static bool read_exactly(int fd, void *out, size_t len)
{
	size_t n = 0;
	while (n < len) {
		ssize_t got = read(fd, (char *)out + n, len - n);
		if (got <= 0)
			return false;
		n += (size_t)got;
	}
	return true;
}

static hs_database_t *read_database(int fd, struct cache_key key)
{
	struct stat st;
	struct cache_header header;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		(st.st_mode & (S_IWGRP | S_IWOTH)) || !read_exactly(fd, &header, sizeof(header)))
		return NULL;
	if (header.magic != CACHE_MAGIC || header.key_low != key.low ||
		header.key_high != key.high || header.len > CACHE_BYTES_MAX ||
		(uint64_t)st.st_size != sizeof(header) + header.len)
		return NULL;
	char *bytes = malloc(header.len + 1);
	hs_database_t *database = NULL;
	if (bytes && read_exactly(fd, bytes, header.len) &&
		XXH3_64bits(bytes, header.len) == header.checksum &&
		hs_deserialize_database(bytes, header.len, &database) != HS_SUCCESS)
		database = NULL;
	free(bytes);
	return database;
}

hs_database_t *cache_load(const char *dir, struct cache_key key)
{
	char *name = file_name(dir, key);
	int fd = name ? open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
	free(name);
	if (fd < 0)
		return NULL;
	hs_database_t *database = read_database(fd, key);
	if (database)
		futimens(fd, NULL); // prune() goes by the last use
	close(fd);
	return database;
}

// ---- what is kept ----

#define NAME_DIGITS 32
#define TEMPORARY_MAX_S 3600 // one that is older has been left behind

struct kept {
	char name[NAME_DIGITS + 16];
	struct timespec used;
};

static bool is_older(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

// Keep this one rather than the oldest, or drop it.
static void keep(int dir, struct kept *kept, unsigned *n, const struct kept *one)
{
	struct kept *oldest = &kept[0];
	if (*n < CACHE_FILES_MAX) {
		kept[(*n)++] = *one;
		return;
	}
	for (unsigned i = 1; i < CACHE_FILES_MAX; i++) {
		if (is_older(&kept[i].used, &oldest->used))
			oldest = &kept[i];
	}
	bool better = is_older(&oldest->used, &one->used);
	unlinkat(dir, better ? oldest->name : one->name, 0);
	if (better)
		*oldest = *one;
}

// Every change of a pack leaves a file behind, and a crash a temporary one.
static void prune(const char *path)
{
	struct kept kept[CACHE_FILES_MAX];
	unsigned n = 0;
	struct dirent *entry;
	struct stat st;
	DIR *dir = opendir(path);
	while (dir && (entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name, *end = name + strspn(name, "0123456789abcdef");
		bool database = strcmp(end, ".hsdb") == 0;
		bool temporary = strncmp(end, ".hsdb.", 6) == 0 && strlen(end) == 12;
		if (end != name + NAME_DIGITS || !(database || temporary) ||
			fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISREG(st.st_mode) || st.st_uid != geteuid())
			continue;
		struct kept one = {.used = st.st_mtim};
		slice_copy(slice_of(name), one.name, sizeof(one.name));
		if (database)
			keep(dirfd(dir), kept, &n, &one);
		else if (time(NULL) - st.st_mtime > TEMPORARY_MAX_S)
			unlinkat(dirfd(dir), name, 0);
	}
	if (dir)
		closedir(dir);
}

static bool write_exactly(int fd, const void *bytes, size_t len)
{
	size_t n = 0;
	while (n < len) {
		ssize_t put = write(fd, (const char *)bytes + n, len - n);
		if (put <= 0)
			return false;
		n += (size_t)put;
	}
	return true;
}

// Make every folder of the path, as mkdir -p does.
static void make_directories(const char *dir)
{
	char path[4096];
	if (strlen(dir) >= sizeof(path))
		return;
	slice_copy(slice_of(dir), path, sizeof(path));
	for (char *at = path + 1; *at; at++) {
		if (*at == '/') {
			*at = '\0';
			mkdir(path, 0755);
			*at = '/';
		}
	}
	mkdir(path, 0755);
}

void cache_store(const char *dir, struct cache_key key, const hs_database_t *database)
{
	char *bytes = NULL, *name = file_name(dir, key), *temporary = NULL;
	size_t len = 0;
	if (name == NULL || asprintf(&temporary, "%s.XXXXXX", name) < 0)
		temporary = NULL;
	if (temporary && hs_serialize_database(database, &bytes, &len) == HS_SUCCESS) {
		struct cache_header header = {
			CACHE_MAGIC, key.low, key.high, len, XXH3_64bits(bytes, len)};
		make_directories(dir);
		int fd = mkostemp(temporary, O_CLOEXEC);
		bool ok = fd >= 0 && write_exactly(fd, &header, sizeof(header)) &&
			  write_exactly(fd, bytes, len);
		if (fd >= 0 && (close(fd) < 0 || !ok || rename(temporary, name) < 0))
			unlink(temporary);
		prune(dir);
	}
	free(bytes);
	free(temporary);
	free(name);
}
