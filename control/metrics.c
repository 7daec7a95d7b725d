// SPDX-License-Identifier: BSD-3-Clause
#include "metrics.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_version.h>

#include "../rules/compile.h"
#include "asa_codes.h"
#include "gateway_status.h"
#include "health.h"
#include "memory.h"
#include "port_status.h"
#include "revision.h" // made by meson
#include "server.h"

// What is known of the gateways of one label.
struct gateway_facts {
	double clock_off_s; // the largest of them
	uint64_t last_ms;   // the latest
	unsigned n_ok, n_failing, n_unknown;
};

struct metrics {
	const struct daemon *daemon;
	struct metrics_source source;
	struct label_set *gateways;
	uint16_t *places; // of the labels, by gateway; 0: not yet, or `other`
	struct told *told;
	struct gateway_facts *facts; // by label, for one scrape
};

#define QUEUES_MAX (WORKERS_MAX + PORT_LISTEN_MAX)

// What the samples of one scrape are read from: each source once, so that the figures fit.
struct scrape {
	struct exposition out;
	const struct daemon *daemon;
	const struct metrics *metrics;
	struct ledger ledger;
	struct tables tables;
	struct port_stats ports[PORT_LISTEN_MAX];
	size_t n_ports;
	struct port_queue_stats queues[QUEUES_MAX];
	size_t n_queues;
	struct outlet_status outlets[OUTLETS_MAX];
	size_t n_outlets;
	json_t *memory, *control, *journal, *health;
};

// ---- life ----

// Which gateways, diagnoses and alerts there are now.
static void learn(struct metrics *metrics)
{
	const struct gateway_table *table = &metrics->daemon->workers->gateways;
	const struct rulepack *pack = metrics->daemon->workers->ruleset->pack;
	for (uint16_t i = 0; i < table->n_max; i++) {
		if (metrics->places[i] == 0 && table->gateways[i].in_use)
			metrics->places[i] = (uint16_t)label_set_place(
				metrics->gateways, gateway_name(table, i));
	}
	for (unsigned i = 0; i < pack->n_diagnoses; i++)
		told_know_diagnosis(metrics->told, pack->diagnoses[i].id);
	for (unsigned i = 0; i < pack->n_alerts; i++)
		told_know_alert(metrics->told, pack->alerts[i].id);
}

struct metrics *metrics_create(const struct daemon *daemon, const struct metrics_source *source)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));
	if (metrics == NULL)
		return NULL;
	metrics->daemon = daemon;
	metrics->source = source ? *source : (struct metrics_source){0};
	metrics->gateways = label_set_create(METRICS_GATEWAYS_MAX);
	if (metrics->gateways)
		metrics->told = told_create(metrics->gateways, daemon->config.limits.diagnoses);
	metrics->places = calloc(daemon->workers->gateways.n_max, sizeof(*metrics->places));
	metrics->facts = calloc(METRICS_GATEWAYS_MAX + 1, sizeof(*metrics->facts));
	if (metrics->told == NULL || metrics->places == NULL || metrics->facts == NULL) {
		metrics_destroy(metrics);
		return NULL;
	}
	learn(metrics);
	return metrics;
}

void metrics_destroy(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	told_destroy(metrics->told);
	label_set_destroy(metrics->gateways);
	free(metrics->places);
	free(metrics->facts);
	free(metrics);
}

const struct metrics_source *metrics_source(const struct metrics *metrics)
{
	return &metrics->source;
}

// ---- what is noted ----

void metrics_note_diagnosis(struct metrics *metrics, const json_t *diagnosis)
{
	if (metrics)
		told_diagnosis(metrics->told, diagnosis, false);
}

void metrics_note_restored(struct metrics *metrics, const json_t *diagnosis)
{
	if (metrics)
		told_diagnosis(metrics->told, diagnosis, true);
}

void metrics_note_alert(struct metrics *metrics, const json_t *alert)
{
	if (metrics)
		told_alert(metrics->told, alert);
}

void metrics_note_latency(struct metrics *metrics, enum told_stage stage, uint64_t us)
{
	if (metrics)
		told_latency(metrics->told, stage, us);
}

// ---- samples ----

static void sample(struct scrape *s, double value)
{
	exposition_sample(&s->out, NULL, 0, value);
}

