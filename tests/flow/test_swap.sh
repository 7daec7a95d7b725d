#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# One of 20 gateways gets a new certificate, and its 5,000 phones refuse it: one alert that says so, one resolution when
# it is bound again, and the same in everything that tells of it: the client, SIEM formats at Debian's rsyslog, a file,
# Debian's Alertmanager and Prometheus; and with a daemon that is killed in the middle.
# usage: test_swap.sh OFFHOOK OFFHOOKD [CASE]
. "$(dirname "$0")/lib.sh"
. "$here/swap.sh"
for tool in prometheus prometheus-alertmanager amtool; do
	command -v $tool >/dev/null || skip_all "needs $tool"
done
peers=$top/bench/peers unpacked=$top/build/bench/debian
. "$peers/packages.sh"
rsyslogd=$(command -v rsyslogd) || {
	install_packages libestr0 libfastjson4 >&2
	unpack rsyslog >&2
	rsyslogd="$unpacked/rsyslog/usr/sbin/rsyslogd -M $unpacked/rsyslog/usr/lib/x86_64-linux-gnu/rsyslog"
}

receivers_start() {
	mkdir "$work/stored"
	cat >"$work/rsyslog.conf" <<-CONFIG
		global(workDirectory="$work" parser.escapeControlCharactersOnReceive="off" maxMessageSize="64k")
		module(load="imtcp")
		template(name="raw" type="string" string="%rawmsg%\n")
		ruleset(name="cef") { action(type="omfile" file="$work/stored/cef" template="raw") }
		ruleset(name="rfc5424") { action(type="omfile" file="$work/stored/rfc5424" template="raw") }
		input(type="imtcp" address="127.0.0.1" port="7001" ruleset="cef")
		input(type="imtcp" address="127.0.0.1" port="7002" ruleset="rfc5424")
	CONFIG
	$rsyslogd -n -i "$work/rsyslog.pid" -f "$work/rsyslog.conf" >"$work/receiver.log" 2>&1 &
	case_pids="$case_pids $!"
	printf 'route: {receiver: nobody}\nreceivers: [{name: nobody}]\n' >"$work/alertmanager.yml"
	prometheus-alertmanager --config.file="$work/alertmanager.yml" --storage.path="$work/am" \
		--web.listen-address=127.0.0.1:9593 --cluster.listen-address= 2>"$work/manager.log" &
	case_pids="$case_pids $!"
	cat >"$work/prometheus.yml" <<-CONFIG
		global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}
		rule_files: [$top/control/share/prometheus/offhook.rules.yml]
		scrape_configs:
		  - job_name: offhook
		    static_configs: [{targets: ["127.0.0.1:9514"]}]
	CONFIG
	prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
		--web.listen-address=127.0.0.1:9590 >"$work/prometheus.log" 2>&1 &
	case_pids="$case_pids $!"
}

# Until an expression of Python is true of what an address says; see swapped.py for what it may name.
await_http() { # URL KIND EXPRESSION
	for _ in $(seq 100); do
		curl -sg "$1" >"$work/said" || true
		! python3 "$here/swapped.py" "$2" "$work/said" "$3" || return 0
		sleep 0.1
	done
	echo "$1 does not say: $3"
	cat "$work/said"
	return 1
}

prometheus_says() { # QUERY EXPRESSION
	await_http "http://127.0.0.1:9590/api/v1/query?query=$1" series "$2"
}

prometheus_fires() { # EXPRESSION
	await_http http://127.0.0.1:9590/api/v1/alerts prometheus "$1"
}

manager_shows() { # EXPRESSION
	await_http http://127.0.0.1:9593/api/v2/alerts manager "$1"
}

started() {
	receivers_start
	daemon_start 'outlets:' \
		'  cef: {type: syslog, records: alerts, transport: tcp, format: cef, address: "127.0.0.1:7001"}' \
		'  rfc5424: {type: syslog, records: alerts, transport: tcp, format: rfc5424, address: "127.0.0.1:7002"}' \
		"  ecs: {type: file, records: alerts, path: $work/stored/ecs}" \
		'  pager: {type: alertmanager, url: "http://127.0.0.1:9593"}'
	say watch --json >"$work/watched" &
	watch_pid=$!
}

