// SPDX-License-Identifier: BSD-3-Clause
#include "asa_codes.h"

#include <stdio.h>

#define STEP 10000 // ids that one step looks at: some 10 us a worker

static void add(struct asa_codes *codes, uint32_t id, uint64_t count)
{
	if (codes->n == ASA_CODES_TOP && codes->top[codes->n - 1].count >= count)
		return;
	unsigned at = codes->n < ASA_CODES_TOP ? codes->n++ : codes->n - 1;
	for (; at > 0 && codes->top[at - 1].count < count; at--)
		codes->top[at] = codes->top[at - 1];
	codes->top[at] = (struct asa_code){id, count};
}

uint64_t asa_codes_count(const struct workers *workers, uint32_t id)
{
	uint64_t count = 0;
	for (unsigned i = 0; i < workers->n; i++)
		count += counter_get(&workers->worker[i]->asa_codes[id]);
	return count;
}

bool asa_codes_step(struct asa_codes *codes, const struct workers *workers)
{
	uint32_t end = codes->next + STEP < ASA_ID_MAX ? codes->next + STEP : ASA_ID_MAX;
	for (uint32_t id = codes->next; id < end; id++) {
		uint64_t count = asa_codes_count(workers, id);
		if (count)
			add(codes, id, count);
	}
	codes->next = end;
	return end < ASA_ID_MAX;
}

static void set_code(json_t *object, uint32_t id, uint64_t count)
{
	char name[12];
	snprintf(name, sizeof(name), "%06u", id);
	json_object_set_new(object, name, json_integer((json_int_t)count));
}

json_t *asa_codes_json(const struct asa_codes *codes)
{
	json_t *object = json_object();
	for (unsigned i = 0; i < codes->n; i++)
		set_code(object, codes->top[i].id, codes->top[i].count);
	return object;
}

json_t *asa_codes_all_json(const struct workers *workers)
{
	json_t *object = json_object();
	for (uint32_t id = 0; id < ASA_ID_MAX; id++) {
		uint64_t count = asa_codes_count(workers, id);
		if (count)
			set_code(object, id, count);
	}
	return object;
}
