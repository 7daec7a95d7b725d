// SPDX-License-Identifier: BSD-3-Clause
// From a line to its diagnosis nothing is allocated: all room is there from the start.
#include "unit.h"

#include <jemalloc/jemalloc.h>

#include "../../control/pack.h"
#include "../../dataplane/worker.h"

#define HEADERS_LEN 42 // of a frame of the capture: Ethernet, IPv4, UDP
#define SENDER_OFFSET 26
#define STRANGERS 20000

static const struct worker_limits limits = {.clients = 4096,
	.diagnoses = 1024,
	.handshakes = 256,
	.gateways = 32,
	.idle_ms = 3600 * 1000,
	.expire_ms = 24 * 3600 * 1000};

// What this thread has ever asked for, bytes.
static uint64_t allocated(void)
{
	uint64_t bytes = 0;
	size_t size = sizeof(bytes);
	assert_int_equal(mallctl("thread.allocated", &bytes, &size, NULL, 0), 0);
	return bytes;
}

static struct slice read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	char *bytes = malloc(8 << 20);
	assert_non_null(bytes);
	size_t len = fread(bytes, 1, 8 << 20, file);
	assert_in_range(len, 1000, (8 << 20) - 1);
	fclose(file);
	return (struct slice){bytes, (uint32_t)len};
}

static uint32_t word_at(const char *bytes)
{
	uint32_t word;
	memcpy(&word, bytes, sizeof(word));
	return word;
}

static void turn_all(struct workers *workers, uint64_t now_ms)
{
	for (bool any = true; any;) {
		any = false;
		for (unsigned i = 0; i < workers->n; i++)
			any |= worker_turn(workers->worker[i], now_ms, UINT32_MAX);
	}
}

static void take(struct workers *workers, struct slice line, const struct arrival *arrival)
{
	unsigned sender = arrival->sender.bytes[15];
	worker_take_line(workers->worker[sender % workers->n], line, arrival);
	turn_all(workers, arrival->time_ms);
}

// Returns the time of the last packet.
static uint64_t play_capture(struct workers *workers, struct slice capture)
{
	struct arrival arrival = {0};
	for (uint32_t at = 24; at < capture.len;) {
		const char *header = capture.data + at, *frame = header + 16;
		uint32_t len = word_at(header + 8);
		arrival.time_ms = word_at(header) * 1000ull + word_at(header + 4) / 1000;
		arrival.sender = address_of_ipv4(word_at(frame + SENDER_OFFSET));
		take(workers, (struct slice){frame + HEADERS_LEN, len - HEADERS_LEN}, &arrival);
		at += 16 + len;
	}
	return arrival.time_ms;
}

// More clients, users, handshakes and names than there is room for.
static void play_strangers(struct workers *workers, uint64_t now_ms)
{
	struct arrival arrival = {.time_ms = now_ms};
	for (unsigned i = 0; i < STRANGERS; i++) {
		char lines[3][200];
		unsigned a = i >> 8 & 255, b = i & 255;
		snprintf(lines[0], sizeof(lines[0]),
			"<166>fw1 : %%ASA-6-725001: Starting SSL handshake with client "
			"outside:203.%u.%u.1/9 to 198.51.100.10/443 for TLSv1 session",
			a, b);
		snprintf(lines[1], sizeof(lines[1]),
			"<166>fw%u : %%ASA-4-724002: Group <G> User <u%u> IP <203.%u.%u.1> WebVPN session "
			"not terminated. Cisco Secure Desktop was not running on the client's "
			"workstation.",
			i % 50, i, a, b);
		snprintf(lines[2], sizeof(lines[2]),
			"<166>fw1 : %%ASA-6-113013: AAA unable to complete the request Error : reason = "
			"Simultaneous logins exceeded for user : user = nobody%u",
			i);
		for (unsigned k = 0; k < N(lines); k++)
			take(workers, slice_of(lines[k]), &arrival);
		arrival.time_ms += 7;
	}
	turn_all(workers, arrival.time_ms + 48 * 3600 * 1000ull); // all of it expires
}

static uint64_t counted(const struct workers *workers, size_t offset)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < workers->n; i++)
		n += counter_get(
			(const counter_t *)((const char *)&workers->worker[i]->counters + offset));
	return n;
}

static void what_is_asked_for_is_seen(void **state)
{
	(void)state;
	uint64_t before = allocated();
	char *volatile block = malloc(100);
	assert_true(allocated() > before);
	free(block);
}

static void from_line_to_diagnosis_nothing_is_allocated(void **state)
{
	(void)state;
	struct report report = {0};
	struct policy policy = {.phone_groups = {"*phone*"}, .n_phone_groups = 1};
	struct slice capture = read_file(CATALOGUE);
	for (unsigned n = 1; n <= 3; n++) {
		struct vocabulary *vocabulary = vocabulary_create();
		struct ruleset *ruleset = pack_load(RULES, pack_cache_dir(), vocabulary, &report);
		assert_non_null(ruleset);
		struct workers *workers = workers_create(n, &limits, ruleset, &policy);
		assert_non_null(workers);

		uint64_t before = allocated();
		uint64_t now_ms = play_capture(workers, capture);
		play_strangers(workers, now_ms);
		uint64_t after = allocated();

		assert_int_equal(after - before, 0);
		assert_int_equal(
			counted(workers, offsetof(struct counters, messages)), 694 + 3 * STRANGERS);
		uint64_t diagnoses = 0;
		for (unsigned i = 0; i < n; i++)
			diagnoses += workers->worker[i]->sessions.diagnoses->n_ever;
		assert_true(diagnoses > 1000);
		assert_true(counted(workers, offsetof(struct counters, sessions_evicted)) > 0);
		workers_destroy(workers);
		vocabulary_destroy(vocabulary);
	}
	free((char *)capture.data);
	report_fini(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked_for_is_seen),
		cmocka_unit_test(from_line_to_diagnosis_nothing_is_allocated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
