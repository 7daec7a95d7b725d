// SPDX-License-Identifier: BSD-3-Clause
// The outlet kind "syslog": RFC 5424, CEF, LEEF or ECS to a syslog receiver, over UDP (RFC 5426: a
// message a datagram), TCP (RFC 6587, octet counting) or TLS (RFC 5425, octet counting).
//
// No receiver of syslog says that it has a message. Done is what its TCP has acknowledged; and as
// a receiver that ends loses what it had not yet read, what was sent within KEPT_MS before a
// connection broke is sent once more. Duplicates bear the same id and sequence.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "format.h"
#include "outlet.h"
#include "stream.h"
#include "syslog_header.h"

#define KEPT_MS 10000
#define KEPT_MAX 4096
#define DATAGRAM_SIZE 2048 // RFC 5426: what receivers should take
#define STREAM_SIZE 8192   // what rsyslog takes, unless told otherwise

enum transport { TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_TLS };
static const char *const transports[] = {
	[TRANSPORT_UDP] = "udp", [TRANSPORT_TCP] = "tcp", [TRANSPORT_TLS] = "tls", NULL};
static const char *const default_ports[] = {
	[TRANSPORT_UDP] = "514", [TRANSPORT_TCP] = "601", [TRANSPORT_TLS] = "6514"};

enum header { HEADER_AUTO, HEADER_RFC3164, HEADER_RFC5424 };
static const char *const headers[] = {
	[HEADER_AUTO] = "auto", [HEADER_RFC3164] = "rfc3164", [HEADER_RFC5424] = "rfc5424", NULL};

static const char *const format_names[] = {[FORMAT_RFC5424] = "rfc5424",
	[FORMAT_CEF] = "cef",
	[FORMAT_LEEF] = "leef",
	[FORMAT_ECS] = "ecs",
	NULL};

// Source: RFC 5424, table 1.
static const char *const facilities[] = {"kern", "user", "mail", "daemon", "auth", "syslog", "lpr",
	"news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0",
	"local1", "local2", "local3", "local4", "local5", "local6", "local7", NULL};

struct syslog_options {
	const char *address;
	unsigned transport, format, header, facility;
	uint64_t enterprise, max_size;
	const char *ca_file, *certificate_file, *key_file, *server_name;
};

#define OPTION(text, type, member, ...)                                        \
	{                                                                      \
		.name = (text), .value = (type),                               \
		.offset = offsetof(struct syslog_options, member), __VA_ARGS__ \
	}

static const struct outlet_option options[] = {
	OPTION("address", OUTLET_TEXT, address, .is_required = true,
		.help = "HOST, HOST:PORT or [IPV6]:PORT; else port 514 (udp), 601 (tcp), 6514 (tls)"),
	OPTION("transport", OUTLET_CHOICE, transport, .choices = transports, .initial = "udp",
		.help = "what messages go by"),
	OPTION("format", OUTLET_CHOICE, format, .choices = format_names, .initial = "rfc5424",
		.help = "form of a message"),
	OPTION("header", OUTLET_CHOICE, header, .choices = headers, .initial = "auto",
		.help = "before cef, leef and ecs; auto: rfc3164 before cef and leef"),
	OPTION("facility", OUTLET_CHOICE, facility, .choices = facilities, .initial = "local0",
		.help = "syslog facility of all messages"),
	OPTION("enterprise", OUTLET_NUMBER, enterprise, .least = 1, .most = UINT32_MAX,
		.initial = "32473",
		.help = "number of the SD-ID: your own, for 32473 is for examples"),
	OPTION("max_size", OUTLET_NUMBER, max_size, .least = DATAGRAM_SIZE, .most = 65507,
		.help = "bytes of a message; else 2048 (udp) or 8192: evidence goes first"),
	OPTION("ca_file", OUTLET_FILE, ca_file, .help = OUTLET_CA_FILE_HELP),
	OPTION("certificate_file", OUTLET_FILE, certificate_file,
		.help = OUTLET_CERTIFICATE_FILE_HELP),
	OPTION("key_file", OUTLET_FILE, key_file, .help = OUTLET_KEY_FILE_HELP),
	OPTION("server_name", OUTLET_TEXT, server_name,
		.help = "name in the receiver's certificate; else the host of address"),
};

struct kept {
	struct record *record;
	uint64_t sent_ms;
};

