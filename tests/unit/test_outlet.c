// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <pthread.h>
#include <unistd.h>

#include "../../control/clock.h"
#include "../../control/outlet.h"

#define WAIT_MS 20000 // for what comes in a moment
#define SEEN_MAX 4096

// A kind of outlet whose receiver is a pail in this program, which can be away, or refuse.
struct pail {
	uint64_t seen[SEEN_MAX]; // numbers of records
	size_t n_seen;
	unsigned n_opened, n_closed, n_reopened, n_idle;
	unsigned away;		// tries that it does not take
	uint64_t refuses;	// a number that it never takes
	size_t takes;		// of a batch at once, 0: all
	uint64_t is_left_alone; // ms that it asks for
};

struct pail_options {
	uint64_t pail;
};

static struct pail pails[4];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static struct pail *pail_of(const struct outlet_context *context)
{
	return &pails[((const struct pail_options *)context->options)->pail];
}

static void *pail_open(struct outlet_context *context)
{
	struct pail *pail = pail_of(context);
	pthread_mutex_lock(&mutex);
	pail->n_opened++;
	pthread_mutex_unlock(&mutex);
	return pail;
}

static enum delivery pail_send(void *state, struct outlet_context *context,
	struct record *const *records, size_t n, size_t *n_done)
{
	struct pail *pail = state;
	enum delivery result = DELIVERY_DONE;
	pthread_mutex_lock(&mutex);
	size_t most = pail->takes && pail->takes < n ? pail->takes : n;
	if (pail->away) {
		pail->away--;
		snprintf(context->error, sizeof(context->error), "away");
		context->wait_ms = pail->is_left_alone;
		most = 0;
		result = DELIVERY_RETRY;
	}
	for (size_t i = 0; i < most; i++) {
		if (records[i]->number == pail->refuses) {
			snprintf(context->error, sizeof(context->error), "no");
			result = DELIVERY_REFUSED;
			break;
		}
		pail->seen[pail->n_seen++] = records[i]->number;
		*n_done += 1;
	}
	pthread_mutex_unlock(&mutex);
	return result;
}

static enum delivery pail_idle(void *state, struct outlet_context *context)
{
	(void)context;
	pthread_mutex_lock(&mutex);
	((struct pail *)state)->n_idle++;
	pthread_mutex_unlock(&mutex);
	return DELIVERY_DONE;
}

static void pail_reopen(void *state, struct outlet_context *context)
{
	(void)context;
	pthread_mutex_lock(&mutex);
	((struct pail *)state)->n_reopened++;
	pthread_mutex_unlock(&mutex);
}

static void pail_close(void *state, struct outlet_context *context)
{
	(void)context;
	pthread_mutex_lock(&mutex);
	((struct pail *)state)->n_closed++;
	pthread_mutex_unlock(&mutex);
}

static const struct outlet_kind pail_kind = {
	.name = "pail",
	.help = "of this test",
	.options_size = sizeof(struct pail_options),
	.open = pail_open,
	.send = pail_send,
	.idle = pail_idle,
	.reopen = pail_reopen,
	.close = pail_close,
};

static struct outlet_config *config_of(
	const char *name, uint64_t pail, enum outlet_choice_of_records records, const char *text)
{
	struct outlet_config *config = calloc(1, sizeof(*config));
	obstack_init(&config->arena);
	struct pail_options *options = obstack_alloc(&config->arena, sizeof(*options));
	options->pail = pail;
	config->name = obstack_copy0(&config->arena, name, (int)strlen(name));
	config->text = obstack_copy0(&config->arena, text, (int)strlen(text));
	config->options = options;
	config->kind = &pail_kind;
	config->records = records;
	return config;
}

// ---- a bench ----

struct bench {
	struct journal *journal;
	struct outlets *outlets;
};

static int make_bench(void **state)
{
	static const struct journal_options options = {.window = SEEN_MAX};
	struct bench *bench = calloc(1, sizeof(*bench));
	char error[256];
	memset(pails, 0, sizeof(pails));
	bench->journal = journal_create(&options, error, sizeof(error));
	assert_non_null(bench->journal);
	bench->outlets = outlets_create(bench->journal);
	assert_non_null(bench->outlets);
	*state = bench;
	return 0;
}

static int end_bench(void **state)
{
	struct bench *bench = *state;
	outlets_destroy(bench->outlets);
	journal_destroy(bench->journal);
	free(bench);
	return 0;
}

static void set(struct bench *bench, struct outlet_config *first, struct outlet_config *second)
{
	struct outlet_config *configs[2] = {first, second};
	size_t n = (first != NULL) + (second != NULL);
	assert_true(outlets_set(bench->outlets, configs, n));
	for (size_t i = 0; i < n; i++)
		outlet_config_destroy(configs[i]); // those that were not needed
}

