// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../control/bulk.h"
#include "../../control/event_id.h"

static const char diagnosis[] =
	"{\"type\":\"diagnosis\",\"id\":\"01\\\"\\n\",\"sequence\":3,\"diagnosis\":\"x\","
	"\"scope\":\"phone\",\"state\":\"open\",\"user\":\"a\\\"}\\n{\\\"delete\\\":{}}\"}";

// A document's own bytes are format_ecs.c's; here it must be one line, and the action before it.
static void record_is_two_lines(void **state)
{
	(void)state;
	struct record *record =
		record_create(RECORD_DIAGNOSIS, 1, 0, "01\"\n", diagnosis, sizeof(diagnosis) - 1);
	struct buffer out = {0};
	static const char action[] =
		"{\"create\":{\"_index\":\"logs-offhook.diagnosis-hq\",\"_id\":\"01\\\"\\n:3\"}}\n";
	bulk_write(record, &(struct format_context){.host = "h", .dataset_namespace = "hq"}, &out);
	assert_false(out.failed);
	assert_memory_equal(out.data + out.from, action, sizeof(action) - 1);
	const char *document = out.data + out.from + sizeof(action) - 1;
	size_t len = out.len - (sizeof(action) - 1);
	assert_ptr_equal(memchr(document, '\n', len), document + len - 1);
	json_t *parsed = json_loadb(document, len - 1, 0, NULL);
	assert_non_null(parsed);
	json_decref(parsed);
	buffer_fini(&out);
	record_release(record);
}

static void long_id_is_hashed(void **state)
{
	(void)state;
	char key[2000], one[EVENT_ID_MAX + 1], other[EVENT_ID_MAX + 1];
	char header[EVENT_ID_HEADER_MAX];
	memset(key, '\xff', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	struct record *a = record_create(RECORD_ALERT, 1, 0, key, "{\"sequence\":7}", 14);
	key[1998] = 'x';
	struct record *b = record_create(RECORD_ALERT, 2, 0, key, "{\"sequence\":7}", 14);
	json_t *object = record_json(a);
	assert_int_equal(strlen(event_id_format(a, object, one)), 64 + 2);
	assert_string_equal(one + 64, ":7");
	assert_string_not_equal(one, event_id_format(b, object, other));
	// A key as long as it may be, of bytes that have to be spelled.
	key[EVENT_ID_MAX - 2] = '\0';
	struct record *c = record_create(RECORD_ALERT, 3, 0, key, "{\"sequence\":7}", 14);
	event_id_header("X", c, header);
	assert_int_equal(strlen(header), 3 + 3 * (EVENT_ID_MAX - 2) + 2);
	json_decref(object);
	record_release(a);
	record_release(b);
	record_release(c);
}

static void no_header_is_broken_by_an_id(void **state)
{
	(void)state;
	char header[EVENT_ID_HEADER_MAX];
	struct record *record =
		record_create(RECORD_ALERT, 1, 0, "a b\r\nHost: x%", "{\"sequence\":1}", 14);
	assert_string_equal(
		event_id_header("X-Id", record, header), "X-Id: a%20b%0D%0AHost:%20x%25:1");
	record_release(record);
}

static void stream_has_a_name_that_is_taken(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "HQ", "a-b", "a b", "a/b", "a*", "\xc3\xa4", "a\n"};
	assert_true(bulk_is_namespace("default"));
	assert_true(bulk_is_namespace("hq_2.eu"));
	for (size_t i = 0; i < N(bad); i++)
		assert_false(bulk_is_namespace(bad[i]));
}

static struct outcomes outcomes_of_four;
static char error[256];

static bool read_answer(const char *answer)
{
	static const size_t places[] = {0, 2, 3};
	outcomes_of_four = (struct outcomes){.n = 4};
	error[0] = '\0';
	// Not a byte more than there is.
	struct slice exact = slice_exact(answer, (uint32_t)strlen(answer));
	bool ok = bulk_read(
		exact.data, exact.len, places, 3, &outcomes_of_four, error, sizeof(error));
	free((char *)exact.data);
	return ok;
}

