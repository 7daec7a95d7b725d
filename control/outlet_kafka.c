// SPDX-License-Identifier: BSD-3-Clause
// outlet_kafka: produces records to a topic of Kafka, idempotently, by librdkafka. A record is done
// when its delivery report has come. Those of one phone, and alerts of one gateway, have one key,
// and so one partition.
//
// librdkafka's own threads send; reports are taken on the outlet's thread.
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "ecs.h"
#include "format.h"
#include "outcomes.h"
#include "text.h"

#define POLL_MS 100
#define FLUSH_MS 1000

struct kafka_options {
	const char **brokers;
	const char *topic, *alerts_topic, *client_id, *dataset_namespace;
	const char *ca_file, *certificate_file, *key_file, *user, *password;
	unsigned format, compression, mechanism;
	uint64_t timeout_ms;
	bool tls;
};

enum { AS_ECS, AS_OFFHOOK };
static const char *const format_names[] = {"ecs", "offhook", NULL};
static const char *const compressions[] = {"zstd", "lz4", "snappy", "gzip", "none", NULL};
static const char *const mechanisms[] = {"SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", NULL};

#define OPTION(key, kind, member, ...)                                                        \
	{                                                                                     \
		.name = key, .value = kind, .offset = offsetof(struct kafka_options, member), \
		__VA_ARGS__                                                                   \
	}
static const struct outlet_option options[] = {
	OPTION("brokers", OUTLET_TEXTS, brokers, .is_required = true,
		.help = "host:port of some of the brokers"),
	OPTION("topic", OUTLET_TEXT, topic, .is_required = true, .help = "of diagnoses"),
	OPTION("alerts_topic", OUTLET_TEXT, alerts_topic, .help = "of alerts; else the same"),
	OPTION("format", OUTLET_CHOICE, format, .choices = format_names, .initial = "ecs",
		.help = "ECS documents, or the records as `watch --json` shows them"),
	OPTION("namespace", OUTLET_TEXT, dataset_namespace, .initial = "default",
		.help = OUTLET_NAMESPACE_HELP),
	OPTION("client_id", OUTLET_TEXT, client_id, .initial = "offhook",
		.help = "what brokers know it by"),
	OPTION("compression", OUTLET_CHOICE, compression, .choices = compressions,
		.initial = "zstd", .help = "of messages"),
	OPTION("timeout", OUTLET_TIME, timeout_ms, .least = 1000, .most = 300000, .initial = "15s",
		.help = "until a message that no broker takes is tried anew"),
	OPTION("tls", OUTLET_FLAG, tls, .initial = "false", .help = "speak TLS to the brokers"),
	OPTION("ca_file", OUTLET_FILE, ca_file, .help = OUTLET_CA_FILE_HELP),
	OPTION("certificate_file", OUTLET_FILE, certificate_file,
		.help = OUTLET_CERTIFICATE_FILE_HELP),
	OPTION("key_file", OUTLET_FILE, key_file, .help = OUTLET_KEY_FILE_HELP),
	OPTION("user", OUTLET_TEXT, user, .help = "to log in with (SASL)"),
	OPTION("password_file", OUTLET_SECRET, password, .help = "file with that user's password"),
	OPTION("mechanism", OUTLET_CHOICE, mechanism, .choices = mechanisms,
		.initial = "SCRAM-SHA-512", .help = "of the log-in"),
};

struct kafka {
	rd_kafka_t *producer;
	struct outcomes outcomes;
	unsigned n_under_way; // of this batch
	char error[160];      // what librdkafka has last said
};

// ---- config ----

