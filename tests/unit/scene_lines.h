// SPDX-License-Identifier: BSD-3-Clause
// scene_lines: lines that the rules of scene_pack.h know, and short questions to what came of them.
#pragma once

#include "scene.h"
#include "scene_pack.h"
#include "unit.h"

#define RELAY "192.0.2.250" // scene.c lists it
#define PHONE_A "CP-7962G-SEP8CB64F576113"
#define PHONE_B "CP-8841-SEP00CAFE000002"
#define SEP_A "SEP8CB64F576113"
#define SEP_B "SEP00CAFE000002"

#define UNTRUSTED "2: ERR 10:00:00.2 VPNC: VPN cert chain verification failed"
#define HOST_ID "3: ERR 10:00:00.3 VPNC: hostIDCheck failed!!"

// ---- lines ----

__attribute__((format(printf, 2, 3))) static inline void say(
	struct scene *s, const char *format, ...)
{
	char text[800];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	scene_line(s, text);
}

static inline void tunnel_up(
	struct scene *s, const char *user, const char *client, const char *tunnel)
{
	say(s,
		"fw1 : %%ASA-6-722051: Group <GP> User <%s> IP <%s> IPv4 Address <%s> IPv6 address <::> "
		"assigned to session",
		user, client, tunnel);
}

static inline void csd(struct scene *s, const char *user, const char *client)
{
	say(s,
		"fw1 : %%ASA-4-724002: Group <GP> User <%s> IP <%s> WebVPN session not terminated. "
		"Cisco Secure Desktop was not running on the client's workstation.",
		user, client);
}

static inline void login_rejected(struct scene *s, const char *user, const char *client)
{
	say(s,
		"fw1 : %%ASA-6-716039: Group <GP> User <%s> IP <%s> Authentication: rejected, Session "
		"Type: WebVPN.",
		user, client);
}

// The session goes on from another address.
static inline void resume(struct scene *s, const char *user, const char *from, const char *to)
{
	say(s,
		"fw1 : %%ASA-6-716059: Group <TG> User <%s> IP <%s> AnyConnect session resumed "
		"connection from IP <%s>.",
		user, from, to);
}

static inline void tls_starts(struct scene *s, const char *client, unsigned port)
{
	say(s, "fw1 : %%ASA-6-725001: Starting SSL handshake with client outside:%s/%u", client,
		port);
}

static inline void tls_completes(struct scene *s, const char *client, unsigned port)
{
	say(s, "fw1 : %%ASA-6-725002: Device completed SSL handshake with client outside:%s/%u",
		client, port);
}

static inline void tls_chooses(struct scene *s, const char *client, unsigned port)
{
	say(s,
		"fw1 : %%ASA-7-725012: Device chooses cipher : AES128-SHA for the SSL session with "
		"client outside:%s/%u",
		client, port);
}

static inline void tls_fails(struct scene *s, const char *client, unsigned port)
{
	say(s, "fw1 : %%ASA-6-725006: Device failed SSL handshake with client outside:%s/%u",
		client, port);
}

static inline void tls_error(struct scene *s, const char *reason)
{
	say(s, "fw1 : %%ASA-7-725014: SSL lib error. Function: F Reason: %s", reason);
}

// The phone rejects the gateway's certificate.
static inline void reject_certificate(struct scene *s, const char *client, unsigned port)
{
	tls_chooses(s, client, port);
	tls_error(s, "tlsv1 alert unknown ca");
	tls_fails(s, client, port);
}

// A certificate of the handshake under way; whether it is the client's is not known yet.
static inline void certificate_of(struct scene *s, const char *name)
{
	say(s,
		"fw1 : %%ASA-6-717029: Identified client certificate within certificate chain. serial "
		"number: 01, subject name: cn=%s,o=Cisco",
		name);
}

// ---- what came of it ----

static inline const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "null";
}

static inline json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static inline bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static inline size_t n_evidence(const json_t *diagnosis)
{
	return json_array_size(json_object_get(diagnosis, "evidence"));
}

// Lines of evidence with these words.
static inline unsigned n_evidence_with(const json_t *diagnosis, const char *words)
{
	const json_t *lines = json_object_get(diagnosis, "evidence"), *line;
	unsigned n = 0;
	size_t i;
	json_array_foreach((json_t *)lines, i, line) n +=
		strstr(text_of(line, "text"), words) != NULL;
	return n;
}

// The only diagnosis of the name that is told of a device ("null": of none); NULL: there is none.
static inline const json_t *told_of(struct scene *s, const char *diagnosis, const char *device)
{
	const json_t *told = scene_told(s), *object, *found = NULL;
	size_t i;
	json_array_foreach((json_t *)told, i, object)
	{
		if (strcmp(text_of(object, "diagnosis"), diagnosis) != 0 ||
			strcmp(text_of(object, "device"), device) != 0)
			continue;
		assert_null(found);
		found = object;
	}
	return found;
}

static inline void is_open(struct scene *s, const char *diagnosis, const char *client,
	const char *device, const char *file, int line)
{
	const json_t *d = told_of(s, diagnosis, device);
	bool right = d && strcmp(text_of(d, "state"), "open") == 0 &&
		     strcmp(text_of(d, "client_ip"), client) == 0;
	if (right)
		return;
	char *told = json_dumps(scene_told(s), JSON_INDENT(1));
	print_error("no open %s of %s at %s in %s\n", diagnosis, device, client, told);
	free(told);
	_fail(file, line);
}

#define assert_open(s, diagnosis, client, device) \
	is_open((s), (diagnosis), (client), (device), __FILE__, __LINE__)
#define assert_state(s, diagnosis, device, state)                       \
	do {                                                            \
		const json_t *d_ = told_of((s), (diagnosis), (device)); \
		assert_non_null(d_);                                    \
		assert_string_equal(text_of(d_, "state"), (state));     \
	} while (0)

static inline uint64_t counted_at(struct scene *s, size_t offset)
{
	struct workers *all = scene_workers(s);
	uint64_t n = 0;
	for (unsigned i = 0; i < all->n; i++)
		n += counter_get(
			(const counter_t *)((const char *)&all->worker[i]->counters + offset));
	return n;
}

// A counter, of all workers together.
#define COUNTED(s, field) counted_at((s), offsetof(struct counters, field))
