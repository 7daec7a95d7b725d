// SPDX-License-Identifier: BSD-3-Clause
// What each kind of outlet wants of its options, said when the config is read.
#include "unit.h"

#include <unistd.h>

#include "../../control/config.h"
#include "../../control/outlet.h"

static char path[] = "/tmp/offhook-kinds-XXXXXX", secret[] = "/tmp/offhook-secret-XXXXXX";

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static int make_files(void **state)
{
	(void)state;
	int config = mkstemp(path), other = mkstemp(secret);
	if (config < 0 || other < 0)
		return -1;
	close(config);
	close(other);
	write_file(secret, "Authorization: Bearer s3cret\nnot this\n");
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	return unlink(path) + unlink(secret);
}

// options: of one outlet, in flow style; SECRET stands for the file. wanted: what the report says,
// NULL: it is taken.
static void read_options(const char *options, const char *wanted)
{
	struct config config;
	struct report report = {0};
	char text[2048];
	const char *at = strstr(options, "SECRET");
	snprintf(text, sizeof(text), "outlets:\n  it: {%.*s%s%s}\n",
		at ? (int)(at - options) : (int)strlen(options), options, at ? secret : "",
		at ? at + strlen("SECRET") : "");
	write_file(path, text);
	bool ok = config_init(&config, path, &report);
	if (ok != (wanted == NULL) || (wanted && strstr(report.text, wanted) == NULL))
		fail_msg("%s: %s, wanted %s", text, ok ? "is taken" : report.text,
			wanted ? wanted : "none");
	assert_true(report.text == NULL || strstr(report.text, "s3cret") == NULL);
	report_fini(&report);
	if (ok)
		config_fini(&config);
}

static void http_wants_addresses_without_secrets(void **state)
{
	(void)state;
	read_options("type: alertmanager, url: 'http://a:9093'", NULL);
	read_options("type: alertmanager, url: ['http://a:9093', 'https://b/prefix/']", NULL);
	read_options("type: alertmanager, url: 'http://a:9093', records: diagnoses",
		"tells of alerts alone");
	read_options("type: alertmanager", "url");
	read_options("type: alertmanager, url: 'a:9093'", "url: ");
	read_options("type: alertmanager, url: 'ftp://a'", ":2:33: url: must begin with http");
	read_options("type: alertmanager, url: 'https://u:s3cret@a'", "must not hold a name");
	read_options("type: alertmanager, url: 'http://a', proxy: 'http://u:s3cret@p'", "proxy: ");
	read_options("type: alertmanager, url: 'http://a', external_url: here", "external_url: ");
	read_options("type: alertmanager, url: 'http://a', compress: true", "compress");
	read_options("type: alertmanager, url: 'http://a', key_file: SECRET",
		":2:55: certificate_file and key_file go together");
	read_options("type: alertmanager, url: 'https://a', ca_file: /nowhere/x",
		"/nowhere/x: No such file or directory");
	read_options("type: alertmanager, url: 'http://a', timeout: 1h", "must be a time");
}

static void syslog_says_what_is_wrong_with_a_file_of_tls(void **state)
{
	(void)state;
	read_options("type: syslog, address: h, transport: tls, ca_file: /nowhere/x",
		"/nowhere/x: No such file or directory");
	read_options("type: syslog, address: h, transport: tls, ca_file: SECRET", "-secret-");
	read_options("type: syslog, address: 'h:70000'", "address: ");
}

static void splunk_wants_its_token(void **state)
{
	(void)state;
	read_options("type: splunk, url: 'https://h:8088', token_file: SECRET", NULL);
	read_options("type: splunk, url: 'https://h:8088'", "token_file");
	read_options("type: splunk, url: 'https://h:8088', token_file: /nowhere/x", "/nowhere/x");
	read_options("type: splunk, url: 'https://h/services/collector', token_file: SECRET",
		"goes without /services/collector");
	read_options("type: splunk, url: 'https://h?channel=X', token_file: SECRET", NULL);
	read_options(
		"type: splunk, url: 'https://h?channel=X', token_file: SECRET, acknowledge: true",
		"url: with acknowledge: true the channel is chosen here");
	read_options(
		"type: splunk, url: 'https://h', token_file: SECRET, fields: [site]", "name=value");
	read_options("type: splunk, url: 'https://h', token_file: SECRET, fields: [site=hq], "
		     "acknowledge: true, index: netfw",
		NULL);
}