// Source: Apache Kafka, org.apache.kafka.common.internals.Topic.
static bool is_topic(const char *name)
{
	size_t len =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	return len > 0 && len <= 249 && name[len] == '\0' && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

static bool check(const void *all, char *error, size_t size)
{
	const struct kafka_options *o = all;
	const char *fault = NULL;
	if (!is_topic(o->topic) || (o->alerts_topic && !is_topic(o->alerts_topic))) {
		snprintf(error, size, "%s: a topic has 1 to 249 letters, digits, ., _ and -",
			is_topic(o->topic) ? "alerts_topic" : "topic");
		return false;
	}
	if (!o->user != !o->password)
		fault = "user and password_file go together";
	else if (!o->certificate_file != !o->key_file)
		fault = "certificate_file and key_file go together";
	else if ((o->ca_file || o->certificate_file) && !o->tls)
		fault = "ca_file and certificate_file want tls: true";
	if (fault)
		snprintf(error, size, "%s", fault);
	return fault == NULL;
}

struct setting {
	const char *name, *value; // value NULL: left as it is
};

static bool set_all(
	rd_kafka_conf_t *conf, const struct setting *settings, size_t n, char *error, size_t size)
{
	for (size_t i = 0; i < n; i++) {
		if (settings[i].value &&
			rd_kafka_conf_set(conf, settings[i].name, settings[i].value, error, size) !=
				RD_KAFKA_CONF_OK)
			return false;
	}
	return true;
}

static void join(const char **brokers, char *out, size_t size)
{
	size_t len = 0;
	out[0] = '\0';
	for (size_t i = 0; brokers[i] && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s", i ? "," : "", brokers[i]);
}

// Source: librdkafka 2.0 CONFIGURATION.md. Idempotence makes acks=all, and at most 5 in flight.
static bool configure(
	rd_kafka_conf_t *conf, const struct kafka_options *o, char *error, size_t size)
{
	char brokers[4096], timeout[24];
	join(o->brokers, brokers, sizeof(brokers));
	snprintf(timeout, sizeof(timeout), "%llu", (unsigned long long)o->timeout_ms);
	const struct setting settings[] = {
		{"bootstrap.servers", brokers},
		{"client.id", o->client_id},
		{"enable.idempotence", "true"},
		{"compression.type", compressions[o->compression]},
		{"partitioner", "murmur2_random"}, // as Java clients
		{"message.timeout.ms", timeout},
		{"linger.ms", "5"},
		{"log.connection.close", "false"},
		{"security.protocol", o->user ? (o->tls ? "sasl_ssl" : "sasl_plaintext")
					      : (o->tls ? "ssl" : "plaintext")},
		{"ssl.ca.location", o->ca_file},
		{"ssl.certificate.location", o->certificate_file},
		{"ssl.key.location", o->key_file},
		{"ssl.endpoint.identification.algorithm", o->tls ? "https" : NULL},
		{"sasl.mechanism", o->user ? mechanisms[o->mechanism] : NULL},
		{"sasl.username", o->user},
		{"sasl.password", o->password},
	};
	return set_all(conf, settings, sizeof(settings) / sizeof(settings[0]), error, size);
}

// ---- what librdkafka calls, in rd_kafka_poll() ----

// What no broker will ever take. Anything else is the brokers' state, or a setting.
static bool is_final(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
	       code == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
	       code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
	       code == RD_KAFKA_RESP_ERR_INVALID_RECORD;
}

static void note_outcome(struct kafka *kafka, size_t place, rd_kafka_resp_err_t code)
{
	struct outcomes *outcomes = &kafka->outcomes;
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
		outcomes->of[place] = OUTCOME_DONE;
	} else if (is_final(code)) {
		outcomes->of[place] = OUTCOME_REFUSED;
		snprintf(outcomes->reason, sizeof(outcomes->reason), "%s", rd_kafka_err2str(code));
	} else if (kafka->error[0] == '\0') {
		snprintf(kafka->error, sizeof(kafka->error), "%s", rd_kafka_err2str(code));
	}
}

static void take_report(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
	struct kafka *kafka = opaque;
	(void)producer;
	kafka->n_under_way--;
	note_outcome(kafka, (size_t)message->_private, message->err);
}

// Above all, which broker is away and why.
static void take_error(rd_kafka_t *producer, int code, const char *reason, void *opaque)
{
	struct kafka *kafka = opaque;
	(void)producer, (void)code;
	snprintf(kafka->error, sizeof(kafka->error), "%s", reason);
}

static void take_log(const rd_kafka_t *producer, int level, const char *facility, const char *text)
{
	(void)producer, (void)level, (void)facility, (void)text; // errors come by take_error()
}

// ---- life ----

static void stop(struct kafka *kafka)
{
	if (kafka->producer == NULL)
		return;
	rd_kafka_flush(kafka->producer, FLUSH_MS);
	rd_kafka_purge(kafka->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_destroy(kafka->producer);
	kafka->producer = NULL;
}

static bool start(struct kafka *kafka, struct outlet_context *context)
{
	if (kafka->producer)
		return true;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_set_opaque(conf, kafka);
	rd_kafka_conf_set_dr_msg_cb(conf, take_report);
	rd_kafka_conf_set_error_cb(conf, take_error);
	rd_kafka_conf_set_log_cb(conf, take_log);
	if (configure(conf, context->options, context->error, sizeof(context->error)))
		kafka->producer = rd_kafka_new(
			RD_KAFKA_PRODUCER, conf, context->error, sizeof(context->error));
	if (kafka->producer == NULL)
		rd_kafka_conf_destroy(conf);
	return kafka->producer != NULL;
}

static void kafka_close(void *state, struct outlet_context *context)
{
	(void)context;
	stop(state);
	free(state);
}

static void *kafka_open(struct outlet_context *context)
{
	struct kafka *kafka = calloc(1, sizeof(*kafka));
	if (kafka && start(kafka, context))
		return kafka;
	free(kafka);
	return NULL;
}

// ---- a record ----

// Device, else client's address; of an alert, and where neither is known, the gateway.
static const char *key_of(const struct record *record, const json_t *object)
{
	const char *key = NULL;
	if (record->kind == RECORD_DIAGNOSIS) {
		key = json_text_of(object, "device");
		key = key ? key : json_text_of(object, "client_ip");
	}
	key = key ? key : json_text_of(object, "gateway");
	return key ? key : record_key(record);
}

static void write_value(const struct record *record, const json_t *object,
	const struct outlet_context *context, struct buffer *out)
{
	const struct kafka_options *o = context->options;
	if (o->format == AS_OFFHOOK)
		buffer_add(out, record_text(record), record->text_len);
	else
		buffer_add_json(out, ecs_document(record, object,
					     &(struct format_context){.host = context->host,
						     .dataset_namespace = o->dataset_namespace}));
}

static rd_kafka_resp_err_t produce(struct kafka *kafka, const struct outlet_context *context,
	const struct record *record, size_t place)
{
	const struct kafka_options *o = context->options;
	bool is_alert = record->kind == RECORD_ALERT;
	struct buffer value = {0};
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE; // out of memory
	json_t *object = record_json(record);
	if (object)
		write_value(record, object, context, &value);
	if (object && !value.failed) {
		const char *key = key_of(record, object);
		code = rd_kafka_producev(kafka->producer,
			RD_KAFKA_V_TOPIC(is_alert && o->alerts_topic ? o->alerts_topic : o->topic),
			RD_KAFKA_V_KEY(key, strlen(key)),
			RD_KAFKA_V_VALUE((value.data + value.from), value.len),
			RD_KAFKA_V_HEADER("content-type", "application/json", -1),
			RD_KAFKA_V_HEADER(
				"ecs-version", (o->format == AS_ECS ? ECS_VERSION : NULL), -1),
			RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_OPAQUE((void *)place),
			RD_KAFKA_V_END);
	}
	buffer_fini(&value);
	json_decref(object);
	return code;
}

// false: nothing more can be produced now.
static bool produce_patiently(struct kafka *kafka, const struct outlet_context *context,
	const struct record *record, size_t place)
{
	rd_kafka_resp_err_t code;
	while ((code = produce(kafka, context, record, place)) == RD_KAFKA_RESP_ERR__QUEUE_FULL &&
		!outlet_must_stop(context))
		rd_kafka_poll(kafka->producer, POLL_MS);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		kafka->n_under_way++;
	else
		note_outcome(kafka, place, code);
	return code == RD_KAFKA_RESP_ERR_NO_ERROR || is_final(code);
}

// Each message is reported in message.timeout.ms at the latest. What is to end does not wait for
// that: what is under way is taken back, and comes again.
static void wait_for_reports(struct kafka *kafka, const struct outlet_context *context)
{
	bool is_purged = false;
	while (kafka->n_under_way) {
		if (outlet_must_stop(context) && !is_purged) {
			rd_kafka_flush(kafka->producer, FLUSH_MS);
			rd_kafka_purge(kafka->producer,
				RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
			is_purged = true;
		}
		rd_kafka_poll(kafka->producer, POLL_MS);
	}
}

// An idempotent producer that has lost count will not go on: the next try begins with another.
static void stop_if_fatal(struct kafka *kafka)
{
	if (rd_kafka_fatal_error(kafka->producer, kafka->error, sizeof(kafka->error)) !=
		RD_KAFKA_RESP_ERR_NO_ERROR)
		stop(kafka);
}

static enum delivery kafka_send(void *state, struct outlet_context *context,
	struct record *const *records, size_t n, size_t *n_done)
{
	struct kafka *kafka = state;
	size_t places[OUTLET_BATCH_MAX];
	*n_done = 0;
	if (!start(kafka, context))
		return DELIVERY_RETRY;
	outcomes_begin(&kafka->outcomes, records, n);
	size_t n_open = kafka->outcomes.of[0] == OUTCOME_OPEN
				? outcomes_open(&kafka->outcomes, places, OUTLET_BATCH_MAX)
				: 0;
	kafka->error[0] = '\0';
	for (size_t i = 0; i < n_open; i++) {
		if (!produce_patiently(kafka, context, records[places[i]], places[i]))
			break;
	}
	wait_for_reports(kafka, context);
	stop_if_fatal(kafka);
	enum delivery result = outcomes_tell(&kafka->outcomes, context, n_done);
	if (result == DELIVERY_RETRY)
		snprintf(context->error, sizeof(context->error), "%s", kafka->error);
	return result;
}

const struct outlet_kind outlet_kafka = {
	.name = "kafka",
	.help = "produces records to a topic of Kafka",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.options_size = sizeof(struct kafka_options),
	.keeps_state = true,
	.check = check,
	.open = kafka_open,
	.send = kafka_send,
	.close = kafka_close,
};
