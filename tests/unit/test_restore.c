// SPDX-License-Identifier: BSD-3-Clause
#include "../../control/restore.h"

#include "../../control/diagnosis_json.h"
#include "../../control/pack.h"
#include "../../control/phone_record.h"
#include "../../control/recorder.h"
#include "../../control/text.h"
#include <unistd.h>

#include "desk.h"
#include "scene_lines.h"

#define HEADERS_LEN 42 // of a frame of the capture: Ethernet, IPv4, UDP
#define SENDER_OFFSET 26

// ---- what a daemon leaves ----

static json_t *diagnosis_at(const struct workers *workers, unsigned worker, uint32_t slot)
{
	_Alignas(8) char lines[EVIDENCE_BYTES_MAX];
	struct diagnosis d;
	const struct diagnosis_table *t = workers->worker[worker]->sessions.diagnoses;
	if (diagnosis_read(t, slot, &d, lines) != DIAGNOSIS_READ || d.state == DIAGNOSIS_ABSORBED)
		return NULL;
	return diagnosis_json(&d, lines, workers->ruleset->pack, &workers->gateways, LANGUAGE_EN);
}

static void add_by_id(json_t *kept, json_t *object)
{
	if (object)
		json_object_set_new(kept, text_of(object, "id"), object);
}

// Every diagnosis that the tables have in this state (NULL: any), by its id.
static json_t *diagnoses_of(const struct workers *workers, const char *state)
{
	json_t *kept = json_object();
	for (unsigned i = 0; i < workers->n; i++) {
		uint32_t high = workers->worker[i]->sessions.diagnoses->high_water;
		for (uint32_t slot = 0; slot < high; slot++) {
			json_t *object = diagnosis_at(workers, i, slot);
			bool wanted = object && (state == NULL || strcmp(text_of(object, "state"),
									  state) == 0);
			add_by_id(kept, wanted ? json_incref(object) : NULL);
			json_decref(object);
		}
	}
	return kept;
}

static void add_phones(json_t *kept, const struct workers *workers, unsigned worker)
{
	const struct session_table *t = &workers->worker[worker]->sessions;
	struct session session;
	struct identity identity;
	char text[PHONE_KEY_MAX];
	for (uint32_t at = 0; at < t->high_water; at++) {
		uint32_t i = session_read(t, at, &session) ? session.identity : SESSION_NONE;
		for (; i != SESSION_NONE && identity_read(t, i, &identity); i = identity.next) {
			if (!(identity.flags & IDENTITY_PHONE))
				continue;
			json_t *object = phone_record_json(&session, &identity, &workers->gateways);
			json_object_set_new(kept, phone_record_key(object, text), object);
		}
	}
}

static json_t *phones_of(const struct workers *workers)
{
	json_t *kept = json_object();
	for (unsigned i = 0; i < workers->n; i++)
		add_phones(kept, workers, i);
	return kept;
}

// ---- the next one ----

static struct restored restore(
	struct workers *workers, const json_t *phones, const json_t *diagnoses, uint64_t now_ms)
{
	struct restoring *r = restoring_begin(workers, NULL, now_ms);
	struct restored restored;
	const char *key;
	json_t *object;
	assert_non_null(r);
	json_object_foreach((json_t *)phones, key, object) restoring_phone(r, key, object);
	json_object_foreach((json_t *)diagnoses, key, object) restoring_subject(r, object);
	json_object_foreach((json_t *)diagnoses, key, object) restoring_diagnosis(r, object);
	restoring_end(r, &restored);
	return restored;
}

static void same(const json_t *wanted, const json_t *got)
{
	if (json_equal((json_t *)wanted, (json_t *)got))
		return;
	char *one = json_dumps(wanted, JSON_INDENT(1)), *other = json_dumps(got, JSON_INDENT(1));
	fail_msg("not the same:\n%s\n%s", one, other ? other : "nothing");
}

// ---- the catalogue ----

static const struct worker_limits limits = {.clients = 4096,
	.diagnoses = 1024,
	.handshakes = 256,
	.gateways = 32,
	.idle_ms = 3600 * 1000,
	.expire_ms = 24 * 3600 * 1000};

static struct slice read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	char *bytes = malloc(8 << 20);
	assert_non_null(bytes);
	size_t len = fread(bytes, 1, 8 << 20, file);
	assert_in_range(len, 1000, (8 << 20) - 1);
	fclose(file);
	return (struct slice){bytes, (uint32_t)len};
}

static uint32_t word_at(const char *bytes)
{
	uint32_t word;
	memcpy(&word, bytes, sizeof(word));
	return word;
}

static void turn_all(struct workers *workers, uint64_t now_ms)
{
	for (unsigned quiet = 0; quiet < 2;) {
		bool any = false;
		for (unsigned i = 0; i < workers->n; i++)
			any |= worker_turn(workers->worker[i], now_ms, UINT32_MAX);
		quiet = any ? 0 : quiet + 1;
	}
}

