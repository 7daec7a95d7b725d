// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../control/roll.h"

#define MINUTE 60000

struct given {
	const char *id, *state, *severity, *gateway, *resolved_at, *absorbed_by;
	int sequence;
};

static json_t *alert(const struct given *g)
{
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s?, s:i, s:s?, s:{s:s?}, s:s, s:s, s:s?, s:s?}", "id",
		g->id, "alert", "fleet-cert-mismatch", "name", "FleetCertificateMismatch", "state",
		g->state ? g->state : "firing", "severity", g->severity ? g->severity : "high",
		"gateway", g->gateway, "sequence", g->sequence, "site", NULL, "group", "gateway",
		g->gateway, "since", "2024-11-21T10:15:00.000Z", "updated_at",
		"2024-11-21T10:20:00.000Z", "resolved_at", g->resolved_at, "absorbed_by",
		g->absorbed_by);
}

static void take(struct roll *roll, uint64_t now_ms, struct given given)
{
	json_t *object = alert(&given);
	assert_non_null(object);
	roll_take(roll, object, now_ms);
	json_decref(object);
}

// What an instance would be sent; "" for nothing. The caller frees.
static char *written(const struct roll *roll, unsigned instance, bool everything)
{
	struct buffer out = {0};
	size_t from = 0;
	while (roll_write(roll, instance, everything, &from, &out))
		;
	char *text = out.len ? strndup(out.data + out.from, out.len) : strdup("");
	buffer_fini(&out);
	return text;
}

#define assert_written(roll, instance, everything, wanted)        \
	do {                                                      \
		char *text = written(roll, instance, everything); \
		assert_string_equal(text, wanted);                \
		free(text);                                       \
	} while (0)

#define LABELS(gateway, severity)                                                                \
	"{\"labels\":{\"gateway\":\"" gateway                                                    \
	"\",\"alertname\":\"OffhookFleetCertificateMismatch\","                                  \
	"\"severity\":\"" severity "\",\"rule_id\":\"fleet-cert-mismatch\"},\"annotations\":{}," \
	"\"startsAt\":\"2024-11-21T10:15:00.000Z\""
#define FIRING(gateway, severity) LABELS(gateway, severity) "}"
#define ENDED(gateway, severity, at) LABELS(gateway, severity) ",\"endsAt\":\"" at "\"}"

static void alert_is_told_to_each_instance_once(void **state)
{
	(void)state;
	struct roll roll;
	roll_init(&roll, 2, NULL);
	take(&roll, 0, (struct given){.id = "a", .gateway = "g1", .sequence = 1});
	take(&roll, 0, (struct given){.id = "b", .gateway = "g2", .sequence = 1});
	assert_written(&roll, 0, false, "[" FIRING("g1", "high") "," FIRING("g2", "high") "]");
	roll_told(&roll, 0, 0, 2);
	assert_written(&roll, 0, false, "");
	assert_written(&roll, 1, false, "[" FIRING("g1", "high") "," FIRING("g2", "high") "]");
	roll_told(&roll, 1, 0, 1);
	assert_written(&roll, 1, false, "[" FIRING("g2", "high") "]");
	assert_written(&roll, 1, true, "[" FIRING("g1", "high") "," FIRING("g2", "high") "]");
	roll_fini(&roll);
}

static void alert_ends_when_it_is_resolved(void **state)
{
	(void)state;
	struct roll roll;
	roll_init(&roll, 1, NULL);
	take(&roll, 0, (struct given){.id = "a", .gateway = "g1", .sequence = 1});
	roll_told(&roll, 0, 0, 1);
	take(&roll, 0,
		(struct given){.id = "a",
			.gateway = "g1",
			.sequence = 2,
			.state = "resolved",
			.resolved_at = "2024-11-21T10:30:00.000Z"});
	assert_written(&roll, 0, false, "[" ENDED("g1", "high", "2024-11-21T10:30:00.000Z") "]");
	roll_told(&roll, 0, 0, 1);
	// Again and again for a while, then no more.
	roll_expire(&roll, ROLL_ENDED_MS - 1);
	assert_written(&roll, 0, true, "[" ENDED("g1", "high", "2024-11-21T10:30:00.000Z") "]");
	roll_expire(&roll, ROLL_ENDED_MS);
	assert_written(&roll, 0, true, "");
	roll_fini(&roll);
}

