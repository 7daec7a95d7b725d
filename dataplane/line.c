// SPDX-License-Identifier: BSD-3-Clause
#include "line.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "seq.h"

static_assert(sizeof(struct line) % 8 == 0);

size_t line_size(const struct line *line)
{
	size_t bytes = sizeof(*line) + line->n_values * sizeof(struct field_value) +
		       line->code_len + line->text_len;
	return (bytes + 7) & ~(size_t)7;
}

const struct field_value *line_values(const struct line *line)
{
	return (const struct field_value *)(line + 1);
}

struct slice line_code(const struct line *line)
{
	return (struct slice){(const char *)(line_values(line) + line->n_values), line->code_len};
}

struct slice line_text(const struct line *line)
{
	struct slice code = line_code(line);
	return (struct slice){code.data + code.len, line->text_len};
}

struct slice line_value(const struct line *line, uint8_t field)
{
	return field_value_find(line_text(line), line_values(line), line->n_values, field);
}

// What of an event's flags is kept with its line.
static const struct {
	uint8_t line;
	uint16_t event;
} kept_flags[] = {{LINE_AMBIGUOUS, EVENT_AMBIGUOUS}, {LINE_CLIPPED, EVENT_CLIPPED},
	{LINE_HIDDEN_USER, EVENT_HIDDEN_USER}, {LINE_UNPROVEN, EVENT_UNPROVEN},
	{LINE_BOUND, EVENT_BOUND}};

static uint8_t line_flags(uint16_t flags)
{
	uint8_t kept = 0;
	for (size_t i = 0; i < sizeof(kept_flags) / sizeof(kept_flags[0]); i++)
		kept |= flags & kept_flags[i].event ? kept_flags[i].line : 0;
	return kept;
}

static uint16_t event_flags(uint8_t flags)
{
	uint16_t kept = 0;
	for (size_t i = 0; i < sizeof(kept_flags) / sizeof(kept_flags[0]); i++)
		kept |= flags & kept_flags[i].line ? kept_flags[i].event : 0;
	return kept;
}

static uint16_t way_of(const struct event *event)
{
	uint64_t host = XXH3_64bits(event->origin, event->origin_len);
	return (uint16_t)XXH3_64bits_withSeed(&event->sender, sizeof(event->sender), host);
}

void line_of_event(
	const struct event *event, uint8_t identity, uint64_t previous, struct line_buffer *out)
{
	struct line *line = &out->line;
	*line = (struct line){
		.time_ms = event->time_ms,
		.previous = previous,
		.client = event->client,
		.device = event->device,
		.event = event->type,
		.port = event->port,
		.gateway = event->gateway,
		.text_len = event->text_len,
		.line_len = event->line_len,
		.way = way_of(event),
		.source = event->source,
		.flags = line_flags(event->flags),
		.n_values = event->n_values,
		.code_len = event->code_len,
		.identity = identity,
	};
	memcpy(line + 1, event->values, event->n_values * sizeof(struct field_value));
	memcpy((char *)line_code(line).data, event->code, event->code_len);
	memcpy((char *)line_text(line).data, event->text, event->text_len);
	size_t used = sizeof(*line) + line->n_values * sizeof(struct field_value) + line->code_len +
		      line->text_len;
	memset((char *)line + used, 0, line_size(line) - used);
}

bool line_is_copy(const struct line *line, const struct event *event)
{
	struct slice text = {event->text, event->line_len};
	return line->way != way_of(event) && line->port == event->port &&
	       slice_equals(slice_first(line_text(line), line->line_len), text);
}

void line_to_event(const struct line *line, struct event *out)
{
	memset(out, 0, offsetof(struct event, text));
	out->time_ms = line->time_ms;
	out->client = line->client;
	out->device = line->device;
	out->type = line->event;
	out->port = line->port;
	out->gateway = line->gateway;
	out->text_len = line->text_len;
	out->line_len = line->line_len;
	out->source = line->source;
	out->flags = event_flags(line->flags);
	out->n_values = line->n_values;
	out->code_len = line->code_len;
	memcpy(out->values, line_values(line), line->n_values * sizeof(struct field_value));
	memcpy(out->code, line_code(line).data, line->code_len);
	memcpy(out->text, line_text(line).data, line->text_len);
}

int line_ring_init(struct line_ring *ring, uint64_t bytes)
{
	assert((bytes & (bytes - 1)) == 0);
	assert(bytes > 2 * LINE_BYTES_MAX);
	ring->bytes = bytes;
	ring->words = calloc(1, bytes);
	atomic_init(&ring->head, 0);
	return ring->words ? 0 : -ENOMEM;
}

void line_ring_fini(struct line_ring *ring)
{
	free(ring->words);
	ring->words = NULL;
}

// A line never wraps: one that would starts anew at the ring's beginning.
uint64_t line_ring_append(struct line_ring *ring, const struct line *line)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	size_t size = line_size(line);
	uint64_t offset = head & (ring->bytes - 1);
	if (offset + size > ring->bytes)
		head += ring->bytes - offset;
	// The head goes ahead of the bytes: a reader that saw any of them sees that they are gone.
	atomic_store_explicit(&ring->head, head + size, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	seq_store_words(
		(char *)ring->words + (head & (ring->bytes - 1)), line, size, HALT_line_half);
	return head;
}

static bool is_kept(const struct line_ring *ring, uint64_t position)
{
	uint64_t head =
		atomic_load_explicit((_Atomic(uint64_t) *)&ring->head, memory_order_relaxed);
	return position < head && head - position <= ring->bytes;
}

bool line_ring_read(const struct line_ring *ring, uint64_t position, struct line_buffer *out)
{
	uint64_t offset = position & (ring->bytes - 1);
	if (position == LINE_NONE || !is_kept(ring, position) ||
		offset + sizeof(struct line) > ring->bytes || offset % 8)
		return false;
	const char *at = (const char *)ring->words + offset;
	seq_load_words(&out->line, at, sizeof(struct line));
	atomic_thread_fence(memory_order_acquire);
	size_t size = line_size(&out->line);
	if (!is_kept(ring, position) || size > sizeof(*out) || offset + size > ring->bytes)
		return false;
	seq_load_words(out, at, size);
	atomic_thread_fence(memory_order_acquire);
	return is_kept(ring, position);
}
