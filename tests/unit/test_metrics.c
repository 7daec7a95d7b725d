// SPDX-License-Identifier: BSD-3-Clause
#include "desk.h"

#include "../../control/metrics.h"
#include "../../control/readiness.h"

static const struct roster_gateway roster_gateways[] = {
	{.name = "fw1",
		.n_phones = 10,
		.n_ok = 1,
		.n_suspected = 4,
		.n_failing = 2,
		.n_unknown = 3},
	{.name = "fw\"2", .n_phones = 1, .n_ok = 1},
};
static struct outlet_status outlets[2];
static bool is_degraded;

// Other parts, as they would answer.
static struct roster_view view(const struct roster *roster)
{
	assert_null(roster);
	return (struct roster_view){roster_gateways, N(roster_gateways)};
}

static size_t status(const struct outlets *of, struct outlet_status *out, size_t max)
{
	assert_null(of);
	assert_true(max >= 2);
	memcpy(out, outlets, sizeof(outlets));
	return 2;
}

static bool degraded(const struct journal *journal)
{
	assert_null(journal);
	return is_degraded;
}

static json_t *journal(const struct journal *of)
{
	assert_null(of);
	return json_pack("{s:i, s:i, s:i}", "records", 7, "bytes", 4096, "lost", 1);
}

struct fixture {
	struct desk *desk;
	struct metrics *metrics;
	struct buffer text;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->desk = desk_create(1);
	outlets[0] = (struct outlet_status){.name = "siem", .state = "connected"};
	outlets[1] = (struct outlet_status){.name = "pager", .state = "retrying"};
	f->metrics = metrics_create(&f->desk->daemon, &(struct metrics_source){.roster_view = view,
							      .outlets_status = status,
							      .journal_status = journal,
							      .journal_is_degraded = degraded});
	*state = f;
	return f->metrics == NULL;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	metrics_destroy(f->metrics);
	buffer_fini(&f->text);
	desk_destroy(f->desk);
	free(f);
	return 0;
}

static const char *expose(struct fixture *f, enum exposition_format format)
{
	buffer_fini(&f->text);
	metrics_expose(f->metrics, format, &f->text);
	buffer_add(&f->text, "", 1);
	assert_false(f->text.failed);
	return f->text.data;
}

// Up to its value.
static const char *series_of(const char *line)
{
	static char word[256];
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(line, " "), line);
	return word;
}

static void expect_line(struct fixture *f, const char *wanted, int line)
{
	char whole[256];
	snprintf(whole, sizeof(whole), "\n%s\n", wanted);
	if (strstr(expose(f, EXPOSITION_PROMETHEUS), whole))
		return;
	const char *like = strstr(f->text.data, series_of(wanted));
	print_error("no line %s\nbut %.200s\n", wanted, like ? like : "nothing like it");
	_fail(__FILE__, line);
}
#define assert_line(f, wanted) expect_line(f, wanted, __LINE__)

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

// No family and no series stands twice, each sample stands under its own family.
static void check_families(char *text)
{
	char *series[16384], *rest = NULL, family[128] = "";
	unsigned n = 0;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		assert_true(n < N(series));
		if (strncmp(line, "# HELP ", 7) == 0) {
			snprintf(family, sizeof(family), "%.*s", (int)strcspn(line + 7, " "),
				line + 7);
			series[n++] = line;
		}
		if (line[0] == '#')
			continue;
		if (strncmp(line, family, strlen(family)) != 0)
			fail_msg("'%s' stands under %s", line, family);
		*strrchr(line, ' ') = '\0';
		series[n++] = line;
	}
	qsort(series, n, sizeof(series[0]), compare);
	for (unsigned i = 1; i < n; i++) {
		if (strcmp(series[i - 1], series[i]) == 0)
			fail_msg("%s stands twice", series[i]);
	}
	assert_true(n > 200);
}

static void each_series_stands_once_in_its_family(void **state)
{
	struct fixture *f = *state;
	for (unsigned format = 0; format < EXPOSITION_FORMATS; format++) {
		const char *text = expose(f, (enum exposition_format)format);
		bool openmetrics = format == EXPOSITION_OPENMETRICS;
		assert_int_equal(strstr(text, "\n# EOF\n") != NULL, openmetrics);
		assert_int_equal(strstr(text, "# TYPE offhook_messages_total counter") != NULL,
			!openmetrics);
		assert_int_equal(
			strstr(text, "# TYPE offhook_messages counter") != NULL, openmetrics);
		check_families(f->text.data);
	}
}

static void messages_and_events_are_counted(void **state)
{
	struct fixture *f = *state;
	assert_line(f, "offhook_messages_total{source=\"asa\",transport=\"udp\"} 0");
	assert_line(f, "offhook_message_matches_total{code=\"724002\"} 0");
	assert_line(f, "offhook_events_total{event=\"csd-not-running\"} 0");
	desk_fail(f->desk, 1);
	desk_fail(f->desk, 2);
	desk_line(f->desk, "fw1 : noise");
	assert_line(f, "offhook_messages_total{source=\"asa\",transport=\"udp\"} 2");
	assert_line(f, "offhook_messages_total{source=\"other\",transport=\"udp\"} 1");
	assert_line(f, "offhook_message_matches_total{code=\"724002\"} 2");
	assert_line(f, "offhook_events_total{event=\"csd-not-running\"} 2");
	assert_line(f, "offhook_diagnoses_open{diagnosis=\"csd\"} 2");
	assert_line(f, "offhook_sessions{state=\"active\"} 2");
	assert_line(f, "offhook_gateway_last_line_timestamp_seconds{gateway=\"fw1\"} 1.001");
}

