# SPDX-License-Identifier: BSD-3-Clause
# Sourced by test_swap*.sh and test_hostile.sh, after lib.sh: a daemon on loopback, in a network of the test's own, and
# what is asked of it. usage of those: OFFHOOK OFFHOOKD ...
[ "$(id -u)" = 0 ] || skip_all 'needs root'
unshare -n true 2>/dev/null || skip_all 'needs network namespaces'
for tool in ip python3 curl; do
	command -v $tool >/dev/null || skip_all "needs $tool"
done
[ -n "${OFFHOOK_TEST_NET:-}" ] || OFFHOOK_TEST_NET=1 exec unshare -n "$0" "$@"
ip link set lo up
ip route add local 10.0.0.0/8 dev lo # phones that send from their own addresses

offhook=$(readlink -f "$1") offhookd=$(readlink -f "$2")
top=$(readlink -f "$here/../..")
daemon_pid='' watch_pid='' case_pids=''
export RUNTIME_DIRECTORY="$work/run"
mkdir "$RUNTIME_DIRECTORY"

say() { # what the client says
	"$offhook" --socket "$work/control.sock" "$@"
}

# A history and a cache of its own, and rules that are over sooner.
daemon_start() { # [CONFIG_LINE]...
	rm -rf "$work/history" "$work/rules"
	cp -r "$top/rules/pack" "$work/rules"
	sed -i 's/^\(    resolves: {.*for: \)[0-9]*m}/\12s}/' "$work/rules/fleet.yaml"
	cat >"$work/offhook.yaml" <<-CONFIG
		listen: {port: lo, driver: af_packet}
		ports: [5514]
		rules: $work/rules
		cache: $work/cache
		socket: $work/control.sock
		history: $work/history
		clients: 50000
		diagnoses: 20000
	CONFIG
	[ $# = 0 ] || printf '%s\n' "$@" >>"$work/offhook.yaml"
	daemon_begin
}

# With what is there.
daemon_begin() {
	"$offhookd" -c "$work/offhook.yaml" 2>>"$work/notes" &
	daemon_pid=$!
	for _ in $(seq 200); do
		say status >/dev/null 2>&1 && return
		kill -0 $daemon_pid 2>/dev/null || break
		sleep 0.05
	done
	echo "offhookd does not start: $(cat "$work/notes")"
	return 1
}

daemon_stop() {
	kill $daemon_pid
	wait $daemon_pid
	daemon_pid=
}

daemon_kill() {
	kill -KILL $daemon_pid
	wait $daemon_pid 2>/dev/null || true
	daemon_pid=
}

case_end() {
	for pid in $watch_pid $daemon_pid $case_pids; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	wait
}

trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

swap() { # PHASE... OPTION...
	python3 "$here/swap.py" "$@" --to 127.0.0.1 5514 --daemon "$work/control.sock"
}

# Until an expression of Python is true of `alerts`, each as a (of `all`).
await_alerts() { # EXPRESSION
	for _ in $(seq 150); do
		say alerts --json >"$work/alerts" 2>>"$work/notes" || true
		! python3 "$here/swapped.py" holds "$work/alerts" "$1" || return 0
		sleep 0.1
	done
	echo "not so: $1"
	cat "$work/alerts"
	return 1
}
