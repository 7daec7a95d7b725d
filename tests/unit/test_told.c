// SPDX-License-Identifier: BSD-3-Clause
#include "../../control/told.h"
#include "unit.h"

struct fixture {
	struct label_set *gateways;
	struct told *told;
	struct buffer text;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->gateways = label_set_create(2);
	f->told = told_create(f->gateways, 100);
	*state = f;
	return f->told == NULL;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	told_destroy(f->told);
	label_set_destroy(f->gateways);
	buffer_fini(&f->text);
	free(f);
	return 0;
}

// ---- records ----

static json_t *diagnosis(const char *id, const char *name, const char *state,
	const char *confidence, const char *gateway)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s?, s:s, s:s, s:{}}", "type",
		"diagnosis", "id", id, "diagnosis", name, "state", state, "confidence", confidence,
		"is_phone", 1, "gateway", gateway, "first_seen", "2026-11-20T00:00:00.000Z",
		"last_seen", "2026-11-21T10:19:27.500Z", "details");
}

static void tell(struct fixture *f, const char *id, const char *name, const char *state,
	const char *confidence, const char *gateway)
{
	json_t *object = diagnosis(id, name, state, confidence, gateway);
	told_diagnosis(f->told, object, false);
	json_decref(object);
}

static void tell_certificate(struct fixture *f, const char *id, const char *name, const char *state,
	const char *gateway, json_t *details)
{
	json_t *object = diagnosis(id, name, state, "probable", gateway);
	json_object_set_new(object, "details", details);
	told_diagnosis(f->told, object, false);
	json_decref(object);
}

static void tell_alert(struct fixture *f, const char *id, const char *name, const char *state,
	const char *severity)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:s}", "id", id, "alert", name, "state", state,
		"severity", severity);
	told_alert(f->told, object);
	json_decref(object);
}

// The samples that are not 0, as lines.
static void expect(struct fixture *f,
	void (*expose)(const struct told *told, struct exposition *out), const char *wanted,
	int line)
{
	struct exposition out = {.out = &f->text, .name = "x"};
	char got[4096] = "";
	expose(f->told, &out);
	buffer_add(&f->text, "", 1);
	char *rest = NULL;
	for (char *sample = strtok_r(f->text.data + f->text.from, "\n", &rest); sample;
		sample = strtok_r(NULL, "\n", &rest)) {
		if (strcmp(sample + strlen(sample) - 2, " 0") != 0)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s\n", sample);
	}
	buffer_fini(&f->text);
	if (strcmp(got, wanted) != 0) {
		print_error("%s\nwanted %s\n", got, wanted);
		_fail(__FILE__, line);
	}
}
#define assert_samples(f, expose, wanted) expect(f, expose, wanted, __LINE__)

// ---- diagnoses ----

static void diagnosis_counts_once_for_each_confidence(void **state)
{
	struct fixture *f = *state;
	tell(f, "01", "csd-enabled", "open", "suspected", "fw1");
	tell(f, "01", "csd-enabled", "open", "suspected", "fw1");
	tell(f, "01", "csd-enabled", "open", "confirmed", "fw1");
	tell(f, "01", "csd-enabled", "recovered", "confirmed", "fw1");
	tell(f, "01", "csd-enabled", "open", "confirmed", "fw1"); // a relapse
	tell(f, "02", "csd-enabled", "recovered", "confirmed", "fw2");
	assert_samples(f, told_expose_diagnoses,
		"x{diagnosis=\"csd-enabled\",confidence=\"suspected\",gateway=\"fw1\"} 1\n"
		"x{diagnosis=\"csd-enabled\",confidence=\"confirmed\",gateway=\"fw1\"} 1\n"
		"x{diagnosis=\"csd-enabled\",confidence=\"confirmed\",gateway=\"fw2\"} 1\n");
}

static void what_was_open_before_the_start_is_not_counted_again(void **state)
{
	struct fixture *f = *state;
	json_t *before = diagnosis("01", "cert-hash-mismatch", "open", "probable", "fw1");
	told_diagnosis(f->told, before, true);
	told_diagnosis(f->told, before, false);
	json_decref(before);
	assert_samples(f, told_expose_diagnoses, "");
	assert_samples(f, told_expose_mismatches, "x{gateway=\"fw1\"} 1\n");
	tell(f, "01", "cert-hash-mismatch", "open", "confirmed", "fw1");
	assert_samples(f, told_expose_diagnoses,
		"x{diagnosis=\"cert-hash-mismatch\",confidence=\"confirmed\",gateway=\"fw1\"} 1\n");
}

static void what_is_absorbed_at_once_is_no_diagnosis(void **state)
{
	struct fixture *f = *state;
	tell(f, "01", "dtls-blocked", "absorbed", "suspected", "fw1");
	assert_samples(f, told_expose_diagnoses, "");
}

