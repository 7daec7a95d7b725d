// SPDX-License-Identifier: BSD-3-Clause
// kafka_broker: librdkafka's brokers for tests, three of them on loopback; prints where they are.
// Commands on stdin, each answered by its own line:
//
//   down N | up N        a broker goes, and comes back
//   fail N ERROR         the next N requests to produce are answered so (a number of the protocol)
//   refuse TOPIC ERROR   so is every request about a topic; 0: no more
#include <stdio.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#define API_PRODUCE 0

static void act(rd_kafka_mock_cluster_t *cluster, const char *line)
{
	char topic[64];
	int n, error;
	if (sscanf(line, "down %d", &n) == 1) {
		rd_kafka_mock_broker_set_down(cluster, n);
	} else if (sscanf(line, "up %d", &n) == 1) {
		rd_kafka_mock_broker_set_up(cluster, n);
	} else if (sscanf(line, "fail %d %d", &n, &error) == 2) {
		for (int i = 0; i < n; i++)
			rd_kafka_mock_push_request_errors(
				cluster, API_PRODUCE, 1, (rd_kafka_resp_err_t)error);
	} else if (sscanf(line, "refuse %63s %d", topic, &error) == 2) {
		rd_kafka_mock_topic_set_error(cluster, topic, (rd_kafka_resp_err_t)error);
	}
}

int main(void)
{
	char error[256], line[128];
	rd_kafka_t *host =
		rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error, sizeof(error));
	rd_kafka_mock_cluster_t *cluster = host ? rd_kafka_mock_cluster_new(host, 3) : NULL;
	if (cluster == NULL)
		return 1;
	rd_kafka_mock_topic_create(cluster, "diagnoses", 4, 3);
	rd_kafka_mock_topic_create(cluster, "alerts", 2, 3);
	printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		act(cluster, line);
		fputs(line, stdout);
		fflush(stdout);
	}
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
	return 0;
}
