// SPDX-License-Identifier: BSD-3-Clause
// A text log through the whole path: message, event, handshake, session, diagnosis, and what is
// told in the end. Input: a byte of options, then lines. A line that begins with
//   +N  lets N seconds pass
//   @A  is sent by the address A from here on
//   ~   swaps other rules in
//   ~~  swaps rules in that are freed with the next swap (takes long: once an input)
#include "fuzz.h"

#include <unistd.h>

#include "../../control/collector.h"
#include "../unit/scene_pack.h"

#define TURNS_MAX 100000

static struct vocabulary *vocabulary;
static struct ruleset *kept[2]; // of every run: compiling takes longer than all the rest
static char cache[] = "/tmp/offhook-fuzz-XXXXXX";

// The pack of the unit tests, or that without its last diagnoses: their rules are then gone.
static struct ruleset *compile(bool whole)
{
	struct report report = {0};
	size_t len = sizeof(scene_pack) - 1;
	if (!whole)
		len = (size_t)(strstr(scene_pack, "  - {id: csd,") - scene_pack);
	struct rulepack *pack = rulepack_load_bytes("rules", scene_pack, len, vocabulary, &report);
	struct ruleset *ruleset = pack ? ruleset_compile(pack, cache, &report) : NULL;
	if (ruleset == NULL)
		fputs(report.text, stderr);
	assert(ruleset != NULL);
	return ruleset;
}

static void remove_cache(void)
{
	char command[64];
	snprintf(command, sizeof(command), "rm -r %s", cache);
	if (system(command) != 0)
		perror(cache);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	vocabulary = vocabulary_create();
	assert(mkdtemp(cache) != NULL);
	atexit(remove_cache);
	kept[0] = compile(false);
	kept[1] = compile(true);
	return 0;
}

static const struct worker_limits limits = {.clients = 12,
	.diagnoses = 12,
	.handshakes = 6,
	.gateways = 4,
	.idle_ms = 600 * 1000,
	.expire_ms = 3600 * 1000};

static void turn_all(struct workers *workers, uint64_t now_ms)
{
	bool any = true;
	for (unsigned i = 0; any; i++) {
		assert(i < TURNS_MAX); // events must not go round for ever
		any = false;
		for (unsigned k = 0; k < workers->n; k++)
			any |= worker_turn(workers->worker[k], now_ms, UINT32_MAX);
	}
}

static void finish_all(struct workers *workers, uint64_t now_ms)
{
	bool any = true;
	for (unsigned i = 0; any; i++) {
		assert(i < TURNS_MAX);
		any = false;
		for (unsigned k = 0; k < workers->n; k++)
			any |= worker_finish(workers->worker[k], now_ms);
	}
}

// packets = datagrams + fragments_merged + sum of dropped; messages = sum of by_source.
static void check_ledger(const struct workers *workers, uint64_t packets)
{
	uint64_t all = 0, sum = 0, messages = 0, by_source = 0;
	for (unsigned i = 0; i < workers->n; i++) {
		const struct counters *c = &workers->worker[i]->counters;
		all += counter_get(&c->packets);
		sum += counter_get(&c->datagrams) + counter_get(&c->fragments_merged);
		for (int k = 0; k < DROP_MAX; k++)
			sum += counter_get(&c->dropped[k]);
		messages += counter_get(&c->messages);
		by_source += counter_get(&c->asa) + counter_get(&c->phone) + counter_get(&c->other);
		assert(counter_get(&c->unmatched) <= counter_get(&c->messages));
	}
	assert(all == packets);
	assert(sum == packets);
	assert(messages == by_source);
}

static void check_limits(const struct workers *workers)
{
	for (unsigned i = 0; i < workers->n; i++) {
		const struct session_table *t = &workers->worker[i]->sessions;
		assert(atomic_load(&t->n_sessions) <= t->limits.sessions);
		assert(atomic_load(&t->n_identities) <= t->limits.identities);
		assert(atomic_load(&t->n_phones) <= atomic_load(&t->n_identities));
		assert(atomic_load(&t->high_water) <= t->limits.sessions);
		assert(atomic_load(&t->diagnoses->high_water) <= t->limits.diagnoses);
		assert(atomic_load(&t->diagnoses->n_open) + atomic_load(&t->diagnoses->n_closed) <=
			t->limits.diagnoses);
		assert(handshake_count(workers->worker[i]->handshakes) <=
			limits.handshakes / workers->n + 16);
	}
}