static struct outlet_status status_of(const struct bench *bench, const char *name)
{
	struct outlet_status all[OUTLETS_MAX];
	size_t n = outlets_status(bench->outlets, all, OUTLETS_MAX);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(all[i].name, name) == 0)
			return all[i];
	}
	return (struct outlet_status){0};
}

// A reader begins with what is appended from then on.
static void wait_until_it_reads(const struct bench *bench, const char *name)
{
	for (unsigned i = 0; i < WAIT_MS && status_of(bench, name).lag.limit == 0; i++)
		usleep(1000);
	assert_int_not_equal(status_of(bench, name).lag.limit, 0);
}

static void append(struct bench *bench, enum record_kind kind, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		json_t *object = json_pack("{s:s}", "state", "open");
		assert_int_not_equal(journal_append(bench->journal, kind, "key", object), 0);
		json_decref(object);
	}
}

static size_t seen(unsigned pail)
{
	pthread_mutex_lock(&mutex);
	size_t n = pails[pail].n_seen;
	pthread_mutex_unlock(&mutex);
	return n;
}

static void wait_for(unsigned pail, size_t n)
{
	for (unsigned i = 0; i < WAIT_MS && seen(pail) < n; i++)
		usleep(1000);
	assert_int_equal(seen(pail), n);
}

static void assert_in_order(unsigned pail)
{
	for (size_t i = 1; i < pails[pail].n_seen; i++)
		assert_true(pails[pail].seen[i] > pails[pail].seen[i - 1]);
}

// ---- cases ----

static void records_come_once_and_in_order(void **state)
{
	struct bench *bench = *state;
	pails[0].takes = 7;
	set(bench, config_of("a", 0, OUTLET_ALL, "1"), NULL);
	wait_until_it_reads(bench, "a");
	append(bench, RECORD_DIAGNOSIS, 1000);
	wait_for(0, 1000);
	assert_in_order(0);
	assert_string_equal(status_of(bench, "a").state, "connected");
	assert_int_equal(status_of(bench, "a").n_delivered, 1000);
	assert_int_equal(status_of(bench, "a").lag.waiting, 0);
}

static void each_gets_the_records_of_its_choice(void **state)
{
	struct bench *bench = *state;
	set(bench, config_of("a", 0, OUTLET_DIAGNOSES, "1"), config_of("b", 1, OUTLET_ALERTS, "1"));
	wait_until_it_reads(bench, "a");
	wait_until_it_reads(bench, "b");
	append(bench, RECORD_DIAGNOSIS, 3);
	append(bench, RECORD_ALERT, 2);
	append(bench, RECORD_PHONE, 5);
	append(bench, RECORD_DIAGNOSIS, 1);
	wait_for(0, 4);
	wait_for(1, 2);
	for (unsigned i = 0; i < WAIT_MS && status_of(bench, "b").lag.waiting; i++)
		usleep(1000);
	assert_int_equal(status_of(bench, "b").lag.waiting, 0);
}

static void a_kind_for_alerts_counts_no_diagnosis_as_delivered(void **state)
{
	static struct outlet_kind alerts_alone;
	struct bench *bench = *state;
	struct outlet_config *config = config_of("a", 0, OUTLET_ALL, "1");
	alerts_alone = *config->kind;
	alerts_alone.alerts_only = true;
	config->kind = &alerts_alone;
	set(bench, config, NULL);
	wait_until_it_reads(bench, "a");
	append(bench, RECORD_DIAGNOSIS, 3);
	append(bench, RECORD_ALERT, 2);
	wait_for(0, 2);
	for (unsigned i = 0; i < WAIT_MS && status_of(bench, "a").lag.waiting; i++)
		usleep(1000);
	assert_int_equal(status_of(bench, "a").n_delivered, 2);
}

static void a_receiver_that_is_away_gets_everything_when_it_is_back(void **state)
{
	struct bench *bench = *state;
	pails[0].away = 3;
	set(bench, config_of("a", 0, OUTLET_ALL, "1"), config_of("b", 1, OUTLET_ALL, "1"));
	wait_until_it_reads(bench, "a");
	wait_until_it_reads(bench, "b");
	append(bench, RECORD_DIAGNOSIS, 100);
	wait_for(1, 100); // and it delays nobody else
	wait_for(0, 100);
	assert_in_order(0);
	assert_int_equal(status_of(bench, "a").n_errors, 3);
	assert_string_equal(status_of(bench, "a").error, "away");
	assert_int_equal(pails[0].n_opened, pails[0].n_closed + 1);
	assert_int_equal(pails[0].n_closed, 3);
}

