// SPDX-License-Identifier: BSD-3-Clause
// LEEF 2.0 (IBM QRadar). Nothing is escaped: tabs and line breaks in values, and "|" in the header,
// become blanks.
#include "format_field.h"

// In the order in which they are written; what is unknown is left out.
static const struct format_field fields[] = {
	{"devTime", "@timestamp"},
	{"devTimeFormat", "yyyy-MM-dd'T'HH:mm:ss.SSSX", FORMAT_CONSTANT},
	{"cat", "rule.category"},
	{"sev", "offhook.severity", FORMAT_SEV},
	{"src", "client.ip"},
	{"srcPort", "client.port"},
	{"srcMAC", "client.mac", FORMAT_MAC},
	{"dst", "destination.ip"},
	{"dstPort", "destination.port"},
	{"usrName", "user.name"},
	{"identHostName", "device.id"},
	{"policy", "offhook.group_policy"},
	{"reason", "event.reason"},
	// of our own
	{"eventId", "event.id"},
	{"sequence", "event.sequence"},
	{"action", "event.action"},
	{"outcome", "event.outcome"},
	{"confidence", "offhook.confidence"},
	{"startTime", "event.start"},
	{"endTime", "event.end"},
	{"count", "offhook.episode.attempts"},
	{"gateway", "observer.name"},
	{"gatewayInterface", "observer.ingress.interface.name"},
	{"site", "labels.site"},
	{"tunnelIp", "offhook.tunnel.ip"},
	{"tunnelGroup", "offhook.tunnel_group"},
	{"model", "device.model.identifier"},
	{"presentedSha1", "tls.server.hash.sha1"},
	{"expectedSha1", "offhook.cert.expected_sha1"},
	{"trustpoint", "offhook.cert.trustpoint"},
	{"daysToExpiry", "offhook.cert.days_to_expiry"},
	{"certNotAfter", "tls.server.not_after"},
	{"phonesAffected", "offhook.fleet.phones.affected"},
	{"phonesKnown", "offhook.fleet.phones.seen"},
	{"truncated", "offhook.truncated"},
	{"message", "message"},
	{"evidence", "offhook.evidence.-1.text"},
};

static const char *blank_header(char c)
{
	return c == '\n' || c == '\r' || c == '\t' || c == '|' ? " " : NULL;
}

static const char *blank_value(char c)
{
	return c == '\n' || c == '\r' || c == '\t' ? " " : NULL;
}

static void add_field(
	const json_t *document, const struct format_field *field, size_t start, struct buffer *out)
{
	struct buffer value;
	if (!format_value(document, field, blank_value, &value))
		return;
	if (out->len > start)
		buffer_add_text(out, "\t");
	buffer_add_text(out, field->key);
	buffer_add_text(out, "=");
	format_add(out, &value);
	buffer_fini(&value);
}

void format_leef(const json_t *document, const struct format_context *context, struct buffer *out)
{
	(void)context;
	const char *code = format_text(document, "event.code");
	buffer_add_text(out, "LEEF:2.0|offhook|offhook|" OFFHOOK_VERSION "|");
	format_escaped(slice_of(code ? code : "unknown"), blank_header, out);
	buffer_add_text(out, "|x09|");
	size_t start = out->len;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		add_field(document, &fields[i], start, out);
}
