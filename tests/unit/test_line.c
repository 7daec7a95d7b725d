// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "../../dataplane/line.h"

#define RING_BYTES 16384

static struct event *event_of(const char *text, unsigned n_values)
{
	struct event *e = calloc(1, sizeof(*e));
	e->time_ms = 1000;
	e->type = 7;
	e->port = 50091;
	e->gateway = 3;
	e->source = MESSAGE_ASA;
	e->line_len = e->text_len = (uint16_t)strlen(text);
	memcpy(e->text, text, e->text_len);
	memcpy(e->code, "725006", e->code_len = 6);
	address_parse(slice_of("198.51.100.9"), &e->client);
	device_find(slice_of("SEP8CB64F576113"), &e->device);
	for (unsigned i = 0; i < n_values; i++)
		e->values[e->n_values++] = (struct field_value){
			(uint8_t)(FIELD_CLIENT + i), TYPE_TEXT, (uint16_t)(i % e->text_len), 1};
	return e;
}

static void a_line_keeps_what_the_event_was(void **state)
{
	(void)state;
	struct event *e = event_of("Device failed", 2), *back = malloc(sizeof(*back));
	struct line_buffer buffer;
	memset(back, 0xa5, sizeof(*back));
	event_attach(e, FIELD_OFFERED, slice_of("AES256-SHA AES128-SHA"));
	e->flags = EVENT_AMBIGUOUS | EVENT_CLIPPED | EVENT_MARKS_PHONE;
	line_of_event(e, 5, LINE_NONE, &buffer);
	const struct line *line = &buffer.line;
	assert_int_equal(line_size(line) % 8, 0);
	assert_slice(line_code(line), "725006");
	assert_slice(line_text(line), "Device failedAES256-SHA AES128-SHA");
	assert_slice(slice_first(line_text(line), line->line_len), "Device failed");
	assert_slice(line_value(line, FIELD_OFFERED), "AES256-SHA AES128-SHA");
	assert_slice(line_value(line, FIELD_CLIENT), "D");
	assert_null(line_value(line, FIELD_SUPPORTED).data);
	assert_int_equal(line->identity, 5);
	assert_int_equal(line->flags, LINE_AMBIGUOUS | LINE_CLIPPED);
	line_to_event(line, back);
	assert_int_equal(back->time_ms, e->time_ms);
	assert_int_equal(back->type, e->type);
	assert_int_equal(back->port, e->port);
	assert_int_equal(back->gateway, e->gateway);
	assert_int_equal(back->source, e->source);
	assert_true(address_equals(&back->client, &e->client));
	assert_true(device_equals(&back->device, &e->device));
	assert_int_equal(back->line_len, 13);
	assert_int_equal(back->text_len, e->text_len);
	assert_slice(event_value(back, FIELD_OFFERED), "AES256-SHA AES128-SHA");
	assert_int_equal(back->flags, EVENT_AMBIGUOUS | EVENT_CLIPPED);
	assert_int_equal(back->alias, 0);
	assert_int_equal(back->key.kind, KEY_NONE);
	free(e);
	free(back);
}

static void the_longest_line_fits_its_buffer(void **state)
{
	(void)state;
	struct event *e = event_of("x", 0);
	struct line_buffer buffer;
	e->text_len = EVENT_TEXT_MAX;
	e->line_len = EVENT_LINE_MAX;
	memset(e->text, 'x', EVENT_TEXT_MAX);
	memset(e->code, 'c', e->code_len = EVENT_CODE_MAX);
	for (unsigned i = 0; i < EVENT_VALUES_MAX; i++)
		e->values[e->n_values++] =
			(struct field_value){FIELD_CLIENT, TYPE_TEXT, 0, EVENT_TEXT_MAX};
	line_of_event(e, 0, LINE_NONE, &buffer);
	assert_true(line_size(&buffer.line) <= sizeof(buffer));
	assert_true(line_size(&buffer.line) <= LINE_BYTES_MAX);
	assert_int_equal(line_text(&buffer.line).len, EVENT_TEXT_MAX);
	free(e);
}