// What has changed and is open.
static void note_changes(struct workers *workers, json_t *kept)
{
	for (unsigned i = 0; i < workers->n; i++) {
		uint32_t slot;
		while (outbox_pop(&workers->worker[i]->outbox, &slot)) {
			json_t *object = diagnosis_at(workers, i, slot);
			if (object && strcmp(text_of(object, "state"), "open") != 0) {
				json_decref(object);
				object = NULL;
			}
			add_by_id(kept, object);
		}
	}
}

// Each diagnosis of the capture as it was told last while it was open. Returns the time of the last
// packet.
static uint64_t play_catalogue(struct workers *workers, json_t *kept)
{
	struct slice capture = read_file(CATALOGUE);
	struct arrival arrival = {0};
	for (uint32_t at = 24; at < capture.len;) {
		const char *header = capture.data + at, *frame = header + 16;
		uint32_t len = word_at(header + 8);
		arrival.time_ms = word_at(header) * 1000ull + word_at(header + 4) / 1000;
		arrival.sender = address_of_ipv4(word_at(frame + SENDER_OFFSET));
		struct slice line = {frame + HEADERS_LEN, len - HEADERS_LEN};
		worker_take_line(
			workers->worker[arrival.sender.bytes[15] % workers->n], line, &arrival);
		turn_all(workers, arrival.time_ms);
		note_changes(workers, kept);
		at += 16 + len;
	}
	free((char *)capture.data);
	return arrival.time_ms;
}

struct house {
	struct vocabulary *vocabulary;
	struct workers *workers;
};

static struct house house_create(unsigned n_workers)
{
	static struct policy policy = {.phone_groups = {"*phone*"}, .n_phone_groups = 1};
	struct report report = {0};
	struct house house = {.vocabulary = vocabulary_create()};
	policy.relays[0].prefix = 128;
	assert_true(address_parse(slice_of("192.0.2.250"), &policy.relays[0].address));
	policy.n_relays = 1;
	struct ruleset *ruleset = pack_load(RULES, pack_cache_dir(), house.vocabulary, &report);
	assert_non_null(ruleset);
	house.workers = workers_create(n_workers, &limits, ruleset, &policy);
	assert_non_null(house.workers);
	report_fini(&report);
	return house;
}

static void house_destroy(struct house *house)
{
	workers_destroy(house->workers);
	vocabulary_destroy(house->vocabulary);
}

static void catalogue_comes_back(
	const json_t *phones, const json_t *kept, uint64_t now_ms, unsigned n_workers)
{
	struct house after = house_create(n_workers);
	struct restored restored = restore(after.workers, phones, kept, now_ms);
	json_t *got = diagnoses_of(after.workers, NULL), *object;
	const char *id;
	json_object_foreach((json_t *)kept, id, object) same(object, json_object_get(got, id));
	assert_int_equal(json_object_size(got), json_object_size(kept));
	assert_int_equal(restored.n_diagnoses, json_object_size(kept));
	assert_int_equal(restored.n_phones, json_object_size(phones));
	assert_int_equal(restored.n_refused + restored.n_full + restored.n_lines_unknown, 0);
	json_decref(got);
	house_destroy(&after);
}

static void every_diagnosis_of_the_catalogue_is_restored_as_it_was(void **state)
{
	json_t *kept = json_object(), *names = json_object(), *object;
	struct house before = house_create(1);
	const char *id;
	(void)state;
	uint64_t now_ms = play_catalogue(before.workers, kept);
	json_t *phones = phones_of(before.workers);
	json_object_foreach(kept, id, object)
		json_object_set_new(names, text_of(object, "diagnosis"), json_true());
	assert_int_equal(json_object_size(names), 36);
	catalogue_comes_back(phones, kept, now_ms, 1);
	catalogue_comes_back(phones, kept, now_ms, 2);
	json_decref(kept);
	json_decref(names);
	json_decref(phones);
	house_destroy(&before);
}

// ---- a restart ----

#define RESTART_MS 100000 // after the first line

// Two scenes, one after the other.
struct restart {
	struct scene *before, *after;
	unsigned n_workers; // of both
	json_t *phones, *diagnoses;
	struct restored restored;
};

static int set_up_restart(void **state, unsigned n_workers)
{
	struct restart *r = calloc(1, sizeof(*r));
	r->n_workers = n_workers;
	r->before = scene_create(scene_pack, n_workers, NULL);
	*state = r;
	return 0;
}

static int set_up_one(void **state)
{
	return set_up_restart(state, 1);
}

static int set_up_two(void **state)
{
	return set_up_restart(state, 2);
}

static int tear_down_restart(void **state)
{
	struct restart *r = *state;
	scene_destroy(r->before);
	if (r->after)
		scene_destroy(r->after);
	json_decref(r->phones);
	json_decref(r->diagnoses);
	free(r);
	return 0;
}

