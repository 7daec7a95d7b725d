// SPDX-License-Identifier: BSD-3-Clause
#include "port_status.h"

#include "log.h"
#include "text.h"

size_t ports_read(const struct daemon *daemon, struct port_stats *stats)
{
	return daemon->ports.internals ? port_stats(&daemon->ports, stats, PORT_LISTEN_MAX) : 0;
}

json_t *ports_json(const struct daemon *daemon)
{
	struct port_stats stats[PORT_LISTEN_MAX];
	size_t n = ports_read(daemon, stats);
	json_t *ports = json_array();
	for (size_t i = 0; i < n; i++) {
		const struct port_stats *p = &stats[i];
		json_array_append_new(
			ports, json_pack("{s:o, s:o, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
				       "port", json_text(slice_of(p->name)), "driver",
				       json_text(slice_of(p->driver)), "state", p->state, "queues",
				       (int)p->n_queues, "received", (json_int_t)p->received,
				       "missed", (json_int_t)p->missed, "no_mbuf",
				       (json_int_t)p->no_mbuf, "errors", (json_int_t)p->errors,
				       "left_fragmented", (json_int_t)p->left_fragmented,
				       "left_too_long", (json_int_t)p->left_too_long,
				       "left_no_socket", (json_int_t)p->left_no_socket));
	}
	return ports;
}

static const char *advice(const char *state)
{
	return strcmp(state, "gone") == 0 ? ": start offhookd again when it is back" : "";
}

void ports_tick(struct daemon *daemon)
{
	struct port_stats stats[PORT_LISTEN_MAX];
	size_t n = ports_read(daemon, stats);
	for (size_t i = 0; i < n; i++) {
		const char *before = daemon->port_states[i] ? daemon->port_states[i] : "up";
		if (strcmp(before, stats[i].state) != 0)
			log_line(strcmp(stats[i].state, "up") == 0 ? LOG_NOTICE : LOG_ERROR,
				"%s: is %s%s", stats[i].name, stats[i].state,
				advice(stats[i].state));
		daemon->port_states[i] = stats[i].state;
	}
}
