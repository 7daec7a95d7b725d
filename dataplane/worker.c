// SPDX-License-Identifier: BSD-3-Clause
#include "worker.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>
#include <rte_prefetch.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <rte_ring_peek_zc.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "accepted.h"
#include "halt.h"

#define BURST 32
#define BATCH_EVENTS 32	  // whose sessions are brought near together
#define DEFERRED_MAX 512  // a session of 16 phones that moves hands some 400 lines over
#define INBOX_EVENTS 4096 // to one worker from all others together
#define EXCHANGE_STEP 64  // events taken from one sender a turn
#define SWEEP_STEP 256	  // sessions looked at a turn
// An adaptive poll sleeps whenever it has emptied its queues, for as long as lets so many frames
// come: few enough for AF_PACKET's 1,024 slots, many enough that waking costs little a frame.
#define REST_FRAMES_MIN 64
#define REST_FRAMES_MAX 256
#define REST_NS_MIN 20000
#define REST_NS_MAX 1000000
#define OUTBOX_MAX 65536
#define HELD_MAX 1024
#define JOIN_MAX 4 // records that a name may look like
#define WAITING_MAX 1024

// ---- life ----

static uint64_t nearest_power_of_two(uint64_t n)
{
	uint64_t above = rte_align64pow2(n);
	return above - n <= n - above / 2 ? above : above / 2;
}

// Times as many lines are kept: of clients that are no phones, which are many at all hours.
#define OFFLINE_PHONES 2
#define OFFLINE_OTHERS 16

// Hashes do not divide evenly: a tenth more than a fair share.
static uint32_t share_of(uint32_t all, unsigned n)
{
	return n == 1 ? all + 16 : all / n + all / n / 10 + 16;
}

static struct session_limits session_limits(const struct worker_limits *limits, unsigned n)
{
	bool offline = limits->offline;
	uint32_t share = share_of(limits->clients, n);
	uint32_t clients = offline ? limits->clients + 16 : share;
	uint32_t diagnoses = offline ? limits->clients : share_of(limits->diagnoses, n);
	return (struct session_limits){
		.sessions = clients,
		.identities = clients + clients / 8,
		.histories = share / 10 * 3 + 64,
		.diagnoses = diagnoses,
		.evidence_blocks = diagnoses * 4,
		.phone_line_bytes = nearest_power_of_two(
			share * 32ul * (offline ? OFFLINE_PHONES : 1) | 1 << 20),
		.other_line_bytes = nearest_power_of_two(
			share * 8ul * (offline ? OFFLINE_OTHERS : 1) | 1 << 19),
		.idle_ms = limits->idle_ms,
		.expire_ms = limits->expire_ms,
		.seed = limits->seed,
	};
}

static struct rte_ring *inbox_create(unsigned n_workers)
{
	unsigned n = rte_align32pow2(INBOX_EVENTS / n_workers);
	ssize_t bytes = rte_ring_get_memsize_elem(sizeof(struct event), n);
	struct rte_ring *ring =
		bytes < 0 ? NULL : aligned_alloc(RTE_CACHE_LINE_SIZE, (size_t)bytes);
	if (ring && rte_ring_init(ring, "inbox", n, RING_F_SP_ENQ | RING_F_SC_DEQ) < 0) {
		free(ring);
		ring = NULL;
	}
	return ring;
}

// How near an event's session is, see approach_sessions().
struct approach {
	struct session_key key; // KEY_NONE: not known yet
	struct session_approach session;
};

static void emit(void *context, struct event *event);
static void changed(void *context, uint32_t diagnosis);