struct syslog {
	struct stream_target target;
	struct stream stream;
	struct format_context format;
	uint64_t max_size;
	struct buffer frame;
	// What a receiver that ends may lose, the oldest first.
	struct kept kept[KEPT_MAX];
	size_t n_kept;
	bool again; // they are to be sent once more
};

// ---- config ----

static SSL_CTX *tls_of(const struct syslog_options *o, char *error, size_t size)
{
	return stream_tls_create(o->ca_file, o->certificate_file, o->key_file, error, size);
}

static bool check(const void *given, char *error, size_t size)
{
	const struct syslog_options *o = given;
	struct stream_address address;
	if (!stream_address_parse(o->address, default_ports[o->transport], &address)) {
		snprintf(error, size, "address: must be HOST, HOST:PORT or [IPV6]:PORT");
		return false;
	}
	if (o->transport != TRANSPORT_TLS) {
		if (!o->ca_file && !o->certificate_file && !o->key_file && !o->server_name)
			return true;
		snprintf(error, size,
			"ca_file, certificate_file, key_file and server_name want transport: tls");
		return false;
	}
	if (!o->certificate_file != !o->key_file) {
		snprintf(error, size, "certificate_file and key_file go together");
		return false;
	}
	SSL_CTX *tls = tls_of(o, error, size);
	SSL_CTX_free(tls);
	return tls != NULL;
}

// ---- life ----

static void *open_syslog(struct outlet_context *context)
{
	const struct syslog_options *o = context->options;
	struct syslog *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->stream = (struct stream){.fd = -1, .stop = context->stop};
	s->target.type = o->transport == TRANSPORT_UDP ? SOCK_DGRAM : SOCK_STREAM;
	s->target.server_name = o->server_name;
	stream_address_parse(o->address, default_ports[o->transport], &s->target.address);
	s->max_size = o->max_size		      ? o->max_size
		      : o->transport == TRANSPORT_UDP ? DATAGRAM_SIZE
						      : STREAM_SIZE;
	s->format = (struct format_context){.host = context->host,
		.facility = o->facility,
		.enterprise = (unsigned)o->enterprise,
		.pid = (unsigned)getpid()};
	if (o->transport != TRANSPORT_TLS)
		return s;
	s->target.tls = tls_of(o, context->error, sizeof(context->error));
	if (s->target.tls)
		return s;
	free(s);
	return NULL;
}

static void close_syslog(void *state, struct outlet_context *context)
{
	(void)context;
	struct syslog *s = state;
	stream_close(&s->stream);
	SSL_CTX_free(s->target.tls);
	for (size_t i = 0; i < s->n_kept; i++)
		record_release(s->kept[i].record);
	buffer_fini(&s->frame);
	free(s);
}

// ---- what was sent ----

static void forget(struct syslog *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		record_release(s->kept[i].record);
	s->n_kept -= n;
	memmove(s->kept, s->kept + n, s->n_kept * sizeof(s->kept[0]));
}

static void forget_old(struct syslog *s)
{
	uint64_t now_ms = clock_steady_ms();
	size_t n = 0;
	while (n < s->n_kept && s->kept[n].sent_ms + KEPT_MS < now_ms)
		n++;
	if (n && !s->again)
		forget(s, n);
}

static void keep(struct syslog *s, struct record *record)
{
	if (s->n_kept == KEPT_MAX)
		forget(s, KEPT_MAX / 4); // not one by one
	s->kept[s->n_kept++] =
		(struct kept){.record = record_share(record), .sent_ms = clock_steady_ms()};
}

static void disconnect(struct syslog *s)
{
	forget_old(s);
	s->again = s->n_kept > 0;
	stream_close(&s->stream);
}

// ---- a message ----

static void add_header(const struct syslog *s, const struct syslog_options *o,
	const json_t *document, struct buffer *out)
{
	if (formats[o->format].is_message)
		return;
	bool old = o->header == HEADER_RFC3164 ||
		   (o->header == HEADER_AUTO && o->format != FORMAT_ECS);
	if (old) {
		syslog_header_3164(document, &s->format, out);
	} else {
		syslog_header_5424(document, &s->format, out);
		buffer_add_text(out, "- ");
	}
}

static bool write_detail(struct syslog *s, const struct syslog_options *o,
	const struct record *record, const json_t *object, enum format_detail detail)
{
	s->format.detail = detail;
	buffer_fini(&s->frame);
	json_t *document = ecs_document(record, object, &s->format);
	if (document == NULL)
		return false;
	add_header(s, o, document, &s->frame);
	formats[o->format].write(document, &s->format, &s->frame);
	json_decref(document);
	return !s->frame.failed;
}