static void what_is_refused_is_counted_and_passed_over(void **state)
{
	struct bench *bench = *state;
	pails[0].refuses = 5;
	set(bench, config_of("a", 0, OUTLET_ALL, "1"), NULL);
	wait_until_it_reads(bench, "a");
	append(bench, RECORD_DIAGNOSIS, 10);
	wait_for(0, 9);
	assert_in_order(0);
	assert_int_equal(status_of(bench, "a").n_refused, 1);
	assert_int_equal(status_of(bench, "a").n_delivered, 9);
}

static void an_outlet_that_has_not_changed_goes_on_undisturbed(void **state)
{
	struct bench *bench = *state;
	set(bench, config_of("a", 0, OUTLET_ALL, "1"), config_of("b", 1, OUTLET_ALL, "1"));
	wait_until_it_reads(bench, "a");
	append(bench, RECORD_DIAGNOSIS, 10);
	wait_for(0, 10);
	set(bench, config_of("a", 0, OUTLET_ALL, "1"), config_of("b", 2, OUTLET_ALL, "2"));
	append(bench, RECORD_DIAGNOSIS, 10);
	wait_for(0, 20);
	assert_int_equal(pails[0].n_opened, 1);
}

static void an_outlet_that_has_changed_goes_on_where_the_old_one_stopped(void **state)
{
	struct bench *bench = *state;
	for (unsigned round = 0; round < 20; round++) {
		char text[8];
		snprintf(text, sizeof(text), "%u", round);
		set(bench, config_of("a", round % 2, OUTLET_ALL, text), NULL);
		if (round == 0)
			wait_until_it_reads(bench, "a");
		append(bench, RECORD_DIAGNOSIS, 50);
		usleep(2000);
	}
	for (unsigned i = 0; i < WAIT_MS && seen(0) + seen(1) < 1000; i++)
		usleep(1000);
	assert_int_equal(seen(0) + seen(1), 1000);
	assert_in_order(0);
	assert_in_order(1);
}

static void an_outlet_that_is_taken_away_ends(void **state)
{
	struct bench *bench = *state;
	set(bench, config_of("a", 0, OUTLET_ALL, "1"), NULL);
	wait_until_it_reads(bench, "a");
	append(bench, RECORD_DIAGNOSIS, 1);
	wait_for(0, 1);
	set(bench, NULL, NULL);
	for (unsigned i = 0; i < WAIT_MS; i++) {
		pthread_mutex_lock(&mutex);
		bool closed = pails[0].n_closed == 1;
		pthread_mutex_unlock(&mutex);
		if (closed)
			break;
		usleep(1000);
	}
	outlets_tick(bench->outlets);
	append(bench, RECORD_DIAGNOSIS, 1);
	assert_int_equal(status_of(bench, "a").n_delivered, 0); // there is none
	assert_int_equal(seen(0), 1);
}

static void the_end_does_not_wait_for_a_receiver_that_asked_to_be_left_alone(void **state)
{
	struct bench *bench = *state;
	pails[0].away = 1;
	pails[0].is_left_alone = 3600000;
	set(bench, config_of("a", 0, OUTLET_ALL, "1"), NULL);
	wait_until_it_reads(bench, "a");
	append(bench, RECORD_DIAGNOSIS, 1);
	for (unsigned i = 0; i < WAIT_MS && status_of(bench, "a").n_errors == 0; i++)
		usleep(1000);
	assert_string_equal(status_of(bench, "a").state, "retrying");
	// The end of the test would last an hour.
}

static void files_are_opened_anew_on_demand(void **state)
{
	struct bench *bench = *state;
	set(bench, config_of("a", 0, OUTLET_ALL, "1"), NULL);
	wait_until_it_reads(bench, "a");
	append(bench, RECORD_DIAGNOSIS, 1);
	wait_for(0, 1);
	outlets_reopen(bench->outlets);
	unsigned n = 0;
	for (unsigned i = 0; i < WAIT_MS && n == 0; i++) {
		usleep(1000);
		pthread_mutex_lock(&mutex);
		n = pails[0].n_reopened;
		pthread_mutex_unlock(&mutex);
	}
	assert_int_equal(n, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, end_bench)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_come_once_and_in_order),
		TEST(each_gets_the_records_of_its_choice),
		TEST(a_kind_for_alerts_counts_no_diagnosis_as_delivered),
		TEST(a_receiver_that_is_away_gets_everything_when_it_is_back),
		TEST(what_is_refused_is_counted_and_passed_over),
		TEST(an_outlet_that_has_not_changed_goes_on_undisturbed),
		TEST(an_outlet_that_has_changed_goes_on_where_the_old_one_stopped),
		TEST(an_outlet_that_is_taken_away_ends),
		TEST(the_end_does_not_wait_for_a_receiver_that_asked_to_be_left_alone),
		TEST(files_are_opened_anew_on_demand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
