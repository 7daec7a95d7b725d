// SPDX-License-Identifier: BSD-3-Clause
#include "readiness.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "glyph.h"
#include "port_status.h"

// What an output was told by its receiver is foreign text.
__attribute__((format(printf, 2, 3))) static void complain(
	struct buffer *out, const char *format, ...)
{
	char text[512], *line = NULL;
	size_t len = 0;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	FILE *stream = open_memstream(&line, &len);
	if (stream == NULL) {
		out->failed = true;
		return;
	}
	glyph_write(stream, slice_of(text));
	fputc('\n', stream);
	if (fclose(stream) == 0)
		buffer_add(out, line, len);
	free(line);
}

static void check_ports(const struct daemon *daemon, struct buffer *out)
{
	struct port_stats ports[PORT_LISTEN_MAX];
	size_t n = ports_read(daemon, ports);
	if (n == 0)
		complain(out, "no port is there");
	for (size_t i = 0; i < n; i++) {
		if (strcmp(ports[i].state, "up") != 0)
			complain(out, "%s is %s", ports[i].name, ports[i].state);
	}
}

static void check_outlets(const struct metrics_source *source, struct buffer *out)
{
	struct outlet_status outlets[OUTLETS_MAX];
	size_t n = source->outlets_status
			   ? source->outlets_status(source->outlets, outlets, OUTLETS_MAX)
			   : 0;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(outlets[i].state, "retrying") != 0)
			return;
	}
	for (size_t i = 0; i < n; i++)
		complain(out, "output %s is down: %s", outlets[i].name, outlets[i].error);
}

bool readiness_tell(
	const struct daemon *daemon, const struct metrics_source *source, struct buffer *out)
{
	size_t before = out->len;
	check_ports(daemon, out);
	if (daemon->workers->replaced)
		complain(out, "a worker has not gone over to the rules of the last reload");
	check_outlets(source, out);
	return out->len == before && !out->failed;
}