static void elasticsearch_logs_in_one_way(void **state)
{
	(void)state;
	read_options("type: elasticsearch, url: 'https://h:9200'", NULL);
	read_options("type: elasticsearch, url: 'https://h', api_key_file: SECRET", NULL);
	read_options("type: elasticsearch, url: 'https://h', user: u, password_file: SECRET", NULL);
	read_options("type: elasticsearch, url: 'https://h', user: u", "go together");
	read_options("type: elasticsearch, url: 'https://h', namespace: HQ", "namespace: ");
}

static void webhook_keeps_secrets_out_of_the_config(void **state)
{
	(void)state;
	read_options(
		"type: webhook, url: 'https://h', headers: ['X-Site: hq'], header_file: SECRET",
		NULL);
	read_options("type: webhook, url: 'https://h', headers: 'X-Site: hq'", NULL);
	read_options("type: webhook, url: 'https://h', headers: ['X-Site']", "Name: value");
	read_options("type: webhook, url: 'https://h', headers: ['X Site: hq']", "Name: value");
	read_options(
		"type: webhook, url: 'https://h', headers: [\"X: a\\r\\nY: b\"]", "Name: value");
	read_options(
		"type: webhook, url: 'https://h', headers: ['authorization: x']", "header_file");
	read_options("type: webhook, url: 'https://h', headers: ['Content-Length: 1']", "Content-");
	read_options("type: webhook, url: 'https://h', body: xml", "array, lines");
	read_options("type: webhook, url: 'https://h', batch: 1000", "256");
}

static void kafka_wants_what_goes_together(void **state)
{
	(void)state;
	size_t n = 0;
	while (outlet_kinds[n] && strcmp(outlet_kinds[n]->name, "kafka") != 0)
		n++;
	if (outlet_kinds[n] == NULL) {
		read_options("type: kafka, brokers: 'a:9092', topic: t", "must be one of");
		return;
	}
	read_options("type: kafka, brokers: ['a:9092', 'b:9092'], topic: t", NULL);
	read_options("type: kafka, brokers: 'a:9092'", "topic");
	read_options("type: kafka, brokers: 'a:9092', topic: t, user: u", "go together");
	read_options("type: kafka, brokers: 'a:9092', topic: 'a b'", ":2:47: topic: a topic has");
	read_options("type: kafka, brokers: 'a:9092', topic: '..'", ":2:47: topic: a topic has");
	read_options("type: kafka, brokers: 'a:9092', topic: t, alerts_topic: 'a/b'",
		":2:64: alerts_topic: a topic has");
	read_options("type: kafka, brokers: 'a:9092', topic: Off.hook_1-x", NULL);
	char options[400];
	for (int len = 249; len <= 250; len++) {
		snprintf(options, sizeof(options), "type: kafka, brokers: 'a:9092', topic: %0*d",
			len, 0);
		read_options(options, len == 249 ? NULL : ":2:47: topic: a topic has 1 to 249");
	}
	read_options("type: kafka, brokers: 'a:9092', topic: t, ca_file: SECRET", "tls: true");
	read_options(
		"type: kafka, brokers: 'a:9093', topic: t, tls: true, ca_file: /dev/null, user: u, "
		"password_file: SECRET, mechanism: PLAIN, compression: lz4",
		NULL);
	read_options("type: kafka, brokers: 'a:9093', topic: t, tls: true, ca_file: /nowhere/x",
		"/nowhere/x: No such file or directory");
	read_options("type: kafka, brokers: 'a:9092', topic: t, compression: rot13", "zstd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(http_wants_addresses_without_secrets),
		cmocka_unit_test(syslog_says_what_is_wrong_with_a_file_of_tls),
		cmocka_unit_test(splunk_wants_its_token),
		cmocka_unit_test(elasticsearch_logs_in_one_way),
		cmocka_unit_test(webhook_keeps_secrets_out_of_the_config),
		cmocka_unit_test(kafka_wants_what_goes_together),
	};
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