static struct scene *restart_with(struct restart *r, const char *pack, const char *state)
{
	r->phones = phones_of(scene_workers(r->before));
	r->diagnoses = diagnoses_of(scene_workers(r->before), state);
	r->after = scene_create(pack, r->n_workers, NULL);
	scene_wait(r->after, RESTART_MS - 1000);
	r->restored = restore(scene_workers(r->after), r->phones, r->diagnoses, RESTART_MS);
	return r->after;
}

// All is there again, and nothing is told anew.
static struct scene *restart(struct restart *r)
{
	struct scene *s = restart_with(r, scene_pack, "open");
	json_t *got = diagnoses_of(scene_workers(s), NULL);
	same(r->diagnoses, got);
	json_decref(got);
	got = phones_of(scene_workers(s));
	same(r->phones, got);
	json_decref(got);
	assert_int_equal(scene_count(s, NULL), 0);
	return s;
}

// That of the name is told as the one that was restored, with a later sequence.
static const json_t *goes_on(struct restart *r, const char *diagnosis, const char *state)
{
	const json_t *now = scene_only(r->after, diagnosis);
	const json_t *then = json_object_get(r->diagnoses, text_of(now, "id"));
	assert_non_null(then);
	assert_string_equal(text_of(now, "state"), state);
	assert_true(number_of(now, "sequence") > number_of(then, "sequence"));
	assert_string_equal(text_of(now, "first_seen"), text_of(then, "first_seen"));
	return now;
}

static void a_success_ends_what_was_open(void **state)
{
	struct restart *r = *state;
	csd(r->before, PHONE_A, "192.0.2.1");
	struct scene *s = restart(r);
	tunnel_up(s, PHONE_A, "192.0.2.1", "172.16.0.1");
	goes_on(r, "csd", "recovered");
	// It comes back at once.
	csd(s, PHONE_A, "192.0.2.1");
	const json_t *d = goes_on(r, "csd", "open");
	assert_int_equal(number_of(d, "count"), 2);
}

static void more_evidence_goes_on_with_what_was_open(void **state)
{
	struct restart *r = *state;
	csd(r->before, PHONE_A, "192.0.2.1");
	scene_wait(r->before, 5000);
	csd(r->before, PHONE_A, "192.0.2.1");
	struct scene *s = restart(r);
	csd(s, PHONE_A, "192.0.2.1");
	const json_t *d = goes_on(r, "csd", "open");
	assert_int_equal(number_of(d, "count"), 3);
	assert_int_equal(n_evidence(d), 2);
}

static void what_was_seen_proves_more_with_what_comes(void **state)
{
	struct restart *r = *state;
	tunnel_up(r->before, PHONE_A, "192.0.2.1", "172.16.0.1");
	scene_wait(r->before, 95000);
	reject_certificate(r->before, "192.0.2.1", 40000);
	tls_completes(r->before, "192.0.2.1", 39999);
	struct scene *s = restart(r);
	scene_line_from(s, "192.0.2.1", UNTRUSTED);
	const json_t *d = goes_on(r, "hash-mismatch", "open");
	assert_string_equal(text_of(d, "confidence"), "confirmed");
}

static void a_phone_is_found_by_its_tunnel_address(void **state)
{
	struct restart *r = *state;
	tunnel_up(r->before, PHONE_A, "192.0.2.1", "172.16.0.1");
	csd(r->before, PHONE_A, "192.0.2.1");
	struct scene *s = restart(r);
	scene_line_from(s, "172.16.0.1", HOST_ID);
	assert_open(s, "host-id", "192.0.2.1", SEP_A);
}

static void a_phone_is_found_by_its_user(void **state)
{
	struct restart *r = *state;
	tunnel_up(r->before, "phone7", "192.0.2.1", "172.16.0.1");
	say(r->before,
		"fw1 : %%ASA-6-722051: Group <a-phone> User <phone7> IP <192.0.2.1> IPv4 Address "
		"<172.16.0.1> IPv6 address <::> assigned to session");
	struct scene *s = restart(r);
	say(s, "fw1 : %%ASA-6-113013: AAA unable to complete the request Error : reason = Simultaneous "
	       "logins exceeded for user : user = phone7");
	const json_t *d = scene_only(s, "simultaneous");
	assert_string_equal(text_of(d, "client_ip"), "192.0.2.1");
	assert_string_equal(text_of(d, "user"), "phone7");
}

static void a_phone_known_by_name_alone_is_restored(void **state)
{
	struct restart *r = *state;
	scene_line_from(r->before, RELAY, "<131>" SEP_A ": " HOST_ID);
	struct scene *s = restart(r);
	scene_line_from(s, RELAY, "<131>" SEP_A ": " HOST_ID);
	const json_t *d = goes_on(r, "host-id", "open");
	assert_int_equal(number_of(d, "count"), 2);
}