static struct worker *worker_create(
	struct workers *all, unsigned number, const struct worker_limits *limits)
{
	struct session_limits share = session_limits(limits, all->n);
	struct worker *w = aligned_alloc(64, (sizeof(*w) + 63) & ~(size_t)63);
	if (w == NULL)
		return NULL;
	memset(w, 0, sizeof(*w));
	w->number = number;
	w->all = all;
	w->sessions.gateways = &all->gateways;
	w->sessions.accepted = all->gateways.accepted + (size_t)number * all->gateways.n_max;
	w->sessions.open = &all->open;
	w->sessions.counters = &w->counters;
	w->sessions.emit = emit;
	w->sessions.emit_context = w->sessions.changed_context = w;
	w->sessions.changed = changed;
	all->worker[number] = w;
	if (session_table_init(&w->sessions, &share) < 0 || outbox_init(&w->outbox, OUTBOX_MAX) < 0)
		return NULL;
	w->asa_codes = calloc(ASA_ID_MAX, sizeof(*w->asa_codes));
	w->shapes = calloc(1, sizeof(*w->shapes));
	w->batch = malloc((BATCH_EVENTS + EVENTS_OF_LINE_MAX) * sizeof(*w->batch));
	w->approaches = malloc((BATCH_EVENTS + EVENTS_OF_LINE_MAX) * sizeof(*w->approaches));
	w->deferred = malloc(DEFERRED_MAX * sizeof(*w->deferred));
	w->handshakes = handshake_table_create(all->gateways.n_max,
		limits->offline ? limits->handshakes : share_of(limits->handshakes, all->n),
		HELD_MAX, limits->seed, &w->counters);
	w->aliases = alias_table_create(share.sessions * 2, WAITING_MAX, &w->counters);
	for (unsigned i = 0; i < all->n; i++) {
		if (i != number && (w->inbox[i] = inbox_create(all->n)) == NULL)
			return NULL;
	}
	return w->asa_codes && w->shapes && w->batch && w->approaches && w->deferred &&
			       w->handshakes && w->aliases
		       ? w
		       : NULL;
}

static void worker_destroy(struct worker *w)
{
	if (w == NULL)
		return;
	struct scanner *scanner = atomic_load(&w->scanner);
	if (scanner)
		scanner_fini(scanner);
	free(scanner);
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		free(w->inbox[i]);
	datagram_reader_destroy(w->reader);
	handshake_table_destroy(w->handshakes);
	alias_table_destroy(w->aliases);
	session_table_fini(&w->sessions);
	outbox_fini(&w->outbox);
	free(w->asa_codes);
	free(w->batch);
	free(w->approaches);
	free(w->deferred);
	free(w->shapes);
	free(w);
}

static struct scanner *scanner_create(const struct ruleset *ruleset)
{
	struct scanner *scanner = malloc(sizeof(*scanner));
	if (scanner && scanner_init(scanner, ruleset) == 0)
		return scanner;
	free(scanner);
	return NULL;
}

// Rules that control has replaced, and the token of the quiescent state that ends their use.
struct replaced {
	struct ruleset *ruleset;
	struct scanner *scanners[WORKERS_MAX];
	uint64_t token;
};

static void replaced_destroy(struct replaced *replaced)
{
	if (replaced == NULL)
		return;
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		if (replaced->scanners[i])
			scanner_fini(replaced->scanners[i]);
		free(replaced->scanners[i]);
	}
	ruleset_destroy(replaced->ruleset);
	free(replaced);
}

static int make_quiescent(struct workers *all)
{
	size_t bytes = rte_rcu_qsbr_get_memsize(all->n);
	all->quiescent = aligned_alloc(RTE_CACHE_LINE_SIZE, (bytes + 63) & ~(size_t)63);
	if (all->quiescent == NULL || rte_rcu_qsbr_init(all->quiescent, all->n) != 0)
		return -ENOMEM;
	for (unsigned i = 0; i < all->n; i++) {
		if (rte_rcu_qsbr_thread_register(all->quiescent, i) != 0)
			return -ENOMEM;
	}
	return 0;
}

struct workers *workers_create(unsigned n, const struct worker_limits *limits,
	struct ruleset *ruleset, const struct policy *policy)
{
	struct workers *all = calloc(1, sizeof(*all));
	if (all == NULL)
		return NULL;
	all->n = n;
	all->policy = policy;
	all->ruleset = ruleset;
	ruleset->generation = all->generation = 1;
	bool ok = make_quiescent(all) == 0 &&
		  gateway_table_init(&all->gateways, limits->gateways, (uint16_t)n) == 0;
	for (unsigned i = 0; ok && i < n; i++) {
		struct worker *w = worker_create(all, i, limits);
		struct scanner *scanner = w ? scanner_create(ruleset) : NULL;
		ok = scanner != NULL;
		if (!ok)
			break;
		atomic_store(&w->scanner, scanner);
		w->running = scanner;
		session_set_ruleset(&w->sessions, ruleset);
	}
	if (ok)
		return all;
	all->ruleset = NULL;
	workers_destroy(all);
	return NULL;
}

