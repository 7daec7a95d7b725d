// SPDX-License-Identifier: BSD-3-Clause
#include "script.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct script script_begin(struct sim *sim, struct gateway *gateway, struct client *client,
	struct random *random, uint64_t at_us)
{
	return (struct script){
		.sim = sim, .gateway = gateway, .client = client, .random = random, .at_us = at_us};
}

static void add(struct script *s, bool anonymous, const char *format, va_list arguments)
{
	char text[1600];
	// A quiet gateway sends nothing of level 7.
	if (s->gateway->quiet && format[0] == '7')
		return;
	int len = vsnprintf(text, sizeof(text), format, arguments);
	if (len < 0 || (size_t)len >= sizeof(text))
		abort();
	struct line *line = malloc(sizeof(*line) + (size_t)len + 1);
	if (line == NULL)
		abort();
	*line = (struct line){.flow = s->flow, .anonymous = anonymous};
	memcpy(line->text, text, (size_t)len + 1);
	if (s->first == NULL)
		s->end = &s->first;
	*s->end = line;
	s->end = &line->next;
}

void say(struct script *s, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	add(s, false, format, arguments);
	va_end(arguments);
}

void mutter(struct script *s, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	add(s, true, format, arguments);
	va_end(arguments);
}

void script_end(struct script *s)
{
	if (s->first == NULL)
		return;
	queue_put(&s->sim->queue, (struct happening){.at_us = s->at_us,
					  .kind = HAPPENING_RUN,
					  .number = s->gateway->number,
					  .what = s->first});
	s->first = NULL;
}

void script_pause(struct script *s, uint32_t low_ms, uint32_t high_ms)
{
	script_end(s);
	s->at_us += random_between(s->random, low_ms * 1000, high_ms * 1000);
}

void script_told(struct script *s)
{
	s->needed_us = s->at_us;
}