static void phones_at_one_address_are_told_apart(void **state)
{
	struct restart *r = *state;
	tunnel_up(r->before, PHONE_A, "192.0.2.1", "172.16.0.1");
	tunnel_up(r->before, PHONE_B, "192.0.2.1", "172.16.0.2");
	say(r->before, "fw1 : %%ASA-4-113019: Group = TG, Username = " PHONE_A
		       ", IP = 192.0.2.1, Session disconnected");
	csd(r->before, PHONE_B, "192.0.2.1");
	reject_certificate(r->before, "192.0.2.1", 40000);
	assert_true(is_true(scene_only(r->before, "hash-mismatch"), "ambiguous"));
	struct scene *s = restart(r);
	scene_wait(s, 5000);
	tunnel_up(s, PHONE_A, "192.0.2.1", "172.16.0.1");
	assert_int_equal(scene_count(s, "csd"), 0);
	tunnel_up(s, PHONE_B, "192.0.2.1", "172.16.0.2");
	goes_on(r, "csd", "recovered");
}

static void who_is_no_phone_is_restored_with_what_is_open(void **state)
{
	struct restart *r = *state;
	csd(r->before, "alice", "192.0.2.1");
	struct scene *s = restart(r);
	csd(s, "alice", "192.0.2.1");
	const json_t *d = goes_on(r, "csd", "open");
	assert_string_equal(text_of(d, "confidence"), "suspected");
	assert_string_equal(text_of(d, "user"), "alice");
}

static void what_is_open_of_a_gateway_goes_on(void **state)
{
	struct restart *r = *state;
	say(r->before,
		"fw1 : %%ASA-2-113022: AAA Marking RADIUS server 10.0.0.9 in aaa-server group AAA as "
		"FAILED");
	struct scene *s = restart(r);
	say(s, "fw1 : %%ASA-2-113022: AAA Marking RADIUS server 10.0.0.9 in aaa-server group AAA as "
	       "FAILED");
	goes_on(r, "aaa-down", "open");
	say(s, "fw1 : %%ASA-2-113023: AAA Marking RADIUS server 10.0.0.9 in aaa-server group AAA as "
	       "ACTIVE");
	goes_on(r, "aaa-down", "recovered");
}

static void expiry_goes_on_from_the_last_evidence(void **state)
{
	struct restart *r = *state;
	csd(r->before, PHONE_A, "192.0.2.1");
	struct scene *s = restart(r);
	scene_wait(s, 24 * 3600 * 1000 - RESTART_MS);
	assert_int_equal(scene_count(s, NULL), 0);
	scene_wait(s, 2 * SESSION_SWEEP_MS);
	goes_on(r, "csd", "expired");
}

static void what_no_rule_knows_any_more_expires(void **state)
{
	static const char other_pack[] =
		"messages:\n"
		"  - {id: ASA-724002, event: csd-off,\n"
		"     text: 'Group <{group}> User <{user}> IP <{client}> WebVPN session'}\n"
		"diagnoses:\n"
		"  - {id: other, title: t, remedy: r, confirmed: csd-off}\n";
	struct restart *r = *state;
	csd(r->before, PHONE_A, "192.0.2.1");
	struct scene *s = restart_with(r, other_pack, "open");
	assert_int_equal(r->restored.n_diagnoses, 1);
	scene_wait(s, 2 * SESSION_SWEEP_MS);
	goes_on(r, "csd", "expired");
}

static void what_has_just_recovered_can_relapse(void **state)
{
	struct restart *r = *state;
	scene_wait(r->before, 90000);
	csd(r->before, PHONE_A, "192.0.2.1");
	scene_wait(r->before, 3000);
	tunnel_up(r->before, PHONE_A, "192.0.2.1", "172.16.0.1");
	struct scene *s = restart_with(r, scene_pack, "recovered");
	json_t *got = diagnoses_of(scene_workers(s), NULL);
	same(r->diagnoses, got);
	json_decref(got);
	csd(s, PHONE_A, "192.0.2.1");
	goes_on(r, "csd", "open");
}

static void what_recovered_long_ago_is_left_out(void **state)
{
	struct restart *r = *state;
	csd(r->before, PHONE_A, "192.0.2.1");
	tunnel_up(r->before, PHONE_A, "192.0.2.1", "172.16.0.1");
	struct scene *s = restart_with(r, scene_pack, "recovered");
	assert_int_equal(r->restored.n_diagnoses, 0);
	csd(s, PHONE_A, "192.0.2.1");
	assert_null(json_object_get(r->diagnoses, text_of(scene_only(s, "csd"), "id")));
}

static void nothing_counts_as_a_line(void **state)
{
	static const struct counters none;
	struct restart *r = *state;
	for (unsigned i = 0; i < 40; i++) {
		char client[20];
		snprintf(client, sizeof(client), "192.0.2.%u", i + 1);
		tunnel_up(r->before, i ? "bob" : PHONE_A, client, "172.16.0.1");
		csd(r->before, i % 2 ? PHONE_B : "bob", client);
	}
	struct scene *s = restart_with(r, scene_pack, "open");
	for (unsigned i = 0; i < r->n_workers; i++)
		assert_memory_equal(&scene_workers(s)->worker[i]->counters, &none, sizeof(none));
}

