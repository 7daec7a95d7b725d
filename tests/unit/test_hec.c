// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../control/hec.h"
#include "../../control/http_batch.h"

static const char diagnosis[] =
	"{\"type\":\"diagnosis\",\"id\":\"01\",\"sequence\":3,\"diagnosis\":\"cert-hash-mismatch\","
	"\"scope\":\"phone\",\"state\":\"open\",\"confidence\":\"confirmed\","
	"\"client_ip\":\"203.0.113.9\",\"user\":\"a\\\"}{\\\"event\\\":\\u0000\",\"gateway\":\"asa-1\","
	"\"first_seen\":\"2024-11-21T10:19:27.155Z\",\"last_seen\":\"2024-11-21T10:19:27.432Z\","
	"\"details\":{\"leaf_hash\":\"1289B8A7AA9FFD84865E38939F3466A61B5608FC\"},"
	"\"title\":\"Certificate hash mismatch\"}";

static char *write_event(const struct hec_options *options)
{
	struct record *record =
		record_create(RECORD_DIAGNOSIS, 1, 5, "01", diagnosis, sizeof(diagnosis) - 1);
	struct buffer out = {0};
	hec_write(record, options, &(struct format_context){.host = "corr-1"}, &out);
	assert_false(out.failed);
	char *text = strndup(out.data + out.from, out.len);
	buffer_fini(&out);
	record_release(record);
	return text;
}

static const char *text_at(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "(none)";
}

static void event_says_where_it_belongs(void **state)
{
	(void)state;
	char *text = write_event(&(struct hec_options){.index = "netfw",
		.source = "offhook",
		.sourcetype = "offhook",
		.fields = (const char *[]){"site=h=q", "floor=2", NULL}});
	static const char head[] =
		"{\"time\":1732184367.432,\"host\":\"asa-1\",\"source\":\"offhook\","
		"\"sourcetype\":\"offhook:diagnosis\",\"index\":\"netfw\","
		"\"event\":{\"type\":\"alert\",\"app\":\"offhook\",\"id\":\"01\","
		"\"severity\":\"";
	static const char tail[] = ",\"fields\":{\"site\":\"h=q\",\"floor\":\"2\"}}\n";
	assert_memory_equal(text, head, sizeof(head) - 1);
	assert_string_equal(text + strlen(text) - (sizeof(tail) - 1), tail);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	free(text);
}

static void event_has_the_names_of_the_common_model(void **state)
{
	(void)state;
	char *text =
		write_event(&(struct hec_options){.source = "offhook", .sourcetype = "offhook"});
	json_t *whole = json_loads(text, JSON_ALLOW_NUL, NULL);
	json_t *wanted = json_loadb(diagnosis, sizeof(diagnosis) - 1, JSON_ALLOW_NUL, NULL);
	const json_t *event = json_object_get(whole, "event");
	assert_non_null(event);
	assert_null(json_object_get(whole, "index"));
	assert_string_equal(text_at(event, "signature_id"), "cert-hash-mismatch");
	assert_string_equal(text_at(event, "signature"), "Certificate hash mismatch");
	assert_string_equal(text_at(event, "dest"), "asa-1");
	assert_string_equal(text_at(event, "src"), "203.0.113.9");
	assert_string_equal(text_at(event, "src_ip"), "203.0.113.9");
	assert_string_equal(text_at(event, "action"), "failure");
	assert_string_equal(text_at(event, "ssl_hash"), "1289B8A7AA9FFD84865E38939F3466A61B5608FC");
	assert_true(json_equal(json_object_get(event, "offhook"), wanted));
	json_decref(wanted);
	json_decref(whole);
	free(text);
}

static size_t bad;
static int64_t ack;
static char error[256];

static enum http_verdict read_answer(long status, const char *body)
{
	struct slice exact = slice_exact(body, (uint32_t)strlen(body));
	snprintf(error, sizeof(error), "https://h: status %ld", status);
	enum http_verdict verdict = hec_read(http_verdict_of(status),
		&(struct http_answer){.status = status, .body = exact.data, .len = exact.len}, &bad,
		&ack, error, sizeof(error));
	free((char *)exact.data);
	return verdict;
}

