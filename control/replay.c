// SPDX-License-Identifier: BSD-3-Clause
#include "replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "asa_codes.h"
#include "capture.h"
#include "collector.h"
#include "config.h"
#include "json_line.h"
#include "ledger.h"
#include "locale_language.h"
#include "log.h"
#include "pack.h"
#include "render.h"

#define FILES_MAX 256
#define FRAME_BUFFERS 4095 // mbufs of a capture: fragments that wait hold some of them
#define TAKE_EVERY 256	   // items between two looks at the outboxes
#define PROGRESS_EVERY 16384
#define SHARE_NOTED 10 // one in so many packets is worth a word

struct replay {
	// the command line
	bool json, stats;
	const char *config_path, *rules;
	enum language language;
	unsigned n_workers;
	struct logtime_options time;
	struct address sender;
	// what runs
	struct config config;
	struct capture *captures[FILES_MAX];
	unsigned n_captures;
	struct vocabulary *vocabulary;
	struct workers *workers;
	struct collector *collector;
	struct rte_mempool *pool;
	struct datagram_options datagrams;
	uint64_t now_ms, n_items;
};

// ---- arguments ----

// The texts are the arguments' own.
static bool parse_arguments(struct replay *r, const json_t *arguments)
{
	const char *date = json_string_value(json_object_get(arguments, "date"));
	const char *sender = json_string_value(json_object_get(arguments, "sender"));
	const char *workers = json_string_value(json_object_get(arguments, "workers"));
	r->n_workers = workers ? (unsigned)strtoul(workers, NULL, 10) : 1; // from 1 to 16
	r->json = json_is_true(json_object_get(arguments, "json"));
	r->stats = json_is_true(json_object_get(arguments, "stats"));
	r->rules = json_string_value(json_object_get(arguments, "rules"));
	r->config_path = json_string_value(json_object_get(arguments, "config"));
	r->time.zone = json_string_value(json_object_get(arguments, "zone"));
	r->language = language_argument(arguments);
	if (date && !logtime_parse_date(date, &r->time.date)) {
		log_line(LOG_ERROR, "--date: '%s' is no date as yyyy-mm-dd", date);
		return false;
	}
	if (!logtime_set_zone(&r->time)) {
		log_line(LOG_ERROR, "--zone: no time zone '%s'", r->time.zone);
		return false;
	}
	if (sender && !address_parse(slice_of(sender), &r->sender)) {
		log_line(LOG_ERROR, "--sender: '%s' is no address", sender);
		return false;
	}
	return true;
}

// ---- opening ----

static bool load_rules(struct replay *r)
{
	struct report report = {0};
	const char *dir = r->rules ? r->rules : r->config.rules;
	const char *cache = r->config.cache;
	r->vocabulary = vocabulary_create();
	struct ruleset *ruleset =
		r->vocabulary ? pack_load(dir, cache, r->vocabulary, &report) : NULL;
	if (ruleset == NULL) {
		fputs(report.text ? report.text : "offhook: out of memory\n", stderr);
		report_fini(&report);
		return false;
	}
	report_fini(&report);
	r->config.limits.offline = true;
	r->workers = workers_create(r->n_workers, &r->config.limits, ruleset, &r->config.policy);
	if (r->workers == NULL) {
		ruleset_destroy(ruleset);
		log_line(LOG_ERROR, "out of memory");
		return false;
	}
	r->collector = collector_create(r->workers);
	if (r->collector == NULL)
		log_line(LOG_ERROR, "out of memory");
	return r->collector != NULL;
}

static bool load_config(struct replay *r)
{
	struct report report = {0};
	bool ok = config_init(&r->config, r->config_path, &report);
	if (!ok)
		fputs(report.text ? report.text : "offhook: out of memory\n", stderr);
	report_fini(&report);
	return ok;
}

// A text log that brings no date takes that of the earliest other input.
static void lend_dates(struct replay *r)
{
	struct logtime_date lent = {0};
	for (unsigned i = 0; i < r->n_captures; i++) {
		struct logtime_date date = capture_date(r->captures[i]);
		if (date.year && lent.year == 0)
			lent = date;
	}
	for (unsigned i = 0; i < r->n_captures; i++) {
		if (capture_date(r->captures[i]).year == 0)
			capture_lend_date(r->captures[i], lent);
	}
}

