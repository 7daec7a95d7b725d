#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A daemon under traffic is killed with SIGKILL at random moments, and stopped, and reloads: what watch has shown is
# there, no alert fires anew, outlets have all, and no message is lost.
# usage: test_crash.sh OFFHOOK OFFHOOKD [SEED [kill|reload]]
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip_all 'needs root'
unshare -n true 2>/dev/null || skip_all 'needs network namespaces'
for tool in ip python3; do
	command -v $tool >/dev/null || skip_all "needs $tool"
done

OFFHOOK=$(readlink -f "$1") OFFHOOKD=$(readlink -f "$2")
export OFFHOOK OFFHOOKD
top=$(readlink -f "$here/../..")
seed=${3:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
ns=offhook-c-$$
receiver_pid=

case_end() {
	[ -z "$receiver_pid" ] || kill "$receiver_pid" 2>/dev/null || true
	ip netns del "$ns" 2>/dev/null || true
}

# The shipped rules, but what is over is over sooner.
set_up() {
	ip netns add "$ns"
	ip -n "$ns" link set lo up
	for old in "$work"/*; do
		[ "$old" = "$work/cache" ] || [ "$old" = "$work/log" ] || rm -rf "$old"
	done
	cp -r "$top/rules/pack" "$work/rules"
	sed -i 's/for: [0-9]*m}/for: 1s}/' "$work/rules/fleet.yaml"
	cat >"$work/offhook.yaml" <<-CONFIG
		listen: {port: lo, driver: af_packet}
		ports: [5514]
		rules: $work/rules
		cache: $work/cache
		socket: $work/control.sock
		history: $work/history
		clients: 20000
		metrics: 127.0.0.1:9514
		outlets:
		  file: {type: file, path: $work/file}
		  hook: {type: webhook, url: "http://127.0.0.1:8099/", batch: 50}
	CONFIG
	ip netns exec "$ns" python3 "$here/receiver.py" webhook "$work/hook" --port 8099 >"$work/port" 2>"$work/receiver.notes" &
	receiver_pid=$!
}

crash() { # kill|reload SEED
	set_up
	cd "$work"
	ip netns exec "$ns" python3 "$here/crash.py" "$@" || {
		grep -A 25 'ERROR: .*Sanitizer' notes || grep -v -e AF_PACKET -e 'UDP' -e connected notes | tail -n 20
		return 1
	}
	grep . "$work/receiver.notes" && return 1
	return 0
}

echo "# seed $seed"
for what in ${4:-kill reload}; do
	run crash $what "$seed"
	[ $status != 0 ] || sed 's/^/# /' "$work/log"
done
finish
