// SPDX-License-Identifier: BSD-3-Clause
#include "told.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "../rules/rulepack.h"
#include "alert.h"
#include "certificate.h"
#include "recall.h"
#include "severity.h"
#include "text.h"

#define ALERT_NAMES_MAX 128
#define CERTIFICATES_MAX 1024
#define CERTIFICATES_OF_ONE_MAX 8 // trustpoints that one diagnosis tells of, one after the other
#define TRUSTPOINT_MAX 64
#define DAY_S 86400

// In the words of recalled diagnoses: bits 1 to 3 the confidences that were counted; from bit 16 on
// the gateway where its phone is counted among those that reject the certificate.
#define WORD_MISMATCH (1ull << 8)
#define WORD_GATEWAY_SHIFT 16
// In those of alerts: the place of its name, and its severity, while it fires.
#define WORD_SEVERITY_SHIFT 16

// Upper bounds in seconds, written so that both formats mean one and the same series.
static const char *const bounds[] = {"0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1",
	"0.2", "0.5", "1.0", "2.0", "5.0", "10.0", "30.0"};
static const uint64_t bounds_us[] = {1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000,
	1000000, 2000000, 5000000, 10000000, 30000000};
#define N_BOUNDS (sizeof(bounds) / sizeof(bounds[0]))
static_assert(sizeof(bounds_us) / sizeof(bounds_us[0]) == N_BOUNDS);

// The end of one certificate, as the last diagnosis says that tells of it.
struct certificate {
	uint64_t diagnosis; // hash of its id
	unsigned gateway;
	char trustpoint[TRUSTPOINT_MAX];
	int64_t not_after_s;
};

// By the place of the diagnosis' name.
struct opened {
	bool any;
	uint64_t n[CONFIDENCE_CONFIRMED + 1];
};

struct told {
	struct label_set *gateways, *diagnoses, *alerts;
	struct recall *seen_diagnoses, *seen_alerts;
	struct opened **opened; // by gateway, then by diagnosis; NULL: none yet
	uint32_t *mismatches;	// by gateway
	struct certificate *certificates;
	unsigned n_certificates;
	uint32_t firing[ALERT_NAMES_MAX + 1][SEVERITY_MAX];
	uint64_t latency[TOLD_STAGES][N_BOUNDS + 1], latency_us[TOLD_STAGES];
};

// ---- life ----

struct told *told_create(struct label_set *gateways, uint32_t n_diagnoses)
{
	struct told *told = calloc(1, sizeof(*told));
	if (told == NULL)
		return NULL;
	unsigned n_gateways = label_set_max(gateways);
	told->gateways = gateways;
	told->diagnoses = label_set_create(DIAGNOSES_MAX);
	told->alerts = label_set_create(ALERT_NAMES_MAX);
	told->seen_diagnoses = recall_create(n_diagnoses);
	told->seen_alerts = recall_create(ALERTS_MAX);
	told->opened = calloc(n_gateways, sizeof(*told->opened));
	told->mismatches = calloc(n_gateways, sizeof(*told->mismatches));
	told->certificates = calloc(CERTIFICATES_MAX, sizeof(*told->certificates));
	if (told->diagnoses && told->alerts && told->seen_diagnoses && told->seen_alerts &&
		told->opened && told->mismatches && told->certificates)
		return told;
	told_destroy(told);
	return NULL;
}

void told_destroy(struct told *told)
{
	if (told == NULL)
		return;
	for (unsigned i = 0; told->opened && i < label_set_max(told->gateways); i++)
		free(told->opened[i]);
	free(told->opened);
	free(told->mismatches);
	free(told->certificates);
	recall_destroy(told->seen_diagnoses);
	recall_destroy(told->seen_alerts);
	label_set_destroy(told->diagnoses);
	label_set_destroy(told->alerts);
	free(told);
}

// ---- what a record says ----

static struct slice text_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	return json_is_string(value) ? (struct slice){json_string_value(value),
					       (uint32_t)json_string_length(value)}
				     : (struct slice){0};
}

static bool says(const json_t *object, const char *key, const char *text)
{
	return slice_equals_text(text_of(object, key), text);
}

static uint64_t hash_of_id(const json_t *object)
{
	struct slice id = text_of(object, "id");
	return XXH3_64bits(id.data ? id.data : "", id.len);
}

// -1: none.
static int64_t seconds_of(const json_t *object, const char *key)
{
	uint64_t ms;
	return json_time_read(json_object_get(object, key), &ms) ? (int64_t)(ms / 1000) : -1;
}

// ---- diagnoses ----

static void open_series(struct told *told, unsigned gateway, unsigned diagnosis)
{
	if (told->opened[gateway] == NULL)
		told->opened[gateway] =
			calloc(label_set_max(told->diagnoses), sizeof(*told->opened[gateway]));
	if (told->opened[gateway])
		told->opened[gateway][diagnosis].any = true;
}