static bool open_captures(struct replay *r, const json_t *paths)
{
	bool packets = false;
	char error[256];
	size_t i;
	json_t *item;
	if (json_array_size(paths) > FILES_MAX) {
		log_line(LOG_ERROR, "more than %d files", FILES_MAX);
		return false;
	}
	json_array_foreach((json_t *)paths, i, item)
	{
		const char *path = json_string_value(item);
		struct capture *c = capture_open(path, &r->time, error, sizeof(error));
		if (c == NULL) {
			log_line(LOG_ERROR, "%s: %s", path, error);
			return false;
		}
		packets |= capture_kind_of(c) == CAPTURE_PACKETS;
		r->captures[r->n_captures++] = c;
	}
	lend_dates(r);
	if (!packets)
		return true;
	if (port_start_offline(error, sizeof(error)) < 0) {
		log_line(LOG_ERROR, "%s", error);
		return false;
	}
	r->pool = rte_pktmbuf_pool_create(
		"replay", FRAME_BUFFERS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	bool ready = r->pool != NULL;
	for (unsigned k = 0; ready && k < r->n_workers; k++) {
		struct worker *w = r->workers->worker[k];
		w->reader = datagram_reader_create(&w->counters);
		ready = w->reader != NULL;
	}
	if (!ready)
		log_line(LOG_ERROR, "no memory for packets");
	return ready;
}

// ---- running ----

// A frame in as many mbufs as it takes; NULL: there are not enough.
static struct rte_mbuf *mbuf_of(struct rte_mempool *pool, struct slice frame)
{
	struct rte_mbuf *first = rte_pktmbuf_alloc(pool), *last = first;
	if (first == NULL)
		return NULL;
	for (uint32_t at = 0; at < frame.len;) {
		uint32_t room = rte_pktmbuf_tailroom(last);
		if (room == 0) {
			struct rte_mbuf *more = rte_pktmbuf_alloc(pool);
			if (more == NULL) {
				rte_pktmbuf_free(first);
				return NULL;
			}
			last->next = more;
			last = more;
			first->nb_segs++;
			continue;
		}
		uint32_t part = frame.len - at < room ? frame.len - at : room;
		memcpy(rte_pktmbuf_mtod_offset(last, char *, last->data_len), frame.data + at,
			part);
		last->data_len = (uint16_t)(last->data_len + part);
		first->pkt_len += part;
		at += part;
	}
	return first;
}

// Behind Ethernet and its tags.
static uint32_t ip_header(struct slice frame)
{
	uint32_t at = 12;
	while (at + 2 <= frame.len) {
		uint16_t type = (uint16_t)((unsigned char)frame.data[at] << 8 |
					   (unsigned char)frame.data[at + 1]);
		if (type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ && type != 0x9100)
			break;
		at += 4;
	}
	return at + 2;
}

// One sender keeps to one worker, as RSS over addresses does it.
static struct worker *worker_of(struct replay *r, struct slice bytes)
{
	// What is neither IPv4 nor IPv6 stays on one.
	if (r->n_workers == 1)
		return r->workers->worker[0];
	uint32_t ip = ip_header(bytes);
	unsigned version = ip < bytes.len ? (unsigned char)bytes.data[ip] >> 4 : 0;
	uint32_t from = version == 4 ? 12 : 8, len = version == 4 ? 8 : version == 6 ? 32 : 0;
	struct slice addresses = slice_first(slice_from(bytes, ip + from), len);
	return r->workers->worker[XXH3_64bits(addresses.data, addresses.len) % r->n_workers];
}

static void take_line(struct replay *r, unsigned source, const struct capture_item *item)
{
	struct worker *w = r->workers->worker[0]; // a text log stays on one
	struct arrival arrival = {.time_ms = item->time_ms, .sender = r->sender};
	struct message message;
	if (address_is_none(&r->sender))
		arrival.input = source + 1;
	if (capture_message(r->captures[source], &message))
		worker_take_message(w, &message, &arrival);
	else
		worker_take_line(w, item->bytes, &arrival);
}

static void take_frame(struct replay *r, const struct capture_item *item)
{
	struct worker *w = worker_of(r, item->bytes);
	struct rte_mbuf *frame = mbuf_of(r->pool, item->bytes);
	if (frame == NULL) { // held by fragments that wait: they are given up first
		datagram_expire_step(w->reader, r->now_ms, true);
		frame = mbuf_of(r->pool, item->bytes);
	}
	if (frame)
		worker_take_frame(w, &r->datagrams, frame, item->time_ms, r->now_ms);
	else
		counters_drop(&w->counters, DROP_truncated);
}

static void show_progress(struct replay *r)
{
	uint64_t done = 0, size = 0;
	for (unsigned i = 0; i < r->n_captures; i++) {
		uint64_t one_done, one_size;
		capture_progress(r->captures[i], &one_done, &one_size);
		done += one_done;
		size += one_size;
	}
	if (size)
		fprintf(stderr, "\r%3.0f %%  %llu lines and packets ",
			100.0 * (double)done / (double)size, (unsigned long long)r->n_items);
	else
		fprintf(stderr, "\r%llu lines and packets ", (unsigned long long)r->n_items);
}

// The input whose next item is the earliest, the first of several; -1: all have ended. *until_ms:
// it stays the earliest as long as its items are before that.
static int next_source(struct replay *r, uint64_t *until_ms)
{
	int best = -1;
	uint64_t best_ms = 0;
	*until_ms = UINT64_MAX;
	for (unsigned i = 0; i < r->n_captures; i++) {
		const struct capture_item *item = capture_peek(r->captures[i]);
		if (item == NULL)
			continue;
		if (best < 0 || item->time_ms < best_ms) {
			*until_ms = best < 0 ? UINT64_MAX : best_ms;
			best = (int)i;
			best_ms = item->time_ms;
		} else if (item->time_ms < *until_ms) {
			*until_ms = item->time_ms + 1;
		}
	}
	return best;
}

static bool turn_all(struct replay *r)
{
	bool any = false;
	for (unsigned i = 0; i < r->n_workers; i++)
		any |= worker_turn(r->workers->worker[i], r->now_ms, UINT32_MAX);
	return any;
}

static void take_item(struct replay *r, unsigned source, const struct capture_item *item)
{
	struct worker *first = r->workers->worker[0]; // the one of text logs
	bool later = item->time_ms > r->now_ms;
	if (later)
		r->now_ms = item->time_ms;
	// Most lines of a gateway are of no use but for the time they bring, and few bring one.
	bool done = item->asa_id && worker_pass_over(first, item->asa_id);
	if (!done && capture_kind_of(r->captures[source]) == CAPTURE_TEXT)
		take_line(r, source, item);
	else if (!done)
		take_frame(r, item);
	if (!later && r->n_workers == 1 && worker_is_settled(first))
		return;
	while (turn_all(r) && r->n_workers > 1)
		;
}

static bool run(struct replay *r)
{
	bool progress = isatty(STDERR_FILENO), shown = false;
	time_t started = time(NULL);
	const struct capture_item *item = NULL;
	uint64_t until_ms = 0;
	int source;
	for (source = next_source(r, &until_ms); source >= 0;) {
		struct capture *c = r->captures[source];
		for (; (item = capture_peek(c)) && item->time_ms < until_ms; capture_take(c)) {
			take_item(r, (unsigned)source, item);
			r->n_items++;
			if (r->n_items % TAKE_EVERY == 0 && collector_take(r->collector) < 0)
				return false;
			if (progress && r->n_items % PROGRESS_EVERY == 0 && time(NULL) > started) {
				show_progress(r);
				shown = true;
			}
		}
		source = next_source(r, &until_ms);
	}
	for (bool any = true; any;) {
		any = false;
		for (unsigned i = 0; i < r->n_workers; i++)
			any |= worker_finish(r->workers->worker[i], r->now_ms);
	}
	if (shown)
		fputs("\r\033[K", stderr);
	return collector_take(r->collector) == 0;
}

// ---- telling ----

// Of the ledger what `--stats` promises.
static json_t *stats_json(const struct replay *r, const struct ledger *ledger)
{
	static const char *const first[] = {
		"packets", "fragments_merged", "datagrams", "messages", "by_source"};
	static const char *const last[] = {"unmatched", "dropped", "events_dropped"};
	json_t *all = ledger_json(ledger), *stats = json_pack("{s:s}", "type", "stats");
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		json_object_set(stats, first[i], json_object_get(all, first[i]));
	json_object_set_new(stats, "asa_codes", asa_codes_all_json(r->workers));
	json_object_set_new(
		stats, "events", ledger_events_json(r->workers, &r->vocabulary->events));
	for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++)
		json_object_set(stats, last[i], json_object_get(all, last[i]));
	json_decref(all);
	return stats;
}

