// SPDX-License-Identifier: BSD-3-Clause
// score: how right diagnoses are, against the truth that bench/fleet has written.
//
//   offhook replay --json fleet.pcap | score TRUTH.jsonl [OPTION]...
//
// A diagnosis fits a truth of its name, at its client address (its device, where it has no address;
// its gateway, where it is one of a gateway), if their times overlap. What is told of phones above
// `suspected` and fits no truth counts against precision. Replay prints the final state of each
// diagnosis, not when it was opened, so a delay cannot be told from it.
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLASSES_MAX 64
#define EARLY_MS 5000	   // evidence from so long before belongs to it
#define LATE_MS 60000	   // and from so long after its end: logs that come through the tunnel
#define RECOVERY_MS 20000  // a recovery may be told so much before or after
#define NEIGHBOUR_MS 10000 // so near is the failure that a diagnosis was meant to be of

enum confidence { SUSPECTED, PROBABLE, CONFIRMED };
static const char *const confidences[] = {"suspected", "probable", "confirmed"};

// A truth, or a diagnosis.
struct record {
	json_t *json;
	const char *name, *key, *other_key; // key: client address or gateway; NULL: the device
	const char *device, *gateway;
	int64_t first_ms, last_ms, recovered_ms; // recovered_ms 0: not
	enum confidence confidence;
	bool is_phone, of_gateway, ambiguous; // of a truth: may be told so
	// of a truth
	bool optional, undecidable, unclear;
	const struct record *found; // the latest diagnosis that fits
	unsigned n_found;
};

struct records {
	struct record *all;
	size_t n, size;
};

struct score {
	const char *name;
	unsigned planted, found, again, weak; // again: told more than once; weak: as suspected only
	unsigned reason, phone, invented;     // that fit no truth, above suspected
	unsigned false_confirmed;	      // of these, confirmed
	unsigned over;			      // more confident than one side allows
	unsigned not_phone;		      // above suspected, of no phone
	unsigned suspected;		      // of phones, that fit no truth
	unsigned missed_recovery, false_recovery, recoveries, gateway;
};

struct scores {
	struct score score[CLASSES_MAX], sum;
	unsigned n;
	FILE *errors;
};

// ---- input ----