// ---- a daemon ----

// A daemon that records in memory what it tells.
struct recording {
	struct desk *desk;
	struct journal *journal;
	struct journal_reader *reader;
	struct recorder *recorder;
};

static struct recording recording_create(void)
{
	static const struct journal_options options = {.window = 64};
	struct recording r = {.desk = desk_create(2)};
	char error[256];
	r.journal = journal_create(&options, error, sizeof(error));
	assert_non_null(r.journal);
	r.reader = journal_reader_create(r.journal, "test");
	r.recorder = recorder_create(r.desk->daemon.feed, r.journal, NULL);
	assert_non_null(r.recorder);
	return r;
}

static void recording_destroy(struct recording *r)
{
	journal_reader_destroy(r->reader);
	recorder_destroy(r->recorder);
	journal_destroy(r->journal);
	desk_destroy(r->desk);
}

static json_t *next(struct recording *r)
{
	struct record *record;
	do {
		feed_drain(r->desk->daemon.feed);
	} while (recorder_step(r->recorder, r->desk->now_ms));
	if (journal_reader_take(r->reader, &record, 1, 0) == 0)
		return NULL;
	json_t *object = record_json(record);
	record_release(record);
	return object;
}

static void expect_next(struct recording *r, const char *id, const char *state)
{
	json_t *object = next(r);
	assert_non_null(object);
	assert_string_equal(text_of(object, "id"), id);
	assert_string_equal(text_of(object, "state"), state);
	json_decref(object);
}

// A daemon that was told of a phone with this line open; the object is the caller's.
static struct recording reborn(const char *line, json_t **told)
{
	struct recording before = recording_create();
	desk_line(before.desk, line);
	json_t *diagnoses = json_object();
	*told = next(&before);
	assert_non_null(*told);
	json_object_set(diagnoses, text_of(*told, "id"), *told);
	json_t *phones = phones_of(before.desk->daemon.workers);
	struct recording after = recording_create();
	after.desk->now_ms = 5000;
	restore(after.desk->daemon.workers, phones, diagnoses, after.desk->now_ms);
	recorder_restored(after.recorder);
	assert_null(next(&after));
	recording_destroy(&before);
	json_decref(diagnoses);
	json_decref(phones);
	return after;
}

#define CSD                                                                                    \
	"fw1 : %ASA-4-724002: Group <G> User <" PHONE_A "> IP <192.0.2.1> WebVPN session not " \
	"terminated."
#define REJECTED \
	"fw1 : %ASA-6-716039: Group <GP> User <" PHONE_A "> IP <192.0.2.1> Authentication: rejected"

static void only_what_becomes_of_it_is_recorded(void **state)
{
	json_t *told;
	(void)state;
	struct recording r = reborn(CSD, &told);
	desk_line(r.desk,
		"fw1 : %ASA-6-722051: Group <G> User <" PHONE_A
		"> IP <192.0.2.1> IPv4 Address <172.16.0.1> IPv6 address <::> assigned to session");
	expect_next(&r, text_of(told, "id"), "recovered");
	assert_null(next(&r));
	recording_destroy(&r);
	json_decref(told);
}

static void what_turns_out_to_be_a_consequence_ends(void **state)
{
	json_t *told, *object;
	(void)state;
	struct recording r = reborn(REJECTED, &told);
	desk_line(r.desk,
		"fw1 : %ASA-6-113013: AAA unable to complete the request Error : reason = Simultaneous "
		"logins exceeded for user : user = " PHONE_A);
	bool ended = false;
	for (int turn = 0; turn < 2; turn++) { // the end waits for whether it goes on elsewhere
		while ((object = next(&r)) != NULL) {
			ended |= strcmp(text_of(object, "id"), text_of(told, "id")) == 0 &&
				 strcmp(text_of(object, "state"), "expired") == 0;
			json_decref(object);
		}
		r.desk->now_ms += RECORD_END_MS;
	}
	assert_true(ended);
	recording_destroy(&r);
	json_decref(told);
}

static void commands_find_what_was_restored(void **state)
{
	json_t *told;
	(void)state;
	struct recording r = reborn(CSD, &told);
	int client = desk_connect(r.desk);
	json_t *data = desk_data(r.desk, client, "{\"command\":\"diagnoses\"}");
	assert_int_equal(json_array_size(data), 1);
	same(told, json_array_get(data, 0));
	json_decref(data);
	data = desk_data(
		r.desk, client, "{\"command\":\"phone\",\"arguments\":{\"key\":\"" SEP_A "\"}}");
	assert_int_equal(json_array_size(data), 1);
	const json_t *phone = json_array_get(data, 0);
	assert_string_equal(text_of(phone, "client_ip"), "192.0.2.1");
	same(told, json_array_get(json_object_get(phone, "diagnoses"), 0));
	assert_int_equal(json_array_size(json_object_get(phone, "timeline")), 1);
	json_decref(data);
	close(client);
	recording_destroy(&r);
	json_decref(told);
}

