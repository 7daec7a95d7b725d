#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Splunk's event collector, a bulk interface and a webhook, played by receiver.py, which is busy,
# slow, hangs up, loses answers, is away, or is somebody else: nothing is missing, and what comes
# twice has the same id and sequence.
#
# usage: test_outlet_http.sh OUTLET_FEED
. "$(dirname "$0")/lib.sh"
feed=$probe
receiver_pid= port=

# receiver ARGUMENT...: on a port of its own, which is $port.
receiver() {
	: >"$work/port"
	python3 "$here/receiver.py" "$@" >"$work/port" 2>"$work/receiver.notes" &
	receiver_pid=$!
	port=
	for _ in $(seq 100); do
		port=$(cat "$work/port")
		[ -n "$port" ] && return
		sleep 0.05
	done
	cat "$work/receiver.notes"
	return 1
}

receiver_stop() {
	kill "$receiver_pid"
	wait "$receiver_pid" 2>/dev/null || true
	receiver_pid=
}

case_end() {
	for pid in $receiver_pid $feeder_pid; do
		kill -KILL "$pid" 2>/dev/null || true
	done
}
feeder_pid=

records() {
	python3 "$here/records.py" "$@"
}

# outlet LINE...: the config, with one outlet.
outlet() {
	printf 'outlets:\n  it:\n' >"$work/config"
	for line in "$@"; do
		echo "    $line" >>"$work/config"
	done
}

run_feed() { # JOURNAL
	timeout 60 "$feed" "$work/config" "$1" >"$work/status" 2>"$work/notes"
}

status_is() { # NAME VALUE
	python3 - "$work/status" "$1" "$2" <<-'PYTHON'
		import json, sys
		value = json.loads(open(sys.argv[1]).readlines()[-1])[sys.argv[2]]
		if str(value) != sys.argv[3]:
		    sys.exit("%s is %s, not %s" % (sys.argv[2], value, sys.argv[3]))
	PYTHON
}

says() {
	grep -q -- "$1" "$work/notes" || {
		echo "not said: $1"
		cat "$work/notes"
		return 1
	}
}

requests() { # FILTER: of Python, on r
	python3 - "$work/out.requests" "$1" <<-'PYTHON'
		import json, sys
		print(sum(1 for line in open(sys.argv[1]) for r in [json.loads(line)] if eval(sys.argv[2])))
	PYTHON
}


splunk_loses_nothing() {
	receiver hec "$work/out" --token secret-token --faults 503,ok,slow,ok,garbage,ok,huge
	outlet 'type: splunk' "url: http://127.0.0.1:$port" "token_file: $work/token" \
		'timeout: 700ms' 'index: netfw' 'fields: [site=hq]'
	records make 0 1500 | run_feed -
	records same "$work/out" 0 1500
	status_is refused 0
	[ "$(requests 'r["headers"]["Content-Encoding"] == "gzip"')" -ge 6 ]
	says 'status 503: Server is busy'
	! grep -rq secret-token "$work/notes" "$work/status"
}

splunk_refuses_the_bad_event_alone() {
	receiver hec "$work/out" --poison POISON
	outlet 'type: splunk' "url: http://127.0.0.1:$port" "token_file: $work/token"
	records make 0 600 --poison 137 138 599 | run_feed -
	records same "$work/out" 0 600 --refused 137 138 599
	status_is refused 3
	status_is delivered 597
}

splunk_waits_while_its_token_is_no_good() {
	receiver hec "$work/out" --faults 403,403
	outlet 'type: splunk' "url: http://127.0.0.1:$port" "token_file: $work/token"
	records make 0 300 | run_feed -
	records same "$work/out" 0 300
	status_is refused 0
	says 'status 403: Invalid token'
}

splunk_waits_for_acknowledgement() {
	receiver hec "$work/out"
	outlet 'type: splunk' "url: http://127.0.0.1:$port" "token_file: $work/token" \
		'acknowledge: true'
	records make 0 100 | run_feed -
	records same "$work/out" 0 100
	[ "$(requests '"/ack?channel=" in r["path"]')" -ge 3 ]
}

bulk_loses_nothing() {
	receiver bulk "$work/out" --faults lost,ok,cut,ok,garbage,ok,huge
	outlet 'type: elasticsearch' "url: http://127.0.0.1:$port" 'timeout: 700ms' 'namespace: hq'
	records make 0 1500 | run_feed -
	records same "$work/out" 0 1500
	status_is refused 0
	grep -q '"_index": "logs-offhook.diagnosis-hq"' "$work/out"
	# Taken, and not known to be: it is told apart by its id.
	grep -q '"status": 409' "$work/out"
}

bulk_sends_again_what_was_too_much_and_that_alone() {
	receiver bulk "$work/out" --faults busy,busy,busy --poison POISON
	outlet 'type: elasticsearch' "url: http://127.0.0.1:$port"
	records make 0 400 --poison 7 8 | run_feed -
	records same "$work/out" 0 400 --refused 7 8
	status_is refused 2
	grep -q '"status": 429' "$work/out"
	! grep -q '"status": 409' "$work/out"
	says 'document_parsing_exception'
}

webhook_loses_nothing() { # BODY FORMAT FAULTS
	receiver webhook "$work/out" --faults "$3"
	outlet 'type: webhook' "url: http://127.0.0.1:$port/hook" 'timeout: 700ms' "body: $1" \
		"format: $2" 'headers: ["X-Site: hq"]' 'compress: true'
	records make 0 1000 | run_feed -
	records same "$work/out" 0 1000
	[ "$(requests 'r["headers"]["X-Site"] != "hq"')" = 0 ]
	[ "$(requests 'r["headers"]["X-Offhook-First"] == "0000000000000000:1"')" -ge 1 ]
}

# Left alone as long as it asks for; and where it points to is not gone to.
webhook_sends_away() {
	receiver webhook "$work/out" --faults 429,301
	outlet 'type: webhook' "url: http://127.0.0.1:$port/hook"
	records make 0 10 | run_feed -
	records same "$work/out" 0 10
	says 'status 429'
	[ "$(requests 'r["path"] != "/hook"')" = 0 ]
	python3 - "$work/out.requests" <<-'PYTHON'
		import json, sys
		at = [json.loads(line)["at"] for line in open(sys.argv[1])]
		if at[1] - at[0] < 1:
		    sys.exit("came again after %f s" % (at[1] - at[0]))
	PYTHON
}

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

# Each with files of its own.
try() {
	rm -rf "$work"/*
	printf 'secret-token\n' >"$work/token"
	run "$@"
}

try splunk_loses_nothing
try splunk_refuses_the_bad_event_alone
try splunk_waits_while_its_token_is_no_good
try splunk_waits_for_acknowledgement
try bulk_loses_nothing
try bulk_sends_again_what_was_too_much_and_that_alone
try webhook_loses_nothing array offhook deaf,ok,lost,ok,huge
try webhook_loses_nothing lines ecs slow,ok,cut,ok,503
try webhook_sends_away
try wrong_certificate_gets_nothing
try unknown_authority_gets_nothing
try next_one_takes_over
try killed_and_started_anew
try away_and_back_under_load
finish
