// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../control/collector.h"
#include "scene.h"

struct scene {
	struct vocabulary *vocabulary;
	struct policy policy;
	struct workers *workers;
	struct collector *collector;
	json_t *told;
	uint64_t now_ms;
};

static struct ruleset *compile(struct vocabulary *vocabulary, const char *text)
{
	struct report report = {0};
	struct rulepack *pack =
		rulepack_load_bytes("scene", text, strlen(text), vocabulary, &report);
	struct ruleset *ruleset = pack ? ruleset_compile(pack, NULL, &report) : NULL;
	if (ruleset == NULL)
		print_error("%s", report.text);
	assert_non_null(ruleset);
	report_fini(&report);
	return ruleset;
}

struct scene *scene_create(const char *pack, unsigned n_workers, const struct worker_limits *limits)
{
	static const struct worker_limits small = {.clients = 256,
		.diagnoses = 256,
		.handshakes = 256,
		.gateways = 32,
		.idle_ms = 3600 * 1000,
		.expire_ms = 24 * 3600 * 1000};
	struct scene *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->policy.phone_groups[s->policy.n_phone_groups++] = "*phone*";
	s->policy.relays[0].prefix = 128;
	assert_true(address_parse(slice_of("192.0.2.250"), &s->policy.relays[0].address));
	s->policy.n_relays = 1;
	s->vocabulary = vocabulary_create();
	s->workers = workers_create(
		n_workers, limits ? limits : &small, compile(s->vocabulary, pack), &s->policy);
	assert_non_null(s->workers);
	s->collector = collector_create(s->workers);
	assert_non_null(s->collector);
	s->now_ms = 1000;
	return s;
}

void scene_destroy(struct scene *s)
{
	json_decref(s->told);
	collector_destroy(s->collector);
	workers_destroy(s->workers);
	vocabulary_destroy(s->vocabulary);
	free(s);
}

struct workers *scene_workers(struct scene *s)
{
	return s->workers;
}

static void turn(struct scene *s)
{
	for (bool any = true; any;) {
		any = false;
		for (unsigned i = 0; i < s->workers->n; i++)
			any |= worker_turn(s->workers->worker[i], s->now_ms, UINT32_MAX);
	}
	assert_int_equal(collector_take(s->collector), 0);
}

void scene_wait(struct scene *s, uint64_t ms)
{
	s->now_ms += ms;
	turn(s);
}

void scene_line_from(struct scene *s, const char *sender, const char *line)
{
	struct arrival arrival = {.time_ms = s->now_ms};
	unsigned worker = 0;
	if (sender)
		assert_true(address_parse(slice_of(sender), &arrival.sender));
	else
		arrival.input = 1;
	for (const char *c = sender; c && *c; c++)
		worker += (unsigned char)*c;
	worker_take_line(s->workers->worker[worker % s->workers->n], slice_of(line), &arrival);
	turn(s);
	s->now_ms++;
}

void scene_line(struct scene *s, const char *line)
{
	scene_line_from(s, NULL, line);
}

void scene_swap(struct scene *s, const char *pack)
{
	assert_int_equal(workers_publish(s->workers, compile(s->vocabulary, pack)), 0);
	while (!workers_retire(s->workers))
		;
}

void scene_reload(struct scene *s, const char *pack)
{
	scene_swap(s, pack);
	for (unsigned i = 0; i < s->workers->n; i++) {
		worker_enter(s->workers->worker[i]);
		worker_pass(s->workers->worker[i], s->now_ms, 0);
		worker_leave(s->workers->worker[i]);
	}
}

void scene_finish(struct scene *s)
{
	for (bool any = true; any;) {
		any = false;
		for (unsigned i = 0; i < s->workers->n; i++)
			any |= worker_finish(s->workers->worker[i], s->now_ms);
	}
	assert_int_equal(collector_take(s->collector), 0);
}

const json_t *scene_told(struct scene *s)
{
	json_decref(s->told);
	s->told = collector_json(s->collector, LANGUAGE_EN);
	return s->told;
}

static bool is_named(const json_t *object, const char *diagnosis)
{
	return diagnosis == NULL ||
	       strcmp(json_string_value(json_object_get(object, "diagnosis")), diagnosis) == 0;
}

unsigned scene_count(struct scene *s, const char *diagnosis)
{
	const json_t *told = scene_told(s);
	unsigned n = 0;
	for (size_t i = 0; i < json_array_size(told); i++)
		n += is_named(json_array_get(told, i), diagnosis);
	return n;
}

const json_t *scene_only(struct scene *s, const char *diagnosis)
{
	const json_t *told = scene_told(s), *found = NULL;
	for (size_t i = 0; i < json_array_size(told); i++) {
		if (!is_named(json_array_get(told, i), diagnosis))
			continue;
		if (found)
			fail_msg("%s stands twice", diagnosis);
		found = json_array_get(told, i);
	}
	if (found == NULL)
		fail_msg("no %s", diagnosis);
	return found;
}

uint64_t scene_dropped(struct scene *s, enum event_drop reason)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < s->workers->n; i++)
		n += counter_get(&s->workers->worker[i]->counters.events_dropped[reason]);
	return n;
}