static void known_diagnoses_are_there_from_the_start(void **state)
{
	struct fixture *f = *state;
	struct exposition out = {.out = &f->text, .name = "x"};
	told_know_diagnosis(f->told, "csd-enabled");
	told_know_diagnosis(f->told, "csd-enabled");
	told_expose_diagnoses(f->told, &out);
	buffer_add(&f->text, "", 1);
	assert_string_equal(f->text.data,
		"x{diagnosis=\"csd-enabled\",confidence=\"suspected\",gateway=\"other\"} 0\n"
		"x{diagnosis=\"csd-enabled\",confidence=\"probable\",gateway=\"other\"} 0\n"
		"x{diagnosis=\"csd-enabled\",confidence=\"confirmed\",gateway=\"other\"} 0\n");
}

static void record_that_is_none_counts_nothing(void **state)
{
	struct fixture *f = *state;
	json_t *empty = json_object(), *list = json_array();
	told_diagnosis(f->told, empty, false);
	told_diagnosis(f->told, list, false);
	told_alert(f->told, empty);
	json_decref(empty);
	json_decref(list);
	assert_samples(f, told_expose_diagnoses, "");
	assert_samples(f, told_expose_alerts, "");
}

// ---- mismatches ----

static void mismatches_are_those_that_are_open(void **state)
{
	struct fixture *f = *state;
	tell(f, "01", "cert-hash-mismatch", "open", "probable", "fw1");
	tell(f, "02", "cert-hash-mismatch", "open", "probable", "fw1");
	tell(f, "02", "cert-hash-mismatch", "open", "confirmed", "fw1");
	tell(f, "03", "cert-hash-mismatch", "open", "confirmed", "fw3");
	tell(f, "04", "cert-hash-mismatch", "open", "confirmed", "fw4"); // beyond the cap
	tell(f, "05", "cert-hash-mismatch", "open", "confirmed", "fw5");
	assert_samples(f, told_expose_mismatches,
		"x{gateway=\"other\"} 2\nx{gateway=\"fw1\"} 2\nx{gateway=\"fw3\"} 1\n");
	tell(f, "01", "cert-hash-mismatch", "recovered", "probable", "fw1");
	tell(f, "05", "cert-hash-mismatch", "expired", "confirmed", "fw5");
	tell(f, "03", "cert-hash-mismatch", "open", "confirmed", "fw1"); // it moved
	assert_samples(f, told_expose_mismatches, "x{gateway=\"other\"} 1\nx{gateway=\"fw1\"} 2\n");
}

static void mismatch_is_not_forgotten_while_it_is_open(void **state)
{
	struct fixture *f = *state;
	char id[20];
	tell(f, "m", "cert-hash-mismatch", "open", "probable", "fw1");
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(id, sizeof(id), "%u", i);
		tell(f, id, "csd-enabled", "open", "confirmed", "fw1");
	}
	tell(f, "m", "cert-hash-mismatch", "recovered", "probable", "fw1");
	assert_samples(f, told_expose_mismatches, "");
	assert_samples(f, told_expose_diagnoses,
		"x{diagnosis=\"cert-hash-mismatch\",confidence=\"probable\",gateway=\"fw1\"} 1\n"
		"x{diagnosis=\"csd-enabled\",confidence=\"confirmed\",gateway=\"fw1\"} 1000\n");
}

// ---- certificates ----

static void certificate_ends_when_its_line_says(void **state)
{
	struct fixture *f = *state;
	tell_certificate(f, "01", "asa-cert-expiring", "open", "fw1",
		json_pack("{s:s, s:i, s:s}", "trustpoint", "TP", "days", 14, "expiry",
			"10:00:00 UTC Mar 1 2027"));
	tell_certificate(f, "02", "asa-cert-expiring", "open", "fw2",
		json_pack("{s:s, s:i}", "trustpoint", "TP \"2\"", "days", 14));
	// 2027-03-01T10:00:00Z; 2026-11-21T10:19:27Z and 14 days
	assert_samples(f, told_expose_certificates,
		"x{gateway=\"fw1\",trustpoint=\"TP\",source=\"asa\"} 1803895200\n"
		"x{gateway=\"fw2\",trustpoint=\"TP \\\"2\\\"\",source=\"asa\"} 1796465967\n");
	tell_certificate(f, "03", "asa-cert-expired", "open", "fw2",
		json_pack("{s:s, s:s}", "trustpoint", "TP \"2\"", "expiry", "some day"));
	tell_certificate(f, "01", "asa-cert-expiring", "recovered", "fw1",
		json_pack("{s:s}", "trustpoint", "TP"));
	// 2026-11-20, when it was first told to have expired
	assert_samples(f, told_expose_certificates,
		"x{gateway=\"fw2\",trustpoint=\"TP \\\"2\\\"\",source=\"asa\"} 1795132800\n");
	tell_certificate(f, "02", "asa-cert-expiring", "expired", "fw2",
		json_pack("{s:s}", "trustpoint", "TP \"2\"")); // the other one still tells of it
	assert_samples(f, told_expose_certificates,
		"x{gateway=\"fw2\",trustpoint=\"TP \\\"2\\\"\",source=\"asa\"} 1795132800\n");
}

