#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Debian's Alertmanager, two of them: alerts fire there, escalate and resolve; one that was away
# hears of it.
#
# usage: test_outlet_alertmanager.sh OUTLET_FEED
. "$(dirname "$0")/lib.sh"
. "$here/outlet.sh"
manager_pids= feeder_pid=

command -v prometheus-alertmanager >/dev/null || skip_all 'no prometheus-alertmanager'

case_end() {
	for pid in $feeder_pid $manager_pids; do
		kill -KILL "$pid" 2>/dev/null || true
	done
}

# A port of loopback that nobody has.
free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# manager NUMBER PORT: returns when it answers; its pid is $manager_pid.
manager() {
	cat >"$work/alertmanager.yml" <<-'YAML'
		route: {receiver: nobody}
		receivers: [{name: nobody}]
	YAML
	prometheus-alertmanager --config.file="$work/alertmanager.yml" --storage.path="$work/am$1" \
		--web.listen-address="127.0.0.1:$2" --cluster.listen-address= 2>>"$work/manager.log" &
	manager_pid=$!
	manager_pids="$manager_pids $manager_pid"
	for _ in $(seq 200); do
		python3 - "$2" 2>/dev/null <<-'PYTHON' && return
			import sys, urllib.request
			urllib.request.urlopen("http://127.0.0.1:%s/-/ready" % sys.argv[1], timeout=1)
		PYTHON
		sleep 0.05
	done
	cat "$work/manager.log"
	return 1
}

# shows PORT WANTED: in a while exactly these alerts are active there, as "gateway severity".
shows() {
	for _ in $(seq 60); do
		amtool --alertmanager.url="http://127.0.0.1:$1" alert query --output json \
			>"$work/alerts" 2>>"$work/manager.log" || true
		got=$(python3 - "$work/alerts" <<-'PYTHON'
			import json, sys
			alerts = json.load(open(sys.argv[1]))
			print(", ".join(sorted("%s %s" % (a["labels"]["gateway"], a["labels"]["severity"]) for a in alerts)))
		PYTHON
		) || got=unreadable
		[ "$got" = "$2" ] && return
		sleep 0.1
	done
	echo "$1 shows '$got', not '$2'"
	cat "$work/notes" "$work/manager.log"
	return 1
}

alert() {
	python3 "$here/records.py" alert "$@" >&3
}

# feeder_start URL...: it gets what is written to 3.
feeder_start() {
	printf 'outlets:\n  am: {type: alertmanager, url: [%s], external_url: "https://corr-1.example.net"}\n' \
		"$1" >"$work/config"
	[ -p "$work/pipe" ] || mkfifo "$work/pipe"
	"$feed" "$work/config" "$work/journal" <"$work/pipe" >"$work/status" 2>"$work/notes" &
	feeder_pid=$!
	exec 3>"$work/pipe"
}

fires_escalates_and_resolves() {
	mkdir "$work/journal"
	one=$(free_port) two=$(free_port)
	manager 1 "$one"
	feeder_start "\"http://127.0.0.1:$one\", \"http://127.0.0.1:$two\""
	alert 1 firing high 1
	alert 2 firing high 1
	shows "$one" 'asa-hq-1 high, asa-hq-2 high'
	python3 - "$work/alerts" <<-'PYTHON'
		import json, sys
		alert = [a for a in json.load(open(sys.argv[1])) if a["labels"]["gateway"] == "asa-hq-1"][0]
		wanted = {
		    "labels": {"alertname": "OffhookFleetCertificateMismatch", "gateway": "asa-hq-1",
		               "rule_id": "fleet-cert-mismatch", "severity": "high", "site": "hq"},
		    "annotations": {"summary": "asa-hq-1: 412 of 498 phones reject the certificate",
		                    "description": "Import it.\nPhones: SEP8CB64F576113",
		                    "runbook_url": "https://docs.example.net/r/fleet-cert-mismatch"},
		    "startsAt": "2024-11-21T10:19:28.001Z",
		    "generatorURL": "https://corr-1.example.net/fleet/fleet-cert-mismatch",
		}
		for name, value in wanted.items():
		    if alert[name] != value:
		        sys.exit("%s is %s" % (name, alert[name]))
	PYTHON
	alert 1 firing critical 2
	shows "$one" 'asa-hq-1 critical, asa-hq-2 high'
	alert 2 resolved high 2
	shows "$one" 'asa-hq-1 critical'
	grep -q 'an Alertmanager is away' "$work/notes"
	# The other one comes: it is told of what fires.
	manager 2 "$two"
	shows "$two" 'asa-hq-1 critical'
	alert 1 resolved critical 3
	shows "$one" ''
	shows "$two" ''
}

# It fires, the Alertmanager is down while it ends, and comes back knowing that it fires: its log of
# notifications outlives it, its alerts do not, so it is halted.
hears_of_an_end_it_has_missed() {
	mkdir "$work/journal"
	one=$(free_port)
	manager 1 "$one"
	feeder_start "\"http://127.0.0.1:$one\""
	alert 1 firing high 1
	shows "$one" 'asa-hq-1 high'
	kill -STOP "$manager_pid"
	alert 1 resolved high 2
	# Killed in the meantime, too: the journal knows.
	until grep -q 'settled 2' "$work/status"; do
		sleep 0.05
	done
	kill -KILL $feeder_pid
	wait $feeder_pid 2>/dev/null || true
	feeder_start "\"http://127.0.0.1:$one\""
	kill -CONT "$manager_pid"
	shows "$one" ''
}

# What fires is known from the journal, though it was told before.
fires_after_a_restart_of_both() {
	mkdir "$work/journal"
	one=$(free_port)
	manager 1 "$one"
	feeder_start "\"http://127.0.0.1:$one\""
	alert 1 firing high 1
	shows "$one" 'asa-hq-1 high'
	kill -KILL $feeder_pid "$manager_pid"
	wait $feeder_pid 2>/dev/null || true
	rm -rf "$work/am1"
	manager 1 "$one"
	shows "$one" ''
	feeder_start "\"http://127.0.0.1:$one\""
	shows "$one" 'asa-hq-1 high'
}

try fires_escalates_and_resolves
try hears_of_an_end_it_has_missed
try fires_after_a_restart_of_both
finish
