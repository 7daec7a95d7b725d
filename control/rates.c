// SPDX-License-Identifier: BSD-3-Clause
#include "rates.h"

static uint64_t missed_by(const struct port_set *ports)
{
	struct port_stats stats[PORT_LISTEN_MAX];
	uint64_t missed = 0;
	size_t n = ports->internals ? port_stats(ports, stats, PORT_LISTEN_MAX) : 0;
	for (size_t i = 0; i < n; i++)
		missed += stats[i].missed + stats[i].no_mbuf + stats[i].errors +
			  stats[i].left_no_socket;
	return missed;
}

void rates_sample(struct rates *rates, const struct workers *workers, const struct port_set *ports,
	uint64_t steady_ms)
{
	rates->newest = (rates->newest + 1) % RATES_SAMPLES;
	rates->n += rates->n < RATES_SAMPLES;
	struct rates_sample *sample = &rates->samples[rates->newest];
	sample->steady_ms = steady_ms;
	ledger_read_all(workers, &sample->ledger);
	sample->missed = missed_by(ports);
	for (unsigned i = 0; i < workers->n; i++) {
		const struct worker *w = workers->worker[i];
		sample->busy_turns[i] = counter_get(&w->busy_turns);
		sample->turns[i] = sample->busy_turns[i] + counter_get(&w->idle_turns);
	}
}

bool rates_span(const struct rates *rates, unsigned seconds, const struct rates_sample **newest,
	const struct rates_sample **older)
{
	unsigned back = seconds < rates->n ? seconds : rates->n - 1;
	if (rates->n < 2)
		return false;
	*newest = &rates->samples[rates->newest];
	*older = &rates->samples[(rates->newest + RATES_SAMPLES - back) % RATES_SAMPLES];
	return (*newest)->steady_ms > (*older)->steady_ms;
}

static uint64_t matched(const struct ledger *ledger)
{
	return ledger->messages - ledger->unmatched;
}

json_t *rates_json(const struct rates *rates, unsigned seconds)
{
	static const char *const names[] = {"packets", "datagrams", "messages", "asa", "phone",
		"other", "matched", "unmatched", "dropped", "events_dropped", "missed"};
	const struct rates_sample *now, *then;
	bool known = rates_span(rates, seconds, &now, &then);
	uint64_t grown[sizeof(names) / sizeof(names[0])] = {0}, ms = 1;
	if (known) {
		const struct ledger *a = &now->ledger, *b = &then->ledger;
		uint64_t all[] = {a->packets - b->packets, a->datagrams - b->datagrams,
			a->messages - b->messages, a->asa - b->asa, a->phone - b->phone,
			a->other - b->other, matched(a) - matched(b), a->unmatched - b->unmatched,
			ledger_dropped(a) - ledger_dropped(b),
			ledger_events_dropped(a) - ledger_events_dropped(b),
			now->missed - then->missed};
		memcpy(grown, all, sizeof(grown));
		ms = now->steady_ms - then->steady_ms;
	}
	json_t *object = json_object();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_object_set_new(object, names[i],
			known ? json_integer((json_int_t)((grown[i] * 1000 + ms / 2) / ms))
			      : json_null());
	return object;
}
