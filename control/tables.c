// SPDX-License-Identifier: BSD-3-Clause
#include "tables.h"

#include "gateway_status.h"

static void add(struct tables *tables, enum table table, uint64_t used, uint64_t limit)
{
	tables->used[table] += used;
	tables->limit[table] += limit;
}

void tables_add(struct tables *tables, const struct worker *w)
{
	const struct session_table *sessions = &w->sessions;
	const struct session_limits *limits = &sessions->limits;
	const struct diagnosis_table *diagnoses = sessions->diagnoses;
	uint32_t blocks = evidence_blocks_max(diagnoses->evidence);
	add(tables, TABLE_clients, gauge_get(&sessions->n_sessions), limits->sessions);
	add(tables, TABLE_identities, gauge_get(&sessions->n_identities), limits->identities);
	add(tables, TABLE_histories, gauge_get(&sessions->n_histories), limits->histories);
	add(tables, TABLE_diagnoses,
		gauge_get(&diagnoses->n_open) + gauge_get(&diagnoses->n_closed), diagnoses->n_max);
	add(tables, TABLE_evidence_blocks, blocks - evidence_blocks_free(diagnoses->evidence),
		blocks);
	add(tables, TABLE_aliases, alias_count(w->aliases), alias_max(w->aliases));
	add(tables, TABLE_waiting_lines, alias_waiting(w->aliases), alias_waiting_max(w->aliases));
	add(tables, TABLE_handshakes, handshake_count(w->handshakes), handshake_max(w->handshakes));
	add(tables, TABLE_held_lines, handshake_held(w->handshakes),
		handshake_held_max(w->handshakes));
}

void tables_read(const struct workers *workers, struct tables *out)
{
	*out = (struct tables){0};
	for (unsigned i = 0; i < workers->n; i++)
		tables_add(out, workers->worker[i]);
	add(out, TABLE_gateways, gateways_known(&workers->gateways), workers->gateways.n_max);
}

void tables_note_peaks(const struct workers *workers, uint64_t *high_water)
{
	struct tables now;
	tables_read(workers, &now);
	for (unsigned i = 0; i < TABLE_MAX; i++) {
		if (now.used[i] > high_water[i])
			high_water[i] = now.used[i];
	}
}

json_t *tables_json(const struct tables *tables, const uint64_t *high_water)
{
	static const char *const names[] = {
#define X(name) #name,
		TABLES(X)
#undef X
	};
	json_t *object = json_object();
	for (unsigned i = 0; i < TABLE_MAX; i++) {
		uint64_t used = tables->used[i], limit = tables->limit[i];
		if (limit == 0)
			continue;
		json_t *table = json_pack(
			"{s:I, s:I}", "used", (json_int_t)used, "limit", (json_int_t)limit);
		if (high_water)
			json_object_set_new(table, "high_water",
				json_integer(
					(json_int_t)(used > high_water[i] ? used : high_water[i])));
		json_object_set_new(object, names[i], table);
	}
	return object;
}
