// SPDX-License-Identifier: BSD-3-Clause
#include "halt_readers.h"

#include "../../dataplane/accepted.h"
#include "../unit/unit.h"

// Records of one worker that are half written, by what halts in the middle of them.
struct torn {
	unsigned n[HALT_MAX];
};

static bool is_odd(const _Atomic(uint32_t) *sequence)
{
	return atomic_load_explicit(sequence, memory_order_acquire) & 1;
}

// A phone's user and its device name each other: half of one phone and half of another do not.
static void are_of_one(const struct device *device, const char *user)
{
	char text[DEVICE_TEXT_MAX];
	if (!device_is_none(device) && user[0])
		assert_non_null(strstr(user, device_format(device, text)));
}

static void read_sessions(const struct session_table *t, struct torn *torn)
{
	struct session session;
	struct identity identity;
	struct line_buffer line;
	for (uint32_t i = 0; i < atomic_load(&t->high_water); i++) {
		bool odd = torn && is_odd(&t->sequences[i]);
		bool read = session_read(t, i, &session);
		if (odd) {
			torn->n[HALT_session_half]++;
			assert_false(read);
		}
		if (!read)
			continue;
		assert_in_range(session.key.kind, KEY_CLIENT, KEY_GATEWAY);
		assert_true(session.first_ms <= session.last_ms);
		assert_true(session.n_phones <= session.n_identities);
		if (session_line_read(t, session.last_line, &line))
			assert_true(line.line.line_len <= EVENT_LINE_MAX);
	}
	for (uint32_t i = 0; i < t->limits.identities; i++) {
		bool odd = torn && is_odd(&t->identity_sequences[i]);
		bool read = identity_read(t, i, &identity);
		if (odd) {
			torn->n[HALT_identity_half]++;
			assert_false(read);
		}
		if (read)
			are_of_one(&identity.device, identity.user);
	}
}

static void read_diagnoses(const struct diagnosis_table *t, struct torn *torn)
{
	_Alignas(8) static char lines[EVIDENCE_BYTES_MAX];
	struct diagnosis d;
	for (uint32_t i = 0; i < atomic_load(&t->high_water); i++) {
		bool odd = torn && is_odd(&t->sequences[i]);
		enum diagnosis_reading reading = diagnosis_read(t, i, &d, lines);
		if (odd) {
			torn->n[HALT_diagnosis_half]++;
			assert_int_equal(reading, DIAGNOSIS_BUSY);
		} else if (torn) {
			assert_int_not_equal(reading, DIAGNOSIS_BUSY);
		}
		if (reading != DIAGNOSIS_READ)
			continue;
		uint32_t offset = 0, n = 0;
		while (evidence_line(lines, d.evidence.bytes, &offset))
			n++;
		assert_int_equal(n, d.evidence.n_lines);
		assert_true(d.first_ms <= d.last_ms);
		are_of_one(&d.device, d.user);
	}
}

static void read_accepted(const struct gateway_table *t, unsigned worker, struct torn *torn)
{
	struct accepted_value values[ACCEPTED_OF_GATEWAY_MAX];
	for (unsigned i = 0; i < t->n_max; i++) {
		const struct accepted *part = &t->accepted[worker * t->n_max + i];
		if (torn)
			torn->n[HALT_accepted_half] += is_odd(&part->sequence);
		unsigned n = accepted_read(t, (uint16_t)i, values, ACCEPTED_OF_GATEWAY_MAX);
		for (unsigned k = 0; k < n; k++) {
			assert_int_equal(values[k].len, 40);
			assert_true(values[k].first_ms <= values[k].last_ms);
			assert_int_equal(strncmp(values[k].text, values[k].text + 1, 38), 0);
		}
	}
}

static void read_gateways(const struct gateway_table *t, unsigned worker, struct torn *torn)
{
	unsigned part = t->n_max / t->n_workers;
	struct gateway_stamp stamp;
	struct gateway_fact_line fact;
	for (unsigned i = worker * part; i < (worker + 1) * part; i++) {
		const struct gateway *g = &t->gateways[i];
		bool odd = torn && is_odd(&g->stamp_sequence);
		bool read = gateway_stamp_read(g, &stamp);
		if (odd) {
			torn->n[HALT_gateway_stamp_half]++;
			assert_false(read);
		}
		if (read)
			assert_true(stamp.len <= EVENT_STAMP_MAX);
		for (unsigned k = 0; torn && k < GATEWAY_FACTS_MAX; k++)
			torn->n[HALT_gateway_fact_half] += is_odd(&g->facts[k].sequence);
		for (uint16_t event = 0; event < 64; event++) {
			if (gateway_fact_read(t, (uint16_t)i, event, &fact))
				assert_true(fact.len <= sizeof(fact.text));
		}
		struct slice name = gateway_name(t, (uint16_t)i);
		assert_true(name.len == 0 || slice_starts(name, "fw"));
	}
}

void halt_readers_check(const struct workers *workers, unsigned halted, enum halt where)
{
	struct torn torn = {0};
	for (unsigned i = 0; i < workers->n; i++) {
		struct torn *look = i == halted ? &torn : NULL;
		const struct session_table *t = &workers->worker[i]->sessions;
		read_sessions(t, look);
		read_diagnoses(t->diagnoses, look);
		read_gateways(&workers->gateways, i, look);
		read_accepted(&workers->gateways, i, look);
	}
	static const enum halt records[] = {HALT_session_half, HALT_identity_half,
		HALT_diagnosis_half, HALT_gateway_stamp_half, HALT_gateway_fact_half,
		HALT_accepted_half};
	for (unsigned i = 0; i < N(records); i++)
		assert_int_equal(torn.n[records[i]], records[i] == where);
}