static bool print_json(const json_t *list, const json_t *stats)
{
	bool ok = true;
	const json_t *object;
	size_t i;
	json_array_foreach((json_t *)list, i, object)
	{
		ok &= json_line_write(stdout, object);
	}
	return ok && (stats == NULL || json_line_write(stdout, stats));
}

// What explains that little has come out.
static void note_losses(const struct ledger *ledger)
{
	uint64_t other_port = ledger->dropped[DROP_other_port];
	uint64_t dropped = ledger_dropped(ledger);
	if (other_port && other_port * SHARE_NOTED >= ledger->packets)
		log_line(LOG_WARNING,
			"%llu of %llu packets went to other UDP ports than the syslog ports: `ports: [N, ...]` in a config (-c FILE) names them",
			(unsigned long long)other_port, (unsigned long long)ledger->packets);
	else if (dropped && dropped * SHARE_NOTED >= ledger->packets)
		log_line(LOG_WARNING,
			"%llu of %llu packets held no syslog message: --stats tells why",
			(unsigned long long)dropped, (unsigned long long)ledger->packets);
	else if (ledger->messages && ledger->asa + ledger->phone == 0)
		log_line(LOG_WARNING, "none of %llu messages is of an ASA, an FTD or a phone",
			(unsigned long long)ledger->messages);
	else if (ledger->packets == 0)
		log_line(LOG_WARNING, "there is nothing in it");
	for (unsigned i = 0; i < EVENT_DROP_MAX; i++) {
		if (ledger->events_dropped[i] && event_drop_is_for_room((enum event_drop)i))
			log_line(LOG_WARNING,
				"%llu events were lost for want of room: %s; `clients`, `diagnoses` and `gateways` of a config (-c FILE) give more",
				(unsigned long long)ledger->events_dropped[i], event_drop_names[i]);
	}
}

