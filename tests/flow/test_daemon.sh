#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# End to end: offhookd on one end of a veth pair, senders on the other, what the client says.
# usage: test_daemon.sh OFFHOOK OFFHOOKD PLAY
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip_all 'needs root'
unshare -n true 2>/dev/null || skip_all 'needs network namespaces'
for tool in ip ethtool python3 logger; do
	command -v $tool >/dev/null || skip_all "needs $tool"
done

offhook=$(readlink -f "$1") offhookd=$(readlink -f "$2") play=$(readlink -f "$3")
root=$(readlink -f "$here/../..")
a=offhook-e-$$ b=offhook-f-$$
daemon_pid=

on_a() {
	ip netns exec "$a" "$@"
}

say() { # what the client says
	"$offhook" --socket "$work/control.sock" "$@"
}

# A value of `status --json` by its path: status dropped.empty
status() {
	say status --json | python3 -c '
import functools, json, sys
at = lambda o, k: o[int(k)] if isinstance(o, list) else o[k]
print(functools.reduce(at, sys.argv[1].split("."), json.load(sys.stdin)))' "$1"
}

net_down() {
	ip netns del "$a" 2>/dev/null || true
	ip netns del "$b" 2>/dev/null || true
}

net_up() {
	net_down
	ip netns add "$a"
	ip netns add "$b"
	ip -n "$a" link add va numrxqueues 2 numtxqueues 2 type veth peer name vb netns "$b" \
		numrxqueues 2 numtxqueues 2
	for n in "$a" "$b"; do
		ip -n "$n" link set lo up
	done
	ip -n "$a" addr add 10.7.0.1/24 dev va
	ip -n "$a" addr add fd07::1/64 dev va nodad
	ip -n "$b" addr add 10.7.0.2/24 dev vb
	ip -n "$b" addr add fd07::2/64 dev vb nodad
	ip -n "$a" link set va up
	ip -n "$b" link set vb up
}