static void each_item_has_its_own_outcome(void **state)
{
	(void)state;
	const enum outcome *of = outcomes_of_four.of;
	assert_true(read_answer(
		"{\"items\":[{\"create\":{\"status\":201}},"
		"{\"create\":{\"status\":409,\"error\":{\"type\":\"version_conflict\"}}},"
		"{\"create\":{\"status\":400,\"error\":{\"type\":\"mapper\",\"reason\":\"a\\nb\"}}}]}"));
	assert_int_equal(of[0], OUTCOME_DONE);
	assert_int_equal(of[1], OUTCOME_OPEN); // was not in this body
	assert_int_equal(of[2], OUTCOME_DONE);
	assert_int_equal(of[3], OUTCOME_REFUSED);
	assert_string_equal(outcomes_of_four.reason, "status 400: mapper: a b");
	assert_false(read_answer("{\"items\":[{\"create\":{\"status\":429}},"
				 "{\"create\":{\"status\":201}},{\"create\":{\"status\":503}}]}"));
	assert_int_equal(of[0], OUTCOME_OPEN);
	assert_int_equal(of[2], OUTCOME_DONE);
	assert_int_equal(of[3], OUTCOME_OPEN);
	assert_string_equal(error, "status 503: no type: no reason");
	// Who may not, or where there is no such stream: it waits until that is mended.
	assert_false(read_answer("{\"items\":[{\"create\":{\"status\":403}},"
				 "{\"create\":{\"status\":404}},{\"create\":{\"status\":401}}]}"));
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(of[i], OUTCOME_OPEN);
}

static void answer_that_is_none_settles_nothing(void **state)
{
	(void)state;
	static const char *const answers[] = {"", "{", "[]", "{}", "null", "{\"items\":{}}",
		"{\"items\":[]}", "{\"items\":[{\"create\":{\"status\":201}}]}",
		"{\"items\":[1,2,3]}", "{\"items\":[{},{},{}]}", "{\"items\":[null,null,null]}",
		"{\"items\":[{\"create\":null},{\"create\":[]},{\"create\":{\"status\":\"201\"}}]}",
		"{\"items\":[{\"index\":{\"status\":201}},{\"index\":{\"status\":201}},{\"index\":{"
		"\"status\":201}}]}",
		"{\"items\":[{\"create\":{\"status\":201}},{\"create\":{\"status\":201}},{\"create\":"
		"{\"status\":201}}]",
		"{\"items\":[{\"create\":{\"status\":201}},{\"create\":{\"status\":201}},{\"create\":"
		"{\"status\":201}},{\"create\":{\"status\":201}}]}",
		"\x00\xff\xfe", "<html>captive portal</html>"};
	for (size_t i = 0; i < N(answers); i++) {
		if (read_answer(answers[i]))
			fail_msg("'%s' is taken", answers[i]);
		for (size_t k = 0; k < 4; k++)
			assert_int_equal(outcomes_of_four.of[k], OUTCOME_OPEN);
		assert_string_not_equal(error, "");
	}
}

static void deep_and_huge_answers_end(void **state)
{
	(void)state;
	size_t n = 1 << 20;
	char *answer = malloc(n + 1);
	memset(answer, '[', n);
	answer[n] = '\0';
	assert_false(read_answer(answer));
	strcpy(answer, "{\"items\":[{\"create\":{\"status\":400,\"error\":{\"type\":\"");
	size_t len = strlen(answer);
	memset(answer + len, 'x', 100000);
	strcpy(answer + len + 100000,
		"\"}}},{\"create\":{\"status\":1e400}},{\"create\":{\"status\":-1}}]}");
	assert_false(read_answer(answer));
	assert_string_not_equal(error, "");
	free(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_is_two_lines),
		cmocka_unit_test(stream_has_a_name_that_is_taken),
		cmocka_unit_test(long_id_is_hashed),
		cmocka_unit_test(no_header_is_broken_by_an_id),
		cmocka_unit_test(each_item_has_its_own_outcome),
		cmocka_unit_test(answer_that_is_none_settles_nothing),
		cmocka_unit_test(deep_and_huge_answers_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