// ---- killed at any moment ----

#define N_OTHERS 40  // phones: more than are restored at once
#define FIRST_TOLD 4 // lines, before which nothing is told

// What is recorded of phones and what is recorded of diagnoses are of different snapshots: each of
// them of after so many lines.
struct snapshot {
	json_t *phones, *told; // by id: as it was told last
};

static void take_told(struct recording *r, json_t *told)
{
	json_t *object;
	while ((object = next(r)) != NULL) {
		const json_t *before = json_object_get(told, text_of(object, "id"));
		assert_true(before == NULL ||
			    number_of(object, "sequence") > number_of(before, "sequence"));
		json_object_set_new(told, text_of(object, "id"), object);
	}
}

// And what waits for whether it goes on elsewhere.
static void take_all_told(struct recording *r, json_t *told)
{
	take_told(r, told);
	r->desk->now_ms += RECORD_END_MS;
	take_told(r, told);
}

static unsigned count_open(const json_t *told)
{
	json_t *object;
	const char *id;
	unsigned n = 0;
	json_object_foreach((json_t *)told, id, object) n +=
		strcmp(text_of(object, "state"), "open") == 0;
	return n;
}

// All that was told as open is open, under its id.
static void expect_open(
	struct recording *r, const json_t *told, unsigned phones, unsigned diagnoses)
{
	json_t *open = diagnoses_of(r->desk->daemon.workers, "open"), *object;
	const char *id;
	json_object_foreach((json_t *)told, id, object)
	{
		if (strcmp(text_of(object, "state"), "open") == 0 && !json_object_get(open, id))
			fail_msg("phones of after %u lines, diagnoses of after %u: not open: %s",
				phones, diagnoses, json_dumps(object, 0));
	}
	json_decref(open);
}

static void live_on(const struct snapshot *phones, const struct snapshot *diagnoses, unsigned p,
	unsigned d, const char *const *end, unsigned n_end)
{
	const uint64_t now_ms = 60000;
	struct recording r = recording_create();
	json_t *told = json_deep_copy(diagnoses->told);
	r.desk->now_ms = now_ms;
	restore(r.desk->daemon.workers, phones->phones, diagnoses->told, now_ms);
	recorder_restored(r.recorder);
	take_all_told(&r, told);
	expect_open(&r, told, p, d);
	for (unsigned i = 0; i < n_end; i++)
		desk_line(r.desk, end[i]);
	for (unsigned i = 1; i <= N_OTHERS; i++)
		desk_recover(r.desk, i);
	take_all_told(&r, told);
	if (count_open(told))
		fail_msg("phones of after %u lines, diagnoses of after %u: still open: %s", p, d,
			json_dumps(told, 0));
	json_decref(told);
	recording_destroy(&r);
}

static void kill_after_each(
	const char *const *story, unsigned n_story, const char *const *end, unsigned n_end)
{
	struct snapshot snapshots[20] = {0};
	assert_true(n_story < N(snapshots));
	for (unsigned n = 0; n <= n_story; n++) {
		struct recording r = recording_create();
		snapshots[n].told = json_object();
		for (unsigned i = 0; i < n; i++) {
			desk_line(r.desk, story[i]);
			take_told(&r, snapshots[n].told);
		}
		for (unsigned i = 1; i <= N_OTHERS; i++)
			desk_fail(r.desk, i);
		take_told(&r, snapshots[n].told);
		snapshots[n].phones = phones_of(r.desk->daemon.workers);
		recording_destroy(&r);
	}
	for (unsigned p = FIRST_TOLD; p <= n_story; p++) {
		for (unsigned d = FIRST_TOLD; d <= n_story; d++)
			live_on(&snapshots[p], &snapshots[d], p, d, end, n_end);
	}
	for (unsigned n = 0; n <= n_story; n++) {
		json_decref(snapshots[n].phones);
		json_decref(snapshots[n].told);
	}
}

#define CLIENT "client outside:192.0.2.1/20001 to 192.0.2.101/443"
#define STARTS "fw1 : %ASA-6-725001: Starting SSL handshake with " CLIENT " for TLSv1 session"
#define CHOOSES                                                                                    \
	"fw1 : %ASA-7-725012: Device chooses cipher : AES128-SHA for the SSL session with client " \
	"outside:192.0.2.1/20001 to 192.0.2.101/443"
#define UNKNOWN_CA                                                                           \
	"fw1 : %ASA-7-725014: SSL lib error. Function: SSL3_READ_BYTES Reason: tlsv1 alert " \
	"unknown ca"
#define FAILS "fw1 : %ASA-6-725006: Device failed SSL handshake with " CLIENT
#define LEAF_HASH                                                               \
	"Nov 26 00:00:01 " SEP_A " 101: NOT 00:00:01.0 SECD: Leaf cert hash = " \
	"9F0C5B5E3C1D8A7764E2B1A05D4C3B2A19080706"