static void end_waits_for_who_has_not_heard(void **state)
{
	(void)state;
	struct roll roll;
	roll_init(&roll, 2, NULL);
	take(&roll, 0,
		(struct given){.id = "a",
			.gateway = "g1",
			.sequence = 2,
			.state = "resolved",
			.resolved_at = "2024-11-21T10:30:00.000Z"});
	roll_told(&roll, 0, 0, 1);
	roll_expire(&roll, ROLL_UNTOLD_MS - 1);
	assert_written(&roll, 1, false, "[" ENDED("g1", "high", "2024-11-21T10:30:00.000Z") "]");
	roll_expire(&roll, ROLL_UNTOLD_MS);
	assert_written(&roll, 1, true, "");
	roll_fini(&roll);
}

static void escalation_ends_what_it_was(void **state)
{
	(void)state;
	struct roll roll;
	roll_init(&roll, 1, NULL);
	take(&roll, 0, (struct given){.id = "a", .gateway = "g1", .sequence = 1});
	roll_told(&roll, 0, 0, 1);
	take(&roll, 0,
		(struct given){.id = "a", .gateway = "g1", .sequence = 2, .severity = "critical"});
	assert_written(&roll, 0, false,
		"[" ENDED("g1", "high", "2024-11-21T10:20:00.000Z") "," FIRING(
			"g1", "critical") "]");
	// And back.
	roll_told(&roll, 0, 0, 2);
	take(&roll, 0, (struct given){.id = "a", .gateway = "g1", .sequence = 3});
	assert_written(&roll, 0, false,
		"[" FIRING("g1", "high") "," ENDED(
			"g1", "critical", "2024-11-21T10:20:00.000Z") "]");
	roll_fini(&roll);
}

static void absorbed_alert_does_not_fire(void **state)
{
	(void)state;
	struct roll roll;
	roll_init(&roll, 1, NULL);
	take(&roll, 0, (struct given){.id = "a", .gateway = "g1", .sequence = 1});
	roll_told(&roll, 0, 0, 1);
	take(&roll, 0,
		(struct given){.id = "a", .gateway = "g1", .sequence = 2, .absorbed_by = "storm"});
	assert_written(&roll, 0, false, "[" ENDED("g1", "high", "2024-11-21T10:20:00.000Z") "]");
	roll_told(&roll, 0, 0, 1);
	take(&roll, 0, (struct given){.id = "a", .gateway = "g1", .sequence = 3});
	assert_written(&roll, 0, false, "[" FIRING("g1", "high") "]");
	roll_fini(&roll);
}

static void older_state_changes_nothing(void **state)
{
	(void)state;
	struct roll roll;
	roll_init(&roll, 1, NULL);
	take(&roll, 0,
		(struct given){.id = "a",
			.gateway = "g1",
			.sequence = 5,
			.state = "resolved",
			.resolved_at = "2024-11-21T10:30:00.000Z"});
	roll_told(&roll, 0, 0, 1);
	take(&roll, 0, (struct given){.id = "a", .gateway = "g1", .sequence = 4});
	take(&roll, 0, (struct given){.id = "a", .gateway = "g1", .sequence = 5});
	assert_written(&roll, 0, false, "");
	assert_written(&roll, 0, true, "[" ENDED("g1", "high", "2024-11-21T10:30:00.000Z") "]");
	roll_fini(&roll);
}

static void journal_has_the_last_word(void **state)
{
	(void)state;
	struct roll roll;
	roll_init(&roll, 1, NULL);
	take(&roll, 0, (struct given){.id = "a", .gateway = "g1", .sequence = 1});
	roll_told(&roll, 0, 0, 1);
	json_t *b = alert(&(struct given){.id = "b", .gateway = "g2", .sequence = 1});
	// Its end was lost on the way here, and a new one, too.
	roll_settle(&roll, (const json_t *const[]){b}, 1, 1732185000000, 0);
	assert_written(&roll, 0, false,
		"[" ENDED("g1", "high", "2024-11-21T10:30:00.000Z") "," FIRING("g2", "high") "]");
	roll_told(&roll, 0, 0, 2);
	roll_settle(&roll, (const json_t *const[]){b}, 1, 1732185060000, MINUTE);
	assert_written(&roll, 0, false, "");
	json_decref(b);
	roll_fini(&roll);
}

static void end_is_never_before_the_start(void **state)
{
	(void)state;
	struct roll roll;
	roll_init(&roll, 1, NULL);
	take(&roll, 0,
		(struct given){.id = "a",
			.gateway = "g1",
			.sequence = 2,
			.state = "resolved",
			.resolved_at = "2024-11-21T10:15:00.000Z"});
	assert_written(&roll, 0, false, "[" ENDED("g1", "high", "2024-11-21T10:15:00.001Z") "]");
	roll_fini(&roll);
}

