// SPDX-License-Identifier: BSD-3-Clause
// RFC 5424: a syslog message whose structured data says who, what and how sure. In a value
// quotation marks, backslashes and "]" are escaped and nothing else; a message is one line, so line
// breaks become blanks.
#include "format_field.h"

#include <stdio.h>

#include "syslog_header.h"

static const struct format_field parameters[] = {
	{"device", "device.id"},
	{"ip", "client.ip"},
	{"confidence", "offhook.confidence"},
	{"diagnosis", "event.code"},
	{"id", "event.id"},
	{"sequence", "event.sequence"},
	{"severity", "offhook.severity"},
	{"action", "event.action"},
	{"outcome", "event.outcome"},
	{"gateway", "observer.name"},
	{"site", "labels.site"},
	{"user", "user.name"},
	{"model", "device.model.identifier"},
	{"port", "client.port"},
	{"tunnel_ip", "offhook.tunnel.ip"},
	{"tunnel_group", "offhook.tunnel_group"},
	{"group_policy", "offhook.group_policy"},
	{"count", "offhook.episode.attempts"},
	{"start", "event.start"},
	{"reason", "event.reason"},
	{"cause", "offhook.cause"},
	{"leaf_hash", "tls.server.hash.sha1"},
	{"expected_hash", "offhook.cert.expected_sha1"},
	{"trustpoint", "offhook.cert.trustpoint"},
	{"days", "offhook.cert.days_to_expiry"},
	{"phones", "offhook.fleet.phones.affected"},
	{"phones_known", "offhook.fleet.phones.seen"},
	{"evidence", "offhook.evidence.-1.text"},
	{"truncated", "offhook.truncated"},
};

static const char *blank(char c)
{
	return c == '\n' || c == '\r' || c == '\t' ? " " : NULL;
}

static const char *escape_parameter(char c)
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case ']':
		return "\\]";
	}
	return blank(c);
}

static void add_parameter(
	const json_t *document, const struct format_field *parameter, struct buffer *out)
{
	struct buffer value;
	if (!format_value(document, parameter, escape_parameter, &value))
		return;
	buffer_add_text(out, " ");
	buffer_add_text(out, parameter->key);
	buffer_add_text(out, "=\"");
	format_add(out, &value);
	buffer_add_text(out, "\"");
	buffer_fini(&value);
}

// Without a BOM: a receiver that takes UTF-8 needs none, and one that does not would show it.
void format_rfc5424(
	const json_t *document, const struct format_context *context, struct buffer *out)
{
	// An alert's summary says more than the name of its rule.
	static const struct format_field title = {"", "rule.name"}, summary = {"", "message"};
	char id[32];
	struct buffer text;
	syslog_header_5424(document, context, out);
	snprintf(id, sizeof(id), "[offhook@%u", context->enterprise);
	buffer_add_text(out, id);
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
		add_parameter(document, &parameters[i], out);
	buffer_add_text(out, "]");
	bool is_alert = format_find(document, "offhook.fleet") != NULL;
	if (!format_value(document, is_alert ? &summary : &title, blank, &text))
		return;
	buffer_add_text(out, " ");
	format_add(out, &text);
	buffer_fini(&text);
}