// ---- the ring ----

static uint64_t append(struct line_ring *ring, unsigned number)
{
	char text[256];
	struct line_buffer buffer;
	snprintf(text, sizeof(text), "line %u %.*s", number, (int)(number * 37 % 200),
		"....................................................................................................."
		".....................................................................................................");
	struct event *e = event_of(text, number % 5);
	line_of_event(e, 0, LINE_NONE, &buffer);
	free(e);
	return line_ring_append(ring, &buffer.line);
}

static bool is_kept(const struct line_ring *ring, uint64_t position, unsigned number)
{
	struct line_buffer *buffer = malloc(sizeof(*buffer)); // exactly, for ASan
	char wanted[32];
	bool kept = line_ring_read(ring, position, buffer);
	snprintf(wanted, sizeof(wanted), "line %u ", number);
	if (kept && !slice_starts(line_text(&buffer->line), wanted))
		fail_msg("line %u reads as '%.*s'", number, (int)line_text(&buffer->line).len,
			line_text(&buffer->line).data);
	free(buffer);
	return kept;
}

static void the_ring_keeps_the_newest_lines(void **state)
{
	(void)state;
	enum { LINES = 2000 };
	struct line_ring ring;
	static uint64_t positions[LINES];
	assert_int_equal(line_ring_init(&ring, RING_BYTES), 0);
	for (unsigned i = 0; i < LINES; i++) {
		positions[i] = append(&ring, i);
		assert_true(is_kept(&ring, positions[i], i));
		// Once overwritten a line stays so, and none is younger than one that is gone.
		bool kept = true;
		unsigned n = 0;
		for (unsigned k = i + 1; k-- > 0 && i - k < 120;) {
			bool now = is_kept(&ring, positions[k], k);
			assert_true(kept || !now);
			kept = now;
			n += now;
		}
		// Lines of at most some 400 bytes: the ring holds no fewer than this.
		assert_true(n >= (i + 1 < 30 ? i + 1 : 30));
	}
	line_ring_fini(&ring);
}

static void places_that_were_never_written_hold_nothing(void **state)
{
	(void)state;
	struct line_ring ring;
	struct line_buffer buffer;
	assert_int_equal(line_ring_init(&ring, RING_BYTES), 0);
	assert_false(line_ring_read(&ring, 0, &buffer));
	assert_false(line_ring_read(&ring, LINE_NONE, &buffer));
	uint64_t first = append(&ring, 0), size = atomic_load(&ring.head);
	assert_true(line_ring_read(&ring, first, &buffer));
	assert_false(line_ring_read(&ring, size, &buffer));
	assert_false(line_ring_read(&ring, size + 8, &buffer));
	assert_false(line_ring_read(&ring, RING_BYTES, &buffer));
	assert_false(line_ring_read(&ring, UINT64_MAX - 8, &buffer));
	line_ring_fini(&ring);
	line_ring_fini(&ring);
}

// A position that is no line's: nothing that does not fit is copied.
static void a_wrong_position_does_no_harm(void **state)
{
	(void)state;
	struct line_ring ring;
	assert_int_equal(line_ring_init(&ring, RING_BYTES), 0);
	for (unsigned i = 0; i < 200; i++)
		append(&ring, i);
	uint64_t head = atomic_load(&ring.head);
	struct line_buffer *buffer = malloc(sizeof(*buffer));
	for (uint64_t at = head > RING_BYTES ? head - RING_BYTES : 0; at < head; at++)
		if (line_ring_read(&ring, at, buffer))
			assert_true(line_size(&buffer->line) <= sizeof(*buffer));
	free(buffer);
	line_ring_fini(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_keeps_what_the_event_was),
		cmocka_unit_test(the_longest_line_fits_its_buffer),
		cmocka_unit_test(the_ring_keeps_the_newest_lines),
		cmocka_unit_test(places_that_were_never_written_hold_nothing),
		cmocka_unit_test(a_wrong_position_does_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