static unsigned n_certificates(struct fixture *f)
{
	struct exposition out = {.out = &f->text, .name = "x"};
	unsigned n = 0;
	told_expose_certificates(f->told, &out);
	for (size_t i = 0; i < f->text.len; i++)
		n += f->text.data[f->text.from + i] == '\n';
	buffer_fini(&f->text);
	return n;
}

static void certificates_without_days_or_without_end_are_not_told(void **state)
{
	struct fixture *f = *state;
	char id[20];
	tell_certificate(f, "01", "asa-cert-expiring", "open", "fw1", json_object());
	tell_certificate(f, "02", "asa-cert-expiring", "open", "fw1", json_null());
	assert_samples(f, told_expose_certificates, "");
	for (unsigned i = 0; i < 3000; i++) { // names from the wire
		snprintf(id, sizeof(id), "%u", i);
		tell_certificate(f, "03", "asa-cert-expiring", "open", "fw1",
			json_pack("{s:s, s:i}", "trustpoint", id, "days", 1));
	}
	assert_int_equal(n_certificates(f), 8);
	tell_certificate(f, "03", "asa-cert-expiring", "recovered", "fw1", json_object());
	assert_int_equal(n_certificates(f), 0);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(id, sizeof(id), "%u", i);
		tell_certificate(f, id, "asa-cert-expiring", "open", "fw1",
			json_pack("{s:s, s:i}", "trustpoint", id, "days", 1));
	}
	assert_int_equal(n_certificates(f), 1024);
}

// ---- alerts, latency ----

static void alerts_count_while_they_fire(void **state)
{
	struct fixture *f = *state;
	told_know_alert(f->told, "fleet-cert-mismatch");
	assert_samples(f, told_expose_alerts, "");
	tell_alert(f, "a", "fleet-cert-mismatch", "firing", "high");
	tell_alert(f, "b", "fleet-cert-mismatch", "firing", "high");
	tell_alert(f, "a", "fleet-cert-mismatch", "firing", "critical"); // it escalates
	assert_samples(f, told_expose_alerts,
		"x{alert=\"fleet-cert-mismatch\",severity=\"high\"} 1\n"
		"x{alert=\"fleet-cert-mismatch\",severity=\"critical\"} 1\n");
	tell_alert(f, "a", "fleet-cert-mismatch", "resolved", "critical");
	tell_alert(f, "a", "fleet-cert-mismatch", "resolved", "critical");
	assert_samples(
		f, told_expose_alerts, "x{alert=\"fleet-cert-mismatch\",severity=\"high\"} 1\n");
}

static void latency_falls_into_its_bucket(void **state)
{
	struct fixture *f = *state;
	told_latency(f->told, TOLD_WIRE, 1000);
	told_latency(f->told, TOLD_WIRE, 1001);
	told_latency(f->told, TOLD_WIRE, 60000000);
	assert_samples(f, told_expose_latency,
		"x_bucket{stage=\"wire\",le=\"0.001\"} 1\nx_bucket{stage=\"wire\",le=\"0.002\"} 2\n"
		"x_bucket{stage=\"wire\",le=\"0.005\"} 2\nx_bucket{stage=\"wire\",le=\"0.01\"} 2\n"
		"x_bucket{stage=\"wire\",le=\"0.02\"} 2\nx_bucket{stage=\"wire\",le=\"0.05\"} 2\n"
		"x_bucket{stage=\"wire\",le=\"0.1\"} 2\nx_bucket{stage=\"wire\",le=\"0.2\"} 2\n"
		"x_bucket{stage=\"wire\",le=\"0.5\"} 2\nx_bucket{stage=\"wire\",le=\"1.0\"} 2\n"
		"x_bucket{stage=\"wire\",le=\"2.0\"} 2\nx_bucket{stage=\"wire\",le=\"5.0\"} 2\n"
		"x_bucket{stage=\"wire\",le=\"10.0\"} 2\nx_bucket{stage=\"wire\",le=\"30.0\"} 2\n"
		"x_bucket{stage=\"wire\",le=\"+Inf\"} 3\nx_sum{stage=\"wire\"} 60.002001\n"
		"x_count{stage=\"wire\"} 3\n");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(diagnosis_counts_once_for_each_confidence),
		CASE(what_was_open_before_the_start_is_not_counted_again),
		CASE(what_is_absorbed_at_once_is_no_diagnosis),
		CASE(known_diagnoses_are_there_from_the_start),
		CASE(record_that_is_none_counts_nothing),
		CASE(mismatches_are_those_that_are_open),
		CASE(mismatch_is_not_forgotten_while_it_is_open),
		CASE(certificate_ends_when_its_line_says),
		CASE(certificates_without_days_or_without_end_are_not_told),
		CASE(alerts_count_while_they_fire),
		CASE(latency_falls_into_its_bucket),
	};
	return cmocka_run_group_tests_name("told", tests, NULL, NULL);
}
