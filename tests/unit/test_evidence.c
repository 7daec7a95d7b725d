// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../dataplane/evidence.h"

static _Alignas(8) char read_into[EVIDENCE_BYTES_MAX];

static void make_line(struct line_buffer *out, unsigned number, unsigned text_len)
{
	struct event *e = calloc(1, sizeof(*e));
	e->time_ms = number;
	e->type = (uint16_t)number;
	e->line_len = e->text_len = (uint16_t)text_len;
	memset(e->text, 'a' + (int)(number % 26), text_len);
	memcpy(e->code, "725014", e->code_len = 6);
	line_of_event(e, 0, LINE_NONE, out);
	free(e);
}

static bool append(
	struct evidence_pool *pool, struct evidence *evidence, unsigned number, unsigned text_len)
{
	struct line_buffer buffer;
	make_line(&buffer, number, text_len);
	return evidence_append(pool, evidence, &buffer.line) == EVIDENCE_KEPT;
}

// Lines `first` and on, each as long as it was made.
static void assert_lines(const struct evidence_pool *pool, const struct evidence *evidence,
	unsigned first, unsigned n, unsigned (*len)(unsigned number))
{
	uint32_t offset = 0;
	memset(read_into, 0xa5, sizeof(read_into));
	evidence_read(pool, evidence, read_into);
	for (unsigned i = first; i < first + n; i++) {
		const struct line *line = evidence_line(read_into, evidence->bytes, &offset);
		assert_non_null(line);
		assert_int_equal(line->time_ms, i);
		assert_int_equal(line->text_len, len(i));
		for (unsigned k = 0; k < line->text_len; k++)
			assert_int_equal(line_text(line).data[k], 'a' + (int)(i % 26));
	}
	assert_null(evidence_line(read_into, evidence->bytes, &offset));
	assert_int_equal(evidence->n_lines, n);
}

static unsigned varied(unsigned number)
{
	return number * 97 % 700;
}

static unsigned longest(unsigned number)
{
	(void)number;
	return EVENT_TEXT_MAX;
}

static void lines_come_back_as_they_were(void **state)
{
	(void)state;
	struct evidence_pool *pool = evidence_pool_create(256);
	struct evidence evidence;
	evidence_clear(&evidence);
	assert_lines(pool, &evidence, 0, 0, varied);
	for (unsigned i = 0; i < EVIDENCE_LINES_MAX; i++) {
		assert_true(append(pool, &evidence, i, varied(i)));
		assert_lines(pool, &evidence, 0, i + 1, varied);
	}
	assert_false(append(pool, &evidence, 99, 1));
	assert_lines(pool, &evidence, 0, EVIDENCE_LINES_MAX, varied);
	evidence_pool_destroy(pool);
}

static void the_bytes_of_one_diagnosis_are_limited(void **state)
{
	(void)state;
	struct evidence_pool *pool = evidence_pool_create(256);
	struct evidence evidence;
	evidence_clear(&evidence);
	unsigned n = 0;
	while (append(pool, &evidence, n, EVENT_TEXT_MAX))
		n++;
	assert_int_equal(n, EVIDENCE_BYTES_MAX / 2136); // 2048 of text, the rest of a line
	assert_true(evidence.bytes <= EVIDENCE_BYTES_MAX);
	assert_lines(pool, &evidence, 0, n, longest);
	// A shorter one still fits.
	assert_true(append(pool, &evidence, n, 1));
	evidence_pool_destroy(pool);
}

static void blocks_go_back_to_the_pool(void **state)
{
	(void)state;
	struct evidence_pool *pool = evidence_pool_create(64);
	struct evidence evidence;
	assert_int_equal(evidence_blocks_max(pool), 64);
	for (unsigned round = 0; round < 50; round++) {
		evidence_clear(&evidence);
		for (unsigned i = 0; i < 10; i++)
			assert_true(append(pool, &evidence, round + i, varied(round + i)));
		assert_lines(pool, &evidence, round, 10, varied);
		assert_true(evidence_blocks_free(pool) < 64);
		evidence_free(pool, &evidence);
		assert_int_equal(evidence_blocks_free(pool), 64);
		assert_int_equal(evidence.n_lines, 0);
		assert_int_equal(evidence.first, EVIDENCE_NO_BLOCK);
		evidence_free(pool, &evidence); // of nothing
		assert_int_equal(evidence_blocks_free(pool), 64);
	}
	evidence_pool_destroy(pool);
	evidence_pool_destroy(NULL);
}

static void a_full_pool_takes_no_part_of_a_line(void **state)
{
	(void)state;
	struct evidence_pool *pool = evidence_pool_create(4);
	struct evidence a, b;
	evidence_clear(&a);
	evidence_clear(&b);
	assert_true(append(pool, &a, 1, varied(1)));
	assert_true(append(pool, &b, 2, varied(2)));
	uint32_t left = evidence_blocks_free(pool);
	assert_false(append(pool, &a, 3, 2000));
	assert_int_equal(evidence_blocks_free(pool), left);
	assert_lines(pool, &a, 1, 1, varied);
	while (append(pool, &b, 2, varied(2)))
		;
	assert_lines(pool, &a, 1, 1, varied);
	// What one gives back another can take.
	evidence_free(pool, &b);
	assert_true(append(pool, &a, 2, varied(2)));
	assert_lines(pool, &a, 1, 2, varied);
	evidence_pool_destroy(pool);
}

static void two_diagnoses_do_not_mix(void **state)
{
	(void)state;
	struct evidence_pool *pool = evidence_pool_create(128);
	struct evidence a, b;
	evidence_clear(&a);
	evidence_clear(&b);
	for (unsigned i = 0; i < 10; i++) {
		assert_true(append(pool, &a, i, varied(i)));
		assert_true(append(pool, &b, 100 + i, varied(100 + i)));
	}
	assert_lines(pool, &a, 0, 10, varied);
	assert_lines(pool, &b, 100, 10, varied);
	evidence_pool_destroy(pool);
}

// A reader that came while the writer was at it has any bytes: they lead nowhere beyond.
static void torn_bytes_are_no_lines(void **state)
{
	(void)state;
	struct evidence_pool *pool = evidence_pool_create(8);
	struct evidence torn = {.first = 5, .bytes = 4000, .n_lines = 9};
	evidence_read(pool, &torn, read_into);
	torn = (struct evidence){.first = 77, .bytes = 4000};
	evidence_read(pool, &torn, read_into);
	torn.bytes = UINT16_MAX;
	evidence_read(pool, &torn, read_into);
	memset(read_into, 0xff, sizeof(read_into));
	uint32_t offset = 0;
	assert_null(evidence_line(read_into, EVIDENCE_BYTES_MAX, &offset));
	// Cut within a line.
	struct evidence evidence;
	evidence_clear(&evidence);
	assert_true(append(pool, &evidence, 1, 300));
	evidence_read(pool, &evidence, read_into);
	for (uint16_t bytes = 0; bytes < evidence.bytes; bytes++) {
		offset = 0;
		assert_null(evidence_line(read_into, bytes, &offset));
	}
	evidence_pool_destroy(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_back_as_they_were),
		cmocka_unit_test(the_bytes_of_one_diagnosis_are_limited),
		cmocka_unit_test(blocks_go_back_to_the_pool),
		cmocka_unit_test(a_full_pool_takes_no_part_of_a_line),
		cmocka_unit_test(two_diagnoses_do_not_mix),
		cmocka_unit_test(torn_bytes_are_no_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