void workers_destroy(struct workers *all)
{
	if (all == NULL)
		return;
	for (unsigned i = 0; i < all->n; i++)
		worker_destroy(all->worker[i]);
	replaced_destroy(all->replaced);
	gateway_table_fini(&all->gateways);
	ruleset_destroy(all->ruleset);
	free(all->quiescent);
	free(all);
}

// ---- reload ----

// With a scanner for each worker, as they will be swapped. NULL: out of memory.
static struct replaced *prepare(const struct workers *all, struct ruleset *ruleset)
{
	struct replaced *next = calloc(1, sizeof(*next));
	for (unsigned i = 0; next && i < all->n; i++) {
		next->scanners[i] = scanner_create(ruleset);
		if (next->scanners[i])
			continue;
		replaced_destroy(next);
		return NULL;
	}
	return next;
}

bool workers_retire(struct workers *all)
{
	// Not rte_rcu_qsbr_synchronize(): it is inside the library, where ThreadSanitizer cannot
	// follow, and waits for ever.
	if (all->replaced && !rte_rcu_qsbr_check(all->quiescent, all->replaced->token, false))
		return false;
	replaced_destroy(all->replaced);
	all->replaced = NULL;
	return true;
}

int workers_publish(struct workers *all, struct ruleset *ruleset)
{
	bool busy = !workers_retire(all);
	struct replaced *swap = busy ? NULL : prepare(all, ruleset);
	if (swap == NULL) {
		ruleset_destroy(ruleset);
		return busy ? -EBUSY : -ENOMEM;
	}
	ruleset->generation = ++all->generation;
	for (unsigned i = 0; i < all->n; i++)
		swap->scanners[i] = atomic_exchange(&all->worker[i]->scanner, swap->scanners[i]);
	swap->ruleset = all->ruleset;
	swap->token = rte_rcu_qsbr_start(all->quiescent);
	all->ruleset = ruleset;
	all->replaced = swap;
	for (unsigned i = 0; i < RETIRE_WAIT_MS * 10 && !workers_retire(all); i++)
		nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	return 0;
}

// ---- the way of an event ----

// Whose the event is now. The low bits of these hashes choose places in the owner's tables.
static unsigned owner_of(const struct worker *w, const struct event *event)
{
	uint64_t hash = 0;
	if (w->all->n == 1)
		return 0;
	switch ((enum stage)event->stage) {
	case STAGE_BIND:
		hash = gateway_hash(event);
		break;
	case STAGE_RESOLVE:
	case STAGE_ALIAS:
		hash = event->alias;
		break;
	case STAGE_JUDGE:
	case STAGE_MOVE:
	case STAGE_TAKE:
		hash = XXH3_64bits(&event->key, sizeof(event->key));
		break;
	}
	return (unsigned)((hash >> 32) % w->all->n);
}

unsigned worker_owner(const struct worker *w, const struct event *event)
{
	return owner_of(w, event);
}

static void send_away(struct worker *w, unsigned owner, const struct event *event)
{
	struct rte_ring *ring = w->all->worker[owner]->inbox[w->number];
	struct rte_ring_zc_data place;
	if (rte_ring_enqueue_zc_bulk_elem_start(ring, sizeof(*event), 1, &place, NULL) == 0) {
		counter_add(&w->counters.events_dropped[EVENT_DROP_exchange_full], 1);
		return;
	}
	halt_at(HALT_send_reserved);
	memcpy(place.ptr1, event, event_size(event));
	halt_at(HALT_send_copied);
	rte_ring_enqueue_zc_elem_finish(ring, 1);
	halt_at(HALT_send_done);
	counter_add(&w->counters.sent_away, 1);
}

static void dispatch(struct worker *w, struct event *event);

// For handshake.c, which is in nobody's hand: goes on at once.
static void emit_now(void *context, struct event *event)
{
	dispatch(context, event);
}

// For sessions, which are in hand: later.
static void emit(void *context, struct event *event)
{
	struct worker *w = context;
	if (w->n_deferred == DEFERRED_MAX) {
		counter_add(&w->counters.events_dropped[EVENT_DROP_exchange_full], 1);
		return;
	}
	if (event->stage == STAGE_ALIAS)
		alias_prefetch(w->aliases, event->alias);
	unsigned at = (w->deferred_first + w->n_deferred++) % DEFERRED_MAX;
	memcpy(&w->deferred[at], event, event_size(event));
}

