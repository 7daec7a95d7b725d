#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What Prometheus, Telegraf and their like read of a daemon with traffic, by their own programs; and
# whether what is shipped for them is right. usage: test_metrics.sh OFFHOOK OFFHOOKD UNIT
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip_all 'needs root'
unshare -n true 2>/dev/null || skip_all 'needs network namespaces'
for tool in ip curl python3 prometheus promtool amtool systemd-analyze; do
	command -v $tool >/dev/null || skip_all "needs $tool"
done
# All of it in one network, which ends with the test.
[ -n "${OFFHOOK_TEST_NET:-}" ] || OFFHOOK_TEST_NET=1 exec unshare -n "$0" "$@"

offhook=$(readlink -f "$1") offhookd=$(readlink -f "$2") unit=$(readlink -f "$3")
root=$(readlink -f "$here/../..") share=$root/control/share
url=http://127.0.0.1:9514
ip link set lo up
ip link add va type veth peer name vb
ip link set va up
ip link set vb up
daemon_pid= prometheus_pid= case_pids=

# What set -e looks at, as it does not at `!`.
not() {
	! "$@"
}

stop() { # PID
	kill "$1"
	wait "$1"
}

# What a case has started ends with it; the daemon of all cases is main's.
case_end() {
	for pid in $case_pids; do
		kill -KILL "$pid" 2>/dev/null || true
	done
}

trap 'kill -KILL $daemon_pid $prometheus_pid 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

cat >"$work/offhook.yaml" <<-CONFIG
	listen: [{port: lo, driver: af_packet}, {port: va, driver: af_packet}]
	ports: [5514]
	rules: $root/rules/pack
	cache: $work/cache
	socket: $work/control.sock
	clients: 20000
CONFIG
export RUNTIME_DIRECTORY="$work/run"
mkdir "$RUNTIME_DIRECTORY"

daemon_start() { # CONFIG_LINE...
	cp "$work/offhook.yaml" "$work/now.yaml"
	[ $# = 0 ] || printf '%s\n' "$@" >>"$work/now.yaml"
	"$offhookd" -c "$work/now.yaml" 2>"$work/notes" &
	daemon_pid=$!
	for _ in $(seq 200); do
		"$offhook" --socket "$work/control.sock" status >/dev/null 2>&1 && return
		kill -0 $daemon_pid 2>/dev/null || break
		sleep 0.05
	done
	echo "offhookd does not start: $(cat "$work/notes")"
	return 1
}

send() { # LINE: from a gateway on this machine
	python3 -c 'import socket, sys
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(sys.argv[1].encode(), ("127.0.0.1", 5514))' "$1"
}

fails() { # GATEWAY CLIENT
	send "<164>$1 : %ASA-4-724002: Group <VPNPhone> User <CP-7962G-SEP00CA0000AA0${2##*.}> IP <$2> WebVPN session not terminated. Cisco Secure Desktop was not running on the client's workstation."
}

# The value of a series, or nothing.
value() { # SERIES
	curl -s $url/metrics | awk -v series="$1" 'index($0, series " ") == 1 { print $NF }'
}

await() { # SERIES VALUE
	for _ in $(seq 100); do
		[ "$(value "$1")" != "$2" ] || return 0
		sleep 0.05
	done
	echo "$1 is '$(value "$1")', not $2"
	return 1
}

# A web server by its address says this at this path: status, then body.
says() { # PATH STATUS TEXT [CURL_ARGUMENT]...
	path=$1 status=$2 text=$3
	shift 3
	got=$(curl -s -o "$work/body" -w '%{http_code}' "$@" "$url$path")
	[ "$got" = "$status" ] && grep -qF -- "$text" "$work/body" || {
		echo "$path: $got, not $status $text"
		cat "$work/body"
		return 1
	}
}

# One of the test's own; it scrapes by OpenMetrics.
prometheus_start() {
	cat >"$work/prometheus.yml" <<-CONFIG
		global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}
		rule_files: [$share/prometheus/offhook.rules.yml]
		scrape_configs:
		  - job_name: offhook
		    static_configs: [{targets: ["127.0.0.1:9514"]}]
	CONFIG
	prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
		--web.listen-address=127.0.0.1:9590 >"$work/prometheus.log" 2>&1 &
	prometheus_pid=$!
}