#define LEAF_UNTRUSTED \
	"Nov 26 00:00:01 " SEP_A " 102: ERR 00:00:01.0 VPNC: VPN cert chain verification failed"
#define COMPLETES "fw1 : %ASA-6-725002: Device completed SSL handshake with " CLIENT
#define NAMED                                           \
	"fw1 : %ASA-6-722033: Group <G> User <" PHONE_A \
	"> IP <192.0.2.1> First UDP SVC connection "    \
	"established for SVC session."
#define ASSIGNED                                        \
	"fw1 : %ASA-6-722051: Group <G> User <" PHONE_A \
	"> IP <192.0.2.1> IPv4 Address <172.16.0.1> IPv6 address <::> assigned to session"

static void what_was_told_of_a_phone_has_its_end(void **state)
{
	static const char *const connects[] = {STARTS, CHOOSES, COMPLETES, NAMED, ASSIGNED};
	static const char *const fails[] = {STARTS, CHOOSES, UNKNOWN_CA, FAILS, LEAF_HASH,
		LEAF_UNTRUSTED, STARTS, CHOOSES, COMPLETES, NAMED, ASSIGNED};
	(void)state;
	kill_after_each(fails, N(fails), connects, N(connects));
}

// ---- limits ----

static void whoever_has_no_room_is_counted(void **state)
{
	static const struct worker_limits small = {.clients = 100,
		.diagnoses = 100,
		.handshakes = 16,
		.gateways = 8,
		.idle_ms = 3600 * 1000,
		.expire_ms = 24 * 3600 * 1000};
	(void)state;
	struct scene *s = scene_create(scene_pack, 2, &small);
	struct restoring *r = restoring_begin(scene_workers(s), NULL, RESTART_MS);
	struct restored restored;
	for (unsigned i = 0; i < 300; i++) {
		char key[16], client[16];
		snprintf(key, sizeof(key), "SEP%012X", i + 1);
		snprintf(client, sizeof(client), "10.0.%u.%u", i / 250, i % 250 + 1);
		json_t *phone = json_pack("{s:s, s:s, s:s, s:s}", "device", key, "client_ip",
			client, "first_seen", "1970-01-01T00:00:01.000Z", "last_seen",
			"1970-01-01T00:00:02.000Z");
		restoring_phone(r, key, phone);
		json_decref(phone);
	}
	restoring_end(r, &restored);
	unsigned n = 0;
	for (unsigned i = 0; i < 2; i++) {
		const struct session_table *t = &scene_workers(s)->worker[i]->sessions;
		n += t->n_phones;
		assert_true(t->n_sessions <= t->limits.sessions);
	}
	assert_true(restored.n_phones >= 100 && restored.n_phones < 300);
	assert_int_equal(restored.n_phones, n);
	assert_int_equal(restored.n_phones + restored.n_full, 300);
	scene_destroy(s);
}

static void the_same_diagnosis_stands_once(void **state)
{
	struct restart *r = *state;
	csd(r->before, PHONE_A, "192.0.2.1");
	struct scene *s = restart(r);
	struct restored again = restore(scene_workers(s), r->phones, r->diagnoses, RESTART_MS);
	assert_int_equal(again.n_diagnoses, 0);
	assert_int_equal(again.n_refused, 1);
	json_t *got = diagnoses_of(scene_workers(s), NULL);
	same(r->diagnoses, got);
	json_decref(got);
}

// ---- what somebody has changed ----

static const char *const wrong[] = {"null", "true", "0", "-1", "4294967295", "1e300", "\"\"",
	"\"x\"", "[]", "{}", "[[[]]]", "[null]", "[{}]", "{\"text\":1}", "\"\\u0000\"",
	"\"9999-99-99T99:99:99.999Z\"", "\"0000-00-00T00:00:00.000Z\"",
	"[{\"time\":\"2026-11-21T10:15:00.000Z\",\"source\":\"asa\",\"code\":\"724002\",\"text\":\"x\"}]",
	"[{\"time\":\"2026-11-21T10:15:00.000Z\",\"source\":\"none\",\"code\":\"1\",\"text\":\"x\"}]",
	"\"ffffffffffffffff\"", "\"0.0.0.0\"", "\"SEPFFFFFFFFFFFF\"", "\"gateway\"",
	"\"recovered\""};

