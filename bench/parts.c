// SPDX-License-Identifier: BSD-3-Clause
#include "parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 4096

const char *const part_names[PART_MAX] = {
#define X(name, what) #name,
	PARTS(X)
#undef X
};
const char *const part_texts[PART_MAX] = {
#define X(name, what) what,
	PARTS(X)
#undef X
};

// Functions first, then whole files. A header that is inlined is none of them.
static const struct place {
	const char *file, *function; // function NULL: all others of the file
	enum part part;
} places[] = {
	{"worker.c", "exchange", PART_exchange},
	{"worker.c", "send_away", PART_exchange},
	{"worker.c", "receive", PART_receive},
	{"worker.c", "changed", PART_outbox},
	{"worker.c", "approach_sessions", PART_session},
	{"worker.c", NULL, PART_loop},
	{"offline.c", NULL, PART_loop},
	{"datagram.c", "datagram_release", PART_receive},
	{"datagram.c", NULL, PART_datagram},
	{"layers.c", NULL, PART_datagram},
	{"neighbour.c", NULL, PART_datagram},
	{"message.c", NULL, PART_message},
	{"stamp.c", NULL, PART_message},
	{"shape.c", NULL, PART_message},
	{"event.c", "event_match", PART_match},
	{"event.c", "match_by_scan", PART_match},
	{"event.c", "match_sole", PART_match},
	{"event.c", "event_hangs_on_open", PART_match},
	{"event.c", "note_candidate", PART_match},
	{"event.c", "sort_candidates", PART_match},
	{"event.c", NULL, PART_fields},
	{"policy.c", NULL, PART_fields},
	{"field.c", NULL, PART_fields},
	{"template.c", NULL, PART_fields},
	{"condition.c", NULL, PART_fields},
	{"address.c", NULL, PART_fields},
	{"gateway.c", NULL, PART_bind},
	{"chain.c", NULL, PART_bind},
	{"handshake.c", NULL, PART_bind},
	{"cipher_list.c", NULL, PART_bind},
	{"alias.c", NULL, PART_bind},
	{"session.c", NULL, PART_session},
	{"identity.c", NULL, PART_session},
	{"history.c", NULL, PART_session},
	{"handover.c", NULL, PART_session},
	{"line.c", NULL, PART_session},
	{"diagnosis.c", NULL, PART_diagnosis},
	{"verdict.c", NULL, PART_diagnosis},
	{"proof.c", NULL, PART_diagnosis},
	{"judge.c", NULL, PART_diagnosis},
	{"evidence.c", NULL, PART_diagnosis},
	{"expression.c", NULL, PART_diagnosis},
	{"outbox.c", NULL, PART_outbox},
};

struct cost {
	uint64_t address;
	double cost;
};

struct parts {
	struct cost *costs;
	size_t n, room;
	double known[PART_MAX];
};

struct parts *parts_create(void)
{
	return calloc(1, sizeof(struct parts));
}

void parts_destroy(struct parts *parts)
{
	if (parts)
		free(parts->costs);
	free(parts);
}

bool parts_add(struct parts *parts, uint64_t address, double cost)
{
	if (parts->n == parts->room) {
		size_t room = parts->room ? 2 * parts->room : 4096;
		struct cost *costs = reallocarray(parts->costs, room, sizeof(*costs));
		if (costs == NULL)
			return false;
		parts->costs = costs;
		parts->room = room;
	}
	parts->costs[parts->n++] = (struct cost){address, cost};
	return true;
}

void parts_add_to(struct parts *parts, enum part part, double cost)
{
	parts->known[part] += cost;
}

static int by_address(const void *a, const void *b)
{
	uint64_t one = ((const struct cost *)a)->address, other = ((const struct cost *)b)->address;
	return (one > other) - (one < other);
}

// One entry an address.
static void merge(struct parts *parts)
{
	size_t n = 0;
	qsort(parts->costs, parts->n, sizeof(parts->costs[0]), by_address);
	for (size_t i = 0; i < parts->n; i++) {
		if (n && parts->costs[n - 1].address == parts->costs[i].address)
			parts->costs[n - 1].cost += parts->costs[i].cost;
		else
			parts->costs[n++] = parts->costs[i];
	}
	parts->n = n;
}

// PART_MAX: an inlined helper, whoever uses it.
static enum part part_of(const char *function, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = strcspn(function, ".\n"); // without ".part.0"
	const char *file = slash ? slash + 1 : path;
	size_t file_len = strcspn(file, ":");
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct place *place = &places[i];
		bool same_file = strlen(place->file) == file_len &&
				 strncmp(place->file, file, file_len) == 0;
		bool same = place->function == NULL ||
			    (strlen(place->function) == len &&
				    strncmp(place->function, function, len) == 0);
		if (same_file && same)
			return place->part;
	}
	return PART_MAX;
}

// What a header left as a function of its own, called from anywhere.
static enum part part_of_header(const char *path)
{
	return strstr(path, "/rte_mbuf.h:") || strstr(path, "/rte_mempool.h:") ? PART_receive
									       : PART_other;
}

// addr2line's answer: a line with the address, then a pair of lines (function, file:line) for each
// function there, the innermost first. Source: addr2line(1), -a -f -i.
static void read_answer(struct parts *parts, FILE *answer, double sums[PART_MAX])
{
	char function[LINE_MAX_BYTES], path[LINE_MAX_BYTES] = "";
	enum part part = PART_MAX;
	for (size_t at = 0; at <= parts->n;) {
		bool more = fgets(function, sizeof(function), answer) != NULL;
		if (!more || strncmp(function, "0x", 2) == 0) { // the one before is complete
			if (at)
				sums[part == PART_MAX ? part_of_header(path) : part] +=
					parts->costs[at - 1].cost;
			at++;
			part = PART_MAX;
		} else if (fgets(path, sizeof(path), answer) && part == PART_MAX) {
			part = part_of(function, path);
		}
		if (!more)
			return;
	}
}

bool parts_sum(struct parts *parts, const char *program, double sums[PART_MAX])
{
	char command[LINE_MAX_BYTES], list[] = "/tmp/offhook-parts-XXXXXX";
	int fd = mkstemp(list);
	FILE *addresses = fd < 0 ? NULL : fdopen(fd, "w");
	if (addresses == NULL)
		return false;
	merge(parts);
	for (size_t i = 0; i < parts->n; i++)
		fprintf(addresses, "0x%llx\n", (unsigned long long)parts->costs[i].address);
	fclose(addresses);
	snprintf(command, sizeof(command), "addr2line -a -f -i -e '%s' <%s", program, list);
	memcpy(sums, parts->known, sizeof(parts->known));
	FILE *answer = popen(command, "r");
	if (answer)
		read_answer(parts, answer, sums);
	bool ok = answer && pclose(answer) == 0;
	remove(list);
	return ok;
}
