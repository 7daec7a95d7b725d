// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../control/http_batch.h"

#define RECORDS_MAX OUTLET_BATCH_MAX

// A receiver that will not have some records.
struct picky {
	bool bad[RECORDS_MAX];
	bool tells;  // which one
	size_t lies; // else always this one, when not 0
	unsigned n_requests, got[RECORDS_MAX];
	unsigned away_after; // requests; 0: never
};

static enum http_verdict piece(void *state, struct outlet_context *context,
	struct record *const *records, size_t n, size_t *bad)
{
	struct picky *picky = state;
	(void)context;
	picky->n_requests++;
	if (picky->away_after && picky->n_requests > picky->away_after)
		return HTTP_AGAIN;
	for (size_t i = 0; i < n; i++) {
		if (!picky->bad[records[i]->number])
			continue;
		*bad = picky->tells ? i : picky->lies ? picky->lies : HTTP_BATCH_UNKNOWN;
		return HTTP_REFUSED;
	}
	for (size_t i = 0; i < n; i++)
		picky->got[records[i]->number]++;
	return HTTP_DONE;
}

static struct record *records[RECORDS_MAX];

static void make(size_t n, size_t len)
{
	char *text = calloc(1, len + 1);
	memset(text, 'x', len);
	for (size_t i = 0; i < n; i++)
		records[i] = record_create(RECORD_DIAGNOSIS, i, 0, "id", text, len);
	free(text);
}

static void release(size_t n)
{
	for (size_t i = 0; i < n; i++)
		record_release(records[i]);
}

// As outlet.c does; returns how many were refused.
static size_t deliver(struct picky *picky, size_t n)
{
	struct http_batch batch = {0};
	struct outlet_context context = {0};
	size_t at = 0, refused = 0;
	while (at < n) {
		size_t n_done = 0;
		enum delivery result = http_batch_send(
			&batch, piece, picky, &context, records + at, n - at, &n_done);
		at += n_done;
		if (result == DELIVERY_RETRY)
			break;
		if (result == DELIVERY_REFUSED) {
			assert_true(picky->bad[records[at]->number]);
			refused++;
			at++;
		}
	}
	return refused;
}

static void only_what_is_bad_is_refused(bool tells, size_t lies)
{
	static const size_t bad[] = {0, 1, 17, 100, 254, 255};
	struct picky picky = {.tells = tells, .lies = lies};
	make(RECORDS_MAX, 10);
	for (size_t i = 0; i < N(bad); i++)
		picky.bad[bad[i]] = true;
	assert_int_equal(deliver(&picky, RECORDS_MAX), N(bad));
	for (size_t i = 0; i < RECORDS_MAX; i++)
		assert_int_equal(picky.got[i], !picky.bad[i]);
	// Each is found by halving.
	assert_true(picky.n_requests <= 20 * N(bad));
	release(RECORDS_MAX);
}

static void bad_record_is_found_by_halves(void **state)
{
	(void)state;
	only_what_is_bad_is_refused(false, 0);
}

static void bad_record_is_found_by_its_place(void **state)
{
	(void)state;
	only_what_is_bad_is_refused(true, 0);
}

static void wrong_place_misleads_nobody(void **state)
{
	(void)state;
	only_what_is_bad_is_refused(false, 1);
	only_what_is_bad_is_refused(false, 3);
	only_what_is_bad_is_refused(false, 100000);
}

static void all_bad_are_all_refused(void **state)
{
	(void)state;
	struct picky picky = {0};
	make(64, 10);
	memset(picky.bad, true, sizeof(picky.bad));
	assert_int_equal(deliver(&picky, 64), 64);
	release(64);
}

static void receiver_that_goes_has_what_it_took(void **state)
{
	(void)state;
	struct picky picky = {.away_after = 3};
	struct http_batch batch = {.max = 10};
	struct outlet_context context = {0};
	size_t n_done;
	make(64, 10);
	assert_int_equal(http_batch_send(&batch, piece, &picky, &context, records, 64, &n_done),
		DELIVERY_RETRY);
	assert_int_equal(n_done, 30);
	assert_int_equal(picky.n_requests, 4);
	release(64);
}

static void body_is_bounded(void **state)
{
	(void)state;
	make(4, HTTP_BODY_MAX / 4);
	assert_int_equal(http_batch_fit(records, 4), 2);
	assert_int_equal(http_batch_fit(records, 1), 1);
	assert_int_equal(http_batch_fit(records, 0), 0);
	release(4);
	make(2, 4 * HTTP_BODY_MAX);
	assert_int_equal(http_batch_fit(records, 2), 1);
	release(2);
}

static void outlet_that_ends_posts_no_more(void **state)
{
	(void)state;
	atomic_bool stop = true;
	struct picky picky = {0};
	struct http_batch batch = {0};
	struct outlet_context context = {.stop = &stop};
	size_t n_done = 1;
	make(4, 10);
	assert_int_equal(http_batch_send(&batch, piece, &picky, &context, records, 4, &n_done),
		DELIVERY_RETRY);
	assert_int_equal(n_done, 0);
	assert_int_equal(picky.n_requests, 0);
	release(4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_record_is_found_by_halves),
		cmocka_unit_test(bad_record_is_found_by_its_place),
		cmocka_unit_test(wrong_place_misleads_nobody),
		cmocka_unit_test(all_bad_are_all_refused),
		cmocka_unit_test(receiver_that_goes_has_what_it_took),
		cmocka_unit_test(body_is_bounded),
		cmocka_unit_test(outlet_that_ends_posts_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
