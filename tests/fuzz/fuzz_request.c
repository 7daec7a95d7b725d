// SPDX-License-Identifier: BSD-3-Clause
// Requests of the control socket, a line each, to a daemon that has something to tell. Each answer
// is lines of JSON that say whether they are one.
#include "fuzz.h"

#include <unistd.h>

#include "../../control/command.h"
#include "../../control/daemon.h"
#include "../../control/log.h"
#include "../../control/reload_command.h"
#include "../../control/server.h"
#include "../unit/scene_pack.h"

#define STEPS_MAX 1000

static struct daemon daemon_;

static struct ruleset *compile(struct vocabulary *vocabulary)
{
	struct report report = {0};
	struct rulepack *pack = rulepack_load_bytes(
		"rules", scene_pack, sizeof(scene_pack) - 1, vocabulary, &report);
	struct ruleset *ruleset = pack ? ruleset_compile(pack, NULL, &report) : NULL;
	assert(ruleset != NULL);
	return ruleset;
}

static void remove_socket(void)
{
	server_destroy(daemon_.server);
}

static void log_some(struct workers *workers)
{
	static const char *const lines[] = {
		"fw1 : %ASA-6-722051: Group <VPNPhone> User <CP-7962G-SEP8CB64F576113> IP <198.51.100.9> IPv4 Address <10.9.0.7>",
		"fw1 : %ASA-4-724002: Group <VPNPhone> User <CP-7962G-SEP8CB64F576113> IP <198.51.100.9> WebVPN session not terminated",
		"fw1 : %ASA-6-716039: Group <g> User <some\"body\xff> IP <198.51.100.10> Authentication: rejected",
		"fw2 : %ASA-2-113022: AAA Marking RADIUS server 10.0.0.1 in aaa-server group x as FAILED",
		"902: NOT 10:19:27.155936 SECD: Leaf cert hash = 1289B8A7AA9FFD84865E38939F3466A61B5608FC SEP8CB64F576113",
	};
	struct arrival arrival = {.time_ms = 1000, .input = 1};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		worker_take_line(workers->worker[0], slice_of(lines[i]), &arrival);
		worker_turn(workers->worker[0], ++arrival.time_ms, UINT32_MAX);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	static const struct worker_limits limits = {.clients = 256,
		.diagnoses = 256,
		.handshakes = 64,
		.gateways = 8,
		.idle_ms = 3600 * 1000,
		.expire_ms = 24 * 3600 * 1000};
	struct report report = {0};
	assert(config_init(&daemon_.config, NULL, &report));
	daemon_.config.rules = "/proc/no-such"; // a reload fails, and says so
	daemon_.config.cache = NULL;
	daemon_.vocabulary = vocabulary_create();
	daemon_.workers =
		workers_create(1, &limits, compile(daemon_.vocabulary), &daemon_.config.policy);
	assert(daemon_.workers != NULL);
	daemon_.hidden_users = calloc(limits.gateways, sizeof(*daemon_.hidden_users));
	daemon_.hidden_users_ms = calloc(limits.gateways, sizeof(*daemon_.hidden_users_ms));
	daemon_.feed = feed_create(daemon_.workers);
	log_some(daemon_.workers);
	feed_drain(daemon_.feed);
	char path[64], error[256];
	static const struct journal_options history = {.window = 64}; // in memory alone
	daemon_.config.journal.directory = NULL;
	daemon_.journal = journal_create(&history, error, sizeof(error));
	daemon_.alerts = alerts_create(daemon_.workers->ruleset->pack);
	daemon_.roster = roster_create(daemon_.workers, NULL);
	assert(daemon_.journal && daemon_.alerts && daemon_.roster);
	// Only so that there is one to tell of; nobody connects.
	snprintf(path, sizeof(path), "/tmp/offhook-fuzz-%d.sock", (int)getpid());
	daemon_.server = server_create(&daemon_, path, error, sizeof(error));
	assert(daemon_.server != NULL);
	atexit(remove_socket);
	return 0;
}

// Whole lines, each an answer. cut: the answer was given up before its end.
static void check_answers(const struct buffer *out, bool cut)
{
	const char *at = out->data + out->from, *end = at + out->len;
	assert(!out->failed);
	while (at < end) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		assert(line != NULL || cut);
		if (line == NULL)
			return;
		json_error_t error;
		json_t *answer = json_loadb(at, (size_t)(line - at), 0, &error);
		assert(json_is_object(answer));
		assert(json_is_boolean(json_object_get(answer, "ok")));
		bool ok = json_is_true(json_object_get(answer, "ok"));
		assert(ok ? json_object_get(answer, "data") != NULL
			  : json_is_string(json_object_get(answer, "error")));
		json_decref(answer);
		at = line + 1;
	}
}

static void ask(const char *request, size_t len)
{
	// No terminator behind it, and nothing else.
	char *copy = malloc(len ? len : 1);
	memcpy(copy, request, len);
	struct answer answer = {.daemon = &daemon_};
	struct buffer out = {0};
	command_serve(copy, len, &answer, &out);
	free(copy);
	assert(out.len > 0 || answer.step != NULL);
	enum answer_turn turn = ANSWER_MORE;
	for (unsigned i = 0; answer.step && turn == ANSWER_MORE && i < STEPS_MAX; i++)
		turn = answer.step(&answer, &out);
	check_answers(&out, answer.step && turn != ANSWER_DONE);
	answer_fini(&answer);
	buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	if (size > 16384)
		return 0;
	while (at < end) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		size_t len = line ? (size_t)(line - at) : (size_t)(end - at);
		ask(at, len);
		at += len + (line != NULL);
	}
	return 0;
}