traffic_is_counted() {
	fails asa-hq-1 203.0.113.1
	fails asa-hq-1 203.0.113.2
	fails 'asa"\hq' 203.0.113.3
	send 'this is no line of an ASA'
	await 'offhook_messages_total{source="asa",transport="udp"}' 3
	await 'offhook_messages_total{source="other",transport="udp"}' 1
	await 'offhook_message_matches_total{code="724002"}' 3
	await 'offhook_events_total{event="csd-not-running"}' 3
	await 'offhook_diagnoses_open{diagnosis="csd-enabled"}' 3
	await 'offhook_alerts_firing{alert="fleet-cert-mismatch",severity="critical"}' 0
	await 'offhook_rx_packets_total{port="lo",queue="0"}' 4
	await 'offhook_diagnoses_total{diagnosis="csd-enabled",confidence="confirmed",gateway="asa-hq-1"}' 2
	await 'offhook_detection_latency_seconds_count{stage="wire"}' 3
	await 'offhook_detection_latency_seconds_count{stage="settled"}' 3
	[ "$(value 'offhook_lcore_busy_cycles_total{lcore="1"}')" -gt 0 ]
	[ -n "$(value 'offhook_gateway_last_line_timestamp_seconds{gateway="asa-hq-1"}')" ]
	curl -s $url/metrics >"$work/metrics"
	not grep -E 'SEP00CA|203\.0\.113' "$work/metrics"
}

promtool_finds_no_fault() {
	curl -s -D "$work/head" $url/metrics >"$work/metrics"
	grep -qi '^content-type: text/plain; version=0.0.4; charset=utf-8' "$work/head"
	promtool check metrics <"$work/metrics"
}

# promtool knows the older format alone; this parser is strict. (Debian's Python has Debian's modules.)
openmetrics_is_parsed() {
	curl -s -D "$work/head" -H 'Accept: application/openmetrics-text; version=1.0.0' $url/metrics \
		>"$work/openmetrics"
	grep -qi '^content-type: application/openmetrics-text; version=1.0.0; charset=utf-8' "$work/head"
	/usr/bin/python3 - "$work/openmetrics" <<-'PYTHON'
		import sys
		from prometheus_client.openmetrics.parser import text_string_to_metric_families
		families = {f.name: f for f in text_string_to_metric_families(open(sys.argv[1]).read())}
		assert families["offhook_messages"].type == "counter"
		assert families["offhook_detection_latency_seconds"].type == "histogram"
		names = {s.labels["gateway"] for s in families["offhook_clock_skew_seconds"].samples}
		assert names == {"other", "asa-hq-1", 'asa"\\hq'}, names
	PYTHON
}

prometheus_scrapes_and_answers() {
	python3 - <<-'PYTHON'
		import json, time, urllib.parse, urllib.request
		def ask(path, **query):
		    url = f"http://127.0.0.1:9590/api/v1/{path}?" + urllib.parse.urlencode(query)
		    try:
		        return json.load(urllib.request.urlopen(url, timeout=2))["data"]
		    except OSError:
		        return None
		def value(expression):
		    found = ask("query", query=expression)
		    return found and {tuple(sorted(r["metric"].items())): r["value"][1] for r in found["result"]}
		def wait(what, wanted):
		    for _ in range(100):
		        got = what()
		        if got and wanted(got):
		            return got
		        time.sleep(0.1)
		    raise SystemExit(f"got {got}")
		wait(lambda: value('sum(up{job="offhook"})'), lambda v: set(v.values()) == {"1"})
		wait(lambda: value('sum(offhook_messages_total{source="asa"})'), lambda v: set(v.values()) == {"3"})
		gateways = value("offhook_gateway_last_line_timestamp_seconds")
		assert {dict(k)["gateway"] for k in gateways} == {"asa-hq-1", 'asa"\\hq'}, gateways
		# It runs the shipped rules: none fires for good news.
		groups = wait(lambda: ask("rules"), lambda r: all(
		    rule["health"] == "ok" for group in r["groups"] for rule in group["rules"]))
		assert sum(len(g["rules"]) for g in groups["groups"]) > 10
		assert value("offhook_alerts_firing > 0") == {}
	PYTHON
}

