// SPDX-License-Identifier: BSD-3-Clause
// Workers on threads of their own, with control reading, and swapping the rules, at the same time.
// Meant for ThreadSanitizer; without it the counts alone are looked at.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "../../control/roster.h"
#include "scene.h"
#include "scene_pack.h"

#define WORKERS 3
#define ROUNDS 60
#define PHONES 30
#define LINES_OF_PHONE 4

static atomic_bool stop;
static atomic_uint done;

struct player {
	struct worker *worker;
	unsigned number;
};

// Each worker receives the lines of one gateway; the phones of all of them are everybody's.
static void play_phone(struct worker *w, unsigned gateway, unsigned phone, uint64_t now_ms)
{
	char line[LINES_OF_PHONE][300];
	struct arrival arrival = {.time_ms = now_ms};
	address_parse(slice_of("10.0.0.1"), &arrival.sender);
	snprintf(line[0], sizeof(line[0]),
		"fw%u : %%ASA-7-725012: Device chooses cipher : A for the SSL session "
		"with client outside:192.0.%u.%u/7",
		gateway, gateway, phone);
	snprintf(line[1], sizeof(line[1]),
		"fw%u : %%ASA-7-725014: SSL lib error. Function: F Reason: tlsv1 "
		"alert unknown ca",
		gateway);
	snprintf(line[2], sizeof(line[2]),
		"fw%u : %%ASA-6-725006: Device failed SSL handshake with client "
		"outside:192.0.%u.%u/7",
		gateway, gateway, phone);
	snprintf(line[3], sizeof(line[3]),
		"SEP8CB64F57%02X%02X 2: ERR 10:00:00.2 VPNC: VPN cert chain "
		"verification failed",
		gateway, phone);
	for (unsigned i = 0; i < LINES_OF_PHONE; i++)
		worker_take_line(w, slice_of(line[i]), &arrival);
}

static void *play(void *argument)
{
	struct player *player = argument;
	struct worker *w = player->worker;
	uint64_t now_ms = 1000;
	worker_enter(w);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned phone = 1; phone <= PHONES; phone++) {
			play_phone(w, player->number, phone, now_ms);
			worker_pass(w, now_ms, 64);
			now_ms += 10;
			sched_yield();
		}
	}
	atomic_fetch_add(&done, 1);
	while (!atomic_load(&stop)) {
		worker_pass(w, now_ms, 64);
		sched_yield();
	}
	worker_leave(w);
	return NULL;
}

// What `status` and `phone` read, while it changes.
static void look_around(struct workers *all)
{
	_Alignas(8) char lines[EVIDENCE_BYTES_MAX];
	for (unsigned i = 0; i < all->n; i++) {
		struct session_table *table = &all->worker[i]->sessions;
		struct session session;
		struct identity identity;
		struct diagnosis diagnosis;
		struct line_buffer line;
		for (uint32_t at = 0; at < atomic_load(&table->high_water); at++) {
			if (!session_read(table, at, &session))
				continue;
			assert_true(session.key.kind >= KEY_CLIENT);
			assert_true(session.key.kind <= KEY_GATEWAY);
			if (session_line_read(table, session.last_line, &line))
				assert_true(line.line.line_len <= EVENT_LINE_MAX);
		}
		for (uint32_t at = 0; at < table->limits.identities; at++) {
			if (identity_read(table, at, &identity))
				assert_true(identity.number <= IDENTITIES_MAX);
		}
		for (uint32_t at = 0; at < atomic_load(&table->diagnoses->high_water); at++) {
			if (diagnosis_read(table->diagnoses, at, &diagnosis, lines) !=
				DIAGNOSIS_READ)
				continue;
			uint32_t offset = 0, n = 0;
			while (evidence_line(lines, diagnosis.evidence.bytes, &offset))
				n++;
			assert_int_equal(n, diagnosis.evidence.n_lines);
		}
		assert_true(gateway_name(&all->gateways, (uint16_t)i).len <= GATEWAY_NAME_MAX);
	}
}

// A part of the walk over all phones; the clock goes fast.
static void walk_on(struct roster *roster, uint64_t *now_ms)
{
	for (unsigned i = 0; i < 100; i++) {
		roster_step(roster, *now_ms);
		*now_ms += 10;
	}
}

static void control_reads_and_reloads_while_workers_work(void **state)
{
	(void)state;
	struct scene *s = scene_create(scene_pack, WORKERS, NULL);
	struct workers *all = scene_workers(s);
	struct player players[WORKERS];
	pthread_t threads[WORKERS];
	for (unsigned i = 0; i < WORKERS; i++) {
		players[i] = (struct player){all->worker[i], i};
		assert_int_equal(pthread_create(&threads[i], NULL, play, &players[i]), 0);
	}
	unsigned n_reloads = 0;
	uint64_t roster_ms = 1000;
	struct roster *roster = roster_create(all, NULL);
	assert_non_null(roster);
	while (atomic_load(&done) < WORKERS) {
		look_around(all);
		walk_on(roster, &roster_ms);
		scene_told(s);
		if (n_reloads < 10) {
			scene_swap(s, scene_pack);
			n_reloads++;
		}
	}
	// What is on its way between them arrives.
	for (int i = 0; i < 1000; i++)
		sched_yield();
	atomic_store(&stop, true);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	scene_finish(s);
	uint64_t messages = 0, lost = 0;
	for (unsigned i = 0; i < WORKERS; i++) {
		messages += counter_get(&all->worker[i]->counters.messages);
		lost += counter_get(
			&all->worker[i]->counters.events_dropped[EVENT_DROP_exchange_full]);
	}
	assert_int_equal(messages, WORKERS * ROUNDS * PHONES * LINES_OF_PHONE);
	for (unsigned i = 0; i < 10; i++)
		walk_on(roster, &roster_ms);
	assert_true(roster_stats(roster).n_rounds > 1);
	if (lost == 0) {
		assert_int_equal(roster_stats(roster).n_phones, WORKERS * PHONES);
		// Each phone has one from its gateway's lines and one from its own, which has no
		// address.
		assert_int_equal(scene_count(s, "hash-mismatch"), 2 * WORKERS * PHONES);
	}
	roster_destroy(roster);
	scene_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_reads_and_reloads_while_workers_work),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