static void gateways_are_capped(void **state)
{
	struct fixture *f = *state;
	char line[256];
	json_t *diagnosis = json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", "1", "diagnosis",
		"csd-enabled", "state", "open", "confidence", "confirmed", "gateway", "too-late");
	for (unsigned i = 0; i < 300; i++) {
		snprintf(line, sizeof(line), "{\"gateway\":\"box%u\"}", i);
		json_t *other = json_loads(line, 0, NULL);
		metrics_note_diagnosis(f->metrics, other);
		json_decref(other);
	}
	metrics_note_diagnosis(f->metrics, diagnosis);
	json_decref(diagnosis);
	assert_line(f, "offhook_clock_skew_seconds{gateway=\"box7\"} 0");
	assert_line(f,
		"offhook_diagnoses_total{diagnosis=\"csd-enabled\",confidence=\"confirmed\",gateway=\"other\"} 1");
	assert_null(strstr(f->text.data, "too-late"));
	assert_null(strstr(f->text.data, "box256"));
	// The roster's gateways come too late as well, and are one.
	assert_line(f, "offhook_phones{gateway=\"other\",state=\"ok\"} 2");
}

static void nobody_is_named(void **state)
{
	struct fixture *f = *state;
	desk_fail(f->desk, 1);
	const char *text = expose(f, EXPOSITION_PROMETHEUS);
	assert_null(strstr(text, "SEP"));
	assert_null(strstr(text, "10.0.0"));
	assert_null(strstr(text, "7962"));
}

static void other_parts_are_read(void **state)
{
	struct fixture *f = *state;
	outlets[0].n_delivered = 12;
	outlets[1].lag = (struct journal_lag){.waiting = 3, .limit = 100, .lost = 4};
	is_degraded = true;
	assert_line(f, "offhook_phones{gateway=\"fw1\",state=\"unknown\"} 7"); // 4 suspected
	assert_line(f, "offhook_phones{gateway=\"fw\\\"2\",state=\"ok\"} 1");
	assert_line(f, "offhook_export_records_total{output=\"siem\",reason=\"delivered\"} 12");
	assert_line(
		f, "offhook_export_dropped_records_total{output=\"pager\",reason=\"overrun\"} 4");
	assert_line(f, "offhook_export_queue_length{output=\"pager\"} 3");
	assert_line(f, "offhook_export_queue_limit{output=\"pager\"} 100");
	assert_line(f, "offhook_export_up{output=\"siem\"} 1");
	assert_line(f, "offhook_export_up{output=\"pager\"} 0");
	assert_line(f, "offhook_history_degraded 1");
	assert_line(f, "offhook_history_lost_records_total 1");
	is_degraded = false;
}

static void without_other_parts_their_series_are_there(void **state)
{
	struct fixture *f = *state;
	metrics_destroy(f->metrics);
	f->metrics = metrics_create(&f->desk->daemon, NULL);
	assert_line(f, "offhook_phones{gateway=\"other\",state=\"ok\"} 0");
	assert_line(f, "offhook_history_degraded 0");
	assert_line(f, "offhook_history_records 0");
	assert_line(f, "# TYPE offhook_export_records_total counter");
}

static void last_reload_is_told(void **state)
{
	struct fixture *f = *state;
	f->desk->daemon.rules.loaded_ms = 1500;
	assert_line(f, "offhook_config_last_reload_successful 1");
	f->desk->daemon.rules.failed_ms = 2500;
	assert_line(f, "offhook_config_last_reload_successful 0");
	assert_line(f, "offhook_config_last_reload_success_timestamp_seconds 1.5");
}

static void nothing_is_noted_where_there_are_no_metrics(void **state)
{
	(void)state;
	metrics_note_diagnosis(NULL, NULL);
	metrics_note_restored(NULL, NULL);
	metrics_note_alert(NULL, NULL);
	metrics_note_latency(NULL, TOLD_WIRE, 1);
}

static void reasons_why_it_is_not_ready_are_lines(void **state)
{
	struct fixture *f = *state;
	const struct metrics_source *source = metrics_source(f->metrics);
	outlets[0].state = "retrying";
	strcpy(outlets[0].error, "refused\nok");
	strcpy(outlets[1].error, "\033[31m503");
	assert_false(readiness_tell(&f->desk->daemon, source, &f->text));
	buffer_add(&f->text, "", 1);
	assert_string_equal(f->text.data + f->text.from,
		"no port is there\noutput siem is down: refused\\x0Aok\n"
		"output pager is down: \\x1B[31m503\n");
	buffer_fini(&f->text);
	outlets[1].state = "connected"; // one is enough
	assert_false(readiness_tell(&f->desk->daemon, source, &f->text));
	buffer_add(&f->text, "", 1);
	assert_string_equal(f->text.data + f->text.from, "no port is there\n");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_series_stands_once_in_its_family),
		CASE(messages_and_events_are_counted),
		CASE(gateways_are_capped),
		CASE(nobody_is_named),
		CASE(other_parts_are_read),
		CASE(without_other_parts_their_series_are_there),
		CASE(last_reload_is_told),
		CASE(reasons_why_it_is_not_ready_are_lines),
		cmocka_unit_test(nothing_is_noted_where_there_are_no_metrics),
	};
	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