# Everybody says that it fires. Of a phone whose old session the gateway still has it is a suspicion: it fails
# namelessly, and may be another one at its address.
fires_everywhere() { # PHONES
	await_alerts "len(alerts) == 1 and alerts[0]['phones']['affected'] == $1 and alerts[0]['severity'] == 'critical'"
	manager_shows "alerts == [('OffhookFleetCertificateMismatch', 'asa-07', 'critical')]"
	prometheus_says 'offhook_alerts_firing>0' "v == {'fleet-cert-mismatch critical': 1}"
	prometheus_says 'offhook_certificate_mismatch_phones>0' "v == {'asa-07': $1}"
	prometheus_says 'offhook_phones{gateway="asa-07"}' "v['asa-07 ok'] == 0 and sum(v.values()) == $1 and v['asa-07 failing'] >= $1 * 4 // 5"
	prometheus_says 'sum(offhook_phones{gateway!="asa-07",state="ok"})' 'v == {"": 19 * 100}'
	# Prometheus's own alert, of the shipped rules.
	prometheus_fires "('OffhookFleetAlert', 'firing') in alerts and 'OffhookCertificateMismatch' in dict(alerts)"
	say fleet --json >"$work/fleet"
	python3 "$here/swapped.py" fleet "$work/fleet" "$1"
}

ends_everywhere() {
	await_alerts "len(alerts) == 1 and not firing"
	manager_shows 'alerts == []'
	prometheus_says 'offhook_alerts_firing>0' 'v == {}'
	prometheus_says 'offhook_certificate_mismatch_phones>0' 'v == {}'
	prometheus_says 'sum(offhook_phones{state="ok"})' 'v == {"": 5000 + 19 * 100}'
	prometheus_fires "not {'OffhookFleetAlert', 'OffhookCertificateMismatch'} & set(dict(alerts))"
}

# The same states in all that keeps them.
told_everywhere() {
	say history --kind alert --changes --json >"$work/history.alerts"
	python3 "$here/swapped.py" episode "$work/history.alerts" 5000
	for format in cef rfc5424 ecs; do
		for _ in $(seq 50); do
			! python3 "$here/swapped.py" told "$work/history.alerts" $format "$work/stored/$format" >"$work/compared" 2>&1 || break
			sleep 0.1
		done
		python3 "$here/swapped.py" told "$work/history.alerts" $format "$work/stored/$format"
	done
}

one_alert_of_5000_phones() {
	started
	swap morning --phones 100
	swap swap --rate 5000
	fires_everywhere 5000
	[ "$(say diagnoses --json --id cert-hash-mismatch | wc -l)" = 5000 ]
	swap fix
	ends_everywhere
	told_everywhere
	grep '"type":"alert"' "$work/watched" | python3 -c '
import json, sys
alerts = [json.loads(line) for line in sys.stdin]
assert {a["id"] for a in alerts} == {"fleet-asa-07-fleet-cert-mismatch"}
assert [a["state"] for a in alerts].count("resolved") == 1 and alerts[-1]["state"] == "resolved"'
	python3 "$here/swapped.py" delay "$work/watched" | tee "$work/figures" >&2
	say status --json | python3 -c 'import json, sys; assert json.load(sys.stdin)["ledger_exact"]'
	daemon_stop
}

# Phones that cannot connect go on trying, so those of the meantime are met again.
killed_in_the_middle_it_is_still_one() {
	started
	swap morning --phones 100
	prometheus_says 'sum(offhook_phones)' 'v == {"": 5000 + 19 * 100}'
	sleep 8 # rounds of the roster, which keeps whom it has met, some a turn
	swap swap --rate 5000 &
	swapping=$!
	await_alerts firing
	until [ "$(say diagnoses --json --id cert-hash-mismatch | wc -l)" -gt 1000 ]; do sleep 0.1; done
	daemon_kill
	daemon_begin
	await_alerts 'len(firing) == 1'
	wait $swapping
	swap swap
	fires_everywhere 5000
	swap fix
	ends_everywhere
	told_everywhere
	daemon_stop
}

[ $# -lt 3 ] || {
	shift 2
	run "$@"
	cat "$work/log"
	finish
	exit
}
run one_alert_of_5000_phones
rm -rf "$work"/*
mkdir -p "$RUNTIME_DIRECTORY"
run killed_in_the_middle_it_is_still_one
finish