static void take_deferred(struct worker *w)
{
	while (w->n_deferred) {
		struct event *event = &w->deferred[w->deferred_first];
		dispatch(w, event);
		halt_at(HALT_deferred);
		w->deferred_first = (w->deferred_first + 1) % DEFERRED_MAX;
		w->n_deferred--;
	}
}

static void changed(void *context, uint32_t diagnosis)
{
	outbox_push(&((struct worker *)context)->outbox, diagnosis);
	halt_at(HALT_outbox_pushed);
}

static void bind_event(struct worker *w, struct event *event)
{
	const struct event_use *use = &w->running->ruleset->pack->events[event->type];
	event->gateway = gateway_find(&w->all->gateways, (uint16_t)w->number, event);
	if (event->gateway == GATEWAY_NONE) {
		counter_add(&w->counters.events_dropped[EVENT_DROP_gateways_full], 1);
		return;
	}
	gateway_note(&w->all->gateways, event, use);
	if (use->gateway_scope) {
		event->key = key_of_number(KEY_GATEWAY, event->gateway);
		session_update(&w->sessions, event);
		event->key = (struct session_key){0};
	}
	// A line about the box alone concerns no client.
	if (!use->phone_scope && event->handshake == HANDSHAKE_NONE &&
		event->alias_action == ALIAS_NONE && address_is_none(&event->client) &&
		!(event->flags & EVENT_MARKS_PHONE))
		return;
	halt_at(HALT_handshake);
	handshake_step(w->handshakes, event, emit_now, w);
}

static void go_to(struct worker *w, struct event *event, const struct session_key *key)
{
	event->key = *key;
	if (key->kind == KEY_CLIENT)
		event->client = key->address;
	event->stage = STAGE_JUDGE;
	dispatch(w, event);
}

static struct session_key key_without_alias(const struct event *event)
{
	if (!address_is_none(&event->client))
		return key_of_client(&event->client);
	if (!device_is_none(&event->device))
		return key_of_device(&event->device);
	if (event->source == MESSAGE_PHONE && event->input)
		return key_of_number(KEY_ANONYMOUS, event->input);
	return (struct session_key){0};
}

static void resolve_event(struct worker *w, struct event *event)
{
	halt_at(HALT_alias);
	const struct alias *alias = alias_find(w->aliases, event);
	if (alias) {
		struct session_key key = alias->key;
		if (event->flags & EVENT_BY_SENDER) // it came through the tunnel
			event->tunnel = event->client;
		go_to(w, event, &key);
		return;
	}
	// A phone's own line does without. A gateway's that names a device or user alone is likely
	// to be followed by one that has the address.
	struct session_key key = key_without_alias(event);
	bool wait =
		key.kind == KEY_NONE || (key.kind == KEY_DEVICE && event->source == MESSAGE_ASA);
	if (!wait)
		go_to(w, event, &key);
	else if (!(event->flags & EVENT_PASSING))
		alias_wait(w->aliases, event);
}

// Which alias an event is looked up by; one that has none goes on, or names nobody.
static bool find_alias(struct worker *w, struct event *event)
{
	event->alias = event->flags & EVENT_BY_SENDER ? alias_of_tunnel(&event->client)
						      : alias_of_event(event);
	if (event->alias)
		return true;
	struct session_key key = key_without_alias(event);
	if (key.kind == KEY_NONE)
		counter_add(&w->counters.events_dropped[EVENT_DROP_no_subject], 1);
	else
		go_to(w, event, &key);
	return false;
}

static void alias_event(struct worker *w, struct event *event)
{
	struct session_key other, mine = event->key;
	enum alias_outcome outcome = alias_set(w->aliases, event, &other);
	if (outcome == ALIAS_SET || outcome == ALIAS_MOVED || outcome == ALIAS_CLAIMED)
		alias_release(w->aliases, event->alias, &mine, emit, w);
	// Two keys of one phone: what its own lines have told goes to where a gateway has seen it.
	if (device_is_none(&event->device) || (outcome != ALIAS_MOVED && outcome != ALIAS_KEPT))
		return;
	event->key = outcome == ALIAS_KEPT ? mine : other;
	event->key_to = outcome == ALIAS_KEPT ? other : mine;
	event->stage = STAGE_MOVE;
	dispatch(w, event);
}