// As much of the record as fits, in s->frame. On false *result says how that is told.
static bool write_message(struct syslog *s, struct outlet_context *context,
	const struct record *record, enum delivery *result)
{
	json_t *object = record_json(record);
	bool made = object != NULL;
	for (int detail = FORMAT_WHOLE; made && detail < FORMAT_DETAILS; detail++) {
		made = write_detail(
			s, context->options, record, object, (enum format_detail)detail);
		if (made && s->frame.len <= s->max_size)
			break;
	}
	json_decref(object);
	if (made && s->frame.len <= s->max_size)
		return true;
	*result = made ? DELIVERY_REFUSED : DELIVERY_RETRY;
	if (made)
		snprintf(context->error, sizeof(context->error), "%s: %zu bytes, of %zu at most",
			record_key(record), s->frame.len, (size_t)s->max_size);
	else
		snprintf(context->error, sizeof(context->error), "out of memory");
	return false;
}

static bool send_frame(struct syslog *s, struct outlet_context *context)
{
	char count[24];
	if (s->target.type == SOCK_DGRAM)
		return stream_write(&s->stream, s->frame.data + s->frame.from, s->frame.len,
			       context->error, sizeof(context->error)) &&
		       // A receiver on this machine that is not there says so at once.
		       stream_is_whole(&s->stream, context->error, sizeof(context->error));
	int len = snprintf(count, sizeof(count), "%zu ", s->frame.len);
	return stream_write(
		       &s->stream, count, (size_t)len, context->error, sizeof(context->error)) &&
	       stream_write(&s->stream, s->frame.data + s->frame.from, s->frame.len, context->error,
		       sizeof(context->error));
}

// ---- delivery ----

// What was kept goes first, in its order; it stays kept.
static bool send_again(struct syslog *s, struct outlet_context *context)
{
	enum delivery ignored;
	for (size_t i = 0; s->again && i < s->n_kept; i++) {
		if (write_message(s, context, s->kept[i].record, &ignored) &&
			!send_frame(s, context))
			return false;
		s->kept[i].sent_ms = clock_steady_ms();
	}
	context->error[0] = '\0';
	s->again = false;
	return true;
}

// Connected, and nothing of what was sent before is missing. false: context->error says why.
static bool is_ready(struct syslog *s, struct outlet_context *context)
{
	char *error = context->error;
	size_t size = sizeof(context->error);
	if (s->stream.fd >= 0 && !stream_is_whole(&s->stream, error, size))
		disconnect(s);
	if (s->stream.fd < 0 && !stream_open(&s->stream, &s->target, error, size))
		return false;
	if (send_again(s, context))
		return true;
	disconnect(s);
	return false;
}

static enum delivery send_syslog(void *state, struct outlet_context *context,
	struct record *const *records, size_t n, size_t *n_done)
{
	struct syslog *s = state;
	uint64_t ends[OUTLET_BATCH_MAX]; // of each message, as TCP counts
	enum delivery result = DELIVERY_DONE;
	bool is_stream = s->target.type == SOCK_STREAM;
	size_t n_sent = 0;
	if (!is_ready(s, context))
		return DELIVERY_RETRY;
	bool ok = true;
	while (ok && n_sent < n && write_message(s, context, records[n_sent], &result)) {
		ok = send_frame(s, context);
		if (ok)
			ends[n_sent++] = s->stream.n_written;
	}
	char reason[sizeof(context->error)];
	if (is_stream && ok && !stream_settle(&s->stream, reason, sizeof(reason))) {
		memcpy(context->error, reason, sizeof(reason));
		ok = false;
	}
	while (*n_done < n_sent && (!is_stream || ends[*n_done] <= s->stream.n_acknowledged))
		keep(s, records[(*n_done)++]);
	if (ok && *n_done == n_sent)
		return result;
	disconnect(s);
	return DELIVERY_RETRY;
}

static enum delivery idle(void *state, struct outlet_context *context)
{
	struct syslog *s = state;
	forget_old(s);
	return is_ready(s, context) ? DELIVERY_DONE : DELIVERY_RETRY;
}

const struct outlet_kind outlet_syslog = {
	.name = "syslog",
	.help = "sends RFC 5424, CEF, LEEF or ECS to a syslog receiver",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.options_size = sizeof(struct syslog_options),
	.keeps_state = true,
	.check = check,
	.open = open_syslog,
	.send = send_syslog,
	.idle = idle,
	.close = close_syslog,
};