void told_know_diagnosis(struct told *told, const char *diagnosis)
{
	open_series(told, 0, label_set_place(told->diagnoses, slice_of(diagnosis)));
}

static enum confidence confidence_of(const json_t *diagnosis)
{
	for (unsigned i = CONFIDENCE_SUSPECTED; i <= CONFIDENCE_CONFIRMED; i++) {
		if (says(diagnosis, "confidence", confidence_names[i]))
			return (enum confidence)i;
	}
	return CONFIDENCE_NONE;
}

// What was absorbed before it was told is no diagnosis of its own.
static void count(struct told *told, const json_t *diagnosis, unsigned gateway, uint64_t *word)
{
	enum confidence confidence = confidence_of(diagnosis);
	if (confidence == CONFIDENCE_NONE || *word & 1ull << confidence ||
		says(diagnosis, "state", "absorbed"))
		return;
	*word |= 1ull << confidence;
	unsigned name = label_set_place(told->diagnoses, text_of(diagnosis, "diagnosis"));
	open_series(told, gateway, name);
	if (told->opened[gateway])
		told->opened[gateway][name].n[confidence]++;
}

static void restore(const json_t *diagnosis, uint64_t *word)
{
	for (unsigned i = confidence_of(diagnosis); i > CONFIDENCE_NONE; i--)
		*word |= 1ull << i;
}

static void count_mismatch(
	struct told *told, const json_t *diagnosis, unsigned gateway, uint64_t *word)
{
	bool before = *word & WORD_MISMATCH;
	bool now = says(diagnosis, "diagnosis", "cert-hash-mismatch") &&
		   says(diagnosis, "state", "open") &&
		   json_is_true(json_object_get(diagnosis, "is_phone"));
	if (before)
		told->mismatches[*word >> WORD_GATEWAY_SHIFT & UINT16_MAX]--;
	*word &= WORD_MISMATCH - 1;
	if (!now)
		return;
	told->mismatches[gateway]++;
	*word |= RECALL_HOLD | WORD_MISMATCH | (uint64_t)gateway << WORD_GATEWAY_SHIFT;
}

// ---- certificates ----

static int64_t not_after_of(const json_t *diagnosis)
{
	const json_t *details = json_object_get(diagnosis, "details");
	const json_t *days = json_object_get(details, "days");
	uint64_t expiry_ms;
	if (certificate_expiry(text_of(details, "expiry"), &expiry_ms))
		return (int64_t)(expiry_ms / 1000);
	if (says(diagnosis, "diagnosis", "asa-cert-expired"))
		return seconds_of(diagnosis, "first_seen");
	int64_t last_s = seconds_of(diagnosis, "last_seen");
	return last_s >= 0 && json_is_integer(days) ? last_s + json_integer_value(days) * DAY_S
						    : -1;
}

static struct certificate *find_certificate(
	struct told *told, unsigned gateway, const char *trustpoint)
{
	struct certificate *all = told->certificates;
	for (unsigned i = 0; i < told->n_certificates; i++) {
		if (all[i].gateway == gateway && strcmp(all[i].trustpoint, trustpoint) == 0)
			return &all[i];
	}
	return NULL;
}

// NULL: there is no room, of all or of one diagnosis.
static struct certificate *new_certificate(struct told *told, uint64_t diagnosis)
{
	unsigned n = 0;
	for (unsigned i = 0; i < told->n_certificates; i++)
		n += told->certificates[i].diagnosis == diagnosis;
	return n < CERTIFICATES_OF_ONE_MAX && told->n_certificates < CERTIFICATES_MAX
		       ? &told->certificates[told->n_certificates++]
		       : NULL;
}

// A diagnosis is over: of whichever trustpoints it has told.
static void drop_certificates(struct told *told, uint64_t diagnosis)
{
	for (unsigned i = 0; i < told->n_certificates;) {
		if (told->certificates[i].diagnosis == diagnosis)
			told->certificates[i] = told->certificates[--told->n_certificates];
		else
			i++;
	}
}

static void note_certificate(
	struct told *told, const json_t *diagnosis, unsigned gateway, uint64_t id)
{
	char trustpoint[TRUSTPOINT_MAX];
	int64_t not_after_s = not_after_of(diagnosis);
	if (!says(diagnosis, "state", "open")) {
		drop_certificates(told, id);
		return;
	}
	slice_copy(text_of(json_object_get(diagnosis, "details"), "trustpoint"), trustpoint,
		sizeof(trustpoint));
	struct certificate *known = find_certificate(told, gateway, trustpoint);
	// Several gateways share `other`: the first to end is told.
	if (not_after_s < 0 || (known && gateway == 0 && known->diagnosis != id &&
				       known->not_after_s < not_after_s))
		return;
	if (known == NULL)
		known = new_certificate(told, id);
	if (known == NULL)
		return;
	known->diagnosis = id;
	known->gateway = gateway;
	known->not_after_s = not_after_s;
	memcpy(known->trustpoint, trustpoint, sizeof(trustpoint));
}