// Made by rules that are gone: it has waited, or come from another worker.
static bool is_retired(const struct worker *w, const struct event *event)
{
	return event->generation && event->generation != w->running->ruleset->generation &&
	       !w->running->ruleset->pack->events[event->type].known;
}

static void dispatch(struct worker *w, struct event *event)
{
	if (event->stage == STAGE_RESOLVE && event->alias == 0 && !find_alias(w, event))
		return;
	if (event->stage == STAGE_JUDGE && event->key.kind == KEY_NONE)
		event->key = key_without_alias(event);
	if (is_retired(w, event)) {
		counter_add(&w->counters.events_dropped[EVENT_DROP_rule_retired], 1);
		return;
	}
	unsigned owner = owner_of(w, event);
	if (owner != w->number) {
		send_away(w, owner, event);
		return;
	}
	switch ((enum stage)event->stage) {
	case STAGE_BIND:
		bind_event(w, event);
		break;
	case STAGE_RESOLVE:
		resolve_event(w, event);
		break;
	case STAGE_JUDGE:
		session_update(&w->sessions, event);
		break;
	case STAGE_ALIAS:
		alias_event(w, event);
		break;
	case STAGE_MOVE:
		session_move(
			&w->sessions, &event->key, &event->device, &event->key_to, event->time_ms);
		break;
	case STAGE_TAKE:
		session_take(&w->sessions, event);
		break;
	}
}

// ---- stages ----

static struct event_matcher matcher_of(struct worker *w)
{
	return (struct event_matcher){w->running, w->all->policy, &w->all->open, &w->counters};
}

static void count_message(struct worker *w, const struct message *message)
{
	counter_t *const by_source[] = {&w->counters.asa, &w->counters.phone, &w->counters.other};
	counter_add(&w->counters.messages, 1);
	counter_add(by_source[message->source], 1);
	if (message->source == MESSAGE_ASA)
		counter_add(&w->asa_codes[message->asa_id], 1);
}

// Of most events the client is known from the start: its session is brought near before the event
// is judged, a look at a time. What one look asks memory for is there when the next is taken, which
// is a message later at least.
static void look(struct worker *w, unsigned which, unsigned i)
{
	const struct event *event = &w->batch[i];
	struct approach *a = &w->approaches[i];
	if (which == 0) {
		bool known = !address_is_none(&event->client);
		a->key = known ? key_of_client(&event->client) : (struct session_key){0};
		if (event->flags & EVENT_BY_SENDER)
			alias_prefetch(w->aliases, alias_of_tunnel(&event->client));
	}
	if (a->key.kind == KEY_NONE)
		return;
	if (which == 0)
		session_approach(&w->sessions, &a->key, &a->session);
	else if (which == 1)
		session_approach_slot(&w->sessions, &a->session);
	else
		session_approach_rest(&w->sessions, &a->key, &a->session);
}

// Who is farthest goes first, so that nobody takes two looks at once.
static void approach_sessions(struct worker *w)
{
	for (unsigned which = 3; which-- > 0;) {
		unsigned n = which ? w->n_near[which - 1] : w->n_batch;
		for (; w->n_near[which] < n; w->n_near[which]++)
			look(w, which, w->n_near[which]);
	}
}

static void dispatch_batch(struct worker *w)
{
	w->settled &= w->n_batch == 0;
	while (w->n_batch > 1 && w->n_near[2] < w->n_batch)
		approach_sessions(w);
	for (unsigned i = 0; i < w->n_batch; i++) {
		dispatch(w, &w->batch[i]);
		take_deferred(w);
	}
	w->n_batch = 0;
	memset(w->n_near, 0, sizeof(w->n_near));
}

