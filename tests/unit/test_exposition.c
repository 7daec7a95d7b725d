// SPDX-License-Identifier: BSD-3-Clause
#include "../../control/exposition.h"
#include "unit.h"

static struct buffer text;

static int tear_down(void **state)
{
	(void)state;
	buffer_fini(&text);
	return 0;
}

static struct exposition begin(enum exposition_format format)
{
	return (struct exposition){.out = &text, .format = format};
}

// What was written since the last call.
static void expect(const char *wanted, int line)
{
	assert_false(text.failed);
	buffer_add(&text, "", 1);
	if (strcmp(text.data + text.from, wanted) != 0) {
		print_error("%s\nwanted %s\n", text.data + text.from, wanted);
		_fail(__FILE__, line);
	}
	buffer_take(&text, text.len);
}
#define assert_text(wanted) expect(wanted, __LINE__)

static void counter_keeps_its_total_in_samples_alone_as_openmetrics(void **state)
{
	(void)state;
	struct label labels[] = {{"port", slice_of("eth0")}, {"queue", slice_of("3")}};
	struct exposition out = begin(EXPOSITION_PROMETHEUS);
	exposition_family(&out, "offhook_rx_packets_total", METRIC_COUNTER, "Packets.");
	exposition_sample(&out, labels, 2, 12);
	exposition_end(&out);
	assert_text("# HELP offhook_rx_packets_total Packets.\n"
		    "# TYPE offhook_rx_packets_total counter\n"
		    "offhook_rx_packets_total{port=\"eth0\",queue=\"3\"} 12\n");
	out = begin(EXPOSITION_OPENMETRICS);
	exposition_family(&out, "offhook_rx_packets_total", METRIC_COUNTER, "Packets.");
	exposition_sample(&out, labels, 2, 12);
	exposition_end(&out);
	assert_text("# HELP offhook_rx_packets Packets.\n"
		    "# TYPE offhook_rx_packets counter\n"
		    "offhook_rx_packets_total{port=\"eth0\",queue=\"3\"} 12\n"
		    "# EOF\n");
}

static void values_are_whole_or_as_exact_as_need_be(void **state)
{
	(void)state;
	struct exposition out = begin(EXPOSITION_PROMETHEUS);
	exposition_family(&out, "offhook_x", METRIC_GAUGE, "X.");
	exposition_sample(&out, NULL, 0, 0);
	exposition_sample(&out, NULL, 0, -3);
	exposition_sample(&out, NULL, 0, 1795683421.172);
	exposition_sample(&out, NULL, 0, 9007199254740991.0);
	exposition_sample(&out, NULL, 0, 1e300);
	assert_text("# HELP offhook_x X.\n# TYPE offhook_x gauge\n"
		    "offhook_x 0\noffhook_x -3\noffhook_x 1795683421.172\n"
		    "offhook_x 9007199254740991\noffhook_x 1e+300\n");
}

static void hostile_label_is_escaped(void **state)
{
	(void)state;
	static const char name[] = "a\"b\\c\nd\te\xff\xc3(\xe9\x9b\xbb\xe8\xa9\xb1 }1\0z\\";
	struct label label = {"gateway", {name, sizeof(name) - 1}};
	struct exposition out = begin(EXPOSITION_PROMETHEUS);
	out.name = "x";
	exposition_sample(&out, &label, 1, 1);
	static const char wanted[] =
		"x{gateway=\"a\\\"b\\\\c\\nd\te\xef\xbf\xbd\xef\xbf\xbd(\xe9\x9b\xbb\xe8\xa9\xb1 "
		"}1\0z\\\\\"} 1\n";
	assert_int_equal(text.len, sizeof(wanted) - 1);
	assert_memory_equal(text.data, wanted, sizeof(wanted) - 1);
}

static void histogram_adds_up_to_infinity(void **state)
{
	(void)state;
	static const char *const bounds[] = {"0.5", "1.0"};
	static const uint64_t counts[] = {2, 0, 1};
	struct histogram histogram = {bounds, counts, 2, 7.25};
	struct exposition out = begin(EXPOSITION_OPENMETRICS);
	exposition_family(&out, "offhook_l_seconds", METRIC_HISTOGRAM, "L.");
	exposition_histogram(&out, &(struct label){"stage", slice_of("wire")}, &histogram);
	assert_text("# HELP offhook_l_seconds L.\n# TYPE offhook_l_seconds histogram\n"
		    "offhook_l_seconds_bucket{stage=\"wire\",le=\"0.5\"} 2\n"
		    "offhook_l_seconds_bucket{stage=\"wire\",le=\"1.0\"} 2\n"
		    "offhook_l_seconds_bucket{stage=\"wire\",le=\"+Inf\"} 3\n"
		    "offhook_l_seconds_sum{stage=\"wire\"} 7.25\n"
		    "offhook_l_seconds_count{stage=\"wire\"} 3\n");
}

#define PROMETHEUS_2_42                                                                    \
	"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=" \
	"0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

static void openmetrics_is_given_to_whom_names_it(void **state)
{
	(void)state;
	static const char *const yes[] = {"application/openmetrics-text",
		"application/openmetrics-text; version=1.0.0; charset=utf-8",
		"text/plain;version=0.0.4;q=0.5, application/openmetrics-text;version=1.0.0;q=0.9",
		PROMETHEUS_2_42, "Application/OpenMetrics-Text;Version=1.0.0",
		"text/plain, application/openmetrics-text",
		"application/openmetrics-text;q=0.2, */*;q=0.1",
		"application/openmetrics-text;q=0.2, text/plain;q=0.1, */*",
		"application/openmetrics-text;q=0.2, text/plain;version=0.0.5",
		"application/openmetrics-text;q=0.2, text/plain;q=0, text/*",
		"application/openmetrics-text;version=0.0.1, application/openmetrics-text;q=0.5"};
	static const char *const no[] = {"", "*/*", "text/plain",
		"application/openmetrics-text;q=0", "application/openmetrics-text; q=0.000",
		"application/openmetrics-text;version=0.0.1", "application/openmetrics-texture",
		"x/application/openmetrics-text", ",,,", " ",
		"text/plain;q=0.9, application/openmetrics-text;q=0.1",
		"application/openmetrics-text;q=0.1,text/plain;q=0.9",
		"application/openmetrics-text; q=0.1, text/plain; version=0.0.4",
		"application/openmetrics-text;q=0.1, text/*;q=0.2",
		"application/openmetrics-text;q=0.1,*/*", "application/openmetrics-text;q=nan",
		"application/openmetrics-text;q=-1"};
	for (size_t i = 0; i < N(yes); i++)
		assert_int_equal(exposition_accepted(yes[i]), EXPOSITION_OPENMETRICS);
	for (size_t i = 0; i < N(no); i++)
		assert_int_equal(exposition_accepted(no[i]), EXPOSITION_PROMETHEUS);
	assert_int_equal(exposition_accepted(NULL), EXPOSITION_PROMETHEUS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			counter_keeps_its_total_in_samples_alone_as_openmetrics, tear_down),
		cmocka_unit_test_teardown(values_are_whole_or_as_exact_as_need_be, tear_down),
		cmocka_unit_test_teardown(hostile_label_is_escaped, tear_down),
		cmocka_unit_test_teardown(histogram_adds_up_to_infinity, tear_down),
		cmocka_unit_test(openmetrics_is_given_to_whom_names_it),
	};
	return cmocka_run_group_tests_name("exposition", tests, NULL, NULL);
}