void told_diagnosis(struct told *told, const json_t *diagnosis, bool restored)
{
	uint64_t id = hash_of_id(diagnosis), *word = recall_at(told->seen_diagnoses, id);
	if (word == NULL)
		return;
	unsigned gateway = label_set_place(told->gateways, text_of(diagnosis, "gateway"));
	if (restored)
		restore(diagnosis, word);
	else
		count(told, diagnosis, gateway, word);
	count_mismatch(told, diagnosis, gateway, word);
	if (says(diagnosis, "diagnosis", "asa-cert-expiring") ||
		says(diagnosis, "diagnosis", "asa-cert-expired"))
		note_certificate(told, diagnosis, gateway, id);
}

// ---- alerts ----

void told_know_alert(struct told *told, const char *alert)
{
	label_set_place(told->alerts, slice_of(alert));
}

void told_alert(struct told *told, const json_t *alert)
{
	uint64_t *word = recall_at(told->seen_alerts, hash_of_id(alert));
	if (word == NULL)
		return;
	unsigned severity = severity_of(json_string_value(json_object_get(alert, "severity")));
	if (*word & RECALL_HOLD)
		told->firing[*word & UINT16_MAX][*word >> WORD_SEVERITY_SHIFT & UINT16_MAX]--;
	*word = 0;
	unsigned name = label_set_place(told->alerts, text_of(alert, "alert"));
	if (!says(alert, "state", "firing"))
		return;
	told->firing[name][severity]++;
	*word = RECALL_HOLD | (uint64_t)severity << WORD_SEVERITY_SHIFT | name;
}

// ---- latency ----

void told_latency(struct told *told, enum told_stage stage, uint64_t us)
{
	unsigned i = 0;
	while (i < N_BOUNDS && us > bounds_us[i])
		i++;
	told->latency[stage][i]++;
	told->latency_us[stage] += us;
}

// ---- samples ----

static void expose_gateway(
	const struct told *told, unsigned gateway, unsigned diagnosis, struct exposition *out)
{
	const struct opened *opened = &told->opened[gateway][diagnosis];
	for (unsigned c = CONFIDENCE_SUSPECTED; opened->any && c <= CONFIDENCE_CONFIRMED; c++) {
		struct label labels[] = {{"diagnosis", label_set_value(told->diagnoses, diagnosis)},
			{"confidence", slice_of(confidence_names[c])},
			{"gateway", label_set_value(told->gateways, gateway)}};
		exposition_sample(out, labels, 3, (double)opened->n[c]);
	}
}

void told_expose_diagnoses(const struct told *told, struct exposition *out)
{
	for (unsigned g = 0; g < label_set_count(told->gateways); g++) {
		for (unsigned d = 0; told->opened[g] && d < label_set_count(told->diagnoses); d++)
			expose_gateway(told, g, d, out);
	}
}

void told_expose_certificates(const struct told *told, struct exposition *out)
{
	for (unsigned i = 0; i < told->n_certificates; i++) {
		const struct certificate *c = &told->certificates[i];
		struct label labels[] = {{"gateway", label_set_value(told->gateways, c->gateway)},
			{"trustpoint", slice_of(c->trustpoint)}, {"source", slice_of("asa")}};
		exposition_sample(out, labels, 3, (double)c->not_after_s);
	}
}

void told_expose_mismatches(const struct told *told, struct exposition *out)
{
	for (unsigned g = 0; g < label_set_count(told->gateways); g++) {
		struct label label = {"gateway", label_set_value(told->gateways, g)};
		exposition_sample(out, &label, 1, told->mismatches[g]);
	}
}

void told_expose_alerts(const struct told *told, struct exposition *out)
{
	for (unsigned a = 0; a < label_set_count(told->alerts); a++) {
		for (unsigned s = 0; s < SEVERITY_MAX; s++) {
			struct label labels[] = {{"alert", label_set_value(told->alerts, a)},
				{"severity", slice_of(severity_names[s])}};
			exposition_sample(out, labels, 2, told->firing[a][s]);
		}
	}
}

void told_expose_latency(const struct told *told, struct exposition *out)
{
	static const char *const stages[] = {[TOLD_WIRE] = "wire", [TOLD_SETTLED] = "settled"};
	for (unsigned i = 0; i < TOLD_STAGES; i++) {
		struct label label = {"stage", slice_of(stages[i])};
		struct histogram histogram = {
			bounds, told->latency[i], N_BOUNDS, (double)told->latency_us[i] / 1e6};
		exposition_histogram(out, &label, &histogram);
	}
}