// Returns whether what follows the line in its datagram may have been typed as a user's name.
static inline __attribute__((always_inline)) bool take_message(
	struct worker *w, const struct message *message, const struct arrival *arrival)
{
	struct event_matcher matcher = matcher_of(w);
	bool ends_with_user = false;
	if (w->n_near[2] < w->n_batch)
		approach_sessions(w);
	count_message(w, message);
	halt_at(HALT_message);
	if (!event_is_wanted(w->running->ruleset, message)) {
		counter_add(&w->counters.unmatched, 1);
		return false;
	}
	if (event_hangs_on_open(&matcher, message))
		dispatch_batch(w);
	struct event *events = &w->batch[w->n_batch];
	unsigned n = event_match(&matcher, message, arrival, events, EVENTS_OF_LINE_MAX);
	if (n == 0)
		counter_add(&w->counters.unmatched, 1);
	for (unsigned i = 0; i < n; i++) {
		halt_at(HALT_event);
		counter_add(&w->events[events[i].type], 1);
		events[i].queue = (uint16_t)(w->number * PORT_QUEUES_MAX + arrival->queue);
		events[i].generation = w->running->ruleset->generation;
		ends_with_user |= event_ends_with_user(&events[i]);
		if (arrival->doubtful)
			events[i].flags |= EVENT_AMBIGUOUS;
	}
	w->n_batch += n;
	if (w->n_batch >= BATCH_EVENTS)
		dispatch_batch(w);
	return ends_with_user;
}

// A name that was typed can look like the end of a line and a whole record after it. Where the text
// goes on behind as a line with such a name does, it is one line.
static struct slice join(struct worker *w, struct slice line, struct slice *payload)
{
	struct event_matcher matcher = matcher_of(w);
	struct slice rest = *payload, next;
	dispatch_batch(w); // what fits may hang on what is open
	for (unsigned i = 0; i < JOIN_MAX && message_next(&rest, &next); i++) {
		struct slice whole = {line.data, (uint32_t)(next.data + next.len - line.data)};
		struct message message;
		message_parse(w->shapes, whole, &message);
		if (event_is_one(&matcher, &message, line.data + line.len)) {
			*payload = rest;
			return whole;
		}
	}
	return line;
}

// Whether there was a message in it.
static bool take_payload(struct worker *w, struct slice payload, const struct arrival *arrival)
{
	struct slice line;
	struct message message;
	struct arrival one = *arrival;
	bool any = false;
	for (; message_next(&payload, &line); any = true) {
		if (payload.len)
			line = join(w, line, &payload);
		message_parse(w->shapes, line, &message);
		one.doubtful |= take_message(w, &message, &one);
	}
	return any;
}

void worker_take_frame(struct worker *w, const struct datagram_options *options,
	struct rte_mbuf *frame, uint64_t now_ms, uint64_t steady_ms)
{
	struct datagram datagram;
	datagram_expire_step(w->reader, steady_ms, false);
	enum datagram_fate fate =
		datagram_read(w->reader, &w->counters, options, frame, steady_ms, &datagram);
	if (fate == DATAGRAM_ANSWER)
		rte_pktmbuf_free(frame);
	if (fate != DATAGRAM_READY)
		return;
	struct arrival arrival = {.time_ms = now_ms, .sender = datagram.source};
	take_payload(w, datagram.payload, &arrival);
	dispatch_batch(w);
	datagram_release(&datagram);
}

void worker_take_line(struct worker *w, struct slice line, const struct arrival *arrival)
{
	bool any = take_payload(w, line, arrival);
	dispatch_batch(w);
	if (!any) {
		counters_drop(&w->counters, DROP_empty);
		return;
	}
	counter_add(&w->counters.packets, 1);
	counter_add(&w->counters.datagrams, 1);
}

void worker_take_message(
	struct worker *w, const struct message *message, const struct arrival *arrival)
{
	take_message(w, message, arrival);
	dispatch_batch(w);
	counter_add(&w->counters.packets, 1);
	counter_add(&w->counters.datagrams, 1);
}

bool worker_pass_over(struct worker *w, uint32_t asa_id)
{
	const struct message message = {.source = MESSAGE_ASA, .asa_id = asa_id};
	if (ruleset_wants(w->running->ruleset, asa_id))
		return false;
	count_message(w, &message);
	counter_add(&w->counters.unmatched, 1);
	counter_add(&w->counters.packets, 1);
	counter_add(&w->counters.datagrams, 1);
	return true;
}

