// SPDX-License-Identifier: BSD-3-Clause
#include "connection_facts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../rules/address.h"
#include "text.h"

#define INTERFACE_MAX 48 // nameif

static void set_text(json_t *facts, const char *name, const char *text, size_t len)
{
	if (len)
		json_object_set_new(facts, name, json_stringn(text, len));
}

// The port behind "/". Returns what follows, NULL: none.
static const char *take_port(const char *at, json_t *facts, const char *name)
{
	char *end;
	if (*at != '/' || !isdigit((unsigned char)at[1]))
		return NULL;
	unsigned long port = strtoul(at + 1, &end, 10);
	if (port == 0 || port > UINT16_MAX)
		return NULL;
	json_object_set_new(facts, name, json_integer((json_int_t)port));
	return end;
}

// The name of an interface that ends before `end`.
static void take_interface(const char *text, const char *end, json_t *facts)
{
	const char *start = end;
	while (start > text && !isspace((unsigned char)start[-1]))
		start--;
	if (end - start <= INTERFACE_MAX)
		set_text(facts, "interface", start, (size_t)(end - start));
}

// " to 198.51.100.10/443", " to outside:198.51.100.10/443"
static void take_server(const char *at, json_t *facts)
{
	if (at == NULL || strncmp(at, " to ", 4) != 0)
		return;
	at += 4;
	const char *slash = strchr(at, '/'), *start = slash;
	struct address address;
	// An IPv6 address has colons too: the longest that is one.
	for (const char *from = at; slash && from < slash;) {
		if (address_parse((struct slice){from, (uint32_t)(slash - from)}, &address)) {
			start = from;
			break;
		}
		const char *colon = memchr(from, ':', (size_t)(slash - from));
		from = colon ? colon + 1 : slash;
	}
	if (slash == NULL || start == slash || take_port(slash, facts, "server_port") == NULL)
		return;
	set_text(facts, "server", start, (size_t)(slash - start));
	if (start > at && json_object_get(facts, "interface") == NULL)
		take_interface(at, start - 1, facts);
}

// "... client outside:203.0.113.9/50091 to 198.51.100.10/443 ..."
static void take_ends(const char *text, const char *client, json_t *facts)
{
	size_t len = strlen(client);
	for (const char *at = strstr(text, client); at; at = strstr(at + 1, client)) {
		bool whole = at == text || at[-1] == ' ' || at[-1] == ':';
		const char *rest = whole ? take_port(at + len, facts, "port") : NULL;
		if (rest == NULL)
			continue;
		if (at > text && at[-1] == ':')
			take_interface(text, at - 1, facts);
		take_server(rest, facts);
		return;
	}
}

// "... for TLSv1.2 session": TLSv1 is TLS 1.0.
static void take_version(const char *text, json_t *facts)
{
	static const struct {
		const char *prefix, *protocol;
	} protocols[] = {{"TLSv", "tls"}, {"DTLSv", "dtls"}, {"SSLv", "ssl"}};
	const char *at = strstr(text, " for ");
	for (size_t i = 0; at && i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		size_t len = strlen(protocols[i].prefix);
		if (strncmp(at + 5, protocols[i].prefix, len) != 0)
			continue;
		const char *version = at + 5 + len;
		size_t n = strspn(version, "0123456789.");
		if (n == 0 || n > 3 || version[n] != ' ')
			return;
		json_object_set_new(facts, "protocol", json_string(protocols[i].protocol));
		json_object_set_new(facts, "version",
			n == 1 ? json_sprintf("%c.0", *version) : json_stringn(version, n));
	}
}

// What follows the first of these texts, up to a blank. NULL: it is not there.
static const char *behind(const char *text, const char *const *leads)
{
	for (; *leads; leads++) {
		const char *at = strstr(text, *leads);
		if (at)
			return at + strlen(*leads);
	}
	return NULL;
}

static void take_asa_line(const char *code, const char *text, const char *client, json_t *facts)
{
	bool is_tls = strncmp(code, "725", 3) == 0;
	if (!is_tls && strcmp(code, "710003") != 0)
		return;
	if (client)
		take_ends(text, client, facts);
	if (!is_tls)
		return;
	take_version(text, facts);
	const char *cipher = behind(text,
		(const char *const[]){"Device chooses cipher : ", "Device chooses cipher ", NULL});
	if (cipher)
		set_text(facts, "cipher", cipher, strcspn(cipher, " "));
	const char *reason = strcmp(code, "725014") == 0
				     ? behind(text, (const char *const[]){" Reason: ", NULL})
				     : NULL;
	if (reason && json_object_get(facts, "alert") == NULL)
		set_text(facts, "error", reason, strlen(reason));
	if (strcmp(code, "725006") == 0)
		json_object_set_new(facts, "failed", json_true());
}

// "SSL write alert: code 48, unknown CA"
static void take_phone_line(const char *text, json_t *facts)
{
	static const char lead[] = "SSL write alert: code ";
	const char *at = strstr(text, lead);
	if (at == NULL)
		return;
	at += sizeof(lead) - 1;
	size_t digits = strspn(at, "0123456789");
	if (digits == 0 || digits > 3 || strncmp(at + digits, ", ", 2) != 0)
		return;
	set_text(facts, "alert", at, digits);
	json_object_set_new(facts, "error", json_sprintf("SSL write alert: %s", at + digits + 2));
}

json_t *connection_facts(const json_t *evidence, const char *client)
{
	json_t *facts = json_object();
	const json_t *line;
	size_t i;
	json_array_foreach(evidence, i, line)
	{
		const char *source = json_string_of(line, "source"),
			   *code = json_string_of(line, "code");
		const char *text = json_string_of(line, "text");
		if (source == NULL || code == NULL || text == NULL)
			continue;
		if (strcmp(source, "asa") == 0)
			take_asa_line(code, text, client, facts);
		else if (strcmp(source, "phone") == 0)
			take_phone_line(text, facts);
	}
	return facts;
}
