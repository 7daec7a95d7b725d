#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The same receivers (receiver.py) gone, somebody else, or back again, and outlets that are killed:
# nothing is missing, and what comes twice has the same id and sequence.
#
# usage: test_outlet_away.sh OUTLET_FEED
. "$(dirname "$0")/lib.sh"
. "$here/outlet.sh"

# Three outlets at a time, each receiver taken down while records come, in the middle of whatever it
# does, and brought back.
away_and_back_under_load() {
	printf 'outlets:\n' >"$work/config"
	pids= ports=
	for kind in hec bulk webhook; do
		receiver $kind "$work/$kind"
		pids="$pids $receiver_pid" ports="$ports $port"
		type=$(echo $kind | sed 's/hec/splunk/; s/bulk/elasticsearch/')
		printf '  %s: {type: %s, url: "http://127.0.0.1:%s", timeout: 700ms%s}\n' $kind $type \
			"$port" "$([ $kind = hec ] && echo ", token_file: $work/token")" >>"$work/config"
	done
	records make 0 2000 --rate 1500 | run_feed - &
	feeder_pid=$!
	receiver_pid=$pids
	sleep 0.5
	kill -KILL $pids
	for pid in $pids; do
		wait "$pid" 2>/dev/null || true
	done
	sleep 0.5
	for kind in hec bulk webhook; do
		ports=${ports# }
		receiver $kind "$work/$kind" --port "${ports%% *}"
		ports=${ports#"${ports%% *}"}
		pids="$pids $receiver_pid"
	done
	receiver_pid=$pids
	wait $feeder_pid
	feeder_pid=
	for kind in hec bulk webhook; do
		records same "$work/$kind" 0 2000
	done
	[ "$(grep -c '"refused":0,"lost":0' "$work/status")" = 3 ]
	[ "$(grep -c '"last_error":"http' "$work/status")" = 3 ]
}

# certificate NAME SUBJECT EXTENSION: signed by $work/ca.
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$2" \
		-keyout "$work/$1.key" -out "$work/$1.csr" 2>/dev/null
	echo "$3" >"$work/$1.ext"
	openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" \
		-CAcreateserial -days 1 -extfile "$work/$1.ext" -out "$work/$1.pem" 2>/dev/null
}

authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=ca \
		-days 1 -keyout "$work/ca.key" -out "$work/ca.pem" 2>/dev/null
}

# For so long nothing comes, then it is given the certificate that it wants.
wrong_certificate_gets_nothing() {
	authority
	certificate wrong other.example.net 'subjectAltName=DNS:other.example.net'
	certificate right localhost 'subjectAltName=IP:127.0.0.1'
	certificate client offhook 'extendedKeyUsage=clientAuth'
	receiver webhook "$work/out" --cert "$work/wrong.pem" --key "$work/wrong.key"
	at=$port
	outlet 'type: webhook' "url: https://127.0.0.1:$port/hook" "ca_file: $work/ca.pem" \
		"certificate_file: $work/client.pem" "key_file: $work/client.key"
	records make 0 100 | run_feed - &
	feeder_pid=$!
	for _ in $(seq 200); do
		says 'no alternative certificate subject name matches' >/dev/null && break
		sleep 0.1
	done
	receiver_stop
	says 'no alternative certificate subject name matches'
	[ ! -s "$work/out.requests" ]
	receiver webhook "$work/out" --port "$at" --cert "$work/right.pem" --key "$work/right.key" \
		--client-ca "$work/ca.pem"
	wait $feeder_pid
	feeder_pid=
	records same "$work/out" 0 100
}

# Without ca_file the system's authorities count, and ours is none of them.
unknown_authority_gets_nothing() {
	authority
	certificate right localhost 'subjectAltName=IP:127.0.0.1'
	receiver webhook "$work/out" --cert "$work/right.pem" --key "$work/right.key"
	outlet 'type: webhook' "url: https://127.0.0.1:$port/hook"
	records make 0 10 | timeout 3 "$feed" "$work/config" - >"$work/status" 2>"$work/notes" ||
		true
	says 'SSL certificate problem'
	[ ! -s "$work/out.requests" ]
	status_is delivered 0
	status_is waiting 10
}

next_one_takes_over() {
	receiver webhook "$work/out"
	outlet 'type: webhook' "url: [http://127.0.0.1:1/hook, http://127.0.0.1:$port/hook]"
	records make 0 100 | run_feed -
	records same "$work/out" 0 100
}

# The feeder is killed in the middle of it, four times; what it has told last is all there.
killed_and_started_anew() {
	receiver webhook "$work/out" --faults lost,503,lost
	outlet 'type: webhook' "url: http://127.0.0.1:$port/hook" 'batch: 20'
	mkdir "$work/journal"
	run_feed "$work/journal" </dev/null # the outlet has a place from here on
	mkfifo "$work/pipe"
	for i in 0 1 2 3; do
		"$feed" "$work/config" "$work/journal" <"$work/pipe" >"$work/status" 2>"$work/notes" &
		feeder_pid=$!
		exec 3>"$work/pipe"
		records make $((i * 300)) 300 >&3
		until grep -q "settled $((i * 300 + 300))" "$work/status"; do
			sleep 0.02
		done
		kill -KILL $feeder_pid
		wait $feeder_pid 2>/dev/null || true
		exec 3>&-
	done
	feeder_pid=
	run_feed "$work/journal" </dev/null
	records same "$work/out" 0 1200
}

try wrong_certificate_gets_nothing
try unknown_authority_gets_nothing
try next_one_takes_over
try killed_and_started_anew
try away_and_back_under_load
finish