// Events that others have sent. They are taken out of the ring only when they are done with.
static bool exchange(struct worker *w)
{
	bool any = false;
	for (unsigned sender = 0; sender < w->all->n; sender++) {
		struct rte_ring *ring = w->inbox[sender];
		for (unsigned i = 0; ring && i < EXCHANGE_STEP; i++) {
			struct rte_ring_zc_data place;
			if (rte_ring_dequeue_zc_bulk_elem_start(
				    ring, sizeof(struct event), 1, &place, NULL) == 0)
				break;
			// Of rules that this worker has only with its next turn.
			const struct event *event = place.ptr1;
			if (event->generation > w->running->ruleset->generation) {
				rte_ring_dequeue_zc_elem_finish(ring, 0);
				break;
			}
			halt_at(HALT_exchange_peeked);
			dispatch(w, place.ptr1);
			halt_at(HALT_exchange_judged);
			rte_ring_dequeue_zc_elem_finish(ring, 1);
			halt_at(HALT_exchange_taken);
			take_deferred(w);
			any = true;
		}
	}
	return any;
}

void worker_enter(struct worker *w)
{
	rte_rcu_qsbr_thread_online(w->all->quiescent, w->number);
}

void worker_leave(struct worker *w)
{
	rte_rcu_qsbr_thread_offline(w->all->quiescent, w->number);
}

bool worker_pass(struct worker *w, uint64_t now_ms, uint32_t max_sessions)
{
	halt_at(HALT_turn);
	rte_rcu_qsbr_quiescent(w->all->quiescent, w->number);
	halt_at(HALT_quiescent);
	w->running = atomic_load_explicit(&w->scanner, memory_order_acquire);
	session_set_ruleset(&w->sessions, w->running->ruleset);
	halt_at(HALT_rules);
	return worker_turn(w, now_ms, max_sessions);
}

bool worker_turn(struct worker *w, uint64_t now_ms, uint32_t max_sessions)
{
	bool any = exchange(w);
	bool more = handshake_expire_step(w->handshakes, now_ms, false, emit_now, w);
	more |= alias_expire_step(w->aliases, now_ms, false, emit_now, w);
	more |= session_expire_step(&w->sessions, now_ms, max_sessions);
	take_deferred(w);
	w->settled = !any && !more;
	return any;
}

bool worker_is_settled(const struct worker *w)
{
	return w->settled;
}

bool worker_finish(struct worker *w, uint64_t now_ms)
{
	bool any = exchange(w);
	if (w->reader)
		datagram_expire_step(w->reader, now_ms, true);
	handshake_expire_step(w->handshakes, now_ms, true, emit_now, w);
	take_deferred(w);
	any |= exchange(w);
	if (!any)
		alias_expire_step(w->aliases, now_ms, true, emit_now, w);
	take_deferred(w);
	return any;
}

// ---- the loop ----

// The wall clock without a system call: the TSC, and how far control says the wall is from it.
static uint64_t tsc_to_ms(uint64_t tsc)
{
	uint64_t hz = rte_get_tsc_hz();
	return tsc / hz * 1000 + tsc % hz * 1000 / hz;
}

void workers_set_clock(struct workers *all)
{
	struct timespec wall;
	clock_gettime(CLOCK_REALTIME, &wall);
	int64_t ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
	atomic_store_explicit(
		&all->wall_offset_ms, ms - (int64_t)tsc_to_ms(rte_rdtsc()), memory_order_relaxed);
}

// now_ms: the wall clock, for the lines; steady_ms: one that nobody sets, for fragments.
static unsigned receive(struct worker *w, uint16_t number, uint64_t now_ms, uint64_t steady_ms)
{
	const struct port_queue *queue = &w->queues[number];
	struct rte_mbuf *frames[BURST], *answers[BURST];
	struct datagram datagrams[BURST];
	unsigned n_datagrams = 0, n_answers = 0;
	unsigned n = rte_eth_rx_burst(queue->port, queue->queue, frames, BURST);
	if (n)
		halt_at(HALT_received);
	for (unsigned i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(frames[i], const void *));
	for (unsigned i = 0; i < n; i++) {
		switch (datagram_read(w->reader, &w->counters, &queue->options, frames[i],
			steady_ms, &datagrams[n_datagrams])) {
		case DATAGRAM_READY:
			n_datagrams++;
			break;
		case DATAGRAM_ANSWER:
			answers[n_answers++] = frames[i];
			break;
		case DATAGRAM_DROPPED:
		case DATAGRAM_HELD:
			break;
		}
	}
	for (unsigned i = 0; i < n_datagrams; i++) {
		struct arrival arrival = {
			.time_ms = now_ms, .sender = datagrams[i].source, .queue = number};
		halt_at(HALT_datagram);
		take_payload(w, datagrams[i].payload, &arrival);
		datagram_release(&datagrams[i]);
		halt_at(HALT_datagram_released);
	}
	dispatch_batch(w);
	unsigned sent =
		n_answers ? rte_eth_tx_burst(queue->port, queue->queue, answers, n_answers) : 0;
	for (; sent < n_answers; sent++)
		rte_pktmbuf_free(answers[sent]);
	return n;
}

