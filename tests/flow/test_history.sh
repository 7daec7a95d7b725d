#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What a daemon keeps: told by `offhook history` while it lives, after its death and after a restart, and
# what is said where it can keep nothing. Any user; the packets come from a capture.
# usage: test_history.sh OFFHOOK OFFHOOKD
. "$(dirname "$0")/lib.sh"
offhook=$(readlink -f "$1") offhookd=$(readlink -f "$2")
root=$(readlink -f "$here/../..")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work"
export LC_ALL=C

config() { # NAME [CONFIG_LINE]...: NAME.yaml, a socket of its own
	name=$1
	shift
	cat >"$name.yaml" <<-CONFIG
		listen: $root/tests/data/catalogue.pcap
		rules: $root/rules/pack
		cache: $work/cache
		socket: $work/$name.sock
	CONFIG
	[ $# = 0 ] || printf '%s\n' "$@" >>"$name.yaml"
}

say() { # what the client says
	"$offhook" --socket "$work/$name.sock" "$@"
}

# Until all of the capture is told.
daemon_start() {
	"$offhookd" -c "$name.yaml" 2>"$work/notes" &
	probe_pid=$!
	before=-1
	for _ in $(seq 300); do
		now=$(say history --changes --json 2>/dev/null | wc -l)
		[ "$now" -gt 0 ] && [ "$now" = "$before" ] && return
		before=$now
		kill -0 $probe_pid 2>/dev/null || break
		sleep 0.3
	done
	echo "offhookd does not start, or records nothing: $(cat "$work/notes")"
	return 1
}

daemon_stop() { # [SIGNAL]
	kill "-${1:-TERM}" "$probe_pid"
	wait "$probe_pid" || [ "${1:-TERM}" = KILL ]
	probe_pid=
}

# The daemon does not start, and says this in its one line.
start_refused() { # TEXT
	if "$offhookd" -c "$name.yaml" 2>"$work/notes"; then
		echo started
		return 1
	fi
	probe_says "$1"
}

what_was_told_is_there_after_a_kill() {
	config a
	daemon_start
	say history --json --changes | sort >told
	[ "$(wc -l <told)" -gt 30 ]
	[ "$(stat -c %a a.history)" = 750 ]
	[ "$(stat -c %a a.history/history.db)" = 640 ]
	daemon_stop KILL
	daemon_start
	say history --json --changes | sort >then
	[ "$(comm -23 told then | wc -l)" = 0 ]
	say status | grep -q durable
	daemon_stop
}

filters_agree_with_each_other() {
	config a
	daemon_start
	until="--until $(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)" # it goes on recording
	all=$(say history --json --limit 100000 $until | wc -l)
	of_kinds=$(($(say history --json --kind diagnosis $until | wc -l) +
		$(say history --json --kind alert $until | wc -l)))
	[ "$of_kinds" = "$all" ]
	of_states=0
	for state in open recovered expired firing resolved; do
		of_states=$((of_states + $(say history --json --state $state $until | wc -l)))
	done
	[ "$of_states" = "$all" ]
	[ "$(say history --json --limit 7 2>said | wc -l)" = 7 ]
	grep -q 'only the newest 7 were asked for; --limit N for more' said
	[ "$(say history --json --until 2020-01-01 | wc -l)" = 0 ]
	[ "$(say history --json --since 1h $until | wc -l)" = "$all" ]
	device=$(say history --json --id csd-enabled | sed -n 's/.*"device":"\([A-Z0-9]*\)".*/\1/p' | head -1)
	[ -n "$device" ]
	say history --json --phone "$device" | grep -q '"diagnosis":"csd-enabled"'
	say history --phone nobody 2>said
	grep -q 'nothing that was recorded is like that' said
	[ "$(say history | sed 's/…/./g' | awk 'length > 80' | wc -l)" = 0 ]
	# What only the daemon knows.
	for arguments in 'diagnoses --id' 'alerts --id' 'phone' 'history --phone'; do
		code=0
		say $arguments '' 2>said || code=$?
		[ $code = 2 ]
	done
	daemon_stop
}

no_history_is_said_so() {
	config b 'history: none'
	"$offhookd" -c "$name.yaml" 2>"$work/notes" &
	probe_pid=$!
	for _ in $(seq 200); do
		say status >/dev/null 2>&1 && break
		sleep 0.1
	done
	if say history 2>said; then
		return 1
	fi
	grep -q 'none is kept' said
	[ ! -e b.history ]
	daemon_stop
}

two_daemons_do_not_share_one() {
	config a
	daemon_start
	config c "history: $work/a.history"
	start_refused 'another offhookd keeps its history there'
	name=a
	daemon_stop
}

damaged_database_is_set_aside() {
	config d
	mkdir d.history
	seq 5000 >d.history/history.db
	daemon_start
	[ "$(ls d.history | grep -c 'history.db.damaged-........T......$')" = 1 ]
	probe_says 'the database is damaged; it is now'
	say status | grep -q 'damaged-'
	daemon_stop
}

until_said() { # TEXT COMMAND...: of the client
	text=$1
	shift
	for _ in $(seq 300); do
		say "$@" 2>/dev/null | grep -q "$text" && return
		sleep 0.1
	done
	echo "not said: $text"
	cat "$work/notes"
	return 1
}

disk_in() { # COMMAND...: beside the daemon
	nsenter -t "$probe_pid" -m "$@"
}

# What the last daemon left is there, what this one is told is kept in memory, and on the disk once it
# can be written to again. For root, in a mount namespace of its own.
read_only_disk_is_survived() {
	[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || return 0
	config h "history: $work/h.history"
	mkdir h.history
	daemon_start
	daemon_stop
	unshare -m sh -c 'mount --bind h.history h.history && mount -o remount,bind,ro h.history &&
		exec "$0" -c h.yaml' "$offhookd" 2>"$work/notes" &
	probe_pid=$!
	until_said '"state":"memory"' status --json
	until_said history-degraded alerts --json
	probe_says 'Read-only file system; until it takes again what is told is kept in memory alone'
	probe_says 'restored: '
	[ "$(say history --json | wc -l)" -gt 20 ]
	if disk_in "$offhookd" -c "$work/h.yaml" --check-config 2>said; then
		return 1
	fi
	grep -q 'h.history: Read-only file system' said
	disk_in mount -o remount,bind,rw "$work/h.history"
	until_said '"state":"durable"' status --json
	probe_says 'takes again'
	daemon_stop
}

place_that_cannot_be_is_an_error() {
	config e "history: $work/no/such/place"
	start_refused 'no/such: No such file or directory'
	if "$offhookd" -c e.yaml --check-config 2>"$work/notes"; then
		return 1
	fi
	probe_says 'e.yaml:5:10: '
	config f "history: $work/f.yaml"
	start_refused 'Not a directory'
	config g
	"$offhookd" -c g.yaml --check-config
	[ ! -e g.history ]
}

run what_was_told_is_there_after_a_kill
run filters_agree_with_each_other
run no_history_is_said_so
run two_daemons_do_not_share_one
run damaged_database_is_set_aside
run read_only_disk_is_survived
run place_that_cannot_be_is_an_error
finish