shipped_files_are_valid() {
	promtool check rules "$share/prometheus/offhook.rules.yml"
	(cd "$share/prometheus" && promtool test rules offhook.rules.test.yml)
	amtool check-config "$share/alertmanager/alertmanager.example.yml"
	# Every metric that a rule or a panel asks for is there.
	curl -s $url/metrics >"$work/metrics"
	/usr/bin/python3 - "$share" "$work/metrics" <<-'PYTHON'
		import configparser, json, re, sys, yaml
		share, metrics = sys.argv[1:]
		known = set(re.findall(r"^# TYPE (\w+) ", open(metrics).read(), re.M))
		known |= {name + "_bucket" for name in known}
		dashboard = json.load(open(f"{share}/grafana/offhook.json"))
		assert dashboard["uid"] and dashboard["id"] is None and "__inputs" not in dashboard
		expressions = [t["expr"] for p in dashboard["panels"] for t in p.get("targets", [])]
		rules = yaml.safe_load(open(f"{share}/prometheus/offhook.rules.yml"))
		expressions += [r["expr"] for g in rules["groups"] for r in g["rules"]]
		used = set(re.findall(r"\boffhook_\w+", " ".join(expressions)))
		assert len(used) > 20 and used <= known, used - known
		ids = [p["id"] for p in dashboard["panels"]]
		assert len(set(ids)) == len(ids)
		for panel in dashboard["panels"]:
		    if panel["type"] != "row":
		        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
		places = yaml.safe_load(open(f"{share}/grafana/offhook.yaml"))
		assert places["apiVersion"] == 1 and places["providers"][0]["options"]["path"]
		template = json.load(open(f"{share}/elastic/logs-offhook.json"))
		assert template["index_patterns"] == ["logs-offhook.*-*"]
		for name in ("props", "transforms"):
		    splunk = configparser.ConfigParser(strict=True, interpolation=None)
		    assert splunk.read(f"{share}/splunk/{name}.conf") and splunk.sections()
	PYTHON
	# Each expression of the dashboard, with its variables filled in, is one.
	python3 - "$share/grafana/offhook.json" >"$work/dashboard.yml" <<-'PYTHON'
		import json, sys
		panels = json.load(open(sys.argv[1]))["panels"]
		expressions = [t["expr"] for p in panels for t in p.get("targets", [])]
		rules = [{"record": f"panel_{i}", "expr": e.replace("$__rate_interval", "1m")} for i, e in enumerate(expressions)]
		print(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
	PYTHON
	promtool check rules --lint-fatal "$work/dashboard.yml"
	# The programs are where they are installed, which is not here.
	sed "s|^ExecStart=[^ ]*|ExecStart=$offhookd|; s|^ExecReload=[^ ]*|ExecReload=$offhook|" "$unit" \
		>"$work/offhookd.service"
	systemd-analyze verify "$work/offhookd.service"
}

telemetry_is_read() {
	sleep 1 # what the control thread copies once a second
	python3 "$here/telemetry.py" "$RUNTIME_DIRECTORY/dpdk/offhook/dpdk_telemetry.v2" /offhook/info \
		/offhook/stats /offhook/lcore,1 /offhook/codes /offhook/codes,724003 /offhook/exports \
		/offhook/gateways /offhook/session,203.0.113.1 /offhook/session,203.0.113.9 /offhook/lcore,77 \
		/offhook/lcore,x /offhook/gateways,-1 /offhook/session >"$work/answers"
	python3 - "$work/answers" $daemon_pid <<-'PYTHON'
		import json, sys
		answers = [list(json.loads(line).values())[0] for line in open(sys.argv[1])]
		info, stats, lcore, codes, later, exports, gateways, session, *none = answers
		assert none == [None] * 5, none
		assert info["pid"] == int(sys.argv[2]) and info["rules/in_force"] == 1, info
		assert stats["asa"] == 3 and stats["other"] == 1 and stats["ports/0/up"] == 1, stats
		assert lcore["asa"] == 3 and lcore["cycles/all"] >= lcore["cycles/busy"] > 0, lcore
		assert codes["ASA_724002"] == 3 and codes["next"] == 0, codes
		assert "ASA_724002" not in later and later["next"] == 0 and len(later) > 1, later
		assert exports == {}, exports
		names = {key.split("/")[1] for key in gateways if "/" in key}
		assert names == {"asa_hq_1", "asa__hq"}, names
		assert session["is_phone"] == 1 and session["phones"] == 1, session
		for answer in answers[1:8]:
		    assert all(type(value) is int for value in answer.values()), answer
	PYTHON
}

it_lives_and_is_ready_while_its_ports_are_up() {
	says /healthz 200 ok
	says /readyz 200 ok
	says /readyz 200 '' -I
	ip link set vb down
	for _ in $(seq 100); do
		[ "$(curl -s -o "$work/body" -w '%{http_code}' $url/readyz)" != 503 ] || break
		sleep 0.05
	done
	grep -qx 'va is [a-z ]*' "$work/body"
	says /healthz 200 ok
	ip link set vb up
	for _ in $(seq 100); do
		[ "$(curl -s -o "$work/body" -w '%{http_code}' $url/readyz)" != 200 ] || break
		sleep 0.05
	done
	says /readyz 200 ok
}

others_are_refused() {
	says /nowhere 404 /metrics
	says /metrics 405 GET -d x=1
	says /metrics 405 GET -X DELETE
}

hostile_clients_delay_nobody() {
	head -c 100000 /dev/zero | tr '\0' a >"$work/long"
	[ "$(curl -s -o /dev/null -w '%{http_code}' -H "X: $(head -c 60000 "$work/long")" $url/metrics)" != 200 ]
	# More of them than there is room for, each with half a request, and one that never reads.
	python3 - <<-'PYTHON'
		import socket, time, urllib.request
		def dial():
		    return socket.create_connection(("127.0.0.1", 9514), timeout=5)
		slow = []
		for _ in range(100):
		    slow.append(dial())
		    slow[-1].sendall(b"GET /metrics HTTP/1.1\r\nX: ")
		deaf = dial()
		deaf.setblocking(False)
		try:
		    while True:
		        deaf.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
		except OSError:
		    pass
		for attempt in range(100):  # a second after they came they give way
		    try:
		        urllib.request.urlopen("http://127.0.0.1:9514/metrics", timeout=5).read()
		        break
		    except OSError:
		        time.sleep(0.1)
		else:
		    raise SystemExit("nobody is answered")
	PYTHON
	"$offhook" --socket "$work/control.sock" status >/dev/null
	fails asa-hq-1 203.0.113.4
	await 'offhook_messages_total{source="asa",transport="udp"}' 4
}

daemon_ends_well() {
	kill $daemon_pid
	for _ in $(seq 100); do
		[ -e "$work/control.sock" ] || [ -e "$RUNTIME_DIRECTORY/dpdk/offhook/dpdk_telemetry.v2" ] || return 0
		sleep 0.05
	done
	ls -lR "$work"
	return 1
}

taken_address_matters_only_where_it_was_asked_for() {
	python3 -c 'import socket, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 9514))
s.listen()
print("ready", flush=True)
time.sleep(60)' >"$work/taken" &
	taken=$!
	case_pids=$taken
	until grep -q ready "$work/taken"; do sleep 0.02; done
	daemon_start
	case_pids="$taken $daemon_pid"
	grep -q 'metrics: 127.0.0.1:9514: Address already in use: there are no metrics' "$work/notes"
	stop $daemon_pid
	not daemon_start 'metrics: 127.0.0.1:9514'
	kill $taken
	[ "$(grep -v DPDK "$work/notes" | tail -n 1)" = 'offhookd: metrics: 127.0.0.1:9514: Address already in use' ]
	daemon_start 'metrics: [127.0.0.1:9516, "[::1]:9517"]'
	case_pids=$daemon_pid
	curl -sf http://127.0.0.1:9516/healthz 'http://[::1]:9517/healthz'
	not curl -s $url/healthz
	stop $daemon_pid
}

daemon_start || exit 1
prometheus_start
run traffic_is_counted
run promtool_finds_no_fault
run openmetrics_is_parsed
run prometheus_scrapes_and_answers
run shipped_files_are_valid
run telemetry_is_read
run it_lives_and_is_ready_while_its_ports_are_up
run others_are_refused
run hostile_clients_delay_nobody
run daemon_ends_well
wait $daemon_pid || {
	echo "# offhookd: $(cat "$work/notes")"
	failed=$((failed + 1))
}
daemon_pid=
run taken_address_matters_only_where_it_was_asked_for
finish
