#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# librdkafka's own brokers, read back with kcat: each record under its key, with its headers, in one
# partition; brokers that go and come, and such that refuse.
#
# usage: test_outlet_kafka.sh OUTLET_FEED KAFKA_BROKER
. "$(dirname "$0")/lib.sh"
. "$here/outlet.sh"
broker=$(readlink -f "$2")
broker_pid= feeder_pid=

command -v kcat >/dev/null || skip_all 'no kcat'

case_end() {
	for pid in $feeder_pid $broker_pid; do
		kill -KILL "$pid" 2>/dev/null || true
	done
}

# They take commands from 4.
brokers() {
	mkfifo "$work/commands"
	"$broker" <"$work/commands" >"$work/brokers" 2>"$work/broker.notes" &
	broker_pid=$!
	exec 4>"$work/commands"
	until [ -s "$work/brokers" ]; do
		sleep 0.02
	done
	at=$(head -1 "$work/brokers")
}

tell() {
	echo "$*" >&4
	until grep -qx "$*" "$work/brokers"; do
		sleep 0.02
	done
}

# outlet OPTION...
outlet() {
	printf 'outlets:\n  it:\n    type: kafka\n    brokers: [%s]\n    topic: diagnoses\n' \
		"$(echo "$at" | sed 's/[^,]*/"&"/g')" >"$work/config"
	for line in "$@"; do
		echo "    $line" >>"$work/config"
	done
}

# read_back TOPIC: as receiver.py writes what it took.
read_back() {
	timeout 20 kcat -b "$at" -C -t "$1" -o beginning -e -q -J >"$work/$1.messages" 2>"$work/kcat.notes"
	python3 - "$work/$1.messages" "$work/$1" <<-'PYTHON'
		import json, sys
		out, partitions = open(sys.argv[2], "w"), {}
		for line in open(sys.argv[1]):
		    message = json.loads(line)
		    event = json.loads(message["payload"])
		    inner = event if "sequence" in event else event["event"]
		    headers = dict(zip(message["headers"][::2], message["headers"][1::2]))
		    if headers.get("content-type") != "application/json":
		        sys.exit("headers: %s" % headers)
		    if partitions.setdefault(message["key"], message["partition"]) != message["partition"]:
		        sys.exit("two partitions for " + message["key"])
		    out.write(json.dumps({"id": inner["id"], "sequence": inner["sequence"], "event": event,
		                          "key": message["key"], "headers": headers}) + "\n")
	PYTHON
}

check() { # TOPIC EXPRESSION: true of each m
	python3 - "$work/$1" "$2" <<-'PYTHON'
		import json, sys
		for line in open(sys.argv[1]):
		    m = json.loads(line)
		    if not eval(sys.argv[2]):
		        sys.exit("not so of %s" % m)
	PYTHON
}

delivered() { # N REFUSED
	status_is delivered "$1"
	status_is refused "$2"
}

each_under_its_key() {
	brokers
	outlet 'format: offhook' 'alerts_topic: alerts'
	{ records make 0 1000 && records alert 7 firing high 1; } | run_feed -
	delivered 1001 0
	read_back diagnoses
	records same "$work/diagnoses" 0 1000
	check diagnoses 'm["key"] == (m["event"]["device"] or m["event"]["client_ip"])'
	check diagnoses '"ecs-version" not in m["headers"] or not m["headers"]["ecs-version"]'
	read_back alerts
	[ "$(wc -l <"$work/alerts")" = 1 ]
	check alerts 'm["key"] == "asa-hq-7"'
}

as_ecs() {
	brokers
	outlet 'compression: lz4'
	records make 0 300 | run_feed -
	read_back diagnoses
	records same "$work/diagnoses" 0 300
	check diagnoses 'm["headers"]["ecs-version"] == "8.17.0"'
	check diagnoses 'm["event"]["data_stream"]["dataset"] == "offhook.diagnosis"'
}

brokers_go_and_come() {
	brokers
	outlet 'format: offhook' 'timeout: 1s'
	records make 0 2000 --rate 800 | run_feed - &
	feeder_pid=$!
	tell down 1
	sleep 0.3
	tell down 2
	tell down 3
	sleep 1.5
	tell up 1
	tell up 2
	tell up 3
	wait $feeder_pid
	feeder_pid=
	delivered 2000 0
	read_back diagnoses
	records same "$work/diagnoses" 0 2000
}

# Source: Kafka protocol, error codes.
errors_are_told_apart() {
	brokers
	outlet 'format: offhook'
	tell fail 3 7  # REQUEST_TIMED_OUT
	tell fail 2 19 # NOT_ENOUGH_REPLICAS
	records make 0 500 | run_feed -
	delivered 500 0
	tell fail 1 10 # MESSAGE_TOO_LARGE
	records make 500 1 | run_feed -
	delivered 0 1
	tell refuse diagnoses 29 # TOPIC_AUTHORIZATION_FAILED
	records make 501 10 | timeout 3 "$feed" "$work/config" - >"$work/status" 2>"$work/notes" || true
	delivered 0 0
	tell refuse diagnoses 0
	read_back diagnoses
	records same "$work/diagnoses" 0 500
}

try each_under_its_key
try as_ecs
try brokers_go_and_come
try errors_are_told_apart
finish