static const char *text_of(json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static int64_t time_of(json_t *json, const char *name)
{
	const char *text = text_of(json, name);
	struct tm tm = {0};
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	if (rest == NULL)
		return 0;
	return (int64_t)timegm(&tm) * 1000 + (*rest == '.' ? atoi(rest + 1) : 0);
}

static bool flag_of(json_t *json, const char *name)
{
	return json_is_true(json_object_get(json, name));
}

static enum confidence confidence_of(json_t *json)
{
	const char *text = text_of(json, "confidence");
	for (enum confidence c = CONFIRMED; c > SUSPECTED; c--) {
		if (text && strcmp(text, confidences[c]) == 0)
			return c;
	}
	return SUSPECTED;
}

static void add(struct records *records, json_t *json, bool truth)
{
	if (records->n == records->size) {
		records->size = records->size ? records->size * 2 : 1024;
		records->all = realloc(records->all, records->size * sizeof(records->all[0]));
		if (records->all == NULL)
			abort();
	}
	const char *scope = text_of(json, "scope");
	struct record *r = &records->all[records->n++];
	*r = (struct record){.json = json,
		.name = text_of(json, "diagnosis"),
		.device = text_of(json, "device"),
		.gateway = text_of(json, "gateway"),
		.of_gateway = scope && strcmp(scope, "gateway") == 0,
		.other_key = text_of(json, "moved_to"),
		.first_ms = time_of(json, truth ? "first" : "first_seen"),
		.last_ms = time_of(json, truth ? "last" : "last_seen"),
		.recovered_ms = time_of(json, truth ? "recovered" : "recovered_at"),
		.confidence = confidence_of(json),
		.is_phone = flag_of(json, "is_phone"),
		.optional = flag_of(json, "optional"),
		.undecidable = flag_of(json, "undecidable"),
		.ambiguous = flag_of(json, truth ? "ambiguous_permitted" : "ambiguous"),
		.unclear = flag_of(json, "recovery_unclear")};
	r->key = r->of_gateway ? r->gateway : text_of(json, "client_ip");
}

// Lines of the other types are left out. What does not help is dropped: titles and the like.
static bool read_lines(FILE *file, const char *type, struct records *records)
{
	char *line = NULL;
	size_t size = 0;
	bool ok = true;
	while (ok && getline(&line, &size, file) > 0) {
		json_error_t error;
		json_t *json = json_loads(line, 0, &error);
		const char *got = json ? text_of(json, "type") : NULL;
		ok = json != NULL;
		if (got == NULL || strcmp(got, type) != 0) {
			json_decref(json);
			continue;
		}
		json_object_del(json, "remedy");
		json_object_del(json, "title");
		json_object_del(json, "reference");
		add(records, json, strcmp(type, "truth") == 0);
	}
	free(line);
	return ok;
}

// ---- what fits ----

static int by_key(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	int order = strcmp(x->key ? x->key : "", y->key ? y->key : "");
	return order ? order : x->first_ms < y->first_ms ? -1 : x->first_ms > y->first_ms;
}

static int64_t end_of(const struct record *truth)
{
	return (truth->recovered_ms > truth->last_ms ? truth->recovered_ms : truth->last_ms) +
	       LATE_MS;
}

static bool overlap(const struct record *truth, const struct record *diagnosis)
{
	return diagnosis->first_ms <= end_of(truth) &&
	       diagnosis->last_ms >= truth->first_ms - EARLY_MS;
}

static bool same_text(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

// At least as good as what has been found: this one's own device, and not told yet.
static int grade(const struct record *truth, const struct record *diagnosis)
{
	int grade = 1 + truth->is_phone * 8;
	if (same_text(truth->device, diagnosis->device))
		grade += 4;
	else if (truth->device && diagnosis->device)
		return 0; // another phone at this address
	return grade + (truth->n_found == 0) * 2;
}

struct fit {
	struct record *truth;	   // of the same name
	struct record *other_name; // else: of the same client
	bool other_device;
};

static void consider(
	struct fit *fit, struct record *truth, const struct record *diagnosis, int *best)
{
	if (truth->of_gateway != diagnosis->of_gateway || !overlap(truth, diagnosis))
		return;
	if (strcmp(truth->name, diagnosis->name) != 0) {
		if (truth->is_phone || fit->other_name == NULL)
			fit->other_name = truth;
		return;
	}
	int g = grade(truth, diagnosis);
	fit->other_device |= g == 0;
	if (g > *best) {
		*best = g;
		fit->truth = truth;
	}
}

static size_t first_of(const struct records *truths, const char *key)
{
	size_t low = 0, high = truths->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		const char *at = truths->all[middle].key;
		if (strcmp(at ? at : "", key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct fit fit_of(const struct records *truths, const struct record *diagnosis)
{
	struct fit fit = {0};
	int best = 0;
	if (diagnosis->key) {
		for (size_t i = first_of(truths, diagnosis->key);
			i < truths->n && same_text(truths->all[i].key, diagnosis->key); i++)
			consider(&fit, &truths->all[i], diagnosis, &best);
	}
	for (size_t i = 0; fit.truth == NULL && i < truths->n; i++) {
		struct record *truth = &truths->all[i];
		if (diagnosis->key ? same_text(truth->other_key, diagnosis->key)
				   : same_text(truth->device, diagnosis->device))
			consider(&fit, truth, diagnosis, &best);
	}
	return fit;
}

// Another client of this gateway failed so at this time.
static bool has_neighbour(const struct records *truths, const struct record *diagnosis)
{
	for (size_t i = 0; i < truths->n; i++) {
		const struct record *truth = &truths->all[i];
		if (!truth->of_gateway && same_text(truth->gateway, diagnosis->gateway) &&
			strcmp(truth->name, diagnosis->name) == 0 &&
			diagnosis->first_ms <= truth->last_ms + NEIGHBOUR_MS &&
			diagnosis->last_ms >= truth->first_ms - NEIGHBOUR_MS)
			return true;
	}
	return false;
}

// ---- the sums ----

static struct score *score_of(struct scores *scores, const char *name)
{
	for (unsigned i = 0; i < scores->n; i++) {
		if (strcmp(scores->score[i].name, name) == 0)
			return &scores->score[i];
	}
	if (scores->n == CLASSES_MAX)
		abort();
	scores->score[scores->n].name = name;
	return &scores->score[scores->n++];
}

static void error_line(struct scores *scores, const char *what, const struct record *truth,
	const struct record *diagnosis)
{
	if (scores->errors == NULL)
		return;
	json_t *line = json_pack("{s:s,s:O*,s:O*}", "error", what, "truth",
		truth ? truth->json : NULL, "diagnosis", diagnosis ? diagnosis->json : NULL);
	json_dumpf(line, scores->errors, JSON_COMPACT);
	fputc('\n', scores->errors);
	json_decref(line);
}

static void count_found(struct scores *scores, struct record *truth, const struct record *diagnosis)
{
	struct score *score = score_of(scores, truth->name);
	truth->n_found++;
	if (truth->found == NULL || truth->found->last_ms <= diagnosis->last_ms)
		truth->found = diagnosis;
	if (diagnosis->confidence > truth->confidence && !truth->optional) {
		score->over++;
		error_line(scores, "more confident than one side allows", truth, diagnosis);
	}
	if (!same_text(truth->gateway, diagnosis->gateway))
		score->gateway++;
}

// What failed at an address of several phones without a name is one diagnosis, whoever it was.
static void share(
	const struct records *truths, const struct record *found, const struct record *diagnosis)
{
	if (diagnosis->device || diagnosis->key == NULL || diagnosis->of_gateway)
		return;
	for (size_t i = first_of(truths, diagnosis->key);
		i < truths->n && same_text(truths->all[i].key, diagnosis->key); i++) {
		struct record *truth = &truths->all[i];
		if (truth == found || !truth->ambiguous || truth->n_found ||
			strcmp(truth->name, diagnosis->name) != 0 || !overlap(truth, diagnosis))
			continue;
		truth->n_found = 1;
		truth->found = diagnosis;
	}
}

static void count_wrong(struct scores *scores, const struct records *truths, const struct fit *fit,
	const struct record *diagnosis)
{
	struct score *score = score_of(scores, diagnosis->name);
	const char *what = "invented";
	if (diagnosis->confidence == SUSPECTED) {
		score->suspected += diagnosis->is_phone;
		return;
	}
	if (!diagnosis->is_phone && !diagnosis->of_gateway) {
		score->not_phone++;
		error_line(scores, "above suspected, of no phone", fit->other_name, diagnosis);
		return;
	}
	if (fit->other_device || has_neighbour(truths, diagnosis)) {
		score->phone++;
		what = "wrong phone";
	} else if (fit->other_name) {
		score->reason++;
		what = "wrong reason";
	} else {
		score->invented++;
	}
	score->false_confirmed += diagnosis->confidence == CONFIRMED;
	error_line(scores, what, fit->other_name, diagnosis);
}

static void take_diagnosis(
	struct scores *scores, const struct records *truths, const struct record *diagnosis)
{
	struct fit fit = fit_of(truths, diagnosis);
	if (fit.truth == NULL) {
		count_wrong(scores, truths, &fit, diagnosis);
	} else if (fit.truth->is_phone || fit.truth->of_gateway) {
		count_found(scores, fit.truth, diagnosis);
		share(truths, fit.truth, diagnosis);
	} else if (diagnosis->confidence > SUSPECTED && !fit.truth->undecidable) {
		score_of(scores, diagnosis->name)->not_phone++;
		error_line(scores, "above suspected, of no phone", fit.truth, diagnosis);
	}
}

static void take_recovery(struct scores *scores, struct score *score, const struct record *truth)
{
	const struct record *told = truth->found;
	if (truth->unclear)
		return;
	score->recoveries += truth->recovered_ms != 0;
	if (truth->recovered_ms && told->recovered_ms == 0) {
		score->missed_recovery++;
		error_line(scores, "missed recovery", truth, told);
	} else if (told->recovered_ms &&
		   (truth->recovered_ms == 0 ||
			   told->recovered_ms < truth->recovered_ms - RECOVERY_MS)) {
		score->false_recovery++;
		error_line(scores, "false recovery", truth, told);
	} else if (told->recovered_ms > truth->recovered_ms + RECOVERY_MS) {
		score->missed_recovery++;
		error_line(scores, "late recovery", truth, told);
	}
}

static void take_truth(struct scores *scores, const struct record *truth)
{
	if ((!truth->is_phone && !truth->of_gateway) || truth->optional)
		return;
	struct score *score = score_of(scores, truth->name);
	score->planted++;
	score->found += truth->n_found > 0;
	score->again += truth->n_found > 1 ? truth->n_found - 1 : 0;
	if (truth->found == NULL) {
		error_line(scores, "missed", truth, NULL);
		return;
	}
	if (truth->found->confidence == SUSPECTED && truth->confidence > SUSPECTED) {
		score->weak++;
		error_line(scores, "as suspected only", truth, truth->found);
	}
	take_recovery(scores, score, truth);
}

static void add_up(struct scores *scores)
{
	scores->sum.name = "all";
	for (unsigned i = 0; i < scores->n; i++) {
		const unsigned *from = &scores->score[i].planted;
		unsigned *to = &scores->sum.planted;
		size_t n = (sizeof(struct score) - offsetof(struct score, planted)) / sizeof(*from);
		for (size_t k = 0; k < n; k++)
			to[k] += from[k];
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct score *)a)->name, ((const struct score *)b)->name);
}

// ---- output ----

static unsigned wrong(const struct score *s)
{
	return s->reason + s->phone + s->invented;
}

static double precision_of(const struct score *s)
{
	return s->found + wrong(s) ? (double)s->found / (s->found + wrong(s)) : 1;
}

static double recall_of(const struct score *s)
{
	return s->planted ? (double)s->found / s->planted : 1;
}

static void print_row(const struct score *s)
{
	printf("%-28s %6u %6u %6.4f %6.4f %3u %3u %3u %3u %3u %3u\n", s->name, s->planted, s->found,
		precision_of(s), recall_of(s), s->reason, s->phone, s->invented, s->not_phone,
		s->missed_recovery, s->false_recovery);
}

static void print_table(const struct scores *scores)
{
	const struct score *sum = &scores->sum;
	puts("                                             pre-            wrong         no  recovery\n"
	     "diagnosis                    planted  found cision recall rea pho inv phone mis fal");
	for (unsigned i = 0; i < scores->n; i++)
		print_row(&scores->score[i]);
	print_row(sum);
	printf("rea: of another reason than the client's, pho: of another phone, inv: of nothing that "
	       "is\n"
	       "there, all above suspected; no phone: above suspected, and no phone; recoveries missed\n"
	       "(of %u), and told where there was none.\n"
	       "wrong and confirmed: %u; more confident than one side allows: %u; as suspected only: "
	       "%u;\n"
	       "told more than once: %u; suspected of phones besides: %u; other gateway: %u\n"
	       "delay: replay prints final states, which do not tell it\n",
		sum->recoveries, sum->false_confirmed, sum->over, sum->weak, sum->again,
		sum->suspected, sum->gateway);
}

static json_t *json_of(const struct score *s)
{
	return json_pack("{s:i,s:i,s:f,s:f,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i}",
		"planted", s->planted, "found", s->found, "precision", precision_of(s), "recall",
		recall_of(s), "wrong_reason", s->reason, "wrong_phone", s->phone, "invented",
		s->invented, "wrong_confirmed", s->false_confirmed, "over_confident", s->over,
		"not_phone", s->not_phone, "weak", s->weak, "again", s->again, "suspected",
		s->suspected, "recoveries", s->recoveries, "missed_recovery", s->missed_recovery,
		"false_recovery", s->false_recovery);
}

static void print_json(const struct scores *scores)
{
	json_t *classes = json_object();
	for (unsigned i = 0; i < scores->n; i++)
		json_object_set_new(classes, scores->score[i].name, json_of(&scores->score[i]));
	json_t *all = json_pack("{s:s,s:o,s:o,s:n}", "type", "score", "all", json_of(&scores->sum),
		"classes", classes, "delay");
	json_dumpf(all, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(all);
}

// ---- what is wanted ----

struct wanted {
	double precision, recall, of_class;
	bool any;
};

static bool miss(const char *what, const char *name, double got, double wanted)
{
	if (got >= wanted)
		return false;
	fprintf(stderr, "score: %s of %s is %.4f, wanted %.4f\n", what, name, got, wanted);
	return true;
}

static bool missed(const struct scores *scores, const struct wanted *wanted)
{
	const struct score *sum = &scores->sum;
	bool any = miss("precision", "all", precision_of(sum), wanted->precision);
	any |= miss("recall", "all", recall_of(sum), wanted->recall);
	for (unsigned i = 0; i < scores->n; i++) {
		const struct score *s = &scores->score[i];
		any |= miss("precision", s->name, precision_of(s), wanted->of_class);
		any |= miss("recall", s->name, recall_of(s), wanted->of_class);
	}
	if (wanted->any && sum->false_confirmed + sum->not_phone) {
		fprintf(stderr,
			"score: %u confirmed are wrong, %u above suspected are of no phone\n",
			sum->false_confirmed, sum->not_phone);
		any = true;
	}
	return any;
}

static int usage(void)
{
	fputs("usage: score TRUTH.jsonl [OPTION]... <DIAGNOSES\n"
	      "  --json           one JSON object\n"
	      "  --errors FILE    each that is wrong or missing, with its truth\n"
	      "  --precision P    exit 1 if that of all is lower; so for the next two, and if\n"
	      "                   something confirmed is wrong or something above suspected is no phone\n"
	      "  --recall R\n"
	      "  --class C        lowest precision and recall of each class\n",
		stderr);
	return 2;
}

static bool parse(
	int argc, char **argv, bool *as_json, struct scores *scores, struct wanted *wanted)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
		{"errors", required_argument, NULL, 'e'},
		{"precision", required_argument, NULL, 'p'},
		{"recall", required_argument, NULL, 'r'}, {"class", required_argument, NULL, 'c'},
		{0}};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		double value = optarg ? strtod(optarg, NULL) : 0;
		wanted->any |= option == 'p' || option == 'r' || option == 'c';
		if (option == 'j')
			*as_json = true;
		else if (option == 'e')
			scores->errors = fopen(optarg, "w");
		else if (option == 'p')
			wanted->precision = value;
		else if (option == 'r')
			wanted->recall = value;
		else if (option == 'c')
			wanted->of_class = value;
		else
			return false;
		if (option == 'e' && scores->errors == NULL)
			return false;
	}
	return optind + 1 == argc;
}

static void records_fini(struct records *records)
{
	for (size_t i = 0; i < records->n; i++)
		json_decref(records->all[i].json);
	free(records->all);
}

int main(int argc, char **argv)
{
	static struct scores scores;
	struct wanted wanted = {0};
	struct records truths = {0}, diagnoses = {0};
	bool as_json = false;
	if (!parse(argc, argv, &as_json, &scores, &wanted))
		return usage();
	FILE *file = fopen(argv[optind], "r");
	bool ok = file && read_lines(file, "truth", &truths);
	ok = ok && read_lines(stdin, "diagnosis", &diagnoses);
	if (file)
		fclose(file);
	if (!ok) {
		fprintf(stderr, "score: cannot read %s\n", file ? "all lines" : argv[optind]);
		return 1;
	}
	qsort(truths.all, truths.n, sizeof(truths.all[0]), by_key);
	for (size_t i = 0; i < diagnoses.n; i++)
		take_diagnosis(&scores, &truths, &diagnoses.all[i]);
	for (size_t i = 0; i < truths.n; i++)
		take_truth(&scores, &truths.all[i]);
	qsort(scores.score, scores.n, sizeof(scores.score[0]), by_name);
	add_up(&scores);
	if (as_json)
		print_json(&scores);
	else
		print_table(&scores);
	bool short_of = missed(&scores, &wanted);
	if (scores.errors)
		fclose(scores.errors);
	records_fini(&truths);
	records_fini(&diagnoses);
	return short_of ? 1 : 0;
}