static void labels_are_identity_alone(void **state)
{
	(void)state;
	struct roll roll;
	roll_init(&roll, 1, "https://corr-1.example.net/?org=1");
	json_t *object = json_loads(
		"{\"id\":\"a\",\"alert\":\"r\",\"name\":\"N\",\"state\":\"firing\",\"severity\":\"low\","
		"\"sequence\":9,\"gateway\":null,\"site\":\"hq\",\"since\":\"2024-11-21T10:15:00.000Z\","
		"\"group\":{\"trustpoint\":\"a\\\"b\\n\",\"bad-name\":\"x\",\"1st\":\"y\",\"empty\":\"\","
		"\"rule_id\":\"forged\",\"n\":3},\"phones\":{\"affected\":412},\"summary\":\"412 phones\","
		"\"remedy\":\"Mend it.\",\"sample\":[\"SEP1\",\"SEP2\"],\"reference\":\"https://r\"}",
		0, NULL);
	assert_non_null(object);
	roll_take(&roll, object, 0);
	assert_written(&roll, 0, false,
		"[{\"labels\":{\"trustpoint\":\"a\\\"b\\n\",\"rule_id\":\"r\",\"alertname\":\"OffhookN\","
		"\"severity\":\"low\",\"site\":\"hq\"},\"annotations\":{\"summary\":\"412 phones\","
		"\"description\":\"Mend it.\\nPhones: SEP1, SEP2\",\"runbook_url\":\"https://r\"},"
		"\"startsAt\":\"2024-11-21T10:15:00.000Z\","
		"\"generatorURL\":\"https://corr-1.example.net/fleet/r?org=1\"}]");
	json_decref(object);
	roll_fini(&roll);
}

static void roll_is_bounded(void **state)
{
	(void)state;
	struct roll roll;
	char id[16];
	roll_init(&roll, 1, NULL);
	for (int i = 0; i < ROLL_MAX; i++) {
		snprintf(id, sizeof(id), "%d", i);
		take(&roll, (uint64_t)i,
			(struct given){.id = id,
				.gateway = "g",
				.sequence = 1,
				.state = i % 2 ? "firing" : "resolved",
				.resolved_at = i % 2 ? NULL : "2024-11-21T10:30:00.000Z"});
	}
	assert_int_equal(roll.n, ROLL_MAX);
	take(&roll, ROLL_MAX, (struct given){.id = "new", .gateway = "g", .sequence = 1});
	assert_int_equal(roll.n, ROLL_MAX);
	assert_false(roll.failed);
	// A body is bounded too.
	struct buffer out = {0};
	size_t from = 0, n = 0;
	while (roll_write(&roll, 0, true, &from, &out)) {
		json_t *body = json_loadb(out.data + out.from, out.len, 0, NULL);
		assert_in_range(json_array_size(body), 1, ROLL_BODY_MAX);
		n += json_array_size(body);
		json_decref(body);
		buffer_fini(&out);
	}
	assert_int_equal(n, ROLL_MAX);
	roll_fini(&roll);
}

static void what_is_no_alert_is_passed_over(void **state)
{
	(void)state;
	static const char *const texts[] = {"{}", "[]", "{\"id\":1}",
		"{\"id\":\"\",\"sequence\":1}", "{\"id\":\"a\"}",
		"{\"id\":\"a\",\"sequence\":\"1\"}"};
	struct roll roll;
	roll_init(&roll, 1, NULL);
	for (size_t i = 0; i < N(texts); i++) {
		json_t *object = json_loads(texts[i], 0, NULL);
		roll_take(&roll, object, 0);
		json_decref(object);
	}
	roll_take(&roll, NULL, 0);
	roll_fini(&roll);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alert_is_told_to_each_instance_once),
		cmocka_unit_test(alert_ends_when_it_is_resolved),
		cmocka_unit_test(end_waits_for_who_has_not_heard),
		cmocka_unit_test(escalation_ends_what_it_was),
		cmocka_unit_test(absorbed_alert_does_not_fire),
		cmocka_unit_test(older_state_changes_nothing),
		cmocka_unit_test(journal_has_the_last_word),
		cmocka_unit_test(end_is_never_before_the_start),
		cmocka_unit_test(labels_are_identity_alone),
		cmocka_unit_test(roll_is_bounded),
		cmocka_unit_test(what_is_no_alert_is_passed_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
