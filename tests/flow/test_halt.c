// SPDX-License-Identifier: BSD-3-Clause
// No thread waits for another: one worker is halted for good at each place that dataplane/halt.h
// names, and all the others go on: workers take packets and sweep, control answers, tells watchers
// and reloads. What readers see is whole. Then it goes on, and nothing was lost.
//
// Real workers on lcores of their own, behind a looped capture; the main thread is control.
#include "../unit/desk.h"

#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <rte_lcore.h>

#include "../../control/server.h"
#include "../../dataplane/halt.h"
#include "../unit/scene_pack.h"
#include "halt_readers.h"
#include "halt_traffic.h"

#define WORKERS 3
#define PROGRESS 1000  // packets
#define PATIENCE_S 120 // a step that takes longer hangs

static const char *const names[] = {
#define X(name, what) #name,
	HALTS(X)
#undef X
};

static struct port_set ports;
static char cache[] =
	"/tmp/offhook-test-XXXXXX"; // of compiled rules: each place reloads them twice
static uint64_t position[WORKERS];  // of each queue in the capture

// ---- the halt ----

static atomic_int armed = HALT_MAX;
static atomic_bool halted, released;
static unsigned halted_worker;
static atomic_bool reached[HALT_MAX];

void halt_at(enum halt where)
{
	int expected = (int)where;
	if (atomic_load_explicit(&armed, memory_order_relaxed) != expected ||
		!atomic_compare_exchange_strong(&armed, &expected, HALT_MAX))
		return;
	halted_worker = rte_lcore_id() - 1; // lcore 0 is control
	atomic_store(&reached[where], true);
	atomic_store(&halted, true);
	while (!atomic_load(&released))
		nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

static void arm(enum halt where)
{
	atomic_store(&halted, false);
	atomic_store(&released, false);
	atomic_store(&armed, (int)where);
}

static const char *volatile step = "start";
static volatile enum halt place;

static void hangs(int number)
{
	static const char *const parts[] = {"# halted at ", NULL, ", hangs: ", NULL, "\n"};
	(void)number;
	for (unsigned i = 0; i < N(parts); i++) {
		const char *part = i == 1 ? names[place] : i == 3 ? step : parts[i];
		(void)!write(STDOUT_FILENO, part, strlen(part));
	}
	_exit(1);
}

static void begin(const char *what)
{
	step = what;
	alarm(PATIENCE_S);
}

static uint64_t received(void)
{
	struct port_stats stats;
	assert_int_equal(port_stats(&ports, &stats, 1), 1);
	return stats.received;
}

// ---- control ----

struct control {
	struct desk *desk;
	struct workers *workers;
	int client, watcher;
	uint64_t n_told; // lines to the watcher
	unsigned column; // in its present line
};

struct test {
	enum halt where;
	struct control control;
};

static void watch(struct control *c)
{
	static const char request[] =
		"{\"command\":\"watch\",\"arguments\":{\"all_clients\":true}}\n";
	assert_int_equal(send(c->watcher, request, strlen(request), 0), strlen(request));
}

// To the watcher; it watches again where it could not keep up.
static void take_news(struct control *c, const char *text, ssize_t len)
{
	for (ssize_t i = 0; i < len; i++) {
		bool over = c->column == strlen("{\"ok\":") && text[i] == 'f';
		if (over)
			watch(c);
		c->n_told += text[i] == '\n' && !over;
		c->column = text[i] == '\n' ? 0 : c->column + 1;
	}
}

// Whether nothing is left to do at once.
static bool control_turn(struct control *c)
{
	char text[65536];
	struct daemon *d = &c->desk->daemon;
	bool busy = feed_drain(d->feed);
	busy |= server_step(d->server, c->desk->steady_ms);
	ssize_t n = recv(c->watcher, text, sizeof(text), MSG_DONTWAIT);
	take_news(c, text, n);
	return !busy && n <= 0;
}

static char *control_line(struct control *c)
{
	char *line = calloc(1, 1 << 22);
	assert_non_null(line);
	for (size_t len = 0; len == 0 || line[len - 1] != '\n';) {
		control_turn(c);
		ssize_t n = recv(c->client, line + len, 1, MSG_DONTWAIT);
		for (; n == 1 && line[len++] != '\n';)
			n = recv(c->client, line + len, 1, MSG_DONTWAIT);
		assert_true(len < (1 << 22) - 1);
	}
	return line;
}

// The answer; whether it is a good one has to be as wanted.
static json_t *ask(struct control *c, const char *request, bool good)
{
	begin(request);
	assert_int_equal(send(c->client, request, strlen(request), 0), strlen(request));
	assert_int_equal(send(c->client, "\n", 1, 0), 1);
	char *line = control_line(c);
	json_t *answer = json_loads(line, 0, NULL);
	if (answer == NULL || json_is_true(json_object_get(answer, "ok")) != good)
		fail_msg("%s: %.300s", request, line);
	free(line);
	return answer;
}

static void ask_for_data(struct control *c, const char *request)
{
	json_t *answer = ask(c, request, true);
	assert_non_null(json_object_get(answer, "data"));
	json_decref(answer);
}

static bool is_in_force(const json_t *answer)
{
	return json_is_true(json_object_get(json_object_get(answer, "data"), "in_force"));
}

static bool has_reason(const json_t *status, const char *wanted)
{
	const json_t *health = json_object_get(json_object_get(status, "data"), "health"), *reason;
	size_t i;
	json_array_foreach(json_object_get(health, "reasons"), i, reason)
	{
		if (strcmp(json_string_value(reason), wanted) == 0)
			return true;
	}
	return false;
}

// ---- the others ----

struct progress {
	uint64_t packets, turns, swept;
};

static struct progress progress_of(const struct worker *w)
{
	return (struct progress){counter_get(&w->counters.packets),
		counter_get(&w->busy_turns) + counter_get(&w->idle_turns),
		counter_get(&w->counters.sessions_expired)};
}

static bool has_moved(const struct progress *before, const struct progress *now)
{
	return now->packets > before->packets + PROGRESS && now->turns > before->turns &&
	       now->swept > before->swept;
}

// Every worker but the halted one goes on from here, and the watcher is told of it. WORKERS: none
// is halted.
static void await_progress(struct control *c, unsigned but)
{
	struct progress before[WORKERS], now;
	uint64_t told = c->n_told;
	begin("progress of the others");
	for (unsigned i = 0; i < WORKERS; i++)
		before[i] = progress_of(c->workers->worker[i]);
	for (unsigned n = 0; n < WORKERS - (but < WORKERS);) {
		control_turn(c);
		n = 0;
		for (unsigned i = 0; i < WORKERS; i++) {
			now = progress_of(c->workers->worker[i]);
			if (i != but)
				n += has_moved(&before[i], &now);
			else
				assert_memory_equal(&now, &before[i], sizeof(now));
		}
	}
	begin("news for the watcher");
	while (c->n_told == told)
		control_turn(c);
}

// ---- the steps ----

static void start(struct control *c)
{
	begin("start");
	if (workers_start(c->workers, &ports) != 0)
		fail_msg("the workers do not start");
}

static void stop(struct control *c)
{
	begin("the workers do not stop");
	atomic_store(&released, true);
	workers_stop(c->workers);
}

static void await_halt(struct control *c, enum halt where)
{
	begin("it is never reached");
	while (!atomic_load(&halted))
		control_turn(c);
	assert_true(atomic_load(&reached[where]));
	assert_in_range(halted_worker, 0, WORKERS - 1);
}

static void readers_see_what_is_whole(struct control *c, enum halt where)
{
	begin("readers");
	halt_readers_check(c->workers, halted_worker, where);
}

// A second between two looks, as control has it.
static void status_names_the_halted(struct control *c)
{
	struct daemon *d = &c->desk->daemon;
	char wanted[64];
	for (unsigned i = 0; i < 2; i++) {
		rates_sample(&d->rates, d->workers, &d->ports, 1000 + 1000 * i);
		await_progress(c, halted_worker);
	}
	json_t *status = ask(c, "{\"command\":\"status\"}", true);
	for (unsigned i = 0; i < WORKERS; i++) {
		snprintf(wanted, sizeof(wanted), "worker %u stands still", i);
		assert_int_equal(has_reason(status, wanted), i == halted_worker);
	}
	json_decref(status);
}

static void reload_waits_for_the_halted_alone(struct control *c)
{
	json_t *answer = ask(c, "{\"command\":\"reload\"}", true);
	assert_false(is_in_force(answer));
	json_decref(answer);
	await_progress(c, halted_worker);
	assert_false(workers_retire(c->workers));
	json_decref(ask(c, "{\"command\":\"reload\"}", false));
	json_t *status = ask(c, "{\"command\":\"status\"}", true);
	assert_true(
		has_reason(status, "a worker has not gone over to the rules of the last reload"));
	json_decref(status);
}

static void reload_is_done_when_it_goes_on(struct control *c)
{
	atomic_store(&released, true);
	begin("the old rules are not freed");
	while (!workers_retire(c->workers))
		control_turn(c);
	json_t *answer;
	for (bool done = false; !done; json_decref(answer)) {
		answer = ask(c, "{\"command\":\"reload\"}", true);
		done = is_in_force(answer);
		begin("the old rules are not freed");
		while (!workers_retire(c->workers))
			control_turn(c);
	}
	await_progress(c, WORKERS);
}

static void control_rests(struct control *c)
{
	begin("control does not rest");
	while (!control_turn(c))
		;
}

// Every packet was taken, and of every line a rule knows the event was made, by the old rules or by
// the new ones.
static void nothing_was_lost(struct control *c, uint64_t n_received)
{
	uint64_t packets = 0;
	for (unsigned i = 0; i < WORKERS; i++) {
		const struct worker *w = c->workers->worker[i];
		uint64_t n = counter_get(&w->counters.packets), events = 0;
		for (unsigned k = 0; k < EVENTS_MAX; k++)
			events += counter_get(&w->events[k]);
		assert_int_equal(counter_get(&w->counters.datagrams), n);
		assert_int_equal(counter_get(&w->counters.messages), n);
		assert_int_equal(counter_get(&w->counters.unmatched),
			halt_traffic_noise(position[i], position[i] + n));
		assert_int_equal(events + counter_get(&w->counters.unmatched), n);
		packets += n;
	}
	assert_int_equal(packets, n_received);
}

static void nobody_waits_for_who_is_halted(void **state)
{
	struct test *test = *state;
	struct control *c = &test->control;
	uint64_t before = received();
	place = test->where;
	if (test->where == HALT_gateway_naming) // only ever at the start
		arm(test->where);
	start(c);
	if (test->where != HALT_gateway_naming) {
		await_progress(c, WORKERS);
		arm(test->where);
	}
	await_halt(c, test->where);
	await_progress(c, halted_worker);
	readers_see_what_is_whole(c, test->where);
	status_names_the_halted(c);
	ask_for_data(c, "{\"command\":\"diagnoses\",\"arguments\":{\"state\":\"all\"}}");
	ask_for_data(c, "{\"command\":\"phone\",\"arguments\":{\"key\":\"SEP8CB64F570005\"}}");
	reload_waits_for_the_halted_alone(c);
	readers_see_what_is_whole(c, test->where);
	reload_is_done_when_it_goes_on(c);
	stop(c);
	control_rests(c);
	nothing_was_lost(c, received() - before);
}

// ---- one case for each place ----

static int set_up(void **state)
{
	static const struct worker_limits limits = {
		.clients = 3 * (HALT_TRAFFIC_STRANGERS + 2 * HALT_TRAFFIC_PHONES),
		.diagnoses = 300,
		.handshakes = 256,
		.gateways = 128,
		.idle_ms = 1,
		.expire_ms = 24 * 3600 * 1000};
	struct test *test = *state;
	struct control *c = &test->control;
	c->desk = desk_create_sized(WORKERS, &limits);
	c->workers = c->desk->daemon.workers;
	c->desk->daemon.ports = ports;
	c->desk->daemon.config.cache = cache;
	desk_write_rules(c->desk, scene_pack);
	c->client = desk_connect(c->desk);
	c->watcher = desk_connect_silent(c->desk);
	watch(c);
	return 0;
}

static int tear_down(void **state)
{
	struct test *test = *state;
	struct control *c = &test->control;
	atomic_store(&armed, HALT_MAX);
	stop(c);
	for (unsigned i = 0; i < WORKERS; i++)
		position[i] += counter_get(&c->workers->worker[i]->counters.packets);
	close(c->client);
	close(c->watcher);
	desk_destroy(c->desk);
	alarm(0);
	return 0;
}

static int open_ports(void **state)
{
	(void)state;
	signal(SIGALRM, hangs);
	assert_non_null(mkdtemp(cache));
	halt_traffic_start(&ports, WORKERS);
	return 0;
}

static int close_ports(void **state)
{
	(void)state;
	char command[64];
	snprintf(command, sizeof(command), "rm -r %s", cache);
	port_stop(&ports);
	return system(command);
}

// test_halt [PLACE]: all places, or those that a pattern names.
int main(int argc, char **argv)
{
	char pattern[64];
	static struct test states[HALT_MAX];
#define X(at, what)                                                                        \
	{"nobody_waits_for_who_is_halted_at_" #at, nobody_waits_for_who_is_halted, set_up, \
		tear_down, &states[HALT_##at]},
	const struct CMUnitTest tests[] = {HALTS(X)};
#undef X
	for (unsigned i = 0; i < HALT_MAX; i++)
		states[i].where = (enum halt)i;
	snprintf(pattern, sizeof(pattern), "*_at_%s", argc > 1 ? argv[1] : "*");
	cmocka_set_test_filter(pattern);
	return cmocka_run_group_tests(tests, open_ports, close_ports);
}
