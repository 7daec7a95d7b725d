// SPDX-License-Identifier: BSD-3-Clause
// What the last daemon has left, as somebody may have changed it: a list of gateways, phones and
// diagnoses as JSON. Whatever of it is restored can be told, is found again, and ends in its time.
#include "fuzz.h"

#include "../../control/diagnosis_json.h"
#include "../../control/restore.h"
#include "../unit/scene_pack.h"

#define WORKERS 2
#define DAY_MS (24 * 3600 * 1000ull)

static struct workers *workers;
static uint64_t now_ms = 20000 * DAY_MS;

static struct ruleset *compile(struct vocabulary *vocabulary)
{
	struct report report = {0};
	struct rulepack *pack = rulepack_load_bytes(
		"rules", scene_pack, sizeof(scene_pack) - 1, vocabulary, &report);
	struct ruleset *ruleset = pack ? ruleset_compile(pack, NULL, &report) : NULL;
	assert(ruleset != NULL);
	return ruleset;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	static const struct worker_limits limits = {.clients = 32,
		.diagnoses = 32,
		.handshakes = 16,
		.gateways = 64,
		.idle_ms = 3600 * 1000,
		.expire_ms = DAY_MS};
	static struct policy policy;
	workers = workers_create(WORKERS, &limits, compile(vocabulary_create()), &policy);
	assert(workers != NULL);
	return 0;
}

static void turn(void)
{
	for (unsigned n = 0; n < 4; n++) {
		for (unsigned i = 0; i < WORKERS; i++)
			worker_turn(workers->worker[i], now_ms, UINT32_MAX);
	}
}

static json_t *object_of(struct workers *all, unsigned worker, uint32_t slot)
{
	_Alignas(8) char lines[EVIDENCE_BYTES_MAX];
	struct diagnosis d;
	if (diagnosis_read(all->worker[worker]->sessions.diagnoses, slot, &d, lines) !=
			DIAGNOSIS_READ ||
		d.state != DIAGNOSIS_OPEN)
		return NULL;
	return diagnosis_json(&d, lines, all->ruleset->pack, &all->gateways, LANGUAGE_EN);
}

// Each that is open can be told; returns how many there are.
static unsigned tell_all(void)
{
	unsigned n = 0;
	for (unsigned i = 0; i < WORKERS; i++) {
		uint32_t high = workers->worker[i]->sessions.diagnoses->high_water;
		for (uint32_t slot = 0; slot < high; slot++) {
			json_t *object = object_of(workers, i, slot);
			char *text = object ? json_dumps(object, 0) : NULL;
			assert((object == NULL) == (text == NULL));
			n += object != NULL;
			free(text);
			json_decref(object);
		}
	}
	return n;
}

static void restore_list(const json_t *list)
{
	struct roster *roster = roster_create(workers, NULL);
	struct restoring *r = restoring_begin(workers, roster, now_ms);
	struct restored restored;
	size_t i;
	json_t *object;
	json_array_foreach((json_t *)list, i, object) restoring_gateway(r,
		json_string_value(json_object_get(object, "name"))
			? json_string_value(json_object_get(object, "name"))
			: "",
		object);
	json_array_foreach((json_t *)list, i, object) restoring_phone(r, "key", object);
	json_array_foreach((json_t *)list, i, object) restoring_subject(r, object);
	json_array_foreach((json_t *)list, i, object) restoring_diagnosis(r, object);
	restoring_end(r, &restored);
	unsigned n = tell_all();
	assert(restored.n_diagnoses >= n);
	for (unsigned k = 0; k < 20; k++)
		roster_step(roster, now_ms += 100);
	roster_destroy(roster);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *list = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
	if (json_is_array(list) && json_array_size(list) < 64)
		restore_list(list);
	json_decref(list);
	// All of it ends, for the next one.
	for (unsigned n = 0; n < 3; n++) {
		now_ms += 40 * DAY_MS;
		turn();
	}
	assert(tell_all() == 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		assert(gauge_get(&workers->worker[i]->sessions.n_phones) == 0);
		assert(gauge_get(&workers->worker[i]->sessions.n_identities) == 0);
	}
	return 0;
}
