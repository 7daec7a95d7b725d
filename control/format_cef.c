// SPDX-License-Identifier: BSD-3-Clause
// CEF 0 (ArcSight, "Implementing ArcSight Common Event Format"). In the header "\" and "|" are
// escaped, in values "\" and "=" are, and line breaks become \n and \r.
#include "format_field.h"

#include <stdio.h>

// In the order in which they are written. A field whose value is unknown is left out, its label
// too.
static const struct format_field fields[] = {
	{"rt", "@timestamp", FORMAT_MS},
	{"start", "event.start", FORMAT_MS},
	{"end", "event.end", FORMAT_MS},
	{"cnt", "offhook.episode.attempts"},
	{"cnt", "offhook.fleet.phones.affected"},
	{"externalId", "event.id"},
	{"cat", "rule.category"},
	{"act", "event.action"},
	{"outcome", "event.outcome"},
	{"reason", "event.reason"},
	{"src", "client.ip", FORMAT_IPV4},
	{"c6a2", "client.ip", FORMAT_IPV6, "Source IPv6 Address"},
	{"spt", "client.port"},
	{"smac", "client.mac", FORMAT_MAC},
	{"suser", "user.name"},
	{"dst", "destination.ip", FORMAT_IPV4},
	{"c6a3", "destination.ip", FORMAT_IPV6, "Destination IPv6 Address"},
	{"dpt", "destination.port"},
	{"dhost", "destination.domain"},
	{"deviceExternalId", "device.id"},
	{"dvchost", "observer.hostname"},
	{"dvc", "observer.ip", FORMAT_IPV4},
	{"c6a1", "observer.ip", FORMAT_IPV6, "Device IPv6 Address"},
	{"deviceInboundInterface", "observer.ingress.interface.name"},
	{"app", "network.protocol", FORMAT_UPPER},
	{"cs1", "tls.server.hash.sha1", FORMAT_TEXT, "presentedSha1"},
	{"cs2", "offhook.cert.expected_sha1", FORMAT_TEXT, "expectedSha1"},
	{"cs3", "offhook.confidence", FORMAT_TEXT, "confidence"},
	{"cs4", "offhook.tunnel_group", FORMAT_TEXT, "tunnelGroup"},
	{"cs5", "device.model.identifier", FORMAT_TEXT, "model"},
	{"cs6", "offhook.cert.trustpoint", FORMAT_TEXT, "trustpoint"},
	{"cn1", "event.sequence", FORMAT_TEXT, "sequence"},
	{"cn2", "offhook.cert.days_to_expiry", FORMAT_TEXT, "daysToExpiry"},
	{"cn3", "offhook.fleet.phones.seen", FORMAT_TEXT, "phonesKnown"},
	{"deviceCustomDate1", "tls.server.not_after", FORMAT_MS, "certNotAfter"},
	{"flexString1", "offhook.truncated", FORMAT_TEXT, "truncated"},
	{"msg", "offhook.evidence.-1.text"},
};
// An alert has no line of evidence: it says itself what is the matter.
static const struct format_field summary = {"msg", "message"};

static const char *escape_header(char c)
{
	switch (c) {
	case '\\':
		return "\\\\";
	case '|':
		return "\\|";
	case '\n':
	case '\r':
	case '\t':
		return " ";
	}
	return NULL;
}

static const char *escape_value(char c)
{
	switch (c) {
	case '\\':
		return "\\\\";
	case '=':
		return "\\=";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return " ";
	}
	return NULL;
}

// Both to be in there; where the document has none, `instead`.
static void add_header(const json_t *document, const char *path, struct buffer *out)
{
	const json_t *value = format_find(document, path);
	struct slice text = {json_string_value(value), (uint32_t)json_string_length(value)};
	format_escaped(text.data ? text : slice_of("unknown"), escape_header, out);
	buffer_add_text(out, "|");
}

static void add_field(
	const json_t *document, const struct format_field *field, size_t start, struct buffer *out)
{
	struct buffer value;
	if (!format_value(document, field, escape_value, &value))
		return;
	if (out->len > start)
		buffer_add_text(out, " ");
	if (field->label) {
		buffer_add_text(out, field->key);
		buffer_add_text(out, "Label=");
		buffer_add_text(out, field->label);
		buffer_add_text(out, " ");
	}
	buffer_add_text(out, field->key);
	buffer_add_text(out, "=");
	format_add(out, &value);
	buffer_fini(&value);
}

void format_cef(const json_t *document, const struct format_context *context, struct buffer *out)
{
	(void)context;
	char severity[16];
	buffer_add_text(out, "CEF:0|offhook|offhook|" OFFHOOK_VERSION "|");
	add_header(document, "event.code", out);
	add_header(document, "rule.name", out);
	snprintf(severity, sizeof(severity), "%u|", format_severity(document)->cef);
	buffer_add_text(out, severity);
	size_t start = out->len;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		add_field(document, &fields[i], start, out);
	if (format_find(document, "offhook.evidence") == NULL)
		add_field(document, &summary, start, out);
}
