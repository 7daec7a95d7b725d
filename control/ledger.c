// SPDX-License-Identifier: BSD-3-Clause
#include "ledger.h"

#include "../dataplane/datagram.h"

#define READ_TRIES 8
// What one step of a worker can leave uncounted for a moment: all that its reassembly gives up.
#define BETWEEN_MAX DATAGRAM_HELD_MAX

static uint64_t sum(const uint64_t *values, size_t n)
{
	uint64_t total = 0;
	for (size_t i = 0; i < n; i++)
		total += values[i];
	return total;
}

uint64_t ledger_dropped(const struct ledger *ledger)
{
	return sum(ledger->dropped, DROP_MAX);
}

uint64_t ledger_events_dropped(const struct ledger *ledger)
{
	return sum(ledger->events_dropped, EVENT_DROP_MAX);
}

static uint64_t packets_accounted(const struct ledger *l)
{
	return l->datagrams + l->fragments_merged + ledger_dropped(l);
}

static uint64_t messages_accounted(const struct ledger *l)
{
	return l->asa + l->phone + l->other;
}

static void copy(const struct counters *counters, struct ledger *out)
{
#define X(name, help) out->name = counter_get(&counters->name);
	COUNTERS(X)
#undef X
	for (unsigned i = 0; i < DROP_MAX; i++)
		out->dropped[i] = counter_get(&counters->dropped[i]);
	for (unsigned i = 0; i < EVENT_DROP_MAX; i++)
		out->events_dropped[i] = counter_get(&counters->events_dropped[i]);
}

static bool is_near(uint64_t sum_now, uint64_t before, uint64_t after)
{
	return sum_now + BETWEEN_MAX >= before && sum_now <= after + BETWEEN_MAX;
}

void ledger_read(const struct counters *counters, struct ledger *out)
{
	bool moved = true;
	for (unsigned tries = 0; tries < READ_TRIES; tries++) {
		copy(counters, out);
		uint64_t packets = counter_get(&counters->packets);
		uint64_t messages = counter_get(&counters->messages);
		moved = packets != out->packets || messages != out->messages;
		uint64_t fates = packets_accounted(out), sources = messages_accounted(out);
		out->is_exact = is_near(fates, out->packets, packets) &&
				is_near(sources, out->messages, messages);
		bool adds_up = fates == out->packets && sources == out->messages;
		if (!moved && adds_up)
			return;
		// Standing still without adding up is no matter of timing.
		out->is_exact &= moved || adds_up;
	}
	if (!out->is_exact)
		return;
	out->packets = packets_accounted(out);
	out->messages = messages_accounted(out);
}

void ledger_read_all(const struct workers *workers, struct ledger *out)
{
	*out = (struct ledger){.is_exact = true};
	for (unsigned i = 0; i < workers->n; i++) {
		struct ledger one;
		ledger_read(&workers->worker[i]->counters, &one);
#define X(name, help) out->name += one.name;
		COUNTERS(X)
#undef X
		for (unsigned k = 0; k < DROP_MAX; k++)
			out->dropped[k] += one.dropped[k];
		for (unsigned k = 0; k < EVENT_DROP_MAX; k++)
			out->events_dropped[k] += one.events_dropped[k];
		out->is_exact &= one.is_exact;
	}
}

const char *const event_drop_names[EVENT_DROP_MAX] = {
#define X(name, help) [EVENT_DROP_##name] = #name,
	EVENT_DROPS(X)
#undef X
};

bool event_drop_is_for_room(enum event_drop reason)
{
	return reason == EVENT_DROP_exchange_full || reason == EVENT_DROP_waiting_full ||
	       reason == EVENT_DROP_gateways_full || reason == EVENT_DROP_sessions_full ||
	       reason == EVENT_DROP_identities_full || reason == EVENT_DROP_evidence_full ||
	       reason == EVENT_DROP_histories_full || reason == EVENT_DROP_diagnoses_full;
}

static void set(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

json_t *ledger_json(const struct ledger *ledger)
{
	json_t *all = json_object(), *sources = json_object();
	json_t *dropped = json_object(), *events_dropped = json_object();
#define X(name, help) set(all, #name, ledger->name);
	COUNTERS(X)
#undef X
	// The sources stand together, as they do in `replay --stats`.
	set(sources, "asa", ledger->asa);
	set(sources, "phone", ledger->phone);
	set(sources, "other", ledger->other);
	json_object_del(all, "asa");
	json_object_del(all, "phone");
	json_object_del(all, "other");
#define X(name, help) set(dropped, #name, ledger->dropped[DROP_##name]);
	DROPS(X)
#undef X
#define X(name, help) set(events_dropped, #name, ledger->events_dropped[EVENT_DROP_##name]);
	EVENT_DROPS(X)
#undef X
	json_object_set_new(all, "by_source", sources);
	json_object_set_new(all, "dropped", dropped);
	json_object_set_new(all, "events_dropped", events_dropped);
	return all;
}

json_t *ledger_events_json(const struct workers *workers, const struct registry *names)
{
	json_t *events = json_object();
	for (unsigned event = 0; event < registry_count(names); event++) {
		uint64_t n = 0;
		for (unsigned i = 0; i < workers->n; i++)
			n += counter_get(&workers->worker[i]->events[event]);
		if (n)
			set(events, registry_name(names, (uint16_t)event), n);
	}
	return events;
}
