// SPDX-License-Identifier: BSD-3-Clause
// A payload through message_next() and message_parse().
#include "fuzz.h"

#include "../../control/logtime.h"
#include "../../dataplane/message.h"

static void check(struct slice line, const struct message *m)
{
	assert_inside(m->text, line);
	assert_inside(m->origin, line);
	assert_inside(m->stamp, line);
	assert_inside(m->clock, line);
	assert(m->source == MESSAGE_ASA || m->source == MESSAGE_PHONE ||
		m->source == MESSAGE_OTHER);
	if (m->source == MESSAGE_ASA) {
		assert_inside(m->code, line);
		assert(m->code.len == 6);
		assert(m->asa_id < 1000000);
		assert(m->severity <= 9);
	}
	if (m->source == MESSAGE_OTHER)
		assert(device_is_none(&m->device));
}

// However the line is read, the clock of a text log makes a time of it.
static void check_time(const struct message *m)
{
	static const struct logtime_options options = {.date = {2026, 11, 21}};
	struct logtime log = {.options = &options};
	struct logtime_date date;
	logtime_of(&log, m);
	if (logtime_date_of(m, &date)) {
		assert(date.month >= 1 && date.month <= 12);
		assert(date.day >= 1 && date.day <= 31);
	}
	logtime_of(&log, m);
}

static void assert_same(struct slice a, struct slice b)
{
	assert(a.len == b.len);
	assert(a.len == 0 || a.data == b.data);
}

// Headers of this input and of all before it are remembered; it must make no difference.
static void check_remembered(struct slice line, const struct message *m)
{
	static struct shape_table shapes;
	for (int i = 0; i < 2; i++) {
		struct message again;
		message_parse(&shapes, line, &again);
		assert(again.source == m->source && again.asa_id == m->asa_id);
		assert(device_equals(&again.device, &m->device));
		assert_same(again.code, m->code);
		assert_same(again.text, m->text);
		assert_same(again.origin, m->origin);
		assert_same(again.stamp, m->stamp);
		assert_same(again.clock, m->clock);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 65535)
		return 0;
	struct slice payload = {(const char *)data, (uint32_t)size}, rest = payload, line;
	const char *at = payload.data;
	while (message_next(&rest, &line)) {
		struct message message;
		assert(line.len > 0);
		assert_inside(line, payload);
		assert(line.data >= at); // forwards, no byte twice
		at = line.data + line.len;
		assert(memchr(line.data, '\n', line.len) == NULL);
		assert(memchr(line.data, '\0', line.len) == NULL);
		message_parse(NULL, line, &message);
		check(line, &message);
		check_remembered(line, &message);
		check_time(&message);
	}
	assert(rest.len == 0);
	return 0;
}