static void check_told(struct collector *collector)
{
	json_t *list = collector_json(collector, LANGUAGE_EN), *object;
	size_t i;
	assert(json_is_array(list));
	json_array_foreach(list, i, object)
	{
		assert(json_is_string(json_object_get(object, "diagnosis")));
		assert(json_is_string(json_object_get(object, "first_seen")));
		assert(json_integer_value(json_object_get(object, "count")) >= 1);
		assert(json_array_size(json_object_get(object, "evidence")) <= EVIDENCE_LINES_MAX);
		const char *begin = json_string_value(json_object_get(object, "first_seen"));
		const char *last = json_string_value(json_object_get(object, "last_seen"));
		assert(strcmp(begin, last) <= 0);
		// Nothing above a suspicion of one who is no phone.
		bool phone = json_is_true(json_object_get(object, "is_phone"));
		const char *scope = json_string_value(json_object_get(object, "scope"));
		if (!phone && strcmp(scope, "phone") == 0)
			assert(strcmp(json_string_value(json_object_get(object, "confidence")),
				       "suspected") == 0);
		char *text = json_dumps(object, JSON_COMPACT);
		assert(text != NULL);
		free(text);
	}
	json_decref(list);
}

static void disown(struct workers *workers)
{
	if (workers->ruleset == kept[0] || workers->ruleset == kept[1])
		workers->ruleset = NULL; // not theirs to free
}

static void reload(struct workers *workers, struct ruleset *ruleset, uint64_t now_ms)
{
	disown(workers);
	assert(workers_publish(workers, ruleset) == 0);
	assert(workers->replaced == NULL);
	for (unsigned i = 0; i < workers->n; i++) {
		worker_enter(workers->worker[i]);
		worker_pass(workers->worker[i], now_ms, UINT32_MAX);
		worker_leave(workers->worker[i]);
	}
}

static void run(struct workers *workers, struct collector *collector, struct slice log)
{
	struct arrival arrival = {.time_ms = 1000, .input = 1};
	uint64_t packets = 0;
	unsigned n = 0, n_reloads = 0, n_compiled = 0;
	while (log.len) {
		const char *end = memchr(log.data, '\n', log.len);
		struct slice line = slice_first(log, end ? (uint32_t)(end - log.data) : log.len);
		log = slice_from(log, line.len + (end != NULL));
		char text[64];
		slice_copy(line, text, sizeof(text));
		if (text[0] == '+') {
			arrival.time_ms += 1000 * (strtoull(text + 1, NULL, 10) % 100000);
		} else if (text[0] == '@') {
			if (!address_parse(slice_of(text + 1), &arrival.sender))
				arrival.sender = (struct address){0};
		} else if (strcmp(text, "~~") == 0 && n_compiled++ == 0) {
			reload(workers, compile(true), arrival.time_ms);
		} else if (text[0] == '~') {
			reload(workers, kept[n_reloads++ % 2], arrival.time_ms);
		} else {
			arrival.time_ms++;
			packets++;
			worker_take_line(workers->worker[n++ % workers->n], line, &arrival);
		}
		turn_all(workers, arrival.time_ms);
		check_limits(workers);
	}
	finish_all(workers, arrival.time_ms);
	assert(collector_take(collector) == 0);
	check_ledger(workers, packets);
	check_limits(workers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct policy policy = {.phone_groups = {"*phone*"}, .n_phone_groups = 1};
	if (size < 1 || size > 16384)
		return 0;
	unsigned n_workers = data[0] % 3 + 1;
	struct workers *workers = workers_create(n_workers, &limits, kept[1], &policy);
	assert(workers != NULL);
	struct collector *collector = collector_create(workers);
	run(workers, collector, (struct slice){(const char *)data + 1, (uint32_t)size - 1});
	check_told(collector);
	collector_destroy(collector);
	disown(workers);
	workers_destroy(workers);
	return 0;
}