static bool tell(const struct replay *r)
{
	struct ledger ledger;
	bool ok = true;
	ledger_read_all(r->workers, &ledger);
	json_t *list = collector_json(r->collector, r->language);
	json_t *stats = r->stats ? stats_json(r, &ledger) : NULL;
	if (r->json)
		ok = print_json(list, stats);
	else
		render_replay(stdout, list, stats);
	json_decref(list);
	json_decref(stats);
	note_losses(&ledger);
	if (ok && fflush(stdout) != EOF && !ferror(stdout))
		return true;
	log_line(LOG_ERROR, "the answer could not be written");
	return false;
}

static void close_all(struct replay *r)
{
	for (unsigned i = 0; i < r->n_captures; i++)
		capture_close(r->captures[i]);
	collector_destroy(r->collector);
	workers_destroy(r->workers);
	rte_mempool_free(r->pool);
	if (r->vocabulary)
		vocabulary_destroy(r->vocabulary);
	config_fini(&r->config);
}

int replay_main(const json_t *arguments)
{
	struct replay *r = calloc(1, sizeof(*r));
	if (r == NULL)
		return 1;
	if (!parse_arguments(r, arguments)) {
		free(r);
		return 2;
	}
	if (!load_config(r)) {
		free(r);
		return 1;
	}
	memcpy(r->datagrams.ports, r->config.ports.udp_ports, sizeof(r->datagrams.ports));
	r->datagrams.n_ports = r->config.ports.n_udp_ports;
	r->datagrams.accept_partial_checksum = true;
	bool ok = load_rules(r) && open_captures(r, json_object_get(arguments, "files")) && run(r);
	ok = ok && tell(r);
	for (unsigned i = 0; i < r->n_captures; i++) {
		const char *error = capture_error(r->captures[i]);
		if (error) {
			log_line(LOG_ERROR, "%s: %s", capture_path(r->captures[i]), error);
			ok = false;
		}
	}
	close_all(r);
	free(r);
	return ok ? 0 : 1;
}