static void success_has_to_be_said(void **state)
{
	(void)state;
	static const char *const none[] = {"", "{", "[]", "{}", "<html>hello</html>",
		"{\"text\":\"Success\"}", "{\"text\":\"Success\",\"code\":\"0\"}", "\x00\xff"};
	assert_int_equal(read_answer(200, "{\"text\":\"Success\",\"code\":0}"), HTTP_DONE);
	assert_int_equal(ack, -1);
	assert_int_equal(
		read_answer(200, "{\"text\":\"Success\",\"code\":0,\"ackId\":7}"), HTTP_DONE);
	assert_int_equal(ack, 7);
	for (size_t i = 0; i < N(none); i++)
		assert_int_equal(read_answer(200, none[i]), HTTP_AGAIN);
}

static void event_that_is_bad_is_named(void **state)
{
	(void)state;
	assert_int_equal(
		read_answer(400,
			"{\"text\":\"Invalid data format\",\"code\":6,\"invalid-event-number\":4}"),
		HTTP_REFUSED);
	assert_int_equal(bad, 4);
	assert_string_equal(error, "https://h: status 400: Invalid data format");
	assert_int_equal(
		read_answer(400, "{\"code\":12,\"invalid-event-number\":-1}"), HTTP_REFUSED);
	assert_int_equal(bad, HTTP_BATCH_UNKNOWN);
	assert_int_equal(read_answer(400, "{\"code\":13}"), HTTP_REFUSED);
	assert_int_equal(bad, HTTP_BATCH_UNKNOWN);
	assert_int_equal(read_answer(413, ""), HTTP_REFUSED);
	assert_int_equal(read_answer(400, "nonsense"), HTTP_REFUSED);
}

static void setting_loses_nothing(void **state)
{
	(void)state;
	assert_int_equal(
		read_answer(403, "{\"text\":\"Token is disabled\",\"code\":1}"), HTTP_DENIED);
	assert_string_equal(error, "https://h: status 403: Token is disabled");
	assert_int_equal(
		read_answer(401, "{\"text\":\"Invalid authorization\",\"code\":3}"), HTTP_DENIED);
	assert_int_equal(
		read_answer(400,
			"{\"text\":\"Incorrect index\",\"code\":7,\"invalid-event-number\":1}"),
		HTTP_DENIED);
	assert_int_equal(read_answer(400, "{\"text\":\"Data channel is missing\",\"code\":10}"),
		HTTP_DENIED);
	assert_int_equal(read_answer(404, ""), HTTP_DENIED);
	assert_int_equal(read_answer(503, "{\"text\":\"Server is busy\",\"code\":9}"), HTTP_AGAIN);
	assert_int_equal(read_answer(500, "{\"text\":\"a\\nb\\u001b[2J\",\"code\":8}"), HTTP_AGAIN);
	assert_string_equal(error, "https://h: status 500: a b [2J");
}

static bool acknowledged(const char *body, int64_t number)
{
	return hec_is_acknowledged(
		&(struct http_answer){.body = body, .len = strlen(body)}, number);
}

static void acknowledgement_is_of_its_number(void **state)
{
	(void)state;
	assert_true(acknowledged("{\"acks\":{\"7\":true}}", 7));
	assert_false(acknowledged("{\"acks\":{\"7\":false}}", 7));
	assert_false(acknowledged("{\"acks\":{\"7\":true}}", 70));
	assert_false(acknowledged("{\"acks\":[true]}", 0));
	assert_false(acknowledged("", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(event_says_where_it_belongs),
		cmocka_unit_test(event_has_the_names_of_the_common_model),
		cmocka_unit_test(success_has_to_be_said),
		cmocka_unit_test(event_that_is_bad_is_named),
		cmocka_unit_test(setting_loses_nothing),
		cmocka_unit_test(acknowledgement_is_of_its_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