// The object at many addresses, at each of which one of its members is another of the wrong ones,
// or is not there.
static json_t *wrong_ones(const json_t *object)
{
	json_t *many = json_object(), *value;
	const char *key;
	unsigned n = 0;
	json_object_foreach((json_t *)object, key, value)
	{
		for (unsigned i = 0; i <= N(wrong); i++) {
			char text[24];
			json_t *copy = json_deep_copy(object);
			n++;
			snprintf(text, sizeof(text), "10.0.%u.%u", n >> 8, n & 255);
			json_object_set_new(copy, "client_ip", json_string(text));
			snprintf(text, sizeof(text), "%016x", n);
			if (json_object_get(copy, "id"))
				json_object_set_new(copy, "id", json_string(text));
			json_object_set_new(many, text, copy);
			if (i < N(wrong))
				json_object_set_new(copy, key,
					json_loads(
						wrong[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
			else
				json_object_del(copy, key);
		}
	}
	return many;
}

// They are restored, or not, and all that is open ends in its time.
static void try_wrong(unsigned n_workers, const json_t *phones, const json_t *diagnoses)
{
	struct scene *s = scene_create(scene_pack, n_workers, &limits);
	struct restored restored = restore(scene_workers(s), phones, diagnoses, RESTART_MS);
	assert_true(restored.n_refused > 0);
	assert_true(restored.n_diagnoses > 0);
	assert_true(restored.n_diagnoses <= json_object_size(diagnoses));
	scene_wait(s, RESTART_MS);
	csd(s, PHONE_A, "192.0.2.1");
	tunnel_up(s, PHONE_A, "192.0.2.1", "172.16.0.1");
	scene_wait(s, 48ull * 3600 * 1000);
	json_t *open = diagnoses_of(scene_workers(s), "open");
	assert_int_equal(json_object_size(open), 0);
	json_decref(open);
	scene_destroy(s);
}

static void what_somebody_has_changed_does_no_harm(void **state)
{
	struct restart *r = *state;
	tunnel_up(r->before, PHONE_A, "192.0.2.1", "172.16.0.1");
	scene_wait(r->before, 5000);
	csd(r->before, PHONE_A, "192.0.2.1");
	r->phones = phones_of(scene_workers(r->before));
	r->diagnoses = diagnoses_of(scene_workers(r->before), "open");
	json_t *phones = wrong_ones(json_object_get(r->phones, SEP_A));
	json_t *diagnoses = wrong_ones(json_object_iter_value(json_object_iter(r->diagnoses)));
	try_wrong(r->n_workers, phones, r->diagnoses);
	try_wrong(r->n_workers, r->phones, diagnoses);
	json_decref(phones);
	json_decref(diagnoses);
}

static void foreign_names_do_not_fill_the_vocabulary(void **state)
{
	struct restart *r = *state;
	csd(r->before, PHONE_A, "192.0.2.1");
	json_t *one = diagnoses_of(scene_workers(r->before), "open"), *many = json_object();
	json_t *object = json_object_iter_value(json_object_iter(one));
	for (unsigned i = 0; i < 200; i++) {
		char id[20], name[20];
		json_t *copy = json_deep_copy(object);
		snprintf(id, sizeof(id), "%016x", i + 1);
		snprintf(name, sizeof(name), "gone-%u", i);
		json_object_set_new(copy, "id", json_string(id));
		json_object_set_new(copy, "diagnosis", json_string(name));
		json_object_set_new(many, id, copy);
	}
	struct restored restored = restore(scene_workers(r->before), NULL, many, RESTART_MS);
	assert_int_equal(restored.n_diagnoses, 16);
	assert_int_equal(restored.n_refused, 184);
	json_decref(one);
	json_decref(many);
}

#define TEST_RESTART(name)                                                        \
	cmocka_unit_test_setup_teardown(name, set_up_one, tear_down_restart),     \
	{                                                                         \
#		name " (two workers)", name, set_up_two, tear_down_restart, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_diagnosis_of_the_catalogue_is_restored_as_it_was),
		TEST_RESTART(a_success_ends_what_was_open),
		TEST_RESTART(more_evidence_goes_on_with_what_was_open),
		TEST_RESTART(what_was_seen_proves_more_with_what_comes),
		TEST_RESTART(a_phone_is_found_by_its_tunnel_address),
		TEST_RESTART(a_phone_is_found_by_its_user),
		TEST_RESTART(a_phone_known_by_name_alone_is_restored),
		TEST_RESTART(phones_at_one_address_are_told_apart),
		TEST_RESTART(who_is_no_phone_is_restored_with_what_is_open),
		TEST_RESTART(what_is_open_of_a_gateway_goes_on),
		TEST_RESTART(expiry_goes_on_from_the_last_evidence),
		TEST_RESTART(what_no_rule_knows_any_more_expires),
		TEST_RESTART(what_has_just_recovered_can_relapse),
		TEST_RESTART(what_recovered_long_ago_is_left_out),
		TEST_RESTART(nothing_counts_as_a_line),
		cmocka_unit_test(only_what_becomes_of_it_is_recorded),
		cmocka_unit_test(what_turns_out_to_be_a_consequence_ends),
		cmocka_unit_test(commands_find_what_was_restored),
		cmocka_unit_test(what_was_told_of_a_phone_has_its_end),
		cmocka_unit_test(whoever_has_no_room_is_counted),
		TEST_RESTART(the_same_diagnosis_stands_once),
		TEST_RESTART(what_somebody_has_changed_does_no_harm),
		TEST_RESTART(foreign_names_do_not_fill_the_vocabulary),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