// ns: how long the last rest was; frames: how many have come since. Returns how long this one was.
static uint32_t rest(uint32_t ns, unsigned frames)
{
	if (frames < REST_FRAMES_MIN)
		ns = ns < REST_NS_MAX / 2 ? ns * 2 : REST_NS_MAX;
	else if (frames > REST_FRAMES_MAX)
		ns = ns > REST_NS_MIN * 2 ? ns / 2 : REST_NS_MIN;
	nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
	return ns;
}

// The clock of this turn. It goes back only where the wall clock was set back, not with its small
// corrections.
static uint64_t turn_clock(struct worker *w, uint64_t steady_ms)
{
	int64_t offset = atomic_load_explicit(&w->all->wall_offset_ms, memory_order_relaxed);
	uint64_t now_ms = steady_ms + (uint64_t)offset;
	if (now_ms > w->now_ms || now_ms + CLOCK_SLACK_MS < w->now_ms)
		w->now_ms = now_ms;
	return w->now_ms;
}

static int run(void *argument)
{
	struct worker *w = argument;
	struct workers *all = w->all;
	uint32_t rest_ns = REST_NS_MIN;
	uint64_t last = rte_rdtsc(); // the end of the last turn
	unsigned frames = 0;	     // since the last rest
	// Sees all that control has made: the launch says so too, but where ThreadSanitizer cannot
	// see it.
	atomic_load_explicit(&all->stop, memory_order_acquire);
	worker_enter(w);
	counter_add(&w->idle_turns, 1); // it has begun: who then stands still is told of
	while (!atomic_load_explicit(&all->stop, memory_order_relaxed)) {
		uint64_t begin = rte_rdtsc(), steady_ms = tsc_to_ms(begin);
		uint64_t now_ms = turn_clock(w, steady_ms);
		unsigned n = 0;
		bool full = false;
		bool any = worker_pass(w, now_ms, SWEEP_STEP);
		for (unsigned i = 0; i < w->n_queues; i++) {
			unsigned got = receive(w, (uint16_t)i, now_ms, steady_ms);
			full |= got == BURST;
			n += got;
		}
		datagram_expire_step(w->reader, steady_ms, false);
		frames += n;
		// What other workers send goes on first.
		bool emptied = !full && !any;
		any |= n > 0;
		counter_add(any ? &w->busy_turns : &w->idle_turns, 1);
		uint64_t end = rte_rdtsc();
		counter_add(&w->cycles, end - last); // a rest is no work
		counter_add(&w->busy_cycles, any ? end - begin : 0);
		last = end;
		if (!all->busy && emptied) {
			rest_ns = rest(rest_ns, frames);
			frames = 0;
		}
	}
	worker_leave(w);
	atomic_fetch_add_explicit(&all->n_ended, 1, memory_order_release);
	return 0;
}

int workers_start(struct workers *all, const struct port_set *ports)
{
	assert(ports->n_workers == all->n);
	workers_set_clock(all);
	for (unsigned i = 0; i < all->n; i++) {
		struct worker *w = all->worker[i];
		w->n_queues = ports->n_queues[i];
		memcpy(w->queues, ports->queues[i], sizeof(w->queues));
		w->reader = datagram_reader_create(&w->counters);
		if (w->reader == NULL)
			return -ENOMEM;
	}
	atomic_store_explicit(&all->stop, false, memory_order_release);
	for (unsigned i = 0; i < all->n; i++) {
		if (rte_eal_remote_launch(run, all->worker[i], ports->lcores[i]) != 0) {
			workers_stop(all);
			return -EIO;
		}
	}
	return 0;
}

void workers_stop(struct workers *all)
{
	atomic_store(&all->stop, true);
	rte_eal_mp_wait_lcore();
	atomic_load_explicit(&all->n_ended, memory_order_acquire); // what they have written is seen
}