static void sample_of(struct scrape *s, const char *label, struct slice of, double value)
{
	exposition_sample(&s->out, &(struct label){label, of}, 1, value);
}

static void sample_of_two(struct scrape *s, const char *label, const char *of, const char *second,
	const char *and_of, double value)
{
	struct label labels[] = {{label, slice_of(of)}, {second, slice_of(and_of)}};
	exposition_sample(&s->out, labels, 2, value);
}

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

// ---- the program ----

static void read_build(struct scrape *s, size_t argument)
{
	(void)argument;
	struct label labels[] = {{"version", slice_of(OFFHOOK_VERSION)},
		{"revision", slice_of(OFFHOOK_REVISION)}, {"dpdk", slice_of(rte_version())},
		{"hyperscan", slice_of(ruleset_engine_version())}};
	exposition_sample(&s->out, labels, 4, 1);
}

static void read_start(struct scrape *s, size_t argument)
{
	(void)argument;
	sample(s, (double)s->daemon->started_ms / 1e3);
}

static void read_cpu(struct scrape *s, size_t argument)
{
	struct timespec used;
	(void)argument;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	sample(s, (double)used.tv_sec + (double)used.tv_nsec / 1e9);
}

static void read_memory(struct scrape *s, size_t argument)
{
	const char *kind;
	json_t *bytes;
	(void)argument;
	json_object_foreach(s->memory, kind, bytes)
	{
		if (json_is_integer(bytes))
			sample_of(s, "kind", slice_of(kind), json_number_value(bytes));
	}
}

static void read_health(struct scrape *s, size_t argument)
{
	(void)argument;
	sample(s, (double)json_array_size(json_object_get(s->health, "reasons")));
}

static void read_control(struct scrape *s, size_t argument)
{
	static const char *const keys[] = {
		"connections", "connections_limit", "watchers", "watchers_limit"};
	sample(s, number(s->control, keys[argument]));
}

// ---- ports ----

static void read_queues(struct scrape *s, size_t bytes)
{
	char queue[8];
	for (size_t i = 0; i < s->n_queues; i++) {
		const struct port_queue_stats *q = &s->queues[i];
		snprintf(queue, sizeof(queue), "%u", q->queue);
		sample_of_two(s, "port", q->name, "queue",
			q->queue == PORT_QUEUE_OTHER ? LABEL_OTHER : queue,
			(double)(bytes ? q->bytes : q->packets));
	}
}

static void read_port_up(struct scrape *s, size_t argument)
{
	(void)argument;
	for (size_t i = 0; i < s->n_ports; i++) {
		const struct port_stats *p = &s->ports[i];
		sample_of_two(s, "port", p->name, "driver", p->driver, strcmp(p->state, "up") == 0);
	}
}

static void lost(struct scrape *s, const char *port, const char *reason, uint64_t n)
{
	sample_of_two(s, "port", port, "reason", reason, (double)n);
}

// What a port could not take, by port; what workers then made no message of, of all ports together,
// in the classes that matter (offhook_dropped_packets_total has each reason).
static void read_rx_dropped(struct scrape *s, size_t argument)
{
	const uint64_t *drops = s->ledger.dropped;
	(void)argument;
	for (size_t i = 0; i < s->n_ports; i++) {
		const struct port_stats *p = &s->ports[i];
		// A socket's ring is full, or the NIC's own memory.
		bool socket = strncmp(p->driver, "net_af_", 7) == 0;
		lost(s, p->name, "nic_missed", socket ? 0 : p->missed);
		lost(s, p->name, "ring_full", socket ? p->missed : 0);
		lost(s, p->name, "no_mbuf", p->no_mbuf);
		lost(s, p->name, "nic_error", p->errors);
		lost(s, p->name, "left_fragmented", p->left_fragmented);
		lost(s, p->name, "left_too_long", p->left_too_long);
		lost(s, p->name, "left_no_socket", p->left_no_socket);
	}
	lost(s, METRICS_ALL, "bad_checksum",
		drops[DROP_bad_ip_checksum] + drops[DROP_bad_udp_checksum]);
	lost(s, METRICS_ALL, "fragment_timeout", drops[DROP_fragment_incomplete]);
	lost(s, METRICS_ALL, "not_syslog",
		drops[DROP_other_ethertype] + drops[DROP_arp] + drops[DROP_answered] +
			drops[DROP_not_udp] + drops[DROP_other_port]);
}