daemon_start() { # DRIVER [CONFIG_LINE]...
	driver=$1
	shift
	cat >"$work/offhook.yaml" <<-CONFIG
		listen: [{port: vb, driver: $driver}]
		workers: 2
		ports: [514, 5514]
		rules: $work/rules
		cache: $work/cache
		socket: $work/control.sock
		clients: 20000
	CONFIG
	[ $# = 0 ] || printf '%s\n' "$@" >>"$work/offhook.yaml"
	rm -rf "$work/rules"
	cp -r "$root/rules/pack" "$work/rules"
	rm -rf "$work/control.history" # nothing of the case before
	daemon_begin
}

# With the config, rules and history that are there.
daemon_begin() {
	ip netns exec "$b" "$offhookd" -c "$work/offhook.yaml" 2>"$work/notes" &
	daemon_pid=$!
	for _ in $(seq 200); do
		say status >/dev/null 2>&1 && return
		kill -0 $daemon_pid 2>/dev/null || break
		sleep 0.1
	done
	echo "offhookd does not start: $(cat "$work/notes")"
	return 1
}

daemon_stop() {
	kill "$daemon_pid"
	wait "$daemon_pid"
	daemon_pid=
	[ ! -e "$work/control.sock" ]
}

case_end() {
	[ -z "$daemon_pid" ] || {
		kill -KILL "$daemon_pid" 2>/dev/null || true
		wait "$daemon_pid" 2>/dev/null || true
	}
	daemon_pid=
}

trap 'case_end; net_down; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# Datagrams read, and those that the port says it had no room for while its worker had no core.
accounted() {
	say status --json | python3 -c '
import json, sys
status = json.load(sys.stdin)
print(status["datagrams"] + sum(port["missed"] for port in status["ports"]))'
}

await_datagrams() {
	for _ in $(seq 100); do
		[ "$(accounted)" -lt "$1" ] || return 0
		sleep 0.1
	done
	echo "only $(accounted) of $1 datagrams"
	say status
	return 1
}

# So many open diagnoses of one kind, before long.
await_diagnoses() { # SLUG N
	for _ in $(seq 100); do
		[ "$(say diagnoses --id "$1" --json | wc -l)" != "$2" ] || return 0
		sleep 0.1
	done
	echo "not $2 $1:"
	say diagnoses
	return 1
}

is() { # WHAT GOT WANTED
	[ "$2" = "$3" ] || {
		echo "$1 is $2, not $3"
		return 1
	}
}

# The name and confidence of every diagnosis, sorted; a golden file's are of the same capture.
verdicts() {
	python3 -c '
import json, sys
for line in sorted({(d["diagnosis"], d["confidence"] != "suspected", d["device"] or "", d["client_ip"] or "")
                    for d in map(json.loads, sys.stdin) if d["type"] == "diagnosis"}): print(*line)'
}

every_datagram_is_accounted_for() { # DRIVER
	net_up
	daemon_start "$1"
	for ip in 10.7.0.2 fd07::2; do
		on_a python3 "$here/traffic.py" ping $ip # a kernel that looks for its neighbour drops
		on_a python3 "$here/traffic.py" send $ip 5514 2000 0
		on_a python3 "$here/traffic.py" send $ip 514 1000 0
	done
	on_a python3 "$here/traffic.py" send 10.7.0.2 9999 100 0 # nobody's port
	await_datagrams 6000
	is 'datagrams and those missed' "$(accounted)" 6000
	is messages "$(status messages)" "$(status datagrams)"
	is 'the ledger' "$(status ledger_exact)" True
	for worker in 0 1; do # flows are spread by their ports
		[ "$(status workers.$worker.messages)" -gt 0 ]
	done
	daemon_stop
	grep -q "net_$1" "$work/notes"
}

# Each gateway and phone keeps its own address, so the capture is sent from raw frames.
catalogue_gives_its_diagnoses() { # DRIVER
	net_up
	daemon_start "$1"
	mac=$(ip -n "$b" link show vb | awk '/link\/ether/ { print $2 }')
	on_a python3 "$here/traffic.py" replay va "$mac" "$root/tests/data/catalogue.pcap" 10.7.0.2
	n=$(python3 "$here/traffic.py" count "$root/tests/data/catalogue.pcap")
	await_datagrams "$n"
	sleep 8 # a reason is held for 2 s, a line that names its phone alone waits 5 s more
	is datagrams "$(status datagrams)" "$n"
	say diagnoses --state all --all-clients --json | verdicts >"$work/got"
	verdicts <"$root/tests/data/catalogue.json" >"$work/golden"
	diff "$work/golden" "$work/got"
	say phone SEP00CA00000004 >"$work/story"
	grep -q 'cert-hash-mismatch' "$work/story"
	grep -q 'Phone-VPN-trust' "$work/story"
	say diagnoses --id aaa-server-down >"$work/story" # a single one is told in full
	grep -q '^         aaa-server ISE active host 10.1.1.20$' "$work/story"
	grep -q '113022 AAA Marking RADIUS server' "$work/story"
	daemon_stop
}

# All but the lines of evidence that have only been counted: they are recorded a while later.
lasting() {
	python3 -c '
import json, sys
for line in sys.stdin:
    diagnosis = json.loads(line)
    for name in "sequence", "last_seen", "count":
        del diagnosis[name]
    print(json.dumps(diagnosis, sort_keys=True))' | sort
}

what_is_open_is_there_after_a_kill() {
	net_up
	daemon_start af_packet
	mac=$(ip -n "$b" link show vb | awk '/link\/ether/ { print $2 }')
	on_a python3 "$here/traffic.py" replay va "$mac" "$root/tests/data/catalogue.pcap" 10.7.0.2
	await_datagrams "$(python3 "$here/traffic.py" count "$root/tests/data/catalogue.pcap")"
	sleep 10
	say diagnoses --json | lasting >"$work/before"
	[ "$(wc -l <"$work/before")" -gt 30 ]
	for _ in 1 2; do
		kill -KILL "$daemon_pid"
		wait "$daemon_pid" 2>/dev/null || true
		daemon_begin
		say diagnoses --json | lasting >"$work/after"
		diff "$work/before" "$work/after"
		is messages "$(status messages)" 0
	done
	grep -q 'restored: .* phones at 3 gateways' "$work/notes"
	# It goes on under its id.
	say diagnoses --id phone-license-missing --json >"$work/after"
	set -- $(python3 -c '
import json, sys
d = json.loads(sys.stdin.readline())
print(d["id"], d["user"], d["client_ip"], d["gateway"])' <"$work/after")
	on_a logger -n 10.7.0.2 -P 5514 -d --rfc3164 -t "$4" "%ASA-6-722051: Group <GroupPolicy_VPNPhone> User <$2> IP <$3> IPv4 Address <10.20.9.9> IPv6 address <::> assigned to session"
	for _ in $(seq 50); do
		say diagnoses --state recovered --json >"$work/after"
		! grep -q "$1" "$work/after" || break
		sleep 0.1
	done
	grep -q "$1" "$work/after"
	daemon_stop
}

logger_and_rsyslog_are_understood() {
	net_up
	daemon_start af_xdp
	line='%ASA-4-724002: Group <VPNPhone> User <Phone> IP <172.16.5.9> WebVPN session not terminated. Cisco Secure Desktop was not running on the client'"'"'s workstation.'
	on_a logger -n 10.7.0.2 -P 5514 -d --rfc3164 -t fw1 "$line"
	on_a logger -n fd07::2 -P 514 -d --rfc5424 -t fw2 "$(echo "$line" | sed 's/172.16.5.9/172.16.5.10/')"
	await_datagrams 2
	expected=2
	if command -v rsyslogd >/dev/null; then
		cat >"$work/rsyslog.conf" <<-CONFIG
			module(load="imuxsock" SysSock.Use="off")
			module(load="imfile")
			input(type="imfile" File="$work/in.log" Tag="asa" addMetadata="off")
			action(type="omfwd" Target="10.7.0.2" Port="5514" Protocol="udp")
		CONFIG
		echo "$line" | sed 's/172.16.5.9/172.16.5.11/' >"$work/in.log"
		on_a rsyslogd -n -f "$work/rsyslog.conf" -i "$work/rsyslog.pid" >"$work/rsyslog.out" 2>&1 &
		rsyslog=$!
		await_datagrams 3 || {
			cat "$work/rsyslog.out"
			kill $rsyslog
			return 1
		}
		kill $rsyslog
		expected=3
	fi
	await_diagnoses csd-enabled $expected
	daemon_stop
}

new_rule_works_after_a_reload() {
	net_up
	daemon_start af_packet
	cat >"$work/rules/site.yaml" <<-'RULES'
		messages:
		  - id: ASA-999123
		    text: "Group <{group}> User <{user}> IP <{client}> coffee machine on fire: {reason}"
		    event: coffee-on-fire
		    examples:
		      - line: "%ASA-1-999123: Group <VPNPhone> User <bob> IP <192.0.2.1> coffee machine on fire: no water"
		        fields: {user: bob, client: 192.0.2.1, reason: no water}
		diagnoses:
		  - id: coffee-machine-on-fire
		    when: coffee-on-fire
		    recovers: [tunnel-assigned]
		    details: {reason: reason}
		    title: {en: "Coffee machine on fire"}
		    remedy: {en: "Pour water on {user}'s machine"}
	RULES
	line='%ASA-1-999123: Group <VPNPhone> User <bob> IP <172.16.5.9> coffee machine on fire: no beans'
	on_a logger -n 10.7.0.2 -P 514 -d "$line"
	await_datagrams 1
	is 'before the reload' "$(say diagnoses --json | wc -l)" 0
	say reload
	on_a logger -n 10.7.0.2 -P 514 -d "$line"
	await_diagnoses coffee-machine-on-fire 1
	say diagnoses --json | grep -q "Pour water on bob's machine"
	# What is read at the start only is not taken over, and that is said.
	echo 'gateways: 7' >>"$work/offhook.yaml"
	say reload | grep -q 'waits for a restart: gateways$'
	# So is an outlet that has nowhere to write.
	cp "$work/offhook.yaml" "$work/good.yaml"
	printf 'outlets:\n  a: {type: file, path: /no/such/f}\n' >>"$work/offhook.yaml"
	! say reload 2>"$work/said"
	grep -q 'offhook.yaml:[0-9]*:25: /no/such: No such file or directory' "$work/said"
	cp "$work/good.yaml" "$work/offhook.yaml"
	# A bad file leaves all as it was, and says where it is wrong.
	echo 'diagnoses: [{id: x, when: nothing-like-it, title: t, remedy: r}]' >"$work/rules/bad.yaml"
	! say reload 2>"$work/said"
	grep -q 'bad.yaml:1:[0-9]*: unknown event' "$work/said"
	kill -HUP "$daemon_pid"
	on_a logger -n 10.7.0.2 -P 514 -d "$(echo "$line" | sed 's/5\.9/5.10/')"
	await_diagnoses coffee-machine-on-fire 2
	daemon_stop
}

watch_tells_of_changes() {
	net_up
	daemon_start af_xdp
	say watch --json >"$work/watched" &
	watch=$!
	for _ in $(seq 100); do
		[ "$(status control.watchers)" = 0 ] || break
		sleep 0.1
	done
	on_a logger -n 10.7.0.2 -P 5514 -d '%ASA-4-724002: Group <VPNPhone> User <Phone> IP <172.16.5.9> WebVPN session not terminated. Cisco Secure Desktop was not running on the client'"'"'s workstation.'
	for _ in $(seq 50); do # what changes again before it is told is one change
		grep -q '"state":"open"' "$work/watched" && break
		sleep 0.1
	done
	on_a logger -n 10.7.0.2 -P 5514 -d '%ASA-6-722051: Group <VPNPhone> User <Phone> IP <172.16.5.9> IPv4 Address <10.20.0.9> IPv6 address <::> assigned to session'
	await_datagrams 2
	for _ in $(seq 50); do
		grep -q recovered "$work/watched" && break
		sleep 0.1
	done
	kill $watch
	grep -q '"state":"open"' "$work/watched"
	grep -q '"state":"recovered"' "$work/watched"
	daemon_stop
}

a_second_daemon_on_an_interface_does_not_start() {
	net_up
	daemon_start af_xdp
	sed "s/driver: af_xdp/driver: auto/; s/control.sock/other.sock/" "$work/offhook.yaml" >"$work/other.yaml"
	code=0
	ip netns exec "$b" timeout 20 "$offhookd" -c "$work/other.yaml" 2>"$work/said" || code=$?
	is 'exit code' $code 1
	grep -q 'listen: vb: another XDP program is attached to vb' "$work/said"
	code=0
	ip netns exec "$b" timeout 20 "$offhookd" -c "$work/offhook.yaml" 2>"$work/said" || code=$?
	is 'exit code' $code 1
	grep -q 'another offhookd is running' "$work/said"
	[ "$(ls "$work" | grep -c 'lock$')" = 0 ]
	daemon_stop
}

closed_descriptors_are_nobody_elses() {
	net_up
	daemon_start af_packet
	daemon_stop
	ip netns exec "$b" "$offhookd" -c "$work/offhook.yaml" <&- >&- 2>&- &
	daemon_pid=$!
	for _ in $(seq 100); do
		say status >/dev/null 2>&1 && break
		sleep 0.1
	done
	for fd in 0 1 2; do
		is "descriptor $fd" "$(readlink /proc/$daemon_pid/fd/$fd)" /dev/null
	done
	say diagnoses --json <&- 2>&-
	daemon_stop
}

clients_end_as_they_should() {
	net_up
	mkfifo "$work/hold"
	daemon_start af_packet
	say diagnoses >"$work/out" 2>"$work/said"
	[ ! -s "$work/out" ]
	grep -q 'no open diagnoses; --state all .*; --all-clients ' "$work/said"
	code=0
	say diagnoses --id bogus 2>"$work/said" || code=$?
	is 'exit code' $code 2
	grep -q "know no diagnosis 'bogus'" "$work/said"
	code=0
	say phone nobody 2>"$work/said" || code=$?
	is 'exit code' $code 1
	grep -q "nobody is known by 'nobody'" "$work/said"
	# A reader that goes away is no reason for a word, nor for going on.
	for ignored in '' 'PIPE'; do
		[ -z "$ignored" ] || trap '' PIPE
		timeout 20 "$offhook" --socket "$work/control.sock" watch 2>"$work/said" | sleep 0.5
		[ "$(grep -vc watching "$work/said")" = 0 ]
		say status 2>"$work/said" | head -n 1
		[ ! -s "$work/said" ]
	done
	trap - PIPE
	is 'watchers' "$(status control.watchers)" 0
	# All places taken, by connections that have just come.
	python3 -c 'if True:
		import socket, sys
		held = [socket.socket(socket.AF_UNIX) for _ in range(128)]
		for s in held: s.connect(sys.argv[1])
		for s in held: s.recv(100)
		print("ready", flush=True)
		sys.stdin.read()' "$work/control.sock" <"$work/hold" >"$work/held" &
	holder=$!
	exec 9>"$work/hold"
	until grep -q ready "$work/held"; do sleep 0.1; done
	code=0
	say status 2>"$work/said" || code=$?
	is 'exit code' $code 1
	grep -q 'too many connections' "$work/said"
	sleep 11 # they have asked for nothing since
	say status >"$work/out"
	exec 9>&-
	wait $holder
	daemon_stop
}

without_a_daemon_the_client_says_so() {
	code=0
	"$offhook" --socket "$work/nothing.sock" status 2>"$work/said" || code=$?
	is 'exit code' $code 3
	code=0
	"$offhook" nonsense 2>"$work/said" || code=$?
	is 'exit code' $code 2
}

for driver in af_packet af_xdp; do
	run every_datagram_is_accounted_for $driver
	run catalogue_gives_its_diagnoses $driver
done
run what_is_open_is_there_after_a_kill
run logger_and_rsyslog_are_understood
run new_rule_works_after_a_reload
run watch_tells_of_changes
run a_second_daemon_on_an_interface_does_not_start
run closed_descriptors_are_nobody_elses
run clients_end_as_they_should
run without_a_daemon_the_client_says_so
finish
