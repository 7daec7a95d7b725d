#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Log text of strangers goes through every way out at once, and is there as each format wants it.
# usage: test_hostile.sh OFFHOOK OFFHOOKD [KAFKA_BROKER]
. "$(dirname "$0")/lib.sh"
. "$here/swap.sh"
broker=${3:-}

# In the background; what it prints first is $printed.
starts() { # COMMAND...
	: >"$work/printed"
	"$@" >"$work/printed" 2>>"$work/notes" &
	case_pids="$case_pids $!"
	for _ in $(seq 100); do
		if [ "$(wc -l <"$work/printed")" -gt 0 ]; then # a whole line
			printed=$(head -n 1 "$work/printed")
			return 0
		fi
		sleep 0.05
	done
	echo "does not start: $*"
	return 1
}

receiver() { # KIND NAME
	starts python3 "$here/receiver.py" "$1" "$work/got/$2"
}

outlets() {
	starts python3 "$here/hostile.py" receive "$work/got/syslog"
	set -- $printed
	for format in cef leef rfc5424 ecs; do
		echo "  syslog-$format: {type: syslog, transport: tcp, format: $format, address: \"127.0.0.1:$1\", max_size: 65000}"
		shift
	done
	echo "  file: {type: file, path: $work/got/file}"
	receiver webhook webhook
	echo "  webhook: {type: webhook, url: \"http://127.0.0.1:$printed/\"}"
	receiver hec splunk
	echo "  splunk: {type: splunk, url: \"http://127.0.0.1:$printed\", token_file: $work/token}"
	receiver bulk elastic
	echo "  elastic: {type: elasticsearch, url: \"http://127.0.0.1:$printed\"}"
	if command -v prometheus-alertmanager >/dev/null; then
		printf 'route: {receiver: nobody}\nreceivers: [{name: nobody}]\n' >"$work/alertmanager.yml"
		prometheus-alertmanager --config.file="$work/alertmanager.yml" --storage.path="$work/am" \
			--web.listen-address=127.0.0.1:9593 --cluster.listen-address= 2>"$work/manager.log" &
		case_pids="$case_pids $!"
		echo '  pager: {type: alertmanager, url: "http://127.0.0.1:9593"}'
	fi
	[ -n "$broker" ] && command -v kcat >/dev/null || return 0
	mkfifo "$work/commands"
	sleep 60 >"$work/commands" &
	case_pids="$case_pids $!"
	starts sh -c 'exec "$0" <"$1"' "$broker" "$work/commands"
	echo "  kafka: {type: kafka, brokers: [$(echo "$printed" | sed 's/[^,]*/"&"/g')], topic: diagnoses, format: offhook}"
	echo "$printed" >"$work/brokers"
}

# As receiver.py writes what it took.
read_kafka() {
	[ ! -e "$work/brokers" ] || timeout 3 kcat -b "$(cat "$work/brokers")" -C -t diagnoses -o beginning -e -q -J 2>"$work/kcat.notes" |
		python3 -c 'import json, sys
for line in sys.stdin: print(json.dumps({"event": json.loads(json.loads(line)["payload"])}))' >"$work/got/kafka"
}

everything_is_as_its_format_wants_it() {
	mkdir "$work/got"
	echo secret >"$work/token"
	outlets >"$work/outlets"
	daemon_start 'metrics: none' 'outlets:' "$(cat "$work/outlets")"
	python3 "$here/hostile.py" send 5514
	await_alerts "any('\\x1b' in a['gateway'] for a in firing)"
	sleep 2 # lines of evidence are recorded within a second
	say history --changes --json --limit 100000 >"$work/history.all"
	for _ in $(seq 50); do
		read_kafka
		! python3 "$here/hostile.py" check "$work/history.all" "$work/got" arrived >"$work/checked" 2>&1 || break
		sleep 0.2
	done
	python3 "$here/hostile.py" check "$work/history.all" "$work/got"
	[ ! -e "$work/manager.log" ] || alertmanager_shows_it
	# Nothing that a terminal takes for a command.
	for command in diagnoses alerts fleet history status 'phone 198.18.0.5' 'phone 198.18.3.1'; do
		# shellcheck disable=SC2086
		say $command >"$work/shown"
		LC_ALL=C.UTF-8 python3 -c 'import re, sys
text = open(sys.argv[1], encoding="utf-8").read()
sys.exit(re.search("[\0-\x08\x0b-\x1f\x7f-\x9f\u202e]", text) and repr(text))' "$work/shown"
	done
	daemon_stop
}

alertmanager_shows_it() {
	for _ in $(seq 50); do
		curl -s http://127.0.0.1:9593/api/v2/alerts >"$work/said" || true
		! python3 - "$work/said" "$work/alerts" <<-'PYTHON' || return 0
			import json, sys
			labels = [a["labels"] for a in json.load(open(sys.argv[1]))]
			alerts = [json.loads(line) for line in open(sys.argv[2])]
			sys.exit([l["gateway"] for l in labels] != [a["gateway"] for a in alerts if a["state"] == "firing"])
		PYTHON
		sleep 0.1
	done
	cat "$work/said"
	return 1
}

run everything_is_as_its_format_wants_it
finish