// ---- packets, messages, events ----

static void read_counter(struct scrape *s, size_t offset)
{
	uint64_t value;
	memcpy(&value, (const char *)&s->ledger + offset, sizeof(value));
	sample(s, (double)value);
}

static void read_dropped(struct scrape *s, size_t argument)
{
	(void)argument;
#define X(name, help) \
	sample_of(s, "reason", slice_of(#name), (double)s->ledger.dropped[DROP_##name]);
	DROPS(X)
#undef X
}

static void read_events_dropped(struct scrape *s, size_t argument)
{
	(void)argument;
	for (unsigned i = 0; i < EVENT_DROP_MAX; i++)
		sample_of(s, "reason", slice_of(event_drop_names[i]),
			(double)s->ledger.events_dropped[i]);
}

static void read_messages(struct scrape *s, size_t argument)
{
	(void)argument;
	sample_of_two(s, "source", "asa", "transport", "udp", (double)s->ledger.asa);
	sample_of_two(s, "source", "phone", "transport", "udp", (double)s->ledger.phone);
	sample_of_two(s, "source", "other", "transport", "udp", (double)s->ledger.other);
}

static void read_unparsed(struct scrape *s, size_t argument)
{
	(void)argument;
	sample_of_two(s, "source", "other", "reason", "no_tag", (double)s->ledger.other);
	sample_of_two(s, "source", "phone", "reason", "records_clipped",
		(double)s->ledger.records_clipped);
	sample_of_two(s, "source", METRICS_ALL, "reason", "field_refused",
		(double)s->ledger.fields_refused);
}

static void read_codes(struct scrape *s, size_t argument)
{
	const struct ruleset *ruleset = s->daemon->workers->ruleset;
	char code[12];
	(void)argument;
	for (uint32_t word = 0; word < ASA_ID_WORDS; word++) {
		for (uint64_t bits = ruleset->wanted[word]; bits; bits &= bits - 1) {
			uint32_t id = word * 64 + (uint32_t)__builtin_ctzll(bits);
			snprintf(code, sizeof(code), "%06u", id);
			sample_of(s, "code", slice_of(code),
				(double)asa_codes_count(s->daemon->workers, id));
		}
	}
}

static void read_events(struct scrape *s, size_t argument)
{
	const struct workers *workers = s->daemon->workers;
	const struct registry *names = &s->daemon->vocabulary->events;
	(void)argument;
	for (unsigned event = 0; event < registry_count(names); event++) {
		uint64_t n = 0;
		for (unsigned i = 0; i < workers->n; i++)
			n += counter_get(&workers->worker[i]->events[event]);
		sample_of(s, "event", slice_of(registry_name(names, (uint16_t)event)), (double)n);
	}
}

// ---- sessions, tables, workers ----

static void read_sessions(struct scrape *s, size_t argument)
{
	uint64_t all = s->tables.used[TABLE_clients], active = s->tables.used[TABLE_histories];
	(void)argument;
	active = active < all ? active : all; // read one after the other
	sample_of(s, "state", slice_of("active"), (double)active);
	sample_of(s, "state", slice_of("idle"), (double)(all - active));
}

static void read_sessions_limit(struct scrape *s, size_t argument)
{
	(void)argument;
	sample_of(s, "state", slice_of(METRICS_ALL), (double)s->tables.limit[TABLE_clients]);
}

static void read_evicted(struct scrape *s, size_t argument)
{
	(void)argument;
	sample_of(s, "reason", slice_of("idle"), (double)s->ledger.sessions_expired);
	sample_of(s, "reason", slice_of("full"), (double)s->ledger.sessions_evicted);
}

enum { TABLE_IS_USED, TABLE_IS_LIMIT, TABLE_IS_PEAK };

static void read_tables(struct scrape *s, size_t figure)
{
	const struct tables *t = &s->tables;
	const uint64_t *peaks = s->daemon->high_water;
#define X(name)                                                                      \
	{                                                                            \
		uint64_t used = t->used[TABLE_##name], peak = peaks[TABLE_##name];   \
		uint64_t most = used > peak ? used : peak;                           \
		sample_of(s, "table", slice_of(#name),                               \
			(double)(figure == TABLE_IS_USED    ? used                   \
				 : figure == TABLE_IS_LIMIT ? t->limit[TABLE_##name] \
							    : most));                \
	}
	TABLES(X)
#undef X
}

static void read_phones(struct scrape *s, size_t argument)
{
	uint64_t n = 0;
	(void)argument;
	for (unsigned i = 0; i < s->daemon->workers->n; i++)
		n += gauge_get(&s->daemon->workers->worker[i]->sessions.n_phones);
	sample(s, (double)n);
}

static void read_cycles(struct scrape *s, size_t busy)
{
	char lcore[12];
	for (unsigned i = 0; i < s->daemon->workers->n; i++) {
		const struct worker *w = s->daemon->workers->worker[i];
		snprintf(lcore, sizeof(lcore), "%u", s->daemon->ports.lcores[i]);
		sample_of(s, "lcore", slice_of(lcore),
			(double)counter_get(busy ? &w->busy_cycles : &w->cycles));
	}
}

// ---- rules ----

static void read_rules(struct scrape *s, size_t argument)
{
	const struct rulepack *pack = s->daemon->workers->ruleset->pack;
	(void)argument;
	sample_of(s, "kind", slice_of("message"), pack->n_messages);
	sample_of(s, "kind", slice_of("diagnosis"), pack->n_diagnoses);
}

static void read_in_force(struct scrape *s, size_t argument)
{
	(void)argument;
	sample(s, s->daemon->workers->replaced == NULL);
}

enum { RELOAD_IS_GOOD, RELOAD_IS_AT, RELOAD_TOOK };

static void read_reload(struct scrape *s, size_t figure)
{
	const struct rules_state *rules = &s->daemon->rules;
	sample(s, figure == RELOAD_IS_GOOD ? rules->failed_ms == 0
		  : figure == RELOAD_IS_AT ? (double)rules->loaded_ms / 1e3
					   : (double)rules->took_ms / 1e3);
}

// ---- diagnoses and gateways ----

static void read_open(struct scrape *s, size_t argument)
{
	const struct registry *names = &s->daemon->vocabulary->diagnoses;
	(void)argument;
	for (unsigned i = 0; i < registry_count(names); i++)
		sample_of(s, "diagnosis", slice_of(registry_name(names, (uint16_t)i)),
			gauge_get(&s->daemon->workers->open.of[i]));
}

static void read_diagnoses(struct scrape *s, size_t argument)
{
	(void)argument;
	told_expose_diagnoses(s->metrics->told, &s->out);
}

static void read_certificates(struct scrape *s, size_t argument)
{
	(void)argument;
	told_expose_certificates(s->metrics->told, &s->out);
}

static void read_mismatches(struct scrape *s, size_t argument)
{
	(void)argument;
	told_expose_mismatches(s->metrics->told, &s->out);
}

static void read_alerts(struct scrape *s, size_t argument)
{
	(void)argument;
	told_expose_alerts(s->metrics->told, &s->out);
}

static void read_latency(struct scrape *s, size_t argument)
{
	(void)argument;
	told_expose_latency(s->metrics->told, &s->out);
}

static void sample_of_gateway(struct scrape *s, unsigned place, double value)
{
	sample_of(s, "gateway", label_set_value(s->metrics->gateways, place), value);
}

static void read_gateway_phones(struct scrape *s, size_t argument)
{
	static const char *const states[] = {"ok", "failing", "unknown"};
	(void)argument;
	for (unsigned i = 0; i < label_set_count(s->metrics->gateways); i++) {
		const struct gateway_facts *f = &s->metrics->facts[i];
		unsigned n[] = {f->n_ok, f->n_failing, f->n_unknown};
		for (unsigned k = 0; k < 3; k++) {
			struct label labels[] = {
				{"gateway", label_set_value(s->metrics->gateways, i)},
				{"state", slice_of(states[k])}};
			exposition_sample(&s->out, labels, 2, n[k]);
		}
	}
}

static void read_skew(struct scrape *s, size_t argument)
{
	(void)argument;
	for (unsigned i = 0; i < label_set_count(s->metrics->gateways); i++)
		sample_of_gateway(s, i, s->metrics->facts[i].clock_off_s);
}

static void read_last_line(struct scrape *s, size_t argument)
{
	(void)argument;
	for (unsigned i = 0; i < label_set_count(s->metrics->gateways); i++) {
		uint64_t last_ms = s->metrics->facts[i].last_ms;
		if (last_ms) // 1970 would be a gateway that has been silent for long
			sample_of_gateway(s, i, (double)last_ms / 1e3);
	}
}

// ---- exports, history ----

enum { OUTLET_IS_UP, OUTLET_QUEUE, OUTLET_LIMIT, OUTLET_ERRORS, OUTLET_LAST };

static void read_outlets(struct scrape *s, size_t figure)
{
	for (size_t i = 0; i < s->n_outlets; i++) {
		const struct outlet_status *o = &s->outlets[i];
		const double figures[] = {[OUTLET_IS_UP] = strcmp(o->state, "connected") == 0,
			[OUTLET_QUEUE] = (double)o->lag.waiting,
			[OUTLET_LIMIT] = (double)o->lag.limit,
			[OUTLET_ERRORS] = (double)o->n_errors,
			[OUTLET_LAST] = (double)o->last_ms / 1e3};
		sample_of(s, "output", slice_of(o->name), figures[figure]);
	}
}

static void read_delivered(struct scrape *s, size_t argument)
{
	(void)argument;
	for (size_t i = 0; i < s->n_outlets; i++)
		sample_of_two(s, "output", s->outlets[i].name, "reason", "delivered",
			(double)s->outlets[i].n_delivered);
}

static void read_undelivered(struct scrape *s, size_t argument)
{
	(void)argument;
	for (size_t i = 0; i < s->n_outlets; i++) {
		const struct outlet_status *o = &s->outlets[i];
		sample_of_two(s, "output", o->name, "reason", "refused", (double)o->n_refused);
		sample_of_two(s, "output", o->name, "reason", "overrun", (double)o->lag.lost);
	}
}

static void read_degraded(struct scrape *s, size_t argument)
{
	const struct metrics_source *source = &s->metrics->source;
	(void)argument;
	sample(s, source->journal_is_degraded && source->journal_is_degraded(source->journal));
}

static void read_history(struct scrape *s, size_t argument)
{
	static const char *const keys[] = {"records", "bytes", "lost"};
	sample(s, number(s->journal, keys[argument]));
}

// ---- the table ----

struct metric {
	const char *name;
	enum metric_type type;
	const char *help;
	void (*read)(struct scrape *scrape, size_t argument);
	size_t argument;
};

#define COUNTER METRIC_COUNTER
#define GAUGE METRIC_GAUGE
#define HISTOGRAM METRIC_HISTOGRAM

static const struct metric metrics[] = {
	{"offhook_build_info", GAUGE, "Versions of this program and of what it is built on.",
		read_build},
	{"offhook_start_time_seconds", GAUGE, "When the daemon was started.", read_start},
	{"offhook_cpu_seconds_total", COUNTER, "CPU time of all its threads.", read_cpu},
	{"offhook_memory_bytes", GAUGE,
		"Resident memory, and the allocator's figures; packet buffers are not the allocator's.",
		read_memory},
	{"offhook_health_problems", GAUGE,
		"Reasons why offhook does not do all its work; `offhook status` names them.",
		read_health},
	{"offhook_control_connections", GAUGE, "Clients at the control socket.", read_control, 0},
	{"offhook_control_connections_limit", GAUGE, "Clients that the control socket takes.",
		read_control, 1},
	{"offhook_watchers", GAUGE, "Clients that watch.", read_control, 2},
	{"offhook_watchers_limit", GAUGE, "Clients that may watch.", read_control, 3},

	{"offhook_port_up", GAUGE, "Whether the port is up.", read_port_up},
	{"offhook_rx_packets_total", COUNTER, "Packets that came in.", read_queues, false},
	{"offhook_rx_bytes_total", COUNTER, "Bytes that came in.", read_queues, true},
	{"offhook_rx_dropped_packets_total", COUNTER,
		"Packets that a port could not take, and those that workers made nothing of.",
		read_rx_dropped},
	{"offhook_dropped_packets_total", COUNTER,
		"Packets that became no datagram, by each reason there is.", read_dropped},
	{"offhook_messages_total", COUNTER, "Syslog messages.", read_messages},
	{"offhook_messages_unparsed_total", COUNTER,
		"Messages without a readable tag, or of which a part was not read.", read_unparsed},
	{"offhook_message_matches_total", COUNTER, "ASA and FTD messages whose id a rule knows.",
		read_codes},
	{"offhook_events_total", COUNTER, "Events that messages were matched as.", read_events},
	{"offhook_events_dropped_total", COUNTER, "Events that were lost after the match.",
		read_events_dropped},
#define X(name, help) \
	{"offhook_" #name "_total", COUNTER, help, read_counter, offsetof(struct ledger, name)},
	COUNTERS(X)
#undef X

		{"offhook_sessions", GAUGE,
			"Client addresses: with relevant lines of late, and others.",
			read_sessions},
	{"offhook_sessions_limit", GAUGE, "Client addresses there is room for.",
		read_sessions_limit},
	{"offhook_sessions_evicted_total", COUNTER, "Client addresses that were forgotten.",
		read_evicted},
	{"offhook_table_entries", GAUGE, "Fill of each table.", read_tables, TABLE_IS_USED},
	{"offhook_table_entries_limit", GAUGE, "Room in each table.", read_tables, TABLE_IS_LIMIT},
	{"offhook_table_entries_peak", GAUGE, "The fullest that each table has been.", read_tables,
		TABLE_IS_PEAK},
	{"offhook_known_phones", GAUGE, "Phones in the tables.", read_phones},
	{"offhook_lcore_busy_cycles_total", COUNTER,
		"TSC cycles in turns of the loop that had something to do.", read_cycles, true},
	{"offhook_lcore_cycles_total", COUNTER, "TSC cycles since the loop began.", read_cycles,
		false},

	{"offhook_rules", GAUGE, "Rules in use.", read_rules},
	{"offhook_rules_in_force", GAUGE, "Whether every worker has gone over to them.",
		read_in_force},
	{"offhook_config_last_reload_successful", GAUGE, "Whether the last reload was taken.",
		read_reload, RELOAD_IS_GOOD},
	{"offhook_config_last_reload_success_timestamp_seconds", GAUGE,
		"When a reload was last taken.", read_reload, RELOAD_IS_AT},
	{"offhook_config_last_reload_duration_seconds", GAUGE, "How long that took.", read_reload,
		RELOAD_TOOK},

	{"offhook_diagnoses_total", COUNTER,
		"Diagnoses that have reached a confidence for the first time.", read_diagnoses},
	{"offhook_diagnoses_open", GAUGE, "Diagnoses that are open, of all clients.", read_open},
	{"offhook_detection_latency_seconds", HISTOGRAM,
		"From the last line of evidence to the record (wire), and on until it is kept (settled).",
		read_latency},
	{"offhook_alerts_firing", GAUGE, "Fleet alerts that fire.", read_alerts},
	{"offhook_phones", GAUGE, "Phones of each gateway.", read_gateway_phones},
	{"offhook_certificate_not_after_timestamp_seconds", GAUGE,
		"End of a certificate that the gateway has warned of.", read_certificates},
	{"offhook_certificate_mismatch_phones", GAUGE,
		"Phones that reject the gateway's certificate.", read_mismatches},
	{"offhook_clock_skew_seconds", GAUGE,
		"How far the gateway's clock is off, in whatever time zone.", read_skew},
	{"offhook_gateway_last_line_timestamp_seconds", GAUGE,
		"When the gateway last sent a line that a rule knows.", read_last_line},

	{"offhook_export_records_total", COUNTER, "Records that the output's receiver has taken.",
		read_delivered},
	{"offhook_export_dropped_records_total", COUNTER,
		"Records that the receiver refused for good, or that went before they were sent.",
		read_undelivered},
	{"offhook_export_queue_length", GAUGE, "Records that wait.", read_outlets, OUTLET_QUEUE},
	{"offhook_export_queue_limit", GAUGE, "Records that may wait in memory.", read_outlets,
		OUTLET_LIMIT},
	{"offhook_export_up", GAUGE, "Whether the output's last delivery went well.", read_outlets,
		OUTLET_IS_UP},
	{"offhook_export_errors_total", COUNTER, "Deliveries that failed and come again.",
		read_outlets, OUTLET_ERRORS},
	{"offhook_export_last_success_timestamp_seconds", GAUGE,
		"When the receiver last took something; 0: never.", read_outlets, OUTLET_LAST},
	{"offhook_history_degraded", GAUGE, "Whether the disk refuses what is to be kept.",
		read_degraded},
	{"offhook_history_records", GAUGE, "Records in the history.", read_history, 0},
	{"offhook_history_bytes", GAUGE, "Size of the history.", read_history, 1},
	{"offhook_history_lost_records_total", COUNTER, "Records that could not be kept.",
		read_history, 2},
};

// Counters of the ledger that another family tells by a label.
static bool is_told_otherwise(const struct metric *metric)
{
	static const size_t offsets[] = {offsetof(struct ledger, messages),
		offsetof(struct ledger, asa), offsetof(struct ledger, phone),
		offsetof(struct ledger, other), offsetof(struct ledger, sessions_evicted),
		offsetof(struct ledger, sessions_expired)};
	bool otherwise = false;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		otherwise |= metric->read == read_counter && metric->argument == offsets[i];
	return otherwise;
}

// ---- a scrape ----

static void gather_gateways(struct metrics *m)
{
	const struct gateway_table *table = &m->daemon->workers->gateways;
	struct roster_view view = {0};
	memset(m->facts, 0, (METRICS_GATEWAYS_MAX + 1) * sizeof(*m->facts));
	for (uint16_t i = 0; i < table->n_max; i++) {
		const struct gateway *gateway = &table->gateways[i];
		if (!atomic_load_explicit(&gateway->in_use, memory_order_acquire))
			continue;
		struct gateway_facts *facts = &m->facts[m->places[i]];
		uint64_t last_ms = counter_get(&gateway->last_ms);
		double off_s = (double)gateway_clock_off_ms(gateway) / 1e3;
		if (last_ms > facts->last_ms)
			facts->last_ms = last_ms;
		if (off_s * off_s > facts->clock_off_s * facts->clock_off_s)
			facts->clock_off_s = off_s;
	}
	if (m->source.roster_view)
		view = m->source.roster_view(m->source.roster);
	for (size_t i = 0; i < view.n; i++) {
		const struct roster_gateway *g = &view.gateways[i];
		struct gateway_facts *facts =
			&m->facts[label_set_place(m->gateways, slice_of(g->name))];
		facts->n_ok += g->n_ok;
		facts->n_failing += g->n_failing;
		facts->n_unknown += g->n_unknown + g->n_suspected;
	}
}

static void gather(struct scrape *s, struct metrics *m)
{
	const struct daemon *d = m->daemon;
	const struct metrics_source *source = &m->source;
	ledger_read_all(d->workers, &s->ledger);
	tables_read(d->workers, &s->tables);
	s->n_ports = ports_read(d, s->ports);
	if (s->n_ports)
		s->n_queues = port_queue_stats(&d->ports, s->queues, QUEUES_MAX);
	if (source->outlets_status)
		s->n_outlets = source->outlets_status(source->outlets, s->outlets, OUTLETS_MAX);
	if (source->journal_status)
		s->journal = source->journal_status(source->journal);
	s->memory = memory_json();
	s->control = server_json(d->server);
	s->health = health_json(d, &s->ledger);
	gather_gateways(m);
}

void metrics_expose(struct metrics *m, enum exposition_format format, struct buffer *out)
{
	struct scrape s = {
		.out = {.out = out, .format = format}, .daemon = m->daemon, .metrics = m};
	learn(m);
	gather(&s, m);
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		const struct metric *metric = &metrics[i];
		if (is_told_otherwise(metric))
			continue;
		exposition_family(&s.out, metric->name, metric->type, metric->help);
		metric->read(&s, metric->argument);
	}
	exposition_end(&s.out);
	json_decref(s.memory);
	json_decref(s.control);
	json_decref(s.health);
	json_decref(s.journal);
}
